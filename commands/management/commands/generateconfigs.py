from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from commands.shell.plan import number_of
from tenants.errors import VMoodleError
from tenants.models import Release, Tenant
from tenants.serving import publish
from tenants.serving.adopt import is_adopted


class Command(BaseCommand):
    help = """Rebuild the boot files and site links of all tenants, and verify them.

    Needed after a change of VMOODLE_* settings, after restoring the registry, and
    after a crash. Says what it changed; does nothing when all is well. Exit
    status 1: something needs a look."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Change nothing; exit with status 1 if something differs.",
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        try:
            # No tenant may be saved meanwhile: it would be published twice, and
            # the former state last.
            with transaction.atomic():
                tenants = list(Tenant.objects.living().with_edges().select_for_update())
                changes = publish.rebuild(tenants, check=check)
                wrong = [] if check and changes else publish.verify(tenants)
        except VMoodleError as error:
            raise CommandError(str(error)) from error
        for change in changes:
            self.stdout.write(f"{'Differs' if check else 'Mended'}: {change}")
        releases = {tenant.release.path: tenant.release for tenant in tenants}
        wrong += [_not_adopted(r) for r in releases.values() if not is_adopted(r)]
        for sentence in wrong:
            self.stderr.write(sentence)
        if wrong:
            raise CommandError(f"Not mended by this command: {len(wrong)}, see above")
        if check and changes:
            raise CommandError(
                f"Differences: {len(changes)}; generateconfigs mends them"
            )
        made = number_of(len(changes), "change")
        self.stdout.write(f"{number_of(len(tenants))} published, {made}")


def _not_adopted(release: Release) -> str:
    return (
        f"{release.path}/config.php is not VMoodle's, so its tenants are not served: "
        f"run adopt_release {release.name}"
    )
