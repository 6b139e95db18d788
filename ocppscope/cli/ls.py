"""`ocppscope ls`: the events of a capture, a line each."""

import sys
from typing import Any

import click

from ocppscope.cli import filtering, text
from ocppscope.cli.filtering import filter_option
from ocppscope.cli.options import EXIT_FINDINGS, Reading, reading_options
from ocppscope.events import Closed, Event, Notice
from ocppscope.export import records
from ocppscope.filter import Filter
from ocppscope.ocpp import wording
from ocppscope.ocpp.visible import visible

_STATION_WIDTH = 12


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("--json", "as_json", is_flag=True, help="One event a line, as JSON.")
@click.option("--follow", is_flag=True, help="Wait for the file to grow.")
@click.option(
    "--time",
    "clock",
    type=click.Choice(["absolute", "relative", "delta"]),
    default="absolute",
    show_default=True,
    help="Times of day, since the first event, or since the one before.",
)
@filter_option
@reading_options
def command(
    *, source: str, as_json: bool, follow: bool, clock: str, wanted: Filter | None, **reading: Any
) -> None:
    """List the events of a capture, a line each: messages, pings, what was lost or damaged, opens and closes."""
    if follow and wanted is not None and wanted.uses_findings:
        raise click.UsageError(
            "--follow cannot wait for findings: what a rule says of an event may depend on later ones. "
            "Leave severity and rule out of --filter, or list without --follow"
        )
    opened = Reading(**reading, follow=follow).open([source])
    column = _TimeColumn(clock)
    columns = text.width()
    for batch in filtering.selected(opened, wanted):
        for event in batch:
            if isinstance(event, Notice):
                _tell(event)
            elif as_json:
                sys.stdout.buffer.write(records.line(records.event_record(event)))
            else:
                click.echo(_line(event, column, columns))
        sys.stdout.flush()
    opened.require_ocpp()
    if opened.counts.damaged_file:
        sys.exit(EXIT_FINDINGS)


def _tell(notice: Notice) -> None:
    if not notice.kind.startswith(("file.damaged", "text.", "trace.")):  # told by all commands
        click.echo(f"{notice.kind}: {visible(notice.detail)}", err=True)


def _line(event: Event, column: "_TimeColumn", columns: int) -> str:
    station = event.session.station or f"session {event.session.number}"
    station = text.cut(station, _STATION_WIDTH) if columns < text.ENDLESS else station
    head = f"{event.n:>6}  {column.show(event.time)}  {text.padded(visible(station), _STATION_WIDTH)}  "
    head += f"{wording.arrow(event)}  "
    if not _is_marked(event):
        return text.cut(head + visible(wording.what(event)), columns)
    line = text.cut(f"{head}! {visible(wording.what(event))}", columns)
    return line[: len(head)] + click.style(line[len(head) :][:1], fg="red") + line[len(head) + 1 :]


def _is_marked(event: Event) -> bool:
    return not isinstance(event, Closed) and bool(event.faults or getattr(event, "violations", ()))


class _TimeColumn:
    """The time of each event, as the user wants it."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._origin: int | None = None

    def show(self, time: int | None) -> str:
        if time is None:
            return f"{'-':>12}"
        if self._mode == "absolute":
            return f"{wording.clock(time):>12}"
        origin = time if self._origin is None else self._origin
        if self._origin is None or self._mode == "delta":
            self._origin = time
        return f"{(time - origin) / 1e9:>12.6f}"
