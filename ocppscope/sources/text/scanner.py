"""Finding message arrays in any text, whole or damaged, wherever they stand.

A regular expression says where an array of a message may begin; the array is then read from there. What is
JSON to the end of its line is read by orjson at once; everything odd takes the long way: brackets are counted
with care for strings, over several lines if need be, and what is never closed is reported as damaged.

The scanner does no I/O, and what it finds does not depend on how its input is cut.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ocppscope.sources.text.balance import PLAIN, REPR, Balance, Quoting, escaped
from ocppscope.sources.text.encoding import decoded
from ocppscope.sources.text.forms import JSON, load, plausible, restored

__all__ = ["ELIDED", "Found", "Mark", "Scanner", "Seen"]

_PREFIXES: Final = (
    rb"[\w.-]{1,60}\s{0,20}\| ?"  # docker compose
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \S{1,100} [^\s:\[]{1,100}(?:\[\d+\])?: "  # syslog, journald
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:?\d\d \S{1,100} [^\s:\[]{1,100}(?:\[\d+\])?: "
)
"""What others put before each line."""
_PREFIX: Final = re.compile(_PREFIXES)
_GAP: Final = rb"(?:\s|\\+[nrt]|(?<=\n)(?:" + _PREFIXES + rb")){0,60}"
_QUOTE: Final = rb"(?:\\*[\"']|&quot;|&#34;)"
START: Final = re.compile(
    rb"\[" + _GAP + _QUOTE + rb"?[2-6]" + _QUOTE + rb"?" + _GAP + rb"(?:,|(?<=\t)(?=\"))"
)
"""Where a message may begin: `[2,`, in any form; or what a spreadsheet makes of it, a tab before the id."""
_ID: Final = re.compile(
    _GAP + rb"(?:(?P<slashes>\\*)(?P<quote>[\"'])(?P<double>\"(?![,\]]))?|(?P<html>&quot;|&#34;))"
)
"""The quote of the id behind it, which tells the form."""
_NUMBER: Final = re.compile(rb"\s*-?\d{1,20}\s*,\s*[\"'{]")
"""An id that is a number, as some stations have it, and the beginning of what follows one."""
_STRICT: Final = re.compile(rb"\[\s{0,60}[2-6]\s{0,60},\s{0,60}\"(?!,)")
"""The beginning of a message that nobody takes for something else."""
_BEGUN: Final = re.compile(rb"\[" + _GAP + rb"(?:[2-6]" + _GAP + rb"(?:," + _GAP + rb")?)?")
"""As much of a beginning as the end of a line may leave."""
_CALL_BEGINS: Final = re.compile(
    rb"\[\s*[\"']?(?:[26][\"']?\s*(?:,|\t)\s*[\"'][^\"']{1,100}[\"']\s*,?\s*[\"'][A-Z]\w{3,}"
    rb"|[345][\"']?\s*(?:,|\t)\s*[\"'][^\"']{1,100}[\"']\s*,?\s*[{\"'])"
)
"""Enough of a broken message to be sure that it is one."""
_NEW_RECORD: Final = re.compile(
    rb"[\s\[(*>`|]{0,8}(?:\d{4}[-/]\d\d[-/]\d\d|\d{1,2}:\d\d:\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}"
    rb"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ /]+\d{1,2} \d\d:"
    rb"|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR)\b|(?:MO|AO|OCPP|ocpp *)\] )"
)
"""A line that begins a record of its own: what was open before it stays open."""
_INNER_RECORD: Final = re.compile(
    rb"\d\d:\d\d:\d\d[.,]\d+ (?:->|>) |\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d[.,\d]* [\[A-Z]|\[(?:MO|AO|OCPP)\] "
)
"""The beginning of a record where a line end was lost."""
_TIME_IN_STRING: Final = re.compile(rb"[\dTZ:.+-]{3,40}\"")
"""The rest of a date-time in a wrapped message."""
_JSON_LINE: Final = re.compile(rb"\s*(?:[\"'{}\[\],\d\-.:]|true\b|false\b|null\b|None\b|True\b|False\b|$)")
_ANSI: Final = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
ELIDED: Final = "elided"
"""The note on what was left out by the logger."""
_ELISION: Final = (b"...", "…".encode())

_HEAD: Final = 1_000
_TAIL: Final = 100
_LINE: Final = 1 << 20
"""Bytes after which a line that does not end is taken in pieces."""
_BLOCK: Final = 1 << 18
"""Bytes that are looked at together."""
_NEAR: Final = 4_096
_OVERLAP: Final = 512
_LINES: Final = 2_000
"""Lines that one message may take."""
_SHOWN: Final = 1 << 16
"""Bytes that are kept of what is longer than a message may be."""


class Found(NamedTuple):
    """One array, or what is left of one."""

    head: bytes
    """What stands before it on its line, or between it and the array before; its last thousand bytes."""
    text: str
    """The JSON; where it is damaged, what stands there."""
    value: Any
    """What the JSON holds; None where it is damaged."""
    form: str
    """`json`; else what it had to be made from: `repr`, `escaped`, `csv`, `html`, `wrapped` …"""
    sure: bool
    """It can be nothing but a message; False where that depends on what stands before it."""
    tail: bytes
    """What follows on the line."""
    note: str = ""
    """On a damaged one: what is known of why."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A kind of line that says something about messages without holding one.

    Attributes:
        needle: what every such line contains: lines are found by it, fast.
        pattern: what the line has to match; its groups are what it says.
        says: what it is, in the words of `reader`.
        goes_on: its payload, from the first `{` in its needle or behind it, may go on over the lines that follow.
    """

    needle: bytes
    pattern: re.Pattern[bytes]
    says: str
    goes_on: bool = False


class Seen(NamedTuple):
    """A line that a mark fits."""

    mark: Mark
    match: re.Match[bytes]
    line: bytes
    payload: bytes | None = None
    """All of it, of a mark whose payload goes on."""


class _Open:
    """An array whose end has not come."""

    __slots__ = ("balance", "first_in_string", "head", "lines", "parts", "prefix", "quoting", "seen", "size")

    def __init__(
        self, head: bytes, quoting: Quoting, balance: Balance, first: bytes, seen: Seen | None = None
    ) -> None:
        self.head = head
        self.seen = seen
        """The mark that it is the payload of; None: it is a message."""
        self.quoting = quoting
        self.balance = balance
        self.first_in_string = balance.in_string
        self.parts = [first]
        self.size = len(first)
        self.lines = 1
        prefix = _PREFIX.match(head)
        self.prefix = prefix is not None


class Scanner:
    """Finds the messages of one text, and the lines that marks fit.

    Args:
        marks: looked for from the beginning of the text; `watch` adds others.
        continued: what begins a line that goes on with the message before, although it looks like a new one.
        max_message: bytes that a message may have.
    """

    def __init__(
        self,
        marks: Iterable[Mark] = (),
        continued: Sequence[re.Pattern[bytes]] = (),
        max_message: int = 16 << 20,
    ) -> None:
        self._marks = tuple(marks)
        self._continued = continued
        self._max = max_message
        self._waiting: list[bytes] = []
        """Bytes of a line that has not ended."""
        self._size = 0
        self._open: _Open | None = None
        self._head = b""
        """The beginning of the line, where it is taken in pieces."""
        self._previous = b""
        """The last line, where no message was on it."""
        self._at_line_start = True
        self.lines = 0
        """Line ends so far."""

    def watch(self, marks: Iterable[Mark]) -> None:
        """Look for these marks from here on."""
        self._marks = tuple(marks)

    def feed(self, data: bytes) -> Iterator[Found | Seen]:
        """Take the next bytes, and yield what is found in lines that are whole."""
        for at in range(0, len(data), _BLOCK):
            yield from self._block(data[at : at + _BLOCK] if len(data) > _BLOCK else data)

    def _block(self, data: bytes) -> Iterator[Found | Seen]:
        while data:
            end = data.rfind(b"\n") + 1
            room = _LINE - self._size
            if not end or data.find(b"\n") >= room:  # the line at the front does not end in time
                piece, data = data[:room], data[room:]
                self._waiting.append(piece)
                self._size += len(piece)
                if self._size >= _LINE:
                    yield from self._line_piece(self._taken())
                continue
            self._waiting.append(data[:end])
            data = data[end:]
            whole = self._taken()
            begun = whole.rfind(b"[", len(whole) - _OVERLAP)
            if begun >= 0 and _BEGUN.fullmatch(whole, begun):  # a message that begins on one line and goes on
                line = whole.rfind(b"\n", 0, begun) + 1
                whole, keep = whole[:line], whole[line:]
                self._waiting.append(keep)
                self._size = len(keep)
            yield from self._scan(whole)

    def close(self) -> Iterator[Found | Seen]:
        """End the text."""
        rest = self._taken()
        if rest:
            yield from self._scan(rest)
        if self._open is not None:
            yield from self._give_up(b"", "the text ends within it")

    def _taken(self) -> bytes:
        rest = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return rest

    # --- lines ---

    def _line_piece(self, data: bytes) -> Iterator[Found | Seen]:
        """Scan a piece of a line that has not ended; keep so much of it that no beginning is cut."""
        keep = b""
        if self._open is None:
            last = data.rfind(b"[", len(data) - _OVERLAP)
            if last >= 0:
                data, keep = data[:last], data[last:]
        yield from self._scan(data, ends=False)
        if keep:
            self._waiting.append(keep)
            self._size = len(keep)

    def _scan(self, data: bytes, *, ends: bool = True) -> Iterator[Found | Seen]:
        self.lines += data.count(b"\n")
        at = 0
        if self._open is not None:
            data, at, found = self._go_on(data, 0)
            yield from found
        watched = self._marks
        marks = self._marked(data, at)
        mark_at, mark = marks.pop() if marks else (len(data), None)
        search = START.search
        while True:
            if watched is not self._marks:  # what was found is in a dialect that was not met before
                watched = self._marks
                marks = self._marked(data, at)
                mark_at, mark = marks.pop() if marks else (len(data), None)
            match = search(data, at)
            start = match.start() if match else len(data)
            if mark_at < start:
                if mark is not None and mark_at >= at:
                    seen = _seen(data, mark_at, mark)
                    if seen is not None and mark.goes_on:
                        at = self._open_payload(seen, data, mark_at)
                        data, at, found = self._go_on(data, at)
                        yield from found
                        marks = self._marked(data, at)
                    elif seen is not None:
                        yield seen
                mark_at, mark = marks.pop() if marks else (len(data), None)
                continue
            if match is None:
                break
            line_end = data.find(b"\n", start)
            if line_end < 0:
                line_end = len(data)
            # The plain path: JSON up to the last bracket of its line.
            stop = data.rfind(b"]", start, line_end) + 1
            is_far = stop - start > _NEAR and self._is_full(data, at, start)
            value = load(data[start:stop]) if stop and not is_far else None
            if value is not None:
                if plausible(value):
                    text = data[start:stop].decode()
                    head = self._before(data, at, start)
                    yield Found(head, text, value, JSON, True, data[stop : min(line_end, stop + _TAIL)])
                    at = stop
                elif _may_be_one(value) and data.find(b"[", start + 1, stop) < 0:
                    text = data[start:stop].decode()
                    head, tail = self._before(data, at, start), data[stop : min(line_end, stop + _TAIL)]
                    yield Found(head, text, value, JSON, False, tail)
                    at = stop
                else:
                    at = start + 1
                continue
            at, found = self._odd(data, at, match, line_end, ends or line_end < len(data))
            yield from found
            if self._open is not None and at < len(data):
                data, at, found = self._go_on(data, at)
                yield from found
                marks = self._marked(data, at)
                mark_at, mark = marks.pop() if marks else (len(data), None)
        self._at_line_start = data.endswith(b"\n") or not data
        self._head = b"" if ends else (self._head + data[at:])[-_HEAD:]
        if data.endswith(b"\n"):
            begin = data.rfind(b"\n", at, len(data) - 1) + 1
            is_whole = begin > 0 or at == 0
            self._previous = data[max(begin, len(data) - _HEAD) :] if is_whole and len(data) > at else b""

    def _open_payload(self, seen: Seen, data: bytes, at: int) -> int:
        """Take the payload of a mark for what is open.

        Returns:
            Where it begins.
        """
        self._open = _Open(seen.line, PLAIN, Balance(PLAIN), b"", seen)
        self._at_line_start = False
        return data.index(b"{", at)

    def _is_full(self, data: bytes, at: int, start: int) -> bool:
        """Whether a line holds so much that the last bracket on it is likely not the message's."""
        return bool(self._head) or (at > 0 and data.find(b"\n", at, start) < 0)

    def _before(self, data: bytes, at: int, start: int) -> bytes:
        """What stands before an array: on its line, or on the line before where it begins its own."""
        line = data.rfind(b"\n", at, start) + 1
        if line == 0 and at == 0:
            if self._head:
                return (self._head + data[:start])[-_HEAD:]
            before = data[max(0, start - _HEAD) : start]
            return self._previous + before if not before or before.isspace() else before
        before = data[max(line, at, start - _HEAD) : start]
        if line == 0 or (before and not before.isspace()):
            return before
        previous = data.rfind(b"\n", at, line - 1) + 1
        if previous == 0 and at > 0:  # the rest of a line that a message ended on
            return before
        return data[max(previous, line - _HEAD) : start]

    def _marked(self, data: bytes, at: int) -> list[tuple[int, Mark]]:
        """Where needles stand, the first one last."""
        places: list[tuple[int, Mark]] = []
        for mark in self._marks:
            place = data.find(mark.needle, at)
            while place >= 0:
                places.append((place, mark))
                place = data.find(mark.needle, place + len(mark.needle))
        places.sort(key=_place, reverse=True)
        return places

    # --- the long way ---

    def _odd(
        self, data: bytes, at: int, match: re.Match[bytes], line_end: int, whole_line: bool
    ) -> tuple[int, list[Found | Seen]]:
        """Read what begins at `match` and is no JSON up to the last bracket of its line.

        Returns:
            Where to go on, and what was found.
        """
        start = match.start()
        head = self._before(data, at, start)
        named = _ID.match(data, match.end())
        quoting = PLAIN
        if named is None and not _NUMBER.match(data, match.end(), line_end):
            return start + 1, []
        if named is not None:
            if named["html"] or named["double"]:
                return self._region(data, start, line_end, head, is_html=named["html"] is not None)
            if named["slashes"]:
                quoting = escaped(len(named["slashes"]).bit_length())
            elif named["quote"] == b"'":
                quoting = REPR
        balance = Balance(quoting)
        limit = line_end if named else min(line_end, start + _NEAR // 4)
        other = _STRICT.search(data, match.end(), line_end) if quoting is PLAIN and named else None
        end = balance.feed(data, start, other.start() if other else limit)
        tail = data[max(end, 0) : min(line_end, max(end, 0) + _TAIL)]
        if end >= 0:
            whole = _whole(data[start:end], quoting, head, tail)
            if whole is not None:
                return (end, [whole]) if plausible(whole.value) or whole.note else (start + 1, [])
        if named is None:
            return start + 1, []
        if other and end < 0:
            inner = _INNER_RECORD.search(data, match.end(), other.start())
            end = inner.start() if inner else other.start()
            return end, [_damaged(data[start:end], head, b"", "another message begins within it")]
        if end >= 0:
            return end, [_damaged(data[start:end], head, tail)]
        if end == -2:
            return line_end, [_damaged(data[start:line_end], head, b"", "its string ends within it")]
        first_end = min(line_end + 1, len(data)) if whole_line else len(data)
        balance.feed(data, line_end, first_end)
        self._open = _Open(head, quoting, balance, data[start:first_end])
        self._at_line_start = whole_line
        return first_end, []

    def _region(
        self, data: bytes, start: int, line_end: int, head: bytes, *, is_html: bool
    ) -> tuple[int, list[Found | Seen]]:
        """Read a message whose quotes are doubled, or written as entities: what it is in ends where those do."""
        ends = _ENDS_HTML if is_html else _ENDS_DOUBLED
        region = ends.match(data, start, line_end)
        end = region.end() if region else line_end
        text = decoded(data[start:end])[0]
        text = html.unescape(text) if is_html else text.replace('""', '"')
        try:
            value, size = _READER.raw_decode(text)
        except (ValueError, RecursionError):
            return end, [_damaged(text.encode(), head, b"")]
        if not plausible(value):
            return start + 1, []
        form = "html" if is_html else "csv"
        return end, [Found(head, text[:size], value, form, True, data[end : min(line_end, end + _TAIL)])]

    def _go_on(self, data: bytes, at: int) -> tuple[bytes, int, list[Found | Seen]]:
        """Take lines, or the rest of one, for the open array.

        Returns:
            What to scan, from where, and what was found.
        """
        array = self._open
        assert array is not None
        fresh = self._at_line_start
        while at < len(data):
            end = data.find(b"\n", at) + 1 or len(data)
            body_at = self._body(array, data, at, end) if fresh else at
            if body_at is None:
                return self._given_up(array, data, at, "its line ends within it")
            body = data[body_at:end]
            other = _STRICT.search(body)
            closed = array.balance.feed(body, 0, other.start() if other else len(body))
            if closed >= 0:
                self._open = None
                raw = b"".join((*array.parts, body[:closed]))
                if array.seen is not None:
                    return data, body_at + closed, [array.seen._replace(payload=raw)]
                tail = body[closed : closed + _TAIL].rstrip(b"\r\n")
                whole = _whole(raw, array.quoting, array.head, tail)
                if whole is None:
                    return data, body_at + closed, [_damaged(raw, array.head, tail)]
                return data, body_at + closed, [whole] if plausible(whole.value) else []
            if other or closed == -2:
                return self._given_up(array, data, at, "another message begins within it")
            array.parts.append(body)
            array.size += len(body)
            array.lines += 1
            at, fresh = end, True
            if array.size > self._max or array.lines > _LINES:
                note = (
                    f"it has more than {self._max:,} bytes" if array.size > self._max else "it does not end"
                )
                return self._given_up(array, data, at, note)
        self._at_line_start = data.endswith(b"\n")
        return data, at, []

    def _body(self, array: _Open, data: bytes, at: int, end: int) -> int | None:
        """Where, on a line, the open array goes on; None where the line is a record of its own."""
        if array.prefix and (prefix := _PREFIX.match(data, at, end)):
            at = prefix.end()
        for pattern in self._continued:
            if match := pattern.match(data, at, end):
                return match.end()
        in_string = array.balance.in_string
        if _NEW_RECORD.match(data, at, end):
            return at if in_string and _TIME_IN_STRING.match(data, at, end) else None
        return at if in_string or _JSON_LINE.match(data, at, end) else None

    def _given_up(
        self, array: _Open, data: bytes, at: int, note: str
    ) -> tuple[bytes, int, list[Found | Seen]]:
        """The open array stays open: what it seemed to be made of is looked at again."""
        self._open = None
        if array.seen is not None:
            raw = b"".join(array.parts)[:_SHOWN].rstrip()
            return data, at, [array.seen._replace(payload=raw)]
        if array.size > self._max:
            return data, at, [_damaged(b"".join(array.parts)[:_SHOWN], array.head, b"", note)]
        if array.first_in_string and len(array.parts) > 1:
            rest = b"".join(array.parts[1:])
            return rest + data[at:], 0, [_damaged(array.parts[0], array.head, b"", note)]
        return data, at, [_damaged(b"".join(array.parts), array.head, b"", note)]

    def _give_up(self, data: bytes, note: str) -> Iterator[Found | Seen]:
        """At the end of the text."""
        while self._open is not None:
            data, at, found = self._given_up(self._open, data, 0, note)
            yield from found
            yield from self._scan(data[at:])


_READER: Final = json.JSONDecoder()
_ENDS_HTML: Final = re.compile(rb"[^<\n]*")
_ENDS_DOUBLED: Final = re.compile(rb'(?:[^"\n]|"")*')


def _place(found: tuple[int, Mark]) -> int:
    return found[0]


def _seen(data: bytes, at: int, mark: Mark) -> Seen | None:
    begin = max(data.rfind(b"\n", 0, at) + 1, at - _HEAD)
    end = data.find(b"\n", at, at + _HEAD)
    line = data[begin : end if end >= 0 else at + _HEAD].rstrip(b"\r")
    match = mark.pattern.search(_ANSI.sub(b"", line) if b"\x1b" in line else line)
    return Seen(mark, match, line) if match else None


def _may_be_one(value: Any) -> bool:
    """Whether an array that lacks what a message needs is one all the same, where a log has it as a message."""
    return type(value) is list and 2 <= len(value) <= 6 and type(value[0]) is int and type(value[1]) is str


def _whole(raw: bytes, quoting: Quoting, head: bytes, tail: bytes) -> Found | None:
    """What a closed array holds; None where it cannot be read."""
    read = restored(raw, quoting)
    if read is None:
        return None
    text, form = read
    value = load(text)
    if not plausible(value) and any(sign in raw for sign in _ELISION):
        return Found(head, text, None, form, False, tail, ELIDED)
    return Found(head, text, value, form, True, tail)


def _damaged(raw: bytes, head: bytes, tail: bytes, note: str = "") -> Found:
    raw = raw.rstrip()
    sure = _CALL_BEGINS.match(raw.replace(b"\\", b"")) is not None
    if any(sign in raw for sign in _ELISION):
        note = ELIDED
    return Found(head, decoded(raw)[0], None, "damaged", sure, tail, note)
