"""Scales of plots: round numbers and round times between two ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final, TypeAlias

from ocppscope.ocpp.times import DAY, HOUR, MILLISECOND, MINUTE, SECOND, timestamp

Span: TypeAlias = tuple[int, int]
"""From one time to a later one, in ns."""

_STEPS: Final = (
    *(MILLISECOND * size for size in (1, 5, 20, 100, 500)),
    *(SECOND * size for size in (1, 2, 5, 10, 15, 30)),
    *(MINUTE * size for size in (1, 2, 5, 10, 15, 30)),
    *(HOUR * size for size in (1, 2, 4, 6, 12)),
    *(DAY * size for size in (1, 2, 7, 14, 30, 90, 365, 3650)),
)
"""Between two ticks."""
_TICKS: Final = 4
"""Spaces between ticks of time, at most: their words fit beside each other on a telephone."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from a lowest to a higher one, and where lines are drawn."""

    ticks: Sequence[float]
    """Ascending, at least two; the first and the last are the ends."""
    decimals: int
    """That tell the ticks apart."""

    def share(self, value: float) -> float:
        """Where a value lies, from 0 for the lowest to 1."""
        return (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])


def scale(lowest: float, highest: float, spaces: int = 3) -> Scale:
    """A scale that holds two values, with round ticks: at most one space more than asked for."""
    if highest <= lowest:
        highest = lowest + 1
    step = _round_up((highest - lowest) / spaces)
    first, last = floor(lowest / step), ceil(highest / step)
    return Scale([at * step for at in range(first, last + 1)], max(0, -floor(log10(step) + 1e-9)))


def _round_up(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 …"""
    size = 10.0 ** floor(log10(step))
    return next((size * factor for factor in (1, 2, 5) if size * factor >= step * (1 - 1e-9)), size * 10)


def times(span: Span) -> list[tuple[int, str]]:
    """Round times in a span, each in words: as much of it as tells it from the others."""
    since, until = span
    step = next((one for one in _STEPS if until - since <= one * _TICKS), _STEPS[-1])
    found = list(range(-(-since // step) * step, until + 1, step)[: _TICKS + 1]) or [since]
    days = {(timestamp(time) or "")[:10] for time in span}
    if step >= DAY:
        shown = slice(0, 10)
    elif step < SECOND:
        shown = slice(11, 23)
    else:
        shown = slice(5 if len(days) > 1 else 11, 19 if step < MINUTE else 16)
    return [(time, (timestamp(time) or "-")[shown].replace("T", " ")) for time in found]


def largest_distance(moments: Sequence[int]) -> int:
    """Samples further apart have a gap between them: five times the usual distance; 0 where there is none."""
    distances = sorted(later - one for one, later in pairwise(moments) if later > one)
    return 5 * distances[len(distances) // 2] if distances else 0
