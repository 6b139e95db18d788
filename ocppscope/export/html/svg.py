"""Plots and strips of time as SVG, as wide as their place: words keep their size, only lines stretch.

Colours, and what is thin or thick, are in `report.css`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from ocppscope.export.html.markup import Markup, tag
from ocppscope.export.html.scales import Scale, Span, largest_distance, scale, times
from ocppscope.ocpp.times import timestamp
from ocppscope.ocpp.wording import plural

Point: TypeAlias = tuple[int, float]
"""A time in ns, and a value."""
State: TypeAlias = tuple[int, str]
"""From when on, in ns, and what."""

_WIDTH: Final = 1_000
"""Of a plot's lines, in units of its own; their height is `_PLOT`."""
_PLOT: Final = 88
_ABOVE: Final = 20
"""Pixels for the name, and for the words of the highest line."""
_AXIS: Final = 18
"""Pixels for the times below."""
_STRIP: Final = 22
_COLUMNS: Final = 500
"""Of each, the first, smallest, largest and last value are drawn."""
_DOTTED: Final = 60
"""Samples up to which each has a dot."""
_EDGE: Final = 8.0
"""Percent from either end where words begin, or end, at their tick."""
_WORDS_FROM: Final = 7.0
"""Percent of a strip that a state takes to have its word in it."""

STATES: Final = frozenset(
    "Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Occupied Unavailable Faulted".split()
)
"""States that have a colour."""


def chart(name: str, unit: str, points: Sequence[Point], span: Span, always: Sequence[float] = ()) -> Markup:
    """One series over time.

    Args:
        name: what was measured.
        unit: of the values.
        points: by time, at least one.
        span: what the axis shows; all points are in it.
        always: values that the scale shows in any case.
    """
    values = [*(value for _, value in points), *always]
    axis = scale(min(values), max(values))
    lines = [_line(axis, value, unit) for value in axis.ticks]
    said = f"{name}: {plural(len(points), 'sample')}, {_word(axis, points[0][1], unit)} to " + _word(
        axis, points[-1][1], unit
    )
    return tag(
        "svg",
        tag("title", said),
        [line for line, _ in lines],
        _time_lines(span),
        tag(
            "svg",
            _curves(points, span, axis),
            y=_ABOVE,
            width="100%",
            height=_PLOT,
            viewBox=f"0 0 {_WIDTH} {_PLOT}",
            preserveAspectRatio="none",
            overflow="visible",
        ),
        [word for _, word in lines],
        tag("text", name, x="100%", y=12, text_anchor="end", class_="name"),
        _time_words(span, _ABOVE + _PLOT + 14),
        class_=f"plot {name.lower()}",
        width="100%",
        height=_ABOVE + _PLOT + _AXIS,
        role="img",
    )


def _word(axis: Scale, value: float, unit: str) -> str:
    return f"{value:z,.{axis.decimals}f} {unit}"


def _line(axis: Scale, value: float, unit: str) -> tuple[Markup, Markup]:
    """A line across the plot, and the word on it."""
    y = round(_ABOVE + _PLOT * (1 - axis.share(value)), 1)
    line = tag("line", x1=0, x2="100%", y1=y, y2=y, class_="zero" if not value else None)
    return line, tag("text", _word(axis, value, unit), x=2, y=y - 3)


def _share(time: int, span: Span) -> float:
    """Where a time lies, in percent."""
    return round(100 * (time - span[0]) / (span[1] - span[0]), 2)


def _time_lines(span: Span) -> Iterator[Markup]:
    for time, _ in times(span):
        x = f"{_share(time, span)}%"
        yield tag("line", x1=x, x2=x, y1=_ABOVE, y2=_ABOVE + _PLOT)


def _time_words(span: Span, y: int) -> Iterator[Markup]:
    for time, word in times(span):
        at = _share(time, span)
        anchor = "start" if at < _EDGE else "end" if at > 100 - _EDGE else "middle"
        yield tag("text", word, x=f"{at}%", y=y, text_anchor=anchor, class_="time")


