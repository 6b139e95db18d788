"""TRF, DER, V2X, SWP: tariffs, grid services, discharging and battery swap (section O).

Sources: OCPP 2.0.1 and 2.1 part 2, functional block I; OCPP 2.1 part 2, functional blocks Q, R, S.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.connectors import availability_told, status_told
from ocppscope.ocpp.lenient import fields, identifier, items, text, told, whole
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import V2X, V21
from ocppscope.rules.configuration import CHOICES
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.gates import expecting, says_something
from ocppscope.rules.registry import ERROR, WARNING, Report, numbers_of, on_answer, on_call, rule
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.tables.transactions import IS_AWAITED, Transaction, tells_more
from ocppscope.rules.waiting import is_held_up

_WITHIN: Final = 60
_KEPT: Final = 200


def _proof(answer: Message, *others: Message | None) -> tuple[int, ...]:
    return numbers_of(*others, answer.call)


def _transaction(payload: dict[str, Any], state: SessionState) -> Transaction | None:
    identity = identifier(fields(payload.get("transactionInfo")).get("transactionId"))
    return state.station.transactions.find(identity)


# --- cost and tariffs ---


@rule(
    "TRF-001",
    "The CSMS does not tell the total cost at the end",
    WARNING,
    on_call("CostUpdated"),
    on_answer("TransactionEvent"),
    source=part_2("I02.FR.01, I03.FR.02"),
    hint="a CSMS that tells running costs answers Ended with totalCost, 0 where it was free",
    needs="session",
    versions=V2X,
)
def no_total_cost(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        known = state.station.transactions.find(identifier(fields(event.payload).get("transactionId")))
        if known is not None:
            known.noted["cost"] = event.n
        return None
    payload, answer = asked(event), fields(event.payload)
    if not answer and payload.get("eventType") != "Ended":
        return None
    if event.type != CALLRESULT or state.has_gap:
        return None
    known = _transaction(payload, state)
    if known is None or payload.get("costDetails") is not None:
        return None
    if payload.get("eventType") != "Ended":
        if answer.get("totalCost") is not None:
            known.noted["cost"] = event.n
        return None
    told_before = known.noted.get("cost")
    if answer.get("totalCost") is not None or told_before is None:
        return None
    return Report(f"transaction {known.id} had a running cost", events=(told_before, *_proof(event)))


_PRICES: Final = ("energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed")


def _elements(tariff: dict[str, Any]) -> int:
    return sum(len(items(fields(tariff.get(name)).get("prices"))) for name in _PRICES)


def _currency(value: Any) -> str | None:
    return text(fields(value).get("currency"))


@rule(
    "TRF-002",
    "A tariff is not answered, or not taken over, as it should be",
    ERROR,
    on_answer("SetDefaultTariff", "ChangeTransactionTariff"),
    on_call("TransactionEvent", gate=tells_more),
    source="OCPP 2.1 part 2 I07.FR.01, I07.FR.02, I11.FR.01 to I11.FR.07",
    hint="answer TooManyElements, TxNotFound or NoCurrencyChange; after Accepted tell TariffChanged with the tariffId",
    needs="session",
    versions=(V21,),
)
def tariff(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        return _tariff_changed(event, state)
    payload = asked(event)
    if status_of(event) != ACCEPTED:
        return None
    most, count = state.station.number("MaxElements[Tariff]"), _elements(fields(payload.get("tariff")))
    if most is not None and 0 < most < count:
        return Report(
            f"{count} price elements were accepted; the station takes {most}", "elements", None, _proof(event)
        )
    if event.action == "SetDefaultTariff":
        return None
    known = state.station.transactions.find(identifier(payload.get("transactionId")))
    if known is None:
        return None
    if known.stop is not None and known.stop.n < event.call.n:
        return Report(f"transaction {known.id} has ended", "ended", None, _proof(event, known.stop))
    before, now = known.noted.get("currency"), _currency(payload.get("tariff"))
    known.noted["currency"] = now or before
    if before and now and before != now:
        return Report(
            f"the currency of transaction {known.id} changes from {before} to {now}",
            "currency",
            None,
            _proof(event),
        )
    report = Report(f"no event with triggerReason TariffChanged of transaction {known.id} within {_WITHIN} s")
    expect(state, "TRF-002", known.id, _WITHIN, unless_lost(state, report), event)
    return None


def _tariff_changed(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    trigger, info = payload.get("triggerReason"), fields(payload.get("transactionInfo"))
    if trigger != "TariffChanged" and payload.get("eventType") != "Ended":
        return None
    if state.station.expected:
        meet(state.station, "TRF-002", identifier(info.get("transactionId")))
    if trigger != "TariffChanged" or info.get("tariffId") is not None:
        return None
    return Report("TariffChanged without a tariffId", "tariffId")


_COSTS: Final = ("fixed", "energy", "chargingTime", "idleTime", "reservationTime", "reservationFixed")
_CENT: Final = 0.01


def _amount(price: Any, kind: str) -> float | None:
    value: Any = fields(price).get(kind)
    return float(value) if type(value) in (int, float) and abs(value) < 1e12 else None


def _costs(details: dict[str, Any]) -> Iterator[Report]:
    total = fields(details.get("totalCost"))
    for kind in ("exclTax", "inclTax"):
        whole_sum = _amount(total.get("total"), kind)
        parts = [_amount(total.get(name), kind) for name in _COSTS if total.get(name) is not None]
        known = [part for part in parts if part is not None]
        if whole_sum is None or not known or len(known) < len(parts):
            continue
        if abs(sum(known) - whole_sum) > _CENT * (len(known) + 1):
            yield Report(f"total {kind} is {whole_sum:g}, its parts make {sum(known):g}", f"total {kind}")
    periods = list(map(fields, items(details.get("chargingPeriods"))))
    without = [one for one in periods if one.get("tariffId") is None]
    if without:
        yield Report(f"{len(without)} of {len(periods)} chargingPeriods have no tariffId", "tariffId")


@rule(
    "TRF-003",
    "Cost or tariff of a transaction do not add up",
    ERROR,
    on_call("TransactionEvent", gate=tells_more),
    on_answer("TransactionEvent", "Authorize", gate=says_something),
    source="OCPP 2.1 part 2 I08.FR.09, I12.FR.01, I12.FR.03, I12.FR.04, I12.FR.17",
    hint="a driver's tariff has no validFrom; a station that reckons costs tells them with RunningCost and with Ended",
    needs="session",
    versions=(V21,),
)
def costs(event: Message, state: SessionState) -> list[Report]:
    payload = event.payload
    if type(payload) is not dict:
        return []
    if event.call is not None:
        own = fields(fields(payload.get("idTokenInfo")).get("tariff")) or fields(payload.get("tariff"))
        if own.get("validFrom") is None:
            return []
        return [Report("the driver's tariff has a validFrom", "validFrom", None, _proof(event))]
    details = payload.get("costDetails")
    if details is not None:
        known = _transaction(payload, state)
        if known is not None:
            known.noted["details"] = event.n
        return list(_costs(fields(details)))
    if payload.get("triggerReason") == "RunningCost":
        return [Report("triggerReason RunningCost without costDetails", "RunningCost")]
    if payload.get("eventType") != "Ended":
        return []
    known = _transaction(payload, state)
    before = known.noted.get("details") if known is not None else None
    if known is None or before is None:
        return []
    return [
        Report(f"Ended of transaction {known.id} has no costDetails, as before", "Ended", None, (before,))
    ]


# --- grid services ---

_STARTS_WITHIN: Final = 120


def _schedules(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What of a SetDERControl may have a startTime and a duration: its one control."""
    for value in payload.values():
        if type(value) is dict and value.get("startTime") is not None:
            yield value


