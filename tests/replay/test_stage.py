"""The stage, between a player and a connection that the test holds in its hands."""

import asyncio
import json

import pytest

from ocppscope.replay.stage import CannotOpenError, Ended, Stage
from tests.capture.proxied import run, until
from tests.replay.screenplay import BOOT, BOOTED, Recorded, Rehearsal

SECOND = 1_000_000_000


class Memory:
    """A connection without a network."""

    def __init__(self):
        self.sent = []
        self.texts = asyncio.Queue()
        self.closes = []
        self.hold = None
        """An event: until then nothing that is sent has gone."""

    async def receive(self):
        text = await self.texts.get()
        if isinstance(text, Exception):
            raise text
        return text

    async def send(self, text):
        if self.hold is not None:
            await self.hold.wait()
        self.sent.append(json.loads(text))

    async def send_raw(self, frames):
        self.sent.append(frames)

    async def ping(self, payload):
        self.sent.append(("ping", payload))

    async def close(self, how):
        self.closes.append(how.code)
        self.texts.put_nowait(Ended(how.code, ""))


class Venue:
    """Opens connections one after the other; an exception stands for one that cannot be had."""

    def __init__(self, *connections):
        self.left = list(connections)

    async def open(self, act):
        one = self.left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one


def player(recorded, **options):
    """A player that nobody has started."""
    rehearsal = Rehearsal.__new__(Rehearsal)
    rehearsal._take = lambda _: None
    rehearsal.__init__(recorded, **options)
    fresh = rehearsal.player
    fresh._opens_at, fresh._tried = None, None
    return fresh


def booted():
    return Recorded().open().call(0, "station", "BootNotification", BOOT, BOOTED, after=0.001)


async def answering(connection):
    """Answer Calls."""
    count = 0
    while True:
        await until(lambda: len(connection.sent) > count)  # noqa: B023 - it is over before count changes
        message = connection.sent[count]
        count += 1
        if message[0] == 2:
            connection.texts.put_nowait(json.dumps([3, message[1], BOOTED]))


async def perform(stage, script, *connections):
    tasks = [asyncio.create_task(answering(one)) for one in connections]
    await stage.perform(script.acts)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def clock():
    return round(asyncio.get_running_loop().time() * SECOND)


def test_acts_are_played_one_after_the_other():
    async def scenario():
        recorded = booted().ping(0.01, "station").damaged(0.02, "station", "{").close(0.03)
        recorded.open(0.04).call(0.05, "station", "Heartbeat", {}, BOOTED, after=0.001)
        one, other = Memory(), Memory()
        playing = player(recorded, pace="recorded", is_raw=True)
        stage = Stage(playing, Venue(one, other), clock)
        await perform(stage, recorded.script(), one, other)
        return playing, one, other

    playing, one, other = run(scenario)
    assert playing.tally.verdict == "same"
    assert one.sent[0][2] == "BootNotification"
    assert one.sent[1] == ("ping", b"p")
    assert isinstance(one.sent[2], bytes)
    assert other.sent[0][2] == "Heartbeat"
    assert (one.closes, other.closes) == ([1000], [1000])


def test_a_connection_that_cannot_be_had():
    async def scenario():
        playing = player(booted())
        await Stage(playing, Venue(CannotOpenError("no way")), clock).perform(booted().script().acts)
        return playing

    playing = run(scenario)
    assert any("no way" in note for note in playing.notes)
    assert playing.tally.verdict == "incomplete"


def test_what_is_said_stays_in_order_while_a_send_takes_its_time():
    async def scenario():
        recorded = Recorded().open()
        for at in range(20):
            recorded.call(at / 1000, "station", "DataTransfer", {"vendorId": str(at)})
        recorded.close(99)
        connection = Memory()
        connection.hold = asyncio.Event()
        playing = player(recorded, max_gap=0.001)
        task = asyncio.create_task(Stage(playing, Venue(connection), clock).perform(recorded.script().acts))
        await asyncio.sleep(0.05)
        assert connection.sent == []
        connection.texts.put_nowait('[2,"x","Reset",{"type":"Soft"}]')
        connection.hold.set()
        await task
        return connection.sent

    sent = run(scenario)
    assert [one[3]["vendorId"] for one in sent if one[0] == 2] == [str(at) for at in range(20)]
    assert [one[1] for one in sent if one[0] == 3] == ["x"]


def test_who_is_cancelled_leaves_properly():
    async def scenario():
        connection = Memory()
        stage = Stage(player(booted().close(99)), Venue(connection), clock)
        task = asyncio.create_task(stage.perform(booted().script().acts))
        await until(lambda: connection.sent)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return connection.closes, asyncio.all_tasks()

    closes, tasks = run(scenario)
    assert closes == [1001]
    assert len(tasks) == 1
