import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_2X,
    CURRENT,
    JSON,
    NOW,
    ask,
    case,
    findings_of,
    gap,
    judged,
    opened,
)
from tests.rules.test_local_lists import send_list

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
ACCEPTED = {"status": "Accepted"}


def variable(name="X", component="C", instance=None, **more):
    about = {"name": name} | ({"instance": instance} if instance else {})
    return {"component": {"name": component}, "variable": about} | more


def set_variables(*names, answered=None, message_id="s"):
    results = [
        variable(name, attributeStatus="Accepted") for name in (names if answered is None else answered)
    ]
    asked = {"setVariableData": [variable(name, attributeValue="1") for name in names]}
    return ask(message_id, "SetVariables", asked, {"setVariableResult": results}, "<")


def get_variables(*names):
    results = [variable(name, attributeStatus="Accepted", attributeValue="1") for name in names]
    return ask(
        "g",
        "GetVariables",
        {"getVariableData": [variable(name) for name in names]},
        {"getVariableResult": results},
        "<",
    )


def configured(name, value, instance=None):
    about = variable(name, instance=instance)
    answer = {"getVariableResult": [about | {"attributeStatus": "Accepted", "attributeValue": value}]}
    return ask("c", "GetVariables", {"getVariableData": [about]}, answer, "<")


def reported(name, **characteristics):
    data = variable(name, variableAttribute=[{"value": "1"}])
    limits = {"dataType": "OptionList", "supportsMonitoring": False} | characteristics
    asked = {
        "requestId": 9,
        "generatedAt": NOW,
        "seqNo": 0,
        "reportData": [data | {"variableCharacteristics": limits}],
    }
    return ask("n", "NotifyReport", asked)


def get_report(status="Accepted", request=1):
    asked = {"requestId": request, "reportBase": "FullInventory"}
    return ask("b", "GetBaseReport", asked, {"status": status}, "<")


def part(number, *, more=False, request=1):
    asked = {"requestId": request, "generatedAt": NOW, "seqNo": number} | ({"tbc": True} if more else {})
    return ask(f"p{number}", "NotifyReport", asked)


def information(number, *, more=False, request=1):
    asked = {"requestId": request, "generatedAt": NOW, "seqNo": number, "data": "x"} | (
        {"tbc": True} if more else {}
    )
    return ask(f"i{number}", "NotifyCustomerInformation", asked)


CUSTOMER = ask("q", "CustomerInformation", {"requestId": 1, "report": True, "clear": False}, ACCEPTED, "<")


def network(slot, status="Accepted"):
    profile = {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://x",
        "messageTimeout": 30,
        "securityProfile": 2,
        "ocppInterface": "Wired0",
    }
    asked = {"configurationSlot": slot, "connectionData": profile}
    return ask("w", "SetNetworkProfile", asked, {"status": status}, "<")


def change(key, status):
    return ask("k", "ChangeConfiguration", {"key": key, "value": "1"}, {"status": status}, "<")


def keys(*entries, unknown=()):
    answer = {"configurationKey": list(entries)} | ({"unknownKey": list(unknown)} if unknown else {})
    return ask("y", "GetConfiguration", {}, answer, "<")


def alert(*, cleared, number=1, monitor=5):
    data = {
        "eventId": 1,
        "timestamp": CURRENT,
        "trigger": "Alerting",
        "actualValue": "1",
        "eventNotificationType": "CustomMonitor",
        "variableMonitoringId": monitor,
        "cleared": cleared,
    }
    asked = {"generatedAt": CURRENT, "seqNo": 0, "eventData": [variable() | data]}
    return ask(f"e{number}", "NotifyEvent", asked)


def open_stream(status="Accepted", **changes):
    stream = {"id": 1, "variableMonitoringId": 5, "params": {"interval": 10, "values": 5}} | changes
    return ask("o", "OpenPeriodicEventStream", {"constantStreamData": stream}, {"status": status})


STREAM = f'> [6,"x","NotifyPeriodicEventStream",{{"id":1,"pending":0,"basetime":"{NOW}","data":[{{"t":0,"v":"1"}}]}}]'
CLOSE = ask("z", "ClosePeriodicEventStream", {"id": 1}, {})


def show(status="Accepted", **changes):
    message = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "hi"}} | changes
    return ask("m", "SetDisplayMessage", {"message": message}, {"status": status}, "<")


def transaction(kind, number):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": "EVDetected",
        "seqNo": number,
        "transactionInfo": {"transactionId": "T"},
        "evse": {"id": 1, "connectorId": 1},
    }
    return ask(f"t{number}", "TransactionEvent", asked, {})


READ_ONLY = {"key": "K", "readonly": True, "value": "1"}
SECRET = {"key": "AuthorizationKey", "readonly": False}


def rules_of(*pieces, **options):
    return set(findings_of(*pieces, **{"version": "2.0.1"} | options))


