"""What all views have: a title line, a list, a status line, the prompt, and the keys."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from ocppscope.ocpp.visible import visible
from ocppscope.store import StoreError
from ocppscope.tui.actions import bindings
from ocppscope.tui.lines import LineList, fitted
from ocppscope.tui.prompt import Prompt, Question

if TYPE_CHECKING:
    from ocppscope.tui.app import Browser

SMALLEST: Final = (40, 8)
"""Columns and lines below which nothing is readable."""


class View(Screen[None]):
    """One view of the capture. A subclass gives its body, and answers what the keys ask."""

    ROOM: ClassVar[str]
    """Its name among the actions."""
    HEADING = ""
    DEFAULT_CSS = """
    View > #bar { height: 1; background: $primary-muted; color: $foreground; text-style: bold; padding: 0 1; }
    View > #status { height: 1; background: $panel; color: $text-muted; padding: 0 1; }
    View > #status.alert { color: $text-error; text-style: bold; }
    View > .body { height: 1fr; }
    View > #small { display: none; height: 1fr; padding: 1; color: $text-error; }
    View.small > * { display: none; }
    View.small > #small { display: block; }
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "ROOM" in cls.__dict__:
            cls.BINDINGS = bindings(cls.ROOM)
        super().__init_subclass__(**kwargs)

    @property
    def browser(self) -> "Browser":
        """The app."""
        return cast("Browser", self.app)

    def compose(self) -> ComposeResult:
        yield Static(id="small", markup=False)
        yield Static(id="bar", markup=False)
        for widget in self.body():
            widget.add_class("body")
            yield widget
        yield Static(id="status", markup=False)
        yield Prompt()
        yield Footer(show_command_palette=False)

    def body(self) -> Iterable[Widget]:
        """The widgets between title and status line."""
        raise NotImplementedError

    @property
    def is_built(self) -> bool:
        """Whether its widgets are there: keys that were typed ahead come before that."""
        return bool(self.query(LineList))

    @property
    def main(self) -> LineList:
        """The list that the keys move in."""
        return self.query(LineList).first()

    def on_mount(self) -> None:
        self.set_focus(self.main)
        self.refresh_safely()

    def on_resize(self, event: events.Resize) -> None:
        """Say so where nothing can be read; what was shown is there again when there is room."""
        columns, lines = event.size
        self.set_class(columns < SMALLEST[0] or lines < SMALLEST[1], "small")
        self.query_one("#small", Static).update(
            f"{columns} columns and {lines} lines are too few: ocppscope needs {SMALLEST[0]} and {SMALLEST[1]}"
        )
        self.show_bar()

    def on_screen_resume(self) -> None:
        self.refresh_safely()

    def refresh_safely(self) -> None:
        """Show what the store has now; where it cannot be read say so, and leave what is shown."""
        if not self.is_built:
            return
        try:
            self.store_changed()
        except StoreError as error:
            self.browser.show_alert(str(error))

    # --- what a subclass says ---

    def store_changed(self) -> None:
        """The store has more, or something that all views show has changed: show it."""
        self.show_bar()
        self.show_status()

    def filter_changed(self) -> None:
        """Another filter is set, or routine messages are hidden or shown."""
        self.store_changed()

    def current(self) -> int | None:
        """The number of the event that the cursor is on."""
        return None

    async def choose(self) -> None:
        """Open what the cursor is on."""

    def go_to_event(self, n: int) -> None:
        """Put the cursor on an event, where the view lists events."""

    def heading(self) -> str:
        """What is shown."""
        return self.HEADING

    def status(self) -> str:
        """What the status line says of the list."""
        count = self.main.count()
        return f"{self.main.cursor + 1:,} of {count:,}" if count else "nothing to show"

    def text_to_copy(self) -> str:
        """What `copy` takes: the line under the cursor."""
        if not self.main.count():
            return ""
        cells = self.main.cells(self.main.cursor)
        return "  ".join(cell if isinstance(cell, str) else cell[0] for cell in cells).strip()

    def find(self, text: str, step: int) -> None:
        """Go to the next line (`step` 1), or the one before (-1), that shows a text."""
        lines, wanted = self.main, text.lower()
        count = lines.count()
        for distance in range(1, count + 1):
            index = (lines.cursor + step * distance) % count
            shown = " ".join(cell if isinstance(cell, str) else cell[0] for cell in lines.cells(index))
            if wanted in shown.lower():
                lines.go_to(index)
                return
        self.say(f"nothing here holds {text!r}")

    def step_finding(self, step: int) -> None:  # noqa: ARG002
        """Go to the next event, or the one before, with an error or a warning."""
        self.say("Messages (2) and Ladder (3) step from finding to finding")

    def follow_changed(self) -> None:
        """Following begins or ends."""

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is on the last line: what follows goes on from there only."""
        return self.main.cursor >= self.main.count() - 1

    @property
    def export_name(self) -> str:
        """What a file that is exported from here is called, if the user does not say."""
        return "ocppscope-export.txt"

    # --- title and status ---

    def show_bar(self) -> None:
        """Draw the title line; of a view that has gone there is none."""
        for bar in self.query("#bar").results(Static):
            right = self.browser.progress()
            left = fitted(
                f"{self.browser.source} › {self.heading()}", max(self.size.width - 2 - len(right), 0)
            )
            bar.update(Content(visible(f"{left}{right}")), layout=False)

    def show_status(self) -> None:
        """Draw the status line; of a view that has gone there is none."""
        if not self.is_built:
            return
        browser = self.browser
        first = browser.said or browser.alert or self.status()
        for status in self.query("#status").results(Static):
            status.set_class(first == browser.alert, "alert")
            text = "  ·  ".join(part for part in (first, *browser.state()) if part)
            status.update(Content(fitted(visible(text), max(self.size.width - 2, 0)).rstrip()), layout=False)

    def say(self, text: str) -> None:
        """Tell the user something, until the next key: in the status line, or over it where it is longer."""
        self.browser.clear_notifications()
        if len(text) <= self.size.width - 2:
            self.browser.said = text
            self.show_status()
        else:
            self.notify(text, timeout=6, markup=False)

    def on_line_list_moved(self) -> None:
        self.show_status()

    # --- the prompt ---

    def ask(self, question: Question) -> None:
        """Ask the user for a line."""
        self.query_one(Prompt).ask(question)

    def close_prompt(self) -> bool:
        """Close the prompt; False if it was not open."""
        prompt = self.query_one(Prompt)
        if not prompt.is_open:
            return False
        prompt.close()
        self.set_focus(self.main)
        return True

    def takes(self, event: events.Key) -> bool:
        """Whether the prompt takes a key that came here while it was not yet asked."""
        return any(prompt.takes(event) for prompt in self.query(Prompt).results(Prompt))
