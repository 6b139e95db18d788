"""Station and CSMS side by side."""

import re

import pytest

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Gap,
    Opened,
    Session,
    Text,
)
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store.writer import StoreWriter
from tests.tui import CAPTURES, drive, press, screen_of, settle, store_of, write_store

START = 1_795_342_500_000_000_000  # 2026-11-22T10:15:00Z
SECOND = 1_000_000_000
ROGUE = "rogue-station.pcap"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def odd(folder):
    """One of each of what a lane may show"""
    one = Session(1, station="CP001", version="2.1")
    times = iter(range(START, START + 100 * SECOND, SECOND))

    def said(direction, text):
        return Text(one, next(times), direction, text)

    batch = [
        Opened(one, next(times), "/CP001", ("ocpp2.1",), "ocpp2.1", 101),
        said(FROM_STATION, '[2,"1","Heartbeat",{}]'),
        said(FROM_CSMS, '[3,"1",{"currentTime":"2026-11-22T10:15:02Z"}]'),
        said(FROM_CSMS, '[2,"2","Reset",{"type":"Immediate"}]'),
        said(FROM_STATION, '[4,"2","NotSupported","not here",{}]'),
        said(FROM_STATION, '[6,"3","NotifyPeriodicEventStream",{"id":1}]'),
        said(FROM_STATION, '[2,"4","Authorize",{"idToken":{"idToken":"04A1","type":"ISO14443"}}]'),
        said(FROM_CSMS, '[3,"x",{}]'),
        Control(one, next(times), FROM_STATION, "ping", b""),
        Control(one, next(times), FROM_CSMS, "pong", b""),
        Damaged(one, next(times), FROM_CSMS, "utf8", 3, "no UTF-8", b"[2,\xff]"),
        Gap(one, next(times), FROM_STATION, 120),
        Gap(one, next(times), FROM_CSMS, None),
        Closed(one, next(times), "csms", "close", 1000, "bye\x1b[2J"),
    ]
    path = folder / "odd.ocppdb"
    write_store(path, [batch])
    return path


@pytest.fixture(scope="module")
def several(folder):
    """Six sessions, one after another"""
    names = ["clean-1.6.pcap", "refused-handshake.pcap", ROGUE, "send-2.1.pcap"]
    source = open_source([str(CAPTURES / name) for name in names], SourceOptions())
    path = folder / "several.ocppdb"
    write_store(path, source.batches())
    return path


def short(lane):
    """A lane with what fills it only once."""
    return re.sub(r"([─┄▒~═])\1+", r"\1", lane)


def test_arrows_tell_what_happened(odd):
    async def script(browser, pilot):
        await press(pilot, "3")
        shown = screen_of(browser)
        assert shown[1].split() == ["CP001", "session", "1", "CSMS"]
        lanes = [line[16:] for line in shown[2:16]]
        assert all(len(line) == 64 for line in lanes)
        assert [short(line) for line in lanes] == [
            "╤═ opened, ocpp2.1: /CP001 ═╤",
            "│─ Heartbeat: sign of life ─▶│",
            "│◀─ Heartbeat result 1.0 s: 2026-11-22T10:15:02Z ─│",
            "│◀─ Reset: Immediate ─│",
            "│─ Reset ✗ ERROR 1.0 s: NotSupported: not here (the recei… ─▶│",
            "│─ NotifyPeriodicEventStream (Send): stream 1 ─▷│",
            "│─ Authorize ✗ no answer: idToken 04A1 (ISO14443) ─▶│",
            "│◀─ result to a Call that was not seen ─│",
            "│┄ ping ┄▶│",
            "│◀┄ pong ┄│",
            "│◀▒ DAMAGED utf8: no UTF-8 ▒│",
            "│~ 120 bytes lost ~▶│",
            "│◀~ bytes lost ~│",
            "╧═ closed by the CSMS, code 1000: bye␛[2J ═╧",
        ]
        assert {line[1] for line in shown[2:16]} >= {"E", " "}

    drive(odd, script)


def test_times_are_the_users(odd):
    async def script(browser, pilot):
        await press(pilot, "3")
        assert screen_of(browser)[3][3:15] == "10:15:01.000"
        await press(pilot, "w")
        assert screen_of(browser)[4][3:15].strip() == "2.000000"
        await press(pilot, "w")
        assert screen_of(browser)[4][3:15].strip() == "1.000000"

    drive(odd, script)


