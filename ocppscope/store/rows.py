"""Events as rows of `events`, and back.

What a decoder of ours finds by itself is not kept: read again, a store goes through the same decoder as the
capture that it was made of. Faults of the layers below are kept, because their bytes are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias, get_args

import orjson

from ocppscope.events import (
    TYPE_NAMES,
    Closed,
    Control,
    Damaged,
    Direction,
    Event,
    Fault,
    Gap,
    Layer,
    Message,
    Opened,
    Session,
    Text,
    Tls,
    WireEvent,
)
from ocppscope.filter.kinds import text_of
from ocppscope.ocpp import rpc
from ocppscope.ocpp.wording import what
from ocppscope.store import sound

Row: TypeAlias = tuple[Any, ...]
"""The columns of `events`, in their order."""

_FIN, _FIN_RSV, _MASKED = 0x80, 0xF0, 0x80
OF_THE_DECODER: Final = ("rpc.", "time.", "json.")
"""Kinds of faults that a decoder finds again in the same text."""
_ELSEWHERE: Final = frozenset({"session", "time", "direction", "n", "raw", "payload"})
"""Fields that columns hold."""
_EXTRA: Final[Mapping[str, Mapping[str, Any]]] = {
    kind.__name__.lower(): {one.name: one.default for one in fields(kind) if one.name not in _ELSEWHERE}
    for kind in (Opened, Control, Damaged, Gap, Closed)
}
"""By event: its other fields, and what they are where nothing is said."""
_BYTES: Final = frozenset({"request", "response"})
_NUMBERS: Final = frozenset({"status", "code", "size", "offset"})
_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    "how": ("close", "fin", "rst", "end-of-capture"),
    "by": ("station", "csms", None),
    "opcode": ("ping", "pong"),
    "layer": get_args(Layer),
}
COLUMNS: Final = 17
DAMAGED: Final = "this row of the store is damaged"
"""The reason of a Damaged that takes the place of what cannot be read."""
_UNREADABLE: Final = (
    rpc.UnreadableError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What making an event of a damaged row raises."""


_Other: TypeAlias = Opened | Control | Damaged | Gap | Closed


def row_of(event: Event, severity: str | None) -> Row:
    """The row for one event.

    Args:
        event: numbered.
        severity: of the gravest finding that it proves.
    """
    if type(event) is not Message:
        return _other_row(event, severity)
    n, raw, action, message_id, error = event.n, event.raw, event.action, event.id, event.error
    call, frames = event.call, event.frames
    size = len(raw) if raw.isascii() else len(raw.encode())
    wire = None
    if frames:
        wire = frames[0]
        plain = len(frames) == 1 and wire[0] & _FIN_RSV == _FIN
        wire = wire[: len(wire) - size] if plain else b"".join(frames)
    return (
        n,
        event.session.number,
        event.time,
        "message",
        event.direction,
        TYPE_NAMES[event.type],
        action if type(action) is str or action is None else text_of(action),
        None if error is None else text_of(error.code),
        None if call is None else call.n,
        event.latency,
        size,
        severity,
        message_id if type(message_id) is str else text_of(message_id),
        raw,
        wire,
        None,
        _faults(event.faults) if event.faults else None,
    )


def _other_row(event: Event, severity: str | None) -> Row:
    direction = getattr(event, "direction", None)
    kind = event.opcode.upper() if isinstance(event, Control) else None
    size = None
    if isinstance(event, Damaged):
        size = len(event.raw if isinstance(event.raw, bytes) else event.raw.encode())
    elif isinstance(event, Control):
        size = len(event.payload)
    name, session = type(event).__name__.lower(), event.session.number
    raw = event.payload if isinstance(event, Control) else getattr(event, "raw", None)
    narrow = event.n, session, event.time, name, direction, kind, None, None, None, None, size, severity
    return *narrow, None, raw, None, what(event), _more(event)


def _more(event: Any) -> str:
    """The fields of an event that have no column."""
    more = {}
    for name, default in _EXTRA[type(event).__name__.lower()].items():
        value: Any = getattr(event, name) if name != "faults" else _of_wire(event.faults)
        if value != default:
            more[name] = value.decode("latin-1") if name in _BYTES else value
    return orjson.dumps(more).decode()


def _faults(faults: tuple[Fault, ...]) -> str | None:
    kept = _of_wire(faults)
    return orjson.dumps({"faults": kept}).decode() if kept else None


def _of_wire(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if not fault.kind.startswith(OF_THE_DECODER))


