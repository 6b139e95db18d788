import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import FROM_STATION, Message, Session
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.transactions import Assembler, Transaction
from ocppscope.sources import SourceOptions, open_source
from tests.ocpp.test_lenient import JSON
from tests.ocpp.test_metering import METER_VALUES
from tests.rules.sessions import (
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    MINUTE,
    NOW,
    SECOND,
    START,
    ask,
    call,
    closed,
    decoded,
    error,
    notice,
    on,
    opened,
    ping,
    result,
)

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def clock(minutes):
    return f"2026-11-22T10:{15 + minutes:02}:00Z"


def start(message_id="s", answer=7, connector=1, minutes=0, meter=1000, tag="TAG", **more):
    asked = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": clock(minutes), **more}
    if answer is None:
        return ["> " + call(message_id, "StartTransaction", asked)]
    return ask(message_id, "StartTransaction", asked, {"transactionId": answer, **ACCEPTED})


def metered(message_id="m", minutes=1, value=1500, transaction=7, connector=1, **more):
    payload = {"connectorId": connector, "meterValue": [elements(value, minutes, **more)]}
    if transaction is not None:
        payload["transactionId"] = transaction
    return ask(message_id, "MeterValues", payload)


def elements(value, minutes, **more):
    return {"timestamp": clock(minutes), "sampledValue": [{"value": str(value), **more}]}


def stop(message_id="e", minutes=2, meter=3000, transaction=7, **more):
    payload = {"transactionId": transaction, "meterStop": meter, "timestamp": clock(minutes), **more}
    return ask(message_id, "StopTransaction", payload, {})


def event(kind, seq, minutes=0, info=None, values=(), transaction="T", **more):
    payload = {
        "eventType": kind,
        "timestamp": clock(minutes),
        "triggerReason": "Trigger",
        "seqNo": seq,
        "transactionInfo": {"transactionId": transaction} | (info or {}),
    }
    if values:
        sampled = [
            {"value": value, "context": context} if context else {"value": value} for value, context in values
        ]
        payload["meterValue"] = [{"timestamp": clock(minutes), "sampledValue": sampled}]
    return ask(f"{kind}{seq}", "TransactionEvent", payload | more)


def drained(*pieces, **options):
    assembler = Assembler()
    for one in decoded(*pieces, **options):
        assembler.feed(one)
    return assembler.drain()


def transactions(*pieces, **options):
    return drained(*pieces, **options).transactions


def only(*pieces, **options):
    (found,) = transactions(*pieces, **options)
    return found


# --- OCPP 1.6 -----------------------------------------------------------------------------------------------


def test_a_whole_transaction():
    found = drained(start(), metered(), stop(reason="Remote"))
    (known,) = found.transactions
    assert {name: getattr(known, name) for name in Transaction.__slots__} == {
        "number": 1,
        "station": "CP001",
        "session": 1,
        "version": "1.6",
        "id": "7",
        "evse": None,
        "connector": 1,
        "id_token": "TAG",
        "start": START,
        "stop": START + 2 * MINUTE,
        "meter_start": 1000,
        "meter_stop": 3000,
        "energy": 2000,
        "reason": "Remote",
        "start_n": 2,
        "stop_n": 6,
        "details": None,
    }
    (sample,) = found.samples
    assert (sample.transaction, sample.n, sample.time, sample.measurand, sample.value) == (
        1,
        4,
        START + MINUTE,
        "energy",
        1500,
    )


def test_the_default_reason():
    assert only(start(), stop()).reason == "Local"
    assert only(start()).reason is None


def test_samples_of_the_stop():
    data = [elements(1000, 0, context="Transaction.Begin"), elements(3000, 2, context="Transaction.End")]
    found = drained(start(), stop(transactionData=data))
    assert [(one.n, one.time, one.value) for one in found.samples] == [
        (4, START, 1000),
        (4, START + 2 * MINUTE, 3000),
    ]


