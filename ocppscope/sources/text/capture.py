"""A log, or any text with messages in it, as a source."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Final

from ocppscope.events import Notice, WireEvent
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural
from ocppscope.sources.blocks import Blocks, CutShortError, InputError
from ocppscope.sources.text.dialect import Dialect, Mark, Side, all_dialects
from ocppscope.sources.text.encoding import Transcoder
from ocppscope.sources.text.reader import Reader
from ocppscope.sources.text.scanner import Scanner

__all__ = ["TextCapture"]

_WATCHED_BY_ALL: Final = 1 << 18
"""Bytes at the beginning in which the marks of every dialect are looked for."""
_LINES_SHOWN: Final = 3
_LINE_SHOWN: Final = 100


class TextCapture:
    """One text in one input or several, such as a log that was rotated (`inputs.Source`).

    Args:
        inputs: in their order.
        dialect: the name of the one that it is in; None: found out.
        zone: of times that say none; None: UTC is assumed, and said.
        logged_by: the side that logs; None: messages show it.
        max_message: bytes that a message may have.

    Raises:
        InputError: there is no dialect of that name.
    """

    begins_with_stations: Final = False

    def __init__(
        self,
        inputs: Sequence[Blocks],
        *,
        dialect: str | None = None,
        zone: tzinfo | None = None,
        logged_by: Side | None = None,
        max_message: int = 16 << 20,
    ) -> None:
        known = all_dialects()
        if dialect is not None and dialect not in known:
            raise InputError(f"there is no dialect {dialect}: choose one of {', '.join(known)}")
        chosen = list(known.values()) if dialect is None else [known[dialect]]
        self._inputs = inputs
        self._title = inputs[0].title if inputs else ""
        self._watched: list[Dialect] = []
        self._fed = 0
        marks = tuple(mark for one in chosen for mark in one.marks)
        continued = tuple(pattern for one in chosen for pattern in one.continued)
        self._watches_all = dialect is None
        self._scanner = Scanner(marks, continued, max_message)
        self._reader = Reader(chosen, self._title, zone, logged_by, self._watch)
        self._first = b""
        self._ended = True
        """What was fed so far ends with a line."""

    @property
    def size(self) -> int | None:
        sizes = [blocks.size for blocks in self._inputs]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def read(self) -> int:
        return sum(blocks.read for blocks in self._inputs)

    @property
    def found(self) -> dict[str, int]:
        return {"line of text": self._scanner.lines}

    @property
    def caution(self) -> str | None:
        return None

    @property
    def dialects(self) -> dict[str, int]:
        """How many messages were read in each dialect."""
        return dict(self._reader.dialects)

    def batches(self) -> Iterator[list[WireEvent]]:
        """Yield the events of each block, and the last ones at the end.

        Raises:
            InputError: there is nothing of OCPP in it; it says what it looks like instead.
        """
        has_any = False
        for blocks in self._inputs:
            transcoder = Transcoder(blocks.head)
            try:
                for block in blocks:
                    events = self._feed(transcoder.feed(block))
                    has_any = has_any or bool(events)
                    yield events
            except CutShortError as error:
                yield [Notice("file.damaged", None, f"{blocks.title}: {error}", blocks.title)]
            yield self._feed(transcoder.close() if self._ended else transcoder.close() + b"\n")
        events = self._reader.feed(self._scanner.close()) + self._reader.close()
        yield events
        if not has_any and not any(not isinstance(event, Notice) for event in events):
            raise InputError(self._nothing())

    def close(self) -> None:
        for blocks in self._inputs:
            blocks.close()

    def _feed(self, data: bytes) -> list[WireEvent]:
        self._ended = data.endswith(b"\n") if data else self._ended
        if len(self._first) < _LINES_SHOWN * _LINE_SHOWN * 4:
            self._first += data[: _LINES_SHOWN * _LINE_SHOWN * 4]
        if not self._watches_all:
            return self._reader.feed(self._scanner.feed(data))
        room = _WATCHED_BY_ALL - self._fed
        self._fed += len(data)
        if room >= len(data):
            return self._reader.feed(self._scanner.feed(data))
        events = self._reader.feed(self._scanner.feed(data[:room])) if room > 0 else []
        self._watches_all = False
        self._scanner.watch(self._marks())
        return events + self._reader.feed(self._scanner.feed(data[room:]))

    def _watch(self, dialect: Dialect) -> None:
        """A dialect was met: its marks matter from here on."""
        self._watched.append(dialect)
        if not self._watches_all:
            self._scanner.watch(self._marks())

    def _marks(self) -> tuple[Mark, ...]:
        return tuple(mark for one in self._watched for mark in one.marks)

    def _nothing(self) -> str:
        text = self._first.decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            return f"{self._title} holds no OCPP message: it is text without a word in it"
        shown = "".join(f"\n  {visible(line[:_LINE_SHOWN])}" for line in lines[:_LINES_SHOWN])
        elided = self._reader.elided
        instead = (
            f"; only {plural(elided, 'message')} whose middle is left out (…) were found" if elided else ""
        )
        return (
            f"{self._title} holds no OCPP message. In {plural(max(self._scanner.lines, 1), 'line')} of text, "
            f'message arrays such as [2,"id","Heartbeat",{{}}] were looked for, in plain or escaped JSON or as '
            f"Python prints them{instead}. It begins with:{shown}"
        )
