"""How fast a script is played."""

import re
from dataclasses import dataclass
from typing import Final, Literal

_TIMES: Final = re.compile(r"x([0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """What becomes of the time that lay between two messages, and what is waited for."""

    speed: float | None = 1.0
    """How many times as fast as recorded; None: no gaps."""
    max_gap: int = 5 * _SECOND
    """Nanoseconds that a gap takes at most."""
    waits_for_peer: bool = True
    """What the peer did of itself is waited for; otherwise only its answers are."""

    def gap(self, recorded: int) -> int:
        """The nanoseconds to wait for so many that were recorded."""
        if self.speed is None or recorded <= 0:
            return 0
        return min(int(recorded / self.speed), self.max_gap)


def parse_pace(text: str, max_gap: int = 5 * _SECOND) -> Pace:
    """Read `recorded`, `answer`, `asap` or `xN`.

    Raises:
        ValueError: it is none of them.
    """
    named: dict[str, tuple[float | None, Literal[True, False]]] = {
        "recorded": (1.0, True),
        "answer": (None, True),
        "asap": (None, False),
    }
    if text in named:
        speed, waits = named[text]
        return Pace(speed, max_gap, waits)
    match = _TIMES.fullmatch(text)
    if match is None or not float(match[1]):
        raise ValueError(
            f"{text!r} is no pace: expected recorded, answer, asap, or a factor such as x10 or x0.5"
        )
    return Pace(float(match[1]), max_gap)
