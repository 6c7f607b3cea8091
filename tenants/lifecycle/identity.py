"""What makes a copied site another one: its own identity, keys and secrets.

By SQL, before Moodle has started on the copy. What a site shall not inherit was found
by comparing fresh installations: `docs/lifecycle.md` lists it.
"""

import secrets
import string
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tenants import moodledb
from tenants.lifecycle import databases
from tenants.lifecycle.replace import replace
from tenants.models import Tenant

# What happened on the other site, who is logged in there, and what opens its doors.
EMPTIED = """
    backup_controllers cache_flags config_log lock_db log log_queries
    logstore_standard_log mnet_log mnet_session sessions stats_daily stats_monthly
    stats_user_daily stats_user_monthly stats_user_weekly stats_weekly task_adhoc
    task_log upgrade_log user_password_resets

    auth_oauth2_linked_login badge_backpack badge_backpack_oauth2 external_tokens
    lti_access_tokens oauth2_access_token oauth2_refresh_token oauth2_system_account
    registration_hubs tool_mfa tool_mfa_auth tool_mfa_secrets user_devices
    user_private_key

    mnet_host2service mnet_sso_access_control
"""
# Made again by Moodle when it is missing, or not to be shared.
FORGOTTEN = """
    airnotifieraccesskey cronremotepassword messageinbound_hostpass
    messageinbound_hostuser mnet_register_allhosts reposecretkey sessioncookie
    upgraderunning
"""
FORGOTTEN_OF = [
    ("core_h5p", "site_uuid"),
    ("message_airnotifier", "airnotifieraccesskey"),
    ("mnet", "openssl"),
    ("mnet", "openssl_history"),
    ("tool_task", "lastcronstart"),
    ("tool_task", "lastcroninterval"),
]
# Where a private key and its name stand. A site that has none gets one in Moodle.
LTI_KEYS = (
    ("mod_lti", "kid", "privatekey"),
    ("enrol_lti", "lti_13_kid", "lti_13_privatekey"),
)
REVISIONS = ("jsrev", "langrev", "templaterev", "themerev")
SMALL = 1_000_000  # bytes: below it deleting the rows is quicker than another table
SPREAD = 3600  # seconds over which a new site's first tasks are spread
LETTERS = string.ascii_letters + string.digits


def renew(tenant: Tenant, keys: Sequence[str], *, wwwroot: str, data_path: str) -> int:
    """Make the copy in a tenant's database a site of its own.

    `keys`: private ones, for each of `LTI_KEYS`. `wwwroot`, `data_path`: those of the
    site it is a copy of. Returns in how many tables the address was replaced.
    """
    tables = _tables(tenant)
    _empty(tenant, tables)
    _forget(tenant)
    _own_keys(tenant, keys)
    _own_settings(tenant, wwwroot)
    _own_name(tenant)
    if "mnet_host" in tables:
        _own_network(tenant)
    if "task_scheduled" in tables:
        _own_tasks(tenant)
    _run(tenant, "UPDATE {user} SET secret = ''")
    changes = {wwwroot: tenant.wwwroot, data_path: tenant.data_path}
    return replace(tenant, {old: new for old, new in changes.items() if old != new})


def _tables(tenant: Tenant) -> dict[str, int]:
    """Return the sizes of the tables, by name without prefix."""
    sizes = databases.table_sizes(tenant.server, tenant.db_name)
    return {name.removeprefix(tenant.db_prefix): size for name, size in sizes.items()}


def _run(tenant: Tenant, sql: str, *values: object) -> None:
    """Run a statement in which {table} stands for a table of the site."""
    for name in {part.partition("}")[0] for part in sql.split("{")[1:]}:
        sql = sql.replace(f"{{{name}}}", moodledb.table(tenant, name))
    moodledb.execute(tenant.server, sql, values)


def _empty(tenant: Tenant, tables: dict[str, int]) -> None:
    for name in EMPTIED.split():
        if name in tables:
            how = "DELETE FROM" if tables[name] < SMALL else "TRUNCATE"
            _run(tenant, f"{how} {{{name}}}")


