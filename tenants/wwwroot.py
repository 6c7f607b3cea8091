"""The identity of a tenant: its wwwroot, and the key derived from it."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

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
        raise _refused(_("%(it)r is not a URL: %(why)s"), text, why=error) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused(_("%(it)r must begin with http:// or https://"), text)
    if parts.username is not None or parts.password is not None:
        raise ValidationError(
            _("A wwwroot holds no user name or password: remove them")
        )
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise _refused(_("%(it)r must not hold a query or a fragment"), text)
    netloc = _clean_host(parts.hostname or "")
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        netloc += f":{port}"
    return f"{parts.scheme}://{netloc}{_clean_path(parts.path)}"


def _refused(sentence: str, it: str, **more: object) -> ValidationError:
    return ValidationError(sentence, params={"it": it, **more})


def _clean_host(host: str) -> str:
    if set(host) & DEVIATING:
        raise _refused(_("%(it)r has two readings: give its xn-- form"), host)
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise _refused(_("%(it)r is not a host name"), host) from error
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise _refused(_("%(it)r is not a host name"), host)
    return host


def _clean_path(path: str) -> str:
    path = path.strip("/")
    if not path:
        return ""
    if not SEGMENT.fullmatch(path):
        refused = _(
            "/%(it)s is not one sub-path of letters, digits, '-' and '_': only the"
            " first level is supported"
        )
        raise _refused(refused, path)
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
