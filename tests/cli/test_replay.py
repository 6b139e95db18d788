"""`replay` as a command, in this process, against peers in threads."""

import json
import logging
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

from tests.cli import lines, run
from tests.replay.test_reading import CAPTURES, sample

HOST = "127.0.0.1"
ROGUE = CAPTURES / "rogue-station.pcap"
CLEAN = CAPTURES / "clean-1.6.pcap"
ANSWERS = {
    "BootNotification": {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300},
    "Authorize": {"idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET-7"}},
    "StartTransaction": {"transactionId": 1, "idTagInfo": {"status": "Accepted"}},
    "StopTransaction": {"idTagInfo": {"status": "Accepted"}},
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "websockets")


class Csms:
    """A CSMS in a thread. It answers as in rogue-station, but for what it is told to say else."""

    def __init__(self, **answers: object) -> None:
        self.answers = ANSWERS | answers
        self.said: list[list] = []
        self.paths: list[str] = []
        self.frames: list[str | bytes] = []
        self.url = ""

    def __call__(self, connection) -> None:
        self.paths.append(connection.request.path)
        try:
            for text in connection:
                try:
                    message = json.loads(text)
                except ValueError:
                    self.frames.append(text)
                    continue
                if message[0] != 2:
                    continue
                self.said.append(message)
                _, message_id, action, payload = message
                if payload.get("errorCode") == "Error":
                    connection.send(json.dumps([4, message_id, "FormatViolation", "", {}]))
                else:
                    connection.send(json.dumps([3, message_id, self.answers.get(action, {})]))
        except ConnectionClosed:
            pass

    def payload(self, action: str) -> dict:
        return next(message[3] for message in self.said if message[2] == action)


@contextmanager
def serving(**answers: object) -> Iterator[Csms]:
    csms = Csms(**answers)
    with (
        serve(csms, HOST, 0, subprotocols=["ocpp1.6"], compression=None) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        csms.url = f"ws://{HOST}:{server.socket.getsockname()[1]}/ocpp"
        threads.submit(server.serve_forever)
        try:
            yield csms
        finally:
            server.shutdown()


def replayed(csms: Csms, *more: object, capture: Path = ROGUE, **options):
    return run("replay", capture, "--as", "station", "--to", csms.url, "--pace", "answer", *more, **options)


# --- verdicts ---


def test_the_same_again():
    with serving() as csms:
        result = replayed(csms)
    assert result.exit_code == 0
    assert re.fullmatch(r"same: 8 equal; answers took p50 .+, p90 .+, p99 .+\n", result.stdout), result.stdout
    assert "note: event 6 is damaged and was left out: --raw sends it as it was" in result.stderr
    assert csms.paths == ["/ocpp/ROGUE-13"]


def test_what_differs_is_told_with_both_values():
    with serving(Authorize={"idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET-7"}}) as csms:
        result = replayed(csms)
    assert result.exit_code == 1
    told = result.stdout.splitlines()
    assert (
        told[0].split() == ["8", "diverged", "Authorize", "answer", "(event", "12)"]
        or "Authorize answer (event 12)" in told[0]
    )
    assert told[1] == '       /idTagInfo/status: "Accepted" ≠ "Blocked"'
    assert told[2].startswith("diverged: 7 equal, 1 diverged; answers took")


def test_lines_for_machines():
    with serving(Authorize={"idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET-7"}}) as csms:
        result = replayed(csms, "--json")
    *rows, verdict = map(json.loads, result.stdout.splitlines())
    names = {
        "step",
        "action",
        "expected",
        "actual",
        "equal",
        "differences",
        "latencyMs",
        "kind",
        "event",
        "outcome",
    }
    assert all(set(row) == names for row in rows)
    (row,) = [row for row in rows if not row["equal"]]
    assert (row["action"], row["kind"], row["outcome"], row["event"]) == (
        "Authorize",
        "answer",
        "diverged",
        12,
    )
    assert row["actual"]["idTagInfo"]["status"] == "Blocked"
    assert row["differences"] == [
        {
            "pointer": "/idTagInfo/status",
            "kind": "changed",
            "expected": "Accepted",
            "actual": "Blocked",
            "detail": '"Accepted" ≠ "Blocked"',
        }
    ]
    assert row["latencyMs"] > 0
    assert verdict["notes"]
    del verdict["notes"]
    assert verdict == {
        "verdict": "diverged",
        "steps": 8,
        "equal": 7,
        "diverged": 1,
        "missing": 0,
        "unexpected": 0,
        "unplayed": 0,
    }


