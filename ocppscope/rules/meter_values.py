"""MV: meter values (section I of the catalogue; signed ones are in `signed_values`), and energy against power.

What a message's values are, and what is remarkable in them, is found once for all rules in `tables.meters`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, identifier, items, told, whole
from ocppscope.ocpp.metering import CURRENT, POWER, SOC, VOLTAGE, is_signed
from ocppscope.ocpp.quantities import amount, number
from ocppscope.ocpp.times import MINUTE, SECOND, duration
from ocppscope.ocpp.versions import V2X, V16, V21, V201
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Check,
    Profile,
    Report,
    Severity,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import info_of
from ocppscope.rules.tables.connectors import SUSPENDED_EV, SUSPENDED_EVSE
from ocppscope.rules.tables.meters import (
    FIRST_VALUES,
    LARGEST_POWER,
    VALUES,
    Drop,
    Jump,
    Lines,
    Mismatch,
    Odd,
    OffTime,
    Over,
    Pause,
    Rebase,
    remarks,
)
from ocppscope.rules.tables.samples import CLOCK, LEFT_OUT, LOWEST_VOLTAGE, PERIODIC, Channel
from ocppscope.rules.tables.transactions import NO_ID, Transaction, is_astray, repeats
from ocppscope.rules.waiting import is_held_up

_VALUES: Final = on_call(*VALUES, gate=remarks)
"""Messages in whose values something is remarkable: mostly nothing is, and a dozen rules ask."""
_MOST: Final = 20
"""Reports of one rule on one message."""


Found: TypeAlias = Mapping[str, list[Any]]
"""What is remarkable in a message's values, by kind."""


def _on_remarks(look: Callable[[Found, Message, SessionState], Any]) -> Check:
    """A check that looks only where something is remarkable: mostly nothing is, and a dozen rules ask."""

    def check(event: Message, state: SessionState) -> Any:
        meters = state.station.meters
        found = meters.remarks if meters.n == event.n else remarks(event, state)
        return None if found is None else look(found, event, state)

    check.__doc__ = look.__doc__
    return check


def _place(event: Message, state: SessionState) -> str:
    """Where a message's values were measured, for people."""
    payload = fields(event.payload)
    identity = identifier(payload.get("transactionId")) or identifier(
        fields(payload.get("transactionInfo")).get("transactionId")
    )
    connector = whole(payload.get("connectorId"))
    evse = whole(payload.get("evseId"))
    if evse is None:
        evse = whole(fields(payload.get("evse")).get("id"))
    known = state.station.transactions.find(identity)
    if connector is None and evse is None and known is not None:
        evse, connector = known.place
    if evse is not None:
        return f"EVSE {evse}"
    if connector is not None:
        return f"connector {connector}"
    return f"transaction {(identity or '')[:40]}"


