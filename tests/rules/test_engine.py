"""The engine, and the whole of decoder and rules: clean traffic is clean, and nothing makes them raise."""

import gc
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.events import CALL, CALLRESULT, SEND, Closed, Fault, Message, Opened
from ocppscope.ocpp import schemas
from ocppscope.ocpp.actions import BY_SENDER, actions_of
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.summary import summary
from ocppscope.rules.engine import PROOF, Engine
from ocppscope.rules.registry import RULES, Report, on_call, rule
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    NOW,
    SECOND,
    START,
    ask,
    call,
    closed,
    damaged,
    decoded,
    faulty,
    findings_of,
    gap,
    judged,
    notice,
    on,
    opened,
    ping,
    serious,
    wire_events,
)

FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
UNKNOWN = '> [2,"{}","Foo",{{}}]'


# --- findings -----------------------------------------------------------------------------------------------


def test_one_finding_for_each_rule_session_and_subject():
    lines = [UNKNOWN.format(n) for n in range(3)] + ['> [2,"b","Bar",{}]']
    found = judged(lines, closed(), opened(), '> [2,"c","Foo",{}]', only=["RPC-019"])
    assert [(f.session.number, f.subject, f.count) for f in found] == [
        (1, "Foo", 3),
        (1, "Bar", 1),
        (2, "Foo", 1),
    ]


def test_count_first_last_and_proof():
    lines = [piece for n in range(50) for piece in (UNKNOWN.format(n), "+1s")]
    (finding,) = judged(lines, only=["RPC-019"])
    assert finding.count == 50
    assert finding.events == list(range(2, 2 + PROOF))
    assert PROOF == 20
    assert finding.first == START
    assert finding.last == START + 49 * SECOND


def test_first_and_last_where_times_go_back():
    (finding,) = judged(UNKNOWN.format(1), "-9s", UNKNOWN.format(2), only=["RPC-019"])
    assert (finding.first, finding.last) == (START - 9 * SECOND, START)


def test_proof_names_the_earlier_events_too():
    assert findings_of(HEARTBEAT, "+31s", HEARTBEAT_ANSWER)["RPC-012"].events == [2, 3]


@pytest.mark.parametrize("profile", ["strict", "field"])
def test_only_and_skip(profile):
    pieces = [opened(tls=None, auth="Basic x"), UNKNOWN.format(1), "> [2,"]
    everything = set(findings_of(*pieces, profile=profile))
    assert everything >= {"WS-006", "WS-007", "RPC-019", "RPC-001"}
    assert set(findings_of(*pieces, profile=profile, only=["RPC-019", "WS-006"])) == {"RPC-019", "WS-006"}
    assert set(findings_of(*pieces, profile=profile, skip=["RPC-019"])) == everything - {"RPC-019"}
    assert not judged(*pieces, profile=profile, only=["RPC-019"], skip=["RPC-019"])


def test_skipped_rules_do_not_blind_others():
    """State is kept whichever rules run."""
    pieces = [ask("1", "GetLocalListVersion", {}, {"listVersion": 1}, "<"),
              ['< [2,"2","GetLocalListVersion",{}]', '> [4,"2","NotImplemented","",{}]']]  # fmt: skip
    assert set(findings_of(*pieces, only=["RPC-024"])) == {"RPC-024"}


def test_profiles():
    pieces = [opened(tls=None), '> [2,1,"Heartbeat",{}]', "> [2,"]
    strict = {f.rule.id: f.severity for f in judged(*pieces, profile="strict")}
    field = {f.rule.id: f.severity for f in judged(*pieces, profile="field")}
    assert strict["WS-007"] == "warning"
    assert strict["RPC-003"] == "error"
    assert field["WS-007"] == field["RPC-003"] == "info"
    assert strict["RPC-001"] == field["RPC-001"] == "error"


def test_an_excused_report_neither_hides_nor_swells_a_real_one():
    found = judged(opened(late=False), "> [2,", '< [3,"a",{}]', '< [3,"b",{}]', only=["RPC-006"])
    assert [(finding.severity, finding.count) for finding in found] == [("info", 1), ("error", 1)]
    assert "may answer" not in found[1].detail


