"""Two events side by side, with what differs between them."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final

from rich.cells import chop_cells
from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ocppscope.events import FROM_STATION, TYPE_NAMES, Event, Message
from ocppscope.export.records import event_record
from ocppscope.ocpp.difference import Kind, Row, aligned
from ocppscope.ocpp.times import timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural
from ocppscope.tui.lines import Cell, Column, LineList, fitted
from ocppscope.tui.views.base import View

_SIGNS: Final[dict[Kind | None, Cell]] = {
    "changed": ("≠", "warning"),
    "missing": ("-", "error"),
    "added": ("+", "good"),
    None: " ",
}
_STYLES: Final[dict[Kind | None, str]] = {"changed": "warning", "missing": "error", "added": "good", None: ""}
_FOLDED: Final = 100
"""Lines at most for one value: a certificate is longer than a line, a firmware image than a screen."""
_NOT_COMPARED: Final = ("n", "timestamp", "session")
"""Fields of an event that differ anyhow; the head tells them."""


class CompareLines(LineList):
    """Rows of two values, folded to the width of the screen."""

    def __init__(self, titles: Sequence[str], heads: Sequence[Sequence[str]], rows: Sequence[Row]) -> None:
        left, right = titles
        super().__init__((Column(left, 0), Column("", 1), Column(right, 0)), id="compare")
        self._heads = heads
        self._rows = rows
        self._shown: Sequence[Row] = rows
        self._lines: list[tuple[Row | None, str, str]] = []
        """The row of each line, and its two texts."""

    def show(self, *, only_differences: bool) -> None:
        """Show all rows, or only those that differ and what they are in."""
        row = self.row_at(self.cursor)
        self._shown = _differing(self._rows) if only_differences else self._rows
        self._fold()
        self._go_to_row(row)

    def on_resize(self) -> None:
        row = self.row_at(self.cursor)
        is_first = not self._lines
        self._fold()
        super().on_resize()
        if is_first:
            self.step(1)
        else:
            self._go_to_row(row)

    def _go_to_row(self, row: Row | None) -> None:
        self.cursor = next((at for at, line in enumerate(self._lines) if line[0] is row), 0)

    def _fold(self) -> None:
        width = self.widths(self.scrollable_content_region.width - 1)[0]
        self._lines = [(None, left, right) for left, right in self._heads]
        for row in self._shown:
            left, right = _folded(row.expected, width), _folded(row.actual, width)
            self._lines += [(row, *texts) for texts in zip_longest(left, right, fillvalue="")]
        self.refresh_count()

    def widths(self, width: int) -> list[int]:
        half = max((width - 4) // 2, 4)
        return [half, 1, half]

    def row_at(self, index: int) -> Row | None:
        """The row that a line belongs to; None for the head."""
        return self._lines[index][0] if index < len(self._lines) else None

    def step(self, step: int) -> bool:
        """Go to the next difference, or the one before; False if there is none."""
        known: Row | None = None
        places = []
        for index, (row, _, _) in enumerate(self._lines):
            if row is not known and row is not None and row.difference is not None:
                places.append(index)
            known = row
        beyond = [at for at in places if (at - self.cursor) * step > 0]
        if beyond:
            self.go_to(min(beyond, key=lambda at: abs(at - self.cursor)))
        return bool(beyond)

    def count(self) -> int:
        return len(self._lines)

    def cells(self, index: int) -> Sequence[Cell]:
        row, left, right = self._lines[index]
        if row is None:
            return ((left, "dim"), " ", (right, "dim"))
        style = _STYLES[row.kind]
        return ((left, style), _SIGNS[row.kind], (right, style))


def _folded(text: str | None, width: int) -> list[str]:
    """A text in as many lines as it takes."""
    if text is None:
        return []
    text = visible(text)
    if len(text) > _FOLDED * width:
        left = len(text) - _FOLDED * width
        text = text[: _FOLDED * width]
        return [*chop_cells(text, width), f"… {left:,} more characters"]
    return chop_cells(text, width) or [""]


def _differing(rows: Sequence[Row]) -> list[Row]:
    """The rows that differ, with the objects and arrays that they are in."""
    kept: set[int] = set()
    around: list[int] = []
    for index, row in enumerate(rows):
        text = (row.expected or "").strip()
        if row.kind is not None:
            kept.update(around)
            kept.add(index)
        elif text in ("}", "]"):
            if around.pop() in kept:
                kept.add(index)
        elif text.endswith(("{", "[")):
            around.append(index)
    return [rows[index] for index in sorted(kept)]


class CompareView(View):
    """Two events side by side.

    Args:
        a: the number of the left one.
        b: that of the right one.
    """

    ROOM = "compare"
    DEFAULT_CSS = """
    CompareView > #summary { height: 1; padding: 0 1; text-style: bold; }
    """

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self._numbers = a, b
        self._only_differences = False
        self._rows: list[Row] = []

    def compose(self) -> ComposeResult:
        stored = [self.browser.store.event(n) for n in self._numbers]
        events = [one.event for one in stored if one is not None]
        if len(events) == 2:
            self._rows = aligned(*map(compared, events))
        titles = [f"{name}  {_title(event)}" for name, event in zip("AB", events, strict=False)] or ["A", "B"]
        heads = list(zip(*map(_head, events), strict=True)) if len(events) == 2 else []
        self._lines = CompareLines(titles, heads, self._rows)
        yield from super().compose()

    def body(self) -> Iterable[Widget]:
        yield self._lines
        yield Static(id="summary", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.query_one("#summary", Static).update(Content(fitted(self.summary(), event.size.width - 2)))
        self.call_after_refresh(self.show_status)

    def heading(self) -> str:
        a, b = self._numbers
        return f"compare › #{a:,} and #{b:,}"

    def summary(self) -> str:
        """How many differences there are, and where."""
        found = [row.difference for row in self._rows if row.difference is not None]
        if not found:
            return "no differences"
        places = ", ".join(visible(one.pointer) or "the whole" for one in found)
        return f"{plural(len(found), 'difference')}: {places}"

    def status(self) -> str:
        row = self._lines.row_at(self._lines.cursor)
        shown = ["only differences"] if self._only_differences else []
        if row is not None:
            said = row.difference.detail if row.difference else row.kind or "equal"
            shown = [f"{visible(row.pointer) or 'the whole'}: {visible(said)}", *shown]
        return "  ·  ".join([super().status(), *shown])

    def text_to_copy(self) -> str:
        row = self._lines.row_at(self._lines.cursor)
        if row is None:
            return super().text_to_copy()
        if row.kind is None:
            return (row.expected or "").strip()
        sides = (("A", row.expected), ("B", row.actual))
        said = [f"{name}: {text.strip()}" for name, text in sides if text is not None]
        return "\n".join([row.pointer, *said])

    # --- keys ---

    def action_only_differences(self) -> None:
        """Show only what differs, or everything."""
        self._only_differences = not self._only_differences
        self._lines.show(only_differences=self._only_differences)
        self.show_status()

    def action_next_difference(self) -> None:
        """Go to the next difference."""
        if not self._lines.step(1):
            self.say("no difference below")

    def action_previous_difference(self) -> None:
        """Go to the difference before."""
        if not self._lines.step(-1):
            self.say("no difference above")


def compared(event: Event) -> Any:
    """What of an event is compared: the payload of a message, the parts of an error, the fields of others."""
    if not isinstance(event, Message):
        return {name: value for name, value in event_record(event).items() if name not in _NOT_COMPARED}
    if event.error is None:
        return event.payload
    error = event.error
    return {"code": error.code, "description": error.description, "details": error.details}


def _title(event: Event) -> str:
    if not isinstance(event, Message):
        return f"#{event.n:,} {type(event).__name__.lower()}"
    action = str(event.action) if event.action is not None else "?"
    return visible(f"#{event.n:,} {action} {TYPE_NAMES[event.type]}")


def _head(event: Event) -> tuple[str, str]:
    """Who, and when."""
    session = event.session
    direction = getattr(event, "direction", None)
    way = "" if direction is None else " → CSMS" if direction == FROM_STATION else " ← CSMS"
    who = f"{session.station or 'unnamed station'}{way}, session {session.number}"
    return visible(who), timestamp(event.time) or "at an unknown time"
