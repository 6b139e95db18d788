import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION, Message, Session
from ocppscope.export import records
from ocppscope.export.charging_records import transaction_record
from ocppscope.ocpp import transaction_details
from ocppscope.ocpp.transaction_details import Ledger, Rhythm, SeqNos
from tests.ocpp.test_lenient import JSON
from tests.ocpp.test_transactions import event, metered, start, stop
from tests.rules.sessions import MINUTE, SECOND, START, ask, call, closed, decoded, opened


def told(*pieces, **options):
    ledger = Ledger()
    return [*ledger.feed(decoded(*pieces, **options)), *ledger.close()]


def only(*pieces, **options):
    (found,) = told(*pieces, **options)
    assert found.details is not None
    return found.details


# --- sequence numbers ---


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([], None),
        ([0, 1, 2], []),
        ([5, 6], []),  # what was before is not in the capture
        ([0, 3], [(1, 2)]),
        ([0, 3, 2], [(1, 1)]),
        ([0, 3, 1], [(2, 2)]),
        ([0, 5, 3], [(1, 2), (4, 4)]),
        ([0, 3, 2, 1], []),
        ([0, 0, 1, 1], []),
        ([4, 5, 1], [(2, 3)]),
        ([0, 10**15], [(1, 10**15 - 1)]),
    ],
)
def test_missing_numbers(numbers, missing):
    seen = SeqNos()
    for number in numbers:
        seen.see(number)
    assert seen.missing == missing


@given(st.lists(st.integers(0, 60), min_size=1))
def test_missing_numbers_are_those_between_that_did_not_come(numbers):
    seen, news = SeqNos(), []
    for number in numbers:
        news.append(seen.see(number))
    absent = [number for first, last in seen.missing for number in range(first, last + 1)]
    assert absent == sorted(set(range(min(numbers), max(numbers))) - set(numbers))
    assert news == [number not in numbers[:at] for at, number in enumerate(numbers)]


# --- meter values that are missing ---


