"""Answers that come in parts: reports, and what else names the request that it belongs to.

Sources: OCPP 2.0.1 and 2.1 part 2, FR.05 and use cases B07, B08, K09, N02, N08, N09, O03, R04.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import Message
from ocppscope.ocpp.lenient import fields, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.requests import asked, status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "NotifyReport": ("GetBaseReport", "GetReport"),
    "NotifyMonitoringReport": ("GetMonitoringReport",),
    "NotifyDisplayMessages": ("GetDisplayMessages",),
    "NotifyCustomerInformation": ("CustomerInformation",),
    "ReportChargingProfiles": ("GetChargingProfiles",),
    "ReportDERControl": ("GetDERControl",),
}
"""What comes in parts, and what asks for it."""
_PARTS_OF: Final = {request: part for part, requests in PARTS.items() for request in requests}


@dataclass(slots=True)
class Flow:
    """One request, and how far its parts have come."""

    call: Message | None
    """None where the request is not in the capture."""
    status: str | None = None
    """How it was answered; None while it was not."""
    answer: Message | None = None
    seq_no: int | None = None
    """Of the latest part."""
    latest: Message | None = None
    is_done: bool = False
    """A part said that no more would come."""


FlowKey: TypeAlias = tuple[str, int | None]
"""What comes in parts, and the requestId; None for NotifyEvent, which has none."""


class Flows(Recent[FlowKey, Flow]):
    """Those of one station."""

    def __init__(self) -> None:
        super().__init__(200)


def key_of(event: Message) -> FlowKey:
    return str(event.action), whole(fields(event.payload).get("requestId"))


def is_last(payload: dict[str, Any]) -> bool:
    return payload.get("tbc") is not True


@learns(on_call(*_PARTS_OF))
def learn_request(event: Message, state: "SessionState") -> None:
    identity = whole(fields(event.payload).get("requestId"))
    if identity is not None:
        state.station.flows[_PARTS_OF[event.action or ""], identity] = Flow(event)


@learns(on_answer(*_PARTS_OF))
def learn_request_answer(event: Message, state: "SessionState") -> None:
    key = _PARTS_OF[event.action or ""], whole(asked(event).get("requestId"))
    known = state.station.flows.get(key)
    if known is not None and known.call is event.call:
        known.status, known.answer = status_of(event), event


@learns(on_call(*PARTS, "NotifyEvent"))
def learn_part(event: Message, state: "SessionState") -> None:
    payload, key = fields(event.payload), key_of(event)
    known = state.station.flows.get(key)
    if known is None:
        known = state.station.flows[key] = Flow(None)
    known.seq_no, known.latest, known.is_done = whole(payload.get("seqNo")), event, is_last(payload)
