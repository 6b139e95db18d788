"""Replays of real captures against real peers: those of the package `ocpp`, on sockets of `websockets`."""

import asyncio
import logging
import ssl
from collections import Counter

import pytest
from ocpp import v16
from ocpp.routing import on
from websockets.asyncio.client import connect

from captures.peers import now
from ocppscope.capture.tls import station_context, upstream_context
from ocppscope.events import Opened
from ocppscope.replay.performing import percentile, play_clones, play_csms, play_station
from ocppscope.replay.reading import Selection, script_of
from ocppscope.replay.sockets import Manners
from tests.capture.handshakes import Maker
from tests.capture.proxied import HOST, RESET, Seen, free_port, port_of, run, until
from tests.replay.screenplay import BOOT, BOOTED, Recorded
from tests.replay.test_reading import sample
from tests.replay.theatre import (
    Central16,
    Central21,
    Central201,
    CentralTls,
    Mute,
    Post16,
    Post21,
    Post201,
    against_csms,
    against_station,
    perform,
    serving,
    wishes,
)

CLEAN = "clean-1.6.pcap"
TRANSACTION = 90_417
"""The first one in the captures."""


class Quiet16(Mute, Central16):
    """Answers only."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """`ocpp` logs what it is told wrong."""
    caplog.set_level(logging.CRITICAL, "ocpp")


# --- the same again ---


@pytest.mark.parametrize(
    ("name", "csms", "options"),
    [
        (CLEAN, Central16, {}),
        ("clean-2.0.1-deflate.pcap", Central201, {"compression": "deflate"}),
        ("send-2.1.pcap", Central21, {}),
        ("tls-1.3.pcapng", CentralTls, {}),
        ("rogue-station.pcap", Quiet16, {}),
        ("recorded-faults.pcapng", Quiet16, {}),
    ],
)
@pytest.mark.parametrize("pace", ["answer", "asap", "x50"])
def test_a_station_against_a_csms(name, csms, options, pace):
    played = run(lambda: against_csms(sample(name), csms, wishes(pace), **options))
    assert played.strange() == []
    assert (played.verdict, played.performance.tally.unplayed) == ("same", 0)
    (peer,) = played.peers
    assert bool(peer.socket.protocol.extensions) == ("compression" in options)


@pytest.mark.parametrize(
    ("name", "station", "options"),
    [
        (CLEAN, Post16, {}),
        ("clean-2.0.1-deflate.pcap", Post201, {"compression": "deflate"}),
        ("send-2.1.pcap", Post21, {}),
    ],
)
def test_a_csms_for_a_station(name, station, options):
    played = run(lambda: against_station(sample(name, "csms"), station, **options))
    assert played.strange() == []
    assert (played.verdict, played.performance.tally.unplayed) == ("same", 0)
    (peer,) = played.peers
    assert peer.socket.subprotocol == sample(name).acts[0].opened.subprotocol
    assert bool(peer.socket.protocol.extensions) == ("compression" in options)
    assert (
        "websockets" in peer.socket.response.headers["Server"]
    )  # the recorded one: we have no name of our own


def test_a_station_closes_as_it_was_recorded():
    played = run(lambda: against_csms(sample(CLEAN), Central16))
    closed = played.peers[0].socket
    assert (closed.close_code, closed.close_reason) == (1000, "maintenance")
    played = run(lambda: against_csms(sample("rogue-station.pcap"), Quiet16))
    assert played.peers[0].socket.protocol.close_rcvd is None  # reset


def test_what_was_recorded_by_our_own_proxy():
    """A session that nobody has directed: it is recorded, and then each side is played against the other one's."""

    async def scenario():
        seen = Seen()
        async with serving(Quiet16, "1.6", []) as server, seen.proxy(port_of(server)) as proxy:
            url = f"ws://{HOST}:{port_of(proxy)}/ocpp/CP9"
            async with connect(url, subprotocols=["ocpp1.6"], proxy=None, close_timeout=1) as socket:
                await perform(Visitor("CP9", socket))
            await asyncio.sleep(0.05)
            proxy.taps.drain()
        scripts = [script_of(seen.events, side, Selection()) for side in ("station", "csms")]
        return (await against_csms(scripts[0], Quiet16), await against_station(scripts[1], Visitor))

    as_station, as_csms = run(scenario)
    assert (as_station.verdict, as_station.strange(), len(as_station.comparisons)) == ("same", [], 8)
    assert (as_csms.verdict, as_csms.strange(), len(as_csms.comparisons)) == ("same", [], 9)  # and a Close


