"""TX16: charging transactions of OCPP 1.6 (section G of the catalogue), and messages that block a queue."""

from collections.abc import Mapping
from typing import Any, Final

from ocppscope.events import CALL, CALLERROR, CALLRESULT, FROM_STATION, Closed, Message
from ocppscope.ocpp.lenient import fields, identifier, items, text, told, whole
from ocppscope.ocpp.times import DAY, HOUR, MINUTE, SECOND, duration, timestamp
from ocppscope.ocpp.versions import V16
from ocppscope.rules.expectations import look_again
from ocppscope.rules.gates import held_up, reserved
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Profile,
    Report,
    Severity,
    learns,
    numbers_of,
    on_answer,
    on_call,
    on_event,
    rule,
)
from ocppscope.rules.sources import HEURISTIC
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import ACCEPTED, info_of, token_of
from ocppscope.rules.tables.connectors import AVAILABLE, RESERVED
from ocppscope.rules.tables.deliveries import SENT, Delivery
from ocppscope.rules.tables.reservations import Reservation
from ocppscope.rules.tables.transactions import (
    LOCAL,
    NO_ID,
    Transaction,
    content_of_start,
    content_of_stop,
    is_astray,
    repeats,
)
from ocppscope.rules.waiting import is_held_up

_QUEUED: Final = ("StartTransaction", "StopTransaction", "MeterValues")
"""What may be related to a transaction: it is queued, and sent until it arrives (1.6 §3.7)."""


def _named(one: Transaction) -> str:
    """A transaction, for people."""
    where = "" if one.place[1] is None else f" on connector {one.place[1]}"
    return f"transaction {one.id[:40]}{where}" if one.id else f"the transaction{where} without an id"


def _since(message: Message) -> str:
    """When a message was captured, or else its number."""
    return _clock(message.time) or f"message {message.n}"


def _clock(time: int | None) -> str:
    return (timestamp(time) or "").partition(".")[0]


def _is_seen_whole(one: Transaction, state: SessionState) -> bool:
    """Whether nothing of it can be missing from the capture."""
    return one.start is not None and one.start.n > state.station.missed and not one.missing


# --- StartTransaction ---------------------------------------------------------------------------------------


def _starts_oddly(event: Message, state: SessionState) -> bool:
    """A gate: anything but a start, told at once, on a connector that was free, where the meter was before."""
    payload, known = fields(event.payload), state.station.transactions
    connector, meter, started = (
        payload.get("connectorId"),
        payload.get("meterStart"),
        told(payload.get("timestamp")),
    )
    if type(connector) is not int or connector <= 0 or type(meter) is not int or started is None:
        return True
    place = None, connector
    last = known.last.get(place)
    return (
        place in known.at
        or (last is not None and last.meter_stop is not None and meter < last.meter_stop)
        or event.time is None
        or event.time - started >= _QUEUED_FOR
    )


_ODD_START: Final = on_call("StartTransaction", gate=_starts_oddly)
_QUEUED_FOR: Final = 2 * MINUTE


@rule(
    "TX16-001",
    "A transaction starts on no connector",
    ERROR,
    _ODD_START,
    source="OCPP 1.6 §6.45",
    hint="the station has to name the connector, from 1 on; 0 is the station as a whole",
    versions=(V16,),
)
def on_no_connector(event: Message, state: SessionState) -> Report | None:
    connector = fields(event.payload).get("connectorId")
    if type(connector) is not int or connector > 0:
        return None
    return Report(f"StartTransaction has the connectorId {connector}")


@rule(
    "TX16-004",
    "A transaction starts where another one runs",
    WARNING,
    _ODD_START,
    source="OCPP 1.6 §4.8",
    hint="the station has to send the StopTransaction of the earlier one first; the CSMS has to close it by itself",
    needs="session",
    versions=(V16,),
)
def second_start(event: Message, state: SessionState) -> Report | None:
    connector = whole(fields(event.payload).get("connectorId"))
    here = state.station.transactions.at.get((None, connector))
    if not connector or here is None or here.start is None or repeats(event, here):
        return None  # on connector 0 is TX16-001
    detail = (
        f"StartTransaction on connector {connector}, where {_named(here)} runs since {_since(here.start)}"
    )
    severity: Severity | None = None
    if not _is_seen_whole(here, state):
        detail, severity = f"{detail}; its StopTransaction may be missing from the capture", INFO
    elif here.id is None:
        detail, severity = f"{detail}: its StartTransaction was never confirmed", INFO
    return Report(detail, f"connector {connector}", severity, numbers_of(here.start))


