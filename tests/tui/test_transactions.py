"""The transactions, and the plot of the one under the cursor."""

import re

import pytest

from ocppscope.ocpp.decoder import Decoder
from ocppscope.store import StoreWriter
from ocppscope.tui.plot import Plot
from ocppscope.tui.views.messages import MessagesView
from ocppscope.tui.views.transactions import TransactionsView
from tests.rules.sessions import BOOT_16, ask, closed, decoded, opened, wire_events
from tests.store.test_charging import CHARGING, at, metered, start, status, stop
from tests.tui import drive, press, screen_of, settle, store_of, write_store

HEADS = ["Start UTC", "Station", "Conn.", "Transaction", "idTag", "Length", "kWh", "Reason"]
SEVERAL = [
    *CHARGING,  # CP001, 30 s, 2 kWh, TAG
    closed(),
    opened(station="CP002"),
    *BOOT_16,
    *start(connector=2, seconds=60, number=12, tag="OTHER"),
    *stop(360, number=12, meter=9500, reason="EVDisconnected"),
    *start(connector=1, seconds=400, number=8, meter=0, tag="LAST"),
    *metered(500, 250, 7200, number=8),
]


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    path = tmp_path_factory.mktemp("several") / "several.ocppdb"
    write_store(path, [wire_events(SEVERAL)])
    return path


def of(folder, *pieces, **options):
    path = folder / "x.ocppdb"
    write_store(path, [wire_events(*pieces, **options)])
    return path


def see(path, *keys, **options):
    """The lines of the screen after the transactions were opened and keys pressed."""
    seen = []

    async def script(browser, pilot):
        await press(pilot, "5", *keys)
        seen.extend(screen_of(browser))

    drive(path, script, **options)
    return seen


def rows(shown):
    """The lines of the list."""
    return [line for line in shown[2:9] if line[1:].strip()]


def test_columns(several):
    shown = see(several)
    assert "transactions › all stations" in shown[0]
    assert re.split(r"  +", shown[1].strip()) == HEADS
    assert [line[1:].split() for line in rows(shown)] == [
        ["10:15:10", "CP001", "1", "7", "TAG", "30.0", "s", "2.000", "Remote"],
        ["10:16:00", "CP002", "2", "12", "OTHER", "5.0", "min", "8.500", "EVDisconnected"],
        ["10:21:40", "CP002", "1", "8", "LAST", "-", "0.250", "running"],
    ]
    assert "1 of 3  ·  10.75 kWh  ·  1 running  ·  by start" in shown[-2]


def test_wide(several):
    shown = see(several, size=(140, 40))
    assert "11-22 10:15:10" in shown[2]
    assert "EVDisconnected" in shown[3]


def test_columns_of_2_x(stores):
    shown = see(store_of("clean-2.0.1-deflate.pcap", stores))
    heads = ["Start UTC", "Station", "EVSE", "Transaction", "idToken", "Length", "kWh", "Reason"]
    assert re.split(r"  +", shown[1].strip()) == heads
    assert "Remote" in shown[2]
    assert (
        "5366aa77-61ac-4d2f-aeb3-c9c42d324bd6"
        in see(store_of("clean-2.0.1-deflate.pcap", stores), size=(140, 40))[2]
    )


def test_what_is_long_is_cut_and_the_rest_keeps_its_room(tmp_path):
    event = {
        "eventType": "Started",
        "timestamp": at(0),
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "5366aa77-61ac-4d2f-aeb3-c9c42d324bd6"},
        "evse": {"id": 12, "connectorId": 2},
        "idToken": {"idToken": "0123456789" * 3, "type": "Central"},
    }
    shown = see(of(tmp_path, ask("1", "TransactionEvent", event), version="2.0.1"))
    assert re.split(r"  +", shown[1].strip())[-1] == "Reason"
    assert re.fullmatch(r"›10:15:00 +CP001 +12/2 +5366aa77-61…  ?0123456789\S+… +- +- +running", shown[2])


