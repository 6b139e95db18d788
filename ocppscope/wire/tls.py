"""TLS: the records of both directions of one connection in, what they carry in plaintext out.

In this room live the record layer, the state of each direction, the wait for keys that come later, and the
way back into step after bytes were lost. Handshake messages are read in `tls_handshake`, records opened in
`tls_ciphers`, secrets kept in `tls_keys`. It knows neither TCP below nor HTTP above, and has no socket, file
or clock. Whatever comes in, nothing is raised, and memory stays within the limits named here.

Sources: RFC 5246 (TLS 1.2), RFC 8446 (TLS 1.3), RFC 7366 (encrypt-then-MAC), RFC 7627 (extended master
secret).
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ocppscope.events import Tls, event
from ocppscope.wire.tls_handshake import (
    CLIENT_HELLO,
    END_OF_EARLY_DATA,
    FINISHED,
    KEY_UPDATE,
    TLS12,
    TLS13,
    Handshake,
    TlsInfo,
)
from ocppscope.wire.tls_keys import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_TRAFFIC,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
    KeyStore,
)

if TYPE_CHECKING:
    from ocppscope.wire.tls_ciphers import RecordCipher

__all__ = ["Broken", "KeyStore", "Lost", "Plain", "TlsConnection", "TlsInfo", "TlsOutput"]

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

_HEADER_SIZE: Final = 5
_MAX_FRAGMENT: Final = (1 << 14) + 2048
_MIN_RECORD: Final = _HEADER_SIZE + 17
"""No sealed record is shorter: a tag, and one byte for its content type or its content."""
_HEADER: Final = re.compile(rb"[\x14-\x17]\x03[\x00-\x04][\x00-\x48].", re.DOTALL)
_MAX_HANDSHAKE: Final = 1 << 18
_MAX_WAITING: Final = 1 << 20
_MAX_WAITING_IN_ALL: Final = 64 << 20
_RECORD_COST: Final = 256
"""What a waiting record takes in memory besides its bytes."""
_WINDOW: Final = 4096
"""How many sequence numbers are tried for the first record after a gap."""
_TRIALS: Final = 4 * _WINDOW
"""How many tries may fail before one succeeds: then a direction stays lost, rather than cost hours."""
_MAX_ALERTS: Final = 16
_MAX_RAW: Final = 256

_FIRST_SECRETS: Final = {
    True: (CLIENT_EARLY, CLIENT_HANDSHAKE, CLIENT_TRAFFIC),
    False: (SERVER_HANDSHAKE, SERVER_TRAFFIC),
}
"""The secrets that protect a direction of TLS 1.3, in order (RFC 8446 §7.3); True for the client's."""

_OTHERS_SECRETS: Final = "the secrets given do not open its records: they are of another connection"
_LEVELS: Final = {1: "warning", 2: "fatal"}
_ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


@event
class Plain:
    """Application data of one record."""

    from_client: bool
    data: bytes
    time: int


@event
class Lost:
    """Application data that cannot be had, before whatever comes next in this direction."""

    from_client: bool
    size: int | None
    """Bytes; None where that cannot be known."""
    time: int


@event
class Broken:
    """Bytes that should be a record, or a message in one, and are not."""

    from_client: bool
    offset: int
    """Of the record in its direction of the TCP connection, counted from the first byte fed or lost."""
    reason: str
    raw: bytes
    """The record, or the beginning of what should be one."""
    time: int


TlsOutput: TypeAlias = Plain | Lost | Broken


class _Record(NamedTuple):
    from_client: bool
    header: bytes
    fragment: bytes
    offset: int
    time: int
    window: int
    """How many records may be lost before this one."""


