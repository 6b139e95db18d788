import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.notes import ConnectionNote, FaultNote, written
from ocppscope.wire.pcap import (
    MAX_BLOCK,
    MAX_NOTES,
    MAX_PACKET,
    CaptureReader,
    Damage,
    Packet,
    looks_like_capture,
)

LITTLE, BIG = "<", ">"
ORDERS = (LITTLE, BIG)
SECOND = 1_000_000_000
ETHERNET = 1

SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 10
TLS_KEY_LOG = 0x544C534B


# --- files, made by hand ------------------------------------------------------------------------------------


def pcap_header(order=LITTLE, magic=0xA1B2C3D4, link_type=ETHERNET, major=2) -> bytes:
    return struct.pack(order + "IHHiIII", magic, major, 4, 0, 0, 65_535, link_type)


def pcap_record(data: bytes, seconds=0, fraction=0, order=LITTLE, original=None) -> bytes:
    length = len(data) if original is None else original
    return struct.pack(order + "IIII", seconds, fraction, len(data), length) + data


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes, order=LITTLE) -> bytes:
    length = struct.pack(order + "I", 12 + len(padded(body)))
    return struct.pack(order + "I", kind) + length + padded(body) + length


def option(code: int, value: bytes, order=LITTLE) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def section(order=LITTLE, options=b"", length=-1, major=1) -> bytes:
    return block(SECTION, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, length) + options, order)


def interface(order=LITTLE, link_type=ETHERNET, snap_length=0, options=b"") -> bytes:
    return block(INTERFACE, struct.pack(order + "HHI", link_type, 0, snap_length) + options, order)


def enhanced(data: bytes, ticks=0, number=0, order=LITTLE, original=None, options=b"") -> bytes:
    length = len(data) if original is None else original
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    return block(ENHANCED, head + padded(data) + options, order)


