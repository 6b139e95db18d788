"""Certificates of our own making, for `--tls-auto`: a CA, made once for this user, and one for a listening host.

RSA with 2,048 bits for both: old stations know nothing else. What has to belong together is one file, put in its
place in one step, so that several processes at once see one CA, and never a key beside another's certificate:

    ca-key.pem        the CA's key and certificate
    ca.pem            its certificate alone, for stations
    server-….pem      a host's key, its certificate and the CA's, named after what the certificate names
"""

import ipaddress
import os
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CA_LIFE: Final = timedelta(days=3650)
_LEAF_LIFE: Final = timedelta(days=397)
"""Longer ones are refused by some; from not-before to not-after."""
_RENEW: Final = timedelta(days=30)
"""A certificate that ends sooner is made anew."""
_BACK: Final = timedelta(hours=1)
"""How much earlier certificates begin: the clocks of stations are off."""
_LONGEST_NAME: Final = 64
"""Characters in a common name (RFC 5280, ub-common-name)."""
_DNS_PATIENCE: Final = 1.0
"""Seconds for finding this machine's full name."""


class CertificateError(Exception):
    """A file of the CA is unusable or cannot be written; the text names it, and says what to do."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A server certificate and the CA that signed it."""

    ca: Path
    """The CA's certificate alone, PEM: what stations have to trust."""
    certificate: Path
    """The server's certificate and then the CA's, PEM."""
    key: Path
    """The server's key, unencrypted PEM; the same file as `certificate`."""
    fingerprint: str
    """SHA-256 of the CA's certificate, as openssl prints it: `AB:CD:…`."""
    not_after: datetime
    """When the server's certificate ends, UTC."""
    names: tuple[str, ...]
    """What it names, in order."""


@dataclass(frozen=True, slots=True)
class _Authority:
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate


def certificate_for(names: Sequence[str], folder: Path, now: datetime) -> Issued:
    """A certificate for these names, made where there is none that still does; and the CA, if it is the first.

    Args:
        names: DNS names and IP addresses; the first is the common name too.
        folder: of the CA; it is made, for its owner only, where it is missing.
        now: with a zone.

    Raises:
        CertificateError: a file in the folder is damaged, expired, or cannot be read or written.
        ValueError: no names.
    """
    general = _general_names(names)
    if not general:
        raise ValueError("a certificate has to name something")
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(folder, now)
        ca = folder / "ca.pem"
        public = _pem(authority.certificate)
        if not ca.exists() or ca.read_bytes() != public:
            _put(ca, public, mode=0o644)
        server = folder / f"server-{sha256(' '.join(_words(general)).encode()).hexdigest()[:16]}.pem"
        leaf = _still_good(server, general, authority, now)
        if leaf is None:
            _sweep(folder, now)
            key = _new_key()
            leaf = _leaf(general, key, authority, now)
            _put(server, _pem(key, leaf, authority.certificate), mode=0o600)
    fingerprint = authority.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Issued(ca, server, server, fingerprint, leaf.not_valid_after_utc, tuple(_words(general)))


def how_to_trust(issued: Issued) -> str:
    """What to do so that a station trusts the certificate, for people: a few lines."""
    name = issued.names[0]
    host = f"[{name}]" if ":" in name else name
    return "\n".join(
        [
            f"The server certificate is for {', '.join(issued.names)}, until {issued.not_after:%Y-%m-%d}.",
            f"A station trusts it once it has this CA certificate: {issued.ca}",
            f"  SHA-256 {issued.fingerprint}",
            "  - in its web or service interface: as root certificate of the CSMS (central system); or",
            "  - through the CSMS, while it is still connected there: InstallCertificate with",
            "    certificateType CSMSRootCertificate (OCPP 2.x) or CentralSystemRootCertificate (1.6).",
            "The station's URL has to use one of the names above. To check it from another machine:",
            f"  openssl s_client -connect {host}:PORT -CAfile {issued.ca.name} -verify_return_error",
        ]
    )


# --- the CA ---


def _authority(folder: Path, now: datetime) -> _Authority:
    path = folder / "ca-key.pem"
    if not path.exists():
        made = _new_authority(now)
        _put(path, _pem(made.key, made.certificate), mode=0o600, only_first=True)
    return _read_authority(path, now)  # another process may have been first


def _read_authority(path: Path, now: datetime) -> _Authority:
    remedy = f"move {path.parent} away: a new CA will be made, and stations have to be told to trust that one"
    pem = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{path} should hold the CA's key and certificate (PEM); {remedy}") from error
    if not isinstance(key, rsa.RSAPrivateKey) or certificate.public_key() != key.public_key():
        raise CertificateError(f"the CA's key in {path} does not fit its certificate; {remedy}")
    if certificate.not_valid_after_utc <= now:
        raise CertificateError(
            f"the CA in {path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; {remedy}"
        )
    return _Authority(key, certificate)


def _new_authority(now: datetime) -> _Authority:
    key = _new_key()
    host = socket.gethostname()
    name = _common_name(f"ocppscope CA of {host}" if len(host) < 40 else "ocppscope CA")
    begin = now - _BACK
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Authority(key, certificate)


# --- a server's certificate ---


