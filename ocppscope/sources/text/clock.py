"""When: from the ways in which logs write times to nanoseconds since the epoch.

Logs leave out the zone, the date, or the year. What is missing comes from the user, from a line that says it,
from the line before, or from the CSMS's own `currentTime`; what was assumed is kept to be told.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal
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
_ALONE: Final = (rb"(?<![\w:.])", rb"(?![\w:])")
"""Around a time of day: the middle of a MAC address is none."""
STAMP: Final = re.compile(
    b"|".join(
        [*(_NAMED.sub(b"(?:", form.pattern) for form in _FORMS[:4]), _NAMED.sub(b"(?:", _TIME).join(_ALONE)]
    )
)
"""Any of them, to be searched for in a line of an unknown log."""
_UNDATED: Final = date(1904, 1, 1)
"""Where times stand until their day is known: in a leap year, and before 1970, so that they are negative."""
_BEGINNING: Final = date(1970, 1, 1)
_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted from it

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

    A time of which the day, or the year, is not known yet is negative: `dating` makes it what it is, as soon as
    that is known.

    Attributes:
        assumed: what had to be: `zone`, `date`, `year`, and where no line and no answer of the CSMS says the date:
            `date of messages` or `no date`.
        undated: what the times that are negative lack; None where none is.
        dating: what makes a negative time a real one; None while that is not known, and where there is none.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self.assumed: set[str] = set()
        self.dating: Callable[[int], int] | None = None
        self.undated: Literal["date", "year"] | None = None
        self._undated_zone: bytes | None = None
        """The zone that those times say, which is one for all of them."""
        self._has_given_up = False
        self._likely: tuple[int, int, date] | None = None
        """The latest time within a message while the day was not known; and the log's time of day then, and day."""
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
                today, self._rolls = date(int(year), int(month), int(day)), False
                if self.undated:
                    self._settle(self._yesterday_if(today, (int(hour) * 60 + int(minute)) * MINUTE))
                self._day = today
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
        if self.undated and self._day is not None:
            if (day := self._nearest(now, self._last_of_day)) is not None:
                self.assumed.add(self.undated)
                self._settle(day)
                self._day_from_csms = True
            return
        if self._day is None or self._day_from_csms:
            zone = self._zone or UTC
            try:
                self._day = datetime.fromtimestamp(now / SECOND, zone).date()
            except (ValueError, OverflowError, OSError):
                return
            local = datetime.fromtimestamp(now / SECOND, zone)
            self._last_of_day = (local.hour * 60 + local.minute) * MINUTE + local.second * SECOND
            self._day_from_csms = True

    def see_within(self, time: int) -> None:
        """A message that was read last holds a date-time: it may have waited, or the station's clock may be wrong."""
        if self.undated and self._day is not None and (self._likely is None or time > self._likely[0]):
            self._likely = time, self._last_of_day, self._day

    def end(self) -> None:
        """No day comes any more: take that of the messages, or none that means anything."""
        if self.undated is None or self._day is None:
            return
        day, counted = None, self._day
        if self._likely is not None:
            now, of_day, counted = self._likely
            day = self._nearest(now, of_day)
        self.assumed.add("no date" if day is None else "date of messages")
        if day is None:
            day = _BEGINNING if self.undated == "date" else counted.replace(year=_BEGINNING.year + 2)
            counted = _UNDATED if self.undated == "date" else counted
        self._settle(day, counted)

    def give_up(self) -> None:
        """Times have waited for their day too long: those that follow have none either until it is known."""
        self.undated, self._day, self._has_given_up = None, None, True

    def _nearest(self, now: int, of_day: int) -> date | None:
        """The day on which that time of day was nearest to a moment; None for a moment that no calendar has."""
        try:
            zone = self._zone if self._zone is not None and self._undated_zone is None else UTC
            local = datetime.fromtimestamp(now // SECOND, zone).replace(tzinfo=None)
            since = (local - _START) // timedelta(microseconds=1) * 1_000
            return _BEGINNING + timedelta(days=round((since - of_day) / DAY))
        except (ValueError, OverflowError, OSError):
            return None

    def _yesterday_if(self, today: date, of_day: int) -> date:
        """The day of the time before, if this one is of today."""
        return today - timedelta(days=self._last_of_day - of_day > _HALF_DAY)

    def _settle(self, day: date, counted: date | None = None) -> None:
        """It is known that what was counted as one day (None: the last one) is another."""
        counted = counted or self._day
        assert counted is not None
        assert self._day is not None
        shift = day - counted
        years = 0
        if self.undated == "year":
            near = [(abs(_in_year(counted, year) - day), year) for year in range(day.year - 1, day.year + 2)]
            years = min(near)[1] - counted.year

        def dated(one: date) -> date:
            return _in_year(one, one.year + years) if years else one + shift

        def real(time: int) -> int:
            seconds, rest = divmod(time, SECOND)
            local = _START + timedelta(seconds=seconds)
            return self._in_zone(datetime.combine(dated(local.date()), local.time()), said) + rest

        said = self._undated_zone
        self.undated, self._last = None, None
        self._day, self.dating = dated(self._day), real

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
        if self.undated and part.get("Y") is not None:
            self._settle(self._yesterday_if(day, of_day))
        self._day, self._last_of_day = day, of_day
        if self.undated:
            if self._last is not None and self._last < 0 and part.get("z") != self._undated_zone:
                return None
            self._undated_zone = part.get("z")
            local = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001
            return _epoch(local, UTC) + second * SECOND + _nanoseconds(part["f"])
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
            if not month or (self._day is None and self._has_given_up):
                return None
            if self._day is None:
                self.undated = "year"
                return date(_UNDATED.year, month, int(part["D"] or 0))
            if not self.undated:
                self.assumed.add("year")
            found = date(self._day.year, month, int(part["D"] or 0))
            if (self._day - found).days > 182:  # December is over
                found = found.replace(year=found.year + 1)
            elif (found - self._day).days > 182:
                found = found.replace(year=found.year - 1)
            return found
        if self._day is None:
            self._rolls = True
            if self._has_given_up:
                return None
            self.undated = "date"
            return _UNDATED
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


def _in_year(day: date, year: int) -> date:
    """The same day of another year."""
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)


def _epoch(local: datetime, zone: tzinfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp()) * SECOND


def _nanoseconds(fraction: bytes | None) -> int:
    return int(fraction.ljust(9, b"0")) if fraction else 0
