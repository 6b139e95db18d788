"""The filter runs in a little machine here; where libpcap is installed, its verdicts are the same."""

import ctypes
import struct

import pytest

from ocppscope.capture.bpf import (
    ETHERNET,
    INSTRUCTION,
    MAX_PORTS,
    RAW_IP,
    REJECT_ALL,
    Step,
    assemble,
    keep_whole_frames,
    tcp_expression,
    tcp_program,
)

UDP, TCP = 17, 6
VLAN, QINQ = b"\x81\x00\x00\x05", b"\x88\xa8\x00\x07"
WHOLE = 1 << 18


def run(program, frame):
    """Run a program as the kernel would: how many bytes of the frame it keeps."""
    a = x = at = 0
    steps = list(INSTRUCTION.iter_unpack(program))
    scratch = [0] * 16
    while True:
        code, then, otherwise, k = steps[at]
        at += 1
        kind, size, mode = code & 7, {0x00: 4, 0x08: 2, 0x10: 1}.get(code & 0x18, 0), code & 0xE0
        if kind in {0, 1} and mode in {0x20, 0x40, 0xA0}:
            place = k + (x if mode == 0x40 else 0)
            if mode == 0xA0:
                size = 1
            if place + size > len(frame):
                return 0
            value = int.from_bytes(frame[place : place + size], "big")
            if mode == 0xA0:
                x = 4 * (value & 15)
            else:
                a = value
        elif kind in {0, 1}:
            value = {0x00: k, 0x60: scratch[k & 15], 0x80: len(frame)}[mode]
            a, x = (value, x) if kind == 0 else (a, value)
        elif kind == 2:
            scratch[k] = a
        elif kind == 3:
            scratch[k] = x
        elif kind == 4:
            other = x if code & 8 else k
            operation = {0x00: int.__add__, 0x10: int.__sub__, 0x50: int.__and__, 0x60: int.__lshift__}
            a = operation[code & 0xF0](a, other) & 0xFFFFFFFF
        elif code == 0x05:
            at += k
        elif kind == 5:
            other = x if code & 8 else k
            holds = {0x10: a == other, 0x20: a > other, 0x30: a >= other, 0x40: bool(a & other)}[code & 0xF0]
            at += then if holds else otherwise
        elif kind == 6:
            return a if code & 0x10 else k
        else:
            a, x = (x, a) if code == 0x87 else (a, a)


def ports(source, target):
    return struct.pack(">HH", source, target) + bytes(16)


