"""What the meters of a station have shown so far, and what of a message's values is remarkable.

Each message is read once, whichever rule asks first: `remarks` compares it with what came before, and gives what
rules have to report by kind; mostly nothing. A register is followed by measurand, phase and location through one
transaction, in the order of the sample's own times: what is sent again or comes late is compared with nothing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ocppscope.events import Message, Session
from ocppscope.ocpp.configuration import settings_told
from ocppscope.ocpp.lenient import fields, identifier, text, told, whole
from ocppscope.ocpp.metering import BEGIN, END
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import MINUTE, SECOND
from ocppscope.rules.expectations import meet
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.samples import (
    CLOCK,
    PERIODIC,
    TRIGGER,
    Channel,
    Numbers,
    Register,
    Shape,
    read_anew,
    read_as,
)
from ocppscope.rules.tables.transactions import NO_ID

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

VALUES: Final = ("MeterValues", "TransactionEvent", "StopTransaction")
"""Actions that carry meter values."""

_COURSES: Final = 200
_SERIES: Final = 64
_PLACES: Final = 200
_POSITIONS: Final = 16
_ALTERNATIVES: Final = 3
_WATTHOURS: Final = 3_600 * SECOND
"""Nanoseconds of an hour: by these a power becomes an energy."""

LARGEST_POWER: Final = 4_000_000
"""W. No connector gives more: MCS ends at 3.75 MW. What one can give is not told: an offer may rise in between."""
_FASTEST: Final = LARGEST_POWER / _WATTHOURS
"""The same in Wh for each ns."""
_AT_ONCE: Final = 10 * SECOND
"""Meters that are read seldom show at once what came in between."""

# --- what is remarkable -------------------------------------------------------------------------------------


class Drop(NamedTuple):
    """A register that is lower than before."""

    channel: Channel
    before: float
    now: float
    n: int
    """The number of the message with the value before."""
    seconds: float


class Jump(NamedTuple):
    """A register that rises faster than any power explains."""

    channel: Channel
    rise: float
    seconds: float
    n: int


class Rebase(NamedTuple):
    """A register that counts each transaction from 0."""

    before: float
    now: float
    n: int | None


class Pause(NamedTuple):
    """Values that come at another pace than they should."""

    kind: str
    seconds: float
    interval: float
    is_configured: bool
    times: int
    """How often in a row."""
    n: int


class Mismatch(NamedTuple):
    """Energy and power that do not agree."""

    factor: float
    """By what the energy would have to be multiplied."""
    energy: float
    from_power: float
    low: float
    high: float
    seconds: float
    n: int


class OffTime(NamedTuple):
    """A context that does not fit the time."""

    context: str
    detail: str
    n: int | None = None


class Lines(NamedTuple):
    """Phases of a measurand, which were others before."""

    measurand: str
    before: tuple[str, ...]
    now: tuple[str, ...]


class Over(NamedTuple):
    """A current above what is offered."""

    amperes: float
    offered: float
    seconds: float


class Odd(NamedTuple):
    """Values of which at least one is no number, or beyond its limits."""

    shape: Shape
    samples: list[Any]
    numbers: Numbers


# --- state --------------------------------------------------------------------------------------------------


class Series:
    """The latest value of a register."""

    __slots__ = ("channel", "fell", "moved", "n", "raw", "seen", "time", "value")

    def __init__(self, time: int, value: float, raw: Any, channel: Channel, event: Message) -> None:
        self.time = self.moved = time
        """When it was read last, and when it rose last."""
        self.seen = event.time
        """When that was captured."""
        self.value = value
        self.raw = raw
        self.channel = channel
        self.n = event.n
        self.fell = False


class Pace:
    """When values of one kind came last."""

    __slots__ = ("high", "interval", "low", "n", "off", "session", "sooner", "steady", "time", "usual")

    def __init__(self, time: int, event: Message, interval: int | None) -> None:
        self.time = time
        self.n = event.n
        self.session: Session = event.session
        self.interval = interval
        self.usual = 0
        self.low: float = 0
        self.high: float = 0
        self.steady = 0
        """How often in a row the time between two was the usual one."""
        self.off = 0
        """How often in a row it was not what is configured."""
        self.sooner = False
        self.measure(interval * SECOND if interval else 0)

    def measure(self, usual: int) -> None:
        self.usual = usual
        self.low, self.high = usual * 0.8 - SECOND, usual * 1.25 + SECOND


class Balance:
    """The energy that a register counts, against the energy that the power makes, from one change to another."""

    __slots__ = (
        "changes", "energy", "factor", "first", "high", "low", "made", "n", "row", "start", "steps", "time", "watts",
    )  # fmt: skip

    def __init__(self) -> None:
        self.time = 0
        self.energy = 0.0
        self.watts = 0.0
        self.factor = 1.0
        self.row = 0
        """How often in a row that factor was found."""
        self.first: float | None = None
        """The energy from which on it is compared; None until the register first moves."""
        self.forget(0)

    def forget(self, n: int, first: float | None = None) -> None:
        self.first, self.n, self.start = first, n, self.time
        self.made = self.high = 0.0
        self.low = 1e15
        self.steps = self.changes = 0

    def step(self, time: int, energy: float, watts: float, n: int) -> Mismatch | None:
        passed, before = time - self.time, self.energy
        if passed <= 0:
            return None
        power, self.time, self.energy, self.watts = self.watts, time, energy, watts
        if passed > _LONG or energy < before:
            self.forget(n)
            return None
        if self.first is None:
            if energy > before:
                self.forget(n, energy)
            return None
        self.made += (power + watts) * passed
        self.steps += 1
        self.high = max(self.high, watts)
        self.low = min(self.low, watts)
        if energy > before:
            self.changes += 1
            if self.changes >= _CHANGES and self.steps >= _STEPS:
                return self._judge(n)
        return None

    def _judge(self, n: int) -> Mismatch | None:
        rise, made = self.energy - (self.first or 0), self.made / 2 / _WATTHOURS
        if max(rise, made) < _ENOUGH:
            return None
        found = None
        seconds = (self.time - self.start) / SECOND
        is_charging = max(rise, made) * 3_600 / seconds >= _CHARGING
        if self.low < self.high / 2 or made <= 0 or not is_charging:
            self.row = 0
        else:
            factor = _factor(made / rise)
            self.row = self.row + 1 if factor == self.factor else 1
            self.factor = factor
            if factor != 1 and self.row >= (2 if max(factor, 1 / factor) > 900 else _ROW):
                found = Mismatch(factor, rise, made, self.low, self.high, seconds, self.n)
        self.forget(n, self.energy)
        return found


_LONG: Final = 20 * MINUTE
_CHANGES: Final = 2
_STEPS: Final = 3
_ENOUGH: Final = 50
"""Wh."""
_CHARGING: Final = 1_300
"""W. What a station needs for itself, and may count in one of the two only, is less."""
_ROW: Final = 4
_FACTORS: Final[tuple[tuple[float, float], ...]] = (
    (1_000, 0.3),
    (100, 0.2),
    (10, 0.2),
    (3, 0.12),
    (1 / 3, 0.12),
    (0.1, 0.2),
    (0.01, 0.2),
    (0.001, 0.3),
)
"""What units, tenths and phases make of a value, and how near it has to be."""


def _factor(ratio: float) -> float:
    """The factor that makes both agree; 1 where they do, or where no factor explains it."""
    for factor, tolerance in _FACTORS:
        if abs(ratio / factor - 1) < tolerance:
            return factor
    return 1


class Course:
    """What was measured in one transaction."""

    __slots__ = (
        "balance", "begun", "end", "energy", "id", "lines", "lines_before", "lines_time", "main",
        "over", "pace", "series", "watts",
    )  # fmt: skip

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.series: dict[tuple[str, ...], Series] = {}
        self.main: Series | None = None
        """Of them, what the vehicle got in all."""
        self.energy: tuple[int, float] = (0, 0)
        """When it was read last, and what it was."""
        self.watts: tuple[int, float] = (0, 0)
        self.balance: Balance | None = None
        self.pace: Pace | None = None
        self.begun: tuple[int, int] | None = None
        """When values were read with Transaction.Begin first, and the message's number."""
        self.end: tuple[int, int] | None = None
        """The same for Transaction.End."""
        self.lines: frozenset[tuple[str, str]] = frozenset()
        """Phases of the moment at hand."""
        self.lines_before: frozenset[tuple[str, str]] = frozenset()
        self.lines_time = 0
        self.over: tuple[int, float] | None = None
        """Since when the current is above what is offered, and that."""


