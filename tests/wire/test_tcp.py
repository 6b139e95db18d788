"""Segments in, streams out. Receivers write down what they are told."""

import random
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.tcp import HOLE_BYTES, HOLE_TIME, LINGER, REASSEMBLY_LIMIT, Tcp
from tests.wire.packets import (
    ACK,
    CLIENT,
    MILLISECOND,
    NUMBERS,
    PSH,
    SECOND,
    SERVER,
    START,
    SYN,
    Conversation,
    Packet,
)


class Receiver:
    def __init__(self, complete):
        self.complete = complete
        self.log = []
        self.sinks = [partial(self._data, 0), partial(self._data, 1)]

    def _data(self, side, data, time):
        assert data
        self.log.append((side, bytes(data)))

    def gap(self, side, size, time):
        self.log.append(("gap", side, size))

    def fin(self, side, time):
        self.log.append(("fin", side))

    def reset(self, side, time):
        self.log.append(("rst", side))

    def vanish(self, time):
        self.log.append("vanish")

    def stream(self, side):
        return b"".join(entry[1] for entry in self.log if entry[0] == side)


class Listener:
    def __init__(self):
        self.receivers = []
        self.tcp = Tcp(self._connect)

    def _connect(self, key, complete):
        self.receivers.append(Receiver(complete))
        return self.receivers[-1]

    def take(self, packets):
        for packet in packets:
            self.tcp.segment(packet.segment(), packet.time)
        return self

    @property
    def log(self):
        (receiver,) = self.receivers
        return receiver.log


def hear(packets, *, close=True):
    packets = packets.packets if isinstance(packets, Conversation) else packets
    listener = Listener().take(packets)
    if close:
        listener.tcp.close(packets[-1].time)
    return listener


# --- the plain path -----------------------------------------------------------------------------------------


def test_bytes_of_both_sides_come_in_order_then_the_ends():
    talk = Conversation().open().client(b"one", b"two").server(b"three").close()
    assert hear(talk).log == [(0, b"one"), (0, b"two"), (1, b"three"), ("fin", 0), ("fin", 1)]


def test_a_connection_with_its_handshake_is_complete_and_side_0_the_client():
    assert hear(Conversation().open().server(b"x")).receivers[0].complete
    assert not hear(Conversation().server(b"x")).receivers[0].complete


def test_a_handshake_of_which_only_the_syn_ack_was_captured_still_tells_the_client():
    listener = hear(Conversation().open().client(b"hello").packets[1:])
    assert listener.receivers[0].complete
    assert listener.log[0] == (0, b"hello")


def test_data_in_the_syn_counts():
    first, *rest = Conversation().open().packets
    with_data = Packet(first.time, first.source, first.target, first.seq, 0, SYN, b"fast")
    assert hear([with_data, *rest]).log[0] == (0, b"fast")


def test_fin_waits_for_the_other_side():
    talk = Conversation().open().fin(CLIENT).server(b"still here").fin(SERVER)
    assert hear(talk).log == [("fin", 0), (1, b"still here"), ("fin", 1)]


def test_data_with_the_fin():
    talk = Conversation().open().client(b"abc")
    last = talk.packets.pop()
    talk.packets.append(Packet(last.time, last.source, last.target, last.seq, last.ack, 0x11, b"abc"))
    assert hear(talk).log == [(0, b"abc"), ("fin", 0), "vanish"]


def test_a_reset_ends_it_and_what_waited_is_delivered():
    talk = Conversation().open().lose().client(b"lost").client(b"kept").rst(SERVER)
    talk.client(b"afterwards")
    assert hear(talk).log == [("gap", 0, 4), (0, b"kept"), ("rst", 1)]


def test_a_capture_that_stops_shows_no_end():
    assert hear(Conversation().open().client(b"a")).log == [(0, b"a"), "vanish"]


