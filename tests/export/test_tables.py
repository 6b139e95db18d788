"""CSV, Parquet, JSON, Mermaid and Markdown: what stands in them, and that a filter, an interrupt and odd values do no
harm.
"""

import csv
import json
import sys
from contextlib import suppress

import pytest

from ocppscope.events import Notice
from ocppscope.export import FORMATS, Order
from ocppscope.filter import parse
from tests.cli import SECRET, everything, lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.store import decoded, source_of
from tests.wire.packets import answer, call, session

CLEAN, CLEAN_2X, ROGUE = (
    FOLDER / name for name in ("clean-1.6.pcap", "clean-2.0.1-deflate.pcap", "rogue-station.pcap")
)
OURS = [
    "json",
    "csv",
    "csv-samples",
    "csv-transactions",
    "parquet",
    "mermaid",
    "markdown",
    "open-ocpp-trace-view",
]


def converted(folder, source, name, *more):
    done = run("convert", *more, source, folder / name)
    assert done.exit_code == 0, done.stderr
    return folder / name


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_messages(tmp_path):
    found = rows(converted(tmp_path, saved(tmp_path, everything()), "x.csv"))
    listed = [one for one in lines("ls", "--json", tmp_path / "test.pcap") if one["event"] == "message"]
    assert [one["raw"] for one in found] == [one["raw"] for one in listed]
    for ours, theirs in zip(found, listed, strict=True):
        for name in ("timestamp", "chargePointId", "direction", "messageType", "messageId", "summary"):
            assert ours[name] == theirs[name]
        for name in ("n", "session", "answers", "latencyMs", "action"):
            assert ours[name] == ("" if theirs[name] is None else str(theirs[name]))
    assert (found[3]["errorCode"], found[3]["errorDescription"]) == ("InternalError", "sorry")


def test_a_table_can_be_read_again(tmp_path):
    path = converted(tmp_path, CLEAN, "x.csv")
    names = ("raw", "direction", "timestamp", "chargePointId", "session", "action")
    before, after = (
        [[one[name] for name in names] for one in lines("ls", "--json", source) if one["event"] == "message"]
        for source in (CLEAN, path)
    )
    assert after == before


def test_odd_values_are_written_as_json(tmp_path):
    talk = session().client(call('[2,{"a":1},["x"],{}]')).server(answer('[4,7,[1],{"b":2},{}]'))
    found = rows(converted(tmp_path, saved(tmp_path, talk.close()), "x.csv"))
    assert [(one["messageId"], one["action"]) for one in found] == [('{"a":1}', '["x"]'), ("7", "")]
    assert (found[1]["errorCode"], found[1]["errorDescription"]) == ("[1]", '{"b":2}')


def test_samples_of_1_6(tmp_path):
    found = rows(converted(tmp_path, CLEAN, "x.samples.csv"))
    assert {one["measurand"] for one in found} >= {"Energy.Active.Import.Register", "Power.Active.Import"}
    assert all(one["connectorId"] and one["transactionId"] and one["value"] for one in found)


