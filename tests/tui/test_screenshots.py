"""The pictures of the README: they are made, and show what the program shows today.

Their texts are compared, not their markup: that is another one with each version of Rich and Textual.
"""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXPECTED = {
    "check.svg": ("ocppscope check captures/rogue-station.pcap", "SCH-enum"),
    "view-detail.svg": ("ocppscope view captures/rogue-station.pcap", "#7", "[tree]", '"errorCode"'),
    "view-ladder.svg": ("ROGUE-13 session 1", "▶", "connection reset by the station (RST)"),
    "view-messages.svg": ("FormatViolation", "E", "›"),
    "view-transactions.svg": ("MUC-2041", "11.0 kW", "energy", "⠉"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    words = [sys.executable, "-W", "error", DOCS / "make_screenshots.py", folder]
    subprocess.run(words, check=True, cwd=folder, capture_output=True, timeout=120)
    return folder


def texts(path):
    """All that can be read in a picture."""
    parts = re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))
    return html.unescape("".join(parts)).replace("\xa0", " ")


def test_all_are_made(made):
    assert (
        {path.name for path in made.iterdir()} == set(EXPECTED) == {path.name for path in DOCS.glob("*.svg")}
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_a_picture_shows_what_the_program_shows(made, name):
    shown = texts(made / name)
    assert [word for word in EXPECTED[name] if word not in shown] == []
    assert texts(DOCS / name) == shown, "run docs/make_screenshots.py, and look at what it makes"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_picture_is_portable(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"\s<]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    assert "@font-face" not in text
    assert str(DOCS.parent) not in text
    assert str(Path.home()) not in text
