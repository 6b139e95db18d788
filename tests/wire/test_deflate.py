"""Messages compressed by zlib as a peer does it, inflated again."""

import os
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.deflate import TAIL, DeflateError, Inflater

LIMIT = 1 << 20
CALL = b'[2,"1","MeterValues",{"connectorId":1,"meterValue":[]}]'


class Deflater:
    """A sender."""

    def __init__(self, bits=15, takeover=True, level=9):
        self.make = lambda: zlib.compressobj(level, wbits=-bits)
        self.takeover = takeover
        self.stream = self.make()

    def __call__(self, text):
        data = self.stream.compress(text) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(TAIL)
        if not self.takeover:
            self.stream = self.make()
        return data[:-4]


def final(text):
    """A message whose last block says that it is the last (RFC 7692 §7.2.3.4)."""
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush(zlib.Z_FINISH) + b"\0"


def kind_of(inflater, data):
    with pytest.raises(DeflateError) as error:
        inflater.inflate(data)
    return error.value.kind


@pytest.mark.parametrize("bits", range(9, 16))
@pytest.mark.parametrize("takeover", [True, False])
def test_every_window_size(bits, takeover):
    deflate, inflater = Deflater(bits, takeover), Inflater(takeover, LIMIT)
    for n in range(50):
        text = CALL.replace(b"1", str(n).encode()) * (n * 20)
        assert inflater.inflate(deflate(text)) == text


@given(st.lists(st.binary(max_size=300), max_size=10), st.booleans(), st.integers(9, 15), st.integers(0, 9))
def test_what_goes_in_comes_out(texts, takeover, bits, level):
    deflate, inflater = Deflater(bits, takeover, level), Inflater(takeover, LIMIT)
    assert [inflater.inflate(deflate(text)) for text in texts] == texts


@given(st.lists(st.binary(max_size=300), max_size=10), st.booleans())
def test_an_unknown_handshake_never_gives_wrong_text(texts, takeover):
    deflate, inflater = Deflater(15, takeover), Inflater(None, LIMIT)
    before = deflate(CALL * 2)
    for text in [CALL, *texts]:
        kind, read = None, None
        try:
            read = inflater.inflate(deflate(text))
        except DeflateError as error:
            kind = error.kind
        assert read == text or (takeover and kind == "lost")
    assert before


def test_without_takeover_an_unknown_handshake_reads_all_also_after_a_loss():
    deflate, inflater = Deflater(takeover=False), Inflater(None, LIMIT)
    assert inflater.inflate(deflate(CALL)) == CALL
    inflater.lose("bytes are missing")
    assert inflater.inflate(deflate(CALL)) == CALL


def test_with_takeover_an_unknown_handshake_stays_lost():
    deflate, inflater = Deflater(), Inflater(None, LIMIT)
    deflate(CALL)
    assert kind_of(inflater, deflate(CALL)) == "lost"
    assert kind_of(inflater, Deflater()(b"alone")) == "lost"


def test_a_lost_context_stays_lost():
    deflate, inflater = Deflater(), Inflater(True, LIMIT)
    inflater.inflate(deflate(CALL))
    deflate(b"never arrives")
    inflater.lose("bytes are missing")
    inflater.lose("something else")
    for _ in range(3):
        with pytest.raises(DeflateError, match="bytes are missing") as error:
            inflater.inflate(deflate(CALL))
        assert error.value.kind == "lost"


def test_without_takeover_nothing_is_lost():
    deflate, inflater = Deflater(takeover=False), Inflater(False, LIMIT)
    inflater.lose("bytes are missing")
    assert kind_of(inflater, b"\xff\xff\xff") == "broken"
    assert inflater.inflate(deflate(CALL)) == CALL


def test_broken_data_breaks_the_context():
    inflater = Inflater(True, LIMIT)
    assert kind_of(inflater, b"\xff\xff\xff") == "broken"
    assert kind_of(inflater, Deflater()(CALL)) == "lost"


@pytest.mark.parametrize("takeover", [True, False, None])
def test_a_stream_that_ends_in_each_message(takeover):
    inflater = Inflater(takeover, LIMIT)
    for text in (CALL, b"", CALL * 3, b""):
        assert inflater.inflate(final(text)) == text


