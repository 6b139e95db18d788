"""Markdown: findings, and the conversation as a table, to be read or put into a bug report."""

from collections.abc import Iterable
from typing import Final

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.events import Event, Notice
from ocppscope.export import SHARED, Order
from ocppscope.export.files import FrontToEnd, Later
from ocppscope.filter import Filter
from ocppscope.ocpp import wording
from ocppscope.ocpp.times import timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import SEVERITIES, Report

_HEAD: Final = "| # | time (UTC) | station | | event |\n|---:|---|---|:-:|---|\n"


class Conversation(FrontToEnd):
    """See the module. It is given all events, for rules judge no selection; it shows what fits."""

    def __init__(self, order: Order) -> None:
        self._engine = Engine(profile=order.profile, observer=self._observe)
        self._fits = order.wanted.predicate() if order.wanted else None
        self._proven: dict[int, set[tuple[str, str]]] = {}
        """By event number, the rules and severities of the findings that it shows; kept only where they are asked
        for."""
        self._waiting: list[Event] = []
        """Events of which it is known at the end only whether they fit."""
        self._needs_findings = order.wanted is not None and order.wanted.uses_findings
        self._day = ""
        self._shared = ""
        super().__init__(order)

    def begin(self) -> None:
        self._rows = Later()

    def give_up(self) -> None:
        self._rows.close()

    def _observe(self, finding: Finding, _report: Report, numbers: tuple[int, ...]) -> None:
        if self._needs_findings:
            for number in numbers:
                self._proven.setdefault(number, set()).add((finding.rule.id, finding.severity))

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        self._engine.feed(events)
        for event in events:
            if isinstance(event, Notice):
                self._shared = event.detail if event.kind == SHARED else self._shared
                continue
            if self._needs_findings:
                self._waiting.append(event)
            elif self._fits is None or self._fits(event, ()):
                self._row(event)
        return ()

    def _row(self, event: Event) -> None:
        self.written += 1
        stamp = timestamp(event.time) or ""
        day, self._day = self._day, stamp[:10] or self._day
        time = stamp[11:23] if stamp[:10] == day else stamp[:23].replace("T", " ")
        cells = (
            str(event.n),
            time or "-",
            event.session.station or "",
            wording.arrow(event).strip(),
            wording.what(event),
        )
        self._rows.add(f"| {' | '.join(map(_cell, cells))} |\n".encode(errors="replace"))

    def rest(self) -> Iterable[bytes]:
        if self._fits is not None:
            for event in self._waiting:
                if self._fits(event, self._proven.get(event.n, ())):
                    self._row(event)
        findings = sorted(self._engine.findings, key=lambda one: SEVERITIES.index(one.severity))
        yield f"# {_cell(self.order.source)}\n\n".encode(errors="replace")
        if self._shared:
            yield f"{_cell(self._shared)}\n\n".encode(errors="replace")
        yield b"## Findings\n\n"
        if not findings:
            yield b"None.\n"
        for finding in findings:
            yield f"- {_finding(finding)}\n".encode(errors="replace")
        yield f"\n## Conversation\n\n{_selection(self.order.wanted)}{_HEAD}".encode()
        yield from self._rows.pieces()


def _selection(wanted: Filter | None) -> str:
    return f"Only events that fit `{visible(wanted.text)}`.\n\n" if wanted else ""


def _finding(finding: Finding) -> str:
    session = finding.session
    where = f" ({session.station or 'unnamed station'}, session {session.number})" if session else ""
    proof = f" Events {', '.join(map(str, finding.events))}." if finding.events else ""
    times = f" {finding.count} times." if finding.count > 1 else ""
    title = f"**{finding.severity} {finding.rule.id}** {_cell(finding.rule.title)}{_cell(where)}"
    return f"{title}: {_cell(finding.detail)}.{times}{proof} *{_cell(finding.source)}*"


_SPECIAL: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\|`*_<>[]#~"})


def _cell(text: str) -> str:
    return visible(text).translate(_SPECIAL)


open_output = Conversation
