"""CSV with one row for each value that a meter sampled, during transactions and outside of them.

Sources: MeterValues and the transactionData of StopTransaction (OCPP 1.6 edition 2 §4.7, §4.10), MeterValues and
TransactionEvent (2.x part 2). What a station leaves out has the standard's default; `value` and `unit` are as on the
wire, `number` and `numberUnit` are the same in one unit for each measurand.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ocppscope.events import CALL, FROM_STATION, Event, Message, Notice
from ocppscope.export.files import messages
from ocppscope.export.tables import Table, csv_rows
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, fields, items, told
from ocppscope.ocpp.metering import DEFAULT_MEASURAND, KINDS, UNITS, scaled
from ocppscope.ocpp.times import timestamp

COLUMNS: Final = (
    "n timestamp session chargePointId evseId connectorId transactionId sampled measurand phase context location "
    "format value unit multiplier number numberUnit"
).split()
_ACTIONS: Final = frozenset({"MeterValues", "StopTransaction", "TransactionEvent"})


def rows_of(message: Message) -> Iterator[tuple[Any, ...]]:
    """A message's samples, as values for COLUMNS."""
    payload = fields(message.payload)
    evse, session = fields(payload.get("evse")), message.session
    place = (
        message.n,
        timestamp(message.time),
        session.number,
        session.station,
        payload.get("evseId", evse.get("id")),
        payload.get("connectorId", evse.get("connectorId")),
        payload.get("transactionId", fields(payload.get("transactionInfo")).get("transactionId")),
    )
    for element in items(payload.get("meterValue", payload.get("transactionData"))):
        said = fields(element)
        time = told(said.get("timestamp"))
        for one in items(said.get("sampledValue")):
            if isinstance(one, dict):
                sampled = said.get("timestamp") if time is None else timestamp(time)
                yield (*place, sampled, *_value(one))


def _value(one: dict[str, Any]) -> tuple[Any, ...]:
    measurand = one.get("measurand") or DEFAULT_MEASURAND
    measure = fields(one.get("unitOfMeasure"))
    unit = (
        one.get("unit")
        or measure.get("unit")
        or ("Wh" if str(measurand).startswith("Energy.Active") else None)
    )
    kind = KINDS.get(measurand) if type(measurand) is str else None
    try:
        number = scaled(one, kind) if kind else None
    except NOT_AS_EXPECTED:
        number = None
    return (
        measurand,
        one.get("phase"),
        one.get("context") or "Sample.Periodic",
        one.get("location") or "Outlet",
        one.get("format") or "Raw",
        one.get("value"),
        unit,
        measure.get("multiplier"),
        number,
        UNITS[kind] if kind and number is not None else None,
    )


class SampleRows(Table):
    """See the module."""

    columns = COLUMNS

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        rows = []
        for message in messages(events):
            if message.type == CALL and message.direction == FROM_STATION and _is_metered(message.action):
                found = list(rows_of(message))
                self.written += bool(found)
                rows += found
        return (csv_rows(rows),)


def _is_metered(action: Any) -> bool:
    return type(action) is str and action in _ACTIONS


open_output = SampleRows
