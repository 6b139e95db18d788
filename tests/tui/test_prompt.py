"""The line in which the user types."""

import pytest
from textual.widgets import Input

from ocppscope.tui.prompt import Prompt
from tests.tui import drive, press, screen_of, store_of


@pytest.fixture(scope="module")
def rogue(tmp_path_factory):
    return store_of("rogue-station.pcap", tmp_path_factory.mktemp("prompt"))


def typed(text):
    return [{" ": "space", "=": "equals_sign", ">": "greater_than_sign"}.get(char, char) for char in text]


def hint(browser):
    prompt = browser.view.query_one(Prompt)
    shown = prompt.query_one("#hint").render()
    return str(shown), any("text-error" in str(span.style) for span in shown.spans)


def test_a_filter_is_judged_while_it_is_typed(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("acti"))
        said, wrong = hint(browser)
        assert (said, wrong) == ("Tab: action", False)
        await press(pilot, "tab", *typed("= X"))
        said, wrong = hint(browser)
        assert wrong
        assert "==" in said
        await press(pilot, "enter")  # is not taken
        assert browser.view.query_one(Prompt).is_open
        assert browser.filter_text == ""

    drive(rogue, script)


def test_completion_writes_words_that_are_valid(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("seve"), "tab", *typed(">= war"), "tab", "enter")
        assert browser.filter_text == "severity >= warning"
        assert browser.view.main.count() == 8
        assert "filter: severity >= warning" in screen_of(browser)[-2]

    drive(rogue, script)


def test_an_empty_filter_shows_everything_again(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("Authorize"), "enter")
        assert browser.view.main.count() == 2
        await press(pilot, "slash")
        assert browser.view.query_one(Input).value == "Authorize"
        await press(pilot, "ctrl+u", "enter")
        assert browser.view.main.count() == 21

    drive(rogue, script)


def test_earlier_words_come_back(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("Authorize"), "enter")
        await press(pilot, "slash", "ctrl+u", *typed("Reset"), "enter", "slash", "up", "up")
        assert browser.view.query_one(Input).value == "Authorize"
        await press(pilot, "down", "down")
        assert browser.view.query_one(Input).value == ""

    drive(rogue, script)


def test_escape_gives_up_and_the_keys_move_the_list_again(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("jjj"), "escape")
        assert not browser.view.query_one(Prompt).is_open
        assert browser.filter_text == ""
        assert "messages" in screen_of(browser)[0]
        await press(pilot, "j")
        assert browser.view.main.cursor == 1

    drive(rogue, script)
