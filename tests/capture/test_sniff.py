"""Real packets: over loopback, and over a pair of interfaces in a network namespace of the test's own."""

import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocppscope.capture import sniff
from ocppscope.capture.sniff import InterfaceInfo, Sniffer, SniffError
from ocppscope.wire.capture import Capture
from tests.capture.interfaces import FRAMES, Peers, a_pair, captures, collect, collect_data, data_of, ip
from tests.wire.packets import Conversation


@pytest.fixture
def sniffer():
    """Makes sniffers that are closed after the test."""
    made = []

    def make(*args, **options):
        made.append(Sniffer(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(params=["libpcap compiles", "our own filter"])
def compiler(request, monkeypatch):
    """Filters from both makers."""

    def missing(*args, **options):
        raise ImportError("libpcap is not available. Cannot compile filter !")

    if request.param == "our own filter":
        monkeypatch.setattr(sniff, "compile_filter", missing)


# Loopback


@pytest.fixture(params=["127.0.0.1", "::1"])
def peers(request):
    try:
        made = Peers(request.param, socket.AF_INET6 if ":" in request.param else socket.AF_INET)
    except OSError as error:
        pytest.skip(f"{request.param}: {error}")
    yield made
    made.close()


@captures
def test_loopback_gives_each_packet_once(sniffer, peers, compiler):
    one = sniffer("lo", ports=[peers.port])
    assert (one.name, one.link_type, one.ended) == ("lo", 1, "")
    before = time.time_ns()
    messages = [b"%d" % n * 100 for n in range(20)]
    peers.talk(*messages)
    packets = collect_data(one, sum(map(len, messages)))
    after = time.time_ns()
    assert [data for data in map(data_of, (frame for _, _, frame in packets)) if data] == messages
    assert all(before <= moment <= after for moment, _, _ in packets)
    assert {link_type for _, link_type, _ in packets} == {1}
    assert one.drops == 0


@captures
def test_frames_larger_than_any_mtu_are_whole(sniffer, peers, compiler):
    one = sniffer("lo", ports=[peers.port])
    data = bytes(300_000)
    peers.talk(data)
    packets = collect_data(one, len(data))
    assert b"".join(data_of(frame) for _, _, frame in packets) == data


@captures
def test_never_waits(sniffer, peers):
    one = sniffer("lo", ports=[peers.port])
    assert one.read() == []
    peers.talk(b"a")
    assert len(collect(one, 1)) == 1


@captures
def test_old_kernels_without_the_option_to_ignore_outgoing_packets(sniffer, peers, monkeypatch):
    monkeypatch.setattr("ocppscope.capture.packet_socket._PACKET_IGNORE_OUTGOING", 9_999)
    one = sniffer("lo", ports=[peers.port])
    peers.talk(b"one", b"two")
    seen = [data_of(frame) for _, _, frame in collect_data(one, 6)]
    assert [data for data in seen if data] == [b"one", b"two"]


@captures
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets a buffer beyond the system's limit")
def test_the_buffer(sniffer):
    assert sniffer("lo").buffer == 64 << 20
    assert sniffer("lo", buffer=1 << 20).buffer == 1 << 20


# A pair of interfaces


@pytest.fixture
def pair():
    with a_pair() as other:
        yield other


def test_a_conversation_is_decoded(sniffer, pair, compiler):
    one = sniffer("va", ports=[9000])
    for frame in FRAMES:
        pair.send(frame)
    packets = collect(one, len(FRAMES))
    assert [frame for _, _, frame in packets] == FRAMES
    assert [type(event).__name__ for event in Capture().packets(packets)] == ["Opened", "Text", "Closed"]


def test_other_packets_do_not_arrive(sniffer, pair, compiler):
    one = sniffer("va", ports=[9000])
    for other in (
        Conversation(server="10.0.0.2:80").open(),
        Conversation(server="10.0.0.2:19000").open(),
    ):
        for packet in other.packets:
            pair.send(packet.frame())
    pair.send(bytes(12) + b"\x08\x06" + bytes(46))
    pair.send(FRAMES[0])
    assert [frame for _, _, frame in collect(one, 1)] == FRAMES[:1]
    assert one.read() == []


def test_outgoing_packets_are_kept_elsewhere_than_on_loopback(sniffer, pair):
    one = sniffer("vb")
    pair.send(FRAMES[0])
    assert [frame for _, _, frame in collect(one, 1)] == FRAMES[:1]


@pytest.mark.parametrize("kind", [0x8100, 0x88A8])
def test_vlan_tags_are_put_back(sniffer, pair, compiler, kind):
    tagged = FRAMES[0][:12] + struct.pack(">HH", kind, 0x2005) + FRAMES[0][12:]
    twice = FRAMES[0][:12] + struct.pack(">HHHH", kind, 7, 0x8100, 5) + FRAMES[0][12:]
    one = sniffer("va", ports=[9000])
    for frame in (tagged, FRAMES[1], twice):
        pair.send(frame)
    assert [frame for _, _, frame in collect(one, 3)] == [tagged, FRAMES[1], twice]


def test_vlan_tags_of_outgoing_packets(sniffer, pair, compiler):
    tagged = FRAMES[0][:12] + struct.pack(">HH", 0x8100, 5) + FRAMES[0][12:]
    one = sniffer("vb", ports=[9000])
    pair.send(tagged)
    assert [frame for _, _, frame in collect(one, 1)] == [tagged]


def test_an_interface_that_goes_away(sniffer, pair):
    one = sniffer("va")
    pair.send(FRAMES[0])
    ip("link", "del", "va")
    assert len(collect(one, 1)) == 1
    assert one.read() == []
    assert one.ended.startswith("the interface is gone")
    assert one.drops == 0


def test_promiscuous_mode(sniffer, pair):
    one = sniffer("va")
    elsewhere = bytes.fromhex("02aabbccddee 02aabbccddff") + FRAMES[0][12:]
    pair.send(elsewhere)
    assert [frame for _, _, frame in collect(one, 1)] == [elsewhere]


def test_an_interface_that_is_down(pair):
    ip("link", "set", "va", "down")
    with pytest.raises(SniffError, match=r"va is down: bring it up first \(sudo ip link set va up\)"):
        Sniffer("va")


def test_frames_without_a_link_layer(sniffer, pair, compiler):
    """A tunnel's frames begin with IP."""
    import fcntl

    with Path("/dev/net/tun").open("r+b", buffering=0) as tunnel:
        fcntl.ioctl(
            tunnel, 0x400454CA, struct.pack("16sH", b"tun9", 0x1001)
        )  # TUNSETIFF, a TUN without header
        ip("link", "set", "tun9", "up")
        one = sniffer("tun9", ports=[9000])
        assert one.link_type == 101
        tunnel.write(FRAMES[0][14:])
        assert [(kind, frame) for _, kind, frame in collect(one, 1)] == [(101, FRAMES[0][14:])]


def test_the_interfaces_of_a_namespace(pair):
    known = {info.name: info for info in sniff.interfaces()}
    assert {"lo", "va", "vb"} <= set(known)
    assert known["lo"].is_loopback
    assert not known["va"].is_loopback
    assert known["va"].is_up
    assert known["va"].link_name == "Ethernet"
    ip("address", "add", "192.0.2.7/24", "dev", "va")
    assert next(info.addresses for info in sniff.interfaces() if info.name == "va") == ("192.0.2.7",)
    assert {"va", "vb"} <= set(sniff.default_interfaces())
    ip("link", "set", "vb", "down")
    assert "vb" not in sniff.default_interfaces()


# Which interfaces


def info(name, *, is_up=True, link_type=1):
    return InterfaceInfo(name, name, (), is_up, name == "lo", link_type)


def test_each_packet_is_captured_once(monkeypatch, tmp_path):
    names = ["lo", "eth0", "eth0.5", "br0", "veth1", "veth2", "orphan"]
    for name in names:
        (tmp_path / name).mkdir()
    for name, above in (("veth1", "br0"), ("veth2", "br0"), ("orphan", "br9")):
        (tmp_path / name / "master").symlink_to(f"../{above}")
    for name, below in (("eth0.5", "eth0"), ("br0", "veth1"), ("br0", "veth2")):
        (tmp_path / name / f"lower_{below}").symlink_to(f"../{below}")
    monkeypatch.setattr(sniff, "_NETWORKS", tmp_path)
    known = [info(name) for name in names]
    known += [info("down0", is_up=False), info("wifi0mon", link_type=127), info("odd0", link_type=None)]
    monkeypatch.setattr(sniff, "interfaces", lambda: known)
    assert sniff.default_interfaces() == ["lo", "eth0", "br0", "orphan"]
    monkeypatch.setattr(sniff, "_IS_LINUX", False)
    assert sniff.default_interfaces() == ["lo", "eth0", "br0", "orphan", "odd0"]


def test_link_names():
    assert info("a").link_name == "Ethernet"
    assert info("a", link_type=None).link_name == "unknown"
    assert info("a", link_type=999).link_name == "link type 999"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "eht0",
            "there is no interface eht0: did you mean eth0? There are lo, eth0 or wlan0 (--list tells more)",
        ),
        ("xyz", "there is no interface xyz: There are lo, eth0 or wlan0 (--list tells more)"),
    ],
)
def test_unknown_interface(monkeypatch, name, told):
    monkeypatch.setattr(sniff, "interfaces", lambda: [info("lo"), info("eth0"), info("wlan0")])
    with pytest.raises(SniffError) as raised:
        Sniffer(name)
    assert str(raised.value) == told


