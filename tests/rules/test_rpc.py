import base64
import json

import pytest

from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    NOW,
    ask,
    call,
    case,
    closed,
    damaged,
    error,
    exercises,
    findings_of,
    gap,
    judged,
    on,
    opened,
    result,
)

E, W, I = "error", "warning", "info"
STATUS_16 = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
STATUS_2X = {"timestamp": NOW, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
TIME = {"currentTime": NOW}
ONE_HEARTBEAT = [HEARTBEAT, "+0.1s", HEARTBEAT_ANSWER]
RETRY = [HEARTBEAT, "+31s", HEARTBEAT, "+1s", HEARTBEAT_ANSWER]
STREAM = {"id": 1, "pending": 0, "basetime": NOW, "data": [{"t": 0, "v": "1"}]}
REPORT = {"requestId": 7, "generatedAt": NOW, "seqNo": 0}
RESERVE = {"connectorId": 1, "expiryDate": "2026-11-22T11:00:00Z", "idTag": "A", "reservationId": 1}
BASE = {"requestId": 7, "reportBase": "FullInventory"}


def signed(action="Heartbeat-Signed", **changes):
    header = {"alg": "ES256", "x5t#S256": "AAAA", "OCPPAction": "Heartbeat", "OCPPMessageTypeId": "2"}
    header |= changes.pop("header", {})
    text = base64.urlsafe_b64encode(json.dumps({k: v for k, v in header.items() if v}).encode()).decode()
    payload = {"protected": text.rstrip("="), "payload": "e30", "signature": "AAAA"} | changes
    answer = '< [3,"1",{"currentTime":"' + NOW + '"}]'
    return ["> " + call("1", action, {k: v for k, v in payload.items() if v}), answer]


BOOT_OF = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}
CASES = [
    case("RPC-001", '> {"a":1}', ONE_HEARTBEAT, E, about="no array"),
    case("RPC-001", "> [2,", ONE_HEARTBEAT, E, about="no JSON"),
    case("RPC-001", '> [2,"1","Heartbeat"]', ONE_HEARTBEAT, E, about="Call too short"),
    case("RPC-001", '> [2,"1","Heartbeat",{},1]', ONE_HEARTBEAT, E, about="Call too long"),
    case("RPC-001", [HEARTBEAT, '< [3,"1"]'], ONE_HEARTBEAT, E, about="CallResult too short"),
    case(
        "RPC-001",
        [HEARTBEAT, '< [4,"1","InternalError",""]'],
        [HEARTBEAT, '< [4,"1","InternalError","",{}]'],
        E,
        about="CallError too short",
    ),
    case("RPC-001", '> [2,"1",5,{}]', ONE_HEARTBEAT, E, about="action is no string"),
    case("RPC-001", '> [2,"1","Heartbeat",[]]', ONE_HEARTBEAT, E, about="payload is an array"),
    case("RPC-001", '> [2,"1","Heartbeat",', ONE_HEARTBEAT, E, about="two", count=1, events=[2]),
    case("RPC-002", '> [7,"1",{}]', ONE_HEARTBEAT, E),
    case("RPC-002", '> ["2","1","Heartbeat",{}]', ONE_HEARTBEAT, E, about="a string"),
    case("RPC-002", '> [2.0,"1","Heartbeat",null]', ONE_HEARTBEAT, E, about="a float"),
    case("RPC-002", "> []", ONE_HEARTBEAT, E, about="empty array"),
    case(
        "RPC-002",
        "> " + json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM]),
        [],
        E,
        about="Send on 1.6",
    ),
    case(
        "RPC-002",
        [ONE_HEARTBEAT, '> [5,"1","InternalError","",{}]'],
        ONE_HEARTBEAT,
        E,
        about="CallResultError on 2.0.1",
        version="2.0.1",
    ),
    case("RPC-003", ['> [2,17,"Heartbeat",{}]'], ONE_HEARTBEAT, E, I, about="integer"),
    case("RPC-003", ['> [2,1.5,"Heartbeat",{}]'], ONE_HEARTBEAT, E, about="fraction"),
    case("RPC-003", ['> [2,null,"Heartbeat",{}]'], ONE_HEARTBEAT, E, about="null"),
    case(
        "RPC-003",
        "> " + call("x" * 37, "Heartbeat"),
        ["> " + call("x" * 36, "Heartbeat"), "< " + result("x" * 36, TIME)],
        E,
        about="37 characters",
    ),
    case(
        "RPC-004",
        [ONE_HEARTBEAT, ask("1", "StatusNotification", STATUS_16)],
        [ONE_HEARTBEAT, ask("2", "StatusNotification", STATUS_16)],
        E,
        about="in one session",
        subject="cp-to-csms",
        events=[4],
    ),
    case(
        "RPC-004",
        [ONE_HEARTBEAT, closed(), opened(), ask("1", "StatusNotification", STATUS_16)],
        [ONE_HEARTBEAT, closed(), opened(), ask("2", "StatusNotification", STATUS_16)],
        W,
        about="over two sessions of 1.6",
    ),
    case(
        "RPC-004",
        [ONE_HEARTBEAT, closed(), opened(), ask("1", "StatusNotification", STATUS_2X)],
        [ONE_HEARTBEAT, closed(), opened(station="CP002"), ask("1", "StatusNotification", STATUS_2X)],
        E,
        about="over two sessions of 2.0.1",
        version="2.0.1",
    ),
    case(
        "RPC-004",
        [ask(17, "Heartbeat", {}, TIME), ask(17, "StatusNotification", STATUS_16)],
        [ask(17, "Heartbeat", {}, TIME), ask(18, "StatusNotification", STATUS_16)],
        E,
        about="numbers",
    ),
    case("RPC-005", RETRY, ONE_HEARTBEAT, I, also=["RPC-010"], events=[3]),
    case(
        "RPC-005",
        [ONE_HEARTBEAT, closed(), "+60s", opened(), ONE_HEARTBEAT],
        [ONE_HEARTBEAT, closed(), "+60s", opened(station="CP002"), ONE_HEARTBEAT],
        I,
        about="on the next connection",
    ),
    case("RPC-006", [ONE_HEARTBEAT, '< [3,"2",{}]'], ONE_HEARTBEAT, E, events=[4]),
    case("RPC-006", '> [4,"2","InternalError","",{}]', ONE_HEARTBEAT, E, about="CallError"),
    case(
        "RPC-006",
        [HEARTBEAT, closed(), opened(), "+1s", HEARTBEAT_ANSWER],
        [HEARTBEAT, "+1s", HEARTBEAT_ANSWER, closed()],
        E,
        about="answered on the next connection",
    ),
    case("RPC-006", [HEARTBEAT, '> [3,"1",{}]'], ONE_HEARTBEAT, E, about="answered by the asker"),
    case("RPC-006", ['> [2,1,"Heartbeat",{}]', HEARTBEAT_ANSWER], ONE_HEARTBEAT, E, about="1 is not '1'"),
    case("RPC-007", [ONE_HEARTBEAT, HEARTBEAT_ANSWER], ONE_HEARTBEAT, E, events=[4]),
    case("RPC-007", [ONE_HEARTBEAT, '< [4,"1","InternalError","",{}]'], ONE_HEARTBEAT, E, about="CallError"),
    case(
        "RPC-007",
        [ask(5, "Heartbeat", {}, TIME), "< " + result(5, TIME)],
        ask(5, "Heartbeat", {}, TIME),
        E,
        about="numbers",
    ),
    case(
        "RPC-008",
        [HEARTBEAT, "> " + call("2", "StatusNotification", STATUS_16)],
        [HEARTBEAT, '< [2,"c","ClearCache",{}]', HEARTBEAT_ANSWER, '> [3,"c",{"status":"Accepted"}]'],
        W,
        subject="cp-to-csms",
        events=[2, 3],
    ),
    case(
        "RPC-009",
        [HEARTBEAT, "> " + call("2", "StatusNotification", STATUS_2X)],
        [HEARTBEAT, '< [2,"c","ClearCache",{}]', HEARTBEAT_ANSWER, '> [3,"c",{"status":"Accepted"}]'],
        E,
        version="2.0.1",
    ),
    case(
        "RPC-009",
        ['< [2,"a","ClearCache",{}]', '< [2,"b","ClearCache",{}]'],
        [HEARTBEAT, "+30s", ask("2", "Heartbeat", {}, TIME)],
        E,
        also=["RPC-010"],
        about="not past the time-out",
        version="2.1",
        subject="csms-to-cp",
    ),
    case(
        "RPC-009",
        [HEARTBEAT, "> " + call("2", "StatusNotification", STATUS_2X)],
        [HEARTBEAT, "> " + json.dumps([6, "2", "NotifyPeriodicEventStream", STREAM]), HEARTBEAT_ANSWER],
        E,
        about="a Send may go at any time",
        version="2.1",
    ),
    case(
        "RPC-010",
        [HEARTBEAT, "+40s", closed()],
        [HEARTBEAT, "+29s"],
        W,
        about="the end of the capture excuses",
        subject="Heartbeat",
        events=[2, 3],
    ),
    case("RPC-010", [HEARTBEAT, "+30s"], ONE_HEARTBEAT, W, about="also at the end of the capture"),
    case("RPC-010", [HEARTBEAT, "+1s", closed()], ONE_HEARTBEAT, I, about="too early to tell"),
    case(
        "RPC-011",
        [HEARTBEAT, "+11s", HEARTBEAT_ANSWER],
        [HEARTBEAT, "+10s", HEARTBEAT_ANSWER],
        I,
        events=[2, 3],
    ),
    case(
        "RPC-012",
        [HEARTBEAT, "+31s", HEARTBEAT_ANSWER],
        [HEARTBEAT, "+30s", HEARTBEAT_ANSWER],
        W,
        events=[2, 3],
    ),
    case(
        "RPC-013",
        [HEARTBEAT, "< " + error("1", "NoSuchError")],
        [HEARTBEAT, "< " + error("1", "OccurenceConstraintViolation")],
        E,
        subject="NoSuchError",
    ),
    case(
        "RPC-013",
        [HEARTBEAT, "< " + error("1", "FormatViolation")],
        [HEARTBEAT, "< " + error("1", "FormationViolation")],
        W,
        about="spelling of 2.x",
    ),
    case(
        "RPC-014",
        [HEARTBEAT, "< " + error("1", "NoSuchError")],
        [HEARTBEAT, "< " + error("1", "MessageTypeNotSupported")],
        E,
        version="2.0.1",
    ),
    case(
        "RPC-014",
        [HEARTBEAT, "< " + error("1", "FormationViolation")],
        [HEARTBEAT, "< " + error("1", "RpcFrameworkError")],
        W,
        about="spelling of 1.6",
        version="2.1",
    ),
    case(
        "RPC-015",
        [HEARTBEAT, "< " + error("1", description="x" * 256)],
        [HEARTBEAT, "< " + error("1", description="x" * 255)],
        W,
        subject="errorDescription",
    ),
    case(
        "RPC-015",
        [HEARTBEAT, '< [4,"1","InternalError","",null]'],
        [HEARTBEAT, '< [4,"1","InternalError","",{"a":1}]'],
        W,
        about="details",
        subject="errorDetails",
    ),
    case("RPC-015", [HEARTBEAT, '< [4,"1","InternalError",null,{}]'], [], W, about="description null"),
    case(
        "RPC-016",
        [[f"> {call(str(i), 'Heartbeat')}", f"< {error(str(i))}"] for i in range(3)],
        [[f"> {call(str(i), 'Heartbeat')}", f"< {error(str(i))}"] for i in range(2)],
        W,
        subject="Heartbeat",
        events=[3, 5, 7],
    ),
    case(
        "RPC-016",
        [[f"> {call(str(i), 'Heartbeat')}", f"< {error(str(i))}"] for i in range(4)],
        [opened(late=True), [f"< {error(str(i))}" for i in range(4)]],
        W,
        about="not for what is unknown",
        count=2,
    ),
    case(
        "RPC-017",
        [HEARTBEAT, '< [3,"1",{"transactionId":5,"idTagInfo":{"status":"Accepted"}}]'],
        [HEARTBEAT, '< [3,"1",{"foo":5}]'],
        E,
        also=["SCH-required", "RPC-030"],
        subject="Heartbeat",
        events=[2, 3],
    ),
    case(
        "RPC-017",
        [HEARTBEAT, '< [3,"1",{"status":"Unlocked"}]'],
        ['< [2,"1","Reset",{"type":"Soft"}]', '> [3,"1",{"status":"NotSupported"}]'],
        E,
        also=["SCH-enum"],
        about="a wrong status is no mix-up",
    ),
    case(
        "RPC-018",
        '< [2,"1","Heartbeat",{}]',
        [ask("1", "DataTransfer", {"vendorId": "V"}, {"status": "Accepted"}, s) for s in "<>"],
        E,
        subject="Heartbeat",
    ),
    case("RPC-018", '> [2,"1","ClearCache",{}]', '< [2,"1","ClearCache",{}]', E, version="2.1"),
    case("RPC-019", '> [2,"1","Foo",{}]', ONE_HEARTBEAT, E, subject="Foo"),
    case("RPC-019", '> [2,"1","heartbeat",{}]', ONE_HEARTBEAT, E, about="lower case"),
    case("RPC-019", '> [2,"1","HeartbeatRequest",{}]', ONE_HEARTBEAT, W, about="suffix"),
    case("RPC-019", '> [2,"1","TransactionEvent",{}]', ONE_HEARTBEAT, W, about="of another version"),
    case("RPC-019", '> [2,"1","StartTransaction",{}]', ONE_HEARTBEAT, W, about="of 1.6", version="2.1"),
    case("RPC-019", '> [2,"1","Foo",null]', ONE_HEARTBEAT, E, about="with a null payload"),
    case(
        "RPC-020",
        "> "
        + call(
            "1",
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "serialNumber": None}},
        ),
        BOOT_2X,
        E,
        about="null",
        version="2.0.1",
        subject="BootNotification /chargingStation/serialNumber",
        count=1,
    ),
    case(
        "RPC-020",
        "> "
        + call(
            "1",
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "modem": {}}},
        ),
        BOOT_2X,
        E,
        about="{}",
        version="2.0.1",
        subject="BootNotification /chargingStation/modem",
    ),
    case(
        "RPC-020",
        "> " + call("1", "NotifyReport", REPORT | {"reportData": []}),
        "> " + call("1", "NotifyReport", REPORT),
        E,
        about="[]",
        version="2.1",
        subject="NotifyReport /reportData",
    ),
    case(
        "RPC-020",
        "< "
        + call(
            "1",
            "ReserveNow",
            {
                "id": 1,
                "expiryDateTime": "2026-11-22T11:00:00Z",
                "idToken": {"idToken": "A", "type": "Central"},
                "connectorType": None,
            },
        ),
        "< "
        + call(
            "1",
            "ReserveNow",
            {
                "id": 1,
                "expiryDateTime": "2026-11-22T11:00:00Z",
                "idToken": {"idToken": "A", "type": "Central"},
            },
        ),
        E,
        about="null in an enum is one thing",
        version="2.0.1",
        count=1,
    ),
    case(
        "RPC-020",
        "< "
        + call(
            "1",
            "GetVariables",
            {"getVariableData": [{"component": {"name": "C", "evse": {}}, "variable": {"name": "V"}}]},
        ),
        "< " + call("1", "GetChargingProfiles", {"requestId": 1, "chargingProfile": {}}),
        E,
        also=["SC-019"],
        about="a required field may be {}",
        version="2.0.1",
        subject="GetVariables /getVariableData/*/component/evse",
    ),
    case(
        "RPC-020",
        '> [2,"1","Heartbeat",{"customData":{}}]',
        ['> [2,"1","Heartbeat",{"customData":{"vendorId":"V","more":{},"deep":{"x":{}}}}]', HEARTBEAT_ANSWER],
        E,
        about="what a vendor puts into customData is his",
        version="2.1",
    ),
    case("RPC-021", ['> [2,"1","Heartbeat",null]', HEARTBEAT_ANSWER], ONE_HEARTBEAT, I),
    case(
        "RPC-021",
        ['< [2,"1","Reset",{"type":"Soft"}]', '> [3,"1",null]'],
        ONE_HEARTBEAT,
        I,
        about="in a result",
    ),
    case(
        "RPC-022",
        ['> [2,"1","StatusNotification",{"connectorId":1}]', '< [3,"1",{}]'],
        [
            '> [2,"1","StatusNotification",{"connectorId":1}]',
            "< " + error("1", "OccurenceConstraintViolation"),
        ],
        E,
        also=["SCH-required"],
        subject="StatusNotification",
        events=[2, 3],
    ),
    case(
        "RPC-022",
        ['< [2,"1","Reset",{"type":"soft"}]', '> [3,"1",{"status":"Accepted"}]'],
        ['< [2,"1","Reset",{"type":"soft"}]', '> [3,"1",{"status":"Rejected"}]'],
        E,
        also=["SCH-enum"],
        about="a status that refuses is no acceptance",
    ),
    case(
        "RPC-022",
        ['> [2,"1","Heartbeat",{"customData":5}]', HEARTBEAT_ANSWER],
        ['> [2,"1","Heartbeat",{"customData":{"x":1}}]', HEARTBEAT_ANSWER],
        E,
        about="nobody needs to refuse customData without a vendor",
        version="2.0.1",
    ),
    case(
        "RPC-023",
        ['< [2,"1","ClearCache",{}]', "> " + error("1", "FormatViolation")],
        ['< [2,"1","ClearCache",{}]', "> " + error("1", "InternalError")],
        W,
        version="2.0.1",
        events=[2, 3],
    ),
    case(
        "RPC-023",
        ['< [2,"1","ClearCache",{}]', "> " + error("1", "GenericError")],
        [HEARTBEAT, "< " + error("1", "GenericError")],
        W,
        about="where there is a status",
        version="2.1",
    ),
    case(
        "RPC-024",
        ['< [2,"1","Reset",{"type":"Soft"}]', "> " + error("1", "NotSupported")],
        [
            "< " + call("1", "ReserveNow", RESERVE),
            "> " + error("1", "NotSupported"),
        ],
        W,
        about="core",
        events=[2, 3],
    ),
    case(
        "RPC-024",
        [
            ask("1", "GetLocalListVersion", {}, {"listVersion": 1}, "<"),
            ['< [2,"2","GetLocalListVersion",{}]', "> " + error("2", "NotImplemented")],
        ],
        [
            ['< [2,"2","GetLocalListVersion",{}]', "> " + error("2", "NotImplemented")],
            ask("3", "GetLocalListVersion", {}, {"listVersion": 1}, "<"),
        ],
        W,
        about="accepted earlier",
    ),
    case(
        "RPC-024",
        [
            '< [2,"1","GetVariables",{"getVariableData":[{"component":{"name":"C"},"variable":{"name":"V"}}]}]',
            "> " + error("1", "NotImplemented"),
        ],
        ['< [2,"1","Heartbeat",{}]', "> " + error("1", "NotSupported")],
        W,
        also=["RPC-018"],
        about="refusing what came in the wrong direction is right",
        version="2.0.1",
    ),
    case(
        "RPC-025",
        [HEARTBEAT, "< " + error("-1", "RpcFrameworkError")],
        [HEARTBEAT, "< " + error("1")],
        I,
        version="2.0.1",
    ),
    case("RPC-025", [HEARTBEAT, "< " + error("-1", "FormationViolation")], [], I, about="1.6"),
    case(
        "RPC-026",
        ["> " + json.dumps([6, "s", "NotifyPeriodicEventStream", STREAM]), '< [3,"s",{}]'],
        ["> " + json.dumps([6, "s", "NotifyPeriodicEventStream", STREAM])],
        E,
        version="2.1",
        events=[2, 3],
    ),
    case(
        "RPC-026",
        ["> " + json.dumps([6, "s", "NotifyPeriodicEventStream", STREAM]), "< " + error("s", "NotSupported")],
        [],
        E,
        about="CallError",
        version="2.1",
    ),
    case(
        "RPC-027",
        '> [6,"1","Heartbeat",{}]',
        "> " + json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM]),
        E,
        version="2.1",
        subject="Heartbeat",
    ),
    case(
        "RPC-027",
        "> " + call("1", "NotifyPeriodicEventStream", STREAM),
        ONE_HEARTBEAT,
        E,
        about="as a Call",
        version="2.1",
    ),
    case(
        "RPC-028",
        [ONE_HEARTBEAT, '> [5,"2","InternalError","",{}]'],
        [ONE_HEARTBEAT, '> [5,"1","InternalError","",{}]'],
        E,
        version="2.1",
    ),
    case(
        "RPC-028",
        [ONE_HEARTBEAT, '< [5,"1","InternalError","",{}]'],
        [ask("1", "ClearCache", {}, {"status": "Accepted"}, "<"), '< [5,"1","InternalError","",{}]'],
        E,
        about="of the wrong side",
        version="2.1",
    ),
    case(
        "RPC-029",
        ["< " + call("1", "GetBaseReport", BASE), "> " + call("2", "NotifyReport", REPORT)],
        [ask("1", "GetBaseReport", BASE, {"status": "Accepted"}, "<"), ask("2", "NotifyReport", REPORT)],
        E,
        version="2.0.1",
        events=[2, 3],
    ),
    case(
        "RPC-029",
        ["< " + call("1", "GetBaseReport", BASE), "> " + call("2", "NotifyReport", REPORT)],
        [
            "< " + call("1", "GetBaseReport", BASE),
            "> " + call("2", "NotifyReport", REPORT | {"requestId": 8}),
        ],
        E,
        about="of another request",
        version="2.1",
    ),
    case("RPC-030", '> [2,"1","Heartbeat",{"a":1}]', ONE_HEARTBEAT, W, subject="Heartbeat /a"),
    case(
        "RPC-030",
        '> [2,"1","Heartbeat",{"a":1,"b":2}]',
        ['> [2,"1","Heartbeat",{"customData":{"vendorId":"V","a":1}}]', HEARTBEAT_ANSWER],
        W,
        version="2.0.1",
    ),
    case("RPC-031", signed(protected=None), signed(), W, version="2.0.1"),
    case(
        "RPC-031",
        signed(signature=None),
        signed(header={"alg": "RS256"}),
        W,
        about="signature",
        version="2.0.1",
    ),
    case(
        "RPC-031",
        signed(header={"alg": "none"}),
        signed(header={"alg": "RS384"}),
        W,
        about="alg",
        version="2.1",
    ),
    case("RPC-031", signed(header={"x5t#S256": None}), signed(), W, about="no key", version="2.1"),
    case("RPC-031", signed(protected="?"), signed(), W, about="no base64", version="2.1"),
    case("RPC-031", signed(protected="W10"), signed(), W, about="an array", version="2.1"),
    case(
        "RPC-032",
        ['> [2,"1","Heartbeat",{"customData":{"x":1}}]', HEARTBEAT_ANSWER],
        ['> [2,"1","Heartbeat",{"customData":{"vendorId":"V"}}]', HEARTBEAT_ANSWER],
        I,
        version="2.0.1",
        subject="Heartbeat /customData/vendorId",
    ),
    case("RPC-032", '> [2,"1","Heartbeat",{"customData":{"x":1}}]', [], I, version="2.1"),
    case("RPC-033", '> [2,"1","Heartbeat",{"a":1,"a":2}]', ONE_HEARTBEAT, E, subject="a"),
    case("RPC-033", '> [2,"1","Heartbeat",{"a":{"b":1,"b":2}}]', [], E, about="nested", version="2.1"),
    case(
        "RPC-034",
        ["> " + '[2,"1","DataTransfer",{"vendorId":"V","data":18446744073709551616}]'],
        ["> " + '[2,"1","DataTransfer",{"vendorId":"V","data":18446744073709551615}]'],
        E,
        version="2.0.1",
    ),
    case("RPC-034", '> [2,-9223372036854775809,"Heartbeat",{}]', [], E, about="id"),
    case("RPC-035", '> [2,"1","Heartbeat",' + '{"a":' * 600 + "1" + "}" * 600 + "]", [], E),
    case(
        "RPC-035",
        '> [2,"1","DataTransfer",{"vendorId":"V","data":' + "[" * 511 + "]" * 511 + "}]",
        '> [2,"1","DataTransfer",{"vendorId":"V","data":' + "[" * 510 + "]" * 510 + "}]",
        E,
        version="2.0.1",
    ),
    case(
        "RPC-036",
        "> " + call("1", "BootNotification", BOOT_OF["2.0.1"]),
        "> " + call("1", "BootNotification", BOOT_OF["1.6"]),
        W,
        subject="BootNotification",
    ),
    case(
        "RPC-036",
        "> " + call("1", "BootNotification", BOOT_OF["1.6"]),
        "> " + call("1", "BootNotification", BOOT_OF["2.0.1"]),
        W,
        version="2.1",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


@pytest.mark.parametrize("message_id", [-1, 5, None, [1]])
def test_ids_are_shown_as_they_are(message_id):
    found = findings_of(
        "< " + result(message_id), "< " + json.dumps([5, message_id, "X", "", {}]), version="2.1"
    )
    for rule in ("RPC-006", "RPC-028"):
        assert f"the id {message_id!r} " in found[rule].detail


# --- what a partial capture could fake ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "pieces", "version"),
    [
        ("RPC-006", [opened(late=True), '< [3,"2",{}]'], "1.6"),
        ("RPC-006", [gap("<"), '< [3,"2",{}]'], "1.6"),
        ("RPC-006", [damaged("tls"), '< [3,"2",{}]'], "1.6"),
        ("RPC-006", [damaged("deflate"), '< [3,"2",{}]'], "1.6"),
        ("RPC-006", ["> [2,", '< [3,"2",{}]'], "1.6"),
        ("RPC-008", [gap("<"), HEARTBEAT, "> " + call("2", "StatusNotification", STATUS_16)], "1.6"),
        ("RPC-009", [gap("<"), HEARTBEAT, "> " + call("2", "StatusNotification", STATUS_2X)], "2.0.1"),
        ("RPC-009", [HEARTBEAT, "< [3,", "> " + call("2", "StatusNotification", STATUS_2X)], "2.0.1"),
        ("RPC-009", [HEARTBEAT, damaged("deflate", side="<"), '> [2,"2","Heartbeat",{}]'], "2.0.1"),
        ("RPC-010", [gap("<"), HEARTBEAT, "+60s", closed()], "1.6"),
        ("RPC-028", [gap("<"), '> [5,"1","InternalError","",{}]'], "2.1"),
        ("RPC-028", [opened(late=True), '> [5,"1","InternalError","",{}]'], "2.1"),
        (
            "RPC-029",
            ["< " + call("1", "GetBaseReport", BASE), gap(), "> " + call("2", "NotifyReport", REPORT)],
            "2.0.1",
        ),
    ],
)
@pytest.mark.parametrize("profile", ["strict", "field"])
def test_only_informs_where_something_is_missing(rule, pieces, version, profile):
    assert findings_of(*pieces, version=version, profile=profile)[rule].severity == I


