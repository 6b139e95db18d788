"""What a played side answers to Calls that no capture shows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import CALLRESULT, FROM_CSMS, FROM_STATION
from ocppscope.ocpp.actions import BY_SENDER, SENT_UNANSWERED
from ocppscope.ocpp.schemas import fits, validator
from ocppscope.replay.defaults import default_answer

NOW = 1_770_000_000_123_456_789
SIDES = {FROM_STATION: "csms", FROM_CSMS: "station"}
ALL = [
    (version, action, SIDES[direction])
    for version, senders in BY_SENDER.items()
    for direction, actions in senders.items()
    for action in sorted(actions - SENT_UNANSWERED)
]
JSON = st.recursive(
    st.none() | st.integers(-1, 300) | st.text(max_size=3) | st.just("x" * 400),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["key", "id", "idToken", "getVariableData", "vatNumber", "evseId", "tariffIds"]),
            inner,
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(("version", "action", "side"), ALL)
def test_every_action_has_a_valid_answer(version, action, side):
    check = validator(version, CALLRESULT, action)
    for payload in ({}, None, [1]):
        answer = default_answer(version, action, payload, side, NOW)
        assert isinstance(answer, dict)
        assert fits(check, answer)
        assert ".0" not in json.dumps(answer)


@given(st.sampled_from(ALL), JSON)
def test_whatever_was_asked(which, payload):
    version, action, side = which
    assert fits(validator(version, CALLRESULT, action), default_answer(version, action, payload, side, NOW))


@pytest.mark.parametrize(
    ("version", "action", "side", "payload", "answer"),
    [
        (
            "1.6", "BootNotification", "csms", {},
            {"status": "Accepted", "currentTime": "2026-02-02T02:40:00.123Z", "interval": 300},
        ),
        ("2.1", "Heartbeat", "csms", {}, {"currentTime": "2026-02-02T02:40:00.123Z"}),
        ("1.6", "Authorize", "csms", {"idTag": "a"}, {"idTagInfo": {"status": "Accepted"}}),
        (
            "1.6", "StartTransaction", "csms", {},
            {"idTagInfo": {"status": "Accepted"}, "transactionId": 473_474_996},
        ),
        ("2.0.1", "TransactionEvent", "csms", {}, {}),
        ("2.0.1", "TransactionEvent", "csms", {"idToken": {}}, {"idTokenInfo": {"status": "Accepted"}}),
        ("2.0.1", "SignCertificate", "csms", {}, {"status": "Rejected"}),
        ("1.6", "DataTransfer", "csms", {}, {"status": "UnknownVendorId"}),
        ("1.6", "DataTransfer", "station", {}, {"status": "UnknownVendorId"}),
        ("1.6", "StatusNotification", "csms", {}, {}),
        ("1.6", "Reset", "station", {"type": "Hard"}, {"status": "Rejected"}),
        ("1.6", "ClearCache", "station", {}, {"status": "Accepted"}),
        ("1.6", "ChangeConfiguration", "station", {}, {"status": "NotSupported"}),
        ("1.6", "GetLocalListVersion", "station", {}, {"listVersion": -1}),
        ("2.0.1", "GetLocalListVersion", "station", {}, {"versionNumber": 0}),
        ("1.6", "TriggerMessage", "station", {}, {"status": "NotImplemented"}),
        (
            "1.6", "GetConfiguration", "station", {"key": ["A", "B"]},
            {"configurationKey": [], "unknownKey": ["A", "B"]},
        ),
        ("1.6", "GetConfiguration", "station", {}, {"configurationKey": [], "unknownKey": []}),
        (
            "2.0.1", "ClearVariableMonitoring", "station", {"id": [4, 5]},
            {"clearMonitoringResult": [{"status": "NotFound", "id": 4}, {"status": "NotFound", "id": 5}]},
        ),
        (
            "2.1", "ClearTariffs", "station", {"tariffIds": ["T"]},
            {"clearTariffsResult": [{"status": "NoTariff", "tariffId": "T"}]},
        ),
        (
            "2.1", "VatNumberValidation", "csms", {"vatNumber": "DE1", "evseId": 2},
            {"vatNumber": "DE1", "status": "Rejected", "evseId": 2},
        ),
    ],
)  # fmt: skip
def test_sensible(version, action, side, payload, answer):
    assert default_answer(version, action, payload, side, NOW) == answer


def test_what_is_asked_for_is_repeated():
    names = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
    asked = {"getVariableData": [names | {"attributeType": "Target"}]}
    (result,) = default_answer("2.0.1", "GetVariables", asked, "station", NOW)["getVariableResult"]
    assert result == names | {"attributeType": "Target", "attributeStatus": "UnknownComponent"}
    monitor = names | {"id": 3, "type": "Delta", "severity": 4, "value": 1.5}
    asked = {"setMonitoringData": [monitor]}
    (result,) = default_answer("2.0.1", "SetVariableMonitoring", asked, "station", NOW)["setMonitoringResult"]
    # Only a monitor that was set has an id in its result.
    assert result == names | {"type": "Delta", "severity": 4, "status": "UnknownComponent"}


@pytest.mark.parametrize(
    ("version", "action", "side"),
    [
        ("1.6", "Nonsense", "csms"),
        ("1.6", "NotifyReport", "csms"),
        ("2.0", "Heartbeat", "csms"),
        ("1.6", "Heartbeat", "station"),
        ("1.6", "Reset", "csms"),
        ("2.1", "NotifyPeriodicEventStream", "csms"),
    ],
)
def test_what_the_peer_cannot_ask_has_no_answer(version, action, side):
    assert default_answer(version, action, {}, side, NOW) is None