def test_a_new_stream_may_refer_to_what_came_before_the_end_of_the_last():
    window = os.urandom(40_000)
    inflater = Inflater(True, LIMIT)
    inflater.inflate(final(b"older"))
    inflater.inflate(final(window))
    stream = zlib.compressobj(wbits=-15, zdict=window[-32768:])
    text = window[-1000:]
    data = (stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(data) < 100
    assert inflater.inflate(data) == text


@pytest.mark.parametrize("takeover", [True, False, None])
def test_the_limit_is_exact(takeover):
    exact = Inflater(takeover, 1000).inflate(Deflater()(bytes(1000)))
    assert exact == bytes(1000)
    deflate, inflater = Deflater(), Inflater(takeover, 999)
    assert kind_of(inflater, deflate(bytes(1000))) == "too-big"
    if takeover:
        assert kind_of(inflater, deflate(b"next")) == "lost"
    else:
        assert inflater.inflate(Deflater()(b"next")) == b"next"


def test_a_bomb_costs_no_more_than_the_limit():
    bomb = Deflater()(bytes(256 << 20))
    inflater = Inflater(False, LIMIT)
    tracemalloc.start()
    began = time.process_time()
    assert kind_of(inflater, bomb) == "too-big"
    assert time.process_time() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    tracemalloc.stop()


def test_what_is_kept_for_the_context_does_not_grow():
    deflate, inflater = Deflater(), Inflater(True, 1 << 22)
    empty = deflate(b"")
    for _ in range(1000):
        inflater.inflate(empty)
    inflater.inflate(deflate(bytes(1 << 22)))
    for _ in range(100):
        inflater.inflate(deflate(b"x" * 1000))
    assert len(inflater._recent) < 100
    assert sum(map(len, inflater._recent)) < 2 * 32768


# --- reading that goes on elsewhere -------------------------------------------------------------------------


@given(
    st.lists(st.one_of(st.binary(max_size=300), st.sampled_from([CALL, CALL * 700, b""])), max_size=10),
    st.integers(9, 15),
    st.data(),
)
def test_another_inflater_goes_on_where_the_first_one_stopped(texts, bits, data):
    deflate, first = Deflater(bits), Inflater(True, LIMIT)
    stop = data.draw(st.integers(0, len(texts)))
    for text in texts[:stop]:
        first.inflate(deflate(text))
    second = Inflater(True, LIMIT)
    second.prime(first.window)
    assert second.window == first.window
    assert [second.inflate(deflate(text)) for text in texts[stop:]] == texts[stop:]


def test_it_goes_on_after_a_stream_that_ended_too():
    first, second = Inflater(True, LIMIT), Inflater(True, LIMIT)
    texts = [CALL * n for n in range(1, 6)]
    for text in texts[:3]:
        first.inflate(final(text))
    second.prime(first.window)
    for text in texts[3:]:
        assert second.inflate(final(text)) == text
    assert second.window == b"".join(texts)


def test_a_window_is_what_a_message_may_refer_to_and_no_more():
    inflater, deflate = Inflater(True, LIMIT), Deflater()
    noise = os.urandom(50_000)
    assert inflater.window == b""
    inflater.inflate(deflate(noise))
    assert inflater.window == noise[-32_768:]
    inflater.inflate(deflate(b"more"))
    assert inflater.window == (noise + b"more")[-32_768:]


@pytest.mark.parametrize("takeover", [False, None])
def test_without_takeover_there_is_no_window_and_none_is_needed(takeover):
    inflater = Inflater(takeover, LIMIT)
    deflate = Deflater(takeover=False)
    inflater.inflate(deflate(CALL))
    assert inflater.window == b""
    inflater.prime(b"anything")
    assert inflater.window == b""
    assert inflater.inflate(deflate(CALL)) == CALL


def test_whether_the_context_is_lost_is_known():
    inflater, deflate = Inflater(True, LIMIT), Deflater()
    inflater.inflate(deflate(CALL))
    assert not inflater.is_lost
    inflater.lose("a gap")
    assert inflater.is_lost
