"""Certificates and what belongs to them, as payloads carry them: names and dates in words, and what rules compare.

Nothing is trusted here. `cryptography` takes its time to import, so it is imported when a certificate is met.
"""

import hashlib
import re
import warnings
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

from ocppscope.events import event
from ocppscope.ocpp.templates import counted
from ocppscope.ocpp.times import SECOND

_BLOCK: Final = re.compile("-----BEGIN ([A-Z0-9 ]{1,40})-----(?:.{0,65536}?-----END \\1-----)?", re.DOTALL)
_SHOWN: Final = 4
"""Certificates of a chain that are told of one by one."""
_LONGEST: Final = 1 << 16
_READ: Final = 20_000
"""Characters that are read of a chain; the schemas allow 10,000."""
_BLOCKS: Final = 10
_IN_CHAIN: Final = 5
_REMEMBERED: Final = 32

T = TypeVar("T")


@event
class Certificate:
    """What is compared of an X.509 certificate."""

    subject: str
    issuer: str
    begins: int
    """Valid from and to, in ns."""
    ends: int
    is_self_signed: bool
    """Its issuer is its subject; the signature is not looked at."""
    serial: str
    """In hexadecimal digits without leading zeros, in lower case."""
    key: bytes
    """SubjectPublicKeyInfo; empty where the algorithm is not known."""
    loaded: Any
    """`cryptography`'s."""


def chain(text: str) -> tuple[Certificate | None, ...]:
    """The first certificates of a text in PEM; None for one that cannot be read."""
    return _chain(text[:_READ])


@lru_cache(_REMEMBERED)
def _chain(text: str) -> tuple[Certificate | None, ...]:
    blocks = [one[0] for one in islice(_BLOCK.finditer(text), _BLOCKS) if one[1] == "CERTIFICATE"]
    return tuple(_attempt(_read, one) for one in blocks[:_IN_CHAIN])


def requested_key(text: str) -> bytes | None:
    """The SubjectPublicKeyInfo that a certificate signing request in PEM is for."""
    return _attempt(_key_of_request, text[:_READ])


def issuer_hashes(
    of: Certificate, issuer: Certificate | None, algorithm: str
) -> tuple[str, str | None] | None:
    """What CertificateHashDataType tells of a certificate: issuerNameHash and issuerKeyHash, in lower case.

    Args:
        of: the certificate.
        issuer: that of its issuer; None where it is not known, and the hash of its key neither.
        algorithm: `SHA256`, `SHA384` or `SHA512`.

    Returns:
        None for another algorithm, or where it cannot be made out.
    """
    if algorithm not in ("SHA256", "SHA384", "SHA512"):
        return None
    return _attempt(lambda _: _issuer_hashes(of, issuer, algorithm), "")


