#!/usr/bin/env python3
"""Make the sample captures: a station and a CSMS talk over loopback while tcpdump, or our own proxy, records.

    python captures/make.py                        all of them
    python captures/make.py rogue-station.pcap     one, and those that are cut out of it

Needs tcpdump, the right to capture on `lo` (root, or CAP_NET_RAW on tcpdump), and the packages `ocpp`,
`websockets` and `cryptography`, which ocppscope brings.

Nothing is simulated: the peers are the ChargePoint classes of `ocpp` on the sockets of `websockets`, every
packet went through the kernel, every time stamp is true. Where a peer has to do what those packages refuse to
do (Send, broken messages), it writes to the WebSocket itself. Four captures are made from others by leaving
packets out; nothing is ever added or changed.

Each session is a screenplay: a coroutine that says, in order, what the station and the CSMS do.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import functools
import ipaddress
import json
import logging
import shutil
import signal
import ssl
import struct
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ocpp import v16, v21, v201
from peers import Csms16, Csms21, Csms201, SigningMeter, Station16, Station21, Station201, now
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Request, Response, Server, ServerConnection, basic_auth, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ocppscope.capture.faults.spec import parse_fault
from ocppscope.capture.files import Rotation
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.proxy import Proxy
from ocppscope.wire.ip import IpLayer
from ocppscope.wire.link import ethernet

FOLDER = Path(__file__).parent
HOST = "127.0.0.1"


# --- recording ----------------------------------------------------------------------------------------------


class CannotRecordError(Exception):
    """There is no tcpdump, or it may not capture."""


@contextlib.asynccontextmanager
async def recording(port: int, into: list[bytes]) -> AsyncIterator[None]:
    """Record the packets of a port on `lo` while the body runs; the pcap file is appended to `into`.

    Raises:
        CannotRecordError: tcpdump is missing or may not capture.
    """
    if not shutil.which("tcpdump"):
        raise CannotRecordError("tcpdump is not installed (Debian: apt install tcpdump)")
    with tempfile.TemporaryFile() as file:
        command = f"tcpdump -i lo -n -U --immediate-mode -B 4096 -w - tcp port {port}"
        dump = await asyncio.create_subprocess_exec(
            *command.split(), stdout=file, stderr=asyncio.subprocess.PIPE
        )
        assert dump.stderr
        said = b""
        while b"listening on" not in said:
            line = await dump.stderr.readline()
            said += line
            if not line:
                raise CannotRecordError(
                    f"tcpdump cannot capture on lo; it needs root or CAP_NET_RAW.\n{said.decode()}"
                )
        try:
            yield
            await asyncio.sleep(0.3)  # the last packets are on their way
        finally:
            dump.send_signal(signal.SIGINT)
            said = await dump.stderr.read()
            await dump.wait()
        if b"\n0 packets dropped by kernel" not in said:
            raise CannotRecordError(f"the kernel dropped packets: try again.\n{said.decode()}")
        file.seek(0)
        into.append(file.read())


async def record(server: Server, play: Callable[[int], Awaitable[None]]) -> bytes:
    """Record what `play` does with the server, of which it is given the port. Return the pcap file."""
    files: list[bytes] = []
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with recording(port, files):
            await play(port)
            server.close()
            await server.wait_closed()
    return files[0]


async def record_through(
    server: Server, play: Callable[[int], Awaitable[None]], faults: Sequence[str]
) -> bytes:
    """Let `play` talk to the server through `ocppscope record`'s proxy, and return the pcapng that it records."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recorded.pcapng"
        packets = PacketRecording(path, Rotation(), print, with_faults=True)
        async with server:
            port = server.sockets[0].getsockname()[1]
            proxy = Proxy(
                f"{HOST}:0", f"ws://{HOST}:{port}/ocpp", packets=packets, faults=[*map(parse_fault, faults)]
            )
            async with proxy:
                await play(proxy.addresses[0][1])
                server.close()
                await server.wait_closed()
        return path.read_bytes()


# --- screenplays --------------------------------------------------------------------------------------------

TOKEN_16 = "04A1B2C3D4E5F6"
TOKEN_2X = {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}


