"""The man in the middle between real peers: `websockets`, the package `ocpp`, TLS; and what can go wrong."""

import asyncio
import base64
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from captures.peers import Csms16, Csms201, Station16, Station201
from ocppscope.capture import proxy as module
from ocppscope.capture.faults.spec import parse_fault
from ocppscope.capture.files import Rotation
from ocppscope.capture.listeners import ListenError
from ocppscope.capture.live import Judge
from ocppscope.capture.mirror import Mirror
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.proxy import Proxy
from ocppscope.capture.tls import station_context, upstream_context
from ocppscope.capture.upgrade import UrlError
from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Control, Damaged, Message, Opened
from ocppscope.rules.engine import Finding
from ocppscope.sources.inputs import SourceOptions, open_source
from tests.capture.handshakes import Maker
from tests.capture.proxied import (
    AGREED,
    BOOT,
    BOOTED,
    HOST,
    RESET,
    Peer,
    Seen,
    ask,
    free_port,
    port_of,
    run,
    said,
    until,
    upgrade_to,
)

BINARY_PASSWORD = base64.b64encode(b"CP001:" + bytes(range(256))).decode()


# --- peers --------------------------------------------------------------------------------------------------


async def echo(connection: ServerConnection) -> None:
    """A CSMS that says everything again."""
    try:
        async for text in connection:
            await connection.send(text)
    except ConnectionClosed:
        pass


def serving(handler: Callable[[ServerConnection], Any] = echo, **options: Any) -> serve:
    given: dict[str, Any] = {
        "subprotocols": ["ocpp1.6", "ocpp2.0.1"],
        "close_timeout": 1,
        "ping_interval": None,
    }
    return serve(handler, HOST, 0, **given | options)


def station(
    proxy: Proxy, path: str = "/CP001", *, tls: ssl.SSLContext | None = None, **options: Any
) -> connect:
    given: dict[str, Any] = {
        "subprotocols": ["ocpp1.6"],
        "proxy": None,
        "ping_interval": None,
        "close_timeout": 1,
        "max_size": None,
    }
    if tls:
        given |= {"ssl": tls, "server_hostname": "localhost"}
    scheme = "wss" if tls else "ws"
    return connect(f"{scheme}://{HOST}:{port_of(proxy)}{path}", **given | options)


@asynccontextmanager
async def between(
    seen: Seen, handler: Callable[[ServerConnection], Any] = echo, serve_with: Any = None, **options: Any
) -> AsyncIterator[tuple[Proxy, Server]]:
    """A proxy before a server of websockets."""
    async with (
        serving(handler, **serve_with or {}) as server,
        seen.proxy(port_of(server), **options) as proxy,
    ):
        yield proxy, server


async def closed(proxy: Proxy) -> None:
    """Wait until no session is left, and all is decoded."""
    await until(lambda: proxy.load.open == 0)
    proxy.taps.drain()


async def goes_on(connection: ClientConnection) -> None:
    """Another session works."""
    await connection.send('[2,"ok","Heartbeat",{}]')
    assert await connection.recv() == '[2,"ok","Heartbeat",{}]'


# --- OCPP ---------------------------------------------------------------------------------------------------


async def talk_16(socket: ClientConnection) -> None:
    peer = Station16("CP001", socket)
    listening = asyncio.create_task(peer.start())
    await peer.boot()
    transaction = await peer.start_transaction("04A3")
    await peer.stop_transaction(transaction, "Local", "04A3")
    await socket.close()
    with pytest.raises(ConnectionClosed):
        await listening


async def talk_201(socket: ClientConnection) -> None:
    peer = Station201("CP001", socket)
    listening = asyncio.create_task(peer.start())
    token = {"id_token": "04A3", "type": "ISO14443"}
    await peer.boot("Duo")
    await peer.begin_transaction(token)
    await peer.end_transaction("StopAuthorized", "Local")
    await socket.close()
    with pytest.raises(ConnectionClosed):
        await listening


@pytest.mark.parametrize(
    ("version", "csms", "talk"), [("ocpp1.6", Csms16, talk_16), ("ocpp2.0.1", Csms201, talk_201)]
)
def test_stations_and_csms_of_the_package_ocpp(version, csms, talk):
    seen, findings = Seen(), []

    async def serve_ocpp(connection: ServerConnection) -> None:
        with pytest.raises(ConnectionClosed):
            await csms("CP001", connection).start()

    async def scenario() -> None:
        judge = Judge(on_finding=findings.append)
        async with between(seen, serve_ocpp, judge=judge) as (proxy, _):
            async with station(proxy, "/ocpp/CP001", subprotocols=[version]) as socket:
                await talk(socket)
            await closed(proxy)

    run(scenario)
    messages = seen.of(Message)
    calls = [one for one in messages if one.type == 2]
    answers = [one for one in messages if one.type == 3]
    assert len(calls) == len(answers) > 5
    assert sorted(one.call.n for one in answers) == sorted(one.n for one in calls)
    assert {one.session.station for one in messages} == {"CP001"}
    assert seen.of(Opened)[0].subprotocol == version
    assert [(one.by, one.how, one.code) for one in seen.of(Closed)] == [("station", "close", 1000)]
    assert not [one for one in findings if one.severity == "error"]
    assert seen.told == []


