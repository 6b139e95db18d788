"""What the CSMS has asked of a station lately, and what the station said to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import CALLRESULT, FROM_CSMS, Message
from ocppscope.ocpp.actions import BY_SENDER
from ocppscope.ocpp.lenient import fields, text
from ocppscope.rules.registry import learns, on_answer, on_call

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

ACCEPTED: Final = "Accepted"
REJECTED: Final = "Rejected"
_OF_CSMS: Final = frozenset().union(*(senders[FROM_CSMS] for senders in BY_SENDER.values()))


@dataclass(slots=True)
class Request:
    """The latest Call of one action from the CSMS."""

    call: Message
    answer: Message | None = None
    """None while there is none."""

    @property
    def asked(self) -> dict[str, Any]:
        """Its payload."""
        return fields(self.call.payload)

    @property
    def status(self) -> str | None:
        """What the station answered: `Accepted`, `Rejected`, `Scheduled` …"""
        return status_of(self.answer) if self.answer else None


def status_of(answer: Message) -> str | None:
    """The status of a CallResult; None for an error, or where it has none."""
    return text(fields(answer.payload).get("status")) if answer.type == CALLRESULT else None


def came_after(call: Message | None, since: Message | None) -> bool:
    """Whether the CSMS asked for something after an answer to a BootNotification."""
    return call is not None and (since is None or call.n > since.n)


def asked(answer: Message) -> dict[str, Any]:
    """The payload of the Call that an answer is to; empty where that is not in the capture."""
    return fields(answer.call.payload) if answer.call else {}


TRIGGERED: Final[Mapping[str, str]] = {
    "SignChargePointCertificate": "SignCertificate",
    "SignChargingStationCertificate": "SignCertificate",
    "SignV2GCertificate": "SignCertificate",
    "SignV2G20Certificate": "SignCertificate",
    "SignCombinedCertificate": "SignCertificate",
}
"""Actions that a requestedMessage names otherwise."""


@learns(on_call("TriggerMessage", "ExtendedTriggerMessage"))
def learn_trigger(event: Message, state: "SessionState") -> None:
    wanted = text(fields(event.payload).get("requestedMessage"))
    if wanted is not None:
        state.station.triggered[TRIGGERED.get(wanted, wanted)] = event


@learns(on_call(*_OF_CSMS))
def learn_request(event: Message, state: "SessionState") -> None:
    state.station.requests[event.action or ""] = Request(event)


@learns(on_answer(*_OF_CSMS))
def learn_answer(event: Message, state: "SessionState") -> None:
    known = state.station.requests.get(event.action or "")
    if known is not None and event.call is known.call:
        known.answer = event
