"""`show`: each kind of event whole, in text and as JSON, and never a secret."""

import json

import pytest

from ocppscope.cli import show, text
from tests.cli import (
    BAD_STATUS,
    CREDENTIALS,
    LAST_ANSWER,
    REFUSED,
    SECRET,
    TORN,
    everything,
    lines,
    opening,
    run,
    saved,
)
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import (
    ANSWER,
    CALL,
    Conversation,
    answer,
    call,
    frame,
    pcap,
    refusal,
    session,
    switching,
    upgrade,
)


@pytest.fixture
def path(tmp_path):
    return saved(tmp_path, everything())


def shown(path, n, **options):
    done = run("show", path, n, **options)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def head(path, n):
    """What comes before the first empty line, by name."""
    first, *rest = shown(path, n).partition("\n\n")[0].splitlines()
    assert all(line[12] == " " for line in rest)
    return {"": first} | {line[:13].strip(": "): line[13:] for line in rest}


def part(path, n, title):
    """The lines below a heading."""
    return shown(path, n).partition(f"\n\n{title}\n")[2].partition("\n\n")[0].splitlines()


# --- messages -----------------------------------------------------------------------------------------------


def test_a_call_with_its_answer(path):
    assert head(path, 2) == {
        "": "Event 2: Heartbeat: sign of life",
        "time": "2023-11-14T22:13:20.006000Z",
        "session": "1, station CP001, 10.0.0.1:50000 → 10.0.0.2:9000",
        "direction": "station → CSMS",
        "version": "OCPP 1.6",
        "message id": '"1"',
        "answer": "#3 Heartbeat answer: 2023-11-14T22:13:20Z  [1 ms]",
    }
    assert part(path, 2, "Payload") == ["{}"]
    assert part(path, 2, "Raw") == [CALL]
    assert part(path, 2, "Answer, #3") == [ANSWER]


def test_an_answer_with_its_call(path):
    fields = head(path, 3)
    assert fields["direction"] == "CSMS → station"
    assert fields["answers"] == "#2 Heartbeat after 1 ms"
    assert part(path, 3, "Payload") == [
        "{",
        '  "currentTime": "2023-11-14T22:13:20Z"',
        "}",
    ]
    assert part(path, 3, "Raw") == [ANSWER]


def test_a_call_that_breaks_its_schema(path):
    payload = part(path, 4, "Payload")
    assert payload[2].startswith('  "errorCode": "Error",  ← "Error": it must be one of ConnectorLockFailure')
    assert payload[4] == '  "timestamp": "2023-11-14T20:13:20Z"  ← 2.0 h before the capture'
    assert payload[1:] + payload[:1] == [*payload[1:5], "}", "{"]
    assert part(path, 4, "Raw") == [BAD_STATUS]
    output = shown(path, 4)
    assert "\nerror    SCH-enum A value is none of those allowed\n" in output
    assert "\n         source OCPP 1.6 JSON schemas" in output
    assert "\n         hint   values are case-sensitive" in output


BROKE = "(the receiver failed while it worked on the message)"


def test_a_call_error(path):
    fields = head(path, 5)
    assert fields[""] == f"Event 5: StatusNotification CALLERROR: InternalError: sorry {BROKE}  [1 ms]"
    assert fields["error code"].startswith("InternalError: ")
    assert fields["description"] == "sorry"
    assert fields["answers"] == "#4 StatusNotification after 1 ms"
    assert part(path, 5, "Details") == ["{", '  "why": "é"', "}"]
    assert part(path, 5, "Raw") == [REFUSED]


def test_an_error_of_which_nothing_is_as_it_should_be(tmp_path):
    raw = '[4,"1",["x"],null,3]'
    path = saved(tmp_path, session().client(call()).server(answer(raw)).close())
    assert head(path, 3)["error code"] == "['x']"
    assert part(path, 3, "Details") == ["3"]
    assert lines("show", "--json", path, 3)[0]["error"] == {"code": ["x"], "description": None, "details": 3}


def test_an_answer_whose_call_was_not_seen(path):
    fields = head(path, 12)
    assert "answers" not in fields
    assert "to a Call that was not seen" in fields[""]
    assert part(path, 12, "Raw") == [LAST_ANSWER]


