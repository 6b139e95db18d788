"""One TCP connection: which protocols it speaks, found by content, and the WebSocket sessions in it.

TLS or not, then HTTP, then WebSocket; or, where the beginning is not in the capture, whatever its bytes
show. Ports mean nothing here, unless the user says so (`decode_as`).
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Damaged,
    Direction,
    Fault,
    Notice,
    Opened,
    Session,
    Tls,
    WireEvent,
)
from ocppscope.wire import http
from ocppscope.wire.notes import ConnectionNote
from ocppscope.wire.tls_keys import KeyStore
from ocppscope.wire.websocket import (
    MAX_MESSAGE,
    FrameStream,
    Header,
    WebSocket,
    find_text,
    frames_fill,
    parse_header,
)

if TYPE_CHECKING:
    from ocppscope.wire.tls import Broken, TlsConnection, TlsOutput

Sink = Callable[[bytes, int], None]
How = Literal["fin", "rst", "end-of-capture"]

_UNDECIDED_LIMIT: Final = 1 << 16
"""Bytes of a connection, first seen in its middle, that may pass before it is taken for something else."""
_WAITING_LIMIT: Final = 1 << 20
"""Bytes that may wait for the answer to an HTTP request."""
_REQUESTS_KEPT: Final = 100
_KEYS_REMEMBERED: Final = 10_000
_NOTES_KEPT: Final = 1_000
"""Notes that wait for their connections, which are at most one block of the file away."""
_SECOND_SIGHTING: Final = 5_000_000_000
_OLD_TLS: Final = frozenset({"SSLv3", "TLSv1.0", "TLSv1.1"})
_TLS_TYPES: Final = range(0x14, 0x18)
_ANSWER_KEPT: Final = 16
_DISTRUST: Final[Mapping[str, str]] = {
    "unknown_ca": "{it} lacks the root or an intermediate",
    "bad_certificate": "{it} lacks the root or an intermediate, or the certificate is for another name",
    "certificate_unknown": "{it} lacks the root or an intermediate, or the certificate is for another name",
    "unsupported_certificate": "{it} cannot use this kind of certificate",
    "certificate_revoked": "it was revoked",
    "certificate_expired": "it has expired, or the clock of {it} is off",
    "certificate_required": "none was sent",
}
"""What alerts about certificates mean (RFC 5246 §7.2.2, RFC 8446 §6.2)."""
_TLS_RECORD_LIMIT: Final = (1 << 14) + 2048
_SIDES: Final[dict[Direction, int]] = {FROM_STATION: 0, FROM_CSMS: 1}


@dataclass(slots=True)
class Context:
    """What the connections of one capture share."""

    out: list[WireEvent] = field(default_factory=list)
    keys: KeyStore = field(default_factory=KeyStore)
    max_message: int = MAX_MESSAGE
    found: Counter[str] = field(default_factory=Counter)
    """What kinds of connection there were, for a capture that holds nothing of interest."""
    sessions: int = 0
    _notes: "OrderedDict[tuple[str, str], ConnectionNote]" = field(default_factory=OrderedDict)
    """By client and server: of connections that are to come."""
    _sightings: "OrderedDict[str, tuple[Session, int, str]]" = field(default_factory=OrderedDict)
    """By key: the session, when it opened, and the last segment of its path."""

    def new_session(self, client: str, server: str, *, late: bool = False) -> Session:
        self.sessions += 1
        return Session(self.sessions, client, server, late=late)

    def note(self, note: ConnectionNote) -> None:
        """Keep what a recording says of the connection whose first packet comes next."""
        self._notes[note.client, note.server] = note
        if len(self._notes) > _NOTES_KEPT:
            self._notes.popitem(last=False)

    def note_on(self, client: str, server: str) -> ConnectionNote | None:
        """What a recording says of a connection that begins."""
        return self._notes.pop((client, server), None)

    def sighting(self, opened: Opened) -> Fault | None:
        """Mark a session whose `Sec-WebSocket-Key` was seen a moment ago as seen twice.

        The key is random for each connection (RFC 6455 §4.1), so this is the same one behind a proxy or on
        another interface. The same key much later, after the first connection ended, or for another path,
        is a client with a fixed key, which is a fault.
        """
        if opened.key is None or opened.time is None:
            return None
        name = (opened.path or "").partition("?")[0].rpartition("/")[2]
        sighting = opened.session, opened.time, name
        first, time, first_name = self._sightings.setdefault(opened.key, sighting)
        if len(self._sightings) > _KEYS_REMEMBERED:
            self._sightings.popitem(last=False)
        if first is opened.session:
            return None
        if opened.time - time <= _SECOND_SIGHTING and name == first_name and not first.ended:
            opened.session.duplicate_of = first.number
            return None
        self._sightings[opened.key] = sighting
        return Fault("http.key-reused", f"the key {opened.key} was used by session {first.number} before")


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a file has to begin with so that the rest of a session can be read from it alone.

    Of pairs the client's comes first.
    """

    request: bytes
    response: bytes
    unfinished: tuple[bytes | None, bytes | None]
    """What was seen of the message under way; None where its start is lost, or what it is compressed against."""
    closes: tuple[tuple[int, bytes], ...]
    """The Close frames that were seen, in order, each with its side."""
    windows: tuple[bytes, bytes] | None
    """What compressed messages to come may refer to; None where there is no such thing."""


