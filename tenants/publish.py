"""Publish tenants for the web server and PHP: boot files and site links.

The registry is never on the request path: `<boot dir>/<key>.php` returns what
`boot.php` needs of one tenant, `<sites dir>/<host>` links to its code tree. Each is
written under another name, fsynced and renamed, so a crash leaves the old one.
"""

import hashlib
import hmac
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Tenant

BOOT = Path(__file__).parent / "moodle" / "boot.php"
FLEET = "_fleet"  # no host has such a name


class PublishError(Exception):
    """A tenant could not be published: one sentence says why."""


def publish(tenant: "Tenant") -> None:
    """Write the tenant's boot file and its site link."""
    try:
        _prepare()
        _write(boot_file(tenant.key), php_return(boot_values(tenant)))
        _link(site_link(tenant.key), tenant.release.path)
    except OSError as error:
        raise PublishError(
            f"{tenant.wwwroot} cannot be published: {error.strerror} "
            f"({error.filename}); check VMOODLE_BOOT_DIR and VMOODLE_SITES_DIR"
        ) from error


def unpublish(key: str) -> None:
    """Remove what `publish` wrote; no error when it is not there."""
    boot_file(key).unlink(missing_ok=True)
    if site_link(key).is_symlink():
        site_link(key).unlink()


def boot_file(key: str) -> Path:
    return Path(settings.VMOODLE_BOOT_DIR, f"{key}.php")


def site_link(key: str) -> Path:
    return Path(settings.VMOODLE_SITES_DIR, key)


def boot_values(tenant: "Tenant") -> dict[str, Any]:
    """Return what boot.php needs to know of a tenant; holds its password."""
    server = tenant.server
    forced = {**tenant.release.forced_settings, **tenant.forced_settings}
    return {
        "wwwroot": tenant.wwwroot,
        "enabled": tenant.enabled,
        "tree": os.path.realpath(tenant.release.path),
        "settings": {
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
            "sessioncookie": "".join(filter(str.isalnum, tenant.shortname)),
            "session_redis_prefix": f"vmoodle_{tenant.pk}_",
        },
        "forced": forced,
    }


def fleet_values() -> dict[str, Any]:
    """Return what boot.php needs to know of the whole fleet."""
    derived = hmac.new(settings.SECRET_KEY.encode(), b"upgradekey", hashlib.sha256)
    return {
        "trusted_proxies": list(settings.VMOODLE_TRUSTED_PROXIES),
        # Without a key an anonymous visitor may start the upgrade.
        "settings": {
            "upgradekey": settings.VMOODLE_UPGRADE_KEY or derived.hexdigest()[:32]
        },
        "forced": settings.VMOODLE_FORCED_SETTINGS,
    }


def php_return(value: dict[str, Any]) -> str:
    """Return a PHP file that returns the value."""
    return f"<?php\nreturn {php_literal(value)};\n"


def php_literal(value: Any) -> str:
    """Return a value as PHP source; strings are single-quoted, so inert.

    >>> php_literal({"a": [True, "it's"]})
    "['a'=>[true,'it\\\\'s']]"
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, dict):
        pairs = (f"{php_literal(str(k))}=>{php_literal(v)}" for k, v in value.items())
        return f"[{','.join(pairs)}]"
    return f"[{','.join(php_literal(item) for item in value)}]"


def _prepare() -> None:
    """Make the directories, and put boot.php and the fleet's file there."""
    boot_dir = Path(settings.VMOODLE_BOOT_DIR)
    if not boot_dir.is_dir():
        boot_dir.mkdir(mode=0o750, parents=True)
        _give_to_web(boot_dir)
    Path(settings.VMOODLE_SITES_DIR).mkdir(parents=True, exist_ok=True)
    _write_if_new(boot_dir / "boot.php", BOOT.read_text(encoding="utf-8"))
    _write_if_new(boot_file(FLEET), php_return(fleet_values()))


def _write_if_new(path: Path, text: str) -> bool:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    _write(path, text)
    return True


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    _give_to_web(fresh)
    fresh.replace(path)


def _give_to_web(path: Path) -> None:
    if settings.VMOODLE_WEB_GROUP:
        shutil.chown(path, group=settings.VMOODLE_WEB_GROUP)


def _link(link: Path, target: str) -> None:
    if link.is_symlink() and link.readlink() == Path(target):
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def rebuild(tenants: Iterable["Tenant"]) -> list[str]:
    """Publish all of these and remove what belongs to no tenant; return changes."""
    changed = []
    keys = {FLEET, "boot"}
    for tenant in tenants:
        keys.add(tenant.key)
        publish(tenant)
    for path in Path(settings.VMOODLE_BOOT_DIR).glob("*.php"):
        if path.stem not in keys:
            unpublish(path.stem)
            changed.append(f"removed {path.stem}")
    return changed
