"""Date-times in payloads: read leniently, and what is wrong with each said exactly.

OCPP 2.x asks for RFC 3339 with at most three fractional digits (part 2 §3.1), 1.6 for an XML date-time, which
is ISO 8601 (edition 2 §3.15).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ocppscope.events import CALL, FROM_CSMS, FROM_STATION, Direction, Fault
from ocppscope.ocpp.paths import FieldPath, values_at

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000 * MILLISECOND
MINUTE: Final = 60 * SECOND
HALF_HOUR: Final = 30 * MINUTE
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

YEAR_2001: Final = 978_307_200 * SECOND
"""A clock that tells an earlier time was never set."""

AHEAD_TOLERANCE: Final = MINUTE
BEHIND_TOLERANCE: Final = HOUR
"""How old a message's time may be: stations send what they queued."""
SHIFT_TOLERANCE: Final = 90 * SECOND
_LARGEST_ZONE: Final = 28  # half hours

Moment: TypeAlias = tuple[int | None, str, int, str, bool]
"""Nanoseconds since the epoch (UTC assumed where no zone is given; None: no date-time at all); what is wrong
with the form, empty for nothing; fractional digits; the zone as written; whether nothing is to be said of it:
the form is right, the zone is Z, there are at most three fractional digits and it is no default date."""

_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)([Tt ])(\d\d):(\d\d)(?::(\d\d)(?:([.,])(\d+))?)?"
    r"(?:( ?)(Z|z|[+-]\d\d:[0-5]\d|[+-]\d\d[0-5]\d|[+-]\d\d))?",
    re.ASCII,
)
_RFC_3339_ZONE: Final = re.compile(r"Z|z|[+-]\d\d:\d\d", re.ASCII)

NO_ZONE: Final = "no time zone"
ODD_ZONE: Final = "offset without a colon"
NO_DATE_TIME: Final = "no date-time"
SPACE: Final = "a space instead of T"
SPACE_IN_ZONE: Final = "a space before the zone"
COMMA: Final = "a comma in the seconds"
NO_SECONDS: Final = "no seconds"
IMPOSSIBLE: Final = "no such date or time"

_moments: Final[dict[str, Moment]] = {}
"""The latest date-times: the decoder looks at each, and then rules do."""
_MOMENTS: Final = 250
_KEPT: Final = 40
"""Characters of the longest that is remembered."""
_minutes: Final[dict[str, int]] = {}
"""The latest minutes, `2026-11-22T10:15:` and when each began: the clocks of many stations seldom tell more."""
_MINUTES: Final = 1_000


def parse(value: str) -> Moment:
    """Read a date-time. The latest ones, and the minutes that they were in, are remembered."""
    moment = _moments.get(value)
    if moment is not None:
        return moment
    base = _minutes.get(value[:17])
    if base is not None and value[-1] == "Z":
        # `2026-11-22T10:15:00Z` or `2026-11-22T10:15:00.123Z`
        size, digits = len(value), value[17:19] + value[20:-1]
        if digits.isdecimal() and digits < "60" and digits.isascii():
            if size == 24 and value[19] == ".":
                moment = base + int(digits) * MILLISECOND, "", 3, "Z", True
            elif size == 20:
                moment = base + int(digits) * SECOND, "", 0, "Z", True
    if moment is None:
        moment = _parse_any(value)
        if len(value) > _KEPT:
            return moment
    if len(_moments) >= _MOMENTS:
        _moments.clear()
    _moments[value] = moment
    return moment


