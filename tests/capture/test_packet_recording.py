"""What is recorded is what was seen live: read back from the file, and from any one of several."""

import base64
import random
import shutil
import stat
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.capture.files import Rotation
from ocppscope.capture.packet_recording import PacketFiles
from ocppscope.events import Closed, Control, Notice, Tls
from ocppscope.wire import pcapng
from ocppscope.wire.deflate import WINDOW
from ocppscope.wire.pcap import CaptureReader
from tests.capture.recordings import (
    CSMS,
    ONE_FILE,
    WHEN_ASKED,
    Tape,
    damage,
    gaps,
    of,
    opened,
    plain,
    read,
    serious,
    texts,
)
from tests.wire.packets import (
    ANSWER,
    BINARY,
    CALL,
    CLIENT,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    SECOND,
    SERVER,
    TEXT,
    answer,
    call,
    frame,
    refusal,
    switching,
    upgrade,
)
from tests.wire.test_deflate import Deflater

RSV1 = 4
BYE = (CLIENT, frame(CLOSE, b"\x03\xe8", masked=True)), (SERVER, frame(CLOSE, b"\x03\xe8"))
DEFLATE = "permessage-deflate"
NO_TAKEOVER = f"{DEFLATE}; client_no_context_takeover; server_no_context_takeover"
BOOT = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BOOTED = '[3,"b",{"status":"Accepted","currentTime":"2023-11-14T22:13:20Z","interval":300}]'


def shake(extensions=None, **request):
    offer = {"Sec_WebSocket_Extensions": extensions}
    return [(CLIENT, upgrade(**offer, **request)), (SERVER, switching(**offer))]


def deflated(deflate, text, masked):
    return frame(TEXT, deflate(text.encode()), masked=masked, rsv=RSV1)


def fragments(text, masked, sizes=(3, 5), rsv=0):
    """A text in several frames, with a ping between them."""
    data, frames, at = text if isinstance(text, bytes) else text.encode(), [], 0
    for size in sizes:
        frames += [
            frame(CONTINUATION if at else TEXT, data[at : at + size], masked=masked, fin=False, rsv=rsv),
            frame(PING, b"between", masked=masked),
        ]
        at, rsv = at + size, 0
    return b"".join([*frames, frame(CONTINUATION, data[at:], masked=masked)])


def compressed_story(extensions):
    takeover = extensions == DEFLATE
    client, server = Deflater(takeover=takeover), Deflater(takeover=takeover)
    story = shake(extensions)
    for n in range(20):
        story += [(CLIENT, deflated(client, CALL.replace("1", str(n)), True))]
        story += [(SERVER, deflated(server, ANSWER.replace("1", str(n), 1), False))]
    story.append((CLIENT, fragments(client(CALL.encode()), True, rsv=RSV1)))
    return [*story, *BYE, "fin 0", "fin 1"]


