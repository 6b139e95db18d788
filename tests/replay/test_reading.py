import gc
from pathlib import Path

import pytest

from ocppscope.events import CALL, CALLRESULT, Closed, Damaged, Fault, Message, Opened, Session
from ocppscope.filter import parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.replay.reading import ScriptError, Selection, script_of, wire_bytes
from ocppscope.sources import SourceOptions, open_source
from ocppscope.wire.websocket import parse_header
from tests.cli import LAST_ANSWER, everything, opening
from tests.wire.packets import (
    CLOSE,
    PING,
    PONG,
    SECOND,
    START,
    TEXT,
    Conversation,
    answer,
    call,
    decode,
    frame,
    refusal,
    switching,
    together,
    upgrade,
)

CAPTURES = Path(__file__).parents[2] / "captures"
BOOT = '[2,"b","BootNotification",{"chargePointModel":"A","chargePointVendor":"B"}]'
BOOTED = '[3,"b",{"currentTime":"2026-01-01T00:00:00Z","interval":300,"status":"Accepted"}]'
RESET = '[2,"r","Reset",{"type":"Soft"}]'
RESET_DONE = '[3,"r",{"status":"Accepted"}]'
FIN_CODE = frame(CLOSE, b"\x03\xe8bye", masked=True)


def events_of(name):
    decoder = Decoder()
    for batch in open_source([str(CAPTURES / name)], SourceOptions()).batches():
        yield from decoder.feed(batch)


def sample(name, side="station", **selection):
    return script_of(events_of(name), side, Selection(**selection))


def read(talk, side="station", name_station=None, **selection):
    source = together(*talk) if isinstance(talk, tuple) else talk
    events = Decoder(name_station=name_station).feed(decode(source))
    return script_of(events, side, Selection(**selection))


def refused(talk, side="station", **selection):
    with pytest.raises(ScriptError) as error:
        read(talk, side, **selection)
    return str(error.value)


def station(name="CP001", port=50000, time=START):
    talk = Conversation(client=f"10.0.0.1:{port}", time=time)
    return talk.open().client(upgrade(f"/ocpp/{name}")).server(switching())


def booted(name="CP001", port=50000, time=START):
    return station(name, port, time).client(call(BOOT)).server(answer(BOOTED))


def steps(script):
    return [(step.n, "ours" if step.is_ours else "theirs", step.kind) for step in script.steps]


def numbers(script):
    return [step.n for step in script.steps]


def test_a_session_becomes_an_act_with_the_steps_of_both_sides():
    script = read(booted().client(FIN_CODE).close())
    assert (script.station, script.version, script.side, script.notes) == ("CP001", "1.6", "station", [])
    assert steps(script) == [(2, "ours", "call"), (3, "theirs", "answer"), (4, "ours", "close")]
    assert isinstance(script.acts[0].opened, Opened)
    assert isinstance(script.acts[0].closed, Closed)


def test_the_other_side_does_what_the_first_one_waits_for():
    assert steps(read(booted().close(), "csms")) == [
        (2, "theirs", "call"),
        (3, "ours", "answer"),
        (4, "theirs", "close"),
    ]


def test_calls_and_answers_are_linked_by_the_numbers_of_their_steps():
    script = sample("clean-1.6.pcap")
    assert [step.number for step in script.steps] == list(range(len(script.steps)))
    for step in script.steps:
        if step.kind == "call":
            assert script.steps[step.answer].message.call.n == step.n
        if step.kind == "answer":
            assert script.steps[step.call].answer == step.number


def test_steps_are_numbered_over_all_sessions():
    script = read((booted().close(), booted(port=50001, time=START + SECOND).close()))
    assert [len(act.steps) for act in script.acts] == [3, 3]
    assert [step.number for step in script.steps] == [0, 1, 2, 3, 4, 5]
    assert (script.steps[3].answer, script.steps[4].call) == (4, 3)


def test_a_send_is_a_step():
    script = sample("send-2.1.pcap")
    assert script.version == "2.1"
    assert any(step.kind == "send" and step.is_ours for step in script.steps)
    assert all(step.answer is None for step in script.steps if step.kind == "send")


# --- pings ---


