"""What differs between two JSON values, by structure.

Keys of objects are matched by name, in whatever order they stand. Items of arrays are matched so that as much as
possible is equal: one that was inserted does not make all after it differ. 1 and 1.0 are equal, "1" and 1 are not.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Kind: TypeAlias = Literal["changed", "missing", "added"]

_WORK: Final = 400_000
"""Comparisons of leaves spent on matching the items of arrays; then only equal items are looked for."""
_SHORT: Final = 60
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two values differ."""

    pointer: str
    """Where (RFC 6901), in the expected value; of something added, in the actual one."""
    kind: Kind
    expected: Any
    """None where it was added."""
    actual: Any
    """None where it is missing."""
    actual_pointer: str | None
    """Where in the actual value, in which items may stand elsewhere; None where it is missing."""

    @property
    def detail(self) -> str:
        """The difference in a sentence, without where it is."""
        if self.kind == "missing":
            return f"missing: {_short(self.expected)}"
        if self.kind == "added":
            return f"added: {_short(self.actual)}"
        before, after = type_name(self.expected), type_name(self.actual)
        types = f" (type differs: {before}, {after})" if before != after else ""
        return f"{_short(self.expected)} ≠ {_short(self.actual)}{types}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of two values side by side, written as indented JSON without commas."""

    expected: str | None
    """None where there is nothing."""
    actual: str | None
    kind: Kind | None
    """None: equal."""
    pointer: str
    difference: Difference | None = None
    """On the first of its lines."""


def differences(expected: Any, actual: Any) -> list[Difference]:
    """What differs between two JSON values, in the order of the expected one."""
    return [row.difference for row in aligned(expected, actual) if row.difference is not None]


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "string", dict: "object", list: "array"}
    return next(name for kind, name in names.items() if isinstance(value, kind))


class _Absent:
    """Stands for what is not there: None is a value."""


_ABSENT: Final = _Absent()
_OPEN: Final[Mapping[str, str]] = {"object": "{", "array": "["}
_CLOSE: Final[Mapping[str, str]] = {"object": "}", "array": "]"}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two values that are matched, or one that has no match."""

    expected: Any
    actual: Any
    pointer: str = ""
    actual_pointer: str = ""
    level: int = 0
    name: str = ""
    """What stands before the value: its key."""
    kind: Kind | None = None
    """That of a difference which it is a part of."""

    def types(self) -> tuple[str, str]:
        """The JSON types of both; empty for what is not there."""
        sides = self.expected, self.actual
        return tuple("" if one is _ABSENT else type_name(one) for one in sides)  # type: ignore[return-value]

    def difference(self) -> Difference | None:
        """That of the two values themselves, not of what they hold; None for a part of another one."""
        if self.kind is not None:
            return None
        if self.expected is _ABSENT:
            return Difference(self.actual_pointer, "added", None, self.actual, self.actual_pointer)
        if self.actual is _ABSENT:
            return Difference(self.pointer, "missing", self.expected, None, None)
        before, after = self.types()
        if before == after and (before in _OPEN or _is_same(self.expected, self.actual)):
            return None
        return Difference(self.pointer, "changed", self.expected, self.actual, self.actual_pointer)


def aligned(expected: Any, actual: Any) -> list[Row]:
    """Two JSON values side by side, a row a line; what is matched stands in the same row."""
    rows: list[Row] = []
    matcher = _Matcher()
    todo: list[_Pair | Row] = [_Pair(expected, actual)]
    while todo:  # no recursion: a message may be nested more deeply than Python's stack
        pair = todo.pop()
        if isinstance(pair, Row):
            rows.append(pair)
            continue
        difference = pair.difference()
        kind = pair.kind or (difference.kind if difference else None)
        types = pair.types()
        matched = types[0] == types[1] and types[0] in _OPEN
        inner = list(matcher.children(pair)) if matched else list(_parts(pair, kind))
        texts = [_text(pair, side, is_open=bool(inner)) for side in (0, 1)]
        pointer = pair.actual_pointer if pair.expected is _ABSENT else pair.pointer
        rows.append(Row(texts[0], texts[1], kind, pointer, difference))
        if inner:
            ends = [_INDENT * pair.level + _CLOSE[one] if one in _CLOSE else None for one in types]
            todo.append(Row(ends[0], ends[1], kind, pointer))
            todo.extend(reversed(inner))
    return rows


def _parts(pair: _Pair, kind: Kind | None) -> Iterator[_Pair]:
    """What two values hold that do not match, or one without a match: first the one's, then the other's."""
    level = pair.level + 1
    if pair.expected is not _ABSENT:
        for name, path, value in _items(pair.expected, pair.pointer):
            yield _Pair(value, _ABSENT, path, "", level, name, kind)
    if pair.actual is not _ABSENT:
        for name, path, value in _items(pair.actual, pair.actual_pointer):
            yield _Pair(_ABSENT, value, "", path, level, name, kind)


def _items(value: Any, pointer: str) -> Iterator[tuple[str, str, Any]]:
    """What a value holds: what is written before it, where it is, and itself."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{_json(key)}: ", f"{pointer}/{_step(key)}", item
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield "", f"{pointer}/{index}", item


