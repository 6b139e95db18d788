"""The file's bytes in, events out: whatever the bytes are, however they are cut, however many files."""

import gc
import random
import time
import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import Closed, Opened, Text
from ocppscope.wire import pcapng
from ocppscope.wire.capture import Capture
from ocppscope.wire.notes import ConnectionNote, written
from ocppscope.wire.segments import LINK_TYPE, Segments
from ocppscope.wire.tls import KeyStore
from tests.wire.packets import (
    ANSWER,
    CALL,
    CLOSE,
    CONTINUATION,
    MILLISECOND,
    PING,
    TEXT,
    Conversation,
    Packet,
    answer,
    call,
    decode,
    faults,
    frame,
    pcap,
    refusal,
    script,
    session,
    switching,
    texts,
    together,
    upgrade,
)
from tests.wire.test_deflate import Deflater

CORPUS = Path(__file__).parents[2].parent / "shared/corpus/pcap"


def a_busy_capture():
    """Some of everything: plain, deflate, late, refused, lost, cut, foreign, out of order."""
    deflate = Deflater()
    plain = session().client(call()).server(answer()).lose().client(call()).server(answer()).cut(70)
    plain.client(call()).wait(2_000 * MILLISECOND).client(call("[2,3,4,5]")).close()
    squeezed = Conversation(client="10.0.0.3:1").open().client(upgrade("/b", Sec_WebSocket_Key="x"))
    squeezed.server(switching("x", Sec_WebSocket_Extensions="permessage-deflate"))
    for _ in range(3):
        squeezed.server(frame(TEXT, deflate(ANSWER.encode()), rsv=4), frame(PING))
    late = (
        Conversation(client="10.0.0.4:1")
        .client(call()[4:])
        .server(answer())
        .client(call(), b"\xff\xff\xff\xff")
    )
    refused = Conversation(client="10.0.0.5:1").open().client(upgrade("/c")).server(refusal(401)).close()
    foreign = Conversation(client="10.0.0.6:1").open().client(b"SSH-2.0-x\r\n")
    packets = sorted(
        (p for talk in (plain, squeezed, late, refused, foreign) for p in talk.packets), key=lambda p: p.time
    )
    for n in range(5, len(packets) - 1, 7):
        packets[n], packets[n + 1] = packets[n + 1], packets[n]
    return pcap(packets)


BUSY = a_busy_capture()


def shown(events):
    """Events as they can be compared between two decoders."""
    return [(line, repr(event)) for line, event in zip(script(events), events, strict=True)]


def fed(pieces, **options):
    capture = Capture(**options)
    events = []
    for piece in pieces:
        events += capture.feed(piece)
    return events + capture.end_of_file("test.pcap") + capture.close()


# --- any chunking -------------------------------------------------------------------------------------------


def test_the_busy_capture_has_some_of_everything():
    kinds = {line[0] for line in script(decode(BUSY))}
    assert kinds == {"opened", ">", "<", "ping", "gap", "damaged", "closed"}


@given(st.sets(st.integers(1, len(BUSY) - 1), max_size=20))
def test_any_chunking_gives_the_same_events(cuts):
    places = [0, *sorted(cuts), len(BUSY)]
    pieces = [BUSY[a:b] for a, b in pairwise(places)]
    assert shown(fed(pieces)) == shown(decode(BUSY))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_small_chunks_give_the_same_events(size):
    pieces = [BUSY[at : at + size] for at in range(0, len(BUSY), size)]
    assert shown(fed(pieces)) == shown(decode(BUSY))


def test_events_come_as_soon_as_they_are_whole():
    talk = session()
    capture = Capture()
    capture.feed(pcap(talk.packets))
    talk.packets.clear()
    assert texts(capture.feed(pcap(talk.client(call()).packets)[24:])) == [CALL]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reply-ping-coalesced.pcap", ("ping",)),
        ("two-binary-fragments.pcap", ("opened", "closed")),
        ("websocket-control-frag_input.pcap", ("opened", "ping")),
        ("websocket-compressed_example_websocket.pcap", ("opened", "<", "closed")),
        ("websocket.pcap", ("opened",)),
        ("wrong-accept-header.pcap", ("opened",)),
        ("oversized-close-frame.pcapng", ("opened",)),
        ("wstunnel-http.pcap", ("opened",)),
    ],
)
def test_captures_of_others(name, expected):
    data = (CORPUS / name).read_bytes()
    events = decode(data)
    assert set(expected) <= {line[0] for line in script(events)}
    assert not [line for line in script(events) if line[0] == "gap"]
    middle = len(data) // 2
    assert shown(fed([data[:middle], data[middle:]])) == shown(events)
    if name.startswith("wrong-accept"):
        assert [fault.subject for fault in events[0].faults] == ["Sec-WebSocket-Accept"]
    if name.startswith("oversized-close"):
        assert any("control-too-long" in fault.kind for event in events for fault in event.faults)