def test_the_two_sides_are_not_blamed_for_each_other():
    found = judged("> [2,", "< [2,", "< [3", only=["RPC-001"])
    assert [(f.direction, f.count, f.events) for f in found] == [
        ("cp-to-csms", 1, [2]),
        ("csms-to-cp", 2, [3, 4]),
    ]


def test_findings_come_in_the_order_in_which_they_were_seen():
    found = judged(opened(tls=None), UNKNOWN.format(1), "> [2,")
    assert [f.rule.id for f in found] == ["WS-007", "RPC-019", "RPC-001"]


def test_observer_is_told_of_each_report():
    told = []
    engine = Engine(only=["RPC-019"], observer=lambda *about: told.append(about))
    engine.feed(decoded(UNKNOWN.format(1), UNKNOWN.format(2)))
    assert [(finding.rule.id, numbers) for finding, _, numbers in told] == [
        ("RPC-019", (2,)),
        ("RPC-019", (3,)),
    ]


def test_source_is_that_of_the_sessions_version():
    for version, source in (
        ("1.6", "OCPP-J 1.6"),
        ("2.0.1", "OCPP 2.0.1 part 4"),
        ("2.1", "OCPP 2.1 part 4"),
    ):
        assert findings_of("> [2,", version=version)["RPC-001"].source.startswith(source)


def test_fed_in_pieces_or_at_once():
    events = decoded(opened(tls=None), UNKNOWN.format(1), FINE, UNKNOWN.format(2), closed())
    at_once, in_pieces = Engine(), Engine()
    at_once.feed(events)
    for event in events:
        in_pieces.feed([event])
    assert at_once.findings == in_pieces.findings


def test_rules_of_the_version_that_became_known_later():
    """Before the Boot the version is open; after it the session is one of 1.6."""
    found = findings_of(opened(version=None, subprotocols=("ocpp1.6",)), FINE, BOOT_16, '> [2,"x","Foo",{}]')
    assert "RPC-019" in found


# --- memory -------------------------------------------------------------------------------------------------


def test_closed_sessions_are_forgotten():
    engine = Engine()
    pieces = [[opened(), FINE, closed(), "+99s"] for _ in range(5)]
    pieces += [[opened(duplicate_of=1), FINE, closed()] for _ in range(5)]
    engine.feed(decoded(pieces))
    assert not engine._tables.sessions


def test_actions_out_of_a_capture_are_bounded():
    engine = Engine(only=["RPC-030"])
    engine.feed(decoded([f'> [2,"{n}","Action {n}",{{}}]' for n in range(3_000)]))
    (checks,) = [checks for version, checks in engine._by_version.items() if version == "1.6"]
    assert len(checks.of_station[2]) <= 1_001


# --- clean sessions -----------------------------------------------------------------------------------------

ACCEPTED = {"status": "Accepted"}
TAG = {"idTagInfo": ACCEPTED}
TOKEN = {"idToken": "04AA", "type": "ISO14443"}


