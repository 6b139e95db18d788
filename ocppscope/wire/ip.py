"""IPv4 and IPv6: from a packet to the TCP segment in it, fragments put together again.

Knows IP and as much of the TCP header as names a segment; what a connection is, and how segments make a
stream, is the business of `tcp`. Checksums are not verified: on the machine that sent a packet the network
card fills them in after the capture.

RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP).
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import ClassVar, Final, TypeAlias

Segment: TypeAlias = tuple[bytes, int, int, int, bytes, int]
"""Key, sequence number, acknowledgment number, flags, payload, missing. A plain tuple: there are millions.

key: source address, destination address, source port, destination port, as on the wire: 12 bytes for IPv4,
    36 for IPv6. It names one direction of a connection.
flags: the byte with CWR, ECE, URG, ACK, PSH, RST, SYN and FIN, highest bit first.
missing: bytes of payload that were on the wire but are not in the capture, after those that are.
"""

MAX_DATAGRAMS: Final = 64
"""Fragmented datagrams in the making; one more drops the oldest."""
MAX_DATAGRAM: Final = 65_535
"""Bytes of a reassembled datagram."""
FRAGMENT_TIMEOUT: Final = 30_000_000_000
"""Nanoseconds of capture time in which all fragments must have come: as Linux has it."""

_NO_PROTOCOL = 255  # reserved: nothing reads it
_IN_IPV4 = 4
_TCP = 6
_IN_IPV6 = 41
_ROOT: Final[Mapping[int, int]] = {4: _IN_IPV4, 6: _IN_IPV6}
"""IP version: the protocol number of a packet of it inside another; reading starts as if there were one."""

_MORE_FRAGMENTS = 0x2000  # IPv4; the 13 bits below it are the offset
_FRAGMENT = 0x3FFF  # any bit set: the packet is a fragment

_PLAIN: Final = struct.Struct(">BxH2xHxB2x12sIIBB").unpack_from
"""IPv4 without options, and TCP behind it: the addresses and the ports stand side by side."""
_IPV4: Final = struct.Struct(">HHHxB2x8s")
"""From byte 2 on: total length, identification, flags and fragment offset, protocol, addresses."""
_IPV6: Final = struct.Struct(">HBx32s")
"""From byte 4 on: payload length, next header, addresses."""
_IPV6_FRAGMENT: Final = struct.Struct(">BxHI")
_TCP_HEADER: Final = struct.Struct(">4sIIBB")


class IpLayer:
    """Finds the TCP segment in each packet.

    Never raises, whatever the bytes. Holds at most `MAX_DATAGRAMS` unfinished datagrams.
    """

    fragments: int
    """Fragments seen."""
    fragments_dropped: int
    """Fragments of no use: cut by the snap length, malformed, or of a datagram that was never whole."""

    def __init__(self) -> None:
        self.fragments = 0
        self.fragments_dropped = 0
        self._datagrams: dict[_DatagramKey, _Datagram] = {}  # oldest first

    def segment(self, frame: bytes, offset: int, time: int) -> Segment | None:
        """Return the TCP segment of the IP packet at `offset`.

        Args:
            frame: The captured bytes, perhaps with padding after the packet.
            offset: Of the IP header.
            time: Of the capture, in nanoseconds: fragments grow old by it.

        Returns:
            None where there is none: another protocol, a header that is malformed or cut by the snap length,
            or a fragment that completes nothing yet.
        """
        try:
            version, total, fragment, protocol, key, seq, ack, words, flags = _PLAIN(frame, offset)
        except struct.error:
            return self._general(frame, offset, time)
        if version != 0x45 or protocol != _TCP or fragment & _FRAGMENT or not total:
            return self._general(frame, offset, time)
        start = offset + 20 + (words >> 4) * 4
        end = offset + total
        size = len(frame)
        if words < 0x50 or start > end or start > size:
            return None
        return key, seq, ack, flags, frame[start:end], end - size if end > size else 0

    def _general(self, frame: bytes, offset: int, time: int) -> Segment | None:
        if not 0 <= offset < len(frame):
            return None
        packet = _Packet(frame, offset, len(frame), _ROOT.get(frame[offset] >> 4, _NO_PROTOCOL), time)
        # Every step moves forward, or takes up a reassembled datagram of which there are only so many.
        while step := self._STEPS.get(packet.protocol):
            if not step(self, packet):
                return None
        return _tcp_segment(packet) if packet.protocol == _TCP else None

    # Steps: read the header at `packet.at` and stand behind it; False where reading cannot go on.

    def _ipv4(self, packet: "_Packet") -> bool:
        """RFC 791, section 3.1."""
        if packet.room < 20:
            return False
        header = packet.at
        total, identification, fragment, protocol, addresses = _IPV4.unpack_from(packet.data, header + 2)
        size = (packet.data[header] & 0x0F) * 4
        end = header + total if total else packet.end  # 0: the network card was to cut it into packets
        if packet.data[header] >> 4 != 4 or size < 20:
            return False
        packet.addresses, packet.protocol, packet.at, packet.end = addresses, protocol, header + size, end
        if not fragment & _FRAGMENT:
            return True
        key = (addresses, identification, protocol)
        return self._reassemble(packet, key, (fragment & 0x1FFF) * 8, bool(fragment & _MORE_FRAGMENTS))

    def _ipv6(self, packet: "_Packet") -> bool:
        """RFC 8200, section 3."""
        if packet.room < 40:
            return False
        header = packet.at
        length, packet.protocol, packet.addresses = _IPV6.unpack_from(packet.data, header + 4)
        packet.at = header + 40
        if length:  # 0: as the total length of IPv4
            packet.end = packet.at + length
        return packet.data[header] >> 4 == 6

    def _extension(self, packet: "_Packet") -> bool:
        """RFC 8200, sections 4.3, 4.4 and 4.6; RFC 6275, section 6.1.1."""
        return packet.skip(1, 8)

    def _authentication(self, packet: "_Packet") -> bool:
        """RFC 4302, section 2.2: counts in four bytes, less two."""
        return packet.skip(2, 4)

    def _ipv6_fragment(self, packet: "_Packet") -> bool:
        """RFC 8200, section 4.5. Of the protocols that fragments name, only the first one's counts."""
        if packet.room < 8:
            return False
        packet.protocol, fragment, identification = _IPV6_FRAGMENT.unpack_from(packet.data, packet.at)
        packet.at += 8
        offset, more = fragment & 0xFFF8, bool(fragment & 1)
        if not offset and not more:
            return True
        return self._reassemble(packet, (packet.addresses, identification, None), offset, more)

    _STEPS: ClassVar[Mapping[int, "Callable[[IpLayer, _Packet], bool]"]] = {
        _IN_IPV4: _ipv4,
        _IN_IPV6: _ipv6,
        0: _extension,  # hop-by-hop options
        43: _extension,  # routing
        44: _ipv6_fragment,
        51: _authentication,
        60: _extension,  # destination options
        135: _extension,  # mobility
    }

    def _reassemble(self, packet: "_Packet", key: "_DatagramKey", offset: int, more: bool) -> bool:
        """Keep a fragment; where it completes its datagram, stand at the beginning of that."""
        self.fragments += 1
        self._forget_old(packet.time)
        data = packet.data[packet.at : packet.end]
        cut = packet.end > len(packet.data)
        ragged = more and len(data) % 8  # its neighbour could not say where it begins
        if cut or ragged or not data or offset + len(data) > MAX_DATAGRAM:
            self.fragments_dropped += 1
            return False
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = self._begin(key, packet.time)
        datagram.add(packet.protocol, offset, data, more)
        if not datagram.whole:
            return False
        del self._datagrams[key]
        packet.take(datagram)
        return True

    def _begin(self, key: "_DatagramKey", time: int) -> "_Datagram":
        if len(self._datagrams) >= MAX_DATAGRAMS:
            self._drop_oldest()
        datagram = self._datagrams[key] = _Datagram(time)
        return datagram

    def _forget_old(self, now: int) -> None:
        while self._datagrams:
            oldest = next(iter(self._datagrams.values()))
            if now - oldest.since <= FRAGMENT_TIMEOUT:
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._datagrams.pop(next(iter(self._datagrams)))
        self.fragments_dropped += oldest.fragments


