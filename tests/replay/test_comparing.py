"""The peer's messages beside the recorded ones."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.replay.comparing import Comparer, pattern
from ocppscope.replay.living import LivingValues, fresh_values
from tests.replay.messages import answer, call, error, send


def living(version="1.6", side="station"):
    return LivingValues(version, side, fresh=fresh_values(random.Random(1)))


def comparer(version="1.6", side="station", ignore=(), learned=()):
    values = living(version, side)
    for recorded, actual in learned:
        values.learn(recorded, actual)
    return Comparer(values, ignore)


def told(comparing, recorded, actual):
    return [(one.pointer, one.detail) for one in comparing.differences(recorded, actual)]


BOOT = answer(
    "BootNotification", {"status": "Accepted", "currentTime": "2023-01-01T00:00:00Z", "interval": 300}
)


def test_what_is_volatile_is_not_compared():
    actual = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 60}
    assert told(comparer(), BOOT, actual) == []
    assert told(comparer(), BOOT, {"status": "Accepted"}) == []
    assert told(comparer(), BOOT, actual | {"status": "Pending"}) == [("/status", '"Accepted" ≠ "Pending"')]


def test_measured_values_are_not_compared_but_what_is_measured_is():
    def values(*sampled):
        return {"meterValue": [{"timestamp": "x", "sampledValue": list(sampled)}]}

    recorded = call("MeterValues", values({"value": "1", "unit": "Wh"}, {"value": "9", "measurand": "SoC"}))
    comparing = comparer(side="csms")
    assert told(comparing, recorded, values({"value": "2", "unit": "Wh"}, {"measurand": "SoC"})) == []
    assert told(comparing, recorded, values({"value": "2", "unit": "kWh"}, {"measurand": "SoC"})) == [
        ("/meterValue/0/sampledValue/0/unit", '"Wh" ≠ "kWh"')
    ]
    assert told(comparing, recorded, values({"value": "2", "unit": "Wh"})) == [
        ("/meterValue/0/sampledValue/1", "missing: {…}")
    ]


def test_words_for_people_are_not_compared_reason_codes_are():
    recorded = answer(
        "Reset", {"status": "Rejected", "statusInfo": {"reasonCode": "A", "additionalInfo": "x"}}
    )
    actual = {"status": "Rejected", "statusInfo": {"reasonCode": "B", "additionalInfo": "y"}}
    assert told(comparer("2.0.1"), recorded, actual) == [("/statusInfo/reasonCode", '"A" ≠ "B"')]
    assert told(comparer("2.1"), recorded, actual) == [("/statusInfo/reasonCode", '"A" ≠ "B"')]


def test_living_values_are_compared_through_the_map():
    started = answer("StartTransaction", {"transactionId": 17})
    comparing = comparer(learned=[(started, {"transactionId": 42})])
    assert told(comparing, started, {"transactionId": 42}) == []
    stop = call("RemoteStopTransaction", {"transactionId": 17})
    assert told(comparing, stop, {"transactionId": 42}) == []
    assert told(comparing, stop, {"transactionId": 17}) == [("/transactionId", "42 ≠ 17")]


def test_of_errors_only_the_code_counts():
    recorded = error("Reset", "NotSupported", "no", {"a": 1})
    assert told(comparer(), recorded, ["NotSupported", "never", {}]) == []
    assert told(comparer(), recorded, ["NotImplemented", "no", {"a": 1}]) == [
        ("/0", '"NotSupported" ≠ "NotImplemented"')
    ]


def test_a_result_in_place_of_an_error_and_the_reverse():
    (only,) = comparer().differences(error("Reset", "NotSupported"), {"status": "Accepted"})
    assert (only.pointer, only.expected, only.actual) == (
        "",
        ["NotSupported", "", {}],
        {"status": "Accepted"},
    )
    (only,) = comparer().differences(answer("Reset", {}), ["NotSupported", "", {}])
    assert (only.pointer, only.expected, only.actual) == ("", {}, ["NotSupported", "", {}])


@pytest.mark.parametrize(
    "ignore",
    [
        "/configurationKey/*/value",
        "/configurationKey",
        "/configurationKey/1/value",
        "GetConfiguration/configurationKey/*",
        "GetConfiguration/configurationKey/1",
        "/*",
    ],
)
def test_what_the_user_ignores(ignore):
    def keys(value):
        return {"configurationKey": [{"key": "a", "value": "1"}, {"key": "b", "value": value}]}

    recorded = answer("GetConfiguration", keys("1"))
    assert told(comparer(ignore=[ignore]), recorded, keys("2")) == []
    assert told(comparer(), recorded, keys("2")) == [("/configurationKey/1/value", '"1" ≠ "2"')]


@pytest.mark.parametrize(
    "ignore", ["/status/x", "/configurationKey/0/value", "Reset/configurationKey", "/currentTime"]
)
def test_what_is_ignored_elsewhere_is_compared(ignore):
    recorded = answer("GetConfiguration", {"configurationKey": [{"key": "a"}, {"value": "1"}]})
    actual = {"configurationKey": [{"key": "a"}, {"value": "2"}]}
    assert len(told(comparer(ignore=[ignore]), recorded, actual)) == 1


def test_vendors_own_actions_can_be_told_too():
    recorded = answer("VendorThing", {"a": 1, "b": 1})
    assert told(comparer(ignore=["/a"]), recorded, {"a": 2, "b": 2}) == [("/b", "1 ≠ 2")]
    assert told(comparer("2.0"), recorded, {"a": 1}) == [("/b", "missing: 1")]


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("/currentTime", (None, ("currentTime",))),
        ("BootNotification/interval", ("BootNotification", ("interval",))),
        ("/a~1b/~0/*/0", (None, ("a/b", "~", "*", "0"))),
        ("AFRRSignal/signal", ("AFRRSignal", ("signal",))),
    ],
)
def test_patterns(text, reads):
    assert pattern(text) == reads


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is no pointer: write /currentTime"),
        ("interval", "'interval' is no pointer: write /interval"),
        ("/", "single slashes"),
        ("//a", "single slashes"),
        ("/a/", "single slashes"),
        ("/a~2", "single slashes"),
        ("BootNotification/", "single slashes"),
        (
            "bootnotification/interval",
            "no version of OCPP has an action 'bootnotification'; BootNotification",
        ),
        ("Zzz/interval", "has an action 'Zzz'"),
    ],
)
def test_what_is_no_pattern(text, says):
    with pytest.raises(ValueError) as raised:
        comparer(ignore=[text])
    assert says in str(raised.value)


def test_the_most_alike_of_several_calls():
    comparing = comparer(side="csms")
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": "x"}
    recorded = call("StatusNotification", status)
    assert comparing.likeness(recorded, status | {"timestamp": "y"}) == 1.0
    assert comparing.likeness(recorded, status | {"status": "Charging"}) == pytest.approx(2 / 3)
    assert comparing.likeness(recorded, {"connectorId": 2}) == 0.0
    assert comparing.likeness(recorded, None) == 0.0
    assert comparing.likeness(call("Heartbeat", {}), {}) == 1.0
    assert comparing.likeness(send("NotifyPeriodicEventStream", {"a": True}), {"a": 1}) == 0.0


def test_ids_tell_calls_apart_once_they_are_known():
    started = answer("StartTransaction", {"transactionId": 17})
    comparing = comparer(learned=[(started, {"transactionId": 42})])
    assert (
        comparing.likeness(call("RemoteStopTransaction", {"transactionId": 17}), {"transactionId": 42}) == 1.0
    )
    assert (
        comparing.likeness(call("RemoteStopTransaction", {"transactionId": 17}), {"transactionId": 43}) == 0.0
    )
    # Nothing is known of 18: it can be anything.
    assert (
        comparing.likeness(call("RemoteStopTransaction", {"transactionId": 18}), {"transactionId": 43}) == 1.0
    )


def test_items_count_wherever_they_stand():
    comparing = comparer("2.0.1")
    recorded = call("GetVariables", {"getVariableData": [{"component": {"name": name}} for name in "abc"]})
    actual = {"getVariableData": [{"component": {"name": name}} for name in "cab"]}
    assert comparing.likeness(recorded, actual) == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "transactionInfo", "transactionId", "x/y"]), inner)
    ),
    max_leaves=10,
)


@given(JSON, JSON)
def test_any_payloads(recorded, actual):
    comparing = comparer("2.0.1", "csms")
    message = call("TransactionEvent", recorded)
    assert 0.0 <= comparing.likeness(message, actual) <= 1.0
    assert comparing.likeness(message, recorded) == 1.0
    assert told(comparing, message, recorded) == []
    comparing.differences(message, actual)


def test_deep_payloads_need_no_stack():
    deep = []
    for _ in range(900):
        deep = [deep]
    assert comparer().likeness(call("DataTransfer", {"data": deep}), {"data": deep}) == 1.0
