"""The summary, and the states of connectors."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal

from ocppscope.events import Closed
from ocppscope.export.html.charging import connector_states, states_span
from ocppscope.export.html.data import Limits
from ocppscope.export.html.findings import WORDS, tally
from ocppscope.export.html.markup import Child, Markup, tag
from ocppscope.export.html.svg import legend, strip
from ocppscope.export.html.tables import moment, table
from ocppscope.export.html.transactions import where
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.wording import plural, what
from ocppscope.store import FindingRow, SessionRow, Store

_HOW: Final[Mapping[str, Literal["close", "fin", "rst", "end-of-capture"]]] = {
    "close": "close", "fin": "fin", "rst": "rst", "end-of-capture": "end-of-capture",
}  # fmt: skip
_BY: Final[Mapping[str, Literal["station", "csms"]]] = {"station": "station", "csms": "csms"}


def summary(store: Store, found: Sequence[FindingRow], limits: Limits) -> Markup:
    """What the capture is, in numbers; its stations and sessions."""
    rows = store.sessions()
    transactions = store.transactions()
    stations = list(dict.fromkeys(row.session.station for row in rows if row.session.station is not None))
    energy = sum(one.energy or 0 for one in transactions)
    times = [time for row in rows for time in (row.start, row.end) if time is not None]
    tiles: list[tuple[str, str, str]] = [
        *(
            (f"{count:,}", WORDS[one] + "s" * (count != 1), one if count else "")
            for one, count in tally(found)
        ),
        *_counted(
            (len(stations), "station"), (len(rows), "session"), (sum(row.messages for row in rows), "message")
        ),
        *_counted((len(transactions), "transaction")),
    ]
    if transactions:
        tiles.append((f"{energy / 1000:z,.2f} kWh", "charged", ""))
    if times:
        tiles.append((duration(max(times) - min(times)), f"from {moment(min(times))}", ""))
    return tag(
        "section",
        tag("h2", "Summary"),
        tag(
            "ul",
            [
                tag("li", tag("b", value), " ", tag("span", name), class_=style or None)
                for value, name, style in tiles
            ],
            class_="tiles",
        ),
        _stations(store, stations[: limits.sessions]),
        tag("h3", "Sessions"),
        _sessions(rows[: limits.sessions]),
        tag("p", f"The first {limits.sessions:,} of {len(rows):,} sessions.", class_="note")
        if len(rows) > limits.sessions
        else None,
        id="summary",
    )


def _counted(*counts: tuple[int, str]) -> Iterator[tuple[str, str, str]]:
    for count, word in counts:
        yield f"{count:,}", plural(count, word).partition(" ")[2], ""


def _stations(store: Store, stations: Sequence[str]) -> Markup | None:
    known = [one for one in map(store.station, stations) if one is not None]
    if not known:
        return None
    return tag(
        "div",
        tag("h3", "Stations"),
        table(
            ("Station", "Vendor", "Model", "Serial number", "Firmware"),
            [(one.station, one.vendor, one.model, one.serial, one.firmware) for one in known],
        ),
    )


def _sessions(rows: Sequence[SessionRow]) -> Markup:
    titles = ("#", "Station", "OCPP", "Security", "Start", "Length", "Messages", "Errors", "Warnings", "End")
    return table(titles, map(_session, rows), numbers=(0, 5, 6, 7, 8))


def _session(row: SessionRow) -> Sequence[Child]:
    session = row.session
    length = "" if row.start is None or row.end is None else duration(max(row.end - row.start, 0))
    security = " ".join(filter(None, (row.tls and f"TLS {row.tls}".replace("TLS TLS", "TLS"), row.auth)))
    return (
        session.number,
        session.station or session.client,
        (session.version or "") + "?" * session.version_inferred,
        security or "none seen",
        moment(row.start),
        length,
        row.messages,
        tag("span", row.errors, class_="error" if row.errors else None),
        tag("span", row.warnings, class_="warning" if row.warnings else None),
        _end(row),
    )


def _end(row: SessionRow) -> str:
    how = _HOW.get(row.closed or "")
    if how is None:
        return ""
    return what(Closed(row.session, None, _BY.get(row.closed_by or ""), how, row.close_code))


def connectors(store: Store, limits: Limits) -> Markup:
    """The states of connectors over time, station by station."""
    found = connector_states(store)
    shown = dict(list(found.items())[: limits.connectors])
    rows = store.sessions()
    written = []
    for station, places in groupby(shown, key=lambda place: place[0]):
        here = list(places)
        own = [row for row in rows if row.session.station == station]
        span = states_span([shown[place] for place in here], own)
        for place in here:
            name = where(*place[1:]) or "station"
            is_last = place is here[-1]
            written.append(
                tag(
                    "div",
                    tag("h3", f"{station or 'Station without a name'} ", tag("small", name)),
                    strip(shown[place], span, f"{station or 'station'}, {name}", has_axis=is_last),
                    tag(
                        "details",
                        tag("summary", plural(len(shown[place]), "state")),
                        table(("From", "State"), [(moment(time), status) for time, status in shown[place]]),
                    ),
                    class_="connector",
                )
            )
    return tag(
        "section",
        tag("h2", "Connectors"),
        legend(state for states in shown.values() for state in states) if shown else None,
        written or tag("p", "No states of connectors in this capture.", class_="dim"),
        tag("p", f"The first {len(shown):,} of {len(found):,} connectors.", class_="note")
        if len(found) > len(shown)
        else None,
        id="connectors",
    )