@pytest.mark.parametrize(("link_type", "kind"), [(227, "CAN bus"), (None, "unknown")])
def test_frames_in_which_there_is_no_ip(monkeypatch, link_type, kind):
    monkeypatch.setattr(sniff, "interfaces", lambda: [info("can0", link_type=link_type)])
    with pytest.raises(SniffError, match=f"can0 cannot be captured: its frames are {kind}"):
        Sniffer("can0")


@captures
def test_a_socket_that_fails(sniffer):
    one = sniffer("lo")
    kept, null = os.dup(one.fileno()), os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, one.fileno())
    with pytest.raises(SniffError, match="lo cannot be read any more: Socket operation on non-socket"):
        one.read()
    os.dup2(kept, one.fileno())
    os.close(kept)
    os.close(null)


def test_too_many_ports():
    with pytest.raises(SniffError, match="lo: 101 ports are too many"):
        Sniffer("lo", ports=range(1, 102))


@pytest.mark.parametrize(
    ("platform", "error", "told"),
    [
        (
            "linux",
            PermissionError(1, "Operation not permitted"),
            "sudo setcap cap_net_raw,cap_net_admin+ep /",
        ),
        ("darwin", sniff.Scapy_Exception("Permission denied: could not open /dev/bpf0."), "/dev/bpf*"),
        ("win32", OSError("permission problem"), "as administrator, with Npcap"),
    ],
)
def test_without_the_right_to_capture(monkeypatch, platform, error, told):
    def refused(*args, **options):
        raise error

    monkeypatch.setattr(sniff.sys, "platform", platform)
    monkeypatch.setattr(sniff, "_IS_LINUX", platform == "linux")
    monkeypatch.setattr(sniff, "interfaces", lambda: [info("eth0")])
    monkeypatch.setattr(sniff.conf, "L2listen", refused)
    with pytest.raises(SniffError) as raised:
        Sniffer("eth0")
    text = str(raised.value)
    assert text.startswith("eth0: the right to capture is missing: run it ")
    assert told in text
    assert "\n" not in text


