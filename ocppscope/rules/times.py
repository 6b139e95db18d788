"""TIME: date-times in payloads, their form and what they say (section D of the catalogue)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.events import FROM_STATION, Fault, Message
from ocppscope.ocpp.paths import values_at
from ocppscope.ocpp.times import HALF_HOUR, NO_ZONE, ODD_ZONE, SECOND, duration, parse
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Profile,
    Report,
    Severity,
    learns,
    on_call,
    on_fault,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState

_IN_A_ROW: Final = 3


def _subject(event: Message, fault: Fault) -> str:
    return f"{event.action} {fault.subject}"


@rule(
    "TIME-001",
    "Not a valid date-time",
    ERROR,
    on_fault("time.form"),
    source=part_2("§3.1", "§3.15"),
    hint="write RFC 3339 in UTC: 2026-11-22T10:15:00Z",
)
def wrong_form(event: Message, state: SessionState, fault: Fault) -> Report:
    strict: Severity = WARNING if event.session.version == V16 else ERROR
    only_zone = fault.subject.endswith((NO_ZONE, ODD_ZONE))
    severity: Mapping[Profile, Severity] = {"strict": strict, "field": INFO if only_zone else strict}
    assumed = _assumed_zone(event, fault) if fault.subject.endswith(NO_ZONE) else ""
    return Report(f"{fault.detail}{assumed}", _subject(event, fault), severity)


_AN_HOUR: Final = 3600 * SECOND
_OFF: Final = 2 * 60 * SECOND
_LARGEST_ZONE: Final = 14


def _assumed_zone(event: Message, fault: Fault) -> str:
    """What a time without a zone was taken for, and the zone that would make it right."""
    path = tuple(fault.subject.removesuffix(NO_ZONE).strip().split("/")[1:])
    text = next((one for one in values_at(event.payload, path) if type(one) is str), "")
    then = parse(text)[0]
    if then is None or event.time is None or event.direction != FROM_STATION:
        return ", taken for UTC"
    skew = then - event.time
    hours = round(skew / _AN_HOUR)
    zone = f"UTC{hours:+d} would fit" if hours and abs(hours) <= _LARGEST_ZONE else ""
    if abs(skew) < _OFF:
        return ", taken for UTC, which fits"
    off = f"{duration(abs(skew))} {'after' if skew > 0 else 'before'} it was captured"
    return f", taken for UTC it is {off}" + (
        f": {zone}" if zone and abs(skew - hours * _AN_HOUR) < _OFF else ""
    )


@rule(
    "TIME-002",
    "More than three fractional digits",
    ERROR,
    on_fault("time.fraction"),
    source=part_2("§3.1"),
    hint="cut date-times to milliseconds",
    versions=V2X,
)
def too_precise(event: Message, state: SessionState, fault: Fault) -> Report:
    return Report(fault.detail, _subject(event, fault))


@rule(
    "TIME-003",
    "A date-time is not in UTC",
    INFO,
    on_fault("time.not-utc"),
    source=part_2("§3.1", "§3.14"),
    hint="send UTC with Z, and convert to local time where it is shown",
)
def not_utc(event: Message, state: SessionState, fault: Fault) -> Report:
    return Report(fault.detail, _subject(event, fault))


@rule(
    "TIME-004",
    "A time in the future",
    WARNING,
    on_fault("time.ahead"),
    source="heuristic; OCPP 1.6 §4.2",
    hint="the station's clock is ahead: set it from currentTime in the answers to BootNotification and Heartbeat",
    needs="time",
)
def ahead(event: Message, state: SessionState, fault: Fault) -> Report | None:
    return _off(event, state, fault)


def _off(event: Message, state: SessionState, fault: Fault) -> Report | None:
    """A time that is not that of the capture; nothing where that is what had to be assumed."""
    doubt = state.station.clock.doubt
    if not doubt:
        return Report(fault.detail, _subject(event, fault), _SHIFTED if _is_shifted(event) else None)
    if _is_shifted(event) or "no date" in state.station.clock.assumed:
        return None
    return Report(f"{fault.detail}; {doubt}", _subject(event, fault), INFO)


_SHIFTED: Final[Mapping[Profile, Severity]] = {"strict": WARNING, "field": INFO}


def _is_shifted(event: Message) -> bool:
    """Whether the time is off by whole hours: then TIME-008 says why, and what it is worth."""
    return any(fault.kind == "time.shifted" for fault in event.faults)


@rule(
    "TIME-005",
    "An old time in a message that was not queued",
    WARNING,
    on_fault("time.behind"),
    source=part_2("E04.FR.03, E12.FR.02", "§4.2"),
    hint="the station's clock is behind, or the message was queued and does not say so (2.x: offline)",
    needs="time",
)
def behind(event: Message, state: SessionState, fault: Fault) -> Report | None:
    return _off(event, state, fault)


@rule(
    "TIME-006",
    "Times go backwards",
    WARNING,
    on_call("StatusNotification", "MeterValues", "StopTransaction", "TransactionEvent"),
    source=part_2("E12", "§3.7, §4.9"),
    hint="send messages of a connector or transaction in the order of their times; a clock that is set back shows too",
    needs="session",
)
def backwards(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    told = _TOLD[event.action or ""](payload) if type(payload) is dict else None
    if told is None:
        return None
    entity, texts = told
    latest = state.station.latest
    known = newest = latest.get(entity)
    found = None
    for text in texts:
        time = parse(text)[0] if type(text) is str else None
        if time is None:
            continue
        if newest is None or time >= newest:
            newest = time
        else:
            found = Report(f"{(newest - time) / SECOND:.1f} s back for {_name(entity)}", entity[0])
    if newest is not None:
        if known is None and len(latest) >= _ENTITIES_KEPT:
            del latest[next(iter(latest))]
        latest[entity] = newest
    return found


_ENTITIES_KEPT: Final = 100
_Entity: TypeAlias = tuple[Any, ...]
"""What times belong to: ("status", evseId, connectorId) or ("transaction", transactionId)."""


def _by_status(payload: dict[str, Any]) -> tuple[_Entity, list[Any]] | None:
    evse, connector = payload.get("evseId"), payload.get("connectorId")
    if type(connector) is not int or (evse is not None and type(evse) is not int):
        return None
    return ("status", evse, connector), [payload.get("timestamp")]


def _by_stop(payload: dict[str, Any]) -> tuple[_Entity, list[Any]] | None:
    transaction = payload.get("transactionId")
    return (("transaction", transaction), [payload.get("timestamp")]) if type(transaction) is int else None


def _by_meter_values(payload: dict[str, Any]) -> tuple[_Entity, list[Any]] | None:
    transaction, values = payload.get("transactionId"), payload.get("meterValue")
    if type(transaction) is not int or type(values) is not list:
        return None
    return ("transaction", transaction), [one.get("timestamp") for one in values if type(one) is dict]


def _by_event(payload: dict[str, Any]) -> tuple[_Entity, list[Any]] | None:
    info = payload.get("transactionInfo")
    transaction = info.get("transactionId") if type(info) is dict else None
    return (("transaction", transaction), [payload.get("timestamp")]) if type(transaction) is str else None


_TOLD: Final[Mapping[str, Callable[[dict[str, Any]], tuple[_Entity, list[Any]] | None]]] = {
    "StatusNotification": _by_status,
    "MeterValues": _by_meter_values,
    "StopTransaction": _by_stop,
    "TransactionEvent": _by_event,
}
"""By action: whose times a message tells, and which."""


@learns(on_call("StopTransaction", "TransactionEvent"))
def forget_transaction(event: Message, state: SessionState) -> None:
    """A transaction that has ended gets no more messages, but for a retry or two."""
    payload = event.payload
    if type(payload) is dict and (event.action == "StopTransaction" or payload.get("eventType") == "Ended"):
        told = _TOLD[event.action or ""](payload)
        if told is not None:
            state.station.latest.pop(told[0], None)


def _name(entity: _Entity) -> str:
    kind, *which = entity
    named = "/".join(str(part) for part in which if part is not None)
    return f"transaction {named}" if kind == "transaction" else f"the status of connector {named}"


@rule(
    "TIME-007",
    "A default date",
    WARNING,
    on_fault("time.epoch"),
    source=HEURISTIC,
    hint="the station's clock was not set when it took the time: queue the message until it is, or correct it",
    field=INFO,
)
def default_date(event: Message, state: SessionState, fault: Fault) -> Report:
    path = tuple(fault.subject.split("/")[1:])
    texts = [one for one in values_at(event.payload, path) if type(one) is str]
    then = min((time for text in texts if (time := parse(text)[0]) is not None), default=None)
    skew = (
        f", {duration(event.time - then)} before it was captured" if event.time and then is not None else ""
    )
    return Report(f"{fault.detail}{skew}", _subject(event, fault))


@rule(
    "TIME-008",
    "Local time is labelled UTC",
    WARNING,
    on_fault("time.shifted"),
    source=HEURISTIC,
    hint="convert to UTC before adding Z, or write the offset",
    field=INFO,
    needs="time",
)
def shifted(event: Message, state: SessionState, fault: Fault) -> Report | None:
    station = state.station
    if station.half_hours_off != int(fault.subject):
        station.half_hours_off = int(fault.subject)
        station.times_off.clear()
    station.times_off.append(event.n)
    del station.times_off[:-_IN_A_ROW]
    if len(station.times_off) < _IN_A_ROW:
        return None
    clock, events = station.clock, tuple(station.times_off)
    if clock.doubt:
        if station.csms_ahead is not None or "no date" in clock.assumed:
            return None  # BOOT-019 compares the log with the CSMS's clock, BOOT-020 that with the station's
        fits = clock.zone_for(int(fault.subject) * HALF_HOUR)
        said = f"{clock.doubt}{fits and f': {fits} would fit'}"
        return Report(
            f"times are off by {fault.detail}, message after message; {said}", severity=INFO, events=events
        )
    zone = f"UTC{fault.detail.removesuffix(' h')}"
    return Report(
        f"times are off by {fault.detail}, message after message: {zone} is labelled UTC, or the clock was never set",
        events=events,
    )


@rule(
    "TIME-009",
    "A deadline or end lies in the past",
    WARNING,
    on_fault("time.past"),
    on_call("GetDiagnostics", "GetLog"),
    source=part_2("L01, H01", "§5.13, §5.19"),
    hint="check the clocks of both sides, and which of the two times was meant",
)
def in_the_past(event: Message, state: SessionState, fault: Fault | None = None) -> Report | None:
    if fault is not None:
        doubt = state.station.clock.doubt
        return (
            Report(f"{fault.detail}; {doubt}", _subject(event, fault), INFO)
            if doubt
            else Report(fault.detail, _subject(event, fault))
        )
    payload = event.payload
    if type(payload) is not dict:
        return None
    log = payload.get("log") if event.action == "GetLog" else payload
    log = log if isinstance(log, dict) else {}
    start_text = log.get("startTime") or log.get("oldestTimestamp")
    start = parse(start_text)[0] if type(start_text) is str else None
    return _ends_before(start, log.get("stopTime") or log.get("latestTimestamp"), str(event.action))


def _ends_before(start: int | None, end_text: Any, what: str) -> Report | None:
    end = parse(end_text)[0] if type(end_text) is str else None
    if start is None or end is None or end >= start:
        return None
    return Report(f"{what} ends {(start - end) / SECOND:.1f} s before it starts", "start and end")
