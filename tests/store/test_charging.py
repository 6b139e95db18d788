"""Transactions, samples, connector states and stations in a store."""

import dataclasses
import sqlite3

import pytest

from ocppscope.filter import parse
from ocppscope.ocpp.transactions import Assembler
from ocppscope.store import Store, StoreWriter
from tests.rules.sessions import BOOT_16, START, ask, closed, decoded, opened
from tests.store import fill, stored

SECOND = 1_000_000_000


def at(seconds):
    """What a station's clock says so many seconds after START; below an hour."""
    return f"2026-11-22T10:{15 + seconds // 60:02}:{seconds % 60:02}Z"


def start(connector=1, seconds=0, number=7, meter=1000, tag="TAG"):
    asked = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": at(seconds)}
    return ask(
        f"start{number}",
        "StartTransaction",
        asked,
        {"transactionId": number, "idTagInfo": {"status": "Accepted"}},
    )


def metered(seconds, wh, watts=None, number=7, connector=1):
    values = [{"value": str(wh)}]
    if watts is not None:
        values.append({"value": str(watts), "unit": "W", "measurand": "Power.Active.Import"})
    sampled = [{"timestamp": at(seconds), "sampledValue": values}]
    asked = {"connectorId": connector, "transactionId": number, "meterValue": sampled}
    return ask(f"meter{number}at{seconds}", "MeterValues", asked)


def stop(seconds, number=7, meter=3000, reason="Remote"):
    asked = {"transactionId": number, "meterStop": meter, "timestamp": at(seconds), "reason": reason}
    return ask(f"stop{number}", "StopTransaction", asked)


def status(state, seconds, connector=1):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": state, "timestamp": at(seconds)}
    return ask(f"status{connector}at{seconds}", "StatusNotification", asked)


CHARGING = [
    *BOOT_16,
    *status("Preparing", 0),
    *start(seconds=10),
    *status("Charging", 12),
    *metered(20, 1500, 7200),
    *metered(30, 2500, 7000),
    *stop(40),
    *status("Finishing", 41),
    *status("Available", 60),
]


def test_what_the_assembler_tells_is_what_is_read(tmp_path):
    events = decoded(CHARGING)
    assembler = Assembler()
    for event in events:
        assembler.feed(event)
    told = assembler.drain()
    with stored(tmp_path, events) as store:
        assert list(map(dataclasses.astuple, store.transactions())) == list(
            map(dataclasses.astuple, told.transactions)
        )
        again = Assembler()
        for message in store.charging_messages(told.transactions[0]):
            again.feed(message)
        assert again.drain().samples == told.samples
        assert len(told.samples) == 4
        assert [store.station(one.station) for one in told.stations] == list(told.stations)
        assert store.connector_states(told.transactions[0], 0, 1 << 62) == told.connector_states


def test_a_transaction_changes_while_the_store_grows(tmp_path):
    ticks = iter(range(1000))
    writer = StoreWriter(tmp_path / "x.ocppdb", source="", clock=lambda: next(ticks))
    events = decoded(CHARGING)
    half = next(at for at, event in enumerate(events) if getattr(event, "action", "") == "StopTransaction")
    writer.feed(events[:half])
    with Store(tmp_path / "x.ocppdb") as store:
        (running,) = store.transactions()
        assert (running.stop_n, running.energy) == (None, 1500)
        last = store.last
        assert store.transactions(after=last) == []
        seen = [message.n for message in store.charging_messages(running)]
        writer.feed(events[half:])
        (ended,) = store.transactions(after=last)
        assert (ended.number, ended.id, ended.energy, ended.reason) == (1, "7", 2000, "Remote")
        new = [message.action for message in store.charging_messages(ended, after=seen[-1])]
        assert new == ["StopTransaction"]
    writer.finish()


def test_what_is_broken_off_leaves_nothing(tmp_path):
    """A transaction of messages that are not in the store would prove what nobody can look at."""
    writer = StoreWriter(tmp_path / "x.ocppdb", source="", clock=lambda: 0.0)
    events = decoded(CHARGING)
    writer.feed(events[:4])
    writer.feed(events[4:])
    writer.abandon()
    writer.leave()
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.transactions() == []
        assert store.last == 4


def test_transactions_of_sessions(tmp_path):
    """It is of the session in which it began, and of that in which it ended."""
    events = decoded(
        start(number=7),
        closed(),
        opened(station="OTHER"),
        start(number=8),
        closed(),
        opened(),
        stop(30, number=7),
    )
    with stored(tmp_path, events) as store:
        assert [one.id for one in store.transactions()] == ["7", "8"]
        assert [one.id for one in store.transactions([1])] == ["7"]
        assert [one.id for one in store.transactions([2])] == ["8"]
        assert [one.id for one in store.transactions((3,))] == ["7"]
        assert [one.id for one in store.transactions([2, 3])] == ["7", "8"]
        assert store.transactions([]) == []


