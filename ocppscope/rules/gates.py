"""What rules and learners wait behind: whether a message is worth looking at, asked once for all that share a gate.

Most messages are of a station that is accepted, has nothing reserved, and of which nothing is expected: many rules
have nothing to look at then. A gate says when they have; it costs less than the first of them.
"""

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import Message
from ocppscope.rules.registry import SILENCE, Gate

if TYPE_CHECKING:  # tables have gates too
    from ocppscope.rules.state import SessionState

_ACCEPTED: Final = "Accepted"


def unsettled(event: Message, state: "SessionState") -> bool:
    """The CSMS has not accepted the station, as far as is known, or the session only begins."""
    known = state.station.registration
    return known.status != _ACCEPTED or known.answer is None or state.messages == 1


@cache
def expecting(*rules: str) -> Gate:
    """One of these rules expects something, and this may be it: for messages with which they only `meet`."""
    wanted = frozenset(rules)

    def expects(event: Message, state: "SessionState") -> bool:
        expected = state.station.expected
        return bool(expected) and not wanted.isdisjoint(expected)

    return expects


def triggered(event: Message, state: "SessionState") -> Collection[Any]:
    """The CSMS has triggered messages, of which this may be one."""
    return state.station.triggered


def reserved(event: Message, state: "SessionState") -> Collection[Any]:
    """The station has accepted a reservation."""
    return state.station.reservations


def limited(event: Message, state: "SessionState") -> Collection[Any]:
    """The station has a charging profile."""
    return state.station.profiles.installed


def held_up(event: Message, state: "SessionState") -> Collection[Any]:
    """Calls of the station have no answer, or were refused: this one may be one of them again."""
    deliveries = state.station.deliveries
    return deliveries.flight or deliveries.failed


def says_something(event: Message, state: "SessionState") -> bool:
    """An answer that is not empty: most say no more than that they came."""
    return bool(event.payload)


def in_quick_succession(event: Message, state: "SessionState") -> bool:
    """The station was not silent before: what `on_silence` leaves."""
    heard, now = state.heard, event.time
    return heard is not None and now is not None and now - heard <= SILENCE
