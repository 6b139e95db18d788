import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    JSON,
    ask,
    call,
    case,
    closed,
    error,
    findings_of,
    gap,
    judged,
    opened,
    result,
    stamp,
)

E, W, I = "error", "warning", "info"
V2 = {"version": "2.0.1"}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}],
    },
}
PROFILE_2X = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    ],
}
LATER = ("+300s", ask("later", "DataTransfer", {"vendorId": "V"}, {"status": "Accepted"}))


def remote_start(status="Accepted", tag="A", **changes):
    return ask(
        "r", "RemoteStartTransaction", {"idTag": tag, "connectorId": 1} | changes, {"status": status}, "<"
    )


def start(tag="A", transaction=7, message_id="s"):
    asked = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": CURRENT}
    return ask(
        message_id,
        "StartTransaction",
        asked,
        {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}},
    )


def stop(transaction=7, reason="Remote"):
    asked = {"transactionId": transaction, "meterStop": 1, "timestamp": CURRENT, "reason": reason}
    return ask("x", "StopTransaction", asked)


def remote_stop(transaction=7, status="Accepted"):
    return ask("q", "RemoteStopTransaction", {"transactionId": transaction}, {"status": status}, "<")


def status(value, message_id="st"):
    asked = {"connectorId": 1, "errorCode": "NoError", "status": value, "timestamp": CURRENT}
    return ask(message_id, "StatusNotification", asked)


def request_start(status="Accepted", answer=None, **changes):
    asked = {"idToken": {"idToken": "A", "type": "ISO14443"}, "remoteStartId": 5, "evseId": 1}
    return ask("r", "RequestStartTransaction", asked | changes, {"status": status} | (answer or {}), "<")


def event(kind="Started", reason="RemoteStart", number=0, *, token=False, remote=5, state=None, **changes):
    info = {"transactionId": "T"}
    info |= {"remoteStartId": remote} if remote is not None else {}
    info |= {"chargingState": state} if state else {}
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": reason,
        "seqNo": number,
        "transactionInfo": info | changes,
        "evse": {"id": 1, "connectorId": 1},
    }
    answer = {}
    if token:
        asked["idToken"] = {"idToken": "A", "type": "ISO14443"}
        answer = {"idTokenInfo": {"status": "Accepted"}}
    return ask(f"e{number}", "TransactionEvent", asked, answer)


def ended(number=1, reason="RemoteStop", why="Remote"):
    return event("Ended", reason, number, remote=None, stoppedReason=why)


def request_stop(status="Accepted"):
    return ask("q", "RequestStopTransaction", {"transactionId": "T"}, {"status": status}, "<")


def trigger(wanted, status="Accepted", **more):
    return ask("t", "TriggerMessage", {"requestedMessage": wanted} | more, {"status": status}, "<")


BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})


def notify(action, value, message_id="n"):
    return ask(message_id, action, {"status": value, "requestId": 1})


def reset(kind="Soft", status="Accepted", **more):
    return ask("reset", "Reset", {"type": kind} | more, {"status": status}, "<")


