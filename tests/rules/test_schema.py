"""SCH: one rule for each keyword, in every version that has the keyword."""

import pytest

from ocppscope.events import Violation
from ocppscope.ocpp import schemas
from ocppscope.rules import schema
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    EXERCISED,
    NOW,
    ask,
    call,
    case,
    exercises,
    findings_of,
    messages,
    result,
)

E = "error"
PROFILE_16 = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 21.4}],
    },
}
STATUS_16 = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
SAMPLE = {"timestamp": NOW, "sampledValue": [{"value": 1}]}
EV_NEEDS = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}


def profile(limit):
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    chosen = {"connectorId": 1, "csChargingProfiles": PROFILE_16 | {"chargingSchedule": schedule}}
    return ask("p", "SetChargingProfile", chosen, {"status": "Accepted"}, "<")


def status(**changes):
    return ["> " + call("s", "StatusNotification", STATUS_16 | changes)]


def tag(text):
    return ask("a", "Authorize", {"idTag": text}, {"idTagInfo": {"status": "Accepted"}})


def set_variables(**changes):
    data = {"attributeValue": "1", "component": {"name": "C"}, "variable": {"name": "V"}} | changes
    return ["< " + call("v", "SetVariables", {"setVariableData": [data]})]


def event_data(count):
    return ["< " + call("v", "SetVariables", {"setVariableData": [{}] * count})]


def soc(value):
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": {"evMaxCurrent": 1, "evMaxVoltage": 1}}
    needs["dcChargingParameters"]["stateOfCharge"] = value
    return ["> " + call("n", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs})]


