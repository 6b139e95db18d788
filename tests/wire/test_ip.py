import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.ip import FRAGMENT_TIMEOUT, MAX_DATAGRAMS, IpLayer, Segment, endpoints, reverse

SECOND = 1_000_000_000
STATION, CSMS = "10.0.0.1", "10.0.0.2"
STATION6, CSMS6 = "fe80::1", "2001:db8::2"
SEQ, ACK, PSH_ACK = 0xFFFFFF00, 7, 0x18
TCP, UDP = 6, 17
IPV4_IN, IPV6_IN = 4, 41
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY = 0, 43, 44, 51, 60, 135
NONE_NEXT = 59
MORE = 0x2000


# --- packets, made by hand ----------------------------------------------------------------------------------


def tcp(payload=b"", options=b"", words=None) -> bytes:
    size = 5 + len(options) // 4 if words is None else words
    return (
        struct.pack(">HHIIBBHHH", 50_000, 9_000, SEQ, ACK, size << 4, PSH_ACK, 512, 0, 0) + options + payload
    )


def ipv4(body: bytes, protocol=TCP, options=b"", fragment=0x4000, total=None, identification=1) -> bytes:
    header = 20 + len(options)
    return (
        struct.pack(
            ">BBHHHBBH4s4s",
            0x40 | header // 4,
            0,
            header + len(body) if total is None else total,
            identification,
            fragment,
            64,
            protocol,
            0,
            ip_address(STATION).packed,
            ip_address(CSMS).packed,
        )
        + options
        + body
    )


def ipv6(body: bytes, next_header=TCP, length=None) -> bytes:
    size = len(body) if length is None else length
    addresses = ip_address(STATION6).packed + ip_address(CSMS6).packed
    return struct.pack(">IHBB", 6 << 28, size, next_header, 64) + addresses + body


def extension(next_header: int, eights=0) -> bytes:
    return bytes([next_header, eights]) + bytes(6 + 8 * eights)


def fragment6(data: bytes, offset: int, more: bool, identification=1, next_header=TCP) -> bytes:
    head = struct.pack(">BBHI", next_header, 0, offset | more, identification)
    return ipv6(head + data, FRAGMENT)


