"""Moodle's settings, of the core and of plugins, as columns: by SQL, many at once."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from commands.compare import Compared
from commands.matrix import Cell, Column
from commands.validation import invalid
from tenants import bound, confidential, moodledb
from tenants.models import Tenant
from tenants.serving.boot import forced_settings

MOST = 100  # patterns
LONGEST = 500  # characters of a value that are shown; of more, a digest is compared
PATTERN = re.compile(r"\A(?:([a-z0-9_]+)/)?([A-Za-z0-9_.:*-]+)\Z")
EMPTY = "(empty)"

Pattern = tuple[str, str]  # plugin, "" for the core, and name


class SettingsField(forms.CharField):
    """Names of settings, with wildcards; the cleaned value is a list of patterns."""

    widget = forms.Textarea(attrs={"rows": 4})

    def clean(self, value: Any) -> list[Pattern]:
        words = super().clean(value).split()
        if len(words) > MOST:
            raise invalid(
                _("%(number)s settings: give at most %(most)s"),
                number=len(words),
                most=MOST,
            )
        found = []
        for word in words:
            parts = PATTERN.match(word)
            if parts is None:
                raise invalid(
                    _(
                        "%(word)r names no setting: give NAME for the core's, or "
                        "PLUGIN/NAME; '*' in a name is any run of characters"
                    ),
                    word=word,
                )
            found.append((parts[1] or "", parts[2]))
        return found


class Settings(Compared):
    """Rows are settings, `name` or `plugin/name`; secrets are compared, not shown."""

    words = {
        "value": "",
        "secret": _("set (secret)"),
        "own": _("its own:"),
        "forced": _("forced:"),
        "unset": _("not set"),
    }
    absent = Cell("\0", "unset")  # not the same as an empty value

    settings = SettingsField(
        max_length=20_000,
        help_text=_(
            "One a line: NAME for the core's, PLUGIN/NAME for others, such as theme or "
            "quiz/*; '*' is any run of characters."
        ),
    )

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        patterns = self.cleaned_data["settings"]
        found = moodledb.each(tenants, partial(parts, patterns, LONGEST))
        return {
            tenant.pk: str(rows)
            if isinstance(rows := found[tenant.pk], moodledb.MoodleDbError)
            else self.column_of(tenant, rows)
            for tenant in tenants
        }

    def column_of(self, tenant: Tenant, rows: moodledb.Rows) -> Column:
        places = bound.places(tenant)
        column = {
            row_name(plugin, name): _cell(plugin, name, value or "", digest, places)
            for plugin, name, value, digest in rows
        }
        for (plugin, name), value in forced_settings(tenant).items():
            if any(_fits(own, plugin, name) for own in self.cleaned_data["settings"]):
                text = confidential.shown(name, value)[:LONGEST] or EMPTY
                note = gettext("the registry forces it")
                column[row_name(plugin, name)] = Cell(value, "forced", text, note)
        return column

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        kept = {"own", "forced"} & {wanted.kind, cell.kind}
        return wanted.value != cell.value and not kept


def row_name(plugin: str, name: str) -> str:
    return f"{plugin}/{name}" if plugin else name


def _cell(plugin: str, name: str, value: str, digest: str, places: list[str]) -> Cell:
    """Return a cell; with a `digest`, the value is only the beginning of a long one."""
    whole = value + digest
    secret = confidential.shown(name, value) != value
    text = (value or EMPTY) + (" …" if digest else "")
    if reason := bound.never_copied(name, value, plugin, places):
        text = confidential.HIDDEN if secret else text
        note = gettext("never copied: %(why)s") % {"why": reason}
        return Cell(whole, "own", text, note)
    return Cell(whole, "secret") if secret else Cell(whole, "value", text)


def _fits(pattern: Pattern, plugin: str, name: str) -> bool:
    wanted = re.escape(pattern[1]).replace(r"\*", ".*")
    return pattern[0] == plugin and bool(re.fullmatch(wanted, name))


def parts(
    patterns: Sequence[Pattern], longest: int, tenant: Tenant
) -> list[moodledb.Part]:
    """Return what reads a site: (plugin, name, value, digest of a longer value)."""
    utf8 = moodledb.utf8
    value = (
        f"{utf8('name')}, LEFT({utf8('value')}, {longest}),"
        f" IF(CHAR_LENGTH(value) > {longest}, SHA2(value, 256), '')"
    )
    found: list[moodledb.Part] = []
    for table, plugin, where, own in (
        ("config", "''", "", [p for p in patterns if not p[0]]),
        (
            "config_plugins",
            utf8("plugin"),
            "plugin = %s AND ",
            [p for p in patterns if p[0]],
        ),
    ):
        likes = " OR ".join([f"{where}name LIKE %s"] * len(own))
        rest = f"FROM {moodledb.table(tenant, table)} WHERE {likes}"
        words = [word for of, name in own for word in (of, _like(name)) if word]
        if own:
            found.append((f"{plugin}, {value} {rest}", words))
    return found


def _like(text: str) -> str:
    return text.replace("_", r"\_").replace("*", "%")
