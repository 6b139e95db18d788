"""SWP: batteries that are swapped (section O of the catalogue).

Source: OCPP 2.1 part 2, functional block S.
"""

from collections.abc import Mapping
from typing import Final

from ocppscope.events import Message
from ocppscope.ocpp.connectors import availability_told, status_told
from ocppscope.ocpp.lenient import fields, items, text, whole
from ocppscope.ocpp.versions import V21
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.gates import expecting
from ocppscope.rules.registry import ERROR, Report, on_call, rule
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.authorizations import token_of

_TOLD_WITHIN: Final = 60
_SWAPS_KEPT: Final = 200


# --- battery swap ---

_STATUS_AFTER: Final[Mapping[str, str]] = {"BatteryIn": "Occupied", "BatteryOut": "Available"}


@rule(
    "SWP-001",
    "The two halves of a battery swap do not fit",
    ERROR,
    on_call("BatterySwap"),
    on_call("StatusNotification", "NotifyEvent", gate=expecting("SWP-001")),
    source="OCPP 2.1 part 2 S02, S03, S03.FR.01 to S03.FR.04",
    hint="BatteryOut has requestId and idToken of BatteryIn; the EVSEs are told to be Occupied and Available",
    needs="session",
    versions=(V21,),
)
def battery_swap(event: Message, state: SessionState) -> list[Report]:
    station, payload = state.station, fields(event.payload)
    if event.action != "BatterySwap":
        read = status_told if event.action == "StatusNotification" else availability_told
        for one in read(event, payload):
            meet(station, "SWP-001", (one.evse, one.status))
        return []
    swaps: dict[int, tuple[str | None, int]] = station.noted.setdefault("SWP-001", {})
    identity, token = whole(payload.get("requestId")), token_of(payload)
    kind = text(payload.get("eventType"))
    if identity is None or kind is None:
        return []
    for battery in map(fields, items(payload.get("batteryData"))[:20]):
        _expect_status(event, state, kind, whole(battery.get("evseId")))
    if kind == "BatteryIn":
        if len(swaps) < _SWAPS_KEPT:
            swaps[identity] = token, event.n
        return []
    known = swaps.pop(identity, None)
    if known is None:
        registration = station.registration
        if state.is_partial or registration.accepted is None or registration.session != state.session.number:
            return []  # it may have come before the capture
        return [Report(f"{kind} with requestId {identity}, and no BatteryIn had it", "requestId")]
    if token is not None and known[0] is not None and token != known[0]:
        said = f"{kind} of requestId {identity} has another idToken than BatteryIn"
        return [Report(said, "idToken", None, (known[1],))]
    return []


def _expect_status(event: Message, state: SessionState, kind: str, evse: int | None) -> None:
    status = _STATUS_AFTER.get(kind)
    if status is None or evse is None:
        return
    places = [one for place, one in state.station.connectors.items() if place[0] == evse]
    if not places or any(one.status == status for one in places):
        return  # it is not told at all, or was told before
    report = Report(
        f"EVSE {evse} was not told to be {status} within {_TOLD_WITHIN} s of {kind}", f"EVSE {evse}"
    )
    expect(state, "SWP-001", (evse, status), _TOLD_WITHIN, unless_lost(state, report), event)
