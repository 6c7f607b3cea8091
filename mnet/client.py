"""Call a peer's mnet/xmlrpc/server.php as another peer would. The only HTTP of MNet.

One request, no redirects, a deadline for the whole of it, and a limit for its size. It
goes where the address leads, or to `VMOODLE_WEB_ADDRESS`, as all that asks the sites.
Nothing that is answered is stored. See `Calls` for what keeps answers from being
replayed.
"""

import hashlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from mnet import keys, seal, xmlrpc
from mnet.errors import MnetError
from mnet.keys import Pair
from mnet.sites import Services
from tenants.web import PORTS

SERVER = "/mnet/xmlrpc/server.php"
DEADLINE = 30.0  # seconds for one call
LARGEST = 1024**2  # bytes of an answer
LONGEST = 600  # characters that are told of one
DRIFT = 15  # seconds: Moodle's own limit, its setting mnet/drift_threshold
NEWER_KEY, CANNOT_OPEN = 7025, 7023
# PHP: mnet/xmlrpc/server.php and serverlib.php
FAULTS = {
    704: "MNet is off there",
    710: "it does not accept {me}'s signature: it has another certificate of it",
    711: "it takes the message of {me} for unsigned",
    7020: "it does not know {me}",
    7021: "it takes the message of {me} for not encrypted",
    CANNOT_OPEN: "it cannot open what is sealed with its certificate: that is not its "
    "key's, or its PHP has no RC4 (docs/mnet.md tells what mends that)",
    NEWER_KEY: "it has a newer key than the one used",
}


@dataclass(frozen=True)
class Caller:
    """Who calls: its address, and the pair that it signs with."""

    wwwroot: str
    pair: Pair


@dataclass
class Calls:
    """Calls of peers, and what has been answered lately.

    MNet has no nonce, and does not sign the time. An answer is taken for a replay when
    its time is not that of the call, give or take 15 seconds, or when the same
    envelope came before: its RC4 key is random. Who can change bits on the way could
    change the time as well: only https keeps him out.
    """

    deadline: float = DEADLINE
    largest: int = LARGEST
    seen: dict[bytes, float] = field(default_factory=dict)

    def keyswap(self, caller: Caller, wwwroot: str) -> str:
        """Return the certificate a site tells of itself; raise MnetError.

        Neither signed nor sealed. The site stores the caller's only if it registers
        all hosts.
        """
        arguments = (caller.wwwroot, caller.pair.certificate, "moodle")
        with _about(wwwroot, caller):
            asked = xmlrpc.request("system/keyswap", arguments)
            certificate = xmlrpc.answer(self._post(wwwroot, asked))
            if not isinstance(certificate, str) or not certificate.strip():
                raise MnetError("it has no key")
            _approve(certificate, wwwroot)
            if not keys.signed_itself(certificate):
                raise MnetError("its certificate was altered")
        return certificate

    def services(self, caller: Caller, wwwroot: str, certificate: str) -> Services:
        """Return what a site publishes to the caller, and subscribes to from it."""
        found = self.call(caller, wwwroot, certificate, "system/listServices")
        with _about(wwwroot, caller):
            try:
                return {
                    str(one["name"]): (one["publish"] == "1", one["subscribe"] == "1")
                    for one in _texts(found)
                }
            except KeyError as error:
                raise MnetError(f"it lists services without their {error}") from error

    def opens(self, owner: Caller, certificate: str) -> bool:
        """Whether a site opens what is sealed for this certificate; raise MnetError.

        It is called in its own name, and the call is not signed: so a site does
        nothing but refuse it, in an answer that is sealed in turn if it was opened.
        """
        root = owner.wwwroot
        with _about(root, owner):
            call = xmlrpc.request("system/listServices")
            envelope = self._post(root, seal.seal(call, root, certificate))
            try:
                if not seal.is_sealed(envelope):
                    xmlrpc.answer(envelope)
                    raise MnetError("its answer is not encrypted")
            except xmlrpc.Fault as fault:
                if fault.code == CANNOT_OPEN:
                    return False
                raise
            seal.unseal(envelope, owner.pair.private_key, b"<methodResponse>")
        return True

    def call(
        self,
        caller: Caller,
        wwwroot: str,
        certificate: str,
        method: str,
        arguments: Sequence[str] = (),
    ) -> xmlrpc.Value:
        """Return what a site of this certificate answers to a sealed call."""
        with _about(wwwroot, caller):
            _approve(certificate, wwwroot)
            sent = time.time()
            signed = seal.sign(
                xmlrpc.request(method, arguments),
                caller.wwwroot,
                caller.pair.private_key,
                int(sent),
            )
            sealed = seal.seal(signed, caller.wwwroot, certificate)
            envelope = self._post(wwwroot, sealed)
            message = self._opened(envelope, caller)
            answered = seal.verify(message, wwwroot, certificate)
            self._fresh(envelope, answered.timestamp, sent)
            return xmlrpc.answer(answered.payload)

    def _opened(self, envelope: bytes, caller: Caller) -> bytes:
        if not seal.is_sealed(envelope):
            xmlrpc.answer(envelope)  # a fault: it did not come to know the caller
            raise MnetError("its answer is not encrypted")
        try:
            return seal.unseal(envelope, caller.pair.private_key)
        except seal.NotForUs as error:
            raise MnetError(
                f"its answer is sealed for another key than {caller.wwwroot} has: it "
                "has another certificate of it"
            ) from error

    def _fresh(self, envelope: bytes, timestamp: int, sent: float) -> None:
        now = time.time()
        if not sent - DRIFT <= timestamp <= now + DRIFT:
            way = "past" if timestamp < now else "future"
            raise MnetError(
                f"its answer is from {abs(round(now - timestamp))} seconds in the {way}"
                f": it is replayed, or the clocks differ by more than {DRIFT} seconds"
            )
        self.seen = {k: v for k, v in self.seen.items() if v > now - 4 * DRIFT}
        digest = hashlib.sha256(envelope).digest()
        if digest in self.seen:
            raise MnetError("its answer was given before: it is replayed")
        self.seen[digest] = now

    def _post(self, wwwroot: str, body: bytes) -> bytes:
        with _connected(wwwroot, self.deadline) as connection:
            parts = urlsplit(wwwroot)
            headers = {"Host": parts.netloc, "Content-Type": "text/xml; charset=utf-8"}
            if not (settings.VMOODLE_WEB_ADDRESS or wwwroot).startswith(
                f"{parts.scheme}:"
            ):
                headers["X-Forwarded-Proto"] = parts.scheme
            connection.request("POST", parts.path + SERVER, body, headers)
            with connection.getresponse() as answer:
                _check_status(answer)
                text = answer.read(self.largest + 1)
        if len(text) > self.largest:
            raise MnetError(f"its answer is larger than {self.largest // 1024} KiB")
        return text.strip()