def status_16(number, status, when=NOW):
    asked = {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": when}
    return ask(f"s{number}", "StatusNotification", asked)


CLEAN_16 = [
    BOOT_16,
    status_16(0, "Available"),
    ask("g", "GetConfiguration", {"key": ["HeartbeatInterval"]},
        {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}, "<"),
    ask("a", "Authorize", {"idTag": "04AA"}, TAG),
    status_16(1, "Preparing"),
    ask("b", "StartTransaction", {"connectorId": 1, "idTag": "04AA", "meterStart": 10, "timestamp": NOW},
        TAG | {"transactionId": 1}),
    status_16(2, "Charging"),
    "+60s",
    ask("m", "MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": [
        {"timestamp": "2026-11-22T10:16:00Z", "sampledValue": [
            {"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N"},
            {"value": "20", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]}]}),
    ping(), ping("<", "pong"),
    ask("p", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative", "chargingSchedule": {"chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}]}}}, ACCEPTED, "<"),
    ask("r", "RemoteStopTransaction", {"transactionId": 1}, ACCEPTED, "<"),
    ask("e", "StopTransaction", {"transactionId": 1, "meterStop": 20, "reason": "Remote",
        "timestamp": "2026-11-22T10:16:01Z"}, TAG),
    status_16(3, "Finishing", "2026-11-22T10:16:01Z"),
    ask("d", "DataTransfer", {"vendorId": "V", "data": "x"}, ACCEPTED),
    ask("t", "TriggerMessage", {"requestedMessage": "Heartbeat"}, ACCEPTED, "<"),
    ask("h", "Heartbeat", {}, {"currentTime": "2026-11-22T10:16:01.250Z"}),
    ask("z", "Reset", {"type": "Soft"}, ACCEPTED, "<"),
    closed(),
    "+90s",
    opened(),
    ask("boot2", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"},
        ACCEPTED | {"currentTime": "2026-11-22T10:17:31Z", "interval": 300}),
]  # fmt: skip


def clean_2x(version):
    def transaction(number, kind, trigger, when, **more):
        asked = {"eventType": kind, "timestamp": when, "triggerReason": trigger, "seqNo": number,
                 "transactionInfo": {"transactionId": "tx", "chargingState": "Charging"}}  # fmt: skip
        if kind == "Ended":
            asked["transactionInfo"]["stoppedReason"] = "Remote"
        return ask(
            f"t{number}",
            "TransactionEvent",
            asked | more,
            {"idTokenInfo": ACCEPTED} if more.get("idToken") else {},
        )

    answered = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    pieces = [
        BOOT_2X,
        ask("s", "StatusNotification",
            {"timestamp": NOW, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}),
        ask("g", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, ACCEPTED, "<"),
        ask("n", "NotifyReport", {"requestId": 1, "generatedAt": NOW, "seqNo": 0, "tbc": False, "reportData": [
            answered | {"variableAttribute": [{"value": "300"}]}]}),
        ask("v", "GetVariables", {"getVariableData": [answered]},
            {"getVariableResult": [answered | {"attributeStatus": "Accepted", "attributeValue": "300"}]}, "<"),
        ask("c", "GetChargingProfiles", {"requestId": 2, "evseId": 1, "chargingProfile": {}},
            {"status": "NoProfiles"}, "<"),
        ask("a", "Authorize", {"idToken": TOKEN}, {"idTokenInfo": ACCEPTED}),
        transaction(0, "Started", "Authorized", NOW, idToken=TOKEN, evse={"id": 1, "connectorId": 1}),
        "+60s",
        transaction(1, "Updated", "MeterValuePeriodic", "2026-11-22T10:16:00Z", meterValue=[
            {"timestamp": "2026-11-22T10:16:00Z", "sampledValue": [{"value": 230.1, "measurand": "Voltage"}]}]),
        ask("x", "RequestStopTransaction", {"transactionId": "tx"}, ACCEPTED, "<"),
        transaction(2, "Ended", "RemoteStop", "2026-11-22T10:16:01.5Z"),
        ask("e", "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": "2026-11-22T10:16:00Z"}),
        ask("d", "DataTransfer",
            {"vendorId": "V", "data": {"a": {"b": {}}}, "customData": {"vendorId": "V"}}, ACCEPTED),
    ]  # fmt: skip
    if version == "2.1":
        stream = {"id": 1, "pending": 0, "basetime": "2026-11-22T10:16:00Z", "data": [{"t": 0, "v": "1"}]}
        pieces += ["> " + json.dumps([6, f"p{n}", "NotifyPeriodicEventStream", stream]) for n in range(3)]
    return [*pieces, ask("h", "Heartbeat", {}, {"currentTime": "2026-11-22T10:16:02Z"}), closed()]


