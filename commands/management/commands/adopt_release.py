from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.cli import BAD_USE
from tenants.adopt import AdoptError, adopt, config_php, is_adopted
from tenants.models import Release
from tenants.publish import PublishError


class Command(BaseCommand):
    help = """Write the config.php of a release, so that it serves our tenants.

    A former config.php is kept beside it, as config.php.before-vmoodle."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Name of the release.")
        parser.add_argument(
            "--print",
            action="store_true",
            help="Print the file and write nothing: for trees that are read-only.",
        )

    def handle(self, *, name: str, **options: Any) -> None:
        release = Release.objects.filter(name=name).first()
        if release is None:
            known = ", ".join(Release.objects.values_list("name", flat=True)) or "none"
            raise CommandError(
                f"There is no release {name} (known: {known})", returncode=BAD_USE
            )
        if options["print"]:
            self.stdout.write(config_php(release), ending="")
            return
        if is_adopted(release):
            self.stdout.write(f"{release.path} serves VMoodle's tenants already")
            return
        try:
            kept = adopt(release)
        except (AdoptError, PublishError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{release.path} serves VMoodle's tenants now")
        if kept:
            self.stdout.write(f"Its former config.php is {kept}")
