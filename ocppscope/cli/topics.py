"""What `explain` knows of a word: everything by that name, as records that both text and JSON are made of.

Nothing is told here that stands elsewhere: rules in their registry, fields in the JSON schemas, meanings in
`meanings.toml`, settings in `known_settings`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from ocppscope.events import CALL, CALLRESULT, FROM_STATION, SEND, event
from ocppscope.ocpp import errors
from ocppscope.ocpp.actions import BY_SENDER, SENT_UNANSWERED, actions_of, senders_of, versions_of
from ocppscope.ocpp.annotations import json_type, limits_of, type_of, value_meaning
from ocppscope.ocpp.known_settings import ANY_COMPONENT, KnownSetting, configuration_keys, variables
from ocppscope.ocpp.meanings import meaning, meanings
from ocppscope.ocpp.schemas import schema
from ocppscope.ocpp.security_events import security_events
from ocppscope.ocpp.versions import V2X, V16

Topic: TypeAlias = dict[str, Any]
"""A record: `kind`, `name`, and what there is to say."""
_NEAR: Final = 5
_DEEPEST: Final = 12
"""Levels of fields; the schemas have at most eight."""


def topics_of(word: str) -> list[Topic]:
    """Everything that a word names, whatever the case of its letters."""
    name = word.strip().casefold()
    found = [topic for find in _NAMED_ALONE for topic in find(name)] if name else []
    return found or ([topic for find in _FINDERS for topic in find(name)] if name else [])


def near(word: str) -> list[str]:
    """What may have been meant."""
    from difflib import get_close_matches

    names = _names()
    found = get_close_matches(word.strip().casefold(), names, _NEAR, 0.7)
    return [names[one] for one in found]


@cache
def _names() -> Mapping[str, str]:
    """Every word that can be explained, by its lower case."""
    from ocppscope import rules as _all_rules  # noqa: F401 - declares them
    from ocppscope.rules.registry import RULES

    places, values = _index()
    actions = (action for version in BY_SENDER for action in actions_of(version))
    codes = (code for of in errors.ERROR_CODES.values() for code in of)
    words: Iterable[str] = (
        *RULES,
        *actions,
        *codes,
        *configuration_keys(),
        *(name for _, name in variables()),
        *(component for component, _ in variables() if component != ANY_COMPONENT),
        *(one[0].name for one in places.values()),
        *(found[0][1] for found in values.values()),
        *(value for kind, of in meanings().items() if kind not in ("Action", "CloseCode") for value in of),
    )
    return {word.casefold(): word for word in words}


# --- rules ---


def _rules(name: str) -> Iterator[Topic]:
    """The rule of an id; of the letters that ids begin with, all of theirs."""
    from ocppscope import rules as _all_rules  # noqa: F401 - declares them
    from ocppscope.export.records import rule_record
    from ocppscope.rules.registry import RULES

    by_name = {rule_id.casefold(): one for rule_id, one in RULES.items()}
    if name in by_name:
        one = by_name[name]
        yield {
            "kind": "rule",
            "name": one.id,
            **rule_record(one),
            "looksAt": [looks_at(t) for t in one.triggers],
        }
        return
    group = [one for rule_id, one in by_name.items() if rule_id.partition("-")[0] == name]
    if group:
        listed = [{"rule": one.id, "title": one.title} for one in group]
        yield {"kind": "rules", "name": group[0].id.partition("-")[0], "rules": listed}


_LOOKS_AT: Final[Mapping[str, tuple[str, str]]] = {
    "answer": ("every answer", "answers to {}"),
    "call": ("every Call", "Calls of {}"),
    "error": ("every CallError and CallResultError", "CallErrors to {}"),
    "event": ("every event but messages", "events: {}"),
    "fault": ("whatever the decoder found wrong", "what the decoder found wrong: {}"),
    "notice": ("notes on the capture itself", "notes on the capture itself: {}"),
    "second-sighting": ("a session that is seen twice", "{}"),
    "send": ("every Send", "Sends of {}"),
    "violation": ("payloads that break their schema", "payloads that break their schema: {}"),
}
"""By kind of trigger: in general, and with names."""


def looks_at(trigger: Any) -> str:
    """What sets a rule off, in words."""
    general, of = _LOOKS_AT.get(trigger.kind, (trigger.kind, f"{trigger.kind}: {{}}"))
    names = ", ".join(sorted(map(str, trigger.names)))
    return str(of.format(names)) if names else str(general)


# --- actions ---


def _actions(name: str) -> Iterator[Topic]:
    for action in sorted(
        {one for version in BY_SENDER for one in actions_of(version) if one.casefold() == name}
    ):
        yield {
            "kind": "action",
            "name": action,
            "meaning": meaning("Action", action),
            "versions": {version: _action_in(version, action) for version in versions_of(action)},
        }


def _action_in(version: str, action: str) -> dict[str, Any]:
    ask = SEND if action in SENT_UNANSWERED else CALL
    senders = ["station" if one == FROM_STATION else "CSMS" for one in senders_of(version, action)]
    return {
        "sentBy": sorted(senders),
        "request": _fields_of(version, ask, action),
        "response": None if ask == SEND else _fields_of(version, CALLRESULT, action),
    }


def _fields_of(version: str, kind: int, action: str) -> list[dict[str, Any]]:
    root = schema(version, kind, action) or {}
    return [
        {
            "path": one.path,
            "type": one.type,
            "required": one.required,
            "limits": list(one.limits),
            "enum": list(one.values),
        }
        for one in _walk(version, kind, action, root)
    ]


@event
class Place:
    """A field in the payloads of one kind.

    Attributes:
        version: of OCPP.
        within: the action; of an answer with `Response`.
        path: names down to the field; `[]` stands for the items of an array.
        name: the last of them.
        type: of its JSON; of an array that of its items, with `[]`.
        kind: the name of its type, where it has an enumeration.
    """

    version: str
    within: str
    path: str
    name: str
    type: str
    kind: str
    required: bool
    limits: tuple[str, ...]
    values: tuple[str, ...]


def _walk(version: str, kind: int, action: str, root: dict[str, Any]) -> Iterator[Place]:
    title = f"{action}Response" if kind == CALLRESULT else action
    yield from _below(root, root, version, title, title, "", 0)


def _below(
    node: dict[str, Any], root: dict[str, Any], version: str, title: str, within: str, path: str, depth: int
) -> Iterator[Place]:
    required = node.get("required", ())
    for name, inner in node.get("properties", {}).items():
        if name == "customData":  # everywhere in 2.x, and the same everywhere
            continue
        found, kind = _resolved(inner, root)
        brackets, limits = "", limits_of(found)
        while found.get("type") == "array":
            brackets += "[]"
            found, kind = _resolved(found.get("items", {}), root)
            limits += [f"each {one}" for one in limits_of(found)]
        place = f"{path}{name}{brackets}"
        yield Place(
            version,
            title,
            place,
            name,
            f"{json_type(found)}{brackets}",
            type_of(kind, within, name),
            name in required,
            tuple(limits),
            tuple(map(str, found.get("enum", ()))),
        )
        if depth < _DEEPEST:
            yield from _below(found, root, version, title, name, f"{place}.", depth + 1)


def _resolved(node: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], str]:
    name = node.get("$ref", "").rpartition("/")[2]
    return (root["definitions"][name], name.removesuffix("EnumType")) if name else (node, "")


# --- fields and values ---


@cache
def _index() -> tuple[Mapping[str, list[Place]], Mapping[str, list[tuple[Place, str]]]]:
    """Every field by its name, and every value of an enumeration, all in lower case."""
    places: dict[str, list[Place]] = {}
    values: dict[str, list[tuple[Place, str]]] = {}
    for version in BY_SENDER:
        for action in sorted(actions_of(version)):
            for kind in (SEND,) if action in SENT_UNANSWERED else (CALL, CALLRESULT):
                for place in _walk(version, kind, action, schema(version, kind, action) or {}):
                    places.setdefault(place.name.casefold(), []).append(place)
                    for value in place.values:
                        values.setdefault(value.casefold(), []).append((place, value))
    return places, values


def _fields(name: str) -> Iterator[Topic]:
    found = _index()[0].get(name, [])
    for spelling in dict.fromkeys(one.name for one in found):
        yield {
            "kind": "field",
            "name": spelling,
            "occurs": _occurs(one for one in found if one.name == spelling),
        }


def _occurs(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Where a field is; of a place that several versions have, once."""
    grouped: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in places:
        row = grouped.setdefault(
            (one.within, one.path, one.type),
            {
                "in": one.within,
                "path": one.path,
                "type": one.type,
                "limits": list(one.limits),
                "versions": [],
            },
        )
        row["versions"].append(one.version)
    return list(grouped.values())


