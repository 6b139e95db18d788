"""Frames by hand for what peers do wrong, and the `websockets` package as the peer for what they do right."""

import random
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from ocppscope.events import Closed, Control, Damaged, Gap, Opened, Session, Text
from ocppscope.wire.websocket import WebSocket, find_frame, parse_header
from tests.wire.packets import (
    ANSWER,
    BINARY,
    CALL,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    START,
    TEXT,
    answer,
    call,
    faults,
    frame,
    script,
    text,
    texts,
)
from tests.wire.test_deflate import Deflater

DEFLATE = "permessage-deflate"
RSV1 = 4


class Talk:
    """A session that is open; the time counts what was fed."""

    def __init__(self, extensions=None, late=False, max_message=16 << 20):
        self.out = []
        session = Session(1, late=late)
        opened = Opened(session, START, status=None if late else 101, extensions=extensions)
        self.websocket = WebSocket(opened, self.out, max_message)
        self.time = START

    def client(self, *segments):
        return self._feed(self.websocket.client, segments)

    def server(self, *segments):
        return self._feed(self.websocket.server, segments)

    def gap(self, side, size):
        self.time += 1
        getattr(self.websocket, side).gap(size, self.time)
        return self

    def end(self, how="fin", by="station"):
        self.websocket.end(how, by, self.time)
        return self

    def _feed(self, stream, segments):
        for data in segments:
            self.time += 1
            stream.feed(data, self.time)
        return self

    @property
    def script(self):
        return script(self.out)


def only(talk):
    (event,) = talk.out
    return event


