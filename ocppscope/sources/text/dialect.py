"""What a log dialect is, and the register of all: each is one module of `dialects`, which is found by being there.

A dialect only dates, names and directs what the scanner finds: it is a regular expression over what stands
before a message on its line, and a few words.
"""

import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Final, Literal, TypeAlias

from ocppscope.events import FROM_CSMS, FROM_STATION, Direction
from ocppscope.sources.text.scanner import Mark

__all__ = [
    "DAY_TIME",
    "FROM_CSMS",
    "FROM_STATION",
    "IN",
    "OUT",
    "TIME",
    "UNSENT",
    "Dialect",
    "Mark",
    "Side",
    "Word",
    "all_dialects",
    "mark",
]

Side: TypeAlias = Literal["station", "csms"]
Word: TypeAlias = Literal["in", "out", "unsent"] | Direction
"""What a dialect's word says: relative to the side that logs, or in itself."""
IN: Final = "in"
OUT: Final = "out"
UNSENT: Final = "unsent"
"""The message was to be sent, and never was."""

TIME: Final = rb"(?P<time>\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?)"
"""A time of day, as patterns of dialects have it."""
DAY_TIME: Final = (
    rb"(?P<time>\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)"
)
"""A date and a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How one program logs messages.

    Attributes:
        name: for `--dialect`.
        title: for people.
        head: what stands before a message on its line, up to it. Groups, each optional: `time`, `station`,
            `connection` (its number; another one is another session), `word`.
        words: what each word says of the direction.
        logged_by: the side that logs, where only one can; None where messages have to show it.
        marks: lines that say something without holding a message.
        continued: what begins a line that goes on with the message of the line before.
        elides: it leaves out the middle of long messages.
        entities: it writes `<` and `>` of messages as HTML does, and nothing else.
        repeats: it logs one message more than once, in the same words.
        rank: dialects with a higher one are asked first.
    """

    name: str
    title: str
    head: re.Pattern[bytes]
    words: Mapping[bytes, Word] = field(default_factory=dict)
    logged_by: Side | None = None
    marks: tuple[Mark, ...] = ()
    continued: tuple[re.Pattern[bytes], ...] = ()
    elides: bool = False
    entities: bool = False
    repeats: bool = False
    rank: int = 0


def mark(says: str, needle: bytes, pattern: bytes, *, goes_on: bool = False) -> Mark:
    """A mark; `pattern` is searched for in the line."""
    return Mark(needle, re.compile(pattern), says, goes_on)


@cache
def all_dialects() -> Mapping[str, Dialect]:
    """Every dialect by its name, in the order in which they are asked."""
    from ocppscope.sources.text import dialects

    found: list[Dialect] = []
    for module in pkgutil.iter_modules(dialects.__path__):
        found += getattr(import_module(f"{dialects.__name__}.{module.name}"), "DIALECTS", ())
    found.sort(key=lambda one: (-one.rank, one.name))
    return {one.name: one for one in found}
