import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import (
    CALL,
    CALLERROR,
    CALLRESULT,
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Gap,
    Message,
    Opened,
    RpcError,
    Session,
)
from ocppscope.filter import parse

from .stores import SECOND, START, odd

SESSION = Session(3, "10.0.0.7:51034", "10.0.0.1:80", station="CP001", version="2.0.1")
OPENED = Opened(SESSION, START, "/ocpp/CP001", ("ocpp2.0.1",), "ocpp2.0.1", 101, n=1)
PING = Control(SESSION, START, FROM_STATION, "ping", b"beat")
DAMAGED = Damaged(SESSION, START, None, "utf8", 0, "no UTF-8", b"\xffBoot\xff")
GAP = Gap(SESSION, START, FROM_CSMS, 100)
CLOSED = Closed(SESSION, START, "csms", "close", 1001, "going away")


def message(payload=None, *, kind=CALL, action="StatusNotification", time=START, raw="[]", **more):
    return Message(SESSION, time, FROM_STATION, kind, "19223201", action, payload, raw, 7, **more)


ERROR = message(kind=CALLERROR, error=RpcError("NotSupported", "", {}), latency=340_000_000)


def fits(text, event, *judged):
    return parse(text).predicate()(event, judged)


@pytest.mark.parametrize(
    "text",
    [
        "action == STATUSNOTIFICATION",
        "action in (Heartbeat, StatusNotification)",
        "action contains ification",
        "action matches ^Status",
        "action > Heartbeat",
        "type == callerror",
        "direction == station",
        "direction == cp-to-csms",
        "direction != csms",
        "session == 3",
        "station == cp001",
        "id == 19223201",
        'id == "19223201"',
        "version == 2.0.1",
        "version >= 2.0",
        "latency == 340ms",
        "latency < 0.5s",
        "size == 2",
        "size < 1KB",
        "summary contains supported",
        "error == NotSupported",
        "event == message",
        "has(error)",
        "not has(close)",
        "not has(payload)",
        "CP001 status",
        '"[]"',
        "time == 10:15",
        "time >= 10:15",
        "time <= 10:15",
        "time == 2026-11-22",
        "time <= 2026-11-22",
        "time < 2026-11-23",
        "time in (09:00, 11:15+01:00)",
        "time == 2026-11-22T11:15:00.000+01:00",
    ],
)
def test_fields_of_messages(text):
    assert fits(text, ERROR)


@pytest.mark.parametrize(
    "text",
    [
        "action != StatusNotification",
        "time > 10:15",
        "time < 10:15",
        "time > 2026-11-22",
        "time != 10:15",
        "has(close)",
        "has(severity)",
        "severity != error",
        "rule != RPC-001",
        "close != rst",
        "latency > 340ms",
    ],
)
def test_fields_of_messages_that_do_not_fit(text):
    assert not fits(text, ERROR)


def test_a_time_of_day_is_a_point_for_what_is_before_and_after():
    later = message(time=START + 20 * SECOND)
    assert fits("time > 10:15", later)
    assert fits("time == 10:15", later)
    assert not fits("time <= 10:15", later)
    assert not fits("time == 10:15:00", later)


@pytest.mark.parametrize(
    "field", "action type direction id version time latency size summary error close".split()
)
def test_without_a_value_every_comparison_is_false(field):
    session = Session(1)
    event = Closed(session, None, None, "rst") if field != "close" else message()
    value = {
        "time": "10:15",
        "latency": "1s",
        "size": "1",
        "type": "CALL",
        "direction": "station",
        "close": "rst",
    }
    for operator in parse(f"{field} == {value.get(field, 'x')}").tree.field.kind.operators:
        text = (
            f"({value.get(field, 'x')})"
            if operator == "in"
            else "1000"
            if field == "close"
            else value.get(field, "x")
        )
        assert not fits(f"{field} {operator} {text}", event)
    assert not fits(f"has({field})", event)


@pytest.mark.parametrize(
    ("event", "texts"),
    [
        (OPENED, ["event == opened", "opened", "station == CP001", "not has(direction)", "not has(type)"]),
        (PING, ["event == control", "type == PING", "ping", "beat", "size == 4", "direction == station"]),
        (DAMAGED, ["event == damaged", "boot", "size == 6", "not has(direction)", "utf8 damaged"]),
        (GAP, ["event == gap", "100", "direction == csms", "not has(size)"]),
        (CLOSED, ["event == closed", '"going away"', "close == close", "close == csms", "close == 1001"]),
        (
            CLOSED,
            [
                "close > 1000",
                "close in (rst, 1001)",
                "close contains 100",
                "close != rst",
                "close matches ^csms$",
            ],
        ),
    ],
)
def test_other_events(event, texts):
    for text in texts:
        assert fits(text, event), text


def test_close_has_many_values():
    assert not fits("close != csms", CLOSED)
    assert not fits("close == fin", CLOSED)
    assert not fits("close < 1001", CLOSED)
    assert not fits("close == 1001", ERROR)


def test_findings():
    judged = ("RPC-001", "error"), ("WS-007", "info")
    for text in (
        "severity == error",
        "severity == info",
        "severity > warning",
        "severity < warning",
        "has(rule)",
    ):
        assert fits(text, ERROR, *judged), text
    for text in ("rule == ws-007", "rule contains rpc", "rule in (RPC-002, RPC-001)", "rule != RPC-002"):
        assert fits(text, ERROR, *judged), text
    for text in ("severity == warning", "severity != error", "rule != RPC-001", "rule matches ^SCH"):
        assert not fits(text, ERROR, *judged), text


def test_an_answer_takes_the_action_of_its_call():
    beat = message({}, kind=CALLRESULT, action="Heartbeat")
    assert fits("action == Heartbeat", beat)
    assert fits("heartbeat", beat)


