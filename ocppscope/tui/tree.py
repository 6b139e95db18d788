"""JSON as lines that fold: each knows where in the payload it stands.

However large a payload is, the lines are few: long arrays begin folded, as does everything after some thousand
lines, and of what is unfolded some hundred items show until more are asked for.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from ocppscope.ocpp.schemas import pointer_of
from ocppscope.ocpp.visible import visible

_LONG: Final = 100
"""Items beyond which an array or object begins folded."""
_FIRST_ITEMS: Final = 500
"""Items of an unfolded array or object that show at first; each time more are asked for, ten times as many."""
_LINES: Final = 5_000
"""Lines after which everything begins folded."""
_DEEPEST: Final = 16
"""Levels that are indented."""
_LONGEST: Final = 4_000
"""Characters of a value that show."""

Kind: TypeAlias = Literal["value", "open", "folded", "close", "more"]


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line."""

    pointer: str
    """Of what it shows, as a JSON pointer (RFC 6901); of a closing bracket, of what it closes."""
    kind: Kind
    """`more` stands for the items of `pointer` that do not show."""
    depth: int
    name: str
    """The key as JSON with its colon; empty for an item."""
    text: str
    """The value, or its bracket, with the comma."""
    value: Any

    @property
    def indent(self) -> str:
        """Spaces; past some levels their number instead."""
        return "  " * self.depth if self.depth <= _DEEPEST else f"{'  ' * _DEEPEST}{self.depth}: "


@dataclass(slots=True)
class _Open:
    """An array or object whose lines are being made."""

    pointer: str
    items: Iterator[tuple[str | None, Any]]
    left: int
    """Items that are still to come, of those that show."""
    hidden: int
    depth: int
    is_object: bool
    comma: str
    value: Any


class Tree:
    """A payload, and what of it is folded.

    Args:
        payload: any JSON value.
    """

    def __init__(self, payload: Any) -> None:
        self._payload = payload
        self._folded: dict[str, bool] = {}
        """By pointer: what the user, or the first look, decided."""
        self._limits: dict[str, int] = {}
        self.lines: list[TreeLine] = []
        self._make()

    def fold(self, index: int) -> int:
        """Fold or unfold what a line shows; a value or closing line folds what it stands in.

        Returns:
            The line on which that is now.
        """
        line = self.lines[index]
        if line.kind == "more":
            self._limits[line.pointer] = 10 * self._limits.get(line.pointer, _FIRST_ITEMS)
            self._make()
            return index
        pointer = line.pointer.rpartition("/")[0] if line.kind == "value" else line.pointer
        if line.kind == "value" and not line.pointer:
            return index
        self._folded[pointer] = line.kind != "folded"
        self._make()
        return self.index_of(pointer)

    def index_of(self, pointer: str) -> int:
        """The line that shows something, or the nearest that holds it."""
        places = {line.pointer: at for at, line in reversed(list(enumerate(self.lines)))}
        while pointer not in places:
            pointer = pointer.rpartition("/")[0]
        return places[pointer]

    def _make(self) -> None:
        self.lines = []
        stack: list[_Open] = []
        self._add(stack, "", "", self._payload, 0, "")
        while stack:
            top = stack[-1]
            if top.left:
                key, item = next(top.items)
                top.left -= 1
                at = len(top.value) - top.hidden - top.left - 1
                below = pointer_of([at if key is None else key])
                name = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
                comma = "," if top.left or top.hidden else ""
                self._add(stack, top.pointer + below, name, item, top.depth + 1, comma)
                continue
            if top.hidden:
                said = f"… {top.hidden:,} more (Enter shows some)"
                self.lines.append(TreeLine(top.pointer, "more", top.depth + 1, "", said, None))
            bracket = "}" if top.is_object else "]"
            self.lines.append(TreeLine(top.pointer, "close", top.depth, "", bracket + top.comma, top.value))
            stack.pop()

    def _add(self, stack: list[_Open], pointer: str, name: str, value: Any, depth: int, comma: str) -> None:
        """The first line of a value; what it holds goes on the stack."""
        name = visible(name)
        if not isinstance(value, dict | list) or not value:
            self.lines.append(TreeLine(pointer, "value", depth, name, _scalar(value) + comma, value))
            return
        is_object = isinstance(value, dict)
        left, right = "{}" if is_object else "[]"
        if self._is_folded(pointer, value):
            items = "item" if len(value) == 1 else "items"
            text = f"{left}… {len(value):,} {items if not is_object else 'fields'}{right}{comma}"
            self.lines.append(TreeLine(pointer, "folded", depth, name, text, value))
            return
        self.lines.append(TreeLine(pointer, "open", depth, name, left, value))
        shown = min(len(value), self._limits.get(pointer, _FIRST_ITEMS))
        items_of = iter(value.items()) if isinstance(value, dict) else ((None, item) for item in value)
        stack.append(
            _Open(pointer, islice(items_of, shown), shown, len(value) - shown, depth, is_object, comma, value)
        )

    def _is_folded(self, pointer: str, value: Any) -> bool:
        if pointer not in self._folded:
            is_long = len(value) > _LONG or len(self.lines) > _LINES
            self._folded[pointer] = is_long and bool(pointer)
        return self._folded[pointer]


def _scalar(value: Any) -> str:
    """A value as JSON, its control characters visible; of a very long one the beginning."""
    if isinstance(value, str) and len(value) > _LONGEST:
        shown = json.dumps(value[:_LONGEST], ensure_ascii=False)[:-1]
        return visible(f'{shown}…" ({len(value):,} characters)')
    return visible(json.dumps(value, ensure_ascii=False))
