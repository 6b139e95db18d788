"""`record --view`: the browser on what is being recorded, between real peers."""

import asyncio
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import serve
from websockets.sync.client import connect

from tests.end_to_end.terminal import PATIENCE, Terminal

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"Example","chargePointModel":"One"}]'
ACCEPTED = '[3,"1",{"status":"Accepted","currentTime":"2026-11-26T10:00:00Z","interval":300}]'


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@contextmanager
def csms():
    """A CSMS that accepts every boot. Yields its port."""

    async def answer(connection):
        async for _ in connection:
            await connection.send(ACCEPTED)

    async def run():
        nonlocal port, stop
        stop = asyncio.Event()
        loop.append(asyncio.get_running_loop())
        async with serve(answer, "127.0.0.1", 0, subprotocols=["ocpp1.6"], ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()

    port, stop, loop = 0, None, []
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    ready.wait(PATIENCE)
    try:
        yield port
    finally:
        loop[0].call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)


def station(port):
    """What connects to a recorder, as soon as that listens."""
    end = time.monotonic() + PATIENCE
    while not recorders(port) or not is_listening(port):
        assert time.monotonic() < end, "nobody listens"
    return connect(f"ws://127.0.0.1:{port}/ocpp/LIVE-1", subprotocols=["ocpp1.6"], ping_interval=None)


def is_listening(port):
    """As the kernel tells it: a connection made to find out would be recorded."""
    listening = f"0100007F:{port:04X} 00000000:0000 0A"
    return listening in Path("/proc/net/tcp").read_text()


def recorders(port):
    """The processes that record on a port."""
    found = subprocess.run(
        ["ps", "-eww", "-o", "pid,args"], capture_output=True, check=True, encoding="utf-8"
    ).stdout.splitlines()
    return [int(line.split()[0]) for line in found if f"127.0.0.1:{port} " in line and "--view" not in line]


def until_gone(port):
    end = time.monotonic() + PATIENCE
    while recorders(port):
        assert time.monotonic() < end, "the recording goes on without its browser"


pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="/proc/net/tcp tells who listens")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_the_browser_shows_what_is_recorded_and_ends_the_recording(folder):
    port = free_port()
    with csms() as upstream:
        words = ["record", "--listen", f"127.0.0.1:{port}", "--upstream", f"ws://127.0.0.1:{upstream}"]
        kept = folder / "kept.pcapng"
        with Terminal(*words, "-o", kept, "--view") as terminal:
            with station(port) as socket_:
                socket_.send(BOOT)
                assert socket_.recv(PATIENCE) == ACCEPTED
                terminal.until("LIVE-1")
                terminal.press("2")
                terminal.until("BootNotification")
            terminal.press("q")  # back to the sessions
            terminal.until("Security")
            terminal.press("q")
            assert terminal.ends() == 0
            shown = " ".join(terminal.shown.split())
        assert "1 station, 1 session, 2 messages" in shown
        assert "0600" in shown
        until_gone(port)
    assert kept.stat().st_size > 0
    assert not list(folder.glob("ocppscope-*"))  # the store was a temporary one


def test_a_browser_that_is_killed_takes_its_recording_with_it(folder):
    port = free_port()
    with csms() as upstream:
        words = ["record", "--listen", f"127.0.0.1:{port}", "--upstream", f"ws://127.0.0.1:{upstream}"]
        with Terminal(*words, "-o", folder / "kept.ocppdb", "--view") as terminal:
            with station(port):
                terminal.until("LIVE-1")
            assert recorders(port)
            os.kill(terminal.process.pid, signal.SIGKILL)
            terminal.ends()
        until_gone(port)