def obsolete(data: bytes, ticks=0, number=0, order=LITTLE) -> bytes:
    head = struct.pack(order + "HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(OBSOLETE, head + padded(data), order)


def simple(data: bytes, original: int, order=LITTLE) -> bytes:
    return block(SIMPLE, struct.pack(order + "I", original) + data, order)


def secrets(text: bytes, kind=TLS_KEY_LOG, order=LITTLE) -> bytes:
    return block(SECRETS, struct.pack(order + "II", kind, len(text)) + text, order)


def read(*chunks: bytes) -> tuple[list[Packet], CaptureReader]:
    reader = CaptureReader()
    packets = [packet for chunk in chunks for packet in reader.feed(chunk)]
    reader.close()
    assert reader.packets == len(packets)
    return packets, reader


def read_whole(data: bytes) -> list[Packet]:
    packets, reader = read(data)
    assert reader.damage is None
    return packets


def damage_of(data: bytes) -> Damage:
    damage = read(data)[1].damage
    assert damage is not None
    return damage


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


# --- pcap ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("magic", "nanoseconds"), [(0xA1B2C3D4, 5_000), (0xA1B23C4D, 5)])
def test_pcap_in_both_byte_orders_and_resolutions(order, magic, nanoseconds):
    data = pcap_header(order, magic) + pcap_record(b"abc", 1_700_000_000, 5, order)
    assert looks_like_capture(data[:4])
    assert read_whole(data) == [(1_700_000_000 * SECOND + nanoseconds, ETHERNET, b"abc")]


def test_modified_pcap_has_longer_record_headers():
    record = struct.pack("<IIIIIHBB", 1, 2, 3, 3, 9, 9, 9, 9) + b"abc"
    assert read_whole(pcap_header(magic=0xA1B2CD34) + record) == [(SECOND + 2_000, ETHERNET, b"abc")]


def test_pcap_link_type_is_without_the_checksum_bits():
    _, reader = read(pcap_header(link_type=0x54010000 | 276))
    assert [interface.link_type for interface in reader.interfaces] == [276]
    assert read_whole(pcap_header(link_type=0x54010000 | 276) + pcap_record(b"x")) == [(0, 276, b"x")]


def test_pcap_counts_packets_that_the_snap_length_cut():
    data = pcap_header() + pcap_record(b"abc") + pcap_record(b"abc", original=1_500)
    packets, reader = read(data)
    assert (len(packets), reader.truncated_packets, reader.format) == (2, 1, "pcap")


def test_pcap_without_packets_is_whole():
    assert read_whole(pcap_header()) == []


def test_pcap_torn_at_the_end_keeps_what_was_read():
    whole = pcap_header() + pcap_record(b"abc")
    packets, reader = read(whole + pcap_record(b"defghi")[:-2])
    assert [data for _, _, data in packets] == [b"abc"]
    assert reader.damage == Damage(
        len(whole), "the file ends in the middle of a packet record: 22 bytes expected, 20 found"
    )


def test_pcap_record_that_lies_about_its_length_is_damage():
    whole = pcap_header() + pcap_record(b"abc")
    lie = struct.pack("<IIII", 0, 0, MAX_PACKET + 1, MAX_PACKET + 1)
    packets, reader = read(whole, lie, pcap_record(b"ignored"))
    assert [data for _, _, data in packets] == [b"abc"]
    assert reader.damage == Damage(
        len(whole), "the packet record claims 16777217 bytes; at most 16777216 expected"
    )


def test_pcap_of_another_major_version_is_damage():
    assert damage_of(pcap_header(major=3)) == Damage(4, "pcap version 2 expected, 3.4 found")


def test_other_files_are_damage_at_their_start():
    assert not looks_like_capture(b"GET / HTTP/1.1")
    assert damage_of(b"GET / HTTP/1.1") == Damage(
        0, "the magic number of pcap or pcapng expected, 47455420 found"
    )


@pytest.mark.parametrize("head", [b"", b"\xd4\xc3", pcap_header()[:23]])
def test_files_that_end_in_their_header(head):
    damage = damage_of(head)
    assert damage.offset == 0
    assert "ends in the middle of the file header" in damage.reason


def test_large_record_in_small_chunks_is_looked_at_once():
    """A reader that joined and looked again for each chunk would copy 128 GiB here."""
    data = pcap_header() + pcap_record(bytes(MAX_PACKET))
    packets, reader = read(*(data[at : at + 1_000] for at in range(0, len(data), 1_000)))
    assert [len(captured) for _, _, captured in packets] == [MAX_PACKET]
    assert reader.damage is None


# --- pcapng -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("packet_block", [enhanced, obsolete])
def test_pcapng_packet_blocks_with_time(order, packet_block):
    ticks = 1_700_000_000_000_005  # of the default microsecond: more than 32 bits
    data = section(order) + interface(order) + packet_block(b"abcde", ticks, order=order)
    assert looks_like_capture(data)
    assert read_whole(data) == [(ticks * 1_000, ETHERNET, b"abcde")]


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (0, 7, 7 * SECOND),
        (3, 7, 7_000_000),
        (9, 7, 7),
        (12, 7_999, 7),
        (0x80, 7, 7 * SECOND),
        (0x80 | 1, 7, 3_500_000_000),
        (0x80 | 10, 1_025, SECOND + 976_562),
        (0x80 | 127, 1 << 63, 0),
        (127, 1 << 63, 0),
    ],
)
def test_pcapng_timestamp_resolutions(resolution, ticks, nanoseconds):
    data = section() + interface(options=option(9, bytes([resolution]))) + enhanced(b"x", ticks)
    assert read_whole(data) == [(nanoseconds, ETHERNET, b"x")]


@pytest.mark.parametrize("seconds", [3_600, -3_600])
def test_pcapng_timestamp_offset(seconds):
    data = section() + interface(options=option(14, struct.pack("<q", seconds))) + enhanced(b"x", 5)
    assert read_whole(data) == [(seconds * SECOND + 5_000, ETHERNET, b"x")]


def test_pcapng_simple_packet_has_the_time_of_the_one_before_in_its_section():
    data = (
        section()
        + interface(snap_length=3)
        + simple(b"ab", 2)
        + enhanced(b"x", 9)
        + simple(b"abc", 1_500)
        + section()
        + interface()
        + simple(b"abcde", 5)
    )
    packets, reader = read(data)
    assert packets == [(0, 1, b"ab"), (9_000, 1, b"x"), (9_000, 1, b"abc"), (0, 1, b"abcde")]
    assert reader.truncated_packets == 1


