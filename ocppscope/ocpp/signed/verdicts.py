"""What signed values prove, of each of them and of each transaction, assembled from messages.

Sources: OCA, Signed Meter Values in OCPP; OCPP 1.6 edition 2 §7.33, §7.43; OCPP 2.0.1 and 2.1 part 2,
SignedMeterValueType. A key may come in the message, once in a transaction, or in the configuration
(`MeterPublicKey1`, `MeterPublicKey[1]`; FiscalMetering.PublicKey), before or after what it verifies.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ocppscope.events import CALL, CALLRESULT, FROM_STATION, Closed, Event, Message, Notice, event
from ocppscope.ocpp.lenient import fields, identifier, items, whole
from ocppscope.ocpp.metering import BEGIN, END
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.signed.comparison import differences, differs_from, total
from ocppscope.ocpp.signed.envelopes import Found, found_in, is_in
from ocppscope.ocpp.signed.keys import PublicKey, read_key
from ocppscope.ocpp.signed.records import (
    INVALID,
    KEY_MISSING,
    NOT_SIGNED,
    NOT_VERIFIABLE,
    VALID,
    SignedReading,
    UnreadableError,
    UnsupportedError,
    Verdict,
)
from ocppscope.ocpp.signed.verify import SOURCES, Candidate, Judgement, KeySource, judge
from ocppscope.ocpp.transactions import Transaction
from ocppscope.ocpp.versions import V16
from ocppscope.ocpp.visible import visible

_STATIONS: Final = 100_000
_OPEN: Final = 1_000
_ENDED: Final = 20
_ASKED: Final = 100
_WAITING: Final = 100
"""Values of a transaction that wait for a key."""
_OVERDUE: Final = 1_000
_MOST: Final = 200
"""Signed values of one message that are looked at; there are two in a transaction's last."""
_KEYS: Final = 1_000
_REMEMBERED: Final = 500_000
_MARK_16: Final = "SignedData"
_MARK_2X: Final = "signedMeterValue"
_KEY_MARK: Final = "PublicKey"
"""A report has one of a thousand variables, and mostly none of these."""
_METER_KEY: Final = re.compile(r"(?:Meter)?PublicKey(?:\[(\d{1,6})\]|(\d{1,6}))?", re.IGNORECASE)
_WORST_FIRST: Final[tuple[Verdict, ...]] = (INVALID, NOT_VERIFIABLE, KEY_MISSING, VALID)


