"""Sites as something else describes them: the PHP system, a list, a config.php.

Files of PHP are read and never run.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from tenants import moodledb, phpconfig
from tenants.models import DatabaseServer, Tenant
from tenants.phpconfig import PhpConfig
from tenants.serving.boot import IDENTITY, OWN
from tenants.validators import clean_settings

PORT = 3306
NEEDED = ("wwwroot", "dbhost", "dbname", "dbuser", "dataroot")
# What boot.php sets itself, and what only the PHP system reads.
OURS = IDENTITY | OWN | {"admin", "directorypermissions", "libdir", "upgradekey"}
THEIRS = re.compile(r"vmaster.*|vmoodle.*|vchilds.*|vlogfile.*|main.*|overridetossl")
SERVED = "it is disabled there and served all the same; here it will answer 503"


@dataclass
class Site:
    """A site that may become a tenant, and what is to be said of it."""

    label: str  # where it was found: row 3, line 4, config-a.php
    fields: dict[str, Any]
    db_host: str = "localhost"
    port: int = PORT
    socket: str = ""
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tenant: Tenant | None = None  # to be saved

    @property
    def wwwroot(self) -> str:
        return str(self.fields.get("wwwroot") or "")


@dataclass(frozen=True)
class Account:
    """An account of a database server that is not registered yet."""

    user: str = ""
    password: str = ""


def split_host(site: Site, text: str) -> None:
    """Take `name`, `name:port` or `localhost:/socket` for the site's server."""
    host, _colon, rest = text.strip().partition(":")
    site.db_host = host or "localhost"
    if rest.startswith("/"):
        site.socket = rest
    elif rest.isdecimal():
        site.port = int(rest)
    elif rest:
        site.problems.append(f"{text!r} is no address of a MariaDB or MySQL server")


def from_config(label: str, shortname: str, config: PhpConfig) -> Site:
    """Return the site of a config.php that was read."""
    site = Site(
        label,
        {
            "wwwroot": config.text("wwwroot"),
            "shortname": shortname,
            "db_type": config.text("dbtype") or "mariadb",
            "db_name": config.text("dbname"),
            "db_user": config.text("dbuser"),
            "db_password": config.text("dbpass"),
            "db_prefix": config.text("prefix"),
            "data_path": config.text("dataroot").rstrip("/"),
        },
    )
    for name in NEEDED:
        if not config.text(name):
            why = config.told.get(name, "it is not set there")
            site.problems.append(f"$CFG->{name}: {why}; give it as a column of a list")
    split_host(site, config.text("dbhost"))
    _take_options(site, config)
    _take_forced(site, config)
    return site


def _take_options(site: Site, config: PhpConfig) -> None:
    site.fields["db_persist"] = bool(_options(config).get("dbpersist"))
    take_place(site, config)
    if why := config.told.get("dboptions"):
        site.problems.append(f"$CFG->dboptions: {why}; give it as a column of a list")


def _options(config: PhpConfig) -> dict[str, Any]:
    options = config.values.get("dboptions")
    return options if isinstance(options, dict) else {}


def take_place(site: Site, config: PhpConfig) -> None:
    """Take port and socket as a config.php has them: there they serve all sites."""
    options = _options(config)
    if port := str(options.get("dbport") or ""):
        site.port = int(port) if port.isdecimal() else site.port
    if isinstance(options.get("dbsocket"), str) and site.db_host == "localhost":
        site.socket = site.socket or options["dbsocket"]


def _take_forced(site: Site, config: PhpConfig) -> None:
    """Force what the file forced; tell what it computes."""
    forced = {
        name: value
        for name, value in config.values.items()
        if name not in {*OURS, *NEEDED} and not THEIRS.fullmatch(name)
    }
    try:
        clean_settings(forced)
    except ValidationError:
        odd = [name for name in forced if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]
        site.notes.append(f"not taken over: $CFG->{', $CFG->'.join(odd)}")
        forced = {name: forced[name] for name in forced if name not in odd}
    site.fields["forced_settings"] = forced
    for name, why in config.told.items():
        if name not in {*OURS, *NEEDED} and not THEIRS.fullmatch(name):
            site.notes.append(f"not taken over: $CFG->{name}: {why}")


def from_row(label: str, row: dict[str, Any], common: Account | None = None) -> Site:
    """Return the site of a row of `local_vmoodle`, or of a list with such columns.

    `common`: the account that the PHP system uses for all of them, if it does.
    """
    text = {name: "" if value is None else str(value) for name, value in row.items()}
    get = text.get
    site = Site(
        label,
        {
            "wwwroot": get("vhostname", ""),
            "name": get("name", ""),
            "shortname": get("shortname", ""),
            "description": get("description", ""),
            "db_type": get("vdbtype") or "mariadb",
            "db_name": get("vdbname", ""),
            "db_user": (common and common.user) or get("vdblogin", ""),
            "db_password": (common and common.password) or get("vdbpass", ""),
            "db_prefix": get("vdbprefix") or "mdl_",
            "db_persist": get("vdbpersist", "0") not in {"", "0"},
            "data_path": get("vdatapath", "").rstrip("/"),
            "enabled": get("enabled", "1") not in {"", "0"},
        },
    )
    number = get("mnet") or "0"
    if re.fullmatch(r"-1|\d+", number):
        site.fields["network"] = int(number)
    else:
        site.problems.append(f"its mnet {number!r} is no number of a sub-network")
    split_host(site, get("vdbhost", ""))
    _take_history(site, text)
    if not site.fields["enabled"]:
        site.notes.append(SERVED)
    return site


def _take_history(site: Site, text: dict[str, str]) -> None:
    """Take over what the PHP system knows of a site's past."""
    for ours, theirs in (("created_at", "timecreated"), ("last_cron", "lastcron")):
        if seconds := int(text.get(theirs) or 0):
            site.fields[ours] = datetime.fromtimestamp(seconds, UTC)
    if "last_cron" in site.fields:
        site.fields["last_cron_gap"] = max(int(text.get("lastcrongap") or 0), 0)
        site.fields["cron_count"] = max(int(text.get("croncount") or 0), 0)
    if known := text.get("metadata", "").strip():
        try:
            found = json.loads(known)
        except ValueError:
            found = known
        site.fields["metadata"] = found if isinstance(found, dict) else {"php": found}


def read_register(
    server: DatabaseServer, database: str, prefix: str
) -> list[dict[str, Any]]:
    """Return the rows of the PHP system's register, by column."""
    table = f"`{database}`.`{prefix}local_vmoodle`"
    columns = [row[0] for row in moodledb.query(server, f"SHOW COLUMNS FROM {table}")]
    rows = moodledb.query(server, f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
    return [dict(zip(columns, row, strict=True)) for row in rows]


def read_configs(directory: Path) -> list[Site]:
    """Return the sites of a directory of config.php files; raises OSError."""
    found = []
    for path in sorted(directory.iterdir()):
        if path.suffix != ".php" or not path.is_file():
            continue
        short = re.sub(r"^config-(moodle-)?", "", path.stem)
        found.append(from_config(path.name, short, phpconfig.read(path)))
    return found
