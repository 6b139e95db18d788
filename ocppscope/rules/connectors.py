"""CON: connectors, their status and availability (section E of the catalogue)."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ocppscope.events import CALL, CALLRESULT, Message
from ocppscope.ocpp.connectors import ConnectorState, availability_told, status_told
from ocppscope.ocpp.lenient import fields, identifier, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import Look, look_again
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    Severity,
    learns,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.connectors import (
    AVAILABLE,
    CHARGING,
    FAULTED,
    FINISHING,
    MISSING,
    OCCUPIED,
    OF_STATION,
    PREPARING,
    RESERVED,
    SUSPENDED_EV,
    SUSPENDED_EVSE,
    TRANSITIONS,
    UNAVAILABLE,
    Connector,
    Place,
)
from ocppscope.rules.tables.profiles import STATION_MAX, TX, TX_DEFAULT, Profile
from ocppscope.rules.tables.requests import status_of
from ocppscope.rules.tables.transactions import ENDS, Transaction, tells_more
from ocppscope.rules.waiting import is_delivered, is_held_up, misses_messages

_STATUS: Final = "StatusNotification"
_CHANGE: Final = "ChangeAvailability"
_IN_TRANSACTION: Final = frozenset({CHARGING, SUSPENDED_EV, SUSPENDED_EVSE})
_NOT_IN_USE: Final = frozenset({AVAILABLE, FINISHING, RESERVED, UNAVAILABLE, FAULTED})
_SOON: Final = 120
"""Seconds within which what belongs together has come: a status and its transaction, queued messages between."""
_LOOKS: Final = 250
"""What may be looked at again of a station with thousands of connectors, so that room is left for other rules."""


def _reported(event: Message, state: SessionState) -> tuple[int, str, Connector | None] | None:
    """What a StatusNotification of 1.6 says: the connector, its status, and what it was so far."""
    payload = event.payload
    if type(payload) is not dict:
        return None
    connector, status = whole(payload.get("connectorId")), payload.get("status")
    if connector is None or type(status) is not str:
        return None
    return connector, status, state.station.connectors.get((None, connector))


def _is_continued(known: Connector, event: Message, state: SessionState) -> bool:
    """Whether a connector is told of in one go: what happens offline or in a reboot need not be told."""
    boot = state.station.registration.call
    return (
        known.session == event.session.number
        and not misses_messages(state, known.n)
        and (boot is None or boot.n < known.n)
    )


def _look_later(
    state: SessionState, rule_id: str, key: Hashable, seconds: float, look: Look, event: Message
) -> None:
    """Look again at one connector of what may be thousands."""
    looks = state.station.looks
    if len(looks) < _LOOKS or (rule_id, key) in looks:
        look_again(state, rule_id, key, seconds, look, event)


def _name(place: Place) -> str:
    evse, connector = place
    if evse is None:
        return "the station" if connector is None else f"connector {connector}"
    return f"EVSE {evse}" if connector is None else f"connector {connector} of EVSE {evse}"


def _or(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _is_remarkable(event: Message, state: SessionState) -> bool:
    """A gate (1.6): anything but the next status of a connector in the course of a charge, without an error."""
    payload = event.payload
    if type(payload) is not dict or payload.get("errorCode") != "NoError":
        return True
    connector, status = payload.get("connectorId"), payload.get("status")
    if type(connector) is not int or connector <= 0 or type(status) is not str:
        return True
    place = None, connector
    known = state.station.connectors.get(place)
    if known is None or status not in TRANSITIONS.get(known.status, ()) or status in (FAULTED, SUSPENDED_EV):
        return True
    has_transaction = place in state.station.transactions.at
    return has_transaction if status == AVAILABLE else status in _IN_TRANSACTION and not has_transaction


_REMARKABLE: Final = on_call(_STATUS, gate=_is_remarkable)


# --- which status may follow which (1.6) ---


@rule(
    "CON-001",
    "A status that cannot follow the one before",
    WARNING,
    _REMARKABLE,
    source="OCPP 1.6 §4.9; errata 3.20",
    hint="the station has to report each status in between; a CSMS should not depend on it",
    needs="start",
    versions=(V16,),
)
def skipped_status(event: Message, state: SessionState) -> Report | None:
    reported = _reported(event, state)
    if reported is None:
        return None
    connector, status, known = reported
    if known is None or known.status == status or connector == 0:
        return None
    paths = MISSING.get((known.status, status))
    if (
        not paths
        or not _is_continued(known, event, state)
        or (status == UNAVAILABLE and _may_be_taken_out(state.station, connector))
    ):
        return None
    time = told(event.payload.get("timestamp"))
    if time is not None and known.time is not None and time < known.time:
        return None  # out of order
    missing = _or(" and then ".join(path) for path in paths)
    detail = f"connector {connector} went from {known.status} to {status}; {missing} is missing in between"
    severity: Severity | None = None
    shortest = state.station.number("MinimumStatusDuration", 0)
    if shortest:
        severity = INFO
        detail += f", or lasted less than MinimumStatusDuration, {shortest} s"
    elif state.session.late:
        severity = INFO
        detail += ", which is legal where MinimumStatusDuration was set before the capture"
    return Report(detail, f"{known.status} to {status}", severity, (known.n,))


def _may_be_taken_out(station: StationState, connector: int) -> bool:
    """Whether the CSMS has asked for something that takes a connector out of use at once."""
    asked = station.requests
    return _is_taken_out(station, (None, connector)) or not asked.keys().isdisjoint(_TAKES_OUT)


_TAKES_OUT: Final = frozenset({"Reset", "UpdateFirmware", "SignedUpdateFirmware"})


@rule(
    "CON-002",
    "The station as a whole has the status of a connector",
    ERROR,
    _REMARKABLE,
    source="OCPP 1.6 §4.9",
    hint="connector 0 is the whole station: Available, Unavailable or Faulted; connectors are counted from 1",
    versions=(V16,),
)
def status_of_station(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or whole(payload.get("connectorId")) != 0:
        return None
    status = payload.get("status")
    if type(status) is not str or status in OF_STATION or status not in TRANSITIONS:
        return None
    return Report(f"connector 0 is {status}", status)


@rule(
    "CON-003",
    "EVCommunicationError with a status that it does not go with",
    WARNING,
    _REMARKABLE,
    source="OCPP 1.6 §4.9",
    hint="send EVCommunicationError with Preparing, SuspendedEV, SuspendedEVSE or Finishing",
    versions=(V16,),
)
def communication_error(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("errorCode") != "EVCommunicationError":
        return None
    status = payload.get("status")
    if type(status) is not str or status not in TRANSITIONS or status in _WITH_COMMUNICATION_ERROR:
        return None
    return Report(f"EVCommunicationError with the status {status}", status)


_WITH_COMMUNICATION_ERROR: Final = frozenset({PREPARING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING})


@rule(
    "CON-004",
    "A fault without an error, or an error without a fault",
    INFO,
    _REMARKABLE,
    source="OCPP 1.6 §4.9",
    hint="Faulted should say why in errorCode; an error with another status is a warning: it goes on working",
    versions=(V16,),
)
def fault_and_error(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    error, status = payload.get("errorCode"), payload.get("status")
    if (error == "NoError") == (status != FAULTED) or type(error) is not str or type(status) is not str:
        return None
    connector = whole(payload.get("connectorId"))
    if status == FAULTED:
        return Report(f"connector {connector} is Faulted with NoError", "NoError")
    return Report(f"connector {connector} is {status} and warns of {error[:50]}", error[:50])


# --- how connectors are counted ---


@rule(
    "CON-005",
    "A connector that the station does not have",
    WARNING,
    on_call(
        _STATUS,
        "StartTransaction",
        "RemoteStartTransaction",
        "ReserveNow",
        "UnlockConnector",
        _CHANGE,
        "TriggerMessage",
        "ExtendedTriggerMessage",
        "SetChargingProfile",
        "GetCompositeSchedule",
    ),
    on_answer("BootNotification"),
    source="OCPP 1.6 §3.8",
    hint="connectors are counted from 1 without gaps; 0 is the whole station",
    needs="session",
    versions=(V16,),
)
def no_such_connector(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    if event.type != CALL:
        _expect_numbering(event, state, "CON-005")
        return None
    connector = payload.get("connectorId")
    if type(connector) is not int or connector <= 1:
        return None
    station = state.station
    subject = f"connector {connector}"
    count = station.number("NumberOfConnectors", 0) or 0
    if 1 <= count < connector:
        return Report(f"{event.action} for connector {connector}, but NumberOfConnectors is {count}", subject)
    if count or event.action == _STATUS or (None, connector) in station.connectors:
        return None
    boot = station.registration.accepted
    if (
        boot is None
        or boot.session is not event.session
        or misses_messages(state, boot.n)
        or boot.time is None
        or event.time is None
        or event.time - boot.time < _SOON * SECOND
    ):
        return None
    most = max((number for _, number in station.connectors if number), default=0)
    if not 1 <= most < connector:
        return None
    return Report(
        f"{event.action} for connector {connector}, but the station has reported up to {most} since its boot",
        subject,
        events=(boot.n,),
    )


def _expect_numbering(event: Message, state: SessionState, rule_id: str) -> None:
    """After a boot all connectors are reported: then a number that is left out shows."""
    if event.type != CALLRESULT or fields(event.payload).get("status") != "Accepted":
        return

    def verdict() -> Report | None:
        if misses_messages(state, event.n) or state.station.registration.answer is not event:
            return None
        if state.session.number not in state.station.open_sessions:
            return None
        left_out = _left_out(state.station)
        if left_out is None:
            return None
        kind, numbers, evses = left_out
        shown = ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")
        seen = sorted({one.n for at, one in state.station.connectors.items() if at[0] in evses})
        return Report(f"{kind} {shown} {_IS_LEFT_OUT}", "numbers", WARNING, tuple(seen[:5]))

    look_again(state, rule_id, "numbers", _SOON, verdict, event)


_IS_LEFT_OUT: Final = f"was not reported within {_SOON} s of the boot, but one with a higher number was"


def _left_out(station: StationState) -> tuple[str, list[int], set[int | None]] | None:
    """Numbers below the highest that were not reported: what is counted, the numbers, the EVSEs that show it."""
    by_evse: dict[int | None, set[int]] = {}
    for evse, connector in station.connectors:
        numbers = by_evse.setdefault(evse, set())
        if connector is not None and connector > 0:
            numbers.add(connector)
    evses = {evse for evse in by_evse if evse is not None and evse > 0}
    counted = station.number("NumberOfConnectors", 0) or 0
    if gaps := _gaps(evses):
        return "EVSE", gaps, set[int | None](evses)
    for evse, numbers in by_evse.items():
        gaps = _gaps(numbers)
        # Where as many should be there, they are not numbered wrongly, but not reported.
        if gaps and not len(numbers) < counted:
            kind = "connector" if evse is None else f"EVSE {evse}: connector"
            return kind, gaps, {evse}
    return None


def _gaps(numbers: set[int]) -> list[int]:
    """The first numbers that are missing, from 1 on, below the highest."""
    most, missing, number = max(numbers, default=0), list[int](), 1
    while number < most and len(missing) < 6:
        if number not in numbers:
            missing.append(number)
        number += 1
    return missing


@rule(
    "CON-013",
    "EVSEs and connectors are not counted from 1",
    ERROR,
    on_call(_STATUS),
    on_answer("BootNotification"),
    source={
        "2.0.1": "OCPP 2.0.1 part 1 §7.1, §7.2",
        "2.1": "OCPP 2.1 part 1 §7.1, §7.2",
    },
    hint="count EVSEs from 1, and the connectors of each EVSE from 1, without gaps; 0 has no status",
    versions=V2X,
)
def counted_from_zero(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    if event.type != CALL:
        _expect_numbering(event, state, "CON-013")
        return None
    evse, connector = payload.get("evseId"), payload.get("connectorId")
    wrong = [
        f"{name} {number}"
        for name, number in (("evseId", evse), ("connectorId", connector))
        if type(number) is int and number <= 0
    ]
    return Report(f"StatusNotification with {' and '.join(wrong)}", " ".join(wrong)[:50]) if wrong else None


# --- what is said too often, and what does not fit the transactions (1.6) ---


@rule(
    "CON-006",
    "The same status again",
    WARNING,
    _REMARKABLE,
    source=HEURISTIC,
    hint="report a status when it changes, after a boot and when asked; Heartbeat shows that the station is there",
    needs="session",
    versions=(V16,),
)
def repeated_status(event: Message, state: SessionState) -> Report | None:
    reported = _reported(event, state)
    if reported is None:
        return None
    connector, status, known = reported
    if known is None or known.status != status:
        return None
    before = known.payload
    if (
        not is_delivered(state, known.n)
        or not before
        or any(before.get(name) != event.payload.get(name) for name in _SAID_WITH_STATUS)
        or not _is_continued(known, event, state)
        or any(fault.kind == "rpc.retry" for fault in event.faults)
        or _is_asked_for(known, state.station)
    ):
        return None
    known.needless.append(event.n)
    del known.needless[:-_NEEDLESS]
    if len(known.needless) < _NEEDLESS:
        return None
    return Report(
        f"connector {connector} is {status} again and again, though nothing has changed",
        f"connector {connector}",
        # Another status in between may have been too short to be told.
        INFO if state.station.number("MinimumStatusDuration", 0) else None,
        (known.since, *known.needless),
    )


_NEEDLESS: Final = 3
"""Repeats in a row from which on they are a habit."""
_SAID_WITH_STATUS: Final = ("errorCode", "info", "vendorErrorCode", "vendorId")


def _is_asked_for(known: Connector, station: StationState) -> bool:
    """Whether the CSMS has done something since that a status is an answer to."""
    trigger, accepted = station.triggered.get(_STATUS), station.registration.accepted
    if (trigger is not None and trigger.n > known.n) or (accepted is not None and accepted.n > known.n):
        return True
    return any(
        action in _LEADS_TO_STATUS and request.call.n > known.n
        for action, request in station.requests.items()
    )


_LEADS_TO_STATUS: Final = frozenset({_CHANGE, "ReserveNow", "CancelReservation", "UnlockConnector", "Reset"})


@rule(
    "CON-007",
    "The status does not fit the transactions",
    WARNING,
    _REMARKABLE,
    source="OCPP 1.6 §4.8, §4.9, §7.7",
    hint="Charging, SuspendedEV and SuspendedEVSE go with a transaction, Available with none; one of both is missing",
    needs="session",
    versions=(V16,),
)
def status_without_transaction(event: Message, state: SessionState) -> None:
    reported = _reported(event, state)
    if reported is None:
        return
    connector, status, known = reported
    running = state.station.transactions.at.get((None, connector))
    if status in _IN_TRANSACTION:
        if running is None and known is not None and _was_idle(known) and _is_continued(known, event, state):
            _expect_transaction(event, state, connector, status)
    elif (
        status == AVAILABLE
        and running is not None
        and running.id is not None
        and running.start is not None
        and not misses_messages(state, running.start.n)
    ):
        _expect_end(event, state, connector, running)


def _was_idle(known: Connector) -> bool:
    """Whether nothing can have been running before: else its start may be older than the capture."""
    return known.status in _IDLE or (known.status == PREPARING and known.before in _IDLE)


_IDLE: Final = frozenset({AVAILABLE, RESERVED, FINISHING})


def _expect_transaction(event: Message, state: SessionState, connector: int, status: str) -> None:
    station, place = state.station, (None, connector)
    last = station.transactions.last.get(place)

    def verdict() -> Report | None:
        known = station.connectors.get(place)
        if (
            known is None
            or known.status not in _IN_TRANSACTION
            or station.transactions.last.get(place) is not last
            or is_held_up(state, event)
        ):
            return None
        return Report(
            f"connector {connector} is {known.status}, but no transaction was started within {_SOON} s",
            f"connector {connector} {status}",
        )

    _look_later(state, "CON-007", connector, _SOON, verdict, event)


def _expect_end(event: Message, state: SessionState, connector: int, running: Transaction) -> None:
    def verdict() -> Report | None:
        known = state.station.connectors.get((None, connector))
        if known is None or known.status != AVAILABLE or not running.is_open or is_held_up(state, event):
            return None
        if state.station.transactions.at.get((None, connector)) is not running:
            return None
        return Report(
            f"connector {connector} is Available, but transaction {running.id} was not stopped within {_SOON} s",
            f"connector {connector} {AVAILABLE}",
            events=(running.start.n,) if running.start else (),
        )

    _look_later(state, "CON-007", connector, _SOON, verdict, event)


# --- a limit of nothing ---


@rule(
    "CON-008",
    "SuspendedEV although the station itself allows nothing",
    WARNING,
    _REMARKABLE,
    source="OCPP 1.6 §4.9",
    hint="where both the car and the station suspend, the station reports SuspendedEVSE",
    needs="session",
    versions=(V16,),
)
def suspended_by_whom(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("status") != SUSPENDED_EV:
        return None
    station, connector = state.station, whole(payload.get("connectorId"))
    if not station.profiles.installed or connector is None or connector < 1:
        return None
    profile = _in_force(station, connector)
    if profile is None or event.time is None or profile.time is None:
        return None
    lasted = event.time - profile.time
    if lasted < _TO_SETTLE * SECOND:
        return None
    return Report(
        f"connector {connector} is SuspendedEV, but its {profile.purpose} has had the limit 0 for "
        f"{lasted / SECOND:.0f} s",
        f"connector {connector}",
        # Of others there may be more, from before the capture.
        None if profile.purpose == TX else INFO,
        (profile.n,),
    )


_TO_SETTLE: Final = 15
"""Seconds in which a car that stops may be reported before the station that made it stop."""


def _in_force(station: StationState, connector: int) -> Profile | None:
    """The charging profile that allows nothing, where it is the one that counts."""
    running = station.transactions.at.get((None, connector))
    is_whole = running is not None and running.start is not None and running.start.n > station.missed
    identity = running.id if running is not None and is_whole else None
    for at, purposes in ((0, STATION_MAX), (connector, {TX}), (connector, {TX_DEFAULT}), (0, {TX_DEFAULT})):
        profiles = [
            one
            for one in station.profiles.installed.values()
            if one.place == at
            and one.purpose in purposes
            and one.level is not None
            and (one.purpose != TX or (identity is not None and one.transaction == identity))
        ]
        if not profiles:
            continue
        highest = max(profiles, key=lambda one: one.level or 0)
        if _allows_nothing(highest) and station.profiles.is_known(highest, station):
            return highest
        if purposes is not STATION_MAX:
            return None
    return None


def _allows_nothing(profile: Profile) -> bool:
    """Whether it has the limit 0 for as long as it lasts."""
    if profile.recurrency is not None or profile.valid_from is not None or profile.valid_to is not None:
        return False
    return bool(profile.schedules) and all(
        one.start is None
        and one.duration is None
        and bool(one.periods)
        and all(limit == 0 for _, limit in one.periods)
        for one in profile.schedules
    )


# --- availability ---


@dataclass(slots=True)
class _Change:
    """A ChangeAvailability and its answer."""

    place: Place
    """Connector (1.6, 0 for the station); EVSE and perhaps connector (2.x, (None, None) for the station)."""
    is_inoperative: bool
    status: str | None


def _change(answer: Message) -> _Change | None:
    asked = fields(answer.call.payload) if answer.call is not None else {}
    wanted = asked.get("operationalStatus") or asked.get("type")
    if wanted not in ("Operative", "Inoperative"):
        return None
    if answer.session.version == V16:
        connector = whole(asked.get("connectorId"))
        place: Place = None, connector
        if connector is None:
            return None
    else:
        evse = fields(asked.get("evse"))
        place = whole(evse.get("id")) or None, whole(evse.get("connectorId"))
        if place[0] is None:
            place = None, None
    return _Change(place, wanted == "Inoperative", status_of(answer))


_OUT: Final = "CON-014 taken out"
_SCHEDULED: Final = "CON-010 scheduled"
_CHANGED: Final = "CON-010 changed"
"""By place: the number of the answer that agreed to the latest change."""


@learns(on_answer(_CHANGE))
def learn_change(event: Message, state: SessionState) -> None:
    change = _change(event)
    if change is None or change.status not in ("Accepted", "Scheduled"):
        return
    noted = state.station.noted
    taken_out = noted.setdefault(_OUT, Recent(500))
    scheduled = noted.setdefault(_SCHEDULED, Recent(100))
    noted.setdefault(_CHANGED, Recent(500))[change.place] = event.n
    if not change.is_inoperative and _is_station(change.place):
        taken_out.clear()
        scheduled.clear()
    taken_out[change.place] = change.is_inoperative
    scheduled.pop(change.place, None)
    if change.is_inoperative and change.status == "Scheduled":
        scheduled[change.place] = event


def _is_station(place: Place) -> bool:
    return place[0] is None and not place[1]


def _covers(wider: Place, place: Place) -> bool:
    """Whether what is said of one place is said of another too."""
    if _is_station(wider) or wider == place:
        return True
    return wider[0] is not None and wider[0] == place[0] and wider[1] is None


def _is_taken_out(station: StationState, place: Place) -> bool:
    """Whether the CSMS has taken a connector, its EVSE or the station out of use."""
    known: Mapping[Place, bool] = station.noted.get(_OUT) or {}
    return any(out and _covers(at, place) for at, out in known.items())


def _running_at(station: StationState, place: Place) -> list[Transaction]:
    """The transactions that certainly run at a place."""
    transactions, (evse, connector) = station.transactions, place
    if _is_station(place):
        found = transactions.running()
    else:
        one = transactions.at.get(place if evse is None else (evse, None))
        found = [] if one is None else [one]
    return [
        one
        for one in found
        if one.is_open
        and one.id is not None
        and not one.missing
        and one.latest is not None
        and one.latest.n > station.missed
        and (evse is None or connector is None or one.place[1] in (None, connector))
        and _is_in_use(station, one.place)
    ]


def _is_in_use(station: StationState, place: Place) -> bool:
    """Whether the connector's status, where it is known, fits a transaction."""
    if place[0] is None or place[1] is not None:
        known = station.connectors.get(place)
        return known is None or known.status not in _NOT_IN_USE
    statuses = [one.status for at, one in station.connectors.items() if at[0] == place[0]]
    return not statuses or any(status not in _NOT_IN_USE for status in statuses)


