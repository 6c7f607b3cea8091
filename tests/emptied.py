"""A registry that is emptied has what Django makes in it: it is put back, not made."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_migrate

# The name by which Django connects what makes permissions.
PERMISSIONS = "django.contrib.auth.management.create_permissions"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:
    """Keep the rows that Django makes in an empty registry, and put them back.

    After each test that commits it would look for them anew, one app after the other.
    """
    with django_db_blocker.unblock():
        kept = [list(model.objects.all()) for model in (ContentType, Permission)]

    def put_back(using: str, **_signal) -> None:
        for rows in kept:
            type(rows[0]).objects.using(using).bulk_create(rows)

    assert post_migrate.disconnect(create_contenttypes)
    assert post_migrate.disconnect(dispatch_uid=PERMISSIONS)
    post_migrate.connect(put_back, sender=apps.get_app_config("auth"), weak=False)
