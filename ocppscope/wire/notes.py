"""What a recording of ours says beside the bytes: notes in the comments of its packets.

A recording holds the plain bytes of its connections. What they do not show (the TLS that was taken off, that a
session is older than the file, the text that its compressed messages refer to, a fault that was put in) stands in a
comment of the packet that it concerns. Wireshark shows comments to people; `CaptureReader` gives ours back.
"""

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import Any, Final

from ocppscope.events import Tls
from ocppscope.wire.deflate import WINDOW

_CONNECTION: Final = "ocppscope connection: "
_FAULT: Final = "ocppscope fault: "
_MAX_DETAIL: Final = 1_000
"""Characters kept of what a fault did."""


@dataclass(frozen=True, slots=True)
class ConnectionNote:
    """About the connection that begins with the packet."""

    client: str
    """`address:port`."""
    server: str
    tls: Tls | None = None
    """What was taken off before its bytes were kept."""
    resumed: bool = False
    """It is older than the file: its handshake is said again, what came between is in the file before."""
    windows: tuple[bytes, bytes] | None = None
    """The last text of the client and of the server, to which compressed messages may refer (RFC 7692 §7.2.3)."""


@dataclass(frozen=True, slots=True)
class FaultNote:
    """What was done on purpose to the message that ends with the packet."""

    detail: str


def written(note: ConnectionNote | FaultNote) -> str:
    """The comment that says a note."""
    if isinstance(note, FaultNote):
        return _FAULT + note.detail
    said: dict[str, Any] = {"client": note.client, "server": note.server}
    if note.tls:
        said["tls"] = [note.tls.version, note.tls.cipher, note.tls.server_name]
    if note.resumed:
        said["resumed"] = True
    if note.windows:
        said["windows"] = [base64.b64encode(zlib.compress(window)).decode() for window in note.windows]
    return _CONNECTION + json.dumps(said)


def read(comment: str) -> ConnectionNote | FaultNote | None:
    """The note that a comment says; None where it says none of ours, or says it wrong."""
    if comment.startswith(_FAULT):
        return FaultNote(comment.removeprefix(_FAULT)[:_MAX_DETAIL])
    if not comment.startswith(_CONNECTION):
        return None
    try:
        said = json.loads(comment.removeprefix(_CONNECTION))
        return ConnectionNote(
            _text(said["client"]),
            _text(said["server"]),
            _tls(said.get("tls")),
            resumed=said.get("resumed") is True,
            windows=_windows(said.get("windows")),
        )
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None  # somebody else wrote it: no reason not to read the packets


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()  # half a surrogate cannot be shown or stored
    return value


def _tls(value: Any) -> Tls | None:
    if value is None:
        return None
    version, cipher, server_name = (None if one is None else _text(one) for one in value)
    return Tls(version, cipher, server_name)


def _windows(value: Any) -> tuple[bytes, bytes] | None:
    if value is None:
        return None
    client, server = (_inflated(_text(one)) for one in value)
    return client, server


def _inflated(text: str) -> bytes:
    stream = zlib.decompressobj()
    try:
        window = stream.decompress(base64.b64decode(text, validate=True), WINDOW + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(text) from error
    if not stream.eof:
        raise ValueError(text)  # torn, or more than a window
    return window
