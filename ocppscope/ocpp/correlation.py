"""Which answer belongs to which Call, and which ids a station's two sides have used.

By session, direction and id, never across sessions or stations: a CallResult or CallError answers the most
recent unanswered Call with its id that was sent the other way; a CallResultError the most recent
CallResult; the id `-1` the last open Call (OCPP 2.0.1 part 4 §4.2.3).
"""

from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from dataclasses import replace
from typing import Any, Final

from ocppscope.events import (
    CALLERROR,
    CALLRESULTERROR,
    Closed,
    Direction,
    Fault,
    Message,
)
from ocppscope.ocpp.times import duration

CALL_TIMEOUT: Final = 30_000_000_000
"""Nanoseconds that an answer may take (OCPP 2.0.1 part 4 §3.2 names 30 s; 1.6 errata 3.83 leaves it open)."""
SLOW_ANSWER: Final = 10_000_000_000
OPEN_CALLS: Final = 1_000
"""Unanswered Calls that are kept for one direction of a session."""
_SHADOWED: Final = 10
"""Unanswered Calls with the id of a later one that are kept."""
_LARGE: Final = 1 << 16  # characters of a message that is not kept whole
_NAMED: Final = 5
"""Calls that are named as still waiting."""
_RECENT: Final = 100
_FIRST_SIZE: Final = 8192  # places of an id table: what most captures need, so that it seldom grows
UNKNOWN_ID: Final = "-1"


class IdMemory:
    """The ids of one sender's last 10,000 Calls, in eight bytes each.

    An entry is the upper 40 bits of the id's hash, 16 of the message's and 8 of the session's number, in a table
    with open addressing; a dict would take ten times the room. A full table becomes the old one, and the one
    that was old is forgotten: between 10,000 and 20,000 ids are known.
    """

    CAPACITY: Final = 10_000

    __slots__ = ("_count", "_mask", "_old", "_room", "_table")

    def __init__(self) -> None:
        self._old: array[int] | None = None
        self._begin()

    def _begin(self) -> None:
        self._table = _table(_FIRST_SIZE)
        self._mask = _FIRST_SIZE - 1
        self._room = _FIRST_SIZE * 3 // 4
        self._count = 0

    def see(self, message_id: Hashable, content: int, session: int) -> tuple[bool, bool] | None:
        """Remember an id.

        Args:
            message_id: the id as it was on the wire.
            content: a hash of the whole message.
            session: the session's number.

        Returns:
            Where the id was seen before: whether the last message with it was the same, and whether its
            session was.
        """
        key = hash(message_id) & _KEY or _LEAST  # as _key, which would cost a call
        new = key | content << 8 & _CONTENT | session & _SESSION
        table, mask = self._table, self._mask
        at = key >> 24 & mask
        while entry := table[at]:
            if entry & _KEY == key:
                table[at] = new
                return _sighting(entry, new)
            at = at + 1 & mask
        table[at] = new
        self._count += 1
        if self._old is None and self._count < self._room:
            return None
        entry = _find(self._old, key) if self._old else 0
        if self._count >= self.CAPACITY:
            self._old = table
            self._begin()
        elif self._count >= self._room:
            self._table = _grown(table)
            self._mask = len(self._table) - 1
            self._room = len(self._table) * 3 // 4
        return _sighting(entry, new) if entry else None

    def knows(self, message_id: Hashable, session: int) -> bool:
        """Whether the id is among those remembered, and was last used in that session."""
        key = _key(message_id)
        entry = _find(self._table, key) or (_find(self._old, key) if self._old else 0)
        return entry != 0 and (entry ^ session) & _SESSION == 0


_KEY: Final = 0xFFFFFFFFFF000000
_CONTENT: Final = 0xFFFF00
_SESSION: Final = 0xFF
_LEAST: Final = 1 << 24


def _key(message_id: Hashable) -> int:
    return hash(message_id) & _KEY or _LEAST  # 0 marks an empty place


def _table(size: int) -> "array[int]":
    return array("Q", bytes(8 * size))


def _find(table: "array[int]", key: int) -> int:
    mask = len(table) - 1
    at = key >> 24 & mask
    while entry := table[at]:
        if entry & _KEY == key:
            return entry
        at = at + 1 & mask
    return 0


