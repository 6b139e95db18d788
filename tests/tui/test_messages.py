"""The message list, and what all lists of events can do."""

import pytest

from ocppscope.sources import SourceOptions, open_source
from tests.tui import CAPTURES, drive, press, screen_of, store_of, write_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("messages")


@pytest.fixture(scope="module")
def rogue(folder):
    return store_of("rogue-station.pcap", folder)


def cursor_line(browser):
    return next(line for line in screen_of(browser) if line.startswith("›"))


def test_a_line_tells_what_when_who_and_how_grave(rogue):
    async def script(browser, pilot):
        await press(pilot, "2")
        shown = screen_of(browser)
        assert "   18:05:19.738 → Call   BootNotification  Example Rogue" in shown
        assert any(line.startswith(" E") and "DAMAGE" in line for line in shown)
        assert any(line.startswith(" W") and "← ERROR  StatusNotification" in line for line in shown)
        assert any(line.endswith("1 ms") for line in shown)

    drive(rogue, script)


def test_a_wide_terminal_has_more_columns(rogue):
    async def script(browser, pilot):
        await press(pilot, "2")
        assert "Action" in screen_of(browser)[1]
        assert "Summary" in screen_of(browser)[1]
        await pilot.resize_terminal(80, 24)
        await press(pilot)
        assert "Message" in screen_of(browser)[1]

    drive(rogue, script, size=(140, 24))


def test_several_stations_are_named_in_each_line(folder):
    path = folder / "two.ocppdb"
    names = [str(CAPTURES / name) for name in ("clean-1.6.pcap", "rogue-station.pcap")]
    write_store(path, open_source(names, SourceOptions()).batches())

    async def script(browser, pilot):
        await press(pilot, "2")
        assert "Station" in screen_of(browser)[1]
        assert "LIS-0117" in cursor_line(browser)
        await press(pilot, "escape", "G", "2")
        assert "Station" not in screen_of(browser)[1]

    drive(path, script)


def test_from_a_call_to_its_answer_and_back(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "j", "a")
        assert "← Result BootNotification" in cursor_line(browser)
        await press(pilot, "a")
        assert "→ Call   BootNotification" in cursor_line(browser)
        await press(pilot, "g", "a")
        assert browser.view.main.cursor == 0

    drive(rogue, script)


def test_from_finding_to_finding_and_round(rogue):
    async def script(browser, pilot):
        await press(pilot, "2")
        seen = []
        for _ in range(8):
            await press(pilot, "e")
            seen.append(browser.view.current())
        assert seen == sorted(set(seen))
        await press(pilot, "e")
        assert browser.view.current() == seen[0]
        await press(pilot, "E")
        assert browser.view.current() == seen[-1]

    drive(rogue, script)


def test_search_finds_what_messages_hold_and_lists_do_not_show(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "ctrl+f", *"04a1b2c3", "enter")
        first = browser.view.current()
        assert "Authorize" in cursor_line(browser)
        await press(pilot, "n")
        assert "StartTransaction" in cursor_line(browser)
        await press(pilot, "N")
        assert browser.view.current() == first
        await press(pilot, "ctrl+f", "ctrl+u", *"nowhere", "enter")
        assert browser.view.current() == first

    drive(rogue, script)


def test_routine_is_hidden_by_one_key_and_the_cursor_stays(folder):
    async def script(browser, pilot):
        await press(pilot, "2", "G", "k", "k")
        before, n = browser.view.main.count(), browser.view.current()
        await press(pilot, "H")
        assert browser.view.main.count() < before
        assert browser.view.current() == n
        assert "routine hidden" in screen_of(browser)[-2]
        await press(pilot, "H")
        assert browser.view.main.count() == before
        assert browser.view.current() == n

    drive(store_of("clean-1.6.pcap", folder), script)


def test_hostile_texts_stay_in_their_line(folder):
    """Markup and control characters out of a capture are shown, not done."""
    from tests.wire.packets import Conversation, call, frame, pcap, switching, upgrade

    talk = Conversation().open().client(upgrade("/ocpp/%5Bred%5D%1b%5B2J")).server(switching())
    talk.client(call('[2,"1","[bold]Boot[/]",{"x":"[@click=app.leave]\\\\u001b[31m\\\\n"}]'))
    talk.client(frame(8, b"\x03\xe8[blink]", masked=True)).close()
    source = folder / "hostile.pcap"
    source.write_bytes(pcap(talk.packets))
    path = folder / "hostile.ocppdb"
    write_store(path, open_source([str(source)], SourceOptions()).batches())

    async def script(browser, pilot):
        assert any("[red]␛[2J" in line for line in screen_of(browser))
        for key in "2345":
            await press(pilot, key)
            assert "\x1b" not in "".join(screen_of(browser))
        await press(pilot, "2", "j")
        assert "[bold]Boot[/]" in cursor_line(browser)
        await press(pilot, "enter", "y", "escape", "m", *"[b]", "enter")
        assert "[b]" in screen_of(browser)[-2]
        await press(pilot, "slash", *"[", "enter")
        assert browser.filter_text == ""

    drive(path, script)