class Visitor(Post16):
    """Boots, charges, and leaves."""

    async def part(self):
        await self.boot()
        transaction = await self.start_transaction("T")
        await self.call(v16.call.StopTransaction(transaction_id=transaction, meter_stop=7, timestamp=now()))
        await self.call(v16.call.DataTransfer(vendor_id="nobody"), suppress=True)
        await self.socket.close()


# --- what is alive ---


def test_a_transaction_is_stopped_by_the_id_that_the_live_csms_gave():
    played = run(lambda: against_csms(sample(CLEAN), Central16))
    (peer,) = played.peers
    stopped = [one["transactionId"] for one in peer.payloads("StopTransaction")]
    metered = [one["transactionId"] for one in peer.payloads("MeterValues")]
    assert (stopped, metered) == ([500, 501], [500, 500, 501])
    assert TRANSACTION not in stopped


def test_a_remote_stop_has_the_id_that_the_station_was_given():
    played = run(
        lambda: against_station(sample("clean-2.0.1-deflate.pcap", "csms"), Post201, compression="deflate")
    )
    (peer,) = played.peers
    stops = [one["transactionId"] for one in peer.payloads("RequestStopTransaction")]
    assert stops == [peer.transaction]


def test_tokens_and_identity_are_what_the_user_says():
    tokens = {"04A1B2C3D4E5F6": "NEW"}
    how = wishes(wait=0.1, tokens=tokens, manners=Manners(identity="OTHER 7"))
    played = run(lambda: against_csms(sample(CLEAN), Quiet16, how, path="/base"))
    assert {one["idTag"] for one in played.peers[0].payloads("Authorize")} == {"NEW"}
    assert played.peers[0].socket.request.path == "/base/OTHER%207"


# --- a peer that is changed in one place ---


class Blocking(Central16):
    @on("Authorize")
    def _authorize(self, **_):
        return v16.call_result.Authorize(id_tag_info={"status": "Blocked", "parent_id_tag": "FLEET-7"})


class Asking(Central16):
    """Asks for one thing in another way."""

    async def call(self, payload, *args, **kwargs):
        if isinstance(payload, v16.call.ChangeConfiguration):
            payload = v16.call.ChangeConfiguration(key=payload.key, value="2")
        return await super().call(payload, *args, **kwargs)


class Faulty(Post16):
    """Says that it is faulty when it is finishing."""

    async def status(self, status, connector=1):
        wrong = status == "Finishing" and not self.payloads("RemoteStopTransaction")
        await super().status("Faulted" if wrong else status, connector)


class Refusing(Post16):
    @on("SetChargingProfile")
    def _set_charging_profile(self, **_):
        return v16.call_result.SetChargingProfile(status="Rejected")


@pytest.mark.parametrize(
    ("csms", "strange"),
    [
        (Blocking, [("diverged", "Authorize", ["/idTagInfo/status"])]),
        (Asking, [("diverged", "ChangeConfiguration", ["/value"])]),
    ],
)
def test_a_csms_that_is_changed_in_one_place(csms, strange):
    played = run(lambda: against_csms(sample(CLEAN), csms))
    assert (played.verdict, played.strange()) == ("diverged", strange)


@pytest.mark.parametrize(
    ("station", "strange"),
    [
        (Faulty, [("diverged", "StatusNotification", ["/status"])]),
        (Refusing, [("diverged", "SetChargingProfile", ["/status"])]),
    ],
)
def test_a_station_that_is_changed_in_one_place(station, strange):
    played = run(lambda: against_station(sample(CLEAN, "csms"), station))
    assert (played.verdict, played.strange()) == ("diverged", strange)


def test_what_is_ignored_does_not_diverge():
    how = wishes(ignore=["Authorize/idTagInfo/status"])
    assert run(lambda: against_csms(sample(CLEAN), Blocking, how)).verdict == "same"


# --- peers that misbehave ---


class Stalling(Quiet16):
    """Never answers Authorize."""

    async def route_message(self, raw_msg):
        if "Authorize" not in raw_msg:
            await super().route_message(raw_msg)


def test_a_csms_that_stalls():
    how = wishes(wait=0.2)
    played = run(lambda: against_csms(sample("rogue-station.pcap"), Stalling, how))
    assert (played.verdict, played.strange()) == ("incomplete", [("missing", "Authorize", [])])
    assert played.peers[0].payloads("MeterValues")  # play went on


class Dropping(Central16):
    """Drops the connection when a transaction begins."""

    async def route_message(self, raw_msg):
        if "StartTransaction" in raw_msg:
            await self.drop()
        else:
            await super().route_message(raw_msg)

    async def drop(self):
        await self.socket.close(1011, "sorry")