class _Direction:
    """The state of one direction."""

    __slots__ = (
        "blocked",
        "dropped",
        "from_client",
        "handshake",
        "lost",
        "messages",
        "offset",
        "opened",
        "opener",
        "sealed",
        "searching",
        "sequence",
        "skipping",
        "stage",
        "tail",
        "trials",
    )

    def __init__(self, from_client: bool) -> None:
        self.from_client = from_client
        self.tail = b""
        """The beginning of a record."""
        self.offset = 0
        """Of the tail in the stream."""
        self.searching = False
        """Out of step: looking for a header."""
        self.lost = 0
        """Bytes passed over since the last record in step."""
        self.sealed = False
        """TLS 1.2: a ChangeCipherSpec was seen, or the records tell that it was lost."""
        self.handshake: Handshake | None = None
        """The one whose keys protect the records now."""
        self.opener: RecordCipher | None = None
        self.sequence = 0
        self.opened = False
        """The keys in use have opened a record."""
        self.stage = 0
        """TLS 1.3: which of `_FIRST_SECRETS` is in use, or next."""
        self.skipping = False
        """Records may come first whose keys are not to be had."""
        self.blocked = False
        """Records wait for keys."""
        self.dropped = 0
        """Records that came when no more could wait."""
        self.trials = _TRIALS
        self.messages = bytearray()
        """Handshake messages, the last one incomplete."""

    def use(self, opener: "RecordCipher | None") -> None:
        """Change keys; None where they are to be found when the next record comes."""
        self.opener = opener
        self.sequence = 0
        self.opened = False

    def carries_application_data(self, skipped_to: int) -> bool:
        """Say whether records from here up to a sequence number can be other than handshake."""
        if self.handshake is not None and self.handshake.version == TLS13:
            return self.stage + 1 == len(_FIRST_SECRETS[self.from_client]) and skipped_to > self.sequence
        return skipped_to > max(self.sequence, 1)  # the first that is sealed is Finished


