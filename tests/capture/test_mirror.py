"""Copies for a second CSMS, a real WebSocket server; no test waits for a clock."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ocppscope.capture import mirror as module
from ocppscope.capture.mirror import MAX_BYTES, MAX_MESSAGES, Mirror, mirror_url
from ocppscope.capture.tls import station_context, upstream_context
from tests.capture.handshakes import Maker

PATH = "/ocpp/CP%20001"
HELLO = '[2,"1","BootNotification",{"chargePointModel":"Zapfsäule","chargePointVendor":"x"}]'


class Sleeps:
    """Sleepers that wake when the test says so."""

    def __init__(self) -> None:
        self._asleep: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        self._asleep.put_nowait((seconds, wake))
        await wake

    async def next(self) -> tuple[float, Callable[[], None]]:
        """Wait until somebody sleeps: how long, and how to wake them."""
        while True:
            seconds, wake = await self._asleep.get()
            if not wake.done():
                return seconds, partial(_wake, wake)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class Csms:
    """A CSMS that answers everything, and what it got."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[str] = asyncio.Queue()
        self.requests: list[Request] = []
        self.ended: asyncio.Queue[int | None] = asyncio.Queue()
        self.subprotocols: list[str | None] = []
        self.connection: ServerConnection | None = None

    async def __call__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.subprotocols.append(connection.subprotocol)
        assert connection.request is not None
        self.requests.append(connection.request)
        try:
            async for text in connection:
                assert isinstance(text, str)
                await connection.send('[3,"1",{}]')
                self.got.put_nowait(text)
        except ConnectionClosed:
            pass
        self.ended.put_nowait(connection.close_code)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(guarded())


def serving(handler: Callable[[ServerConnection], Awaitable[None]], port: int = 0, **options: Any) -> serve:
    options = {"subprotocols": ["ocpp1.6"], "close_timeout": 1} | options
    return serve(handler, "127.0.0.1", port, **options)


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_copies_arrive_in_order_and_equal():
    async def scenario() -> None:
        csms = Csms()
        told: list[str] = []
        async with serving(csms) as server:
            mirror = Mirror(f"ws://us%40er:p%3Aw@127.0.0.1:{port_of(server)}/second", tell=told.append)
            mirror.opened(7, PATH + "?token=secret", "ocpp1.6")
            texts = [HELLO, *(f'[2,"{n}","Heartbeat",{{}}]' for n in range(200)), "no JSON"]
            for text in texts[:3]:
                mirror.text(7, text)
            got = [await csms.got.get() for _ in range(3)]
            for text in texts[3:]:
                mirror.text(7, text)
            got += [await csms.got.get() for _ in texts[3:]]
            assert got == texts
            assert csms.connection is not None
            await (await csms.connection.ping())  # is answered
            mirror.closed(7)
            assert await csms.ended.get() == 1000
            await mirror.close()
        assert [request.path for request in csms.requests] == ["/second/CP%20001"]
        assert csms.requests[0].headers["Authorization"] == "Basic dXNAZXI6cDp3"
        assert csms.subprotocols == ["ocpp1.6"]
        assert (mirror.sent, mirror.dropped, told) == (len(texts), 0, [])

    run(scenario)


def test_each_session_has_its_own_connection():
    async def scenario() -> None:
        csms = Csms()
        async with serving(csms) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}", tell=pytest.fail)
            for number in (1, 2):
                mirror.opened(number, f"/a/CP{number}", "ocpp1.6")
                mirror.text(number, str(number))
            mirror.text(3, "of a session that is not open")
            mirror.closed(3)
            assert {await csms.got.get(), await csms.got.get()} == {"1", "2"}
            await mirror.close()
        assert {request.path for request in csms.requests} == {"/a/CP1", "/a/CP2"}
        assert all("Authorization" not in request.headers for request in csms.requests)
        assert mirror.sent == 2

    run(scenario)


def test_a_short_session_is_copied_whole():
    async def scenario() -> None:
        csms = Csms()
        async with serving(csms) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}", tell=pytest.fail)
            mirror.opened(1, PATH, "ocpp1.6")
            mirror.text(1, HELLO)
            await mirror.close()
            assert await csms.got.get() == HELLO
            mirror.opened(2, PATH, "ocpp1.6")
            mirror.text(1, "too late")
            await mirror.close()
        assert (mirror.sent, mirror.dropped) == (1, 0)

    run(scenario)