STORIES = {
    "plain": [*shake(), (CLIENT, call()), (SERVER, answer()), *BYE, "fin 0", "fin 1"],
    "fragments, with pings between": [
        *shake(),
        (CLIENT, fragments(CALL, True)),
        (SERVER, fragments(ANSWER, False)),
        (SERVER, frame(PONG, b"x")),
        "fin 0",
        "fin 1",
    ],
    "broken frames": [
        *shake(),
        (CLIENT, call() + frame(11, b"reserved", masked=True) + frame(BINARY, b"\0\1", masked=True)),
        (CLIENT, answer()),  # not masked
        (SERVER, frame(PING, b"long" * 40)),
        (SERVER, frame(TEXT, b"[\xff]") + frame(7, bytes(range(200)) * 3) + answer()),
        (SERVER, answer()),
        (CLIENT, call('[2,"3","Héartbeat",{oops}]')),
        "rst 0",
    ],
    "compressed, with a context": compressed_story(DEFLATE),
    "compressed, each message alone": compressed_story(NO_TAKEOVER),
    "refused": [(CLIENT, upgrade()), (SERVER, refusal(401, b"go away")), "fin 1", "fin 0"],
    "refused, then let in": [
        (CLIENT, upgrade()),
        (SERVER, refusal(401)),
        *shake(Authorization="Basic Q1AwMDE6aHVudGVyMg=="),
        (CLIENT, call()),
        "fin 0",
        "fin 1",
    ],
    "no answer": [(CLIENT, upgrade()), "rst 1"],
    "a station that does not wait for the answer": [
        (CLIENT, upgrade() + call()),
        (CLIENT, call('[2,"2","Heartbeat",{}]')),
        (SERVER, switching() + answer()),
        "fin 0",
        "fin 1",
    ],
    "an answer that never comes": [(CLIENT, upgrade() + call()), "fin 1", "fin 0"],
    "garbage": [(CLIENT, b"\0\1\2 hello \xff" * 5), (SERVER, b"?\r\n"), "fin 0", "fin 1"],
    "garbage, then frames": [
        (CLIENT, b"\0\1\2 hello \xff"),
        (CLIENT, call()),
        (SERVER, answer()),
        (CLIENT, call('[2,"2","Heartbeat",{}]')),
        "fin 0",
        "fin 1",
    ],
    "TLS where none is spoken": [
        (CLIENT, b"\x16\x03\x01\0\x05\1\0\0\1\3"),
        (SERVER, refusal(400)),
        "fin 1",
        "fin 0",
    ],
    "half closed": [
        *shake(),
        (CLIENT, call()),
        "fin 0",
        (SERVER, answer()),
        (SERVER, answer('[2,"9","Reset",{"type":"Hard"}]')),
        "fin 1",
    ],
    "broken off": [*shake(), (CLIENT, call()[:9]), "rst 1"],
    "what ends with nothing": [*shake(), (CLIENT, call())],
    "ten megabytes in one message": [
        *shake(),
        (CLIENT, call('[2,"1","DataTransfer",{"vendorId":"V","data":"' + "x" * 10_000_000 + '"}]')),
        (SERVER, answer()),
        *BYE,
        "fin 0",
        "fin 1",
    ],
}


def play(line, story, size=None):
    """Say what is in a story, in chunks of some size, and end it."""
    return play_on(line, story, size).closed()


def play_on(line, story, size=None):
    for step in story:
        if isinstance(step, str):
            how, side = step.split()
            {"fin": line.fin, "rst": line.reset}[how](int(side))
        else:
            side, data = step
            size_here = size or len(data)
            line.say(side, *(data[at : at + size_here] for at in range(0, len(data), size_here)))
    return line


# --- one file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("size", [None, 7])
def test_a_file_gives_the_events_that_were_seen_live(tmp_path, name, size):
    if size and "megabytes" in name:
        size = 100_000
    tape = Tape(tmp_path)
    play(tape.connect(tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "csms.example")), STORIES[name], size)
    tape.close()
    assert tape.live or size or name in ("garbage", "TLS where none is spoken")
    assert plain(read(*tape.packets.paths)) == plain(tape.live)
    assert tape.said == []


def test_sessions_at_the_same_time_stay_apart_and_in_order(tmp_path):
    tape = Tape(tmp_path)
    lines = [tape.connect(f"10.0.0.1:{port}", tls=Tls("TLSv1.2")) for port in (50_001, 50_002, 50_003)]
    for side, data in shake():
        for line in lines:
            line.say(side, data)
    for n in range(5):
        for line in lines:
            line.client(call(f'[2,"{n}","Heartbeat",{{}}]')).server(answer(f'[3,"{n}",{{}}]'))
    for line in lines:
        line.fin(CLIENT).fin(SERVER).closed()
    tape.close()
    assert plain(read(*tape.packets.paths)) == plain(tape.live)
    assert len(opened(tape.live)) == 3


