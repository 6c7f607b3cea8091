from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from commands.upgrade.status import Status, statuses
from commands.validation import invalid
from tenants import moodledb, php
from tenants.models import Tenant

CHOICES = ("show_all", "show_contrib", "show_missing", "purge_missing", "plugins")
REFUSED = ("Unknown plugin: ", "Can not be uninstalled: ")
DONE = "Uninstalling: "


@register
class UninstallPlugins(ProvenScript):
    """Take plugins out of the site's database, or list what there is.

    Without `run` nothing changes. With it all data of the plugins is lost. The code
    tree is shared: after `plugins` the site's cron stands still until its next
    upgrade, which installs again what is still in the tree. Uninstall everywhere,
    remove the code, then upgrade; or remove the code first, then `purge_missing`,
    which upgrades by itself.

    Example of attributes: purge_missing=1&run=1
    """

    script = "admin/cli/uninstall_plugins.php"
    heeds = rf"^({DONE}|Will be uninstalled: |{'|'.join(REFUSED)})"
    letters = {
        "show_all": "a",
        "show_contrib": "c",
        "purge_missing": "p",
        "plugins": "P",
        "run": "r",
    }

    show_all = forms.BooleanField(required=False, help_text=_("Only list all plugins."))
    show_contrib = forms.BooleanField(
        required=False, help_text=_("Only list those that do not come with Moodle.")
    )
    show_missing = forms.BooleanField(
        required=False, help_text=_("Only list those whose code is gone.")
    )
    purge_missing = forms.BooleanField(
        required=False, help_text=_("Uninstall those whose code is gone.")
    )
    plugins = forms.RegexField(
        r"^[a-z0-9_]+(,[a-z0-9_]+)*$",
        required=False,
        max_length=2000,
        help_text=_("Uninstall these, such as mod_chat,block_rss_client."),
    )
    run = forms.BooleanField(  # type: ignore[assignment] # fields leave the class
        required=False, help_text=_("Do it; else only tell what would be done.")
    )

    def clean(self) -> None:
        given = [name for name in CHOICES if self.cleaned_data.get(name)]
        if len(given) != 1 and not self.errors:
            raise invalid(_("Choose one of %(choices)s"), choices=", ".join(CHOICES))

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["run"])

    def call(
        self, tenant: Tenant, script: str, options: Sequence[str], stdin: str = ""
    ) -> php.Lines:
        """Run the script; then an upgrade where nothing would be installed again."""
        code = yield from super().call(tenant, script, options, stdin)
        if self._uninstalled() and self.cleaned_data["purge_missing"]:
            self.interruptible = False
            yield "== upgrade: else cron would stand still"
            upgrade = "admin/cli/upgrade.php"
            yield from super().call(tenant, upgrade, ["--non-interactive"])
        return code

    def _uninstalled(self) -> list[str]:
        words = [
            line.partition(": ")[2] for line in self.heard if line.startswith(DONE)
        ]
        return [word.partition("\t")[0] for word in words]

    def prove(self, tenant: Tenant, code: int) -> Json:
        gone = self._uninstalled()
        if refused := [line for line in self.heard if line.startswith(REFUSED)]:
            also = f"; uninstalled: {', '.join(gone)}" if gone else ""
            raise CommandFailed("; ".join(refused) + also)
        if left := self._still_there(tenant, gone):
            raise CommandFailed(f"still in the database: {', '.join(left)}")
        if gone and self.cleaned_data["purge_missing"]:
            site = statuses([tenant])[tenant.pk]
            if site.status != Status.CURRENT:
                raise CommandFailed(f"uninstalled, but: {site.status.label}")
        return {"uninstalled": gone}

    def _still_there(self, tenant: Tenant, plugins: Sequence[str]) -> list[str]:
        if not plugins:
            return []
        marks = ", ".join(["%s"] * len(plugins))
        rows = moodledb.query(
            tenant.server,
            f"SELECT plugin FROM {moodledb.table(tenant, 'config_plugins')}"  # noqa: S608
            f" WHERE name = 'version' AND plugin IN ({marks})",
            plugins,
        )
        return sorted(plugin for (plugin,) in rows)
