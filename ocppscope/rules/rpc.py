"""RPC: the framework of Calls and answers (section B of the catalogue)."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from ocppscope.events import (
    CALL,
    CALLERROR,
    CALLRESULT,
    Damaged,
    Direction,
    Event,
    Fault,
    Message,
)
from ocppscope.ocpp import schemas
from ocppscope.ocpp.actions import SENT_UNANSWERED, actions_of, senders_of, versions_of
from ocppscope.ocpp.correlation import CALL_TIMEOUT
from ocppscope.ocpp.errors import ERROR_CODES, explain, other_spelling
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import JUDGED, V2X, V16, V21
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Profile,
    Quote,
    Report,
    Severity,
    fault_rule,
    learns,
    on_answer,
    on_call,
    on_error,
    on_fault,
    on_send,
    on_violation,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, ocpp_j, part_2
from ocppscope.rules.state import SessionState

_OTHER: Final[Mapping[Direction, Direction]] = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}

_QUOTED: Final = 40
"""Characters that are shown before and after the place where a text breaks."""


@rule(
    "RPC-001",
    "Not a valid OCPP-J message",
    ERROR,
    on_fault("rpc.frame", "json.invalid"),
    source=ocpp_j("§4.2", "§4.2"),
    hint="a message is a JSON array: [2, id, action, payload], [3, id, payload] or [4, id, code, description, details]",
    versions=None,
)
def not_valid(event: Message | Damaged, state: SessionState, fault: Fault) -> Report:
    if fault.kind != "json.invalid" or not isinstance(event, Damaged):
        return Report(fault.detail, fault.subject, events=fault.events)
    raw = event.raw.encode(errors="replace") if isinstance(event.raw, str) else event.raw
    before, after = raw[: event.offset].decode(errors="replace"), raw[event.offset :].decode(errors="replace")
    cause = _cause(before, after)
    quote = Quote(
        f"…{before[-_QUOTED:]}" if len(before) > _QUOTED else before,
        f"{after[:_QUOTED]}…" if len(after) > _QUOTED else after,
    )
    return Report(f"{fault.detail}{f': {cause}' if cause else ''}", fault.subject, quote=quote)


_MARKS: Final = {",": "a comma", "]": "a bracket", "}": "a brace"}


def _cause(before: str, after: str) -> str:
    """What often is the matter there."""
    if not after.strip():
        return "the text ends too early, it was truncated"
    if after[0] == "\0" or before.endswith("\0"):
        return "a NUL (\\x00) of a C string was sent with the text"
    if after[0] in ",]}" and before.rstrip()[-1:] in ("[", "{", ",", ":"):
        return f"{_MARKS.get(after[0], after[0])} where a value belongs"
    return ""


fault_rule(
    "RPC-002",
    "Unknown message type number",
    ERROR,
    "rpc.type",
    source=ocpp_j("§4.1.3", "§4.1.3, §4.4"),
    hint="2, 3 and 4 are for all versions; 5 and 6 only where ocpp2.1 was agreed",
)


@rule(
    "RPC-003",
    "The message id is no string of at most 36 characters",
    ERROR,
    on_fault("rpc.id", "rpc.id-integer"),
    source=ocpp_j("§4.1.4", "§4.1.4"),
    hint="use a UUID as a string; many peers take a number, strict ones drop the message",
    versions=None,
)
def wrong_id(event: Message, state: SessionState, fault: Fault) -> Report:
    is_number = fault.kind == "rpc.id-integer"
    severity: Mapping[Profile, Severity] | None = {"strict": ERROR, "field": INFO} if is_number else None
    return Report(fault.detail, f"{event.direction} {fault.kind}", severity)


@rule(
    "RPC-004",
    "A message id is used again for another Call",
    ERROR,
    on_fault("rpc.id-reused", "rpc.id-reused-later"),
    source=ocpp_j("§4.1.4, errata 3.1 and 3.7", "§4.1.4"),
    hint="make a new id for each Call, also after a reboot: a UUID, not a counter that starts anew",
    needs="session",
    versions=None,
)
def reused_id(event: Message, state: SessionState, fault: Fault) -> Report:
    across = fault.kind == "rpc.id-reused-later"
    severity: Severity | None = WARNING if across and event.session.version not in V2X else None
    return Report(fault.detail, event.direction, severity, fault.events)


fault_rule(
    "RPC-005",
    "A Call was sent again",
    INFO,
    "rpc.retry",
    source=ocpp_j("errata 3.1", "§4.1.4 with its errata"),
    hint="the same id and the same content: a retry, which is allowed; look why the first got no answer",
    needs="session",
)


@rule(
    "RPC-006",
    "An answer that no Call asked for",
    ERROR,
    on_fault("rpc.orphan"),
    source=ocpp_j("§4.1.4", "§4.1.4"),
    hint="answer with the id of the Call, once, on the connection that it came on",
    needs="start",
    versions=None,
)
def orphan_answer(event: Message, state: SessionState, fault: Fault) -> Report:
    asked = _OTHER[event.direction]
    if state.unread.get(asked):
        state.unread[asked] -= 1
        return Report(f"{fault.detail}; it may answer a message that could not be read", severity=INFO)
    if state.is_partial:
        return Report(f"{fault.detail}; its Call may be missing from the capture", severity=INFO)
    return Report(fault.detail)


fault_rule(
    "RPC-007",
    "A second answer to one Call",
    ERROR,
    "rpc.answered-twice",
    source=ocpp_j("§4.1", "§4.1"),
    hint="answer each Call once; a late answer after a time-out must not be sent again",
    needs="session",
)


def _concurrent(event: Message, state: SessionState, fault: Fault) -> Report:
    """Where bytes are missing or could not be read, the answer in between may be among them."""
    unsure = state.has_gap or state.unread.get(_OTHER[event.direction])
    detail = f"{event.action} ({_short(event.id)}) was {fault.detail}"
    if unsure:
        detail += f"; {_MAY_BE_MISSING}"
    return Report(detail, event.direction, INFO if unsure else None, fault.events)


def _short(message_id: Any) -> str:
    shown = str(message_id)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


_MAY_BE_MISSING: Final = "the answer may be missing from the capture"


_CONCURRENT_HINT: Final = (
    "wait for the answer, or for the time-out, before the next Call; answers may go at any time"
)
rule(
    "RPC-008",
    "Two Calls of one side at once",
    WARNING,
    on_fault("rpc.concurrent"),
    source="OCPP-J 1.6 §4.1.1",
    hint=_CONCURRENT_HINT,
    needs="session",
    versions=(V16,),
)(_concurrent)
rule(
    "RPC-009",
    "Two Calls of one side at once",
    ERROR,
    on_fault("rpc.concurrent"),
    source=ocpp_j(None, "§4.1.1; part 2 FR.01"),
    hint=_CONCURRENT_HINT,
    needs="session",
    versions=V2X,
)(_concurrent)


@rule(
    "RPC-010",
    "A Call got no answer",
    WARNING,
    on_fault("rpc.unanswered", "rpc.unanswered-at-close"),
    source="OCPP 2.0.1 part 4 §3.2 (30 s); OCPP 1.6 errata 3.83",
    hint="look on the other side why it did not answer: it has to, with a CallError if nothing else",
    needs="time",
    versions=None,
)
def unanswered(event: Event, state: SessionState, fault: Fault) -> Report:
    detail = f"{fault.detail}; {_MAY_BE_MISSING}" if state.has_gap else fault.detail
    surely = fault.kind == "rpc.unanswered" and not state.has_gap
    return Report(detail, fault.subject, None if surely else INFO, fault.events)


fault_rule(
    "RPC-011",
    "A slow answer",
    INFO,
    "rpc.slow",
    source=HEURISTIC,
    hint="look what the other side waits for: a database, an authorization service, a blocked loop",
    needs="time",
)


@rule(
    "RPC-012",
    "An answer after the time-out",
    WARNING,
    on_fault("rpc.late"),
    source=part_2("FR.01") | {V16: "OCPP-J 1.6 §4.1.1"},
    hint="the sender has likely given up and sends again: answer sooner, or raise the sender's time-out",
    needs="time",
    versions=None,
)
def late_answer(event: Message, state: SessionState, fault: Fault) -> Report:
    if event.latency is None:
        return Report(fault.detail, fault.subject, events=fault.events)
    return Report(
        f"the answer to {fault.subject} arrived {event.latency / SECOND:.1f} s after the Call,"
        f" {(event.latency - CALL_TIMEOUT) / SECOND:.1f} s after the time-out of {CALL_TIMEOUT // SECOND} s",
        fault.subject,
        events=fault.events,
    )


def _wrong_code(event: Message, state: SessionState) -> Report | None:
    version, code = event.session.version or "", event.error.code if event.error else None
    if type(code) is not str or explain(version, code):
        return None
    meant = _SPELLINGS.get(code, code)
    if other_spelling(version, code):
        instead = f"spells it {meant}" if explain(version, meant) else "has no such code, GenericError serves"
        return Report(f"{code} is the spelling of another version: OCPP {version} {instead}", code, WARNING)
    near = next((one for one in ERROR_CODES.get(version, ()) if one.lower() == meant.lower()), None)
    spelt = f"; it is spelt {near}" if near else ""
    return Report(f"{code[:60]!r} is no error code of OCPP {version}{spelt}", code[:60])


_SPELLINGS: Final[Mapping[str, str]] = {
    "FormatViolation": "FormationViolation",
    "FormationViolation": "FormatViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
    "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
}
"""Codes of 1.6 and of 2.x: each other's."""


