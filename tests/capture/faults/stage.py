"""A stage for faults: a station and a CSMS, played by `websockets`, and a faulted session between them.

stage = Stage("delay 5s when action == Heartbeat")
stage.station('[2,"1","Heartbeat",{}]')
assert stage.at_csms == []
stage.wait(5 * SECOND)
"""

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode
from websockets.protocol import OPEN, Protocol, Side

from ocppscope.capture.faults.session import Close, End, FaultedSession, Mark, Send
from ocppscope.capture.faults.spec import parse_fault
from ocppscope.events import FROM_CSMS, FROM_STATION, Opened, Session

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
START = 1_700_000_000 * SECOND

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
HEARTBEAT = '[2,"2","Heartbeat",{}]'
TIME = '[3,"2",{"currentTime":"2026-01-01T00:00:00Z"}]'
RESET = '[2,"r","Reset",{"type":"Soft"}]'


def opened(path="/ocpp/CP001", number=1, **more):
    more = {"subprotocols": ("ocpp1.6",), "subprotocol": "ocpp1.6", "status": 101} | more
    return Opened(Session(number), START, path, **more)


def meter(n):
    return f'[2,"m{n}","MeterValues",{{"connectorId":1,"meterValue":[{{"value":{n}}}]}}]'


def peers(takeovers=None, bits=(15, 15)):
    """A station and a CSMS after their handshake.

    Args:
        takeovers: whether the client and the server have no context takeover; None without compression.
        bits: of the windows of the client and the server.
    """
    station, csms = Protocol(Side.CLIENT, state=OPEN), Protocol(Side.SERVER, state=OPEN)
    if takeovers is not None:
        (client, server), (client_bits, server_bits) = takeovers, bits
        station.extensions = [PerMessageDeflate(server, client, server_bits, client_bits)]
        csms.extensions = [PerMessageDeflate(client, server, client_bits, server_bits)]
    return station, csms


def header(takeovers, bits=(15, 15)):
    """What the handshake says of that."""
    names = [
        f"; {side}_no_context_takeover"
        for side, without in zip(("client", "server"), takeovers, strict=True)
        if without
    ]
    names += [f"; {side}_max_window_bits={n}" for side, n in zip(("client", "server"), bits, strict=True)]
    return "permessage-deflate" + "".join(names)


def sent(peer):
    return b"".join(peer.data_to_send())


def texts_of(frames, parts):
    """Messages, joined from their fragments; control frames as (opcode, payload).

    Args:
        parts: the fragments that have come already; it is kept up.
    """
    found = []
    for frame in frames:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            parts.append(bytes(frame.data))
            if frame.fin:
                found.append(b"".join(parts).decode(errors="replace"))
                parts.clear()
        else:
            found.append((frame.opcode.name, bytes(frame.data)))
    return found


class Stage:
    def __init__(self, *faults, seed=7, nth=1, takeovers=None, bits=(15, 15), path="/ocpp/CP001", **more):
        extensions = None if takeovers is None else header(takeovers, bits)
        start = opened(path, extensions=extensions)
        self.session = FaultedSession([parse_fault(one) for one in faults], start, seed=seed, nth=nth, **more)
        self.peers = dict(zip((FROM_STATION, FROM_CSMS), peers(takeovers, bits), strict=True))
        self.now = START
        self.outputs = []
        self.bytes = {FROM_STATION: b"", FROM_CSMS: b""}
        self.parts = {FROM_STATION: [], FROM_CSMS: []}

    # What the actors do

    def station(self, *texts):
        return self._say(FROM_STATION, texts)

    def csms(self, *texts):
        return self._say(FROM_CSMS, texts)

    def _say(self, direction, texts):
        for text in texts:
            peer = self.peers[direction]
            peer.send_text(text.encode()) if isinstance(text, str) else peer.send_binary(text)
            self.feed(direction, sent(peer))
        return self

    def feed(self, direction, data):
        return self._take(self.session.feed(direction, data, self.now))

    def end(self, direction):
        return self._take(self.session.end(direction, self.now))

    def wait(self, nanoseconds):
        """Time goes by; the session is woken exactly when it wants to be."""
        until = self.now + nanoseconds
        while self.session.due is not None and self.session.due <= until:
            assert self.session.due > self.now, "what is due has gone out"
            self.now = self.session.due
            self._take(self.session.wake(self.now))
        self.now = until
        return self

    def _take(self, outputs):
        for output in outputs:
            if isinstance(output, Send):
                self.bytes[output.direction] += output.data
        self.outputs += outputs
        return self

    # What came of it

    def _received(self, direction):
        reader = self.peers[FROM_CSMS if direction == FROM_STATION else FROM_STATION]
        data, self.bytes[direction] = self.bytes[direction], b""
        if data:
            reader.receive_data(data)
        assert reader.parser_exc is None or reader.close_expected(), reader.parser_exc
        return texts_of(reader.events_received(), self.parts[direction])

    @property
    def at_csms(self):
        """What the CSMS has got since the last time."""
        return self._received(FROM_STATION)

    @property
    def at_station(self):
        return self._received(FROM_CSMS)

    @property
    def marks(self):
        return [output.text for output in self.outputs if isinstance(output, Mark)]

    @property
    def ends(self):
        return [output for output in self.outputs if isinstance(output, End | Close)]
