"""What a charging transaction went through: how long its messages waited, what is missing of it, what it cost.

`transactions` assembles what every view needs, while it records; here is the rest, for who asks for transactions.
Sources: TransactionEvent of OCPP 2.0.1 and 2.1 part 2 (E01 to E15 on seqNo and offline, I02 and I12 on cost),
CostUpdated; StartTransaction, MeterValues and StopTransaction of OCPP 1.6 edition 2 (§3.7 on being offline).
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from statistics import median
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import CALL, CALLRESULT, FROM_CSMS, Event, Message, Notice
from ocppscope.ocpp.configuration import ACTUAL, settings_told
from ocppscope.ocpp.lenient import fields, finite, identifier, items, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.signed.verdicts import SignedTransaction
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.transactions import ENDED, OPEN, STATIONS, Assembler, Track, Transaction

Span: TypeAlias = tuple[int, int]
"""From one time to another, in ns; or from one number to another, both included."""

_SESSIONS: Final = 1_000
_RANGES: Final = 100
_INTERVALS: Final = 100
"""Intervals of which the usual one is told."""
_ENOUGH: Final = 4
_LONGEST: Final = 5
"""Holes of one transaction that are kept: the longest."""
_UNUSUAL: Final = 2.5
"""Times the usual interval: one value that comes late is no hole, one that is missing is."""
_SLACK: Final = 10 * SECOND
_SKEW: Final = 5 * SECOND
_IN_ORDER: Final = 10_000
"""Transactions that wait for others which began before them."""


class SeqNos:
    """The sequence numbers of a transaction's events, and those that are missing among them (2.x)."""

    __slots__ = ("_high", "_low", "missing")

    def __init__(self) -> None:
        self._low = self._high = 0
        self.missing: list[Span] | None = None
        """In order; None before any was seen. What is before the first one that was seen is not known."""

    def see(self, number: int) -> bool:
        """Take in a number, and say whether it is new."""
        if self.missing is None:
            self._low = self._high = number
            self.missing = []
        elif number > self._high:
            self._lose(self._high + 1, number - 1)
            self._high = number
        elif number < self._low:
            self._lose(number + 1, self._low - 1)
            self._low = number
        else:  # late, or repeated
            missing = self.missing
            self.missing = [
                part
                for first, last in missing
                for part in (
                    ((first, number - 1), (number + 1, last)) if first <= number <= last else ((first, last),)
                )
                if part[0] <= part[1]
            ]
            return missing != self.missing
        return True

    def _lose(self, first: int, last: int) -> None:
        missing = self.missing or []
        if first <= last and len(missing) < _RANGES:
            self.missing = sorted([*missing, (first, last)])


class Rhythm:
    """When meter values were taken, and where longer than usual none were (1.6, which counts no messages)."""

    __slots__ = ("_intervals", "_last", "_longest")

    def __init__(self) -> None:
        self._last: int | None = None
        self._intervals = array("q")
        self._longest: list[Span] = []

    def beat(self, time: int | None) -> None:
        """A value was taken, or the transaction began or ended."""
        last = self._last
        if time is None or time < 0:  # a log may tell any year
            return
        if last is None or time >= last:
            self._last = time
        if last is None or time == last:
            return
        if time > last:
            if len(self._intervals) < _INTERVALS:
                self._intervals.append(time - last)
            self._keep([*self._longest, (last, time)])
        else:  # it comes late, and may fill a hole
            self._keep(
                part
                for first, end in self._longest
                for part in (((first, time), (time, end)) if first < time < end else ((first, end),))
            )

    def _keep(self, spans: Iterable[Span]) -> None:
        self._longest = sorted(spans, key=_length, reverse=True)[:_LONGEST]

    def holes(self) -> list[Span]:
        """Where values are missing, in order; none where too few came to know what is usual."""
        if len(self._intervals) < _ENOUGH:
            return []
        least = median(self._intervals) * _UNUSUAL + _SLACK
        return sorted(span for span in self._longest if _length(span) >= least)


