"""Files that are complete up to the last flush, whatever the disk does; and their names."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.capture.files import BlockFile, Rotation, Series
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.wire.pcap import CaptureReader
from tests.capture.recordings import ONE_FILE, Tape, damage, gaps, opened, read, texts
from tests.wire.packets import ANSWER, CALL, SECOND, answer, call, switching, upgrade

HEAD = b"head"
REAL_WRITE = os.write


class Disk:
    """What `os.write` writes to: a disk with so much room."""

    def __init__(self, room, number=errno.ENOSPC):
        self.room = room
        self.number = number

    def write(self, file, data):
        if self.room <= 0:
            raise OSError(self.number, os.strerror(self.number))
        taken = REAL_WRITE(file, bytes(data)[: self.room])
        self.room -= taken
        return taken


@pytest.fixture
def disk(monkeypatch):
    made = Disk(1 << 40)
    monkeypatch.setattr("ocppscope.capture.files.os.write", made.write)
    return made


@pytest.fixture
def said():
    return []


@pytest.fixture
def file(tmp_path, said, disk):
    return BlockFile(tmp_path / "x", HEAD, said.append)


# --- blocks -------------------------------------------------------------------------------------------------


def test_a_file_begins_with_its_head_at_once(file):
    assert file.path.read_bytes() == HEAD
    assert file.size == len(HEAD)
    file.close()


def test_only_the_owner_may_read_it_and_no_file_is_replaced(file, said):
    file.close()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        BlockFile(file.path, HEAD, said.append)
    assert file.path.read_bytes() == HEAD


def test_blocks_are_written_with_a_flush_and_at_the_end(file):
    file.add(b"one")
    file.add(b"two")
    assert file.path.read_bytes() == HEAD
    file.flush()
    assert file.path.read_bytes() == b"headonetwo"
    file.add(b"three")
    file.close()
    assert file.path.read_bytes() == b"headonetwothree"
    assert (file.size, file.lost) == (15, 0)


def test_many_bytes_do_not_wait_for_a_flush(file):
    for _ in range(300):
        file.add(bytes(1_000))
    assert file.path.stat().st_size > 256_000
    file.close()
    assert file.path.stat().st_size == file.size == 300_004


def test_a_write_that_takes_only_a_part_goes_on_with_the_rest(file, monkeypatch):
    monkeypatch.setattr(
        "ocppscope.capture.files.os.write", lambda one, data: REAL_WRITE(one, bytes(data)[:2])
    )
    file.add(b"a long block")
    file.close()
    assert file.path.read_bytes() == b"heada long block"


@pytest.mark.parametrize("room", [0, 1, 4, 5])
def test_a_full_disk_leaves_whole_blocks_and_writing_goes_on_when_there_is_room(file, disk, said, room):
    file.add(b"first")
    file.flush()
    disk.room = room
    file.add(b"lost1")
    file.add(b"lost2")
    file.flush()
    assert file.path.read_bytes() == b"headfirst"
    assert (file.size, file.lost) == (9, 10)
    disk.room = 0
    file.add(b"lost3")
    file.flush()
    disk.room = 1_000
    file.add(b"last")
    file.close()
    assert file.path.read_bytes() == b"headfirstlast"
    assert file.lost == 15
    assert said == [
        (
            f"{file.path} cannot be written: No space left on device; make room, and it goes on. "
            "Sessions are passed on meanwhile"
        ),
        f"{file.path} is written again; 15 bytes of packets are lost in it",
    ]


def test_another_error_has_no_remedy_to_offer(file, disk, said):
    disk.room, disk.number = 0, errno.EIO
    file.add(b"x")
    file.close()
    text, last = said
    assert "Input/output error; recording pauses" in text
    assert "is not whole: 1 bytes of packets are lost" in last


def test_a_flush_of_nothing_says_nothing_of_a_full_disk(file, disk, said):
    disk.room = 0
    file.add(b"x")
    file.flush()
    file.flush()
    file.flush()
    assert len(said) == 1
    file.close()


@pytest.mark.parametrize("room", [0, 2])
def test_no_file_is_left_where_not_even_the_head_fits(tmp_path, disk, said, room):
    disk.room = room
    with pytest.raises(OSError, match="No space left"):
        BlockFile(tmp_path / "x", HEAD, said.append)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 20)), max_size=20))
def test_whatever_room_there_is_each_flush_is_there_whole_or_not_at_all(tmp_path_factory, said_and_room):
    disk = Disk(1_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ocppscope.capture.files.os.write", disk.write)
        path = tmp_path_factory.mktemp("disk") / "x"
        file = BlockFile(path, HEAD, lambda _: None)
        expected = HEAD
        for data, room in said_and_room:
            disk.room = room
            file.add(data)
            file.flush()
            expected += data if room >= len(data) else b""
        file.close()
    assert path.read_bytes() == expected
    assert file.size == len(expected)
    assert file.lost == 4 + sum(len(data) for data, _ in said_and_room) - len(expected)


# --- a recording on a full disk -----------------------------------------------------------------------------


def session(tape, port):
    line = tape.connect(f"10.0.0.1:{port}")
    return line.client(upgrade()).server(switching()).client(call())


def test_a_reader_sees_a_gap_for_what_was_lost_and_no_damage(tmp_path, disk):
    tape = Tape(tmp_path)
    line = session(tape, 1)
    tape.flush()
    disk.room = 50
    line.server(answer()).client(call('[2,"2","Heartbeat",{}]')).server(answer('[3,"2",{}]'))
    tape.flush()
    disk.room = 1 << 40
    line.client(call('[2,"3","Heartbeat",{}]')).server(answer('[3,"3",{}]'))
    session(tape, 2).server(answer())
    tape.close()
    (path,) = tape.packets.paths
    reader = CaptureReader()
    reader.feed(path.read_bytes())
    reader.close()
    assert reader.damage is None
    events = read(path)
    assert len(opened(events)) == 2
    assert texts([e for e in events if e.session.number == 1]) == [
        CALL,
        '[2,"3","Heartbeat",{}]',
        '[3,"3",{}]',
    ]
    assert texts([e for e in events if e.session.number == 2]) == [CALL, ANSWER]
    assert {(e.session.number, e.direction, e.size) for e in gaps(events)} == {
        (1, "csms-to-cp", len(answer()) + len(answer('[3,"2",{}]'))),
        (1, "cp-to-csms", len(call('[2,"2","Heartbeat",{}]'))),
    }
    assert not damage(events)
    assert texts(tape.live).count(CALL) == 2  # what is seen live is not concerned
    assert len(tape.said) == 2


FILLED = """
import resource, sys
from pathlib import Path
from ocppscope.capture.files import Rotation
from ocppscope.capture.live import Judge, Taps
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.wire.notes import ConnectionNote
from tests.wire.packets import answer, call, switching, upgrade
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, said = Path(sys.argv[1]), []
packets = PacketRecording(folder / "x.pcapng", Rotation(), said.append)
store = StoreRecording(folder / "x.ocppdb", Rotation(), "test", "field", said.append)
judge = Judge(store=store)
taps = Taps(judge, packets, said.append)
time = 1_700_000_000_000_000_000
lines = [taps.opened(ConnectionNote(f"10.0.0.1:{n}", "10.0.0.2:9000"), time) for n in (1, 2)]
for line in lines:
    taps.data(line, 0, upgrade(), time)
    taps.data(line, 1, switching(), time)
