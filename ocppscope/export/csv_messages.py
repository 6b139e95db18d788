"""CSV with one row a message."""

from collections.abc import Iterable
from typing import Any, Final

from ocppscope.events import TYPE_NAMES, Event, Message, Notice
from ocppscope.export.files import messages
from ocppscope.export.records import line
from ocppscope.export.tables import Table, csv_rows
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.times import timestamp

COLUMNS: Final = (
    "n timestamp session chargePointId ocppVersion direction messageType messageId action answers latencyMs "
    "errorCode errorDescription summary raw"
).split()


def row_of(message: Message) -> tuple[Any, ...]:
    """A message's values for COLUMNS."""
    session, error = message.session, message.error
    return (
        message.n,
        timestamp(message.time),
        session.number,
        session.station,
        session.version,
        message.direction,
        TYPE_NAMES[message.type],
        _text(message.id),
        _text(message.action),
        message.call.n if message.call else None,
        None if message.latency is None else round(message.latency / 1e6, 3),
        _text(error.code) if error else None,
        _text(error.description) if error else None,
        summary(message),
        message.raw,
    )


def _text(value: Any) -> str | None:
    """What ought to be a text; anything else as JSON."""
    return value if value is None or type(value) is str else line(value).decode().rstrip("\n")


class MessageRows(Table):
    """See the module."""

    columns = COLUMNS

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        rows = [row_of(message) for message in messages(events)]
        self.written += len(rows)
        return (csv_rows(rows),)


open_output = MessageRows
