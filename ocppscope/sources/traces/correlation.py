"""Which Call an answer belongs to by the rule of Open OCPP Trace.

It is the most recent earlier Call with the same id, the other direction and no answer yet, whatever the station.
(`ocpp.correlation` tells sessions apart and knows the id `-1`.)
"""

from typing import Any, Generic, TypeVar

from ocppscope.events import Direction
from ocppscope.ocpp.directing import OTHER

T = TypeVar("T")


class Correlation(Generic[T]):
    """Pairs Calls with answers; what is kept of a Call is the user's choice."""

    def __init__(self) -> None:
        self._open: dict[tuple[Direction, str], list[T]] = {}

    def call(self, direction: Direction, message_id: Any, call: T) -> None:
        """A Call."""
        self._open.setdefault((direction, _key(message_id)), []).append(call)

    def answer(self, direction: Direction, message_id: Any) -> T | None:
        """The Call that an answer belongs to, which is answered now; None for an orphan."""
        key = OTHER[direction], _key(message_id)
        calls = self._open.get(key)
        if calls is None:
            return None
        call = calls.pop()
        if not calls:
            del self._open[key]
        return call

    def unanswered(self) -> list[T]:
        return [call for calls in self._open.values() for call in calls]


def _key(message_id: Any) -> str:
    return message_id if type(message_id) is str else f"\0{message_id!r}"