def test_the_date_shows_where_there_are_several_days(tmp_path):
    pieces = [start(seconds=10), stop(40)]
    later = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-24T18:05:09Z"}
    pieces.append(
        ask("later", "StartTransaction", later, {"transactionId": 8, "idTagInfo": {"status": "Accepted"}})
    )
    path = of(tmp_path, *pieces)
    shown = see(path)
    assert [line[1:12] for line in rows(shown)] == ["11-22 10:15", "11-24 18:05"]
    assert re.split(r"  +", shown[1].strip()) == HEADS
    assert [line[1:15] for line in see(path, size=(140, 40))[2:4]] == ["11-22 10:15:10", "11-24 18:05:09"]
    assert see(path, "w")[1].split()[:2] == ["Start", "Station"]


def test_small_amounts_and_large_ones(tmp_path):
    path = of(tmp_path, start(), metered(10, 1003), metered(20, 1006), stop(30, meter=1006))
    shown = "\n".join(see(path))
    assert "0.006 kWh  ·  by start" in shown
    assert all(word in shown for word in ("0.006 kWh │", "0.000 kWh │"))


def test_large_amounts(tmp_path):
    shown = see(of(tmp_path, start(meter=0), metered(20, 0), stop(30, meter=11_120_840)))
    assert "11,120.84 kWh" in shown[-2]
    assert "11,120.840" in shown[2]


def test_a_plot_that_does_not_fit(several):
    shown = see(several, "p", size=(80, 12))
    assert "the plot needs a terminal of 18 lines" in shown[-2]

    async def script(browser, pilot):
        await press(pilot, "5", "p")
        assert browser.view._kind is None

    drive(several, script, size=(80, 12))


def test_the_totals_of_a_filter_that_is_still_computed_do_not_look_final(several):
    async def script(browser, pilot):
        await press(pilot, "5")
        browser.set_filter("station == CP002")
        await settle(pilot)
        view = browser.view
        assert "looked at" not in view.status()
        view._scan.done = browser.last // 2
        share = 100 * view._scan.done // browser.last
        assert view.status().startswith(f"1 of 2  ·  {share} % looked at  ·  8.75 kWh")
        view._lines.rows = []
        assert view.status() == f"nothing to show  ·  {share} % looked at"

    drive(several, script)


def test_the_plot(several):
    shown = "\n".join(see(several)[9:])
    for word in (
        "meter 1.000 → 3.000 kWh",
        "CP001, transaction 7",
        "7.2 kW",
        "power",
        "0 W",
        "1.50 kWh",
        "energy",
    ):
        assert word in shown
    assert "10:15:10" in shown
    assert "10:15:40" in shown
    assert "SoC" not in shown
    strip = shown.splitlines()[-3]
    assert strip.split() == ["Prep", "▏Charging", "▏Fin"]


@pytest.mark.parametrize("capture", ["clean-1.6.pcap", "clean-2.0.1-deflate.pcap", "late-start.pcap"])
@pytest.mark.parametrize("size", [(80, 24), (140, 40), (60, 18), (40, 8)])
def test_captures(stores, capture, size):
    shown = see(store_of(capture, stores), size=size)
    assert len(shown) == size[1]
    assert "of " in shown[-2]
    has_plot = any("│" in line for line in shown)
    assert has_plot == (size[1] >= 18)


def test_a_terminal_that_grows_gets_the_plot(several):
    async def script(browser, pilot):
        await press(pilot, "5")
        assert not any("│" in line for line in screen_of(browser))
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert any("7.2 kW" in line for line in screen_of(browser))
        await pilot.resize_terminal(80, 12)
        await settle(pilot)
        assert not any("│" in line for line in screen_of(browser))

    drive(several, script, size=(80, 12))


def test_one_kind_alone(several):
    for keys, kinds in (("p", {"power"}), ("pp", {"energy"}), ("ppp", {"power", "energy"})):
        shown = "\n".join(see(several, *keys)[9:-3])
        assert {kind for kind in ("power", "energy") if kind in shown} == kinds