def _grown(table: "array[int]") -> "array[int]":
    larger = _table(2 * len(table))
    mask = len(larger) - 1
    for entry in table:
        if entry:
            at = entry >> 24 & mask
            while larger[at]:
                at = at + 1 & mask
            larger[at] = entry
    return larger


def _sighting(entry: int, new: int) -> tuple[bool, bool]:
    return (entry ^ new) & _CONTENT == 0, (entry ^ new) & _SESSION == 0


class StationIds(defaultdict[Direction, IdMemory]):
    """The id memories of a station's two sides; they outlive its sessions."""

    def __init__(self) -> None:
        super().__init__(IdMemory)


_OTHER: Final[dict[Direction, Direction]] = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}


class Correlator:
    """The open exchanges of one session."""

    __slots__ = (
        "_asked",
        "_ids",
        "_open",
        "_recent_results",
        "_recent_sends",
        "_resent",
        "_session",
        "_shadowed",
    )

    def __init__(self, session: int, ids: StationIds) -> None:
        self._session = session
        self._ids = ids
        self._open: dict[Direction, dict[Any, Message]] = {"cp-to-csms": {}, "csms-to-cp": {}}
        """By who sent the Call."""
        self._asked = {_OTHER[direction]: calls for direction, calls in self._open.items()}
        """The same, by who is to answer."""
        self._shadowed: dict[tuple[Direction, Any], list[Message]] = {}
        self._resent: set[int] = set()
        """Numbers of Calls that were sent again before an answer came: nobody waits for the first copy."""
        self._recent_results: OrderedDict[tuple[Direction, Any], Message] = OrderedDict()
        self._recent_sends: OrderedDict[tuple[Direction, Any], Message] = OrderedDict()

    def call(self, message: Message) -> tuple[Fault, ...]:
        """Keep a Call until its answer comes.

        Returns:
            What is wrong with its id, or with its being sent now. Where the message is made anew to carry
            this, `amend` must be told.
        """
        direction, key = message.direction, message.id
        raw = message.raw
        if len(raw) > _LARGE:
            message = _light(message)
        if type(key) is not str:
            key = _hashable(key)
        seen = self._ids[direction].see(key, hash(raw), self._session)
        open_calls = self._open[direction]
        if seen is None and not open_calls:
            open_calls[key] = message
            return ()
        faults = []
        if seen is not None:
            faults.append(_reuse(message.id, *seen))
        if seen is None or not seen[0]:
            faults += self._concurrent(message)
        if key in open_calls:
            shadowed = self._shadowed.setdefault((direction, key), [])
            shadowed.append(open_calls.pop(key))
            del shadowed[:-_SHADOWED]
            if seen is not None and seen[0]:
                self._resent.add(shadowed[-1].n)
        open_calls[key] = message
        if len(open_calls) > OPEN_CALLS:
            oldest = next(iter(open_calls))
            del open_calls[oldest]
            self._shadowed.pop((direction, oldest), None)
        return tuple(faults)

    def amend(self, message: Message) -> None:
        """Keep this Call in the place of the one with the same id that came last."""
        self._open[message.direction][_hashable(message.id)] = _light(message)

    def sent(self, message: Message) -> None:
        """Remember a Send, which nobody may answer."""
        _remember(self._recent_sends, message)

    def answer(self, kind: int, direction: Direction, message_id: Any) -> tuple[Message | None, Fault | None]:
        """Find what a CallResult, CallError or CallResultError answers.

        Returns:
            That message, or None, and what is wrong.
        """
        if type(message_id) is not str:
            message_id = _hashable(message_id)
        if kind == CALLRESULTERROR:
            return self._answer_to_result(_OTHER[direction], message_id)
        open_calls = self._asked[direction]
        call = open_calls.pop(message_id, None)
        if call is not None:
            if self._shadowed:
                self._unshadow(_OTHER[direction], message_id)
            return call, None
        if kind == CALLERROR and message_id == UNKNOWN_ID:
            if open_calls:
                last, call = open_calls.popitem()
                self._unshadow(_OTHER[direction], last)
            return call, Fault("rpc.id-unknown", 'the id is "-1": the sender could not read the id')
        return None, self._orphan(_OTHER[direction], message_id)

    def answered(self, message: Message) -> None:
        """Remember a CallResult, which a CallResultError may refer to."""
        _remember(self._recent_results, message)

    def unanswered(self) -> list[Message]:
        """The Calls that are open when the session ends, in the order of their numbers."""
        calls = [call for open_calls in self._open.values() for call in open_calls.values()]
        calls += [call for shadowed in self._shadowed.values() for call in shadowed]
        return sorted(calls, key=lambda call: call.n)

    # --- what is wrong ---

    def _concurrent(self, message: Message) -> list[Fault]:
        """Calls of the same side that are still to be answered; one past its time is no longer waited for."""
        waiting: list[Message] = []
        for call in reversed(self._open[message.direction].values()):
            timed_out = (
                call.time is not None
                and message.time is not None
                and message.time - call.time >= CALL_TIMEOUT
            )
            if timed_out or len(waiting) == _NAMED:
                break
            if call.id != message.id and call.n not in self._resent:
                waiting.append(call)
        if not waiting:
            return []
        nearest = waiting[0]
        detail = f"sent while {nearest.action} ({nearest.id}) was not answered"
        return [Fault("rpc.concurrent", detail, events=tuple(call.n for call in reversed(waiting)))]

    def _answer_to_result(self, asked: Direction, message_id: Any) -> tuple[Message | None, Fault | None]:
        result = self._recent_results.pop((asked, message_id), None)
        if result is not None:
            return result, None
        detail = f"no CallResult with the id {_shown(message_id)} came before it"
        return None, Fault("rpc.orphan-result-error", detail)

    def _orphan(self, asked: Direction, message_id: Any) -> Fault:
        send = self._recent_sends.get((asked, message_id))
        if send is not None:
            return Fault("rpc.answers-send", f"an answer to the Send {_shown(message_id)}", events=(send.n,))
        if self._ids[asked].knows(message_id, self._session):
            return Fault("rpc.answered-twice", f"the Call {_shown(message_id)} was answered before")
        return Fault("rpc.orphan", f"no Call with the id {_shown(message_id)} is open")

    def _unshadow(self, asked: Direction, message_id: Any) -> None:
        shadowed = self._shadowed.get((asked, message_id))
        if shadowed:
            self._open[asked][message_id] = shadowed.pop()
            if not shadowed:
                del self._shadowed[asked, message_id]