def test_every_violation_is_told_where_it_is(tmp_path):
    raw = (
        '[2,"é","BootNotification",{"chargePointVendor":"a\\nb","x":{"y":[]},"z":[],"iccid":'
        '"12345678901234567890123"}]'
    )
    path = saved(tmp_path, session().client(call(raw)).close())
    assert part(path, 2, "Payload") == [
        "{",
        r'  "chargePointVendor": "a\nb",',
        """  "x": {  ← the payload has the field 'x', which the schema does not know""",
        '    "y": []',
        "  },",
        """  "z": [],  ← the payload has the field 'z', which the schema does not know""",
        '  "iccid": "12345678901234567890123"  ← "12345678901234567890123": at most 20 characters are allowed',
        "}",
        "! the payload lacks 'chargePointModel'",
    ]
    assert head(path, 2)["message id"] == '"é"'
    (record,) = lines("show", "--json", path, 2)
    assert sorted(one["pointer"] for one in record["violations"]) == [
        "/chargePointModel",
        "/iccid",
        "/x",
        "/z",
    ]


def test_several_violations_of_one_place_are_all_told(tmp_path):
    raw = '[2,"1","Authorize",{"idTag":{"a":1}}]'
    path = saved(tmp_path, session().client(call(raw)).close())
    (record,) = lines("show", "--json", path, 2)
    noted = shown(path, 2).partition("←")[2].partition("\n")[0]
    for one in record["violations"]:
        assert one["detail"].removeprefix("/idTag is ") in noted


def test_a_payload_that_is_no_object(tmp_path):
    path = saved(tmp_path, session().client(call('[2,"1","Heartbeat",[1,"a",null]]')).close())
    assert part(path, 2, "Payload") == ["[", "  1,", '  "a",', "  null", "]"]


def test_an_assumed_and_an_unknown_version():
    assert head(FOLDER / "late-start.pcap", 3)["version"] == "OCPP 1.6 (assumed)"
    assert head(FOLDER / "late-start.pcap", 3)["session"].startswith("1, station unnamed, ")


def test_a_session_without_a_version(tmp_path):
    talk = Conversation().open().client(upgrade()).server(switching(Sec_WebSocket_Protocol=None))
    assert head(saved(tmp_path, talk.client(call()).close()), 2)["version"] == "not known"


# --- other events -------------------------------------------------------------------------------------------


def test_opened(path):
    assert head(path, 1) == {
        "": "Event 1: opened, ocpp1.6: /ocpp/CP001 at 10.0.0.2:9000",
        "time": "2023-11-14T22:13:20.005000Z",
        "session": "1, station CP001, 10.0.0.1:50000 → 10.0.0.2:9000",
        "version": "OCPP 1.6",
        "path": "/ocpp/CP001",
        "status": "101",
        "offered": "ocpp1.6",
        "agreed": "ocpp1.6",
        "extensions": "none",
        "credentials": "Basic CP001",
    }
    request, response = part(path, 1, "Request"), part(path, 1, "Response")
    assert request[0] == "GET /ocpp/CP001 HTTP/1.1"
    assert response[0] == "HTTP/1.1 101 Switching Protocols"
    assert request[-2:] == ["Authorization: (not shown)", "Cookie: (not shown)"]
    assert response[-1] == "Set-Cookie: (not shown)"


def test_refused(tmp_path):
    path = saved(tmp_path, Conversation().open().client(upgrade()).server(refusal(401)).close())
    fields = head(path, 1)
    assert fields[""] == "Event 1: REFUSED with status 401: /ocpp/CP001 at 10.0.0.2:9000"
    assert (fields["status"], fields["agreed"], fields["credentials"]) == ("401", "none", "none")
    assert part(path, 1, "Response")[0] == "HTTP/1.1 401 No"


def test_opened_late_and_without_an_answer(tmp_path):
    fields = head(FOLDER / "late-start.pcap", 1)
    assert {fields[name] for name in ("path", "status", "offered", "agreed", "credentials")} == {"not seen"}
    path = saved(tmp_path, Conversation().open().client(upgrade()))
    assert head(path, 1)[""] == "Event 1: upgrade without an answer: /ocpp/CP001 at 10.0.0.2:9000"


def test_opened_over_tls():
    assert head(FOLDER / "tls-1.3.pcapng", 1)["TLS"] == "TLSv1.3, TLS_AES_256_GCM_SHA384"


def test_control(path):
    fields = head(path, 6)
    assert (fields[""], fields["length"], fields["payload"]) == ("Event 6: ping", "2 bytes", "68 69")
    assert head(path, 7)["direction"] == "CSMS → station"


def test_gap(path):
    assert head(path, 11)[""] == "Event 11: GAP: 28 bytes are not in the capture"
    assert "\nwarning  CAP-001 Bytes were lost\n         28 bytes that the station sent" in shown(path, 11)
    (found,) = lines("show", "--json", path, 11)[0]["findings"]
    assert found["detail"] == "28 bytes that the station sent are not in the capture"


