"""`ocppscope sniff`: real peers over loopback, the command as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from ocppscope.events import Closed, Notice
from ocppscope.sources import InputError
from ocppscope.store import Store
from ocppscope.wire.pcap import CaptureReader
from tests.capture.interfaces import captures
from tests.capture.recordings import opened, read, texts
from tests.cli import run
from tests.wire.packets import ANSWER, CALL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals end it")
PATIENCE = 20
"""Seconds, after which a test fails."""


@pytest.fixture
def csms():
    """A CSMS that answers each Call; its port."""

    def answer(connection):
        for message in connection:
            connection.send(ANSWER.replace("1", message.split('"')[1], 1))

    with serve(answer, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression="deflate") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(PATIENCE)


class Sniffing:
    """The command, at work."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocppscope", "sniff", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        self._has_begun = threading.Event()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        assert self._has_begun.wait(PATIENCE), self.said

    def _listen(self):
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if "Ctrl-C ends it" in line:
                self._has_begun.set()
        self._has_begun.set()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        return code


@contextmanager
def sniffing(*words):
    one = Sniffing(*words)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(PATIENCE)
        one._listener.join(PATIENCE)
        one.process.stdout.close()
        one.process.stderr.close()


def heartbeats(port, count, compression=None):
    """A station's session; its texts and the answers."""
    said = []
    with connect(
        f"ws://127.0.0.1:{port}/ocpp/CP001", subprotocols=["ocpp1.6"], compression=compression
    ) as station:
        for n in range(count):
            said.append(CALL.replace("1", str(n), 1))
            station.send(said[-1])
            said.append(station.recv(timeout=PATIENCE))
    return said


def wait_for(condition):
    last = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.01)


def so_far(path):
    """The texts in a file that is being written."""
    try:
        return texts(read(path))
    except InputError:
        return []


@captures
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_real_peers_say_is_recorded_until_it_is_ended(tmp_path, csms, number):
    packets, store = tmp_path / "x.pcapng", tmp_path / "x.ocppdb"
    with sniffing("lo", "--port", csms, "-o", packets, "-o", store) as one:
        assert one.said[-1] == f"sniffing on lo, port {csms}; Ctrl-C ends it"
        expected = heartbeats(csms, 20) + heartbeats(csms, 20, "deflate")
        assert one.end(number) == 0
        assert one.process.stdout.read() == ""
    events = read(packets)
    assert texts(events) == texts(read(store)) == expected
    assert [event.session.station for event in opened(events)] == ["CP001"] * 2
    assert [event.session.late for event in opened(events)] == [False] * 2
    assert {event.how for event in events if isinstance(event, Closed)} == {"close"}
    reader = CaptureReader()
    count = len(reader.feed(packets.read_bytes()))
    assert [(one.name, one.ticks) for one in reader.interfaces] == [("lo", (1, 1))]
    assert f"{count:,} packets, 0 dropped by the kernel" in one.said
    assert any("80 messages" in line and "2 sessions" in line for line in one.said)
    assert one.said[-1] == (
        f"recorded in {packets}, {store}. Recordings hold passwords: only you can read them (0600)"
    )
    assert {path.stat().st_mode & 0o777 for path in (packets, store)} == {0o600}
    with Store(store) as kept:
        assert kept.is_complete


@captures
def test_a_killed_process_loses_no_more_than_the_last_second(tmp_path, csms):
    packets, store = tmp_path / "x.pcapng", tmp_path / "x.ocppdb"
    with (
        sniffing("lo", "--port", csms, "-o", packets, "-o", store) as one,
        connect(f"ws://127.0.0.1:{csms}/ocpp/CP001", subprotocols=["ocpp1.6"]) as station,
    ):
        station.send(CALL)
        said = [CALL, station.recv(timeout=PATIENCE)]
        began = time.monotonic()
        wait_for(lambda: so_far(packets) == said and so_far(store) == said)
        assert time.monotonic() - began < PATIENCE / 4
        assert one.end(signal.SIGKILL) == -signal.SIGKILL
    for path in packets, store:
        events = read(path)
        assert texts(events) == said
        assert not [event for event in events if isinstance(event, Notice)]


@captures
def test_packets_of_other_ports_are_left_out_and_what_was_found_instead_is_said(tmp_path, csms):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with sniffing("lo", "--port", port, "-o", tmp_path / "x.pcapng", "--quiet") as one:
            heartbeats(csms, 3)
            with socket.create_connection(("127.0.0.1", port)) as client:
                server, _ = other.accept()
                with server:
                    client.sendall(b"SSH-2.0-x\r\n")
                    assert server.recv(100)
                    assert one.end() == 0
    assert texts(read(tmp_path / "x.pcapng")) == []
    assert one.said[-1].startswith("no OCPP was among them. Found instead: 1 × TCP connection")


@captures
def test_files_rotate(tmp_path, csms):
    path = tmp_path / "a b.c.pcapng"
    with sniffing("lo", "--port", csms, "-o", path, "--rotate", "4000", "--keep", "2") as one:
        expected = []
        for n in range(4):
            expected += heartbeats(csms, 20)
            wait_for(lambda n=n: (tmp_path / f"a b.c-{n + 2:04}.pcapng").exists())
        assert one.end() == 0
    left = sorted(tmp_path.iterdir())
    assert len(left) == 2
    assert all(texts(read(file)) == expected[:40] for file in left[:1])
    assert all(file.name.startswith("a b.c-000") for file in left)


def test_an_interface_that_is_not_there(tmp_path):
    result = run("sniff", "nonesuch0", "-o", tmp_path / "x.pcapng")
    assert result.exit_code == 1
    assert "there is no interface nonesuch0" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none(port):
    assert run("sniff", "lo", "--port", port).exit_code == 2


@pytest.mark.skipif(not os.path.exists("/sys/class/net/lo"), reason="loopback has another name")  # noqa: PTH110
def test_interfaces_are_listed():
    result = run("sniff", "--list")
    assert result.exit_code == 0
    (lo,) = [line for line in result.stdout.splitlines() if line.startswith("lo ")]
    assert "127.0.0.1" in lo
    assert " up " in lo