def split(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- what is right ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 10, 124, 125, 126, 127, 128, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("step", [None, 1000, 1])
def test_texts_of_every_length_cut_anywhere(size, step):
    content = "é" * (size // 2) + "x" * (size % 2)
    if step == 1 and size > 1000:
        step = 4099
    for masked in (True, False):
        data = text(content, masked=masked) * 2
        talk = Talk()
        (talk.client if masked else talk.server)(*split(data, step or len(data)))
        assert texts(talk.out) == [content] * 2
        assert [event.frames for event in talk.out] == [(data[: len(data) // 2],)] * 2
        assert faults(talk.out) == []


def test_a_text_has_the_time_of_its_last_byte():
    data = call()
    talk = Talk().client(data[:1], data[1:-1], data[-1:])
    assert only(talk).time == START + 3


def test_frames_of_both_sides_in_one_order():
    talk = Talk().client(call("[2]"), frame(PING, b"p", masked=True)).server(frame(PONG, b"p") + text("[3]"))
    assert talk.script == [(">", "[2]"), ("ping", b"p"), ("pong", b"p"), ("<", "[3]")]


def test_fragments_with_control_frames_between_them():
    data = [
        frame(TEXT, "[2,é".encode()[:4], fin=False),
        frame(PING, b"1"),
        frame(CONTINUATION, "é".encode()[1:], fin=False),
        frame(CONTINUATION, b"", fin=False),
        frame(PONG),
        frame(CONTINUATION, b"]"),
    ]
    for segments in (data, [b"".join(data)], split(b"".join(data), 1)):
        talk = Talk().server(*segments)
        assert talk.script == [("ping", b"1"), ("pong", b""), ("<", "[2,é]")]
        assert list(talk.out[-1].frames) == [data[n] for n in (0, 2, 3, 5)]
        assert faults(talk.out) == []


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_both_close_and_the_first_one_counts(code):
    payload = code.to_bytes(2, "big") + "tschüß".encode()
    talk = Talk().server(frame(CLOSE, payload)).client(frame(CLOSE, payload, masked=True)).end()
    closed = only(talk)
    assert (closed.by, closed.how, closed.code, closed.reason) == ("csms", "close", code, "tschüß")
    assert closed.time == START + 1
    assert closed.faults == ()


def test_one_close_and_then_the_end():
    talk = Talk().client(frame(CLOSE, masked=True))
    assert talk.out == []
    closed = only(talk.end("rst", "csms"))
    assert (closed.by, closed.how, closed.code, closed.reason) == ("station", "close", None, "")


@pytest.mark.parametrize("how", ["fin", "rst", "end-of-capture"])
def test_no_close_at_all(how):
    assert Talk().end(how, None).script == [("closed", None, how, None)]


# --- the websockets package as the peer ---------------------------------------------------------------------


class Peers:
    """A client and a server of the `websockets` package; what they send is also ours to read."""

    def __init__(self, client_extensions=(), server_extensions=()):
        uri = parse_uri("ws://csms.example/ocpp/CP001")
        self.client = ClientProtocol(uri, extensions=client_extensions or None, max_size=None)
        self.server = ServerProtocol(extensions=server_extensions or None, max_size=None)
        self.client.send_request(self.client.connect())
        self.server.receive_data(b"".join(self.client.data_to_send()))
        (request,) = self.server.events_received()
        response = self.server.accept(request)
        self.server.send_response(response)
        self.client.receive_data(b"".join(self.server.data_to_send()))
        assert self.client.handshake_exc is None
        self.extensions = response.headers.get("Sec-WebSocket-Extensions")

    def end(self, from_client):
        return self.client if from_client else self.server

    def flush(self, from_client):
        sender, receiver = self.end(from_client), self.end(not from_client)
        data = b"".join(sender.data_to_send())
        receiver.receive_data(data)
        return data


def deflating(client_bits=None, server_bits=None, client_alone=False, server_alone=False):
    offer = ClientPerMessageDeflateFactory(
        server_no_context_takeover=server_alone,
        client_no_context_takeover=client_alone,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits or True,
    )
    accept = ServerPerMessageDeflateFactory(
        server_no_context_takeover=server_alone,
        client_no_context_takeover=client_alone,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
    )
    return Peers([offer], [accept])


LINES = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["text", "fragments", "ping", "pong"]),
        st.lists(st.text(max_size=40) | st.sampled_from([CALL, ANSWER, CALL * 30]), min_size=1, max_size=4),
    ),
    max_size=12,
)
EXTENSIONS = st.none() | st.fixed_dictionaries(
    {
        "client_bits": st.none() | st.integers(9, 15),
        "server_bits": st.none() | st.integers(9, 15),
        "client_alone": st.booleans(),
        "server_alone": st.booleans(),
    }
)


def speak(peer, kind, parts):
    """What one says, and the event that it makes."""
    from_client = isinstance(peer, ClientProtocol)
    whole = "".join(parts)
    if kind in ("ping", "pong"):
        payload = whole.encode()[:125]
        getattr(peer, f"send_{kind}")(payload)
        return kind, payload
    if kind == "text":
        peer.send_text(whole.encode())
    else:
        peer.send_text(parts[0].encode(), fin=False)
        for part in parts[1:]:
            peer.send_continuation(part.encode(), fin=False)
        peer.send_continuation(b"", fin=True)
    return ">" if from_client else "<", whole


@given(LINES, EXTENSIONS, st.booleans(), st.randoms(use_true_random=False))
def test_what_real_peers_say_is_what_we_read(lines, extensions, client_closes, order):
    peers = Peers() if extensions is None else deflating(**extensions)
    assert (peers.extensions is None) == (extensions is None)
    talk, expected = Talk(peers.extensions), []

    def flush(from_client):
        data = peers.flush(from_client)
        cuts = sorted({0, len(data), *(order.randrange(len(data) + 1) for _ in range(order.randrange(4)))})
        pieces = [data[a:b] for a, b in pairwise(cuts)]
        (talk.client if from_client else talk.server)(*pieces)

    for from_client, kind, parts in lines:
        expected.append(speak(peers.end(from_client), kind, parts))
        flush(from_client)
        if kind == "ping":
            expected.append(("pong", expected[-1][1]))
            flush(not from_client)
    peers.end(client_closes).send_close(1000, "bye")
    flush(client_closes)
    flush(not client_closes)
    assert talk.script == [*expected, ("closed", "station" if client_closes else "csms", "close", 1000)]
    assert faults(talk.out) == []


@pytest.mark.parametrize("bits", range(9, 16))
@pytest.mark.parametrize("alone", [True, False])
def test_every_window_and_takeover_with_real_peers(bits, alone):
    peers = deflating(bits, bits, alone, alone)
    assert ("no_context_takeover" in peers.extensions) == alone
    talk = Talk(peers.extensions)
    said = [CALL.replace("1", str(n)) * (n + 1) * 20 for n in range(20)]
    for line in said:
        peers.client.send_text(line.encode())
        peers.server.send_text(line.encode())
        talk.client(peers.flush(True)).server(peers.flush(False))
    assert texts(talk.out) == [line for line in said for _ in "><"]


# --- what peers do wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "data", "kind"),
    [
        ("client", text(CALL), "websocket.unmasked"),
        ("server", text(CALL, masked=True), "websocket.masked"),
        ("server", frame(TEXT, CALL.encode(), rsv=2), "websocket.rsv"),
        ("server", frame(TEXT, CALL.encode(), rsv=1), "websocket.rsv"),
        ("server", frame(BINARY, CALL.encode()), "websocket.binary"),
        ("server", frame(TEXT, CALL.encode(), width=2), "websocket.length"),
        ("server", frame(TEXT, CALL.encode(), width=8), "websocket.length"),
        ("client", frame(TEXT, CALL.encode(), masked=True, width=8), "websocket.length"),
    ],
)
def test_a_text_that_breaks_the_protocol_is_read_and_its_fault_named(side, data, kind):
    talk = Talk()
    getattr(talk, side)(data, text(ANSWER, masked=side == "client"))
    assert texts(talk.out) == [CALL, ANSWER]
    assert faults(talk.out) == [kind]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (frame(PING, bytes(126)), "websocket.control-too-long"),
        (frame(PING, bytes(70_000)), "websocket.control-too-long"),
        (frame(PING, b"x", fin=False), "websocket.control-fragmented"),
        (frame(PONG, b"x", rsv=RSV1), "websocket.rsv"),
    ],
)
def test_a_control_frame_that_breaks_the_protocol(data, kind):
    talk = Talk().server(data + answer())
    assert isinstance(talk.out[0], Control)
    assert faults(talk.out) == [kind]
    assert texts(talk.out) == [ANSWER]


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_a_reserved_opcode(opcode):
    talk = Talk().server(frame(opcode, b"what"), answer())
    assert talk.script == [("damaged", "websocket"), ("<", ANSWER)]
    assert talk.out[0].raw == b"what"
    assert "websocket.reserved-opcode" in faults(talk.out)


