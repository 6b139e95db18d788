"""What the formats have in common that are written from front to end."""

import tempfile
from collections.abc import Iterable
from typing import IO, Any

from ocppscope.events import Event, Message, Notice
from ocppscope.export import Order


class FrontToEnd:
    """A file to whose end everything is added (`export.Output`). A format says what, in `add`.

    Args:
        order: what is to be written.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.written = 0
        """Events in the file."""
        self._file = order.path.open("xb")
        self._has_ended = False
        self.begin()

    def begin(self) -> None:
        """What stands first in the file."""

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        """What the next events add."""
        raise NotImplementedError

    def rest(self) -> Iterable[bytes]:
        """What stands last in the file."""
        return ()

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:  # noqa: ARG002
        self._file.writelines(list(self.add(events)))

    def flush(self) -> None:
        self._file.flush()

    def finish(self, **_facts: Any) -> int:
        self._end()
        return self.written

    def leave(self, **_facts: Any) -> None:
        self._end()

    def _end(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._file.writelines(self.rest())
            self._file.close()

    def close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.give_up()
            self._file.close()

    def give_up(self) -> None:
        """Nothing more is written: let go of what a format holds."""


class Later:
    """Keeps, on disk where it is much, what can be written only after something that is not known yet."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - closed by `close`

    def add(self, data: bytes) -> None:
        self._file.write(data)

    def pieces(self) -> Iterable[bytes]:
        """Yield all that was added, and forget it."""
        self._file.seek(0)
        while piece := self._file.read(1 << 16):
            yield piece
        self.close()

    def close(self) -> None:
        self._file.close()


def messages(events: Iterable[Event | Notice]) -> Iterable[Message]:
    """The messages among events, each that was seen twice once."""
    return (event for event in events if isinstance(event, Message) and event.session.duplicate_of is None)
