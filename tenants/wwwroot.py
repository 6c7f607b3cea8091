"""The identity of a tenant: its wwwroot, and the key derived from it."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
SEGMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Letters that browsers write otherwise than Python, which makes straße.de strasse.de,
# and so another site.
DEVIATING = {"ß", "ς", "\u200c", "\u200d"}
DEFAULT_PORTS = {"http": 80, "https": 443}


def clean_wwwroot(text: str) -> str:
    """Return the wwwroot as the registry stores it, or raise ValidationError.

    Lower-cased, international names in their ASCII form, default port and
    trailing slash dropped.

    >>> clean_wwwroot("HTTPS://Moodle.Example.org:443/a/")
    'https://moodle.example.org/a'
    """
    text = text.strip().lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValidationError(f"{text!r} is not a URL: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise ValidationError(f"{text!r} must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValidationError("A wwwroot holds no user name or password: remove them")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValidationError(f"{text!r} must not hold a query or a fragment")
    netloc = _clean_host(parts.hostname or "")
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        netloc += f":{port}"
    return f"{parts.scheme}://{netloc}{_clean_path(parts.path)}"


def _clean_host(host: str) -> str:
    if set(host) & DEVIATING:
        raise ValidationError(f"{host!r} has two readings: give its xn-- form")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise ValidationError(f"{host!r} is not a host name") from error
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValidationError(f"{host!r} is not a host name")
    return host


def _clean_path(path: str) -> str:
    path = path.strip("/")
    if not path:
        return ""
    if not SEGMENT.fullmatch(path):
        raise ValidationError(
            f"/{path} is not one sub-path of letters, digits, '-' and '_': "
            "only the first level is supported"
        )
    return f"/{path}"


def site_key(wwwroot: str) -> str:
    """Return the name of a tenant's boot file, the same whatever its scheme.

    `host`, `+port` unless the scheme's own, `~segment` in sub-path mode; none of
    the two marks may stand in a host name.

    >>> site_key("https://moodle.example.org:8443/a")
    'moodle.example.org+8443~a'
    """
    parts = urlsplit(wwwroot)
    port = f"+{parts.port}" if parts.port else ""
    path = parts.path.strip("/")
    return f"{parts.hostname}{port}" + (f"~{path}" if path else "")
