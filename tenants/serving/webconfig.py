"""The web server's configuration, as the registry's addresses want it."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from tenants.errors import VMoodleError
from tenants.models import Tenant
from tenants.wwwroot import DEFAULT_PORTS

SERVERS = ("nginx", "apache")
HOST = "{host}"  # in a certificate's path: there is one for each host
PLAIN = re.compile(r"/[A-Za-z0-9._/@+-]+")  # what needs no quotes anywhere


class WebConfigError(VMoodleError):
    """There can be no such configuration: one sentence says why."""


def text(
    server: str,
    tenants: Iterable[Tenant],
    *,
    php_socket: str,
    certificate: str = "",
    key: str = "",
) -> str:
    """Return the configuration of nginx or Apache for these tenants.

    Without a certificate TLS is a proxy's; with `{host}` in its path each host has a
    certificate, and a server of its own.
    """
    roots = [urlsplit(tenant.wwwroot) for tenant in tenants]
    if bool(certificate) != bool(key) or (HOST in certificate) != (HOST in key):
        raise WebConfigError(
            "Give both the certificate and its key, with {host} in both or in none"
        )
    each = HOST in certificate
    names = sorted({root.hostname or "" for root in roots}) if each else [""]
    if not names:
        raise WebConfigError("There is no tenant whose host could have a certificate")
    hosts = [
        {
            "name": name,
            "certificate": _plain(certificate.replace(HOST, name)),
            "key": _plain(key.replace(HOST, name)),
        }
        for name in names
    ]
    context = {
        "hosts": hosts,
        "php_socket": _plain(php_socket),
        "sites": _plain(str(settings.VMOODLE_SITES_DIR.absolute())),
        "made_by": f"manage.py webconfig --server {server}",
        **_ports(roots, tls=bool(certificate)),
        **_when(roots, each),
    }
    return render_to_string(f"webserver/{server}.conf", context)


def _ports(roots: Iterable[Any], *, tls: bool) -> dict[str, list[int]]:
    """Return which ports to listen on: 80 and, with TLS, 443 in any case."""
    plain, secure = {80}, {443}
    for root in roots:
        kind = secure if root.scheme == "https" else plain
        kind.add(root.port or DEFAULT_PORTS[root.scheme])
    secure = secure if tls else set()
    both = plain | secure
    return {
        "plain": sorted(plain - secure),
        "tls": sorted(secure),
        "ports": sorted(both),
        "listen": sorted(both - {80, 443}),  # the others are in Debian's ports.conf
    }


def _when(roots: Iterable[Any], each: bool) -> dict[str, Any]:
    """Return whether there are sub-paths, and when all is to be made again."""
    below = settings.VMOODLE_USE_SUBPATH or any(root.path for root in roots)
    reasons = ["a tenant gets a port that none has had"]
    if each:
        reasons.insert(0, "a tenant gets a host that none has had")
    if not below:
        reasons.append("VMOODLE_USE_SUBPATH is switched on")
    return {"when": ", or ".join(reasons), "subpath": below}


def _plain(path: str) -> str:
    if path and not PLAIN.fullmatch(path):
        raise WebConfigError(
            f"{path!r} cannot stand in a web server's configuration: give an absolute "
            "path of letters, digits and '._/@+-'"
        )
    return path