def test_an_open_transaction():
    known = only(start(), metered(value=1800))
    assert (known.stop, known.meter_stop, known.energy) == (None, None, 800)


def test_values_without_an_id_belong_to_the_connector():
    pieces = start(answer=7, connector=1), start("t", answer=8, connector=2)
    found = drained(
        *pieces, metered(transaction=None, connector=2), metered("n", transaction=None, connector=3)
    )
    assert [one.transaction for one in found.samples] == [2]
    found = drained(*pieces, stop(transaction=8), metered(transaction=None, connector=2))
    assert found.samples == []


@pytest.mark.parametrize("transaction", [-1, 0])
def test_values_of_no_transaction(transaction):
    assert drained(metered(transaction=transaction)).transactions == []
    assert [one.transaction for one in drained(start(), metered(transaction=transaction)).samples] == [1]


def test_a_stop_in_a_later_session():
    known = only(start(), closed(), opened(), metered(), closed(), opened(), stop())
    assert (known.session, known.energy, known.id) == (1, 2000, "7")


def test_stations_stay_apart():
    first, second = transactions(start(), opened(station="B"), start(), stop(), on(1), stop("x", meter=1100))
    assert (first.station, first.energy, second.station, second.energy) == ("CP001", 100, "B", 2000)


def test_sessions_without_identity_stay_apart():
    found = transactions(opened(late=True), start(), opened(late=True), stop())
    assert [(one.station, one.session, one.start_n, one.stop_n) for one in found] == [
        (None, 1, 2, None),
        (None, 2, None, 5),
    ]


def test_a_session_seen_twice_counts_once():
    pieces = [start(), stop()]
    assert transactions(opened(duplicate_of=1), pieces) == []
    assert len(transactions(pieces, opened(duplicate_of=1), pieces)) == 1


# what was not answered


def test_refused_or_never_answered():
    assert only(start(answer=None), "< " + error("s")).id is None
    assert only(start(answer=None)).id is None
    assert only(start(answer=None), "< " + result("s", {})).id is None


def test_a_start_repeated_after_reconnecting():
    known = only(start(answer=None), closed(), opened(), start("again"), stop())
    assert (known.id, known.start_n, known.energy) == ("7", 2, 2000)


def test_a_start_repeated_after_a_refusal():
    assert only(start(answer=None), "< " + error("s"), start("again")).id == "7"


def test_a_repeated_start_with_another_answer():
    known = only(
        start(), closed(), opened(), start("again", answer=8), metered(transaction=7), stop(transaction=8)
    )
    assert (known.id, known.energy, known.stop_n is None) == ("8", 2000, False)


@pytest.mark.parametrize("changed", [{"minutes": 1}, {"meter": 1001}, {"tag": "OTHER"}, {"connector": 2}])
def test_another_start(changed):
    assert len(transactions(start(answer=None), start("t", **changed))) == 2


def test_starts_without_a_time_are_not_taken_for_repeated():
    assert len(transactions(start(timestamp=None), start("t", timestamp=None))) == 2


def test_the_same_start_after_the_stop_is_another():
    assert len(transactions(start(), stop(), start("t", answer=8))) == 2


def test_a_stop_comes_again():
    found = drained(start(), stop(), closed(), opened(), stop("f", minutes=3, meter=9))
    assert [(one.meter_stop, one.stop) for one in found.transactions] == [(3000, START + 2 * MINUTE)]


def test_an_id_given_twice():
    first, second = transactions(start(), stop(), start("t", meter=3000), stop("f", meter=3500))
    assert (first.id, first.energy, second.id, second.energy) == ("7", 2000, "7", 500)


def test_an_id_given_twice_at_once():
    first, second = transactions(start(), start("t", connector=2), stop())
    assert (first.stop_n, second.stop_n) == (None, 6)


