import pytest

from ocppscope.events import FROM_STATION, Tls
from tests.rules.sessions import (
    CURRENT,
    SAFE_TLS,
    ask,
    call,
    case,
    closed,
    damaged,
    error,
    findings_of,
    gap,
    judged,
    opened,
    result,
    stamp,
    unopened,
)

E, W, I = "error", "warning", "info"
ASKED_16 = {"chargePointVendor": "V", "chargePointModel": "M"}
ASKED_2X = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
V2 = {"version": "2.0.1"}
ACCEPTED = {"status": "Accepted"}


def boot(status="Accepted", interval=300, asked=None, message_id="b", current=CURRENT):
    answer = {"status": status, "currentTime": current, "interval": interval}
    return ask(message_id, "BootNotification", ASKED_16 if asked is None else asked, answer)


def boot_2x(status="Accepted", interval=300, message_id="b", current=CURRENT, **changes):
    answer = {"status": status, "currentTime": current, "interval": interval}
    return ask(message_id, "BootNotification", ASKED_2X | changes, answer)


def beat(message_id="h"):
    return ask(message_id, "Heartbeat", {}, {"currentTime": CURRENT})


def status(message_id="s", connector=1, told=None, state="Available"):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": state}
    return ask(message_id, "StatusNotification", asked | ({"timestamp": told} if told else {}))


def status_2x(message_id="s", connector=1, evse=1, told=CURRENT):
    return ask(
        message_id,
        "StatusNotification",
        {"timestamp": told, "connectorStatus": "Available", "evseId": evse, "connectorId": connector},
    )


def trigger(wanted, message_id="t", answer="Accepted"):
    return ask(message_id, "TriggerMessage", {"requestedMessage": wanted}, {"status": answer}, "<")


def reset(message_id="r", kind="Soft"):
    return ask(message_id, "Reset", {"type": kind}, {"status": "Accepted"}, "<")


BOOT_CALL = f"> {call('b', 'BootNotification', ASKED_16)}"
BOOT_CALL_2X = f"> {call('b', 'BootNotification', ASKED_2X)}"
BOOT_ANSWER = f"< {result('b', {'status': 'Accepted', 'currentTime': CURRENT, 'interval': 300})}"
BEAT = f"> {call('h', 'Heartbeat')}"
BEAT_ANSWER = f"< {result('h', {'currentTime': CURRENT})}"
REMOTE_START = {"idTag": "A", "connectorId": 1}
REMOTE_START_2X = {"idToken": {"idToken": "A", "type": "ISO14443"}, "remoteStartId": 1}
AWAY = (closed(), "+60s", opened())
WITH_SERIAL = {"chargingStation": {"vendorName": "V", "model": "M", "serialNumber": "S1"}}


def shown_certificate(name):
    return opened(tls=Tls(SAFE_TLS.version, SAFE_TLS.cipher, client_certificate=f"CN={name}, O=V"))


STATUSES = [status("s0", 0), status("s1", 1)]
KEYS = ask(
    "k",
    "GetConfiguration",
    {},
    {"configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}]},
    "<",
)
THRESHOLD = ask(
    "v",
    "SetVariables",
    {
        "setVariableData": [
            {
                "attributeValue": "100",
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "OfflineThreshold"},
            }
        ]
    },
    {
        "setVariableResult": [
            {
                "attributeStatus": "Accepted",
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "OfflineThreshold"},
            }
        ]
    },
    "<",
)
LIMITS = ask("g", "GetConfiguration", {"key": ["X"]}, {"unknownKey": ["X"]}, "<")


def availability(evse=1, connector=None):
    place = {"id": evse} | ({"connectorId": connector} if connector else {})
    told = {
        "eventId": 1,
        "timestamp": CURRENT,
        "trigger": "Delta",
        "actualValue": "Available",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "EVSE", "evse": place},
        "variable": {"name": "AvailabilityState"},
    }
    asked = {"generatedAt": CURRENT, "seqNo": 0, "tbc": False, "eventData": [told]}
    return ask(f"ne{evse}", "NotifyEvent", asked)


# --- legal, though they looked wrong ---


def diagnostics(told, message_id):
    return ask(message_id, "DiagnosticsStatusNotification", {"status": told})


BOOT_AGAIN = boot("Pending", 60, message_id="b2")
UNREADABLE = [f"> {call('b2', 'BootNotification', ASKED_16)}", damaged("rpc", side="<"), "+1s"]
GET_KEYS = ask("g", "GetConfiguration", {}, {"configurationKey": []}, "<")

