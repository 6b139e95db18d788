"""V2X: vehicles that give energy back (section O of the catalogue).

Source: OCPP 2.1 part 2, functional block Q.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocppscope.events import Message
from ocppscope.ocpp.lenient import fields, items, text, whole
from ocppscope.ocpp.versions import V21
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.gates import expecting
from ocppscope.rules.registry import ERROR, Report, numbers_of, on_answer, on_call, rule
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.requests import asked, status_of
from ocppscope.rules.tables.transactions import IS_AWAITED, id_in
from ocppscope.rules.waiting import is_held_up

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
        found.append(Report(said, "EVCCID", None, numbers_of(known.start, event.call)))
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
                known = state.station.transactions.find(id_in(payload))
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
