"""From what is captured live to events, findings and recordings: the one pipeline of `record` and `sniff`.

What comes in is kept as packets first, then decoded by the decoders that read files, judged and handed on. Nothing
here waits: whoever captures calls in, with the times of what was captured.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, TypeAlias

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.capture.files import Tell
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.events import Closed, Direction, Event, Message, Notice, Opened, Session, WireEvent
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.recent import Recent
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import Profile, Report
from ocppscope.wire.connection import Connection, Context
from ocppscope.wire.notes import ConnectionNote, FaultNote
from ocppscope.wire.tls_keys import KeyStore
from ocppscope.wire.websocket import MAX_MESSAGE

_MARKABLE: Final = 1_000
"""Texts of a session with faults that a mark may still come for."""

Listener = Callable[[list[Event | Notice]], object]


class Mark(Protocol):
    """What was done on purpose to a message: `faults.session.Mark`, for one."""

    @property
    def direction(self) -> Direction:
        """Of the message."""

    @property
    def raw(self) -> str:
        """Its text."""

    @property
    def text(self) -> str:
        """What was done, for people."""


class Judge:
    """Numbers, judges and hands on the events of a live capture.

    Args:
        profile: of the severities.
        name_station: the identity of stations whose handshake shows none.
        store: the store to write to.
        on_finding: called with each finding when it is first seen.
    """

    def __init__(
        self,
        *,
        profile: Profile = "field",
        name_station: str | None = None,
        store: StoreRecording | None = None,
        on_finding: Callable[[Finding], object] | None = None,
    ) -> None:
        self._decoder = Decoder(name_station=name_station)
        self._engine = Engine(profile=profile, observer=self._observe)
        self._store = store
        self._on_finding = on_finding
        self._ended: set[Session] = set()
        self.listeners: list[Listener] = []
        """Called with each batch of events, after it was judged."""
        self.messages = 0
        self.findings = 0
        self.sessions = 0

    def feed(self, wire_events: Iterable[WireEvent]) -> list[Event | Notice]:
        """Take in what the wire gave.

        Returns:
            The events that follow from it.
        """
        events = self._decoder.feed(wire_events)
        if not events:
            return events
        self._engine.feed(events)
        if self._store:
            self._store.feed(events)
        for event in events:
            if type(event) is Message:
                self.messages += 1
            elif isinstance(event, Opened):
                self.sessions += 1
            elif isinstance(event, Closed):
                self._ended.add(event.session)
        for listener in self.listeners:
            listener(events)
        return events

    def mark(self, n: int, comment: str) -> None:
        """Mark an event in the store."""
        if self._store:
            self._store.mark(n, comment)

    def flush(self, now: int) -> None:
        """Write what waits, and forget what has ended.

        Args:
            now: nanoseconds since the epoch.
        """
        if self._ended:
            gone = self._engine.forget(self._ended)
            self._ended.clear()
            if self._store:
                self._store.forget(gone)
        if self._store:
            self._store.flush(now)

    def close(self) -> None:
        """The capture ends."""
        if self._store:
            self._store.close()

    def _observe(self, finding: Finding, report: Report, numbers: tuple[int, ...]) -> None:
        if self._store:
            self._store.observe(finding, report, numbers)
        if finding.count == 1:
            self.findings += 1
            if self._on_finding:
                self._on_finding(finding)


class Tapped:
    """One relayed connection, as the decoder sees it: side 0 is the station."""

    __slots__ = ("connection", "marks", "note", "texts")

    def __init__(self, connection: Connection, note: ConnectionNote) -> None:
        self.connection = connection
        self.note = note
        self.marks: list[Mark] = []
        """For messages that are not decoded yet."""
        self.texts: Recent[tuple[Direction, str], int] | None = None
        """In a session with faults: the numbers of its latest messages."""


_Chunk: TypeAlias = tuple[Tapped, int, bytes, int, Sequence[Mark]]
"""Where, by which side, what, when, and what is done to it."""


def _notes(marks: Iterable[Mark]) -> list[FaultNote]:
    return [FaultNote(mark.text) for mark in marks]


class Taps:
    """The bytes of relayed connections, kept and decoded.

    Args:
        judge: gets the events.
        packets: the recording of the bytes.
        max_message: bytes that a message may have, also after inflating.
        tell: told where decoding fails, which must not end what is relayed.
    """

    def __init__(
        self,
        judge: Judge,
        packets: PacketRecording | None,
        tell: Tell,
        *,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self._judge = judge
        self._packets = packets
        self._tell = tell
        self._context = Context(keys=KeyStore(), max_message=max_message)
        self._waiting: list[_Chunk] = []
        self._is_failing = False

    def opened(self, note: ConnectionNote, time: int) -> Tapped:
        """A station has connected.

        Args:
            note: its addresses, and what is known of its TLS.
            time: nanoseconds since the epoch, as every time here.
        """
        connection = Connection(
            self._context, note.client, note.server, complete=True, decode_as=True, note=note
        )
        tapped = Tapped(connection, note)
        if self._packets:
            self._packets.opened(connection, note, time)
        return tapped

    def data(self, tapped: Tapped, side: int, data: bytes, time: int, marks: Sequence[Mark] = ()) -> None:
        """A side has said something. It is looked at with the next `drain`: first of all it has to be passed on.

        Args:
            tapped: where.
            side: 0 for the station, 1 for the CSMS.
            data: what it said.
            time: when.
            marks: what is done to the messages that end with it.
        """
        self._waiting.append((tapped, side, data, time, marks))

    def read(self) -> None:
        """Keep the bytes that wait, and find the frames in them."""
        waiting, self._waiting = self._waiting, []
        packets = self._packets
        for tapped, side, data, time, marks in waiting:
            if packets:
                packets.data(tapped.connection, side, data, time, _notes(marks) if marks else ())
            if marks:
                tapped.marks += marks
                self._context.out += [Notice("record.fault", time, mark.text, mark.text) for mark in marks]
            try:
                tapped.connection.sinks[side](data, time)
            except Exception as error:  # noqa: BLE001 - as in _going_on, which takes longer
                self._fail(error)

    def passed_on(
        self, tapped: Tapped, addresses: tuple[str, str], side: int, data: bytes, time: int
    ) -> None:
        """In a session with faults: something was passed on that a side said, or is said to have."""
        self.read()
        if self._packets:
            self._packets.passed_on(tapped.connection, addresses, side, data, time)

    def fin(self, tapped: Tapped, side: int, time: int) -> None:
        """A side has nothing more to say."""
        self.read()
        if self._packets:
            self._packets.fin(tapped.connection, side, time)
        with self._going_on():
            tapped.connection.fin(side, time)

    def reset(self, tapped: Tapped, side: int, time: int) -> None:
        """A side has broken the connection off."""
        self.read()
        if self._packets:
            self._packets.reset(tapped.connection, side, time)
        with self._going_on():
            tapped.connection.reset(side, time)

    def closed(self, tapped: Tapped, time: int) -> None:
        """Nothing more comes of a connection, however it ended."""
        self.read()
        with self._going_on():
            tapped.connection.vanish(time)
        if self._packets:
            self._packets.closed(tapped.connection)

    def mark(self, tapped: Tapped, marks: Iterable[Mark]) -> None:
        """Something was done to messages that were captured before."""
        for mark in marks:
            n = tapped.texts.get((mark.direction, mark.raw)) if tapped.texts else None
            if n is not None:
                self._judge.mark(n, mark.text)

    def drain(self) -> None:
        """Decode, judge and hand on what was captured since the last time."""
        self.read()
        out = self._context.out
        if not out:
            return
        events = out[:]
        out.clear()
        with self._going_on():
            self._judge.feed(events)

    def drain_marked(self, tapped: Tapped) -> None:
        """The same for a session with faults: its marks are set."""
        numbers = tapped.texts
        if numbers is None:
            numbers = tapped.texts = Recent(_MARKABLE)
        known = numbers

        def number(events: list[Event | Notice]) -> None:
            for event in events:
                if isinstance(event, Message) and event.session.client == tapped.note.client:
                    known[event.direction, event.raw] = event.n

        self._judge.listeners.append(number)
        try:
            self.drain()
        finally:
            self._judge.listeners.remove(number)
        self.mark(tapped, tapped.marks)
        tapped.marks.clear()

    def flush(self, now: int) -> None:
        """Write what waits.

        Args:
            now: nanoseconds since the epoch.
        """
        self.drain()
        if self._packets:
            self._packets.flush(now)
        with self._going_on():
            self._judge.flush(now)

    def close(self) -> None:
        """The capture ends: recordings are complete."""
        self.drain()
        if self._packets:
            self._packets.close()
        self._judge.close()

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Whatever goes wrong in here, sessions go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._tell(
                f"a message could not be decoded ({error!r} at {place.name}); bytes are passed on and recorded "
                "all the same. Please report this as a bug"
            )
