"""Every JSON field of the contract, by name, type and value."""

import base64
import json
from decimal import Decimal

import orjson
import pytest

from ocppscope.export import records
from ocppscope.rules.registry import RULES
from tests.cli import (
    BAD_STATUS,
    LAST_ANSWER,
    REFUSED,
    SECRET,
    TORN,
    everything,
    lines,
    run,
    saved,
)
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import ANSWER, CALL, Conversation, answer, call, refusal, session, upgrade

COMMON = ["n", "event", "timestamp", "session", "chargePointId", "direction", "ocppVersion"]
STATION, CSMS = "cp-to-csms", "csms-to-cp"


@pytest.fixture
def events(tmp_path):
    """By number."""
    return {one["n"]: one for one in lines("ls", "--json", saved(tmp_path, everything()))}


def common(n, event, microseconds, direction):
    time = f"2023-11-14T22:13:20.{microseconds:06}Z"
    return dict(zip(COMMON, [n, event, time, 1, "CP001", direction, "1.6"], strict=True))


# --- events -------------------------------------------------------------------------------------------------


def test_numbers_count_from_1(events):
    assert list(events) == list(range(1, 14))


def test_opened(events):
    assert events[1] == common(1, "opened", 5_000, None) | {
        "path": "/ocpp/CP001",
        "subprotocols": ["ocpp1.6"],
        "subprotocol": "ocpp1.6",
        "status": 101,
        "extensions": None,
        "client": "10.0.0.1:50000",
        "server": "10.0.0.2:9000",
        "tls": None,
        "auth": "Basic CP001",
    }


def test_a_refusal(tmp_path):
    talk = Conversation().open().client(upgrade()).server(refusal(401)).close()
    first, last = lines("ls", "--json", saved(tmp_path, talk))
    assert (first["status"], first["subprotocol"], first["auth"]) == (401, None, None)
    assert (last["event"], last["how"]) == ("closed", "fin")


def test_a_session_that_was_found_late():
    first = lines("ls", "--json", FOLDER / "late-start.pcap")[0]
    nothing = dict.fromkeys(("path", "subprotocol", "status", "extensions", "tls", "auth", "chargePointId"))
    assert {name: first[name] for name in nothing} == nothing
    assert first["subprotocols"] == []


def test_extensions():
    first = lines("ls", "--json", FOLDER / "clean-2.0.1-deflate.pcap")[0]
    assert first["extensions"].startswith("permessage-deflate")


def test_a_call(events):
    assert events[4] == common(4, "message", 8_000, STATION) | {
        "messageType": "CALL",
        "messageId": "2",
        "action": "StatusNotification",
        "payload": json.loads(BAD_STATUS)[3],
        "error": None,
        "raw": BAD_STATUS,
        "answers": None,
        "latencyMs": None,
        "summary": "connector 1: Faulted, Error",
    }
    assert (events[2]["raw"], events[2]["payload"], events[2]["summary"]) == (CALL, {}, "sign of life")


def test_an_answer(events):
    assert events[3] == common(3, "message", 7_000, CSMS) | {
        "messageType": "CALLRESULT",
        "messageId": "1",
        "action": "Heartbeat",
        "payload": {"currentTime": "2023-11-14T22:13:20Z"},
        "error": None,
        "raw": ANSWER,
        "answers": 2,
        "latencyMs": 1.0,
        "summary": "2023-11-14T22:13:20Z",
    }


def test_latency_has_microseconds(tmp_path):
    talk = session().client(call()).wait(234_567).server(answer()).close()
    assert lines("ls", "--json", saved(tmp_path, talk))[2]["latencyMs"] == 1.235


def test_a_call_error(events):
    assert events[5] == common(5, "message", 9_000, CSMS) | {
        "messageType": "CALLERROR",
        "messageId": "2",
        "action": "StatusNotification",
        "payload": None,
        "error": {"code": "InternalError", "description": "sorry", "details": {"why": "é"}},
        "raw": REFUSED,
        "answers": 4,
        "latencyMs": 1.0,
        "summary": "InternalError: sorry (the receiver failed while it worked on the message)",
    }


def test_an_answer_whose_call_was_not_seen(events):
    one = events[12]
    assert (one["action"], one["answers"], one["latencyMs"], one["raw"]) == (None, None, None, LAST_ANSWER)


def test_send_and_call_result_error(tmp_path):
    sends = [one for one in lines("ls", "--json", FOLDER / "send-2.1.pcap") if one.get("answers") is None]
    assert "SEND" in {one.get("messageType") for one in sends}
    talk = session().client(call('[5,"1","InternalError","",{}]'))
    one = lines("ls", "--json", saved(tmp_path, talk.close()))[1]
    assert one["messageType"] == "CALLRESULTERROR"


@pytest.mark.parametrize("written", ["7", "null", "1.5", "true", '["a"]', '{"a":1}', '"é\\u0041"'])
def test_a_message_id_keeps_its_json_type(tmp_path, written):
    path = saved(tmp_path, session().client(call(f'[2,{written},"Heartbeat",{{}}]')).close())
    one = lines("ls", "--json", path)[1]
    assert one["messageId"] == json.loads(written)
    assert one["raw"] == f'[2,{written},"Heartbeat",{{}}]'


def test_control(events):
    assert events[6] == common(6, "control", 10_000, STATION) | {"opcode": "ping", "length": 2}
    assert events[7] == common(7, "control", 11_000, CSMS) | {"opcode": "pong", "length": 2}


