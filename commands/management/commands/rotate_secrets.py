from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from tenants.fields import rotate_secrets


class Command(BaseCommand):
    help = """Encrypt every secret of the registry with the first key again.

    Run it after a new key was put in front of VMOODLE_SECRET_KEYS; then the
    former keys may be taken away. All or nothing."""

    def handle(self, **options: Any) -> None:
        try:
            number = rotate_secrets()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{number} secrets are encrypted with the first key")
