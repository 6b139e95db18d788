"""A capture's bytes in, events out: the layers of this package, put together."""

from collections.abc import Collection, Iterable
from typing import Final

from ocppscope.events import Notice, WireEvent
from ocppscope.wire import link
from ocppscope.wire.connection import Connection, Context
from ocppscope.wire.ip import IpLayer, endpoints
from ocppscope.wire.notes import ConnectionNote, FaultNote
from ocppscope.wire.pcap import CaptureReader, Packet
from ocppscope.wire.tcp import Tcp
from ocppscope.wire.tls_keys import KeyStore
from ocppscope.wire.websocket import MAX_MESSAGE

_NO_LINK: Final = -1


class Capture:
    """Decodes one pcap or pcapng capture.

    Args:
        keys: TLS secrets; those inside a pcapng are added to it.
        decode_as: TCP ports on which to take everything for HTTP or WebSocket.
        max_message: bytes that a WebSocket message may have, also after inflating.
    """

    def __init__(
        self,
        *,
        keys: KeyStore | None = None,
        decode_as: Collection[int] = (),
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self._context = Context(keys=keys or KeyStore(), max_message=max_message)
        self._decode_as = frozenset(decode_as)
        self._reader = self._new_reader()
        self._ip = IpLayer()
        self._tcp = Tcp(self._connect)
        self._time = 0
        self._link_type = _NO_LINK
        self._ip_offset: link.Decoder = _no_ip
        self._decoders: dict[int, link.Decoder] = {}

    @property
    def found(self) -> dict[str, int]:
        """How many connections of which kind, and packets that could not be looked into."""
        return dict(self._context.found)

    def feed(self, data: bytes) -> list[WireEvent]:
        """Take the next bytes of the file.

        Returns:
            The events that they complete, in the order of the capture.
        """
        return self.packets(self._reader.feed(data))

    def packets(self, packets: Iterable[Packet]) -> list[WireEvent]:
        """Take the next packets, where they come from no file.

        Returns:
            The events that they complete, in the order of the capture.
        """
        take, time = self._ip.segment, self._time
        deliver = self._tcp.segment
        for time, link_type, frame in packets:
            if link_type != self._link_type:
                self._use_link_type(link_type)
            offset = self._ip_offset(frame)
            if offset >= 0:
                segment = take(frame, offset, time)
                if segment is not None:
                    deliver(segment, time)
        self._time = time
        return self._drain()

    def end_of_file(self, name: str) -> list[WireEvent]:
        """A file ends; another one of the same capture may follow.

        Args:
            name: the file's, for messages.
        """
        self._reader.close()
        self._context.found["packet"] += self._reader.packets
        if damage := self._reader.damage:
            detail = f"{name}: at byte {damage.offset}: {damage.reason}"
            self._context.out.append(Notice("file.damaged", self._time or None, detail, name))
        self._reader = self._new_reader()
        return self._drain()

    def close(self) -> list[WireEvent]:
        """The capture ends.

        Returns:
            The events that were waiting, and the ends of what is still open.
        """
        self._tcp.close(self._time)
        return self._drain()

    def _new_reader(self) -> CaptureReader:
        return CaptureReader(on_secrets=self._context.keys.add_keylog, on_note=self._note)

    def _note(self, note: ConnectionNote | FaultNote, time: int) -> None:
        if isinstance(note, ConnectionNote):
            self._context.note(note)
        else:
            self._context.out.append(Notice("record.fault", time, note.detail, note.detail))

    def _drain(self) -> list[WireEvent]:
        events = self._context.out[:]
        self._context.out.clear()
        return events

    def _use_link_type(self, link_type: int) -> None:
        self._link_type = link_type
        if link_type not in self._decoders:
            decoder = link.ip_offset_for(link_type)
            self._decoders[link_type] = decoder or _no_ip
            if decoder is None:
                name = link.LINK_TYPE_NAMES.get(link_type, "unknown")
                detail = f"packets of link type {link_type} ({name}) cannot be read"
                self._context.out.append(Notice("link.unsupported", None, detail, str(link_type)))
        self._ip_offset = self._decoders[link_type]

    def _connect(self, key: bytes, complete: bool) -> Connection:
        self._context.found["TCP connection"] += 1
        client, server = endpoints(key)
        ports = {int(endpoint.rpartition(":")[2]) for endpoint in (client, server)}
        return Connection(
            self._context,
            client,
            server,
            complete=complete,
            decode_as=not self._decode_as.isdisjoint(ports),
        )


def _no_ip(frame: bytes) -> int:  # noqa: ARG001
    return -1
