"""Date-times moved to another time, in the form in which they were written.

A station's habits are part of what is replayed: how many digits it gives to a second, whether it says `Z` or
`+00:00` or nothing, whether it puts a space where a T belongs. What is no date-time at all stays as it is.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from ocppscope.ocpp.times import SECOND, YEAR_2001, parse

_FORM: Final = re.compile(r"(?:\d{4}-\d\d-\d\d)([Tt ])(?:\d\d:\d\d)(:\d\d)?(?:([.,])(\d+))?(.*)", re.ASCII)
"""Of what `times.parse` reads: the separator, the seconds, the point, the fraction, the zone with what is before."""
_LAST_YEAR: Final = 9999
_LONGEST: Final = 64
"""Characters of what is remembered."""
_UTC: Final = frozenset({"Z", "z", ""})


def shifted(text: str, by: int) -> str:
    """A date-time that much later.

    Args:
        text: as it was recorded.
        by: nanoseconds.

    Returns:
        It in the same form. The same text where it is no date-time, where it is from before 2001 (a clock that
        was never set does not move), or where the year would have more than four digits.
    """
    form = _read(text) if len(text) <= _LONGEST else _read.__wrapped__(text)
    if form is None:
        return text
    local, separator, has_seconds, point, fraction, zone = form
    whole, rest = divmod(local + by, SECOND)
    written = _written(whole, separator, has_seconds)
    if written is None:
        return text
    if point:
        # Digits beyond nanoseconds, which nobody measures, stay.
        written += point + f"{rest:09}"[: len(fraction)] + fraction[9:]
    return written + zone


_Form: TypeAlias = tuple[int, str, bool, str, str, str]
"""What it says, read as UTC, in nanoseconds; the separator; whether there are seconds; the point, or nothing; the
fraction; the zone."""


@lru_cache(maxsize=1024)  # clones say the same again and again
def _read(text: str) -> _Form | None:
    then, _, _, _, _ = parse(text)
    match = _FORM.fullmatch(text)
    if then is None or match is None or then < YEAR_2001:
        return None
    separator, seconds, point, fraction, zone = match.groups()
    said = then if zone in _UTC else parse(text[: match.start(5)])[0]
    return then if said is None else said, separator, bool(seconds), point or "", fraction or "", zone


@lru_cache(maxsize=64)  # there is one second at a time
def _written(seconds: int, separator: str, has_seconds: bool) -> str | None:
    """Date and time; None where the year would have more than four digits."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if moment.year > _LAST_YEAR:
        return None
    return moment.strftime(f"%Y-%m-%d{separator}%H:%M{':%S' if has_seconds else ''}")