@pytest.mark.parametrize("flags", [ACK, 0x14, 0x11], ids=["ack", "rst", "fin"])
def test_a_stray_segment_opens_no_connection(flags):
    stray = Packet(START, "10.0.0.1:1", "10.0.0.2:2", 5, 6, flags)
    assert hear([stray]).receivers == []


# --- any order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1_000, NUMBERS - 1, NUMBERS - 5, NUMBERS // 2])
def test_sequence_numbers_wrap(first):
    talk = Conversation(first=(first, first)).open()
    talk.client(b"abcdefgh", b"ijkl").server(b"12345678", b"9").close()
    receiver = hear(talk).receivers[0]
    assert receiver.stream(0) == b"abcdefghijkl"
    assert receiver.stream(1) == b"123456789"
    assert ("gap", 0) not in {entry[:2] for entry in receiver.log}


def test_sequence_numbers_wrap_again_and_again():
    talk = Conversation(first=(NUMBERS - 100, 7)).open()
    block = bytes(60_000)
    listener = Listener().take(talk.packets)
    sent = 0
    for _ in range(3):
        talk.packets.clear()
        talk.client(block, block[:10_000])
        listener.take(reversed(talk.packets))
        sent += 70_000
    assert len(listener.receivers[0].stream(0)) == sent


def test_swapped_segments_are_put_in_order():
    talk = Conversation().open().client(b"one", b"two", b"three")
    *opening, one, two, three = talk.packets
    assert hear([*opening, three, two, one]).log == [(0, b"one"), (0, b"two"), (0, b"three"), "vanish"]


def test_a_retransmission_counts_once():
    talk = Conversation().open().client(b"one").again().client(b"two").again(-3).again(-2)
    assert hear(talk).receivers[0].stream(0) == b"onetwo"


def test_each_packet_captured_twice_counts_once():
    talk = Conversation().open().client(b"one").server(b"two").client(b"three").close()
    twice = [packet for packet in talk.packets for _ in range(2)]
    assert hear(twice).log == hear(talk).log


def test_a_retransmission_that_is_cut_elsewhere_overlaps():
    talk = Conversation().open().client(b"abcdef")
    *opening, whole = talk.packets
    later = Packet(whole.time, whole.source, whole.target, whole.seq + 3, whole.ack, whole.flags, b"defghi")
    both = [*opening, whole, later]
    assert hear(both).receivers[0].stream(0) == b"abcdefghi"
    assert hear([*opening, later, whole]).receivers[0].stream(0) == b"abcdefghi"


@pytest.mark.parametrize("garbage", [b"", b"\0"])
def test_keep_alives_carry_nothing(garbage):
    talk = Conversation().open().client(b"abc")
    last = talk.packets[-1]
    alive = Packet(last.time, last.source, last.target, last.seq + 2, last.ack, ACK, garbage)
    talk.packets.append(alive)
    talk.client(b"def")
    assert hear(talk).log[:-1] == [(0, b"abc"), (0, b"def")]


@given(st.data())
def test_any_order_gives_the_same_bytes(data):
    sizes = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=12))
    first = data.draw(st.integers(0, NUMBERS - 1) | st.integers(NUMBERS - 100, NUMBERS - 1))
    source = bytes(range(sum(sizes) % 256)) + bytes(sum(sizes))
    talk = Conversation(first=(first, 5)).open()
    at, parts = 0, []
    for size in sizes:
        parts.append(source[at : at + size])
        at += size
    opening = list(talk.packets)
    talk.client(*parts)
    # Some segments come twice, or once more together with a part of their neighbour.
    segments = talk.packets[3:]
    wide = [
        Packet(a.time, a.source, a.target, a.seq, a.ack, a.flags, a.data + b.data[:3])
        for a, b in pairwise(segments)
    ]
    extra = data.draw(st.lists(st.sampled_from(segments + wide), max_size=6))
    order = data.draw(st.permutations(segments + extra))
    receiver = hear(opening + list(order)).receivers[0]
    assert receiver.stream(0) == b"".join(parts)
    assert not [entry for entry in receiver.log if entry[0] == "gap"]


