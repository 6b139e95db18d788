"""CSV with a column of messages, wherever it stands and whatever the others are called."""

import csv
import re
from typing import Final

from ocppscope.events import WireEvent
from ocppscope.sources.traces.cutting import Rows
from ocppscope.sources.traces.recognition import BOM, cells, delimiter_of
from ocppscope.sources.traces.records import Records
from ocppscope.sources.traces.trouble import Trouble
from ocppscope.sources.traces.words import (
    DIRECTION_NAMES,
    LIKE_A_MESSAGE,
    STATION_NAMES,
    TIME_NAMES,
    VERSION_NAMES,
    named,
    plain,
    time_of,
    version_of,
)

_SEARCHED: Final = 100
"""Rows among which the first message is looked for."""
_FIRST: Final = 1 << 16
_NOT_OF_STATIONS: Final = re.compile(
    r".*(?:message|msg|unique|transaction|connector|tag|user|event|row|log).*"
)


class _Columns:
    """Which column is what, as the names say it, and the first row that holds a message.

    Attributes:
        message, time, station, direction, version, session: numbers of columns; None where there is none.
    """

    def __init__(self, names: list[str], row: list[str]) -> None:
        self.message = max(range(len(row)), key=lambda at: bool(LIKE_A_MESSAGE.match(row[at])))
        others = {name: at for at, name in enumerate(names) if at != self.message and at < len(row)}

        def column(wanted: list[str]) -> int | None:
            name = named(others, wanted)
            return None if name is None else others[name]

        self.time = column(TIME_NAMES)
        if self.time is None:
            self.time = next((at for at in others.values() if _is_time(row[at])), None)
        self.station = column(STATION_NAMES)
        if self.station is None:
            self.station = next(
                (at for name, at in others.items() if self._is_of_stations(name, row, at)), None
            )
        self.direction = column(DIRECTION_NAMES)
        self.version = column(VERSION_NAMES)
        is_ours = {"n", "session", "raw"} <= set(names)
        self.session = column(["session"]) if is_ours else None

    def _is_of_stations(self, name: str, row: list[str], at: int) -> bool:
        """Whether a column is that of the stations, though nothing but `id` in its name says so."""
        word = plain(name)
        is_id_of_message = f'"{row[at]}"' in row[self.message]
        return word.endswith("id") and not _NOT_OF_STATIONS.fullmatch(word) and not is_id_of_message


def _is_time(cell: str) -> bool:
    return "-" in cell and time_of(cell) is not None


class TableReader:
    """Reads one CSV file.

    Args:
        records: makes the events.
        trouble: of the file.
        limit: bytes of a row.
    """

    def __init__(self, records: Records, trouble: Trouble, limit: int) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), limit))
        self._records = records
        self._trouble = trouble
        self._rows = Rows(limit)
        self._number = 0
        self._waiting = b""
        """The beginning, until it shows the delimiter."""
        self._delimiter: str | None = None
        self._names: list[str] = []
        self._columns: _Columns | None = None

    def feed(self, data: bytes) -> list[WireEvent]:
        """Take the next piece."""
        if self._delimiter is None:
            data = self._waiting + data
            self._delimiter = delimiter_of(data.removeprefix(BOM).lstrip())
            if self._delimiter is None and len(data) < _FIRST:
                self._waiting = data
                return []
            self._waiting, data = b"", data.removeprefix(BOM).lstrip()
            self._delimiter = self._delimiter or ","
        out: list[WireEvent] = []
        for row in self._rows.feed(data):
            self._row(row, out)
        return out

    def end(self) -> list[WireEvent]:
        """The file ends."""
        waiting, self._waiting = self._waiting, b""
        self._delimiter = self._delimiter or ","
        out = self.feed(waiting)
        for row in self._rows.end():
            self._row(row, out, is_last=True)
        return out

    def _row(self, row: bytes, out: list[WireEvent], *, is_last: bool = False) -> None:
        self._number += 1
        text = row.decode(errors="replace").rstrip("\r\n")
        if not text.strip():
            return
        place = f"row {self._number}"
        try:
            found = cells(text, self._delimiter or ",")
        except csv.Error as error:
            out += self._trouble.notice(place, f"no CSV: {error}")
            return
        if not self._names:
            self._names = [name.strip() for name in found]
            return
        if self._columns is None:
            if not any(LIKE_A_MESSAGE.match(cell) for cell in found):
                self._records.others += 1
                return
            self._columns = _Columns(self._names, found)
        if self._columns.message >= len(found) or (is_last and text.count('"') % 2):
            out += self._trouble.notice(
                place, "it breaks off" if is_last else "it has no cell for the message"
            )
            return
        self._message(self._columns, found, out)

    def _message(self, columns: _Columns, row: list[str], out: list[WireEvent]) -> None:
        def cell(at: int | None) -> str | None:
            return row[at] if at is not None and at < len(row) and row[at] else None

        text = cell(columns.message)
        if text is None or not text.lstrip().startswith("["):
            self._records.others += 1
            return
        time, number = cell(columns.time), cell(columns.session)
        when = None if time is None else self._records.time(time, out)
        more = int(number) if number is not None and number.isdecimal() and len(number) < 10 else None
        talk = self._records.talk(cell(columns.station), version_of(cell(columns.version)), when, out, more)
        self._records.read += 1
        self._records.message(talk, when, text, cell(columns.direction), out)
