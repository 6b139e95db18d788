"""The first view: stations and their sessions, what each held, and how it ended."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from textual.widget import Widget

from ocppscope.events import Session
from ocppscope.filter import parse
from ocppscope.ocpp.times import duration, timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural
from ocppscope.store import SessionRow
from ocppscope.tui.lines import Cell, Column, LineList, fitted
from ocppscope.tui.scan import Scan
from ocppscope.tui.selection import EVERYTHING, Scope
from ocppscope.tui.views.base import View

UNNAMED: Final = "unnamed station"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a session, all those of a station, or all there are."""

    title: str
    rows: Sequence[SessionRow] = field(repr=False)
    level: int
    """0: all, 1: a station, 2: a session."""

    @property
    def scope(self) -> Scope:
        """What is looked at when it is opened."""
        if self.level == 0:
            return EVERYTHING
        return Scope(self.title.strip(), tuple(row.session.number for row in self.rows))

    @property
    def start(self) -> int | None:
        return min((row.start for row in self.rows if row.start is not None), default=None)

    @property
    def end(self) -> int | None:
        return max((row.end for row in self.rows if row.end is not None), default=None)

    @property
    def length(self) -> int | None:
        """In nanoseconds."""
        return None if self.start is None or self.end is None else self.end - self.start

    def total(self, name: str) -> int:
        return sum(getattr(row, name) for row in self.rows)

    @property
    def versions(self) -> str:
        return "/".join(sorted({_version(row.session) for row in self.rows} - {""}))

    @property
    def security(self) -> str:
        return "/".join(sorted({security(row) for row in self.rows}))

    @property
    def ended(self) -> str:
        return _ended(self.rows[0]) if self.level == 2 else ""


def _version(session: Session) -> str:
    return f"{session.version}{'?' if session.version_inferred else ''}" if session.version else ""


def security(row: SessionRow) -> str:
    """How a session is secured, as far as the capture shows: `plain`, `TLS`, with `+auth` for credentials."""
    if row.session.late and row.tls is None:
        return "-"  # its start was not seen
    return ("TLS" if row.tls else "plain") + ("+auth" if row.auth else "")


def _ended(row: SessionRow) -> str:
    if row.session.duplicate_of is not None:
        return f"same as {row.session.duplicate_of}"
    if row.status is not None and row.status != 101:
        return f"refused, {row.status}"
    by = {"station": " by station", "csms": " by CSMS"}.get(row.closed_by or "", "")
    how = {"fin": "FIN", "rst": "RST", "end-of-capture": "still open", None: "open"}
    if row.closed == "close":
        return f"{row.close_code or 'close'}{by}"
    return f"{how[row.closed]}{by}"


_COLUMNS: Final = (
    Column("Station", 0),
    Column("OCPP", 10),
    Column("Security", 14),
    Column("Start UTC", 19),
    Column("Length", 8, right=True),
    Column("Messages", 9, right=True),
    Column("Err", 4, right=True),
    Column("Warn", 4, right=True),
    Column("Ended", 18),
)
_NARROW: Final = 110
_NARROW_COLUMNS: Final = (
    Column("Station", 0),
    Column("OCPP", 5),
    Column("Security", 8),
    Column("Start UTC", 11),
    Column("Length", 8, right=True),
    Column("Msgs", 7, right=True),
    Column("Err", 3, right=True),
    Column("Wrn", 3, right=True),
    Column("Ended", 12),
)
_KEYS: Final[Sequence[Callable[[Line], Any]]] = (
    lambda line: line.title.lower(),
    lambda line: line.versions,
    lambda line: line.security,
    lambda line: line.start or 0,
    lambda line: line.length or 0,
    lambda line: line.total("messages"),
    lambda line: line.total("errors"),
    lambda line: line.total("warnings"),
    lambda line: line.ended,
)
_BY_START: Final = 3


