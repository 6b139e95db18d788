"""Packets from a network interface, as they pass: opened by scapy, filtered by the kernel, read without dissection.

This is the only room that knows scapy, and importing it takes a quarter of a second: import it where it is
needed. scapy finds the interfaces, opens a socket on any platform and sees to promiscuous mode; no frame ever
becomes a scapy packet. On Linux the socket is read in bulk (`packet_socket`); elsewhere through scapy.
"""

import ctypes
import difflib
import errno
import logging
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ocppscope.capture import bpf
from ocppscope.capture.listening import CaptureError
from ocppscope.capture.packet_socket import PacketSocket
from ocppscope.wire.link import LINK_TYPE_NAMES, ip_offset_for
from ocppscope.wire.pcap import Packet

logging.getLogger("scapy").setLevel(logging.CRITICAL)  # what it tells is for its own users

import scapy.arch  # noqa: E402, F401 — fills in `conf`: the sockets and interfaces of this platform
from scapy.arch.common import compile_filter, free_filter  # noqa: E402
from scapy.config import conf  # noqa: E402
from scapy.data import ARPHRD_TO_DLT  # noqa: E402
from scapy.error import Scapy_Exception  # noqa: E402

__all__ = ["InterfaceInfo", "SniffError", "Sniffer", "default_interfaces", "interfaces"]

BUFFER: Final = 64 << 20
"""Bytes for packets that wait to be read: at 20,000 messages a second the usual 128 KiB hold milliseconds."""

_IS_LINUX: Final = sys.platform == "linux"
_LINK_TYPES: Final = {12: bpf.RAW_IP, 14: bpf.RAW_IP}
"""LINKTYPE numbers where they differ from the platform's DLT numbers."""
_ARPHRD_LINK_TYPES: Final = {280: 227, 519: bpf.RAW_IP, 768: bpf.RAW_IP, 769: bpf.RAW_IP}
"""LINKTYPE numbers of kinds of interfaces (linux/if_arp.h) that scapy has otherwise, or not: CAN, modems, tunnels."""
_NETWORKS: Final = Path("/sys/class/net")
_DENIED: Final = frozenset({errno.EPERM, errno.EACCES})


class SniffError(CaptureError):
    """An interface cannot be captured. The text names it, what was expected, and what to do."""


@dataclass(frozen=True, slots=True)
class InterfaceInfo:
    """One network interface of this machine."""

    name: str
    description: str
    """As the system has it; the name where it has none."""
    addresses: tuple[str, ...]
    """IPv4 first, then IPv6."""
    is_up: bool
    is_loopback: bool
    link_type: int | None
    """LINKTYPE number of its frames; None where only opening it would tell."""

    @property
    def link_name(self) -> str:
        """The link type, for people."""
        return "unknown" if self.link_type is None else _link_name(self.link_type)

    @property
    def is_readable(self) -> bool:
        """IP can be found in its frames, as far as is known."""
        if self.link_type is None:
            return not _IS_LINUX  # where it is known of all interfaces that can be read
        return ip_offset_for(self.link_type) is not None


def interfaces() -> list[InterfaceInfo]:
    """All network interfaces of this machine, as the system orders them."""
    conf.ifaces.reload()
    return [_described(interface) for interface in conf.ifaces.values()]


def default_interfaces() -> list[str]:
    """Names of the interfaces to capture where the user names none: all that are up, each packet once.

    The CSMS may be on this machine, behind loopback or a container's bridge, or on the network: all are
    listened to. That is not Linux's own `any`, which loses the frames' true link layer and counts drops for
    all interfaces together. Left out are the ports of a bridge or bond, whose packets are seen on it, and what
    sits on top of another interface, like a VLAN, whose packets are seen, with their tags, below.
    """
    up = [interface for interface in interfaces() if interface.is_up and interface.is_readable]
    names = {interface.name for interface in up}
    return [name for name in (one.name for one in up) if not _is_seen_elsewhere(name, names)]