def test_damaged(events):
    reason = "no JSON: unexpected character, expected a JSON value at byte 26"
    assert events[8] == common(8, "damaged", 12_000, STATION) | {
        "layer": "json",
        "offset": 26,
        "reason": reason,
        "raw": TORN,
    }
    assert TORN.encode()[26:].startswith(b"oops")


def test_bytes_that_are_no_text_are_in_base64(events):
    assert events[9] == common(9, "damaged", 13_000, STATION) | {
        "layer": "utf8",
        "offset": 2,
        "reason": "not UTF-8 from byte 2 on",
        "rawBase64": base64.b64encode(b'["\xff\xfe"]').decode(),
    }
    assert events[10]["layer"] == "websocket"
    assert base64.b64decode(events[10]["rawBase64"]) == bytes(range(200)) * 2
    assert "raw" not in events[10]


def test_bytes_that_are_text_are_shown_as_text():
    assert records._raw(b"GET /") == {"raw": "GET /"}
    assert records._raw("é") == {"raw": "é"}


def test_gap(events):
    assert events[11] == common(11, "gap", 16_000, STATION) | {"bytes": 28}


def test_closed(events):
    assert events[13] == common(13, "closed", 17_000, None) | {
        "by": "station",
        "how": "close",
        "code": 1000,
        "reason": "done",
    }


def test_closed_without_a_close(tmp_path):
    last = lines("ls", "--json", saved(tmp_path, session().client(call())))[-1]
    assert {name: last[name] for name in ("by", "how", "code", "reason")} == {
        "by": None,
        "how": "end-of-capture",
        "code": None,
        "reason": None,
    }


def test_no_secret_is_in_any_record(tmp_path):
    path = saved(tmp_path, everything())
    for words in (["ls", "--json"], ["check", "--json"]):
        assert SECRET not in run(*words, path).stdout


# --- findings, rules ----------------------------------------------------------------------------------------


def test_a_finding(tmp_path):
    path = saved(tmp_path, everything())
    (one,) = [one for one in lines("check", "--json", path) if one["rule"] == "SCH-enum"]
    assert one == {
        "input": str(path),
        "rule": "SCH-enum",
        "severity": "error",
        "title": RULES["SCH-enum"].title,
        "detail": one["detail"],
        "hint": RULES["SCH-enum"].hint,
        "source": RULES["SCH-enum"].source_for("1.6"),
        "chargePointId": "CP001",
        "session": 1,
        "events": [4],
        "count": 1,
        "first": "2023-11-14T22:13:20.008000Z",
        "last": "2023-11-14T22:13:20.008000Z",
    }
    assert one["detail"].startswith('/errorCode is "Error": it must be one of ')


def test_a_finding_on_the_capture_has_no_session(tmp_path):
    path = saved(tmp_path, pcap_and_a_half())
    (one,) = [one for one in lines("check", "--json", path) if one["rule"] == "CAP-009"]
    assert (one["session"], one["chargePointId"], one["events"], one["count"]) == (None, None, [], 1)


def pcap_and_a_half():
    from tests.wire.packets import pcap

    return pcap(everything().packets) + b"\0" * 5


def test_a_finding_names_at_most_20_events(tmp_path):
    talk = session()
    for n in range(30):
        talk.client(call(f'[3,"unasked {n}",{{}}]'))
    findings = lines("check", "--json", saved(tmp_path, talk.close()))
    (one,) = [one for one in findings if one["rule"] == "RPC-006"]
    assert one["count"] == 30
    assert one["events"] == list(range(2, 22))
    assert one["first"] < one["last"]


def test_rules():
    found = {one["rule"]: one for one in lines("rules", "--json")}
    assert list(found) == list(RULES)
    for name, one in found.items():
        assert list(one) == ["rule", "title", "versions", "severity", "source", "hint", "needs"]
        assert one["severity"] == {"strict": RULES[name].severity, "field": RULES[name].field}
        assert set(one["severity"].values()) <= {"error", "warning", "info"}
        assert one["versions"] is None or one["versions"] == sorted(RULES[name].versions)
        assert all(isinstance(one[field], str) and one[field] for field in ("title", "source", "hint"))
        assert one["needs"] in {"message", "exchange", "session", "start", "time"}


# --- lines --------------------------------------------------------------------------------------------------


def test_a_record_is_one_line_of_utf_8():
    assert records.line({"a": "é\n", "b": None}) == '{"a":"é\\n","b":null}\n'.encode()


def test_what_one_writer_cannot_write_the_other_can():
    deep = "[" * 400 + "]" * 400
    assert json.loads(records.line({"a": json.loads(deep)})) == {"a": json.loads(deep)}
    assert records.line({"a": "\udcff"}) == b'{"a":"\\udcff"}\n'
    with pytest.raises(TypeError):
        records.line({"a": Decimal(1)})


def test_a_payload_as_deep_as_is_allowed_is_written(tmp_path):
    deep = "[" * 400 + "]" * 400
    text = f'[2,"1","DataTransfer",{{"vendorId":"v","data":{deep}}}]'
    path = saved(tmp_path, session().client(call(text)).close())
    assert lines("ls", "--json", path)[1]["payload"]["data"] == orjson.loads(deep)
    assert lines("show", "--json", path, 2)[0]["raw"] == text
    assert run("show", path, 2).exit_code == 0