# --- files --------------------------------------------------------------------------------------------------


def test_a_connection_goes_on_in_the_next_file():
    talk = session().client(call()).server(answer()).close()
    capture = Capture()
    events = []
    for at in range(0, len(talk.packets), 4):
        events += capture.feed(pcap(talk.packets[at : at + 4]))
        events += capture.end_of_file(f"part{at}.pcap")
    assert script(events + capture.close()) == script(decode(talk))
    assert capture.found["packet"] == len(talk.packets)


@pytest.mark.parametrize("cut", [1, 10, 70])
def test_a_torn_file_gives_what_came_before_and_a_notice(cut):
    events = decode(pcap(session().client(call(), call()).packets)[:-cut])
    assert texts(events) == [CALL]
    (notice,) = [event for event in events if not isinstance(event, Opened | Text | Closed)]
    assert notice.kind == "file.damaged"
    assert notice.detail.startswith("test.pcap: at byte ")
    assert isinstance(events[-1], Closed)


def test_a_file_that_lies_gives_what_came_before():
    data = pcap(session().client(call()).packets)
    events = decode(data + b"\x00" * 8 + b"\xff" * 8 + data)
    assert texts(events) == [CALL]
    assert ("notice", "file.damaged") in script(events)


def test_the_next_file_after_a_torn_one_is_read():
    talk = session().client(call())
    capture = Capture()
    capture.feed(b"nothing like a capture")
    assert script(capture.end_of_file("a")) == [("notice", "file.damaged")]
    assert texts(capture.feed(pcap(talk.packets))) == [CALL]


@pytest.mark.parametrize(("link_type", "name"), [(105, "IEEE 802.11 (Wi-Fi)"), (9999, "unknown")])
def test_a_link_type_that_cannot_be_read_is_told_once(link_type, name):
    data = bytearray(pcap(session().packets))
    data[20:24] = link_type.to_bytes(4, "little")
    (notice,) = decode(bytes(data))
    assert (notice.kind, notice.subject) == ("link.unsupported", str(link_type))
    assert name in notice.detail


def test_the_users_key_store_is_the_one_that_is_used():
    keys = KeyStore()
    assert Capture(keys=keys)._context.keys is keys


def test_an_empty_capture_is_empty():
    capture = Capture()
    assert decode(pcap([]), capture) == []
    assert capture.found == {"packet": 0}
    assert script(fed([])) == [("notice", "file.damaged")]


# --- bad input ----------------------------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_any_bytes_as_a_file_do_no_harm(data):
    decode(data)
    decode(BUSY[:24] + data)


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_any_bytes_as_packets_do_no_harm(frames):
    records = [
        b"".join(n.to_bytes(4, "little") for n in (1, 2, len(data), len(data))) + data for data in frames
    ]
    decode(BUSY[:24] + b"".join(records))


@given(st.lists(st.tuples(st.integers(24, len(BUSY) - 1), st.integers(0, 255)), max_size=20))
def test_flipped_bytes_do_no_harm(flips):
    data = bytearray(BUSY)
    for place, value in flips:
        data[place] = value
    decode(bytes(data))
    decode(bytes(data), decode_as={9000}, max_message=50)


# --- memory and time ----------------------------------------------------------------------------------------


def test_memory_does_not_follow_what_is_claimed():
    talk = session()
    talk.server(
        *[
            frame(TEXT, b"[]", claim=1 << 40),
            frame(PING, b"", claim=1 << 50),
            refusal(200, Content_Length="9" * 18),
        ]
    )
    http = (
        Conversation(client="10.0.0.3:1")
        .open()
        .client(upgrade() + b"x")
        .server(refusal(401, Content_Length="9" * 18))
    )
    data = together(talk, http)
    tracemalloc.start()
    decode(data)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_sessions_that_end_leave_nothing_behind():
    capture = Capture()
    begin = Conversation().time
    tracemalloc.start()
    sizes = []
    for n in range(600):
        talk = Conversation(client=f"10.0.{n // 250}.{n % 250 + 1}:1", time=begin + n * 10_000 * MILLISECOND)
        talk.open().client(upgrade()).server(switching() + answer()).close()
        capture.feed(pcap(talk.packets)[24 * bool(n) :])
        if n % 100 == 50:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] < 1.2 * sizes[0]


