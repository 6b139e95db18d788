"""Public keys of meters, in all the ways in which they are written.

The text of a `publicKey` is base64 of `oca:base16:asn1:<hex>` (OCA, Signed Meter Values in OCPP, 3.2.2); the
example of the same paper has base64 of the hex alone. On meters, in configuration keys and in the transparency
software's files it is hex or base64 of a SubjectPublicKeyInfo, of a point with or without the byte that says so,
or PEM.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from ocppscope.ocpp.signed.records import UnreadableError, UnsupportedError

CURVES: Final[dict[str, tuple[str, int]]] = {
    "secp192r1": ("SECP192R1", 24),
    "secp256r1": ("SECP256R1", 32),
    "secp256k1": ("SECP256K1", 32),
    "secp384r1": ("SECP384R1", 48),
    "secp521r1": ("SECP521R1", 66),
    "brainpoolP256r1": ("BrainpoolP256R1", 32),
    "brainpoolP384r1": ("BrainpoolP384R1", 48),
    "brainpoolP512r1": ("BrainpoolP512R1", 64),
}
"""By name: how `cryptography` names it, and the length of a coordinate in bytes."""
LACKING: Final = frozenset({"secp192k1"})
"""Named by OCMF, and not in `cryptography`."""
_SYNONYMS: Final = {
    "prime192v1": "secp192r1",
    "nistp192": "secp192r1",
    "prime256v1": "secp256r1",
    "nistp256": "secp256r1",
    "nistp384": "secp384r1",
    "nistp521": "secp521r1",
    "brainpool256r1": "brainpoolP256r1",  # so spelled by OCMF
    "brainpool384r1": "brainpoolP384r1",
    "brainpool512r1": "brainpoolP512r1",
}
_BY_LOWER: Final = {name.lower(): name for name in (*CURVES, *LACKING)} | _SYNONYMS
_LONGEST: Final = 20_000
"""Characters; a `publicKey` has at most 2,500, a PEM file of a certificate some more."""
_DEEPEST: Final = 4
"""How often a text may be wrapped in another."""
_MARKER: Final = "oca:"
_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----[^-]*-----END \1-----")
_HEX: Final = re.compile(r"(?:0[xX])?[0-9A-Fa-f][0-9A-Fa-f:\s-]*")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\s-]+=*\s*")
_NO_HEX: Final = re.compile(r"[^0-9A-Fa-f]")
_SECP192K1: Final = bytes.fromhex("06052b8104001f")
"""Its object identifier in DER: 1.3.132.0.31."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point on a named curve."""

    curve: str
    """As in CURVES."""
    point: bytes
    """Uncompressed: 04, x, y."""

    @property
    def fingerprint(self) -> str:
        """Enough of its hash to tell keys apart on screen."""
        return sha256(self.point).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.curve} {self.fingerprint}"


def curve_named(name: str) -> str:
    """The name in CURVES or LACKING of a curve that is named somehow; as it is where none is."""
    return _BY_LOWER.get(name.lower().replace("-", ""), name)


def read_key(key: str | bytes, curve: str | None = None) -> PublicKey:
    """Read a public key.

    Args:
        key: as it was sent, printed or kept in a file.
        curve: on which it is, where the key does not say; needed for compressed points only.

    Raises:
        UnreadableError: it is no key.
        UnsupportedError: it is a key that signatures cannot be verified with here.
    """
    if len(key) > _LONGEST:
        raise UnreadableError(f"no public key has {len(key):,} characters")
    return _read(key, curve)


@lru_cache(maxsize=1_000)
def _read(key: str | bytes, curve: str | None) -> PublicKey:
    return _of_text(key, curve, _DEEPEST) if isinstance(key, str) else _of_bytes(key, curve)


def read_keys(text: str) -> list[PublicKey]:
    """Read the keys in a file or an option: PEM blocks, or a key in each line, or one key over all lines.

    Raises:
        UnreadableError, UnsupportedError: as `read_key`.
    """
    blocks = [match[0] for match in _PEM.finditer(text)]
    if blocks:
        return list(dict.fromkeys(read_key(block) for block in blocks))
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    try:
        return list(dict.fromkeys(read_key(line) for line in lines or [""]))
    except UnreadableError:
        if len(lines) < 2:
            raise
        return [read_key("".join(lines))]


def is_same(one: PublicKey | None, other: PublicKey | None) -> bool:
    """Whether two keys are one, where both are known."""
    return one is None or other is None or one == other


# --- text ---


