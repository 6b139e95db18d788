"""Relayed connections that are recorded as `record` does it, without sockets and clocks, and read back.

tape = Tape(folder)
station = tape.connect()
station.client(upgrade()).server(switching()).client(call()).fin(CLIENT).closed()
tape.close()
assert tape.read_back() == tape.live
"""

from dataclasses import fields, is_dataclass
from pathlib import Path

from ocppscope.capture.files import Rotation
from ocppscope.capture.live import Judge, Taps
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.events import Damaged, Gap, Message, Opened, Session
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.wire.notes import ConnectionNote
from tests.wire.packets import CLIENT, MILLISECOND, SERVER, START

ONE_FILE = Rotation()
WHEN_ASKED = Rotation(size=0)
"""Each flush begins the next file."""
STATION, CSMS = "10.0.0.1:50000", "10.0.0.2:9000"


class Tape:
    """A recording into both kinds of files."""

    def __init__(self, folder: Path, rotation=ONE_FILE, *, store=False, faults=False, time=START):
        self.time = time
        self.said: list[str] = []
        self.live: list = []
        """The events, as they were seen live."""
        self.packets = PacketRecording(folder / "x.pcapng", rotation, self.said.append, with_faults=faults)
        self.store = None
        if store:
            self.store = StoreRecording(folder / "x.ocppdb", rotation, "test", "field", self.said.append)
        self.judge = Judge(store=self.store)
        self.judge.listeners.append(self.live.extend)
        self.taps = Taps(self.judge, self.packets, self.said.append)

    def tick(self):
        self.time += MILLISECOND
        return self.time

    def connect(self, client=STATION, server=CSMS, tls=None):
        return Line(self, ConnectionNote(client, server, tls))

    def flush(self, wait=0):
        self.time += wait
        self.taps.flush(self.tick())
        return self

    def close(self):
        self.taps.close()
        return self


class Line:
    """One connection; everything a millisecond after what came before."""

    def __init__(self, tape, note):
        self.tape = tape
        self.taps = tape.taps
        self.tapped = self.taps.opened(note, tape.tick())

    def say(self, side, *chunks, marks=()):
        for chunk in chunks:
            self.taps.data(self.tapped, side, chunk, self.tape.tick(), marks)
            self.taps.drain()
        return self

    def client(self, *chunks):
        return self.say(CLIENT, *chunks)

    def server(self, *chunks):
        return self.say(SERVER, *chunks)

    def passed_on(self, side, data, addresses=("10.0.0.3:40000", "10.0.0.4:443")):
        self.taps.passed_on(self.tapped, addresses, side, data, self.tape.tick())
        return self

    def flush(self, wait=0):
        self.tape.flush(wait)
        return self

    def fin(self, side):
        self.taps.fin(self.tapped, side, self.tape.tick())
        self.taps.drain()
        return self

    def reset(self, side):
        self.taps.reset(self.tapped, side, self.tape.tick())
        self.taps.drain()
        return self

    def closed(self):
        """Both sockets are gone."""
        self.taps.closed(self.tapped, self.tape.time)
        self.taps.drain()
        return self


def read(*paths, **options):
    """The events of one capture in some files."""
    source = open_source([str(path) for path in paths], SourceOptions(**options))
    decoder = Decoder()
    try:
        return [event for batch in source.batches() for event in decoder.feed(batch)]
    finally:
        source.close()


def plain(value):
    """Events without identities, to be compared."""
    if isinstance(value, Session):
        return value.number, value.client, value.server, value.station, value.version, value.late
    if isinstance(value, Message) and value.call is not None:
        return *(plain(getattr(value, one.name)) for one in fields(value) if one.name != "call"), value.call.n
    if is_dataclass(value):
        return type(value).__name__, *(plain(getattr(value, one.name)) for one in fields(value))
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def texts(events):
    return [event.raw for event in events if isinstance(event, Message)]


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def opened(events):
    return of(Opened, events)


def damage(events):
    return of(Damaged, events)


def gaps(events):
    return of(Gap, events)


def serious(events):
    """Ids of what is found that is more than information."""
    engine = Engine()
    engine.feed(events)
    return {finding.rule.id for finding in engine.findings if finding.severity != "info"}
