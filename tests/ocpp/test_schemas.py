import json

import pytest

from ocppscope.events import CALL, CALLERROR, CALLRESULT, SEND
from ocppscope.ocpp import schemas
from ocppscope.ocpp.actions import BY_SENDER, actions_of
from tests.rules.sessions import NOW, call, messages

ALL = [(version, action) for version in BY_SENDER for action in sorted(actions_of(version))]


def broken(version, action, payload, kind=CALL):
    validator = schemas.validator(version, kind, action)
    return [(v.keyword, v.pointer) for v in schemas.violations(validator, payload)]


@pytest.mark.parametrize(("version", "action"), ALL)
def test_every_schema_loads_and_compiles(version, action):
    if action == "NotifyPeriodicEventStream":
        assert schemas.validator(version, SEND, action) is not None
        assert schemas.validator(version, CALL, action) is None
        assert schemas.validator(version, CALLRESULT, action) is None
        return
    for kind in (CALL, CALLRESULT):
        assert schemas.schema(version, kind, action)["type"] == "object"
        validator = schemas.validator(version, kind, action)
        assert validator is schemas.validator(version, kind, action)
        assert not validator.is_valid([])
        for path in schemas.date_times(version, kind, action):
            assert path
    assert schemas.validator(version, CALLERROR, action) is None


@pytest.mark.parametrize(
    "action", ["", "Foo", "heartbeat", "../v16/schemas/Heartbeat", "Heartbeat\x00", "x" * 5_000]
)
@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_unknown_actions(version, action):
    for kind in (CALL, CALLRESULT, SEND, CALLERROR):
        assert schemas.schema(version, kind, action) is None
        assert schemas.validator(version, kind, action) is None
        assert schemas.date_times(version, kind, action) == ()


@pytest.mark.parametrize("version", ["1.2", "1.5", "2.0", ""])
def test_unknown_versions(version):
    assert schemas.validator(version, CALL, "Heartbeat") is None


def limits(limit):
    period = {"startPeriod": 0, "limit": limit}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
        },
    }


@pytest.mark.parametrize("limit", [tenths / 10 for tenths in range(1_001)] + [21.4, 1e6, 6553.5])
def test_multiples_of_a_tenth(limit):
    assert broken("1.6", "SetChargingProfile", limits(limit)) == []


@pytest.mark.parametrize("limit", [21.44, 0.05, 1.0001])
def test_other_multiples(limit):
    (violation,) = broken("1.6", "SetChargingProfile", limits(limit))
    assert violation == ("multipleOf", "/csChargingProfiles/chargingSchedule/chargingSchedulePeriod/0/limit")


VARIABLE = {"component": {"name": "C"}, "variable": {"name": "V"}}


@pytest.mark.parametrize(
    ("version", "action", "payload", "violation"),
    [
        ("1.6", "Authorize", {"idTag": 5}, ("type", "/idTag")),
        ("1.6", "Authorize", {}, ("required", "/idTag")),
        ("1.6", "Authorize", {"idTag": "x" * 21}, ("maxLength", "/idTag")),
        ("1.6", "Authorize", {"idTag": "A", "a/b~c": 1}, ("additionalProperties", "/a~1b~0c")),
        ("1.6", "Reset", {"type": "soft"}, ("enum", "/type")),
        ("2.0.1", "GetVariables", {"getVariableData": []}, ("minItems", "/getVariableData")),
        (
            "2.0.1",
            "GetVariables",
            {"getVariableData": [VARIABLE, {}]},
            ("required", "/getVariableData/1/component"),
        ),
        (
            "2.0.1",
            "GetVariables",
            {"getVariableData": [VARIABLE | {"attributeType": ""}]},
            ("enum", "/getVariableData/0/attributeType"),
        ),
        (
            "2.1",
            "SetVariables",
            {"setVariableData": [VARIABLE | {"attributeValue": "x" * 2501}]},
            ("maxLength", "/setVariableData/0/attributeValue"),
        ),
        ("2.1", "GetVariables", [], ("type", "")),
    ],
)
def test_violations_and_where(version, action, payload, violation):
    assert violation in broken(version, action, payload)


def test_a_violation_says_what_stands_there_and_what_should():
    validator = schemas.validator("1.6", CALL, "Reset")
    (one,) = schemas.violations(validator, {"type": "soft"})
    assert one.value == "soft"
    assert one.constraint == ["Hard", "Soft"]
    assert one.detail == '/type is "soft": it must be one of Hard, Soft; Soft may be meant'
    (one,) = schemas.violations(validator, {})
    assert (one.value, one.detail) == ("type", "the payload lacks 'type'")
    (one,) = schemas.violations(validator, {"type": "Soft", "x": 1})
    assert one.value == "x"


