"""Charging transactions, a line each; below them what was measured during the one under the cursor."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from rich.cells import cell_len
from textual import events
from textual.widget import Widget

from ocppscope.filter import Filter, parse
from ocppscope.ocpp.times import DAY, MINUTE, SECOND, duration, timestamp
from ocppscope.ocpp.transactions import Transaction
from ocppscope.ocpp.visible import visible
from ocppscope.store import Store
from ocppscope.tui.lines import Cell, Column, LineList
from ocppscope.tui.measured import Samples, chart, energy
from ocppscope.tui.plot import Picture, Plot
from ocppscope.tui.scan import Scan
from ocppscope.tui.selection import Scope
from ocppscope.tui.views.base import View

RUNNING: Final = "running"
"""In place of the reason of a transaction that does not stop in the capture."""
_UNSEEN: Final = "earlier"
"""In place of a start that is not in the capture."""
_PLOT_FROM: Final = 18
"""Lines of the terminal below which there is no room for a plot."""
_MARGIN: Final = 20
"""So much of its length is shown before and after a transaction: what its connector was then, and became."""

_ORDERS: Final = ("start", "station", "connector", "transaction", "idTag", "length", "kWh", "reason")
"""What the lines can be sorted by: the columns."""
_BY_START: Final = 0
_ID: Final = 3
_FLEXIBLE: Final = (1, 4, 7)
"""The columns that may be cut: the transaction, of which a few characters tell it from others; then station, idTag
and reason."""
_RIGHT: Final = (5, 6)
"""Columns of numbers."""
_LONGEST: Final = 36
"""Columns that a text gets at most: a UUID."""
_WIDE: Final = 110
"""Columns of the list from which on a start shows its date in any case."""
_DATE_AND_TIME: Final = slice(5, 19)
_DATE_AND_MINUTE: Final = slice(5, 16)
_TIME: Final = slice(11, 19)
"""Parts of a timestamp."""
_SINCE: Final = 9
"""Columns of a span of time."""


def _length(one: Transaction) -> int | None:
    """In ns; None where it is not known, or a clock was set in between."""
    if one.start is None or one.stop is None or one.stop < one.start:
        return None
    return one.stop - one.start


def _length_text(one: Transaction) -> str:
    length = _length(one)
    return "-" if length is None else duration(length)


def _energy_text(energy: int | None) -> str:
    """With a space behind it, for what comes next begins on the left."""
    return "- " if energy is None else f"{energy / 1000:,.3f} "


def _reason(one: Transaction) -> str:
    return RUNNING if one.stop_n is None else one.reason or ""


def _connector(one: Transaction) -> str:
    """`1` in 1.6; `1/2`, EVSE and connector, or `1`, the EVSE alone, in 2.x."""
    return "/".join(str(number) for number in (one.evse, one.connector) if number is not None)


_KEYS: Final[Sequence[Callable[[Transaction], Any]]] = (
    lambda one: one.start or 0,
    lambda one: one.station or "",
    lambda one: (one.evse or 0, one.connector or 0),
    lambda one: (len(one.id or ""), one.id or ""),  # most are numbers
    lambda one: one.id_token or "",
    lambda one: _length(one) or 0,
    lambda one: one.energy or 0,
    _reason,
)

_STATE_STYLES: Final = {
    "Charging": "good",
    "SuspendedEV": "warning",
    "SuspendedEVSE": "warning",
    "Faulted": "error",
    "Unavailable": "error",
}


class TransactionLines(LineList):
    """Lines of transactions, in columns as wide as what was seen in them."""

    def __init__(self) -> None:
        super().__init__(id="transactions")
        self.rows: list[Transaction] = []
        self._longest = [0] * len(_ORDERS)
        self._days: set[int] = set()
        self._are_1_6 = self._are_2 = False
        """Whether there are any of that version."""
        self._shown = _TIME
        """What shows of a start."""

    def measure(self, new: Sequence[Transaction]) -> None:
        """Take in what room transactions need: of each column the longest text, for there may be many."""
        if not new:
            return
        longest = (
            max({one.station or f"session {one.session}" for one in new}, key=len),
            max({_connector(one) for one in new}, key=len),
            max((one.id or "" for one in new), key=len),
            max({one.id_token or "" for one in new}, key=len),
            max({_length_text(one) for one in new}, key=len),
            _energy_text(max(one.energy or 0 for one in new)),
            max({_reason(one) for one in new}, key=len),
        )
        sizes = [min(cell_len(visible(text)), _LONGEST) for text in longest]
        self._longest = list(map(max, self._longest, [0, *sizes]))
        self._days |= {one.start // DAY for one in new if one.start is not None}
        versions = {(one.version or "").startswith("2") for one in new}
        self._are_2, self._are_1_6 = self._are_2 or True in versions, self._are_1_6 or False in versions

    def fit(self) -> None:
        """Make columns that fit the width: where there is too little, the longest texts are cut."""
        is_absolute: bool = self.app.time_mode == "absolute"  # type: ignore[attr-defined]
        is_wide = self.size.width >= _WIDE
        self._shown = _DATE_AND_TIME if is_wide else _DATE_AND_MINUTE if len(self._days) > 1 else _TIME
        only_2 = self._are_2 and not self._are_1_6
        titles = (
            "Start UTC" if is_absolute else "Start",
            "Station",
            "EVSE" if only_2 else "Conn.",
            "Transaction",
            "idToken" if only_2 else "idTag",
            "Length",
            "kWh ",
            "Reason",
        )
        start = self._shown.stop - self._shown.start if is_absolute else _SINCE
        # One more than its title, so that the titles do not read as one.
        least = [len(title) + 1 for title in titles]
        widths = list(map(max, least, [start, *self._longest[1:]]))
        room = self.line_width - len(titles)  # the mark, and a space between columns
        widths[_ID] = max(least[_ID], widths[_ID] - max(sum(widths) - room, 0))
        while sum(widths) > room:
            widest = max(_FLEXIBLE, key=lambda at: widths[at] - least[at])
            if widths[widest] == least[widest]:
                break
            widths[widest] -= 1
        if sum(widths) + len(widths) <= room:
            widths = [width + 1 for width in widths]
        self.columns = tuple(
            Column(title, width, right=at in _RIGHT)
            for at, (title, width) in enumerate(zip(titles, widths, strict=True))
        )
        self.refresh()

    def on_resize(self) -> None:
        self.fit()
        super().on_resize()

    def count(self) -> int:
        return len(self.rows)

    def mark_of(self, index: int) -> str:
        n = first_event(self.rows[index])
        mark: str = self.app.mark_before(n) if n is not None else " "  # type: ignore[attr-defined]
        return mark

    def cells(self, index: int) -> Sequence[Cell]:
        one = self.rows[index]
        *texts, reason = _texts(one)
        return (self._start(index), *texts, (reason, "good") if one.stop_n is None else reason)

    def _start(self, index: int) -> Cell:
        start = self.rows[index].start
        mode: str = self.app.time_mode  # type: ignore[attr-defined]
        if start is None:
            return _UNSEEN, "dim"
        if mode == "absolute":
            return (timestamp(start) or "-")[self._shown].replace("T", " ") or "-"
        origin = self.rows[0 if mode == "relative" else max(index - 1, 0)].start
        return _since(start, start if origin is None else origin)


def _texts(one: Transaction) -> Sequence[str]:
    """What the columns show, from the second one on."""
    return (
        visible(one.station or f"session {one.session}"),
        _connector(one) or "-",
        visible(one.id or "-"),
        visible(one.id_token or "-"),
        _length_text(one),
        _energy_text(one.energy),
        visible(_reason(one)),
    )


def _since(time: int, origin: int) -> str:
    return f"{'-' if time < origin else ''}{duration(abs(time - origin))}"


def first_event(one: Transaction) -> int | None:
    """The number of the event that a transaction starts with; where that was not seen, of the one that ends it."""
    return one.start_n if one.start_n is not None else one.stop_n


class Chosen:
    """What a filter selects, by station.

    Args:
        chosen: the filter.
    """

    def __init__(self, chosen: Filter) -> None:
        self.where = chosen.sql()
        self._numbers: dict[str | int, array[int]] = {}

    def ask(self, store: Store, after: int, until: int) -> list[tuple[str | int, int]]:
        """The stations and numbers of what it selects between two events."""
        names = {row.session.number: row.session.station for row in store.sessions()}
        return [(names.get(session) or session, n) for session, n in store.selected(self.where, after, until)]

    def take(self, found: Iterable[tuple[str | int, int]]) -> None:
        """Take in what was found."""
        for station, n in found:
            self._numbers.setdefault(station, array("q")).append(n)

    def __contains__(self, one: Transaction) -> bool:
        """Whether it selects an event of the transaction's station from the start to the stop."""
        numbers = self._numbers.get(one.station or one.session, ())
        at = bisect_left(numbers, one.start_n or 0)
        return at < len(numbers) and (one.stop_n is None or numbers[at] <= one.stop_n)


