"""HTTP/1.1 heads, and what RFC 6455 §4 asks of the two that open a WebSocket.

Reads leniently and says what is missing or wrong; a head that cannot be read at all is None.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from ocppscope.events import Fault

HEAD_LIMIT: Final = 1 << 16
"""Bytes that a head may have."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REQUEST: Final = re.compile(rb"([A-Z]{3,10}) (\S+) HTTP/(\d\.\d)\r?$")
_STATUS: Final = re.compile(rb"HTTP/(\d\.\d) (\d{3})(?: (.*))?\r?$")
REQUEST_START: Final = re.compile(rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) ")
RESPONSE_START: Final = b"HTTP/1."


@dataclass(slots=True)
class Head:
    """A request's or a response's head."""

    raw: bytes
    target: str = ""
    method: str = ""
    status: int = 0
    headers: dict[str, list[str]] = field(default_factory=dict)
    """By name in lower case, in order."""

    def get(self, name: str) -> str | None:
        """The values of a header, joined as RFC 9110 §5.3 has it; None where it is absent."""
        values = self.headers.get(name)
        return None if values is None else ", ".join(values)

    def tokens(self, name: str) -> list[str]:
        return [token.strip() for token in (self.get(name) or "").split(",") if token.strip()]

    @property
    def is_upgrade(self) -> bool:
        """Whether this asks for a WebSocket, however badly."""
        upgrade = "websocket" in (self.get("upgrade") or "").lower()
        return upgrade or "sec-websocket-key" in self.headers

    @property
    def content_length(self) -> int | None:
        value = self.get("content-length")
        return int(value) if value is not None and re.fullmatch("[0-9]{1,18}", value) else None


def parse_head(raw: bytes) -> Head | None:
    """Read a head, given up to its empty line."""
    first, _, rest = raw.partition(b"\n")
    if match := _REQUEST.match(first):
        head = Head(raw, target=_text(match[2]), method=_text(match[1]))
    elif match := _STATUS.match(first):
        head = Head(raw, status=int(match[2]))
    else:
        return None
    for line in rest.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            head.headers.setdefault(_text(name).strip().lower(), []).append(_text(value).strip())
    return head


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def accept_for(key: str) -> str:
    """The `Sec-WebSocket-Accept` that answers a key (RFC 6455 §4.2.2)."""
    digest = hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def authorization(head: Head) -> str | None:
    """The scheme and the user of the Authorization header, without its secret."""
    value = head.get("authorization")
    if value is None:
        return None
    scheme, _, credentials = " ".join(value.split()).partition(" ")
    if not credentials:
        return "(no scheme)"  # what stands there alone may be the secret
    if scheme.lower() != "basic":
        return scheme
    try:
        user, colon, _ = base64.b64decode(credentials, validate=True).partition(b":")
    except ValueError:  # also of a text beyond ASCII
        return f"{scheme} (not base64)"
    return f"{scheme} {user.decode(errors='backslashreplace')}" if colon else f"{scheme} (no user)"


def request_faults(head: Head) -> list[Fault]:
    """What RFC 6455 §4.1 asks of the client's head and this one lacks."""
    faults = []

    def wrong(header: str, detail: str) -> None:
        faults.append(Fault("http.request-header", detail, header))

    if head.method != "GET":
        wrong("method", f"the method is {head.method}, not GET")
    if "websocket" not in (head.get("upgrade") or "").lower():
        wrong("Upgrade", _lacks(head, "Upgrade", "websocket"))
    if "upgrade" not in [token.lower() for token in head.tokens("connection")]:
        wrong("Connection", _lacks(head, "Connection", "Upgrade"))
    if head.get("host") is None:
        wrong("Host", "no Host header")
    key = head.get("sec-websocket-key")
    if key is None or not _is_key(key):
        wrong("Sec-WebSocket-Key", _lacks(head, "Sec-WebSocket-Key", "16 bytes in base64"))
    if head.get("sec-websocket-version") != "13":
        wrong("Sec-WebSocket-Version", _lacks(head, "Sec-WebSocket-Version", "13"))
    if not head.target.startswith("/"):
        wrong("target", f"the request target {head.target!r} is not a path")
    return faults


def response_faults(request: Head, response: Head) -> list[Fault]:
    """What RFC 6455 §4.2.2 asks of a 101 and this one lacks."""
    faults = []

    def wrong(header: str, detail: str) -> None:
        faults.append(Fault("http.response-header", detail, header))

    if (response.get("upgrade") or "").lower() != "websocket":
        wrong("Upgrade", _lacks(response, "Upgrade", "websocket"))
    if "upgrade" not in [token.lower() for token in response.tokens("connection")]:
        wrong("Connection", _lacks(response, "Connection", "Upgrade"))
    key = request.get("sec-websocket-key")
    if key is not None:
        expected = accept_for(key)
        if response.get("sec-websocket-accept") != expected:
            wrong("Sec-WebSocket-Accept", _lacks(response, "Sec-WebSocket-Accept", expected))
    return faults


def _lacks(head: Head, name: str, expected: str) -> str:
    value = head.get(name.lower())
    return f"no {name} header" if value is None else f"{name} is {value!r}, expected {expected}"


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except ValueError:
        return False
