"""The map of living values."""

import copy
import itertools
import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.versions import JUDGED
from ocppscope.replay.living import LivingValues, fresh_values
from tests.replay.messages import NOW, answer, call, error, send


def counting():
    """Ids from 1000 on; texts as `kind-1000`."""
    numbers = itertools.count(1000)
    return lambda kind, recorded: f"{kind}-{next(numbers)}" if isinstance(recorded, str) else next(numbers)


def living(version="1.6", side="station", **options):
    return LivingValues(version, side, **({"fresh": counting()} | options))


def out(values, message):
    return values.outgoing(message, None, NOW)


STARTED = answer("StartTransaction", {"transactionId": 17, "idTagInfo": {"status": "Accepted"}})


def test_a_stop_carries_the_id_that_the_live_csms_handed_out():
    values = living()
    values.learn(STARTED, {"transactionId": 42, "idTagInfo": {"status": "Accepted"}})
    assert out(values, call("StopTransaction", {"transactionId": 17, "meterStop": 5})) == {
        "transactionId": 42,
        "meterStop": 5,
    }
    assert values.expected(call("RemoteStopTransaction", {"transactionId": 17})) == {"transactionId": 42}
    assert values.unlearned == []


def test_each_start_begins_a_new_transaction_even_under_the_same_recorded_id():
    values = living()
    for live in (42, 43):
        values.learn(STARTED, {"transactionId": live})
        assert out(values, call("MeterValues", {"transactionId": 17}))["transactionId"] == live


@pytest.mark.parametrize(
    ("recorded", "live", "used", "sent"),
    [
        (17, "abc", 17, "abc"),
        (17, 42, "17", "42"),
        ("17", "42", 17, 42),
        ("17", "abc", 17, "abc"),
        (17, 42, 17.0, 42.0),
    ],
)
def test_types_may_differ(recorded, live, used, sent):
    values = living()
    values.learn(answer("StartTransaction", {"transactionId": recorded}), {"transactionId": live})
    found = out(values, call("StopTransaction", {"transactionId": used}))["transactionId"]
    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize("actual", [None, [], {}, {"transactionId": None}, {"transactionId": True}, "x"])
def test_of_what_teaches_nothing_nothing_is_learned(actual):
    values = living()
    values.learn(STARTED, actual)
    payload = {"transactionId": 17}
    assert out(values, call("StopTransaction", payload, 9)) == payload
    assert out(values, call("MeterValues", payload, 10)) == payload
    (only,) = values.unlearned
    assert (only.kind, only.value, only.n, only.action) == ("transaction", 17, 9, "StopTransaction")
    assert "event 9 (StopTransaction) carries transaction id 17" in only.detail


def test_an_id_that_stands_for_none_is_not_worth_a_note():
    values = living()
    assert out(values, call("StartTransaction", {"reservationId": 0})) == {"reservationId": 0}
    assert values.unlearned == []


def test_what_is_known_is_not_learned_again_where_it_is_only_used():
    values = living()
    values.learn(call("ReserveNow", {"reservationId": 5}), {"reservationId": 12})
    values.learn(call("CancelReservation", {"reservationId": 5}), {"reservationId": 99})
    assert values.expected(call("CancelReservation", {"reservationId": 5})) == {"reservationId": 12}


def test_a_csms_hands_out_ids_of_its_own():
    values = living(side="csms")
    assert out(values, STARTED)["transactionId"] == 1000
    assert out(values, STARTED)["transactionId"] == 1000  # the station had sent its Call again
    assert values.expected(call("StopTransaction", {"transactionId": 17})) == {"transactionId": 1000}
    # What only the recorded CSMS had handed out is not learned from a station, but compared.
    values.learn(call("StopTransaction", {"transactionId": 3}), {"transactionId": 4})
    assert values.expected(call("StopTransaction", {"transactionId": 3})) == {"transactionId": 3}


