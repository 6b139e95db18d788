"""One event whole: what is known of it, what it proves, and its payload as a tree, as text or as bytes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson
from textual import work
from textual.widget import Widget

from ocppscope.events import Closed, Control, Damaged, Event, Gap, Message, Opened
from ocppscope.filter import parse
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import what, without_secrets
from ocppscope.store import Store, Stored, StoreError
from ocppscope.tui.facts import Facts, head
from ocppscope.tui.hexdump import HexDump, Part, frame_parts
from ocppscope.tui.lines import Cell, wrapped
from ocppscope.tui.noted import NotedTree, Remarks
from ocppscope.tui.rows import FixedRows, RawText, RowList, Rows
from ocppscope.tui.tree import Tree
from ocppscope.tui.views.base import View

_TREE, _RAW, _HEX, _HEADS = "tree", "raw", "hex", "HTTP"
_MODES: Final[Mapping[type, Sequence[str]]] = {
    Message: (_TREE, _RAW, _HEX),
    Damaged: (_RAW, _HEX),
    Control: (_HEX,),
    Opened: (_HEADS,),
    Gap: (),
    Closed: (),
}
_TEXT_LAYERS: Final = ("json", "rpc", "utf8")
"""What is damaged there was meant to be a text; elsewhere the bytes come first."""
_BODY: Final = 2
"""The last of the parts on the screen: what is known, the line of the modes, and what the mode shows."""


class DetailView(View):
    """One event.

    Args:
        n: its number.
        numbers: of the list that it was chosen from, ascending: what the keys for the next and the one before
            go through.
    """

    ROOM = "detail"

    def __init__(self, n: int, numbers: Sequence[int] = ()) -> None:
        super().__init__()
        self._n = n
        self._numbers = numbers
        self._rows = RowList(id="detail")
        self._mode = _TREE
        """What the user wants to see, where an event has it."""
        self._anchors: dict[str, int] = {}
        """By mode: where the cursor was."""
        self._facts: Facts | None = None
        self._tree = Tree(None)
        self._remarks: Remarks | None = None
        self._judged_as: str | None = None
        """The version that the remarks are for."""
        self._looked_for_answer = 0
        """Up to which event."""

    def body(self) -> Iterable[Widget]:
        yield self._rows

    # --- what is shown ---

    def _take(self, stored: Stored | None) -> None:
        """Begin to show an event."""
        self._anchors.clear()
        self._facts, self._remarks, self._looked_for_answer = None, None, 0
        if stored is None:
            self._rows.show(lambda _: [FixedRows([[f"#{self._n} is not in this store"]])])
            return
        self._n = stored.n
        event = stored.event
        if isinstance(event, Message):
            self._tree = Tree(event.payload if event.error is None else event.error.details)
        self._facts = Facts(stored, None, (), is_loading=False)
        self._look_again()
        self._rows.show(self._arranged)

    def _look_again(self) -> bool:
        """See what the store says of the event by now; whether that is something new."""
        facts = self._facts
        assert facts is not None
        stored, store = facts.stored, self.browser.store
        peer = facts.peer
        if peer is None and stored.answers is not None:
            peer = store.event(stored.answers)
        elif (
            peer is None and isinstance(stored.event, Message) and self._looked_for_answer < self.browser.last
        ):
            answer = store.answer_of(self._n, self._looked_for_answer)
            self._looked_for_answer = self.browser.last
            peer = None if answer is None else store.event(answer)
        known = facts.findings, facts.peer, facts.is_loading, self._judged_as
        self._facts = Facts(stored, peer, store.findings_of(self._n), self.browser.is_loading)
        version = stored.event.session.version
        if isinstance(stored.event, Message) and (self._remarks is None or version != self._judged_as):
            self._remarks, self._judged_as = Remarks(stored.event), version
        return known != (self._facts.findings, peer, self._facts.is_loading, self._judged_as)

    def store_changed(self) -> None:
        if self._facts is None:
            self._take(self.browser.store.event(self._n))
        elif self._look_again():
            self._rows.show(self._arranged, self._rows.place())
        super().store_changed()

    def _arranged(self, width: int) -> list[Rows]:
        """Lay out what is shown, for so many columns."""
        assert self._facts is not None
        body = self._body(self._facts.event, width)
        modes = FixedRows([[""], self._mode_line()] if body else [])
        return [FixedRows(head(self._facts, width)), modes, body]

    def _mode_line(self) -> list[Cell]:
        """The name of what follows, among the others that Tab leads to."""
        modes = self.modes
        cells: list[Cell] = []
        for mode in modes:
            cells += [(f"[{mode}]", "title") if mode == self.mode else (f" {mode} ", "dim"), " "]
        return [*cells, (" Tab: the next", "dim")] if len(modes) > 1 else cells

    @property
    def modes(self) -> Sequence[str]:
        """The ways in which the event can be shown."""
        if self._facts is None:
            return ()
        event = self._facts.event
        modes = _MODES[type(event)]
        if isinstance(event, Damaged) and event.layer not in _TEXT_LAYERS:
            return modes[::-1]
        return modes

    @property
    def mode(self) -> str:
        """The way in which it is shown."""
        return self._mode if self._mode in self.modes else next(iter(self.modes), "")

    def _body(self, event: Event, width: int) -> Rows:
        if self.mode == _TREE:
            assert self._remarks is not None
            return NotedTree(self._tree, self._remarks, width)
        if self.mode == _RAW:
            return _raw(event, width)
        if self.mode == _HEX:
            return HexDump(_parts(event), width)
        if isinstance(event, Opened):
            heads = [without_secrets(part).rstrip() for part in (event.request, event.response)]
            lines = "\n\n".join(part for part in heads if part).split("\n")
            return FixedRows([[piece] for line in lines if any(heads) for piece in wrapped(line, width)])
        return FixedRows([])

    def heading(self) -> str:
        return f"#{self._n}"

    def current(self) -> int | None:
        return self._n if self._facts else None

    def status(self) -> str:
        comment = self.browser.marks.get(self._n, "")
        parts = [super().status(), self.browser.mark_before(self._n).strip(), comment, self._said_of_line()]
        return "  ·  ".join(part for part in parts if part)

    def _said_of_line(self) -> str:
        """Where the cursor is in the tree, and what the schema asks for there."""
        at = self._line_of_tree()
        if at is None or self._remarks is None:
            return ""
        pointer = self._tree.lines[at].pointer
        return visible(" ".join(part for part in (pointer, self._remarks.constraint(pointer)) if part))

    def _line_of_tree(self) -> int | None:
        """The number of the tree's line that the cursor is on."""
        if self.mode != _TREE or not self._rows.count():
            return None
        part, anchor = self._rows.place()
        return anchor if part == _BODY else None

    # --- out ---

    def text_to_copy(self) -> str:
        if self._facts is None:
            return ""
        event, at = self._facts.event, self._line_of_tree()
        if at is not None:
            return orjson.dumps(self._tree.lines[at].value, option=orjson.OPT_INDENT_2).decode()
        part, _ = self._rows.place()
        if part != _BODY:
            return super().text_to_copy()
        if self.mode == _RAW:
            return _raw_text(event)[0]
        if self.mode == _HEX:
            return "\n".join(part.data.hex(" ") for part in _parts(event))
        return what(event) if not isinstance(event, Opened) else super().text_to_copy()

    def find(self, text: str, step: int) -> None:
        """Search the lines; of the text as it was sent also what lies over two of them."""
        parts = self._rows.parts
        if self.mode == _RAW and len(parts) > _BODY and isinstance(body := parts[_BODY], RawText):
            part, row = self._rows.row(self._rows.cursor)
            hit = body.find(text, row if part == _BODY else 0, step)
            if hit is not None:
                self._rows.go_to(self._rows.count() - len(body) + hit)
                return
        if self._facts is not None and self._is_sent(text, self._facts.event) and not self._shows(text):
            self.say(f"{text!r} is in what is folded or cut here: Tab shows the text as it was sent")
        else:
            super().find(text, step)

    def _shows(self, text: str) -> bool:
        lines, wanted = self._rows, text.lower()
        return any(wanted in lines.line_text(index).lower() for index in range(lines.count()))

    def _is_sent(self, text: str, event: Event) -> bool:
        return self.mode == _TREE and text.lower() in _raw_text(event)[0].lower()

    # --- keys ---

    def action_mode(self) -> None:
        """Show the payload in the next way."""
        modes = self.modes
        if len(modes) < 2:
            self.say("there is but one way to show this")
            return
        part, anchor = self._rows.place()
        if part == _BODY:
            self._anchors[self.mode] = anchor
        self._mode = modes[(modes.index(self.mode) + 1) % len(modes)]
        self._rows.show(self._arranged, (part, self._anchors.get(self._mode, 0) if part == _BODY else anchor))
        self.show_status()

    async def choose(self) -> None:
        at = self._line_of_tree()
        if at is not None and self._tree.lines[at].kind != "value":
            self._fold(at)

    def action_fold(self) -> None:
        """Fold or unfold what the cursor is on, or in."""
        at = self._line_of_tree()
        if at is not None:
            self._fold(at)

    def _fold(self, at: int) -> None:
        at = self._tree.fold(at)
        self._rows.show(self._arranged, (_BODY, at))
        self.show_status()

    def action_peer(self) -> None:
        """From a Call to its answer, and back."""
        facts = self._facts
        if facts is None or (facts.peer is None and facts.stored.answers is None):
            self.say("it has no answer, and answers nothing")
        elif facts.peer is None:
            self.say(f"#{facts.stored.answers}, which it answers, is not in this store")
        else:
            self._go(facts.peer.n)

    def action_next_event(self) -> None:
        """Show the next event of the list."""
        numbers = self.numbers
        at = bisect_right(numbers, self._n)
        if at < len(numbers):
            self._go(numbers[at])
        else:
            self.say("this is the last one of the list")

    def action_previous_event(self) -> None:
        """Show the event before in the list."""
        numbers = self.numbers
        at = bisect_left(numbers, self._n) - 1
        if at >= 0:
            self._go(numbers[at])
        else:
            self.say("this is the first one of the list")

    @property
    def numbers(self) -> Sequence[int]:
        """Those of the list; where it is all there is, with what has come since."""
        numbers = self._numbers
        whole = isinstance(numbers, range) and numbers.start == 1
        return range(1, self.browser.last + 1) if whole else numbers

    def _go(self, n: int) -> None:
        """Show another event, and put the cursor of the list below on it."""
        self._take(self.browser.store.event(n))
        self.show_bar()
        self.show_status()
        below = self.browser.screen_stack[-2]
        at = bisect_left(self.numbers, n)
        if isinstance(below, View) and at < len(self.numbers) and self.numbers[at] == n:
            below.go_to_event(n)

    def step_finding(self, step: int) -> None:
        """Go to the next event of the list, or the one before, with an error or a warning."""
        self._step_finding(step)

    @work(thread=True, exclusive=True, group="find")
    def _step_finding(self, step: int) -> None:
        where, n, numbers = parse("severity >= warning").sql(), self._n, self.numbers
        seen: set[int] = set()
        try:
            with Store(self.browser.store.path) as store:
                while (hit := store.next_where(where, n, step)) is not None and hit not in seen:
                    at = bisect_left(numbers, hit)
                    if at < len(numbers) and numbers[at] == hit:
                        self.app.call_from_thread(self._go, hit)
                        return
                    seen.add(hit)
                    n = hit
        except StoreError as error:
            self.app.call_from_thread(self.browser.show_alert, str(error))
            return
        self.app.call_from_thread(self.say, "no event of the list has an error or a warning")


def _raw_text(event: Event) -> tuple[str, int | None]:
    """The text of an event, and the character at which it breaks."""
    if isinstance(event, Message):
        return event.raw, None
    assert isinstance(event, Damaged)
    raw = event.raw.encode() if isinstance(event.raw, str) else event.raw
    before = raw[: event.offset].decode(errors="replace")
    return before + raw[event.offset :].decode(errors="replace"), len(before)


def _raw(event: Event, width: int) -> RawText:
    text, breaks_at = _raw_text(event)
    return RawText(text, width, breaks_at)


def _parts(event: Event) -> list[Part]:
    """The bytes of an event."""
    if isinstance(event, Message):
        if event.frames:
            return frame_parts(event.frames)
        return [Part("The source has no frames: the text in UTF-8", event.raw.encode(errors="surrogatepass"))]
    if isinstance(event, Damaged):
        raw = event.raw.encode() if isinstance(event.raw, str) else event.raw
        return [Part(f"What could not be read: {len(raw):,} bytes", raw, breaks_at=event.offset)]
    assert isinstance(event, Control)
    return [Part(f"The payload of the {event.opcode}: {len(event.payload)} bytes", event.payload)]
