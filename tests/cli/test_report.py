"""What `check` prints: text that fits its reader, JUnit that parses, SARIF that is valid."""

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from ocppscope import __version__
from ocppscope.cli import report, text
from ocppscope.events import Session
from ocppscope.rules.engine import Finding
from ocppscope.rules.registry import RULES
from tests.cli import everything, lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import Conversation, answer, call, session, switching, together, upgrade

ROGUE, CLEAN, TLS = (
    FOLDER / name for name in ("rogue-station.pcap", "clean-2.0.1-deflate.pcap", "tls-1.3.pcapng")
)


@pytest.fixture
def path(tmp_path):
    return saved(tmp_path, everything())


def evil(tmp_path):
    """A capture whose texts have characters that XML, a terminal or a URI do not bear."""
    identity = "".join(f"%{byte:02x}" for byte in "A\x00\x1b[31m<&\"'\n\ufffe".encode())
    talk = Conversation().open().client(upgrade(f"/{identity}")).server(switching())
    talk.client(call('[2,"1","DataTransfer",{"\\u0001\\u001b[2J]]>":1,"vendorId":"<b>&\\u0000"}]'))
    talk.client(call('[2,"2","\\u0007<&\\uffff",{}]')).close()
    return saved(tmp_path, talk, "a <b> & 'c' é%20.pcap")


# --- text ---------------------------------------------------------------------------------------------------


def test_a_finding_has_title_place_proof_source_and_hint(path):
    output = run("check", path).stdout
    assert output.startswith(f"{path}\n\nerror    SCH-enum  A value is none of those allowed\n")
    detail, proof, source, hint = output.splitlines()[3:7]
    assert detail.startswith(
        '         CP001, session 1, station → CSMS: /errorCode is "Error": it must be one'
    )
    assert proof == "         22:13:20.008  #4"
    assert source == "         source OCPP 1.6 JSON schemas (edition 2 chapter 6)"
    assert hint.startswith("         hint   values are case-sensitive")
    assert output.splitlines()[-1] == (
        "4 errors, 2 warnings, 4 notes in 1 station, 1 session, 5 messages, 3 unreadable, OCPP 1.6, "
        "2023-11-14 22:13:20 to 22:13:20 UTC (12 ms)"
    )


def test_a_finding_that_was_seen_often_says_how_often_and_when(tmp_path):
    talk = session()
    for n in range(12):
        talk.client(call(f'[3,"unasked {n}",{{}}]'))
    output = run("check", saved(tmp_path, talk.close())).stdout
    proof = "12 times, from 22:13:20.006 to 22:13:20.017  #2 #3 #4 #5 #6 #7 #8 #9 …"
    assert f"\n         {proof}\n" in output


def test_sessions_that_differ_in_nothing_are_told_together(tmp_path):
    talks = [
        Conversation(client=f"10.0.0.{n}:1")
        .open()
        .client(upgrade(f"/CP{n}", Sec_WebSocket_Key=f"{n}" * 22 + "=="))
        .server(switching(f"{n}" * 22 + "=="))
        .client(call('[2,"1","Heartbeats",{}]'))
        .close()
        for n in range(1, 6)
    ]
    output = run("check", "--only", "RPC-019", saved(tmp_path, together(*talks))).stdout
    assert output.count("error  ") == 1
    assert re.findall(r"CP\d, session \d", output) == ["CP1, session 1", "CP2, session 2", "CP3, session 3"]
    assert "and in 2 more sessions\n" in output
    assert "in 5 stations, 5 sessions, 5 messages" in output


def test_notes_of_a_clean_capture():
    output = run("check", CLEAN).stdout
    assert output.endswith("; notes: WS-007 (--json shows them)\n")
    late = run("check", FOLDER / "late-start.pcap").stdout.splitlines()
    assert late[0].endswith("; notes: RPC-006, MV-004, TX16-002 (--json shows them)")
    assert len(late) == 4
    assert late[1].startswith("    note CAP-002 The session began before it was captured: the handshake of ")
    assert late[2].startswith("    note TX16-018 A very short or very long transaction: ")
    assert late[3].startswith("    note CAP-006 The OCPP version was assumed: no subprotocol was agreed")
    assert run("check", TLS).stdout.count(";") == 0


def test_an_unnamed_station(tmp_path):
    boot = '[2,"1","BootNotification",{"chargePointVendor":"v","chargePointModel":"m"}]'
    talk = Conversation().client(call(boot)).server(answer('[3,"1",{}]')).client(call('[2,"2"'))
    assert "unnamed station, session 1, station → CSMS: " in run("check", saved(tmp_path, talk)).stdout


@pytest.mark.parametrize("columns", [50, 80])
def test_no_line_is_wider_than_the_terminal_but_words_that_cannot_be_broken(
    path, tmp_path, monkeypatch, columns
):
    inputs = [path, ROGUE, CLEAN, *(FOLDER / f"{name}.pcap" for name in ("late-start", "refused-handshake"))]
    talk = session()
    for n in range(90_000, 90_012):
        talk.client(call(f'[3,"{n}",{{}}]'))
    inputs.append(saved(tmp_path, talk, "many.pcap"))
    monkeypatch.chdir(tmp_path)
    for number, one in enumerate(inputs):  # so that it does not matter how long the path of this project is
        inputs[number] = Path(f"{number}{Path(one).suffix}")
        inputs[number].symlink_to(one)
    whole = run("check", *inputs).stdout
    monkeypatch.setattr(text, "width", lambda: columns)
    narrow = run("check", *inputs).stdout
    for line in narrow.splitlines():
        assert text.columns_of(line) <= columns or len(line.split()) <= 1 + line.startswith(
            ("         source ", "         hint   ")
        ), line
    assert narrow.split() == whole.split()
    coloured = run("check", *inputs, color=True).stdout
    assert re.sub("\x1b\\[[0-9]*m", "", coloured) == narrow


