"""permessage-deflate (RFC 7692): the inflating of one direction's messages.

With context takeover each message is compressed against the ones before it. Once one of them is missing,
zlib goes on without complaint and yields wrong text; so a lost context stays lost.
"""

import zlib
from collections import deque
from typing import Final

TAIL: Final = b"\x00\x00\xff\xff"
"""What the sender cuts off each message (RFC 7692 §7.2.1)."""
WINDOW: Final = 32768
"""Bytes of text that a message may refer back to, at most (RFC 7692 §7.1.2)."""


class DeflateError(Exception):
    """A message cannot be inflated.

    Attributes:
        kind: `lost` (an earlier message is missing), `broken` (no valid data), `too-big` (past the limit).
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Inflater:
    """Inflates the messages of one direction, in order.

    All window sizes are read with the largest window: a smaller one is contained in it.

    Args:
        takeover: whether a message may refer to earlier ones; None where the handshake was not seen. Then
            each message is tried alone, which cannot give wrong text (a reference to what came before it
            is an error in an empty window), until the first that shows that there is takeover.
        limit: bytes that a message may inflate to.
    """

    def __init__(self, takeover: bool | None, limit: int) -> None:
        self.takeover = takeover
        self._limit = limit
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._recent: deque[bytes] = deque()
        self._recent_size = 0
        self._lost: str | None = None

    def lose(self, reason: str) -> None:
        """A message, or part of one, is missing."""
        if self.takeover and self._lost is None:
            self._lost = reason

    def inflate(self, data: bytes) -> bytes:
        """Inflate one message.

        Raises:
            DeflateError: it cannot be read.
        """
        alone = self.takeover is not True
        if self._lost is not None:
            raise DeflateError("lost", self._lost)
        stream = zlib.decompressobj(-zlib.MAX_WBITS) if alone else self._stream
        try:
            text = stream.decompress(data + TAIL, self._limit + 1)
        except zlib.error as error:
            if self.takeover is None:
                self._lost = "its context is in messages before the capture"
                raise DeflateError("lost", self._lost) from error
            self.lose("an earlier message could not be inflated")
            raise DeflateError("broken", f"no valid deflate data: {error}") from error
        if len(text) > self._limit:
            self.lose("an earlier message was too big to inflate")
            raise DeflateError("too-big", f"inflates to more than {self._limit} bytes")
        if not alone:
            self._remember(text, stream.eof)
        return text

    def _remember(self, text: bytes, ended: bool) -> None:
        """Keep the last window of text: a sender may end its deflate stream (RFC 7692 §7.2.3.4)."""
        if text:
            self._recent.append(text[-WINDOW:])
            self._recent_size += len(self._recent[-1])
        while self._recent and self._recent_size - len(self._recent[0]) >= WINDOW:
            self._recent_size -= len(self._recent.popleft())
        if ended:
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS, zdict=self.window)

    @property
    def window(self) -> bytes:
        """The text that the next message may refer to."""
        return b"".join(self._recent)[-WINDOW:]

    def prime(self, window: bytes) -> None:
        """Begin where another reading stopped, with its `window`."""
        if self.takeover and window:
            self._recent.append(window[-WINDOW:])
            self._recent_size = len(self._recent[0])
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS, zdict=self.window)

    @property
    def is_lost(self) -> bool:
        """Whether what follows cannot be inflated."""
        return self._lost is not None
