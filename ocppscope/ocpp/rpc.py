"""OCPP-J framing: a text in, the parts of one message out, and what is wrong with it.

Sources: OCPP-J 1.6 §4; OCPP 2.0.1 and 2.1 part 4 §4. Correlation and payloads are not known here.
"""

import json
from collections import Counter
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.events import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, SEND, Fault, RpcError

MAX_ID: Final = 36
MAX_DESCRIPTION: Final = 255
MAX_DEPTH: Final = 512
_SHALLOW: Final = 2 * MAX_DEPTH
"""Characters of a text in which nothing can be nested more deeply."""

_LENGTHS: Final = {CALL: 4, CALLRESULT: 3, CALLERROR: 5, CALLRESULTERROR: 5, SEND: 4}
_SHAPES: Final = {
    CALL: "[2, id, action, payload]",
    CALLRESULT: "[3, id, payload]",
    CALLERROR: "[4, id, code, description, details]",
    CALLRESULTERROR: "[5, id, code, description, details]",
    SEND: "[6, id, action, payload]",
}
_DIGITS_AS_ZERO: Final = bytes(ord("0") if ord("0") <= byte <= ord("9") else byte for byte in range(256))
_WHITE_SPACE: Final = b" \n\r\t"
_MANY_DIGITS: Final = b"0" * 19  # 2**63 has nineteen


class UnreadableError(Exception):
    """A text is no message.

    Attributes:
        layer: `json` or `rpc`.
        offset: in bytes of the text's UTF-8.
        faults: what rules are to know.
    """

    def __init__(self, layer: Literal["json", "rpc"], offset: int, reason: str, *faults: Fault) -> None:
        super().__init__(reason)
        self.layer: Literal["json", "rpc"] = layer
        self.offset = offset
        self.faults = faults


Frame: TypeAlias = tuple[int, Any, Any, Any, RpcError | None, tuple[Fault, ...]]
"""Type, id, action (of a Call or Send), payload, error (of a CallError or CallResultError), faults.
A plain tuple: one is made of each message."""


def read(text: str) -> Frame:
    """Read one message: JSON, then its parts.

    Raises:
        UnreadableError: as `load` and `frame` say.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json(text, error) from error
    # The plain path: a Call or CallResult with nothing wrong.
    if type(value) is list and (len(text) <= _SHALLOW or not _may_be_deep(text)):
        if len(value) == 4 and value[0] == CALL:
            _, message_id, action, payload = value
            if (
                type(message_id) is str
                and len(message_id) <= MAX_ID
                and type(action) is str
                and type(payload) is dict
                and _is_as_written(text, value)
            ):
                return CALL, message_id, action, payload, None, ()
        elif len(value) == 3 and value[0] == CALLRESULT:
            _, message_id, payload = value
            if (
                type(message_id) is str
                and len(message_id) <= MAX_ID
                and type(payload) is dict
                and (not payload or _is_as_written(text, value))
            ):
                return CALLRESULT, message_id, None, payload, None, ()
    value, faults = load(text)
    *parts, more = frame(value)
    return *parts, faults + more


def as_written(text: str, kind: int, message_id: Any, action: Any, payload: Any) -> Frame | None:
    """The same as `read`, of a Call or CallResult whose parts are known from elsewhere: quicker.

    Args:
        text: the message.
        kind: its type.
        message_id: its id.
        action: its action; None for a CallResult.
        payload: its payload.

    Returns:
        None where they, written, are not the text letter by letter, or something is wrong with them.
    """
    value = (kind, message_id, action, payload) if kind == CALL else (kind, message_id, payload)
    try:
        if (
            orjson.dumps(value).decode() == text
            and type(message_id) is str
            and len(message_id) <= MAX_ID
            and type(payload) is dict
            and (kind != CALL or type(action) is str)
        ):
            return kind, message_id, action, payload, None, ()
    except TypeError:  # it writes less deep than it reads
        pass
    return None


def load(text: str) -> tuple[Any, tuple[Fault, ...]]:
    """Read JSON strictly (RFC 8259), and name what a lenient reader would hide.

    Raises:
        UnreadableError: it is no JSON, or nested too deeply.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json(text, error) from error
    if len(text) > _SHALLOW and _may_be_deep(text):
        _check_depth(value)
    return value, () if _is_as_written(text, value) else _hidden_faults(text)


def _is_as_written(text: str, value: Any) -> bool:
    """Whether no key stands twice and no number is cut: written again, the value is the text.

    False where that takes a closer look.
    """
    raw = text.encode()
    try:
        written = orjson.dumps(value)
    except TypeError:  # it writes less deep than it reads
        return False
    if written == raw:
        return True
    dense = raw.translate(None, _WHITE_SPACE)
    if written == dense or written.translate(None, _WHITE_SPACE) == dense:
        return True
    # Numbers and escapes may be spelt in other ways: 230.10, 1e3, \/.
    return (
        raw.count(b":") == written.count(b":")
        and b"\\u" not in raw
        and _MANY_DIGITS not in raw.translate(_DIGITS_AS_ZERO)
    )


