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
        await press(pilot, "2", "slash", *typed("seve"), "tab", *typed(" >= war"), "tab", "enter")
        assert browser.filter_text == "severity >= warning"
        assert browser.view.main.count() == 8
        assert "filter: severity >= warning" in screen_of(browser)[-2]

    drive(rogue, script)


def test_tab_goes_through_the_offers_and_back(rogue):
    async def script(browser, pilot):
        async def after(*keys):
            await press(pilot, *keys)
            return browser.view.query_one(Input).value

        assert await after("2", "slash", *typed("type == callr"), "tab") == "type == CALLRESULT"
        assert await after("tab") == "type == CALLRESULTERROR"
        assert await after("tab") == "type == CALLRESULT"
        assert await after("shift+tab") == "type == CALLRESULTERROR"
        assert "Tab: CALLRESULT  CALLRESULTERROR" in hint(browser)[0]
        assert await after("space", "tab") == "type == CALLRESULTERROR and"
        assert await after("tab") == "type == CALLRESULTERROR or"
        assert await after("left", "right", "tab") == "type == CALLRESULTERROR or action"

    drive(rogue, script)


def test_the_only_offer_is_followed_by_what_comes_next(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("late"), "tab", "tab")
        assert browser.view.query_one(Input).value == "latency =="

    drive(rogue, script)


def test_a_whole_value_is_not_rewritten(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("latency > 40ms"), "tab")
        assert browser.view.query_one(Input).value == "latency > 40ms and"

    drive(rogue, script)


def test_what_occurs_is_offered_first(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("station == "))
        station = next(iter(browser.store.known()["station"]))
        assert f"Tab: {station}" in hint(browser)[0]
        await press(pilot, "tab")
        assert browser.view.query_one(Input).value == f"station == {station}"
        await press(pilot, "ctrl+u", *typed("action == "))
        occurring = sorted(browser.store.known()["action"])
        assert f"Tab: {'  '.join(occurring[:8])}" in hint(browser)[0]

    drive(rogue, script)


def test_what_is_missing_is_told_and_is_no_mistake_until_enter(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "slash", *typed("latency > "))
        assert hint(browser) == (
            "the filter ends where a value is missing\na duration: 340ms, 10s, 5min, 2h",
            False,
        )
        await press(pilot, "1")
        assert hint(browser) == ("1 needs a unit\na duration: 340ms, 10s, 5min, 2h", False)
        await press(pilot, "enter")
        assert hint(browser)[1]
        await press(pilot, "x")
        assert hint(browser)[1]
        await press(pilot, "ctrl+u", "left_parenthesis", *typed("type == CALL"))
        said, wrong = hint(browser)
        assert "the filter ends where ) is missing" in said
        assert not wrong

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
