"""Peers by https: whose certificate is taken, and by which way they are reached."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mnet.client import Calls
from mnet.errors import MnetError
from tests.mnet.peer import Site, serving


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a certificate for peer.localhost that no CA but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer.localhost")])
    now, names = datetime.now(UTC), [x509.DNSName("peer.localhost")]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key.pem").write_bytes(pem)
    path = tmp_path / "own.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def ask(site: Site) -> object:
    calls = Calls(deadline=60)
    return calls.services(site.caller, site.wwwroot, site.pair.certificate)


def test_a_certificate_of_an_own_ca_is_taken_if_that_is_named(own: Path, monkeypatch):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(own, own.with_name("key.pem"))
    with serving(tls) as site:
        with pytest.raises(MnetError) as refused:
            ask(site)
        assert site.calls == 0

        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        assert ask(site) == {"sso_idp": (True, False)}

    assert str(refused.value) == (
        f"{site.wwwroot}: its TLS certificate is not accepted: self-signed certificate:"
        " let this machine trust its CA, or name the CA's file in SSL_CERT_FILE"
    )


def test_a_site_behind_a_proxy_is_reached_by_the_web_servers_address(settings):
    with serving(wwwroot="https://peer.example.org/moodle") as site:
        settings.VMOODLE_WEB_ADDRESS = f"http://127.0.0.1:{site.port}"

        assert ask(site) == {"sso_idp": (True, False)}

    assert site.headers["Host"] == "peer.example.org"
    assert site.headers["X-Forwarded-Proto"] == "https"
