"""The requests of a station on their way to another server: only Host and the path prefix change.

Bytes in, bytes out. Everything else of a head passes as it came, in its order, case and spacing, whatever it holds;
so does what is no head.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ocppscope.wire.http import HEAD_LIMIT, REQUEST_START, Head, parse_head

_METHOD_SIZE: Final = 8
"""Bytes that tell a request's start from anything else: `OPTIONS `."""
_HOST: Final = re.compile(rb"(?im)^(host[ \t]*:[ \t]*)([^\r\n]*?)([ \t]*\r?)$")
_TARGET: Final = re.compile(rb"^([A-Z]+ )(\S+)( HTTP/)")
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
        return cls(host, port or _SCHEMES[parts.scheme], is_tls, parts.path, parts.query)

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
        if "://" in path:  # an absolute URI, which a request to a server should not be
            path = "/" + path.partition("://")[2].partition("/")[2]
        if self.path:
            path = f"{self.path.rstrip('/')}/{path.rpartition('/')[2]}"
        if self.query:
            mark, query = "?", f"{self.query}&{query}" if query else self.query
        return path + mark + query


class Requests:
    """What a station sends on a connection, head by head, until frames begin.

    Args:
        upstream: where it goes; None: nothing is rewritten.
        extra: header lines to add to each head, such as `X-Forwarded-For: 10.0.0.1`.
    """

    def __init__(self, upstream: Upstream | None, extra: Sequence[str] = ()) -> None:
        self._upstream = upstream
        self._extra = "".join(f"{line}\r\n" for line in extra).encode("latin-1")
        self._buffer = bytearray()
        self._body: int | None = 0
        """Bytes of a body that are still to come; None: nobody can tell."""
        self._count = 0

    @property
    def first(self) -> Head | None:
        """The first head, once it was seen."""
        return self._first

    _first: Head | None = None

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

    def _take_body(self, out: bytearray) -> None:
        if self._body is None and REQUEST_START.match(self._buffer):
            self._body = 0
            return
        size = len(self._buffer) if self._body is None else min(self._body, len(self._buffer))
        self._body = None if self._body is None else self._body - size
        out += self._buffer[:size]
        del self._buffer[:size]

    def _take_head(self, out: bytearray) -> bool:
        """Take one head, or what is none; False if it is not all there."""
        buffer = self._buffer
        if not REQUEST_START.match(buffer):
            if self._count == 0:
                _expect_request(buffer)
                return False
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
        self._first = self._first or head
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
        return raw[:-2] + self._extra + raw[-2:] if self._extra else raw


def _expect_request(buffer: bytes | bytearray) -> None:
    """Check that bytes may be the beginning of a request.

    Raises:
        NotHttpError: they are not.
    """
    if buffer[:2] == b"\x16\x03":
        raise NotHttpError(
            "it speaks TLS, and this port does not: let the station use ws://, or give a certificate "
            "(--cert and --key, or --tls-auto)"
        )
    start = bytes(buffer[:_METHOD_SIZE])
    if len(buffer) >= _METHOD_SIZE or not start.isalpha() or not start.isupper():
        shown = repr(start.decode()) if start.isascii() and start.decode().isprintable() else start.hex(" ")
        raise NotHttpError(f"what it sends is no HTTP request: it begins with {shown}")
