"""What each connector's status is, as its station reports it.

Sources: StatusNotification of OCPP 1.6 edition 2 §4.9, 2.0.1 and 2.1 part 2 G01; NotifyEvent with the variable
AvailabilityState (G01, the preferred way in 2.1).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ocppscope.events import Message
from ocppscope.ocpp.connectors import ConnectorState, availability_told, status_told
from ocppscope.ocpp.lenient import fields, text
from ocppscope.rules.registry import learns, on_call

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

Place: TypeAlias = tuple[int | None, int | None]
"""EVSE (None in 1.6) and connector: in 1.6 counted over the station, 0 for itself; in 2.x within its EVSE."""

_KEPT: Final = 2_000
FAULTED: Final = "Faulted"


@dataclass(slots=True)
class Connector:
    """One connector."""

    status: str
    """As on the wire."""
    time: int | None
    """Since when, by the station's clock; where it tells none, as captured."""
    seen: int | None
    """When that was captured, in ns."""
    n: int
    """The number of the message that said so."""
    session: int
    """The number of its session."""
    error: str | None
    """errorCode (1.6)."""
    before: str | None = None
    """The status before this one; None where it is the first."""
    before_fault: str | None = None
    """The status before it faulted."""


@learns(on_call("StatusNotification"))
def learn_status(event: Message, state: "SessionState") -> None:
    payload = fields(event.payload)
    for told in status_told(event, payload):
        _remember(event, state.station, told, text(payload.get("errorCode")))


@learns(on_call("NotifyEvent"))
def learn_availability(event: Message, state: "SessionState") -> None:
    for told in availability_told(event, fields(event.payload)):
        _remember(event, state.station, told, None)


def _remember(event: Message, station: "StationState", told: ConnectorState, error: str | None) -> None:
    if told.connector is None and told.evse is None:
        return
    place = told.evse, told.connector
    known = station.connectors.get(place)
    if known is None:
        if len(station.connectors) < _KEPT:
            station.connectors[place] = Connector(
                told.status, told.time, event.time, event.n, event.session.number, error
            )
        return
    if told.status != known.status:
        known.before = known.status
        if told.status == FAULTED:
            known.before_fault = known.status
        known.status, known.time, known.seen = told.status, told.time, event.time
    known.n, known.session, known.error = event.n, event.session.number, error
