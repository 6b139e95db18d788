"""Writing a store: what readers see while it grows, and what is left when the writing ends in any way."""

import os
import sqlite3
import stat
import threading

import pytest

from ocppscope.events import (
    FROM_STATION,
    Closed,
    Message,
    Notice,
    Opened,
    Session,
    Text,
)
from ocppscope.filter import parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.rules.registry import RULES, SEVERITIES, Report
from ocppscope.store import Store, StoreWriter
from tests.store import decoded, fill, source_of, stored

T = 1_700_000_000_000_000_000
OPENED = ("/ocpp/CP001", ("ocpp1.6",), "ocpp1.6", 101)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def writer(tmp_path, clock):
    made = StoreWriter(tmp_path / "x.ocppdb", source="x.pcap", clock=clock)
    yield made
    made.close()


@pytest.fixture
def events(tmp_path):
    return decoded(source_of(tmp_path).batches())


def seen(writer_path, statement, *parameters):
    database = sqlite3.connect(writer_path)
    try:
        return database.execute(statement, parameters).fetchall()
    finally:
        database.close()


def test_only_its_owner_may_read_it(writer, tmp_path):
    assert stat.S_IMODE((tmp_path / "x.ocppdb").stat().st_mode) == 0o600


def test_it_never_replaces_a_file(tmp_path):
    (tmp_path / "y").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        StoreWriter(tmp_path / "y", source="")
    assert (tmp_path / "y").read_bytes() == b"mine"


def test_an_empty_store_says_who_writes_it(writer, tmp_path):
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.meta["source"] == "x.pcap"
        assert store.meta["writer"] == os.getpid()
        assert (store.last, store.is_complete, store.has_writer) == (0, False, True)
        assert list(store.wire_events()) == [[]]


def test_the_first_events_are_seen_at_once_then_four_times_a_second(writer, tmp_path, clock, events):
    with Store(tmp_path / "x.ocppdb") as store:
        writer.feed([], read=10, size=100)
        assert "read" not in store.meta
        writer.feed(events[:2], read=20, size=100)
        assert (store.last, store.meta["read"], store.meta["size"]) == (2, 20, 100)
        clock.now = 0.2
        writer.feed(events[2:4])
        assert store.last == 2
        clock.now = 0.25
        writer.feed([], read=50, size=100)
        assert (store.last, store.meta["read"]) == (4, 50)


def test_progress_is_told_also_where_nothing_is_found(writer, tmp_path, clock):
    with Store(tmp_path / "x.ocppdb") as store:
        clock.now = 1
        writer.feed([], read=50, size=100)
        assert store.meta["read"] == 50


def test_commit_shows_what_waits(writer, tmp_path, events):
    with Store(tmp_path / "x.ocppdb") as store:
        writer.feed(events[:1])
        writer.feed(events[1:3])
        assert store.last == 1
        writer.commit()
        assert store.last == 3


def test_a_complete_store_is_one_file(writer, tmp_path, events):
    fill(writer, events)
    assert writer.finish(found="{}") == 13
    assert [path.name for path in tmp_path.iterdir() if "ocppdb" in path.name] == ["x.ocppdb"]
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.is_complete
        assert not store.has_writer
        assert store.meta["found"] == "{}"
        store.check()
    writer.close()  # once more does no harm


def test_a_batch_that_was_broken_off_is_as_if_it_had_not_come(writer, tmp_path, events):
    writer.feed(events[:3])
    engine = fill(writer, events[3:8])
    assert engine.findings
    writer.abandon()
    writer.leave(found="{}")
    with Store(tmp_path / "x.ocppdb") as store:
        assert (store.last, store.is_complete, store.has_writer) == (3, False, False)
        assert store.findings() == []
        assert store.sessions()[0].messages == 2
        store.check()


