"""Lists of tenants as CSV files: those of the PHP system, and what we add to them.

A line that begins with one of `( [ - # /` or a space is a comment, the first other one
names the columns. Values are quoted as RFC 4180 says; `&#44` and `&#59`, the PHP
system's way to write a comma and a semicolon, are understood as well.
"""

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants import bound
from tenants.forms import Config
from tenants.lifecycle.provision import REGISTER
from tenants.models import SIGN_ON_ONLY, DatabaseServer
from tenants.selection import SelectionError

COMMENT = tuple("([-#/ ")
SEPARATORS = ";,\t"
HOST = "vhostname"
ERROR = "error"  # a column of our own reports
REQUIRED = (HOST, "name", "shortname")
# The columns by their names in the PHP system, and the fields of our form.
FIELDS = {
    HOST: "wwwroot",
    "name": "name",
    "shortname": "shortname",
    "description": "description",
    "vtemplate": "template",
    "vdbtype": "db_type",
    "vdbname": "db_name",
    "vdblogin": "db_user",
    "vdbpass": "db_password",
    "vdbprefix": "db_prefix",
    "vdatapath": "data_path",
    "mnet": "network",
    # Ours.
    "origin": "origin",
    "source": "source",
    "release": "release",
    "admin_email": "admin_email",
    "admin_password": "admin_password",
    "forced_settings": "forced_settings",
}
FLAGS = {
    "vdbpersist": "db_persist",
    "forcedns": "force_dns",
    "anonymise": "anonymise",
    "mail_off": "mail_off",
    "check_login": "check_login",
}
OTHERS = ("vdbhost", "services", "enabled", "tags", ERROR)
SERVICES = (SIGN_ON_ONLY, "subnetwork")
NEW = "NEW"
SUBNETWORK = "1"  # where the PHP system puts a tenant without a number
AS_IT_IS = {"vdbpass", "admin_password"}  # spaces around them are theirs
CORE = re.compile(r"config_([a-zA-Z]\w{0,254})", re.ASCII)
PLUGIN = re.compile(r"([a-z]\w*(?:/\w+)?)\|(\w{1,100})", re.ASCII)


@dataclass
class Node:
    """One line of the list, and what is wrong with it."""

    line: int
    cells: list[str]  # as they were read
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def host(self) -> str:
        return self.values.get(HOST, "")


@dataclass(frozen=True)
class NodeList:
    separator: str
    columns: list[str]
    nodes: list[Node]


class _Lines:
    """The lines of a text, without comments between two records."""

    def __init__(self, text: str) -> None:
        # Not `splitlines`, which takes more than line ends for line ends.
        self.lines = enumerate(StringIO(text, newline=""), start=1)
        self.fresh = True  # whether the next line begins a record
        self.first, self.text = 0, ""

    def __iter__(self) -> Iterator[str]:
        for number, line in self.lines:
            if self.fresh:
                if not line.strip() or line.startswith(COMMENT):
                    continue
                self.first, self.text, self.fresh = number, "", False
            self.text += line
            yield line


def read(path: str, required: Sequence[str] = REQUIRED) -> NodeList:
    """Return the list in a file, `-`: standard input; raise SelectionError.

    A line that cannot be read as CSV has its `error`; the others go on.
    """
    text = _text(path)
    header = next(iter(_Lines(text)), "")
    separator = next((mark for mark in SEPARATORS if mark in header), SEPARATORS[0])
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    columns: list[str] | None = None
    nodes = []
    while (cells := _record(lines, reader)) is not None:
        if columns is None:
            columns = _columns(path, lines.first, cells, required)
        else:
            nodes.append(_node(lines.first, columns, cells))
    if not nodes or columns is None:
        raise SelectionError(
            f"{path} holds no tenant: give a line that names the columns "
            f"({', '.join(required)}, ...), and then one for each tenant"
        )
    return NodeList(separator, columns, nodes)


def _record(lines: _Lines, reader: Any) -> list[str] | str | None:
    """Return the cells of the next record, or the text of one that is none."""
    lines.fresh = True
    try:
        return next(reader, None)
    except csv.Error:
        return lines.text.strip()