def fragment4(data: bytes, offset: int, more: bool, identification=1) -> bytes:
    return ipv4(data, fragment=offset // 8 | MORE * more, identification=identification)


KEY = ip_address(STATION).packed + ip_address(CSMS).packed + struct.pack(">HH", 50_000, 9_000)
KEY6 = ip_address(STATION6).packed + ip_address(CSMS6).packed + struct.pack(">HH", 50_000, 9_000)


def expected(payload: bytes, key=KEY, missing=0) -> Segment:
    return key, SEQ, ACK, PSH_ACK, payload, missing


def segment(packet: bytes, offset=0) -> Segment | None:
    return IpLayer().segment(packet, offset, 0)


# --- one packet, one segment --------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [b"", b"\xff" * 14])
@pytest.mark.parametrize(
    ("packet", "key"),
    [
        (ipv4(tcp(b"hello")), KEY),
        (ipv4(tcp(b"hello", options=bytes(12))), KEY),
        (ipv4(tcp(b"hello", options=bytes(40))), KEY),
        (ipv4(tcp(b"hello"), options=b"\x01" * 4), KEY),
        (ipv4(tcp(b"hello", options=bytes(12)), options=b"\x01" * 40), KEY),
        (ipv4(tcp(b"hello"), total=0), KEY),
        (ipv6(tcp(b"hello")), KEY6),
        (ipv6(tcp(b"hello"), length=0), KEY6),
        (ipv6(extension(TCP) + tcp(b"hello"), HOP_BY_HOP), KEY6),
        (ipv6(extension(ROUTING, 2) + extension(TCP, 1) + tcp(b"hello"), DESTINATION), KEY6),
        (ipv6(extension(TCP, 3) + tcp(b"hello"), MOBILITY), KEY6),
        (ipv6(bytes([TCP, 4]) + bytes(22) + tcp(b"hello"), AUTHENTICATION), KEY6),
        (ipv6(extension(FRAGMENT) + struct.pack(">BBHI", TCP, 0, 0, 9) + tcp(b"hello"), DESTINATION), KEY6),
        (ipv4(ipv6(tcp(b"hello")), IPV6_IN), KEY6),
        (ipv6(ipv4(tcp(b"hello")), IPV4_IN), KEY),
    ],
)
def test_segments(link, packet, key):
    assert segment(link + packet, len(link)) == expected(b"hello", key)


@pytest.mark.parametrize(("make", "key"), [(ipv4, KEY), (ipv6, KEY6)])
def test_padding_of_the_link_layer_is_cut(make, key):
    assert segment(make(tcp()) + bytes(6)) == expected(b"", key)
    assert segment(make(tcp(b"ab")) + bytes(4)) == expected(b"ab", key)


@pytest.mark.parametrize(
    ("packet", "key"),
    [
        (ipv4(tcp(bytes(100))), KEY),
        (ipv4(tcp(bytes(100)), options=b"\x01" * 4), KEY),
        (ipv6(tcp(bytes(100))), KEY6),
        (ipv6(extension(TCP) + tcp(bytes(100)), HOP_BY_HOP), KEY6),
    ],
)
def test_what_the_snap_length_cut_is_missing(packet, key):
    assert segment(packet[:-30]) == expected(bytes(70), key, missing=30)
    assert segment(packet[:-100]) == expected(b"", key, missing=100)
    assert segment(packet[:-101]) is None  # in the TCP header


@pytest.mark.parametrize("end", range(80))
def test_packets_cut_in_their_headers(end):
    assert segment(ipv4(tcp(options=bytes(12)))[: min(end, 51)]) is None
    assert segment(ipv6(tcp(options=bytes(12)))[: min(end, 71)]) is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        ipv4(bytes(40), UDP),
        ipv6(bytes(40), UDP),
        ipv6(extension(NONE_NEXT), HOP_BY_HOP),
        ipv4(tcp(b"hello"), total=39),  # less than its headers
        ipv4(tcp(b"hello"), total=19),
        ipv4(tcp(b"hello"), options=b"\x01" * 4, total=23),
        ipv6(tcp(b"hello"), length=19),
        ipv4(tcp(b"hello", words=4)),
        ipv4(tcp(b"hello", words=15)),
        ipv6(tcp(b"hello", words=0)),
        ipv6(bytes([TCP, 200]) + bytes(6) + tcp(b"hello"), HOP_BY_HOP),
        b"\x44" + ipv4(tcp(b"hello"))[1:],  # a header of 16 bytes
        b"\x55" + ipv4(tcp(b"hello"))[1:],  # IP version 5
        ipv4(ipv4(tcp(b"hello")), IPV6_IN),
        ipv6(ipv6(tcp(b"hello")), IPV4_IN),
    ],
)
def test_packets_without_a_segment(packet):
    assert segment(packet) is None


def test_offset_outside_of_the_frame():
    packet = ipv4(tcp(b"hello"))
    assert segment(packet, len(packet)) is None
    assert segment(packet, len(packet) + 9) is None
    assert segment(packet, -1) is None


# --- fragments ----------------------------------------------------------------------------------------------

PAYLOAD = bytes(range(256)) * 4
BOTH = pytest.mark.parametrize(("make", "key"), [(fragment4, KEY), (fragment6, KEY6)])


def pieces(make, body: bytes, size=200, identification=1) -> list[bytes]:
    return [
        make(body[at : at + size], at, at + size < len(body), identification)
        for at in range(0, len(body), size)
    ]


def feed(layer: IpLayer, packets: list[bytes], time=0) -> list[Segment]:
    found = [layer.segment(packet, 0, time) for packet in packets]
    return [each for each in found if each is not None]


