"""How soon `view` shows something, how quickly it moves, and how much memory it takes.

Usage: python bench/view.py CAPTURE [--store STORE] [--rows 200000] [--runs 3]

CAPTURE is best made by many stations talking over loopback; STORE is a large one (`ocppscope convert`). The
program runs in a pseudo-terminal of 80 columns and 24 lines, and is timed from outside: from a key to the
moment when the terminal shows what the key asks for. Textual's own table gets as many rows as --rows says, in
this process. The peer of loading is `check` of the same capture.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

PROGRAM = [sys.executable, "-m", "ocppscope"]
PAGE_DOWN, TO_END, TO_START, ENTER = b"\x1b[6~", b"G", b"g", b"\r"
PATIENCE = 120.0


class Terminal:
    """A program in a pseudo-terminal; what it wrote since the last look."""

    def __init__(self, *words: str) -> None:
        self.begin = time.perf_counter()
        self.pid, self.file = pty.fork()
        if not self.pid:
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
            os.execv(PROGRAM[0], [*PROGRAM, *words])
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.peak = 0.0

    def until(self, pattern: bytes) -> float:
        """Seconds since the last key, or the start, until the program has written this."""
        while not re.search(pattern, self.seen):
            ready, _, _ = select.select([self.file], [], [], 0.02)
            if ready:
                self.seen += os.read(self.file, 1 << 16)
            self.peak = max(self.peak, self._memory())
            if time.perf_counter() - self.begin > PATIENCE:
                sys.exit(f"{pattern!r} never came; the last that did: {self.seen[-2000:]!r}")
        return time.perf_counter() - self.begin

    def press(self, keys: bytes) -> None:
        self.seen = b""
        self.begin = time.perf_counter()
        os.write(self.file, keys)

    def _memory(self) -> float:
        """MiB of the program and of the processes that it started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        total = 0
        for process in (str(self.pid), *children):
            try:
                total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            except (OSError, IndexError):  # it has ended
                continue
        return total * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        while True:  # a terminal that nobody reads would keep the program from ending
            try:
                if not os.read(self.file, 1 << 16):
                    break
            except OSError:
                break
        os.close(self.file)
        os.waitpid(self.pid, 0)


def seconds_of(*words: str) -> float:
    begin = time.perf_counter()
    subprocess.run([*PROGRAM, *words], stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin


def loading(capture: Path, runs: int) -> None:
    """From the start of the program to rows, and to all of them."""
    first, whole, check, memory = [], [], [], 0.0
    for _ in range(runs):
        check.append(seconds_of("check", str(capture)))
        terminal = Terminal("view", str(capture))
        first.append(terminal.until(rb"CP\d+"))
        whole.append(terminal.until(rb"  [\d,]+ events"))
        memory = max(memory, terminal.peak)
        terminal.close()
    print(f"first rows      {min(first):6.2f} s")
    print(
        f"all loaded      {min(whole):6.2f} s   {min(whole) / min(check):.2f} times `check` ({min(check):.2f} s)"
    )
    print(f"memory          {memory:6.0f} MiB, the browser and its loader together")


def moving(store: Path, pages: int = 200) -> None:
    """From a key to what it asks for, in a store."""
    terminal = Terminal("view", str(store))
    print(f"opens           {terminal.until(rb'CP'):6.2f} s")
    terminal.press(ENTER)
    terminal.until(rb"1 of [\d,]+")
    took = []
    for page in range(1, pages + 1):
        terminal.press(PAGE_DOWN)
        took.append(1000 * terminal.until(rb"of [\d,]+"))
        time.sleep(0.01 + page % 7 / 200)  # as no user would: out of step with the screen's own rhythm
    print(f"page down       {statistics.median(took):6.1f} ms, 99th percentile {at_99(took):.1f} ms")
    took = []
    for page in range(pages):
        terminal.press(TO_START if page % 2 else TO_END)
        took.append(1000 * terminal.until(rb"of [\d,]+"))
        time.sleep(0.01 + page % 7 / 200)
    print(f"end, start      {statistics.median(took):6.1f} ms, 99th percentile {at_99(took):.1f} ms")
    terminal.press(b"/action == StopTransaction\r")
    terminal.until(rb"of [\d,]+")
    took_all = terminal.begin, terminal.until(rb"of [\d,]+  .{1,4} filter: action")
    print(f"filter          {took_all[1]:6.2f} s, by action")
    print(f"memory          {terminal.peak:6.0f} MiB")
    terminal.close()


def at_99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def table(store: Path, rows: int) -> None:
    """The same rows in Textual's own table."""
    from textual.app import App
    from textual.widgets import DataTable

    from ocppscope.ocpp.wording import clock, what
    from ocppscope.store import Store

    with Store(store) as opened:
        stored = opened.events(range(1, rows + 1))
    cells = [
        (str(row.n), clock(row.event.time), str(row.event.session.station), what(row.event)) for row in stored
    ]

    async def measure() -> None:
        app: App[None] = App()
        async with app.run_test(size=(80, 24)) as pilot:
            widget: DataTable[str] = DataTable()
            await app.mount(widget)
            widget.add_columns("n", "time", "station", "what")
            begin = time.perf_counter()
            widget.add_rows(cells)
            await pilot.pause()
            loaded = time.perf_counter() - begin
            begin = time.perf_counter()
            widget.add_row(*cells[0])
            await pilot.pause()
            one_more = time.perf_counter() - begin
            print(f"DataTable       {loaded:6.2f} s for {len(cells):,} rows, {one_more:.2f} s for one more")

    asyncio.run(measure())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("capture", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    loading(args.capture, args.runs)
    if args.store:
        moving(args.store)
        table(args.store, args.rows)


if __name__ == "__main__":
    main()
