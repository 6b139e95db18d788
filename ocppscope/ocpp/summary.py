"""One human line for a message. Generic: the fields that say most, in the order of the payload."""

import re
from typing import Any, Final

from ocppscope.events import Message

_FIRST: Final = ("status", "connectorStatus", "eventType", "triggerReason", "type", "connectorId", "evseId")
_LIMIT: Final = 100
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def summary(message: Message) -> str:
    """What a message says, in at most about a hundred characters."""
    if message.error is not None:
        parts = [str(message.error.code), str(message.error.description or "")]
        return _cut(": ".join(part for part in parts if part))
    payload = message.payload
    if not isinstance(payload, dict):
        return "" if payload is None else _cut(str(payload))
    names = [name for name in _FIRST if name in payload] + [name for name in payload if name not in _FIRST]
    said: list[str] = []
    for name in names:
        said.append(_field(name, payload[name]))
        if sum(map(len, said)) > _LIMIT:
            break
    return _cut(", ".join(part for part in said if part))


def _field(name: str, value: Any, levels: int = 5) -> str:
    if isinstance(value, dict | list) and not levels:
        return name
    if isinstance(value, dict):
        inner = (_field(key, item, levels - 1) for key, item in list(value.items())[:4])
        return ", ".join(part for part in inner if part)
    if isinstance(value, list):
        items = "1 item" if len(value) == 1 else f"{len(value)} items"
        first = _field(name, value[0], levels - 1) if len(value) == 1 and isinstance(value[0], dict) else ""
        return first or f"{name} {items}"
    if name in ("status", "eventType", "connectorStatus", "triggerReason"):
        return str(value)
    return f"{name} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:_LIMIT]


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 1]}…"


def visible(text: str) -> str:
    """A text from a capture in one line, its control characters as pictures: it must not move the cursor."""
    return text if text.isprintable() else _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "\ufffd"