class Resetting(Dropping):
    async def drop(self):
        self.socket.transport.get_extra_info("socket").setsockopt(1, 13, RESET)
        self.socket.transport.abort()


@pytest.mark.parametrize(
    ("csms", "how"), [(Dropping, "with code 1011 (sorry)"), (Resetting, "without a Close")]
)
def test_a_csms_that_drops_in_the_middle(csms, how):
    played = run(lambda: against_csms(sample(CLEAN), csms))
    assert (
        f"the peer closed the connection {how} before step 17 (event 19, its answer to StartTransaction)"
        in played.notes
    )
    assert played.verdict == "incomplete"
    counts = played.performance.tally.counts
    assert (counts["equal"], counts["diverged"], counts["unexpected"]) == (8, 0, 0)
    assert counts["missing"] + counts["equal"] == 25  # all but Heartbeats
    assert played.performance.tally.unplayed > 5


class Swapping(Quiet16):
    """Answers the first MeterValues after the second."""

    held = None

    async def route_message(self, raw_msg):
        if "MeterValues" in raw_msg and self.held is None:
            self.held = raw_msg
            return
        await super().route_message(raw_msg)
        if "MeterValues" in raw_msg:
            await super().route_message(self.held)


def test_a_csms_that_answers_out_of_order():
    played = run(lambda: against_csms(sample("rogue-station.pcap"), Swapping))
    assert played.verdict == "same"
    steps = [one.step for one in played.comparisons if one.action == "MeterValues"]
    assert steps == sorted(steps, reverse=True)


class Interrupting(Quiet16):
    """Calls before the boot is answered, twice the same, and what the capture never saw."""

    async def part(self):
        call = v16.call
        self.results = [
            await self.call(call.TriggerMessage(requested_message="Heartbeat")),
            await self.call(call.ClearCache()),
            await self.call(call.TriggerMessage(requested_message="Heartbeat")),
        ]


def test_a_csms_that_calls_at_unexpected_times():
    how = wishes("x20", wait=0.2)
    played = run(lambda: against_csms(sample(CLEAN), Interrupting, how))
    statuses = [one.status for one in played.peers[0].results]
    assert statuses == ["Accepted", "Accepted", "NotImplemented"]  # as recorded, and by default
    counts = Counter(outcome for outcome, _, _ in played.strange())
    assert counts == {"unexpected": 2, "missing": 5}
    assert played.verdict == "diverged"


def test_stations_that_never_come_or_leave_early():
    async def nobody(script):
        return await play_csms(script, (HOST, 0), wishes(wait=0.05))

    performance = run(lambda: nobody(sample(CLEAN, "csms")))
    assert any(
        "session 1 could not be opened" in note and "no station came" in note for note in performance.notes
    )
    assert performance.tally.verdict == "incomplete"

    class Leaving(Post16):
        async def part(self):
            await self.boot()
            await self.socket.close(1001)

    played = run(lambda: against_station(sample(CLEAN, "csms"), Leaving))
    assert any("with code 1001 before step" in note for note in played.notes)
    assert played.performance.tally.counts["equal"] >= 3  # it may be asked for something before it has gone


# --- several sessions, several stations ---


def twice():
    recorded = Recorded().open().call(0, "station", "BootNotification", BOOT, BOOTED).close(1)
    return (
        recorded.open(2).call(2, "station", "Heartbeat", {}, {"currentTime": "2026-01-01T00:00:00Z"}).close(3)
    )


def test_a_station_reconnects_where_the_capture_did():
    played = run(lambda: against_csms(twice().script(), Quiet16))
    assert [len(peer.said) for peer in played.peers] == [1, 1]
    assert played.verdict == "same"


def test_a_station_that_reconnects_is_served():
    class Short(Post16):
        async def part(self):
            await self.call(v16.call.Heartbeat())
            await self.socket.close()

    played = run(lambda: against_station(twice().script("csms"), Short, times=2))
    assert [len(peer.said) for peer in played.peers] == [0, 0]
    assert played.strange() == [("missing", "BootNotification", [])]


def test_clones_have_each_their_own_name_and_map():
    async def scenario():
        peers, ended = [], []
        async with serving(Quiet16, "1.6", peers) as server:
            each = [wishes(manners=Manners(identity=f"CP{n}")) for n in range(30)]
            url = f"ws://{HOST}:{port_of(server)}"
            performances = await play_clones(transaction().script(), url, each, ended.append)
        return peers, ended, performances

    peers, ended, performances = run(scenario)
    assert len(ended) == 30
    assert {one.tally.verdict for one in performances} == {"same"}
    assert {peer.socket.request.path for peer in peers} == {f"/ocpp/CP{n}" for n in range(30)}
    assert all(peer.payloads("StopTransaction")[0]["transactionId"] == 500 for peer in peers)
    assert all(len(one.latencies) == 2 for one in performances)


