"""The bytes of an input, block by block: a file, standard input or a growing file; gzip taken off."""

import select
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

BLOCK: Final = 1 << 15
"""Bytes read at once: so few that what is made of them stays in the processor's cache from layer to layer."""
_HEAD: Final = 16
_FURTHER: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_ANY_GZIP: Final = 16 + zlib.MAX_WBITS


class InputError(Exception):
    """An input cannot be read at all. The text names it, what was found, and what to do."""


class CutShortError(Exception):
    """The input ends, or breaks, before its end; what came before has been given."""


class Blocks:
    """The blocks of one input.

    Args:
        name: a path, or `-` for standard input.
        follow: called at the end of a file, to wait for more of it; False from it ends the reading.
        idle: called when a pipe holds nothing yet, before waiting for it.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(
        self,
        name: str,
        follow: Callable[[], bool] | None = None,
        idle: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.title = "standard input" if name == "-" else name
        """The name, for people."""
        self.size: int | None = None
        """In bytes; None where it cannot be known."""
        self.read = 0
        """Bytes read so far."""
        self.is_packed = False
        """It came in gzip."""
        self._follow = follow
        self._idle = idle
        self._file = self._open()
        try:
            self.head = self._first_block()
            """The first block, for finding out what the input holds."""
        except InputError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file. Reading to its end, or giving that up, does so too."""
        if self.name != "-":
            self._file.close()

    def _open(self) -> BinaryIO:
        if self.name == "-":
            return sys.stdin.buffer
        path = Path(self.name)
        try:
            if path.is_file():
                self.size = path.stat().st_size
            return path.open("rb")
        except IsADirectoryError as error:
            raise InputError(f"{self.name} is a folder: name the files in it") from error
        except OSError as error:
            raise InputError(f"{self.name} cannot be opened: {error.strerror}") from error

    def _first_block(self) -> bytes:
        raw = self._blocks()
        self._rest: Iterator[bytes] = raw
        try:
            first = _at_least(_HEAD, raw)
            if not first.startswith(_GZIP):
                return first
            self.is_packed = True
            self._rest = _inflated(first, raw)
            return _at_least(_HEAD, self._rest)
        except CutShortError as error:
            raise InputError(f"{self.title}: {error}") from error

    def look_further(self) -> None:
        """Make `head` longer, where a pipe gave less than a line of text, or a line is longer than a block."""
        try:
            while (
                len(self.head) < _FURTHER
                and b"\n" not in self.head.strip()
                and (block := next(self._rest, b""))
            ):
                self.head += block
        except CutShortError as error:
            self._rest = _raising(error)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the first block and then the others.

        Raises:
            CutShortError: gzip breaks off, or the file cannot be read any further.
        """
        try:
            if self.head:
                yield self.head
            yield from self._rest
        finally:
            self.close()

    def _blocks(self) -> Iterator[bytes]:
        # What is there, at once: a live pipe must not wait until a block is full.
        read: Callable[[int], bytes] = getattr(self._file, "read1", self._file.read)
        try:
            while True:
                if self._idle is not None and self.size is None and self._would_wait():
                    self._idle()
                block = read(BLOCK)
                if block:
                    self.read += len(block)
                    yield block
                elif self._follow is None or not self._follow():
                    return
        except OSError as error:
            raise CutShortError(f"it cannot be read beyond byte {self.read}: {error.strerror}") from error

    def _would_wait(self) -> bool:
        try:
            return not select.select([self._file], [], [], 0)[0]
        except (OSError, ValueError):  # nothing that can be waited for
            return False


def _at_least(size: int, blocks: Iterator[bytes]) -> bytes:
    """The first blocks, as many as hold `size` bytes: a pipe may give them one by one."""
    data = b""
    while len(data) < size and (block := next(blocks, b"")):
        data += block
    return data


def _raising(error: CutShortError) -> Iterator[bytes]:
    yield from ()
    raise error


def _inflated(block: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    """Take gzip off, member by member (RFC 1952), never more than a block at a time."""
    stream = zlib.decompressobj(_ANY_GZIP)
    read = len(block)
    while block:
        before = stream.copy()
        try:
            data = stream.decompress(block, BLOCK)
        except zlib.error as error:
            data = _up_to_damage(before, block)
            if data:
                yield data
            raise CutShortError(f"gzip is damaged before byte {read}: {error}") from error
        if data:
            yield data
        block = stream.unused_data if stream.eof else stream.unconsumed_tail
        if not block:
            block = next(more, b"")
            read += len(block)
        if stream.eof and block:
            stream = zlib.decompressobj(_ANY_GZIP)
    if not stream.eof:
        raise CutShortError(f"gzip breaks off at byte {read}: the file is not whole")


def _up_to_damage(stream: "zlib._Decompress", block: bytes) -> bytes:
    """What can be had of a damaged block: zlib gives nothing of a call in which it finds the damage."""
    data = bytearray()
    try:
        for at in range(len(block)):
            data += stream.decompress(block[at : at + 1])
    except zlib.error:
        pass
    return bytes(data)