def _values(name: str) -> Iterator[Topic]:
    """A value of enumerations: one topic for each type, as it may mean another thing in each."""
    by_type: dict[tuple[str, str], list[Place]] = {}
    for place, value in _index()[1].get(name, []):
        by_type.setdefault((place.kind or place.name, value), []).append(place)
    for (kind, value), places in sorted(by_type.items()):
        yield {
            "kind": "value",
            "name": value,
            "type": kind,
            "meaning": value_meaning(kind, value),
            "occurs": _occurs(places),
        }
    told = {kind for kind, _ in by_type}
    for kind, label in _OPEN_TYPES.items():  # values of types that a schema leaves open
        for value, means in meanings()[kind].items():
            if value.casefold() == name and kind not in told:
                yield {"kind": "value", "name": value, "type": label, "meaning": means, "occurs": []}


_OPEN_TYPES: Final = {
    "ReasonCode": "statusInfo.reasonCode of 2.x",
    "VendorErrorCode": "vendorErrorCode and techCode",
    "IdToken": "idToken.type",
    "UnitOfMeasure": "unit",
    "ChargingLimitSource": "chargingLimitSource",
}

# --- codes, events, settings ---


def _errors(name: str) -> Iterator[Topic]:
    codes = {code for of in errors.ERROR_CODES.values() for code in of if code.casefold() == name}
    for code in sorted(codes):
        versions = [version for version, of in errors.ERROR_CODES.items() if code in of]
        topic = {"kind": "error code", "name": code, "versions": versions, "meaning": errors.meaning_of(code)}
        other = _OTHER_SPELLING.get(code)
        yield topic | ({"otherVersions": other} if other else {})


