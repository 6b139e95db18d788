"""`--filter`: mistakes are shown where they are; events and findings that fit."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ocppscope.cli.options import OpenInput
from tests.cli import everything, lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import Conversation, answer, call, pcap, session

ROGUE = FOLDER / "rogue-station.pcap"


@pytest.fixture
def capture(tmp_path):
    return saved(tmp_path, everything())


@pytest.mark.parametrize("words", [["ls"], ["check"], ["convert"]])
def test_a_mistake_is_shown_where_it_is(capture, words, tmp_path):
    output = [tmp_path / "x.jsonl"] if words == ["convert"] else []
    done = run(*words, "--filter", "acton == Heartbeat", capture, *output)
    assert done.exit_code == 2
    assert (
        "Error: Invalid value for '--filter': there is no field acton; did you mean action?\n" in done.stderr
    )
    assert "\n  acton == Heartbeat\n  ^^^^^\nexpected: " in done.stderr


# --- ls -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("action == Heartbeat", [2, 3]),
        ("event == gap or type == PING", [6, 11]),
        ("not station == CP001", []),
        ("connectorId", [4]),
        ("severity == error and event == message", [4]),
        ("has(rule) and not event == message", None),
    ],
)
def test_ls_lists_what_fits(capture, text, numbers):
    shown = [one["n"] for one in lines("ls", "--json", "--filter", text, capture)]
    if numbers is None:
        assert shown
    else:
        assert shown == numbers
    assert len(run("ls", "--filter", text, capture).stdout.splitlines()) == len(shown)


def test_events_are_the_same_as_without_a_filter(capture):
    all_events = lines("ls", "--json", capture)
    for text in ("event != opened", "has(severity)"):
        shown = lines("ls", "--json", "--filter", text, capture)
        assert shown == [one for one in all_events if one["n"] in {each["n"] for each in shown}]


def test_an_event_is_judged_also_by_what_comes_later(tmp_path):
    fits = [one["n"] for one in lines("ls", "--json", "--filter", "has(rule)", ROGUE)]
    proven = {n for one in lines("check", "--json", ROGUE) for n in one["events"]}
    assert set(fits) >= proven


def test_findings_need_the_end_which_a_follower_never_sees(capture):
    done = run("ls", "--follow", "--filter", "severity == error", capture)
    assert done.exit_code == 2
    assert "--follow cannot wait for findings" in done.stderr


def test_notices_are_told_with_a_filter_too(tmp_path):
    torn = saved(tmp_path, pcap(everything().packets)[:-10])
    for text in ("action == Heartbeat", "has(rule)"):
        done = run("ls", "--filter", text, torn)
        assert done.exit_code == 1
        assert done.stderr.count("Warning: ") == 1


def test_nothing_is_left_in_the_temporary_folder(capture, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for words in (
        ["ls", "--filter", "has(rule)"],
        ["check", "--filter", "has(rule)"],
        ["check", "--filter", "x", "/no"],
    ):
        run(*words, capture)
    assert [path.name for path in tmp_path.iterdir()] == ["test.pcap"]


@pytest.mark.parametrize("command", ["check", "ls"])
def test_nothing_is_left_where_it_is_told_to_end(tmp_path, command):
    words = [sys.executable, "-m", "ocppscope", command, "--filter", "severity == error", "-"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env) as process:
        process.stdin.write(pcap(session().client(call()).packets))
        process.stdin.flush()
        end = time.monotonic() + 30
        while not list(tmp_path.glob("ocppscope-*/judged.ocppdb-wal")):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_an_input_without_ocpp_is_3(tmp_path):
    path = saved(tmp_path, Conversation().open().client(b"SSH-2.0-x\r\n"))
    for text in ("has(rule)", "action == Heartbeat"):
        assert run("ls", "--filter", text, path).exit_code == 3
        assert run("check", "--filter", text, path).exit_code == 3


# --- check --------------------------------------------------------------------------------------------------


def test_a_finding_is_shown_if_an_event_that_proves_it_fits():
    everything_found = lines("check", "--json", ROGUE)
    events = {one["n"]: one for one in lines("ls", "--json", ROGUE)}
    shown = lines("check", "--json", "--filter", "type == CALL", ROGUE)
    assert shown == [
        one for one in everything_found if any(events[n].get("messageType") == "CALL" for n in one["events"])
    ]
    assert 0 < len(shown) < len(everything_found)


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_of_severities_and_rules_only_the_findings_own_count(severity):
    everything_found = lines("check", "--json", ROGUE)
    shown = lines("check", "--json", "--filter", f"severity == {severity}", ROGUE)
    assert shown == [one for one in everything_found if one["severity"] == severity]
    rule = everything_found[0]["rule"]
    shown = lines("check", "--json", "--filter", f"rule == {rule}", ROGUE)
    assert shown == [one for one in everything_found if one["rule"] == rule]


def test_a_finding_of_many_events_is_shown_for_any_of_them(tmp_path):
    talk = session()
    for at in range(60):
        talk.client(call(f'[2,"{at}","StatusNotification",{{"connectorId":{at}}}]')).server(
            answer(f'[3,"{at}",{{}}]')
        )
    path = saved(tmp_path, talk)
    shown = lines("check", "--json", "--filter", "payload.connectorId == 59 and type == CALL", path)
    found = [one for one in shown if one["count"] >= 60]
    assert found
    assert all(max(one["events"]) < 100 for one in found)


def test_the_exit_code_is_that_of_what_is_shown():
    assert run("check", ROGUE).exit_code == 1
    assert run("check", "--filter", "severity == info", ROGUE).exit_code == 0
    assert run("check", "--filter", "severity == info", "--fail-on", "info", ROGUE).exit_code == 1
    assert run("check", "--filter", "station == nobody", ROGUE).exit_code == 0


def test_the_tally_says_what_is_not_shown():
    whole = len(lines("check", "--json", ROGUE))
    shown = len(lines("check", "--json", "--filter", "severity == error", ROGUE))
    assert (
        f"; {whole - shown} findings not shown (--filter)\n"
        in run("check", "--filter", "severity == error", ROGUE).stdout
    )
    clean = run("check", "--filter", "station == nobody", ROGUE).stdout
    assert "no errors, no warnings in 1 station, 1 session, 18 messages" in clean
    assert f"; {whole} findings not shown (--filter)" in clean
    assert "not shown" not in run("check", "--filter", "has(rule)", ROGUE).stdout


def test_rules_that_are_left_out_stay_out():
    rule = lines("check", "--json", ROGUE)[0]["rule"]
    assert {
        one["rule"] for one in lines("check", "--json", "--only", rule, "--filter", "has(event)", ROGUE)
    } == {rule}


def test_interrupted_it_shows_what_fits_so_far(capture, monkeypatch):
    whole = run("check", "--json", "--filter", "severity == error", capture).stdout
    real = OpenInput.batches

    def stop(self):
        yield from real(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(OpenInput, "batches", stop)
    done = run("check", "--json", "--filter", "severity == error", capture)
    assert done.exit_code == 130
    assert done.stdout == whole
    assert json.loads(whole.splitlines()[0])["severity"] == "error"
