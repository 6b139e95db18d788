"""Which connectors are reserved, for whom, and until when.

Sources: OCPP 1.6 edition 2 §5.1, §5.13; OCPP 2.0.1 and 2.1 part 2, functional block H.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import Message
from ocppscope.ocpp.connectors import availability_told, status_told
from ocppscope.ocpp.lenient import fields, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.rules.gates import reserved
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.connectors import AVAILABLE, Place
from ocppscope.rules.tables.requests import asked, status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

_OUT_OF_USE: Final = frozenset({"Faulted", "Unavailable"})


@dataclass(slots=True, eq=False)
class Reservation:
    """A reservation that the station accepted."""

    id: int
    place: Place
    """In 1.6 (None, connector), in 2.x (EVSE or None, None)."""
    token: str | None
    """For whom, in lower case."""
    group: str | None
    """Whose members may use it too, in lower case."""
    expiry: int | None
    """In ns."""
    n: int
    """The number of the answer that accepted it."""
    time: int | None
    ended: int | None = None
    """The number of the message that ended it; None while it is live."""

    is_expired: bool = False
    """The station told so."""
    is_released: bool = False
    """Its connector was told to be Available again: it may have been lost with a reboot. So it may with a fault, or
    where the connector is Unavailable (1.6 §5.13), or its token started a transaction without naming it."""

    def is_live(self, now: int | None) -> bool:
        return self.ended is None and not self.is_released and not (now and self.expiry and now > self.expiry)


class Reservations(Recent[int, Reservation]):
    """Those of one station, by id."""

    def __init__(self) -> None:
        super().__init__(500)

    def at(self, place: Place, now: int | None) -> Reservation | None:
        """The live one of a place."""
        if not self:
            return None
        return next((one for one in self.values() if one.place == place and one.is_live(now)), None)


def group_named(payload: dict[str, Any]) -> str | None:
    """ParentIdTag or groupIdToken of a ReserveNow, in lower case."""
    found = text(payload.get("parentIdTag")) or text(fields(payload.get("groupIdToken")).get("idToken"))
    return found.lower() if found else None


def expiry_of(payload: dict[str, Any]) -> int | None:
    return told(payload.get("expiryDate")) or told(payload.get("expiryDateTime"))


def id_of(payload: dict[str, Any]) -> int | None:
    """The id that a ReserveNow gives its reservation: `reservationId` in 1.6, `id` in 2.x."""
    found = whole(payload.get("reservationId"))
    return whole(payload.get("id")) if found is None else found


def _end(station: "StationState", identity: int | None, event: Message) -> None:
    known = station.reservations.get(identity) if identity is not None else None
    if known is not None and known.ended is None:
        known.ended = event.n


@learns(on_answer("ReserveNow"))
def learn_reservation(event: Message, state: "SessionState") -> None:
    payload = asked(event)
    identity = id_of(payload)
    if status_of(event) != "Accepted" or identity is None:
        return
    place = whole(payload.get("evseId")), whole(payload.get("connectorId"))
    state.station.reservations[identity] = Reservation(
        identity,
        place,
        token_of(payload),
        group_named(payload),
        expiry_of(payload),
        event.n,
        event.time,
    )


@learns(on_answer("CancelReservation"))
def learn_cancellation(event: Message, state: "SessionState") -> None:
    if status_of(event) == "Accepted":
        _end(state.station, whole(asked(event).get("reservationId")), event)


@learns(on_call("StartTransaction", "TransactionEvent", "ReservationStatusUpdate", gate=reserved))
def learn_use(event: Message, state: "SessionState") -> None:
    payload = fields(event.payload)
    identity = whole(payload.get("reservationId"))
    _end(state.station, identity, event)
    expired = state.station.reservations.get(identity) if identity is not None else None
    if expired is not None and payload.get("reservationUpdateStatus") == "Expired":
        expired.is_expired = True
    if identity is None and event.action == "StartTransaction":
        connector, token = whole(payload.get("connectorId")), token_of(payload)
        for one in state.station.reservations.values():
            if one.place[1] in (0, connector) and one.token == token:
                one.is_released = True


@learns(on_call("StatusNotification", "NotifyEvent", gate=reserved))
def learn_release(event: Message, state: "SessionState") -> None:
    known = state.station.reservations
    read = status_told if event.action == "StatusNotification" else availability_told
    for one in read(event, fields(event.payload)):
        if one.evse is None and one.status in _OUT_OF_USE:
            for reservation in known.values():
                if one.connector in (0, reservation.place[1]):
                    reservation.is_released = True
        elif one.status == AVAILABLE:
            for reservation in known.values():
                if reservation.place in ((one.evse, one.connector), (one.evse, None)) and any(
                    reservation.place
                ):
                    reservation.is_released = True
