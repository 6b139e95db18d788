"""What is to be said of the fields of a payload: units, meanings, constraints, times, content.

Meanings stand in `meanings.toml`, constraints in the JSON schemas. Nothing here judges: that is for rules.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.events import CALLRESULT, Message, event
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, finite
from ocppscope.ocpp.metering import DEFAULT_ENERGY_UNIT, DEFAULT_MEASURAND, is_signed, unit_of
from ocppscope.ocpp.quantities import amount
from ocppscope.ocpp.schemas import pointer_of, schema
from ocppscope.ocpp.templates import counted, data, word
from ocppscope.ocpp.times import SECOND, duration, parse
from ocppscope.ocpp.visible import visible

MAX_FIELDS: Final = 2_000
"""Fields looked at in one payload."""
_OPTIONS_SHOWN: Final = 9
_LONGEST_CONTENT: Final = 1 << 20

Kind: TypeAlias = Literal["meaning", "unit", "time", "content", "constraint"]


@event
class Note:
    """One thing to say of a field, in one line that moves no cursor."""

    kind: Kind
    text: str


@dataclass(slots=True)
class _Field:
    pointer: str
    name: str
    """Of an item of an array: the array's."""
    value: Any
    within: str
    """The name of what it stands in; at the top of a payload the action, of an answer with `Response`."""
    siblings: dict[str, Any]
    """The object that it stands in."""
    node: dict[str, Any]
    """Its schema; empty where there is none."""
    type: str
    """The name that the schema gives to its type, without `EnumType`; empty where it has none."""
    presence: str
    """`required`, `optional`; `unknown` to the schema; empty where there is nothing to say."""
    rate: str
    """The unit of the charging schedule around it: A or W; empty outside of one."""


def annotations(message: Message) -> dict[str, tuple[Note, ...]]:
    """What is to be said of each field of a payload, by JSON pointer, in the order of the payload.

    Of a large payload the first MAX_FIELDS fields are looked at.
    """
    version, action = message.session.version or "", str(message.action)
    notes: dict[str, tuple[Note, ...]] = {}
    root = schema(version, message.type, action) or {}
    title = f"{action}Response" if message.type == CALLRESULT else action
    for field in islice(_fields(message.payload, root, title), MAX_FIELDS):
        said = []
        for kind, look in _LOOKS.items():
            try:
                text = look(field, message)
            except NOT_AS_EXPECTED:  # the value has another shape than the standard's
                continue
            if text:
                said.append(Note(kind, visible(text)))
        if said:
            notes[field.pointer] = tuple(said)
    return notes


# --- the fields ---


def _fields(payload: Any, root: dict[str, Any], title: str) -> Iterator[_Field]:
    """Every field below a payload, each before what it holds."""
    top = _Field("", title, payload, "", {}, root, "", "", "")
    stack = [_children(top, root)]
    while stack:
        field = next(stack[-1], None)
        if field is None:
            stack.pop()
            continue
        yield field
        if isinstance(field.value, dict | list):
            stack.append(_children(field, root))


def _children(field: _Field, root: dict[str, Any]) -> Iterator[_Field]:
    value, node = field.value, field.node
    if isinstance(value, list):
        item, kind = _resolved(node.get("items", {}), root)
        for at, one in enumerate(value):
            pointer = f"{field.pointer}/{at}"
            yield _Field(pointer, field.name, one, field.within, field.siblings, item, kind, "", field.rate)
    elif isinstance(value, dict):
        unit = value.get("chargingRateUnit")
        rate = unit if unit in ("A", "W") else field.rate
        properties, required = node.get("properties", {}), node.get("required", ())
        closed = node.get("additionalProperties") is False
        for name, one in value.items():
            inner, kind = _resolved(properties.get(name, {}), root)
            presence = "required" if name in required else "optional"
            if name not in properties:
                presence = "unknown" if closed else ""
            pointer = field.pointer + pointer_of([name])
            yield _Field(pointer, name, one, field.name, value, inner, kind, presence, rate)


