"""The charging transactions of a station: which run, where, by whom, and which have ended.

Sources: OCPP 1.6 edition 2 §4.8, §4.10, errata 3.18 and 3.54; OCPP 2.0.1 and 2.1 part 2, functional block E.
`ocpp.transactions` assembles what a reader wants to know of them; here is what rules compare messages with.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, identifier, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.rules.gates import expecting
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.authorizations import ACCEPTED, group_of, info_of, token_of
from ocppscope.rules.tables.connectors import Place

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

_OPEN: Final = 1_000
_SEEN: Final = 50
_ENDED: Final = 10
_REMEMBERED: Final = 10_000
"""Ids of which hashes are kept."""
_CONNECTORS: Final = 1_000
NO_ID: Final = frozenset({None, "-1", "0"})
"""What stations send for a transactionId that they were never told (1.6, errata 3.18 asks for -1)."""
LOCAL: Final = "Local"
"""The reason where none is told (1.6 §4.10; 2.0.1 E06.FR.08)."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction, as far as the capture shows it."""

    id: str | None = None
    """None in 1.6 until the CSMS has answered; integers as their digits."""
    place: Place = (None, None)
    """In 1.6 (None, connector), in 2.x (EVSE, connector or None)."""
    token: str | None = None
    """idTag or idToken that started it, in lower case."""
    group: str | None = None
    """Its parent or group, in lower case, as far as an answer told it."""
    status: str | None = None
    """What the CSMS said of the token last, in an answer to this transaction's messages."""
    start: Message | None = None
    """StartTransaction, or the TransactionEvent Started; None where it is not in the capture."""
    start_answer: Message | None = None
    started: int | None = None
    """When, by the station's clock, in ns."""
    meter_start: int | None = None
    """Wh (1.6)."""
    stop: Message | None = None
    stop_answer: Message | None = None
    stopped: int | None = None
    meter_stop: int | None = None
    reason: str | None = None
    """Why it stopped; None while it runs."""
    latest: Message | None = None
    """Its latest message from the station."""
    # --- OCPP 2.x ---
    seq_no: int | None = None
    """Of the latest TransactionEvent."""
    charging_state: str | None = None
    remote_start_id: int | None = None
    stop_told: int = 0
    """The number of its latest event that says RemoteStop."""
    tokens: int = 0
    """TransactionEvents with an idToken."""
    places: int = 0
    """TransactionEvents with an evse, of the first ones."""
    seen: dict[int | None, tuple[Any, ...]] = field(default_factory=dict)
    """Of the latest _SEEN TransactionEvents, by seqNo: what tells a repetition from another event."""
    missing: bool = False
    """Messages of it are known to be missing: numbers were left out, or bytes were lost."""
    # --- for rules that go on counting ---
    noted: dict[Any, Any] = field(default_factory=dict)
    """What single rules keep about it, by a key of their own; forgotten with the transaction."""

    @property
    def is_open(self) -> bool:
        return self.stop is None


def id_in(payload: dict[str, Any]) -> str | None:
    """The transactionId of a TransactionEvent."""
    return identifier(fields(payload.get("transactionInfo")).get("transactionId"))