class Sniffer:
    """One interface, captured from now on.

    Args:
        interface: its name.
        ports: TCP ports, of either side; empty for all TCP. At most `bpf.MAX_PORTS`.
        buffer: bytes wanted for packets that wait to be read.

    Raises:
        SniffError: it cannot be captured.
    """

    def __init__(self, interface: str, *, ports: Collection[int] = (), buffer: int = BUFFER) -> None:
        if len(ports) > bpf.MAX_PORTS:
            raise SniffError(
                f"{interface}: {len(ports)} ports are too many for one filter: name at most {bpf.MAX_PORTS}, "
                "or none, to capture all TCP"
            )
        info = _find(interface)
        if not info.is_readable:
            raise SniffError(_no_ip_in(info.name, info.link_name))
        self.name = info.name
        self._source = _open(info, ports, buffer)
        self.link_type = self._source.link_type
        """LINKTYPE number of its frames."""
        if ip_offset_for(self.link_type) is None:  # elsewhere than on Linux, only opening it tells
            self.close()
            raise SniffError(_no_ip_in(self.name, _link_name(self.link_type)))
        self.buffer = self._source.buffer
        """Bytes for packets that wait to be read that were really got; 0 where that is not known."""

    def fileno(self) -> int:
        """The descriptor that becomes readable when packets are there."""
        return self._source.fileno()

    def read(self, most: int = 2_000) -> list[Packet]:
        """Take the packets that are there; never wait.

        Call it about once a second also where the descriptor is not readable: only so is it found out that the
        interface has gone (`ended`).

        Args:
            most: packets to take at once.

        Returns:
            Nanoseconds since the epoch by the kernel's clock, LINKTYPE number and frame of each.

        Raises:
            SniffError: the interface cannot be read any more.
        """
        try:
            return self._source.read(most)
        except OSError as error:
            raise SniffError(f"{self.name} cannot be read any more: {error.strerror}") from error

    @property
    def ended(self) -> str:
        """Why no more packets will come, for people, once the last one was read; empty until then."""
        return self._source.ended

    @property
    def drops(self) -> int:
        """Packets that the kernel dropped so far, because they found no room."""
        return self._source.drops

    def close(self) -> None:
        """Stop capturing; what was not read yet is gone."""
        self._source.close()


class _LinuxSource(PacketSocket):
    """A scapy socket of Linux: it opens and closes, and leaves the reading to us."""

    def __init__(self, opened: Any, info: InterfaceInfo, ports: Collection[int], buffer: int) -> None:
        self._opened = opened
        assert info.link_type is not None  # or it were not readable
        self.link_type = info.link_type
        program = _program(self.link_type, ports)
        super().__init__(opened.ins, self.link_type, program, buffer, once=info.is_loopback)

    def close(self) -> None:
        super().close()
        self._opened.close()


class _ScapySource:
    """A scapy socket of any platform, read one packet at a time."""

    buffer = 0
    ended = ""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._pcap = getattr(opened, "pcap_fd", None)
        if self._pcap is not None:
            self._pcap.setnonblock(True)
            link_type = self._pcap.datalink()
        else:
            opened.set_nonblock(True)
            link_type = _bsd_link_type(opened.fileno())
        self.link_type = _LINK_TYPES.get(link_type, link_type)
        self._dropped = 0

    def fileno(self) -> int:
        return int(self._opened.fileno())

    def read(self, most: int) -> list[Packet]:
        packets: list[Packet] = []
        for _ in range(most):
            _, frame, seconds = self._opened.recv_raw()
            if frame is None:
                break
            # Seconds come as a float, which is exact to the microsecond and not beyond.
            packets.append((round(seconds * 1_000_000) * 1_000, self.link_type, frame))
        return packets

    @property
    def drops(self) -> int:
        if not self._opened.closed:
            self._dropped = self._count_drops()
        return self._dropped

    def _count_drops(self) -> int:
        if self._pcap is None:
            return self._opened.get_stats()[1] or 0
        from scapy.libs.winpcapy import pcap_stat, pcap_stats

        statistics = pcap_stat()
        failed = pcap_stats(self._pcap.pcap, ctypes.byref(statistics))
        return self._dropped if failed else int(statistics.ps_drop)

    def close(self) -> None:
        self._dropped = self.drops
        self._opened.close()


