"""Text for people: colours, columns, widths. Where nobody looks at a terminal, nothing is cut or coloured."""

import shutil
import sys
import textwrap
from typing import Any, Final
from unicodedata import combining, east_asian_width

import click

from ocppscope.cli.records import timestamp
from ocppscope.events import (
    CALL,
    FROM_STATION,
    SEND,
    TYPE_NAMES,
    Closed,
    Control,
    Damaged,
    Event,
    Gap,
    Message,
    Opened,
)
from ocppscope.ocpp.summary import summary, visible
from ocppscope.ocpp.times import duration

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


def severity_word(severity: str) -> str:
    return click.style(f"{severity:<8}", fg=COLOURS[severity], bold=severity == "error")


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def clock(time: int | None) -> str:
    """The time of day, with milliseconds."""
    text = timestamp(time)
    return "-" if text is None else text[11:23]


def arrow(event: Event) -> str:
    direction = getattr(event, "direction", None)
    return " " if direction is None else "→" if direction == FROM_STATION else "←"


def what(event: Event) -> str:
    """What an event is, in a few words."""
    if isinstance(event, Message):
        return _message(event)
    if isinstance(event, Opened):
        return _opened(event)
    if isinstance(event, Control):
        return event.opcode
    if isinstance(event, Damaged):
        return f"DAMAGED ({event.layer}): {event.reason}"
    if isinstance(event, Gap):
        return f"GAP: {event.size if event.size is not None else 'unknown'} bytes are not in the capture"
    return _closed(event)


def _message(event: Message) -> str:
    kind = {CALL: "", SEND: " (Send)"}.get(event.type)
    name = str(event.action) if event.action is not None else "?"
    if kind is None:
        kind = " answer" if event.error is None else f" {TYPE_NAMES[event.type]}"
        if event.action is None:
            name, kind = f"{kind.strip()} to a Call that was not seen", ""
    latency = f"  [{duration(event.latency)}]" if event.latency is not None else ""
    said = summary(event)
    return f"{name}{kind}{': ' if said else ''}{said}{latency}"


def _opened(event: Opened) -> str:
    session = event.session
    if session.duplicate_of is not None:
        return f"session {session.duplicate_of} seen again: {session.client} → {session.server}"
    if event.status is None and session.late:
        return f"first seen here, after its start: {session.client} → {session.server}"
    agreed = event.subprotocol or "no subprotocol"
    outcome = f"opened, {agreed}" if event.status == 101 else f"REFUSED with status {event.status}"
    if event.status is None:
        outcome = "upgrade without an answer"
    return f"{outcome}: {event.path} at {session.server}"


def _closed(event: Closed) -> str:
    by = f" by {'the station' if event.by == 'station' else 'the CSMS'}" if event.by else ""
    how = {
        "close": f"closed{by}, code {event.code if event.code is not None else 'none'}",
        "fin": f"connection ended{by} (FIN) without a Close",
        "rst": f"connection reset{by} (RST)",
        "end-of-capture": "still open at the end of the capture",
    }[event.how]
    return f"{how}: {event.reason}" if event.reason else how