def test_unreadable_message_excuses_one_orphan_only():
    found = judged("> [2,", '< [3,"2",{}]', '< [3,"3",{}]', only=["RPC-006"])
    assert [(finding.severity, finding.events) for finding in found] == [(I, [3]), (E, [4])]


def test_unreadable_message_of_the_other_side_excuses_nothing():
    assert findings_of("< [2,", '< [3,"2",{}]')["RPC-006"].severity == E


def test_reuse_in_the_session_outweighs_reuse_across_sessions():
    """The first sighting is a warning in 1.6, the second an error: two findings."""
    pieces = [
        ask("1", "Heartbeat", {}, TIME),
        [closed(), opened()],
        ask("1", "StatusNotification", STATUS_16),
        ask("1", "Authorize", {"idTag": "A"}, {"idTagInfo": {"status": "Accepted"}}),
    ]
    found = judged(*pieces, only=["RPC-004"])
    assert [(finding.severity, finding.count) for finding in found] == [(W, 1), (E, 1)]


def test_a_retry_is_compared_with_the_last_message_of_that_id():
    pieces = [
        ask("1", "Heartbeat", {}, TIME),
        [closed(), opened()],
        ask("1", "StatusNotification", STATUS_16),
        [closed(), opened()],
        ask("1", "StatusNotification", STATUS_16),
    ]
    assert [f.rule.id for f in judged(*pieces, skip=["BOOT-001"])] == ["RPC-004", "RPC-005"]


