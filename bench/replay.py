"""How fast and how punctual `replay` is, against a CSMS of `websockets` in a process of its own.

Usage: python bench/replay.py [--messages 4000] [--runs 5] [--clones 1000] [--seconds 20]

Three questions, each with its goal:
  asap      messages a second at `--pace asap`, beside a bare loop of `websockets` that sends the same texts and
            waits for each answer; both in turn, the ratio is that of their fastest runs (at least 0.60)
  recorded  how far from its recorded gap each message reaches the CSMS (99 % within 5 ms)
  clones    the same, for many stations at once out of one process, with the CPU time that they take
The CSMS does the timing: it notes when each Call comes, and when its answer has gone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import orjson
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from ocppscope.capture.limits import raise_open_files
from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Opened, Session, Text
from ocppscope.ocpp.decoder import Decoder
from ocppscope.replay.pace import Pace, parse_pace
from ocppscope.replay.performing import Performance, Wishes, play_clones, play_station
from ocppscope.replay.reading import Selection, script_of
from ocppscope.replay.script import Script
from ocppscope.replay.sockets import Manners

HOST = "127.0.0.1"
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
ANSWER_TIME = 1_000_000
WITHIN = 0.005
TOKEN = "04A1B2C3D4E5F6"

ANSWERS = {
    "BootNotification": {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300},
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "StartTransaction": {"transactionId": 4711, "idTagInfo": {"status": "Accepted"}},
    "StopTransaction": {"idTagInfo": {"status": "Accepted"}},
    "StatusNotification": {},
    "MeterValues": {},
}


# --- the capture ---


def calls(count: int) -> Iterator[tuple[str, dict[str, object]]]:
    """What a station of OCPP 1.6 says, transaction by transaction."""
    stamp = "2023-11-14T22:13:20.000Z"

    def status(value: str) -> tuple[str, dict[str, object]]:
        return "StatusNotification", {
            "connectorId": 1, "errorCode": "NoError", "status": value, "timestamp": stamp,
        }  # fmt: skip

    samples = [
        {
            "value": "482310",
            "context": "Sample.Periodic",
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
        },
        {"value": "11040.0", "context": "Sample.Periodic", "measurand": "Power.Active.Import", "unit": "W"},
        *(
            {
                "value": "15.8",
                "context": "Sample.Periodic",
                "measurand": "Current.Import",
                "unit": "A",
                "phase": one,
            }
            for one in ("L1", "L2", "L3")
        ),
    ]
    values = {
        "connectorId": 1,
        "transactionId": 4711,
        "meterValue": [{"timestamp": stamp, "sampledValue": samples}],
    }
    visit: list[tuple[str, dict[str, object]]] = [
        status("Preparing"),
        ("Authorize", {"idTag": TOKEN}),
        ("StartTransaction", {"connectorId": 1, "idTag": TOKEN, "meterStart": 1, "timestamp": stamp}),
        status("Charging"),
        *[("MeterValues", values)] * 12,
        ("StopTransaction", {"transactionId": 4711, "meterStop": 2, "timestamp": stamp, "reason": "Local"}),
        status("Finishing"),
        status("Available"),
    ]
    yield "BootNotification", {"chargePointVendor": "Example", "chargePointModel": "Bench"}
    for at in range(count - 1):
        yield visit[at % len(visit)]


def capture(count: int, gap: int) -> tuple[Script, list[str]]:
    """A script with so many Calls, and their texts; `gap` nanoseconds lie between an answer and the next Call."""
    session = Session(1, client="192.0.2.1:50000", server="192.0.2.2:9000", station="BENCH", version="1.6")
    wire: list[Opened | Text | Closed] = [Opened(session, START, "/ocpp/BENCH", ("ocpp1.6",), "ocpp1.6", 101)]
    texts, now = [], START
    for number, (action, payload) in enumerate(calls(count)):
        now += gap
        texts.append(json.dumps([2, str(number), action, payload], separators=(",", ":")))
        wire.append(Text(session, now, FROM_STATION, texts[-1]))
        now += ANSWER_TIME
        answer = json.dumps([3, str(number), ANSWERS[action]], separators=(",", ":"))
        wire.append(Text(session, now, FROM_CSMS, answer))
    wire.append(Closed(session, now + gap, "station", "close", 1000))
    return script_of(Decoder().feed(wire), "station", Selection()), texts


# --- the CSMS, in a process of its own ---


async def csms() -> None:
    """Answer Calls; print how far each one, but the first, came from `gap` after the answer to the one before."""
    raise_open_files()
    off: list[float] = []
    gap = 0.0

    async def receive(socket: ServerConnection) -> None:
        last = None
        async for text in socket:
            now = time.perf_counter()
            _, message_id, action, _ = orjson.loads(text)
            if last is not None and gap:
                off.append(now - last - gap)
            await socket.send(orjson.dumps([3, message_id, ANSWERS[action]]).decode())
            last = time.perf_counter()

    options = {"subprotocols": ["ocpp1.6"], "compression": None, "ping_interval": None, "max_queue": None}
    async with serve(receive, HOST, 0, backlog=1024, **options) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
        )
        while line := await commands.readline():
            print(json.dumps(off), flush=True)
            off.clear()
            gap = float(line)


class Csms:
    """The process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--csms"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = f"ws://{HOST}:{int(self._say())}/ocpp"

    def timed(self, gap: float) -> list[float]:
        """What was noted so far; from now on gaps are to be so many seconds."""
        assert self._process.stdin
        self._process.stdin.write(f"{gap}\n")
        self._process.stdin.flush()
        noted: list[float] = json.loads(self._say())
        return noted

    def _say(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


# --- the questions ---


async def bare(url: str, texts: list[str]) -> float:
    """Seconds that a bare loop takes."""
    async with connect(
        f"{url}/BENCH",
        subprotocols=["ocpp1.6"],
        compression=None,
        ping_interval=None,
        max_queue=None,
        proxy=None,
    ) as socket:
        begin = time.perf_counter()
        for text in texts:
            await socket.send(text)
            await socket.recv()
        return time.perf_counter() - begin


async def ours(url: str, script: Script) -> float:
    """Seconds from the first comparison to the last."""
    times = []
    performance = await play_station(
        script, url, Wishes(parse_pace("asap")), lambda _: times.append(time.perf_counter())
    )
    expect_same([performance])
    return (times[-1] - times[0]) * len(times) / (len(times) - 1)


def expect_same(performances: list[Performance]) -> None:
    for one in performances:
        if one.tally.verdict != "same":
            sys.exit(f"{one.tally.verdict}: {one.tally.counts}, {one.notes[:3]}")


def asap(csms: Csms, messages: int, runs: int) -> None:
    script, texts = capture(messages, 1_000_000)
    theirs, replay = [], []
    for _ in range(runs):
        theirs.append(asyncio.run(bare(csms.url, texts)))
        replay.append(asyncio.run(ours(csms.url, script)))
    ratio = min(theirs) / min(replay)
    print(f"asap      bare loop {messages / min(theirs):8,.0f} Calls/s")
    print(
        f"          replay    {messages / min(replay):8,.0f} Calls/s   {ratio:.2f} of it (goal: at least 0.60)"
    )


def recorded(csms: Csms, seconds: float) -> None:
    gap = 0.02
    script, _ = capture(int(seconds / gap), int(gap * SECOND))
    csms.timed(gap)
    performance = asyncio.run(play_station(script, csms.url, Wishes(Pace())))
    expect_same([performance])
    print(f"recorded  one station, a Call every {gap * 1000:.0f} ms: {said(csms.timed(0))}")


def clones(csms: Csms, count: int, seconds: float) -> None:
    gap = 1.0
    script, _ = capture(int(seconds / gap), int(gap * SECOND))
    csms.timed(gap)
    wishes = [Wishes(Pace(), manners=Manners(identity=f"CP{n:05}")) for n in range(count)]
    begin, cpu = time.perf_counter(), time.process_time()
    performances = asyncio.run(play_clones(script, csms.url, wishes))
    took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    expect_same(performances)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"clones    {count:,} stations, a Call every {gap:.0f} s each: {said(csms.timed(0))}")
    print(f"          {took:.1f} s, {cpu / took:.0%} of a core, peak {peak:.0f} MiB")


def said(off: list[float]) -> str:
    """How punctual it was."""
    ordered = sorted(abs(one) for one in off)
    within = sum(one <= WITHIN for one in ordered) / len(ordered)
    parts = [f"p{part} {ordered[int(len(ordered) * part / 100)] * 1000:.2f} ms" for part in (50, 90, 99)]
    return (
        f"{within:.2%} within {WITHIN * 1000:.0f} ms; {', '.join(parts)}, at most {ordered[-1] * 1000:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clones", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--csms", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.csms:
        asyncio.run(csms())
        return
    raise_open_files()
    gc.freeze()  # as the command does
    gc.set_threshold(50_000, 50, 100)
    process = Csms()
    asap(process, args.messages, args.runs)
    recorded(process, args.seconds)
    clones(process, args.clones, args.seconds)
    process.end()
    busy, cores = os.getloadavg()[0], os.cpu_count()
    print(f"load average {busy:.1f} on {cores} cores: what else runs makes both sides late")


if __name__ == "__main__":
    main()
