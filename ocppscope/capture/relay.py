"""One station's connection on its way to the CSMS: bytes are passed on as they come, and tapped.

The heads of HTTP requests are rewritten; everything else passes unchanged, broken frames and half-closed
connections included. Only in a session with faults the bytes go through `faults`.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ocppscope.capture import tls
from ocppscope.capture.faults.session import Close, End, FaultedSession, Mark, Output, Send
from ocppscope.capture.live import Tapped, Taps
from ocppscope.capture.upgrade import NotHttpError, Requests
from ocppscope.events import FROM_CSMS, FROM_STATION, Direction, Opened, Tls
from ocppscope.wire.http import RESPONSE_START
from ocppscope.wire.notes import ConnectionNote

STATION: Final = 0
CSMS: Final = 1
_DIRECTIONS: Final[tuple[Direction, Direction]] = (FROM_STATION, FROM_CSMS)
_BREAK_OFF: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: close with an RST."""
_LINGER: Final = 2.0
"""Seconds that a station has to read why it was refused."""
_BROKEN: Final = (ConnectionResetError, BrokenPipeError, TimeoutError)


@dataclass(slots=True)
class Load:
    """How much is relayed, for people to look at."""

    open: int = 0
    """Connections."""
    chunks: int = 0
    held: int = 0
    """Nanoseconds that chunks spent here until they were handed to the kernel, in sum."""


class Owner(Protocol):
    """What a relay needs of the proxy."""

    taps: Taps
    load: Load
    buffer: memoryview
    """Where all connections are read to, one at a time: asyncio's own way, a new buffer for each read, takes longer
    than everything else that happens to a chunk."""

    def schedule_drain(self) -> None:
        """See to it that what was tapped is decoded soon."""

    def tell(self, text: str) -> None:
        """Say something to the user."""

    def faulted(self, opened: Opened) -> FaultedSession | None:
        """The faults of a session that has opened; None where none can come."""

    def began(self, relay: "Relay") -> None:
        """A station is connected."""

    def connect(self, relay: "Relay") -> None:
        """Begin to connect a relay, whose first request is there, to its upstream."""

    def ended(self, relay: "Relay") -> None:
        """A relay has come to its end."""


