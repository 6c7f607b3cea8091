import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants.errors import VMoodleError
from tenants.models import Release, Tenant
from tenants.serving import subpath


class Command(BaseCommand):
    help = """Make the links of sub-path mode in the code trees, and remove stray ones.

    For a web server whose document root is a code tree: `moodle1 -> .` lets it serve
    https://host/moodle1. Needs VMOODLE_SUBPATH_LINKS=true; saving a tenant does the
    same for it alone. As VMOODLE_SUDO_USER, if that is set."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-e",
            "--enabled",
            action="store_true",
            help="Only for the enabled tenants; links of others are removed.",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Change nothing; exit with status 1 if something differs.",
        )
        parser.add_argument(
            "--sudoers",
            action="store_true",
            help="Print what sudo must allow, and do nothing.",
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        tenants = Tenant.objects.living().with_edges()
        if options["enabled"]:
            tenants = tenants.enabled()
        trees = sorted({os.path.realpath(r.path) for r in Release.objects.all()})
        try:
            if options["sudoers"]:
                self.stdout.write(subpath.sudoers(trees), ending="")
                return
            self._mend(subpath.wrong_links(tenants, trees), check)
        except VMoodleError as error:
            raise CommandError(str(error)) from error

    def _mend(self, steps: subpath.Steps, check: bool) -> None:
        if not settings.VMOODLE_SUBPATH_LINKS:
            raise CommandError(
                "There are no links in code trees: set VMOODLE_SUBPATH_LINKS=true, if "
                "the web server's document root is a code tree"
            )
        for said, mend in steps:
            self.stdout.write(f"{'Differs' if check else 'Mended'}: {said}")
            if not check:
                mend()
        if check and steps:
            raise CommandError(f"Differences: {len(steps)}; make_subdirs mends them")
        self.stdout.write(f"{0 if check else len(steps)} changes")
