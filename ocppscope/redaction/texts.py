"""Messages, and every other text: what in them is sensitive, and the same text without it."""

import base64
import re
from collections.abc import Iterator
from typing import Final, Protocol

from ocppscope.redaction import certificates, patterns, spellings, table
from ocppscope.redaction.needles import Needles
from ocppscope.redaction.patterns import Sensitive
from ocppscope.redaction.pseudonyms import removed
from ocppscope.redaction.scan import Node, respelt, scan, unescaped

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LITERALS: Final = frozenset({"true", "false", "null"})
_NESTED: Final = 8
"""Texts in texts in texts."""
_LONGEST_PLACE: Final = 300
"""Characters; what is deeper in a message is nothing of the standard's."""
_KEPT: Final = "kept"
_LONG_NUMBER: Final = 6


class Policy(Protocol):
    """What the user says about fields."""

    def of_field(self, name: str, place: str) -> str | None: ...

    def of_setting(self, name: str) -> str | None: ...


class _Leaf:
    """A value of a message that holds no others."""

    __slots__ = ("end", "is_key", "is_measured", "kind", "name", "raw", "start")

    def __init__(self, text: str, node: Node, name: str, place: str, kind: str | None, is_key: bool) -> None:
        self.start, self.end = node.start, node.end
        self.raw = text[node.start : node.end]
        self.name = name
        self.kind = kind
        self.is_key = is_key
        self.is_measured = name == "value" and "/sampledValue/" in place
        """It is a number, though it is written as a text."""

    def is_string(self, text: str) -> bool:
        return self.start > 0 and text[self.start - 1] == '"'


def leaves(text: str, policy: Policy, action: str | None = None) -> Iterator[_Leaf]:
    """The values of a text in the order in which they stand, and what each of them is.

    Args:
        text: a message, or any JSON, or what is left of it.
        policy: what fields hold.
        action: of what an answer answers.
    """
    top = scan(text)
    stack: list[tuple[Node, str, str, str | None, bool]] = []
    """Nodes with their names, places, inherited kinds; whether it is a key."""
    if len(top) == 1 and top[0].kind == "array" and (parts := [one for _, one in top[0].items]):
        stack = _parts(text, parts, action)
    if not stack:
        stack = [(node, "", "", None, False) for node in top]
    stack.reverse()
    while stack:
        node, name, place, kind, is_key = stack.pop()
        if node.kind in ("string", "bare"):
            yield _Leaf(text, node, name, place, kind, is_key)
        elif node.kind == "array":
            at = _below(place, "*")
            told = kind or _told(text, node, name, policy)
            below = [(one, name, at, _kind(policy, name, at, one) or told, False) for _, one in node.items]
            stack.extend(reversed(below))
        else:
            stack.extend(reversed(list(_members(text, node, place, kind, policy))))


def _below(place: str, name: str) -> str:
    return f"{place}/{name}" if len(place) < _LONGEST_PLACE else place


def _kind(policy: Policy, name: str, place: str, node: Node) -> str | None:
    kind = policy.of_field(name, place) if name else None
    if kind in (table.SECRET, _KEPT) or node.kind != "object":
        return kind
    # A field of the standard's that is an object holds fields that are known by themselves.
    return None if name.lower() in table.objects() else kind


def _parts(text: str, parts: list[Node], action: str | None) -> list[tuple[Node, str, str, str | None, bool]]:
    """The elements of a message; none where it is no message."""
    number = text[parts[0].start : parts[0].end]
    if number not in ("2", "3", "4", "5", "6") or len(parts) < 2:
        return []
    found = [(parts[0], "", "", _KEPT, False), (parts[1], "", "", None, False)]
    rest = parts[2:]
    if number in ("2", "6") and rest:
        found.append((rest[0], "", "", None, False))
        said = unescaped(text[rest[0].start : rest[0].end])
        return found + [(one, "", said, None, False) for one in rest[1:]]
    if number in ("4", "5") and rest:
        found.append((rest[0], "", "", None, False))
        return found + [(one, "", "", None, False) for one in rest[1:]]
    return found + [(one, "", f"{action or ''}.answer", None, False) for one in rest]