class Transactions:
    """Those of one station."""

    __slots__ = (
        "_stop",
        "at",
        "ended",
        "event",
        "first_statuses",
        "handed",
        "last",
        "open",
        "starting",
        "stopped",
        "stopping",
    )

    def __init__(self) -> None:
        self.open: Recent[str, Transaction] = Recent(_OPEN)
        """By id."""
        self.at: Recent[Place, Transaction] = Recent(_OPEN)
        """The running one at each place: (None, connector) in 1.6, (EVSE, None) in 2.x."""
        self.starting: Recent[int, Transaction] = Recent(_OPEN)
        """By the number of a StartTransaction that has no id yet: not answered, or refused."""
        self.ended: Recent[str, Transaction] = Recent(_ENDED)
        """By id."""
        self.last: dict[Place, Transaction] = Recent(_OPEN)
        """The latest at each place, running or not."""
        # --- OCPP 1.6 ---
        self.stopping: Recent[int, Transaction] = Recent(_ENDED)
        """By the number of a StopTransaction."""
        self.handed: Recent[int, int] = Recent(_REMEMBERED)
        """By the hash of a transactionId that the CSMS gave out: a hash of what it was given to."""
        self.stopped: Recent[int, int] = Recent(_REMEMBERED)
        """By the hash of a transactionId that was stopped: a hash of what stopped it; in 2.x of what started it."""
        self.first_statuses: dict[int, str] = {}
        """By connector: what it reported first since the station booted."""
        self._stop: tuple[int, Transaction | None] = (0, None)
        # --- OCPP 2.x ---
        self.event: ToldEvent | None = None
        """The TransactionEvent at hand."""

    def find(self, identity: str | None) -> Transaction | None:
        """Running or ended."""
        if identity is None:
            return None
        return self.open.get(identity) or self.ended.get(identity)

    def running(self) -> list[Transaction]:
        """All that have not stopped, also those whose id is not known yet."""
        known = {id(one): one for one in (*self.open.values(), *self.at.values(), *self.starting.values())}
        return [one for one in known.values() if one.is_open]

    def begin(self, one: Transaction) -> None:
        self.at[one.place] = self.last[one.place] = one

    def end(self, one: Transaction) -> None:
        if one.id is not None:
            self.open.pop(one.id, None)
            self.ended.pop(one.id, None)  # so that it is remembered from now
            self.ended[one.id] = one
        if self.at.get(one.place) is one:
            del self.at[one.place]
        if self.starting:
            for number in [number for number, other in self.starting.items() if other is one]:
                del self.starting[number]

    def stopped_by(self, event: Message) -> Transaction | None:
        """The running transaction that a StopTransaction ends; None where that is not known, or has ended.

        One whose id the station was never told is told apart by its idTag and its meter.
        """
        if self._stop[0] != event.n:
            self._stop = event.n, self._find_stopped(fields(event.payload))
        return self._stop[1]

    def _find_stopped(self, payload: dict[str, Any]) -> Transaction | None:
        identity = identifier(payload.get("transactionId"))
        one = self.open.get(identity) if identity is not None else None
        if one is not None or self.find(identity) is not None:
            return one
        running = [one for one in self.at.values() if one.is_open and one.start is not None]
        token, meter = token_of(payload), whole(payload.get("meterStop"))
        found = [one for one in running if one.id is None]
        if identity not in NO_ID:  # the answer that told it may be missing from the capture
            found = [one for one in found if _fits(one.meter_start, meter)]
        elif self.stops_again(payload):
            return None
        else:
            found = found or [one for one in running if one.status not in (None, ACCEPTED)]
            if len(found) > 1:
                found = [one for one in found if token in (None, one.token) and _fits(one.meter_start, meter)]
        return found[0] if len(found) == 1 else None

    def stops_again(self, payload: dict[str, Any]) -> bool:
        """Whether a StopTransaction is sent again; its id does not tell."""
        return any(one.stop is not None and one.stop.payload == payload for one in self.stopping.values())


def _fits(meter_start: int | None, meter_stop: int | None) -> bool:
    return meter_start is None or meter_stop is None or meter_start <= meter_stop


# --- OCPP 1.6 ---


def repeats(message: Message, one: Transaction) -> bool:
    """Whether a StartTransaction is the one that started a transaction, sent again (1.6 §3.7.1).

    Where it had no answer its timestamp may differ: stations correct their clock meanwhile. Where the
    transaction has ended, equal timestamps count only if the clock was ever set.
    """
    if one.start is None:
        return False
    now, then = fields(message.payload), fields(one.start.payload)
    if not one.is_open and now.get("timestamp") != then.get("timestamp"):
        return False
    if now == then:
        return one.is_open or one.started is not None
    return one.is_open and one.id is None and now | {"timestamp": None} == then | {"timestamp": None}


def content_of_start(payload: dict[str, Any]) -> int:
    """A hash of a StartTransaction: 32 bits of all of it, 32 bits of all but its time."""
    place, token = whole(payload.get("connectorId")), token_of(payload)
    but_time = hash((place, token, whole(payload.get("meterStart"))))
    return (hash((but_time, text(payload.get("timestamp")))) & 0xFFFFFFFF) << 32 | but_time & 0xFFFFFFFF


def content_of_stop(event: Message) -> int:
    """A hash of a StopTransaction without its message id."""
    return hash(event.raw.partition('"StopTransaction"')[2])


