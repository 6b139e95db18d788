"""Packets made by hand, so that tests read like a screenplay.

    talk = Conversation().open()
    talk.client(upgrade()).server(switching())
    talk.client(text('[2,"1","Heartbeat",{}]')).wait(SECOND).lose().server(text("[3,…"))
    events = decode(talk)

A `Conversation` writes TCP packets with the right sequence and acknowledgement numbers; what the actors say is
HTTP heads (`upgrade`, `switching`, `refusal`) and WebSocket frames (`frame`, `text`). `decode` is a whole capture.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from ocppscope.events import Closed, Control, Damaged, Gap, Notice, Opened, Text, WireEvent
from ocppscope.wire.capture import Capture
from ocppscope.wire.http import accept_for
from ocppscope.wire.ip import Segment

CLIENT, SERVER = 0, 1
SECOND = 1_000_000_000
MILLISECOND = 1_000_000
START = 1_700_000_000 * SECOND
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
NUMBERS = 1 << 32

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

CALL = '[2,"1","Heartbeat",{}]'
ANSWER = '[3,"1",{"currentTime":"2023-11-14T22:13:20Z"}]'


# --- TCP ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Packet:
    time: int
    source: str
    target: str
    seq: int
    ack: int
    flags: int
    data: bytes = b""
    kept: int | None = None
    """Bytes of `data` that the snap length left."""

    @property
    def key(self) -> bytes:
        (source, source_port), (target, target_port) = (
            end.rsplit(":", 1) for end in (self.source, self.target)
        )
        addresses = ip_address(source).packed + ip_address(target).packed
        return addresses + struct.pack(">HH", int(source_port), int(target_port))

    def segment(self) -> Segment:
        """The packet as `ip` hands it to `tcp`."""
        data = self.data[: self.kept]
        return self.key, self.seq, self.ack, self.flags, data, len(self.data) - len(data)

    def frame(self) -> bytes:
        """Ethernet, IPv4, TCP."""
        key, size = self.key, 40 + len(self.data)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, size, 1, 0x4000, 64, 6, 0) + key[:8]
        tcp = key[8:] + struct.pack(">IIBBHHH", self.seq, self.ack, 0x50, self.flags, 512, 0, 0)
        return bytes(12) + b"\x08\x00" + ip + tcp + self.data[: self.kept]


class Conversation:
    """One TCP connection; every packet a millisecond after the one before, unless somebody waits."""

    def __init__(
        self,
        client: str = "10.0.0.1:50000",
        server: str = "10.0.0.2:9000",
        first: tuple[int, int] = (1_000, 9_000),
        time: int = START,
    ) -> None:
        self.ends = client, server
        self.packets: list[Packet] = []
        self.time = time
        self._next = list(first)
        self._lose = False
        self._keep: int | None = None

    # Stage directions

    def wait(self, nanoseconds: int) -> "Conversation":
        self.time += nanoseconds
        return self

    def lose(self) -> "Conversation":
        """The next packet reaches the peer, but not the capture."""
        self._lose = True
        return self

    def cut(self, kept: int) -> "Conversation":
        """The snap length leaves so many bytes of the next packet's data."""
        self._keep = kept
        return self

    def again(self, index: int = -1) -> "Conversation":
        """A packet is sent a second time."""
        self.time += MILLISECOND
        self.packets.append(replace(self.packets[index], time=self.time))
        return self

    # What the actors do

    def open(self) -> "Conversation":
        self._send(CLIENT, SYN, acks=False)
        self._send(SERVER, SYN | ACK)
        return self._send(CLIENT, ACK)

    def client(self, *segments: bytes) -> "Conversation":
        for data in segments:
            self._send(CLIENT, PSH | ACK, data)
        return self

    def server(self, *segments: bytes) -> "Conversation":
        for data in segments:
            self._send(SERVER, PSH | ACK, data)
        return self

    def acknowledge(self, side: int) -> "Conversation":
        return self._send(side, ACK)

    def fin(self, side: int) -> "Conversation":
        return self._send(side, FIN | ACK)

    def close(self) -> "Conversation":
        return self.fin(CLIENT).fin(SERVER).acknowledge(CLIENT)

    def rst(self, side: int) -> "Conversation":
        return self._send(side, RST | ACK)

    def _send(self, side: int, flags: int, data: bytes = b"", *, acks: bool = True) -> "Conversation":
        self.time += MILLISECOND
        ack = self._next[1 - side] if acks else 0
        source, target = self.ends[side], self.ends[1 - side]
        packet = Packet(self.time, source, target, self._next[side], ack, flags, data, self._keep)
        self._next[side] = (self._next[side] + len(data) + bool(flags & (SYN | FIN))) % NUMBERS
        if not self._lose:
            self.packets.append(packet)
        self._lose, self._keep = False, None
        return self