_GOES_ON: Final = 30
"""Seconds after which a transaction that has no end was not over: its last messages may be queued."""


@rule(
    "CON-009",
    "A change of availability during a transaction was not put off",
    ERROR,
    on_answer(_CHANGE),
    source=part_2("G03.FR.05", "§5.2"),
    hint="while a transaction runs the station answers Scheduled, and becomes unavailable when it has ended",
    needs="session",
)
def not_scheduled(event: Message, state: SessionState) -> None:
    change = _change(event)
    if change is None or not change.is_inoperative or change.status not in ("Accepted", "Rejected"):
        return
    running = _running_at(state.station, change.place)
    if not running:
        return
    status, place = change.status, change.place

    def verdict() -> Report | None:
        still = [one for one in running if one.is_open]
        if not still or is_held_up(state, event):
            return None
        one = still[0]
        return Report(
            f"Inoperative for {_name(place)} was answered {status} while transaction {one.id} was running",
            status,
            INFO if status == "Rejected" else None,  # the station may be unable to
            tuple(message.n for message in (event.call, one.start) if message is not None),
        )

    look_again(state, "CON-009", event.n, _GOES_ON, verdict, event)


_CHANGES_WITHIN: Final = 60


@rule(
    "CON-010",
    "No status after a change of availability",
    WARNING,
    on_answer(_CHANGE),
    on_call("StopTransaction"),
    on_call("TransactionEvent", gate=ENDS),
    source=part_2("G03.FR.04, G01.FR.07", "§5.2"),
    hint="the station reports the new status of each connector once the availability has changed",
    needs="session",
)
def no_status_after_change(event: Message, state: SessionState) -> None:
    if event.type == CALL:
        if state.station.noted.get(_SCHEDULED):
            _expect_scheduled(event, state)
        return
    change = _change(event)
    if change is None or change.status != "Accepted" or _running_at(state.station, change.place):
        return
    call = event.call
    station, place = state.station, change.place
    to_change = [
        at
        for at, one in station.connectors.items()
        if one.n > station.missed
        and _covers(place, at)
        and _differs(one.status, is_inoperative=change.is_inoperative)
        and (change.is_inoperative or not _stays_out(station, place, at))
    ]
    if not to_change or call is None:
        return
    wanted = "Inoperative" if change.is_inoperative else "Operative"

    def verdict() -> Report | None:
        if misses_messages(state, call.n) or _is_changed_again(station, place, event):
            return None
        if any(
            one.n > call.n
            for at, one in station.connectors.items()
            if _covers(place, at) or (place[0] is not None and at[0] == place[0])
        ):
            return None
        at = to_change[0]
        return Report(
            f"{wanted} was accepted for {_name(place)}, but no status came within {_CHANGES_WITHIN} s: "
            f"{_name(at)} is still {station.connectors[at].status}",
            _name(place),
            events=(call.n, station.connectors[at].n),
        )

    look_again(state, "CON-010", ("changed", place), _CHANGES_WITHIN, verdict, event)