@learns(on_call("StartTransaction"))
def learn_start(event: Message, state: "SessionState") -> None:
    known, payload = state.station.transactions, fields(event.payload)
    place = None, whole(payload.get("connectorId"))
    last = known.last.get(place)
    if last is not None and repeats(event, last):
        last.latest = event
        known.starting[event.n] = last
        return
    one = Transaction(
        None,
        place,
        token_of(payload),
        start=event,
        started=told(payload.get("timestamp")),
        meter_start=whole(payload.get("meterStart")),
        latest=event,
    )
    known.starting[event.n] = one
    known.begin(one)


@learns(on_answer("StartTransaction"))
def learn_start_answer(event: Message, state: "SessionState") -> None:
    known = state.station.transactions
    if event.call is None or event.type != CALLRESULT:
        return
    payload = fields(event.payload)
    identity = identifier(payload.get("transactionId"))
    one = known.starting.pop(event.call.n, None)
    if identity is not None:
        key, content = hash(identity), content_of_start(fields(event.call.payload))
        if one is None or one.is_open:
            known.stopped.pop(key, None)
        known.handed.pop(key, None)  # so that it is remembered from now
        known.handed[key] = content
    if one is None:
        return
    info = info_of(payload)
    one.start_answer, one.status, one.group = event, text(info.get("status")), group_of(info)
    if identity is not None:
        if one.id is not None and one.id != identity:
            known.open.pop(one.id, None)
        one.id = identity
        if one.is_open:
            known.open[identity] = one
        else:
            known.end(one)


@learns(on_call("StopTransaction"))
def learn_stop(event: Message, state: "SessionState") -> None:
    known, payload = state.station.transactions, fields(event.payload)
    identity = identifier(payload.get("transactionId"))
    one = known.stopped_by(event)
    if one is None and (again := known.find(identity)) is not None:
        again.latest = event
        known.stopping[event.n] = again
        return
    if one is None and identity in NO_ID:
        if known.stops_again(payload):
            return
        one = _unconfirmed(state.station)
    if one is None:
        one = Transaction(None if identity in NO_ID else identity)
    if one.id is None and identity not in NO_ID:
        one.id = identity
    one.stop = one.latest = event
    one.stopped, one.meter_stop = told(payload.get("timestamp")), whole(payload.get("meterStop"))
    one.reason = text(payload.get("reason")) or LOCAL
    known.end(one)
    known.stopping[event.n] = one
    if identity is not None and (identity not in NO_ID or one.id == identity):
        key = hash(identity)
        known.stopped.pop(key, None)
        known.stopped[key] = content_of_stop(event)


def _unconfirmed(station: "StationState") -> Transaction | None:
    """The transaction that a StopTransaction without a true id may mean: the latest whose start has no id.

    It may be another one: what is then still open may have stopped.
    """
    waiting = [one for one in station.transactions.at.values() if one.id is None and one.is_open]
    for one in waiting:
        one.missing = True
    return waiting[-1] if waiting else None


@learns(on_answer("StopTransaction"))
def learn_stop_answer(event: Message, state: "SessionState") -> None:
    if event.call is not None and event.type == CALLRESULT:
        one = state.station.transactions.stopping.get(event.call.n)
        if one is not None:
            one.stop_answer = event


@learns(on_call("MeterValues"))
def learn_meter_values(event: Message, state: "SessionState") -> None:
    if type(event.payload) is dict:
        identity = event.payload.get("transactionId")
        if identity is not None:
            one = state.station.transactions.open.get(identifier(identity) or "")
            if one is not None:
                one.latest = event


def is_astray(event: Message, state: "SessionState") -> bool:
    """A gate: MeterValues (1.6) that are of anything but the transaction that runs on their connector."""
    payload = fields(event.payload)
    identity, connector = payload.get("transactionId"), payload.get("connectorId")
    if type(identity) is not int or identity <= 0 or not connector:
        return identity is not None
    one = state.station.transactions.open.get(str(identity))
    return one is None or one.place[1] != connector


@learns(on_call("BootNotification"))
def learn_boot(event: Message, state: "SessionState") -> None:
    known = state.station.registration
    before = known.previous if known.call is event else known.call
    accepted = known.accepted.call if known.accepted else None
    if before is None or accepted is None or before.n != accepted.n or before.session is not event.session:
        state.station.transactions.first_statuses.clear()  # else it was triggered


