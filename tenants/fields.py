"""A text column that is encrypted at rest.

The keys are `VMOODLE_SECRET_KEYS`: the first encrypts, all decrypt. After a new
key has been put in front, `manage.py rotate_secrets` writes every secret again.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction


def keyring() -> MultiFernet:
    """Return the cipher made of the configured keys."""
    try:
        return MultiFernet([Fernet(key) for key in settings.VMOODLE_SECRET_KEYS])
    except ValueError as error:
        raise ImproperlyConfigured(
            "VMOODLE_SECRET_KEYS holds a value that is no Fernet key "
            "(32 bytes, URL-safe base64): correct it in .env"
        ) from error


class EncryptedTextField(models.TextField):
    """str in Python, a Fernet token in the database; empty stays empty."""

    def get_prep_value(self, value: str | None) -> str | None:
        value = super().get_prep_value(value)
        return keyring().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, *args: object) -> str | None:
        if not value:
            return value
        try:
            return _decrypted(value, tuple(settings.VMOODLE_SECRET_KEYS))
        except InvalidToken as error:
            raise ImproperlyConfigured(
                f"{self.model.__name__}.{self.name} cannot be decrypted: put the key "
                "it was encrypted with back into VMOODLE_SECRET_KEYS"
            ) from error


@lru_cache(maxsize=64)
def _decrypted(token: str, keys: tuple[str, ...]) -> str:
    """Return a secret; remembered, since a server's comes with each of its tenants."""
    return keyring().decrypt(token.encode()).decode()


def rotate_secrets() -> int:
    """Write every secret again, with the first key; return how many there are.

    All or nothing; raises ImproperlyConfigured when one cannot be decrypted.
    """
    number = 0
    with transaction.atomic():
        for model in apps.get_models():
            names = [
                field.attname
                for field in model._meta.concrete_fields
                if isinstance(field, EncryptedTextField)
            ]
            if not names:
                continue
            rows = list(model._default_manager.select_for_update())
            model._default_manager.bulk_update(rows, names, batch_size=500)
            number += sum(bool(getattr(row, name)) for row in rows for name in names)
    return number