@BOTH
@given(data=st.data())
def test_fragments_in_any_order_and_more_than_once(make, key, data):
    body = tcp(PAYLOAD[: data.draw(st.integers(1, len(PAYLOAD)))])
    fragments = pieces(make, body, data.draw(st.integers(1, 40)) * 8)
    if len(fragments) == 1:
        return
    order = data.draw(
        st.permutations(fragments + data.draw(st.lists(st.sampled_from(fragments), max_size=5)))
    )
    layer = IpLayer()
    found = feed(layer, order)
    assert found[0] == expected(body[20:], key)
    assert layer.fragments == len(order)


@BOTH
@given(
    spans=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=12),
    data=st.data(),
)
def test_where_fragments_overlap_the_first_counts(make, key, spans, data):
    """Every fragment says of its bytes which fragment it is: the first to name a byte must have it."""
    body_size = 20 + 8 * 30
    head = make(tcp()[:16], 0, True)
    told: dict[int, int] = dict.fromkeys(range(16), -1)
    packets = [head]
    for number, (first, units) in enumerate(spans):
        start, end = first * 8, min((first + units) * 8, body_size // 8 * 8)
        if start < end:
            packets.append(make(bytes([number]) * (end - start), start, True))
            for at in range(start, end):
                told.setdefault(at, number)
    rest = make(bytes([99]) * (body_size - 16), 16, False)
    for at in range(16, body_size):
        told.setdefault(at, 99)
    # Bytes 12 and 13, the header's length and the flags, lie in the first fragment; 16 to 20 are unread.
    (found,) = feed(IpLayer(), [*packets, rest])
    assert found == expected(bytes(told[at] for at in range(20, body_size)), key)


@BOTH
def test_datagrams_are_told_apart_by_identification(make, key):
    one, two = (
        pieces(make, tcp(b"1" * 500), identification=1),
        pieces(make, tcp(b"2" * 500), identification=2),
    )
    mixed = [packet for pair in zip(one, two, strict=True) for packet in pair]
    assert feed(IpLayer(), mixed) == [expected(b"1" * 500, key), expected(b"2" * 500, key)]


@BOTH
def test_fragments_that_come_too_late(make, key):
    first, *rest = pieces(make, tcp(PAYLOAD))
    layer = IpLayer()
    feed(layer, [first], time=0)
    assert feed(layer, rest, time=FRAGMENT_TIMEOUT + 1) == []
    assert layer.fragments_dropped == 1

    layer = IpLayer()
    feed(layer, [first], time=0)
    assert feed(layer, rest, time=FRAGMENT_TIMEOUT) == [expected(PAYLOAD, key)]
    assert layer.fragments_dropped == 0


@BOTH
def test_the_oldest_of_too_many_datagrams_is_dropped(make, key):
    datagrams = [
        pieces(make, tcp(PAYLOAD), 600, identification) for identification in range(MAX_DATAGRAMS + 1)
    ]
    layer = IpLayer()
    assert feed(layer, [first for first, _ in datagrams]) == []
    assert layer.fragments_dropped == 1
    assert feed(layer, [last for _, last in datagrams[1:]]) == [expected(PAYLOAD, key)] * MAX_DATAGRAMS
    assert feed(layer, [datagrams[0][1]]) == []


@BOTH
@pytest.mark.parametrize(
    ("data", "offset", "more"),
    [
        (b"1234567", 8, True),  # the next one could not say where it begins
        (b"", 8, True),
        (bytes(1_000), 65_528, False),  # ends behind the largest datagram
    ],
)
def test_malformed_fragments_are_dropped(make, key, data, offset, more):
    first, *rest = pieces(make, tcp(PAYLOAD))
    layer = IpLayer()
    assert feed(layer, [first, make(data, offset, more), *rest]) == [expected(PAYLOAD, key)]
    assert layer.fragments_dropped == 1


@BOTH
def test_a_fragment_cut_by_the_snap_length_completes_nothing(make, key):
    *most, last = pieces(make, tcp(PAYLOAD))
    layer = IpLayer()
    assert feed(layer, [*most, last[:-1]]) == []
    assert layer.fragments_dropped == 1
    assert feed(layer, [last]) == [expected(PAYLOAD, key)]


def test_ipv6_fragments_with_the_protocol_of_the_first():
    first, _ = pieces(fragment6, tcp(PAYLOAD), 600)
    other = fragment6(tcp(PAYLOAD)[600:], 600, False, next_header=NONE_NEXT)
    assert feed(IpLayer(), [other, first]) == [expected(PAYLOAD, KEY6)]
    assert feed(IpLayer(), [first, other]) == [expected(PAYLOAD, KEY6)]


def test_ipv6_fragments_that_begin_with_more_headers():
    body = extension(TCP, 3) + tcp(PAYLOAD)
    first, last = (
        fragment6(body[:600], 0, True, next_header=DESTINATION),
        fragment6(body[600:], 600, False, next_header=DESTINATION),
    )
    assert feed(IpLayer(), [first, last]) == [expected(PAYLOAD, KEY6)]


def test_fragments_of_a_tunnel():
    packets = pieces(fragment4, ipv6(tcp(PAYLOAD)))
    packets = [packet[:9] + bytes([IPV6_IN]) + packet[10:] for packet in packets]
    assert feed(IpLayer(), packets) == [expected(PAYLOAD, KEY6)]


# --- any bytes ----------------------------------------------------------------------------------------------

PROTOCOLS = st.sampled_from(
    [IPV4_IN, IPV6_IN, TCP, HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY]
)
PACKETS = st.one_of(
    st.binary(max_size=120),
    st.builds(lambda first, rest: bytes([first]) + rest, st.sampled_from([0x45, 0x46, 0x60]), st.binary()),
    st.builds(ipv6, st.binary(max_size=200), PROTOCOLS, st.none() | st.integers(0, 65_535)),
    st.builds(
        ipv4,
        st.binary(max_size=200),
        PROTOCOLS,
        fragment=st.integers(0, 0xFFFF),
        total=st.none() | st.integers(0, 65_535),
    ),
)


@given(st.lists(st.tuples(PACKETS, st.integers(0, 100), st.integers(-SECOND, 100 * SECOND)), max_size=20))
def test_no_bytes_raise(packets):
    layer = IpLayer()
    for packet, offset, time in packets:
        layer.segment(packet, offset % (len(packet) + 1), time)
        layer.segment(packet, 0, time)


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 90), st.integers(0, 15))
def test_the_plain_path_and_the_general_one_agree(payload, end, total, words):
    """A packet inside IPv6 is read by the general path; the same by itself may take the plain one."""
    packet = ipv4(tcp(payload, words=words), total=total)[: 20 + end]
    outer = ipv6(packet, IPV4_IN, length=0)
    assert segment(packet) == segment(outer)


def test_deep_tunnels_end():
    packet = tcp(b"hello")
    for _ in range(3_000):
        packet = ipv4(packet, IPV4_IN, total=0)
    assert segment(packet) is None  # the innermost says that it is IPv4 again
    assert segment(ipv4(ipv4(tcp(b"hello")), IPV4_IN)) == expected(b"hello")


# --- keys ---------------------------------------------------------------------------------------------------


def test_endpoints():
    assert endpoints(KEY) == ("10.0.0.1:50000", "10.0.0.2:9000")
    assert endpoints(KEY6) == ("[fe80::1]:50000", "[2001:db8::2]:9000")


@pytest.mark.parametrize("key", [KEY, KEY6])
def test_reverse(key):
    assert endpoints(reverse(key)) == endpoints(key)[::-1]
    assert reverse(reverse(key)) == key


def test_endpoints_of_what_is_no_key():
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        endpoints(bytes(14))
