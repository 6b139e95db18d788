"""JSON as it is written: where each value stands in a text, also in one that is damaged.

Nothing is refused: a string may lack its end, a bracket its partner. Values of a text that is valid are where a JSON
reader sees them.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, unquote

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\[\s\S]?)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_PIECE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\s\S]|[\s\S]"
)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SAFE: Final = "*/:?=&,;@+!$'()[]"
"""Beside letters and digits, what a part of a URL may hold as it is."""
_PERCENT: Final = re.compile(r"%[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F])+|%[0-9a-fA-F]{2}|[\s\S]")


@dataclass(slots=True)
class Node:
    """A value, from `start` to `end`; of a string without its quotes."""

    kind: Literal["object", "array", "string", "bare"]
    start: int
    end: int
    items: list[tuple["Node | None", "Node"]] = field(default_factory=list)
    """Of an object its keys and values; of an array its values."""


def scan(text: str) -> list[Node]:
    """The values of a text; one, if it is valid JSON."""
    top = Node("array", 0, len(text))
    stack, key, waits_for_value = [top], None, False
    for match in _TOKEN.finditer(text):
        piece, start, end = match[0], match.start(), match.end()
        if piece == ":":
            waits_for_value = True
            continue
        if piece == ",":
            key, waits_for_value = None, False
            continue
        if piece in ("}", "]"):
            if len(stack) > 1:
                stack.pop().end = end
            key, waits_for_value = None, False
            continue
        node = _node(piece, start, end)
        inside = stack[-1]
        if inside.kind == "object" and not waits_for_value and node.kind in ("string", "bare"):
            if key is not None:  # one without a value
                inside.items.append((None, key))
            key = node
            continue
        inside.items.append((key if inside.kind == "object" else None, node))
        key, waits_for_value = None, False
        if node.kind in ("object", "array"):
            stack.append(node)
    if key is not None:
        stack[-1].items.append((None, key))
    return [node for _, node in top.items]


def _node(piece: str, start: int, end: int) -> Node:
    if piece == "{":
        return Node("object", start, end)
    if piece == "[":
        return Node("array", start, end)
    if piece[0] == '"':
        is_closed = len(piece) > 1 and piece[-1] == '"'
        return Node("string", start + 1, end - is_closed)
    return Node("bare", start, end)


# --- how characters are spelt ---


def unescaped(raw: str) -> str:
    """What a JSON string means."""
    return raw if "\\" not in raw else "".join(map(_meant, _PIECE.findall(raw)))


def respelt(raw: str, new: str) -> str:
    """A JSON string with other characters, each spelt as the one in its place was.

    Args:
        raw: the string, without its quotes.
        new: what it is to mean. Mostly it has as many characters as it has now; not where an escape in a text
            within it is gone, such as that of a quote in a password: then all is spelt anew.
    """
    if "\\" not in raw:
        return new
    pieces = _PIECE.findall(raw)
    if len(pieces) != len(new):
        return json.dumps(new, ensure_ascii="\\u" in raw)[1:-1]
    return "".join(
        piece if _meant(piece) == char else _escaped(char) if piece[:2] == "\\u" else char
        for piece, char in zip(pieces, new, strict=True)
    )


def _meant(piece: str) -> str:
    if len(piece) == 1:
        return piece
    if piece[1] != "u" or len(piece) < 6:
        return _ESCAPES.get(piece[1], piece[1])
    units = [int(piece[at : at + 4], 16) for at in range(2, len(piece), 6)]
    if len(units) == 2:
        return chr(0x10000 + ((units[0] - 0xD800) << 10) + units[1] - 0xDC00)
    return chr(units[0])


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def percent_decoded(raw: str) -> str:
    """What a part of a URL means, a character for each that is spelt."""
    return raw if "%" not in raw else "".join(map(_percent_meant, _PERCENT.findall(raw)))


def percent_respelt(raw: str, new: str) -> str:
    """A part of a URL with other characters, each spelt as the one in its place was."""
    if "%" not in raw:
        return new
    pieces = _PERCENT.findall(raw)
    if len(pieces) != len(new):  # as in `respelt`
        return quote(new, safe=_SAFE, errors="replace")
    return "".join(
        piece if _percent_meant(piece) == char else quote(char, safe="") if len(piece) > 1 and not char.isascii()
        else f"%{ord(char):02X}" if len(piece) > 1 else char
        for piece, char in zip(pieces, new, strict=True)
    )  # fmt: skip


def _percent_meant(piece: str) -> str:
    meant = unquote(piece)
    return meant if len(meant) == 1 else "\ufffd"
