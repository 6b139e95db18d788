"""Packets made from byte streams: read back, and counted by hand."""

import shutil
import subprocess
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire import pcapng
from ocppscope.wire.capture import Capture
from ocppscope.wire.ip import IpLayer, endpoints
from ocppscope.wire.segments import LINK_TYPE, Segments
from ocppscope.wire.tcp import ACK, FIN, SYN, Tcp
from tests.wire.packets import CLIENT, SERVER, START, answer, call, script, switching, upgrade

PSH = 0x08
PAIRS = {
    "IPv4": ("10.0.0.1:50000", "10.0.0.2:9000", 4),
    "IPv6": ("[fe80::1]:50000", "[2001:db8::2]:443", 6),
    "IPv4 in IPv6": ("[::ffff:10.0.0.1]:50000", "10.0.0.2:9000", 4),
    "both": ("10.0.0.1:50000", "[2001:db8::2]:9000", 6),
    "a scope": ("[fe80::1%eth0]:50000", "[fe80::2%eth0]:443", 6),
}


def made(pair="IPv4", time=START):
    return Segments(*PAIRS[pair][:2], time)


def parsed(packet):
    """Key, sequence number, acknowledgement, flags, data."""
    segment = IpLayer().segment(packet, 0, START)
    assert segment is not None
    assert segment[5] == 0
    return segment[:5]


