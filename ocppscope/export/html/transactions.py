"""Charging transactions: a table of all, and of each what is known, with plots of what was measured."""

from collections.abc import Sequence

from ocppscope.export.html.charging import MESSAGES, Measured
from ocppscope.export.html.data import Limits
from ocppscope.export.html.markup import Child, Markup, tag
from ocppscope.export.html.svg import chart, legend, strip
from ocppscope.export.html.tables import moment, table
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.transactions import Transaction
from ocppscope.store import Store

_OPEN = 5
"""Transactions that show at once."""


def section(store: Store, limits: Limits) -> Markup:
    """All transactions."""
    found = store.transactions()
    shown = found[: limits.transactions]
    plotted = shown[: limits.plots]
    return tag(
        "section",
        tag("h2", "Transactions"),
        _table(shown, len(plotted)) if shown else tag("p", "None in this capture.", class_="dim"),
        _note(len(shown), len(found), "are in the table"),
        [_transaction(store, one, is_open=at < _OPEN) for at, one in enumerate(plotted)],
        _note(len(plotted), len(shown), "are plotted"),
        id="transactions",
    )


def _note(shown: int, there: int, verb: str) -> Markup | None:
    if shown == there:
        return None
    return tag("p", f"The first {shown:,} of {there:,} transactions {verb}.", class_="note")


def where(evse: int | None, connector: int | None) -> str:
    """A place at a station, in words."""
    parts = [
        f"{name} {number}"
        for name, number in (("EVSE", evse), ("connector", connector))
        if number is not None
    ]
    return ", ".join(parts)


def _length(one: Transaction) -> str:
    if one.start is None or one.stop is None or one.stop < one.start:
        return ""
    return duration(one.stop - one.start)


def _energy(watt_hours: int | None) -> str:
    return "" if watt_hours is None else f"{watt_hours / 1000:z,.3f} kWh"


def _reason(one: Transaction) -> str:
    return "running" if one.stop_n is None else one.reason or ""


def _station(one: Transaction) -> str:
    return one.station or f"session {one.session}"


def _table(shown: Sequence[Transaction], plotted: int) -> Markup:
    rows: list[Sequence[Child]] = [
        (
            tag("a", one.id or "?", href=f"#t{one.number}") if at < plotted else one.id or "?",
            _station(one),
            where(one.evse, one.connector),
            one.id_token,
            moment(one.start) or "before",
            _length(one),
            _energy(one.energy),
            _reason(one),
        )
        for at, one in enumerate(shown)
    ]
    titles = ("Transaction", "Station", "Place", "Token", "Start", "Length", "Energy", "End")
    return table(titles, rows, numbers=(5, 6))


def _transaction(store: Store, one: Transaction, *, is_open: bool) -> Markup:
    facts = (
        ("Token", one.id_token),
        ("Start", moment(one.start) or "not in this capture"),
        ("End", moment(one.stop)),
        ("Length", _length(one)),
        ("Energy", _energy(one.energy)),
        ("Meter", _meter(one)),
        ("Why it ended", _reason(one)),
    )
    ends = [(name, n) for name, n in (("its start", one.start_n), ("its end", one.stop_n)) if n is not None]
    return tag(
        "details",
        tag(
            "summary",
            tag("b", f"Transaction {one.id or '?'}"),
            " · ",
            " · ".join(
                filter(
                    None, (_station(one), where(one.evse, one.connector), _energy(one.energy), _length(one))
                )
            ),
        ),
        tag(
            "dl",
            [tag("div", tag("dt", name), tag("dd", text)) for name, text in facts if text],
            class_="facts",
        ),
        _plots(store, one),
        tag("p", "Messages: ", [(tag("a", name, href=f"#m{n}"), " ") for name, n in ends], class_="proofs")
        if ends
        else None,
        class_="transaction",
        id=f"t{one.number}",
        open=is_open,
    )


def _meter(one: Transaction) -> str:
    if one.meter_start is None and one.meter_stop is None:
        return ""
    return " → ".join(_energy(value) or "?" for value in (one.meter_start, one.meter_stop))


def _plots(store: Store, one: Transaction) -> Markup:
    measured = Measured(store, one)
    span = measured.span(one)
    if span is None:
        return tag("p", "No meter values in this capture.", class_="dim")
    charts = [chart(name, unit, points, span, always) for name, unit, points, always in measured.shown()]
    states = [
        (state.time, state.status) for state in store.connector_states(one, *span) if state.time is not None
    ]
    cut = "" if measured.is_whole else f"; of the first {MESSAGES:,} messages"
    return tag(
        "figure",
        charts or tag("p", "No meter values in this capture.", class_="dim"),
        (strip(states, span, "Connector", has_axis=not charts), legend(states)) if states else None,
        tag("figcaption", f"{moment(span[0])} to {moment(span[1])} UTC, by the station's clock{cut}"),
    )
