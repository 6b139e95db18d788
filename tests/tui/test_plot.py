"""Charts of braille dots, axes and strips, as text."""

import asyncio
import random
from itertools import pairwise

import pytest
from textual.app import App

from ocppscope.tui.plot import Chart, Picture, Plot, Series, braille, drawn, strip

EMPTY = (" ", "⠀")


def series(*samples):
    made = Series()
    for time, value in samples:
        made.add(time, value)
    return made


def chart(*samples, lowest=0.0, highest=4.0, name="power"):
    return Chart(name, series(*samples), lowest, highest, ("top", "low"))


def dots(lines):
    """The dots that are set, as columns and lines from the top left."""
    found = set()
    for y, line in enumerate(lines):
        for x, character in enumerate(line):
            bits = 0 if character == " " else ord(character) - 0x2800
            for bit, (dx, dy) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]):
                if bits >> bit & 1:
                    found.add((2 * x + dx, 4 * y + dy))
    return found


def test_a_line_from_corner_to_corner():
    assert braille(chart((0, 0), (7, 4)), (0, 7), 4, 4) == ["   ⡜", "  ⡜ ", " ⡜  ", "⡸   "]


@pytest.mark.parametrize(
    ("time", "columns"),
    [(5, range(7, 14)), (0, range(4)), (9, range(15, 20))],
    ids=["within", "start", "end"],
)
def test_one_sample_is_a_short_level_line_at_its_time(time, columns):
    assert dots(braille(chart((time, 4)), (0, 9), 10, 1)) == {(x, 0) for x in columns}
    assert dots(braille(chart((time, 4), (time, 4)), (0, 9), 10, 1)) == {(x, 0) for x in columns}


def test_a_constant_is_a_flat_line():
    found = dots(braille(chart((0, 0), (9, 0)), (0, 9), 5, 1))
    assert found == {(x, 3) for x in range(10)}


def test_values_beyond_the_scale_stay_inside():
    assert dots(braille(chart((0, -50), (9, 50)), (0, 9), 5, 1)) >= {(0, 3), (9, 0)}


def test_no_samples():
    assert braille(chart(), (0, 9), 5, 2) == ["     ", "     "]


def test_a_span_of_one_moment():
    assert dots(braille(chart((5, 0)), (5, 5), 5, 1))


def test_a_gap_in_the_data_is_a_gap():
    times = [*range(30), *range(70, 100)]
    found = {x for x, _ in dots(braille(chart(*((time, 1) for time in times)), (0, 99), 50, 1))}
    assert found == set(times)


def test_a_line_has_no_hole():
    """Neighbouring columns touch, however steep it is."""
    samples = [(time, value) for time, value in enumerate([0, 4, 1, 3, 0, 0, 4, 2])]
    found = dots(braille(chart(*samples), (0, 7), 20, 4))
    columns = [sorted(y for x, y in found if x == column) for column in range(max(x for x, _ in found))]
    for one, other in pairwise(columns):
        assert one
        assert min(abs(a - b) for a in one for b in other) <= 1


def test_negative_values_show_the_line_of_zero():
    below = dots(braille(chart((0, -4), (1, -4), lowest=-4.0), (0, 99), 50, 2))
    assert {y for x, y in below if x > 10} == {3}  # half way up
    assert (0, 7) in below


def test_many_samples_show_the_extremes_of_each_column():
    chance = random.Random(1)
    samples = [(time, chance.uniform(1, 2)) for time in range(100_000)]
    samples[50_000] = 50_000, 4.0
    found = dots(braille(chart(*samples), (0, 99_999), 50, 10))
    assert (50, 0) in found
    assert {x for x, _ in found} == set(range(100))


def test_samples_that_come_late_stand_where_they_belong():
    late = series((1, 1), (3, 3), (2, 2), (0, 0))
    assert list(late.times) == [0, 1, 2, 3]
    assert list(late.values) == [0, 1, 2, 3]


def test_nanoseconds_of_today_are_told_apart():
    now = 1_795_366_242_565_000_000
    found = dots(braille(chart((now, 0), (now + 1, 4)), (now, now + 1), 1, 1))
    assert {(0, 3), (1, 0)} <= found


# --- the whole picture --------------------------------------------------------------------------------------


def text_of(picture, width, height):
    return ["".join(text for text, _ in line).rstrip() for line in drawn(picture, width, height)]