def test_the_same_ports_may_be_used_again_at_once(tmp_path):
    tape = Tape(tmp_path)
    for ending in ("fin 0", "fin 1"), ("rst 0",), ("fin 0",), ():
        play(tape.connect(), [*shake(), (CLIENT, call()), (SERVER, answer()), *ending])
    tape.close()
    again = read(*tape.packets.paths)
    assert texts(again) == texts(tape.live) == [CALL, ANSWER] * 4
    assert len(opened(again)) == 4


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ("[fe80::1]:50000", "[2001:db8::2]:443"),
        ("10.0.0.1:50000", "[2001:db8::2]:443"),  # a way through that translates: both are told in IPv6
    ],
)
def test_ipv6_addresses_are_kept_and_so_is_what_is_noted_of_them(tmp_path, client, server):
    tape = Tape(tmp_path)
    play(tape.connect(client, server, tls=Tls("TLSv1.3")), STORIES["plain"])
    tape.close()
    (event,) = opened(read(*tape.packets.paths))
    assert event.tls == Tls("TLSv1.3")
    assert event.session.server == server
    assert texts(read(*tape.packets.paths)) == [CALL, ANSWER]


def test_only_the_owner_can_read_a_recording(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, store=True)
    tape.flush().close()
    assert len(list(tmp_path.iterdir())) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_what_is_flushed_is_there_for_others_though_the_process_may_be_killed(tmp_path):
    tape = Tape(tmp_path)
    tape.connect().client(upgrade()).server(switching()).client(call()).flush()
    events = read(*tape.packets.paths)
    assert texts(events) == [CALL]
    assert not of(Notice, events)  # nothing is torn
    tape.close()


class Marked:
    direction, raw = "cp-to-csms", CALL

    def __init__(self, text):
        self.text = text


def with_faults(tape):
    line = tape.connect()
    for side, data in shake():
        line.say(side, data)
    line.say(CLIENT, call(), marks=[Marked("dropped: when action = Heartbeat")])
    return line.server(answer()).passed_on(SERVER, answer('[3,"1",{}]'))


def test_what_was_done_is_told_and_what_was_passed_on_is_a_second_interface(tmp_path):
    tape = Tape(tmp_path, faults=True)
    with_faults(tape).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    events = read(*tape.packets.paths)
    (notice,) = of(Notice, events)
    assert (notice.kind, notice.detail) == ("record.fault", "dropped: when action = Heartbeat")
    said, passed = opened(events)
    assert (said.session.server, passed.session.server) == (CSMS, "10.0.0.4:443")
    assert passed.session.duplicate_of == said.session.number  # it is not judged a second time
    assert [e.raw for e in events if getattr(e, "raw", "") and e.session is said.session] == [CALL, ANSWER]
    assert [e.raw for e in events if getattr(e, "raw", "") and e.session is passed.session] == ['[3,"1",{}]']
    reader = CaptureReader()
    reader.feed(tape.packets.paths[0].read_bytes())
    assert [one.name for one in reader.interfaces] == ["stations", "passed-on"]


def test_a_next_file_keeps_both_sides_of_faults_apart(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED, faults=True)
    line = with_faults(tape).flush()
    tape.time += 60 * SECOND  # nothing is passed on for long
    line.server(answer()).passed_on(SERVER, answer('[3,"1",{"a":1}]')).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    events = read(tape.packets.paths[1])
    said, passed = opened(events)
    assert said.session.late
    assert passed.session.duplicate_of == said.session.number
    assert serious(events) <= serious(tape.live)
    assert texts(events) == [ANSWER, '[3,"1",{"a":1}]']
    assert {gap.session for gap in gaps(events)} == {passed.session}  # its half messages are not known
    together = read(*tape.packets.paths)
    assert not {"http.key-reused"} & {fault.kind for e in opened(together) for fault in e.faults}


# --- several files ------------------------------------------------------------------------------------------


