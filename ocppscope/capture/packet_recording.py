"""A recording as pcapng: what each peer of a relayed connection sent, in packets with real addresses and times."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ocppscope import __version__
from ocppscope.capture.files import BlockFile, Rotation, Series, Tell
from ocppscope.wire import notes, pcapng
from ocppscope.wire.connection import Connection, Resumption
from ocppscope.wire.notes import ConnectionNote, FaultNote
from ocppscope.wire.segments import LINK_TYPE, Segments

_STATION_LEG: Final = (
    LINK_TYPE,
    "stations",
    "what each peer sent, at the addresses of the station's connection",
)
_PASSED_ON: Final = (
    LINK_TYPE,
    "passed-on",
    "what was passed on after faults were put in, at the upstream's addresses",
)
_STATIONS, _PASSED = 0, 1
"""Their places among the interfaces of a file."""
_HEADS_KEPT: Final = 1 << 17
"""Bytes of a connection before its WebSocket opens that are said again in a next file."""
_NOT_KEPT: Final = 1
"""Bytes of the hole that stands for a part of a session that a new file cannot hold: nobody knows how many."""

Link = tuple[int, str, str]
"""LINKTYPE number, name, description."""


class PacketFiles:
    """Packets of some interfaces, in one file or in rotating ones.

    Args:
        path: of the file; where it rotates, its numbered names come from this one.
        rotation: when to begin the next file.
        links: the interfaces, which packets name by their place here.
        tell: told of what goes wrong.
        began: called with each file that begins, to write what it has to begin with.

    Raises:
        OSError: the first file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        rotation: Rotation,
        links: Sequence[Link],
        tell: Tell,
        began: Callable[[int], None] | None = None,
    ) -> None:
        self._series = Series(path, rotation)
        self._rotation = rotation
        self._head = pcapng.section(f"ocppscope {__version__}") + b"".join(
            pcapng.interface(*link) for link in links
        )
        self._tell = tell
        self._began = began
        self._started = 0
        self._begun = 0
        """Bytes that the file began with: were they counted, it might have to end before anything is in it."""
        self._is_stuck = False
        self.paths: list[Path] = []
        self._file = self._open(0)

    def _open(self, now: int) -> BlockFile:
        path = self._series.next()
        file = BlockFile(path, self._head, self._tell)
        self.paths.append(path)
        self._series.prune()
        self._started, self._begun = now, file.size
        return file

    def add(self, block: bytes) -> None:
        """Write a block."""
        self._file.add(block)

    def packet(self, link: int, time: int, data: bytes, comments: Sequence[str] = ()) -> None:
        """Write a packet of an interface."""
        self._file.add(pcapng.packet(link, time, data, comments))

    def flush(self, now: int) -> None:
        """Write what waits, and begin the next file if it is time to.

        Args:
            now: nanoseconds since the epoch.
        """
        self._file.flush()
        self._started = self._started or now
        if self._rotation.is_due(self._file.size - self._begun, now - self._started):
            self._rotate(now)

    def _rotate(self, now: int) -> None:
        try:
            file = self._open(now)
        except OSError as error:
            self._started = now
            if not self._is_stuck:
                self._is_stuck = True
                self._tell(f"the next file cannot be made: {error.strerror}; {self._file.path} goes on")
            return
        self._is_stuck = False
        self._file.close()
        self._file = file
        if self._began:
            self._began(now)
            self._begun = file.size

    def close(self) -> None:
        """Write what waits, and end the file."""
        self._file.close()


class _Recorded:
    """One connection that is being recorded."""

    def __init__(self, connection: Connection, note: ConnectionNote, time: int) -> None:
        self.connection = connection
        self.segments = Segments(note.client, note.server, time)
        self.note = _named(note, self.segments)
        self.passed: Segments | None = None
        self.said: list[tuple[int, bytes]] | None = []
        """What the sides said until now, as long as no WebSocket is open."""
        self.said_size = 0
        self.ended: list[int] = []
        """The sides that have nothing more to say."""


