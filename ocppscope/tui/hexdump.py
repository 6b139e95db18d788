"""Bytes as rows of hex, each made when it is drawn: 16 MiB take no longer than a screenful."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ocppscope.tui.lines import Cell
from ocppscope.wire.websocket import Header, parse_header

_WIDE: Final = 76
"""Columns that a row of 16 bytes takes; where there are fewer, it has 8."""
_OPCODES: Final = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
_FLAGS: Final = ((0x80, "FIN"), (0x40, "RSV1 (compressed)"), (0x20, "RSV2"), (0x10, "RSV3"))
_COMPRESSED: Final = 0x40


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes under one heading."""

    heading: str
    data: bytes
    header: int = 0
    """The first of them are a frame's header."""
    mask: bytes = b""
    """What the text beside the hex is unmasked with, from `header` on."""
    breaks_at: int | None = None
    """The byte to point at."""


def frame_parts(frames: Sequence[bytes]) -> list[Part]:
    """WebSocket frames, exactly as they were, with headings that read their headers."""
    return [_frame_part(at, len(frames), data) for at, data in enumerate(frames, 1)]


def _frame_part(at: int, count: int, data: bytes) -> Part:
    name = "Frame" if count == 1 else f"Frame {at} of {count}"
    header = parse_header(data)
    if header is None:
        return Part(f"{name}: {len(data)} bytes, not a whole header", data)
    mask = data[header.start - 4 : header.start] if header.masked else b""
    is_shown_unmasked = bool(mask) and not header.first & _COMPRESSED
    heading = f"{name}: {', '.join(_said(header, mask))}"
    if is_shown_unmasked:
        heading += "; the text at the right is unmasked"
    return Part(heading, data, header.start, mask if is_shown_unmasked else b"")


def _said(header: Header, mask: bytes) -> Iterable[str]:
    yield from (name for bit, name in _FLAGS if header.first & bit)
    yield _OPCODES.get(header.opcode, f"opcode {header.opcode}")
    yield f"mask {mask.hex(' ')}" if mask else "not masked"
    yield f"header {header.start} bytes, payload {header.size:,}"


class HexDump:
    """Rows of several parts, one after another.

    Args:
        parts: what to show.
        width: columns there are.
    """

    def __init__(self, parts: Sequence[Part], width: int) -> None:
        self._parts = parts
        self._size = 16 if width >= _WIDE else 8
        self._starts: list[int] = []
        """By part: the number of its heading's row."""
        self._rows = 0
        for part in parts:
            self._starts.append(self._rows)
            pointer = part.breaks_at is not None
            self._rows += 1 + -(-len(part.data) // self._size) + pointer

    def __len__(self) -> int:
        return self._rows

    def cells(self, index: int) -> list[Cell]:
        """One row: offset, hex and text; or a heading; or what points at the byte above."""
        at = bisect_right(self._starts, index) - 1
        part, row = self._parts[at], index - self._starts[at] - 1
        if row < 0:
            return [(part.heading, "title")]
        if part.breaks_at is not None:
            pointing = min(part.breaks_at, max(len(part.data) - 1, 0)) // self._size + 1
            if row == pointing or not part.data:
                return self._pointer(part.breaks_at - (pointing - 1) * self._size)
            row -= row > pointing
        return self._row(part, row * self._size)

    def anchor(self, index: int) -> int:
        """About how many bytes are before a row."""
        return index * self._size

    def index_of(self, anchor: int) -> int:
        """The row for it."""
        return min(anchor // self._size, self._rows - 1)

    def _row(self, part: Part, start: int) -> list[Cell]:
        data = part.data[start : start + self._size]
        of_header = max(min(part.header - start, len(data)), 0)
        shown = "".join(map(_spaced, range(len(data)), data)).ljust(self._hex_width)
        cut = _columns_before(of_header)
        return [
            (f"{start:06x}  ", "dim"),
            (shown[:cut], "accent"),
            shown[cut:],
            f"  {_text(part, start, data)}",
        ]

    @property
    def _hex_width(self) -> int:
        return _columns_before(self._size)

    def _pointer(self, at: int) -> list[Cell]:
        return [" " * (8 + _columns_before(min(at, self._size))), ("^^ it breaks here", "error")]


def _columns_before(at: int) -> int:
    """Columns that the hex of the bytes before one takes: a wider gap follows the eighth."""
    return 3 * at + at // 8


def _spaced(at: int, byte: int) -> str:
    return f"{byte:02x}  " if at % 8 == 7 else f"{byte:02x} "


def _text(part: Part, start: int, data: bytes) -> str:
    if part.mask:
        after = start - part.header
        data = bytes(
            byte ^ part.mask[(after + at) % 4] if after + at >= 0 else byte for at, byte in enumerate(data)
        )
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
