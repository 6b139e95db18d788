"""The consumer view of Open OCPP Trace: what a conformant reader makes of a trace, to be compared with others'."""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from ocppscope.events import CALL, CALLERROR, CALLRESULT, TYPE_NAMES, Event, Message, Notice
from ocppscope.export import Order
from ocppscope.export.files import FrontToEnd, Later
from ocppscope.export.open_ocpp_trace import SCHEMA_VERSION, is_carried
from ocppscope.sources.traces.correlation import Correlation

_COUNTS: Final = {CALL: "calls", CALLRESULT: "callResults", CALLERROR: "callErrors"}


class ConsumerView(FrontToEnd):
    """The view of one trace (`export.Output`); its counts come first, so that it is written at the end."""

    def __init__(self, order: Order) -> None:
        self._counts = {"records": 0} | dict.fromkeys(_COUNTS.values(), 0)
        self._correlation: Correlation[tuple[int, Any]] = Correlation()
        self._orphans: list[int] = []
        super().__init__(order)

    def begin(self) -> None:
        self._records = Later()

    def give_up(self) -> None:
        self._records.close()

    def add(self, events: list[Event | Notice]) -> Iterable[bytes]:
        for event in events:
            if isinstance(event, Message) and is_carried(event):
                self._record(event)
        return ()

    def _record(self, message: Message) -> None:
        index = self._counts["records"]
        record: dict[str, Any] = {"index": index, "messageType": TYPE_NAMES[message.type]}
        if type(message.id) is str:
            record["messageId"] = message.id
        if message.type == CALL:
            record["action"] = message.action
            self._correlation.call(message.direction, message.id, (index, message.action))
        elif call := self._correlation.answer(message.direction, message.id):
            record["correlatesWith"], record["action"] = call
        else:
            self._orphans.append(index)
        self._records.add((b",\n    " if index else b"\n    ") + orjson.dumps(record))
        self._counts["records"] += 1
        self._counts[_COUNTS[message.type]] += 1
        self.written += 1

    def rest(self) -> Iterable[bytes]:
        yield b'{\n  "schemaVersion": "%s",\n  "counts": ' % SCHEMA_VERSION.encode()
        yield orjson.dumps(self._counts)
        yield b',\n  "records": ['
        yield from self._records.pieces()
        yield b'\n  ],\n  "unansweredCalls": '
        yield orjson.dumps(sorted(index for index, _ in self._correlation.unanswered()))
        yield b',\n  "orphanResponses": '
        yield orjson.dumps(self._orphans)
        yield b"\n}\n"


open_output = ConsumerView