@learns(on_call("StatusNotification"))
def learn_first_status(event: Message, state: "SessionState") -> None:
    if type(event.payload) is dict:
        connector = event.payload.get("connectorId")
        known = state.station.transactions.first_statuses
        if type(connector) is int and connector not in known and len(known) < _CONNECTORS:
            status = text(event.payload.get("status"))
            if status is not None and connector > 0:
                known[connector] = status


# --- OCPP 2.x ---


STARTED: Final = "Started"
UPDATED: Final = "Updated"
ENDED: Final = "Ended"
PERIODIC: Final = frozenset({"MeterValuePeriodic", "MeterValueClock"})
"""Trigger reasons of what comes without anything having happened."""
_LONGEST: Final = 60


def content(payload: dict[str, Any]) -> tuple[Any, ...]:
    """What two TransactionEvents of one seqNo have in common where the second repeats the first."""
    time = payload.get("timestamp")
    time = time if type(time) is str and len(time) <= _LONGEST else told(time)
    return text(payload.get("eventType")), time, text(payload.get("triggerReason"))


class ToldEvent:
    """What a TransactionEvent tells, read once for all rules and learners."""

    __slots__ = ("id", "info", "kind", "known", "n", "payload", "seq_no", "time", "trigger")

    def __init__(self, event: Message, transactions: Transactions) -> None:
        self.n = event.n
        payload = self.payload = fields(event.payload)
        get = payload.get
        self.info = fields(get("transactionInfo"))
        self.id = identifier(self.info.get("transactionId"))
        self.known = transactions.find(self.id)
        """The transaction as it was before; None where this is its first event."""
        self.kind = text(get("eventType"))
        self.trigger = text(get("triggerReason"))
        self.seq_no = whole(get("seqNo"))
        self.time = told(get("timestamp"))

    @property
    def is_repeated(self) -> bool:
        """It was seen before, with the same content."""
        known, number = self.known, self.seq_no
        if known is None:
            return False
        if known.seen.get(number) == self.content:
            return True
        if known.start is None or self.kind != STARTED:
            return False
        start = fields(known.start.payload)  # which may have been too long ago
        return whole(start.get("seqNo")) == number and content(start) == self.content

    @property
    def content(self) -> tuple[Any, ...]:
        time = self.payload.get("timestamp")
        return self.kind, time if type(time) is str and len(time) <= _LONGEST else self.time, self.trigger

    def goes_on(self, event: Message) -> bool:
        """Whether it is a periodic event, the next one of a transaction about which it says nothing new."""
        known, payload, info = self.known, self.payload, self.info
        return (
            self.kind == UPDATED
            and self.trigger in PERIODIC
            and known is not None
            and known.stop is None
            and known.seq_no is not None
            and self.seq_no == known.seq_no + 1
            and known.latest is not None
            and known.latest.session is event.session
            and info.get("chargingState", known.charging_state) == known.charging_state
            and payload.get("meterValue") is not None
            and _NEWS.isdisjoint(payload)
            and _NEWS.isdisjoint(info)
        )


_NEWS: Final = frozenset(
    """costDetails evse idToken numberOfPhasesUsed offline remoteStartId reservationId stoppedReason tariffId
    transactionLimit""".split()
)
"""Fields with which more is told than values."""


def told_event(event: Message, state: "SessionState") -> ToldEvent:
    """What a TransactionEvent tells; before learners have seen it, as it was before."""
    known = state.station.transactions
    found = known.event
    if found is None or found.n != event.n:
        found = known.event = ToldEvent(event, known)
    return found


# --- gates for TransactionEvents ---


def tells_more(event: Message, state: "SessionState") -> bool:
    """It may mean more than its values to somebody."""
    return bool(_awaited(event, state)) or not told_event(event, state).goes_on(event)


def _is_out_of_turn(event: Message, state: "SessionState") -> bool:
    """It is neither the first of a transaction nor the next one."""
    seen = told_event(event, state)
    known = seen.known
    if known is None:
        return seen.kind != STARTED or seen.seq_no != 0
    is_next = known.seq_no is not None and seen.seq_no == known.seq_no + 1
    return not is_next or seen.kind == STARTED or known.stop is not None


def _begins(event: Message, state: "SessionState") -> bool:
    return told_event(event, state).kind == STARTED