CASES = [
    case(
        "BOOT-001",
        [BOOT_CALL, BEAT, BOOT_ANSWER, BEAT_ANSWER],
        [BOOT_CALL, BOOT_ANSWER, BEAT, BEAT_ANSWER],
        E,
    ),
    case(
        "BOOT-001",
        [BOOT_CALL, f"< {error('b')}", BEAT, BEAT_ANSWER],
        [BOOT_CALL, f"< {error('b')}", boot(), BEAT, BEAT_ANSWER],
        E,
        about="after a CallError",
    ),
    case("BOOT-001", [BEAT, BEAT_ANSWER], [opened(late=True), BEAT, BEAT_ANSWER], I, about="without a boot"),
    case(
        "BOOT-001",
        [boot(), AWAY, BOOT_CALL.replace("b", "c", 1), BEAT],
        [boot(), AWAY, BEAT, BEAT_ANSWER],
        I,
        about="told again after a reconnect",
    ),
    case(
        "BOOT-002",
        [BOOT_CALL_2X, BEAT, BOOT_ANSWER, BEAT_ANSWER],
        [BOOT_CALL_2X, BOOT_ANSWER, BEAT, BEAT_ANSWER],
        E,
        **V2,
    ),
    case(
        "BOOT-003",
        [boot_2x("Pending"), status_2x()],
        [boot_2x("Pending"), trigger("Heartbeat"), beat()],
        E,
        **V2,
    ),
    case(
        "BOOT-004",
        [boot("Pending"), status()],
        [boot("Pending"), trigger("StatusNotification"), status()],
        E,
        subject="StatusNotification",
    ),
    case(
        "BOOT-005",
        [boot("Rejected", 60), "+20s", beat()],
        [boot("Rejected", 60), "+61s", boot(message_id="c"), beat()],
        E,
    ),
    case(
        "BOOT-006",
        [boot("Rejected"), f"< {call('x', 'ClearCache')}"],
        [boot(), f"< {call('x', 'ClearCache')}"],
        W,
    ),
    case(
        "BOOT-006",
        [boot_2x("Rejected"), f"< {call('x', 'ClearCache')}"],
        [boot_2x(), f"< {call('x', 'ClearCache')}"],
        E,
        **V2,
    ),
    case(
        "BOOT-007",
        [boot("Pending", 60), "+20s", boot(message_id="c")],
        [boot("Pending", 60), "+60s", boot(message_id="c")],
        W,
    ),
    case(
        "BOOT-007",
        [boot_2x("Rejected", 60), "+20s", boot_2x(message_id="c")],
        [
            boot_2x("Pending", 60),
            trigger("BootNotification"),
            "+20s",
            boot_2x(message_id="c", reason="Triggered"),
        ],
        E,
        **V2,
    ),
    case(
        "BOOT-008",
        [boot("Pending", 60), "+200s", trigger("Heartbeat"), beat()],
        [boot("Pending", 60), "+60s", boot(message_id="c"), STATUSES, "+140s", beat()],
        W,
    ),
    case("BOOT-009", boot("Pending", 0), boot("Accepted", 0), I),
    case(
        "BOOT-010",
        [boot("Pending"), f"< {call('r', 'RemoteStartTransaction', REMOTE_START)}"],
        [boot(), f"< {call('r', 'RemoteStartTransaction', REMOTE_START)}"],
        E,
    ),
    case(
        "BOOT-010",
        [
            boot_2x("Pending"),
            ask("r", "RequestStartTransaction", REMOTE_START_2X, {"status": "Accepted"}, "<"),
        ],
        [
            boot_2x("Pending"),
            ask("r", "RequestStartTransaction", REMOTE_START_2X, {"status": "Rejected"}, "<"),
        ],
        E,
        **V2,
    ),
    case("BOOT-011", [boot(), "+130s", beat()], [boot(), STATUSES, "+130s", beat()], W, about="none"),
    case(
        "BOOT-011",
        [boot(), KEYS, STATUSES, "+130s", beat()],
        [boot(), KEYS, STATUSES, status("s2", 2), "+130s", beat()],
        W,
        about="one is missing",
    ),
    case("BOOT-012", [boot_2x(), "+130s", beat()], [boot_2x(), status_2x(), "+130s", beat()], E, **V2),
    case(
        "BOOT-013",
        [boot_2x(), AWAY, boot_2x(reason="RemoteReset", message_id="c")],
        [boot_2x(), reset(kind="Immediate"), AWAY, boot_2x(reason="RemoteReset", message_id="c")],
        W,
        **V2,
    ),
    case(
        "BOOT-013",
        [boot_2x(), boot_2x(reason="Triggered", message_id="c")],
        [boot_2x("Pending"), trigger("BootNotification"), boot_2x(reason="Triggered", message_id="c")],
        W,
        about="triggered",
        **V2,
    ),
    case(
        "BOOT-014", [boot(), trigger("BootNotification")], [boot("Pending"), trigger("BootNotification")], E
    ),
    case(
        "BOOT-014",
        [boot_2x(), trigger("BootNotification")],
        [boot_2x(), trigger("BootNotification", answer="Rejected")],
        E,
        **V2,
    ),
    case(
        "BOOT-015",
        [boot(), AWAY, boot(message_id="c"), AWAY, boot(message_id="d")],
        [boot(), AWAY, boot(message_id="c"), STATUSES, "+300s", beat(), AWAY, boot(message_id="d")],
        W,
    ),
    case(
        "BOOT-018",
        [shown_certificate("S2"), boot_2x(**WITH_SERIAL)],
        [shown_certificate("S1"), boot_2x(**WITH_SERIAL)],
        E,
        **V2,
    ),
    case(
        "BOOT-021",
        [boot_2x("Pending"), closed("csms")],
        [boot_2x("Pending"), closed(None, "end-of-capture", None)],
        W,
        **V2,
    ),
    case(
        "BOOT-022",
        [boot(), AWAY, boot(message_id="c", asked=ASKED_16 | {"firmwareVersion": "2"})],
        [boot(), AWAY, boot(message_id="c")],
        I,
        subject="firmwareVersion",
    ),
    case(
        "BOOT-023",
        [boot_2x(), status_2x(), THRESHOLD, closed(), "+200s", opened(), beat(), "+130s", beat("i")],
        [
            *[boot_2x(), status_2x(), THRESHOLD, closed(), "+200s", opened(), beat()],
            *[status_2x("z", told=stamp(200)), "+130s", beat("i")],
        ],
        W,
        **V2,
    ),
    case(
        "BOOT-024",
        [boot(), LIMITS, AWAY, boot(message_id="c"), LIMITS, AWAY, boot(message_id="d")],
        [
            boot(),
            reset(),
            AWAY,
            boot(message_id="c"),
            STATUSES,
            reset("q"),
            "+300s",
            beat(),
            AWAY,
            boot(message_id="d"),
        ],
        W,
        subject="GetConfiguration",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_lost_bytes_may_have_held_the_answer():
    assert "BOOT-001" not in findings_of(BOOT_CALL, gap("<"), BEAT, BEAT_ANSWER)


def test_a_rejected_station_answers_security_error_in_2x_and_nothing_in_1_6():
    asked = f"< {call('x', 'ClearCache')}"
    refused = f"> {error('x', 'SecurityError')}"
    found = judged(boot_2x("Rejected"), asked, refused, **V2, only=["BOOT-006"])
    assert [finding.direction for finding in found] == ["csms-to-cp"]
    found = judged(boot("Rejected"), asked, refused, only=["BOOT-006"])
    assert [finding.direction for finding in found] == ["csms-to-cp", "cp-to-csms"]


def test_a_report_that_was_asked_for_may_come_while_pending():
    report = {"requestId": 1, "generatedAt": CURRENT, "seqNo": 0}
    base = ask(
        "g", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, {"status": "Accepted"}, "<"
    )
    notify = ask("n", "NotifyReport", report)
    assert "BOOT-003" not in findings_of(boot_2x("Pending"), base, notify, **V2)
    assert "BOOT-003" in findings_of(boot_2x("Pending"), notify, **V2)


def test_a_triggered_status_may_be_told_by_an_event():
    pieces = [boot_2x("Pending"), trigger("StatusNotification"), availability(connector=1)]
    assert not judged(pieces, only=["BOOT-003"], **V2)
    assert judged(boot_2x("Pending"), availability(connector=1), only=["BOOT-003"], **V2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([availability(), status_2x()], [status_2x("s9")]),
        ([status_2x()], [availability()]),
        ([availability(), availability(2)], [status_2x("s9"), status_2x("s8", evse=2)]),
    ],
)
def test_the_status_of_an_evse_and_that_of_its_connectors(before, after):
    pieces = [boot_2x(), before, "+200s", AWAY, boot_2x(message_id="b2"), after, "+200s", beat()]
    assert not judged(pieces, only=["BOOT-012"], **V2)


def test_a_request_before_the_answer_to_a_boot_that_was_asked_for():
    asked = ASKED_2X | {"reason": "RemoteReset"}
    pieces = [boot_2x(), reset(kind="Immediate"), AWAY, f"> {call('c', 'BootNotification', asked)}", BEAT]
    assert judged(pieces, only=["BOOT-002"], **V2)[0].severity == E
    assert judged(boot_2x(), pieces[2:], only=["BOOT-002"], **V2)[0].severity == I


def test_a_boot_that_is_told_again_has_the_same_reason():
    asked = ASKED_2X | {"reason": "RemoteReset"}
    pieces = [boot_2x(), reset(kind="Immediate"), AWAY, f"> {call('c', 'BootNotification', asked)}", "+40s"]
    assert not judged(pieces, boot_2x(message_id="d", reason="RemoteReset"), only=["BOOT-013"], **V2)


def test_a_call_that_a_reboot_follows_by_nature_is_not_named():
    reboot = [reset(), AWAY, boot(message_id="c")]
    assert "BOOT-024" not in findings_of(boot(), reboot, reboot, reboot)


def test_a_log_shows_no_drops():
    asked = f"< {call('l', 'GetConfiguration', {'key': ['MeterValuesSampledData']})}"
    found = findings_of(unopened(), boot(), asked, boot(message_id="c"), "+9s", asked, boot(message_id="d"))
    assert found["BOOT-024"].detail.startswith('GetConfiguration {"key": ["MeterValuesSampledData"]} came')
    assert "BOOT-024" not in findings_of(
        unopened(), boot(), LIMITS, boot(message_id="c"), LIMITS, boot(message_id="d")
    )
    assert "BOOT-024" not in findings_of(boot(), asked, boot(message_id="c"), asked, boot(message_id="d"))


def test_a_log_shows_what_is_said_while_pending():
    assert findings_of(unopened(), boot("Pending"), beat())["BOOT-004"].severity == I
    assert "BOOT-004" not in findings_of(unopened(), beat())


@pytest.mark.parametrize(
    "legal",
    [
        # What was asked for comes after the next BootNotification.
        [boot("Pending", 60), "+59s", trigger("StatusNotification"), "+1s", BOOT_AGAIN, status()],
        [
            [
                boot("Pending", 60),
                ask("g", "GetDiagnostics", {"location": "ftp://h/"}, {"fileName": "f"}, "<"),
            ],
            [
                diagnostics("Uploading", "d1"),
                "+60s",
                BOOT_AGAIN,
                "+60s",
                boot("Pending", 60, message_id="b3"),
            ],
            diagnostics("Uploaded", "d2"),
        ],
        # The security whitepaper's trigger names the other message.
        [
            boot("Pending", 60),
            ask(
                "t",
                "ExtendedTriggerMessage",
                {"requestedMessage": "FirmwareStatusNotification"},
                ACCEPTED,
                "<",
            ),
            ask("f", "SignedFirmwareStatusNotification", {"status": "Idle"}),
        ],
        # The answer that accepted it is missing, or could not be read.
        [UNREADABLE, status()],
        [boot("Pending", 60), "+60s", UNREADABLE, status()],
        [boot("Rejected", 60), gap("<"), "+100s", status(), GET_KEYS],
        [boot("Rejected", 60), "+60s", UNREADABLE, status(), GET_KEYS],
    ],
)
def test_messages_before_the_station_is_accepted(legal):
    assert not judged(legal, only=["BOOT-001", "BOOT-004", "BOOT-005", "BOOT-006"])


def test_what_was_asked_before_the_boot_does_not_count():
    before = [boot(), trigger("StatusNotification"), status(), closed(), "+60s", opened()]
    found = findings_of(before, BOOT_AGAIN, status("s2"), only=["BOOT-004"])
    assert found["BOOT-004"].count == 1


def test_it_is_the_station_that_does_not_boot_again():
    found = judged(boot("Pending", 60), "+200s", GET_KEYS, only=["BOOT-008"])
    assert [one.direction for one in found] == [FROM_STATION]


@pytest.mark.parametrize(
    "before",
    [
        [],
        f"> {call('b2', 'BootNotification', ASKED_16)}",
        boot("Pending", 60),
        boot("Rejected", 60),
    ],
)
def test_data_transfer_of_the_csms_is_none_of_the_station(before):
    transfer = ask("d", "DataTransfer", {"vendorId": "V"}, ACCEPTED, "<")
    assert not judged(before, transfer, only=["BOOT-001", "BOOT-004", "BOOT-005"])


def test_after_a_reset_it_is_a_boot():
    early = [f"> {call('b2', 'BootNotification', ASKED_16)}", status()]
    for before, severity in (([], I), (reset(), E)):
        found = judged(boot(), before, AWAY, early, only=["BOOT-001"])
        assert [one.severity for one in found] == [severity]
