"""The browser as a program in a terminal: it starts, takes keys, leaves, and survives what terminals do."""

import os
import shutil
import signal
import sqlite3
import termios
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli import run
from tests.end_to_end.terminal import Terminal

CAPTURES = Path(__file__).parent.parent.parent / "captures"
CLEAN = CAPTURES / "clean-1.6.pcap"
ROGUE = CAPTURES / "rogue-station.pcap"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the program keeps what is temporary."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("OCPPSCOPE_CONFIG", str(tmp_path / "none.toml"))
    return tmp_path


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "kept.ocppdb"
    assert run("convert", CLEAN, path).exit_code == 0
    return path


def test_a_capture_is_opened_browsed_and_left_and_nothing_stays_behind(folder):
    with Terminal(ROGUE) as terminal:
        terminal.until("ROGUE-13")
        terminal.press("\r")
        terminal.until("DAMAGE")
        terminal.press("e")
        terminal.until("›E")
        terminal.press("\r")
        terminal.until("RPC-001")
        terminal.press("q")
        terminal.press("4")
        terminal.until("RPC-004")
        terminal.press("q")
        terminal.press("q")
        assert terminal.ends() == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
    assert list(folder.iterdir()) == []


def test_what_is_typed_ahead_is_not_lost(folder):
    with Terminal(ROGUE) as terminal:
        terminal.until("  21 events")
        terminal.press("2/severity >= warning\r")  # in one go, as a paste or a slow line brings it
        terminal.until("of 8")
        terminal.until("filter: severity >= warning")
        terminal.press("q")
        terminal.press("q")
        assert terminal.ends() == 0


def test_a_loader_that_is_killed_is_told_and_what_it_wrote_stays(folder):
    data = CLEAN.read_bytes()
    with Terminal("view", "-", piped=True) as terminal:
        terminal.process.stdin.write(data[: len(data) // 2])
        terminal.process.stdin.flush()
        terminal.until("LIS-0117")
        children = Path(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        terminal.until("has ended before the end")
        terminal.press("2")
        terminal.until("BootNotification")


def test_a_pipe_works_live_while_keys_come_from_the_terminal(folder):
    data = CLEAN.read_bytes()
    with Terminal("view", "-", piped=True) as terminal:
        terminal.process.stdin.write(data[: len(data) // 2])
        terminal.process.stdin.flush()
        terminal.until("LIS-0117")
        assert "loading" in terminal.shown
        terminal.press("\r")
        terminal.until("BootNotification")
        terminal.process.stdin.write(data[len(data) // 2 :])
        terminal.process.stdin.close()
        terminal.until("  56 events")
        terminal.press("G")
        terminal.until("closed by the station")
        terminal.press("qq")
        assert terminal.ends() == 0
    assert list(folder.iterdir()) == []


def test_a_lost_terminal_ends_the_browser_and_leaves_the_store_whole(folder, store):
    with Terminal("view", store) as terminal:
        terminal.until("LIS-0117")
        terminal.press("\rm")
        terminal.until("Comment")
        terminal.press("seen\r")
        terminal.until("*")
        terminal.hang_up()
    with closing(sqlite3.connect(store)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT comment FROM marks").fetchall() == [("seen",)]


def test_a_lost_terminal_ends_the_loader_too(folder):
    with Terminal("view", ROGUE) as terminal:
        terminal.until("ROGUE-13")
        terminal.hang_up()
    assert list(folder.iterdir()) == []


def test_input_that_cannot_be_read_is_told_without_a_screen(folder, tmp_path):
    torn = tmp_path / "torn.pcap"
    torn.write_bytes(b"\0this is no capture at all")
    with Terminal("view", torn) as terminal:
        assert terminal.ends() == 3
        assert "is no capture" in " ".join(terminal.shown.split())


def test_input_that_ends_in_the_middle_is_shown_as_far_as_it_goes(folder, tmp_path):
    torn = tmp_path / "torn.pcap"
    torn.write_bytes(CLEAN.read_bytes()[:-100])
    with Terminal(torn, size=(140, 40)) as terminal:
        terminal.until("torn.pcap: at byte")  # first of all: what is told goes again
        terminal.until("LIS-0117")
        terminal.press("2")
        terminal.until("BootNotification")


def test_a_store_of_a_newer_version_is_refused_with_its_remedy(folder, store):
    with closing(sqlite3.connect(store)) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    with Terminal("view", store) as terminal:
        assert terminal.ends() == 3
        assert "install a newer ocppscope" in " ".join(terminal.shown.split())


def test_a_wrong_filter_is_told_with_a_caret(folder):
    with Terminal("view", CLEAN, "--filter", "action = Heartbeat") as terminal:
        assert terminal.ends() == 2
        assert "^" in terminal.shown


def test_no_colour_is_needed(folder):
    with Terminal("view", ROGUE, NO_COLOR="1") as terminal:
        terminal.until("ROGUE-13")
        terminal.press("2")
        terminal.until("DAMAGE")
        assert any(line.startswith("›") for line in terminal.shown.splitlines())
        assert any(line[1] == "E" for line in terminal.shown.splitlines() if len(line) > 1)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_inside_tmux(folder):
    with Terminal("view", CLEAN, TMUX="", TERM_PROGRAM="tmux") as terminal:
        terminal.until("LIS-0117")
        terminal.press("q")
        assert terminal.ends() == 0
    assert os.listdir(folder) == []  # noqa: PTH208
