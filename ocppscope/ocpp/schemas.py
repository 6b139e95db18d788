"""Payloads against the JSON schemas that the `ocpp` package carries, and what the schemas tell of fields.

A schema is compiled when it is first needed. Date-times are not left to the schema engine: rules look at
them, and say more than that they are wrong.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson

from ocppscope.events import CALL, CALLRESULT, SEND, Message, Violation
from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.paths import FieldPath
from ocppscope.ocpp.versions import V16, V21, V201

MAX_VIOLATIONS: Final = 50
"""Violations told of one message; a payload that breaks its schema more often is broken enough."""
_LARGE: Final = 1 << 16
"""Characters of a message of which not all violations are told: the schema engine makes all of them before it
gives the first, which takes seconds for some megabytes."""

_FOLDERS: Final[Mapping[str, str]] = {V16: "v16", V201: "v201", V21: "v21"}
_SUFFIX: Final[Mapping[tuple[bool, int], str]] = {
    (True, CALL): "",
    (True, CALLRESULT): "Response",
    (False, CALL): "Request",
    (False, SEND): "",
    (False, CALLRESULT): "Response",
}


def schema(version: str, message_type: int, action: str) -> dict[str, Any] | None:
    """The JSON schema of a payload; None where there is none."""
    return _schema(version, message_type, action) if action in actions_of(version) else None


def validator(version: str, message_type: int, action: str) -> jsonschema_rs.Validator | None:
    """The compiled schema of a payload; None where there is none."""
    return _validator(version, message_type, action) if action in actions_of(version) else None


def date_times(version: str, message_type: int, action: str) -> tuple[FieldPath, ...]:
    """Where a payload carries date-times."""
    return _date_times(version, message_type, action) if action in actions_of(version) else ()


# What is kept is bounded by the actions that there are; names out of a capture are not.
@cache
def _schema(version: str, message_type: int, action: str) -> dict[str, Any] | None:
    suffix = _SUFFIX.get((version == V16, message_type))
    if suffix is None:
        return None
    folder = _package() / _FOLDERS[version] / "schemas"
    place = folder / f"{action}{suffix}.json"
    if message_type == SEND:  # its schema's name has no suffix: there is no response
        place = folder / f"{action}.json"
    try:
        loaded: dict[str, Any] = json.loads(place.read_text(encoding="utf-8-sig"))
    except OSError:
        return None
    return loaded


@cache
def _package() -> Path:
    """The folder of the `ocpp` package, which is not imported: only its schemas are used."""
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@cache
def _validator(version: str, message_type: int, action: str) -> jsonschema_rs.Validator | None:
    found = _schema(version, message_type, action)
    return None if found is None else jsonschema_rs.validator_for(found, validate_formats=False)


@cache
def _date_times(version: str, message_type: int, action: str) -> tuple[FieldPath, ...]:
    found = _schema(version, message_type, action)
    return () if found is None else tuple(_find_date_times(found, found, (), frozenset()))


def fits(of: jsonschema_rs.Validator, payload: Any) -> bool:
    """Whether a payload keeps to its schema.

    What nests more deeply than the schema engine reads (255) counts as fitting: only free-form fields can.
    """
    try:
        return of.is_valid(payload)
    except ValueError:
        return True


def violations(of: jsonschema_rs.Validator, payload: Any, size: int = 0) -> tuple[Violation, ...]:
    """Every place, up to MAX_VIOLATIONS, where a payload breaks its schema; of a large one the first.

    Args:
        of: its schema.
        payload: the payload.
        size: of its message, in characters.
    """
    found: list[Violation] = []
    try:
        for error in of.iter_errors(payload) if size <= _LARGE else _first_error(of, payload):
            found.extend(_violations(error))
            if len(found) >= MAX_VIOLATIONS:
                break
    except ValueError:  # as in `fits`
        pass
    return tuple(found[:MAX_VIOLATIONS])


def _first_error(of: jsonschema_rs.Validator, payload: Any) -> Iterator[jsonschema_rs.ValidationError]:
    try:
        of.validate(payload)
    except jsonschema_rs.ValidationError as error:
        yield error


def _violations(error: jsonschema_rs.ValidationError) -> Iterator[Violation]:
    keyword, limit = error.kind.name, error.kind.value
    pointer = pointer_of(error.instance_path)
    where = pointer or "the payload"
    value = error.instance
    if keyword == "additionalProperties":
        for name in limit:
            detail = f"{where} has the field {name!r}, which the schema does not know"
            yield Violation(keyword, f"{pointer}/{_escape(name)}", name, None, detail)
    elif keyword == "required":
        yield Violation(keyword, f"{pointer}/{_escape(limit)}", limit, limit, f"{where} lacks {limit!r}")
    else:
        wanted = _CONSTRAINTS.get(keyword, "{keyword} {limit}").replace("{keyword}", keyword)
        wanted = wanted.replace("{limit}", _options(value, limit))
        yield Violation(keyword, pointer, value, limit, f"{where} is {_short(value)}: {wanted}")


def _options(value: Any, limit: Any) -> str:
    """What the schema asks for; of many values the ones that may have been meant."""
    if not isinstance(limit, list):
        return str(limit)
    from difflib import get_close_matches  # seldom needed, and not quick to import

    options = [str(one) for one in limit]
    near = get_close_matches(str(value)[:_LONGEST_NAME], options, 1, 0.6)
    shown = options if len(options) <= _OPTIONS_SHOWN else [*options[:_OPTIONS_SHOWN], "…"]
    meant = f"; {near[0]} may be meant" if near else ""
    return ", ".join(shown) + meant


_OPTIONS_SHOWN: Final = 9
_LONGEST_NAME: Final = 60


_CONSTRAINTS: Final[Mapping[str, str]] = {
    "type": "it must be of type {limit}",
    "enum": "it must be one of {limit}",
    "const": "it must be {limit}",
    "maxLength": "at most {limit} characters are allowed",
    "minLength": "at least {limit} characters are needed",
    "maxItems": "at most {limit} items are allowed",
    "minItems": "at least {limit} items are needed",
    "maximum": "it must not be above {limit}",
    "minimum": "it must not be below {limit}",
    "multipleOf": "it must be a multiple of {limit}",
}


def general(pointer: str) -> str:
    """A pointer without indexes: what the findings about all items of an array have in common."""
    return "/".join("*" if part.isdecimal() else part for part in pointer.split("/")) or "/"


def is_custom_data_vendor(violation: Violation) -> bool:
    return violation.keyword == "required" and violation.pointer.endswith("/customData/vendorId")


def is_empty_optional(message: Message, violation: Violation) -> bool:
    """Whether a violation is an optional field that is there without a value: null or []."""
    empty = violation.value is None or violation.value == []
    if violation.keyword not in ("type", "enum", "minItems") or not empty or not violation.pointer:
        return False
    return is_optional(message, violation.pointer)


def is_within_empty_optional(message: Message, violation: Violation) -> bool:
    """Whether a violation is only what an optional field lacks that is there as {}."""
    parent = violation.pointer.rpartition("/")[0]
    if violation.keyword != "required" or not parent:
        return False
    node = message.payload
    for part in parent.split("/")[1:]:
        node = node[int(part)] if isinstance(node, list) else node.get(part, ())
    return node == {} and is_optional(message, parent)


def is_optional(message: Message, pointer: str) -> bool:
    """Whether the schema knows a field and does not require it. `*` in the pointer is any item of an array."""
    root = schema(message.session.version or "", message.type, str(message.action)) or {}
    node: dict[str, Any] = root
    optional = False
    for part in pointer.split("/")[1:]:
        while "$ref" in node:
            node = root["definitions"][node["$ref"].rpartition("/")[2]]
        if "items" in node and (part == "*" or part.isdecimal()):
            node, optional = node["items"], False
        else:
            optional = part in node.get("properties", ()) and part not in node.get("required", ())
            node = node.get("properties", {}).get(part, {})
    return optional


def pointer_of(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{_escape(str(part))}" for part in path)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _short(value: Any) -> str:
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # nested more deeply than orjson writes
        text = "an object" if isinstance(value, dict) else "an array"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _find_date_times(
    node: dict[str, Any],
    root: dict[str, Any],
    path: FieldPath,
    within: frozenset[str],
) -> Iterator[FieldPath]:
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference in within:
            return  # a definition that contains itself
        node, within = root["definitions"][reference.rpartition("/")[2]], within | {reference}
    if node.get("format") == "date-time":
        yield path
    for name, child in node.get("properties", {}).items():
        yield from _find_date_times(child, root, (*path, name), within)
    if isinstance(node.get("items"), dict):
        yield from _find_date_times(node["items"], root, (*path, "*"), within)
