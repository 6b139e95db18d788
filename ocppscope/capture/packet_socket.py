"""Linux packet sockets, read in bulk: frames as they are, with the kernel's time stamps and its count of drops.

In this room live the socket options of packet(7) and what they bring along with a frame. The socket is opened
by someone else (`sniff`), and what is in a frame is nobody's business here.
"""

import ctypes
import errno
import socket
import struct
import time
from typing import Final

from ocppscope.capture.bpf import INSTRUCTION, REJECT_ALL
from ocppscope.wire.pcap import Packet

# From asm/socket.h and linux/if_packet.h: the socket module has none of them in Python 3.11.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_PACKET_AUXDATA: Final = 8
_PACKET_IGNORE_OUTGOING: Final = 23
_PACKET_OUTGOING: Final = 4

_FRAME: Final = 1 << 18
"""Bytes that a frame may have: segmentation offload makes them larger than any MTU."""
_PROGRAM: Final = struct.Struct("@HP")
"""`struct sock_fprog`: how many instructions, and where."""
_STATISTICS: Final = struct.Struct("@II")
"""`struct tpacket_stats`: packets, and those of them that were dropped."""
_TIMESPEC: Final = struct.Struct("@ll")
_AUXDATA: Final = struct.Struct("@IIIHHHH")
"""`struct tpacket_auxdata`: status, length, length kept, two offsets, VLAN tag, its EtherType."""
_VLAN_VALID: Final = 1 << 4
_VLAN_TYPE_VALID: Final = 1 << 6
_VLAN_TAG: Final = struct.Struct(">HH")
_VLAN: Final = 0x8100
_AFTER_ADDRESSES: Final = 12
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_AUXDATA.size)
_SECOND: Final = 1_000_000_000
_INT_MAX: Final = (1 << 31) - 1


class PacketSocket:
    """One bound packet socket.

    Args:
        opened: an AF_PACKET socket of type SOCK_RAW, bound to an interface. What it has received so far may be
            of any interface and unfiltered: it is thrown away, and does not count as dropped.
        link_type: the LINKTYPE number of its frames.
        program: classic BPF that picks the frames; None: all.
        buffer: bytes wanted for frames that wait to be read.
        once: skip the copies of frames that this machine sends: on loopback it receives them all as well.

    Raises:
        OSError: the kernel does not take an option.
    """

    def __init__(
        self, opened: socket.socket, link_type: int, program: bytes | None, buffer: int, *, once: bool
    ) -> None:
        self.ended = ""
        """Why no more frames come, for people; empty while they may."""
        self._socket = opened
        self._link_type = link_type
        self._skipped = _PACKET_OUTGOING if once else -1
        self._frame = bytearray(_FRAME)
        self._dropped = 0
        self._down = False
        self.name, _, _, _, _ = opened.getsockname()
        """The interface's."""
        self._index = socket.if_nametoindex(self.name)
        opened.setblocking(False)
        _attach(opened, REJECT_ALL)
        self._throw_away()
        self.buffer = _receive_buffer(opened, buffer)
        """Bytes that were got for frames that wait to be read, as the kernel counts them: with its overhead."""
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 0 if once else 1)
        if once:
            _ignore_outgoing(opened)
        if program is None:
            opened.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        else:
            _attach(opened, program)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, most: int) -> list[Packet]:
        """Take what is there, at most so many frames; never wait."""
        packets: list[Packet] = []
        keep = packets.append
        receive, buffers, link_type = self._socket.recvmsg_into, [self._frame], self._link_type
        frame_of = memoryview(self._frame)
        for _ in range(most):
            try:
                size, ancillary, _, address = receive(buffers, _ANCILLARY)
            except BlockingIOError:
                if self._down and not packets:
                    self._look_for_interface()
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                self._down = True  # it is told once; frames from before may still wait
                continue
            if address[2] == self._skipped:
                continue
            moment = 0
            frame = bytes(frame_of[:size])
            for level, _, data in ancillary:
                if level == socket.SOL_SOCKET:
                    seconds, fraction = _TIMESPEC.unpack(data)
                    moment = seconds * _SECOND + fraction
                else:
                    frame = _with_vlan_tag(frame, data)
            keep((moment or time.time_ns(), link_type, frame))
        return packets

    @property
    def drops(self) -> int:
        """Packets that passed the filter and found no room, so far."""
        if self._socket.fileno() >= 0:
            self._dropped += self._take_statistics()
        return self._dropped

    def close(self) -> None:
        self._dropped = self.drops
        self._socket.close()

    def _take_statistics(self) -> int:
        """How many packets were dropped since this was last asked: the kernel starts over each time."""
        told = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        _, dropped = _STATISTICS.unpack(told)
        return int(dropped)

    def _throw_away(self) -> None:
        try:
            while True:
                self._socket.recv_into(self._frame)
        except BlockingIOError:
            pass
        self._take_statistics()

    def _look_for_interface(self) -> None:
        """Tell an interface that is down, and may come back, from one that is gone."""
        try:
            socket.if_indextoname(self._index)
        except OSError:
            self.ended = "the interface is gone: no more packets come from it"


def _attach(opened: socket.socket, program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program, len(program))
    count = len(program) // INSTRUCTION.size
    described = _PROGRAM.pack(count, ctypes.addressof(instructions))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _receive_buffer(opened: socket.socket, wanted: int) -> int:
    """Ask for a buffer beyond the system's limit, which takes CAP_NET_ADMIN; else for one up to it."""
    size = min(wanted // 2, _INT_MAX // 2)  # the kernel doubles it: socket(7)
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            opened.setsockopt(socket.SOL_SOCKET, option, size)
            break
        except PermissionError:
            continue
    return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _ignore_outgoing(opened: socket.socket) -> None:
    try:
        opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    except OSError:
        return  # before Linux 4.20: they are skipped one by one as they are read


def _with_vlan_tag(frame: bytes, auxdata: bytes) -> bytes:
    """Put back the VLAN tag that the kernel takes off, and hands over beside the frame."""
    if len(auxdata) < _AUXDATA.size:
        return frame
    status, _, _, _, _, tag, kind = _AUXDATA.unpack_from(auxdata)
    if not (tag or status & _VLAN_VALID):
        return frame
    kind = kind if status & _VLAN_TYPE_VALID else _VLAN
    return frame[:_AFTER_ADDRESSES] + _VLAN_TAG.pack(kind, tag) + frame[_AFTER_ADDRESSES:]
