import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from tenants.fields import keyring
from tenants.models import DatabaseServer

pytestmark = pytest.mark.django_db


def test_an_empty_secret_stays_empty():
    DatabaseServer.objects.create(name="a", admin_user="x", admin_password="")

    assert DatabaseServer.objects.filter(admin_password="").exists()


def test_a_former_key_still_decrypts(server, settings):
    new = Fernet.generate_key().decode()
    settings.VMOODLE_SECRET_KEYS = [new, *settings.VMOODLE_SECRET_KEYS]

    assert DatabaseServer.objects.get().admin_password == server.admin_password


def test_what_is_remembered_goes_with_the_token_and_the_keys(server, settings):
    remembered = DatabaseServer.objects.get().admin_password
    DatabaseServer.objects.update(admin_password="another")

    assert DatabaseServer.objects.get().admin_password == "another" != remembered

    settings.VMOODLE_SECRET_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ImproperlyConfigured):
        DatabaseServer.objects.get()


def test_a_lost_key_is_told_with_the_column(server, settings):
    settings.VMOODLE_SECRET_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(ImproperlyConfigured, match=r"DatabaseServer.admin_password"):
        DatabaseServer.objects.get()


def test_a_key_that_is_none_is_told(settings):
    settings.VMOODLE_SECRET_KEYS = ["too short"]

    with pytest.raises(ImproperlyConfigured, match="no Fernet key"):
        keyring()
