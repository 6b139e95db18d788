"""Runs test cases: checks each, and replays it where that is asked for."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from ocppscope.testing.case import Case
from ocppscope.testing.checking import check
from ocppscope.testing.reading import CannotReadError
from ocppscope.testing.replaying import CannotReplayError, Result, play_as_csms, play_as_station
from ocppscope.testing.settings import Values

Status: TypeAlias = Literal["passed", "failed", "error", "skipped"]


@dataclass(slots=True)
class Outcome:
    """What has come of a test case."""

    name: str
    path: Path
    status: Status
    lines: list[str] = field(default_factory=list)
    """What is not as expected; of an error what stood in the way, of a skipped one why."""
    seconds: float = 0.0
    output: str = ""
    """The last of what the peer has said, where one was started and the test has not passed."""
    result: Result | None = None
    """Of the replay, where there was one."""


def run(
    cases: Iterable[Case], *, to: str | None = None, began: Callable[[Case], object] = id
) -> Iterator[Outcome]:
    """Run cases, one after the other, and yield what has come of each as it ends.

    Args:
        cases: to be run.
        to: the URL of a CSMS to which each is replayed as a station, in the place of what its TOML says; those
            stay that replay a CSMS, and those that are not to be replayed (`replay = false`).
        began: called with each before it is run.
    """
    for case in cases:
        began(case)
        start = time.monotonic()
        outcome = run_case(case, to=to)
        outcome.seconds = time.monotonic() - start
        yield outcome


def run_case(case: Case, *, to: str | None = None) -> Outcome:
    """Run one case."""
    outcome = Outcome(case.name, case.path, "passed")
    if case.problem is not None:
        outcome.status, outcome.lines = "error", [case.problem]
        return outcome
    settings = case.settings
    if settings.skip is not None:
        outcome.status, outcome.lines = "skipped", [settings.skip]
        return outcome
    try:
        if settings.check is not None:
            outcome.lines = [
                f"check: {line}" if line[0] != " " else line for line in _checked(case, settings.check)
            ]
        if (replay := _replay(settings.replay, case, to)) is not None:
            result = outcome.result = replayed(case.path, settings.input, replay)
            if not result.is_as_expected:
                first, *rest = result.lines()
                outcome.lines += [f"replay: {first}", *(f"    {line}" for line in rest)]
                outcome.output = result.output
        outcome.status = "failed" if outcome.lines else "passed"
    except (CannotReadError, CannotReplayError) as error:
        outcome.status = "error"
        outcome.lines += str(error).splitlines()
        outcome.output = getattr(error, "output", "")
    return outcome


def replayed(path: Path, input_: Values, replay: Values) -> Result:
    """Replay a capture, with an event loop of its own.

    Raises:
        CannotReplayError: it cannot begin.
    """
    play = play_as_csms if replay.get("as") == "csms" else play_as_station
    return asyncio.run(play(path, input_, replay))


def _checked(case: Case, wanted: Values) -> list[str]:
    return check(case.path, case.settings.input, wanted)


def _replay(said: Values | None, case: Case, to: str | None) -> Values | None:
    """What is asked for, with the user's URL in the place of the peer."""
    if to is None or (said is None and case.settings.is_not_replayed):
        return said
    values = said or {}
    if values.get("as") == "csms":
        return values
    return {
        **{key: value for key, value in values.items() if key not in ("command", "ready", "cwd")},
        "to": to,
    }


__all__ = ["Outcome", "Status", "replayed", "run", "run_case"]
