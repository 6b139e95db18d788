"""WebSocket frames, taken apart so that what goes out can be byte for byte what came in, and put together.

`wire.websocket` reads frames for people and goes on after anything; here they are split for a peer that goes
on after nothing. Where a stream breaks the protocol its bytes are no longer looked into.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from ocppscope.events import event
from ocppscope.wire.masking import apply_mask
from ocppscope.wire.websocket import MAX_MESSAGE, Header, parse_header

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_FIN, _RSV1 = 0x80, 0x40
_MAX_FRAGMENTS: Final = 1 << 16


@event
class Whole:
    """A message of data."""

    opcode: int
    """TEXT or BINARY."""
    payload: bytes
    """Unmasked; still compressed where it was."""
    is_compressed: bool
    is_masked: bool
    frames: tuple[bytes, ...]
    """As on the wire."""
    end: int
    """Bytes of the stream up to its end, as in the others."""


@event
class Single:
    """A control frame. It comes when it is there, also out of the midst of a message."""

    opcode: int
    frame: bytes
    is_inside: bool
    """A message has begun before it and ends after it."""
    end: int


@event
class Raw:
    """Bytes that are not read as frames."""

    data: bytes
    end: int


Unit: TypeAlias = Whole | Single | Raw


class FrameSplitter:
    """The frames of one direction.

    Args:
        compression: whether permessage-deflate was agreed, so that RSV1 may be set.
        max_message: bytes that a message may have.

    Attributes:
        broken: why the stream is not read any more; None while it is. Then all of it comes as Raw.
    """

    def __init__(self, *, compression: bool, max_message: int = MAX_MESSAGE) -> None:
        self.broken: str | None = None
        self._compression = compression
        self._max_message = max_message
        self._buffer = bytearray()
        self._taken = 0  # bytes of the stream that are no longer in the buffer
        self._first: Header | None = None  # of the message under way
        self._parts: list[bytes] = []
        self._frames: list[bytes] = []
        self._size = 0

    @property
    def is_between_frames(self) -> bool:
        return not self._buffer and self.broken is None

    @property
    def is_between_messages(self) -> bool:
        return self.is_between_frames and self._first is None

    def feed(self, data: bytes) -> Iterator[Unit]:
        """Take the next bytes; all units have to be asked for before the next call.

        A caller that cannot go on may call `give_up` in between.
        """
        self._buffer += data
        while (unit := self._next()) is not None:
            yield unit

    def give_up(self, reason: str) -> None:
        """Read no frames any more."""
        self.broken = reason

    def rest(self) -> bytes:
        """Take what has come of an unfinished message or frame: the stream has ended."""
        rest = b"".join([*self._frames, self._buffer])
        self._taken += len(self._buffer)
        self._buffer.clear()
        self._forget()
        return rest

    def _next(self) -> Unit | None:
        while self.broken is None:
            header = parse_header(self._buffer)
            if header is None:
                return None
            self.broken = self._wrong(header)
            if self.broken is None:
                if header.end > len(self._buffer):
                    return None
                if unit := self._take(header):
                    return unit
        rest = self.rest()
        return Raw(rest, self._taken) if rest else None

    def _wrong(self, header: Header) -> str | None:
        """Why this frame cannot stand here; None where it can."""
        if not header.is_sane(self._max_message):
            return f"a frame begins with 0x{header.first:02x} and claims {header.size} bytes"
        if header.opcode >= CLOSE:
            return None
        if header.opcode == CONTINUATION and self._first is None:
            return "a continuation without a message to continue"
        if header.opcode != CONTINUATION and self._first is not None:
            return "a new message before the last one's final frame"
        if header.first & _RSV1 and not self._compression:
            return "a compressed frame, though compression was not agreed"
        if self._size + header.size > self._max_message or len(self._frames) >= _MAX_FRAGMENTS:
            return f"a message of more than {self._max_message} bytes or {_MAX_FRAGMENTS} frames"
        return None

    def _take(self, header: Header) -> Unit | None:
        """Take a frame off the buffer; what it completes."""
        frame = bytes(self._buffer[: header.end])
        del self._buffer[: header.end]
        self._taken += header.end
        if header.opcode >= CLOSE:
            return Single(header.opcode, frame, self._first is not None, self._taken)
        self._first = self._first or header
        payload = frame[header.start :]
        self._parts.append(
            apply_mask(payload, frame[header.start - 4 : header.start]) if header.masked else payload
        )
        self._frames.append(frame)
        self._size += header.size
        return self._whole(self._first) if header.first & _FIN else None

    def _whole(self, first: Header) -> Whole:
        payload, frames = b"".join(self._parts), tuple(self._frames)
        self._forget()
        return Whole(first.opcode, payload, first.first & _RSV1 != 0, first.masked, frames, self._taken)

    def _forget(self) -> None:
        self._first = None
        self._parts, self._frames = [], []
        self._size = 0


def compose(opcode: int, payload: bytes, *, key: bytes | None = None, rsv1: bool = False) -> bytes:
    """One final frame (RFC 6455 §5.2).

    Args:
        opcode: of a message or a control frame.
        payload: as it is to be read, or compressed.
        key: four bytes to mask it with, as a client must; None for no mask.
        rsv1: it is compressed.
    """
    size = len(payload)
    short, width = (size, 0) if size < 126 else (126, 2) if size < 1 << 16 else (127, 8)
    head = bytes([_FIN | (_RSV1 if rsv1 else 0) | opcode, (0x80 if key else 0) | short])
    head += size.to_bytes(8, "big")[8 - width :]
    return head + key + apply_mask(payload, key) if key else head + payload
