import pytest

from ocppscope.capture.faults.spec import KINDS, FaultSpec, FaultSpecError, concerns, parse_fault
from ocppscope.events import FROM_CSMS, FROM_STATION

from .stage import MILLISECOND, SECOND, opened


@pytest.mark.parametrize(
    ("text", "kind", "arguments"),
    [
        ("delay 5s", "delay", (5 * SECOND,)),
        ("DELAY 200ms", "delay", (200 * MILLISECOND,)),
        ("delay 1.5min", "delay", (90 * SECOND,)),
        ("drop", "drop", ()),
        ("duplicate", "duplicate", ()),
        ("reorder", "reorder", ()),
        ("corrupt", "corrupt", ()),
        ("close 1001", "close", (1001, "")),
        ('close 4999 "say \\"when\\""', "close", (4999, 'say "when"')),
        ("close 3000 'going away'", "close", (3000, "going away")),
        ("answer NotSupported", "answer", ("NotSupported", "")),
        ('callerror InternalError "p=0.5"', "answer", ("InternalError", "p=0.5")),
        ("replace /connectorId 7", "replace", ("/connectorId", "7")),
        ('replace /a/0/b {"when": ["p=1", null]}', "replace", ("/a/0/b", '{"when": ["p=1", null]}')),
        ('replace "/strange key" "when"', "replace", ("/strange key", '"when"')),
        ('replace "" {}', "replace", ("", "{}")),
        ("stall 1min", "stall", (60 * SECOND,)),
    ],
)
@pytest.mark.parametrize(
    ("clauses", "wanted", "probability"),
    [
        ("", None, 1.0),
        (" p=0.1", None, 0.1),
        (" p=1", None, 1.0),
        (" when action == Heartbeat", "action == Heartbeat", 1.0),
        (" when action == Heartbeat p=0.25", "action == Heartbeat", 0.25),
        (" P = 0.25  WHEN action == Heartbeat", "action == Heartbeat", 0.25),
        (' when action != "p=0.1"', 'action != "p=0.1"', 1.0),
        (' when (action != " p=0.1") p=1e-3 ', '(action != " p=0.1")', 0.001),
        (' when payload.p == "x" ', 'payload.p == "x"', 1.0),
    ],
)
def test_a_fault(text, kind, arguments, clauses, wanted, probability):
    spec = parse_fault(text + clauses)
    assert spec.text == (text + clauses).strip()
    assert (spec.kind, spec.arguments, spec.probability) == (kind, arguments, probability)
    assert (spec.wanted and spec.wanted.text) == wanted


def test_a_spec_is_frozen():
    with pytest.raises(AttributeError):
        parse_fault("drop").kind = "delay"


ALL = ", ".join(KINDS)
CLOSE_CODES = "1000, 1001, 1011, 3000, 4999"
VALUES = '7, "a text", true, null, {"a":1}'
POINTERS = "/connectorId, /idTagInfo/status, /meterValue/0/timestamp"


