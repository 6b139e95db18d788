"""What goes wrong in the field, a section for each row of the table: the finding, and the words that help."""

import base64

import pytest

from ocppscope.wire import http
from tests.rules.sessions import (
    BOOT_2X,
    CURRENT,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    ask,
    call,
    closed,
    error,
    faulty,
    findings_of,
    judged,
    notice,
    opened,
    ping,
    result,
    stamp,
)

FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
REFUSED = {"subprotocol": None}


def request(*headers, target="/ocpp/CP001"):
    lines = [f"GET {target} HTTP/1.1", "Host: csms", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def handshake(*headers, target="/ocpp/CP001", **options):
    """A session that opens with this request, whose faults are found as on the wire."""
    raw = request(*headers, target=target)
    head = http.parse_head(raw)
    return opened(path=target, request=raw, faults=tuple(http.request_faults(head)), **options)


GOOD = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol: ocpp1.6",
)


def says(finding, *words, severity=None):
    """Each of some words stands in what is shown of a finding."""
    shown = f"{finding.detail} | {finding.rule.hint} | {finding.source}"
    for word in words:
        assert word in shown, shown
    assert severity is None or finding.severity == severity


# --- 1 subprotocol ------------------------------------------------------------------------------------------


def test_1_never_offered():
    says(findings_of(opened(subprotocols=(), subprotocol=None), FINE)["WS-001"], "never offered ocpp1.6")


def test_1_version_changed_between_connections():
    found = findings_of(
        opened(version="2.0.1"),
        BOOT_2X,
        closed(),
        "+60s",
        opened(version="1.6"),
        "> "
        + call(
            "1",
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
        ),
    )
    says(found["WS-030"], "agreed on ocpp2.0.1", "ocpp1.6", "cached the old version")
    says(
        found["RPC-036"],
        "fits OCPP 2.0.1, agreed was 1.6",
        "session 1 agreed on ocpp2.0.1: the peer cached it",
    )


# --- 2 broken handshake -------------------------------------------------------------------------------------


def test_2_no_connection_header():
    lines = [line for line in GOOD if not line.startswith("Connection")]
    says(findings_of(handshake(*lines), FINE)["WS-024"], "no Connection header", "RFC 6455 §4.1")


def test_2_absolute_uri():
    found = findings_of(handshake(*GOOD, target="http://csms/ocpp/CP001"), FINE)
    says(found["WS-024"], "'http://csms/ocpp/CP001' is not a path", "RFC 6455 §4.1", severity="warning")
    found = findings_of(handshake(*GOOD, target="ws://csms/ocpp/CP001"), FINE)
    says(found["WS-024"], "'ws://csms/ocpp/CP001' is not a path", severity="error")


def test_2_origin():
    refused = handshake(*GOOD, "Origin: file://", status=403, **REFUSED)
    says(
        findings_of(refused)["WS-031"], "Origin is file://", "RFC 6455 §4.1", "status 403", severity="warning"
    )


# --- 3 URL and identity -------------------------------------------------------------------------------------


def test_3_unknown_identity():
    says(findings_of(opened(status=404, **REFUSED))["WS-029"], "/ocpp/CP001 (identity CP001)", "404")


def test_3_identity_twice():
    found = findings_of(opened(path="/ocpp/CP001/CP001", status=404, **REFUSED))
    says(found["WS-029"], "/ocpp/CP001/CP001", "stands twice")


def test_3_empty_segment():
    says(
        findings_of(opened(path="/ocpp/", status=404, **REFUSED))["WS-032"],
        "'/ocpp/' is empty",
        "no identity",
    )


def test_3_not_percent_encoded():
    found = findings_of(opened(path="/ocpp/CP#1"), FINE)
    says(found["WS-032"], "'/ocpp/CP#1' is not percent-encoded", "identity read out of it is 'CP#1'")


# --- 4 TLS trust (the wire's side: tests/wire/test_connection.py) -------------------------------------------


def test_4_certificate_refused():
    said = "a → b: the station refuses the certificate (unknown_ca): the charger lacks the root or an intermediate"
    says(
        findings_of(notice("tls.not-trusted", said))["WS-033"],
        "the charger lacks the root or an intermediate",
    )


def test_4_plain_port():
    said = "a → b: the server answered in plain HTTP: TLS spoken to a plain port"
    says(findings_of(notice("tls.plain-port", said))["WS-034"], "TLS spoken to a plain port", "ws://")


# --- 5 basic auth -------------------------------------------------------------------------------------------

SECRET = "c0ffee42" * 5


