"""Connections of `websockets`: dialled and accepted, refused, stalled, and ended in every way."""

import asyncio
import base64
import socket
import ssl
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.utils import accept_key

from ocppscope.events import Opened, Session
from ocppscope.replay.player import Close
from ocppscope.replay.script import Act
from ocppscope.replay.sockets import Dial, Listen, Manners, WebSocketConnection
from ocppscope.replay.stage import CannotOpenError, Ended
from tests.capture.handshakes import Maker
from tests.capture.proxied import AGREED, HOST, Peer, free_port, port_of, run, until

REQUEST = (
    b"GET /ocpp/CP%201?x=1 HTTP/1.1\r\nHost: old\r\nUser-Agent: Box/7\r\nX-Serial: 1\r\n"
    b"Authorization: Basic b2xkOnNlY3JldA==\r\nSec-WebSocket-Protocol: ocpp1.6, ocpp1.5\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 101 Switching\r\nServer: Old/1\r\nX-Node: 3\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"


def act(subprotocol="ocpp1.6", offered=("ocpp1.6", "ocpp1.5"), extensions=None, **more):
    opened = Opened(
        Session(1, station="CP 1", version="1.6"),
        0,
        "/ocpp/CP%201?x=1",
        offered,
        subprotocol,
        101,
        extensions,
        extensions,
        request=REQUEST,
        response=RESPONSE,
        **more,
    )
    return Act(opened, [])


@asynccontextmanager
async def csms(handler=None, **options):
    seen = []

    async def receive(connection):
        seen.append(connection)
        await (handler(connection) if handler else connection.wait_closed())

    given = {"subprotocols": ["ocpp1.6"], "compression": None, "close_timeout": 1}
    async with serve(receive, HOST, 0, **given | options) as server:
        yield f"ws://{HOST}:{port_of(server)}", seen


def dialled(manners=None, played=None, **options):
    """What a CSMS sees of a station, and what the station gets."""

    async def scenario():
        async with csms(**options) as (url, seen):
            connection = await Dial(url, "1.6", manners or Manners()).open(played or act())
            await connection.close(Close(1000))
            await until(lambda: seen)
            return seen[0]

    return run(scenario)


def not_dialled(url, manners=None, played=None):
    async def scenario():
        dial = Dial(url, "1.6", manners or Manners())
        with pytest.raises(CannotOpenError) as error:
            await dial.open(played or act())
        assert dial.refused == 1
        return str(error.value)

    return scenario


# --- dialling ---


def test_the_handshake_is_as_it_was_recorded():
    seen = dialled()
    headers = seen.request.headers
    assert seen.request.path == "/ocpp/CP%201?x=1"
    assert headers["User-Agent"] == "Box/7"
    assert headers["X-Serial"] == "1"
    assert headers["Authorization"] == "Basic b2xkOnNlY3JldA=="
    assert headers["Sec-WebSocket-Protocol"] == "ocpp1.6, ocpp1.5"
    assert headers.get_all("Host") == [f"{HOST}:{seen.local_address[1]}"]
    assert "Sec-WebSocket-Extensions" not in headers


def test_the_handshake_is_as_the_user_says():
    manners = Manners(
        identity="CP/2",
        subprotocol="ocpp2.0.1",
        headers=[("x-serial", "2"), ("X-New", "3")],
        user="CP2:päss",
    )
    seen = dialled(manners, subprotocols=["ocpp2.0.1"])
    headers = seen.request.headers
    assert seen.request.path == "/ocpp/CP%2F2?x=1"
    assert headers.get_all("X-Serial") == ["2"]
    assert headers["X-New"] == "3"
    assert headers["Authorization"] == "Basic " + base64.b64encode("CP2:päss".encode()).decode()
    assert seen.subprotocol == "ocpp2.0.1"


def test_no_credentials_if_so_wished():
    assert "Authorization" not in dialled(Manners(user="")).request.headers


def test_a_capture_without_handshake():
    headers = dialled(played=Act(None, [])).request.headers
    assert headers["Sec-WebSocket-Protocol"] == "ocpp1.6"


def test_compression_as_recorded():
    seen = dialled(played=act(extensions="permessage-deflate"), compression="deflate")
    assert seen.request.headers["Sec-WebSocket-Extensions"] == "permessage-deflate"
    assert seen.protocol.extensions


def test_nobody_is_there():
    assert "nobody listens at ws://127.0.0.1" in run(not_dialled(f"ws://{HOST}:{free_port()}"))


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "--user NAME:PASSWORD"), (403, "--identity"), (404, "look at --to"), (503, "its log may say why")],
)
def test_it_refuses(status, hint):
    async def scenario():
        def refuse(connection, _):
            return connection.respond(HTTPStatus(status), "no\n")

        async with csms(process_request=refuse) as (url, _):
            return await not_dialled(url)()

    text = run(scenario)
    assert f"refused the connection with HTTP {status}" in text
    assert hint in text