rule(
    "RPC-013",
    "Unknown error code",
    ERROR,
    on_error(),
    source="OCPP-J 1.6 §4.2.3, errata 5.1 and 5.2",
    hint="1.6 spells FormationViolation and OccurenceConstraintViolation; for anything else GenericError",
    versions=(V16,),
)(_wrong_code)
rule(
    "RPC-014",
    "Unknown error code",
    ERROR,
    on_error(),
    source=ocpp_j(None, "§4.3"),
    hint="2.x spells FormatViolation and OccurrenceConstraintViolation; for anything else GenericError",
    versions=V2X,
)(_wrong_code)

fault_rule(
    "RPC-015",
    "The description or details of an error are wrong",
    WARNING,
    "rpc.error-fields",
    source=ocpp_j("§4.2.3", "§4.2.3"),
    hint='errorDescription is a string of at most 255 characters ("" if empty), errorDetails an object ({} if empty)',
)


@rule(
    "RPC-016",
    "An action is refused again and again",
    WARNING,
    on_error(),
    source=HEURISTIC,
    hint="the sender does not learn from the error: accept the message, or mend or stop it",
    needs="session",
)
def refused_again(event: Message, state: SessionState) -> Report | None:
    if event.action is None:
        return None  # what it refuses is not in the capture
    action = str(event.action)
    if action not in state.call_errors and len(state.call_errors) >= _ACTIONS_COUNTED:
        return None
    refusals = state.call_errors.setdefault(action, [])
    refusals.append(event.n)
    del refusals[:-20]
    if len(refusals) < 3:
        return None
    code = event.error.code if event.error else None
    return Report(
        f"{action} was answered with a CallError ({code}) {len(refusals)} times",
        action,
        events=tuple(refusals),
    )


