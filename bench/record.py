"""What `record` costs beside mitmproxy: added time of a round trip, throughput, idle sessions, memory.

Usage: python bench/record.py [--mitmdump mitmdump] [--only direct,relay,mitmproxy,record,store]
           [--roundtrips 4000] [--sessions 50] [--seconds 4] [--rounds 3] [--idle 2000] [--long 1000000]

One client (this process) and one server (its own) talk OCPP 1.6: MeterValues, and the answer. Between them is
nothing (direct), a relay of bytes that reads none of them (relay), mitmproxy in its reverse mode, `ocppscope
record` that writes pcapng (record), or pcapng and ocppdb (store). They take turns in short blocks in one run,
because machines are noisy; a ratio is only as good as the run that it comes from. 0 skips a part; --idle and
--long are skipped unless asked for, and are done with one program after the other, each newly started. Client
and server check every byte of what they get, and at the end that both counted the same, and that `record` says
it recorded as many. Recordings go to a directory in TMPDIR that is removed at the end; a million messages need
about half a GiB there.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import ctypes
import datetime as dt
import gc
import hashlib
import json
import os
import random
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from websockets.speedups import apply_mask

NAMES = ("direct", "relay", "mitmproxy", "record", "store")
HOST = "127.0.0.1"
PATIENCE = 120.0
BLOCK = 200
"""Round trips, one at a time, before it is another program's turn."""
POINTS = 10
"""How many times memory is read in a long session."""
TICK = 0.05

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
KEY = bytes.fromhex("37fa213d")
KEY_OF_NUMBER = int.from_bytes(KEY * 3, "big")
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# A Call: START, 24 characters of the session, 12 digits of the message, MIDDLE, 24 characters of time, END.
START = b'[2,"'
MIDDLE = b'","MeterValues",{"connectorId":1,"transactionId":4711,"meterValue":[{"timestamp":"'
END = (
    b'","sampledValue":['
    b'{"value":"1830520","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
    b'"location":"Outlet","unit":"Wh"},'
    b'{"value":"11040","context":"Sample.Periodic","measurand":"Power.Active.Import",'
    b'"location":"Outlet","unit":"W"}]}]}]'
)
BOOT = b'","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Record"}]'
TIME_AT = 40 + len(MIDDLE)
END_AT = TIME_AT + 24
SIZE = END_AT + len(END)
BUFFER = memoryview(bytearray(1 << 18))
"""One for all connections of a process: what is read is looked at before anything else is."""


class UnexpectedError(Exception):
    """A peer, or what is between, did what it should not."""


def now() -> bytes:
    text = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").encode()