def _forget(tenant: Tenant) -> None:
    names = FORGOTTEN.split()
    marks = ", ".join(["%s"] * len(names))
    _run(tenant, f"DELETE FROM {{config}} WHERE name IN ({marks})", *names)  # noqa: S608
    for plugin, name in FORGOTTEN_OF:
        sql = "DELETE FROM {config_plugins} WHERE plugin = %s AND name = %s"
        _run(tenant, sql, plugin, name)


def private_key() -> str:
    """Make a private key as Moodle makes one for LTI: it takes about 0.2 s of CPU."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _own_keys(tenant: Tenant, keys: Sequence[str]) -> None:
    """Put other keys in the place of the former ones."""
    sql = "UPDATE {config_plugins} SET value = %s WHERE plugin = %s AND name = %s"
    for (plugin, name, key), fresh in zip(LTI_KEYS, keys, strict=True):
        _run(tenant, sql, secrets.token_hex(10), plugin, name)
        _run(tenant, sql, fresh, plugin, key)


def set_config(tenant: Tenant, name: str, value: str) -> None:
    sql = "INSERT INTO {config} (name, value) VALUES (%s, %s)"
    _run(tenant, f"{sql} ON DUPLICATE KEY UPDATE value = VALUES(value)", name, value)


def _own_settings(tenant: Tenant, former: str) -> None:
    host, old = (urlsplit(root).hostname or "" for root in (tenant.wwwroot, former))
    set_config(tenant, "siteidentifier", _random(32) + host)
    set_config(tenant, "calendar_exportsalt", _random(60))
    set_config(tenant, "registrationpending", "1")
    for name in REVISIONS:
        sql = "UPDATE {config} SET value = %s WHERE name = %s"
        _run(tenant, sql, str(int(time.time())), name)
    _run(
        tenant,
        "UPDATE {config} SET value = REPLACE(value, %s, %s)"
        " WHERE name IN ('noreplyaddress', 'supportemail', 'chat_serverhost')",
        old,
        host,
    )


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _letter in range(length))


def _own_name(tenant: Tenant) -> None:
    _run(
        tenant,
        "UPDATE {course} SET fullname = %s, shortname = %s, summary = %s,"
        " timecreated = %s WHERE category = 0",
        tenant.name,
        tenant.shortname,
        tenant.description,
        int(time.time()),
    )


def _own_network(tenant: Tenant) -> None:
    """Know no peers, and make new keys when they are wanted first."""
    own = "(SELECT value FROM {config} WHERE name = 'mnet_localhost_id')"
    _run(
        tenant,
        "UPDATE {mnet_host} SET wwwroot = %s, name = %s, public_key = '',"  # noqa: S608
        f" public_key_expires = 0, ip_address = '' WHERE id = {own}",
        tenant.wwwroot,
        tenant.name[:80],
    )
    # Accounts of peers refer to their rows: both are kept, as deleted.
    _run(tenant, "UPDATE {user} SET deleted = 1 WHERE auth = 'mnet'")
    sql = f"UPDATE {{mnet_host}} SET deleted = 1 WHERE wwwroot <> '' AND id <> {own}"  # noqa: S608
    _run(tenant, sql)
    mode = "off" if tenant.network < 0 else "strict"
    set_config(tenant, "mnet_dispatcher_mode", mode)


def _own_tasks(tenant: Tenant) -> None:
    """Let no task be running or late; many copies shall not all begin at once."""
    _run(
        tenant,
        "UPDATE {task_scheduled} SET lastruntime = 0, faildelay = 0,"
        " timestarted = NULL, hostname = NULL, pid = NULL,"
        " nextruntime = %s + FLOOR(RAND() * %s)",
        int(time.time()),
        SPREAD,
    )


def share_admin_password(tenant: Tenant, main: Tenant) -> None:
    """Give the account `admin` the password that it has on the main site."""
    _run(
        tenant,
        "UPDATE {user} SET password = (SELECT password FROM"  # noqa: S608
        f" {moodledb.table(main, 'user')} WHERE username = 'admin' AND auth = 'manual'"
        " LIMIT 1) WHERE username = 'admin' AND auth = 'manual'",
    )
