"""Date-times moved to another time, in the form in which they were written.

A station's habits are part of what is replayed: how many digits it gives to a second, whether it says `Z` or
`+00:00` or nothing, whether it puts a space where a T belongs. What is no date-time at all stays as it is.
"""

import re
from datetime import UTC, datetime
from typing import Final

from ocppscope.ocpp.times import SECOND, YEAR_2001, parse

_FORM: Final = re.compile(r"(?:\d{4}-\d\d-\d\d)([Tt ])(?:\d\d:\d\d)(:\d\d)?(?:([.,])(\d+))?(.*)", re.ASCII)
"""Of what `times.parse` reads: the separator, the seconds, the point, the fraction, the zone with what is before."""
_LAST_YEAR: Final = 9999


def shifted(text: str, by: int) -> str:
    """A date-time that much later.

    Args:
        text: as it was recorded.
        by: nanoseconds.

    Returns:
        It in the same form. The same text where it is no date-time, where it is from before 2001 (a clock that
        was never set does not move), or where the year would have more than four digits.
    """
    then, _, _, _, _ = parse(text)
    match = _FORM.fullmatch(text)
    if then is None or match is None or then < YEAR_2001:
        return text
    separator, seconds, point, fraction, zone = match.groups()
    whole, rest = divmod(then + by + _offset(text, then) * SECOND, SECOND)
    try:
        moment = datetime.fromtimestamp(whole, UTC)
    except (ValueError, OverflowError, OSError):
        return text
    if moment.year > _LAST_YEAR:
        return text
    written = moment.strftime(f"%Y-%m-%d{separator}%H:%M{':%S' if seconds else ''}")
    if point:
        # Digits beyond nanoseconds, which nobody measures, stay.
        written += point + f"{rest:09}"[: len(fraction)] + fraction[9:]
    return written + zone


def _offset(text: str, then: int) -> int:
    """Seconds by which what the text says is ahead of UTC: what it says, read as UTC, minus what it means."""
    match = _FORM.fullmatch(text)
    assert match is not None
    local, _, _, _, _ = parse(text[: match.start(5)])
    return 0 if local is None else (local - then) // SECOND
