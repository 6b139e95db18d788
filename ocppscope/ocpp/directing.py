"""Who sent a message, for sources that do not say it, or say it only from where they stand.

Most actions may be sent by one side only; an answer goes the other way than its Call; only then does a word of the
source count, such as `send` or `received`.
"""

from functools import cache
from typing import Any, Final

from ocppscope.events import CALL, CALLRESULTERROR, FROM_CSMS, FROM_STATION, SEND, Direction
from ocppscope.ocpp.actions import BY_SENDER, senders_of
from ocppscope.ocpp.recent import Recent

OTHER: Final[dict[Direction, Direction]] = {FROM_STATION: FROM_CSMS, FROM_CSMS: FROM_STATION}
_OPEN: Final = 1_000
"""Calls of each side that are remembered until they are answered."""


@cache
def _known_sender(action: str) -> Direction | None:
    """The side that alone may send the action, in all versions that know it."""
    senders = {sender for version in BY_SENDER for sender in senders_of(version, action)}
    return senders.pop() if len(senders) == 1 else None


def sender_of(action: Any) -> Direction | None:
    """The side that alone may send a Call with this action; None where both may, or the action is unknown."""
    return _known_sender(action) if type(action) is str and len(action) < 100 else None


class Directing:
    """Finds the directions of one session's messages.

    Attributes:
        guessed: how many messages gave no sign at all.
    """

    __slots__ = ("_calls", "_results", "guessed")

    def __init__(self) -> None:
        self.guessed = 0
        self._calls: dict[Direction, Recent[Any, None]] = _remembered()
        self._results: dict[Direction, Recent[Any, None]] = _remembered()

    def direction(self, kind: int, message_id: Any, action: Any, word: Direction | None = None) -> Direction:
        """The direction of the next message.

        Args:
            kind: its type, 2 to 6.
            message_id: of any JSON type.
            action: of a Call or Send.
            word: what the source says, or seems to say; None for nothing.
        """
        key = message_id if type(message_id) is str else f"\0{message_id!r}"
        if kind in (CALL, SEND):
            found = sender_of(action) or word or self._guess(FROM_STATION)
            if kind == CALL:
                self._calls[found].pop(key, None)  # so that it is remembered from now
                self._calls[found][key] = None
            return found
        asked = self._results if kind == CALLRESULTERROR else self._calls
        by_station, by_csms = key in asked[FROM_STATION], key in asked[FROM_CSMS]
        sign = (FROM_CSMS if by_station else FROM_STATION) if by_station != by_csms else word
        found = sign or self._guess(FROM_CSMS)  # most Calls are the station's
        asked[OTHER[found]].pop(key, None)
        if kind != CALLRESULTERROR:
            self._results[found][key] = None
        return found

    def _guess(self, direction: Direction) -> Direction:
        self.guessed += 1
        return direction


def _remembered() -> dict[Direction, Recent[Any, None]]:
    return {FROM_STATION: Recent(_OPEN), FROM_CSMS: Recent(_OPEN)}