def with_password(password, **options):
    credentials = base64.b64encode(f"CP001:{password}".encode()).decode()
    return opened(request=request(f"Authorization: Basic {credentials}"), **options)


@pytest.mark.parametrize(
    "pieces",
    [
        [with_password(SECRET, status=401, **REFUSED)],
        [with_password(SECRET, status=None, **REFUSED), "+1s", closed("csms", "fin", None)],
        [with_password(SECRET), "+1s", closed("csms", "close", 1008)],
    ],
)
def test_5_hexadecimal_password(pieces):
    found = findings_of(*pieces)
    says(found["WS-035"], "40 hexadecimal digits", "decode AuthorizationKey to its 16 to 20 bytes")
    for one in judged(*pieces):
        assert SECRET not in repr((one.detail, one.rule.hint, one.subject, one.quote))
        assert base64.b64encode(SECRET.encode()).decode()[:20] not in one.detail


def test_5_no_credentials():
    found = findings_of(opened(status=401, auth=None, **REFUSED))
    says(found["WS-029"], "the station sent no credentials")


# --- 6 idle timeout -----------------------------------------------------------------------------------------


def test_6_idle_timeout_of_the_server():
    pieces = [
        [opened(), boot_60(at), "+60s", closed("csms", "close", 1001, reason="Idle Timeout"), "+3s"]
        for at in range(3)
    ]
    finding = findings_of(pieces)["WS-036"]
    says(
        finding, "the CSMS ended 3 connections in a row", "each 60 s after the last frame", severity="warning"
    )
    says(finding, "the heartbeat interval is 60 s", "a server's to 3 x heartbeat")


def boot_60(at):
    answer = {"status": "Accepted", "currentTime": CURRENT, "interval": 60}
    asked = {"chargePointVendor": "V", "chargePointModel": "M"}
    return ask(f"b{at}", "BootNotification", asked, answer)


# --- 7 close and reconnect ----------------------------------------------------------------------------------


def test_7_who_closed_and_how():
    found = findings_of(FINE, "+10s", closed("csms", "close", 1011, reason="keepalive ping timeout"))
    says(
        found["WS-037"],
        "the CSMS closed first (code 1011, internal error: 'keepalive ping timeout')",
        "10.0 s after",
    )
    found = findings_of(FINE, closed("station", "rst", None))
    says(found["WS-037"], "the station ended it with a reset (RST)")


def test_7_redial_gap():
    found = findings_of(FINE, closed("csms", "close", 1001, reason="restart"), "+400s", opened())
    says(found["WS-038"], "session 1: the CSMS closed first (code 1001, going away: 'restart')")
    (redial,) = judged(FINE, closed("csms", "close", 1001), "+200s", opened(), only={"WS-038"})
    says(redial, "it redialled 3.3 min after session 1")


# --- 8 zombie connection ------------------------------------------------------------------------------------


def test_8_zombie_connection():
    found = findings_of(FINE, "+300s", opened())
    says(
        found["WS-010"], "session 1 of CP001 is still open after 5.0 min", "the server keeps the dead socket"
    )
    found = findings_of(FINE, "+300s", opened(status=409, **REFUSED))
    says(found["WS-010"], "the server rejects the new one with status 409")


def test_8_no_pong():
    found = findings_of(FINE, ping("<"), "+20s", closed("csms", "close", 1011))
    says(found["WS-039"], "the station did not answer the ping of 20.0 s before", "RFC 6455 §5.5.2")


# --- 9 frame layer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rule", "section"),
    [
        ("websocket.rsv", "WS-018", "§5.2"),
        ("websocket.unmasked", "WS-017", "§5.1"),
        ("websocket.interleaved", "WS-021", "§5.4"),
    ],
)
def test_9_frames(kind, rule, section):
    says(findings_of(faulty(HEARTBEAT, kind))[rule], f"RFC 6455 {section}", severity="error")


# --- 10 invalid JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "cause", "before"),
    [
        (
            '[2,"1","MeterValues",{"meterValue":[,{}]}]',
            36,
            "a comma where a value belongs",
            '…"MeterValues",{"meterValue":[',
        ),
        ('[2,"1","Heart', 8, "truncated", None),
        ('[2,"ü","Heartbeat",{"a":,}]', 25, "a comma where a value belongs", None),
        ('[2,"1","Heartbeat",{}]\x00', 22, "NUL", '[2,"1","Heartbeat",{}]'),
    ],
)
def test_10_invalid_json(text, offset, cause, before):
    finding = findings_of(f"> {text}")["RPC-001"]
    says(finding, cause)
    assert f"at byte {offset}" in finding.detail or cause == "truncated"
    whole = text if len(text) < 80 else ""
    assert (finding.quote.before + finding.quote.after).strip("…") in whole
    assert before is None or finding.quote.before.endswith(before[1:] if before[0] == "…" else before)


