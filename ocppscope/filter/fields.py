"""The fields of a filter: what they are, where an event has them, and where a row of a store does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    TYPE_NAMES,
    Closed,
    Control,
    Damaged,
    Event,
    Gap,
    Message,
    Opened,
    Session,
)
from ocppscope.filter.kinds import (
    Choice,
    Close,
    Kind,
    Ordered,
    Text,
    duration,
    integer,
    size,
    text_of,
)
from ocppscope.filter.literals import moment
from ocppscope.filter.payloads import Json
from ocppscope.ocpp import rpc
from ocppscope.ocpp.versions import JUDGED


@dataclass(frozen=True, slots=True)
class Field:
    """One field."""

    name: str
    help: str
    kind: Kind
    get: Callable[[Event], Any]
    """An event's value; None where it has none. Of a field that has many: all of them."""
    row: tuple[str, ...]
    """The columns that `from_row` takes. Events are `e`, sessions `s`, findings `f`."""
    from_row: Callable[..., Any] | None = None
    """What `get` gives, from a row; None where the one column is just that."""
    many: bool = False
    """An event may have more than one value: `get` gives a collection of them."""
    judged: int | None = None
    """The values are those of findings, and this is their place in `(rule id, severity)`; `get` is not used."""


def _payload(event: Event) -> Any:
    return event.payload if type(event) is Message else None


def _latency(event: Event) -> int | None:
    return event.latency if type(event) is Message else None


def _action(event: Event) -> str | None:
    if type(event) is not Message:
        return None
    action = event.action
    return action if type(action) is str or action is None else text_of(action)


def _type(event: Event) -> str | None:
    if type(event) is Message:
        return TYPE_NAMES[event.type]
    return event.opcode.upper() if type(event) is Control else None


def _nothing(event: Event) -> None:  # noqa: ARG001
    return None


def _id(event: Event) -> str | None:
    return text_of(event.id) if type(event) is Message else None


def _error(event: Event) -> str | None:
    return text_of(event.error.code) if type(event) is Message and event.error is not None else None


def _size(event: Event) -> int | None:
    raw = _raw(event)
    if raw is None or type(raw) is bytes or raw.isascii():
        return raw if raw is None else len(raw)
    return len(raw.encode(errors="surrogatepass"))


def _raw(event: Event) -> Any:
    """The text or the bytes of an event; None where it has none."""
    if type(event) is Message or type(event) is Damaged:
        return event.raw
    return event.payload if type(event) is Control else None


def _closed(event: Event) -> list[Any]:
    return _present(event.how, event.by, event.code) if type(event) is Closed else []


def _closed_row(event: str, more: bytes | str) -> list[Any]:
    if event != "closed":
        return []
    values = orjson.loads(more)
    return _present(values.get("how"), values.get("by"), values.get("code"))


def _present(*values: Any) -> list[Any]:
    return [value for value in values if value is not None]


def _summary(event: Event) -> str | None:
    from ocppscope.ocpp.summary import summary

    return summary(event) or None if type(event) is Message else None


def _summary_row(event: str, action: str | None, raw: Any) -> str | None:
    frame = _frame(raw) if event == "message" else None
    if frame is None:
        return None
    kind, message_id, _, payload, error, _ = frame
    return _summary(Message(Session(0), None, FROM_STATION, kind, message_id, action, payload, raw, 0, error))


def _payload_row(event: str, raw: Any) -> Any:
    frame = _frame(raw) if event == "message" else None
    return frame and frame[3]


@lru_cache(maxsize=1)  # all terms look at one row before the next one comes
def _frame(raw: str) -> rpc.Frame | None:
    """The parts of a message; None for a text that is none."""
    try:
        return rpc.frame(orjson.loads(raw))
    except (ValueError, rpc.UnreadableError):
        return None


def searched(event: Event) -> tuple[str | None, ...]:
    """The texts of an event in which a word is looked for."""
    if type(event) is Message:
        return event.session.station, _action(event), event.raw
    from ocppscope.ocpp.wording import what

    return event.session.station, _shown(_raw(event)), what(event)


def searched_row(
    station: str | None, action: str | None, raw: Any, said: str | None
) -> tuple[str | None, ...]:
    """The same from the columns SEARCHED."""
    return station, action, _shown(raw), said


def _shown(raw: Any) -> Any:
    return raw.decode(errors="replace") if type(raw) is bytes else raw


SEARCHED: Final = ("s.station", "e.action", "e.raw", "e.said")


def _actions() -> dict[str, str]:
    from ocppscope.ocpp.actions import BY_SENDER

    names = {name for senders in BY_SENDER.values() for actions in senders.values() for name in actions}
    return dict.fromkeys(sorted(names), "")