class TlsConnection:
    """One TLS connection, seen from beside it."""

    def __init__(self, keys: KeyStore) -> None:
        self.info = TlsInfo()
        self._keys = keys
        self._generation = keys.generation
        self._handshake = Handshake(keys, self.info)
        self._client = _Direction(from_client=True)
        self._server = _Direction(from_client=False)
        self._waiting: deque[_Record] = deque()
        self._waiting_size = 0
        self._news = False
        """A handshake message was read since the waiting records were looked at."""
        self._readable = False
        self._time = 0

    def feed(self, from_client: bool, data: bytes, time: int) -> list[TlsOutput]:
        """Take in the next bytes of one direction.

        Args:
            from_client: The direction.
            data: Bytes of its stream, cut anywhere.
            time: Nanoseconds since the epoch; what comes out bears that of its last byte.
        """
        self._time = time
        out: list[TlsOutput] = []
        if self._keys.generation != self._generation:
            self._settle(out)
        direction = self._client if from_client else self._server
        if direction.tail:
            data = direction.tail + data
        before, position = -1, 0
        while before < position < len(data):
            before = position
            step = self._search if direction.searching else self._read
            position = step(direction, data, position, out)
        direction.tail = data[position:]
        direction.offset += position
        if self._news:
            self._settle(out)
        return out

    def gap(self, from_client: bool, size: int | None, time: int) -> list[TlsOutput]:
        """Note that bytes of one direction are lost.

        Lost is put out once a record after the gap has been opened, just before what it carries: only then is
        it known that application data was lost.

        Args:
            from_client: The direction.
            size: How many bytes; None where that is not known.
            time: Nanoseconds since the epoch.
        """
        self._time = time
        direction = self._client if from_client else self._server
        direction.lost += len(direction.tail) + (_WINDOW * _MIN_RECORD if size is None else size)
        direction.offset += len(direction.tail) + (size or 0)
        direction.tail = b""
        direction.searching = True
        direction.messages.clear()
        self._handshake.tear(from_client)
        return []

    def end(self) -> list[TlsOutput]:
        """Note that no more bytes will come. Records that still wait for keys are counted and dropped."""
        out: list[TlsOutput] = []
        self._settle(out)
        self.info.undecrypted_records += len(self._waiting)
        self._waiting.clear()
        self._keys.waiting -= self._waiting_size
        self._waiting_size = 0
        for direction in (self._client, self._server):
            if direction.searching:
                if self._readable and direction.handshake is not None:
                    out.append(Lost(direction.from_client, None, self._time))
            elif tail := direction.tail:
                reason = "the stream ends inside a record"
                out.append(Broken(direction.from_client, direction.offset, reason, tail, self._time))
            direction.tail = b""
        return out

    def as_tls(self) -> Tls:
        """Give what an event says of the connection."""
        shown = self.info.client_certificates
        return Tls(self.info.version, self.info.cipher, self.info.server_name, shown[0] if shown else None)

    # Records (RFC 5246 §6.2.1, RFC 8446 §5.1)

    def _read(self, direction: _Direction, data: bytes, position: int, out: list[TlsOutput]) -> int:
        """Read whole records in step; return where the first incomplete one, or what is none, begins."""
        size = len(data)
        while position + _HEADER_SIZE <= size:
            kind = data[position]
            length = data[position + 3] << 8 | data[position + 4]
            if not 20 <= kind <= 23 or data[position + 1] != 3 or length > _MAX_FRAGMENT:
                self._fall_out_of_step(direction, data, position, out)
                return position + 1
            start = position + _HEADER_SIZE
            stop = start + length
            if stop > size:
                return position
            opener = direction.opener
            if opener is not None and kind == APPLICATION_DATA:
                # The short path: nearly all records of a connection.
                opened = opener.open(direction.sequence, data[position:start], data[start:stop])
                if opened is not None and opened[0] == APPLICATION_DATA and direction.opened:
                    direction.sequence += 1
                    if opened[1]:
                        out.append(Plain(direction.from_client, opened[1], self._time))
                    position = stop
                    continue
            self._take(direction, self._record(direction, data, position, stop, 0), out)
            position = stop
        return position

    def _record(self, direction: _Direction, data: bytes, position: int, stop: int, window: int) -> _Record:
        start = position + _HEADER_SIZE
        offset = direction.offset + position
        return _Record(
            direction.from_client, data[position:start], data[start:stop], offset, self._time, window
        )

    def _take(self, direction: _Direction, record: _Record, out: list[TlsOutput]) -> None:
        """Take a record in step, sealed or not."""
        if not self._is_sealed(direction, record):
            self._content(direction, record, record.header[0], record.fragment, out)
        elif direction.blocked or not self._has_keys(direction):
            self._postpone(direction, record)
        elif opened := self._open(direction, record, out):
            self._content(direction, record, *opened, out)
        else:
            self._fail(direction, record, out)

    def _is_sealed(self, direction: _Direction, record: _Record) -> bool:
        """Tell by the type in TLS 1.3 (RFC 8446 §5.2), before that by the ChangeCipherSpec or by data."""
        is_data = record.header[0] == APPLICATION_DATA
        return is_data or (direction.sealed and self._handshake.version != TLS13)

    def _open(self, direction: _Direction, record: _Record, out: list[TlsOutput]) -> tuple[int, bytes] | None:
        """Open a record, after a gap with the sequence numbers, and keys, that it may have."""
        for opener, first in self._openers(direction):
            span = min(record.window, direction.trials)
            for sequence in range(first, first + span + 1):
                opened = opener.open(sequence, record.header, record.fragment)
                if opened is not None:
                    self._note_opened(direction, record, opener, sequence, out)
                    return opened
            direction.trials -= span
        return None

    def _openers(self, direction: _Direction) -> Iterator[tuple["RecordCipher", int]]:
        """The keys in use, and the next ones: what says that they change may be lost."""
        if direction.opener is not None:
            yield direction.opener, direction.sequence
        following = self._following(direction)
        if following is not None:
            yield following, 0

    def _following(self, direction: _Direction) -> "RecordCipher | None":
        """Give the keys that come after those in use; TLS 1.2 has none without another handshake."""
        handshake = direction.handshake
        if handshake is None or direction.opener is None:
            return None
        secrets = _FIRST_SECRETS[direction.from_client]
        if handshake.version == TLS13 and direction.stage + 1 < len(secrets):
            return handshake.cipher_13(secrets[direction.stage + 1])
        return direction.opener.updated()

    def _note_opened(
        self,
        direction: _Direction,
        record: _Record,
        opener: "RecordCipher",
        sequence: int,
        out: list[TlsOutput],
    ) -> None:
        if opener is not direction.opener:
            lost = direction.carries_application_data(direction.sequence + 1)
            direction.stage = min(direction.stage + 1, len(_FIRST_SECRETS[direction.from_client]) - 1)
            direction.use(opener)
        else:
            lost = False
        if lost or direction.carries_application_data(sequence):
            out.append(Lost(direction.from_client, None, record.time))
        direction.sequence = sequence + 1
        direction.opened = direction.sealed = True
        direction.skipping = False
        direction.trials = _TRIALS
        self._readable = True
        self.info.reason = None

    def _fail(self, direction: _Direction, record: _Record, out: list[TlsOutput]) -> None:
        """Note a record that does not open: one of many is damaged; if none opened, the keys are wrong."""
        self.info.undecrypted_records += 1
        self._explain()
        if direction.skipping:
            return
        if direction.opened or direction.sequence == 0:
            reason = "the record does not authenticate: it is damaged, or its key is another one"
            raw = record.header + record.fragment
            out.append(Broken(record.from_client, record.offset, reason, raw, record.time))
        if direction.opened and record.header[0] == APPLICATION_DATA:
            overhead = direction.opener.overhead if direction.opener else None
            size = None if overhead is None else max(len(record.fragment) - overhead, 0)
            out.append(Lost(record.from_client, size, record.time))
        direction.sequence += 1

    # Keys

    def _has_keys(self, direction: _Direction) -> bool:
        """Install the keys of a direction, if they are needed and can be had."""
        if direction.opener is not None:
            return True
        if direction.handshake is None:
            direction.handshake = self._handshake
        handshake = direction.handshake
        if handshake.version == TLS13:
            return self._install_13(direction, handshake)
        if handshake.version == TLS12:
            direction.use(handshake.cipher_12(direction.from_client))
        return direction.opener is not None

    def _install_13(self, direction: _Direction, handshake: Handshake) -> bool:
        """Install the first secret from this stage on that the key log has."""
        if direction.from_client and handshake.early_data is None:
            return False  # whether the server takes early data decides what comes first
        secrets = _FIRST_SECRETS[direction.from_client]
        if direction.from_client and not handshake.early_data_offered:
            direction.stage = max(direction.stage, 1)
        for stage in range(direction.stage, len(secrets)):
            if secrets[stage] == CLIENT_EARLY and not handshake.early_data:
                continue
            opener = handshake.cipher_13(secrets[stage])
            if opener is not None:
                if stage > direction.stage:
                    direction.skipping = True
                    handshake.tear(direction.from_client)
                    self._news = True
                direction.stage = stage
                direction.use(opener)
                return True
        return False

    # Records that wait

    def _postpone(self, direction: _Direction, record: _Record) -> None:
        """Let a record wait for its key, if one can come and there is room."""
        handshake = direction.handshake or self._handshake
        if handshake.hopeless or self._keys.final:
            self.info.undecrypted_records += 1
            return
        direction.blocked = True
        cost = len(record.fragment) + _RECORD_COST
        too_much = self._waiting_size + cost > _MAX_WAITING or self._keys.waiting + cost > _MAX_WAITING_IN_ALL
        if direction.dropped or too_much:
            direction.dropped += 1
            self.info.undecrypted_records += 1
            return
        self._waiting.append(record)
        self._waiting_size += cost
        self._keys.waiting += cost

    def _settle(self, out: list[TlsOutput]) -> None:
        """Open what waited, as long as a direction that was blocked has got its keys."""
        self._generation = self._keys.generation
        self._news = False
        directions = (self._client, self._server)
        while any(direction.blocked and self._has_keys(direction) for direction in directions):
            self._drain(directions, out)
        self._news = False
        self._explain()

    def _explain(self) -> None:
        """Say why nothing can be read, as long as that is so."""
        if not self._readable:
            failed = _OTHERS_SECRETS if self.info.undecrypted_records else None
            self.info.reason = self._handshake.obstacle() or failed

    def _drain(self, directions: tuple[_Direction, _Direction], out: list[TlsOutput]) -> None:
        """Take all waiting records again; those of a direction that is blocked still go back to waiting."""
        waiting, self._waiting = self._waiting, deque()
        self._keys.waiting -= self._waiting_size
        self._waiting_size = 0
        for direction in directions:
            direction.blocked = False
        for record in waiting:
            self._take(self._client if record.from_client else self._server, record, out)
        for direction in directions:
            if direction.dropped and not direction.blocked:
                out.append(Lost(direction.from_client, None, self._time))
                direction.sequence += direction.dropped
                direction.dropped = 0

    # Damage and gaps

    def _fall_out_of_step(
        self, direction: _Direction, data: bytes, position: int, out: list[TlsOutput]
    ) -> None:
        header = data[position : position + _HEADER_SIZE]
        reason = f"no TLS record begins with {header.hex(' ')}"
        raw = data[position : position + _MAX_RAW]
        out.append(Broken(direction.from_client, direction.offset + position, reason, raw, self._time))
        direction.searching = True
        direction.lost = 1
        direction.messages.clear()

    def _search(self, direction: _Direction, data: bytes, position: int, out: list[TlsOutput]) -> int:
        """Look for a record; return where it ends, or where to look again when there are more bytes."""
        start = position
        keep = max(start, len(data) - _HEADER_SIZE + 1)
        for match in _HEADER.finditer(data, start):
            position = match.start()
            stop = position + _HEADER_SIZE + (data[position + 3] << 8 | data[position + 4])
            if stop - position - _HEADER_SIZE > _MAX_FRAGMENT:
                continue
            if stop > len(data):
                keep = position
                break
            passed = direction.lost + position - start
            window = min(_WINDOW, 1 + passed // _MIN_RECORD)
            record = self._record(direction, data, position, stop, window)
            if self._rejoin(direction, record, data[stop : stop + _HEADER_SIZE], out):
                direction.searching = False
                direction.lost = 0
                return stop
        direction.lost += keep - start
        return keep

    def _rejoin(self, direction: _Direction, record: _Record, following: bytes, out: list[TlsOutput]) -> bool:
        """Take what looks like a record if its authentication or, without keys, what follows proves it."""
        if not direction.blocked and self._has_keys(direction):
            opened = self._open(direction, record, out)
            if opened is not None:
                self._content(direction, record, *opened, out)
                return True
            if direction.opened or self._is_sealed(direction, record):
                return False
        if len(following) == _HEADER_SIZE and not _HEADER.match(following):
            return False
        self._take(direction, record, out)
        return True

    # Contents

    def _content(
        self, direction: _Direction, record: _Record, kind: int, data: bytes, out: list[TlsOutput]
    ) -> None:
        if kind == APPLICATION_DATA:
            if data:
                out.append(Plain(record.from_client, data, record.time))
        elif kind == HANDSHAKE:
            self._handshake_data(direction, record, data, out)
        elif kind == ALERT:
            self._alerts(direction, data)
        elif kind == CHANGE_CIPHER_SPEC and self._handshake.version != TLS13:
            # In TLS 1.3 it is there for the eyes of middleboxes (RFC 8446 §D.4).
            direction.sealed = True
            direction.handshake = self._handshake
            direction.messages.clear()
            direction.use(None)

    def _alerts(self, direction: _Direction, data: bytes) -> None:
        """Note alerts of 2 bytes each (RFC 5246 §7.2); one cut in two is not worth the trouble."""
        side = "client" if direction.from_client else "server"
        for level, what in zip(data[::2], data[1::2], strict=False):
            name = _ALERTS.get(what, f"alert {what}")
            alert = f"{side}: {name} ({_LEVELS.get(level, f'level {level}')})"
            self.info.alerts = (*self.info.alerts[: _MAX_ALERTS - 1], alert)

    def _handshake_data(
        self, direction: _Direction, record: _Record, data: bytes, out: list[TlsOutput]
    ) -> None:
        """Put messages together that are cut anywhere (RFC 8446 §5.1)."""
        messages = direction.messages
        messages += data
        while len(messages) >= 4:
            size = 4 + int.from_bytes(messages[1:4], "big")
            if size > _MAX_HANDSHAKE:
                self._broken_message(record, f"a handshake message of {size} bytes", messages, out)
                messages.clear()
                return
            if len(messages) < size:
                return
            message = bytes(messages[:size])
            del messages[:size]
            self._message(direction, record, message, out)

    def _message(self, direction: _Direction, record: _Record, message: bytes, out: list[TlsOutput]) -> None:
        self._news = True
        if message[0] == CLIENT_HELLO and self._is_another_handshake(message):
            self._handshake = Handshake(self._keys, self.info)
        try:
            self._handshake.read(direction.from_client, message)
        except ValueError as error:
            self._broken_message(record, f"a handshake message of type {message[0]} {error}", message, out)
        change = _KEY_CHANGES.get(message[0])
        if change is not None and self._handshake.version == TLS13 and direction.opener is not None:
            change(direction)

    def _is_another_handshake(self, hello: bytes) -> bool:
        """Tell a new negotiation (TLS 1.2) from the answer to a HelloRetryRequest, which keeps its random."""
        known = self._handshake.client_random
        return bool(known) and hello[6:38] != known

    def _broken_message(
        self, record: _Record, reason: str, message: bytes | bytearray, out: list[TlsOutput]
    ) -> None:
        self._handshake.tear(record.from_client)
        raw = bytes(message[:_MAX_RAW])
        out.append(Broken(record.from_client, record.offset, reason, raw, record.time))


def _next_stage(*stages: str) -> Callable[[_Direction], None]:
    """Leave one of these stages for the next: its keys are looked up when a record needs them."""

    def change(direction: _Direction) -> None:
        if _FIRST_SECRETS[direction.from_client][direction.stage] in stages:
            direction.stage += 1
            direction.use(None)

    return change


def _update(direction: _Direction) -> None:
    """Change to the next keys of the same direction (RFC 8446 §4.6.3)."""
    assert direction.opener is not None
    direction.use(direction.opener.updated())


_KEY_CHANGES: Final[Mapping[int, Callable[[_Direction], None]]] = {
    END_OF_EARLY_DATA: _next_stage(CLIENT_EARLY),
    FINISHED: _next_stage(CLIENT_HANDSHAKE, SERVER_HANDSHAKE),
    KEY_UPDATE: _update,
}
"""Messages of TLS 1.3 after which their sender uses other keys (RFC 8446 §7.3)."""
