"""From interfaces to events and files, with interfaces that give what the test puts into them."""

import contextlib
import os

import pytest

from ocppscope.capture.files import Rotation
from ocppscope.capture.listening import CaptureError, Listening
from ocppscope.capture.live import Judge
from ocppscope.capture.packet_recording import PacketFiles
from ocppscope.events import Closed, Opened
from ocppscope.wire.pcap import CaptureReader
from ocppscope.wire.tls_keys import KeyStore
from tests.capture.recordings import opened, plain, read, texts
from tests.wire.packets import (
    ANSWER,
    CALL,
    CLIENT,
    START,
    Conversation,
    answer,
    call,
    session,
    switching,
    upgrade,
)

ETHERNET = 1


class Interface:
    """What packets come from; readable while there are any."""

    def __init__(self, name="eth0"):
        self.name = name
        self.ended = ""
        self.drops = 0
        self.is_closed = False
        self.packets = []
        self.error = ""
        self._end, self._signal = os.pipe()

    def fileno(self):
        return self._end

    def arrive(self, talk):
        self.packets += [(one.time, ETHERNET, one.frame()) for one in talk.packets]
        talk.packets.clear()
        self.wake()

    def wake(self):
        os.write(self._signal, b"!")

    def read(self, most=2_000):
        if self.error:
            raise CaptureError(self.error)
        os.set_blocking(self._end, False)
        with contextlib.suppress(BlockingIOError):
            os.read(self._end, 1_000)
        taken = self.packets[:most]
        del self.packets[:most]
        return taken

    def close(self):
        assert not self.is_closed
        self.is_closed = True
        os.close(self._end)
        os.close(self._signal)


class Stage:
    """Interfaces that are listened to, into a file."""

    def __init__(self, folder, names=("eth0",), rotation=Rotation(), **options):  # noqa: B008
        self.time = START
        self.said = []
        self.events = []
        self.interfaces = [Interface(name) for name in names]
        links = [(ETHERNET, name, "") for name in names]
        self.files = PacketFiles(folder / "x.pcapng", rotation, links, self.said.append) if folder else None
        judge = Judge()
        judge.listeners.append(self.events.extend)
        self.listening = Listening(
            self.interfaces,
            judge,
            self.files,
            keys=KeyStore(),
            tell=self.said.append,
            clock=self.clock,
            **options,
        )

    def clock(self):
        self.time += 1
        return self.time


@pytest.fixture
def stage(tmp_path):
    made = []

    def make(*args, folder=tmp_path, **options):
        made.append(Stage(folder, *args, **options))
        return made[-1]

    yield make
    for one in made:
        for interface in one.interfaces:
            if not interface.is_closed:
                interface.close()