CASES = [
    case("SCH-type", status(connectorId="1"), status(), E, subject="StatusNotification /connectorId"),
    case("SCH-type", set_variables(attributeValue=1), set_variables(), E, version="2.0.1"),
    case("SCH-type", status(info=None), status(info=""), E, about="null, in 1.6"),
    case("SCH-required", '> [2,"1","StatusNotification",{}]', status(), E, events=[2]),
    case(
        "SCH-required",
        ask("1", "ClearCache", {}, {}, "<"),
        ask("1", "ClearCache", {}, {"status": "Accepted"}, "<"),
        E,
        version="2.1",
        about="in a result",
        subject="ClearCache /status",
    ),
    case(
        "SCH-required",
        '> [2,"1","Authorize",{"idToken":{}}]',
        BOOT_2X,
        E,
        version="2.0.1",
        about="a required field that is {}",
        events=[2],
    ),
    case("SCH-enum", status(status="available"), status(), E, subject="StatusNotification /status"),
    case(
        "SCH-enum",
        set_variables(attributeType="actual"),
        set_variables(attributeType="Actual"),
        E,
        version="2.1",
        subject="SetVariables /setVariableData/*/attributeType",
    ),
    case("SCH-maxLength", tag("x" * 21), tag("x" * 20), E, subject="Authorize /idTag"),
    case(
        "SCH-maxLength",
        set_variables(component={"name": "x" * 51}),
        set_variables(component={"name": "x" * 50}),
        E,
        version="2.0.1",
    ),
    case("SCH-maxLength", tag("é" * 21), tag("é" * 20), E, about="characters, not bytes"),
    case(
        "SCH-minItems",
        event_data(0),
        set_variables(),
        E,
        version="2.0.1",
        about="a required array",
        subject="SetVariables /setVariableData",
    ),
    case("SCH-minItems", event_data(0), set_variables(), E, version="2.1", about="a required array in 2.1"),
    case(
        "SCH-multipleOf",
        profile(21.44),
        profile(21.4),
        E,
        also=["SC-007"],
        subject="SetChargingProfile /csChargingProfiles/chargingSchedule/chargingSchedulePeriod/*/limit",
    ),
    *(
        case("SCH-multipleOf", profile(0.05), profile(limit), E, also=["SC-007"], about=str(limit))
        for limit in (0.1, 0.3, 16, 32.0, 63.7, 1e3)
    ),
    case("SCH-minimum", soc(-1), soc(0), E, version="2.0.1"),
    case("SCH-minimum", soc(-1), soc(50), E, version="2.1"),
    case("SCH-maximum", soc(101), soc(100), E, version="2.0.1"),
    case("SCH-maximum", soc(101), soc(99), E, version="2.1"),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def max_items(version, count):
    period = {"startPeriod": 0, "limit": 1.0}
    schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    needs = {
        "timeBase": NOW,
        "evseId": 1,
        "chargingSchedule": schedule | {"chargingSchedulePeriod": [period] * count},
    }
    return findings_of("> " + call("1", "NotifyEVChargingSchedule", needs), version=version)


@exercises("SCH-maxItems")
@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_max_items(version):
    assert max_items(version, 1025)["SCH-maxItems"].severity == E
    assert "SCH-maxItems" not in max_items(version, 1024)


@exercises("SCH-const", "SCH-minLength", "SCH-other")
@pytest.mark.parametrize("keyword", ["const", "minLength", "other", "pattern"])
def test_keywords_that_no_schema_has_today(keyword):
    """The function is given a violation by hand."""
    message = messages('> [2,"1","Heartbeat",{"a":1}]')[0]
    message.violations = (Violation(keyword, "/a", 1, 2, "/a is 1"),)
    rule = keyword if keyword in schema.KEYWORDS else "other"
    (report,) = schema._check(rule)(message, None)
    assert report.subject == "Heartbeat /a"
    assert not schema._check("type")(message, None)


def test_every_keyword_of_every_schema_has_a_rule():
    known = set(schema.KEYWORDS) | {"additionalProperties"}
    ignored = {"$schema", "$id", "id", "title", "definitions", "properties", "description", "javaType", "comment",
               "$comment", "default", "format", "items", "$ref", "additionalItems"}  # fmt: skip
    found = set()

    def walk(node, *, names=False):
        for key, child in node.items():
            if not names:
                found.add(key)
            if isinstance(child, dict) and key != "default":
                walk(child, names=not names and key in ("properties", "definitions"))

    for version in ("1.6", "2.0.1", "2.1"):
        for action in schemas.actions_of(version):
            for kind in (2, 3):
                walk(schemas.schema(version, kind, action) or {})
    assert found <= known | ignored


def test_findings_of_all_items_of_an_array_are_one():
    data = {"attributeValue": 1, "component": {"name": "C"}, "variable": {"name": "V"}}
    found = findings_of("< " + call("v", "SetVariables", {"setVariableData": [data] * 5}), version="2.0.1")
    assert found["SCH-type"].count == 5
    assert found["SCH-type"].subject == "SetVariables /setVariableData/*/attributeValue"
    assert found["SCH-type"].events == [2]


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"serialNumber": None}, {"RPC-020"}),
        ({"modem": {}}, {"RPC-020"}),
        ({"customData": {"x": 1}}, {"RPC-032"}),
        ({"customData": {}}, {"RPC-020", "RPC-032"}),
        ({"extra": 1}, {"RPC-030"}),
        ({"model": None}, {"SCH-type"}),
        ({"model": "x" * 21}, {"SCH-maxLength"}),
    ],
)
def test_one_departure_is_one_rules_business(changes, rules):
    station = {"vendorName": "V", "model": "M"} | changes
    found = findings_of(
        "> " + call("b", "BootNotification", {"reason": "PowerUp", "chargingStation": station}), version="2.1"
    )
    assert set(found) == rules


def test_an_empty_object_in_an_optional_field_lacks_nothing_else():
    token = {"idToken": "A", "type": "Central"}
    transaction = {
        "eventType": "Started",
        "timestamp": NOW,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T"},
        "idToken": token,
        "evse": {},
    }
    found = findings_of("> " + call("t", "TransactionEvent", transaction), version="2.0.1")
    assert set(found) == {"RPC-020"}


def test_results_are_validated_too():
    found = findings_of('> [2,"1","Heartbeat",{}]', "< " + result("1", {"currentTime": 5}))
    assert found["SCH-type"].events == [3]


def test_orphans_are_not_validated():
    assert set(findings_of("< " + result("1", {"currentTime": 5}))) == {"RPC-006"}


def test_all_keywords_are_exercised():
    assert {f"SCH-{keyword}" for keyword in schema.KEYWORDS} <= EXERCISED


def test_clean():
    assert not findings_of(BOOT_16, tag("A"))