def _nothing(_store: Store, _after: int, _until: int) -> list[tuple[str | int, int]]:
    return []


class TransactionsView(View):
    """The charging transactions of a scope.

    Args:
        scope: whose.
    """

    ROOM = "transactions"
    DEFAULT_CSS = """
    TransactionsView > #plot { height: 3fr; }
    TransactionsView > #transactions { height: 2fr; }
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
        self._lines = TransactionLines()
        self._plot = Plot(id="plot")
        self._column, self._is_reversed = _BY_START, False
        self._known: dict[int, Transaction] = {}
        self._read_at = 0
        """The store's last event when they were read."""
        self._filtered = ""
        self._chosen: Chosen | None = None
        self._scan = Scan(self, _nothing, self._found)
        self._stays_on = 0
        """The transaction that the cursor is on, also while a filter hides it."""
        self._total = ""
        self._samples = Samples()
        self._kind: str | None = None
        """What is plotted alone; None: all."""
        self._plotted: Any = None
        """What the plot was made of."""

    def body(self) -> Iterable[Widget]:
        yield self._lines
        yield self._plot

    def heading(self) -> str:
        return f"transactions › {self.scope.title}"

    def on_resize(self, event: events.Resize) -> None:
        self._plot.display = event.size.height >= _PLOT_FROM
        self._draw()

    @property
    def chosen(self) -> Transaction | None:
        """The transaction under the cursor."""
        return self._lines.rows[self._lines.cursor] if self._lines.rows else None

    def current(self) -> int | None:
        return first_event(self.chosen) if self.chosen else None

    # --- what is shown ---

    def store_changed(self) -> None:
        last, text = self.browser.last, self.browser.filter_text
        is_new = text != self._filtered
        if is_new:
            self._scan.stop()
            self._filtered, self._chosen = text, Chosen(parse(text)) if text else None
            self._scan = Scan(self, self._chosen.ask if self._chosen else _nothing, self._found)
        if last != self._read_at:
            changed = self.browser.store.transactions(self.scope.sessions, after=self._read_at)
            self._known.update((one.number, one) for one in changed)
            self._lines.measure(changed)
            self._read_at, is_new = last, is_new or bool(changed)
        self._lines.fit()
        if is_new:
            self._arrange()
        if self._chosen is not None:
            self._scan.go_on()
        super().store_changed()

    def _arrange(self) -> None:
        """Show the transactions in their order, with the cursor on the one where it was."""
        chosen, place = self._chosen, self._lines.cursor
        if self.chosen is not None:
            self._stays_on = self.chosen.number
        rows = [one for one in self._known.values() if chosen is None or one in chosen]
        rows.sort(key=_KEYS[self._column], reverse=self._is_reversed)
        self._lines.rows = rows
        self._lines.refresh_count()
        self._lines.cursor = next((at for at, one in enumerate(rows) if one.number == self._stays_on), place)
        running = sum(one.stop_n is None for one in rows)
        total = energy(sum(one.energy or 0 for one in rows))
        self._total = f"{total}  ·  {running:,} {RUNNING}" if running else total
        self.follow_changed()

    def _found(self, _after: int, _until: int, found: list[tuple[str | int, int]]) -> None:
        if self._chosen is not None:
            self._chosen.take(found)
            self._arrange()
            self.show_status()

    def follow_changed(self) -> None:
        if self.browser.following:
            self._lines.action_to_end()

    def status(self) -> str:
        parts = [super().status()]
        if self._chosen is not None and self._scan.share:
            parts.append(self._scan.share)
        if self._lines.rows:
            parts += [self._total, f"by {_ORDERS[self._column]}{', descending' * self._is_reversed}"]
        return "  ·  ".join(parts)

    def show_status(self) -> None:
        """Draw the status line, and the plot: whatever changes the one may change the other."""
        super().show_status()
        self._draw()

    # --- the plot ---

    def _draw(self) -> None:
        """Draw the plot, where anything has changed that it shows."""
        one = self.chosen
        made_of = one, self._read_at, self._kind, self.browser.time_mode
        if made_of == self._plotted or not self._plot.display:
            return
        self._plotted = made_of
        if one is None:
            self._plot.show(Picture("no transaction"))
            return
        if self._samples.number != one.number:
            self._samples = Samples(one.number)
        self._samples.read(self.browser.store, one)
        self._plot.show(self._picture(one))

    def _picture(self, one: Transaction) -> Picture:
        ends = [time for time in (one.start, one.stop) if time is not None] + self._samples.span
        charts = [chart(kind, self._samples.series[kind], one) for kind in self._samples.kinds(self._kind)]
        words = "" if charts else "no meter values in the capture"
        title = f"{_meter(one)}{visible(one.station or f'session {one.session}')}, transaction {visible(one.id or '?')}"
        if not ends:
            return Picture(title, words=words)
        first, last = min(ends), max(ends)
        margin = (last - first) // _MARGIN or SECOND
        span = first - margin, last + margin
        states = self.browser.store.connector_states(one, *span)
        return Picture(
            title,
            charts,
            words,
            span,
            self._ticks(first, last),
            [
                (state.time or 0, visible(state.status), _STATE_STYLES.get(state.status, ""))
                for state in states
            ],
        )

    def _ticks(self, first: int, last: int) -> list[tuple[int, str]]:
        """Words for the start, the middle and the end, in the way in which times are shown."""
        middle = (first + last) // 2
        if self.browser.time_mode != "absolute":
            return [(time, _since(time, first)) for time in (first, middle, last)]
        days = {(timestamp(time) or "")[:10] for time in (first, last)}
        shown = slice(5, 16) if len(days) > 1 else slice(11, 19 if last - first > MINUTE else 23)
        return [(time, (timestamp(time) or "-")[shown].replace("T", " ")) for time in (first, middle, last)]

    # --- keys ---

    async def choose(self) -> None:
        """Show the messages of a transaction, from its start on; back leads to the transactions again."""
        from ocppscope.tui.views.messages import MessagesView

        one = self.chosen
        if one is None:
            return
        stopped = self.browser.store.event(one.stop_n) if one.stop_n is not None else None
        sessions = {one.session, stopped.event.session.number if stopped else one.session}
        name = f"session{'s' * (len(sessions) > 1)} {', '.join(map(str, sorted(sessions)))}"
        title = f"{visible(one.station)}, {name}" if one.station else name
        await self.browser.push_screen(MessagesView(Scope(title, tuple(sorted(sessions))), first_event(one)))

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._column = (self._column + 1) % len(_ORDERS)
        self._arrange()
        self.show_status()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._is_reversed = not self._is_reversed
        self._arrange()
        self.show_status()

    def action_plot(self) -> None:
        """Plot the next of what was measured alone, after the last of them all."""
        if not self._plot.display:
            self.say(f"the plot needs a terminal of {_PLOT_FROM} lines")
            return
        self._kind = self._samples.next_kind(self._kind)
        self.show_status()


def _meter(one: Transaction) -> str:
    """What the meter showed, as far as it is known."""
    if one.meter_start is None and one.meter_stop is None:
        return ""
    start, stop = (
        "?" if value is None else f"{value / 1000:,.3f}" for value in (one.meter_start, one.meter_stop)
    )
    return f"meter {start} → {stop} kWh  ·  "
