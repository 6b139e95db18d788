import json

import pytest

from ocppscope.events import Closed, Control, Damaged, Fault, Gap, Message, Notice, Opened, Text
from ocppscope.ocpp.decoder import Decoder, identity_of
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    NOW,
    ask,
    call,
    closed,
    damaged,
    decoded,
    faulty,
    gap,
    messages,
    notice,
    on,
    opened,
    ping,
    wire_events,
)

FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
BARE = opened(version=None, path="/CP001", subprotocols=())
STREAM = {"id": 1, "pending": 0, "basetime": NOW, "data": [{"t": 0, "v": "1"}]}


# --- numbers ------------------------------------------------------------------------------------------------


def test_numbers_have_no_holes():
    pieces = [
        opened(),
        FINE,
        ping(),
        "> [2,",
        gap(),
        damaged("tls"),
        notice("x"),
        opened(station="B"),
        on(1),
        HEARTBEAT,
    ]
    events = [event for event in decoded(*pieces) if not isinstance(event, Notice)]
    assert [event.n for event in events] == list(range(1, len(events) + 1))


def test_numbers_go_on_over_feeds():
    decoder = Decoder()
    out = [
        event for one in wire_events(FINE, ping(), closed(), opened(), FINE) for event in decoder.feed([one])
    ]
    assert [event.n for event in out] == list(range(1, len(out) + 1))
    assert out == decoded(FINE, ping(), closed(), opened(), FINE) or len(out) == 9


def test_order_and_kinds():
    kinds = [type(event) for event in decoded(HEARTBEAT, ping(), "> x", gap(), damaged("tls"), notice("x"))]
    assert kinds == [Opened, Message, Control, Damaged, Gap, Damaged, Notice, Closed]


def test_nothing_in_nothing_out():
    assert Decoder().feed([]) == []


def test_faults_of_the_wire_stay():
    (message,) = messages(faulty('> [2,1,"Heartbeat",{}]', "websocket.rsv"))
    assert [fault.kind for fault in message.faults] == ["websocket.rsv", "rpc.id-integer"]
    (broken,) = [e for e in decoded(faulty("> [", "websocket.rsv")) if isinstance(e, Damaged)]
    assert [fault.kind for fault in broken.faults] == ["websocket.rsv", "json.invalid"]


def test_the_text_stays_as_it_was():
    text = '[2 ,\t"1","Heartbeat" , {} ]\n'
    assert messages("> " + text)[0].raw == text


# --- identity -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/CP001", "CP001"),
        ("/ocpp/1.6/CP001", "CP001"),
        ("/ocpp/CP001?token=a/b", "CP001"),
        ("/ocpp/CP%20001", "CP 001"),
        ("/ocpp/CP%2F001", "CP/001"),
        ("/ocpp/%E6%97%A5", "日"),
        ("/ocpp/%zz", "%zz"),
        ("/ocpp/CP+1", "CP+1"),
        ("/ocpp/CP%3F1", "CP?1"),
        ("ws://csms.example:9000/ocpp/CP001", "CP001"),
        ("http://csms.example/CP001?x=1", "CP001"),
        ("/ocpp/", None),
        ("/", None),
        ("", None),
        ("?x=/y", None),
        ("CP001", "CP001"),
    ],
)
def test_identity(path, identity):
    assert identity_of(path) == identity


def station_of(*pieces, **options):
    return decoded(*pieces, **options)[0].session.station


def test_name_station():
    assert station_of(opened(), name_station="X") == "CP001"
    assert station_of(opened(late=True), HEARTBEAT, name_station="X") == "X"
    assert station_of(opened(late=True), HEARTBEAT) is None
    assert station_of(opened(path="/"), HEARTBEAT, name_station="X") == "X"


# --- versions -----------------------------------------------------------------------------------------------


def version_of(*pieces, **options):
    session = decoded(*pieces, **options)[0].session
    return session.version, session.version_inferred


