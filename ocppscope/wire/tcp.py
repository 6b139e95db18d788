"""TCP: segments of many connections in, the two byte streams of each connection out, holes named.

Knows sequence numbers, flags and capture time (RFC 9293); what the bytes mean is the receivers' business.
The plain path is an in-order segment on a connection without a hole; all else takes the general path.

A hole may be a segment that arrives late, one that the network lost (a retransmission follows), or one
that the capture lost. It is the capture's loss once the peer has acknowledged past it; to let reordered
packets arrive it is given a second of capture time, or a mebibyte. While a direction has a hole, what the
other direction sends is held too: an answer must not overtake the Call that lies behind the hole. An
acknowledgement of bytes that were not seen shows a hole as well as a segment beyond them does.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from ocppscope.wire.ip import Segment, reverse

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

_ODD: Final = FIN | SYN | RST
_MASK: Final = 0xFFFFFFFF
_AHEAD: Final = _MASK >> 1
"""Of two sequence numbers, the one that is at most so far beyond the other is the later (RFC 9293 §3.4)."""
_NEVER: Final = 1 << 80

HOLE_TIME: Final = 1_000_000_000
"""Nanoseconds that a hole may wait for its bytes after the peer has acknowledged them."""
HOLE_BYTES: Final = 1 << 20
"""Bytes held behind an acknowledged hole that end the wait."""
REASSEMBLY_LIMIT: Final = 4 << 20
"""Bytes held for one direction that end the wait, acknowledged or not."""
LINGER: Final = 120_000_000_000
"""Nanoseconds for which a closed connection still swallows its stray segments (twice the usual MSL)."""
_SWEEP: Final = 250_000_000
_HELD_OVERHEAD: Final = 256  # what a held segment costs besides its bytes, so that tiny ones count too


class Receiver(Protocol):
    """What a connection's streams are delivered to. Side 0 is the client where that is known."""

    sinks: list[Callable[[bytes, int], None]]
    """For each side where its bytes go, with their time. The receiver may put others in their place."""

    def gap(self, side: int, size: int, time: int) -> None:
        """`size` bytes are not in the capture."""

    def fin(self, side: int, time: int) -> None: ...

    def reset(self, side: int, time: int) -> None: ...

    def vanish(self, time: int) -> None:
        """The capture shows no end: it stops, or the port is used anew."""


class _Held:
    """A segment that waits. Orders by its place in the stream, then by arrival."""

    __slots__ = ("arrival", "data", "fin", "place", "time")

    def __init__(self, place: int, arrival: int, data: bytes, time: int, *, fin: bool = False) -> None:
        self.place, self.arrival, self.data, self.time, self.fin = place, arrival, data, time, fin

    def __lt__(self, other: "_Held") -> bool:
        return (self.place, self.arrival) < (other.place, other.arrival)


class _Half:
    """One direction. `place` counts the stream's bytes without wrapping; `next` is its low 32 bits.

    `plain` is the sequence number with which a segment may take the plain path, which counts only there;
    -1 where none may. `sync` brings the others up to it.
    """

    __slots__ = (
        "ack",
        "connection",
        "finished",
        "held",
        "held_bytes",
        "initial",
        "next",
        "peer",
        "place",
        "plain",
        "receiver",
        "side",
    )

    connection: "_Connection"
    peer: "_Half"

    def __init__(self, side: int, receiver: Receiver) -> None:
        self.side = side
        self.receiver = receiver
        self.plain = -1
        self.next = -1  # not known
        self.initial = -1
        self.place = 0
        self.ack = -1
        self.held: list[_Held] = []
        self.held_bytes = 0
        self.finished = False

    def start(self, sequence: int) -> None:
        self.initial = self.next = self.place = sequence & _MASK

    def sync(self) -> None:
        if self.plain >= 0:
            self.advance((self.plain - self.next) & _MASK)

    def place_of(self, sequence: int) -> int:
        distance = (sequence - self.next) & _MASK
        return self.place + (distance if distance <= _AHEAD else distance - _MASK - 1)

    @property
    def end(self) -> int:
        """The place up to which this stream is known to go."""
        return self.held[-1].place + len(self.held[-1].data) if self.held else self.place

    @property
    def is_silent(self) -> bool:
        """Whether no byte was seen of it."""
        return self.initial in (-1, self.next if self.plain < 0 else self.plain) and not self.held

    def advance(self, size: int) -> None:
        self.place += size
        self.next = self.place & _MASK

    def hold(self, held: _Held) -> None:
        at = bisect_right(self.held, held)
        if at < len(self.held):
            held.arrival = min(held.arrival, self.held[at].arrival)  # it belongs before what waited for it
        self.held.insert(at, held)
        self.held_bytes += len(held.data) + _HELD_OVERHEAD

    def pop(self) -> _Held:
        held = self.held.pop(0)
        self.held_bytes -= len(held.data) + _HELD_OVERHEAD
        return held

    def is_acknowledged(self, place: int) -> bool:
        """Whether the peer has acknowledged this stream up to `place`; so too where no peer is seen."""
        return self.peer.ack < 0 or self.place_of(self.peer.ack) >= place

    def hole_is_gap(self, now: int) -> bool:
        """Whether the bytes before the first held segment are to be given up."""
        if self.held_bytes >= REASSEMBLY_LIMIT or self.peer.held_bytes >= REASSEMBLY_LIMIT:
            return True
        head = self.held[0]
        if now - head.time >= LINGER:
            return True  # a sender gives up sooner
        waited = now - head.time >= HOLE_TIME or self.held_bytes + self.peer.held_bytes >= HOLE_BYTES
        return waited and self.is_acknowledged(head.place)