def transaction():
    start = {"connectorId": 1, "idTag": "T", "meterStart": 1, "timestamp": "2023-11-14T22:13:25Z"}
    stop = {"transactionId": 7, "meterStop": 2, "timestamp": "2023-11-14T22:13:26Z"}
    begun = {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}
    recorded = Recorded().open().call(0, "station", "StartTransaction", start, begun)
    return recorded.call(1, "station", "StopTransaction", stop, {"idTagInfo": {"status": "Accepted"}}).close(
        2
    )


def test_clones_that_are_refused():
    async def scenario():
        url = f"ws://{HOST}:{free_port()}"
        return await play_clones(transaction().script(), url, [wishes() for _ in range(3)])

    performances = run(scenario)
    assert [one.refused for one in performances] == [1, 1, 1]


def test_what_is_cancelled_says_what_has_come_of_it():
    async def scenario(play):
        peers = []
        async with serving(Quiet16, "1.6", peers) as server:
            task = asyncio.create_task(play(f"ws://{HOST}:{port_of(server)}"))
            await until(lambda: any(peer.said for peer in peers))
            await asyncio.sleep(0.02)  # its answer arrives
            task.cancel()
            return await task, peers

    slow = Recorded().open().call(0, "station", "BootNotification", BOOT, BOOTED)
    slow = (
        slow.call(4, "station", "Heartbeat", {}, {})
        .call(5, "station", "Authorize", {"idTag": "T"}, {})
        .script()
    )
    how = wishes("recorded")
    performance, peers = run(lambda: scenario(lambda url: play_station(slow, url, how)))
    assert (performance.is_interrupted, performance.tally.verdict) == (True, "incomplete")
    assert performance.notes[-1] == "interrupted"
    assert performance.tally.counts == {"equal": 1, "diverged": 0, "missing": 1, "unexpected": 0}
    assert performance.tally.unplayed == 2
    assert peers[0].socket.close_code == 1001
    performances, _ = run(lambda: scenario(lambda url: play_clones(slow, url, [how] * 500)))
    assert 1 <= len(performances) < 500  # those that had begun
    assert all(one.is_interrupted for one in performances)


def test_ids_that_the_peer_never_gave_are_told():
    played = run(lambda: against_csms(sample("late-start.pcap"), Quiet16, wishes(wait=0.1)))
    assert any("transaction id 90417 as it was recorded" in note for note in played.notes)
    assert played.verdict == "incomplete"


@pytest.mark.parametrize("name", ["lost-packets.pcap", "lost-packets-deflate.pcap"])
def test_what_the_capture_lacks_is_no_difference(name):
    csms = Central201 if "deflate" in name else Central16
    played = run(lambda: against_csms(sample(name), type("Quiet", (Mute, csms), {}), wishes(wait=0.1)))
    assert {outcome for outcome, _, _ in played.strange()} == {"missing"}
    played = run(
        lambda: against_station(
            sample(name, "csms"), Post201 if "deflate" in name else Post16, wishes(wait=0.5)
        )
    )
    assert played.performance.tally.counts["equal"] >= 8


def test_percentiles():
    assert [percentile(range(100), part) for part in (0.5, 0.9, 0.99, 1)] == [50, 90, 99, 99]
    assert percentile([], 0.5) == 0


# --- TLS ---


def test_tls_with_basic_auth_and_client_certificates(tmp_path):
    maker = Maker(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*maker.issue("csms"))
    server.load_verify_locations(maker.path)
    server.verify_mode = ssl.CERT_REQUIRED
    client = upstream_context(maker.path, *maker.issue("station"), False)
    script = sample("tls-1.3.pcapng")
    how = wishes(manners=Manners(tls=client))
    played = run(lambda: against_csms(script, CentralTls, how, ssl=server))
    assert (played.verdict, played.notes) == ("same", [])
    assert isinstance(script.acts[0].opened, Opened)
    assert played.peers[0].socket.request.headers["Authorization"].startswith("Basic ")
    without = upstream_context(maker.path, None, None, False)
    refused = run(
        lambda: against_csms(
            transaction().script(), CentralTls, wishes(manners=Manners(tls=without)), ssl=server
        )
    )
    assert refused.verdict == "incomplete"
    ours = station_context(*maker.issue("ours"), maker.path)
    csms = wishes(manners=Manners(tls=ours))
    played = run(lambda: against_station(sample(CLEAN, "csms"), Post16, csms, ssl=client))
    assert played.verdict == "same"
