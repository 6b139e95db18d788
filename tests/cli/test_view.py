"""`view`: what is started for which input, what the browser is told, and what is left behind. The browser itself
is no part of this: a stand-in waits for the loader and says what it was given."""

import fcntl
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from types import SimpleNamespace

import pytest

from ocppscope.cli import view
from ocppscope.store.schema import MAGIC
from tests.cli import everything, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import answer, call, pcap, session

CLEAN = FOLDER / "clean-1.6.pcap"
STAND_IN = """
import json, os, sys
import ocppscope.cli.view as view
from ocppscope.cli.main import main

def browse(path, is_file, loader=None, errors=None, **what):
    from ocppscope.store import Store
    code = None if loader is None else loader.wait(30)
    said = errors.read_text() if errors else ""
    last = 0
    if path.exists():
        with Store(path) as store:
            last, profile = store.last, store.meta.get("profile")
            what |= {"profile": profile, "station": [row.session.station for row in store.sessions()]}
    what |= {"path": str(path), "code": code, "said": said, "last": last, "keys": sys.stdin.isatty()}
    what["mode"] = oct(path.parent.stat().st_mode)
    json.dump(what, open(os.environ["REPORT"], "w"))
    if "WAIT" in os.environ:
        import time
        time.sleep(60)
    return 7

view.browse = browse
main()
"""


def in_terminal(folder, *words, stdin=None, **env):
    """Run a command in a terminal of its own; its process, and where it reports."""
    leader, terminal = pty.openpty()
    report = folder / "report.json"

    def take_terminal():
        fcntl.ioctl(1, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-c", STAND_IN, *map(str, words)],
        stdin=terminal if stdin is None else stdin,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509 - no threads here
        env={**os.environ, "REPORT": str(report), "TMPDIR": str(folder), **env},
    )
    os.close(terminal)
    return process, report, leader


def viewed(folder, *words, stdin=None):
    """What the browser was told, once it has ended; nothing may be left of it."""
    process, report, leader = in_terminal(folder, *words, stdin=stdin)
    try:
        assert process.wait(60) == 7, os.read(leader, 4000).decode()
    finally:
        os.close(leader)
    what = json.loads(report.read_text())
    assert list(folder.glob("ocppscope-*")) == []
    return SimpleNamespace(**what)


def test_a_capture_is_loaded_into_a_temporary_store(tmp_path):
    seen = viewed(tmp_path, "view", CLEAN)
    assert (seen.code, seen.said, seen.last) == (0, "", 56)
    assert (seen.name, seen.follow, seen.filter_text, seen.profile) == (CLEAN.name, False, "", "field")
    assert seen.path.startswith(f"{tmp_path}/ocppscope-")
    assert seen.mode == "0o40700"


def test_options_reach_the_loader_and_the_browser(tmp_path):
    path = saved(tmp_path, session().client(call()).server(answer()).close(), "-odd name.pcap")
    words = [
        "--profile",
        "strict",
        "--name-station",
        "X",
        "--station",
        "CP001",
        "--filter",
        "action == Heartbeat",
    ]
    seen = viewed(tmp_path, "view", *words, "--", path)
    assert (seen.profile, seen.station, seen.filter_text) == ("strict", ["CP001"], "action == Heartbeat")


def test_a_store_is_opened_as_it_is(tmp_path):
    path = tmp_path / "x.ocppdb"
    assert run("convert", CLEAN, path).exit_code == 0
    seen = viewed(tmp_path, path, "--follow")
    assert (seen.path, seen.code, seen.last, seen.follow) == (str(path), None, 56, True)
    judged = viewed(tmp_path, "view", "--profile", "strict", path)
    assert (judged.path != str(path), judged.profile, judged.last) == (True, "strict", 56)


def test_a_pipe_and_keys_from_the_terminal(tmp_path):
    read_end, write_end = os.pipe()
    with subprocess.Popen(["cat", str(CLEAN)], stdout=write_end):
        os.close(write_end)
        seen = viewed(tmp_path, "-", stdin=read_end)
    os.close(read_end)
    assert (seen.name, seen.code, seen.last, seen.keys) == ("standard input", 0, 56, True)


def test_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"cat {CLEAN} > {tmp_path}/pipe"]):
        seen = viewed(tmp_path, "view", tmp_path / "pipe")
    assert (seen.code, seen.last, seen.name) == (0, 56, "pipe")