def test_minus_one_stands_for_the_start_that_had_no_answer():
    pieces = [start(answer=None), "< " + error("s"), metered(transaction=-1), stop(transaction=-1)]
    known = only(pieces, stop("again", transaction=-1))
    assert (known.id, known.energy, known.start_n) == (None, 2000, 2)


def test_minus_one_of_several():
    pieces = start(answer=None), stop(transaction=-1), start("t", answer=None, minutes=3, meter=3000)
    first, second = transactions(*pieces, stop("f", minutes=5, meter=3100, transaction=-1))
    assert (first.energy, second.energy) == (2000, 100)


def test_minus_one_is_the_last_that_was_refused():
    refused = [
        [start(name, answer=None, connector=connector, minutes=minutes), "< " + error(name)]
        for minutes, (name, connector) in enumerate([("a", 1), ("b", 2), ("c", 1)])
    ]
    assert [one.stop_n for one in transactions(refused, stop(transaction=-1))] == [None, None, 8]


# what the capture does not hold


def test_no_start():
    known = only(metered(value=1500), metered("n", minutes=2, value=1900), stop(minutes=3, meter=2000))
    assert (known.start, known.start_n, known.meter_start) == (None, None, None)
    assert (known.id, known.connector, known.energy, known.stop_n) == ("7", 1, 500, 6)


def test_only_the_stop():
    known = only(stop(), stop("again"))
    assert (known.id, known.connector, known.energy, known.meter_stop) == ("7", None, None, 3000)


def test_values_before_the_stop_show_the_connector():
    assert only(stop(), metered()).connector == 1
    assert only(metered(connector=0), metered("n", connector=2)).connector == 2


def test_one_reading_is_no_amount():
    assert only(metered()).energy is None
    assert only(metered(value=3000), stop()).energy is None


def test_a_lost_answer():
    known = only(start(answer=None), metered(transaction=9), stop(transaction=9))
    assert (known.id, known.energy) == ("9", 2000)
    known = only(start(answer=None), stop(transaction=9))
    assert (known.id, known.energy) == ("9", 2000)


@pytest.mark.parametrize(
    "pieces",
    [
        [start(answer=None), "< " + error("s"), stop(transaction=9)],
        [start(answer=None), stop(transaction=9, meter=10)],
        [start(answer=None), metered(connector=2, transaction=9)],
    ],
)
def test_no_lost_answer(pieces):
    first, second = transactions(pieces)
    assert (first.id, second.id) == (None, "9")


def test_two_starts_without_an_answer():
    pieces = start(answer=None), start("t", answer=None, connector=2), stop(transaction=9)
    assert [one.id for one in transactions(*pieces)] == [None, None, "9"]


def test_a_late_answer_names_what_has_stopped():
    known = only(
        start(answer=None), stop(transaction=-1), "< " + result("s", {"transactionId": 7}), stop("f")
    )
    assert (known.id, known.stop_n) == ("7", 3)


# samples


def test_values_that_come_again_add_nothing():
    assert len(drained(start(), metered(), closed(), opened(), metered("again")).samples) == 1
    assert len(drained(start(), metered(), metered("n", minutes=2)).samples) == 2


def test_values_without_a_time_are_not_taken_for_repeated():
    payload = {"connectorId": 1, "transactionId": 7, "meterValue": [{"sampledValue": [{"value": "5"}]}]}
    found = drained(start(), ask("m", "MeterValues", payload), "+5s", ask("n", "MeterValues", payload))
    assert [one.time - START for one in found.samples] == [
        SECOND // 5 - SECOND // 10,
        5 * SECOND + SECOND // 5,
    ]


def test_values_that_come_late():
    found = drained(start(), stop(), metered(value=1700))
    assert [(one.transaction, one.value) for one in found.samples] == [(1, 1700)]
    assert found.transactions[0].energy == 2000


def test_values_out_of_order():
    pieces = metered(minutes=3, value=1900), metered("n", minutes=1, value=1500)
    assert only(*pieces).energy == 400


