"""How fast `check` is beside tshark's WebSocket dissection of the same file, and how much memory it takes.

Usage: python bench/check.py CAPTURE [--port 9000] [--larger CAPTURE] [--runs 5]

Both run in turn, several times; the ratio is that of their fastest runs, because machines are noisy. Then it
says which share of check's time rules take, by module, and which five are the dearest.
CAPTURE is best made by many stations talking over loopback; --larger is one with more of the same, to show
that memory does not grow with the length of a capture. Needs tshark.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.rules.registry import LEARNERS, RULES, Gate, Trigger
from ocppscope.sources import SourceOptions, open_source

DEAREST = 5


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


def judged(capture: Path) -> tuple[int, int, int]:
    """Nanoseconds that `check` takes in this process, those of them within the engine, and how many messages."""
    decoder, engine, clock = Decoder(), Engine(), time.process_time_ns
    messages, within, begin = 0, 0, clock()
    for batch in open_source([str(capture)], SourceOptions()).batches():
        events = decoder.feed(batch)
        messages += len(events)
        before = clock()
        engine.feed(events)
        within += clock() - before
    return clock() - begin, within, messages


def _gates() -> set[Gate]:
    """All that rules and learners wait behind."""
    triggers = [
        *(trigger for one in RULES.values() for trigger in one.triggers),
        *(one for one, _ in LEARNERS),
    ]
    return {gate for trigger in triggers for gate in trigger.gates}


@contextmanager
def timed(spent: Counter[tuple[str, str]]) -> Iterator[None]:
    """Have all rules, learners and gates add up their nanoseconds, by module and by rule or name."""
    clock = time.process_time_ns  # others may use the processors meanwhile

    def wrapped(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        key = function.__module__.rpartition(".")[2], name

        def run(*args: Any) -> Any:
            begin = clock()
            found = function(*args)
            spent[key] += clock() - begin - overhead
            return found

        return run

    overhead = statistics.median_low(-clock() + clock() for _ in range(10_000))
    known, learners = dict(RULES), list(LEARNERS)
    asked = {gate: wrapped(gate, f"gate {gate.__name__.lstrip('_')}") for gate in _gates()}

    def behind(trigger: Trigger) -> Trigger:
        return replace(trigger, gates=tuple(asked[gate] for gate in trigger.gates))

    for rule_id, one in known.items():
        check = wrapped(one.check, rule_id) if one.check else None
        RULES[rule_id] = replace(one, check=check, triggers=tuple(map(behind, one.triggers)))
    LEARNERS[:] = [
        (behind(trigger), asked.get(learner) or wrapped(learner, learner.__name__))
        for trigger, learner in learners
    ]
    try:
        yield
    finally:
        RULES.update(known)
        LEARNERS[:] = learners


def shares(capture: Path, runs: int) -> None:
    """Print what rules take of the time of `check`, without its start."""
    whole, within, messages = min(judged(capture) for _ in range(runs))
    found: list[Counter[tuple[str, str]]] = [Counter() for _ in range(runs)]
    for one in found:
        with timed(one):
            judged(capture)
    spent = Counter({key: min(one[key] for one in found) for key in found[0]})
    modules: Counter[str] = Counter()
    for (module, _), nanoseconds in spent.items():
        modules[module] += nanoseconds

    def told(nanoseconds: int) -> str:
        return f"{100 * nanoseconds / whole:5.1f} %  {nanoseconds / messages / 1000:6.3f} µs a message"

    print(f"\nof check's time, {whole / messages / 1000:.2f} µs a message, without its start:")
    print(f"  {'the engine and its rules':30}{told(within)}")
    print(f"  {'rules':30}{told(modules.total())}")
    for module, nanoseconds in modules.most_common():
        print(f"    {module:28}{told(nanoseconds)}")
    print("the dearest:")
    for (module, name), nanoseconds in spent.most_common(DEAREST):
        print(f"  {f'{name} ({module})':30}{told(nanoseconds)}")


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
    shares(args.capture, args.runs)


if __name__ == "__main__":
    main()