class Leg(asyncio.BufferedProtocol):
    """One of the two connections of a relay."""

    transport: Any = None

    def __init__(self, relay: "Relay", side: int) -> None:
        self.side = side
        self.take: Callable[[int, bytes], None] = relay.first_bytes if side == STATION else relay.answer
        self._relay = relay
        self._buffer = relay.buffer
        self.has_ended = False
        """Its peer has nothing more to say."""
        self.is_lost = False
        self.is_tls = False
        """It is connected, with TLS."""
        self._is_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.is_tls = transport.get_extra_info("sslcontext") is not None
        if self.side == STATION:
            self._relay.begin(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.take(self.side, bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool:
        self._relay.eof(self)
        return not self.is_tls  # then the other direction may go on

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._relay.lost(self, exc)

    def pause_writing(self) -> None:
        self._relay.hold_back(1 - self.side, hold=True)

    def resume_writing(self) -> None:
        self._relay.hold_back(1 - self.side, hold=False)

    def write(self, data: bytes) -> None:
        """Send bytes to the peer, unless it is gone, or was told that no more comes."""
        if self.transport is not None and not self.is_lost and not self._is_ended:
            self.transport.write(data)

    def end(self) -> None:
        """Say to the peer that no more comes."""
        if self.transport is None or self.is_lost:
            return
        self._is_ended = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()  # TLS has no half-closed connections

    def close(self) -> None:
        """End the connection when all is sent."""
        if self.transport is not None:
            self.transport.close()

    def break_off(self) -> None:
        """End the connection at once, as the other one ended."""
        if self.transport is None or self.is_lost:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK_OFF)
        self.transport.abort()


class Relay:
    """Both connections of one station, and what passes between them.

    Args:
        owner: the proxy.
        requests: rewrites the station's requests.
        name: the station's `address:port`.
        destination: where the station was going, in transparent mode; None: here.
        clock: nanoseconds since the epoch.
    """

    def __init__(
        self,
        owner: Owner,
        requests: Requests,
        name: str,
        destination: tuple[str, int] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.destination = destination
        self.requests = requests
        self._owner = owner
        self._taps = owner.taps
        self._load = owner.load
        self.buffer = owner.buffer
        self._clock = clock
        self._tapped: Tapped
        self.station = Leg(self, STATION)
        self.csms = Leg(self, CSMS)
        self._legs = (self.station, self.csms)
        self._holds: tuple[set[str], set[str]] = (set(), set())
        """Why each leg is not read at the moment."""
        self._waiting = bytearray()
        """What the upstream is to get as soon as it is connected."""
        self._is_decided = False
        """What the station wants is known: it is being connected, or was refused."""
        self._is_refused = False
        self._has_answered = False
        self._faults: FaultedSession | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.addresses: tuple[str, str] = ("", "")
        """Of the upstream connection: ours and the upstream's."""
        self.upstream = ""
        """The name of the upstream, for people."""
        self.is_over = False

    # --- the beginning ---

    def begin(self, transport: asyncio.BaseTransport) -> None:
        """The station is connected, and its TLS, if it has one, is agreed."""
        ours = self.destination or transport.get_extra_info("sockname")
        note = ConnectionNote(self.name, endpoint(ours), _tls_of(transport))
        self._tapped = self._taps.opened(note, self._clock())
        self._owner.began(self)

    @property
    def is_quiet(self) -> bool:
        """The station has not yet asked for anything."""
        return not self._is_decided and not self.is_over

    def first_bytes(self, side: int, data: bytes) -> None:
        """The station's bytes until the upstream is connected."""
        self._tap(side, data, self._clock())
        try:
            self._waiting += self.requests.feed(data)
        except NotHttpError as error:
            self._owner.tell(f"station {self.name}: {error}")
            self.refuse(400, "no HTTP request", str(error))
            return
        if self._waiting and not self._is_decided:
            self._connect()

    def _connect(self) -> None:
        self._is_decided = True
        self.hold_back(STATION, hold=True, reason="connect")
        self._owner.connect(self)

    def connected(self) -> None:
        """The upstream is there."""
        transport = self.csms.transport
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if theirs is not None:  # else it is gone again
            self.addresses = (endpoint(ours), endpoint(theirs))
        self.station.take = self.request
        self.csms.write(bytes(self._waiting))
        self._waiting.clear()
        if self.station.is_lost:
            self.close()
            return
        if self.station.has_ended:
            self.csms.end()
        self.hold_back(STATION, hold=False, reason="connect")

    def refuse(self, status: int, phrase: str, text: str) -> None:
        """Answer the station in the upstream's place, and end its connection."""
        body = f"ocppscope: {text}\n".encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        answer = head.encode() + body
        self._is_decided = self._is_refused = True
        self.csms.has_ended = True
        self.station.take = _ignore
        self.station.write(answer)
        now = self._clock()
        self._tap(CSMS, answer, now)
        if not self.is_over:
            self._taps.fin(self._tapped, CSMS, now)
        self.station.end()
        self.hold_back(STATION, hold=False, reason="connect")
        # Were it closed with bytes of the station unread, a reset would overtake the answer.
        asyncio.get_running_loop().call_later(_LINGER, self.station.close)

    # --- until frames begin ---

    def request(self, side: int, data: bytes) -> None:
        """The station's bytes while HTTP goes on."""
        now = self._clock()
        try:
            self.csms.write(self.requests.feed(data))
        except NotHttpError as error:
            self._owner.tell(f"station {self.name}: {error}")
            self.csms.write(self.requests.rest())
        self._tap(side, data, now)

    def answer(self, side: int, data: bytes) -> None:
        """The upstream's bytes until it has agreed to frames."""
        now = self._clock()
        if not self._has_answered:
            self._has_answered = True
            self._check_answer(data)
        self._tap(side, data, now)
        self._taps.read()
        opened = self._tapped.connection.agreed
        if opened is None:
            self.station.write(data)
            return
        self.csms.write(self.requests.rest())  # frames that came early, and looked like a head's start
        self._faults = self._owner.faulted(opened)
        if self._faults is None:
            self.station.write(data)
            for leg in self._legs:
                leg.take = self.plain
            return
        end = data.find(opened.response[-_TAIL:])
        end = len(data) if end < 0 else end + len(opened.response[-_TAIL:])
        self.station.write(data[:end])
        for leg in self._legs:
            leg.take = self.faulted
        if data[end:]:
            outputs = self._faults.feed(FROM_CSMS, data[end:], now)
            self._tapped.marks += [one for one in outputs if isinstance(one, Mark)]
            self._pass_on(outputs, now)

    def _check_answer(self, data: bytes) -> None:
        if data.startswith(RESPONSE_START[: len(data)]):
            return
        if data[:1] in (b"\x15", b"\x16") and data[1:2] == b"\x03":
            what = "it speaks TLS: name it wss://"
        else:
            what = f"its answer is no HTTP: it begins with {data[:8].hex(' ')}"
        self._owner.tell(f"upstream {self.upstream} (station {self.name}): {what}")

    # --- frames ---

    def plain(self, side: int, data: bytes) -> None:
        """The bytes of a session without faults: passed on, then looked at."""
        now = self._clock()
        self._legs[1 - side].write(data)
        load = self._load
        load.chunks += 1
        load.held += self._clock() - now
        self._taps.data(self._tapped, side, data, now)
        self._owner.schedule_drain()

    def faulted(self, side: int, data: bytes) -> None:
        """The bytes of a session with faults."""
        assert self._faults is not None
        now = self._clock()
        outputs = self._faults.feed(_DIRECTIONS[side], data, now)
        self._load.chunks += 1
        self._load.held += self._clock() - now
        marks = [one for one in outputs if isinstance(one, Mark)]
        for mark in marks:
            if not mark.raw:  # of no message: the stream cannot be read any further
                self._owner.tell(f"station {self.name}: {mark.text}")
        self._tap(side, data, now, marks)
        self._pass_on(outputs, now)

    def _wake(self) -> None:
        assert self._faults is not None
        now = self._clock()
        self._timer = None
        outputs = self._faults.wake(now)
        self._taps.mark(self._tapped, [one for one in outputs if isinstance(one, Mark)])
        self._pass_on(outputs, now)

    def _pass_on(self, outputs: Iterable[Output], now: int) -> None:
        """Do what faults say.

        Args:
            outputs: what is to be done.
            now: the time.
        """
        faults, tapped = self._faults, self._tapped
        assert faults is not None
        for one in outputs:
            if isinstance(one, Send):
                sender = _DIRECTIONS.index(one.direction)
                self._legs[1 - sender].write(one.data)
                self._taps.passed_on(tapped, self.addresses, sender, one.data, now)
            elif isinstance(one, End):
                self._legs[1 - _DIRECTIONS.index(one.direction)].end()
            elif isinstance(one, Close):
                for leg in self._legs:
                    leg.take = _ignore
                    leg.close()
        self._taps.drain_marked(tapped)
        for sender in (STATION, CSMS):
            self.hold_back(sender, hold=faults.is_full(_DIRECTIONS[sender]), reason="faults")
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if faults.due is not None and not self.is_over:
            delay = max(faults.due - now, 0) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    # --- the end ---

    def eof(self, leg: Leg) -> None:
        """A peer has nothing more to say."""
        if leg.has_ended:
            return  # asyncio says so each time that it reads again
        leg.has_ended = True
        if leg.side == CSMS and self._told_instead(None):
            return
        now = self._clock()
        if not self.is_over:
            self._taps.fin(self._tapped, leg.side, now)
        if self._faults is not None:
            self._pass_on(self._faults.end(_DIRECTIONS[leg.side], now), now)
        elif leg.side == STATION and not self._is_decided:
            self._waiting += self.requests.rest()
            if not self._waiting:
                self.station.close()
                return
            self._connect()
        else:
            if leg.side == STATION:
                self.csms.write(self.requests.rest())
            self._legs[1 - leg.side].end()
        if self.station.has_ended and self.csms.has_ended:
            for one in self._legs:
                one.close()
        self._owner.schedule_drain()

    def lost(self, leg: Leg, error: Exception | None) -> None:
        """One of the connections is gone."""
        other = self._legs[1 - leg.side]
        if leg.side == CSMS and self._told_instead(error):
            pass  # it has a moment to read it
        elif isinstance(error, _BROKEN):
            if not self.is_over:
                self._taps.reset(self._tapped, leg.side, self._clock())
            other.break_off()
        elif self._faults is None or self._faults.due is None:
            other.close()
        if other.is_lost or other.transport is None:
            self.finish()

    def _told_instead(self, error: Exception | None) -> bool:
        """Whether the station was told in the place of an upstream that is gone, as it has said nothing itself.

        Args:
            error: why it is gone.
        """
        if self._is_refused:
            return True
        if self._has_answered or self.station.has_ended or self.station.is_lost or self.is_over:
            return False
        self._has_answered = True
        if self.csms.is_tls:  # in TLS 1.3 a client learns late what is wrong with it, or never
            why = tls.explain(error or EOFError(), leg="upstream", peer=self.upstream)
            self._owner.tell(f"{why} (station {self.name} got a 502)")
            self.refuse(502, "Bad Gateway", why)
            return True
        self._owner.tell(
            f"upstream {self.upstream} (station {self.name}): it hung up without an answer; if it speaks TLS, "
            "name it wss://"
        )
        return False

    def finish(self) -> None:
        """Nothing more comes."""
        if self.is_over:
            return
        self.is_over = True
        if self._timer:
            self._timer.cancel()
        self._taps.closed(self._tapped, self._clock())
        self._owner.schedule_drain()
        self._owner.ended(self)

    def break_off(self) -> None:
        """End both connections at once."""
        for leg in self._legs:
            leg.break_off()
        self.finish()

    def close(self) -> None:
        """End both connections when all is sent."""
        for leg in self._legs:
            leg.take = _ignore
            leg.close()

    # --- the middle ---

    def hold_back(self, side: int, *, hold: bool, reason: str = "slow") -> None:
        """Do not read a peer, or read it again, for one of several reasons: whoever it speaks to is slow, for one."""
        reasons = self._holds[side]
        was_held = bool(reasons)
        (reasons.add if hold else reasons.discard)(reason)
        leg = self._legs[side]
        if bool(reasons) == was_held or leg.transport is None or leg.transport.is_closing():
            return
        if reasons:
            leg.transport.pause_reading()
        else:
            leg.transport.resume_reading()

    def _tap(self, side: int, data: bytes, now: int, marks: list[Mark] | None = None) -> None:
        if not self.is_over:
            self._taps.data(self._tapped, side, data, now, marks or ())
            self._owner.schedule_drain()


_TAIL: Final = 64
"""Bytes at the end of a head that tell it: they hold its accept key, or all of it."""


def _ignore(side: int, data: bytes) -> None:
    """Where the bytes of a connection go that is about to end."""


def endpoint(address: Any) -> str:
    """`address:port` of a socket's name, as `wire` writes it; an IPv4 address in IPv6 as what it is."""
    host, port = address[0].partition("%")[0], address[1]
    if host.startswith("::ffff:") and "." in host:
        host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tls_of(transport: asyncio.BaseTransport) -> Tls | None:
    tunnel = transport.get_extra_info("ssl_object")
    if tunnel is None:
        return None
    cipher = tunnel.cipher()
    return Tls(tunnel.version(), cipher[0] if cipher else None)
