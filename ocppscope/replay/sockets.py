"""Connections of `websockets`, as a stage wants them: dialled to a CSMS, or accepted from a station."""

import asyncio
import base64
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection as Socket
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidHeaderValue,
    InvalidStatus,
    InvalidURI,
)
from websockets.typing import Subprotocol

from ocppscope.replay import handshake
from ocppscope.replay.player import Close
from ocppscope.replay.script import Act
from ocppscope.replay.stage import CannotOpenError, Ended

_OPEN_TIME: Final = 10.0
_CLOSE_TIME: Final = 5.0
_BREAK_OFF: Final = struct.pack("ii", 1, 0)
_SUBPROTOCOL_HINT: Final = "it wants another OCPP version than the capture's"


class WebSocketConnection:
    """One connection (`stage.Connection`).

    Args:
        opened: by `websockets`.
    """

    def __init__(self, opened: Socket) -> None:
        self._socket = opened

    async def receive(self) -> str:
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            received = closed.rcvd
            if received is None:
                raise Ended(None, "") from closed
            raise Ended(received.code, received.reason) from closed
        return message if isinstance(message, str) else message.decode(errors="backslashreplace")

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            return  # `receive` tells

    async def send_raw(self, frames: bytes) -> None:
        self._socket.transport.write(frames)  # the library would not send them

    async def ping(self, payload: bytes) -> None:
        try:
            await self._socket.ping(payload)
        except (ConnectionClosed, RuntimeError):
            return  # closed, or the same ping is still on its way

    async def close(self, how: Close) -> None:
        transport = self._socket.transport
        if how.how == "close":
            await self._socket.close(how.code, how.reason)
        elif how.how == "fin":
            transport.close()
        else:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK_OFF)
            transport.abort()


@dataclass(frozen=True, slots=True)
class Manners:
    """How we connect, where it is not as recorded."""

    identity: str | None = None
    """What we call ourselves."""
    subprotocol: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    """More of them, or others in the place of recorded ones of the same name."""
    user: str | None = None
    """`user:password` for HTTP Basic; empty: no credentials."""
    tls: ssl.SSLContext | None = None


class Dial:
    """A CSMS that is dialled, for each act anew (`stage.Venue`).

    Args:
        url: `ws://host/path`; the identity is appended where it has a path.
        version: of OCPP, for captures without handshake.
        manners: what is not as recorded.
    """

    def __init__(self, url: str, version: str | None, manners: Manners) -> None:
        self._url = url
        self._version = version
        self._manners = manners
        self.refused = 0
        """Connections that could not be had."""

    async def open(self, act: Act) -> WebSocketConnection:
        recorded = handshake.recorded(act.opened, self._version)
        manners = self._manners
        url = handshake.target(self._url, recorded, manners.identity)
        offered = (manners.subprotocol,) if manners.subprotocol else recorded.subprotocols
        try:
            opened = await connect(
                url,
                subprotocols=[Subprotocol(name) for name in offered] or None,
                additional_headers=_headers(recorded, manners),
                extensions=handshake.client_extensions(recorded),
                compression=None,
                user_agent_header=None,
                ping_interval=None,
                open_timeout=_OPEN_TIME,
                close_timeout=_CLOSE_TIME,
                max_size=None,
                max_queue=None,
                ssl=manners.tls if url.startswith("wss:") else None,
                proxy=None,
            )
        except (OSError, InvalidHandshake, InvalidHeaderValue, InvalidURI, TimeoutError) as error:
            self.refused += 1
            raise CannotOpenError(_why_not(url, error)) from error
        return WebSocketConnection(opened)


def _headers(recorded: handshake.Recorded, manners: Manners) -> list[tuple[str, str]]:
    ours = {name.lower() for name, _ in manners.headers}
    headers = [(name, value) for name, value in recorded.headers if name.lower() not in ours]
    headers += manners.headers
    if manners.user:
        token = base64.b64encode(manners.user.encode()).decode()
        headers.append(("Authorization", f"Basic {token}"))
    elif manners.user is None and recorded.authorization and "authorization" not in ours:
        headers.append(("Authorization", recorded.authorization))
    return headers


def _why_not(url: str, error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        hints = {
            401: "it does not accept the credentials: --user NAME:PASSWORD gives others",
            403: "it does not know the station: --identity names another",
            404: "it knows no such path or station: look at --to and --identity",
        }
        return f"{url} refused the connection with HTTP {status}; {hints.get(status, 'its log may say why')}"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {url}: start the CSMS, or correct --to"
    if isinstance(error, socket.gaierror):
        return f"the name in {url} cannot be resolved: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {url} is not trusted ({error.verify_message}): --ca FILE, or --insecure"
    if isinstance(error, TimeoutError):
        return f"{url} did not answer in {_OPEN_TIME:.0f} s"
    if "subprotocol" in str(error).lower():
        return f"{url}: {error}; {_SUBPROTOCOL_HINT}"
    return f"{url} cannot be connected to: {error}"


@dataclass(slots=True)
class Listen:
    """A port that stations dial (`stage.Venue`, and an asynchronous context).

    Args:
        host: to listen on.
        port: 0 for any.
        act: of which the handshake is answered like the recorded one.
        version: of OCPP, for captures without handshake.
        wait: seconds to wait for a station.
        tls: for stations that speak it.
    """

    host: str
    port: int
    act: Act
    version: str | None
    wait: float
    tls: ssl.SSLContext | None = None
    _server: Server | None = None
    _come: "asyncio.Queue[ServerConnection]" = field(default_factory=asyncio.Queue)

    async def __aenter__(self) -> Self:
        recorded = handshake.recorded(self.act.opened, self.version)
        names = [name for name in (recorded.subprotocol, *recorded.subprotocols) if name]

        def select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
            return next((Subprotocol(name) for name in names if name in offered), None)

        self._server = await serve(
            self._welcome,
            self.host or None,
            self.port,
            subprotocols=[Subprotocol(name) for name in names] or None,
            select_subprotocol=select,
            extensions=handshake.server_extensions(recorded),
            compression=None,
            server_header=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIME,
            max_size=None,
            max_queue=None,
            ssl=self.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _welcome(self, connection: ServerConnection) -> None:
        await self._come.put(connection)
        await connection.wait_closed()

    async def open(self, act: Act) -> WebSocketConnection:  # noqa: ARG002 - stations come as they like
        try:
            connection = await asyncio.wait_for(self._come.get(), self.wait)
        except TimeoutError as error:
            raise CannotOpenError(
                f"no station connected to port {self.port} within {self.wait:.0f} s: let it use this address, or give "
                "it more time (--wait)"
            ) from error
        return WebSocketConnection(connection)
