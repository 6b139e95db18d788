"""Columns, wrapping and the words for events."""

import os
import sys

import click
import pytest

from ocppscope.cli import text
from ocppscope.events import Closed, Control, Gap, Opened, Session
from ocppscope.ocpp.summary import visible

SESSION = Session(1, "10.0.0.1:1", "10.0.0.2:2")


@pytest.fixture
def terminal(monkeypatch):
    """Sets the width of the terminal."""
    return lambda columns: monkeypatch.setattr(text, "width", lambda: columns)


def test_a_pipe_is_endless(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert text.width() == text.ENDLESS
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(text.shutil, "get_terminal_size", lambda _: os.terminal_size((77, 24)))
    assert text.width() == 77


@pytest.mark.parametrize(
    ("content", "columns"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("→", 1), ("ｆ", 2)],
)
def test_columns(content, columns):
    assert text.columns_of(content) == columns
    assert text.columns_of(text.padded(content, 10)) == 10


@pytest.mark.parametrize(
    ("content", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 100, "abcd"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("abc", 1, "…"),
    ],
)
def test_cut(content, columns, shown):
    assert text.cut(content, columns) == shown
    assert text.columns_of(shown) <= columns


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("plain é 日本 →", "plain é 日本 →"),
        ("a\x00\t\n\r\x1b[1m\x1f", "a␀␉␊␍␛[1m␟"),
        ("\x7f\x9b1m\u2028\u202e", "␡\ufffd1m\ufffd\ufffd"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_control_characters_become_visible(content, shown):
    assert visible(content) == shown
    assert len(shown) == len(content)


def test_in_a_pipe_a_paragraph_is_one_line(terminal):
    terminal(text.ENDLESS)
    assert text.wrapped("a b " * 100 + "\n.", "  ") == "  " + "a b " * 100 + "␊."
    assert text.wrapped("x", "    ", "> ") == "> x"


def test_a_paragraph_is_wrapped_and_indented(terminal):
    terminal(12)
    assert text.wrapped("one two three four", "  ") == "  one two\n  three four"
    assert text.wrapped("one two three four", "   ", "> ") == "> one two\n   three\n   four"
    assert text.wrapped("unbreakable-word-that-is-long x", " ") == " unbreakable-word-that-is-long\n x"
    assert text.wrapped("", "  ") == "  "


def test_styles_do_not_count_as_columns(terminal):
    terminal(12)
    first = click.style("> ", fg="red")
    styled = text.wrapped("one two three four", "   ", first, bold=True)
    assert styled == first + click.style("one two\n   three\n   four", bold=True)


def test_words():
    assert text.plural(1, "station") == "1 station"
    assert text.plural(0, "station") == "0 stations"
    assert text.plural(1_234, "message") == "1,234 messages"
    assert text.clock(None) == text.clock(1 << 80) == "-"
    assert text.clock(1_700_000_000_123_456_789) == "22:13:20.123"
    assert [click.unstyle(text.severity_word(one)) for one in text.COLOURS] == [
        "error   ",
        "warning ",
        "info    ",
    ]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Closed(SESSION, 0, "csms", "close", None), "closed by the CSMS, code none"),
        (Closed(SESSION, 0, None, "close", 1000, "bye"), "closed, code 1000: bye"),
        (Closed(SESSION, 0, "station", "fin"), "connection ended by the station (FIN) without a Close"),
        (Closed(SESSION, 0, "csms", "rst"), "connection reset by the CSMS (RST)"),
        (Closed(SESSION, 0, None, "end-of-capture"), "still open at the end of the capture"),
        (Gap(SESSION, 0, "cp-to-csms", None), "GAP: unknown bytes are not in the capture"),
        (Control(SESSION, 0, "cp-to-csms", "pong", b""), "pong"),
        (
            Opened(SESSION, 0, "/x", status=101, subprotocol=None),
            "opened, no subprotocol: /x at 10.0.0.2:2",
        ),
        (Opened(SESSION, 0, "/x", status=500), "REFUSED with status 500: /x at 10.0.0.2:2"),
        (Opened(SESSION, 0, "/x"), "upgrade without an answer: /x at 10.0.0.2:2"),
        (
            Opened(Session(2, "10.0.0.1:1", "10.0.0.2:2", late=True), 0),
            "first seen here, after its start: 10.0.0.1:1 → 10.0.0.2:2",
        ),
    ],
)
def test_what(event, said):
    assert text.what(event) == said


def test_arrows():
    assert text.arrow(Gap(SESSION, 0, "cp-to-csms", 1)) == "→"
    assert text.arrow(Gap(SESSION, 0, "csms-to-cp", 1)) == "←"
    assert text.arrow(Opened(SESSION, 0)) == " "
