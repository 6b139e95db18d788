"""What signed values prove of transactions, from messages."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp import transactions as transactions_module
from ocppscope.ocpp.signed.records import NOT_SIGNED
from ocppscope.ocpp.signed.verdicts import Assembler, Verdicts
from tests.ocpp.signed.signing import signed_16
from tests.ocpp.signed.test_formats import ANYTHING
from tests.rules.sessions import NOW, ask, call, closed, decoded, opened
from tests.rules.test_signed_values import (
    BOTH,
    FROM,
    INVALID,
    KEY,
    METER,
    TO,
    UNSIGNED,
    VALID,
    configured,
    events_2x,
    metered,
    started,
    stopped,
    transaction,
    wrapped,
)


def drained(*pieces, keys=(), **options):
    assembler = Assembler(keys)
    for one in decoded(*pieces, **options):
        assembler.feed(one)
    was_quiet = assembler.is_quiet
    out = assembler.drain()
    assert was_quiet == (not out.values and not out.transactions)
    assert assembler.is_quiet
    return out


def verdict(*pieces, **options):
    found = drained(*pieces, **options).transactions
    return [(one.id, one.verdict, one.reason, one.source) for one in found]


def test_verdicts():
    assert verdict(*VALID) == [("7", "valid", "", "message")]
    assert verdict(*INVALID) == [("7", "invalid", "it does not fit the key in the message", "message")]
    assert verdict(*transaction(BOTH)) == [("7", "key missing", "no public key is known", None)]
    assert verdict(*transaction(BOTH), keys=[KEY]) == [("7", "valid", "", "option")]
    assert verdict(configured(METER.oca), *transaction(BOTH)) == [("7", "valid", "", "configuration")]
    assert verdict(*UNSIGNED) == []  # not signed: nothing to be said


def test_the_worst_value_counts():
    begin = metered(signed_16(wrapped(METER.ocmf(FROM).replace("1.5", "0.5"))))
    (one,) = drained(started(), begin, "+60s", stopped(signed_16(wrapped(METER.ocmf(TO))))).transactions
    assert one.verdict == "invalid"
    assert one.values == 2
    assert (one.has_begin, one.has_end) == (True, True)


def test_what_a_transaction_tells():
    (one,) = drained(*VALID).transactions
    assert (one.station, one.id, one.start_n, one.stop_n, one.format) == ("CP001", "7", 2, 4, "OCMF 1.0")
    assert one.energy == 1000
    assert one.key == KEY


def test_a_key_once_in_a_transaction_of_2x():
    for version in ("2.0.1", "2.1"):
        assert verdict(*events_2x(), version=version) == [("T", "valid", "", "message")]


def variables(value, evse=1, kind="GetVariables"):
    variable = {
        "component": {"name": "FiscalMetering", "evse": {"id": evse}},
        "variable": {"name": "PublicKey"},
    }
    if kind == "NotifyReport":
        report = variable | {"variableAttribute": [{"value": value}]}
        return ask("9", kind, {"requestId": 1, "generatedAt": NOW, "seqNo": 0, "reportData": [report]}, {})
    if kind == "SetVariables":
        return ask(
            "9", kind, {"setVariableData": [variable | {"attributeValue": value}]},
            {"setVariableResult": [variable | {"attributeStatus": "Accepted"}]}, side="<",
        )  # fmt: skip
    result = variable | {"attributeStatus": "Accepted", "attributeValue": value}
    return ask("9", kind, {"getVariableData": [variable]}, {"getVariableResult": [result]}, side="<")


@pytest.mark.parametrize("kind", ["GetVariables", "SetVariables", "NotifyReport"])
def test_keys_in_the_device_model(kind):
    keyless, key = events_2x(key=""), variables(METER.oca, kind=kind)
    for pieces in ((key, keyless), (keyless, key)):
        assert verdict(*pieces, version="2.0.1") == [("T", "valid", "", "configuration")]
    assert verdict(variables(METER.oca, 2, kind), keyless, version="2.0.1")[0][1] == "key missing"


@pytest.mark.parametrize(
    "name", ["MeterPublicKey1", "MeterPublicKey[1]", "MeterPublicKey", "PublicKey", "meterpublickey[1]"]
)
def test_names_of_configuration_keys(name):
    assert verdict(configured(METER.oca, name), *transaction(BOTH))[0][1] == "valid"


def test_a_key_of_another_connector_is_none():
    assert verdict(configured(METER.oca, "MeterPublicKey2"), *transaction(BOTH))[0][1] == "key missing"


def test_a_key_that_is_set_and_one_that_is_none():
    change = ask(
        "0",
        "ChangeConfiguration",
        {"key": "MeterPublicKey1", "value": METER.oca},
        {"status": "Accepted"},
        "<",
    )
    assert verdict(change, *transaction(BOTH))[0][1] == "valid"
    (found,) = verdict(configured("nonsense"), *transaction(BOTH))
    assert found[1:3] == (
        "key missing",
        "in the configuration, the public key is no point on a curve that is known (6 bytes)",
    )


def test_over_sessions_and_out_of_order():
    begin = metered(signed_16(wrapped(METER.ocmf(FROM))))
    end = stopped(signed_16(wrapped(METER.ocmf(TO))))
    assert verdict(started(), begin, closed(), opened(), end)[0][:2] == ("7", "valid")
    (one,) = drained(opened(late=True, station="CP001"), begin, end).transactions  # its start is not there
    assert (one.id, one.verdict, one.start_n) == ("7", "valid", None)
    (unanswered,) = drained(started()[0], begin[0], end[0]).transactions
    assert (unanswered.id, unanswered.start_n is not None, unanswered.verdict) == ("7", True, "valid")


@pytest.mark.parametrize(("pieces", "version"), [(VALID, "1.6"), (events_2x(), "2.0.1"), (UNSIGNED, "1.6")])
def test_beside_the_transactions_themselves(pieces, version):
    transactions, verdicts = transactions_module.Assembler(samples=False), Verdicts()
    for one in decoded(*pieces, version=version):
        transactions.feed(one)
        verdicts.feed(one)
    (one,) = transactions.drain().transactions
    known = verdicts.of(one)
    assert (known.verdict if known else NOT_SIGNED) == ("not signed" if pieces is UNSIGNED else "valid")


def test_values_of_no_transaction():
    alone = ask("5", "MeterValues", {"connectorId": 1, "meterValue": [
        {"timestamp": NOW, "sampledValue": [signed_16(wrapped(METER.ocmf(FROM)))]}]}, {})  # fmt: skip
    out = drained(alone)
    assert [value.judgement.verdict for value in out.values] == ["valid"]
    assert out.transactions == []


def test_registers_of_the_transaction_are_never_said_to_differ():
    of_transaction = [one | {"RI": "01-00:98.08.00.FF", "RV": value} for one, value in ((FROM, 0), (TO, 1))]
    out = drained(*transaction(wrapped(METER.ocmf(*of_transaction))))
    assert (out.values[0].differences, out.registers) == ((), [])


def test_a_station_with_thousands_of_transactions_stays_small():
    assembler = Assembler()
    begin = time.process_time()
    for number in range(2_000):
        pieces = (started(), stopped(signed_16(wrapped(BOTH), context="Transaction.End")))
        text = [
            one.replace('"transactionId": 7', f'"transactionId": {number}')
            for piece in pieces
            for one in piece
        ]
        for one in decoded(*text):
            assembler.feed(one)
        assembler.drain()
    assert time.process_time() - begin < 20
    station = assembler._stations["CP001"]
    assert len(station.open) == 0
    assert len(station.ended) <= 20
    assert len(station.at) == 1


PLACES = ["connectorId", "transactionId", "meterValue", "transactionData", "meterStart", "evse", "eventType",
          "transactionInfo", "configurationKey", "reportData", "getVariableResult", "status"]  # fmt: skip
SIGNED = st.fixed_dictionaries(
    {
        "timestamp": ANYTHING,
        "sampledValue": st.lists(ANYTHING | st.just(signed_16(BOTH)) | st.just(signed_16("x"))),
    }
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent", "NotifyReport"]
            ),
            st.dictionaries(
                st.sampled_from(PLACES), ANYTHING | SIGNED | st.lists(SIGNED, max_size=2), max_size=5
            ),
        ),
        max_size=4,
    ),
    st.sampled_from(["1.6", "2.0.1", "2.1"]),
)
def test_random_payloads_never_raise(said, version):
    def encode(payload):
        return payload | {"format": "SignedData signedMeterValue PublicKey"}

    drained(
        *[f"> {call(str(n), action, encode(payload))}" for n, (action, payload) in enumerate(said)],
        version=version,
    )
