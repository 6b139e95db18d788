"""What all views share: following, marks, alerts, the palette, the way back."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import Store, StoreWriter
from ocppscope.tui.actions import ACTIONS
from ocppscope.tui.app import Loading
from tests.tui import CAPTURES, drive, press, screen_of, settle, store_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("app")


class Writing:
    """A store that is being written, some batches at a time."""

    def __init__(self, path, capture="clean-1.6.pcap"):
        self.path = path
        self.writer = StoreWriter(path, source=capture)
        self.decoder, self.engine = Decoder(), Engine(observer=self.writer.observe)
        events = [
            event
            for batch in open_source([str(CAPTURES / capture)], SourceOptions()).batches()
            for event in self.decoder.feed(batch)
        ]
        self.engine.feed(events)
        self.events = iter(events)

    def write(self, count):
        self.writer.feed([event for _, event in zip(range(count), self.events, strict=False)])
        self.writer.commit(read=count, size=100)


def test_a_list_grows_with_its_store_and_does_not_move_under_a_reading_user(tmp_path):
    writing = Writing(tmp_path / "live.ocppdb")
    writing.write(20)

    async def script(browser, pilot):
        await press(pilot, "2", "j", "j")
        assert "loading 20 %, 20 events" in screen_of(browser)[0]
        lines = browser.view.main
        assert (lines.count(), lines.cursor) == (20, 2)
        writing.write(20)
        browser.look()
        await settle(pilot)
        assert (lines.count(), lines.cursor) == (40, 2)
        await press(pilot, "F")
        assert lines.cursor == 39
        writing.write(5)
        browser.look()
        await settle(pilot)
        assert lines.cursor == 44
        assert "FOLLOW" in screen_of(browser)[-2]
        writing.writer.finish()
        browser.look()
        await settle(pilot)
        assert "loading" not in screen_of(browser)[0]

    drive(writing.path, script)


def test_moving_up_ends_following(tmp_path):
    writing = Writing(tmp_path / "live.ocppdb")
    writing.write(30)

    async def script(browser, pilot):
        await press(pilot, "2", "F", "k", "k")
        lines = browser.view.main
        writing.write(10)
        browser.look()
        await settle(pilot)
        assert (lines.count(), lines.cursor) == (40, 27)
        await press(pilot, "G")  # at the end again
        writing.write(5)
        browser.look()
        await settle(pilot)
        assert lines.cursor == 44

    drive(writing.path, script)


def test_a_writer_that_dies_is_told_and_what_it_wrote_stays(tmp_path):
    writing = Writing(tmp_path / "live.ocppdb")
    writing.write(20)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    writing.writer.note(writer=gone.pid)
    writing.writer.commit()

    async def script(browser, pilot):
        browser.look()
        await settle(pilot)
        await press(pilot, "2")
        status = screen_of(browser)[-2]
        assert "ended before the end of the capture" in status
        assert browser.view.main.count() == 20

    drive(writing.path, script)


def test_what_the_loader_said_last_is_told(tmp_path):
    writing = Writing(tmp_path / "live.ocppdb")
    writing.write(20)
    errors = tmp_path / "errors"
    errors.write_text("Error: the disk is full\n")
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    writing.writer.note(writer=gone.pid)
    writing.writer.commit()

    async def script(browser, pilot):
        browser.look()
        await settle(pilot)
        assert "the disk is full" in browser.alert

    drive(writing.path, script, loading=Loading(gone, errors))


def test_damage_is_told_after_the_first_screen(folder, tmp_path):
    whole = store_of("clean-1.6.pcap", folder)
    damaged = tmp_path / "damaged.ocppdb"
    data = bytearray(whole.read_bytes())
    data[-8192 * 3 + 100 : -8192 * 2] = os.urandom(8192 - 100)
    damaged.write_bytes(data)

    async def script(browser, pilot):
        assert "damaged" in browser.alert
        assert any("LIS-0117" in line for line in screen_of(browser))

    drive(damaged, script, size=(100, 24))


def test_marks_and_comments_stay_in_the_store(folder, tmp_path):
    path = tmp_path / "mine.ocppdb"
    path.write_bytes(store_of("clean-1.6.pcap", folder).read_bytes())

    async def script(browser, pilot):
        await press(pilot, "2", "j", "m", *"odd", "enter")
        assert screen_of(browser)[3].startswith("*")
        await press(pilot, "k", "m", "enter")  # without a comment
        await press(pilot, "j")
        assert "odd" in screen_of(browser)[-2]

    drive(path, script)
    with Store(path) as store:
        assert store.marks() == {1: "", 2: "odd"}

    async def again(browser, pilot):
        await press(pilot, "2", "m")
        assert browser.marks == {2: "odd"}

    drive(path, again)


def test_the_way_back_and_out(folder):
    async def script(browser, pilot):
        await press(pilot, "2", "question_mark", "escape")
        assert "messages" in screen_of(browser)[0]
        await press(pilot, "escape", "escape")
        assert browser.return_code is None
        await press(pilot, "q")
        assert browser.return_code == 0

    drive(store_of("clean-1.6.pcap", folder), script)


def test_the_palette_offers_what_the_keys_do(folder):
    async def script(browser, pilot):
        offered = {command.title for command in browser.get_system_commands(browser.screen)}
        expected = {one.title for one in ACTIONS if one.room in ("app", "list", "sessions")}
        assert offered == expected - {"Palette"}
        await press(pilot, "colon", *"Messages", "enter")
        await press(pilot)
        assert "messages" in screen_of(browser)[0]

    drive(store_of("clean-1.6.pcap", folder), script)


def test_every_action_can_be_done(folder):
    """A name in the registry that nothing answers to would be a dead key."""

    async def script(browser, pilot):
        await press(pilot, "2")
        for one in ACTIONS:
            if one.room in ("app", "list", "messages"):
                assert any(
                    hasattr(owner, f"action_{one.name}")
                    for owner in (browser, browser.view, browser.view.main)
                ), one.name

    drive(store_of("clean-1.6.pcap", folder), script)


def test_times_in_three_ways(folder):
    async def script(browser, pilot):
        await press(pilot, "2")
        times = []
        for _ in range(3):
            times.append([line[2:15].strip() for line in screen_of(browser)[2:5]])
            await press(pilot, "w")
        absolute, relative, delta = times
        assert absolute[0].count(":") == 2
        assert relative[0] == "0.000000"
        assert float(relative[2]) == pytest.approx(float(delta[1]) + float(delta[2]), abs=1e-5)

    drive(store_of("clean-1.6.pcap", folder), script)


def test_a_terminal_too_small_is_told_until_there_is_room(folder):
    async def script(browser, pilot):
        assert "too few" in "".join(screen_of(browser))
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert any("LIS-0117" in line for line in screen_of(browser))

    drive(store_of("clean-1.6.pcap", folder), script, size=(30, 6))


def test_a_store_that_vanishes_under_the_browser_is_no_crash(folder, tmp_path):
    path = tmp_path / "mine.ocppdb"
    path.write_bytes(store_of("clean-1.6.pcap", folder).read_bytes())

    async def script(browser, pilot):
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE events")
        browser.look()
        await press(pilot, "2", "j")
        assert "damaged" in browser.alert

    drive(path, script)


def test_a_double_click_opens(folder):
    async def script(browser, pilot):
        await pilot.click(browser.view.main, offset=(5, 2), times=2)
        await settle(pilot)
        assert "messages" in screen_of(browser)[0]
        await pilot.click(browser.view.main, offset=(5, 4), times=2)
        await settle(pilot)
        assert "› #4" in screen_of(browser)[0]

    drive(store_of("clean-1.6.pcap", folder), script)
