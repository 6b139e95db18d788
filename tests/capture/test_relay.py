"""Bytes on their way: whatever is said and however it ends, both sides see what they see without us."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocppscope.capture import proxy as module
from ocppscope.capture.faults.spec import parse_fault
from ocppscope.capture.proxy import Proxy
from ocppscope.capture.relay import Relay
from ocppscope.capture.upgrade import Requests
from ocppscope.events import Closed
from tests.capture.proxied import (
    AGREED,
    BOOT,
    BOOTED,
    HOST,
    Peer,
    Seen,
    answered,
    port_of,
    run,
    said,
    until,
    upgrade_to,
)
from tests.wire.packets import CLOSE, PING, frame

STATION, CSMS = 0, 1

# --- the property -------------------------------------------------------------------------------------------

REQUEST = upgrade_to(50000).replace(b"50000", b"%d")
"""Ports that the system picks have five digits."""
PLAIN = b"GET /about HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Case: kEPT\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

FRAMES = [
    said(BOOT),
    frame(PING, b"?", masked=True),
    frame(CLOSE, b"\x03\xe8", masked=True),
    answered(BOOTED),
]
BROKEN = [
    frame(3, b"reserved", masked=True),
    frame(PING, bytes(126)),
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\xfe",
    b"GET /again HTTP/1.1\r\nHost: 127.0.0.1:50000\r\n\r\n",
    b"GET ",
    b"D",
    AGREED,
    said('[2,"1","Heart'),
]
chunks = st.one_of(st.sampled_from(FRAMES), st.sampled_from(BROKEN), st.binary(min_size=1, max_size=300))
speech = st.lists(st.tuples(st.sampled_from([STATION, CSMS]), chunks), max_size=8)


@dataclass
class Play:
    """What two peers do, in order.

    Args:
        opening: what the station asks, where %d is the port that it connects to, with what is answered to it.
        cuts: where the station's first bytes are cut.
        early: what the station says before it is answered.
        talk: what is said then, and by whom.
        ends: who ends it in which way.
    """

    opening: list[tuple[bytes, bytes]]
    cuts: list[int] = field(default_factory=list)
    early: bytes = b""
    talk: list[tuple[int, bytes]] = field(default_factory=list)
    ends: list[tuple[int, str]] = field(default_factory=list)


async def perform(play: Play, listener: socket.socket, port: int) -> list[tuple[bytes, str]]:
    """Let two raw peers do it; the station connects to a port.

    Returns:
        What the station and the CSMS saw, and how each of them saw it end, with the port of hosts taken out.
    """
    station = (await Peer.connect(port)).listen()
    first = play.opening[0][0].replace(b"%d", b"%d" % port)
    edges = [0, *sorted(cut % len(first) for cut in play.cuts), len(first)]
    for begin, end in pairwise(edges):
        if begin < end:
            await station.send(first[begin:end])
            await asyncio.sleep(0)
    csms = (await Peer.accept(listener)).listen()
    peers = (station, csms)
    sent = [len(first), 0]
    for index, (request, response) in enumerate(play.opening):
        if index:
            await station.send(request.replace(b"%d", b"%d" % port))
            sent[STATION] += len(request.replace(b"%d", b"%d" % port))
        await csms.got_all(sent[STATION])
        if request is REQUEST:
            await station.send(play.early)
            sent[STATION] += len(play.early)
        await csms.send(response)
        sent[CSMS] += len(response)
        await station.got_all(sent[CSMS])
    gone: set[int] = set()
    for side, data in play.talk:
        await peers[side].send(data)
        sent[side] += len(data)
    for side, how in play.ends:
        if how == "more":
            await peers[side].send(FRAMES[0])
            sent[side] += len(FRAMES[0])
            continue
        if how == "rst":
            for one in (STATION, CSMS):  # a reset overtakes what is on its way, also without us
                await peers[1 - one].got_all(sent[one])
            await peers[side].rst()
        else:
            peers[side].fin()
        gone.add(side)
        await peers[1 - side].ended()
        if how == "rst":
            break
    else:
        for side in (STATION, CSMS):
            if side not in gone:
                peers[side].fin()
        for peer in peers:
            await peer.ended()
    for peer in peers:
        await peer.close()
    return [(re.sub(rb"(Host: 127.0.0.1:)\d{5}", rb"\1port", peer.got), peer.end) for peer in peers]


def compare(play: Play, **options: object) -> None:
    async def scenario() -> None:
        seen = Seen()
        with socket.create_server((HOST, 0)) as listener:
            alone = await perform(play, listener, port_of(listener))
            async with seen.proxy(port_of(listener), **options) as proxy:
                through = await perform(play, listener, port_of(proxy))
                await until(lambda: proxy.load.open == 0)
        assert through == alone
        assert not [text for text in seen.told if "bug" in text]

    run(scenario)


ends = st.sampled_from(
    [
        [],
        [(STATION, "fin")],
        [(CSMS, "fin")],
        [(STATION, "fin"), (CSMS, "more"), (CSMS, "fin")],
        [(CSMS, "fin"), (STATION, "more"), (STATION, "fin")],
        [(STATION, "rst")],
        [(CSMS, "rst")],
        [(STATION, "fin"), (CSMS, "rst")],
        [(CSMS, "fin"), (STATION, "rst")],
    ]
)
cuts = st.lists(st.integers(0, 200), max_size=5)


@settings(max_examples=150)
@given(cuts=cuts, early=st.one_of(st.just(b""), chunks), talk=speech, ends=ends)
@example(cuts=[1, 2, 3], early=b"G", talk=[(STATION, b"ET / HTTP/1.1\r\n\r\n")], ends=[(STATION, "fin")])
@example(cuts=[], early=b"", talk=[(CSMS, b"\x16\x03\x01"), (STATION, b"\x00" * 300)], ends=[(CSMS, "rst")])
def test_a_session_is_seen_as_without_us(cuts, early, talk, ends):
    compare(Play([(REQUEST, AGREED)], cuts, early, talk, ends))


@settings(max_examples=30)
@given(
    before=st.lists(st.just((PLAIN, OK)), max_size=2),
    refusal=st.sampled_from([REFUSED, OK, b"garbage instead", AGREED[:20]]),
    cuts=cuts,
    talk=speech.map(lambda words: [one for one in words if one[0] == CSMS]),
    ends=ends.filter(lambda how: (STATION, "rst") not in how),
)
def test_http_is_seen_as_without_us(before, refusal, cuts, talk, ends):
    compare(Play([*before, (REQUEST, refusal)], cuts, b"", talk, ends))


def test_half_a_second_request_is_seen_as_without_us():
    half = b"GET /again HTTP/1.1\r\nHo"
    compare(Play([(REQUEST, REFUSED)], talk=[(STATION, half)], ends=[(STATION, "fin")]))


def test_a_second_request_whose_head_does_not_end_passes_all_the_same():
    seen = Seen()
    endless, rest = b"GET /again HTTP/1.1\r\nX: " + b"x" * 70_000, b"y\r\n\r\n" + FRAMES[0]

    async def scenario() -> None:
        with socket.create_server((HOST, 0)) as listener:
            async with seen.proxy(port_of(listener)) as proxy:
                station = (await Peer.connect(port_of(proxy))).listen()
                first = PLAIN.replace(b"%d", b"%d" % port_of(listener))
                await station.send(first)
                csms = (await Peer.accept(listener)).listen()
                await csms.got_all(len(first))
                await station.send(endless)
                await until(lambda: seen.told)
                await station.send(rest)
                assert await csms.got_all(len(first + endless + rest)) == first + endless + rest
                await station.close()
                await csms.close()

    run(scenario)
    assert "a head of more than 65,536 bytes" in seen.told[0]


@settings(max_examples=30)
@given(talk=speech, ends=ends)
@example(talk=[(STATION, b"\xff" * 20), (CSMS, said(BOOT))], ends=[(CSMS, "fin"), (STATION, "more")])
def test_faults_of_other_stations_change_nothing(talk, ends):
    faults = [parse_fault("drop when station == 'OTHER'"), parse_fault("corrupt when station == 'OTHER'")]
    compare(Play([(REQUEST, AGREED)], talk=talk, ends=ends), faults=faults)


# --- what it does not see -----------------------------------------------------------------------------------


class Packets:
    """A recording that keeps who did what."""

    def __init__(self) -> None:
        self.said = [b"", b""]
        self.ends: list[tuple[str, int]] = []
        self.closed_count = 0

    def opened(self, *_: object) -> None:
        pass

    def data(self, _connection: object, side: int, data: bytes, *_: object) -> None:
        self.said[side] += data

    def fin(self, _connection: object, side: int, _time: int) -> None:
        self.ends.append(("fin", side))

    def reset(self, _connection: object, side: int, _time: int) -> None:
        self.ends.append(("rst", side))

    def closed(self, *_: object) -> None:
        self.closed_count += 1

    def flush(self, _now: int) -> None:
        pass

    def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def session(seen: Seen, **options: object) -> AsyncIterator[tuple[Proxy, Peer, Peer]]:
    """A session of raw peers, opened."""
    with socket.create_server((HOST, 0)) as listener:
        async with seen.proxy(port_of(listener), **options) as proxy:
            station = (await Peer.connect(port_of(proxy))).listen()
            request = upgrade_to(port_of(proxy))
            await station.send(request)
            csms = await Peer.accept(listener)
            await asyncio.get_running_loop().sock_recv(csms.sock, 1 << 16)
            await csms.send(AGREED)
            await station.got_all(len(AGREED))
            try:
                yield proxy, station, csms
            finally:
                await station.close()
                await csms.close()


def test_the_recording_holds_what_each_side_said_and_how_it_ended():
    packets = Packets()

    async def scenario() -> None:
        async with session(Seen(), packets=packets) as (proxy, station, csms):
            csms.listen()
            await station.send(said(BOOT) + b"\xff")
            await csms.got_all(len(said(BOOT)) + 1)
            await csms.send(answered(BOOTED))
            await station.got_all(len(AGREED + answered(BOOTED)))
            station.fin()
            assert await csms.ended() == "fin"
            (relay,) = proxy._relays
            for hold in (True, False):  # reading goes on, and finds the end again
                relay.hold_back(STATION, hold=hold, reason="test")
            await csms.send(answered(BOOTED))
            await station.got_all(len(AGREED + answered(BOOTED) * 2))
            await csms.rst()
            assert await station.ended() == "rst"
            await until(lambda: proxy.load.open == 0)

    run(scenario)
    assert packets.said[STATION].endswith(b"\r\n\r\n" + said(BOOT) + b"\xff")
    assert packets.said[CSMS] == AGREED + answered(BOOTED) * 2
    assert packets.ends == [("fin", STATION), ("rst", CSMS)]
    assert packets.closed_count == 1


def test_a_slow_reader_holds_its_peer_back_and_memory_stays_flat():
    seen, packets = Seen(), Packets()
    size, chunk = 28 << 20, said(b"x" * 60_000)  # more than the kernel's buffers on the way

    async def scenario() -> None:
        async with session(seen, packets=packets) as (proxy, station, csms):
            (relay,) = proxy._relays
            sent = 0

            async def talk() -> None:
                nonlocal sent
                while sent < size:
                    await station.send(chunk)
                    sent += len(chunk)
                station.fin()

            talking = asyncio.create_task(talk())
            await until(lambda: "slow" in relay._holds[STATION])
            before = len(packets.said[STATION])
            assert relay.csms.transport.get_write_buffer_size() < 1 << 20
            assert not talking.done()  # the station cannot get rid of it
            got, loop = 0, asyncio.get_running_loop()
            buffer = bytearray(1 << 20)
            largest = 0
            while count := await loop.sock_recv_into(csms.sock, buffer):
                got += count
                largest = max(largest, relay.csms.transport.get_write_buffer_size())
            await talking
            assert got == sent
            assert before < sent  # it came while there was somebody to read it
            assert largest < 1 << 20
            csms.fin()
            assert await station.ended() == "fin"
            await until(lambda: proxy.load.open == 0)

    run(scenario)
    assert packets.ends == [("fin", STATION), ("fin", CSMS)]  # once each, though reading paused around it


def test_both_sides_are_closed_at_the_end_and_who_does_not_read_is_cut_off():
    async def scenario() -> None:
        seen = Seen()
        async with session(seen) as (proxy, station, csms):
            (relay,) = proxy._relays
            with contextlib.suppress(BlockingIOError):
                while True:
                    station.sock.send(said(b"x" * 60_000))
                    await asyncio.sleep(0)
            await until(lambda: "slow" in relay._holds[STATION])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "_LAST_WORDS", 0.05)
                await proxy.stop()
            assert relay.station.is_lost
            assert relay.csms.is_lost
            await station.ended()
            assert await csms.listen().ended() == "rst"
        assert [event.how for event in seen.of(Closed)] == ["end-of-capture"]

    run(scenario)


def test_a_station_that_has_gone_hears_nothing_of_a_fault():
    async def scenario() -> None:
        async with session(Seen(), faults=[parse_fault("close 1011 when action == 'Reset'")]) as peers:
            proxy, station, csms = peers
            csms.listen()
            station.fin()
            assert await csms.ended() == "fin"
            await csms.send(answered('[2,"7","Reset",{"type":"Soft"}]'))
            assert await station.ended() == "fin"
            assert station.got.endswith(b"\x88\x02\x03\xf3") or b"\x03\xf3" in station.got
            await until(lambda: proxy.load.open == 0)

    run(scenario)


def test_only_a_session_with_a_fault_is_handled_by_frames():
    async def scenario(fault: str) -> str:
        async with session(Seen(), faults=[parse_fault(fault)]) as (proxy, _, _):
            (relay,) = proxy._relays
            return relay.station.take.__name__

    assert run(lambda: scenario("drop when station == 'OTHER'")) == "plain"
    assert run(lambda: scenario("drop when station == 'CP001'")) == "faulted"


class Transport:
    """Of a connection that is gone before anybody looked at it."""

    def __init__(self, **extra: object) -> None:
        self.get_extra_info = extra.get

    def is_closing(self) -> bool:
        return False

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def test_an_upstream_that_is_gone_as_soon_as_it_is_connected():
    async def scenario() -> None:
        async with Seen().proxy(9) as proxy:
            relay = Relay(proxy, Requests(None), "127.0.0.1:50000")
            relay.station.connection_made(Transport(sockname=(HOST, 9000)))
            relay.csms.connection_made(Transport(sockname=(HOST, 1)))
            relay.connected()
            relay.lost(relay.csms, ConnectionResetError())
            relay.finish()

    run(scenario)