WRONG_CODES = 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"\x03", "websocket.close-payload"),
        *((code.to_bytes(2, "big"), "websocket.close-code") for code in WRONG_CODES),
        (b"\x03\xe8\xff", "websocket.utf8"),
    ],
)  # fmt: skip
def test_a_close_that_breaks_the_protocol(payload, kind):
    talk = Talk().server(frame(CLOSE, payload)).client(frame(CLOSE, masked=True))
    assert [fault.kind for fault in only(talk).faults] == [kind]


def test_the_faults_of_the_second_close_count_too():
    talk = Talk().client(frame(CLOSE, b"\x03\xe8", masked=True)).server(frame(CLOSE, b"\x00\x01"))
    assert faults(talk.out) == ["websocket.close-code"]
    assert only(talk).code == 1000


def test_frames_after_the_senders_close():
    talk = Talk().client(frame(CLOSE, masked=True) + call(), call()).end()
    assert talk.script == [(">", CALL), (">", CALL), ("closed", "station", "close", None)]
    assert faults(talk.out) == ["websocket.after-close"] * 2


def test_the_peer_may_go_on_until_it_answers_the_close():
    talk = Talk().client(frame(CLOSE, masked=True)).server(answer(), frame(CLOSE))
    assert talk.script == [("<", ANSWER), ("closed", "station", "close", None)]
    assert faults(talk.out) == []


def test_invalid_utf8_is_shown_and_where_it_breaks():
    talk = Talk().server(frame(TEXT, b"[3,\xff]"), answer())
    damaged = talk.out[0]
    assert (damaged.layer, damaged.offset, damaged.raw) == ("utf8", 3, b"[3,\xff]")
    assert faults(talk.out) == ["websocket.utf8"]
    assert texts(talk.out) == [ANSWER]