def test_ids_are_counted_apart_by_kind():
    values = living("2.0.1")
    values.learn(call("GetLog", {"requestId": 1}), {"requestId": 50})
    values.learn(call("UpdateFirmware", {"requestId": 1}), {"requestId": 60})
    assert out(values, call("LogStatusNotification", {"requestId": 1})) == {"requestId": 50}
    assert out(values, call("FirmwareStatusNotification", {"requestId": 1})) == {"requestId": 60}


def test_a_station_of_2x_coins_transactions_and_uses_the_remote_start_of_the_csms():
    values = living("2.0.1")
    values.learn(call("RequestStartTransaction", {"remoteStartId": 7}), {"remoteStartId": 70})
    info = {"transactionId": "tx", "remoteStartId": 7}
    started = out(values, call("TransactionEvent", {"seqNo": 0, "transactionInfo": info}))
    assert started == {
        "seqNo": 0,
        "transactionInfo": {"transactionId": "transaction-1000", "remoteStartId": 70},
    }
    ended = out(values, call("TransactionEvent", {"transactionInfo": {"transactionId": "tx"}}))
    assert ended["transactionInfo"]["transactionId"] == "transaction-1000"
    stop = call("RequestStopTransaction", {"transactionId": "tx"})
    assert values.expected(stop) == {"transactionId": "transaction-1000"}


def test_items_of_arrays():
    values = living("2.0.1", "csms")
    recorded = answer("SetVariableMonitoring", {"setMonitoringResult": [{"id": 1}, {}, {"id": 3}]})
    values.learn(recorded, {"setMonitoringResult": [{"id": 11}, {"id": 12}, {"id": 13}, {"id": 14}]})
    assert out(values, call("ClearVariableMonitoring", {"id": [3, 1, 2]})) == {"id": [13, 11, 2]}


def test_what_a_station_numbers_for_good_is_not_renewed():
    values = living("2.0.1")
    payload = {"setMonitoringResult": [{"id": 1}]}
    assert out(values, answer("SetVariableMonitoring", payload)) == payload
    assert values.unlearned == []


def test_a_send_has_a_living_stream():
    values = living("2.1")
    opened = out(values, call("OpenPeriodicEventStream", {"constantStreamData": {"id": 3}}))
    assert opened == {"constantStreamData": {"id": 1000}}
    assert out(values, send("NotifyPeriodicEventStream", {"id": 3}))["id"] == 1000


def test_either_side_may_coin_a_battery_swap():
    asked = living("2.1")
    asked.learn(call("RequestBatterySwap", {"requestId": 1}), {"requestId": 8})
    assert out(asked, call("BatterySwap", {"requestId": 1})) == {"requestId": 8}
    assert out(living("2.1"), call("BatterySwap", {"requestId": 1})) == {"requestId": 1000}


def test_tokens_by_option():
    values = living(tokens={"04a1": "NEW"})
    assert out(values, call("Authorize", {"idTag": "04A1"})) == {"idTag": "NEW"}
    assert out(values, call("Authorize", {"idTag": "04A2"})) == {"idTag": "04A2"}
    assert values.expected(call("RemoteStartTransaction", {"idTag": "04A1"})) == {"idTag": "NEW"}
    newer = living("2.0.1", tokens={"04A1": "NEW"})
    token = {"idToken": {"idToken": "04A1", "type": "ISO14443"}}
    assert out(newer, call("Authorize", token))["idToken"] == {"idToken": "NEW", "type": "ISO14443"}


def test_the_identity_where_it_stands_and_only_there():
    values = living(identity=("CP1", "CP2"))
    payload = {"chargePointModel": "CP1", "chargeBoxSerialNumber": "CP1", "chargePointSerialNumber": "S"}
    assert out(values, call("BootNotification", payload)) == payload | {"chargeBoxSerialNumber": "CP2"}
    newer = living("2.0.1", identity=("CP1", "CP2"))
    boot = call("BootNotification", {"chargingStation": {"model": "CP1", "serialNumber": "CP1"}})
    assert out(newer, boot) == {"chargingStation": {"model": "CP1", "serialNumber": "CP2"}}
    assert out(living(identity=("CP1", None)), call("BootNotification", payload)) == payload


