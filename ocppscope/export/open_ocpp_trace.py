"""Open OCPP Trace v1.1: one message a record, as its rules for producers ask.

`raw` is the text of the wire. What a record cannot carry rides in `meta.ocppscope` of the next one, see
`sources.traces.riders`; with `Order.is_plain` it is left out, and how much that was is told.
"""

from collections.abc import Iterable
from typing import Any, Final

from ocppscope.events import CALL, CALLERROR, CALLRESULT, TYPE_NAMES, Event, Message, Notice
from ocppscope.export import Order, records
from ocppscope.export.files import FrontToEnd
from ocppscope.ocpp import wording
from ocppscope.sources.traces import riders
from ocppscope.sources.traces.correlation import Correlation
from ocppscope.sources.traces.riders import OWN, Rider
from ocppscope.sources.traces.words import stamp

SCHEMA_VERSION: Final = "1.1"
_NO_TIME: Final = "1970-01-01T00:00:00.000Z"
"""A record has to have a time; which one is not to be believed, `meta.ocppscope` says."""
_CARRIED: Final = frozenset({CALL, CALLRESULT, CALLERROR})


def is_carried(event: Event | Notice) -> bool:
    """Whether a record can carry the event: a Call, CallResult or CallError, which was seen once."""
    return (
        isinstance(event, Message)
        and event.type in _CARRIED
        and event.session.duplicate_of is None
        and (event.type != CALL or type(event.action) is str)
    )


class TraceLines(FrontToEnd):
    """A file of records, one a line (`export.Output`)."""

    def __init__(self, order: Order) -> None:
        self._record: dict[str, Any] | None = None
        """The last record: what comes after it, and before no other, rides on it."""
        self._riders: list[Rider] = []
        self._facts: list[dict[str, Any]] = []
        self._sessions: set[int] = set()
        self._correlation: Correlation[int] = Correlation()
        self._left_out: dict[str, int] = {}
        self._has_records = False
        super().__init__(order)

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        for event in events:
            if not self.order.is_plain and not isinstance(event, Notice):
                self._name_session(event)
            if isinstance(event, Message) and is_carried(event):
                yield from self._put_out()
                self._record = self._record_of(event)
                self.written += 1
            elif self.order.is_plain:
                kind = type(event).__name__.lower()
                name = TYPE_NAMES[event.type] if isinstance(event, Message) else kind
                self._left_out[name] = self._left_out.get(name, 0) + 1
            else:
                self._riders.append(riders.rider_of(event))
                self.written += not isinstance(event, Notice)

    def flush(self) -> None:
        self._file.writelines(list(self._put_last_out()))
        super().flush()

    def rest(self) -> Iterable[bytes]:
        yield from self._put_last_out()
        for rider in self._riders:  # there was no message at all
            self._left_out[rider["event"]] = self._left_out.get(rider["event"], 0) + 1
        self.written -= sum(rider["event"] != "notice" for rider in self._riders)
        self._tell()

    def _tell(self) -> None:
        if self._left_out:
            counts = ", ".join(f"{count:,} × {name}" for name, count in self._left_out.items())
            total = wording.plural(sum(self._left_out.values()), "event")
            self.order.tell(
                f"{self.order.path}: {total} left out that Open OCPP Trace cannot carry: {counts}"
            )

    # --- records ---

    def _put_out(self) -> Iterable[bytes]:
        if self._record is not None:
            yield self._line(self._record)
            self._record = None
            self._has_records = True

    def _put_last_out(self) -> Iterable[bytes]:
        """Put the last record out, and all that waits with it."""
        if self._record is not None and (self._riders or self._facts):
            own = self._record["meta"][OWN]
            if self._facts:  # of sessions that ride
                own["sessions"] = own.get("sessions", []) + self._facts
            own["after"] = self._riders
            self._riders, self._facts = [], []
        yield from self._put_out()

    def _line(self, record: dict[str, Any]) -> bytes:
        return records.line(record)

    def _name_session(self, event: Event) -> None:
        session = event.session
        if session.number not in self._sessions:
            self._sessions.add(session.number)
            self._facts.append(riders.facts_of(session))

    def _record_of(self, message: Message) -> dict[str, Any]:
        session, error = message.session, message.error
        time = stamp(message.time)
        record: dict[str, Any] = {
            "schemaVersion": SCHEMA_VERSION,
            "timestamp": time or _NO_TIME,
            "ocppVersion": session.version,
            "transport": "json",
            "chargePointId": session.station,
            "connectorId": _connector(message),
            "direction": message.direction,
            "messageType": TYPE_NAMES[message.type],
            "messageId": message.id if type(message.id) is str else None,
            "action": self._action(message),
        }
        record = {name: value for name, value in record.items() if value is not None}
        if not self.order.is_plain:
            record["meta"] = {OWN: self._own(message, is_timed=time is not None)}
        if error is not None:
            said = {"code": error.code, "description": error.description}
            record["error"] = {name: value for name, value in said.items() if type(value) is str}
            record["error"]["details"] = error.details
        elif message.payload is not None:
            record["payload"] = message.payload
        record["raw"] = message.raw
        return record

    def _action(self, message: Message) -> Any:
        """On an answer it has to be that of the Call which it belongs to by the rule of the trace."""
        if message.type == CALL:
            self._correlation.call(message.direction, message.id, message.n)
            return message.action
        call = self._correlation.answer(message.direction, message.id)
        is_same = message.call is not None and call == message.call.n
        return message.action if is_same and type(message.action) is str else None

    def _own(self, message: Message, *, is_timed: bool) -> dict[str, Any]:
        own: dict[str, Any] = {"session": message.session.number}
        if not is_timed:
            own["time"] = message.time
        if message.faults and (faults := riders.faults_of(message)):
            own["faults"] = faults
        if self._facts:
            own["sessions"], self._facts = self._facts, []
        if self._riders:
            own["before"], self._riders = self._riders, []
        return own


class TraceArray(TraceLines):
    """The same as one JSON array."""

    def begin(self) -> None:
        self.write(b"[")

    def _line(self, record: dict[str, Any]) -> bytes:
        line = records.line(record).rstrip(b"\n")
        return b",\n" + line if self._has_records else b"\n" + line

    def rest(self) -> Iterable[bytes]:
        yield from super().rest()
        yield b"\n]\n"


def _connector(message: Message) -> int | None:
    """The connector that a Call names, as OCPP 1.6 does."""
    payload = message.payload
    number = payload.get("connectorId") if message.type == CALL and type(payload) is dict else None
    return number if type(number) is int and number >= 0 else None


open_output = TraceLines
