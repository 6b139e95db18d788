"""What went wrong: a line for each finding, and below the list all that is to be said of one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from textual import events, work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ocppscope.filter import parse
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import clock, plural
from ocppscope.store import FindingRow, Store, StoreError
from ocppscope.tui.facts import finding_rows
from ocppscope.tui.lines import MARKS, Cell, Column, LineList
from ocppscope.tui.selection import Scope, shown
from ocppscope.tui.views.base import View
from ocppscope.tui.views.messages import MessagesView
from ocppscope.tui.views.sessions import UNNAMED

_RANK: Final[Mapping[str, int]] = {"error": 0, "warning": 1, "info": 2}
_MANY: Final[Mapping[str, str]] = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
_CAPTURE: Final = "the capture"
"""What findings without a session are about."""
_WIDE: Final = 110
_WITH_PANE: Final = 20
"""Lines of a terminal in which there is room for the whole text below the list."""
_PROOFS_SHOWN: Final = 20
_PROOFS_TRIED: Final = 50
_REPEATED: Final = 5
"""Sessions up to which each has a line of its own for what was seen in all of them."""
_NO_PROOF: Final = "no single message shows it"
_STYLES: Final[Mapping[str, str]] = {
    "error": "bold $text-error",
    "warning": "bold $text-warning",
    "info": "bold",
    "dim": "$text-muted",
}
"""In the pane below the list."""


def _station(finding: FindingRow) -> str:
    return _CAPTURE if finding.session is None else finding.station or UNNAMED


@dataclass(frozen=True, slots=True)
class Order:
    """One way to put findings in groups."""

    name: str
    key: Callable[[FindingRow], Any]
    """The groups are in its order."""
    title: Callable[[Sequence[FindingRow]], str]
    """Of a group."""
    hidden: str | None
    """The column that the titles stand for."""


def _title_of_rule(group: Sequence[FindingRow]) -> str:
    severities = sorted({one.severity for one in group}, key=_RANK.__getitem__)
    return f"{group[0].rule} ({'/'.join(severities)}) {group[0].title}"


_BY_SEVERITY: Final = Order(
    "severity", lambda one: _RANK[one.severity], lambda group: _MANY[group[0].severity], None
)
_ORDERS: Final = (
    _BY_SEVERITY,
    Order("rule", lambda one: one.rule, _title_of_rule, "Rule"),
    Order(
        "station",
        lambda one: (one.session is not None, _station(one)),
        lambda group: _station(group[0]),
        "Station",
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, or one that was seen in many sessions; or, without one, the title of a group."""

    group: Any
    title: str
    findings: Sequence[FindingRow] = ()
    place: int = 0
    """Of its first finding among all, from 1."""

    @property
    def finding(self) -> FindingRow | None:
        """The first one."""
        return self.findings[0] if self.findings else None

    @property
    def key(self) -> tuple[Any, int]:
        """What it is found again by."""
        return self.group, self.finding.number if self.finding else 0


class FindingLines(LineList):
    """Lines of findings, in groups."""

    def __init__(self) -> None:
        super().__init__(id="findings")
        self.lines: list[Line] = []
        self.order = _ORDERS[0]
        self._named: list[str] = []

    def show(self, lines: list[Line]) -> None:
        """Show other lines; what the cursor is on stays where it is on the screen."""
        known = self.lines[self.cursor].key if self.lines else None
        self.lines = lines
        self.refresh_count()
        if known is None:
            self.cursor = 1  # the first finding, below the title of its group
            return
        at = next((at for at, line in enumerate(lines) if line.key == known), None)
        if at is not None and at != self.cursor:
            self.scroll_to(y=max(round(self.scroll_y) + at - self.cursor, 0), animate=False)
            self.cursor = at

    def go_to_finding(self, number: int) -> None:
        """Put the cursor on a finding; where its group is folded, on the first line."""
        places = (
            at for at, line in enumerate(self.lines) if any(one.number == number for one in line.findings)
        )
        self.go_to(next(places, 0))

    def choose_columns(self) -> None:
        """Choose the columns that there is room for."""
        wide = self.size.width >= _WIDE
        columns = (
            Column("", 1),
            Column("Rule", 10 if wide else 8),
            Column("Station", 14 if wide else 10),
            Column("Ses.", 5 if wide else 4, right=True),
            Column("Times", 7 if wide else 5, right=True),
            Column("First", 12 if wide else 8),
            Column("What was seen", 0),
        )
        chosen = [column for column in columns if column.title != self.order.hidden]
        self._named = [column.title for column in chosen]
        self.columns = tuple(chosen)

    def on_resize(self) -> None:
        self.choose_columns()
        super().on_resize()

    def count(self) -> int:
        return len(self.lines)

    def cells(self, index: int) -> Sequence[Cell]:
        line = self.lines[index]
        finding = line.finding
        if finding is None:
            return [(visible(line.title), "title")]
        session, station = "-" if finding.session is None else str(finding.session), _station(finding)
        if len(line.findings) > 1:
            session = "…"
            station = station if len({one.station for one in line.findings}) == 1 else "(several)"
        by_title: dict[str, Cell] = {
            "": MARKS[finding.severity],
            "Rule": (finding.rule, finding.severity),
            "Station": visible(station),
            "Ses.": session,
            "Times": f"{sum(one.count for one in line.findings):,}",
            "First": (clock(finding.first)[: 12 if self.size.width >= _WIDE else 8], "dim"),
            "What was seen": visible(line.title + finding.detail),
        }
        return [by_title[name] for name in self._named]


