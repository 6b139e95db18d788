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
    NegotiationError,
    ProtocolError,
)
from websockets.frames import CLOSE, Frame
from websockets.http11 import Request, Response
from websockets.protocol import CLIENT, State
from websockets.typing import Subprotocol

from ocppscope.replay import handshake
from ocppscope.replay.player import Close
from ocppscope.replay.script import Act
from ocppscope.replay.stage import CannotOpenError, Ended

_OPEN_TIME: Final = 10.0
_CLOSE_TIME: Final = 5.0
_BREAK_OFF: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: an RST in place of a FIN."""
_NO_CODE: Final = 1005
_SMALL: Final = 1 << 14
"""Characters that the buffer of an idle connection takes at once."""
_PROTOCOL_ERROR: Final = 1002
_SUBPROTOCOL_HINT: Final = (
    "it may speak another OCPP version than the capture's: --subprotocol offers another name for it"
)
_SHORT: Final = 200
PATIENCE: Final = 30.0
"""Seconds to wait for the peer."""


class WebSocketConnection:
    """One connection (`stage.Connection`).

    Args:
        opened: by `websockets`.
        patience: seconds within which the peer has to read what we send.
    """

    def __init__(self, opened: Socket, patience: float) -> None:
        self._socket = opened
        self._patience = patience
        self._why = ""

    async def receive(self) -> str:
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            received = closed.rcvd
            if received is None:
                raise Ended(None, self._why) from closed
            # 1005 stands for a Close that says nothing
            raise Ended(None if received.code == _NO_CODE else received.code, received.reason) from closed
        return message if isinstance(message, str) else message.decode(errors="backslashreplace")

    async def send(self, text: str) -> None:
        try:
            if len(text) < _SMALL and not self._socket.transport.get_write_buffer_size():
                await self._socket.send(text)
                return
            async with asyncio.timeout(self._patience):
                await self._socket.send(text)
        except TimeoutError:
            self._why = f"it has read nothing for {self._patience:g} s"
            self._socket.transport.abort()
        except ConnectionClosed:
            return  # `receive` tells

    async def send_raw(self, frames: bytes) -> None:
        if not self._socket.transport.is_closing():
            self._socket.transport.write(frames)  # the library would not send them

    async def ping(self, payload: bytes) -> None:
        try:
            await self._socket.ping(payload)
        except (ConnectionClosed, RuntimeError):
            return  # closed, or the same ping is still on its way

    async def close(self, how: Close) -> None:
        transport = self._socket.transport
        if transport.is_closing():
            return
        if how.how == "fin":
            transport.close()
        elif how.how == "rst":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK_OFF)
            transport.abort()
        else:
            try:
                async with asyncio.timeout(2 * _CLOSE_TIME):
                    await self._socket.close(how.code, how.reason)  # type: ignore[arg-type] # None: no code at all
            except ProtocolError:  # a code that nobody may send, which was sent
                await self.send_raw(self._close_frame(how))
            except TimeoutError:  # the peer does not read
                transport.abort()

    def _close_frame(self, how: Close) -> bytes:
        code = b"" if how.code is None else how.code.to_bytes(2, "big")
        frame = Frame(CLOSE, code + how.reason.encode(errors="surrogatepass"))
        return frame.serialize(mask=self._socket.protocol.side is CLIENT)


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
        patience: seconds within which the CSMS has to read what we send.
        door: lets so many connect at once.
    """

    def __init__(
        self,
        url: str,
        version: str | None,
        manners: Manners,
        patience: float = PATIENCE,
        door: asyncio.Semaphore | None = None,
    ) -> None:
        self._url = url
        self._version = version
        self._manners = manners
        self._patience = patience
        self._door = door or asyncio.Semaphore()
        self.refused = 0
        """Connections that could not be had."""

    async def open(self, act: Act) -> WebSocketConnection:
        recorded = handshake.recorded(act.opened, self._version)
        manners = self._manners
        url = handshake.target(self._url, recorded, manners.identity)
        offered = (manners.subprotocol,) if manners.subprotocol else recorded.subprotocols
        try:
            async with self._door:
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
                    ssl=(manners.tls or True) if url.startswith("wss:") else None,
                    proxy=None,
                )
        except (OSError, InvalidHandshake, InvalidHeaderValue, InvalidURI, TimeoutError) as error:
            self.refused += 1
            raise CannotOpenError(_why_not(url, error)) from error
        if opened.subprotocol is None and offered and (manners.subprotocol or recorded.subprotocol):
            self.refused += 1
            await opened.close(_PROTOCOL_ERROR)
            raise CannotOpenError(f"{url} agrees to none of {', '.join(offered)}; {_SUBPROTOCOL_HINT}")
        return WebSocketConnection(opened, self._patience)


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
        said = error.response.body.decode(errors="replace").partition("\n")[0].strip()[:_SHORT]
        hints = {
            400: _SUBPROTOCOL_HINT,
            401: "it does not accept the credentials: --user NAME:PASSWORD gives others",
            403: "it does not know the station: --identity names another",
            404: "it knows no such path or station: look at --to and --identity",
        }
        hint = hints.get(status, "its log may say why")
        return f"{url} refused the connection with HTTP {status}{f' ({said})' if said else ''}; {hint}"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {url}: start the CSMS, or correct --to"
    if isinstance(error, socket.gaierror):
        return f"the name in {url} cannot be resolved: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {url} is not trusted ({error.verify_message}): --ca FILE, or --insecure"
    if isinstance(error, TimeoutError):
        return f"{url} did not answer in {_OPEN_TIME:.0f} s"
    if isinstance(error, NegotiationError):
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
        wait: seconds to wait for a station, and within which it has to read what we send.
        manners: what is not as recorded.
    """

    host: str
    port: int
    act: Act
    version: str | None
    wait: float
    manners: Manners
    _server: Server | None = None
    _come: "asyncio.Queue[ServerConnection]" = field(default_factory=asyncio.Queue)
    _wanted: tuple[str, ...] = ()
    """Subprotocols, the recorded one first."""
    _turned_away: str = ""
    """Why the last one could not stay."""

    async def __aenter__(self) -> Self:
        recorded = handshake.recorded(self.act.opened, self.version)
        said = (self.manners.subprotocol, recorded.subprotocol, *recorded.subprotocols)
        self._wanted = tuple(dict.fromkeys(name for name in said if name))
        headers = [*recorded.response_headers, *self.manners.headers]

        def select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
            return next((Subprotocol(name) for name in self._wanted if name in offered), None)

        def dress(_: ServerConnection, __: Request, response: Response) -> None:
            for name, value in headers:
                if name in response.headers:
                    del response.headers[name]
                response.headers[name] = value

        self._server = await serve(
            self._welcome,
            self.host or None,
            self.port,
            subprotocols=[Subprotocol(name) for name in self._wanted] or None,
            select_subprotocol=select,
            process_response=dress,
            extensions=handshake.server_extensions(recorded),
            compression=None,
            server_header=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIME,
            max_size=None,
            max_queue=None,
            ssl=self.manners.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _welcome(self, connection: ServerConnection) -> None:
        if self._wanted and connection.subprotocol is None:
            request = connection.request
            offered = ", ".join(request.headers.get_all("Sec-WebSocket-Protocol")) if request else ""
            self._turned_away = f"; one came that offers {offered or 'no subprotocol'}, not {self._wanted[0]}"
            await connection.close(_PROTOCOL_ERROR)
            return
        await self._come.put(connection)
        await connection.wait_closed()

    async def open(self, act: Act) -> WebSocketConnection:  # noqa: ARG002 - stations come as they like
        try:
            async with asyncio.timeout(self.wait):
                connection = await self._come.get()
                while connection.state is not State.OPEN:  # it has gone while another one was played
                    connection = await self._come.get()
        except TimeoutError as error:
            raise CannotOpenError(
                f"no station came to port {self.port} within {self.wait:g} s{self._turned_away}: let it use this "
                "address, or give it more time (--wait)"
            ) from error
        return WebSocketConnection(connection, self.wait)