def test_it_agrees_to_no_subprotocol():
    async def scenario():
        async with csms(subprotocols=None) as (url, seen):
            text = await not_dialled(url)()
            await until(lambda: seen and seen[0].close_code)
            return text, seen[0].close_code

    text, code = run(scenario)
    assert "agrees to none of ocpp1.6, ocpp1.5; it may speak another OCPP version" in text
    assert code == 1002


def test_none_is_needed_where_none_was_agreed():
    assert dialled(played=act(None, ("ocpp1.6",)), subprotocols=None).subprotocol is None


def test_it_wants_another_subprotocol():
    async def scenario():
        async with csms(subprotocols=["ocpp2.1"]) as (url, _):
            return await not_dialled(url)()

    text = run(scenario)
    assert "HTTP 400 (Failed to open a WebSocket connection: " in text
    assert "--subprotocol" in text


def test_it_speaks_no_http():
    async def scenario():
        listener = socket.create_server((HOST, 0))
        listener.setblocking(False)

        async def shout():
            peer = await Peer.accept(listener)
            await peer.send(b"220 mail.example ESMTP\r\n\r\n")
            await asyncio.sleep(0.05)
            await peer.close()

        task = asyncio.create_task(shout())
        text = await not_dialled(f"ws://{HOST}:{port_of(listener)}")()
        await task
        listener.close()
        return text

    assert "cannot be connected to" in run(scenario)


def test_its_certificate_is_not_trusted(tmp_path):
    async def scenario():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*Maker(tmp_path).issue("csms"))
        async with csms(ssl=context) as (url, _):
            return await not_dialled(url.replace("ws:", "wss:"))()

    assert "is not trusted" in run(scenario)


# --- a connection ---


@asynccontextmanager
async def raw(patience=5.0):
    """A connection to a peer that is only TCP."""
    listener = socket.create_server((HOST, 0))
    dialling = asyncio.create_task(
        Dial(f"ws://{HOST}:{port_of(listener)}", "1.6", Manners(), patience).open(act())
    )
    peer = await Peer.accept(listener)
    loop = asyncio.get_running_loop()
    request = b""
    while b"\r\n\r\n" not in request:
        request += await loop.sock_recv(peer.sock, 4096)
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    lines = AGREED.split(b"\r\n")
    lines = [line for line in lines if not line.lower().startswith(b"sec-websocket-accept")]
    lines.insert(1, f"Sec-WebSocket-Accept: {accept_key(key)}".encode())
    await peer.send(b"\r\n".join(lines))
    connection = await dialling
    assert isinstance(connection, WebSocketConnection)
    try:
        yield connection, peer
    finally:
        await connection.close(Close(None, "", "rst"))
        await peer.close()
        listener.close()


def test_frames_are_written_as_they_are():
    async def scenario():
        async with raw() as (connection, peer):
            peer.listen()
            await connection.send_raw(b"\x81\x05hello")
            return await peer.got_all(7)

    assert run(scenario) == b"\x81\x05hello"


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_it_ends_without_a_close(how):
    async def scenario():
        async with raw() as (connection, peer):
            peer.listen()
            await connection.close(Close(None, "", how))
            with pytest.raises(Ended) as ended:
                await connection.receive()
            await connection.send("too late")
            await connection.send_raw(b"too late")
            await connection.ping(b"too late")
            return await peer.ended(), peer.got, ended.value.code

    assert run(scenario) == (how, b"", None)


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1000, "bye", b"\x03\xe8bye"),
        (None, "", b""),
        (4999, "", b"\x13\x87"),
        (1005, "", b"\x03\xed"),  # that nobody may send, and that was sent
        (999, "odd", b"\x03\xe7odd"),
    ],
)
def test_it_ends_with_the_recorded_close(code, reason, payload):
    async def scenario():
        async with raw() as (connection, peer):
            peer.listen()
            task = asyncio.create_task(connection.close(Close(code, reason)))
            got = await peer.got_all(6 + len(payload))
            await peer.send(b"\x88\x02\x03\xe8")
            peer.fin()
            with pytest.raises(Ended):
                await connection.receive()
            await task
            return got

    got = run(scenario)
    mask, body = got[2:6], got[6 : 6 + len(payload)]
    assert got[0] == 0x88
    assert bytes(a ^ mask[at % 4] for at, a in enumerate(body)) == payload


