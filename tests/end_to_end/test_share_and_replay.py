"""What `share` hands out is played against peers of the `ocpp` package, by the command that it prints."""

import asyncio
import contextlib
import json
import shlex
import subprocess
import sys
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from captures.peers import Csms16, Csms21, Csms201, Station16
from tests.cli import run
from tests.end_to_end.test_captures import FOLDER

HOST = "127.0.0.1"
PEERS = {"ocpp1.6": Csms16, "ocpp2.0.1": Csms201, "ocpp2.1": Csms21}
QUICK = ["--pace", "asap", "--wait", "1s", "--json"]
LIMIT = 60
WHO = {"parentIdTag", "groupIdToken", "idToken", "idTag", "additionalIdToken"}
"""Answers in which the peer says what it calls somebody: a pseudonym is somebody else."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Csms:
    """A CSMS of the package `ocpp`, in a thread."""

    def __init__(self):
        self.port = 0
        self.paths = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)
        self._thread.start()
        self._ready.wait(LIMIT)

    async def _serve(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._handle, HOST, 0, subprotocols=list(PEERS)) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._end.wait()

    async def _handle(self, socket):
        self.paths.append(socket.request.path)
        with contextlib.suppress(ConnectionClosed):
            await PEERS[socket.subprotocol](socket.request.path, socket).start()

    def close(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(LIMIT)


@pytest.fixture
def csms():
    peer = Csms()
    yield peer
    peer.close()


def process(words):
    """Words of a command as they would be pasted, run with this Python's ocppscope."""
    assert words[0] == "ocppscope"
    return [sys.executable, "-m", *words]


def shared(capture, out):
    """The commands of the Markdown text, as words."""
    result = run("share", FOLDER / capture, "-o", out)
    assert result.exit_code == 0, result.stderr
    block = result.stdout.split("```")[1]
    return [shlex.split(line) for line in block.strip().splitlines()]


def played(words):
    done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=LIMIT, check=False)
    *steps, verdict = map(json.loads, done.stdout.splitlines())
    assert verdict["verdict"] in ("same", "diverged", "incomplete"), done.stderr
    return steps, verdict


def outcomes(steps):
    """How each step went, but for who somebody is."""
    for one in steps:
        rest = [more for more in one["differences"] if WHO.isdisjoint(more["pointer"].split("/"))]
        is_equal = one["equal"] or (one["outcome"] == "diverged" and not rest)
        yield one["step"], one["action"], "equal" if is_equal else one["outcome"]


@pytest.mark.parametrize(
    "name",
    ["clean-1.6.pcap", "clean-2.0.1-deflate.pcap", "send-2.1.pcap", "tls-1.3.pcapng", "rogue-station.pcap"],
)
def test_the_commands_that_share_prints(folder, csms, name):
    extension = {"send-2.1.pcap": ".pcapng", "tls-1.3.pcapng": ".ocppdb"}.get(name, ".trace.jsonl.gz")
    check, replay = shared(name, f"it's shared{extension}")
    done = subprocess.run(process(check), capture_output=True, encoding="utf-8", timeout=LIMIT, check=False)
    assert done.returncode == run("check", FOLDER / name).exit_code, done.stderr
    replay = [word.replace("localhost:9000", f"{HOST}:{csms.port}") for word in replay]
    steps, _ = played([*process(replay), *QUICK])
    assert {path.rpartition("/")[0] for path in csms.paths} == {"/ocpp"}
    original = ["ocppscope", "replay", str(FOLDER / name), *replay[3:]]
    before, _ = played([*process(original), *QUICK])
    assert list(outcomes(steps)) == list(outcomes(before))
    told, known = csms.paths
    assert len(told) == len(known)
    assert told != known


def test_a_station_plays_with_what_was_shared(folder):
    shared("clean-1.6.pcap", "out.trace.jsonl.gz")
    words = ["ocppscope", "replay", "out.trace.jsonl.gz", "--as", "csms", "--listen", f"{HOST}:0", *QUICK]
    played_csms = subprocess.Popen(process(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        port = int(played_csms.stderr.readline().rpartition("port ")[2])
        asyncio.run(asyncio.wait_for(_charge(port), LIMIT))
        out, err = played_csms.communicate(timeout=LIMIT)
    finally:
        played_csms.kill()
    *steps, verdict = map(json.loads, out.splitlines())
    assert verdict["verdict"] in ("diverged", "incomplete"), err  # our station does not all that was recorded
    done = {one["action"]: one for one in steps if one["outcome"] != "missing"}
    assert {"BootNotification", "StatusNotification", "GetConfiguration", "ChangeConfiguration"} <= set(done)
    assert done["ChangeConfiguration"]["equal"]


async def _charge(port):
    async with connect(f"ws://{HOST}:{port}/ocpp/OUR-BOX", subprotocols=["ocpp1.6"]) as socket:
        station = Station16("OUR-BOX", socket)
        listening = asyncio.create_task(station.start())
        await station.boot()
        await station.status("Available", 0)
        await station.status("Available", 1)
        await asyncio.sleep(1)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
