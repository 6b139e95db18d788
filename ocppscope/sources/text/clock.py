"""When: from the ways in which logs write times to nanoseconds since the epoch.

Logs leave out the zone, the date, or the year. What is missing comes from the user, from a line that says it,
from the line before, or from the CSMS's own `currentTime`; what was assumed is kept to be told.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from ocppscope.ocpp.times import DAY, MILLISECOND, MINUTE, SECOND

__all__ = ["STAMP", "Clock", "zone_named"]

_MONTHS: Final = {
    name: n for n, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
_TIME: Final = rb"(?P<h>\d{1,2}):(?P<m>\d\d):(?P<s>\d\d)(?:[.,:](?P<f>\d{1,9}))?"
_ZONE: Final = rb"(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_FORMS: Final = (
    re.compile(rb"(?P<Y>\d{4})[-/](?P<M>\d\d)[-/](?P<D>\d\d)[T \t]+" + _TIME + _ZONE),
    re.compile(rb"(?P<b>[A-Z][a-z]{2})[ /]+(?P<D>\d{1,2}) " + _TIME + _ZONE),
    re.compile(
        rb"(?P<M>\d{1,2})/(?P<D>\d{1,2})/(?P<Y>\d{4}),? " + _TIME + rb"[ \xa0\xe2\x80\xaf]*(?P<p>[AP]M)"
    ),
    re.compile(rb"(?P<D>\d{1,2})[-./](?P<M>\d{1,2})[-./](?P<Y>\d{4}),? " + _TIME + _ZONE),
    re.compile(_TIME),
    re.compile(rb"(?P<e>\d{13})"),
)
_NAMED: Final = re.compile(rb"\(\?P<.>")
STAMP: Final = re.compile(b"|".join(_NAMED.sub(b"(?:", form.pattern) for form in _FORMS[:5]))
"""Any of them, to be searched for in a line of an unknown log."""

_HALF_DAY: Final = DAY // 2
_EPOCH: Final = date(1970, 1, 1).toordinal()
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?")


def zone_named(name: str) -> tzinfo:
    """A time zone: an IANA name (`Europe/Berlin`), `UTC`, `Z`, or an offset (`+02:00`).

    Raises:
        ValueError: there is none of that name.
    """
    if name.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if (match := _OFFSET.fullmatch(name)) is not None:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes >= 24 * 60 or int(match[3] or 0) > 59:
            raise ValueError(name)
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(name) from error


class Clock:
    """Reads the times of one log.

    Args:
        zone: of times that have none; None: not known, UTC is assumed.

    Attributes:
        assumed: what had to be: `zone`, `date`, `year`.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self.assumed: set[str] = set()
        self._zone = zone
        self._day: date | None = None
        """The day of the last time read, or of a header."""
        self._day_from_csms = False
        self._last_of_day = 0
        self._last: int | None = None
        self._minute: tuple[bytes, bytes | None, int] = b"", None, 0
        """The last minute, its zone, and its beginning."""
        self._rolls = False

    @property
    def wants_day(self) -> bool:
        """Whether a time was met that could not be dated."""
        return self._rolls or self._day is None

    def read(self, raw: bytes) -> int | None:
        """The time that `raw` says; None where it says none, or none that can be dated."""
        stem, zone, base = self._minute
        if zone is None and raw[:16] == stem and len(raw) == 23 and raw[19] in b".,":
            # The plain path: `2025-12-23 13:09:59.759`, in the last minute.
            second = int(raw[17:19]) * SECOND
            self._last_of_day += second - self._last_of_day % MINUTE
            self._last = base + second + int(raw[20:]) * MILLISECOND
            return self._last
        match = _FORMS[0].fullmatch(raw)
        if match is None:
            time: int | None = self._odd(raw)
        else:
            year, month, day, hour, minute, seconds, fraction, zone = match.groups()
            if self._minute[:2] != (raw[:16], zone):
                try:
                    base = self._in_zone(datetime(*map(int, (year, month, day, hour, minute))), zone)  # type: ignore[arg-type] # noqa: DTZ001
                except (ValueError, OverflowError):
                    return None
                self._minute = raw[:16], zone, base
                self._day, self._rolls = date(int(year), int(month), int(day)), False
            time = base + int(seconds) * SECOND + _nanoseconds(fraction)
            self._last_of_day = (int(hour) * 60 + int(minute)) * MINUTE + int(seconds) * SECOND
        if time is not None:
            self._last = time
        return time

    def see_date(self, raw: bytes) -> None:
        """A header says the day: of the times that follow, which have none."""
        before = self._last
        self.read(raw)
        self._last = before

    def see_now(self, now: int) -> None:
        """The CSMS says what time it is."""
        if self._day is None or self._day_from_csms:
            zone = self._zone or UTC
            try:
                self._day = datetime.fromtimestamp(now / SECOND, zone).date()
            except (ValueError, OverflowError, OSError):
                return
            local = datetime.fromtimestamp(now / SECOND, zone)
            self._last_of_day = (local.hour * 60 + local.minute) * MINUTE + local.second * SECOND
            self._day_from_csms = True

    def _odd(self, raw: bytes) -> int | None:
        for form in _FORMS[1:]:
            match = form.fullmatch(raw)
            if match is not None:
                try:
                    return self._from(match.groupdict())
                except (ValueError, OverflowError):
                    return None
        return None

    def _from(self, part: dict[str, bytes | None]) -> int | None:
        if (epoch := part.get("e")) is not None:
            return int(epoch) * 1_000_000
        hour, minute, second = (int(part[name] or 0) for name in "hms")
        if part.get("p") is not None:
            hour = hour % 12 + (12 if part["p"] == b"PM" else 0)
        of_day = (hour * 60 + minute) * MINUTE + second * SECOND
        day = self._day_of(part, of_day)
        if day is None:
            return None
        self._day, self._last_of_day = day, of_day
        base = self._in_zone(datetime(day.year, day.month, day.day, hour, minute), part.get("z"))  # noqa: DTZ001
        return base + second * SECOND + _nanoseconds(part["f"])

    def _day_of(self, part: dict[str, bytes | None], of_day: int) -> date | None:
        if part.get("Y") is not None:
            month, day = int(part["M"] or 0), int(part["D"] or 0)
            if month > 12 >= day:
                month, day = day, month
            return date(int(part["Y"] or 0), month, day)
        if part.get("b") is not None:
            month = _MONTHS.get(part["b"] or b"", 0)
            self._rolls = self._rolls or self._day is None
            if self._day is None or not month:
                return None
            self.assumed.add("year")
            found = date(self._day.year, month, int(part["D"] or 0))
            if (self._day - found).days > 182:  # December is over
                found = found.replace(year=found.year + 1)
            elif (found - self._day).days > 182:
                found = found.replace(year=found.year - 1)
            return found
        if self._day is None:
            self._rolls = True
            return None
        if self._day_from_csms:
            self.assumed.add("date")
        if self._last_of_day - of_day > _HALF_DAY:
            return self._day + timedelta(days=1)
        if of_day - self._last_of_day > _HALF_DAY and self._day_from_csms:
            return self._day  # a late line of the day before cannot be told from a quiet day
        return self._day

    def _in_zone(self, local: datetime, zone: bytes | None) -> int:
        if zone is not None and zone not in (b"Z", b"UTC", b"GMT"):
            sign, digits = zone[:1], zone[1:].replace(b":", b"")
            offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
            return _epoch(local, UTC) - (-offset if sign == b"-" else offset) * SECOND
        if zone is not None:
            return _epoch(local, UTC)
        if self._zone is None:
            self.assumed.add("zone")
            return _epoch(local, UTC)
        first, second = _epoch(local, self._zone), _epoch(local.replace(fold=1), self._zone)
        # The hour that comes twice in autumn: time does not go back.
        is_second = first < second and self._last is not None and first < self._last - 2 * MINUTE
        return second if is_second else first


def _epoch(local: datetime, zone: tzinfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp()) * SECOND


def _nanoseconds(fraction: bytes | None) -> int:
    return int(fraction.ljust(9, b"0")) if fraction else 0