def test_what_is_missing_and_what_is_not_played():
    with serving() as csms:
        result = replayed(csms, "--wait", "50ms", capture=CLEAN)
    assert result.exit_code == 1
    assert "  missing     RemoteStartTransaction (event 38)" in result.stdout
    assert "incomplete: 20 equal, 6 missing" in result.stdout


def test_nobody_is_there():
    with serving() as csms:
        pass
    result = replayed(csms)
    assert result.exit_code == 1
    assert re.search(
        r"note: session 1 could not be opened \(step 0, event 2\): nobody listens at", result.stderr
    )
    assert "incomplete: 8 missing, 8 not played" in result.stdout


# --- options ---


def test_who_we_are_and_what_we_say():
    options = [
        "--identity",
        "CP 9",
        "--token",
        "04A1B2C3D4E5F6=X",
        "--keep-times",
        "--header",
        "X-A: 1",
        "--user",
        "u:p",
    ]
    with serving() as csms:
        result = replayed(csms, *options)
    assert result.exit_code == 0, result.stdout
    assert csms.paths == ["/ocpp/CP%209"]
    assert csms.payload("Authorize") == {"idTag": "X"}
    recorded = next(
        step.message.payload
        for step in sample("rogue-station.pcap").steps
        if step.action == "StartTransaction"
    )
    assert csms.payload("StartTransaction")["timestamp"] == recorded["timestamp"]


def test_damaged_frames_byte_for_byte():
    with serving() as csms:
        result = replayed(csms, "--raw")
    assert result.exit_code == 0
    (text,) = csms.frames
    assert len(text) == 70
    assert "left out: --raw" not in result.stderr


def test_what_is_ignored_and_what_is_selected():
    wrong = {"Authorize": {"idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET-7"}}}
    with serving(**wrong) as csms:
        assert replayed(csms, "--ignore", "Authorize/idTagInfo/status").exit_code == 0
        assert replayed(csms, "--until", "10").exit_code == 0
        assert replayed(csms, "--filter", 'action == "Authorize"').exit_code == 1
        assert [message[2] for message in csms.said[-1:]] == ["Authorize"]


def test_clones_and_their_sum():
    with serving() as csms:
        result = replayed(csms, "--clones", "3", "--identity", "CP{n:03}")
        rows = [json.loads(line) for line in replayed(csms, "--clones", "2", "--json").stdout.splitlines()]
    assert result.exit_code == 0
    assert result.stdout.startswith("3 stations: 3 same; answers took p50 ")
    assert {f"/ocpp/CP{n:03}" for n in (1, 2, 3)} <= set(csms.paths)
    assert {"/ocpp/CLONE00001", "/ocpp/CLONE00002"} <= set(csms.paths)
    (row,) = rows
    assert (row["verdict"], row["clones"], row["same"], row["refused"]) == ("same", 2, 2, 0)
    assert row["p50Ms"] <= row["p90Ms"] <= row["p99Ms"]


def test_clones_that_are_refused():
    with serving() as csms:
        pass
    result = replayed(csms, "--clones", "2")
    assert result.exit_code == 1
    assert "2 stations: 2 incomplete, 2 refused connections" in result.stdout


@pytest.mark.parametrize("kind", ["pcapng", "ocppdb"])
def test_the_new_exchange_is_kept(tmp_path, kind):
    kept = tmp_path / f"new.{kind}"
    with serving() as csms:
        result = replayed(csms, "--record", kept)
        again = replayed(csms, "--record", kept)
    assert result.exit_code == 0, result.stdout
    assert [row.get("action") for row in lines("ls", kept, "--json")].count("MeterValues") >= 2
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_the_csms_is_played_and_kept(tmp_path):
    kept = tmp_path / "new.pcapng"
    result = played_as_csms("--record", kept)
    assert result.exit_code == 1
    assert "waiting for ROGUE-13 on port" in result.stderr
    assert len(lines("ls", kept, "--json")) == 4
    assert "1 diverged" in result.stdout


def test_the_csms_is_played():
    result = played_as_csms()
    assert "waiting for ROGUE-13 on port" in result.stderr
    assert "/chargePointModel" in result.stdout
    assert "the peer closed the connection with code 1000 before step" in result.stderr


