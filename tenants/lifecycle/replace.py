"""Replace a site's address, or another text, everywhere in its database.

As Moodle's own tool does it, and in what that leaves out: settings, blocks, values that
PHP or JSON has encoded, links in links. Only in the tables where the text stands. Where
another tenant lives below the address, its own address stays: https://a.org/school is
not meant by https://a.org.
"""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from tenants import moodledb
from tenants.lifecycle import serialised
from tenants.models import Tenant

TEXTS = "'char','varchar','tinytext','text','mediumtext','longtext'"
# What tells what happened, or is made again, keeps what it says.
LEFT_OUT = re.compile(r"log|logs|.*(_log|_logs|_log_.*)|sessions|files|cache_.*")
BLOCKS = "block_instances"  # their settings are base64 of what PHP has serialised
AT_ONCE = 60  # tables in a statement
# An address ends there: https://a.org is not meant in https://a.org.uk or a.org:8080.
END = r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9]|(:|%3A)[0-9])"


@dataclass(frozen=True)
class Change:
    """One text as it is written somewhere, what finds it, and what takes its place."""

    old: str
    pattern: str
    new: str


def replace(tenant: Tenant, changes: dict[str, str]) -> int:
    """Replace each text by its other; return in how many tables."""
    columns = _columns(tenant)
    holding = _holding(tenant, columns, changes) if changes else []
    written = [_changes(old, new) for old, new in changes.items()]
    return sum(
        _in_table(tenant, table, columns[table], forms)
        for forms in written
        for table in holding
    )


def _changes(old: str, new: str) -> list[Change]:
    """Return the change in each form in which the text is written."""
    kept = _below(old, new)

    def change(form: Callable[[str], str]) -> Change:
        text = form(old)
        pattern = re.escape(text) + END
        if kept:
            rests = "|".join(
                re.escape(form(f"{old}{rest}")[len(text) :]) for rest in kept
            )
            pattern += f"(?!({rests}){END})"
        return Change(text, pattern, form(new))

    return [change(form) for form in ((str, _json, _query) if "/" in old else (str,))]


def _below(old: str, new: str) -> list[str]:
    """Return which paths below an address are those of tenants, or lead to one."""
    known = Tenant.objects.values_list("wwwroot", "former")
    roots = [new, *(root for one in known for root in " ".join(one).split())]
    plain = old.partition("://")[2]
    below = {root.partition("://")[2].removeprefix(plain) for root in roots}
    return sorted(rest for rest in below if plain and rest.startswith("/"))


def _columns(tenant: Tenant) -> dict[str, list[str]]:
    """Return the text columns of all tables, by table without prefix."""
    prefix = tenant.db_prefix
    rows = moodledb.query(
        tenant.server,
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"  # noqa: S608
        f" WHERE TABLE_SCHEMA = %s AND DATA_TYPE IN ({TEXTS})",
        [tenant.db_name],
    )
    found: dict[str, list[str]] = {}
    for table, column in rows:
        name = table.removeprefix(prefix)
        meant = table.startswith(prefix) and not column.endswith("hash")
        if meant and not LEFT_OUT.fullmatch(name):
            found.setdefault(name, []).append(column)
    return found


def _holding(
    tenant: Tenant, columns: dict[str, list[str]], olds: Iterable[str]
) -> list[str]:
    """Return which of the tables may hold a text, by the longest plain part of each.

    A few statements for all of them: most tables hold nothing.
    """
    parts = [max(re.split("[/:]", old), key=len) for old in olds]
    texts = dict.fromkeys([*parts, *map(quote, parts)])
    wanted = [f"%{_like(text)}%" for text in texts]
    found, names = [], list(columns)
    for at in range(0, len(names), AT_ONCE):
        looks, values = [], []
        for table in names[at : at + AT_ONCE]:
            held = [f"`{column}`" for column in columns[table]]
            if table == BLOCKS:
                held.append("FROM_BASE64(configdata)")
            holds = " OR ".join(f"{text} LIKE %s" for text in held for _ in wanted)
            source = moodledb.table(tenant, table)
            looks.append(f"(SELECT '{table}' FROM {source} WHERE {holds} LIMIT 1)")  # noqa: S608
            values += wanted * len(held)
        rows = moodledb.query(tenant.server, " UNION ALL ".join(looks), values)
        found += [table for (table,) in rows]
    return found


def _in_table(
    tenant: Tenant, table: str, columns: list[str], changes: list[Change]
) -> bool:
    changed = 0
    for key, column, value in _encoded_rows(tenant, table, columns, changes):
        fresh = _recoded(value, changes)
        if fresh != value:
            stored = base64.b64encode(fresh) if table == BLOCKS else fresh
            _store(tenant, table, column, key, stored)
            changed += 1
    return bool(changed + _plain(tenant, table, columns, changes))


def _json(text: str) -> str:
    r"""Return the text as PHP writes it in JSON: https:\/\/a.org."""
    return text.replace("/", r"\/")


def _query(text: str) -> str:
    """Return the text as it stands in the query of a link: https%3A%2F%2Fa.org."""
    return quote(text, safe="")


def _encoded_rows(
    tenant: Tenant, table: str, columns: list[str], changes: list[Change]
) -> list[tuple[int, str, bytes]]:
    """Return (id, column, value) of serialised values that hold one of the texts."""
    name, found = moodledb.table(tenant, table), []
    wanted = [f"%{_like(change.old)}%" for change in changes]
    for column in columns:
        if table == BLOCKS and column == "configdata":
            text, serial = "FROM_BASE64(configdata)", ""
        else:
            text, serial = f"`{column}`", f"`{column}` REGEXP '^(a|O|s):[0-9]+:' AND "
        holds = " OR ".join(f"{text} LIKE %s" for _ in wanted)
        sql = f"SELECT id, CAST({text} AS BINARY) FROM {name} WHERE {serial}({holds})"  # noqa: S608
        rows = moodledb.query(tenant.server, sql, wanted)
        found += [(key, column, bytes(value)) for key, value in rows]
    return found


def _recoded(value: bytes, changes: list[Change]) -> bytes:
    def changed(text: bytes) -> bytes:
        for change in changes:
            new = change.new.encode()
            text = re.sub(change.pattern.encode(), lambda _found, new=new: new, text)  # type: ignore[misc]
        return text

    try:
        return serialised.changed(value, changed)
    except ValueError:  # it only looks like it
        return changed(value)


def _store(tenant: Tenant, table: str, column: str, key: int, value: bytes) -> None:
    sql = f"UPDATE {moodledb.table(tenant, table)} SET `{column}` = %s WHERE id = %s"  # noqa: S608
    moodledb.execute(tenant.server, sql, [value.decode(errors="replace"), key])


def _plain(
    tenant: Tenant, table: str, columns: list[str], changes: list[Change]
) -> int:
    changed = 0
    for change in changes:
        sets = ", ".join(f"`{c}` = REGEXP_REPLACE(`{c}`, %s, %s)" for c in columns)
        holds = " OR ".join(f"`{c}` LIKE %s" for c in columns)
        pattern, new = f"(?-i){change.pattern}", change.new.replace("\\", r"\\")
        changed += moodledb.execute(
            tenant.server,
            f"UPDATE {moodledb.table(tenant, table)} SET {sets} WHERE {holds}",  # noqa: S608
            [
                *[pattern, new] * len(columns),
                *[f"%{_like(change.old)}%"] * len(columns),
            ],
        )
    return changed


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