def test_each_file_says_the_handshakes_of_the_sessions_that_are_open(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED)
    tls = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "csms.example")
    line = tape.connect(tls=tls)
    for side, data in shake():
        line.say(side, data)
    gone = tape.connect("10.0.0.9:1")
    play(gone, STORIES["plain"])
    line.client(call()).flush().server(answer()).flush()
    line.client(call('[2,"2","Heartbeat",{}]')).fin(CLIENT).fin(SERVER).closed()
    tape.flush().close()
    first, second, third, fourth = (read(path) for path in tape.packets.paths)
    assert [texts(events) for events in (second, third)] == [[ANSWER], ['[2,"2","Heartbeat",{}]']]
    for events in (second, third):
        (event,) = opened(events)
        assert event.session.late
        assert (event.status, event.tls, event.session.station) == (101, tls, "CP001")
        assert event.request == opened(tape.live)[0].request
        assert event.session.version == "1.6"
    assert not any(event.session.late for event in opened(first))
    assert fourth == []  # nobody was there any more


def rotated(folder, chunks, cuts, ends=("fin 0", "fin 1"), tls=None):
    """Record chunks, with a next file before those at `cuts`, and at the end of the connection."""
    tape = Tape(folder, WHEN_ASKED)
    line = tape.connect(tls=tls)
    for n, (side, data) in enumerate(chunks):
        for _ in range(cuts.count(n)):
            tape.flush()
        line.say(side, data)
    for n, end in enumerate(ends):
        if len(chunks) + n in cuts:
            tape.flush()
        how, side = end.split()
        (line.fin if how == "fin" else line.reset)(int(side))
    line.closed()
    tape.close()
    return tape


def check(tape, expected):
    files = [read(path) for path in tape.packets.paths]
    assert texts(tape.live) == expected
    assert [text for events in files for text in texts(events)] == expected  # each in exactly one file
    for events in files:
        assert not gaps(events)
        assert not of(Notice, events)
        assert [event for event in opened(events) if event.faults] == []
        for event in damage(events):  # only what the file's end cuts through
            assert "the stream ends within it" in event.reason
        assert serious(events) <= serious(tape.live)
    assert not damage(files[-1])
    together = read(*tape.packets.paths)
    assert texts(together) == expected
    assert serious(together) <= serious(tape.live)
    return files


