"""Writing what is shown to files."""

import json
import os
import stat
from pathlib import Path

import pytest

from ocppscope.events import Notice
from ocppscope.export.records import event_record, line
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import SourceOptions, open_source
from ocppscope.tui.exporting import export
from tests.tui import CAPTURES, drive, press, screen_of, settle, store_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


def decoded(capture):
    decoder = Decoder()
    batches = open_source([str(CAPTURES / capture)], SourceOptions()).batches()
    return [event for batch in batches for event in decoder.feed(batch) if not isinstance(event, Notice)]


def exported(capture, folder, path, *keys, **options):
    """Write what is shown after some keys; what the user is told."""
    said = []

    async def script(browser, pilot):
        await press(pilot, *keys)
        said.append(export(browser.view, path))
        await settle(pilot)
        await settle(pilot)
        said.extend(one.message for one in browser._notifications)

    drive(store_of(capture, folder), script, **options)
    return said


@pytest.mark.parametrize(
    "capture", ["clean-1.6.pcap", "rogue-station.pcap", "lost-packets.pcap", "send-2.1.pcap"]
)
@pytest.mark.parametrize("key", ["2", "3"])
def test_events_as_ls_prints_them(capture, key, folder, tmp_path):
    path = tmp_path / "out.jsonl"
    events = decoded(capture)
    assert exported(capture, folder, path, key) == ["", f"wrote {len(events)} events to {path}"]
    assert path.read_bytes() == b"".join(line(event_record(event)) for event in events)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_what_is_selected(folder, tmp_path):
    path = tmp_path / "out.jsonl"
    said = exported("clean-1.6.pcap", folder, path, "2", filter_text="action == Authorize")
    assert said == ["", f"wrote 2 events to {path}"]
    assert [json.loads(one)["action"] for one in path.read_text().splitlines()] == ["Authorize"] * 2


def test_nothing_is_overwritten(folder, tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("mine")
    (tmp_path / "out-2.jsonl").touch()
    assert exported("send-2.1.pcap", folder, path, "2")[1].endswith(f"to {tmp_path / 'out-3.jsonl'}")
    assert path.read_text() == "mine"


def test_lines_as_they_show(folder, tmp_path):
    path = tmp_path / "out.txt"
    shown = []

    async def script(browser, pilot):
        await press(pilot, "2", "down")
        shown.extend(screen_of(browser)[1:-2])
        assert export(browser.view, path) == ""
        await settle(pilot)

    drive(store_of("send-2.1.pcap", folder), script, size=(100, 50))
    lines = path.read_text().splitlines()
    assert len(lines) == len(decoded("send-2.1.pcap")) + 1
    assert lines == [one.replace("›", " ", 1) if one.startswith("›") else one for one in shown][: len(lines)]


def test_other_views_are_lines_too(folder, tmp_path):
    said = exported("send-2.1.pcap", folder, tmp_path / "s.txt")
    assert said == ["", f"wrote 2 lines to {tmp_path / 's.txt'}"]
    assert "OSL-HUB-07" in (tmp_path / "s.txt").read_text()
    said = exported("send-2.1.pcap", folder, tmp_path / "s.jsonl")
    assert said == ["only messages and the ladder are written as .jsonl; here s.txt and s.svg can be"]
    assert not (tmp_path / "s.jsonl").exists()


def test_a_picture_without_the_question(folder, tmp_path):
    path = tmp_path / "out.svg"

    async def script(browser, pilot):
        await press(pilot, "2", "x")
        browser.view.query_one("Input").value = str(path)
        await press(pilot, "enter")
        await settle(pilot)

    drive(store_of("send-2.1.pcap", folder), script)
    text = path.read_text()
    assert text.startswith("<svg")
    assert "BootNotification" in text
    assert "Export" not in text


@pytest.mark.parametrize(
    ("name", "why"),
    [("a.csv", "ends in .csv"), ("a", "has no ending")],
)
def test_forms_that_are_not_known(name, why, folder, tmp_path):
    said = exported("send-2.1.pcap", folder, tmp_path / name, "2")
    assert said == [f"{name} {why}, which tells no form; .jsonl, .txt and .svg do"]


@pytest.mark.parametrize("ending", ["jsonl", "txt", "svg"])
def test_a_folder_that_is_not_there(ending, folder, tmp_path):
    path = tmp_path / "none" / f"a.{ending}"
    said = exported("send-2.1.pcap", folder, path, "2")
    assert said == ["", f"{path} is not written: No such file or directory"]


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs a full disk")
def test_a_full_disk(folder, tmp_path, monkeypatch):
    full = os.open("/dev/full", os.O_WRONLY)
    path = tmp_path / "a.jsonl"
    monkeypatch.setattr("ocppscope.tui.exporting._opened", lambda _: (full, path))
    assert (
        exported("send-2.1.pcap", folder, path, "2")[1] == f"{path} is not written: No space left on device"
    )
