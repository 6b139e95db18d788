"""Traces as a source: files of records, one capture in one file or several."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import pairwise
from typing import Any, Final, Literal, Protocol

import orjson

from ocppscope.events import Notice, Opened, WireEvent
from ocppscope.sources.blocks import Blocks, CutShortError
from ocppscope.sources.traces.cutting import Items, Lines
from ocppscope.sources.traces.har import HarEntries
from ocppscope.sources.traces.recognition import BOM, Shape, shape_of, start_of_array
from ocppscope.sources.traces.records import Records, Waiting
from ocppscope.sources.traces.sessions import Sessions
from ocppscope.sources.traces.tables import TableReader
from ocppscope.sources.traces.trouble import Trouble

_ESCAPED: Final = 4
"""A record holds its message twice, once with escapes, and a little more."""
_AROUND: Final = 1 << 20
"""Bytes around an array of records that are looked at."""
_LOOKED_AT: Final = 200
"""Records that show whether a trace has its newest first."""


class _Reader(Protocol):
    """Reads one file."""

    def feed(self, data: bytes) -> list[WireEvent]: ...

    def end(self) -> list[WireEvent]: ...


class LineReader:
    """One record a line."""

    def __init__(self, records: Records, trouble: Trouble, limit: int) -> None:
        self._records = records
        self._trouble = trouble
        self._lines = Lines(limit)
        self._number = 0

    def feed(self, data: bytes) -> list[WireEvent]:
        out: list[WireEvent] = []
        take, place = self._records.take, self._place
        for line in self._lines.feed(data):
            self._number += 1
            if not take(line, place, out):
                self._odd(line, out)
        return out

    def end(self) -> list[WireEvent]:
        out: list[WireEvent] = []
        self._number += 1
        line = self._lines.end()
        if line.strip() and not self._records.take(line, self._place, out):
            out += self._trouble.notice(self._place(), f"the last line breaks off: {_beginning(line)}")
        return out

    def _place(self) -> str:
        return f"line {self._number}"

    def _odd(self, line: bytes, out: list[WireEvent]) -> None:
        """An empty line, the first one of some files, or no JSON."""
        stripped = line.removeprefix(BOM).strip()
        if stripped and (stripped == line or not self._records.take(stripped, self._place, out)):
            out += self._trouble.notice(self._place(), f"no JSON, it is left out: {_beginning(stripped)}")


class ItemReader:
    """JSON values in an array, or one after another.

    Args:
        records: makes the events.
        trouble: of the file.
        limit: bytes of a value.
        path: how an object that stands around the array is closed; None where there is no object.
    """

    def __init__(
        self, records: "Records | HarEntries", trouble: Trouble, limit: int, closing: bytes | None = None
    ) -> None:
        self._records = records
        self._trouble = trouble
        self._closing = closing
        self._before: bytes | None = b""
        """What stands before the array; None once it has been seen."""
        self._out: list[WireEvent] = []
        self._take = records.take
        self._items = Items(self._item, self._lost, limit)

    def feed(self, data: bytes) -> list[WireEvent]:
        if self._before is not None:
            self._before += data
            start = self._start(self._before.removeprefix(BOM))
            if start < 0:
                return []
            data, self._before = self._before.removeprefix(BOM)[start:], None
        self._items.feed(data)
        out, self._out = self._out, []
        return out

    def end(self) -> list[WireEvent]:
        if self._before is not None:
            return [*self._trouble.notice("its beginning", "there is no array of records in it")]
        self._items.end()
        rest = self._items.rest
        if self._closing is not None and rest is not None and isinstance(self._records, Records):
            self._learn(b"{" + rest.strip().removeprefix(b","))
        elif rest is None and self._is_array:
            self._out += self._trouble.notice("its end", "the array is not closed: the file is not whole")
        out, self._out = self._out, []
        return out

    _is_array = True

    def _start(self, data: bytes) -> int:
        """Where the first value begins; -1 where that has not come yet."""
        stripped = data.lstrip()
        at = len(data) - len(stripped)
        if not stripped:
            return -1
        if self._closing is None:
            self._is_array = stripped[:1] == b"["
            return at + self._is_array
        start = start_of_array(stripped, self._closing)
        if start and isinstance(self._records, Records):
            self._learn(stripped[:start] + self._closing)
        return at + start if start else -1

    def _learn(self, text: bytes) -> None:
        if len(text) > _AROUND or not isinstance(self._records, Records):
            return
        try:
            around = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        if isinstance(around, dict):
            self._records.learn(around)

    def _place(self) -> str:
        return f"record {self._items.count + 1}"

    def _item(self, item: bytes | bytearray) -> bool:
        return self._take(item, self._place, self._out)

    def _lost(self, number: int, why: str) -> None:
        self._out += self._trouble.notice(f"record {number}", f"{why}: it is left out")


class NewestFirst:
    """Turns round what some programs write with the newest record first.

    Which order it is, the first records show; what is the wrong way round has to be held until its end.

    Args:
        reader: reads the file.
        records: of the reader.
    """

    def __init__(self, reader: _Reader, records: Records) -> None:
        self._reader = reader
        self._records = records
        self._held: list[Waiting] = []
        self._opened: list[Opened] = []
        """Beginnings of what is turned round: with the time of a last record until the first ones are known."""
        self._is_turned = False
        records.waiting = self._held

    def feed(self, data: bytes) -> list[WireEvent]:
        return self._pass(self._reader.feed(data), is_last=False)

    def end(self) -> list[WireEvent]:
        return self._pass(self._reader.end(), is_last=True)

    def _pass(self, events: list[WireEvent], *, is_last: bool) -> list[WireEvent]:
        if self._records.waiting is None:
            return events
        if not self._is_turned:
            times = [time for _, time, *_ in self._held[:_LOOKED_AT] if time is not None]
            steps = [after - before for before, after in pairwise(times) if after != before]
            self._is_turned = bool(steps) and max(steps) < 0
            if not steps and len(self._held) < _LOOKED_AT and not is_last:
                return events
        if self._is_turned:
            self._opened += [event for event in events if isinstance(event, Opened)]
            events = [event for event in events if not isinstance(event, Opened)]
            if not is_last:
                return events
            first = {talk.session.number: time for talk, time, *_ in self._held}
            begun = [replace(one, time=first.get(one.session.number, one.time)) for one in self._opened]
            events = [*begun, *events]
        self._records.waiting = None
        for talk, time, text, said, source in reversed(self._held) if self._is_turned else self._held:
            self._records.message(talk, time, text, said, events, source)
        self._held.clear()
        return events


class TraceFiles:
    """One capture in one file of records or several (`inputs.Source`).

    Args:
        inputs: that `looks_like_trace` is true of.
        max_message: bytes of the largest message to read.
        zone: of times that name none; None: UTC.
        logged_by: who wrote words such as `sent`; None: the messages show it.
    """

    begins_with_stations: Final = True

    def __init__(
        self,
        inputs: Sequence[Blocks],
        max_message: int,
        *,
        zone: tzinfo | None = None,
        logged_by: Literal["station", "csms"] | None = None,
    ) -> None:
        self._zone = zone
        self._logged_by = logged_by
        self._inputs = inputs
        self._limit = _ESCAPED * max_message + _AROUND
        self._sessions = Sessions()
        self._records: Records | None = None
        """Of the file that is being read."""
        self._found: list[Callable[[], dict[str, int]]] = []

    @property
    def size(self) -> int | None:
        sizes = [blocks.size for blocks in self._inputs]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def read(self) -> int:
        return sum(blocks.read for blocks in self._inputs)

    @property
    def found(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for counts in self._found:
            for kind, count in counts().items():
                found[kind] = found.get(kind, 0) + count
        return found

    @property
    def caution(self) -> str | None:
        return None

    def batches(self) -> Iterator[list[WireEvent]]:
        """Yield the events of each block, and the last ones at the end."""
        for number, blocks in enumerate(self._inputs):
            trouble = Trouble(blocks.title)
            self._records = None
            reader = self._reader(shape_of(blocks.head) or "lines", trouble, number)
            try:
                for block in blocks:
                    yield reader.feed(block)
            except CutShortError as error:
                yield [Notice("file.damaged", None, f"{blocks.title}: {error}", blocks.title)]
            yield [*reader.end(), *trouble.end(), *(self._records.end() if self._records else ())]
        yield list(self._sessions.end())

    def _reader(self, shape: Shape, trouble: Trouble, number: int) -> _Reader:
        if shape == "har":
            entries = HarEntries(self._sessions, trouble, number)
            self._found.append(
                lambda: {"HTTP exchange": entries.exchanges, "WebSocket in a HAR file": entries.sockets}
            )
            return ItemReader(entries, trouble, self._limit, b"]}}")
        records = Records(self._sessions, trouble, number, zone=self._zone, logged_by=self._logged_by)
        self._records = records
        self._found.append(lambda: {"record": records.read, "record without a message": records.others})
        if shape == "lines":
            return LineReader(records, trouble, self._limit)
        if shape == "csv":
            return NewestFirst(TableReader(records, trouble, self._limit), records)
        closing = b"]}" if shape == "object" else None
        return NewestFirst(ItemReader(records, trouble, self._limit, closing), records)

    def close(self) -> None:
        for blocks in self._inputs:
            blocks.close()


def _beginning(line: bytes) -> str:
    text: Any = line[:40].decode(errors="replace")
    return f"{text!r}{' …' if len(line) > 40 else ''}"
