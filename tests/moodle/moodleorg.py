"""A proxy that answers in the place of moodle.org, over TLS, with what a test gives.

Sites get there by their settings `proxyhost` and `proxyport`, and trust it by the
`moodleorgca.crt` in their data directories, which Moodle prefers to the system's.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs
from zipfile import ZipFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOSTS = ("download.moodle.org", "stats.moodle.org")


class MoodleOrg(ThreadingHTTPServer):
    """`files` are served by their paths; what sites tell of themselves is in `told`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.certificate = directory / "moodle-org.pem"
        _certify(self.certificate)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate)
        self.files: dict[str, bytes] = {}
        self.told: list[dict[str, str]] = []
        self.answer: object = True  # to what sites tell

    @property
    def settings(self) -> dict[str, object]:
        """Return the settings of a site that lead it here.

        With hosts to block it would look up moodle.org's address first, which a machine
        without the Internet cannot.
        """
        proxy = {"proxyhost": "127.0.0.1", "proxyport": self.server_address[1]}
        return proxy | {"curlsecurityblockedhosts": ""}

    def offer(self, version: str, name: str, text: str) -> None:
        """Serve a language pack that consists of its langconfig.php."""
        packed = BytesIO()
        with ZipFile(packed, "w") as file:
            file.writestr(f"{name}/langconfig.php", text)
        pack = packed.getvalue()
        sums = f"{name},{md5(pack, usedforsecurity=False).hexdigest()},{name}\n"
        direct = f"/download.php/direct/langpack/{version}"
        self.files = {
            f"/langpack/{version}/languages.md5": sums.encode(),
            f"{direct}/languages.md5": sums.encode(),
            f"{direct}/{name}.zip": pack,
        }


@contextmanager
def moodle_org(directory: Path) -> Iterator[MoodleOrg]:
    with MoodleOrg(directory) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Visit(BaseHTTPRequestHandler):
    server: MoodleOrg
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        if self.path.partition(":")[0] not in HOSTS:
            self.send_error(403)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        body = self.server.files.get(self.path)
        self._send(404 if body is None else 200, body or b"")

    do_HEAD = do_GET  # noqa: N815 - the base's name

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        fields = parse_qs(self.rfile.read(size).decode())
        self.server.told.append({name: values[0] for name, values in fields.items()})
        self._send(200, json.dumps(self.server.answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_args: object) -> None:
        """Say nothing on standard error."""


def _certify(path: Path) -> None:
    """Write a key and its own certificate for the hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOSTS[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, HOSTS)]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
