"""WebSocket frames (RFC 6455): the bytes of each direction in, texts, controls and closes out.

Lenient where a peer must not be: what breaks the protocol is named as a fault of the event that carries
it, and reading goes on. What a text means is not known here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from ocppscope.events import (
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Direction,
    Fault,
    Gap,
    Opened,
    Session,
    Text,
    WireEvent,
)
from ocppscope.wire.deflate import DeflateError, Inflater
from ocppscope.wire.masking import apply_mask

MAX_MESSAGE: Final = 16 << 20
_SHOWN: Final = 1 << 16  # bytes kept of what is too big to keep
_ODD_FRAME_LIMIT: Final = 1 << 16  # bytes of a frame that breaks the protocol and is waited for
_CONTROL_LIMIT: Final = 125
_HUGE: Final = 1 << 30  # a frame that claims more is not waited for: its header is not believed
_MAX_FRAGMENTS: Final = 1 << 16

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_DEFINED: Final = frozenset({_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG})
_FIN, _RSV1, _RSV23 = 0x80, 0x40, 0x30

RESERVED_CLOSE_CODES: Final = frozenset({1004, 1005, 1006, 1015})
_LAST_REGISTERED: Final = 1014


@dataclass(slots=True)
class Header:
    """A frame header (RFC 6455 §5.2)."""

    first: int
    masked: bool
    start: int
    """Bytes of the header, mask included."""
    size: int
    """Bytes of the payload."""
    minimal: bool
    """The length is written in the fewest bytes, as it must be."""

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def is_defined(self) -> bool:
        """Whether a standard says what a frame like this means."""
        return self.opcode in _DEFINED and not self.first & _RSV23

    def is_sane(self, max_message: int) -> bool:
        """Whether a frame like this may stand in a stream (its mask and RSV1 aside)."""
        if not self.is_defined or not self.minimal:
            return False
        if self.opcode >= _CLOSE:
            return self.first & _FIN != 0 and self.size <= _CONTROL_LIMIT
        return self.size <= max_message


def parse_header(data: bytes | bytearray, at: int = 0) -> Header | None:
    """The frame header at `at`; None while too little of it is there."""
    have = len(data) - at
    if have < 2:
        return None
    masked = data[at + 1] >= 0x80
    size = data[at + 1] & 0x7F
    width = {126: 2, 127: 8}.get(size, 0)
    start = 2 + width + (4 if masked else 0)
    if have < start:
        return None
    minimal = True
    if width:
        size = int.from_bytes(data[at + 2 : at + 2 + width], "big")
        minimal = size > (125 if width == 2 else 0xFFFF) and size < 1 << 63
    return Header(data[at], masked, start, size, minimal)


def find_frame(data: bytes, masked: bool | None, max_message: int = MAX_MESSAGE) -> int:
    """Where in a segment a frame begins, judged by its content; -1 where none is found.

    A segment's start is taken where it, or a row of frames from it on, fills the segment; elsewhere only
    a text that begins like a JSON array is evidence enough.

    Args:
        data: one TCP segment's bytes, in a stream of which the frames are lost.
        masked: whether frames of this direction are masked; None for either.
        max_message: a frame longer than this is none.
    """
    return 0 if frames_fill(data, masked, max_message) else find_text(data, masked, max_message)


def find_text(data: bytes, masked: bool | None, max_message: int = MAX_MESSAGE) -> int:
    """Where in a segment a frame begins that carries a JSON array; -1 where none does (as `find_frame`)."""
    for match in _TEXT_START.finditer(data):
        if _is_array_text(data, match.start(), masked, max_message):
            return match.start()
    return -1


_TEXT_START: Final = re.compile(rb"[\x01\x81]")
_ARRAY_START: Final = re.compile(rb"\s*\[\s*[0-9]?")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SAMPLE: Final = range(8, 65)
"""Bytes of a text that must be at hand to tell it from chance, and those that are looked at."""


def frames_fill(data: bytes, masked: bool | None, max_message: int = MAX_MESSAGE) -> bool:
    """Whether a segment is one frame, a row of them, or the start of a long one: it may be so by chance."""
    at, count = 0, 0
    while at < len(data):
        header = parse_header(data, at)
        if header is None:
            return count >= 2
        if not header.is_sane(max_message) or masked not in (None, header.masked):
            return False
        if header.first & 0x0F in (_TEXT, _BINARY) and at + header.end > len(data) >= 512:
            return True  # a long message over several segments
        at += header.end
        count += 1
    return at == len(data) or count > 2


def _is_array_text(data: bytes, at: int, masked: bool | None, max_message: int) -> bool:
    header = parse_header(data, at)
    if header is None or not header.is_sane(max_message) or masked not in (None, header.masked):
        return False
    if header.opcode != _TEXT:
        return False
    sample = data[at + header.start : at + min(header.end, header.start + _SAMPLE.stop - 1)]
    if header.masked and sample:
        sample = apply_mask(sample, data[at + header.start - 4 : at + header.start])
    match = _ARRAY_START.match(sample)
    if len(sample) < _SAMPLE.start or match is None or match.end() < 2 or _CONTROL.search(sample):
        return False
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3  # the sample may end within a character
    return True


class FrameStream:
    """The frames of one direction.

    Args:
        session: what the events belong to.
        direction: which way the frames go.
        out: where events are appended.
        closing: called with each Close frame: code, reason, time, faults, its bytes.
        inflater: for compressed messages; None where compression was not agreed.
        compression_agreed: False where RSV1 is a fault although it may be read.
        max_message: bytes that a message may have.
    """

    def __init__(
        self,
        session: Session,
        direction: Direction,
        out: list[WireEvent],
        closing: Callable[[Direction, int | None, str, int, tuple[Fault, ...], bytes], None],
        inflater: Inflater,
        *,
        compression_agreed: bool = True,
        max_message: int = MAX_MESSAGE,
        late: bool = False,
    ) -> None:
        self._session = session
        self._direction: Direction = direction
        self._out = out
        self._emit = out.append
        self._closing = closing
        self._inflater = inflater
        self._compression_agreed = compression_agreed
        self._max_message = max_message
        self._mask_bit = 0x80 if direction == FROM_STATION else 0
        self._key_size = 4 if direction == FROM_STATION else 0
        self._buffer = bytearray()
        self._needed = 0  # bytes that the buffer must hold before it is worth another look
        self._skip = 0  # bytes of a frame that is given up
        self._searching = late
        self._incomplete = late  # the start of the message under way is lost: its rest is no fault
        self._closed = False
        self._plain = not late  # nothing of the above, and no message under way
        self._opcode: int | None = None  # of the message under way
        self._compressed = False
        self._parts: list[bytes] = []
        self._frames: list[bytes] = []
        self._faults: list[Fault] = []
        self._size = 0

    def feed(self, data: bytes, time: int) -> None:
        """Take the next bytes of the stream; events go to `out`."""
        if self._plain and data[0] == 0x81 and len(data) > 10:
            size = data[1] ^ self._mask_bit
            start = 2
            if size >= 126:
                size = data[2] << 8 | data[3] if size == 126 else -1
                start = 4
                if size < 126:
                    size = -1
            key_size = self._key_size
            start += key_size
            total = len(data)
            if size + start == total and size <= self._max_message:
                payload = data[start:]
                if key_size:
                    payload = apply_mask(payload, data[start - 4 : start])
                try:
                    text = payload.decode()
                except UnicodeDecodeError:
                    self._general(data, time)
                    return
                self._emit(Text(self._session, time, self._direction, text, (data,)))
                return
        self._general(data, time)

    def gap(self, size: int | None, time: int) -> None:
        """Bytes of the stream are lost; `size` None where nobody knows how many."""
        self._out.append(Gap(self._session, time, self._direction, size))
        self._inflater.lose("bytes before it are not in the capture")
        self._plain = False
        header = parse_header(self._buffer)
        rest = self._skip or (header.end - len(self._buffer) if header else 0)
        self._give_up(time, f"{size or 'some'} bytes of it are not in the capture")
        self._incomplete = True
        known = size is not None and size <= rest
        self._skip = rest - size if size is not None and known else 0
        self._searching = not known

    @property
    def unfinished(self) -> bytes | None:
        """The frames, and the part of one, of the message under way; None where its start is lost."""
        if self._skip or self._searching or self._incomplete or self._inflater.is_lost:
            return None
        return b"".join(self._frames) + bytes(self._buffer)

    @property
    def window(self) -> bytes:
        """The text that compressed messages to come may refer to."""
        return self._inflater.window

    def prime(self, window: bytes) -> None:
        """Give it the `window` with which an earlier reading of the stream stopped."""
        self._inflater.prime(window)

    def end(self, time: int) -> None:
        """The stream ends: what is unfinished is told."""
        self._give_up(time, "the stream ends within it")

    # --- the general path ---

    def _general(self, data: bytes, time: int) -> None:
        self._plain = False
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._searching and data:
            data = self._search(data, time)
        self._buffer += data
        while len(self._buffer) >= max(self._needed, 2) and self._take_frame(time):
            self._needed = 0
        under_way = self._buffer or self._skip or self._searching or self._parts or self._incomplete
        self._plain = not (under_way or self._closed)

    def _search(self, data: bytes, time: int) -> bytes:
        at = find_frame(data, self._mask_bit != 0, self._max_message)
        skipped = data if at < 0 else data[:at]
        if skipped:
            self._damaged(
                time, skipped, 0, "no frame begins here: the one that these bytes end is incomplete"
            )
        self._searching = at < 0
        return data[at:] if at >= 0 else b""

    def _take_frame(self, time: int) -> bool:
        """Take one frame off the buffer; False if it is not all there."""
        header = parse_header(self._buffer)
        if header is None:
            return False
        sane = header.is_sane(self._max_message)
        if header.end > len(self._buffer):
            if not sane and header.size > (_ODD_FRAME_LIMIT if header.is_defined else _CONTROL_LIMIT):
                return self._give_up_frame(header, time)
            self._needed = header.end
            return False
        follower = parse_header(self._buffer, header.end)
        if not sane and follower and not follower.is_sane(self._max_message):
            return self._lose_frames(time)
        payload = bytes(self._buffer[header.start : header.end])
        if header.masked:
            payload = apply_mask(payload, bytes(self._buffer[header.start - 4 : header.start]))
        frame = bytes(self._buffer[: header.end])
        del self._buffer[: header.end]
        self._frame(header, payload, frame, time)
        return True

    def _give_up_frame(self, header: Header, time: int) -> bool:
        """A header that claims more than may be kept: skip what it claims, or search if it is no frame."""
        if not header.is_defined or header.size > _HUGE:
            return self._lose_frames(time)
        most = _CONTROL_LIMIT if header.opcode >= _CLOSE else self._max_message
        reason = f"the frame claims {header.size} bytes; at most {most} are read"
        faults = (Fault("websocket.too-big", reason), *self._header_faults(header))
        self._damaged(time, bytes(self._buffer[:_SHOWN]), 0, reason, faults)
        self._skip = header.end - len(self._buffer)
        self._buffer.clear()
        self._inflater.lose("an earlier frame was too big to read")
        return False

    def _lose_frames(self, time: int) -> bool:
        """What the buffer begins with cannot be a frame: show it, and search for the next one.

        Returns:
            Whether one was found, with which the buffer now begins.
        """
        buffer = bytes(self._buffer)
        at = find_frame(buffer[1:], self._mask_bit != 0, self._max_message) + 1 or len(buffer)
        reason = f"no WebSocket frame: a header cannot begin with 0x{buffer[:2].hex()}"
        header = parse_header(buffer)
        if header and header.size > _HUGE:
            reason = f"no WebSocket frame: a header cannot claim {header.size} bytes"
        fault = Fault("websocket.no-frame", reason)
        self._damaged(time, buffer[:at], 0, reason, (fault,))
        del self._buffer[:at]
        self._searching = not self._buffer
        self._incomplete = True
        self._inflater.lose("an earlier frame could not be read")
        return not self._searching

    # --- frames ---

    def _frame(self, header: Header, payload: bytes, frame: bytes, time: int) -> None:
        faults = self._header_faults(header)
        opcode = header.opcode
        if opcode in (_CONTINUATION, _TEXT, _BINARY):
            self._data_frame(header, payload, frame, faults, time)
        elif opcode == _CLOSE:
            self._close_frame(payload, frame, faults, time)
        elif opcode in (_PING, _PONG):
            name: Literal["ping", "pong"] = "ping" if opcode == _PING else "pong"
            self._out.append(
                Control(self._session, time, self._direction, name, payload, tuple(faults)),
            )
        else:
            reason = f"opcode {opcode} is reserved"
            self._damaged(time, payload, 0, reason, tuple(faults))

    def _header_faults(self, header: Header) -> list[Fault]:
        faults = []
        if header.masked != bool(self._mask_bit):
            kind, what = ("masked", "is masked") if header.masked else ("unmasked", "is not masked")
            faults.append(Fault(f"websocket.{kind}", f"a frame of {_SENDER[self._direction]} {what}"))
        rsv = header.first & (_RSV1 | _RSV23)
        if rsv & _RSV23 or (rsv and (not self._compression_agreed or header.opcode not in (_TEXT, _BINARY))):
            bits = [f"RSV{n}" for n, bit in ((1, 0x40), (2, 0x20), (3, 0x10)) if rsv & bit]
            faults.append(Fault("websocket.rsv", f"{' and '.join(bits)} set without an agreed extension"))
        if header.opcode not in _DEFINED:
            faults.append(Fault("websocket.reserved-opcode", f"opcode {header.opcode} is reserved"))
        if not header.minimal:
            faults.append(Fault("websocket.length", f"{header.size} bytes, not written in the fewest bytes"))
        if header.opcode >= _CLOSE and header.size > _CONTROL_LIMIT:
            faults.append(Fault("websocket.control-too-long", f"a control frame of {header.size} bytes"))
        if header.opcode >= _CLOSE and not header.first & _FIN:
            faults.append(Fault("websocket.control-fragmented", "a control frame without FIN"))
        if self._closed:
            faults.append(Fault("websocket.after-close", "a frame after the sender's Close"))
        return faults

    def _close_frame(self, payload: bytes, frame: bytes, faults: list[Fault], time: int) -> None:
        code, reason = None, ""
        if len(payload) == 1:
            faults.append(Fault("websocket.close-payload", "a Close with half a code"))
        elif payload:
            code = int.from_bytes(payload[:2], "big")
            if not 1000 <= code <= _LAST_REGISTERED and not 3000 <= code <= 4999:
                faults.append(Fault("websocket.close-code", f"close code {code}"))
            elif code in RESERVED_CLOSE_CODES:
                faults.append(
                    Fault("websocket.close-code", f"close code {code}, which never goes on the wire")
                )
            reason = payload[2:].decode(errors="backslashreplace")
            if reason.encode(errors="surrogatepass") != payload[2:]:
                faults.append(Fault("websocket.utf8", "the reason of a Close is not UTF-8"))
        self._closed = True
        self._closing(self._direction, code, reason, time, tuple(faults), frame)

    def _data_frame(
        self,
        header: Header,
        payload: bytes,
        frame: bytes,
        faults: list[Fault],
        time: int,
    ) -> None:
        final = header.first & _FIN != 0
        if header.opcode == _CONTINUATION and self._opcode is None:
            if self._incomplete:
                reason = "the start of this message is not in the capture"
            else:
                reason = "a continuation without a message to continue"
                faults.append(Fault("websocket.continuation", reason))
            self._damaged(time, payload, 0, reason, tuple(faults))
            self._incomplete = self._incomplete and not final
            return
        if header.opcode != _CONTINUATION:
            self._incomplete = False
            if self._opcode is not None:
                faults.append(
                    Fault("websocket.interleaved", "a new message before the last one's final frame")
                )
                self._give_up_message(time, "its final frame never came")
            self._opcode = header.opcode
            self._compressed = header.first & _RSV1 != 0
        self._parts.append(payload)
        self._frames.append(frame)
        self._faults.extend(faults)
        self._size += len(payload)
        if self._size > self._max_message:
            self._too_big(time, f"a message of more than {self._max_message} bytes", final)
        elif len(self._parts) > _MAX_FRAGMENTS:
            self._too_big(time, f"a message of more than {_MAX_FRAGMENTS} frames", final)
        elif final:
            self._message(time)

    def _message(self, time: int) -> None:
        payload = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        opcode, compressed, frames, faults = self._opcode, self._compressed, tuple(self._frames), self._faults
        self._forget_message()
        if compressed:
            try:
                payload = self._inflater.inflate(payload)
            except DeflateError as error:
                kind = "websocket.too-big" if error.kind == "too-big" else f"deflate.{error.kind}"
                faults.append(Fault(kind, str(error), self._direction))
                self._damaged(time, payload, 0, str(error), tuple(faults), layer="deflate")
                return
        if opcode == _BINARY:
            faults.append(Fault("websocket.binary", "a binary message"))
        try:
            text = payload.decode()
        except UnicodeDecodeError as error:
            if opcode == _TEXT:
                faults.append(Fault("websocket.utf8", f"byte {error.start} of the text is not UTF-8"))
            reason = f"not UTF-8 from byte {error.start} on"
            self._damaged(time, payload, error.start, reason, tuple(faults), layer="utf8")
            return
        self._out.append(Text(self._session, time, self._direction, text, frames, tuple(faults)))

    def _too_big(self, time: int, reason: str, final: bool) -> None:
        self._faults.append(Fault("websocket.too-big", reason))
        parts, faults = b"".join(self._parts)[:_SHOWN], tuple(self._faults)
        self._forget_message()
        self._incomplete = not final
        self._inflater.lose("an earlier message was too big to read")
        self._damaged(time, parts, 0, reason, faults)

    def _forget_message(self) -> None:
        self._opcode = None
        self._compressed = False
        self._parts, self._frames, self._faults = [], [], []
        self._size = 0

    def _give_up_message(self, time: int, reason: str) -> None:
        """Show the parts of a message that will never be whole."""
        if self._parts:
            self._inflater.lose("an earlier message is incomplete")
            parts, faults = b"".join(self._parts), tuple(self._faults)
            self._forget_message()
            self._damaged(time, parts, len(parts), f"an incomplete message: {reason}", faults)

    def _give_up(self, time: int, reason: str) -> None:
        """Show the parts of a message, and of a frame, that will never be whole."""
        self._give_up_message(time, reason)
        if self._buffer:
            header = parse_header(self._buffer)
            raw = bytes(self._buffer)
            self._buffer.clear()
            self._needed = 0
            claimed = f" of {header.end} bytes" if header else ""
            self._damaged(time, raw, len(raw), f"an incomplete frame{claimed}: {reason}")

    def _damaged(
        self,
        time: int,
        raw: bytes,
        offset: int,
        reason: str,
        faults: tuple[Fault, ...] = (),
        layer: Literal["websocket", "deflate", "utf8"] = "websocket",
    ) -> None:
        self._out.append(Damaged(self._session, time, self._direction, layer, offset, reason, raw, faults))


_SENDER: Final = {"cp-to-csms": "the client", "csms-to-cp": "the server"}


class WebSocket:
    """One session: its two directions, and how it ends.

    Args:
        opened: the session's first event; its `extensions` say what was agreed.
        out: where events are appended.
        max_message: bytes that a message may have, also after inflating.
    """

    def __init__(
        self,
        opened: Opened,
        out: list[WireEvent],
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self.session = opened.session
        self._out = out
        self._close: Closed | None = None
        self.close_frames: dict[Direction, bytes] = {}
        """By who sent it: the first Close, in order of arrival."""
        self._ended = False
        late = opened.session.late and opened.status is None
        agreed = "permessage-deflate" in (opened.extensions or "").lower()
        unagreed = None if late else False  # a late start shows no handshake: there may be takeover
        parameters = {part.split("=")[0].strip() for part in (opened.extensions or "").lower().split(";")}

        def stream(direction: Direction, side: Literal["client", "server"]) -> FrameStream:
            takeover = f"{side}_no_context_takeover" not in parameters if agreed else unagreed
            return FrameStream(
                opened.session,
                direction,
                out,
                self._on_close,
                Inflater(takeover, max_message),
                compression_agreed=agreed or late,
                max_message=max_message,
                late=late,
            )

        self.client = stream("cp-to-csms", "client")
        self.server = stream("csms-to-cp", "server")

    def _on_close(
        self,
        direction: Direction,
        code: int | None,
        reason: str,
        time: int,
        faults: tuple[Fault, ...],
        frame: bytes,
    ) -> None:
        if self._close is None:
            by: Literal["station", "csms"] = "station" if direction == FROM_STATION else "csms"
            self._close = Closed(self.session, time, by, "close", code, reason, faults)
        elif faults:
            self._close = replace(self._close, faults=self._close.faults + faults)
        self.close_frames.setdefault(direction, frame)
        if len(self.close_frames) == 2:
            self._finish(self._close)

    def end(
        self,
        how: Literal["fin", "rst", "end-of-capture"],
        by: Literal["station", "csms"] | None,
        time: int,
    ) -> None:
        """The connection ends. Where a Close was seen, that is how the session ended."""
        self.client.end(time)
        self.server.end(time)
        self._finish(self._close or Closed(self.session, time, by, how))

    def _finish(self, closed: Closed) -> None:
        if not self._ended:
            self._ended = self.session.ended = True
            self._out.append(closed)