def _text(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise SelectionError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SelectionError(
            f"{path}, line {line}: it is no UTF-8 text; convert the file, as by "
            f"iconv -f ISO-8859-1 -t UTF-8 {path}"
        ) from error


def _columns(
    path: str, line: int, cells: list[str] | str, required: Sequence[str]
) -> list[str]:
    names = [name.strip() for name in ([cells] if isinstance(cells, str) else cells)]
    while names and not names[-1]:
        names.pop()  # of a separator at the end of the line
    known = {*FIELDS, *FLAGS, *OTHERS}
    wrong = [
        f"there is no column {name!r}"
        for name in names
        if name not in known and not _setting(name)
    ]
    wrong += [f"the column {n} is there twice" for n in known if names.count(n) > 1]
    wrong += [f"the column {n} is missing" for n in required if n not in names]
    if wrong:
        raise SelectionError(
            f"{path}, line {line}, which names the columns: {'; '.join(wrong)} (known: "
            f"{', '.join(sorted(known))}, config_NAME, PLUGIN|NAME)"
        )
    return names


def _node(line: int, columns: Sequence[str], cells: list[str] | str) -> Node:
    if isinstance(cells, str):
        return Node(line, [cells], error="its quotes are not as CSV wants them")
    node = Node(line, cells)
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        node.error = f"it has {len(cells)} values for {len(columns)} columns"
    for name, cell in zip(columns, cells, strict=False):
        text = re.sub("&#(44|59);?", lambda found: chr(int(found[1])), cell)
        whole = name in AS_IT_IS or _setting(name)
        node.values[name] = text if whole else text.strip()
    return node


def _setting(column: str) -> tuple[str, str] | None:
    """Return plugin, "" for the core, and name of a setting's column.

    >>> _setting("config_theme"), _setting("auth/ldap|host_url"), _setting("name")
    (('', 'theme'), ('auth_ldap', 'host_url'), None)
    """
    if found := CORE.fullmatch(column):
        return "", found[1]
    found = PLUGIN.fullmatch(column)
    # What was auth/ldap is auth_ldap since Moodle 3.3.
    return (found[1].replace("/", "_"), found[2]) if found else None


def config_of(node: Node) -> Config:
    """Return the settings of a line; one that is empty is left as it is."""
    found: Config = {}
    for column, value in node.values.items():
        if (setting := _setting(column)) and value:
            plugin, name = setting
            if reason := bound.never_set(name, plugin):
                raise ValidationError(f"{column}: {reason}")
            found.setdefault(plugin, {})[name] = value
    return found


def form_data(node: Node, network: int) -> dict[str, Any]:
    """Return what fills our form in; `network`: the number that NEW stands for."""
    values = node.values
    data: dict[str, Any] = {
        ours: values[theirs] for theirs, ours in FIELDS.items() if values.get(theirs)
    }
    data |= {ours: "1" for theirs, ours in FLAGS.items() if _yes(node, theirs)}
    if not _yes(node, "enabled", default=True):
        data["disabled"] = "1"
    if not {"template", "source", "origin"} & data.keys():
        data["origin"] = REGISTER
    number = data.get("network", SUBNETWORK)
    data["network"] = str(network) if number == NEW else number
    if host := values.get("vdbhost"):
        data["server"] = _server(host)
    data["tags"] = values.get("tags", "").replace(",", " ").split()
    return data


def services_of(node: Node) -> str:
    """Return the line's choice of MNet services, "" if it has none."""
    text = node.values.get("services", "")
    if text and text not in SERVICES:
        raise ValidationError(
            _("services: %(text)r is none of %(known)s"),
            params={"text": text, "known": ", ".join(SERVICES)},
        )
    return text


def _yes(node: Node, column: str, *, default: bool = False) -> bool:
    text = node.values.get(column, "").lower()
    if text in {"1", "yes", "true", "on"}:
        return True
    if text in {"0", "no", "false", "off"}:
        return False
    if text:
        raise ValidationError(
            _("%(column)s: %(text)r is neither 1 nor 0"),
            params={"column": column, "text": text},
        )
    return default


def _server(text: str) -> str:
    """Return the name of the database server that a line tells of."""
    servers = list(DatabaseServer.objects.all())
    for server in servers:
        address = {server.name, server.host, f"{server.host}:{server.port}"}
        local = {server.socket, "localhost"} if server.socket else set()
        if text in address | local:
            return str(server.name)
    known = ", ".join(server.name for server in servers) or _("none")
    raise ValidationError(
        _("vdbhost: there is no database server %(name)s (known: %(known)s)"),
        params={"name": text, "known": known},
    )