@dataclass
class Cast:
    """Who plays, and how they are connected."""

    station: type[Any]
    csms: type[Any]
    subprotocol: str
    identity: str
    deflate: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None
    faults: Sequence[str] = ()
    """What goes wrong between them; it takes our own proxy to do and to record that."""

    async def perform(self, screenplay: Callable[[Any, Any], Awaitable[None]]) -> bytes:
        """Record a session: `screenplay` is given the station and the CSMS, connected to each other."""
        compression = "deflate" if self.deflate else None
        arrived: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def receive(socket: ServerConnection) -> None:
            csms = self.csms(self.identity, socket)
            arrived.set_result(csms)
            await _listen(csms)

        async def play(port: int) -> None:
            scheme = "wss" if self.client_tls else "ws"
            async with connect(
                f"{scheme}://{HOST}:{port}/ocpp/{self.identity}",
                subprotocols=[self.subprotocol],
                compression=compression,
                ping_interval=None,
                additional_headers=self.headers,
                ssl=self.client_tls,
            ) as socket:
                station = self.station(self.identity, socket)
                listening = asyncio.create_task(_listen(station))
                await screenplay(station, await arrived)
                await listening

        server = await serve(
            receive,
            HOST,
            0,
            subprotocols=[self.subprotocol],
            compression=compression,
            ping_interval=None,
            ssl=self.server_tls,
        )
        return await (record_through(server, play, self.faults) if self.faults else record(server, play))


async def _listen(peer: Any) -> None:
    """Answer until the connection ends."""
    with contextlib.suppress(ConnectionClosed):
        await peer.start()


async def clean_16() -> bytes:
    """One visit with a card, one by remote control, and what a central system asks in between."""

    async def screenplay(station: Station16, csms: Csms16) -> None:
        call = v16.call
        await station.boot()
        await csms.call(call.GetConfiguration(key=["NumberOfConnectors", "MeterValueSampleInterval"]))
        await csms.call(call.ChangeConfiguration(key="MeterValueSampleInterval", value="1"))
        await csms.call(
            call.SetChargingProfile(connector_id=0, cs_charging_profiles=_default_profile(limit=16.0))
        )

        await station.call(call.Authorize(id_tag=TOKEN_16))
        transaction = await station.start_transaction(TOKEN_16)
        await station.charge(transaction, samples=2)
        await station.stop_transaction(transaction, "Local", TOKEN_16)

        await csms.call(call.TriggerMessage(requested_message="Heartbeat"))
        await station.beaten.wait()
        await (await station.socket.ping())

        await csms.call(call.RemoteStartTransaction(id_tag="APP-20417", connector_id=1))
        await station.remote_start.wait()
        transaction = await station.start_transaction("APP-20417")
        await station.charge(transaction, samples=1)
        await csms.call(call.RemoteStopTransaction(transaction_id=transaction))
        await station.remote_stop.wait()
        await station.stop_transaction(transaction, "Remote")
        await station.socket.close(1000, "maintenance")

    return await Cast(Station16, Csms16, "ocpp1.6", "LIS-0117").perform(screenplay)


async def recorded_faults() -> bytes:
    """A visit through `ocppscope record --fault`: a boot that is late, an answer that says something else."""

    async def screenplay(station: Station16, csms: Csms16) -> None:  # noqa: ARG001
        await station.boot()
        await station.call(v16.call.Authorize(id_tag=TOKEN_16))
        await station.call(v16.call.Heartbeat())
        await station.socket.close(1000)

    faults = [
        "delay 200ms when action == BootNotification and type == CALL",
        'replace /idTagInfo/status "Blocked" when action == Authorize and type == CALLRESULT',
        "duplicate when action == Heartbeat and type == CALL",
    ]
    return await Cast(Station16, Csms16, "ocpp1.6", "LIS-0117", faults=faults).perform(screenplay)


def _default_profile(limit: float) -> dict[str, Any]:
    return {
        "charging_profile_id": 100,
        "stack_level": 0,
        "charging_profile_purpose": "TxDefaultProfile",
        "charging_profile_kind": "Relative",
        "charging_schedule": {
            "charging_rate_unit": "A",
            "charging_schedule_period": [{"start_period": 0, "limit": limit}],
        },
    }


