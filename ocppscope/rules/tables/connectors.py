"""What each connector's status is, as its station reports it, and which may follow which.

Sources: StatusNotification of OCPP 1.6 edition 2 §4.9 with errata 3.20, 2.0.1 and 2.1 part 2 G01; NotifyEvent with
the variable AvailabilityState (G01, the preferred way in 2.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import Message
from ocppscope.ocpp.connectors import availability_told
from ocppscope.ocpp.lenient import fields, text, told, whole
from ocppscope.rules.registry import learns, on_call

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

Place: TypeAlias = tuple[int | None, int | None]
"""EVSE (None in 1.6) and connector: in 1.6 counted over the station, 0 for itself; in 2.x within its EVSE."""

_KEPT: Final = 2_000
_LONGEST: Final = 2_000
"""Characters of a message whose payload is kept."""

AVAILABLE: Final = "Available"
PREPARING: Final = "Preparing"
CHARGING: Final = "Charging"
SUSPENDED_EV: Final = "SuspendedEV"
SUSPENDED_EVSE: Final = "SuspendedEVSE"
FINISHING: Final = "Finishing"
RESERVED: Final = "Reserved"
UNAVAILABLE: Final = "Unavailable"
FAULTED: Final = "Faulted"
OCCUPIED: Final = "Occupied"
"""2.x, for what 1.6 tells apart as Preparing, Charging, SuspendedEV, SuspendedEVSE and Finishing."""

# --- what may follow what (1.6) ---

TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    before: frozenset(after.split())
    for before, after in {
        AVAILABLE: "Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted",
        PREPARING: "Available Charging SuspendedEV SuspendedEVSE Finishing Faulted",
        CHARGING: "Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted",
        SUSPENDED_EV: "Available Charging SuspendedEVSE Finishing Unavailable Faulted",
        SUSPENDED_EVSE: "Available Charging SuspendedEV Finishing Unavailable Faulted",
        FINISHING: "Available Preparing Unavailable Faulted",
        RESERVED: "Available Preparing Unavailable Faulted",
        UNAVAILABLE: "Available Preparing Charging SuspendedEV SuspendedEVSE Faulted",
        # Back to what was before the fault, which may be any.
        FAULTED: "Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable",
    }.items()
}
"""By status: those that it may change to."""
OF_STATION: Final = frozenset({AVAILABLE, UNAVAILABLE, FAULTED})
"""What connector 0 may have: the station as a whole."""


def _between(before: str, after: str) -> tuple[tuple[str, ...], ...]:
    """The shortest ways from one status to another, each without its ends.

    Nobody leaves out a fault or that it was out of order: those are no way where there is another.
    """
    paths: list[tuple[str, ...]] = [(before,)]
    seen = {before, UNAVAILABLE, FAULTED} - {after}
    while paths:
        found = tuple(path[1:] for path in paths if after in TRANSITIONS[path[-1]])
        if found:
            return found
        paths = [
            (*path, status)
            for path in paths
            for status in TRANSITIONS  # in the order of a charge
            if status in TRANSITIONS[path[-1]] and status not in seen
        ]
        seen |= {path[-1] for path in paths}
    return ()


MISSING: Final[Mapping[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    (before, after): _between(before, after)
    for before, allowed in TRANSITIONS.items()
    for after in TRANSITIONS
    if after != before and after not in allowed
}
"""By two statuses of which the second may not follow the first: what would have to come between, one way or another."""

# --- what they are ---


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
    """The number of the message that said so last."""
    session: int
    """The number of its session."""
    error: str | None
    """errorCode (1.6)."""
    before: str | None = None
    """The status before this one; None where it is the first."""
    since: int = 0
    """The number of the message that said so first."""
    payload: dict[str, Any] = field(default_factory=dict)
    """Of the last StatusNotification; empty where it was a NotifyEvent, or very long."""
    needless: list[int] = field(default_factory=list)
    """CON-006's: the numbers of the latest messages in a row that said nothing new."""


@learns(on_call("StatusNotification"))
def learn_status(event: Message, state: "SessionState") -> None:
    payload = fields(event.payload)
    status = text(payload.get("connectorStatus")) or text(payload.get("status"))
    if status is None:
        return
    place = whole(payload.get("evseId")), whole(payload.get("connectorId"))
    time = told(payload.get("timestamp")) or event.time
    known = _remember(event, state.station, place, status, time, text(payload.get("errorCode")))
    if known is not None:
        known.payload = payload if len(event.raw) <= _LONGEST else {}


@learns(on_call("NotifyEvent"))
def learn_availability(event: Message, state: "SessionState") -> None:
    for one in availability_told(event, fields(event.payload)):
        known = _remember(event, state.station, (one.evse, one.connector), one.status, one.time, None)
        if known is not None:
            known.payload = {}


def _remember(
    event: Message, station: "StationState", place: Place, status: str, time: int | None, error: str | None
) -> Connector | None:
    if place == (None, None):
        return None
    known = station.connectors.get(place)
    if known is None:
        if len(station.connectors) >= _KEPT:
            return None
        known = station.connectors[place] = Connector(
            status, time, event.time, event.n, event.session.number, error, since=event.n
        )
        return known
    if status != known.status:
        known.needless.clear()
        known.before = known.status
        known.status, known.time, known.seen, known.since = status, time, event.time, event.n
    known.n, known.session, known.error = event.n, event.session.number, error
    return known
