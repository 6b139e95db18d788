"""What a user writes after `--fault`: a kind of fault, its arguments, a filter and a probability.

    fault = KIND argument* clause*
    clause = "when" FILTER | "p" "=" NUMBER

Each clause at most once. A kind's arguments are read by a row of readers, each of which takes its own off the
text, so that a JSON value or a quoted text may hold anything, also `when`.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from ocppscope.capture.faults.scope import facts_of, facts_of_session, outcome
from ocppscope.events import Direction, Opened
from ocppscope.filter import Filter, FilterError, parse
from ocppscope.filter.errors import UnfitError, meant, short
from ocppscope.filter.kinds import duration
from ocppscope.filter.lexer import tokens
from ocppscope.filter.literals import number
from ocppscope.filter.tree import Word, leaves
from ocppscope.ocpp.errors import ERROR_CODES
from ocppscope.wire.websocket import RESERVED_CLOSE_CODES

_LONGEST_REASON: Final = 123
"""Bytes: a control frame holds 125, two of them are the code (RFC 6455 §5.5)."""
_CLOSE_CODES: Final = (range(1000, 1015), range(3000, 5000))


class FaultSpecError(FilterError, ValueError):
    """A text describes no fault; shown as a mistake in a filter is, which a part of it may be."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault that is to happen."""

    text: str
    """As the user wrote it."""
    kind: str
    """A key of KINDS."""
    arguments: tuple[Any, ...] = ()
    """delay, stall: nanoseconds. close: code, reason. answer: error code, description. replace: pointer, the
    value's JSON text. The others have none."""
    wanted: Filter | None = None
    """The messages that it may happen to; None for all."""
    probability: float = 1.0


def concerns(spec: FaultSpec, opened: Opened, direction: Direction) -> bool:
    """Whether a fault could happen to a message that goes this way in this session.

    True where only messages can tell.
    """
    if spec.wanted is None:
        return True
    facts = {**facts_of(spec.kind), **facts_of_session(opened, direction)}
    return outcome(spec.wanted.tree, facts) is not False


def parse_fault(text: str) -> FaultSpec:
    """Read what a user wrote.

    Raises:
        FaultSpecError: it is no fault; says where, and what would be valid there.
    """
    cursor = _Cursor(text.strip())
    kind = _kind(cursor)
    arguments = tuple(read(cursor) for read in KINDS[kind])
    wanted, probability = _clauses(cursor, kind)
    return FaultSpec(cursor.text, kind, arguments, wanted, probability)


