"""Keys and certificates: PHP's OpenSSL reads ours, and we read PHP's."""

import json
import subprocess
import time

import pytest

from mnet.errors import MnetError
from mnet.keys import (
    BITS,
    SEPARATOR,
    Owner,
    Pair,
    address,
    archived,
    expires,
    former,
    is_expired,
    is_for,
    make,
    parse,
    signed_itself,
)

WWWROOT = "https://ecole.example.org/" + "a-very-long-path/" * 4 + "x"
OWNER = Owner(WWWROOT, "Écôle, « Été »", "noreply@example.org", "FR", "Nîmes")
# What Moodle does with a stored pair, and how it makes one.
READ = """
[$certificate, $key] = explode('@@@@@@@@', stream_get_contents(STDIN));
$read = openssl_x509_parse($certificate);
openssl_sign('text', $signature, openssl_pkey_get_private($key));
echo json_encode([$read['subject'], $read['validTo_time_t'], $read['extensions'],
    openssl_verify('text', $signature, $certificate),
    openssl_pkey_get_details(openssl_pkey_get_public($certificate))['bits']]);
"""
MAKE = """
$dn = ['countryName' => 'NZ', 'organizationName' => 'Écôle',
    'commonName' => 'https://a.example.org', 'subjectAltName' => 'https://a.example.org'];
$key = openssl_pkey_new();
$signed = openssl_csr_sign(openssl_csr_new($dn, $key), null, $key, 28);
openssl_x509_export($signed, $pair['certificate']);
openssl_pkey_export($key, $pair['keypair_PEM']);
$expires = openssl_x509_parse($pair['certificate'])['validTo_time_t'];
$old = $pair + ['expires' => $expires];
echo json_encode([implode('@@@@@@@@', $pair), $expires,
    serialize([$old, ['expires' => (string) $expires] + $old])]);
"""


def php(code: str, text: str = "") -> object:
    done = subprocess.run(
        ["php", "-r", code], input=text, capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make(OWNER, days=90)


@pytest.fixture(scope="module")
def made_by_php() -> list:
    return php(MAKE)


def test_php_reads_a_pair_of_ours(pair: Pair):
    subject, until, extensions, verified, bits = php(READ, pair.stored())

    assert subject == {
        "C": "FR",
        "ST": "Nîmes",
        "L": "Nîmes",
        "O": "Écôle, « Été »",
        "OU": "Moodle",
        "CN": WWWROOT[:64],
        "subjectAltName": WWWROOT,
        "emailAddress": "noreply@example.org",
    }
    assert list(subject)[-3:] == ["CN", "subjectAltName", "emailAddress"]
    assert until == pair.expires
    assert until == pytest.approx(time.time() + 90 * 86400, abs=60)
    assert extensions["basicConstraints"] == "CA:TRUE"
    assert (verified, bits) == (1, BITS)


def test_a_stored_pair_is_read_back(pair: Pair):
    assert parse(pair.stored()) == pair
    assert pair.private_key not in repr(pair)
    assert is_for(pair.certificate, WWWROOT)
    assert not is_for(pair.certificate, WWWROOT + "y")
    assert address(pair.certificate) == WWWROOT
    assert signed_itself(pair.certificate)


def test_we_read_a_pair_of_php(made_by_php: list):
    stored, until, history = made_by_php

    pair = parse(stored)

    assert pair.expires == until
    assert is_for(pair.certificate, "https://a.example.org")
    assert signed_itself(pair.certificate)
    assert [(old.pair, old.expires) for old in former(history)] == [(pair, until)] * 2


def test_php_reads_the_former_pairs(pair: Pair, made_by_php: list):
    other = parse(made_by_php[0])

    history = archived(archived(archived("", other), pair), pair)

    assert php(
        "echo json_encode(unserialize(stream_get_contents(STDIN)));", history
    ) == [
        {
            "certificate": one.certificate,
            "keypair_PEM": one.private_key,
            "expires": one.expires,
        }
        for one in (pair, other)
    ]
    assert [old.pair for old in former(archived(history, other, 1))] == [other]


def test_the_end_of_a_certificate_is_known(pair: Pair):
    assert not is_expired(pair.certificate)
    assert is_expired(pair.certificate, now=expires(pair.certificate))


def test_a_name_longer_than_a_certificate_holds_is_cut():
    owner = Owner("https://a.example.org", "é" * 200, "", country="", city="x" * 200)

    subject = php(READ, make(owner).stored())[0]

    assert subject["O"] == "é" * 64
    assert subject["L"] == "x" * 128
    assert subject["C"] == "NZ"
    assert "emailAddress" not in subject


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda pair, other: "", "holds no key pair"),
        (lambda pair, other: pair.certificate, "holds no key pair"),
        (lambda pair, other: f"x{SEPARATOR}y", "certificate cannot be read"),
        (
            lambda pair, other: f"{pair.certificate}{SEPARATOR}y",
            "private key cannot be",
        ),
        (
            lambda pair, other: Pair(pair.certificate, other.private_key).stored(),
            "do not belong together",
        ),
    ],
    ids=["empty", "half", "no certificate", "no key", "two halves"],
)
def test_what_is_no_pair_is_refused(change, says, pair: Pair, made_by_php: list):
    with pytest.raises(MnetError, match=says):
        parse(change(pair, parse(made_by_php[0])))


def test_a_history_that_cannot_be_read_is_refused(pair: Pair):
    history = archived("", pair)

    for wrong in (history.replace("a:1:{", "a:2:{", 1), "x", history[:-200]):
        with pytest.raises(MnetError, match="openssl_history cannot be read"):
            former(wrong)


@pytest.mark.parametrize(
    "given", [{"days": 0}, {"days": 10**6}, {"bits": 1024}], ids=str
)
def test_weak_and_endless_keys_are_refused(given: dict):
    with pytest.raises(MnetError, match="cannot last|too weak"):
        make(OWNER, **given)


def test_a_certificate_that_somebody_changed_is_told(pair: Pair):
    lines = pair.certificate.splitlines()
    lines[8] = ("B" if lines[8][0] == "A" else "A") + lines[8][1:]

    assert not signed_itself("\n".join(lines))