def _of_text(text: str, curve: str | None, depth: int) -> PublicKey:
    if not depth:
        raise UnreadableError("the public key is wrapped too often")
    text = text.strip()
    if "-----BEGIN " in text:
        return _of_pem(text)
    if text.startswith(_MARKER):
        return _of_bytes(_printed(text), curve)
    if _HEX.fullmatch(text):
        digits = _NO_HEX.sub("", text[2:] if text[:2] in ("0x", "0X") else text)
        if len(digits) % 2 == 0:
            return _of_bytes(bytes.fromhex(digits), curve)
    data = from_base64(text)
    if data is None:
        raise UnreadableError("the public key is neither hex nor base64 nor PEM")
    if data.isascii():
        inner = data.decode("ascii").strip()
        if inner.startswith(_MARKER) or "-----BEGIN " in inner or _HEX.fullmatch(inner):
            return _of_text(inner, curve, depth - 1)
    return _of_bytes(data, curve)


def from_base64(text: str) -> bytes | None:
    """Decode base64, also of URLs, without its padding and with line breaks; None: it is none."""
    if not _BASE64.fullmatch(text):
        return None
    compact = "".join(text.split()).rstrip("=").translate({45: "+", 95: "/"})
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _printed(text: str) -> bytes:
    """The key in `marker:encoding:content type:key as printed on the meter`."""
    parts = text.split(":", 3)
    if len(parts) < 4:
        raise UnreadableError(f"a public key that begins with {_MARKER} has four parts")
    encoding, content, printed = parts[1:]
    if content != "asn1":
        raise UnsupportedError(f"a public key as {content[:20]!r} is not known")
    if encoding == "base16":
        digits = _NO_HEX.sub("", printed.strip().removeprefix("0x"))
        if len(digits) % 2:
            raise UnreadableError("the public key has half a byte of hex")
        return bytes.fromhex(digits)
    if encoding == "base64":
        data = from_base64(printed)
        if data is None:
            raise UnreadableError("the public key is no base64")
        return data
    raise UnsupportedError(f"a public key in {encoding[:20]!r} is not known")


# --- bytes ---


def _of_pem(text: str) -> PublicKey:
    match = _PEM.search(text)
    data = from_base64("".join(match[0].split("-----")[2].split())) if match else None
    if match is None or data is None:
        raise UnreadableError("the PEM block of the public key is damaged")
    if "PRIVATE" in match[1]:
        raise UnreadableError("that is a private key; a signature is verified with the public one")
    return _of_der(data)


def _of_bytes(data: bytes, curve: str | None) -> PublicKey:
    if data[:1] == b"\x30":
        try:
            return _of_der(data)
        except UnreadableError:
            if _size_of(data) is None:
                raise
    return _of_point(data, curve)


def _of_der(data: bytes) -> PublicKey:
    """A SubjectPublicKeyInfo, or a certificate that holds one."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if _SECP192K1 in data[:40]:
        raise UnsupportedError("the curve secp192k1 is not supported")
    key: Any
    try:
        key = serialization.load_der_public_key(data)
    except UnsupportedAlgorithm as error:
        raise UnsupportedError("the public key is of a kind that is not supported") from error
    except (ValueError, TypeError) as error:
        try:
            key = x509.load_der_x509_certificate(data).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UnreadableError("the public key is damaged: it is no SubjectPublicKeyInfo") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnsupportedError(f"the public key is of another kind: {type(key).__name__.strip('_')}")
    name = curve_named(key.curve.name)
    if name not in CURVES:
        raise UnsupportedError(f"the curve {name} is not supported")
    return PublicKey(
        name,
        key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
    )


def _size_of(data: bytes) -> int | None:
    """The length of a coordinate, where bytes may be a point: with 04, 02 or 03 before it, or none."""
    sizes = {size for _, size in CURVES.values()}
    if data[:1] == b"\x04" and (len(data) - 1) // 2 in sizes and len(data) % 2:
        return (len(data) - 1) // 2
    if data[:1] in (b"\x02", b"\x03") and len(data) - 1 in sizes:
        return len(data) - 1
    return len(data) // 2 if len(data) % 2 == 0 and len(data) // 2 in sizes else None


def _of_point(data: bytes, curve: str | None) -> PublicKey:
    """A point. On which curve it is shows, unless it is compressed: hardly any is on two of them."""
    size = _size_of(data)
    if size is None:
        raise UnreadableError(f"the public key is no point on a curve that is known ({len(data)} bytes)")
    whole = data if data[0] in (2, 3, 4) and len(data) % 2 else b"\x04" + data
    wanted = [name for name, (_, length) in CURVES.items() if length == size]
    if curve in wanted:
        wanted.remove(curve)
        wanted.insert(0, curve)
    elif whole[0] != 4 and len(wanted) > 1:
        raise UnreadableError("the public key is compressed, and its curve is not told")
    for name in wanted:
        for found in _points(name, whole):
            return PublicKey(name, found)
    raise UnreadableError(f"the public key is not on {' or '.join(wanted)}")


def _points(curve: str, data: bytes) -> Iterator[bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, CURVES[curve][0])(), data)
    except ValueError:
        return
    yield key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