def test_a_register_that_samples_count_from_zero():
    assert only(start(meter=482_000), metered(value=0), metered("n", minutes=2, value=600)).energy == 600


def test_registers_that_run_backwards_are_told_so():
    assert only(start(meter=3000), stop(meter=1000)).energy == -2000


# --- OCPP 2.x -----------------------------------------------------------------------------------------------

EVSE = {"evse": {"id": 2, "connectorId": 1}}
TOKEN = {"idToken": {"idToken": "TAG", "type": "ISO14443"}}
ENDED = {"stoppedReason": "EVDisconnected"}


def whole_2x():
    return [
        event("Started", 0, values=[(1000, "Transaction.Begin")], **EVSE),
        event("Updated", 1, minutes=1, values=[(1400, None)], **TOKEN),
        event("Ended", 2, minutes=2, values=[(1900, "Transaction.End")], info=ENDED),
    ]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_whole_transaction_of_2x(version):
    found = drained(whole_2x(), version=version)
    (known,) = found.transactions
    assert {name: getattr(known, name) for name in Transaction.__slots__} == {
        "number": 1,
        "station": "CP001",
        "session": 1,
        "version": version,
        "id": "T",
        "evse": 2,
        "connector": 1,
        "id_token": "TAG",
        "start": START,
        "stop": START + 2 * MINUTE,
        "meter_start": 1000,
        "meter_stop": 1900,
        "energy": 900,
        "reason": "EVDisconnected",
        "start_n": 2,
        "stop_n": 6,
        "details": None,
    }
    assert [(one.n, one.value) for one in found.samples] == [(2, 1000), (4, 1400), (6, 1900)]


def test_registers_without_a_context():
    known = only(event("Started", 0, values=[(5, None)]), event("Ended", 1, minutes=1, values=[(9, None)]))
    assert (known.meter_start, known.meter_stop, known.energy, known.reason) == (5, 9, 4, "Local")


def test_registers_of_updates_are_no_registers_of_start_and_stop():
    pieces = (
        event("Started", 0),
        event("Updated", 1, values=[(5, None)]),
        event("Updated", 2, 1, values=[(9, None)]),
    )
    known = only(*pieces, event("Ended", 3, 2))
    assert (known.meter_start, known.meter_stop, known.energy) == (None, None, 4)


def test_the_last_reading_told_twice():
    last = {"meterValue": [elements(9, 1)]}
    known = only(
        event("Started", 0, values=[(5, None)]), event("Updated", 1, **last), event("Ended", 2, **last)
    )
    assert (known.meter_stop, known.energy) == (9, 4)


def test_all_of_2x_comes_again():
    found = drained(whole_2x(), closed(), opened(), whole_2x(), version="2.0.1")
    assert [one.energy for one in found.transactions] == [900]


@pytest.mark.parametrize("at", range(3))
def test_each_event_of_2x_comes_again(at):
    pieces = whole_2x()
    pieces.insert(at, [*pieces[at], closed(), opened()])
    found = drained(pieces, version="2.0.1")
    assert (len(found.transactions), len(found.samples)) == (1, 3)


def test_no_start_of_2x():
    known = only(whole_2x()[1:], version="2.0.1")
    assert (known.start, known.start_n, known.evse, known.energy) == (None, None, None, 500)


def test_events_of_2x_out_of_order():
    started, updated, ended = whole_2x()
    for order in ((updated, started, ended), (ended, updated, started), (ended, started, updated)):
        known = only(order, version="2.0.1")
        assert (known.start, known.stop, known.energy) == (START, START + 2 * MINUTE, 900)
        assert (known.meter_start, known.evse) == (1000, 2)


def test_an_id_of_2x_given_twice():
    pieces = whole_2x(), event("Started", 9, minutes=9), event("Updated", 10, minutes=9, **EVSE)
    assert [(one.evse, one.stop_n) for one in transactions(*pieces, version="2.0.1")] == [(2, 6), (2, None)]


