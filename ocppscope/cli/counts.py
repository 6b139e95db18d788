"""How much of what a capture holds: for summaries, and to tell whether there was any OCPP at all."""

from collections.abc import Iterable
from typing import Final

from ocppscope.events import Closed, Damaged, Event, Message, Notice, Opened
from ocppscope.ocpp import wording
from ocppscope.ocpp.times import duration, timestamp
from ocppscope.ocpp.visible import visible

_STATIONS_NAMED: Final = 20


class Counts:
    """Counts the events of one capture."""

    def __init__(self) -> None:
        self.messages = 0
        self.unreadable = 0
        """Messages and frames that could not be read."""
        self.upgrades = 0
        """Handshakes that were seen."""
        self.sessions = 0
        self.stations: dict[str, None] = {}
        self.versions: set[str] = set()
        self.damage: list[str] = []
        """What is wrong with files that could be read in part only."""
        self._has_duplicates = False
        """Some sessions are seen twice; they count once."""
        self._open: set[int] = set()
        """Sessions whose beginning was counted."""
        self._first: int | None = None
        self._last: int | None = None

    @property
    def damaged_file(self) -> bool:
        """Whether a file could be read in part only."""
        return bool(self.damage)

    @property
    def span(self) -> tuple[int | None, int | None]:
        """When the first and the last event were, in ns; None where no time is known."""
        return self._first, self._last

    @property
    def has_ocpp(self) -> bool:
        """Whether a message was read, or at least an upgrade seen."""
        return bool(self.messages or self.upgrades)

    def feed(self, events: list[Event | Notice]) -> None:
        """Count the next events."""
        others = [event for event in events if type(event) is not Message]
        self._has_duplicates = self._has_duplicates or any(
            isinstance(event, Opened) and event.session.duplicate_of is not None for event in others
        )
        if self._has_duplicates:
            self.messages += sum(
                type(event) is Message and event.session.duplicate_of is None for event in events
            )
        else:
            self.messages += len(events) - len(others)
        for event in others:
            if isinstance(event, Notice):
                self.damage += [event.detail] if event.kind == "file.damaged" else []
            else:
                self._count(event)
        for ordered in (
            events,
            reversed(events),
        ):  # a log may have no times; notices come before what they are of
            times = (event.time for event in ordered if not isinstance(event, Notice))
            self._span(next((time for time in times if time is not None), None))

    def absorb(self, other: "Counts") -> None:
        """Add what was counted of other stations of the same capture."""
        self.messages += other.messages
        self.unreadable += other.unreadable
        self.upgrades += other.upgrades
        self.sessions += other.sessions
        self.stations |= other.stations
        self.versions |= other.versions
        for time in other.span:
            self._span(time)

    def _count(self, event: Event) -> None:
        session = event.session
        if session.duplicate_of is not None:
            return
        if isinstance(event, Damaged):
            self.unreadable += 1
        elif isinstance(event, Opened):
            self._open.add(session.number)
            self.upgrades += event.path is not None
        if isinstance(event, Opened) or (isinstance(event, Closed) and session.number not in self._open):
            self.sessions += 1  # a log need not show how a session began
            if session.station is not None:
                self.stations[session.station] = None
        if isinstance(event, Closed):
            self._open.discard(session.number)
        if isinstance(event, Opened | Closed) and session.version is not None:
            self.versions.add(session.version)

    def _span(self, time: int | None) -> None:
        if time is not None:
            self._first = time if self._first is None else min(self._first, time)
            self._last = time if self._last is None else max(self._last, time)

    def __str__(self) -> str:
        named = wording.plural(len(self.stations), "station")
        parts = [
            named if self.stations or not self.sessions else "unnamed station",
            wording.plural(self.sessions, "session"),
            wording.plural(self.messages, "message"),
        ]
        if self.unreadable:
            parts.append(f"{self.unreadable:,} unreadable")
        if self.versions:
            parts.append(f"OCPP {', '.join(sorted(self.versions))}")
        start, end = timestamp(self._first), timestamp(self._last)
        if self._first is not None and self._last is not None and start and end:
            begin, until = (moment[:19].replace("T", " ") for moment in (start, end))
            if begin[:10] == until[:10]:
                until = until[11:]
            parts.append(f"{begin} to {until} UTC ({duration(self._last - self._first)})")
        return ", ".join(parts)

    def station_names(self, wanted: Iterable[str] = ()) -> str:
        """The stations that there are, some of them where there are many."""
        names = [visible(name) for name in self.stations if name not in wanted]
        shown = ", ".join(names[:_STATIONS_NAMED])
        return f"{shown} …" if len(names) > _STATIONS_NAMED else shown
