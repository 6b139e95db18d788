"""What `record` and `sniff` share: where recordings go, and what is said while they are made."""

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from ocppscope.capture.files import Rotation
from ocppscope.capture.live import Judge
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.cli.counts import Counts
from ocppscope.cli.pipes import discard_output
from ocppscope.cli.reading import F, SizeType
from ocppscope.cli.text import COLOURS
from ocppscope.events import Event, Notice
from ocppscope.export import records
from ocppscope.ocpp import wording
from ocppscope.ocpp.visible import visible
from ocppscope.rules.engine import Finding
from ocppscope.rules.registry import Profile
from ocppscope.store.schema import BESIDE

_PERIODS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE: Final = re.compile("([0-9]{1,9})([smhd])")
_SCRATCH: Final = "ocppscope-"
"""What the names of temporary folders begin with (`view.PREFIX`)."""
_CLEAR: Final = "\r\x1b[K"
_PACKETS, _STORE = ".pcapng", ".ocppdb"


class _RotateType(click.ParamType[Any]):
    name = "size|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()  # m: minutes, M: mebibytes
        if (match := _AGE.fullmatch(text)) and int(match[1]):
            return "period", int(match[1]) * _PERIODS[match[2]] * 1_000_000_000
        try:
            return "size", SizeType().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(
                f"{value!r} is neither a size (512K, 100MB, 1G) nor a time (90s, 15m, 1h, 1d)", param, ctx
            )


