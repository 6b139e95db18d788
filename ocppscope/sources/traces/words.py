"""What differs from one writer of traces to the next: names of fields, words for directions, forms of times."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from ocppscope.events import FROM_CSMS, FROM_STATION, Direction
from ocppscope.ocpp import times
from ocppscope.ocpp.versions import SUBPROTOCOLS

MESSAGE_NAMES: Final = "message msg raw frame ocppmessage rawmessage payload data text body".split()
"""Of fields and columns, without case and punctuation, the likeliest first; and so below."""
TIME_NAMES: Final = "timestamp time ts datetime date createdat receivedat loggedat".split()
STATION_NAMES: Final = (
    "chargepointid chargepoint stationid chargingstationid chargingstation station cpid chargeboxid chargebox "
    "chargerid charger deviceid device identity ocppid evseid cp"
).split()
DIRECTION_NAMES: Final = "direction dir flow messagedirection".split()
VERSION_NAMES: Final = "ocppversion version protocol subprotocol".split()

LIKE_A_MESSAGE: Final = re.compile(r'\s*\[\s*"?[2-6]"?\s*,')
"""How an OCPP-J array begins."""


def plain(name: str) -> str:
    """A field's name without case and punctuation: `charge_point_id` and `chargePointId` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def named(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The field that fits the likeliest of some names; None where none does."""
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    return next((by_plain[word] for word in wanted if word in by_plain), None)


# --- directions ---

Side: TypeAlias = Literal["in", "out"]
"""Where a message went, seen from whoever wrote it down."""

_STATION: Final = "(?:cp|cs|chargepoint|chargingstation|station|charger|chargebox|evse|client)"
_CSMS: Final = "(?:csms|centralsystem|server|cms|backend|cpms)"
_TO_CSMS: Final = re.compile(f"(?:from)?{_STATION}(?:to)?{_CSMS}|cp(?:to)?cs|from{_STATION}|to{_CSMS}")
_TO_STATION: Final = re.compile(f"(?:from)?{_CSMS}(?:to)?{_STATION}|cs(?:to)?cp|from{_CSMS}|to{_STATION}")
_SIDES: Final[dict[str, Side]] = {
    **dict.fromkeys("out outgoing outbound send sent sending tx transmit request".split(), "out"),
    **dict.fromkeys("in incoming inbound receive received receiving recv rx response".split(), "in"),
}


@lru_cache(maxsize=1_000)
def direction_of(word: str) -> Direction | None:
    """The direction that a word names: `CS_TO_CSMS`, `CP->CSMS`, `csms-to-cp`; None for any other."""
    bare = re.sub(r"[^a-z]", "", word.lower())
    if _TO_CSMS.fullmatch(bare):
        return FROM_STATION
    return FROM_CSMS if _TO_STATION.fullmatch(bare) else None


@lru_cache(maxsize=1_000)
def side_of(word: str) -> Side | None:
    """What a word such as `Sent` says from where its writer stands; None for any other."""
    return _SIDES.get(re.sub(r"[^a-z]", "", word.lower()))


# --- versions ---


def version_of(value: Any) -> str | None:
    """The OCPP version that a field names: `1.6`, `ocpp1.6`, `OCPP 2.0.1`, `1.6J`; None where it names none."""
    if type(value) is not str:
        return None
    match = re.fullmatch(r"(?:ocpp)?[ -]?(\d(?:\.\d){0,2})j?", value.strip().lower())
    if match is None:
        return None
    return SUBPROTOCOLS.get(f"ocpp{match[1]}", match[1])


# --- times ---

_MILLISECONDS_FROM: Final = 1e11
"""Numbers below are seconds, up to the year 5138; and those from here to 1e14 milliseconds, from 1973 on."""
_MICROSECONDS_FROM: Final = 1e14
_NANOSECONDS_FROM: Final = 1e17
_NUMBER: Final = re.compile(r"\d{1,19}(?:\.\d+)?")
_ZONED: Final = re.compile(r"(?:[zZ]|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\s*\Z")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMMON: Final = (20, 24, 27)
"""Lengths of RFC 3339 in UTC, with seconds, milliseconds, microseconds."""
_read: Final = datetime.fromisoformat


def time_of(value: Any, zone: tzinfo | None = None) -> int | None:
    """Read a time: RFC 3339 and what comes near it, or seconds, milli-, micro- or nanoseconds since the epoch.

    Args:
        value: as it stands in a record.
        zone: that is meant where none is written; None: UTC.

    Returns:
        Nanoseconds since the epoch; None where it is no time.
    """
    if type(value) is str:
        if len(value) in _COMMON and value[-1] == "Z":
            try:
                since = _read(value) - _EPOCH
            except ValueError:
                return None
            return (since.days * 86_400 + since.seconds) * times.SECOND + since.microseconds * 1_000
        return _time_of_text(value.strip(), zone)
    if type(value) in (int, float):
        return _time_of_number(value)
    return None


def lacks_zone(value: Any) -> bool:
    """Whether a time is a text that names no zone."""
    if type(value) is not str or value[-1:] == "Z":
        return False
    return _ZONED.search(value) is None and not _NUMBER.fullmatch(value.strip())


def _time_of_text(text: str, zone: tzinfo | None) -> int | None:
    if _NUMBER.fullmatch(text):
        return _time_of_number(int(text) if text.isdecimal() else float(text))
    if text[4:5] == "/":
        text = text.replace("/", "-", 2)
    time, _, _, written, _ = times.parse(text)
    if time is None or written or zone is None:
        return time
    there = datetime.fromtimestamp(time // times.SECOND, UTC).replace(tzinfo=zone)
    return time - round((there.utcoffset() or timedelta()).total_seconds()) * times.SECOND


def _time_of_number(number: float) -> int | None:
    if not 0 <= number < 1 << 63:
        return None
    if number < _MILLISECONDS_FROM:
        scale = times.SECOND
    elif number < _MICROSECONDS_FROM:
        scale = times.MILLISECOND
    elif number < _NANOSECONDS_FROM:
        scale = 1_000
    else:
        scale = 1
    # A float of seconds holds no more than a tenth of a microsecond.
    return number * scale if type(number) is int else round(number * (scale / 1_000)) * 1_000


# --- times that we write ---


def stamp(time: int | None) -> str | None:
    """A time in RFC 3339, UTC, with as many digits as it takes, three at least; None where that cannot hold it."""
    text = times.timestamp(time)
    if text is None or time is None:
        return None
    below = time % 1_000
    if below:
        return f"{text[:-1]}{below:03}Z"
    return text if time % times.MILLISECOND else f"{text[:-4]}Z"
