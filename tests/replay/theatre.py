"""Peers for a replay: the CSMS and the stations of the package `ocpp`, each with a part that it plays by itself.

The screenplays of `captures/make.py` direct both sides at once. Here each side goes by what it hears from the other
one, as peers do that do not know of any play.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from ocpp import v16, v21, v201
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from captures.peers import Csms16, Csms21, Csms201, Station16, Station21, Station201
from ocppscope.replay.pace import parse_pace
from ocppscope.replay.performing import Performance, Wishes, play_csms, play_station
from ocppscope.replay.player import Manner
from ocppscope.replay.script import Comparison, Script
from tests.capture.proxied import HOST, port_of

SECOND = 1_000_000_000
TOKEN_16 = "04A1B2C3D4E5F6"
TOKEN_2X = {"idToken": TOKEN_16, "type": "ISO14443"}
PROFILE = {
    "charging_profile_id": 100,
    "stack_level": 0,
    "charging_profile_purpose": "TxDefaultProfile",
    "charging_profile_kind": "Relative",
    "charging_schedule": {
        "charging_rate_unit": "A",
        "charging_schedule_period": [{"start_period": 0, "limit": 16.0}],
    },
}
MONITOR = {
    "component": {"name": "EVSE", "evse": {"id": 1}},
    "variable": {"name": "Power"},
    "type": "Periodic",
    "severity": 8,
    "value": 1,
    "periodicEventStream": {"interval": 1, "values": 2},
}
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}


class Hearing:
    """Mixed into a ChargePoint: it can wait for what the other side says."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self.socket = socket
        self.said: list[list[Any]] = []
        """Calls of the other side, in order."""
        self._heard: Counter[str] = Counter()
        self._news = asyncio.Event()

    async def route_message(self, raw_msg: Any) -> None:
        await super().route_message(raw_msg)
        message = orjson.loads(raw_msg)
        if message[0] in (2, 6):
            self.said.append(message)
            self._heard[message[2]] += 1
            self._news.set()
            self._news = asyncio.Event()

    async def heard(self, action: str, times: int) -> None:
        """Wait until a Call has come so many times, and has been answered."""
        while self._heard[action] < times:
            await self._news.wait()

    def payloads(self, action: str) -> list[Any]:
        """Of the Calls of an action, in order."""
        return [message[3] for message in self.said if message[2] == action]

    async def part(self) -> None:
        """What it does of itself."""


# --- CSMS: what they do of themselves, as in the sample captures ---


