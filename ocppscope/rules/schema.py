"""SCH: payloads that break their JSON schema, one rule for each keyword that can fail."""

from collections.abc import Callable, Mapping
from typing import Final

from ocppscope.events import Message, Violation
from ocppscope.ocpp import schemas
from ocppscope.ocpp.versions import V2X, V16, V21, V201
from ocppscope.rules.registry import ERROR, Report, on_violation, rule
from ocppscope.rules.state import SessionState

_SOURCE: Final = {
    V16: "OCPP 1.6 JSON schemas (edition 2 chapter 6)",
    V201: "OCPP 2.0.1 part 3 (JSON schemas)",
    V21: "OCPP 2.1 part 3 (JSON schemas)",
}

KEYWORDS: Final[Mapping[str, tuple[str, str]]] = {
    "type": (
        "A field has the wrong JSON type",
        "numbers and booleans go without quotes, strings with them; Python's ocpp and ocpp-go refuse it",
    ),
    "required": (
        "A required field is missing",
        "add the field; a strict peer answers with a CallError, as Python's ocpp and ocpp-go do",
    ),
    "enum": (
        "A value is none of those allowed",
        "values are case-sensitive and differ between versions; Python's ocpp and ocpp-go refuse others",
    ),
    "const": ("A value is not the one allowed", "send the value that the schema names"),
    "maxLength": (
        "A text is too long",
        "cut the text; a strict peer refuses the message, as Python's ocpp and ocpp-go do",
    ),
    "minLength": ("A text is too short", "send a longer text, or leave the field out"),
    "maxItems": ("An array has too many items", "send fewer items, or several messages"),
    "minItems": ("An array has too few items", "send at least as many items as the schema asks for"),
    "maximum": ("A number is too large", "keep to the largest number that the schema allows"),
    "minimum": ("A number is too small", "keep to the smallest number that the schema allows"),
    "multipleOf": ("A number has too many decimals", "round it to what the schema allows"),
    "other": ("A payload breaks its schema", "compare it with the schema"),
}
"""Title and hint of the rule for each keyword."""


def _check(keyword: str) -> Callable[[Message, SessionState], list[Report]]:
    def violated(event: Message, state: SessionState) -> list[Report]:
        is_2x = event.session.version in V2X
        return [
            Report(one.detail, f"{event.action} {schemas.general(one.pointer)}")
            for one in event.violations
            if (one.keyword if one.keyword in KEYWORDS else "other") == keyword
            and not (is_2x and _has_rule_of_its_own(event, one))
            and one.keyword != "additionalProperties"
        ]

    return violated


def _has_rule_of_its_own(event: Message, violation: Violation) -> bool:
    """RPC-020 or RPC-032."""
    return (
        schemas.is_empty_optional(event, violation)
        or schemas.is_custom_data_vendor(violation)
        or schemas.is_within_empty_optional(event, violation)
    )


for _keyword, (_title, _hint) in KEYWORDS.items():
    rule(f"SCH-{_keyword}", _title, ERROR, on_violation(), source=_SOURCE, hint=_hint)(_check(_keyword))
