"""The first view."""

import pytest

from ocppscope.sources import SourceOptions, open_source
from tests.tui import CAPTURES, drive, press, screen_of, settle, store_of, write_store

REFUSED = "refused-handshake.pcap"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def several(folder):
    """Four stations, one of them with two sessions"""
    names = ["clean-1.6.pcap", REFUSED, "rogue-station.pcap"]
    source = open_source([str(CAPTURES / name) for name in names], SourceOptions())
    path = folder / "several.ocppdb"
    write_store(path, source.batches())
    return path


def titles(browser):
    """The first words of each line."""
    return [line[1:16].strip() for line in screen_of(browser)[2:-2] if line[1:].strip()]


def test_stations_are_grouped_and_totals_stand_on_top(several):
    async def script(browser, pilot):
        shown = screen_of(browser)
        assert "4 stations, 5 sessions" in shown[0]
        assert titles(browser)[0] == "All"
        assert " 70 " in shown[2]  # messages of all of them
        names = titles(browser)
        refused = next(
            at for at, name in enumerate(names) if at + 1 < len(names) and "session" in names[at + 1]
        )
        assert all("session" in name for name in names[refused + 1 : refused + 3])
        assert any("RST station" in line for line in shown)
        assert any("refused, 40" in line for line in shown)

    drive(several, script)


def test_the_order_is_the_users(several):
    async def script(browser, pilot):
        await press(pilot, "o")  # not grouped
        assert len(titles(browser)) == 6
        await press(pilot, "s", "s")  # length, then messages
        assert "Msgs▲" in screen_of(browser)[1]
        counts = [int(line.split()[-5].replace(",", "")) for line in screen_of(browser)[3:8] if "RST" in line]
        assert counts == [18]
        ascending = titles(browser)[1:]
        await press(pilot, "S")
        assert "Msgs▼" in screen_of(browser)[1]
        assert titles(browser)[1:] != ascending

    drive(several, script)


def test_security_and_length(folder):
    async def script(browser, pilot):
        line = next(line for line in screen_of(browser) if "BER-0042" in line)
        assert "TLS" in line

    drive(store_of("tls-1.3.pcapng", folder), script, size=(120, 24))


def test_enter_opens_the_messages_of_what_the_cursor_is_on(several):
    async def script(browser, pilot):
        await press(pilot, "G", "enter")
        assert "messages ›" in screen_of(browser)[0]
        assert browser.scope.sessions is not None
        await press(pilot, "escape")
        await press(pilot, "a")
        assert browser.scope.sessions is None

    drive(several, script)


def test_a_filter_leaves_the_sessions_in_which_it_selects_something(several):
    async def script(browser, pilot):
        browser.set_filter("event == damaged")
        await settle(pilot)
        assert [name for name in titles(browser) if name != "All"] == ["ROGUE-13"]
        browser.set_filter("")
        assert len(titles(browser)) > 4

    drive(several, script)


def test_the_cursor_stays_on_its_session_when_lines_come_and_go(several):
    async def script(browser, pilot):
        lines = browser.view.main
        lines.cursor = next(at for at, line in enumerate(lines.lines) if line.title == "ROGUE-13")
        await press(pilot, "o")
        assert lines.lines[lines.cursor].rows[0].session.station == "ROGUE-13"
        await press(pilot, "s")  # what is at the top now is what was asked for
        assert lines.cursor == 0

    drive(several, script)