def recording_options(function: F) -> F:
    """Add the options that say how a recording is made; the command gets them as keywords of `Recordings`."""
    options = (
        click.option(
            "-o", "outputs", multiple=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
            help="Where to record: .pcapng (the bytes, for Wireshark too) or .ocppdb (events and findings, for "
            "`view --follow`); may be given twice, for both.",
        ),
        click.option("--force", is_flag=True, help="Replace FILE if it is there."),
        click.option(
            "--rotate", type=_RotateType(), help="Go on in a new file (FILE-0002) at this size or age: 100MB, 1h."
        ),
        click.option("--keep", type=click.IntRange(1), metavar="N", help="With --rotate: keep the last N files."),
        click.option(
            "--profile", type=click.Choice(["field", "strict"]), default="field", show_default=True,
            help="Severities: as the field sees them, or as the standard does.",
        ),
        click.option("--name-station", metavar="ID", help="The identity, where a handshake shows none."),
        click.option(
            "--max-message", type=SizeType(), default="16M", show_default=True,
            help="Largest message to decode, also after inflating.",
        ),
        click.option("--quiet", is_flag=True, help="Say nothing of findings while they come, and no counters."),
        click.option("--json", "as_json", is_flag=True, help="Findings as JSON lines on stdout, as `check --json`."),
        click.option("--view", is_flag=True, help="Open the browser on what is being recorded."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(slots=True)
class Recordings:
    """Where a live capture goes, as the user says it: the values of the shared options."""

    outputs: tuple[Path, ...]
    force: bool
    rotate: tuple[str, int] | None
    keep: int | None
    profile: Profile
    name_station: str | None
    max_message: int
    quiet: bool
    as_json: bool
    view: bool
    rotation: Rotation = field(init=False)

    def __post_init__(self) -> None:
        if self.keep is not None and self.rotate is None:
            raise click.UsageError("--keep says how many files of --rotate are kept: say when to rotate")
        kind, amount = self.rotate or ("", None)
        self.rotation = Rotation(
            size=amount if kind == "size" else None,
            period=amount if kind == "period" else None,
            keep=self.keep,
        )
        kinds = [path.suffix.lower() for path in self.outputs]
        for path in self.outputs:
            if path.suffix.lower() not in (_PACKETS, _STORE):
                raise click.BadParameter(
                    f"{path}: a recording is a FILE{_PACKETS} (packets) or a FILE{_STORE} (a store)",
                    param_hint="-o",
                )
        if len(set(kinds)) < len(kinds):
            raise click.BadParameter(f"one {_PACKETS} and one {_STORE} at most", param_hint="-o")
        for path in self.outputs:
            self._check(path)

    def _check(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise click.BadParameter(f"there is no folder {path.parent}", param_hint="-o")
        if path.exists() and not (self.force or self.rotation.is_on):
            raise click.BadParameter(f"{path} is there already: --force replaces it", param_hint="-o")

    @property
    def packets(self) -> Path | None:
        """The path of the packets."""
        return next((path for path in self.outputs if path.suffix.lower() == _PACKETS), None)

    @property
    def store(self) -> Path | None:
        """The path of the store."""
        return next((path for path in self.outputs if path.suffix.lower() == _STORE), None)

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Begin a recording in a block: what is there gives way, and an error becomes what a user can use."""
        try:
            if self.force and not self.rotation.is_on:
                for end in ("", *BESIDE):
                    path.with_name(path.name + end).unlink(missing_ok=True)
            yield
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error

    def open_store(self, source: str, tell: Callable[[str], None]) -> StoreRecording | None:
        """Begin the store, if one is wanted.

        Raises:
            click.ClickException: it cannot be written.
        """
        if self.store is None:
            return None
        with self.writing(self.store):
            return StoreRecording(self.store, self.rotation, source, self.profile, tell)


class Talk:
    """What is said while a live capture goes on: findings, what goes wrong, counters, and at the end a summary.

    Args:
        recordings: the values of the shared options.
        name: of the capture, as findings in JSON name their input.
    """

    def __init__(self, recordings: Recordings, name: str) -> None:
        self._name = name
        self._quiet = recordings.quiet
        self._as_json = recordings.as_json
        self._has_counters = not recordings.quiet and sys.stderr.isatty()
        self._status = ""
        self._last = (0, 0)
        self.counts = Counts()
        self.faults: Counter[str] = Counter()
        """What was done on purpose, and how often."""

    def say(self, text: str) -> None:
        """Say something to the user, in a line or in several, above the counters."""
        clear = _CLEAR if self._status else ""
        click.echo(clear + "\n".join(map(visible, text.split("\n"))), err=True)
        self._show()

    def finding(self, finding: Finding) -> None:
        """Say what a rule has found, as it is found."""
        if self._as_json:
            self._print(finding)
        elif not self._quiet and finding.severity != "info":
            session = finding.session
            who = "" if session is None else f"{session.station or f'session {session.number}'}: "
            proof = " ".join(f"#{n}" for n in finding.events[:3])
            word = click.style(
                finding.severity, fg=COLOURS[finding.severity], bold=finding.severity == "error"
            )
            clear = _CLEAR if self._status else ""
            at = wording.clock(finding.first)
            click.echo(
                f"{clear}{at} {word} {visible(f'{finding.rule.id} {who}{finding.detail}  {proof}')}", err=True
            )
            click.echo(
                click.style(f"{' ' * len(at)} {finding.rule.hint} ({finding.source})", dim=True), err=True
            )
            self._show()

    def _print(self, finding: Finding) -> None:
        try:
            sys.stdout.buffer.write(records.line(records.finding_record(finding, self._name)))
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # whoever read the findings is gone, and that is the end
            discard_output()
            self._as_json, self._quiet = False, True
            os.kill(os.getpid(), signal.SIGTERM)

    def feed(self, events: list[Event | Notice]) -> None:
        """Count events."""
        told = len(self.counts.damage)
        self.counts.feed(events)
        for damage in self.counts.damage[told:]:
            self.say(f"Warning: {damage}")
        for event in events:
            if isinstance(event, Notice) and event.kind == "record.fault":
                self.faults[event.detail] += 1
                if not self._quiet:
                    self.say(f"{wording.clock(event.time)} fault {event.detail}")

    def count(self, judge: Judge, now: float, more: str) -> None:
        """Renew the counters, where a terminal shows them.

        Args:
            judge: counts messages and findings.
            now: seconds, from any start.
            more: what else there is to say.
        """
        if not self._has_counters:
            return
        messages, time = self._last
        rate = (judge.messages - messages) / (now - time) if time and now > time else 0
        self._last = judge.messages, now  # type: ignore[assignment]
        self._status = f"{judge.messages:,} messages, {rate:,.0f}/s, {judge.findings:,} findings{more}"
        self._show()

    def _show(self) -> None:
        if self._status:
            click.echo(f"{_CLEAR}{self._status}", err=True, nl=False)

    def _is_scratch(self, path: Path) -> bool:
        """Whether it goes with the browser."""
        return path.parent.name.startswith(_SCRATCH)

    def end(self, paths: Sequence[Path], judge: Judge, more: Sequence[str] = ()) -> None:
        """Say what was captured, and where it is."""
        if self._status:
            click.echo(_CLEAR, err=True, nl=False)
            self._status = ""
        findings = (
            f"{wording.plural(judge.findings, 'finding')}, notes included"
            if judge.findings
            else "no findings"
        )
        click.echo(visible(f"{self.counts}; {findings}"), err=True)
        for text in more:
            click.echo(visible(text), err=True)
        kept = [path for path in paths if path.exists() and not self._is_scratch(path)]
        if paths and not kept:
            click.echo("nothing was kept: -o FILE.ocppdb keeps what the browser shows", err=True)
        if kept:
            names = ", ".join(map(str, kept[-3:]))
            first = f"{len(kept)} files, the last are " if len(kept) > 3 else ""
            click.echo(
                visible(
                    f"recorded in {first}{names}. Recordings hold passwords: only you can read them (0600)"
                ),
                err=True,
            )
