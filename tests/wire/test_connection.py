"""From packets to sessions: which protocol a connection speaks, and how its sessions open and end."""

import contextlib
import random
import ssl
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import Closed, Damaged, Gap, Notice, Opened
from ocppscope.wire.capture import Capture
from ocppscope.wire.connection import Connection, Context
from ocppscope.wire.notes import ConnectionNote
from ocppscope.wire.tls import KeyStore
from tests.wire.packets import (
    ANSWER,
    CALL,
    CLIENT,
    CLOSE,
    PING,
    PONG,
    SECOND,
    SERVER,
    TEXT,
    Conversation,
    answer,
    call,
    decode,
    faults,
    frame,
    head,
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
from tests.wire.test_tls import certificate

RSV1 = 4
BYE = frame(CLOSE, b"\x03\xe8")


def opened(events):
    return [event for event in events if isinstance(event, Opened)]


def run(source, **options):
    """Events and what was found."""
    capture = Capture(**options)
    return decode(source, capture), capture.found


# --- the upgrade --------------------------------------------------------------------------------------------


def test_a_session_from_its_upgrade_to_its_end():
    talk = session().client(call()).server(answer()).close()
    events = decode(talk)
    assert script(events) == [("opened", 101), (">", CALL), ("<", ANSWER), ("closed", "station", "fin", None)]
    first = events[0]
    assert (first.path, first.subprotocols, first.subprotocol) == ("/ocpp/CP001", ("ocpp1.6",), "ocpp1.6")
    assert (first.session.client, first.session.server) == ("10.0.0.1:50000", "10.0.0.2:9000")
    assert (first.request, first.response, first.tls) == (upgrade(), switching(), None)
    assert (first.session.number, first.session.late, first.session.duplicate_of) == (1, False, None)
    assert first.time == talk.packets[4].time
    assert faults(events) == []
    assert events[1].frames == (call(),)
    assert events[2].frames == (answer(),)


@pytest.mark.parametrize("port", [80, 443, 9000, 22, 53])
def test_any_port_will_do(port):
    talk = Conversation(server=f"10.0.0.2:{port}").open().client(upgrade()).server(switching()).client(call())
    assert texts(decode(talk)) == [CALL]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50])
def test_heads_split_over_segments(step):
    request, response = upgrade(Authorization="Basic Q1AwMDE6czNjcmV0"), switching() + answer()
    talk = Conversation().open()
    talk.client(*[request[at : at + step] for at in range(0, len(request), step)])
    talk.server(*[response[at : at + step] for at in range(0, len(response), step)])
    events = decode(talk)
    assert script(events)[:-1] == [("opened", 101), ("<", ANSWER)]
    assert events[0].auth == "Basic CP001"


def test_frames_in_one_segment_with_the_101():
    talk = Conversation().open().client(upgrade()).server(switching() + answer() + frame(PING))
    events = decode(talk)
    assert script(events)[:-1] == [("opened", 101), ("<", ANSWER), ("ping", b"")]
    assert events[1].frames == (answer(),)


def test_frames_before_the_101_come_first():
    talk = Conversation().open().client(upgrade() + call(), call("[2,2]")).server(switching() + answer())
    events = decode(talk)
    assert script(events)[:-1] == [("opened", 101), (">", CALL), (">", "[2,2]"), ("<", ANSWER)]
    assert events[1].frames == (call(),)


def test_an_interim_response_is_no_answer():
    talk = Conversation().open().client(upgrade()).server(head("HTTP/1.1 103 Early Hints", {}) + switching())
    assert script(decode(talk.server(answer())))[:2] == [("opened", 101), ("<", ANSWER)]


def test_wrong_headers_are_named():
    talk = Conversation().open().client(upgrade(Sec_WebSocket_Version="8", Host=None))
    talk.server(switching(Sec_WebSocket_Accept="wrong")).client(call())
    events = decode(talk)
    assert texts(events) == [CALL]
    assert [(fault.kind, fault.subject) for fault in events[0].faults] == [
        ("http.request-header", "Host"),
        ("http.request-header", "Sec-WebSocket-Version"),
        ("http.response-header", "Sec-WebSocket-Accept"),
    ]