def test_invalid_utf8_over_two_fragments():
    talk = Talk().server(frame(TEXT, b"[\xc3", fin=False), frame(CONTINUATION, b"]"))
    assert (only(talk).offset, only(talk).raw) == (1, b"[\xc3]")


def test_binary_that_is_no_text():
    talk = Talk().server(frame(BINARY, b"\xff\x00"))
    assert talk.script == [("damaged", "utf8")]
    assert faults(talk.out) == ["websocket.binary"]


def test_a_continuation_of_nothing():
    talk = Talk().server(frame(CONTINUATION, b"x"), answer())
    assert talk.script == [("damaged", "websocket"), ("<", ANSWER)]
    assert faults(talk.out) == ["websocket.continuation"]


def test_a_new_message_before_the_last_ones_end():
    talk = Talk().server(frame(TEXT, b"[3,", fin=False) + answer() + answer("[4]"))
    assert talk.script == [("damaged", "websocket"), ("<", ANSWER), ("<", "[4]")]
    assert talk.out[0].raw == b"[3,"
    assert faults(talk.out) == ["websocket.interleaved"]


def test_a_reserved_bit_that_was_never_agreed_on_compressed_bytes():
    talk = Talk().server(frame(TEXT, Deflater()(ANSWER.encode()), rsv=RSV1))
    assert talk.script == [("<", ANSWER)]
    assert faults(talk.out) == ["websocket.rsv"]


def test_a_reserved_bit_that_was_never_agreed_on_plain_bytes():
    talk = Talk().server(frame(TEXT, ANSWER.encode(), rsv=RSV1), answer())
    assert talk.script == [("damaged", "deflate"), ("<", ANSWER)]
    assert talk.out[0].raw == ANSWER.encode()
    assert faults(talk.out) == ["websocket.rsv", "deflate.broken"]


def test_a_reserved_bit_on_a_continuation():
    talk = Talk(DEFLATE).server(frame(TEXT, b"[", fin=False), frame(CONTINUATION, b"]", rsv=RSV1))
    assert talk.script == [("<", "[]")]
    assert faults(talk.out) == ["websocket.rsv"]


# --- a plain short path and the general one agree -----------------------------------------------------------


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_segment_whose_second_byte_would_fit_by_chance_is_read_right(side):
    """A mask bit that should not be there, or a 64-bit length, must not pass for a length."""
    masked = side == "server"  # wrongly
    wrong = text("[2,3]", masked=masked)
    size = (wrong[1] ^ (0x80 if side == "client" else 0)) + 2 + (4 if side == "client" else 0)
    fillers = (wrong + text("x" * n, masked=masked) for n in range(size))
    segment = next(filler for filler in fillers if len(filler) == size)
    talk = Talk()
    getattr(talk, side)(segment)
    assert texts(talk.out)[0] == "[2,3]"

    long = text("y" * 70_000, masked=not masked)
    cut = 127 + 2 + (0 if masked else 4)
    talk = Talk()
    getattr(talk, side)(long[:cut], long[cut:])
    assert [len(content) for content in texts(talk.out)] == [70_000]


@pytest.mark.parametrize("size", [101, 200, 70_000])
def test_the_limit_holds_for_frames_of_any_size(size):
    for segments in ([text("x" * size)], split(text("x" * size), 50)):
        talk = Talk(max_message=100).server(text("x" * 100), *segments, answer())
        assert texts(talk.out) == ["x" * 100, ANSWER]
        assert faults(talk.out) == ["websocket.too-big"]


def test_the_limit_holds_for_messages_of_many_frames():
    parts = [
        frame(TEXT, b"x" * 60, fin=False),
        frame(CONTINUATION, b"x" * 60, fin=False),
        frame(CONTINUATION, b"x"),
    ]
    talk = Talk(max_message=100).server(*parts, answer())
    assert texts(talk.out) == [ANSWER]
    assert faults(talk.out) == ["websocket.too-big"]
    assert {event.layer for event in talk.out if isinstance(event, Damaged)} == {"websocket"}


