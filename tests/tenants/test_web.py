import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenants import web
from tenants.models import Tenant

SITE = Tenant(wwwroot="https://one.example.org/sub")


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        told = [self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]]
        self.wfile.write(" ".join(map(str, told)).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def certificate(host: str, path: Path) -> Path:
    """Write a key and a certificate of its own for a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
        datetime.now(UTC),
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return path


def begin(server: HTTPServer) -> int:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


@pytest.fixture
def echo() -> Iterator[HTTPServer]:
    """Return a server that tells what it was asked for, not yet begun."""
    with HTTPServer(("127.0.0.1", 0), Echo) as made:
        yield made
        made.shutdown()


def test_a_page_is_asked_at_another_address(echo: HTTPServer, settings):
    settings.VMOODLE_WEB_ADDRESS = f"http://127.0.0.1:{begin(echo)}"

    page = web.get(SITE, "/login/index.php")

    assert page.status == 200
    assert page.text == "/sub/login/index.php one.example.org https"


def test_a_certificate_must_be_the_site_s(
    echo: HTTPServer, settings, monkeypatch, tmp_path: Path
):
    pem = certificate("one.example.org", tmp_path / "one.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    echo.socket = context.wrap_socket(echo.socket, server_side=True)
    settings.VMOODLE_WEB_ADDRESS = f"https://127.0.0.1:{begin(echo)}"

    with pytest.raises(web.WebError, match="a certificate that is not valid"):
        web.get(SITE, "/")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert web.get(SITE, "/").status == 200
    with pytest.raises(web.WebError, match="a certificate that is not valid"):
        web.get(Tenant(wwwroot="https://two.example.org"), "/")


def test_no_web_server_is_one_sentence(settings):
    settings.VMOODLE_WEB_ADDRESS = "http://127.0.0.1:9"

    with pytest.raises(web.WebError, match="127.0.0.1:9 does not answer: Connection"):
        web.get(SITE, "/")