@given(st.data())
def test_what_is_lost_is_told_and_the_rest_is_in_its_place(data):
    count = data.draw(st.integers(2, 12))
    kept = data.draw(st.sets(st.integers(0, count - 1)))
    talk = Conversation().open()
    for n in range(count):
        if n not in kept:
            talk.lose()
        talk.client(bytes([n]) * (n + 1))
        if n % 3 == 0:
            talk.acknowledge(SERVER)
    talk.client(b"end").acknowledge(SERVER)
    receiver = hear(talk).receivers[0]
    stream = []
    for entry in receiver.log[:-1]:
        if entry[0] == "gap":
            stream += [None] * entry[2]
        elif entry[0] == 0:
            stream += entry[1]
    expected = []
    for n in range(count):
        expected += [n if n in kept else None] * (n + 1)
    assert stream == expected + list(b"end")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, NUMBERS - 1), st.binary(max_size=5)), max_size=30)
)
def test_any_segments_do_no_harm(segments):
    ends = ["10.0.0.1:1", "10.0.0.2:2"]
    packets = [
        Packet(START + n, ends[kind & 1], ends[~kind & 1], seq, seq ^ n, seq % 64 if kind > 1 else ACK, data)
        for n, (kind, seq, data) in enumerate(segments)
    ]
    if packets:
        hear(packets)


# --- holes --------------------------------------------------------------------------------------------------


def test_a_hole_is_a_gap_a_second_after_the_peer_has_acknowledged_it():
    talk = Conversation().open().lose().client(b"lost").client(b"kept")
    listener = hear(talk, close=False)
    assert listener.log == []
    listener.take(talk.wait(HOLE_TIME).acknowledge(SERVER).packets[-1:])
    assert listener.log == [("gap", 0, 4), (0, b"kept")]


