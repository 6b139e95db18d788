"""What may be typed next. The parser says what it would take at the cursor; this puts names to it."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from ocppscope.filter.errors import FilterError
from ocppscope.filter.fields import FIELDS
from ocppscope.filter.lexer import END, KEYWORD, WORD, Steps, Token, tokens
from ocppscope.filter.parser import FIELD, OPERATOR, TERM, VALUE, Parser, Want

_PATH: Final = re.compile(r"(?<![\w.-])(payload(?:\.[\w$-]+|\[[^\]]*\])*)\.([\w$-]*)$", re.IGNORECASE)
_OPERATORS: Final = {
    "==": "equals",
    "!=": "has a value, and none that equals",
    "<": "is below, or before",
    "<=": "is at most",
    ">": "is above, or after",
    ">=": "is at least",
    "contains": "has the text in it",
    "matches": "fits the regular expression",
    "in": "is one of",
}
_FIELDS: Final = {
    **{name: field.help for name, field in FIELDS.items()},
    "payload.": "a field of the payload",
}
_TERMS: Final = {**_FIELDS, "has(": "a field has a value", "not": "the term does not hold"}


class Completion(NamedTuple):
    """A text to put in the place of what stands from `start` to the cursor, and what it means."""

    start: int
    text: str
    help: str


def complete(text: str, cursor: int) -> list[Completion]:
    """What may be typed at the cursor, or go on what is being typed: what begins with it first."""
    text = text[:cursor]
    if match := _PATH.search(text):
        return _begun(match.start(2), match[2], _payload_names(match[1]))
    before, start = _before(text)
    quote = text[start : start + 1] if text[start : start + 1] in ("'", '"') else ""
    parser = Parser(text, before)
    try:
        parser.parse()
    except FilterError as error:
        if error.position != before[-1].start:
            return []
    found: dict[str, str] = {}
    for want in parser.wants:
        found |= {f"{quote}{name}{quote}": about for name, about in _names(want).items()}
    return _begun(start, text[start:], found)


def _before(text: str) -> tuple[list[Token], int]:
    """The tokens before the one that is being typed, and where that begins."""
    try:
        found = tokens(text)
    except FilterError as error:  # it is half a string, or half an operator
        return _before(text[: error.position])[0], error.position
    last = found[-2] if len(found) > 1 else found[-1]
    if last.end == len(text) and (last.kind in (WORD, KEYWORD) or last.text in ("<", ">")):
        start = last.start
        del found[-2]
    else:
        start = len(text)
    return [*found[:-1], Token(END, "", start, start)], start


def _names(want: Want) -> Mapping[str, str]:
    if want.what in (TERM, FIELD):
        return _TERMS if want.what == TERM else _FIELDS
    if want.field is None:
        return {want.what: ""}
    if want.what == OPERATOR:
        return {name: _OPERATORS[name] for name in want.field.kind.operators}
    assert want.what == VALUE
    return want.field.kind.choices()


def _begun(start: int, begin: str, names: Mapping[str, str]) -> list[Completion]:
    begin = begin.lower()
    fitting = [Completion(start, name, about) for name, about in names.items() if begin in name.lower()]
    return sorted(fitting, key=lambda one: not one.text.lower().startswith(begin))


# --- payloads ---


def _payload_names(path: str) -> dict[str, str]:
    """The names that the schemas have at a path, and the actions that have them there."""
    try:
        steps = tokens(path)[0].steps
    except FilterError:
        return {}
    found: dict[str, list[str]] = {}
    for action, root in _schemas():
        for name in _properties(root, steps):
            actions = found.setdefault(name, [])
            if action not in actions:
                actions.append(action)
    return {name: _few(found[name]) for name in sorted(found)}


def _few(actions: list[str]) -> str:
    return ", ".join(actions[:3]) + (" …" if len(actions) > 3 else "")


@cache
def _schemas() -> tuple[tuple[str, dict[str, Any]], ...]:
    from ocppscope.events import CALL, CALLRESULT, SEND
    from ocppscope.ocpp.actions import BY_SENDER, actions_of
    from ocppscope.ocpp.schemas import schema

    return tuple(
        (action, found)
        for version in BY_SENDER
        for action in sorted(actions_of(version))
        for kind in (CALL, CALLRESULT, SEND)
        if (found := schema(version, kind, action))
    )


def _properties(root: dict[str, Any], steps: Steps) -> Iterable[str]:
    node = _inside(root, root)
    for step in steps:
        if isinstance(step, str):
            node = _inside(node.get("properties", {}).get(step, {}), root)
    names: dict[str, Any] = node.get("properties", {})
    return names


def _inside(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """What a reference, or an array, is about."""
    while "$ref" in node or "items" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node["items"]
    return node