# --- WebSocket ----------------------------------------------------------------------------------------------


def test_fragments_pings_and_large_messages_of_both_sides():
    seen = Seen()
    large = '[2,"1","DataTransfer",{"vendorId":"x","data":"' + "é" * (5 << 20) + '"}]'

    async def scenario() -> None:
        async with between(seen, serve_with={"max_size": None}) as (proxy, server):
            async with station(proxy, compression=None) as socket:
                await socket.send(["[2,", '"0","Heart', 'beat",{}]'])
                assert await socket.recv() == '[2,"0","Heartbeat",{}]'
                await (await socket.ping(b"are you there"))
                (theirs,) = server.connections
                await (await theirs.ping(b"and you"))
                await socket.send(large)
                assert await socket.recv() == large
                await socket.send(bytes(range(256)))
                assert await socket.recv() == bytes(range(256))
            await closed(proxy)

    run(scenario)
    texts = [one.raw for one in seen.of(Message)]
    assert texts == ['[2,"0","Heartbeat",{}]'] * 2 + [large] * 2
    assert len(large.encode()) > 10_000_000
    assert len(seen.of(Message)[0].frames) > 2
    assert [(one.direction, one.opcode, one.payload) for one in seen.of(Control)] == [
        (FROM_STATION, "ping", b"are you there"),
        (FROM_CSMS, "pong", b"are you there"),
        (FROM_CSMS, "ping", b"and you"),
        (FROM_STATION, "pong", b"and you"),
    ]
    assert [one.direction for one in seen.of(Damaged)] == [FROM_STATION, FROM_CSMS]  # binary is not OCPP-J


def test_compressed_messages_are_passed_on_as_they_are_and_decoded():
    seen = Seen()
    texts = [f'[2,"{n}","Heartbeat",{{}}]' for n in range(20)]

    async def scenario() -> None:
        async with between(seen) as (proxy, _), station(proxy) as socket:
            for text in texts:
                await socket.send(text)
                assert await socket.recv() == text
            await socket.close()
            await closed(proxy)

    run(scenario)
    assert "permessage-deflate" in seen.of(Opened)[0].extensions
    assert [one.raw for one in seen.of(Message)] == [text for text in texts for _ in range(2)]
    assert all(one.frames[0][0] & 0x40 for one in seen.of(Message))  # RSV1


def test_messages_above_the_limit_pass_all_the_same():
    seen = Seen()

    async def scenario() -> None:
        async with between(seen, max_message=1000) as (proxy, _), station(proxy, compression=None) as socket:
            await socket.send("x" * 5000)
            assert await socket.recv() == "x" * 5000
            await goes_on(socket)
            await socket.close()
            await closed(proxy)

    run(scenario)
    assert [one.direction for one in seen.of(Damaged)] == [FROM_STATION, FROM_CSMS]
    assert len(seen.of(Message)) == 2


# --- HTTP ---------------------------------------------------------------------------------------------------


async def heads(url_path: str, request: bytes, **options: Any) -> tuple[bytes, bytes, int, int]:
    """Both heads as the other side got them, and the ports of proxy and CSMS."""
    seen = Seen()
    with socket.create_server((HOST, 0)) as listener:
        upstream = f"ws://{HOST}:{port_of(listener)}{url_path}"
        async with seen.proxy(upstream, **options) as proxy:
            peer = (await Peer.connect(port_of(proxy))).listen()
            await peer.send(request)
            csms = (await Peer.accept(listener)).listen()
            await until(lambda: csms.got.endswith(b"\r\n\r\n"))
            odd = b"HTTP/1.1 101 sWITCHING\r\nuPGRADE:websocket\r\nSET-cookie: a\r\nX:  1 \r\nset-COOKIE: b\r\n\r\n"
            await csms.send(odd)
            assert await peer.got_all(len(odd)) == odd
            await peer.close()
            await csms.close()
            await closed(proxy)
            return csms.got, peer.got, port_of(proxy), port_of(listener)


