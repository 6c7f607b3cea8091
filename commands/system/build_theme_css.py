from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from tenants import moodledb
from tenants.models import Tenant


@register
class BuildThemeCss(ProvenScript):
    """Compile the style sheets of the site's themes, so that no visitor waits.

    Sheets that were compiled before are replaced.

    Example of attributes: themes=boost&direction=ltr
    """

    script = "admin/cli/build_theme_css.php"
    fixed = ("--verbose",)

    themes = forms.RegexField(
        r"^[a-z0-9_]+(,[a-z0-9_]+)*$",
        required=False,
        max_length=1000,
        help_text=_("Names of themes, separated by commas; empty: all of them."),
    )
    direction = forms.ChoiceField(
        choices=[("", "---"), ("ltr", "ltr"), ("rtl", "rtl")],
        required=False,
        help_text=_("Only one direction of writing: ltr or rtl."),
    )

    def prove(self, tenant: Tenant, code: int) -> Json:
        table = moodledb.table(tenant, "config_plugins")
        rows = moodledb.query(
            tenant.server,
            f"SELECT plugin FROM {table} WHERE name = 'themerev'"  # noqa: S608
            " AND plugin LIKE %s AND CAST(value AS UNSIGNED) >= %s",
            [r"theme\_%", self.since],
        )
        built = sorted(plugin.removeprefix("theme_") for (plugin,) in rows)
        wanted = [name for name in self.cleaned_data["themes"].split(",") if name]
        missing = sorted(set(wanted) - set(built))
        if missing or not built:
            raise CommandFailed(
                f"not compiled, says the database: {', '.join(missing) or 'any theme'}"
            )
        return {"themes": built}
