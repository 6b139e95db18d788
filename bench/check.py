"""How fast `check` is beside tshark's WebSocket dissection of the same file, and how much memory it takes.

Usage: python bench/check.py CAPTURE [--port 9000] [--larger CAPTURE] [--runs 5]

Both run in turn, several times; the ratio is that of their fastest runs, because machines are noisy.
CAPTURE is best made by many stations talking over loopback; --larger is one with more of the same, to show
that memory does not grow with the length of a capture. Needs tshark.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a command."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("capture", type=Path)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--larger", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    check = [sys.executable, "-m", "ocppscope", "check"]
    tshark = ["tshark", "-r", str(args.capture), "-d", f"tcp.port=={args.port},http", "-Y", "websocket"]
    tshark += ["-T", "fields", "-e", "frame.number", "-e", "websocket.payload.text"]
    ours, theirs, memory = [], [], 0.0
    for _ in range(args.runs):
        seconds, memory = run([*check, str(args.capture)])
        ours.append(seconds)
        theirs.append(run(tshark)[0])
    print(f"tshark  {min(theirs):6.2f} s")
    print(f"check   {min(ours):6.2f} s   {min(theirs) / min(ours):.2f} times as fast   peak {memory:.0f} MiB")
    if args.larger:
        seconds, larger = run([*check, str(args.larger)])
        size = args.larger.stat().st_size / args.capture.stat().st_size
        growth = larger / memory
        print(
            f"a capture {size:.1f} times as large: {seconds:.2f} s, peak {larger:.0f} MiB ({growth:.3f} times)"
        )


if __name__ == "__main__":
    main()