@pytest.mark.parametrize("parameter", ["", "; server_no_context_takeover; client_no_context_takeover"])
def test_compression_as_it_was_agreed(parameter):
    deflate = Deflater(takeover=not parameter)
    talk = session(Sec_WebSocket_Extensions=f"permessage-deflate{parameter}")
    talk.server(*[frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1) for _ in range(3)])
    assert texts(decode(talk)) == [ANSWER] * 3


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 426, 500, 503])
def test_a_refusal_is_an_opened_with_its_status(status):
    talk = Conversation().open().client(upgrade()).server(refusal(status, b"no")).close()
    assert script(decode(talk)) == [("opened", status), ("closed", "station", "fin", None)]


def test_several_refusals_on_one_connection_and_then_success():
    talk = Conversation().open()
    talk.client(upgrade()).server(refusal(401, b"<html>\r\n\r\n"))
    talk.client(upgrade(Sec_WebSocket_Key=None)).server(refusal(400)[:20], refusal(400)[20:])
    talk.client(upgrade("/other")).server(switching() + answer()).client(call()).close()
    events = decode(talk)
    assert script(events)[:5] == [
        ("opened", 401),
        ("opened", 400),
        ("opened", 101),
        ("<", ANSWER),
        (">", CALL),
    ]
    assert script(events)[5:] == [("closed", "station", "fin", None)] * 3
    assert sorted(event.session.number for event in events if isinstance(event, Closed)) == [1, 2, 3]
    assert [event.path for event in opened(events)] == ["/ocpp/CP001", "/ocpp/CP001", "/other"]


@pytest.mark.parametrize(
    "body",
    [
        refusal(401, b"5\r\nhello\r\n0\r\n\r\n", Content_Length=None, Transfer_Encoding="chunked"),
        refusal(401, b"until it closes", Content_Length=None),
        refusal(304, b"", Content_Length="100"),
    ],
)
def test_bodies_of_every_kind_between_two_requests(body):
    talk = (
        Conversation().open().client(upgrade()).server(body).client(upgrade()).server(switching(), answer())
    )
    assert script(decode(talk))[1:3] == [("opened", 101), ("<", ANSWER)]


def test_the_answer_to_head_has_no_body():
    talk = Conversation().open().client(upgrade(method="HEAD", Upgrade=None, Sec_WebSocket_Key=None))
    talk.server(refusal(200, b"", Content_Length="1000"))
    assert script(decode(talk.client(upgrade()).server(switching())))[0] == ("opened", 101)


def test_pipelined_requests_pair_with_their_answers():
    other = head("GET /status HTTP/1.1", {"Host": "x"})
    post = head("POST /status HTTP/1.1", {"Host": "x", "Content-Length": "4"}) + b"GET "
    talk = Conversation().open().client(other + post + upgrade())
    talk.server(refusal(200, b"ok") * 2 + switching() + answer())
    events, found = run(talk)
    assert script(events)[:2] == [("opened", 101), ("<", ANSWER)]
    assert events[0].path == "/ocpp/CP001"
    assert found["HTTP request that opens no WebSocket"] == 2


def test_an_upgrade_that_is_never_answered():
    talk = Conversation().open().client(upgrade()).rst(SERVER)
    events = decode(talk)
    assert script(events) == [("opened", None), ("closed", "csms", "rst", None)]
    assert not events[0].session.late


def test_frames_after_an_upgrade_of_which_the_answer_is_not_to_be_had():
    """Only one direction was captured: what the station says is not thrown away."""
    talk = session().client(call(), call("[2,3,4,5]")).close()
    alone = [packet for packet in talk.packets if packet.source == talk.ends[0]]
    events = decode(pcap(alone))
    assert texts(events) == [CALL, "[2,3,4,5]"]
    assert (opened(events)[0].path, opened(events)[0].status) == ("/ocpp/CP001", None)
    assert opened(events)[0].session.late


def test_frames_that_wait_in_vain_for_an_answer_without_an_acknowledgement():
    talk = Conversation().open().client(upgrade(), call())
    events = decode(talk)
    assert script(events)[:2] == [("opened", None), (">", CALL)]


def test_waiting_for_an_answer_has_a_limit():
    big = call("[" + "x" * 50_000)
    talk = Conversation().open().client(upgrade(), *[big] * 25)
    capture = Capture()
    assert len(texts(capture.feed(pcap(talk.packets)))) > 20