@pytest.mark.parametrize("version", ["1.2", "1.5", "1.6", "2.0", "2.0.1", "2.1"])
def test_version_of_the_subprotocol(version):
    assert version_of(opened(version=version), FINE) == (version, False)


@pytest.mark.parametrize("version", ["1.2", "1.5", "2.0"])
def test_versions_without_schemas_are_framing_only(version):
    (message,) = messages(opened(version=version), '> [2,"1","NoSuchAction",{"timestamp":"x","a":{}}]')
    assert not message.faults
    assert not message.violations


@pytest.mark.parametrize(
    ("pieces", "version"),
    [
        (BOOT_16, "1.6"),
        (BOOT_2X, "2.0.1"),
        ("> " + call("1", "StartTransaction"), "1.6"),
        ("> " + call("1", "TransactionEvent"), None),
        ("> " + call("1", "NotifySettlement"), "2.1"),
        ("> " + json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM]), "2.1"),
        ([HEARTBEAT, HEARTBEAT_ANSWER, '> [5,"1","X","",{}]'], "2.1"),
        (FINE, None),
        ("> " + call("1", "NoSuchAction"), None),
        ('> [2,"1",null,{}]', None),
        ('> [2,"1",["a"],{}]', None),
        ("> [3,", None),
        ([FINE, BOOT_16], "1.6"),
        ([BOOT_2X, "> " + call("1", "NotifySettlement")], "2.1"),
        ([BOOT_2X, "> " + json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM])], "2.1"),
        ([BOOT_16, "> " + call("1", "NotifySettlement")], "1.6"),
    ],
)
@pytest.mark.parametrize("first", [BARE, opened(late=True), opened(subprotocol=None)])
def test_inferred_version(pieces, version, first):
    found = version_of(first, pieces)
    if pieces == "> " + call("1", "TransactionEvent"):
        assert found[0] in (None, "2.0.1")  # of 2.x, for certain; which of them, its payload does not tell
    else:
        assert found == (version, version is not None)


def test_an_agreed_version_is_not_changed():
    assert version_of(opened(version="2.0.1"), "> " + call("1", "NotifySettlement")) == ("2.0.1", False)


def test_messages_before_the_version_is_known_are_not_validated():
    first, second = messages(
        BARE,
        '> [2,"1","Heartbeat",{"a":1}]',
        "> " + call("2", "BootNotification", {"chargePointModel": "M", "chargePointVendor": "V"}),
    )
    assert not first.violations
    assert not second.violations
    assert second.session.version == "1.6"


# --- what is not OCPP ---------------------------------------------------------------------------------------

FOREIGN = opened(version=None, subprotocols=("graphql-ws",), subprotocol="graphql-ws", path="/graphql")
NO_NAME = opened(version=None, subprotocols=(), path="/feed")


def test_another_protocol_is_told_once_and_left_alone():
    out = decoded(FOREIGN, ['> {"type":"a"}'] * 50, ping(), gap(), closed())
    assert len(out) == 1
    assert isinstance(out[0], Notice)
    assert out[0].kind == "websocket.not-ocpp"
    assert "/graphql" in out[0].detail
    assert "graphql-ws" in out[0].detail


@pytest.mark.parametrize("texts", [["> hello"], ['> {"a":1}'] * 30, ["> [1,2]"], ["> [7,1]"]])
def test_without_a_subprotocol_the_texts_tell(texts):
    assert [type(event) for event in decoded(NO_NAME, texts)] == [Notice]


def test_after_what_is_not_ocpp_another_session_is_judged():
    out = decoded(FOREIGN, '> {"a":1}', closed(), opened(), FINE)
    assert [event.n for event in out if not isinstance(event, Notice)] == [1, 2, 3, 4]


