"""The messages of a scope, and what else happened between them, a line each."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from textual import work
from textual.widget import Widget
from textual.worker import get_current_worker

from ocppscope.events import FROM_STATION, TYPE_NAMES, Closed, Control, Damaged, Event, Gap, Message, Opened
from ocppscope.ocpp.summary import summary, visible
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.wording import clock, what
from ocppscope.store import Store, Stored, StoreError
from ocppscope.tui.lines import MARKS, Cell, Column, LineList
from ocppscope.tui.selection import Found, Scope, Selection, combined, routine_hidden
from ocppscope.tui.views.base import View

_KEPT: Final = 2_000
"""Rows kept in memory: some screens before and behind the one that shows."""
_AHEAD: Final = 50
"""Rows read beyond the one that is needed."""
_WORDS: Final = {"CALL": "Call", "CALLRESULT": "Result", "CALLERROR": "ERROR", "CALLRESULTERROR": "RERROR",
                 "SEND": "Send"}  # fmt: skip
_OTHERS: Final = {Opened: "open", Closed: "close", Damaged: "DAMAGE", Gap: "GAP"}


class EventLines(LineList):
    """A list of events that are read from the store as they come into sight."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__((), id=id)
        self.selection: Selection | None = None
        self._rows: OrderedDict[int, Stored] = OrderedDict()

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the events."""
        return self.selection.numbers if self.selection else ()

    def show(self, selection: Selection) -> None:
        """Show another selection."""
        self.selection = selection
        self._rows.clear()
        self.refresh_count()

    def forget(self) -> None:
        """Read everything again: severities may have changed."""
        self._rows.clear()
        self.refresh()

    def count(self) -> int:
        return len(self.numbers)

    def stored(self, index: int) -> Stored | None:
        """The event of a line, read with those around it."""
        n = self.numbers[index]
        if n not in self._rows:
            around = self.numbers[max(index - _AHEAD, 0) : index + self.page + _AHEAD]
            missing = around if isinstance(around, range) else [one for one in around if one not in self._rows]
            for row in self.app.store.events(missing):  # type: ignore[attr-defined]
                self._rows[row.n] = row
            while len(self._rows) > _KEPT:
                self._rows.popitem(last=False)
        return self._rows.get(n)

    def mark_of(self, index: int) -> str:
        mark: str = self.app.mark_before(self.numbers[index])  # type: ignore[attr-defined]
        return mark


class MessageLines(EventLines):
    """The columns of the message list."""

    def __init__(self, *, with_station: bool) -> None:
        super().__init__(id="messages")
        self._with_station = with_station

    def on_resize(self) -> None:
        wide = self.size.width >= 110
        station = (Column("Station", 14 if wide else 10),) if self._with_station else ()
        self.columns = (
            Column("", 1),
            Column("Time", 12, right=True),
            *station,
            Column("", 1),
            Column("Type", 6),
            Column("Action", 24 if wide else 16),
            Column("Summary", 0),
            Column("Latency", 8, right=True),
        )
        super().on_resize()

    def cells(self, index: int) -> Sequence[Cell]:
        stored = self.stored(index)
        if stored is None:
            return ()
        event = stored.event
        direction = getattr(event, "direction", None)
        arrow: Cell = " "
        if direction:
            arrow = ("→", "station") if direction == FROM_STATION else ("←", "csms")
        station = (visible(event.session.station or f"session {event.session.number}"),)
        kind, action, said = _told(event)
        style = stored.severity if stored.severity in ("error", "warning") else ""
        return (
            MARKS[stored.severity],
            (self._time(index, event.time), "dim"),
            *(station if self._with_station else ()),
            arrow,
            (kind, "error" if kind.isupper() else "dim"),
            (visible(action), style or ("bold" if kind == "Call" else "")),
            visible(said),
            _latency(event),
        )

    def _time(self, index: int, time: int | None) -> str:
        mode: str = self.app.time_mode  # type: ignore[attr-defined]
        if time is None:
            return "-"
        if mode == "absolute":
            return clock(time)
        since = self.stored(0) if mode == "relative" else self.stored(max(index - 1, 0))
        origin = since.event.time if since and since.event.time is not None else time
        return f"{(time - origin) / 1e9:.6f}" if abs(time - origin) < 10**13 else duration(time - origin)


def _told(event: Event) -> tuple[str, str, str]:
    """Kind, action and summary."""
    if isinstance(event, Message):
        action = str(event.action) if event.action is not None else "?"
        return _WORDS[TYPE_NAMES[event.type]], action, summary(event)
    if isinstance(event, Control):
        return event.opcode, "", f"{len(event.payload)} bytes" if event.payload else ""
    return _OTHERS[type(event)], "", what(event)


def _latency(event: Event) -> Cell:
    latency = event.latency if isinstance(event, Message) else None
    return "" if latency is None else (duration(latency), "dim")


class MessagesView(View):
    """The message list of a scope.

    Args:
        scope: whose messages.
        n: the number of the event to begin at.
    """

    ROOM = "messages"

    def __init__(self, scope: Scope, n: int | None = None) -> None:
        super().__init__()
        self.scope = scope
        self._lines = MessageLines(with_station=scope.sessions is None or len(scope.sessions) > 1)
        self._wanted = n
        """The event to go to as soon as it is there."""
        self._asked: tuple[str, bool] | None = None

    def body(self) -> Iterable[Widget]:
        yield self._lines

    def heading(self) -> str:
        return f"messages › {self.scope.title}"

    def current(self) -> int | None:
        return self._lines.numbers[self._lines.cursor] if self._lines.count() else None

    def store_changed(self) -> None:
        asked = self.browser.filter_text, self.browser.hide_routine
        if asked != self._asked:
            self._asked = asked
            self._wanted = self._wanted or self.current()
            chosen = combined(asked[0], routine_hidden(asked[1]))
            dense = not self.browser.meta.get("filter")
            self._lines.show(Selection(self.scope, chosen, is_dense=dense))
        else:
            self._lines.forget()
        self._fill()
        super().store_changed()

    def _fill(self) -> None:
        """Take the store's new events into the selection."""
        selection = self._lines.selection
        assert selection is not None
        if selection.is_whole:
            selection.take_all(self.browser.last)
            self._grown(selection, None)
        elif selection.done < self.browser.last:
            self._ask(selection, self.browser.last)

    @work(thread=True, exclusive=True, group="fill")
    def _ask(self, selection: Selection, last: int) -> None:
        """The same where events have to be looked at: outside the loop that draws."""
        worker = get_current_worker()
        try:
            with Store(self.browser.store.path) as store:
                while selection.done < last and not worker.is_cancelled:
                    found = selection.ask(store, last)
                    if not worker.is_cancelled:
                        self.app.call_from_thread(self._grown, selection, found)
        except StoreError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self.browser.show_alert, str(error))

    def _grown(self, selection: Selection, found: Found | None) -> None:
        if selection is not self._lines.selection:
            return
        if found is not None:
            selection.take(found)
        if self._wanted is not None and selection.done >= self._wanted:
            wanted, self._wanted = self._wanted, None
            self._lines.go_to(selection.index_of(wanted))
        else:
            self._lines.refresh_count()
        self.follow_changed()
        self.show_status()

    def follow_changed(self) -> None:
        if self.browser.following:
            self._lines.action_to_end()

    def status(self) -> str:
        selection = self._lines.selection
        text = super().status()
        if selection is not None and selection.done < self.browser.last:
            return f"{text}  ·  {100 * selection.done // self.browser.last} % looked at"
        comment = self.browser.marks.get(self.current() or 0)
        return f"{text}  ·  {comment}" if comment else text

    def go_to_event(self, n: int) -> None:
        """Go to an event of the list."""
        selection = self._lines.selection
        if selection is not None and n in selection:
            self._lines.go_to(selection.index_of(n))
        else:
            self.say(f"#{n} is not in this list: a filter or what is shown leaves it out")

    def text_to_copy(self) -> str:
        stored = self._lines.stored(self._lines.cursor) if self._lines.count() else None
        if stored is None:
            return ""
        event = stored.event
        return event.raw if isinstance(event, Message) else what(event)

    # --- keys ---

    async def on_line_list_chosen(self) -> None:
        n = self.current()
        if n is not None:
            await self.browser.open_event(n, self._lines.numbers)

    def action_peer(self) -> None:
        """From a Call to its answer, and back."""
        n = self.current()
        peer = self.browser.peer_of(n) if n is not None else None
        if peer is None:
            self.say("it has no answer, and answers nothing")
        else:
            self.go_to_event(peer)

    def find(self, text: str, step: int) -> None:
        """Search the texts of the events, not what the list shows of them."""
        self._find('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', repr(text), step)

    def step_finding(self, step: int) -> None:
        """Go to the next event, or the one before, with an error or a warning."""
        self._find("severity >= warning", "an error or a warning", step)

    @work(thread=True, exclusive=True, group="find")
    def _find(self, wanted: str, name: str, step: int) -> None:
        """Go to the next event of the list that a filter selects; past the end begin anew."""
        chosen = combined(self.browser.filter_text, routine_hidden(self.browser.hide_routine), wanted)
        assert chosen is not None
        try:
            with Store(self.browser.store.path) as store:
                hit = store.next_where(chosen.sql(), self.current() or 0, step, self.scope.sessions)
        except StoreError as error:
            self.app.call_from_thread(self.browser.show_alert, str(error))
            return
        if hit is None:
            self.app.call_from_thread(self.say, f"nothing here holds {name}")
        else:
            self.app.call_from_thread(self.go_to_event, hit)
