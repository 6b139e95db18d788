"""Tables that scroll sideways where there is no room, and times as they stand in them."""

from collections.abc import Collection, Iterable, Sequence

from ocppscope.export.html.markup import Child, Markup, tag
from ocppscope.ocpp.times import timestamp


def moment(time: int | None) -> str:
    """A date and a time of day; empty where there is none."""
    return (timestamp(time) or "")[:19].replace("T", " ")


def table(titles: Sequence[str], rows: Iterable[Sequence[Child]], numbers: Collection[int] = ()) -> Markup:
    """A table.

    Args:
        titles: of its columns.
        rows: what stands in each.
        numbers: columns that are read from the right.
    """

    def line(name: str, cells: Sequence[Child]) -> Markup:
        return tag(
            "tr",
            [tag(name, cell, class_="number" if at in numbers else None) for at, cell in enumerate(cells)],
        )

    return tag(
        "div",
        tag("table", tag("thead", line("th", titles)), tag("tbody", [line("td", row) for row in rows])),
        class_="wide",
        tabindex=0,
        role="group",
    )
