"""Which version of the local authorization list a station has.

Sources: OCPP 1.6 edition 2 §5.10, §5.15; OCPP 2.0.1 and 2.1 part 2, functional block D.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, items, whole
from ocppscope.rules.registry import learns, on_answer
from ocppscope.rules.tables.requests import asked, status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState


@dataclass(slots=True)
class LocalList:
    """The list of one station."""

    version: int | None = None
    """As the capture shows it last; None where it does not."""
    n: int = 0
    """The number of the answer that shows it."""
    was_sent: bool = False
    """The CSMS sent that version in the capture; else the station told it."""
    is_empty: bool = False
    """A full list without entries."""
    refused: Message | None = None
    """The answer that refused the last list; None where that was accepted."""


def version_of(payload: dict[str, Any]) -> int | None:
    """`listVersion` (1.6) or `versionNumber` (2.x)."""
    found = whole(payload.get("listVersion"))
    return whole(payload.get("versionNumber")) if found is None else found


@learns(on_answer("SendLocalList"))
def learn_list(event: Message, state: "SessionState") -> None:
    known, payload, status = state.station.local_list, asked(event), status_of(event)
    if status in ("Failed", "VersionMismatch"):
        known.refused = event
    elif status == "Accepted":
        known.version, known.n, known.was_sent, known.refused = version_of(payload), event.n, True, None
        if payload.get("updateType") == "Full":
            known.is_empty = not items(payload.get("localAuthorizationList"))
        elif items(payload.get("localAuthorizationList")):
            known.is_empty = False


@learns(on_answer("GetLocalListVersion"))
def learn_version(event: Message, state: "SessionState") -> None:
    known, version = state.station.local_list, version_of(fields(event.payload))
    if event.type == CALLRESULT and version is not None:
        known.version, known.n, known.was_sent = version, event.n, False