def test_pcapng_sections_have_their_own_byte_order_and_interfaces():
    data = (
        section(LITTLE, length=10_000)
        + interface(LITTLE, link_type=1, options=option(2, b"eth0"))
        + interface(LITTLE, link_type=113, options=option(2, b"any\0") + option(3, b"all of them"))
        + enhanced(b"a", number=1, order=LITTLE)
        + enhanced(b"b", number=0, order=LITTLE)
        + section(BIG)
        + interface(BIG, link_type=101, options=option(2, b"wwan0", BIG))
        + enhanced(b"c", number=0, order=BIG)
    )
    packets, reader = read(data)
    assert [(link_type, captured) for _, link_type, captured in packets] == [
        (113, b"a"),
        (1, b"b"),
        (101, b"c"),
    ]
    assert [(each.name, each.description) for each in reader.interfaces] == [
        ("eth0", ""),
        ("any", "all of them"),
        ("wwan0", ""),
    ]


def test_pcapng_skips_blocks_of_other_kinds():
    others = b"".join(block(kind, b"whatever") for kind in (NAMES, STATISTICS, 0xBAD, 0x80000001))
    assert len(read_whole(section() + others + interface() + others + enhanced(b"a") + others)) == 1


def test_pcapng_collects_comments():
    data = (
        section(options=option(4, b"dumpcap") + option(1, b"site 7") + option(0, b""))
        + interface(options=option(1, "Ladesäule".encode()))
        + enhanced(b"abc", options=option(2, bytes(4)) + option(1, b"here it breaks"))
    )
    assert read(data)[1].comments == ["site 7", "Ladesäule", "here it breaks"]


def test_pcapng_comments_and_interfaces_are_bounded():
    noisy = enhanced(b"", options=option(1, b"x" * 60_000))
    packets, reader = read(section() + interface() * 500 + noisy * 500)
    assert len(packets) == 500
    assert len(reader.comments) == len(reader.interfaces) == MAX_NOTES
    assert {len(comment) for comment in reader.comments} == {1_000}


def test_pcapng_malformed_option_costs_only_the_options():
    data = section() + interface() + enhanced(b"a", options=struct.pack("<HH", 1, 5_000)) + enhanced(b"b")
    assert len(read_whole(data)) == 2


def test_pcapng_hands_out_tls_key_logs():
    found: list[bytes] = []
    reader = CaptureReader(found.append)
    reader.feed(section() + secrets(b"CLIENT_RANDOM 1 2\n") + secrets(b"other", kind=0x57474B4C))
    reader.feed(secrets(b"CLIENT_RANDOM 3 4\n"))
    reader.close()
    assert found == [b"CLIENT_RANDOM 1 2\n", b"CLIENT_RANDOM 3 4\n"]
    assert reader.damage is None


def test_pcapng_length_without_the_padding_is_understood():
    """Seen in files of old writers; Wireshark reads them too."""
    head = struct.pack("<IIIII", 0, 0, 0, 3, 3)
    length = struct.pack("<I", 12 + len(head) + 3)
    sloppy = struct.pack("<I", ENHANCED) + length + head + padded(b"abc") + length
    assert read_whole(section() + interface() + sloppy + enhanced(b"d")) == [(0, 1, b"abc"), (0, 1, b"d")]