def _step(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _text(pair: _Pair, side: int, *, is_open: bool) -> str | None:
    value = (pair.expected, pair.actual)[side]
    if value is _ABSENT:
        return None
    kind = type_name(value)
    start = f"{_INDENT * pair.level}{pair.name}"
    if kind not in _OPEN:
        return start + _json(value)
    # Where the other one holds something, an empty one is open too: they close in the same row.
    return start + _OPEN[kind] + ("" if is_open else _CLOSE[kind])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _short(value: Any) -> str:
    kind = type_name(value)
    if kind in _OPEN:
        return f"{_OPEN[kind]}…{_CLOSE[kind]}" if value else _OPEN[kind] + _CLOSE[kind]
    text = _json(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type_name(one) == type_name(other) and bool(one == other))


# --- matching ---

_Match: TypeAlias = tuple[int | None, int | None]
"""The indexes of two items that belong together; None where there is nothing."""
_Leaves: TypeAlias = dict[tuple[str | int, ...], tuple[str, Any]]
"""By path: what stands there, with its type."""


def _leaves(value: Any) -> _Leaves:
    """The values that hold no others."""
    leaves: _Leaves = {}
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while todo:
        path, one = todo.pop()
        if isinstance(one, dict) and one:
            todo.extend(((*path, key), item) for key, item in one.items())
        elif isinstance(one, list) and one:
            todo.extend(((*path, index), item) for index, item in enumerate(one))
        else:
            kind = type_name(one)
            leaves[path] = (kind, None if kind in _OPEN else one)
    return leaves


def _likeness(one: _Leaves, other: _Leaves) -> int:
    """How good a match is. Equal values count most, then places that both have; any match is better than none."""
    return 1 + len(one.keys() & other.keys()) + 4 * len(one.items() & other.items())


class _Matcher:
    """Matches what objects and arrays hold."""

    def __init__(self) -> None:
        self._work = _WORK

    def children(self, pair: _Pair) -> Iterator[_Pair]:
        """What two objects, or two arrays, hold."""
        if isinstance(pair.expected, dict):
            return _members(pair)
        return self._array(pair)

    def _array(self, pair: _Pair) -> Iterator[_Pair]:
        expected, actual = pair.expected, pair.actual
        for at, to in self._matched(expected, actual):
            yield _Pair(
                _ABSENT if at is None else expected[at],
                _ABSENT if to is None else actual[to],
                f"{pair.pointer}/{at}",
                f"{pair.actual_pointer}/{to}",
                pair.level + 1,
            )

    def _matched(self, expected: list[Any], actual: list[Any]) -> list[_Match]:
        """The indexes of the items of two arrays that belong together; None where there is nothing."""
        if len(expected) == len(actual) == 1:
            return [(0, 0)]  # as arrays in arrays often are, to any depth
        before, after = [_leaves(item) for item in expected], [_leaves(item) for item in actual]
        shorter = min(len(before), len(after))
        start = 0
        while start < shorter and before[start] == after[start]:
            start += 1
        end = 0
        while end < shorter - start and before[-1 - end] == after[-1 - end]:
            end += 1
        middle = before[start : len(before) - end], after[start : len(after) - end]
        return [
            *((index, index) for index in range(start)),
            *_moved(self._aligned(*middle), start, start),
            *((len(before) - left, len(after) - left) for left in range(end, 0, -1)),
        ]

    def _aligned(self, before: Sequence[_Leaves], after: Sequence[_Leaves]) -> Iterator[_Match]:
        if not before or not after or _is_ordered(before, after):
            return self._anchored(before, after)
        # Of several matches that are equally good, the same one is found whichever value comes first.
        return ((at, to) for to, at in self._anchored(after, before))

    def _anchored(self, before: Sequence[_Leaves], after: Sequence[_Leaves]) -> Iterator[_Match]:
        """Match all; where that is too much work, only what stands between items that are equal and unique."""
        anchors = [] if self._is_affordable(before, after) else _anchors(before, after)
        start = end = 0
        for at, to in [*anchors, (len(before), len(after))]:
            yield from _moved(self._between(before[start:at], after[end:to]), start, end)
            if at < len(before) or to < len(after):
                yield at, to
            start, end = at + 1, to + 1

    def _between(self, before: Sequence[_Leaves], after: Sequence[_Leaves]) -> Sequence[_Match]:
        if self._is_affordable(before, after):
            self._work -= _work(before, after)
            return _best(before, after)
        longer = range(max(len(before), len(after)))
        return [(at if at < len(before) else None, at if at < len(after) else None) for at in longer]

    def _is_affordable(self, before: Sequence[_Leaves], after: Sequence[_Leaves]) -> bool:
        return _work(before, after) <= self._work


def _moved(matches: Iterable[_Match], by: int, to: int) -> Iterator[_Match]:
    """Matches of parts as matches of the whole."""
    return ((None if at is None else at + by, None if other is None else other + to) for at, other in matches)


def _work(before: Sequence[_Leaves], after: Sequence[_Leaves]) -> int:
    return sum(map(len, before)) * len(after) + sum(map(len, after)) * len(before)


def _anchors(before: Sequence[_Leaves], after: Sequence[_Leaves]) -> list[tuple[int, int]]:
    """Items that are equal and occur once on each side: as many as stand in the same order (a patience diff)."""
    places = [_places(before), _places(after)]
    pairs = sorted(
        (at, places[1][key]) for key, at in places[0].items() if at >= 0 and places[1].get(key, -1) >= 0
    )
    ends: list[int] = []
    """The last item of the best row of each length; by its place in `after`."""
    previous: dict[tuple[int, int], tuple[int, int] | None] = {}
    tails: list[tuple[int, int]] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        previous[pair] = tails[length - 1] if length else None
        ends[length : length + 1] = [pair[1]]
        tails[length : length + 1] = [pair]
    row: list[tuple[int, int]] = []
    last = tails[-1] if tails else None
    while last is not None:
        row.append(last)
        last = previous[last]
    return row[::-1]


def _places(items: Sequence[_Leaves]) -> dict[frozenset[Any], int]:
    """Where each item stands; -1 for one that is there more than once."""
    places: dict[frozenset[Any], int] = {}
    for index, leaves in enumerate(items):
        key = frozenset(leaves.items())
        places[key] = -1 if key in places else index
    return places


def _members(pair: _Pair) -> Iterator[_Pair]:
    """What two objects hold: the expected keys in their order, each added one after the one it follows."""
    expected, actual = pair.expected, pair.actual
    followers: dict[str | None, list[str]] = {}
    known: str | None = None
    for key in actual:
        if key in expected:
            known = key
        else:
            followers.setdefault(known, []).append(key)
    order = [] if known is None else list(followers.get(None, ()))
    for key in expected:
        order += [key, *followers.get(key, ())]
    order += followers.get(None, ()) if known is None else ()  # nothing is in both
    for key in order:
        step = _step(key)
        yield _Pair(
            expected.get(key, _ABSENT),
            actual.get(key, _ABSENT),
            f"{pair.pointer}/{step}",
            f"{pair.actual_pointer}/{step}",
            pair.level + 1,
            f"{_json(key)}: ",
        )


def _is_ordered(before: Sequence[_Leaves], after: Sequence[_Leaves]) -> bool:
    """An order of sequences that begin with different items; any will do that tells one from the other."""
    if len(before) != len(after):
        return len(before) < len(after)
    return sorted(map(repr, before[0].items())) < sorted(map(repr, after[0].items()))


def _best(before: Sequence[_Leaves], after: Sequence[_Leaves]) -> list[_Match]:
    """The alignment in which what is matched is most alike."""
    rows, columns = len(before), len(after)
    likeness = [[_likeness(one, other) for other in after] for one in before]
    score = [[0] * (columns + 1) for _ in range(rows + 1)]
    """The best for what is left from a place on."""
    for row in range(rows - 1, -1, -1):
        below, here, like = score[row + 1], score[row], likeness[row]
        for column in range(columns - 1, -1, -1):
            here[column] = max(like[column] + below[column + 1], below[column], here[column + 1])
    found: list[_Match] = []
    row = column = 0
    while row < rows and column < columns:
        if score[row][column] == likeness[row][column] + score[row + 1][column + 1]:
            found.append((row, column))
            row, column = row + 1, column + 1
        elif score[row][column] == score[row + 1][column]:
            found.append((row, None))
            row += 1
        else:
            found.append((None, column))
            column += 1
    found += [(left, None) for left in range(row, rows)]
    found += [(None, left) for left in range(column, columns)]
    return found