def _amount(value: float, channel: Channel) -> str:
    """A value with the unit that it is reckoned in: differences may be small, so nothing is rounded away."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + f" {channel.key[3]}".rstrip()


def _seconds(value: float) -> str:
    return duration(round(value * SECOND))


# --- registers ----------------------------------------------------------------------------------------------


@rule(
    "MV-001",
    "A register goes back during a transaction",
    ERROR,
    _VALUES,
    source=part_2("J02.FR.16", "§7.31"),
    hint="the station has to report the meter's register as it reads it, which only goes up; a failed read is no 0",
    needs="session",
)
@_on_remarks
def goes_back(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    drop: Drop
    for drop in found.get("drop", ())[:_MOST]:
        name = drop.channel.name
        severity: Severity | None = None
        before, now = _amount(drop.before, drop.channel), _amount(drop.now, drop.channel)
        detail = f"{name} goes from {before} to {now} within {_seconds(drop.seconds)}"
        if drop.before - drop.now < 1:
            severity = WARNING  # nobody is billed by it
        boot = state.station.registration.call
        if boot is not None and boot.n > drop.n:
            if _has_another_meter(state):
                continue
            detail, severity = f"{detail}, over a reboot: right only if the meter was replaced", INFO
        yield Report(detail, f"{_place(event, state)} {name}"[:120], severity, (drop.n,))
    for drop in found.get("below", ()):
        before, now = _amount(drop.before, drop.channel), _amount(drop.now, drop.channel)
        detail = f"meterStart is {before}, and {drop.channel.name} {now} after {_seconds(drop.seconds)}"
        yield Report(detail, f"{_place(event, state)} meterStart", WARNING, (drop.n,))
    for drop in found.get("stop", ()):
        before, now = _amount(drop.before, drop.channel), _amount(drop.now, drop.channel)
        detail = f"meterStop is {now}, and {drop.channel.name} was {before} {_seconds(drop.seconds)} before"
        yield Report(detail, f"{_place(event, state)} meterStop", WARNING, (drop.n,))


def _has_another_meter(state: SessionState) -> bool:
    """Whether the last boots told of different meters (1.6)."""
    known = state.station.registration
    before = fields(known.previous.payload) if known.previous else {}
    now = fields(known.call.payload) if known.call else {}
    return any(
        before.get(name) is not None and now.get(name) is not None and before[name] != now[name]
        for name in ("meterSerialNumber", "meterType")
    )


@rule(
    "MV-002",
    "The register counts each transaction from 0",
    INFO,
    on_call("StartTransaction"),
    _VALUES,
    source=part_2("J02.FR.17", "§7.31"),
    hint="report the meter's lifetime register, so that energy missing between transactions shows; the CSMS has to "
    "take the difference to the first value of the same transaction",
    needs="session",
)
def counts_from_0(event: Message, state: SessionState) -> Report | None:
    if event.action == "StartTransaction":
        return _starts_at_0(event, state)
    found = remarks(event, state)
    if found is None or "rebase" not in found:
        return None
    rebase: Rebase = found["rebase"][0]
    if event.action == "TransactionEvent":
        detail = f"it starts at 0, where the transaction before ended at {amount(rebase.before, 'Wh')}"
    else:
        detail = (
            f"meterStart is {amount(rebase.before, 'Wh')}, and the first value {amount(rebase.now, 'Wh')}"
        )
    return Report(detail, _place(event, state), events=(rebase.n,) if rebase.n is not None else ())


def _starts_at_0(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    if payload.get("meterStart") != 0:
        return None
    connector = whole(payload.get("connectorId"))
    last = state.station.transactions.last.get((None, connector))
    if (
        connector is None
        or last is None
        or not last.meter_stop
        or last.meter_stop < 0
        or repeats(event, last)
    ):
        return None
    detail = f"meterStart is 0, where the transaction before ended at {amount(last.meter_stop, 'Wh')}"
    return Report(detail, f"connector {connector}", events=(last.stop.n,) if last.stop else ())


@rule(
    "MV-003",
    "A register rises faster than it can",
    WARNING,
    _VALUES,
    source=HEURISTIC,
    hint="a value was misread, or is of another meter or unit: the CSMS must not bill the difference",
    needs="session",
)
@_on_remarks
def rises_too_fast(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    one: Jump
    for one in found.get("jump", ())[:_MOST]:
        power = one.rise * 3_600 / one.seconds
        detail = (
            f"{one.channel.name} rises by {_amount(one.rise, one.channel)} in {_seconds(one.seconds)}, "
            f"which takes {power / 1000:,.0f} kW; no connector gives {LARGEST_POWER // 1000:,} kW"
        )
        yield Report(detail, f"{_place(event, state)} {one.channel.name}"[:120], events=(one.n,))


# --- what a message belongs to ------------------------------------------------------------------------------


@rule(
    "MV-004",
    "Meter values of a transaction that does not run there",
    ERROR,
    on_call("MeterValues", gate=is_astray),
    source="OCPP 1.6 §4.7; errata 3.16",
    hint="the station has to send the transactionId that the CSMS gave for this connector, and none before or after",
    needs="start",
    versions=(V16,),
)
def of_no_transaction(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    identity = payload.get("transactionId")
    if identity is None:
        return None
    name = str(identity) if type(identity) is int else identifier(identity)
    one = state.station.transactions.open.get(name or "")
    if one is not None and one.place[1] == payload.get("connectorId"):
        return None
    connector = whole(payload.get("connectorId"))
    if name is None or not connector or connector < 0:
        return None  # MV-005
    return _elsewhere(event, state, name, connector, one)


def _elsewhere(
    event: Message, state: SessionState, name: str, connector: int, one: Transaction | None
) -> Report | None:
    """Meter values with the id of a transaction that is not known to run at their connector."""
    known = state.station.transactions
    here = known.at.get((None, connector))
    subject = f"transaction {name[:40]}"
    if one is not None:
        if one.place[1] is None or (here is not None and here.id == name):
            return None  # the CSMS gave the id twice
        detail = f"{subject} runs on connector {one.place[1]}, and its values are of connector {connector}"
        return Report(detail, subject, events=(one.start.n,) if one.start else ())
    ended = known.ended.get(name)
    if ended is not None or hash(name) in known.stopped:
        return _after_stop(event, state, subject, ended)
    if hash(name) in known.handed or name in NO_ID:
        return None  # TX16-008, or the CSMS gave a second id to one transaction
    if here is None or here.id is None or here.start is None or here.started is None:
        return Report(f"the capture does not hold the start of {subject}", subject, INFO)
    if state.is_partial or state.station.missed > here.start.n or _first_time(event) < here.started:
        return Report(f"the capture does not hold the start of {subject}", subject, INFO)
    detail = (
        f"values of connector {connector} are of {subject}, where transaction {here.id[:40]} runs; "
        f"no StartTransaction got the id {name[:40]}"
    )
    return Report(detail, subject, events=(here.start.n,))


def _first_time(event: Message) -> int:
    times = [told(fields(one).get("timestamp")) for one in items(fields(event.payload).get("meterValue"))]
    return min((time for time in times if time is not None), default=0)


def _after_stop(
    event: Message, state: SessionState, subject: str, ended: Transaction | None
) -> Report | None:
    if state.station.deliveries.again(event) is not None:
        return None
    proof = (ended.stop.n,) if ended is not None and ended.stop is not None else ()
    stopped = ended.stopped if ended is not None else None
    first = _first_time(event)
    if stopped is not None and first > stopped + MINUTE:
        later = duration(first - stopped)
        return Report(f"values that were read {later} after {subject} stopped", subject, events=proof)
    return Report(f"values of {subject} come after its StopTransaction", subject, WARNING, proof)


@rule(
    "MV-005",
    "Meter values of the whole station with a transactionId",
    WARNING,
    on_call("MeterValues", gate=is_astray),
    source="OCPP 1.6 errata 3.16",
    hint="connectorId 0 is the station's main meter, which no transaction has: leave out the transactionId",
    versions=(V16,),
)
def of_the_station(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("connectorId") != 0:
        return None
    identity = identifier(payload.get("transactionId"))
    if identity is None or identity in NO_ID or type(payload["connectorId"]) is not int:
        return None
    return Report(f"connectorId is 0, and transactionId {identity[:40]}")


@rule(
    "MV-008",
    "Clock-aligned values during a transaction",
    ERROR,
    on_call("MeterValues", "TransactionEvent"),
    source=part_2("J01.FR.19, J01.FR.20"),
    hint="with AlignedDataCtrlr.SendDuringIdle the station sends them only while no transaction runs at the EVSE",
    needs="session",
    versions=V2X,
)
def during_a_transaction(event: Message, state: SessionState) -> Report | None:
    station = state.station
    during_idle = station.meters.during_idle
    if not during_idle or type(event.payload) is not dict or event.time is None:
        return None
    payload, transactions = event.payload, station.transactions
    if event.action == "TransactionEvent":
        if payload.get("triggerReason") != "MeterValueClock" or payload.get("offline") is True:
            return None
        one = transactions.find(identifier(fields(payload.get("transactionInfo")).get("transactionId")))
        evse = one.place[0] if one is not None else None
        time = told(payload.get("timestamp"))
    else:
        times, evse = (remarks(event, state) or {}).get("clock"), whole(payload.get("evseId"))
        one = transactions.at.get((evse, None))
        time = times[0] if times else None
    set_by = during_idle.get(evse, during_idle.get(None))
    if set_by is None or one is None or not one.is_open or time is None or evse is None:
        return None
    if one.started is None or time <= one.started + SECOND or event.time - time > 2 * MINUTE:
        return None
    boot = station.registration.call
    if state.has_gap or one.start is None or one.missing or (boot is not None and boot.n > one.start.n):
        return None  # its end may be missing
    detail = f"values with Sample.Clock of EVSE {evse}, where transaction {(one.id or '')[:40]} runs"
    return Report(
        f"{detail}; SendDuringIdle is true",
        f"EVSE {evse}",
        events=(set_by, *((one.start.n,) if one.start else ())),
    )


_ALL_TOLD: Final = 2 * MINUTE
"""Within this from its boot a station has told the status of all connectors."""
_CONNECTORS: Final = 1_000


@rule(
    "MV-009",
    "Meter values of an EVSE that is not there",
    ERROR,
    on_call("MeterValues"),
    source=part_2("J01.FR.02"),
    hint="evseId is that of the EVSE whose meter was read, 0 for the station's main meter",
    versions=V2X,
)
def of_no_evse(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    evse = payload.get("evseId") if type(payload) is dict else None
    if type(evse) is not int or evse == 0:
        return None
    connectors = state.station.connectors
    if (evse, 1) in connectors:
        return None
    if evse < 0:
        return Report(f"evseId is {evse}")
    known = {place[0] for place in connectors if place[0]}
    if not known or evse in known or len(connectors) > _CONNECTORS:
        return None
    detail = f"evseId is {evse}; the station has told of EVSE {', '.join(map(str, sorted(known)[:10]))}"
    return Report(detail, f"EVSE {evse}", None if _has_told_all(event, state) else INFO)


def _has_told_all(event: Message, state: SessionState) -> bool:
    """Whether the status of each connector must be in the capture."""
    accepted = state.station.registration.accepted
    if state.is_partial or accepted is None or accepted.time is None or event.time is None:
        return False
    away = state.station.offline_since
    if away is not None and 0 <= away - accepted.time <= _ALL_TOLD:
        return False  # it may not have come to tell them all
    return state.station.missed < accepted.n and event.time - accepted.time > _ALL_TOLD


@rule(
    "MV-010",
    "Meter values of another EVSE in a transaction",
    WARNING,
    on_call("TransactionEvent"),
    source={
        V201: "OCPP 2.0.1 part 2 J02.FR.01, E01.FR.16",
        V21: "OCPP 2.1 part 2 J02.FR.22",
    },
    hint="the meter values of a transaction are those of its EVSE, from the start to the end",
    needs="session",
    versions=V2X,
)
def of_another_evse(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or "evse" not in payload or "meterValue" not in payload:
        return None
    evse = whole(fields(payload["evse"]).get("id"))
    one = state.station.transactions.find(
        identifier(fields(payload.get("transactionInfo")).get("transactionId"))
    )
    if one is None or evse is None or one.place[0] in (None, evse) or not items(payload["meterValue"]):
        return None
    name = (one.id or "")[:40]
    detail = f"transaction {name} is at EVSE {one.place[0]}, and has meter values of EVSE {evse}"
    return Report(detail, f"transaction {name}", events=(one.latest.n,) if one.latest else ())


# --- how often ----------------------------------------------------------------------------------------------

_SETTINGS: Final[Mapping[tuple[bool, str], str]] = {
    (True, PERIODIC): "MeterValueSampleInterval",
    (True, CLOCK): "ClockAlignedDataInterval",
    (False, PERIODIC): "TxUpdatedInterval",
    (False, CLOCK): "AlignedDataCtrlr.Interval",
}


def _setting(event: Message, kind: str) -> str:
    return _SETTINGS[event.session.version == V16, kind]


def _off_pace(event: Message, state: SessionState) -> Report | None:
    found = remarks(event, state)
    if found is None or "pace" not in found:
        return None
    one: Pause = found["pace"][0]
    setting = _setting(event, one.kind)
    detail = (
        f"values come {_seconds(one.seconds)} apart, {one.times} times in a row; "
        f"{setting} is {one.interval:g} s"
    )
    is_sooner = one.seconds < one.interval
    return Report(detail, f"{_place(event, state)} {setting}", INFO if is_sooner else None, (one.n,))


_NONE_AT_ALL: Final = 3
"""Intervals, and a minute, after which it is told that no values come."""


@rule(
    FIRST_VALUES,
    "Meter values do not come at their interval",
    WARNING,
    on_call("MeterValues"),
    on_answer("StartTransaction"),
    source="OCPP 1.6 §9.1.14, §9.1.3; errata 3.15",
    hint="the station samples at multiples of the interval, from the start of the transaction to its end",
    needs="time",
    versions=(V16,),
)
def interval_16(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        if state.station.expected:
            _meet_here(event, state)
        return _off_pace(event, state)
    meters = state.station.meters
    interval = meters.intervals.get(PERIODIC)
    if interval is None or event.type != CALLRESULT or meters.known.get("MeterValuesSampledData") == "":
        return None
    payload = fields(event.payload)
    name = identifier(payload.get("transactionId"))
    one = state.station.transactions.starting.get(event.call.n)
    if name is None or one is None or info_of(payload).get("status") != "Accepted" or not one.is_open:
        return None
    if event.time is None or one.started is None or abs(event.time - one.started) > MINUTE:
        return None  # it was queued, or the clock is wrong
    detail = f"no meter values of transaction {name[:40]} so far; MeterValueSampleInterval is {interval} s"
    report = Report(detail, f"transaction {name[:40]}")
    _expect_values(state, FIRST_VALUES, name, interval, report, event, lambda: one.is_open)
    return None


def _meet_here(event: Message, state: SessionState) -> None:
    """Values may tell where they were measured, and not of which transaction."""
    connector = whole(fields(event.payload).get("connectorId"))
    one = state.station.transactions.at.get((None, connector))
    if connector and one is not None:
        meet(state.station, FIRST_VALUES, one.id)


def _expect_values(
    state: SessionState,
    rule_id: str,
    name: str,
    interval: int,
    report: Report,
    event: Message,
    is_due: Callable[[], bool],
) -> None:
    """Expect the first values of a transaction, unless it ends, they have to wait, or bytes are lost meanwhile.

    What a station measured while it was offline it may drop.
    """

    def verdict() -> Report | None:
        is_here = event.session.number in state.station.open_sessions
        return report if is_here and is_due() and not is_held_up(state, event) else None

    expect(state, rule_id, name, _NONE_AT_ALL * interval + 60, verdict, event)


_IN_TRANSACTION: Final = "MV-007"


@rule(
    _IN_TRANSACTION,
    "Meter values do not come at their interval",
    WARNING,
    on_call("MeterValues", "TransactionEvent"),
    source=part_2("J02.FR.11, J01.FR.14"),
    hint="the station samples at multiples of the interval: MeterValuePeriodic in a transaction, else clock-aligned",
    needs="time",
    versions=V2X,
)
def interval_2x(event: Message, state: SessionState) -> Report | None:
    station = state.station
    interval = station.meters.intervals.get(PERIODIC)
    if interval is not None and event.action == "TransactionEvent":
        _expect_periodic(event, state, interval)
    return _off_pace(event, state)


def _expect_periodic(event: Message, state: SessionState, interval: int) -> None:
    station = state.station
    payload = fields(event.payload)
    info = fields(payload.get("transactionInfo"))
    name = identifier(info.get("transactionId"))
    if payload.get("triggerReason") == "MeterValuePeriodic":
        if station.expected:
            meet(station, _IN_TRANSACTION, name)
        return
    if info.get("chargingState") != "Charging" or name is None or payload.get("offline") is True:
        return
    known = station.transactions.find(name)
    if known is not None and (known.charging_state == "Charging" or not known.is_open):
        return
    settings, course = station.meters.known, station.meters.courses.get(info.get("transactionId"))
    if settings.get("TxUpdatedMeasurands") == "" or settings.get("Enabled", "").lower() == "false":
        return
    if course is not None and course.pace is not None:
        return  # MV-017 tells
    report = Report(
        f"no MeterValuePeriodic of transaction {name[:40]} since it charges; TxUpdatedInterval is {interval} s",
        f"transaction {name[:40]}",
    )

    def still_charges() -> bool:
        one = station.transactions.find(name)
        return one is not None and one.is_open and one.charging_state == "Charging"

    _expect_values(state, _IN_TRANSACTION, name, interval, report, event, still_charges)


@rule(
    "MV-017",
    "Meter values are missing",
    WARNING,
    _VALUES,
    source=HEURISTIC,
    hint="look at what the station did meanwhile: was it busy, or does it not send while nothing is charged?",
    needs="time",
)
@_on_remarks
def missing_values(found: Found, event: Message, state: SessionState) -> Report | None:
    if "gap" not in found:
        return None
    one: Pause = found["gap"][0]
    times = f"{number(one.seconds / one.interval)} times"
    if one.is_configured:
        detail = (
            f"no values for {_seconds(one.seconds)}, {times} {_setting(event, one.kind)} ({one.interval:g} s)"
        )
    else:
        detail = f"no values for {_seconds(one.seconds)}, {times} what was usual before"
    is_left_out = one.kind == CLOCK and event.session.version != V16  # others stand for them in transactions
    is_sure = one.is_configured and not is_left_out and not _is_suspended(event, state)
    return Report(detail, f"{_place(event, state)} {one.kind}", None if is_sure else INFO, (one.n,))


_SUSPENDED: Final = frozenset({SUSPENDED_EV, SUSPENDED_EVSE, "EVConnected", "Idle"})


def _is_suspended(event: Message, state: SessionState) -> bool:
    """Whether nothing was charged lately."""
    payload = fields(event.payload)
    connector = state.station.connectors.get((None, whole(payload.get("connectorId"))))
    if connector is not None:
        return bool({connector.status, connector.before} & _SUSPENDED)
    one = state.station.transactions.find(
        identifier(fields(payload.get("transactionInfo")).get("transactionId"))
    )
    return one is not None and one.charging_state in _SUSPENDED


# --- what a value is of -------------------------------------------------------------------------------------


def _of_shape(rule_id: str) -> Check:
    """What is to be said of values whatever their numbers are."""

    def look(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
        for _, subject, detail in _problems(found, rule_id):
            yield Report(detail, subject)

    return _on_remarks(look)


def _problems(found: Found, rule_id: str) -> list[tuple[str, str, str]]:
    """Those of one rule, each once."""
    told_of = found.get("defaults" if rule_id == LEFT_OUT else "shape", ())
    return list(dict.fromkeys(one for problems in told_of for one in problems if one[0] == rule_id))[:_MOST]


rule(
    "MV-011",
    "A unit that does not fit the measurand",
    WARNING,
    _VALUES,
    source={
        V16: "OCPP 1.6 §7.31, §7.45; errata 3.86",
        V201: "OCPP 2.0.1 part 2 UnitOfMeasureType, appendix 2",
        V21: "OCPP 2.1 part 2 UnitOfMeasureType, appendix 2",
    },
    hint="the station has to name the unit that it measures in: Wh or kWh, W or kW, A, V, Percent, Celsius",
)(_of_shape("MV-011"))


rule(
    "MV-012",
    "A unit that is spelled in two ways",
    INFO,
    _VALUES,
    source="OCPP 1.6 §7.45, errata 3.86; OCPP-J 1.6 errata 2.1, 2.2",
    hint="take Celcius and Celsius as the same; Frequency has no unit in 1.6, and Hertz or Hz is what is meant",
    versions=(V16,),
)(_of_shape("MV-012"))


rule(
    LEFT_OUT,
    "A measurand or a unit is left out",
    INFO,
    _VALUES,
    source="OCPP 1.6 §7.43",
    hint="fill in the defaults: Energy.Active.Import.Register, and Wh for any energy",
    versions=(V16,),
)(_of_shape(LEFT_OUT))


# --- numbers ------------------------------------------------------------------------------------------------


@rule(
    "MV-013",
    "A meter value that is no number",
    WARNING,
    _VALUES,
    source=part_2("SampledValueType", "§7.43"),
    hint="write it with digits and a decimal point only, and leave out what was not measured",
)
@_on_remarks
def no_number(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    odd: Odd
    for odd in found.get("odd", ())[:_MOST]:
        for channel, one, value in zip(odd.shape.channels, odd.samples, odd.numbers, strict=True):
            if value is not None or channel.is_signed or type(one) is not dict or is_signed(one):
                continue
            raw = one.get("value")
            if raw is None:
                continue  # it is missing, which the schema tells
            yield Report(f"{channel.name} is {_shown(raw)}: {_why(raw)}", channel.measurand)
    for _, subject, detail in _problems(found, "padded"):
        yield Report(f"{detail}: not all read a number with zeros or spaces around it", subject, INFO)


def _shown(raw: Any) -> str:
    shown = repr(raw) if type(raw) in (str, float, int, bool) else type(raw).__name__
    return shown if len(shown) <= 40 else f"{shown[:37]}…"


def _why(raw: Any) -> str:
    if type(raw) is not str:
        return "no number that a meter shows"
    if not raw.strip():
        return "it is empty"
    if raw.count(",") == 1 and raw.replace(",", "").strip().lstrip("-").isdigit():
        return "the decimal separator is a comma"
    if raw.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return "it says that there is none"
    return "no number that a meter shows"


_WHAT_CAN_BE: Final[Mapping[str | None, str]] = {
    SOC: "a state of charge is from 0 to 100 %",
    POWER: "power that flows to the vehicle is positive",
    VOLTAGE: "an outlet has from 80 to 1,300 V",
}
_FLOWS: Final = 2
"""A. Below, the voltage may be anything: there is none where no vehicle charges."""


@rule(
    "MV-016",
    "A meter value that cannot be",
    WARNING,
    _VALUES,
    source=HEURISTIC,
    hint="a value was misread, or has the unit, the multiplier or the sign of another one",
)
@_on_remarks
def cannot_be(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    odd: Odd
    is_station = fields(event.payload).get("connectorId") == 0 or fields(event.payload).get("evseId") == 0
    for odd in found.get("odd", ())[:_MOST]:
        for channel, value in zip(odd.shape.channels, odd.numbers, strict=True):
            if value is None or channel.low <= value <= channel.high or (is_station and channel.kind != SOC):
                continue
            if channel.kind == VOLTAGE and 0 <= value < channel.low and not _charges_below(odd, channel):
                continue
            can_be = _WHAT_CAN_BE.get(channel.kind, "no connector carries more than 3,500 A")
            said = f"{channel.name} is {number(value)} {channel.unit or ''}".rstrip()
            yield Report(f"{said}; {can_be}", channel.measurand)
    over: Over
    for over in found.get("over", ())[:1]:
        detail = (
            f"{number(over.amperes)} A flow for {_seconds(over.seconds)}, "
            f"where Current.Offered is {number(over.offered)} A"
        )
        yield Report(detail, f"{_place(event, state)} Current.Offered")


def _charges_below(odd: Odd, voltage: Channel) -> bool:
    """Whether a current flows where a voltage is below what anything charges at."""
    line = (voltage.phase or "")[:2]
    return voltage.low <= LOWEST_VOLTAGE / (voltage.factor or 1) and any(
        channel.kind == CURRENT and (channel.phase or "")[:2] == line and (value or 0) > _FLOWS
        for channel, value in zip(odd.shape.channels, odd.numbers, strict=True)
    )


@rule(
    "MV-014",
    "The context of a meter value does not fit",
    WARNING,
    _VALUES,
    source=part_2("ReadingContextEnumType", "§3.16.6, §7.39; errata 4.25"),
    hint="Transaction.Begin and .End are for what was read at the start and the end, Sample.Clock at multiples of the "
    "interval, Trigger after a TriggerMessage",
    needs="session",
)
@_on_remarks
def context(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    one: OffTime
    for one in found.get("context", ())[:_MOST]:
        proof = (one.n,) if one.n is not None else ()
        yield Report(one.detail, f"{_place(event, state)} {one.context}", events=proof)


_OTHERS_INFORM: Final[Mapping[Profile, Severity]] = {"strict": WARNING, "field": INFO}
"""A station that goes from three phases to one may tell of one only."""


@rule(
    "MV-015",
    "The phases of meter values do not fit together",
    WARNING,
    _VALUES,
    source={
        V16: "OCPP 1.6 §3.16.3",
        V201: "OCPP 2.0.1 part 2 J02, PhaseEnumType",
        V21: "OCPP 2.1 part 2 J02, PhaseEnumType",
    },
    hint="tell each phase once, L1 to L3 of currents and powers, L1-N to L3-N of voltages, and always the same ones",
    needs="session",
)
@_on_remarks
def phases(found: Found, event: Message, state: SessionState) -> Iterator[Report]:
    for _, subject, problem in _problems(found, "MV-015"):
        yield Report(problem, subject)
    one: Lines
    for one in found.get("lines", ())[:_MOST]:
        detail = f"{one.measurand} has {', '.join(one.now)[:60]}, and had {', '.join(one.before)[:60]} before"
        yield Report(detail, f"{_place(event, state)} {one.measurand}"[:120], _OTHERS_INFORM)


# --- energy against power -----------------------------------------------------------------------------------

_MEANS: Final[Mapping[float, str]] = {
    1_000: "the register counts kWh, or the power is in W and labelled kW",
    0.001: "the power is in kW, or the register counts Wh and is labelled kWh",
    3: "the register counts one phase of three, or the power is told three times",
    1 / 3: "the power is that of one phase of three",
}
_TENTHS: Final = "one of them has another multiplier"


@rule(
    "MV-026",
    "Energy and power do not agree",
    WARNING,
    _VALUES,
    source=HEURISTIC,
    hint="see which of the two is true to the vehicle, and mend the unit of the other in the station",
    needs="session",
)
@_on_remarks
def energy_and_power(found: Found, event: Message, state: SessionState) -> Report | None:
    if "factor" not in found:
        return None
    one: Mismatch = found["factor"][0]
    power = (
        amount(one.low, "W")
        if one.high < one.low * 1.1
        else f"{amount(one.low, 'W')} to {amount(one.high, 'W')}"
    )
    factor = f"{one.factor:,.0f}" if one.factor >= 1 else f"1/{1 / one.factor:,.0f}"
    detail = (
        f"the register rises by {number(one.energy)} Wh in {_seconds(one.seconds)}, and {power} make "
        f"{number(one.from_power)} Wh: the energy agrees with the power if it is multiplied by {factor}, "
        f"as if {_MEANS.get(one.factor, _TENTHS)}"
    )
    return Report(detail, f"{_place(event, state)} {factor}", events=(one.n,))
