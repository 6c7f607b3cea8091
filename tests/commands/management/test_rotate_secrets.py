from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from tenants.models import DatabaseServer, Tenant

pytestmark = pytest.mark.django_db


def tokens() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT db_password FROM tenants_tenant ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def rotate() -> str:
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    return out.getvalue()


def test_every_secret_is_encrypted_with_the_first_key(rows, settings, server):
    rows(2, db_password="secret")
    rows(1, db_password="")
    former = tokens()
    new = Fernet.generate_key().decode()
    settings.VMOODLE_SECRET_KEYS = [new, *settings.VMOODLE_SECRET_KEYS]

    said = rotate()

    settings.VMOODLE_SECRET_KEYS = [new]
    assert said.startswith("3 secrets")  # two tenants' and the server's
    assert tokens() != former
    passwords = Tenant.objects.order_by("pk").values_list("db_password", flat=True)
    assert list(passwords) == ["secret", "secret", ""]
    assert DatabaseServer.objects.get().admin_password == server.admin_password


def test_nothing_changes_when_a_key_is_missing(rows, settings):
    rows(2, db_password="secret")
    former = tokens()
    settings.VMOODLE_SECRET_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="VMOODLE_SECRET_KEYS"):
        rotate()

    assert tokens() == former