def test_pings_are_steps_and_the_pongs_that_answer_them_are_not():
    script = read(booted().client(frame(PING, b"hi", masked=True)).server(frame(PONG, b"hi")).close())
    assert steps(script)[2:] == [(4, "ours", "ping"), (6, "ours", "close")]
    assert script.steps[2].data == b"hi"


def test_one_pong_may_answer_several_pings():
    talk = booted()
    for payload in (b"1", b"2"):
        talk.client(frame(PING, payload, masked=True))
    script = read(talk.server(frame(PONG, b"2")).server(frame(PONG, b"1")).close())
    assert steps(script)[2:] == [
        (4, "ours", "ping"),
        (5, "ours", "ping"),
        (7, "theirs", "pong"),
        (8, "ours", "close"),
    ]


def test_a_pong_that_nobody_asked_for_is_a_step():
    script = read(booted().client(frame(PONG, b"alive", masked=True)).close())
    assert (steps(script)[2], script.steps[2].data) == ((4, "ours", "pong"), b"alive")


def test_a_session_of_pings_alone_is_played():
    script = read(station().server(frame(PING, b"x")).client(frame(PONG, b"x", masked=True)).close())
    assert steps(script) == [(2, "theirs", "ping"), (4, "ours", "close")]


# --- closes ---


def test_a_close_keeps_its_code_and_reason():
    close = read(booted().client(FIN_CODE).close()).steps[-1]
    assert (close.kind, close.is_ours, close.code, close.reason) == ("close", True, 1000, "bye")


def test_an_end_without_a_close_is_one_without_a_code():
    close = read(booted().rst(1)).steps[-1]
    assert (close.kind, close.is_ours, close.code) == ("close", False, None)


def test_the_end_of_the_capture_is_no_step():
    script = read(booted())
    assert [step.kind for step in script.steps] == ["call", "answer"]
    assert script.acts[0].closed.how == "end-of-capture"


# --- which station ---


def test_several_stations_are_listed():
    text = refused((booted("CP001").close(), booted("CP002", 50001, START + SECOND).close()))
    assert text.splitlines() == [
        "there are 2 stations in what is to be played: choose one with --station",
        "  CP001: 2 messages in session 1, from event 1 on",
        "  CP002: 2 messages in session 2, from event 5 on",
    ]


def test_at_most_twenty_stations_are_listed():
    talks = tuple(booted(f"CP{n:03}", 50000 + n, START + n * SECOND).close() for n in range(23))
    assert refused(talks).splitlines()[-1] == "  and 3 more"


def test_one_station_can_be_chosen():
    talks = booted("CP001").close(), booted("CP002", 50001, START + SECOND).close()
    script = read(talks, station="CP002")
    assert (script.station, numbers(script), script.notes) == ("CP002", [6, 7, 8], [])


def test_what_is_chosen_may_leave_one_station():
    talks = booted("CP001").close(), booted("CP002", 50001, START + SECOND).close()
    for selection in (
        {"sessions": (2,)},
        {"first": 5},
        {"since": START + SECOND},
        {"wanted": parse("station == CP002")},
    ):
        assert read(talks, **selection).station == "CP002"


def test_a_station_that_is_not_there_is_named_with_those_that_are_like_it():
    text = refused(booted("LIS-0117").close(), station="LIS-0171")
    assert "no station LIS-0171 in the capture (did you mean LIS-0117?)" in text
    assert "  LIS-0117: 2 messages in session 1" in text


def test_a_station_without_an_identity_is_its_session():
    def late(port, time):
        talk = Conversation(client=f"10.0.0.1:{port}", time=time)
        return talk.client(call(BOOT)).server(answer(BOOTED)).close()

    talks = late(50000, START), late(50001, START + SECOND)
    text = refused(talks)
    assert "  session 1: 2 messages" in text
    assert "  session 2: 2 messages" in text
    assert "--name-station" in text
    chosen = read(talks, station="session 2")
    assert (chosen.station, chosen.acts[0].opened) == (None, None)
    named = read(talks, name_station="CP9")
    assert (named.station, len(named.acts)) == ("CP9", 2)