class PacketRecording:
    """Relayed connections as pcapng. A connection is named by the decoder that reads it.

    Args:
        path: of the file; where it rotates, its numbered names come from this one.
        rotation: when to begin the next file.
        tell: told of what goes wrong.
        with_faults: whether there are sessions of which is kept what was passed on, too.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, rotation: Rotation, tell: Tell, *, with_faults: bool = False) -> None:
        links = [_STATION_LEG, _PASSED_ON] if with_faults else [_STATION_LEG]
        self._open: dict[Connection, _Recorded] = {}
        self._files = PacketFiles(path, rotation, links, tell, self._resume)

    @property
    def paths(self) -> list[Path]:
        """The files so far."""
        return self._files.paths

    def opened(self, connection: Connection, note: ConnectionNote, time: int) -> None:
        """A station has connected."""
        one = self._open[connection] = _Recorded(connection, note, time)
        self._opening(_STATIONS, one.segments, notes.written(one.note), time)

    def data(
        self, connection: Connection, side: int, data: bytes, time: int, faults: Sequence[FaultNote] = ()
    ) -> None:
        """A side has said something.

        Args:
            connection: which one.
            side: 0 for the station, 1 for the CSMS.
            data: what it said.
            time: nanoseconds since the epoch.
            faults: what is done to the messages that end with it.
        """
        one = self._open[connection]
        if one.said is not None:
            self._remember(one, side, data)
        *before, last = one.segments.data(side, data)
        for packet in before:
            self._files.packet(_STATIONS, time, packet)
        self._files.packet(_STATIONS, time, last, [notes.written(fault) for fault in faults])

    def passed_on(
        self, connection: Connection, addresses: tuple[str, str], side: int, data: bytes, time: int
    ) -> None:
        """Something was passed on in a connection with faults.

        Args:
            connection: which one.
            addresses: of the upstream connection: ours and the upstream's.
            side: who said it, or is said to have.
            data: what was passed on.
            time: nanoseconds since the epoch.
        """
        one = self._open[connection]
        if one.passed is None:
            one.passed = Segments(*addresses, time)
            self._opening(_PASSED, one.passed, notes.written(ConnectionNote(*one.passed.ends)), time)
            if resumption := connection.resumption():
                self._heads(_PASSED, one.passed, resumption, time)
        self._data(_PASSED, one.passed, side, data, time)

    def fin(self, connection: Connection, side: int, time: int) -> None:
        """A side has nothing more to say."""
        one = self._open[connection]
        one.ended.append(side)
        self._files.packet(_STATIONS, time, one.segments.fin(side))
        if one.passed:
            self._files.packet(_PASSED, time, one.passed.fin(side))

    def reset(self, connection: Connection, side: int, time: int) -> None:
        """A side has broken the connection off."""
        one = self._open[connection]
        self._files.packet(_STATIONS, time, one.segments.reset(side))
        if one.passed:
            self._files.packet(_PASSED, time, one.passed.reset(side))

    def closed(self, connection: Connection) -> None:
        """Nothing more comes of a connection."""
        self._open.pop(connection, None)

    def flush(self, now: int) -> None:
        """Write what waits, and begin the next file if it is time to."""
        self._files.flush(now)

    def close(self) -> None:
        """End the file."""
        self._files.close()

    def _remember(self, one: _Recorded, side: int, data: bytes) -> None:
        assert one.said is not None
        if one.connection.resumption() is not None or one.said_size > _HEADS_KEPT:
            one.said = None  # from here on the decoder knows better
            return
        one.said.append((side, data))
        one.said_size += len(data)

    # --- what a connection begins with ---

    def _opening(self, link: int, segments: Segments, note: str, time: int) -> None:
        comments = [note]
        for packet in segments.opening():
            self._files.packet(link, time, packet, comments)
            comments = []

    def _heads(self, link: int, segments: Segments, resumption: Resumption, time: int) -> None:
        self._data(link, segments, 0, resumption.request, time)
        self._data(link, segments, 1, resumption.response, time)

    def _data(self, link: int, segments: Segments, side: int, data: bytes, time: int) -> None:
        if data:
            for packet in segments.data(side, data):
                self._files.packet(link, time, packet)

    # --- a new file ---

    def _resume(self, now: int) -> None:
        """Begin a file with what is needed to read the rest of each open connection from it alone."""
        for one in self._open.values():
            one.segments = Segments(one.note.client, one.note.server, now)
            resumption = one.connection.resumption()
            if resumption:
                self._go_on(one, resumption, now)
            else:
                self._say_again(one, now)
            for side in one.ended:
                self._files.packet(_STATIONS, now, one.segments.fin(side))

    def _go_on(self, one: _Recorded, resumption: Resumption, now: int) -> None:
        """Say the handshake of a WebSocket again, and what messages to come go on from."""
        note = replace(one.note, resumed=True, windows=resumption.windows)
        comment = notes.written(note)
        is_kept = len(comment) <= pcapng.MAX_COMMENT
        if not is_kept:
            comment = notes.written(replace(note, windows=None))
        self._opening(_STATIONS, one.segments, comment, now)
        self._heads(_STATIONS, one.segments, resumption, now)
        for side, frame in resumption.closes:
            self._data(_STATIONS, one.segments, side, frame, now)
        for side, part in enumerate(resumption.unfinished):
            if part is None or not is_kept:
                one.segments.lose(side, _NOT_KEPT)
            else:
                self._data(_STATIONS, one.segments, side, part, now)
        if one.passed:
            one.passed = Segments(*one.passed.ends, now)
            note = ConnectionNote(*one.passed.ends, resumed=True)
            self._opening(_PASSED, one.passed, notes.written(note), now)
            self._heads(_PASSED, one.passed, resumption, now)
            for side in (0, 1):  # the decoder reads what was said, not what was passed on
                one.passed.lose(side, _NOT_KEPT)

    def _say_again(self, one: _Recorded, now: int) -> None:
        """Say all of a connection again in which no WebSocket is open yet."""
        self._opening(_STATIONS, one.segments, notes.written(replace(one.note, resumed=True)), now)
        if one.said is None:  # no HTTP, or too much of it
            one.segments.lose(0, _NOT_KEPT)
            one.segments.lose(1, _NOT_KEPT)
        for side, data in one.said or ():
            self._data(_STATIONS, one.segments, side, data, now)


def _named(note: ConnectionNote, segments: Segments) -> ConnectionNote:
    client, server = segments.ends
    return replace(note, client=client, server=server)
