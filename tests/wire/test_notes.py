"""Notes in the comments of a recording: written and read, and what strangers may write there."""

import base64
import json
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import Notice, Opened, Text, Tls
from ocppscope.wire import pcapng
from ocppscope.wire.capture import Capture
from ocppscope.wire.deflate import WINDOW
from ocppscope.wire.notes import ConnectionNote, FaultNote, read, written
from ocppscope.wire.pcap import CaptureReader
from ocppscope.wire.segments import LINK_TYPE, Segments
from tests.wire.packets import CALL, CLIENT, SERVER, START, answer, call, switching, texts, upgrade

CLIENT_END, SERVER_END = "10.0.0.1:50000", "10.0.0.2:9000"
CONNECTION = "ocppscope connection: "
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def said(**fields):
    return CONNECTION + json.dumps({"client": CLIENT_END, "server": SERVER_END} | fields)


def packed(data):
    return base64.b64encode(zlib.compress(data)).decode()


BOMB = base64.b64encode(zlib.compress(bytes(40_000_000), 9)).decode()
HOSTILE = {
    "no JSON": CONNECTION + "{",
    "no object": CONNECTION + "[1,2]",
    "nothing": CONNECTION,
    "null": CONNECTION + "null",
    "a number": CONNECTION + "1" * 6_000,
    "deep": CONNECTION + "[" * 60_000,
    "no addresses": CONNECTION + "{}",
    "numbers for addresses": said(client=1, server=2),
    "lists for addresses": said(client=[], server={}),
    "half a surrogate": said(client="\ud800"),
    "half a surrogate in the TLS": said(tls=["TLSv1.3", None, "\udcff"]),
    "TLS of one": said(tls=["TLSv1.3"]),
    "TLS of four": said(tls=["a", "b", "c", "d"]),
    "TLS of numbers": said(tls=[1, 2, 3]),
    "TLS of a number": said(tls=7),
    "TLS of a text": said(tls="abcd"),
    "windows of one": said(windows=[packed(b"x")]),
    "windows of numbers": said(windows=[1, 2]),
    "windows of a text": said(windows="no"),
    "windows that are no base64": said(windows=["ä", "!"]),
    "windows that are no zlib": said(windows=["AAAA", "AAAA"]),
    "windows that are torn": said(windows=[packed(b"x" * 99)[:8], packed(b"y")]),
    "64 KiB of nothing": CONNECTION + " " * 65_500,
    "64 KiB of zeros": CONNECTION + "\0" * 65_500,
    "NaN": CONNECTION + '{"client": NaN, "server": Infinity}',
}


# --- round trips --------------------------------------------------------------------------------------------


@given(
    st.builds(
        ConnectionNote,
        NAMES,
        NAMES,
        st.none() | st.builds(Tls, st.none() | NAMES, st.none() | NAMES, st.none() | NAMES),
        resumed=st.booleans(),
        windows=st.none() | st.tuples(st.binary(max_size=300), st.binary(max_size=300)),
    )
)
def test_a_note_on_a_connection_is_read_as_it_was_written(note):
    assert read(written(note)) == note


def test_windows_as_large_as_there_are():
    windows = (b"[2,1]" * WINDOW)[:WINDOW], bytes(range(256)) * (WINDOW // 256)
    note = ConnectionNote(CLIENT_END, SERVER_END, windows=windows)
    assert read(written(note)) == note
    assert len(written(note)) < 2_000


@pytest.mark.parametrize("detail", ["dropped", "", "with\nlines", "é ☃", '{"json": 1}'])
def test_a_note_on_a_fault_is_read_as_it_was_written(detail):
    assert read(written(FaultNote(detail))) == FaultNote(detail)


def test_only_so_much_is_kept_of_what_a_fault_did():
    assert read(written(FaultNote("x" * 60_000))) == FaultNote("x" * 1_000)


@pytest.mark.parametrize(
    "comment", ["", "a comment", "ocppscope", "Ocppscope fault: no", " ocppscope fault: no"]
)
def test_what_others_say_is_no_note(comment):
    assert read(comment) is None


def test_what_a_later_version_says_more_is_no_harm():
    assert read(said(more=[1], resumed="yes")) == ConnectionNote(CLIENT_END, SERVER_END)


@pytest.mark.parametrize("name", HOSTILE)
def test_wrong_notes_are_none(name):
    assert read(HOSTILE[name]) is None


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one, max_size=4))
)
def test_any_json_in_the_place_of_any_field_is_read_without_an_error(value):
    for field in ("client", "server", "tls", "resumed", "windows"):
        read(said(**{field: value}))


