"""Blocks of pcapng: read back by our reader, and by Wireshark's programs where they are installed."""

import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire import pcapng
from ocppscope.wire.pcap import CaptureReader
from ocppscope.wire.segments import LINK_TYPE, Segments
from tests.wire.packets import CLIENT, SERVER, START

ETHERNET = 1
NANOSECOND = START + 123_456_789
HEAD = pcapng.section("ocppscope test") + pcapng.interface(ETHERNET, "eth0", "the office")
KEYLOG = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"


def read(data):
    """A whole file, read by a reader that finds no damage."""
    secrets: list[bytes] = []
    reader = CaptureReader(on_secrets=secrets.append)
    packets = reader.feed(data)
    reader.close()
    assert reader.damage is None
    return packets, reader, secrets


def blocks(data):
    """Type and body of each block; the length stands at both ends of it."""
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def test_a_file_without_packets():
    packets, reader, _ = read(HEAD)
    assert packets == []
    (interface,) = reader.interfaces
    assert (interface.link_type, interface.snap_length, interface.name) == (ETHERNET, 0, "eth0")
    assert interface.description == "the office"
    assert interface.ticks == (1, 1)


def test_an_interface_needs_no_names_and_may_have_a_snap_length():
    _, reader, _ = read(pcapng.section("") + pcapng.interface(LINK_TYPE, snap_length=96))
    (interface,) = reader.interfaces
    assert (interface.link_type, interface.snap_length, interface.name) == (LINK_TYPE, 96, "")
    assert interface.description == ""


@given(st.lists(st.tuples(st.integers(0, (1 << 63) - 1), st.binary(max_size=50)), max_size=10))
def test_times_are_kept_to_the_nanosecond_and_bytes_at_any_length(said):
    data = HEAD + b"".join(pcapng.packet(0, time, frame) for time, frame in said)
    assert read(data)[0] == [(time, ETHERNET, frame) for time, frame in said]
    assert len(blocks(data)) == 2 + len(said)


def test_packets_name_their_interfaces():
    data = HEAD + pcapng.interface(LINK_TYPE, "other")
    data += pcapng.packet(1, 1, b"one") + pcapng.packet(0, 2, b"two")
    assert read(data)[0] == [(1, LINK_TYPE, b"one"), (2, ETHERNET, b"two")]


def test_a_packet_of_which_not_all_is_kept():
    packets, reader, _ = read(
        HEAD + pcapng.packet(0, 1, b"kept", original=1_000) + pcapng.packet(0, 2, b"all")
    )
    assert [frame for _, _, frame in packets] == [b"kept", b"all"]
    assert reader.truncated_packets == 1


@pytest.mark.parametrize("size", range(4))
def test_comments_of_a_packet_at_any_length(size):
    comments = ["what happened", "ö" * size, ""]
    packets, reader, _ = read(HEAD + pcapng.packet(0, 1, b"x" * size, comments) + pcapng.packet(0, 2, b"y"))
    assert len(packets) == 2
    assert reader.comments == comments


def test_a_comment_that_is_too_long_is_cut_between_characters():
    long = "é" * 40_000
    data = pcapng.packet(0, 1, b"x", [long, "next"])
    packets, reader, _ = read(HEAD + data + pcapng.packet(0, 2, b"y"))
    assert len(packets) == 2
    assert [one[:3] for one in reader.comments] == ["ééé", "nex"]
    (_, body), *_ = blocks(data)
    _, length = struct.unpack_from("<HH", body, 24)
    assert length == pcapng.MAX_COMMENT - 1
    assert body[28 : 28 + length].decode() == "é" * (length // 2)


def test_half_a_surrogate_in_a_comment_is_written_out():
    _, reader, _ = read(HEAD + pcapng.packet(0, 1, b"x", ["a\udc80b"]))
    assert reader.comments == ["a\\udc80b"]


@pytest.mark.parametrize("size", range(1, 5))
def test_secrets_come_back_as_they_were(size):
    keylog = KEYLOG + b"#" * size
    packets, _, secrets = read(HEAD + pcapng.secrets(keylog) + pcapng.packet(0, 1, b"x"))
    assert secrets == [keylog]
    assert len(packets) == 1


def test_statistics_hold_both_counts():
    data = pcapng.statistics(0, NANOSECOND, received=1 << 40, dropped=7)
    ((kind, body),) = blocks(data)
    assert kind == 5
    number, high, low = struct.unpack_from("<III", body)
    assert (number, high << 32 | low) == (0, NANOSECOND)
    assert struct.unpack_from("<HHQHHQHH", body, 12) == (4, 8, 1 << 40, 5, 8, 7, 0, 0)
    assert read(HEAD + data + pcapng.packet(0, 1, b"x"))[0] == [(1, ETHERNET, b"x")]


@given(st.data())
def test_a_file_may_end_after_any_block(data):
    parts = [HEAD]
    for n in range(data.draw(st.integers(0, 5))):
        parts.append(pcapng.packet(0, n, b"x" * n, ["note"] * (n % 2)))
    parts.append(pcapng.statistics(0, 9, received=1, dropped=0))
    kept = data.draw(st.integers(1, len(parts)))
    assert len(read(b"".join(parts[:kept]))[0]) == min(kept, len(parts) - 1) - 1


# --- what Wireshark's programs make of it -------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    segments = Segments("10.0.0.1:50000", "10.0.0.2:9000", START)
    data = pcapng.section("ocppscope 1.2.3")
    data += pcapng.interface(LINK_TYPE, "stations", "what each peer sent") + pcapng.interface(
        LINK_TYPE, "passed-on"
    )
    data += pcapng.secrets(KEYLOG)
    packets = [*segments.opening(), *segments.data(CLIENT, b"hello"), *segments.data(SERVER, b"x" * 100_000)]
    for n, one in enumerate(packets):
        data += pcapng.packet(n % 2, NANOSECOND + n, one, [f"comment {n}"] if n < 2 else ())
    data += pcapng.statistics(0, NANOSECOND + 9, received=12, dropped=5)
    path = tmp_path_factory.mktemp("pcapng") / "x.pcapng"
    path.write_bytes(data)
    return path


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_sees_times_interfaces_and_comments(file):
    names = ("frame.time_epoch", "frame.interface_name", "frame.comment")
    options = [part for name in names for part in ("-e", name)]
    rows = [line.split("\t") for line in output("tshark", "-r", file, "-T", "fields", *options).splitlines()]
    seconds = START // 1_000_000_000
    assert [row[0] for row in rows] == [f"{seconds}.{123_456_789 + n}" for n in range(6)]
    assert [row[1] for row in rows] == ["stations", "passed-on"] * 3
    assert [row[2] for row in rows] == ["comment 0", "comment 1", "", "", "", ""]


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_capinfos_sees_what_the_file_says_of_itself(file):
    said = output("capinfos", "-M", file)
    for expected in (
        "Capture application: ocppscope 1.2.3",
        "Number of interfaces in file: 2",
        "Name = stations",
        "Description = what each peer sent",
        "Name = passed-on",
        "Encapsulation = Raw IP",
        "Time resolution = 0x09",
        "Number of stat entries = 1",
        "Number of packets:   6",
        "Strict time order:   True",
    ):
        assert expected in said, said
    assert "Number of decryption secrets in file: 1" in said or "decryption" not in said.lower()
