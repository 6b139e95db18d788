"""What stations sent in vain: Calls that got a CallError, or no answer at all, and are sent again.

Sources: OCPP 1.6 edition 2 §3.7 and §3.7.1; OCPP 2.0.1 and 2.1 part 2, use case E04. A Call is the same one again
if its action and its payload are equal, whatever its message id is.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ocppscope.events import CALL, CALLERROR, CALLRESULT, FROM_STATION, Message
from ocppscope.ocpp.actions import BY_SENDER
from ocppscope.ocpp.lenient import fields, items, told
from ocppscope.rules.registry import learns, on_answer, on_call

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

_KEPT: Final = 16
NUMBERS: Final = 20
"""Numbers of one message's sendings that are kept."""
_OF_STATION: Final = frozenset().union(*(senders[FROM_STATION] for senders in BY_SENDER.values()))
SENT: Final = tuple(sorted(_OF_STATION - {"Heartbeat"}))
"""Actions of stations whose Calls can be told apart; Heartbeats are all alike."""
_QUEUED: Final = frozenset(
    {"MeterValues", "SecurityEventNotification", "StartTransaction", "StopTransaction", "TransactionEvent"}
)
"""What waits in a queue of its own, while everything else gets by."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A Call that failed at least once."""

    first: Message
    last: Message
    sent: int = 1
    """How often so far."""
    numbers: list[int] = field(default_factory=list)
    """Of the latest sendings."""
    refusals: int = 0
    """CallErrors that it got."""
    refused: Message | None = None
    """The CallError to its latest sending."""
    told_in: int | None = None
    """The number of the session in which a rule told of it last."""

    def send(self, event: Message) -> None:
        self.last, self.refused = event, None
        self.sent += 1
        self.numbers.append(event.n)
        del self.numbers[:-NUMBERS]


class Deliveries:
    """Those of one station, over all its sessions. All of it is bounded, and empty when all goes well."""

    __slots__ = ("_again", "failed", "flight", "passed")

    def __init__(self) -> None:
        self.flight: dict[int, Message] = {}
        """By number: Calls without an answer, sent once so far."""
        self.failed: list[Delivery] = []
        """Those that got a CallError, or were sent again."""
        self._again: tuple[int, Delivery | None] = (0, None)
        self.passed: Message | None = None
        """The latest Call that was delivered: what failed before it did not hold it up."""

    def again(self, event: Message) -> Delivery | None:
        """What a Call repeats: the same one, that failed before; None where it is new."""
        if not self.flight and not self.failed:
            return None
        if self._again[0] != event.n:
            self._again = event.n, self._find(event)
        return self._again[1]

    def _find(self, event: Message) -> Delivery | None:
        action, payload = event.action, event.payload
        if type(payload) is not dict or not payload:
            return None
        for one in self.failed:
            if one.last.action == action and one.last.payload == payload:
                return one
        for call in self.flight.values():
            if call.action == action and call.payload == payload and call.n != event.n:
                return Delivery(call, call, numbers=[call.n])
        return None

    def was_passed(self, call: Message) -> bool:
        """Whether others got by a Call that had failed: it did not hold up anything."""
        by = self.passed
        is_passed = by is not None and by.n > call.n and by.session is call.session
        return is_passed and call.action not in _QUEUED

    def send(self, event: Message) -> None:
        one = self.again(event)
        if one is None:
            if len(self.flight) >= _KEPT:
                del self.flight[next(iter(self.flight))]
            self.flight[event.n] = event
            return
        if self.flight.pop(one.last.n, None) is not None:
            self._keep(one)
        if self.was_passed(one.last):
            one.first, one.sent, one.numbers = event, 0, []
        one.send(event)

    def answer(self, number: int, answer: Message) -> None:
        """Take in the answer to the Call with that number."""
        call = self.flight.pop(number, None)
        is_delivered = answer.type == CALLRESULT
        if call is not None:
            if not is_delivered:
                self._keep(Delivery(call, call, 1, [call.n], 1, answer))
            return
        for one in self.failed:
            if number in one.numbers:
                if is_delivered:
                    self.failed.remove(one)
                else:
                    one.refusals += 1
                    one.refused = answer
                return

    def _keep(self, one: Delivery) -> None:
        self.failed.append(one)
        del self.failed[:-_KEPT]


@learns(on_call(*SENT))
def learn_call(event: Message, state: "SessionState") -> None:
    if event.direction == FROM_STATION:
        known = state.station.deliveries
        if known.flight or known.failed:
            known.send(event)
        else:
            known.flight[event.n] = event


@learns(on_call("StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"))
def learn_queued(event: Message, state: "SessionState") -> None:
    """Whether a station is still sending what it queued while it was offline: oldest first, so until one is new."""
    if state.has_caught_up or state.opened is None or state.opened.time is None:
        return
    payload = fields(event.payload)
    values = items(payload.get("meterValue"))
    made = told(payload.get("timestamp") or (fields(values[-1]).get("timestamp") if values else None))
    if made is None:
        return
    state.has_caught_up = made >= state.opened.time
    state.station.catching_up = None if state.has_caught_up else event.time


@learns(on_answer(*SENT))
def learn_answer(event: Message, state: "SessionState") -> None:
    call = event.call
    if call is None or event.direction == FROM_STATION:
        return
    known = state.station.deliveries
    if event.type == CALLRESULT:
        known.passed = call
    if event.type == CALLRESULT and not known.failed:
        known.flight.pop(call.n, None)
    elif call.type == CALL and event.type in (CALLRESULT, CALLERROR):
        known.answer(call.n, event)
