"""RMT: what the CSMS asks for and the station then does (section J of the catalogue).

Sources: OCPP 1.6 edition 2 §5.3, §5.11, §5.12, §5.14, §5.17 with errata 3.33, 3.36, 3.41; OCPP 2.0.1 and 2.1
part 2, functional blocks B11, B12 (Reset), F (remote control), L01.
"""

from collections.abc import Mapping
from typing import Any, Final

from ocppscope.events import FROM_CSMS, Message
from ocppscope.ocpp.lenient import fields, identifier, items, text, whole
from ocppscope.ocpp.times import MINUTE, duration
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import drop, expect, meet, unless_lost
from ocppscope.rules.gates import expecting, triggered
from ocppscope.rules.registry import ERROR, INFO, WARNING, Report, Severity, on_answer, on_call, rule
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.requests import ACCEPTED, REJECTED, TRIGGERED, asked, status_of
from ocppscope.rules.tables.transactions import IS_AWAITED, Transaction, id_in, tells_more
from ocppscope.rules.waiting import is_held_up

_MARGIN: Final = 30
"""Seconds beyond a time-out: messages take their time."""
_START_WITHIN: Final = 120
"""Seconds to plug in, where the capture does not show the station's time-out."""
_STOP_WITHIN: Final = 60
_TRIGGERED_WITHIN: Final = 60
_BOOT_WITHIN: Final = 600

# --- remote start ---


def _why_no_start(
    station: StationState, connector: int | None, token: str | None, asked_in: int
) -> tuple[str, bool]:
    """Which condition was missing, and whether the station did as it had to.

    Args:
        station: which was asked to start.
        connector: where; None where the request names none.
        token: whose.
        asked_in: the number of the request.
    """
    known = station.authorizations.get(token or "")
    if known is not None and known.status != ACCEPTED:
        # Asked because of the remote start, it had to obey.
        return f"the CSMS says that the token is {known.status}", known.n > asked_in
    places = [
        place
        for place in station.connectors
        if (place[1] or place[0]) and connector in (None, place[1] if place[0] is None else place[0])
    ]
    if connector is None:
        running = station.transactions.at
        free = [
            place for place in places if (None, place[1]) not in running and (place[0], None) not in running
        ]
        places = free or places
    stati = sorted({station.connectors[place].status for place in places})
    if not stati:
        return "the capture does not show the connector's status", False
    if set(stati) <= {"Available", "Reserved"}:
        return "no EV was plugged in", True
    shown = " and ".join(stati)
    if "Preparing" in stati or "Occupied" in stati:
        return f"the connector is {shown}: an EV is plugged in, and the station did not authorise it", False
    return f"the connector is {shown}", False


