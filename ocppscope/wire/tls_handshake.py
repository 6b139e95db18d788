"""What the messages of a TLS handshake say, and the secrets that follow from it.

In this room a handshake message is read into facts about the connection. It knows nothing of records, of
their order between the two directions, or of how they are sealed; a message is the same to it in plaintext or
opened.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from ocppscope.wire.tls_keys import (
    CLIENT_HANDSHAKE,
    CLIENT_TRAFFIC,
    MASTER,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
    KeyStore,
    Suite,
    prf,
    suite,
)

if TYPE_CHECKING:
    from ocppscope.wire.tls_ciphers import RecordCipher

HELLO_REQUEST: Final = 0
CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
NEW_SESSION_TICKET: Final = 4
END_OF_EARLY_DATA: Final = 5
ENCRYPTED_EXTENSIONS: Final = 8
CERTIFICATE: Final = 11
SERVER_HELLO_DONE: Final = 14
CLIENT_KEY_EXCHANGE: Final = 16
FINISHED: Final = 20
KEY_UPDATE: Final = 24

TLS12: Final = 0x0303
TLS13: Final = 0x0304
_VERSIONS: Final = {0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0302: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3"}

_SERVER_NAME: Final = 0
_ALPN: Final = 16
_ENCRYPT_THEN_MAC: Final = 22
_EXTENDED_MASTER_SECRET: Final = 23
_SESSION_TICKET: Final = 35
_PRE_SHARED_KEY: Final = 41
_EARLY_DATA: Final = 42
_SUPPORTED_VERSIONS: Final = 43

_RETRY: Final = hashlib.sha256(b"HelloRetryRequest").digest()
"""The random of a ServerHello that is none but asks for another ClientHello (RFC 8446 §4.1.3)."""
_MAX_TRANSCRIPT: Final = 1 << 18
_MAX_NAMES: Final = 4
_MAX_CERTIFICATES: Final = 16
_NO_HANDSHAKE: Final = "the handshake is not in the capture"


@dataclass(slots=True)
class TlsInfo:
    """What is known of a connection so far."""

    version: str | None = None
    cipher: str | None = None
    """IANA's name, or `0xNNNN`."""
    server_name: str | None = None
    """For which server the client asked (SNI)."""
    alpn: str | None = None
    """The application protocol agreed."""
    certificates: tuple[str, ...] = ()
    """Subjects of the server's chain, its own first; not in TLS 1.3, which hides them."""
    client_certificates: tuple[str, ...] = ()
    """Of the client's chain, its own first; in TLS 1.3 with the handshake's secrets only."""
    alerts: tuple[str, ...] = ()
    """As `server: unknown_ca (fatal)`."""
    client_hello_seen: bool = False
    resumed: bool = False
    key_exchange_is_rsa: bool = False
    undecrypted_records: int = 0
    reason: str | None = _NO_HANDSHAKE
    """Why nothing can be read, and what would help; None once a record was opened."""


class _Cursor:
    """Reads the vectors of a message; ValueError where it is shorter than it says."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._body):
            raise ValueError(f"ends at {len(self._body)} where {self._at} bytes are expected")
        return self._body[start : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Read what a length of `size` bytes announces."""
        return self.take(self.number(size))

    def more(self) -> bool:
        return self._at < len(self._body)

    def extensions(self) -> Mapping[int, bytes]:
        """Read the block of extensions, which may be missing altogether."""
        block = _Cursor(self.vector(2) if self.more() else b"")
        found = {}
        while block.more():
            kind = block.number(2)
            found[kind] = block.vector(2)
        return found