def test_both_sides_use_the_same_ids():
    pieces = [ask("1", "Heartbeat", {}, TIME), ask("1", "ClearCache", {}, {"status": "Accepted"}, "<")]
    assert not judged(*pieces, skip=["BOOT-001"])


def test_two_stations_use_the_same_ids_at_once():
    pieces = [opened(), opened(station="CP002"), on(1), HEARTBEAT, on(2), HEARTBEAT, HEARTBEAT_ANSWER]
    assert not judged(*pieces, on(1), HEARTBEAT_ANSWER, skip=["BOOT-001"])


def test_small_numbers_are_different_ids():
    found = findings_of(*[ask(i, "Heartbeat", {}, TIME) for i in range(1, 50)], skip=["BOOT-001"])
    assert set(found) == {"RPC-003"}
    assert found["RPC-003"].count == 98 // 2


def test_no_times_and_no_answer_at_the_end_of_the_capture():
    found = findings_of(ask("1", "Heartbeat", {}, TIME), '> [2,"2","Heartbeat",{}]', timeless=True)
    assert "RPC-010" not in found


def test_no_times_and_no_answer_until_the_close():
    found = findings_of('> [2,"2","Heartbeat",{}]', closed(), timeless=True)
    assert found["RPC-010"].severity == I


def test_null_stands_for_an_empty_payload():
    found = findings_of('> [2,"1","BootNotification",null]')
    assert found["SCH-required"].severity == E
    assert found["RPC-021"].severity == I


@exercises("RPC-018")
def test_an_action_in_the_wrong_direction_is_still_checked():
    found = findings_of('> [2,"1","Reset",{"type":"Warm"}]')
    assert {"RPC-018", "SCH-enum"} <= set(found)


def test_a_result_error_is_no_orphan_where_the_version_was_concluded():
    pieces = [
        opened(version=None),
        "> " + call("n", "NotifyReport", REPORT),
        '< [3,"n",{}]',
        '> [5,"n","InternalError","",{}]',
    ]
    found = findings_of(*pieces)
    assert "RPC-028" not in found
    assert "RPC-002" not in found


def test_boot_of_all_versions_is_clean():
    assert not judged(BOOT_16)
    assert not judged(BOOT_2X, version="2.0.1")
    assert not judged(BOOT_2X, version="2.1")
