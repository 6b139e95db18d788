"""The error codes of CallError, as each version spells them.

Sources: OCPP-J 1.6 §4.2.3 with errata 5.1 and 5.2; OCPP 2.0.1 and 2.1 part 4 §4.3.
"""

from collections.abc import Mapping
from typing import Final

from ocppscope.ocpp.versions import V16, V21, V201

_COMMON: Final = {
    "NotImplemented": "the receiver does not know this action",
    "NotSupported": "the receiver knows this action but does not support it",
    "InternalError": "the receiver failed while it worked on the message",
    "ProtocolError": "the payload is incomplete, or does not fit the action",
    "SecurityError": "the receiver may not process the message for a reason of security",
    "PropertyConstraintViolation": "a field has a value that is not allowed",
    "TypeConstraintViolation": "a field has a value of the wrong JSON type",
    "GenericError": "any other error",
}

_OF_16: Final = _COMMON | {
    "FormationViolation": "the payload cannot be read as the action's",
    "OccurenceConstraintViolation": "a field is there too often, or too seldom",
}
_OF_2X: Final = _COMMON | {
    "FormatViolation": "the payload cannot be read as the action's",
    "OccurrenceConstraintViolation": "a field is there too often, or too seldom",
    "MessageTypeNotSupported": "the receiver does not know this message type number",
    "RpcFrameworkError": "the message is no valid RPC frame: its id could not be read, for instance",
}

ERROR_CODES: Final[Mapping[str, Mapping[str, str]]] = {V16: _OF_16, V201: _OF_2X, V21: _OF_2X}
"""By version: code and what it means."""


def explain(version: str | None, code: object) -> str | None:
    """What an error code means; None for a code that the version does not have."""
    return ERROR_CODES.get(version or "", {}).get(code) if isinstance(code, str) else None


def meaning_of(code: object) -> str | None:
    """The same in whichever version has the code; all that have it mean the same by it."""
    return next((explain(version, code) for version in ERROR_CODES if explain(version, code)), None)


def other_spelling(version: str, code: object) -> bool:
    """Whether the code is one of another version only."""
    return any(code in codes for other, codes in ERROR_CODES.items() if other != version)
