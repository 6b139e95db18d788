"""From packets on interfaces to events and recordings: what `sniff` does between opening and closing."""

import selectors
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from ocppscope.capture.files import Tell
from ocppscope.capture.keylog import GrowingKeylog
from ocppscope.capture.live import Judge
from ocppscope.capture.packet_recording import PacketFiles
from ocppscope.wire import pcapng
from ocppscope.wire.capture import Capture
from ocppscope.wire.pcap import Packet
from ocppscope.wire.tls_keys import KeyStore
from ocppscope.wire.websocket import MAX_MESSAGE

_LAST_ROUNDS: Final = 100


class CaptureError(Exception):
    """An interface cannot be captured. The text names it, what was expected, and what to do."""


class Interface(Protocol):
    """What packets are read from: a `sniff.Sniffer`, for one."""

    @property
    def name(self) -> str:
        """Of the interface."""

    def fileno(self) -> int:
        """To be waited for."""

    def read(self, most: int = 2_000) -> list[Packet]:
        """What is there now.

        Raises:
            CaptureError: it cannot be read any more.
        """

    @property
    def ended(self) -> str:
        """Why nothing more comes; empty as long as there may."""

    @property
    def drops(self) -> int:
        """Packets that were lost so far."""

    def close(self) -> None:
        """Give it up."""


class Listening:
    """Reads interfaces, decodes and records.

    Args:
        interfaces: where packets come from.
        judge: gets the events.
        files: where packets are kept, with an interface for each of `interfaces`.
        keys: TLS secrets.
        keylogs: files from which more of them come; looked at before each look at packets, because what the end of
            a connection finds unread is given up.
        decode_as: TCP ports on which to take everything for HTTP or WebSocket.
        max_message: bytes that a message may have, also after inflating.
        tell: told of drops, and of interfaces that go.
        clock: nanoseconds since the epoch.
    """

    def __init__(
        self,
        interfaces: Sequence[Interface],
        judge: Judge,
        files: PacketFiles | None,
        *,
        keys: KeyStore,
        keylogs: Sequence[GrowingKeylog] = (),
        decode_as: Collection[int] = (),
        max_message: int = MAX_MESSAGE,
        tell: Tell,
        clock: Callable[[], int],
    ) -> None:
        self._interfaces = interfaces
        self._judge = judge
        self._files = files
        self._capture = Capture(keys=keys, decode_as=decode_as, max_message=max_message)
        self._tell = tell
        self._clock = clock
        self._keylogs = list(keylogs)
        self._received = [0] * len(interfaces)
        self._told_drops = 0
        self._selector = selectors.DefaultSelector()
        for number, one in enumerate(interfaces):
            self._selector.register(one.fileno(), selectors.EVENT_READ, number)

    @property
    def packets(self) -> int:
        """Packets read so far."""
        return sum(self._received)

    @property
    def drops(self) -> int:
        """Packets that the kernel dropped so far, because they were not read in time."""
        return sum(one.drops for one in self._interfaces)

    @property
    def found(self) -> dict[str, int]:
        """How many connections of which kind there were."""
        return self._capture.found

    @property
    def is_over(self) -> bool:
        """Nothing more comes: all interfaces are gone."""
        return not self._selector.get_map()

    def work(self, patience: float) -> None:
        """Wait for packets, and take those that are there.

        Args:
            patience: seconds to wait at most.
        """
        ready = self._selector.select(patience)
        self._read_keys(GrowingKeylog.poll)
        for key, _ in ready:
            self._take(key.data)

    def _read_keys(self, read: Callable[[GrowingKeylog], int]) -> None:
        for keylog in list(self._keylogs):
            try:
                read(keylog)
            except OSError as error:
                self._keylogs.remove(keylog)
                self._tell(
                    f"--keylog {error.filename} cannot be read: {error.strerror}; its keys are missing from here on"
                )

    def _take(self, number: int) -> None:
        interface = self._interfaces[number]
        try:
            packets = interface.read()
        except CaptureError as error:
            self._give_up(number, str(error))
            return
        if packets:
            self._received[number] += len(packets)
            if self._files:
                add, block = self._files.add, pcapng.packet
                for time, _, frame in packets:
                    add(block(number, time, frame))
            self._judge.feed(self._capture.packets(packets))
        elif interface.ended:
            self._give_up(number, f"{interface.name}: {interface.ended}")

    def _give_up(self, number: int, why: str) -> None:
        self._selector.unregister(self._interfaces[number].fileno())
        self._tell(why)

    def flush(self) -> None:
        """Write what waits, and tell of drops and of interfaces that are gone."""
        now = self._clock()
        for key in list(self._selector.get_map().values()):
            self._take(key.data)  # only reading finds out that an interface is gone
        if self._files:
            self._files.flush(now)
        self._judge.flush(now)
        drops = self.drops
        if drops > self._told_drops:
            self._tell(
                f"Warning: the kernel dropped {drops - self._told_drops:,} packets that were not read in time; "
                "name the --port of the CSMS, so that less passes the filter"
            )
            self._told_drops = drops

    def close(self) -> None:
        """Complete the recordings."""
        self._read_keys(GrowingKeylog.finish)
        for _ in range(_LAST_ROUNDS):  # what came before the end; on a busy interface it never ends
            before = self.packets
            self.flush()
            if self.packets == before:
                break
        now = self._clock()
        if self._files:
            for number, one in enumerate(self._interfaces):
                dropped = one.drops
                received = self._received[number] + dropped
                self._files.add(pcapng.statistics(number, now, received=received, dropped=dropped))
            self._files.close()
        self._judge.feed(self._capture.close())
        self._judge.close()
        self._selector.close()
        for one in self._interfaces:
            one.close()