def _parse_any(value: str) -> Moment:
    match = _FORM.fullmatch(value)
    if match is None:
        return None, NO_DATE_TIME, 0, "", False
    year, month, day, separator, hour, minute, second, point, fraction, gap, zone = match.groups()
    zone = zone or ""
    try:
        base = int(datetime(*map(int, (year, month, day, hour, minute)), tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]
    except ValueError:
        return None, IMPOSSIBLE, 0, zone, False
    offset = _offset(zone)
    if int(second or 0) > 60 or abs(offset) >= 24 * 3600:
        return None, IMPOSSIBLE, 0, zone, False
    if second and zone == "Z" and separator == "T" and base * SECOND >= YEAR_2001:
        if len(_minutes) >= _MINUTES:
            _minutes.clear()
        _minutes[value[:17]] = base * SECOND
    nanoseconds = int((fraction or "0")[:9].ljust(9, "0"))
    time = (base + int(second or 0) - offset) * SECOND + nanoseconds
    wrong, digits = _wrong_form(separator, second, point, gap, zone), len(fraction or "")
    return time, wrong, digits, zone, not wrong and digits <= 3 and zone == "Z" and time >= YEAR_2001


def _offset(zone: str) -> int:
    if zone in ("", "Z", "z"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _wrong_form(separator: str, second: str | None, point: str | None, gap: str | None, zone: str) -> str:
    if separator == " ":
        return SPACE
    if second is None:
        return NO_SECONDS
    if point == ",":
        return COMMA
    if gap:
        return SPACE_IN_ZONE
    if not zone:
        return NO_ZONE
    return "" if _RFC_3339_ZONE.fullmatch(zone) else ODD_ZONE


class _Field:
    """One date-time field of an action's payload."""

    __slots__ = ("is_deadline", "is_timed", "is_top", "item", "name", "path", "pointer")

    def __init__(self, path: FieldPath, own: FieldPath, is_call: bool) -> None:
        self.path = path
        self.name = path[0]
        self.item = path[2] if len(path) == 3 and path[1] == "*" else None
        """The name within the items of an array: the commonest nested form."""
        self.pointer = "/".join(("", *path))
        self.is_top = len(path) == 1
        self.is_deadline = is_call and path[-1] in _LATEST_BY and "idTagInfo" not in path
        """It has to be in the future. A tag in a local list may have expired."""
        self.is_timed = self.is_deadline or (is_call and path == own)
        """It is to be compared with the time of the capture: a deadline, or when the message was made."""

    def values(self, payload: dict[str, Any]) -> list[Any]:
        if self.is_top:
            return [payload.get(self.name)]
        if self.item is None:
            return list(values_at(payload, self.path))
        items = payload.get(self.name)
        return [item.get(self.item) for item in items if type(item) is dict] if type(items) is list else []


class TimeFields:
    """The date-times of one action's payload.

    Args:
        paths: where they are.
        kind: the message type.
        action: the action.
    """

    __slots__ = ("_fields", "_may_be_queued", "_plain")

    def __init__(self, paths: tuple[FieldPath, ...], kind: int, action: str) -> None:
        own = ("meterValue", "*", "timestamp") if action == "MeterValues" else ("timestamp",)
        self._fields = [_Field(path, own, kind == CALL) for path in paths]
        self._plain = [(field.name, field.is_top, field.is_timed, field.values) for field in self._fields]
        """Once more as plain tuples: every message is looked at."""
        self._may_be_queued = action in _QUEUED

    def faults(self, payload: dict[str, Any], time: int | None, direction: Direction) -> tuple[Fault, ...]:
        """What is wrong with the date-times of a payload.

        Args:
            payload: as it was on the wire.
            time: when the message was captured, in ns; None where that is not known.
            direction: who sent it.
        """
        for name, is_top, is_timed, values in self._plain:
            value = payload.get(name)
            if value is None:
                continue
            for text in (value,) if is_top else values(payload):
                if type(text) is str:
                    then, _, _, _, fine = parse(text)
                    if not fine or (
                        is_timed and time is not None and not -MINUTE < then - time < MINUTE  # type: ignore[operator]
                    ):
                        return tuple(self._odd(payload, time, direction))
        return ()

    def _odd(self, payload: dict[str, Any], time: int | None, direction: Direction) -> Iterator[Fault]:
        """The same, where something is to be said."""
        for field in self._fields:
            for value in field.values(payload):
                if type(value) is not str:
                    continue  # absent, or a violation of the schema
                moment = parse(value)
                if not moment[4]:
                    yield from _form_faults(value, moment, field.pointer)
                then = moment[0]
                if field.is_timed and time is not None and then is not None and then >= YEAR_2001:
                    skew = then - time
                    if not -MINUTE < skew < MINUTE:
                        yield from self._skew_faults(field, value, skew, payload, direction)

    def _skew_faults(
        self, field: _Field, value: str, skew: int, payload: dict[str, Any], direction: Direction
    ) -> Iterator[Fault]:
        pointer = field.pointer
        if field.is_deadline:
            if direction == FROM_CSMS and skew < 0:
                detail = f"{pointer} is {value}, {duration(-skew)} before it was sent"
                yield Fault("time.past", detail, pointer)
            return
        if direction != FROM_STATION:
            return
        detail = (
            f"{pointer} is {value}, {duration(abs(skew))} {'after' if skew > 0 else 'before'} it was captured"
        )
        queued = self._may_be_queued or payload.get("offline") is True
        if skew > AHEAD_TOLERANCE:
            yield Fault("time.ahead", detail, pointer)
        elif -skew > BEHIND_TOLERANCE and not queued:
            yield Fault("time.behind", detail, pointer)
        half_hours = round(skew / HALF_HOUR)
        if 0 < abs(half_hours) <= _LARGEST_ZONE and abs(skew - half_hours * HALF_HOUR) < SHIFT_TOLERANCE:
            yield Fault("time.shifted", f"{half_hours / 2:+g} h", str(half_hours))


_LATEST_BY: Final = frozenset(
    {"expiryDate", "expiryDateTime", "retrieveDate", "retrieveDateTime", "installDateTime"}
)
_QUEUED: Final = frozenset(
    {"StartTransaction", "StopTransaction", "MeterValues", "SecurityEventNotification"}
)
"""Kept while the station is offline, and sent later; 2.x marks TransactionEvents only."""


def _form_faults(value: str, moment: Moment, pointer: str) -> Iterator[Fault]:
    then, wrong, digits, zone, _ = moment
    shown = value if len(value) <= 60 else f"{value[:57]}…"
    if wrong:
        yield Fault("time.form", f"{pointer} is {shown!r}: {wrong}", f"{pointer} {wrong}")
    if digits > 3:
        yield Fault("time.fraction", f"{pointer} is {shown!r}: {digits} fractional digits", pointer)
    if zone not in ("Z", "z", ""):
        yield Fault("time.not-utc", f"{pointer} is {shown!r}", pointer)
    if then is not None and then < YEAR_2001:
        yield Fault("time.epoch", f"{pointer} is {shown!r}", pointer)


def duration(nanoseconds: int) -> str:
    """A span of time for people: `340 ms`, `12.5 s`, `3.2 h`."""
    seconds = nanoseconds / SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 or not seconds else "<1 ms"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def timestamp(time: int | None) -> str | None:
    """RFC 3339 in UTC, with microseconds; None for a time that it cannot hold."""
    if time is None:
        return None
    seconds, nanoseconds = divmod(time, SECOND)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # beyond the year 9999
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06}Z"
