"""Bytes that are text, and which text they are."""

import codecs
import re
from typing import Final

__all__ = ["Transcoder", "decoded", "is_text"]

_BOM: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b\x07")) + b"\x7f"
"""What text does not hold, but for the escapes of terminals."""
_HOLE: Final = re.compile(rb"\0{16,}")
"""What a file system leaves in a log where the power failed."""
_FEW: Final = 0.02
_LEGACY: Final = ("euc-kr", "cp1252", "latin-1")
"""Tried in this order: two letters of Latin-1 in a row that fit EUC-KR are rare, the other way round not."""


def is_text(head: bytes) -> bool:
    """Whether an input that begins like this is text in an encoding that can be read."""
    if not head:
        return False
    if any(head.startswith(bom) for bom in _BOM):
        return True
    head = _HOLE.sub(b"", head)
    if not head or b"\0" in head:
        return False
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > len(head) * _FEW:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        high = len(head) - len(head.translate(None, bytes(range(128, 256))))
        c1 = len(head) - len(head.translate(None, bytes(range(128, 160))))
        return high <= len(head) / 2 and c1 <= len(head) * _FEW
    return True


def decoded(raw: bytes) -> tuple[str, str | None]:
    """The text, and the encoding that was assumed where it is no UTF-8."""
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        for name in _LEGACY:
            try:
                return raw.decode(name), name
            except UnicodeDecodeError:
                continue
    raise AssertionError  # Latin-1 takes all


class Transcoder:
    """Makes UTF-8 of UTF-16, and takes a byte-order mark off; passes anything else.

    Args:
        head: the first bytes, which are to be fed too.
    """

    def __init__(self, head: bytes) -> None:
        name = next((name for bom, name in _BOM.items() if head.startswith(bom)), None)
        self.encoding = "UTF-16" if name == "utf-16" else None
        """What was recoded; None where nothing was."""
        self._decoder = codecs.getincrementaldecoder(name)(errors="replace") if name == "utf-16" else None
        self._skip = len(codecs.BOM_UTF8) if name == "utf-8-sig" else 0

    def feed(self, data: bytes) -> bytes:
        if self._decoder is not None:
            return self._decoder.decode(data).encode("utf-8", "replace")
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            return data[skipped:]
        return data

    def close(self) -> bytes:
        return self._decoder.decode(b"", final=True).encode("utf-8", "replace") if self._decoder else b""
