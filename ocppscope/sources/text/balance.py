"""Where an array ends: brackets are counted, and those within strings are not.

Bytes come in any pieces. In each form that logs give JSON, quotes look different; a `Quoting` says how.
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["PLAIN", "REPR", "Balance", "Quoting", "escaped"]


@dataclass(frozen=True, slots=True)
class Quoting:
    """How strings are delimited."""

    name: str
    level: int = 0
    """How often the JSON was put into a string: 1 for `\\"`, 2 for `\\\\\\"`."""
    marks: bytes = b'"'

    @property
    def token(self) -> re.Pattern[bytes]:
        """What counts: a quote with the backslashes before it, or a bracket."""
        return _TOKENS[self.marks]


PLAIN: Final = Quoting("json")
REPR: Final = Quoting("repr", marks=b"\"'")
"""A Python repr: both kinds of quotes."""


def escaped(level: int) -> Quoting:
    return Quoting("escaped", level) if level else PLAIN


_TOKENS: Final = {
    b'"': re.compile(rb'\\*"|\x1b\[|[\[\]{}]'),
    b"\"'": re.compile(rb"\\*[\"']|\x1b\[|[\[\]{}]"),
}
_LONG_RUN: Final = 64


class Balance:
    """Counts until the array that it began with is closed.

    Attributes:
        in_string: what was given so far ends within a string.
    """

    __slots__ = ("_depth", "_level", "_quote", "_run", "_token")

    def __init__(self, quoting: Quoting = PLAIN) -> None:
        self._token = quoting.token
        self._level = quoting.level
        self._depth = 0
        self._quote = 0
        self._run = 0
        """Backslashes at the end of the last piece."""

    @property
    def in_string(self) -> bool:
        return self._quote != 0

    def feed(self, data: bytes, start: int = 0, end: int | None = None) -> int:
        """Take the next piece.

        Returns:
            Where, in this piece, the array has ended; -1 where it has not, -2 where it cannot any more: the
            string that it stands in ends first.
        """
        end = len(data) if end is None else end
        depth, quote, level = self._depth, self._quote, self._level
        carried = self._run
        for match in self._token.finditer(data, start, end):
            char = data[match.end() - 1]
            if char in _QUOTES:
                run = match.end() - match.start() - 1
                if match.start() == start:
                    run += carried
                if quote and quote != char:
                    continue
                inner = _unescaped(run, level)
                if inner < 0:
                    return -2
                if not inner & 1:
                    quote = 0 if quote else char
            elif not quote and match.end() - match.start() == 1:  # else a colour
                depth += 1 if char in _OPENING else -1
                if depth == 0:
                    return match.end()
        self._depth, self._quote = depth, quote
        self._run = _backslashes_before(data, start, end)
        return -1


_QUOTES: Final = b"\"'"
_OPENING: Final = b"[{"


def _unescaped(run: int, level: int) -> int:
    """How many backslashes stand before a quote once the string is unescaped `level` times; -1: a bare quote."""
    for _ in range(level):
        if not run & 1:
            return -1
        run = (run - 1) // 2
    return run


def _backslashes_before(data: bytes, start: int, end: int) -> int:
    last = data[max(start, end - _LONG_RUN) : end]
    return len(last) - len(last.rstrip(b"\\"))
