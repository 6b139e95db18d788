"""DER: what stations do for the grid (section O of the catalogue).

Source: OCPP 2.1 part 2, functional block R.
"""

from collections.abc import Iterator
from typing import Any, Final

from ocppscope.events import Message
from ocppscope.ocpp.lenient import fields, items, number, text, told, whole
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import V21
from ocppscope.rules.configuration import CHOICES
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.registry import ERROR, Report, numbers_of, on_answer, on_call, rule
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of

_CONTROLS_KEPT: Final = 200


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
            numbers_of(known.answer, event.call),
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
        return Report(f"control {identity} was accepted before", identity, None, (n, *numbers_of(event.call)))
    if not exists and status == ACCEPTED:
        return Report(f"control {identity} was cleared before", identity, None, (n, *numbers_of(event.call)))
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
    if identity is not None and len(controls) < _CONTROLS_KEPT:
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
        numbers_of(event.call),
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
    if len(alarms) < _CONTROLS_KEPT:
        alarms[kind] = event.n
    if begun is None:
        return None
    return Report(f"the alarm of {kind} begins again, and had not ended", str(kind), None, (begun,))


def _expect_control(event: Message, state: SessionState) -> None:
    payload, identity = asked(event), text(asked(event).get("controlId"))
    if status_of(event) != ACCEPTED or identity is None or event.time is None:
        return
    for control in _schedules(payload):
        start, duration = told(control.get("startTime")), number(control.get("duration"))
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
