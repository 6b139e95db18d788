"""What is learnt of a station's configuration, seen through WS-013, which needs it."""

import pytest

from ocppscope.rules import configuration
from ocppscope.rules.state import SessionState, StationState
from tests.rules.sessions import BOOT_16, ask, call, closed, findings_of, messages, opened, ping, result

PINGS = [ping(), "+100s", ping()]


def known(*pieces, version="1.6"):
    """Feed the learners by hand; what the station's configuration is afterwards."""
    station = StationState()
    for message in messages(*pieces, version=version):
        if message.type != 2 or message.action == "NotifyReport":
            configuration.learn_settings(message, SessionState(message.session, station))
    return station.configuration


def change(key, value, status="Accepted"):
    return ask(f"c{key}", "ChangeConfiguration", {"key": key, "value": value}, {"status": status}, "<")


def variable(name, value=None, status="Accepted", **more):
    entry = {"component": {"name": "C"}, "variable": {"name": name}} | more
    return entry | ({} if value is None else {"attributeValue": value})


def test_get_configuration():
    keys = [
        {"key": "A", "readonly": False, "value": "1"},
        {"key": "B", "readonly": True},
        {"key": "C", "readonly": True, "value": ""},
    ]
    assert known(ask("1", "GetConfiguration", {}, {"configurationKey": keys}, "<")) == {"A": "1", "C": ""}


def test_change_configuration():
    assert known(change("A", "1"), change("B", "2", "Rejected"), change("C", "3", "NotSupported")) == {
        "A": "1"
    }


def test_the_last_value_counts():
    assert known(change("A", "1"), change("A", "2")) == {"A": "2"}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_get_variables(version):
    asked = {"getVariableData": [variable("A"), variable("B")]}
    answer = {
        "getVariableResult": [
            variable("A", "1") | {"attributeStatus": "Accepted"},
            variable("B") | {"attributeStatus": "UnknownVariable"},
        ]
    }
    assert known(ask("1", "GetVariables", asked, answer, "<"), version=version) == {"A": "1"}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_set_variables(version):
    asked = {"setVariableData": [variable("A", "1"), variable("B", "2")]}
    answer = {
        "setVariableResult": [
            variable("A") | {"attributeStatus": "Accepted"},
            variable("B") | {"attributeStatus": "Rejected"},
        ]
    }
    assert known(ask("1", "SetVariables", asked, answer, "<"), version=version) == {"A": "1"}


@pytest.mark.parametrize("payload", [None, [], {}, {"configurationKey": None}, {"configurationKey": [1, None, {}]},
                                     {"configurationKey": [{"key": 1, "value": "x"}, {"key": "A", "value": 1}]},
                                     {"configurationKey": {"key": "A"}}])  # fmt: skip
def test_wrong_types_teach_nothing(payload):
    assert known('< [2,"1","GetConfiguration",{}]', "> " + result("1", payload)) == {}
    for action in ("GetVariables", "SetVariables"):
        assert known("< " + call("1", action, payload), "> " + result("1", payload), version="2.1") == {}


def test_errors_teach_nothing():
    pieces = [
        "< " + call("1", "ChangeConfiguration", {"key": "A", "value": "1"}),
        '> [4,"1","InternalError","",{}]',
    ]
    assert known(*pieces) == {}


def test_answers_without_their_call_teach_nothing():
    assert known() == {}
    assert not {"WS-013"} & set(findings_of(opened(late=True), '> [3,"1",{"status":"Accepted"}]', PINGS))


def test_it_outlives_the_session():
    keys = [change("TransactionMessageAttempts", "3"), change("TransactionMessageRetryInterval", "10")]
    assert "WS-013" in findings_of(BOOT_16, keys, closed(), "+600s", opened(), PINGS)
    assert "WS-013" not in findings_of(BOOT_16, keys, closed(), "+600s", opened(station="CP002"), PINGS)


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "1e3", "9" * 30, "३"])
def test_values_that_are_no_number(value):
    keys = [change("TransactionMessageAttempts", value), change("TransactionMessageRetryInterval", "10")]
    assert "WS-013" not in findings_of(BOOT_16, keys, PINGS)


def test_variables_of_2x_serve_too():
    asked = {"setVariableData": [variable("MessageAttempts", "3"), variable("MessageAttemptInterval", "10")]}
    answer = {"setVariableResult": [v | {"attributeStatus": "Accepted"} for v in asked["setVariableData"]]}
    for entry in answer["setVariableResult"]:
        del entry["attributeValue"]
    pieces = [ask("1", "SetVariables", asked, answer, "<"), PINGS]
    assert "WS-013" in findings_of(pieces, version="2.0.1")


def test_memory_is_bounded():
    station = StationState()
    for number in range(configuration._LIMIT + 10):
        configuration._remember(station.configuration, f"key {number}", "1")
    assert len(station.configuration) == configuration._LIMIT
