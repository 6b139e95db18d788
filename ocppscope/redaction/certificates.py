"""Certificates, requests for them, and keys, in PEM or as bare base64: their dates stay, names are replaced.

A certificate is changed in place: names get pseudonyms of their length; the key, the signature and the identifiers
made of the key become other bytes, so that nobody finds the certificate by them. It can be read as before, but proves
nothing. Of private keys, and of whatever cannot be read, nothing stays but the first and the last line.
"""

import base64
import binascii
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ocppscope.redaction.patterns import Sensitive, hosts

Readable: TypeAlias = x509.Certificate | x509.CertificateSigningRequest
Change: TypeAlias = Callable[[str], str]
"""Replaces what was collected in a text, and keeps its length."""

_PEM: Final = re.compile(
    r"-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)(?:-----END [A-Z0-9 ]*-----|-----END|\Z)", re.IGNORECASE
)
_BARE: Final = re.compile(r"MII[A-Za-z0-9+/]{60,}={0,2}")
_HEX: Final = re.compile(r"3082[0-9a-f]{120,}", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]")
_READABLE: Final = ("CERTIFICATE", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "TRUSTED CERTIFICATE")


def holds_any(text: str) -> bool:
    """Whether there is something for this module in a text."""
    return "-----BEGIN" in text or "MII" in text or "3082" in text


def find(text: str) -> Iterator[Sensitive]:
    """The names in all certificates of a text."""
    for start, end in _bodies(text):
        read = _read(text[start:end])
        if read is not None:
            yield from _names(read[1])


def rewritten(text: str, change: Change) -> str:
    """A text with its certificates made anonymous and its keys gone; as long as it was."""
    for start, end in _bodies(text):
        body = text[start:end]
        read = _read(body)
        new = _blank(body) if read is None else _spelt(body, _anonymous(*read, change))
        text = text[:start] + new + text[end:]
    return text


def _bodies(text: str) -> list[tuple[int, int]]:
    found = [match.span(2) for match in _PEM.finditer(text)]
    if not found:
        found = [match.span() for match in _BARE.finditer(text)] or [m.span() for m in _HEX.finditer(text)]
    return found


def _read(body: str) -> tuple[bytes, Readable] | None:
    try:
        der = (
            bytes.fromhex(body)
            if _HEX.fullmatch(body)
            else base64.b64decode("".join(body.split()), validate=True)
        )
    except (binascii.Error, ValueError):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for load in (x509.load_der_x509_certificate, x509.load_der_x509_csr):
            try:
                read = load(der)
                list(_names(read))
            except (ValueError, TypeError):
                continue
            return der, read
    return None


def _blank(body: str) -> str:
    return _BASE64.sub("A", body)


def _spelt(body: str, der: bytes) -> str:
    """Hexadecimal, or base64 in the lines of another one."""
    if _HEX.fullmatch(body):
        return der.hex() if body == body.lower() else der.hex().upper()
    letters = iter(base64.b64encode(der).decode())
    return "".join(char if char.isspace() else next(letters) for char in body)


def _names(read: Readable) -> Iterator[Sensitive]:
    names = [read.subject] + ([read.issuer] if isinstance(read, x509.Certificate) else [])
    for name in names:
        for attribute in name:
            if attribute.oid != NameOID.COUNTRY_NAME and isinstance(attribute.value, str):
                yield "name", attribute.value
    if isinstance(read, x509.Certificate):
        yield "serial", f"{read.serial_number:x}"
    try:
        other = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return
    for one in other:
        if isinstance(one, x509.DNSName):
            yield "host", one.value
        elif isinstance(one, x509.RFC822Name):
            yield "user", one.value
        elif isinstance(one, x509.UniformResourceIdentifier):
            yield from hosts(one.value)


def _anonymous(der: bytes, read: Readable, change: Change) -> bytes:
    for old in _identifying(read):
        if len(old) >= 4:
            der = der.replace(old, _other(old))
    if isinstance(read, x509.Certificate):
        size = (read.serial_number.bit_length() + 7) // 8
        old, text = read.serial_number.to_bytes(size, "big"), f"{read.serial_number:x}"
        new = int(change(text), 16) % (1 << read.serial_number.bit_length())
        for sign in (b"", b"\0"):  # in front of a first bit that is set
            head = b"\x02%c%b" % (size + len(sign), sign)
            der = der.replace(head + old, head + new.to_bytes(size, "big"), 1)
    changed = change(der.decode("latin-1"))
    for kind, value in _names(read):
        if kind != "serial":  # also names that are too short, or too common, to be looked for
            new_value = change(value)
            if len(new_value.encode()) == len(value.encode()):
                der_text = value.encode().decode("latin-1")
                changed = changed.replace(der_text, new_value.encode().decode("latin-1"))
    return changed.encode("latin-1")


def _identifying(read: Readable) -> Iterator[bytes]:
    """Bytes by which a certificate can be found."""
    yield read.signature
    try:
        key = read.public_key()
    except (ValueError, TypeError):
        key = None
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, which is no ValueError
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        yield key.public_numbers().n.to_bytes((key.key_size + 7) // 8, "big")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        size, numbers = (key.key_size + 7) // 8, key.public_numbers()
        yield numbers.x.to_bytes(size, "big")
        yield numbers.y.to_bytes(size, "big")
    try:
        extensions = read.extensions
    except ValueError:
        return
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectKeyIdentifier):
            yield extension.value.digest
        elif isinstance(extension.value, x509.AuthorityKeyIdentifier) and extension.value.key_identifier:
            yield extension.value.key_identifier


def _other(old: bytes) -> bytes:
    """Nothing can be concluded from zeros; the first and the last byte keep numbers as long and odd as they were."""
    return old[:1] + b"\0" * (len(old) - 2) + old[-1:]
