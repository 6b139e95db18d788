"""Events and findings as JSON objects, by the contract of the command line."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import orjson

from ocppscope.events import (
    TYPE_NAMES,
    Closed,
    Control,
    Damaged,
    Event,
    Gap,
    Message,
    Opened,
)
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.times import timestamp
from ocppscope.rules.engine import Finding
from ocppscope.rules.registry import Rule


def event_record(event: Event) -> dict[str, Any]:
    """One event, as `ls --json` prints it."""
    session = event.session
    record: dict[str, Any] = {
        "n": event.n,
        "event": type(event).__name__.lower(),
        "timestamp": timestamp(event.time),
        "session": session.number,
        "chargePointId": session.station,
        "direction": getattr(event, "direction", None),
        "ocppVersion": session.version,
    }
    more: Mapping[str, Any]
    if isinstance(event, Message):
        more = _message(event)
    elif isinstance(event, Opened):
        more = _opened(event)
    elif isinstance(event, Control):
        more = {"opcode": event.opcode, "length": len(event.payload)}
    elif isinstance(event, Damaged):
        more = {"layer": event.layer, "offset": event.offset, "reason": event.reason, **_raw(event.raw)}
    elif isinstance(event, Gap):
        more = {"bytes": event.size}
    else:
        more = _closed(event)
    return record | more


def _message(event: Message) -> dict[str, Any]:
    error = event.error
    return {
        "messageType": TYPE_NAMES[event.type],
        "messageId": event.id,
        "action": event.action,
        "payload": event.payload,
        "error": error and {"code": error.code, "description": error.description, "details": error.details},
        "raw": event.raw,
        "answers": event.call.n if event.call else None,
        "latencyMs": None if event.latency is None else round(event.latency / 1e6, 3),
        "summary": summary(event),
    }


def _opened(event: Opened) -> dict[str, Any]:
    return {
        "path": event.path,
        "subprotocols": list(event.subprotocols),
        "subprotocol": event.subprotocol,
        "status": event.status,
        "extensions": event.extensions,
        "client": event.session.client,
        "server": event.session.server,
        "tls": event.tls and {"version": event.tls.version, "cipher": event.tls.cipher},
        "auth": event.auth,
    }


def _closed(event: Closed) -> dict[str, Any]:
    return {"by": event.by, "how": event.how, "code": event.code, "reason": event.reason}


def _raw(raw: bytes | str) -> dict[str, str]:
    if isinstance(raw, str):
        return {"raw": raw}
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"rawBase64": base64.b64encode(raw).decode()}


def finding_record(finding: Finding, name: str) -> dict[str, Any]:
    """One finding, as `check --json` prints it."""
    session, quirk = finding.session, finding.quirk
    known = {"quirk": {"text": f"{quirk.device}: {quirk.text}", "source": quirk.source}} if quirk else {}
    return {
        "input": name,
        "rule": finding.rule.id,
        "severity": finding.severity,
        "title": finding.rule.title,
        "detail": finding.detail,
        "hint": finding.rule.hint,
        "source": finding.source,
        "chargePointId": session.station if session else None,
        "session": session.number if session else None,
        "events": finding.events,
        "count": finding.count,
        "first": timestamp(finding.first),
        "last": timestamp(finding.last),
        **known,
    }


def rule_record(one: Rule) -> dict[str, Any]:
    """One rule, as `rules --json` prints it."""
    return {
        "rule": one.id,
        "title": one.title,
        "versions": None if one.versions is None else sorted(one.versions),
        "severity": {"strict": one.severity, "field": one.field},
        "source": one.source_for(None),
        "hint": one.hint,
        "needs": one.needs,
    }


def line(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # it writes less deep than it reads, and no file names that are not Unicode
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"
