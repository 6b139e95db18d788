"""Opening an input: from a name to batches of events, whatever it holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocppscope.events import WireEvent
from ocppscope.sources.blocks import Blocks, InputError
from ocppscope.sources.capture_file import CaptureFiles, looks_like_capture
from ocppscope.sources.stored import StoredCapture
from ocppscope.store.schema import MAGIC
from ocppscope.wire.tls_keys import KeyStore
from ocppscope.wire.websocket import MAX_MESSAGE

__all__ = ["InputError", "Source", "SourceOptions", "open_source"]


@dataclass(slots=True)
class SourceOptions:
    """What the user says about inputs."""

    keys: KeyStore = field(default_factory=KeyStore)
    decode_as: frozenset[int] = frozenset()
    max_message: int = MAX_MESSAGE
    follow: Callable[[], bool] | None = None
    """Waits for a file to grow; False from it ends the reading."""
    idle: Callable[[], None] | None = None
    """Called before a pipe is waited for."""


class Source(Protocol):
    """One capture, from one input or several."""

    @property
    def size(self) -> int | None:
        """Of the inputs in bytes; None where it cannot be known."""

    @property
    def read(self) -> int:
        """Bytes read so far."""

    @property
    def found(self) -> dict[str, int]:
        """What the inputs held, by kind, for one that held no OCPP."""

    @property
    def caution(self) -> str | None:
        """What a user should know before trusting what is read; None where there is nothing."""

    def batches(self) -> Iterator[list[WireEvent]]:
        """Yield the events as they are read, and the last ones at the end."""

    def close(self) -> None:
        """Close the inputs, where they are not read to their ends."""


def open_source(names: Sequence[str], options: SourceOptions) -> Source:
    """Open inputs that are one capture, in their order.

    Raises:
        InputError: one of them cannot be read at all, or a store is to be joined with others.
    """
    inputs: list[Blocks] = []
    try:
        for name in names:
            inputs.append(Blocks(name, options.follow, options.idle))
            if inputs[-1].head.startswith(MAGIC):
                return _store(names, inputs, options)
            _expect_capture(inputs[-1])
    except InputError:
        for blocks in inputs:
            blocks.close()
        raise
    return CaptureFiles(inputs, options.keys, options.decode_as, options.max_message)


def _store(names: Sequence[str], inputs: list[Blocks], options: SourceOptions) -> StoredCapture:
    for blocks in inputs:
        blocks.close()
    name, is_plain = inputs[-1].name, not inputs[-1].is_packed
    if name == "-":
        raise InputError(
            "a store cannot be read from standard input, because SQLite needs a file: save it, and name the file"
        )
    if not is_plain:
        raise InputError(f"{name} is a store in gzip, and SQLite needs a plain file: unpack it with gunzip")
    if len(names) > 1:
        raise InputError(f"{name} is a store, which cannot be joined with other inputs: read it alone")
    return StoredCapture(name, options.follow)


def _expect_capture(blocks: Blocks) -> None:
    if not blocks.head:
        raise InputError(f"{blocks.title} is empty: expected a pcap or pcapng capture, or either in gzip")
    if not looks_like_capture(blocks.head):
        raise InputError(
            f"{blocks.title} is no capture: it begins with {_shown(blocks.head)} at byte 0, "
            "expected the magic number of pcap or pcapng (or of gzip around them), or of a store"
        )


def _shown(head: bytes) -> str:
    start = head[:16]
    if start.isascii() and start.decode().isprintable():
        return repr(start.decode())
    return start[:8].hex(" ")