def boot(message_id="b2"):
    asked = {"chargePointVendor": "V", "chargePointModel": "M"}
    return ask(
        message_id,
        "BootNotification",
        asked,
        {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
    )


def boot_2x(reason="RemoteReset"):
    asked = {"reason": reason, "chargingStation": {"vendorName": "V", "model": "M"}}
    return ask(
        "b2", "BootNotification", asked, {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    )


TIMEOUT_2X = ask(
    "v",
    "SetVariables",
    {
        "setVariableData": [
            {
                "attributeValue": "60",
                "component": {"name": "TxCtrlr"},
                "variable": {"name": "EVConnectionTimeOut"},
            }
        ]
    },
    {
        "setVariableResult": [
            {
                "attributeStatus": "Accepted",
                "component": {"name": "TxCtrlr"},
                "variable": {"name": "EVConnectionTimeOut"},
            }
        ]
    },
    "<",
)
TIMEOUT = ask(
    "k", "ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "20"}, {"status": "Accepted"}, "<"
)
AWAY = (closed(), "+60s", opened())
REBOOT_LATER = ("+90000s", BEAT)
NEEDS_REBOOT = ask("c", "ChangeConfiguration", {"key": "K", "value": "1"}, {"status": "RebootRequired"}, "<")

PLUGGED_IN = event(reason="CablePluggedIn", remote=None)
UNPLUGGED = ended(reason="EVCommunicationLost", why="EVDisconnected")
CONNECTOR = {"id": 1, "connectorId": 1}
TRIGGER_CROSSED = [
    f"< {call('t', 'TriggerMessage', {'requestedMessage': 'Heartbeat'})}",
    BEAT,
    f"> {result('t', {'status': 'Accepted'})}",
]
UPLOADING = [notify("LogStatusNotification", "Uploading"), trigger("LogStatusNotification")]
INSTALLED = [notify("FirmwareStatusNotification", "Installed"), trigger("FirmwareStatusNotification")]
IDLE_LOG = ask("m", "LogStatusNotification", {"status": "Idle"})
IDLE_FIRMWARE = ask("m", "FirmwareStatusNotification", {"status": "Idle"})
NO_STATUS = ["BOOT-011", "BOOT-016"]

CASES = [
    case(
        "RMT-001",
        [status("Preparing"), remote_start(), LATER],
        [status("Preparing"), remote_start(), "+60s", start(), LATER],
        W,
    ),
    case(
        "RMT-001",
        [status("Available"), remote_start(), LATER],
        remote_start("Rejected"),
        I,
        about="nobody came",
    ),
    case(
        "RMT-001",
        [TIMEOUT, remote_start(), "+60s", BEAT],
        [remote_start(), "+60s", BEAT],
        W,
        about="a time-out that is known",
    ),
    case("RMT-002", remote_start(connectorId=0), remote_start(), E, subject="connectorId"),
    case(
        "RMT-002",
        remote_start(chargingProfile=PROFILE | {"chargingProfilePurpose": "TxDefaultProfile"}),
        remote_start(chargingProfile=PROFILE),
        E,
        about="purpose",
    ),
    case(
        "RMT-002",
        remote_start(chargingProfile=PROFILE | {"transactionId": 7}),
        remote_start(chargingProfile=PROFILE),
        E,
        about="transaction",
    ),
    case("RMT-003", [start(), remote_stop(), LATER], [start(), remote_stop(), "+5s", stop(), LATER], W),
    case(
        "RMT-003",
        [start(), stop(reason="Local"), remote_stop()],
        [start(), stop(reason="Local"), remote_stop(status="Rejected")],
        W,
        about="of one that has stopped",
    ),
    case(
        "RMT-004",
        [request_start(), LATER],
        [request_start(), "+5s", event(token=True), LATER],
        W,
        **V2,
    ),
    case(
        "RMT-005",
        [request_start(), event(reason="CablePluggedIn")],
        [request_start(), event(token=True)],
        E,
        **V2,
    ),
    case(
        "RMT-006",
        request_start(chargingProfile=PROFILE_2X | {"transactionId": "T"}),
        request_start(chargingProfile=PROFILE_2X),
        E,
        subject="transactionId",
        **V2,
    ),
    case(
        "RMT-007",
        [PLUGGED_IN, request_start()],
        [
            event(reason="CablePluggedIn", remote=None),
            request_start(answer={"transactionId": "T"}),
            event("Updated", number=1, token=True),
        ],
        E,
        **V2,
    ),
    case(
        "RMT-008",
        [event(token=True), request_stop(), LATER],
        [event(token=True), request_stop(), "+5s", ended(), LATER],
        E,
        about="nothing follows",
        **V2,
    ),
    case(
        "RMT-008",
        [event(token=True), request_stop("Rejected"), LATER],
        [event(token=True), request_stop(), ended()],
        E,
        about="rejected",
        **V2,
    ),
    case(
        "RMT-008",
        [event(token=True), UNPLUGGED, request_stop()],
        [event(token=True), UNPLUGGED, request_stop("Rejected")],
        E,
        about="it had ended",
        **V2,
    ),
    case(
        "RMT-009",
        [TIMEOUT_2X, request_start(), event(token=True), LATER],
        [
            *[TIMEOUT_2X, request_start(), event(token=True), "+60s"],
            *[ended(reason="EVConnectTimeout", why="Timeout"), LATER],
        ],
        W,
        **V2,
    ),
    case("RMT-010", [trigger("Heartbeat"), LATER], [trigger("Heartbeat"), "+5s", BEAT, LATER], W),
    case("RMT-010", [trigger("Heartbeat"), LATER], [trigger("Heartbeat"), "+5s", BEAT, LATER], E, **V2),
    case(
        "RMT-010",
        [
            f"< {call('t', 'TriggerMessage', {'requestedMessage': 'Heartbeat'})}",
            BEAT,
            f"> {result('t', {'status': 'Accepted'})}",
            LATER,
        ],
        [
            f"< {call('t', 'TriggerMessage', {'requestedMessage': 'Heartbeat'})}",
            BEAT,
            f"> {result('t', {'status': 'Accepted'})}",
            BEAT,
            LATER,
        ],
        E,
        about="before the answer",
        also=["RPC-004", "RPC-005"],
    ),
    case(
        "RMT-011",
        trigger("StatusNotification", "Rejected"),
        trigger("StatusNotification", "Rejected", evse=CONNECTOR),
        W,
        **V2,
    ),
    case(
        "RMT-012",
        [
            notify("LogStatusNotification", "Uploading"),
            trigger("LogStatusNotification"),
            IDLE_LOG,
        ],
        [
            notify("LogStatusNotification", "Uploading"),
            trigger("LogStatusNotification"),
            notify("LogStatusNotification", "Uploading", "m"),
        ],
        E,
        also=["LOG-002", "LOG-003"],
        **V2,
    ),
    case(
        "RMT-012",
        [
            notify("FirmwareStatusNotification", "Installed"),
            trigger("FirmwareStatusNotification"),
            notify("FirmwareStatusNotification", "Installed", "m"),
        ],
        [
            notify("FirmwareStatusNotification", "Installed"),
            trigger("FirmwareStatusNotification"),
            IDLE_FIRMWARE,
        ],
        E,
        about="at rest",
        also=["FW-003"],
        **V2,
    ),
    case(
        "RMT-013",
        ask("f", "FirmwareStatusNotification", {"status": "Idle"}),
        [trigger("FirmwareStatusNotification"), ask("f", "FirmwareStatusNotification", {"status": "Idle"})],
        I,
    ),
    case("RMT-014", [reset(), "+610s", BEAT], [reset(), AWAY, boot()], W),
    case(
        "RMT-014",
        [start(), reset(), AWAY, boot()],
        [start(), reset("Hard"), AWAY, boot()],
        W,
        about="a transaction goes on",
        subject="stop",
    ),
    case("RMT-015", [reset("Immediate"), "+610s", BEAT], [reset("Immediate"), AWAY, boot_2x()], W, **V2),
    case(
        "RMT-015",
        [event(token=True, remote=None, reason="Authorized"), reset("OnIdle")],
        [event(token=True, remote=None, reason="Authorized"), reset("OnIdle", "Scheduled")],
        W,
        about="on idle",
        **V2,
    ),
    case(
        "RMT-015",
        [event(token=True, remote=None, reason="Authorized"), reset("Immediate"), AWAY, boot_2x()],
        [
            *[event(token=True, remote=None, reason="Authorized"), reset("Immediate")],
            *[ended(reason="ResetCommand", why="ImmediateReset"), AWAY, boot_2x()],
        ],
        W,
        about="a transaction goes on",
        **V2,
    ),
    case(
        "RMT-015",
        [reset("Immediate", evseId=1), AWAY, boot_2x()],
        [reset("Immediate", evseId=1), "+700s", BEAT],
        W,
        about="of an EVSE",
        **V2,
    ),
    case(
        "RMT-016",
        [NEEDS_REBOOT, REBOOT_LATER],
        [NEEDS_REBOOT, reset(), AWAY, boot(), REBOOT_LATER],
        W,
        also=NO_STATUS,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ([status("Preparing")], "an EV is plugged in, and the station did not authorise it"),
        ([status("Faulted")], "the connector is Faulted"),
        ([status("Available")], "no EV was plugged in"),
        ([], "the capture does not show the connector's status"),
        (
            [ask("a", "Authorize", {"idTag": "a"}, {"idTagInfo": {"status": "Blocked"}})],
            "the CSMS says that the token is Blocked",
        ),
    ],
)
def test_which_condition_was_missing(before, why):
    assert why in findings_of(before, remote_start(), LATER, only=["RMT-001"])["RMT-001"].detail


def availability(value, evse, connector=None):
    place = {"id": evse} | ({"connectorId": connector} if connector else {})
    told = {
        "eventId": 1,
        "timestamp": CURRENT,
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "EVSE", "evse": place},
        "variable": {"name": "AvailabilityState"},
    }
    asked = {"generatedAt": CURRENT, "seqNo": 0, "tbc": False, "eventData": [told]}
    return ask(f"ne{evse}", "NotifyEvent", asked)


@pytest.mark.parametrize(
    "before",
    [
        [availability("Available", 1), availability("Available", 2)],
        [availability("Occupied", 1), event(token=True, remote=None), availability("Available", 2)],
    ],
)
def test_no_ev_at_any_evse_is_nobodys_fault(before):
    found = findings_of(before, request_start(evseId=None), LATER, only=["RMT-004"], **V2)["RMT-004"]
    assert found.severity == I
    assert "no EV was plugged in" in found.detail


def test_a_transaction_that_ends_before_the_answer_counts():
    asked = {"idToken": {"idToken": "A", "type": "ISO14443"}, "remoteStartId": 5, "evseId": 1}
    crossing = [f"< {call('r', 'RequestStartTransaction', asked)}", event(token=True), ended()]
    assert not judged(crossing, f"> {result('r', {'status': 'Accepted'})}", LATER, only=["RMT-004"], **V2)


def test_a_transaction_without_authorization_waits_for_none():
    start = {
        "eventType": "Started",
        "timestamp": CURRENT,
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "", "type": "NoAuthorization"},
    }
    begun = ask("e", "TransactionEvent", start, {"idTokenInfo": {"status": "Accepted"}})
    assert not judged(begun, request_start(), only=["RMT-007"], **V2)


