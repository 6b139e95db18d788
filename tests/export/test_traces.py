"""Open OCPP Trace out and in again: conformant for others, whole for us; and the consumer view."""

import json
from pathlib import Path

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.events import Message
from ocppscope.export import FORMATS, Order
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from tests.cli import SECRET, everything, lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.sources.traces.test_records import BOOT, BOOTED, record
from tests.sources.traces.test_records import lines as as_lines
from tests.wire.packets import answer, call, pcap, session

CAPTURES = sorted(path.name for path in FOLDER.glob("*.pcap*"))
SHARED = Path(__file__).parents[3] / "shared"
SCHEMA = SHARED / "reference/open-ocpp-trace/trace-v1.schema.json"
FIXTURES = SHARED / "corpus/traces"
MUTE = {"refused-handshake.pcap", "late-start-deflate.pcap"}
"""Captures without a message: there is no record for anything to ride on."""


@pytest.fixture(scope="module")
def is_valid():
    if not SCHEMA.exists():
        pytest.skip("the schema is not here")
    validator = jsonschema_rs.validator_for(orjson.loads(SCHEMA.read_bytes()), validate_formats=True)
    return validator.is_valid


def records_of(path):
    text = path.read_bytes()
    return orjson.loads(text) if text.startswith(b"[") else [orjson.loads(line) for line in text.splitlines()]


# --- whole for us -------------------------------------------------------------------------------------------

WORDS = (["ls", "--json"], ["check", "--json"], ["check", "--json", "--profile", "strict"])


def said(path, *names):
    for words in WORDS:
        done = run(*words, path)
        out, err = done.stdout, done.stderr
        for name in (path, *names):
            out, err = out.replace(str(name), "x"), err.replace(str(name), "x")
        yield done.exit_code, out, err


@pytest.mark.parametrize("name", [name for name in CAPTURES if name not in MUTE])
@pytest.mark.parametrize(
    "way", [["t.trace.jsonl"], ["t.trace.json"], ["s.ocppdb", "t.trace.jsonl"], ["t.trace.jsonl", "s.ocppdb"]]
)
def test_a_capture_comes_back_whole(tmp_path, name, way):
    path = FOLDER / name
    before = list(said(path))
    for target in way:
        assert run("convert", path, tmp_path / target).exit_code == 0
        path = tmp_path / target
    assert list(said(path)) == before


def test_every_kind_of_event_comes_back(tmp_path):
    talk = everything()
    path = saved(tmp_path, pcap(talk.packets)[:-5])  # with a notice
    before = list(said(path))
    run("convert", path, tmp_path / "t.trace.jsonl")
    assert list(said(tmp_path / "t.trace.jsonl", path)) == before


def test_faults_below_ocpp_come_back(tmp_path):
    from tests.wire.packets import TEXT, frame

    talk = session().client(frame(TEXT, b'[2,"1","Heartbeat",{}]')).server(answer()).close()  # not masked
    path = saved(tmp_path, talk)
    before = list(said(path))
    assert "WS-" in before[1][1]
    run("convert", path, tmp_path / "t.trace.jsonl")
    assert list(said(tmp_path / "t.trace.jsonl")) == before


def test_a_trace_of_a_trace_is_the_same(tmp_path):
    run("convert", saved(tmp_path, everything()), tmp_path / "1.trace.jsonl")
    run("convert", tmp_path / "1.trace.jsonl", tmp_path / "2.trace.jsonl")
    assert (tmp_path / "1.trace.jsonl").read_bytes() == (tmp_path / "2.trace.jsonl").read_bytes()


