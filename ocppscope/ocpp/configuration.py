"""What messages say of a station's configuration: keys of OCPP 1.6, variables of the device model of 2.x.

Sources: GetConfiguration and ChangeConfiguration of OCPP 1.6 edition 2 (§5.3, §5.8, §9); GetVariables, SetVariables
and NotifyReport of 2.0.1 and 2.1 part 2 (functional block B, use cases B05 to B08).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.events import CALL, CALLRESULT, FROM_STATION, Message, event
from ocppscope.ocpp.lenient import fields, items, text, whole

ACTUAL: Final = "Actual"
"""The attribute that is meant where none is named; the others are Target, MinSet and MaxSet."""
ACCEPTED: Final = "Accepted"
AFTER_REBOOT: Final = "RebootRequired"
_READ_ONLY: Final = "ReadOnly"
_READ_WRITE: Final = "ReadWrite"
_LONGEST: Final = 10_000
"""Characters of a value; the longest of the standard has 2,500."""


@event
class Place:
    """The component that a variable belongs to, as the device model counts it."""

    component: str
    instance: str | None = None
    evse: int | None = None
    connector: int | None = None


@event
class Setting:
    """What one message says of one configuration key or variable; None for what it does not say."""

    name: str
    """The key, or the variable's name."""
    value: str | None
    place: Place | None = None
    """None in 1.6."""
    instance: str | None = None
    """The variable's."""
    attribute: str = ACTUAL
    mutability: str | None = None
    """As in 2.x: `ReadOnly`, `ReadWrite`, `WriteOnly`."""
    unit: str | None = None
    data_type: str | None = None
    least: float | None = None
    most: float | None = None
    choices: str | None = None
    """`valuesList`, as on the wire."""
    is_pending: bool = False
    """It was set, and counts from the next boot on."""

    @property
    def key(self) -> "SettingKey":
        """What settings of one station are told apart by."""
        where = self.place
        place = None if where is None else (where.component, where.instance, where.evse, where.connector)
        return place, self.name, self.instance, self.attribute


SettingKey: TypeAlias = tuple[tuple[str, str | None, int | None, int | None] | None, str, str | None, str]


def settings_told(message: Message) -> Iterator[Setting]:
    """Read what a message says of its station's configuration; nothing for any other message.

    What was asked to be set counts only where the station has accepted it.
    """
    try:
        reader = _READERS.get((message.type, message.action))
    except TypeError:  # an action that cannot be a key
        return
    if reader is not None and message.direction == FROM_STATION:
        yield from reader(message, fields(message.payload))


def _configuration(_: Message, payload: dict[str, Any]) -> Iterator[Setting]:
    for entry in map(fields, items(payload.get("configurationKey"))):
        name, readonly = text(entry.get("key")), entry.get("readonly")
        if name is not None:
            mutability = {True: _READ_ONLY, False: _READ_WRITE}[readonly] if type(readonly) is bool else None
            yield Setting(name, _value(entry.get("value")), mutability=mutability)


def _changed(message: Message, payload: dict[str, Any]) -> Iterator[Setting]:
    status, asked = payload.get("status"), fields(message.call.payload if message.call else None)
    name, value = text(asked.get("key")), _value(asked.get("value"))
    if status in (ACCEPTED, AFTER_REBOOT) and name is not None and value is not None:
        yield Setting(name, value, is_pending=status == AFTER_REBOOT)


def _variables(_: Message, payload: dict[str, Any]) -> Iterator[Setting]:
    for entry in map(fields, items(payload.get("getVariableResult"))):
        if entry.get("attributeStatus") == ACCEPTED:
            yield from _variable(
                entry, _value(entry.get("attributeValue")), _attribute(entry, "attributeType")
            )


def _variables_set(message: Message, payload: dict[str, Any]) -> Iterator[Setting]:
    """Each result names what it is of; the values are in the Call."""
    asked: dict[SettingKey, str | None] = {}
    for entry in map(
        fields, items(fields(message.call.payload if message.call else None).get("setVariableData"))
    ):
        for one in _variable(entry, _value(entry.get("attributeValue")), _attribute(entry, "attributeType")):
            asked[one.key] = one.value
    for entry in map(fields, items(payload.get("setVariableResult"))):
        status = entry.get("attributeStatus")
        for one in _variable(
            entry, None, _attribute(entry, "attributeType"), is_pending=status == AFTER_REBOOT
        ):
            value = asked.get(one.key)
            if status in (ACCEPTED, AFTER_REBOOT) and value is not None:
                yield _with_value(one, value)


def _with_value(one: Setting, value: str) -> Setting:
    return Setting(one.name, value, one.place, one.instance, one.attribute, is_pending=one.is_pending)


def _report(_: Message, payload: dict[str, Any]) -> Iterator[Setting]:
    for entry in map(fields, items(payload.get("reportData"))):
        limits = fields(entry.get("variableCharacteristics"))
        for attribute in map(fields, items(entry.get("variableAttribute"))):
            yield from _variable(
                entry,
                _value(attribute.get("value")),
                _attribute(attribute, "type"),
                mutability=text(attribute.get("mutability")) or _READ_WRITE,  # the default of both versions
                unit=text(limits.get("unit")),
                data_type=text(limits.get("dataType")),
                least=_number(limits.get("minLimit")),
                most=_number(limits.get("maxLimit")),
                choices=text(limits.get("valuesList")),
            )


def _variable(entry: dict[str, Any], value: str | None, attribute: str, **more: Any) -> Iterator[Setting]:
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    of, name = text(component.get("name")), text(variable.get("name"))
    if of is None or name is None:
        return
    evse = fields(component.get("evse"))
    place = Place(of, text(component.get("instance")), whole(evse.get("id")), whole(evse.get("connectorId")))
    yield Setting(name, value, place, text(variable.get("instance")), attribute, **more)


def _attribute(entry: dict[str, Any], name: str) -> str:
    return text(entry.get(name)) or ACTUAL


def _value(value: Any) -> str | None:
    """A value, as a string on the wire; an empty one is one."""
    return value if type(value) is str and len(value) <= _LONGEST else None


def _number(value: Any) -> float | None:
    return value if type(value) in (int, float) else None


_Reader: TypeAlias = Callable[[Message, dict[str, Any]], Iterator[Setting]]
_READERS: Final[Mapping[tuple[int, Any], _Reader]] = {
    (CALLRESULT, "GetConfiguration"): _configuration,
    (CALLRESULT, "ChangeConfiguration"): _changed,
    (CALLRESULT, "GetVariables"): _variables,
    (CALLRESULT, "SetVariables"): _variables_set,
    (CALL, "NotifyReport"): _report,
}
