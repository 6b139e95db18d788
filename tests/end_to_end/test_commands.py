"""Real processes: pipes, signals, and what is imported. Everything else is tested in process (tests/cli)."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import answer, call, pcap, session

PROGRAM = [sys.executable, "-m", "ocppscope"]
CLEAN, ROGUE = FOLDER / "clean-1.6.pcap", FOLDER / "rogue-station.pcap"


def run(*words, **options):
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | options
    return subprocess.run([*PROGRAM, *map(str, words)], check=False, **given)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check", CLEAN], 0),
        (["check", ROGUE], 1),
        (["check", "--frobnicate", CLEAN], 2),
        (["check", "no-such-file.pcap"], 3),
    ],
)
def test_exit_codes(words, code):
    done = run(*words)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert bool(done.stdout) == (code < 2)
    assert bool(done.stderr) == (code >= 2)


def halves():
    talk = session().client(call())
    at = len(pcap(talk.packets))
    return pcap(talk.packets), pcap(talk.server(answer()).close().packets)[at:]


def follow_pipe(*words):
    return subprocess.Popen(
        [*PROGRAM, *words, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )


def said(process):
    return json.loads(process.stdout.readline())


def test_a_live_pipe_is_shown_as_it_comes():
    first, second = halves()
    with follow_pipe("ls", "--json") as process:
        process.stdin.write(first)
        assert [said(process)["event"] for _ in range(2)] == ["opened", "message"]  # the pipe is still open
        process.stdin.write(second)
        assert said(process)["answers"] == 2
        out, err = process.communicate()
    assert json.loads(out)["event"] == "closed"
    assert (process.returncode, err) == (0, b"")


def test_an_interrupt_is_130_without_a_traceback():
    with follow_pipe("ls") as process:
        process.stdin.write(halves()[0])
        assert b"opened" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert err.strip() == b""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["rules", "--json"], 0),
        (["ls", CLEAN], 0),
        (["ls", "--json", CLEAN], 0),
        (["show", CLEAN, 2], 0),
        (["check", CLEAN], 0),
        (["check", ROGUE], 1),
        (["check", "--format", "sarif", ROGUE], 1),
    ],
)
def test_a_closed_pipe_on_stdout_ends_quietly(words, code):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = run(*words, stdout=write_end)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")  # noqa: PTH110
def test_a_full_disk_is_told_without_a_traceback():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = run("ls", "--json", CLEAN, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"Error: the output cannot be written: No space left on device\n"


def test_a_terminal_without_arrows_gets_something_else():
    done = run("ls", CLEAN, env={**os.environ, "PYTHONIOENCODING": "iso-8859-1"})
    assert done.returncode == 0
    assert b"\\u2192" in done.stdout


HEAVY = ["scapy", "textual", "cryptography", "websockets"]


@pytest.mark.parametrize(
    "script",
    [
        "import ocppscope.cli.check",
        "sys.argv[1:] = ['--help']; ocppscope.cli.main.main()",
        "sys.argv[1:] = ['check', '--help']; ocppscope.cli.main.main()",
        "sys.argv[1:] = ['rules']; ocppscope.cli.main.main()",
    ],
)
def test_the_start_imports_nothing_heavy(script):
    check = f"""
import sys, ocppscope.cli.main
try:
    {script}
except SystemExit as stop:
    assert not stop.code
print(*set(sys.modules) & set({HEAVY}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, timeout=60)
    assert done.stderr.split() == []


def test_help_imports_no_decoder():
    check = "import sys, ocppscope.cli.main; print(*(name for name in sys.modules if 'ocppscope.' in name))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, timeout=60)
    assert set(done.stdout.decode().split()) == {
        "ocppscope.cli",
        "ocppscope.cli.main",
        "ocppscope.cli.pipes",
    }