_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"""[^\s"']+""")
_STRING: Final = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1(?!\S)""", re.DOTALL)
_ESCAPE: Final = re.compile(r"""\\(["'\\])""")
_WHEN: Final = re.compile(r"when(?![\w-])", re.IGNORECASE)
_PROBABILITY: Final = re.compile(r"p\s*=(?!=)\s*(\S*)", re.IGNORECASE)
_LAST_PROBABILITY: Final = re.compile(r"""(?<!\S)p\s*=(?!=)\s*[^\s"']*$""", re.IGNORECASE)
_JSON: Final = json.JSONDecoder(parse_int=float)  # python's int refuses thousands of digits


class _Cursor:
    """A place in the text, from which its parts are taken."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what fits here, and the space behind it."""
        match = pattern.match(self.text, self.at)
        if match:
            self.move(match.end())
        return match

    def move(self, to: int) -> None:
        space = _SPACE.match(self.text, to)
        assert space
        self.at = space.end()

    @property
    def is_at_clause(self) -> bool:
        """Whether no argument stands here."""
        return self.at == len(self.text) or any(
            pattern.match(self.text, self.at) for pattern in (_WHEN, _PROBABILITY)
        )

    def word(self, what: str, *expected: str) -> re.Match[str]:
        """Take a word that must be there."""
        match = None if self.is_at_clause else self.take(_WORD)
        return match or self.fail(f"{what} is missing", expected=expected)

    def string(self) -> str | None:
        """Take a text in quotes; None where none begins here."""
        if self.text[self.at : self.at + 1] not in ('"', "'"):
            return None
        match = self.take(_STRING)
        if match is None:
            quote = self.text[self.at]
            self.fail("the quote is not closed", length=len(self.text) - self.at, expected=(quote,))
        return _ESCAPE.sub(r"\1", match[2])

    def fail(
        self, message: str, at: re.Match[str] | None = None, length: int = 1, expected: Iterable[str] = ()
    ) -> NoReturn:
        """Raise the error: something is wrong with what was taken, or else with what stands here."""
        start, length = (at.start(), len(at[0])) if at else (self.at, length)
        raise FaultSpecError(message, self.text, start, length, expected)


# --- kinds and their arguments ---


def _kind(cursor: _Cursor) -> str:
    match = cursor.take(_WORD)
    if match is None:
        cursor.fail("a kind of fault is missing", expected=KINDS)
    name = match[0].lower()
    kind = _ALIASES.get(name, name)
    if kind not in KINDS:
        wrong = f"there is no fault {short(match[0])}{meant(name, (*KINDS, *_ALIASES))}"
        cursor.fail(wrong, match, expected=KINDS)
    return kind


def _duration(cursor: _Cursor) -> int:
    match = cursor.word("a duration", *_DURATIONS)
    try:
        span = duration(match[0])
    except UnfitError as error:
        cursor.fail(str(error), match, expected=error.expected)
    if span is None:
        cursor.fail(f"{short(match[0])!r} is not a duration", match, expected=_DURATIONS)
    return span.first


def _close_code(cursor: _Cursor) -> int:
    match = cursor.word("a close code", *_CODES)
    code = number(match[0])
    if not isinstance(code, int):
        cursor.fail(f"{short(match[0])!r} is no close code", match, expected=_CODES)
    if code in RESERVED_CLOSE_CODES:
        cursor.fail(f"the close code {code} is reserved and never sent", match, expected=_CODES)
    if not any(code in codes for codes in _CLOSE_CODES):
        cursor.fail(f"no close code is {short(match[0])}", match, expected=_CODES)
    return code


def _reason(cursor: _Cursor) -> str:
    start = cursor.at
    reason = cursor.string() or ""
    size = len(reason.encode(errors="replace"))
    if size > _LONGEST_REASON:
        message = f"the reason has {size} bytes, {_LONGEST_REASON} are allowed"
        raise FaultSpecError(message, cursor.text, start, cursor.at - start)
    return reason


def _error_code(cursor: _Cursor) -> str:
    codes = dict.fromkeys(code for codes in ERROR_CODES.values() for code in codes)
    return cursor.word("an error code", *codes)[0]


def _text(cursor: _Cursor) -> str:
    return cursor.string() or ""


def _pointer(cursor: _Cursor) -> str:
    start = cursor.at
    pointer = cursor.string()
    if pointer is None:
        pointer = cursor.word("a JSON pointer into the payload", *_POINTERS)[0]
    if pointer and not pointer.startswith("/"):
        message = f"{short(pointer)!r} is no JSON pointer: it begins with /"
        raise FaultSpecError(message, cursor.text, start, len(pointer), (f"/{pointer}", *_POINTERS))
    return pointer


def _json(cursor: _Cursor) -> str:
    if cursor.is_at_clause:
        cursor.fail("the new value is missing", expected=_VALUES)
    start = cursor.at
    try:
        end = _JSON.raw_decode(cursor.text, start)[1]
        value = cursor.text[start:end]
        orjson.loads(value)  # python also takes NaN and halves of characters
    except (ValueError, RecursionError):
        match = re.compile(r"\S+").match(cursor.text, start)
        assert match
        cursor.fail(
            f"{short(match[0])} is no JSON value: a text stands in double quotes", match, expected=_VALUES
        )
    cursor.move(end)
    return value


_DURATIONS: Final = ("200ms", "5s", "1min")
_CODES: Final = ("1000", "1001", "1011", "3000", "4999")
_POINTERS: Final = ("/connectorId", "/idTagInfo/status", "/meterValue/0/timestamp")
_VALUES: Final = ("7", '"a text"', "true", "null", '{"a":1}')

KINDS: Final[Mapping[str, tuple[Callable[[_Cursor], Any], ...]]] = {
    "delay": (_duration,),
    "drop": (),
    "duplicate": (),
    "reorder": (),
    "corrupt": (),
    "close": (_close_code, _reason),
    "answer": (_error_code, _text),
    "replace": (_pointer, _json),
    "stall": (_duration,),
}
"""The kinds of faults, and the readers of their arguments."""
_ALIASES: Final = {"callerror": "answer"}
_MORE: Final = {"close": '"a reason"', "answer": '"a description"'}
"""What may stand behind a kind's arguments, but for the clauses."""


# --- clauses ---


def _clauses(cursor: _Cursor, kind: str) -> tuple[Filter | None, float]:
    """The filter and the probability, in either order."""
    wanted: Filter | None = None
    probability = _probability(cursor)
    if cursor.take(_WHEN):
        last = _LAST_PROBABILITY.search(cursor.text, cursor.at)
        end = last.start() if last else len(cursor.text)
        wanted = _filter(cursor, kind, end)
        cursor.at = end
        if last and probability is not None:
            cursor.fail("p is there twice", last)
        probability = _probability(cursor) or probability
    elif cursor.at < len(cursor.text):
        match = re.compile(r"\S+").match(cursor.text, cursor.at)
        assert match
        more = (_MORE[kind],) if kind in _MORE and probability is None else ()
        clauses = ("when …",) if probability is not None else ("when …", "p=0.5")
        cursor.fail(f"{short(match[0])} does not belong here", match, expected=(*more, *clauses))
    return wanted, 1.0 if probability is None else probability


def _probability(cursor: _Cursor) -> float | None:
    match = cursor.take(_PROBABILITY)
    if match is None:
        return None
    value = number(match[1])
    if value is None or not 0 < value <= 1:
        what = short(match[1]) or "nothing"
        cursor.fail(f"p is above 0 and at most 1, not {what}", match, expected=("0.01", "0.5", "1"))
    return float(value)


def _filter(cursor: _Cursor, kind: str, end: int) -> Filter:
    start, text = cursor.at, cursor.text[cursor.at : end].rstrip()
    try:
        wanted = parse(text)
    except FilterError as error:
        raise FaultSpecError(
            error.message, cursor.text, start + error.position, error.length, error.expected
        ) from error
    if wanted.uses_findings:
        at, name = _finding(wanted)
        message = f"{name} asks for findings, which are made after a message has gone by"
        raise FaultSpecError(message, cursor.text, start + at, len(name))
    if outcome(wanted.tree, facts_of(kind)) is False:
        message = f"this is true of no message that {kind} can act on"
        raise FaultSpecError(message, cursor.text, start, len(text))
    return wanted


def _finding(wanted: Filter) -> tuple[int, str]:
    """Where a filter asks for findings: the place and the field's name."""
    judged = {
        leaf.field.name
        for leaf in leaves(wanted.tree)
        if not isinstance(leaf, Word) and leaf.field.judged is not None
    }
    return next((token.start, token.text) for token in tokens(wanted.text) if token.text.lower() in judged)