# --- compression --------------------------------------------------------------------------------------------


def test_a_compressed_message_in_fragments():
    data = Deflater()(ANSWER.encode() * 3)
    talk = Talk(DEFLATE).server(
        frame(TEXT, data[:5], fin=False, rsv=RSV1), frame(PING), frame(CONTINUATION, data[5:])
    )
    assert talk.script == [("ping", b""), ("<", ANSWER * 3)]


def test_compression_is_agreed_for_each_message():
    deflate = Deflater()
    first, second = deflate(ANSWER.encode()), deflate(ANSWER.encode())
    talk = Talk(DEFLATE).server(frame(TEXT, first, rsv=RSV1), answer("[]"), frame(TEXT, second, rsv=RSV1))
    assert texts(talk.out) == [ANSWER, "[]", ANSWER]
    assert faults(talk.out) == []


def test_a_compressed_message_that_is_broken_breaks_those_after_it():
    deflate = Deflater()
    deflate(ANSWER.encode())
    talk = Talk(DEFLATE).server(frame(TEXT, b"\xff\xff\xff", rsv=RSV1))
    talk.server(frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1), answer())
    assert talk.script == [("damaged", "deflate"), ("damaged", "deflate"), ("<", ANSWER)]
    assert faults(talk.out) == ["deflate.broken", "deflate.lost"]


def test_each_direction_has_its_own_context():
    deflate = Deflater()
    deflate(ANSWER.encode())
    talk = Talk(DEFLATE + "; client_no_context_takeover").client(
        frame(TEXT, b"\xff\xff\xff", rsv=RSV1, masked=True),
        frame(TEXT, Deflater()(CALL.encode()), rsv=RSV1, masked=True),
    )
    talk.server(frame(TEXT, Deflater()(ANSWER.encode()), rsv=RSV1))
    assert texts(talk.out) == [CALL, ANSWER]


@pytest.mark.parametrize("fragment", [False, True])
def test_after_lost_bytes_takeover_is_not_inflated_again(fragment):
    deflate = Deflater()
    frames = [frame(TEXT, deflate(ANSWER.encode() + bytes([n])), rsv=RSV1) for n in range(4)]
    talk = Talk(DEFLATE).server(frames[0])
    if fragment:
        talk.server(frames[1][:4]).gap("server", len(frames[1]) - 4)
    else:
        talk.gap("server", len(frames[1]))
    talk.server(*frames[2:])
    damaged = [event for event in talk.out if isinstance(event, Damaged) and event.layer == "deflate"]
    assert len(texts(talk.out)) == 1
    assert [event.raw for event in damaged] == [data[2:] for data in frames[2:]]
    assert set(faults(talk.out)) == {"deflate.lost"}


@pytest.mark.parametrize(
    "unread",
    [
        [b"\xff\xfe garbage"],
        [frame(TEXT, b"abc", fin=False, rsv=RSV1)],
        [frame(TEXT, b"abc", rsv=RSV1, claim=1 << 20), bytes((1 << 20) - 3)],
        [frame(TEXT, b"a" * 900, fin=False, rsv=RSV1), frame(CONTINUATION, b"b" * 900)],
    ],
    ids=["garbage", "incomplete message", "frame too big", "message too big"],
)
def test_after_a_message_that_cannot_be_read_takeover_is_not_inflated_again(unread):
    deflate = Deflater()
    talk = Talk(DEFLATE, max_message=1000).server(frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1), *unread)
    talk.server(frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1), answer("[4,5,6,7]"))
    assert texts(talk.out) == [ANSWER, "[4,5,6,7]"]
    assert faults(talk.out)[-1] == "deflate.lost"


def test_after_lost_bytes_messages_without_takeover_are_inflated():
    deflate = Deflater(takeover=False)
    frames = [frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1) for _ in range(3)]
    talk = Talk(DEFLATE + "; server_no_context_takeover").server(frames[0]).gap("server", len(frames[1]))
    talk.server(frames[2])
    assert talk.script == [("<", ANSWER), ("gap", len(frames[1])), ("<", ANSWER)]


