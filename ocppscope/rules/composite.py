"""The limit that a station's charging profiles set, as far as they leave no doubt.

Of several profiles of one purpose the highest stack level counts that is in force; a TxProfile goes before a
TxDefaultProfile; what caps the station caps each connector (OCPP 1.6 edition 2 §3.13.2, §3.13.3; 2.0.1 and 2.1
part 2 K01, "stacking charging profiles").
"""

from collections.abc import Iterable
from typing import Final

from ocppscope.events import event
from ocppscope.ocpp.times import DAY, HOUR, MINUTE, SECOND
from ocppscope.rules.state import StationState
from ocppscope.rules.tables.profiles import (
    ABSOLUTE,
    RECURRING,
    RELATIVE,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    Profile,
    Schedule,
)
from ocppscope.rules.tables.transactions import Transaction

_OTHERS: Final = frozenset({"PriorityCharging", "LocalGeneration"})
"""Purposes of 2.1 that set aside, or add to, what the others allow."""
_EVERY: Final = {"Daily": DAY, "Weekly": 7 * DAY}
_START_IN_DOUBT: Final = 10 * MINUTE
"""A Relative schedule begins with the transaction, or once it charges: not all mean the same."""


class InDoubtError(Exception):
    """What is in force cannot be told."""


@event
class Limit:
    """What one profile allows."""

    value: float
    unit: str
    profile: Profile


def limits(station: StationState, one: Transaction, place: int, since: int, until: int) -> list[Limit]:
    """The limits that held all the time from `since` to `until`, in ns; of changing ones the highest value.

    Args:
        station: whose profiles count.
        one: the transaction that runs there.
        place: its connector (1.6) or EVSE (2.x).
        since: by the station's clock.
        until: the same.
    """
    known = station.profiles
    held = [profile for profile in known.installed.values() if not profile.is_waiting]
    if not all(known.is_known(profile, station) and profile.purpose not in _OTHERS for profile in held):
        return []
    found = []
    of_station = [[profile for profile in held if profile.purpose in STATION_MAX]]
    for candidates in (_of_transaction(held, one, place), of_station):
        try:
            limit = _foremost(candidates, one, since, until)
        except InDoubtError:
            continue
        if limit is not None:
            found.append(limit)
    return found


def _of_transaction(held: list[Profile], one: Transaction, place: int) -> list[list[Profile]]:
    """Groups of which the first with one in force counts."""
    its = [
        profile
        for profile in held
        if profile.purpose == TX
        and (profile.transaction == one.id or (profile.transaction is None and profile.place == place))
    ]
    return [
        its,
        [profile for profile in held if profile.purpose == TX_DEFAULT and profile.place in (0, place)],
    ]


def _foremost(groups: Iterable[list[Profile]], one: Transaction, since: int, until: int) -> Limit | None:
    for group in groups:
        if len({(profile.place, profile.transaction) for profile in group}) > 1:
            raise InDoubtError  # whether one of the station and one of a connector stack is read both ways
        for profile in sorted(group, key=lambda profile: profile.level or 0, reverse=True):
            limit = _in_force(profile, one, since, until)
            if limit is not None:
                return limit
    return None


def _in_force(profile: Profile, one: Transaction, since: int, until: int) -> Limit | None:
    """What a profile allows; None where it is not in force at all."""
    begins, ends = profile.valid_from, profile.valid_to
    if (begins is not None and begins > until) or (ends is not None and ends < since):
        return None
    if (begins is not None and begins > since) or (ends is not None and ends < until):
        raise InDoubtError
    if (
        profile.purpose == TX_DEFAULT
        and one.place[0] is None
        and (one.start is None or one.start.n < profile.n)
    ):
        raise InDoubtError  # 1.6 says that it is for new transactions
    if len(profile.schedules) != 1 or not profile.schedules[0].periods or profile.level is None:
        raise InDoubtError
    schedule = profile.schedules[0]
    if schedule.unit not in ("A", "W"):
        raise InDoubtError
    value = _value(profile, schedule, one, since, until)
    return None if value is None else Limit(value, schedule.unit, profile)


def _value(profile: Profile, schedule: Schedule, one: Transaction, since: int, until: int) -> float | None:
    if profile.kind == RELATIVE:
        return _relative(schedule, one, since, until)
    if schedule.start is None:
        raise InDoubtError
    if profile.kind == ABSOLUTE:
        return _between(schedule, since - schedule.start, until - schedule.start)
    every = _EVERY.get(profile.recurrency or "") if profile.kind == RECURRING else None
    if every is None:
        raise InDoubtError
    # Whether it goes with summer time is not said.
    found = {_recurring(schedule, every, since + shift, until + shift) for shift in (-HOUR, 0, HOUR)}
    if None in found and len(found) > 1:
        raise InDoubtError
    return max((value for value in found if value is not None), default=None)


def _recurring(schedule: Schedule, every: int, since: int, until: int) -> float | None:
    begins = (since - (schedule.start or 0)) % every
    if since < (schedule.start or 0) + HOUR or begins + until - since >= every:
        raise InDoubtError
    return _between(schedule, begins, begins + until - since)


def _relative(schedule: Schedule, one: Transaction, since: int, until: int) -> float | None:
    if len(schedule.periods) != 1:
        raise InDoubtError
    if schedule.duration is not None:
        ends = None if one.started is None else one.started + schedule.duration * SECOND
        if ends is None or (since < ends + _START_IN_DOUBT and until > ends - _START_IN_DOUBT):
            raise InDoubtError
        if since >= ends:
            return None
    return schedule.periods[0][1]


def _between(schedule: Schedule, since: int, until: int) -> float | None:
    """The highest limit from one moment of a schedule to another; None where it does not run at all."""
    ends = None if schedule.duration is None else schedule.duration * SECOND
    if until < 0 or (ends is not None and since >= ends):
        return None
    if since < 0 or (ends is not None and until >= ends):
        raise InDoubtError
    starts = [start * SECOND for start, _ in schedule.periods]
    if starts[0] != 0 or starts != sorted(starts):
        raise InDoubtError
    return max(
        limit
        for (_, limit), begins, stops in zip(schedule.periods, starts, [*starts[1:], until + 1], strict=True)
        if begins <= until and stops > since
    )