# --- 11 schema ----------------------------------------------------------------------------------------------


def test_11_schema():
    status = {"connectorId": 1, "errorCode": "Error", "status": "Available", "info": "x" * 51}
    found = findings_of("> " + call("1", "StatusNotification", status))
    says(found["SCH-enum"], '/errorCode is "Error"', "Python's ocpp and ocpp-go refuse")
    says(found["SCH-maxLength"], "/info", "50")
    assert found["SCH-enum"].direction == "cp-to-csms"
    value = {"connectorId": 1, "meterValue": [{"timestamp": stamp(), "sampledValue": [{"value": 12}]}]}
    found = findings_of("> " + call("1", "MeterValues", value))
    says(found["SCH-type"], "/meterValue/0/sampledValue/0/value is 12", "string")


# --- 12 CALLERROR misuse ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "code", "rule", "said"),
    [
        ("1.6", "FormatViolation", "RPC-013", "OCPP 1.6 spells it FormationViolation"),
        ("1.6", "OccurrenceConstraintViolation", "RPC-013", "spells it OccurenceConstraintViolation"),
        ("1.6", "RpcFrameworkError", "RPC-013", "has no such code, GenericError serves"),
        ("2.0.1", "FormationViolation", "RPC-014", "OCPP 2.0.1 spells it FormatViolation"),
        ("2.1", "notSupported", "RPC-014", "it is spelt NotSupported"),
        ("2.1", "Nonsense", "RPC-014", "'Nonsense' is no error code of OCPP 2.1"),
    ],
)
def test_12_codes(version, code, rule, said):
    says(findings_of(HEARTBEAT, "< " + error("1", code), version=version)[rule], said)


def test_12_resent_for_ever_and_details_as_text():
    pieces = [[f"> {call(str(at), 'Heartbeat')}", f"< {error(str(at), details='no')}"] for at in range(3)]
    found = findings_of(pieces)
    says(
        found["RPC-016"], "Heartbeat was answered with a CallError (InternalError) 3 times", "mend or stop it"
    )
    says(found["RPC-015"], "errorDetails an object")


# --- 13 timestamps ------------------------------------------------------------------------------------------


def status(text, message_id="1"):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": text}
    return ask(message_id, "StatusNotification", payload, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-22T12:15:00", "taken for UTC it is 2.0 h after it was captured: UTC+2 would fit"),
        ("2026-11-22T05:15:00", "taken for UTC it is 5.0 h before it was captured: UTC-5 would fit"),
        ("2026-11-22T10:15:00", "taken for UTC, which fits"),
        ("2026-11-22T12:45:00", "taken for UTC it is 2.5 h after it was captured"),
    ],
)
def test_13_no_zone(text, said):
    says(findings_of(status(text))["TIME-001"], said)


def test_13_local_time_labelled_utc():
    pieces = [[status(stamp(7200 + 10 * at), str(at)), "+9.9s"] for at in range(3)]
    says(findings_of(pieces)["TIME-008"], "off by +2 h", "UTC+2 is labelled UTC")


def test_13_default_date():
    says(
        findings_of(status("1970-01-01T00:00:12Z"))["TIME-007"],
        "'1970-01-01T00:00:12Z'",
        "d before it was captured",
    )


# --- 14 message id ------------------------------------------------------------------------------------------


def test_14_the_same_message_is_a_retry():
    found = findings_of(HEARTBEAT, "+31s", HEARTBEAT, HEARTBEAT_ANSWER)
    says(found["RPC-005"], "the same message with the id '1'", severity="info")
    assert "RPC-004" not in found


def test_14_another_message_is_an_error():
    found = findings_of(FINE, "> " + call("1", "Authorize", {"idTag": "A"}))
    says(found["RPC-004"], "the id '1' was used for another Call", severity="error")
    assert "RPC-005" not in found


# --- 15 late and orphan answers -----------------------------------------------------------------------------


def test_15_late():
    says(
        findings_of(HEARTBEAT, "+34s", HEARTBEAT_ANSWER)["RPC-012"],
        "arrived 34.0 s after the Call, 4.0 s after",
    )


def test_15_orphan():
    says(
        findings_of(FINE, "< " + result("7", {"currentTime": CURRENT}))["RPC-006"],
        "no Call with the id '7' is open",
    )


