from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, NothingToDo, register
from commands.proven import ProvenScript
from tenants import moodledb
from tenants.models import Tenant


@register
class CustomlangImport(ProvenScript):
    """Import texts of the interface that differ from those of the language pack.

    Only with `checkin` do visitors see them; without, an administrator of the site
    can look at them first. The output tells of each text, also of those that belong
    to plugins which the site does not have.

    Example of attributes: lang=fr&source=/srv/customlang/fr&checkin=1
    """

    script = "admin/tool/customlang/cli/import.php"
    MODES = {
        "all": _("All texts"),
        "new": _("Those without an own version"),
        "update": _("Those with an own version"),
    }

    lang = forms.RegexField(
        r"^[a-z]{2,3}(_[a-z0-9]+)*$",
        required=False,
        max_length=30,
        help_text=_(
            "Code of the language, such as fr; empty: as the file's name says."
        ),
    )
    source = forms.RegexField(
        r"^/[^\0\n]*$",
        required=False,
        max_length=255,
        help_text=_(
            "File or directory of .php or .zip files on this machine; empty: "
            "temp/customlang in the site's data."
        ),
    )
    mode = forms.ChoiceField(
        choices=list(MODES.items()),
        initial="all",
        required=False,
        help_text=_("Which texts: all; new, without an own version; update, with one."),
    )
    checkin = forms.BooleanField(
        required=False, help_text=_("Write them to the site's language pack as well.")
    )

    def prove(self, tenant: Tenant, code: int) -> Json:
        """Look for texts that were given an own version since we began."""
        table = moodledb.table(tenant, "tool_customlang")
        number = moodledb.query(
            tenant.server,
            f"SELECT COUNT(*) FROM {table} WHERE timecustomized >= %s"  # noqa: S608
            " AND local IS NOT NULL AND (lang = %s OR %s = '')",
            [self.since, self.cleaned_data["lang"], self.cleaned_data["lang"]],
        )[0][0]
        if not number and self.cleaned_data["mode"] == "all":
            raise CommandFailed(
                "no text was imported: the output tells why; a site that never had "
                "texts of its own needs checkin"
            )
        if not number:
            raise NothingToDo(f"no text fits the mode {self.cleaned_data['mode']}")
        return {"exit_code": code}
