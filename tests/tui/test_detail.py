"""One event whole, on the screen."""

import time

import pytest
from rich.cells import cell_len

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Control, Damaged, Gap, Opened, Session, Text
from ocppscope.ocpp.decoder import Decoder
from ocppscope.store.writer import StoreWriter
from ocppscope.tui.rows import RawText
from ocppscope.tui.views.detail import DetailView
from ocppscope.tui.views.messages import MessagesView
from tests.tui import drive, press, screen_of, settle, store_of, write_store

START = 1_795_342_500_000_000_000  # 2026-11-22T10:15:00Z
METER_VALUES = (
    '[2,"m","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-11-22T10:15:00Z",'
    '"sampledValue":[{"value":"12410","measurand":"Energy.Active.Import.Register","unit":"Wh"},{"unit":"W"}]}]}]'
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """What captures seldom hold."""
    session = Session(1, "10.0.0.1:1", "10.0.0.2:2", "CP001")
    head = b"GET /CP001 HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\nHost: csms\r\n\r\n"

    def said(text, direction=FROM_STATION):
        return Text(session, START, direction, text)

    path = tmp_path_factory.mktemp("odd") / "odd.ocppdb"
    answer = b"HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: secret\r\n\r\n"
    write_store(
        path,
        [
            [
                Opened(
                    session, START, "/CP001", ("ocpp1.6",), "ocpp1.6", 101,
                    auth="Basic CP001", request=head, response=answer,
                ),
                said(METER_VALUES),
                said('[3,"m",{}]', FROM_CSMS),
                said('[2,"long","DataTransfer",{"vendorId":"x","data":"' + "0123456789" * 30 + '\u009b31m"}]'),
                said('[4,"long","NotImplemented","no such\\u001b[2J thing",{"why":"Überspannung"}]', FROM_CSMS),
                Control(session, START, FROM_CSMS, "ping", b"beat\xff"),
                Damaged(session, START, FROM_STATION, "utf8", 3, "no UTF-8", b"[2,\xff\xfeBoot]"),
                Damaged(session, START, FROM_STATION, "websocket", 2, "bad opcode", b"\x83\x01\x02\x03"),
                Gap(session, START, FROM_CSMS, 100),
                Closed(session, START, "csms", "close", 1006, "bye"),
                said('[2,"s",\n"Reset",\n{}]', FROM_CSMS),
            ]
        ],
    )  # fmt: skip
    return path


def shown(path, n, *keys, size=(80, 24), numbers=()):
    """The screen of an event after some keys."""
    screens = []

    async def script(browser, pilot):
        await browser.open_event(n, numbers)
        await settle(pilot)
        await press(pilot, *keys)
        screens.extend(screen_of(browser))

    drive(path, script, size=size)
    return "\n".join(screens)


@pytest.fixture(scope="module")
def rogue(stores):
    return store_of("rogue-station.pcap", stores)


def test_a_call_with_a_violation_its_finding_and_its_answer(rogue):
    screen = shown(rogue, 7, size=(140, 40))
    assert "#7 StatusNotification: connector 1: Faulted" in screen
    assert 'message   CALL "4", station → CSMS' in screen
    assert "answer    #8 StatusNotification CALLERROR: FormatViolation" in screen
    assert "E error SCH-enum A value is none of those allowed" in screen
    assert "source    OCPP 1.6 JSON schemas" in screen
    assert "hint      values are case-sensitive" in screen
    assert '! "Error": it must be one of' in screen
    assert '"status": "Faulted",  ← out of order' in screen


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 8)])
def test_no_line_is_wider_than_the_screen(rogue, size):
    async def script(browser, pilot):
        await browser.open_event(1, range(1, 22))
        await settle(pilot)
        for _ in range(21):
            lines = browser.screen.main
            for index in range(lines.count()):
                assert cell_len(lines.line_text(index)) <= size[0]
            browser.screen.action_next_event()
            await pilot.pause()

    drive(rogue, script, size=size)


def test_units_and_what_the_schema_misses(odd):
    screen = shown(odd, 2, "G", size=(100, 40))
    assert '"value": "12410",  ← 12.41 kWh' in screen
    assert '! lacks "value"' in screen
    assert '"connectorId": 1,  (required integer' in screen


def test_the_answer_is_one_key_away_and_the_call_another(odd):
    async def script(browser, pilot):
        await browser.open_event(2)
        await settle(pilot)
        await press(pilot, "a")
        assert browser.screen.current() == 3
        assert "answers   #2 after 0 ms: MeterValues" in "\n".join(screen_of(browser))
        await press(pilot, "a")
        assert browser.screen.current() == 2

    drive(odd, script)


