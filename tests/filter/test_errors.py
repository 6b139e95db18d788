import pytest

from ocppscope.filter import FilterError, parse


def told(text):
    with pytest.raises(FilterError) as caught:
        parse(text)
    return str(caught.value)


def test_the_mistake_has_carets_under_it():
    assert told("type == CALL and latency > 10") == (
        "10 needs a unit\n"
        "  type == CALL and latency > 10\n"
        "                             ^^\n"
        "expected: 10ms, 10s, 10min, 10h"
    )


def test_carets_stand_right_under_wide_characters():
    assert told("充电 == 1").splitlines()[2] == "  ^^^^"
    assert told("充 acton == 1").splitlines()[2] == "     ^^^^^"


def test_the_end_of_the_filter_has_a_place_too():
    assert told("action ==").splitlines()[1:3] == ["  action ==", "           ^"]


def test_what_would_move_the_cursor_is_shown_as_pictures():
    shown = told("a\x1b[31m\n == 1")
    assert "\x1b" not in shown
    assert "a␛[31m␊ ==" not in shown.splitlines()[0]
    assert shown.count("\n") == 2 or "expected" in shown.splitlines()[-1]


def test_of_long_filters_the_place_is_shown():
    shown = told("a " * 2_000 + "acton == 1 " + "a " * 2_000).splitlines()
    at = shown[2].index("^")
    assert shown[1][at : at + 5] == "acton"
    assert len(shown[1]) < 110


def test_of_many_values_some_are_shown():
    shown = told("rule == RPC-0004")
    assert shown.startswith("'RPC-0004' is not a rule; did you mean RPC-004?\n")
    assert shown.endswith(", …")
