"""Charging transactions, assembled from messages, over as many sessions of a station as they take.

Sources: StartTransaction, StopTransaction and MeterValues of OCPP 1.6 edition 2 (§4.7, §4.8, §4.10, errata 3.18
and 3.54); TransactionEvent of OCPP 2.0.1 and 2.1 part 2 (functional block E).

A station repeats what was not answered, and sends late what it queued: a message that comes again adds nothing,
and one that comes late finds its transaction, also when that has stopped. What began before the capture, or
was lost, is assembled from what is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import CALL, CALLERROR, CALLRESULT, FROM_STATION, Event, Message, Notice, event
from ocppscope.ocpp.connectors import ConnectorState, StationInfo, availability_told, booted, status_told
from ocppscope.ocpp.lenient import fields, identifier, text, told, whole
from ocppscope.ocpp.metering import BEGIN, END, ENERGY, Reading, sampled
from ocppscope.ocpp.recent import Recent

if TYPE_CHECKING:
    from ocppscope.ocpp.transaction_details import Details

STATIONS: Final = 100_000
OPEN: Final = 1_000
"""Transactions of a station that may be open at once: some stations are a hub of hundreds of connectors, and
a transaction whose end was lost stays open."""
ENDED: Final = 20
"""Ended transactions of a station that may still be named: by a repetition, by values that come late."""
_ASKED: Final = 100
_NO_ID: Final = frozenset({None, "-1", "0"})
"""What stations send for a transactionId that they were never told (errata 3.18 asks for -1)."""
_REMEMBERED: Final = 100
"""Readings of one message, for each open transaction."""
_DEFAULT_REASON: Final = "Local"
"""That one may be omitted (1.6 §4.10; 2.0.1 E06.FR.08)."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One charging transaction. Unlike an event it is filled in as more becomes known."""

    number: int
    """From 1, in the order in which they were first seen."""
    station: str | None
    session: int
    """The number of the session in which it was first seen."""
    version: str | None
    id: str | None = None
    """The transactionId. None in 1.6 while the CSMS has not told it, which it does in its answer."""
    evse: int | None = None
    """None in 1.6."""
    connector: int | None = None
    id_token: str | None = None
    """With which it was started; None where it was not seen."""
    start: int | None = None
    """When it started, by the station's clock, in ns; None where its start is not in the capture. Where the
    station tells no time, when its start was captured."""
    stop: int | None = None
    meter_start: int | None = None
    """Wh, by the meter's register."""
    meter_stop: int | None = None
    energy: int | None = None
    """Wh, up to when it was drained: by the register at start and stop; where one is not known, by the samples."""
    reason: str | None = None
    """Why it stopped; None while it is not known to have."""
    start_n: int | None = None
    """The number of the message that started it: of the first, where it was repeated."""
    stop_n: int | None = None
    details: "Details | None" = None
    """More of it, where an assembler was asked for that (`transaction_details`); a store does not keep it."""


@event
class Sample:
    """One value that was measured during a transaction."""

    transaction: int
    """The transaction's number."""
    n: int
    """The message's number."""
    time: int | None
    """That the station tells, in ns; else that of the capture."""
    measurand: str
    """One of `metering.UNITS`: `power`, `energy`, `soc` …"""
    value: float
    """In W, Wh, %, A or V, as `metering.UNITS` says."""


@event
class Drained:
    """What is new since it was last asked."""

    transactions: list[Transaction]
    """New and changed ones, each once."""
    samples: list[Sample]
    """As they came: ordered by `n`. What a station repeats at a transaction's end is here again."""
    connector_states: list[ConnectorState]
    stations: list[StationInfo]


_Place: TypeAlias = tuple[int | None, int | None]
"""Where a transaction takes place: in 1.6 (None, connector), in 2.x (EVSE, None)."""
_At: TypeAlias = tuple[int | None, float]
"""A time in ns, and the register then in Wh."""