STRANGE = (
    "GET /from/the/station/CP%20001?x=1 HTTP/1.1\r\nuSER-aGENT:\tx\r\nHOST: station.view:1\r\n"
    f"AUTHORIZATION: Basic {BINARY_PASSWORD}\r\nupgrade: websocket\r\nX-B: 2\r\nx-a: 1\r\nX-B: 1\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


@pytest.mark.parametrize(
    ("url_path", "target"),
    [
        ("", b"/from/the/station/CP%20001?x=1"),
        ("/", b"/CP%20001?x=1"),
        ("/ocpp/v1", b"/ocpp/v1/CP%20001?x=1"),
    ],
)
def test_headers_pass_in_their_order_and_case_and_only_host_and_path_are_rewritten(url_path, target):
    got, _, _, port = run(lambda: heads(url_path, STRANGE))
    expected = STRANGE.replace(b"/from/the/station/CP%20001?x=1", target)
    assert got == expected.replace(b"station.view:1", b"127.0.0.1:%d" % port)


def test_the_station_is_named_on_request_only():
    got, _, _, _ = run(lambda: heads("", STRANGE, forwarded=True))
    forwarded = got.partition(b"\r\nX-Forwarded-For: ")[2].splitlines()
    assert forwarded == [b"127.0.0.1", b"X-Forwarded-Proto: http", b"X-Forwarded-Host: station.view:1", b""]
    got, _, _, _ = run(lambda: heads("", STRANGE))
    assert b"orwarded" not in got


def test_basic_auth_with_a_binary_password_arrives_and_its_secret_is_in_no_event():
    seen, got = Seen(), []

    async def scenario() -> None:
        async with between(seen) as (proxy, server):
            headers = {"Authorization": f"Basic {BINARY_PASSWORD}"}
            async with station(proxy, additional_headers=headers) as socket:
                (theirs,) = server.connections
                got.append(base64.b64decode(theirs.request.headers["Authorization"].removeprefix("Basic ")))
                await goes_on(socket)
            await closed(proxy)

    run(scenario)
    assert got == [b"CP001:" + bytes(range(256))]
    assert seen.of(Opened)[0].auth == "Basic CP001"


def test_a_csms_that_refuses_is_heard():
    seen = Seen()

    async def scenario() -> None:
        def refuse(connection: ServerConnection, _request: object) -> object:
            return connection.respond(401, "who are you")

        async with between(seen, serve_with={"process_request": refuse}) as (proxy, _):
            with pytest.raises(InvalidStatus) as caught:
                await station(proxy)
            assert caught.value.response.status_code == 401
            assert caught.value.response.body == b"who are you"
            await closed(proxy)

    run(scenario)
    assert [one.status for one in seen.of(Opened)] == [401]
    assert seen.told == []


# --- TLS ----------------------------------------------------------------------------------------------------


@dataclass
class Certificates:
    """Of a CA that all trust, and of one that nobody does."""

    ca: Maker
    stranger: Maker
    ours: tuple[Path, Path]
    csms: tuple[Path, Path]
    client: tuple[Path, Path]
    foreign: tuple[Path, Path]
    foreign_client: tuple[Path, Path]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    ca, stranger = (Maker(tmp_path_factory.mktemp(name), name) for name in ("ca", "stranger"))
    return Certificates(
        ca,
        stranger,
        ca.issue("ours"),
        ca.issue("csms"),
        ca.issue("client"),
        stranger.issue("foreign"),
        stranger.issue("foreign-client"),
    )


def client_side(certificates: Certificates, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.ca.path)
    if own:
        context.load_cert_chain(*own)
    return context


def server_side(own: tuple[Path, Path], wants: Maker | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    if wants:
        context.load_verify_locations(wants.path)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def wss(server: Server) -> str:
    return f"wss://localhost:{port_of(server)}"


def recorded(path: Path) -> list[Any]:
    """The events of a recording that is read again."""
    return [event for batch in open_source([str(path)], SourceOptions()).batches() for event in batch]


@pytest.mark.parametrize("mutual", [False, True], ids=["server only", "mutual"])
@pytest.mark.parametrize(("near", "far"), [(True, False), (False, True), (True, True)])
def test_tls_on_either_side_or_both(certificates, near, far, mutual):
    seen = Seen()

    async def scenario() -> None:
        wants = certificates.ca if mutual else None
        serve_with = {"ssl": server_side(certificates.csms, wants)} if far else {}
        async with (
            serving(**serve_with) as server,
            seen.proxy(
                wss(server) if far else port_of(server),
                station_tls=station_context(*certificates.ours, wants and wants.path) if near else None,
                upstream_tls=upstream_context(
                    certificates.ca.path, *(certificates.client if mutual else (None, None)), False
                ),
            ) as proxy,
        ):
            tls = client_side(certificates, certificates.client if mutual else None) if near else None
            async with station(proxy, tls=tls) as socket:
                await goes_on(socket)
                await (await socket.ping())
            await closed(proxy)

    run(scenario)
    assert [one.raw for one in seen.of(Message)] == ['[2,"ok","Heartbeat",{}]'] * 2
    (opened,) = seen.of(Opened)
    assert (opened.tls is not None) == near
    if near:
        assert opened.tls.version == "TLSv1.3"
    assert [(one.how, one.code) for one in seen.of(Closed)] == [("close", 1000)]
    assert seen.told == []


def test_insecure_takes_any_upstream(certificates):
    async def scenario() -> None:
        seen = Seen()
        async with serving(ssl=server_side(certificates.foreign)) as server:
            upstream_tls = upstream_context(None, None, None, True)
            url = f"wss://{HOST}:{port_of(server)}"
            async with seen.proxy(url, upstream_tls=upstream_tls) as proxy, station(proxy) as socket:
                await goes_on(socket)
        assert seen.told == []

    run(scenario)


def test_a_large_message_through_tls_on_both_sides(certificates):
    seen = Seen()
    large = "[" + '"x",' * 700_000 + '"y"]'

    async def scenario() -> None:
        async with (
            serving(ssl=server_side(certificates.csms), max_size=None) as server,
            seen.proxy(
                wss(server),
                station_tls=station_context(*certificates.ours, None),
                upstream_tls=upstream_context(certificates.ca.path, None, None, False),
            ) as proxy,
        ):
            async with station(proxy, tls=client_side(certificates), compression=None) as socket:
                await socket.send(large)
                assert await socket.recv() == large
                await goes_on(socket)
            await closed(proxy)

    run(scenario)
    assert seen.told == []


# --- what goes wrong ----------------------------------------------------------------------------------------


async def refused(proxy: Proxy, **options: Any) -> str:
    """What a station is told in the upstream's place."""
    with pytest.raises(InvalidStatus) as caught:
        await station(proxy, **options)
    response = caught.value.response
    assert response.status_code == 502
    return response.body.decode()


def test_a_csms_that_is_not_there_is_a_502_with_the_reason_and_told():
    seen = Seen()
    port = free_port()

    async def scenario() -> None:
        async with seen.proxy(port) as proxy:
            body = await refused(proxy)
            assert (
                body
                == f"ocppscope: the upstream 127.0.0.1:{port} refuses connections: no CSMS listens there\n"
            )
            await closed(proxy)

    run(scenario)
    (told,) = seen.told
    assert f"the upstream 127.0.0.1:{port} refuses connections" in told
    assert "got a 502" in told
    assert [one.status for one in seen.of(Opened)] == [502]  # recorded, too


def test_a_csms_whose_name_is_unknown(monkeypatch):
    seen = Seen()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        resolve = loop.getaddrinfo

        async def unknown(host: str, *rest: Any, **options: Any) -> Any:
            if host == "no-such-host.invalid":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return await resolve(host, *rest, **options)

        monkeypatch.setattr(loop, "getaddrinfo", unknown)
        async with seen.proxy("ws://no-such-host.invalid:9000/ocpp") as proxy:
            expected = (
                "the upstream's name no-such-host.invalid cannot be resolved: Name or service not known"
            )
            assert expected in await refused(proxy)

    run(scenario)
    assert "cannot be resolved" in seen.told[0]


def test_a_csms_that_does_not_answer_in_time(monkeypatch):
    seen = Seen()
    monkeypatch.setattr(module, "_CONNECT_TIME", 0.05)

    async def scenario() -> None:
        async def never(*_: Any, **__: Any) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
        async with seen.proxy("ws://192.0.2.1:9") as proxy:
            answer = await ask(port_of(proxy), upgrade_to(1))
            assert b"the upstream 192.0.2.1:9 did not answer in" in answer

    run(scenario)


def test_a_csms_that_comes_back_is_found_by_the_next_station():
    async def scenario() -> None:
        seen = Seen()
        port = free_port()
        async with seen.proxy(port) as proxy:
            await refused(proxy)
            csms = serve(echo, HOST, port, subprotocols=["ocpp1.6"], close_timeout=1)
            async with csms, station(proxy) as socket:
                await goes_on(socket)

    run(scenario)


def test_the_502_arrives_though_the_station_went_on_talking():
    async def scenario() -> None:
        seen = Seen()
        async with seen.proxy(free_port()) as proxy:
            peer = (await Peer.connect(port_of(proxy))).listen()
            await peer.send(upgrade_to(1))
            for _ in range(20):
                await peer.send(bytes(50_000))  # unread when we hang up
            assert await peer.ended() == "fin"
            assert b"502 Bad Gateway" in peer.got
            peer.fin()
            await closed(proxy)
            await peer.close()

    run(scenario)


@pytest.mark.parametrize(
    ("first", "said_to_us"),
    [
        (b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03", "it speaks TLS, and this port does not"),
        (b"\x00\xff garbage", "what it sends is no HTTP request: it begins with 00 ff"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it begins with 'SSH-2.0-'"),
        (b"GET /" + b"x" * 70_000, "a head of more than 65,536 bytes"),
    ],
)
def test_a_station_that_speaks_no_http_is_named_and_others_go_on(first, said_to_us):
    seen = Seen()

    async def scenario() -> None:
        async with between(seen) as (proxy, _), station(proxy) as other:
            answer = await ask(port_of(proxy), first)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert said_to_us.encode() in answer
            await goes_on(other)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("station 127.0.0.1:")
    assert said_to_us in told


def test_a_station_with_tls_at_a_plain_port(certificates):
    seen = Seen()

    async def scenario() -> None:
        async with between(seen) as (proxy, _), station(proxy) as other:
            with pytest.raises(ssl.SSLError):
                await station(proxy, tls=client_side(certificates))
            await goes_on(other)

    run(scenario)
    (told,) = seen.told
    assert "it speaks TLS, and this port does not" in told
    assert "--tls-auto" in told


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    with socket.create_connection((HOST, port)) as plain:
        context.wrap_socket(plain, server_hostname="localhost").close()


@pytest.mark.parametrize(
    ("own", "who", "said_to_us"),
    [
        (None, "plain", "speaks plain HTTP to a TLS port"),
        (None, "no-certificate", "shows no client certificate, and --client-ca wants one"),
        ("foreign_client", "certificate", "shows a client certificate that is not signed by --client-ca"),
        ("client", "distrusting", "does not trust our certificate"),
    ],
)
def test_a_station_that_does_not_agree_on_tls_is_named_and_others_go_on(certificates, own, who, said_to_us):
    seen = Seen()

    async def scenario() -> None:
        tls = station_context(*certificates.ours, certificates.ca.path)
        context = client_side(certificates, own and getattr(certificates, own))
        if who == "distrusting":
            context = ssl.create_default_context(cafile=certificates.stranger.path)
            context.load_cert_chain(*certificates.client)
        async with (
            between(seen, station_tls=tls) as (proxy, _),
            station(proxy, tls=client_side(certificates, certificates.client)) as other,
        ):
            attempt: Any = station(proxy, tls=None if who == "plain" else context)
            if who == "distrusting":  # asyncio would hang up without a word
                attempt = asyncio.to_thread(shake_hands, port_of(proxy), context)
            with pytest.raises((OSError, InvalidMessage)):
                await attempt
            await until(lambda: seen.told)
            await goes_on(other)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("The station 127.0.0.1:")
    assert said_to_us in told


@pytest.mark.parametrize(
    ("csms", "trusted", "said_to_us"),
    [
        ("foreign", True, "shows a certificate that is not trusted here: name its CA with --upstream-ca"),
        ("csms", False, "shows a certificate that is not trusted here"),
        (None, True, "check that the port of --upstream is the one for TLS"),  # as websockets hangs up
    ],
)
def test_a_csms_whose_tls_is_wrong_is_named_and_the_station_told(certificates, csms, trusted, said_to_us):
    seen = Seen()

    async def scenario() -> None:
        serve_with = {"ssl": server_side(getattr(certificates, csms))} if csms else {}
        upstream_tls = None if not trusted else upstream_context(certificates.ca.path, None, None, False)
        async with (
            serving(**serve_with) as server,
            seen.proxy(wss(server), upstream_tls=upstream_tls) as proxy,
        ):
            assert said_to_us in await refused(proxy)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("The CSMS localhost:")
    assert said_to_us in told


def test_a_csms_without_tls_that_is_named_wss():
    seen = Seen()

    async def scenario() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with (
            await asyncio.start_server(plain, HOST, 0) as server,
            seen.proxy(f"wss://{HOST}:{port_of(server)}") as proxy,
        ):
            assert "speaks no TLS on this port: use ws:// in --upstream" in await refused(proxy)

    run(scenario)


def test_a_csms_that_another_name_has(certificates):
    seen = Seen()

    async def scenario() -> None:
        upstream_tls = upstream_context(certificates.ca.path, None, None, False)
        async with (
            serving(ssl=server_side(certificates.csms)) as server,
            seen.proxy(f"wss://{HOST}:{port_of(server)}", upstream_tls=upstream_tls) as proxy,
        ):
            assert "shows a certificate for another name" in await refused(proxy)

    run(scenario)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("own", [None, "foreign_client"])
def test_a_csms_that_wants_another_client_certificate_is_a_502(certificates, own, version):
    seen = Seen()

    async def scenario() -> None:
        tls = server_side(certificates.csms, certificates.ca)
        tls.maximum_version = version
        shown = getattr(certificates, own) if own else (None, None)
        upstream_tls = upstream_context(certificates.ca.path, *shown, False)
        async with serving(ssl=tls) as server, seen.proxy(wss(server), upstream_tls=upstream_tls) as proxy:
            assert "client certificate" in await refused(proxy)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("The CSMS localhost:")
    assert "--upstream-cert" in told


def test_a_csms_with_tls_that_is_named_ws(certificates):
    seen = Seen()

    async def scenario() -> None:
        async with (
            serving(ssl=server_side(certificates.csms)) as server,
            seen.proxy(port_of(server)) as proxy,
        ):
            await ask(port_of(proxy), upgrade_to(1))
            await closed(proxy)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("upstream 127.0.0.1:")
    assert "name it wss://" in told


@pytest.mark.parametrize(
    ("answer", "said_to_us"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x0a", "it speaks TLS: name it wss://"),
        (b"220 smtp.example ready\r\n", "its answer is no HTTP: it begins with 32 32 30"),
        (b"", "it hung up without an answer"),
    ],
)
def test_an_upstream_that_is_no_csms_is_named(answer, said_to_us):
    seen = Seen()

    async def scenario() -> None:
        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(other, HOST, 0) as server, seen.proxy(port_of(server)) as proxy:
            assert await ask(port_of(proxy), upgrade_to(1)) == answer  # as it came
            await closed(proxy)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("upstream 127.0.0.1:")
    assert said_to_us in told


def test_a_station_that_leaves_at_once_is_no_news():
    seen = Seen()

    async def scenario() -> None:
        async with between(seen) as (proxy, server):
            assert await ask_nothing(proxy) == b""
            await closed(proxy)
            assert not server.connections

    async def ask_nothing(proxy: Proxy) -> bytes:
        peer = (await Peer.connect(port_of(proxy))).listen()
        peer.fin()
        assert await peer.ended() == "fin"
        await peer.close()
        return peer.got

    run(scenario)
    assert seen.told == []


@pytest.mark.parametrize("first", [b"", b"GET /half HTTP/1.1\r\nHost"])
def test_a_station_that_asks_for_nothing_is_closed(monkeypatch, first):
    monkeypatch.setattr(module, "_QUIET_TIME", 0.02)
    seen = Seen()

    async def scenario() -> None:
        async with between(seen) as (proxy, _), station(proxy) as other:
            assert await ask(port_of(proxy), first) == b""
            await goes_on(other)

    run(scenario)
    assert "connected, but asked for nothing" in seen.told[0]


def test_half_a_request_and_the_end_reach_the_csms():
    async def scenario() -> None:
        seen = Seen()
        with socket.create_server((HOST, 0)) as listener:
            async with seen.proxy(port_of(listener)) as proxy:
                peer = (await Peer.connect(port_of(proxy))).listen()
                await peer.send(b"GET /CP001 HTTP/1.1\r\nHo")
                peer.fin()
                csms = (await Peer.accept(listener)).listen()
                assert await csms.ended() == "fin"
                assert csms.got == b"GET /CP001 HTTP/1.1\r\nHo"
                csms.fin()
                assert await peer.ended() == "fin"
                await closed(proxy)
                await peer.close()
                await csms.close()

    run(scenario)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_station_of_tls_that_leaves_while_the_csms_is_connected(certificates, tmp_path, how):
    """What it said goes to the CSMS all the same, or nowhere without noise if there is none."""
    seen = Seen()

    async def scenario(upstream: int, packets: PacketRecording, listener: socket.socket | None) -> None:
        tls = station_context(*certificates.ours, None)
        async with seen.proxy(upstream, station_tls=tls, packets=packets) as proxy:
            is_gone = asyncio.Event()
            create = asyncio.get_running_loop().create_connection

            async def late(*words: Any, **options: Any) -> Any:
                await is_gone.wait()
                return await create(*words, **options)

            with pytest.MonkeyPatch.context() as patch:
                _reader, writer = await asyncio.open_connection(
                    HOST, port_of(proxy), ssl=client_side(certificates), server_hostname="localhost"
                )
                patch.setattr(asyncio.get_running_loop(), "create_connection", late)
                writer.write(upgrade_to(port_of(proxy)))
                if how == "rst":
                    await until(lambda: proxy._relays and not next(iter(proxy._relays)).is_quiet)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    writer.transport.abort()
                writer.close()
                await writer.wait_closed()
                await closed(proxy)
                is_gone.set()
                if listener:
                    csms = (await Peer.accept(listener)).listen()
                    assert await csms.ended() == "fin"
                    assert csms.got.startswith(b"GET /ocpp/CP001 HTTP/1.1\r\n")
                    await csms.close()
                else:
                    await until(lambda: seen.told)
                await until(lambda: len(proxy._tasks) == 1)  # the one that flushes

    def recording(name: str) -> PacketRecording:
        return PacketRecording(tmp_path / name, Rotation(), seen.told.append)

    with socket.create_server((HOST, 0)) as listener:
        run(lambda: scenario(port_of(listener), recording("a.pcapng"), listener))
    assert seen.told == []
    run(lambda: scenario(free_port(), recording("b.pcapng"), None))
    assert len(seen.told) == 1


# --- listening ----------------------------------------------------------------------------------------------


def test_a_port_in_use_and_the_recording_is_complete():
    async def scenario(port: int) -> None:
        done: list[str] = []
        packets = SimpleNamespace(close=lambda: done.append("closed"))
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}: the port is in use by another program"):
            await Proxy(f"{HOST}:{port}", "ws://h", packets=packets).__aenter__()
        assert done == ["closed"]

    with socket.create_server((HOST, 0)) as other:
        run(lambda: scenario(port_of(other)))


@pytest.mark.parametrize(
    ("listen", "said_to_us"),
    [
        ("9000", "expected HOST:PORT"),
        ("127.0.0.1:port", "expected HOST:PORT"),
        ("127.0.0.1:70000", "expected HOST:PORT"),
        ("192.0.2.1:0", "this machine has no such address"),
        ("no-such-host.invalid:0", "no-such-host.invalid is no address of this machine"),
        (f"{'a' * 64}.invalid:0", "is no address of this machine"),
    ],
)
def test_where_nobody_can_listen(listen, said_to_us):
    async def scenario() -> None:
        with pytest.raises(ListenError, match=said_to_us):
            await Proxy(listen, "ws://h").start()

    run(scenario)


def test_every_address_gets_the_same_port():
    async def scenario() -> None:
        async with Proxy(":0", "ws://h") as proxy:
            hosts = {host for host, _ in proxy.addresses}
            assert "0.0.0.0" in hosts
            assert len({port for _, port in proxy.addresses}) == 1

    run(scenario)


def test_ipv6_on_both_legs():
    async def scenario() -> None:
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("no IPv6 here")
        with listener:
            seen = Seen()
            proxy = Proxy("[::1]:0", f"ws://[::1]:{port_of(listener)}", tell=seen.told.append, forwarded=True)
            proxy.judge.listeners.append(seen.events.extend)
            async with proxy:
                client = socket.create_connection(("::1", port_of(proxy)))
                peer = Peer(client).listen()
                await peer.send(upgrade_to(1))
                csms = (await Peer.accept(listener)).listen()
                await until(lambda: b"\r\n\r\n" in csms.got)
                await csms.send(AGREED)
                await peer.got_all(len(AGREED))
                await peer.close()
                await csms.close()
                await closed(proxy)
        assert b"Host: [::1]:%d\r\n" % port_of(listener) in csms.got if listener.fileno() > 0 else True
        assert b"X-Forwarded-For: ::1\r\n" in csms.got
        assert seen.of(Opened)[0].session.client.startswith("[::1]:")

    run(scenario)


def test_without_an_upstream_it_has_to_be_transparent():
    with pytest.raises(UrlError, match="an upstream is needed"):
        Proxy(":0", None)
    with pytest.raises(UrlError, match="an upstream is needed"):
        Proxy(":0", "ws://h", is_transparent=True)


def test_a_connection_that_was_not_redirected_is_told():
    told: list[str] = []

    async def scenario() -> None:
        async with Proxy(f"{HOST}:0", None, is_transparent=True, tell=told.append) as proxy:
            assert await ask(port_of(proxy), b"") == b""

    run(scenario)
    assert "was not redirected, it is for this port itself: closed" in told[0]


def test_too_many_open_files_are_told_and_stations_come_again_later(monkeypatch):
    monkeypatch.setattr(module, "_AGAIN", 0.01)
    seen = Seen()

    class Full:
        """A listening socket in a process that may have no more files, once."""

        def __init__(self, real: socket.socket) -> None:
            self.real = real
            self.refusals = 1

        def accept(self) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return self.real.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    async def scenario() -> None:
        async with between(seen) as (proxy, _):
            (real,) = proxy._sockets
            loop = asyncio.get_running_loop()
            loop.remove_reader(real)
            full = Full(real)
            proxy._sockets[:] = [full]
            loop.add_reader(full, proxy._accept, full)
            async with station(proxy) as other:
                await goes_on(other)

    run(scenario)
    (told,) = seen.told
    assert told.startswith("no more stations for the moment: Too many open files")
    assert "ulimit -n" in told


# --- as a library -------------------------------------------------------------------------------------------


def test_events_can_be_iterated_over_until_the_proxy_stops():
    async def scenario() -> list[Any]:
        seen = Seen()
        async with between(seen) as (proxy, _):
            events = proxy.events()
            first = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            async with station(proxy) as socket:
                await goes_on(socket)
            got = [await first]
            async for event in events:
                got.append(event)
                if isinstance(event, Closed):
                    stopping = asyncio.ensure_future(proxy.stop())
            await stopping
            return got

    kinds = [type(event).__name__ for event in run(scenario)]
    assert kinds == ["Opened", "Message", "Message", "Closed"]


def test_whoever_iterates_too_slowly_is_told_what_is_lost(monkeypatch):
    monkeypatch.setattr(module, "_EVENTS_WAITING", 3)

    async def scenario() -> list[Any]:
        seen = Seen()
        async with between(seen) as (proxy, _):
            events = proxy.events()
            first = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            async with station(proxy) as socket:
                opened = await first
                for _ in range(5):
                    await goes_on(socket)
                proxy.taps.drain()
                return [opened, *[await anext(events) for _ in range(4)], await events.aclose()]

    *got, _ = run(scenario)
    assert [type(event).__name__ for event in got] == ["Opened", "Message", "Message", "Message", "Notice"]
    assert got[-1].kind == "events.lost"
    assert got[-1].detail == "7 events came too fast"


def test_findings_come_as_they_occur():
    findings: list[Finding] = []

    async def scenario() -> None:
        async with (
            between(Seen(), judge=Judge(on_finding=findings.append)) as (proxy, _),
            station(proxy, "/CP007") as socket,
        ):
            await socket.send('[2,"1","NoSuchAction",{}]')
            await until(lambda: any(one.severity != "info" for one in findings))  # the session is open
            for _ in range(3):
                await socket.send('[2,"1","NoSuchAction",{}]')

    run(scenario)
    assert "RPC-019" in {one.rule.id for one in findings}
    assert len(findings) == len(set(map(id, findings)))  # each once
    assert {one.session.station for one in findings} == {"CP007"}


# --- recordings ---------------------------------------------------------------------------------------------


def test_the_recording_says_what_was_seen_live_and_holds_plain_bytes(certificates, tmp_path):
    seen, path = Seen(), tmp_path / "a.pcapng"
    large = '[2,"9","DataTransfer",{"data":"' + "x" * 200_000 + '"}]'

    async def scenario() -> None:
        packets = PacketRecording(path, Rotation(), seen.told.append)
        tls = station_context(*certificates.ours, None)
        async with between(seen, packets=packets, station_tls=tls) as (proxy, _):
            async with station(proxy, "/a/CP001", tls=client_side(certificates)) as socket:
                await goes_on(socket)
                await socket.send(large)
                assert await socket.recv() == large
                await (await socket.ping(b"!"))
            await closed(proxy)

    run(scenario)
    assert path.stat().st_mode & 0o777 == 0o600
    live = [one.raw for one in seen.of(Message)]
    events = recorded(path)
    assert (
        [one.text for one in events if hasattr(one, "text")]
        == live
        == ['[2,"ok","Heartbeat",{}]'] * 2 + [large] * 2
    )
    opened = next(one for one in events if isinstance(one, Opened))
    (was,) = seen.of(Opened)
    assert (opened.request, opened.response, opened.tls) == (was.request, was.response, was.tls)
    assert (opened.session.client, opened.time) == (was.session.client, was.time)
    assert b"GET /a/CP001 HTTP/1.1\r\n" in path.read_bytes()


def test_broken_frames_pass_on_unchanged_and_are_recorded(tmp_path):
    seen, path = Seen(), tmp_path / "a.pcapng"
    broken = b"\x83\x85\x00\x00\x00\x00hello" + said("not json")

    async def scenario() -> None:
        packets = PacketRecording(path, Rotation(), seen.told.append)
        with socket.create_server((HOST, 0)) as listener:
            async with seen.proxy(port_of(listener), packets=packets) as proxy:
                peer = (await Peer.connect(port_of(proxy))).listen()
                await peer.send(upgrade_to(port_of(proxy)))
                csms = (await Peer.accept(listener)).listen()
                await until(lambda: csms.got)
                head = len(csms.got)
                await csms.send(AGREED)
                await peer.got_all(len(AGREED))
                await peer.send(broken)
                assert (await csms.got_all(head + len(broken)))[head:] == broken
                await peer.close()
                await csms.close()
                await closed(proxy)

    run(scenario)
    live, again = seen.of(Damaged), [one for one in recorded(path) if isinstance(one, Damaged)]
    assert live[0].raw == b"hello"
    assert [(one.raw, one.reason, one.time) for one in again] == [
        (one.raw, one.reason, one.time) for one in live if one.layer != "json"
    ]
    assert broken in path.read_bytes()


# --- faults -------------------------------------------------------------------------------------------------


def test_only_a_session_with_a_fault_is_touched_and_what_was_done_is_marked(tmp_path):
    seen, path = Seen(), tmp_path / "a.pcapng"
    faults = [parse_fault("replace /interval 1 when station == 'CP002' and action == 'BootNotification'")]
    got: dict[str, str | bytes] = {}

    async def csms(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(BOOTED)

    async def scenario() -> None:
        packets = PacketRecording(path, Rotation(), seen.told.append, with_faults=True)
        async with between(seen, csms, faults=faults, packets=packets) as (proxy, _):
            for name in ("CP001", "CP002"):
                async with station(proxy, f"/{name}") as socket:
                    await socket.send(BOOT)
                    got[name] = await socket.recv()
            await closed(proxy)

    run(scenario)
    assert got["CP001"] == BOOTED
    assert '"interval":1}' in got["CP002"].replace(" ", "")
    assert [one.raw for one in seen.of(Message)] == [BOOT, BOOTED] * 2  # what was said
    comments = path.read_bytes()
    first, second = comments.split(b"GET /CP002 ", 1)
    assert b"ocppscope fault: " not in first
    assert b"ocppscope fault: " in second
    assert b"(replace /interval 1" in second


def test_a_dropped_call_never_arrives_and_an_answer_of_ours_does():
    arrived: list[str | bytes] = []

    async def csms(connection: ServerConnection) -> None:
        async for text in connection:
            arrived.append(text)
            await connection.send(BOOTED)

    async def scenario() -> None:
        seen = Seen()
        faults = [parse_fault("answer InternalError when action == 'Authorize'")]
        async with between(seen, csms, faults=faults) as (proxy, _), station(proxy) as socket:
            await socket.send('[2,"5","Authorize",{"idTag":"04A3"}]')
            assert (await socket.recv()).startswith('[4,"5","InternalError"')
            await socket.send(BOOT)
            assert await socket.recv() == BOOTED

    run(scenario)
    assert arrived == [BOOT]


# --- the mirror ---------------------------------------------------------------------------------------------


def test_a_second_csms_gets_what_stations_say_and_its_failure_harms_nobody():
    copies: list[str | bytes] = []

    async def second(connection: ServerConnection) -> None:
        async for text in connection:
            copies.append(text)
            await connection.send('[3,"ok",{"of":"the mirror"}]')

    async def scenario() -> None:
        seen = Seen()
        async with serving(second) as copy:
            mirror = Mirror(f"ws://{HOST}:{port_of(copy)}", tell=seen.told.append)
            async with between(seen, mirror=mirror) as (proxy, _), station(proxy) as socket:
                await goes_on(socket)
                await until(lambda: copies)
                copy.close()
                await goes_on(socket)  # only the CSMS answers

    run(scenario)
    assert copies[0] == '[2,"ok","Heartbeat",{}]'
