"""Events to rows and back: what a source emitted comes out as it went in."""

import sqlite3
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Fault,
    Gap,
    Message,
    Opened,
    Session,
    Text,
    Tls,
)
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import rows
from ocppscope.store.schema import TABLES
from tests.end_to_end.test_captures import FOLDER as CAPTURES
from tests.store import decoded, source_of
from tests.wire.packets import TEXT, answer, call, frame, session

T = 1_700_000_000_123_456_789
ONE = Session(1, "10.0.0.1:5", "10.0.0.2:9000", "CP001", "1.6")
ODD = Fault("websocket.unmasked", "seen", "subject", (3, 4))


def through_a_table(event, severity=None):
    """The row of an event, as SQLite gives it back."""
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.executescript(TABLES)
    row = rows.row_of(event, severity)
    database.execute(f"INSERT INTO events VALUES ({', '.join('?' * len(row))})", row)
    found = database.execute("SELECT * FROM events").fetchone()
    database.close()
    return found


@pytest.mark.parametrize(
    "event",
    [
        Opened(ONE, T, n=7),
        Opened(ONE, None, "/ocpp/CP001", (), None, 404, n=7),
        Opened(
            ONE, T, "/a?b=%20", ("ocpp1.6", "x"), "ocpp1.6", 101, "permessage-deflate", "", Tls("1.3", None, "h"),
            "Basic CP001", "key", b"GET / HTTP/1.1\r\nX: \xff\r\n\r\n", b"HTTP/1.1 101\r\n\r\n", (ODD,), 7,
        ),
        Control(ONE, T, FROM_STATION, "ping", b"\x00\xff", (ODD,), 7),
        Control(ONE, T, FROM_CSMS, "pong", b"", (), 7),
        Damaged(ONE, T, None, "tls", 0, "why", b"\x16\x03", (), 7),
        Damaged(ONE, T, FROM_CSMS, "websocket", 12, "", b"", (ODD, ODD), 7),
        Gap(ONE, T, FROM_STATION, None, (), 7),
        Gap(ONE, T, FROM_STATION, 0, (), 7),
        Closed(ONE, T, None, "end-of-capture", n=7),
        Closed(ONE, T, "station", "close", 1000, "", (ODD,), 7),
        Closed(ONE, -5, "csms", "rst", 0, "b\N{SNOWMAN}e", (), 7),
    ],
    ids=lambda event: type(event).__name__,
)  # fmt: skip
def test_what_is_no_text_comes_back_as_it_was(event):
    row = through_a_table(event)
    assert rows.wire_event(ONE, row) == event
    assert rows.event_of(ONE, row) == event
    assert (row["n"], row["session"], row["event"]) == (7, 1, type(event).__name__.lower())


def test_all_fields_of_an_event_are_kept():
    kept = {name for extra in rows._EXTRA.values() for name in extra} | rows._ELSEWHERE
    for kind in (Opened, Control, Damaged, Gap, Closed):
        assert {one.name for one in fields(kind)} <= kept


def test_faults_that_the_decoder_finds_are_found_again_and_not_kept():
    mixed = (Fault("rpc.unanswered", "x"), ODD, Fault("time.past", "x"), Fault("json.too-deep", "x"))
    row = through_a_table(Closed(ONE, T, None, "fin", faults=mixed, n=1))
    assert rows.wire_event(ONE, row).faults == (ODD,)


def test_a_session_of_everything(tmp_path):
    wire = [event for batch in source_of(tmp_path).batches() for event in batch]
    numbered = decoded(source_of(tmp_path).batches())
    assert len(wire) == len(numbered) == 13
    for before, event in zip(wire, numbered, strict=True):
        again = rows.wire_event(event.session, through_a_table(event))
        frames = {"frames": ()} if isinstance(event, Damaged) and isinstance(before, Text) else {}
        assert again == replace(before, session=event.session, n=event.n, **frames)


def fragmented():
    parts = frame(TEXT, b'[2,"1","Heart', masked=True, fin=False) + frame(0, b'beat",{}]', masked=True)
    return session().client(parts).server(answer())


def compressed():
    return open_source([str(CAPTURES / "clean-2.0.1-deflate.pcap")], SourceOptions())


@pytest.mark.parametrize(
    "talk",
    [
        session().client(call()).server(answer()),
        session().client(call('[2,"é","Heartbeat",{}]')),
        session().client(call('[2,"1","DataTransfer",{"vendorId":"' + "x" * 60_000 + '"}]')),
        fragmented(),
        None,
    ],
    ids=["plain", "not ASCII", "long", "fragmented", "compressed"],
)
def test_frames_come_back_byte_by_byte(tmp_path, talk):
    source = source_of(tmp_path, talk) if talk else compressed()
    messages = [one for one in decoded(source.batches()) if isinstance(one, Message)]
    assert messages
    for message in messages:
        row = through_a_table(message)
        assert rows.wire_event(message.session, row).frames == message.frames
        assert rows.event_of(message.session, row).frames == message.frames
        assert message.frames


def message_of(text, direction=FROM_STATION, frames=()):
    return Decoder().feed([Text(replace(ONE), T, direction, text, frames)])[0]


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","Heartbeat",{}]',
        '[2,5,"Heartbeat",{}]',
        '[2,["a"],{"b":1},[null]]',
        '[2,12345678901234567890123,"X",{}]',
        '[4,"1","InternalError","",{}]',
        '[4,"1",5,null,[]]',
        '[3,"1",null]',
        ' [ 2 , "\\ud83d\\ude00" , "\\u00e9" , {"a" : 1.0} ] ',
        '[2,"1","' + "A" * 300 + '",{}]',
    ],
)
def test_messages(text):
    event = message_of(text)
    assert isinstance(event, Message)
    row = through_a_table(event, "warning")
    assert row["severity"] == "warning"
    assert row["size"] == len(text.encode())
    assert rows.wire_event(event.session, row) == Text(event.session, T, FROM_STATION, text, n=1)
    again = rows.event_of(event.session, row)
    same = "type", "id", "payload", "raw", "n", "time", "direction", "error", "latency"
    assert [getattr(again, name) for name in same] == [getattr(event, name) for name in same]


@given(st.text(max_size=60))
def test_any_text_comes_back(text):
    event = message_of(text)
    again = rows.wire_event(event.session, through_a_table(event))
    assert (again.text, again.n) == (text, 1)


def test_columns_for_queries():
    row = through_a_table(message_of('[4,"7","InternalError","sorry",{}]', FROM_CSMS))
    shown = {name: row[name] for name in ("event", "direction", "type", "error", "id", "said")}
    assert shown == {
        "event": "message",
        "direction": FROM_CSMS,
        "type": "CALLERROR",
        "error": "InternalError",
        "id": "7",
        "said": None,
    }
    row = through_a_table(Control(ONE, T, FROM_STATION, "ping", b"hi", n=1))
    assert (row["type"], row["size"], row["raw"], row["said"]) == ("PING", 2, b"hi", "ping")
