"""Columns and wrapping."""

import os
import sys

import click
import pytest

from ocppscope.cli import text
from ocppscope.ocpp.visible import visible


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


def test_severity_words():
    assert [click.unstyle(text.severity_word(one)) for one in text.COLOURS] == [
        "error   ",
        "warning ",
        "info    ",
    ]
