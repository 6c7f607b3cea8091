from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, Steps, register
from commands.source import SourceCommand
from commands.validation import kept
from tenants import bound, moodledb
from tenants.models import Tenant

Settings = dict[str, dict[str, str]]  # by plugin and name


@register
class CopyFullPluginConfig(SourceCommand, AgentCommand):
    """Copy all settings of a plugin from one tenant to others, all of them or none.

    What is bound to one site is left out, and named in the result: the plugin's
    version, keys and counters, ids of roles and users, and values that hold the
    source's address or one of its directories. Settings that the source does not have
    stay, unless `prune` removes them.

    Example of attributes: plugin=auth_ldap
    """

    plugin = forms.RegexField(
        r"\A[a-zA-Z][a-zA-Z0-9_]*(/[a-zA-Z0-9_]+)?\Z",
        max_length=100,
        help_text=_("Name of the plugin, such as auth_ldap, mod_quiz or theme_boost."),
        error_messages={"invalid": _("A plugin is letters, digits and '_' only.")},
    )
    prune = forms.BooleanField(
        required=False, help_text=_("Remove settings that the source does not have.")
    )

    def names(self) -> list[str]:
        """Return the names under which Moodle keeps the plugin's settings."""
        # What was auth/ldap is auth_ldap since Moodle 3.3.
        plugin: str = self.cleaned_data["plugin"].replace("/", "_")
        # An activity has its version under one name, its settings mostly under another.
        bare = plugin.removeprefix("mod_")
        return [plugin] if bare == plugin else [plugin, bare]

    def read(self, source: Tenant) -> dict[str, Any]:
        found = moodledb.plugin_settings(source, self.names())
        with kept():  # the jobs print why something is left out
            copied, left = _parted(found, bound.places(source))
        if not copied:
            raise CommandFailed(
                _("%(site)s has no settings of %(plugin)s to copy: check its name")
                % {"site": source.wwwroot, "plugin": self.cleaned_data["plugin"]}
            )
        return {"settings": copied, "left_out": left}

    def run(self, tenant: Tenant) -> Steps:
        material = cast(dict[str, Any], self.material)
        settings: dict[str, dict[str, str | None]] = material["settings"]
        for why in material["left_out"].values():
            yield f"left out: {why}"
        if self.cleaned_data["prune"]:
            self.add_pruned(tenant, settings, material["left_out"])
        asked = {"settings": settings, "leave_fixed": True}
        done = yield from self.ask(tenant, "set_config", asked)
        return {**cast(dict[str, Any], done), "left_out": sorted(material["left_out"])}

    def add_pruned(
        self,
        tenant: Tenant,
        settings: dict[str, dict[str, str | None]],
        left: dict[str, str],
    ) -> None:
        """Add None for what only the tenant has."""
        places = bound.places(tenant)
        for plugin, values in moodledb.plugin_settings(tenant, self.names()).items():
            for name, value in values.items():
                stays = bound.never_copied(name, value, plugin, places)
                if name not in left and not stays:
                    settings.setdefault(plugin, {}).setdefault(name, None)


def _parted(found: Settings, places: list[str]) -> tuple[Settings, dict[str, str]]:
    """Return what is copied, and by its name why something else is not."""
    copied: Settings = {}
    left: dict[str, str] = {}
    for plugin, values in found.items():
        for name, value in values.items():
            if reason := bound.never_copied(name, value, plugin, places):
                left[name] = reason
            else:
                copied.setdefault(plugin, {})[name] = value
    return copied, left
