"""Judging a large capture with all processors: each process reads it, and decodes and judges its share of the stations.

No rule looks from one station at another, so the shares' findings are together what one process finds. Only reading
the wire is done in each of them.
"""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any, Final

from ocppscope.cli.counts import Counts
from ocppscope.cli.options import OpenInput, UnreadableInput
from ocppscope.events import Event, Notice
from ocppscope.ocpp.decoder import Share
from ocppscope.rules.engine import Engine, Finding

FROM: Final = 8_000_000
"""Bytes from which on another process is worth its start."""
_MOST: Final = 4
"""Reading the wire, which all of them do, soon takes longest."""


@dataclass(slots=True)
class Judged:
    """What one share comes to."""

    findings: list[Finding]
    counts: Counts
    is_interrupted: bool


def parts_for(opened: OpenInput) -> int:
    """Into how many shares an input is worth to be divided."""
    if not opened.can_be_shared or (opened.size or 0) < FROM or "fork" not in get_all_start_methods():
        return 1
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, _MOST)


def read_all(opened: OpenInput, feed: Callable[[list[Event | Notice]], None]) -> bool:
    """Feed an input's events to its end; True if the user interrupted that. What was fed until then stands.

    Raises:
        UnreadableInput: it cannot be read any further.
    """
    try:
        for batch in opened.batches():
            feed(batch)
    except KeyboardInterrupt:
        return True
    return False


def judge_share(opened: OpenInput, engine: Engine) -> bool:
    """The same for a share, of which the engine is told how time passes: others have the events in between."""

    def feed(batch: list[Event | Notice]) -> None:
        engine.feed(batch)
        if opened.now is not None:
            engine.pass_time(opened.now)

    return read_all(opened, feed)


class Helpers:
    """The other processes.

    Args:
        parts: how many shares there are; the first is the caller's.
        open_share: opens the input once more.
        make_engine: makes an engine like the caller's.
    """

    def __init__(
        self, parts: int, open_share: Callable[[Share], OpenInput], make_engine: Callable[[], Engine]
    ) -> None:
        context = get_context("fork")
        self._running = []
        for part in range(1, parts):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(
                target=_help, args=(theirs, Share(part, parts), open_share, make_engine)
            )
            process.start()
            theirs.close()
            self._running.append((process, ours))

    def join(self) -> Iterable[Judged]:
        """Yield what each of them has found.

        Raises:
            UnreadableInput: one of them died.
        """
        for process, ours in self._running:
            try:
                found = ours.recv()
            except EOFError:
                raise UnreadableInput(
                    "a process that judged a part of the capture died, maybe for want of memory: judge fewer stations"
                    " at a time, with --station"
                ) from None
            process.join()
            if found is not None:
                yield found

    def stop(self) -> None:
        """Give them up."""
        for process, ours in self._running:
            process.terminate()
            process.join()
            ours.close()


def _help(
    result: "Connection[Any, Any]",
    share: Share,
    open_share: Callable[[Share], OpenInput],
    make_engine: Callable[[], Engine],
) -> None:
    """Judge a share; None where it cannot be read, which the first process says."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path to speak of
        sys.stderr = nowhere
        try:
            opened, engine = open_share(share), make_engine()
            is_interrupted = judge_share(opened, engine)
            findings = [one for one in engine.packed() if one.session is not None]
            result.send(Judged(findings, opened.counts, is_interrupted))
        except (UnreadableInput, KeyboardInterrupt):
            result.send(None)