@rule(
    "DER-001",
    "A DER control is not answered as it should be",
    ERROR,
    on_answer("SetDERControl", "GetDERControl", "ClearDERControl"),
    on_call("ReportDERControl"),
    source="OCPP 2.1 part 2 R04.FR.01, R04.FR.08, R04.FR.30, R04.FR.31, R04.FR.41",
    hint="answer NotSupported to other types, NotFound to unknown ids; reports have the requestId of GetDERControl",
    needs="session",
    versions=(V21,),
)
def der_control(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        request = whole(fields(event.payload).get("requestId"))
        known = station.flows.get(("ReportDERControl", request))
        if known is None or known.status in (None, ACCEPTED) or known.latest is not None:
            return None
        return Report(
            f"requestId {request} was answered {known.status}, and a report comes",
            "report",
            None,
            _proof(event, known.answer),
        )
    controls: dict[str, tuple[bool, int]] = station.noted.setdefault("DER", {})
    payload, status = asked(event), status_of(event)
    identity, kind = text(payload.get("controlId")), text(payload.get("controlType"))
    if event.action == "SetDERControl":
        return _control_set(event, state, controls, identity, kind)
    if identity is None or identity not in controls:
        return None
    exists, n = controls[identity]
    if event.action == "ClearDERControl" and status == ACCEPTED:
        controls[identity] = False, event.n
    if exists and status == "NotFound":
        return Report(f"control {identity} was accepted before", identity, None, (n, *_proof(event)))
    if not exists and status == ACCEPTED:
        return Report(f"control {identity} was cleared before", identity, None, (n, *_proof(event)))
    return None


def _control_set(
    event: Message,
    state: SessionState,
    controls: dict[str, tuple[bool, int]],
    identity: str | None,
    kind: str | None,
) -> Report | None:
    if status_of(event) != ACCEPTED:
        return None
    if identity is not None and len(controls) < _KEPT:
        controls[identity] = True, event.n
    for superseded in items(fields(event.payload).get("supersededIds")):
        if type(superseded) is str and superseded in controls:
            controls[superseded] = False, event.n
    known = state.station.configuration
    told_modes = known.get("ModesSupported") or known.get("ModesSupported" + CHOICES) or ""
    modes = {part.strip() for part in told_modes.split(",") if part.strip()}
    if kind is None or not modes or kind in modes:
        return None
    return Report(
        f"{kind} was accepted; the station supports {', '.join(sorted(modes))[:100]}",
        kind,
        None,
        _proof(event),
    )


@rule(
    "DER-002",
    "The start or end of a DER control or alarm is not told",
    ERROR,
    on_answer("SetDERControl"),
    on_call("NotifyDERStartStop", "NotifyDERAlarm"),
    source="OCPP 2.1 part 2 R04.FR.20 to R04.FR.22, R05.FR.01 to R05.FR.03",
    hint="tell the start and end of scheduled controls with NotifyDERStartStop, those of faults with NotifyDERAlarm",
    needs="time",
    versions=(V21,),
)
def der_told(event: Message, state: SessionState) -> Report | None:
    station, payload = state.station, fields(event.payload)
    if event.call is not None:
        _expect_control(event, state)
        return None
    if event.action == "NotifyDERStartStop":
        meet(station, "DER-002", (text(payload.get("controlId")), bool(payload.get("started"))))
        for superseded in items(payload.get("supersededIds")):
            if type(superseded) is str:
                meet(station, "DER-002", (superseded, True))
                meet(station, "DER-002", (superseded, False))
        return None
    kind = text(payload.get("controlType"))
    alarms: dict[str | None, int] = station.noted.setdefault("DER-002", {})
    if payload.get("alarmEnded") is True:
        begun = alarms.pop(kind, None)
        if begun is not None or state.is_partial or station.registration.accepted is None:
            return None
        return Report(f"the alarm of {kind} ends, and had not begun", str(kind))
    begun = alarms.get(kind)
    if len(alarms) < _KEPT:
        alarms[kind] = event.n
    if begun is None:
        return None
    return Report(f"the alarm of {kind} begins again, and had not ended", str(kind), None, (begun,))


def _expect_control(event: Message, state: SessionState) -> None:
    payload, identity = asked(event), text(asked(event).get("controlId"))
    if status_of(event) != ACCEPTED or identity is None or event.time is None:
        return
    for control in _schedules(payload):
        start, duration = told(control.get("startTime")), _amount(control, "duration")
        if start is None or duration is None or duration <= 0:
            continue
        until = (start - event.time) / SECOND
        for is_start, seconds in ((True, until), (False, until + duration)):
            if seconds < 0:
                continue
            word = "start" if is_start else "end"
            report = Report(f"no NotifyDERStartStop of the {word} of control {identity}", identity)
            expect(
                state,
                "DER-002",
                (identity, is_start),
                seconds + _STARTS_WITHIN,
                unless_lost(state, report),
                event,
            )


# --- discharging ---

_BIDIRECTIONAL: Final = frozenset({"AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT"})


def _needs(payload: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    needs = fields(payload.get("chargingNeeds"))
    return needs, text(needs.get("requestedEnergyTransfer"))


@rule(
    "V2X-001",
    "What the CSMS needs for discharging is not told",
    ERROR,
    on_call("NotifyEVChargingNeeds"),
    source="OCPP 2.1 part 2 Q01.FR.02, Q01.FR.03",
    hint="tell the EVCCID in additionalInfo of the idToken, and with the needs v2xChargingParameters and the modes",
    needs="session",
    versions=(V21,),
)
def needs_not_told(event: Message, state: SessionState) -> list[Report]:
    payload = fields(event.payload)
    needs, mode = _needs(payload)
    if mode not in _BIDIRECTIONAL:
        return []
    found = [
        Report(f"{mode} without {name}", name)
        for name in ("v2xChargingParameters", "availableEnergyTransfer", "controlMode")
        if needs.get(name) is None
    ]
    known = state.station.transactions.at.get((whole(payload.get("evseId")), None))
    start = fields(known.start.payload) if known is not None and known.start is not None else {}
    token = fields(start.get("idToken"))
    kinds = {str(fields(one).get("type")).upper() for one in items(token.get("additionalInfo"))}
    if known is not None and token and "EVCCID" not in kinds:
        said = f"the idToken in Started of transaction {known.id} has no EVCCID"
        found.append(Report(said, "EVCCID", None, _proof(event, known.start)))
    return found


_AFTER_REJECTED: Final = 120


@rule(
    "V2X-002",
    "Charging goes on after its needs were rejected",
    ERROR,
    on_answer("NotifyEVChargingNeeds"),
    on_call("NotifyEVChargingNeeds", gate=expecting("V2X-002")),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source="OCPP 2.1 part 2 Q01.FR.04 to Q01.FR.07",
    hint="after Rejected the EV asks for another transfer, or the transaction ends with ReqEnergyTransferRejected",
    needs="time",
    versions=(V21,),
)
def rejected_needs(event: Message, state: SessionState) -> None:
    station, payload = state.station, event.payload
    if event.call is None:
        if type(payload) is dict:
            if event.action == "NotifyEVChargingNeeds":
                meet(station, "V2X-002", whole(payload.get("evseId")))
            elif payload.get("eventType") == "Ended":
                known = _transaction(payload, state)
                evse = whole(fields(payload.get("evse")).get("id"))
                meet(station, "V2X-002", known.place[0] if evse is None and known is not None else evse)
        return
    evse = whole(asked(event).get("evseId"))
    _, mode = _needs(asked(event))
    if status_of(event) != "Rejected" or mode not in _BIDIRECTIONAL or evse is None:
        return
    report = Report(
        f"{mode} was rejected at EVSE {evse}, and within {_AFTER_REJECTED} s nothing else was asked for or ended",
        f"EVSE {evse}",
    )

    def verdict() -> Report | None:
        is_running = (evse, None) in station.transactions.at  # else there is nothing to end
        return report if is_running and not is_held_up(state, event) else None

    expect(state, "V2X-002", evse, _AFTER_REJECTED, verdict, event)


_LIMITS: Final = ("limit", "limit_L2", "limit_L3")
_DISCHARGE: Final = ("dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3")
_SETPOINTS: Final = ("setpoint", "setpoint_L2", "setpoint_L3")
_ILLEGAL: Final[Mapping[str, tuple[str, ...]]] = {
    "ChargingOnly": (*_DISCHARGE, *_SETPOINTS),
    "CentralSetpoint": _LIMITS,
    "Idle": (*_LIMITS, *_DISCHARGE, *_SETPOINTS),
}
"""By operationMode: what a period must not have (Q02.FR.02, Q03.FR.02, Q10.FR.01)."""
_CURVE: Final = 2


def _illegal(period: dict[str, Any]) -> Iterator[tuple[str, str]]:
    is_named = period.get("operationMode") is not None
    mode = text(period.get("operationMode")) if is_named else "ChargingOnly"
    for name in _ILLEGAL.get(mode or "", ()):
        if period.get(name) is not None:
            yield f"{mode}{'' if is_named else ' (by default)'} with {name}", f"{mode} {name}"
    if mode == "LocalFrequency":
        if len(items(period.get("v2xFreqWattCurve"))) < _CURVE:
            yield (
                f"LocalFrequency with fewer than {_CURVE} points of v2xFreqWattCurve",
                "LocalFrequency curve",
            )
        if period.get("v2xBaseline") is None:
            yield "LocalFrequency without v2xBaseline", "LocalFrequency v2xBaseline"


@rule(
    "V2X-003",
    "A schedule does not fit its operationMode",
    ERROR,
    on_call("SetChargingProfile", "RequestStartTransaction"),
    source="OCPP 2.1 part 2 Q02.FR.02, Q03.FR.02, Q08.FR.01, Q08.FR.02, Q10.FR.01",
    hint="each operationMode has limits, setpoints or a curve of its own: leave out the others",
    versions=(V21,),
)
def operation_mode(event: Message, state: SessionState) -> list[Report]:
    found: dict[str, Report] = {}
    profile = fields(fields(event.payload).get("chargingProfile"))
    for schedule in map(fields, items(profile.get("chargingSchedule"))):
        for period in map(fields, items(schedule.get("chargingSchedulePeriod"))):
            for said, subject in _illegal(period):
                found.setdefault(subject, Report(said, subject))
    return list(found.values())


# --- battery swap ---

_STATUS_AFTER: Final[Mapping[str, str]] = {"BatteryIn": "Occupied", "BatteryOut": "Available"}


@rule(
    "SWP-001",
    "The two halves of a battery swap do not fit",
    ERROR,
    on_call("BatterySwap"),
    on_call("StatusNotification", "NotifyEvent", gate=expecting("SWP-001")),
    source="OCPP 2.1 part 2 S02, S03, S03.FR.01 to S03.FR.04",
    hint="BatteryOut has requestId and idToken of BatteryIn; the EVSEs are told to be Occupied and Available",
    needs="session",
    versions=(V21,),
)
def battery_swap(event: Message, state: SessionState) -> list[Report]:
    station, payload = state.station, fields(event.payload)
    if event.action != "BatterySwap":
        read = status_told if event.action == "StatusNotification" else availability_told
        for one in read(event, payload):
            meet(station, "SWP-001", (one.evse, one.status))
        return []
    swaps: dict[int, tuple[str | None, int]] = station.noted.setdefault("SWP-001", {})
    identity, token = whole(payload.get("requestId")), token_of(payload)
    kind = text(payload.get("eventType"))
    if identity is None or kind is None:
        return []
    for battery in map(fields, items(payload.get("batteryData"))[:20]):
        _expect_status(event, state, kind, whole(battery.get("evseId")))
    if kind == "BatteryIn":
        if len(swaps) < _KEPT:
            swaps[identity] = token, event.n
        return []
    known = swaps.pop(identity, None)
    if known is None:
        registration = station.registration
        if state.is_partial or registration.accepted is None or registration.session != state.session.number:
            return []  # it may have come before the capture
        return [Report(f"{kind} with requestId {identity}, and no BatteryIn had it", "requestId")]
    if token is not None and known[0] is not None and token != known[0]:
        said = f"{kind} of requestId {identity} has another idToken than BatteryIn"
        return [Report(said, "idToken", None, (known[1],))]
    return []


def _expect_status(event: Message, state: SessionState, kind: str, evse: int | None) -> None:
    status = _STATUS_AFTER.get(kind)
    if status is None or evse is None:
        return
    places = [one for place, one in state.station.connectors.items() if place[0] == evse]
    if not places or any(one.status == status for one in places):
        return  # it is not told at all, or was told before
    report = Report(f"EVSE {evse} was not told to be {status} within {_WITHIN} s of {kind}", f"EVSE {evse}")
    expect(state, "SWP-001", (evse, status), _WITHIN, unless_lost(state, report), event)
