"""Key pairs of MNet: made, written as Moodle stores them, and read back.

Nothing else makes keys or reads certificates. Values in, values out: no files, no
database, no settings. Certificates and private keys are PEM text, times are seconds
since the epoch.
"""

import re
import time
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from mnet.errors import MnetError

SEPARATOR = "@" * 8  # PHP: mnet/environment.php get_keypair()
LIFETIME = 28  # days, unless `mnetkeylifetime` says another number
LONGEST = 36500  # days: a year has four digits
BITS = 2048
GENERATIONS = 3  # former pairs kept, unless `openssl_generations` says otherwise
# Moodle writes the address twice into the subject: cut, and as this attribute.
ADDRESS = x509.ObjectIdentifier("2.5.29.17")
LIMITS = {  # characters: PHP: mnet/lib.php mnet_generate_keypair()
    NameOID.COUNTRY_NAME: 2,
    NameOID.STATE_OR_PROVINCE_NAME: 128,
    NameOID.LOCALITY_NAME: 128,
    NameOID.ORGANIZATION_NAME: 64,
    NameOID.ORGANIZATIONAL_UNIT_NAME: 64,
    NameOID.COMMON_NAME: 64,
    NameOID.EMAIL_ADDRESS: 128,
}
SIZE = re.compile(r"a:(\d+):\{")
ENTRY = re.compile(r"a:3:\{([^{}]*)\}")  # PEM text has no quotes and no braces
FIELD = re.compile(
    r's:\d+:"(certificate|keypair_PEM|expires)";(?:s:\d+:"([^"]*)"|i:(\d+));'
)


@dataclass(frozen=True)
class Owner:
    """Whom a certificate names; place and country as Moodle's when not given."""

    wwwroot: str
    fullname: str
    email: str
    country: str = "NZ"
    city: str = "Wellington"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: str
    private_key: str = field(repr=False)

    @property
    def expires(self) -> int:
        return expires(self.certificate)

    def stored(self) -> str:
        """Return the text of Moodle's setting `mnet/openssl`."""
        return f"{self.certificate}{SEPARATOR}{self.private_key}"


@dataclass(frozen=True)
class Former:
    """A pair that was replaced, and when it would have expired."""

    pair: Pair
    expires: int


def make(owner: Owner, days: int = LIFETIME, bits: int = BITS) -> Pair:
    """Return a new RSA key and the certificate it signs itself."""
    if not 1 <= days <= LONGEST:
        raise MnetError(
            f"a key cannot last {days} days: give mnetkeylifetime 1 to {LONGEST}"
        )
    if bits < BITS:
        raise MnetError(f"a key of {bits} bits is too weak: give {BITS} or more")
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    certificate = _unsigned(owner, key.public_key(), days).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return Pair(public.decode("ascii"), private.decode("ascii"))


def _unsigned(
    owner: Owner, key: rsa.RSAPublicKey, days: int
) -> x509.CertificateBuilder:
    subject, now = _subject(owner), datetime.now(UTC).replace(microsecond=0)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(identifier, critical=False)
        .add_extension(issuer, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )


def _subject(owner: Owner) -> x509.Name:
    values = {
        NameOID.COUNTRY_NAME: owner.country if len(owner.country) == 2 else "NZ",
        NameOID.STATE_OR_PROVINCE_NAME: owner.city,
        NameOID.LOCALITY_NAME: owner.city,
        NameOID.ORGANIZATION_NAME: owner.fullname,
        NameOID.ORGANIZATIONAL_UNIT_NAME: "Moodle",
        NameOID.COMMON_NAME: owner.wwwroot,
        ADDRESS: owner.wwwroot,
        NameOID.EMAIL_ADDRESS: owner.email,
    }
    try:
        return x509.Name(
            [
                x509.NameAttribute(name, value[: LIMITS.get(name)])
                for name, value in values.items()
                if value
            ]
        )
    except ValueError as error:
        raise MnetError(
            f"no certificate can be made for {owner.wwwroot}: {error}"
        ) from error


