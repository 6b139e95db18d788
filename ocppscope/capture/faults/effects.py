"""What each kind of fault does to a message on its way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

import orjson

from ocppscope.capture.faults import edits
from ocppscope.capture.faults.frames import Whole
from ocppscope.events import CALLERROR, CALLRESULT, Damaged, Message, event


@event
class Reply:
    """A text goes back to the sender."""

    text: bytes


@event
class Shut:
    """Close frames go to both sides, and the session is over."""

    code: int
    reason: str


@dataclass(slots=True)
class Parcel:
    """A message on its way, and what has been decided about it."""

    whole: Whole
    text: bytes
    """Its payload, inflated; faults may change it."""
    due: int
    """When it may go out, in ns."""
    is_changed: bool = False
    copies: int = 1
    """How often it goes out; 0 for not at all."""
    stall: int | None = None
    """Nanoseconds between the halves of its bytes."""
    is_held_back: bool = False
    """It goes out after the next message."""
    effect: Reply | Shut | None = None
    """What happens when it is its turn."""


Effect: TypeAlias = Callable[..., str]
"""(parcel, event, random, *arguments of the spec) → what was done, for people."""


def _delay(parcel: Parcel, _event: Message | Damaged, _random: Random, duration: int) -> str:
    parcel.due += duration
    return f"delayed by {_seconds(duration)}"


def _drop(parcel: Parcel, _event: Message | Damaged, _random: Random) -> str:
    parcel.copies = 0
    return "dropped"


def _duplicate(parcel: Parcel, _event: Message | Damaged, _random: Random) -> str:
    parcel.copies += 1
    return f"sent {parcel.copies} times"


def _reorder(parcel: Parcel, _event: Message | Damaged, _random: Random) -> str:
    parcel.is_held_back = True
    return "held back until the next message has gone by"


def _corrupt(parcel: Parcel, _event: Message | Damaged, random: Random) -> str:
    found = edits.corrupt(parcel.text, random)
    if found is None:
        return "not corrupted: there is no byte that could be replaced"
    was, (parcel.text, at) = parcel.text, found
    parcel.is_changed = True
    return f"byte {at} replaced: {chr(was[at])!r} by {chr(parcel.text[at])!r}"


def _close(parcel: Parcel, _event: Message | Damaged, _random: Random, code: int, reason: str) -> str:
    parcel.copies, parcel.effect = 0, Shut(code, reason)
    return f"not passed on, both sides closed with {code}{reason and f' {reason!r}'}"


def _answer(parcel: Parcel, event: Message, _random: Random, code: str, description: str) -> str:
    answer = orjson.dumps([CALLERROR, event.id, code, description, {}])
    parcel.copies, parcel.effect = 0, Reply(answer)
    return f"not passed on, answered with the CALLERROR {code}"


def _replace(parcel: Parcel, event: Message, _random: Random, pointer: str, value: str) -> str:
    payload = 2 if event.type == CALLRESULT else 3
    text = edits.replace(parcel.text.decode(), f"/{payload}{pointer}", value)
    place = pointer or "the payload"
    if text is None:
        return f"nothing replaced: there is no {place}"
    parcel.text, parcel.is_changed = text.encode(), True
    return f"{place} replaced by {value}"


def _stall(parcel: Parcel, _event: Message | Damaged, _random: Random, duration: int) -> str:
    parcel.stall = (parcel.stall or 0) + duration
    return f"stalled in its middle for {_seconds(duration)}"


def _seconds(duration: int) -> str:
    return f"{duration / 1e9:.9f}".rstrip("0").rstrip(".") + " s"


EFFECTS: Final[Mapping[str, Effect]] = {
    "delay": _delay,
    "drop": _drop,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "corrupt": _corrupt,
    "close": _close,
    "answer": _answer,
    "replace": _replace,
    "stall": _stall,
}
LAST: Final = frozenset({"drop", "close", "answer"})
"""After them no other fault acts on the message."""
