"""The envelopes of MNet messages: signed, then sealed for the receiver.

Bytes in, bytes out: no files, no network, no settings. Certificates and private keys
are PEM text. The algorithms are those that Moodle has: RSA with SHA-1 signs the
payload, RC4 with a key of 128 bits, wrapped by RSA, seals all. Hence, from a message
alone, only the payload is proved: the address and the time beside it are not signed,
and RC4 lets an attacker on the way flip single bits of them.
"""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher

from mnet import keys, safexml
from mnet.errors import MnetError

KEY = 16  # bytes of an RC4 key: openssl_seal() makes no other
DSIG = "http://www.w3.org/2000/09/xmldsig#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

# PHP: mnet/lib.php mnet_sign_message()
SIGNED = f"""<?xml version="1.0" encoding="iso-8859-1"?>
<signedMessage>
  <Signature Id="MoodleSignature" xmlns="{DSIG}">
    <SignedInfo>
      <CanonicalizationMethod Algorithm="{C14N}"/>
      <SignatureMethod Algorithm="{DSIG}rsa-sha1"/>
      <Reference URI="#XMLRPC-MSG">
        <DigestMethod Algorithm="{DSIG}sha1"/>
        <DigestValue>{{digest}}</DigestValue>
      </Reference>
    </SignedInfo>
    <SignatureValue>{{signature}}</SignatureValue>
    <KeyInfo><RetrievalMethod URI="{{wwwroot}}/mnet/publickey.php"/></KeyInfo>
  </Signature>
  <object ID="XMLRPC-MSG">{{payload}}</object>
  <wwwroot>{{wwwroot}}</wwwroot>
  <timestamp>{{timestamp}}</timestamp>
</signedMessage>"""

# PHP: mnet/lib.php mnet_encrypt_message(); its reader wants the data before the key.
SEALED = f"""<?xml version="1.0" encoding="iso-8859-1"?>
<encryptedMessage>
  <EncryptedData Id="ED" xmlns="{ENC}">
    <EncryptionMethod Algorithm="{ENC}arcfour"/>
    <ds:KeyInfo xmlns:ds="{DSIG}">
      <ds:RetrievalMethod URI="#EK" Type="{ENC}EncryptedKey"/>
      <ds:KeyName>XMLENC</ds:KeyName>
    </ds:KeyInfo>
    <CipherData><CipherValue>{{data}}</CipherValue></CipherData>
  </EncryptedData>
  <EncryptedKey Id="EK" xmlns="{ENC}">
    <EncryptionMethod Algorithm="{ENC}rsa-1_5"/>
    <ds:KeyInfo xmlns:ds="{DSIG}"><ds:KeyName>SSLKEY</ds:KeyName></ds:KeyInfo>
    <CipherData><CipherValue>{{key}}</CipherValue></CipherData>
    <ReferenceList><DataReference URI="#ED"/></ReferenceList>
    <CarriedKeyName>XMLENC</CarriedKeyName>
  </EncryptedKey>
  <wwwroot>{{wwwroot}}</wwwroot>
</encryptedMessage>"""


class NotForUs(MnetError):
    """The message is sealed for another key."""


@dataclass(frozen=True)
class Message:
    """A message whose signature is right, and when its sender says it was made."""

    payload: bytes
    wwwroot: str
    timestamp: int


def sign(payload: bytes, wwwroot: str, private_key: str, timestamp: int) -> bytes:
    """Return the payload signed by the site of this address."""
    signature = keys.private_key(private_key).sign(
        payload,
        padding.PKCS1v15(),
        hashes.SHA1(),  # noqa: S303 - Moodle has no other
    )
    return SIGNED.format(
        digest=_digest(payload),
        signature=_base64(signature),
        payload=_base64(payload),
        wwwroot=escape(wwwroot),
        timestamp=timestamp,
    ).encode("ascii", "xmlcharrefreplace")


def seal(message: bytes, wwwroot: str, certificate: str) -> bytes:
    """Return a message that only the owner of the certificate can open."""
    key = secrets.token_bytes(KEY)
    wrapped = keys.public_key(certificate).encrypt(key, padding.PKCS1v15())
    return SEALED.format(
        data=_base64(_rc4(message, key)), key=_base64(wrapped), wwwroot=escape(wwwroot)
    ).encode("ascii", "xmlcharrefreplace")


def is_sealed(envelope: bytes) -> bool:
    return safexml.name(safexml.root(envelope)) == "encryptedMessage"


def unseal(
    envelope: bytes, private_key: str, begins: bytes = b"<signedMessage>"
) -> bytes:
    """Return the message that was sealed for the owner of the private key.

    Raises NotForUs when it was sealed for another one: then what is to stand at its
    beginning does not.
    """
    root = safexml.root(envelope)
    if safexml.name(root) != "encryptedMessage":
        raise MnetError("the message is not encrypted")
    data = _bytes(safexml.only(root, "EncryptedData/CipherData/CipherValue"))
    wrapped = _bytes(safexml.only(root, "EncryptedKey/CipherData/CipherValue"))
    try:
        key = keys.private_key(private_key).decrypt(wrapped, padding.PKCS1v15())
    except ValueError:
        key = b""
    # A wrong key does not fail: OpenSSL then gives bytes that nobody can foretell.
    message = _rc4(data, key) if len(key) == KEY else b""
    if begins not in message[:100]:
        raise NotForUs("the message was sealed for another key, or altered on its way")
    return message


def verify(message: bytes, wwwroot: str, certificate: str) -> Message:
    """Return what the site of this address signed; raise MnetError when it did not."""
    root = safexml.root(message)
    if safexml.name(root) != "signedMessage":
        raise MnetError("the message is not signed")
    sender = safexml.only(root, "wwwroot")
    if sender != wwwroot:
        raise MnetError(f"the message says it is from {sender[:200]}, not {wwwroot}")
    timestamp = safexml.only(root, "timestamp")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise MnetError("the message does not say when it was made")
    payload = _bytes(safexml.only(root, "object"))
    signature = _bytes(safexml.only(root, "Signature/SignatureValue"))
    try:
        keys.public_key(certificate).verify(
            signature,
            payload,
            padding.PKCS1v15(),
            hashes.SHA1(),  # noqa: S303 - Moodle has no other
        )
    except InvalidSignature as error:
        raise MnetError(
            "the message was altered on its way, or signed with another key"
        ) from error
    digest = safexml.only(root, "Signature/SignedInfo/Reference/DigestValue")
    if digest != _digest(payload):
        raise MnetError("the message does not fit its digest: it was altered")
    return Message(payload, sender, int(timestamp))


def _digest(payload: bytes) -> str:
    return hashlib.sha1(payload, usedforsecurity=False).hexdigest()


def _rc4(data: bytes, key: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MnetError("a part of the message is not base64") from error