def parse(stored: str) -> Pair:
    """Return the pair that Moodle's setting `mnet/openssl` holds.

    Raises MnetError when it holds none, or two halves of different pairs.
    """
    certificate, separator, private = stored.partition(SEPARATOR)
    if not separator:
        raise MnetError("the setting mnet/openssl holds no key pair: renew the key")
    if public_key(certificate) != private_key(private).public_key():
        raise MnetError(
            "the certificate and the private key of mnet/openssl do not belong "
            "together: renew the key"
        )
    return Pair(certificate, private)


def private_key(pem: str) -> rsa.RSAPrivateKey:
    """Return the private key of a PEM text, which has no passphrase."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise MnetError("the private key cannot be read: renew the key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise MnetError("the private key is not an RSA key: renew the key")
    return key


def public_key(certificate: str) -> rsa.RSAPublicKey:
    key = _read(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise MnetError("the certificate has no RSA key: renew the key")
    return key


def expires(certificate: str) -> int:
    """Return when a certificate ends, what Moodle keeps in `public_key_expires`."""
    return int(_read(certificate).not_valid_after_utc.timestamp())


def is_expired(certificate: str, now: float | None = None) -> bool:
    return expires(certificate) <= (time.time() if now is None else now)


def address(certificate: str) -> str:
    """Return the address a certificate was made for, perhaps cut to 64 characters."""
    named = _named(certificate)
    return named.get(ADDRESS) or named.get(NameOID.COMMON_NAME, "")


def is_for(certificate: str, wwwroot: str) -> bool:
    """Whether Moodle takes the certificate for this address's own.

    PHP: mnet/peer.php check_credentials().
    """
    named = _named(certificate)
    cut = wwwroot[: LIMITS[NameOID.COMMON_NAME]]
    return (
        named.get(ADDRESS, wwwroot) == wwwroot and named.get(NameOID.COMMON_NAME) == cut
    )


def _named(certificate: str) -> dict[x509.ObjectIdentifier, str]:
    return {part.oid: str(part.value) for part in _read(certificate).subject}


def signed_itself(certificate: str) -> bool:
    """Whether its signature was made by its own key, and covers what it says."""
    read = _read(certificate)
    algorithm = read.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        public_key(certificate).verify(
            read.signature,
            read.tbs_certificate_bytes,
            padding.PKCS1v15(),
            algorithm,
        )
    except InvalidSignature:
        return False
    return True


def _read(certificate: str) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            # PHP numbers every certificate that it makes 0.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise MnetError(
            "the certificate cannot be read: fetch it again, or renew the key"
        ) from error


def archived(history: str, pair: Pair, generations: int = GENERATIONS) -> str:
    """Return the setting `mnet/openssl_history` with one more former pair, the first.

    A pair that is there already is not added twice.
    """
    kept = [old for old in former(history) if old.pair != pair]
    newest = [Former(pair, pair.expires), *kept][: max(generations, 0)]
    return f"a:{len(newest)}:{{{''.join(map(_entry, range(len(newest)), newest))}}}"


def _entry(number: int, old: Former) -> str:
    return (
        f"i:{number};a:3:{{{_string('certificate')}{_string(old.pair.certificate)}"
        f"{_string('keypair_PEM')}{_string(old.pair.private_key)}"
        f"{_string('expires')}i:{old.expires};}}"
    )


def _string(text: str) -> str:
    return f's:{len(text.encode())}:"{text}";'


def former(history: str) -> list[Former]:
    """Return the pairs of the setting `mnet/openssl_history`, newest first."""
    entries = [
        {name: text or number for name, text, number in FIELD.findall(entry)}
        for entry in ENTRY.findall(history)
    ]
    size = SIZE.match(history)
    whole = all(len(entry) == 3 and entry["expires"].isdigit() for entry in entries)
    if not whole or (history and (size is None or int(size[1]) != len(entries))):
        raise MnetError(
            "the setting mnet/openssl_history cannot be read: empty it; messages "
            "sealed with former keys can then no longer be opened"
        )
    return [
        Former(Pair(old["certificate"], old["keypair_PEM"]), int(old["expires"]))
        for old in entries
    ]
