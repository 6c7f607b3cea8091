"""Make the people of a copied site unknown, by SQL."""

from tenants import moodledb
from tenants.lifecycle import databases
from tenants.models import Tenant

# Guests and administrators stay: somebody must be able to log in.
PEOPLE = (
    "deleted = 0 AND username <> 'guest' AND FIND_IN_SET(id,"
    " COALESCE((SELECT value FROM {config} WHERE name = 'siteadmins'), '')) = 0"
)
BLANK = """
    address aim alternatename city department description firstnamephonetic icq idnumber
    imagealt institution lastip lastnamephonetic middlename moodlenetprofile msn phone1
    phone2 skype url yahoo
"""
MADE = {
    "username": "CONCAT('user', id)",
    "email": "CONCAT('user', id, '@example.invalid')",
    "firstname": "'User'",
    "lastname": "CONCAT('', id)",
    "password": "'not cached'",
    "picture": "0",
}
# What people have told each other, or of themselves.
EMPTIED = """
    message message_read messages message_user_actions notifications user_info_data
    user_lastlocation
"""


def anonymise(tenant: Tenant) -> int:
    """Replace names, addresses and passwords; delete messages. Return of how many."""
    sizes = databases.table_sizes(tenant.server, tenant.db_name)
    for name in EMPTIED.split():
        if f"{tenant.db_prefix}{name}" in sizes:
            moodledb.execute(
                tenant.server,
                f"DELETE FROM {moodledb.table(tenant, name)}",  # noqa: S608
            )
    user = moodledb.table(tenant, "user")
    rows = moodledb.query(tenant.server, f"SHOW COLUMNS FROM {user}")
    has = {row[0] for row in rows}
    sets = [f"{name} = {made}" for name, made in MADE.items() if name in has]
    sets += [f"{name} = ''" for name in BLANK.split() if name in has]
    where = PEOPLE.replace("{config}", moodledb.table(tenant, "config"))
    # Names of a new kind could be those of others: two steps.
    moodledb.execute(
        tenant.server,
        f"UPDATE {user} SET username = CONCAT('~', id) WHERE {where}",  # noqa: S608
    )
    return moodledb.execute(
        tenant.server,
        f"UPDATE {user} SET {', '.join(sets)} WHERE {where}",  # noqa: S608
    )
