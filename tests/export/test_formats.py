"""Every format: a file that is there is not replaced, what is written can be read however the writing ends."""

import json

import pytest

from ocppscope.events import Notice
from ocppscope.export import FORMATS, Order
from ocppscope.filter import parse
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import Store
from tests.cli import run
from tests.store import decoded, source_of


@pytest.fixture
def events(tmp_path):
    return [*decoded(source_of(tmp_path).batches()), Notice("file.damaged", None, "torn")]


def numbers(path):
    """The events of an output, whatever its format."""
    if path.suffix == ".jsonl":
        return [json.loads(line)["n"] for line in path.read_text().splitlines()]
    if path.suffix == ".pcapng":
        read = decoded(open_source([str(path)], SourceOptions()).batches())
        return [event.n for event in read if getattr(event, "how", None) != "end-of-capture"]
    with Store(path) as store:
        store.check()
        return list(store.select())


WHOLE = ("ocppdb", "pcapng", "jsonl")
"""Formats that hold all events, and can be read while they grow; others have tests of their own."""


@pytest.fixture(params=WHOLE)
def output(request, tmp_path):
    form = FORMATS[request.param]
    path = tmp_path / f"out{form.extension}"
    made = form.open(Order(path, "test"))
    yield made, path
    made.close()


def test_all_events_go_in(output, events):
    made, path = output
    made.feed(events[:6], read=1, size=2)
    made.feed(events[6:], read=2, size=2)
    assert made.finish(found="{}") == 13
    made.close()
    assert numbers(path) == list(range(1, 14))


def test_what_was_taken_in_can_be_seen(output, events):
    made, path = output
    made.feed(events[:6], read=1, size=None)
    made.feed(events[6:8], read=1, size=None)
    made.flush()
    assert numbers(path) == list(range(1, 9))


def test_what_was_broken_off_can_be_read(output, events):
    made, path = output
    made.feed(events[:6], read=1, size=None)
    made.leave(found="{}")
    assert numbers(path) == list(range(1, 7))


def test_no_file_is_replaced(tmp_path):
    for form in FORMATS.values():
        path = tmp_path / f"mine{form.extension}"
        path.write_text("mine")
        with pytest.raises(FileExistsError):
            form.open(Order(path, "test"))
        assert path.read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path):
    for form in FORMATS.values():
        with pytest.raises(FileNotFoundError):
            form.open(Order(tmp_path / "no" / f"x{form.extension}", "test"))


def test_every_format_has_its_own_extension():
    assert len({form.extension for form in FORMATS.values()}) == len(FORMATS)
    assert all(form.extension.startswith(".") and form.help for form in FORMATS.values())


@pytest.mark.parametrize("name", WHOLE)
def test_a_batch_that_was_broken_off_does_no_harm(tmp_path, events, name, monkeypatch):
    path = tmp_path / f"out{FORMATS[name].extension}"
    made = FORMATS[name].open(Order(path, "test"))
    made.feed(events[:2], read=1, size=None)
    wrong = [*events[2:5], None]
    with pytest.raises((AttributeError, TypeError)):
        made.feed(wrong, read=1, size=None)
    made.leave()
    assert numbers(path) == [1, 2]


# --- stores -------------------------------------------------------------------------------------------------


def store_output(folder, **order):
    return FORMATS["ocppdb"].open(Order(folder / "s.ocppdb", "test.pcap", **order))


@pytest.mark.parametrize("profile", ["field", "strict"])
def test_a_store_has_the_findings_of_its_profile(tmp_path, events, profile):
    made = store_output(tmp_path, profile=profile)
    made.feed(events, read=1, size=1)
    made.finish()
    shown = [
        json.loads(line)
        for line in run("check", "--json", "--profile", profile, tmp_path / "test.pcap").stdout.splitlines()
    ]
    with Store(tmp_path / "s.ocppdb") as store:
        assert store.meta["profile"] == profile
        assert store.meta["source"] == "test.pcap"
        assert [(one.rule, one.severity) for one in store.findings() if one.rule != "CAP-009"] == [
            (one["rule"], one["severity"]) for one in shown
        ]


@pytest.mark.parametrize("end", ["finish", "leave"])
def test_a_store_selects_by_itself(tmp_path, events, end):
    made = store_output(tmp_path, wanted=parse("severity == error"))
    made.feed(events, read=1, size=1)
    getattr(made, end)(found="{}")
    with Store(tmp_path / "s.ocppdb") as store:
        assert store.meta["filter"] == "severity == error"
        assert store.is_complete == (end == "finish")
        assert {one.severity for one in store.events(store.select())} == {"error"}


def test_what_sqlite_cannot_write_is_an_error_of_the_output(tmp_path, events):
    made = store_output(tmp_path)
    made._writer._database.execute("PRAGMA max_page_count = 20")
    made.feed(events, read=1, size=1)
    with pytest.raises(OSError, match="full") as error:
        made.finish(found="x" * 1_000_000)
    assert error.value.strerror == "database or disk is full"
    made.close()
