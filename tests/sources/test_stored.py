"""Stores as inputs: the decoder gets what it got the first time."""

import gzip
import io
from pathlib import Path

import pytest

from ocppscope.events import Notice
from ocppscope.filter import parse
from ocppscope.sources import InputError, SourceOptions, open_source
from ocppscope.store import StoreWriter
from tests.store import decoded, fill, source_of, stored


@pytest.fixture
def events(tmp_path):
    return decoded(source_of(tmp_path).batches())


@pytest.fixture
def path(tmp_path, events):
    stored(tmp_path, events, "a.ocppdb").close()
    return tmp_path / "a.ocppdb"


def opened(*names, **options):
    return open_source(list(map(str, names)), SourceOptions(**options))


def refused(*names):
    with pytest.raises(InputError) as error:
        opened(*names)
    return str(error.value)


def test_it_is_known_by_its_content(path, events):
    other = path.rename(path.with_suffix(".pcap"))
    again = decoded(opened(other).batches())
    assert [(event.n, event.time, type(event)) for event in again] == [
        (event.n, event.time, type(event)) for event in events
    ]


def test_progress(path):
    source = opened(path)
    assert source.size == path.stat().st_size
    assert source.read == 0
    assert source.caution is None
    list(source.batches())
    assert source.read == source.size


@pytest.mark.parametrize(
    ("noted", "found"),
    [
        ('{"packet":5}', {"packet": 5}),
        ('{"a":"x","b":1}', {"b": 1}),
        ("{", {}),
        ("[]", {}),
        (5, {}),
        (None, {}),
    ],
)
def test_what_was_found_instead(tmp_path, noted, found):
    writer = StoreWriter(tmp_path / "f.ocppdb", source="")
    writer.finish(found=noted)
    assert opened(tmp_path / "f.ocppdb").found == found


# --- what a user should know --------------------------------------------------------------------------------


def test_a_selection_says_so(tmp_path, events):
    writer = StoreWriter(tmp_path / "s.ocppdb", source="")
    fill(writer, events)
    writer.select(parse("event == gap").sql(), "event == gap")
    writer.finish()
    assert (
        "holds a selection (event == gap): what was left out may seem missing"
        in opened(tmp_path / "s.ocppdb").caution
    )


def test_a_store_that_grows_or_was_left_says_so(tmp_path, events):
    writer = StoreWriter(tmp_path / "s.ocppdb", source="")
    fill(writer, events)
    assert "is still being written: this is what it holds now" in opened(tmp_path / "s.ocppdb").caution
    assert opened(tmp_path / "s.ocppdb", follow=lambda: True).caution is None
    writer.leave()
    assert "its writer was stopped before the end" in opened(tmp_path / "s.ocppdb").caution


def test_a_growing_store_is_followed(tmp_path, events):
    writer = StoreWriter(tmp_path / "s.ocppdb", source="")
    fill(writer, events[:5])

    def wait():
        writer.feed(events[5:])
        writer.finish()
        return True

    again = decoded(opened(tmp_path / "s.ocppdb", follow=wait).batches())
    assert [event.n for event in again] == list(range(1, 14))


# --- what cannot be read ------------------------------------------------------------------------------------


def test_damage_ends_it_with_a_notice(path):
    data = bytearray(path.read_bytes())
    at = data.index(b'"how":')
    data[at : at + 6] = b'"how"}'
    path.write_bytes(data)
    *_, last = (event for batch in opened(path).batches() for event in batch)
    assert isinstance(last, Notice)
    assert last.kind == "file.damaged"
    assert "cannot be read" in last.detail


def test_standard_input_is_no_file(path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert refused("-") == (
        "a store cannot be read from standard input, because SQLite needs a file: save it, and name the file"
    )


def test_nor_is_gzip(path, tmp_path):
    (tmp_path / "b.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert "b.gz is a store in gzip, and SQLite needs a plain file: unpack it" in refused(tmp_path / "b.gz")


def test_a_store_is_not_joined(path, tmp_path):
    assert "cannot be joined" in refused(tmp_path / "test.pcap", path)
    assert "cannot be joined" in refused(path, tmp_path / "test.pcap")


def test_another_database(tmp_path):
    Path(tmp_path / "x").write_bytes(b"SQLite format 3\x00" + bytes(100))
    assert str(tmp_path / "x") in refused(tmp_path / "x")
