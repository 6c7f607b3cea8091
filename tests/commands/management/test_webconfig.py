"""What `webconfig` prints is right in the eyes of the servers themselves."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests import webserver
from tests.commands.conftest import Manage


@pytest.fixture
def tenants(rows) -> None:
    for number, root in enumerate(
        ["https://a.example.org", "https://b.example.org:9443", "http://c.example.org"]
    ):
        rows(1, wwwroot=root, key=f"k{number}")


@pytest.fixture
def certificate(tmp_path: Path) -> list[str]:
    """Return the options that name a certificate, self-signed, for each host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now, now + datetime.timedelta(1)
    ).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + made.public_bytes(serialization.Encoding.PEM)
    for host in "abc":
        (tmp_path / f"{host}.example.org.pem").write_bytes(pem)
    return [f"--{what}={tmp_path}/{{host}}.pem" for what in ("certificate", "key")]


@pytest.mark.parametrize("kind", ["nginx", "apache"])
@pytest.mark.parametrize("below", [True, False], ids=["sub-paths", "hosts"])
@pytest.mark.parametrize("tls", ["none", "one", "each"])
def test_the_servers_take_it(
    manage: Manage, tenants, certificate, settings, tmp_path, kind, below, tls
):
    settings.VMOODLE_USE_SUBPATH = below
    given = {
        "none": [],
        "one": [word.replace("{host}", "a.example.org") for word in certificate],
        "each": certificate,
    }[tls]

    said = manage("webconfig", f"--server={kind}", *given)

    assert said.code == 0, said.err
    assert ("9443" in said.out) == (tls != "none")
    assert ("c.example.org" in said.out) == (tls == "each")
    assert str(settings.VMOODLE_SITES_DIR) in said.out
    assert ("VMOODLE_USE_SUBPATH is switched on" in said.out) == (not below)
    assert webserver.complaints(kind, tmp_path, said.out) == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--certificate=/a.pem"], "Give both the certificate and its key"),
        (["--certificate=/{host}.pem", "--key=/a.pem"], "with {host} in both"),
        (["--php-socket=/run/a; b"], "cannot stand in a web server's configuration"),
    ],
)
def test_what_cannot_be_is_said(manage: Manage, tenants, words, sentence: str):
    said = manage("webconfig", *words)

    assert said.code == 2
    assert sentence in said.err


def test_hosts_certificates_need_a_host(manage: Manage, db):
    words = ["--certificate=/{host}.pem", "--key=/{host}.key"]

    assert "There is no tenant" in manage("webconfig", *words).err