def test_modes_follow_each_other_and_the_cursor_is_remembered(odd):
    async def script(browser, pilot):
        await browser.open_event(2)
        await settle(pilot)
        view = browser.screen
        await press(pilot, "G", "k", "k")
        in_tree = view.main.cursor
        await press(pilot, "tab")
        assert view.mode == "raw"
        assert METER_VALUES[:60] in "\n".join(screen_of(browser))
        assert view.text_to_copy() == METER_VALUES
        await press(pilot, "tab")
        assert view.mode == "hex"
        assert "The source has no frames: the text in UTF-8" in "\n".join(screen_of(browser))
        assert view.text_to_copy() == METER_VALUES.encode().hex(" ")
        await press(pilot, "tab")
        assert view.main.cursor == in_tree

    drive(odd, script)


def test_the_frame_as_it_was_on_the_wire(stores):
    screen = shown(store_of("clean-1.6.pcap", stores), 2, "tab", "tab", "G", size=(80, 40))
    assert "Frame: FIN, text, mask" in screen
    assert "000000  81 " in screen


def test_folding_shows_how_much_is_hidden_and_wrong(odd):
    async def script(browser, pilot):
        await browser.open_event(2)
        await settle(pilot)
        view = browser.screen
        line = next(at for at in range(view.main.count()) if '"meterValue"' in view.main.line_text(at))
        view.main.cursor = line
        await press(pilot, "z")
        assert '"meterValue": [… 1 item]  ! 1 violation inside' in view.main.line_text(line)
        assert view.main.cursor == line
        await press(pilot, "enter")
        assert '"meterValue": [' in view.main.line_text(line)
        assert "/meterValue required array" in view.status()
        assert view.text_to_copy().startswith("[\n  {\n")
        await press(pilot, "j", "j", "enter")
        assert "timestamp" in view.main.line_text(view.main.cursor), "Enter leaves values alone"
        await press(pilot, "z")
        assert "{… 2 fields}" in view.main.line_text(view.main.cursor)

    drive(odd, script, size=(100, 40))


def test_the_handshake_without_its_secrets(odd):
    screen = shown(odd, 1, size=(80, 40))
    assert "auth      Basic CP001" in screen
    assert "Authorization: (not shown)" in screen
    assert "HTTP/1.1 101 Switching Protocols" in screen
    assert "c2VjcmV0" not in screen
    assert "secret" not in screen


def test_an_error_is_explained_and_its_control_characters_are_visible(odd):
    screen = shown(odd, 5, size=(100, 40))
    assert "code      NotImplemented: the receiver does not know this action" in screen
    assert "said      no such␛[2J thing" in screen
    assert '"why": "Überspannung"' in screen


def test_long_values_are_wrapped(odd):
    screen = shown(odd, 4, "G", size=(60, 40))
    digits = "".join(line.strip(" ›") for line in screen.split("\n") if "3456789" in line)
    assert "0123456789" * 25 in digits
    assert "\ufffd31m" in screen
    assert "\u009b" not in screen


def test_a_ping_a_gap_and_a_close(odd):
    ping = shown(odd, 6)
    assert "payload   5 bytes" in ping
    assert "000000  62 65 61 74 ff" in ping
    assert "GAP: 100 bytes are not in the capture" in shown(odd, 9)
    assert "closed by the CSMS, code 1006: bye" in shown(odd, 10)


def test_damage_is_pointed_at(odd):
    text = shown(odd, 7).split("\n")
    row = next(at for at, line in enumerate(text) if "Boot]" in line)
    assert text[row + 1].index("^") == text[row].index("\ufffd")
    data = shown(odd, 8).split("\n")
    row = next(at for at, line in enumerate(data) if "83 01 02 03" in line)
    assert data[row + 1].index("^^") == data[row].index("02")
    assert "[hex]" in "\n".join(data), "what is no text is shown as bytes first"


def test_raw_text_keeps_its_lines(odd):
    screen = shown(odd, 11, "tab").split("\n")
    row = next(at for at, line in enumerate(screen) if '[2,"s",␊' in line)
    assert [line.strip() for line in screen[row + 1 : row + 3]] == ['"Reset",␊', "{}]"]


def test_the_keys_for_the_next_and_the_one_before_go_through_the_list(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "j", "enter")
        assert browser.screen.current() == 2
        await press(pilot, "J", "right_square_bracket")
        assert browser.screen.current() == 4
        await press(pilot, "K")
        assert browser.screen.current() == 3
        await press(pilot, "escape")
        assert isinstance(browser.screen, MessagesView)
        assert browser.screen.current() == 3, "the list has followed"
        await press(pilot, "G", "enter", "J")
        assert browser.screen.current() == 21

    drive(rogue, script)