@dataclass(slots=True, eq=False)
class SignedTransaction:
    """What is known of a transaction that has signed values. Filled in as more becomes known."""

    station: str | None
    session: int
    """The number of the session in which it was first seen."""
    version: str | None
    id: str | None = None
    """The transactionId; None in 1.6 while the CSMS has not told it."""
    start_n: int | None = None
    """The number of the message that started it."""
    stop_n: int | None = None
    values: int = 0
    """Signed ones; what a station repeats counts again."""
    format: str = ""
    begin: SignedReading | None = None
    """The signed register, imported, at its begin."""
    end: SignedReading | None = None
    has_begin: bool = False
    has_end: bool = False
    key: PublicKey | None = None
    """The last with which a value was valid, or that came with one."""
    source: KeySource | None = None
    counts: dict[Verdict, int] = field(default_factory=dict)
    reasons: dict[Verdict, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of its values'."""
        return next((one for one in _WORST_FIRST if self.counts.get(one)), NOT_SIGNED)

    @property
    def reason(self) -> str:
        """Why it is no better; empty where it is valid."""
        return self.reasons.get(self.verdict, "")

    @property
    def energy(self) -> int | None:
        """In Wh, by the signed registers alone."""
        if self.begin is None or self.end is None:
            return None
        begin, end = self.begin.energy, self.end.energy
        return None if begin is None or end is None else whole(float(end - begin))


@event
class SignedValue:
    """One signed value, and what became of it."""

    n: int
    """The message's number."""
    transaction: SignedTransaction | None
    context: str | None
    found: Found
    judgement: Judgement
    differences: tuple[str, ...] = ()
    """From the unsigned values beside it."""
    key_change: str = ""
    """How its key is another than was known; empty where it is not."""
    is_again: bool = False
    """It was given out before, without a key."""


@event
class Drained:
    """What is new since it was last asked."""

    values: list[SignedValue]
    transactions: list[SignedTransaction]
    """New and changed ones, each once."""
    keyless: list[SignedValue]
    """For which no key has come until their session closed, or at all."""
    unfinished: list[SignedTransaction]
    """Over, with a signed begin and no signed end."""
    registers: list[tuple[SignedTransaction, str]]
    """Where `meterStart` or `meterStop` differs from the signed register."""
    left_out: int
    """Signed values that were not looked at: there were too many in their message."""


_Place: TypeAlias = int | None
"""A connector in 1.6, an EVSE in 2.x; None and 0: the station."""


class _Track:
    """A transaction, and what is needed to go on with it."""

    __slots__ = ("is_over", "is_told", "key", "meter_start", "meter_stop", "place", "transaction", "waiting")

    def __init__(self, transaction: SignedTransaction, place: _Place) -> None:
        self.transaction = transaction
        self.place = place
        self.meter_start: int | None = None
        self.meter_stop: int | None = None
        self.key: PublicKey | None = None
        """The one that came in its messages."""
        self.waiting: list[SignedValue] = []
        """Without a key so far."""
        self.is_over = False
        self.is_told = False
        """That it is unfinished was said."""


class _Station:
    __slots__ = ("asked", "at", "configured", "ended", "open")

    def __init__(self) -> None:
        self.open: Recent[str, _Track] = Recent(_OPEN)
        self.ended: Recent[str, _Track] = Recent(_ENDED)
        self.at: Recent[_Place, _Track] = Recent(_OPEN)
        """By connector (1.6): what began there last."""
        self.asked: Recent[int, _Track] = Recent(_ASKED)
        """By the number of a StartTransaction without an answer."""
        self.configured: Recent[_Place, tuple[PublicKey | None, str]] = Recent(_KEYS)
        """By place: the key, or what is wrong with it."""

    def find(self, identity: str | None) -> _Track | None:
        return None if identity is None else self.open.get(identity) or self.ended.get(identity)

    def tracks(self) -> Iterator[_Track]:
        yield from dict.fromkeys((*self.open.values(), *self.ended.values(), *self.at.values()))

    def configured_for(self, place: _Place) -> tuple[PublicKey | None, str]:
        """The key of a connector or EVSE; the station's, or the only one, where that has none.

        Returns:
            It, or what is wrong with it.
        """
        for where in (place, None, 0):
            if where in self.configured:
                return self.configured[where]
        if place is None and len(self.configured) == 1:
            return next(iter(self.configured.values()))
        return None, ""


class Assembler:
    """Judges the signed values of one capture, or of one station.

    Memory grows with stations and open transactions only, as long as what is new is drained.

    Args:
        keys: public keys that are known from elsewhere.
    """

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._given = tuple(keys)
        self._stations: Recent[str | int, _Station] = Recent(_STATIONS)
        self._values: list[SignedValue] = []
        self._changed: dict[int, SignedTransaction] = {}
        self._keyless: list[SignedValue] = []
        self._unfinished: list[SignedTransaction] = []
        self._registers: list[tuple[SignedTransaction, str]] = []
        self._left_out = 0
        self._takers: Mapping[tuple[int, Any], Callable[[Message, dict[str, Any]], None]] = {
            (CALL, "StartTransaction"): self._start,
            (CALLRESULT, "StartTransaction"): self._answered,
            (CALL, "StopTransaction"): self._stop,
            (CALL, "MeterValues"): self._metered,
            (CALL, "TransactionEvent"): self._event,
            (CALL, "NotifyReport"): self._reported,
            (CALLRESULT, "GetConfiguration"): self._got_configuration,
            (CALLRESULT, "ChangeConfiguration"): self._changed_configuration,
            (CALLRESULT, "GetVariables"): self._got_variables,
            (CALLRESULT, "SetVariables"): self._set_variables,
        }

    def feed(self, event: Event | Notice) -> None:
        """Take the decoder's next event. Most are of no concern."""
        if type(event) is not Message:
            if isinstance(event, Closed):
                self._close(event)
            return
        try:
            take = self._takers.get((event.type, event.action))
        except TypeError:  # an action that cannot be a key
            return
        if take is not None and event.session.duplicate_of is None and _is_from_its_side(event):
            take(event, fields(event.payload))

    @property
    def is_quiet(self) -> bool:
        """There is nothing to drain."""
        return not (
            self._values
            or self._changed
            or self._keyless
            or self._unfinished
            or self._registers
            or self._left_out
        )

    def drain(self) -> Drained:
        """Give out what is new and what has changed since the last time."""
        out = Drained(
            self._values,
            list(self._changed.values()),
            self._keyless,
            self._unfinished,
            self._registers,
            self._left_out,
        )
        self._values, self._keyless, self._unfinished, self._registers = [], [], [], []
        self._changed, self._left_out = {}, 0
        return out

    def _station(self, message: Message | Closed) -> _Station:
        key = message.session.station or message.session.number
        station = self._stations.get(key)
        if station is None:
            station = self._stations[key] = _Station()
        return station

    # --- OCPP 1.6 ---

    def _begin(self, message: Message, place: _Place, identity: str | None) -> _Track:
        session = message.session
        return _Track(SignedTransaction(session.station, session.number, session.version, identity), place)

    def _start(self, message: Message, payload: dict[str, Any]) -> None:
        station = self._station(message)
        place = whole(payload.get("connectorId"))
        before = station.at.pop(place, None)
        if before is not None and before.is_over:
            self._settle(before)
        track = station.at[place] = station.asked[message.n] = self._begin(message, place, None)
        track.transaction.start_n = message.n
        track.meter_start = whole(payload.get("meterStart"))

    def _answered(self, message: Message, payload: dict[str, Any]) -> None:
        station = self._station(message)
        track = station.asked.pop(message.call.n, None) if message.call else None
        identity = identifier(payload.get("transactionId"))
        if track is None or identity is None:
            return
        track.transaction.id = identity
        guessed = station.open.pop(identity, None)
        station.open[identity] = track
        if guessed is not None and guessed is not track:  # values of it came before
            station.ended[identity] = guessed

    def _track_16(self, message: Message, payload: dict[str, Any], place: _Place) -> _Track | None:
        """The transaction that a message of 1.6 names; the one at its connector, while that has no id yet."""
        station = self._station(message)
        identity = identifier(payload.get("transactionId"))
        track = station.find(identity)
        if track is None:
            here = station.at.get(place)
            if here is not None and (
                not here.is_over if identity is None else here.transaction.id in (None, identity)
            ):
                track = here
        if track is None and identity is not None:
            track = station.open[identity] = self._begin(message, place, identity)
        if track is not None and place is not None and track.place is None:
            track.place = place
        return track

    def _metered(self, message: Message, payload: dict[str, Any]) -> None:
        if not has_signed(message):
            return
        place = whole(payload.get("connectorId", payload.get("evseId")))
        track = None
        if "connectorId" in payload:
            track = self._track_16(message, payload, place)
        self._take(message, track, place, payload.get("meterValue"))

    def _stop(self, message: Message, payload: dict[str, Any]) -> None:
        station = self._station(message)
        identity = identifier(payload.get("transactionId"))
        track = station.find(identity)
        if track is None:
            waiting = [one for one in station.at.values() if one.transaction.id is None and not one.is_over]
            track = waiting[0] if len(waiting) == 1 else None
        if track is None:
            if not has_signed(message) or identity is None:
                return
            track = self._begin(message, None, identity)
        track.meter_stop = whole(payload.get("meterStop"))
        self._take(message, track, track.place, payload.get("transactionData"))
        self._end(station, track, message, identity)

    def _end(self, station: _Station, track: _Track, message: Message, identity: str | None) -> None:
        known = track.transaction
        known.stop_n = message.n
        track.is_over = True
        if identity is not None:
            station.open.pop(identity, None)
            if known.values:
                known.id = identity
                station.ended.pop(identity, None)
                if len(station.ended) >= _ENDED:
                    self._settle(next(iter(station.ended.values())))
                station.ended[identity] = track
        if known.values:
            self._changed[id(known)] = known
        elif station.at.get(track.place) is track:
            del station.at[track.place]

    # --- OCPP 2.x ---

    def _event(self, message: Message, payload: dict[str, Any]) -> None:
        signs = has_signed(message)
        if not signs and payload.get("eventType") != "Ended":
            return
        identity = identifier(fields(payload.get("transactionInfo")).get("transactionId"))
        if identity is None:
            return
        station = self._station(message)
        place = whole(fields(payload.get("evse")).get("id"))
        track = station.find(identity)
        if track is None:
            if not signs:
                return
            track = station.open[identity] = self._begin(message, place, identity)
        if track.place is None:
            track.place = place
        if payload.get("eventType") == "Started":
            track.transaction.start_n = message.n
        self._take(message, track, track.place, payload.get("meterValue"))
        if payload.get("eventType") == "Ended":
            self._end(station, track, message, identity)

    # --- values ---

    def _take(self, message: Message, track: _Track | None, place: _Place, meter_values: Any) -> None:
        station, count = self._station(message), 0
        for element in items(meter_values) if has_signed(message) else ():
            for one in items(fields(element).get("sampledValue")):
                if type(one) is not dict or not is_in(one):
                    continue
                for found in found_in(one):
                    count += 1
                    if count > _MOST:
                        self._left_out += 1
                        continue
                    self._value(message, station, track, place, found, one, element)
        if track is not None:
            self._compare_registers(track)

    def _value(
        self,
        message: Message,
        station: _Station,
        track: _Track | None,
        place: _Place,
        found: Found,
        one: dict[str, Any],
        element: dict[str, Any],
    ) -> None:
        context = one.get("context")
        context = context if isinstance(context, str) else None
        readings = found.record.readings if found.record else ()
        judgement = self._judge(found, station, track, place)
        value = SignedValue(
            message.n,
            track.transaction if track else None,
            context,
            found,
            judgement,
            tuple(differences(readings, one, element)),
            self._key_change(station, track, place, judgement),
        )
        self._values.append(value)
        if track is not None:
            self._add(track, value)
        if judgement.verdict == KEY_MISSING:
            if track is not None and len(track.waiting) < _WAITING:
                track.waiting.append(value)
            else:
                self._keyless.append(value)
        elif track is not None and judgement.source == "message" and judgement.key is not None:
            track.key = judgement.key
            self._judge_again(station, track)

    def _judge(self, found: Found, station: _Station, track: _Track | None, place: _Place) -> Judgement:
        judgement = judge(found, self._candidates(station, track, place))
        _, problem = station.configured_for(place)
        if judgement.verdict != KEY_MISSING or judgement.faults or not problem:
            return judgement
        return Judgement(KEY_MISSING, f"in the configuration, {problem}")

    def _candidates(self, station: _Station, track: _Track | None, place: _Place) -> list[Candidate]:
        found: list[Candidate] = []
        if track is not None and track.key is not None:
            found.append((track.key, "message"))
        configured, _ = station.configured_for(place)
        if configured is not None:
            found.append((configured, "configuration"))
        found += [(one, "option") for one in self._given]
        return found

    def _key_change(
        self, station: _Station, track: _Track | None, place: _Place, judgement: Judgement
    ) -> str:
        """How the key in a message is another than the one before it in the transaction, or than is known."""
        key = judgement.key
        if key is None or judgement.source != "message":
            return ""
        before = track.key if track is not None else None
        if before is not None and before != key:
            return f"the key changes within the transaction: {before}, then {key}"
        configured, _ = station.configured_for(place)
        if configured is not None and configured != key:
            return f"the key in the message is {key}, the configured one {configured}"
        if self._given and key not in self._given:
            return f"the key in the message is {key}, which is none of those of --public-key"
        return ""

    def _add(self, track: _Track, value: SignedValue) -> None:
        known, record, judgement = track.transaction, value.found.record, value.judgement
        known.values += 1
        _count(known, judgement, 1)
        if judgement.key is not None:
            known.key, known.source = judgement.key, judgement.source
        self._changed[id(known)] = known
        if record is None:
            return
        known.format = record.format
        moments = {one.moment for one in record.readings} - {None} or {value.context}
        known.has_begin |= BEGIN in moments
        known.has_end |= END in moments
        for moment, name in ((BEGIN, "begin"), (END, "end")):
            reading = total(record.readings, moment)
            if reading is None and moments == {moment}:
                reading = total(record.readings)
            if reading is not None and (name == "end" or known.begin is None):
                setattr(known, name, reading)

    def _compare_registers(self, track: _Track) -> None:
        """`meterStart` and `meterStop` with the signed registers, each once."""
        known = track.transaction
        if track.meter_start is not None and known.begin is not None:
            self._differs(known, differs_from("meterStart", track.meter_start, known.begin))
            track.meter_start = None
        if track.meter_stop is not None and known.end is not None:
            self._differs(known, differs_from("meterStop", track.meter_stop, known.end))
            track.meter_stop = None

    def _differs(self, known: SignedTransaction, how: str) -> None:
        if how:
            self._registers.append((known, how))

    def _judge_again(self, station: _Station, track: _Track) -> None:
        """Those that had no key, now that there is one."""
        waiting, track.waiting = track.waiting, []
        for value in waiting:
            judgement = self._judge(value.found, station, track, track.place)
            if judgement.verdict == KEY_MISSING:
                track.waiting.append(value)
                continue
            known = track.transaction
            _count(known, value.judgement, -1)
            _count(known, judgement, 1)
            known.key, known.source = judgement.key, judgement.source
            self._changed[id(known)] = known
            self._values.append(_with(value, judgement=judgement, differences=(), is_again=True))

    # --- ends ---

    def _settle(self, track: _Track) -> None:
        """Nothing more of a transaction is waited for, for now."""
        known = track.transaction
        self._keyless += track.waiting
        track.waiting = []
        if track.is_over and known.has_begin and not known.has_end and not track.is_told:
            track.is_told = True
            if len(self._unfinished) < _OVERDUE:
                self._unfinished.append(known)

    def _close(self, closed: Closed) -> None:
        key = closed.session.station or closed.session.number
        station = self._stations.get(key)
        if station is None or closed.session.duplicate_of is not None:
            return
        for track in station.tracks():
            if track.transaction.values:
                self._settle(track)
        if closed.session.station is None:
            del self._stations[key]

    # --- keys in the configuration ---

    def _configure(self, message: Message, place: _Place, value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            return
        station = self._station(message)
        try:
            station.configured[place] = read_key(value), ""
        except (UnreadableError, UnsupportedError) as error:
            station.configured[place] = None, str(error)
            return
        for track in station.tracks():
            if track.waiting:
                self._judge_again(station, track)

    def _key_named(self, message: Message, name: Any, value: Any) -> None:
        match = _METER_KEY.fullmatch(name) if isinstance(name, str) else None
        if match is not None:
            number = match[1] or match[2]
            self._configure(message, int(number) if number else None, value)

    def _got_configuration(self, message: Message, payload: dict[str, Any]) -> None:
        for one in items(payload.get("configurationKey")):
            self._key_named(message, fields(one).get("key"), fields(one).get("value"))

    def _changed_configuration(self, message: Message, payload: dict[str, Any]) -> None:
        asked = fields(message.call.payload) if message.call else {}
        if payload.get("status") == "Accepted":
            self._key_named(message, asked.get("key"), asked.get("value"))

    def _variable(self, message: Message, one: dict[str, Any], value: Any) -> None:
        """2.x: a key belongs to the EVSE of its component."""
        name = fields(one.get("variable")).get("name")
        evse = whole(fields(fields(one.get("component")).get("evse")).get("id"))
        if evse is not None and isinstance(name, str) and name.lower() in ("publickey", "meterpublickey"):
            self._configure(message, evse, value)
        else:
            self._key_named(message, name, value)

    def _got_variables(self, message: Message, payload: dict[str, Any]) -> None:
        for one in items(payload.get("getVariableResult")):
            self._variable(message, fields(one), fields(one).get("attributeValue"))

    def _set_variables(self, message: Message, payload: dict[str, Any]) -> None:
        asked = items(fields(message.call.payload).get("setVariableData")) if message.call else []
        for one, result in zip(asked, items(payload.get("setVariableResult")), strict=False):
            if fields(result).get("attributeStatus") == "Accepted":
                self._variable(message, fields(one), fields(one).get("attributeValue"))

    def _reported(self, message: Message, payload: dict[str, Any]) -> None:
        if _KEY_MARK not in message.raw:
            return
        for one in items(payload.get("reportData")):
            for attribute in items(fields(one).get("variableAttribute")):
                self._variable(message, fields(one), fields(attribute).get("value"))


class Verdicts:
    """What the signed values of a capture's transactions prove, asked for by transaction.

    Args:
        keys: public keys that are known from elsewhere.
    """

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._assembler = Assembler(keys)
        self._known: Recent[Hashable, SignedTransaction] = Recent(_REMEMBERED)

    def feed(self, event: Event | Notice) -> None:
        """Take the decoder's next event."""
        assembler = self._assembler
        assembler.feed(event)
        if assembler.is_quiet:
            return
        for known in assembler.drain().transactions:
            for number in (known.start_n, known.stop_n):
                if number is not None:
                    self._known[number] = known
            if known.id is not None:
                self._known[known.station or known.session, known.id] = known

    def of(self, transaction: Transaction) -> SignedTransaction | None:
        """Of one of `transactions.Assembler`'s, fed with the same events; None: it is not signed."""
        keys: tuple[Hashable, ...] = (
            transaction.start_n,
            transaction.stop_n,
            (transaction.station or transaction.session, transaction.id),
        )
        return next((self._known[key] for key in keys if key in self._known), None)


def may_concern(message: Message) -> bool:
    """The first look at a message, and mostly the last: whether it may have something signed, or end what had.

    A long name is found sooner than a short one: most of the text is skipped.
    """
    action = message.action
    if action == "MeterValues":
        return (_MARK_16 if message.session.version == V16 else _MARK_2X) in message.raw
    if action == "TransactionEvent":
        return _MARK_2X in message.raw or fields(message.payload).get("eventType") == "Ended"
    return True


def has_signed(message: Message) -> bool:
    """Whether a message seems to have a signed value."""
    return (_MARK_16 if message.session.version == V16 else _MARK_2X) in message.raw


def _is_from_its_side(message: Message) -> bool:
    """Calls here are the station's, and so are answers, except to StartTransaction."""
    return (message.direction == FROM_STATION) == (
        message.action != "StartTransaction" or message.type == CALL
    )


def _count(known: SignedTransaction, judgement: Judgement, by: int) -> None:
    verdict = judgement.verdict
    known.counts[verdict] = known.counts.get(verdict, 0) + by
    if judgement.reason:
        known.reasons.setdefault(verdict, judgement.reason)


def _with(value: SignedValue, **changes: Any) -> SignedValue:
    names = ("n", "transaction", "context", "found", "judgement", "differences", "key_change", "is_again")
    return SignedValue(**({name: getattr(value, name) for name in names} | changes))


# --- in words ---


def described(found: Found, judgement: Judgement) -> str:
    """A signed value in one line: `OCMF 1.0: begin 259.6 Wh, end 259.7 Wh; valid by the key in the message`."""
    record = found.record
    if record is None:
        return visible(told_verdict(judgement))
    said = ", ".join(_reading(one) for one in record.readings[:4]) or "no readings"
    more = len(record.readings) - 4
    said += f" and {more} more" if more > 0 else ""
    return visible(f"{record.format}: {said}; {told_verdict(judgement)}")


def told_verdict(judgement: Judgement) -> str:
    """`valid by the key in the message (secp256r1 2eaae97b)`, `not verifiable: the curve secp192k1 is not …`."""
    if judgement.verdict == VALID and judgement.source is not None:
        return f"{VALID} by {SOURCES[judgement.source]} ({judgement.key})"
    return f"{judgement.verdict}: {judgement.reason}"


def _reading(one: SignedReading) -> str:
    name = {BEGIN: "begin ", END: "end "}.get(one.moment or "", "")
    if one.value is None:
        return f"{name}no value"
    return f"{name}{one.value.normalize():,f} {one.unit or ''}".rstrip()


def in_sample(one: Any, keys: Iterable[PublicKey] = ()) -> list[str]:
    """What is to be said of a sampled value by itself: one line for each signed value in it.

    Args:
        one: the SampledValue, as it was on the wire.
        keys: public keys that are known from elsewhere.
    """
    if type(one) is not dict or not is_in(one):
        return []
    candidates: list[Candidate] = [(key, "option") for key in keys]
    return [described(found, judge(found, candidates)) for found in found_in(one)[:_ENDED]]
