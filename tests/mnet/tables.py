"""The tables of Moodle 4.3 that MNet has to do with, and sites made of them."""

import time
from functools import lru_cache

from mnet import keys
from tenants import moodledb
from tenants.models import Tenant

TABLES = {
    "config": "id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) UNIQUE,"
    " value LONGTEXT",
    "config_plugins": "id INT AUTO_INCREMENT PRIMARY KEY, plugin VARCHAR(100),"
    " name VARCHAR(100), value LONGTEXT, UNIQUE (plugin, name)",
    "course": "id INT PRIMARY KEY, category INT, fullname VARCHAR(254)",
    "mnet_application": "id INT PRIMARY KEY, name VARCHAR(50)",
    "mnet_host": "id INT AUTO_INCREMENT PRIMARY KEY,"
    " deleted TINYINT NOT NULL DEFAULT 0, wwwroot VARCHAR(255) NOT NULL,"
    " ip_address VARCHAR(45) NOT NULL,"
    " name VARCHAR(80) NOT NULL, public_key LONGTEXT NOT NULL,"
    " public_key_expires BIGINT NOT NULL DEFAULT 0, transport TINYINT NOT NULL,"
    " portno INT NOT NULL, last_connect_time BIGINT NOT NULL,"
    " last_log_id BIGINT NOT NULL, force_theme TINYINT NOT NULL, theme VARCHAR(100),"
    " applicationid INT NOT NULL, sslverification TINYINT NOT NULL",
    "mnet_service": "id INT PRIMARY KEY, name VARCHAR(40), offer TINYINT",
    "mnet_host2service": "id INT AUTO_INCREMENT PRIMARY KEY, hostid INT, serviceid INT,"
    " publish TINYINT, subscribe TINYINT, UNIQUE (hostid, serviceid)",
    "role": "id INT PRIMARY KEY, shortname VARCHAR(100)",
    "context": "id INT PRIMARY KEY, contextlevel INT",
    "role_capabilities": "id INT PRIMARY KEY, contextid INT, roleid INT,"
    " capability VARCHAR(255), permission INT",
    "mnet_session": "id INT AUTO_INCREMENT PRIMARY KEY, mnethostid INT",
}
COLLATION = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"


@lru_cache
def pair(wwwroot: str) -> keys.Pair:
    """Return a key pair of a site, always the same."""
    return keys.make(keys.Owner(wwwroot, "A site", "a@example.org"), 365)


def fill(tenant: Tenant, *, own_keys: bool = True) -> None:
    """Make a site as Moodle's installer leaves it, with MNet on if it has keys."""
    certificate = pair(tenant.wwwroot).certificate if own_keys else ""
    for name, columns in TABLES.items():
        table = moodledb.table(tenant, name)
        moodledb.execute(tenant.server, f"CREATE TABLE {table} ({columns}) {COLLATION}")
    mode = "strict" if certificate else "off"
    host = "(id, wwwroot, ip_address, name, public_key, public_key_expires, transport,"
    host += " portno, last_connect_time, last_log_id, force_theme, theme,"
    host += " applicationid, sslverification)"
    rest = "0, 0, 0, 0, 0, '', 1, 0"
    own = (tenant.wwwroot, tenant.name, certificate, int(time.time()) + 9999)
    put(
        tenant,
        f"{{mnet_host}} {host} VALUES (1, %s, '127.0.0.1', %s, %s, %s, {rest})",
        own,
    )
    put(tenant, f"{{mnet_host}} {host} VALUES (2, '', '', 'All Hosts', '', 0, {rest})")
    put(tenant, "{course} VALUES (1, 0, %s)", [tenant.name])
    put(tenant, "{mnet_application} VALUES (1, 'moodle'), (2, 'mahara')")
    put(tenant, "{context} VALUES (1, 10)")
    put(tenant, "{role} VALUES (7, 'user')")
    # Their ids differ from site to site.
    services = [
        (f"{tenant.pk}{n}", s) for n, s in enumerate(("sso_sp", "sso_idp", "pf"))
    ]
    for number, service in services:
        put(tenant, "{mnet_service} VALUES (%s, %s, 1)", [number, service])
    for name, value in (
        ("mnet_localhost_id", "1"),
        ("mnet_all_hosts_id", "2"),
        ("mnet_dispatcher_mode", mode),
        ("auth", "email,mnet" if certificate else "email"),
    ):
        put(tenant, "{config} (name, value) VALUES (%s, %s)", [name, value])
    if certificate:
        put(
            tenant,
            "{config_plugins} (plugin, name, value) VALUES ('mnet', 'openssl', %s)",
            [pair(tenant.wwwroot).stored()],
        )


def put(tenant: Tenant, what: str, values=()) -> None:
    moodledb.execute(tenant.server, "INSERT INTO " + named(tenant, what), values)


def named(tenant: Tenant, sql: str) -> str:
    """Return SQL in which {table} stands for a table of the site."""
    for name in TABLES:
        sql = sql.replace(f"{{{name}}}", moodledb.table(tenant, name))
    return sql


def rows(tenant: Tenant, sql: str, values=()) -> list[tuple]:
    return moodledb.query(tenant.server, "SELECT " + named(tenant, sql), values)


def peers(tenant: Tenant) -> dict[str, tuple]:
    """Return what a site knows of others: (deleted, certificate, services), by host."""
    services = "(SELECT GROUP_CONCAT(CONCAT(s.name, g.publish, g.subscribe)"
    services += " ORDER BY s.name) FROM {mnet_host2service} g JOIN {mnet_service} s"
    services += " ON s.id = g.serviceid WHERE g.hostid = h.id)"
    found = rows(
        tenant,
        f"wwwroot, deleted, public_key, {services} FROM {{mnet_host}} h WHERE id > 2",
    )
    return {root.partition("://")[2].partition(".")[0]: rest for root, *rest in found}


def spoil(tenant: Tenant, sql: str, values=()) -> None:
    moodledb.execute(tenant.server, named(tenant, sql), values)
