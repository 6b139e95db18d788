"""What a store tells of charging: what was measured during a transaction, and the states of connectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from ocppscope.events import CALL, Message
from ocppscope.export.html.scales import Span
from ocppscope.export.html.svg import Point, State
from ocppscope.filter import parse
from ocppscope.ocpp import metering
from ocppscope.ocpp.times import DAY, SECOND
from ocppscope.ocpp.transactions import Assembler, Transaction
from ocppscope.store import SessionRow, Store

KINDS: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    metering.POWER: ("Power", (0,)),
    metering.ENERGY: ("Energy", (0,)),
    metering.SOC: ("SoC", (0, 100)),
    metering.POWER_EXPORT: ("Export", (0,)),
    metering.ENERGY_EXPORT: ("Exported", (0,)),
    metering.CURRENT: ("Current", (0,)),
    metering.VOLTAGE: ("Voltage", ()),
}
"""What was measured: its word, and the values that its scale shows in any case."""
_TOGETHER: Final = (metering.POWER, metering.ENERGY, metering.SOC)
"""What is shown; where there is none of it, all that there is."""
_REGISTERS: Final = (metering.ENERGY, metering.ENERGY_EXPORT)
"""What counts on from one transaction to the next: shown from where it was at the start."""
_KILO: Final[Mapping[str, str]] = {"W": "kW", "Wh": "kWh"}
_MARGIN: Final = 40
"""So much of its length is shown before and after a transaction."""
_AT_ONCE: Final = 2_000
"""Messages in memory at once."""
MESSAGES: Final = 20_000
"""Of a transaction that are looked at, at most."""
_ACTIONS: Final = ("StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent")
_CHANGES: Final = 1_000
"""States of a connector that are kept, at most."""

Place: TypeAlias = tuple[str | None, int | None, int | None]
"""Station, EVSE and connector."""


class Measured:
    """What was measured during one transaction."""

    def __init__(self, store: Store, of: Transaction) -> None:
        assembler = Assembler()
        numbers = _numbers(store, of)
        self.is_whole = len(numbers) <= MESSAGES
        """Whether all of its messages were looked at."""
        for message in _messages(store, numbers[:MESSAGES]):
            assembler.feed(message)
        new = assembler.drain()
        own = next((one.number for one in new.transactions if _is_same(one, of)), None)
        self._series: dict[str, list[Point]] = {}
        for sample in new.samples:
            if sample.transaction == own and sample.time is not None and sample.measurand in KINDS:
                self._series.setdefault(sample.measurand, []).append((sample.time, sample.value))
        for kind, points in self._series.items():
            points.sort(key=lambda point: point[0])
            if kind in _REGISTERS:
                self._series[kind] = _from_start(points, of.meter_start if kind == metering.ENERGY else None)

    def shown(self) -> list[tuple[str, str, list[Point], tuple[float, ...]]]:
        """Of each kind that is to be plotted the name, the unit, the points in it, and what its scale shows."""
        there = [kind for kind in KINDS if kind in self._series]
        kinds = [kind for kind in there if kind in _TOGETHER] or there
        return [(KINDS[kind][0], *_readable(kind, self._series[kind]), KINDS[kind][1]) for kind in kinds]

    def span(self, of: Transaction) -> Span | None:
        """From before the first to after the last of what is known of a transaction; None where no time is."""
        ends = [points[at][0] for points in self._series.values() for at in (0, -1)]
        ends += [time for time in (of.start, of.stop) if time is not None]
        if not ends:
            return None
        margin = (max(ends) - min(ends)) // _MARGIN or SECOND
        return min(ends) - margin, max(ends) + margin


def _numbers(store: Store, of: Transaction) -> Sequence[int]:
    """The numbers of what was said of charging by a transaction's station, from its start to its end."""
    rows = store.sessions()
    sessions = {
        row.session.number for row in rows if of.station is not None and row.session.station == of.station
    }
    where = parse(" || ".join(f"action == {action}" for action in _ACTIONS)).sql()
    return store.select(where, sessions={*sessions, of.session}, after=(of.start_n or 1) - 1, until=of.stop_n)


def _messages(store: Store, numbers: Sequence[int]) -> Iterator[Message]:
    """Yield messages, the answers with what they answer, some of them in memory at once."""
    calls: dict[int, Message] = {}
    for at in range(0, len(numbers), _AT_ONCE):
        for stored in store.events(numbers[at : at + _AT_ONCE]):
            message = stored.event
            if not isinstance(message, Message):
                continue
            if message.action == "StartTransaction" and message.type == CALL:
                calls[message.n] = message
            yield replace(message, call=calls.pop(stored.answers or 0, None))


def _is_same(one: Transaction, other: Transaction) -> bool:
    return (one.start_n, one.id) == (other.start_n, other.id)


def _from_start(points: list[Point], start: int | None) -> list[Point]:
    """How much a register has counted on. Some stations tell a lifetime register at the start, and samples from 0."""
    lowest = min(value for _, value in points)
    origin = lowest if start is None or start > lowest else start
    return [(time, value - origin) for time, value in points]


def _readable(kind: str, points: list[Point]) -> tuple[str, list[Point]]:
    unit = metering.UNITS[kind]
    if unit not in _KILO or max(abs(value) for _, value in points) < 1_000:
        return unit, points
    return _KILO[unit], [(time, value / 1_000) for time, value in points]


def connector_states(store: Store) -> dict[Place, list[State]]:
    """What stations told of their connectors, by place; a state that is told again is not there twice."""
    assembler = Assembler(samples=False)
    found: dict[Place, list[State]] = {}
    numbers = store.select(parse("action == StatusNotification || action == NotifyEvent").sql())
    for at in range(0, len(numbers), _AT_ONCE):
        for stored in store.events(numbers[at : at + _AT_ONCE]):
            assembler.feed(stored.event)
        for state in assembler.drain().connector_states:
            states = found.setdefault((state.station, state.evse, state.connector), [])
            is_new = not states or states[-1][1] != state.status
            if state.time is not None and is_new and len(states) < _CHANGES:
                states.append((state.time, state.status))
    for states in found.values():
        states.sort(key=lambda state: state[0])
    return {place: found[place] for place in sorted(found, key=_order) if found[place]}


def _order(place: Place) -> tuple[str, int, int]:
    return place[0] or "", place[1] or 0, place[2] or 0


def states_span(states: Sequence[Sequence[State]], rows: Sequence[SessionRow]) -> Span:
    """What a station's strips have in common: from its first state to the end of its last session.

    A session that ends long after the last state, by another clock, would press them together, and is not looked at.
    """
    times = [time for some in states for time, _ in some]
    since, until = min(times), max(times)
    ends = [row.end for row in rows if row.end is not None and until <= row.end <= until + DAY]
    until = max([until, *ends])
    return since, until if until > since else since + SECOND
