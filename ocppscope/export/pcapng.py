"""A capture as pcapng: conversations over TCP, made of what each side said.

Frames are those that were captured, where they are known; where the input had none, as a log, each message becomes
one. So do handshakes: a session without one gets the least that shows its path and version, and a note that it was
older than what is known of it.
"""

import shutil
from collections.abc import Iterable
from typing import Any, Final

from ocppscope import __version__
from ocppscope.capture.faults.frames import compose
from ocppscope.events import (
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Event,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
)
from ocppscope.export import SHARED, Order
from ocppscope.ocpp.versions import SUBPROTOCOLS
from ocppscope.replay.reading import wire_bytes
from ocppscope.wire import notes, pcapng
from ocppscope.wire.http import accept_for
from ocppscope.wire.notes import ConnectionNote, FaultNote
from ocppscope.wire.segments import LINK_TYPE, Segments

_APPLICATION: Final = f"ocppscope {__version__}"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MASK: Final = b"\x00\x00\x00\x00"
"""What a station masks with, where nobody saw the frame: payloads can be read in a hex dump."""
_UNKNOWN_GAP: Final = 1
"""Bytes of a hole that nobody knows the size of."""
_SERVER: Final = "198.51.100.1:80"
"""RFC 5737: for examples."""


class _Conversation:
    """One session as packets."""

    def __init__(self, session: Session, time: int) -> None:
        number = session.number
        # RFC 5737 again; a station of its own for each session, as far as addresses go.
        client = session.client or f"192.0.2.{number % 254 + 1}:{1024 + number % 60_000}"
        self.segments = Segments(client, session.server or _SERVER, time)
        self.is_compressed = False
        self.said: set[str | None] = set()
        """Directions of which a Close was written."""


