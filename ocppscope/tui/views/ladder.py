"""The ladder: stations and CSMS as columns, and what they sent each other as arrows between them.

A session is a lane: a life line of its station at the left, one of its CSMS at the right. Sessions stand side by
side as far as there is room. Shapes tell what is what, so that nobody needs colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from ocppscope.events import (
    CALL,
    CALLRESULT,
    FROM_STATION,
    SEND,
    Closed,
    Control,
    Damaged,
    Direction,
    Event,
    Gap,
    Message,
    Opened,
)
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural, what
from ocppscope.store import SessionRow
from ocppscope.tui.lines import MARKS, Cell, fitted
from ocppscope.tui.selection import Scope, Selection
from ocppscope.tui.views.event_list import EventLines, EventListView

_LEFT: Final = 15
"""Columns before the lanes, after the mark: severity and time."""
_NARROWEST: Final = 24
"""Columns of a lane; more lanes are not shown."""
_WIDE: Final = 42
"""Columns from which on an answer names what it answers, and a Call says that it has none."""
_NEAR: Final = 5_000
"""Events searched for an answer in a store that is still written: it has no index yet."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one line shows in its lane."""

    name: str
    """Is cut first."""
    mark: str = ""
    """Stays whole: a latency, what went wrong."""
    more: str = ""
    """Where there is room."""
    line: str = "─"
    heads: str = "◀▶"
    style: str = ""
    """Empty: that of its direction."""
    ends: str = "││"
    """The life lines where it is."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One session, and where it is drawn."""

    row: SessionRow
    width: int

    def head(self) -> str:
        """Its title: station and CSMS."""
        session = self.row.session
        name = f" session {session.number}" if self.width >= _WIDE else f" ({session.number})"
        ends = "CSMS"
        left = _cut(visible(session.station or "station"), self.width - len(name) - len(ends) - 1) + name
        return left + " " * (self.width - cell_len(left) - len(ends)) + ends

    def idle(self, time: int | None) -> str:
        """Its life lines beside what happens in another lane; nothing before its start and after its end."""
        start, end = self.row.start, self.row.end
        is_alive = time is None or ((start is None or start <= time) and (end is None or time <= end))
        side = "│" if is_alive else " "
        return side + " " * (self.width - 2) + side

    def drawn(self, arrow: Arrow, direction: Direction | None) -> tuple[Cell, Cell, Cell]:
        """Its life lines, and an arrow between them."""
        inner = self.width - 2
        said = _said(arrow, inner - 7)
        before, after = arrow.line * 3, arrow.heads[1]
        if direction is None:
            after = arrow.line
        elif direction != FROM_STATION:
            before, after = arrow.heads[0] + arrow.line * 2, arrow.line
        rest = arrow.line * (inner - len(before) - cell_len(said) - len(after))
        colour = "dim" if direction is None else "station" if direction == FROM_STATION else "csms"
        body = f"{before}{said}{rest}{after}"
        return (arrow.ends[0], "dim"), (body, arrow.style or colour), (arrow.ends[1], "dim")

    def elsewhere(self, said: str, *, is_left: bool) -> str:
        """Tell beside its life lines of what happens in a lane that is not shown."""
        room = self.width - 6
        text = f"‹ {fitted(said, room)}" if is_left else f"{fitted(said, room, right=True)} ›"
        return f"│ {text} │"


def _said(arrow: Arrow, room: int) -> str:
    """The words on an arrow, with a space around them."""
    name = _cut(visible(arrow.name), max(room - cell_len(arrow.mark), 0))
    text = _cut(f"{name}{arrow.mark}{visible(arrow.more)}".strip(), room)
    return f" {text} " if text else ""


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else fitted(text, max(width, 0))


def arrow_of(event: Event, *, is_wide: bool, missing: str = "") -> Arrow:
    """How an event is drawn.

    Args:
        event: the event.
        is_wide: there is room for more than the least.
        missing: what is said of a Call to which no answer was seen; empty for one that has an answer.
    """
    if isinstance(event, Message):
        return _message(event, missing, is_wide=is_wide)
    if isinstance(event, Control):
        return Arrow(event.opcode, line="┄", style="dim")
    if isinstance(event, Damaged):
        return Arrow("DAMAGED ", event.layer, f": {event.reason}", "▒", style="error")
    if isinstance(event, Gap):
        lost = "bytes lost" if event.size is None else f"{plural(event.size, 'byte')} lost"
        return Arrow("", lost, line="~", style="warning")
    is_refused = isinstance(event, Opened) and event.status not in (101, None)
    mark, style = ("✗ ", "error") if is_refused else ("", "title")
    ends = "╧╧" if isinstance(event, Closed) else "╤╤"
    return Arrow("", mark, what(event), "═", style=style, ends=ends)


def _message(event: Message, missing: str, *, is_wide: bool) -> Arrow:
    said = summary(event)
    more = f": {said}" if said else ""
    action = str(event.action) if event.action is not None else "?"
    if event.type in (CALL, SEND):
        heads = "◀▶" if event.type == CALL else "◁▷"  # to a Send there is no answer
        mark = "" if event.type == CALL else " (Send)"
        if missing:
            mark = f" {missing}" if is_wide else f" {missing[0]}"
        return Arrow(action, mark, more, heads=heads, style="error" if missing[:1] == "✗" else "")
    kind = "result" if event.type == CALLRESULT else "✗ ERROR"
    latency = "" if event.latency is None else f" {duration(event.latency)}"
    name = f"{action} " if event.action is not None and is_wide else ""
    if event.action is None:
        more = f" to a Call that was not seen{more}"
    return Arrow(name, f"{kind}{latency}", more, style="" if event.type == CALLRESULT else "error")


