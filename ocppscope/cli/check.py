"""`ocppscope check`: findings, and a summary."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.cli import report, shares
from ocppscope.cli.filtering import Judging, filter_option
from ocppscope.cli.options import (
    EXIT_FINDINGS,
    EXIT_UNREADABLE,
    OpenInput,
    Reading,
    UnreadableInput,
    reading_options,
)
from ocppscope.cli.pipes import reader_may_leave
from ocppscope.cli.public_keys import public_key_option
from ocppscope.cli.quirks import quirks_option
from ocppscope.cli.report import Verdict
from ocppscope.filter import Filter
from ocppscope.ocpp.decoder import Share
from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.quirks import Quirks
from ocppscope.rules.registry import RULES, SEVERITIES, Profile


def _known_rules(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in RULES}
    for name in value:
        if name.lower() not in by_name:
            raise click.BadParameter(f"there is no rule {name}: `ocppscope rules` lists them", ctx, param)
    return tuple(by_name[name.lower()] for name in value)


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--json", "as_json", is_flag=True, help="One finding a line, as JSON.")
@click.option(
    "--format",
    "output",
    type=click.Choice(list(report.FORMATS)),
    default="text",
    help="How to print findings.",
)
@click.option(
    "--profile",
    type=click.Choice(["field", "strict"]),
    default="field",
    show_default=True,
    help="Severities: as the field sees them, or as the standard does.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default="error",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("--only", multiple=True, metavar="RULE", callback=_known_rules, help="Run only this rule.")
@click.option("--skip", multiple=True, metavar="RULE", callback=_known_rules, help="Leave this rule out.")
@filter_option
@public_key_option
@quirks_option
@click.option("--join", is_flag=True, help="The inputs are one capture, in this order.")
@reading_options
def command(
    *,
    inputs: tuple[str, ...],
    as_json: bool,
    output: str,
    profile: Profile,
    fail_on: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    wanted: Filter | None,
    join: bool,
    public_keys: tuple[PublicKey, ...],
    quirks: Quirks | None,
    **reading: Any,
) -> None:
    """Read captures, print what went wrong, in whose message, and where the standard says so.

    --filter selects the findings that are shown, never what rules see: one is shown if an event that proves it
    fits. The exit code is that of the findings shown.

    Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 an input that cannot be read or
    holds no OCPP message.
    """
    if as_json and output not in ("text", "json"):
        raise click.UsageError(f"--json and --format {output} contradict each other: choose one")
    captures = [inputs] if join else [(name,) for name in inputs]
    verdicts: list[Verdict] = []
    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on in SEVERITIES else ()
    failed, interrupted = False, False
    for names in captures:
        judge = _Judge(
            wanted, profile=profile, only=only or None, skip=skip, public_keys=public_keys, quirks=quirks
        )
        try:
            opened = Reading(**reading).open(names)
            verdicts.append(Verdict(opened.name, judge.engine, opened.counts))
            interrupted = judge.read(opened, lambda share, names=names: _open(names, share, reading))  # type: ignore[misc]
            says_enough = interrupted or verdicts[-1].has(counted)
            verdicts[-1].shown = judge.shown(is_broken_off=interrupted)
            if not says_enough:
                opened.require_ocpp(messages=True)
        except UnreadableInput as error:
            error.show()
            failed = True
        finally:
            judge.close()
        if interrupted:
            break
    worth_telling = [verdict for verdict in verdicts if verdict.counts.has_ocpp or verdict.findings]
    with reader_may_leave():  # the exit code stands, also where nobody reads to the end
        report.FORMATS["json" if as_json else output](worth_telling)
    if interrupted:
        sys.exit(130)
    if failed:
        sys.exit(EXIT_UNREADABLE)
    if any(verdict.counts.damaged_file or verdict.has(counted) for verdict in verdicts):
        sys.exit(EXIT_FINDINGS)


def _open(names: Sequence[str], share: Share, reading: dict[str, Any]) -> OpenInput:
    return Reading(**reading, share=share).open(names)


class _Judge:
    """Judges one capture; by way of a temporary store where only some findings are asked for."""

    def __init__(self, wanted: Filter | None, **engine: Any) -> None:
        self._wanted = wanted
        self._options = engine
        self._judging = None if wanted is None else Judging("", **engine)
        self.engine = Engine(**engine) if self._judging is None else self._judging.engine

    def read(self, opened: OpenInput, open_share: Callable[[Share], OpenInput]) -> bool:
        """Read it all; True if the user interrupted that. What was read until then is judged."""
        if self._judging is not None:
            return shares.read_all(opened, self._judging.feed)
        parts = shares.parts_for(opened)
        if parts == 1:
            return shares.read_all(opened, self.engine.feed)
        return self._read_shared(parts, opened, open_share)

    def _read_shared(self, parts: int, opened: OpenInput, open_share: Callable[[Share], OpenInput]) -> bool:
        helpers = shares.Helpers(parts, open_share, lambda: Engine(**self._options))
        try:
            opened.take_share(Share(0, parts))
            is_interrupted = shares.judge_share(opened, self.engine)
            for judged in helpers.join():
                self.engine.absorb(judged.findings)
                opened.counts.absorb(judged.counts)
                is_interrupted = is_interrupted or judged.is_interrupted
        except BaseException:
            helpers.stop()
            raise
        return is_interrupted

    def shown(self, *, is_broken_off: bool) -> list[Finding] | None:
        """The findings that are asked for; None: all."""
        if self._judging is None or self._wanted is None:
            return None
        return self._judging.findings(self._wanted, is_broken_off=is_broken_off)

    def close(self) -> None:
        if self._judging is not None:
            self._judging.close()
