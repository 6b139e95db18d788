import pytest

from ocppscope.replay.pace import Pace, parse_pace
from tests.replay.messages import SECOND


@pytest.mark.parametrize(
    ("text", "gap", "waits"),
    [
        ("recorded", 2 * SECOND, True),
        ("answer", 0, True),
        ("asap", 0, False),
        ("x4", SECOND // 2, True),
        ("x0.5", 4 * SECOND, True),
        ("x.5", 4 * SECOND, True),
    ],
)
def test_what_becomes_of_two_seconds(text, gap, waits):
    pace = parse_pace(text)
    assert (pace.gap(2 * SECOND), pace.waits_for_peer) == (gap, waits)


@pytest.mark.parametrize("text", ["", "fast", "x", "x0", "x0.0", "x-1", "10", "Recorded", "x1e3", "xinf"])
def test_what_is_no_pace(text):
    with pytest.raises(ValueError, match="expected recorded, answer, asap, or a factor such as x10"):
        parse_pace(text)


def test_a_gap_takes_so_long_at_most():
    assert Pace().gap(3600 * SECOND) == 5 * SECOND
    assert parse_pace("x2", max_gap=SECOND).gap(3600 * SECOND) == SECOND


def test_the_longest_gap_is_meant_as_it_is_waited_for():
    assert parse_pace("x10", max_gap=SECOND).gap(9 * SECOND) == 9 * SECOND // 10


def test_time_that_went_backwards_is_no_gap():
    assert Pace().gap(-SECOND) == 0
