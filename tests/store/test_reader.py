"""Reading a store: events, sessions, findings, what grows meanwhile, and files that are none."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from ocppscope.events import Damaged, Message, Notice, Opened, Session, Text
from ocppscope.filter import parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.wording import what
from ocppscope.store import Store, StoreError, StoreWriter, rows
from ocppscope.store.schema import APPLICATION, VERSION
from tests.store import decoded, source_of, stored
from tests.wire.packets import Conversation, answer, call, session

T = 1_700_000_000_000_000_000


@pytest.fixture
def events(tmp_path):
    return decoded(source_of(tmp_path).batches())


@pytest.fixture
def store(tmp_path, events):
    with stored(tmp_path, events) as made:
        yield made


def plain(event):
    """An event with its session and its Call by number, to compare."""
    call = {"call": event.call and event.call.n} if isinstance(event, Message) else {}
    return replace(event, session=event.session.number, **call)


# --- events -------------------------------------------------------------------------------------------------


def test_read_again_everything_is_as_it_was(store, events):
    again = decoded(store.wire_events())
    frames = [replace(one, frames=()) if isinstance(one, Text) else one for one in again]
    assert list(map(plain, frames)) == list(map(plain, events))


def test_events_by_number(store):
    assert [one.n for one in store.events([9, 2, 99, 2, 13])] == [9, 2, 2, 13]
    assert [one.n for one in store.events(range(12, 20))] == [12, 13]
    assert store.events([]) == []
    assert store.event(99) is None
    assert store.event(3).answers == 2
    assert [store.event(n).severity for n in (3, 4)] == [None, "error"]
    assert store.last == 13


def test_many_events_by_number(tmp_path):
    talk = Conversation().open()
    for at in range(700):
        talk.client(call(f'[2,"{at}","Heartbeat",{{}}]')).server(answer(f'[3,"{at}",{{}}]'))
    with stored(tmp_path, decoded(source_of(tmp_path, talk).batches())) as store:
        numbers = list(range(store.last, 0, -1))
        assert [one.n for one in store.events(numbers)] == numbers
        assert [one.n for one in store.events(range(1, store.last + 1))] == numbers[::-1]
        assert len(decoded(store.wire_events())) == len(numbers)


def test_calls_and_answers(store):
    assert [store.answer_of(n) for n in range(1, 14)] == [None, 3, None, 5, *[None] * 9]
    assert store.unanswered(1, 13) == set()


def test_calls_without_an_answer(tmp_path):
    talk = session().client(call()).client(call('[2,"2","Heartbeat",{}]')).server(answer())
    with stored(tmp_path, decoded(source_of(tmp_path, talk).batches())) as store:
        assert store.unanswered(1, 9) == {3}
        assert store.unanswered(1, 2) == set()


def test_selections(store):
    wanted = parse("action == Heartbeat").sql()
    assert list(store.select(wanted)) == [n for n in range(1, 14) if _action(store, n) == "Heartbeat"]
    assert list(store.select(wanted)) == [2, 3]
    assert list(store.select(wanted, after=2, until=11)) == [3]
    assert list(store.select(wanted, until=2)) == [2]
    assert list(store.select(wanted, sessions=[2])) == []
    assert list(store.select(sessions=[])) == []
    assert list(store.select()) == list(range(1, 14))
    assert list(store.select(parse("station == CP001 and event == gap").sql())) == [11]
    assert list(store.select(parse("severity == error").sql())) == [
        n for n in range(1, 14) if store.event(n).severity == "error"
    ]
    assert store.sessions_where(wanted) == {1}


def test_the_next_of_a_selection(store):
    wanted = parse("action == Heartbeat").sql()
    first, last = store.select(wanted)
    assert store.next_where(wanted, first, -1) == last
    assert store.next_where(wanted, last, 1) == first
    assert store.next_where(wanted, 1, 1) == first
    assert store.next_where(parse("action == Nothing").sql(), 1, 1) is None


def _action(store, n):
    return getattr(store.event(n).event, "action", None)


# --- sessions, findings, marks ------------------------------------------------------------------------------


def test_sessions(store):
    (row,) = store.sessions()
    assert (row.session.station, row.session.version, row.messages) == ("CP001", "1.6", 5)
    assert store.session(1) is row.session
    assert store.event(2).event.session is row.session
    assert row.errors + row.warnings > 0


def test_an_inferred_version_is_inferred_again(tmp_path):
    talk = Conversation().client(call()).server(answer()).client(call('[2,"2","StartTransaction",{}]'))
    events = decoded(source_of(tmp_path, talk).batches())
    with stored(tmp_path, events) as store:
        assert store.sessions()[0].session.version_inferred
        begun = [event.session for batch in store.wire_events() for event in batch[:1]]
        assert (begun[0].version, begun[0].version_inferred) == (None, False)
        again = decoded(store.wire_events())
    assert [event.n for event in again] == [event.n for event in events]
    assert again[-1].session.version == events[-1].session.version == "1.6"


def test_findings_of_an_event(store):
    for n in range(1, 14):
        for found in store.findings_of(n):
            assert n in store.proofs(found.number)
    pairs = [(n, one.number) for n in range(1, 14) for one in store.findings_of(n)]
    assert store.proven(1, 13) == pairs
    assert store.proven(5, 4) == []
    order = ["error", "warning", "info"]
    grave = [order.index(one.severity) for one in store.findings()]
    assert grave == sorted(grave)


def test_marks(store, tmp_path):
    store.mark(3)
    store.mark(2, "odd")
    store.mark(3, "better")
    assert store.marks() == {2: "odd", 3: "better"}
    store.unmark(2)
    store.close()
    with Store(tmp_path / "test.ocppdb") as again:
        assert again.marks() == {3: "better"}


# --- growing ------------------------------------------------------------------------------------------------


def test_a_follower_sees_all_that_comes_and_ends_with_the_writer(tmp_path, events):
    writer = StoreWriter(tmp_path / "g.ocppdb", source="")
    writer.feed([Notice("a", None, "first"), *events[:2]])
    rest = [events[2:5], [Notice("b", None, "middle")], events[5:], None]

    def wait():
        batch = rest.pop(0)
        if batch is None:
            writer.feed([Notice("c", None, "last")])
            writer.finish()
        else:
            writer.feed(batch)
            writer.commit()
        return True

    with Store(tmp_path / "g.ocppdb") as store:
        seen = [event for batch in store.wire_events(wait) for event in batch]
    assert [event.n for event in seen if not isinstance(event, Notice)] == list(range(1, 14))
    assert [event.kind for event in seen if isinstance(event, Notice)] == ["a", "b", "c"]
    assert rest == []


def test_a_follower_may_give_up_and_others_do_not_wait(tmp_path, events):
    writer = StoreWriter(tmp_path / "g.ocppdb", source="")
    writer.feed(events)
    with Store(tmp_path / "g.ocppdb") as store:
        assert len(decoded(store.wire_events(lambda: False))) == 13
        assert len(decoded(store.wire_events())) == 13
    writer.close()


def test_a_session_that_begins_while_another_is_read(tmp_path):
    writer, decoder = StoreWriter(tmp_path / "g.ocppdb", source=""), Decoder()

    def begin(number):
        one = Session(number, f"c{number}", "s")
        writer.feed(decoder.feed([Opened(one, T, f"/CP{number}", ("ocpp1.6",), "ocpp1.6", 101)]))
        writer.commit()

    begin(1)
    more = [2, 3]

    def wait():
        if not more:
            return False
        begin(more.pop(0))
        return True

    with Store(tmp_path / "g.ocppdb") as store:
        seen = decoded(store.wire_events(wait))
    writer.close()
    assert [event.session.station for event in seen] == ["CP1", "CP2", "CP3"]


def test_has_writer(tmp_path, events):
    writer = StoreWriter(tmp_path / "g.ocppdb", source="")
    with Store(tmp_path / "g.ocppdb") as store:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        version = store.version
        writer.note(writer=gone.pid)
        writer.commit()
        assert store.version != version
        assert not store.has_writer
        writer.note(writer=1)  # a process that belongs to somebody else, or to us all the same
        writer.commit()
        assert store.has_writer
    writer.close()


def test_a_writer_that_dies_leaves_its_last_commit(tmp_path, events):
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from ocppscope.store import StoreWriter\nfrom ocppscope.events import *\n"
        "writer = StoreWriter(Path(sys.argv[1]), source='')\n"
        "for n in range(1, 4): writer.feed([Gap(Session(1), 0, 'cp-to-csms', n, n=n)])\n"
        "writer.commit()\nwriter.feed([Gap(Session(1), 0, 'cp-to-csms', 4, n=4)])\nos.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "dead.ocppdb"
    subprocess.run([sys.executable, "-c", script, path], check=False, timeout=60)
    with Store(path) as store:
        assert (store.last, store.is_complete, store.has_writer) == (3, False, False)
        store.check()


# --- what is no store ---------------------------------------------------------------------------------------


def refused(path):
    with pytest.raises(StoreError) as error:
        Store(path)
    assert str(path) in str(error.value)
    return str(error.value)


def database(path, *statements):
    made = sqlite3.connect(path)
    for statement in statements:
        made.execute(statement)
    made.commit()
    made.close()
    return path


def test_files_that_are_none(tmp_path):
    assert "is not there" in refused(tmp_path / "missing")
    other = database(tmp_path / "other.db", "CREATE TABLE t (x)")
    assert "is an SQLite file, but no store of ocppscope" in refused(other)
    (tmp_path / "junk").write_bytes(b"SQLite format 3\x00" + b"junk" * 1000)
    assert "is damaged" in refused(tmp_path / "junk")
    (tmp_path / "text").write_text("hello" * 1000)
    assert "is damaged: file is not a database" in refused(tmp_path / "text")


def test_a_store_of_a_newer_version(store, tmp_path):
    store.close()
    path = database(
        tmp_path / "test.ocppdb",
        f"PRAGMA user_version = {VERSION + 1}",
        "UPDATE meta SET value = '9.9' WHERE key = 'program'",
    )
    text = refused(path)
    assert f"was made by ocppscope 9.9 and has format {VERSION + 1}" in text
    assert "install a newer ocppscope" in text


def test_a_store_without_its_tables(tmp_path):
    path = database(
        tmp_path / "bare.ocppdb",
        f"PRAGMA application_id = {APPLICATION}",
        f"PRAGMA user_version = {VERSION + 1}",
    )
    assert "no such table" in refused(path)


def damaged(store, *statements):
    """A store with other rows."""
    store.close()
    return Store(database(store.path, *statements))


def test_damage_in_the_middle_is_told_by_event_and_hides_no_other(store):
    with damaged(
        store, "UPDATE events SET more = '{\"how\": oops}' WHERE event = 'closed' OR n = 1"
    ) as again:
        *events, notice = [event for batch in again.wire_events() for event in batch]
        assert [event.n for event in events] == list(range(1, 14))
        assert [event.n for event in events if isinstance(event, Damaged) and event.layer == "rpc"] == [1, 13]
        assert "is damaged: event 1 and 1 more cannot be read" in notice.detail


def everything_of(store):
    """What views ask of a store."""
    store.sessions(), store.findings(), store.marks(), store.unanswered(1, 99), store.findings_state()
    store.proven(1, 99), store.select(), store.connector_states
    for n in range(1, store.last + 1):
        store.findings_of(n), store.answer_of(n)
    for one in store.findings():
        store.proofs(one.number)
    for one in store.transactions():
        list(store.charging_messages(one)), store.connector_states(one, 0, 1 << 62)
    for one in store.events(range(1, store.last + 1)):
        what(one.event)
    assert (store.is_complete, store.has_writer) in {(True, False), (False, False)}
    return decoded(store.wire_events())


@pytest.mark.parametrize(
    ("statement", "unreadable"),
    [
        ("UPDATE events SET raw = NULL WHERE n = 2", [2]),
        ("UPDATE events SET raw = 5 WHERE n = 2", [2]),
        ("UPDATE events SET raw = CAST(x'5b32ff' AS TEXT) WHERE n = 2", [2]),
        ("UPDATE events SET raw = x'5b32ff' WHERE n = 2", [2]),
        ("UPDATE events SET raw = 'text' WHERE event = 'control'", [6, 7]),
        ("UPDATE events SET event = 'zz' WHERE n = 2", [2]),
        ("UPDATE events SET event = x'00' WHERE n = 2", [2]),
        ("UPDATE events SET direction = 'zz' WHERE n = 2", [2]),
        ("UPDATE events SET more = '{' WHERE n = 1", [1]),
        ("UPDATE events SET more = '[]' WHERE n = 1", [1]),
        ("UPDATE events SET more = '{\"status\": \"x\"}' WHERE n = 1", [1]),
        ("UPDATE events SET more = '{\"tls\": {\"version\": 5}}' WHERE n = 1", [1]),
        ("UPDATE events SET more = '{\"faults\": [{\"kind\": 1, \"detail\": \"\", \"events\": []}]}'", None),
        ("UPDATE events SET more = '{\"how\": \"zz\", \"by\": null}' WHERE n = 13", [13]),
        ("UPDATE events SET wire = x'80', severity = 'zz', latency = 'x', time = 'x', answers = 'x', size = 'x'", []),
        ("UPDATE events SET time = 9223372036854775807, session = 99", []),
        ("UPDATE events SET session = 'x', action = x'ff', id = x'ff', said = x'ff'", []),
        ("UPDATE sessions SET station = x'ff', client = x'ff', closed = 'zz', closed_by = 5, start = 'x'", []),
        ("UPDATE sessions SET version = x'ff', late = 'x', messages = 'x', status = 'x', tls = x'ff'", []),
        ("DELETE FROM sessions", []),
        ("UPDATE findings SET severity = 'zz', count = 'x', title = x'ff', session = 'x', first = 'x'", []),
        ("UPDATE OR IGNORE proofs SET n = 'x' WHERE n = 4", []),
        ("UPDATE OR IGNORE proofs SET finding = 'x' WHERE n = 4", []),
        ("INSERT INTO notices VALUES ('x', x'ff', 'x', x'ff', x'ff')", []),
        ("INSERT INTO marks VALUES (1, x'ff')", []),
        ("INSERT INTO transactions (number, session, as_of, id, energy) VALUES (1, 'x', 'x', x'ff', 'x')", []),
        ("UPDATE meta SET value = 'abc'", []),
        ("UPDATE meta SET value = x'ff'", []),
        ("UPDATE meta SET value = 9223372036854775807 WHERE key = 'writer'", []),
        ("UPDATE meta SET value = -1 WHERE key = 'writer'", []),
    ],
)  # fmt: skip
def test_a_damaged_row_is_shown_as_such_and_a_wrong_value_is_none(store, statement, unreadable):
    whole = [event.n for event in everything_of(store) if not isinstance(event, Notice)]
    with damaged(store, statement) as again:
        events = [event for event in everything_of(again) if not isinstance(event, Notice)]
        assert [event.n for event in events] == whole
        if unreadable is not None:
            shown = [one.n for one in again.events(whole) if getattr(one.event, "reason", 0) == rows.DAMAGED]
            assert shown == unreadable


def test_values_that_are_wrong_are_absent(store):
    with damaged(
        store,
        "UPDATE events SET time = 'x', severity = 'zz'",
        "UPDATE sessions SET client = x'ff', station = CAST(x'41ff' AS TEXT)",
        "UPDATE meta SET value = 'abc' WHERE key IN ('complete', 'writer', 'size')",
    ) as again:
        assert (again.event(2).event.time, again.event(2).severity) == (None, None)
        session = again.sessions()[0].session
        assert (session.client, session.station) == ("", "A\N{REPLACEMENT CHARACTER}")
        assert again.meta.keys().isdisjoint({"complete", "writer", "size"})
        assert again.meta["source"] == "test"


@pytest.mark.parametrize("statement", ["DROP TABLE proofs", "ALTER TABLE events RENAME COLUMN latency TO x"])
def test_a_table_that_is_not_whole(store, statement):
    store.close()
    text = refused(database(store.path, statement))
    assert "is damaged: no such" in text
    assert "\n" not in text


def test_what_sqlite_says_is_one_line(store):
    store.close()
    data = bytearray(store.path.read_bytes())
    for page in range(8192, len(data), 8192):
        data[page + 8 : page + 200] = bytes(192)
    store.path.write_bytes(data)
    with pytest.raises(StoreError) as error, Store(store.path) as again:
        again.check()
    assert "is damaged" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_store_that_is_refused_stays_open_nowhere(tmp_path, monkeypatch):
    made = []
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **rest: made.append(real(*args, **rest)) or made[-1]
    )
    refused(database(tmp_path / "other.db", "CREATE TABLE t (x)"))
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[-1].execute("SELECT 1")


def test_a_torn_file_is_told(store, tmp_path):
    store.close()
    path = tmp_path / "test.ocppdb"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match="is damaged"), Store(path) as again:
        again.check()


def test_a_folder_that_cannot_be_written(store, tmp_path, monkeypatch):
    store.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Store(tmp_path / "test.ocppdb") as again:
        assert again.last == 13
        with pytest.raises(StoreError, match="readonly"):
            again.mark(1)


def test_a_reader_who_may_not_write_sees_the_log(tmp_path, events, monkeypatch):
    writer = StoreWriter(tmp_path / "g.ocppdb", source="")
    writer.feed(events[:5])
    writer.commit()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Store(tmp_path / "g.ocppdb") as store:
        assert store.last == 5
        writer.feed(events[5:])
        writer.commit()
        assert store.last == 13
    writer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
@pytest.mark.parametrize("is_left", [False, True])
def test_of_another_user(tmp_path, events, is_left):
    folder = tmp_path / "theirs"
    folder.mkdir()
    writer = StoreWriter(folder / "g.ocppdb", source="")
    writer.feed(events)
    writer.commit()
    if is_left:  # by a copy without the third file
        data = [(path, path.read_bytes()) for path in folder.iterdir() if not path.name.endswith("-shm")]
        writer.close()
        for path in folder.iterdir():
            path.unlink()
        for path, content in data:
            path.write_bytes(content)
    for path in [*tmp_path.parents, tmp_path, folder]:
        path.chmod(path.stat().st_mode | 0o555)
    for path in folder.iterdir():
        path.chmod(0o644)
    script = (
        "import os, sys; from pathlib import Path; from ocppscope.store import Store; os.setuid(65534)\n"
        "try: print(Store(Path(sys.argv[1])).last)\nexcept Exception as error: print(error)"
    )
    words = [sys.executable, "-c", script, folder / "g.ocppdb"]
    said = subprocess.run(words, check=True, timeout=60, capture_output=True, text=True).stdout
    writer.close()
    if is_left:
        assert "cannot be read: a part of it is in g.ocppdb-wal" in said
    else:
        assert said == "13\n"


def test_reading_may_be_interrupted(store):
    store._database.set_progress_handler(lambda: store.interrupt() or 1, 1)
    with pytest.raises(StoreError, match="cannot be read: interrupted"):
        store.sessions()


def test_two_readers(store, tmp_path):
    with Store(tmp_path / "test.ocppdb") as second:
        assert store.event(1).n == second.event(1).n == 1