def _resolved(node: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A schema without its `$ref`, and the name of its type."""
    name = node.get("$ref", "").rpartition("/")[2]
    return (root["definitions"][name], name.removesuffix("EnumType")) if name else (node, "")


# --- meanings ---

_TYPES_BY_PLACE: Final[Mapping[tuple[str, str], str]] = {
    ("BootNotificationResponse", "status"): "RegistrationStatus",
    ("ChangeAvailability", "type"): "OperationalStatus",
    ("DataTransferResponse", "status"): "DataTransferStatus",
    ("DiagnosticsStatusNotification", "status"): "DiagnosticsStatus",
    ("FirmwareStatusNotification", "status"): "FirmwareStatus",
    ("Reset", "type"): "Reset",
    ("SecurityEventNotification", "type"): "SecurityEvent",
    ("StatusNotification", "status"): "ConnectorStatus",
    ("UnlockConnectorResponse", "status"): "UnlockStatus",
    ("groupIdToken", "type"): "IdToken",
    ("idTagInfo", "status"): "AuthorizationStatus",
    ("idToken", "type"): "IdToken",
    ("sampledValue", "format"): "ValueFormat",
}
"""Types that the schema does not name, most of them of 1.6: by what the field stands in, and its name."""
_TYPES_BY_NAME: Final[Mapping[str, str]] = {
    "chargingLimitSource": "ChargingLimitSource",
    "chargingProfileKind": "ChargingProfileKind",
    "chargingProfilePurpose": "ChargingProfilePurpose",
    "chargingRateUnit": "ChargingRateUnit",
    "context": "ReadingContext",
    "errorCode": "ChargePointErrorCode",
    "location": "Location",
    "measurand": "Measurand",
    "phase": "Phase",
    "reason": "Reason",
    "recurrencyKind": "RecurrencyKind",
    "requestedMessage": "MessageTrigger",
    "status": "Status",
    "unit": "UnitOfMeasure",
    "updateType": "Update",
}
_ALIASES: Final[Mapping[str, str]] = {
    "CertificateSigningUse": "CertificateUse",
    "GetCertificateIdUse": "CertificateUse",
    "InstallCertificateUse": "CertificateUse",
}


@cache
def _meanings() -> Mapping[str, Mapping[str, str]]:
    """By type and value."""
    return tomllib.loads(Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8"))


def _meaning(field: _Field, _: Message) -> str:
    if not isinstance(field.value, str):
        return ""
    if field.name == "value" and field.within == "sampledValue" and "measurand" not in field.siblings:
        return f"{DEFAULT_MEASURAND}, as no measurand is given"
    name = field.type or _TYPES_BY_PLACE.get((field.within, field.name)) or _TYPES_BY_NAME.get(field.name, "")
    found = _meanings().get(_ALIASES.get(name, name), {}).get(field.value)
    if found is None and name.endswith("Status"):
        found = _meanings()["Status"].get(field.value)
    return found or ""


# --- units ---

_UNITS: Final[Mapping[str, str]] = {
    "meterStart": "Wh", "meterStop": "Wh", "energyAmount": "Wh",
    "duration": "s", "dynUpdateInterval": "s", "interval": "s", "maxOfflineDuration": "s",
    "messageTimeout": "s", "randomizedDelay": "s", "retryInterval": "s", "startPeriod": "s",
    "timeSpentCharging": "s", "timeout": "s",
    "evMaxCurrent": "A", "evMinCurrent": "A", "evMaxVoltage": "V", "evMaxPower": "W",
    "stateOfCharge": "%", "fullSoC": "%", "bulkSoC": "%",
}  # fmt: skip
"""What the standard counts a field in."""
_RATES: Final = re.compile("(limit|setpoint|dischargeLimit)(_L[23])?|minChargingRate")
"""Fields in the unit of the charging schedule that they stand in."""


def _unit(field: _Field, _: Message) -> str:
    if field.name == "value" and field.within == "sampledValue":
        return _sampled(field.siblings)
    unit = _UNITS.get(field.name)
    if unit is None and field.rate and _RATES.fullmatch(field.name):
        unit = field.rate
    if unit is None or isinstance(field.value, str):
        return ""
    return amount(finite(field.value), unit)


def _sampled(one: dict[str, Any]) -> str:
    """A sampled value with its unit. That of energy has a default; of anything else nothing can be said."""
    if is_signed(one):
        return ""
    unit, multiplied = unit_of(one)
    if unit is None and not (one.get("measurand") or DEFAULT_MEASURAND).startswith("Energy."):
        return ""
    said = amount(finite(one["value"]) * multiplied, word(unit or DEFAULT_ENERGY_UNIT))
    return said if unit else f"{said}, as no unit is given"


# --- times, content, constraints ---


def _time(field: _Field, message: Message) -> str:
    """How far a date-time is from when it was captured, where that is worth saying."""
    if field.node.get("format") != "date-time" or not isinstance(field.value, str) or message.time is None:
        return ""
    then = parse(field.value)[0]
    if then is None or abs(then - message.time) <= SECOND:
        return ""
    return f"{duration(abs(then - message.time))} {'after' if then > message.time else 'before'} the capture"


_PEM: Final = re.compile("-----BEGIN ([A-Z0-9 ]{1,40})-----")


def _content(field: _Field, message: Message) -> str:
    """What is inside a string."""
    text = field.value
    if not isinstance(text, str) or len(text) > _LONGEST_CONTENT:
        return ""
    if message.action == "DataTransfer" and text.lstrip()[:1] in ("{", "["):
        return f"JSON: {data(orjson.loads(text))}"
    labels = _PEM.findall(text) if text.startswith("-----BEGIN ") else ()
    return f"PEM: {counted(len(labels), labels[0].lower())}" if labels else ""


def _constraint(field: _Field, _: Message) -> str:
    """What the schema asks for: `required string, at most 20`."""
    if field.presence == "unknown":
        return "not in the schema"
    node = field.node
    kind = f"{field.presence} {node.get('format') or node.get('type', '')}".strip()
    limits = [said.format(node[keyword]) for keyword, said in _LIMITS.items() if keyword in node]
    options = [str(one) for one in node.get("enum", ())]
    if options:
        shown = options if len(options) <= _OPTIONS_SHOWN else [*options[:_OPTIONS_SHOWN], "…"]
        limits.append(f"one of {len(options)}: {', '.join(shown)}")
    return ", ".join(part for part in (kind, *limits) if part)


_LIMITS: Final[Mapping[str, str]] = {
    "minLength": "at least {}",
    "maxLength": "at most {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "minimum": "from {:g}",
    "maximum": "up to {:g}",
    "multipleOf": "a multiple of {:g}",
}

_LOOKS: Final[Mapping[Kind, Callable[[_Field, Message], str]]] = {
    "meaning": _meaning,
    "unit": _unit,
    "time": _time,
    "content": _content,
    "constraint": _constraint,
}
