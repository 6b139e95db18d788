"""A and B side by side."""

import pytest

from ocppscope.events import FROM_STATION, Opened, Session, Text
from ocppscope.ocpp.difference import aligned
from ocppscope.tui.views.compare import _differing, _folded
from tests.tui import drive, press, screen_of, settle, store_of, write_store

START = 1_795_342_500_000_000_000
METER = '{"connectorId":1,"meterValue":[{"timestamp":"T","sampledValue":[%s]}]}'
POWER = '{"value":"%s","measurand":"Power.Active.Import","unit":"W"}'
SOC = '{"value":"50","measurand":"SoC"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def meters(folder):
    one = Session(1, station="CP001", version="1.6")
    path = folder / "meters.ocppdb"

    def said(text):
        return Text(one, START, FROM_STATION, text)

    batch = [
        Opened(one, START, "/CP001", ("ocpp1.6",), "ocpp1.6", 101),
        said('[2,"1","MeterValues",%s]' % (METER % (POWER % 7000))),
        said('[2,"2","MeterValues",%s]' % (METER % (SOC + "," + POWER % 7010))),
        said('[2,"3","DataTransfer",{"vendorId":"x","data":"%s"}]' % ("0123456789" * 30)),
        said('[2,"4","DataTransfer",{"data":1,"vendorId":"x"}]'),
        said('[2,"5","DataTransfer",{"vendorId":"x","data":1.0}]'),
    ]
    write_store(path, [batch])
    return path


def compared(*steps):
    """The keys that compare two events of the list"""
    keys = ["2"]
    for step in steps:
        keys += ["j"] * step + ["space"]
    return [*keys, "c"]


def test_what_is_inserted_shifts_nothing(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(1, 1))
        shown = screen_of(browser)
        assert "compare › #2 and #3" in shown[0]
        assert shown[1].split() == "A #2 MeterValues CALL B #3 MeterValues CALL".split()
        assert shown[2].count("CP001 → CSMS, session 1") == 2
        assert shown[3].count("2026-11-22T10:15:00.000000Z") == 2
        assert shown[-3].startswith(" 2 differences: /meterValue/0/sampledValue/0, /meterValue/0/sampledVa")
        body = [line[1:] for line in shown[4:-3] if line.strip()]
        signs = "".join(sign for line in body for sign in "≠+-" if f" {sign} " in line)
        assert signs == "++++≠"
        (changed,) = (line for line in body if " ≠ " in line)
        assert changed.split() == ['"value":', '"7000"', "≠", '"value":', '"7010"']

    drive(meters, script)


def test_from_difference_to_difference(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(1, 1))
        assert "/meterValue/0/sampledValue/0: added: {…}" in screen_of(browser)[-2]
        await press(pilot, "right_square_bracket")
        assert '/meterValue/0/sampledValue/0/value: "7000" ≠ "7010"' in screen_of(browser)[-2]
        assert browser.view.text_to_copy() == (
            '/meterValue/0/sampledValue/0/value\nA: "value": "7000"\nB: "value": "7010"'
        )
        at = browser.view.main.cursor
        await press(pilot, "right_square_bracket")
        assert browser.view.main.cursor == at
        await press(pilot, "left_square_bracket")
        assert "added" in screen_of(browser)[-2]
        await press(pilot, "g", "j", "j")
        assert "the whole: equal" in screen_of(browser)[-2]
        assert browser.view.text_to_copy() == "{"

    drive(meters, script)


def test_only_what_differs(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(1, 1))
        assert "connectorId" in "".join(screen_of(browser))
        await press(pilot, "d")
        shown = "".join(screen_of(browser))
        assert "connectorId" not in shown
        assert '"meterValue": [' in shown
        assert "only differences" in shown
        assert "/meterValue/0/sampledValue/0: added" in shown, "the cursor stays"
        await press(pilot, "d")
        assert "connectorId" in "".join(screen_of(browser))

    drive(meters, script)


def test_long_values_are_folded_and_types_told(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(3, 1))
        shown = screen_of(browser)
        assert "".join(line[1:39].strip() for line in shown).count("0123456789") >= 25
        assert (
            "(type differs: string, number)" in shown[-2] + shown[-1]
            or "type differs" in browser.view.status()
        )

    drive(meters, script)


def test_nothing_differs(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(4, 1))
        assert screen_of(browser)[-3] == " no differences"
        await press(pilot, "d")
        assert browser.view.main.count() == 2

    drive(meters, script)


def test_events_that_are_no_messages(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(0, 1))
        shown = screen_of(browser)
        assert shown[1].split()[:3] == ["A", "#1", "opened"]
        assert any('"subprotocol": "ocpp1.6"' in line for line in shown)
        await press(pilot, "escape")
        assert browser.view.ROOM == "messages"

    drive(meters, script, size=(140, 60))


def test_an_error_is_compared_by_its_parts(folder):
    async def script(browser, pilot):
        await press(pilot, "2")
        browser.compared = [8, 9]
        await press(pilot, "c")
        assert "code" in "".join(screen_of(browser))

    drive(store_of("rogue-station.pcap", folder), script, size=(120, 40))


def test_a_narrower_screen_keeps_the_place(meters):
    async def script(browser, pilot):
        await press(pilot, *compared(1, 1), "right_square_bracket")
        await pilot.resize_terminal(50, 20)
        await settle(pilot)
        assert '/meterValue/0/sampledValue/0/value: "7000" ≠' in browser.view.status()

    drive(meters, script)


def test_folding():
    assert _folded(None, 10) == []
    assert _folded("", 10) == [""]
    assert _folded("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert _folded("充電" * 5, 10) == ["充電充電充", "電充電充電"]
    assert _folded("a\x1bb", 10) == ["a␛b"]
    assert _folded("a" * 1_001, 10)[-1] == "… 1 more characters"


def test_rows_that_differ_stand_in_what_they_are_in():
    rows = _differing(aligned({"a": {"x": [1]}, "b": {"y": "{"}}, {"a": {"x": [2]}, "b": {"y": "{"}}))
    assert [row.expected for row in rows] == ["{", '  "a": {', '    "x": [', "      1", "    ]", "  }", "}"]