def _is_changed_again(station: StationState, place: Place, answer: Message) -> bool:
    """Whether the CSMS has since asked for another change of a place, of part of it or of what it is part of."""
    request = station.requests.get(_CHANGE)
    if request is None or (request.answer is None and request.call is not answer.call):
        return True
    known: Mapping[Place, int] = station.noted.get(_CHANGED) or {}
    return any(n > answer.n and (_covers(at, place) or _covers(place, at)) for at, n in known.items())


def _stays_out(station: StationState, changed: Place, place: Place) -> bool:
    """Whether a connector is out of use for another reason than the place that is taken into use again."""
    known: Mapping[Place, bool] = station.noted.get(_OUT) or {}
    return any(out and at != changed and _covers(at, place) for at, out in known.items())


def _differs(status: str, *, is_inoperative: bool) -> bool:
    return status not in (UNAVAILABLE, FAULTED) if is_inoperative else status == UNAVAILABLE


def _expect_scheduled(event: Message, state: SessionState) -> None:
    """The transaction ends that a change was waiting for."""
    station, payload = state.station, fields(event.payload)
    if event.action == "StopTransaction":
        one = station.transactions.open.get(identifier(payload.get("transactionId")) or "")
    elif payload.get("eventType") == "Ended":
        info = fields(payload.get("transactionInfo"))
        one = station.transactions.open.get(identifier(info.get("transactionId")) or "")
    else:
        return
    if one is None:
        return
    scheduled = station.noted[_SCHEDULED]
    places = [
        at
        for at in scheduled
        if _covers(at, one.place) or (one.place[0] is not None and at[0] == one.place[0])
    ]
    if not places:
        return
    place = places[0]
    answer = scheduled[place]
    if _is_station(place) and any(other is not one for other in station.transactions.running()):
        return  # it waits for the others too

    def verdict() -> Report | None:
        if misses_messages(state, answer.n) or scheduled.get(place) is not answer:
            return None
        known = [(at, found) for at, found in station.connectors.items() if _same_spot(at, one.place)]
        if not known or any(found.n > event.n or found.status not in _TO_BE_CHANGED for _, found in known):
            return None
        at, found = known[0]
        return Report(
            f"Inoperative was scheduled for {_name(place)}, but no status came within {_SOON} s of the end of "
            f"transaction {one.id}: {_name(at)} is still {found.status}",
            _name(place),
            events=(answer.n, found.n),
        )

    look_again(state, "CON-010", ("scheduled", place), _SOON, verdict, event)