def _length(span: Span) -> int:
    return span[1] - span[0]


class Details:
    """More of one transaction; None for what was not told. Ages and times are in ns."""

    __slots__ = (
        "_rhythm",
        "_sessions",
        "_told",
        "_youngest",
        "charging_state",
        "cost_by",
        "currency",
        "id_token_status",
        "id_token_type",
        "is_followed",
        "is_given_out",
        "offline_events",
        "oldest",
        "remote_start",
        "reservation",
        "seq_nos",
        "signed",
        "start_age",
        "stop_age",
        "stop_id_token",
        "tariff",
        "time_charging",
        "total_cost",
    )

    def __init__(self) -> None:
        self.start_age: int | None = None
        """How much later than the station tells its start was captured: what it waited in the station's queue,
        and by what the station's clock is behind. Less than nothing where that is ahead."""
        self.stop_age: int | None = None
        self.oldest: int | None = None
        """The highest age of all its messages."""
        self.offline_events = 0
        """Events that say that they were made while the station was offline (2.x)."""
        self.seq_nos = SeqNos()
        self.is_followed = False
        """Another transaction began at its place while it was open."""
        self.is_given_out = False
        self.id_token_type: str | None = None
        self.id_token_status: str | None = None
        """What the CSMS said of the token last."""
        self.stop_id_token: str | None = None
        """Of who ended it, where it was ended with a token."""
        self.charging_state: str | None = None
        """The last one (2.x)."""
        self.time_charging: int | None = None
        """Seconds in which energy flowed, as the station counts them (2.x)."""
        self.remote_start: int | None = None
        """The remoteStartId of the request that started it (2.x)."""
        self.reservation: int | None = None
        self.total_cost: float | None = None
        self.cost_by: Literal["station", "csms"] | None = None
        """Who reckoned the cost."""
        self.currency: str | None = None
        self.tariff: str | None = None
        self.signed: SignedTransaction | None = None
        """What its signed meter values prove, set by who has that judged; None: it has none."""
        self._youngest: int | None = None
        self._told: Span | None = None
        """The earliest and the latest time that its messages tell."""
        self._sessions: set[int] = set()
        self._rhythm = Rhythm()

    @property
    def sessions(self) -> int:
        """In how many sessions there are messages of it."""
        return len(self._sessions)

    @property
    def holes(self) -> list[Span]:
        """Where longer than usual no meter values came (1.6)."""
        return self._rhythm.holes()

    @property
    def clock_error(self) -> int | None:
        """By what the station's clock is behind, where that is why its messages look old: all by the same time."""
        if self.oldest is None or self._youngest is None or self._told is None:
            return None
        difference, (first, last) = self.oldest - self._youngest, self._told
        return self._youngest if difference < min(_SKEW, (last - first) / 2) else None

    def take(self, known: Transaction, message: Message, payload: dict[str, Any]) -> None:
        """Take in a message about the transaction.

        Args:
            known: the transaction, with what the message said of it already in it.
            message: a Call of the station, or the answer to its StartTransaction.
            payload: the message's; empty where it is no object.
        """
        if len(self._sessions) < _SESSIONS:
            self._sessions.add(message.session.number)
        take = _TAKERS.get((message.type, message.action))
        if take is not None:
            take(self, known, message, payload)

    def answered(self, payload: dict[str, Any]) -> None:
        """Take in the CSMS's answer to a TransactionEvent, or to a StartTransaction."""
        info = fields(payload.get("idTokenInfo")) or fields(payload.get("idTagInfo"))
        self.id_token_status = text(info.get("status")) or self.id_token_status
        self.charge(payload.get("totalCost"), "csms")

    def charge(self, total: Any, by: Literal["station", "csms"], currency: str | None = None) -> None:
        """Take in a cost, whoever says it."""
        try:
            cost = None if total is None else finite(total)
        except (TypeError, ValueError, ArithmeticError):
            cost = None
        if cost is not None:
            self.total_cost, self.cost_by = cost, by
            self.currency = currency or self.currency

    def _age(self, message: Message, time: int | None) -> int | None:
        if message.time is None or time is None:
            return None
        age = message.time - time
        if self.oldest is None or self._youngest is None or self._told is None:
            self.oldest = self._youngest = age
            self._told = time, time
        else:
            self.oldest, self._youngest = max(age, self.oldest), min(age, self._youngest)
            self._told = min(time, self._told[0]), max(time, self._told[1])
        return age

    def _started(self, known: Transaction, message: Message, payload: dict[str, Any]) -> None:
        age = self._age(message, told(payload.get("timestamp")))
        if known.start_n == message.n:
            self.start_age, self.reservation = age, whole(payload.get("reservationId"))
            self._rhythm.beat(known.start)

    def _metered(self, known: Transaction, message: Message, payload: dict[str, Any]) -> None:
        time = None
        for element in map(fields, items(payload.get("meterValue"))):
            time = told(element.get("timestamp"))
            if known.stop is None or (time is not None and time <= known.stop):
                self._rhythm.beat(time)
        self._age(message, time)

    def _stopped(self, known: Transaction, message: Message, payload: dict[str, Any]) -> None:
        self.stop_age = self._age(message, told(payload.get("timestamp")))
        self.stop_id_token = text(payload.get("idTag"))
        self._rhythm.beat(known.stop)

    def _event(self, known: Transaction, message: Message, payload: dict[str, Any]) -> None:
        get, info = payload.get, fields(payload.get("transactionInfo"))
        age, seq_no = self._age(message, told(get("timestamp"))), whole(get("seqNo"))
        if known.start_n == message.n:
            self.start_age = age
        if known.stop_n == message.n:
            self.stop_age = age
        if seq_no is None or self.seq_nos.see(seq_no):
            self.offline_events += get("offline") is True
        token = fields(get("idToken"))
        if get("eventType") == "Ended":
            self.stop_id_token = text(token.get("idToken"))
        elif self.id_token_type is None:
            self.id_token_type = text(token.get("type"))
        self.reservation = _latest(get("reservationId"), self.reservation)
        self.remote_start = _latest(info.get("remoteStartId"), self.remote_start)
        self.time_charging = _latest(info.get("timeSpentCharging"), self.time_charging)
        self.charging_state = text(info.get("chargingState")) or self.charging_state
        self.tariff = text(info.get("tariffId")) or self.tariff
        if "costDetails" in payload:
            self._reckoned(fields(get("costDetails")))

    def _reckoned(self, details: dict[str, Any]) -> None:
        """The cost as the station reckons it by its tariff (2.1)."""
        cost = fields(details.get("totalCost"))
        total = fields(cost.get("total"))
        with_tax = total.get("inclTax")
        self.charge(
            total.get("exclTax") if with_tax is None else with_tax, "station", text(cost.get("currency"))
        )

    def _start_answered(self, _known: Transaction, _message: Message, payload: dict[str, Any]) -> None:
        self.answered(payload)


