"""TX2: transactions of OCPP 2.0.1 and 2.1 (section H of the catalogue).

Sources: OCPP 2.0.1 and 2.1 part 2, functional block E with §1.3.2.1 on seqNo and §1.5 on TransactionEvent; B12, B13
on resets; F03 on remote stops; J02 on sampled values.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, identifier, items, text, told, whole
from ocppscope.ocpp.metering import ENERGY, SOC, sampled
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import MINUTE, SECOND, duration
from ocppscope.ocpp.versions import V2X, V21
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.gates import says_something
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    Severity,
    learns,
    numbers_of,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.requests import asked
from ocppscope.rules.tables.transactions import (
    BEGINS,
    ENDED,
    ENDS,
    IS_AWAITED,
    OUT_OF_TURN,
    PERIODIC,
    STARTED,
    UPDATED,
    WITH_TOKEN,
    ToldEvent,
    Transaction,
    content_of_event,
    tells_more,
    told_event,
)
from ocppscope.rules.waiting import is_held_up

_EVENT: Final = on_call("TransactionEvent", gate=tells_more)
"""Those that only go on are of no interest to most rules."""


def _is_whole(known: Transaction | None, state: SessionState) -> bool:
    """Whether all of a transaction is in the capture so far."""
    return (
        known is not None
        and known.start is not None
        and not known.missing
        and not state.has_gap
        and state.station.missed < known.start.n
    )


# --- the order of events ---


@rule(
    "TX2-001",
    "A transaction does not begin with Started",
    ERROR,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("E01, E02, E03, §1.3.2.1"),
    hint="the first event of a transaction has eventType Started, and the lowest seqNo",
    needs="start",
    versions=V2X,
)
def not_started(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.id is None:
        return None
    if seen.known is None and seen.kind in (UPDATED, ENDED):
        if seen.seq_no == 0:
            return Report(f"{seen.kind} with seqNo 0 is the first of transaction {seen.id}", seen.id)
        return Report(f"the capture does not hold the start of transaction {seen.id}", seen.id, INFO)
    known = seen.known
    if (
        known is None
        or seen.kind != STARTED
        or known.start is not None
        or known.latest is None
        or known.latest.session is not event.session
    ):
        return None
    if seen.seq_no is not None and known.seq_no is not None and seen.seq_no <= known.seq_no:
        return None  # it was late, and says so; TX2-006 tells
    return Report(
        f"Started of transaction {seen.id} comes after other events", seen.id, None, numbers_of(known.latest)
    )


@rule(
    "TX2-002",
    "An event after Ended",
    ERROR,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("E06"),
    hint="nothing follows Ended; begin a new transaction with an id of its own",
    needs="session",
    versions=V2X,
)
def after_ended(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known = seen.known
    if known is None or known.stop is None or seen.is_repeated or seen.kind == STARTED:
        return None
    if seen.seq_no is None or known.seq_no is None or seen.seq_no <= known.seq_no:
        return None  # it came late
    return Report(
        f"{seen.kind} of transaction {seen.id}, which has ended", known.id or "", None, numbers_of(known.stop)
    )


@rule(
    "TX2-003",
    "A transaction starts twice",
    ERROR,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("E01.FR.08"),
    hint="send Started once; each new transaction has an id of its own",
    needs="session",
    versions=V2X,
)
def started_twice(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known = seen.known
    if (
        known is None
        or seen.kind != STARTED
        or known.start is None
        or known.stop is not None
        or seen.is_repeated
    ):
        return None
    before = whole(fields(known.start.payload).get("seqNo"))
    if before == seen.seq_no:
        return None  # TX2-006
    said = f"Started of transaction {seen.id} with seqNo {before} and {seen.seq_no}"
    return Report(said, known.id or "", None, numbers_of(known.start))


@rule(
    "TX2-004",
    "A transactionId is used again",
    ERROR,
    on_call("TransactionEvent", gate=BEGINS),
    source=part_2("E01.FR.08"),
    hint="make ids that never come again, also not after a reboot: a UUID does",
    needs="session",
    versions=V2X,
)
def id_used_again(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known = seen.known
    if known is None and seen.kind == STARTED and seen.id is not None:
        begun = state.station.transactions.stopped.get(hash(seen.id))  # so long ago that only this is kept
        if not begun or begun == content_of_event(seen.payload):
            return None
        return Report(f"{seen.id} is the id of a transaction that has ended", seen.id)
    if known is None or seen.kind != STARTED or known.stop is None or seen.is_repeated:
        return None
    if (
        known.start is None
        and seen.seq_no is not None
        and known.seq_no is not None
        and seen.seq_no < known.seq_no
    ):
        return None  # the start of the one that has ended, late
    return Report(
        f"{seen.id} is the id of a transaction that has ended",
        known.id or "",
        None,
        numbers_of(known.start, known.stop),
    )


@rule(
    "TX2-005",
    "An event of a transaction is missing",
    ERROR,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("§1.3.2.1, E02.FR.07, E12.FR.04, E12.FR.05"),
    hint="seqNo counts up by 1 with each event; only Updated events may be dropped, and only while offline",
    needs="session",
    versions=V2X,
)
def event_missing(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known, number = seen.known, seen.seq_no
    if known is None or number is None or known.seq_no is None or number <= known.seq_no + 1 or state.has_gap:
        return None
    latest = known.latest
    if latest is not None and latest.n < state.station.missed:
        return None  # it may be among what is missing from the capture
    was_offline = seen.payload.get("offline") is True or (
        latest is not None
        and (latest.session is not event.session or fields(latest.payload).get("offline") is True)
    )
    severity: Severity | None = WARNING if was_offline else None
    return Report(
        f"seqNo {number} of transaction {seen.id} follows {known.seq_no}",
        known.id or "",
        severity,
        numbers_of(known.latest),
    )


@rule(
    "TX2-006",
    "seqNo goes back",
    WARNING,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("§1.3.2.1, E13.FR.02"),
    hint="events go out in the order of their seqNo, each with a number of its own; a retry has the same content",
    needs="session",
    versions=V2X,
)
def seq_no_goes_back(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known, number = seen.known, seen.seq_no
    if known is None or number is None or known.seq_no is None or number > known.seq_no or seen.is_repeated:
        return None
    if known.stop is not None and seen.kind == STARTED and known.start is not None:
        return None  # TX2-004
    if number in known.seen:
        said = f"seqNo {number} of transaction {seen.id} again, with other content"
    else:
        said = f"seqNo {number} of transaction {seen.id} after {known.seq_no}"
    return Report(said, known.id or "", None, numbers_of(known.latest))


@rule(
    "TX2-007",
    "The first seqNo is not 0",
    INFO,
    on_call("TransactionEvent", gate=OUT_OF_TURN),
    source=part_2("§1.3.2.1"),
    hint="begin each transaction with seqNo 0; a count that goes on over all transactions is allowed too",
    versions=V2X,
)
def first_is_not_0(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.known is not None or seen.kind != STARTED or seen.seq_no in (None, 0):
        return None
    return Report(f"it is {seen.seq_no}")


# --- what an event tells ---


@rule(
    "TX2-008",
    "A change of chargingState is not told as one",
    ERROR,
    _EVENT,
    source=part_2("E01.FR.18"),
    hint="send an event with triggerReason ChargingStateChanged and the new chargingState when it changes",
    needs="session",
    versions=V2X,
)
def state_change_untold(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    now = seen.info.get("chargingState")
    if seen.trigger == "ChargingStateChanged":
        return (
            Report("triggerReason ChargingStateChanged without a chargingState", "field")
            if now is None
            else None
        )
    known = seen.known
    if seen.trigger not in PERIODIC or known is None or seen.is_repeated or not _is_next(seen):
        return None
    if now is None or known.charging_state is None or now == known.charging_state:
        return None
    return Report(
        f"{known.charging_state} → {now} is told with triggerReason {seen.trigger}",
        "trigger",
        WARNING,
        numbers_of(known.latest),
    )


def _is_next(seen: ToldEvent) -> bool:
    """Whether an event is the one after the latest."""
    known = seen.known
    return known is not None and seen.seq_no is not None and known.seq_no == seen.seq_no - 1


def _has_signed(payload: dict[str, Any]) -> bool:
    values = (
        one for value in items(payload.get("meterValue")) for one in items(fields(value).get("sampledValue"))
    )
    return any(fields(one).get("signedMeterValue") is not None for one in values)


def _lacks(seen: ToldEvent) -> str | None:
    """What an event with its triggerReason should tell, and does not."""
    payload, info, known, trigger = seen.payload, seen.info, seen.known, seen.trigger
    if trigger in PERIODIC:
        return None if payload.get("meterValue") is not None else "without a meterValue"
    if trigger == "StopAuthorized":
        is_told = payload.get("idToken") is not None or (
            known is not None and _has_told(known, "StopAuthorized")
        )
        return None if is_told else "without an idToken"
    if trigger == "Authorized":
        has_token = payload.get("idToken") is not None or known is None or known.tokens == 0  # else TX2-010
        return None if has_token else "without an idToken"
    if trigger == "RemoteStart":
        remote = info.get("remoteStartId") is not None or (
            known is not None and known.remote_start_id is not None
        )
        return None if remote or (known is not None and known.missing) else "without a remoteStartId"
    if trigger == "SignedDataReceived":
        return None if _has_signed(payload) else "without a signedMeterValue"
    if trigger == "ChargingStateChanged" and _is_next(seen) and known is not None:
        same = info.get("chargingState") is not None and info.get("chargingState") == known.charging_state
        return f"and chargingState {known.charging_state} as before" if same else None
    return None


@rule(
    "TX2-009",
    "triggerReason does not fit what is told",
    WARNING,
    _EVENT,
    source=part_2("E02.FR.17, E02.FR.20, F01, F02.FR.21; TriggerReasonEnumType"),
    hint="tell with each triggerReason what it is about",
    needs="session",
    versions=V2X,
)
def trigger_without_content(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.is_repeated or seen.trigger == "CablePluggedIn":
        return None
    lacks = _lacks(seen)
    return Report(f"triggerReason {seen.trigger} {lacks}", str(seen.trigger)) if lacks else None


_OFTEN: Final = 3


@rule(
    "TX2-010",
    "The idToken is not told where it has to be, or again and again",
    ERROR,
    _EVENT,
    source=part_2("E03.FR.01, E02.FR.20, C05.FR.05; repetition §1.5"),
    hint="tell the idToken in the first event after it was authorised, and only there",
    needs="session",
    versions=V2X,
)
def id_token(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known, tokens = seen.known, 0 if seen.known is None else seen.known.tokens
    has_token = seen.payload.get("idToken") is not None
    if (
        not has_token
        and seen.trigger in ("Authorized", "RemoteStart")
        and not tokens
        and not seen.is_repeated
    ):
        if known is not None and known.missing:
            return None
        return Report(f"{seen.trigger} of transaction {seen.id} without an idToken", "absent")
    is_often = has_token and seen.kind == UPDATED and tokens >= _OFTEN
    if is_often and known is not None and len(known.seen) <= tokens:
        return Report("each event repeats the idToken", "repeated", INFO)
    return None


_CONNECTED: Final = ("EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE")


@rule(
    "TX2-011",
    "The EVSE is not told where it has to be, or again and again",
    ERROR,
    _EVENT,
    source=part_2("E01.FR.16; repetition §1.5"),
    hint="tell evse.id and connectorId in the first event after the EV was plugged in, and only there",
    needs="session",
    versions=V2X,
)
def evse(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known, place = seen.known, fields(seen.payload.get("evse"))
    may_be_told = (seen.kind != STARTED) if known is None else known.missing  # before the capture began
    if not place:
        if seen.is_repeated or may_be_told or (known is not None and known.place[0] is not None):
            return None
        now = seen.info.get("chargingState")
        is_now_connected = now in _CONNECTED and (known is None or known.charging_state not in _CONNECTED)
        if seen.trigger != "CablePluggedIn" and not is_now_connected:
            return None
        told_of = "CablePluggedIn" if seen.trigger == "CablePluggedIn" else f"chargingState {now}"
        return Report(f"{told_of} of transaction {seen.id} without an evse", "absent")
    if (
        place.get("connectorId") is None
        and seen.trigger == "CablePluggedIn"
        and not may_be_told
        and not (known and known.place[1])
    ):
        return Report(f"CablePluggedIn of transaction {seen.id} without a connectorId", "absent")
    is_often = seen.kind == UPDATED and known is not None and len(known.seen) > _OFTEN
    if is_often and known is not None and known.places >= len(known.seen):
        return Report("each event repeats the evse", "repeated", INFO)
    return None


_NOT_LOCAL: Final = frozenset(
    "AbnormalCondition CostLimitReached Deauthorized EVConnectTimeout EnergyLimitReached RemoteStop ResetCommand"
    " SoCLimitReached TimeLimitReached".split()
)


@rule(
    "TX2-012",
    "Ended without a stoppedReason",
    WARNING,
    on_call("TransactionEvent", gate=ENDS),
    source=part_2("E06.FR.08, §1.5"),
    hint="only Local may be left out",
    versions=V2X,
)
def no_stopped_reason(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.kind != ENDED or seen.trigger not in _NOT_LOCAL or seen.info.get("stoppedReason") is not None:
        return None
    if seen.is_repeated:
        return None
    return Report(f"its triggerReason is {seen.trigger}, which is not Local", str(seen.trigger))


def _asked_since(state: SessionState, known: Transaction, *actions: str) -> bool:
    """Whether the CSMS sent one of some requests since a transaction began."""
    requests = [state.station.requests.get(action) for action in actions]
    start = known.start.n if known.start else 0
    return any(one is not None and one.call.n > start for one in requests)


_STOPS: Final = "TX2-013 stops"
"""By transactionId: the number of the RequestStopTransaction."""


@learns(on_call("RequestStopTransaction"))
def learn_stop(event: Message, state: SessionState) -> None:
    identity = identifier(fields(event.payload).get("transactionId"))
    if identity is not None:
        state.station.noted.setdefault(_STOPS, Recent(50))[identity] = event.n


def _has_told(known: Transaction, trigger: str) -> bool:
    """Whether one of its latest events had that triggerReason."""
    return any(signed[2] == trigger for signed in known.seen.values())


def _is_refused(state: SessionState, known: Transaction) -> bool:
    """Whether the latest word on its token, in whatever answer, is another than Accepted."""
    found = state.station.authorizations.get(known.token or "")
    return found is not None and found.status != "Accepted"


@rule(
    "TX2-013",
    "stoppedReason does not fit what happened",
    WARNING,
    on_call("TransactionEvent", gate=ENDS),
    source=part_2("F03.FR.03, B12, E03.FR.05, E05.FR.10"),
    hint="tell what made the transaction stop, as ReasonEnumType has it",
    needs="session",
    versions=V2X,
)
def stopped_reason(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.kind != ENDED or seen.is_repeated:
        return None
    known, reason = seen.known, seen.info.get("stoppedReason")
    said = None
    if reason == "Timeout" and seen.trigger != "EVConnectTimeout":
        if known is not None and (known.missing or _has_told(known, "EVConnectTimeout")):
            return None
        said = f"Timeout, with triggerReason {seen.trigger}"
    elif known is not None and _is_whole(known, state):
        stops: Recent[str, int] = state.station.noted.get(_STOPS) or Recent(1)
        if reason == "Remote" and seen.id not in stops:
            said = "Remote, and the CSMS sent no RequestStopTransaction"
        elif reason == "ImmediateReset" and not _asked_since(state, known, "Reset"):
            said = "ImmediateReset, and the CSMS sent no Reset"
        elif reason == "DeAuthorized" and known.status == "Accepted" and not _is_refused(state, known):
            said = "DeAuthorized, and the CSMS accepted the idToken"
    return Report(f"{said}: transaction {seen.id}", str(reason)) if said else None


@rule(
    "TX2-014",
    "A stoppedReason before the end",
    WARNING,
    _EVENT,
    source=part_2("§1.5; TransactionType"),
    hint="tell it with Ended only",
    versions=V2X,
)
def early_stopped_reason(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.kind not in (STARTED, UPDATED) or seen.info.get("stoppedReason") is None or seen.is_repeated:
        return None
    return Report(f"{seen.info['stoppedReason']} in {seen.kind}", str(seen.kind))


_OFFLINE_MARGIN: Final = 2 * MINUTE


@rule(
    "TX2-015",
    "offline is not what it was",
    ERROR,
    on_call("TransactionEvent"),
    source=part_2("E04.FR.03, E12.FR.02"),
    hint="offline is true for what happened while there was no connection, and left out for all else",
    needs="time",
    versions=V2X,
)
def offline(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    opened, then, ahead = state.opened, seen.time, state.station.csms_ahead
    if ahead is None:
        return None  # whether the clocks agree is not known
    if opened is None or opened.time is None or state.session.late or then is None or event.time is None:
        return None
    since = then - ahead - opened.time
    if seen.payload.get("offline") is True:
        if since <= _OFFLINE_MARGIN or then - ahead > event.time + _OFFLINE_MARGIN:
            return None
        return Report(f"offline is true {duration(since)} after the session began", "offline")
    away = state.station.offline_since
    if since >= -_OFFLINE_MARGIN or away is None or then - ahead < away + _OFFLINE_MARGIN or seen.is_repeated:
        return None
    return Report(
        f"it happened {duration(-since)} before the session began, and offline is not true", "online"
    )


_MEASURANDS: Final[Mapping[str, str]] = {STARTED: "TxStartedMeasurands", ENDED: "TxEndedMeasurands"}
_CONTEXTS: Final[Mapping[str, str]] = {STARTED: "Transaction.Begin", ENDED: "Transaction.End"}


@rule(
    "TX2-016",
    "No meter values at the start or the end",
    WARNING,
    _EVENT,
    source=part_2("E01.FR.09, E06.FR.11, E15.FR.01"),
    hint="Started and Ended have the measurands that are configured, with context Transaction.Begin or Transaction.End",
    needs="session",
    versions=V2X,
)
def no_values(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    variable = _MEASURANDS.get(seen.kind or "")
    if variable is None or not state.station.configuration.get(variable, "").strip() or seen.is_repeated:
        return None
    if state.station.meters.known.get("Enabled", "").lower() == "false":
        return None
    if not fields(seen.payload.get("evse")) and (
        seen.kind == STARTED or (seen.known is not None and seen.known.place[0] is None)
    ):
        return None  # whose meter it would be is not known yet
    context = _CONTEXTS[seen.kind or ""]
    values = [fields(one) for value in items(seen.payload.get("meterValue")) for one in _samples(value)]
    if any(one.get("context") == context for one in values):
        return None
    said = f"no value with context {context}" if values else "no meterValue"
    return Report(f"{said}; {variable} is set", str(seen.kind))


def _samples(value: Any) -> list[Any]:
    return items(fields(value).get("sampledValue"))


@rule(
    "TX2-017",
    "Two transactions at one EVSE",
    ERROR,
    on_call("TransactionEvent", gate=BEGINS),
    source=part_2("E01.FR.14"),
    hint="an EVSE serves one EV: end the transaction before the next one starts",
    needs="session",
    versions=V2X,
)
def two_at_one_evse(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    place = whole(fields(seen.payload.get("evse")).get("id"))
    if seen.kind != STARTED or seen.known is not None or not place or state.has_gap:
        return None
    other = state.station.transactions.at.get((place, None))
    if other is None or not other.is_open or other.id == seen.id or not _is_whole(other, state):
        return None
    if other.latest is not None and other.latest.session is not event.session:
        return None  # its end may wait in the station's queue
    return Report(
        f"{seen.id} starts at EVSE {place} while {other.id} runs there",
        f"EVSE {place}",
        None,
        numbers_of(other.start),
    )


_LINES: Final = frozenset({"L1", "L2", "L3", "L1-N", "L2-N", "L3-N"})
_FLOWS: Final = frozenset({"Current.Import", "Power.Active.Import"})


@rule(
    "TX2-018",
    "numberOfPhasesUsed is not what the meter shows",
    INFO,
    _EVENT,
    source=part_2("E02.FR.18, E02.FR.19"),
    hint="tell it when it changes: the CSMS reckons limits with it",
    needs="session",
    versions=V2X,
)
def phases_used(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    used = seen.payload.get("numberOfPhasesUsed")
    if used is None or type(used) is not int or seen.kind == ENDED:  # that has the values of all of it
        return None
    lines = {
        str(one.get("phase"))[:2]
        for value in items(seen.payload.get("meterValue"))
        for one in map(fields, _samples(value))
        if text(one.get("measurand")) in _FLOWS
        and text(one.get("phase")) in _LINES
        and _flows(one.get("value"))
    }
    if not lines or len(lines) <= used:
        return None
    return Report(f"numberOfPhasesUsed is {used}, and {', '.join(sorted(lines))} carry current")


def _flows(value: Any) -> bool:
    """Whether a value is more than the noise of a meter, in A or W."""
    return type(value) in (int, float) and value > 1


@rule(
    "TX2-019",
    "A transaction does not name its reservation",
    WARNING,
    on_call("TransactionEvent", gate=WITH_TOKEN),
    source=part_2("E01.FR.13, H01.FR.15"),
    hint="the event in which the reserved idToken is used has the reservationId",
    needs="session",
    versions=V2X,
)
def reservation_not_named(event: Message, state: SessionState) -> Report | None:
    if not state.station.reservations:
        return None
    seen = told_event(event, state)
    token, place = token_of(seen.payload), whole(fields(seen.payload.get("evse")).get("id"))
    if token is None or seen.payload.get("reservationId") is not None or seen.kind == ENDED:
        return None
    if place is None and seen.known is not None:
        place = seen.known.place[0]
    if seen.known is not None and (seen.known.tokens or seen.known.missing):
        return None
    reservations, when = state.station.reservations, seen.time
    for known in (reservations.at((place, None), event.time), reservations.at((None, None), event.time)):
        if known is None or known.token != token:
            continue
        if when is not None and known.time is not None and when < known.time:
            continue  # it was queued
        return Report(f"reservation {known.id} of EVSE {place} is for this idToken", "", None, (known.n,))
    return None


# --- what the CSMS is told and answers ---


@rule(
    "TX2-020",
    "GetTransactionStatus is not answered as it is",
    ERROR,
    on_answer("GetTransactionStatus"),
    source=part_2("E14.FR.01 to E14.FR.08"),
    hint="ongoingIndicator tells whether the transaction runs, and is left out where no transactionId was asked for",
    needs="session",
    versions=V2X,
)
def transaction_status(event: Message, state: SessionState) -> Report | None:
    if event.type != CALLRESULT or event.call is None:
        return None
    ongoing, identity = (
        fields(event.payload).get("ongoingIndicator"),
        identifier(asked(event).get("transactionId")),
    )
    if identity is None:
        return (
            None
            if ongoing is None
            else Report("ongoingIndicator, and no transactionId was asked for", "no id")
        )
    known = state.station.transactions.find(identity)
    if known is None or known.latest is None or known.latest.n > event.call.n or type(ongoing) is not bool:
        return None
    if ongoing is known.is_open:
        return None
    if not ongoing and (state.is_partial or state.station.missed > known.latest.n):
        return None  # its end may be among what is missing
    said = "runs" if known.is_open else "has ended"
    if ongoing is False and fields(event.payload).get("messagesInQueue") is True:
        return None  # its end waits in the queue
    return Report(
        f"ongoingIndicator is {str(ongoing).lower()}, and transaction {identity} {said}",
        identity,
        None,
        numbers_of(known.latest, event.call),
    )


@rule(
    "TX2-021",
    "The CSMS does not say whether it accepts the idToken",
    ERROR,
    on_answer("TransactionEvent"),
    source=part_2("E01.FR.12, E02.FR.02"),
    hint="answer an event that has an idToken with idTokenInfo",
    needs="exchange",
    versions=V2X,
)
def no_id_token_info(event: Message, state: SessionState) -> Report | None:
    payload = asked(event)
    if event.type != CALLRESULT or payload.get("idToken") is None or payload.get("eventType") == ENDED:
        return None
    if type(event.payload) is not dict or event.payload.get("idTokenInfo") is not None:
        return None
    return Report("no idTokenInfo", "", None, numbers_of(event.call))


_ENDED_WITHIN: Final = 600


@rule(
    "TX2-022",
    "A transaction is not ended after a boot",
    WARNING,
    on_answer("BootNotification"),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source=part_2("E06, E08"),
    hint="a station that lost its power ends, or resumes, what was running when it is back",
    needs="session",
    versions=V2X,
)
def not_ended_after_boot(event: Message, state: SessionState) -> None:
    station = state.station
    if event.call is None:
        meet(station, "TX2-022", told_event(event, state).id)
        return
    if fields(event.payload).get("status") != "Accepted" or event.call.session is not event.session:
        return
    if station.registration.reason in ("Triggered", None, "Unknown"):
        return
    for one in station.transactions.running()[:20]:
        if one.id is None or one.start is None or one.latest is None or one.latest.session is event.session:
            continue
        report = Report(
            f"transaction {one.id} ran before the boot, and nothing was told of it within {_ENDED_WITHIN // 60} min",
            one.id,
            None,
            numbers_of(one.start),
        )
        expect(
            state,
            "TX2-022",
            one.id,
            _ENDED_WITHIN,
            unless_lost(state, report),
            event,
        )


@rule(
    "TX2-023",
    "A meter value is older than its event",
    WARNING,
    on_call("TransactionEvent"),
    source=part_2("J02.FR.10"),
    hint="the values of an event were sampled when it happened, within the sampling interval",
    needs="session",
    versions=V2X,
)
def old_values(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    if seen.kind == ENDED or "TxUpdatedInterval" not in state.station.configuration:
        return None  # it has the values of the whole transaction
    interval = state.station.number("TxUpdatedInterval")
    then = seen.time
    if not interval or interval < 0 or then is None:
        return None
    for value in items(seen.payload.get("meterValue"))[:100]:
        sampled_at = told(fields(value).get("timestamp"))
        if sampled_at is not None and then - sampled_at > (interval + 5) * SECOND:
            return Report(f"sampled {duration(then - sampled_at)} before; TxUpdatedInterval is {interval} s")
    return None


# --- limits (2.1) ---

_LIMITS: Final = ("maxCost", "maxEnergy", "maxTime", "maxSoC")


def _limits(value: Any) -> dict[str, float]:
    known = fields(value)
    return {
        name: known[name]
        for name in _LIMITS
        if type(known.get(name)) in (int, float) and abs(known[name]) < 1e15
    }


@rule(
    "TX2-024",
    "A limit of the CSMS is not taken over",
    ERROR,
    on_answer("TransactionEvent", gate=says_something),
    _EVENT,
    source="OCPP 2.1 part 2 E16.FR.02, E16.FR.03, E16.FR.04, E16.FR.12",
    hint="the station tells a limit that it was given with triggerReason LimitSet, and never raises it",
    needs="time",
    versions=(V21,),
)
def limit_not_set(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        limits = _limits(fields(event.payload).get("transactionLimit"))
        identity = identifier(fields(asked(event).get("transactionInfo")).get("transactionId"))
        known = state.station.transactions.find(identity)
        if not limits or known is None or not known.is_open:
            return None
        if all(known.noted.get(("limit", name)) == value for name, value in limits.items()):
            return None
        known.noted.update({("limit", name): value for name, value in limits.items()})
        known.noted["limited"] = event.time
        shown = ", ".join(f"{name} {value:g}" for name, value in limits.items())
        report = Report(f"no event with triggerReason LimitSet within 60 s of {shown}", identity or "")
        expect(
            state,
            "TX2-024",
            identity,
            60,
            lambda: None if state.has_gap or not known.is_open else report,
            event,
        )
        return None
    seen = told_event(event, state)
    if seen.trigger == "LimitSet" or seen.kind == ENDED:
        meet(state.station, "TX2-024", seen.id)
    if seen.known is None:
        return None
    for name, value in _limits(seen.info.get("transactionLimit")).items():
        set_by_csms = seen.known.noted.get(("limit", name))
        if set_by_csms is not None and value > set_by_csms:
            return Report(f"the station sets {name} to {value:g}, the CSMS had set {set_by_csms:g}", name)
    return None


_REACHED: Final[Mapping[str, str]] = {
    "CostLimitReached": "maxCost",
    "EnergyLimitReached": "maxEnergy",
    "TimeLimitReached": "maxTime",
    "SoCLimitReached": "maxSoC",
}
_NEARLY: Final = 0.9
_CLEARLY: Final = 1.1


def _used(seen: ToldEvent) -> Iterator[tuple[str, float]]:
    """How much of each limit is used, as far as the event and the start tell."""
    known, start = seen.known, seen.known.start if seen.known else None
    if known is None or start is None:
        return
    began, now = told(fields(start.payload).get("timestamp")), seen.time
    if began is not None and now is not None:
        yield "maxTime", (now - began) / SECOND
    first = [
        value for _, _, kind, value in sampled(fields(start.payload).get("meterValue")) if kind == ENERGY
    ]
    readings = sampled(seen.payload.get("meterValue"))
    last = [value for _, _, kind, value in readings if kind == ENERGY]
    if first and last:
        yield "maxEnergy", last[-1] - first[0]
    for _, _, kind, value in readings:
        if kind == SOC:
            yield "maxSoC", value


def _is_before_a_limit(seen: ToldEvent, event: Message) -> bool:
    """Whether an event came about before the station could know the latest limit and stop."""
    if seen.known is None or "limited" not in seen.known.noted:
        return False
    since: int | None = seen.known.noted["limited"]
    then = seen.time
    if since is None or event.time is None or then is None:
        return True
    return min(then, event.time) < since + MINUTE


@rule(
    "TX2-025",
    "A limit and what was used do not fit",
    ERROR,
    on_call("TransactionEvent"),
    source="OCPP 2.1 part 2 E16.FR.05, E16.FR.06",
    hint="the station stops charging at the limit and says so, neither before nor after",
    needs="session",
    versions=(V21,),
)
def limit_and_use(event: Message, state: SessionState) -> Report | None:
    seen = told_event(event, state)
    known = seen.known
    if known is None or not (known.noted or tells_more(event, state)) or seen.is_repeated:
        return None
    own: dict[str, float] = known.noted.setdefault("own limits", {})
    if not own and known.start is not None:
        own.update(
            _limits(fields(fields(known.start.payload).get("transactionInfo")).get("transactionLimit"))
        )
    own.update(_limits(seen.info.get("transactionLimit")))
    limits = {
        name: [one for one in (own.get(name), known.noted.get(("limit", name))) if one is not None]
        for name in _LIMITS
    }
    reached = _REACHED.get(seen.trigger) if seen.trigger else None
    if reached is not None:
        known.noted["reached", reached] = event.n
    if not any(limits.values()):
        return None
    is_new = _is_before_a_limit(seen, event)
    for name, used in _used(seen):
        if not limits[name] or min(limits[name]) <= 0:
            continue
        least, limit = min(limits[name]), max(limits[name])
        if reached == name and used < least * _NEARLY:
            return Report(f"{seen.trigger} at {used:g}; {name} is {least:g}", name)
        if (
            used > limit * _CLEARLY
            and not is_new
            and seen.kind == UPDATED
            and seen.info.get("chargingState") == "Charging"
            and ("reached", name) not in known.noted
        ):
            return Report(f"charging goes on at {used:g}; {name} is {limit:g}", name)
    return None


_RESUMED_WITHIN: Final = 600


@rule(
    "TX2-026",
    "A transaction is not resumed as it was asked for",
    WARNING,
    on_answer("Reset"),
    on_call("BootNotification"),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source="OCPP 2.1 part 2 B13.FR.01 to B13.FR.04, E17.FR.01, E17.FR.02",
    hint="ImmediateAndResume: tell Updated with ResetCommand, boot, then Updated with TxResumed, or Ended",
    needs="time",
    versions=(V21,),
)
def not_resumed(event: Message, state: SessionState) -> None:
    station = state.station
    if event.action == "TransactionEvent":
        seen = told_event(event, state)
        if seen.trigger == "TxResumed" or seen.kind == ENDED:
            meet(station, "TX2-026", seen.id)
        return
    request = station.requests.get("Reset")
    if event.call is not None or request is None or request.status != "Accepted":
        return
    boot = station.registration.call
    if request.asked.get("type") != "ImmediateAndResume" or (boot is not None and boot.n > request.call.n):
        return
    if request.asked.get("evseId") is not None:
        return  # the reset of an EVSE is no boot
    interrupted = []
    for one in station.transactions.running()[:20]:
        if one.id is None or one.start is None or one.latest is None or one.start.n > request.call.n:
            continue
        interrupted.append(one)
        report = Report(f"no TxResumed of transaction {one.id} within {_RESUMED_WITHIN // 60} min", one.id)
        expect(
            state,
            "TX2-026",
            one.id,
            _RESUMED_WITHIN,
            unless_lost(state, report),
            event,
        )
    if not interrupted or state.is_partial:
        return

    def verdict() -> Report | None:
        untold = [str(one.id) for one in interrupted if not _has_told(one, "ResetCommand")]
        if not untold or is_held_up(state, event):
            return None
        return Report(
            f"no event with ResetCommand of transaction {', '.join(untold[:5])}, neither before the boot nor after it",
            "ResetCommand",
        )

    expect(state, "TX2-026", "ResetCommand", _RESUMED_WITHIN, verdict, event)