def test_part_of_a_trace_can_be_read(tmp_path):
    run("convert", FOLDER / "tls-1.3.pcapng", tmp_path / "t.trace.jsonl")
    kept = (tmp_path / "t.trace.jsonl").read_bytes().splitlines(keepends=True)[3:-3]
    (tmp_path / "part.jsonl").write_bytes(b"".join(kept))
    events = lines("ls", "--json", tmp_path / "part.jsonl")
    assert [
        one["raw"]
        for one in events
        if one["event"] == "message" and one["messageType"] in ("CALL", "CALLRESULT")
    ] == [one["raw"] for one in map(json.loads, kept)]
    assert {one["chargePointId"] for one in events} == {json.loads(kept[0])["chargePointId"]}


def test_a_selection_is_a_trace(tmp_path):
    run("convert", "--filter", "action == Heartbeat", FOLDER / "clean-1.6.pcap", tmp_path / "t.trace.jsonl")
    assert {one["action"] for one in records_of(tmp_path / "t.trace.jsonl")} == {"Heartbeat"}
    assert run("check", tmp_path / "t.trace.jsonl").exit_code == 0


def test_times_that_a_record_cannot_tell(tmp_path):
    path = tmp_path / "bare.jsonl"
    path.write_text(f"{BOOT}\n{BOOTED}")
    run("convert", path, tmp_path / "t.trace.jsonl")
    assert [one["timestamp"] for one in records_of(tmp_path / "t.trace.jsonl")] == [
        "1970-01-01T00:00:00.000Z"
    ] * 2
    assert {one["timestamp"] for one in lines("ls", "--json", tmp_path / "t.trace.jsonl")} == {None}


VALUES = st.sampled_from(
    [None, 0, -1, 1 << 70, 1.5, "", "x", [], {}, [{}], {"a": 1}, True, "csms-to-cp", "opened"]
)