def _latest(value: Any, known: int | None) -> int | None:
    value = whole(value)
    return known if value is None else value


_Taker: TypeAlias = Callable[[Details, Transaction, Message, dict[str, Any]], None]
_TAKERS: Final[Mapping[tuple[int, Any], _Taker]] = {
    (CALL, "StartTransaction"): Details._started,  # noqa: SLF001 - a table of its own class
    (CALLRESULT, "StartTransaction"): Details._start_answered,  # noqa: SLF001
    (CALL, "MeterValues"): Details._metered,  # noqa: SLF001
    (CALL, "StopTransaction"): Details._stopped,  # noqa: SLF001
    (CALL, "TransactionEvent"): Details._event,  # noqa: SLF001
}


class DetailedAssembler(Assembler):
    """Assembles transactions that have details. What it assembles otherwise is left out."""

    def __init__(self) -> None:
        super().__init__(samples=False)
        self._currencies: Recent[str | int, str] = Recent(STATIONS)
        """By station: the currency that it has for its costs."""

    def feed(self, event: Event | Notice) -> None:
        """Take the decoder's next event."""
        super().feed(event)
        if type(event) is not Message or event.session.duplicate_of is not None:
            return
        action, payload = event.action, fields(event.payload)
        if action == "TransactionEvent" and event.type == CALLRESULT and event.call is not None:
            asked = fields(fields(event.call.payload).get("transactionInfo"))
            self._charged(event, asked.get("transactionId"), payload)
        elif action == "CostUpdated" and event.type == CALL and event.direction == FROM_CSMS:
            self._charged(event, payload.get("transactionId"), {"totalCost": payload.get("totalCost")})
        elif action in _TELLING:
            for setting in settings_told(event):
                if setting.name == "Currency" and setting.value and setting.attribute == ACTUAL:
                    self._currencies[_key(event)] = setting.value

    def _charged(self, message: Message, sent: Any, payload: dict[str, Any]) -> None:
        track = self._station(message).find(identifier(sent))
        if track is None or track.transaction.details is None:
            return
        track.transaction.details.answered(payload)
        if track.transaction.details.currency is None and track.transaction.details.total_cost is not None:
            track.transaction.details.currency = self._currencies.get(_key(message))
        self._touch(track, message, {})

    def _begin(self, message: Message) -> Track:
        track = super()._begin(message)
        track.transaction.details = Details()
        return track