# --- how sessions end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [CLIENT, SERVER])
@pytest.mark.parametrize("how", ["fin", "rst", "close", "end-of-capture"])
def test_who_ends_it_and_how(side, how):
    talk = session().client(call())
    name = ("station", "csms")[side]
    if how == "fin":
        talk.fin(side).fin(1 - side)
    elif how == "rst":
        talk.rst(side)
    elif how == "close":
        byes = (frame(CLOSE, b"\x03\xe8", masked=True), BYE)
        for who in (side, 1 - side):
            (talk.client if who == CLIENT else talk.server)(byes[who])
        talk.fin(1 - side).fin(side)
    code = 1000 if how == "close" else None
    events = decode(talk)
    assert script(events)[2:] == [("closed", None if how == "end-of-capture" else name, how, code)]


def test_a_reset_after_a_fin_is_the_end_of_the_one_who_said_fin():
    talk = session().fin(SERVER).client(call()).rst(CLIENT)
    assert script(decode(talk))[1:] == [(">", CALL), ("closed", "csms", "fin", None)]


def test_a_close_without_an_answer():
    talk = session().server(BYE).rst(CLIENT)
    assert script(decode(talk))[-1] == ("closed", "csms", "close", 1000)


def test_half_of_a_frame_at_the_end():
    talk = session().client(call()[:10]).rst(CLIENT)
    assert script(decode(talk))[1:] == [("damaged", "websocket"), ("closed", "station", "rst", None)]