def ones_complement(data):
    """As RFC 1071 describes it."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"))
        total = (total & 0xFFFF) + (total >> 16)
    return total


def are_checksums_right(packet):
    if packet[0] >> 4 == 4:
        assert ones_complement(packet[:20]) == 0xFFFF
        addresses, tcp = packet[12:20], packet[20:]
        assert int.from_bytes(packet[2:4]) == len(packet)
    else:
        addresses, tcp = packet[8:40], packet[40:]
        assert int.from_bytes(packet[4:6]) == len(tcp)
    return ones_complement(addresses + b"\0\6" + len(tcp).to_bytes(2) + tcp) == 0xFFFF


class Streams:
    """What a reader of the packets gets of each side."""

    def __init__(self):
        self.told = []
        self.sinks = [
            lambda data, _: self.told.append((0, data)),
            lambda data, _: self.told.append((1, data)),
        ]

    def fin(self, side, time):
        self.told.append((side, "fin"))

    def reset(self, side, time):
        self.told.append((side, "reset"))

    def vanish(self, time):
        self.told.append("vanish")

    def gap(self, side, size, time):
        self.told.append((side, size))


def streams(packets):
    made = []

    def connect(key, complete):
        made.append(Streams())
        return made[-1]

    tcp, ip = Tcp(connect), IpLayer()
    for packet in packets:
        tcp.segment(ip.segment(packet, 0, START), START)
    tcp.close(START)
    return [one.told for one in made]


# --- headers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("data", [b"", b"x", b"xy", bytes(999), b"\xff" * 65_000])
def test_each_packet_has_the_right_addresses_lengths_and_checksums(pair, data):
    segments = made(pair)
    version = PAIRS[pair][2]
    packets = [
        *segments.opening(),
        *segments.data(CLIENT, data),
        *segments.data(SERVER, data),
        segments.fin(CLIENT),
        segments.reset(SERVER),
    ]
    for packet in packets:
        assert packet[0] >> 4 == version
        assert are_checksums_right(packet)
        client, server = segments.ends
        assert endpoints(parsed(packet)[0]) in ((client, server), (server, client))
    assert endpoints(parsed(packets[0])[0]) == segments.ends
    assert endpoints(parsed(packets[1])[0]) == segments.ends[::-1]


def test_what_readers_call_the_ends_is_known_before():
    assert made("IPv4").ends == PAIRS["IPv4"][:2]
    assert made("IPv6").ends == PAIRS["IPv6"][:2]
    assert made("IPv4 in IPv6").ends == ("10.0.0.1:50000", "10.0.0.2:9000")
    assert made("a scope").ends == ("[fe80::1]:50000", "[fe80::2]:443")
    client, server = made("both").ends
    assert ip_address(client.rpartition(":")[0].strip("[]")).ipv4_mapped == ip_address("10.0.0.1")
    assert server == PAIRS["both"][1]


@given(st.binary(max_size=300), st.sampled_from(sorted(PAIRS)))
def test_checksums_of_any_data(data, pair):
    for packet in made(pair).data(CLIENT, data):
        assert are_checksums_right(packet)


# --- numbers ------------------------------------------------------------------------------------------------


def test_numbers_follow_what_was_said():
    segments = made()
    packets = [
        *segments.opening(),
        *segments.data(CLIENT, b"12345"),
        *segments.data(SERVER, b"123"),
        *segments.data(CLIENT, b"6"),
        segments.fin(CLIENT),
        *segments.data(SERVER, b"45"),
        segments.fin(SERVER),
    ]
    told = [parsed(packet)[1:] for packet in packets]
    first = told[0][0]
    seen = [
        ((sequence - first) % (1 << 32), (ack - first) % (1 << 32) if flags & ACK else 0, flags, data)
        for sequence, ack, flags, data in told
    ]
    assert seen == [
        (0, 0, SYN, b""),
        (0, 1, SYN | ACK, b""),
        (1, 1, ACK, b""),
        (1, 1, ACK | PSH, b"12345"),
        (1, 6, ACK | PSH, b"123"),
        (6, 4, ACK | PSH, b"6"),
        (7, 4, ACK | FIN, b""),
        (4, 8, ACK | PSH, b"45"),
        (6, 8, ACK | FIN, b""),
    ]


def test_numbers_go_round(monkeypatch):
    almost = ((1 << 32) - 1) * 4_000
    segments = made(time=almost)
    packets = [*segments.opening(), *segments.data(CLIENT, b"abc"), *segments.data(SERVER, b"def")]
    assert parsed(packets[0])[1] == (1 << 32) - 1
    assert parsed(packets[3])[1] == 0
    packets += [segments.fin(CLIENT), segments.fin(SERVER)]
    assert streams(packets) == [[(0, b"abc"), (1, b"def"), (0, "fin"), (1, "fin")]]


def test_a_connection_that_begins_later_has_other_numbers():
    numbers = {parsed(made(time=START + n * 4_000).opening()[0])[1] for n in range(1_000)}
    assert len(numbers) == 1_000


def test_ten_megabytes_in_packets_of_what_ip_can_carry():
    segments = made()
    data = bytes(range(256)) * 40_000
    packets = [*segments.opening(), *segments.data(SERVER, data), *segments.data(CLIENT, b"thanks")]
    assert all(len(packet) <= 65_535 for packet in packets)
    (told,) = streams(packets)
    assert b"".join(part for side, part in told[:-2] if side == SERVER) == data
    assert told[-2:] == [(CLIENT, b"thanks"), "vanish"]


# --- ends and holes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_a_side_ends_and_the_other_goes_on(side):
    segments = made()
    packets = [*segments.opening(), segments.fin(side), *segments.data(1 - side, b"more")]
    packets.append(segments.fin(1 - side))
    assert streams(packets) == [[(side, "fin"), (1 - side, b"more"), (1 - side, "fin")]]


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_a_side_breaks_it_off(side):
    segments = made()
    packets = [*segments.opening(), *segments.data(CLIENT, b"x"), segments.reset(side)]
    assert streams(packets) == [[(CLIENT, b"x"), (side, "reset")]]


def test_what_is_lost_is_a_hole_of_its_size():
    segments = made()
    packets = [*segments.opening(), *segments.data(CLIENT, b"before")]
    segments.lose(CLIENT, 1_234)
    packets += [*segments.data(CLIENT, b"after"), *segments.data(SERVER, b"yes"), segments.fin(CLIENT)]
    assert streams(packets) == [
        [
            (CLIENT, b"before"),
            (CLIENT, 1_234),
            (CLIENT, b"after"),
            (SERVER, b"yes"),
            (CLIENT, "fin"),
            "vanish",
        ]
    ]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=100)), max_size=20),
    st.integers(0, 1 << 62),
)
def test_any_conversation_is_read_back_as_it_was(said, time):
    segments = made(time=time)
    packets = [*segments.opening()]
    for side, data in said:
        packets += segments.data(side, data)
    packets += [segments.fin(SERVER), segments.fin(CLIENT)]
    assert streams(packets) == [[*said, (SERVER, "fin"), (CLIENT, "fin")]]


# --- whole captures -----------------------------------------------------------------------------------------


def capture_of(*packets):
    head = pcapng.section("test") + pcapng.interface(LINK_TYPE, "stations")
    return head + b"".join(pcapng.packet(0, START + n * 1_000, one) for n, one in enumerate(packets))


def conversation(segments):
    return [
        *segments.opening(),
        *segments.data(CLIENT, upgrade()),
        *segments.data(SERVER, switching()),
        *segments.data(CLIENT, call()),
        *segments.data(SERVER, answer()),
    ]


@pytest.mark.parametrize("pair", PAIRS)
def test_our_own_reader_finds_the_session(pair):
    segments = made(pair)
    capture = Capture()
    packets = [*conversation(segments), segments.fin(CLIENT), segments.fin(SERVER)]
    events = capture.feed(capture_of(*packets)) + capture.end_of_file("x") + capture.close()
    assert [line[0] for line in script(events)] == ["opened", ">", "<", "closed"]
    assert (events[0].session.client, events[0].session.server) == segments.ends


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("pair", ["IPv4", "both"])
def test_tshark_has_nothing_to_say_against_them(tmp_path, pair):
    segments = made(pair)
    path = tmp_path / "x.pcapng"
    packets = conversation(segments)
    packets += segments.data(SERVER, b"x" * 2_000_000)
    packets += segments.data(CLIENT, b"y" * 99_999)
    packets += [segments.fin(CLIENT), segments.fin(SERVER)]
    path.write_bytes(capture_of(*packets))
    options = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    fields = ["-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "_ws.expert.severity"]
    done = subprocess.run(
        ["tshark", "-r", path, *options, "-T", "fields", *fields], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(packets)
    assert {(row[0], row[1]) for row in rows} == {("1", "1" if PAIRS[pair][2] == 4 else "")}
    severities = {int(one) for row in rows for one in row[2].split(",") if one}
    assert severities <= {0x200000, 0x400000}  # a chat, a note; neither a warning nor an error
