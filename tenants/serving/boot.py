"""What the boot files hold: the values of a tenant, as PHP."""

import hashlib
import hmac
import ipaddress
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tenants.errors import VMoodleError
from tenants.wwwroot import site_key

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Tenant

RESERVED = {"boot"}  # a name in the boot directory that is no tenant's
# One value for several tenants would let one of them wipe or read another's.
OWN = {"cachedir", "localcachedir", "tempdir", "backuptempdir", "secretdataroot"}
# What makes a tenant itself: from the registry's own columns only.
IDENTITY = {
    *("dbtype", "dblibrary", "dbhost", "dbname", "dbuser", "dbpass", "prefix"),
    *("dboptions", "wwwroot", "dataroot", "dirroot", "sessioncookie"),
    "session_redis_prefix",
}


class PublishError(VMoodleError):
    """A tenant could not be published: one sentence says why."""


class NotInPhp(PublishError):
    """A value has no equal in PHP."""


def boot_dir() -> Path:
    return Path(settings.VMOODLE_BOOT_DIR)


def boot_file(key: str) -> Path:
    return boot_dir() / f"{key}.php"


def code_tree(tenant: "Tenant") -> str:
    """Return the release's directory, its links resolved, as PHP will see it."""
    return os.path.realpath(tenant.release.path)


def boot_text(tenant: "Tenant") -> str:
    """Return the text of the tenant's boot file."""
    if tenant.key in RESERVED:
        kept = _(
            "%(tenant)s cannot be published: '%(key)s' is a name that VMoodle keeps for"
            " itself; use the full name of the host"
        )
        raise PublishError(kept % {"tenant": tenant.wwwroot, "key": tenant.key})
    try:
        return php_return(boot_values(tenant))
    except NotInPhp as error:
        said = _("%(tenant)s cannot be published: %(why)s")
        words = {"tenant": tenant.wwwroot, "why": error}
        raise PublishError(said % words) from error


def former_keys(tenant: "Tenant") -> set[str]:
    """Return the keys of addresses that lead to the tenant's own."""
    return {site_key(root) for root in tenant.former.split()} - {tenant.key}


def keys_of(tenant: "Tenant") -> set[str]:
    """Return all keys that it is published under, those that lead to it too."""
    return {tenant.key, *former_keys(tenant)}


def moved_text(tenant: "Tenant") -> str:
    """Return the text of a boot file under a former address of the tenant."""
    return php_return({"moved": tenant.wwwroot})


def boot_values(tenant: "Tenant") -> dict[str, Any]:
    """Return what boot.php needs to know of a tenant; holds its password."""
    server, release = tenant.server, tenant.release
    refuse_for_release(str(release), release.forced_settings)
    _refuse_settings(tenant.wwwroot, tenant.forced_settings, IDENTITY)
    digest = hashlib.sha256(tenant.wwwroot.encode()).hexdigest()
    fleet = fleet_values()
    own = merged(release.forced_settings, tenant.forced_settings)
    return {
        "wwwroot": tenant.wwwroot,
        "enabled": tenant.enabled,
        "tree": code_tree(tenant),
        "proxies": fleet["trusted_proxies"],
        "cfg": {
            **fleet["defaults"],
            **_release_defaults(release.php, code_tree(tenant)),
            **merged(fleet["forced"], own),
            "dbtype": tenant.db_type,
            "dblibrary": "native",
            "dbhost": "localhost" if server.socket else server.host,
            "dbname": tenant.db_name,
            "dbuser": tenant.db_user,
            "dbpass": tenant.db_password or "",
            "prefix": tenant.db_prefix,
            "dboptions": {
                "dbpersist": tenant.db_persist,
                "dbport": "" if server.socket else server.port,
                "dbsocket": server.socket or False,
                "dbcollation": "utf8mb4_unicode_ci",
            },
            "wwwroot": tenant.wwwroot,
            "dataroot": tenant.data_path,
            "sessioncookie": cookie_name(tenant.shortname),
            # A copy of the fleet on the same Redis differs in its wwwroots only.
            "session_redis_prefix": f"{tenant.shortname}_{digest[:12]}_",
        },
    }


def _release_defaults(php: str, tree: str) -> dict[str, Any]:
    factory = "lib/classes/lock/mysql_lock_factory.php"
    values = {"pathtophp": php} if php.startswith("/") else {}
    if any(os.path.isfile(f"{tree}{sub}/{factory}") for sub in ("", "/public")):  # noqa: PTH113 - ten times faster
        values["lock_factory"] = r"\core\lock\mysql_lock_factory"
    return values