def test_a_mirror_that_is_dead_from_the_start():
    async def scenario() -> None:
        csms = Csms()
        told: list[str] = []
        sleeps = Sleeps()
        port = free_port()
        mirror = Mirror(f"ws://u:p@127.0.0.1:{port}/x", tell=told.append, sleep=sleeps)
        mirror.opened(1, PATH, "ocpp1.6")
        mirror.text(1, HELLO)
        waited = []
        for _attempt in range(8):
            seconds, wake = await sleeps.next()
            waited.append(seconds)
            wake()
        assert waited == [1, 2, 4, 8, 16, 32, 60, 60]
        assert len(told) == 1
        assert told[0].startswith(f"--mirror ws://127.0.0.1:{port}/x: it cannot be reached: ")
        _seconds, wake = await sleeps.next()
        async with serving(csms, port):
            wake()
            assert await csms.got.get() == HELLO
            await mirror.close()
        assert (mirror.sent, mirror.dropped) == (1, 0)

    run(scenario)


def test_a_session_that_ends_meanwhile_is_given_up():
    async def scenario() -> None:
        sleeps = Sleeps()
        mirror = Mirror(f"ws://127.0.0.1:{free_port()}", tell=lambda _: None, sleep=sleeps)
        mirror.opened(1, PATH, "ocpp1.6")
        mirror.text(1, HELLO)
        await sleeps.next()
        mirror.closed(1)
        await mirror.close()  # nobody has to wake for that
        assert (mirror.sent, mirror.dropped) == (0, 1)

    run(scenario)


def test_a_mirror_that_dies_in_the_middle():
    async def scenario() -> None:
        csms = Csms()
        told: list[str] = []
        sleeps = Sleeps()
        async with serving(csms) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}", tell=told.append, sleep=sleeps)
            mirror.opened(1, PATH, "ocpp1.6")
            for n in range(3):
                mirror.text(1, f"before {n}")
                assert await csms.got.get() == f"before {n}"
                assert csms.connection is not None
                csms.connection.transport.abort()
                seconds, wake = await sleeps.next()
                assert seconds == 1  # it had been connected
                mirror.text(1, f"after {n}")
                wake()
                assert await csms.got.get() == f"after {n}"
            assert csms.connection is not None
            await csms.connection.close(1001)
            await sleeps.next()
            await mirror.close()
        assert [one.partition(": ")[2] for one in told] == [
            f"it closed a connection {how}; it is connected again later"
            for how in ("without a word", "with code 1001")
        ]
        assert (mirror.sent, mirror.dropped) == (6, 0)

    run(scenario)


def test_a_mirror_that_never_reads():
    async def never(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def scenario() -> None:
        told: list[str] = []
        sleeps = Sleeps()
        text = "x" * (64 << 10)
        async with serving(never, max_queue=1, close_timeout=0.01) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}", tell=told.append, sleep=sleeps)
            mirror.opened(1, PATH, "ocpp1.6")
            given = 0
            while mirror.dropped < 300:
                mirror.text(1, text)
                given += 1
                await asyncio.sleep(0)
            feed = mirror._feeds[1]
            assert mirror.sent > 0
            assert len(feed.queue) * len(text) <= MAX_BYTES
            closing = asyncio.ensure_future(mirror.close())
            seconds, wake = await sleeps.next()
            assert seconds == module._PATIENCE
            assert not closing.done()
            wake()
            await closing
        assert mirror.sent + mirror.dropped == given
        assert [one.partition(": ")[2] for one in told] == [
            "it does not keep up; what does not fit into its queue is dropped"
        ]

    run(scenario)