class SessionLines(LineList):
    """Lines of sessions."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS, id="sessions")
        self.lines: list[Line] = []
        self._is_wide = False
        self._order = _BY_START, False

    def on_resize(self) -> None:
        self._is_wide = self.size.width >= _NARROW
        self._arrange()
        super().on_resize()

    def show_order(self, column: int, *, is_reversed: bool) -> None:
        """Mark the column by which the lines are ordered."""
        self._order = column, is_reversed
        self._arrange()

    def _arrange(self) -> None:
        by, is_reversed = self._order
        mark = "▼" if is_reversed else "▲"
        self.columns = tuple(
            replace(
                column, title=fitted(column.title, min(len(column.title), (column.width or 9) - 1)) + mark
            )
            if at == by
            else column
            for at, column in enumerate(_COLUMNS if self._is_wide else _NARROW_COLUMNS)
        )

    def count(self) -> int:
        return len(self.lines)

    def cells(self, index: int) -> Sequence[Cell]:
        line = self.lines[index]
        errors, warnings = line.total("errors"), line.total("warnings")
        start = (timestamp(line.start) or "-")[: 19 if self._is_wide else 16].replace("T", " ")
        start = start if self._is_wide else start[5:] or "-"
        ended = line.ended if self._is_wide else line.ended.replace(" by ", " ")
        name = visible("  " * (line.level > 0) + line.title)
        return (
            (name, "title" if line.level == 0 else "bold" if line.level == 1 else ""),
            line.versions,
            line.security,
            start,
            "-" if line.length is None else duration(line.length),
            _count(line.total("messages")),
            (f"{errors:,}", "error" if errors else "dim"),
            (f"{warnings:,}", "warning" if warnings else "dim"),
            (ended, "error" if ended.startswith("refused") else ""),
        )


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**6 else f"{number / 1e6:.2f}M"


class SessionsView(View):
    """Stations and sessions."""

    ROOM = "sessions"

    def __init__(self) -> None:
        super().__init__()
        self._lines = SessionLines()
        self._column = _BY_START
        self._is_reversed = False
        self._is_grouped = True
        self._filtered = ""
        self._shown: set[int] = set()
        """The sessions in which the filter selects something."""
        self._scan = Scan(self, lambda *_: set(), self._found)
        self._totals = ""

    def heading(self) -> str:
        return self._totals

    def body(self) -> Iterable[Widget]:
        yield self._lines

    def store_changed(self) -> None:
        self._ask_filter()
        self._show_lines()
        super().store_changed()

    def _show_lines(self) -> None:
        """Arrange the lines anew, the cursor on the same one."""
        chosen = self._lines.lines[self._lines.cursor] if self._lines.lines else None
        self._lines.lines = self._arranged(self.browser.store.sessions())
        self._lines.refresh_count()
        if chosen is not None and chosen.level:
            key = chosen.level, chosen.title
            for index, line in enumerate(self._lines.lines):
                if (line.level, line.title) == key:
                    self._lines.cursor = index
        self._lines.show_order(self._column, is_reversed=self._is_reversed)
        self.show_bar()
        self.show_status()

    def _ask_filter(self) -> None:
        """Look for the sessions in which the filter selects something."""
        text = self.browser.filter_text
        if text != self._filtered:
            self._filtered, self._shown = text, set()
            self._scan.stop()
            where = parse(text).sql() if text else None
            self._scan = Scan(self, lambda store, *span: store.sessions_where(where, *span), self._found)
        if text:
            self._scan.go_on()

    def _found(self, _after: int, _until: int, sessions: set[int]) -> None:
        self._shown |= sessions
        self._show_lines()

    def _arranged(self, rows: list[SessionRow]) -> list[Line]:
        everybody = len(rows)
        if self._filtered:
            rows = [row for row in rows if row.session.number in self._shown]
        sessions = [Line(_name(row, grouped=self._is_grouped), (row,), 2) for row in rows]
        sessions.sort(key=self._key, reverse=self._is_reversed)
        by_station: dict[str, list[Line]] = {}
        for line in sessions:
            by_station.setdefault(line.rows[0].session.station or UNNAMED, []).append(line)
        named = len(by_station.keys() - {UNNAMED})
        self._totals = f"{plural(named, 'station')}, {plural(len(sessions), 'session')}"
        self._totals += f" of {everybody:,}" if self._filtered else ""
        total = Line("All", rows, 0)
        if not self._is_grouped:
            return [total, *sessions]
        stations = [
            (Line(name, [line.rows[0] for line in lines], 1), lines) for name, lines in by_station.items()
        ]
        stations.sort(key=lambda group: self._key(group[0]), reverse=self._is_reversed)
        return [total, *(line for group in stations for line in _lines_of(*group))]

    def _key(self, line: Line) -> Any:
        return _KEYS[self._column](line)

    def scope(self) -> Scope:
        """What the cursor is on."""
        if not self._lines.lines:
            return EVERYTHING
        line = self._lines.lines[self._lines.cursor]
        if line.level == 2:
            station = line.rows[0].session.station or UNNAMED
            return Scope(f"{visible(station)}, session {line.rows[0].session.number}", line.scope.sessions)
        return line.scope

    def status(self) -> str:
        looked_at = [self._scan.share] if self._filtered and self._scan.share else []
        return "  ·  ".join([super().status(), *looked_at, *self._booted()])

    def _booted(self) -> list[str]:
        """What the station of the line under the cursor told of itself."""
        line = self._lines.lines[self._lines.cursor] if self._lines.lines else None
        if line is None or not line.level:
            return []
        info = self.browser.store.station(line.rows[0].session.station)
        told = (info.vendor, info.model, info.firmware) if info else ()
        return [visible(" ".join(one for one in told if one))] if any(told) else []

    async def choose(self) -> None:
        await self.browser.action_show_messages()

    async def action_all_messages(self) -> None:
        """Open the messages of all sessions."""
        self._lines.cursor = 0
        await self.browser.action_show_messages()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._column = (self._column + 1) % len(_COLUMNS)
        self._lines.cursor = 0
        self.store_changed()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._is_reversed = not self._is_reversed
        self._lines.cursor = 0
        self.store_changed()

    def action_group(self) -> None:
        """Group by station, or do not."""
        self._is_grouped = not self._is_grouped
        self.store_changed()


def _lines_of(station: Line, sessions: list[Line]) -> list[Line]:
    """A station and its sessions; one line where it has but one."""
    if len(sessions) > 1:
        return [station, *sessions]
    return [Line(station.title, sessions[0].rows, 2)]


def _name(row: SessionRow, *, grouped: bool) -> str:
    session = row.session
    if grouped:
        return f"  session {session.number}  {session.client}"
    return f"{session.station or UNNAMED} /{session.number}"
