"""What `replay` says: each comparison, and the verdict; for many clones at once their sum."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from ocppscope.export import records
from ocppscope.ocpp import wording
from ocppscope.ocpp.difference import Difference
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.visible import visible
from ocppscope.replay.performing import Performance, percentile
from ocppscope.replay.player import Tally, Verdict
from ocppscope.replay.script import MISSING, Comparison, Script

_COLOURS: Final[Mapping[str, str]] = {
    "equal": "green",
    "diverged": "red",
    "missing": "yellow",
    "unexpected": "red",
    "same": "green",
    "incomplete": "yellow",
}
_CLEAR: Final = "\r\x1b[K"
_SHORT: Final = 300
_PROGRESS_EVERY: Final = 0.2
"""Seconds."""


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a line of `replay --json`."""
    return {
        "step": comparison.step,
        "action": comparison.action,
        "kind": comparison.kind,
        "event": comparison.n,
        "expected": _value(comparison.expected),
        "actual": _value(comparison.actual),
        "equal": comparison.outcome == "equal",
        "outcome": comparison.outcome,
        "differences": [_difference(one) for one in comparison.differences],
        "latencyMs": None if comparison.latency is None else round(comparison.latency / 1e6, 3),
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "pointer": one.pointer,
        "kind": one.kind,
        "expected": one.expected,
        "actual": one.actual,
        "detail": one.detail,
    }


def _value(value: Any) -> Any:
    return None if value is MISSING else value


def verdict_record(tally: Tally, notes: Sequence[str]) -> dict[str, Any]:
    """The last line of `replay --json`."""
    counts: dict[str, int] = {outcome: count for outcome, count in tally.counts.items()}  # noqa: C416 - wider keys
    return {
        "verdict": tally.verdict,
        "steps": tally.steps,
        **counts,
        "unplayed": tally.unplayed,
        "notes": list(notes),
    }


def comparison_lines(comparison: Comparison) -> list[str]:
    """A comparison for people, where it is not equal: what it is about, and a line for each difference."""
    outcome = comparison.outcome
    place = "" if comparison.n is None else f" (event {comparison.n})"
    step = "-" if comparison.step is None else str(comparison.step)
    name = comparison.action or comparison.kind
    kind = "" if comparison.kind in ("call", "send") or name == comparison.kind else f" {comparison.kind}"
    head = f"{step:>5}  {click.style(f'{outcome:<10}', fg=_COLOURS[outcome])}  {visible(name)}{kind}{place}"
    if outcome == "missing":
        return [head]
    if outcome == "unexpected":
        return [head, f"       {_cut(comparison.actual)}"]
    return [head, *(f"       {one.pointer or '/'}: {visible(one.detail)}" for one in comparison.differences)]


def _cut(value: Any) -> str:
    text = visible(str(value) if isinstance(value, str) else records.line({"": value}).decode().strip()[4:-1])
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


class Report:
    """Says what is found while a script is played, and the verdict at the end.

    Args:
        script: what is played.
        as_json: for machines.
    """

    def __init__(self, script: Script, *, as_json: bool) -> None:
        self._script = script
        self._as_json = as_json
        self._clones = 0
        self._ended = 0
        self._compared = 0
        self._strange = 0
        self._shown = 0.0

    def compare(self, comparison: Comparison) -> None:
        """Say what became of a step."""
        if self._as_json:
            sys.stdout.buffer.write(records.line(comparison_record(comparison)))
            sys.stdout.buffer.flush()
        elif comparison.outcome != "equal":
            click.echo("\n".join(comparison_lines(comparison)))

    def listening(self, port: int) -> None:
        """Say that a station may connect."""
        who = self._script.station or "the station"
        click.echo(f"waiting for {visible(who)} on port {port}", err=True)

    def begin(self, clones: int) -> None:
        """Many are played at once."""
        self._clones = clones

    def ended(self, _: Performance) -> None:
        """One of many has come to its end."""
        self._ended += 1
        self._show_progress()

    def count(self, comparison: Comparison) -> None:
        """Something became of a step of one of many."""
        self._strange += comparison.outcome != "equal"
        self._compared += 1
        self._show_progress()

    def _show_progress(self) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or now < self._shown + _PROGRESS_EVERY:
            return
        self._shown = now
        strange = f", {self._strange:,} not as recorded" if self._strange else ""
        click.echo(
            f"{_CLEAR}{self._compared:,} compared{strange}; {self._ended:,} of {self._clones:,} have ended",
            nl=False,
            err=True,
        )

    def end(self, performances: Sequence[Performance]) -> bool:
        """Say the verdict.

        Returns:
            Whether something is not the same.
        """
        if self._clones:
            return self._end_of_clones(performances)
        performance = performances[0]
        tally = performance.tally
        if self._as_json:
            sys.stdout.buffer.write(records.line(verdict_record(tally, performance.notes)))
            return tally.verdict != "same"
        for note in performance.notes:
            click.echo(f"note: {visible(note)}", err=True)
        click.echo(f"{_styled(tally.verdict)}: {_counts(tally)}{_latency(performance.latencies)}")
        return tally.verdict != "same"

    def _end_of_clones(self, performances: Sequence[Performance]) -> bool:
        if sys.stderr.isatty():
            click.echo(_CLEAR, nl=False, err=True)
        verdicts: dict[Verdict, int] = {"same": 0, "diverged": 0, "incomplete": 0}
        for one in performances:
            verdicts[one.tally.verdict] += 1
        latencies = sorted(latency for one in performances for latency in one.latencies)
        refused = sum(one.refused for one in performances)
        if self._as_json:
            worst: Verdict = "diverged" if verdicts["diverged"] else "incomplete"
            line: dict[str, Any] = {
                "verdict": worst if verdicts["same"] < len(performances) else "same",
                "clones": len(performances),
                "same": verdicts["same"],
                "diverged": verdicts["diverged"],
                "incomplete": verdicts["incomplete"],
                "refused": refused,
                "answers": len(latencies),
            }
            for part in (50, 90, 99):
                line[f"p{part}Ms"] = round(percentile(latencies, part / 100) / 1e6, 3)
            sys.stdout.buffer.write(records.line(line))
        else:
            said = ", ".join(f"{count:,} {_styled(verdict)}" for verdict, count in verdicts.items() if count)
            refusals = f", {wording.plural(refused, 'refused connection')}" if refused else ""
            click.echo(
                f"{wording.plural(len(performances), 'station')}: {said}{refusals}{_latency(latencies)}"
            )
            notes = dict.fromkeys(note for one in performances for note in one.notes)
            for note in list(notes)[:10]:
                click.echo(f"note: {visible(note)}", err=True)
        return verdicts["same"] < len(performances)


def _styled(verdict: str) -> str:
    return click.style(verdict, fg=_COLOURS[verdict], bold=True)


def _counts(tally: Tally) -> str:
    parts = [f"{count:,} {outcome}" for outcome, count in tally.counts.items() if count]
    if tally.unplayed:
        parts.append(f"{tally.unplayed:,} not played")
    return ", ".join(parts) or "nothing was compared"


def _latency(latencies: Sequence[int]) -> str:
    if not latencies:
        return ""
    ordered = sorted(latencies)
    parts = [f"p{part} {duration(percentile(ordered, part / 100))}" for part in (50, 90, 99)]
    return f"; answers took {', '.join(parts)}"