def test_nothing_is_kept_of_what_is_not_chosen():
    def events(name, count):
        session = Session(1, station=name, version="1.6")
        yield Opened(session, 0, status=101, path=f"/{name}", n=1)
        for n in range(2, count):
            yield Message(session, 0, "cp-to-csms", CALL, str(n), "Heartbeat", {}, "{}", n)

    def all_events():
        own = Session(2, station="mine", version="1.6")
        yield Opened(own, 0, status=101, path="/mine", n=1)
        yield Message(own, 0, "cp-to-csms", CALL, "1", "Heartbeat", {}, "{}", 2)
        yield from events("other", 300)
        gc.collect()
        nonlocal kept
        kept = sum(type(one) is Message for one in gc.get_objects()) - before

    kept = -1
    for selection in (Selection(station="mine"), Selection(sessions=(2,)), Selection(last=2, station="mine")):
        gc.collect()
        before = sum(type(one) is Message for one in gc.get_objects())
        script_of(all_events(), "station", selection)
        assert 0 <= kept <= 2
    with pytest.raises(ScriptError, match="2 stations"):
        script_of(all_events(), "station", Selection())
    assert kept <= 2


# --- which sessions and events ---


def test_sessions_are_chosen_by_number():
    talks = booted().close(), booted(port=50001, time=START + SECOND).close()
    assert numbers(read(talks, sessions=(2,))) == [6, 7, 8]
    assert "there is no session 3 in the capture: there are 1, 2" in refused(talks, sessions=(3,))
    text = refused((*talks, booted("CP002", 50002, START + 2 * SECOND)), sessions=(3,), station="CP001")
    assert "no session 3 of station CP001" in text


def test_events_are_chosen_by_number_and_time():
    script = sample("clean-1.6.pcap", first=10, last=13)
    assert numbers(script)[0] >= 9
    assert numbers(script)[-1] <= 14
    assert script.acts[0].opened.n == 1  # it takes a handshake to say anything
    assert script.acts[0].closed is None
    times = [step.time for step in sample("clean-1.6.pcap").steps]
    by_time = sample("clean-1.6.pcap", since=times[4], until=times[7])
    assert by_time.steps[0].time >= times[3]
    assert by_time.steps[-1].time <= times[8]


def test_answers_and_calls_of_what_is_chosen_come_along():
    talk = booted().server(answer(RESET)).client(call(RESET_DONE)).client(FIN_CODE).close()
    assert numbers(read(talk, last=2)) == [2, 3]
    assert numbers(read(talk, first=5)) == [4, 5, 6]


def test_a_large_call_that_comes_along_is_whole():
    big = BOOT.replace('"A"', f'"{"x" * 70_000}"')
    data = call(big)
    talk = station().client(data[:40_000], data[40_000:]).server(answer(BOOTED)).close()
    assert read(talk, first=3).steps[0].message.raw == big


def test_a_filter_chooses_what_is_played():
    talk = booted().server(answer(RESET)).client(call(RESET_DONE)).client(FIN_CODE).close()
    script = read(talk, wanted=parse("action == Reset"))
    assert numbers(script) == [4, 5, 6]  # its session ends as it did
    assert numbers(read(talk, wanted=parse("type == CALLRESULT and action == Reset"))) == [4, 5, 6]


def test_sessions_of_which_nothing_is_chosen_are_not_opened():
    talks = booted().close(), booted(port=50001, time=START + SECOND).server(answer(RESET)).close()
    script = read(talks, wanted=parse("action == Reset"))
    assert [act.opened.session.number for act in script.acts] == [2]
    assert len(read(talks, first=4).acts) == 1  # the first one only ends there


def test_a_filter_for_findings_is_refused():
    assert "rules or severities" in refused(booted(), wanted=parse("severity == error"))


def test_a_selection_that_fits_nothing_lists_what_there_is():
    text = refused(booted().close(), wanted=parse("action == Reset"))
    assert "nothing in the capture fits the selection" in text
    assert "  CP001: 2 messages in session 1" in text


def test_a_capture_without_sessions():
    with pytest.raises(ScriptError, match="no session of OCPP"):
        script_of([], "station", Selection())


# --- sessions that are left out, or not what they should be ---


