"""A list that draws only the lines that show, so that a million of them take no longer than a screenful."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ocppscope.ocpp.visible import visible
from ocppscope.tui.actions import bindings

Cell: TypeAlias = str | tuple[str, str]
"""A text; or a text and the name of a style: one of STYLES."""
STYLES: Final = ("dim", "bold", "error", "warning", "info", "station", "csms", "good", "accent", "title")


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    title: str
    width: int
    """In columns of the terminal; 0: what the others leave."""
    right: bool = False
    """Numbers stand to the right."""


class LineList(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines with a cursor. A subclass says how many there are and what each one shows."""

    BINDINGS = bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{name}" for name in (*STYLES, "cursor", "head")}
    DEFAULT_CSS = """
    LineList {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .lines--dim { text-style: dim; }
        & > .lines--bold { text-style: bold; }
        & > .lines--error { color: $text-error; text-style: bold; }
        & > .lines--warning { color: $text-warning; }
        & > .lines--info { text-style: dim; }
        & > .lines--station { color: $text-primary; }
        & > .lines--csms { color: $text-accent; }
        & > .lines--good { color: $text-success; }
        & > .lines--accent { color: $text-accent; }
        & > .lines--title { text-style: bold; color: $text-primary; }
        & > .lines--head { text-style: bold; background: $panel; color: $foreground; }
        & > .lines--cursor { background: $primary-muted; text-style: bold; }
        &:focus > .lines--cursor { background: $primary 60%; color: $foreground; }
    }
    """

    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor is on another line."""

        def __init__(self, lines: "LineList", index: int) -> None:
            super().__init__()
            self.lines = lines
            self.index = index

    def __init__(self, columns: Sequence[Column] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._styles: dict[str, Style] = {}

    # --- what a subclass says ---

    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def cells(self, index: int) -> Sequence[Cell]:
        """What a line shows: a cell for each column, or one across all; without columns one after the other."""
        raise NotImplementedError

    def mark_of(self, index: int) -> str:  # noqa: ARG002
        """One character before the line, for marks."""
        return " "

    # --- size and cursor ---

    @property
    def _head(self) -> int:
        return 1 if self.columns else 0

    @property
    def page(self) -> int:
        """Lines that fit on the screen."""
        return max(self.size.height - self._head, 1)

    @property
    def line_width(self) -> int:
        """Columns of a line: what the scroll bar leaves."""
        return self.scrollable_content_region.width

    @property
    def visible_range(self) -> range:
        """The lines that show."""
        top = round(self.scroll_y)
        return range(top, min(top + self.page, self.count()))

    def refresh_count(self) -> None:
        """There are more or fewer lines: take that in, without moving what shows."""
        count = self.count()
        self.virtual_size = Size(self.line_width, count + self._head)
        if count and self.cursor >= count:
            self.cursor = count - 1
        self.refresh()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.count() - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self._show_cursor()
        top = round(self.scroll_y)
        for index in (old, new):
            if top <= index < top + self.page:
                self.refresh_line(index + self._head)
        self.post_message(self.Moved(self, new))

    def _show_cursor(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self.page:
            self.scroll_to(y=self.cursor - self.page + 1, animate=False)

    def go_to(self, index: int) -> None:
        """Move the cursor, and show it with some lines around it."""
        self.refresh_count()
        self.cursor = index
        if self.cursor not in self.visible_range or self.cursor == self.visible_range.stop - 1:
            self.scroll_to(y=max(self.cursor - self.page // 3, 0), animate=False)

    def on_resize(self) -> None:
        self.refresh_count()
        self._show_cursor()

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        base = self.rich_style
        if y < self._head:
            return self._head_strip(width)
        index = y - self._head + round(self.scroll_y)
        if index >= self.count():
            return Strip.blank(width, base)
        is_cursor = index == self.cursor
        if is_cursor:
            base += self._style("cursor")
        mark = self.mark_of(index)
        segments = [Segment("›" if is_cursor and mark == " " else mark, base)]
        # Colours of cells cannot be read on the cursor's own.
        segments += self._laid_out(self.cells(index), width - 1, base, is_plain=is_cursor)
        return Strip(segments).adjust_cell_length(width, base)

    def _head_strip(self, width: int) -> Strip:
        style = self.rich_style + self._style("head")
        titles = [column.title for column in self.columns]
        return Strip([Segment(" ", style), *self._laid_out(titles, width - 1, style)]).adjust_cell_length(
            width, style
        )

    def _laid_out(
        self, cells: Sequence[Cell], width: int, base: Style, *, is_plain: bool = False
    ) -> list[Segment]:
        """The pieces of a line. Whatever a capture, or a stranger's store, holds: nothing moves the cursor."""
        segments: list[Segment] = []
        if not self.columns or len(cells) == 1:
            for cell in cells:
                text, style = cell if isinstance(cell, tuple) else (cell, "")
                segments.append(
                    Segment(visible(text), base if is_plain or not style else base + self._style(style))
                )
            return segments
        for column, size, cell in zip(self.columns, self.widths(width), cells, strict=False):
            text, style = cell if isinstance(cell, tuple) else (cell, "")
            shown = fitted(visible(text), size, right=column.right)
            segments.append(
                Segment(f"{shown} ", base if is_plain or not style else base + self._style(style))
            )
        return segments

    def widths(self, width: int) -> list[int]:
        """The width of each column; those of width 0 share what is left."""
        spaces = len(self.columns) - 1
        fixed = sum(column.width for column in self.columns)
        flexible = sum(not column.width for column in self.columns)
        share = max((width - fixed - spaces) // flexible, 4) if flexible else 0
        return [column.width or share for column in self.columns]

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"lines--{name}", partial=True)
        return self._styles[name]

    # --- as text ---

    def head_text(self) -> str:
        """The titles of the columns, as they show; empty where there are none."""
        titles = [column.title for column in self.columns]
        return " " + self._text_of(titles) if titles else ""

    def line_text(self, index: int) -> str:
        """A line, as it shows."""
        return self.mark_of(index) + self._text_of(self.cells(index))

    def _text_of(self, cells: Sequence[Cell]) -> str:
        return "".join(part.text for part in self._laid_out(cells, self.line_width - 1, Style.null()))

    # --- keys and mouse ---

    def action_cursor_down(self) -> None:
        self.cursor += 1

    def action_cursor_up(self) -> None:
        self.cursor -= 1

    def action_page_down(self) -> None:
        self._by(self.page)

    def action_page_up(self) -> None:
        self._by(-self.page)

    def action_half_page_down(self) -> None:
        self._by(self.page // 2)

    def action_half_page_up(self) -> None:
        self._by(-(self.page // 2))

    def _by(self, lines: int) -> None:
        """Move the cursor, and the page with it, so that the cursor stays where it is on the screen."""
        top = max(0, min(round(self.scroll_y) + lines, self.count() - self.page))
        self.scroll_to(y=top, animate=False)
        self.cursor += lines

    def action_to_start(self) -> None:
        self.cursor = 0

    def action_to_end(self) -> None:
        self.cursor = self.count() - 1

    async def on_click(self, event: events.Click) -> None:
        index = event.y - self._head + round(self.scroll_y)
        if event.y >= self._head and index < self.count():
            self.cursor = index
            if event.chain == 2:
                await self.run_action("app.choose")


class FixedLines(LineList):
    """Lines that are all known, such as the parts of one message."""

    def __init__(self, columns: Sequence[Column] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(columns, id=id)
        self.lines: Sequence[Sequence[Cell]] = ()

    def show(self, lines: Sequence[Sequence[Cell]], cursor: int = 0) -> None:
        """Show other lines."""
        self.lines = lines
        self.cursor = cursor
        self.refresh_count()

    def count(self) -> int:
        return len(self.lines)

    def cells(self, index: int) -> Sequence[Cell]:
        return self.lines[index]


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """A text in exactly so many columns, cut with an ellipsis where it is longer."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else text[:width]
    padding = " " * (width - length)
    return padding + text if right else text + padding


def wrapped(text: str, width: int) -> list[str]:
    """A paragraph in lines of at most so many columns; one empty line for an empty text."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    if text.isascii():
        return lines
    return [piece for line in lines for piece in (chop_cells(line, width) or [""])]


MARKS: Final[Mapping[str | None, Cell]] = {
    "error": ("E", "error"),
    "warning": ("W", "warning"),
    "info": ("i", "info"),
    None: " ",
}
"""The mark of a severity: a letter, so that nobody needs colours."""
