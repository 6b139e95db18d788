"""Living values: what a replay must not repeat, mapped from what was recorded to what is true now.

An id that the peer coins is learned from the peer, one that we coin is new in each replay; tokens and the
station's identity are replaced as the user asks; date-times move to now. `living.toml` says which field is what.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any, Final

from ocppscope.events import Message, event
from ocppscope.replay.script import Side
from ocppscope.replay.shifting import shifted
from ocppscope.replay.table import Field, Living, Plain, Tree, pairs, rewritten, tree

Fresh = Callable[[str, Any], Any]
"""Coins an id: given its kind and the recorded one."""

_LARGEST: Final = (1 << 31) - 1
"""Of an integer that stations keep in 32 bits."""
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_LONGEST: Final = 36
"""Characters of a transactionId, the shortest of those that are texts (OCPP 2.x)."""
_DIGITS: Final = 12
"""Hexadecimal digits that make a text unlike others."""
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


@event
class Unlearned:
    """An id of the peer's that was sent as it was recorded, since the peer never gave us one for it."""

    kind: str
    value: Any
    n: int
    """The number of the first recorded event that has it."""
    action: str | None

    @property
    def detail(self) -> str:
        """For people, in a line."""
        kind = self.kind.replace("-", " ")
        return (
            f"event {self.n} ({self.action}) carries {kind} id {self.value} as it was recorded: "
            "the peer has given none for it"
        )


def fresh_values(random: Random) -> Fresh:
    """Ids that no other replay uses, of the JSON type and the form of the recorded ones.

    Integers are positive and have at most 31 bits. A UUID becomes another UUID; any other text keeps its
    beginning, so that it can be recognised in a log, and is at most 36 characters long. What is neither an
    integer nor a text stays.
    """
    seen: set[Any] = set()

    def fresh(_: str, recorded: Any) -> Any:
        if isinstance(recorded, bool) or not isinstance(recorded, int | str):
            return recorded
        seen.add(recorded)
        value = _like(recorded, random)
        while value in seen:
            value = _like(recorded, random)
        seen.add(value)
        return value

    return fresh


def _like(recorded: int | str, random: Random) -> int | str:
    if isinstance(recorded, int):
        return random.randint(1, _LARGEST)
    if _UUID.fullmatch(recorded):
        made = str(uuid.UUID(int=random.getrandbits(128), version=4))
        return made.upper() if recorded.isupper() else made
    return f"{recorded[: _LONGEST - _DIGITS - 1]}-{random.getrandbits(4 * _DIGITS):0{_DIGITS}x}"


