"""What the tests of the proxy share: raw peers, and real ones of `websockets`."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosedOK

from ocppscope.capture.proxy import Proxy
from ocppscope.events import Event, Notice
from tests.wire.packets import KEY, TEXT, frame, switching

T = TypeVar("T")
HOST = "127.0.0.1"
PATIENCE = 20
"""Seconds: only a test that fails waits for so long."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close with an RST."""

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"v","chargePointModel":"m"}]'
BOOTED = '[3,"1",{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}]'


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run a scenario; whatever goes wrong in callbacks and forgotten tasks fails the test, too.

    A peer of the `ocpp` package answers in tasks of its own: that one was closed meanwhile is no fault of ours.
    """
    strange: list[dict[str, Any]] = []

    def noted(_: object, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), ConnectionClosedOK):
            strange.append(context)

    async def guarded() -> T:
        asyncio.get_running_loop().set_exception_handler(noted)
        async with asyncio.timeout(PATIENCE):
            return await scenario()

    result = asyncio.run(guarded())
    assert not strange, strange
    return result


async def until(condition: Callable[[], object]) -> None:
    """Let the loop go on until something is so."""
    while not condition():  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0.001)


def port_of(listening: Any) -> int:
    """Of a server, a proxy or a listening socket."""
    if isinstance(listening, Proxy):
        return listening.addresses[0][1]
    if isinstance(listening, socket.socket):
        return int(listening.getsockname()[1])
    return int(next(iter(listening.sockets)).getsockname()[1])


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server((HOST, 0)) as probe:
        return port_of(probe)


def upgrade_to(port: int, path: str = "/ocpp/CP001", *more: str) -> bytes:
    """A station's request, as raw bytes."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        *more,
    )
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


AGREED = switching()


def said(text: str | bytes) -> bytes:
    """What a station sends: a masked frame."""
    return frame(TEXT, text.encode() if isinstance(text, str) else text, masked=True)


def answered(text: str | bytes) -> bytes:
    """What a CSMS sends."""
    return frame(TEXT, text.encode() if isinstance(text, str) else text)


class Peer:
    """One end of a TCP connection, without any protocol."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.got = b""
        self.end = ""
        """How the other one has ended it: fin or rst."""
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int) -> "Peer":
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
        return cls(sock)

    @classmethod
    async def accept(cls, listener: socket.socket) -> "Peer":
        listener.setblocking(False)
        return cls((await asyncio.get_running_loop().sock_accept(listener))[0])

    def listen(self) -> "Peer":
        """Collect what comes from now on."""
        self._reading = asyncio.get_running_loop().create_task(self._collect())
        return self

    async def _collect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self.sock, 1 << 16):
                self.got += data
            self.end = "fin"
        except ConnectionResetError:
            self.end = "rst"

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def got_all(self, size: int) -> bytes:
        await until(lambda: len(self.got) >= size)
        return self.got

    async def ended(self) -> str:
        """Wait for the end: fin or rst."""
        assert self._reading is not None
        await self._reading
        return self.end

    def fin(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    async def rst(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await self.close()

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        self.sock.close()


class Seen:
    """The events of a proxy, and what it told."""

    def __init__(self) -> None:
        self.events: list[Event | Notice] = []
        self.told: list[str] = []

    def proxy(self, upstream: int | str, **options: Any) -> Proxy:
        url = upstream if isinstance(upstream, str) else f"ws://{HOST}:{upstream}"
        proxy = Proxy(f"{HOST}:0", url, tell=self.told.append, **options)
        proxy.judge.listeners.append(self.events.extend)
        return proxy

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


async def ask(port: int, request: bytes) -> bytes:
    """Send something, and read everything that comes until the end."""
    peer = (await Peer.connect(port)).listen()
    await peer.send(request)
    await peer.ended()
    await peer.close()
    return peer.got