taps.flush(time)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for n in range(30):
    if n == 10:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    if n == 20:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    time += 1_000_000_000
    for line in lines:
        taps.data(line, 0, call('[2,"%d","Heartbeat",{}]' % n), time)
        taps.data(line, 1, answer('[3,"%d",{"currentTime":"2026-01-01T00:00:00Z"}]' % n), time)
    taps.flush(time)
for line in lines:
    taps.fin(line, 0, time)
    taps.fin(line, 1, time)
    taps.closed(line, time)
taps.close()
print(judge.messages)
print(*said, sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file size")
def test_files_that_may_not_grow_for_a_while(tmp_path):
    """A real limit of the system, for packets and store at once."""
    done = subprocess.run(
        [sys.executable, "-c", FILLED, tmp_path], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    count, *said = done.stdout.splitlines()
    assert int(count) == 120  # everything is seen and judged all the same
    packets, store = tmp_path / "x.pcapng", tmp_path / "x.ocppdb"
    assert [line.partition(" ")[0] for line in sorted(said)] == [str(store)] * 2 + [str(packets)] * 2
    assert any("File too large" in line for line in said)
    assert done.stderr == ""
    asked = [f'[2,"{n}","Heartbeat",{{}}]' for n in (*range(10), *range(20, 30))]
    for path in packets, store:
        events = read(path)
        seen = [text for text in texts(events) if text.startswith("[2")]
        assert set(seen) == set(asked)
        assert len(seen) == 40
        assert not damage(events)
        assert len(opened(events)) == 2
    assert gaps(read(packets))
    assert not list(tmp_path.glob("*-wal"))


# --- names --------------------------------------------------------------------------------------------------


def names(series, count):
    return [series.next().name for _ in range(count)]


def test_without_rotation_there_is_one_name(tmp_path):
    series = Series(tmp_path / "x.pcapng", Rotation())
    assert names(series, 2) == ["x.pcapng", "x.pcapng"]
    assert not Rotation(keep=3).is_on


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.pcapng", "x-0001.pcapng"),
        ("a.b c.d.pcapng", "a.b c.d-0001.pcapng"),
        ("x-0007.pcapng", "x-0007-0001.pcapng"),
        ("[x]+(1)*.ocppdb", "[x]+(1)*-0001.ocppdb"),
        ("säule.PCAPNG", "säule-0001.PCAPNG"),
    ],
)
def test_numbers_go_before_the_extension(tmp_path, name, expected):
    assert names(Series(tmp_path / name, Rotation(size=1)), 1) == [expected]