METERS = {
    "connectorId": 1,
    "flag": True,
    "off": "false",
    "nothing": None,
    "idTag": "0042",
    "ratio": 0.1,
    "empty": [],
    "key": ["HeartbeatInterval", "x"],
    "strange key": {"a.b": 1},
    "at": "2026-11-22T11:15:30+01:00",
    "date": "2026-11-22",
    "meterValue": [
        {
            "sampledValue": [
                {"value": "230.1", "measurand": "Voltage"},
                {"value": "16", "measurand": "Current.Import"},
            ]
        },
        {"sampledValue": [{"value": "231.5"}]},
    ],
    "nested": [[{"x": 1}], [[{"x": 2}]]],
}


@pytest.mark.parametrize(
    "text",
    [
        "payload.connectorId == 1",
        "payload.connectorId == 1.0",
        "payload.connectorId in (0, 1)",
        "payload.connectorId contains 1",
        "payload.flag == true",
        "payload.off == false",
        "payload.nothing == null",
        "has(payload.nothing)",
        "payload.idTag == 0042",
        'payload.idTag == "0042"',
        "payload.ratio == 0.1",
        "payload.ratio < 1e-0",
        "has(payload.empty)",
        "payload.empty != 1",
        "payload.key == HeartbeatInterval",
        "payload.key[0] == HeartbeatInterval",
        "payload.key[-1] == x",
        "payload.key[*] > Heart",
        'payload["strange key"]["a.b"] == 1',
        'payload.meterValue[*].sampledValue[*].measurand == "Voltage"',
        "payload.meterValue.sampledValue.measurand == Voltage",
        "payload.meterValue[1].sampledValue.value > 231",
        "payload.meterValue.sampledValue.value == 16",
        "payload.meterValue contains current.import",
        'payload.meterValue matches "Current\\.\\w+"',
        "payload.nested.x == 2",
        "payload.at == 10:15",
        "payload.at >= 2026-11-22",
        "payload.at < 2026-11-22T10:16Z",
        "payload.date == 2026-11-22",
        "payload contains strange",
        "has(payload)",
        "PAYLOAD.connectorId == 1",
        "payload.flag contains TRU",
    ],
)
def test_payloads(text):
    assert fits(text, message(METERS))


@pytest.mark.parametrize(
    "text",
    [
        'payload.connectorId == "1"',
        "payload.connectorId != 1",
        "payload.connectorId == true",
        "payload.ConnectorId == 1",
        "payload.flag == 1",
        'payload.flag == "true"',
        "payload.nothing != null",
        "payload.idTag == 42",
        "payload.empty == 1",
        "has(payload.empty[0])",
        "payload.key != x",
        "payload.key[2] == x",
        "payload.key[-3] == x",
        "payload.connectorId[0] == 1",
        "payload.connectorId.x == 1",
        "payload[*].x == 1",
        "payload.missing != 1",
        "payload.idTag == 0043",
        "payload.key == heartbeatinterval",
        "payload.at > 2026-11-22",
        "payload == 1",
    ],
)
def test_payloads_that_do_not_fit(text):
    assert not fits(text, message(METERS))


def test_numbers_beyond_64_bits_and_no_numbers():
    huge = message({"x": 10**400, "y": math.nan, "z": -math.inf, "s": "9" * 5_000, "f": 1e22})
    assert fits("payload.x > 1e300", huge)
    assert not fits("payload.x > 1e400", huge)
    assert fits("payload.f == 10000000000000000000000", huge)
    assert not fits("payload.y == 1 or payload.y < 1 or payload.y > 1", huge)
    assert fits("payload.z < 0", huge)
    assert not fits("payload.s > 1", huge)
    assert fits("payload.s contains 99", huge)


def test_deep_payloads():
    deep = []
    for _ in range(500):
        deep = [deep]
    event = message({"a": deep, "b": {"c": deep}})
    assert not fits("payload.a.b == 1", event)
    assert fits('payload.a contains "[[["', event)
    assert fits('payload matches "c"', event)


def test_a_pattern_sees_the_beginning_of_a_text():
    event = message({"x": "a" * 70_000 + "b"})
    assert fits('payload.x matches "a"', event)
    assert not fits('payload.x matches "b"', event)
    assert fits("payload.x contains b", event)


def test_names_that_are_no_strings():
    event = message({}, action=["x"], error=None)
    assert fits("""action == '["x"]'""", event)
    assert fits("x", event)
    assert fits("error == 7", message(error=RpcError(7, None, None)))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
)


@given(
    JSON,
    st.sampled_from(["payload", "payload.a", "payload[*].b", "payload.a[0].c", "payload.a.b"]),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains", "matches"]),
    st.sampled_from(["1", "-2.5", "abc", '"1"', "10:15", "2026-11-22", "1e999", "9" * 40]),
)
def test_no_payload_raises(payload, path, operator, value):
    fits(f"{path} {operator} {value}", message(payload))
    if operator == "==" and fits(f"{path} != {value}", message(payload)):
        assert not fits(f"{path} == {value}", message(payload))
        assert fits(f"has({path})", message(payload))


def test_speed():
    """Ten times what it takes on a slow machine: a filter must not come to dominate a listing."""
    parsing = min(
        _seconds(lambda: parse("action == Heartbeat and (latency > 10s or payload.x == 1)")) for _ in range(5)
    )
    assert parsing < 0.005
    fit, events = parse("action == Heartbeat").predicate(), odd().events * 100
    taken = min(_seconds(lambda: [fit(event, ()) for event in events]) for _ in range(3))
    assert taken / len(events) < 5e-6


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
