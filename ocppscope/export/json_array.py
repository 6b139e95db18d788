"""Events as one JSON array, of the objects that `ls --json` prints."""

from collections.abc import Iterable

from ocppscope.events import Event, Notice
from ocppscope.export import records
from ocppscope.export.files import FrontToEnd


class JsonArray(FrontToEnd):
    """See the module."""

    def begin(self) -> None:
        self.write(b"[")

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        lines = [records.line(records.event_record(one)) for one in events if not isinstance(one, Notice)]
        for line in lines:
            yield (b",\n" if self.written else b"\n") + line.rstrip(b"\n")
            self.written += 1

    def rest(self) -> Iterable[bytes]:
        return (b"\n]\n",)


open_output = JsonArray