class Conversation:
    """The plain bytes of one connection: HTTP until a WebSocket opens, then frames.

    Args:
        context: shared by the capture's connections.
        client, server: `address:port` of side 0 and of side 1.
        late: the beginning is not in the capture; which side is the client is then found from the bytes.
        patient: never take it for something else than HTTP and WebSocket.
        tls: tells what is known of the TLS below; None for a plain connection.
        note: what a recording says of it beside its bytes.
    """

    def __init__(
        self,
        context: Context,
        client: str,
        server: str,
        *,
        late: bool = False,
        patient: bool = False,
        tls: Callable[[], Tls] | None = None,
        note: ConnectionNote | None = None,
    ) -> None:
        self._context = context
        self._addresses = (client, server)
        self._note = note
        self._patient = patient
        self._tls = tls
        self._client_side = 0
        self._websocket: WebSocket | None = None
        self.agreed: Opened | None = None
        """The handshake of the WebSocket that is open."""
        self._buffers = (bytearray(), bytearray())
        self._skip: list[int | None] = [0, 0]  # bytes of a body still to come; None: no telling
        self._requests: list[http.Head] = []
        self._undecided: list[tuple[int, bytes | None, int | None, int]] = []  # side, bytes or gap, time
        self._undecided_size = 0
        self._row: list[bool] = []
        """Of the last undecided segments in a row that frames would fill: whether their frames are masked."""
        self._refused: list[Session] = []
        """Sessions whose upgrade was not agreed to, or not answered."""
        first = self._undecided_bytes if late else self._http
        self.sinks: list[Sink] = [partial(first, 0), partial(first, 1)]

    # --- what the transport tells ---

    def gap(self, side: int, size: int | None, time: int) -> None:
        if self._websocket:
            self._stream(side).gap(size, time)
        elif self.sinks[side] is not _ignore:
            self._buffers[side].clear()
            self._skip[side] = 0
            self._look_for_anything()
            self._undecided.append((side, None, size, time))

    @property
    def is_open(self) -> bool:
        """Whether a WebSocket is open."""
        return self._websocket is not None

    def resumption(self) -> Resumption | None:
        """What another file has to begin with to go on from here; None as long as no WebSocket is open."""
        if self._websocket is None or self.agreed is None:
            return None
        client, server = self._websocket.client, self._websocket.server
        windows = (client.window, server.window)
        return Resumption(
            self.agreed.request,
            self.agreed.response,
            (client.unfinished, server.unfinished),
            tuple((_SIDES[direction], one) for direction, one in self._websocket.close_frames.items()),
            windows if any(windows) else None,
        )

    def damaged(self, damage: "Broken") -> None:
        """A TLS record of a session that is under way cannot be read."""
        if self._websocket:
            session = self._websocket.session
            direction: Direction = FROM_STATION if damage.from_client else FROM_CSMS
            self._context.out.append(
                Damaged(session, damage.time, direction, "tls", 0, damage.reason, damage.raw)
            )

    def end(self, how: How, side: int | None, time: int) -> None:
        if self._websocket is None:
            self._without_answer(time)
        by: Literal["station", "csms"] | None = None
        if side is not None:
            by = "station" if side == self._client_side else "csms"
        for session in self._refused:
            session.ended = True
            self._context.out.append(Closed(session, time, by, how))
        self._refused.clear()
        if self._websocket:
            self._websocket.end(how, by, time)

    # --- HTTP ---

    def _http(self, side: int, data: bytes, time: int) -> None:
        buffer = self._buffers[side]
        buffer += data
        while buffer and self._websocket is None and self._skip_body(side) and self._head(side, time):
            pass
        if len(buffer) > _WAITING_LIMIT:
            self._without_answer(time)
            if self._websocket is None:
                self._give_up("HTTP that waits for an answer")

    def _without_answer(self, time: int) -> None:
        """The answers to the requests under way are not in the capture."""
        upgrades = [request for request in self._requests if request.is_upgrade]
        if upgrades and self._buffers[self._client_side]:
            self._open_late(time)  # what follows the request can only be frames
            return
        for request in upgrades:
            self._opened(request, None, time)
        self._requests.clear()

    def _skip_body(self, side: int) -> bool:
        """Whether the buffer now begins with a head."""
        buffer, skip = self._buffers[side], self._skip[side]
        if skip is None and (buffer.startswith(http.RESPONSE_START) or http.REQUEST_START.match(buffer)):
            skip = self._skip[side] = 0
        size = len(buffer) if skip is None else min(skip, len(buffer))
        del self._buffers[side][:size]
        if skip is not None:
            self._skip[side] = skip - size
        return bool(buffer)

    def _head(self, side: int, time: int) -> bool:
        """Take one head off the buffer; False if none is there to take."""
        buffer = self._buffers[side]
        is_client = side == self._client_side
        if is_client and self._requests and self._requests[-1].is_upgrade:
            return False  # frames before the answer to the upgrade wait for it
        if not _may_begin_head(buffer, is_client):
            self._not_http(side, time)
            return False
        end = buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(buffer) > http.HEAD_LIMIT:
                self._give_up("HTTP with a head that does not end")
            return False
        head = http.parse_head(bytes(buffer[:end]))
        if head is None:
            self._not_http(side, time)
            return False
        del self._buffers[side][:end]
        if is_client:
            self._skip[side] = None if head.get("transfer-encoding") else head.content_length or 0
            self._requests.append(head)
            del self._requests[:-_REQUESTS_KEPT]  # one-way captures show no answers
        else:
            self._response(head, time)
        return True

    def _response(self, head: http.Head, time: int) -> None:
        if head.status < 200 and head.status != 101:
            return
        request = self._requests.pop(0) if self._requests else None
        if head.status != 101:
            bodiless = head.status in (204, 304) or (request is not None and request.method == "HEAD")
            self._skip[1 - self._client_side] = 0 if bodiless else head.content_length
        if head.status == 101 or (request is not None and request.is_upgrade):
            self._opened(request, head, time)
        else:
            self._context.found["HTTP request that opens no WebSocket"] += 1
        if self._websocket is None:
            self._http(self._client_side, b"", time)

    def _opened(self, request: http.Head | None, response: http.Head | None, time: int) -> None:
        """Tell of the handshake; if it was agreed to, both directions carry frames from here on."""
        accepted = response is not None and response.status == 101
        is_resumed = self._note is not None and self._note.resumed
        session = self._new_session(late=is_resumed)
        opened = _handshake(session, time, request, response, self._tls() if self._tls else None)
        fault = self._context.sighting(opened)
        if fault and not is_resumed:  # its key was used in the file before
            opened = replace(opened, faults=(*opened.faults, fault))
        self._context.out.append(opened)
        if accepted:
            self._start(opened, time)
        else:
            self._refused.append(session)

    # --- WebSocket ---

    def _new_session(self, *, late: bool) -> Session:
        client, server = self._addresses if self._client_side == 0 else self._addresses[::-1]
        return self._context.new_session(client, server, late=late)

    def _open_late(self, time: int) -> None:
        """Frames were found though the handshake was not seen whole."""
        request = self._requests[-1] if self._requests and self._requests[-1].is_upgrade else None
        session = self._new_session(late=True)
        opened = _handshake(session, time, request, None, self._tls() if self._tls else None)
        self._context.sighting(opened)
        self._context.out.append(opened)
        self._start(opened, time)

    def _start(self, opened: Opened, time: int) -> None:
        self._context.found["WebSocket"] += 1
        client, server = self._client_side, 1 - self._client_side
        self.agreed = opened
        self._websocket = WebSocket(opened, self._context.out, self._context.max_message)
        if self._note and self._note.windows:
            self._websocket.client.prime(self._note.windows[0])
            self._websocket.server.prime(self._note.windows[1])
        for side in (client, server):
            stream = self._stream(side)
            self.sinks[side] = stream.feed
            if self._buffers[side]:
                stream.feed(bytes(self._buffers[side]), time)
                self._buffers[side].clear()

    def _stream(self, side: int) -> FrameStream:
        assert self._websocket is not None
        return self._websocket.client if side == self._client_side else self._websocket.server

    # --- a connection whose beginning, or a part of it, was not seen ---

    def _look_for_anything(self) -> None:
        self.sinks[:] = [partial(self._undecided_bytes, 0), partial(self._undecided_bytes, 1)]

    def _undecided_bytes(self, side: int, data: bytes, time: int) -> None:
        is_request = http.REQUEST_START.match(data) is not None
        if is_request or data.startswith(http.RESPONSE_START):
            self._client_side = side if is_request else 1 - side
            if is_request:
                self._buffers[side].clear()
                self._without_answer(time)
            self._forget_undecided()
            self.sinks[:] = [partial(self._http, 0), partial(self._http, 1)]
            self._http(side, data, time)
        else:
            self._consider(side, data, time)

    def _consider(self, side: int, data: bytes, time: int) -> None:
        """Look for frames in bytes that are no HTTP."""
        self._undecided.append((side, data, None, time))
        self._undecided_size += len(data)
        header = self._frame_in(data)
        if header is not None:
            self._client_side = side if header.masked else 1 - side
            self._replay()
        elif self._undecided_size > _UNDECIDED_LIMIT:
            if not self._patient:
                self._give_up("connection first seen in its middle, of an unknown protocol")
            self._forget_undecided()

    def _frame_in(self, data: bytes) -> Header | None:
        """The header of a frame in a segment, where the evidence suffices.

        A text like a JSON array does. Other frames are too like other protocols: it takes two segments in a
        row, and a masked one among them, as one side's always are.
        """
        most = self._context.max_message
        at = find_text(data, None, most)
        if at >= 0:
            return parse_header(data, at)
        header = parse_header(data)
        if header is None or not frames_fill(data, None, most):
            self._row.clear()
            return None
        self._row.append(header.masked)
        enough = self._patient or (len(self._row) > 1 and any(self._row))
        return header if enough else None

    def _forget_undecided(self) -> None:
        self._undecided.clear()
        self._undecided_size = 0
        self._row.clear()

    def _replay(self) -> None:
        """What came before the first frame that could be recognised belongs to the session too."""
        undecided = self._undecided[:]
        self._forget_undecided()
        self._open_late(undecided[0][3])
        for side, data, size, time in undecided:
            if data is None:
                self._stream(side).gap(size, time)
            else:
                self._stream(side).feed(data, time)

    def _not_http(self, side: int, time: int) -> None:
        if self._patient:
            data = bytes(self._buffers[side])
            del self._buffers[side][: len(data)]
            self._look_for_anything()
            self._consider(side, data, time)
        else:
            self._give_up("connection of another protocol")

    def _give_up(self, what: str) -> None:
        self._context.found[what] += 1
        self._forget_undecided()
        for buffer in self._buffers:
            buffer.clear()
        self.sinks[:] = [_ignore, _ignore]


