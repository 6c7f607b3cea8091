from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, NothingToDo, register
from commands.proven import ProvenScript
from tenants.models import Tenant

COPIES = {"1": _("linked"), "2": _("copied"), "0": _("not kept there")}
ORIGINALS = {"1": _("stay"), "2": _("are hidden"), "0": _("are deleted")}


@register
class MigrateHvp2H5p(ProvenScript):
    """Turn activities of the hvp plugin into those of Moodle's own H5P.

    By the plugin tool_migratehvp2h5p, which the code tree must have. Without
    `execute` the activities are only listed. With `keeporiginal=0` the old ones are
    deleted, which cannot be undone.

    Example of attributes: execute=1&limit=50&keeporiginal=2
    """

    script = "admin/tool/migratehvp2h5p/cli/migrate.php"
    heeds = r"\S"
    accept = (0, 1)
    letters = {"keeporiginal": "k", "copy2cb": "c"}

    execute = forms.BooleanField(
        required=False, help_text=_("Do it; else only list the activities.")
    )
    limit = forms.IntegerField(
        initial=100,
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=_("How many activities at most; those already done do not count."),
    )
    keeporiginal = forms.ChoiceField(
        choices=list(ORIGINALS.items()),
        initial="1",
        required=False,
        help_text=_("The old activities: 1 stay, 2 are hidden, 0 are deleted."),
    )
    copy2cb = forms.ChoiceField(
        choices=list(COPIES.items()),
        initial="1",
        required=False,
        help_text=_("In the content bank: 1 linked, 2 copied, 0 not kept there."),
    )
    contenttypes = forms.RegexField(
        r"^\d+(,\d+)*$",
        required=False,
        max_length=1000,
        help_text=_("Only contents of these libraries: numbers, separated by commas."),
    )

    def is_dangerous(self) -> bool:
        data = self.cleaned_data
        return bool(data["execute"]) and data["keeporiginal"] == "0"

    def prove(self, tenant: Tenant, code: int) -> Json:
        if code and "No activites are found" in self.heard[-1]:
            raise NothingToDo("the site has no activities to migrate")
        if code:
            raise CommandFailed(f"migrate.php ended with exit code 1: {self.heard[-1]}")
        failed = sum("...Failed!" in line for line in self.heard)
        number = sum(line.startswith("Migrating ID:") for line in self.heard)
        if failed:
            raise CommandFailed(f"{failed} of {number} activities were not migrated")
        return {"activities": number}
