import click
import pytest

from ocppscope.cli.replay_times import DURATION, point_of


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("200ms", 200_000_000), ("5s", 5_000_000_000), (" 1min ", 60_000_000_000), (7, 7)],
)
def test_durations(text, nanoseconds):
    assert DURATION.convert(text, None, None) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "5 parsecs"])
def test_what_is_no_duration(text):
    with pytest.raises(click.BadParameter, match="write 200ms, 5s, 1min or 1h"):
        DURATION.convert(text, None, None)


def test_points():
    assert point_of(None, "--from") == (None, None)
    assert point_of("17", "--from") == (17, None)
    assert point_of("2026-11-22T18:05:09Z", "--from") == (None, 1_795_370_709_000_000_000)
    with pytest.raises(click.BadParameter, match="neither the number of an event nor a time"):
        point_of("yesterday", "--from")