def _sessions(findings: Iterable[FindingRow]) -> int:
    return len({one.session for one in findings if one.session is not None})


class FindingsView(View):
    """The findings of a scope.

    Enter opens the messages around the first proof, also where there is but one: the text of the finding is
    on the screen already, and what came before and after is what explains it. From there Enter opens the proof
    itself, and Escape comes back here.

    Args:
        scope: whose findings.
    """

    ROOM = "findings"
    DEFAULT_CSS = """
    FindingsView > #whole {
        height: auto; min-height: 8; max-height: 50%; padding: 0 1; background: $surface;
        border-top: solid $panel;
    }
    FindingsView.short > #whole { display: none; }
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
        self._lines = FindingLines()
        self._all: list[FindingRow] = []
        """Those of the scope."""
        self._selected: frozenset[int] | None = None
        """The numbers of those that the filter selects; None: all."""
        self._turned: set[tuple[Any, ...]] = set()
        """What Enter was pressed on: the groups of which only the title shows, and what was seen in many sessions
        and has a line for each of them."""
        self._count = 0
        """Of the findings that the filter selects."""
        self._seen: tuple[Any, ...] = ()
        """What the store held when it was read."""
        self._asked: tuple[Any, ...] = ()
        """What the filter was asked of."""
        self._is_asking = False

    def body(self) -> Iterable[Widget]:
        yield self._lines
        yield Static(id="whole", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.height < _WITH_PANE, "short")
        self._show_whole()

    # --- what is shown ---

    def heading(self) -> str:
        return f"findings › {self.scope.title}"

    def store_changed(self) -> None:
        state = self.browser.store.findings_state()
        if state != self._seen:
            self._seen = state
            sessions = self.scope.sessions
            self._all = [
                one for one in self.browser.store.findings() if sessions is None or one.session in sessions
            ]
            self._arrange()
        self._ask_filter()
        super().store_changed()

    def _ask_filter(self) -> None:
        """Find out, outside the loop that draws, which findings the filter selects."""
        asked = self.browser.filter_text, self._seen
        if asked == self._asked or self._is_asking:
            return
        self._asked = asked
        if not asked[0]:
            self._filtered(None)
            return
        self._is_asking = True
        self._ask(asked[0])

    @work(thread=True, group="filter")
    def _ask(self, text: str) -> None:
        try:
            with Store(self.browser.store.path) as store:
                found = frozenset(store.findings_where(parse(text).sql()))
        except StoreError as error:
            self.app.call_from_thread(self.browser.show_alert, str(error))
            found = frozenset()
        self.app.call_from_thread(self._filtered, found)

    def _filtered(self, found: frozenset[int] | None) -> None:
        self._is_asking = False
        if found != self._selected:
            self._selected = found
            self._arrange()
        self.show_status()
        self._ask_filter()  # it may be another one by now

    def _arrange(self) -> None:
        """Put the findings in groups."""
        order, selected = self._lines.order, self._selected
        shown = [one for one in self._all if selected is None or one.number in selected]
        lines: list[Line] = []
        place = 1
        for key, members in groupby(sorted(shown, key=order.key), order.key):
            group = list(members)
            named = order.name, key
            times = f"{plural(sum(one.count for one in group), 'time')}"
            count = f"{plural(len(group), 'finding')}, seen {times}"
            is_folded = named in self._turned
            folded = " … (Enter unfolds)" if is_folded else ""
            lines.append(Line(named, f"{order.title(group)}: {count}{folded}"))
            lines += [] if is_folded else self._lines_of(named, group, place)
            place += len(group)
        self._count = len(shown)
        self._lines.show(lines)
        self._show_whole()

    def _lines_of(self, named: tuple[str, Any], group: Sequence[FindingRow], place: int) -> list[Line]:
        """The lines below the title of a group; by severity, what was seen in many sessions has one for all."""
        if self._lines.order is not _BY_SEVERITY:
            return [Line(named, "", [one], place + at) for at, one in enumerate(group)]
        alike: dict[tuple[str, str], list[FindingRow]] = {}
        for one in group:
            alike.setdefault((one.rule, one.detail), []).append(one)
        lines: list[Line] = []
        for key, findings in alike.items():
            count = _sessions(findings)
            repeated = *named, *key
            if count > _REPEATED and repeated not in self._turned:
                lines.append(Line(repeated, f"×{count:,} sessions: ", findings, place))
            else:
                if count > _REPEATED:
                    lines.append(Line(repeated, f"  {key[0]} ×{count:,} sessions: {key[1]}"))
                lines += [Line(named, "", [one], place + at) for at, one in enumerate(findings)]
            place += len(findings)
        return lines

    def _show_whole(self) -> None:
        """Say below the list all that is to be said of the finding under the cursor."""
        finding = self.finding
        rows: list[list[Cell]] = [[("Enter folds or unfolds the group", "dim")]] if self._lines.lines else []
        if finding is not None:
            numbers = self.browser.store.proofs(finding.number, _PROOFS_SHOWN + 1)
            proofs = " ".join(f"#{n}" for n in numbers[:_PROOFS_SHOWN])
            more = " and more" if len(numbers) > _PROOFS_SHOWN else ""
            width = max(self.size.width - 2, 20)
            rows = finding_rows(finding, width, f"{proofs or _NO_PROOF}{more}")
            if self._is_repeated:
                rows.insert(
                    0, [(f"The first of {len(self._line.findings):,} alike; Enter lists them", "dim")]
                )
        content = Content("\n").join(Content.assemble(*map(_content, row)) for row in rows)
        self.query_one("#whole", Static).update(content)

    def on_line_list_moved(self) -> None:
        super().on_line_list_moved()
        self._show_whole()

    @property
    def finding(self) -> FindingRow | None:
        """The finding under the cursor; None on the title of a group."""
        return self._line.finding

    @property
    def _line(self) -> Line:
        """The line under the cursor; an empty one where there is none."""
        return self._lines.lines[self._lines.cursor] if self._lines.lines else Line(None, "")

    @property
    def _is_repeated(self) -> bool:
        """Whether the line under the cursor stands for several findings."""
        return len(self._line.findings) > 1

    def current(self) -> int | None:
        proofs = self.browser.store.proofs(self.finding.number, 1) if self.finding else ()
        return proofs[0] if proofs else None

    def status(self) -> str:
        shown, place = len(self._all), self._line.place
        count = plural(self._count, "finding") if self._count else "no findings"
        parts = [f"{place:,} of {count}" if place else count, f"by {self._lines.order.name}"]
        if self._selected is not None:
            selected = sum(one.number in self._selected for one in self._all)
            parts.append(f"{selected:,} of {plural(shown, 'finding')} selected")
        if self._is_asking:
            parts.append("filtering …")
        return "  ·  ".join(parts)

    def text_to_copy(self) -> str:
        finding = self.finding
        if finding is None:
            return super().text_to_copy()
        where = _CAPTURE if finding.session is None else f"{_station(finding)}, session {finding.session}"
        alike = self._line.findings
        times = sum(one.count for one in alike)
        more = f" and {len(alike) - 1:,} more" if self._is_repeated else ""
        proofs = " ".join(f"#{n}" for n in self.browser.store.proofs(finding.number, _PROOFS_SHOWN))
        return "\n".join(
            (
                f"{finding.severity} {finding.rule} {finding.title}",
                f"{finding.detail} ({where}{more}, seen {plural(times, 'time')})",
                f"hint: {finding.hint}",
                f"source: {finding.source}",
                f"proofs: {proofs or _NO_PROOF}",
            )
        )

    # --- keys ---

    def action_order(self) -> None:
        """Put the findings in groups in the next way."""
        finding, lines = self.finding, self._lines
        lines.order = _ORDERS[(_ORDERS.index(lines.order) + 1) % len(_ORDERS)]
        lines.choose_columns()
        self._arrange()
        if finding is not None:
            lines.go_to_finding(finding.number)
        else:
            lines.go_to(0)
        self.show_status()

    def step_finding(self, step: int) -> None:
        """Go to the next error or warning, or the one before."""
        lines = self._lines.lines
        for distance in range(1, len(lines) + 1):
            index = (self._lines.cursor + step * distance) % len(lines)
            finding = lines[index].finding
            if finding is not None and finding.severity != "info":
                self._lines.go_to(index)
                return
        self.say("there is no error or warning")

    async def choose(self) -> None:
        finding, line = self.finding, self._line
        if finding is None or self._is_repeated:
            self._turned ^= {line.group}
            self._arrange()
            self.show_status()
            return
        proofs = self.browser.store.proofs(finding.number, _PROOFS_TRIED)
        if not proofs:
            self.say(f"{finding.rule}: {_NO_PROOF}")
            return
        n = self._listed(proofs)
        if n is None or finding.session is None:
            await self.browser.open_event(n or proofs[0], proofs)
            return
        scope = Scope(f"{visible(_station(finding))}, session {finding.session}", (finding.session,))
        await self.app.push_screen(MessagesView(scope, n))

    def _listed(self, proofs: Sequence[int]) -> int | None:
        """The first proof that a list of messages shows: a filter, or hiding routine, may leave some out."""
        chosen = shown(self.browser.filter_text, hide_routine=self.browser.hide_routine)
        if chosen is None:
            return proofs[0]
        where = chosen.sql()
        return next((n for n in proofs if self.browser.store.select(where, after=n - 1, until=n)), None)


def _content(cell: Cell) -> Content:
    """A cell in the pane below the list."""
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Content.styled(text, _STYLES.get(style, ""))
