"""A message's text with one thing in it changed, and all the rest byte for byte as it was."""

import json
import re
from random import Random
from typing import Any, Final

import orjson

_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_TRIES: Final = 100
"""Of most texts the first replaced byte makes another one; it takes more where few are of ASCII."""


def corrupt(data: bytes, random: Random) -> tuple[bytes, int] | None:
    """Replace one byte so that the JSON differs or is none; UTF-8 stays UTF-8.

    Returns:
        The new text, and where it differs; None where nothing can be done: it is empty, or not in ASCII.
    """
    for _ in range(_TRIES if data else 0):
        at = random.randrange(len(data))
        changed = data[:at] + bytes([random.choice(_PRINTABLE)]) + data[at + 1 :]
        if data[at] < 0x80 and changed != data and _differ(data, changed):
            return changed, at
    return None


def _differ(one: bytes, other: bytes) -> bool:
    """Whether two texts do not say the same: 1.0 and 1e0 do."""
    try:
        return bool(orjson.loads(one) != orjson.loads(other))
    except (orjson.JSONDecodeError, RecursionError):  # too deep to be compared
        return True


_SPACE: Final = re.compile(r"[ \t\n\r]*")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_DECODER: Final = json.JSONDecoder(parse_int=float)  # python's int refuses thousands of digits


def replace(text: str, pointer: str, value: str) -> str | None:
    """Put a JSON value in the place of the one that a pointer (RFC 6901) leads to; None where it leads nowhere.

    Of a key that stands twice in one object the last one counts, as for most readers.
    """
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    try:
        span = _span(text, steps)
    except (ValueError, IndexError, RecursionError):  # no JSON any more: another fault came first
        return None
    return span and text[: span[0]] + value + text[span[1] :]


def _span(text: str, steps: list[str]) -> tuple[int, int] | None:
    """Where the value at a path begins and ends."""
    at = _skip(text, 0)
    for step in steps:
        found = _member(text, at, step)
        if found is None:
            return None
        at = found
    return at, _value(text, at)[1]


def _member(text: str, at: int, step: str) -> int | None:
    """Where a member's value begins in the object or the array that begins at a place."""
    is_object = text[at] == "{"
    if not is_object and (text[at] != "[" or not _INDEX.fullmatch(step)):
        return None
    found, index, at = None, 0, _skip(text, at + 1)
    while text[at] not in "]}":
        name: Any = str(index)
        if is_object:
            name, at = _value(text, at)
            at = _skip(text, _skip(text, at) + 1)  # behind the colon
        if name == step:
            found = at
        at = _skip(text, _value(text, at)[1])
        index += 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _value(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match
    return match.end()