class LivingValues:
    """The map of one replay, from recorded values to those of now.

    Args:
        version: OCPP version.
        side: which side we play.
        tokens: idTags and idTokens to use in place of recorded ones. They are compared without regard to case,
            as the standard has them.
        identity: the station's, as recorded and as it is now; None where it is not known.
        keep_times: leave date-times as they were recorded.
        fresh: coins an id of ours.
    """

    def __init__(
        self,
        version: str,
        side: Side,
        *,
        tokens: Mapping[str, str] = _NOBODY,
        identity: tuple[str | None, str | None] = (None, None),
        keep_times: bool = False,
        fresh: Fresh,
    ) -> None:
        self.version = version
        self.unlearned: list[Unlearned] = []
        """One for each id."""
        self._side = side
        self._tokens = {old.casefold(): new for old, new in tokens.items()}
        self._identity = identity
        self._keep_times = keep_times
        self._fresh = fresh
        self._live: dict[tuple[str, str], tuple[Any, Any]] = {}
        """The recorded and the live id, by kind and text of the recorded one."""
        self._noted: set[tuple[str, str]] = set()

    def outgoing(self, message: Message, call: Message | None, now: int) -> Any:
        """What to send for a recorded message of ours.

        Args:
            message: as it was recorded.
            call: the recorded Call that it answers, if it does.
            now: nanoseconds since the epoch.

        Returns:
            Its payload, of an error `[code, description, details]`; all that does not live as it was recorded.
        """
        if message.error is not None:
            return said(message)
        action = message.action or (call.action if call else None)
        by = 0 if self._keep_times or message.time is None else now - message.time

        def write(field: Field, value: Any) -> Any:
            if isinstance(field, Living):
                return self._ours(field, value, message.n, action)
            if field.kind == "time":
                return shifted(value, by) if by and isinstance(value, str) else value
            return self._replaced(field, value)

        return rewritten(message.payload, tree(self.version, message.type, action), write)

    def learn(self, recorded: Message, actual: Any) -> None:
        """Take the ids that the peer coins out of what it said.

        Args:
            recorded: what its message stands for.
            actual: its payload. Of an error there is nothing to learn.
        """
        for field, old, live in pairs(recorded.payload, actual, self.tree(recorded)):
            is_theirs = field.by != self._side
            if is_theirs and (field.is_new or not self._is_known(field, old)):
                self._live[_key(field, old)] = old, live

    def expected(self, recorded: Message) -> Any:
        """What the peer is to say where it said a recorded message: the same, with the values of now.

        Date-times are those of then: they are not to be compared.

        Returns:
            The payload, of an error `[code, description, details]`.
        """
        if recorded.error is not None:
            return said(recorded)
        return rewritten(recorded.payload, self.tree(recorded), self._theirs)

    def tree(self, message: Message) -> Tree:
        """Where the payload of a message has what lives."""
        return tree(self.version, message.type, message.action)

    def is_settled(self, field: Field, value: Any) -> bool:
        """Whether a recorded value has a counterpart by now that the peer's can be compared with."""
        if isinstance(field, Living):
            return self._is_known(field, value)
        return field.kind != "time"

    def _theirs(self, field: Field, value: Any) -> Any:
        return self._known(field, value) if isinstance(field, Living) else self._replaced(field, value)

    def _ours(self, field: Living, value: Any, n: int, action: str | None) -> Any:
        if self._is_known(field, value):
            return self._known(field, value)
        if field.by in (self._side, "either"):
            live = self._fresh(field.kind, value) if field.is_renewed else value
            self._live[_key(field, value)] = value, live
            return live
        self._note(field, value, n, action)
        return value

    def _note(self, field: Living, value: Any, n: int, action: str | None) -> None:
        """Say that an id stays as recorded; of 0 and less, which many stations send for none, say nothing."""
        key = _key(field, value)
        is_none = isinstance(value, int) and value <= 0
        if key not in self._noted and not is_none:
            self._noted.add(key)
            self.unlearned.append(Unlearned(field.kind, value, n, action))

    def _is_known(self, field: Living, value: Any) -> bool:
        return _key(field, value) in self._live

    def _known(self, field: Living, value: Any) -> Any:
        """The live id, or the recorded one; where a side has written it as another type it goes on doing so."""
        recorded, live = self._live.get(_key(field, value), (value, value))
        return live if type(value) is type(recorded) else _as(type(value), live)

    def _replaced(self, field: Plain, value: Any) -> Any:
        if field.kind == "token" and isinstance(value, str):
            return self._tokens.get(value.casefold(), value)
        old, new = self._identity
        return new if field.kind == "identity" and new is not None and value == old else value


def said(message: Message) -> Any:
    """What a message says: its payload, or of an error `[code, description, details]`."""
    error = message.error
    return message.payload if error is None else [error.code, error.description, error.details]


def _key(field: Living, value: Any) -> tuple[str, str]:
    """1, 1.0 and "1" are the same id: sides that mix up the types of ids still mean the same."""
    whole = isinstance(value, float) and value.is_integer()
    return field.kind, str(int(value) if whole else value)


def _as(kind: type, value: Any) -> Any:
    """A value as another JSON type; as it is where it cannot be."""
    try:
        return kind(value)
    except ValueError:
        return value
