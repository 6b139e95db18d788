"""`convert`: stores and JSON lines of captures; what is left where it fails, and what a viewer is told."""

import errno
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from ocppscope.cli import convert
from ocppscope.cli.options import OpenInput
from ocppscope.store import Store, processes
from tests.cli import everything, lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import Conversation, answer, call, pcap, session

PROGRAM = [sys.executable, "-m", "ocppscope"]
CAPTURES = sorted(path.name for path in FOLDER.glob("*.pcap*"))
EMPTY = pcap(Conversation().open().client(b"SSH-2.0-x\r\n").packets)


@pytest.fixture
def capture(tmp_path):
    return saved(tmp_path, everything())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def interrupt(monkeypatch, wrong=KeyboardInterrupt):
    real = OpenInput.batches

    def stop(self):
        yield from real(self)
        raise wrong

    monkeypatch.setattr(OpenInput, "batches", stop)


# --- what comes out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAPTURES)
def test_a_store_tells_what_its_capture_tells(tmp_path, name):
    made = run("convert", FOLDER / name, tmp_path / "s.ocppdb")
    if made.exit_code == 3:
        assert names(tmp_path) == []
        return
    assert made.exit_code == 0
    for words in (["ls"], ["ls", "--json"], ["check"], ["check", "--json"], ["check", "--profile", "strict"]):
        of_capture = run(*words, FOLDER / name)
        of_store = run(*words, tmp_path / "s.ocppdb")
        assert of_store.stdout.replace(str(tmp_path / "s.ocppdb"), str(FOLDER / name)) == of_capture.stdout
        assert (of_store.exit_code, of_store.stderr) == (of_capture.exit_code, of_capture.stderr)
    last = len(run("ls", FOLDER / name).stdout.splitlines())
    assert run("show", tmp_path / "s.ocppdb", last).stdout == run("show", FOLDER / name, last).stdout


@pytest.mark.parametrize("name", CAPTURES)
def test_json_lines_are_those_of_ls(tmp_path, name):
    made = run("convert", FOLDER / name, tmp_path / "s.jsonl")
    assert made.exit_code in (0, 3)
    if not made.exit_code:
        assert (tmp_path / "s.jsonl").read_bytes() == run("ls", "--json", FOLDER / name).stdout_bytes


def test_a_store_of_a_store_is_the_same(tmp_path, capture):
    run("convert", capture, tmp_path / "1.ocppdb")
    run("convert", tmp_path / "1.ocppdb", tmp_path / "2.ocppdb")
    dumps = []
    for name in ("1.ocppdb", "2.ocppdb"):
        database = sqlite3.connect(tmp_path / name)
        dumps.append([line for line in database.iterdump() if 'INTO "meta"' not in line])
        database.close()
    assert dumps[0] == dumps[1]
    assert len(dumps[0]) > 20


def test_it_says_what_it_wrote(tmp_path, capture):
    done = run("convert", capture, tmp_path / "x.ocppdb")
    assert done.stdout == ""
    assert done.stderr.startswith(f"{tmp_path}/x.ocppdb: 1 station, 1 session, ")
    assert done.stderr.count("\n") == 1


def test_reading_options_count(tmp_path):
    talk = Conversation().client(call()).server(answer()).client(call('[2,"2","Heartbeat",{}]'))
    run("convert", "--name-station", "X1", saved(tmp_path, talk), tmp_path / "x.ocppdb")
    assert {one["chargePointId"] for one in lines("ls", "--json", tmp_path / "x.ocppdb")} == {"X1"}


def test_the_profile_is_kept(tmp_path, capture):
    run("convert", "--profile", "strict", capture, tmp_path / "x.ocppdb")
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.meta["profile"] == "strict"


def test_standard_input(tmp_path):
    done = run("convert", "-", tmp_path / "x.ocppdb", stdin=pcap(everything().packets))
    assert done.exit_code == 0
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.meta["source"] == "standard input"


@pytest.mark.parametrize(("output", "to"), [("x.db", ["--to", "ocppdb"]), ("X.OCPPDB", [])])
def test_the_format_is_told_by_option_or_extension(tmp_path, capture, output, to):
    assert run("convert", capture, tmp_path / output, *to).exit_code == 0
    with Store(tmp_path / output) as store:
        assert store.is_complete


# --- selections ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["action == Heartbeat", "severity == error", "event == gap or rule == CAP-001"]
)
def test_a_filter_selects_the_same_for_all_formats(tmp_path, capture, text):
    shown = [one["n"] for one in lines("ls", "--json", "--filter", text, capture)]
    for name in ("x.ocppdb", "x.jsonl"):
        done = run("convert", "--filter", text, capture, tmp_path / name)
        assert done.exit_code == 0
        assert f"; {len(shown)} events fit the filter\n" in done.stderr
    assert [json.loads(line)["n"] for line in (tmp_path / "x.jsonl").read_text().splitlines()] == shown
    done = run("ls", "--json", tmp_path / "x.ocppdb")
    assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == shown
    assert f"Warning: {tmp_path}/x.ocppdb holds a selection ({text})" in done.stderr


