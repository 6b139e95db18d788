"""Which events a list shows: an array of their numbers, which grows with the store."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from ocppscope.filter import Filter, Sql, both, parse
from ocppscope.store import Store


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of a capture is looked at."""

    title: str
    sessions: tuple[int, ...] | None = None
    """Their numbers; None: all."""


EVERYTHING: Final = Scope("all stations")


_ROUTINE: Final = parse("not (type in (PING, PONG) or action == Heartbeat)")


def combined(*filters: Filter | None) -> Filter | None:
    """One filter of several that must all hold; None of none."""
    wanted = [one for one in filters if one is not None]
    return reduce(both, wanted) if wanted else None


def shown(text: str, *, hide_routine: bool) -> Filter | None:
    """What the user wants to see: what a filter selects, without pings, pongs and Heartbeats if they are hidden."""
    return combined(parse(text) if text else None, _ROUTINE if hide_routine else None)


class Selection:
    """The numbers of the events of a scope that a filter selects.

    Args:
        scope: the sessions.
        chosen: the filter.
        is_dense: the store holds every number from 1 on, so that all of them need not be asked for.
    """

    def __init__(self, scope: Scope, chosen: Filter | None, *, is_dense: bool) -> None:
        self.scope = scope
        self.is_whole = chosen is None and scope.sessions is None and is_dense
        self.numbers: Sequence[int] = range(1, 1) if self.is_whole else array("q")
        self.done = 0
        """Up to which number events were looked at."""
        self._where: Sql | None = chosen.sql() if chosen else None

    def ask(self, store: Store, after: int, until: int) -> Sequence[int]:
        """The numbers between; may be asked in a thread, with a Store of its own."""
        return store.select(self._where, sessions=self.scope.sessions, after=after, until=until)

    def take(self, after: int, until: int, numbers: Sequence[int]) -> None:
        """Add what was found; what was found before is left alone."""
        if after == self.done and isinstance(self.numbers, array):
            self.numbers.extend(numbers)
            self.done = until

    def take_all(self, last: int) -> None:
        """Add all new events, where nothing is left out (`is_whole`)."""
        self.numbers, self.done = range(1, last + 1), last

    def index_of(self, n: int) -> int:
        """Where an event stands in the list; where it is not there, the one after it."""
        return bisect_left(self.numbers, n)

    def __contains__(self, n: int) -> bool:
        at = self.index_of(n)
        return at < len(self.numbers) and self.numbers[at] == n
