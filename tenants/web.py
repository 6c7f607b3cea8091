"""Pages of tenants, asked by HTTP as a visitor would. Nothing else asks them.

The web server is found where the host name leads, or at `VMOODLE_WEB_ADDRESS`, which a
machine that sees its sites by another way than visitors do needs.
"""

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from tenants.errors import VMoodleError

if TYPE_CHECKING:
    from tenants.models import Tenant

SECONDS = 30  # a site that is new, or was purged, first fills its caches
LARGEST = 2 * 1024**2  # bytes of a page that are read
PORTS = {"http": 80, "https": 443}


class WebError(VMoodleError):
    """A page could not be had: one sentence says why."""


@dataclass(frozen=True)
class Page:
    """What a web server answered."""

    status: int
    location: str
    text: str


class _Secure(HTTPSConnection):
    """Asks at one address for the certificate of a host."""

    site = ""

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(plain, server_hostname=self.site or self.host)


def get(tenant: "Tenant", path: str) -> Page:
    """Return a page of the tenant, `path` below its wwwroot; raise WebError."""
    site = urlsplit(tenant.wwwroot)
    address = urlsplit(settings.VMOODLE_WEB_ADDRESS or tenant.wwwroot)
    headers = {"Host": site.netloc, "User-Agent": "VMoodle"}
    if site.scheme != address.scheme:
        headers["X-Forwarded-Proto"] = site.scheme
    with closing(_connection(site, address)) as connection:
        try:
            connection.request("GET", f"{site.path}{path}", headers=headers)
            answer = connection.getresponse()
            text = answer.read(LARGEST).decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise WebError(_why(error, address)) from error
    return Page(answer.status, answer.getheader("Location", ""), text)


def _connection(site: SplitResult, address: SplitResult) -> HTTPConnection:
    host, port = address.hostname or "", address.port or PORTS[address.scheme]
    if address.scheme == "http":
        return HTTPConnection(host, port, timeout=SECONDS)
    secure = _Secure(host, port, timeout=SECONDS)
    secure.site = site.hostname or ""
    return secure


def _why(error: Exception, address: SplitResult) -> str:
    where = address.netloc
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{where} shows a certificate that is not valid: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"{where} does not resolve"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer in time"
    said = error.strerror if isinstance(error, OSError) else ""
    return f"{where} does not answer: {said or error or type(error).__name__}"


def resolves(host: str) -> bool:
    """Return whether a host name leads to an address."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