def test_a_bomb_is_damage():
    bomb = Deflater()(bytes(1 << 26))
    talk = Talk(DEFLATE, max_message=1 << 20).server(frame(TEXT, bomb, rsv=RSV1))
    assert talk.script == [("damaged", "deflate")]
    assert faults(talk.out) == ["websocket.too-big"]
    assert only(talk).raw == bomb


# --- lost bytes ---------------------------------------------------------------------------------------------


def test_a_gap_within_a_payload_of_known_size_resynchronises_exactly():
    lost = text("[2," + "x" * 500 + "]")
    talk = Talk().server(lost[:100]).gap("server", 300).server(lost[400:] + answer("plain words"), answer())
    assert talk.script == [("gap", 300), ("damaged", "websocket"), ("<", "plain words"), ("<", ANSWER)]
    assert talk.out[1].raw == lost[:100]
    assert talk.out[-1].frames == (answer(),)


def test_a_gap_that_ends_with_the_frame():
    lost = text("x" * 500)
    talk = Talk().server(lost[:100]).gap("server", 404).server(answer("plain words"))
    assert texts(talk.out) == ["plain words"]


def test_two_gaps_within_one_payload():
    lost = text("x" * 1000)
    talk = Talk().server(lost[:100]).gap("server", 100).server(lost[200:300]).gap("server", 100)
    talk.server(lost[400:], answer("plain words"))
    assert texts(talk.out) == ["plain words"]


def test_a_gap_beyond_the_frame_is_followed_by_a_search():
    lost = text("x" * 500)
    talk = Talk().server(lost[:100]).gap("server", 1000).server(b"x" * 50 + answer() + answer("[4]"))
    assert texts(talk.out) == [ANSWER, "[4]"]
    assert faults(talk.out) == []


def test_a_gap_of_unknown_size():
    talk = Talk().client(call()).gap("client", None).client(call(), frame(PING, masked=True))
    assert talk.script == [(">", CALL), ("gap", None), (">", CALL), ("ping", b"")]


def test_what_continues_a_message_whose_start_is_lost_is_no_fault():
    first = frame(TEXT, b"x" * 300, fin=False)
    rest = [frame(CONTINUATION, b"y", fin=False), frame(PING), frame(CONTINUATION, b"z")]
    for segments in (rest, [b"".join(rest)]):
        talk = Talk().server(first[:50]).gap("server", 100).server(first[150:], *segments, answer())
        assert texts(talk.out) == [ANSWER]
        assert faults(talk.out) == []
        raw = b"".join(event.raw for event in talk.out if isinstance(event, Damaged))
        assert raw == first[:50] + b"yz"


def test_after_that_a_continuation_of_nothing_is_a_fault_again():
    first = text("x" * 300)
    talk = Talk().server(first[:50]).gap("server", 254).server(answer(), frame(CONTINUATION, b"z"))
    assert faults(talk.out) == ["websocket.continuation"]


def test_the_parts_of_a_fragmented_message_before_a_gap_are_shown():
    talk = Talk().server(frame(TEXT, b"[3,", fin=False)).gap("server", 10).server(answer())
    assert [event.raw for event in talk.out if isinstance(event, Damaged)] == [b"[3,"]
    assert texts(talk.out) == [ANSWER]


def test_a_gap_in_one_direction_leaves_the_other_alone():
    data = call()
    talk = Talk().client(data[:5]).gap("server", 7).client(data[5:])
    assert talk.script == [("gap", 7), (">", CALL)]


def test_what_is_unfinished_at_the_end_is_shown():
    talk = Talk().server(frame(TEXT, b"[3,", fin=False) + answer()[:20]).end()
    assert talk.script == [
        ("damaged", "websocket"),
        ("damaged", "websocket"),
        ("closed", "station", "fin", None),
    ]
    assert [event.raw for event in talk.out[:2]] == [b"[3,", answer()[:20]]


# --- garbage and lies ---------------------------------------------------------------------------------------


def test_garbage_resynchronises_at_the_next_segment():
    talk = Talk().server(answer(), b"\xff\xfe garbage", answer("[4]"))
    assert talk.script == [("<", ANSWER), ("damaged", "websocket"), ("<", "[4]")]
    assert talk.out[1].raw == b"\xff\xfe garbage"
    assert faults(talk.out) == ["websocket.no-frame"]