class Handshake:
    """One handshake, filled in by its messages; those of the two directions may come in any order."""

    def __init__(self, keys: KeyStore, info: TlsInfo) -> None:
        self._keys = keys
        self._info = info
        self.client_random = b""
        self.server_random = b""
        self.version = 0
        """As agreed; 0 before the ServerHello."""
        self.early_data: bool | None = False
        """TLS 1.3 0-RTT is in use; None from the client's offer to the server's answer."""
        self.early_data_offered = False
        self._torn = False
        """A part of what the session hash is made of is lost."""
        self._suite: Suite | None = None
        self._client_version = b""
        self._client_session = b""
        self._server_session = b""
        self._ticket = b""
        self._encrypt_then_mac = False
        self._extended_master = False
        self._encrypted_premaster = b""
        self._master: bytes | None = None
        self._tried = -1
        self._names: list[bytes] = []
        self._flights: dict[bool, list[bytes]] = {True: [], False: []}
        self._flights_done: set[bool] = set()
        self._transcribed = 0

    def read(self, from_client: bool, message: bytes) -> None:
        """Take in one message with its header of 4 bytes.

        Raises:
            ValueError: It is malformed.
        """
        kind = message[0]
        self._transcribe(from_client, kind, message)
        reader = self._READERS.get((from_client, kind))
        if reader is not None:
            self._tried = -1
            reader(self, _Cursor(message[4:]))

    def _transcribe(self, from_client: bool, kind: int, message: bytes) -> None:
        """Keep what the session hash is made of (RFC 7627 §3): all up to the ClientKeyExchange."""
        if kind == HELLO_REQUEST or self.version == TLS13 or from_client in self._flights_done:
            return
        self._transcribed += len(message)
        self._torn |= self._transcribed > _MAX_TRANSCRIPT
        if not self._torn:
            self._flights[from_client].append(message)
        if kind in {SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE}:
            self._flights_done.add(from_client)
            self._tried = -1

    def tear(self, from_client: bool) -> None:
        """Note that messages of one side are lost, or cannot be read."""
        if from_client not in self._flights_done:
            self._torn = True
        if not from_client and self.early_data is None:
            self.early_data = False  # its answer is lost: records that turn out to be early data are skipped

    def _client_hello(self, hello: _Cursor) -> None:
        self._client_version = hello.take(2)
        self.client_random = hello.take(32)
        self._info.client_hello_seen = True
        self._client_session = hello.vector(1)
        hello.vector(2)
        hello.vector(1)
        extensions = hello.extensions()
        self._ticket = extensions.get(_SESSION_TICKET, b"")
        # Only a first hello may offer early data: one that answers a HelloRetryRequest may not.
        self.early_data = None if _EARLY_DATA in extensions else False
        self.early_data_offered |= _EARLY_DATA in extensions
        if _SERVER_NAME in extensions:
            self._info.server_name = _host_name(_Cursor(extensions[_SERVER_NAME]))
        self._note_resumption()

    def _server_hello(self, hello: _Cursor) -> None:
        version = hello.number(2)
        random = hello.take(32)
        self._server_session = hello.vector(1)
        self._suite = suite(hello.number(2))
        hello.take(1)
        extensions = hello.extensions()
        self.version = int.from_bytes(extensions.get(_SUPPORTED_VERSIONS, b""), "big") or version
        self._info.version = _VERSIONS.get(self.version, f"0x{self.version:04X}")
        self._info.cipher = self._suite.name
        self._info.key_exchange_is_rsa = self._suite.key_exchange == "RSA"
        if random == _RETRY:
            return
        self.server_random = random
        self._encrypt_then_mac = _ENCRYPT_THEN_MAC in extensions
        self._extended_master = _EXTENDED_MASTER_SECRET in extensions
        self._names.append(self._server_session)
        self._note_alpn(extensions)
        self._info.resumed = _PRE_SHARED_KEY in extensions
        self._note_resumption()

    def _note_resumption(self) -> None:
        """See whether the server took up the session that the client asked for (RFC 5246 §7.3)."""
        if self.version and self.version < TLS13 and self._client_session:
            self._info.resumed = self._client_session == self._server_session

    def _note_alpn(self, extensions: Mapping[int, bytes]) -> None:
        if _ALPN in extensions:
            agreed = _Cursor(_Cursor(extensions[_ALPN]).vector(2)).vector(1)
            self._info.alpn = agreed.decode("ascii", "replace")

    def _encrypted_extensions(self, body: _Cursor) -> None:
        extensions = body.extensions()
        self._note_alpn(extensions)
        if self.early_data is None:
            self.early_data = _EARLY_DATA in extensions

    def _server_certificate(self, body: _Cursor) -> None:
        if self.version != TLS13:
            self._info.certificates = _subjects(_Cursor(body.vector(3)))

    def _client_certificate(self, body: _Cursor) -> None:
        if self.version == TLS13:
            body.vector(1)  # the request that it answers
        chain = _Cursor(body.vector(3))
        self._info.client_certificates = _subjects(chain, has_extensions=self.version == TLS13)

    def _client_key_exchange(self, body: _Cursor) -> None:
        if self._suite is not None and self._suite.key_exchange == "RSA":
            self._encrypted_premaster = body.vector(2)

    def _new_session_ticket(self, body: _Cursor) -> None:
        if self.version == TLS12:
            body.take(4)
            self._names.append(body.vector(2))
            del self._names[:-_MAX_NAMES]
            self._publish()

    @property
    def hopeless(self) -> bool:
        """No key could open what this handshake protects."""
        if not self._suite or not self.version:
            return not self.client_random
        return self.version not in {TLS12, TLS13} or self._suite.bulk is None

    def obstacle(self) -> str | None:
        """Say why the records cannot be opened and what would help; None where the secrets are there."""
        if not self._suite or not self.client_random:
            missing = "the client's hello" if self._suite else "the server's hello"
            return f"{missing} is not in the capture" if self._suite or self.client_random else _NO_HANDSHAKE
        if self.version not in {TLS12, TLS13}:
            name = (self._info.version or "").replace("v", " ")
            return f"{name} is recognised and not decrypted: TLS 1.2 and 1.3 are"
        if self._suite.bulk is None:
            return f"cipher suite {self._suite.name} is not supported"
        return None if self._has_secrets() else self._missing_secret()

    def _has_secrets(self) -> bool:
        if self.version == TLS12:
            return self._master_secret() is not None
        labels = (CLIENT_HANDSHAKE, CLIENT_TRAFFIC, SERVER_HANDSHAKE, SERVER_TRAFFIC)
        return any(self.traffic_secret(label) for label in labels)

    def _missing_secret(self) -> str:
        unknown = f"no secret for client random {self.client_random.hex()}: give --keylog FILE"
        if not self._info.key_exchange_is_rsa:
            if not self._keys.has_private_key:
                return unknown
            kind = self._suite.key_exchange if self._suite and self._suite.key_exchange else "TLS 1.3"
            return f"the key exchange is ephemeral ({kind}): a private key cannot open it, --keylog FILE can"
        if self._info.resumed:
            return (
                "the session was resumed, and what began it is not in the capture or cannot be read: "
                "give --keylog FILE"
            )
        if not self._keys.has_private_key:
            return f"{unknown}, or the server's RSA private key as --tls-key FILE"
        if self._extended_master and self._torn:
            return (
                "the handshake has a gap, and with extended master secret a private key needs all of it: "
                "give --keylog FILE"
            )
        return (
            "the private key given is not that of the server: "
            "give the server's own as --tls-key FILE, or --keylog FILE"
        )

    def traffic_secret(self, label: str) -> bytes | None:
        """Find a traffic secret of TLS 1.3 (RFC 8446 §7.1)."""
        return self._keys.secret(label, self.client_random)

    def cipher_12(self, from_client: bool) -> "RecordCipher | None":
        """Make the cipher of one direction of TLS 1.2; None while the master secret is not known."""
        master = self._master_secret()
        if master is None or self._suite is None or not self.server_random:
            return None
        from ocppscope.wire.tls_ciphers import ciphers_12

        client, server = ciphers_12(
            self._suite, master, self.client_random, self.server_random, self._encrypt_then_mac
        )
        return client if from_client else server

    def cipher_13(self, label: str) -> "RecordCipher | None":
        """Make the cipher that belongs to a traffic secret; None while that is not known."""
        secret = self.traffic_secret(label)
        if secret is None or self._suite is None:
            return None
        from ocppscope.wire.tls_ciphers import Aead13

        return Aead13(self._suite, secret)

    def _master_secret(self) -> bytes | None:
        # An RSA operation takes a millisecond: not again before there is a new key or a new message.
        if self._master is None and self._tried != self._keys.generation:
            self._tried = self._keys.generation
            self._master = (
                self._keys.secret(MASTER, self.client_random)
                or self._master_by_private_key()
                or self._keys.session(self._server_session)
                or self._master_by_ticket()
            )
            self._publish()
        return self._master

    def _master_by_ticket(self) -> bytes | None:
        """Find it by the client's ticket, which need not come with a session id (RFC 5077 §3.4).

        That the server took the ticket shows then in its handshake being short.
        """
        master = None if False in self._flights_done else self._keys.session(self._ticket)
        self._info.resumed |= master is not None
        return master

    def _master_by_private_key(self) -> bytes | None:
        """Compute the master secret of a key exchange by RSA (RFC 5246 §8.1, RFC 7627 §4)."""
        if not self._encrypted_premaster or self._suite is None:
            return None
        if self._extended_master and (self._torn or len(self._flights_done) < 2):
            return None
        premaster = self._keys.premaster(self._encrypted_premaster, self._client_version)
        if premaster is None:
            return None
        if self._extended_master:
            return prf(premaster, b"extended master secret", self._session_hash(), 48, self._suite.hash)
        return prf(premaster, b"master secret", self.client_random + self.server_random, 48, self._suite.hash)

    def _session_hash(self) -> bytes:
        """Hash the messages in the order in which they were sent, whatever the order of the packets."""
        hello, *answer = self._flights[True]
        transcript = hashlib.new(self._suite.hash if self._suite else "sha256", hello)
        for message in self._flights[False] + answer:
            transcript.update(message)
        return transcript.digest()

    def _publish(self) -> None:
        """Let connections that resume this session know its master secret (RFC 5246 §7.3, RFC 5077)."""
        if self._master is not None:
            for name in self._names:
                self._keys.remember(name, self._master)
            self._names.clear()

    _READERS: ClassVar[Mapping[tuple[bool, int], Callable[["Handshake", _Cursor], None]]] = {
        (True, CLIENT_HELLO): _client_hello,
        (False, SERVER_HELLO): _server_hello,
        (False, NEW_SESSION_TICKET): _new_session_ticket,
        (False, ENCRYPTED_EXTENSIONS): _encrypted_extensions,
        (False, CERTIFICATE): _server_certificate,
        (True, CERTIFICATE): _client_certificate,
        (True, CLIENT_KEY_EXCHANGE): _client_key_exchange,
    }
    """Messages that say something, by (from the client, type)."""


def _host_name(names: _Cursor) -> str | None:
    """Read a server_name extension (RFC 6066 §3): a list in which type 0 is a host name."""
    entries = _Cursor(names.vector(2))
    while entries.more():
        kind, name = entries.number(1), entries.vector(2)
        if kind == 0:
            return name.decode("ascii", "replace")
    return None


def _subjects(chain: _Cursor, *, has_extensions: bool = False) -> tuple[str, ...]:
    from cryptography import x509

    subjects: list[str] = []
    while chain.more() and len(subjects) < _MAX_CERTIFICATES:
        try:
            certificate = x509.load_der_x509_certificate(chain.vector(3))
            subjects.append(certificate.subject.rfc4514_string())
        except (ValueError, TypeError, x509.InvalidVersion):
            subjects.append("(unreadable certificate)")
        if has_extensions:  # of each certificate (RFC 8446 §4.4.2)
            chain.vector(2)
    return tuple(subjects)