def _not_json(text: str, error: orjson.JSONDecodeError) -> UnreadableError:
    if "recursion limit" in error.msg.lower() or "depth limit" in error.msg.lower():
        return _too_deep()
    offset = len(text[: error.pos].encode())
    reason = f"no JSON: {error.msg.split(':')[0]} at byte {offset}"
    return UnreadableError("json", offset, reason, Fault("json.invalid", reason))


def _too_deep() -> UnreadableError:
    reason = f"JSON nested more than {MAX_DEPTH} deep"
    return UnreadableError("json", 0, reason, Fault("json.too-deep", reason))


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_DEPTH


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]


def _hidden_faults(text: str) -> tuple[Fault, ...]:
    """Keys that stand twice in one object, and integers that 64 bits cannot hold."""
    faults: list[Fault] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(items)
        if len(seen) < len(items):
            for name, count in Counter(name for name, _ in items).items():
                if count > 1:
                    detail = f"the key {name[:40]!r} stands {count} times in one object"
                    faults.append(Fault("json.duplicate-key", detail, name[:40]))
        return seen

    def integer(digits: str) -> float:
        # Forty digits are too many already, and python refuses to read thousands.
        if len(digits) >= 19 and not -(1 << 63) <= int(digits[:40]) < 1 << 64:
            faults.append(Fault("json.big-integer", f"the integer {digits[:40]} needs more than 64 bits"))
        return 0.0

    try:
        json.loads(text, object_pairs_hook=pairs, parse_int=integer)
    except (ValueError, RecursionError):
        return ()
    return tuple(faults)


def frame(value: Any) -> Frame:
    """Take a message apart.

    Raises:
        UnreadableError: it has no type or no id, so that nothing can be said of it as a message.
    """
    if type(value) is not list:
        raise _no_frame(f"a message is a JSON array, this is {_kind(value)}")
    kind = value[0] if value else None
    if type(kind) is not int or kind not in _LENGTHS:
        shown = json.dumps(kind)[:40]
        fault = Fault("rpc.type", f"the message type number is {shown}")
        raise UnreadableError("rpc", 1 if value else 0, f"no message type 2 to 6: {shown}", fault)
    if len(value) < (3 if kind in (CALL, SEND) else 2):
        raise _no_frame(f"{len(value)} elements, expected {_SHAPES[kind]}")
    faults = _frame_faults(kind, value)
    if kind in (CALL, SEND):
        payload = value[3] if len(value) > 3 else None
        return kind, value[1], value[2], payload, None, tuple(faults)
    if kind == CALLRESULT:
        payload = value[2] if len(value) > 2 else None
        return kind, value[1], None, payload, None, tuple(faults)
    error = RpcError(*(value[2:5] + [None] * 3)[:3])
    faults += _error_faults(error)
    return kind, value[1], None, None, error, tuple(faults)


def _no_frame(reason: str) -> UnreadableError:
    return UnreadableError("rpc", 0, reason, Fault("rpc.frame", reason))


def _frame_faults(kind: int, value: list[Any]) -> list[Fault]:
    faults = []
    if len(value) != _LENGTHS[kind]:
        detail = f"{len(value)} elements, expected {_SHAPES[kind]}"
        faults.append(Fault("rpc.frame", detail))
    message_id = value[1]
    if type(message_id) is int:
        faults.append(Fault("rpc.id-integer", f"the id is the number {message_id}, not a string"))
    elif type(message_id) is not str:
        faults.append(Fault("rpc.id", f"the id is {_kind(message_id)}, not a string"))
    elif len(message_id) > MAX_ID:
        faults.append(Fault("rpc.id", f"the id has {len(message_id)} characters, {MAX_ID} are allowed"))
    if kind in (CALL, SEND) and type(value[2]) is not str:
        faults.append(Fault("rpc.frame", f"the action is {_kind(value[2])}, not a string"))
    at = {CALL: 3, SEND: 3, CALLRESULT: 2}.get(kind, len(value))
    if at < len(value):
        payload = value[at]
        if payload is None:
            faults.append(Fault("rpc.payload-null", "the payload is null"))
        elif type(payload) is not dict:
            faults.append(Fault("rpc.frame", f"the payload is {_kind(payload)}, not an object"))
    return faults


def _error_faults(error: RpcError) -> list[Fault]:
    faults = []
    if type(error.code) is not str:
        faults.append(Fault("rpc.frame", f"the error code is {_kind(error.code)}, not a string"))
    if type(error.description) is not str:
        detail = f"errorDescription is {_kind(error.description)}, not a string"
        faults.append(Fault("rpc.error-fields", detail, "errorDescription"))
    elif len(error.description) > MAX_DESCRIPTION:
        detail = f"errorDescription has {len(error.description)} characters, {MAX_DESCRIPTION} are allowed"
        faults.append(Fault("rpc.error-fields", detail, "errorDescription"))
    if type(error.details) is not dict:
        detail = f"errorDetails is {_kind(error.details)}, not an object"
        faults.append(Fault("rpc.error-fields", detail, "errorDetails"))
    return faults


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
