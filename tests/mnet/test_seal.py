"""Envelopes: Moodle's library and PHP's OpenSSL open ours, and we open theirs."""

import base64
import time

import pytest

from mnet.errors import MnetError
from mnet.keys import Owner, make
from mnet.seal import NotForUs, is_sealed, seal, sign, unseal, verify
from tests.mnet.envelopes import ALPHA, BETA, HERE, kept, moodle

FROM_MOODLE = (HERE / "samples/alpha-to-beta.xml").read_bytes()
A, B = kept("alpha"), kept("beta")
TEXT = "<methodCall>é</methodCall>".encode()


def signed() -> bytes:
    return sign(TEXT, ALPHA, A.private_key, 1_700_000_000)


def test_moodle_opens_and_verifies_what_we_seal():
    found = moodle(
        envelope=seal(signed(), ALPHA, B.certificate).decode(),
        wwwroot=BETA,
        key=B.private_key,
        certificate=A.certificate,
    )

    assert found == {
        "opened": True,
        "from": [ALPHA, ALPHA],
        "timestamp": "1700000000",
        "verified": 1,
        "payload": TEXT.decode(),
    }


def test_we_open_and_verify_what_moodle_seals():
    made = moodle(
        message="x" * 5000, wwwroot=ALPHA, key=A.private_key, certificate=B.certificate
    )

    found = verify(unseal(made.encode(), B.private_key), ALPHA, A.certificate)

    assert found.payload == b"x" * 5000
    assert found.timestamp == pytest.approx(time.time(), abs=60)


def test_we_open_and_verify_what_a_moodle_sealed_once():
    assert is_sealed(FROM_MOODLE)
    found = verify(unseal(FROM_MOODLE, B.private_key), ALPHA, A.certificate)
    assert b"<methodName>system/listServices</methodName>" in found.payload


def test_what_is_for_somebody_else_is_not_opened():
    with pytest.raises(NotForUs, match="sealed for another key"):
        unseal(FROM_MOODLE, A.private_key)


def changed(text: bytes, old: bytes, new: bytes) -> bytes:
    assert text.count(old) > 0
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (
            lambda text: changed(text, base64.b64encode(TEXT), b"eA=="),
            "altered on its way, or signed with another key",
        ),
        (lambda text: sign(TEXT, ALPHA, B.private_key, 1), "signed with another key"),
        (lambda text: sign(TEXT, BETA, A.private_key, 1), "says it is from https://b"),
        (lambda text: changed(text, b"<DigestValue>", b"<DigestValue>0"), "its digest"),
        (lambda text: changed(text, b"1700000000", b"now"), "when it was made"),
        (lambda text: changed(text, b"</object>", b"?</object>"), "not base64"),
        (
            lambda text: changed(
                text, b"</object>", b'</object><object ID="XMLRPC-MSG">eA==</object>'
            ),
            "2 elements object",
        ),
        (lambda text: TEXT, "not signed"),
        (lambda text: b"", "not well-formed"),
        (lambda text: b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
    ],
    ids=[
        "payload",
        "key",
        "sender",
        "digest",
        "time",
        "base64",
        "twice",
        "unsigned",
        "empty",
        "entities",
    ],
)
def test_what_was_forged_is_refused(forge, says: str):
    with pytest.raises(MnetError, match=says):
        verify(forge(signed()), ALPHA, A.certificate)


def test_a_sealed_message_with_a_bit_changed_is_refused():
    sealed = seal(signed(), ALPHA, B.certificate)
    start, end = (sealed.index(mark) for mark in (b"<CipherValue>", b"</CipherValue>"))
    data = bytearray(base64.b64decode(sealed[start + 13 : end]))
    data[len(data) // 2] ^= 1  # within the payload
    forged = sealed[: start + 13] + base64.b64encode(data) + sealed[end:]

    with pytest.raises(MnetError):
        verify(unseal(forged, B.private_key), ALPHA, A.certificate)


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        (signed(), "not encrypted"),
        (b"<encryptedMessage/>", "0 elements EncryptedData"),
        (changed(FROM_MOODLE, b"<CipherValue>", b"<CipherValue>!"), "not base64"),
    ],
    ids=["unsealed", "empty", "base64"],
)
def test_what_is_no_envelope_is_refused(envelope: bytes, says: str):
    with pytest.raises(MnetError, match=says):
        unseal(envelope, B.private_key)


def test_a_new_pair_is_as_good_as_moodles():
    pair = make(Owner(ALPHA, "Alpha", "noreply@example.org"))

    sealed = seal(sign(TEXT, ALPHA, pair.private_key, 1), ALPHA, pair.certificate)

    opened = unseal(sealed, pair.private_key)
    assert verify(opened, ALPHA, pair.certificate).payload == TEXT
