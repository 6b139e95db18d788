"""The sessions of a trace: one for each station, or those that our own traces number."""

from collections.abc import Iterator
from typing import Any

from ocppscope.events import Closed, Direction, Opened, Session, WireEvent
from ocppscope.ocpp.directing import OTHER, Directing
from ocppscope.sources.traces.words import Side


class Talk:
    """A session, and what helps to read it."""

    __slots__ = ("directing", "has_begun", "last", "session", "versions")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.directing = Directing()
        self.has_begun = False
        """Its Opened was put out."""
        self.last: int | None = None
        """When something was last seen of it."""
        self.versions: set[Any] = {None}
        """What records say of its OCPP version, as it stands there."""

    def end(self) -> Closed:
        """It ends here as far as is known."""
        self.session.ended = True
        return Closed(self.session, self.last, None, "end-of-capture")


class Sessions:
    """All sessions of one capture, in one file or several."""

    def __init__(self) -> None:
        self._talks: dict[object, Talk] = {}
        self._numbers: set[int] = set()
        self._next = 1

    def find(self, key: object) -> Talk | None:
        return self._talks.get(key)

    def begin(self, key: object, *, number: int | None = None) -> Talk:
        """A session is seen first.

        Args:
            key: by which it will be found.
            number: that it is to have, if that is free.
        """
        if number is None or number < 1 or number in self._numbers:
            while self._next in self._numbers:
                self._next += 1
            number = self._next
        self._numbers.add(number)
        talk = self._talks[key] = Talk(Session(number))
        return talk

    def end(self) -> Iterator[WireEvent]:
        """The capture ends: yield the ends of what is still open."""
        for talk in self._talks.values():
            if talk.has_begun and not talk.session.ended:
                yield talk.end()


def found_late(talk: Talk, time: int | None) -> Opened:
    """A session begins without its handshake."""
    talk.has_begun, talk.session.late = True, True
    return Opened(talk.session, time)


class Viewpoint:
    """On which side whoever wrote `sent` and `received` stood; learned from actions that only one side may send.

    Args:
        sent: the direction of what was sent, until it is learned.
    """

    __slots__ = ("_sent",)

    def __init__(self, sent: Direction) -> None:
        self._sent: Direction = sent

    def word(self, side: Side | None) -> Direction | None:
        """The direction that the writer seems to mean."""
        if side is None:
            return None
        return self._sent if side == "out" else OTHER[self._sent]

    def learn(self, side: Side, direction: Direction) -> None:
        """What the writer said of a message, and who really sent it."""
        self._sent = direction if side == "out" else OTHER[direction]
