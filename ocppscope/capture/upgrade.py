"""The requests of a station on their way to another server: only Host and the path prefix change.

Bytes in, bytes out. Everything else of a head passes as it came, in its order, case and spacing, whatever it holds;
so does what is no head.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from ocppscope.wire.http import HEAD_LIMIT, Head, parse_head

_METHODS: Final = tuple(
    f"{name} ".encode() for name in "GET POST PUT HEAD DELETE OPTIONS PATCH CONNECT TRACE".split()
)
_SHOWN: Final = 8
"""Bytes of what is no request that are told to people."""
_HOST: Final = re.compile(rb"(?im)^(host[ \t]*:[ \t]*)([^\r\n]*?)([ \t]*\r?)$")
_TARGET: Final = re.compile(rb"^([A-Z]+ )(\S+)( HTTP/)")
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))
"""ASCII: all but spaces and controls."""
_SCHEMES: Final = {"ws": 80, "wss": 443, "http": 80, "https": 443}


class NotHttpError(Exception):
    """What a peer sent is no HTTP request. The text says what it looks like, and what to do."""


class UrlError(ValueError):
    """A URL that cannot be connected to. The text says what was expected."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the requests of stations go."""

    host: str
    port: int
    is_tls: bool
    path: str = ""
    """The prefix to which a station's identity is appended; empty: the station's own path is kept."""
    query: str = ""

    @classmethod
    def of(cls, url: str) -> "Upstream":
        """Read `ws://host:port/path` (or `wss`, `http`, `https`).

        Raises:
            UrlError: it is none.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            (host or "").encode("idna")  # as the resolver does
        except ValueError as error:
            raise UrlError(
                f"{url!r} is no URL ({error}): expected one such as ws://csms.example/ocpp"
            ) from error
        if parts.scheme not in _SCHEMES or not host:
            raise UrlError(
                f"{url!r} has no scheme and host to connect to: expected ws://, wss://, http:// or https://, and a host"
            )
        if parts.username is not None:
            raise UrlError(
                "the URL names a user, but the station's own credentials are passed on: leave the user out of it"
            )
        if parts.fragment:
            raise UrlError(
                f"{url!r} has a fragment (#{parts.fragment}), which no server ever sees: leave it out"
            )
        is_tls = parts.scheme in ("wss", "https")
        return cls(host, port or _SCHEMES[parts.scheme], is_tls, _quoted(parts.path), _quoted(parts.query))

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == (443 if self.is_tls else 80)
        return host if is_default else f"{host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def target(self, asked: str) -> str:
        """The request target for one that a station asked for.

        The identity, the last segment of its path, is appended to the prefix (OCPP-J 1.6 §3.1.1) as it was
        written, percent-encoding included.
        """
        path, mark, query = asked.partition("?")
        path = path_below(self.path, path)
        if self.query:
            mark, query = "?", f"{self.query}&{query}" if query else self.query
        return path + mark + query


def path_below(prefix: str, asked: str) -> str:
    """The path at another server for one that a station asked for.

    Args:
        prefix: of that server's paths; empty: it has none.
        asked: the station's, without its query; an absolute URI, which it should not be, is cut to its path.

    Returns:
        The prefix and the identity; or where there is no prefix, what was asked for.
    """
    if "://" in asked:
        asked = "/" + asked.partition("://")[2].partition("/")[2]
    return f"{prefix.rstrip('/')}/{asked.rstrip('/').rpartition('/')[2]}" if prefix else asked


class Requests:
    """What a station sends on a connection, head by head, until frames begin.

    Args:
        upstream: where it goes; None: nothing is rewritten.
        extra: header lines to add to each head, such as `X-Forwarded-For: 10.0.0.1`; the Host that was asked for
            is added to them as `X-Forwarded-Host`.
    """

    def __init__(self, upstream: Upstream | None, extra: Sequence[str] = ()) -> None:
        self._upstream = upstream
        self._extra = "".join(f"{line}\r\n" for line in extra).encode("latin-1")
        self._buffer = bytearray()
        self._body: int | None = 0
        """Bytes of a body that are still to come; None: nobody can tell."""
        self._count = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of a station.

        Returns:
            What the upstream is to get of them now; an unfinished head waits.

        Raises:
            NotHttpError: the connection does not begin like an HTTP request.
        """
        self._buffer += data
        out = bytearray()
        while self._buffer:
            if self._body != 0:
                self._take_body(out)
            elif not self._take_head(out):
                break
        return bytes(out)

    def rest(self) -> bytes:
        """Give out what waits for the end of a head that does not come."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _take_body(self, out: bytearray) -> None:
        if self._body is None and _may_begin(self._buffer):
            self._body = 0
            return
        size = len(self._buffer) if self._body is None else min(self._body, len(self._buffer))
        self._body = None if self._body is None else self._body - size
        out += self._buffer[:size]
        del self._buffer[:size]

    def _take_head(self, out: bytearray) -> bool:
        """Take one head, or what is none; False if it is not all there."""
        buffer = self._buffer
        if not _may_begin(buffer):
            if self._count == 0:
                raise NotHttpError(_not_http(buffer))
            out += buffer
            buffer.clear()  # frames, though nobody has agreed to them yet
            return True
        end = buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(buffer) > HEAD_LIMIT:
                raise NotHttpError(
                    f"its request has a head of more than {HEAD_LIMIT:,} bytes, which does not end"
                )
            return False
        raw = bytes(buffer[:end])
        del buffer[:end]
        head = parse_head(raw)
        self._count += 1
        if head is None:
            out += raw
            return True
        self._body = None if head.get("transfer-encoding") else head.content_length or 0
        out += self._rewritten(raw, head)
        return True

    def _rewritten(self, raw: bytes, head: Head) -> bytes:
        if self._upstream is not None:
            target = self._upstream.target(head.target).encode("latin-1")
            raw = _TARGET.sub(lambda match: match[1] + target + match[3], raw, count=1)
            authority = self._upstream.authority.encode(
                "idna" if not self._upstream.host.isascii() else "ascii"
            )
            raw = _HOST.sub(lambda match: match[1] + authority + match[3], raw, count=1)
        if not self._extra:
            return raw
        host = head.get("host")
        asked = b"" if host is None else f"X-Forwarded-Host: {host}\r\n".encode("latin-1")
        return raw[:-2] + self._extra + asked + raw[-2:]


def _quoted(text: str) -> str:
    """A part of a URL as it may stand in a request: what people may write in it, and HTTP may not, is encoded."""
    return quote(text, safe=_VISIBLE)


def _may_begin(buffer: bytearray) -> bool:
    """Whether a request begins like that, as far as it is there."""
    return any(buffer.startswith(method[: len(buffer)]) for method in _METHODS)


def _not_http(buffer: bytearray) -> str:
    """What is wrong with the beginning of a connection."""
    if buffer[:2] == b"\x16\x03"[: len(buffer)]:
        return (
            "it speaks TLS, and this port does not: let the station use ws://, or give a certificate "
            "(--cert and --key, or --tls-auto)"
        )
    start = bytes(buffer[:_SHOWN])
    shown = repr(start.decode()) if start.isascii() and start.decode().isprintable() else start.hex(" ")
    return f"what it sends is no HTTP request: it begins with {shown}"
