"""Logs from end to end: played against a real station and CSMS of the `ocpp` package, and on a screen."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from tests.capture.proxied import HOST
from tests.end_to_end.terminal import Terminal

PROGRAM = [sys.executable, "-m", "ocppscope"]
NOW = "2025-01-02T03:04:05Z"
TALK = (
    ("receive message", '[2,"1","BootNotification",{"chargePointModel":"M","chargePointVendor":"V"}]'),
    ("send", f'[3,"1",{{"currentTime":"{NOW}","interval":300,"status":"Accepted"}}]'),
    ("send", '[2,"t","TriggerMessage",{"requestedMessage":"Heartbeat"}]'),
    ("receive message", '[3,"t",{"status":"Accepted"}]'),
    (
        "receive message",
        '[2,"2","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]',
    ),
    ("send", '[3,"2",{}]'),
)
DATED = "".join(
    f"2025-01-02 03:04:{second:02} INFO (MainThread) [ocpp] CP_1: {words} {text}\n"
    for second, (words, text) in enumerate(TALK)
)
TIMELESS = "".join(f"INFO:ocpp:CP_1: {words} {text}\n" for words, text in TALK)


class Station(ChargePoint):
    @on("TriggerMessage")
    def trigger(self, **_):
        return call_result.TriggerMessage("Accepted")


class Csms(ChargePoint):
    @on("BootNotification")
    def boot(self, **_):
        return call_result.BootNotification(NOW, 300, "Accepted")

    @on("StatusNotification")
    def status(self, **_):
        return call_result.StatusNotification()


async def spoken(peer):
    """Let a peer talk until the other side hangs up."""
    with suppress(Exception):
        await peer.start()


def replaying(log, *words):
    return subprocess.Popen(
        [*PROGRAM, "replay", log, *words, "--wait", "5s", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def verdict_of(process):
    out, err = process.communicate(timeout=60)
    verdict = json.loads(out.splitlines()[-1])
    assert "Traceback" not in err
    return process.returncode, verdict["verdict"], err


@pytest.fixture(params=[DATED, TIMELESS], ids=["dated", "timeless"])
def log(request, tmp_path):
    path = tmp_path / "a.log"
    path.write_text(request.param)
    return path


def test_the_csms_of_a_log_is_played_to_a_real_station(log):
    process = replaying(log, "--as", "csms", "--listen", f"{HOST}:0")
    port = next(int(line.rpartition("port ")[2]) for line in process.stderr if "port " in line)

    async def station():
        async with connect(f"ws://{HOST}:{port}/CP_1", subprotocols=["ocpp1.6"]) as socket:
            peer = Station("CP_1", socket)
            talk = asyncio.create_task(spoken(peer))
            await peer.call(call.BootNotification("M", "V"))
            await asyncio.sleep(0.2)
            await peer.call(call.StatusNotification(1, "NoError", "Available"))
            await talk

    asyncio.run(asyncio.wait_for(station(), 60))
    assert verdict_of(process)[:2] == (0, "same")


def test_the_station_of_a_log_is_played_to_a_real_csms(log):
    async def csms():
        peer = Csms("CP_1", None)

        async def session(socket):
            peer._connection = socket
            asking = asyncio.get_running_loop().call_later(
                0.2, lambda: asyncio.ensure_future(peer.call(call.TriggerMessage("Heartbeat")))
            )
            await spoken(peer)
            asking.cancel()

        async with serve(session, HOST, 0, subprotocols=["ocpp1.6"]) as server:
            port = server.sockets[0].getsockname()[1]
            process = replaying(log, "--as", "station", "--to", f"ws://{HOST}:{port}")
            return await asyncio.to_thread(verdict_of, process)

    assert asyncio.run(asyncio.wait_for(csms(), 60))[:2] == (0, "same")


def test_a_log_on_a_screen(log):
    with Terminal("view", log) as terminal:
        terminal.until("CP_1")
        terminal.press("2")
        terminal.until("TriggerMessage")
        terminal.press("4")
        terminal.until("CAP-006")
        terminal.press("q")
        terminal.press("q")
        terminal.press("q")
        assert terminal.ends() == 0
