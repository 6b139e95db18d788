"""What goes out: events and findings in the forms that other tools read.

A format is one module with a function `open_output(order) -> Output`, and one entry in FORMATS.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ocppscope.events import Event, Notice
from ocppscope.filter import Filter
from ocppscope.rules.registry import Profile

__all__ = ["FORMATS", "Format", "Order", "Output"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written."""

    path: Path
    """Of a file that is not there yet."""
    source: str
    """What is read, for people."""
    profile: Profile = "field"
    """Of severities, where findings are written."""
    wanted: Filter | None = None
    """Only what fits; for a format that selects by itself. Others are given nothing else."""
    is_scratch: bool = False
    """The file is thrown away soon: a crash of the machine may damage it."""


class Output(Protocol):
    """A file that is being written."""

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:
        """Take in the next events, and how many bytes of the input they come from, of how many."""

    def flush(self) -> None:
        """Show readers all that was taken in: nothing more comes for now."""

    def finish(self, **facts: Any) -> int:
        """The input ends.

        Args:
            facts: about it, for formats that keep them.

        Returns:
            How many events there are in the file.
        """

    def leave(self, **facts: Any) -> None:
        """The reading was broken off, maybe in the middle of `feed`: end the file so that it can be read."""

    def close(self) -> None:
        """Close the file as it is; nothing happens to one that has ended."""


@dataclass(frozen=True, slots=True)
class Format:
    """A form in which a capture goes out."""

    extension: str
    module: str
    help: str
    selects: bool = False
    """It is given all events, and does what `Order.wanted` says by itself."""

    def open(self, order: Order) -> Output:
        """Begin a file.

        Raises:
            OSError: it cannot be written.
        """
        output: Output = importlib.import_module(f"{__name__}.{self.module}").open_output(order)
        return output


FORMATS: Final[Mapping[str, Format]] = {
    "ocppdb": Format(".ocppdb", "ocppdb", "a store: SQLite, with all findings", selects=True),
    "pcapng": Format(".pcapng", "pcapng", "conversations over TCP, for Wireshark and every reader of captures"),
    "jsonl": Format(".jsonl", "jsonl", "one event a line, as `ls --json` prints it"),
}
"""By name, as `convert --to` takes it."""
