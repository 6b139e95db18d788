"""`ocppscope convert`: a capture in another form."""

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import orjson

from ocppscope.cli import filtering
from ocppscope.cli.filtering import filter_option
from ocppscope.cli.options import EXIT_FINDINGS, OpenInput, Reading, UnreadableInput, reading_options
from ocppscope.export import FORMATS, Format, MissingExtraError, Order, Output
from ocppscope.filter import Filter
from ocppscope.ocpp.visible import visible
from ocppscope.rules.registry import Profile
from ocppscope.store.processes import is_there
from ocppscope.store.schema import BESIDE

_WATCH: Final = 1.0
"""Seconds between two looks at whether the parent is still there."""


@click.command()
@click.argument("source", metavar="INPUT")
@click.argument("target", metavar="OUTPUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--to", "name", type=click.Choice(list(FORMATS)), help="The format; otherwise OUTPUT's extension tells."
)
@click.option(
    "--profile",
    type=click.Choice(["field", "strict"]),
    default="field",
    show_default=True,
    help="Severities of the findings in a store.",
)
@click.option("--plain", is_flag=True, help="Open OCPP Trace without what only ocppscope reads.")
@click.option("--force", is_flag=True, help="Replace OUTPUT if it is there.")
@click.option("--follow", is_flag=True, hidden=True, help="Wait for the file to grow.")
@click.option("--scratch", is_flag=True, hidden=True, help="For a viewer: quick, quiet, kept in any case.")
@click.option("--parent", type=int, hidden=True, metavar="PID", help="Stop when this process is gone.")
@filter_option
@reading_options
def command(
    *,
    source: str,
    target: Path,
    name: str | None,
    profile: Profile,
    plain: bool,
    force: bool,
    follow: bool,
    scratch: bool,
    parent: int | None,
    wanted: Filter | None,
    **reading: Any,
) -> None:
    """Write a capture in another form: a store (.ocppdb), which opens at once and takes SQL; Open OCPP Trace, JSON,
    CSV or Parquet for other programs; Markdown, a diagram or HTML for people.

    Exit codes: 0, 1 an INPUT that could be read in part only, 2 wrong usage, 3 one that cannot be read or holds
    no OCPP message, 130 interrupted: what was read until then is in OUTPUT.
    """
    form = _format_of(target, name)
    settings = Reading(**reading, follow=follow, is_for_viewer=scratch)
    if follow and wanted is not None:
        raise click.UsageError("--follow and --filter contradict each other: a selection is made at the end")
    title = "standard input" if source == "-" else source
    order = Order(target, title, profile, wanted, is_scratch=scratch, is_plain=plain, tell=_tell)
    if parent is not None:
        _stop_without(parent, target if scratch else None)
    place = _Place(target, source, force=force)
    opened = settings.open([source])
    try:
        if scratch:
            _load(form.open(order), opened, settings)
        else:
            with place:
                _fill(form.open(order), opened, order, settings, selects=form.selects)
    except MissingExtraError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    finally:
        opened.close()
    if opened.counts.damaged_file:
        sys.exit(EXIT_FINDINGS)


def _tell(text: str) -> None:
    click.echo(visible(text), err=True)


def _format_of(target: Path, name: str | None) -> Format:
    if name is not None:
        return FORMATS[name]
    fitting = [form for form in FORMATS.values() if target.name.lower().endswith(form.extension)]
    if fitting:
        return max(fitting, key=lambda form: len(form.extension))  # .trace.jsonl is more than .jsonl
    names = " or ".join(f"{target.name}{form.extension} ({form.help})" for form in FORMATS.values())
    raise click.BadParameter(
        f"the format of {target.name} is not clear: name it {names}, or say --to {'|'.join(FORMATS)}",
        param_hint="OUTPUT",
    )


def _fill(output: Output, opened: OpenInput, order: Order, settings: Reading, *, selects: bool) -> None:
    """Write the whole input, and say what it was."""
    settings.idle = output.flush
    try:
        for batch in filtering.selected(opened, None if selects else order.wanted):
            output.feed(batch, read=opened.read, size=opened.size)
        opened.require_ocpp()
        kept = output.finish(found=_found(opened))
    except KeyboardInterrupt:
        output.leave(found=_found(opened))
        said = f"{order.path}: {opened.counts}; interrupted, this is not all of {opened.title}"
        click.echo(visible(said), err=True)
        sys.exit(130)
    finally:
        output.close()
    fitting = f"; {kept:,} events fit the filter" if order.wanted else ""
    click.echo(visible(f"{order.path}: {opened.counts}{fitting}"), err=True)


def _load(output: Output, opened: OpenInput, settings: Reading) -> None:
    """Write the whole input for a viewer, who looks on from the start: also that it holds nothing."""
    settings.idle = output.flush
    try:
        for batch in opened.batches():
            output.feed(batch, read=opened.read, size=opened.size)
        opened.require_ocpp()
        output.finish(found=_found(opened))
    except UnreadableInput as error:
        output.finish(found=_found(opened), error=error.format_message())
        raise
    except KeyboardInterrupt:
        output.leave(found=_found(opened))
        raise
    finally:
        output.close()


def _found(opened: OpenInput) -> str:
    return orjson.dumps(opened.found).decode()


def _files(path: Path) -> list[Path]:
    """A file, and what may be beside it."""
    return [path, *(path.with_name(f"{path.name}{end}") for end in BESIDE)]


class _Place:
    """Where the output goes, in a block; what was there comes back where it cannot be replaced: the input turns out
    to hold nothing, or writing fails.

    Args:
        path: of the output.
        source: the input.
        force: whether the output may be there already.

    Raises:
        click.BadParameter: it is there, or is the input.
    """

    def __init__(self, path: Path, source: str, *, force: bool) -> None:
        self._path = path
        self._aside: list[tuple[Path, Path]] = []
        """Files that were there, and where they are meanwhile."""
        if not path.exists():
            return
        if source != "-" and Path(source).exists() and path.samefile(source):
            raise click.BadParameter(f"{path} is the input: name another file", param_hint="OUTPUT")
        if not force:
            raise click.BadParameter(f"{path} is there already: --force replaces it", param_hint="OUTPUT")

    def __enter__(self) -> None:
        for path in _files(self._path):  # an old log beside a new store would be taken for its own
            if path.exists():
                aside = path.with_name(f".{path.name}.{os.getpid()}.old")
                path.rename(aside)
                self._aside.append((path, aside))

    def __exit__(self, kind: type[BaseException] | None, *_others: object) -> None:
        # What was written until an interrupt, which ends in a SystemExit, is worth keeping; so is half of an output
        # where nothing was before it.
        is_failed = kind is not None and not issubclass(kind, KeyboardInterrupt | SystemExit)
        if kind is not None and (issubclass(kind, UnreadableInput) or (is_failed and self._aside)):
            for path in _files(self._path):
                path.unlink(missing_ok=True)
        if self._path.exists():
            for _path, aside in self._aside:
                aside.unlink()
        else:
            for path, aside in self._aside:
                aside.rename(path)


# --- for viewers ---


def _stop_without(parent: int, scratch: Path | None) -> None:
    """Watch from a thread whether a process is still there; without it end this one, wherever it waits.

    Args:
        parent: the process.
        scratch: what it alone was to see, and would have removed.
    """
    is_ours = os.getppid() == parent

    def watch() -> None:
        while os.getppid() == parent if is_ours else is_there(parent):
            time.sleep(_WATCH)
        for path in _files(scratch) if scratch else ():
            with suppress(OSError):
                path.unlink()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
