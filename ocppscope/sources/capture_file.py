"""pcap and pcapng files as a source."""

from collections.abc import Iterator, Sequence
from typing import Final

from ocppscope.events import Notice, WireEvent
from ocppscope.sources.blocks import Blocks, CutShortError
from ocppscope.wire.capture import Capture
from ocppscope.wire.pcap import PCAPNG_MAGIC, looks_like_capture
from ocppscope.wire.tls_keys import KeyStore

__all__ = ["CaptureFiles", "looks_like_capture"]


class CaptureFiles:
    """One capture in one file or several: connections go on from one file to the next (`inputs.Source`)."""

    begins_with_stations: Final = True

    def __init__(
        self,
        inputs: Sequence[Blocks],
        keys: KeyStore,
        decode_as: frozenset[int],
        max_message: int,
    ) -> None:
        self._inputs = inputs
        # Only a pcapng can hold secrets; where none will come, TLS records need not wait for them.
        keys.final = not any(blocks.head.startswith(PCAPNG_MAGIC) for blocks in inputs)
        self._capture = Capture(keys=keys, decode_as=decode_as, max_message=max_message)

    @property
    def size(self) -> int | None:
        sizes = [blocks.size for blocks in self._inputs]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def read(self) -> int:
        return sum(blocks.read for blocks in self._inputs)

    @property
    def found(self) -> dict[str, int]:
        return self._capture.found

    @property
    def caution(self) -> str | None:
        return None

    def batches(self) -> Iterator[list[WireEvent]]:
        """Yield the events of each block, and the last ones at the end."""
        for blocks in self._inputs:
            try:
                for block in blocks:
                    yield self._capture.feed(block)
            except CutShortError as error:
                yield [Notice("file.damaged", None, f"{blocks.title}: {error}", blocks.title)]
            yield self._capture.end_of_file(blocks.title)
        yield self._capture.close()

    def close(self) -> None:
        for blocks in self._inputs:
            blocks.close()
