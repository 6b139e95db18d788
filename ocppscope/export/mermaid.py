"""A sequence diagram for Mermaid, which GitHub, GitLab and many editors draw."""

from collections.abc import Iterable
from typing import Final

from ocppscope.events import CALL, FROM_STATION, SEND, Control, Event, Message, Notice, Session
from ocppscope.export import SHARED, Order
from ocppscope.export.files import FrontToEnd
from ocppscope.ocpp import wording
from ocppscope.ocpp.visible import visible

_EDGES: Final = 500
_CHARACTERS: Final = 50_000
"""What Mermaid draws without being told otherwise (maxEdges, maxTextSize)."""
_LONGEST: Final = 80


class SequenceDiagram(FrontToEnd):
    """See the module. Each session is a participant; the CSMS is one."""

    def __init__(self, order: Order) -> None:
        self._named: dict[int, str] = {}
        self._edges = 0
        self._size = 0
        super().__init__(order)

    def begin(self) -> None:
        self.write(b"sequenceDiagram\n    participant CSMS\n")

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        for event in events:
            if isinstance(event, Notice) and event.kind == SHARED:
                yield self._line(f"%% {visible(event.detail)}")
            if isinstance(event, Notice) or event.session.duplicate_of is not None:
                continue
            name = self._named.get(event.session.number)
            if name is None:
                name = self._named[event.session.number] = f"S{event.session.number}"
                yield self._line(f"participant {name} as {_escaped(self._title(event.session))}")
            self.written += 1
            yield self._line(self._said(event, name))

    def _title(self, session: Session) -> str:
        station = session.station or "station"
        return station if session.number == 1 else f"{station} (session {session.number})"

    def _said(self, event: Event, name: str) -> str:
        text = f"{wording.clock(event.time)} {wording.what(event)}"
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST - 1]}…"
        if not isinstance(event, Message | Control):
            return f"Note over CSMS,{name}: {_escaped(text)}"
        self._edges += 1
        arrow = "->>" if isinstance(event, Message) and event.type in (CALL, SEND) else "-->>"
        ends = (name, "CSMS") if event.direction == FROM_STATION else ("CSMS", name)
        return f"{ends[0]}{arrow}{ends[1]}: {_escaped(text)}"

    def _line(self, text: str) -> bytes:
        self._size += len(text) + 5
        return f"    {text}\n".encode(errors="replace")

    def rest(self) -> Iterable[bytes]:
        if self._edges > _EDGES or self._size > _CHARACTERS:
            self.order.tell(
                f"{self.order.path}: {self._edges:,} arrows in {self._size:,} characters; Mermaid draws up to {_EDGES} "
                f"and {_CHARACTERS:,} (maxEdges, maxTextSize): select with --station or --filter, or raise them"
            )
        return ()


_SPECIAL: Final = str.maketrans({mark: f"#{ord(mark)};" for mark in '#;<>"&{}'})
"""What Mermaid takes for its own, as its entity codes."""


def _escaped(text: str) -> str:
    return visible(text).translate(_SPECIAL)


open_output = SequenceDiagram
