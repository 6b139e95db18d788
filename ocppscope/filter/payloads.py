"""Payloads: the values at a path, and how a filter compares them."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ocppscope.filter.errors import UnfitError
from ocppscope.filter.kinds import (
    EQUAL,
    OPERATORS,
    ORDER,
    TEXTUAL,
    Literals,
    SqlTerm,
    Test,
    span_test,
    text_of,
    textual,
)
from ocppscope.filter.lexer import STRING, Steps, Token
from ocppscope.filter.literals import Span, moment, number
from ocppscope.ocpp.times import parse


def walk(payload: Any, steps: Steps) -> list[Any]:
    """The values at a path; a name is also looked for in every item of an array on its way."""
    level = [] if payload is None else [payload]
    for step in steps:
        if isinstance(step, str):
            level = [node[step] for node in spread(level) if type(node) is dict and step in node]
        elif step is None:
            level = [item for node in level if type(node) is list for item in node]
        else:
            level = [node[step] for node in level if type(node) is list and -len(node) <= step < len(node)]
    return level


def spread(values: list[Any]) -> list[Any]:
    """Values, and the items of the arrays among them."""
    found = list(values)
    for value in found:  # it grows meanwhile
        if type(value) is list:
            found += value
    return found


class Number(NamedTuple):
    """A number without quotes: a JSON number, or a JSON string that holds one."""

    exact: int | float
    rounded: float
    """As JSON readers give it where it needs more than 64 bits."""


class Moment(NamedTuple):
    """A date or time without quotes: a JSON string that holds a date-time, or just this text."""

    span: Span
    text: str


class Constant(NamedTuple):
    """`true`, `false` or `null` without quotes: the JSON value; or the string `true` or `false`."""

    value: bool | None
    text: str | None


CONSTANTS: Final = {
    "true": Constant(True, "true"),
    "false": Constant(False, "false"),
    "null": Constant(None, None),
}


class Json:
    """A value in a payload, compared exactly. A literal that is none of the above is a string."""

    name = "a JSON value"
    operators = OPERATORS
    examples = ("230", "Voltage", '"230"', "2026-11-22T10:15Z", "true", "false", "null")

    def choices(self) -> Mapping[str, str]:
        return {}

    def read(self, token: Token, operation: str) -> Any:
        text = token.text
        if token.kind == STRING:
            return text
        value = number(text)
        if value is not None:
            return Number(value, float(text))
        constant = CONSTANTS.get(text.lower())
        if constant is not None:
            if operation in ORDER:
                raise UnfitError(f"{text} has no order", ("a number", "a time", "a text in quotes"))
            return constant
        span = moment(text)
        return Moment(span, text) if span else text

    def test(self, operation: str, literals: Literals) -> Test:
        if operation in TEXTUAL:
            fits = textual(operation, literals[0])
            return lambda value: fits(text_of(value))
        tests = [_json_test(operation, literal) for literal in literals]
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def sql(self, operation: str, literals: Literals, column: str) -> SqlTerm | None:  # noqa: ARG002
        return None


def _json_test(operation: str, literal: Any) -> Test:
    compare: Callable[[Any, Any], bool] = ORDER.get(operation, operator.eq)
    if isinstance(literal, Number):
        return _number_test(compare, literal)
    if isinstance(literal, Moment):
        return _moment_test(operation, literal)
    if isinstance(literal, Constant):
        constant, text = literal
        return lambda value: value is constant or (type(value) is str and value == text)
    return lambda value: type(value) is str and compare(value, literal)


def _number_test(compare: Callable[[Any, Any], bool], literal: Number) -> Test:
    exact, rounded = literal

    def test(value: Any) -> bool:
        if type(value) is str:
            value = number(value)
        if type(value) is float:
            return compare(value, rounded)
        return type(value) is int and compare(value, exact)

    return test


def _moment_test(operation: str, literal: Moment) -> Test:
    fits, text, equal = span_test(operation, literal.span), literal.text, operation in EQUAL

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        time = parse(value)[0]
        return (equal and value == text) if time is None else fits(time)

    return test
