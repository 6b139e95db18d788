"""RES: reservations (section K of the catalogue).

Sources: OCPP 1.6 edition 2 §4.9, §5.1, §5.13; OCPP 2.0.1 and 2.1 part 2, use cases H01 to H04.
"""

from collections.abc import Mapping
from typing import Final

from ocppscope.events import Message
from ocppscope.ocpp.connectors import availability_told, status_told
from ocppscope.ocpp.lenient import fields, told, whole
from ocppscope.ocpp.times import SECOND, duration
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import expect, look_again, meet, unless_lost
from ocppscope.rules.gates import expecting, reserved
from ocppscope.rules.registry import ERROR, WARNING, Report, on_answer, on_call, rule
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.connectors import AVAILABLE, RESERVED
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.tables.reservations import Reservation, expiry_of, id_of
from ocppscope.rules.tables.transactions import IS_AWAITED, WITH_TOKEN

_WITHIN: Final = 60
"""Seconds for a status to be told."""
_CLOCKS_DIFFER: Final = 60
"""Seconds, as for TIME-009."""
_AFTER_EXPIRY: Final = 120
"""Seconds: the station's clock need not be the capture's."""


@rule(
    "RES-001",
    "The answer to CancelReservation does not fit the reservation",
    ERROR,
    on_answer("CancelReservation"),
    source=part_2("H02.FR.01", "§5.1"),
    hint="accept where there is such a reservation, reject where there is none",
    needs="start",
)
def cancellation(event: Message, state: SessionState) -> Report | None:
    identity, status = whole(asked(event).get("reservationId")), status_of(event)
    known = state.station.reservations.get(identity) if identity is not None else None
    if known is None or event.call is None or state.has_gap:
        return None  # it may have been made before the capture
    if status == ACCEPTED and known.ended is not None and known.ended < event.call.n:
        said = f"reservation {identity} was accepted to be cancelled, and had ended before"
        return Report(said, events=(known.n, known.ended, event.call.n))
    # A little before its end it may be over by the station's clock.
    soon = None if event.time is None else event.time + _AFTER_EXPIRY * SECOND
    if status == "Rejected" and known.is_live(soon):
        return Report(
            f"reservation {identity} is live, and its cancellation was rejected",
            events=(known.n, event.call.n),
        )
    return None


_FITTING: Final[Mapping[str, frozenset[str]]] = {
    AVAILABLE: frozenset({"Accepted", "Rejected"}),
    "Preparing": frozenset({"Occupied", "Rejected", "Accepted"}),
    "Charging": frozenset({"Occupied", "Rejected"}),
    "SuspendedEV": frozenset({"Occupied", "Rejected"}),
    "SuspendedEVSE": frozenset({"Occupied", "Rejected"}),
    "Finishing": frozenset({"Occupied", "Rejected"}),
    RESERVED: frozenset({"Occupied", "Rejected", "Accepted"}),
    "Unavailable": frozenset({"Unavailable", "Rejected"}),
    "Faulted": frozenset({"Faulted", "Rejected"}),
}
"""By status of the connector: how ReserveNow may be answered (1.6 §5.13)."""