@pytest.mark.parametrize(
    ("text", "fitting"),
    [("x", MAX_MESSAGES), ("ü" * (1 << 20), 2), ("x" * (MAX_BYTES + 1), 0), ("\ud800", 0)],
    ids=["messages", "bytes", "one that is too large", "one that cannot be sent"],
)
def test_the_queue_is_bounded(text, fitting):
    async def scenario() -> None:
        mirror = Mirror(f"ws://127.0.0.1:{free_port()}", tell=lambda _: None, sleep=Sleeps())
        mirror.opened(1, PATH, None)
        for _ in range(fitting):
            mirror.text(1, text)
        assert mirror.dropped == 0
        for _ in range(3):
            mirror.text(1, text)
        assert mirror.dropped == 3
        await mirror.close()
        assert (mirror.sent, mirror.dropped) == (0, fitting + 3)

    run(scenario)


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "status 401: put what it wants into the URL"), (404, "check the path"), (500, "500")],
)
def test_a_mirror_that_refuses(status, hint):
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(status, "no\n")

    async def scenario() -> None:
        told: list[str] = []
        sleeps = Sleeps()
        async with serving(Csms(), process_request=refuse) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}/", tell=told.append, sleep=sleeps)
            mirror.opened(1, PATH, "ocpp1.6")
            mirror.text(1, HELLO)
            for _attempt in range(3):
                _seconds, wake = await sleeps.next()
                wake()
            await mirror.close()
        assert len(told) == 1
        assert hint in told[0]
        assert (mirror.sent, mirror.dropped) == (0, 1)

    run(scenario)


def test_a_mirror_that_speaks_something_else():
    async def scenario() -> None:
        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail\r\n")
            writer.close()

        told: list[str] = []
        sleeps = Sleeps()
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            mirror = Mirror(url, tell=told.append, sleep=sleeps)
            mirror.opened(1, PATH, "ocpp1.6")
            await sleeps.next()
            await mirror.close()
        assert told == [
            f"--mirror {url}: it does not answer as a WebSocket server does; check its port, and ws or wss"
        ]

    run(scenario)


def test_a_mirror_without_the_subprotocol_gets_its_copy():
    async def scenario() -> None:
        csms = Csms()
        told: list[str] = []
        async with serving(csms, subprotocols=None) as server:
            mirror = Mirror(f"ws://127.0.0.1:{port_of(server)}", tell=told.append)
            mirror.opened(1, PATH, "ocpp2.0.1")
            mirror.text(1, HELLO)
            assert await csms.got.get() == HELLO
            await mirror.close()
        assert [one.partition(": ")[2] for one in told] == [
            "it does not speak ocpp2.0.1; it gets its copy all the same"
        ]

    run(scenario)


def test_tls(tmp_path):
    ca = Maker(tmp_path)
    context = station_context(*ca.issue("csms"), None)

    async def scenario() -> None:
        csms = Csms()
        told: list[str] = []
        sleeps = Sleeps()
        async with serving(csms, ssl=context) as server:
            url = f"wss://localhost:{port_of(server)}/ocpp"
            trusting = Mirror(url, tell=pytest.fail, context=upstream_context(ca.path, None, None, False))
            trusting.opened(1, PATH, "ocpp1.6")
            trusting.text(1, HELLO)
            assert await csms.got.get() == HELLO
            await trusting.close()
            other = Mirror(url, tell=told.append, sleep=sleeps)
            other.opened(1, PATH, "ocpp1.6")
            await sleeps.next()
            await other.close()
        assert len(told) == 1
        assert "its certificate is not trusted: " in told[0]

    run(scenario)


@pytest.mark.parametrize(
    ("url", "path", "where"),
    [
        ("ws://h", "/a/b/CP1", "ws://h/a/b/CP1"),
        ("ws://h/", "/a/b/CP1", "ws://h/CP1"),
        ("ws://h/x", "/a/b/CP%2F1", "ws://h/x/CP%2F1"),
        ("wss://u:p@h:99/x/?k=v", "/CP1/?token=s", "wss://u:p@h:99/x/CP1?k=v"),
        ("ws://h", "/CP1?token=s", "ws://h/CP1"),
        ("ws://h/x", "ws://csms/a/CP1", "ws://h/x/CP1"),
        ("ws://h", "http://csms/a/CP1", "ws://h/a/CP1"),
        ("ws://h/x", "/a/C P\r\n1", "ws://h/x/C%20P%0D%0A1"),
        ("ws://h/x", "/ä", "ws://h/x/%C3%A4"),
    ],
)
def test_where_a_copy_goes(url, path, where):
    assert mirror_url(url, path) == where


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h/x", "http://h/x is no URL for a mirror: ws://HOST"),
        ("h:9000", "is no URL"),
        ("ws:///x", "is no URL"),
        ("ws://user@h/x", "ws://h/x: a user without a password"),
        ("ws://u:secret@h/#x", r"^ws://h/#x: .* no fragment"),
        ("ws://h:99999/", "[Pp]ort"),
    ],
)
def test_urls_that_are_none(url, said):
    with pytest.raises(ValueError, match=said):
        Mirror(url, tell=pytest.fail)