@pytest.mark.parametrize("first", [FOREIGN, NO_NAME, opened(late=True)])
def test_held_events_come_out_when_it_is_ocpp_after_all(first):
    out = decoded(first, ping(), gap(), ping("<"), HEARTBEAT, HEARTBEAT_ANSWER)
    assert [type(event) for event in out] == [Opened, Control, Gap, Control, Message, Message, Closed]
    assert [event.n for event in out] == list(range(1, 8))


def test_texts_like_ocpp_that_are_damaged_are_like_ocpp():
    out = decoded(NO_NAME, '> [2,"1","Heartbeat"', HEARTBEAT)
    assert [type(event) for event in out] == [Opened, Damaged, Message, Closed]


@pytest.mark.parametrize("text", [' [ 2 , "1"]', '["2","1"]', "[3,", "[2]"])
def test_like_ocpp(text):
    assert not isinstance(decoded(NO_NAME, "> " + text)[0], Notice)


@pytest.mark.parametrize("end", [closed(), closed("csms", "rst", None)])
@pytest.mark.parametrize("status", [101, 404, None])
def test_a_session_without_texts_is_kept(end, status):
    out = decoded(opened(version=None, subprotocols=(), status=status), ping(), end)
    assert [type(event) for event in out] == [Opened, Control, Closed]


def test_a_session_without_texts_that_offers_another_protocol_is_none_of_ours():
    assert [type(event) for event in decoded(FOREIGN, ping(), closed())] == [Notice]


def test_what_is_held_is_bounded():
    decoder = Decoder()
    out = decoder.feed(wire_events(NO_NAME, [ping()] * 100, end=False))
    assert len(out) == 101


def test_offering_ocpp_is_enough():
    out = decoded(opened(subprotocol=None), "> hello")
    assert [type(event) for event in out] == [Opened, Damaged, Closed]


def test_sessions_interleaved():
    out = decoded(
        opened(), FOREIGN, '> {"a":1}', on(1), HEARTBEAT, on(2), '> {"a":1}', on(1), HEARTBEAT_ANSWER
    )
    assert [(type(event), event.session.number) for event in out if not isinstance(event, Notice)] == [
        (Opened, 1), (Message, 1), (Message, 1), (Closed, 1)]  # fmt: skip


# --- messages -----------------------------------------------------------------------------------------------


def damaged_of(*pieces):
    (found,) = [event for event in decoded(*pieces) if isinstance(event, Damaged)]
    return found


def test_damaged_json():
    found = damaged_of('> [2,"é😀",x]')
    assert (found.layer, found.offset, found.raw) == ("json", 12, '[2,"é😀",x]')
    assert found.raw.encode()[found.offset :] == b"x]"
    assert found.direction == "cp-to-csms"


@pytest.mark.parametrize(
    ("text", "offset"), [("{}", 0), ("[]", 0), ("[9]", 1), ('[2,"1"]', 0), ("[3]", 0), ("null", 0)]
)
def test_damaged_rpc(text, offset):
    found = damaged_of(f"> {text}")
    assert (found.layer, found.offset, found.raw) == ("rpc", offset, text)


def test_violations():
    (message,) = messages('> [2,"1","Heartbeat",{"a":1}]')
    assert [(v.keyword, v.pointer) for v in message.violations] == [("additionalProperties", "/a")]


@pytest.mark.parametrize(
    ("pieces", "keywords"),
    [
        ('> [2,"1","BootNotification",null]', ["required", "required"]),
        ('> [2,"1","Heartbeat",null]', []),
        ('> [2,"1","BootNotification"]', []),
        ('> [2,"1","BootNotification",[]]', []),
        (['< [2,"1","Reset",{"type":"Soft"}]', '> [3,"1",null]'], ["required"]),
    ],
)
def test_null_stands_for_an_empty_payload(pieces, keywords):
    last = messages(pieces)[-1]
    assert last.payload in (None, [])
    assert [violation.keyword for violation in last.violations] == keywords


