"""HAR, what a browser saves of its network: the WebSockets in it (`_webSocketMessages`).

A simulator of stations that runs in a browser is the station; a browser may be the other side as well, which
its messages show.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Direction, Opened, Text, WireEvent
from ocppscope.ocpp import rpc
from ocppscope.sources.traces.sessions import Sessions
from ocppscope.sources.traces.trouble import Trouble
from ocppscope.sources.traces.words import time_of

_TEXT: Final = 1


class HarEntries:
    """Makes events of the entries of one file.

    Attributes:
        exchanges: entries that are no WebSocket.
        sockets: those that are.
    """

    def __init__(self, sessions: Sessions, trouble: Trouble, file: int) -> None:
        self.exchanges = 0
        self.sockets = 0
        self._sessions = sessions
        self._trouble = trouble
        self._file = file

    def take(self, text: bytes | bytearray, place: Callable[[], str], out: list[WireEvent]) -> bool:
        """Read one entry, and add its events; False where it is no JSON."""
        try:
            entry = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        self._entry(entry, place, out)
        return True

    def _entry(self, entry: Any, place: Callable[[], str], out: list[WireEvent]) -> None:
        messages = entry.get("_webSocketMessages") if isinstance(entry, dict) else None
        if not isinstance(messages, list):
            self.exchanges += 1
            return
        self.sockets += 1
        opened = self._opened(entry)
        talk = self._sessions.find((self._file, self.sockets))
        assert talk is not None
        out.append(opened)
        for number, message in enumerate(messages, 1):
            if not isinstance(message, dict) or not isinstance(message.get("data"), str):
                out += self._trouble.notice(f"{place()}, WebSocket message {number}", "it has no data")
            elif message.get("opcode", _TEXT) == _TEXT:
                text, time = message["data"], time_of(message.get("time"))
                word: Direction = FROM_STATION if message.get("type") == "send" else FROM_CSMS
                try:
                    kind, message_id, action, *_ = rpc.read(text)
                    word = talk.directing.direction(kind, message_id, action, word)
                except rpc.UnreadableError:  # the decoder says so
                    pass
                talk.last = time
                out.append(Text(talk.session, time, word, text))
        talk.session.ended = True
        out.append(Closed(talk.session, talk.last, None, "end-of-capture"))

    def _opened(self, entry: dict[str, Any]) -> Opened:
        talk = self._sessions.begin((self._file, self.sockets))
        talk.has_begun = True
        request, response = _fields(entry, "request"), _fields(entry, "response")
        url = urlsplit(request["url"]) if isinstance(request.get("url"), str) else urlsplit("")
        talk.session.server = url.netloc.rpartition("@")[2]
        time = talk.last = time_of(entry.get("startedDateTime"))
        offered = _header(request, "sec-websocket-protocol") or ""
        status = response.get("status")
        return Opened(
            talk.session,
            time,
            path=url.path or None,
            subprotocols=tuple(name.strip() for name in offered.split(",") if name.strip()),
            subprotocol=_header(response, "sec-websocket-protocol"),
            status=status if type(status) is int and status > 0 else None,
            extensions=_header(response, "sec-websocket-extensions"),
            offered_extensions=_header(request, "sec-websocket-extensions"),
        )


def _fields(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _header(head: dict[str, Any], name: str) -> str | None:
    headers = head.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if isinstance(header, dict) and str(header.get("name")).lower() == name:
            value = header.get("value")
            return value if isinstance(value, str) else None
    return None
