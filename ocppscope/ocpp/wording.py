"""Events in words: what lists, screens and stores say of them."""

import re
from typing import Final

from ocppscope.events import (
    CALL,
    FROM_STATION,
    SEND,
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
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.times import duration, timestamp
from ocppscope.ocpp.visible import visible


def clock(time: int | None) -> str:
    """The time of day, with milliseconds."""
    text = timestamp(time)
    return "-" if text is None else text[11:23]


def arrow(event: Event) -> str:
    direction = getattr(event, "direction", None)
    return " " if direction is None else "→" if direction == FROM_STATION else "←"


def what(event: Event) -> str:
    """What an event is, in a few words."""
    if isinstance(event, Message):
        return _message(event)
    if isinstance(event, Opened):
        return _opened(event)
    if isinstance(event, Control):
        return event.opcode
    if isinstance(event, Damaged):
        return f"DAMAGED ({event.layer}): {event.reason}"
    if isinstance(event, Gap):
        return f"GAP: {event.size if event.size is not None else 'unknown'} bytes are not in the capture"
    return _closed(event)


_ASKING: Final = {CALL: "", SEND: " (Send)"}


def _message(event: Message) -> str:
    kind = _ASKING.get(event.type)
    name = str(event.action) if event.action is not None else "?"
    if kind is None:
        kind = " answer" if event.error is None else f" {TYPE_NAMES[event.type]}"
        if event.action is None:
            name, kind = f"{kind.strip()} to a Call that was not seen", ""
    latency = f"  [{duration(event.latency)}]" if event.latency is not None else ""
    said = summary(event)
    return f"{name}{kind}{': ' if said else ''}{said}{latency}"


def _opened(event: Opened) -> str:
    session = event.session
    if session.duplicate_of is not None:
        return f"session {session.duplicate_of} seen again{_ends(session)}"
    if event.status is None and session.late:
        return f"first seen here, after its start{_ends(session)}"
    agreed = event.subprotocol or "no subprotocol"
    outcome = f"opened, {agreed}" if event.status == 101 else f"REFUSED with status {event.status}"
    if event.status is None:
        outcome = "upgrade without an answer"
    return f"{outcome}: {event.path}{f' at {session.server}' if session.server else ''}"


def _ends(session: Session) -> str:
    """Where it goes from and to; logs and traces show no addresses."""
    return f": {session.client} → {session.server}" if session.client or session.server else ""


def _closed(event: Closed) -> str:
    by = f" by {'the station' if event.by == 'station' else 'the CSMS'}" if event.by else ""
    how = {
        "close": f"closed{by}, code {event.code if event.code is not None else 'none'}",
        "fin": f"connection ended{by} (FIN) without a Close",
        "rst": f"connection reset{by} (RST)",
        "end-of-capture": "still open at the end of the capture",
    }[event.how]
    return f"{how}: {event.reason}" if event.reason else how


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "cookie", "set-cookie")


def without_secrets(head: bytes) -> str:
    """The head of an HTTP request or response, without what would let somebody in."""
    lines = []
    secret = False
    for line in re.split("\r\n|\n|\r", head.decode("latin-1")):
        if line[:1] in (" ", "\t"):  # the line before goes on (RFC 9112 §5.2)
            lines += [] if secret else [line]
            continue
        name, colon, _ = line.partition(":")
        secret = bool(colon) and name.strip().lower() in _SECRET_HEADERS
        lines.append(f"{name}: (not shown)" if secret else line)
    return "\n".join(map(visible, lines))