def _members(
    text: str, node: Node, place: str, inherited: str | None, policy: Policy
) -> Iterator[tuple[Node, str, str, str | None, bool]]:
    setting = _setting(text, node, policy)
    strings = {
        unescaped(text[key.start : key.end]): text[one.start : one.end] for key, one in node.items if key
    }
    is_code = strings.get("type", "").lower() == "keycode"
    is_signed = strings.get("format", "").lower() == "signeddata"
    for key, value in node.items:
        if key is None:
            yield value, "", place, inherited, False
            continue
        name = unescaped(text[key.start : key.end])
        at = _below(place, name)
        kind = _kind(policy, name, at, value)
        if setting is not None and name.lower() in table.beside("values"):
            kind = setting
        if is_code and name == "idToken":
            kind = table.SECRET
        if is_signed and name == "value":
            kind = table.SECRET
        yield key, "", "", None, True
        yield value, name, at, (inherited if kind in (None, table.PLAIN) else kind), False


def _told(text: str, node: Node, name: str, policy: Policy) -> str | None:
    """What a pair in an array is, as `["password", "…"]`: only what is a secret."""
    if len(node.items) != 2 or node.items[0][1].kind != "string" or policy.of_field(name, "") == table.PLAIN:
        return None
    first = node.items[0][1]
    kind = policy.of_setting(unescaped(text[first.start : first.end]))
    return kind if kind == table.SECRET else None


def _setting(text: str, node: Node, policy: Policy) -> str | None:
    """What the value beside a name is, in an object that has both."""
    names = []
    for key, value in node.items:
        if key is None:
            continue
        name = unescaped(text[key.start : key.end]).lower()
        if name == "variable" and value.kind == "object":
            names += [
                text[one.start : one.end]
                for below, one in value.items
                if below and text[below.start : below.end] == "name"
            ]
        elif name in table.beside("names") and value.kind == "string":
            if value.end == len(text) and text[value.end - 1 :] != '"':
                return table.SECRET  # the name breaks off: nobody can tell what it was to be
            names.append(text[value.start : value.end])
    kinds = [policy.of_setting(unescaped(name)) for name in names]
    found = [kind for kind in kinds if kind and kind not in (table.PLAIN, table.VENDOR)]
    return found[0] if found else None


# --- the first pass ---


def find(text: str, policy: Policy, action: str | None = None, depth: int = 0) -> Iterator[Sensitive]:
    """What is sensitive in a text that is JSON, or was."""
    for leaf in leaves(text, policy, action):
        if leaf.is_key:
            continue
        value = unescaped(leaf.raw)
        if leaf.kind == _KEPT:
            if leaf.name:
                yield _KEPT, value
        elif leaf.kind is not None and leaf.kind != table.PLAIN:
            if value not in _LITERALS:
                if leaf.kind != "host" or "://" not in value:
                    yield from _values(leaf.kind, value)
                if leaf.kind == "host":
                    yield from patterns.hosts(value)
                yield from find_free(value, policy, depth, name=leaf.name)
        else:
            yield from find_free(value, policy, depth, name=leaf.name)


def _values(kind: str, value: str) -> Iterator[Sensitive]:
    """A value as it stands, and as it may stand elsewhere."""
    yield kind, value
    if kind == table.SECRET and len(value) >= 4:
        data = value.encode(errors="surrogatepass")
        yield kind, data.hex()
        yield kind, base64.b64encode(data).decode()
        for inner in spellings.inner_texts(value):  # 1.6 writes the AuthorizationKey in hexadecimal
            yield kind, inner


