"""permessage-deflate (RFC 7692), the sender's half: what was agreed, and messages compressed by it."""

import re
import zlib
from dataclasses import dataclass
from typing import Final

from ocppscope.events import FROM_STATION, Direction
from ocppscope.wire.deflate import TAIL

_SMALLEST_OF_ZLIB: Final = 9


@dataclass(frozen=True, slots=True)
class Compression:
    """How messages of one direction are compressed."""

    takeover: bool = True
    """A message may refer to earlier ones."""
    window_bits: int = 15
    """They refer back no further than two to this power, 8 to 15."""


def agreed(extensions: str | None, direction: Direction) -> Compression | None:
    """What a handshake's `Sec-WebSocket-Extensions` says of a direction; None without compression.

    What is no valid parameter counts as absent: both ends have accepted it, and a decoder can do most without.
    """
    side = "client" if direction == FROM_STATION else "server"
    for extension in (extensions or "").lower().split(","):
        name, *parts = (part.strip() for part in extension.split(";"))
        if name == "permessage-deflate":
            pairs = (part.partition("=") for part in parts)
            values = {key.strip(): value.strip(' "') for key, _, value in pairs}
            bits = values.get(f"{side}_max_window_bits", "")
            return Compression(
                takeover=f"{side}_no_context_takeover" not in values,
                window_bits=int(bits) if re.fullmatch("[89]|1[0-5]", bits) else 15,
            )
    return None


class Deflater:
    """Compresses the messages of one direction, in the order in which they go out."""

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self._stream = self._new()

    def deflate(self, data: bytes) -> bytes:
        """Compress one message."""
        if not self._compression.takeover:
            self._stream = self._new()
        packed = self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return packed[: -len(TAIL)]

    def _new(self) -> "zlib._Compress":
        bits = self._compression.window_bits
        if bits >= _SMALLEST_OF_ZLIB:
            return zlib.compressobj(wbits=-bits)
        # zlib makes no window of 256 bytes: without references to what came before none is needed.
        return zlib.compressobj(wbits=-_SMALLEST_OF_ZLIB, strategy=zlib.Z_HUFFMAN_ONLY)