def test_who_stops_is_not_who_started():
    assert only(event("Started", 0), event("Ended", 1, **TOKEN)).id_token is None


def test_values_of_2x_at_the_evse():
    payload = {"evseId": 2, "meterValue": [elements(1, 1)]}
    values = ask("m", "MeterValues", payload)
    assert len(drained(event("Started", 0, **EVSE), values, version="2.0.1").samples) == 1
    assert drained(whole_2x(), values, version="2.0.1").samples[3:] == []
    assert drained(values, version="2.0.1").transactions == []


# --- times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [None, "soon", "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 5])
def test_times_of_the_capture_where_none_is_told(time):
    known = only("+5s", start(timestamp=time), stop(timestamp=time))
    assert (known.start, known.stop) == (START + 5 * SECOND, START + 5 * SECOND + SECOND // 10)
    known = only(event("Started", 0, timestamp=time), event("Ended", 1, timestamp=time), timeless=True)
    assert (known.start, known.stop, known.stop_n) == (None, None, 4)


# --- draining -----------------------------------------------------------------------------------------------


def test_drained_as_it_comes():
    assembler, given_out = Assembler(), []
    for one in decoded(start(), metered(), stop(), end=False):
        assembler.feed(one)
        out = assembler.drain()
        assert out.samples == [] or out.transactions
        given_out.append([(known.number, known.id, known.energy, known.stop_n) for known in out.transactions])
    assert given_out == [
        [],  # opened
        [(1, None, None, None)],
        [(1, "7", None, None)],
        [(1, "7", 500, None)],
        [],
        [(1, "7", 2000, 6)],
        [],
    ]


def test_changes_are_told_once():
    (known,) = drained(start(), metered(), metered("n", minutes=2), stop()).transactions
    assert known.number == 1


def test_it_is_the_same_object():
    assembler = Assembler()
    events = decoded(start(), stop(), end=False)
    for one in events[:3]:
        assembler.feed(one)
    (known,) = assembler.drain().transactions
    for one in events[3:]:
        assembler.feed(one)
    assert assembler.drain().transactions == [known]
    assert known.energy == 2000


def test_ended_transactions_are_forgotten_after_a_while():
    assembler = Assembler()
    pieces = [[start(f"s{n}", answer=n, minutes=n % 40), stop(f"e{n}", transaction=n)] for n in range(1, 100)]
    for one in decoded(pieces):
        assembler.feed(one)
    (station,) = assembler._stations.values()
    assert (len(station.open), len(station.at), len(station.asked), len(station.ended)) == (0, 0, 0, 20)
    assert len(assembler.drain().transactions) == 99
    assert not assembler.drain().transactions


def test_what_does_not_matter():
    pieces = [HEARTBEAT, HEARTBEAT_ANSWER, ping(), notice("x"), "> [", closed()]
    asked_by_the_csms = "< " + call("1", "StartTransaction", {"connectorId": 1}), "> " + result("1", {})
    found = drained(pieces, asked_by_the_csms)
    assert (found.transactions, found.samples, found.connector_states, found.stations) == ([], [], [], [])


@pytest.mark.parametrize("action", [[], {}, None, 5])
def test_actions_that_are_no_names(action):
    message = Message(Session(1), 0, FROM_STATION, 2, "1", action, {}, "", 1)
    Assembler().feed(message)


# --- real traffic -------------------------------------------------------------------------------------------

CAPTURES = Path(__file__).parents[2] / "captures"


BY_CARD, BY_APP = ("04A1B2C3D4E5F6", True, 6, "Local"), ("APP-20417", True, 3, "Remote")
WITHOUT_START = (None, False, 3, "Local")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clean-1.6.pcap", [BY_CARD, BY_APP]),
        ("tls-1.3.pcapng", [("04A1B2C3D4E5F6", True, 3, "EVDisconnected")]),
        ("rogue-station.pcap", [("04A1B2C3D4E5F6", True, 20, None)]),  # it never stops
        ("late-start.pcap", [WITHOUT_START, BY_APP]),
        ("lost-packets.pcap", [WITHOUT_START, BY_APP]),
        ("clean-2.0.1-deflate.pcap", [("04A1B2C3D4E5F6", True, 6, "Remote")]),
        ("send-2.1.pcap", [("04A1B2C3D4E5F6", True, 6, "Local")]),
    ],
)
def test_captures(name, expected):
    decoder, assembler = Decoder(), Assembler()
    for batch in open_source([str(CAPTURES / name)], SourceOptions()).batches():
        for one in decoder.feed(batch):
            assembler.feed(one)
    assert [
        (known.id_token, known.start is not None, known.energy, known.reason)
        for known in assembler.drain().transactions
    ] == expected


