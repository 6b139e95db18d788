"""Charging schedules as a small table: what holds from when to when.

Sources: ChargingSchedule and ChargingSchedulePeriod of OCPP 1.6 edition 2 (§7.13, §7.14), 2.0.1 and 2.1 part 2
(§2); a period ends where the next begins, the last with the duration.
"""

from typing import Any, Final

from ocppscope.events import event
from ocppscope.ocpp.lenient import finite, whole
from ocppscope.ocpp.quantities import amount, number
from ocppscope.ocpp.times import SECOND, parse, timestamp

_SHOWN: Final = 6
_DAY: Final = 86_400
_SET: Final = ("limit", "dischargeLimit", "setpoint", "setpointReactive")
"""What a period sets, of which `limit` needs no name."""


@event
class Row:
    """One period.

    Attributes:
        start: seconds from the start of the schedule.
        until: the same; None where nothing ends it.
        at: when that is, where the schedule says when it starts.
        says: what holds: `16 A`, `16 A, 1 phase`.
    """

    start: int
    until: int | None
    at: str | None
    says: str


def rows(schedule: dict[str, Any]) -> list[Row]:
    """The periods of a ChargingSchedule.

    Raises:
        TypeError, ValueError, LookupError, ArithmeticError, AttributeError: it has another shape than the
            standard's.
    """
    periods, unit = schedule["chargingSchedulePeriod"], schedule["chargingRateUnit"]
    begins = parse(schedule["startSchedule"])[0] if isinstance(schedule.get("startSchedule"), str) else None
    starts = [_second(one["startPeriod"]) for one in periods]
    ends: list[int | None] = [*starts[1:], whole(schedule.get("duration"))]
    return [
        Row(
            start,
            until,
            None if begins is None else timestamp(begins + start * SECOND),
            _period(one, str(unit)),
        )
        for start, until, one in zip(starts, ends, periods, strict=True)
    ]


def _second(value: Any) -> int:
    return round(finite(value))


def _period(one: dict[str, Any], unit: str) -> str:
    said = []
    for name in _SET:
        if name not in one:
            continue
        value = amount(finite(one[name]), unit)
        others = [number(finite(one[f"{name}_L{line}"])) for line in (2, 3) if f"{name}_L{line}" in one]
        each = f" (L2, L3: {', '.join(others)})" if others else ""
        said.append(f"{'' if name == 'limit' else f'{name} '}{value}{each}")
    phases = one.get("numberPhases")
    if phases is not None:
        said.append("1 phase" if phases == 1 else f"{number(finite(phases))} phases")
    return ", ".join(said) or "no limit"


def in_line(schedule: dict[str, Any]) -> str:
    """A schedule in one line: `0:00 16 A, 1:00 0 A, ends at 2:00`."""
    found = rows(schedule)
    said = [f"{clock(one.start)} {one.says}" for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        said.append(f"{len(found) - _SHOWN} more")
    if found and found[-1].until is not None:
        said.append(f"ends at {clock(found[-1].until)}")
    return ", ".join(said)


def clock(seconds: int) -> str:
    """Hours and minutes since the start of a schedule, and what is beside: `1:30`, `0:00:10`, `2 d 1:00`."""
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    return f"{f'{days} d ' if days else ''}{hours}:{minutes:02}{f':{left:02}' if left else ''}"