@rule(
    "RMT-001",
    "No transaction after RemoteStartTransaction",
    WARNING,
    on_answer("RemoteStartTransaction"),
    on_call("StartTransaction", gate=expecting("RMT-001")),
    source="OCPP 1.6 §5.11",
    hint="plug in within ConnectionTimeOut; with AuthorizeRemoteTxRequests the CSMS has to accept the idTag too",
    needs="time",
    versions=(V16,),
)
def no_start(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        meet(station, "RMT-001", token_of(fields(event.payload)))
        return
    payload = asked(event)
    token, connector, request = token_of(payload), whole(payload.get("connectorId")), event.call
    started = _started_since(station, request, token)
    if status_of(event) != ACCEPTED or token is None or started:
        return
    timeout = station.number("ConnectionTimeOut")
    seconds = timeout if timeout and timeout > 0 else _START_WITHIN

    def verdict() -> Report | None:
        if is_held_up(state, event):
            return None
        booted = station.registration.call
        if booted is not None and booted.n > event.n:
            why, is_nobodys_fault = "the station has booted meanwhile", True
        else:
            why, is_nobodys_fault = _why_no_start(station, connector, token, request.n)
        known = "ConnectionTimeOut" if timeout else "ConnectionTimeOut is not in the capture"
        return Report(
            f"no StartTransaction of {payload.get('idTag')!r} within {seconds} s ({known}): {why}",
            severity=INFO if is_nobodys_fault else None,
        )

    expect(state, "RMT-001", token, seconds + _MARGIN, verdict, event)


def _started_since(station: StationState, call: Message, token: str | None) -> bool:
    """Whether a transaction of that token began after a Call, before its answer."""
    return any(
        one.start is not None and one.start.n > call.n and one.token == token
        for one in (*station.transactions.running(), *station.transactions.ended.values())
    )


@rule(
    "RMT-002",
    "A RemoteStartTransaction that asks for what cannot be",
    ERROR,
    on_call("RemoteStartTransaction"),
    source="OCPP 1.6 §5.11, §6.33; errata 3.41",
    hint="name a connector above 0, or none; its chargingProfile is a TxProfile without transactionId",
    versions=(V16,),
)
def odd_remote_start(event: Message, state: SessionState) -> list[Report]:
    payload = fields(event.payload)
    found = []
    if payload.get("connectorId") == 0 and type(payload["connectorId"]) is int:
        found.append(Report("connectorId is 0", "connectorId"))
    return [*found, *_odd_profile(payload, "the chargingProfile names a transactionId before there is one")]


@rule(
    "RMT-003",
    "RemoteStopTransaction is accepted and nothing stops",
    WARNING,
    on_answer("RemoteStopTransaction"),
    on_call("StopTransaction", gate=expecting("RMT-003")),
    source="OCPP 1.6 §5.12; errata 3.33",
    hint="the station stops the transaction and says so with reason Remote, or rejects an id that it does not know",
    needs="session",
    versions=(V16,),
)
def no_stop(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        meet(station, "RMT-003", identifier(fields(event.payload).get("transactionId")))
        return None
    identity = identifier(asked(event).get("transactionId"))
    if status_of(event) != ACCEPTED or identity is None:
        return None
    known = station.transactions.find(identity)
    if known is not None and known.stop is not None:
        if known.stop.n > event.call.n:
            return None  # it was on its way already
        return Report(
            f"transaction {identity} had stopped before", identity, events=(known.stop.n, event.call.n)
        )
    report = Report(f"no StopTransaction of {identity} within {_STOP_WITHIN} s", identity)
    expect(
        state,
        "RMT-003",
        identity,
        _STOP_WITHIN + _MARGIN,
        unless_lost(state, report),
        event,
    )
    return None


def _remote_start_id(payload: dict[str, Any]) -> int | None:
    return whole(fields(payload.get("transactionInfo")).get("remoteStartId"))


@rule(
    "RMT-004",
    "No transaction after RequestStartTransaction",
    WARNING,
    on_answer("RequestStartTransaction"),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source=part_2("C05.FR.03, F01.FR.25, F02.FR.01"),
    hint="plug in within EVConnectionTimeOut; the station puts the remoteStartId into the transaction that follows",
    needs="time",
    versions=V2X,
)
def no_start_2x(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        found = _remote_start_id(fields(event.payload))
        if found is not None:
            meet(station, "RMT-004", found)
        return
    payload = asked(event)
    remote, evse = whole(payload.get("remoteStartId")), whole(payload.get("evseId"))
    if status_of(event) != ACCEPTED or remote is None:
        return
    known = station.transactions
    if any(one.remote_start_id == remote for one in (*known.open.values(), *known.ended.values())):
        return
    timeout = station.number("EVConnectionTimeOut")
    seconds = timeout if timeout and timeout > 0 else _START_WITHIN

    def verdict() -> Report | None:
        if state.has_gap:
            return None
        why, is_nobodys_fault = _why_no_start(
            station, evse, token_of(payload), event.call.n if event.call else event.n
        )
        return Report(
            f"no TransactionEvent with remoteStartId {remote} within {seconds} s: {why}",
            severity=INFO if is_nobodys_fault else None,
        )

    expect(state, "RMT-004", remote, seconds + _MARGIN, verdict, event)


@rule(
    "RMT-005",
    "A remote start is not given as the reason",
    ERROR,
    on_call("TransactionEvent", gate=tells_more),
    source=part_2("F01.FR.19, F02.FR.21"),
    hint="the first TransactionEvent after an accepted RequestStartTransaction has triggerReason RemoteStart",
    needs="session",
    versions=V2X,
)
def remote_start_without_reason(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("triggerReason") == "RemoteStart":
        return None
    remote = _remote_start_id(payload)
    if remote is None:
        return None
    known = state.station.transactions.find(id_in(payload))
    if known is not None and (known.remote_start_id == remote or known.missing):
        return None
    if known is None and payload.get("eventType") != "Started":
        return None  # what came before is not in the capture
    return Report(
        f"the first event with remoteStartId {remote} has triggerReason {payload.get('triggerReason')}"
    )


@rule(
    "RMT-006",
    "A RequestStartTransaction with a profile that cannot be",
    ERROR,
    on_call("RequestStartTransaction"),
    source=part_2("F01.FR.09, F01.FR.11"),
    hint="its chargingProfile is a TxProfile without transactionId",
    versions=V2X,
)
def odd_profile(event: Message, state: SessionState) -> list[Report]:
    return _odd_profile(fields(event.payload), "the chargingProfile names a transactionId")


def _odd_profile(payload: dict[str, Any], named: str) -> list[Report]:
    """What is wrong with the profile of a remote start; `named` says that it names a transaction."""
    profile = fields(payload.get("chargingProfile"))
    purpose = text(profile.get("chargingProfilePurpose"))
    found = []
    if purpose is not None and purpose != "TxProfile":
        found.append(Report(f"chargingProfilePurpose is {purpose}", "chargingProfilePurpose"))
    if profile.get("transactionId") is not None:
        found.append(Report(named, "transactionId"))
    return found


@rule(
    "RMT-007",
    "The answer does not name the transaction that was waiting",
    ERROR,
    on_answer("RequestStartTransaction"),
    source=part_2("F01.FR.13"),
    hint="where the EV was plugged in before, the station answers with the transactionId that it has begun",
    needs="start",
    versions=V2X,
)
def transaction_not_named(event: Message, state: SessionState) -> Report | None:
    evse = whole(asked(event).get("evseId"))
    if status_of(event) != ACCEPTED or evse is None or event.call is None:
        return None
    known = state.station.transactions.at.get((evse, None))
    if known is None or known.start is None or known.start.n > event.call.n or known.missing or known.tokens:
        return None
    if fields(event.payload).get("transactionId") is not None:
        return None
    return Report(f"transaction {known.id} was waiting at EVSE {evse}", events=(known.start.n, event.call.n))


@rule(
    "RMT-008",
    "RequestStopTransaction is answered otherwise than what happens",
    ERROR,
    on_answer("RequestStopTransaction"),
    on_call("TransactionEvent", gate=tells_more),
    source=part_2("F03.FR.02, F03.FR.03, F03.FR.07, F03.FR.08"),
    hint="accept what runs and end it with triggerReason RemoteStop; reject an id that is not known",
    needs="session",
    versions=V2X,
)
def stop_answer(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        payload = fields(event.payload)
        if payload.get("eventType") == "Ended" or payload.get("triggerReason") == "RemoteStop":
            meet(station, "RMT-008", id_in(payload))
        return None
    identity, status = identifier(asked(event).get("transactionId")), status_of(event)
    known = station.transactions.find(identity)
    if identity is None:
        return None
    if known is not None and known.stop is not None:
        if status != ACCEPTED or known.stop.n > event.call.n:
            return None
        return Report(
            f"transaction {identity} had ended before", identity, events=(known.stop.n, event.call.n)
        )
    if status == REJECTED and known is not None:  # else it may have begun before the capture
        _expect_end(known, identity, event, state)
    if status == ACCEPTED and (known is None or known.stop_told < event.call.n):
        report = Report(
            f"no TransactionEvent of {identity} with triggerReason RemoteStop within {_STOP_WITHIN} s",
            identity,
        )
        expect(
            state,
            "RMT-008",
            identity,
            _STOP_WITHIN + _MARGIN,
            unless_lost(state, report),
            event,
        )
    return None


def _expect_end(known: Transaction, identity: str, event: Message, state: SessionState) -> None:
    """The stop of a transaction was rejected: that is right where its end is on its way already."""
    latest, call = known.latest, event.call

    def verdict() -> Report | None:
        if not known.is_open or latest is None or call is None or is_held_up(state, event):
            return None
        said = f"transaction {identity} was running, and its stop was rejected"
        return Report(said, identity, events=(latest.n, call.n))

    expect(state, "RMT-008", identity, _STOP_WITHIN, verdict, event)


_CONNECTED: Final = frozenset({"Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE"})


@rule(
    "RMT-009",
    "A remote start is not given up when nobody plugs in",
    WARNING,
    on_call("TransactionEvent", gate=tells_more),
    source=part_2("F02.FR.07, E03.FR.05"),
    hint="after EVConnectionTimeOut the station ends the transaction with stoppedReason Timeout",
    needs="time",
    versions=V2X,
)
def not_given_up(event: Message, state: SessionState) -> None:
    payload, station = event.payload, state.station
    if type(payload) is not dict:
        return
    info = fields(payload.get("transactionInfo"))
    identity = identifier(info.get("transactionId"))
    if text(info.get("chargingState")) in _CONNECTED or payload.get("triggerReason") == "CablePluggedIn":
        meet(station, "RMT-009", identity)
        return
    if payload.get("eventType") == "Ended":
        meet(station, "RMT-009", identity)
        return
    timeout = station.number("EVConnectionTimeOut")
    if (
        payload.get("eventType") != "Started"
        or _remote_start_id(payload) is None
        or not timeout
        or timeout < 0
    ):
        return
    report = Report(f"transaction {identity} goes on; EVConnectionTimeOut is {timeout} s")
    expect(state, "RMT-009", identity, timeout + 2 * _MARGIN, unless_lost(state, report), event)


# --- triggered messages ---

_TRIGGERABLE: Final = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyEvent",
    "PublishFirmwareStatusNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StatusNotification",
    "TransactionEvent",
)
_INSTEAD: Final[Mapping[str, str]] = {
    "NotifyEvent": "StatusNotification",  # 2.x tells a status by either
    "SignedFirmwareStatusNotification": "FirmwareStatusNotification",  # 1.6 with the security whitepaper
}


@rule(
    "RMT-010",
    "A message that was triggered does not come",
    ERROR,
    on_answer("TriggerMessage", "ExtendedTriggerMessage"),
    on_call(*_TRIGGERABLE, gate=triggered),
    source=part_2("F06.FR.04, F06.FR.10", "§5.17"),
    hint="answer first, then send the message; where it cannot be sent, answer Rejected or NotImplemented",
    needs="time",
)
def trigger_without_message(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        if event.action == "BootNotification":
            drop(station, "RMT-010")  # what it had promised is forgotten
        name = _INSTEAD.get(str(event.action), str(event.action))
        meet(station, "RMT-010", name)
        trigger = station.triggered.get(name)
        if trigger is not None and station.noted.get(("RMT-010", trigger.action)) != trigger.n:
            station.noted["RMT-010", name] = trigger.n, event.n  # sent before the trigger was answered
        return
    wanted = text(asked(event).get("requestedMessage"))
    station.noted["RMT-010", event.action] = event.call.n
    if status_of(event) != ACCEPTED or wanted is None:
        return
    action = TRIGGERED.get(wanted, wanted)
    if action not in _TRIGGERABLE:
        return
    early = station.noted.get(("RMT-010", action))
    severity: Severity | None = WARNING if state.session.version == V16 else None
    if early and early[0] == event.call.n:
        report = Report(
            f"{action} came before the answer that accepts to send it, and not after",
            action,
            events=(event.call.n, early[1]),
        )
    else:
        report = Report(f"no {action} within {_TRIGGERED_WITHIN} s", action, severity, (event.call.n,))

    def verdict() -> Report | None:
        flight, since = station.deliveries.flight.values(), (event.time or 0) - MINUTE
        is_busy = any(call.session is event.session and (call.time or 0) > since for call in flight)
        return None if state.has_gap or is_busy else report  # it waits for the CSMS to answer

    expect(state, "RMT-010", action, _TRIGGERED_WITHIN, verdict, event)


@rule(
    "RMT-011",
    "StatusNotification is triggered without a connector",
    WARNING,
    on_call("TriggerMessage"),
    source=part_2("F06.FR.12, F06.FR.13"),
    hint="name evse.id and evse.connectorId: a status belongs to one connector",
    versions=V2X,
)
def trigger_without_connector(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    if payload.get("requestedMessage") != "StatusNotification":
        return None
    if fields(payload.get("evse")).get("connectorId") is not None:
        return None
    return Report("no evse" if payload.get("evse") is None else "an evse without connectorId")


_STATUS_TOLD: Final = ("FirmwareStatusNotification", "LogStatusNotification")
_IDLE: Final = "Idle"
_AT_REST: Final[Mapping[str, frozenset[str]]] = {
    "LogStatusNotification": frozenset(
        "Idle Uploaded UploadFailure BadMessage NotSupportedOperation PermissionDenied AcceptedCanceled".split()
    ),
    "FirmwareStatusNotification": frozenset({"Idle", "Installed"}),
}
"""After which a triggered message tells Idle (F06.FR.15, L01.FR.25)."""


@rule(
    "RMT-012",
    "A triggered status is not the true one",
    ERROR,
    on_call(*_STATUS_TOLD),
    source=part_2("F06.FR.14, F06.FR.15, F06.FR.16, L01.FR.25"),
    hint="a triggered message tells what is going on: Idle where nothing is, else the status that was told last",
    needs="start",
    versions=V2X,
)
def triggered_status(event: Message, state: SessionState) -> Report | None:
    status, name = text(fields(event.payload).get("status")), str(event.action)
    if status is None:
        return None
    noted = state.station.noted
    before: tuple[str, int] | None = noted.get(("RMT-012", name))
    trigger = state.station.triggered.get(name)
    noted["RMT-012", name] = status, event.n
    if before is None or trigger is None or trigger.n < before[1] or state.is_partial:
        return None
    at_rest = before[0] in _AT_REST[name]
    events = (before[1], trigger.n)
    if not at_rest and status == _IDLE:
        return Report(f"Idle, where {before[0]} was told last", name, events=events)
    if at_rest and status == before[0] != _IDLE:
        return Report(f"{status} again, where it is Idle by now", name, events=events)
    return None


@rule(
    "RMT-013",
    "Idle without a trigger",
    INFO,
    on_call("DiagnosticsStatusNotification", "FirmwareStatusNotification"),
    source="OCPP 1.6 §4.4, §4.5",
    hint="Idle is only told when a TriggerMessage asks for it",
    needs="session",
    versions=(V16,),
)
def idle_without_trigger(event: Message, state: SessionState) -> Report | None:
    if fields(event.payload).get("status") != _IDLE or event.action in state.station.triggered:
        return None
    return Report(f"{event.action} tells Idle", str(event.action))


# --- resets ---


def _expect_boot(state: SessionState, rule_id: str, event: Message) -> None:
    report = Report(f"no BootNotification within {_BOOT_WITHIN // 60} min")
    expect(state, rule_id, "boot", _BOOT_WITHIN, unless_lost(state, report), event)


def _accepted_reset(station: StationState) -> Message | None:
    """The answer to the last Reset, where it was accepted and the station has not booted since."""
    request, boot = station.requests.get("Reset"), station.registration.call
    if request is None or request.answer is None or request.status != ACCEPTED:
        return None
    return request.answer if boot is None or request.call.n > boot.n else None


def _going_on(station: StationState, since: int) -> list[Transaction]:
    """Transactions that began before a message and have not stopped."""
    return [
        one
        for one in station.transactions.running()
        if one.start is not None and one.start.n < since and one.id is not None
    ]


@rule(
    "RMT-014",
    "Reset is accepted and not done",
    WARNING,
    on_answer("Reset"),
    on_call("BootNotification"),
    source="OCPP 1.6 §5.14; errata 3.36",
    hint="a soft reset first stops transactions and says so; after either kind the station boots and tells",
    needs="time",
    versions=(V16,),
)
def reset_not_done(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is not None:
        if status_of(event) == ACCEPTED:
            _expect_boot(state, "RMT-014", event)
        return None
    meet(station, "RMT-014", "boot")
    reset = _accepted_reset(station)
    if reset is None or state.is_partial or asked(reset).get("type") != "Soft":
        return None
    open_ones = _going_on(station, reset.n)
    if not open_ones:
        return None
    names = ", ".join(str(one.id) for one in open_ones[:5])
    return Report(
        f"after a soft Reset it booted, and had not stopped transaction {names}",
        "stop",
        events=(reset.n, *(one.start.n for one in open_ones[:5] if one.start)),
    )


@rule(
    "RMT-015",
    "Reset does not go as it was asked for",
    WARNING,
    on_answer("Reset"),
    on_call("BootNotification"),
    source=part_2("B11.FR.03, B11.FR.04, B12.FR.01, B12.FR.03, B12.FR.07"),
    hint="Immediate ends transactions first, OnIdle waits for them (Scheduled), the reset of an EVSE is no boot",
    needs="time",
    versions=V2X,
)
def reset_otherwise(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is not None:
        return _reset_answered(event, state)
    meet(station, "RMT-015", "boot")
    reset = _accepted_reset(station)
    if reset is None or state.is_partial:
        return None
    payload = asked(reset)
    if payload.get("evseId") is not None:
        if fields(event.payload).get("reason") != "RemoteReset":
            return None
        return Report("the station booted, where one EVSE was to be reset", "evse", events=(reset.n,))
    if payload.get("type") != "Immediate":
        return None
    open_ones = _going_on(station, reset.n)
    if not open_ones:
        return None
    names = ", ".join(str(one.id) for one in open_ones[:5])
    return Report(
        f"it booted, and had not ended transaction {names}",
        "stop",
        events=(reset.n, *(one.start.n for one in open_ones[:5] if one.start)),
    )


def _reset_answered(event: Message, state: SessionState) -> Report | None:
    if status_of(event) != ACCEPTED or event.call is None:
        return None
    payload, evse = asked(event), whole(asked(event).get("evseId"))
    if payload.get("type") == "OnIdle":
        running = [
            one for one in _going_on(state.station, event.call.n) if evse is None or one.place[0] == evse
        ]
        if running and not any(one.missing for one in running):
            return Report(
                f"OnIdle was answered Accepted while transaction {running[0].id} runs",
                "scheduled",
                events=(event.call.n,),
            )
    elif evse is None:
        _expect_boot(state, "RMT-015", event)
    return None


_REBOOT_WITHIN: Final = 24 * 3600


@rule(
    "RMT-016",
    "A change needs a reboot that does not come",
    WARNING,
    on_answer("ChangeConfiguration", "SetVariables"),
    on_call("BootNotification"),
    source=part_2("B05", "§5.3"),
    hint="send a Reset: until the station reboots, what was set does not count",
    needs="time",
)
def no_reboot(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        meet(station, "RMT-016", "boot")
        return
    changed = _needs_reboot(event)
    if changed:
        shown = ", ".join(changed[:5])
        report = Report(
            f"{shown}: no BootNotification within {duration(_REBOOT_WITHIN * 10**9)} of RebootRequired"
        )
        expect(state, "RMT-016", "boot", _REBOOT_WITHIN, report, event, blames=FROM_CSMS)


def _needs_reboot(event: Message) -> list[str]:
    if event.action == "ChangeConfiguration":
        return [str(asked(event).get("key"))] if status_of(event) == "RebootRequired" else []
    results = map(fields, items(fields(event.payload).get("setVariableResult")))
    return [
        str(fields(one.get("variable")).get("name"))
        for one in results
        if one.get("attributeStatus") == "RebootRequired"
    ]