class Track:
    """A transaction, and what is needed to go on with it."""

    __slots__ = ("first", "last", "latest", "place", "readings", "refused", "transaction")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.place: _Place = (None, None)
        self.refused = False
        """Its start was answered with a CallError."""
        self.first: _At | None = None
        self.last: _At | None = None
        self.readings: list[Reading] = []
        """Of its last message that had any."""
        self.latest: tuple[Message, Any] | None = None
        """The last meter values that nobody has read yet, and the message that they came in."""

    @property
    def is_unconfirmed(self) -> bool:
        """It started, and no transactionId is known."""
        known = self.transaction
        return known.id is None and known.start_n is not None and known.stop_n is None

    def is_started_by(self, start: int | None, meter_start: int | None, id_token: str | None) -> bool:
        """Whether a StartTransaction at its connector repeats the one that started it."""
        known = self.transaction
        same = (known.start, known.meter_start, known.id_token) == (start, meter_start, id_token)
        return same and start is not None and known.start_n is not None and known.stop_n is None

    def register(self, time: int | None, value: float, moment: str | None) -> None:
        """Take in what the meter's register showed."""
        known, at = self.transaction, (time, value)
        if self.first is None or _is_before(time, self.first[0]):
            self.first = at
        if self.last is None or not _is_before(time, self.last[0]):
            self.last = at
        if moment is BEGIN and known.meter_start is None:
            known.meter_start = whole(value)
        elif moment is END and known.meter_stop is None:
            known.meter_stop = whole(value)

    def energy(self) -> int | None:
        """What was charged so far, in Wh."""
        begin, end = self.transaction.meter_start, self.transaction.meter_stop
        if begin is not None and end is not None:
            return whole(end - begin)
        if self.first is None or self.last is None:
            return None
        last = self.last[1] if end is None else end
        # Some stations tell a lifetime register at the start, and count from 0 in their samples.
        first = self.first[1] if begin is None or begin > last else begin
        is_one_reading = begin is None and self.first is self.last and first == last
        return None if is_one_reading else whole(last - first)


def _is_before(time: int | None, other: int | None) -> bool:
    return time is not None and other is not None and time < other


class _Station:
    """The transactions of one station that messages may name."""

    __slots__ = ("asked", "at", "ended", "metered", "open")

    def __init__(self) -> None:
        self.open: Recent[str, Track] = Recent(OPEN)
        """By id."""
        self.ended: Recent[str, Track] = Recent(ENDED)
        """By id: those that have ended, and ids that were replaced."""
        self.at: Recent[_Place, Track] = Recent(OPEN)
        """By place: what began there last, while it is open."""
        self.asked: Recent[int, Track] = Recent(_ASKED)
        """By the number of a StartTransaction that was not answered yet."""
        self.metered: tuple[Any, Track] | None = None
        """The transactionId of the last MeterValues, as it was sent, and its transaction."""

    def find(self, identity: str | None) -> Track | None:
        return None if identity is None else self.open.get(identity) or self.ended.get(identity)

    def name(self, track: Track, identity: str) -> None:
        """A transaction's id becomes known, or is another one: a CSMS may answer a repetition differently."""
        known = track.transaction
        if known.id is not None and known.id != identity and self.open.get(known.id) is track:
            self.ended[known.id] = self.open.pop(known.id)
        known.id = identity
        (self.open if known.stop_n is None else self.ended)[identity] = track

    def settle(self, track: Track, place: _Place) -> None:
        """Where a transaction takes place becomes known."""
        track.place = place
        if place != (None, None) and track.transaction.stop_n is None:
            before = self.at.pop(place, None)  # so that they stand in the order in which they began
            self.at[place] = track
            if before is not None and before is not track and before.transaction.details is not None:
                before.transaction.details.is_followed = True

    def end(self, track: Track, identity: str) -> None:
        if self.open.get(identity) is track:
            del self.open[identity]
        if self.at.get(track.place) is track:
            del self.at[track.place]
        self.ended.pop(identity, None)  # so that it is remembered from now
        self.ended[identity] = track
        track.readings = []

    def stopped_by(self, identity: str | None, meter_stop: int | None) -> Track | None:
        """The transaction that a StopTransaction means whose id is not known: its start had no answer."""
        waiting = [track for track in self.at.values() if track.is_unconfirmed]
        if identity in _NO_ID:
            return waiting[-1] if waiting else None
        # An answer that the capture lost; to be sure, only where there is no choice.
        waiting = [track for track in waiting if not track.refused]
        if len(waiting) != 1:
            return None
        meter_start = waiting[0].transaction.meter_start
        fits = meter_start is None or meter_stop is None or meter_start <= meter_stop
        return waiting[0] if fits else None


