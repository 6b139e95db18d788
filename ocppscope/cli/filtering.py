"""`--filter`: the option, and events and findings that fit.

What a filter asks of findings is known only when all rules have seen all events: such a capture goes through
a temporary store, and is then decoded once more from there.
"""

import signal
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn, Self

import click

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.cli.options import OpenInput
from ocppscope.events import Event, Notice
from ocppscope.filter import Filter, FilterError, parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine, Finding
from ocppscope.store import Store, StoreWriter


class _Expression(click.ParamType[Filter]):
    name = "expr"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        if isinstance(value, Filter):
            return value
        try:
            return parse(value)
        except FilterError as error:
            self.fail(str(error), param, ctx)


filter_option: Final = click.option(
    "--filter", "wanted", type=_Expression(), metavar="EXPR", help="Only what fits: docs/filter.md tells how."
)
"""Gives the command its `wanted`: a Filter, or None."""


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


class Judging:
    """Judges a capture on its way into a temporary store, which goes when this is closed.

    Args:
        name: of the capture.
        engine: arguments for the rules' engine.
    """

    def __init__(self, name: str, **engine: Any) -> None:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # which would leave the folder behind
            signal.signal(signal.SIGTERM, _end)
        self._folder = TemporaryDirectory(prefix="ocppscope-")
        self._path = Path(self._folder.name) / "judged.ocppdb"
        self._writer = StoreWriter(self._path, source=name, durable=False)
        self.engine = Engine(**engine, observer=self._writer.observe)

    def close(self) -> None:
        """Remove the store."""
        self._writer.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def feed(self, events: list[Event | Notice]) -> None:
        """Judge the next events."""
        self.engine.feed(events)
        self._writer.feed(events)

    def end(self, *, is_broken_off: bool = False) -> Store:
        """All events were judged, or those that there are: open the store."""
        if is_broken_off:
            self._writer.abandon()
        self._writer.finish()
        return Store(self._path)

    def findings(self, wanted: Filter, *, is_broken_off: bool = False) -> list[Finding]:
        """The findings of which an event fits; of rules and severities only the finding's own count."""
        fits = wanted.predicate()
        shown: set[int] = set()
        findings = self.engine.findings  # numbered from 1 in this order, in the store as well
        with self.end(is_broken_off=is_broken_off) as store:
            for events in _decoded(store):
                of_event: dict[int, list[int]] = {}
                for n, number in store.proven(*_span(events)):
                    if number not in shown:
                        of_event.setdefault(n, []).append(number)
                for event in events:
                    if isinstance(event, Notice):
                        continue
                    for number in of_event.get(event.n, ()):
                        finding = findings[number - 1]
                        if fits(event, {(finding.rule.id, finding.severity)}):
                            shown.add(number)
        return [findings[number - 1] for number in sorted(shown)]


def selected(opened: OpenInput, wanted: Filter | None) -> Iterator[list[Event | Notice]]:
    """Yield the events of a capture that fit, and all notices.

    Args:
        opened: the capture.
        wanted: None: all.

    Raises:
        UnreadableInput: it cannot be read any further.
    """
    if wanted is None:
        yield from opened.batches()
    elif wanted.uses_findings:
        yield from _selected_by_findings(opened, wanted)
    else:
        fits = wanted.predicate()
        for batch in opened.batches():
            yield [event for event in batch if isinstance(event, Notice) or fits(event, ())]


def _selected_by_findings(opened: OpenInput, wanted: Filter) -> Iterator[list[Event | Notice]]:
    with Judging(opened.name) as judging:
        for batch in opened.batches():
            judging.feed(batch)
        with judging.end() as store:
            chosen = store.select(wanted.sql())
            for events in _decoded(store):
                first, last = _span(events)
                fitting = set(chosen[bisect_left(chosen, first) : bisect_right(chosen, last)])
                yield [event for event in events if isinstance(event, Notice) or event.n in fitting]


def _decoded(store: Store) -> Iterator[list[Event | Notice]]:
    decoder = Decoder()
    for batch in store.wire_events():
        yield decoder.feed(batch)


def _span(events: Sequence[Event | Notice]) -> tuple[int, int]:
    """The numbers of the first and the last of some events; an empty span where there are none."""
    numbers = [event.n for event in events if not isinstance(event, Notice)]
    return (numbers[0], numbers[-1]) if numbers else (0, -1)
