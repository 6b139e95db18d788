"""DM, DISP: configuration keys, variables and what is reported of them, display messages (section O).

Sources: OCPP 1.6 edition 2 §5.3; OCPP 2.0.1 and 2.1 part 2, functional blocks B, N, O.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from ocppscope.events import CALLRESULT, SEND, Message
from ocppscope.ocpp.lenient import fields, identifier, items, text, whole
from ocppscope.ocpp.versions import V2X, V16, V21
from ocppscope.rules.configuration import CHOICES
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.registry import (
    ERROR,
    WARNING,
    Report,
    learns,
    numbers_of,
    on_answer,
    on_call,
    on_send,
    rule,
)
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.flows import PARTS, is_last, key_of
from ocppscope.rules.tables.requests import ACCEPTED, REJECTED, asked, status_of

# --- variables ---


def _names(entry: dict[str, Any], attribute: str) -> tuple[Hashable, ...]:
    """What makes a component, variable and attribute the same as another."""
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    evse = fields(component.get("evse"))
    parts = (
        component.get("name"),
        component.get("instance"),
        evse.get("id"),
        evse.get("connectorId"),
        variable.get("name"),
        variable.get("instance"),
        entry.get(attribute) or "Actual",
    )
    return tuple(part.lower() if type(part) is str else str(part) for part in parts)


def _said(entry: dict[str, Any]) -> str:
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    return f"{component.get('name')}.{variable.get('name')}"[:100]


_RESULTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "SetVariables": ("setVariableData", "setVariableResult", "attributeType"),
    "GetVariables": ("getVariableData", "getVariableResult", "attributeType"),
    "SetVariableMonitoring": ("setMonitoringData", "setMonitoringResult", "type"),
}
"""By action: what is asked, what is answered, and what tells entries of one variable apart."""


@rule(
    "DM-001",
    "The results are not those of what was asked",
    ERROR,
    on_answer(*_RESULTS),
    source=part_2("B05.FR.01, B05.FR.02, B06.FR.01, N04.FR.01"),
    hint="answer each entry with one result that names the same component and variable",
    needs="exchange",
    versions=V2X,
)
def other_results(event: Message, state: SessionState) -> Report | None:
    wanted, answered, attribute = _RESULTS[event.action or ""]
    if event.type != CALLRESULT or event.call is None:
        return None
    entries = list(map(fields, items(asked(event).get(wanted))))
    results = list(map(fields, items(fields(event.payload).get(answered))))
    if len(entries) != len(results):
        return Report(
            f"{len(results)} results for {len(entries)} entries",
            str(event.action),
            events=numbers_of(event.call),
        )
    left = {_names(entry, attribute): entry for entry in results}
    for entry in entries:
        if _names(entry, attribute) not in left:
            return Report(f"no result for {_said(entry)}", str(event.action), events=numbers_of(event.call))
    return None


@rule(
    "DM-002",
    "A variable is set twice in one request",
    ERROR,
    on_call("SetVariables"),
    source=part_2("B05.FR.13"),
    hint="name each component, variable and attributeType once",
    versions=V2X,
)
def set_twice(event: Message, state: SessionState) -> Report | None:
    seen: set[tuple[Hashable, ...]] = set()
    for entry in map(fields, items(fields(event.payload).get("setVariableData"))):
        names = _names(entry, "attributeType")
        if names in seen:
            return Report(f"{_said(entry)} stands twice")
        seen.add(names)
    return None


_ITEMS: Final[Mapping[str, str]] = {
    "SetVariables": "setVariableData",
    "GetVariables": "getVariableData",
    "GetReport": "componentVariable",
    "SetVariableMonitoring": "setMonitoringData",
    "ClearVariableMonitoring": "id",
}


@rule(
    "DM-003",
    "More entries than the station takes in one message",
    WARNING,
    on_call(*_ITEMS),
    source=part_2("B05.FR.11, B06.FR.05, B06.FR.16, B06.FR.17"),
    hint="split the request: ItemsPerMessage says how many entries the station takes",
    needs="session",
    versions=V2X,
)
def too_many_entries(event: Message, state: SessionState) -> Report | None:
    most = state.station.number(f"ItemsPerMessage[{event.action}]")
    count = len(items(fields(event.payload).get(_ITEMS[event.action or ""])))
    if most is None or most <= 0 or count <= most:
        return None
    return Report(f"{count} entries, ItemsPerMessage is {most}", str(event.action))


# --- what comes in parts ---

_NEXT_WITHIN: Final = 120


def _part(event: Message, state: SessionState, rule_id: str) -> Report | None:
    """Judge one part by its request and by the part before it."""
    payload, key = fields(event.payload), key_of(event)
    action, identity = key
    known, number = state.station.flows.get(key), whole(payload.get("seqNo"))
    meet(state.station, rule_id, key)
    if not is_last(payload) and event.time is not None:
        report = Report(
            f"a part said that more would come, and none did within {_NEXT_WITHIN} s", action, WARNING
        )
        expect(state, rule_id, key, _NEXT_WITHIN, unless_lost(state, report), event)
    if state.has_gap:
        return None
    if action != "NotifyEvent":
        if known is None:
            if state.session.late or state.station.registration.accepted is None:
                return None  # it may have been asked for before the capture
            requests = " or ".join(PARTS[action])
            return Report(f"requestId {identity} is of no {requests} in the capture", action, WARNING)
        if known.status not in (None, ACCEPTED) and known.latest is None and known.answer is not None:
            return Report(
                f"requestId {identity} was answered {known.status}, and its parts come",
                action,
                None,
                (known.answer.n,),
            )
    return _part_number(key, number, known, event)


def _part_number(
    key: tuple[str, int | None], number: int | None, known: Any, event: Message
) -> Report | None:
    action, identity = key
    if number is None:
        return None
    before = known.latest if known is not None else None
    of = "" if identity is None else f" of requestId {identity}"
    if before is None or known.is_done:
        if number == 0 or (known is None and action == "NotifyEvent"):
            return None
        if before is not None and before.payload == event.payload:
            return None  # sent again
        first = "the first part" if before is None else "the part after the last one"
        return Report(f"{first}{of} has seqNo {number}", action, None, () if before is None else (before.n,))
    if known.seq_no is None or number == known.seq_no + 1 or number == known.seq_no:
        return None
    if number == 0 and action == "NotifyEvent":
        return None  # another report began
    return Report(f"seqNo {number}{of} follows {known.seq_no}", action, None, (before.n,))


@rule(
    "DM-004",
    "The parts of a report do not add up",
    ERROR,
    on_call("NotifyReport"),
    source=part_2("B07.FR.03, B07.FR.04, B07.FR.05, B07.FR.10, B08.FR.03, B08.FR.04, B08.FR.14"),
    hint="number parts from 0 without a gap, with the requestId of the request, tbc true in all but the last",
    needs="session",
    versions=V2X,
)
def report_parts(event: Message, state: SessionState) -> Report | None:
    return _part(event, state, "DM-004")


_OTHER_PARTS: Final = (
    "NotifyMonitoringReport",
    "NotifyDisplayMessages",
    "NotifyCustomerInformation",
    "NotifyEvent",
)


@rule(
    "DM-005",
    "The parts of an answer do not add up",
    WARNING,
    on_call(*_OTHER_PARTS),
    source=part_2("N02.FR.03, N08, N09, O03, FR.05"),
    hint="number parts from 0 without a gap, with the requestId of the request, tbc true in all but the last",
    needs="session",
    versions=V2X,
)
def other_parts(event: Message, state: SessionState) -> Report | None:
    return _part(event, state, "DM-005")


# --- network profiles, configuration keys ---


@rule(
    "DM-006",
    "A network profile for a slot that there is not",
    ERROR,
    on_answer("SetNetworkProfile"),
    source=part_2("B09.FR.05"),
    hint="the slots are those that NetworkConfigurationPriority may have; the station rejects others",
    needs="session",
    versions=V2X,
)
def unknown_slot(event: Message, state: SessionState) -> Report | None:
    slot = whole(asked(event).get("configurationSlot"))
    choices = state.station.configuration.get("NetworkConfigurationPriority" + CHOICES)
    if status_of(event) != ACCEPTED or slot is None or not choices:
        return None
    slots = {part.strip() for part in choices.split(",")}
    if str(slot) in slots:
        return None
    return Report(f"slot {slot} was accepted; there are {choices[:60]}", events=numbers_of(event.call))


_SECRET_KEYS: Final = frozenset({"authorizationkey"})
_KEYS: Final = 500


@learns(on_answer("GetConfiguration"))
def learn_keys(event: Message, state: SessionState) -> None:
    """Which keys a station does not know, and which cannot be written."""
    payload, known = fields(event.payload), state.station.noted.setdefault("DM-007", {})
    for key in items(payload.get("unknownKey")):
        if type(key) is str and len(known) < _KEYS:
            known[key.lower()] = "unknown", event.n
    for entry in map(fields, items(payload.get("configurationKey"))):
        key = text(entry.get("key"))
        if key is not None and len(known) < _KEYS:
            known[key.lower()] = "read-only" if entry.get("readonly") is True else "writable", event.n


_ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "unknown": ("NotSupported", REJECTED),
    "read-only": (REJECTED, "NotSupported"),
    "writable": (ACCEPTED, REJECTED, "RebootRequired"),
}
"""What ChangeConfiguration may be answered for a key of which GetConfiguration told so."""


@rule(
    "DM-007",
    "A configuration key is not treated as what it is",
    WARNING,
    on_answer("ChangeConfiguration", "GetConfiguration"),
    source="OCPP 1.6 §5.3; security whitepaper A00",
    hint="unknown keys are NotSupported, read-only ones Rejected, and passwords are never told",
    needs="exchange",
    versions=(V16,),
)
def configuration_key(event: Message, state: SessionState) -> list[Report]:
    if event.action == "GetConfiguration":
        return [
            Report(f"{entry['key']} is told with its value", "secret")
            for entry in map(fields, items(fields(event.payload).get("configurationKey")))
            if (text(entry.get("key")) or "").lower() in _SECRET_KEYS and entry.get("value")
        ]
    key, status = text(asked(event).get("key")), status_of(event)
    known = state.station.noted.get("DM-007", {}).get((key or "").lower())
    if known is None or status is None or status in _ANSWERS[known[0]]:
        return []
    return [
        Report(
            f"{key} was told to be {known[0]}, and is answered {status}",
            key or "",
            None,
            (known[1], *numbers_of(event.call)),
        )
    ]


# --- monitoring ---


@rule(
    "DM-008",
    "An alert is cleared that was not given",
    WARNING,
    on_call("NotifyEvent"),
    source=part_2("N07.FR.02, N08"),
    hint="cleared is true only after the same monitor has told that its threshold was passed",
    needs="start",
    versions=V2X,
)
def cleared_without_alert(event: Message, state: SessionState) -> Report | None:
    given: dict[Hashable, bool] = state.station.noted.setdefault("DM-008", {})
    found = None
    for one in map(fields, items(fields(event.payload).get("eventData"))):
        monitor = whole(one.get("variableMonitoringId"))
        if monitor is None:
            continue
        is_cleared = one.get("cleared") is True
        if is_cleared and monitor not in given and not _may_be_older(state):
            found = Report(f"monitor {monitor} of {_said(one)}", f"monitor {monitor}")
        if len(given) < _KEYS:
            given[monitor] = True
    return found


def _may_be_older(state: SessionState) -> bool:
    """Whether what is missing may lie before the capture: a station keeps its alerts until it boots."""
    registration = state.station.registration
    return state.is_partial or registration.accepted is None or registration.session != state.session.number


@rule(
    "DM-009",
    "A periodic event stream is not used as it was opened",
    ERROR,
    on_call("OpenPeriodicEventStream", "ClosePeriodicEventStream", "AdjustPeriodicEventStream"),
    on_answer("OpenPeriodicEventStream", "ClosePeriodicEventStream"),
    on_send("NotifyPeriodicEventStream"),
    source="OCPP 2.1 part 2 N11.FR.01, N11.FR.03, N12, N13.FR.01, N14.FR.01, N15.FR.03, N15.FR.04",
    hint="open a stream for a monitor first, send data with its id until it is closed, and then no more",
    needs="session",
    versions=(V21,),
)
def event_stream(event: Message, state: SessionState) -> Report | None:
    streams: dict[int, tuple[str, int]] = state.station.noted.setdefault("DM-009", {})
    if event.call is not None:
        _learn_stream(event, streams)
        return None
    payload = fields(event.payload)
    if event.action == "OpenPeriodicEventStream":
        stream = fields(payload.get("constantStreamData"))
        if whole(stream.get("variableMonitoringId")) is None:
            return Report(f"stream {whole(stream.get('id'))} names no monitor", "monitor")
        return None
    identity = whole(payload.get("id"))
    known = streams.get(identity) if identity is not None else None
    if known is None or known[0] == "open":
        return None  # it may have been opened before the capture
    if event.action == "AdjustPeriodicEventStream" and known[0] == "closed":
        return None  # the CSMS may not have seen the Close yet
    what = "data of" if event.type == SEND else str(event.action)
    return Report(f"{what} stream {identity}, which is {known[0]}", f"stream {identity}", None, (known[1],))


def _learn_stream(event: Message, streams: dict[int, tuple[str, int]]) -> None:
    if event.type != CALLRESULT or len(streams) >= _KEYS:
        return
    if event.action == "ClosePeriodicEventStream":
        identity, said = whole(asked(event).get("id")), "closed"
    else:
        identity = whole(fields(asked(event).get("constantStreamData")).get("id"))
        said = "open" if status_of(event) == ACCEPTED else "refused"
    if identity is not None:
        streams[identity] = said, event.n


# --- display messages ---

_SUPPORTED: Final[Mapping[str, str]] = {
    "priority": "SupportedPriorities",
    "format": "SupportedFormats",
    "state": "SupportedStates",
}


def _choices(state: SessionState, variable: str) -> frozenset[str]:
    known = state.station.configuration
    told = known.get(variable + CHOICES) or known.get(variable) or ""
    return frozenset(part.strip() for part in told.split(",") if part.strip())


def _wanted(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "priority", message.get("priority")
    yield "format", fields(message.get("message")).get("format")
    yield "state", message.get("state")


@rule(
    "DISP-001",
    "A display message is accepted that cannot be shown",
    ERROR,
    on_answer("SetDisplayMessage"),
    source=part_2("O01.FR.01, O01.FR.02, O01.FR.03, O02.FR.01"),
    hint="the station answers UnknownTransaction, NotSupportedPriority, NotSupportedMessageFormat or NotSupportedState",
    needs="session",
    versions=V2X,
)
def display_message(event: Message, state: SessionState) -> list[Report]:
    if status_of(event) != ACCEPTED or event.call is None:
        return []
    message = fields(asked(event).get("message"))
    found = []
    known = state.station.transactions.find(identifier(message.get("transactionId")))
    if known is not None and known.stop is not None and known.stop.n < event.call.n:
        said = f"transaction {known.id} has ended"
        found.append(Report(said, "transaction", None, (known.stop.n, *numbers_of(event.call))))
    for name, value in _wanted(message):
        choices = _choices(state, _SUPPORTED[name])
        if type(value) is str and choices and value not in choices:
            said = f"{name} {value}; the station supports {', '.join(sorted(choices))[:100]}"
            found.append(Report(said, name, None, numbers_of(event.call)))
    return found