def unanswered_fault(call: Message, closed: Closed) -> Fault | None:
    """What to say of a Call that was open at the end; None where the capture ended too early to tell."""
    waited = None if call.time is None or closed.time is None else closed.time - call.time
    seconds = "" if waited is None else f" in {duration(waited)}"
    timed_out = waited is not None and waited >= CALL_TIMEOUT
    if not timed_out and closed.how == "end-of-capture":
        return None
    kind = "rpc.unanswered" if timed_out else "rpc.unanswered-at-close"
    until = "" if closed.how == "end-of-capture" else ", until the connection closed"
    return Fault(kind, f"{call.action} got no answer{seconds}{until}", str(call.action), (call.n,))


def _reuse(message_id: Any, same_message: bool, same_session: bool) -> Fault:
    if same_message:
        return Fault("rpc.retry", f"the same message with the id {message_id!r} was sent before")
    if same_session:
        return Fault("rpc.id-reused", f"the id {message_id!r} was used for another Call of this connection")
    return Fault("rpc.id-reused-later", f"the id {message_id!r} was used for another Call of this station")


def _light(message: Message) -> Message:
    """The message, without what a large one would hold in memory while it waits."""
    return replace(message, raw="", payload=None) if len(message.raw) > _LARGE else message


def _remember(recent: "OrderedDict[tuple[Direction, Any], Message]", message: Message) -> None:
    recent[message.direction, _hashable(message.id)] = _light(message)
    if len(recent) > _RECENT:
        recent.popitem(last=False)


def _hashable(message_id: Any) -> Any:
    """Ids of any JSON type may be looked up; a number is another id than its digits."""
    if type(message_id) is str:
        return message_id
    return type(message_id).__name__, repr(message_id)


def _shown(key: Any) -> str:
    """An id as `_hashable` gives it, for people."""
    return repr(key) if type(key) is str else str(key[1])