def masked(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([opcode]) + length + KEY + apply_mask(payload, KEY)


def unmasked(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    return bytes([opcode]) + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


def accept_of(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def headers_of(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


class Peer(asyncio.BufferedProtocol):
    """One end of a WebSocket: finds the head and the frames, however the bytes are cut.

    asyncio itself sets TCP_NODELAY.
    """

    gets_masked: bool

    def __init__(self) -> None:
        self.rest = b""
        self.opened = False
        self.count = 0  # of Calls that were answered, without the BootNotification

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def head(self, head: bytes) -> None:
        raise NotImplementedError

    def frame(self, first: int, payload: bytes) -> None:
        raise NotImplementedError

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        data = self.rest + BUFFER[:nbytes]
        size, at = len(data), 0
        if not self.opened:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self.rest = data
                return
            self.opened = True
            self.head(data[: at - 4])
        while size - at >= 2:
            second = data[at + 1]
            length, body = second & 127, at + 2
            if length == 126:
                body = at + 4
                if body > size:
                    break
                length = data[at + 2] << 8 | data[at + 3]
            if second >= 128:
                body += 4
            end = body + length
            if end > size:
                break
            if (second >= 128) != self.gets_masked or length == 127:
                raise UnexpectedError(f"a frame begins with {data[at : at + 8]!r}")
            payload = data[body:end]
            self.frame(data[at], apply_mask(payload, data[body - 4 : body]) if second >= 128 else payload)
            at = end
        self.rest = data[at:]


class Station(Peer):
    """A client: it sends Calls, one at a time, and looks at the answers."""

    gets_masked = False
    tail = b""
    """The masked rest of each Call; once a second it gets the new time."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__()
        self.name, self.port = name, port
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.answered = self.ready  # whatever is waited for at the moment
        self.left = 0
        self.took: list[int] | None = None  # nanoseconds, where someone wants to know
        self.pings = self.pongs = 0
        self.key = base64.b64encode(random.randbytes(16)).decode()
        self.prefix = b"%08x-0000-4000-8000-" % random.getrandbits(32)
        start = apply_mask(START + self.prefix, KEY)
        self.start_of_call = bytes([TEXT, 0xFE]) + SIZE.to_bytes(2, "big") + KEY + start
        self.expected = b""

    @classmethod
    def refresh(cls) -> None:
        cls.tail = apply_mask(MIDDLE + now() + END, KEY)
        asyncio.get_running_loop().call_later(1, cls.refresh)

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        transport.write(
            f"GET /ocpp/{self.name} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {self.key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )

    def head(self, head: bytes) -> None:
        first, headers = headers_of(head)
        got = first.split()[1], headers.get("sec-websocket-accept"), headers.get("sec-websocket-protocol")
        if got != ("101", accept_of(self.key), "ocpp1.6"):
            raise UnexpectedError(f"the answer to the handshake is {head!r}")
        number = b"%012d" % 0
        self.expected = b'[3,"' + self.prefix + number + b'",{"status":"Accepted"'
        self.transport.write(masked(TEXT, START + self.prefix + number + BOOT))

    def begin(self, count: int) -> asyncio.Future[None]:
        """Start so many round trips; done when the last is."""
        self.answered = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            self.answered.set_exception(UnexpectedError(f"{self.name} is not connected any more"))
        else:
            self.left = count
            self.call()
        return self.answered

    def call(self) -> None:
        number = b"%012d" % (self.count + 1)
        self.expected = b'[3,"' + self.prefix + number + b'",{}]'
        hidden = (int.from_bytes(number, "big") ^ KEY_OF_NUMBER).to_bytes(12, "big")
        self.sent = time.perf_counter_ns()
        self.transport.write(self.start_of_call + hidden + Station.tail)

    def ping(self) -> None:
        self.pings += 1
        self.transport.write(masked(PING, b"%08d" % self.pings))

    def frame(self, first: int, payload: bytes) -> None:
        if first == TEXT and payload == self.expected:
            if self.took is not None:
                self.took.append(time.perf_counter_ns() - self.sent)
            self.count += 1
            self.left -= 1
            if self.left:
                self.call()
            else:
                self.expected = b""
                self.answered.set_result(None)
        elif first == TEXT and not self.ready.done() and payload.startswith(self.expected):
            self.ready.set_result(None)
        elif first == PONG and payload == b"%08d" % (self.pongs + 1):
            self.pongs += 1
        elif first == PING:
            self.transport.write(masked(PONG, payload))
        elif first == CLOSE:
            self.transport.close()
        else:
            raise UnexpectedError(f"{self.name} got {first:#x} {payload!r} and not {self.expected!r}")

    def close(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(masked(CLOSE, b"\x03\xe8"))

    def connection_lost(self, exc: Exception | None) -> None:
        for waited in (self.answered, self.ready):
            if not waited.done():
                waited.set_exception(exc or UnexpectedError(f"{self.name} lost its connection"))
        self.closed.set_result(None)


class Csms(Peer):
    """The server's end of a session: each Call has to be the one that follows the last."""

    gets_masked = True
    calls = pings = 0
    faults: list[str] = []  # noqa: RUF012
    open: set[Csms] = set()  # noqa: RUF012

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.prefix = b""
        self.open.add(self)

    def head(self, head: bytes) -> None:
        _, headers = headers_of(head)
        if headers.get("sec-websocket-protocol") != "ocpp1.6" or "sec-websocket-key" not in headers:
            raise UnexpectedError(f"the handshake is {head!r}")
        self.transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_of(headers['sec-websocket-key'])}\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )

    def frame(self, first: int, payload: bytes) -> None:
        if first == TEXT and self.prefix:
            number = b"%012d" % (self.count + 1)
            whole = self.prefix + number + MIDDLE + payload[TIME_AT:END_AT] + END
            if payload != whole:
                raise UnexpectedError(f"the Call is {payload!r} and not {whole!r}")
            self.count += 1
            self.transport.write(b'\x81\x2d[3,"' + payload[4:40] + b'",{}]')
        elif first == TEXT and payload[40:] == BOOT:
            self.prefix = payload[:28]
            answer = b'[3,"%b",{"status":"Accepted","currentTime":"%b","interval":86400}]'
            self.transport.write(unmasked(TEXT, answer % (payload[4:40], now())))
        elif first == PING:
            Csms.pings += 1
            self.transport.write(unmasked(PONG, payload))
        elif first == CLOSE:
            self.transport.write(unmasked(CLOSE, payload))
            self.transport.close()
        elif first != PONG:
            raise UnexpectedError(f"the frame is {first:#x} {payload!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        Csms.calls += self.count
        self.open.discard(self)
        if isinstance(exc, UnexpectedError):
            self.faults.append(str(exc))


class Relay(asyncio.BufferedProtocol):
    """Passes bytes on; the least that a relay in asyncio can do."""

    def __init__(self, upstream: int, other: Relay | None = None) -> None:
        self.upstream, self.other = upstream, other

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        if self.other is None:
            transport.pause_reading()
            self.connecting = asyncio.ensure_future(self.connect())

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: Relay(self.upstream, self), HOST, self.upstream)
        self.transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.other.transport.write(bytes(BUFFER[:nbytes]))

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self.other is not None:
            self.other.transport.close()


async def serve(role: str, port: int, upstream: int) -> None:
    """Be the server, or the relay, until SIGTERM."""
    gc.disable()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    factory = Csms if role == "server" else lambda: Relay(upstream)
    await loop.create_server(factory, HOST, port, backlog=1024)
    await stop.wait()
    if role == "server":
        calls = Csms.calls + sum(one.count for one in Csms.open)
        print(json.dumps({"calls": calls, "pings": Csms.pings, "faults": Csms.faults[:3]}), flush=True)


@dataclass
class Usage:
    resident: float  # MiB
    peak: float  # MiB
    cpu: float  # seconds


class Program:
    """One of the processes that this bench starts, and where it listens."""

    def __init__(self, name: str, port: int, directory: Path, command: Sequence[str] = ()) -> None:
        self.name, self.port, self.directory = name, port, directory
        self.log = directory / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        if not command:
            return
        libc = ctypes.CDLL(None)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: libc.prctl(1, signal.SIGKILL),  # noqa: PLW1509  # ends with its parent
            )

    def until_it_listens(self) -> None:
        """Look it up rather than try it, so that it is not troubled with a connection that is none."""
        wanted = f"0100007F:{self.port:04X}"
        begin = time.perf_counter()
        while self.process is not None:
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if local == wanted and state == "0A":
                    return
            if (code := self.process.poll()) is not None:
                self.process = None
                sys.exit(f"{self.name} ended with {code}: {self.log.read_text()[-2000:]}")
            if time.perf_counter() - begin > PATIENCE:
                sys.exit(f"{self.name} does not listen: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is None:
            return
        # asyncio loses a signal that comes while its self-pipe is full: mitmproxy's is after 2000 sessions.
        for _ in range(3):
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
                break
        else:
            self.process.kill()
            self.process.wait()
        if self.process.returncode not in (0, 1):
            text = self.log.read_text(errors="replace")[-2000:]
            print(f"{self.name} ended with {self.process.returncode}: {text}", file=sys.stderr)

    def usage(self) -> Usage:
        """Of the process and all that it started."""
        usage = Usage(0.0, 0.0, 0.0)
        waiting = [self.process.pid] if self.process else []
        while waiting:
            root = Path(f"/proc/{waiting.pop()}")
            try:
                for task in (root / "task").iterdir():
                    waiting += [int(child) for child in (task / "children").read_text().split()]
                status = dict(line.split(":", 1) for line in (root / "status").read_text().splitlines())
                times = (root / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            usage.resident += int(status["VmRSS"].split()[0]) / 1024
            usage.peak += int(status["VmHWM"].split()[0]) / 1024
            usage.cpu += (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        return usage

    def written(self) -> int:
        return sum(file.stat().st_size for file in self.directory.glob(f"{self.name}.[!l]*"))  # not the log


def free_port() -> int:
    """One that no outgoing connection is given by chance."""
    while True:
        port = random.randint(15000, 31000)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind((HOST, port))
            return port


def command_of(name: str, port: int, upstream: int, mitmdump: str, directory: Path) -> list[str]:
    if name == "direct":
        return []
    if name in ("server", "relay"):
        return [sys.executable, __file__, "--role", name, "--ports", f"{port},{upstream}"]
    if name == "mitmproxy":
        command = [mitmdump, "--mode", f"reverse:http://{HOST}:{upstream}"]
        command += ["--listen-host", HOST, "--listen-port", str(port), "-q"]  # quiet: no flows, only errors
        settings = ("flow_detail=0", "termlog_verbosity=error", "connection_strategy=lazy")
        for setting in (*settings, f"confdir={directory}"):
            command += ["--set", setting]
        return command
    command = [sys.executable, "-m", "ocppscope", "record", "--quiet", "--listen", f"{HOST}:{port}"]
    command += ["--upstream", f"ws://{HOST}:{upstream}"]
    for ending in ("pcapng", "ocppdb") if name == "store" else ("pcapng",):
        command += ["-o", str(directory / f"{name}.{ending}")]
    return command


@dataclass
class Setup:
    programs: dict[str, Program]
    stations: list[Station] = field(default_factory=list)

    async def connect(self, name: str, label: str, count: int) -> list[Station]:
        """So many sessions through this program, a few at a time."""
        loop = asyncio.get_running_loop()
        port = self.programs[name].port
        gate = asyncio.Semaphore(20)

        async def one(number: int) -> Station:
            async with gate:
                _, station = await loop.create_connection(
                    lambda: Station(f"{label}-{name}-{number:05d}", port), HOST, port
                )
                await asyncio.wait_for(station.ready, PATIENCE)
                return station

        stations = await asyncio.gather(*map(one, range(count)))
        self.stations += stations
        return stations

    async def close(self) -> None:
        for station in self.stations:
            station.close()
        if self.stations:
            _, pending = await asyncio.wait([station.closed for station in self.stations], timeout=30)
            if pending:
                print(f"{len(pending)} sessions did not close", file=sys.stderr)


@contextlib.contextmanager
def running(names: Sequence[str], mitmdump: str) -> Iterator[Setup]:
    """A server and what is to be measured; at the end the server has to have counted what the client has."""
    with tempfile.TemporaryDirectory(prefix="record-") as temporary, contextlib.ExitStack() as stack:
        directory = Path(temporary)
        upstream = free_port()
        setup = Setup({})
        for name in ("server", *names):
            port = upstream if name in ("server", "direct") else free_port()
            command = command_of(name, port, upstream, mitmdump, directory)
            program = setup.programs[name] = Program(name, port, directory, command)
            stack.callback(program.stop)
            program.until_it_listens()
        failed: Exception | None = None
        try:
            yield setup
        except (UnexpectedError, TimeoutError, OSError) as error:
            failed = error
        server = setup.programs["server"]
        server.stop()
        report = json.loads(server.log.read_text().splitlines()[-1])
        if failed is not None:
            sys.exit(f"{type(failed).__name__}: {failed}; the server says {report}")
        sent = {
            "calls": sum(station.count for station in setup.stations),
            "pings": sum(station.pings for station in setup.stations),
            "faults": [],
        }
        if report != sent:
            sys.exit(f"the server counted {report}, the client {sent}")
        for name in {"record", "store"} & setup.programs.keys():
            program = setup.programs[name]
            program.stop()
            there = sum(2 + 2 * station.count for station in setup.stations if station.port == program.port)
            told = re.search(r"([\d,]+) messages", program.log.read_text())
            if told is None or int(told[1].replace(",", "")) != there:
                sys.exit(f"{name} recorded {told and told[0]}, and there were {there:,}")


def at_99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def beside(name: str, ours: float, theirs: float | None, goal: str) -> str:
    if not theirs or name == "mitmproxy":
        return ""
    return f"   {ours / theirs:.2f} times mitmproxy's" + (f" (goal: {goal})" if name != "relay" else "")


async def round_trips(setup: Setup, names: Sequence[str], count: int) -> dict[str, tuple[list[float], float]]:
    """Microseconds of round trips, one at a time; and the program's own CPU time for each."""
    Station.refresh()
    stations = {name: (await setup.connect(name, "RT", 1))[0] for name in names}
    for station in stations.values():
        await asyncio.wait_for(station.begin(BLOCK), PATIENCE)  # not measured: all has been done once
        station.took = []
    before = {name: setup.programs[name].usage().cpu for name in names}
    order = list(names)
    while len(stations[names[0]].took or ()) < count:
        for name in order:
            await asyncio.wait_for(stations[name].begin(min(BLOCK, count)), PATIENCE)
        order.append(order.pop(0))
    measured = {}
    for name, station in stations.items():
        took = [nanoseconds / 1000 for nanoseconds in station.took or ()]
        measured[name] = took, 1e6 * (setup.programs[name].usage().cpu - before[name]) / len(took)
    await setup.close()
    return measured


async def rate(stations: Sequence[Station], seconds: float) -> float:
    """Round trips a second, with each of these sessions waiting for one answer at any time."""
    before = sum(station.count for station in stations)
    begin = time.perf_counter()
    waiting = asyncio.gather(*[station.begin(1 << 60) for station in stations])
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    if done:
        await waiting  # a session has failed
    for station in stations:
        station.left = 1
    await asyncio.wait_for(waiting, PATIENCE)
    return (sum(station.count for station in stations) - before) / (time.perf_counter() - begin)


async def throughput(
    setup: Setup, names: Sequence[str], sessions: int, seconds: float, rounds: int
) -> dict[str, tuple[float, float]]:
    """Round trips a second, and the program's own CPU time for each in microseconds."""
    Station.refresh()
    stations = {name: await setup.connect(name, "TP", sessions) for name in names}
    rates: dict[str, list[float]] = {name: [] for name in names}
    cpu = dict.fromkeys(names, 0.0)
    for _ in range(rounds):
        for name in names:
            before = setup.programs[name].usage().cpu
            rates[name].append(await rate(stations[name], seconds))
            cpu[name] += setup.programs[name].usage().cpu - before
    counts = {name: sum(station.count for station in stations[name]) for name in names}
    await setup.close()
    return {name: (statistics.median(rates[name]), 1e6 * cpu[name] / counts[name]) for name in names}


async def idle(setup: Setup, name: str, count: int, seconds: float, every: float) -> None:
    """Sessions that do nothing but ping."""
    Station.refresh()
    program = setup.programs[name]
    empty = program.usage().resident
    begin = time.perf_counter()
    stations = await setup.connect(name, "IDLE", count)
    connected = time.perf_counter() - begin
    begin, due, cpu = time.perf_counter(), 0, program.usage().cpu
    while (passed := time.perf_counter() - begin) < seconds:
        for number in range(due, int(passed / every * count)):
            if not stations[number % count].transport.is_closing():
                stations[number % count].ping()
        due = max(due, int(passed / every * count))
        await asyncio.sleep(TICK)
    cpu = (program.usage().cpu - cpu) / seconds
    for _ in range(int(10 / TICK)):  # the last pongs may still come
        if all(station.pongs == station.pings for station in stations):
            break
        await asyncio.sleep(TICK)
    calls = await asyncio.gather(*[station.begin(1) for station in stations], return_exceptions=True)
    usage = program.usage()
    lost = sum(isinstance(call, BaseException) for call in calls)
    pings, pongs = sum(one.pings for one in stations), sum(one.pongs for one in stations)
    print(
        f"{name:10} peak {usage.peak:6.0f} MiB, {1024 * (usage.peak - empty) / count:5.0f} KiB a session   "
        f"{lost} lost   {pongs:,} of {pings:,} pings answered   "
        f"connected in {connected:.1f} s   {100 * cpu:.0f} % CPU",
        flush=True,
    )
    await setup.close()


async def long(setup: Setup, name: str, messages: int) -> None:
    """One session of so many messages, Calls and answers counted."""
    Station.refresh()
    program = setup.programs[name]
    (station,) = await setup.connect(name, "LONG", 1)
    begin = time.perf_counter()
    points = [program.usage().resident]
    for _ in range(POINTS):
        await station.begin(messages // (2 * POINTS))
        points.append(program.usage().resident)
    took = time.perf_counter() - begin
    growth = points[-1] - points[1]  # what comes once has come by the first point
    each = 1024 * 1024 * growth / (messages * (POINTS - 1) / POINTS)
    print(
        f"{name:10} {messages:,} messages in {took:.0f} s: {' '.join(f'{point:.1f}' for point in points)} MiB"
    )
    print(f"{'':10} {growth:+.1f} MiB since the second point, {each:.1f} bytes a message", end="")
    written = program.written()
    print(f"; {written / messages:.0f} bytes a message on disk" if written else "", flush=True)
    await setup.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mitmdump", default="mitmdump")
    parser.add_argument("--only", default=",".join(NAMES), help="which of them, with commas between")
    parser.add_argument("--roundtrips", type=int, default=4000, help="of each, one at a time")
    parser.add_argument("--sessions", type=int, default=50, help="at once, for the throughput")
    parser.add_argument("--seconds", type=float, default=4, help="of each round of the throughput")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=0, metavar="SESSIONS")
    parser.add_argument("--idle-seconds", type=float, default=20)
    parser.add_argument("--ping-every", type=float, default=5, metavar="SECONDS")
    parser.add_argument(
        "--long", type=int, default=0, metavar="MESSAGES", help="Calls and answers both count"
    )
    parser.add_argument("--role", choices=("server", "relay"), help=argparse.SUPPRESS)
    parser.add_argument("--ports", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        port, upstream = map(int, args.ports.split(","))
        asyncio.run(serve(args.role, port, upstream))
        return

    names = [name for name in NAMES if name in args.only.split(",")]
    if unknown := set(args.only.split(",")) - set(NAMES):
        parser.error(f"--only knows no {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # those it starts get the same
    gc.disable()

    if args.roundtrips:
        print(f"Round trips, one at a time, {args.roundtrips} of each, {SIZE} bytes and 45", flush=True)
        with running(names, args.mitmdump) as setup:
            trips = asyncio.run(round_trips(setup, names, args.roundtrips))
        middle = {name: statistics.median(trips[name][0]) for name in names}
        least = middle.get("direct", 0.0)
        theirs = middle["mitmproxy"] - least if "mitmproxy" in names else None
        for name in names:
            took, cpu = trips[name]
            line = f"{name:10} {middle[name]:7.0f} µs, 99th percentile {at_99(took):7.0f} µs"
            if name != "direct" and "direct" in names:
                added = middle[name] - least
                line += f"   {added:+7.0f} µs, {cpu:.0f} µs CPU" + beside(name, added, theirs, "at most 0.20")
            print(line, flush=True)

    if args.seconds:
        print(
            f"\nThroughput, {args.sessions} sessions, {args.rounds} rounds of {args.seconds:g} s", flush=True
        )
        with running(names, args.mitmdump) as setup:
            rates = asyncio.run(throughput(setup, names, args.sessions, args.seconds, args.rounds))
        reference = rates["mitmproxy"][0] if "mitmproxy" in names else None
        for name in names:
            each, cpu = rates[name]
            line = f"{name:10} {each:7.0f} round trips/s"
            if name != "direct":
                line += f"   {cpu:6.0f} µs CPU each" + beside(name, each, reference, "at least 5")
            print(line, flush=True)

    if args.idle:
        every = args.ping_every
        print(
            f"\n{args.idle} idle sessions for {args.idle_seconds:g} s, each pings every {every:g} s",
            flush=True,
        )
        for name in names:
            if name != "direct":
                with running([name], args.mitmdump) as setup:
                    asyncio.run(idle(setup, name, args.idle, args.idle_seconds, every))

    if args.long:
        print("\nMemory in one long session (mitmproxy's is shorter)", flush=True)
        for name in names:
            if name != "direct":
                with running([name], args.mitmdump) as setup:
                    asyncio.run(long(setup, name, args.long // (20 if name == "mitmproxy" else 1)))


if __name__ == "__main__":
    main()