def test_times_move_to_now():
    later = "2023-11-26T12:00:00.5Z"
    payload = {"meterValue": [{"timestamp": "2023-11-14T22:13:20Z"}, {"timestamp": "broken"}]}
    moved = {"meterValue": [{"timestamp": "2023-11-26T12:00:00Z"}, {"timestamp": "broken"}]}
    assert out(living(), call("MeterValues", payload)) == moved
    assert out(living(keep_times=True), call("MeterValues", payload)) == payload
    assert out(living(), call("MeterValues", payload, time=None)) == payload
    stop = call("StopTransaction", {"timestamp": "2023-11-14T22:13:20.5Z"})
    assert out(living(), stop) == {"timestamp": later}
    assert out(living(), call("Heartbeat", {"timestamp": "2023-11-14T22:13:20Z"})) != later


def test_errors_and_what_is_nobodys_business_go_out_as_they_were():
    wrong = error("StartTransaction", "InternalError", "no", {"transactionId": 17})
    assert out(living(), wrong) == ["InternalError", "no", {"transactionId": 17}]
    assert living().expected(wrong) == ["InternalError", "no", {"transactionId": 17}]
    assert out(living(), call("Vendor", {"transactionId": 17})) == {"transactionId": 17}
    assert out(living("2.0"), call("Authorize", {"idTag": "a"})) == {"idTag": "a"}


def test_an_answer_without_an_action_takes_that_of_its_call():
    values = living(side="csms")
    lost = answer(None, {"transactionId": 17})
    assert values.outgoing(lost, call("StartTransaction", {}), NOW) == {"transactionId": 1000}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "2026-11-22T10:15:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "idToken", "x", "transactionInfo", "transactionId"]), inner)
    ),
    max_leaves=12,
)
ACTIONS = [(version, action) for version in JUDGED for action in sorted(actions_of(version))]


@given(st.sampled_from(ACTIONS), JSON, JSON, st.sampled_from(["station", "csms"]), st.booleans())
def test_any_payload_is_taken_and_none_is_changed(which, payload, actual, side, is_answer):
    version, action = which
    values = living(version, side)
    message = (answer if is_answer else call)(action, payload)
    before = copy.deepcopy((payload, actual))
    values.learn(message, actual)
    sent = values.outgoing(message, None, NOW)
    values.expected(message)
    assert (payload, actual) == before
    assert shape(sent) == shape(payload)


def shape(value):
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]  # the order of keys counts
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


def test_fresh_values_keep_type_and_form():
    fresh = fresh_values(random.Random(1))
    recorded = str(uuid.UUID(int=5, version=4))
    assert uuid.UUID(fresh("transaction", recorded)).version == 4
    assert fresh("transaction", "ABCDEF01-2345-4789-ABCD-EF0123456789").isupper()
    assert re.fullmatch(r"tx-1-[0-9a-f]{12}", fresh("transaction", "tx-1"))
    assert len(fresh("transaction", "x" * 36)) == 36
    assert fresh("transaction", 0.5) == 0.5
    assert fresh("transaction", True) is True


@given(st.lists(st.integers() | st.text(max_size=36), max_size=30), st.integers())
def test_fresh_values_are_unlike_all_that_was_seen(recorded, seed):
    fresh = fresh_values(random.Random(seed))
    seen = list(recorded)
    made = []
    for value in recorded:
        made.append(fresh("kind", value))
        assert type(made[-1]) is type(value)
    assert len(set(made)) == len(made)
    assert not set(made) & set(seen[:1])
    assert all(0 < value < 1 << 31 for value in made if isinstance(value, int))
