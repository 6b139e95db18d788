"""What a filter can be of messages that are not there yet: true, false, or either."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ocppscope.events import CALL, CALLRESULT, FROM_CSMS, FROM_STATION, SEND, TYPE_NAMES, Direction, Opened
from ocppscope.filter.predicate import matcher
from ocppscope.filter.tree import And, Leaf, Node, Not, Or, Word
from ocppscope.ocpp.decoder import identity_of
from ocppscope.ocpp.versions import SUBPROTOCOLS

Facts: TypeAlias = Mapping[str, Sequence[Any]]
"""By field: everything that `Field.get` can give. What a field that is not in it gives is not known."""

TARGETS: Final[Mapping[str, tuple[int, ...]]] = {
    "answer": (CALL,),
    "replace": (CALL, CALLRESULT, SEND),
}
"""Message types that a kind of fault can act on; the other kinds act on every data message."""


def outcome(node: Node, facts: Facts) -> bool | None:
    """What a filter is of all events that the facts allow; None where it is true of some, or may be."""
    if isinstance(node, Not):
        part = outcome(node.part, facts)
        return None if part is None else not part
    if isinstance(node, And):
        return _all(outcome(part, facts) for part in node.parts)
    if isinstance(node, Or):
        none = _all(_turned(outcome(part, facts)) for part in node.parts)
        return _turned(none)
    return _leaf(node, facts)


def _all(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return False if False in found else None if None in found else True


def _turned(value: bool | None) -> bool | None:
    return None if value is None else not value


def _leaf(leaf: Leaf, facts: Facts) -> bool | None:
    match = matcher(leaf)
    if isinstance(leaf, Word):  # it may also be in the message
        return True if match(tuple(facts.get("station", ()))) else None
    values = facts.get(leaf.field.name)
    if values is None:
        return None
    found = {match(value) for value in values}
    return found.pop() if len(found) == 1 else None


def facts_of(kind: str) -> Facts:
    """What holds of every message that a kind of fault can act on."""
    types = TARGETS.get(kind)
    facts: dict[str, Sequence[Any]] = {"close": ([],), "direction": (FROM_STATION, FROM_CSMS)}
    if types is None:
        facts |= {"event": ("message", "damaged"), "type": (*TYPE_NAMES.values(), None)}
    else:
        facts |= {"event": ("message",), "type": [TYPE_NAMES[kind] for kind in types], "error": (None,)}
    if types == (CALL,):
        facts |= {"latency": (None,)}
    return facts


def facts_of_session(opened: Opened, direction: Direction) -> Facts:
    """What holds of every message that goes one way in a session."""
    session = opened.session
    agreed = SUBPROTOCOLS.get(opened.subprotocol or "")
    version = agreed or (None if session.version_inferred else session.version)
    facts: dict[str, Sequence[Any]] = {
        "direction": (direction,),
        "session": (session.number,),
        "station": (station_of(opened),),
    }
    return facts | ({"version": (version,)} if version else {})


def station_of(opened: Opened) -> str | None:
    """The identity that `Decoder` will give a session's station."""
    return (identity_of(opened.path) if opened.path else None) or opened.session.station