def test_keys_do_what_they_do_in_messages(odd):
    async def script(browser, pilot):
        await press(pilot, "3", "j", "a")
        assert browser.view.current() == 3
        await press(pilot, "a")
        assert browser.view.current() == 2
        await press(pilot, "e")
        first = browser.view.current()
        assert first > 2
        await press(pilot, "E")
        assert browser.view.current() != 2
        await press(pilot, "H")
        assert browser.view.lines.count() == 10
        await press(pilot, "F")
        assert browser.view.current() == 14
        browser.set_filter("type == CALLERROR")
        await settle(pilot)
        assert list(browser.view.lines.numbers) == [5]
        assert "1 of 1" in screen_of(browser)[-2]
        assert browser.view.text_to_copy() == '[4,"2","NotSupported","not here",{}]'

    drive(odd, script)


def test_it_begins_where_another_view_was(odd):
    async def script(browser, pilot):
        await press(pilot, "2", "j", "j", "j", "3")
        assert browser.view.ROOM == "ladder"
        assert browser.view.current() == 4
        await press(pilot, "2")
        assert browser.view.current() == 4

    drive(odd, script)


def test_sessions_stand_side_by_side(several):
    async def script(browser, pilot):
        await press(pilot, "3")
        shown = screen_of(browser)
        assert shown[1].split() == "+4 sessions LIS-0117 (1) CSMS OPO-0008 (2) CSMS".split()
        assert shown[2][16] == "╤"
        assert not shown[2][48:].strip(), "a life line before the session began"
        await press(pilot, "G")
        shown = screen_of(browser)
        assert shown[1].split() == "+4 sessions ROGUE-13 (5) CSMS OSL-HUB-07 (6) CSMS".split()
        (current,) = (line for line in shown if line.startswith("›"))
        assert "╧═══ closed by" in current[40:]

    drive(several, script)


def test_a_wide_screen_shows_all_lanes(several):
    async def script(browser, pilot):
        await press(pilot, "3")
        assert screen_of(browser)[1].count("CSMS") == 6
        assert "+" not in screen_of(browser)[1]

    drive(several, script, size=(170, 40))


def test_sessions_that_do_not_fit_are_told_of(several):
    async def script(browser, pilot):
        await press(pilot, "3")
        browser.set_filter("type == CALL and action == BootNotification")
        await settle(pilot)
        first = screen_of(browser)
        assert "LIS-0117" in first[1]
        assert "session 5: BootNoti" in first[3]
        assert first[3].endswith("› │")
        await press(pilot, "G")
        assert "OSL-HUB-07" in screen_of(browser)[1]
        assert "│ ‹ session 1: Boot" in screen_of(browser)[2]

    drive(several, script, size=(50, 12))


def test_a_refused_handshake(folder):
    async def script(browser, pilot):
        await press(pilot, "3")
        assert "╤═══ ✗ REFUSED with status" in screen_of(browser)[2]

    drive(store_of("refused-handshake.pcap", folder), script)


def test_an_answer_may_still_come(folder):
    path = folder / "growing.ocppdb"
    one = Session(1, station="CP001")
    writer = StoreWriter(path, source="test", durable=False)
    decoder = Decoder()

    def feed(direction, text):
        writer.feed(decoder.feed([Text(one, START, direction, text)]))
        writer.commit()

    feed(FROM_STATION, '[2,"1","Heartbeat",{}]')

    async def script(browser, pilot):
        await press(pilot, "3")
        assert "Heartbeat … no answer yet: sign of life ─" in "".join(screen_of(browser))
        feed(FROM_CSMS, '[3,"1",{}]')
        browser.look()
        await settle(pilot)
        assert "no answer" not in "".join(screen_of(browser))
        assert "Heartbeat result" in "".join(screen_of(browser))

    drive(path, script)
    writer.finish()


@pytest.mark.parametrize("size", [(40, 8), (80, 24), (140, 40)])
def test_any_size(size, folder):
    async def script(browser, pilot):
        await press(pilot, "3", "j", "G")
        lanes = [line for line in screen_of(browser)[2:-2] if line.strip()]
        assert lanes
        assert all(len(line) <= size[0] for line in lanes)
        assert lanes[0].rstrip(" ▁▂▃▄▅▆▇█")[-1] in "│╤╧"

    drive(store_of(ROGUE, folder), script, size=size)