def test_other_kinds_show_where_there_is_nothing_else(tmp_path):
    values = [{"value": "230", "measurand": "Voltage"}, {"value": "16", "measurand": "Current.Import"}]
    sampled = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [{"timestamp": at(20), "sampledValue": values}],
    }
    shown = "\n".join(see(of(tmp_path, start(), ask("m", "MeterValues", sampled))))
    assert "230 V" not in shown or "voltage" in shown
    assert "16 A" in shown
    assert "current" in shown


def test_state_of_charge_is_shown_of_a_hundred(tmp_path):
    values = [{"value": "54", "measurand": "SoC", "location": "EV"}]
    sampled = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [{"timestamp": at(20), "sampledValue": values}],
    }
    shown = "\n".join(see(of(tmp_path, start(), ask("m", "MeterValues", sampled))))
    assert all(word in shown for word in ("100 %", "SoC", "0 %"))


def test_no_meter_values(tmp_path):
    shown = "\n".join(see(of(tmp_path, status("Charging", 5), start(seconds=10), stop(40))))
    assert "no meter values in the capture" in shown
    assert "meter 1.000 → 3.000 kWh" in shown
    assert "Charging" in shown
    assert "10:15:10" in shown


def test_nothing_is_known_of_the_time(tmp_path):
    event = {
        "eventType": "Updated",
        "timestamp": "-",
        "triggerReason": "Trigger",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "T"},
    }
    path = of(tmp_path, ask("1", "TransactionEvent", event), version="2.0.1", timeless=True)
    shown = see(path)
    assert rows(shown)[0][1:].split() == ["earlier", "CP001", "-", "T", "-", "-", "-", "running"]
    assert any("no meter values" in line for line in shown)


def test_no_transactions(stores):
    shown = see(store_of("refused-handshake.pcap", stores), "p", "s", "S", "enter", "y", "n")
    assert "nothing to show" in shown[-2]
    assert any("no transaction" in line for line in shown)


def test_times(several):
    shown = see(several, "w")
    assert [line[1:9].strip() for line in rows(shown)] == ["0 ms", "50.0 s", "6.5 min"]
    assert "0 ms" in shown[-4]
    assert shown[-4].endswith("30.0 s")
    assert [line[1:9].strip() for line in rows(see(several, "w", "w"))] == ["0 ms", "50.0 s", "5.7 min"]


def test_sorting_keeps_the_cursor(several):
    async def script(browser, pilot):
        await press(pilot, "5", "j")
        ids = []
        for _ in range(8):
            await press(pilot, "s")
            view = browser.view
            ids.append([one.id for one in view._lines.rows])
            assert view.chosen.id == "12"
        assert ids == [
            ["7", "12", "8"],  # by station
            ["7", "8", "12"],  # connector
            ["7", "8", "12"],  # id, as a number
            ["8", "12", "7"],  # idTag
            ["8", "7", "12"],  # length
            ["8", "7", "12"],  # energy
            ["12", "7", "8"],  # reason
            ["7", "12", "8"],  # start
        ]
        await press(pilot, "S")
        assert [one.id for one in browser.view._lines.rows] == ["8", "12", "7"]
        assert "by start, descending" in screen_of(browser)[-2]

    drive(several, script)


def test_enter_opens_the_messages_at_the_start_and_back_returns(several):
    async def script(browser, pilot):
        await press(pilot, "5", "j", "enter")
        assert isinstance(browser.view, MessagesView)
        assert browser.view.scope.sessions == (2,)
        assert "CP002, session 2" in screen_of(browser)[0]
        event = browser.store.event(browser.view.current()).event
        assert (event.action, event.payload["idTag"]) == ("StartTransaction", "OTHER")
        await press(pilot, "escape")
        assert isinstance(browser.view, TransactionsView)
        assert browser.view.chosen.id == "12"

    drive(several, script)


def test_enter_on_one_that_was_carried_into_another_session(tmp_path):
    path = of(tmp_path, start(), closed(), opened(), stop(30))

    async def script(browser, pilot):
        await press(pilot, "5", "enter")
        assert browser.view.scope.sessions == (1, 2)
        assert "CP001, sessions 1, 2" in screen_of(browser)[0]

    drive(path, script, size=(140, 40))