@contextmanager
def _about(wwwroot: str, caller: Caller) -> Iterator[None]:
    """Let what is raised name the site, in one sentence whatever the peer said."""
    try:
        yield
    except xmlrpc.Fault as fault:
        meaning = FAULTS.get(fault.code, "")
        said = meaning.format(me=caller.wwwroot) or _sentence(fault)
        raise xmlrpc.Fault(fault.code, fault.text, f"{wwwroot}: {said}") from fault
    except MnetError as error:
        text = _sentence(error)
        about = text if text.startswith(f"{wwwroot}: ") else f"{wwwroot}: {text}"
        raise MnetError(about) from error


def _sentence(error: MnetError) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


@contextmanager
def _connected(wwwroot: str, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """Open a connection that is cut off at the deadline, whatever the peer sends."""
    over = threading.Event()
    opened: list[socket.socket] = []  # the connection gives its own away

    def cut() -> None:
        over.set()
        for sock in opened:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline, cut)
    timer.daemon = True
    connection = http.client.HTTPConnection(urlsplit(wwwroot).hostname or "")
    try:
        timer.start()
        with closing(connection):
            connection.sock = _socket(wwwroot, deadline, opened)
            yield connection
        if over.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException) as error:
        raise MnetError(_reason(error, over.is_set(), deadline)) from error
    finally:
        timer.cancel()
        for sock in opened:
            sock.close()


def _socket(
    wwwroot: str, deadline: float, opened: list[socket.socket]
) -> socket.socket:
    """Return what leads to a site's web server, by TLS where its address says so.

    It is among those that are opened before the peer has a say.
    """
    address = urlsplit(settings.VMOODLE_WEB_ADDRESS or wwwroot)
    host = address.hostname or ""
    if host.endswith(".localhost"):  # RFC 6761: this machine, which not all resolve
        host = "127.0.0.1"
    port = address.port or PORTS[address.scheme]
    sock = socket.create_connection((host, port), deadline)
    if address.scheme != "https":
        opened.append(sock)
        return sock
    secure = ssl.create_default_context().wrap_socket(
        sock, server_hostname=urlsplit(wwwroot).hostname, do_handshake_on_connect=False
    )
    opened.append(secure)
    secure.do_handshake()
    return secure


def _reason(error: Exception, over: bool, deadline: float) -> str:
    if over or isinstance(error, TimeoutError):
        return f"it did not answer within {deadline:g} seconds"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate is not accepted: {error.verify_message}: let this "
            "machine trust its CA, or name the CA's file in SSL_CERT_FILE"
        )
    if isinstance(error, socket.gaierror):
        return "its name has no address: look at the DNS of this machine"
    if isinstance(error, OSError):
        return f"it cannot be reached: {error.strerror or error}"
    return "it does not answer as a web server does"


def _check_status(answer: http.client.HTTPResponse) -> None:
    status = answer.status
    if 300 <= status < 400:
        where = (answer.getheader("Location") or "elsewhere")[:200]
        raise MnetError(
            f"it redirects to {where}, which is not followed: its wwwroot must be the "
            "address where it is served"
        )
    if status == 404:
        raise MnetError("MNet is off there, or that is no Moodle: it answers HTTP 404")
    if status != 200:
        raise MnetError(f"it answers HTTP {status}: look at its web server's log")


def _approve(certificate: str, wwwroot: str) -> None:
    if not keys.is_for(certificate, wwwroot):
        named = keys.address(certificate)[:200] or "nobody"
        raise MnetError(f"its certificate is for {named}: renew its key")
    if keys.is_expired(certificate):
        raise MnetError("its certificate has expired: renew its key")


def _texts(found: xmlrpc.Value) -> Iterator[dict[str, str]]:
    if not isinstance(found, list):
        raise MnetError("it does not list its services")
    for one in found:
        if not isinstance(one, dict):
            raise MnetError("it does not list its services")
        yield {name: str(value) for name, value in one.items()}
