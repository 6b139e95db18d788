"""Capture files, pcap and pcapng: bytes of the file in, captured packets out.

What is inside a packet is the business of `link` and `ip`; opening and decompressing the file is the
caller's. A file that is torn or lies about its lengths gives what could be read before that place, and one
Damage that says where and why.

pcap is draft-ietf-opsawg-pcap, pcapng is draft-ietf-opsawg-pcapng; sections are named as in those drafts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Literal, Protocol, TypeAlias

from ocppscope.wire import notes
from ocppscope.wire.notes import ConnectionNote, FaultNote

Packet: TypeAlias = tuple[int, int, bytes]
"""Nanoseconds since the epoch, LINKTYPE number, captured bytes. A plain tuple: there are millions."""

MAX_PACKET: Final = 16 * 1024 * 1024
"""Captured bytes that one packet may have; a header that claims more lies about its length."""
MAX_BLOCK: Final = MAX_PACKET + 128 * 1024
"""Bytes that one pcapng block may have: the largest packet, and room for its options."""
MAX_INTERFACES: Final = 65_536
"""Interfaces that one pcapng section may describe."""
MAX_NOTES: Final = 100
"""Comments, and interfaces of earlier sections, that are kept to be shown."""
MAX_TEXT: Final = 1_000
"""Characters kept of a comment or a name."""

SECOND: Final = 1_000_000_000
"""Nanoseconds."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a capture file cannot be read any further, and why."""

    offset: int
    """In bytes from the start of the file (after decompression)."""
    reason: str
    """What was expected and what was found, for people."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where packets were captured, and how their timestamps count: pcapng, Interface Description Block."""

    link_type: int
    snap_length: int
    """Bytes kept of a packet at most; 0: no limit."""
    name: str = ""
    description: str = ""
    ticks: tuple[int, int] = (1_000, 1)
    """Nanoseconds in a tick, as a fraction: the default resolution is a microsecond."""
    offset: int = 0
    """Nanoseconds to add to every timestamp."""


