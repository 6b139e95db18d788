"""How long the command takes to start, beside an empty Python.

Usage: python bench/startup.py [--runs 20]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time


def fastest(command: list[str], runs: int) -> float:
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    empty = fastest([sys.executable, "-c", "pass"], runs)
    help_text = fastest([sys.executable, "-m", "ocppscope", "--help"], runs)
    print(f"python -c pass     {empty * 1000:6.1f} ms")
    print(f"ocppscope --help   {help_text * 1000:6.1f} ms   {help_text / empty:.1f} times")


if __name__ == "__main__":
    main()
