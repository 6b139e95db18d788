"""Lists that draw only what shows."""

import asyncio

import pytest
from textual.app import App

from ocppscope.tui.lines import Column, FixedLines, LineList, fitted


class Numbers(LineList):
    """A million lines, which counts those that were drawn."""

    def __init__(self, count=1_000_000):
        super().__init__((Column("n", 8, right=True), Column("text", 0)))
        self.size_of_list = count
        self.drawn = set()

    def count(self):
        return self.size_of_list

    def cells(self, index):
        self.drawn.add(index)
        return str(index), ("é" * 200, "dim")


def run(lines, script, size=(40, 12)):
    class Screen(App):
        def compose(self):
            yield lines

        def on_mount(self):
            lines.focus()
            lines.refresh_count()

    async def session():
        app = Screen()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(session())


def rows(app):
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def test_only_what_shows_is_drawn():
    lines = Numbers()

    async def script(app, pilot):
        assert rows(app)[0].split() == ["n", "text"]
        assert rows(app)[1].startswith("›       0 é")
        await pilot.press("G")
        await pilot.pause()
        assert rows(app)[-1].startswith("›  999999 é")
        await pilot.press("g")
        assert len(lines.drawn) <= 2 * lines.page + 2

    run(lines, script)


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [
        ("j j k", 1),
        ("down up up", 0),
        ("ctrl+d", 5),
        ("pagedown pagedown pageup", 11),
        ("ctrl+d ctrl+u", 0),
        ("G", 999_999),
        ("end pageup", 999_988),
        ("G g", 0),
    ],
)
def test_keys_as_hands_know_them(keys, cursor):
    lines = Numbers()

    async def script(app, pilot):
        for key in keys.split():
            await pilot.press(key)
        assert lines.cursor == cursor
        assert lines.cursor in lines.visible_range

    run(lines, script)


def test_more_lines_do_not_move_a_reading_user():
    lines = Numbers(100)

    async def script(app, pilot):
        await pilot.press("pagedown", "pagedown")
        before, cursor = lines.visible_range, lines.cursor
        lines.size_of_list = 100_000
        lines.refresh_count()
        await pilot.pause()
        assert (lines.visible_range, lines.cursor) == (before, cursor)
        lines.size_of_list = 3
        lines.refresh_count()
        await pilot.pause()
        assert lines.cursor == 2
        lines.size_of_list = 0
        lines.refresh_count()
        await pilot.press("j", "G", "enter", "pagedown")
        assert lines.cursor == 0

    run(lines, script)


def test_the_mouse_moves_the_cursor():
    lines = Numbers(50)

    async def script(app, pilot):
        await pilot.click(lines, offset=(5, 3))
        assert lines.cursor == 2
        await pilot.click(lines, offset=(5, 0))  # the head
        assert lines.cursor == 2

    run(lines, script)


def test_lines_without_columns_are_cut_at_the_edge():
    lines = FixedLines()

    async def script(app, pilot):
        lines.show([[("title", "title")], ["x" * 100]])
        await pilot.pause()
        assert rows(app)[0] == "›title"
        assert rows(app)[1] == " " + "x" * 39

    run(lines, script)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 5, "abcd…"),
        ("日本語", 4, "日 …"),
        ("", 2, "  "),
        ("abc", 1, "a"),
        ("x", 0, ""),
    ],
)
def test_a_cell_is_as_wide_as_its_column(text, width, shown):
    assert fitted(text, width) == shown
    assert fitted("ab", 4, right=True) == "  ab"
