from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, Json, Steps, register
from commands.proven import ProvenScript
from commands.validation import invalid
from tenants.models import Tenant

CHOICES = ("info", "list", "fix", "showsql")


@register
class MysqlCompressedRows(ProvenScript, AgentCommand):
    """Tell which tables of the site hold too long rows, or compress those.

    Exit code 1 of `list`: some tables need it. `fix` writes each of them anew, and
    locks it meanwhile: put a large site in maintenance first.

    Example of attributes: fix=1
    """

    script = "admin/cli/mysql_compressed_rows.php"
    heeds = r"\(needs fixing\)$"
    operation = "compress_rows"
    letters = {"info": "i"}

    info = forms.BooleanField(
        required=False, help_text=_("Only tell of the database's settings.")
    )
    list = forms.BooleanField(
        required=False, help_text=_("Only list tables with long rows.")
    )
    fix = forms.BooleanField(
        required=False, help_text=_("Compress the tables that need it.")
    )
    showsql = forms.BooleanField(
        required=False, help_text=_("Only print the statements that would do it.")
    )

    def clean(self) -> None:
        given = [name for name in CHOICES if self.cleaned_data.get(name)]
        if len(given) != 1:
            raise invalid(_("Choose one of %(choices)s"), choices=", ".join(CHOICES))

    def run(self, tenant: Tenant) -> Steps:
        if not self.cleaned_data["fix"]:
            self.accept = (0, 1) if self.cleaned_data["list"] else (0,)
            return (yield from super().run(tenant))
        # The script's own way fails on servers without innodb_file_format.
        done = yield from self.ask(tenant, self.operation, {})
        yield from self.call(tenant, self.script, ["--list"])
        return done

    def prove(self, tenant: Tenant, code: int) -> Json:
        if code and not self.heard:
            raise CommandFailed("the script cannot tell: its output says why")
        return {"exit_code": code, "tables": [line.split()[0] for line in self.heard]}
