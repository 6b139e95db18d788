"""The table of living values: `living.toml`, made ready to be looked up by version, message type and action.

A table gives a tree for each kind of payload: names down to the fields that live, `*` for every item of an array,
and at its leaves what the field is. What is not in the tree is nobody's business here.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import CALL, CALLRESULT, SEND, event
from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.paths import FieldPath
from ocppscope.ocpp.schemas import date_times
from ocppscope.ocpp.versions import V16, V21, V201

Coiner: TypeAlias = Literal["station", "csms", "either"]


@event
class Living:
    """What a field that holds a living id is."""

    kind: str
    """Ids of a kind are counted together: `transaction`, `log-request` …"""
    by: Coiner
    """Who coins them."""
    is_renewed: bool
    """What we coin has to be new in each replay."""
    is_new: bool
    """Each message with this field begins a new one."""


@event
class Plain:
    """What a field is that is replaced by its value alone."""

    kind: Literal["token", "identity", "time"]


Field: TypeAlias = Living | Plain
Tree: TypeAlias = Mapping[str, "Tree | Living | Plain"]

_TOKEN: Final = Plain("token")
_IDENTITY: Final = Plain("identity")
_TIME: Final = Plain("time")

_TABLES: Final[Mapping[str, tuple[str, ...]]] = {V16: (V16,), V201: ("2.x",), V21: ("2.x", V21)}
"""The names under which `living.toml` has what a version has."""
_SUFFIX: Final[Mapping[int, str]] = {CALL: "", SEND: "", CALLRESULT: ".answer"}


@cache
def tables() -> Mapping[str, Any]:
    """`living.toml` as it stands."""
    return tomllib.loads(Path(__file__).with_name("living.toml").read_text(encoding="utf-8"))


@cache
def fields(version: str) -> Mapping[str, Field]:
    """What lives in the payloads of a version, date-times aside: by place, as `living.toml` writes it."""
    found: dict[str, Field] = {}
    for name in _TABLES.get(version, ()):
        for kind, row in tables()["living"].get(name, {}).items():
            for is_new in (False, True):
                field = Living(kind, row["by"], row.get("renew", True), is_new)
                found.update(dict.fromkeys(row.get("new" if is_new else "seen", ()), field))
        found.update(dict.fromkeys(tables()["tokens"].get(name, ()), _TOKEN))
        found.update(dict.fromkeys(tables()["identity"].get(name, ()), _IDENTITY))
    return found


def volatile(version: str) -> tuple[str, ...]:
    """The patterns of what is not compared in a version, date-times aside."""
    return tuple(
        pattern for name in _TABLES.get(version, ()) for pattern in tables()["volatile"].get(name, ())
    )


def tree(version: str, message_type: int, action: str | None) -> Tree:
    """What lives in a payload; empty where nothing does, or nothing is known of it."""
    return _tree(version, message_type, action) if action in actions_of(version) else {}


# What is kept is bounded by the actions that there are; names out of a capture are not.
@cache
def _tree(version: str, message_type: int, action: str) -> Tree:
    root: dict[str, Any] = {}
    for path in date_times(version, message_type, action):
        _plant(root, path, _TIME)
    if message_type in _SUFFIX:
        start = f"{action}{_SUFFIX[message_type]}/"
        for place, field in fields(version).items():
            if place.startswith(start):
                _plant(root, tuple(place.removeprefix(start).split("/")), field)
    return root


def _plant(root: dict[str, Any], path: FieldPath, field: Field) -> None:
    node = root
    for part in path[:-1]:
        node = node.setdefault(part, {})
    node[path[-1]] = field


def rewritten(value: Any, of: Tree | Field, write: Callable[[Field, Any], Any]) -> Any:
    """A payload with each of its living scalars rewritten; all else, and the order of keys, stays as it is.

    Args:
        value: the payload, which is not changed.
        of: its tree.
        write: makes the new value of a field from the old one.
    """
    if isinstance(of, Living | Plain):
        return write(of, value) if is_scalar(value) else value
    if not of:
        return value
    if isinstance(value, dict):
        changed = dict(value)
        for key, below in of.items():
            if key in value:
                changed[key] = rewritten(value[key], below, write)
        return changed
    if isinstance(value, list) and "*" in of:
        return [rewritten(item, of["*"], write) for item in value]
    return value


def pairs(recorded: Any, actual: Any, of: Tree | Field) -> Iterator[tuple[Living, Any, Any]]:
    """The living ids that stand at the same place in two payloads: items of arrays by their order."""
    if isinstance(of, Plain):
        return
    if isinstance(of, Living):
        if is_scalar(recorded) and is_scalar(actual):
            yield of, recorded, actual
    elif isinstance(recorded, dict) and isinstance(actual, dict):
        for key, item in recorded.items():
            if key in of and key in actual:
                yield from pairs(item, actual[key], of[key])
    elif isinstance(recorded, list) and isinstance(actual, list) and "*" in of:
        for item, other in zip(recorded, actual, strict=False):
            yield from pairs(item, other, of["*"])


def is_scalar(value: Any) -> bool:
    """Whether a JSON value can be an id, a token or a time."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)