def _leaf(
    names: Sequence[x509.GeneralName], key: rsa.RSAPrivateKey, authority: _Authority, now: datetime
) -> x509.Certificate:
    begin = now - _BACK
    end = min(begin + _LEAF_LIFE, authority.certificate.not_valid_after_utc)
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    subject = next((word for word in _words(names) if len(word) <= _LONGEST_NAME), "ocppscope")
    return (
        x509.CertificateBuilder(
            authority.certificate.subject,
            _common_name(subject),  # some stations look at nothing else
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )


def _still_good(
    path: Path, names: Sequence[x509.GeneralName], authority: _Authority, now: datetime
) -> x509.Certificate | None:
    """The certificate in a file; None where a new one is due."""
    try:
        pem = path.read_bytes()
        leaf, *chain = x509.load_pem_x509_certificates(pem)
        key = serialization.load_pem_private_key(pem, None)
        leaf.verify_directly_issued_by(authority.certificate)
        named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return None
    fits = key.public_key() == leaf.public_key() and chain == [authority.certificate]
    # A renewed one would end no later where the CA itself is about to.
    until = min(now + _RENEW, authority.certificate.not_valid_after_utc)
    is_valid = leaf.not_valid_before_utc <= now and until <= leaf.not_valid_after_utc
    return leaf if fits and is_valid and list(named) == list(names) else None


def _sweep(folder: Path, now: datetime) -> None:
    """Remove certificates that nobody can use any more: the addresses of a machine change."""
    for path in folder.glob("server-*.pem"):
        with suppress(OSError, ValueError):
            if x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc < now:
                path.unlink()


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in dict.fromkeys(name.strip().strip("[]").partition("%")[0].rstrip(".") for name in names):
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            with suppress(ValueError):  # such a name is in no station's URL either
                general.append(x509.DNSName(name if name.isascii() else name.encode("idna").decode()))
    return [one for one in general if one.value]


def _words(names: Sequence[x509.GeneralName]) -> Iterator[str]:
    return (str(name.value) for name in names)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=not signs_certificates,  # for stations with RSA key exchange only
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


# --- files ---


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _pem(*parts: rsa.RSAPrivateKey | x509.Certificate) -> bytes:
    return b"".join(
        part.public_bytes(serialization.Encoding.PEM)
        if isinstance(part, x509.Certificate)
        else part.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        for part in parts
    )


def _put(path: Path, content: bytes, *, mode: int, only_first: bool = False) -> None:
    """Write a whole file in one step.

    Args:
        path: of the file.
        content: of the file.
        mode: its permissions.
        only_first: leave one that is there already.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600 from the start
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(mode)
        if only_first:
            with suppress(FileExistsError):
                path.hardlink_to(temporary)
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Name the file in what the system has to say."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        raise CertificateError(
            f"{place} cannot be read or written: {error.strerror}. --tls-auto keeps its CA in {folder}; "
            "without it, name a certificate with --cert and --key"
        ) from error


# --- what a certificate has to name ---


def listening_names(host: str) -> list[str]:
    """What a certificate must name for a listening host.

    Args:
        host: as in `--listen`; empty, `0.0.0.0` and `::` are all addresses of this machine.

    Returns:
        Names and addresses, those that stations are most likely to use first. For a loopback address the names
        of loopback only.
    """
    host = host.strip("[]")
    loopback = ["localhost", "127.0.0.1", "::1"]
    try:
        address = ipaddress.ip_address(host.partition("%")[0] or "0.0.0.0")  # noqa: S104 - what empty means
    except ValueError:
        is_local = host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")
        return _unique([host, *loopback] if is_local else [host, *_host_names()])
    if address.is_loopback:
        return _unique([str(address), *loopback])
    if address.is_unspecified:
        return _unique([*_host_names(), *_addresses(), *loopback])
    return _unique([str(address), *_host_names()])


def _unique(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name]


def _host_names() -> list[str]:
    short = socket.gethostname()
    if "." in short:
        return [short]
    full: list[str] = []
    # The resolver takes its time where there is no DNS, and cannot be stopped.
    thread = threading.Thread(target=lambda: full.append(socket.getfqdn(short)), daemon=True)
    thread.start()
    thread.join(_DNS_PATIENCE)
    return [short, *(name for name in full if name.partition(".")[0] == short)]


def _addresses() -> list[str]:
    """This machine's addresses, without asking DNS, but for those that are of use on one link or for a day only."""
    found = [*_outward(), *_ipv4_of_interfaces(), *_ipv6_of_interfaces()]
    return [
        address
        for address in dict.fromkeys(found)
        if not (parsed := ipaddress.ip_address(address)).is_loopback and not parsed.is_link_local
    ]


def _outward() -> Iterator[str]:
    """The address that leads to the world; nothing is sent for it. Works everywhere."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's
        yield probe.getsockname()[0]


def _ipv4_of_interfaces() -> Iterator[str]:
    get_address = 0x8915  # SIOCGIFADDR, Linux
    if sys.platform != "linux":
        return
    import fcntl

    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(probe, get_address, struct.pack("256s", name.encode()[:15]))
                yield socket.inet_ntoa(answer[20:24])


def _ipv6_of_interfaces() -> Iterator[str]:
    temporary = 0x01  # IFA_F_TEMPORARY: a privacy address
    with suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            packed, _index, _prefix, _scope, flags, _name = line.split()
            if not int(flags, 16) & temporary:
                yield str(ipaddress.IPv6Address(bytes.fromhex(packed)))