def find_free(text: str, policy: Policy, depth: int = 0, *, name: str = "") -> Iterator[Sensitive]:
    """What is sensitive in any text."""
    if len(text) < 4 or _NUMBER.fullmatch(text):
        return
    if certificates.holds_any(text):
        yield from certificates.find(text)
    if "version" not in name.lower():
        yield from patterns.find(text)
    if depth < _NESTED:
        if _is_nested(text):
            yield from find(text, policy, depth=depth + 1)
        for inner in spellings.inner_texts(text):
            yield from find_free(inner, policy, depth + 1)


def _is_nested(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[", '"') and len(text) > 4


# --- the second pass ---


def _nines(number: str) -> str:
    mantissa, exponent, power = re.split("([eE]|$)", number, maxsplit=1)
    return re.sub("[0-9]", "9", mantissa) + exponent + power


class Texts:
    """Rewrites texts.

    Args:
        needles: what was collected.
        policy: what fields hold.
    """

    def __init__(self, needles: Needles, policy: Policy) -> None:
        self._needles = needles
        self._policy = policy

    def message(self, text: str, action: str | None = None, depth: int = 0) -> str:
        """A text that is JSON, or was: all that is not sensitive stays byte for byte."""
        parts, done = [], 0
        for leaf in leaves(text, self._policy, action):
            new = self._leaf(leaf, depth, is_string=leaf.is_string(text))
            if new != leaf.raw:
                parts += [text[done : leaf.start], new]
                done = leaf.end
        return "".join([*parts, text[done:]])

    def _leaf(self, leaf: _Leaf, depth: int, *, is_string: bool) -> str:
        raw, kind = leaf.raw, leaf.kind
        if kind == _KEPT:
            return raw
        if not is_string:
            return raw if raw in _LITERALS else self._bare(leaf)
        value = unescaped(raw)
        if leaf.is_key:
            return respelt(raw, self._plain(value, depth))
        if kind is not None and value.lower() not in _LITERALS:
            return respelt(raw, self._sensitive(kind, value, depth))
        if patterns.is_time(value) or (leaf.is_measured and _NUMBER.fullmatch(value)):
            return raw
        return respelt(raw, self.free(value, depth))

    def _sensitive(self, kind: str, value: str, depth: int) -> str:
        if kind == table.SECRET:
            if value:
                self._needles.replaced[kind] += 1
            return removed(value)
        return self._needles.whole(value) or self.free(value, depth)

    def _bare(self, leaf: _Leaf) -> str:
        raw = leaf.raw
        is_number = _NUMBER.fullmatch(raw) is not None
        if leaf.kind == table.SECRET:
            self._needles.replaced[leaf.kind] += 1
            return _nines(raw) if is_number else removed(raw)
        if not is_number:
            return self._plain(raw, _NESTED)
        is_free = leaf.name.lower() not in table.common() and len(raw) >= _LONG_NUMBER
        is_sensitive = leaf.kind is not None or is_free or self._needles.is_asked(raw)
        if is_sensitive and raw.removeprefix("-").isdecimal():
            return self._needles.whole(raw) or raw
        return raw

    def free(self, text: str, depth: int = 0) -> str:
        """Any text."""
        if self._needles.is_short(text):
            return self._needles.whole(text) or text
        if certificates.holds_any(text):
            text = certificates.rewritten(text, self._needles.replace)
        if depth < _NESTED and _is_nested(text):
            text = self.message(text, depth=depth + 1)
        return self._plain(text, depth)

    def _plain(self, text: str, depth: int) -> str:
        """A text that is nothing more than a text, and what is spelt in it otherwise."""
        text = self._needles.replace(text)
        if text.lower() in table.common():
            return text
        return spellings.rewritten(text, self._needles.replace, self._inside(depth))

    def _inside(self, depth: int) -> spellings.Change:
        """What is done to a text within a text."""
        if depth >= _NESTED:
            return self._needles.replace
        return lambda inner: self.free(inner, depth + 1)