def _errors() -> dict[str, str]:
    from ocppscope.ocpp.errors import ERROR_CODES

    return {code: meaning for codes in ERROR_CODES.values() for code, meaning in codes.items()}


def _rules() -> dict[str, str]:
    from ocppscope import rules
    from ocppscope.rules.registry import RULES

    assert rules  # importing them declares them
    return {name: one.title for name, one in RULES.items()}


_KINDS_OF_EVENTS: Final = {
    kind: kind.__name__.lower() for kind in (Opened, Message, Control, Damaged, Gap, Closed)
}
_EVENTS: Final = {
    "opened": "a session begins, or is refused",
    "message": "of OCPP",
    "control": "a ping or a pong",
    "damaged": "what could not be read",
    "gap": "bytes that the capture does not hold",
    "closed": "a session ends",
}
_TYPES: Final = {
    "CALL": "a request",
    "CALLRESULT": "its answer",
    "CALLERROR": "its refusal",
    "CALLRESULTERROR": "the refusal of an answer (2.1)",
    "SEND": "a message without an answer (2.1)",
    "PING": "of WebSocket",
    "PONG": "of WebSocket",
}
_DIRECTIONS: Final = {FROM_STATION: "from the station", FROM_CSMS: "from the CSMS"}
_SENDERS: Final = {"station": FROM_STATION, "csms": FROM_CSMS}
_SEVERITIES: Final = {
    "info": "worth knowing",
    "warning": "a SHOULD is broken, or a SHALL perhaps",
    "error": "a SHALL is broken",
}
_CLOSES: Final = {
    "close": "with a WebSocket close",
    "fin": "the connection ended without one",
    "rst": "the connection was reset",
    "end-of-capture": "still open at the end",
    "station": "by the station",
    "csms": "by the CSMS",
}

_ALL: Final = (
    Field(
        "action",
        "what the message is about; of an answer: of its Call",
        Text(_actions),
        _action,
        ("e.action",),
    ),
    Field(
        "type",
        "of the message, or ping or pong",
        Choice("a message type", lambda: _TYPES),
        _type,
        ("e.type",),
    ),
    Field(
        "direction",
        "who sent it: station or csms",
        Choice("a direction", lambda: _DIRECTIONS, aliases=_SENDERS),
        lambda event: getattr(event, "direction", None),
        ("e.direction",),
    ),
    Field(
        "session",
        "the number of the session",
        Ordered("the number of a session", integer, "1"),
        lambda event: event.session.number,
        ("e.session",),
    ),
    Field("station", "its identity", Text(), lambda event: event.session.station, ("s.station",)),
    Field("id", "of the message", Text(), _id, ("e.id",)),
    Field(
        "version",
        "of OCPP",
        Text(lambda: dict.fromkeys(JUDGED, "")),
        lambda event: event.session.version,
        ("s.version",),
    ),
    Field(
        "time",
        "when it was captured, in UTC",
        Ordered("a time", moment, "10:15", "10:15:30.250", "2026-11-22", "2026-11-22T10:15Z"),
        lambda event: event.time,
        ("e.time",),
    ),
    Field(
        "latency",
        "of an answer: the time since its Call",
        Ordered("a duration", duration, "340ms", "10s", "5min", "2h"),
        _latency,
        ("e.latency",),
    ),
    Field("size", "bytes", Ordered("a size", size, "500", "4KB", "1MiB"), _size, ("e.size",)),
    Field(
        "summary", "the message in one line", Text(), _summary, ("e.event", "e.action", "e.raw"), _summary_row
    ),
    Field(
        "severity",
        "of the findings that it proves",
        Choice("a severity", lambda: _SEVERITIES, ordered=True),
        _nothing,
        ("f.severity",),
        many=True,
        judged=1,
    ),
    Field(
        "rule",
        "of the findings that it proves",
        Choice("a rule", _rules),
        _nothing,
        ("f.rule",),
        many=True,
        judged=0,
    ),
    Field("error", "the code of a CallError", Text(_errors), _error, ("e.error",)),
    Field(
        "close",
        "how a session ended, who ended it, its code",
        Close(_CLOSES),
        _closed,
        ("e.event", "e.more"),
        _closed_row,
        many=True,
    ),
    Field(
        "event",
        "what kind of event",
        Choice("an event", lambda: _EVENTS),
        lambda event: _KINDS_OF_EVENTS.get(type(event)),
        ("e.event",),
    ),
)
FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
PAYLOAD: Final = Field(
    "payload",
    "a path into the payload",
    Json(),
    _payload,
    ("e.event", "e.raw"),
    _payload_row,
    many=True,
)
"""Its values are those at the path that the filter names."""