# The way of other platforms: a scapy socket on libpcap, which there is on Linux too


BY_LIBPCAP = """
from scapy.config import conf
conf.use_pcap = True
from ocppscope.capture.sniff import Sniffer, interfaces, default_interfaces
import os, select, socket, sys
assert next(one for one in interfaces() if one.name == "lo").is_loopback
assert "lo" in default_interfaces()
with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
    sniffer = Sniffer("lo", ports=[port])
    assert sniffer.read() == []
    with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as peer:
        client.sendall(b"hello")
        peer.recv(5, socket.MSG_WAITALL)
    packets = []
    while not any(frame.endswith(b"hello") for _, _, frame in packets):
        assert select.select([sniffer], [], [], 10)[0]
        packets += sniffer.read()
assert sum(frame.endswith(b"hello") for _, _, frame in packets) == 1
assert all(kind == 1 and moment > 10**18 for moment, kind, _ in packets)
print(sniffer.drops, sniffer.ended, sniffer.link_type)
sniffer.close()
print(sniffer.drops)
"""


@captures
def test_through_libpcap():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BY_LIBPCAP], capture_output=True, text=True, check=False
    )
    if "ImportError" in done.stderr or "L2listen" in done.stderr:
        pytest.skip("libpcap is not installed")
    assert (done.stderr, done.stdout) == ("", "0  1\n0\n")


def test_scapy_is_imported_by_nothing_else_and_is_silent():
    program = "import ocppscope.cli.main, ocppscope.capture.keylog, ocppscope.capture.packet_socket, sys; "
    program += "assert 'scapy' not in sys.modules; import ocppscope.capture.sniff; "
    program += "assert 'scapy.layers.inet' not in sys.modules; assert 'scapy.layers.l2' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