def test_what_cannot_be_loaded_is_said(tmp_path):
    (tmp_path / "x").write_text("no capture, but long enough")
    seen = viewed(tmp_path, "view", tmp_path / "x")
    assert (seen.code, seen.last) == (3, 0)
    assert "x holds no OCPP message. In 1 line of text" in seen.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_takes_its_loader_and_its_folder_along(tmp_path, number):
    read_end, write_end = os.pipe()
    os.write(write_end, pcap(session().client(call()).packets))
    process, _, leader = in_terminal(tmp_path, "-", stdin=read_end, WAIT="1")
    end = time.monotonic() + 30
    while not list(tmp_path.glob("ocppscope-*/view.ocppdb")):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    assert list(tmp_path.glob("ocppscope-*")) == []
    os.write(write_end, b"")
    os.close(read_end)
    with pytest.raises(BrokenPipeError):  # the loader has gone too
        os.write(write_end, b"more")
    os.close(write_end)
    os.close(leader)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_over_a_kept_store_it_leaves_in_order(tmp_path, number):
    """By SystemExit, so that the browser can give the terminal back."""
    path = tmp_path / "x.ocppdb"
    assert run("convert", CLEAN, path).exit_code == 0
    process, report, leader = in_terminal(tmp_path, "view", path, WAIT="1")
    wait_until(lambda: report.exists() and report.stat().st_size)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    os.close(leader)


