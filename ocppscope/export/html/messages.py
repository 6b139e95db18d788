"""The places of the ladder and of the list of messages: `report.js` fills them from the data."""

from ocppscope.export.html.data import Limits
from ocppscope.export.html.markup import Child, Markup, tag
from ocppscope.ocpp.wording import plural
from ocppscope.store import Store

_NO_SCRIPT = "This part needs JavaScript: the script is in this file, and asks nobody for anything."


def _section(name: str, *children: Child) -> Markup:
    return tag(
        "section",
        tag("h2", name),
        tag("noscript", tag("p", _NO_SCRIPT)),
        tag("div", *children, class_="scripted", hidden=True),
        id=name.lower(),
    )


def ladder() -> Markup:
    """What a session's two ends said to each other, as arrows between them."""
    return _section(
        "Ladder",
        tag("p", tag("label", "Session ", tag("select", id="ladder-session"))),
        tag("div", tag("span", "Station"), tag("span", "CSMS"), class_="ends"),
        tag("ol", id="ladder-rows", class_="ladder"),
        tag(
            "p",
            tag("span", id="ladder-note"),
            " ",
            tag("button", "Show more", type="button", id="ladder-more"),
        ),
    )


def messages(store: Store, count: int, limits: Limits) -> Markup:
    """All events that the report holds, to search in."""
    last = store.last
    choices = [
        tag("label", f"{name} ", tag("select", tag("option", "all", value=""), id=f"by-{name.lower()}"))
        for name in ("Station", "Action", "Direction")
    ]
    note = None
    if count == limits.events < last:
        note = tag(
            "p",
            f"Of events up to number {last:,}, {count:,} are here: those that prove findings, and the first ones. ",
            "To keep all, convert to a store (.ocppdb) and open it with ocppscope view.",
            class_="note",
        )
    return _section(
        "Messages",
        note,
        tag(
            "div",
            tag("label", "Search ", tag("input", type="search", id="search", autocomplete="off")),
            choices,
            tag("label", tag("input", type="checkbox", id="with-findings"), " with findings only"),
            tag("button", "Clear", type="button", id="clear"),
            class_="controls",
            role="search",
        ),
        tag("p", plural(count, "event"), id="count", role="status"),
        tag("p", id="paper"),
        tag(
            "div",
            tag(
                "div",
                tag("div", id="rows", role="presentation"),
                id="list",
                tabindex=0,
                role="listbox",
                aria_label="Events",
            ),
            tag(
                "article",
                tag("p", "Choose an event to see it whole.", class_="dim"),
                id="detail",
                tabindex=-1,
            ),
            class_="split",
        ),
        tag(
            "p",
            "Keys: / searches, arrows, Page Up and Down, Home and End move, Enter opens.",
            class_="dim keys",
        ),
    )
