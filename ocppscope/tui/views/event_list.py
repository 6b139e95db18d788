"""What the views share that list events: filling the list from the store, finding, following, and peers."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from textual import work
from textual.widget import Widget

from ocppscope.events import Damaged, Message
from ocppscope.filter import Filter, containing, parse
from ocppscope.ocpp.times import DAY, SECOND, timestamp
from ocppscope.ocpp.wording import clock, what
from ocppscope.store import Store, Stored, StoreError
from ocppscope.tui.lines import LineList
from ocppscope.tui.scan import Scan
from ocppscope.tui.selection import Scope, Selection, combined, shown
from ocppscope.tui.views.base import View

if TYPE_CHECKING:
    from ocppscope.tui.app import Browser

_FINDING: Final = parse("severity >= warning")
_KEPT: Final = 4 << 20
"""Characters of messages kept in memory: many screens of usual ones."""


class EventLines(LineList):
    """A list of events that are read from the store as they come into sight."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__((), id=id)
        self.selection: Selection | None = None
        self._rows: OrderedDict[int, Stored] = OrderedDict()
        self._kept = 0
        """Characters of the messages in it."""

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the events."""
        return self.selection.numbers if self.selection else ()

    def show(self, selection: Selection) -> None:
        """Show another selection."""
        self.selection = selection
        self._drop()
        self.refresh_count()

    def forget(self) -> None:
        """Read everything again: severities may have changed."""
        self._drop()
        self.refresh()

    def _drop(self) -> None:
        self._rows.clear()
        self._kept = 0

    def count(self) -> int:
        return len(self.numbers)

    def stored(self, index: int) -> Stored | None:
        """The event of a line, read with those around it."""
        n = self.numbers[index]
        if n not in self._rows:
            around = self.numbers[index : index + self.page]
            for row in self._read([one for one in around if one not in self._rows]):
                self._rows[row.n] = row
                self._kept += _size(row)
            while self._kept > _KEPT and len(self._rows) > 1:
                self._kept -= _size(self._rows.popitem(last=False)[1])
        return self._rows.get(n)

    def _read(self, numbers: Sequence[int]) -> list[Stored]:
        """Events of the store; none where it is damaged, which the user is told once."""
        browser: Browser = self.app  # type: ignore[assignment]
        try:
            # A screenful of messages of 16 MiB is read one by one.
            return browser.store.events(numbers if browser.store.size_of(numbers) <= _KEPT else numbers[:1])
        except StoreError as error:
            browser.call_later(browser.show_alert, str(error))
            return []

    def mark_of(self, index: int) -> str:
        mark: str = self.app.mark_before(self.numbers[index])  # type: ignore[attr-defined]
        return mark

    def time_of(self, index: int, time: int | None) -> str:
        """A time as the user wants to see it: of day, since the first line, or since the line before."""
        mode: str = self.app.time_mode  # type: ignore[attr-defined]
        if time is None:
            return "-"
        since = self.stored(max(index - 1, 0) if mode == "delta" else 0)
        origin = since.event.time if since and since.event.time is not None else time
        if mode == "absolute":
            days = time // DAY - origin // DAY
            return clock(time) if not days else f"{days:+}d {clock(time)[:8]}"
        return _span(time - origin)


def _size(row: Stored) -> int:
    return len(getattr(row.event, "raw", ""))


def _span(time: int) -> str:
    """A span of time in at most twelve columns, as precise as there is room for."""
    seconds, rest = divmod(abs(time), SECOND)
    sign = "-" if time < 0 else ""
    if seconds < 10_000:
        return f"{sign}{seconds}.{rest // 1000:06}"
    days, seconds = divmod(seconds, 86_400)
    return (
        f"{sign}{f'{days}d ' if days else ''}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    )


class EventListView(View):
    """Shows the events of a scope that the filter selects. A subclass says how a line looks.

    Args:
        scope: whose events.
        lines: the list.
        n: the number of the event to begin at.
    """

    def __init__(self, scope: Scope, lines: EventLines, n: int | None) -> None:
        super().__init__()
        self.scope = scope
        self._lines = lines
        self._wanted = n
        """The event to go to as soon as it is there."""
        self._asked: tuple[str, bool] | None = None
        self._scan = Scan(self, lambda *_: (), self._found)

    def body(self) -> Iterable[Widget]:
        yield self._lines

    @property
    def lines(self) -> EventLines:
        """The list."""
        return self._lines

    def heading(self) -> str:
        return f"{self.ROOM} › {self.scope.title}"

    def current(self) -> int | None:
        return self._lines.numbers[self._lines.cursor] if self._lines.count() else None

    def store_changed(self) -> None:
        asked = self.browser.filter_text, self.browser.hide_routine
        if asked != self._asked:
            self._asked = asked
            self._wanted = self._wanted or self.current()
            selection = self.new_selection()
            self._lines.show(selection)
            self._scan.stop()
            self._scan = Scan(self, selection.ask, self._found)
        else:
            self._lines.forget()
        self._fill()
        super().store_changed()

    def new_selection(self) -> Selection:
        """What the filter selects, before any event was looked at."""
        chosen = shown(self.browser.filter_text, hide_routine=self.browser.hide_routine)
        return Selection(self.scope, chosen, is_dense=not self.browser.meta.get("filter"))

    def _fill(self) -> None:
        """Take the store's new events into the selection."""
        selection = self._lines.selection
        assert selection is not None
        if selection.is_whole:
            self._grown(lambda: selection.take_all(self.browser.last))
        else:
            self._scan.go_on()

    def _found(self, after: int, until: int, numbers: Sequence[int]) -> None:
        selection = self._lines.selection
        assert selection is not None
        self._grown(lambda: selection.take(after, until, numbers))

    def _grown(self, grow: Callable[[], None]) -> None:
        selection = self._lines.selection
        assert selection is not None
        was_at_end = self._lines.cursor >= self._lines.count() - 1
        grow()
        if self._wanted is not None and selection.done >= self._wanted:
            wanted, self._wanted = self._wanted, None
            self._lines.go_to(selection.index_of(wanted))
        else:
            self._lines.refresh_count()
        if was_at_end:  # who has gone up is reading: the list stays where it is
            self.follow_changed()
        self.show_status()

    def follow_changed(self) -> None:
        if self.browser.following:
            self._lines.action_to_end()

    def status(self) -> str:
        selection = self._lines.selection
        text = super().status()
        if selection is not None and not selection.is_whole and self._scan.share:
            return f"{text}  ·  {self._scan.share}"
        n = self.current()
        if n is None:
            return text
        stored = self._lines.stored(self._lines.cursor)
        moment = timestamp(stored.event.time) if stored else None
        return f"#{n}  ·  {moment[:19].replace('T', ' ')} UTC  ·  {text}" if moment else f"#{n}  ·  {text}"

    @property
    def export_name(self) -> str:
        return "ocppscope-export.jsonl"

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
        if isinstance(event, Damaged):
            return event.raw if isinstance(event.raw, str) else event.raw.decode(errors="backslashreplace")
        return event.raw if isinstance(event, Message) else what(event)

    # --- keys ---

    async def choose(self) -> None:
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
        self._find(containing(text), repr(text), self.current() or 0, step)

    def step_finding(self, step: int) -> None:
        """Go to the next event, or the one before, with an error or a warning."""
        self._find(_FINDING, "an error or a warning", self.current() or 0, step)

    @work(thread=True, exclusive=True, group="find")
    def _find(self, wanted: Filter, name: str, n: int, step: int) -> None:
        """Go to the next event of the list that a filter selects; past the end begin anew."""
        chosen = combined(shown(self.browser.filter_text, hide_routine=self.browser.hide_routine), wanted)
        assert chosen is not None
        try:
            with Store(self.browser.store.path) as store:
                hit = store.next_where(chosen.sql(), n, step, self.scope.sessions)
        except StoreError as error:
            self.app.call_from_thread(self.browser.show_alert, str(error))
            return
        self.app.call_from_thread(self._arrived, hit, name, step)

    def _arrived(self, hit: int | None, name: str, step: int) -> None:
        if hit is None:
            self.say(f"nothing here holds {name}")
            return
        before = self.current() or 0
        self.go_to_event(hit)
        if (hit - before) * step <= 0:
            self.say("from the start again" if step > 0 else "from the end again")
