"""Make docs/check.svg: what a terminal shows of `ocppscope check` on the capture of a rogue station.

Usage: python docs/make_screenshot.py (needs `rich`)
"""

import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
COLUMNS = 104
COMMAND = ["ocppscope", "check", "captures/rogue-station.pcap"]


def terminal_output() -> str:
    """What the command writes to a terminal."""
    chunks: list[bytes] = []

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        chunks.append(data)
        return b"."  # not to our own terminal

    os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    os.chdir(ROOT)
    stdout = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    pty.spawn([sys.executable, "-m", *COMMAND], read)
    os.dup2(stdout, 1)
    return b"".join(chunks).decode()


def main() -> None:
    text = terminal_output().replace("\r\n", "\n")
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), color_system="standard")  # noqa: PTH123, SIM115
    console.print(Text("$ " + " ".join(COMMAND), style="bold"))
    console.print(Text.from_ansi(text.rstrip()), soft_wrap=True)
    svg = console.export_svg(title="ocppscope")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # no fonts from the network
    (ROOT / "docs" / "check.svg").write_text(svg)


if __name__ == "__main__":
    main()