async def clean_201_deflate() -> bytes:
    """A report of the device model, settings, and a transaction that the CSMS stops."""

    async def screenplay(station: Station201, csms: Csms201) -> None:
        call = v201.call
        await station.boot("Quad 50")
        interval = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
        await csms.call(call.GetVariables(get_variable_data=[interval]))
        await csms.call(call.SetVariables(set_variable_data=[interval | {"attributeValue": "1"}]))
        await csms.call(call.GetBaseReport(request_id=7001, report_base="SummaryInventory"))
        await station.reported.wait()

        await station.begin_transaction(TOKEN_2X)
        await station.charge(samples=2)
        await (await csms.socket.ping())
        await csms.call(call.RequestStopTransaction(transaction_id=station.transaction))
        await station.remote_stop.wait()
        await station.end_transaction("RemoteStop", "Remote")

        await csms.call(call.TriggerMessage(requested_message="Heartbeat"))
        await station.beaten.wait()
        await csms.socket.close(1001, "the CSMS restarts")

    return await Cast(Station201, Csms201, "ocpp2.0.1", "MUC-2041", deflate=True).perform(screenplay)


async def signed_values() -> bytes:
    """Two transactions with signed meter values; those of the second were altered after they were signed."""

    async def screenplay(station: Station201, csms: Csms201) -> None:  # noqa: ARG001
        station.signing = SigningMeter()
        await station.boot("Quad 50 Eichrecht")
        for is_honest in (True, False):
            station.signing.is_honest = is_honest
            await station.begin_transaction(TOKEN_2X)
            await station.charge(samples=1)
            await station.end_transaction("StopAuthorized", "Local", id_token=TOKEN_2X)
        await station.socket.close()

    return await Cast(Station201, Csms201, "ocpp2.0.1", "DRS-0815").perform(screenplay)


async def send_21() -> bytes:
    """A monitored variable becomes a stream of unanswered messages while a car charges."""

    async def screenplay(station: Station21, csms: Csms21) -> None:
        call = v21.call
        await station.boot("Hub 400")
        monitor = {
            "component": {"name": "EVSE", "evse": {"id": 1}},
            "variable": {"name": "Power"},
            "type": "Periodic",
            "severity": 8,
            "value": 1,
            "periodicEventStream": {"interval": 1, "values": 2},
        }
        await csms.call(call.SetVariableMonitoring(set_monitoring_data=[monitor]))
        await station.open_stream()
        await station.begin_transaction(TOKEN_2X)
        await station.stream((0, "11040"), (0.5, "11012.5"))
        await asyncio.sleep(1)
        await station.stream((0, "10998"), (0.5, "11021"))
        await asyncio.sleep(1)
        await station.stream((0, "11040"))
        await csms.call(call.ClearVariableMonitoring(id=[Station21.MONITOR]))
        await station.close_stream()
        await station.end_transaction("StopAuthorized", "Local", id_token=TOKEN_2X)
        await station.socket.close(1000)

    return await Cast(Station21, Csms21, "ocpp2.1", "OSL-HUB-07").perform(screenplay)