@pytest.mark.parametrize(
    ("text", "message", "under", "expected"),
    [
        ("", "a kind of fault is missing", "", ALL),
        ("dorp when x", "there is no fault dorp; did you mean drop?", "dorp", ALL),
        ('"drop"', "a kind of fault is missing", '"', ALL),
        ("delay", "a duration is missing", "", "200ms, 5s, 1min"),
        ("delay when x", "a duration is missing", "w", "200ms, 5s, 1min"),
        ("delay p=0.5", "a duration is missing", "p", "200ms, 5s, 1min"),
        ("stall 5", "5 needs a unit", "5", "5ms, 5s, 5min, 5h"),
        ("stall soon p=1", "'soon' is not a duration", "soon", "200ms, 5s, 1min"),
        ("drop it", "it does not belong here", "it", "when …, p=0.5"),
        ("drop p=0.5 it", "it does not belong here", "it", "when …"),
        ("delay 5s 7s", "7s does not belong here", "7s", "when …, p=0.5"),
        ("close", "a close code is missing", "", CLOSE_CODES),
        ("close now", "'now' is no close code", "now", CLOSE_CODES),
        ("close 1005", "the close code 1005 is reserved and never sent", "1005", CLOSE_CODES),
        ("close 1015", "the close code 1015 is reserved and never sent", "1015", CLOSE_CODES),
        ("close 999", "no close code is 999", "999", CLOSE_CODES),
        ("close 2000", "no close code is 2000", "2000", CLOSE_CODES),
        ("close 5000", "no close code is 5000", "5000", CLOSE_CODES),
        ("close 1000 away", "away does not belong here", "away", '"a reason", when …, p=0.5'),
        ('close 1000 "away', "the quote is not closed", '"away', '"'),
        ('close 1000 "away"ing', "the quote is not closed", '"away"ing', '"'),
        (
            f'close 1000 "{"ü" * 62}"',
            "the reason has 124 bytes, 123 are allowed",
            f'"{"ü" * 62}"',
            None,
        ),
        ("answer Busy now", "now does not belong here", "now", '"a description", when …, p=0.5'),
        ("replace", "a JSON pointer into the payload is missing", "", POINTERS),
        (
            "replace connectorId 7",
            "'connectorId' is no JSON pointer: it begins with /",
            "connectorId",
            f"/connectorId, {POINTERS}",
        ),
        ("replace /a", "the new value is missing", "", VALUES),
        ("replace /a when b", "the new value is missing", "w", VALUES),
        ("replace /a Soft", "Soft is no JSON value: a text stands in double quotes", "Soft", VALUES),
        ("replace /a NaN", "NaN is no JSON value: a text stands in double quotes", "NaN", VALUES),
        ("replace /a {1", "{1 is no JSON value: a text stands in double quotes", "{1", VALUES),
        (
            'replace /a "\\ud800"',
            '"\\ud800" is no JSON value: a text stands in double quotes',
            '"\\ud800"',
            VALUES,
        ),
        ("drop p=0", "p is above 0 and at most 1, not 0", "p=0", "0.01, 0.5, 1"),
        ("drop p=1.1", "p is above 0 and at most 1, not 1.1", "p=1.1", "0.01, 0.5, 1"),
        ("drop p=10%", "p is above 0 and at most 1, not 10%", "p=10%", "0.01, 0.5, 1"),
        ("drop p=", "p is above 0 and at most 1, not nothing", "p=", "0.01, 0.5, 1"),
        ("drop when x p=2", "p is above 0 and at most 1, not 2", "p=2", "0.01, 0.5, 1"),
        ("drop p=0.1 when x p=0.2", "p is there twice", "p=0.2", None),
        ("drop when", "the filter is empty", "", "a field, a word, has(…), not, ("),
        (
            "drop when latency > 3",
            "3 needs a unit",
            "3",
            "3ms, 3s, 3min, 3h",
        ),
        (
            "drop when not (rule == RPC-004)",
            "rule asks for findings, which are made after a message has gone by",
            "rule",
            None,
        ),
        ("drop when close == 1000", "this is true of no message that drop can act on", "close == 1000", None),
        ("drop when event == closed", "this is true of no message that drop can act on", "event == closed", None),
        ("drop when type == ping", "this is true of no message that drop can act on", "type == ping", None),
        (
            "answer Busy when type == CALLRESULT p=0.5",
            "this is true of no message that answer can act on",
            "type == CALLRESULT",
            None,
        ),
        (
            "replace /a 1 when event == damaged",
            "this is true of no message that replace can act on",
            "event == damaged",
            None,
        ),
        ("answer Busy when has(latency)", "this is true of no message that answer can act on", "has(latency)", None),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_in_its_place(text, message, under, expected):
    with pytest.raises(FaultSpecError) as caught:
        parse_fault(text)
    error = caught.value
    assert error.message == message
    assert error.text == text
    assert text[error.position : error.position + error.length] == under
    assert ", ".join(error.expected) == (expected or "")


def test_a_mistake_in_full():
    with pytest.raises(ValueError, match="expected") as caught:
        parse_fault("drop when acton == Heartbeat p=0.1")
    lines = str(caught.value).split("\n")
    assert lines[:3] == [
        "there is no field acton; did you mean action?",
        "  drop when acton == Heartbeat p=0.1",
        "            ^^^^^",
    ]
    assert lines[3].startswith("expected: action, type, ")


def test_an_error_code_is_missing():
    with pytest.raises(FaultSpecError, match="an error code is missing") as caught:
        parse_fault("answer when x")
    assert {"NotSupported", "InternalError"} <= set(caught.value.expected)


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("drop", {FROM_STATION, FROM_CSMS}),
        ("drop when action == Heartbeat", {FROM_STATION, FROM_CSMS}),
        ("drop when direction == station", {FROM_STATION}),
        ("drop when direction != station and action == Heartbeat", {FROM_CSMS}),
        ("drop when station == CP001 and direction == csms", {FROM_CSMS}),
        ("drop when station == CP002", set()),
        ("drop when not station == CP002", {FROM_STATION, FROM_CSMS}),
        ("drop when station == CP002 or payload.connectorId == 1", {FROM_STATION, FROM_CSMS}),
        ("drop when session == 3 or version > 2", set()),
        ("drop when version == 1.6", {FROM_STATION, FROM_CSMS}),
        ("drop when CP001", {FROM_STATION, FROM_CSMS}),
        ("drop when not CP001", set()),
    ],
)
def test_whom_a_fault_concerns(text, directions):
    spec = parse_fault(text)
    assert {one for one in (FROM_STATION, FROM_CSMS) if concerns(spec, opened(), one)} == directions


def test_a_version_that_is_not_agreed_may_be_any():
    start = opened(subprotocol=None)
    assert concerns(parse_fault("drop when version == 2.0.1"), start, FROM_STATION)
    start.session.version = "1.6"
    assert not concerns(parse_fault("drop when version == 2.0.1"), start, FROM_STATION)
    start.session.version_inferred = True
    assert concerns(parse_fault("drop when version == 2.0.1"), start, FROM_STATION)


def test_a_station_named_by_the_user():
    start = opened(path="/")
    assert not concerns(parse_fault("drop when has(station)"), start, FROM_STATION)
    start.session.station = "CP7"
    assert concerns(parse_fault("drop when station == CP7"), start, FROM_STATION)


def test_a_spec_made_by_hand():
    assert concerns(FaultSpec("drop", "drop"), opened(), FROM_CSMS)
