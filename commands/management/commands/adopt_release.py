from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from commands.base import REFUSED
from commands.cli import BAD_USE, refuse
from commands.shell.strict import StrictCommand
from tenants.errors import VMoodleError
from tenants.models import Release
from tenants.serving.adopt import adopt, config_php, is_adopted


class Command(StrictCommand):
    help = """Write the config.php of a release, so that it serves our tenants.

    A former config.php is kept beside it, as config.php.before-vmoodle. With --path
    the release is entered in the registry first, if it is not there."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Name of the release.")
        parser.add_argument("--path", metavar="DIR", help="Directory of its code tree.")
        parser.add_argument("--php", default="php", help="Its PHP binary: php.")
        parser.add_argument(
            "--print",
            action="store_true",
            help="Print the file and write nothing: for trees that are read-only.",
        )

    def handle(self, *, name: str, **options: Any) -> None:
        path = options["path"] and str(Path(options["path"]).absolute())
        release = Release.objects.filter(name=name).first()
        if release and path not in (None, release.path):
            raise CommandError(
                f"Release {name} has the path {release.path}: change it in the console",
                returncode=BAD_USE,
            )
        if release:
            check(release)
        elif path:
            release = entered(Release(name=name, path=path, php=options["php"]))
        if release is None:
            known = ", ".join(Release.objects.values_list("name", flat=True)) or "none"
            raise CommandError(
                f"There is no release {name} (known: {known}): give its --path",
                returncode=BAD_USE,
            )
        if options["print"]:
            self.stdout.write(config_php(release), ending="")
            return
        if is_adopted(release):
            self.stdout.write(f"{release.path} serves VMoodle's tenants already")
            return
        try:
            kept = adopt(release)
        except VMoodleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{release.path} serves VMoodle's tenants now")
        if kept:
            self.stdout.write(f"Its former config.php is {kept}")


def check(release: Release) -> None:
    """Refuse a tree that is not there, or is no Moodle."""
    try:
        release.read_version()
    except REFUSED as error:
        raise refuse(error) from error


def entered(release: Release) -> Release:
    """Return it as it is in the registry now."""
    try:
        release.full_clean(exclude=["version", "release", "branch"])
        release.refresh()
    except REFUSED as error:
        raise refuse(error) from error
    return release
