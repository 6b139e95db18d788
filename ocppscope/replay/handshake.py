"""How a recorded session was opened, in the form in which `websockets` opens one again."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.exceptions import InvalidHeader
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.headers import parse_extension

from ocppscope.capture.upgrade import Upstream
from ocppscope.events import Opened
from ocppscope.ocpp.decoder import identity_of
from ocppscope.ocpp.versions import SUBPROTOCOLS

_DEFLATE: Final = "permessage-deflate"
_MADE_ANEW: Final = frozenset(
    {"host", "upgrade", "connection", "date", "content-length", "transfer-encoding"}
)
"""Headers that the library makes, or that tell of a body, which a head that is played does not have."""
_MADE_ANEW_PREFIX: Final = "sec-websocket-"
_FEWEST_BITS: Final = 9
"""zlib cannot compress with a window of 8 bits."""
_WINDOW_BITS: Final = tuple(str(bits) for bits in range(8, 16))
_SCHEMES: Final = {"http": "ws", "https": "wss"}
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Deflate:
    """The parameters of one offer of, or agreement on, permessage-deflate (RFC 7692 §7.1)."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | Literal[True] | None = None
    """True where an offer has it without a value: the server may set one."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded handshake, as far as it is played again. Texts of HTTP are Latin-1: a character for each byte."""

    path: str | None = None
    """The request target, exactly as sent; None where the request was not seen."""
    subprotocols: tuple[str, ...] = ()
    """Offered by the station."""
    subprotocol: str | None = None
    """Agreed by the CSMS."""
    headers: list[tuple[str, str]] = field(default_factory=list, repr=False)
    """Of the request, in order, without those that the library makes itself, and without Authorization."""
    authorization: str | None = field(default=None, repr=False)
    """The value of that header, exactly as sent: a secret."""
    offered: tuple[Deflate, ...] = ()
    """What the station offered of compression, in the order of its preference."""
    agreed: Deflate | None = None
    """What the CSMS agreed to; None: no compression."""
    response_headers: list[tuple[str, str]] = field(default_factory=list, repr=False)
    """As `headers`."""
    status: int | None = None
    """The HTTP status; None where the answer was not seen."""

    @property
    def offers_deflate(self) -> bool:
        """Whether the station offered compression."""
        return bool(self.offered)


def recorded(opened: Opened | None, version: str | None) -> Recorded:
    """What a handshake says, and what is likely where it was not seen.

    Args:
        opened: the handshake; None where there is none.
        version: of OCPP; gives the subprotocol of what was not seen.
    """
    likely = {known: name for name, known in SUBPROTOCOLS.items()}.get(version or "")
    if opened is None:
        return Recorded(subprotocols=(likely,) if likely else (), subprotocol=likely)
    was_asked, was_answered = opened.path is not None, opened.status is not None
    subprotocol = opened.subprotocol if was_answered else likely
    agreed = next(iter(_deflates(opened.extensions)), None)
    if was_asked:
        subprotocols, offered = opened.subprotocols, _deflates(opened.offered_extensions)
    else:  # what was agreed to was offered
        subprotocols, offered = (subprotocol,) if subprotocol else (), (agreed,) if agreed else ()
    request = _headers(opened.request)
    return Recorded(
        path=opened.path,
        subprotocols=subprotocols,
        subprotocol=subprotocol,
        headers=_kept(request),
        authorization=next((value for name, value in request if name.lower() == "authorization"), None),
        offered=offered,
        agreed=agreed,
        response_headers=_kept(_headers(opened.response)),
        status=opened.status,
    )


