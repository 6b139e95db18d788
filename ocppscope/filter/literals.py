"""Numbers, durations, sizes and times as a filter writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ocppscope.ocpp.times import parse

NANOSECONDS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
}
BYTES: Final[Mapping[str, int]] = {
    "": 1,
    "b": 1,
    "kb": 1_000,
    "mb": 1_000_000,
    "gb": 1_000_000_000,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
DAY: Final = NANOSECONDS["d"]

_LONGEST: Final = 400
"""Characters of a number: python does not read thousands of digits."""
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_QUANTITY: Final = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)([^\W\d]*)")
_TIME: Final = re.compile(
    r"(?:(\d{4}-\d\d-\d\d)(?:[Tt ](?=\d)|$))?"
    r"(?:(\d?\d:\d\d(:\d\d(?:\.(\d{1,9}))?)?)([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Span:
    """What a number or a time stands for: itself, or all of a day, a minute, a second …

    Attributes:
        first, last: the values that equal it.
        edge: what is above it is greater.
        daily: it is a time of day, in ns since midnight UTC.
    """

    first: int
    last: int
    edge: int
    daily: bool = False


def number(text: str) -> int | float | None:
    """A number in JSON's form; None for anything else. What has leading zeros is a name."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return None
    return float(text) if match[1] or match[2] else int(text)


def quantity(text: str, units: Mapping[str, int]) -> int | None:
    """A number with a unit, in the smallest unit; None for anything else."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in units:
        return None
    unit = units[match[2].lower()]
    return int(match[1]) * unit if "." not in match[1] else round(float(match[1]) * unit)


def moment(text: str) -> Span | None:
    """A date, a time of day, or both; UTC where no zone is given. None for anything else.

    A date stands for all of the day. A time equals what is within its minute, second or fraction, and is a
    point where values are before or after it.
    """
    match = _TIME.fullmatch(text)
    if match is None or not text:
        return None
    date, clock, seconds, fraction, zone = match.groups()
    padded = "00:00" if clock is None else f"0{clock}" if clock[1] == ":" else clock
    first = parse(f"{date or '1970-01-01'}T{padded}{zone or ''}")[0]
    if first is None:
        return None
    if clock is None:
        return Span(first, first + DAY - 1, first + DAY - 1)
    if date is None:
        first %= DAY
    unit = NANOSECONDS["s"] // 10 ** len(fraction) if fraction else NANOSECONDS["s" if seconds else "min"]
    return Span(first, first + unit - 1, first, date is None)


def point(value: int) -> Span:
    """A value that stands for itself."""
    return Span(value, value, value)