def _handshake(
    session: Session,
    time: int,
    request: http.Head | None,
    response: http.Head | None,
    tls: Tls | None,
) -> Opened:
    """What the two heads of an upgrade say, as far as they were seen."""
    asked, answer = request or http.Head(b""), response or http.Head(b"")
    faults = http.request_faults(asked) if request else []
    if request and answer.status == 101:
        faults += http.response_faults(asked, answer)
    return Opened(
        session,
        time,
        path=asked.target if request else None,
        subprotocols=tuple(asked.tokens("sec-websocket-protocol")),
        subprotocol=answer.get("sec-websocket-protocol"),
        status=answer.status or None,
        extensions=answer.get("sec-websocket-extensions"),
        offered_extensions=asked.get("sec-websocket-extensions"),
        tls=tls,
        auth=http.authorization(asked),
        key=asked.get("sec-websocket-key"),
        request=asked.raw,
        response=answer.raw,
        faults=tuple(faults),
    )


def _ignore(data: bytes, time: int) -> None:
    """Where the bytes of a connection go that is none of ours."""


def _may_begin_head(buffer: bytearray, is_client: bool) -> bool:
    if is_client:
        return len(buffer) < 8 or http.REQUEST_START.match(buffer) is not None
    start = http.RESPONSE_START
    return buffer[: len(start)] == start[: len(buffer)]