def test_closed(path):
    assert head(path, 13)[""] == "Event 13: closed by the station, code 1000: done"


# --- damage -------------------------------------------------------------------------------------------------


def under_caret(path, n):
    line, caret = part(path, n, "Raw")
    return line, line[caret.index("^") :]


def test_the_caret_stands_under_the_byte_that_breaks(path):
    fields = head(path, 8)
    assert (fields["layer"], fields["breaks at"]) == ("json", "byte 26 of 32")
    assert under_caret(path, 8) == (TORN, "oops}]")


def test_bytes_that_are_no_text_show_as_such(path):
    assert under_caret(path, 9) == ('["\ufffd\ufffd"]', '\ufffd\ufffd"]')


def damaged(tmp_path, raw):
    return saved(tmp_path, session().client(call()).client(call(raw)).close(), "damaged.pcap")


def test_the_caret_finds_its_byte_behind_wide_characters_and_line_ends(tmp_path):
    path = damaged(tmp_path, '{\r\n "日本é": \x1b[1m oops}')
    line, caret = part(path, 3, "Raw")
    assert line == '{␍␊ "日本é": ␛[1m oops}'
    assert text.columns_of(line[: line.index("␛")]) == caret.index("^")


def test_a_long_text_is_shown_around_its_damage(tmp_path):
    path = damaged(tmp_path, f'["{"a" * 300}", oops, "{"b" * 300}"]')
    line, rest = under_caret(path, 3)
    assert rest.startswith("oops")
    assert line.startswith("…aaa")
    assert line.endswith("bbb…")
    assert len(line) < 2 * show._CARET_CONTEXT + 3


def test_a_text_that_just_ends(tmp_path):
    path = damaged(tmp_path, '[2,"9","Heart')
    line, caret = part(path, 3, "Raw")
    assert (line, caret.index("^")) == ('[2,"9","Heart', 13)


def test_damaged_frames_are_shown_in_hexadecimal(path):
    fields = head(path, 10)
    assert (fields["layer"], fields["breaks at"]) == ("websocket", "byte 0 of 400")
    dump = part(path, 10, "Raw")
    assert dump[0] == "000000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................"
    assert dump[4] == "000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    assert len(dump) == 17
    assert dump[-1] == "… and 144 bytes more (--json has all)"


def test_a_short_frame_is_shown_whole(tmp_path):
    path = saved(tmp_path, session().client(call()).client(frame(3, b"abc", masked=True)).close())
    assert part(path, 3, "Raw") == ["000000  61 62 63" + " " * 41 + "abc"]


# --- JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 14))
def test_json_is_the_record_of_ls_with_more(path, n):
    (record,) = lines("show", "--json", path, n)
    (listed,) = [one for one in lines("ls", "--json", path) if one["n"] == n]
    assert {name: record[name] for name in listed} == listed
    assert set(record) - set(listed) == {"answer", "violations", "findings"}
    everyone = lines("check", "--json", path)
    expected = {one["rule"] for one in everyone if n in one["events"]}
    assert {one["rule"] for one in record["findings"]} == expected
    assert all(set(one) == set(everyone[0]) for one in record["findings"])


def test_json_of_a_call(path):
    (record,) = lines("show", "--json", path, 4)
    assert record["answer"]["n"] == 5
    assert record["answer"]["raw"] == REFUSED
    (violation,) = record["violations"]
    assert (violation["pointer"], violation["keyword"]) == ("/errorCode", "enum")
    assert "NoError" in violation["constraint"]
    assert violation["detail"].startswith('/errorCode is "Error"')
    assert record["findings"][0]["input"] == str(path)


def test_the_first_answer_counts(tmp_path):
    talk = session().client(call()).server(answer()).server(answer('[4,"1","InternalError","",{}]')).close()
    assert lines("show", "--json", saved(tmp_path, talk), 2)[0]["answer"]["n"] == 3


def test_what_has_no_answer_has_none(path):
    assert lines("show", "--json", path, 3)[0]["answer"] is None


def test_profile(path):
    def severity(*words):
        (one,) = lines("show", "--json", *words, path, 1)[0]["findings"]
        return one["severity"]

    assert severity() == severity("--profile", "field") == "info"
    assert severity("--profile", "strict") != "info"


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_number_out_of_range_is_wrong_usage_and_names_the_range(path, words):
    done = run("show", *words, path, 14)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{path} has no event 14: its events are 1 to 13" in done.stderr


