"""Packet sockets, each opened by hand on one of a pair of interfaces."""

import socket
from pathlib import Path
from select import select

import pytest

from ocppscope.capture import bpf
from ocppscope.capture.packet_socket import PacketSocket
from tests.capture.interfaces import EVERYTHING, FRAMES, a_pair, captures, collect, ip


@pytest.fixture
def pair():
    with a_pair() as other:
        yield other


@pytest.fixture
def bound(pair):
    """Bound to `va`, where what `pair` sends arrives."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, EVERYTHING) as opened:
        opened.bind(("va", 0))
        yield opened


@pytest.fixture
def packets(bound):
    return PacketSocket(bound, 1, bpf.tcp_program(1), 1 << 20, once=False)


@captures
def test_a_smaller_buffer_without_the_right_to_a_large_one():
    class Limited(socket.socket):
        def setsockopt(self, level, option, *value):
            if (level, option) == (socket.SOL_SOCKET, 33):
                raise PermissionError(1, "Operation not permitted")
            super().setsockopt(level, option, *value)

    with Limited(socket.AF_PACKET, socket.SOCK_RAW, EVERYTHING) as opened:
        opened.bind(("lo", 0))
        one = PacketSocket(opened, 1, None, 1 << 40, once=True)
        assert one.buffer == 2 * int(Path("/proc/sys/net/core/rmem_max").read_text())


def test_what_came_before_the_filter_is_no_packet_and_no_drop(pair, bound):
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
    for _ in range(100):
        pair.send(bytes(12) + b"\x08\x06" + bytes(46))
    one = PacketSocket(bound, 1, bpf.tcp_program(1), 1 << 20, once=False)
    assert (one.read(10), one.drops) == ([], 0)
    pair.send(FRAMES[1])
    assert [frame for _, _, frame in collect(one, 1)] == FRAMES[1:2]


def test_without_a_filter(pair, bound):
    one = PacketSocket(bound, 1, None, 1 << 20, once=False)
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    for frame in (arp, FRAMES[0]):
        pair.send(frame)
    assert [frame for _, _, frame in collect(one, 2)] == [arp, FRAMES[0]]


def test_drops_are_counted(pair, bound):
    one, sent, got = PacketSocket(bound, 1, bpf.tcp_program(1), 1 << 14, once=False), 0, 0
    for _ in range(3):
        for _ in range(200):
            pair.send(FRAMES[3])
        sent += 200
        while got + one.drops < sent and (more := collect(one, 1)):
            got += len(more)
        assert got + one.drops == sent
    assert 0 < got < sent
    one.close()
    assert got + one.drops == sent


def test_an_interface_that_goes_away(pair, packets):
    pair.send(FRAMES[0])
    pair.send(FRAMES[1])
    ip("link", "del", "va")
    assert len(collect(packets, 2)) == 2
    assert (packets.read(1), packets.ended) == ([], "the interface is gone: no more packets come from it")


def test_an_interface_that_is_down_for_a_while(pair, packets):
    ip("link", "set", "va", "down")
    assert (packets.read(1), packets.ended) == ([], "")
    ip("link", "set", "va", "up")
    seen = []
    for _ in range(2_000):  # what is sent before the kernel has the link up again is lost
        pair.send(FRAMES[0])
        select([packets], [], [], 0.01)
        seen += packets.read(10)
        if seen:
            break
    assert seen
    assert packets.ended == ""