@pytest.mark.parametrize(
    ("version", "line", "kinds"),
    [
        ("1.6", '> [2,"1","Foo",{}]', ["rpc.unknown-action"]),
        ("1.6", '> [2,"1","heartbeat",{}]', ["rpc.unknown-action"]),
        ("1.6", '> [2,"1","Reset",{"type":"Soft"}]', ["rpc.direction"]),
        ("1.6", '< [2,"1","Heartbeat",{}]', ["rpc.direction"]),
        ("1.6", '> [2,"1","Heartbeat-Signed",{}]', ["rpc.unknown-action"]),
        ("2.0.1", '> [2,"1","Heartbeat-Signed",{}]', ["rpc.signed"]),
        ("2.0.1", '> [2,"1","Foo-Signed",{}]', ["rpc.unknown-action"]),
        ("2.0.1", '> [6,"1","NotifyPeriodicEventStream",{}]', ["rpc.unknown-action", "rpc.type"]),
        ("1.6", '> [5,"1","X","",{}]', ["rpc.orphan-result-error", "rpc.type"]),
        ("2.0.1", '> [5,"1","X","",{}]', ["rpc.orphan-result-error", "rpc.type"]),
        ("2.1", '> [5,"1","X","",{}]', ["rpc.orphan-result-error"]),
        ("1.6", '> [2,"1","",{}]', []),
        ("1.6", '> [2,"1","Foo",null]', ["rpc.payload-null", "rpc.unknown-action"]),
    ],
)
def test_actions(version, line, kinds):
    (message,) = messages(line, version=version)
    assert [fault.kind for fault in message.faults] == kinds


@pytest.mark.parametrize(
    ("payload", "pointers"),
    [
        ({"a": {}}, ["/a"]),
        ({"a": {"b": {}}}, ["/a/b"]),
        ({"a": [{"b": {}}, {}]}, ["/a/*/b"]),
        ({"a": "{}"}, []),
        ({"a": [], "b": None}, []),
        ({}, []),
    ],
)
def test_empty_objects(payload, pointers):
    text = json.dumps([2, "1", "Heartbeat", payload], separators=(",", ":"))
    (message,) = messages("> " + text, version="2.0.1")
    assert [f.subject for f in message.faults if f.kind == "rpc.empty-field"] == pointers
    assert not [f for f in messages("> " + text)[0].faults if f.kind == "rpc.empty-field"]


def test_an_invalid_request_that_gets_a_result():
    _, answer = messages('> [2,"1","Heartbeat",{"a":1}]', HEARTBEAT_ANSWER)
    assert "rpc.accepted-invalid" in [fault.kind for fault in answer.faults]
    _, answer = messages('> [2,"1","Heartbeat",{"a":1}]', '< [4,"1","X","",{}]')
    assert "rpc.accepted-invalid" not in [fault.kind for fault in answer.faults]


def test_dates_are_looked_at():
    old = {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": "2020-01-01 00:00:00",
    }
    (message, _) = messages(ask("1", "StatusNotification", old))
    assert {fault.kind for fault in message.faults} == {"time.form", "time.behind"}


# --- memory -------------------------------------------------------------------------------------------------


def test_closed_sessions_are_forgotten():
    decoder = Decoder()
    decoder.feed(wire_events([[opened(), FINE, closed()] for _ in range(20)], FOREIGN, '> {"a":1}', closed()))
    assert not decoder._states
    assert not decoder._ignored


def test_names_out_of_a_capture_are_bounded():
    from ocppscope.ocpp import decoder as module

    messages([f'> [2,"{n}","Action {n}",{{}}]' for n in range(3_000)])
    assert len(module._KNOWN) <= module._KNOWN_LIMIT


def test_texts_are_all_that_becomes_messages():
    events = wire_events(FINE)
    assert sum(isinstance(event, Text) for event in events) == len(messages(FINE))
    assert Fault("a", "b") == Fault("a", "b")