@pytest.mark.parametrize(
    ("version", "pieces"), [("1.6", CLEAN_16), ("2.0.1", clean_2x("2.0.1")), ("2.1", clean_2x("2.1"))]
)
def test_clean_traffic_is_clean(version, pieces):
    for profile in ("strict", "field"):
        found = judged(pieces, version=version, profile=profile)
        assert not serious(found), found
        assert {finding.rule.id for finding in found} <= {
            "SEC-008"
        }  # a security event is always worth a note
    plain = judged(opened(tls=None, auth=None), pieces, version=version)
    assert {f.rule.id for f in plain} <= {"WS-007", "WS-010"} or not serious(plain)


@pytest.mark.parametrize(
    ("version", "pieces"), [("1.6", CLEAN_16), ("2.0.1", clean_2x("2.0.1")), ("2.1", clean_2x("2.1"))]
)
def test_clean_traffic_found_in_its_middle_is_clean(version, pieces):
    """Whatever part of it is in the capture, nothing is claimed that a partial capture could fake."""
    lines = [piece for one in pieces for piece in ([one] if isinstance(one, str) or callable(one) else one)]
    for start in range(1, len(lines), 3):
        before = [line for line in lines[:start] if isinstance(line, str) and line[0] == "+"]
        found = judged(before, opened(late=True, version=version), lines[start:], version=version)
        assert not serious(found), (start, found)


# --- fuzz ---------------------------------------------------------------------------------------------------

EVERYTHING = [
    (version, direction, action)
    for version, senders in BY_SENDER.items()
    for direction, actions in senders.items()
    for action in sorted(actions)
]
ODD = [None, True, False, 0, -1, 1.5, 1e300, -(2**63), 2**64 - 1, "", "x" * 300, "1970-01-01T00:00:00Z",
       "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", NOW, "2026-11-22", [], {},
       [[]], [{}], {"": {}}, {"a": [{}]}, "*", "/~1", "\u0000", "😀"]  # fmt: skip
JSON = st.recursive(
    st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "timestamp", "requestId", "a/b", "~", "*", "0", "customData"]), inner
        )
    ),
    max_leaves=8,
)
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def shaped(draw, node, root, depth=0):
    """A payload in the shape of its schema, here and there wrong."""
    if draw(st.integers(0, 19)) == 0 or depth > 8:
        return draw(st.sampled_from(ODD))
    while "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    kind = node.get("type")
    if kind == "object":
        chosen = {}
        for name, child in node.get("properties", {}).items():
            if name in node.get("required", ()) or draw(st.integers(0, 3)) == 0:
                chosen[name] = shaped(draw, child, root, depth + 1)
        return chosen
    if kind == "array":
        return [shaped(draw, node["items"], root, depth + 1) for _ in range(draw(st.integers(0, 2)))]
    if kind == "string":
        if node.get("format") == "date-time":
            return draw(st.sampled_from([value for value in ODD if isinstance(value, str)]))
        return draw(st.sampled_from(["", "A", "x" * 2_000]))
    if kind in ("integer", "number"):
        return draw(st.sampled_from([0, 1, -1, 21.4, 2**40, -1e9]))
    return draw(st.sampled_from(ODD))


def judge(events):
    engine = Engine(profile="strict")
    decoder = Decoder()
    for event in decoder.feed(events):
        engine.feed([event])
        if isinstance(event, Message):
            assert isinstance(summary(event), str)
    for finding in engine.findings:
        assert finding.count >= 1
        assert len(finding.events) <= PROOF
        assert finding.events == [n for n in dict.fromkeys(finding.events) if n > 0]
    return engine.findings