@rule(
    "RES-002",
    "ReserveNow is not answered, or not followed, as its connector is",
    WARNING,
    on_answer("ReserveNow"),
    on_call("StatusNotification", "StartTransaction", gate=expecting("RES-002")),
    source="OCPP 1.6 §4.9 (A7), §5.13",
    hint="answer Occupied, Faulted or Unavailable where the connector is; after Accepted tell that it is Reserved",
    needs="session",
    versions=(V16,),
)
def reserved_connector(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        payload = event.payload
        if type(payload) is dict and (
            event.action == "StartTransaction" or payload.get("status") != AVAILABLE
        ):
            meet(station, "RES-002", whole(payload.get("connectorId")))
        return None
    payload, status = asked(event), status_of(event)
    connector = whole(payload.get("connectorId"))
    known = station.connectors.get((None, connector))
    if not connector or status is None or known is None or state.is_partial:
        return None
    fitting = _FITTING.get(known.status)
    if fitting is not None and status not in fitting and known.n < event.call.n:
        return Report(
            f"{status}, where connector {connector} is {known.status}",
            f"connector {connector}",
            events=(known.n, event.call.n),
        )
    if status == ACCEPTED and known.status == AVAILABLE:
        report = Report(
            f"connector {connector} was not told to be Reserved within {_WITHIN} s", f"connector {connector}"
        )
        expect(state, "RES-002", connector, _WITHIN, unless_lost(state, report), event)
    return None


def _stati_told(event: Message) -> list[tuple[int | None, str]]:
    """EVSE and status, as a StatusNotification or NotifyEvent tells."""
    read = status_told if event.action == "StatusNotification" else availability_told
    return [(one.evse, one.status) for one in read(event, fields(event.payload))]


@rule(
    "RES-003",
    "A reserved EVSE is not told to be Reserved",
    ERROR,
    on_answer("ReserveNow"),
    on_call("StatusNotification", "NotifyEvent", gate=expecting("RES-003")),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source=part_2("H01.FR.20, H01.FR.23"),
    hint="after Accepted the station tells that the connectors of the EVSE are Reserved",
    needs="time",
    versions=V2X,
)
def reserved_evse(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        if event.action == "TransactionEvent":
            meet(station, "RES-003", whole(fields(fields(event.payload).get("evse")).get("id")))
            return
        for evse, status in _stati_told(event):
            if status != AVAILABLE:
                meet(station, "RES-003", evse)
        return
    evse = whole(asked(event).get("evseId"))
    stati = {one.status for place, one in station.connectors.items() if place[0] == evse}
    if status_of(event) != ACCEPTED or evse is None or stati != {AVAILABLE}:
        return
    report = Report(f"EVSE {evse} was not told to be Reserved within {_WITHIN} s", f"EVSE {evse}")
    expect(state, "RES-003", evse, _WITHIN, unless_lost(state, report), event)


def _seconds_to_expiry(reserved: Message) -> float | None:
    expiry = expiry_of(asked(reserved))
    return None if expiry is None or reserved.time is None else (expiry - reserved.time) / SECOND


@rule(
    "RES-004",
    "A reservation expires and nothing is told",
    ERROR,
    on_answer("ReserveNow"),
    source=part_2("H04.FR.01, H04.FR.03"),
    hint="at expiryDateTime the station sends ReservationStatusUpdate Expired, and tells that the EVSE is Available",
    needs="time",
    versions=V2X,
)
def expired_untold(event: Message, state: SessionState) -> None:
    identity, left = id_of(asked(event)), _seconds_to_expiry(event)
    if status_of(event) != ACCEPTED or identity is None or left is None:
        return
    station = state.station

    def verdict() -> Report | None:
        known = station.reservations.get(identity)
        if state.has_gap or known is None or known.n != event.n or _may_be_silent(known, station):
            return None
        if known.ended is None:
            return Report(f"no ReservationStatusUpdate of reservation {identity}, which has expired")
        still = [
            at for at, one in station.connectors.items() if at[0] == known.place[0] and one.status == RESERVED
        ]
        others = [one for one in station.reservations.values() if one.ended is None]
        if not known.is_expired or known.place[0] is None or not still or others:
            return None
        return Report(
            f"reservation {identity} has expired, and EVSE {known.place[0]} is still {RESERVED}",
            "still Reserved",
            events=tuple(station.connectors[at].n for at in still[:5]),
        )

    look_again(state, "RES-004", identity, left + _AFTER_EXPIRY, verdict, event)


def _may_be_silent(known: Reservation, station: StationState) -> bool:
    """Whether a station need not tell that a reservation expired: it was used, lost or cancelled, or it was offline."""
    boot, cancel = station.registration.call, station.requests.get("CancelReservation")
    if boot is not None and boot.n > known.n:
        return True
    if cancel is not None and cancel.answer is None and cancel.asked.get("reservationId") == known.id:
        return True
    opened = [one.time for one in station.open_sessions.values() if one.time is not None]
    if known.expiry is not None and opened and min(opened) > known.expiry:
        return True
    transactions = (*station.transactions.running(), *station.transactions.ended.values())
    return any(  # it does not name the reservation: TX2-019 tells
        one.token == known.token
        and one.start is not None
        and one.start.n > known.n
        and known.place[0] in (None, one.place[0])
        for one in transactions
    )


_BLOCKING: Final = frozenset({"Faulted", "Unavailable"})


@rule(
    "RES-005",
    "A reservation is lost and nothing is told",
    ERROR,
    on_call("StatusNotification", "NotifyEvent", "ReservationStatusUpdate", gate=reserved),
    source=part_2("H01.FR.16, H01.FR.17"),
    hint="where a reserved EVSE becomes Faulted or Unavailable, the station sends ReservationStatusUpdate Removed",
    needs="time",
    versions=V2X,
)
def lost_untold(event: Message, state: SessionState) -> None:
    station = state.station
    if event.action == "ReservationStatusUpdate":
        meet(station, "RES-005", whole(fields(event.payload).get("reservationId")))
        return
    for evse, status in _stati_told(event):
        known = station.reservations.at((evse, None), event.time) if status in _BLOCKING and evse else None
        if known is None or not _all_blocked(station, evse, event):
            continue
        report = Report(
            f"EVSE {evse} is {status}, and reservation {known.id} was not told to be removed within {_WITHIN} s",
            f"EVSE {evse}",
        )
        identity = known.id

        def verdict(report: Report = report, known: Reservation = known) -> Report | None:
            return None if state.has_gap or known.ended is not None else report

        expect(state, "RES-005", identity, _WITHIN, verdict, event)


def _all_blocked(station: StationState, evse: int | None, event: Message) -> bool:
    """Whether no other connector of an EVSE can serve the reservation."""
    connector = whole(fields(event.payload).get("connectorId"))
    others = [one for place, one in station.connectors.items() if place[0] == evse and place[1] != connector]
    return all(one.status in _BLOCKING for one in others)


@rule(
    "RES-006",
    "An expired reservation still holds its connector",
    ERROR,
    on_answer("ReserveNow"),
    source="OCPP 1.6 §5.13",
    hint="at expiryDate the station frees the connector and tells that it is Available",
    needs="time",
    versions=(V16,),
)
def not_freed(event: Message, state: SessionState) -> None:
    payload, left = asked(event), _seconds_to_expiry(event)
    connector, identity = whole(payload.get("connectorId")), id_of(payload)
    if status_of(event) != ACCEPTED or not connector or identity is None or left is None or left < 0:
        return
    station = state.station

    def verdict() -> Report | None:
        known, place = station.reservations.get(identity), station.connectors.get((None, connector))
        if known is None or known.ended is not None or known.n != event.n or place is None or state.has_gap:
            return None
        if place.status != RESERVED:
            return None
        return Report(
            f"connector {connector} is still Reserved {duration(_AFTER_EXPIRY * SECOND)} after expiryDate",
            f"connector {connector}",
            events=(event.n, place.n),
        )

    look_again(state, "RES-006", identity, left + _AFTER_EXPIRY, verdict, event)


@rule(
    "RES-007",
    "A transaction of somebody else on a reserved connector",
    ERROR,
    on_call("StartTransaction", gate=reserved),
    on_call("TransactionEvent", gate=WITH_TOKEN),
    source=part_2("H03.FR.01", "§5.13"),
    hint="the station lets only the reserved token, or one of its group, start there",
    needs="session",
)
def somebody_else(event: Message, state: SessionState) -> Report | None:
    station, payload = state.station, event.payload
    if type(payload) is not dict:
        return None
    token = token_of(payload)
    connector, evse = whole(payload.get("connectorId")), whole(fields(payload.get("evse")).get("id"))
    place = (None, connector) if event.action == "StartTransaction" else (evse, None)
    known = station.reservations.at(place, event.time)
    if known is None or token is None or known.token in (None, token) or not any(place):
        return None
    when = told(payload.get("timestamp"))
    if when is not None and known.time is not None and when < known.time:
        return None  # it was queued
    authorization = station.authorizations.get(token)
    group = authorization.group if authorization else None
    if known.group is not None and group in (None, known.group):
        return None  # where the group is not known, the station may know it
    return Report(
        f"reservation {known.id} is for another token", f"reservation {known.id}", events=(known.n,)
    )


@rule(
    "RES-008",
    "A reservation that has expired is accepted",
    WARNING,
    on_answer("ReserveNow"),
    source="heuristic",
    hint="name an expiryDate in the future, in UTC; the station rejects one that has passed",
    needs="time",
)
def accepted_expired(event: Message, state: SessionState) -> Report | None:
    left = _seconds_to_expiry(event)
    if status_of(event) != ACCEPTED or left is None or event.call is None:
        return None
    left = max(left, left - (state.station.csms_ahead or 0) / SECOND)  # by the CSMS's clock
    if left >= -_CLOCKS_DIFFER:
        return None
    return Report(f"it had expired {duration(round(-left * SECOND))} before", events=(event.call.n,))