def test_check_says_that_a_store_is_a_selection(tmp_path, capture):
    run("convert", "--filter", "type == CALL", capture, tmp_path / "x.ocppdb")
    done = run("check", "--fail-on", "never", tmp_path / "x.ocppdb")
    assert done.exit_code == 0
    assert "holds a selection (type == CALL): what was left out may seem missing" in done.stderr


# --- what is there already ----------------------------------------------------------------------------------


def test_an_output_is_replaced_only_by_force(tmp_path, capture):
    output = tmp_path / "x.ocppdb"
    output.write_bytes(b"mine")
    (tmp_path / "x.ocppdb-wal").write_bytes(b"old")
    done = run("convert", capture, output)
    assert done.exit_code == 2
    assert "x.ocppdb is there already: --force replaces it" in done.stderr
    assert output.read_bytes() == b"mine"
    assert run("convert", "--force", capture, output).exit_code == 0
    assert names(tmp_path) == ["test.pcap", "x.ocppdb"]
    with Store(output) as store:
        store.check()


def test_a_log_left_beside_no_store_is_not_taken_for_the_new_ones(tmp_path, capture):
    (tmp_path / "x.ocppdb-wal").write_bytes(b"old")
    assert run("convert", capture, tmp_path / "x.ocppdb").exit_code == 0
    assert names(tmp_path) == ["test.pcap", "x.ocppdb"]


def test_the_input_is_never_replaced(tmp_path, capture):
    run("convert", capture, tmp_path / "x.ocppdb")
    (tmp_path / "link.ocppdb").symlink_to(tmp_path / "x.ocppdb")
    for output in ("x.ocppdb", "link.ocppdb"):
        done = run("convert", "--force", tmp_path / "x.ocppdb", tmp_path / output)
        assert done.exit_code == 2
        assert "is the input: name another file" in done.stderr
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.last == 13


