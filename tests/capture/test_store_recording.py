"""Stores that are written live: the same events, in one file or several, whatever the disk does."""

import sqlite3

import pytest

from ocppscope.capture.files import Rotation
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.events import Closed, Message, Opened
from ocppscope.store import Store, StoreWriter
from tests.capture.recordings import (
    ONE_FILE,
    WHEN_ASKED,
    Tape,
    damage,
    of,
    opened,
    plain,
    read,
    serious,
    texts,
)
from tests.capture.test_packet_recording import BYE, STORIES, Marked, play
from tests.wire.packets import ANSWER, CALL, CLIENT, SECOND, SERVER, answer, call, frame, switching, upgrade

UNKNOWN = '[2,"7","Foo",{}]'


def started(tape, **options):
    line = tape.connect(**options)
    return line.client(upgrade()).server(switching())


def rows(path, statement):
    database = sqlite3.connect(path)
    try:
        return database.execute(statement).fetchall()
    finally:
        database.close()


@pytest.mark.parametrize("name", [name for name in STORIES if "megabytes" not in name])
def test_a_store_gives_the_events_that_were_seen_live(tmp_path, name):
    tape = Tape(tmp_path, store=True)
    play(tape.connect(), STORIES[name])
    tape.close()
    again = read(*tape.store.paths)
    assert [plain(event) for event in again] == [plain(event) for event in tape.live]
    assert tape.said == []


def test_a_reader_follows_while_it_is_written(tmp_path):
    tape = Tape(tmp_path, store=True)
    line = started(tape).client(call()).flush()
    with Store(tape.store.paths[0]) as store:
        assert store.last == 2
        assert not store.is_complete
        assert store.has_writer
        line.server(answer()).flush()
        assert store.last == 3
    tape.close()
    with Store(tape.store.paths[0]) as store:
        assert store.is_complete


# --- several files ------------------------------------------------------------------------------------------


