"""Link layers: where in a captured frame the IP packet begins.

Knows LINKTYPE numbers (https://www.tcpdump.org/linktypes.html) and the headers in front of IP; knows neither
capture files nor what is in the packet: the IP version is read from its own first nibble, by `ip`.

A decoder takes a frame and returns the offset of the IPv4 or IPv6 header, or -1 where the frame carries none
(ARP, a torn header). It never raises. The offset may be the frame's length: nothing of the packet was kept.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Decoder: TypeAlias = Callable[[bytes], int]

NO_IP: Final = -1

_IPV4 = b"\x08\x00"
_IP = frozenset({_IPV4, b"\x86\xdd"})
_VLAN_TAGS = frozenset({b"\x81\x00", b"\x88\xa8", b"\x91\x00"})
"""802.1Q, 802.1ad (QinQ), and what QinQ was before its standard."""
_PPPOE_SESSION = b"\x88\x64"
_SNAP = bytes.fromhex("aaaa03 000000")
"""LLC that announces SNAP with an EtherType: RFC 1042."""
_FIRST_ETHERTYPE = b"\x06\x00"
"""Smaller numbers are the frame's length, and LLC follows: IEEE 802.3, 3.2.6."""
_MAX_NESTED = 8

_PPP_ADDRESS_CONTROL = b"\xff\x03"
_PPP_IP = frozenset({b"\x00\x21", b"\x00\x57"})
_PPP_IP_COMPRESSED = frozenset({b"\x21", b"\x57"})
_PPPOE_HEADER = 6

_FAMILIES = frozenset(
    family.to_bytes(4, order)
    for family in (
        2,  # IPv4, everywhere
        24,  # IPv6 on NetBSD, OpenBSD and Npcap
        28,  # IPv6 on FreeBSD and DragonFly BSD
        30,  # IPv6 on macOS
    )
    for order in ("little", "big")
)


def ethernet(frame: bytes) -> int:
    """IEEE 802.3, with VLAN tags, PPPoE or SNAP between it and IP."""
    if frame[12:14] == _IPV4:
        return 14
    return _after_ethertype(frame, 12, 14)


def linux_cooked(frame: bytes) -> int:
    """LINKTYPE_LINUX_SLL: 16 bytes, the EtherType last. What `tcpdump -i any` wrote until 2018."""
    return _after_ethertype(frame, 14, 16)


def linux_cooked_v2(frame: bytes) -> int:
    """LINKTYPE_LINUX_SLL2: 20 bytes, the EtherType first."""
    return _after_ethertype(frame, 0, 20)


def raw_ip(frame: bytes) -> int:
    """No link layer at all."""
    return 0 if frame else NO_IP


def bsd_loopback(frame: bytes) -> int:
    """LINKTYPE_NULL and LINKTYPE_LOOP: the address family in four bytes, in either byte order."""
    return 4 if frame[:4] in _FAMILIES else NO_IP


def ppp(frame: bytes) -> int:
    """PPP, RFC 1661, with or without the address and control bytes of RFC 1662: cellular modems."""
    return _after_ppp_protocol(frame, 0)


def ppp_with_direction(frame: bytes) -> int:
    """LINKTYPE_PPP_PPPD: the address byte tells the direction instead."""
    return _after_ppp_protocol(frame, 2)


def pppoe(frame: bytes) -> int:
    """PPP over Ethernet without the Ethernet, RFC 2516, section 4."""
    return _after_ppp_protocol(frame, _PPPOE_HEADER)


def _after_ethertype(frame: bytes, at: int, payload: int) -> int:
    """Follow EtherTypes, from the one at `at` whose payload begins at `payload`, until IP."""
    for _ in range(_MAX_NESTED + 1):
        kind = frame[at : at + 2]
        if kind in _IP:
            return payload if payload <= len(frame) else NO_IP
        if kind in _VLAN_TAGS:
            at, payload = payload + 2, payload + 4
        elif kind == _PPPOE_SESSION:
            return _after_ppp_protocol(frame, payload + _PPPOE_HEADER)
        elif kind < _FIRST_ETHERTYPE and frame[payload : payload + 6] == _SNAP:
            at, payload = payload + 6, payload + 8
        else:
            break
    return NO_IP


def _after_ppp_protocol(frame: bytes, at: int) -> int:
    if frame[at : at + 2] == _PPP_ADDRESS_CONTROL:
        at += 2
    if frame[at : at + 1] in _PPP_IP_COMPRESSED:  # an odd first byte is the whole number: RFC 1661, section 2
        return at + 1
    return at + 2 if frame[at : at + 2] in _PPP_IP else NO_IP


_DECODERS: Final[Mapping[int, Decoder]] = {
    0: bsd_loopback,
    1: ethernet,
    9: ppp,
    12: raw_ip,
    14: raw_ip,
    50: ppp,
    51: pppoe,
    101: raw_ip,
    108: bsd_loopback,
    113: linux_cooked,
    166: ppp_with_direction,
    228: raw_ip,
    229: raw_ip,
    276: linux_cooked_v2,
}

LINK_TYPE_NAMES: Final[Mapping[int, str]] = {
    0: "BSD loopback",
    1: "Ethernet",
    6: "Token Ring",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "raw IP",
    14: "raw IP",
    50: "PPP in HDLC framing",
    51: "PPPoE",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "IEEE 802.11 (Wi-Fi)",
    107: "Frame Relay",
    108: "OpenBSD loopback",
    113: "Linux cooked v1",
    119: "IEEE 802.11 (Wi-Fi) with Prism header",
    127: "IEEE 802.11 (Wi-Fi) with radiotap header",
    163: "IEEE 802.11 (Wi-Fi) with AVS header",
    166: "PPP of pppd, with direction",
    187: "Bluetooth HCI",
    189: "USB of Linux",
    192: "Per-Packet Information",
    195: "IEEE 802.15.4",
    201: "Bluetooth HCI with direction",
    220: "USB of Linux, padded",
    227: "CAN bus",
    228: "raw IPv4",
    229: "raw IPv6",
    230: "IEEE 802.15.4 without checksum",
    239: "Linux NFLOG",
    249: "USBPcap",
    251: "Bluetooth Low Energy",
    252: "Wireshark exported PDUs",
    253: "Linux netlink",
    254: "Bluetooth monitor of Linux",
    256: "Bluetooth Low Energy with radio header",
    272: "nRF Sniffer for Bluetooth Low Energy",
    276: "Linux cooked v2",
    283: "IEEE 802.15.4 TAP",
}
"""LINKTYPE numbers that users may meet, the unsupported among them too: for messages."""


def ip_offset_for(link_type: int) -> Decoder | None:
    """The decoder of frames of a LINKTYPE number; None: not supported."""
    return _DECODERS.get(link_type)