def test_a_bomb_is_none_and_takes_no_room():
    tracemalloc.start()
    note = read(said(windows=[BOMB, packed(b"x")]))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert note is None
    assert most < 1_000_000


# --- in captures --------------------------------------------------------------------------------------------


def capture_of(*comments, start=START):
    """A session; its first packet has the comments."""
    segments = Segments(CLIENT_END, SERVER_END, start)
    packets = [
        *segments.opening(),
        *segments.data(CLIENT, upgrade()),
        *segments.data(SERVER, switching()),
        *segments.data(CLIENT, call()),
        *segments.data(SERVER, answer()),
    ]
    data = pcapng.section("test") + pcapng.interface(LINK_TYPE)
    for n, one in enumerate(packets):
        data += pcapng.packet(0, start + n, one, comments if n == 0 else ())
    return data


def events_of(data):
    capture = Capture()
    return capture.feed(data) + capture.end_of_file("x.pcapng") + capture.close()


@pytest.mark.parametrize("name", [*HOSTILE, "all of them", "a bomb"])
def test_whatever_stands_in_comments_the_packets_are_read(name):
    comments = {"all of them": list(HOSTILE.values()), "a bomb": [said(windows=[BOMB, BOMB])]}
    data = capture_of(*comments.get(name, [HOSTILE.get(name, "")]))
    events = events_of(data)
    assert texts(events)[0] == CALL
    assert len(texts(events)) == 2
    assert not [event for event in events if isinstance(event, Notice)]
    (opened,) = [event for event in events if isinstance(event, Opened)]
    assert opened.tls is None
    assert not opened.session.late


def test_a_note_tells_of_the_connection_that_begins_with_its_packet():
    tls = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "csms.example")
    (opened, *_) = events_of(capture_of(written(ConnectionNote(CLIENT_END, SERVER_END, tls, resumed=True))))
    assert opened.tls == tls
    assert opened.session.late


def test_a_note_of_another_connection_tells_nothing_of_this_one():
    (opened, *_) = events_of(capture_of(written(ConnectionNote("10.9.9.9:1", SERVER_END, Tls("TLSv1.3")))))
    assert opened.tls is None


def test_a_note_serves_once():
    note = written(ConnectionNote(CLIENT_END, SERVER_END, Tls("TLSv1.3")))
    capture = Capture()
    events = (
        capture.feed(capture_of(note))
        + capture.end_of_file("1")
        + capture.feed(capture_of(start=START + 10**9))
    )
    assert [event.tls for event in events if isinstance(event, Opened)] == [Tls("TLSv1.3"), None]


def test_faults_are_told_at_their_times():
    events = events_of(capture_of(written(FaultNote("dropped")), "just a comment"))
    notices = [event for event in events if isinstance(event, Notice)]
    assert [(one.kind, one.time, one.detail) for one in notices] == [("record.fault", START, "dropped")]
    assert len([event for event in events if isinstance(event, Text)]) == 2


def test_notes_without_connections_take_no_memory_to_speak_of():
    """Each of a hundred bytes may inflate to two windows."""
    bomb = packed(bytes(WINDOW))
    capture = Capture()
    capture.feed(capture_of())
    tracemalloc.start()
    for n in range(3_000):
        comment = written(ConnectionNote(f"10.0.0.1:{n}", SERVER_END)).replace(
            "}", f', "windows": ["{bomb}", "{bomb}"]}}'
        )
        capture.feed(pcapng.packet(0, START, b"no packet", [comment]))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000_000


def test_others_see_the_notes_as_comments():
    reader = CaptureReader()
    reader.feed(capture_of(written(FaultNote("dropped"))))
    assert reader.comments == ["ocppscope fault: dropped"]
