"""BOOT: how a station registers (section C of the catalogue; its clocks and Heartbeats are in `clocks`).

Sources: OCPP 1.6 edition 2 §4.2 with errata 3.10, 3.22, 3.40; OCPP 2.0.1 and 2.1 part 2, use cases B01 to B04, F06.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocppscope.events import CALLERROR, CALLRESULT, FROM_CSMS, FROM_STATION, Closed, Event, Message
from ocppscope.ocpp.actions import BY_SENDER
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.ocpp.times import MINUTE, SECOND, duration
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import expect, look_again, meet
from ocppscope.rules.gates import unsettled
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    Severity,
    on_answer,
    on_call,
    on_event,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.registration import ACCEPTED, PENDING, REJECTED
from ocppscope.rules.tables.requests import asked, came_after, status_of
from ocppscope.rules.waiting import misses_messages

_TOLERANCE: Final = SECOND
"""By which a station may be early: its clock and ours differ."""

# --- before the CSMS has accepted ---

_ASKED_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "NotifyReport": ("GetBaseReport", "GetReport"),
    "NotifyMonitoringReport": ("GetMonitoringReport",),
    "NotifyDisplayMessages": ("GetDisplayMessages",),
    "NotifyCustomerInformation": ("CustomerInformation",),
    "ReportChargingProfiles": ("GetChargingProfiles",),
    "LogStatusNotification": ("GetLog",),
    "DiagnosticsStatusNotification": ("GetDiagnostics",),
    "FirmwareStatusNotification": ("UpdateFirmware",),
    "SignedFirmwareStatusNotification": ("SignedUpdateFirmware",),
    "PublishFirmwareStatusNotification": ("PublishFirmware",),
}
"""What a station sends because the CSMS asked for it, and what that was."""
_TRIGGERED_AS: Final[Mapping[str, str]] = {
    "SignedFirmwareStatusNotification": "FirmwareStatusNotification",  # 1.6 with the security whitepaper
    "NotifyEvent": "StatusNotification",  # 2.x tells a status by either
}
"""Actions that a trigger names otherwise."""
_ALL_CALLS: Final = tuple(sorted(set().union(*(senders[FROM_STATION] for senders in BY_SENDER.values()))))
_ALL_REQUESTS: Final = tuple(sorted(set().union(*(senders[FROM_CSMS] for senders in BY_SENDER.values()))))


def _is_asked_for(event: Message, station: StationState) -> bool:
    """Whether a message is one that the CSMS has asked for since the boot; BootNotification comes again meanwhile."""
    since = station.registration.first
    names = (event.action or "", _TRIGGERED_AS.get(event.action or "", ""))
    if any(came_after(station.triggered.get(name), since) for name in names):
        return True
    requests = (station.requests.get(name) for name in _ASKED_FOR.get(event.action or "", ()))
    return any(came_after(request.call, since) for request in requests if request is not None)


def _before_the_answer(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    boot = known.call
    if boot is None or known.session != state.session.number or event.action == "BootNotification":
        return None
    if event.direction != FROM_STATION:
        return None  # DataTransfer goes both ways
    refused = known.answer is not None and known.answer.type == CALLERROR and known.status is None
    if not (known.is_waiting or refused) or state.has_gap or misses_messages(state, boot.n):
        return None  # the answer may be among what is missing, or could not be read
    if _is_asked_for(event, state.station):
        return None
    if known.is_waiting and boot.time is not None and event.time is not None:
        waited = f"{duration(event.time - boot.time)} after its BootNotification, which was not answered yet"
    elif known.is_waiting:
        waited = "after its BootNotification, which was not answered yet"
    else:
        waited = "though its BootNotification was answered with a CallError"
    severity: Severity | None = None
    if (known.status == ACCEPTED and not _was_reset(state.station)) or known.reason in _NO_BOOT:
        severity = INFO  # it may have told its data again, after a reconnect
    return Report(f"{event.action} {waited}", events=(boot.n,), severity=severity)


_NO_BOOT: Final = frozenset({"Triggered", "Unknown"})


def _was_reset(station: StationState) -> bool:
    """Whether the CSMS asked for the boot, and the station says so (2.x), or has accepted it (1.6)."""
    known, reset = station.registration, station.requests.get("Reset")
    if reset is None or not came_after(reset.call, known.accepted):
        return False
    return known.reason == "RemoteReset" or (known.reason is None and reset.status == ACCEPTED)


@rule(
    "BOOT-001",
    "A Call before BootNotification is answered",
    ERROR,
    on_call(*_ALL_CALLS, gate=unsettled),
    source="OCPP 1.6 §4.2",
    hint="the station sends nothing but BootNotification until it is answered; the CSMS answers it first, and fast",
    needs="start",
    versions=(V16,),
)
def call_before_boot_answer(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status == ACCEPTED and not known.is_waiting:
        return None
    if known.call is not None or state.messages > 1 or event.action == "BootNotification":
        return _before_the_answer(event, state)
    if state.is_partial or event.direction != FROM_STATION:
        return None
    return Report(
        f"the session begins with {event.action}; legal after a reconnect, not after a boot", severity=INFO
    )


@rule(
    "BOOT-002",
    "A request before BootNotification is answered",
    ERROR,
    on_call(*_ALL_CALLS, gate=unsettled),
    source=part_2("B01.FR.08, B02.FR.02"),
    hint="the station sends nothing but BootNotification until it is answered; the CSMS answers it first, and fast",
    needs="start",
    versions=V2X,
)
def request_before_boot_answer(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status == ACCEPTED and not known.is_waiting:
        return None
    return _before_the_answer(event, state)


def _while_pending(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status != PENDING or known.is_waiting or event.action == "BootNotification":
        return None
    if event.direction != FROM_STATION:
        return None
    if state.has_gap or known.answer is None or misses_messages(state, known.answer.n):
        return None
    if _is_asked_for(event, state.station):
        return None
    return Report(
        f"{event.action}, which nobody asked for, while the CSMS has the station pending",
        str(event.action),
        events=(known.answer.n,),
        severity=INFO if state.is_partial else None,  # it may have been asked for before
    )


@rule(
    "BOOT-003",
    "A request that was not triggered while pending",
    ERROR,
    on_call(*_ALL_CALLS, gate=unsettled),
    source=part_2("B01.FR.10, B02.FR.02"),
    hint="the station sends only what was triggered or reported on request; the CSMS answers others with SecurityError"
    " (B02.FR.09)",
    needs="start",
    versions=V2X,
)
def request_while_pending(event: Message, state: SessionState) -> Report | None:
    return _while_pending(event, state)


@rule(
    "BOOT-004",
    "A Call that was not triggered while pending",
    ERROR,
    on_call(*_ALL_CALLS, gate=unsettled),
    source="OCPP 1.6 §4.2; errata 3.10",
    hint="the station sends only what was triggered; the CSMS does well to answer others with SecurityError",
    needs="start",
    versions=(V16,),
)
def call_while_pending(event: Message, state: SessionState) -> Report | None:
    return _while_pending(event, state)


@rule(
    "BOOT-005",
    "A message from a station that was rejected",
    ERROR,
    on_call(*_ALL_CALLS, gate=unsettled),
    source=part_2("B03.FR.02", "§4.2"),
    hint="a rejected station is silent until the interval is over, and then sends BootNotification",
    needs="session",
)
def call_while_rejected(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status != REJECTED or event.action == "BootNotification" or known.answer is None:
        return None
    if event.direction != FROM_STATION or misses_messages(state, known.answer.n):
        return None  # it may have been accepted meanwhile
    after = _since(known.answer, event)
    return Report(f"{event.action}{after and f', {after} after the rejection'}", events=(known.answer.n,))


def _since(earlier: Message, event: Event) -> str:
    """How long after; empty where the capture has no times."""
    if earlier.time is None or event.time is None:
        return ""
    return duration(event.time - earlier.time)


_WHILE_REJECTED: Final[Mapping[str, Severity]] = {V16: WARNING}


@rule(
    "BOOT-006",
    "The CSMS talks to a station that it rejected",
    ERROR,
    on_call(*_ALL_REQUESTS, gate=unsettled),
    on_answer(*_ALL_REQUESTS, gate=unsettled),
    source=part_2("B03.FR.03, B03.FR.08", "§4.2"),
    hint="the CSMS waits until it has accepted the station; a 2.x station answers SecurityError, a 1.6 station nothing",
    needs="session",
)
def request_while_rejected(event: Message, state: SessionState) -> Report | None:
    known, version = state.station.registration, state.session.version
    if known.status != REJECTED or known.answer is None or misses_messages(state, known.answer.n):
        return None
    severity = _WHILE_REJECTED.get(version or "")
    if event.direction == FROM_CSMS:
        if event.call is not None:
            return None  # DataTransfer goes both ways
        return Report(f"the CSMS sent {event.action}", severity=severity, events=(known.answer.n,))
    if event.call is None or event.call.n < known.answer.n:
        return None
    if version != V16 and event.error is not None and event.error.code == "SecurityError":
        return None
    said = f"with {event.error.code}" if event.error is not None else "as if it was accepted"
    return Report(
        f"the station answered {event.action} {said}",
        severity=severity,
        events=(known.answer.n, event.call.n),
    )


# --- BootNotification again ---


@rule(
    "BOOT-007",
    "BootNotification again before the interval is over",
    ERROR,
    on_call("BootNotification"),
    source=part_2("B02.FR.04", "§4.2"),
    hint="the station waits as many seconds as the CSMS said, unless it is triggered",
    needs="time",
)
def boot_too_early(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status not in (PENDING, REJECTED) or not known.interval or known.answer is None:
        return None
    last, triggered = known.call, state.station.triggered.get("BootNotification")
    if last is None or last.time is None or event.time is None or known.session != state.session.number:
        return None  # in another session it may have been switched off in between
    waited = event.time - last.time
    if came_after(triggered, known.call) or waited >= known.interval * SECOND - _TOLERANCE:
        return None
    return Report(
        f"after {duration(waited)}; the CSMS said {known.interval} s with {known.status}",
        severity=_WHILE_REJECTED.get(state.session.version or ""),
        events=(last.n, known.answer.n),
    )


@rule(
    "BOOT-008",
    "BootNotification is not sent again",
    WARNING,
    on_answer("BootNotification"),
    on_call("BootNotification"),
    source=part_2("B02.FR.08, B03.FR.06", "§4.2"),
    hint="a station that is not accepted sends BootNotification again when the interval is over",
    needs="time",
)
def boot_not_again(event: Message, state: SessionState) -> None:
    if event.call is None:
        meet(state.station, "BOOT-008", "boot")
        return
    payload = fields(event.payload)
    status, interval = text(payload.get("status")), whole(payload.get("interval"))
    if status not in (PENDING, REJECTED) or not interval or interval < 0:
        return
    said = f"the CSMS answered {status} and an interval of {interval} s, and no other came"
    expect(state, "BOOT-008", "boot", interval * 1.5 + 60, Report(said, events=(event.n,)), event.call)


@rule(
    "BOOT-009",
    "No interval for a station that is not accepted",
    INFO,
    on_answer("BootNotification"),
    source=part_2("B02.FR.07", "§4.2"),
    hint="with an interval of 0 the station chooses how long to wait; name one to be sure",
)
def no_interval(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    if payload.get("interval") != 0 or payload.get("status") not in (PENDING, REJECTED):
        return None
    return Report(f"{payload['status']} with an interval of 0")


_REMOTE: Final = (
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "RequestStartTransaction",
    "RequestStopTransaction",
)


@rule(
    "BOOT-010",
    "Remote start or stop while pending",
    ERROR,
    on_call(*_REMOTE),
    on_answer(*_REMOTE),
    source=part_2("B02.FR.05", "§4.2"),
    hint="the CSMS accepts the station first; a station that is pending answers Rejected",
    needs="session",
)
def remote_while_pending(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status != PENDING or known.answer is None:
        return None
    if state.session.version == V16:
        said = f"{event.action} while the station is pending"
        return Report(said, events=(known.answer.n,)) if event.call is None else None
    if event.call is None or event.call.n < known.answer.n:
        return None
    status = status_of(event)
    if status in (None, REJECTED):
        return None
    return Report(
        f"{event.action} was answered {status} while the station is pending",
        events=(known.answer.n, event.call.n),
    )


# --- after a boot ---

_STATUS_WITHIN: Final = 120
"""Seconds that a station may take to report its connectors."""


def _expect_statuses(event: Message, state: SessionState, rule_id: str, needs_zero: bool) -> None:
    known = state.station.registration
    if (
        fields(event.payload).get("status") != ACCEPTED
        or event.type != CALLRESULT
        or (known.status == ACCEPTED and known.accepted is not None and known.reason in _NO_BOOT)
        or came_after(state.station.triggered.get("BootNotification"), known.previous)
    ):
        return

    def verdict() -> Report | None:
        if state.has_gap or state.station.registration.answer is not event:
            return None
        told = [place for place, one in state.station.connectors.items() if one.n > event.n]
        if not told:
            return Report(f"no status of any connector within {_STATUS_WITHIN} s")
        missing = [
            _place(place)
            for place in _expected_places(state.station, needs_zero=needs_zero)
            if not any(_tells_of(other, place) for other in told)
        ]
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        return Report(f"no status of {shown} within {_STATUS_WITHIN} s") if missing else None

    look_again(state, rule_id, "status", _STATUS_WITHIN, verdict, event)


def _expected_places(station: StationState, *, needs_zero: bool) -> list[tuple[int | None, int | None]]:
    count = min(station.number("NumberOfConnectors") or 0, 1_000) if needs_zero else 0
    counted = [(None, number) for number in range(count + 1)] if needs_zero else []
    return list(dict.fromkeys([*counted, *station.connectors]))


def _tells_of(told: tuple[int | None, int | None], place: tuple[int | None, int | None]) -> bool:
    """Whether the status of one place is that of another: NotifyEvent may tell it of an EVSE as a whole."""
    return told == place or (place[0] is not None and told[0] == place[0] and None in (told[1], place[1]))


def _place(place: tuple[int | None, int | None]) -> str:
    evse, connector = place
    if evse is not None and connector is None:
        return f"EVSE {evse}"
    return f"connector {connector}" if evse is None else f"EVSE {evse} connector {connector}"


@rule(
    "BOOT-011",
    "Not all connectors are reported after a boot",
    WARNING,
    on_answer("BootNotification"),
    source="OCPP 1.6 errata 3.22",
    hint="after Accepted the station sends StatusNotification for connector 0 and for each connector",
    needs="start",
    versions=(V16,),
)
def statuses_missing(event: Message, state: SessionState) -> None:
    _expect_statuses(event, state, "BOOT-011", needs_zero=True)


@rule(
    "BOOT-012",
    "Not all connectors are reported after a boot",
    ERROR,
    on_answer("BootNotification"),
    source=part_2("B01.FR.05"),
    hint="after Accepted the station tells the status of each connector, by StatusNotification or NotifyEvent",
    needs="start",
    versions=V2X,
)
def statuses_missing_2x(event: Message, state: SessionState) -> None:
    _expect_statuses(event, state, "BOOT-012", needs_zero=False)


_BECAUSE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "RemoteReset": ("Reset",),
    "ScheduledReset": ("Reset",),
    "FirmwareUpdate": ("UpdateFirmware", "PublishFirmware"),
}
"""Reasons of a boot, and the requests that lead to it."""


@rule(
    "BOOT-013",
    "The reason of a boot does not fit what happened",
    WARNING,
    on_call("BootNotification"),
    source=part_2("B01.FR.09"),
    hint="the station tells the reason that BootReasonEnumType has for what made it boot",
    needs="session",
    versions=V2X,
)
def implausible_reason(event: Message, state: SessionState) -> Report | None:
    station, known = state.station, state.station.registration
    reason = text(fields(event.payload).get("reason"))
    if reason is None or known.accepted is None or state.is_partial:
        return None  # what led to the first boot lies before the capture
    if reason == "Triggered":
        asked_for = came_after(station.triggered.get("BootNotification"), known.call)
        return None if asked_for else Report("Triggered, and no TriggerMessage asked for it", reason)
    wanted = _BECAUSE_OF.get(reason)
    if wanted is None:
        return None
    requests = [station.requests.get(name) for name in wanted]
    if any(came_after(request.call, known.accepted) for request in requests if request is not None):
        return None
    return Report(f"{reason}, and no {' or '.join(wanted)} since the boot before", reason)


@rule(
    "BOOT-014",
    "BootNotification is triggered after it was accepted",
    ERROR,
    on_call("TriggerMessage", "ExtendedTriggerMessage"),
    on_answer("TriggerMessage"),
    source=part_2("F06.FR.17", "errata 3.40"),
    hint="the CSMS triggers BootNotification only while it has not accepted the station, which else answers Rejected",
    needs="session",
)
def boot_triggered(event: Message, state: SessionState) -> Report | None:
    known = state.station.registration
    accepted = known.accepted
    if known.status != ACCEPTED or known.is_waiting or accepted is None:
        return None
    if state.session.version == V16:
        if event.call is not None or fields(event.payload).get("requestedMessage") != "BootNotification":
            return None
        return Report("the CSMS had accepted the station before", events=(accepted.n,))
    if event.call is None or asked(event).get("requestedMessage") != "BootNotification":
        return None
    if event.call.n < accepted.n or status_of(event) in (None, REJECTED):
        return None
    return Report(f"the station answered {status_of(event)}", events=(accepted.n, event.call.n))


_BOOTS: Final = 3
_BOOTS_WITHIN: Final = 5 * MINUTE


@rule(
    "BOOT-015",
    "Many boots in a short time",
    WARNING,
    on_call("BootNotification"),
    source=HEURISTIC,
    hint="the station restarts, or takes each reconnect for a boot: look at its power supply, its memory and its log",
    needs="time",
)
def many_boots(event: Message, state: SessionState) -> Report | None:
    station, known = state.station, state.station.registration
    boots: list[tuple[int, int]] = station.noted.setdefault("BOOT-015", [])
    if event.time is None or known.status not in (None, ACCEPTED):
        return None  # those of a station that is not accepted yet are asked for
    requests = (station.requests.get(name) for name in _LEADS_TO_BOOT)
    if any(came_after(request.call, known.call) for request in requests if request is not None):
        return None
    if known.call is not None and known.accepted is None:
        return None  # the one before was not answered
    boots[:] = [(time, n) for time, n in boots if event.time - time <= _BOOTS_WITHIN]
    boots.append((event.time, event.n))
    if len(boots) < _BOOTS:
        return None
    return Report(f"{len(boots)} within {duration(_BOOTS_WITHIN)}", events=tuple(n for _, n in boots[-20:]))


_LEADS_TO_BOOT: Final = ("Reset", "UpdateFirmware", "SignedUpdateFirmware")


# --- sessions ---


@rule(
    "BOOT-018",
    "The serial number is not the one of the client certificate",
    ERROR,
    on_call("BootNotification"),
    source=part_2("B01.FR.11, B01.FR.12"),
    hint="in security profile 3 the certificate's CommonName is the station's serialNumber",
    needs="session",
    versions=V2X,
)
def serial_is_not_the_certificates(event: Message, state: SessionState) -> Report | None:
    tls = state.opened.tls if state.opened else None
    subject = tls.client_certificate if tls else None
    serial = text(fields(fields(event.payload).get("chargingStation")).get("serialNumber"))
    name = _common_name(subject) if subject else None
    if name is None or serial is None or serial == name:
        return None
    return Report(f"serialNumber is {serial!r}, the certificate's CommonName {name!r}")


def _common_name(subject: str) -> str | None:
    for part in subject.split(","):
        key, _, value = part.strip().partition("=")
        if key == "CN":
            return value
    return None


@rule(
    "BOOT-021",
    "The session was closed while pending",
    WARNING,
    on_event(Closed),
    source=part_2("B02.FR.06"),
    hint="both sides keep the session open while the station is pending: the CSMS has things to set up",
    needs="session",
    versions=V2X,
)
def closed_while_pending(event: Closed, state: SessionState) -> Report | None:
    known = state.station.registration
    if known.status != PENDING or known.session != state.session.number or known.answer is None:
        return None
    if event.how == "end-of-capture":
        return None
    return Report(f"by the {event.by or 'network'}", events=(known.answer.n,))


@rule(
    "BOOT-022",
    "A station's data changed between boots",
    INFO,
    on_call("BootNotification"),
    source=HEURISTIC,
    hint="new firmware or a new serial number explains much of what changes from here on",
    needs="session",
)
def boot_data_changed(event: Message, state: SessionState) -> list[Report]:
    boot = state.station.boot
    return [
        Report(f"{name}: {_shown(before)} → {_shown(after)}", name)
        for name, before, after in _changes(fields(boot), fields(event.payload))
        if name != "reason"
    ]


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if not before:
        return
    for name in list(dict.fromkeys([*before, *after]))[:100]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if type(old) is dict and type(new) is dict:
            yield from _changes(old, new)
        else:
            yield name, old, new


def _shown(value: Any) -> str:
    shown = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


@rule(
    "BOOT-023",
    "No full status report after a long time offline",
    WARNING,
    on_call(*_ALL_CALLS, gate=unsettled),
    source=part_2("B04.FR.01, B04.FR.02", "§4.9"),
    hint="a station that was offline longer than OfflineThreshold tells the status of all its connectors",
    needs="time",
)
def no_status_report_after_offline(event: Message, state: SessionState) -> None:
    if state.messages != 1 or event.action == "BootNotification" or state.opened is None:
        return
    station, threshold = state.station, state.station.number("OfflineThreshold")
    away, back = station.offline_since, state.opened.time
    if threshold is None or away is None or back is None or back - away <= threshold * SECOND:
        return

    def verdict() -> Report | None:
        if state.has_gap or state.session.ended:
            return None
        missing = [_place(place) for place, one in station.connectors.items() if one.n < event.n]
        if not missing:
            return None
        return Report(
            f"{duration(back - away)} offline, OfflineThreshold {threshold} s, and no status of "
            + ", ".join(missing[:5])
        )

    look_again(state, "BOOT-023", "status", _STATUS_WITHIN, verdict, event)


# --- the same Call before every boot ---

_SHORTLY: Final = 2 * MINUTE


@rule(
    "BOOT-024",
    "The same Call comes before every boot",
    WARNING,
    on_call("BootNotification"),
    source=HEURISTIC,
    hint="the station falls over that Call: leave it out for this firmware, and tell its maker",
    needs="session",
)
def same_call_before_boots(event: Message, state: SessionState) -> Report | None:
    station, known = state.station, state.station.registration
    if known.call is None or not station.requests:
        return None
    request = max(station.requests.values(), key=lambda request: request.call.n)
    if known.session == state.session.number and (state.opened is not None or request.answer is not None):
        return None  # no reboot; in a log that shows no connections it is one where the Call got no answer
    last = request.call
    away = station.last_end if station.offline_since is None else station.offline_since
    noted = station.noted.setdefault("BOOT-024", {})
    if (
        last.action in _LEADS_TO_BOOT
        or last.n < known.call.n
        or (away is not None and last.time is not None and not 0 <= away - last.time <= _SHORTLY)
    ):
        noted.clear()
        return None
    key = f"{last.action} {_shown(last.payload)}" if last.payload else str(last.action)
    numbers = noted.pop(key, [])
    noted.clear()
    noted[key] = [*numbers[-10:], last.n]
    if len(noted[key]) < 2:
        return None
    return Report(
        f"{key} came last before {len(noted[key])} drops and boots",
        str(last.action),
        events=tuple(noted[key]),
    )