_DatagramKey: TypeAlias = tuple[bytes, int, int | None]
"""Addresses, identification, protocol (IPv4 only): what fragments of one datagram have in common."""


@dataclass(slots=True)
class _Datagram:
    """A fragmented datagram in the making. Where fragments overlap, the first that came counts."""

    since: int
    fragments: int = 0
    protocol: int = 0
    data: bytearray = field(default_factory=bytearray)
    held: bytearray = field(default_factory=bytearray)
    """A byte for each eight of `data`, the unit of fragment offsets: 1 where they have come."""
    size: int | None = None
    """Known from the last fragment."""

    def add(self, protocol: int, offset: int, data: bytes, more: bool) -> None:
        self.fragments += 1
        end = offset + len(data)
        if offset == 0:
            self.protocol = protocol
        if not more and self.size is None:
            self.size = end
        self.data += bytes(max(0, end - len(self.data)))
        self.held += bytes(max(0, (end + 7) // 8 - len(self.held)))
        for start in range(0, len(data), 8):
            at = offset + start
            if not self.held[at // 8]:
                self.held[at // 8] = 1
                piece = data[start : start + 8]
                self.data[at : at + len(piece)] = piece

    @property
    def whole(self) -> bool:
        if self.size is None:
            return False
        return len(self.data) >= self.size and self.held.find(0, 0, (self.size + 7) // 8) < 0


@dataclass(slots=True)
class _Packet:
    """How far the reading of a packet has come."""

    data: bytes
    at: int
    """Offset of the header that is next."""
    end: int
    """Offset of the packet's end on the wire: beyond `data` where the snap length cut it."""
    protocol: int
    """What the header that is next is of: an IP protocol number."""
    time: int
    addresses: bytes = b""

    @property
    def room(self) -> int:
        """Captured bytes that are left."""
        return min(self.end, len(self.data)) - self.at

    def skip(self, less: int, unit: int) -> bool:
        """Step over a header that begins with the next one's protocol and its own length in units."""
        if self.room < 8:
            return False
        self.protocol, length = self.data[self.at], self.data[self.at + 1]
        self.at += (length + less) * unit
        return True

    def take(self, datagram: _Datagram) -> None:
        """Go on at the beginning of a reassembled datagram."""
        self.data = bytes(datagram.data[: datagram.size])
        self.at, self.end = 0, len(self.data)
        self.protocol = datagram.protocol


def _tcp_segment(packet: _Packet) -> Segment | None:
    """RFC 9293, section 3.1."""
    if packet.room < 20:
        return None
    data, at, end = packet.data, packet.at, packet.end
    ports, seq, ack, words, flags = _TCP_HEADER.unpack_from(data, at)
    size = (words >> 4) * 4
    if size < 20 or size > packet.room:
        return None
    missing = max(0, end - len(data))
    return packet.addresses + ports, seq, ack, flags, data[at + size : end], missing


def reverse(key: bytes) -> bytes:
    """The key of the other direction of the same connection."""
    address = (len(key) - 4) // 2
    ports = 2 * address
    return key[address:ports] + key[:address] + key[ports + 2 :] + key[ports : ports + 2]


def endpoints(key: bytes) -> tuple[str, str]:
    """Source and destination, written as `10.0.0.1:9000` and `[fe80::1]:443` (RFC 5952, section 6).

    Raises:
        ValueError: The key is not one of a Segment's.
    """
    address = (len(key) - 4) // 2
    ports = 2 * address
    return (
        _endpoint(key[:address], key[ports : ports + 2]),
        _endpoint(key[address:ports], key[ports + 2 :]),
    )


def _endpoint(address: bytes, port: bytes) -> str:
    host = ip_address(address)
    return f"{f'[{host}]' if host.version == 6 else host}:{int.from_bytes(port)}"