def target(url: str, recorded: Recorded, identity: str | None) -> str:
    """The URL to connect to.

    The identity is appended to the path of the URL, percent-encoded (OCPP-J 1.6 §3.1.1); where the URL has none, the
    recorded path is taken, with the identity as its last segment. The same as `record --upstream` does, so that what
    works there works here.

    Args:
        url: `ws://host:port/path`, or `wss`, `http`, `https`.
        recorded: gives the path, its query, and the identity as it was written.
        identity: what to call ourselves; None: as recorded. Where that is not known either, the URL is taken as it is.

    Raises:
        capture.upgrade.UrlError: there is no scheme, or no host, to connect to.
    """
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    upstream = Upstream.of(urlunsplit(parts._replace(netloc=host)))
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    asked = _asked(recorded.path, identity)
    path, _, query = (upstream.target(asked) if asked else f"{upstream.path}?{upstream.query}").partition("?")
    netloc = f"{user}@{host}" if user else host
    return urlunsplit((scheme, netloc, path, query, ""))


def client_extensions(recorded: Recorded) -> list[ClientPerMessageDeflateFactory] | None:
    """What to offer, as `websockets.connect` takes it in `extensions`; None: no compression.

    `compression=None` must be passed with it, or the library offers its own.
    """
    return [
        ClientPerMessageDeflateFactory(
            one.server_no_context_takeover,
            one.client_no_context_takeover,
            one.server_max_window_bits,
            one.client_max_window_bits
            if one.client_max_window_bits is True
            else _compressible(one.client_max_window_bits),
        )
        for one in recorded.offered
    ] or None


def server_extensions(recorded: Recorded) -> list[ServerPerMessageDeflateFactory] | None:
    """What to agree to, as `websockets.serve` takes it in `extensions`, beside `compression=None`."""
    agreed = recorded.agreed
    if agreed is None:
        return None
    most = agreed.client_max_window_bits
    return [
        ServerPerMessageDeflateFactory(
            agreed.server_no_context_takeover,
            agreed.client_no_context_takeover,
            _compressible(agreed.server_max_window_bits),
            None if most is True else most,
        )
    ]


def _compressible(bits: int | None) -> int | None:
    return None if bits is None else max(bits, _FEWEST_BITS)


def _asked(path: str | None, identity: str | None) -> str | None:
    """The recorded request target with an identity in the place of its last segment; None where there is neither."""
    if path is None:
        return None if identity is None else f"/{_encoded(identity)}"
    if identity is None or identity == identity_of(path):
        return _sendable(path)  # the identity as it was written
    before, mark, query = path.partition("?")
    folder, slash, _ = before.rpartition("/")
    return _sendable(folder) + (slash or "/") + _encoded(identity) + mark + _sendable(query)


def _encoded(identity: str) -> str:
    return quote(identity, safe="", errors="surrogatepass")


def _sendable(text: str) -> str:
    """Bytes beyond ASCII, which the library cannot send in a path, percent-encoded."""
    try:
        data = text.encode("latin-1")  # as they were on the wire
    except UnicodeEncodeError:
        data = text.encode(errors="surrogatepass")  # of a source that has no bytes
    return quote(data, safe=_VISIBLE)


def _headers(head: bytes) -> list[tuple[str, str]]:
    """The lines of a head that are headers."""
    headers = []
    for line in head.decode("latin-1").split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            headers.append((name.strip(), value.strip()))
    return headers


def _kept(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in headers
        if (lower := name.lower()) not in _MADE_ANEW
        and lower != "authorization"
        and not lower.startswith(_MADE_ANEW_PREFIX)
    ]


def _deflates(header: str | None) -> tuple[Deflate, ...]:
    """All of permessage-deflate in a `Sec-WebSocket-Extensions`; nothing where that is malformed."""
    if not header:
        return ()
    with suppress(InvalidHeader):
        return tuple(_deflate(dict(said)) for name, said in parse_extension(header) if name == _DEFLATE)
    return ()


def _deflate(said: dict[str, str | None]) -> Deflate:
    return Deflate(
        "server_no_context_takeover" in said,
        "client_no_context_takeover" in said,
        _bits(said.get("server_max_window_bits")),
        True
        if "client_max_window_bits" in said and said["client_max_window_bits"] is None
        else _bits(said.get("client_max_window_bits")),
    )


def _bits(value: str | None) -> int | None:
    return int(value) if value in _WINDOW_BITS and value is not None else None
