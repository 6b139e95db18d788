"""Values over time, drawn with braille dots: some charts above each other, each with its own scale.

A character has 2 x 4 dots. However many samples there are, a column of dots shows the smallest and the largest
of those that fall into it.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ocppscope.tui.lines import fitted

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by line and column."""
_GAP: Final = 5
"""So many times the usual distance between two samples without one are a gap."""
_LOOKED_AT: Final = 1_000
"""Distances from which the usual one is told."""
_ALONE: Final = 3
"""Columns of dots on either side of a sample that is the only one: a single dot is easily overlooked."""
_FORMS: Final[Mapping[str, Sequence[str]]] = {
    "Available": ("Avail", "Ava"),
    "Preparing": ("Prep", "Pre"),
    "Charging": ("Charg", "Cha"),
    "SuspendedEV": ("SuspEV", "S-EV"),
    "SuspendedEVSE": ("SuspEVSE", "S-EVSE"),
    "Finishing": ("Finish", "Fin"),
    "Reserved": ("Resvd", "Res"),
    "Occupied": ("Occup", "Occ"),
    "Unavailable": ("Unavail", "Una"),
    "Faulted": ("Fault", "Fau"),
}
"""Shorter words for states, so that none is taken for another."""
_SHORTEST: Final = 3
"""Letters below which a word says nothing."""

Span: TypeAlias = tuple[int, int]
"""From one time to another, in ns."""


