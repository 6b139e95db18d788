"""Text for people: colours, columns, widths. Where nobody looks at a terminal, nothing is cut or coloured."""

import shutil
import sys
import textwrap
from typing import Any, Final
from unicodedata import combining, east_asian_width

import click

from ocppscope.ocpp.visible import visible

COLOURS: Final = {"error": "red", "warning": "yellow", "info": "cyan"}
ENDLESS: Final = 1 << 20
"""Columns of an output that is no terminal."""


def width() -> int:
    """Columns of the terminal; as good as endless where the output is none."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else ENDLESS


def columns_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    return 2 if east_asian_width(char) in "WF" else 0 if combining(char) else 1


def cut(text: str, columns: int) -> str:
    """A text in at most so many columns."""
    if len(text) * 2 <= columns or columns_of(text) <= columns:
        return text
    kept, left = [], columns - 1
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept.append(char)
    return f"{''.join(kept)}…"


def padded(text: str, columns: int) -> str:
    """A text in at least so many columns."""
    return text + " " * (columns - columns_of(text))


def wrapped(text: str, indent: str, first: str | None = None, **style: Any) -> str:
    """A paragraph, indented, wrapped where there is a terminal.

    Args:
        text: without styles.
        indent: of its lines.
        first: stands before the first line in the place of `indent`; may have styles.
        style: of the text, as click.style takes it.
    """
    columns, text = width(), visible(text)
    first = indent if first is None else first
    if columns < ENDLESS:
        gap = " " * columns_of(click.unstyle(first))
        text = textwrap.fill(
            text,
            columns,
            initial_indent=gap,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )[len(gap) :]
    return first + (click.style(text, **style) if style else text)


def pointed(before: str, after: str, indent: str) -> str:
    """A piece of what was sent, and below it a caret under the place that matters."""
    before = visible(before)
    caret = click.style("^", fg="red", bold=True)
    return f"{indent}{before}{visible(after)}\n{indent}{' ' * columns_of(before)}{caret}"


def severity_word(severity: str) -> str:
    return click.style(f"{severity:<8}", fg=COLOURS[severity], bold=severity == "error")