class _DamageError(Exception):
    """Reading cannot go on at `at`, an offset in the data at hand. Never leaves this module."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class _Format(Protocol):
    """The reader of one file format, once its magic number has told which."""

    need: int
    """Bytes needed, from where `read` stopped, before calling it again can give anything."""
    truncated: int
    record: str
    """What the format calls the thing that a packet is in."""

    def read(self, data: bytes, at: int, packets: list[Packet]) -> int:
        """Append the packets of all whole records from `at` on; return the offset of the first unread byte.

        Raises:
            _DamageError: The records make no sense from there on.
        """


class CaptureReader:
    """Reads one capture file, pcap or pcapng, as it arrives in pieces of any size.

    Never raises, whatever the bytes. Keeps at most one unfinished record.

    Args:
        on_secrets: Called with the text of each TLS key log that the file carries (pcapng, Decryption
            Secrets Block), before the `feed` that holds it returns: packets never arrive before their keys.
        on_note: Called likewise with each note of ours, and the time of its packet.
    """

    damage: Damage | None
    """Set once; everything after that place is ignored, what was read before it is kept."""
    packets: int
    """Packets returned so far."""
    format: Literal["pcap", "pcapng", ""]
    """Empty until the magic number was seen."""
    interfaces: list[Interface]
    """Every interface described so far (of the first `MAX_NOTES`; pcap has one, without a name)."""
    comments: list[str]
    """Comments on the file, its interfaces and its packets: the first `MAX_NOTES`."""

    def __init__(
        self,
        on_secrets: Callable[[bytes], object] | None = None,
        on_note: Callable[[ConnectionNote | FaultNote, int], object] | None = None,
    ) -> None:
        self.damage = None
        self.packets = 0
        self.format = ""
        self.interfaces = []
        self.comments = []
        self._on_secrets = on_secrets
        self._on_note = on_note
        self._reader: _Format | None = None
        self._rest = bytearray()
        self._need = _MAGIC_SIZE
        self._offset = 0  # in the file, of the first byte that is not used up

    @property
    def truncated_packets(self) -> int:
        """Packets of which the file holds less than was on the wire."""
        return self._reader.truncated if self._reader else 0

    def feed(self, data: bytes) -> list[Packet]:
        """Take the next bytes of the file; return the packets that are now whole, in file order."""
        if self.damage:
            return []
        if self._rest:
            # An unfinished record grows in place and is looked at again only when it is whole:
            # a large one in many small pieces costs no more than its size.
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        packets: list[Packet] = []
        try:
            used = self._read(data, packets)
        except _DamageError as error:
            self.damage = Damage(self._offset + error.at, error.reason)
        else:
            self._offset += used
            self._rest += memoryview(data)[used:]
        self.packets += len(packets)
        return packets

    def close(self) -> None:
        """The input ended: a record that is not whole becomes the damage."""
        if self.damage or (self._reader and not self._rest):
            return
        record = self._reader.record if self._reader else "the file header"
        self.damage = Damage(
            self._offset,
            f"the file ends in the middle of {record}: {self._need} bytes expected, {len(self._rest)} found",
        )
        self._rest.clear()

    def _read(self, data: bytes, packets: list[Packet]) -> int:
        at = 0
        if self._reader is None:
            at = self._open(data)
        if self._reader is not None:
            at = self._reader.read(data, at, packets)
            self._need = self._reader.need
        return at

    def _open(self, data: bytes) -> int:
        """Choose the format by the magic number; return how much of `data` is used up by that."""
        magic = data[:_MAGIC_SIZE]
        if len(magic) < _MAGIC_SIZE:
            return 0
        if magic == PCAPNG_MAGIC:
            self.format = "pcapng"
            self._reader = _PcapngBlocks(self._on_secrets, self._on_note, self.interfaces, self.comments)
            return 0
        if magic not in _PCAP_MAGIC:
            raise _DamageError(0, f"the magic number of pcap or pcapng expected, {magic.hex()} found")
        self.format = "pcap"
        if len(data) < _PCAP_HEADER_SIZE:
            self._need = _PCAP_HEADER_SIZE
            return 0
        self._reader = _PcapRecords(data[:_PCAP_HEADER_SIZE], self.interfaces)
        return _PCAP_HEADER_SIZE


def looks_like_capture(head: bytes) -> bool:
    """Whether a file that begins with `head` (4 bytes suffice) says that it is a pcap or pcapng file."""
    magic = head[:_MAGIC_SIZE]
    return magic == PCAPNG_MAGIC or magic in _PCAP_MAGIC


# --- pcap ---------------------------------------------------------------------------------------------------

_MAGIC_SIZE = 4
_PCAP_HEADER_SIZE = 24

_ORDERS: Final[tuple[tuple[Literal["little", "big"], str], ...]] = (("little", "<"), ("big", ">"))

_PCAP_MAGIC: Final[Mapping[bytes, tuple[str, int, str]]] = {
    magic.to_bytes(4, order): (prefix, fraction, record)
    for order, prefix in _ORDERS
    for magic, fraction, record in (
        (0xA1B2C3D4, 1_000, "IIII"),  # microseconds
        (0xA1B23C4D, 1, "IIII"),  # nanoseconds
        (0xA1B2CD34, 1_000, "IIII8x"),  # "modified": interface, protocol and packet type in each record
    )
}
"""Magic number as in the file: byte order, nanoseconds in a unit of the fraction, record header."""


class _PcapRecords:
    """The packet records of a pcap file (draft-ietf-opsawg-pcap, sections 4 and 5)."""

    record = "a packet record"

    def __init__(self, header: bytes, interfaces: list[Interface]) -> None:
        order, self._fraction, layout = _PCAP_MAGIC[header[:4]]
        major, minor, snap_length, link_type = Struct(order + "HH8xII").unpack_from(header, 4)
        if major != 2:
            raise _DamageError(4, f"pcap version 2 expected, {major}.{minor} found")
        self._link_type = link_type & 0xFFFF  # above it: whether and how long a checksum ends each frame
        interfaces.append(Interface(self._link_type, snap_length))
        self._head = Struct(order + layout)
        self.need = self._head.size
        self.truncated = 0

    def read(self, data: bytes, at: int, packets: list[Packet]) -> int:
        unpack, header_size = self._head.unpack_from, self._head.size
        fraction, link_type = self._fraction, self._link_type
        append = packets.append
        size = len(data)
        last = size - header_size
        self.need = header_size
        while at <= last:
            seconds, part, captured, original = unpack(data, at)
            start = at + header_size
            end = start + captured
            if captured > MAX_PACKET:
                raise _DamageError(at, _too_long("packet record", captured, MAX_PACKET))
            if end > size:
                self.need = end - at
                break
            append((seconds * 1_000_000_000 + part * fraction, link_type, data[start:end]))
            if captured < original:
                self.truncated += 1
            at = end
        return at


def _too_long(what: str, claimed: int, bound: int) -> str:
    return f"the {what} claims {claimed} bytes; at most {bound} expected"


# --- pcapng -------------------------------------------------------------------------------------------------

_SECTION = 0x0A0D0D0A  # reads the same in both byte orders
PCAPNG_MAGIC = _SECTION.to_bytes(4, "big")
_BYTE_ORDER_MAGIC: Final[Mapping[bytes, str]] = {
    (0x1A2B3C4D).to_bytes(4, order): prefix for order, prefix in _ORDERS
}
_MIN_BLOCK = 12  # type, length, and the length again at its end
_TLS_KEY_LOG = 0x544C534B

# Option codes: draft-ietf-opsawg-pcapng, sections 3.5 and 4.2.
_END_OF_OPTIONS = 0
_COMMENT = 1
_IF_NAME = 2
_IF_DESCRIPTION = 3
_IF_TSRESOL = 9
_IF_TSOFFSET = 14

_BlockReader: TypeAlias = Callable[["_PcapngBlocks", bytes, int, int], Packet | None]


class _PcapngBlocks:
    """The blocks of a pcapng file (draft-ietf-opsawg-pcapng, sections 3 and 4)."""

    record = "a block"

    def __init__(
        self,
        on_secrets: Callable[[bytes], object] | None,
        on_note: Callable[[ConnectionNote | FaultNote, int], object] | None,
        interfaces: list[Interface],
        comments: list[str],
    ) -> None:
        self.need = _MIN_BLOCK
        self.truncated = 0
        self._on_secrets = on_secrets
        self._on_note = on_note
        self._all_interfaces = interfaces
        self._comments = comments
        self._interfaces: list[Interface] = []  # of this section: packets name them by index
        self._time = 0  # of the last packet of this section
        self._use_order("<")

    def read(self, data: bytes, at: int, packets: list[Packet]) -> int:
        size = len(data)
        while size - at >= _MIN_BLOCK:
            kind, length = self._head(data, at)
            if kind == _SECTION:
                length = self._section_length(data, at)
            least, read_block = self._BLOCKS.get(kind, _SKIP)
            if not least <= length <= MAX_BLOCK:
                raise _DamageError(at, _bad_length(kind, length, least))
            end = at + ((length + 3) & ~3)  # some writers leave the padding out of the length
            if end > size:
                self.need = end - at
                return at
            trailer = end - 4
            (again,) = self._u32(data, trailer)
            if again != length:
                raise _DamageError(
                    trailer, f"the block's length {length} expected again at its end, {again} found"
                )
            if read_block and (packet := read_block(self, data, at, trailer)):
                packets.append(packet)
            at = end
        self.need = _MIN_BLOCK
        return at

    def _use_order(self, order: str) -> None:
        self._u32 = Struct(order + "I").unpack_from
        self._i64 = Struct(order + "q").unpack_from
        self._head = Struct(order + "II").unpack_from
        self._version = Struct(order + "HH").unpack_from
        self._interface_head = Struct(order + "H2xI").unpack_from
        self._enhanced_head = Struct(order + "IIIII").unpack_from
        self._obsolete_head = Struct(order + "H2xIIII").unpack_from
        self._option_head = Struct(order + "HH").unpack_from

    def _section_length(self, data: bytes, at: int) -> int:
        """Learn the byte order of the section that begins at `at`, and with it the length of its header."""
        magic = data[at + 8 : at + 12]
        order = _BYTE_ORDER_MAGIC.get(magic)
        if order is None:
            raise _DamageError(at + 8, f"the byte-order magic 1a2b3c4d expected, {magic.hex()} found")
        self._use_order(order)
        length: int = self._u32(data, at + 4)[0]
        return length

    # Readers of one block: it is whole and at least as long as `_BLOCKS` says, begins at `at`, and its
    # options end at `end`.

    def _section(self, data: bytes, at: int, end: int) -> None:
        """Section 4.1. Its own length is not looked at: it may be -1, and the blocks tell where they end."""
        major, minor = self._version(data, at + 12)
        if major != 1:
            raise _DamageError(at + 12, f"pcapng version 1 expected, {major}.{minor} found")
        self._interfaces = []
        self._time = 0
        self._keep_comments(data, at + 24, end)

    def _interface(self, data: bytes, at: int, end: int) -> None:
        """Section 4.2."""
        if len(self._interfaces) >= MAX_INTERFACES:
            raise _DamageError(at, f"at most {MAX_INTERFACES} interfaces expected in a section")
        link_type, snap_length = self._interface_head(data, at + 8)
        options = dict(self._options(data, at + 16, end))
        resolution, offset = options.get(_IF_TSRESOL, b""), options.get(_IF_TSOFFSET, b"")
        interface = Interface(
            link_type,
            snap_length,
            _text(options.get(_IF_NAME, b"")),
            _text(options.get(_IF_DESCRIPTION, b"")),
            _ticks(resolution[0]) if resolution else (1_000, 1),
            self._i64(offset)[0] * SECOND if len(offset) == 8 else 0,
        )
        self._interfaces.append(interface)
        if len(self._all_interfaces) < MAX_NOTES:
            self._all_interfaces.append(interface)
        self._keep_comments(data, at + 16, end)

    def _enhanced_packet(self, data: bytes, at: int, end: int) -> Packet:
        """Section 4.3."""
        return self._timed_packet(self._enhanced_head(data, at + 8), data, at, end)

    def _obsolete_packet(self, data: bytes, at: int, end: int) -> Packet:
        """Appendix A: as the enhanced one, with a count of drops beside a shorter interface number."""
        return self._timed_packet(self._obsolete_head(data, at + 8), data, at, end)

    def _timed_packet(self, head: tuple[int, ...], data: bytes, at: int, end: int) -> Packet:
        number, high, low, captured, original = head
        start = at + 28
        stop = start + captured
        interface = self._interface_of(number, captured, end - start, at)
        numerator, denominator = interface.ticks
        self._time = (high << 32 | low) * numerator // denominator + interface.offset
        if captured < original:
            self.truncated += 1
        if end - stop > 4:  # more than padding
            self._keep_comments(data, start + (captured + 3 & ~3), end)
        return self._time, interface.link_type, data[start:stop]

    def _simple_packet(self, data: bytes, at: int, end: int) -> Packet:
        """Section 4.4. It has no time: the best that can be said is that of the packet before it."""
        (original,) = self._u32(data, at + 8)
        start = at + 12
        snap_length = self._interfaces[0].snap_length if self._interfaces else 0
        captured = min(original, snap_length or original)
        interface = self._interface_of(0, captured, end - start, at)
        if captured < original:
            self.truncated += 1
        return self._time, interface.link_type, data[start : start + captured]

    def _secrets(self, data: bytes, at: int, end: int) -> None:
        """Section 4.7."""
        kind, length = self._head(data, at + 8)
        start = at + 16
        if length > end - start:
            raise _DamageError(
                at, f"secrets of {length} bytes claimed in a block with room for {end - start}"
            )
        if kind == _TLS_KEY_LOG and self._on_secrets:
            self._on_secrets(data[start : start + length])

    def _interface_of(self, number: int, captured: int, room: int, at: int) -> Interface:
        """The interface that a packet names, once its header is found to make sense."""
        if captured > MAX_PACKET:
            raise _DamageError(at, _too_long("packet block", captured, MAX_PACKET))
        if captured > room:
            raise _DamageError(at, f"packet of {captured} bytes claimed in a block with room for {room}")
        if number >= len(self._interfaces):
            known = len(self._interfaces)
            raise _DamageError(
                at, f"packet of interface {number} found; the section describes {known} so far"
            )
        return self._interfaces[number]

    def _options(self, data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Section 3.5. A malformed option ends them: the block around it is intact, so reading goes on."""
        while end - at >= 4:
            code, length = self._option_head(data, at)
            start = at + 4
            if code == _END_OF_OPTIONS or length > end - start:
                return
            yield code, data[start : start + length]
            at = start + ((length + 3) & ~3)

    def _keep_comments(self, data: bytes, at: int, end: int) -> None:
        for code, value in self._options(data, at, end):
            if code == _COMMENT:
                self._keep_comment(value)

    def _keep_comment(self, value: bytes) -> None:
        note = notes.read(value.decode(errors="replace"))
        if note and self._on_note:
            self._on_note(note, self._time)
        elif len(self._comments) < MAX_NOTES:
            self._comments.append(_text(value))

    _BLOCKS: ClassVar[Mapping[int, tuple[int, _BlockReader | None]]] = {
        _SECTION: (28, _section),
        1: (20, _interface),
        2: (32, _obsolete_packet),
        3: (16, _simple_packet),
        6: (32, _enhanced_packet),
        10: (20, _secrets),
    }
    """Block type: the length it must have at least, and its reader."""


_SKIP: Final[tuple[int, _BlockReader | None]] = (_MIN_BLOCK, None)
"""Every other block: names, statistics, what other programs put there."""


def _bad_length(kind: int, length: int, least: int) -> str:
    return f"a block of type {kind:#x} has {least} to {MAX_BLOCK} bytes; it claims {length}"


def _ticks(resolution: int) -> tuple[int, int]:
    """if_tsresol, section 4.2: a negative power of 10, or of 2 where the highest bit is set."""
    base = 2 if resolution & 0x80 else 10
    ticks_per_second: int = base ** (resolution & 0x7F)
    if SECOND % ticks_per_second == 0:
        return SECOND // ticks_per_second, 1
    return SECOND, ticks_per_second


def _text(value: bytes) -> str:
    return value[: 4 * MAX_TEXT].rstrip(b"\0").decode(errors="replace")[:MAX_TEXT]
