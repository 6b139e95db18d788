"""The table of sensitive fields: `fields.toml`, made ready to be looked up by name, place, setting and header."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from ocppscope.events import CALL, CALLRESULT, SEND
from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.schemas import schema
from ocppscope.ocpp.versions import V16, V21, V201

SECRET: Final = "secret"  # noqa: S105 - the name of a kind
PLAIN: Final = "plain"
VENDOR: Final = "vendor"
KINDS: Final = (
    "identity", "serial", "sim", "token", "user", "person", "host", "address", "name", "path", "query", "subprotocol",
    "vendor", "also", SECRET,
)  # fmt: skip
"""What a value can be. One that is of several kinds is of the first."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME: Final = 100
"""Characters; what is longer is no name."""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("fields.toml").read_text(encoding="utf-8"))


def _words(*path: str) -> frozenset[str]:
    found: Any = _table()
    for part in path:
        found = found[part]
    return frozenset(found.lower().split())


@cache
def _by_name(section: str) -> Mapping[str, str]:
    return {name: kind for kind in _table()[section] for name in _words(section, kind)}


@lru_cache(maxsize=4096)
def _kind_in(names: str, endings: tuple[str, ...], name: str) -> str | None:
    """The kind of a name, however it is written: `idTag`, `id_tag`, `customer-email`."""
    if len(name) > _LONGEST_NAME:
        return None
    words = [word.lower() for word in _WORDS.findall(name)]
    known = _by_name(names).get(name.lower()) or _by_name(names).get("".join(words))
    if known is not None:
        return known
    ends = ["".join(words[at:]) for at in range(1, len(words))]
    found = (_by_name(section).get(end) for end in ends for section in endings)
    return next((kind for kind in found if kind), None)


@cache
def places() -> Mapping[str, str]:
    """The kind of each place that `fields.toml` names, of all versions."""
    return {
        place: kind
        for section in _table()["places"].values()
        for kind, named in section.items()
        for place in named
    }


def places_of(section: str) -> Iterator[str]:
    """The places of a section, for tests."""
    for named in _table()["places"][section].values():
        yield from named


@cache
def beside(what: str) -> frozenset[str]:
    """The `names` or the `values` that stand side by side in one object, in lower case."""
    return _words("beside", what)


@cache
def removed_headers() -> frozenset[str]:
    return _words("headers", "removed")


@cache
def kept_headers() -> frozenset[str]:
    return _words("headers", "kept")


@cache
def kept_segments() -> frozenset[str]:
    """Segments of a request's path that tell nothing of who somebody is."""
    return _words("paths", "kept")


def rules() -> Mapping[str, str]:
    """Rules that judge what is removed, and what that is."""
    depending: Mapping[str, str] = _table()["rules"]
    return depending


def field_kind(name: str, place: str = "") -> str | None:
    """What a field holds, by its place or else by its name; None where nothing is known against it."""
    kind = places().get(place) or _by_name("names").get(name.lower())
    if kind is not None:
        return kind
    return SECRET if is_secret_name(name) else _kind_in("names", ("endings",), name)


def is_place(place: str) -> bool:
    """Whether the standard has a place: `Authorize/idTag`, `Authorize.answer/idTagInfo/parentIdTag`."""
    action, *path = place.split("/")
    kinds = (CALLRESULT,) if action.endswith(".answer") else (CALL, SEND)
    named = action.removesuffix(".answer")
    roots = (schema(version, kind, named) for version in (V16, V201, V21) for kind in kinds)
    return any(_leads(root, path) for root in roots if root)


def _leads(root: Any, path: list[str]) -> bool:
    node = root
    for part in path:
        node = node.get("items") if part == "*" else node.get("properties", {}).get(part)
        if node is None:
            return False
        if "$ref" in node:
            node = root["definitions"][node["$ref"].rpartition("/")[2]]
    return True


def setting_kind(name: str) -> str | None:
    """What the value of a configuration key, a variable or a parameter is."""
    low = name.lower()
    kind = _by_name("settings").get(low) or _by_name("names").get(low)
    if kind is not None:
        return kind
    if is_secret_name(name):
        return SECRET
    endings = ("endings", "setting-endings")
    return _kind_in("settings", endings, name) or _kind_in("names", endings, name)


@cache
def _secret_words() -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
    return (
        _words("secret-words", "anywhere"),
        _words("secret-words", "last"),
        tuple(_words("secret-words", "inside")),
    )


def is_secret_name(name: str) -> bool:
    """Whether a name is one of a secret: `wifi_password`, `SimPin`, `apiKey`."""
    if len(name) > _LONGEST_NAME:
        return False
    anywhere, last, inside = _secret_words()
    words = [word.lower() for word in _WORDS.findall(name)]
    low = name.lower()
    return bool(words) and (
        not anywhere.isdisjoint(words) or words[-1] in last or any(part in low for part in inside)
    )


@cache
def objects() -> frozenset[str]:
    """Names of the standard's fields that hold objects, in lower case."""
    found: set[str] = set()
    for version in (V16, V201, V21):
        for action in actions_of(version):
            for kind in (CALL, CALLRESULT, SEND):
                root = schema(version, kind, action)
                _collect_objects(root, root, found)
    return frozenset(found)


def _collect_objects(node: Any, root: Any, found: set[str]) -> None:
    if isinstance(node, dict):
        for name, below in node.get("properties", {}).items():
            one = below.get("items", below)
            one = root["definitions"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            if "properties" in one:
                found.add(name.lower())
        for below in node.values():
            _collect_objects(below, root, found)
    elif isinstance(node, list):
        for below in node:
            _collect_objects(below, root, found)


@cache
def common() -> frozenset[str]:
    """Words of OCPP, in lower case: names of fields and actions, values of enumerations. Nobody is found by them."""
    found = set(_words("words", "common"))
    for version in (V16, V201, V21):
        for action in actions_of(version):
            found.add(action.lower())
            for kind in (CALL, CALLRESULT, SEND):
                _collect(schema(version, kind, action), found)
    return frozenset(found)


def _collect(node: Any, found: set[str]) -> None:
    if isinstance(node, dict):
        found.update(name.lower() for name in node.get("properties", {}))
        for value in map(str, node.get("enum", ())):
            found.add(value.lower())
            found.update(value.lower().split("."))  # `Current.Import`
        for below in node.values():
            _collect(below, found)
    elif isinstance(node, list):
        for below in node:
            _collect(below, found)
