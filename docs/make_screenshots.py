"""Make docs/*.svg: what a terminal shows of `ocppscope check` and of `ocppscope view`, on captures of this project.

Usage: python docs/make_screenshots.py [FOLDER]

FOLDER is where to write them, instead of docs/.
"""

import asyncio
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text
from textual.pilot import Pilot

from ocppscope.store import Store
from ocppscope.tui.app import Browser

ROOT = Path(__file__).parent.parent
PROGRAM = (sys.executable, "-m", "ocppscope")
COLUMNS = 104
"""Of the terminal that `check` writes to."""
SIZE = (110, 30)
"""Of the terminal that is browsed in: columns and lines."""
ROGUE = "captures/rogue-station.pcap"


@dataclass(frozen=True)
class Shot:
    """A screen of the browser, and the way to it."""

    capture: str
    keys: str


SHOTS = {
    "view-messages": Shot(ROGUE, "2 e e"),
    "view-ladder": Shot(ROGUE, "3 e e"),
    "view-detail": Shot(ROGUE, "2 e e enter"),
    # The meter tells energy from the start of the transaction on: the line is a whole one.
    "view-transactions": Shot("captures/clean-2.0.1-deflate.pcap", "5"),
}


def terminal_output(words: list[str]) -> str:
    """What a command writes to a terminal."""
    leader, terminal = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    chunks = []
    with subprocess.Popen([*PROGRAM, *words], stdout=terminal, cwd=ROOT, env=env):  # noqa: S603 - our own program
        os.close(terminal)
        try:
            while chunk := os.read(leader, 65536):
                chunks.append(chunk)
        except OSError:  # Linux says so at the end
            pass
    os.close(leader)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def check() -> str:
    """The picture of `ocppscope check`."""
    words = ["check", ROGUE]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="standard")
    console.print(Text(f"$ ocppscope {' '.join(words)}", style="bold"))
    console.print(Text.from_ansi(terminal_output(words).rstrip()), soft_wrap=True)
    return console.export_svg(title="ocppscope")


async def settle(pilot: Pilot[int]) -> None:
    """Wait until nothing is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def view(shot: Shot, store: Store) -> str:
    """The picture of a screen of the browser."""
    browser = Browser(store, name=Path(shot.capture).name)
    async with browser.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in shot.keys.split():
            await pilot.press(key)
            await settle(pilot)
        return browser.export_screenshot(title=f"ocppscope view {shot.capture}", simplify=True)


def portable(svg: str) -> str:
    """A picture that looks the same wherever it is shown."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # no fonts from the network
    svg = re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some programs leave leading blanks out
    # Where braille comes from another font than blanks, it is not as wide: blanks beside it are braille too.
    return re.sub(r">[^<]*[\u2801-\u28ff][^<]*<", lambda text: text[0].replace("&#160;", "\u2800"), svg)


def main() -> None:
    """Make them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    os.environ.pop("NO_COLOR", None)
    pictures = {"check": check()}
    with tempfile.TemporaryDirectory() as scratch:
        for name, shot in SHOTS.items():
            path = Path(scratch) / f"{Path(shot.capture).stem}.ocppdb"
            if not path.exists():
                words = [*PROGRAM, "convert", shot.capture, str(path)]
                subprocess.run(words, cwd=ROOT, check=True)  # noqa: S603 - our own program
            with Store(path) as store:
                pictures[name] = asyncio.run(view(shot, store))
    for name, svg in pictures.items():
        (folder / f"{name}.svg").write_text(portable(svg), encoding="utf-8")


if __name__ == "__main__":
    main()