class PcapngOutput:
    """A pcapng file that is being written (`export.Output`)."""

    def __init__(self, order: Order) -> None:
        self._file = order.path.open("xb")
        self._path = order.path
        self._section = pcapng.section(_APPLICATION)
        self._comment = ""
        """Of the whole file: it is known at the end, and stands at the beginning."""
        self._file.write(self._section)
        self._file.write(pcapng.interface(LINK_TYPE, "ocppscope", f"made of {order.source}"))
        self._is_selection = order.wanted is not None
        self._open: dict[Session, _Conversation] = {}
        self._time = 0
        self._comments: list[tuple[int, str]] = []
        """Of the first packet at that time, or after it."""
        self._blocks: list[bytes] = []
        """Of the batch at hand."""
        self._written = 0

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:  # noqa: ARG002
        self._blocks.clear()  # of a batch that was broken off
        count = 0
        for event in events:
            if isinstance(event, Notice):
                if event.kind == "record.fault":
                    self._comments.append((event.time or 0, notes.written(FaultNote(event.detail))))
                elif event.kind == SHARED:
                    self._comment = event.detail
            else:
                self._time = self._time if event.time is None else event.time
                self._event(event)
                count += 1
        self._file.write(b"".join(self._blocks))
        self._written += count

    def flush(self) -> None:
        self._file.flush()

    def finish(self, **_facts: Any) -> int:
        self._file.close()
        if self._comment:
            self._begin_anew()
        return self._written

    def _begin_anew(self) -> None:
        """Put the comment into the block at the beginning, in place of what stands there."""
        anew = self._path.with_name(f"{self._path.name}.new")
        with self._path.open("rb") as old, anew.open("xb") as new:
            new.write(pcapng.section(_APPLICATION, self._comment))
            old.seek(len(self._section))
            shutil.copyfileobj(old, new)
        anew.replace(self._path)

    def leave(self, **_facts: Any) -> None:
        self._file.close()

    def close(self) -> None:
        self._file.close()

    # --- events ---

    def _event(self, event: Event) -> None:
        session = event.session
        one = self._open.get(session)
        if one is None:
            one = self._begin(session, event if isinstance(event, Opened) else None)
        elif isinstance(event, Opened):
            return  # the second of one session: what there was before it has begun the conversation
        if isinstance(event, Message):
            self._say(one, event.direction, self._frames(event))
        elif isinstance(event, Control):
            opcode = _PING if event.opcode == "ping" else _PONG
            self._say(one, event.direction, _frame(event.direction, opcode, event.payload))
        elif isinstance(event, Damaged):
            self._damaged(one, event)
        elif isinstance(event, Gap):
            one.segments.lose(_side(event.direction), event.size or _UNKNOWN_GAP)
        elif isinstance(event, Closed):
            self._end(one, event)

    def _begin(self, session: Session, opened: Opened | None) -> _Conversation:
        one = self._open[session] = _Conversation(session, self._time)
        request, response = (opened.request, opened.response) if opened else (b"", b"")
        if session.client and session.late and not request:
            return one  # packets were there, and none of its handshake: so will it be here
        is_shown = bool(request) and (bool(response) or not session.late)
        client, server = one.segments.ends
        note = ConnectionNote(
            client, server, opened.tls if opened else None, resumed=session.late or not is_shown
        )
        self._comments.append((self._time, notes.written(note)))
        self._packets(one.segments.opening())
        if not is_shown:
            request, response = _handshake(session, opened)
        for side, head in ((0, request), (1, response)):
            if head:
                self._packets(one.segments.data(side, head))
        return one

    def _frames(self, message: Message) -> bytes:
        is_compressed = any(frame[0] & 0x40 for frame in message.frames)
        if message.frames and not (is_compressed and self._is_selection):
            return b"".join(message.frames)
        # Nobody saw it as frames; or it is compressed against others, which are left out.
        return _frame(message.direction, _TEXT, message.raw.encode(errors="surrogatepass"))

    def _damaged(self, one: _Conversation, event: Damaged) -> None:
        frame = wire_bytes(event)
        if frame is None and isinstance(event.raw, bytes) and event.layer == "deflate":
            key = _MASK if event.direction == FROM_STATION else None
            frame = compose(_TEXT, event.raw, key=key, rsv1=True)
        if frame is not None:
            self._say(one, event.direction, frame)
        elif event.direction is not None:  # what the capture did not have whole is a hole here as well
            one.segments.lose(_side(event.direction), max(len(event.raw), _UNKNOWN_GAP))

    def _end(self, one: _Conversation, event: Closed) -> None:
        del self._open[event.session]
        if event.how == "end-of-capture":
            return
        direction = FROM_STATION if event.by != "csms" else "csms-to-cp"
        first = _side(direction)
        if event.how == "rst":
            self._packets([one.segments.reset(first)])
            return
        if event.how == "close":
            payload = b"" if event.code is None else event.code.to_bytes(2, "big")
            payload += (event.reason or "").encode(errors="replace")[:123]
            for side in (first, 1 - first):
                self._say(one, _DIRECTIONS[side], _frame(_DIRECTIONS[side], _CLOSE, payload))
        for side in (first, 1 - first):
            self._packets([one.segments.fin(side)])

    def _say(self, one: _Conversation, direction: str | None, data: bytes) -> None:
        self._packets(one.segments.data(_side(direction), data))

    def _packets(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            comments = [comment for time, comment in self._comments if time <= self._time]
            self._comments = [one for one in self._comments if one[0] > self._time]
            self._blocks.append(pcapng.packet(0, self._time, packet, comments))


_DIRECTIONS: Final = (FROM_STATION, "csms-to-cp")


def _side(direction: str | None) -> int:
    return 1 if direction == "csms-to-cp" else 0


def _frame(direction: str | None, opcode: int, payload: bytes) -> bytes:
    return compose(opcode, payload, key=_MASK if direction == FROM_STATION else None)


def _handshake(session: Session, opened: Opened | None) -> tuple[bytes, bytes]:
    """The heads of an upgrade that nobody saw."""
    path = (opened.path if opened else None) or f"/{session.station or ''}"
    named = [name for name, version in SUBPROTOCOLS.items() if version == session.version]
    subprotocol = (opened.subprotocol if opened else None) or (named[0] if named else "")
    agreed = [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []
    key = f"{session.number:022}=="[-24:].replace("0", "A")
    request = [
        f"GET {path} HTTP/1.1",
        f"Host: {session.server or _SERVER}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *agreed,
    ]
    response = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_for(key)}",
        *agreed,
    ]
    return _head(request), _head(response)


def _head(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1", errors="replace")


open_output = PcapngOutput
