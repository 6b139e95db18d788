"""What the Detail view is put together from: parts that make each of their rows when it is drawn."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from rich.cells import cell_len, chop_cells
from textual.geometry import Size

from ocppscope.ocpp.visible import visible
from ocppscope.tui.lines import Cell, LineList


class Rows(Protocol):
    """Some rows."""

    def __len__(self) -> int: ...

    def cells(self, index: int) -> Sequence[Cell]:
        """What a row shows."""

    def anchor(self, index: int) -> int:
        """What a row shows, told so that it is found again when the rows are laid out anew."""

    def index_of(self, anchor: int) -> int:
        """The row that shows it now."""


class FixedRows:
    """Rows that are all known."""

    def __init__(self, rows: Sequence[Sequence[Cell]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def cells(self, index: int) -> Sequence[Cell]:
        return self._rows[index]

    def anchor(self, index: int) -> int:
        return index

    def index_of(self, anchor: int) -> int:
        return min(anchor, len(self._rows) - 1)


_AFTER: Final = "^ it breaks here"
_BEFORE: Final = "it breaks here ^"
"""Where there is no room to the right."""


class RawText:
    """A text exactly as it was sent, but for control characters, which must not move the cursor.

    Args:
        text: of any length.
        width: columns there are.
        breaks_at: the character to point at.
    """

    def __init__(self, text: str, width: int, breaks_at: int | None = None) -> None:
        self._text = text
        self._width = width
        self._starts = _line_starts(text, width)
        self._broken_row = -1 if breaks_at is None else self._row_of(breaks_at)
        """The row that what points at the character stands below."""
        self._breaks_at = breaks_at or 0

    def __len__(self) -> int:
        return len(self._starts) + (self._broken_row >= 0)

    def cells(self, index: int) -> list[Cell]:
        if self._broken_row >= 0 and index == self._broken_row + 1:
            before = visible(self._text[self._starts[self._broken_row] : self._breaks_at])
            at = cell_len(before)
            if at + len(_AFTER) <= self._width:
                return [" " * at, (_AFTER, "error")]
            return [" " * (at - len(_BEFORE) + 1), (_BEFORE, "error")]
        row = index - (0 <= self._broken_row < index)
        end = self._starts[row + 1] if row + 1 < len(self._starts) else len(self._text)
        return [visible(self._text[self._starts[row] : end])]

    def anchor(self, index: int) -> int:
        row = index - (0 <= self._broken_row < index)
        return self._starts[row]

    def index_of(self, anchor: int) -> int:
        row = self._row_of(anchor)
        return row + (0 <= self._broken_row < row)

    def _row_of(self, at: int) -> int:
        return max(bisect_right(self._starts, at) - 1, 0)

    def find(self, wanted: str, index: int, step: int) -> int | None:
        """The next row, or the one before, in which a text begins; past the end the search begins anew."""
        text, wanted = self._text.lower(), wanted.lower()
        row = index - (0 <= self._broken_row < index)
        start = self._starts[row]
        if step > 0:
            after = self._starts[row + 1] if row + 1 < len(self._starts) else len(text)
            hit = text.find(wanted, after)
            hit = text.find(wanted) if hit < 0 else hit
        else:
            hit = text.rfind(wanted, 0, start + len(wanted) - 1)
            hit = text.rfind(wanted) if hit < 0 else hit
        return None if hit < 0 else self.index_of(hit)


def _line_starts(text: str, width: int) -> "array[int]":
    """Where in a text each row begins."""
    starts, at = array("q", (0,)), 0
    while True:
        newline = text.find("\n", at, at + width)
        end = newline + 1 if newline >= 0 else at + width
        if not text[at:end].isascii():
            shown = visible(text[at:end])
            if cell_len(shown) > width:
                end = at + max(len(chop_cells(shown, width)[0]), 1)
        at = end
        if at >= len(text):
            return starts
        starts.append(at)


Arrange: TypeAlias = Callable[[int], Sequence[Rows]]
"""Columns there are → the parts."""


class RowList(LineList):
    """Several parts, one after another, laid out anew when the terminal has another width."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self.parts: Sequence[Rows] = ()
        self._arrange: Arrange = lambda _: ()
        self._width = 0

    def show(self, arrange: Arrange, cursor: tuple[int, int] = (0, 0)) -> None:
        """Show other parts.

        Args:
            arrange: lays them out.
            cursor: the part that it goes to, and the anchor there.
        """
        self._arrange = arrange
        self._lay_out(cursor)

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._lay_out(self.place())
        super().on_resize()

    def _lay_out(self, cursor: tuple[int, int]) -> None:
        self._width = self.size.width
        top = self.cursor - round(self.scroll_y)
        self.parts = self._arrange(max(self._width - 2, 20))
        self.virtual_size = Size(self._width, self.count())
        self.cursor = self.index_at(*cursor)
        self.scroll_to(y=max(self.cursor - min(top, self.page - 1), 0), animate=False)
        self.refresh_count()
        self.post_message(self.Moved(self, self.cursor))

    def place(self) -> tuple[int, int]:
        """The part that the cursor is in, and the anchor there."""
        if not self.count():
            return 0, 0
        part, index = self.row(self.cursor)
        return part, self.parts[part].anchor(index)

    def index_at(self, part: int, anchor: int) -> int:
        """The line of an anchor."""
        if part >= len(self.parts) or not len(self.parts[part]):
            return 0
        return sum(map(len, self.parts[:part])) + self.parts[part].index_of(anchor)

    def row(self, index: int) -> tuple[int, int]:
        """Which part a line is in, and which row of it it is."""
        for at, part in enumerate(self.parts):
            if index < len(part):
                return at, index
            index -= len(part)
        raise IndexError(index)

    def count(self) -> int:
        return sum(map(len, self.parts))

    def cells(self, index: int) -> Sequence[Cell]:
        part, row = self.row(index)
        return self.parts[part].cells(row)