_TO_BE_CHANGED: Final = frozenset({AVAILABLE, PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, OCCUPIED})


def _same_spot(place: Place, of_transaction: Place) -> bool:
    evse, connector = of_transaction
    return place == of_transaction or (
        evse is not None and place[0] == evse and (connector is None or place[1] is None)
    )


# --- plugging in and out (2.x) ---


@rule(
    "CON-011",
    "A cable was plugged in or out, but the connector's status stays",
    WARNING,
    on_call("TransactionEvent", gate=tells_more),
    source=part_2("G01.FR.03, G01.FR.04, E02.FR.05"),
    hint="report each change of a connector, with StatusNotification or with NotifyEvent of AvailabilityState",
    needs="start",
    versions=V2X,
)
def plugged_silently(event: Message, state: SessionState) -> None:
    payload = event.payload
    if type(payload) is not dict:
        return
    severity: Severity | None = None
    if payload.get("triggerReason") == "CablePluggedIn":
        status, what = AVAILABLE, "a cable was plugged in"
    elif payload.get("eventType") == "Ended" and _stopped_by_unplugging(payload):
        # The other end of the cable may still be in the station.
        status, what, severity = OCCUPIED, "the cable was plugged out", INFO
    else:
        return
    station = state.station
    evse, connector = _evse_of(payload, station)
    if payload.get("offline") is True or evse is None:
        return
    if not _all_are(station, (evse, connector), status, state):
        return

    def verdict() -> Report | None:
        known = _all_are(station, (evse, connector), status, state)
        if not known or any(one.n > event.n for one in known):
            return None
        return Report(
            f"{what} at EVSE {evse}, but {_SOON} s later its status is still {status}",
            f"EVSE {evse} {status}",
            INFO if state.session.late else severity,
            tuple(one.n for one in known[:5]),
        )

    _look_later(state, "CON-011", (evse, status), _SOON, verdict, event)