def test_garbage_resynchronises_within_its_segment():
    garbage = b"\xff\xfe HTTP/1.1 garbage"
    talk = Talk().client(call() + garbage + call() + call("[2,3,4,5]"))
    assert talk.script == [(">", CALL), ("damaged", "websocket"), (">", CALL), (">", "[2,3,4,5]")]
    assert talk.out[1].raw == garbage
    assert talk.out[2].frames == (call(),)


@pytest.mark.parametrize("claim", [1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_a_frame_that_claims_the_world(claim):
    talk = Talk().server(answer(), frame(TEXT, b"[]", claim=claim), answer("[4,5,6,7]"))
    assert talk.script == [("<", ANSWER), ("damaged", "websocket"), ("<", "[4,5,6,7]")]
    assert str(claim) in talk.out[1].reason


def test_a_frame_that_is_only_too_big_is_passed_over_exactly():
    big = text("[" + "x" * (20 << 20))
    talk = Talk().server(*split(big, 1 << 16), answer("plain words"))
    assert talk.script == [("damaged", "websocket"), ("<", "plain words")]
    assert faults(talk.out) == ["websocket.too-big"]
    assert len(talk.out[0].raw) <= 1 << 16


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=10), st.booleans(), st.sampled_from([None, DEFLATE])
)
def test_any_bytes_do_no_harm(segments, late, extensions):
    talk = Talk(extensions, late=late)
    talk.client(*segments).server(*segments).gap("client", 3).client(*segments).end()
    assert sum(isinstance(event, Closed) for event in talk.out) == 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_any_chunking_gives_the_same_events(kinds, data):
    """In a session that is in step, also with frames that are wrong."""
    frames = [
        call(),
        frame(PING, b"x", masked=True),
        frame(TEXT, b"\xff", masked=True),
        frame(TEXT, b"[", masked=True, fin=False),
    ]
    stream = b"".join(frames[kind] for kind in kinds)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=10)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert Talk().client(*pieces).end().script == Talk().client(stream).end().script


def test_memory_follows_what_came_and_not_what_is_claimed():
    tracemalloc.start()
    for claim in (1 << 20, 16 << 20, 1 << 29, 1 << 62):
        Talk().server(frame(TEXT, b"[]", claim=claim))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("part", [b"", b"x"])
def test_endless_fragments_have_an_end(part):
    """Neither empty fragments nor tiny ones may be kept without a limit."""
    tiny = frame(CONTINUATION, part, fin=False) * 1000
    talk = Talk().server(frame(TEXT, b"[", fin=False))
    for _ in range(70):
        talk.server(tiny)
        assert len(talk.websocket.server._parts) <= 1 << 16
    assert "websocket.too-big" in faults(talk.out)


def test_a_long_message_byte_by_byte():
    content = "[" + "x" * 200_000 + "]"
    talk = Talk().server(*split(text(content), 1))
    assert texts(talk.out) == [content]


# --- a session whose start is not in the capture ------------------------------------------------------------


def test_a_late_session_finds_its_first_frame():
    talk = Talk(late=True).client(call()[5:], call()).server(answer())
    assert talk.script == [("damaged", "websocket"), (">", CALL), ("<", ANSWER)]
    assert faults(talk.out) == []


def test_a_late_session_with_takeover_is_not_read_wrongly():
    deflate = Deflater()
    frames = [frame(TEXT, deflate(ANSWER.encode()), rsv=RSV1) for _ in range(4)]
    talk = Talk(late=True).server(*frames[1:], answer())
    assert talk.script == [("damaged", "deflate")] * 3 + [("<", ANSWER)]
    assert set(faults(talk.out)) == {"deflate.lost"}
    assert [event.raw for event in talk.out[:3]] == [data[2:] for data in frames[1:]]


def test_a_late_session_without_takeover_is_read_also_after_a_gap():
    data = frame(TEXT, Deflater()(ANSWER.encode()), rsv=RSV1)
    talk = Talk(late=True).server(data).gap("server", 10).server(data)
    assert talk.script == [("<", ANSWER), ("gap", 10), ("<", ANSWER)]


