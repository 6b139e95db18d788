"""Who sent a message: by its action, then by what it answers, then by the log's own word.

A word such as `send` is relative to the side that logs; which side that is, messages show whose action only
one side may send, unless the user says it.
"""

from collections import Counter
from functools import cache
from typing import Any, Final

from ocppscope.events import FROM_CSMS, FROM_STATION, Direction
from ocppscope.ocpp.actions import BY_SENDER
from ocppscope.sources.text.dialect import IN, OUT, Dialect, Side, Word

__all__ = ["Directions", "OpenCalls", "sender_of"]

_ASKING: Final = frozenset({2, 6, "2", "6"})
_ASKING_FOR_AN_ANSWER: Final = frozenset({2, "2"})
"""Types as they should be, and as some stations write them."""
_OPEN: Final = 1_000
_VOTES: Final = 25
"""Messages after which it is settled which side logs."""
_ABSOLUTE: Final[dict[Word, Direction]] = {FROM_STATION: FROM_STATION, FROM_CSMS: FROM_CSMS}
OTHER: Final[dict[Direction, Direction]] = {FROM_STATION: FROM_CSMS, FROM_CSMS: FROM_STATION}


@cache
def _senders() -> dict[str, Direction]:
    by: dict[Direction, set[str]] = {
        side: {action for senders in BY_SENDER.values() for action in senders[side]}
        for side in (FROM_STATION, FROM_CSMS)
    }
    return {action: side for side in by for action in by[side] - by[OTHER[side]]}


def sender_of(action: Any) -> Direction | None:
    """The side that alone may send an action."""
    return _senders().get(action) if type(action) is str else None


def sender_of_any(begin: str) -> Direction | None:
    """The side that alone may send actions that begin so."""
    sides = {side for action, side in _senders().items() if action.startswith(begin)}
    return sides.pop() if len(sides) == 1 else None


class OpenCalls:
    """The Calls of one session that wait for an answer, by their ids."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[str, tuple[Direction, ...]] = {}

    def call(self, message_id: Any, direction: Direction) -> None:
        key = str(message_id)
        before = self._open.get(key, ())
        if direction not in before:
            self._open[key] = (*before, direction)
        if len(self._open) > _OPEN:
            del self._open[next(iter(self._open))]

    def waiting(self, message_id: Any) -> tuple[Direction, ...]:
        """Who sent the Calls of that id that wait, the last one last."""
        return self._open.get(str(message_id), ())

    def answered(self, message_id: Any, by: Direction) -> None:
        key = str(message_id)
        left = tuple(side for side in self._open.get(key, ()) if side == by)
        if left:
            self._open[key] = left
        else:
            self._open.pop(key, None)


class Directions:
    """Decides on the direction of each message of one text.

    Args:
        logged_by: the side that logs, if the user says it.

    Attributes:
        told_by: how many messages were directed by `action`, `answer`, `log` (it says so, or its user), `word`
            (relative to a side that was concluded), or by `nothing`.
    """

    def __init__(self, logged_by: Side | None = None) -> None:
        self.told_by: Counter[str] = Counter()
        self._given = logged_by
        self._votes: dict[str, Counter[Side]] = {}
        self._settled: set[str] = set()

    def side_of(self, dialect: Dialect | None) -> Side | None:
        """The side that logs, as far as it is known."""
        if self._given is not None or dialect is None:
            return self._given
        votes = self._votes.get(dialect.name)
        return votes.most_common(1)[0][0] if votes else dialect.logged_by

    def by_word(self, word: Word | None, dialect: Dialect | None) -> Direction | None:
        """What the log's word says."""
        if word is None:
            return None
        if (absolute := _ABSOLUTE.get(word)) is not None:
            return absolute
        side = self.side_of(dialect)
        if side is None:
            return None
        return FROM_STATION if (side == "station") == (word == OUT) else FROM_CSMS

    def of(
        self, calls: OpenCalls, message: list[Any], word: Word | None, dialect: Dialect | None
    ) -> Direction:
        """The direction of a message, which from now on can be answered, or has answered."""
        kind, message_id = message[0], message[1]
        if kind in _ASKING:
            direction = sender_of(message[2]) if len(message) > 2 else None
            if direction is not None:
                self.told_by["action"] += 1
                if dialect is not None and word in (IN, OUT):
                    self._vote(dialect, direction, word)
            else:
                direction = self._by_word_or_guess(word, dialect, FROM_STATION)
            if kind in _ASKING_FOR_AN_ANSWER:
                calls.call(message_id, direction)
            return direction
        waiting = calls.waiting(message_id)
        if len(waiting) == 1:
            self.told_by["answer"] += 1
            direction = OTHER[waiting[0]]
        else:
            likely = OTHER[waiting[-1]] if waiting else FROM_CSMS
            direction = self._by_word_or_guess(word, dialect, likely)
        calls.answered(message_id, direction)
        return direction

    def glimpse(
        self, calls: OpenCalls, message_id: str, action: str, word: Word | None, dialect: Dialect
    ) -> Direction | None:
        """The direction of a Call of which only the beginning is there; None where it cannot be told."""
        direction = sender_of_any(action)
        if direction is None:
            direction = self.by_word(word, dialect)
        elif word in (IN, OUT):
            self._vote(dialect, direction, word)
        if direction is not None:
            calls.call(message_id, direction)
        return direction

    def _by_word_or_guess(self, word: Word | None, dialect: Dialect | None, guess: Direction) -> Direction:
        direction = self.by_word(word, dialect)
        is_said = self._given is not None or word in _ABSOLUTE
        self.told_by["nothing" if direction is None else "log" if is_said else "word"] += 1
        return direction or guess

    def _vote(self, dialect: Dialect, direction: Direction, word: Word | None) -> None:
        if dialect.name in self._settled:
            return
        votes = self._votes.setdefault(dialect.name, Counter())
        side: Side = "station" if (direction == FROM_STATION) == (word == OUT) else "csms"
        votes[side] += 1
        if votes.total() >= _VOTES:
            self._settled.add(dialect.name)
