"""From the bytes of a file to its records: lines, values of a JSON array, rows of CSV.

Each takes bytes in any pieces and holds no more than one record that is not whole yet.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Take: TypeAlias = Callable[[bytes | bytearray], bool]
"""Takes a record; False where it is no JSON, or none to its end."""
Lost: TypeAlias = Callable[[int, str], None]
"""Told the number of a record that cannot be read, and why."""


class Lines:
    """Lines, without their ends.

    Args:
        limit: bytes that a line may have; a longer one comes in pieces of about that size.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece, and give out the lines that end in it."""
        lines = data.split(b"\n")
        if len(lines) > 1:
            if self._rest:
                lines[0] = b"".join((*self._rest, lines[0]))
            self._rest = [lines.pop()]
            self._size = len(self._rest[0])
            return lines
        self._rest.append(data)
        self._size += len(data)
        return [self.end()] if self._size > self._limit else []

    def end(self) -> bytes:
        """What is left without the end of a line."""
        rest, self._rest, self._size = b"".join(self._rest), [], 0
        return rest


_GAP: Final = re.compile(rb"[\s,]*")
_OUTSIDE: Final = re.compile(rb'[\[\]{}"]')
_STRING_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BARE: Final = re.compile(rb'[^\s,\[\]{}"]+')
_BETWEEN: Final = re.compile(rb'\}\s*,?\s*\{\s*"[^"\\]{1,60}"')
"""From the end of an object to the first name in the next one."""
_MISSES: Final = 8


class Items:
    """JSON values one after another, with commas or white space between them: an array, or `jq`'s output.

    Where a value ends, brackets tell. But most records begin with the same name, so that the text between two of
    them is a good guess, and quicker to find; the guess is right where what stands before it is a whole value.

    Args:
        take: takes each.
        lost: told of those that cannot be read.
        limit: bytes that a value may have.

    Attributes:
        count: values so far.
        rest: what came after the end of the array; None before it.
    """

    def __init__(self, take: Take, lost: Lost, limit: int) -> None:
        self.count = 0
        self.rest: bytes | None = None
        self._take = take
        self._lost = lost
        self._limit = limit
        self._buffer = bytearray()
        self._between = b""
        self._gap = 0
        """Bytes in it before the next object."""
        self._misses = 0
        self._state: tuple[int, int] | None = None
        """Where in the buffer the counting of brackets has come to, and how many are open."""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self.rest is not None:
            self.rest = (self.rest + data)[: self._limit]
            return
        self._buffer += data
        at = self._cut(is_last=False)
        del self._buffer[:at]
        if self._state is not None:
            self._state = self._state[0] - at, self._state[1]

    def end(self) -> None:
        """Nothing more comes."""
        if self.rest is None:
            self._cut(is_last=True)

    def _cut(self, *, is_last: bool) -> int:
        """Cut off values as far as they are whole, and say how far that was."""
        buffer, at = self._buffer, 0
        while True:
            gap = _GAP.match(buffer, at)
            at = gap.end() if gap else at
            if self._between and self._state is None:
                at = self._guessed(buffer, at)
            if at >= len(buffer):
                return at
            if buffer[at] in b"]}":
                self.rest = bytes(buffer[at + 1 :])
                return at
            end = self._end_of(buffer, at, is_last=is_last)
            if end < 0:
                return at
            at = end

    def _guessed(self, buffer: bytearray, at: int) -> int:
        """Give out values as long as guesses are right, and say where the next one begins: the plain path."""
        between, gap, take = self._between, self._gap, self._take
        while (end := buffer.find(between, at) + 1) and take(buffer[at:end]):
            self.count += 1
            self._misses = 0
            at = end + gap
        return at

    def _end_of(self, buffer: bytearray, at: int, *, is_last: bool) -> int:
        """Give out the value that begins here, and say where it ends; -1 where that has not come yet."""
        if buffer[at] not in b'{["':
            bare = _BARE.match(buffer, at)
            end = bare.end() if bare else at + 1
            if end == len(buffer) and not is_last:
                return -1
            self._give(buffer[at:end])
            return end
        guess = buffer.find(self._between, at) + 1 if self._between else 0
        if guess and self._state is None:  # it was no right one
            self._misses += 1
            if self._misses > _MISSES:
                self._between = b""
        end = self._counted(buffer, at)
        if end < 0:
            is_too_large = len(buffer) - at > self._limit
            if not is_last and not is_too_large:
                return -1
            self._state = None
            self.count += 1
            self._lost(self.count, "it is too large" if is_too_large else "it breaks off")
            return guess or len(buffer)
        self._state = None
        is_whole = self._give(buffer[at:end])
        if not is_whole and 0 < guess < end:
            return guess
        if not self._between and (between := _BETWEEN.match(buffer, end - 1)):
            self._between, self._misses = between[0], 0
            self._gap = between[0].index(b"{") - 1
        return end

    def _give(self, value: bytearray) -> bool:
        is_whole = self._take(value)
        self.count += 1
        if not is_whole:
            self._lost(self.count, "it is no JSON")
        return is_whole

    def _counted(self, buffer: bytearray, start: int) -> int:
        """Where the value ends by its brackets; -1 where that has not come yet."""
        at, depth = self._state or (start, 0)
        while token := _OUTSIDE.search(buffer, at):
            at, char = token.end(), token[0]
            if char == b'"':
                string = _STRING_END.match(buffer, at)
                if string is None:
                    self._state = at - 1, depth
                    return -1
                at = string.end()
            else:
                depth += 1 if char in b"{[" else -1
            if depth <= 0:
                return at
        self._state = len(buffer), depth
        return -1


class Rows:
    """Rows of CSV as texts: a line, or several where a quoted cell goes over them.

    Args:
        limit: bytes that a row may have.
    """

    def __init__(self, limit: int) -> None:
        self._lines = Lines(limit)
        self._limit = limit
        self._row: list[bytes] = []
        self._size = 0
        self._is_quoted = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece, and give out the rows that end in it."""
        rows = []
        for line in self._lines.feed(data):
            rows += self._line(line)
        return rows

    def end(self) -> list[bytes]:
        """Give out what is left: a row without its end, or one whose quotes are not closed."""
        rows = self._line(self._lines.end())
        return rows if not self._row else [*rows, b"\n".join(self._row)]

    def _line(self, line: bytes) -> list[bytes]:
        if not self._is_quoted and b'"' not in line:
            return [line]
        self._row.append(line)
        self._size += len(line)
        if line.count(b'"') % 2:
            self._is_quoted = not self._is_quoted
        if self._is_quoted and self._size <= self._limit:
            return []
        row, self._row, self._size, self._is_quoted = b"\n".join(self._row), [], 0, False
        return [row]
