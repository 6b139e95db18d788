"""A capture as a report: one HTML file that opens in any browser, from disk, and asks nobody for anything.

The events go into a store first, which judges and assembles them; at the end the page is made of it.
"""

import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ocppscope.events import Event, Notice
from ocppscope.export import SHARED, Order
from ocppscope.export.html import page
from ocppscope.export.html.data import Limits
from ocppscope.export.ocppdb import StoreOutput
from ocppscope.store import Store, StoreError

_REST: Final = 20
"""While more comes, a report is made again after so many times what making the last one took."""


class HtmlReport:
    """A report that is being written (`export.Output`).

    Args:
        order: what is to be written.
        limits: how much of the capture the report holds.
    """

    def __init__(self, order: Order, limits: Limits | None = None) -> None:
        self._file = order.path.open("xb")
        self._order = order
        self._limits = limits or Limits()
        self._folder = tempfile.TemporaryDirectory(prefix="ocppscope-")
        self._path = Path(self._folder.name) / "report.ocppdb"
        self._store = StoreOutput(
            Order(self._path, order.source, order.profile, order.wanted, is_scratch=True)
        )
        self._shared = ""
        self._next = 0.0
        """When it may be made again, by the monotonic clock."""

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:
        for event in events:
            if isinstance(event, Notice) and event.kind == SHARED:
                self._shared = event.detail
        self._store.feed(events, read=read, size=size)

    def flush(self) -> None:
        self._store.flush()
        begin = time.monotonic()
        if begin >= self._next:
            self._make("not all of it: more was to come when this was written")
            end = time.monotonic()
            self._next = end + _REST * (end - begin)

    def finish(self, **facts: Any) -> int:
        count = self._store.finish(**facts)
        self._make()
        self.close()
        if count > self._limits.events:
            kept = f"{self._limits.events:,} of {count:,} events"
            self._order.tell(f"{self._order.path} holds {kept}: a store (.ocppdb) keeps all")
        return count

    def leave(self, **facts: Any) -> None:
        self._store.leave(**facts)
        self._make("not all of it: reading was broken off")
        self.close()

    def close(self) -> None:
        self._store.close()
        self._file.close()
        self._folder.cleanup()

    def _make(self, warning: str = "") -> None:
        """Write the page in place of what was written before."""
        self._file.seek(0)
        try:
            with Store(self._path) as store:
                for part in page.parts(store, self._order, self._limits, warning, self._shared):
                    self._file.write(part.encode())
        except StoreError as error:
            raise OSError(0, str(error)) from error
        self._file.truncate()
        self._file.flush()


open_output = HtmlReport
