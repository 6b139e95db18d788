"""What a file holds, found out from its first block."""

import csv
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.sources.traces.cutting import Items
from ocppscope.sources.traces.records import is_record
from ocppscope.sources.traces.words import LIKE_A_MESSAGE

Shape: TypeAlias = Literal["lines", "values", "object", "har", "csv"]
"""Records in lines; JSON values in an array or one after another; an object with an array of records in it; the
entries of a HAR file; rows of CSV."""

BOM: Final = b"\xef\xbb\xbf"
ARRAYS: Final = "events records messages frames trace entries".split()
"""The names under which objects hold records."""
_ARRAY: Final = re.compile(rb'"(%s)"\s*:\s*\[' % "|".join(ARRAYS).encode())
_ARRAY_BEGINS: Final = re.compile(rb'\[\s*(?:[\[{]|"?[2-6]"?\s*,)')
"""Of records, of messages, or of a message over several lines."""
_HAR: Final = re.compile(rb'\{\s*"log"\s*:\s*\{')
_HINT: Final = re.compile(
    rb'"messageType"\s*:\s*"CALL|"(?:message|msg|raw|payload|frame)"\s*:\s*"?\s*\[\s*(?:\\?")?[2-6](?:\\?")?\s*,'
)
"""In a first record that is longer than a block."""
_HEAD_LIMIT: Final = 1 << 16


def shape_of(head: bytes) -> Shape | None:
    """The shape of a trace; None where it is none."""
    text = head.removeprefix(BOM).lstrip()
    if text[:1] == b"{" or text[:1] == b"[":
        return _shape_of_json(text)
    return "csv" if delimiter_of(text) else None


def _shape_of_json(text: bytes) -> Shape | None:
    first, *others = text.split(b"\n")
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        return _shape_of_part(text)
    if isinstance(value, dict):
        if _is_har(value):
            return "har"
        if any(isinstance(value.get(name), list) for name in ARRAYS) and not is_record(value):
            return "object" if any(map(is_record, _arrays(value))) else None
    elif not is_record(value):
        return "values" if any(map(is_record, value)) else None
    return "lines" if is_record(value) or any(map(is_record, _whole(others))) else None


def _shape_of_part(text: bytes) -> Shape | None:
    """The same where the first line is no JSON by itself."""
    if _HAR.match(text):
        return "har"
    if text[:1] == b"{" and (start := start_of_array(text)):
        return "object" if _has_record(text[start:]) else None
    if text[:1] == b"[" and not _ARRAY_BEGINS.match(text):  # a log whose lines begin with a bracket
        return None
    if b"\n" not in text and text[:1] == b"{":
        return "lines" if _HINT.search(text) else None
    return "values" if _has_record(text[1:] if text[:1] == b"[" else text) else None


def _is_har(value: dict[str, Any]) -> bool:
    return isinstance(value.get("log"), dict) and isinstance(value["log"].get("entries"), list)


def _arrays(value: dict[str, Any]) -> Iterator[Any]:
    for name in ARRAYS:
        if isinstance(value.get(name), list):
            yield from value[name]


def _whole(lines: list[bytes]) -> Iterator[Any]:
    for line in lines:
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:  # one of another kind, or the last one of the block
            continue


def _has_record(text: bytes) -> bool:
    values: list[Any] = []

    def take(value: bytes | bytearray) -> bool:
        try:
            values.append(orjson.loads(value))
        except orjson.JSONDecodeError:
            return False
        return True

    Items(take, lambda _number, _why: None, len(text) + 1).feed(text)
    return any(map(is_record, values)) or (not values and _HINT.search(text) is not None)


def start_of_array(text: bytes, closing: bytes = b"]}") -> int:
    """Where the items of an object's array begin; 0 where that has not come.

    Args:
        text: the object's beginning.
        closing: makes a whole object of what stands before the items.
    """
    for found in _ARRAY.finditer(text):
        try:
            orjson.loads(text[: found.end()] + closing)
        except orjson.JSONDecodeError:  # an array of that name, deeper inside
            continue
        return found.end()
    return 0


# --- CSV ---

_DELIMITERS: Final = ",;\t|"
_NAME: Final = re.compile(r"[^\[\]{}\":=]{1,60}")


def cells(row: str, delimiter: str) -> list[str]:
    return next(csv.reader([row], delimiter=delimiter), [])


def delimiter_of(text: bytes) -> str | None:
    """What separates the cells of CSV whose first row are names and whose rows hold messages; None for no CSV."""
    lines = text[:_HEAD_LIMIT].decode(errors="replace").splitlines()
    header, rows = lines[0] if lines else "", [line for line in lines[1:50] if line]
    for delimiter in _DELIMITERS:
        names = cells(header, delimiter)
        if (len(names) > 1 or not any(other in header for other in _DELIMITERS)) and all(
            _NAME.fullmatch(name) or not name for name in names
        ):
            for row in rows:
                found = cells(row, delimiter)
                if any(LIKE_A_MESSAGE.match(cell) for cell in found) and len(found) <= len(names) + 1:
                    return delimiter
    return None


_LIKE_JSON: Final = re.compile(rb'\[\s*[\]{]|\{\s*(?:\}|"[^"\n]{0,100}"\s*:)')


def what_it_is(head: bytes) -> str | None:
    """JSON that is no trace, in words; None for anything else."""
    text = head.removeprefix(BOM).lstrip()
    if not _LIKE_JSON.match(text):
        return None
    first, *others = text.split(b"\n")
    try:
        return _described(orjson.loads(text))
    except orjson.JSONDecodeError:
        if others and any(_whole([first])):  # lines of a log
            return None
    names = re.findall(rb'"([A-Za-z_@][\w .@-]{0,30})"\s*:', text[:2_000])
    if not names:
        return None
    listed = ", ".join(dict.fromkeys(name.decode() for name in names[:6]))
    return f"JSON with the names {listed} …"


def _described(value: Any) -> str:
    if isinstance(value, dict):
        names = ", ".join(str(name)[:30] for name in list(value)[:6])
        more = " …" if len(value) > 6 else ""
        return f"a JSON object with the names {names}{more}" if names else "an empty JSON object"
    if not value:
        return "an empty JSON array"
    return f"a JSON array whose first item is {_described(value[0]) if isinstance(value[0], dict) else 'no object'}"