class Meters:
    """Those of one station."""

    __slots__ = (
        "clocks", "courses", "during_idle", "ends", "intervals", "known", "may_be_signed", "n", "remarks", "shapes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n = -1
        """The number of the message that was read last."""
        self.remarks: dict[str, list[Any]] | None = None
        """What is remarkable in it, by kind."""
        self.may_be_signed = False
        """It has values of a shape that cannot be compared: all signed ones are."""
        self.shapes: dict[int, list[Shape]] = {}
        """By position in the message: the shapes that were met there lately."""
        self.courses: Recent[Any, Course] = Recent(_COURSES)
        """By transactionId as on the wire."""
        self.clocks: Recent[Any, Pace] = Recent(_PLACES)
        """By EVSE or connector: when clock-aligned values came last."""
        self.ends: Recent[Any, float] = Recent(_PLACES)
        """By EVSE: what the last transaction's register was at its end (2.x)."""
        self.intervals: dict[str, int] = {}
        """By kind of values: every how many seconds they are configured to come."""
        self.during_idle: dict[int | None, int] = {}
        """By EVSE, None for all: the number of the message that set AlignedDataCtrlr.SendDuringIdle."""
        self.known: dict[str, str] = {}
        """Further settings about meter values."""

    def remark(self, kind: str, what: Any) -> None:
        if self.remarks is None:
            self.remarks = {}
        self.remarks.setdefault(kind, []).append(what)


@learns(on_call(*VALUES))
def remarks(event: Message, state: "SessionState") -> dict[str, list[Any]] | None:
    """What is remarkable in a message's values, by kind; None, mostly, for nothing.

    A gate, and what takes the values in: where no rule asks, it is asked all the same.
    """
    meters = state.station.meters
    if meters.n != event.n:
        meters.n, meters.remarks, meters.may_be_signed = event.n, None, False
        payload = event.payload
        if type(payload) is dict:
            _take(event, payload, state, meters)
    return meters.remarks


# --- reading ------------------------------------------------------------------------------------------------


def _take(event: Message, payload: dict[str, Any], state: "SessionState", meters: Meters) -> None:
    action = event.action
    is_event, is_stop = action == "TransactionEvent", action == "StopTransaction"
    if is_event:
        values = payload.get("meterValue")
        info = payload.get("transactionInfo")
        identity = info.get("transactionId") if type(info) is dict else None
        is_last = payload.get("eventType") == "Ended"
    else:
        values = payload.get("transactionData" if is_stop else "meterValue")
        identity = payload.get("transactionId")
        is_last = is_stop
    if type(values) is not list:
        if not is_last:
            return
        values = []
    course = meters.courses.get(identity) if type(identity) in _IDS else None
    if course is None and identity is not None:
        course = _begin(identity, state, meters)
    for position, element in enumerate(values):
        if type(element) is not dict:
            continue
        samples = element.get("sampledValue")
        if type(samples) is not list:
            continue
        at = min(_POSITIONS, position)
        known = meters.shapes.get(at)
        if known is None:
            known = meters.shapes[at] = []
        shape, numbers, is_odd = _read(known, samples)
        if not shape.compared:
            meters.may_be_signed = True
        if shape.problems:
            meters.remark("shape", shape.problems)
        if shape.defaults and not is_event and "evseId" not in payload:
            meters.remark("defaults", shape.defaults)
        if is_odd:
            meters.remark("odd", Odd(shape, samples, numbers))
        time = told(element["timestamp"]) if "timestamp" in element else event.time
        if time is None:
            continue
        if course is not None:
            _follow(course, shape, numbers, samples, time, event, state)
        if shape.contexts:
            _contexts(course, shape.contexts, time, event, payload, state)
        if not is_stop:
            _keep_pace(course, shape, time, event, payload, state)
    if is_last and course is not None:
        meters.courses.pop(identity, None)
        _finish(course, event, payload, state)


_IDS: Final = frozenset({int, str})


def _begin(identity: Any, state: "SessionState", meters: Meters) -> Course | None:
    """A transaction of which nothing was measured yet; None where it is none, or over."""
    name = identifier(identity)
    transactions = state.station.transactions
    if name is None or (name in NO_ID and hash(name) not in transactions.handed):
        return None
    known = transactions.find(name)
    if known is not None and not known.is_open:
        return None
    course = meters.courses[identity] = Course(name)
    if state.station.expected:
        meet(state.station, FIRST_VALUES, name)
    return course


FIRST_VALUES: Final = "MV-006"
"""The rule that expects the first values of a transaction (1.6)."""


def _read(known: list[Shape], samples: list[Any]) -> tuple[Shape, Numbers, bool]:
    for shape in known:
        found = read_as(shape, samples)
        if found is not None:
            return shape, found[0], found[1]
    shape, numbers, is_odd = read_anew(samples)
    if shape.compared and shape not in known:
        known.insert(0, shape)
        del known[_ALTERNATIVES:]
    return shape, numbers, is_odd


def _follow(
    course: Course,
    shape: Shape,
    numbers: Numbers,
    samples: list[Any],
    time: int,
    event: Message,
    state: "SessionState",
) -> None:
    """Compare what was measured at one time with what was measured before in the transaction."""
    known = course.series
    for at, key, factor, channel in shape.registers:
        number = numbers[at]
        if number is None:
            continue
        value = number * factor
        series = known.get(key)
        if series is None:
            _first(course, (at, key, factor, channel), shape, value, samples[at], time, event, state)
            continue
        passed = time - series.time
        if passed > 0:
            rise = value - series.value
            if rise > 0:
                if rise > _FASTEST * (time - series.moved):
                    _jump(series, rise, time, event, state)
                series.moved, series.seen = time, event.time
                series.fell = False
            elif rise < 0:
                _drop(series, channel, value, samples[at], time, state)
            series.time, series.value, series.n = time, value, event.n
            series.raw, series.channel = samples[at]["value"], channel
        elif not passed and value < series.value:
            series.value = value  # of two values of one time either may be the later one
    if shape.begins:
        for at, key, factor, channel in shape.begins:
            number = numbers[at]
            # Some stations repeat it in each message, with the time of the message.
            if number is not None and key not in known:
                _first(
                    course,
                    (at, key, factor, channel),
                    shape,
                    number * factor,
                    samples[at],
                    time,
                    event,
                    state,
                )
    if shape.watts or (course.watts[0] and shape.energy):
        _weigh(course, shape, numbers, time, event, state)
    if shape.amperes_offered and shape.line_amperes:
        _compare_with_offer(course, shape, numbers, time, state)
    if shape.lines:
        _compare_lines(course, shape.lines, time, state)
    if course.end is not None and shape.context == PERIODIC and time > course.end[0] + 5 * SECOND:
        later = (time - course.end[0]) / SECOND
        detail = f"values with Transaction.End, and the transaction went on: more values {later:.0f} s later"
        state.station.meters.remark("context", OffTime(END, detail, course.end[1]))
        course.end = None


# --- registers ----------------------------------------------------------------------------------------------


def resolution(raw: Any, channel: Channel) -> float:
    """What the last digit of a value counts, in the unit that it is reckoned in."""
    shown = raw if type(raw) is str else repr(raw)
    decimals = len(shown.partition(".")[2]) if "e" not in shown.lower() else 0
    return (channel.factor or 1) * 0.1 ** min(decimals, 15)


def _is_rounded(raw: Any, channel: Channel, than: Any, other: Channel, difference: float) -> bool:
    """Whether two values differ by no more than the fewer digits of one of them explain."""
    one, two = resolution(raw, channel), resolution(than, other)
    return one != two and difference <= max(one, two) * 1.001


def _first(
    course: Course,
    register: Register,
    shape: Shape,
    value: float,
    sample: Any,
    time: int,
    event: Message,
    state: "SessionState",
) -> None:
    """A register is read for the first time in a transaction."""
    _, key, _, channel = register
    if len(course.series) >= _SERIES:
        return
    series = course.series[key] = Series(time, value, sample["value"], channel, event)
    is_main = shape.energy is not None and shape.energy[1] == key
    if not is_main and (channel.context != BEGIN or channel.kind != "energy" or channel.phase is not None):
        return
    course.main = course.main or series
    station, payload = state.station, fields(event.payload)
    if event.action == "TransactionEvent":
        place = whole(fields(payload.get("evse")).get("id"))
        before = station.meters.ends.get(place)
        if before and value == 0 and payload.get("eventType") == "Started" and place is not None:
            station.meters.remark("rebase", Rebase(before, value, None))
        return
    known = station.transactions.open.get(course.id)
    start = known.meter_start if known is not None else None
    if not start or start < 0 or value >= start or channel.factor is None:
        return
    number = known.start.n if known is not None and known.start is not None else None
    in_kwh = abs(start / 1_000 - value) < 1.5
    if value < start / 2:
        if not in_kwh:  # it may count kWh, and not from 0; the power tells
            station.meters.remark("rebase", Rebase(start, value, number))
    elif start - value > resolution(sample["value"], channel) + 1 and number is not None:
        started = known.started if known is not None else None
        if started is not None and time >= started:
            station.meters.remark("below", Drop(channel, start, value, number, (time - started) / SECOND))


def _jump(series: Series, rise: float, time: int, event: Message, state: "SessionState") -> None:
    passed = time - series.moved
    if event.time is not None and series.seen is not None:
        passed = max(passed, event.time - series.seen)  # the station's clock may have been set
    booted = state.station.registration.call
    if passed < _AT_ONCE or series.fell or series.channel.factor is None:
        return
    if rise > _FASTEST * passed and (booted is None or booted.n < series.n):
        state.station.meters.remark("jump", Jump(series.channel, rise, passed / SECOND, series.n))


def _drop(
    series: Series, channel: Channel, value: float, sample: Any, time: int, state: "SessionState"
) -> None:
    if _is_rounded(sample["value"], channel, series.raw, series.channel, series.value - value):
        return
    series.fell = True
    series.moved = time
    seconds = (time - series.time) / SECOND
    state.station.meters.remark("drop", Drop(channel, series.value, value, series.n, seconds))


def _finish(course: Course, event: Message, payload: dict[str, Any], state: "SessionState") -> None:
    """The transaction is over."""
    station, main = state.station, course.main
    stopped = told(payload.get("timestamp"))
    if course.end is not None and stopped is not None and stopped - course.end[0] > MINUTE:
        before = (stopped - course.end[0]) / SECOND
        station.meters.remark(
            "context",
            OffTime(END, f"values with Transaction.End are of {before:.0f} s before the end", course.end[1]),
        )
    if main is None or main.channel.factor is None:
        return
    if event.action == "TransactionEvent":
        known = station.transactions.find(course.id)
        place = whole(fields(payload.get("evse")).get("id"))
        if place is None and known is not None:
            place = known.place[0]
        if place is not None:
            station.meters.ends[place] = main.value
        return
    meter = whole(payload.get("meterStop"))
    if meter is None or stopped is None or main.time + 2 * SECOND > stopped:
        return
    if main.value - meter > resolution(main.raw, main.channel) + 1:
        seconds = (stopped - main.time) / SECOND
        station.meters.remark("stop", Drop(main.channel, main.value, meter, main.n, seconds))


# --- energy against power -----------------------------------------------------------------------------------


def _weigh(
    course: Course, shape: Shape, numbers: Numbers, time: int, event: Message, state: "SessionState"
) -> None:
    if shape.watts:
        watts = 0.0
        for at, factor in shape.watts:
            number = numbers[at]
            if number is None:
                return
            watts += number * factor
        course.watts = time, watts
    if shape.energy:
        at, _, factor, _ = shape.energy
        number = numbers[at]
        if number is None:
            return
        course.energy = time, number * factor
    if course.watts[0] != course.energy[0]:
        return
    balance = course.balance
    if balance is None:
        balance = course.balance = Balance()
    found = balance.step(time, course.energy[1], course.watts[1], event.n)
    if found is not None:
        state.station.meters.remark("factor", found)


def _compare_with_offer(
    course: Course, shape: Shape, numbers: Numbers, time: int, state: "SessionState"
) -> None:
    at, factor = shape.amperes_offered or (0, 0)
    offered = numbers[at]
    most = max((numbers[at] or 0) * factor for at, factor in shape.line_amperes)
    if offered is None or most <= offered * factor * 1.25 + 3:
        course.over = None
    elif course.over is None or course.over[1] != offered:
        course.over = time, offered
    elif time - course.over[0] >= _AT_ONCE:
        seconds = (time - course.over[0]) / SECOND
        state.station.meters.remark("over", Over(most, offered * factor, seconds))


# --- phases -------------------------------------------------------------------------------------------------


def _compare_lines(
    course: Course, lines: frozenset[tuple[str, str]], time: int, state: "SessionState"
) -> None:
    """Compare the phases of a moment with those of the one before, once all of them are there."""
    if time == course.lines_time:
        if lines is not course.lines:
            course.lines |= lines
    elif time > course.lines_time:
        before, now = course.lines_before, course.lines
        course.lines_before, course.lines, course.lines_time = now, lines, time
        if now is not before and now != before:
            for measurand in {name for name, _ in before} & {name for name, _ in now}:
                were = tuple(sorted(phase for name, phase in before if name == measurand))
                are = tuple(sorted(phase for name, phase in now if name == measurand))
                if set(were) < set(are) or set(are) < set(were):
                    state.station.meters.remark("lines", Lines(measurand, were, are))


# --- contexts -----------------------------------------------------------------------------------------------


def _contexts(
    course: Course | None,
    contexts: frozenset[str],
    time: int,
    event: Message,
    payload: dict[str, Any],
    state: "SessionState",
) -> None:
    """Whether values were read when their context says."""
    meters = state.station.meters
    if BEGIN in contexts and course is not None:
        _begins(course, time, event, payload, state)
    if END in contexts and course is not None:
        course.end = time, event.n
    if CLOCK in contexts and meters.during_idle:
        meters.remark("clock", time)
    interval = meters.intervals.get(CLOCK, 0)
    if payload.get("eventType") == "Ended":
        interval = 0  # AlignedDataCtrlr.TxEndedInterval is theirs
    if CLOCK in contexts and 20 <= interval <= 86_400:
        grid = _grid(interval)
        off = time // SECOND % grid
        off = min(off, grid - off)
        if grid >= 20 and off > min(10, grid // 10):
            detail = f"values with Sample.Clock are {off} s off the clock's multiples of {interval} s"
            meters.remark("context", OffTime(CLOCK, detail))
    if TRIGGER in contexts:
        station = state.station
        is_asked = any(name in station.triggered for name in ("MeterValues", "TransactionEvent"))
        is_asked = is_asked or "DataTransfer" in station.requests  # a vendor's own way to ask
        since = state.opened.time if state.opened is not None else None
        if not is_asked and not state.is_partial and not station.missed and since is not None:
            detail = "values with the context Trigger, and no TriggerMessage asked for any"
            if time >= since - 5 * SECOND:
                meters.remark("context", OffTime(TRIGGER, detail))


def _grid(interval: int) -> int:
    """Multiples of an interval are counted from midnight, of which zone is not known."""
    quarter = 900
    while quarter:
        interval, quarter = quarter, interval % quarter
    return interval


def _begins(
    course: Course, time: int, event: Message, payload: dict[str, Any], state: "SessionState"
) -> None:
    begun = course.begun
    if begun is None:
        course.begun = begun = time, event.n
        if event.action == "TransactionEvent":
            return  # the EVSE may have become known only now
        known = state.station.transactions.open.get(course.id)
        if known is None or known.started is None:
            return
        begun = known.started, known.start.n if known.start is not None else event.n
    if time - begun[0] > MINUTE:
        later = (time - begun[0]) / SECOND
        detail = f"values with Transaction.Begin are of {later:.0f} s after the start"
        state.station.meters.remark("context", OffTime(BEGIN, detail, begun[1]))


# --- pace ---------------------------------------------------------------------------------------------------

_PACES: Final[Mapping[Any, str]] = {"MeterValuePeriodic": PERIODIC, "MeterValueClock": CLOCK}
"""By triggerReason (2.x)."""
_ROW_OFF: Final = 4


def _keep_pace(
    course: Course | None,
    shape: Shape,
    time: int,
    event: Message,
    payload: dict[str, Any],
    state: "SessionState",
) -> None:
    meters = state.station.meters
    kind = shape.context
    if "triggerReason" in payload:
        kind = _PACES.get(text(payload["triggerReason"]))
    if kind == PERIODIC:
        if course is None:
            return
        pace = course.pace
        if pace is None:
            course.pace = Pace(time, event, meters.intervals.get(PERIODIC))
            return
    elif kind == CLOCK:
        place = _clocked_place(course, payload, state)
        if place is None:
            return
        pace = meters.clocks.get(place)
        if pace is None:
            meters.clocks[place] = Pace(time, event, meters.intervals.get(CLOCK))
            return
    else:
        return
    passed = time - pace.time
    if passed <= 0:
        return
    interval, before, is_on = meters.intervals.get(kind), pace.n, pace.session is event.session
    pace.time, pace.n, pace.session = time, event.n, event.session
    if pace.low <= passed <= pace.high and interval == pace.interval:
        pace.off = 0
        pace.steady += 1
        return
    found = _off_pace(pace, kind, interval, passed)
    # What waited in a queue may be thinned out, and what was lost is not missing.
    is_queued = event.time is None or event.time - time > 2 * MINUTE
    if not is_on or is_queued or state.station.missed > before:
        pace.off = pace.steady = 0
    elif found is not None and not (kind == CLOCK and meters.during_idle):
        meters.remark("gap" if found.times == 0 else "pace", found._replace(n=before))


def _clocked_place(course: Course | None, payload: dict[str, Any], state: "SessionState") -> int | None:
    """Connector or EVSE of clock-aligned values: its row of them goes on through transactions."""
    place = payload.get("connectorId", payload.get("evseId"))
    if place is None:
        place = fields(payload.get("evse")).get("id")
    if place is None and course is not None:
        known = state.station.transactions.find(course.id)
        place = known.place[0] if known is not None else None
    return whole(place)


def _off_pace(pace: Pace, kind: str, interval: int | None, passed: int) -> Pause | None:
    """The time between two values is not what it should be."""
    if interval != pace.interval:
        pace.interval = interval
        pace.off = pace.steady = 0
        pace.measure(interval * SECOND if interval else 0)
        return None
    seconds = passed / SECOND
    if interval:
        if passed > 3 * pace.usual + 5 * SECOND:
            pace.off = 0
            return Pause(kind, seconds, interval, True, 0, 0)
        is_sooner = passed < pace.low
        pace.off = pace.off + 1 if is_sooner == pace.sooner else 1
        pace.sooner = is_sooner
        return Pause(kind, seconds, interval, True, pace.off, 0) if pace.off >= _ROW_OFF else None
    usual = pace.usual
    if pace.steady >= 3 and passed > max(5 * usual, 2 * MINUTE):
        return Pause(kind, seconds, usual / SECOND, False, 0, 0)
    pace.steady = 0
    pace.measure(passed)
    return None


# --- settings -----------------------------------------------------------------------------------------------

_INTERVALS: Final[Mapping[tuple[str | None, str], str]] = {
    (None, "MeterValueSampleInterval"): PERIODIC,
    (None, "ClockAlignedDataInterval"): CLOCK,
    ("SampledDataCtrlr", "TxUpdatedInterval"): PERIODIC,
    ("AlignedDataCtrlr", "Interval"): CLOCK,
}
_OTHERS: Final = frozenset(
    {(None, "MeterValuesSampledData"), ("SampledDataCtrlr", "TxUpdatedMeasurands"), ("SampledDataCtrlr", "Enabled")}
)  # fmt: skip


@learns(on_call("NotifyReport"))
@learns(on_answer("GetConfiguration", "ChangeConfiguration", "GetVariables", "SetVariables"))
def learn_settings(event: Message, state: "SessionState") -> None:
    meters = state.station.meters
    for one in settings_told(event):
        name = one.place.component if one.place is not None else None, one.name
        if name in _INTERVALS:
            seconds = None if one.is_pending else whole(one.value)
            if seconds is None or seconds <= 0:
                meters.intervals.pop(_INTERVALS[name], None)
            else:
                meters.intervals[_INTERVALS[name]] = seconds
        elif name in _OTHERS and one.value is not None:
            meters.known[one.name] = one.value
        elif name == ("AlignedDataCtrlr", "SendDuringIdle") and len(meters.during_idle) < _PLACES:
            evse = one.place.evse if one.place is not None else None
            meters.during_idle.pop(evse, None)
            if (one.value or "").lower() == "true" and not one.is_pending:
                meters.during_idle[evse] = event.n
