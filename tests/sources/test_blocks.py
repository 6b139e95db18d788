"""The bytes of an input, whatever it is."""

import gzip
import io
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.sources.blocks import BLOCK, Blocks, CutShortError, InputError, _inflated

NOISE = random.Random(1).randbytes(3 * BLOCK)


@pytest.fixture
def file(tmp_path):
    def write(data, name="input"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


def read(blocks):
    """What came, and what broke it off."""
    data = []
    try:
        data.extend(blocks)
    except CutShortError as error:
        return b"".join(data), str(error)
    return b"".join(data), None


def stdin(monkeypatch, stream):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))


class Pipe(io.RawIOBase):
    """Gives what it is told to, piece by piece."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if isinstance(piece, OSError):
            raise piece
        buffer[: len(piece)] = piece
        return len(piece)


# --- files and pipes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_file_is_read_whole(file, size):
    blocks = Blocks(file(NOISE[:size]))
    assert blocks.head == NOISE[: min(size, BLOCK)]
    assert blocks.size == size
    assert read(blocks) == (NOISE[:size], None)
    assert blocks.read == size


def test_standard_input(monkeypatch):
    stdin(monkeypatch, io.BytesIO(NOISE))
    blocks = Blocks("-")
    assert blocks.size is None
    assert read(blocks) == (NOISE, None)


def test_a_pipe_is_not_waited_for_until_a_block_is_full(monkeypatch):
    stdin(monkeypatch, io.BufferedReader(Pipe([b"0123", b"456789abcdefgh", b"rest"])))
    blocks = Blocks("-")
    assert blocks.head == b"0123456789abcdefgh"
    assert list(blocks) == [blocks.head, b"rest"]


def test_standard_input_is_left_open(monkeypatch):
    stream = io.BytesIO(b"x")
    stdin(monkeypatch, stream)
    read(Blocks("-"))
    assert not stream.closed


def test_a_growing_file_is_followed(file):
    name = file(b"first")
    more = [b"second", b"", b"third"]

    def grow():
        if not more:
            return False
        with Path(name).open("ab") as out:
            out.write(more.pop(0))
        return True

    assert read(Blocks(name, grow)) == (b"firstsecondthird", None)
    assert more == []


def test_a_file_is_closed_at_its_end(file):
    blocks = Blocks(file(b"data"))
    read(blocks)
    assert blocks._file.closed


# --- what cannot be opened or read --------------------------------------------------------------------------


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"missing\.pcap cannot be opened: No such file"):
        Blocks(str(tmp_path / "missing.pcap"))


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="is a folder: name the files in it"):
        Blocks(str(tmp_path))


def test_a_name_that_is_too_long():
    with pytest.raises(InputError, match="cannot be opened: File name too long"):
        Blocks("x" * 10_000)


def test_an_input_that_cannot_be_read(monkeypatch):
    stdin(monkeypatch, io.BufferedReader(Pipe([OSError(5, "Input/output error")])))
    with pytest.raises(
        InputError, match=r"^standard input: it cannot be read beyond byte 0: Input/output error"
    ):
        Blocks("-")


def test_an_input_that_breaks_later_gives_what_came_before(monkeypatch):
    stdin(monkeypatch, io.BufferedReader(Pipe([b"x" * 20, OSError(5, "Input/output error")])))
    data, reason = read(Blocks("-"))
    assert data == b"x" * 20
    assert reason == "it cannot be read beyond byte 20: Input/output error"


# --- gzip ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 16, 1000, 3 * BLOCK])
def test_gzip_is_taken_off(file, size):
    assert read(Blocks(file(gzip.compress(NOISE[:size])))) == (NOISE[:size], None)


def test_gzip_of_several_members(file):
    members = [gzip.compress(part) for part in (b"", b"one", NOISE, b"", b"last")]
    assert read(Blocks(file(b"".join(members)))) == (b"one" + NOISE + b"last", None)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 30))
def test_gzip_cut_anywhere_is_the_same(parts, step):
    data = b"".join(map(gzip.compress, parts))
    pieces = iter([data[at : at + step] for at in range(0, len(data), step)])
    assert b"".join(_inflated(next(pieces), pieces)) == b"".join(parts)


@pytest.mark.parametrize("lost", [1, 8, 1000, 2 * BLOCK])
def test_gzip_cut_short_gives_what_came_before(file, lost):
    packed = gzip.compress(NOISE, 1)[:-lost]
    data, reason = read(Blocks(file(packed)))
    assert reason == f"gzip breaks off at byte {len(packed)}: the file is not whole"
    assert NOISE.startswith(data)
    assert len(data) >= len(NOISE) - lost - 1000


@pytest.mark.parametrize("size", [5_000, 3 * BLOCK])
def test_gzip_that_is_damaged_gives_what_came_before(file, size):
    text = b"".join(b"line %d of some text\n" % n for n in range(size // 10))[:size]
    packed = bytearray(gzip.compress(text))
    place = len(packed) // 2
    packed[place : place + 20] = b"\xff" * 20
    data, reason = read(Blocks(file(bytes(packed))))
    assert "gzip is damaged before byte " in reason
    whole = size // 3
    assert data[:whole] == text[:whole]


def test_gzip_with_a_wrong_checksum_gives_all(file):
    packed = bytearray(gzip.compress(b"x" * 1000))
    packed[-8] ^= 1
    data, reason = read(Blocks(file(bytes(packed))))
    assert data == b"x" * 1000
    assert "incorrect data check" in reason


def test_something_else_behind_gzip(file):
    data, reason = read(Blocks(file(gzip.compress(b"x" * 1000) + b"something else")))
    assert data == b"x" * 1000
    assert "incorrect header check" in reason


@pytest.mark.parametrize("kept", [2, 10, 15])
def test_gzip_of_which_nothing_can_be_read(file, kept):
    with pytest.raises(InputError, match=rf"input: gzip breaks off at byte {kept}: the file is not whole"):
        Blocks(file(gzip.compress(NOISE)[:kept]))
    with pytest.raises(InputError, match="gzip is damaged before byte"):
        Blocks(file(b"\x1f\x8b\xff\xff" + bytes(20)))


def test_a_gzip_bomb_comes_block_by_block(file):
    blocks = Blocks(file(gzip.compress(bytes(64 << 20))))
    tracemalloc.start()
    assert sum(map(len, blocks)) == 64 << 20
    assert tracemalloc.get_traced_memory()[1] < 8 * BLOCK
    tracemalloc.stop()
