"""The tables of Moodle that comparisons read, with a few rows each."""

from collections.abc import Sequence
from typing import Any

from tenants import moodledb
from tenants.models import Tenant

TABLES = {
    "config": "id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255), value LONGTEXT",
    "config_plugins": "id INT AUTO_INCREMENT PRIMARY KEY, plugin VARCHAR(100),"
    " name VARCHAR(100), value LONGTEXT, UNIQUE (plugin, name)",
    "modules": "id INT PRIMARY KEY, name VARCHAR(20), visible TINYINT",
    "block": "id INT PRIMARY KEY, name VARCHAR(40), visible TINYINT",
    "message_processors": "id INT PRIMARY KEY, name VARCHAR(166), enabled TINYINT",
    "portfolio_instance": "id INT PRIMARY KEY, plugin VARCHAR(50), visible TINYINT",
    "repository": "id INT PRIMARY KEY, type VARCHAR(255), visible TINYINT",
    "context": "id INT PRIMARY KEY, contextlevel BIGINT",
    "filter_active": "id INT PRIMARY KEY, filter VARCHAR(32), contextid INT,"
    " active SMALLINT",
    "role": "id INT PRIMARY KEY, name VARCHAR(255), shortname VARCHAR(100) UNIQUE,"
    " description LONGTEXT, archetype VARCHAR(30)",
    "role_context_levels": "id INT PRIMARY KEY, roleid INT, contextlevel INT",
    "capabilities": "id INT PRIMARY KEY, name VARCHAR(255), contextlevel INT,"
    " component VARCHAR(100)",
    "role_capabilities": "id INT AUTO_INCREMENT PRIMARY KEY, contextid INT, roleid INT,"
    " capability VARCHAR(255), permission INT",
    "role_allow_assign": "id INT PRIMARY KEY, roleid INT, allowassign INT",
    "role_allow_override": "id INT PRIMARY KEY, roleid INT, allowoverride INT",
    "role_allow_switch": "id INT PRIMARY KEY, roleid INT, allowswitch INT",
    "role_allow_view": "id INT PRIMARY KEY, roleid INT, allowview INT",
}
ROWS: dict[str, list[tuple]] = {
    "config": [(1, "auth", "email,ldap"), (2, "texteditors", "")],
    "config_plugins": [
        (1, "auth_email", "version", "2023042400"),
        (2, "auth_ldap", "version", "2023042400"),
        (3, "auth_manual", "version", "2023042400"),
        (4, "mod_quiz", "version", "2023042400"),
        (5, "filter_tex", "version", "2023042400"),
        (6, "qtype_essay", "version", "2023042400"),
        (7, "report_log", "version", "2023042400"),
        (8, "quiz", "timelimit", "60"),
    ],
    "modules": [(1, "quiz", 1)],
    "block": [],
    "context": [(1, 10), (2, 50)],
    "filter_active": [(1, "tex", 1, -1), (2, "tex", 2, 1)],
    "role": [(1, "", "teacher", "", "teacher"), (2, "", "student", "", "student")],
    "role_context_levels": [(1, 1, 50)],
    "capabilities": [
        (1, "mod/quiz:preview", 70, "mod_quiz"),
        (2, "mod/quiz:grade", 70, "mod_quiz"),
        (3, "moodle/site:config", 10, "moodle"),
    ],
    "role_capabilities": [
        (1, 1, 1, "mod/quiz:preview", 1),
        (2, 2, 1, "mod/quiz:grade", -1000),
    ],
    "role_allow_assign": [(1, 1, 2)],
}


def fill(tenant: Tenant) -> Tenant:
    """Make the tables and rows in the tenant's empty database; MyISAM is quicker."""
    for name, columns in TABLES.items():
        table = moodledb.table(tenant, name)
        create = f"CREATE TABLE {table} ({columns}) ENGINE=MyISAM"
        moodledb.execute(tenant.server, create)
        for row in ROWS.get(name, []):
            marks = ", ".join(["%s"] * len(row))
            insert = f"INSERT INTO {table} VALUES ({marks})"
            moodledb.execute(tenant.server, insert, row)
    return tenant


def change(tenant: Tenant, sql: str, values: Sequence[Any] = ()) -> None:
    """Run a statement on the tenant's tables, written as `{name}`."""
    tables = {name: moodledb.table(tenant, name) for name in TABLES}
    moodledb.execute(tenant.server, sql.format(**tables), values)
