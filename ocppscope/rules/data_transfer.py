"""DT: vendors' own messages (section O of the catalogue).

Sources: OCPP 1.6 edition 2 §4.3; OCPP 2.0.1 and 2.1 part 2, functional block P; OCA, Using ISO 15118 Plug & Charge
with OCPP 1.6.
"""

from ocppscope.events import Message
from ocppscope.ocpp import tunnels
from ocppscope.ocpp.lenient import fields, text
from ocppscope.ocpp.versions import V16
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    Report,
    numbers_of,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.requests import status_of


@rule(
    "DT-001",
    "An unknown DataTransfer is answered with data",
    ERROR,
    on_answer("DataTransfer"),
    source=part_2("P01.FR.05, P01.FR.06", "§4.3"),
    hint="with UnknownVendorId and UnknownMessageId leave data out",
    needs="exchange",
)
def unknown_with_data(event: Message, state: SessionState) -> Report | None:
    status = status_of(event)
    if status not in ("UnknownVendorId", "UnknownMessageId") or fields(event.payload).get("data") is None:
        return None
    return Report(f"{status} with data", events=numbers_of(event.call))


@rule(
    "DT-002",
    "A message of ISO 15118 in a DataTransfer",
    INFO,
    on_call("DataTransfer"),
    source="OCA, Using ISO 15118 Plug & Charge with OCPP 1.6",
    hint="its data is the JSON of the 2.0.1 action that messageId names; `show` decodes it",
    versions=(V16,),
)
def tunnelled(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    if payload.get("vendorId") != tunnels.PLUG_AND_CHARGE:
        return None
    action = text(payload.get("messageId"))
    if tunnels.inner(payload.get("data")) is None:
        return Report(f"{action or 'no messageId'}, and data is no JSON object in a string", action or "")
    return Report(f"{action or 'no messageId'} is tunnelled", action or "")