def ipv4(payload, protocol=TCP, options=b"", offset=0):
    head = 0x40 | (5 + len(options) // 4)
    return struct.pack(">BBHHHBB10x", head, 0, 60, 1, offset, 64, protocol) + options + payload


def ipv6(payload, following=TCP):
    return struct.pack(">IHBB32x", 6 << 28, len(payload), following, 64) + payload


WANTED, REPLY, OTHER = ports(50_000, 9000), ports(9001, 50_000), ports(80, 50_000)
FRAGMENT = bytes((TCP, 0, 0, 0, 0, 0, 0, 1))

PACKETS = [  # what, IP packet, TCP?, of port 9000 or 9001 as far as can be told?
    ("to a port", ipv4(WANTED), True, True),
    ("from a port", ipv4(REPLY), True, True),
    ("other ports", ipv4(OTHER), True, False),
    ("with options", ipv4(WANTED, options=bytes(8)), True, True),
    ("other ports with options", ipv4(OTHER, options=struct.pack(">HH", 9000, 9000)), True, False),
    ("UDP", ipv4(WANTED, protocol=UDP), False, False),
    ("a first fragment", ipv4(WANTED, offset=0x2000), True, True),
    ("a first fragment of other ports", ipv4(OTHER, offset=0x2000), True, False),
    ("a later fragment", ipv4(OTHER, offset=0x2010), True, True),
    ("a later fragment of UDP", ipv4(OTHER, protocol=UDP, offset=0x10), False, False),
    ("IPv6", ipv6(WANTED), True, True),
    ("IPv6 from a port", ipv6(REPLY), True, True),
    ("IPv6 of other ports", ipv6(OTHER), True, False),
    ("IPv6 UDP", ipv6(WANTED, following=UDP), False, False),
    ("IPv6 fragment", ipv6(FRAGMENT + OTHER, following=44), True, True),
    ("IPv6 fragment of UDP", ipv6(b"\x11" + FRAGMENT[1:] + OTHER, following=44), False, False),
    ("IPv6 jumbogram", ipv6(b"\x06\x00\xc2\x04\x00\x02\x00\x00" + OTHER, following=0), True, True),
    ("IPv6 with destination options", ipv6(FRAGMENT + OTHER, following=60), False, False),
]
PORTS = 9000, 9001


def on_ethernet(packet, tags=b""):
    return bytes(12) + tags + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


FRAMES = [
    (f"{what}{after}", on_ethernet(packet, tags), is_tcp, has_port)
    for what, packet, is_tcp, has_port in PACKETS
    for after, tags in (("", b""), (", tagged", VLAN), (", tagged twice", QINQ + VLAN))
] + [
    ("ARP", bytes(12) + b"\x08\x06" + bytes(28), False, False),
    ("three tags", on_ethernet(ipv4(WANTED), VLAN * 3), False, False),
    ("cut inside IP", on_ethernet(ipv4(WANTED))[:22], False, False),
    ("empty", b"", False, False),
]
RAW = [(what, packet, is_tcp, has_port) for what, packet, is_tcp, has_port in PACKETS] + [
    ("neither version", b"\x50" + bytes(40), False, False),
]
ALL = [pytest.param(ETHERNET, *frame[1:], id=f"Ethernet, {frame[0]}") for frame in FRAMES]
ALL += [pytest.param(RAW_IP, *frame[1:], id=f"raw IP, {frame[0]}") for frame in RAW]


@pytest.mark.parametrize(("link_type", "frame", "is_tcp", "has_port"), ALL)
def test_verdicts(link_type, frame, is_tcp, has_port):
    assert run(tcp_program(link_type), frame) == WHOLE * is_tcp
    assert run(tcp_program(link_type, PORTS), frame) == WHOLE * has_port


@pytest.fixture(scope="module")
def libpcap():
    """Compiles as `sniff` does."""
    from ocppscope.capture.sniff import compile_filter, free_filter

    def compiled(expression, link_type):
        try:
            program = compile_filter(expression, linktype=link_type)
        except ImportError:
            pytest.skip("libpcap is not installed")
        instructions = ctypes.string_at(program.bf_insns, program.bf_len * INSTRUCTION.size)
        free_filter(program)
        return keep_whole_frames(instructions)

    return compiled


@pytest.mark.parametrize(("link_type", "frame", "is_tcp", "has_port"), ALL)
def test_libpcap_comes_to_the_same_verdicts(libpcap, link_type, frame, is_tcp, has_port):
    assert run(libpcap(tcp_expression(link_type), link_type), frame) == WHOLE * is_tcp
    assert run(libpcap(tcp_expression(link_type, PORTS), link_type), frame) == WHOLE * has_port


@pytest.mark.parametrize("link_type", [ETHERNET, RAW_IP])
def test_as_many_ports_as_promised(link_type):
    program = tcp_program(link_type, range(9000, 9000 + MAX_PORTS))
    packet = ipv4(ports(1, 9000 + MAX_PORTS - 1))
    frame = packet if link_type == RAW_IP else on_ethernet(packet)
    assert run(program, frame) == WHOLE
    assert len(program) // INSTRUCTION.size < 4096  # BPF_MAXINSNS


def test_other_link_types_have_no_program():
    assert tcp_program(105, PORTS) is None


def test_nothing_passes_the_closed_filter():
    assert run(REJECT_ALL, on_ethernet(ipv4(WANTED))) == 0


def test_rejections_stay_rejections_when_frames_are_kept_whole():
    program = assemble([Step("ja", then="end"), Step("ret k", 65_535), Step("ret k", 0, label="end")])
    kept = [k for _, _, _, k in INSTRUCTION.iter_unpack(keep_whole_frames(program))]
    assert kept == [1, WHOLE, 0]


@pytest.mark.parametrize(
    "listing",
    [
        [Step("ret k", label="up"), Step("jeq", then="up")],
        [Step("jeq", then="nowhere"), Step("ret k")],
        [Step("jeq", then="far"), *[Step("tax")] * 256, Step("ret k", label="far")],
    ],
    ids=["backward", "nowhere", "too far"],
)
def test_impossible_jumps(listing):
    with pytest.raises(ValueError, match="no jump reaches"):
        assemble(listing)
