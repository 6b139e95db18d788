"""captures/ and what its README says of it: every table there is held against `check` and `ls`."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.wire.pcap import CaptureReader

FOLDER = Path(__file__).parents[2] / "captures"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in FOLDER.glob("*.pcap*"))
DERIVED = {
    "late-start.pcap": "clean-1.6.pcap",
    "lost-packets.pcap": "clean-1.6.pcap",
    "late-start-deflate.pcap": "clean-2.0.1-deflate.pcap",
    "lost-packets-deflate.pcap": "clean-2.0.1-deflate.pcap",
}
CLEAN = [name for name in FILES if name.startswith(("clean-", "send-", "tls-"))]
STATION, CSMS = "cp-to-csms", "csms-to-cp"


@cache
def run(*arguments):
    """The exit code and the JSON lines of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "ocppscope", *arguments],
        cwd=FOLDER,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def check(name):
    return run("check", "--json", name)


def events(name, kind=None):
    return [one for one in run("ls", "--json", name)[1] if kind in (None, one["event"])]


def cells(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def overview():
    """The first table of the README: its columns for each file."""
    rows = [cells(line) for line in README.split("###")[0].splitlines() if line.startswith("|")]
    head, _, *body = rows
    return {row[0].strip("`"): dict(zip(head, row, strict=True)) for row in body}


def described():
    """For each file with a section in the README, the (rule, severity) of each row of its table."""
    sections = re.split(r"^### `(.+)`$", README.split("\n## Make")[0], flags=re.MULTILINE)[1:]
    return {
        name: [
            tuple(cells(line)[:2])
            for line in text.splitlines()
            if line.startswith("|") and not line.startswith(("| rule", "|---"))
        ]
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def packets(name):
    reader = CaptureReader()
    found = reader.feed((FOLDER / name).read_bytes())
    reader.close()
    assert reader.damage is None
    return found


def test_every_capture_is_described_and_every_description_has_a_capture():
    assert len(FILES) >= 8
    assert sorted(overview()) == FILES
    assert sorted(described()) == FILES


@pytest.mark.parametrize("name", FILES)
def test_check_finds_what_the_readme_says(name):
    _, findings = check(name)
    found = [(one["rule"], one["severity"]) for one in findings]
    rows = "\n".join(f"| {one['rule']} | {one['severity']} | {one['detail'][:90]} |" for one in findings)
    assert described()[name] == found, f"the rows of {name} in captures/README.md ought to be:\n{rows}"


@pytest.mark.parametrize("name", FILES)
def test_counts_and_exit_code_are_those_of_the_readme(name):
    row, kinds = overview()[name], Counter(one["event"] for one in events(name))
    assert int(row["messages"]) == kinds["message"]
    assert int(row["gaps"]) == kinds["gap"]
    assert int(row["damaged"]) == kinds["damaged"]
    assert row["ends"].split() == [one["how"] for one in events(name, "closed")]
    assert int(row["exit"]) == check(name)[0]
    versions = {one["ocppVersion"] for one in events(name)} - {None}
    assert versions == {row["OCPP"]} - {"-"}


@pytest.mark.parametrize("name", FILES)
def test_captures_are_small(name):
    assert (FOLDER / name).stat().st_size < 60_000


@pytest.mark.parametrize("name", CLEAN)
def test_clean_sessions_are_whole_and_blameless(name):
    assert {one["severity"] for one in check(name)[1]} <= {"info"}
    assert [one["status"] for one in events(name, "opened")] == [101]
    (closed,) = events(name, "closed")
    assert closed["code"] in (1000, 1001)
    calls = {one["n"] for one in events(name, "message") if one["messageType"] == "CALL"}
    answered = {one["answers"] for one in events(name, "message")} - {None}
    assert calls == answered


def test_the_clean_session_of_1_6_has_what_it_says():
    name = "clean-1.6.pcap"
    seen = {(one["action"], one["direction"]) for one in events(name) if one.get("messageType") == "CALL"}
    assert seen >= {
        ("BootNotification", STATION),
        ("MeterValues", STATION),
        ("Heartbeat", STATION),
        ("GetConfiguration", CSMS),
        ("ChangeConfiguration", CSMS),
        ("RemoteStartTransaction", CSMS),
    }
    assert [(one["opcode"], one["direction"]) for one in events(name, "control")] == [
        ("ping", STATION),
        ("pong", CSMS),
    ]


def test_the_session_of_2_0_1_is_compressed():
    (opened,) = events("clean-2.0.1-deflate.pcap", "opened")
    assert opened["extensions"].startswith("permessage-deflate")
    assert "no_context_takeover" not in opened["extensions"]


def test_a_send_has_no_answer():
    name = "send-2.1.pcap"
    sends = [one for one in events(name, "message") if one["messageType"] == "SEND"]
    assert len(sends) == 3
    assert {one["action"] for one in sends} == {"NotifyPeriodicEventStream"}
    assert not {one["n"] for one in sends} & {one["answers"] for one in events(name, "message")}


def test_tls_opens_with_the_secrets_in_the_file():
    (opened,) = events("tls-1.3.pcapng", "opened")
    assert opened["tls"]["version"] == "TLSv1.3"
    assert opened["auth"] == "Basic BER-0042"
    assert b"sample-secret" not in (FOLDER / "tls-1.3.pcapng").read_bytes()


@pytest.mark.parametrize(("name", "base"), DERIVED.items())
def test_nothing_but_leaving_packets_out_made_the_partial_captures(name, base):
    whole, part = packets(base), packets(name)
    assert 0 < len(part) < len(whole)
    rest = iter(whole)
    assert all(packet in rest for packet in part), (
        "a packet that is not in the whole capture, or out of order"
    )


@pytest.mark.parametrize("name", ["late-start.pcap", "late-start-deflate.pcap"])
def test_a_late_start_is_told_and_nobody_is_blamed(name):
    (opened,) = events(name, "opened")
    assert (opened["n"], opened["status"], opened["path"], opened["chargePointId"]) == (1, None, None, None)
    assert "error" not in {one["severity"] for one in check(name)[1]}


def test_without_its_past_a_compressed_session_is_damaged_but_for_control_frames():
    name = "late-start-deflate.pcap"
    assert {one["layer"] for one in events(name, "damaged")} == {"deflate"}
    assert {one["direction"] for one in events(name, "damaged")} == {STATION, CSMS}
    assert [one["opcode"] for one in events(name, "control")] == ["ping", "pong"]


def test_after_lost_packets_plain_messages_are_read_again():
    name = "lost-packets.pcap"
    station = [one for one in events(name) if one.get("direction") == STATION]
    assert [one["event"] for one in station].count("gap") == 3
    kinds = re.sub("(gap )+", "gap ", " ".join(one["event"] for one in station))
    assert kinds.count("gap message message") == 2
    assert "damaged" not in kinds


def test_after_lost_packets_no_compressed_message_of_that_side_is_read():
    name = "lost-packets-deflate.pcap"
    gaps = events(name, "gap")
    assert {one["direction"] for one in gaps} == {STATION}
    after = [
        one for one in events(name) if one["n"] > gaps[0]["n"] and one["event"] in ("message", "damaged")
    ]
    assert {(one["event"], one.get("layer")) for one in after if one["direction"] == STATION} == {
        ("damaged", "deflate")
    }
    assert {one["event"] for one in after if one["direction"] == CSMS} == {"message"}
    (why,) = [one for one in check(name)[1] if one["rule"] == "CAP-005"]
    assert why["count"] == len(events(name, "damaged"))
    assert why["events"] == [one["n"] for one in events(name, "damaged")]


def test_the_rogue_sends_a_text_that_stops_in_the_middle():
    (damaged,) = events("rogue-station.pcap", "damaged")
    assert (damaged["layer"], damaged["direction"]) == ("json", STATION)
    assert damaged["raw"].endswith('"errorCode": "NoErro')
    assert damaged["offset"] == len(damaged["raw"])


def test_the_refusals_are_listed_in_order():
    opened = events("refused-handshake.pcap", "opened")
    assert [one["status"] for one in opened] == [400, 401, 404]
    assert [one["subprotocols"] for one in opened] == [[], ["ocpp1.6"], ["ocpp1.6"]]
    assert [one["chargePointId"] for one in opened] == ["OPO-0008", "OPO-0008", "OPO-0080"]


@pytest.mark.skipif(not shutil.which("editcap"), reason="needs editcap")
def test_a_packet_lost_under_tls_is_nobodys_fault(tmp_path):
    lost = 0
    for number in range(16, 46, 2):
        path = tmp_path / f"without-{number}.pcapng"
        subprocess.run(["editcap", FOLDER / "tls-1.3.pcapng", path, str(number)], check=True)
        engine = Engine()
        decoder = Decoder()
        for batch in open_source([str(path)], SourceOptions()).batches():
            engine.feed(decoder.feed(batch))
        found = {finding.rule.id for finding in engine.findings if finding.severity != "info"}
        assert found <= {"CAP-001"}, number
        lost += "CAP-001" in found
    assert lost > 5