# --- connector states ---------------------------------------------------------------------------------------


def states(store, number, since, until):
    one = store.transactions()[number]
    found = store.connector_states(one, START + since * SECOND, START + until * SECOND)
    return [(state.status, None if state.time is None else (state.time - START) // SECOND) for state in found]


def test_states_begin_with_the_one_that_was_found(tmp_path):
    with stored(tmp_path, decoded(CHARGING, status("Faulted", 13, connector=2))) as store:
        assert states(store, 0, 10, 45) == [("Preparing", 0), ("Charging", 12), ("Finishing", 41)]
        assert states(store, 0, 12, 12) == [("Charging", 12)]
        assert states(store, 0, 500, 600) == [("Available", 60)]
        assert states(store, 0, 500, 1 << 60) == [("Available", 60)]  # clocks may say anything


@pytest.mark.parametrize(
    ("evse", "told", "shown"),
    [
        ({"id": 1, "connectorId": 1}, {"evseId": 1, "connectorId": 1}, True),
        ({"id": 1}, {"evseId": 1, "connectorId": 2}, True),  # which one is not said
        ({"id": 1, "connectorId": 1}, {"evseId": 1, "connectorId": 2}, False),
        ({"id": 1, "connectorId": 1}, {"evseId": 2, "connectorId": 1}, False),
        (None, {"evseId": 1, "connectorId": 1}, False),
    ],
)
def test_states_of_an_evse(tmp_path, evse, told, shown):
    event = {
        "eventType": "Started",
        "timestamp": at(10),
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T"},
    }
    events = decoded(
        ask("1", "StatusNotification", {"timestamp": at(0), "connectorStatus": "Occupied", **told}),
        ask("2", "TransactionEvent", event | ({"evse": evse} if evse else {})),
        version="2.0.1",
    )
    with stored(tmp_path, events) as store:
        assert states(store, 0, 10, 20) == ([("Occupied", 0)] if shown else [])


def test_states_of_stations_without_a_name_are_those_of_the_session(tmp_path):
    late = {"late": True, "version": "1.6"}
    events = decoded(
        opened(**late),
        status("Charging", 0),
        start(),
        opened(**late, server="10.0.0.3:9000"),
        status("Faulted", 1),
    )
    for event in events:
        event.session.station = None
    with stored(tmp_path, events) as store:
        assert states(store, 0, 5, 60) == [("Charging", 0)]


def test_one_message_may_tell_of_several_connectors(tmp_path):
    told = [
        {
            "eventId": at_evse,
            "timestamp": at(0),
            "trigger": "Delta",
            "actualValue": "Occupied",
            "component": {"name": "Connector", "evse": {"id": at_evse, "connectorId": 1}},
            "variable": {"name": "AvailabilityState"},
        }
        for at_evse in (1, 2)
    ]
    payload = {"generatedAt": at(0), "seqNo": 0, "eventData": told}
    events = decoded(ask("1", "NotifyEvent", payload), version="2.0.1")
    with stored(tmp_path, events) as store:
        database = sqlite3.connect(store.path)
        assert database.execute("SELECT n, evse FROM connector_states").fetchall() == [(2, 1), (2, 2)]
        database.close()


# --- stations, filters, selections --------------------------------------------------------------------------


def test_stations(tmp_path):
    with stored(tmp_path, decoded(BOOT_16)) as store:
        info = store.station("CP001")
        assert (info.vendor, info.model, info.firmware) == ("V", "M", None)
        assert store.station("CP002") is None
        assert store.station(None) is None


def test_what_a_filter_selects_with_its_sessions(tmp_path):
    events = decoded(start(), closed(), opened(station="OTHER"), start(number=8))
    with stored(tmp_path, events) as store:
        where = parse("type == CALL").sql()
        calls = [(one.session.number, one.n) for one in events if getattr(one, "type", 0) == 2]
        assert store.selected(where, 0, store.last) == calls
        assert store.selected(where, calls[0][1], store.last) == calls[1:]
        assert store.selected(where, 0, calls[0][1]) == calls[:1]


def test_a_selection_keeps_the_transactions_that_it_shows_something_of(tmp_path):
    other = [opened(station="OTHER"), *BOOT_16, *start(number=8, tag="SECRET"), *metered(20, 1500, number=8)]
    writer = StoreWriter(tmp_path / "x.ocppdb", source="")
    fill(writer, decoded(CHARGING, closed(), other))
    wanted = parse("station == CP001 and action == MeterValues")
    writer.select(wanted.sql(), wanted.text)
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        (kept,) = store.transactions()
        assert kept.id == "7"
        assert {message.action for message in store.charging_messages(kept)} == {"MeterValues"}
        assert (store.station("CP001") is not None, store.station("OTHER")) == (True, None)
    assert b"SECRET" not in (tmp_path / "x.ocppdb").read_bytes()
