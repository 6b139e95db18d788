"""The kinds of values that fields have: how a filter writes them, compares them, and says so in SQL.

A literal is what `read` makes of a token; `test` gives a function of one value that a field has; `sql` says
the same of a column, or None where only the function can. `!=` is none of their business: it is `==`, turned
round by those who know all values of a field.
"""

import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol, TypeAlias

import orjson

from ocppscope.filter.errors import UnfitError, meant, short
from ocppscope.filter.lexer import Token
from ocppscope.filter.literals import BYTES, DAY, NANOSECONDS, Span, number, point, quantity

Literals: TypeAlias = tuple[Any, ...]
Test: TypeAlias = Callable[[Any], bool]
SqlTerm: TypeAlias = tuple[str, list[Any]]
"""An expression and its parameters."""

EQUAL: Final = ("==", "!=", "in")
ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTUAL: Final = ("contains", "matches")
OPERATORS: Final = ("==", "!=", *ORDER, *TEXTUAL, "in")

SEARCHED: Final = 1 << 16
"""Characters of a text that a regular expression looks at: it may take long."""
_UPPER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LARGEST: Final = 1 << 63
_ROW: Final = 100


class Kind(Protocol):
    """What the values of a field are."""

    @property
    def name(self) -> str:
        """`a duration`, for messages."""

    @property
    def operators(self) -> tuple[str, ...]:
        """Those that make sense."""

    @property
    def examples(self) -> tuple[str, ...]:
        """Made-up values that show how they are written, where there are none to choose from."""

    def choices(self) -> Mapping[str, str]:
        """The values to choose from, and what they are; nothing for some."""

    def read(self, token: Token, operation: str) -> Any:
        """Make a literal of a word or a string.

        Raises:
            UnfitError: it is no such value.
        """

    def test(self, operation: str, literals: Literals) -> Test:
        """Whether a value fits."""

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:
        """The same of a column; what it says of NULL does not count."""


def fold(text: str) -> str:
    """A name without regard to case: of A to Z only, as SQLite's NOCASE."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def text_of(value: Any) -> str:
    """A JSON value as text: a string itself, anything else as JSON."""
    if type(value) is str:
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits, or nested too deeply
        return str(value)


def pattern(token: Token) -> re.Pattern[str]:
    """The regular expression that a token holds.

    Raises:
        UnfitError: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what python may read in another way some day
            return re.compile(token.text)
    except re.error as error:
        raise UnfitError(f"no regular expression: {error}") from error
    except (OverflowError, RecursionError) as error:
        raise UnfitError("this regular expression is too large") from error


def textual(operation: str, literal: Any) -> Callable[[str], bool]:
    """`contains` with a text, without regard to case; `matches` with a pattern."""
    if operation == "contains":
        needle = literal.casefold()
        return lambda text: needle in text.casefold()
    search = literal.search
    return lambda text: search(text[:SEARCHED]) is not None


class Text:
    """Names and texts, without regard to case."""

    name = "a text"
    operators = OPERATORS
    examples = ()

    def __init__(self, choices: Callable[[], Mapping[str, str]] = dict[str, str]) -> None:
        self.choices = choices

    def read(self, token: Token, operation: str) -> str:  # noqa: ARG002
        return token.text

    def test(self, operation: str, literals: Literals) -> Test:
        if operation in TEXTUAL:
            return textual(operation, literals[0])
        if operation in ORDER:
            compare, folded = ORDER[operation], fold(literals[0])
            return lambda value: compare(fold(value), folded)
        accepted = frozenset(map(fold, literals))
        return lambda value: fold(value) in accepted

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:
        if operation in TEXTUAL:
            return None
        if operation in ORDER:
            return f"{column} {operation} ? COLLATE NOCASE", [literals[0]]
        return f"{column} COLLATE NOCASE IN ({_places(literals)})", [*literals]


class Choice:
    """One of a few names.

    Args:
        name: for messages.
        names: gives them, and what they are; for ordered ones the least first.
        aliases: other names for them.
        ordered: whether they have an order.
    """

    examples = ()

    def __init__(
        self,
        name: str,
        names: Callable[[], Mapping[str, str]],
        *,
        aliases: Mapping[str, str] | None = None,
        ordered: bool = False,
    ) -> None:
        self.name = name
        self.operators = ("==", "!=", *ORDER, "in") if ordered else (*EQUAL[:2], *TEXTUAL, "in")
        self._names = names
        self._aliases = aliases or {}

    def choices(self) -> Mapping[str, str]:
        return self._names()

    def read(self, token: Token, operation: str) -> str:  # noqa: ARG002
        names = (*self._names(), *self._aliases)
        by_fold = {**{name.lower(): name for name in self._names()}, **self._aliases}
        name = by_fold.get(token.text.lower())
        if name is None:
            wrong = f"{short(token.text)!r} is not {self.name}"
            raise UnfitError(f"{wrong}{meant(token.text, names)}", names)
        return name

    def accepted(self, operation: str, literals: Literals) -> list[str]:
        """The names that fit."""
        names = list(self._names())
        if operation in TEXTUAL:
            return list(filter(textual(operation, literals[0]), names))
        if operation in ORDER:
            compare, limit = ORDER[operation], names.index(literals[0])
            return [name for rank, name in enumerate(names) if compare(rank, limit)]
        return list(dict.fromkeys(literals))

    def test(self, operation: str, literals: Literals) -> Test:
        return frozenset(self.accepted(operation, literals)).__contains__

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:
        accepted = self.accepted(operation, literals)
        return f"{column} IN ({_places(accepted)})", [*accepted]