def test_the_end_by_the_peer():
    async def ended(frames):
        async with raw() as (connection, peer):
            await peer.send(frames)
            peer.fin()
            with pytest.raises(Ended) as end:
                await connection.receive()
            return end.value.code, end.value.reason

    assert run(lambda: ended(b"\x88\x05\x03\xf1bye")) == (1009, "bye")
    assert run(lambda: ended(b"\x88\x00")) == (None, "")


def test_binary_messages_are_read_as_far_as_they_go():
    async def scenario():
        async with raw() as (connection, peer):
            await peer.send(b"\x82\x04ab\xffc")
            return await connection.receive()

    assert run(scenario) == "ab\\xffc"


def test_a_peer_that_reads_nothing():
    async def scenario():
        async with raw(patience=0.1) as (connection, _):
            for _ in range(20):
                await connection.send("x" * 1_000_000)
            with pytest.raises(Ended) as end:
                await connection.receive()
            return end.value.reason

    assert run(scenario) == "it has read nothing for 0.1 s"


def test_the_same_ping_twice():
    async def scenario():
        async with raw() as (connection, peer):
            peer.listen()
            await connection.ping(b"p")
            await connection.ping(b"p")
            return await peer.got_all(7)

    assert len(run(scenario)) == 7


# --- listening ---


@asynccontextmanager
async def listening(played=None, wait=0.2, manners=None):
    async with Listen(HOST, 0, played or act(), "1.6", wait, manners or Manners()) as venue:
        yield venue


def dial(venue, *subprotocols, **options):
    given = {"subprotocols": subprotocols or ["ocpp1.6"], "proxy": None, "close_timeout": 1}
    return connect(f"ws://{HOST}:{venue.port}/ocpp/CP1", **given | options)


def test_a_station_is_welcomed_as_it_was():
    async def scenario():
        async with listening(manners=Manners(headers=[("X-Node", "4")])) as venue, dial(venue) as station:
            connection = await venue.open(act())
            await station.send("hello")
            assert await connection.receive() == "hello"
            await connection.close(Close(1001))
            return station.subprotocol, station.response.headers, station.protocol.extensions

    subprotocol, headers, extensions = run(scenario)
    assert (subprotocol, extensions) == ("ocpp1.6", [])
    assert (headers.get_all("Server"), headers.get_all("X-Node")) == (["Old/1"], ["4"])


def test_another_subprotocol_if_so_wished():
    async def scenario():
        async with (
            listening(manners=Manners(subprotocol="ocpp1.6-x")) as venue,
            dial(venue, "ocpp1.6", "ocpp1.6-x") as station,
        ):
            return station.subprotocol

    assert run(scenario) == "ocpp1.6-x"


def test_compression_is_agreed_to_as_it_was():
    async def scenario():
        async with listening(act(extensions="permessage-deflate")) as venue, dial(venue) as station:
            return len(station.protocol.extensions)

    assert run(scenario) == 1


def test_no_station_comes():
    async def scenario():
        async with listening() as venue:
            with pytest.raises(
                CannotOpenError, match=r"no station came to port [0-9]+ within 0.2 s: let it use"
            ):
                await venue.open(act())

    run(scenario)


def test_a_station_with_another_version_is_turned_away():
    async def scenario():
        async with listening() as venue:
            async with dial(venue, "ocpp2.0.1") as station:
                with pytest.raises(ConnectionClosed):
                    await station.recv()
                assert station.close_code == 1002
            with pytest.raises(CannotOpenError, match=r"one came that offers ocpp2.0.1, not ocpp1.6"):
                await venue.open(act())

    run(scenario)


def test_a_station_that_has_gone_is_not_played_for():
    async def scenario():
        async with listening() as venue:
            async with dial(venue):
                pass
            async with dial(venue) as station:
                connection = await venue.open(act())
                await connection.send("you")
                return await station.recv()

    assert run(scenario) == "you"


def test_what_is_no_websocket_is_refused():
    async def scenario():
        async with listening() as venue:
            with pytest.raises(InvalidStatus):
                await dial(venue, additional_headers={"Sec-WebSocket-Version": "12"})

    run(scenario)