def is_issued_by(one: Certificate, issuer: Certificate) -> bool | None:
    """Whether a certificate was signed with another one's key; None where that cannot be made out."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        one.loaded.verify_directly_issued_by(issuer.loaded)
    except (InvalidSignature, ValueError):  # the latter: the names differ
        return False
    except (TypeError, UnsupportedAlgorithm):
        return None
    return True


def _attempt(read: Callable[[str], T], text: str) -> T | None:
    from cryptography.exceptions import UnsupportedAlgorithm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(text)
        except (UnsupportedAlgorithm, ValueError, TypeError, OverflowError):
            return None


def _read(text: str) -> Certificate:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(text.encode("ascii"))
    return Certificate(
        _name(found.subject),
        _name(found.issuer),
        _nanoseconds(found.not_valid_before_utc),
        _nanoseconds(found.not_valid_after_utc),
        found.subject == found.issuer,
        f"{found.serial_number:x}",
        _attempt(lambda _: _spki(found.public_key()), "") or b"",
        found,
    )


def _key_of_request(text: str) -> bytes:
    from cryptography import x509

    return _spki(x509.load_pem_x509_csr(text.encode("ascii")).public_key())


def _spki(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * SECOND


def _issuer_hashes(of: Certificate, issuer: Certificate | None, algorithm: str) -> tuple[str, str | None]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509 import ocsp as requests

    if issuer is None:
        return hashlib.new(algorithm, of.loaded.issuer.public_bytes()).hexdigest(), None
    # An OCSP request names its certificate in the same way (RFC 6960 §4.1.1).
    builder = requests.OCSPRequestBuilder()
    made = builder.add_certificate(of.loaded, issuer.loaded, getattr(hashes, algorithm)()).build()
    return made.issuer_name_hash.hex(), made.issuer_key_hash.hex()


def told(text: str, time: int | None) -> str:
    """What PEM blocks are: `2 certificates: CS1 by Example CA, 2026-01-01 to 2027-01-01, EC 256; …`.

    Args:
        text: as on the wire.
        time: of the message, in ns; what has expired then says so.
    """
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return ""
    said = [_block(one[1], one[0], time) for one in blocks[:_SHOWN]]
    if len(blocks) > _SHOWN:
        said.append(f"{len(blocks) - _SHOWN} more")
    label = blocks[0][1].lower()
    return f"PEM, {counted(len(blocks), label)}: {'; '.join(said)}"


def _block(label: str, text: str, time: int | None) -> str:
    try:
        return _quietly(_PEM[label], text.encode("ascii"), time) if label in _PEM else label.lower()
    except (
        ValueError,
        TypeError,
        OverflowError,
    ):  # cryptography raises these, and UnicodeError is a ValueError
        return "cannot be read"


def _quietly(read: Callable[[bytes, int | None], str], data: bytes, time: int | None) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm

    with warnings.catch_warnings():  # of serial numbers and the like: that is for rules
        warnings.simplefilter("ignore")
        try:
            return read(data, time)
        except UnsupportedAlgorithm:
            return "of an algorithm that is not known here"


def _certificate(data: bytes, time: int | None) -> str:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(data)
    subject, issuer = _name(found.subject), _name(found.issuer)
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    by = "signed by itself" if found.subject == found.issuer else f"by {issuer}"
    return f"{subject} {by}, {begins:%Y-%m-%d} to {ends:%Y-%m-%d}{_at(begins, ends, time)}, {_key(found.public_key())}"


def _at(begins: datetime, ends: datetime, time: int | None) -> str:
    """Whether that is over, or not yet, when the message was captured."""
    if time is None:
        return ""
    now = datetime.fromtimestamp(time / SECOND, UTC)
    return " (expired)" if now > ends else " (not yet valid)" if now < begins else ""


def _request(data: bytes, _: int | None) -> str:
    from cryptography import x509

    found = x509.load_pem_x509_csr(data)
    return f"for {_name(found.subject)}, {_key(found.public_key())}"


_PEM: Final[Mapping[str, Callable[[bytes, int | None], str]]] = {
    "CERTIFICATE": _certificate,
    "CERTIFICATE REQUEST": _request,
    "NEW CERTIFICATE REQUEST": _request,
}


def ocsp(text: str, time: int | None) -> str:
    """What an OCSP response in base64 says: `OCSP: GOOD, of 2026-01-01, next by 2026-01-08`."""
    if len(text) > _LONGEST:
        return ""
    try:
        return _quietly(_ocsp, b64decode(text, validate=True), time)
    except (ValueError, TypeError, OverflowError):
        return ""


def _ocsp(data: bytes, _: int | None) -> str:
    from cryptography.x509 import ocsp as responses

    found = responses.load_der_ocsp_response(data)
    if found.response_status != responses.OCSPResponseStatus.SUCCESSFUL:
        return f"OCSP: no answer, {found.response_status.name}"
    until = f", next by {found.next_update_utc:%Y-%m-%d}" if found.next_update_utc else ""
    return f"OCSP: {found.certificate_status.name}, of {found.this_update_utc:%Y-%m-%d}{until}"


def _name(name: Any) -> str:
    """The common name; where there is none, all of it."""
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "nobody"


def _key(key: Any) -> str:
    return " ".join(_of_key(key))


def _of_key(key: Any) -> Iterator[str]:
    yield type(key).__name__.removesuffix("PublicKey").removeprefix("_").replace("EllipticCurve", "EC")
    curve = getattr(key, "curve", None)
    if curve is not None:
        yield str(curve.name)
    elif hasattr(key, "key_size"):
        yield str(key.key_size)
