"""The vocabulary: what every source emits, and what every finding, view and export is made from.

`wire` and the text sources emit Opened, Text, Control, Damaged, Gap, Closed and Notice; `ocpp` numbers
them and turns each Text into a Message. Nothing here knows where bytes come from or what a message means.

Events are never changed once made. `event` says so to the type checker and lets run time pay nothing for
it: a frozen dataclass costs five times as much to make.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar, dataclass_transform

T = TypeVar("T")

Direction: TypeAlias = Literal["cp-to-csms", "csms-to-cp"]
FROM_STATION: Final = "cp-to-csms"
FROM_CSMS: Final = "csms-to-cp"

Layer: TypeAlias = Literal["tcp", "tls", "http", "websocket", "deflate", "utf8", "json", "rpc"]

CALL: Final = 2
CALLRESULT: Final = 3
CALLERROR: Final = 4
CALLRESULTERROR: Final = 5
SEND: Final = 6

TYPE_NAMES: Final[Mapping[int, str]] = {
    CALL: "CALL",
    CALLRESULT: "CALLRESULT",
    CALLERROR: "CALLERROR",
    CALLRESULTERROR: "CALLRESULTERROR",
    SEND: "SEND",
}


@dataclass_transform(frozen_default=True)
def event(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that type checkers take for a frozen one."""
    return dataclass(slots=True)(cls)


@dataclass(slots=True, eq=False)
class Session:
    """One WebSocket connection of one station; the object that its events share.

    Unlike an event it is filled in as more becomes known.
    """

    number: int
    """From 1, in the order in which they were first seen."""
    client: str = ""
    """The station's `address:port`."""
    server: str = ""
    station: str | None = None
    """The station's identity; None where no handshake was seen."""
    version: str | None = None
    """OCPP version: `1.6`, `2.0.1`, `2.1` …; None while it is not known."""
    version_inferred: bool = False
    """The version was concluded from the messages, not agreed in the handshake."""
    late: bool = False
    """The capture began, or found this session, after its handshake."""
    ended: bool = False
    """Its Closed was put out by the source."""
    duplicate_of: int | None = None
    """The number of the session of which this one is a second sighting."""


@event
class Fault:
    """One departure from a protocol, noticed while decoding. Rules say what it means."""

    kind: str
    """What departed, as `layer.what`: `websocket.unmasked`."""
    detail: str
    """What was seen, for people."""
    subject: str = ""
    """What it is about: one finding is made for each rule, session and subject."""
    events: tuple[int, ...] = ()
    """Numbers of earlier events that show it together with the one that carries it."""


@event
class Violation:
    """One place where a payload breaks its JSON schema."""

    keyword: str
    """The JSON-schema keyword that fails: `type`, `required`, `enum` …"""
    pointer: str
    """Where, as a JSON pointer into the payload (RFC 6901)."""
    value: Any
    """What stands there; for `required` the name that is missing, for `additionalProperties` the extra one."""
    constraint: Any
    """What the schema asks for."""
    detail: str
    """The three of them in a sentence, for people."""


@event
class Tls:
    """What is known of a TLS connection; None where it was not seen."""

    version: str | None = None
    cipher: str | None = None
    server_name: str | None = None
    client_certificate: str | None = None
    """The subject of the certificate that the client showed."""


@event
class Opened:
    """A session's HTTP upgrade was answered; or refused; or the session was found without one (late)."""

    session: Session
    time: int | None
    """Nanoseconds since the epoch, as every `time` here."""
    path: str | None = None
    """The request target, exactly as sent."""
    subprotocols: tuple[str, ...] = ()
    """Offered by the station."""
    subprotocol: str | None = None
    """Agreed by the CSMS."""
    status: int | None = None
    """The HTTP status; None where the answer was not seen."""
    extensions: str | None = None
    """The agreed `Sec-WebSocket-Extensions`, as sent."""
    offered_extensions: str | None = None
    tls: Tls | None = None
    auth: str | None = None
    """`Basic CP001`: the scheme and the user, never the secret."""
    key: str | None = None
    """`Sec-WebSocket-Key`."""
    request: bytes = b""
    """The head of the request, exactly as on the wire."""
    response: bytes = b""
    faults: tuple[Fault, ...] = ()
    n: int = 0
    """The event's number in its capture, from 1; 0 until `ocpp` has numbered it."""


@event
class Text:
    """One WebSocket message of text, before anybody looked into it. `ocpp` makes a Message of it."""

    session: Session
    time: int | None
    direction: Direction
    text: str
    frames: tuple[bytes, ...] = ()
    """The WebSocket frames that carried it, exactly as on the wire; empty for sources that have none."""
    faults: tuple[Fault, ...] = ()
    n: int = 0
    """Its number where it was numbered before: by a store."""
    read: Any = field(default=None, compare=False, repr=False)
    """What `ocpp.rpc.read` makes of `text`, from a source that had to look into it; None: nobody did."""


@event
class Control:
    """A ping or a pong."""

    session: Session
    time: int | None
    direction: Direction
    opcode: Literal["ping", "pong"]
    payload: bytes
    faults: tuple[Fault, ...] = ()
    n: int = 0


@event
class Damaged:
    """Bytes or a text that could not be read, and where they break."""

    session: Session
    time: int | None
    direction: Direction | None
    layer: Layer
    offset: int
    """Where it breaks, in bytes from the start of `raw`."""
    reason: str
    raw: bytes | str
    faults: tuple[Fault, ...] = ()
    n: int = 0


@event
class Gap:
    """Bytes that the capture does not hold."""

    session: Session
    time: int | None
    direction: Direction
    size: int | None
    """How many; None where that cannot be known."""
    faults: tuple[Fault, ...] = ()
    n: int = 0


@event
class Closed:
    """The end of a session: a WebSocket close, or else the end of its TCP connection or of the capture."""

    session: Session
    time: int | None
    by: Literal["station", "csms"] | None
    how: Literal["close", "fin", "rst", "end-of-capture"]
    code: int | None = None
    reason: str | None = None
    faults: tuple[Fault, ...] = ()
    n: int = 0


@event
class Notice:
    """Something about the capture that belongs to no session: a TLS connection without keys, a torn file.

    It is told as a finding or on stderr, and has no number.
    """

    kind: str
    time: int | None
    detail: str
    subject: str = ""


@event
class RpcError:
    """The elements of a CallError or CallResultError after its id, as they were on the wire."""

    code: Any
    description: Any
    details: Any


@event
class Message:
    """One OCPP-J message. Values and JSON types are as on the wire, also where they are wrong."""

    session: Session
    time: int | None
    direction: Direction
    type: int
    """2 Call, 3 CallResult, 4 CallError, 5 CallResultError, 6 Send (5 and 6 from OCPP 2.1 on)."""
    id: Any
    """A string by the standard."""
    action: str | None
    """On an answer: the action of what it answers; None where that is not in the capture."""
    payload: Any
    """None for errors."""
    raw: str
    n: int
    error: RpcError | None = None
    call: "Message | None" = None
    """The Call that this answers; on a CallResultError the CallResult."""
    latency: int | None = None
    """Nanoseconds since `call`."""
    faults: tuple[Fault, ...] = ()
    violations: tuple[Violation, ...] = ()
    frames: tuple[bytes, ...] = ()
    """As in Text."""


WireEvent: TypeAlias = Opened | Text | Control | Damaged | Gap | Closed | Notice
Event: TypeAlias = Opened | Message | Control | Damaged | Gap | Closed
"""What has a number."""