def story_of(seed, kind, count):
    """A session's bytes, piece by piece, and its texts."""
    make = random.Random(seed)
    extensions = {"plain": None, "takeover": DEFLATE, "alone": NO_TAKEOVER}[kind]
    deflaters = [Deflater(bits=make.choice([9, 15]), takeover=kind == "takeover") for _ in (0, 1)]
    pieces, said = shake(extensions), []
    asked: list[str] = [BOOT]
    for n in range(count):
        if n % 2 == 0:
            text = (
                asked[0] if n == 0 else f'[2,"{n}","DataTransfer",{{"vendorId":"V","data":"{_words(make)}"}}]'
            )
        else:
            text = BOOTED if n == 1 else f'[3,"{n - 1}",{{"status":"Accepted","data":"{_words(make)}"}}]'
        side = n % 2
        said.append(text)
        data, rsv = text.encode(), 0
        if extensions and make.random() < 0.8:
            data, rsv = deflaters[side](data), RSV1
        if make.random() < 0.4:
            piece = fragments(data, side == CLIENT, (len(data) // 3, len(data) // 4), rsv)
        else:
            piece = frame(TEXT, data, masked=side == CLIENT, rsv=rsv)
        pieces.append((side, piece))
    return [*pieces, *BYE], said


def _words(make):
    return " ".join(make.choice(["kilo", "watt", "hour", "é", "meter"]) for _ in range(make.randrange(60)))


def in_chunks(make, pieces):
    chunks = []
    for side, data in pieces:
        at = 0
        while at < len(data):
            size = make.choice([1, 2, 5, 30, 200, len(data)])
            chunks.append((side, data[at : at + size]))
            at += size
    return chunks


@settings(max_examples=60)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from(["plain", "takeover", "alone"]),
    st.integers(0, 10),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_a_next_file_may_begin_after_any_chunk(tmp_path_factory, seed, kind, count, where):
    pieces, expected = story_of(seed, kind, count)
    chunks = in_chunks(random.Random(seed), pieces)
    cuts = [round(one * (len(chunks) + 1)) for one in where]
    folder = tmp_path_factory.mktemp("rotated")
    tape = rotated(folder, chunks, cuts, tls=Tls("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"))
    try:
        files = check(tape, expected)
        for events in files[1:]:
            assert all(event.session.late for event in opened(events))
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["plain", "takeover"])
def test_a_next_file_after_each_single_byte(tmp_path, kind):
    pieces, expected = story_of(7, kind, 2)
    chunks = [(side, data[at : at + 1]) for side, data in pieces for at in range(len(data))]
    chunks = [*pieces[:1], *chunks[len(pieces[0][1]) :]]  # the request at once: it would be too many files
    answered = 1 + len(pieces[1][1])
    cuts = [*range(0, answered, 40), *range(answered - 2, len(chunks) + 2, 3)]
    check(rotated(tmp_path, chunks, cuts), expected)


@pytest.mark.parametrize("name", [name for name in STORIES if "megabytes" not in name])
def test_whatever_is_said_every_text_is_in_a_file_and_none_is_wrong(tmp_path, name):
    """What waits for the answer to an upgrade is in both files; and after broken frames a loss may be told."""
    steps = []
    for step in STORIES[name]:
        if isinstance(step, str):
            steps.append(step)
        else:
            side, data = step
            steps += [(side, data[at : at + 60]) for at in range(0, len(data), 60)]
    for cut in range(len(steps)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        tape = Tape(folder, WHEN_ASKED)
        line = tape.connect()
        play_on(line, steps[:cut]).flush()
        play_on(line, steps[cut:]).closed()
        tape.close()
        files = [read(path) for path in tape.packets.paths]
        assert {text for events in files for text in texts(events)} == set(texts(tape.live)), cut
        for events in files:
            assert serious(events) - {"CAP-001"} <= serious(tape.live), cut


def test_who_closed_is_known_in_a_file_that_begins_between_both_closes(tmp_path):
    for cut in range(2, 8):
        folder = tmp_path / str(cut)
        folder.mkdir()
        story = [*shake(), (CLIENT, call()), (SERVER, BYE[1][1]), (CLIENT, BYE[0][1])]
        tape = rotated(folder, story, [cut])
        closes = [of(Closed, read(path))[-1] for path in tape.packets.paths]
        if cut <= 6:
            assert (closes[-1].how, closes[-1].by, closes[-1].code) == ("close", "csms", 1000), cut
        check(tape, [CALL])


def test_who_ended_it_is_known_in_a_file_that_begins_after_one_side_has(tmp_path):
    for cut in range(6):
        folder = tmp_path / str(cut)
        folder.mkdir()
        tape = Tape(folder, WHEN_ASKED)
        line = tape.connect()
        play_on(line, STORIES["half closed"][:cut]).flush()
        play_on(line, STORIES["half closed"][cut:]).closed()
        tape.close()
        closed = of(Closed, read(tape.packets.paths[-1]))[-1]
        assert (closed.how, closed.by) == ("fin", "station")


def test_a_context_that_fits_into_no_note_is_lost_and_that_is_said(tmp_path):
    make = random.Random(1)
    client, server = Deflater(), Deflater()
    noise = [base64.b64encode(make.randbytes(WINDOW)).decode() for _ in (0, 1)]
    calls = [f'[2,"{n}","DataTransfer",{{"vendorId":"V","data":"{noise[0]}"}}]' for n in range(3)]
    answers = [f'[3,"{n}",{{"status":"Accepted","data":"{noise[1]}"}}]' for n in range(3)]
    tape = Tape(tmp_path, WHEN_ASKED)
    line = tape.connect(tls=Tls("TLSv1.3"))
    for side, data in shake(DEFLATE):
        line.say(side, data)
    for n, (asked, answered) in enumerate(zip(calls, answers, strict=True)):
        if n == 1:
            line.flush()
        line.client(deflated(client, asked, True)).server(deflated(server, answered, False))
    line.client(call()).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    first, second = (read(path) for path in tape.packets.paths)
    assert texts(first) == [calls[0], answers[0]]
    assert texts(second) == [CALL]  # never a wrong text
    assert [event.direction for event in gaps(second)] == ["cp-to-csms", "csms-to-cp"]
    assert {event.layer for event in damage(second)} == {"deflate"}
    (event,) = opened(second)
    assert (event.session.late, event.tls) == (True, Tls("TLSv1.3"))
    told_loss = {"CAP-001", "CAP-005"}
    assert serious(second) - told_loss <= serious(tape.live)
    assert told_loss <= serious(second)


def test_a_message_whose_start_is_lost_is_said_to_be_in_a_next_file_too(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED)
    tape.taps._context.max_message = 100
    line = tape.connect()
    for side, data in shake():
        line.say(side, data)
    big = call('[2,"1","DataTransfer",{"vendorId":"V","data":"' + "x" * 70_000 + '"}]')
    line.client(big[:150]).flush().client(big[150:]).client(call()).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    second = read(tape.packets.paths[1], max_message=100)
    assert [event.direction for event in gaps(second)] == ["cp-to-csms"]
    assert texts(second) == texts(tape.live) == [CALL]


def test_http_that_goes_on_is_said_again_and_too_much_of_it_is_a_hole(tmp_path):
    story = [(CLIENT, upgrade()), (SERVER, refusal(401, b"x" * 50)), *shake(), (CLIENT, call())]
    for cut in range(6):
        folder = tmp_path / str(cut)
        folder.mkdir()
        tape = rotated(folder, story, [cut])
        events = [read(path) for path in tape.packets.paths]
        assert [text for one in events for text in texts(one)] == [CALL]
        assert [e.status for e in opened(events[-1])] == ([101] if cut > 3 else [401, 101])
    tape = Tape(tmp_path, WHEN_ASKED)
    line = (
        tape.connect()
        .client(upgrade())
        .server(*[refusal(401, b"x" * 200_000)[at : at + 50_000] for at in range(0, 250_000, 50_000)])
        .flush()
    )
    for side, data in shake():
        line.say(side, data)
    line.client(call()).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    second = read(tape.packets.paths[1])
    assert texts(second) == [CALL]
    assert [(event.status, event.session.late) for event in opened(second)] == [(101, True)]


def test_frames_without_a_handshake_go_on_in_a_next_file(tmp_path):
    tape = Tape(tmp_path, WHEN_ASKED)
    line = tape.connect().client(b"\0\1\2 garbage \xff").client(call()).server(answer())
    line.flush().client(call('[2,"2","Heartbeat",{}]')).fin(CLIENT).fin(SERVER).closed()
    tape.close()
    assert texts(read(tape.packets.paths[0])) == [CALL, ANSWER]
    assert texts(read(tape.packets.paths[1])) == ['[2,"2","Heartbeat",{}]']


def test_pings_are_in_one_file_only(tmp_path):
    story = [*shake(), (CLIENT, frame(PING, b"a", masked=True)), (SERVER, frame(PONG, b"a"))]
    tape = rotated(tmp_path, story, [3])
    kept = [of(Control, read(path)) for path in tape.packets.paths]
    assert [[one.opcode for one in file] for file in kept] == [["ping"], ["pong"]]


# --- when a file ends ---------------------------------------------------------------------------------------

LINKS = [(101, "lo", "")]


def sizes(files):
    return [path.stat().st_size for path in files.paths]


def test_files_end_at_a_size(tmp_path):
    files = PacketFiles(tmp_path / "x.pcapng", Rotation(size=10_000), LINKS, pytest.fail)
    for n in range(40):
        files.packet(0, n, bytes(968))  # a block of a thousand bytes
        files.flush(n)
    files.close()
    assert len(files.paths) == 5
    assert all(10_000 <= size < 11_300 for size in sizes(files)[:-1])
    for path in files.paths:
        reader = CaptureReader()
        reader.feed(path.read_bytes())
        reader.close()
        assert reader.damage is None


def test_files_end_at_an_age_that_is_counted_from_the_first_flush(tmp_path):
    files = PacketFiles(tmp_path / "x.pcapng", Rotation(period=60 * SECOND), LINKS, pytest.fail)
    began = 1_700_000_000 * SECOND
    for second in range(0, 200, 10):
        files.flush(began + second * SECOND)
    files.close()
    assert len(files.paths) == 4  # also where nothing comes: 0, 60, 120, 180


def test_what_a_file_begins_with_does_not_end_it(tmp_path):
    """Or many sessions, and a small size, would fill the disk with files that hold nothing else."""
    began = []

    def begin(now):
        began.append(now)
        files.packet(0, now, bytes(20_000))

    files = PacketFiles(tmp_path / "x.pcapng", Rotation(size=10_000), LINKS, pytest.fail, begin)
    files.packet(0, 1, bytes(12_000))
    for now in range(1, 10):
        files.flush(now)
    assert began == [1]
    files.packet(0, 1, bytes(12_000))
    files.flush(20)
    assert began == [1, 20]
    files.close()


def test_only_the_last_files_are_kept(tmp_path):
    files = PacketFiles(tmp_path / "x.pcapng", Rotation(size=0, keep=2), LINKS, pytest.fail)
    for now in range(1, 6):
        files.flush(now)
    files.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-0005.pcapng", "x-0006.pcapng"]
    assert len(files.paths) == 6


def test_where_no_next_file_can_be_made_this_one_goes_on_and_that_is_said_once(tmp_path, monkeypatch):
    said = []
    files = PacketFiles(tmp_path / "x.pcapng", Rotation(size=0), LINKS, said.append)
    (first,) = files.paths
    with monkeypatch.context() as patch:

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        patch.setattr("os.open", full)
        for now in range(1, 5):
            files.packet(0, now, b"still here")
            files.flush(now)
    assert said == [f"the next file cannot be made: No space left on device; {first} goes on"]
    assert first.read_bytes().count(b"still here") == 4
    files.flush(9)
    files.close()
    assert len(files.paths) == 2
    assert len(said) == 1


def test_a_rotation_never_replaces_files_of_an_earlier_recording(tmp_path):
    for _ in range(2):
        files = PacketFiles(tmp_path / "x.pcapng", Rotation(size=0), LINKS, pytest.fail)
        files.flush(1)
        files.close()
    assert [path.name for path in files.paths] == ["x-0003.pcapng", "x-0004.pcapng"]
    assert len(list(tmp_path.iterdir())) == 4


# --- what others make of it ---------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_sessions_of_each_file_and_finds_nothing_wrong(tmp_path):
    pieces, expected = story_of(3, "plain", 4)
    tape = rotated(tmp_path, pieces, [4])
    texts_seen = []
    for path in tape.packets.paths:
        options = [
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-d",
            "tcp.port==9000,http",
        ]
        fields = ["-T", "fields", "-e", "websocket.payload.text", "-e", "tcp.checksum.status"]
        fields += ["-e", "_ws.expert.severity", "-e", "frame.comment"]
        done = subprocess.run(
            ["tshark", "-r", path, *options, *fields], capture_output=True, text=True, check=True
        )
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert {row[1] for row in rows} == {"1"}
        severities = {int(one) for row in rows for one in row[2].split(",") if one}
        assert not severities & {0x600000, 0x800000}  # warnings and errors
        assert rows[0][3].startswith("ocppscope connection: ")
        texts_seen += [row[0] for row in rows if row[0]]
    assert any(expected[-1].encode().hex() in text or expected[-1] in text for text in texts_seen)


def test_a_file_without_rotation_has_its_own_name(tmp_path):
    tape = Tape(tmp_path, ONE_FILE)
    for _ in range(3):
        tape.flush()
    tape.close()
    assert tape.packets.paths == [tmp_path / "x.pcapng"]
    assert tape.packets.paths[0].read_bytes().startswith(pcapng.section("")[:4])