# --- capture files ------------------------------------------------------------------------------------------


def pcap(packets: Iterable[Packet]) -> bytes:
    """A pcap file with nanoseconds."""
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 1)]
    for packet in packets:
        frame = packet.frame()
        whole = len(frame) + (
            0 if packet.kept is None else len(packet.data) - len(packet.data[: packet.kept])
        )
        records += [struct.pack("<IIII", *divmod(packet.time, SECOND), len(frame), whole), frame]
    return b"".join(records)


def together(*talks: Conversation) -> bytes:
    """A pcap file of several connections, in order of time."""
    return pcap(sorted((packet for talk in talks for packet in talk.packets), key=lambda packet: packet.time))


def decode(source: Conversation | bytes, capture: Capture | None = None, **options) -> list[WireEvent]:
    """All events of a capture."""
    capture = capture or Capture(**options)
    data = source if isinstance(source, bytes) else pcap(source.packets)
    return capture.feed(data) + capture.end_of_file("test.pcap") + capture.close()


def script(events: Iterable[WireEvent]) -> list[object]:
    """Events in short, to be compared."""
    return [_line(event) for event in events]


def _line(event: WireEvent) -> object:
    match event:
        case Opened():
            return "opened", event.status
        case Text():
            return ">" if event.direction == "cp-to-csms" else "<", event.text
        case Control():
            return event.opcode, event.payload
        case Damaged():
            return "damaged", event.layer
        case Gap():
            return "gap", event.size
        case Closed():
            return "closed", event.by, event.how, event.code
        case Notice():
            return "notice", event.kind


def texts(events: Iterable[WireEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Text)]


def faults(events: Iterable[WireEvent]) -> list[str]:
    """The kinds of all faults, in order."""
    return [fault.kind for event in events if not isinstance(event, Notice) for fault in event.faults]


# --- HTTP ---------------------------------------------------------------------------------------------------


def head(first: str, headers: dict[str, str | None]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def upgrade(path: str = "/ocpp/CP001", method: str = "GET", **headers: str | None) -> bytes:
    """A station's request; `Name=None` leaves a header out, `Sec_WebSocket_Key="…"` sets it."""
    usual = {
        "Host": "csms.example",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "ocpp1.6",
    }
    return head(f"{method} {path} HTTP/1.1", usual | _named(headers))


def switching(key: str = KEY, **headers: str | None) -> bytes:
    """The CSMS agrees."""
    usual = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": accept_for(key),
        "Sec-WebSocket-Protocol": "ocpp1.6",
    }
    return head("HTTP/1.1 101 Switching Protocols", usual | _named(headers))


def refusal(status: int, body: bytes = b"", **headers: str | None) -> bytes:
    return head(f"HTTP/1.1 {status} No", {"Content-Length": str(len(body))} | _named(headers)) + body


def _named(headers: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


# --- WebSocket ----------------------------------------------------------------------------------------------


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    masked: bool = False,
    fin: bool = True,
    rsv: int = 0,
    width: int | None = None,
    claim: int | None = None,
) -> bytes:
    """One frame, right or wrong.

    Args:
        rsv: bits, 4 for RSV1.
        width: bytes of the extended length (0, 2, 8); None for the fewest.
        claim: the length it tells, where that is not the payload's.
    """
    size = len(payload) if claim is None else claim
    width = width if width is not None else 0 if size < 126 else 2 if size < 1 << 16 else 8
    short = {0: size, 2: 126, 8: 127}[width]
    start = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + size.to_bytes(8, "big")[8 - width :]
    if not masked:
        return start + payload
    return start + MASK + bytes(byte ^ MASK[n % 4] for n, byte in enumerate(payload))


def text(content: str, *, masked: bool = False) -> bytes:
    return frame(TEXT, content.encode(), masked=masked)


def call(content: str = CALL) -> bytes:
    """A frame of the station."""
    return text(content, masked=True)


def answer(content: str = ANSWER) -> bytes:
    """A frame of the CSMS."""
    return text(content)


def session(**response: str | None) -> Conversation:
    """A connection with its handshake behind it."""
    return Conversation().open().client(upgrade()).server(switching(**response))
