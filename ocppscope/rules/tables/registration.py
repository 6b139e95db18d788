"""Where a station stands with its CSMS: booting, pending, accepted or rejected.

Sources: OCPP 1.6 edition 2 §4.2; OCPP 2.0.1 and 2.1 part 2, use cases B01 to B04.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.rules.registry import learns, on_answer, on_call

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

ACCEPTED = "Accepted"
PENDING = "Pending"
REJECTED = "Rejected"


@dataclass(slots=True)
class Registration:
    """What the BootNotifications of a station, and their answers, have settled."""

    status: str | None = None
    """As the CSMS said last; None where the capture has no answer to a BootNotification."""
    interval: int | None = None
    """Seconds, as it said with it: between Heartbeats where Accepted, else until the next BootNotification."""
    call: Message | None = None
    """The last BootNotification."""
    answer: Message | None = None
    """Its answer; None while there is none."""
    session: int | None = None
    """The number of the session that it was sent in."""
    previous: Message | None = None
    """The BootNotification before the last."""
    accepted: Message | None = None
    """The latest answer that accepted it."""
    first: Message | None = None
    """The first BootNotification since the CSMS had accepted the station, or had said nothing."""

    @property
    def is_waiting(self) -> bool:
        """A BootNotification is not answered yet."""
        return self.call is not None and self.answer is None

    @property
    def reason(self) -> str | None:
        """Why it booted (2.x)."""
        return text(fields(self.call.payload).get("reason")) if self.call else None


@learns(on_call("BootNotification"))
def learn_boot(event: Message, state: "SessionState") -> None:
    known = state.station.registration
    known.previous, known.call, known.answer = known.call, event, None
    known.session = event.session.number
    if known.first is None or known.status not in (PENDING, REJECTED):
        known.first = event


@learns(on_answer("BootNotification"))
def learn_boot_answer(event: Message, state: "SessionState") -> None:
    known = state.station.registration
    known.answer = event
    if event.type != CALLRESULT:
        return
    payload = fields(event.payload)
    known.status = text(payload.get("status"))
    known.interval = whole(payload.get("interval"))
    if known.status == ACCEPTED:
        known.accepted = event