START = section() + interface()


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (enhanced(b"abcd")[:-4] + bytes(4), 32, "length 36 expected again at its end, 0 found"),
        (enhanced(b"", number=1), 0, "packet of interface 1 found; the section describes 1 so far"),
        (block(ENHANCED, struct.pack("<IIIII", 0, 0, 0, 9, 9)), 0, "packet of 9 bytes claimed"),
        (struct.pack("<III", 99, 8, 8), 0, "type 0x63 has 12 to 16908288 bytes; it claims 8"),
        (struct.pack("<III", ENHANCED, 28, 0), 0, "type 0x6 has 32 to 16908288 bytes; it claims 28"),
        (struct.pack("<III", 99, MAX_BLOCK + 4, 0), 0, "it claims 16908292"),
        (block(SIMPLE, struct.pack("<I", 9) + b"abcd"), 0, "packet of 9 bytes claimed"),
        (block(SECRETS, struct.pack("<II", TLS_KEY_LOG, 5)), 0, "secrets of 5 bytes claimed"),
        (struct.pack("<III", SECTION, 28, 0), 8, "byte-order magic 1a2b3c4d expected, 00000000 found"),
        (section(major=2), 12, "pcapng version 1 expected, 2.0 found"),
    ],
)
def test_pcapng_damage(data, offset, reason):
    good = START + enhanced(b"kept")
    packets, reader = read(good + data, enhanced(b"ignored"))
    assert reader.damage is not None
    assert [captured for _, _, captured in packets] == [b"kept"]
    assert reader.damage.offset == len(good) + offset
    assert reason in reader.damage.reason


def test_pcapng_torn_at_the_end_keeps_what_was_read():
    good = START + enhanced(b"kept")
    packets, reader = read(good + enhanced(b"abcd")[:20])
    assert [captured for _, _, captured in packets] == [b"kept"]
    assert reader.damage == Damage(
        len(good), "the file ends in the middle of a block: 36 bytes expected, 20 found"
    )


def test_pcapng_packet_longer_than_any_is_damage_even_where_the_block_holds_it():
    damage = damage_of(START + enhanced(bytes(MAX_PACKET + 4)))
    assert damage == Damage(len(START), "the packet block claims 16777220 bytes; at most 16777216 expected")


def test_pcapng_packet_before_any_interface_is_damage():
    assert "describes 0 so far" in damage_of(section() + simple(b"abcd", 4)).reason


# --- any bytes, in any pieces -------------------------------------------------------------------------------

PACKET_DATA = st.binary(max_size=40)
PCAP_FILES = st.builds(
    lambda order, magic, packets: (
        pcap_header(order, magic) + b"".join(pcap_record(packet, 1, 2, order) for packet in packets)
    ),
    st.sampled_from(ORDERS),
    st.sampled_from([0xA1B2C3D4, 0xA1B23C4D]),
    st.lists(PACKET_DATA, max_size=8),
)


@st.composite
def pcapng_files(draw: st.DrawFn) -> bytes:
    parts = []
    for order in draw(st.lists(st.sampled_from(ORDERS), min_size=1, max_size=3)):
        parts += [section(order), interface(order)]
        for kind, data in draw(st.lists(st.tuples(st.integers(0, 4), PACKET_DATA), max_size=6)):
            parts.append(
                [
                    enhanced(data, 5, order=order, options=option(1, b"hi", order)),
                    obsolete(data, 6, order=order),
                    simple(data, len(data), order=order),
                    secrets(data, order=order),
                    block(STATISTICS, data, order),
                ][kind]
            )
    return b"".join(parts)


FILES = PCAP_FILES | pcapng_files()
PLACES = st.lists(st.integers(0, 10_000), max_size=12)


def seen(chunks: list[bytes]) -> tuple:
    texts: list[bytes] = []
    reader = CaptureReader(texts.append)
    packets = [packet for chunk in chunks for packet in reader.feed(chunk)]
    reader.close()
    return packets, texts, reader.damage, reader.truncated_packets, reader.comments, reader.interfaces


@given(FILES, PLACES)
def test_any_chunking_gives_the_same_packets(data, places):
    whole = seen([data])
    assert whole[2] is None
    assert seen(cut(data, places)) == whole
    assert seen([data[at : at + 1] for at in range(len(data))]) == whole


@given(FILES, PLACES, st.binary(max_size=8), st.integers(0, 10_000))
def test_any_chunking_of_a_broken_file_gives_the_same_packets_and_damage(data, places, wrong, place):
    place %= len(data) + 1
    broken = data[:place] + wrong + data[place + len(wrong) + 1 :]
    assert seen(cut(broken, places)) == seen([broken])


@given(st.sampled_from([b"", pcap_header(), START]), st.binary(max_size=300))
def test_no_bytes_raise(head, data):
    read(head + data)