def wait_until(is_so):
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_locked(folder):
    with (folder / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_what_a_killed_browser_left_is_removed_by_the_next(tmp_path):
    process, report, leader = in_terminal(tmp_path, "view", CLEAN, WAIT="1")
    wait_until(report.exists)
    (folder,) = tmp_path.glob("ocppscope-*")
    process.kill()
    process.wait(30)
    os.close(leader)
    assert (folder / "view.ocppdb").exists()
    viewed(tmp_path, "view", CLEAN)  # it looks that nothing is left


def test_a_store_that_is_opened_as_it_is_removes_it_too(tmp_path):
    path = tmp_path / "x.ocppdb"
    assert run("convert", CLEAN, path).exit_code == 0
    (tmp_path / "ocppscope-left").mkdir()
    (tmp_path / "ocppscope-left" / "lock").touch()
    viewed(tmp_path, "view", path)


def test_the_folder_of_a_browser_that_lives_is_kept(tmp_path):
    process, report, leader = in_terminal(tmp_path, "view", CLEAN, WAIT="1")
    wait_until(report.exists)
    (folder,) = tmp_path.glob("ocppscope-*")
    assert is_locked(folder)
    other, _, other_leader = in_terminal(tmp_path, "view", CLEAN)
    assert other.wait(60) == 7
    assert (folder / "view.ocppdb").exists()
    process.terminate()
    process.wait(30)
    os.close(leader)
    os.close(other_leader)


def test_the_folder_is_kept_while_only_its_loader_lives(tmp_path):
    read_end, write_end = os.pipe()
    os.write(write_end, pcap(session().client(call()).packets))
    process, _, leader = in_terminal(tmp_path, "-", stdin=read_end)
    os.close(read_end)
    wait_until(lambda: list(tmp_path.glob("ocppscope-*/view.ocppdb")))
    (folder,) = tmp_path.glob("ocppscope-*")
    process.kill()
    process.wait(30)
    os.close(leader)
    wait_until(lambda: not is_locked(folder))  # the loader sees that its browser is gone, and goes too
    os.close(write_end)
    assert not (folder / "view.ocppdb").exists()


def test_what_is_not_surely_ours_and_stale_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(view.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "ocppscope-new").mkdir()  # not locked yet
    (tmp_path / "ocppscope-file").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (tmp_path / "ocppscope-link").symlink_to(elsewhere)
    (tmp_path / "ocppscope-linked").mkdir()
    (tmp_path / "ocppscope-linked" / "lock").symlink_to(elsewhere / "lock")
    before = sorted(tmp_path.rglob("*"))
    view.remove_stale()
    assert sorted(tmp_path.rglob("*")) == before
    stale = tmp_path / "ocppscope-stale"
    stale.mkdir()
    (stale / "lock").touch()
    monkeypatch.setattr(view.os, "geteuid", lambda: stale.stat().st_uid + 1)
    view.remove_stale()
    assert stale.exists()
    monkeypatch.undo()
    monkeypatch.setattr(view.tempfile, "gettempdir", lambda: str(tmp_path))
    view.remove_stale()
    assert sorted(tmp_path.rglob("*")) == before


# --- in process: what is refused ----------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TEXTUAL_DRIVER", "as if on the web")


@pytest.mark.parametrize("words", [[CLEAN], ["view", CLEAN], ["view", "-"]])
def test_without_a_terminal(words, tmp_path):
    done = run(*words)
    assert done.exit_code == 2
    assert "view needs a terminal, and standard " in done.stderr
    assert "`ocppscope ls`" in done.stderr


def test_standard_input_without_anything_piped_in(monkeypatch, terminal):
    monkeypatch.setattr(view.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(view.click.UsageError, match="nothing is piped in"):
        view._piped("-")


def test_standard_input_without_a_terminal_for_keys(monkeypatch):
    def refuse(*_):
        raise OSError(6, "No such device or address")

    monkeypatch.setattr(view.os, "open", refuse)
    monkeypatch.setattr(view.sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(view.click.UsageError, match=r"there is no terminal .* to take keys from"):
        view._piped("-")


def test_inputs_that_are_none(tmp_path, terminal):
    done = run("view", tmp_path / "missing")
    assert (done.exit_code, done.stderr) == (
        3,
        f"Error: {tmp_path}/missing cannot be opened: there is no such file\n",
    )
    done = run("view", tmp_path)
    assert (done.exit_code, done.stderr) == (3, f"Error: {tmp_path} is a folder: name the files in it\n")


def test_a_filter_that_is_none(tmp_path, terminal, monkeypatch):
    monkeypatch.setattr(view, "_start", lambda *_, **__: {})
    done = run("view", "--filter", "acton == X", saved(tmp_path, everything()))
    assert done.exit_code == 2
    assert "did you mean action?" in done.stderr
    assert "\n  ^^^^^\n" in done.stderr


def test_what_the_browser_has_to_say(tmp_path, terminal, monkeypatch):
    from ocppscope.tui import run as door

    def nothing(**_):
        raise door.NothingToShowError("Error: x is no capture", 3)

    monkeypatch.setattr(door, "run", nothing)
    path = tmp_path / "x.ocppdb"
    run("convert", CLEAN, path)
    done = run("view", path)
    assert (done.exit_code, done.stderr) == (3, "Error: x is no capture\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.log", b"a log of something else\n", "x.log holds no OCPP message. In 1 line of text"),
        ("x.jsonl", b'{"payload":[1,2]}\n' * 2, "holds no OCPP message"),
        ("x.pcap", pcap([]), "x.pcap holds no OCPP message. Found instead: nothing at all"),
    ],
)
def test_a_file_without_any_message_is_no_empty_screen(tmp_path, terminal, monkeypatch, name, content, said):
    monkeypatch.setattr(view, "_FIRST_EVENT", 60)
    path = tmp_path / name
    path.write_bytes(content)
    done = run("view", path)
    assert done.exit_code == 3
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize("table", ["events", "sessions", "meta", "marks"])
def test_a_store_that_is_too_damaged_for_the_first_screen(tmp_path, terminal, table):
    path = tmp_path / "x.ocppdb"
    run("convert", CLEAN, path)
    database = sqlite3.connect(path)
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    done = run("view", path)
    assert done.exit_code == 3
    assert done.stderr == (
        f"Error: {path} is damaged: database disk image is malformed. "
        "Convert the capture that it was made of once more\n"
    )


def test_the_loader_does_not_import_from_the_working_folder(tmp_path):
    (tmp_path / "click.py").write_text("raise SystemExit('taken over')")
    done = subprocess.run(
        [*view.PROGRAM, "--version"], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert done.stdout.startswith(b"ocppscope ")


def test_nothing_slow_is_imported_before_the_loader_runs():
    check = "import sys, ocppscope.cli.view; print(*(name for name in sys.modules if 'ocppscope.' in name))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, timeout=60)
    assert set(done.stdout.decode().split()) == {
        "ocppscope.cli",
        "ocppscope.cli.reading",
        "ocppscope.cli.view",
    }
    assert view._SQLITE == MAGIC
