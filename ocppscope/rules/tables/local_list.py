"""Which version of the local authorization list a station has.

Sources: OCPP 1.6 edition 2 §5.10, §5.15; OCPP 2.0.1 and 2.1 part 2, functional block D.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.configuration import ACTUAL, settings_told
from ocppscope.ocpp.lenient import fields, items, whole
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.authorizations import info_of
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
    may_be_empty: bool = False
    """Entries were taken out of it since the last ones that were put in."""
    is_off: bool = False
    """The station was told not to use it (2.x: LocalAuthListCtrlr.Enabled), and then says 0."""
    sent: Message | None = None
    """The SendLocalList that has no answer yet."""
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
    if event.call is not None:
        known.sent = None
    if status == "Accepted":
        known.version, known.n, known.was_sent, known.refused = version_of(payload), event.n, True, None
        if payload.get("updateType") == "Full":
            known.is_empty = not items(payload.get("localAuthorizationList"))
            known.may_be_empty = False
        elif entries := items(payload.get("localAuthorizationList")):
            known.is_empty = False
            known.may_be_empty = not any(info_of(fields(entry)) for entry in entries)


@learns(on_call("SendLocalList"))
def learn_sent(event: Message, state: "SessionState") -> None:
    state.station.local_list.sent = event


_CONTROLLER: Final = "LocalAuthListCtrlr"


@learns(on_answer("GetVariables", "SetVariables"))
@learns(on_call("NotifyReport"))
def learn_use(event: Message, state: "SessionState") -> None:
    if _CONTROLLER not in event.raw and (event.call is None or _CONTROLLER not in event.call.raw):
        return
    for one in settings_told(event):
        if one.place is None or (one.place.component, one.name) != (_CONTROLLER, "Enabled"):
            continue
        if one.attribute == ACTUAL and one.value is not None:
            state.station.local_list.is_off = one.value.lower() == "false"


@learns(on_answer("GetLocalListVersion"))
def learn_version(event: Message, state: "SessionState") -> None:
    known, version = state.station.local_list, version_of(fields(event.payload))
    if event.type == CALLRESULT and version is not None:
        known.version, known.n, known.was_sent = version, event.n, False