@FUZZ
@given(st.data())
def test_shaped_payloads_of_every_action(data):
    chosen = data.draw(st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=8))
    for version in ("1.6", "2.0.1", "2.1"):
        lines = []
        for number, (of, direction, action) in enumerate(chosen):
            side, other = (">", "<") if direction == "cp-to-csms" else ("<", ">")
            asked = schemas.schema(of, CALL, action) or schemas.schema(of, SEND, action)
            answer = schemas.schema(of, CALLRESULT, action) or {}
            lines.append(f"{side} {json.dumps([2, str(number), action, shaped(data.draw, asked, asked)])}")
            lines.append(data.draw(st.sampled_from(["+0s", "+11s", "+31s", "-5s"])))
            lines.append(f"{other} {json.dumps([3, str(number), shaped(data.draw, answer, answer)])}")
        judge(wire_events(opened(version=version), lines))


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_wrong_types_everywhere(version):
    """Each odd value as the payload, and in each field, of every action."""
    lines = []
    for action in sorted(actions_of(version)):
        fields = (schemas.schema(version, CALL, action) or {}).get("properties", {})
        for number, odd in enumerate(ODD):
            everywhere = dict.fromkeys(fields, odd)
            for payload in (odd, everywhere):
                message_id = f"{action}{number}{type(payload).__name__}"
                lines.append("> " + json.dumps([2, message_id, action, payload]))
                lines.append("< " + json.dumps([3, message_id, payload]))
    judge(wire_events(lines, version=version))


LINES = st.builds(
    lambda side, message: f"{side} {json.dumps(message)}",
    st.sampled_from("<>"),
    st.one_of(
        st.tuples(st.just(2), st.sampled_from(["1", "2", 3, None, [1]]), st.sampled_from(
            ["Heartbeat", "BootNotification", "StopTransaction", "MeterValues", "NotifyReport", "GetLog", "Foo",
             "NotifyPeriodicEventStream", "Heartbeat-Signed", "", None, [], {}, 7]), JSON),
        st.tuples(st.sampled_from([3, 5]), st.sampled_from(["1", "2", 3, None, [1]]), JSON),
        st.tuples(st.sampled_from([4, 5]), st.sampled_from(["1", "2", "-1", 3]), JSON, JSON, JSON),
        st.tuples(st.just(6), st.sampled_from(["1", "2"]), st.just("NotifyPeriodicEventStream"), JSON),
        st.lists(JSON, max_size=6),
        JSON,
    ),
)  # fmt: skip
PIECES = st.one_of(
    LINES,
    LINES,
    LINES,
    st.builds(opened, version=st.sampled_from(["1.6", "2.0.1", "2.1", "2.0", None]), late=st.booleans(),
              server=st.sampled_from(["a:1", "b:2"]), status=st.sampled_from([101, 404, None])),
    st.builds(opened, duplicate_of=st.just(1)),
    st.builds(closed, st.sampled_from(["station", "csms", None]), st.sampled_from(["close", "rst"])),
    st.builds(gap, st.sampled_from("<>"), st.sampled_from([None, 0, 10])),
    st.builds(ping, st.sampled_from("<>"), st.sampled_from(["ping", "pong"])),
    st.builds(damaged, st.sampled_from(["tcp", "tls", "websocket", "deflate", "utf8"]), st.just("websocket.rsv")),
    st.builds(notice, st.sampled_from(["tls.unreadable", "file.damaged", "link.unsupported", "other"])),
    st.builds(faulty, LINES, st.sampled_from(["websocket.binary", "no.such.fault", "websocket.unmasked"])),
    st.sampled_from(["+1s", "+31s", "+4000s", "-100s", "> ", "> [", '> [2,"1",', "< null"]),
)  # fmt: skip


@settings(FUZZ, max_examples=200)
@given(st.lists(PIECES, max_size=40), st.booleans(), st.booleans())
def test_anything_in_any_order(pieces, timeless, shuffled):
    usable = []
    is_open = False
    for piece in pieces:  # a close needs something open
        name = getattr(piece, "__qualname__", "")
        if name.startswith("closed") and not is_open:
            continue
        is_open = not name.startswith("closed") if callable(piece) else True
        usable.append(piece)
        if name.startswith("closed"):
            usable.append(opened())
            is_open = True
    events = wire_events(usable, timeless=timeless)
    judge(events[::-1] if shuffled else events)


def test_events_without_a_beginning_or_after_the_end():
    """A message, a gap, a close of a session that was never opened, or is closed already."""
    events = wire_events(FINE, gap(), ping(), closed())
    for event in events:
        judge([event])
    judge(events + events)
    judge([event for event in events if isinstance(event, Closed)] * 3)


