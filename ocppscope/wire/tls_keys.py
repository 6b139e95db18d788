"""Cipher suites, the two key schedules of TLS, and the secrets that people hand over to read it.

In this room live names, sizes and derivations, and no record is opened here (`tls_ciphers`). It knows nothing
of connections: a secret is found by what a handshake says of itself. Only the standard library is imported
before a private key is in hand.
"""

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

K = TypeVar("K")

CLIENT_EARLY: Final = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE: Final = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE: Final = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_TRAFFIC: Final = "CLIENT_TRAFFIC_SECRET_0"
SERVER_TRAFFIC: Final = "SERVER_TRAFFIC_SECRET_0"
MASTER: Final = "CLIENT_RANDOM"

_SECRET_SIZES: Final = {
    MASTER: (48,),
    CLIENT_EARLY: (32, 48),
    CLIENT_HANDSHAKE: (32, 48),
    SERVER_HANDSHAKE: (32, 48),
    CLIENT_TRAFFIC: (32, 48),
    SERVER_TRAFFIC: (32, 48),
    "EXPORTER_SECRET": (32, 48),
    "EARLY_EXPORTER_SECRET": (32, 48),
}
"""Labels of a key log, and how many bytes their secrets have."""
_MASTER_SIZE: Final = 48
_RANDOM_SIZE: Final = 32
_MAX_SESSIONS: Final = 10_000
_BY_SESSION: Final = re.compile(rb"RSA Session-ID:([0-9A-Fa-f]{2,64}) Master-Key:([0-9A-Fa-f]{96})\s*")
_PEM_LABEL: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")


@dataclass(frozen=True, slots=True)
class Bulk:
    """How a suite seals records."""

    mode: str
    key: int
    """Bytes of key."""
    iv: int
    """Bytes of a TLS 1.2 key block that go into every nonce; CBC takes its IV from the record."""
    tag: int = 16
    """Bytes of authentication tag; CBC has a MAC instead."""


_BULK: Final = {
    "AES_128_GCM": Bulk("GCM", key=16, iv=4),
    "AES_256_GCM": Bulk("GCM", key=32, iv=4),
    "AES_128_CCM": Bulk("CCM", key=16, iv=4),
    "AES_256_CCM": Bulk("CCM", key=32, iv=4),
    "AES_128_CCM_8": Bulk("CCM", key=16, iv=4, tag=8),
    "AES_256_CCM_8": Bulk("CCM", key=32, iv=4, tag=8),
    "CHACHA20_POLY1305": Bulk("CHACHA20", key=32, iv=12),
    "AES_128_CBC": Bulk("CBC", key=16, iv=0, tag=0),
    "AES_256_CBC": Bulk("CBC", key=32, iv=0, tag=0),
}