@rule(
    "TX16-010",
    "The meter is lower than at the end before",
    WARNING,
    _ODD_START,
    source="OCPP 1.6 §7.31",
    hint="send the meter's lifetime register; where it counts each session from 0, the CSMS must not add up starts",
    field=INFO,
    needs="session",
    versions=(V16,),
)
def meter_went_back(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    connector, meter = whole(payload.get("connectorId")), whole(payload.get("meterStart"))
    last = state.station.transactions.last.get((None, connector))
    if connector is None or meter is None or last is None or last.meter_stop is None or last.stop is None:
        return None
    if meter >= last.meter_stop or repeats(event, last):
        return None
    detail = f"meterStart is {meter} Wh on connector {connector}, where {_named(last)} ended at {last.meter_stop} Wh"
    return Report(detail, f"connector {connector}", events=numbers_of(last.stop))


@rule(
    "TX16-015",
    "A transaction does not name its reservation",
    ERROR,
    on_call("StartTransaction", gate=reserved),
    source="OCPP 1.6 §4.8, §5.13",
    hint="the station has to send the reservationId of ReserveNow, which ends the reservation",
    needs="session",
    versions=(V16,),
)
def no_reservation(event: Message, state: SessionState) -> Report | None:
    station = state.station
    payload = fields(event.payload)
    if payload.get("reservationId") is not None:
        return None
    connector, token, start = (
        whole(payload.get("connectorId")),
        token_of(payload),
        told(payload.get("timestamp")),
    )
    for one in reversed(station.reservations.values()):
        if (
            one.place[1] in (0, connector)
            and one.token == token
            and _is_surely_live(one, event, start, state)
        ):
            shows = station.connectors.get((None, connector))
            is_reserved = shows is not None and shows.n > one.n and RESERVED in (shows.status, shows.before)
            return Report(
                f"StartTransaction on connector {connector} has no reservationId, "
                f"where reservation {one.id} is live for its idTag",
                f"reservation {one.id}",
                None if is_reserved else WARNING,
                (one.n,),
            )
    return None


def _is_surely_live(one: Reservation, event: Message, start: int | None, state: SessionState) -> bool:
    """Live by both clocks, and neither a fault, a reboot nor a hole in the capture since."""
    station = state.station
    booted = station.registration.call
    if one.ended is not None or one.is_released or one.expiry is None:
        return False
    if station.missed > one.n or (booted and booted.n > one.n):
        return False
    if event.time is None or one.time is None or start is None:
        return False
    return one.time <= start < one.expiry and event.time < one.expiry


@rule(
    "TX16-022",
    "A transaction was queued before it was told",
    INFO,
    _ODD_START,
    source="OCPP 1.6 §3.5, §3.7",
    hint="the station was offline, or its StartTransaction got no answer before; else its clock is behind",
    needs="time",
    versions=(V16,),
)
def queued_start(event: Message, state: SessionState) -> Report | None:
    started = told(fields(event.payload).get("timestamp"))
    if started is None or event.time is None or event.time - started < _QUEUED_FOR:
        return None
    age = duration(event.time - started)
    return Report(f"StartTransaction says {_clock(started)}, {age} before it was sent")


# --- the transactionId --------------------------------------------------------------------------------------


@rule(
    "TX16-006",
    "One transactionId for two transactions",
    ERROR,
    on_answer("StartTransaction"),
    source="OCPP 1.6 §4.8, errata 3.54",
    hint="the CSMS has to give each transaction an id of its own, also after a restart; a repeated start keeps its id",
    needs="exchange",
    versions=(V16,),
)
def id_given_twice(event: Message, state: SessionState) -> Report | None:
    if event.type != CALLRESULT or event.call is None:
        return None
    payload, known = fields(event.payload), state.station.transactions
    identity = identifier(payload.get("transactionId"))
    if identity is None:
        return None
    earlier = known.handed.get(hash(identity))
    asked = fields(event.call.payload)
    if earlier is None or not asked:
        return None
    content = content_of_start(asked)
    one, before = known.starting.get(event.call.n), known.find(identity)
    is_running = hash(identity) not in known.stopped
    # The same start again, or again with a clock that was set meanwhile.
    if content == earlier or (one is not None and one is before):
        return None
    if is_running and content & 0xFFFFFFFF == earlier & 0xFFFFFFFF:
        return None
    place = f"the transaction on connector {str(asked.get('connectorId'))[:20]}"
    detail = f"{place} got the transactionId {identity[:40]}, which an earlier one had"
    if before is not None and before.start is not None:
        detail += f": that of {_since(before.start)} on connector {before.place[1]}"
    refused = text(info_of(payload).get("status")) not in (None, ACCEPTED)
    if refused:
        detail += "; its start was refused"
    proof = numbers_of(before.start if before else None, event.call)
    return Report(detail, f"transaction {identity[:40]}", INFO if refused else None, proof)


_REFUSED_ID: Final[Mapping[Profile, Severity]] = {"strict": WARNING, "field": INFO}


@rule(
    "TX16-007",
    "A transactionId that is not positive",
    WARNING,
    on_answer("StartTransaction"),
    source="OCPP 1.6 errata 3.54",
    hint="the CSMS should number transactions from 1: stations take 0 and -1 for no transaction",
    needs="exchange",
    versions=(V16,),
)
def id_not_positive(event: Message, state: SessionState) -> Report | None:
    if event.type != CALLRESULT:
        return None
    payload = fields(event.payload)
    number = whole(payload.get("transactionId"))
    if number is None or number > 0:
        return None
    status = text(info_of(payload).get("status"))
    detail = f"StartTransaction was answered with the transactionId {number}"
    if status in (None, ACCEPTED):
        return Report(detail, str(number), events=numbers_of(event.call))
    # Many answer a refused start so; the station has to stop that transaction with this id all the same.
    detail = f"{detail} and {str(status)[:20]}: the StopTransaction that follows has it too"
    return Report(detail, f"{number} refused", _REFUSED_ID, numbers_of(event.call))


_NEVER_GIVEN: Final[Mapping[str, str]] = {
    "0": "0 is what stations send where they were never told an id; -1 is the number for that",
}
_IS_IDLE: Final = frozenset({"Available", "Preparing", "Reserved"})


def _stops_oddly(event: Message, state: SessionState) -> bool:
    """A gate: anything but the stop of a running transaction that says why, by whom, and what fits its start."""
    payload = fields(event.payload)
    one = state.station.transactions.open.get(identifier(payload.get("transactionId")) or "")
    if one is None or one.meter_start is None or one.started is None:
        return True
    reason, token, meter = payload.get("reason"), token_of(payload), payload.get("meterStop")
    stopped = told(payload.get("timestamp"))
    return (
        reason is None
        or (reason == LOCAL and (token is None or token != one.token))
        or type(meter) is not int
        or meter < one.meter_start
        or stopped is None
        or stopped < one.started
    )


_ODD_STOP: Final = on_call("StopTransaction", gate=_stops_oddly)


@rule(
    "TX16-002",
    "A transaction stops that was never started",
    ERROR,
    _ODD_STOP,
    source="OCPP 1.6 §4.10, §6.49",
    hint="the station has to send the transactionId that StartTransaction.conf gave it; -1 where it got none",
    needs="start",
    versions=(V16,),
)
def unknown_id(event: Message, state: SessionState) -> Report | None:
    known = state.station.transactions
    identity = identifier(fields(event.payload).get("transactionId"))
    if identity is None or identity == "-1" or known.find(identity) is not None:
        return None
    key = hash(identity)
    if key in known.handed or key in known.stopped:
        return None
    surely = _shows_all_transactions(state)
    what = "which the CSMS gave to none" if surely else "whose StartTransaction is not in the capture"
    detail = f"StopTransaction has the transactionId {identity[:40]}, {what}"
    if meaning := _NEVER_GIVEN.get(identity):
        detail = f"{detail}: {meaning}"
    elif running := [one for one in known.running() if one.id is not None][-3:]:
        ids = ", ".join(str(one.id)[:40] for one in running)
        detail = f"{detail}; running: {ids}"
    return Report(detail) if surely else Report(detail, "before the capture", INFO)


def _shows_all_transactions(state: SessionState) -> bool:
    """Whether no transaction can run that began before the capture.

    The station has booted since, each of its connectors was then without a transaction, and it has sent one that
    began later: what it had queued came before that.
    """
    station = state.station
    accepted = station.registration.accepted
    statuses = station.transactions.first_statuses
    if accepted is None or accepted.call is None or accepted.call.n < station.missed or not statuses:
        return False
    if not _IS_IDLE.issuperset(statuses.values()) or (station.number("NumberOfConnectors") or 0) > len(
        statuses
    ):
        return False
    booted = accepted.call.n
    return any(
        _is_prompt(one) and one.start and one.start.n > booted for one in station.transactions.last.values()
    )


def _is_prompt(one: Transaction) -> bool:
    """Whether its start was told when it happened."""
    if one.start is None or one.started is None:
        return False
    return one.start.time is None or abs(one.start.time - one.started) < MINUTE


@rule(
    "TX16-003",
    "A transaction stops again",
    ERROR,
    _ODD_STOP,
    source="OCPP 1.6 §3.7.1",
    hint="the station has to forget a StopTransaction once it was answered, also over a reboot",
    needs="session",
    versions=(V16,),
)
def stopped_again(event: Message, state: SessionState) -> Report | None:
    known = state.station.transactions
    identity = identifier(fields(event.payload).get("transactionId"))
    if identity is None or identity in known.open:
        return None
    earlier = known.stopped.get(hash(identity))
    if earlier is None:
        return None
    one = known.ended.get(identity)
    stop = one.stop if one else None
    detail = f"StopTransaction of transaction {identity[:40]}, which has stopped"
    if stop is not None:
        detail = f"{detail} at {_since(stop)}"
    if earlier == content_of_stop(event) or (stop is not None and stop.payload == event.payload):
        return Report(f"{detail}: the same again", "the same", INFO, numbers_of(stop))
    changed = _changed(stop, event)
    detail = f"{detail}{', with another ' + changed if changed else ', with other content'}"
    unanswered = one is not None and one.stop_answer is None
    if unanswered:
        detail = f"{detail}; the first was not confirmed"
    return Report(detail, "another", WARNING if unanswered else None, numbers_of(stop))


def _changed(before: Message | None, after: Message) -> str:
    old, new = fields(before.payload) if before else {}, fields(after.payload)
    names = [name for name in ("reason", "meterStop", "timestamp", "idTag") if old.get(name) != new.get(name)]
    return " and ".join(names) if old else ""


@rule(
    "TX16-008",
    "A transactionId that means none",
    INFO,
    on_call("MeterValues", gate=is_astray),
    _ODD_STOP,
    source="OCPP 1.6 errata 3.18",
    hint="-1 is right where StartTransaction got no answer, and is to be accepted: look why; else leave the id out",
    needs="session",
    versions=(V16,),
)
def no_true_id(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    sent = payload.get("transactionId")
    if sent is None or (type(sent) is int and sent > 0):
        return None
    identity, known = identifier(sent), state.station.transactions
    if identity not in NO_ID or identity is None or hash(identity) in known.handed:
        return None
    if event.action == "StopTransaction":
        if identity != "-1":
            return None  # TX16-002
        one = known.stopped_by(event)
        what = "StopTransaction"
    else:
        connector = whole(payload.get("connectorId"))
        one = known.at.get((None, connector)) or None
        what = f"MeterValues of connector {connector}"
    detail, proof = _what_it_means(identity, one)
    return Report(
        f"{what} with the transactionId {identity}: {detail}", f"{event.action} {identity}", events=proof
    )


def _what_it_means(identity: str, one: Transaction | None) -> tuple[str, tuple[int, ...]]:
    if one is not None and one.id is not None:
        said = f", and {one.status[:20]}," if one.status not in (None, ACCEPTED) and one.status else ""
        proof = numbers_of(one.start, one.start_answer)
        return f"the CSMS gave{said} the id {one.id[:40]} to the transaction there", proof
    if one is not None and one.start is not None:
        refusal = one.noted.get(_REFUSAL)
        why = f"got the CallError {str(refusal.error.code)[:40]}" if refusal else "got no answer"
        return f"its StartTransaction ({_since(one.start)}) {why}", numbers_of(one.start, refusal)
    if identity == "0":
        return "no transaction runs there that the CSMS gave an id", ()
    return "its StartTransaction was lost: none without an answer is in the capture", ()


_REFUSAL: Final = "TX16-008"


@learns(on_answer("StartTransaction"))
def learn_refusal(event: Message, state: SessionState) -> None:
    """The CallError that a transaction's start got last."""
    one = state.station.transactions.starting.get(event.call.n) if event.call else None
    if one is not None and event.type == CALLERROR and event.error is not None:
        one.noted[_REFUSAL] = event


# --- StopTransaction ----------------------------------------------------------------------------------------


@rule(
    "TX16-009",
    "The meter went back during a transaction",
    ERROR,
    _ODD_STOP,
    source="OCPP 1.6 §6.45, §6.49, §7.31",
    hint="the station has to take meterStart and meterStop from one register, which only goes up, in Wh",
    needs="session",
    versions=(V16,),
)
def stops_below_start(event: Message, state: SessionState) -> Report | None:
    one = state.station.transactions.stopped_by(event)
    if one is None or one.meter_start is None:
        return None
    meter = whole(fields(event.payload).get("meterStop"))
    if meter is None or meter >= one.meter_start:
        return None
    detail = f"{_named(one)} started at {one.meter_start} Wh and stopped at {meter} Wh"
    return Report(detail, f"connector {one.place[1]}", events=numbers_of(one.start))


@rule(
    "TX16-011",
    "A transaction stops before it starts",
    WARNING,
    _ODD_STOP,
    source="OCPP 1.6 §6.45, §6.49",
    hint="the station's clock was set back during the transaction, or one of the times is in local time",
    needs="session",
    versions=(V16,),
)
def stops_before_start(event: Message, state: SessionState) -> Report | None:
    one = state.station.transactions.stopped_by(event)
    if one is None or one.started is None:
        return None
    stopped = told(fields(event.payload).get("timestamp"))
    if stopped is None or stopped >= one.started:
        return None
    by = duration(one.started - stopped)
    detail = f"{_named(one)} says {_clock(one.started)} for its start and {_clock(stopped)}, {by} before, for its stop"
    return Report(detail, f"connector {one.place[1]}", events=numbers_of(one.start))


_OF_ITSELF: Final = frozenset({"EmergencyStop", "EVDisconnected", "PowerLoss", "DeAuthorized"})
"""Reasons that come up at any time, whatever the CSMS has asked."""
_REMOTE: Final = "a RemoteStopTransaction"
_SOFT: Final = "a soft Reset"
_HARD: Final = "a hard Reset"
_UNLOCK: Final = "an UnlockConnector"
_REFUSED_START: Final = "a refused start"
_REASONS: Final[Mapping[str, frozenset[str]]] = {
    _REMOTE: frozenset({"Remote"}),
    _SOFT: frozenset({"SoftReset"}),
    _HARD: frozenset({"HardReset", "Reboot"}),
    _UNLOCK: frozenset({"UnlockCommand"}),
    _REFUSED_START: frozenset({"DeAuthorized"}),
}
"""By what happened before a transaction stopped: the reasons that say so (1.6 §7.36)."""
_AT_ONCE: Final = MINUTE
_AT_ONCE_UNSURE: Final = 10 * SECOND


@rule(
    "TX16-012",
    "The reason does not fit what happened",
    WARNING,
    on_call("StopTransaction"),
    source="OCPP 1.6 §4.10, §7.36",
    hint="the station should say why it stopped: Remote, SoftReset, HardReset, UnlockCommand, DeAuthorized",
    needs="time",
    versions=(V16,),
)
def wrong_reason(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    reason = payload.get("reason")
    if event.time is None or (reason is not None and type(reason) is not str) or reason in _OF_ITSELF:
        return None
    found = _causes(event, payload, state)
    causes = dict(found)
    if not found or any(reason in _REASONS[cause] for cause in causes) or _is_old(payload, event):
        return None
    cause, proof = next(reversed(causes.items()))
    told_reason = f"the reason {reason[:40]}" if reason is not None else f"no reason, which means {LOCAL}"
    ago = duration(event.time - proof.time) if proof.time is not None else "a moment"
    fitting = " or ".join(sorted(_REASONS[cause]))
    detail = f"StopTransaction {ago} after {cause} has {told_reason}, not {fitting}"
    return Report(detail, cause, events=numbers_of(proof))


def _is_old(payload: dict[str, Any], event: Message) -> bool:
    """Whether a message was made long before it was sent: it waited, and the latest events did not cause it."""
    made = told(payload.get("timestamp"))
    return made is not None and event.time is not None and event.time - made > MINUTE


def _causes(event: Message, payload: dict[str, Any], state: SessionState) -> list[tuple[str, Message]]:
    """What may have stopped the transaction within the last minute, and the message that shows it."""
    station = state.station
    one, asked = station.transactions.stopped_by(event), station.requests.get
    found: list[tuple[str, Message]] = []
    if one is not None and one.start_answer and one.status not in (None, ACCEPTED):
        flag = station.flag("StopTransactionOnInvalidId")
        within = 0 if flag is False else _AT_ONCE if flag else _AT_ONCE_UNSURE
        if _is_within(one.start_answer, event, within):
            found.append((_REFUSED_START, one.start_answer))
    if not station.requests:
        return found
    remote, reset, unlock = asked("RemoteStopTransaction"), asked("Reset"), asked("UnlockConnector")
    if remote and remote.answer and remote.status == ACCEPTED and _is_within(remote.answer, event, _AT_ONCE):
        identity = identifier(remote.asked.get("transactionId"))
        if identity is not None and identity == identifier(payload.get("transactionId")):
            found.append((_REMOTE, remote.answer))
    if reset and reset.answer and reset.status == ACCEPTED and _is_within(reset.answer, event, _AT_ONCE):
        booted = station.registration.call
        if booted is None or booted.n < reset.call.n:
            found.append((_HARD if reset.asked.get("type") == "Hard" else _SOFT, reset.answer))
    if (
        unlock
        and unlock.answer
        and unlock.status == "Unlocked"
        and _is_within(unlock.answer, event, _AT_ONCE)
    ):
        connector = whole(unlock.asked.get("connectorId"))
        if one is not None and connector is not None and connector == one.place[1]:
            found.append((_UNLOCK, unlock.answer))
    return sorted(found, key=lambda cause: cause[1].n)


def _is_within(earlier: Message, event: Message, nanoseconds: int) -> bool:
    return earlier.time is not None and event.time is not None and event.time - earlier.time < nanoseconds


@rule(
    "TX16-013",
    "A transaction stops without a reason",
    INFO,
    _ODD_STOP,
    source="OCPP 1.6 §4.10",
    hint="without a reason it counts as Local, stopped by the driver at the station",
    versions=(V16,),
)
def no_reason(event: Message, state: SessionState) -> Report | None:
    if type(event.payload) is not dict or event.payload.get("reason") is not None:
        return None
    return Report("StopTransaction has no reason: it counts as Local")


@rule(
    "TX16-014",
    "A driver stops a transaction and has no idTag",
    WARNING,
    _ODD_STOP,
    source="OCPP 1.6 §4.10",
    hint="the station sends the idTag that stopped it; it may leave it out where it stops by itself, or by a button",
    versions=(V16,),
)
def no_tag(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("reason") != LOCAL or payload.get("idTag") is not None:
        return None  # without a reason it is TX16-013
    # A button stops it too, which is Local and has no idTag: no way to tell.
    return Report("StopTransaction has the reason Local and no idTag", severity=_BUTTON)


_BUTTON: Final[Mapping[Profile, Severity]] = {"strict": WARNING, "field": INFO}

_SHORT: Final = MINUTE
_LONG: Final = DAY


@rule(
    "TX16-018",
    "A very short or very long transaction",
    INFO,
    on_call("StopTransaction"),
    source=HEURISTIC,
    hint="look whether charging failed, the connector was left occupied, or a stop came late",
    needs="session",
    versions=(V16,),
)
def odd_duration(event: Message, state: SessionState) -> Report | None:
    one = state.station.transactions.stopped_by(event)
    stopped = told(fields(event.payload).get("timestamp"))
    if one is None or one.started is None or stopped is None or one.status not in (None, ACCEPTED):
        return None
    lasted = stopped - one.started
    if lasted < 0 or _SHORT <= lasted <= _LONG:
        return None
    kind = "short" if lasted < _SHORT else "long"
    return Report(f"{_named(one)} lasted {duration(lasted)}", kind, events=numbers_of(one.start))


_LARGEST_POWER: Final = 500_000
"""W; more than nearly any connector has."""
_CHARGED: Final = "TX16-019"


@rule(
    "TX16-019",
    "The energy of a transaction is implausible",
    INFO,
    on_call("StopTransaction"),
    source=HEURISTIC,
    hint="look whether the meter counts, and in Wh: a factor of 1000 is a wrong unit",
    needs="session",
    versions=(V16,),
)
def odd_energy(event: Message, state: SessionState) -> Report | None:
    one, payload = state.station.transactions.stopped_by(event), fields(event.payload)
    meter = whole(payload.get("meterStop"))
    if one is None or one.meter_start is None or meter is None:
        return None
    energy, stopped = meter - one.meter_start, told(payload.get("timestamp"))
    subject = f"connector {one.place[1]}"
    if energy == 0 and _was_charging(one, state):
        return Report(
            f"{_named(one)} was Charging, and took 0 Wh", f"{subject} nothing", events=numbers_of(one.start)
        )
    if energy <= 0 or one.started is None or stopped is None or stopped - one.started < MINUTE:
        return None
    power = energy * HOUR / (stopped - one.started)
    if power < _LARGEST_POWER:
        return None
    detail = f"{_named(one)} took {energy} Wh in {duration(stopped - one.started)}: {power / 1000:,.0f} kW on average"
    return Report(detail, f"{subject} power", events=numbers_of(one.start))


def _was_charging(one: Transaction, state: SessionState) -> bool:
    """Whether its connector was Charging; many stations say so before they send StartTransaction."""
    shows = state.station.connectors.get(one.place)
    return _CHARGED in one.noted or (shows is not None and shows.status == "Charging")


@learns(on_call("StatusNotification"))
def learn_charging(event: Message, state: SessionState) -> None:
    payload = event.payload
    if type(payload) is dict and payload.get("status") == "Charging":
        one = state.station.transactions.at.get((None, whole(payload.get("connectorId"))))
        if one is not None:
            one.noted[_CHARGED] = True


_RUNNING: Final = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})


@rule(
    "TX16-020",
    "A connector goes on after its transaction has stopped",
    WARNING,
    on_call("StopTransaction"),
    source="OCPP 1.6 §4.9",
    hint="the station has to report Finishing, Available, Unavailable or Faulted after a StopTransaction",
    needs="time",
    versions=(V16,),
)
def goes_on(event: Message, state: SessionState) -> None:
    station = state.station
    one = station.transactions.stopped_by(event)
    if one is None or one.place[1] is None or event.time is None:
        return
    stopped = told(fields(event.payload).get("timestamp"))
    if stopped is None or abs(event.time - stopped) > MINUTE:
        return  # it was queued: what the connector shows is of later

    def verdict() -> Report | None:
        shows, known = station.connectors.get(one.place), station.transactions
        if shows is None or shows.status not in _RUNNING:
            return None
        booted = station.registration.call
        has_changed = known.at.get(one.place) is not None or known.last.get(one.place) is not one
        if has_changed or station.missed > event.n or (booted is not None and booted.n > event.n):
            return None
        if shows.since > event.n and shows.before not in _RUNNING:
            return None  # it is the next one, which CON-007 looks at
        detail = f"connector {one.place[1]} still says {shows.status} {seconds} s after StopTransaction"
        return Report(detail, f"connector {one.place[1]}", events=(shows.n,))

    seconds = 60 + min(max(station.number("MinimumStatusDuration") or 0, 0), 3_600)
    look_again(state, "TX16-020", one.place, seconds, verdict, event)


# --- what never ends ----------------------------------------------------------------------------------------

_AFTER_BOOT: Final = 300
"""Seconds that a station has after a boot to send what it queued."""
_MANY: Final = 100
_TOLD: Final = "TX16-005"


@rule(
    "TX16-005",
    "A transaction never stops",
    WARNING,
    on_answer("BootNotification"),
    on_event(Closed),
    source="OCPP 1.6 §4.10",
    hint="the station has to send a StopTransaction for each transaction, also after a reboot or a power loss",
    needs="time",
    versions=(V16,),
)
def never_stops(event: Message | Closed, state: SessionState) -> list[Report] | None:
    station = state.station
    if isinstance(event, Closed):
        is_last = event.how == "end-of-capture" and len(station.open_sessions) <= 1
        if not is_last:
            return None
        return [_open_at_end(one, event, state) for one in _open(state) if _TOLD not in one.noted]
    if fields(event.payload).get("status") == ACCEPTED and event.call is not None:
        for one in _open(state):
            _expect_stop(one, event.call, state)
    return None


def _open(state: SessionState) -> list[Transaction]:
    known = state.station.transactions
    return [one for one in known.running() if one.start is not None][:_MANY] if known.at else []


def _expect_stop(one: Transaction, boot: Message, state: SessionState) -> None:
    station = state.station

    def verdict() -> Report | None:
        shows = station.connectors.get(one.place)
        goes_on = one.latest is not None and one.latest.n > boot.n
        resumed = shows is not None and shows.n > boot.n and shows.status in _RUNNING
        if not one.is_open or goes_on or resumed:
            return None
        is_idle = shows is not None and shows.n > boot.n and shows.status == AVAILABLE
        detail = f"{_named(one)} ran when the station booted, and no StopTransaction came within 5 minutes"
        if is_idle:
            detail = f"{detail}, though the connector is {AVAILABLE}"
        one.noted[_TOLD] = True
        surely = is_idle and _is_seen_whole(one, state) and not is_held_up(state, boot)
        return Report(detail, f"connector {one.place[1]}", None if surely else INFO, numbers_of(one.start))

    look_again(state, "TX16-005", one.place, _AFTER_BOOT, verdict, boot)


def _open_at_end(one: Transaction, event: Closed, state: SessionState) -> Report:
    shows = state.station.connectors.get(one.place)
    detail = f"{_named(one)} was still running when the capture ended"
    severity: Severity = INFO
    latest = one.latest.n if one.latest else 0
    if shows is not None and shows.status == AVAILABLE and shows.n > latest and shows.seen and event.time:
        lasted = event.time - shows.seen
        if lasted > _AFTER_BOOT * SECOND:
            since = f"though the connector is {AVAILABLE} since {duration(lasted)}"
            detail = f"{_named(one)} has no StopTransaction, {since}"
            severity = WARNING if _is_seen_whole(one, state) else INFO
    return Report(detail, f"connector {one.place[1]}", severity, numbers_of(one.start))


# --- the queue ----------------------------------------------------------------------------------------------


def _is_of_transaction(event: Message) -> bool:
    if event.action == "MeterValues":
        return fields(event.payload).get("transactionId") is not None
    return event.action in _QUEUED


def _about(event: Message) -> str:
    """A message by what it is about."""
    payload = fields(event.payload)
    if (identity := identifier(payload.get("transactionId"))) is not None:
        return f"{event.action} (transaction {identity[:40]})"
    connector = payload.get("connectorId")
    return f"{event.action} (connector {connector})" if type(connector) is int else str(event.action)


def _how_it_failed(one: Delivery) -> str:
    if one.refused is not None and one.refused.error is not None:
        return f"was answered with the CallError {str(one.refused.error.code)[:40]}"
    return "got no answer"


@rule(
    "TX16-016",
    "Retries do not keep their time",
    WARNING,
    on_call(*_QUEUED, gate=held_up),
    source="OCPP 1.6 §3.7.1",
    hint="wait TransactionMessageRetryInterval × the attempts so far, at most TransactionMessageAttempts times",
    needs="time",
    versions=(V16,),
)
def retry_timing(event: Message, state: SessionState) -> Report | None:
    station = state.station
    one = station.deliveries.again(event)
    if one is None or one.last.session is not event.session or not _is_of_transaction(event):
        return None  # what was cut off by the end of a session is sent again at once
    attempts, interval = (
        station.number("TransactionMessageAttempts"),
        station.number("TransactionMessageRetryInterval"),
    )
    if attempts is not None and 0 < attempts < one.refusals:
        so_far = f"{one.refusals} CallErrors; TransactionMessageAttempts is {attempts}"
        detail = f"{_about(event)} is sent again after {so_far}"
        return Report(detail, "attempts", events=numbers_of(one.first, one.last))
    if interval is None or interval <= 0 or event.time is None or one.last.time is None:
        return None
    due = interval * one.sent * SECOND
    waited = event.time - one.last.time
    if waited < due * 4 // 5 - SECOND:
        kind = "sooner"
    elif one.refused is not None and _is_late(one.refused, event, due):
        kind = "later"
    else:
        return None
    detail = (
        f"{_about(event)} is sent again after {duration(waited)}; "
        f"it is due {duration(due)} after attempt {one.sent} ({interval} s × {one.sent})"
    )
    return Report(detail, kind, events=numbers_of(one.last))


def _is_late(refused: Message, event: Message, due: int) -> bool:
    if refused.time is None or event.time is None:
        return False
    return event.time - refused.time > due * 3 // 2 + MINUTE


_ORDER: Final = "TX16-017"
_TOGETHER: Final = 5 * SECOND
"""Within this no station has given up on an answer."""


class _Queue:
    """What was sent last of a station's transactions."""

    __slots__ = ("newest", "sent")

    def __init__(self) -> None:
        self.newest: int = 0
        """The latest time that they told."""
        self.sent: Message | None = None
        """The latest of them that is no repetition."""


@rule(
    "TX16-017",
    "Messages of transactions are out of order",
    ERROR,
    on_call(*_QUEUED),
    source="OCPP 1.6 §3.7",
    hint="the station has to queue them: a newer one waits until all older ones are delivered, one after the other",
    needs="session",
    versions=(V16,),
)
def out_of_order(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    if event.action == "MeterValues":
        if payload.get("transactionId") is None:
            return None
        values = items(payload.get("meterValue"))
        made = fields(values[-1]).get("timestamp") if values else None
    else:
        made = payload.get("timestamp")
    queue = state.station.noted.get(_ORDER)
    if queue is None:
        queue = state.station.noted[_ORDER] = _Queue()
    deliveries = state.station.deliveries
    if deliveries.flight or deliveries.failed:
        again = deliveries.again(event)
        if again is not None:
            return _overtaken(event, again, queue.sent, state)
    before, queue.sent = queue.sent, event
    if deliveries.flight and before is not None and before.n in deliveries.flight:
        found = _sent_together(event, before, state)
        if found is not None:
            return found
    time = told(made)
    if time is None:
        return None
    newest, queue.newest = queue.newest, max(time, queue.newest)
    if newest - time <= MINUTE:
        return None
    if event.time is None or event.time - time <= MINUTE:
        queue.newest = time  # nothing of it waited: the clock was set back
        return None
    return Report(
        f"{_about(event)} tells of {_clock(time)}, {duration(newest - time)} before what was sent earlier",
        "timestamps",
        WARNING,
        numbers_of(before),
    )


def _overtaken(event: Message, again: Delivery, newer: Message | None, state: SessionState) -> Report | None:
    """An older message comes again, and a newer one has gone before it."""
    last, refused = again.last, again.refused
    if newer is None or newer.n <= last.n or newer.time is None or last.time is None:
        return None
    failed = (
        newer.session is not last.session
        or (refused is not None and refused.n < newer.n)
        or newer.time - last.time >= _TOGETHER
    )
    if not failed:
        return None  # both were under way, which was told when the newer one was sent
    unsure = state.station.missed > again.first.n
    detail = (
        f"{_about(event)} of {_since(again.first)} {_how_it_failed(again)} and comes again, "
        f"after {_about(newer)} was sent at {_since(newer)}"
    )
    return Report(detail, "overtaken", INFO if unsure else None, numbers_of(again.first, newer))


def _sent_together(event: Message, before: Message, state: SessionState) -> Report | None:
    if before.session is not event.session or not _is_within(before, event, _TOGETHER):
        return None
    detail = f"{_about(event)} is sent while {_about(before)} is not answered"
    unsure = state.station.missed > before.n
    return Report(detail, "at once", INFO if unsure else WARNING, numbers_of(before))


_SAYS_NO: Final = frozenset({"NotImplemented", "NotSupported", "SecurityError"})
"""Codes that do not speak of the content."""
_MALFORMED: Final = frozenset(
    """json.big-integer json.duplicate-key rpc.id rpc.id-integer rpc.id-reused rpc.id-reused-later
    time.form""".split()
)
"""Faults of a message for which it may be refused."""


@rule(
    "TX16-021",
    "The CSMS refuses a message of a transaction",
    WARNING,
    on_answer(*_QUEUED),
    source="OCPP 1.6 §4.7, §4.8, §4.10, errata 3.18",
    hint="the CSMS has to confirm it even if its content is implausible, or the station sends it for ever",
    needs="exchange",
    versions=(V16,),
)
def refused(event: Message, state: SessionState) -> Report | None:
    call = event.call
    if event.type != CALLERROR or call is None or call.type != CALL or call.violations:
        return None
    if any(fault.kind in _MALFORMED for fault in call.faults):
        return None
    code = event.error.code if event.error else None
    if (type(code) is str and code in _SAYS_NO) or state.station.registration.status not in (None, ACCEPTED):
        return None
    detail = f"{_about(call)} was answered with the CallError {str(code)[:40]}"
    identity = identifier(fields(call.payload).get("transactionId"))
    if identity == "-1":
        detail = f"{detail}: -1 says that its start was never confirmed, and is to be accepted"
    return Report(detail, str(call.action), events=(call.n,))


_THIRD: Final = 3
_SOON: Final = 5 * MINUTE


@rule(
    "TX16-023",
    "A message blocks the station's queue",
    WARNING,
    on_call(*SENT, gate=held_up),
    source=HEURISTIC,
    hint="the station's queue is blocked: the CSMS has to accept the message, or the station to mend or drop it",
    needs="session",
)
def blocked(event: Message, state: SessionState) -> Report | None:
    one = state.station.deliveries.again(event)
    if one is None or one.sent + 1 < _THIRD or event.direction != FROM_STATION or not _is_a_retry(event, one):
        return None
    if state.station.deliveries.was_passed(one.last):
        return None
    sent = one.sent + 1
    every = ""
    if event.time is not None and one.first.time is not None:
        every = f", about every {duration((event.time - one.first.time) // one.sent)}"
    detail = (
        f"the same {_about(event)} was sent {{amount}} times since {_since(one.first)}{every}, "
        f"and {_how_it_failed(one)}"
    )
    unsure = state.station.missed > one.first.n
    is_first, one.told_in = one.told_in != event.session.number, event.session.number
    return Report(
        detail,
        f"{_about(event)} {one.first.n}",
        INFO if unsure else None,
        tuple(one.numbers),
        amount=sent if is_first else 1,
    )


def _is_a_retry(event: Message, one: Delivery) -> bool:
    """Whether it is the same message, and not another one that happens to say the same."""
    if event.id == one.last.id or event.action in _QUEUED or event.action == "BootNotification":
        return True
    if "timestamp" in fields(event.payload):
        return True
    if event.action == "Authorize":  # the driver tries again
        return False
    return _is_within(one.last, event, _SOON)