class Assembler:
    """Assembles the transactions of one capture.

    Memory grows with stations and open transactions only, as long as what is new is drained.

    Args:
        samples: False where only the transactions are wanted: of the values that come during one, those are read
            that its energy depends on. Reading all of them is most of the work.
    """

    def __init__(self, *, samples: bool = True) -> None:
        self._reads_all = samples
        self._stations: Recent[str | int, _Station] = Recent(STATIONS)
        self._number = 0
        self._changed: dict[int, Track] = {}
        self._samples: list[Sample] = []
        self._states: list[ConnectorState] = []
        self._infos: dict[str, StationInfo] = {}
        self._takers: Mapping[tuple[int, Any], Callable[[Message, dict[str, Any]], None]] = {
            (CALL, "StartTransaction"): self._start,
            (CALLRESULT, "StartTransaction"): self._answered,
            (CALLERROR, "StartTransaction"): self._refused,
            (CALL, "StopTransaction"): self._stop,
            (CALL, "MeterValues"): self._metered,
            (CALL, "TransactionEvent"): self._event,
            (CALL, "StatusNotification"): self._status,
            (CALL, "NotifyEvent"): self._notified,
            (CALL, "BootNotification"): self._boot,
        }

    def feed(self, event: Event | Notice) -> None:
        """Take the decoder's next event. Most are of no concern: they cost one look into a table."""
        if type(event) is not Message:
            return
        try:
            take = self._takers.get((event.type, event.action))
        except TypeError:  # an action that cannot be a key
            return
        if (
            take is not None
            and event.session.duplicate_of is None
            and (event.direction == FROM_STATION) == (event.type == CALL)
        ):
            take(event, fields(event.payload))

    def drain(self) -> Drained:
        """Give out what is new and what has changed since the last time."""
        for track in self._changed.values():
            self._catch_up(track)
            track.transaction.energy = track.energy()
        changed = [track.transaction for track in self._changed.values()]
        out = Drained(changed, self._samples, self._states, list(self._infos.values()))
        self._changed, self._samples, self._states, self._infos = {}, [], [], {}
        return out

    # --- what transactions have in common ---

    def _station(self, message: Message) -> _Station:
        """By identity; where that is not known, a session is a station of its own."""
        key = message.session.station or message.session.number
        station = self._stations.get(key)
        if station is None:
            station = self._stations[key] = _Station()
        return station

    def _begin(self, message: Message) -> Track:
        self._number += 1
        session = message.session
        return Track(Transaction(self._number, session.station, session.number, session.version))

    def _touch(self, track: Track, message: Message, payload: dict[str, Any]) -> None:
        """Note that a message was about a transaction."""
        self._changed[track.transaction.number] = track
        if track.transaction.details is not None:
            track.transaction.details.take(track.transaction, message, payload)

    def _measure_later(self, track: Track, message: Message, meter_values: Any) -> None:
        """Take in samples; where only the transactions are wanted, of many messages the first and the last."""
        needs_start = track.first is None and track.transaction.meter_start is None
        if self._reads_all or needs_start:
            self._measure(track, message, meter_values)
        else:
            track.latest = message, meter_values

    def _catch_up(self, track: Track) -> None:
        if track.latest is not None:
            message, meter_values = track.latest
            track.latest = None
            if track.transaction.meter_stop is None:
                self._measure(track, message, meter_values)

    def _measure(self, track: Track, message: Message, meter_values: Any) -> bool:
        """Take in samples, and say whether the register was among them."""
        readings = sampled(meter_values)
        if not readings:
            return False
        if readings == track.readings and readings[0][0] is not None:
            # Repeated. Without times, equal values would be no sign of that.
            return any(measurand == ENERGY for _, _, measurand, _ in readings)
        number, n, add, metered = track.transaction.number, message.n, self._samples.append, False
        for told_time, moment, measurand, value in readings:
            time = message.time if told_time is None else told_time
            if self._reads_all:
                add(Sample(number, n, time, measurand, value))
            if measurand == ENERGY:
                track.register(time, value, moment)
                metered = True
        track.readings = readings if len(readings) <= _REMEMBERED else []
        return metered

    # --- OCPP 1.6 ---

    def _start(self, message: Message, payload: dict[str, Any]) -> None:
        station = self._station(message)
        connector = whole(payload.get("connectorId"))
        start, meter_start = told(payload.get("timestamp")), whole(payload.get("meterStart"))
        id_token = text(payload.get("idTag"))
        track = station.at.get((None, connector))
        if track is None or not track.is_started_by(start, meter_start, id_token):
            track = self._begin(message)
            known = track.transaction
            known.connector, known.id_token, known.meter_start = connector, id_token, meter_start
            known.start, known.start_n = message.time if start is None else start, message.n
            station.settle(track, (None, connector))
            self._touch(track, message, payload)
        station.asked[message.n] = track

    def _answered(self, message: Message, payload: dict[str, Any]) -> None:
        station, call = self._station(message), message.call
        track = None if call is None else station.asked.pop(call.n, None)
        identity = identifier(payload.get("transactionId"))
        if track is not None and identity is not None:
            station.name(track, identity)
            self._touch(track, message, payload)

    def _refused(self, message: Message, _: dict[str, Any]) -> None:
        call = message.call
        track = None if call is None else self._station(message).asked.pop(call.n, None)
        if track is not None:
            track.refused = True

    def _stop(self, message: Message, payload: dict[str, Any]) -> None:
        station, identity = self._station(message), identifier(payload.get("transactionId"))
        time, meter_stop = told(payload.get("timestamp")), whole(payload.get("meterStop"))
        stop = message.time if time is None else time
        track = station.find(identity)
        if track is not None and track.transaction.stop_n is not None:
            if identity not in _NO_ID or track.transaction.stop == stop:
                return  # repeated
            track = None
        if track is None:
            track = station.stopped_by(identity, meter_stop) or self._begin(message)
            if identity is not None and (identity not in _NO_ID or track.transaction.start_n is None):
                station.name(track, identity)
        known = track.transaction
        known.stop, known.stop_n = stop, message.n
        known.reason = text(payload.get("reason")) or _DEFAULT_REASON
        if meter_stop is not None:
            known.meter_stop = meter_stop
        if self._reads_all or meter_stop is None:
            self._catch_up(track)
            self._measure(track, message, payload.get("transactionData"))
        station.end(track, known.id or identity or "-1")
        self._touch(track, message, payload)

    def _metered(self, message: Message, payload: dict[str, Any]) -> None:
        """MeterValues; those of 2.x belong to no transaction, unless one is going on at the EVSE."""
        station, sent, meter_values = (
            self._station(message),
            payload.get("transactionId"),
            payload.get("meterValue"),
        )
        last = station.metered
        if last is not None and type(sent) is int and last[0] == sent and last[1].transaction.stop_n is None:
            self._measure_later(last[1], message, meter_values)
            self._touch(last[1], message, payload)
            return
        evse, connector = whole(payload.get("evseId")), whole(payload.get("connectorId"))
        identity = identifier(sent)
        track = self._metered_of(message, station, identity, (evse, connector))
        if track is not None:
            if identity not in _NO_ID and track.place != (None, None):
                station.metered = sent, track
            self._measure_later(track, message, meter_values)
            self._touch(track, message, payload)

    def _metered_of(
        self, message: Message, station: _Station, identity: str | None, place: _Place
    ) -> Track | None:
        track, here = station.find(identity), station.at.get(place)
        if identity in _NO_ID and (track is None or track.transaction.stop_n is not None):
            return here
        if track is None and here is not None and here.is_unconfirmed and not here.refused:
            track = here  # the capture lost the answer that named it
        if track is None:
            track = self._begin(message)
        if identity is not None and track.transaction.id is None:
            station.name(track, identity)
        if place[1] and track.place == (None, None):  # connector 0 is the station itself
            track.transaction.connector = place[1]
            station.settle(track, place)
        return track

    # --- OCPP 2.x ---

    def _event(self, message: Message, payload: dict[str, Any]) -> None:
        station, info = self._station(message), fields(payload.get("transactionInfo"))
        identity = identifier(info.get("transactionId"))
        if identity is None:
            return
        kind, time = payload.get("eventType"), told(payload.get("timestamp"))
        time = message.time if time is None else time
        track = station.find(identity)
        if track is not None and kind == "Started" and _is_another(track.transaction, time):
            track = None
        if track is None:
            track = self._begin(message)
            station.name(track, identity)
        known = track.transaction
        if kind == "Ended" and known.stop_n is not None:
            return  # repeated
        self._place(station, track, fields(payload.get("evse")))
        if known.id_token is None and kind != "Ended":  # at the end, it is of who ends it
            known.id_token = text(fields(payload.get("idToken")).get("idToken"))
        metered = False
        if kind == "Updated":
            self._measure_later(track, message, payload.get("meterValue"))
        else:
            self._catch_up(track)
            metered = self._measure(track, message, payload.get("meterValue"))
        if kind == "Started" and known.start_n is None:
            known.start, known.start_n = time, message.n
            if metered and known.meter_start is None and track.first is not None:
                known.meter_start = whole(track.first[1])
        elif kind == "Ended":
            known.stop, known.stop_n = time, message.n
            known.reason = text(info.get("stoppedReason")) or _DEFAULT_REASON
            if metered and known.meter_stop is None and track.last is not None:
                known.meter_stop = whole(track.last[1])
            station.end(track, identity)
        self._touch(track, message, payload)

    def _place(self, station: _Station, track: Track, evse: dict[str, Any]) -> None:
        known, number = track.transaction, whole(evse.get("id"))
        if known.evse is None and number is not None:
            known.evse = number
            station.settle(track, (number, None))
        if known.connector is None:
            known.connector = whole(evse.get("connectorId"))

    # --- stations and connectors ---

    def _status(self, message: Message, payload: dict[str, Any]) -> None:
        self._states.extend(status_told(message, payload))

    def _notified(self, message: Message, payload: dict[str, Any]) -> None:
        self._states.extend(availability_told(message, payload))

    def _boot(self, message: Message, payload: dict[str, Any]) -> None:
        info = booted(message, payload)
        if info is not None:
            self._infos.pop(info.station, None)
            self._infos[info.station] = info


def _is_another(known: Transaction, start: int | None) -> bool:
    """Whether a Started means a new transaction under an old id (2.0.1 E01.FR.08 forbids that)."""
    return known.stop_n is not None and known.start_n is not None and known.start != start
