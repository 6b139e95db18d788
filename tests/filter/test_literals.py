import pytest

from ocppscope.filter.literals import BYTES, DAY, NANOSECONDS, Span, moment, number, quantity

MINUTE, SECOND = 60_000_000_000, 1_000_000_000
DATE = 1_795_305_600_000_000_000  # 2026-11-22
TEN_15 = (10 * 60 + 15) * MINUTE


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-0.5", -0.5), ("1e3", 1000.0), ("0", 0), ("1e999", float("inf")), ("9" * 30, int("9" * 30))],
)
def test_numbers(text, value):
    assert number(text) == value
    assert type(number(text)) is type(value)


@pytest.mark.parametrize("text", ["", "007", "+1", "1.", ".5", "0x1f", "1_000", "١", "NaN", "1 ", "9" * 401])
def test_what_is_no_number(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("1.5us", 1_500),
        ("2µs", 2_000),
        ("340ms", 340_000_000),
        ("10S", 10 * SECOND),
        ("0.1s", SECOND // 10),
        ("5min", 5 * MINUTE),
        ("2h", 120 * MINUTE),
        ("1d", DAY),
    ],
)
def test_durations(text, nanoseconds):
    assert quantity(text, NANOSECONDS) == nanoseconds


def test_sizes():
    assert [quantity(text, BYTES) for text in ("5", "5B", "4KB", "4kib", "1.5MiB", "1GB")] == [
        5,
        5,
        4_000,
        4_096,
        1_572_864,
        1_000_000_000,
    ]


@pytest.mark.parametrize("text", ["", "s", "10", "10 s", "1e3s", "-1s", "10x", "1min30s", "9" * 19 + "s"])
def test_what_is_no_duration(text):
    assert quantity(text, NANOSECONDS) is None


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2026-11-22", Span(DATE, DATE + DAY - 1, DATE + DAY - 1)),
        ("2026-11-22T10:15", Span(DATE + TEN_15, DATE + TEN_15 + MINUTE - 1, DATE + TEN_15)),
        ("2026-11-22 10:15Z", Span(DATE + TEN_15, DATE + TEN_15 + MINUTE - 1, DATE + TEN_15)),
        ("2026-11-22T11:15:00+01:00", Span(DATE + TEN_15, DATE + TEN_15 + SECOND - 1, DATE + TEN_15)),
        ("10:15", Span(TEN_15, TEN_15 + MINUTE - 1, TEN_15, daily=True)),
        ("9:15", Span(TEN_15 - 60 * MINUTE, TEN_15 - 59 * MINUTE - 1, TEN_15 - 60 * MINUTE, daily=True)),
        (
            "9:15:00",
            Span(TEN_15 - 60 * MINUTE, TEN_15 - 60 * MINUTE + SECOND - 1, TEN_15 - 60 * MINUTE, daily=True),
        ),
        (
            "10:15:00.25",
            Span(TEN_15 + SECOND // 4, TEN_15 + SECOND // 4 + 9_999_999, TEN_15 + SECOND // 4, daily=True),
        ),
        ("00:15+01:00", Span(DAY - 45 * MINUTE, DAY - 44 * MINUTE - 1, DAY - 45 * MINUTE, daily=True)),
    ],
)
def test_times(text, span):
    assert moment(text) == span


@pytest.mark.parametrize(
    "text", ["", "10", "24:00", "10:60", "2026-13-01", "2026-11-22T", "10:15:00.", "2026-11-22x"]
)
def test_what_is_no_time(text):
    assert moment(text) is None
