"""Writes pcapng (draft-ietf-opsawg-pcapng): what happened in, the bytes of blocks out. `pcap` reads them.

Little-endian, one section a file, times in nanoseconds. A file is `section()`, an `interface()` for each that
packets name, by its place among them, and then packets in any number: each block stands alone, so that a file may
end after any of them.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_STATISTICS: Final = 5
_PACKET: Final = 6
_SECRETS: Final = 10
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_UNKNOWN_LENGTH: Final = (1 << 64) - 1
_TLS_KEY_LOG: Final = 0x544C534B

# Option codes: sections 3.5, 4.1, 4.2 and 4.6.
_END: Final = 0
_COMMENT: Final = 1
_APPLICATION: Final = 4
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9
_RECEIVED, _DROPPED = 4, 5
_NANOSECONDS: Final = b"\x09"

MAX_COMMENT: Final = 0xFFFF
"""Bytes that an option may have."""

_head: Final = Struct("<II").pack
_option: Final = Struct("<HH").pack
_section: Final = Struct("<IHHQ").pack
_interface: Final = Struct("<HHI").pack
_packet: Final = Struct("<IIIIIII").pack
_times: Final = Struct("<III").pack
_u64: Final = Struct("<Q").pack
_u32: Final = Struct("<I").pack
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
"""By length modulo 4."""
_END_OF_OPTIONS: Final = _option(_END, 0)


def section(application: str, comment: str = "") -> bytes:
    """The block that a file begins with (section 4.1).

    Args:
        application: what writes it.
        comment: of the whole file, for people; what is beyond MAX_COMMENT bytes is cut off.
    """
    comments = [(_COMMENT, _cut(comment))] if comment else []
    body = _section(_BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION, body + _options([*comments, (_APPLICATION, application.encode())]))


def interface(link_type: int, name: str = "", description: str = "", *, snap_length: int = 0) -> bytes:
    """Where packets come from (section 4.2).

    Args:
        link_type: the LINKTYPE number of their first layer.
        name: for people.
        description: for people too.
        snap_length: bytes that are kept of a packet at most; 0: all.
    """
    options = [(_NAME, name.encode()), (_DESCRIPTION, description.encode())]
    options = [(code, value) for code, value in options if value]
    options.append((_RESOLUTION, _NANOSECONDS))
    return _block(_INTERFACE, _interface(link_type, 0, snap_length) + _options(options))


def packet(number: int, time: int, data: bytes, comments: Sequence[str] = (), original: int = 0) -> bytes:
    """One packet (section 4.3).

    Args:
        number: of its interface, from 0.
        time: nanoseconds since the epoch.
        data: from the first byte of the link layer on.
        comments: for people; what is beyond MAX_COMMENT bytes of one is cut off.
        original: bytes that it had on the wire, where not all of them are kept.
    """
    size = len(data)
    padding = _PADDING[size & 3]
    options = _options([(_COMMENT, _cut(comment)) for comment in comments]) if comments else b""
    length = 32 + size + len(padding) + len(options)
    head = _packet(_PACKET, length, number, time >> 32, time & 0xFFFFFFFF, size, original or size)
    return b"".join((head, data, padding, options, _u32(length)))


def secrets(keylog: bytes) -> bytes:
    """TLS secrets, in the format of `SSLKEYLOGFILE` (section 4.7): for the packets behind them."""
    return _block(_SECRETS, _head(_TLS_KEY_LOG, len(keylog)) + _padded(keylog))


def statistics(number: int, time: int, *, received: int, dropped: int) -> bytes:
    """How many packets an interface got, and how many of them were lost before they were kept (section 4.6)."""
    options = [(_RECEIVED, _u64(received)), (_DROPPED, _u64(dropped))]
    return _block(_STATISTICS, _times(number, time >> 32, time & 0xFFFFFFFF) + _options(options))


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return b"".join((_head(kind, length), body, _u32(length)))


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(_option(code, len(value)) + _padded(value) for code, value in options) + _END_OF_OPTIONS


def _padded(value: bytes) -> bytes:
    return value + _PADDING[len(value) & 3]


def _cut(comment: str) -> bytes:
    return comment.encode(errors="backslashreplace")[:MAX_COMMENT].decode(errors="ignore").encode()