def test_long_values_are_cut():
    (one,) = schemas.violations(schemas.validator("1.6", CALL, "Reset"), {"type": "x" * 10_000})
    assert len(one.detail) < 200


def test_violations_are_bounded():
    validator = schemas.validator("1.6", CALL, "Heartbeat")
    payload = {f"x{number}": 1 for number in range(1_000)}
    assert len(schemas.violations(validator, payload)) == schemas.MAX_VIOLATIONS


def test_formats_are_left_to_the_rules():
    assert broken("1.6", "Heartbeat", {"currentTime": "yesterday"}, CALLRESULT) == []


@pytest.mark.parametrize("depth", [250, 300, 500, 511])
def test_deep_payloads(depth):
    deep = json.loads("[" * depth + "]" * depth)
    validator = schemas.validator("2.1", CALL, "DataTransfer")
    assert schemas.fits(validator, {"vendorId": "V", "data": deep})
    assert isinstance(schemas.violations(validator, {"vendorId": deep, "data": deep}), tuple)


# --- what the schemas tell of fields ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "kind", "action", "paths"),
    [
        ("1.6", CALL, "Heartbeat", set()),
        ("1.6", CALLRESULT, "Heartbeat", {("currentTime",)}),
        ("1.6", CALL, "StatusNotification", {("timestamp",)}),
        ("1.6", CALL, "MeterValues", {("meterValue", "*", "timestamp")}),
        ("1.6", CALL, "StopTransaction", {("timestamp",), ("transactionData", "*", "timestamp")}),
        ("1.6", CALLRESULT, "Authorize", {("idTagInfo", "expiryDate")}),
        ("1.6", CALL, "GetDiagnostics", {("startTime",), ("stopTime",)}),
        ("2.0.1", CALL, "TransactionEvent", {("timestamp",), ("meterValue", "*", "timestamp")}),
        (
            "2.0.1",
            CALL,
            "UpdateFirmware",
            {("firmware", "retrieveDateTime"), ("firmware", "installDateTime")},
        ),
        ("2.0.1", CALL, "NotifyReport", {("generatedAt",)}),
        ("2.1", SEND, "NotifyPeriodicEventStream", {("basetime",)}),
    ],
)
def test_date_times(version, kind, action, paths):
    assert set(schemas.date_times(version, kind, action)) == paths


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [("", "/"), ("/a", "/a"), ("/a/0/b", "/a/*/b"), ("/0", "/*"), ("/a/10/20", "/a/*/*"), ("/a1", "/a1")],
)
def test_general(pointer, shown):
    assert schemas.general(pointer) == shown


def test_pointer_of():
    assert schemas.pointer_of(["a", 0, "b/c", "~"]) == "/a/0/b~1c/~0"
    assert schemas.pointer_of([]) == ""


@pytest.mark.parametrize(
    ("action", "pointer", "optional"),
    [
        ("TransactionEvent", "/evse", True),
        ("TransactionEvent", "/timestamp", False),
        ("TransactionEvent", "/evse/id", False),
        ("TransactionEvent", "/evse/connectorId", True),
        ("TransactionEvent", "/meterValue", True),
        ("TransactionEvent", "/meterValue/*", False),
        ("TransactionEvent", "/meterValue/0/sampledValue/*/unitOfMeasure", True),
        ("TransactionEvent", "/noSuchField", False),
        ("TransactionEvent", "/customData/free", False),
        ("DataTransfer", "/data", True),
        ("DataTransfer", "/data/free", False),
        ("GetChargingProfiles", "/chargingProfile", False),
        ("NoSuchAction", "/a", False),
    ],
)
def test_is_optional(action, pointer, optional):
    (message,) = messages("> " + call("1", action), version="2.0.1")
    assert schemas.is_optional(message, pointer) is optional


def test_is_optional_without_a_schema():
    (message,) = messages('> [2,"1",["odd"],{}]', version="2.0.1")
    assert not schemas.is_optional(message, "/a/b")


def test_examples_of_the_standard_fit():
    meter = {
        "meterValue": [{"timestamp": NOW, "sampledValue": [{"value": "1", "unit": "Celsius"}]}],
        "connectorId": 1,
    }
    assert broken("1.6", "MeterValues", meter) == []


def test_of_a_large_payload_the_first_violation_is_told():
    wrong = {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": [{"value": 1}] * 5}]}
    of = schemas.validator("1.6", CALL, "MeterValues")
    assert len(schemas.violations(of, wrong, 1 << 16)) == 5
    (first,) = schemas.violations(of, wrong, (1 << 16) + 1)
    assert first.pointer == "/meterValue/0/sampledValue/0/value"