def cookie_name(shortname: str) -> str:
    """Return the end of the session cookie's name: Moodle takes [a-zA-Z0-9] only.

    >>> cookie_name("school1"), cookie_name("school_1")
    ('school1', 'school1x782d6c06')
    """
    plain = "".join(filter(str.isalnum, shortname))
    if plain == shortname:
        return plain
    return f"{plain}x{hashlib.sha256(shortname.encode()).hexdigest()[:8]}"


def fleet_values() -> dict[str, Any]:
    """Return what all tenants share; raise PublishError if the settings are wrong."""
    forced = settings.VMOODLE_FORCED_SETTINGS
    _refuse_settings("VMOODLE_FORCED_SETTINGS", forced, IDENTITY | OWN)
    derived = hmac.new(settings.SECRET_KEY.encode(), b"upgradekey", hashlib.sha256)
    return {
        "trusted_proxies": [_address(a) for a in settings.VMOODLE_TRUSTED_PROXIES],
        "forced": forced,
        "defaults": {
            "admin": "admin",
            "directorypermissions": 0o2770,
            "disableupdateautodeploy": True,
            # Without a key an anonymous visitor may start the upgrade.
            "upgradekey": settings.VMOODLE_UPGRADE_KEY or derived.hexdigest()[:32],
        },
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        said = _(
            "VMOODLE_TRUSTED_PROXIES: %(text)r is not an IP address; list the addresses"
            " of the proxies one by one"
        )
        raise PublishError(said % {"text": text}) from None


def refuse_for_release(name: str, forced: dict[str, Any]) -> None:
    """Raise PublishError for settings that a release must not force."""
    where = format_lazy(_("the release {name}"), name=name)
    _refuse_settings(where, forced, IDENTITY | OWN)


def _refuse_settings(where: object, forced: dict[str, Any], refused: set[str]) -> None:
    wrong = sorted(refused & forced.keys())
    if wrong:
        said = _(
            "%(where)s cannot force %(names)s: every tenant has its own; remove it from"
            " the forced settings"
        )
        raise PublishError(said % {"where": where, "names": ", ".join(wrong)})


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return both; `above` wins, setting by setting inside of objects too.

    >>> merged({"a": 1, "b": {"x": 1}}, {"b": {"y": 2}})
    {'a': 1, 'b': {'x': 1, 'y': 2}}
    """
    both = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            both[name] = merged(below[name], above[name])
    return both


def forced_settings(tenant: "Tenant") -> dict[tuple[str, str], str]:
    """Return what the registry forces on a site, by plugin ("": core) and name.

    As texts, as Moodle would store them; what a site's own config.php may force
    besides is not known here.
    """
    own = merged(tenant.release.forced_settings, tenant.forced_settings)
    forced = merged(settings.VMOODLE_FORCED_SETTINGS, own)
    plugins = forced.pop("forced_plugin_settings", {})
    return {
        (plugin, name): _as_stored(value)
        for plugin, values in {"": forced, **plugins}.items()
        if isinstance(values, dict)
        for name, value in values.items()
    }


def _as_stored(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "1" if value else ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def php_return(value: dict[str, Any]) -> str:
    """Return a PHP file that returns the value."""
    text = f"<?php\nreturn {php_literal(value)};\n"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = text[error.start]
        said = _("%(text)r in a value is not a character") % {"text": wrong}
        raise NotInPhp(said) from None
    return text


def php_literal(value: Any) -> str:
    """Return a value as PHP source; strings are single-quoted, so inert.

    >>> print(php_literal({"a": [True, "it's", 2]}))
    ['a'=>[true,'it\\'s',2]]
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _php_number(value)
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, dict):
        pairs = (f"{php_literal(str(k))}=>{php_literal(v)}" for k, v in value.items())
        return f"[{','.join(pairs)}]"
    return f"[{','.join(php_literal(item) for item in value)}]"


def _php_number(value: float) -> str:
    # PHP would read a larger integer as another number, and 'inf' not at all.
    if abs(value) >= 2**63 if isinstance(value, int) else not math.isfinite(value):
        said = _("%(number)s in a setting is not a number that PHP can hold")
        raise NotInPhp(said % {"number": value})
    return repr(value)