def statistics(path):
    """Received and dropped, of each statistics block."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, length = (
            int.from_bytes(data[at : at + 4], "little"),
            int.from_bytes(data[at + 4 : at + 8], "little"),
        )
        if kind == 5:
            body = data[at + 20 : at + length - 4]
            found.append((int.from_bytes(body[4:12], "little"), int.from_bytes(body[16:24], "little")))
        at += length
    return found


def test_packets_become_events_and_stand_in_the_file_as_they_came(stage):
    one = stage()
    talk = session().client(call()).server(answer()).close()
    frames = [(packet.time, ETHERNET, packet.frame()) for packet in talk.packets]
    one.interfaces[0].arrive(talk)
    one.listening.work(1)
    assert texts(one.events) == [CALL, ANSWER]
    assert one.listening.packets == len(frames)
    assert not one.listening.is_over
    one.listening.close()
    (path,) = one.files.paths
    reader = CaptureReader()
    assert reader.feed(path.read_bytes()) == frames
    assert [interface.name for interface in reader.interfaces] == ["eth0"]
    assert plain(read(path)) == plain(one.events)
    assert one.said == []


def test_nothing_comes_and_nothing_waits(stage):
    one = stage()
    one.listening.work(0)
    one.listening.flush()
    assert (one.listening.packets, one.events, one.said) == (0, [], [])
    one.listening.close()


def test_interfaces_are_told_apart(stage):
    one = stage(("eth0", "eth1"))
    one.interfaces[1].arrive(session().client(call()))
    one.listening.work(1)
    one.interfaces[0].arrive(Conversation(client="10.0.0.9:1").open().close())
    one.listening.work(1)
    one.interfaces[1].drops = 7
    one.listening.close()
    (path,) = one.files.paths
    assert statistics(path) == [(6, 0), (6 + 7, 7)]
    assert texts(read(path)) == [CALL]


def test_drops_are_said_as_they_come_and_counted(stage):
    one = stage()
    one.interfaces[0].drops = 1_200
    one.listening.flush()
    one.listening.flush()
    one.interfaces[0].drops = 1_300
    one.listening.flush()
    assert [text.partition(" packets")[0] for text in one.said] == [
        "Warning: the kernel dropped 1,200",
        "Warning: the kernel dropped 100",
    ]
    assert one.listening.drops == 1_300
    one.listening.close()
    assert statistics(one.files.paths[0]) == [(1_300, 1_300)]


def test_an_interface_that_goes_is_said_and_the_others_go_on(stage):
    one = stage(("eth0", "eth1"))
    one.interfaces[0].arrive(session().client(call()))
    one.interfaces[0].ended = "the interface is gone"
    one.listening.flush()
    assert texts(one.events) == [CALL]  # what was there is read first
    assert one.said == []
    one.listening.flush()
    assert one.said == ["eth0: the interface is gone"]
    assert not one.listening.is_over
    other = Conversation(client="10.0.0.9:1").open().client(upgrade()).server(switching())
    one.interfaces[1].arrive(other.client(call()))
    one.listening.work(1)
    assert texts(one.events) == [CALL, CALL]
    one.interfaces[1].error = "eth1 cannot be read any more: Network is down"
    one.interfaces[1].wake()
    one.listening.work(1)
    assert one.said[1:] == ["eth1 cannot be read any more: Network is down"]
    assert one.listening.is_over
    one.listening.close()
    assert [interface.is_closed for interface in one.interfaces] == [True, True]


def test_what_came_before_the_end_is_kept_however_much_it_is(stage):
    one = stage()
    talk = session()
    for _ in range(1_500):
        talk.client(call()).server(answer())
    one.interfaces[0].arrive(talk)
    one.listening.close()
    assert len(texts(one.events)) == 3_000
    assert one.events[-1].how == "end-of-capture"
    assert len(texts(read(*one.files.paths))) == 3_000


def test_an_interface_that_never_falls_silent_does_not_hinder_the_end(stage):
    one = stage()
    (interface,) = one.interfaces
    (frame,) = [packet.frame() for packet in Conversation().open().packets[:1]]
    interface.read = lambda most=2_000: [(START, ETHERNET, frame)] * 10
    one.listening.close()
    assert 10 <= one.listening.packets <= 10_000


def test_ports_that_are_to_be_taken_for_websocket(stage):
    talk = Conversation().open().client(b"\0\1 garbage", call()).server(answer())
    for ports, expected in ((), []), ((9000,), [CALL, ANSWER]):
        one = stage(decode_as=ports, folder=None)
        one.interfaces[0].arrive(Conversation(time=talk.time))
        one.interfaces[0].packets = [(p.time, ETHERNET, p.frame()) for p in talk.packets]
        one.listening.work(1)
        one.listening.close()
        assert texts(one.events) == expected
        assert one.listening.found


def test_a_message_may_have_a_limit(stage):
    one = stage(max_message=20, folder=None)
    one.interfaces[0].arrive(session().client(call(), call('[2,"2","X",{}]')))
    one.listening.work(1)
    one.listening.close()
    assert texts(one.events) == ['[2,"2","X",{}]']


def test_without_a_file_everything_is_judged_all_the_same(stage):
    one = stage(folder=None)
    one.interfaces[0].arrive(session().client(call()).rst(CLIENT))
    one.listening.work(1)
    one.listening.flush()
    one.listening.close()
    assert [type(event) for event in one.events if not hasattr(event, "raw")] == [Opened, Closed]


def test_files_rotate_and_together_hold_everything(stage):
    one = stage(rotation=Rotation(size=0))
    talk = session()
    for n in range(3):
        talk.client(call(f'[2,"{n}","Heartbeat",{{}}]')).server(answer(f'[3,"{n}",{{}}]'))
        one.interfaces[0].arrive(talk)
        one.listening.work(1)
        one.listening.flush()
    one.listening.close()
    paths = one.files.paths
    assert len(paths) >= 4
    assert plain(read(*paths)) == plain(one.events)
    assert [texts(read(path)) for path in paths[:3]] == [
        [f'[2,"{n}","Heartbeat",{{}}]', f'[3,"{n}",{{}}]'] for n in range(3)
    ]
    assert [event.session.late for path in paths for event in opened(read(path))] == [False, True, True]