def test_others_may_set_marks_at_any_time(writer, tmp_path, clock, events):
    other = sqlite3.connect(tmp_path / "x.ocppdb", timeout=0, isolation_level=None)

    def mark(n):
        other.execute("INSERT INTO marks VALUES (?, '')", (n,))

    mark(1)
    writer.feed(events[:3])
    mark(2)
    writer.feed(events[3:5])
    mark(3)
    real = writer.commit

    def commit(**facts):
        real(**facts)
        mark(4 + facts.get("complete", 0))

    writer.commit = commit
    writer.finish()
    assert other.execute("SELECT n FROM marks").fetchall() == [(1,), (2,), (3,), (4,), (5,)]
    other.close()


def test_it_waits_for_others(writer, tmp_path, events):
    other = sqlite3.connect(tmp_path / "x.ocppdb", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO marks VALUES (1, '')")
    later = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    later.start()
    writer.feed(events)
    writer.finish()
    later.join()
    other.close()
    assert seen(tmp_path / "x.ocppdb", "SELECT n FROM marks") == [(1,)]


# --- sessions -----------------------------------------------------------------------------------------------


def test_a_session_goes_on_over_commits_and_after_its_close(writer, tmp_path):
    one = Session(1, "c", "s")

    def text(n):
        return Text(one, T + n, FROM_STATION, f'[2,"{n}","Heartbeat",{{}}]')

    decoder = Decoder()
    for batch in (
        [Opened(one, T, *OPENED, auth="Basic u")],
        [text(1), text(2)],
        [],
        [text(3), Closed(one, T + 9, "station", "close", 1000)],
        [text(4)],
        [],
    ):
        writer.feed(decoder.feed(batch))
        writer.commit()
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        (row,) = store.sessions()
    assert (row.messages, row.start, row.end, row.auth, row.status) == (4, T, T + 9, "Basic u", 101)
    assert (row.closed, row.closed_by, row.close_code) == ("close", "station", 1000)
    assert (row.session.station, row.session.version) == ("CP001", "1.6")


def test_what_is_learnt_of_a_session_later_is_written(writer, tmp_path):
    one = Session(1, "c", "s", late=True)
    decoder = Decoder()
    texts = ['[3,"1",{"currentTime":"2026-01-01T00:00:00Z"}]', '[2,"2","StartTransaction",{}]']
    for text in texts:
        writer.feed(decoder.feed([Text(one, T, FROM_STATION, text)]))
        writer.commit()
        with Store(tmp_path / "x.ocppdb") as store:
            version = store.sessions()[0].session.version
    assert version == "1.6"


# --- what does not fit --------------------------------------------------------------------------------------


def test_a_value_that_sqlite_cannot_hold_spoils_neither_its_row_nor_the_others(writer, tmp_path):
    one = Session(1, "c", "s", "CP\ud800")
    events = [Opened(one, T, n=1), Opened(one, 1 << 70, n=2), Opened(one, T, n=3)]
    writer.feed([*events, Notice("file.damaged", 1 << 80, "a\udcffb")])
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        assert [one.event.time for one in store.events(range(1, 4))] == [T, None, T]
        assert store.sessions()[0].session.station == "CP\\ud800"
        assert [one.detail for batch in store.wire_events() for one in batch if isinstance(one, Notice)] == [
            "a\\udcffb"
        ]


# --- findings -----------------------------------------------------------------------------------------------


def test_findings_are_those_of_the_engine(tmp_path, events):
    writer = StoreWriter(tmp_path / "f.ocppdb", source="")
    engine = fill(writer, events)
    writer.finish()
    with Store(tmp_path / "f.ocppdb") as store:
        found = sorted(store.findings(), key=lambda one: one.number)
        assert len(found) == len(engine.findings) > 3
        for number, (row, finding) in enumerate(zip(found, engine.findings, strict=True), 1):
            assert row.number == number
            assert (row.rule, row.severity, row.detail) == (finding.rule.id, finding.severity, finding.detail)
            assert (row.count, row.first, row.last) == (finding.count, finding.first, finding.last)
            assert list(store.proofs(number)) == sorted(finding.events)
            assert (row.title, row.hint) == (RULES[row.rule].title, RULES[row.rule].hint)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_event_has_the_gravest_severity_that_it_proves_also_when_told_later(tmp_path, events, size):
    writer = StoreWriter(tmp_path / "s.ocppdb", source="", clock=iter(range(1000)).__next__)
    worst = {}

    def observe(finding, report, numbers):
        writer.observe(finding, report, numbers)
        for n in numbers:
            worst[n] = min(worst.get(n, 9), SEVERITIES.index(finding.severity))

    engine = Engine(observer=observe)
    for at in range(0, len(events), size):
        engine.feed(events[at : at + size])
        writer.feed(events[at : at + size])
    writer.finish()
    with Store(tmp_path / "s.ocppdb") as store:
        shown = {one.n: one.severity for one in store.events(range(1, 14)) if one.severity}
    assert shown == {n: SEVERITIES[at] for n, at in worst.items() if n}


def test_notices_keep_their_place(tmp_path, events):
    noticed = [
        Notice("a", None, "1"),
        *events[:4],
        Notice("b", 5, "2", "of"),
        Notice("c", 6, "3"),
        *events[4:],
    ]
    noticed += [Notice("d", None, "4")]
    with stored(tmp_path, noticed) as store:
        again = [event for batch in store.wire_events() for event in batch]
    places = [(at, event) for at, event in enumerate(noticed) if isinstance(event, Notice)]
    assert [(at, event) for at, event in enumerate(again) if isinstance(event, Notice)] == places


# --- selections ---------------------------------------------------------------------------------------------


def selection(folder, events, text):
    writer = StoreWriter(folder / "sel.ocppdb", source="")
    fill(writer, events)
    wanted = parse(text)
    writer.select(wanted.sql(), wanted.text)
    kept = writer.finish()
    return Store(folder / "sel.ocppdb"), kept


def test_a_selection_keeps_numbers_and_drops_what_nothing_proves_any_more(tmp_path, events):
    everything = stored(tmp_path, events)
    store, kept = selection(tmp_path, events, "action == StatusNotification")
    with everything, store:
        assert [one.n for one in store.events(range(1, 14))] == [4, 5]
        assert kept == 2
        assert store.meta["filter"] == "action == StatusNotification"
        assert store.is_complete
        proven = {one.number for n in (4, 5) for one in everything.findings_of(n)}
        assert {one.number for one in store.findings()} == proven
        assert len(everything.findings()) > len(proven) > 0
        assert store.sessions()[0].messages == 2
        store.check()


def test_findings_of_the_whole_capture_stay(tmp_path, events):
    store, _ = selection(tmp_path, [*events, Notice("file.damaged", None, "torn", "x")], "action == Nothing")
    with store:
        assert [one.rule for one in store.findings()] == ["CAP-009"]
        assert (store.last, store.sessions()) == (0, [])


def test_what_is_left_out_is_not_in_the_file(tmp_path, events):
    selection(tmp_path, events, "event == opened")[0].close()
    assert any(isinstance(event, Message) and "StatusNotification" in event.raw for event in events)
    assert [path.name for path in tmp_path.glob("sel*")] == ["sel.ocppdb"]
    assert b"connectorId" not in (tmp_path / "sel.ocppdb").read_bytes()


# --- a recording in several stores, and on a disk that is full for a while -----------------------------------


def test_a_store_that_goes_on_from_another_begins_with_its_handshakes(writer, tmp_path, events):
    opened, *rest = events
    writer.resume([opened])
    fill(writer, rest[4:])
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        (row,) = store.sessions()
        assert row.session.late
        assert row.session.station == "CP001"
        kept = [event for batch in store.wire_events() for event in batch if not isinstance(event, Notice)]
        assert [event.n for event in kept] == [1, *range(6, 14)]
        assert isinstance(kept[0], Opened)
        assert (kept[0].status, kept[0].request) == (101, opened.request)
        store.check()


def test_a_store_that_nothing_goes_on_in_is_empty(writer, tmp_path):
    writer.resume([])
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        assert (store.last, store.sessions()) == (0, [])


def test_a_handshake_that_is_said_again_is_there_once_and_does_no_harm(writer, tmp_path, events):
    engine = fill(writer, events[:8])
    writer.resume(events[:1])
    engine.feed(events[8:])
    writer.feed(events[8:])
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        assert [event.n for batch in store.wire_events() for event in batch] == list(range(1, 14))
        (row,) = store.sessions()
        assert row.messages == sum(isinstance(event, Message) for event in events)


def test_marks_are_those_that_a_user_sets(writer, tmp_path, events):
    writer.mark(2, "delayed")  # before its event is written
    writer.feed(events)
    writer.mark(3, "dropped")
    writer.mark(3, "dropped: twice")
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        assert store.marks() == {2: "delayed", 3: "dropped: twice"}
        store.unmark(3)
        assert store.marks() == {2: "delayed"}


def test_findings_that_are_forgotten_stay_in_the_store(writer, tmp_path, events):
    engine = fill(writer, events)
    expected = [(one.rule.id, one.count) for one in engine.findings]
    assert expected
    writer.forget(engine.findings)
    assert writer._findings == {}
    writer.forget(engine.findings)
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        assert sorted((one.rule, one.count) for one in store.findings()) == sorted(expected)
        assert all(len(store.proofs(one.number)) for one in store.findings())


def test_forgetting_writes_nothing_and_so_cannot_fail(writer, events, monkeypatch):
    engine = fill(writer, events)
    monkeypatch.setattr(StoreWriter, "commit", lambda *_, **__: pytest.fail("it writes"))
    writer.forget(engine.findings)


def test_after_what_was_abandoned_writing_goes_on(writer, tmp_path, events):
    engine = fill(writer, events[:3])
    writer.commit()
    engine.feed(events[3:8])
    writer.feed(events[3:8])
    writer.mark(4, "lost")
    writer.abandon()
    engine.feed(events[8:])
    writer.feed(events[8:])
    writer.finish()
    with Store(tmp_path / "x.ocppdb") as store:
        kept = [event.n for batch in store.wire_events() for event in batch if not isinstance(event, Notice)]
        assert kept == [1, 2, 3, *range(9, 14)]
        assert store.marks() == {}
        assert store.is_complete
        store.check()


def test_where_a_store_cannot_be_made_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("ocppscope.store.writer.TABLES", "CREATE TABLE meta (key, value);\nNONSENSE")
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        StoreWriter(tmp_path / "x.ocppdb", source="")
    assert list(tmp_path.iterdir()) == []


def test_events_of_before_a_handshake_that_is_said_again_are_still_known(writer, tmp_path, events):
    """What a finding proves later is raised in them too."""
    engine = fill(writer, events[:8])
    writer.commit()
    writer.resume(events[:1])
    finding = next(one for one in engine.findings if one.severity == "error")
    writer.observe(finding, Report("", ""), (2,))
    writer.finish()
    assert seen(tmp_path / "x.ocppdb", "SELECT severity FROM events WHERE n = 2") == [("error",)]


def test_sessions_in_which_nothing_happens_are_not_written_again(writer, tmp_path, events):
    """Thousands of stations may be connected, and there is a commit each quarter of a second."""
    writer.feed(events[:1])
    written = writer._database.total_changes
    writer.commit()
    assert writer._database.total_changes == written
    writer.feed(events[1:3])
    writer.commit()
    ((messages, end),) = seen(tmp_path / "x.ocppdb", "SELECT messages, end FROM sessions")
    assert (messages, end) == (2, None)
    writer.feed(events[3:])
    writer.finish()
    ((messages, end),) = seen(tmp_path / "x.ocppdb", "SELECT messages, end FROM sessions")
    assert messages == sum(isinstance(event, Message) for event in events)
    assert end is not None
