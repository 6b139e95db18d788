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


# --- findings about the log itself ----------------------------------------------------------------------------


def findings(*words, **options):
    """Of `check --json`: the rule and what it says."""
    found = [json.loads(line) for line in run("check", "--json", *words, **options).stdout.splitlines()]
    return [(one["rule"], one["detail"]) for one in found]


def test_what_is_assumed_is_in_the_json_of_check():
    assert ("CAP-013", "times in the log have no zone: taken for UTC. --assume-tz names another") in findings(
        "-", stdin=LOG
    )
    assert not [one for one in findings("--assume-tz", "UTC", "-", stdin=LOG) if "zone" in one[1]]


def test_what_was_said_on_stderr_is_not_said_again(tmp_path):
    done = run("check", saved(tmp_path, LOG))
    assert "no zone" in done.stderr
    assert "no zone" not in done.stdout
    assert "CAP-013" not in done.stdout


SHORTENED = (
    b"2024-11-02 19:58:31.395 DEBUG (MainThread) [websockets.server] < TEXT "
    b'\'[2,"40ec","BootNotif...Model":"M"}]\' [98 bytes]\n'
    b"2024-11-02 19:58:31.400 DEBUG (MainThread) [websockets.server] > TEXT '[3,\"40ec\",{}]' [13 bytes]\n"
)


def test_the_hint_on_shortened_messages_is_one_for_logs():
    done = run("check", "-", stdin=SHORTENED)
    assert "messages that the station sent, of 98 bytes, are not shown whole" in done.stdout
    assert "tcpdump" not in done.stdout


@pytest.mark.parametrize("log", [LOG, SHORTENED, b'10:19:49 INFO: S: [2,"1","Heartbeat",{}]\n', LOG * 2])
def test_a_log_and_the_trace_made_of_it_are_judged_alike(log, tmp_path):
    name = saved(tmp_path, log, "a.log")
    for target in ("a.trace.jsonl", "a.ocppdb"):
        assert run("convert", name, tmp_path / target).exit_code == 0
        assert findings(tmp_path / target) == findings(name)


def test_no_empty_arrow_for_what_has_no_addresses(tmp_path):
    name = saved(tmp_path, LOG, "a.log")
    assert "session:     1, station CP\n" in run("show", name, "1").stdout
    bare = b'{"direction":"cp-to-csms","messageType":"CALL","raw":"[2,\\"1\\",\\"Heartbeat\\",{}]"}\n'
    assert "the handshake of a station without a name is not in the capture" in [
        detail for _, detail in findings("-", stdin=bare)
    ]


def test_a_record_that_contradicts_itself_leaves_the_file_whole(tmp_path):
    run("convert", saved(tmp_path, LOG), tmp_path / "a.trace.jsonl")
    record = json.loads((tmp_path / "a.trace.jsonl").read_bytes().splitlines()[0])
    (tmp_path / "b").write_text(json.dumps(record | {"messageId": "other"}) + "\n7\n")
    for words in (("check",), ("ls",), ("show", "1")):
        done = run(words[0], tmp_path / "b", *words[1:])
        assert done.exit_code == 0
        assert "line 1: raw and messageId disagree, raw counts" in done.stderr
    assert {"CAP-015", "CAP-016"} <= {rule for rule, _ in findings(tmp_path / "b")}
    (tmp_path / "b").write_text(json.dumps(record) + '\n{"torn": ')
    assert run("check", "--fail-on", "never", tmp_path / "b").exit_code == 1