@pytest.mark.parametrize("name", ["x.pcapng", "a.b c.pcapng", "[x]+(1)*.pcapng"])
def test_numbers_go_on_after_a_restart(tmp_path, name):
    path = tmp_path / name
    for kept in ("0003", "0041", "12345"):
        (tmp_path / f"{path.stem}-{kept}.pcapng").touch()
    for other in (
        "y-0099.pcapng",
        f"{path.stem}-99.pcapng",
        f"{path.stem}-00x1.pcapng",
        f"{path.stem}-0050.ocppdb",
    ):
        (tmp_path / other).touch()
    assert names(Series(path, Rotation(size=1)), 2) == [f"{path.stem}-{n}.pcapng" for n in (12346, 12347)]


def test_a_folder_that_is_not_there_is_no_error_until_a_file_is_made(tmp_path):
    series = Series(tmp_path / "no" / "x.pcapng", Rotation(size=1))
    assert names(series, 1) == ["x-0001.pcapng"]
    with pytest.raises(FileNotFoundError):
        PacketRecording(tmp_path / "no" / "x.pcapng", ONE_FILE, pytest.fail)


def test_the_oldest_files_go_with_what_sqlite_keeps_beside_them(tmp_path):
    for n in range(8, 13):
        (tmp_path / f"x-{n:04}.ocppdb").touch()
    for end in ("-wal", "-shm"):
        (tmp_path / f"x-0009.ocppdb{end}").touch()
    for other in ("x.ocppdb", "y-0001.ocppdb", "x-0001.pcapng"):
        (tmp_path / other).touch()
    Series(tmp_path / "x.ocppdb", Rotation(size=1, keep=2)).prune()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"x-0011.ocppdb", "x-0012.ocppdb", "x.ocppdb", "y-0001.ocppdb", "x-0001.pcapng"}


def test_numbers_are_ordered_as_numbers(tmp_path):
    for name in ("x-9999.pcapng", "x-10000.pcapng", "x-10001.pcapng"):
        (tmp_path / name).touch()
    Series(tmp_path / "x.pcapng", Rotation(size=1, keep=1)).prune()
    assert [path.name for path in tmp_path.iterdir()] == ["x-10001.pcapng"]


@pytest.mark.parametrize("rotation", [Rotation(keep=1), Rotation(size=1)])
def test_nothing_is_removed_that_nobody_asked_to_remove(tmp_path, rotation):
    for n in range(1, 4):
        (tmp_path / f"x-{n:04}.pcapng").touch()
    Series(tmp_path / "x.pcapng", rotation).prune()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_cannot_be_removed_stays(tmp_path):
    (tmp_path / "x-0001.pcapng").mkdir()
    (tmp_path / "x-0002.pcapng").touch()
    Series(tmp_path / "x.pcapng", Rotation(size=1, keep=1)).prune()
    assert len(list(tmp_path.iterdir())) == 2


def test_when_the_next_file_is_due():
    assert not Rotation().is_due(1 << 60, 1 << 60)
    assert [Rotation(size=100).is_due(size, 1 << 60) for size in (99, 100, 101)] == [False, True, True]
    assert [Rotation(period=SECOND).is_due(1 << 60, age) for age in (SECOND - 1, SECOND)] == [False, True]
    both = Rotation(size=100, period=SECOND)
    assert both.is_due(100, 0)
    assert both.is_due(0, SECOND)
