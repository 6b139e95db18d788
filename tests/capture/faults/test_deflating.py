import zlib

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from ocppscope.capture.faults.deflating import Compression, Deflater, agreed
from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.wire.deflate import TAIL

TEXTS = [b"a text " * 100, b"", b"", b"a text " * 100, bytes(range(256)) * 300, b"another text", b""]


@pytest.mark.parametrize(
    ("extensions", "client", "server"),
    [
        (None, None, None),
        ("", None, None),
        ("x-webkit-deflate-frame", None, None),
        ("permessage-deflate", Compression(), Compression()),
        ("Permessage-Deflate;client_no_context_takeover", Compression(takeover=False), Compression()),
        ("permessage-deflate; server_no_context_takeover", Compression(), Compression(takeover=False)),
        (
            'x; server_max_window_bits=9, permessage-deflate; server_max_window_bits="10";client_max_window_bits = 8',
            Compression(window_bits=8),
            Compression(window_bits=10),
        ),
        ("permessage-deflate; client_max_window_bits; server_max_window_bits=7", *[Compression()] * 2),
    ],
)
def test_what_was_agreed(extensions, client, server):
    assert agreed(extensions, FROM_STATION) == client
    assert agreed(extensions, FROM_CSMS) == server


@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("takeover", [True, False])
def test_a_peer_inflates_every_message(bits, takeover):
    deflater = Deflater(Compression(takeover, bits))
    peer = PerMessageDeflate(not takeover, True, bits, 15)
    for text in TEXTS:
        frame = Frame(Opcode.TEXT, deflater.deflate(text), True, rsv1=True)
        assert bytes(peer.decode(frame).data) == text


@pytest.mark.parametrize("bits", range(8, 16))
def test_references_stay_in_the_window(bits):
    """zlib refuses what lies outside of the window that it was told."""
    deflater, stream = Deflater(Compression(window_bits=bits)), zlib.decompressobj(-bits)
    noise = b"".join(zlib.crc32(n.to_bytes(2, "big")).to_bytes(4, "big") for n in range(60))
    for size in (1, 2, 5, 20, 100, 400):
        text = noise + bytes(size) * 100 + noise
        read, data = b"", deflater.deflate(text) + TAIL
        while data:  # in pieces: within one, zlib sees all of it
            read += stream.decompress(data, 16)
            data = stream.unconsumed_tail
        assert read + stream.decompress(b"") == text


def test_an_empty_message_is_a_byte():
    """RFC 7692 §7.2.3.6."""
    deflater = Deflater(Compression())
    deflater.deflate(b"a text")
    assert deflater.deflate(b"") == b"\x00"


def test_takeover_saves_bytes():
    with_takeover, without = Deflater(Compression()), Deflater(Compression(takeover=False))
    text = TEXTS[4][:256]
    assert len(with_takeover.deflate(text)) == len(without.deflate(text))
    assert len(with_takeover.deflate(text)) < len(without.deflate(text))