@rule(
    "RPC-017",
    "The result fits another action",
    ERROR,
    on_violation(),
    source=ocpp_j("§4.2.2", "§4.2.2; part 2 FR.03"),
    hint="the answers to two Calls were mixed up, or the wrong class was serialised",
    needs="exchange",
)
def result_of_another_action(event: Message, state: SessionState) -> Report | None:
    if event.type != CALLRESULT or not isinstance(event.payload, dict) or not event.payload:
        return None
    if all(one.keyword == "enum" for one in event.violations):
        return None  # a status of its own, that others have too
    version = event.session.version or ""
    fitting = [
        action
        for action in sorted(actions_of(version))
        if (found := schemas.validator(version, CALLRESULT, action)) and schemas.fits(found, event.payload)
        if (schemas.schema(version, CALLRESULT, action) or {}).get("required")
    ]
    if not fitting:
        return None
    shown = ", ".join(fitting[:3])
    return Report(
        f"the answer to {event.action} has the payload of {shown}", str(event.action), events=_call_of(event)
    )


def _call_of(event: Message) -> tuple[int, ...]:
    return (event.call.n,) if event.call else ()


fault_rule(
    "RPC-018",
    "An action in the wrong direction",
    ERROR,
    "rpc.direction",
    source=part_2("the use case of each action", "chapters 4 and 5"),
    hint="only the other side may send this action; the receiver answers NotSupported",
)