def test_a_hole_is_no_gap_before_the_second_is_over():
    talk = Conversation().open().lose().client(b"lost").client(b"kept").acknowledge(SERVER)
    talk.wait(HOLE_TIME // 2).acknowledge(SERVER)
    assert hear(talk, close=False).log == []


def test_a_hole_that_the_peer_does_not_acknowledge_waits_for_the_retransmission():
    talk = Conversation().open().client(b"lost")
    missing = talk.packets.pop()
    early = talk.acknowledge(SERVER).packets.pop()
    talk.client(b"kept").wait(10 * HOLE_TIME)
    talk.packets.append(Packet(talk.time, early.source, early.target, early.seq, missing.seq, early.flags))
    listener = hear(talk, close=False)
    assert listener.log == []
    listener.take([missing])
    assert listener.log == [(0, b"lost"), (0, b"kept")]


def test_a_hole_that_nobody_acknowledges_does_not_wait_for_ever():
    talk = Conversation().open().client(b"lost")
    talk.packets.pop()
    missing_ack = talk.acknowledge(SERVER).packets.pop()
    talk.client(b"kept")
    listener = hear(talk, close=False)
    assert listener.log == []
    lost = len(b"lost")
    source, target, seq = missing_ack.source, missing_ack.target, missing_ack.seq
    for wait, expected in ((LINGER // 2, []), (LINGER, [("gap", 0, lost), (0, b"kept")])):
        talk.wait(wait)
        listener.take([Packet(talk.time, source, target, seq, missing_ack.ack - lost, ACK)])
        assert listener.log == expected


def test_other_connections_move_the_clock():
    talk = Conversation().open().lose().client(b"lost").client(b"kept").acknowledge(SERVER)
    other = Conversation(client="10.0.0.9:1", time=talk.time + 2 * HOLE_TIME).open()
    listener = Listener().take(talk.packets + other.packets)
    assert listener.receivers[0].log == [("gap", 0, 4), (0, b"kept")]


def test_a_mebibyte_behind_an_acknowledged_hole_ends_the_wait():
    talk = Conversation().open().lose().client(b"lost")
    talk.client(*[bytes(1 << 15)] * (HOLE_BYTES >> 15)).acknowledge(SERVER)
    log = hear(talk, close=False).log
    assert log[0] == ("gap", 0, 4)
    assert sum(len(data) for side, data in log[1:]) == HOLE_BYTES


def test_four_mebibytes_end_the_wait_acknowledged_or_not():
    talk = Conversation().open().client(b"lost")
    talk.packets.pop()
    talk.client(*[bytes(1 << 15)] * (REASSEMBLY_LIMIT >> 15))
    assert hear(talk, close=False).log[0] == ("gap", 0, 4)


def test_the_end_of_the_capture_ends_the_wait():
    talk = Conversation().open().lose().client(b"lost").client(b"kept")
    assert hear(talk).log == [("gap", 0, 4), (0, b"kept"), "vanish"]


def test_a_packet_cut_by_the_snap_length_leaves_a_gap_of_what_is_missing():
    talk = Conversation().open().cut(3).client(b"abcdefgh").client(b"ij").acknowledge(SERVER)
    assert hear(talk).log == [(0, b"abc"), ("gap", 0, 5), (0, b"ij"), "vanish"]


def test_a_whole_retransmission_heals_a_cut_packet():
    talk = Conversation().open().cut(3).client(b"abcdefgh").client(b"ij")
    cut = talk.packets[-2]
    talk.packets.append(Packet(talk.time, cut.source, cut.target, cut.seq, cut.ack, cut.flags, cut.data))
    assert hear(talk).log == [(0, b"abc"), (0, b"defgh"), (0, b"ij"), "vanish"]


def test_a_lost_segment_at_the_end_is_told_by_its_acknowledgement():
    talk = Conversation().open().client(b"kept").lose().client(b"lost").acknowledge(SERVER)
    assert hear(talk).log == [(0, b"kept"), ("gap", 0, 4), "vanish"]


def test_the_acknowledgement_of_a_fin_that_was_not_captured_is_no_gap():
    talk = Conversation().open().client(b"kept").lose().fin(CLIENT).server(b"bye").fin(SERVER)
    assert hear(talk).log == [(0, b"kept"), (1, b"bye"), ("fin", 1), "vanish"]


def test_acknowledgements_after_both_fins_are_no_gap():
    talk = Conversation().open().fin(CLIENT).server(b"x").acknowledge(CLIENT).acknowledge(SERVER)
    assert hear(talk).log == [("fin", 0), (1, b"x"), "vanish"]


def test_a_syn_ack_and_first_answer_that_were_lost_are_a_gap():
    talk = Conversation().open()
    del talk.packets[1]
    talk.client(b"request").lose().server(b"lost").server(b"kept")
    assert hear(talk).log == [(0, b"request"), ("gap", 1, 4), (1, b"kept"), "vanish"]


# --- while one direction has a hole, the other waits --------------------------------------------------------


def test_an_answer_waits_for_the_call_that_comes_late():
    talk = Conversation().open().client(b"Call").server(b"Answer")
    *opening, call, answer = talk.packets
    assert hear([*opening, answer, call]).log == [(0, b"Call"), (1, b"Answer"), "vanish"]


def test_an_answer_waits_for_every_part_of_the_call():
    talk = Conversation().open().client(b"Ca", b"ll").server(b"Answer")
    *opening, first, second, answer = talk.packets
    for order in ([second, answer, first], [answer, second, first], [answer, first, second]):
        log = hear([*opening, *order]).log
        assert log == [(0, b"Ca"), (0, b"ll"), (1, b"Answer"), "vanish"]


def test_an_answer_waits_for_the_gap_that_the_call_fell_into():
    talk = Conversation().open().lose().client(b"Call").server(b"Answer").client(b"Next")
    assert hear(talk).log == [("gap", 0, 4), (1, b"Answer"), (0, b"Next"), "vanish"]


def test_holes_on_both_sides_at_once():
    talk = Conversation().open().lose().client(b"C1").lose().server(b"A1").client(b"C2").server(b"A2")
    log = hear(talk).log
    assert {entry for entry in log if entry[0] == "gap"} == {("gap", 0, 2), ("gap", 1, 2)}
    assert log[-3:] == [(0, b"C2"), (1, b"A2"), "vanish"]


# --- connections that begin before the capture, or again ----------------------------------------------------


def test_a_capture_may_begin_in_the_middle():
    talk = Conversation().open().client(b"before").server(b"before").client(b"one").server(b"two").close()
    assert hear(talk.packets[5:]).log == [(0, b"one"), (1, b"two"), ("fin", 0), ("fin", 1)]


def test_in_the_middle_the_acknowledgement_tells_where_the_peer_stands():
    talk = Conversation().client(b"one").lose().server(b"lost").server(b"two")
    assert hear(talk).log == [(0, b"one"), ("gap", 1, 4), (1, b"two"), "vanish"]


def test_a_port_used_anew_after_its_end():
    first = Conversation().open().client(b"first").close()
    second = Conversation(first=(500_000, 600_000), time=first.time).open().client(b"second").close()
    listener = hear(first.packets + second.packets)
    assert [receiver.stream(0) for receiver in listener.receivers] == [b"first", b"second"]


def test_a_port_used_anew_without_an_end_lets_the_old_connection_vanish():
    first = Conversation().open().client(b"first")
    second = Conversation(first=(5, 6), time=first.time).open().client(b"second")
    listener = hear(first.packets + second.packets)
    assert [receiver.log for receiver in listener.receivers] == [
        [(0, b"first"), "vanish"],
        [(0, b"second"), "vanish"],
    ]


def test_strays_of_a_closed_connection_are_swallowed():
    talk = Conversation().open().client(b"data").close().again(3).again(0)
    listener = hear(talk)
    assert len(listener.receivers) == 1
    assert listener.log == [(0, b"data"), ("fin", 0), ("fin", 1)]


def test_closed_connections_are_forgotten():
    listener = Listener()
    time = START
    for port in range(1, 200):
        talk = Conversation(client=f"10.0.0.1:{port}", time=time).open().client(b"x").close()
        listener.take(talk.packets)
        time = talk.time + LINGER // 10
    assert len(listener.tcp._halves) < 2 * 20


# --- cost ---------------------------------------------------------------------------------------------------


def test_a_megabyte_byte_by_byte_backwards_stays_within_bounds():
    """16,000 one-byte segments behind a hole: neither quadratic nor without a limit."""
    ends = "10.0.0.1:1", "10.0.0.2:2"
    opening = Conversation(*ends).open()
    listener = Listener().take(opening.packets)
    base = opening.packets[-1]
    for n in range(40_000, 0, -1):
        segment = (base.key, base.seq + n, base.ack, PSH | ACK, b"x", 0)
        listener.tcp.segment(segment, base.time)
        half = listener.tcp._halves[base.key]
        assert half.held_bytes <= REASSEMBLY_LIMIT
    assert len(half.held) < 17_000


def test_many_connections_with_a_hole_each():
    order = random.Random(1)
    talks = [
        Conversation(client=f"10.0.{n // 250}.{n % 250 + 1}:5", time=START + n)
        .open()
        .lose()
        .client(b"lost")
        .client(b"kept")
        .acknowledge(SERVER)
        for n in range(300)
    ]
    packets = sorted((p for talk in talks for p in talk.packets), key=lambda p: (p.time, order.random()))
    clock = Conversation(client="10.9.9.9:1", time=packets[-1].time + SECOND).open()
    listener = Listener().take(packets + clock.packets)
    assert all(receiver.log == [("gap", 0, 4), (0, b"kept")] for receiver in listener.receivers[:-1])
    assert clock.time - packets[-1].time < SECOND + 10 * MILLISECOND