def test_overlapping_sessions_are_played_in_the_order_of_their_start():
    first, second = booted(), booted(port=50001, time=START + 10 * SECOND)
    first.wait(20 * SECOND).server(answer(RESET)).client(call(RESET_DONE)).close()
    script = read((first, second.close()))
    assert [act.opened.session.number for act in script.acts] == [1, 2]
    assert [step.number for step in script.steps] == list(range(len(script.steps)))
    assert script.notes[0].startswith("session 2 began (event 4) before session 1 had ended")


def test_a_second_sighting_is_left_out_unless_it_is_asked_for():
    script = sample("recorded-faults.pcapng")
    assert len(script.acts) == 1
    assert script.notes[0] == "session 2 (event 3) is session 1 seen again, and is left out"
    again = sample("recorded-faults.pcapng", sessions=(2,))
    assert again.acts[0].opened.session.duplicate_of == 1
    assert any(step.action == "Heartbeat" for step in again.steps)


def test_refused_handshakes_are_left_out():
    first = Conversation(client="10.0.0.1:40000").open().client(upgrade("/ocpp/CP001")).server(refusal(503))
    script = read((first.close(), booted(time=START + SECOND).close()))
    assert script.notes == ["session 1 (event 1) was refused with status 503, and is left out"]
    assert numbers(script) == [4, 5, 6]


def test_nothing_but_refused_handshakes():
    with pytest.raises(ScriptError) as error:
        sample("refused-handshake.pcap")
    assert str(error.value).splitlines()[:2] == [
        "no session can be played:",
        "  session 1 (event 1) was refused with status 400, and is left out",
    ]


def test_a_handshake_without_an_answer_is_left_out():
    first = Conversation(client="10.0.0.1:40000").open().client(upgrade("/ocpp/CP001"))
    script = read((first.close(), booted(time=START + SECOND).close()))
    assert script.notes == ["session 1 (event 1) got no answer to its handshake, and is left out"]


def test_a_capture_without_a_handshake():
    script = sample("late-start.pcap")
    assert (script.station, script.version, script.acts[0].opened) == (None, "1.6", None)
    assert "session 1 (event 1): its handshake is not in the capture" in script.notes
    assert "session 1 (event 1): that it is OCPP 1.6 was concluded from its messages" in script.notes


def test_sessions_of_several_versions():
    second = Conversation(client="10.0.0.1:50001", time=START + SECOND).open()
    second.client(upgrade(Sec_WebSocket_Protocol="ocpp2.0.1"))
    second.server(switching(Sec_WebSocket_Protocol="ocpp2.0.1")).client(call())
    script = read((booted().close(), second.close()))
    assert script.version == "1.6"
    assert "session 2 (event 5) speaks OCPP 2.0.1, session 1 speaks 1.6" in script.notes


# --- what the capture lacks ---


def test_gaps_are_named_with_their_places():
    script = sample("lost-packets.pcap")
    assert "event 18: 171 bytes of the station are not in the capture" in script.notes


def test_answers_to_what_is_not_there_are_left_out():
    script = sample("lost-packets.pcap")
    assert 19 not in numbers(script)
    assert "event 19 answers what is not in the capture, or nothing at all, and is left out" in script.notes


def test_a_call_without_an_answer_stays():
    script = read(booted().client(call()).close())
    assert (script.steps[2].kind, script.steps[2].answer) == ("call", None)
    assert script.notes == ["event 4: Heartbeat of the station was never answered"]


@pytest.mark.parametrize(("side", "other"), [("station", "csms"), ("csms", "station")])
def test_a_capture_without_the_side_that_is_played(side, other):
    talk = station().server(answer(RESET)) if side == "station" else station().client(call(BOOT))
    text = refused(talk.close(), side)
    assert "is not in the capture: from event 1 on only" in text
    assert f"--as {other}" in text


def test_a_capture_without_the_peer():
    script = read(station().client(call(BOOT)).close())
    assert "session 1 (event 1) shows nothing of the CSMS: there is nothing to compare with" in script.notes


def test_a_side_that_cannot_be_read():
    with pytest.raises(ScriptError, match=r"nothing that the station says can be read, from event 3 on"):
        sample("late-start-deflate.pcap")


