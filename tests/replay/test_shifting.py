"""Date-times moved, and their form kept."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.times import DAY, SECOND, parse
from ocppscope.replay.shifting import shifted

HOUR_AND_A_BIT = 3_661_250_000_000


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("2026-11-22T10:15:00Z", "2026-11-22T11:16:01Z"),
        ("2026-11-22T10:15:00.12Z", "2026-11-22T11:16:01.37Z"),
        ("2026-11-22T10:15:00.000000Z", "2026-11-22T11:16:01.250000Z"),
        ("2026-11-22T10:15:00.1234567891Z", "2026-11-22T11:16:01.3734567891Z"),
        ("2026-11-22T10:15:00.000+02:00", "2026-11-22T11:16:01.250+02:00"),
        ("2026-12-31T23:15:00-0800", "2027-01-01T00:16:01-0800"),
        ("2026-11-22T10:15:00,5 +05", "2026-11-22T11:16:01,7 +05"),
        ("2026-11-22 10:15", "2026-11-22 11:16"),
        ("2026-11-22t23:59:60z", "2026-11-23t01:01:01z"),
        ("2026-11-22T10:15:00", "2026-11-22T11:16:01"),
    ],
)
def test_the_form_stays(text, later):
    assert shifted(text, HOUR_AND_A_BIT) == later


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-11-22",
        "2026-13-22T10:15:00Z",
        "20261122T101500Z",
        "1970-01-01T00:00:07Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_what_cannot_move_stays(text):
    assert shifted(text, HOUR_AND_A_BIT) == text


YEAR = 365 * 24 * 3600


def moment_of(seconds):
    return datetime(2002, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


FORMS = st.builds(
    lambda moment, separator, fraction, zone: (
        f"{moment:%Y-%m-%d}{separator}{moment:%H:%M:%S}{fraction}{zone}"
    ),
    st.integers(0, 90 * YEAR).map(moment_of),
    st.sampled_from("Tt "),
    st.sampled_from(["", ".1", ".250", ",5", ".123456789"]),
    st.sampled_from(["", "Z", "z", "+00:00", "+05:30", "-0800", " +01"]),
)
DAYS = st.integers(-200 * DAY, 300 * DAY).map(lambda ns: ns // SECOND * SECOND)


@given(FORMS, DAYS)
def test_there_and_back(text, by):
    later = shifted(text, by)
    assert parse(later)[0] - parse(text)[0] == by
    assert re.sub(r"\d", "0", later) == re.sub(r"\d", "0", text)
    assert shifted(later, -by) == text


@given(FORMS, st.integers(0, 100), st.integers(0, 300 * DAY))
def test_spacing_stays(text, seconds, by):
    other = shifted(text, seconds * SECOND)
    assert parse(shifted(other, by))[0] - parse(shifted(text, by))[0] == seconds * SECOND
