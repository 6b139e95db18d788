"""Opening TLS records: one class for each way to seal them.

The only room of TLS that imports the record ciphers of `cryptography`, which takes some 50 ms: import it when
the first key is in hand. It knows neither handshakes nor streams: a record comes in with its sequence number,
its plaintext goes out, or None where it does not authenticate.
"""

import hmac
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from ocppscope.wire.tls_keys import Bulk, Suite, expand_label, prf

_BLOCK: Final = 16
_EXPLICIT: Final = 8
_MAC_SIZES: Final = {"sha1": 20, "sha256": 32, "sha384": 48}


class Aead(Protocol):
    """AES-GCM, AES-CCM and ChaCha20-Poly1305 alike."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...


class RecordCipher:
    """What opens the records of one direction, from one change of keys to the next."""

    __slots__ = ("overhead",)

    def __init__(self, overhead: int | None) -> None:
        self.overhead = overhead
        """Bytes that sealing adds to a record; None where they differ from record to record."""

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        """Open one record.

        Args:
            sequence: Its number since the change of keys, from 0.
            header: Its 5 bytes: type, version, length.
            fragment: What the length counts.

        Returns:
            Content type and plaintext; None where the record does not authenticate.
        """
        raise NotImplementedError

    def updated(self) -> "RecordCipher | None":
        """Give the cipher after a KeyUpdate (RFC 8446 §7.2); None in TLS 1.2, which has none."""
        return None


class Aead13(RecordCipher):
    """TLS 1.3 (RFC 8446 §5.2, §5.3): the true content type is the last byte that is not padding."""

    __slots__ = ("_aead", "_iv", "_next", "_secret", "_suite")

    def __init__(self, suite: Suite, secret: bytes) -> None:
        super().__init__(None)
        bulk = suite.bulk
        assert bulk is not None
        self._aead = _aead(bulk, expand_label(secret, b"key", bulk.key, suite.hash))
        self._iv = int.from_bytes(expand_label(secret, b"iv", 12, suite.hash), "big")
        self._suite = suite
        self._secret = secret
        self._next: Aead13 | None = None

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        try:
            inner = self._aead.decrypt((self._iv ^ sequence).to_bytes(12, "big"), fragment, header)
        except InvalidTag:
            return None
        if not inner or not inner[-1]:
            inner = inner.rstrip(b"\0") or b"\0"
        return inner[-1], inner[:-1]

    def updated(self) -> "Aead13":
        if self._next is None:
            digest = self._suite.hash
            secret = expand_label(self._secret, b"traffic upd", len(self._secret), digest)
            self._next = Aead13(self._suite, secret)
        return self._next


class AeadExplicit(RecordCipher):
    """AES-GCM and AES-CCM in TLS 1.2 (RFC 5288 §3, RFC 6655 §3): 8 bytes of the nonce are in the record."""

    __slots__ = ("_aead", "_salt", "_tag")

    def __init__(self, bulk: Bulk, key: bytes, salt: bytes) -> None:
        super().__init__(_EXPLICIT + bulk.tag)
        self._aead = _aead(bulk, key)
        self._salt = salt
        self._tag = bulk.tag

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        size = len(fragment) - _EXPLICIT - self._tag
        if size < 0:
            return None
        associated = _associated(sequence, header, size)
        try:
            nonce = self._salt + fragment[:_EXPLICIT]
            return header[0], self._aead.decrypt(nonce, fragment[_EXPLICIT:], associated)
        except InvalidTag:
            return None


class AeadImplicit(RecordCipher):
    """ChaCha20-Poly1305 in TLS 1.2 (RFC 7905 §2): the nonce is the IV and the sequence number."""

    __slots__ = ("_aead", "_iv", "_tag")

    def __init__(self, bulk: Bulk, key: bytes, iv: bytes) -> None:
        super().__init__(bulk.tag)
        self._aead = _aead(bulk, key)
        self._iv = int.from_bytes(iv, "big")
        self._tag = bulk.tag

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        size = len(fragment) - self._tag
        if size < 0:
            return None
        nonce = (self._iv ^ sequence).to_bytes(12, "big")
        try:
            return header[0], self._aead.decrypt(nonce, fragment, _associated(sequence, header, size))
        except InvalidTag:
            return None


class MacThenEncrypt(RecordCipher):
    """AES-CBC as TLS 1.2 has it (RFC 5246 §6.2.3.2): IV, then content, MAC and padding, encrypted."""

    __slots__ = ("_decrypt", "_digest", "_mac_key", "_mac_size")

    def __init__(self, digest: str, key: bytes, mac_key: bytes) -> None:
        super().__init__(None)
        # One context for all records: in CBC a block depends on the ciphertext before it, and each record
        # begins with its own IV. Only what the IV itself decrypts to is noise, and thrown away.
        self._decrypt = Cipher(AES(key), CBC(bytes(_BLOCK))).decryptor().update
        self._digest = digest
        self._mac_key = mac_key
        self._mac_size = _MAC_SIZES[digest]

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        padded = self._unpad(fragment)
        if padded is None or len(padded) < self._mac_size:
            return None
        content, mac = padded[: -self._mac_size], padded[-self._mac_size :]
        return (header[0], content) if self._mac(sequence, header, content) == mac else None

    def _unpad(self, encrypted: bytes) -> bytes | None:
        if len(encrypted) % _BLOCK or len(encrypted) < 2 * _BLOCK:
            return None
        padded = self._decrypt(encrypted)[_BLOCK:]
        size = padded[-1] + 1  # the byte that says how many precede it is padding too
        return padded[:-size] if padded.endswith(padded[-1:] * size) else None

    def _mac(self, sequence: int, header: bytes, content: bytes) -> bytes:
        return hmac.digest(self._mac_key, _associated(sequence, header, len(content)) + content, self._digest)


class EncryptThenMac(MacThenEncrypt):
    """AES-CBC where both ends agreed to authenticate what is encrypted (RFC 7366 §3)."""

    __slots__ = ()

    def open(self, sequence: int, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        encrypted, mac = fragment[: -self._mac_size], fragment[-self._mac_size :]
        if self._mac(sequence, header, encrypted) != mac:
            return None
        content = self._unpad(encrypted)
        return None if content is None else (header[0], content)


def ciphers_12(
    suite: Suite, master: bytes, client_random: bytes, server_random: bytes, encrypt_then_mac: bool
) -> tuple[RecordCipher, RecordCipher]:
    """Make the ciphers of the client and of the server from the key block of TLS 1.2 (RFC 5246 §6.3)."""
    bulk = suite.bulk
    assert bulk is not None
    sizes = (_MAC_SIZES[suite.mac] if bulk.mode == "CBC" else 0, bulk.key, bulk.iv)
    block = prf(master, b"key expansion", server_random + client_random, 2 * sum(sizes), suite.hash)
    ends: tuple[list[bytes], list[bytes]] = [], []
    at = 0
    for size in sizes:  # first the MAC keys, the client's before the server's, then the keys, then the IVs
        for end in ends:
            end.append(block[at : at + size])
            at += size
    client, server = (_cipher_12(suite, bulk, end, encrypt_then_mac) for end in ends)
    return client, server


def _cipher_12(suite: Suite, bulk: Bulk, keys: list[bytes], encrypt_then_mac: bool) -> RecordCipher:
    mac_key, key, iv = keys
    match bulk.mode:
        case "CBC":
            return (EncryptThenMac if encrypt_then_mac else MacThenEncrypt)(suite.mac, key, mac_key)
        case "CHACHA20":
            return AeadImplicit(bulk, key, iv)
        case _:
            return AeadExplicit(bulk, key, iv)


def _aead(bulk: Bulk, key: bytes) -> Aead:
    match bulk.mode:
        case "GCM":
            return AESGCM(key)
        case "CCM":
            return AESCCM(key, bulk.tag)
        case _:
            return ChaCha20Poly1305(key)


def _associated(sequence: int, header: bytes, size: int) -> bytes:
    """Give what a record of TLS 1.2 authenticates besides its content (RFC 5246 §6.2.3.3)."""
    return sequence.to_bytes(8, "big") + header[:3] + size.to_bytes(2, "big")