def test_the_next_finding_of_the_list(rogue):
    async def script(browser, pilot):
        await press(pilot, "2", "j", "enter", "e")
        assert browser.screen.current() == 6
        await press(pilot, "e", "E", "E")
        assert browser.screen.current() == 20, "past the first one it begins at the end"

    drive(rogue, script)


def test_search(odd):
    async def script(browser, pilot):
        await browser.open_event(2)
        await settle(pilot)
        view = browser.screen
        view.find("12.41 kwh", 1)
        assert "12410" in view.main.line_text(view.main.cursor)
        view.find("nowhere", 1)
        assert "12410" in view.main.line_text(view.main.cursor)
        await press(pilot, "tab")
        view.find('"sampledValue"', 1)
        assert '"sam' in view.main.line_text(view.main.cursor)

    drive(odd, script, size=(60, 24))


def test_another_width_lays_out_anew_and_keeps_the_place(odd):
    async def script(browser, pilot):
        await browser.open_event(4)
        await settle(pilot)
        view = browser.screen
        await press(pilot, "G", "k")
        narrow = view.main.count()
        await pilot.resize_terminal(200, 24)
        await settle(pilot)
        assert view.main.count() < narrow
        assert '"data"' in view.main.line_text(view.main.cursor)

    drive(odd, script, size=(50, 24))


def test_an_event_that_is_not_there(odd):
    assert "#99 is not in this store" in shown(odd, 99, "tab", "z", "a", "J", "enter", "y")


def test_an_answer_that_comes_later_is_shown_when_it_comes(tmp_path):
    session = Session(1, station="CP001", version="1.6")
    path = tmp_path / "growing.ocppdb"
    writer, decoder = StoreWriter(path, source="test", durable=False), Decoder()
    writer.feed(decoder.feed([Text(session, START, FROM_STATION, '[2,"1","Heartbeat",{}]')]))
    writer.commit()

    async def script(browser, pilot):
        await browser.open_event(1)
        await settle(pilot)
        assert "answer    none so far" in "\n".join(screen_of(browser))
        writer.feed(decoder.feed([Text(session, START, FROM_CSMS, '[3,"1",{"currentTime":"x"}]')]))
        writer.commit()
        browser.look()
        await settle(pilot)
        assert "answer    #2 Heartbeat answer" in "\n".join(screen_of(browser))
        arranged = browser.screen.main.parts
        writer.feed(decoder.feed([Text(session, START, FROM_STATION, '[2,"2","Heartbeat",{}]')]))
        writer.commit()
        browser.look()
        await settle(pilot)
        assert browser.screen.main.parts is arranged, "nothing new: nothing is laid out again"

    drive(path, script)
    writer.finish()


def test_a_payload_of_sixteen_megabytes_is_quick(tmp_path):
    session = Session(1, station="CP001", version="1.6")
    path = tmp_path / "large.ocppdb"
    value = '{"timestamp":"2026-11-22T10:15:00Z","sampledValue":[{"value":"1"}]}'
    values = ",".join([value] * 235_000)
    text = f'[2,"1","MeterValues",{{"connectorId":1,"meterValue":[{values}]}}]'
    assert len(text) > 15 << 20
    write_store(path, [[Text(session, START, FROM_STATION, text)]])

    async def script(browser, pilot):
        began = time.perf_counter()
        await browser.open_event(1)
        await settle(pilot)
        await press(pilot, "G", "k", "z", "tab", "G", "tab", "G")
        assert browser.screen.main.count() > 900_000
        assert time.perf_counter() - began < 15
        assert isinstance(browser.screen, DetailView)

    drive(path, script)


def test_raw_text_of_wide_characters():
    raw = RawText("日本語x" * 10, 9)
    rows = [raw.cells(at)[0] for at in range(len(raw))]
    assert "".join(rows) == "日本語x" * 10
    assert rows[0] == "日本語x日"
    assert raw.find("X", 0, 1) == 1
    assert raw.find("X", 0, -1) == len(raw) - 1


def test_what_points_at_the_end_of_a_full_row_stands_before_it():
    raw = RawText("x" * 30, 30, 28)
    assert raw.cells(1)[0] + raw.cells(1)[1][0] == " " * 13 + "it breaks here ^"
    assert [raw.index_of(raw.anchor(at)) for at in range(2)] == [0, 0]
