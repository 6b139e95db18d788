"""The charging transactions of a station: which run, where, by whom, and which have ended.

Sources: OCPP 1.6 edition 2 §4.8, §4.10, errata 3.18 and 3.54; OCPP 2.0.1 and 2.1 part 2, functional block E.
`ocpp.transactions` assembles what a reader wants to know of them; here is what rules compare messages with.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, identifier, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.authorizations import group_of, info_of, token_of
from ocppscope.rules.tables.connectors import Place

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

_OPEN: Final = 1_000
_ENDED: Final = 10
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
    tokens: int = 0
    """TransactionEvents with an idToken."""
    missing: bool = False
    """Messages of it are known to be missing: numbers were left out, or bytes were lost."""
    # --- for rules that go on counting ---
    noted: dict[Any, Any] = field(default_factory=dict)
    """What single rules keep about it, by a key of their own; forgotten with the transaction."""

    @property
    def is_open(self) -> bool:
        return self.stop is None


class Transactions:
    """Those of one station."""

    __slots__ = ("at", "ended", "last", "open", "starting")

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
        for number in [number for number, other in self.starting.items() if other is one]:
            del self.starting[number]


# --- OCPP 1.6 ---


def repeats(message: Message, one: Transaction) -> bool:
    """Whether a StartTransaction is the one that started a transaction, sent again (1.6 §3.7.1)."""
    return one.start is not None and fields(message.payload) == fields(one.start.payload)


@learns(on_call("StartTransaction"))
def learn_start(event: Message, state: "SessionState") -> None:
    known, payload = state.station.transactions, fields(event.payload)
    place = None, whole(payload.get("connectorId"))
    here = known.at.get(place)
    if here is not None and repeats(event, here):
        here.latest = event
        known.starting[event.n] = here
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
    one = known.starting.pop(event.call.n, None)
    if one is None:
        return
    payload = fields(event.payload)
    info = info_of(payload)
    one.start_answer, one.status, one.group = event, text(info.get("status")), group_of(info)
    identity = identifier(payload.get("transactionId"))
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
    one = known.find(identity)
    if one is not None and not one.is_open:
        one.latest = event
        return  # sent again
    if one is None and identity in NO_ID:
        one = _unconfirmed(state.station)
    if one is None:
        one = Transaction(identity)
    one.stop = one.latest = event
    one.stopped, one.meter_stop = told(payload.get("timestamp")), whole(payload.get("meterStop"))
    one.reason = text(payload.get("reason")) or LOCAL
    known.end(one)


def _unconfirmed(station: "StationState") -> Transaction | None:
    """The transaction that a StopTransaction without a true id means: the latest whose start has no id."""
    waiting = [one for one in station.transactions.at.values() if one.id is None and one.is_open]
    return waiting[-1] if waiting else None


@learns(on_answer("StopTransaction"))
def learn_stop_answer(event: Message, state: "SessionState") -> None:
    if event.call is not None and event.type == CALLRESULT:
        one = state.station.transactions.find(identifier(fields(event.call.payload).get("transactionId")))
        if one is not None:
            one.stop_answer = event


# --- OCPP 2.x ---


@learns(on_call("TransactionEvent"))
def learn_event(event: Message, state: "SessionState") -> None:
    known, payload = state.station.transactions, fields(event.payload)
    info = fields(payload.get("transactionInfo"))
    identity = identifier(info.get("transactionId"))
    if identity is None:
        return
    one = known.find(identity)
    kind, evse = payload.get("eventType"), fields(payload.get("evse"))
    if one is None:
        one = known.open[identity] = Transaction(identity)
        one.missing = kind != "Started"
    number = whole(payload.get("seqNo"))
    if number is not None and (one.seq_no is None or number > one.seq_no):
        one.missing = one.missing or (one.seq_no is not None and number > one.seq_no + 1)
        one.seq_no = number
        one.charging_state = text(info.get("chargingState")) or one.charging_state
    if (at := whole(evse.get("id"))) is not None:
        one.place = at, whole(evse.get("connectorId")) or one.place[1]
    token = token_of(payload)
    if token is not None:
        one.tokens += 1
        one.token = one.token or token
    remote = whole(info.get("remoteStartId"))
    one.remote_start_id = one.remote_start_id if remote is None else remote
    one.latest = event
    if kind == "Started" and one.start is None:
        one.start, one.started = event, told(payload.get("timestamp"))
    if kind == "Ended" and one.is_open:
        one.stop, one.stopped = event, told(payload.get("timestamp"))
        one.reason = text(info.get("stoppedReason")) or LOCAL
        known.open.pop(identity, None)
        known.ended[identity] = one
        if known.at.get((one.place[0], None)) is one:
            del known.at[one.place[0], None]
    elif one.is_open and one.place[0] is not None:
        known.at[one.place[0], None] = known.last[one.place[0], None] = one


@learns(on_answer("TransactionEvent"))
def learn_event_answer(event: Message, state: "SessionState") -> None:
    if event.type != CALLRESULT or event.call is None:
        return
    asked = fields(event.call.payload)
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
