"""The vocabulary of replay: what is to be played, step by step, and what comes of it.

A script is one station's part of a capture, seen from the side that is played: steps that are ours are sent, steps
that are theirs are waited for. `reading` makes scripts, `player` plays them.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import Closed, Message, Opened, event
from ocppscope.ocpp.difference import Difference

Side: TypeAlias = Literal["station", "csms"]
"""Which one is played."""

Kind: TypeAlias = Literal["call", "answer", "send", "ping", "pong", "damaged", "close"]
Outcome: TypeAlias = Literal["equal", "diverged", "missing", "unexpected"]


@event
class Step:
    """One thing that one of the two sides did."""

    number: int
    """Its place in the script, from 0, over all sessions."""
    n: int
    """The number of its event in the capture."""
    time: int | None
    """When it was recorded, in nanoseconds since the epoch."""
    is_ours: bool
    """It is done by the side that is played; otherwise it is waited for."""
    kind: Kind
    message: Message | None = None
    """Of a call, an answer (CallResult, CallError, CallResultError) or a send."""
    data: bytes = b""
    """Of a ping or a pong its payload; of something damaged its frames."""
    code: int | None = None
    """Of a close."""
    reason: str = ""
    call: int | None = None
    """Of an answer: the number of the step that it answers; None where that is not in the script."""
    answer: int | None = None
    """Of a call: the number of the step that answers it; None where it was never answered."""

    @property
    def action(self) -> str | None:
        """Of its message, as the capture's correlation has it."""
        return self.message.action if self.message else None


@dataclass(slots=True)
class Act:
    """One session of the script: a connection from its handshake to its end."""

    opened: Opened | None
    """Its handshake as it was recorded; None where the capture does not show it."""
    steps: list[Step]
    """In the order of the capture."""
    closed: Closed | None = None
    """How it ended; None where the capture ends first."""
    has_gaps: bool = False
    """Something of it is not in the capture: what it does not show may have been there."""


@dataclass(slots=True)
class Script:
    """What is to be played."""

    station: str | None
    """Its identity in the capture."""
    version: str | None
    """OCPP version: `1.6`, `2.0.1`, `2.1`."""
    side: Side
    acts: list[Act]
    notes: list[str] = field(default_factory=list)
    """What a user should know: what is left out, and what the capture lacks."""
    steps: list[Step] = field(init=False)
    """Of all acts; a step's number is its place here."""

    def __post_init__(self) -> None:
        self.steps = [step for act in self.acts for step in act.steps]


class _Missing:
    """Stands for a message that is not there: None is a payload."""

    def __repr__(self) -> str:
        return "(nothing)"


MISSING: Final = _Missing()


@event
class Comparison:
    """A step of the peer's beside what the peer did now: a row of `replay --json`."""

    step: int | None
    """The number of the step; None for what the capture does not have."""
    n: int | None
    """The number of its event in the capture."""
    action: str | None
    kind: Literal["answer", "call", "send", "close"]
    """What the peer was to do, or did."""
    expected: Any
    """The recorded payload, or for an error `[code, description, details]`; MISSING for what was not expected."""
    actual: Any
    """The peer's; MISSING where nothing came in time."""
    differences: tuple[Difference, ...] = ()
    latency: int | None = None
    """Nanoseconds from our Call to this answer."""

    @property
    def outcome(self) -> Outcome:
        """What to call it."""
        if self.actual is MISSING:
            return "missing"
        if self.expected is MISSING:
            return "unexpected"
        return "diverged" if self.differences else "equal"