def test_a_stop_is_rejected_where_the_end_is_on_its_way():
    running = event(token=True)
    assert not judged(running, request_stop("Rejected"), "+1s", UNPLUGGED, LATER, only=["RMT-008"], **V2)


def test_what_follows_the_stop_before_its_answer():
    crossing = [
        event(token=True),
        f"< {call('q', 'RequestStopTransaction', {'transactionId': 'T'})}",
        event("Updated", "RemoteStop", 1, remote=None),
        event("Updated", "MeterValuePeriodic", 2, remote=None),
        f"> {result('q', {'status': 'Accepted'})}",
    ]
    assert not judged(crossing, LATER, only=["RMT-008"], **V2)


def test_the_stop_of_an_unknown_transaction_has_to_be_told_too():
    assert judged(request_stop(), LATER, only=["RMT-008"], **V2)
    assert not judged(request_stop("Rejected"), LATER, only=["RMT-008"], **V2)


def test_a_triggered_message_waits_for_an_answer_or_is_lost_with_a_reboot():
    asked = trigger("LogStatusNotification")
    busy = [f"> {call('d', 'DataTransfer', {'vendorId': 'V'})}", asked, "+61s"]
    answered = [
        f"< {result('d', {'status': 'Accepted'})}",
        ask("l", "LogStatusNotification", {"status": "Idle"}),
    ]
    assert not judged(busy, answered, BEAT, only=["RMT-010"], **V2)
    assert not judged(asked, closed(), "+60s", opened(), BOOT_2X, LATER, only=["RMT-010"], **V2)


