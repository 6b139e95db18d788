"""Recordings on disk: made for their owner only, named and renewed as the user says, complete up to the last flush."""

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocppscope.store.schema import BESIDE

Tell = Callable[[str], None]
"""Says something to the user, in a line."""

_FLUSH_AT: Final = 1 << 18
"""Bytes that may wait before they are written: a quarter of a mebibyte."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a recording goes on in a new file, and how many files are kept."""

    size: int | None = None
    """In bytes."""
    period: int | None = None
    """In nanoseconds."""
    keep: int | None = None
    """Files, the one that is being written included; None: all."""

    @property
    def is_on(self) -> bool:
        """Whether there is ever a second file."""
        return self.size is not None or self.period is not None

    def is_due(self, size: int, age: int) -> bool:
        """Whether a file of so many bytes and nanoseconds is to be the last one no more."""
        return (self.size is not None and size >= self.size) or (
            self.period is not None and age >= self.period
        )


class Series:
    """The names of a recording's files: its own name, or where it rotates `NAME-0001.EXT` and so on.

    Numbers go on where an earlier recording of the same name stopped.
    """

    def __init__(self, path: Path, rotation: Rotation) -> None:
        self._path = path
        self._rotation = rotation
        self._pattern = re.compile(re.escape(path.stem) + r"-(\d{4,})" + re.escape(path.suffix))
        self._last = max(self._existing(), default=0)

    def _existing(self) -> dict[int, Path]:
        folder = self._path.parent
        if not folder.is_dir():
            return {}
        return {
            int(match[1]): path for path in folder.iterdir() if (match := self._pattern.fullmatch(path.name))
        }

    def next(self) -> Path:
        """The path of the next file."""
        if not self._rotation.is_on:
            return self._path
        self._last += 1
        return self._path.with_name(f"{self._path.stem}-{self._last:04}{self._path.suffix}")

    def prune(self) -> None:
        """Remove the files that are not to be kept."""
        if self._rotation.keep is None or not self._rotation.is_on:
            return
        existing = self._existing()
        for number in sorted(existing)[: -self._rotation.keep]:
            for end in ("", *BESIDE):
                with suppress(OSError):
                    existing[number].with_name(existing[number].name + end).unlink(missing_ok=True)


class BlockFile:
    """A file of blocks, each of which is there whole or not at all.

    Where the disk is full, blocks are lost and counted, and writing goes on as soon as there is room.

    Args:
        path: of a file that is not there yet.
        head: what it begins with, without which its blocks could not be read.
        tell: told when blocks are lost, and when writing goes on.

    Raises:
        OSError: the file cannot be made; it is not there then.
    """

    def __init__(self, path: Path, head: bytes, tell: Tell) -> None:
        self.path = path
        self._tell = tell
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)  # it may hold passwords
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self.size = self._written = len(head)
        """Bytes written, and to be written."""
        self.lost = 0
        """Bytes of blocks that could not be written."""
        self._is_failing = False
        try:
            self._write(head)
        except OSError:
            os.close(self._file)
            path.unlink()
            raise

    def add(self, block: bytes) -> None:
        """Take in a block."""
        self._waiting.append(block)
        self.size += len(block)
        self._waiting_size += len(block)
        if self._waiting_size >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        try:
            self._write(data)
        except OSError as error:
            self._lose(data, error)
        else:
            self._written += len(data)
            if self._is_failing:
                self._is_failing = False
                self._tell(f"{self.path} is written again; {self.lost:,} bytes of packets are lost in it")

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _lose(self, data: bytes, error: OSError) -> None:
        self.lost += len(data)
        self.size -= len(data)
        with suppress(OSError):  # half a block would hide all that follow
            os.ftruncate(self._file, self._written)
            os.lseek(self._file, self._written, os.SEEK_SET)
        if not self._is_failing:
            self._is_failing = True
            remedy = (
                "make room, and it goes on"
                if error.errno in (errno.ENOSPC, errno.EDQUOT)
                else "recording pauses"
            )
            self._tell(
                f"{self.path} cannot be written: {error.strerror}; {remedy}. Sessions are passed on meanwhile"
            )

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.flush()
        os.close(self._file)
        if self._is_failing:
            self._tell(f"Warning: {self.path} is not whole: {self.lost:,} bytes of packets are lost")
