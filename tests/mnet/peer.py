"""A peer of MNet on this machine, which a test lets answer as it likes."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mnet.client import Caller
from mnet.keys import Owner, Pair, make
from mnet.seal import seal, sign, unseal, verify

SERVICES = """<?xml version="1.0"?><methodResponse><params><param><value><array><data>
<value><struct><member><name>name</name><value><string>sso_idp</string></value></member>
<member><name>apiversion</name><value><string>1</string></value></member>
<member><name>publish</name><value><string>1</string></value></member>
<member><name>subscribe</name><value><string>0</string></value></member></struct></value>
</data></array></value></param></params></methodResponse>"""
CALLER = "https://caller.example.org"
Answer = Callable[["Site", bytes], bytes | str]
Raw = Callable[[BaseHTTPRequestHandler], None]


def fault(code: int, text: str) -> str:
    return (
        "<methodResponse><fault><value><struct><member><name>faultCode</name>"
        f"<value><int>{code}</int></value></member><member><name>faultString</name>"
        f"<value><string>{text}</string></value></member></struct></value></fault>"
        "</methodResponse>"
    )


def value(text: str) -> str:
    return (
        "<methodResponse><params><param><value><string>"
        f"{text}</string></value></param></params></methodResponse>"
    )


@dataclass
class Site:
    """The peer. `answers` gives what it answers; `acts` does all by itself."""

    wwwroot: str
    pair: Pair
    caller: Caller
    answers: Answer
    port: int
    acts: Raw | None = None
    calls: int = 0
    headers: dict[str, str] = field(default_factory=dict)  # of the last call

    def asked(self, body: bytes) -> bytes:
        """Return the payload of a call, when it is sealed and signed as it must be."""
        opened = unseal(body, self.pair.private_key)
        return verify(opened, CALLER, self.caller.pair.certificate).payload

    def sealed(self, payload: str, *, by: Pair | None = None, ago: int = 0) -> bytes:
        key = (by or self.pair).private_key
        signed = sign(payload.encode(), self.wwwroot, key, int(time.time()) - ago)
        return seal(signed, self.wwwroot, self.caller.pair.certificate)

    def sealed_alone(self, payload: str) -> bytes:
        """Return what it answers, unsigned, to a call in its own name."""
        return seal(payload.encode(), self.wwwroot, self.pair.certificate)


def honest(site: Site, body: bytes) -> bytes | str:
    if b"system/keyswap" in body:
        return value(site.pair.certificate)
    assert b"<methodName>system/listServices<" in site.asked(body)
    return site.sealed(SERVICES)


@contextmanager
def serving(tls: ssl.SSLContext | None = None, wwwroot: str = "") -> Iterator[Site]:
    caller = Caller(CALLER, make(Owner(CALLER, "Caller", "noreply@example.org")))
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        scheme = "https" if tls else "http"
        wwwroot = wwwroot or f"{scheme}://peer.localhost:{server.server_port}/moodle"
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        pair = make(Owner(wwwroot, "Peer", "noreply@example.org"))
        site = Site(wwwroot, pair, caller, honest, server.server_port)
        server.RequestHandlerClass = _handler(site)
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield site
        server.shutdown()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/moodle/mnet/xmlrpc/server.php"
            assert f"//{self.headers['Host']}/moodle" in site.wwwroot
            site.headers = dict(self.headers)
            site.calls += 1
            if site.acts:
                site.acts(self)
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = site.answers(site, body)
            text = answer.encode() if isinstance(answer, str) else answer
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
