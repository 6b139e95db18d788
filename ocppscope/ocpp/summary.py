"""One human line for a message.

What the important actions say stands in `phrases`. All else, and a payload that is not as the standard has it,
gets a generic line: the fields that say most first, then the others in the order of the payload.
"""

from typing import Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.errors import meaning_of
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED
from ocppscope.ocpp.phrases import ANSWERED, ASKED, STATUS, nothing
from ocppscope.ocpp.templates import LONGEST, word
from ocppscope.ocpp.visible import visible

_FIRST: Final = ("status", "connectorStatus", "eventType", "triggerReason", "type", "connectorId", "evseId")
_BARE: Final = ("status", "connectorStatus", "eventType", "triggerReason")
"""Fields whose values need no name."""
_LEVELS: Final = 5


def summary(message: Message) -> str:
    """What a message says, in at most a hundred characters.

    It looks at the message alone, not at what it answers: a store makes it anew of a message's text.
    """
    payload = message.payload
    if message.error is not None:
        return _line(_error(message.error.code, message.error.description))
    if not isinstance(payload, dict):
        return "" if payload is None else _line(str(payload))
    if not payload:
        return nothing(message.action, is_answer=message.type == CALLRESULT)
    phrases = ANSWERED if message.type == CALLRESULT else ASKED
    try:
        phrase = phrases.get(message.action or "")
        if phrase is None and phrases is ANSWERED and "status" in payload:
            phrase = STATUS
        said = "" if phrase is None else phrase(payload)
    except NOT_AS_EXPECTED:
        said = ""
    return _line(said or _generic(payload))


def _error(code: Any, description: Any) -> str:
    """The code, what the peer says, and what the standard does: `GenericError: out of order (any other error)`."""
    said, means = str(description or ""), meaning_of(code) or ""
    if not said or said == code:
        return f"{code}: {means}" if means else str(code)
    return f"{code}: {said} ({means})" if means else f"{code}: {said}"


def _generic(payload: dict[str, Any]) -> str:
    names = [name for name in _FIRST if name in payload] + [name for name in payload if name not in _FIRST]
    said: list[str] = []
    length = 0
    for name in names:
        field = _field(name, payload[name])
        if field:
            said.append(field)
            length += len(field)
        if length > LONGEST:
            break
    return ", ".join(said)


def _field(name: str, value: Any, levels: int = _LEVELS) -> str:
    if isinstance(value, dict | list) and not levels:
        return name
    if isinstance(value, dict):
        inner = (_field(key, item, levels - 1) for key, item in list(value.items())[:4])
        return ", ".join(part for part in inner if part)
    if isinstance(value, list):
        items = "1 item" if len(value) == 1 else f"{len(value)} items"
        first = _field(name, value[0], levels - 1) if len(value) == 1 and isinstance(value[0], dict) else ""
        return first or f"{name} {items}"
    return word(value) if name in _BARE else f"{name} {word(value)}"


def _line(text: str) -> str:
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    return text if text.isprintable() else visible(text)