def test_the_scope(several):
    async def script(browser, pilot):
        await press(pilot, "G", "5")
        assert [one.id for one in browser.view._lines.rows] == ["12", "8"]

    drive(several, script)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("payload.idTag == OTHER", ["12"]),
        ("station == CP002", ["12", "8"]),
        ("action == MeterValues", ["7", "8"]),
        ("action == BootNotification", []),
        ("", ["7", "12", "8"]),
    ],
)
def test_a_filter(several, text, ids):
    async def script(browser, pilot):
        await press(pilot, "5", "G")
        browser.set_filter(text)
        await settle(pilot)
        assert [one.id for one in browser.view._lines.rows] == ids
        if "8" in ids:
            assert browser.view.chosen.id == "8"
        browser.set_filter("")
        await settle(pilot)
        assert len(browser.view._lines.rows) == 3

    drive(several, script)


def test_find_copy_and_mark(several):
    async def script(browser, pilot):
        await press(pilot, "5")
        browser.view.find("other", 1)
        assert browser.view.chosen.id == "12"
        assert browser.view.text_to_copy().split() == (
            "10:16:00 CP002 2 12 OTHER 5.0 min 8.500 EVDisconnected".split()
        )
        await press(pilot, "space")
        assert browser.compared == [browser.view.chosen.start_n]
        assert screen_of(browser)[3].startswith("A")

    drive(several, script)


def test_a_store_that_grows(tmp_path, monkeypatch):
    """The cursor stays, what is plotted grows, and nothing is drawn when there is nothing new."""
    events = Decoder().feed(wire_events(SEVERAL))
    path = tmp_path / "x.ocppdb"
    ticks = iter(range(1000))
    writer = StoreWriter(path, source="", clock=lambda: next(ticks))
    actions = [getattr(event, "action", "") for event in events]
    half = actions.index("StopTransaction")
    writer.feed(events[:half])
    drawn = []
    show = Plot.show
    monkeypatch.setattr(Plot, "show", lambda self, picture: (drawn.append(picture), show(self, picture))[0])

    async def script(browser, pilot):
        await press(pilot, "5")
        view = browser.view
        assert [one.id for one in view._lines.rows] == ["7"]
        assert "running" in screen_of(browser)[2]
        count = len(drawn)
        for _ in range(3):
            view.store_changed()
        await press(pilot, "k")
        assert len(drawn) == count
        writer.feed(events[half:])
        browser.look()
        await settle(pilot)
        assert [one.id for one in view._lines.rows] == ["7", "12", "8"]
        assert view.chosen.id == "7"
        assert "Remote" in screen_of(browser)[2]
        assert len(drawn) == count + 1
        browser.following = True
        view.follow_changed()
        assert view.chosen.id == "8"

    drive(path, script)
    writer.close()


def test_a_filter_follows_a_store_that_grows(tmp_path):
    events = decoded(SEVERAL)
    path = tmp_path / "x.ocppdb"
    ticks = iter(range(1000))
    writer = StoreWriter(path, source="", clock=lambda: next(ticks))
    writer.feed(events[:8])

    async def script(browser, pilot):
        await press(pilot, "5")
        assert browser.view._lines.rows == []
        writer.feed(events[8:])
        browser.look()
        await settle(pilot)
        assert [one.id for one in browser.view._lines.rows] == ["12"]

    drive(path, script, filter_text="payload.idTag == OTHER")
    writer.close()


def test_names_that_would_draw_on_the_screen_are_made_visible(tmp_path):
    path = of(tmp_path, start(tag="\x1b[31mRED\n"))
    assert "\x1b" not in "\n".join(see(path))


def test_the_sessions_show_what_a_station_told_of_itself(several):
    async def script(browser, pilot):
        assert "V M" not in screen_of(browser)[-2]
        await press(pilot, "j")
        assert screen_of(browser)[-2].endswith("·  V M")

    drive(several, script)