def _curves(points: Sequence[Point], span: Span, axis: Scale) -> Iterator[Markup]:
    apart = largest_distance([time for time, _ in points])
    is_dotted = len(points) <= _DOTTED
    base = _PLOT * (1 - axis.share(min(max(0, axis.ticks[0]), axis.ticks[-1])))
    for run in _runs(points, apart):
        places = [
            (round(_WIDTH * _share(time, span) / 100, 1), round(_PLOT * (1 - axis.share(value)), 1))
            for time, value in _thinned(run, span)
        ]
        path = " ".join(f"{x} {y}" for x, y in places)
        if places[1:]:
            yield tag(
                "path", d=f"M{places[0][0]} {base:.1f} L{path} L{places[-1][0]} {base:.1f}Z", class_="area"
            )
            yield tag("path", d=f"M{path}", class_="curve")
        if is_dotted or not places[1:]:
            yield tag("path", d="".join(f"M{x} {y}h0" for x, y in places), class_="dots")


def _runs(points: Sequence[Point], apart: int) -> Iterator[Sequence[Point]]:
    """The points between gaps."""
    begin = 0
    for at in range(1, len(points)):
        if points[at][0] - points[at - 1][0] > apart:
            yield points[begin:at]
            begin = at
    yield points[begin:]


def _thinned(points: Sequence[Point], span: Span) -> Sequence[Point]:
    """No more points than can be told apart; no peak is lost."""
    if len(points) <= 2 * _COLUMNS:
        return points
    size = (span[1] - span[0]) // _COLUMNS + 1
    kept: list[Point] = []
    for _, column in groupby(enumerate(points), key=lambda one: (one[1][0] - span[0]) // size):
        some = list(column)
        lowest, highest = min(some, key=lambda one: one[1][1]), max(some, key=lambda one: one[1][1])
        kept += [points[at] for at in sorted({some[0][0], lowest[0], highest[0], some[-1][0]})]
    return kept


def strip(states: Sequence[State], span: Span, label: str, *, has_axis: bool = True) -> Markup:
    """States over time.

    Args:
        states: by time, at least one.
        span: what is shown; a state holds until the next one, the last to the end.
        label: whose states.
        has_axis: times stand below it.
    """
    ends = [*(time for time, _ in states[1:]), span[1]]
    parts = [
        _state(status, max(start, span[0]), min(end, span[1]), span)
        for (start, status), end in zip(states, ends, strict=True)
        if end >= span[0] and start <= span[1]
    ]
    return tag(
        "svg",
        tag("title", f"{label}: {plural(len(states), 'state')}, the last {states[-1][1]}"),
        parts,
        _time_words(span, _STRIP + 14) if has_axis else None,
        class_="strip",
        width="100%",
        height=_STRIP + (_AXIS if has_axis else 0),
        role="img",
    )


def _state(status: str, start: int, end: int, span: Span) -> Markup:
    left, right = _share(start, span), _share(end, span)
    size = max(round(right - left, 2), 0.3)  # the shortest can be seen as well
    word = tag("text", status, x=5, y=15) if size >= _WORDS_FROM else None
    return tag(
        "svg",
        tag("title", f"{status} from {timestamp(start) or '-'} to {timestamp(end) or '-'}"),
        tag("rect", width="100%", height=_STRIP),
        word,
        x=f"{left}%",
        width=f"{size}%",
        height=_STRIP,
        class_=_class(status),
    )


def _class(status: str) -> str:
    return f"state {status.lower() if status in STATES else 'other'}"


def legend(states: Iterable[State]) -> Markup:
    """The colours of states, each with its word."""
    names = dict.fromkeys(status if status in STATES else "other" for _, status in states)
    return tag(
        "ul",
        [
            tag(
                "li",
                tag("svg", tag("rect", width=12, height=12), width=12, height=12, class_=_class(name)),
                name,
            )
            for name in names
        ],
        class_="legend",
        aria_hidden="true",  # a strip's title and its table say it all
    )