@rule(
    "RPC-019",
    "Unknown action",
    ERROR,
    on_fault("rpc.unknown-action"),
    source=ocpp_j("§4.2.1", "§4.1.6"),
    hint="action names are case-sensitive, have no suffix, and differ between versions",
)
def unknown_action(event: Message, state: SessionState, fault: Fault) -> Report:
    action, version = fault.subject, event.session.version or ""
    if others := versions_of(action):
        return Report(f"{fault.detail}; it is one of OCPP {' and '.join(others)}", action, WARNING)
    known = actions_of(version)
    for suffix in ("Request", "Response", "Req", "Conf", ".req", ".conf"):
        if action.removesuffix(suffix) in known and action.endswith(suffix):
            return Report(f"{fault.detail}; without {suffix} it has", action, WARNING)
    for name in known:
        if name.lower() == action.lower():
            return Report(f"{fault.detail}; it is written {name}", action)
    return Report(fault.detail, action)


@rule(
    "RPC-020",
    "An optional field is there but empty",
    ERROR,
    on_violation(),
    on_fault("rpc.empty-field"),
    source=ocpp_j(None, "§4.1.5"),
    hint="leave a field out that has no value: no null, no {}, no []",
    versions=V2X,
)
def empty_field(
    event: Message, state: SessionState, fault: Fault | None = None
) -> Report | list[Report] | None:
    if fault is not None:
        known = isinstance(event, Message) and schemas.is_optional(event, fault.subject)
        return Report(fault.detail, f"{event.action} {fault.subject}") if known else None
    found = {one.pointer: one for one in event.violations if schemas.is_empty_optional(event, one)}
    return [
        Report(f"{one.pointer} is {json.dumps(one.value)}", f"{event.action} {schemas.general(one.pointer)}")
        for one in found.values()
    ]


fault_rule(
    "RPC-021",
    "The payload is null",
    INFO,
    "rpc.payload-null",
    source=ocpp_j("§4.2.1, §4.2.2", "§4.1.5"),
    hint="{} is preferred for an empty payload",
)


@rule(
    "RPC-022",
    "An invalid request was accepted",
    ERROR,
    on_fault("rpc.accepted-invalid"),
    source={**part_2("FR.03"), V16: "OCPP-J 1.6 errata 3.3"},
    hint="answer a request that breaks its schema with a CallError, so that the sender learns of it",
    needs="exchange",
)
def accepted_invalid(event: Message, state: SessionState, fault: Fault) -> Report | None:
    serious = event.call is not None and any(
        one.keyword != "additionalProperties" and not schemas.is_custom_data_vendor(one)
        for one in event.call.violations
    )
    status = event.payload.get("status", "Accepted") if isinstance(event.payload, dict) else "Accepted"
    return (
        Report(fault.detail, fault.subject, events=fault.events) if serious and status == "Accepted" else None
    )


