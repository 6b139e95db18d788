"""What went wrong, on the screen."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from ocppscope.events import Notice
from ocppscope.sources import SourceOptions, open_source
from ocppscope.tui.selection import EVERYTHING, Scope
from ocppscope.tui.views.detail import DetailView
from ocppscope.tui.views.findings import FindingsView
from ocppscope.tui.views.messages import MessagesView
from tests.rules.sessions import BOOT_16, closed, opened, wire_events
from tests.tui import CAPTURES, drive, press, screen_of, settle, store_of, write_store


@pytest.fixture(scope="module")
def rogue(stores):
    return store_of("rogue-station.pcap", stores)


@pytest.fixture(scope="module")
def noticed(tmp_path_factory):
    """A capture with something to be said of itself."""
    path = tmp_path_factory.mktemp("noticed") / "noticed.ocppdb"
    batches = list(open_source([str(CAPTURES / "rogue-station.pcap")], SourceOptions()).batches())
    write_store(path, [*batches, [Notice("tls.unreadable", None, "the file ends in the middle of a block")]])
    return path


def titles(browser):
    """The lines that are titles of groups."""
    return [line.title for line in browser.screen.main.lines if line.finding is None]


def test_by_severity_rule_and_station(rogue):
    async def script(browser, pilot):
        await press(pilot, "4")
        assert titles(browser) == [
            "Errors: 4 findings, seen 5 times",
            "Warnings: 2 findings, seen 2 times",
            "Notes: 3 findings, seen 4 times",
        ]
        finding = browser.screen.finding
        assert finding.rule == "RPC-001", "the cursor begins on the first finding"
        await press(pilot, "s")
        assert "RPC-001 (error) Not a valid OCPP-J message: 1 finding, seen 1 time" in titles(browser)
        assert len(titles(browser)) == 9
        assert browser.screen.finding == finding, "the cursor stays on it"
        await press(pilot, "s")
        assert titles(browser) == ["ROGUE-13: 9 findings, seen 11 times"]
        await press(pilot, "s")
        assert "by severity" in browser.screen.status()

    drive(rogue, script)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_the_whole_text_stands_below(rogue, size):
    async def script(browser, pilot):
        await press(pilot, "4", "j")
        screen = "\n".join(screen_of(browser))
        assert "› E SCH-enum" in screen.replace("›E", "› E")
        assert "E error SCH-enum A value is none of those allowed" in screen
        assert "hint      values are case-sensitive" in screen
        assert "source    OCPP 1.6 JSON schemas" in screen
        assert "proofs    #7" in screen
        await press(pilot, "k", "k")
        assert "Enter folds or unfolds the group" in "\n".join(screen_of(browser))

    drive(rogue, script, size=size)


def test_a_low_terminal_has_the_list_alone(rogue):
    async def script(browser, pilot):
        await press(pilot, "4")
        screen = "\n".join(screen_of(browser))
        assert "RPC-001" in screen
        assert "hint" not in screen

    drive(rogue, script, size=(60, 12))


def test_enter_shows_the_proof_among_its_neighbours_and_escape_comes_back(rogue):
    async def script(browser, pilot):
        await press(pilot, "4", "j", "j", "j", "enter")
        assert isinstance(browser.screen, MessagesView)
        assert browser.screen.current() == 19
        await press(pilot, "escape")
        assert isinstance(browser.screen, FindingsView)
        assert browser.screen.finding.rule == "RPC-006"

    drive(rogue, script)


def test_a_proof_that_the_list_would_hide_is_opened_itself(rogue):
    async def script(browser, pilot):
        await press(pilot, "4")
        browser.set_filter("action == StartTransaction")
        await settle(pilot)
        assert [line.finding.rule for line in browser.screen.main.lines if line.finding] == ["RPC-004"]
        assert browser.screen.status().startswith("1 of 1 finding  ·")
        assert "1 of 9 findings selected" in browser.screen.status()
        await press(pilot, "enter")
        assert isinstance(browser.screen, MessagesView)
        await press(pilot, "escape")
        browser.filter_text = "action == Heartbeat"  # not asked of the list yet
        await browser.screen.choose()
        await settle(pilot)
        assert isinstance(browser.screen, DetailView)
        assert browser.screen.current() == 13
        await press(pilot, "escape")
        browser.set_filter("")
        await settle(pilot)
        assert browser.screen.main.count() == 12

    drive(rogue, script)


def test_the_lines_say_what_was_seen_and_findings_alone_are_counted(rogue):
    async def script(browser, pilot):
        await press(pilot, "4")
        for _ in range(3):
            shown = screen_of(browser)
            assert any("no JSON: unexpected end" in line for line in shown[1:11])
            assert not any(": no JSON" in line for line in shown[1:11])
            await press(pilot, "s")
        assert browser.screen.status() == "1 of 9 findings  ·  by severity"
        await press(pilot, "k")
        assert browser.screen.status() == "9 findings  ·  by severity"
        await press(pilot, "enter", "j", "j")
        assert browser.screen.status() == "5 of 9 findings  ·  by severity"
        await press(pilot, "G")
        assert browser.screen.status() == "9 of 9 findings  ·  by severity"

    drive(rogue, script)


def test_what_was_seen_in_many_sessions_has_one_line(tmp_path):
    path = tmp_path / "many.ocppdb"
    pieces = [
        piece
        for number in range(12)
        for piece in (closed(), opened(station=f"CP{number:03}", tls=None, auth=None), *BOOT_16)
    ]
    write_store(path, [wire_events(pieces)])

    async def script(browser, pilot):
        await press(pilot, "4")
        view = browser.screen
        (repeated,) = [line for line in view.main.lines if len(line.findings) > 1]
        assert (repeated.finding.rule, len(repeated.findings)) == ("WS-007", 12)
        view.main.go_to(view.main.lines.index(repeated))
        await settle(pilot)
        (line,) = [line for line in screen_of(browser) if "×12 sessions: neither TLS" in line]
        assert line.split()[1:5] == ["WS-007", "(several)", "…", "12"]
        assert "The first of 12 alike; Enter lists them" in "\n".join(screen_of(browser))
        assert "and 11 more, seen 12 times)" in view.text_to_copy()
        count = view.main.count()
        await press(pilot, "enter")
        assert view.main.count() == count + 12
        assert view.finding is None
        await press(pilot, "j", "j")
        assert view.finding.station == "CP001"
        assert view.status().startswith(f"2 of {view._count} findings")
        await press(pilot, "s", "s", "k")
        assert "CP001: " in titles(browser)[1]
        await press(pilot, "j", "s")
        assert view.finding.station == "CP001", "the cursor stays on it"
        await press(pilot, "k", "k", "enter")
        assert view.main.count() == count
        await press(pilot, "s", "j", "j", "s", "s")
        assert len(view._line.findings) == 12, "on the line that stands for it"

    drive(path, script)


def test_groups_fold(rogue):
    async def script(browser, pilot):
        await press(pilot, "4", "k", "enter")
        assert titles(browser)[0] == "Errors: 4 findings, seen 5 times … (Enter unfolds)"
        assert browser.screen.main.count() == 8
        await press(pilot, "enter")
        assert browser.screen.main.count() == 12

    drive(rogue, script)


def test_the_next_error_or_warning(rogue):
    async def script(browser, pilot):
        await press(pilot, "4", "e", "e", "e", "e")
        assert browser.screen.finding.rule == "RPC-013"
        await press(pilot, "e", "e")
        assert browser.screen.finding.rule == "RPC-001"
        await press(pilot, "E")
        assert browser.screen.finding.rule == "RPC-008"
        assert browser.screen.text_to_copy().split("\n") == [
            "warning RPC-008 Two Calls of one side at once",
            "MeterValues (8) was sent while MeterValues (7) was not answered (ROGUE-13, session 1, seen 1 time)",
            "hint: wait for the answer, or for the time-out, before the next Call; answers may go at any time",
            "source: OCPP-J 1.6 §4.1.1",
            "proofs: #15 #16",
        ]

    drive(rogue, script)


def test_a_scope_leaves_other_sessions_out(rogue):
    async def script(browser, pilot):
        await browser.push_screen(FindingsView(Scope("nobody", (77,))))
        await settle(pilot)
        assert browser.screen.main.count() == 0
        assert "no findings" in browser.screen.status()
        assert browser.screen.current() is None
        await press(pilot, "enter", "s", "e", "E", "j", "y")

    drive(rogue, script)


def test_what_is_wrong_with_the_capture_itself(noticed):
    async def script(browser, pilot):
        await browser.push_screen(FindingsView(EVERYTHING))
        await settle(pilot)
        await press(pilot, "s", "s")
        assert titles(browser)[0].startswith("the capture: 1 finding")
        browser.screen.main.cursor = 1
        await settle(pilot)
        assert "no single message shows it" in "\n".join(screen_of(browser))
        await press(pilot, "enter")
        assert isinstance(browser.screen, FindingsView)

    drive(noticed, script)


def test_new_findings_do_not_move_what_is_looked_at(rogue, tmp_path):
    path = shutil.copy(rogue, tmp_path / "growing.ocppdb")

    async def script(browser, pilot):
        await press(pilot, "4", "G")
        lines = browser.screen.main
        before, row = browser.screen.finding, lines.cursor - round(lines.scroll_y)
        kept = lines.lines
        browser.screen.store_changed()
        assert lines.lines is kept, "nothing is new"
        with closing(sqlite3.connect(path)) as writer, writer:
            for number in range(100, 130):
                writer.execute(
                    "INSERT INTO findings SELECT ?, rule, 'error', title, detail, hint, source, subject, session,"
                    " direction, count, first, last FROM findings WHERE finding = 1",
                    (number,),
                )
        browser.look()
        await settle(pilot)
        assert browser.screen.finding == before
        assert lines.cursor - round(lines.scroll_y) == row
        assert titles(browser)[0].startswith("Errors: 34 findings")

    drive(path, script, size=(80, 20))