def _stopped_by_unplugging(payload: dict[str, Any]) -> bool:
    return fields(payload.get("transactionInfo")).get("stoppedReason") == "EVDisconnected"


def _evse_of(payload: dict[str, Any], station: StationState) -> Place:
    """Where a TransactionEvent is: it says so once, and then the transaction's other events are there too."""
    evse = fields(payload.get("evse"))
    if (found := whole(evse.get("id"))) is not None:
        return found, whole(evse.get("connectorId"))
    identity = identifier(fields(payload.get("transactionInfo")).get("transactionId"))
    one = station.transactions.find(identity)
    return (None, None) if one is None else one.place


def _all_are(station: StationState, place: Place, status: str, state: SessionState) -> list[Connector]:
    """The connectors of an EVSE, where all of them have a status, told in this session and without a gap since."""
    found = [
        one
        for at, one in station.connectors.items()
        if at[0] == place[0] and (place[1] is None or at[1] in (None, place[1]))
    ]
    number, missed = state.session.number, station.missed
    return (
        found
        if all(one.status == status and one.session == number and one.n > missed for one in found)
        else []
    )


@rule(
    "CON-012",
    "A status of a connector whose EVSE is in use with another one",
    WARNING,
    on_call(_STATUS, "NotifyEvent"),
    source=part_2("G01.FR.08"),
    hint="while one connector of an EVSE is in use, the station reports nothing of the others",
    needs="session",
    versions=V2X,
)
def other_connector(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or not state.station.transactions.at:
        return None
    if event.action == _STATUS and payload.get("connectorStatus") not in (OCCUPIED, UNAVAILABLE):
        return None
    return next((found for one in _told(event, payload) if (found := _of_other(one, event, state))), None)


def _told(event: Message, payload: dict[str, Any]) -> Iterable[ConnectorState]:
    return (status_told if event.action == _STATUS else availability_told)(event, payload)


def _of_other(one: ConnectorState, event: Message, state: SessionState) -> Report | None:
    station = state.station
    if one.status not in (OCCUPIED, UNAVAILABLE) or one.evse is None or one.connector is None:
        return None
    place = one.evse, one.connector
    running, known = station.transactions.at.get((one.evse, None)), station.connectors.get(place)
    if (
        running is None
        or known is None
        or known.status != AVAILABLE
        or running.place[1] in (None, one.connector)
        or _is_free(station, running)
        or not _is_continued(known, event, state)
        or _is_asked_for(known, station)
        or _is_taken_out(station, place)
    ):
        return None
    return Report(
        f"{_name(place)} is {one.status} while connector {running.place[1]} of it is in use by "
        f"transaction {running.id}",
        f"EVSE {one.evse}",
        events=(running.latest.n,) if running.latest else (),
    )


def _is_free(station: StationState, running: Transaction) -> bool:
    """Whether a transaction's connector was told to be available since: its end is on its way."""
    known = station.connectors.get(running.place)
    began = running.start.n if running.start is not None else 0
    return (
        known is not None and known.status == AVAILABLE and known.before is not None and known.since > began
    )


# --- what lasts ---

_LASTS: Final = 3600
_FINISHES: Final = 12 * 3600


@rule(
    "CON-014",
    "A connector stays out of order",
    WARNING,
    on_call(_STATUS, "NotifyEvent"),
    source=HEURISTIC,
    hint="look at the station: a reset may clear a fault, ChangeAvailability Operative what was taken out of use",
    needs="time",
)
def stays_out_of_order(event: Message, state: SessionState) -> None:
    payload = event.payload
    if type(payload) is not dict:
        return
    if event.action == _STATUS:
        status = payload.get("status") or payload.get("connectorStatus")
        if status not in (FAULTED, UNAVAILABLE):
            return
    for one in _told(event, payload):
        if one.status in (FAULTED, UNAVAILABLE):
            _expect_mended(event, state, (one.evse, one.connector), one.status)


def _expect_mended(event: Message, state: SessionState, place: Place, status: str) -> None:
    station = state.station
    before = station.connectors.get(place)
    if before is not None and before.status == status:
        return
    is_new = before is None

    def report(known: Connector) -> Report | None:
        if status == UNAVAILABLE and _is_taken_out(station, place):
            return None
        error = f" ({known.error[:50]})" if known.error and known.error != "NoError" else ""
        return Report(
            f"{_name(place)} has been {status}{error} for {_LASTS // 60} min",
            f"{_name(place)} {status}",
            INFO
            if status == UNAVAILABLE and is_new
            else None,  # it may have been taken out before the capture
            (known.since,),
        )

    _report_lasting(event, state, "CON-014", place, status, _LASTS, report)


def _report_lasting(
    event: Message,
    state: SessionState,
    rule_id: str,
    place: Place,
    status: str,
    seconds: int,
    report: Callable[[Connector], Report | None],
) -> None:
    """Report a status that lasts. What waits that long is kept once for each place, however often it changes."""
    station, key = state.station, (place, status)
    if (rule_id, key) in station.looks or event.time is None:
        return
    first = begun = event.time

    def look() -> Report | None:
        nonlocal begun
        known = station.connectors.get(place)
        if known is None or known.status != status or known.seen is None or known.n < station.missed:
            return None
        if known.seen > begun:  # it was another one meanwhile
            begun = known.seen
            look_again(state, rule_id, key, (begun - first) / SECOND + seconds, look, event)
            return None
        return report(known)

    _look_later(state, rule_id, key, seconds, look, event)


@rule(
    "CON-016",
    "A status that sticks",
    WARNING,
    on_call(_STATUS, "StopTransaction"),
    source="heuristic; OCPP 1.6 §4.9",
    hint="report Available when the cable is out, Preparing when it is in again, Charging when energy flows",
    needs="session",
    versions=(V16,),
)
def sticks(event: Message, state: SessionState) -> Report | None:
    if event.action == "StopTransaction":
        return _stuck_during_transaction(event, state)
    payload = event.payload
    if type(payload) is not dict or payload.get("status") != FINISHING:
        return None
    connector = whole(payload.get("connectorId"))
    known = state.station.connectors.get((None, connector))
    if connector is None or (known is not None and known.status == FINISHING):
        return None

    def report(now: Connector) -> Report:
        return Report(
            f"connector {connector} has been Finishing for {_FINISHES // 3600} h: either the cable is still in, "
            "or Available is missing",
            f"connector {connector} long",
            INFO,
            (now.since,),
        )

    _report_lasting(event, state, "CON-016", (None, connector), FINISHING, _FINISHES, report)
    return None


def _stuck_during_transaction(event: Message, state: SessionState) -> Report | None:
    """A transaction with energy, during which the status never was one of a transaction."""
    payload, station = event.payload, state.station
    if type(payload) is not dict:
        return None
    one = station.transactions.open.get(identifier(payload.get("transactionId")) or "")
    if one is None or one.start is None:
        return None
    known = station.connectors.get(one.place)
    if known is None or known.status not in (FINISHING, PREPARING, RESERVED) or known.n > one.start.n:
        return None
    stop, start = whole(payload.get("meterStop")), one.meter_start
    if stop is None or start is None or stop - start < _SOME_ENERGY:
        return None
    if one.start.session is not event.session or not _is_continued(known, event, state):
        return None
    if event.time is None or one.start.time is None or event.time - one.start.time < _SOON * SECOND:
        return None
    before = (
        f"{_or(path[0] for path in MISSING[known.status, CHARGING])} and then "
        if known.status != PREPARING
        else ""
    )
    return Report(
        f"connector {one.place[1]} was {known.status} all through transaction {one.id}, which took "
        f"{stop - start} Wh: {before}Charging is missing",
        f"connector {one.place[1]}",
        INFO if station.number("MinimumStatusDuration", 0) else None,
        (known.n, one.start.n),
    )


_SOME_ENERGY: Final = 100
"""Wh from which on there was more than the self-consumption of the station."""


# --- unlocking ---


@rule(
    "CON-015",
    "A connector was unlocked where it must not be",
    ERROR,
    on_call("UnlockConnector"),
    on_answer("UnlockConnector"),
    source=part_2("F05.FR.02", "§5.18, §6.53"),
    hint="name a connector from 1 on; 1.6 stops its transaction first, 2.x answers OngoingAuthorizedTransaction",
    needs="exchange",
)
def unlocked(event: Message, state: SessionState) -> Report | None:
    is_16 = event.session.version == V16
    if event.type == CALL:
        if is_16 and fields(event.payload).get("connectorId") == 0:
            return Report("UnlockConnector for connector 0, which is the whole station", "connector 0")
        return None
    if event.call is None:
        return None
    asked, status = fields(event.call.payload), status_of(event)
    if is_16:
        place: Place = None, whole(asked.get("connectorId"))
        forbidden, seconds = status == "Unlocked", _SOON
    else:
        place = whole(asked.get("evseId")), whole(asked.get("connectorId"))
        forbidden, seconds = status in ("Unlocked", "UnlockFailed"), _GOES_ON
    if not forbidden or place[1] is None or _is_station(place):
        return None
    running = [
        one for one in _running_at(state.station, place) if is_16 or (place[0] and _is_authorized(one))
    ]
    if not running:
        return None
    one = running[0]

    def verdict() -> Report | None:
        if not one.is_open or is_held_up(state, event):
            return None
        numbers = tuple(message.n for message in (event.call, one.start) if message is not None)
        if is_16:
            detail = (
                f"{_name(place)} was unlocked, but transaction {one.id} was not stopped within {seconds} s"
            )
        else:
            detail = f"UnlockConnector was answered {status} while transaction {one.id} was running at {_name(place)}"
        return Report(detail, _name(place), events=numbers)

    look_again(state, "CON-015", event.n, seconds, verdict, event)
    return None


def _is_authorized(one: Transaction) -> bool:
    return one.token is not None and one.status == "Accepted" and one.charging_state in _IN_TRANSACTION