def test_a_start_that_crosses_the_answer_counts():
    crossing = [
        f"< {call('r', 'RemoteStartTransaction', {'idTag': 'A'})}",
        start("a"),
        f"> {result('r', {'status': 'Accepted'})}",
        LATER,
    ]
    assert not judged(crossing, only=["RMT-001"])


def test_a_stop_that_crosses_the_answer_counts():
    crossing = [
        start(),
        f"< {call('q', 'RemoteStopTransaction', {'transactionId': 7})}",
        stop(),
        f"> {result('q', {'status': 'Accepted'})}",
        LATER,
    ]
    assert not judged(crossing, only=["RMT-003"])


def test_lost_bytes_may_have_held_what_is_missing():
    for pieces, version in (
        ([remote_start(), gap(), LATER], "1.6"),
        ([start(), remote_stop(), gap(), LATER], "1.6"),
        ([reset(), gap(), "+700s", BEAT], "1.6"),
        ([trigger("Heartbeat"), gap(), LATER], "2.0.1"),
        ([request_start(), gap(), LATER], "2.0.1"),
    ):
        found = judged(pieces, version=version)
        assert not [finding for finding in found if finding.rule.id.startswith("RMT")]


def test_a_hard_reset_may_be_told_before_the_transactions_stop():
    pieces = [BOOT_16, start(), reset("Hard"), AWAY, boot(), stop(reason="HardReset")]
    assert not judged(pieces, only=["RMT-014"])