def _whole(wire: bytes, raw: str) -> bytes:
    """The frames of a text one after another, exactly as they were: kept is what the text does not give."""
    if wire[0] & _FIN_RSV != _FIN:
        return wire
    payload = raw.encode()
    if wire[1] & _MASKED:
        from ocppscope.wire.masking import apply_mask

        payload = apply_mask(payload, wire[-4:])
    return wire + payload


# --- back ---


def wire_event(session: Session, row: sound.Row) -> WireEvent:
    """What a source emitted before it was decoded; a Damaged where a row cannot be read.

    Args:
        session: the one it belongs to.
        row: its columns.
    """
    try:
        kind, raw = row["event"], row["raw"]
        if kind == "message" or (kind == "damaged" and isinstance(raw, str)):
            direction, more = row["direction"], row["more"]
            if direction is None or type(raw) is not str:
                return _damaged(session, row)
            faults = () if more is None else _fields(more).get("faults", ())
            return Text(session, row["time"], direction, raw, _frames(row), faults, row["n"])
        return _other(session, row)
    except _UNREADABLE:
        return _damaged(session, row)


def event_of(session: Session, row: sound.Row) -> Event:
    """The event of a row, without the Call that it answers; a Damaged where the row cannot be read.

    Args:
        session: the one it belongs to.
        row: its columns.
    """
    try:
        return _message(session, row) if row["event"] == "message" else _other(session, row)
    except _UNREADABLE:
        return _damaged(session, row)


def _message(session: Session, row: sound.Row) -> Message:
    kind, message_id, _, payload, error, _ = rpc.read(_text(row))
    return Message(
        session,
        row["time"],
        _direction(row),
        kind,
        message_id,
        row["action"],
        payload,
        row["raw"],
        row["n"],
        error,
        latency=row["latency"],
        faults=_fields(row["more"]).get("faults", ()),
        frames=_frames(row),
    )


def _other(session: Session, row: sound.Row) -> _Other:
    kind, time, n = row["event"], row["time"], row["n"]
    more = _fields(row["more"])
    if kind == "opened":
        return Opened(session, time, n=n, **more)
    if kind == "closed":
        return Closed(session, time, n=n, **more)
    if kind == "control":
        return Control(session, time, _direction(row), payload=_expect(bytes, row["raw"]), n=n, **more)
    if kind == "gap":
        return Gap(session, time, _direction(row), n=n, **more)
    if kind == "damaged":
        raw = _expect((bytes, str), row["raw"])
        _expect(int, more["offset"])
        _expect(str, more["reason"])
        return Damaged(session, time, row["direction"], raw=raw, n=n, **more)
    raise ValueError(kind)


def _damaged(session: Session, row: sound.Row) -> Damaged:
    raw = row["raw"] if isinstance(row["raw"], bytes | str) else b""
    return Damaged(session, row["time"], row["direction"], "rpc", 0, DAMAGED, raw, n=row["n"])


def _expect(kinds: type | tuple[type, ...], value: Any) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(value)
    return value


def _text(row: sound.Row) -> str:
    text: str = _expect(str, row["raw"])
    return text


def _direction(row: sound.Row) -> Direction:
    direction: Direction = _expect(str, row["direction"])
    return direction


def _frames(row: sound.Row) -> tuple[bytes, ...]:
    wire = row["wire"]
    if wire is None:
        return ()
    try:
        return tuple(_split(_whole(wire, row["raw"])))
    except (LookupError, ValueError):  # damaged; the text is there all the same
        return ()


def _fields(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    more: dict[str, Any] = orjson.loads(text)
    return {name: _field(name, value) for name, value in more.items()}


def _field(name: str, value: Any) -> Any:
    """A field of an event, of what `more` says of it."""
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(value)
        return value
    if name == "faults":
        return tuple(map(_fault, value))
    if name == "tls":
        return value and Tls(**{key: _expect((str, type(None)), one) for key, one in value.items()})
    if name == "subprotocols":
        return tuple(_expect(str, one) for one in value)
    if name in _BYTES:
        return value.encode("latin-1")
    return _expect((int if name in _NUMBERS else str, type(None)), value)


def _fault(said: dict[str, Any]) -> Fault:
    fault = Fault(**{**said, "events": tuple(_expect(int, n) for n in said["events"])})
    for text in (fault.kind, fault.detail, fault.subject):
        _expect(str, text)
    return fault


def _split(wire: bytes) -> Iterator[bytes]:
    from ocppscope.wire.websocket import parse_header

    at = 0
    while at < len(wire) and (header := parse_header(wire, at)):
        yield wire[at : at + header.end]
        at += header.end
