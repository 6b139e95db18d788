"""The forms in which logs give JSON, and how to get the JSON back: as it was on the wire, not a byte else."""

import ast
import html
import json
import re
from typing import Any, Final

import orjson

from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.versions import JUDGED
from ocppscope.sources.text.balance import Quoting
from ocppscope.sources.text.encoding import decoded

__all__ = ["JSON", "load", "plausible", "restored"]

JSON: Final = "json"
"""The form of a message that stands in the log as it was sent."""

_ANSI: Final = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_LARGEST_REPR: Final = 1 << 20
"""Characters of a Python repr; its reader takes a hundred times the room."""
_ACTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,49}")
_ACTIONS: Final = frozenset().union(*(actions_of(version) for version in JUDGED))
_TYPES: Final[dict[int | str, int]] = {**{n: n for n in range(2, 7)}, **{str(n): n for n in range(2, 7)}}


def load(text: bytes | str) -> Any:
    """The value of a JSON text; None where it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def plausible(value: Any) -> bool:
    """Whether an array is a message, and no array of something else that begins like one."""
    if type(value) is not list or not 3 <= len(value) <= 6:
        return False
    kind = _TYPES.get(value[0]) if type(value[0]) in (int, str) else None
    message_id, third = value[1], value[2]
    if type(message_id) not in (str, int) or kind is None:
        return False
    if kind == 3:
        return type(third) is dict or (third is None and type(message_id) is str)
    if kind in (2, 6):
        return type(third) is str and (third in _ACTIONS or _ACTION.fullmatch(third) is not None)
    return type(third) is str and len(value) > 3


def restored(raw: bytes, quoting: Quoting) -> tuple[str, str] | None:
    """The JSON of an array, and what form it had.

    Returns:
        None where no way to read it gives JSON.
    """
    text, _ = decoded(raw)
    for form, candidate in _candidates(text, raw, quoting):
        if candidate is not None and load(candidate) is not None:
            return candidate, form
    return None


def _candidates(text: str, raw: bytes, quoting: Quoting) -> "list[tuple[str, str | None]]":
    if quoting.name == "escaped":
        return [("escaped", _unescaped(text, quoting.level))]
    if quoting.name == "repr":
        return [("repr", _from_repr(text))]
    found: list[tuple[str, str | None]] = [(JSON, text)]
    if b"\n" in raw:
        found.append(("wrapped", re.sub(r"\r?\n", "", text)))
    if b"\x1b" in raw:
        found.append(("coloured", decoded(_ANSI.sub(b"", raw))[0]))
    if b"\\'" in raw or b"\\\\" in raw:  # JSON within a Python string
        found.append(("repr", _python_string(text)))
    if b"&" in raw:
        found.append(("html", html.unescape(text)))
    return found


def _unescaped(text: str, level: int) -> str | None:
    try:
        for _ in range(level):
            text = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return None
    return text


def _python_string(text: str) -> str:
    return re.sub(r"\\(['\\])", r"\1", text)


def _from_repr(text: str) -> str | None:
    if len(text) > _LARGEST_REPR:
        return None
    try:
        return orjson.dumps(ast.literal_eval(text)).decode()
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