STATES = [(-5, "Preparing", ""), (10, "Charging", "good"), (80, "Finishing", "")]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("height", [4, 5, 7, 13, 30])
def test_it_fills_its_place_exactly(count, height):
    charts = [chart((0, 0), (99, 4)) for _ in range(count)]
    shown = text_of(Picture("title", charts, "", (0, 99), [(0, "a"), (99, "b")], STATES), 40, height)
    assert len(shown) == max(height, 3)
    assert all(len(line) <= 40 for line in shown)


def test_axis_and_strip_stand_under_the_chart():
    picture = Picture(
        "title", [chart((0, 0), (99, 4))], "", (0, 99), [(10, "10:15"), (50, "mid"), (89, "10:20")], STATES
    )
    shown = text_of(picture, 57, 7)
    assert shown[0] == " title"
    assert [line[:7] for line in shown[1:5]] == ["  top │", "      │", "power │", "  low │"]
    assert shown[5] == "            10:15              mid             10:20"
    assert shown[6] == "       Prep ▏Charging                          ▏Finishing"


def test_words_in_place_of_charts():
    assert text_of(Picture("title", words="nothing measured"), 30, 8) == [" title", "", " nothing measured"]


def test_the_middle_of_the_axis_is_left_out_where_it_has_no_room():
    shown = text_of(
        Picture("t", [chart((0, 0))], "", (0, 99), [(0, "10:15:00"), (50, "10:20:00"), (99, "10:25:00")]),
        27,
        5,
    )
    assert shown[-1].split() == ["10:15:00", "10:25:00"]


def stripped(states, span, width):
    return "".join(text for text, _ in strip([(time, text, "") for time, text in states], span, width))


def test_short_states_get_room_for_a_short_word():
    states = [(0, "Preparing"), (1, "Charging"), (2, "SuspendedEV"), (3, "Finishing")]
    assert stripped(states, (0, 1000), 40) == "Prep▏Cha▏S-EV▏Finishing                 "
    states = [(0, "Available"), (500, "Preparing"), (999, "Faulted")]
    assert stripped(states, (0, 1000), 30) == "Available     ▏Preparing  ▏Fau"
    assert stripped([(0, "Available"), *((time, "Faulted") for time in (998, 999))], (0, 1000), 30) == (
        "Available             ▏Fau▏Fau"
    )


def test_where_there_is_little_room_states_are_lines_without_words():
    states = [(0, "Preparing"), (1, "Charging"), (2, "SuspendedEV"), (3, "Finishing")]
    assert stripped(states, (0, 1000), 20) == " ▏▏▏Finishing       "


@pytest.mark.parametrize("word", ["SuspendedEV", "SuspendedEVSE"])
def test_no_short_word_is_taken_for_another(word):
    """Those of the two suspended states differ in every width."""
    others = {stripped([(0, "SuspendedEV")], (0, 9), width).strip() for width in range(1, 20)}
    both = {stripped([(0, "SuspendedEVSE")], (0, 9), width).strip() for width in range(1, 20)}
    assert others & both == {""}
    assert word in others | both


def test_a_state_that_nobody_knows_is_cut():
    assert [stripped([(0, "Operative")], (0, 9), width) for width in (9, 8, 4, 3)] == [
        "Operative",
        "Operati…",
        "Ope…",
        "   ",
    ]


def test_more_states_than_there_is_room_for():
    states = [(time, "Available", "") for time in range(100)]
    assert "".join(text for text, _ in strip(states, (0, 99), 7)) == " ▏▏▏▏▏▏"


def test_on_the_screen():
    async def run():
        plot = Plot()

        class Shown(App):
            def compose(self):
                yield plot

        async with Shown().run_test(size=(40, 10)) as pilot:
            plot.show(Picture("title", [chart((0, 0), (99, 4))], "", (0, 99), [(0, "a"), (99, "b")], STATES))
            await pilot.pause()
            lines = [plot.render_line(y) for y in range(10)]
            assert all(line.cell_length == 40 for line in lines)
            assert "Charging" in lines[9].text
            await pilot.resize_terminal(60, 20)
            await pilot.pause()
            assert plot.render_line(19).cell_length == 60
            assert "Charging" in plot.render_line(19).text

    asyncio.run(run())