def test_what_comes_after_the_end_is_left_out():
    session = Session(1, station="A", version="1.6")
    heartbeat = ("cp-to-csms", CALL, "1", "Heartbeat", {}, "{}")
    events = [
        Opened(session, 0, status=101, path="/A", n=1),
        Message(session, 0, *heartbeat, 2),
        Closed(session, 0, "station", "close", 1000, n=3),
        Message(session, 0, *heartbeat, 4),
        Message(session, 0, *heartbeat, 5),
    ]
    script = script_of(events, "station", Selection())
    assert numbers(script) == [2, 3]
    assert "2 events after the end of session 1 (from event 4 on) are left out" in script.notes


def test_notes_end_with_a_count():
    talk = station()
    for n in range(30):
        talk.client(call(f'[2,"{n}","Heartbeat",{{}}]'))
    notes = read(talk.server(answer('[3,"29",{"currentTime":"2026-01-01T00:00:00Z"}]')).close()).notes
    assert (len(notes), notes[-1]) == (21, "and 9 more notes like these")


# --- what is damaged ---


def test_an_event_of_each_kind():
    script = read(everything())
    kinds = [(step.n, step.kind) for step in script.steps]
    assert kinds[:5] == [(2, "call"), (3, "answer"), (4, "call"), (5, "answer"), (6, "ping")]
    assert kinds[5:] == [(8, "damaged"), (9, "damaged"), (10, "damaged"), (13, "close")]
    assert [note.split(":")[0] for note in script.notes] == [
        "event 11",
        "event 12 answers what is not in the capture, or nothing at all, and is left out",
    ]


def test_damaged_steps_are_frames_again():
    damaged = [step for step in read(everything()).steps if step.kind == "damaged"]
    for step, opcode in zip(damaged, (TEXT, TEXT, 3), strict=True):
        header = parse_header(step.data)
        assert (header.opcode, header.masked, header.end) == (opcode, True, len(step.data))
    assert damaged[1].data.endswith(b'["\xff\xfe"]')
    assert damaged[2].data.endswith(bytes(range(200)) * 2)


@pytest.mark.parametrize(
    ("layer", "kind", "expected"),
    [
        ("utf8", "websocket.binary", b"\x82\x02\xff\xfe"),
        ("utf8", "websocket.utf8", b"\x81\x02\xff\xfe"),
        ("deflate", "deflate.broken", b"\xc1\x02\xff\xfe"),
        ("websocket", "websocket.continuation", b"\x80\x02\xff\xfe"),
        ("websocket", "websocket.no-frame", b"\xff\xfe"),
        ("websocket", "websocket.too-big", None),
        ("deflate", "deflate.lost", None),
        ("tls", "tls.broken", None),
    ],
)
def test_only_what_a_peer_broke_is_sent_again(layer, kind, expected):
    damaged = Damaged(Session(1), 0, "csms-to-cp", layer, 0, "why", b"\xff\xfe", (Fault(kind, ""),))
    assert wire_bytes(damaged) == expected


def test_frames_of_any_size():
    for size in (125, 126, 65_535, 65_536):
        damaged = Damaged(Session(1), 0, "cp-to-csms", "json", 0, "why", "x" * size)
        data = wire_bytes(damaged)
        header = parse_header(data)
        assert (header.size, header.minimal, header.end) == (size, True, len(data))


def test_what_the_capture_does_not_hold_is_not_sent_again():
    session = Session(1, station="A", version="1.6")
    events = [
        Opened(session, 0, status=101, path="/A", n=1),
        Message(session, 0, "cp-to-csms", CALLRESULT, "1", "Reset", {}, "{}", 2),
        Message(session, 0, "cp-to-csms", CALL, "1", "Heartbeat", {}, "{}", 3),
        Damaged(session, 0, "cp-to-csms", "websocket", 0, "an incomplete frame", b"\x81", n=4),
        Damaged(session, 0, None, "tcp", 0, "torn", b"\x81", n=5),
    ]
    script = script_of(events, "station", Selection())
    assert numbers(script) == [3]
    assert "event 4 of the station cannot be read (an incomplete frame), and is left out" in script.notes
    assert "event 5 cannot be read (torn), and is left out" in script.notes


def test_notices_are_passed_over():
    assert read(opening().client(call()).server(answer(LAST_ANSWER.replace("4", "1", 1))).close()).steps
