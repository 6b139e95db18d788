"""Events as JSON, one a line: what `ls --json` prints."""

from typing import Any

from ocppscope.events import Event, Notice
from ocppscope.export import Order, records


class JsonLines:
    """A file of JSON lines (`export.Output`)."""

    def __init__(self, order: Order) -> None:
        self._file = order.path.open("xb")
        self._written = 0

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:  # noqa: ARG002
        lines = [
            records.line(records.event_record(event)) for event in events if not isinstance(event, Notice)
        ]
        self._file.writelines(lines)
        self._written += len(lines)

    def flush(self) -> None:
        self._file.flush()

    def finish(self, **_facts: Any) -> int:
        self._file.close()
        return self._written

    def leave(self, **_facts: Any) -> None:
        self._file.close()

    def close(self) -> None:
        self._file.close()


open_output = JsonLines
