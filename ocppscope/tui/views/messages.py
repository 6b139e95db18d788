"""The messages of a scope, and what else happened between them, a line each."""

from collections.abc import Sequence
from typing import Final

from ocppscope.events import FROM_STATION, TYPE_NAMES, Closed, Control, Damaged, Event, Gap, Message, Opened
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import what
from ocppscope.tui.lines import MARKS, Cell, Column
from ocppscope.tui.selection import Scope
from ocppscope.tui.views.event_list import EventLines, EventListView

_WORDS: Final = {"CALL": "Call", "CALLRESULT": "Result", "CALLERROR": "ERROR", "CALLRESULTERROR": "RERROR",
                 "SEND": "Send"}  # fmt: skip
_TIMES: Final = {"absolute": "Time UTC", "relative": "Since first", "delta": "Since prev."}
_WIDE: Final = 110
"""Columns from which on action and summary have a column each."""
_OTHERS: Final = {Opened: "open", Closed: "close", Damaged: "DAMAGE", Gap: "GAP"}


class MessageLines(EventLines):
    """The columns of the message list."""

    def __init__(self) -> None:
        super().__init__(id="messages")
        self._with_station = False
        self._is_wide = False

    def show_stations(self, *, shown: bool) -> None:
        """Show a column of stations, or none, where there is but one."""
        if shown != self._with_station:
            self._with_station = shown
            self._arrange()
            self.refresh()

    def forget(self) -> None:
        self._arrange()
        super().forget()

    def on_resize(self) -> None:
        self._arrange()
        super().on_resize()

    def _arrange(self) -> None:
        self._is_wide = wide = self.size.width >= _WIDE
        station = (Column("Station", 14 if wide else 10),) if self._with_station else ()
        self.columns = (
            Column("", 1),
            *((Column("#", 8, right=True),) if wide else ()),
            Column(_TIMES[self.app.time_mode], 12, right=True),  # type: ignore[attr-defined]
            *station,
            Column("", 1),
            Column("Type", 6),
            *((Column("Action", 24), Column("Summary", 0)) if wide else (Column("Message", 0),)),
            Column("Latency", 8, right=True),
        )

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
        action, said = visible(action), visible(said)
        if not self._is_wide:
            action, said = f"{action}  {said}" if action and said else action or said, ""
        return (
            MARKS[stored.severity],
            *(((f"{stored.n}", "dim"),) if self._is_wide else ()),
            (self.time_of(index, event.time), "dim"),
            *(station if self._with_station else ()),
            arrow,
            (kind, "error" if kind.isupper() else "dim"),
            (action, style or ("bold" if kind == "Call" else "")),
            *((said,) if self._is_wide else ()),
            _latency(event),
        )


def _told(event: Event) -> tuple[str, str, str]:
    """Kind, action and summary."""
    if isinstance(event, Message):
        action = str(event.action) if event.action is not None else "?"
        return _WORDS[TYPE_NAMES[event.type]], action, summary(event)
    if isinstance(event, Control):
        return event.opcode, "", f"{len(event.payload)} bytes" if event.payload else ""
    said = what(event)
    if isinstance(event, Damaged):
        said = f"{event.layer}: {event.reason}"
    elif isinstance(event, Gap):
        said = said.removeprefix("GAP: ")
    return _OTHERS[type(event)], "", said


def _latency(event: Event) -> Cell:
    latency = event.latency if isinstance(event, Message) else None
    return "" if latency is None else (duration(latency), "dim")


class MessagesView(EventListView):
    """The message list of a scope.

    Args:
        scope: whose messages.
        n: the number of the event to begin at.
    """

    ROOM = "messages"

    def __init__(self, scope: Scope, n: int | None = None) -> None:
        self._messages = MessageLines()
        super().__init__(scope, self._messages, n)

    def store_changed(self) -> None:
        wanted = self.scope.sessions
        sessions = [row.session for row in self.browser.store.sessions()]
        stations = {one.station for one in sessions if wanted is None or one.number in wanted}
        self._messages.show_stations(shown=len(stations) > 1)
        super().store_changed()
