"""What has to follow within a time: a boot after a Reset, a transaction after a RemoteStartTransaction.

A rule that sees the promise expects, a rule or learner that sees it kept meets; what is neither met nor dropped
when the capture has gone past its time is reported. Time is the capture's: where it has none, or ends before,
nothing is reported. A station that is offline when its time is up gets it again when it is back, and when
it has sent what it queued meanwhile.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import FROM_STATION, Direction, Event
from ocppscope.ocpp.times import MINUTE, SECOND
from ocppscope.rules.registry import Report

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

NEVER: Final = 1 << 63
"""Later than any time of a capture."""
_OPEN: Final = 200_000
_FEW: Final = 500
_OF_A_STATION: Final = 500
_GRACE: Final = MINUTE
"""What a station has at least, from when it is back."""

Look: TypeAlias = Callable[[], Report | None]
Verdict: TypeAlias = Report | Look
"""What is reported, or what decides about it when the time is up."""


@dataclass(slots=True, eq=False)
class Expectation:
    """Something that has to follow."""

    rule: str
    """The id of the rule that reports it."""
    key: Hashable
    verdict: Verdict
    event: Event
    """What gave rise to it: the finding counts it as proof."""
    state: "SessionState"
    blames: Direction = FROM_STATION
    """Of whom it is expected."""
    is_open: bool = True
    while_away: bool = False
    """It falls due while the station is offline too: that it stays away is what is reported."""


@dataclass(slots=True)
class Expectations:
    """Those of all stations, by when they are due."""

    next_due: int = NEVER
    """When the first of them is due, in ns."""
    _heap: list[tuple[int, int, Expectation]] = field(default_factory=list)
    _count: int = 0
    _room: int = _FEW
    """How many may wait before those are given up that were met."""

    def add(self, due: int, expectation: Expectation) -> None:
        if len(self._heap) >= self._room:
            self._heap = [entry for entry in self._heap if entry[2].is_open]
            self._heap.sort()
            self._room = min(max(2 * len(self._heap), _FEW), _OPEN)
            if len(self._heap) >= _OPEN:
                return
        self._count += 1
        heappush(self._heap, (due, self._count, expectation))
        self.next_due = self._heap[0][0]

    def due(self, now: int) -> list[Expectation]:
        """Take out those whose time is up."""
        found = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            expectation = heappop(heap)[2]
            if expectation.is_open:
                found.append(expectation)
        self.next_due = heap[0][0] if heap else NEVER
        return found


def expect(
    state: "SessionState",
    rule: str,
    key: Hashable,
    seconds: float,
    verdict: Verdict,
    event: Event,
    *,
    while_away: bool = False,
    blames: Direction = FROM_STATION,
) -> None:
    """Expect something to follow.

    Args:
        state: of the session at hand.
        rule: the id of the rule that reports it.
        key: by which it is met; an earlier expectation of the same rule and key is replaced.
        seconds: how long it may take, from `event` on.
        verdict: the report; or a function that makes it, or none, when the time is up.
        event: what gave rise to it.
        while_away: it falls due while the station is offline too.
        blames: of whom it is expected.
    """
    expectation = Expectation(rule, key, verdict, event, state, blames, while_away=while_away)
    station = state.station
    if _is_due(expectation, seconds):
        if sum(map(len, station.expected.values())) >= _OF_A_STATION:
            oldest = next(iter(station.expected))
            meet(station, oldest, next(iter(station.expected[oldest])))
        meet(station, rule, key)
        station.expected.setdefault(rule, {})[key] = expectation


def look_again(
    state: "SessionState",
    rule: str,
    key: Hashable,
    seconds: float,
    look: Look,
    event: Event,
) -> None:
    """Have a look at a station's state after a time, whatever comes meanwhile: nothing meets this."""
    expectation = Expectation(rule, key, look, event, state)
    looks = state.station.looks
    if _is_due(expectation, seconds):
        if len(looks) >= _OF_A_STATION:
            looks.pop(next(iter(looks))).is_open = False
        if (rule, key) in looks:
            looks.pop((rule, key)).is_open = False
        looks[rule, key] = expectation


def _is_due(expectation: Expectation, seconds: float) -> bool:
    """Have it fall due after a time; False where it never will."""
    time = expectation.event.time
    if time is None or seconds < 0 or seconds > 1e9:
        return False
    expectation.state.station.expectations.add(time + round(seconds * SECOND), expectation)
    return True


def unless_lost(state: "SessionState", report: Report) -> Verdict:
    """The report, unless bytes of the session were lost meanwhile: they may have held what is missing."""
    return lambda: None if state.has_gap else report


def meet(station: "StationState", rule: str, key: Hashable) -> Expectation | None:
    """What was expected has come, or need not come any more."""
    those = station.expected.get(rule)
    known = those.pop(key, None) if those else None
    if known is not None:
        known.is_open = False
        if not those:
            del station.expected[rule]
    return known


def drop(station: "StationState", rule: str) -> None:
    """Nothing that this rule expects of the station need come any more."""
    for known in station.expected.pop(rule, {}).values():
        known.is_open = False


def overdue(expectations: Expectations, now: int) -> list[tuple[Expectation, Report]]:
    """Take out what is due, and what is to be reported of it; what waits for its station stays."""
    found = []
    for expectation in expectations.due(now):
        station = expectation.state.station
        if not station.open_sessions and not expectation.while_away:
            station.waiting.append(expectation)
            continue
        if station.catching_up is not None and now - station.catching_up < _GRACE:
            expectations.add(now + _GRACE, expectation)
            continue
        meet(station, expectation.rule, expectation.key)
        station.looks.pop((expectation.rule, expectation.key), None)
        expectation.is_open = False
        verdict: Any = expectation.verdict
        report = verdict() if callable(verdict) else verdict
        if report is not None:
            found.append((expectation, report))
    return found


def is_back(station: "StationState", now: int | None) -> None:
    """A station has connected: what fell due meanwhile gets its time again."""
    waiting, station.waiting = station.waiting, []
    for expectation in waiting:
        if expectation.is_open and now is not None:
            station.expectations.add(now + _GRACE, expectation)