class LadderLines(EventLines):
    """A line for each event, with an arrow in the lane of its session."""

    def __init__(self) -> None:
        super().__init__(id="ladder")
        self._sessions: Sequence[SessionRow] = ()
        self._places: dict[int, int] = {}
        """By the number of a session: which one it is."""
        self._first = 0
        """The first session that is shown."""
        self._missing: dict[int, str] = {}
        """By the number of a Call: what `missing` said."""

    @property
    def _head(self) -> int:
        return 1

    def lay_out(self, sessions: Sequence[SessionRow]) -> None:
        """Take the sessions that may have a lane."""
        self._sessions = sessions
        self._places = {row.session.number: index for index, row in enumerate(sessions)}

    def show(self, selection: Selection) -> None:
        self._missing.clear()
        super().show(selection)

    def forget(self) -> None:
        self._missing.clear()
        super().forget()

    def refresh_count(self) -> None:
        super().refresh_count()
        self._aim()

    def watch_cursor(self, old: int, new: int) -> None:
        super().watch_cursor(old, new)
        if self._aim():
            self.refresh()

    # --- lanes ---

    @property
    def _room(self) -> int:
        """Columns for lanes: what mark, severity, time and scroll bar leave."""
        return self.scrollable_content_region.width - 1 - _LEFT

    @property
    def _shown(self) -> int:
        """How many lanes there is room for."""
        return max(1, min(len(self._sessions), self._room // _NARROWEST))

    def _aim(self) -> bool:
        """Make the cursor's session one of those that are shown; whether others are shown now."""
        before = self._first
        stored = self.stored(self.cursor) if self.count() else None
        place = self._places.get(stored.event.session.number) if stored else None
        if place is not None:
            self._first = min(max(self._first, place - self._shown + 1), place)
        self._first = max(0, min(self._first, len(self._sessions) - self._shown))
        return self._first != before

    def lanes(self) -> list[Lane]:
        """Those that are shown."""
        shown = self._shown
        width = max(self._room // shown - (shown > 1), 12)
        return [Lane(row, width) for row in self._sessions[self._first : self._first + shown]]

    def head_text(self) -> str:
        lanes = self.lanes()
        left = len(self._sessions) - len(lanes)
        hidden = f"+{left:,} session{'' if left == 1 else 's'}" if left else ""
        return f" {hidden:<{_LEFT}}{' '.join(lane.head() for lane in lanes)}"

    def _head_strip(self, width: int) -> Strip:
        style = self.rich_style + self._style("head")
        return Strip([Segment(self.head_text(), style)]).adjust_cell_length(width, style)

    # --- lines ---

    def cells(self, index: int) -> Sequence[Cell]:
        stored = self.stored(index)
        if stored is None:
            return ()
        event = stored.event
        cells: list[Cell] = [
            MARKS[stored.severity],
            (f" {self.time_of(index, event.time):>12} ", "dim"),
        ]
        lanes = self.lanes()
        place = self._places.get(event.session.number, 0) - self._first
        at = max(0, min(place, len(lanes) - 1))
        for number, lane in enumerate(lanes):
            if number != at:
                cells.append((lane.idle(event.time), "dim"))
            elif number != place:
                said = visible(f"session {event.session.number}: {what(event)}")
                cells.append((lane.elsewhere(said, is_left=place < 0), "dim"))
            else:
                cells += lane.drawn(self._arrow(event, lane), getattr(event, "direction", None))
            cells.append(" ")
        return cells

    def _arrow(self, event: Event, lane: Lane) -> Arrow:
        return arrow_of(event, is_wide=lane.width >= _WIDE, missing=self._missing_of(event))

    def _missing_of(self, event: Event) -> str:
        """What is to be said of a Call that has no answer."""
        if not isinstance(event, Message) or event.type != CALL:
            return ""
        if event.n not in self._missing:
            self._missing[event.n] = self._look_for_answer(event)
        return self._missing[event.n]

    def _look_for_answer(self, call: Message) -> str:
        browser: Any = self.app
        if browser.meta.get("complete"):
            is_missing = bool(browser.store.unanswered(call.n, call.n))
        else:
            is_near = browser.last - call.n < _NEAR
            is_missing = is_near and browser.store.answer_of(call.n) is None
        if not is_missing:
            return ""
        return "… no answer yet" if browser.is_loading and not call.session.ended else "✗ no answer"


class LadderView(EventListView):
    """The ladder of a scope.

    Args:
        scope: whose events.
        n: the number of the event to begin at.
    """

    ROOM = "ladder"

    def __init__(self, scope: Scope, n: int | None = None) -> None:
        self._ladder = LadderLines()
        super().__init__(scope, self._ladder, n)

    def store_changed(self) -> None:
        wanted = self.scope.sessions
        rows = self.browser.store.sessions()
        self._ladder.lay_out([row for row in rows if wanted is None or row.session.number in wanted])
        super().store_changed()
