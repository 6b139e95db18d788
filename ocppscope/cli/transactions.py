"""`ocppscope transactions`: charging transactions, assembled across sessions."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import click

from ocppscope.cli import text
from ocppscope.cli.options import EXIT_FINDINGS, OpenInput, Reading, reading_options
from ocppscope.cli.public_keys import public_key_option
from ocppscope.cli.text import columns_of
from ocppscope.export import records
from ocppscope.export.charging_records import transaction_record
from ocppscope.ocpp import quantities
from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.ocpp.signed.records import INVALID, VALID
from ocppscope.ocpp.signed.verdicts import SignedTransaction, Verdicts
from ocppscope.ocpp.times import DAY, MINUTE, duration, timestamp
from ocppscope.ocpp.transaction_details import Details, Ledger, Span
from ocppscope.ocpp.transactions import Transaction
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import clock, plural

_PAGE: Final = 1_000
"""Transactions that are laid out together."""
_WAITED: Final = MINUTE
"""What a message may be late without being told."""
_INDENT: Final = "    "
_GAP: Final = "  "
_NAMED: Final = 3


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("--json", "as_json", is_flag=True, help="One transaction a line, as JSON.")
@public_key_option
@reading_options
def command(*, source: str, as_json: bool, public_keys: tuple[PublicKey, ...], **reading: Any) -> None:
    """List the charging transactions of a capture, each over as many sessions as it takes.

    Times are of the station's clock, in UTC. Below a transaction stands what is odd about it: what waited in the
    station's queue, what is missing, what it cost, and whether its signed meter values are valid.
    """
    opened = Reading(**reading).open([source])
    found, total = _assembled(opened, public_keys), _Total()
    if as_json:
        for one in found:
            sys.stdout.buffer.write(records.line(transaction_record(one)))
    else:
        _tell(found, total)
    sys.stdout.flush()
    opened.require_ocpp()
    if not as_json and not total.count:
        click.echo("No charging transaction.", err=True)
    if opened.counts.damaged_file:
        sys.exit(EXIT_FINDINGS)


def _assembled(opened: OpenInput, keys: Iterable[PublicKey]) -> Iterator[Transaction]:
    ledger, verdicts = Ledger(), Verdicts(keys)

    def judged(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
        for one in transactions:
            if one.details is not None:
                one.details.signed = verdicts.of(one)
            yield one

    for batch in opened.batches():
        for event in batch:
            verdicts.feed(event)
        yield from judged(ledger.feed(batch))
    yield from judged(ledger.close())


def _tell(found: Iterator[Transaction], total: "_Total") -> None:
    while page := list(islice(found, _PAGE)):
        if total.count:
            click.echo()
        _Table(page, text.width()).print()
        total.add(page)
    if total.count:
        click.echo(f"\n{total}")


class _Total:
    """What all transactions come to."""

    def __init__(self) -> None:
        self.count = self._running = self._energy = 0

    def add(self, page: Sequence[Transaction]) -> None:
        self.count += len(page)
        self._running += sum(one.stop_n is None for one in page)
        self._energy += sum(one.energy or 0 for one in page)

    def __str__(self) -> str:
        running = f", {self._running:,} without an end" if self._running else ""
        return f"{plural(self.count, 'transaction')}{running}: {quantities.energy(self._energy)}"


@dataclass(slots=True)
class _Column:
    title: str
    texts: list[str]
    is_right: bool = False
    least: int = 0
    """Columns that it may be cut to; 0: it is never cut."""
    width: int = 0

    def laid_out(self, value: str) -> str:
        value = text.cut(value, self.width)
        gap = " " * (self.width - columns_of(value))
        return gap + value if self.is_right else value + gap


class _Table:
    """Transactions in columns that are as wide as they need, and as the terminal allows.

    Args:
        page: the transactions.
        room: columns of the terminal.
    """

    def __init__(self, page: Sequence[Transaction], room: int) -> None:
        self._page = page
        stations = [visible(one.station or f"session {one.session}") for one in page]
        self._heading = stations[0] if len(set(stations)) == 1 else None
        is_2x = all((one.version or "").startswith("2") for one in page)
        self._reasons = _Column("Reason", [visible(_reason(one)) for one in page], least=8)
        columns = [
            _Column("Start UTC", _starts(page, is_short=room < text.ENDLESS)),
            _Column("Station", stations, least=8),
            _Column("EVSE" if is_2x else "Conn", [_place(one) for one in page]),
            _Column("Transaction", [visible(one.id or "-") for one in page], least=6),
            _Column("idToken" if is_2x else "idTag", [visible(one.id_token or "-") for one in page], least=6),
            _Column("Length", [_length(one) for one in page], is_right=True),
            _Column("kWh", [_energy(one) for one in page], is_right=True),
            self._reasons,
        ]
        if self._heading is not None:
            del columns[1]
        self._columns = columns
        for column in columns:
            column.width = max(map(columns_of, (column.title, *column.texts)))
        self._fit(room)

    def _fit(self, room: int) -> None:
        """Take from the widest column that can give, until all fit."""
        over = sum(column.width for column in self._columns) + len(_GAP) * (len(self._columns) - 1) - room
        while over > 0:
            column = max(self._columns, key=lambda one: (one.width - one.least) * (one.least > 0))
            if not column.least or column.width <= column.least:
                return
            column.width -= 1
            over -= 1

    def print(self) -> None:
        if self._heading is not None:
            click.secho(self._heading, bold=True)
        titles = _GAP.join(column.laid_out(column.title) for column in self._columns)
        click.secho(titles.rstrip(), dim=True)
        for at, one in enumerate(self._page):
            cells = [column.laid_out(column.texts[at]) for column in self._columns]
            if style := _style(one):
                cells[-1] = click.style(cells[-1].rstrip(), **style)
            click.echo(_GAP.join(cells).rstrip())
            if one.details is not None:
                _print_notes(one.details)


def _style(one: Transaction) -> dict[str, Any]:
    if one.stop_n is not None:
        return {}
    return {"fg": "yellow"} if one.details is not None and one.details.is_followed else {"fg": "green"}


def _starts(page: Iterable[Transaction], *, is_short: bool) -> list[str]:
    """Date and time; of the same day as the line before, on a terminal, the time only."""
    said, day = [], None
    for one in page:
        shown = (timestamp(one.start) or "")[:19].replace("T", " ")
        today = None if one.start is None else one.start // DAY
        if is_short and today is not None and today == day:
            shown = " " * 11 + shown[11:]
        day = today if today is not None else day
        said.append(shown or "not seen")
    return said


def _place(one: Transaction) -> str:
    parts = [str(number) for number in (one.evse, one.connector) if number is not None]
    return "/".join(parts) or "-"


def _length(one: Transaction) -> str:
    if one.start is None or one.stop is None:
        return "-"
    span = one.stop - one.start
    return duration(span) if span >= 0 else f"-{duration(-span)}"


def _energy(one: Transaction) -> str:
    return "-" if one.energy is None else f"{one.energy / 1000:z.2f}"


def _reason(one: Transaction) -> str:
    if one.stop_n is not None:
        return one.reason or ""
    details = one.details
    if details is not None and details.is_followed:
        return "end lost"
    return (details and details.charging_state) or "running"


# --- what stands below ---


def _print_notes(details: Details) -> None:
    wrong, more = list(_wrong(details)), list(_more(details))
    for notes, style in ((wrong, {"fg": "yellow"}), (more, {"dim": True})):
        if notes:
            click.echo(text.wrapped(" · ".join(notes), _INDENT, **style))


def _wrong(details: Details) -> Iterator[str]:
    """What a user would want to look into."""
    yield from _late(details)
    if details.offline_events:
        yield f"{plural(details.offline_events, 'event')} made offline"
    if missing := details.seq_nos.missing:
        lost = sum(last - first + 1 for first, last in missing)
        yield f"{plural(lost, 'event')} missing: seqNo {_listed(map(_range, missing), len(missing))}"
    if holes := details.holes:
        yield f"no meter values {_listed(map(_hole, holes), len(holes))}"
    if details.id_token_status not in (None, "Accepted"):
        yield f"token {visible(str(details.id_token_status))}"
    if details.signed is not None and details.signed.verdict == INVALID:
        yield _signed(details.signed)


def _signed(known: SignedTransaction) -> str:
    """`signed values invalid (OCMF): the signature does not fit`, `signed values valid (OCMF): 7.20 kWh`."""
    said = (
        f"signed values {known.verdict} ({known.format})"
        if known.format
        else f"signed values {known.verdict}"
    )
    if known.verdict != VALID:
        return f"{said}: {visible(known.reason)}" if known.reason else said
    return said if known.energy is None else f"{said}: {quantities.energy(known.energy)}"


def _late(details: Details) -> Iterator[str]:
    error = details.clock_error
    if error is not None and abs(error) >= _WAITED:
        yield f"the station's clock is {duration(abs(error))} {'behind' if error > 0 else 'ahead'}"
        return
    said = False
    for what, age in (("start", details.start_age), ("stop", details.stop_age)):
        if age is not None and age >= _WAITED:
            yield f"{what} came {duration(age)} late"
            said = True
    if not said and details.oldest is not None and details.oldest >= _WAITED:
        yield f"messages came up to {duration(details.oldest)} late"


def _range(span: Span) -> str:
    first, last = span
    return str(first) if first == last else f"{first}–{last}"


def _hole(span: Span) -> str:
    return f"{clock(span[0])[:8]}–{clock(span[1])[:8]} ({duration(span[1] - span[0])})"


def _listed(texts: Iterable[str], count: int) -> str:
    shown = ", ".join(islice(texts, _NAMED))
    return f"{shown} and {count - _NAMED} more" if count > _NAMED else shown


def _more(details: Details) -> Iterator[str]:
    if details.total_cost is not None:
        currency = f" {visible(details.currency)}" if details.currency else ""
        yield f"cost {details.total_cost:,.2f}{currency}"
    if details.tariff is not None:
        yield f"tariff {visible(details.tariff)}"
    if details.sessions > 1:
        yield plural(details.sessions, "session")
    if details.remote_start is not None:
        yield f"remote start {details.remote_start}"
    if details.reservation is not None:
        yield f"reservation {details.reservation}"
    if details.signed is not None and details.signed.verdict != INVALID:
        yield _signed(details.signed)