# --- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.ocppdb", "x.jsonl"])
@pytest.mark.parametrize("content", [EMPTY, b"", b"no capture at all"])
def test_an_input_without_ocpp_leaves_nothing_and_what_was_there(tmp_path, name, content):
    path = saved(tmp_path, content)
    assert run("convert", path, tmp_path / name).exit_code == 3
    assert names(tmp_path) == ["test.pcap"]
    (tmp_path / name).write_bytes(b"mine")
    assert run("convert", "--force", path, tmp_path / name).exit_code == 3
    assert names(tmp_path) == ["test.pcap", name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_torn_input_is_written_as_far_as_it_goes(tmp_path):
    path = saved(tmp_path, gzip.compress(pcap(everything().packets))[:-30])
    done = run("convert", path, tmp_path / "x.ocppdb")
    assert done.exit_code == 1
    assert done.stderr.startswith("Warning: ")
    again = run("check", "--json", "--fail-on", "never", tmp_path / "x.ocppdb")
    assert again.exit_code == 1
    assert "CAP-009" in again.stdout


@pytest.mark.parametrize("name", ["x.ocppdb", "x.jsonl"])
def test_interrupted_it_keeps_what_was_written(tmp_path, capture, monkeypatch, name):
    with monkeypatch.context() as patched:
        interrupt(patched)
        done = run("convert", capture, tmp_path / name)
    assert done.exit_code == 130
    assert f"interrupted, this is not all of {capture}" in done.stderr
    assert names(tmp_path) == ["test.pcap", name]
    if name == "x.ocppdb":
        again = run("ls", "--json", tmp_path / name)
        assert "its writer was stopped before the end" in again.stderr
        assert again.stdout == run("ls", "--json", capture).stdout


@pytest.mark.parametrize("name", ["x.ocppdb", "x.jsonl"])
def test_what_was_there_stays_where_writing_fails(tmp_path, capture, monkeypatch, name):
    (tmp_path / name).write_bytes(b"mine")
    interrupt(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    done = run("convert", "--force", capture, tmp_path / name)
    assert done.exit_code == 1
    assert f"{name} cannot be written: No space left on device" in done.stderr
    assert names(tmp_path) == ["test.pcap", name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_an_output_that_cannot_be_written(tmp_path, capture):
    done = run("convert", capture, tmp_path / "no" / "x.ocppdb")
    assert done.exit_code == 1
    assert f"{tmp_path}/no/x.ocppdb cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x"], "the format of x is not clear: name it x.ocppdb (a store"),
        (["x.ocppdb", "--to", "docx"], "'docx' is not one of"),
        (["x.ocppdb", "--filter", "action ="], "Invalid value for '--filter'"),
        (["x.ocppdb", "--filter", "action == X", "--follow"], "--follow and --filter contradict each other"),
    ],
)
def test_wrong_usage(tmp_path, capture, words, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("convert", capture, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert names(tmp_path) == ["test.pcap"]


# --- for viewers --------------------------------------------------------------------------------------------


def test_scratch_is_quiet_and_kept_also_where_there_is_nothing(tmp_path):
    path = saved(tmp_path, EMPTY)
    done = run("convert", "--scratch", path, tmp_path / "x.ocppdb")
    assert done.exit_code == 3
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.is_complete
        assert store.meta["error"].startswith(
            f"{path} holds no OCPP message. Found instead: 1 × TCP connection"
        )
        assert json.loads(store.meta["found"])["TCP connection"] == 1
    done = run("convert", "--scratch", saved(tmp_path, everything()), tmp_path / "y.ocppdb")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_what_is_found_is_always_noted(tmp_path, capture):
    run("convert", capture, tmp_path / "x.ocppdb")
    with Store(tmp_path / "x.ocppdb") as store:
        assert json.loads(store.meta["found"])["WebSocket"] == 1
        assert "error" not in store.meta


def test_scratch_interrupted(tmp_path, capture, monkeypatch):
    interrupt(monkeypatch)
    assert run("convert", "--scratch", capture, tmp_path / "x.ocppdb").exit_code == 130
    with Store(tmp_path / "x.ocppdb") as store:
        assert (store.last, store.is_complete) == (13, False)


def test_scratch_of_a_torn_file(tmp_path):
    path = saved(tmp_path, pcap(everything().packets)[:-10])
    assert run("convert", "--scratch", path, tmp_path / "x.ocppdb").exit_code == 1


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def last_of(path):
    try:
        with Store(path) as store:
            return store.last
    except Exception:  # noqa: BLE001 - not there yet
        return 0


def test_a_live_pipe_is_seen_whenever_it_pauses(tmp_path):
    packets = session().client(call()).server(answer()).close().packets
    data = pcap(packets)
    first = len(pcap(packets[:-4]))
    path = tmp_path / "x.ocppdb"
    words = [*PROGRAM, "convert", "--scratch", "-", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0) as process:
        process.stdin.write(data[:first])
        seen = until(lambda: last_of(path))
        process.stdin.write(data[first:])
        until(lambda: last_of(path) > seen)  # and the pipe is still open
        process.stdin.close()
    assert process.returncode == 0
    with Store(path) as store:
        assert store.is_complete


def test_an_interrupt_leaves_a_store(tmp_path):
    path = tmp_path / "x.ocppdb"
    words = [*PROGRAM, "convert", "-", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        process.stdin.write(pcap(session().client(call()).server(answer()).packets))
        until(lambda: last_of(path))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert said.endswith(b"; interrupted, this is not all of standard input\n")
    assert names(tmp_path) == ["x.ocppdb"]
    with Store(path) as store:
        store.check()
        assert (store.is_complete, store.has_writer, store.meta["found"] != "{}") == (False, False, True)


def test_a_growing_file_is_followed(tmp_path):
    packets = session().client(call()).server(answer()).close().packets
    data = pcap(packets)
    first = len(pcap(packets[:-4]))
    source, path = saved(tmp_path, data[:first]), tmp_path / "x.ocppdb"
    words = [*PROGRAM, "convert", "--follow", "--scratch", str(source), str(path)]
    with subprocess.Popen(words) as process:
        seen = until(lambda: last_of(path))
        with source.open("ab") as more:
            more.write(data[first:])
        until(lambda: last_of(path) > seen)
        process.terminate()


def test_without_its_parent_it_ends_and_cleans_up(tmp_path):
    """The parent is a shell, which is killed while the pipe of the child stays open."""
    path = tmp_path / "x.ocppdb"
    read_end, write_end = os.pipe()
    script = (
        "import os, subprocess, sys\n"
        f"subprocess.Popen([*{PROGRAM!r}, 'convert', '--scratch', f'--parent={{os.getpid()}}', '-', {str(path)!r}])\n"
        "sys.stdin.close(); import time; time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=read_end)
    os.write(write_end, pcap(session().client(call()).server(answer()).packets))
    until(lambda: last_of(path))
    parent.kill()
    parent.wait()
    until(lambda: names(tmp_path) == [])
    os.close(read_end)
    os.close(write_end)


def test_a_parent_that_is_no_parent(tmp_path, capture, monkeypatch):
    left = []
    monkeypatch.setattr(convert, "_WATCH", 0.01)
    monkeypatch.setattr(convert.os, "_exit", left.append)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run("convert", "--parent", gone.pid, capture, tmp_path / "x.ocppdb")
    until(lambda: left)
    assert left == [1]
    assert (tmp_path / "x.ocppdb").exists()  # only a viewer's own goes
    assert processes.is_there(1)
    assert not processes.is_there(0)
    assert not processes.is_there(1 << 62)