_TELLING: Final = frozenset({"GetVariables", "SetVariables", "NotifyReport"})


def _key(message: Message) -> str | int:
    return message.session.station or message.session.number


class _Shelf:
    """Transactions of one station of which more may come."""

    __slots__ = ("ended", "open")

    def __init__(self) -> None:
        self.open: dict[int, Transaction] = {}
        self.ended: dict[int, Transaction] = {}

    def put(self, one: Transaction) -> Iterator[Transaction]:
        """Keep one; yield those that there is no more room for."""
        if one.stop_n is None:
            self.open[one.number] = one
        else:
            self.open.pop(one.number, None)
            self.ended[one.number] = one
        for kept, most in ((self.open, OPEN), (self.ended, ENDED)):
            while len(kept) > most:
                yield kept.pop(next(iter(kept)))


class Ledger:
    """The transactions of one capture with their details, each given out once, when it is complete.

    One that has ended is complete when so many others have that nothing late can find it any more. They come in
    the order in which they began, as far as that costs no more than so much memory.
    """

    def __init__(self) -> None:
        self._assembler = DetailedAssembler()
        self._shelves: dict[str | int, _Shelf] = {}
        self._waiting: list[tuple[int, Transaction]] = []

    def feed(self, events: Iterable[Event | Notice]) -> Iterator[Transaction]:
        """Take the decoder's next events, and yield what is complete."""
        for event in events:
            self._assembler.feed(event)
        for one in self._assembler.drain().transactions:
            if one.details is None or one.details.is_given_out:
                continue
            key = one.station or one.session
            if key not in self._shelves and len(self._shelves) >= STATIONS:
                self._let_go(next(iter(self._shelves)))
            for complete in self._shelves.setdefault(key, _Shelf()).put(one):
                self._finish(complete)
        while len(self._waiting) > _IN_ORDER:
            yield heappop(self._waiting)[1]

    def close(self) -> Iterator[Transaction]:
        """The capture ends: yield all others."""
        for key in list(self._shelves):
            self._let_go(key)
        while self._waiting:
            yield heappop(self._waiting)[1]

    def _let_go(self, key: str | int) -> None:
        shelf = self._shelves.pop(key)
        for one in (*shelf.open.values(), *shelf.ended.values()):
            self._finish(one)

    def _finish(self, one: Transaction) -> None:
        if one.details is not None:
            one.details.is_given_out = True
        heappush(self._waiting, (one.number, one))
