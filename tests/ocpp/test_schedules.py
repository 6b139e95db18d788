import pytest

from ocppscope.ocpp.lenient import NOT_AS_EXPECTED
from ocppscope.ocpp.schedules import clock, in_line, rows


def schedule(*periods, unit="A", **others):
    made = [{"startPeriod": start, **fields} for start, fields in periods]
    return {"chargingRateUnit": unit, "chargingSchedulePeriod": made, **others}


def test_rows_end_where_the_next_begins():
    found = rows(schedule((0, {"limit": 16}), (900, {"limit": 6, "numberPhases": 1}), duration=1800))
    assert [(one.start, one.until, one.says) for one in found] == [
        (0, 900, "16 A"),
        (900, 1800, "6 A, 1 phase"),
    ]
    assert rows(schedule((0, {"limit": 16})))[0].until is None


def test_rows_of_a_schedule_that_says_when_it_starts():
    found = rows(schedule((0, {"limit": 1}), (60, {"limit": 2}), startSchedule="2026-11-22T10:00:00Z"))
    assert [one.at for one in found] == ["2026-11-22T10:00:00.000000Z", "2026-11-22T10:01:00.000000Z"]


@pytest.mark.parametrize(
    ("unit", "fields", "text"),
    [
        ("W", {"limit": 11000, "numberPhases": 3}, "11.0 kW, 3 phases"),
        ("A", {"limit": 16, "limit_L2": 10, "limit_L3": 0}, "16 A (L2, L3: 10, 0)"),
        ("W", {"setpoint": -5000, "dischargeLimit": -7000}, "dischargeLimit -7.0 kW, setpoint -5.0 kW"),
        ("W", {}, "no limit"),
    ],
)
def test_what_a_period_says(unit, fields, text):
    assert rows(schedule((0, fields), unit=unit))[0].says == text


def test_many_periods_in_one_line():
    periods = [(900 * number, {"limit": number}) for number in range(10)]
    assert in_line(schedule(*periods)) == "0:00 0 A, 0:15 1 A, 0:30 2 A, 0:45 3 A, 1:00 4 A, 1:15 5 A, 4 more"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (10, "0:00:10"), (5400, "1:30"), (90000, "1 d 1:00")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    "value", [{}, {"chargingSchedulePeriod": 5, "chargingRateUnit": "A"}, schedule((None, {}))]
)
def test_another_shape(value):
    with pytest.raises(NOT_AS_EXPECTED):
        rows(value)
