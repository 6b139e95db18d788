"""How fast messages are found in a log, of which they are a fifth.

Usage: python bench/logs.py [--size MB] [--runs 5] [FILE]

Without FILE a log in the manner of Home Assistant is made in memory. Three figures, of the fastest run
each, in processor time: the scanner alone; the whole source, with times, directions and sessions; and, to
compare, Python's own splitting into lines with one search in each.
"""

from __future__ import annotations

import argparse
import gc
import re
import time
from collections.abc import Callable
from pathlib import Path

from ocppscope.events import Text
from ocppscope.sources.text.capture import TextCapture
from ocppscope.sources.text.scanner import Found, Scanner

BLOCK = 1 << 15


class InMemory:
    """Stands for `sources.blocks.Blocks`."""

    title = name = "bench.log"

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.read = data, len(data), 0
        self.head = data[:BLOCK]

    def __iter__(self):
        for at in range(0, self.size, BLOCK):
            self.read = at
            yield self.data[at : at + BLOCK]

    def close(self) -> None:
        pass


def a_log(size: int) -> bytes:
    lines, total, n = [], 0, 0
    while total < size:
        n += 1
        clock = f"2025-12-23 {n // 36000 % 24:02}:{n // 600 % 60:02}:{n // 10 % 60:02}.{n * 100 % 1000:03}"
        if n % 5 == 0:
            head = f"{clock} INFO (MainThread) [ocpp] CP{n % 7}: "
            values = ",".join(
                f'{{"value":"{n % 1000}.{m}","measurand":"{name}","unit":"A","phase":"L{m}"}}'
                for m in (1, 2, 3)
                for name in ("Current.Import", "Voltage")[: 1 + n % 2]
            )
            line = f'{head}receive message [2,"{n}","MeterValues",{{"connectorId":1,"meterValue":'
            line += f'[{{"sampledValue":[{values}]}}]}}]'
        else:
            line = (
                f"{clock} WARNING (SyncWorker_{n % 9}) [homeassistant.components.sensor] Entity sensor.power_{n % 50} "
                f"[state {n}] was updated by a template that took too long: {{'value': {n}, 'list': [1, 2, 3]}}; see "
                "the documentation for what may be done, and what not; this is repeated now and then"
            )
        lines.append(line)
        total += len(line) + 1
    return "\n".join(lines).encode() + b"\n"


def best(run: Callable[[], int], runs: int) -> tuple[float, int]:
    times, count = [], 0
    for _ in range(runs):
        begin = time.process_time()
        count = run()
        times.append(time.process_time() - begin)
    return min(times), count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--size", type=int, default=40)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    data = args.file.read_bytes() if args.file else a_log(args.size * 1_000_000)
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]

    def scanned() -> int:
        scanner = Scanner()
        count = sum(type(one) is Found for block in blocks for one in scanner.feed(block))
        return count + sum(type(one) is Found for one in scanner.close())

    def sourced() -> int:
        source = TextCapture([InMemory(data)])
        return sum(type(event) is Text for batch in source.batches() for event in batch)

    def lines() -> int:
        search = re.compile(rb'\[[2-6],"').search
        return sum(search(line) is not None for line in data.split(b"\n"))

    gc.set_threshold(50_000, 50, 100)  # as the command line has it
    size = len(data) / 1e6
    for name, run in (("scanner", scanned), ("source", sourced), ("line by line", lines)):
        seconds, count = best(run, args.runs)
        print(f"{name:<13} {size / seconds:6.0f} MB/s   {count:,} messages in {size:.0f} MB")


if __name__ == "__main__":
    main()