@pytest.mark.parametrize("masked", [True, False])
def test_find_frame(masked):
    one, long = text(CALL, masked=masked), text("[" + "x" * 5000, masked=masked)
    control = frame(PING, b"abc", masked=masked)
    for data in (one, one + control, control, one + long[:600], long[:600], one + one[:1]):
        assert find_frame(data, masked) == 0
        assert find_frame(data, None) == 0
    assert find_frame(b"x" * 10 + one, masked) == 10
    for data in (b"x" * 50, one[9:], text("words", masked=masked) + b"x" * 30, b"\x81"):
        assert find_frame(data, masked) == -1
    assert find_frame(control, not masked) == -1


def test_find_frame_takes_a_text_that_ends_within_a_character():
    data = text('[2,"' + "ü" * 100 + '"]')
    for end in range(60, 72):
        assert find_frame(b"xx" + data[:end], False) == 2


@pytest.mark.parametrize("content", ["[1" + "\x00" * 20, "[", "[x]", "[]", "words, not an array"])
def test_find_frame_takes_no_other_text_for_evidence(content):
    assert find_frame(b"xx" + text(content), None) == -1


def test_chance_is_no_evidence():
    noise = random.Random(4)
    assert sum(find_frame(noise.randbytes(1460), None) > 0 for _ in range(2000)) == 0


def test_headers():
    assert parse_header(b"") is parse_header(b"\x81") is parse_header(b"\x81\x7e\x00") is None
    header = parse_header(b"xx" + frame(TEXT, bytes(300), masked=True), 2)
    assert (header.start, header.size, header.end, header.masked, header.minimal) == (8, 300, 308, True, True)
    assert isinstance(Talk().gap("client", 1).out[0], Gap)
    assert isinstance(Talk().server(answer()).out[0], Text)


# --- where the reading may go on elsewhere ------------------------------------------------------------------


@pytest.mark.parametrize("side", ["client", "server"])
def test_what_is_unfinished_is_the_message_under_way_as_it_was_sent(side):
    masked = side == "client"
    parts = [
        frame(TEXT, b'[2,"1"', masked=masked, fin=False),
        frame(PING, b"x", masked=masked),
        frame(CONTINUATION, b',"Heart', masked=masked, fin=False),
        frame(CONTINUATION, b'beat",{}]', masked=masked),
    ]
    stream = getattr(Talk().websocket, side)
    kept = b""
    for part in parts:
        for n in range(len(part)):
            assert stream.unfinished == kept + part[:n]
            stream.feed(part[n : n + 1], START)
        kept += b"" if part is parts[1] else part  # the ping was read
    assert stream.unfinished == b""


def test_between_messages_nothing_is_unfinished():
    talk = Talk().client(call(), call()).server(answer())
    assert talk.websocket.client.unfinished == talk.websocket.server.unfinished == b""


def test_where_the_start_of_a_message_is_lost_nobody_knows_what_is_unfinished():
    talk = Talk().client(call()[:5]).gap("client", 3)
    assert talk.websocket.client.unfinished is None
    assert talk.websocket.server.unfinished == b""
    talk.client(call()[8:]).client(call())
    assert talk.websocket.client.unfinished == b""
    assert Talk(late=True).websocket.client.unfinished is None
    assert (
        Talk(max_message=10).client(frame(TEXT, bytes(70_000), masked=True)[:99]).websocket.client.unfinished
        is None
    )
    assert Talk(extensions=DEFLATE).gap("client", 3).client(call()).websocket.client.unfinished is None


def test_the_first_close_of_each_side_is_kept_in_order():
    talk = Talk()
    assert talk.websocket.close_frames == {}
    ours, theirs = frame(CLOSE, b"\x03\xe8"), frame(CLOSE, b"\x03\xe9bye", masked=True)
    talk.server(ours).server(frame(CLOSE)).client(theirs)
    assert list(talk.websocket.close_frames.items()) == [("csms-to-cp", ours), ("cp-to-csms", theirs)]
