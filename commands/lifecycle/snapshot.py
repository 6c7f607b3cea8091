from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands.base import Command, Steps, register
from tenants.backup import snapshots
from tenants.models import Tenant


@register
class Snapshot(Command):
    """Take a snapshot of the site: its database and its data files.

    The site stays open: the dump is one transaction. Caches, sessions and what is in
    the trash are left out. Data files share their room with the site's where both are
    on one file system. Older snapshots of the tenant that are past their time go.

    Example of attributes: note=before the exams&keep_days=180
    """

    heals = True

    note = forms.CharField(
        required=False, max_length=200, help_text=_("What it is for.")
    )
    keep_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=36500,
        help_text=_("Days it is kept at least; empty: as the settings say."),
    )
    template = forms.BooleanField(
        required=False, help_text=_("New tenants shall be made from it.")
    )

    def run(self, tenant: Tenant) -> Steps:
        days = self.cleaned_data["keep_days"]
        made = yield from snapshots.take(
            tenant,
            note=self.cleaned_data["note"],
            keep_until=timezone.now() + timedelta(days=days) if days else None,
            template=self.cleaned_data["template"],
        )
        return {
            "snapshot": made.name,
            "tables": made.tables,
            "rows": made.rows,
            "dump_bytes": made.dump_bytes,
            "files": made.file_count,
            "file_bytes": made.file_bytes,
        }

    def recover(self, tenant: Tenant) -> None:
        snapshots.forget_begun(tenant)