def test_faults_that_no_rule_knows_are_no_findings():
    events = decoded(FINE)
    events[1] = replace(events[1], faults=(Fault("something.new", "x"),))
    engine = Engine(skip=["BOOT-001"])
    engine.feed(events)
    assert not engine.findings


def test_deep_payloads():
    for depth in (100, 255, 300, 508):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            deep = opening * depth + "1" + closing * depth
            lines = [f'> [2,"{action}","{action}",{{"vendorId":{deep},"data":{deep}}}]'
                     for action in ("DataTransfer", "Heartbeat", "Foo")]  # fmt: skip
            for version in ("1.6", "2.1"):
                judge(wire_events(lines, version=version))


def test_a_session_of_many_stations_at_once():
    pieces = [opened(station=f"CP{n}") for n in range(20)]
    for n in range(20):
        pieces += [on(n + 1), FINE]
    assert not judged(pieces, skip=["BOOT-001"])


def test_call_helper_writes_what_a_station_would():
    assert call("1", "Heartbeat") == '[2, "1", "Heartbeat", {}]'


# --- traffic that never ends --------------------------------------------------------------------------------


def test_findings_of_sessions_that_ended_are_given_up():
    events = decoded(UNKNOWN.format(1), closed(), opened(), '> [2,"2","Bar",{}]', notice("tls.unreadable"))
    engine = Engine()
    engine.feed(events)
    before = engine.findings
    first, second = (event.session for event in events if isinstance(event, Opened))
    gone = engine.forget({first})
    assert gone
    assert {finding.session for finding in gone} == {first}
    assert engine.findings == [finding for finding in before if finding.session is not first]
    assert {finding.session for finding in engine.findings} >= {second, None}
    assert engine.forget({first}) == []
    assert engine.forget(set()) == []


def test_what_a_forgotten_session_still_does_wrong_is_a_new_finding():
    events = decoded(UNKNOWN.format(1), UNKNOWN.format(2))
    told = []
    engine = Engine(
        only=["RPC-019"], observer=lambda finding, *_: told.append((finding.count, finding.subject))
    )
    engine.feed(events[:2])
    engine.forget({events[0].session})
    engine.feed(events[2:])
    assert told == [(1, "Foo"), (1, "Foo")]


def test_many_sessions_one_after_the_other_take_no_more_memory_than_a_few():
    engine, decoder = Engine(), Decoder()
    sizes = []
    for _ in range(3):
        for n in range(300):
            station = f"CP{n}"
            pieces = opened(station=station), UNKNOWN.format(n), '> [2,"x","Heartbeat",{"a":1}]', closed()
            events = decoder.feed(wire_events(*pieces))
            engine.feed(events)
            engine.forget({event.session for event in events if isinstance(event, Closed)})
        gc.collect()
        sizes.append((len(engine.findings), len(engine._tables.sessions), len(gc.get_objects())))
    assert sizes[2][:2] == sizes[1][:2]
    assert sizes[2][0] < 100
    assert sizes[2][2] - sizes[1][2] < 1_000  # 300 sessions and 900 findings have come and gone


def test_rules_behind_a_gate_look_only_where_it_is_open():
    asked, looked = [], []

    def gate(event, state):
        asked.append(event.n)
        return event.n > 1

    def looker(name):
        @rule(name, "t", "warning", on_call("Heartbeat", gate=gate), source="heuristic", hint="h")
        def look(event, state):
            looked.append((name, event.n))
            return Report(name, "s")

    try:
        looker("TEST-1")
        looker("TEST-2")
        found = judged(
            [ask(n, "Heartbeat", {}, {"currentTime": CURRENT}) for n in "ab"], only=["TEST-1", "TEST-2"]
        )
    finally:
        for name in ("TEST-1", "TEST-2"):
            RULES.pop(name, None)
    numbers = sorted(set(asked))
    assert asked == numbers  # once a message, for both
    assert looked == [(name, n) for n in numbers if n > 1 for name in ("TEST-1", "TEST-2")]
    assert [finding.rule.id for finding in found] == ["TEST-1", "TEST-2"]
