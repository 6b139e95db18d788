"""`ocppscope test`: a folder of captures as regression tests."""

import fnmatch
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from ocppscope.capture.upgrade import UrlError
from ocppscope.cli import junit
from ocppscope.cli.reading import EXIT_FINDINGS, EXIT_UNREADABLE
from ocppscope.ocpp.visible import visible
from ocppscope.replay.handshake import recorded, target
from ocppscope.testing.case import Case, cases_of
from ocppscope.testing.running import Outcome, Status, run
from ocppscope.testing.settings import SettingsError

_COLOURS: Final[Mapping[Status, str]] = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
}
_WORDS: Final[Mapping[Status, str]] = {
    "passed": "passed",
    "failed": "failed",
    "error": "with an error",
    "skipped": "skipped",
}
_CLEAR: Final = "\r\x1b[K"
_INDENT: Final = " " * 9
_INTERRUPTED: Final = 130


class _NothingToTest(click.ClickException):
    exit_code = EXIT_UNREADABLE


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "junit"]),
    default="text",
    show_default=True,
    help="How to print what has come of the tests.",
)
@click.option(
    "--only",
    metavar="PATTERN",
    multiple=True,
    help="Only these captures: 'boot/*.pcapng', or a part of the name.",
)
@click.option("--to", "url", metavar="URL", help="Replay to this CSMS, not to what the TOML files say.")
def command(*, folder: Path, output: str, only: Sequence[str], url: str | None) -> None:
    """Check and replay the captures of a folder, and say which are as expected.

    A capture passes if rules find no error in it. A TOML file beside it (boot.toml of boot.pcapng, and tests.toml
    for a whole folder) says what else is expected, and against which peer it is replayed: see
    docs/regression-tests.md.

    Exit codes: 0 all have passed, 1 one has not, 2 wrong usage, 3 nothing to test.
    """
    if url is not None:
        try:
            target(url, recorded(None, None), None)
        except UrlError as error:
            raise click.BadParameter(str(error), param_hint="--to") from error
    cases = _chosen(folder, only)
    outcomes: list[Outcome] = []
    is_interrupted = False
    try:
        with _ended_by_signal():
            for outcome in run(cases, to=url, began=_began(len(cases))):
                outcomes.append(outcome)
                _clear()
                if output == "text":
                    click.echo("\n".join(_text(outcome)))
                    sys.stdout.flush()
    except KeyboardInterrupt:
        _clear()
        is_interrupted = True
    if output == "junit":
        click.echo("\n".join(_junit(str(folder), outcomes)))
    else:
        click.echo(_summary(outcomes, len(cases)))
    if is_interrupted:
        sys.exit(_INTERRUPTED)
    if any(outcome.status in ("failed", "error") for outcome in outcomes):
        sys.exit(EXIT_FINDINGS)


def _chosen(folder: Path, only: Sequence[str]) -> list[Case]:
    try:
        cases = cases_of(folder)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if not cases:
        raise _NothingToTest(
            f"{click.format_filename(folder)} holds no capture: expected pcap, pcapng or .ocppdb files, at any depth"
        )
    chosen = [case for case in cases if not only or any(_fits(case.name, pattern) for pattern in only)]
    if not chosen:
        names = ", ".join(visible(case.name) for case in cases[:20])
        raise _NothingToTest(f"none of {len(cases)} captures fits --only {' '.join(only)}: there are {names}")
    return chosen


def _fits(name: str, pattern: str) -> bool:
    return pattern in name or fnmatch.fnmatchcase(name, pattern)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM is Ctrl-C: the peers that were started must not be left behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- while it runs ---


def _began(count: int) -> Callable[[Case], None]:
    number = 0

    def began(case: Case) -> None:
        nonlocal number
        number += 1
        if sys.stderr.isatty():
            click.echo(f"{_CLEAR}{number} of {count}: {visible(case.name)}", nl=False, err=True)

    return began


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo(_CLEAR, nl=False, err=True)


# --- text ---


def _text(outcome: Outcome) -> Iterable[str]:
    status = click.style(f"{outcome.status:<8}", fg=_COLOURS[outcome.status], bold=outcome.status != "passed")
    reason = (
        f": {visible(outcome.lines[0])}" if outcome.status == "skipped" else f"  ({outcome.seconds:.1f} s)"
    )
    yield f"{status} {visible(outcome.name)}{reason}"
    if outcome.status != "skipped":
        yield from (f"{_INDENT}{visible(line)}" for line in outcome.lines)
    if outcome.output.strip():
        yield f"{_INDENT}the peer said:"
        yield from (f"{_INDENT}  | {visible(line)}" for line in outcome.output.splitlines())


def _summary(outcomes: Sequence[Outcome], of: int) -> str:
    counts = {status: sum(one.status == status for one in outcomes) for status in _WORDS}
    parts = [
        click.style(f"{count:,} {_WORDS[status]}", fg=_COLOURS[status] if count else None)
        for status, count in counts.items()
        if count or status in ("passed", "failed")
    ]
    left = of - len(outcomes)
    return ", ".join([*parts, *([f"{left:,} not run"] if left else [])])


# --- JUnit ---


def _junit(name: str, outcomes: Sequence[Outcome]) -> Iterable[str]:
    counts = {
        "tests": len(outcomes),
        "failures": sum(one.status == "failed" for one in outcomes),
        "errors": sum(one.status == "error" for one in outcomes),
        "skipped": sum(one.status == "skipped" for one in outcomes),
    }
    said = "".join(f' {key}="{count}"' for key, count in counts.items())
    said += f' time="{sum(one.seconds for one in outcomes):.3f}"'
    yield junit.HEAD
    yield f'<testsuites name="ocppscope"{said}>'
    yield f"  <testsuite name={junit.attribute(name)}{said}>"
    for outcome in outcomes:
        yield from _junit_case(outcome)
    yield "  </testsuite>"
    yield "</testsuites>"


def _junit_case(outcome: Outcome) -> Iterable[str]:
    folder, _, name = outcome.name.rpartition("/")
    group = junit.attribute(".".join(["ocppscope", *folder.split("/")]) if folder else "ocppscope")
    start = f'    <testcase classname={group} name={junit.attribute(name)} time="{outcome.seconds:.3f}"'
    if outcome.status == "passed":
        yield f"{start}/>"
        return
    yield f"{start}>"
    message = junit.attribute(outcome.lines[0] if outcome.lines else "")
    text = junit.body("\n".join(outcome.lines))
    if outcome.status == "skipped":
        yield f"      <skipped message={message}/>"
    else:
        kind = "failure" if outcome.status == "failed" else "error"
        yield f"      <{kind} message={message}>{text}</{kind}>"
    if outcome.output.strip():
        yield f"      <system-out>{junit.body(outcome.output)}</system-out>"
    yield "    </testcase>"
