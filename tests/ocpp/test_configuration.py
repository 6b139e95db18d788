import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION, Message, Session
from ocppscope.ocpp.configuration import Place, Setting, settings_told
from tests.ocpp.test_lenient import JSON
from tests.rules.sessions import ask, call, messages, result


def told(*pieces, **options):
    return [setting for message in messages(*pieces, **options) for setting in settings_told(message)]


def variable(name, component="OCPPCommCtrlr", **more):
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def test_keys_that_were_asked_for():
    entries = [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
        {"key": "AuthorizationKey", "readonly": False},
    ]
    assert told(ask("1", "GetConfiguration", {}, {"configurationKey": entries}, side="<")) == [
        Setting("HeartbeatInterval", "300", mutability="ReadWrite"),
        Setting("NumberOfConnectors", "2", mutability="ReadOnly"),
        Setting("AuthorizationKey", None, mutability="ReadWrite"),
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Accepted", [Setting("A", "1")]),
        ("RebootRequired", [Setting("A", "1", is_pending=True)]),
        ("Rejected", []),
        ("NotSupported", []),
    ],
)
def test_a_key_that_was_set_counts_where_the_station_took_it(status, expected):
    asked = {"key": "A", "value": "1"}
    assert told(ask("1", "ChangeConfiguration", asked, {"status": status}, side="<")) == expected


def test_an_answer_without_its_call_says_nothing_of_what_was_set():
    assert told("> " + result("1", {"status": "Accepted"})) == []


def test_variables_that_were_asked_for():
    results = [
        variable("HeartbeatInterval", attributeStatus="Accepted", attributeValue="300"),
        variable("Unknown", attributeStatus="UnknownVariable"),
        variable(
            "HeartbeatInterval", attributeStatus="Accepted", attributeValue="900", attributeType="MaxSet"
        ),
    ]
    found = told(ask("1", "GetVariables", {}, {"getVariableResult": results}, side="<"), version="2.0.1")
    place = Place("OCPPCommCtrlr")
    assert found == [
        Setting("HeartbeatInterval", "300", place),
        Setting("HeartbeatInterval", "900", place, attribute="MaxSet"),
    ]


def test_variables_that_were_set_are_told_apart_by_name_not_by_order():
    asked = [
        variable("A", attributeValue="1"),
        variable("B", attributeValue="2"),
        variable("C", attributeValue="3"),
    ]
    results = [
        variable("C", attributeStatus="Accepted"),
        variable("A", attributeStatus="Rejected"),
        variable("B", attributeStatus="RebootRequired"),
    ]
    payloads = {"setVariableData": asked}, {"setVariableResult": results}
    assert told(ask("1", "SetVariables", *payloads, side="<"), version="2.1") == [
        Setting("C", "3", Place("OCPPCommCtrlr")),
        Setting("B", "2", Place("OCPPCommCtrlr"), is_pending=True),
    ]


def test_a_report_says_place_unit_and_limits():
    entry = {
        "component": {"name": "EVSE", "instance": "left", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "Power", "instance": "L1"},
        "variableAttribute": [
            {"value": "11000", "mutability": "ReadOnly"},
            {"type": "MaxSet", "value": "22000"},
        ],
        "variableCharacteristics": {
            "unit": "W",
            "dataType": "decimal",
            "minLimit": 0,
            "maxLimit": 22000.5,
            "valuesList": "a,b",
            "supportsMonitoring": True,
        },
    }
    asked = {"requestId": 1, "generatedAt": "2026-11-22T10:15:00Z", "seqNo": 0, "reportData": [entry]}
    actual, most = told("> " + call("1", "NotifyReport", asked), version="2.0.1")
    limits = {"unit": "W", "data_type": "decimal", "least": 0, "most": 22000.5, "choices": "a,b"}
    place = Place("EVSE", "left", 2, 1)
    assert actual == Setting("Power", "11000", place, "L1", mutability="ReadOnly", **limits)
    assert most == Setting("Power", "22000", place, "L1", "MaxSet", mutability="ReadWrite", **limits)
    assert actual.key != most.key


def test_what_the_csms_sends_says_nothing():
    payload = {"configurationKey": [{"key": "A", "readonly": True, "value": "1"}]}
    assert told(ask("1", "GetConfiguration", {}, payload)) == []


ACTIONS = st.sampled_from(
    ["GetConfiguration", "ChangeConfiguration", "GetVariables", "SetVariables", "NotifyReport"]
)
ENTRY = st.dictionaries(
    st.sampled_from(
        "key value readonly component variable attributeValue attributeStatus attributeType variableAttribute "
        "variableCharacteristics name instance evse id".split()
    ),
    JSON | st.sampled_from(["Accepted", {"name": "x"}, [{}]]),
)
PAYLOAD = JSON | st.dictionaries(
    st.sampled_from(
        "configurationKey status getVariableResult setVariableData setVariableResult reportData key value".split()
    ),
    JSON | st.lists(ENTRY | JSON) | st.just("Accepted"),
)


@given(ACTIONS, st.sampled_from([2, 3]), PAYLOAD, PAYLOAD)
def test_any_payload_can_be_read(action, kind, payload, asked):
    session = Session(1, station="CP")
    made = Message(session, 0, FROM_CSMS, 2, "1", action, asked, "", 1)
    message = Message(
        session, 0, FROM_STATION, kind, "1", action, payload, "", 2, call=made if kind == 3 else None
    )
    for setting in settings_told(message):
        assert isinstance(setting.name, str)
        hash(setting.key)