class _Connection:
    __slots__ = ("closed", "halves", "key", "receiver")

    def __init__(self, key: bytes, receiver: Receiver) -> None:
        self.key = key
        self.receiver = receiver
        self.closed = False
        first, second = _Half(0, receiver), _Half(1, receiver)
        self.halves = (first, second)
        first.connection = second.connection = self
        first.peer, second.peer = second, first


class Tcp:
    """All connections of a capture.

    Args:
        connect: makes the receiver of a new connection, from the key (`ip.Segment`'s) of its side 0, and
            whether its handshake is in the capture, so that side 0 is known to be the client.
    """

    def __init__(self, connect: Callable[[bytes, bool], Receiver]) -> None:
        self._connect = connect
        self._halves: dict[bytes, _Half] = {}
        self._stalled: dict[_Connection, None] = {}
        self._lingering: deque[tuple[int, _Connection]] = deque()
        self._silent: deque[tuple[int, _Connection]] = deque()
        self._wake = _NEVER
        self._arrivals = 0

    def segment(self, segment: Segment, time: int) -> None:
        """Take one segment, in the order of the capture."""
        key, sequence, ack, flags, data, missing = segment
        if time >= self._wake:
            self._give_up_holes(time)
        half = self._halves.get(key)
        if half is None:
            half = self._open(segment, time)
            if half is None:
                return
        if (
            sequence == half.plain
            and (half.peer.plain == ack or (half.peer.plain - ack) & _MASK <= _AHEAD)
            and not flags & _ODD
            and not missing
        ):
            half.ack = ack
            if data:
                half.plain = (sequence + len(data)) & _MASK
                half.receiver.sinks[half.side](data, time)
        else:
            self._general(half, segment, time)

    def close(self, time: int) -> None:
        """The capture ends: what waits behind holes is delivered, and open connections vanish."""
        connections = dict.fromkeys(half.connection for half in self._halves.values())
        for connection in connections:
            if not connection.closed:
                self._vanish(connection, time)
        self._halves.clear()

    # --- connections ---

    def _open(self, segment: Segment, time: int) -> _Half | None:
        key, sequence, ack, flags, data, _ = segment
        if flags & RST or not (data or flags & SYN):
            return None  # a stray acknowledgement tells nothing yet
        self._forget_old(time)
        is_syn_ack = flags & (SYN | ACK) == SYN | ACK
        key_0 = reverse(key) if is_syn_ack else key
        connection = _Connection(key_0, self._connect(key_0, bool(flags & SYN)))
        self._halves[key_0], self._halves[reverse(key_0)] = connection.halves
        sender = connection.halves[1 if is_syn_ack else 0]
        sender.start(sequence + 1 if flags & SYN else sequence)
        if flags & ACK:
            sender.ack = ack
            sender.peer.start(ack)
        self._silent.append((time, connection))
        return sender

    def _reopen(self, half: _Half, segment: Segment, time: int) -> None:
        """A SYN with another sequence number: the port is used anew."""
        connection = half.connection
        if not connection.closed:
            self._vanish(connection, time)
        self._remove(connection)
        self._open(segment, time)

    def _vanish(self, connection: _Connection, time: int) -> None:
        self._drain(connection, time, at_end=True)
        if not connection.closed:
            self._closed(connection, time)
            connection.receiver.vanish(time)

    def _closed(self, connection: _Connection, time: int) -> None:
        connection.closed = True
        self._stalled.pop(connection, None)
        for half in connection.halves:
            half.plain = -1
            half.held.clear()
        self._lingering.append((time, connection))

    def _forget_old(self, time: int) -> None:
        """Forget what closed a while ago, and what never got beyond its handshake: port scans, for one."""
        while self._lingering and time - self._lingering[0][0] > LINGER:
            self._remove(self._lingering.popleft()[1])
        while self._silent and time - self._silent[0][0] > LINGER:
            connection = self._silent.popleft()[1]
            if all(half.is_silent for half in connection.halves):
                self._stalled.pop(connection, None)
                self._remove(connection)

    def _remove(self, connection: _Connection) -> None:
        half = self._halves.get(connection.key)
        if half and half.connection is connection:
            del self._halves[connection.key], self._halves[reverse(connection.key)]

    # --- the general path ---

    def _general(self, half: _Half, segment: Segment, time: int) -> None:
        _, sequence, ack, flags, data, missing = segment
        connection = half.connection
        half.sync()
        half.peer.sync()
        if flags & SYN:
            sequence = (sequence + 1) & _MASK
            if half.initial < 0:
                half.start(sequence)
            elif sequence != half.initial:
                self._reopen(half, segment, time)
                return
        if connection.closed:
            return
        if half.next < 0:
            half.start(sequence)
        if flags & ACK:
            if half.ack < 0 or (ack - half.ack) & _MASK <= _AHEAD:
                half.ack = ack
            self._expect(half.peer, ack, time)
        if flags & RST:
            self._drain(connection, time, at_end=True)
            self._closed(connection, time)
            connection.receiver.reset(half.side, time)
            return
        self._hold(half, half.place_of(sequence), data, missing, bool(flags & FIN), time)
        self._drain(connection, time)

    def _expect(self, half: _Half, ack: int, time: int) -> None:
        """Note that the peer has a stream's bytes up to `ack`, seen here or not."""
        if half.next < 0:
            half.start(ack)
        place = half.place_of(ack)
        # One more may be the FIN, which has a number too. Far more is nothing that one segment can prove.
        if 1 < place - half.end <= HOLE_BYTES and not half.finished:
            self._arrivals += 1
            half.hold(_Held(place, self._arrivals, b"", time))

    def _hold(self, half: _Half, place: int, data: bytes, missing: int, fin: bool, time: int) -> None:
        end = place + len(data) + missing
        if half.finished or (end <= half.place and not fin):
            return  # a retransmission, a second sighting or a keep-alive
        self._arrivals += 1
        if data:
            half.hold(_Held(place, self._arrivals, data, time))
        if missing or fin:
            half.hold(_Held(end, self._arrivals, b"", time, fin=fin))

    def _drain(self, connection: _Connection, now: int, *, at_end: bool = False) -> None:
        """Deliver what is held in the order of arrival, as far as no hole is in the way."""
        first, second = connection.halves
        while (first.held or second.held) and not connection.closed:
            half = first
            if not first.held or (second.held and second.held[0].arrival < first.held[0].arrival):
                half = second
            head = half.held[0]
            if head.place > half.place:
                if not at_end and not half.hole_is_gap(now):
                    break
                size = head.place - half.place
                half.advance(size)
                connection.receiver.gap(half.side, size, head.time)
            self._deliver(half, half.pop())
        self._stall(connection, now)

    def _deliver(self, half: _Half, held: _Held) -> None:
        data = held.data[half.place - held.place :]
        if data:
            half.advance(len(data))
            half.receiver.sinks[half.side](data, held.time)
        if held.fin and not half.finished:
            half.finished = True
            half.receiver.fin(half.side, held.time)
            if half.peer.finished:
                self._closed(half.connection, held.time)

    def _stall(self, connection: _Connection, now: int) -> None:
        if connection.closed:
            return
        first, second = connection.halves
        waits = bool(first.held or second.held)
        plain = not waits and first.next >= 0 and second.next >= 0
        first.plain, second.plain = (first.next, second.next) if plain else (-1, -1)
        if not waits:
            self._stalled.pop(connection, None)
        elif connection not in self._stalled:
            self._stalled[connection] = None
            self._wake = min(self._wake, now + _SWEEP)

    def _give_up_holes(self, now: int) -> None:
        for connection in list(self._stalled):
            self._drain(connection, now)
        self._wake = now + _SWEEP if self._stalled else _NEVER
