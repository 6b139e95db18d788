"""Interfaces to capture in tests: loopback, and a pair of them in a network namespace of the test's own."""

import ctypes
import os
import select
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocppscope.wire.link import ip_offset_for
from tests.wire.packets import CALL, Conversation, switching, text, upgrade

_SECONDS = 10
_CLONE_NEWNET = 0x40000000
EVERYTHING = socket.htons(3)
TALK = Conversation().open().client(upgrade()).server(switching()).client(text(CALL)).close()
FRAMES = [packet.frame() for packet in TALK.packets]


def may_capture():
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, EVERYTHING):
            return True
    except (AttributeError, OSError):
        return False


captures = pytest.mark.skipif(not may_capture(), reason="no right to capture here, or no packet sockets")


def collect(sniffer, count):
    """So many packets; fewer only if they do not come."""
    packets, last = [], time.monotonic() + _SECONDS
    while len(packets) < count and time.monotonic() < last:
        select.select([sniffer], [], [], last - time.monotonic())
        packets += sniffer.read(count - len(packets))
    return packets


def data_of(frame):
    """What TCP carries in a frame."""
    at = ip_offset_for(1)(frame)
    tcp = at + (40 if frame[at] >> 4 == 6 else (frame[at] & 15) * 4)
    return frame[tcp + (frame[tcp + 12] >> 4) * 4 :]


def collect_data(sniffer, size):
    """Packets until TCP has carried so many bytes in them."""
    packets = []
    while size > 0 and (more := collect(sniffer, 1)):
        packets += more
        size -= len(data_of(more[0][2]))
    return packets


class Peers:
    """Two ends of a TCP connection over loopback."""

    def __init__(self, address, family=socket.AF_INET):
        with socket.create_server((address, 0), family=family) as server:
            self.port = server.getsockname()[1]
            self._address = address
            self._server = server.dup()

    def talk(self, *messages):
        with (
            socket.create_connection((self._address, self.port)) as client,
            self._server.accept()[0] as peer,
        ):
            for message in messages:
                client.sendall(message)
                peer.recv(len(message), socket.MSG_WAITALL)

    def close(self):
        self._server.close()


@contextmanager
def a_pair():
    """Two interfaces, `va` and `vb`, each the other's peer, in a namespace in which there is nothing else.

    What is sent on the socket that it gives leaves `vb` and arrives at `va`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if not may_capture() or libc.unshare(_CLONE_NEWNET):
            pytest.skip("no right to make network namespaces")
        try:
            ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
            for name in ("va", "vb"):
                Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
                ip("link", "set", name, "up")
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as other:
                other.bind(("vb", 0))
                yield other
        finally:
            libc.setns(here, _CLONE_NEWNET)
    finally:
        os.close(here)


def ip(*words):
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"ip {' '.join(words)}: {error}")