NAMES = st.sampled_from(
    "listVersion updateType localAuthorizationList vendorId data key unknownKey configurationKey setVariableData id"
    " setVariableResult getVariableData requestId seqNo tbc eventData constantStreamData message status".split()
)
FROM_CSMS = (
    "SendLocalList GetLocalListVersion GetConfiguration ChangeConfiguration SetVariables GetVariables GetReport"
    " SetVariableMonitoring SetNetworkProfile SetDisplayMessage AdjustPeriodicEventStream"
).split()
FROM_STATION = (
    "DataTransfer NotifyReport NotifyEvent NotifyCustomerInformation OpenPeriodicEventStream ClosePeriodicEventStream"
).split()

CASES = [
    case("DM-001", set_variables("A", "B", answered=["A"]), set_variables("A", "B"), E, about="count", **V2),
    case(
        "DM-001",
        set_variables("A", "B", answered=["A", "C"]),
        set_variables("A", "B", answered=["B", "a"]),
        E,
        **V2,
    ),
    case("DM-002", set_variables("A", "A"), set_variables("A", "B"), E, **V2),
    case(
        "DM-003",
        [configured("ItemsPerMessage", "2", "GetVariables"), get_variables("A", "B", "D")],
        [configured("ItemsPerMessage", "2", "GetVariables"), get_variables("A", "B")],
        W,
        **V2,
    ),
    case(
        "DM-004",
        [get_report(), part(0, more=True), part(2)],
        [get_report(), part(0, more=True), part(1)],
        E,
        **V2,
    ),
    case("DM-004", [get_report(), part(1)], [get_report(), part(0)], E, about="first", **V2),
    case("DM-004", [get_report("Rejected"), part(0)], [get_report(), part(0)], E, about="rejected", **V2),
    case("DM-004", [BOOT_2X, part(0)], part(0), W, about="nobody asked", **V2),
    case(
        "DM-004",
        [get_report(), part(0, more=True), "+130s", BEAT],
        [get_report(), part(0, more=True), "+5s", part(1), "+125s", BEAT],
        W,
        about="the last never comes",
        **V2,
    ),
    case(
        "DM-005",
        [CUSTOMER, information(0, more=True), information(2)],
        [CUSTOMER, information(0, more=True), information(1)],
        W,
        **V2,
    ),
    case(
        "DM-006",
        [reported("NetworkConfigurationPriority", valuesList="0,1"), network(2)],
        [reported("NetworkConfigurationPriority", valuesList="0,1"), network(1)],
        E,
        **V2,
    ),
    case(
        "DM-007",
        [keys(unknown=["K"]), change("K", "Accepted")],
        [keys(unknown=["K"]), change("K", "NotSupported")],
        W,
    ),
    case(
        "DM-007",
        [keys(READ_ONLY), change("k", "Accepted")],
        [keys(READ_ONLY), change("k", "Rejected")],
        W,
        about="read-only",
    ),
    case("DM-007", keys(SECRET | {"value": "x"}), keys(SECRET), W, about="secret", subject="secret"),
    case(
        "DM-008",
        [BOOT_2X, alert(cleared=True)],
        [BOOT_2X, alert(cleared=False), alert(cleared=True, number=2)],
        W,
        **V2,
    ),
    case("DM-009", [open_stream("Rejected"), STREAM], [open_stream(), STREAM], E, **V21),
    case("DM-009", [open_stream(), CLOSE, STREAM], [open_stream(), STREAM, CLOSE], E, about="closed", **V21),
    case(
        "DISP-001",
        [transaction("Started", 0), transaction("Ended", 1), show(transactionId="T")],
        [transaction("Started", 0), transaction("Ended", 1), show("UnknownTransaction", transactionId="T")],
        E,
        **V2,
    ),
    case(
        "DISP-001",
        [configured("SupportedPriorities", "AlwaysFront,InFront"), show()],
        [configured("SupportedPriorities", "AlwaysFront,NormalCycle"), show()],
        E,
        subject="priority",
        **V2,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_report_that_was_asked_for_before_the_capture():
    assert not rules_of(opened(late=True), part(3), part(4)) & {"DM-004"} - {"DM-004"}
    assert "DM-004" not in rules_of(opened(late=True), part(0), part(0))


def test_lost_bytes_may_have_held_parts():
    assert "DM-004" not in rules_of(get_report(), part(0, more=True), gap(), part(4), "+200s", BEAT)


def test_two_reports_at_once_do_not_mix():
    pieces = [get_report(), get_report(request=2), part(0, more=True), part(0, more=True, request=2)]
    assert "DM-004" not in rules_of(pieces, part(1), part(1, request=2))


def test_an_event_report_begins_again_at_0():
    assert "DM-005" not in rules_of(BOOT_2X, [alert(cleared=False, number=n) for n in range(3)])


def test_a_monitor_may_have_alerted_before_the_capture():
    assert "DM-008" not in rules_of(alert(cleared=True))


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    for spoken in ("1.6", "2.1"):
        odd = [[ask(name, name, asked, given, "<") for given in (answer, ACCEPTED)] for name in FROM_CSMS]
        odd += [[ask(name, name, asked, answer)] for name in FROM_STATION]
        judged(send_list(1), odd, keys(READ_ONLY), odd, version=spoken)