_BLAMES_THE_MESSAGE: Final = frozenset(
    {
        "FormatViolation",
        "GenericError",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "TypeConstraintViolation",
    }
)


@rule(
    "RPC-023",
    "A valid request was refused as invalid",
    WARNING,
    on_error(),
    source=part_2("FR.02"),
    hint="answer with a CallResult and a status, such as Rejected; CallErrors are for broken messages",
    needs="exchange",
    versions=V2X,
)
def refused_valid(event: Message, state: SessionState) -> Report | None:
    call, code = event.call, event.error.code if event.error else None
    if call is None or call.type != CALL or call.violations or call.faults or code not in _BLAMES_THE_MESSAGE:
        return None
    response = schemas.schema(event.session.version or "", CALLRESULT, str(call.action)) or {}
    if "status" not in response.get("properties", {}):
        return None
    detail = f"{call.action} fits its schema and got {code}; its response has a status"
    return Report(detail, str(call.action), events=(call.n,))


MANDATORY: Final[Mapping[str, frozenset[str]]] = {
    V16: frozenset(
        """Authorize BootNotification ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration
        Heartbeat MeterValues RemoteStartTransaction RemoteStopTransaction Reset StartTransaction
        StatusNotification StopTransaction UnlockConnector""".split()
    ),
    **dict.fromkeys(
        V2X,
        frozenset(
            """Authorize BootNotification ChangeAvailability GetBaseReport GetVariables Heartbeat
            NotifyReport RequestStartTransaction RequestStopTransaction Reset SecurityEventNotification
            SetVariables StatusNotification TransactionEvent TriggerMessage""".split()
        ),
    ),
}
"""Actions of the Core profile (1.6 edition 2 §3.3) and of the Core certification profile (2.x)."""


@rule(
    "RPC-024",
    "A mandatory action is not supported",
    WARNING,
    on_error(),
    source=ocpp_j("§4.2.3; OCPP 1.6 §3.3", "§4.3"),
    hint="actions of the core profile have to be supported; what worked before should go on working",
    needs="exchange",
)
def not_supported(event: Message, state: SessionState) -> Report | None:
    action, code = str(event.action), event.error.code if event.error else None
    if code not in ("NotImplemented", "NotSupported") or event.type != CALLERROR:
        return None
    version = event.session.version or ""
    if action in MANDATORY.get(version, ()) and _OTHER[event.direction] in senders_of(version, action):
        return Report(f"{action} is of the core profile and got {code}", action, events=_call_of(event))
    if action in state.station.answered:
        return Report(f"{action} got {code}, and was answered before", action, events=_call_of(event))
    return None


_ALWAYS_MANDATORY: Final = frozenset.intersection(*MANDATORY.values())
_OPTIONAL: Final = frozenset.union(*map(actions_of, MANDATORY)) - _ALWAYS_MANDATORY


@learns(on_answer(*_OPTIONAL))
def learn_answered(event: Message, state: SessionState) -> None:
    if event.type == CALLRESULT:
        state.station.answered.add(event.action)


fault_rule(
    "RPC-025",
    "The id of a message could not be read",
    INFO,
    "rpc.id-unknown",
    source=ocpp_j("§4.2.3", "§4.2.3"),
    hint="the peer answered a message that it could not parse; look at the last one before it",
    needs="exchange",
)
fault_rule(
    "RPC-026",
    "A Send was answered",
    ERROR,
    "rpc.answers-send",
    source="OCPP 2.1 part 2 N15.FR.02; part 4 §4.2.4",
    hint="messages of type 6 get no answer",
    needs="exchange",
    versions=(V21,),
)


