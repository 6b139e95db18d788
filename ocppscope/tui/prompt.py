"""The line at the bottom in which the user types: a filter, a text to search for, a comment, a file name."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from ocppscope.filter import FilterError, complete, parse

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


class Prompt(Vertical):
    """Asks one question at a time; hidden while there is none."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; background: $panel; }
    Prompt.asking { display: block; }
    Prompt > #hint { height: auto; max-height: 4; color: $text-muted; padding: 0 1; }
    Prompt > #line { height: 1; }
    Prompt Label { padding: 0 1; text-style: bold; }
    Prompt Input { width: 1fr; }
    """

    class Closed(Message):
        """The question is answered, or given up."""

    def __init__(self) -> None:
        super().__init__()
        self._question: Question | None = None
        self._history: list[str] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        from textual.containers import Horizontal

        yield Static(id="hint", markup=False)
        with Horizontal(id="line"):
            yield Label(id="label")
            yield Input(id="answer", select_on_focus=False, compact=True)

    @property
    def is_open(self) -> bool:
        """Whether a question is asked."""
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Ask a question."""
        self._question = question
        self._at = len(self._history)
        self.add_class("asking")
        self.query_one("#label", Label).update(question.label)
        answer = self.query_one(Input)
        answer.value = question.value
        answer.cursor_position = len(question.value)
        answer.focus()
        if question.is_replaced:
            answer.select_all()
        self._judge(question.value)

    def close(self) -> None:
        """Give the question up."""
        self._question = None
        self.remove_class("asking")
        self.post_message(self.Closed())

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._judge(event.value)

    def _judge(self, text: str) -> None:
        """Say what is wrong with a filter, or what may come next."""
        hint = self.query_one("#hint", Static)
        hint.display = self._question is not None and self._question.is_filter
        if not hint.display:
            return
        wrong, style = "", ""
        if text.strip():
            try:
                parse(text)
            except FilterError as error:
                is_unfinished = error.position >= len(text.rstrip())
                wrong, style = error.message, "" if is_unfinished else "$text-error"
        offers = complete(text, self.query_one(Input).cursor_position)
        offered = "  ".join(offer.text for offer in offers[:_SHOWN]) + (" …" if len(offers) > _SHOWN else "")
        said = [Content.styled(wrong, style)] if wrong else []
        said += [Content(f"Tab: {offered}")] if offered else []
        hint.update(Content("\n").join(said) if said else Content(_ANY))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        question = self._question
        if question is None:
            return
        if question.is_filter and event.value.strip():
            try:
                parse(event.value)
            except FilterError:
                return  # the hint says what is wrong
        if event.value.strip():
            self._history = [*[one for one in self._history if one != event.value], event.value][-_HISTORY:]
        self.close()
        question.take(event.value)

    def on_key(self, event: events.Key) -> None:
        if self._question is None or event.key not in ("tab", "up", "down"):
            return
        event.stop()
        event.prevent_default()
        answer = self.query_one(Input)
        if event.key == "tab":
            self._complete(answer)
            return
        self._at = max(0, min(self._at + (1 if event.key == "down" else -1), len(self._history)))
        answer.value = self._history[self._at] if self._at < len(self._history) else ""
        answer.cursor_position = len(answer.value)

    def _complete(self, answer: Input) -> None:
        if self._question is None or not self._question.is_filter:
            return
        offers = complete(answer.value, answer.cursor_position)
        if offers:
            first = offers[0]
            rest = answer.value[answer.cursor_position :]
            answer.value = f"{answer.value[: first.start]}{first.text}{rest or ' '}"
            answer.cursor_position = len(answer.value) - len(rest)