class Central16(Hearing, Csms16):
    FIRST = 500
    """The transactionId that it hands out first; in the captures it is another."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self._transactions = itertools.count(self.FIRST)

    @property
    def begun(self) -> int:
        """The transactionId that was handed out last."""
        return self.FIRST + len(self.payloads("StartTransaction")) - 1

    async def part(self) -> None:
        call = v16.call
        await self.heard("StatusNotification", 2)
        await self.call(call.GetConfiguration(key=["NumberOfConnectors", "MeterValueSampleInterval"]))
        await self.call(call.ChangeConfiguration(key="MeterValueSampleInterval", value="1"))
        await self.call(call.SetChargingProfile(connector_id=0, cs_charging_profiles=PROFILE))
        await self.heard("StatusNotification", 6)
        await self.call(call.TriggerMessage(requested_message="Heartbeat"))
        await self.heard("Heartbeat", 1)
        await self.call(call.RemoteStartTransaction(id_tag="APP-20417", connector_id=1))
        await self.heard("MeterValues", 3)
        await self.call(call.RemoteStopTransaction(transaction_id=self.begun))


class Central201(Hearing, Csms201):
    async def part(self) -> None:
        call = v201.call
        await self.heard("StatusNotification", 1)
        interval = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
        await self.call(call.GetVariables(get_variable_data=[interval]))
        await self.call(call.SetVariables(set_variable_data=[interval | {"attributeValue": "1"}]))
        await self.call(call.GetBaseReport(request_id=42, report_base="SummaryInventory"))
        await self.heard("TransactionEvent", 5)
        transaction = self.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
        await self.call(call.RequestStopTransaction(transaction_id=transaction))
        await self.heard("StatusNotification", 3)
        await self.call(call.TriggerMessage(requested_message="Heartbeat"))
        await self.heard("Heartbeat", 1)
        await self.socket.close(1001, "the CSMS restarts")


class Central21(Hearing, Csms21):
    async def part(self) -> None:
        call = v21.call
        await self.heard("StatusNotification", 1)
        await self.call(call.SetVariableMonitoring(set_monitoring_data=[MONITOR]))
        await self.heard("NotifyPeriodicEventStream", 3)
        await self.call(call.ClearVariableMonitoring(id=[Station21.MONITOR]))


class CentralTls(Central16):
    """Of the capture tls-1.3."""

    async def part(self) -> None:
        call = v16.call
        await self.heard("SecurityEventNotification", 1)
        await self.call(call.GetConfiguration(key=["HeartbeatInterval", "AuthorizationKey"]))
        await self.call(call.ChangeConfiguration(key="MeterValueSampleInterval", value="1"))


# --- stations ---


class Post16(Hearing, Station16):
    """The charge point of clean-1.6."""

    async def part(self) -> None:
        call = v16.call
        await self.boot()
        await self.heard("SetChargingProfile", 1)
        await self.call(call.Authorize(id_tag=TOKEN_16))
        transaction = await self.start_transaction(TOKEN_16)
        await self.charge(transaction, samples=2)
        await self.stop_transaction(transaction, "Local", TOKEN_16)
        await self.beaten.wait()
        await (await self.socket.ping())
        await self.heard("RemoteStartTransaction", 1)
        transaction = await self.start_transaction("APP-20417")
        await self.charge(transaction, samples=1)
        await self.heard("RemoteStopTransaction", 1)
        await self.stop_transaction(transaction, "Remote")
        await self.socket.close(1000, "maintenance")


class Post201(Hearing, Station201):
    """The station of clean-2.0.1-deflate; the CSMS ends it."""

    async def part(self) -> None:
        await self.boot("Quad 50")
        await self.reported.wait()
        await self.begin_transaction(TOKEN_2X)
        await self.charge(samples=2)
        await self.remote_stop.wait()
        await self.end_transaction("RemoteStop", "Remote")


class Post21(Hearing, Station21):
    """The station of send-2.1."""

    async def part(self) -> None:
        await self.boot("Hub 400")
        await self.heard("SetVariableMonitoring", 1)
        await self.open_stream()
        await self.begin_transaction(TOKEN_2X)
        await self.stream((0, "11040"), (0.5, "11012.5"))
        await self.stream((0, "10998"), (0.5, "11021"))
        await self.stream((0, "11040"))
        await self.heard("ClearVariableMonitoring", 1)
        await self.close_stream()
        await self.end_transaction("StopAuthorized", "Local", id_token=TOKEN_2X)
        await self.socket.close(1000)


class Mute:
    """Mixed in before the others: it does nothing of itself."""

    async def part(self) -> None:
        pass


async def perform(peer: Any) -> None:
    """Let a peer answer, and do its part, until its connection ends."""
    part = asyncio.create_task(peer.part())
    with suppress(ConnectionClosed):
        await peer.start()
    part.cancel()
    with suppress(asyncio.CancelledError, ConnectionClosed):
        await part


# --- playing ---


@dataclass
class Played:
    """What came of a replay, and of the peer."""

    performance: Performance
    comparisons: list[Comparison]
    peers: list[Any]

    @property
    def verdict(self) -> str:
        return self.performance.tally.verdict

    @property
    def notes(self) -> list[str]:
        return self.performance.notes

    def strange(self) -> list[tuple[str, str | None, list[str]]]:
        """What is not equal: outcome, action, pointers."""
        return [
            (one.outcome, one.action, [difference.pointer for difference in one.differences])
            for one in self.comparisons
            if one.outcome != "equal"
        ]


def wishes(pace: str = "answer", wait: float = 5, **more: Any) -> Wishes:
    manner = Manner(wait=int(wait * SECOND), **more.pop("manner", {}))
    return Wishes(parse_pace(pace), manner, **more)


@asynccontextmanager
async def serving(
    kind: Callable[[str, ServerConnection], Any], version: str, peers: list[Any], **options: Any
) -> AsyncIterator[Server]:
    """A CSMS of the package `ocpp`."""

    async def receive(socket: ServerConnection) -> None:
        csms = kind("csms", socket)
        peers.append(csms)
        await perform(csms)

    given = {"subprotocols": [SUBPROTOCOLS[version]], "ping_interval": None, "close_timeout": 1}
    async with serve(receive, HOST, 0, **given | options) as server:
        yield server


def _origin(options: dict[str, Any]) -> str:
    return "wss://localhost" if "ssl" in options else f"ws://{HOST}"


async def against_csms(
    script: Script,
    kind: Callable[[str, ServerConnection], Any],
    how: Wishes | None = None,
    path: str = "",
    **options: Any,
) -> Played:
    """Play a station against a CSMS."""
    peers: list[Any] = []
    seen: list[Comparison] = []
    async with serving(kind, script.version or "1.6", peers, **options) as server:
        url = f"{_origin(options)}:{port_of(server)}{path}"
        performance = await play_station(script, url, how or wishes(), seen.append)
    return Played(performance, seen, peers)


async def against_station(
    script: Script,
    kind: Callable[[str, ClientConnection], Any],
    how: Wishes | None = None,
    *,
    times: int = 1,
    path: str = "/ocpp/CP001",
    **options: Any,
) -> Played:
    """Play the CSMS for a station, which connects so many times."""
    peers: list[Any] = []
    seen: list[Comparison] = []
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def station() -> None:
        for _ in range(times):
            given = {"subprotocols": [SUBPROTOCOLS[script.version or "1.6"]], "ping_interval": None}
            async with connect(
                f"{_origin(options)}:{await port}{path}",
                proxy=None,
                close_timeout=1,
                **given | options,
            ) as socket:
                peer = kind(script.station or "CP", socket)
                peers.append(peer)
                await perform(peer)

    playing = asyncio.create_task(station())
    performance = await play_csms(script, (HOST, 0), how or wishes(), seen.append, port.set_result)
    await playing
    return Played(performance, seen, peers)
