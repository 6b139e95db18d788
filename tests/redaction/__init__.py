"""Captures with secrets planted in them, and the same captures redacted."""

import json
import re

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Control, Damaged, Notice, Opened, Session, Text
from ocppscope.export import records
from ocppscope.ocpp.decoder import Decoder
from ocppscope.redaction import Options, Redactor
from ocppscope.sources import SourceOptions, open_source

T0 = 1_700_000_000_000_000_000
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}


class Story:
    """A session that is being made up."""

    def __init__(self, version="1.6", path="/ocpp/CP-A-001", client="203.0.113.77:50000", **headers):
        self.session = Session(1, client, "127.0.0.1:80")
        self._time = T0
        offered = headers.pop("Sec_WebSocket_Protocol", SUBPROTOCOLS[version])
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {offered}",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        request = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
        subprotocols = tuple(re.split(", *", offered))
        self.events = [
            Opened(
                self.session,
                T0,
                path,
                subprotocols,
                SUBPROTOCOLS[version],
                101,
                request=request,
                response=response,
            )
        ]

    def _add(self, event):
        self.events.append(event)
        return self

    def _tick(self):
        self._time += 1_000_000_000
        return self._time

    def say(self, text, side=">"):
        """A text; anything but a string is written as JSON."""
        text = text if isinstance(text, str) else json.dumps(text)
        direction = FROM_STATION if side == ">" else FROM_CSMS
        return self._add(Text(self.session, self._tick(), direction, text))

    def ask(self, action, payload, answer=None, side=">"):
        n = str(len(self.events))
        self.say([2, n, action, payload], side)
        return self.say([3, n, answer or {}], "<" if side == ">" else ">")

    def ping(self, payload):
        return self._add(Control(self.session, self._tick(), FROM_STATION, "ping", payload))

    def damaged(self, raw, layer="utf8"):
        return self._add(Damaged(self.session, self._tick(), FROM_STATION, layer, 0, "broken", raw))

    def close(self, reason):
        return self._add(Closed(self.session, self._tick(), "station", "close", 1000, reason))


def decoded(events):
    return Decoder().feed(events)


def redacted(events, **options):
    """The events of a story without their secrets, decoded."""
    options.setdefault("seed", "test")
    redactor = Redactor(Options(**options))
    known = decoded(events)
    redactor.learn(known)
    redactor.seal()
    return decoded(redactor.redact(known))


def shown(events):
    """All that is in some events, as one text."""
    lines = [
        records.line(records.event_record(event)).decode()
        for event in events
        if not isinstance(event, Notice)
    ]
    return "\n".join([*map(repr, events), *lines])


def capture(path):
    """The events of a file, batch by batch."""
    decoder = Decoder()
    for batch in open_source([str(path)], SourceOptions()).batches():
        yield decoder.feed(batch)
