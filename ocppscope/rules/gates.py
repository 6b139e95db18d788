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


def _disturbed(event: Message, state: "SessionState") -> object:
    """Anything at all is up with the station: one question that stands before those below."""
    station = state.station
    registration, deliveries = station.registration, station.deliveries
    return (
        registration.status != _ACCEPTED
        or registration.answer is None
        or state.messages == 1
        or deliveries.flight
        or deliveries.failed
        or station.triggered
        or station.reservations
        or station.profiles.installed
    )


def _unsettled(event: Message, state: "SessionState") -> bool:
    known = state.station.registration
    return known.status != _ACCEPTED or known.answer is None or state.messages == 1


def _triggered(event: Message, state: "SessionState") -> Collection[Any]:
    return state.station.triggered


def _reserved(event: Message, state: "SessionState") -> Collection[Any]:
    return state.station.reservations


def _limited(event: Message, state: "SessionState") -> Collection[Any]:
    return state.station.profiles.installed


def _held_up(event: Message, state: "SessionState") -> Collection[Any]:
    deliveries = state.station.deliveries
    return deliveries.flight or deliveries.failed


unsettled: Final = (_disturbed, _unsettled)
"""The CSMS has not accepted the station, as far as is known, or the session only begins."""
triggered: Final = (_disturbed, _triggered)
"""The CSMS has triggered messages, of which this may be one."""
reserved: Final = (_disturbed, _reserved)
"""The station has accepted a reservation."""
limited: Final = (_disturbed, _limited)
"""The station has a charging profile."""
held_up: Final = (_disturbed, _held_up)
"""Calls of the station have no answer, or were refused: this one may be one of them again."""


@cache
def expecting(*rules: str) -> Gate:
    """One of these rules expects something, and this may be it: for messages with which they only `meet`."""
    wanted = frozenset(rules)

    def expects(event: Message, state: "SessionState") -> bool:
        expected = state.station.expected
        return bool(expected) and not wanted.isdisjoint(expected)

    return expects


def says_something(event: Message, state: "SessionState") -> bool:
    """An answer that is not empty: most say no more than that they came."""
    return bool(event.payload)


def in_quick_succession(event: Message, state: "SessionState") -> bool:
    """The station was not silent before: what `on_silence` leaves."""
    heard, now = state.heard, event.time
    return heard is not None and now is not None and now - heard <= SILENCE