def test_each_store_begins_with_the_handshakes_of_the_sessions_that_are_open(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    line = started(tape)
    play(tape.connect("10.0.0.9:1"), STORIES["plain"])
    line.client(call()).flush()
    line.server(answer()).flush()
    line.fin(CLIENT).fin(SERVER).closed()
    tape.flush().close()
    paths = tape.store.paths
    assert [path.name for path in paths] == [f"x-{n:04}.ocppdb" for n in (1, 2, 3, 4)]
    first, second, third, fourth = (read(path) for path in paths)
    assert [len(opened(events)) for events in (first, second, third, fourth)] == [2, 1, 1, 0]
    assert [texts(events) for events in (second, third)] == [[ANSWER], []]
    for n, events in enumerate((first, second, third)):
        (event, *_) = opened(events)
        assert event.session.late == (n > 0)
        assert event.request == opened(tape.live)[0].request
        assert event.session.station == "CP001"
        assert serious(events) <= serious(tape.live)
    assert of(Closed, third)[0].how == "fin"
    for path in paths:
        with Store(path) as store:
            store.check()
            assert store.is_complete


def test_events_keep_their_numbers_over_all_files(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    line = started(tape).client(call()).flush().server(answer()).flush().client(call(UNKNOWN))
    line.closed()
    tape.close()
    seen = {
        event.n: plain(event)
        for path in tape.store.paths
        for event in read(path)
        if not isinstance(event, Opened)
    }
    assert list(seen) == [event.n for event in tape.live if not isinstance(event, Opened)]
    numbers = [
        n for path in tape.store.paths for (n,) in rows(path, "SELECT n FROM events WHERE event <> 'opened'")
    ]
    assert numbers == sorted(set(numbers))


def test_findings_are_in_the_file_of_what_proves_them(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    line = started(tape).client(call(UNKNOWN)).flush()
    line.client(call(UNKNOWN.replace("Foo", "Bar"))).flush().client(call(UNKNOWN)).closed()
    tape.close()
    found = [
        rows(path, "SELECT subject FROM findings WHERE rule = 'RPC-019' ORDER BY 1")
        for path in tape.store.paths
    ]
    assert found == [[("Foo",)], [("Bar",)], [("Foo",)]]
    for path in tape.store.paths:
        with Store(path) as store:
            for finding in store.findings():
                for n in store.proofs(finding.number):
                    assert store.findings_of(n)


def test_a_mark_is_in_the_file_of_its_event(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, store=True, faults=True)
    line = started(tape)
    for marks, text in ([Marked("dropped")], call()), ([], call('[2,"2","Heartbeat",{}]')):
        tape.taps.data(line.tapped, CLIENT, text, tape.tick(), marks)
        tape.taps.drain_marked(line.tapped)
    tape.close()
    (path,) = tape.store.paths
    with Store(path) as store:
        marks = store.marks()
    assert list(marks.values()) == ["dropped"]
    (n,) = marks
    assert [event.raw for event in read(path) if isinstance(event, Message) and event.n == n] == [CALL]


def test_a_mark_that_comes_late_is_for_the_latest_message_of_that_text(tmp_path):
    tape = Tape(tmp_path, store=True, faults=True)
    line = started(tape)
    for _ in range(3):
        tape.taps.data(line.tapped, CLIENT, call(), tape.tick())
        tape.taps.drain_marked(line.tapped)
    tape.taps.mark(line.tapped, [Marked("delayed")])
    tape.close()
    with Store(tape.store.paths[0]) as store:
        assert store.marks() == {4: "delayed"}


def test_stores_end_at_an_age_and_only_the_last_are_kept(tmp_path):
    tape = Tape(tmp_path, Rotation(period=60 * SECOND, keep=2), store=True)
    line = started(tape)
    for n in range(30):
        line.client(call(f'[2,"{n}","Heartbeat",{{}}]')).flush(wait=10 * SECOND)
    tape.close()
    assert len(tape.store.paths) == 5
    left = sorted(path.name for path in tmp_path.iterdir() if ".ocppdb" in path.name)
    assert left == ["x-0004.ocppdb", "x-0005.ocppdb"]  # nothing is left beside them
    assert len(texts(read(tape.store.paths[-1]))) == 30 - 4 * 6 - 1


def test_stores_end_at_a_size_of_what_came_into_them(tmp_path):
    recording = StoreRecording(tmp_path / "x.ocppdb", Rotation(size=50_000), "test", "field", pytest.fail)
    for now in range(1, 20):
        recording.flush(now)
    assert len(recording.paths) == 1  # though an empty store is larger already
    recording.close()
    tape = Tape(tmp_path, Rotation(size=50_000), store=True)
    line = started(tape)
    for n in range(100):
        line.client(call(f'[2,"{n}","DataTransfer",{{"vendorId":"V","data":"{"x" * 3_000}"}}]')).flush()
    tape.close()
    assert len(tape.store.paths) > 3
    assert sum(len(texts(read(path))) for path in tape.store.paths) == 100


# --- a full disk --------------------------------------------------------------------------------------------


class Full:
    """Makes commits fail, as they do on a full disk."""

    def __init__(self, patch):
        self.is_full = False
        self.commit = StoreWriter.commit
        full = self

        def commit(writer, /, **facts):
            if full.is_full and (
                writer._listed or writer._to_write or writer._touched or facts or writer._marks
            ):
                writer._lock()
                raise sqlite3.OperationalError("database or disk is full")
            full.commit(writer, **facts)

        patch.setattr(StoreWriter, "commit", commit)


@pytest.fixture
def disk(monkeypatch):
    return Full(monkeypatch)


def test_what_does_not_fit_is_lost_and_said_once_and_the_rest_is_kept(tmp_path, disk):
    tape = Tape(tmp_path, store=True)
    line = started(tape).client(call()).flush()
    disk.is_full = True
    for _ in range(5):
        line.server(answer()).client(call('[2,"2","Heartbeat",{}]')).flush().flush()
    new = started(tape, client="10.0.0.7:1").flush()
    disk.is_full = False
    tape.flush()
    line.server(answer('[3,"3",{}]')).client(call(UNKNOWN))
    new.closed()
    line.fin(CLIENT).fin(SERVER).closed()
    tape.close()
    (path,) = tape.store.paths
    assert tape.said == [
        (
            f"{path} cannot be written: database or disk is full; events are lost in it until there is room. "
            "Sessions are passed on meanwhile"
        ),
        f"{path} is written again; some events are lost in it",
    ]
    events = read(path)
    assert texts(events) == [CALL, '[3,"3",{}]', UNKNOWN]
    assert [event.session.late for event in opened(events)] == [True, True]  # so that nothing is missed in it
    assert [event.session.client for event in opened(events)] == ["10.0.0.1:50000", "10.0.0.7:1"]
    assert not damage(events)
    assert serious(events) <= serious(tape.live)
    with Store(path) as store:
        store.check()
        assert "RPC-019" in {finding.rule for finding in store.findings()}
    assert len(texts(tape.live)) == 13  # seen and judged all the same
    assert len(texts(read(*tape.packets.paths))) == 13


def test_it_is_not_said_to_be_written_again_as_long_as_it_is_not(tmp_path, disk):
    tape = Tape(tmp_path, store=True)
    started(tape).client(call()).flush()
    disk.is_full = True
    for _ in range(3):
        tape.flush()  # nothing came in: nothing is lost
    assert tape.said == []
    started(tape, client="10.0.0.7:1").client(call()).closed()
    for _ in range(9):
        tape.flush()
    assert len(tape.said) == 1
    tape.close()
    assert len(tape.said) == 1


def test_the_end_of_sessions_is_no_trouble_on_a_full_disk(tmp_path, disk):
    """Findings of sessions that have ended are given up: that may write, too."""
    tape = Tape(tmp_path, store=True)
    line = started(tape).client(call(UNKNOWN)).flush()
    disk.is_full = True
    for step in BYE:
        line.say(*step)
    line.fin(CLIENT).fin(SERVER).closed()
    tape.flush().close()
    assert len(tape.said) == 1


def test_where_no_next_store_can_be_made_this_one_goes_on_and_none_is_left_behind(tmp_path, monkeypatch):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    tape.taps._packets.flush = lambda now: None
    line = started(tape).client(call())
    with monkeypatch.context() as patch:

        def create(writer, *args):
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(StoreWriter, "_create", create)
        for n in range(3):
            line.server(answer(f'[3,"{n}",{{}}]')).flush()
    (path,) = tape.store.paths
    assert tape.said == [f"the next file cannot be made: database or disk is full; {path} goes on"]
    assert [one.name for one in tmp_path.glob("*.ocppdb")] == [path.name]
    assert len(texts(read(path))) == 4
    line.flush().client(call(UNKNOWN)).closed()
    tape.close()
    assert len(tape.store.paths) == 2
    assert texts(read(tape.store.paths[1])) == [UNKNOWN]


def test_a_store_that_cannot_be_completed_does_not_hinder_the_next(tmp_path, monkeypatch):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    line = started(tape).client(call())
    with monkeypatch.context() as patch:

        def finish(writer, /, **facts):
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(StoreWriter, "finish", finish)
        line.flush()
    line.server(answer()).closed()
    tape.close()
    first, second = tape.store.paths
    assert tape.said == [
        f"{first} cannot be completed: database or disk is full; what is recorded so far is in it"
    ]
    assert texts(read(first)) == [CALL]
    assert texts(read(second)) == [ANSWER]


def test_the_first_file_must_be_possible(tmp_path):
    (tmp_path / "x.ocppdb").mkdir()
    with pytest.raises(OSError):
        StoreRecording(tmp_path / "x.ocppdb", ONE_FILE, "test", "field", pytest.fail)
    with pytest.raises(OSError):
        StoreRecording(tmp_path / "no" / "x.ocppdb", ONE_FILE, "test", "field", pytest.fail)


def test_many_short_sessions_leave_their_findings_in_the_file_and_nothing_in_memory(tmp_path):
    tape = Tape(tmp_path, store=True)
    for n in range(200):
        line = started(tape, client=f"10.0.0.1:{n + 1}").client(call(UNKNOWN), frame(11, b"x", masked=True))
        line.fin(CLIENT).fin(SERVER).closed().flush()
    engine, writer = tape.judge._engine, tape.store._writer
    assert not [finding for finding in engine.findings if finding.session]
    assert len(writer._findings) == len(engine.findings)
    assert len(writer._sessions) == len(writer._to_write) == 0
    assert len(tape.store._open) == 0
    tape.close()
    (path,) = tape.store.paths
    assert rows(path, "SELECT count(*), sum(count) FROM findings WHERE rule = 'RPC-019'") == [(200, 200)]