def test_samples_of_2_x_and_of_no_transaction(tmp_path):
    def sampled(**more):
        values = {"meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [more, "x"]}, 5]}
        return call(json.dumps([2, "1", "MeterValues", {"evseId": 3} | values]))

    talk = session()
    talk.client(
        sampled(value=1.5, measurand="Power.Active.Import", unitOfMeasure={"unit": "W", "multiplier": 3})
    )
    talk.client(sampled(value="abc", measurand="Voltage", phase="L1-N", context="Trigger"))
    found = rows(converted(tmp_path, saved(tmp_path, talk.close()), "x.samples.csv"))
    first, second = found
    assert (first["evseId"], first["transactionId"], first["sampled"]) == (
        "3",
        "",
        "2026-01-01T00:00:00.000000Z",
    )
    assert (first["value"], first["unit"], first["multiplier"]) == ("1.5", "W", "3")
    assert (first["number"], first["numberUnit"], first["context"]) == ("1500.0", "W", "Sample.Periodic")
    assert (second["value"], second["number"], second["phase"], second["context"]) == (
        "abc",
        "",
        "L1-N",
        "Trigger",
    )


@pytest.mark.parametrize("path", [CLEAN, CLEAN_2X, ROGUE])
def test_transactions(tmp_path, path):
    found = rows(converted(tmp_path, path, "x.transactions.csv"))
    assert found
    for one in found:
        assert one["transactionId"]
        assert int(one["energyWh"]) >= 0
        if one["stop"]:
            assert int(one["meterStopWh"]) - int(one["meterStartWh"]) == int(one["energyWh"])


def test_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(converted(tmp_path, CLEAN, "x.parquet"))
    found = rows(converted(tmp_path, CLEAN, "x.csv"))
    assert table.column("raw").to_pylist() == [one["raw"] for one in found]
    assert str(table.schema.field("timestamp").type) == "timestamp[ns, tz=UTC]"
    assert table.column("n").to_pylist() == [int(one["n"]) for one in found]


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("convert", CLEAN, tmp_path / "x.parquet")
    assert done.exit_code == 1
    assert done.stderr == "Error: Parquet needs pyarrow: pip install 'ocppscope[parquet]'\n"
    assert not (tmp_path / "x.parquet").exists()


def test_json(tmp_path):
    path = converted(tmp_path, saved(tmp_path, everything()), "x.json")
    assert json.loads(path.read_text()) == lines("ls", "--json", tmp_path / "test.pcap")


def test_a_diagram(tmp_path):
    talk = session().client(call('[2,"1","Heartbeat",{"a":"x;y#<b>"}]')).server(answer('[3,"1",{}]'))
    text = converted(tmp_path, saved(tmp_path, talk.close()), "x.mmd").read_text()
    head, participant, opened, *arrows = text.splitlines()[:7]
    assert (head, participant) == ("sequenceDiagram", "    participant CSMS")
    assert opened == "    participant S1 as CP001"
    assert arrows[1] == "    S1->>CSMS: 22:13:20.006 Heartbeat: a x#59;y#35;#60;b#62;"
    assert arrows[2].startswith("    CSMS-->>S1: 22:13:20.007 Heartbeat answer")


def test_a_diagram_that_is_too_large_says_so(tmp_path):
    talk = session()
    for n in range(501):
        talk.client(call(f'[2,"{n}","Heartbeat",{{}}]'))
    done = run("convert", saved(tmp_path, talk.close()), tmp_path / "x.mmd")
    assert "501 arrows in " in done.stderr
    assert "select with --station or --filter" in done.stderr


def test_markdown(tmp_path):
    text = converted(tmp_path, ROGUE, "x.md").read_text()
    findings, conversation = text.split("## Conversation")
    assert findings.count("\n- **") == len(lines("check", "--json", ROGUE))
    assert findings.index("error RPC-001") < findings.index("warning RPC-013") < findings.index("info WS-007")
    assert conversation.count("\n| ") == 1 + len(lines("ls", "--json", ROGUE))
    assert "| 3 | 18:05:19.740 | ROGUE-13 | ← | BootNotification answer: Accepted" in conversation


@pytest.mark.parametrize("text", ["action == BootNotification", "severity == error"])
def test_markdown_of_a_selection_has_the_findings_of_all(tmp_path, text):
    found = converted(tmp_path, ROGUE, "x.md", "--filter", text).read_text()
    assert found.count("\n- **") == len(lines("check", "--json", ROGUE))
    assert f"Only events that fit `{text}`." in found
    numbers = [line.split()[1] for line in found.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert numbers == [str(one["n"]) for one in lines("ls", "--json", "--filter", text, ROGUE)]


def test_what_is_captured_does_no_harm_in_markdown(tmp_path):
    talk = session().client(call('[2,"1","<img>|`*",{}]'))
    text = converted(tmp_path, saved(tmp_path, talk.close()), "x.md").read_text()
    assert "\\<img\\>\\|\\`\\*" in text
    assert "<img" not in text.replace("\\<img", "")


# --- all of them --------------------------------------------------------------------------------------------


@pytest.fixture
def events(tmp_path):
    return [*decoded(source_of(tmp_path).batches()), Notice("file.damaged", None, "torn")]


@pytest.mark.parametrize("name", OURS)
def test_broken_off_it_can_be_read(tmp_path, events, name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    form = FORMATS[name]
    path = tmp_path / f"out{form.extension}"
    made = form.open(Order(path, "test", wanted=parse("event == message") if form.selects else None))
    made.feed(events[:6], read=1, size=None)
    made.flush()
    with suppress(AttributeError, TypeError):  # some formats look at messages only
        made.feed([*events[6:7], None, object()], read=1, size=None)
    made.leave(found="{}")
    made.close()
    assert path.stat().st_size > 0
    if form.extension.endswith(".json"):
        json.loads(path.read_text())


@pytest.mark.parametrize("name", OURS)
def test_given_up_it_leaves_nothing_open(tmp_path, events, name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    made = FORMATS[name].open(Order(tmp_path / "x", "test"))
    made.feed(events, read=1, size=None)
    made.close()
    made.close()


@pytest.mark.parametrize("name", [*OURS, "open-ocpp-trace", "open-ocpp-trace-array"])
def test_no_secret_goes_out(tmp_path, name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = converted(tmp_path, saved(tmp_path, everything()), "x", "--to", name)
    assert SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_the_longest_extension_counts(tmp_path, name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    by_name = converted(tmp_path, CLEAN, f"a{FORMATS[name].extension}").read_bytes()
    by_option = converted(tmp_path, CLEAN, "b", "--to", name).read_bytes()
    assert by_name[:60] == by_option[:60]