@rule(
    "RPC-027",
    "Send and Call are mixed up",
    ERROR,
    on_send(),
    on_call(*SENT_UNANSWERED),
    source="OCPP 2.1 part 2 N15.FR.01",
    hint="NotifyPeriodicEventStream goes as type 6, every other action as type 2",
    versions=(V21,),
)
def wrong_message_type(event: Message, state: SessionState) -> Report | None:
    should_be_sent = event.action in SENT_UNANSWERED
    if should_be_sent == (event.type != CALL):
        return None
    kind = "a Call" if event.type == CALL else "a Send"
    return Report(f"{event.action} went as {kind}", str(event.action)[:60])


@rule(
    "RPC-028",
    "A CallResultError for no CallResult",
    ERROR,
    on_fault("rpc.orphan-result-error"),
    source="OCPP 2.1 part 4 §4.2.3",
    hint="type 5 answers a CallResult that could not be processed, with its id",
    needs="start",
    versions=(V21,),
)
def orphan_result_error(event: Message, state: SessionState, fault: Fault) -> Report:
    return Report(fault.detail, severity=INFO if state.is_partial else None)


_RESULT_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "NotifyReport": ("GetReport", "GetBaseReport"),
    "NotifyMonitoringReport": ("GetMonitoringReport",),
    "NotifyDisplayMessages": ("GetDisplayMessages",),
    "NotifyCustomerInformation": ("CustomerInformation",),
    "ReportChargingProfiles": ("GetChargingProfiles",),
    "LogStatusNotification": ("GetLog",),
    "FirmwareStatusNotification": ("UpdateFirmware",),
    "PublishFirmwareStatusNotification": ("PublishFirmware",),
}
_REQUESTS: Final = tuple(name for names in _RESULT_OF.values() for name in names)


@rule(
    "RPC-029",
    "Results before the request was accepted",
    ERROR,
    on_call(*_RESULT_OF),
    source=part_2("FR.05"),
    hint="answer the request first, then send what it asked for",
    needs="exchange",
    versions=V2X,
)
def result_before_response(event: Message, state: SessionState) -> Report | None:
    request_id = _request_id(event)
    for action in _RESULT_OF[str(event.action)]:
        request = state.requests.get((action, request_id))
        if request is not None and request_id is not None:
            detail = f"{event.action} came before the answer to {action} {request_id}"
            unsure = state.has_gap or state.unread.get(event.direction)
            return Report(detail, severity=INFO if unsure else None, events=(request,))
    return None


@learns(on_call(*_REQUESTS))
def learn_request(event: Message, state: SessionState) -> None:
    if (request_id := _request_id(event)) is not None:
        state.requests[str(event.action), request_id] = event.n


@learns(on_answer(*_REQUESTS))
def forget_request(event: Message, state: SessionState) -> None:
    if event.call and (request_id := _request_id(event.call)) is not None:
        state.requests.pop((str(event.action), request_id), None)


def _request_id(event: Message) -> int | None:
    found = event.payload.get("requestId") if isinstance(event.payload, dict) else None
    return found if type(found) is int else None


@rule(
    "RPC-030",
    "Unknown fields",
    WARNING,
    on_violation(),
    source=ocpp_j("errata 3.2", "§4.1.5; the schemas allow no additional properties"),
    hint="use customData (2.x) or DataTransfer (1.6) for vendor data; ocpp-go ignores such fields, others refuse them",
)
def unknown_fields(event: Message, state: SessionState) -> list[Report]:
    return [
        Report(one.detail, f"{event.action} {schemas.general(one.pointer)}")
        for one in event.violations
        if one.keyword == "additionalProperties"
    ]


_ACTIONS_COUNTED: Final = 200  # names come from the capture
_SIGNATURE_ALGORITHMS: Final = frozenset({"ES256", "RS256", "RS384"})
_PROTECTED_FIELDS: Final = ("alg", "x5t#S256", "OCPPAction")
_TYPE_FIELDS: Final = ("OCPPMessageTypeId", "OCPPMessageTypedId")  # renderings of the standard differ