def played_as_csms(*more: object):
    """A station that says one thing and leaves, against the CSMS of a capture."""
    from ocppscope.cli import replay_report

    found = threading.Event()
    ports: list[int] = []
    told = replay_report.Report.listening

    def listening(self, port):
        told(self, port)
        ports.append(port)
        found.set()

    def station():
        assert found.wait(10)
        url = f"ws://{HOST}:{ports[0]}/ocpp/CP1"
        with connect(url, subprotocols=["ocpp1.6"], compression=None, proxy=None) as socket:
            socket.send('[2,"1","BootNotification",{"chargePointVendor":"Example","chargePointModel":"X"}]')
            assert json.loads(socket.recv())[1] == "1"

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as threads:
        patch.setattr(replay_report.Report, "listening", listening)
        task = threads.submit(station)
        result = run("replay", ROGUE, "--as", "csms", "--listen", f"{HOST}:0", "--wait", "100ms", *more)
        task.result()
    return result


def test_it_is_interrupted():
    with serving() as csms:

        def interrupt():
            while not csms.said:
                pass
            os.kill(os.getpid(), signal.SIGINT)

        with ThreadPoolExecutor(1) as threads:
            threads.submit(interrupt)
            result = run("replay", ROGUE, "--as", "station", "--to", csms.url, "--pace", "x0.001")
    assert result.exit_code == 130
    assert "note: interrupted" in result.stderr
    assert "incomplete:" in result.stdout


# --- what cannot be ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing option '--as'"),
        (["--as", "station"], "a station is played --to URL"),
        (["--as", "csms"], "a CSMS with --listen"),
        (["--as", "csms", "--to", "ws://h"], "a CSMS with --listen"),
        (["--as", "station", "--to", "ws://h", "--listen", ":1"], "a station is played --to URL"),
        (["--as", "station", "--to", "localhost:9000"], "Invalid value for --to"),
        (["--as", "csms", "--listen", "9000"], "expected HOST:PORT, such as :9000"),
        (["--as", "csms", "--listen", ":99999"], "expected HOST:PORT, such as :9000"),
        (["--as", "station", "--to", "ws://h", "--pace", "fast"], "'fast' is no pace"),
        (["--as", "station", "--to", "ws://h", "--wait", "long"], "'long' is no duration"),
        (["--as", "station", "--to", "ws://h", "--header", "X"], "expected NAME:VALUE"),
        (["--as", "station", "--to", "ws://h", "--token", "X"], "expected OLD=NEW"),
        (["--as", "station", "--to", "ws://h", "--ignore", "X"], "is no pointer"),
        (["--as", "station", "--to", "ws://h", "--filter", "=="], "--filter"),
        (["--as", "station", "--to", "ws://h", "--filter", "severity == error"], "of findings"),
        (
            ["--as", "station", "--to", "ws://h", "--from", "soon"],
            "neither the number of an event nor a time",
        ),
        (["--as", "station", "--to", "ws://h", "--clones", "2", "--identity", "CP{x}"], "expected a pattern"),
        (["--as", "station", "--to", "ws://h", "--clones", "2", "--record", "x.pcapng"], "--clones"),
        (["--as", "station", "--to", "ws://h", "--record", "x.pcap"], "expected FILE.pcapng"),
        (["--as", "station", "--to", "ws://h", "--station", "A", "--station", "B"], "one --station"),
    ],
)
def test_wrong_usage(words, said):
    result = run("replay", ROGUE, *words)
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr


@pytest.mark.parametrize(
    ("capture", "words", "said"),
    [
        ("rogue-station.pcap", ["--station", "X"], "there is no station X in the capture"),
        ("rogue-station.pcap", ["--from", "900"], "nothing in the capture fits the selection"),
        ("refused-handshake.pcap", [], "refused-handshake.pcap"),
        ("late-start-deflate.pcap", [], "late-start-deflate.pcap"),
    ],
)
def test_nothing_to_play(capture, words, said):
    result = run("replay", CAPTURES / capture, "--as", "station", "--to", "ws://127.0.0.1:1", *words)
    assert result.exit_code == 3
    assert said in result.stderr


def test_a_station_that_is_not_there():
    result = run(
        "replay",
        CAPTURES / "tls-1.3.pcapng",
        "--as",
        "station",
        "--to",
        "ws://127.0.0.1:1",
        "--station",
        "BER-004",
    )
    assert result.exit_code == 3
    assert "did you mean BER-0042?" in result.stderr


@pytest.mark.parametrize("record", [[], ["--record"]])
def test_a_port_that_is_taken(record, tmp_path):
    with serving() as csms:
        port = csms.url.split(":")[2].split("/")[0]
        more = [*record, tmp_path / "x.pcapng"] if record else []
        result = run("replay", ROGUE, "--as", "csms", "--listen", f"{HOST}:{port}", *more)
    assert result.exit_code == 1
    assert port in result.stderr
