"""Which events a list shows: an array of their numbers, which grows with the store."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ocppscope.filter import Filter, Sql, parse
from ocppscope.store import Store

_ROUTINE: Final = "(type in (PING, PONG) or action == Heartbeat)"
_CHUNK: Final = 50_000
"""Events looked at in one go."""

Found: TypeAlias = tuple[int, int, Sequence[int]]
"""After which event, up to which one, and the numbers that were found between them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of a capture is looked at."""

    title: str
    sessions: tuple[int, ...] | None = None
    """Their numbers; None: all."""


EVERYTHING: Final = Scope("all stations")


def combined(*parts: str) -> Filter | None:
    """One filter of several that must all hold; None of none."""
    wanted = [part for part in parts if part]
    return parse(" and ".join(f"({part})" for part in wanted)) if wanted else None


def routine_hidden(hide: bool) -> str:
    """The filter that hides pings, pongs and Heartbeats."""
    return f"not {_ROUTINE}" if hide else ""


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

    def ask(self, store: Store, last: int) -> Found:
        """Look at the next events, some of them at a time; may run in a thread, with a Store of its own.

        Args:
            store: to ask.
            last: the number of the store's last event.
        """
        after, until = self.done, min(self.done + _CHUNK, last)
        return after, until, store.select(self._where, sessions=self.scope.sessions, after=after, until=until)

    def take(self, found: Found) -> None:
        """Add what was found; what was found before is left alone."""
        after, until, numbers = found
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
