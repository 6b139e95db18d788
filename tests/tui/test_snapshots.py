"""Whole screens, with their colours, beside those that somebody has looked at: `__snapshots__/`.

After a change that is meant to be seen, make them anew and look at what has become of them:

    python -m pytest tests/tui/test_snapshots.py --snapshot-update

They also change with what writes the markup; pyproject.toml says of which versions of Textual and Rich they are.
"""

from dataclasses import dataclass

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import Store
from ocppscope.tui.app import Browser
from tests.tui import CAPTURES, press, settle, store_of, write_store

SEVERAL = ("clean-1.6.pcap", "tls-1.3.pcapng", "send-2.1.pcap")
"""Three stations, each with a session."""
WIDE = (140, 40)


@dataclass(frozen=True)
class Shot:
    """A screen, and the way to it."""

    capture: str
    """Its name; empty: all of SEVERAL."""
    keys: str
    """With spaces between them; a word in quotes is typed."""
    size: tuple[int, int] = (80, 24)
    env: tuple[tuple[str, str], ...] = ()


SHOTS = {
    "sessions": Shot("refused-handshake.pcap", "j"),
    "sessions-wide": Shot("", "G", WIDE),
    "messages": Shot("rogue-station.pcap", "2 e e"),
    "messages-wide": Shot("rogue-station.pcap", "2 e e space j j space", WIDE),
    "messages-filtered": Shot("rogue-station.pcap", "2 slash 'severity>=warning' enter w w H"),
    "messages-no-color": Shot("rogue-station.pcap", "2 e e", env=(("NO_COLOR", "1"),)),
    "detail-tree": Shot("rogue-station.pcap", "2 e e enter"),
    "detail-raw": Shot("rogue-station.pcap", "2 e enter G"),
    "detail-hex": Shot("clean-2.0.1-deflate.pcap", "2 j enter tab tab"),
    "ladder": Shot("rogue-station.pcap", "3 e"),
    "ladder-gaps": Shot("lost-packets.pcap", "3 e"),
    "ladder-several": Shot("", "3", WIDE),
    "findings": Shot("rogue-station.pcap", "4"),
    "transactions": Shot("clean-2.0.1-deflate.pcap", "5"),
    "transactions-wide": Shot("clean-1.6.pcap", "5", WIDE),
    "compare": Shot("rogue-station.pcap", "2 e e space j j space c"),
    "help": Shot("rogue-station.pcap", "2 question_mark"),
    "filter-error": Shot("rogue-station.pcap", "2 slash 'severity > foo'"),
    "filter-completions": Shot("rogue-station.pcap", "2 slash 'action == '"),
    "too-small": Shot("rogue-station.pcap", "2", (39, 8)),
}


@pytest.fixture(scope="session")
def several(stores):
    """The store of SEVERAL."""
    path = stores / "several.ocppdb"
    if not path.exists():
        names = [str(CAPTURES / name) for name in SEVERAL]
        write_store(path, open_source(names, SourceOptions()).batches())
    return path


@pytest.fixture(autouse=True)
def _nobodys_terminal(monkeypatch):
    """What the terminal and the user who run the tests prefer is of no account."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


async def go(pilot: Pilot[int], keys: str) -> None:
    """Press keys and type texts; no cursor blinks."""
    await settle(pilot)
    for number, part in enumerate(keys.split("'")):
        if number % 2:  # between quotes
            await pilot.press(*("space" if key == " " else key for key in part))
            await settle(pilot)
            continue
        for key in part.split():
            for answer in pilot.app.screen.query(Input):
                answer.cursor_blink = False
            await press(pilot, key)


@pytest.mark.parametrize("name", SHOTS)
def test_screen(name, stores, several, snap_compare, monkeypatch):
    shot = SHOTS[name]
    for variable, value in shot.env:
        monkeypatch.setenv(variable, value)
    path = store_of(shot.capture, stores) if shot.capture else several
    with Store(path) as store:
        browser = Browser(store, name=shot.capture or "several")
        assert snap_compare(browser, terminal_size=shot.size, run_before=lambda pilot: go(pilot, shot.keys))