def test_nothing_is_wrapped_in_a_pipe(path):
    assert max(map(len, run("check", path).stdout.splitlines())) > 200


def test_control_characters_cannot_move_the_cursor(tmp_path):
    output = run("check", evil(tmp_path), color=True).stdout
    assert not set(re.sub("\x1b\\[[0-9]*m", "", output)) & {chr(code) for code in range(32) if code != 10}
    assert "A␀␛[31m<&\"'␊" in output
    assert "\x1b[2J" not in output


@pytest.mark.parametrize(
    ("count", "first", "events", "said"),
    [
        (1, 0, [3], "00:00:00.000  #3"),
        (1, None, [3], "#3"),
        (1, 0, [], "00:00:00.000"),
        (2, None, [3, 4], "2 times  #3 #4"),
        (1_234, 0, [3], "1,234 times, from 00:00:00.000 to 00:00:00.000  #3 …"),
        (9, None, list(range(1, 10)), "9 times  #1 #2 #3 #4 #5 #6 #7 #8 …"),
    ],
)
def test_proof(count, first, events, said):
    finding = Finding(RULES["WS-007"], "info", "", "", "", Session(1), events=events, count=count)
    finding.first = finding.last = first
    assert report._proof(finding) == said


# --- JUnit --------------------------------------------------------------------------------------------------


def junit(*words):
    done = run("check", "--format", "junit", *words)
    assert done.stdout.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return ET.fromstring(done.stdout.encode())


def test_junit_has_a_suite_for_each_capture_and_a_case_for_each_finding(path):
    root = junit("--skip", "WS-007", path, CLEAN)
    assert (root.tag, [child.tag for child in root]) == ("testsuites", ["testsuite", "testsuite"])
    bad, good = root
    findings = lines("check", "--json", "--skip", "WS-007", path)
    failing = [one for one in findings if one["severity"] != "info"]
    assert bad.attrib == {
        "name": str(path),
        "tests": str(len(findings)),
        "failures": str(len(failing)),
        "errors": "0",
    }
    assert len(bad) == len(findings)
    for case, one in zip(bad, findings, strict=True):
        assert case.get("classname") == str(path)
        assert case.get("name").startswith(f"{one['rule']} CP001, session 1")
        (child,) = case
        if one["severity"] == "info":
            assert child.tag == "system-out"
        else:
            assert child.tag == "failure"
            assert (child.get("type"), child.get("message")) == (one["severity"], one["title"])
        for field in ("detail", "source", "hint"):
            assert one[field] in child.text
    assert good.attrib == {"name": str(CLEAN), "tests": "1", "failures": "0", "errors": "0"}
    assert (good[0].get("name"), len(good[0])) == ("no findings", 0)


def test_junit_bears_every_character(tmp_path):
    path = evil(tmp_path)
    suite = junit(path)[0]
    assert suite.get("name") == str(path)
    assert "\ufffd" in "".join(suite.itertext())
    assert "<b>" in suite.get("name")


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x0b", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_replaced(char):
    assert report.junit.body(f"a{char}b") == "a\ufffdb"


@pytest.mark.parametrize("char", ["\t", "\n", "\r", " ", "\x7f", "é", "\ud7ff", "\ue000", "\ufffd", "😀"])
def test_what_xml_can_hold_stays(char):
    assert report.junit.body(char) == char


def test_junit_of_nothing_parses(tmp_path):
    assert len(junit(tmp_path / "none")) == 0


# --- SARIF --------------------------------------------------------------------------------------------------


def sarif(*words):
    return json.loads(run("check", "--format", "sarif", *words).stdout)


def test_sarif(path):
    log = sarif(path, ROGUE)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (found,) = log["runs"]
    driver = found["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("ocppscope", __version__)
    findings = lines("check", "--json", path, ROGUE)
    assert [one["id"] for one in driver["rules"]] == list(dict.fromkeys(one["rule"] for one in findings))
    for one in driver["rules"]:
        assert one["shortDescription"]["text"] == RULES[one["id"]].title
        assert one["help"]["text"] == RULES[one["id"]].hint
    levels = {"error": "error", "warning": "warning", "info": "note"}
    assert len(found["results"]) == len(findings)
    for result, one in zip(found["results"], findings, strict=True):
        assert result["ruleId"] == one["rule"]
        assert result["level"] == levels[one["severity"]]
        assert one["detail"] in result["message"]["text"]
        assert one["source"] in result["message"]["text"]
        assert result["occurrenceCount"] == one["count"] >= 1
        assert result["properties"]["events"] == one["events"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == one["input"]


def test_a_sarif_location_is_a_uri(tmp_path):
    path = evil(tmp_path)
    place = sarif(path)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", place["uri"])
    assert unquote(place["uri"]) == os.fspath(path)


def test_sarif_of_nothing_is_an_empty_run():
    log = sarif("--skip", "WS-007", CLEAN)
    assert log["runs"][0]["results"] == log["runs"][0]["tool"]["driver"]["rules"] == []


@pytest.mark.parametrize("output", list(report.FORMATS))
def test_the_format_does_not_change_the_exit_code(output):
    assert run("check", "--format", output, ROGUE).exit_code == 1
    assert run("check", "--format", output, CLEAN).exit_code == 0