class Ordered:
    """Integers and what is kept as integers: durations, sizes, times.

    Args:
        name: for messages.
        reader: makes a Span of a text; None where it is no such value.
        examples: of values; begun ones can be ended as one of them ends.
    """

    operators = ("==", "!=", *ORDER, "in")

    def __init__(self, name: str, reader: Callable[[str], Span | None], *examples: str) -> None:
        self.name = name
        self._reader = reader
        self.examples = examples

    def choices(self) -> Mapping[str, str]:
        return {}

    def read(self, token: Token, operation: str) -> Span:  # noqa: ARG002
        span = self._reader(token.text)
        if span is None:
            raise UnfitError(f"{short(token.text)!r} is not {self.name}", self.examples)
        return span

    def test(self, operation: str, literals: Literals) -> Test:
        if len(literals) > 1:
            tests = [span_test(operation, literal) for literal in literals]
            return lambda value: any(test(value) for test in tests)
        return span_test(operation, literals[0])

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:
        terms, parameters = [], []
        for span in literals:
            value = f"(({column} % {DAY} + {DAY}) % {DAY})" if span.daily else column
            if operation in ORDER:
                terms.append(f"{value} {operation} ?")
                parameters.append(_stored(_bound(operation, span)))
            else:
                terms.append(f"{value} BETWEEN ? AND ?")
                parameters += [_stored(span.first), _stored(span.last)]
        return joined(terms, "OR"), parameters


def span_test(operation: str, span: Span) -> Test:
    """How an integer stands to a span."""
    compare, bound, first, last = ORDER.get(operation), _bound(operation, span), span.first, span.last
    if span.daily:
        if compare:
            return lambda value: compare(value % DAY, bound)
        return lambda value: first <= value % DAY <= last
    if compare:
        return lambda value: compare(value, bound)
    return lambda value: first <= value <= last


def _bound(operation: str, span: Span) -> int:
    return span.edge if operation in ("<=", ">") else span.first


def _stored(value: int) -> int | float:
    """What SQLite can hold; it compares integers with floats exactly."""
    return value if -_LARGEST <= value < _LARGEST else float(value)


class Close(Choice):
    """How a session ended, who ended it, and with which code: names and integers."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__("a way to close", lambda: names)
        self.operators = OPERATORS

    def read(self, token: Token, operation: str) -> Any:
        code = number(token.text)
        if isinstance(code, int):
            return code
        if operation in ORDER:
            wrong = f"{short(token.text)!r} is no close code"
            raise UnfitError(f"{wrong}: only codes have an order", ("1000", "4000"))
        return super().read(token, operation)

    def test(self, operation: str, literals: Literals) -> Test:
        if operation in TEXTUAL:
            fits = textual(operation, literals[0])
            return lambda value: fits(str(value))
        if operation in ORDER:
            compare, limit = ORDER[operation], literals[0]
            return lambda value: type(value) is type(limit) is int and compare(value, limit)
        return frozenset(literals).__contains__

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:  # noqa: ARG002
        return None


def joined(terms: list[str], joint: str) -> str:
    """SQL terms in one, in parentheses.

    SQLite takes expressions to a depth of 1,000 and less than 100 parentheses, so long rows are cut to pieces.
    """
    if len(terms) > _ROW:
        terms = [joined(terms[at : at + _ROW], joint) for at in range(0, len(terms), _ROW)]
    return terms[0] if len(terms) == 1 else f"({f' {joint} '.join(terms)})"


def _places(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def duration(text: str) -> Span | None:
    value = quantity(text, NANOSECONDS)
    if value is None and number(text) is not None:
        raise UnfitError(f"{text} needs a unit", [f"{text}{unit}" for unit in ("ms", "s", "min", "h")])
    return None if value is None else point(value)


def size(text: str) -> Span | None:
    value = quantity(text, BYTES)
    return None if value is None else point(value)


def integer(text: str) -> Span | None:
    value = number(text)
    return point(value) if isinstance(value, int) and abs(value) < _LARGEST else None