# --- anything -----------------------------------------------------------------------------------------------

_NAMES = (
    "connectorId",
    "evseId",
    "idTag",
    "meterStart",
    "meterStop",
    "timestamp",
    "reason",
    "eventType",
    "seqNo",
)
_SCALARS = JSON | st.sampled_from([1, 7, -1, 0, "T", NOW, "Started", "Ended", 1 << 62, 1e300])
_PAYLOADS = JSON | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(_NAMES, _SCALARS)
    | {
        "transactionId": _SCALARS,
        "transactionInfo": JSON | st.fixed_dictionaries({"transactionId": _SCALARS}, optional={"stoppedReason": JSON}),
        "evse": JSON | st.fixed_dictionaries({}, optional={"id": _SCALARS, "connectorId": _SCALARS}),
        "idToken": JSON | st.fixed_dictionaries({}, optional={"idToken": _SCALARS}),
        "meterValue": METER_VALUES,
        "transactionData": METER_VALUES,
    },
)  # fmt: skip
_ACTIONS = st.sampled_from(
    [
        "StartTransaction",
        "StopTransaction",
        "MeterValues",
        "TransactionEvent",
        "StatusNotification",
        "NotifyEvent",
    ]
)
_LINES = st.one_of(
    st.builds(lambda action, payload: ("> ", [2, "1", action, payload]), _ACTIONS, _PAYLOADS),
    st.builds(lambda payload: ("< ", [3, "1", payload]), _PAYLOADS),
    st.just(("< ", [4, "1", "InternalError", "", {}])),
)


@given(st.lists(_LINES, max_size=12))
def test_any_messages(lines):
    assembler = Assembler()
    for one in decoded(*(side + json.dumps(message) for side, message in lines), version=None):
        assembler.feed(one)
    out = assembler.drain()
    numbers = [known.number for known in out.transactions]
    assert len(numbers) == len(set(numbers))
    assert {one.transaction for one in out.samples} <= set(numbers)
    for known in out.transactions:
        for name in ("evse", "connector", "start", "stop", "meter_start", "meter_stop", "energy"):
            value = getattr(known, name)
            assert value is None or (type(value) is int and abs(value) < 1 << 63), name
        for name in ("id", "id_token", "reason"):
            value = getattr(known, name)
            assert value is None or (type(value) is str and value), name


@given(st.data())
def test_draining_changes_nothing(data):
    pieces = (
        start(),
        metered(),
        start("t", answer=8, connector=2),
        stop(),
        metered("n", minutes=3),
        stop("f", transaction=8),
    )
    at_once = drained(*pieces)
    assembler, samples = Assembler(), []
    known: dict[int, Transaction] = {}
    for one in decoded(*pieces):
        assembler.feed(one)
        if data.draw(st.booleans()):
            out = assembler.drain()
            samples += out.samples
            known |= {one.number: one for one in out.transactions}
    out = assembler.drain()
    known |= {one.number: one for one in out.transactions}
    assert samples + out.samples == at_once.samples
    assert [(one.id, one.energy, one.stop) for one in known.values()] == [
        (one.id, one.energy, one.stop) for one in at_once.transactions
    ]