class Connection:
    """One TCP connection (`tcp.Receiver`): looks for TLS below the conversation.

    Args:
        context: shared by the capture's connections.
        client, server: `address:port` of side 0 and side 1.
        complete: its TCP handshake is in the capture, so that side 0 is the client.
        decode_as: the user says that this is HTTP or WebSocket.
        note: what is known of it beside its bytes; None: what a recording says, if one does. Either way it is then
            taken for HTTP or WebSocket.
    """

    def __init__(
        self,
        context: Context,
        client: str,
        server: str,
        *,
        complete: bool,
        decode_as: bool = False,
        note: ConnectionNote | None = None,
    ) -> None:
        self._context = context
        self._addresses = (client, server)
        self._note = note or context.note_on(client, server)
        self._complete = complete
        self._decode_as = decode_as or self._note is not None
        self._tls: TlsConnection | None = None
        self._conversation: Conversation | None = None
        self._client_side = 0
        self._loss_told: set[int] = set()
        self._first_fin: tuple[int, int] | None = None
        self._tls_answer: bytearray | None = bytearray()
        """The first bytes of the server's answer to TLS; None where they are lost."""
        self.sinks: list[Sink] = [partial(self._first_bytes, 0), partial(self._first_bytes, 1)]
        self._pending = (bytearray(), bytearray())

    def resumption(self) -> Resumption | None:
        """What another file has to begin with to go on from here; None as long as no WebSocket is open."""
        return self._conversation.resumption() if self._conversation else None

    @property
    def agreed(self) -> Opened | None:
        """The handshake of the WebSocket that is open; None as long as none is."""
        return self._conversation.agreed if self._conversation else None

    def gap(self, side: int, size: int, time: int) -> None:
        if self._tls:
            self._tls_answer = None
            self._take(self._tls.gap(side == self._client_side, size, time))
            self._tell_loss(0 if side == self._client_side else 1, time)
        elif self._conversation:
            self._conversation.gap(side, size, time)
        else:
            self._complete = False

    def fin(self, side: int, time: int) -> None:
        if self._first_fin is None:
            self._first_fin = side, time  # the other side may still have something to say
        else:
            self._end("fin", side, time)

    def reset(self, side: int, time: int) -> None:
        self._end("rst", side, time)

    def vanish(self, time: int) -> None:
        self._end("end-of-capture", None, time)

    def _end(self, how: How, side: int | None, time: int) -> None:
        if self._first_fin is not None:
            how, (side, time) = "fin", self._first_fin
        if self._tls:
            self._take(self._tls.end())
            self._tell_distrust(time)
            if not self._tell_plain_port(side, time):
                self._tell_unreadable(time)
        if self._conversation:  # its side 0 is the TLS client
            self._conversation.end(how, side if side is None else side ^ self._client_side, time)

    # --- which protocol ---

    def _first_bytes(self, side: int, data: bytes, time: int) -> None:
        head = self._pending[side]
        head += data
        if len(head) < 3 and self._complete:
            return  # one or two bytes do not tell
        if _is_tls(head, self._complete) and not self._decode_as:
            self._start_tls(side, time)
        else:
            self._start_plain(time)

    def _start_plain(self, time: int) -> None:
        told = self._note.tls if self._note else None
        conversation = Conversation(
            self._context,
            *self._addresses,
            late=not self._complete,
            patient=self._decode_as,
            tls=(lambda: told) if told else None,
            note=self._note,
        )
        self._conversation = conversation
        self.sinks = conversation.sinks
        self._pass_on(time)

    def _start_tls(self, side: int, time: int) -> None:
        from ocppscope.wire.tls import TlsConnection  # a capture without TLS need not wait for it

        self._context.found["TLS"] += 1
        self._tls = tls = TlsConnection(self._context.keys)
        self._client_side = side if self._complete or not _is_server_hello(self._pending[side]) else 1 - side
        client, server = self._addresses if self._client_side == 0 else self._addresses[::-1]
        self._conversation = Conversation(
            self._context, client, server, late=not self._complete, tls=tls.as_tls
        )
        self.sinks = [partial(self._tls_bytes, s == self._client_side) for s in (0, 1)]
        self._pass_on(time)

    def _pass_on(self, time: int) -> None:
        for side, pending in enumerate(self._pending):
            if pending:
                self.sinks[side](bytes(pending), time)
                pending.clear()

    # --- TLS ---

    def _tls_bytes(self, from_client: bool, data: bytes, time: int) -> None:
        assert self._tls is not None
        answer = self._tls_answer
        if not from_client and answer is not None and len(answer) < _ANSWER_KEPT:
            answer += data[:_ANSWER_KEPT]
        self._take(self._tls.feed(from_client, data, time))

    def _take(self, outputs: "list[TlsOutput]") -> None:
        from ocppscope.wire.tls import Lost, Plain

        conversation = self._conversation
        assert conversation is not None
        for output in outputs:
            side = 0 if output.from_client else 1
            if isinstance(output, Plain):
                conversation.sinks[side](output.data, output.time)
            elif not isinstance(output, Lost):
                conversation.damaged(output)
            elif side in self._loss_told:
                self._loss_told.discard(side)
            else:
                conversation.gap(side, output.size, output.time)

    def _tell_loss(self, side: int, time: int) -> None:
        """Records are lost: the session is told before the peer's answer to what was in them comes."""
        if self._conversation and self._conversation.is_open and side not in self._loss_told:
            self._loss_told.add(side)
            self._conversation.gap(side, None, time)

    def _tell_distrust(self, time: int) -> None:
        """One side refuses the other's certificate: the alert says so, where it is not encrypted or can be read."""
        assert self._tls is not None
        info = self._tls.info
        for alert in info.alerts:
            side, _, name = alert.partition(": ")
            why = _DISTRUST.get(name.partition(" ")[0])
            if why is None:
                continue
            shown = info.certificates if side == "client" else info.client_certificates
            sent = f"; {len(shown)} sent, the first for {shown[0]}" if shown else ""
            what = {
                "client": "the station refuses the CSMS's certificate",
                "server": "the CSMS refuses the station's certificate",
            }[side]
            one = {"client": "the charger", "server": "the CSMS"}[side]
            detail = f"{self._tls_ends}: {what} ({name.partition(' ')[0]}): {why.replace('{it}', one)}{sent}"
            self._context.out.append(Notice("tls.not-trusted", time, detail, f"{self._tls_subject} {side}"))
            return

    def _tell_plain_port(self, ended_by: int | None, time: int) -> bool:
        """Whether the server did not answer in TLS; and tell of it."""
        answer = self._tls_answer
        if answer is None or not self._complete or len(answer) in (1, 2):
            return False
        if not answer:
            if ended_by is None or ended_by == self._client_side:
                return False
            what = "the server ended the connection at the ClientHello, without a byte: TLS spoken to a plain port?"
        elif _is_tls(answer, complete=False):
            return False
        elif answer.startswith(http.RESPONSE_START):
            what = "the server answered in plain HTTP: TLS spoken to a plain port"
        else:
            what = "the server's answer is no TLS: TLS spoken to a plain port"
        self._context.out.append(
            Notice("tls.plain-port", time, f"{self._tls_ends}: {what}", self._tls_subject)
        )
        return True

    @property
    def _tls_ends(self) -> str:
        client, server = self._addresses if self._client_side == 0 else self._addresses[::-1]
        return f"{client} → {server}"

    @property
    def _tls_subject(self) -> str:
        assert self._tls is not None
        return f"{self._addresses[1 - self._client_side]} {self._tls.info.server_name or ''}"

    def _tell_unreadable(self, time: int) -> None:
        assert self._tls is not None
        info = self._tls.info
        if info.reason is None:
            return
        known = [info.server_name, info.version, info.cipher]
        about = ", ".join(part for part in known if part) or "TLS"
        extra = [f"certificate {subject}" for subject in info.certificates[:1]]
        extra += [f"alert {alert}" for alert in info.alerts]
        server, subject = self._addresses[1 - self._client_side], self._tls_subject
        detail = f"{self._tls_ends}: {'; '.join([about, *extra])}: {info.reason}"
        self._context.out.append(Notice("tls.unreadable", time, detail, subject))
        if info.version in _OLD_TLS:
            self._context.out.append(Notice("tls.old-version", time, f"{server}: {info.version}", subject))


def _is_tls(head: bytearray, complete: bool) -> bool:
    """Whether bytes begin a TLS record (RFC 8446 §5.1), and on a complete connection a handshake."""
    if len(head) < 3 or head[0] not in _TLS_TYPES or head[1] != 3 or head[2] > 4:
        return False
    if complete:
        return head[0] == 0x16
    return len(head) < 5 or int.from_bytes(head[3:5], "big") <= _TLS_RECORD_LIMIT


def _is_server_hello(head: bytearray) -> bool:
    return len(head) > 5 and head[0] == 0x16 and head[5] == 2
