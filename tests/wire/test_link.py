import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.link import LINK_TYPE_NAMES, ip_offset_for

SUPPORTED = (0, 1, 9, 12, 14, 50, 51, 101, 108, 113, 166, 228, 229, 276)

IPV4, IPV6, ARP = "0800", "86dd", "0806"
TAG, QINQ, OLD_QINQ = "8100 0005", "88a8 0006", "9100 0007"
PPPOE = "8864 1100 0001 0030"
MACS = "ffffffffffff 020000000001"
COOKED = "0000 0001 0006 020000000001 0000"
COOKED_V2 = "0000 00000003 0001 00 06 020000000001 0000"
PACKET = "PACKET"


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, f"{MACS} {IPV4} {PACKET}"),
        (1, f"{MACS} {IPV6} {PACKET}"),
        (1, f"{MACS} {TAG} {IPV4} {PACKET}"),
        (1, f"{MACS} {QINQ} {TAG} {IPV6} {PACKET}"),
        (1, f"{MACS} {OLD_QINQ} {TAG * 7} {IPV4} {PACKET}"),
        (1, f"{MACS} {PPPOE} 0021 {PACKET}"),
        (1, f"{MACS} {TAG} {PPPOE} 0057 {PACKET}"),
        (1, f"{MACS} 0026 aaaa03 000000 {IPV4} {PACKET}"),
        (1, f"{MACS} {TAG} 0026 aaaa03 000000 {IPV6} {PACKET}"),
        (113, f"{COOKED} {IPV4} {PACKET}"),
        (113, f"{COOKED} {TAG} {IPV6} {PACKET}"),
        (276, f"{IPV6} {COOKED_V2} {PACKET}"),
        (276, f"8100 {COOKED_V2} 0005 {IPV4} {PACKET}"),
        (276, f"88a8 {COOKED_V2} 0006 {TAG} {IPV4} {PACKET}"),
        (276, f"8864 {COOKED_V2} 1100 0001 0030 0021 {PACKET}"),
        *((link_type, PACKET) for link_type in (12, 14, 101, 228, 229)),
        (0, f"02000000 {PACKET}"),
        (0, f"00000002 {PACKET}"),
        (0, f"18000000 {PACKET}"),
        (0, f"1c000000 {PACKET}"),
        (0, f"1e000000 {PACKET}"),
        (108, f"0000001e {PACKET}"),
        (9, f"0021 {PACKET}"),
        (9, f"21 {PACKET}"),
        (9, f"ff03 0057 {PACKET}"),
        (50, f"ff03 0021 {PACKET}"),
        (50, f"ff03 57 {PACKET}"),
        (51, f"1100 0001 0030 0021 {PACKET}"),
        (166, f"0003 0021 {PACKET}"),
        (166, f"0103 57 {PACKET}"),
    ],
)
def test_where_the_packet_begins(link_type, frame):
    head = bytes.fromhex(frame.removesuffix(PACKET))
    decode = ip_offset_for(link_type)
    assert decode is not None
    assert decode(head + b"\x45" + bytes(39)) == len(head)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, f"{MACS} {ARP} 0001"),
        (1, f"{MACS} {TAG} {ARP} 0001"),
        (1, f"{MACS} 0026 424203 000000"),
        (1, f"{MACS} 9999 aaaa03 000000 {IPV4} 45"),
        (1, f"{MACS} 8863 1109 0000 0000"),
        (1, f"{MACS} {PPPOE} c021 0101"),
        (1, f"{MACS} {TAG * 9} {IPV4} 45"),
        (1, f"{MACS} {TAG}"),
        (1, f"{MACS} 08"),
        (113, f"{COOKED} {ARP}"),
        (276, f"{ARP} {COOKED_V2}"),
        (276, f"{IPV4} 0000"),
        (101, ""),
        (0, "07000000 45"),
        (0, "020000"),
        (9, "ff03 c021 0101"),
        (51, "1100 0001"),
    ],
)
def test_frames_without_a_packet(link_type, frame):
    decode = ip_offset_for(link_type)
    assert decode is not None
    assert decode(bytes.fromhex(frame)) == -1


@pytest.mark.parametrize("link_type", [105, 127, 187, 4_711, -1])
def test_link_types_that_are_not_supported(link_type):
    assert ip_offset_for(link_type) is None


def test_every_supported_link_type_has_a_name():
    assert {number for number in LINK_TYPE_NAMES if ip_offset_for(number)} == set(SUPPORTED)


def test_common_unsupported_link_types_have_a_name():
    assert LINK_TYPE_NAMES[127] == "IEEE 802.11 (Wi-Fi) with radiotap header"


PIECES = st.sampled_from(
    [bytes.fromhex(piece) for piece in (IPV4, IPV6, TAG, PPPOE, "0021", "ff03", "aaaa03", "000000")]
)


@given(st.sampled_from(SUPPORTED), st.lists(PIECES | st.binary(max_size=14)).map(b"".join))
def test_no_frame_raises_and_no_offset_is_outside_of_it(link_type, frame):
    decode = ip_offset_for(link_type)
    assert decode is not None
    assert -1 <= decode(frame) <= len(frame)
