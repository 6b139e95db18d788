import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.capture.faults import frames
from ocppscope.capture.faults.frames import FrameSplitter, Raw, Single, Whole, compose
from tests.wire.packets import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame


def units(*pieces, compression=False, **options):
    splitter = FrameSplitter(compression=compression, **options)
    return [unit for piece in pieces for unit in splitter.feed(piece)]


def test_messages_and_control_frames():
    first, ping = frame(TEXT, b"he", fin=False, masked=True), frame(PING, b"beat", masked=True)
    last, close = frame(CONTINUATION, b"llo", masked=True), frame(CLOSE, b"", masked=True)
    binary = frame(BINARY, b"\xff")
    assert units(first + ping + last + close + binary) == [
        Single(PING, ping, True, len(first + ping)),
        Whole(TEXT, b"hello", False, True, (first, last), len(first + ping + last)),
        Single(CLOSE, close, False, len(first + ping + last + close)),
        Whole(BINARY, b"\xff", False, False, (binary,), len(first + ping + last + close + binary)),
    ]


def test_where_a_stream_is_between_frames():
    splitter = FrameSplitter(compression=False)
    seen = []
    for piece in (frame(TEXT, b"he", fin=False), frame(CONTINUATION, b"llo")[:1], b"\x03llo"):
        list(splitter.feed(piece))
        seen.append((splitter.is_between_frames, splitter.is_between_messages))
    assert seen == [(True, False), (False, False), (True, True)]
    splitter.give_up("no more")
    assert not splitter.is_between_frames


@pytest.mark.parametrize(
    "odd",
    [
        frame(3, b"reserved"),
        frame(TEXT, b"rsv2", rsv=2),
        frame(TEXT, b"compressed", rsv=4),
        frame(PING, b"x" * 126),
        frame(PING, fin=False),
        frame(TEXT, b"not minimal", width=8),
        frame(TEXT, claim=1001),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(CONTINUATION, b"of nothing"),
        frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 401),
    ],
)
def test_what_cannot_be_read_is_raw_for_good(odd):
    good = frame(TEXT, b"good")
    whole, *rest = units(good + odd, good, b"more", max_message=1000)
    assert isinstance(whole, Whole)
    assert all(isinstance(unit, Raw) for unit in rest)
    assert b"".join(unit.data for unit in rest) == odd + good + b"more"
    assert rest[-1].end == len(good + odd + good + b"more")


def test_a_frame_that_is_too_big_is_not_waited_for():
    start = frame(TEXT, claim=1 << 40)
    assert units(start) == [Raw(start, len(start))]


def test_too_many_fragments(monkeypatch):
    monkeypatch.setattr(frames, "_MAX_FRAGMENTS", 3)
    stream = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 3
    assert units(stream) == [Raw(stream, len(stream))]


def test_giving_up_between_two_units():
    splitter, one = FrameSplitter(compression=False), frame(TEXT, b"one")
    found = splitter.feed(one + one)
    next(found)
    splitter.give_up("enough")
    assert list(found) == [Raw(one, 2 * len(one))]


def test_the_rest():
    splitter, start = FrameSplitter(compression=False), frame(TEXT, b"he", fin=False) + b"\x81"
    assert list(splitter.feed(start)) == []
    assert splitter.rest() == start
    assert splitter.rest() == b""


def test_compressed_messages_where_they_were_agreed():
    (unit,) = units(frame(TEXT, b"\x00", rsv=4), compression=True)
    assert unit.is_compressed


@given(st.data())
def test_any_chunking_gives_the_same_units(data):
    stream = b"".join(
        [
            frame(TEXT, b"x" * 200, masked=True),
            frame(TEXT, b"a", fin=False),
            frame(PING, b"beat"),
            frame(CONTINUATION, b"b"),
            frame(BINARY, b""),
        ]
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert units(*pieces) == units(stream)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("key", [None, bytes.fromhex("37fa213d")])
def test_compose(size, key):
    assert compose(TEXT, b"x" * size, key=key) == frame(TEXT, b"x" * size, masked=key is not None)
    assert compose(TEXT, b"x" * size, key=key, rsv1=True)[0] == 0xC1
