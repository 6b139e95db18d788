"""What goes out: events and findings in the forms that other tools read.

A format is one module with a function `open_output(order) -> Output`, and one entry in FORMATS.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ocppscope.events import Event, Notice
from ocppscope.filter import Filter
from ocppscope.rules.registry import Profile

__all__ = ["FORMATS", "SHARED", "Format", "MissingExtraError", "Order", "Output"]

SHARED: Final = "share.redacted"
"""The kind of the notice that says what was replaced in a capture, and what proves that nothing else was."""


class MissingExtraError(Exception):
    """A format needs a package that is not installed. The text says which, and how to get it."""


def _say_nothing(_text: str) -> None:
    """Nobody listens."""


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
    is_plain: bool = False
    """Nothing of our own goes into a format of others."""
    tell: Callable[[str], None] = _say_nothing
    """Says something to the user."""


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
            MissingExtraError: it needs what is not installed.
        """
        output: Output = importlib.import_module(f"{__name__}.{self.module}").open_output(order)
        return output


FORMATS: Final[Mapping[str, Format]] = {
    "ocppdb": Format(".ocppdb", "ocppdb", "a store: SQLite, with all findings", selects=True),
    "pcapng": Format(
        ".pcapng", "pcapng", "conversations over TCP, for Wireshark and every reader of captures"
    ),
    "jsonl": Format(".jsonl", "jsonl", "one event a line, as `ls --json` prints it"),
    "json": Format(".json", "json_array", "the same as one JSON array"),
    "open-ocpp-trace": Format(
        ".trace.jsonl", "open_ocpp_trace", "Open OCPP Trace v1.1, which other tools read, a record a line"
    ),
    "open-ocpp-trace-array": Format(".trace.json", "open_ocpp_trace_array", "the same as one JSON array"),
    "open-ocpp-trace-view": Format(
        ".view.json", "consumer_view", "the consumer view of Open OCPP Trace: counts, and what answers what"
    ),
    "csv": Format(".csv", "csv_messages", "one row a message"),
    "csv-samples": Format(".samples.csv", "csv_samples", "one row for each value of a meter"),
    "csv-transactions": Format(".transactions.csv", "csv_transactions", "one row a charging transaction"),
    "parquet": Format(".parquet", "parquet", "one row a message; needs pyarrow"),
    "mermaid": Format(".mmd", "mermaid", "a sequence diagram"),
    "markdown": Format(".md", "markdown", "findings, and the conversation as a table", selects=True),
    "html": Format(".html", "html", "a report for a browser: one file that needs no network", selects=True),
}
"""By name, as `convert --to` takes it."""
