"""A copy of what stations say, for a second CSMS: its answers go nowhere, and its failure harms nothing.

Each session has a queue and a connection of its own. Nothing here waits for the mirror but its own tasks: what
comes too fast for it, or while it is away, is queued as far as there is room, and then dropped and counted.
"""

import asyncio
import logging
import os
import ssl
from asyncio import FIRST_COMPLETED
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from itertools import chain, repeat
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from ocppscope.capture.upgrade import path_below

MAX_MESSAGES: Final = 1_000
MAX_BYTES: Final = 4 << 20
"""Of a session's queue."""

_DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds before each attempt to connect again; then the last one for ever."""
_PATIENCE: Final = 3.0
"""Seconds that a session that has ended may take to get rid of its queue."""
_SILENT: Final = logging.getLogger("ocppscope.mirror")
"""For websockets, which would write to stderr what `tell` is there for."""
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False

_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


class Mirror:
    """Sends copies, in tasks of the running loop. No method but the constructor raises anything.

    Args:
        url: of the second CSMS, `ws` or `wss`; userinfo in it is for Basic authentication.
        tell: what to say to people; each kind of failure once.
        context: for `wss`; the system's CAs are trusted if None.
        sleep: waits for so many seconds.

    Raises:
        ValueError: the URL is not one for WebSocket.
    """

    def __init__(
        self,
        url: str,
        *,
        tell: Callable[[str], None],
        context: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        _check(url)
        self.sent = 0
        """Messages that went to the mirror."""
        self.dropped = 0
        """Messages that did not."""
        self._url = url
        self._title = _without_userinfo(url)
        self._tell = tell
        self._told: set[str] = set()
        self._context = context
        self._sleep = sleep
        self._feeds: dict[int, _Feed] = {}
        """Of sessions that are open, by number."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def opened(self, session_number: int, path: str, subprotocol: str | None) -> None:
        """A session began; needs a running loop.

        Args:
            session_number: of the session.
            path: the request target of the station's upgrade, as it was sent.
            subprotocol: that was agreed.
        """
        if self._is_closed:
            return
        self.closed(session_number)
        feed = _Feed(mirror_url(self._url, path), subprotocol)
        self._feeds[session_number] = feed
        feed.task = self._start(self._deliver(feed))

    def text(self, session_number: int, text: str) -> None:
        """The station sent a text."""
        feed = self._feeds.get(session_number)
        if feed is None:
            return
        if not feed.put(text):
            self.dropped += 1
            self._say_once("full", "it does not keep up; what does not fit into its queue is dropped")

    def closed(self, session_number: int) -> None:
        """A session ended; what is in its queue may still go, for a few seconds."""
        feed = self._feeds.pop(session_number, None)
        if feed is not None:
            feed.over.set()
            feed.news.set()
            self._start(self._see_off(feed))

    async def close(self) -> None:
        """End all sessions; takes a few seconds at most, where a mirror is slow."""
        self._is_closed = True
        for number in tuple(self._feeds):
            self.closed(number)
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- tasks ---

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._tasks.discard)
        return task

    async def _see_off(self, feed: "_Feed") -> None:
        """Give a session that has ended its last seconds."""
        assert feed.task is not None
        await _first(asyncio.wait({feed.task}), self._sleep(_PATIENCE))
        feed.task.cancel()

    async def _deliver(self, feed: "_Feed") -> None:
        """Connect, and again, until the session is over. It has one attempt in any case: it may have been short."""
        delays = _delays()
        try:
            while True:
                try:
                    connection = await self._connect(feed)
                    delays = _delays()
                    await _with(connection, self._copy(feed, connection))
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not harm the recording
                    self._say_once(*_failure(error))
                if feed.over.is_set():
                    return
                await _first(self._sleep(next(delays)), feed.over.wait())
                if feed.over.is_set():
                    return
        finally:
            self.dropped += len(feed.queue)
            feed.clear()

    async def _connect(self, feed: "_Feed") -> ClientConnection:
        wanted = None if feed.subprotocol is None else [Subprotocol(feed.subprotocol)]
        is_tls = feed.url.startswith("wss:") and self._context is not None
        tls: dict[str, Any] = {"ssl": self._context} if is_tls else {}
        connection = await connect(
            feed.url,
            subprotocols=wanted,
            compression=None,  # for the machine's sake
            max_size=None,  # answers are read and forgotten
            close_timeout=_PATIENCE,
            logger=_SILENT,
            **tls,
        )
        if connection.subprotocol != feed.subprotocol:
            self._say_once(
                "subprotocol", f"it does not speak {feed.subprotocol}; it gets its copy all the same"
            )
        return connection

    async def _copy(self, feed: "_Feed", connection: ClientConnection) -> None:
        """Send the queue and what comes into it, until the session is over.

        Raises:
            ConnectionClosed: by the mirror, before that.
        """
        await _first(self._send(feed, connection), _discard(connection))

    async def _send(self, feed: "_Feed", connection: ClientConnection) -> None:
        while True:
            while feed.queue:
                await connection.send(feed.queue[0])  # it stays there until it went: the mirror may be gone
                feed.drop_first()
                self.sent += 1
            if feed.over.is_set():
                return
            feed.news.clear()
            await feed.news.wait()

    def _say_once(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._tell(f"--mirror {self._title}: {text}")


class _Feed:
    """What one session's mirror is still to get."""

    def __init__(self, url: str, subprotocol: str | None) -> None:
        self.url = url
        self.subprotocol = subprotocol
        self.queue: deque[str] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0
        self.news = asyncio.Event()
        """Something came into the queue, or the session is over."""
        self.over = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def put(self, text: str) -> bool:
        """Append a message; False where there is no room, or it cannot be sent at all."""
        try:
            size = len(text.encode())
        except UnicodeEncodeError:  # half a surrogate pair
            return False
        if len(self.queue) >= MAX_MESSAGES or self._size + size > MAX_BYTES:
            return False
        self.queue.append(text)
        self._sizes.append(size)
        self._size += size
        self.news.set()
        return True

    def drop_first(self) -> None:
        self.queue.popleft()
        self._size -= self._sizes.popleft()

    def clear(self) -> None:
        self.queue.clear()
        self._sizes.clear()
        self._size = MAX_BYTES + 1  # nobody will take anything any more


async def _first(*works: Awaitable[object]) -> None:
    """Do several things until one is done, which may fail; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    for result in done:
        if isinstance(result, Exception):
            raise result


async def _with(connection: ClientConnection, work: Awaitable[None]) -> None:
    """Do something with a connection that ends with it: politely, or at once where it fails or is cancelled."""
    try:
        await work
        await connection.close()
    finally:
        connection.transport.abort()


async def _discard(connection: ClientConnection) -> None:
    while True:
        await connection.recv()


def _delays() -> Iterator[float]:
    return chain(_DELAYS, repeat(_DELAYS[-1]))


# --- where to ---


def mirror_url(url: str, path: str) -> str:
    """Where the copy of a session goes.

    Args:
        url: of `--mirror`; its query is kept.
        path: the station's request target, as it was sent. Its query stays behind: it may hold a secret.

    Returns:
        The URL with the identity as last segment of its path, as OCPP-J has it; or with the station's whole path if
        it has none itself.
    """
    parts = urlsplit(url)
    below = path_below(parts.path, path.partition("?")[0].partition("#")[0])
    return urlunsplit(
        parts._replace(path=quote(below, safe=_ASCII))
    )  # what a station may send, a URL may not have


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(
            f"{_without_userinfo(url)} is no URL for a mirror: ws://HOST/… or wss://HOST/… was expected"
        )
    if parts.fragment:
        raise ValueError(f"{_without_userinfo(url)}: a URL for a mirror has no fragment (#…)")
    if parts.username is not None and parts.password is None:
        raise ValueError(
            f"{_without_userinfo(url)}: a user without a password; write ws://USER:PASSWORD@HOST/…"
        )
    _ = parts.port  # a wrong one raises ValueError


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


# --- what went wrong ---


def _failure(error: Exception) -> tuple[str, str]:
    """The kind of a failure, which is told once, and what to say of it."""
    if isinstance(error, ConnectionClosed):
        code = error.rcvd.code if error.rcvd else None
        how = f"with code {code}" if code else "without a word"
        return f"closed {code}", f"it closed a connection {how}; it is connected again later"
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return (
            f"status {status}",
            f"it refuses the connection with HTTP status {status}{_STATUS_HINTS.get(status, '')}",
        )
    if isinstance(error, TimeoutError):
        return "timeout", "it does not answer in time; it is tried again"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate {error.verify_code}", f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "tls", f"the TLS handshake fails: {getattr(error, 'reason', None) or error}"
    if isinstance(error, InvalidMessage | EOFError):
        return "no http", "it does not answer as a WebSocket server does; check its port, and ws or wss"
    if isinstance(error, OSError):
        said = os.strerror(error.errno) if error.errno else str(error) or "it hung up; does it speak TLS?"
        return f"system {error.errno}", f"it cannot be reached: {said}; it is tried again"
    return type(error).__name__, f"{type(error).__name__}: {error}"


_STATUS_HINTS: Final = {
    401: ": put what it wants into the URL, ws://USER:PASSWORD@HOST/…",
    403: ": it may not know the station",
    404: ": check the path of the URL, or it does not know the station",
}