def test_a_port_used_anew_is_a_new_session():
    first = session().client(call())
    second = Conversation(first=(5, 6), time=first.time + 10 * SECOND).open()
    second.client(upgrade(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==")).server(
        switching("AAAAAAAAAAAAAAAAAAAAAA==")
    )
    events = decode(together(first, second.client(call())))
    assert [line[0] for line in script(events)] == ["opened", ">", "closed", "opened", ">", "closed"]
    assert faults(events) == []


# --- seen twice ---------------------------------------------------------------------------------------------


def twice(path="/ocpp/CP001", after=0):
    inner = session().client(call()).close()
    outer = Conversation(
        client="172.17.0.1:40000", server="172.17.0.2:9000", time=inner.packets[0].time + after
    )
    outer.open().client(upgrade(path)).server(switching()).client(call()).close()
    return decode(together(inner, outer))


@pytest.mark.parametrize("path", ["/ocpp/CP001", "/proxied/ocpp/CP001?via=proxy"])
def test_one_key_twice_is_one_session_seen_twice(path):
    events = twice(path, after=100)
    assert [event.session.duplicate_of for event in opened(events)] == [None, 1]
    assert faults(events) == []


def test_one_key_much_later_is_a_fault():
    events = twice(after=60 * SECOND)
    assert [event.session.duplicate_of for event in opened(events)] == [None, None]
    assert faults(events) == ["http.key-reused"]


def test_one_key_for_two_stations_is_a_fault_and_both_are_judged():
    events = twice("/ocpp/CP002", after=100)
    assert [event.session.duplicate_of for event in opened(events)] == [None, None]
    assert faults(events) == ["http.key-reused"]


def test_a_second_sighting_of_a_reused_key_is_of_the_last_session():
    talks = []
    for n, start in enumerate((0, 60 * SECOND, 60 * SECOND + 1000)):
        talk = Conversation(client=f"10.0.0.{n + 10}:1", time=SECOND + start).open()
        talks.append(talk.client(upgrade()).server(switching()).close())
    events = decode(together(*talks))
    assert [event.session.duplicate_of for event in opened(events)] == [None, None, 2]
    assert faults(events) == ["http.key-reused"]


def test_each_packet_twice_is_one_session():
    talk = session().client(call()).server(answer()).close()
    doubled = pcap(packet for packet in talk.packets for _ in range(2))
    assert script(decode(doubled)) == script(decode(talk))


# --- lost packets -------------------------------------------------------------------------------------------


def test_lost_frames_are_a_gap_before_the_answer():
    talk = session().lose().client(call()).server(answer()).client(call("[2,3,4,5]")).wait(2 * SECOND).close()
    events = decode(talk)
    assert script(events)[1:4] == [("gap", len(call())), ("<", ANSWER), (">", "[2,3,4,5]")]
    assert events[1].direction == "cp-to-csms"


def test_a_cut_packet_resynchronises_at_the_next_frame():
    talk = session().cut(10).client(call()).client(frame(PING, masked=True)).wait(2 * SECOND).close()
    size = len(call()) - 10
    assert script(decode(talk))[1:4] == [("gap", size), ("damaged", "websocket"), ("ping", b"")]


def test_all_packets_cut_still_tell_a_story():
    talk = session()
    for _ in range(5):
        talk.cut(30).client(call("[2,3,4," + "5" * 60)).cut(30).server(answer()).wait(SECOND)
    events = decode(talk)
    assert sum(isinstance(event, Gap) for event in events) == 10
    assert sum(isinstance(event, Damaged) for event in events) == 10
    assert faults(events) == []


@pytest.mark.parametrize("size", [0, 60])
def test_a_lost_101_leaves_the_request_known(size):
    talk = Conversation().open().client(upgrade())
    if size:
        talk.cut(size).server(switching())
    else:
        talk.lose().server(switching())
    events = decode(talk.client(call()).server(answer()).close())
    assert texts(events) == [CALL, ANSWER]
    (first,) = opened(events)
    assert (first.path, first.status, first.session.late) == ("/ocpp/CP001", None, True)


def test_a_lost_handshake_on_a_connection_seen_from_its_start():
    talk = Conversation().open().lose().client(upgrade()).lose().server(switching())
    events = decode(talk.client(call()).server(answer()).close())
    assert texts(events) == [CALL, ANSWER]
    assert opened(events)[0].session.late


def test_a_lost_refusal_does_not_pair_the_next_answer_with_an_old_request():
    talk = Conversation().open().client(upgrade("/old")).lose().server(refusal(401))
    talk.client(upgrade("/new")).server(switching() + answer()).close()
    events = decode(talk)
    assert [(event.path, event.status) for event in opened(events)] == [("/old", None), ("/new", 101)]
    assert texts(events) == [ANSWER]


# --- begun before the capture -------------------------------------------------------------------------------


def test_frames_without_a_handshake_are_a_late_session():
    events = decode(Conversation().server(answer()).client(call()).server(answer("[3,4,5,6]")).close())
    assert script(events)[:-1] == [("opened", None), ("<", ANSWER), (">", CALL), ("<", "[3,4,5,6]")]
    assert events[0].session.late
    assert (events[0].session.client, events[0].session.server) == ("10.0.0.1:50000", "10.0.0.2:9000")
    assert script(events)[-1][1] == "station"


def test_a_late_session_shows_what_came_before_its_first_frame():
    events = decode(Conversation().client(call()[3:]).server(answer()))
    assert script(events)[:-1] == [("opened", None), ("damaged", "websocket"), ("<", ANSWER)]


def test_a_late_session_of_compressed_messages():
    station, csms = Deflater(), Deflater()
    talk = Conversation()
    for n in range(4):
        station_says = frame(TEXT, station(CALL.encode() + bytes([n])), rsv=RSV1, masked=True)
        csms_says = frame(TEXT, csms(ANSWER.encode() + bytes([n])), rsv=RSV1)
        if n:
            talk.client(station_says).server(csms_says)
    events = decode(talk)
    assert script(events)[0] == ("opened", None)
    assert script(events)[1:-1] == [("damaged", "deflate")] * 6
    assert set(faults(events)) == {"deflate.lost"}


def test_a_late_session_of_compressed_messages_without_takeover():
    deflate = Deflater(takeover=False)
    talk = Conversation()
    for _ in range(3):
        talk.client(frame(TEXT, deflate(CALL.encode()), rsv=RSV1, masked=True))
        talk.server(frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1))
    assert texts(decode(talk)) == [CALL, ANSWER] * 3


def test_a_late_session_of_pings():
    talk = Conversation().server(frame(PING, b"1")).client(frame(PONG, b"1", masked=True))
    assert script(decode(talk))[:-1] == [("opened", None), ("ping", b"1"), ("pong", b"1")]