def test_a_torn_file_is_1_also_where_the_event_is_whole(tmp_path):
    path = saved(tmp_path, pcap(everything().packets) + b"\0" * 3)
    done = run("show", path, 2)
    assert done.exit_code == 1
    assert done.stdout.startswith("Event 2: Heartbeat: sign of life\n")
    assert done.stderr.startswith(f"Warning: {path}: at byte ")


@pytest.mark.parametrize(
    "header",
    [
        f"Authorization: Basic {CREDENTIALS}",
        f"AUTHORIZATION :Basic {CREDENTIALS}",
        f"Authorization: Basic\r\n {CREDENTIALS}\r\n\t{SECRET}",
        f"Proxy-Authorization: Bearer {SECRET}",
        f"Cookie: a={SECRET}",
        f"X: 1\nAuthorization: Basic {CREDENTIALS}",
        f"X: 1\rAuthorization: Basic {CREDENTIALS}",
        f"Authorization: {CREDENTIALS}",
    ],
)
def test_secrets_are_never_shown(tmp_path, header):
    request = upgrade().replace(b"\r\n\r\n", f"\r\n{header}\r\nX-After: 1\r\n\r\n".encode())
    talk = Conversation().open().client(request).server(switching()).client(call()).close()
    path = saved(tmp_path, talk)
    for words in (["show", path, 1], ["show", "--json", path, 1], ["ls", path], ["ls", "--json", path]):
        output = run(*words).output
        assert CREDENTIALS not in output
        assert SECRET not in output
    assert "X-After: 1" in part(path, 1, "Request")


def test_control_characters_of_a_handshake_cannot_move_the_cursor(tmp_path):
    talk = opening(X_Odd="a\x1b[2Jb").client(call()).close()
    output = run("show", saved(tmp_path, talk), 1, color=True).stdout
    assert "X-Odd: a␛[2Jb" in output


def test_no_line_of_prose_is_wider_than_the_terminal(path, monkeypatch):
    pieces = {n: run("show", path, n).stdout for n in range(1, 14)}
    monkeypatch.setattr(text, "width", lambda: 80)
    for n, whole in pieces.items():
        narrow = shown(path, n)
        raw = [*part(path, n, "Raw"), *(line for line in narrow.splitlines() if line.startswith("["))]
        for line in narrow.splitlines():
            assert text.columns_of(line) <= 80 or line in raw, line
        assert narrow.replace("↑", "←").split() == whole.split()


def test_a_note_without_room_stands_below_its_line(path, monkeypatch):
    monkeypatch.setattr(text, "width", lambda: 60)
    payload = part(path, 4, "Payload")
    at = payload.index('  "errorCode": "Error",')
    assert payload[at + 1].startswith('  ↑ "Error": it must be one of')
    assert '  "timestamp": "2023-11-14T20:13:20Z"' in payload


def test_json_within_a_data_transfer_is_shown_below_it(tmp_path):
    inside = {"idToken": {"idToken": "DE8AA1A2B3C4D5", "type": "eMAID"}}
    vendor = "org.openchargealliance.iso15118pnc"
    payload = {"vendorId": vendor, "messageId": "Authorize", "data": json.dumps(inside)}
    raw = json.dumps([2, "1", "DataTransfer", payload])
    out = shown(saved(tmp_path, session().client(call(raw)).close()), 2)
    assert "  ← JSON: object of 1 field, Authorize of OCPP 2.0.1\n    ┊ {\n" in out
    assert '    ┊     "type": "eMAID"  ← contract id of Plug & Charge, ISO 15118\n' in out


def test_a_charging_schedule_is_shown_as_a_table(tmp_path):
    schedule = {
        "chargingRateUnit": "A",
        "duration": 7200,
        "startSchedule": "2026-11-22T10:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 3600, "limit": 0}],
    }
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    payload = {"connectorId": 1, "csChargingProfiles": profile}
    broken = {
        "connectorId": 1,
        "csChargingProfiles": {"chargingSchedule": {"chargingSchedulePeriod": [1, 2]}},
    }
    talk = session()
    for one in (payload, broken):
        talk = talk.server(frame(1, json.dumps([2, "1", "SetChargingProfile", one]).encode()))
    place = saved(tmp_path, talk.close())
    out = shown(place, 2)
    assert (
        "\nCharging schedule\n"
        "     0:00 to 1:00       2026-11-22T10:00:00Z  16 A\n"
        "     1:00 to 2:00       2026-11-22T11:00:00Z  0 A\n"
    ) in out
    assert "Charging schedule" not in shown(place, 3)
