"""Which plugins sites have, and whether they are switched on: by SQL, many at once.

Moodle keeps the switch of each type of plugin in a place of its own.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commands.matrix import Cell, Column
from tenants import moodledb, php
from tenants.models import Release, Tenant
from tenants.serving.boot import forced_settings

# A list of the plugins that are on, in a setting of the core.
LISTS = {
    "antivirus": "antiviruses",
    "auth": "auth",
    "editor": "texteditors",
    "enrol": "enrol_plugins_enabled",
    "fileconverter": "converter_plugins_sortorder",
    "media": "media_plugins_sortorder",
    "paygw": "paygw_plugins_sortorder",
    "webservice": "webserviceprotocols",
}
# A row for each, in a table of their own: its name, and the column of the switch.
TABLES = {
    "block": ("block", "name", "visible"),
    "message": ("message_processors", "name", "enabled"),
    "mod": ("modules", "name", "visible"),
    "portfolio": ("portfolio_instance", "plugin", "visible"),
    "repository": ("repository", "type", "visible"),
}
# A setting `disabled` of the plugin; no such row: on.
DISABLED = {
    *("assignfeedback", "assignsubmission", "availability", "bbbext"),
    *("communication", "contenttype", "customfield", "dataformat", "format"),
    *("qbank", "smsgateway", "tiny"),
}
# A setting `enabled` of the plugin; no such row: off.
ENABLED = {"aiplacement", "aiprovider"}
IN_QUESTION = {"qbehaviour", "qtype"}
SWITCHED = {*LISTS, *TABLES, *DISABLED, *ENABLED, *IN_QUESTION, "filter", "logstore"}
ALWAYS_ON = {("auth", "manual"), ("auth", "nologin")}
EDITORS = "atto,tinymce,textarea"  # Moodle's own, when the setting is empty

ON, AVAILABLE, OFF, INSTALLED = "on", "available", "off", "installed"
WORDS = {
    ON: _("enabled"),
    AVAILABLE: _("available, but off or hidden"),
    OFF: _("disabled"),
    INSTALLED: _("installed, without a switch"),
    "absent": _("not installed"),
}
ABSENT = Cell("absent", "absent")
OLD = _("version %(version)s: needs the upgrade to %(code)s of its code")

FILTER = {"1": ON, "-1": AVAILABLE}  # of filter_active; any other is off
REPOSITORY = {"1": ON, "0": AVAILABLE}  # no row: off

Settings = dict[tuple[str, str], str]  # by plugin, "" for the core, and name
Tables = dict[str, dict[str, str]]  # the switch by name, by type


def switched(wanted: Cell, cell: Cell) -> bool:
    """Whether both are states of a switch, and not the same."""
    states = {ON, AVAILABLE, OFF}
    return wanted.kind != cell.kind and states >= {wanted.kind, cell.kind}


def columns(
    tenants: Sequence[Tenant], plugintype: str = "", *, versions: bool = False
) -> dict[int, Column | str]:
    """Return each site's plugins by `type/name`, by tenant pk, or why there are none.

    Of one type, or of all; with `versions` a plugin's version is compared as well.
    """
    found = moodledb.each(tenants, lambda tenant: _parts(tenant, plugintype))
    code = {release: _code(release) for release in {t.release for t in tenants}}
    columns: dict[int, Column | str] = {}
    known: dict[tuple[Any, ...], Column] = {}  # sites of a fleet are much alike
    for tenant in tenants:
        rows = found[tenant.pk]
        if isinstance(rows, moodledb.MoodleDbError):
            columns[tenant.pk] = str(rows)
            continue
        forced = forced_settings(tenant)
        same = (tenant.release, *forced.items(), *rows)
        if same not in known:
            known[same] = _column(rows, forced, code[tenant.release], versions=versions)
        columns[tenant.pk] = known[same]
    return columns


def _code(release: Release) -> dict[str, str]:
    """Return the plugin versions of a code tree; none when it cannot be read."""
    try:
        return php.versions(release.php, release.path, release.versions_hash)
    except php.PhpError:
        return {}


def _parts(tenant: Tenant, plugintype: str) -> list[moodledb.Part]:
    """Return what reads a site: rows of (table, plugin, name, value)."""
    table, utf8 = partial(moodledb.table, tenant), moodledb.utf8
    of_type = "AND plugin LIKE %s" if plugintype else ""
    settings = (
        f"'config', {utf8('plugin')}, {utf8('name')}, {utf8('value')}"
        f" FROM {table('config_plugins')} WHERE name = 'version' {of_type} OR name IN"
        " ('disabled', 'enabled', 'enabled_stores', 'disabledbehaviours')"
        " OR plugin = 'question' AND name LIKE '%%\\_disabled'"
    )
    lists = [name for kind, name in LISTS.items() if plugintype in ("", kind)]
    core = (
        f"'config', '', {utf8('name')}, {utf8('value')} FROM {table('config')}"
        f" WHERE name IN ({', '.join(['%s'] * (len(lists) + 1))})"
    )
    parts: list[moodledb.Part] = [
        (settings, [f"{plugintype}\\_%"] if plugintype else []),
        (core, ["", *lists]),
    ]
    for kind, (name, key, switch) in TABLES.items():
        if plugintype in ("", kind):
            own = f"'{kind}', '', {utf8(key)}, {switch} FROM {table(name)}"
            parts.append((own, []))
    if plugintype in ("", "filter"):
        own = (
            f"'filter', '', {utf8('f.filter')}, f.active"
            f" FROM {table('filter_active')} f JOIN {table('context')} c"
            " ON c.id = f.contextid AND c.contextlevel = 10"
        )
        parts.append((own, []))
    return parts


def _column(
    rows: moodledb.Rows, forced: Settings, code: dict[str, str], *, versions: bool
) -> Column:
    settings: Settings = {}
    tables: Tables = {kind: {} for kind in (*TABLES, "filter")}
    for where, plugin, name, value in rows:
        if where == "config":
            settings[plugin, name] = value or ""
        else:
            tables[where][name] = max(str(value), tables[where].get(name, ""))
    settings |= {key: forced[key] for key in forced if key[1] != "version"}
    lists = {kind: _list(settings, kind) for kind in LISTS}
    column: Column = {}
    language = get_language()
    for (component, name), version in settings.items():
        kind, _underscore, plugin = component.partition("_")
        if name == "version" and plugin:
            on = lists[kind] if kind in LISTS else set()
            state = _state(kind, plugin, settings, tables, on)
            own = code.get(component, "" if code else None)
            column[f"{kind}/{plugin}"] = _cell(state, version, own, versions, language)
    return column


def _list(settings: Settings, kind: str) -> set[str]:
    text = settings.get(("", LISTS[kind]), "")
    if kind == "editor" and not text:
        text = EDITORS
    return set(text.split(","))


def _state(
    kind: str, name: str, settings: Settings, tables: Tables, listed: set[str]
) -> str:
    """Return whether a plugin that is installed is switched on."""
    if kind == "filter":
        return FILTER.get(tables[kind].get(name, ""), OFF)
    if kind == "repository":
        return REPOSITORY.get(tables[kind].get(name, ""), OFF)
    if kind not in SWITCHED:
        return INSTALLED
    if kind in LISTS:
        on = name in listed or (kind, name) in ALWAYS_ON
    elif kind in TABLES:
        on = tables[kind].get(name) == "1"
    else:
        on = _by_setting(kind, name, settings)
    return ON if on else OFF


def _by_setting(kind: str, name: str, settings: Settings) -> bool:
    if kind == "logstore":
        stores = settings.get(("tool_log", "enabled_stores"), "")
        return f"logstore_{name}" in stores.split(",")
    if kind == "qbehaviour":
        off = settings.get(("question", "disabledbehaviours"), "")
        return name not in off.split(",")
    if kind == "qtype":
        return not _yes(settings.get(("question", f"{name}_disabled"), ""))
    if kind in ENABLED:
        return _yes(settings.get((f"{kind}_{name}", "enabled"), ""))
    owner = "contentbank" if kind == "contenttype" else kind
    return not _yes(settings.get((f"{owner}_{name}", "disabled"), ""))


def _yes(value: str) -> bool:
    """Whether PHP takes the text for true."""
    return value not in ("", "0")


@lru_cache(4096)
def _cell(
    state: str, version: str, code: str | None, versions: bool, language: str | None
) -> Cell:
    """Return a plugin's cell; `code`: the version of the code, "" for none of it.

    `language`: the reader's, which the note is in; what is kept is of one language.

    >>> _cell("on", "2023042400", "2023100900", False, None)[3:]
    ('version 2023042400: needs the upgrade to 2023100900 of its code', '↑')
    """
    mark, note = "", _("version %(version)s")
    if code == "":
        mark, note = "!", _("version %(version)s: its code is missing")
    elif code and _number(version) < _number(code):
        mark, note = "↑", OLD
    elif code and _number(version) > _number(code):
        mark, note = "!", _("version %(version)s: newer than its code, %(code)s")
    value, text = (f"{state} {version}{mark}", version) if versions else (state, "")
    return Cell(value, state, text, note % {"version": version, "code": code}, mark)


def _number(version: str) -> Decimal:
    try:
        return Decimal(version)
    except InvalidOperation:
        return Decimal(0)
