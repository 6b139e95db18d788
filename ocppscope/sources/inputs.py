"""Opening an input: from a name to batches of events, whatever it holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Literal, Protocol

from ocppscope.events import WireEvent
from ocppscope.sources.blocks import Blocks, InputError
from ocppscope.sources.capture_file import CaptureFiles, looks_like_capture
from ocppscope.sources.stored import StoredCapture
from ocppscope.sources.text.encoding import is_text
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
    dialect: str | None = None
    """Of logs; None: found out."""
    zone: tzinfo | None = None
    """Of times in logs that say none; None: UTC, and that is said."""
    logged_by: Literal["station", "csms"] | None = None
    """Which side wrote a log; None: its messages show it."""


class Source(Protocol):
    """One capture, from one input or several."""

    @property
    def begins_with_stations(self) -> bool:
        """Whether whose session it is is known when it begins: a log may tell it later, if ever."""

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
            _expect_known(inputs[-1])
        texts = [blocks for blocks in inputs if not looks_like_capture(blocks.head)]
        if texts:
            return _text(inputs, texts, options)
    except InputError:
        for blocks in inputs:
            blocks.close()
        raise
    return CaptureFiles(inputs, options.keys, options.decode_as, options.max_message)


def _text(inputs: list[Blocks], texts: list[Blocks], options: SourceOptions) -> Source:
    from ocppscope.sources.text.capture import TextCapture
    from ocppscope.sources.traces import TraceFiles

    if len(texts) < len(inputs):
        raise InputError(f"{texts[0].title} is text, which cannot be joined with packets: read it alone")
    if options.dialect is None:
        traces = [blocks for blocks in inputs if _is_trace(blocks)]
        if len(traces) == len(inputs):
            return TraceFiles(inputs, options.max_message, zone=options.zone, logged_by=options.logged_by)
        if traces:
            raise InputError(f"{traces[0].title} is a trace, which cannot be joined with logs: read it alone")
    return TextCapture(
        inputs,
        dialect=options.dialect,
        zone=options.zone,
        logged_by=options.logged_by,
        max_message=options.max_message,
    )


def _is_trace(blocks: Blocks) -> bool:
    from ocppscope.sources.traces import looks_like_trace, what_it_is

    blocks.look_further()
    if looks_like_trace(blocks.head):
        return True
    if found := what_it_is(blocks.head):
        raise InputError(
            f"{blocks.title} is JSON, but no trace: expected records that hold a message, in `raw`, `message` or the "
            f"like, or an object with an array of them in `events`; found {found}"
        )
    return False


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


def _expect_known(blocks: Blocks) -> None:
    if not blocks.head:
        raise InputError(
            f"{blocks.title} is empty: expected a pcap or pcapng capture, or a log, or one of them in gzip"
        )
    if not looks_like_capture(blocks.head) and not is_text(blocks.head):
        raise InputError(
            f"{blocks.title} is no capture: it begins with {_shown(blocks.head)} at byte 0, "
            "expected the magic number of pcap or pcapng (or of gzip around them), or of a store, or a log: text"
        )


def _shown(head: bytes) -> str:
    start = head[:16]
    if start.isascii() and start.decode().isprintable():
        return repr(start.decode())
    return start[:8].hex(" ")
