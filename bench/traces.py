"""How fast `check` reads Open OCPP Trace, with all rules on; and beside ocpp-debugkit on the same events.

Usage: python bench/traces.py [--records 500000] [--runs 3] [--debugkit FOLDER]

The traffic is made: stations that boot, report, charge and send meter values, their clocks right. It is written as
other programs write it, as our own `convert` does, and as one JSON array; then `check` reads each, in a process of
its own. What reading takes of that is measured in this process.

--debugkit names a folder in which `npm install @ocpp-debugkit/toolkit` was run. That reads at most 10,000 events:
both are given 9,900, and what is compared is the work in the process, without the start of either.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.times import SECOND
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.sources.traces.words import stamp

START = 1_767_225_600 * SECOND
STATIONS = 50
NODE = """
import { readFileSync } from 'node:fs';
import * as kit from '@ocpp-debugkit/toolkit/core';
const text = readFileSync(process.argv[2], 'utf8');
const times = [];
for (let run = 0; run < 7; run++) {
  const begin = performance.now();
  const { events } = kit.parseTrace(text);
  const sessions = kit.buildSessionTimeline(events);
  kit.detectFailures(events, sessions);
  times.push((performance.now() - begin) / 1000);
}
console.log(JSON.stringify({ best: Math.min(...times) }));
"""


def exchange(n: int, now: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The n-th Call of a station, and its answer."""
    told = stamp(now)
    kind = n % 12
    if n == 0:
        call = {"chargePointVendor": "Bench", "chargePointModel": "B-1", "firmwareVersion": "1.0"}
        return "BootNotification", call, {"status": "Accepted", "currentTime": told, "interval": 300}
    if kind == 1:
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": told}
        return "StatusNotification", status, {}
    if kind == 2:
        start = {"connectorId": 1, "idTag": "04A1B2C3D4E5F6", "meterStart": n * 10, "timestamp": told}
        return "StartTransaction", start, {"transactionId": n // 12 + 1, "idTagInfo": {"status": "Accepted"}}
    if kind == 11:
        stop = {"transactionId": n // 12 + 1, "meterStop": n * 10, "timestamp": told, "reason": "Local"}
        return "StopTransaction", stop, {"idTagInfo": {"status": "Accepted"}}
    if kind % 4 == 0:
        return "Heartbeat", {}, {"currentTime": told}
    sampled = [
        {"value": str(n * 10), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "7360.0", "measurand": "Power.Active.Import", "unit": "W"},
    ]
    values = {
        "connectorId": 1,
        "transactionId": n // 12 + 1,
        "meterValue": [{"timestamp": told, "sampledValue": sampled}],
    }
    return "MeterValues", values, {}


def records(count: int, stations: int = STATIONS) -> Iterator[dict[str, Any]]:
    """Records as most programs write them."""
    for number in range(count // 2):
        station, n = number % stations, number // stations
        now = START + n * 60 * SECOND + station * SECOND // stations
        action, payload, answer = exchange(n, now)
        message_id = f"{station:04x}-{n:08x}-4c5d-8f00-000000000000"
        for at, kind, value in ((now, "CALL", payload), (now + 50_000_000, "CALLRESULT", answer)):
            frame = [2, message_id, action, value] if kind == "CALL" else [3, message_id, value]
            yield {
                "schemaVersion": "1.1",
                "timestamp": stamp(at),
                "ocppVersion": "1.6",
                "transport": "json",
                "chargePointId": f"BENCH-{station:04}",
                "direction": "cp-to-csms" if kind == "CALL" else "csms-to-cp",
                "messageType": kind,
                "messageId": message_id,
                **({"action": action} if kind == "CALL" else {}),
                "payload": value,
                "raw": orjson.dumps(frame).decode(),
            }


def check(path: Path) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of `check` in a process of its own."""
    command = [sys.executable, "-m", "ocppscope", "check", "--fail-on", "never", str(path)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def in_process(path: Path, *, only_read: bool = False) -> float:
    """Seconds for reading a trace, and for judging it too."""
    decoder, engine = Decoder(), Engine()
    begin = time.perf_counter()
    for batch in open_source([str(path)], SourceOptions()).batches():
        if not only_read:
            engine.feed(decoder.feed(batch))
    return time.perf_counter() - begin


def beside_debugkit(folder: Path, kit: Path, runs: int) -> None:
    path = folder / "9900.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records(9_900, 1)))
    script = kit / "ocppscope-bench.mjs"
    script.write_text(NODE)
    try:
        done = subprocess.run(
            ["node", script.name, str(path)], cwd=kit, capture_output=True, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        print(f"ocpp-debugkit could not be run: {error.stderr[-300:]}")
        return
    finally:
        script.unlink()
    theirs = json.loads(done.stdout)["best"]
    ours = min(in_process(path) for _ in range(max(runs, 5)))
    print(f"9,900 events: ocpp-debugkit {9_900 / theirs:10,.0f} a second")
    print(f"              ocppscope     {9_900 / ours:10,.0f} a second   {theirs / ours:.1f} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--debugkit", type=Path)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="ocppscope-") as name:
        folder = Path(name)
        lines, own, array = folder / "lines.jsonl", folder / "own.trace.jsonl", folder / "array.json"
        with lines.open("wb") as file, array.open("wb") as other:
            other.write(b"[")
            for number, record in enumerate(records(args.records)):
                line = orjson.dumps(record)
                file.write(line + b"\n")
                other.write(b",\n" + line if number else line)
            other.write(b"]")
        subprocess.run(
            [sys.executable, "-m", "ocppscope", "convert", str(lines), str(own)],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        for title, path in (("JSON lines", lines), ("our own trace", own), ("JSON array", array)):
            results = [check(path) for _ in range(args.runs)]
            seconds, memory = min(results)[0], max(memory for _, memory in results)
            reading = min(in_process(path, only_read=True) for _ in range(args.runs))
            print(
                f"{title:14} {args.records / seconds:8,.0f} records a second into check, "
                f"{path.stat().st_size / seconds / 1e6:5.1f} MB/s, peak {memory:.0f} MiB; "
                f"reading alone {reading / args.records * 1e6:.2f} µs a record"
            )
        if args.debugkit:
            beside_debugkit(folder, args.debugkit, args.runs)


if __name__ == "__main__":
    main()