@pytest.mark.parametrize("size", [20, 60, 100, 1460])
def test_a_late_connection_of_noise_is_no_session(size):
    """SSH or TLS in their middle: what frames would fill now and then is chance."""
    noise = random.Random(size)
    for n in range(20):
        talk = Conversation(client=f"10.0.0.1:{n + 1}")
        for _ in range(min(70_000 // size, 500)):
            talk.client(noise.randbytes(size))
        events, found = run(talk)
        assert events == []
        assert "WebSocket" not in found
        given_up = found.get("connection first seen in its middle, of an unknown protocol")
        assert given_up == (1 if size >= 1000 else None)


def test_a_late_connection_of_short_tagged_values_is_no_session():
    talk = Conversation()
    for _ in range(100):
        talk.client(b"\x01\x02ab").server(b"\x02\x03abc")
    assert decode(talk) == []


def test_a_late_connection_may_still_begin_a_session():
    talk = Conversation().server(refusal(200, b"x")).client(upgrade()).server(switching() + answer())
    assert script(decode(talk))[:2] == [("opened", 101), ("<", ANSWER)]


def test_a_late_connection_that_begins_with_the_response():
    talk = Conversation().server(switching() + answer()).client(call())
    events = decode(talk)
    assert script(events)[:-1] == [("opened", 101), ("<", ANSWER), (">", CALL)]
    assert (events[0].session.client, events[0].session.server) == ("10.0.0.1:50000", "10.0.0.2:9000")


# --- other protocols ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "server", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", "connection of another protocol"),
        (b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x0a", b"\x00\x01", "connection of another protocol"),
        (b"", b"220 mail.example ESMTP\r\n", "connection of another protocol"),
        (
            head("GET / HTTP/1.1", {"Host": "x"}),
            refusal(200, b"hello"),
            "HTTP request that opens no WebSocket",
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"", "HTTP with a head that does not end"),
        (b"GET /" + b" /" * 40 + b"\r\n\r\n", b"", "connection of another protocol"),
    ],
)
def test_what_is_not_ours_is_left_alone_and_counted(client, server, kind):
    talk = Conversation().open()
    for at in range(0, len(client), 1000):
        talk.client(client[at : at + 1000])
    if server:
        talk.server(server)
    if not kind.startswith("HTTP request"):
        talk.client(b"more of that").server(call(), answer())  # what looks like ours later is not believed
    events, found = run(talk)
    assert events == []
    assert found[kind] == 1
    assert found["TCP connection"] == 1
    assert "WebSocket" not in found


def test_what_was_found_counts_sessions_too():
    _, found = run(together(session(), Conversation(client="10.0.0.3:1").open().client(b"SSH-2.0-x\r\n")))
    assert found["WebSocket"] == 1
    assert found["TCP connection"] == 2
    assert found["packet"] == 9


# --- decode-as ----------------------------------------------------------------------------------------------


def test_decode_as_never_gives_up():
    talk = Conversation().open().client(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")
    talk.server(*[b"junk" * 10_000] * 3).client(*[b"junk" * 10_000] * 3, call()).server(answer())
    assert decode(talk) == []
    assert texts(decode(talk, decode_as={9000})) == [CALL, ANSWER]
    assert decode(talk, decode_as={9001}) == []


def test_decode_as_takes_even_bytes_like_tls():
    talk = Conversation().open().client(b"\x16\x03\x01\x02\x00\x01", upgrade()).server(switching() + answer())
    assert texts(decode(talk, decode_as={9000})) == [ANSWER]


def test_decode_as_takes_a_head_that_cannot_be_read_for_noise():
    talk = (
        Conversation().open().client(b"GET without end\r\n\r\n", call()).server(b"HTTP/1.\r\n\r\n", answer())
    )
    assert texts(decode(talk, decode_as={9000})) == [CALL, ANSWER]


def test_decode_as_takes_one_segment_for_evidence():
    talk = Conversation().client(frame(PING, b"p", masked=True))
    assert decode(talk) == []
    assert script(decode(talk, decode_as={9000}))[:2] == [("opened", None), ("ping", b"p")]


def test_decode_as_forgets_what_it_cannot_use():
    capture = Capture(decode_as={9000})
    talk = Conversation().open()
    for _ in range(40):
        talk.client(b"~" * 30_000)
    assert capture.feed(pcap(talk.packets)) == []
    (connection,) = {half.connection for half in capture._tcp._halves.values()}
    waiting = connection.receiver._conversation._undecided
    assert sum(len(data) for _, data, _, _ in waiting) < 100_000


# --- limits -------------------------------------------------------------------------------------------------


def test_max_message_is_for_all_layers():
    bomb = Deflater()(bytes(1 << 24))
    talk = session(Sec_WebSocket_Extensions="permessage-deflate")
    talk.server(answer("x" * 2000), frame(TEXT, bomb, rsv=RSV1), answer())
    events = decode(talk, max_message=1000)
    assert texts(events) == [ANSWER]
    assert faults(events) == ["websocket.too-big"] * 2


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=40)), max_size=12), st.booleans())
def test_any_streams_do_no_harm(lines, late):
    talk = Conversation() if late else Conversation().open()
    for from_client, data in lines:
        (talk.client if from_client else talk.server)(data)
    decode(talk)
    decode(talk, decode_as={9000})


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(
                [
                    upgrade(),
                    switching(),
                    call(),
                    answer(),
                    refusal(401, b"x"),
                    BYE,
                    b"\r\n\r\n",
                    upgrade()[:40],
                    b"\xff",
                ]
            ),
            st.sampled_from(["", "lose", "cut"]),
        ),
        max_size=10,
    ),
    st.booleans(),
)
def test_any_scene_is_played_to_its_end(lines, late):
    talk = Conversation() if late else Conversation().open()
    for from_client, data, fate in lines:
        if fate == "lose":
            talk.lose()
        elif fate == "cut":
            talk.cut(len(data) // 2)
        (talk.client if from_client else talk.server)(data)
    events = decode(talk.close())
    numbers = [event.session.number for event in events if isinstance(event, Opened)]
    assert numbers == list(range(1, len(numbers) + 1))
    seen, ended = set(), []
    for event in events:
        if isinstance(event, Opened):
            seen.add(event.session.number)
        assert event.session.number in seen
        if isinstance(event, Closed):
            ended.append(event.session.number)
    assert sorted(ended) == numbers


# --- TLS ----------------------------------------------------------------------------------------------------


@cache
def tls_packets(version, folder):
    """Real OpenSSL peers say what `plain_session` says; packets and key log."""
    key, pem = certificate("ec")
    (folder / "ec.pem").write_bytes(key + pem)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(folder / "ec.pem")
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = server.maximum_version = version
    client.keylog_filename = str(folder / "keys")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    station = client.wrap_bio(to_client, to_server, server_hostname="csms.example")
    csms = server.wrap_bio(
        to_server_side := ssl.MemoryBIO(), to_client_side := ssl.MemoryBIO(), server_side=True
    )
    talk = Conversation(server="10.0.0.2:443").open()

    def pass_on():
        if data := to_server.read():
            talk.client(data)
            to_server_side.write(data)
        if data := to_client_side.read():
            talk.server(data)
            to_client.write(data)

    for _ in range(4):
        for end in (station, csms):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            pass_on()
    for end, data in plain_lines():
        (station if end == CLIENT else csms).write(data)
        pass_on()
    return talk.close(), (folder / "keys").read_bytes()


def plain_lines():
    yield CLIENT, upgrade(Authorization="Basic Q1AwMDE6czNjcmV0")
    yield SERVER, switching() + answer()
    for n in range(3):
        yield CLIENT, call(f"[2,{n},3,4]")
        yield SERVER, answer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_with_keys_gives_the_events_of_the_plain_session(version, folder):
    talk, log = tls_packets(version, folder)
    plain = Conversation(server="10.0.0.2:443").open()
    for side, data in plain_lines():
        (plain.client if side == CLIENT else plain.server)(data)
    keys = KeyStore()
    keys.add_keylog(log)
    events, found = run(talk, keys=keys)
    assert script(events) == script(decode(plain.close()))
    first = events[0]
    assert first.auth == "Basic CP001"
    assert first.tls.server_name == "csms.example"
    assert first.tls.version == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
    assert first.tls.cipher
    assert (found["TLS"], found["WebSocket"]) == (1, 1)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_without_keys_is_one_notice_that_says_what_would_open_it(version, folder):
    talk, _ = tls_packets(version, folder)
    events, found = run(talk)
    (notice,) = events
    assert isinstance(notice, Notice)
    assert notice.kind == "tls.unreadable"
    for part in ("10.0.0.1:50000", "10.0.0.2:443", "csms.example", "TLSv1.", "--keylog FILE"):
        assert part in notice.detail
    assert (found["TLS"], found.get("WebSocket")) == (1, None)


def hello(server=b"", ends=SERVER):
    """A ClientHello, what the server makes of it, and who ends the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="csms.example").do_handshake()
    talk = Conversation(server="10.0.0.2:9000").open().client(out.read())
    if server:
        talk.server(server)
    return talk.fin(ends).fin(CLIENT if ends == SERVER else SERVER)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answered in plain HTTP: TLS spoken to a plain port"),
        (b"\x00\x01\x02\x03\x04", "no TLS: TLS spoken to a plain port"),
        (b"", "ended the connection at the ClientHello, without a byte: TLS spoken to a plain port"),
    ],
)
def test_tls_spoken_to_a_plain_port(answer, said):
    (notice,) = decode(hello(answer))
    assert notice.kind == "tls.plain-port"
    assert said in notice.detail
    assert notice.detail.startswith("10.0.0.1:50000 → 10.0.0.2:9000: ")
    assert notice.subject == "10.0.0.2:9000 csms.example"


def test_a_hello_that_the_station_gives_up_is_no_plain_port():
    assert [event.kind for event in decode(hello(ends=CLIENT))] == ["tls.unreadable"]


def test_an_answer_in_tls_is_no_plain_port():
    alert = bytes.fromhex("15030300020228")  # handshake_failure
    assert [event.kind for event in decode(hello(alert))] == ["tls.unreadable"]


def refused_certificate(folder, distrusting, version=ssl.TLSVersion.TLSv1_2):
    """Real peers, one of which does not know who signed the other's certificate."""
    key, pem = certificate("ec")
    (folder / "ec.pem").write_bytes(key + pem)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(folder / "ec.pem")
    client.check_hostname = False
    client.verify_mode = ssl.CERT_REQUIRED if distrusting == "client" else ssl.CERT_NONE
    if distrusting == "server":
        client.load_cert_chain(folder / "ec.pem")
        server.verify_mode = ssl.CERT_REQUIRED
    client.maximum_version = server.maximum_version = version
    bios = [ssl.MemoryBIO() for _ in range(4)]
    station = client.wrap_bio(bios[0], bios[1], server_hostname="csms.example")
    csms = server.wrap_bio(bios[2], bios[3], server_side=True)
    talk = Conversation(server="10.0.0.2:443").open()
    for _ in range(4):
        for end, out, into, say in (
            (station, bios[1], bios[2], talk.client),
            (csms, bios[3], bios[0], talk.server),
        ):
            with contextlib.suppress(ssl.SSLError):
                end.do_handshake()
            if data := out.read():
                say(data)
                into.write(data)
    return talk.fin(CLIENT).fin(SERVER)


@pytest.mark.parametrize(
    ("distrusting", "said"),
    [
        (
            "client",
            "the station refuses the CSMS's certificate (unknown_ca): the charger lacks the root or an intermediate",
        ),
        (
            "server",
            "the CSMS refuses the station's certificate (unknown_ca): the CSMS lacks the root or an intermediate",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted(distrusting, said, folder):
    notices = {event.kind: event for event in decode(refused_certificate(folder, distrusting))}
    assert said in notices["tls.not-trusted"].detail
    assert notices["tls.not-trusted"].subject.endswith(distrusting)


def test_a_lost_tls_record_is_a_gap_in_its_session(folder):
    talk, log = tls_packets(ssl.TLSVersion.TLSv1_3, folder)
    keys = KeyStore()
    keys.add_keylog(log)
    whole = script(decode(talk, keys=keys))
    last_call = next(
        n
        for n in range(len(talk.packets) - 1, 0, -1)
        if talk.packets[n].data and talk.packets[n].source == talk.ends[0]
    )
    without = [packet for n, packet in enumerate(talk.packets) if n != last_call - 2]
    keys = KeyStore()
    keys.add_keylog(log)
    events = decode(pcap(without), keys=keys)
    assert [event for event in events if isinstance(event, Gap)]
    assert len(texts(events)) == sum(line[0] in "<>" for line in whole) - 1


def test_a_late_tls_connection_has_no_keys_to_be_had(folder):
    talk, _ = tls_packets(ssl.TLSVersion.TLSv1_3, folder)
    events, found = run(pcap(talk.packets[8:]))
    assert [event.kind for event in events] == ["tls.unreadable"]
    assert found["TLS"] == 1


# --- recordings that go on in a next file -------------------------------------------------------------------


def live(**options):
    """A connection as the relay has it, and what it gives."""
    context = Context()
    note = ConnectionNote("10.0.0.1:50000", "10.0.0.2:9000", **options)
    connection = Connection(context, note.client, note.server, complete=True, decode_as=True, note=note)
    return connection, context


def say(connection, *said):
    for side, data in said:
        connection.sinks[side](data, 1)


def test_as_long_as_no_websocket_is_open_there_is_nothing_to_go_on_from():
    connection, _ = live()
    assert connection.resumption() is None
    say(connection, (CLIENT, upgrade()), (SERVER, switching()[:40]))
    assert connection.resumption() is None
    assert connection.agreed is None
    say(connection, (SERVER, switching()[40:]))
    assert connection.agreed.status == 101
    refused, _ = live()
    say(refused, (CLIENT, upgrade()), (SERVER, refusal(403)))
    assert refused.resumption() is None


def test_what_a_session_goes_on_from():
    connection, _ = live()
    agreed = {"Sec_WebSocket_Extensions": "permessage-deflate"}
    deflate = Deflater()
    compressed = frame(TEXT, deflate(CALL.encode()), masked=True, rsv=RSV1)
    begun = frame(TEXT, b'[3,"1"', fin=False)
    say(connection, (CLIENT, upgrade(**agreed)), (SERVER, switching(**agreed)))
    say(connection, (CLIENT, compressed), (SERVER, begun), (CLIENT, call()[:7]))
    resumption = connection.resumption()
    assert (resumption.request, resumption.response) == (upgrade(**agreed), switching(**agreed))
    assert resumption.unfinished == (call()[:7], begun)
    assert resumption.windows == (CALL.encode(), b"")
    assert resumption.closes == ()
    say(connection, (CLIENT, call()[7:]), (SERVER, BYE))
    assert connection.resumption().closes == ((SERVER, BYE),)
    assert connection.resumption().unfinished[CLIENT] == b""


def test_a_session_that_goes_on_is_late_and_reads_what_refers_to_before():
    connection, context = live(resumed=True, windows=(CALL.encode(), b""))
    agreed = {"Sec_WebSocket_Extensions": "permessage-deflate"}
    deflate = Deflater()
    deflate(CALL.encode())  # in the file before
    say(connection, (CLIENT, upgrade(**agreed)), (SERVER, switching(**agreed)))
    say(connection, (CLIENT, frame(TEXT, deflate(CALL.encode()), masked=True, rsv=RSV1)))
    event, text = context.out
    assert event.session.late
    assert event.status == 101
    assert text.text == CALL


def test_a_key_that_comes_again_because_a_file_ended_is_no_fault():
    connection, context = live()
    say(connection, (CLIENT, upgrade()), (SERVER, switching()))
    connection.vanish(2)
    for is_resumed in (True, False):
        note = ConnectionNote("10.0.0.1:50000", "10.0.0.2:9000", resumed=is_resumed)
        again = Connection(context, note.client, note.server, complete=True, note=note)
        say(again, (CLIENT, upgrade()), (SERVER, switching()))
        again.vanish(3)
    kinds = [[fault.kind for fault in event.faults] for event in opened(context.out)]
    assert kinds == [[], [], ["http.key-reused"]]


def test_a_noted_connection_is_taken_for_websocket_whatever_it_begins_with():
    for note in (None, ConnectionNote("10.0.0.1:50000", "10.0.0.2:9000")):
        context = Context()
        connection = Connection(context, "10.0.0.1:50000", "10.0.0.2:9000", complete=True, note=note)
        say(connection, (CLIENT, b"\0\1 garbage"), (CLIENT, call()))
        assert texts(context.out) == ([CALL] if note else [])


def test_notes_wait_for_their_connections_but_not_for_ever():
    context = Context()
    for port in range(3_000):
        context.note(ConnectionNote(f"10.0.0.1:{port}", "10.0.0.2:9000", resumed=True))
    assert context.note_on("10.0.0.1:0", "10.0.0.2:9000") is None
    assert context.note_on("10.0.0.1:2999", "10.0.0.2:9000").resumed
    assert context.note_on("10.0.0.1:2999", "10.0.0.2:9000") is None