def holes(*minutes):
    rhythm = Rhythm()
    for minute in minutes:
        rhythm.beat(None if minute is None else minute * MINUTE)
    return [(first // MINUTE, last // MINUTE) for first, last in rhythm.holes()]


@pytest.mark.parametrize(
    ("minutes", "missing"),
    [
        ((0, 1, 2, 3, 4, 5), []),
        ((0, 1, 2, 3, 8, 9, 10), [(3, 8)]),
        ((0, 1, 2, 3, 5, 6), []),  # one may come late
        ((0, 1, None, 2, 3, 8, 9, 10), [(3, 8)]),
        ((0, 1, 2, 3, 8, 9, 10, 5, 6), []),  # sent later
        ((0, 1, 2, 3, 13, 14, 15, 5), [(5, 13)]),
        ((0, 1, 9), []),  # what is usual is not known
    ],
)
def test_holes(minutes, missing):
    assert holes(*minutes) == missing


def test_holes_of_a_transaction_reach_to_its_end():
    values = [metered(f"m{minute}", minute) for minute in (1, 2, 3, 4, 5)]
    details = only(start(), *values, stop(minutes=15))
    assert details.holes == [(START + 5 * MINUTE, START + 15 * MINUTE)]


# --- what waited ---


def test_what_waited_in_the_queue():
    details = only("+1200s", start(), "+60s", metered(minutes=1), stop(minutes=20))
    assert details.start_age == 20 * MINUTE
    assert details.stop_age == 60.2 * SECOND
    assert details.oldest == 20 * MINUTE + 0.1 * SECOND  # of the meter values
    assert details.clock_error is None


def test_a_clock_that_is_behind_is_no_queue():
    details = only("+3600s", start(), "+60s", metered(), "+60s", stop())
    assert details.start_age == 60 * MINUTE
    assert details.clock_error == 60 * MINUTE


def test_ages_of_2x_and_what_was_made_offline():
    details = only(
        event("Started", 0),
        "+600s",
        event("Updated", 1, minutes=1, offline=True),
        event("Updated", 1, minutes=1, offline=True),  # repeated
        event("Ended", 2, minutes=9, offline=True),
        version="2.0.1",
    )
    assert (details.start_age, details.stop_age) == (0, 60.3 * SECOND)
    assert details.oldest == pytest.approx(9 * MINUTE, abs=SECOND)
    assert details.offline_events == 2


def test_without_times_nothing_is_known_of_ages():
    details = only(start(), stop(), timeless=True)
    assert (details.start_age, details.stop_age, details.oldest, details.clock_error) == (None,) * 4


# --- the rest ---


def test_sessions_and_a_start_that_was_answered():
    details = only(
        start(reservationId=5), closed(), opened(), metered(), closed(), opened(), stop(idTag="OTHER")
    )
    assert (details.sessions, details.reservation, details.stop_id_token) == (3, 5, "OTHER")
    assert (details.id_token_status, details.is_followed) == ("Accepted", False)


def test_a_stop_that_was_lost():
    lost, going_on = told(start(), start("s2", 8, minutes=5))
    assert (lost.details.is_followed, lost.stop_n) == (True, None)
    assert not going_on.details.is_followed


def test_what_2x_tells_more():
    info = {"chargingState": "Charging", "timeSpentCharging": 40, "remoteStartId": 77, "tariffId": "NIGHT"}
    token = {"idToken": {"idToken": "TAG", "type": "ISO14443"}}
    details = only(
        event("Started", 0, info=info, reservationId=9, **token),
        event("Updated", 1, minutes=1, info={"chargingState": "SuspendedEV"}),
        event("Ended", 4, minutes=2, idToken={"idToken": "BOSS", "type": "Central"}),
        version="2.1",
    )
    assert (details.charging_state, details.time_charging) == ("SuspendedEV", 40)
    assert (details.remote_start, details.reservation, details.tariff) == (77, 9, "NIGHT")
    assert (details.id_token_type, details.stop_id_token) == ("ISO14443", "BOSS")
    assert details.seq_nos.missing == [(2, 3)]


def answered(kind, seq, answer, **more):
    (asked, *_) = event(kind, seq, **more)
    return [asked, '< [3,"' + f"{kind}{seq}" + '",' + answer + "]"]


def test_cost_by_the_csms():
    currency = {
        "component": {"name": "TariffCostCtrlr"},
        "variable": {"name": "Currency"},
        "attributeStatus": "Accepted",
        "attributeValue": "EUR",
    }
    details = only(
        ask("v", "GetVariables", {}, {"getVariableResult": [currency]}, side="<"),
        event("Started", 0),
        answered("Updated", 1, '{"totalCost":1.5,"idTokenInfo":{"status":"Blocked"}}'),
        ask("c", "CostUpdated", {"totalCost": 2.5, "transactionId": "T"}, {}, side="<"),
        version="2.0.1",
    )
    assert (details.total_cost, details.cost_by, details.currency) == (2.5, "csms", "EUR")
    assert details.id_token_status == "Blocked"


def test_the_final_cost_comes_with_the_answer_to_the_end():
    details = only(event("Started", 0), answered("Ended", 1, '{"totalCost":4}', minutes=3), version="2.0.1")
    assert (details.total_cost, details.currency) == (4, None)


@pytest.mark.parametrize(
    ("total", "expected"),
    [({"inclTax": 3.21, "exclTax": 3}, 3.21), ({"exclTax": 3}, 3), ({}, None), (5, None)],
)
def test_cost_by_the_station(total, expected):
    cost = {"totalCost": {"currency": "NOK", "total": total}, "totalUsage": {"energy": 1}}
    details = only(event("Started", 0), event("Ended", 1, minutes=1, costDetails=cost), version="2.1")
    assert details.total_cost == expected
    assert (details.cost_by, details.currency) == ((None, None) if expected is None else ("station", "NOK"))


@pytest.mark.parametrize("cost", ["x", True, [], {}, 10**400, None])
def test_a_cost_that_is_none(cost):
    asked = {"totalCost": cost, "transactionId": "T"}
    assert only(event("Started", 0), "< " + call("c", "CostUpdated", asked), version="2.1").total_cost is None


MORE = (
    "offline seqNo reservationId chargingState totalCost costDetails idTokenInfo meterValue tariffId remoteStartId "
    "timeSpentCharging currency total inclTax timestamp"
).split()
NESTED = st.recursive(JSON, lambda inside: st.dictionaries(st.sampled_from(MORE), inside), max_leaves=8)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent", "CostUpdated"]
            ),
            st.sampled_from([2, 3]),
            st.booleans(),
            st.sampled_from(["Started", "Updated", "Ended"]),
            st.dictionaries(st.sampled_from(MORE), NESTED),
        )
    )
)
def test_any_payload_can_be_taken(said):
    session, ledger = Session(1, station="CP", version="2.1"), Ledger()
    found = []
    for n, (action, kind, is_up, event_type, payload) in enumerate(said, 1):
        info = {"transactionId": "T", **payload}
        whole = {"eventType": event_type, "transactionInfo": info, "transactionId": "T", **payload}
        asked = Message(session, n, FROM_STATION, 2, "1", action, whole, "", n)
        direction = FROM_STATION if is_up else FROM_CSMS
        message = Message(
            session, n, direction, kind, "1", action, whole, "", n, call=asked if kind == 3 else None
        )
        found += ledger.feed([message])
    for one in [*found, *ledger.close()]:
        json.loads(records.line(transaction_record(one)))


# --- what is given out, and when ---


def many(count):
    for number in range(count):
        yield start(f"s{number}", number, minutes=0)
        yield stop(f"e{number}", transaction=number, minutes=1)


def test_all_are_given_out_in_order_once():
    found = told(many(60), closed(), opened(station="CP002"), start(answer=99))
    assert [one.number for one in found] == list(range(1, 62))


def test_they_do_not_wait_for_the_end_of_the_capture(monkeypatch):
    monkeypatch.setattr(transaction_details, "_IN_ORDER", 10)
    ledger = Ledger()
    early = list(ledger.feed(decoded(start("open", 1000, connector=9), many(60))))
    assert [one.number for one in early] == list(range(2, 32))
    rest = list(ledger.close())
    assert [one.number for one in rest] == [1, *range(32, 62)]


def test_one_that_was_given_out_does_not_come_again(monkeypatch):
    monkeypatch.setattr(transaction_details, "_IN_ORDER", 0)
    monkeypatch.setattr(transaction_details, "ENDED", 1)
    ledger, found = Ledger(), []
    for one in decoded(many(3), metered(minutes=1, transaction=0)):
        found += ledger.feed([one])
    found += ledger.close()
    assert [one.number for one in found] == [1, 2, 3]


def test_stations_are_bounded(monkeypatch):
    monkeypatch.setattr(transaction_details, "_IN_ORDER", 0)
    monkeypatch.setattr(transaction_details, "STATIONS", 2)
    pieces = [[opened(station=f"CP{number}"), start(answer=number), closed()] for number in range(5)]
    ledger, early = Ledger(), []
    for one in decoded(pieces):
        early += ledger.feed([one])
    assert [one.station for one in early] == ["CP0", "CP1", "CP2"]
