"""Replace a site's address, or another text, everywhere in its database.

As Moodle's own tool does it, and in what that leaves out: settings, blocks, values that
PHP or JSON has encoded, links in links. Only in the tables where the text stands.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

from tenants import moodledb, serialised
from tenants.models import Tenant

TEXTS = "'char','varchar','tinytext','text','mediumtext','longtext'"
# What tells what happened, or is made again, keeps what it says.
LEFT_OUT = re.compile(r"log|logs|.*(_log|_logs|_log_.*)|sessions|files|cache_.*")
BLOCKS = "block_instances"  # their settings are base64 of what PHP has serialised
AT_ONCE = 60  # tables in a statement
# An address ends there: https://a.org is not meant in https://a.org.uk or a.org:8080.
END = r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9]|(:|%3A)[0-9])"


def replace(tenant: Tenant, changes: dict[str, str]) -> int:
    """Replace each text by its other; return in how many tables."""
    columns = _columns(tenant)
    holding = _holding(tenant, columns, changes) if changes else []
    return sum(
        _in_table(tenant, table, columns[table], old, new)
        for old, new in changes.items()
        for table in holding
    )


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
    tenant: Tenant, table: str, columns: list[str], old: str, new: str
) -> bool:
    pairs = [(old, new)]
    if "/" in old:
        pairs += [(written(old), written(new)) for written in (_json, _query)]
    encoded = _encoded_rows(tenant, table, columns, old)
    for key, column, value in encoded:
        fresh = _recoded(table, value, pairs)
        _store(tenant, table, column, key, fresh)
    changed = _plain(tenant, table, columns, pairs)
    return bool(encoded or changed)


def _json(text: str) -> str:
    r"""Return the text as PHP writes it in JSON: https:\/\/a.org."""
    return text.replace("/", r"\/")


def _query(text: str) -> str:
    """Return the text as it stands in the query of a link: https%3A%2F%2Fa.org."""
    return quote(text, safe="")


def _encoded_rows(
    tenant: Tenant, table: str, columns: list[str], old: str
) -> list[tuple[int, str, bytes]]:
    """Return (id, column, value) of serialised values that hold the text."""
    name, found = moodledb.table(tenant, table), []
    for column in columns:
        if table == BLOCKS and column == "configdata":
            text = "FROM_BASE64(configdata)"
            where = f"{text} LIKE %s"
        else:
            text = f"`{column}`"
            where = rf"{text} LIKE %s AND {text} REGEXP '^(a|O|s):[0-9]+:'"
        sql = f"SELECT id, CAST({text} AS BINARY) FROM {name} WHERE {where}"  # noqa: S608
        rows = moodledb.query(tenant.server, sql, [f"%{_like(old)}%"])
        found += [(key, column, bytes(value)) for key, value in rows]
    return found


def _recoded(table: str, value: bytes, pairs: list[tuple[str, str]]) -> bytes:
    def change(text: bytes) -> bytes:
        for old, new in pairs:
            pattern = re.escape(old.encode()) + END.encode()
            text = re.sub(pattern, lambda _found, new=new: new.encode(), text)  # type: ignore[misc]
        return text

    try:
        fresh = serialised.changed(value, change)
    except ValueError:  # it only looks like it
        fresh = change(value)
    return base64.b64encode(fresh) if table == BLOCKS else fresh


def _store(tenant: Tenant, table: str, column: str, key: int, value: bytes) -> None:
    sql = f"UPDATE {moodledb.table(tenant, table)} SET `{column}` = %s WHERE id = %s"  # noqa: S608
    moodledb.execute(tenant.server, sql, [value.decode(errors="replace"), key])


def _plain(
    tenant: Tenant, table: str, columns: list[str], pairs: list[tuple[str, str]]
) -> int:
    changed = 0
    for old, new in pairs:
        pattern = "(?-i)" + re.escape(old) + END
        sets = ", ".join(f"`{c}` = REGEXP_REPLACE(`{c}`, %s, %s)" for c in columns)
        holds = " OR ".join(f"`{c}` LIKE %s" for c in columns)
        values = [pattern, new.replace("\\", r"\\")] * len(columns)
        changed += moodledb.execute(
            tenant.server,
            f"UPDATE {moodledb.table(tenant, table)} SET {sets} WHERE {holds}",  # noqa: S608
            [*values, *[f"%{_like(old)}%"] * len(columns)],
        )
    return changed


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
