"""The line at the bottom in which the user types: a filter, a text to search for, a comment, a file name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, Static

from ocppscope.filter import Completion, FilterError, Known, complete, form, is_unfinished, parse
from ocppscope.store import StoreError
from ocppscope.tui.lines import LineList

if TYPE_CHECKING:
    from ocppscope.tui.app import Browser

_SHOWN = 8
_HISTORY = 50
_ANY = "Enter: show what it selects; empty: everything"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for."""

    label: str
    value: str
    take: Callable[[str], None]
    """Gets what the user entered."""
    is_filter: bool = False
    is_replaced: bool = False
    """What is typed takes the place of the value, instead of going on from it."""


@dataclass(slots=True)
class Cycle:
    """The offers that Tab goes through, until another key is pressed."""

    offers: list[Completion]
    before: str
    """What stood before the cursor at the first Tab."""
    rest: str
    """What follows it."""
    at: int
    """The offer that stands there now."""

    @property
    def completed(self) -> str:
        """The text up to the cursor, with the offer in it."""
        offer = self.offers[self.at]
        return f"{self.before[: offer.start]}{offer.text}"


class Answer(Input):
    """What the user types. Keys wait in queues: those typed ahead, after Enter, are for the view again."""

    latest: events.Key | None = None
    """The key that came last, so that whoever gets it next knows that it has been here."""

    async def _on_key(self, event: events.Key) -> None:
        prompt = self.screen.query_one(Prompt)
        self.latest = event
        if event.key not in ("tab", "shift+tab"):
            prompt.end_cycle()
        if prompt.is_open and event.key != "enter":
            return  # Textual calls the handler of Input next
        event.stop()
        event.prevent_default()
        if prompt.is_open:
            prompt.submit(self.value)
        else:
            self.app.simulate_key(event.key)


class Prompt(Vertical):
    """Asks one question at a time; hidden while there is none."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; background: $panel; }
    Prompt > #hint { height: auto; max-height: 4; color: $text-muted; padding: 0 1; }
    Prompt > #line { height: 1; }
    Prompt Label { padding: 0 1; text-style: bold; }
    Prompt Input { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._question: Question | None = None
        self._history: list[str] = []
        self._at = 0
        self._cycle: Cycle | None = None
        self._known: tuple[int, Known] = (-1, {})

    def compose(self) -> ComposeResult:
        yield Static(id="hint", markup=False)
        with Horizontal(id="line"):
            yield Label(id="label")
            yield Answer(id="answer", select_on_focus=False, compact=True)

    @property
    def is_open(self) -> bool:
        """Whether a question is asked."""
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Ask a question."""
        self._question = question
        self._cycle = None
        self._at = len(self._history)
        self.display = True
        self.query_one("#label", Label).update(question.label)
        answer = self.query_one(Input)
        answer.value = question.value
        answer.cursor_position = len(question.value)
        self.screen.set_focus(answer)  # now: `focus` would let keys that are typed ahead go to the view
        if question.is_replaced:
            answer.select_all()
        self._judge(question.value)

    def close(self) -> None:
        """Give the question up."""
        self._question = None
        self.display = False

    def takes(self, event: events.Key) -> bool:
        """Take a key that was typed after the question was asked, and went to the view because it waited there."""
        answer = self.query_one(Answer)
        if not self.is_open or event is answer.latest:
            return False
        answer.post_message(events.Key(event.key, event.character))
        return True

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        cycle = self._cycle
        if cycle is not None and event.value != cycle.completed + cycle.rest:  # pasted
            self.end_cycle()
        self._judge(event.value)

    def _judge(self, text: str, *, is_final: bool = False) -> None:
        """Say what is wrong with a filter, what is missing, and what may come next.

        Args:
            text: the filter.
            is_final: it is to be taken as it is.
        """
        hint = self.query_one("#hint", Static)
        hint.display = self._question is not None and self._question.is_filter
        if not hint.display:
            return
        cursor = self.query_one(Input).cursor_position
        offers = complete(text, cursor, self._values())
        said = self._wrong(text, is_offered=bool(offers), is_final=is_final)
        if how := form(text, cursor):
            said.append(Content(how))
        if offers or self._cycle:
            said.append(self._offered(offers))
        hint.update(Content("\n").join(said) if said else Content(_ANY))

    def _wrong(self, text: str, *, is_offered: bool, is_final: bool) -> list[Content]:
        if not text.strip():
            return []
        try:
            parse(text)
        except FilterError as error:
            if is_final or not is_unfinished(error, self._values()):
                return [Content.styled(error.message, "$text-error")]
            is_at_end = error.position >= len(text.rstrip())
            return [Content(error.message)] if is_at_end or not is_offered else []
        return []

    def _offered(self, offers: list[Completion]) -> Content:
        """The next offers; while Tab goes through some, those around the one that stands there."""
        chosen, cycle = -1, self._cycle
        if cycle is not None:
            offers, chosen = cycle.offers, cycle.at
        first = max(0, chosen - _SHOWN + 1)
        shown = [
            Content.styled(offer.text.strip(), "reverse" if index == chosen else "")
            for index, offer in enumerate(offers[first : first + _SHOWN], first)
        ]
        more = " …" if len(offers) > first + _SHOWN else ""
        return Content("Tab: ") + Content("  ").join(shown) + Content(more)

    def _values(self) -> Known:
        """The values that the store has; those of before where it cannot be read."""
        store = cast("Browser", self.app).store
        try:
            version = store.version
            if self._known[0] != version:
                self._known = (version, store.known())
        except StoreError:
            pass
        return self._known[1]

    def submit(self, value: str) -> None:
        """Take an answer, if it will do."""
        question = self._question
        if question is None:
            return
        if question.is_filter and value.strip():
            try:
                parse(value)
            except FilterError:
                self._judge(value, is_final=True)
                return
        if value.strip():
            self._history = [*[one for one in self._history if one != value], value][-_HISTORY:]
        self.close()
        self.screen.set_focus(self.screen.query(LineList).first())
        question.take(value)

    def on_key(self, event: events.Key) -> None:
        if self._question is None or event.key not in ("tab", "shift+tab", "up", "down"):
            return
        event.stop()
        event.prevent_default()
        answer = self.query_one(Input)
        if event.key in ("tab", "shift+tab"):
            self._complete(answer, 1 if event.key == "tab" else -1)
            return
        self._at = max(0, min(self._at + (1 if event.key == "down" else -1), len(self._history)))
        answer.value = self._history[self._at] if self._at < len(self._history) else ""
        answer.cursor_position = len(answer.value)

    def _complete(self, answer: Input, step: int) -> None:
        """Put the next offer in (`step` 1), or the one before (-1)."""
        if self._question is None or not self._question.is_filter:
            return
        cycle = self._cycle
        if cycle is not None:
            cycle.at = (cycle.at + step) % len(cycle.offers)
        else:
            before, rest = answer.value[: answer.cursor_position], answer.value[answer.cursor_position :]
            offers = complete(answer.value, len(before), self._values())
            if not offers:
                return
            cycle = Cycle(offers, before, rest, 0 if step > 0 else len(offers) - 1)
            self._cycle = cycle if len(offers) > 1 else None  # after the only one Tab goes on
        answer.value = cycle.completed + cycle.rest
        answer.cursor_position = len(cycle.completed)

    def end_cycle(self) -> None:
        """Another key was pressed: what stands there stays."""
        self._cycle = None