_OTHER_SPELLING: Final = {
    "FormationViolation": "FormatViolation",
    "FormatViolation": "FormationViolation",
    "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
}
"""1.6 and 2.x spell two codes differently."""


def _close_codes(name: str) -> Iterator[Topic]:
    means = meaning("CloseCode", name)
    if means:
        yield {"kind": "close code", "name": name, "meaning": means, "source": "RFC 6455 §7.4"}
    elif name.isascii() and name.isdigit() and len(name) == 4 and "3000" <= name <= "4999":
        means = (
            "registered by a library or framework"
            if name < "4000"
            else "private: whatever the two sides agreed on"
        )
        yield {"kind": "close code", "name": name, "meaning": means, "source": "RFC 6455 §7.4.2"}


def _security_events(name: str) -> Iterator[Topic]:
    for event_type, one in security_events().items():
        if event_type.casefold() == name:
            yield {
                "kind": "security event",
                "name": event_type,
                "versions": list(one.versions),
                "critical": list(one.critical),
                "meaning": meaning("SecurityEvent", event_type),
            }


def _keys(name: str) -> Iterator[Topic]:
    for one in configuration_keys().values():
        if one.name.casefold() == name:
            record = _setting("configuration key", one)
            yield record | {
                "versions": [V16],
                "profile": one.group,
                "access": one.access,
                "required": one.required,
            }


def _variables(name: str) -> Iterator[Topic]:
    """A variable by its name, with or without its component; or all of a component."""
    component, _, variable = name.rpartition(".")
    for one in variables().values():
        if one.name.casefold() == variable and component in ("", one.group.casefold()):
            yield _setting("variable", one) | {"versions": list(V2X), "component": one.group}
    ones = [
        one for one in variables().values() if one.group.casefold() == name and one.group != ANY_COMPONENT
    ]
    if ones:
        yield {
            "kind": "component",
            "name": ones[0].group,
            "versions": list(V2X),
            "variables": [{"variable": one.name, "meaning": one.says} for one in ones],
        }


def _setting(kind: str, one: KnownSetting) -> Topic:
    return {"kind": kind, "name": one.name, "type": one.type, "unit": one.unit or None, "meaning": one.says}


_Finder: TypeAlias = Callable[[str], Iterator[Topic]]
_NAMED_ALONE: Final[tuple[_Finder, ...]] = (_rules, _close_codes)
"""Nothing else has such names, and all else takes longer to find: it is in the schemas."""
_FINDERS: Final[tuple[_Finder, ...]] = (
    _actions,
    _errors,
    _keys,
    _variables,
    _security_events,
    _values,
    _fields,
)
