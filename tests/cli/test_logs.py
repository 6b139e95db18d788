"""Logs by way of the commands: what is said, and the options for them."""

import json

import pytest

from tests.cli import run, saved

LOG = (
    b'2025-01-02 03:04:05 INFO (MainThread) [ocpp] CP: receive message [2,"1","Heartbeat",{}]\n'
    b'2025-01-02 03:04:06 INFO (MainThread) [ocpp] CP: send [3,"1",{"currentTime":"2025-01-02T03:04:05Z"}]\n'
    b'2025-01-02 03:04:07 INFO (MainThread) [ocpp] CP: send [2,"9","DataTransfer",{"vendorId":"x"}]\n'
)


@pytest.mark.parametrize("command", [("check",), ("ls",), ("ls", "--json"), ("check", "--json")])
def test_what_is_assumed_is_said_once_on_stderr(command):
    done = run(*command, "-", stdin=LOG)
    assert done.exit_code == 0
    assert done.stderr.splitlines()[:2] == [
        "Note: standard input is read as a Home Assistant log (--dialect home-assistant)",
        "Note: times in the log have no zone: taken for UTC. --assume-tz names another",
    ]
    assert len(done.stderr.splitlines()) == len(set(done.stderr.splitlines()))


def test_the_summary_counts_its_session_and_its_time(tmp_path):
    done = run("check", saved(tmp_path, LOG))
    assert "1 station, 1 session, 3 messages, " in done.stdout
    assert "2025-01-02 03:04:05 to 03:04:07 UTC" in done.stdout


def test_a_time_zone(tmp_path):
    done = run("ls", "--json", "--assume-tz", "+02:00", saved(tmp_path, LOG))
    assert json.loads(done.stdout.splitlines()[0])["timestamp"] == "2025-01-02T01:04:05.000000Z"
    done = run("ls", "--assume-tz", "Nowhere/Land", saved(tmp_path, LOG))
    assert done.exit_code == 2
    assert "'Nowhere/Land' is no time zone" in done.stderr


def test_who_logs_and_in_what_dialect():
    log = b'x send [2,"9","DataTransfer",{"vendorId":"x"}]\n'
    for side, direction in (("station", "cp-to-csms"), ("csms", "csms-to-cp")):
        done = run("ls", "--json", "--as-logged-by", side, "-", stdin=log)
        assert json.loads(done.stdout.splitlines()[0])["direction"] == direction
    done = run("ls", "--dialect", "evc", "-", stdin=log)
    assert done.exit_code == 2
    assert "there is no dialect 'evc': choose one of" in done.stderr


def test_a_name_for_the_station():
    done = run("ls", "--json", "--name-station", "CP7", "-", stdin=b'[2,"9","Heartbeat",{}]\n')
    assert json.loads(done.stdout.splitlines()[0])["chargePointId"] == "CP7"


def test_a_damaged_message_has_a_caret(tmp_path):
    name = saved(tmp_path, LOG + b'2025-01-02 03:04:08 INFO (MainThread) [ocpp] CP: send [3,"9",{"a" 1}]\n')
    shown = run("show", name, "4").stdout.splitlines()
    at = next(n for n, line in enumerate(shown) if line.startswith("[3,"))
    assert shown[at + 1].index("^") == shown[at].index(" 1}") + 1
    assert "RPC-001" in run("check", name).stdout