def _open(info: InterfaceInfo, ports: Collection[int], buffer: int) -> _LinuxSource | _ScapySource:
    """Open a socket, on Linux without a filter: ours is set once the socket is bound and emptied."""
    try:
        if _IS_LINUX and not conf.use_pcap:
            return _LinuxSource(conf.L2listen(iface=info.name, promisc=True), info, ports, buffer)
        expression = bpf.tcp_expression(info.link_type, ports)
        return _ScapySource(conf.L2listen(iface=info.name, promisc=True, filter=expression))
    except (OSError, Scapy_Exception, ImportError) as error:
        raise SniffError(_why_not(info.name, error)) from error


def _program(link_type: int, ports: Collection[int]) -> bytes | None:
    """The kernel's filter: compiled by libpcap where that is installed, else our own."""
    expression = bpf.tcp_expression(link_type, ports)
    try:
        compiled = compile_filter(expression, linktype=link_type)
    except (ImportError, OSError, Scapy_Exception):
        return bpf.tcp_program(link_type, ports)
    size = compiled.bf_len * bpf.INSTRUCTION.size
    program = ctypes.string_at(compiled.bf_insns, size)
    free_filter(compiled)
    return bpf.keep_whole_frames(program)


def _described(interface: Any) -> InterfaceInfo:
    flags = str(interface.flags).split("+")
    link_type = _ARPHRD_LINK_TYPES.get(interface.type, ARPHRD_TO_DLT.get(interface.type))
    return InterfaceInfo(
        name=interface.network_name,
        description=interface.description or interface.name,
        addresses=(*interface.ips[4], *interface.ips[6]),
        is_up="UP" in flags,
        is_loopback="LOOPBACK" in flags,
        link_type=None if link_type is None else _LINK_TYPES.get(link_type, link_type),
    )


def _find(name: str) -> InterfaceInfo:
    known = interfaces()
    for info in known:
        if name in {info.name, info.description}:
            return info
    names = [info.name for info in known]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    meant = f"did you mean {_listed(near)}? " if near else ""
    raise SniffError(f"there is no interface {name}: {meant}There are {_listed(names)} (--list tells more)")


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _is_seen_elsewhere(name: str, captured: Collection[str]) -> bool:
    """Tell by Linux's links between interfaces; elsewhere no packet is known to pass two."""
    folder = _NETWORKS / name
    if _target(folder / "master") in captured:
        return True
    below = (link.name.removeprefix("lower_") for link in folder.glob("lower_*"))
    return any(lower in captured and _target(_NETWORKS / lower / "master") != name for lower in below)


def _target(link: Path) -> str:
    try:
        return link.readlink().name
    except OSError:
        return ""


def _why_not(name: str, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in _DENIED or "ermission" in str(error):
        return f"{name}: the right to capture is missing: {_remedy()}"
    if number == errno.ENETDOWN:
        return f"{name} is down: bring it up first (sudo ip link set {name} up)"
    return f"{name} cannot be captured: {error}"


def _link_name(link_type: int) -> str:
    return LINK_TYPE_NAMES.get(link_type, f"link type {link_type}")


def _no_ip_in(name: str, kind: str) -> str:
    return (
        f"{name} cannot be captured: its frames are {kind}, in which no IP is found; choose another (--list)"
    )


def _remedy() -> str:
    if _IS_LINUX:
        python = os.path.realpath(sys.executable)
        return (
            f"run it with sudo, or grant it to this Python: sudo setcap cap_net_raw,cap_net_admin+ep {python}"
        )
    if sys.platform == "win32":
        return "run it as administrator, with Npcap installed"
    return "run it with sudo, or let your user read /dev/bpf*"


def _bsd_link_type(descriptor: int) -> int:
    import fcntl

    from scapy.arch.bpf.consts import BIOCGDLT

    told = fcntl.ioctl(descriptor, BIOCGDLT, bytes(4))
    return int.from_bytes(told, sys.byteorder)
