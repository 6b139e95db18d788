"""The man in the middle: stations connect here, their bytes go on to the CSMS, and everything is seen.

    async with Proxy("127.0.0.1:9000", "ws://csms.example/ocpp") as proxy:
        async for event in proxy.events():
            print(event)

One task accepts; each connection is a `relay.Relay`. What it passes on is tapped into `live`, which decodes and
records after the bytes are on their way.
"""

import asyncio
import errno
import os
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Self

from ocppscope.capture import tls, transparent
from ocppscope.capture.faults.session import FaultedSession
from ocppscope.capture.faults.spec import FaultSpec
from ocppscope.capture.files import Tell
from ocppscope.capture.listeners import ListenError, listen_on
from ocppscope.capture.live import Judge, Taps
from ocppscope.capture.mirror import Mirror
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.relay import Load, Relay, endpoint
from ocppscope.capture.upgrade import Requests, Upstream, UrlError
from ocppscope.events import FROM_STATION, Closed, Event, Message, Notice, Opened
from ocppscope.wire.websocket import MAX_MESSAGE

_ACCEPT_AT_ONCE: Final = 100
_DRAIN: Final = 0.002
"""Seconds for which bytes wait to be decoded: some exchanges pass in that time without being held up."""
_CHUNK: Final = 1 << 18
"""Bytes that are read from a connection at once."""
_FLUSH: Final = 0.25
"""Seconds between two times at which recordings are written."""
_CONNECT_TIME: Final = 10.0
"""Seconds in which an upstream has to answer."""
_QUIET_TIME: Final = 30.0
"""Seconds in which a station has to ask for something, and to agree on TLS."""
_LAST_WORDS: Final = 1.0
"""Seconds that peers have at the end to take what is for them."""
_AGAIN: Final = 1.0
"""Seconds until connections are accepted again that could not be."""
_EVENTS_WAITING: Final = 100_000
"""Events that may wait for somebody who iterates over them."""
_NO_MORE_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Proxy:
    """Relays stations to their CSMS, decodes and records what they say.

    Args:
        listen: `HOST:PORT`; `:PORT` for all addresses; port 0 for any free one. Or the sockets of `listen_on`.
        upstream: the CSMS's URL; None in transparent mode: each connection goes where it was going.
        station_tls: for stations that speak TLS; None: they do not.
        upstream_tls: for an upstream with wss://; None: the system's certificates are trusted.
        judge: gets the events; None: one that keeps nothing.
        packets: the recording of the bytes.
        mirror: gets a copy of the stations' messages.
        faults: what is to go wrong on purpose.
        seed: of the faults' random choices.
        forwarded: whether `X-Forwarded-*` headers are added.
        is_transparent: connections were redirected here (Linux): their own destination is the upstream.
        max_message: bytes that a message may have, also after inflating.
        tell: told what goes wrong with connections, in a line each.
        clock: nanoseconds since the epoch.

    Raises:
        UrlError: the upstream is no URL.
    """

    def __init__(
        self,
        listen: str | Sequence[socket.socket],
        upstream: str | None,
        *,
        station_tls: ssl.SSLContext | None = None,
        upstream_tls: ssl.SSLContext | None = None,
        judge: Judge | None = None,
        packets: PacketRecording | None = None,
        mirror: Mirror | None = None,
        faults: Sequence[FaultSpec] = (),
        seed: int = 0,
        forwarded: bool = False,
        is_transparent: bool = False,
        max_message: int = MAX_MESSAGE,
        tell: Tell = lambda _text: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if (upstream is None) != is_transparent:
            raise UrlError(
                "an upstream is needed, except in transparent mode, where each connection has its own"
            )
        self._listen = listen
        self._upstream = None if upstream is None else Upstream.of(upstream)
        self._station_tls = station_tls
        self._upstream_tls = upstream_tls
        self._faults = faults
        self._seed = seed
        self._forwarded = forwarded
        self._mirror = mirror
        self._clock = clock
        self._max_message = max_message
        self.tell = tell
        self.judge = judge or Judge()
        self.taps = Taps(self.judge, packets, tell, max_message=max_message)
        self.load = Load()
        self.buffer = memoryview(bytearray(_CHUNK))
        self.addresses: list[tuple[str, int]] = []
        """Where it listens."""
        self._sockets: list[socket.socket] = []
        self._relays: set[Relay] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._visits: dict[str, int] = {}
        """By station: how many of its sessions there were; counted where there are faults."""
        self._has_ended = asyncio.Event()
        """One of the relays."""
        self._has_stopped = False
        self._readers: set[asyncio.Event] = set()
        """Tell those who iterate over events that there is something new."""
        self._is_drain_scheduled = False
        self._loop: asyncio.AbstractEventLoop
        if mirror is not None:
            self.judge.listeners.append(self._mirror_events)

    # --- life ---

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except ListenError:
            self.taps.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen.

        Raises:
            ListenError: that cannot be.
        """
        self._loop = asyncio.get_running_loop()
        listen = self._listen
        self._sockets = listen_on(listen) if isinstance(listen, str) else list(listen)
        self.addresses = [one.getsockname()[:2] for one in self._sockets]
        for one in self._sockets:
            self._loop.add_reader(one, self._accept, one)
        self._start_task(self._flush_often())

    async def stop(self) -> None:
        """Close both sides of every session, and complete the recordings."""
        for one in self._sockets:
            self._loop.remove_reader(one)
            one.close()
        self._sockets.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close_relays()
        if self._mirror:
            await self._mirror.close()
        self.taps.close()
        self._has_stopped = True
        for news in self._readers:
            news.set()

    async def _close_relays(self) -> None:
        """End both sides of each, and cut off those who do not take the rest of what is for them."""
        for relay in list(self._relays):
            relay.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                while self._relays:
                    await self._has_ended.wait()
                    self._has_ended.clear()
        for relay in list(self._relays):
            relay.break_off()
        await asyncio.sleep(0)  # transports close in the loop's next round

    def _start_task(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH)
            self.taps.flush(self._clock())

    # --- events ---

    async def events(self) -> AsyncIterator[Event | Notice]:
        """Yield what is seen from now on, until the proxy stops.

        Whoever is slower than the traffic loses events: a Notice `events.lost` says how many.
        """
        waiting: deque[Event | Notice] = deque()
        is_there = asyncio.Event()
        lost = 0

        def take(events: list[Event | Notice]) -> None:
            nonlocal lost
            room = _EVENTS_WAITING - len(waiting)
            waiting.extend(events[:room])
            lost += max(len(events) - room, 0)
            is_there.set()

        self.judge.listeners.append(take)
        self._readers.add(is_there)
        try:
            while not self._has_stopped or waiting:
                await is_there.wait()
                is_there.clear()
                while waiting:
                    yield waiting.popleft()
                if lost:
                    yield Notice("events.lost", self._clock(), f"{lost:,} events came too fast")
                    lost = 0
        finally:
            self._readers.remove(is_there)
            self.judge.listeners.remove(take)

    def schedule_drain(self) -> None:
        """See to it that what was tapped is decoded soon, but not while its answer may be on the way."""
        if not self._is_drain_scheduled:
            self._is_drain_scheduled = True
            self._loop.call_later(_DRAIN, self._drain)

    def _drain(self) -> None:
        self._is_drain_scheduled = False
        self.taps.drain()

    def _mirror_events(self, events: list[Event | Notice]) -> None:
        mirror = self._mirror
        assert mirror is not None
        for event in events:
            if isinstance(event, Message):
                if event.direction == FROM_STATION:
                    mirror.text(event.session.number, event.raw)
            elif isinstance(event, Opened):
                if event.status == 101 and event.path:
                    mirror.opened(event.session.number, event.path, event.subprotocol)
            elif isinstance(event, Closed):
                mirror.closed(event.session.number)

    # --- stations come ---

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                connection, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _NO_MORE_FILES:
                    self._rest(listener, error)
                return
            connection.setblocking(False)
            self._start_task(self._welcome(connection, address))

    def _rest(self, listener: socket.socket, error: OSError) -> None:
        self._loop.remove_reader(listener)
        self.tell(
            f"no more stations for the moment: {error.strerror} with {len(self._relays):,} sessions open; "
            "raise the limit of open files (ulimit -n)"
        )

        def again() -> None:
            if listener in self._sockets:
                self._loop.add_reader(listener, self._accept, listener)

        self._loop.call_later(_AGAIN, again)

    async def _welcome(self, connection: socket.socket, address: Any) -> None:
        name = endpoint(address)
        destination = None
        if self._upstream is None:
            destination = transparent.original_destination(connection)
            if destination is None:
                self.tell(
                    f"station {name}: its connection was not redirected, it is for this port itself: closed"
                )
                connection.close()
                return
        requests = Requests(self._upstream, self._headers_for(name))
        relay = Relay(self, requests, name, destination, self._clock)
        try:
            async with asyncio.timeout(_QUIET_TIME):
                await self._loop.connect_accepted_socket(
                    lambda: relay.station, connection, ssl=self._station_tls
                )
        except (OSError, TimeoutError) as error:
            connection.close()
            if self._station_tls is not None:
                self.tell(tls.explain(error, leg="station", peer=name))

    def _headers_for(self, name: str) -> tuple[str, ...]:
        if not self._forwarded:
            return ()
        scheme = "https" if self._station_tls else "http"
        host = name.rpartition(":")[0].strip("[]")
        return (f"X-Forwarded-For: {host}", f"X-Forwarded-Proto: {scheme}")

    def began(self, relay: Relay) -> None:
        """A station is connected."""
        self._relays.add(relay)
        self.load.open += 1
        self._loop.call_later(_QUIET_TIME, self._expect_request, relay)

    def _expect_request(self, relay: Relay) -> None:
        if relay.is_quiet:
            self.tell(
                f"station {relay.name}: connected, but asked for nothing in {_QUIET_TIME:.0f} s: closed"
            )
            relay.close()

    def connect(self, relay: Relay) -> None:
        """Begin to connect a relay, whose first request is there, to its upstream."""
        self._start_task(self._connect(relay))

    async def _connect(self, relay: Relay) -> None:
        upstream = self._upstream or _destination(relay, is_tls=self._station_tls is not None)
        relay.upstream = str(upstream)
        context = None
        if upstream.is_tls:
            context = self._upstream_tls or ssl.create_default_context()
        try:
            async with asyncio.timeout(_CONNECT_TIME):
                await self._loop.create_connection(
                    lambda: relay.csms,
                    upstream.host,
                    upstream.port,
                    ssl=context,
                    server_hostname=upstream.host if context else None,
                    happy_eyeballs_delay=0.25,
                )
        except (OSError, TimeoutError) as error:
            why = _why_no_upstream(error, upstream)
            self.tell(f"{why} (station {relay.name} got a 502)")
            relay.refuse(502, "Bad Gateway", why)
        else:
            relay.connected()

    def faulted(self, opened: Opened) -> FaultedSession | None:
        """The faults of a session that has opened; None where none can come."""
        if not self._faults:
            return None
        self.taps.drain()  # which learns the station's identity
        station = opened.session.station or ""
        nth = self._visits[station] = self._visits.get(station, 0) + 1
        session = FaultedSession(
            self._faults, opened, seed=self._seed, nth=nth, max_message=self._max_message
        )
        return session if session.directions else None

    def ended(self, relay: Relay) -> None:
        """A relay has come to its end."""
        if relay in self._relays:
            self._relays.discard(relay)
            self.load.open -= 1
            self._has_ended.set()


def _destination(relay: Relay, *, is_tls: bool) -> Upstream:
    assert relay.destination is not None
    host, port = relay.destination
    return Upstream(host, port, is_tls)


def _why_no_upstream(error: Exception, upstream: Upstream) -> str:
    if isinstance(error, ssl.SSLError):
        return tls.explain(error, leg="upstream", peer=str(upstream))
    if isinstance(error, TimeoutError):
        return f"the upstream {upstream} did not answer in {_CONNECT_TIME:.0f} s"
    if isinstance(error, socket.gaierror):
        return f"the upstream's name {upstream.host} cannot be resolved: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return f"the upstream {upstream} refuses connections: no CSMS listens there"
    if isinstance(error, ConnectionResetError) and upstream.is_tls:
        return tls.explain(error, leg="upstream", peer=str(upstream))
    # asyncio says the address once more in its own words; errno has the system's
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number) if number else str(error) or "it hung up"
    return f"the upstream {upstream} cannot be reached: {reason}"
