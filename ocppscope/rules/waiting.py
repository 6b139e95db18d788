"""Whether what seems to be missing may still be on its way, or be missing from the capture only.

Messages about transactions go in the order in which they came about: one that is refused, or not answered, is sent
again, and the others wait behind it (OCPP 1.6 edition 2 §3.7; 2.0.1 and 2.1 part 2, use case E04).
"""

from typing import Final

from ocppscope.events import Message
from ocppscope.ocpp.times import MINUTE, SECOND
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.registration import PENDING, REJECTED

_QUEUED: Final = frozenset({"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"})
_RETRIES: Final = 10 * MINUTE
"""For how long a station may let pass before it sends a message again."""
_ANSWERED: Final = 30 * SECOND


def misses_messages(state: SessionState, since: int) -> bool:
    """Whether messages of the station are missing, or could not be read, after the event with that number."""
    return state.station.missed > since


def is_held_up(state: SessionState, event: Message) -> bool:
    """Whether the station may hold back messages that were due after an event, or the capture misses some."""
    registration = state.station.registration
    if (
        misses_messages(state, event.n)
        or registration.is_waiting
        or registration.status in (PENDING, REJECTED)
    ):
        return True
    since, deliveries = event.time or 0, state.station.deliveries
    return any(
        one.last.action in _QUEUED and (one.last.time or 0) > since - _RETRIES for one in deliveries.failed
    ) or any(
        call.session is event.session and since - MINUTE < (call.time or 0) < since + _ANSWERED
        for call in deliveries.flight.values()
    )


def is_delivered(state: SessionState, number: int) -> bool:
    """Whether a Call of the station was answered with a CallResult."""
    deliveries = state.station.deliveries
    return number not in deliveries.flight and not any(number in one.numbers for one in deliveries.failed)