async def tls_13() -> bytes:
    """OCPP 1.6 with security profile 2: HTTP Basic over TLS 1.3, with the session's secrets in the file."""

    async def screenplay(station: Station16, csms: Csms16) -> None:
        call = v16.call
        await station.boot("Uno 11")
        await station.call(
            call.SecurityEventNotification(type="StartupOfTheDevice", timestamp=now(), tech_info=None)
        )
        await csms.call(call.GetConfiguration(key=["HeartbeatInterval", "AuthorizationKey"]))
        await csms.call(call.ChangeConfiguration(key="MeterValueSampleInterval", value="1"))
        await station.call(call.Authorize(id_tag=TOKEN_16))
        transaction = await station.start_transaction(TOKEN_16)
        await station.charge(transaction, samples=1)
        await station.stop_transaction(transaction, "EVDisconnected")
        await station.socket.close(1000)

    with tempfile.TemporaryDirectory() as folder:
        secrets = Path(folder, "keys.log")
        server_tls, client_tls = _tls_contexts(Path(folder), secrets)
        cast = Cast(
            Station16,
            Csms16,
            "ocpp1.6",
            "BER-0042",
            headers=_basic("BER-0042", "sample-secret-16"),
            server_tls=server_tls,
            client_tls=client_tls,
        )
        pcap = await cast.perform(screenplay)
        return with_secrets(pcap, await asyncio.to_thread(secrets.read_bytes))


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def _tls_contexts(folder: Path, keylog: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate that was made just now, and a client that trusts it and logs its keys."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "csms.example")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    both = folder / "server.pem"
    both.write_bytes(
        certificate
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=certificate.decode())
    client.keylog_filename = str(keylog)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    return server, client


async def rogue_station() -> bytes:
    """A station that gets everything wrong that can be got wrong in a second, and then vanishes."""

    async def play(port: int) -> None:
        async with connect(
            f"ws://{HOST}:{port}/ocpp/ROGUE-13",
            subprotocols=["ocpp1.6"],
            compression=None,
            ping_interval=None,
        ) as socket:
            await _misbehave(socket)
            _reset(socket)

    async def receive(socket: ServerConnection) -> None:
        await _listen(Csms16("ROGUE-13", socket))

    server = await serve(receive, HOST, 0, subprotocols=["ocpp1.6"], compression=None, ping_interval=None)
    return await record(server, play)


def _reset(socket: ClientConnection) -> None:
    """End the connection as a crash does: no Close, no FIN, a RST."""
    raw = socket.transport.get_extra_info("socket")
    raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    socket.transport.abort()


async def _misbehave(socket: ClientConnection) -> None:
    async def call(message_id: str, action: str, payload: dict[str, Any]) -> None:
        await socket.send(json.dumps([2, message_id, action, payload]))

    def status(**more: Any) -> dict[str, Any]:
        return {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": now()} | more

    def energy(value: str) -> dict[str, Any]:
        return {
            "connectorId": 1,
            "meterValue": [{"timestamp": now(), "sampledValue": [{"value": value}]}],
        }

    await call("1", "BootNotification", {"chargePointVendor": "Example", "chargePointModel": "Rogue"})
    await socket.recv()
    await call("2", "StatusNotification", status(connectorId=0))
    await socket.recv()

    # A buffer that is too short: the text ends in the middle of a string. Nobody answers that.
    await socket.send(json.dumps([2, "3", "StatusNotification", status()])[:70])
    await asyncio.sleep(0.1)

    # An error code that OCPP 1.6 does not have.
    await call("4", "StatusNotification", status(errorCode="Error", status="Faulted"))
    await socket.recv()
    await call("5", "StatusNotification", status())
    await socket.recv()

    # The id of the Authorize again, for another Call.
    await call("6", "Authorize", {"idTag": TOKEN_16})
    await socket.recv()
    await call(
        "6",
        "StartTransaction",
        {"connectorId": 1, "idTag": TOKEN_16, "meterStart": 1200, "timestamp": now()},
    )
    await socket.recv()

    # Two Calls at once.
    await call("7", "MeterValues", energy("1210"))
    await call("8", "MeterValues", energy("1220"))
    await socket.recv()
    await socket.recv()

    # Answers that nobody asked for.
    await socket.send(json.dumps([3, "a-call-that-never-was", {"status": "Accepted"}]))
    await socket.send(json.dumps([4, "another", "InternalError", "", {}]))
    await asyncio.sleep(0.2)


async def refused_handshake() -> bytes:
    """A station that is set up wrong, three times: no subprotocol, a wrong password, a wrong identity."""
    user, password = "OPO-0008", "0123456789abcdef"
    check_password = basic_auth(realm="ocpp", credentials=(user, password))

    async def door(socket: ServerConnection, request: Request) -> Response | None:
        if request.path != f"/ocpp/{user}":
            return socket.respond(HTTPStatus.NOT_FOUND, "no such charge point\n")
        return await check_password(socket, request)

    async def play(port: int) -> None:
        attempts: tuple[tuple[str, str, list[str] | None], ...] = (
            (user, password, None),
            (user, "wrong", ["ocpp1.6"]),
            ("OPO-0080", password, ["ocpp1.6"]),
        )
        for wait, (identity, secret, subprotocols) in enumerate(attempts):
            await asyncio.sleep(0.5 * wait)
            with contextlib.suppress(InvalidStatus):
                await connect(
                    f"ws://{HOST}:{port}/ocpp/{identity}",
                    subprotocols=subprotocols,
                    compression=None,
                    additional_headers=_basic(identity, secret),
                )

    server = await serve(
        lambda socket: socket.wait_closed(),
        HOST,
        0,
        subprotocols=["ocpp1.6"],
        compression=None,
        process_request=door,
    )
    return await record(server, play)


# --- files --------------------------------------------------------------------------------------------------

PCAP_HEADER = 24
RECORD_HEADER = struct.Struct("<IIII")


def records_of(pcap: bytes) -> Iterator[bytes]:
    """The packet records of a little-endian pcap file, each with its header."""
    at = PCAP_HEADER
    while at < len(pcap):
        end = at + RECORD_HEADER.size + RECORD_HEADER.unpack_from(pcap, at)[2]
        yield pcap[at:end]
        at = end


def with_secrets(pcap: bytes, keylog: bytes) -> bytes:
    """Make a pcapng file of a pcap file: a section, an interface, the TLS secrets, the packets."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        return struct.pack("<II", kind, length) + body + struct.pack("<I", length)

    blocks = [
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(1, struct.pack("<HHI", 1, 0, 262_144)),
        block(10, struct.pack("<II", 0x544C534B, len(keylog)) + keylog),
    ]
    for record in records_of(pcap):
        seconds, microseconds, captured, original = RECORD_HEADER.unpack_from(record)
        high, low = divmod(seconds * 1_000_000 + microseconds, 1 << 32)
        blocks.append(
            block(6, struct.pack("<IIIII", 0, high, low, captured, original) + record[RECORD_HEADER.size :])
        )
    return b"".join(blocks)


def cut(pcap: bytes, *, before: int = 0, lose: Collection[int] = ()) -> bytes:
    """Leave packets out. The station's packets with data are counted, from 1: the upgrade request is the first.

    Args:
        pcap: The whole capture.
        before: The capture begins after this one.
        lose: These are left out.
    """
    layer, count, kept = IpLayer(), 0, [pcap[:PCAP_HEADER]]
    server = b""
    for record in records_of(pcap):
        frame = record[RECORD_HEADER.size :]
        segment = layer.segment(frame, ethernet(frame), 0)
        assert segment, "tcpdump was told to record TCP only"
        key, payload = segment[0], segment[4]
        server = server or key[10:12]  # the first packet is the station's SYN
        from_station = bool(payload) and key[10:12] == server
        count += from_station
        begun = count > before or (count == before and not from_station)
        if begun and not (from_station and count in lose):
            kept.append(record)
    return b"".join(kept)


@dataclass(frozen=True)
class Recorded:
    """A capture that is recorded."""

    play: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Derived:
    """A capture that is another one with packets left out."""

    base: str
    make: Callable[[bytes], bytes]


CAPTURES: dict[str, Recorded | Derived] = {
    "clean-1.6.pcap": Recorded(clean_16),
    "clean-2.0.1-deflate.pcap": Recorded(clean_201_deflate),
    "signed-values.pcap": Recorded(signed_values),
    "send-2.1.pcap": Recorded(send_21),
    "tls-1.3.pcapng": Recorded(tls_13),
    "late-start.pcap": Derived("clean-1.6.pcap", functools.partial(cut, before=10)),
    "late-start-deflate.pcap": Derived("clean-2.0.1-deflate.pcap", functools.partial(cut, before=10)),
    "lost-packets.pcap": Derived("clean-1.6.pcap", functools.partial(cut, lose={10, 11, 15})),
    "lost-packets-deflate.pcap": Derived("clean-2.0.1-deflate.pcap", functools.partial(cut, lose={10, 11})),
    "rogue-station.pcap": Recorded(rogue_station),
    "refused-handshake.pcap": Recorded(refused_handshake),
    "recorded-faults.pcapng": Recorded(recorded_faults),
}
"""What there is to make, bases before what is cut out of them."""


def main() -> None:
    """Make the captures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(CAPTURES)}; all if none is named"
    )
    wanted = set(parser.parse_args().names) or set(CAPTURES)
    if unknown := wanted - set(CAPTURES):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(CAPTURES)}")
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)  # it reports each broken message with a traceback
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    try:
        for name, capture in CAPTURES.items():
            if isinstance(capture, Derived) and capture.base in wanted:
                wanted.add(name)
            if name in wanted:
                _make(name, capture)
    except CannotRecordError as error:
        sys.exit(f"{Path(__file__).name}: {error}")


def _make(name: str, capture: Recorded | Derived) -> None:
    if isinstance(capture, Derived):
        content = capture.make((FOLDER / capture.base).read_bytes())
    else:
        content = asyncio.run(capture.play())
    path = FOLDER / name
    partial = path.with_suffix(f"{path.suffix}.new")
    partial.write_bytes(content)
    partial.replace(path)
    print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