def test_an_immediate_reset_of_a_transaction_that_began_before_the_capture():
    pieces = [BOOT_2X, event("Updated", "MeterValuePeriodic", 3), reset("Immediate"), AWAY, boot_2x()]
    assert not judged(pieces, only=["RMT-015"], **V2)


def test_a_change_of_variables_that_needs_a_reboot():
    name = {"component": {"name": "C"}, "variable": {"name": "X"}}
    answer = {"setVariableResult": [name | {"attributeStatus": "RebootRequired"}]}
    change = ask("c", "SetVariables", {"setVariableData": [name | {"attributeValue": "1"}]}, answer, "<")
    assert "X: no Boot" in findings_of(change, REBOOT_LATER, only=["RMT-016"], **V2)["RMT-016"].detail


NAMES = st.sampled_from(
    "idTag connectorId chargingProfile transactionId transactionInfo evse status requestedMessage type key".split()
)
REQUESTS = (
    "RemoteStartTransaction RemoteStopTransaction RequestStartTransaction RequestStopTransaction TriggerMessage"
    " Reset ChangeConfiguration SetVariables"
).split()


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    accepted = {"status": "Accepted"}
    for version in ("1.6", "2.0.1"):
        pieces = [
            [ask(f"{action} {n}", action, asked, given, "<") for n, given in enumerate((answer, accepted))]
            for action in REQUESTS
        ]
        judged(pieces, ask("e", "TransactionEvent", asked, answer), boot(), LATER, version=version)


# --- what the station may not be blamed for ---

WAITS = {"transactionId": 1, "meterStop": 1, "timestamp": stamp()}
BLOCKED = [f"> {call('x1', 'StopTransaction', WAITS)}", f"< {error('x1')}"]


@pytest.mark.parametrize(
    "legal",
    [
        # Its start waits behind a message that the CSMS refuses.
        [BLOCKED, remote_start(), LATER],
        # It began and ended before the answer.
        [
            f"< {call('r', 'RemoteStartTransaction', {'idTag': 'A'})}",
            [start(), stop(reason="EVDisconnected")],
            f"> {result('r', {'status': 'Accepted'})}",
            LATER,
        ],
        # Bytes are missing, but from the next session.
        [remote_start(), AWAY, gap(), LATER],
    ],
)
def test_a_start_that_may_still_come(legal):
    assert not judged(status("Preparing"), legal, only=["RMT-001"])


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (ask("a", "Authorize", {"idTag": "A"}, {"idTagInfo": {"status": "Blocked"}}), "is Blocked"),
        ([AWAY, boot(), status("Preparing", "s2")], "booted meanwhile"),
    ],
)
def test_a_start_that_the_station_had_to_leave(after, why):
    found = judged(status("Preparing"), remote_start(), after, LATER, only=["RMT-001"])
    assert [one.severity for one in found] == [I]
    assert why in found[0].detail
