"""A peer's message beside the recorded one: what differs, and how alike they are.

Living values are compared through the map; what is volatile (date-times, measured values, what is made anew each
time: `living.toml` lists it) and what the user ignores is not compared. Of errors only the code counts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import orjson

from ocppscope.events import CALL, CALLRESULT, SEND, Message
from ocppscope.ocpp.actions import BY_SENDER, actions_of, versions_of
from ocppscope.ocpp.difference import Difference, differences
from ocppscope.ocpp.paths import FieldPath
from ocppscope.ocpp.schemas import date_times
from ocppscope.replay.living import LivingValues
from ocppscope.replay.table import Living, Plain, Tree, is_scalar, volatile

Pattern: TypeAlias = tuple[str | None, FieldPath]
"""An action, None for any, and where in its payload; `*` is any item of an array."""

_CODE: Final = "/0"
"""Where an error has its code."""


def pattern(text: str) -> Pattern:
    """Read what is not to be compared.

    Args:
        text: `/currentTime` in any message; `BootNotification/interval` in those of one action. It is a JSON
            pointer (RFC 6901) in which `*` stands for any item of an array; what is below goes with it.

    Raises:
        ValueError: it is not that, or no version of OCPP knows the action.
    """
    action, slash, pointer = text.partition("/")
    if not slash:
        example = f"/{text or 'currentTime'}"
        raise ValueError(
            f"{text!r} is no pointer: write {example} for a field of any message, BootNotification/interval "
            "for one of an action"
        )
    path = pointer.split("/")
    if pointer.replace("~0", "").replace("~1", "").count("~") or "" in path:
        raise ValueError(
            f"{text!r} is no pointer: names stand between single slashes, with ~ written as ~0 and / as ~1"
        )
    if action and not versions_of(action):
        raise ValueError(f"{text!r}: no version of OCPP has an action {action!r}{_meant(action)}")
    return action or None, tuple(map(_unescaped, path))


def _meant(action: str) -> str:
    from difflib import get_close_matches  # seldom needed, and not quick to import

    near = get_close_matches(action, {name for version in BY_SENDER for name in actions_of(version)}, 1)
    return f"; {near[0]} may be meant" if near else ""


class Comparer:
    """Compares what the peer says now with what was recorded.

    Args:
        living: the map.
        ignore: what is not to be compared besides, as `pattern` reads it.

    Raises:
        ValueError: one of them is no pattern.
    """

    def __init__(self, living: LivingValues, ignore: Sequence[str] = ()) -> None:
        self._living = living
        self._patterns = [pattern(text) for text in (*volatile(living.version), *ignore)]
        self._ignored = cache(self._ignored_of)

    def differences(self, recorded: Message, actual: Any) -> tuple[Difference, ...]:
        """What differs, in the order of the recorded message; `LivingValues.learn` comes first.

        Args:
            recorded: what the peer's message stands for.
            actual: the peer's payload; of an error `[code, description, details]`. A result in place of an
                error, or the reverse, is one difference at the pointer "".
        """
        expected = self._living.expected(recorded)
        if _is_written_alike(expected, actual):
            return ()
        found = differences(expected, actual)
        if recorded.error is not None:
            return tuple(one for one in found if one.pointer in ("", _CODE))
        paths = self._paths(recorded)
        return tuple(one for one in found if not _is_below_any(_path(one.pointer), paths))

    def likeness(self, recorded: Message, payload: Any) -> float:
        """How alike a Call of the peer's is to a recorded one of its action.

        Ids count only where it is known by now what they stand for: `RequestStopTransaction` is told by its
        transaction. Items of arrays count wherever they stand.

        Returns:
            From 0 to 1: the share of leaves that are equal, volatile ones aside.
        """
        paths = self._paths(recorded)
        aside = frozenset(self._unsettled(recorded.payload, self._living.tree(recorded), ()))
        before = _leaves(self._living.expected(recorded), paths, aside)
        after = _leaves(payload, paths, aside)
        total = before.total() + after.total()
        return 2 * (before & after).total() / total if total else 1.0

    def _paths(self, recorded: Message) -> tuple[FieldPath, ...]:
        # A name out of a capture is kept only if it is an action: that bounds what is cached.
        action = recorded.action if recorded.action in actions_of(self._living.version) else None
        if action is None:
            return self._ignored_of(recorded.type, recorded.action)
        return self._ignored(recorded.type, action)

    def _ignored_of(self, message_type: int, action: str | None) -> tuple[FieldPath, ...]:
        known = message_type in (CALL, SEND, CALLRESULT) and action is not None
        times = date_times(self._living.version, message_type, action) if known and action else ()
        return (*times, *(path for name, path in self._patterns if name in (None, action)))

    def _unsettled(self, value: Any, of: Tree | Living | Plain, path: FieldPath) -> Iterator[FieldPath]:
        """Where a recorded payload has what the peer's cannot be compared with."""
        if isinstance(of, Living | Plain):
            if is_scalar(value) and not self._living.is_settled(of, value):
                yield path
        elif isinstance(value, dict):
            for key in value.keys() & of.keys():
                yield from self._unsettled(value[key], of[key], (*path, key))
        elif isinstance(value, list) and "*" in of:
            for item in value:
                yield from self._unsettled(item, of["*"], (*path, "*"))


def _is_written_alike(one: Any, other: Any) -> bool:
    """Whether two values are surely equal: most answers are."""
    try:
        return orjson.dumps(one) == orjson.dumps(other)
    except TypeError:  # what it does not write: a closer look is taken
        return False


def _leaves(
    value: Any, ignored: Iterable[FieldPath], aside: frozenset[FieldPath]
) -> Counter[tuple[Any, ...]]:
    """How often each value stands at each path, in which `*` is for any item."""
    found: Counter[tuple[Any, ...]] = Counter()
    skipped: dict[FieldPath, bool] = {}
    left: list[tuple[FieldPath, Any]] = [((), value)]
    while left:
        path, node = left.pop()
        is_skipped = skipped.get(path)
        if is_skipped is None:
            is_skipped = skipped[path] = path in aside or _is_below_any(path, ignored)
        if is_skipped:
            continue
        if node and isinstance(node, dict):
            left.extend(((*path, key), item) for key, item in node.items())
        elif node and isinstance(node, list):
            below = (*path, "*")
            left.extend((below, item) for item in node)
        else:
            found[path, str(node) if isinstance(node, dict | list) else node, isinstance(node, bool)] += 1
    return found


def _is_below_any(path: FieldPath, patterns: Iterable[FieldPath]) -> bool:
    return any(
        len(one) <= len(path) and all(a in ("*", b) for a, b in zip(one, path, strict=False))
        for one in patterns
    )


def _path(pointer: str) -> FieldPath:
    return tuple(_unescaped(part) for part in pointer.split("/")[1:])


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
