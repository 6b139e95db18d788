"""Apache Parquet with one row a message: the columns of CSV with their types, for pandas, DuckDB, Spark.

Needs pyarrow: `pip install 'ocppscope[parquet]'`.
"""

from collections.abc import Iterable
from typing import Any, Final

from ocppscope.events import Event, Notice
from ocppscope.export import MissingExtraError, Order
from ocppscope.export.csv_messages import COLUMNS, row_of
from ocppscope.export.files import FrontToEnd, messages

_NUMBERS: Final = frozenset({"n", "session", "answers"})
_ROWS: Final = 50_000
"""Of a row group, which is held in memory until it is full."""


class ParquetMessages(FrontToEnd):
    """See the module. The file can be read only when it has ended."""

    def __init__(self, order: Order) -> None:
        try:
            import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
            from pyarrow import parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ModuleNotFoundError as error:
            raise MissingExtraError("Parquet needs pyarrow: pip install 'ocppscope[parquet]'") from error
        self._arrow: Any = pa
        self._schema = pa.schema([(name, self._kind(name)) for name in COLUMNS])
        self._rows: list[tuple[Any, ...]] = []
        self._parquet: Any = parquet
        super().__init__(order)

    def begin(self) -> None:
        self._writer: Any = self._parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def _kind(self, name: str) -> Any:
        arrow = self._arrow
        if name == "timestamp":
            return arrow.timestamp("ns", "UTC")
        if name == "latencyMs":
            return arrow.float64()
        return arrow.int64() if name in _NUMBERS else arrow.string()

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        at = COLUMNS.index("timestamp")
        for message in messages(events):
            row = row_of(message)
            time = message.time if message.time is None or abs(message.time) < 1 << 63 else None
            self._rows.append((*row[:at], time, *row[at + 1 :]))
            self.written += 1
        if len(self._rows) >= _ROWS:
            self._write_rows()
        return ()

    def rest(self) -> Iterable[bytes]:
        self._write_rows()
        self._writer.close()
        return ()

    def give_up(self) -> None:
        self._writer.close()

    def _write_rows(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                self._arrow.array(column, kind)
                for column, kind in zip(columns, self._schema.types, strict=True)
            ]
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


open_output = ParquetMessages