# --- 16 concurrency -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "rule"), [("1.6", "RPC-008"), ("2.0.1", "RPC-009")])
def test_16_both_ids(version, rule):
    found = findings_of(HEARTBEAT, '> [2,"b","Heartbeat",{}]', version=version)
    says(found[rule], "Heartbeat (b) was sent while Heartbeat (1) was not answered")


# --- 17 to 25: the rest of the table, in the words of the other blocks --------------------------------------

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STARTED = {"connectorId": 1, "idTag": "A", "meterStart": 100, "timestamp": stamp()}


def boot_16(message_id="boot", status="Accepted"):
    answer = {"status": status, "currentTime": CURRENT, "interval": 300}
    return ask(message_id, "BootNotification", BOOT, answer)


def started(transaction=7, status="Accepted"):
    return ask(
        "st", "StartTransaction", STARTED, {"transactionId": transaction, "idTagInfo": {"status": status}}
    )


def stopped(transaction=7, message_id="sp"):
    asked = {"transactionId": transaction, "meterStop": 200, "timestamp": stamp(60), "reason": "Other"}
    return call(message_id, "StopTransaction", asked)


def test_17_calls_before_the_boot_is_accepted():
    found = findings_of("> " + call("b", "BootNotification", BOOT), HEARTBEAT, "< " + result("b", {}))
    says(found["BOOT-001"], "BootNotification", "the CSMS answers it first")
    found = findings_of(boot_16(status="Pending"), HEARTBEAT)
    says(found["BOOT-004"], "Heartbeat")


def test_18_the_same_call_before_every_reboot():
    asked = ask("g", "GetConfiguration", {"key": ["MeterValuesSampledData"]}, {"unknownKey": []}, "<")
    away = [closed("station", "fin", None), "+30s", opened()]
    found = findings_of(boot_16("1"), asked, away, boot_16("2"), asked, away, boot_16("3"))
    says(found["BOOT-024"], "GetConfiguration", "MeterValuesSampledData", "2 drops and boots")


def test_19_what_a_transaction_id_means():
    says(findings_of(started(0))["TX16-007"], "transactionId 0", "0 and -1 for no transaction")
    says(findings_of("> " + stopped(-1))["TX16-008"], "-1")
    says(
        findings_of("> " + stopped(0))["TX16-002"], "0 is what stations send where they were never told an id"
    )


def test_20_the_head_of_the_queue_is_poisoned():
    again = [[f"> {stopped(7, f's{at}')}", "+0.1s", f"< {error(f's{at}')}", "+9.9s"] for at in range(5)]
    found = findings_of(started(), "+60s", again)
    says(found["TX16-023"], "StopTransaction", "about every 10", "CallError")


def test_21_the_factor_that_would_make_energy_and_power_agree():
    def sample(at):
        values = [
            {"value": str(10 + at * 11 / 3600), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        return [{"timestamp": stamp(at), "sampledValue": values}]

    pieces = [
        [
            ask(
                f"m{at}", "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": sample(at)}, {}
            ),
            "+300s",
        ]
        for at in range(0, 3000, 300)
    ]
    says(findings_of(started(), pieces)["MV-026"], "multiplied by 1,000", "the register counts kWh")


def test_22_a_status_that_is_left_out():
    def connector(status, at):
        return ask(at, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})

    found = findings_of(connector("Available", "a"), connector("Finishing", "b"))
    says(found["CON-001"], "Available", "Finishing")


def test_23_a_remote_start_that_starts_nothing():
    asked = ask("r", "RemoteStartTransaction", {"idTag": "A"}, {"status": "Accepted"}, "<")
    says(findings_of(asked, "+600s", HEARTBEAT)["RMT-001"], "no StartTransaction", "within 120 s", "plug in")


def test_24_the_smallest_difference_to_a_profile_that_was_taken():
    def profile(message_id, level, answer):
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
        asked = {
            "chargingProfileId": 1,
            "stackLevel": level,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": schedule,
        }
        payload = {"connectorId": 0, "csChargingProfiles": asked}
        return ask(message_id, "SetChargingProfile", payload, {"status": answer}, "<")

    found = findings_of(profile("1", 0, "Accepted"), profile("2", 3, "Rejected"))
    says(found["SC-032"], "the nearest one that was accepted has", "stackLevel")


def test_25_the_status_of_a_firmware_update_that_never_came():
    def told(status, at):
        return ask(at, "FirmwareStatusNotification", {"status": status}, {})

    asked = {"location": "ftp://x/y", "retrieveDate": stamp()}
    found = findings_of(
        ask("u", "UpdateFirmware", asked, {}, "<"), told("Downloading", "1"), "+10s", told("Installing", "2")
    )
    says(found["FW-001"], "Downloading", "Installing")
