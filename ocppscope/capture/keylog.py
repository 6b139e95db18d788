"""A key log that is followed as it grows: TLS secrets for a live capture."""

from pathlib import Path
from typing import Final

from ocppscope.wire.tls_keys import KeyStore

_BLOCK: Final = 1 << 20
_LONGEST_LINE: Final = 4096
"""Bytes of a line that may be a key; what goes on longer is passed over."""
_MARK: Final = 256
"""Bytes before the place read up to that must still be there: more than a line, as lines begin alike."""
_NO_FILE: Final = (0, 0)


class GrowingKeylog:
    """A file in NSS key log format (SSLKEYLOGFILE) that programs append to.

    The file need not be there yet; it may be emptied, or replaced by another of the same name: it is then read
    from its beginning. Secrets that are known already do no harm.

    Args:
        path: the file's.
        keys: where secrets go.
    """

    def __init__(self, path: Path, keys: KeyStore) -> None:
        self._path = path
        self._keys = keys
        self._file = _NO_FILE
        """Device and inode."""
        self._read = 0
        """Bytes read so far."""
        self._mark = b""
        """The last of them."""
        self._line = b""
        """The beginning of a line."""

    def poll(self) -> int:
        """Read the whole lines that were appended since the last time.

        Returns:
            How many secrets are new.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            state = self._path.stat()
        except FileNotFoundError:
            self._start_over()
            return 0
        if (state.st_dev, state.st_ino) != self._file or state.st_size < self._read:
            self._start_over()
            self._file = state.st_dev, state.st_ino
        if state.st_size == self._read:
            return 0
        try:
            return self._read_on()
        except FileNotFoundError:  # replaced at this very moment
            return 0

    def finish(self) -> int:
        """Read the rest, also a last line that nobody ended.

        Returns:
            How many secrets are new.

        Raises:
            OSError: the file is there and cannot be read.
        """
        added = self.poll()
        line, self._line = self._line, b""
        return added + self._keys.add_keylog(line)

    def _start_over(self) -> None:
        self._file = _NO_FILE
        self._read = 0
        self._mark = self._line = b""

    def _read_on(self) -> int:
        added = 0
        with self._path.open("rb") as file:
            file.seek(self._read - len(self._mark))
            if file.read(len(self._mark)) != self._mark:  # emptied, and already longer than before
                file.seek(0)
                self._read, self._line = 0, b""
            while block := file.read(_BLOCK):
                self._read += len(block)
                self._mark = (self._mark + block)[-min(_MARK, self._read) :]
                lines, end, rest = block.rpartition(b"\n")
                if end:
                    added += self._keys.add_keylog(self._line + lines)
                    self._line = b""
                self._line = (self._line + rest)[: _LONGEST_LINE + 1]
        return added