_NAMES: Final = {
    0x0001: "TLS_RSA_WITH_NULL_MD5",
    0x0002: "TLS_RSA_WITH_NULL_SHA",
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0032: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x0038: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003B: "TLS_RSA_WITH_NULL_SHA256",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x0040: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
    0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006A: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",
    0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0x00A2: "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256",
    0x00A3: "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384",
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0xC008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC09C: "TLS_RSA_WITH_AES_128_CCM",
    0xC09D: "TLS_RSA_WITH_AES_256_CCM",
    0xC09E: "TLS_DHE_RSA_WITH_AES_128_CCM",
    0xC09F: "TLS_DHE_RSA_WITH_AES_256_CCM",
    0xC0A0: "TLS_RSA_WITH_AES_128_CCM_8",
    0xC0A1: "TLS_RSA_WITH_AES_256_CCM_8",
    0xC0A2: "TLS_DHE_RSA_WITH_AES_128_CCM_8",
    0xC0A3: "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0xC0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    0xC0AF: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}
"""Suites by the number and name that IANA gave them; the name says all the rest."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite, taken apart."""

    name: str
    """As IANA spells it; `0xNNNN` where the number is not in the table."""
    key_exchange: str = ""
    """`RSA`, `ECDHE`, `DHE`; empty in TLS 1.3, whose suites do not name it."""
    bulk: Bulk | None = None
    """None where this program cannot open the records."""
    hash: str = "sha256"
    """Of the PRF (1.2) or HKDF (1.3)."""
    mac: str = "sha1"
    """Of the records' HMAC; only CBC has one."""


def suite(number: int) -> Suite:
    """Find a suite by its number; one that is not in the table is shown as the number."""
    name = _NAMES.get(number)
    if name is None:
        return Suite(f"0x{number:04X}")
    key_exchange, _, sealing = name.removeprefix("TLS_").rpartition("_WITH_")
    # CCM suites of TLS 1.2 (RFC 6655) name no hash: SHA-256.
    cipher, _, digest = (sealing, "", "SHA256") if sealing in _BULK else sealing.rpartition("_")
    return Suite(
        name,
        key_exchange.partition("_")[0],
        _BULK.get(cipher),
        # An older suite's SHA is that of its MAC; the PRF is SHA-256 all the same (RFC 5246 §5).
        "sha384" if digest == "SHA384" else "sha256",
        {"SHA": "sha1"}.get(digest, digest.lower()),
    )


def prf(secret: bytes, label: bytes, seed: bytes, size: int, digest: str) -> bytes:
    """Expand a secret of TLS 1.2 to `size` bytes (RFC 5246 §5)."""
    seed = label + seed
    expanded, link = b"", seed
    while len(expanded) < size:
        link = hmac.digest(secret, link, digest)
        expanded += hmac.digest(secret, link + seed, digest)
    return expanded[:size]


def expand_label(secret: bytes, label: bytes, size: int, digest: str) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 without context (RFC 8446 §7.1).

    `size` is at most that of the hash, so that one block of HKDF is enough.
    """
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0"
    return hmac.digest(secret, info + b"\x01", digest)[:size]


class KeyStore:
    """Secrets from key logs, pcapng blocks and private keys; shared by all connections of a capture."""

    def __init__(self) -> None:
        self.generation = 0
        """Grows whenever something was added, so that waiting connections know when to look again."""
        self.final = False
        """No more secrets will come: no record needs to wait for them."""
        self.waiting = 0
        """Bytes that records of all connections hold while they wait."""
        self._secrets: dict[tuple[str, bytes], bytes] = {}
        self._premasters: dict[bytes, bytes] = {}
        self._sessions: dict[bytes, bytes] = {}
        self._private_keys: list[RSAPrivateKey] = []

    @property
    def has_private_key(self) -> bool:
        return bool(self._private_keys)

    def add_keylog(self, text: bytes) -> int:
        """Take in lines of an NSS key log; lines that are none are passed over.

        Args:
            text: Whole lines: a file at once, or what has been appended to it since.

        Returns:
            How many secrets were new.
        """
        added = sum(map(self._add_line, text.splitlines()))
        self.generation += bool(added)
        return added

    def _add_line(self, line: bytes) -> bool:
        if by_session := _BY_SESSION.fullmatch(line):
            session, master = (bytes.fromhex(field.decode()) for field in by_session.groups())
            return _add(self._sessions, session, master)
        try:
            label, name, secret = line.decode("ascii").split()
            return self._add_secret(label, bytes.fromhex(name), bytes.fromhex(secret))
        except ValueError:
            return False

    def _add_secret(self, label: str, name: bytes, secret: bytes) -> bool:
        if label == "RSA" and len(name) == 8 and len(secret) == _MASTER_SIZE:
            return _add(self._premasters, name, secret)
        if len(name) == _RANDOM_SIZE and len(secret) in _SECRET_SIZES.get(label, ()):
            return _add(self._secrets, (label, name), secret)
        return False

    def add_private_key(self, pem: bytes) -> None:
        """Take in a server's key, to open key exchanges by RSA.

        Args:
            pem: PEM text; certificates beside the key do no harm.

        Raises:
            ValueError: It is no usable RSA private key; says what it is instead.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem, None)
        except TypeError:
            raise ValueError(
                "the private key is encrypted: decrypt it first (openssl rsa -in FILE -out PLAIN)"
            ) from None
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError(f"{_what_is(pem)}: an RSA private key in PEM form is expected") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            kind = type(key).__name__.removesuffix("PrivateKey")
            raise ValueError(  # noqa: TRY004 — the argument is of the right type, its content is not
                f"it is a private key of type {kind}: an RSA private key is expected, "
                "as only the RSA key exchange can be opened with a private key"
            )
        self._private_keys.append(key)
        self.generation += 1

    def secret(self, label: str, client_random: bytes) -> bytes | None:
        """Find what a key log says under a label for the connection with this client random."""
        return self._secrets.get((label, client_random))

    def premaster(self, encrypted: bytes, client_version: bytes) -> bytes | None:
        """Open a ClientKeyExchange by RSA (RFC 5246 §7.4.7.1).

        Args:
            encrypted: The premaster secret as the client sent it.
            client_version: The version that the ClientHello asks for; the premaster secret begins with it.
                A key that does not fit gives random bytes or none at all, so this tells.
        """
        premaster = self._premasters.get(encrypted[:8])
        if premaster is not None or not self._private_keys:
            return premaster
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        for key in self._private_keys:
            try:
                premaster = key.decrypt(encrypted, PKCS1v15())
            except ValueError:
                continue
            if len(premaster) == _MASTER_SIZE and premaster.startswith(client_version):
                return premaster
        return None

    def session(self, name: bytes) -> bytes | None:
        """Find the master secret of a TLS 1.2 session by its session id or its ticket."""
        return self._sessions.get(name)

    def remember(self, name: bytes, master: bytes) -> None:
        """Keep the master secret of a TLS 1.2 session for the connections that resume it."""
        if name and _add(self._sessions, name, master):
            self.generation += 1
            if len(self._sessions) > _MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]


def _add(secrets: dict[K, bytes], name: K, secret: bytes) -> bool:
    """Say whether this is news."""
    if secrets.get(name) == secret:
        return False
    secrets[name] = secret
    return True


def _what_is(pem: bytes) -> str:
    labels = [label.decode().lower() for label in _PEM_LABEL.findall(pem)]
    return f"it holds {', '.join(labels)} that cannot be read as a private key" if labels else "it is not PEM"