def _ends(event: Message, state: "SessionState") -> bool:
    return told_event(event, state).kind == ENDED


def _has_token(event: Message, state: "SessionState") -> bool:
    return "idToken" in told_event(event, state).payload


_awaited: Final = expecting(
    *"RES-003 RMT-004 RMT-008 RMT-009 SC-023 TRF-002 TX2-022 TX2-024 TX2-026 V2X-002".split()
)
"""Of these rules that expect something, what they expect may come with a TransactionEvent."""
OUT_OF_TURN: Final = (tells_more, _is_out_of_turn)
BEGINS: Final = (tells_more, _begins)
ENDS: Final = (tells_more, _ends)
WITH_TOKEN: Final = (tells_more, _has_token)
IS_AWAITED: Final = (tells_more, _awaited)


def content_of_event(payload: dict[str, Any]) -> int:
    """A hash of what tells a TransactionEvent from others."""
    return hash((whole(payload.get("seqNo")), content(payload)))


@learns(on_call("TransactionEvent"))
def learn_event(event: Message, state: "SessionState") -> None:
    known, seen = state.station.transactions, told_event(event, state)
    payload, info, identity, kind, number = seen.payload, seen.info, seen.id, seen.kind, seen.seq_no
    if identity is None:
        return
    one = seen.known
    if one is None and kind == STARTED:
        known.stopped.pop(hash(identity), None)
    is_again = kind == STARTED and one is not None and one.start is not None and one.stop is not None
    if is_again and not seen.is_repeated:
        one = None  # another transaction has the id
        known.ended.pop(identity, None)
    if one is None:
        one = known.open[identity] = Transaction(identity)
        one.missing = kind != STARTED
    if number is not None and (one.seq_no is None or number > one.seq_no):
        one.missing = one.missing or (one.seq_no is not None and number > one.seq_no + 1)
        one.seq_no = number
        one.charging_state = text(info.get("chargingState")) or one.charging_state
    evse = payload.get("evse")
    if number not in one.seen:
        one.places += bool(fields(evse)) and len(one.seen) < _SEEN
        one.seen[number] = seen.content
        if len(one.seen) > _SEEN:
            del one.seen[next(iter(one.seen))]
    one.latest = event
    if seen.trigger == "RemoteStop":
        one.stop_told = event.n
    if evse is not None and (at := whole(fields(evse).get("id"))) is not None:
        one.place = at, whole(evse.get("connectorId")) or one.place[1]
    told_token = fields(payload.get("idToken"))
    token = token_of(payload) if told_token or "idTag" in payload else None
    if token is not None or told_token.get("type") == "NoAuthorization":
        one.tokens += 1
        one.token = one.token or token
    remote = info.get("remoteStartId")
    if remote is not None and (remote := whole(remote)) is not None:
        one.remote_start_id = remote
    if kind == UPDATED and known.at.get((one.place[0], None)) is one:
        return
    if kind == STARTED and one.start is None:
        one.start, one.started = event, seen.time
    if kind == ENDED and one.is_open:
        one.stop, one.stopped = event, seen.time
        one.reason = text(info.get("stoppedReason")) or LOCAL
        known.open.pop(identity, None)
        known.ended[identity] = one
        known.stopped.pop(hash(identity), None)  # so that it is remembered from now
        known.stopped[hash(identity)] = content_of_event(fields(one.start.payload)) if one.start else 0
        if known.at.get((one.place[0], None)) is one:
            del known.at[one.place[0], None]
    elif one.is_open and one.place[0] is not None:
        known.at[one.place[0], None] = known.last[one.place[0], None] = one


@learns(on_answer("TransactionEvent"))
def learn_event_answer(event: Message, state: "SessionState") -> None:
    if event.type != CALLRESULT or event.call is None:
        return
    asked = fields(event.call.payload)
    if not event.payload and asked.get("eventType") == UPDATED:
        return  # nothing is said of the token, and it is neither the start nor the stop
    info = fields(asked.get("transactionInfo"))
    one = state.station.transactions.find(identifier(info.get("transactionId")))
    if one is None:
        return
    told_of_token = info_of(fields(event.payload))
    status = text(told_of_token.get("status"))
    if status is not None:
        one.status, one.group = status, group_of(told_of_token) or one.group
    if one.start is event.call:
        one.start_answer = event
    if one.stop is event.call:
        one.stop_answer = event
