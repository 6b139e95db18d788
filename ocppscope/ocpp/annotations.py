"""What is to be said of the fields of a payload: units, meanings, constraints, times, content.

Meanings stand in `meanings.toml` and in what `known_settings` reads, constraints in the JSON schemas. Nothing here
judges: that is for rules.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.events import CALLRESULT, Message, Session, event
from ocppscope.ocpp import certificates, schedules
from ocppscope.ocpp.known_settings import KnownSetting, configuration_keys, variable
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, finite
from ocppscope.ocpp.meanings import meaning
from ocppscope.ocpp.metering import DEFAULT_ENERGY_UNIT, DEFAULT_MEASURAND, is_signed, unit_of
from ocppscope.ocpp.quantities import amount
from ocppscope.ocpp.schemas import pointer_of, schema
from ocppscope.ocpp.security_events import is_critical
from ocppscope.ocpp.signed.verdicts import in_sample
from ocppscope.ocpp.templates import counted, data, word
from ocppscope.ocpp.times import SECOND, duration, parse
from ocppscope.ocpp.tunnels import PLUG_AND_CHARGE
from ocppscope.ocpp.versions import V16, V201
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
    around: dict[str, Any]
    """The object that that one stands in, straight or as an item."""
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
    top = _Field("", title, payload, "", {}, {}, root, "", "", "")
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
            yield replace(field, pointer=pointer, value=one, node=item, type=kind, presence="")
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
            yield _Field(pointer, name, one, field.name, value, field.siblings, inner, kind, presence, rate)


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
    "reasonCode": "ReasonCode",
    "requestedMessage": "MessageTrigger",
    "status": "Status",
    "techCode": "VendorErrorCode",
    "unit": "UnitOfMeasure",
    "updateType": "Update",
    "vendorErrorCode": "VendorErrorCode",
}
_ALIASES: Final[Mapping[str, str]] = {
    "CertificateSigningUse": "CertificateUse",
    "GetCertificateIdUse": "CertificateUse",
    "InstallCertificateUse": "CertificateUse",
}


def _meaning(field: _Field, message: Message) -> str:
    if not isinstance(field.value, str):
        return ""
    if field.name == "value" and field.within == "sampledValue" and "measurand" not in field.siblings:
        return f"{DEFAULT_MEASURAND}, as no measurand is given"
    known = _named_setting(field, message)
    if known is not None:
        return known.says
    name = type_of(field.type, field.within, field.name)
    critical = _criticality(field.value, message) if name == "SecurityEvent" else ""
    return value_meaning(name, field.value) + critical


def type_of(given: str, within: str, name: str) -> str:
    """The type of a field; that of 2.x where it has none.

    Args:
        given: by its schema, without `EnumType`.
        within: the name of what it stands in; at the top the action, of an answer with `Response`.
        name: its own.
    """
    found = given or _TYPES_BY_PLACE.get((within, name)) or _TYPES_BY_NAME.get(name, "")
    return _ALIASES.get(found, found)


def value_meaning(kind: str, value: str) -> str:
    """What a value of a type means; empty where nothing is known."""
    found = meaning(kind, value)
    return meaning("Status", value) if not found and kind.endswith("Status") else found


def _criticality(event_type: str, message: Message) -> str:
    critical = is_critical(event_type, message.session.version)
    if critical is None:
        return ""
    return "; critical: it has to be sent" if critical else "; not critical: it need only be logged"


# --- configuration keys and variables ---


def _named_setting(field: _Field, message: Message) -> KnownSetting | None:
    """What a field names: a configuration key of 1.6, a variable of 2.x."""
    if field.name == "key" and message.session.version == V16 and message.action in _KEYED:
        return configuration_keys().get(field.value)
    if field.name == "name" and field.within == "variable":
        return _variable_of(field.around)
    return None


_KEYED: Final = ("ChangeConfiguration", "GetConfiguration")
_SETTING_VALUES: Final = ("attributeValue", "actualValue", "value")


def _variable_of(holder: dict[str, Any]) -> KnownSetting | None:
    component, named = holder.get("component"), holder.get("variable")
    if not isinstance(component, dict) or not isinstance(named, dict):
        return None
    return variable(component["name"], named["name"])


def _setting_of(field: _Field, message: Message) -> KnownSetting | None:
    """Whose value a field is."""
    if field.name not in _SETTING_VALUES or not isinstance(field.value, str):
        return None
    if "key" in field.siblings and message.session.version == V16 and message.action in _KEYED:
        return configuration_keys().get(field.siblings["key"])
    return _variable_of(field.siblings) or _variable_of(field.around)


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


def _unit(field: _Field, message: Message) -> str:
    if field.name == "value" and field.within == "sampledValue":
        return _sampled(field.siblings)
    known = _setting_of(field, message)
    if known is not None:
        return amount(finite(field.value), known.unit) if known.unit else ""
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


def _content(field: _Field, message: Message) -> str:
    """What is inside of a string, or of a schedule."""
    text = field.value
    if isinstance(text, dict) and "chargingSchedulePeriod" in text:
        return schedules.in_line(text)
    if not isinstance(text, str) or len(text) > _LONGEST_CONTENT:
        return ""
    if text.startswith("-----BEGIN "):
        return certificates.told(text, message.time)
    if field.name == "value" and is_signed(field.siblings):
        return "; ".join(in_sample(field.siblings))
    if field.name == "signedMeterData":
        return "; ".join(in_sample(field.around))
    if field.name in _EXI:
        return _exi(text)
    if field.name == "ocspResult":
        return certificates.ocsp(text, message.time)
    if message.action == "DataTransfer" and text.lstrip()[:1] in ("{", "["):
        name = _carried_action(message) if field.pointer == "/data" else ""
        return f"JSON: {data(orjson.loads(text))}{f', {name} of OCPP {V201}' if name else ''}"
    return ""


_EXI: Final = ("exiRequest", "exiResponse")


def _exi(text: str) -> str:
    """A message of ISO 15118; an EXI document begins with the bits 10 where it has no `$EXI` before it."""
    found = b64decode(text, validate=True)
    size = counted(len(found), "byte")
    return f"EXI, {size}" if found[:1] and found[0] >> 6 == 0b10 else f"{size} that do not begin as EXI does"


@event
class Carried:
    """JSON within a DataTransfer.

    Attributes:
        pointer: of the text that holds it.
        value: what it holds.
        notes: what is to be said of its fields, by JSON pointer within it.
    """

    pointer: str
    value: Any
    notes: Mapping[str, tuple[Note, ...]]


def carried(message: Message) -> Carried | None:
    """What a DataTransfer carries as JSON in its text; None where it carries none."""
    payload = message.payload
    if message.action != "DataTransfer" or not isinstance(payload, dict):
        return None
    text = payload.get("data")
    if not isinstance(text, str) or len(text) > _LONGEST_CONTENT or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = orjson.loads(text)
    except ValueError:
        return None
    action = _carried_action(message)
    if not action:
        return Carried("/data", value, {})
    session = Session(message.session.number, version=V201)
    within = replace(message, session=session, action=action, payload=value, call=None)
    return Carried("/data", value, annotations(within))


def _carried_action(message: Message) -> str:
    """The action of 2.0.1 whose message a DataTransfer of 1.6 carries; empty where it carries another thing."""
    call = message.call if message.type == CALLRESULT else message
    payload = None if call is None else call.payload
    if not isinstance(payload, dict) or payload.get("vendorId") != PLUG_AND_CHARGE:
        return ""
    name = payload.get("messageId")
    return name if isinstance(name, str) and name != "DataTransfer" else ""


def _constraint(field: _Field, _: Message) -> str:
    """What the schema asks for: `required string, at most 20`."""
    if field.presence == "unknown":
        return "not in the schema"
    limits = limits_of(field.node)
    options = [str(one) for one in field.node.get("enum", ())]
    if options:
        shown = options if len(options) <= _OPTIONS_SHOWN else [*options[:_OPTIONS_SHOWN], "…"]
        limits.append(f"one of {len(options)}: {', '.join(shown)}")
    return ", ".join(part for part in (f"{field.presence} {json_type(field.node)}".strip(), *limits) if part)


def json_type(node: dict[str, Any]) -> str:
    """The type that a schema asks for; of a string its format."""
    return str(node.get("format") or node.get("type", ""))


def limits_of(node: dict[str, Any]) -> list[str]:
    """The limits that a schema sets, in words; not the values that it allows."""
    return [said.format(node[keyword]) for keyword, said in _LIMITS.items() if keyword in node]


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