def changed(value, path, new):
    """A JSON value in which something is another."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    if isinstance(value, list):
        at = path[0] % len(value)
        return [changed(one, path[1:], new) if number == at else one for number, one in enumerate(value)]
    name = list(value)[path[0] % len(value)]
    return value | {name: changed(value[name], path[1:], new)}


@given(number=st.integers(0, 4), path=st.lists(st.integers(0, 30), min_size=1, max_size=6), new=VALUES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_our_fields_is_read_or_told(tmp_path, whole_trace, number, path, new):
    found = list(whole_trace)
    found[number] = {"meta": changed(found[number]["meta"], path, new)} | {
        name: value for name, value in found[number].items() if name != "meta"
    }
    file = tmp_path / "changed.jsonl"
    file.write_bytes(as_lines(*found))
    decoder, engine = Decoder(), Engine()
    texts = 0
    for batch in open_source([str(file)], SourceOptions()).batches():
        events = decoder.feed(batch)
        engine.feed(events)
        texts += sum(isinstance(event, Message) for event in events)
    assert texts >= 4


@pytest.fixture(scope="module")
def whole_trace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    run("convert", saved(folder, everything()), folder / "t.trace.jsonl")
    return records_of(folder / "t.trace.jsonl")


# --- conformant for others ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CAPTURES if name not in MUTE])
@pytest.mark.parametrize("more", [[], ["--plain"]])
def test_records_fit_the_schema(tmp_path, is_valid, name, more):
    run("convert", *more, FOLDER / name, tmp_path / "t.trace.jsonl")
    for one in records_of(tmp_path / "t.trace.jsonl"):
        assert is_valid(one), one


def odd_session():
    talk = session().client(call('[2,7,"Heartbeat",{}]')).server(answer("[3,7,{}]"))
    talk.client(call('[2,"a",{"no":"action"},{}]')).server(answer('[4,"a",5,null]'))
    talk.client(call('[2,"b","Reset"]')).server(answer('[3,"b"]')).client(call('[6,"c","X",{}]'))
    return talk.close()


def test_odd_messages_fit_the_schema_or_ride(tmp_path, is_valid):
    path = saved(tmp_path, odd_session())
    run("convert", path, tmp_path / "t.trace.jsonl")
    found = records_of(tmp_path / "t.trace.jsonl")
    assert all(map(is_valid, found))
    assert [one["raw"] for one in found] == [
        '[2,7,"Heartbeat",{}]', "[3,7,{}]", '[4,"a",5,null]', '[2,"b","Reset"]', '[3,"b"]',
    ]  # fmt: skip
    assert list(said(tmp_path / "t.trace.jsonl")) == list(said(path))


def test_a_record(tmp_path):
    run("convert", "--plain", FOLDER / "clean-1.6.pcap", tmp_path / "t.trace.jsonl")
    first, second = records_of(tmp_path / "t.trace.jsonl")[:2]
    names = (
        "schemaVersion timestamp ocppVersion transport chargePointId direction messageType messageId action"
    )
    assert list(first) == [*names.split(), "payload", "raw"]
    assert json.loads(first["raw"]) == [2, first["messageId"], "BootNotification", first["payload"]]
    assert (first["timestamp"], first["schemaVersion"]) == ("2026-11-22T18:05:09.873539Z", "1.1")
    assert (second["action"], second["messageType"]) == ("BootNotification", "CALLRESULT")


def test_plain_leaves_out_and_says_so(tmp_path):
    done = run("convert", "--plain", saved(tmp_path, everything()), tmp_path / "t.trace.jsonl")
    assert (
        "8 events left out that Open OCPP Trace cannot carry: 1 × opened, 2 × control, 3 × damaged, "
        in done.stderr
    )
    assert b"ocppscope" not in (tmp_path / "t.trace.jsonl").read_bytes()
    assert len(records_of(tmp_path / "t.trace.jsonl")) == 5


def test_without_a_message_nothing_can_ride(tmp_path):
    done = run("convert", FOLDER / "refused-handshake.pcap", tmp_path / "t.trace.jsonl")
    assert "6 events left out that Open OCPP Trace cannot carry: 3 × opened, 3 × closed" in done.stderr
    assert records_of(tmp_path / "t.trace.jsonl") == []


def test_no_secret_is_in_a_trace(tmp_path):
    run("convert", saved(tmp_path, everything()), tmp_path / "t.trace.jsonl")
    assert SECRET not in (tmp_path / "t.trace.jsonl").read_text()


def test_the_action_of_an_answer_is_that_of_its_call_by_the_rule_of_the_trace(tmp_path):
    heartbeat = '[2,"1","Heartbeat",{}]'
    mixed = [
        record(BOOT, "cp-to-csms", chargePointId="A"),
        record(heartbeat, "cp-to-csms", chargePointId="B"),
        record(BOOTED, "csms-to-cp", chargePointId="A"),
        record(BOOTED, "csms-to-cp", chargePointId="B"),
    ]
    path = tmp_path / "in.jsonl"
    path.write_bytes(as_lines(*mixed))
    run("convert", path, tmp_path / "t.trace.jsonl")
    assert [one.get("action") for one in records_of(tmp_path / "t.trace.jsonl")[2:]] == [None, None]


@pytest.mark.parametrize("name", ["t.trace.jsonl", "t.trace.json"])
def test_broken_off_and_flushed_it_is_a_trace(tmp_path, name):
    decoder = Decoder()
    batches = [
        decoder.feed(one) for one in open_source([str(FOLDER / "clean-1.6.pcap")], SourceOptions()).batches()
    ]
    events = [event for batch in batches for event in batch]
    form = next(form for form in FORMATS.values() if name == f"t{form.extension}")
    made = form.open(Order(tmp_path / name, "test"))
    made.feed(events[:20], read=1, size=None)
    made.flush()
    made.feed(events[20:30], read=1, size=None)
    made.leave()
    made.close()
    found = records_of(tmp_path / name)
    assert [one["raw"] for one in found] == [event.raw for event in events[:30] if isinstance(event, Message)]
    again = Decoder().feed(open_source([str(tmp_path / name)], SourceOptions()).batches().__next__())
    assert [type(event) for event in again] == [type(event) for event in events[:30]]


# --- the consumer view --------------------------------------------------------------------------------------


def view(tmp_path, path):
    tmp_path.mkdir(exist_ok=True)
    run("convert", "--to", "open-ocpp-trace-view", "--force", path, tmp_path / "view")
    return json.loads((tmp_path / "view").read_text())


@pytest.mark.parametrize("name", ["normal-session", "orphan-response"])
def test_the_fixtures_of_the_specification(tmp_path, name):
    folder = FIXTURES / "open-ocpp-trace" / name
    if not folder.exists():
        pytest.skip("the fixtures are not here")
    expected = json.loads((folder / "expected.json").read_text())
    assert view(tmp_path, folder / "trace.jsonl") == expected
    for way in ([], ["--plain"]):
        run("convert", *way, "--force", folder / "trace.jsonl", tmp_path / "again.trace.jsonl")
        assert view(tmp_path, tmp_path / "again.trace.jsonl") == expected


def test_the_view_pairs_by_the_rule_of_the_trace(tmp_path):
    error = '[4,"1","InternalError","",{}]'
    path = tmp_path / "in.jsonl"
    talk = [
        record(BOOT, "cp-to-csms"),
        record(BOOT, "cp-to-csms"),  # the same id again, before an answer
        record('[2,"1","Reset",{"type":"Soft"}]', "csms-to-cp"),  # and of the other side
        record(BOOTED, "csms-to-cp"),
        record(error, "csms-to-cp"),
        record(error, "csms-to-cp"),
        record('[2,"9","Heartbeat",{}]', "cp-to-csms"),
    ]
    path.write_bytes(as_lines(*talk))
    assert view(tmp_path, path) == {
        "schemaVersion": "1.1",
        "counts": {"records": 7, "calls": 4, "callResults": 1, "callErrors": 2},
        "records": [
            {"index": 0, "messageType": "CALL", "messageId": "1", "action": "BootNotification"},
            {"index": 1, "messageType": "CALL", "messageId": "1", "action": "BootNotification"},
            {"index": 2, "messageType": "CALL", "messageId": "1", "action": "Reset"},
            {
                "index": 3,
                "messageType": "CALLRESULT",
                "messageId": "1",
                "correlatesWith": 1,
                "action": "BootNotification",
            },
            {
                "index": 4,
                "messageType": "CALLERROR",
                "messageId": "1",
                "correlatesWith": 0,
                "action": "BootNotification",
            },
            {"index": 5, "messageType": "CALLERROR", "messageId": "1"},
            {"index": 6, "messageType": "CALL", "messageId": "9", "action": "Heartbeat"},
        ],
        "unansweredCalls": [2, 6],
        "orphanResponses": [5],
    }


# --- traces of others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("normal-session", set()),
        ("failed-auth", set()),
        ("meter-anomaly", set()),
        ("unresponsive-csms", set()),
    ],
)
def test_scenarios_of_ocpp_debugkit(name, rules):
    path = FIXTURES / "debugkit" / f"{name}.json"
    if not path.exists():
        pytest.skip("the scenarios are not here")
    done = run("ls", "--json", path)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    expected = json.loads(path.read_text())
    assert [json.loads(one["raw"]) for one in found if one["event"] == "message"] == [
        one["message"] for one in expected["events"]
    ]
    assert {one["chargePointId"] for one in found} == {expected["metadata"]["stationId"]}
    ways = {"CS_TO_CSMS": "cp-to-csms", "CSMS_TO_CS": "csms-to-cp"}
    assert [one["direction"] for one in found if one["event"] == "message"] == [
        ways[one["direction"]] for one in expected["events"]
    ]


def test_the_csv_of_kwwhat():
    path = FIXTURES / "kwwhat-14d.csv"
    if not path.exists():
        pytest.skip("the table is not here")
    done = run("check", "--json", path)
    rules = {json.loads(line)["rule"] for line in done.stdout.splitlines()}
    assert done.exit_code == 0
    assert not {one for one in rules if one.startswith(("RPC-006", "SCH", "CAP-009"))}
