"""Makes the packets of a TCP connection from what its two sides said: for byte streams that were got without them.

The packets are those of a network without loss, each as large as IP allows: sequence numbers and acknowledgements
add up, checksums are right (RFC 791, 8200, 9293), so that every reader of captures takes them for what they say.
"""

from ipaddress import IPv6Address, ip_address
from struct import Struct
from typing import Final

from ocppscope.wire.ip import endpoints
from ocppscope.wire.tcp import ACK, FIN, RST, SYN

LINK_TYPE: Final = 101
"""LINKTYPE_RAW: a packet begins with its IP header, of either version."""
_PUSH: Final = 0x08
_TCP: Final = 6
_HOP_LIMIT: Final = 64
_WINDOW: Final = 0xFFFF
_MOST: Final = 65_000
"""Bytes of a stream in one packet: with both headers that fits into IP's 16 bits of length."""
_MASK: Final = 0xFFFFFFFF
_TICK: Final = 4_000
"""Nanoseconds for which an initial sequence number stands (RFC 9293, section 3.4.1)."""
_TCP_HEADER: Final = 20

_ports: Final = Struct(">HH").pack
_tcp: Final = Struct(">IIBBH").pack
_ip4: Final = Struct(">BBHHHBB").pack
_ip6: Final = Struct(">IHBB").pack
_u16: Final = Struct(">H").pack


class Segments:
    """One connection's packets. Side 0 is the client.

    Args:
        client: `address:port`, as `ip.endpoints` writes it.
        server: likewise.
        time: when it begins, in nanoseconds since the epoch: where both ports are used anew, or one connection is
            in several files, only the numbers that come from it tell readers where the next one begins.
    """

    def __init__(self, client: str, server: str, time: int) -> None:
        (source, source_port), (target, target_port) = _endpoint(client), _endpoint(server)
        if len(source) != len(target):
            source, target = (_mapped(address) for address in (source, target))
        self._is_6 = len(source) == 16
        self._addresses = (source + target, target + source)
        self._ports = (_ports(source_port, target_port), _ports(target_port, source_port))
        self._next = [time // _TICK & _MASK] * 2
        self.ends = endpoints(source + target + self._ports[0])
        """Of the client and of the server, as readers of the packets name them."""

    def opening(self) -> tuple[bytes, bytes, bytes]:
        """The three packets of the handshake, which come first."""
        syn = self._packet(0, SYN, b"")
        self._next[0] = (self._next[0] + 1) & _MASK
        answer = self._packet(1, SYN | ACK, b"")
        self._next[1] = (self._next[1] + 1) & _MASK
        return syn, answer, self._packet(0, ACK, b"")

    def data(self, side: int, data: bytes) -> list[bytes]:
        """The packets that carry some bytes of a side."""
        if len(data) <= _MOST:
            packets = [self._packet(side, ACK | _PUSH, data)]
            self._next[side] = (self._next[side] + len(data)) & _MASK
            return packets
        packets = []
        for at in range(0, len(data), _MOST):
            packets += self.data(side, data[at : at + _MOST])
        return packets

    def lose(self, side: int, size: int) -> None:
        """Go on as if `size` bytes of a side were in packets that are not kept: readers see a hole."""
        self._next[side] = (self._next[side] + size) & _MASK

    def fin(self, side: int) -> bytes:
        """A side has nothing more to say."""
        packet = self._packet(side, FIN | ACK, b"")
        self._next[side] = (self._next[side] + 1) & _MASK
        return packet

    def reset(self, side: int) -> bytes:
        """A side breaks the connection off."""
        return self._packet(side, RST | ACK, b"")

    def _packet(self, side: int, flags: int, data: bytes) -> bytes:
        addresses = self._addresses[side]
        acknowledged = self._next[1 - side] if flags & ACK else 0
        head = self._ports[side] + _tcp(self._next[side], acknowledged, 5 << 4, flags, _WINDOW)
        size = _TCP_HEADER + len(data)
        checksum = _checksum(addresses + b"\0\6" + _u16(size) + head + data)
        tcp = head + _u16(checksum) + b"\0\0" + data
        if self._is_6:
            return _ip6(6 << 28, size, _TCP, _HOP_LIMIT) + addresses + tcp
        start = _ip4(0x45, 0, 20 + size, 0, 0x4000, _HOP_LIMIT, _TCP)
        return start + _u16(_checksum(start + addresses)) + addresses + tcp


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): a sum of 16-bit words with end-around carry is one modulo 65535."""
    if len(data) & 1:
        data += b"\0"
    return 0xFFFF - (int.from_bytes(data) % 0xFFFF or 0xFFFF)


def _endpoint(text: str) -> tuple[bytes, int]:
    host, _, port = text.rpartition(":")
    address = ip_address(host.strip("[]").partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.packed, int(port)


def _mapped(address: bytes) -> bytes:
    return address if len(address) == 16 else b"\0" * 10 + b"\xff\xff" + address