@rule(
    "RPC-031",
    "A signed message is malformed",
    WARNING,
    on_fault("rpc.signed"),
    source=ocpp_j(None, "§7.1, §7.3"),
    hint="a signed payload is a flattened JWS, whose protected header names action, type, key and algorithm",
    versions=V2X,
)
def malformed_signature(event: Message | Damaged, state: SessionState, fault: Fault) -> Report | None:
    payload = event.payload if isinstance(event, Message) else None
    missing = [name for name in ("protected", "payload", "signature") if not _has_text(payload, name)]
    if missing:
        return Report(f"{fault.subject} lacks {', '.join(missing)}", fault.subject)
    header = _protected_header(payload["protected"]) if isinstance(payload, dict) else None
    if header is None:
        return Report(f"the protected header of {fault.subject} is not JSON in base64url", fault.subject)
    lacking = [name for name in _PROTECTED_FIELDS if name not in header]
    lacking += [] if any(name in header for name in _TYPE_FIELDS) else [_TYPE_FIELDS[0]]
    if lacking:
        return Report(f"the protected header of {fault.subject} lacks {', '.join(lacking)}", fault.subject)
    if str(header["alg"]) not in _SIGNATURE_ALGORITHMS:
        return Report(f"{fault.subject} is signed with {str(header['alg'])[:20]}", fault.subject)
    return None


def _has_text(payload: Any, name: str) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get(name), str)


def _protected_header(text: str) -> dict[str, Any] | None:
    try:
        header = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


@rule(
    "RPC-032",
    "customData names no vendor",
    INFO,
    on_violation("required"),
    source=ocpp_j(None, "§9"),
    hint="customData needs a vendorId",
    versions=V2X,
)
def no_vendor(event: Message, state: SessionState) -> list[Report]:
    return [
        Report(one.detail, f"{event.action} {schemas.general(one.pointer)}")
        for one in event.violations
        if schemas.is_custom_data_vendor(one)
    ]


fault_rule(
    "RPC-033",
    "A key stands twice in one object",
    ERROR,
    "json.duplicate-key",
    source="RFC 8259 §4",
    hint="parsers differ in which value they take: write each key once",
)
fault_rule(
    "RPC-034",
    "An integer needs more than 64 bits",
    ERROR,
    "json.big-integer",
    source="RFC 8259 §6",
    hint="most peers cannot hold it; it is shown here as the nearest floating-point number",
)
fault_rule(
    "RPC-035",
    "JSON is nested too deeply",
    ERROR,
    "json.too-deep",
    source="heuristic: RFC 8259 §9 has each parser limit the depth",
    hint="no OCPP message nests deeper than a dozen levels: look for a bomb",
)


@rule(
    "RPC-036",
    "A message has the shape of another version",
    WARNING,
    on_violation(),
    source=HEURISTIC,
    hint="speak the version that was agreed for this connection: not one that was cached from an earlier one",
    needs="session",
)
def shape_of_another_version(event: Message, state: SessionState) -> Report | None:
    payload, version = event.payload, event.session.version
    if type(payload) is not dict or not payload or event.action is None or event.session.version_inferred:
        return None
    for other in JUDGED:
        if other == version or (other in V2X and version in V2X):
            continue  # 2.1 only adds to 2.0.1
        found = schemas.validator(other, event.type, event.action)
        required = (schemas.schema(other, event.type, event.action) or {}).get("required")
        if found is not None and required and schemas.fits(found, payload):
            known = state.station.noted.get("WS-030 before")
            cached = f"; session {known[1]} agreed on {known[0]}: the peer cached it" if known else ""
            return Report(
                f"the payload of {event.action} fits OCPP {other}, agreed was {version}{cached}",
                str(event.action),
                events=(known[2],) if known else (),
            )
    return None
