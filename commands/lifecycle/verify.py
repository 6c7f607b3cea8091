from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Steps, register
from commands.lifecycle.chosen import SnapshotCommand
from tenants.backup import snapshots
from tenants.models import Tenant


@register
class Verify(SnapshotCommand):
    """Compare the tenant's snapshots with their checksums: the dump, and each file.

    That nothing has been damaged on the disk. Whether one can be restored is proved by
    `lifecycle/Restore` with `test`.

    Example of attributes: snapshot=north-20260131-0300-a1b2
    """

    exclusive = False
    heals = True

    snapshot = forms.CharField(
        required=False,
        max_length=20_000,
        help_text=_("Its name, or several by commas; empty: all of the tenant's."),
    )

    def run(self, tenant: Tenant) -> Steps:
        verified = []
        for snapshot in self.chosen(tenant):
            yield f"{snapshot}: the dump"
            snapshots.check(snapshot)
            yield f"{snapshot}: {snapshot.file_count} files"
            yield from snapshots.check_files(snapshot)
            verified.append(snapshot.name)
        return {"intact": verified}