# --- what real programs write -------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
REAL = sorted([*(ROOT / "captures").glob("*.pcap*"), *(ROOT.parent / "shared/corpus/pcap").glob("*.pcap*")])
needs_editcap = pytest.mark.skipif(
    not (shutil.which("editcap") and REAL), reason="needs Wireshark's tools and a capture"
)


def smallest() -> Path:
    return min((path for path in REAL if path.suffix == ".pcap"), key=lambda path: path.stat().st_size)


def editcap(*arguments: object) -> None:
    subprocess.run(["editcap", *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.skipif(not REAL, reason="needs captures on this machine")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real_files_are_read_to_their_end(path):
    with path.open("rb") as file:
        packets, reader = read(*iter(lambda: file.read(65_536), b""))
    assert reader.damage is None
    assert packets
    assert reader.truncated_packets == 0


@needs_editcap
@pytest.mark.parametrize("form", ["pcapng", "nsecpcap", "modpcap"])
def test_the_same_packets_from_every_form_that_editcap_writes(tmp_path, form):
    editcap("-F", form, smallest(), tmp_path / "other")
    assert read_whole((tmp_path / "other").read_bytes()) == read_whole(smallest().read_bytes())


@needs_editcap
def test_secrets_and_comments_that_editcap_wrote(tmp_path):
    key_log = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    (tmp_path / "keys").write_bytes(key_log)
    editcap(
        *("-F", "pcapng", "--inject-secrets", f"tls,{tmp_path / 'keys'}"),
        *("--capture-comment", "site 7", "-a", "2:the second", smallest(), tmp_path / "other"),
    )
    texts: list[bytes] = []
    reader = CaptureReader(texts.append)
    packets = reader.feed((tmp_path / "other").read_bytes())
    reader.close()
    assert reader.damage is None
    assert texts == [key_log]
    assert reader.comments == ["site 7", "the second"]
    assert packets == read_whole(smallest().read_bytes())


@needs_editcap
def test_packets_that_editcap_cut(tmp_path):
    editcap("-s", "60", smallest(), tmp_path / "cut")
    packets, reader = read((tmp_path / "cut").read_bytes())
    assert reader.truncated_packets > 0
    assert max(len(captured) for _, _, captured in packets) == 60


# --- notes of our own ---------------------------------------------------------------------------------------


def noted(data, chunk=None):
    told, reader = [], None
    reader = CaptureReader(on_note=lambda note, time: told.append((note, time)))
    for at in range(0, len(data), chunk or len(data)):
        reader.feed(data[at : at + (chunk or len(data))])
    reader.close()
    return told, reader


@pytest.mark.parametrize("chunk", [None, 1, 7])
@pytest.mark.parametrize("order", ORDERS)
def test_notes_are_told_with_the_time_of_their_packet_and_are_no_comments(order, chunk):
    connection, fault = ConnectionNote("a:1", "b:2", resumed=True), FaultNote("dropped")
    comments = [written(connection), "for people", written(fault)]
    options = b"".join(option(1, comment.encode(), order) for comment in comments)
    data = section(order) + interface(order, options=option(9, b"\x09", order))
    data += enhanced(b"one", 5, order=order, options=options) + enhanced(b"two", 6, order=order)
    told, reader = noted(data, chunk)
    assert told == [(connection, 5), (fault, 5)]
    assert reader.comments == ["for people"]
    assert (reader.packets, reader.damage) == (2, None)


def test_comments_of_a_packet_that_are_torn_do_not_hinder_it():
    for options in (struct.pack("<HH", 1, 60_000) + b"short", struct.pack("<HH", 1, 8) + b"ocpp", b"\x01"):
        data = section() + interface() + enhanced(b"one", options=options) + enhanced(b"two")
        told, reader = noted(data)
        assert told == []
        assert (reader.packets, reader.damage) == (2, None)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_whatever_options_a_packet_has_it_is_read(values):
    options = b"".join(option(n % 3, b"ocppscope connection: " + value) for n, value in enumerate(values))
    data = section() + interface() + enhanced(b"one", options=options) + enhanced(b"two")
    assert noted(data)[1].packets == 2