class Series:
    """Samples of one kind, by time."""

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")

    def add(self, time: int, value: float) -> None:
        """Take in a sample; one that comes late stands where it belongs."""
        at = len(self.times) if not self.times or time >= self.times[-1] else bisect_left(self.times, time)
        self.times.insert(at, time)
        self.values.insert(at, value)

    def columns(self, span: Span, count: int) -> Iterator[tuple[int, slice]]:
        """The columns of so many that have samples, each with where they are."""
        since, until = span
        begin = bisect_left(self.times, since)
        for column in range(count):
            # Whole numbers: a float does not tell the nanoseconds of today apart.
            end = bisect_left(self.times, since + -(-(until - since + 1) * (column + 1) // count), begin)
            if end > begin:
                yield column, slice(begin, end)
            begin = end

    def largest_distance(self) -> int:
        """Samples further apart have a gap between them."""
        times, step = self.times, max(len(self.times) // _LOOKED_AT, 1)
        distances = [times[at + 1] - times[at] for at in range(0, len(times) - 1, step)]
        distances = sorted(one for one in distances if one)  # 0: told twice
        return _GAP * distances[len(distances) // 2] if distances else 0


@dataclass(frozen=True, slots=True)
class Chart:
    """One series and its scale."""

    name: str
    series: Series
    lowest: float
    highest: float
    """Of the scale; above `lowest`."""
    labels: tuple[str, str]
    """What stands beside the top and the bottom."""


def braille(chart: Chart, span: Span, width: int, height: int) -> list[str]:
    """Draw a chart in so many characters and lines."""
    high = 4 * height - 1
    bits = [bytearray(width) for _ in range(height)]
    scale = high / (chart.highest - chart.lowest)

    def row_of(value: float) -> int:
        return high - max(0, min(round((value - chart.lowest) * scale), high))

    def bar(x: int, one: int, other: int) -> None:
        for y in range(min(one, other), max(one, other) + 1):
            bits[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    if chart.lowest < 0 < chart.highest:
        for x in range(0, 2 * width, 3):
            bar(x, row_of(0), row_of(0))
    series, apart = chart.series, chart.series.largest_distance()
    before: tuple[int, int, int] | None = None
    for x, part in series.columns(span, 2 * width):
        values = series.values[part]
        first, last = row_of(values[0]), row_of(values[-1])
        if before is not None and series.times[part.start] - before[2] <= apart:
            at, y = before[:2]
            for between in range(at + 1, x + 1):
                above, y = y, before[1] + (first - before[1]) * (between - at) // (x - at)
                bar(between, y, above + (y > above) - (y < above))
        bar(x, row_of(min(values)), row_of(max(values)))
        if series.times[0] == series.times[-1]:
            for beside in range(max(x - _ALONE, 0), min(x + _ALONE + 1, 2 * width)):
                bar(beside, last, last)
        before = x, last, series.times[part.stop - 1]
    return ["".join(chr(0x2800 + one) if one else " " for one in line) for line in bits]


@dataclass(frozen=True, slots=True)
class Picture:
    """What a plot shows."""

    title: str
    charts: Sequence[Chart] = ()
    words: str = ""
    """In place of the charts."""
    span: Span | None = None
    ticks: Sequence[tuple[int, str]] = ()
    """Times of the time axis, ascending: the first, others, and the last."""
    states: Sequence[tuple[int, str, str]] = ()
    """From when on, what, and the name of a style; the first also before that."""


_Part: TypeAlias = tuple[str, str]
"""A text and the name of its style."""


class Plot(Widget):
    """Charts above each other, the axis of time that they have in common, and a strip of states below it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"plot--{name}" for name in ("title", "line", "axis", "good", "warning", "error")
    }
    DEFAULT_CSS = """
    Plot {
        & > .plot--title { text-style: bold; color: $foreground; background: $panel; }
        & > .plot--line { color: $text-primary; }
        & > .plot--axis { text-style: dim; }
        & > .plot--good { color: $text-success; }
        & > .plot--warning { color: $text-warning; }
        & > .plot--error { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self.picture = Picture("")
        self._lines: list[list[_Part]] | None = None
        """As they were drawn last; None: they have to be drawn."""

    def show(self, picture: Picture) -> None:
        """Show another picture."""
        self.picture = picture
        self._lines = None
        self.refresh()

    def on_resize(self) -> None:
        self._lines = None

    def render_line(self, y: int) -> Strip:
        if self._lines is None:
            self._lines = list(drawn(self.picture, self.size.width, self.size.height))
        base = self.rich_style
        parts = self._lines[y] if y < len(self._lines) else []
        segments = [Segment(text, base + self._style(name)) for text, name in parts]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"plot--{name}", partial=True) if name else Style()


def drawn(picture: Picture, width: int, height: int) -> Iterator[list[_Part]]:
    """The lines of a picture, each in parts."""
    yield [(fitted(f" {picture.title}", width), "title")]
    gutter = (
        max((cell_len(label) for one in picture.charts for label in (one.name, *one.labels)), default=0) + 2
    )
    room, left = max(width - gutter, 1), height - 2 - bool(picture.states)
    if picture.words:
        yield [("", "")]
        yield [(f" {picture.words}", "")]
    elif picture.span is not None:
        shown = picture.charts[: max(left, 0)]
        for number, chart in enumerate(shown):
            lines = left // len(shown) + (number < left % len(shown))
            yield from _charted(chart, picture.span, gutter, room, lines)
    if picture.span is None:
        return
    yield [(" " * gutter, ""), (_axis(picture.ticks, picture.span, room), "axis")]
    if picture.states:
        yield [(" " * gutter, ""), *strip(picture.states, picture.span, room)]


def _charted(chart: Chart, span: Span, gutter: int, room: int, height: int) -> Iterator[list[_Part]]:
    names = [""] * height
    for at, text in ((height - 1, chart.labels[1]), (0, chart.labels[0]), (height // 2, chart.name)):
        names[at] = text  # without room for all of them, the name is what matters
    for name, line in zip(names, braille(chart, span, room, height), strict=True):
        yield [
            (fitted(name, gutter - 2, right=True), "axis" if name != chart.name else ""),
            (" │", "axis"),
            (line, "line"),
        ]


def _column(time: int, span: Span, width: int) -> int:
    return max(0, min((time - span[0]) * width // (span[1] - span[0] + 1), width - 1))


def _axis(ticks: Sequence[tuple[int, str]], span: Span, width: int) -> str:
    """The words below the charts: the first begins at its time, the last ends there, others lie around it."""
    line = ""
    for number, (time, text) in enumerate(ticks):
        size, is_last = len(text), number == len(ticks) - 1
        at = _column(time, span, width) - (0 if number == 0 else size - 1 if is_last else size // 2)
        if number == 0 or at > len(line) + (1 if is_last else size):
            line = f"{line:<{at}}{text}"
    return line[:width]


def strip(states: Sequence[tuple[int, str, str]], span: Span, width: int) -> list[_Part]:
    """States over time, a word each, with a line before each but the first.

    Short ones get room for a short word, as long as that leaves most of the strip true to time.
    """
    least = [1 + len(_FORMS.get(text, [text[:_SHORTEST]])[-1]) for _, text, _ in states]
    if 2 * sum(least) > width:
        least = [1] * len(states)
    starts = [0]
    for (time, _, _), before in zip(states[1:], least, strict=False):
        starts.append(max(_column(time, span, width), starts[-1] + before))
    if sum(least) > len(least):  # those at the end were perhaps moved too far
        starts = [min(start, width - sum(least[at:])) for at, start in enumerate(starts)]
    parts: list[_Part] = []
    for (_, text, style), start, end in zip(states, starts, [*starts[1:], width], strict=True):
        size = min(end, width) - start
        if size <= 0:
            break
        line = "▏" if start else ""
        parts.append((line + _word(text, size - len(line)), style))
    return parts


def _word(text: str, size: int) -> str:
    """As much of a state as can be understood, in so many columns; nothing where that is too little."""
    forms = (text, *_FORMS.get(text, ()))
    word = next((form for form in forms if cell_len(form) <= size), None)
    if word is None:
        word = text if text not in _FORMS and size > _SHORTEST else ""
    return fitted(word, size)
