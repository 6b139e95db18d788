"""CSV with one row for each charging transaction, as `ocpp.transactions` assembles it."""

from collections.abc import Iterable
from typing import Any, Final

from ocppscope.events import Event, Notice
from ocppscope.export import Order
from ocppscope.export.tables import Table, csv_rows
from ocppscope.ocpp.times import SECOND, timestamp
from ocppscope.ocpp.transactions import Assembler, Transaction

COLUMNS: Final = (
    "number session chargePointId ocppVersion transactionId evseId connectorId idToken start stop seconds "
    "meterStartWh meterStopWh energyWh stoppedReason startN stopN"
).split()


def row_of(one: Transaction) -> tuple[Any, ...]:
    """A transaction's values for COLUMNS."""
    is_timed = one.start is not None and one.stop is not None
    return (
        one.number,
        one.session,
        one.station,
        one.version,
        one.id,
        one.evse,
        one.connector,
        one.id_token,
        timestamp(one.start),
        timestamp(one.stop),
        (one.stop - one.start) / SECOND
        if is_timed and one.stop is not None and one.start is not None
        else None,
        one.meter_start,
        one.meter_stop,
        one.energy,
        one.reason,
        one.start_n,
        one.stop_n,
    )


class TransactionRows(Table):
    """See the module. A transaction may change until the capture ends: rows are written then."""

    columns = COLUMNS

    def __init__(self, order: Order) -> None:
        self._assembler = Assembler(samples=False)
        self._transactions: dict[int, Transaction] = {}
        super().__init__(order)

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        for event in events:
            self._assembler.feed(event)
        for one in self._assembler.drain().transactions:
            self._transactions[one.number] = one
        return ()

    def rest(self) -> Iterable[bytes]:
        self.written = len(self._transactions)
        return (csv_rows(map(row_of, sorted(self._transactions.values(), key=lambda one: one.number))),)


open_output = TransactionRows
