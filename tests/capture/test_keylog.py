"""A key log that programs write to while it is read, and what becomes of records that came before their keys."""

import struct
from pathlib import Path

import pytest

from ocppscope.capture.keylog import GrowingKeylog
from ocppscope.events import Notice, Text
from ocppscope.wire.capture import Capture
from ocppscope.wire.tls_keys import KeyStore

CAPTURE = Path(__file__).parents[2] / "captures" / "tls-1.3.pcapng"
SECRETS_BLOCK, PACKET_BLOCK = 0x0A, 0x06


def line(number, end="\n"):
    return f"CLIENT_TRAFFIC_SECRET_0 {number:064x} {number:064x}{end}"


@pytest.fixture
def keys():
    return KeyStore()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.log"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def known(keys, *numbers):
    return all(keys.secret("CLIENT_TRAFFIC_SECRET_0", bytes.fromhex(f"{n:064x}")) for n in numbers)


def test_grows(path, keys):
    log = GrowingKeylog(path, keys)
    assert log.poll() == 0  # it is not there yet
    append(path, "# comment\n" + line(1))
    assert log.poll() == 1
    assert log.poll() == 0
    append(path, line(2) + line(3))
    assert log.poll() == 2
    assert known(keys, 1, 2, 3)


def test_waits_for_whole_lines(path, keys):
    log, text = GrowingKeylog(path, keys), line(1) + line(2, end="\r\n")
    added = []
    for character in text:
        append(path, character)
        added.append(log.poll())
    assert [place for place, count in enumerate(added) if count] == [len(line(1)) - 1, len(text) - 1]


def test_a_last_line_without_an_end(path, keys):
    log = GrowingKeylog(path, keys)
    append(path, line(1) + line(2, end=""))
    assert log.poll() == 1
    assert log.finish() == 1
    assert log.finish() == 0


def test_emptied(path, keys):
    log = GrowingKeylog(path, keys)
    append(path, line(1) + line(2))
    assert log.poll() == 2
    path.write_text(line(3))
    assert log.poll() == 1
    path.write_text(line(3) + line(4) + line(5))
    assert log.poll() == 2
    assert known(keys, 1, 2, 3, 4, 5)


def test_emptied_and_longer_than_before(path, keys):
    log = GrowingKeylog(path, keys)
    append(path, line(1) + "CLIENT_TRAFF")
    assert log.poll() == 1
    path.write_text(line(2) + line(3) + line(4))
    assert log.poll() == 3


def test_replaced(path, keys, tmp_path):
    log = GrowingKeylog(path, keys)
    append(path, line(1))
    assert log.poll() == 1
    other = tmp_path / "other"
    other.write_text(line(2))
    other.rename(path)
    assert log.poll() == 1


def test_gone_and_there_again(path, keys):
    log = GrowingKeylog(path, keys)
    append(path, line(1))
    log.poll()
    path.unlink()
    assert log.poll() == 0
    append(path, line(2))
    assert log.poll() == 1


def test_endless_lines_take_no_memory(path, keys):
    log = GrowingKeylog(path, keys)
    append(path, "x" * 3_000_000)
    assert log.poll() == 0
    assert len(log._line) < 5_000
    append(path, "\n" + line(1))
    assert log.poll() == 1


def test_unreadable(tmp_path, keys):
    with pytest.raises(OSError, match=str(tmp_path)):
        GrowingKeylog(tmp_path, keys).poll()


# Keys that come late


def blocks(data):
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at : at + size]
        at += size


def split():
    """The capture's key log, and its other blocks."""
    everything = list(blocks(CAPTURE.read_bytes()))
    (secrets,) = (block for kind, block in everything if kind == SECRETS_BLOCK)
    (size,) = struct.unpack_from("<I", secrets, 12)
    return secrets[16 : 16 + size].decode(), [block for kind, block in everything if kind != SECRETS_BLOCK]


def texts(events):
    return [event.text for event in events if isinstance(event, Text)]


def whole():
    capture = Capture()
    return capture.feed(CAPTURE.read_bytes()) + capture.close()


PACKETS = len(split()[1])


@pytest.mark.parametrize("late", [0, 4, 6, 8, 10, 14, 20, PACKETS // 2, PACKETS - 3])
def test_all_is_read_once_the_keys_are_there(path, keys, late):
    secrets, packets = split()
    log, capture = GrowingKeylog(path, keys), Capture(keys=keys)
    before = [event for packet in packets[:late] for event in capture.feed(packet)]
    assert texts(before) == []
    assert log.poll() == 0
    append(path, secrets)
    assert log.poll() == secrets.count("SECRET")
    after = [event for packet in packets[late:] for event in capture.feed(packet)] + capture.close()
    expected = whole()
    assert texts(after) == texts(expected)
    assert [type(event) for event in before + after] == [type(event) for event in expected]
    assert keys.waiting == 0


def test_keys_that_come_one_by_one(path, keys):
    secrets, packets = split()
    lines = secrets.splitlines(keepends=True)
    log, capture, events = GrowingKeylog(path, keys), Capture(keys=keys), []
    for place, packet in enumerate(packets):
        if place % 6 == 5 and lines:
            append(path, lines.pop())
        log.poll()
        events += capture.feed(packet)
    events += capture.close()
    assert texts(events) == texts(whole())


def test_no_key_ever(keys):
    _, packets = split()
    capture = Capture(keys=keys)
    events = [event for packet in packets for event in capture.feed(packet)] + capture.close()
    assert texts(events) == []
    assert [event.kind for event in events if isinstance(event, Notice)] == ["tls.unreadable"]
    assert keys.waiting == 0
