from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from commands.validation import invalid
from tenants import moodledb
from tenants.models import Tenant

CHOICES = ("collation", "list", "available")


@register
class MysqlCollation(ProvenScript):
    """Convert the site's database, its tables and columns to a collation.

    Takes as long as copying the database, and locks its tables meanwhile: put the
    site in maintenance first. Instead, `list` tells the collations of all tables and
    columns, `available` those that the server has.

    Example of attributes: collation=utf8mb4_unicode_ci
    """

    script = "admin/cli/mysql_collation.php"
    heeds = r"^Converted: \d+, skipped: \d+, errors: \d+"
    letters = {"collation": "c", "available": "a"}

    collation = forms.RegexField(
        r"^utf8\w*$",
        required=False,
        max_length=64,
        help_text=_("Name of the collation, such as utf8mb4_unicode_ci."),
    )
    list = forms.BooleanField(
        required=False, help_text=_("Only list tables and columns.")
    )
    available = forms.BooleanField(
        required=False, help_text=_("Only list what the server has.")
    )

    def clean(self) -> None:
        given = [name for name in CHOICES if self.cleaned_data.get(name)]
        if len(given) != 1 and not self.errors:
            raise invalid(_("Choose one of %(choices)s"), choices=", ".join(CHOICES))

    def prove(self, tenant: Tenant, code: int) -> Json:
        wanted = self.cleaned_data["collation"].lower()
        if not wanted:
            return {"exit_code": code}
        pattern = tenant.db_prefix.replace("_", r"\_") + "%"
        sql = (
            "SELECT COUNT(*), MIN(CONCAT(table_name, '.', column_name))"
            " FROM information_schema.COLUMNS WHERE table_schema = %s"
            " AND table_name LIKE %s AND collation_name <> %s"
        )
        number, first = moodledb.query(
            tenant.server, sql, [tenant.db_name, pattern, wanted]
        )[0]
        if number:
            raise CommandFailed(
                f"{number} columns still have another collation, such as {first}"
            )
        return {"summary": self.heard[-1] if self.heard else ""}