@cache
def hostile(kind):
    """What is dear to decode, for its size."""
    talk = session(Sec_WebSocket_Extensions="permessage-deflate")
    if kind == "bytes":
        data = call("[" + "x" * 20_000)
        talk.client(*[data[at : at + 1] for at in range(len(data))])
    elif kind == "fragments":
        talk.client(
            frame(TEXT, b"[", masked=True, fin=False),
            *[frame(CONTINUATION, b"x", masked=True, fin=False) * 5000] * 5,
        )
    elif kind == "heads":
        talk = Conversation().open()
        request = upgrade()[:-4] + b"\r\nX: " + b"x" * 20_000
        talk.client(*[request[at : at + 1] for at in range(len(request))])
    elif kind == "garbage":
        talk.server(*[b"\x81\x10[1" * 10_000] * 10)
    elif kind == "lengths":
        talk.server(*[b"\xff\xff" * 15_000] * 10)
    elif kind == "bombs":
        talk.server(*[frame(TEXT, BOMB, rsv=4)] * 20)
    elif kind == "noise":
        noise = random.Random(1)
        talk.server(*[noise.randbytes(30_000) for _ in range(30)])
    elif kind == "closes":
        talk.server(*[frame(CLOSE, b"\x00") * 1000] * 10)
    elif kind == "late":
        talk = Conversation().client(*[b"\x01\x81" * 15_000] * 10)
    elif kind == "unsorted":
        talk.client(*[b"x"] * 15_000)
        talk.packets[5:] = reversed(talk.packets[5:])
    elif kind == "acks":
        last = talk.packets[-1]
        far = (
            Packet(last.time + n, last.source, last.target, last.seq, last.ack + 100 + n, 0x10)
            for n in range(15_000)
        )
        talk.packets += far
    elif kind == "upgrades":
        talk = Conversation().open().client(*[upgrade() * 200] * 5).server(*[refusal(401) * 1000] * 2)
    return pcap(talk.packets)


BOMB = Deflater()(bytes(1 << 22))
KINDS = "bytes fragments heads garbage lengths bombs noise closes late unsorted acks upgrades".split()


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_input_costs_bounded_time(kind):
    """Far from any quadratic cost: the worst of them takes a fraction of this."""
    data = hostile(kind)
    began = time.process_time()
    decode(data, max_message=1 << 20)
    assert time.process_time() - began < 3


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(["garbage", "lengths", "noise", "late"]), st.integers(0, 40_000))
def test_hostile_input_cut_anywhere_gives_the_same_events(kind, cut):
    data = hostile(kind)
    assert script(fed([data[:cut], data[cut:]])) == script(decode(data))


# --- recordings in several files ----------------------------------------------------------------------------


def recorded(time, note, *said):
    """A file of a recording: one connection, which begins with a note."""
    segments = Segments(note.client, note.server, time)
    data = pcapng.section("test") + pcapng.interface(LINK_TYPE)
    comments = [written(note)]
    for packet in segments.opening():
        data += pcapng.packet(0, time, packet, comments)
        comments = []
    for side, part in said:
        for packet in segments.data(side, part):
            data += pcapng.packet(0, time, packet)
    return data


def test_files_of_one_recording_read_together_lose_nothing_and_say_nothing_twice():
    """Their connections have the same addresses, and the second one begins before the first one ends."""
    note = ConnectionNote("10.0.0.1:50000", "10.0.0.2:9000")
    shake = (0, upgrade()), (1, switching())
    capture = Capture()
    events = []
    for n in range(3):
        said = (0, call(f'[2,"{n}","Heartbeat",{{}}]')), (1, answer(f'[3,"{n}",{{}}]'))
        time = 1_700_000_000_000_000_000 + n * 60_000_000_000
        events += capture.feed(recorded(time, replace(note, resumed=n > 0), *shake, *said))
        events += capture.end_of_file(str(n))
    events += capture.close()
    assert texts(events) == [
        text for n in range(3) for text in (f'[2,"{n}","Heartbeat",{{}}]', f'[3,"{n}",{{}}]')
    ]
    assert faults(events) == []
    sessions = [event.session for event in events if isinstance(event, Opened)]
    assert [(one.late, one.duplicate_of) for one in sessions] == [(False, None), (True, None), (True, None)]
