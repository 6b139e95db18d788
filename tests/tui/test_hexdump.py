from hypothesis import given
from hypothesis import strategies as st

from ocppscope.tui.hexdump import HexDump, Part, frame_parts

TEXT = b'[3,"1",{"currentTime":"2026-11-22T10:15:00Z"}]'
MASK = bytes.fromhex("1a2b3c4d")
MASKED = bytes([0x81, 0x80 | len(TEXT)]) + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(TEXT))


def rows(dump):
    return ["".join(c if isinstance(c, str) else c[0] for c in dump.cells(at)) for at in range(len(dump))]


def test_a_plain_frame():
    dump = HexDump(frame_parts([b"\x81\x05hello"]), 78)
    assert rows(dump) == [
        "Frame: FIN, text, not masked, header 2 bytes, payload 5",
        f"000000  {'81 05 68 65 6c 6c 6f':<50}  ..hello",
    ]


def test_the_bytes_of_a_masked_frame_stay_as_they_were_and_its_text_is_readable():
    shown = rows(HexDump(frame_parts([MASKED]), 78))
    assert shown[0] == (
        "Frame: FIN, text, mask 1a 2b 3c 4d, header 6 bytes, payload 46; the text at the right is unmasked"
    )
    assert shown[1].startswith(f"000000  {MASKED[:8].hex(' ')}")
    assert "".join(row[60:] for row in shown[1:])[6:] == TEXT.decode()


def test_a_compressed_frame_is_not_unmasked():
    heading, *_ = rows(HexDump(frame_parts([b"\xc1\x81\x01\x02\x03\x04x"]), 78))
    assert heading == "Frame: FIN, RSV1 (compressed), text, mask 01 02 03 04, header 6 bytes, payload 1"


def test_fragments_have_a_heading_each():
    shown = rows(HexDump(frame_parts([b"\x01\x01[", b"\x80\x01]"]), 78))
    assert shown[0].startswith("Frame 1 of 2: text")
    assert shown[2].startswith("Frame 2 of 2: FIN, continuation")


def test_half_a_header():
    assert rows(HexDump(frame_parts([b"\x81"]), 78))[0] == "Frame: 1 bytes, not a whole header"


def test_a_narrow_terminal_has_eight_bytes_a_row():
    shown = rows(HexDump([Part("x", bytes(9))], 60))
    assert shown[1:] == [f"000000  {'00 ' * 8}   ........", f"000008  {'00':<25}  ."]


def test_the_byte_where_it_breaks_is_pointed_at():
    shown = rows(HexDump([Part("x", bytes(40), breaks_at=17)], 78))
    assert shown[3] == " " * 11 + "^^ it breaks here"
    assert shown[4].startswith("000020")
    assert rows(HexDump([Part("x", bytes(16), breaks_at=16)], 78))[2].strip() == "^^ it breaks here"
    assert rows(HexDump([Part("x", b"", breaks_at=0)], 78)) == ["x", " " * 8 + "^^ it breaks here"]


@given(
    st.lists(st.binary(max_size=40), max_size=4), st.sampled_from([60, 100]), st.integers(0, 50) | st.none()
)
def test_every_byte_is_shown(data, width, breaks_at):
    shown = rows(HexDump([Part("part", one, breaks_at=breaks_at) for one in data], width))
    size = 16 if width == 100 else 8
    text = " ".join(row[8 : 8 + 3 * size + 2] for row in shown if row.startswith("0"))
    assert bytes.fromhex(text) == b"".join(data)


def test_a_large_frame_is_made_row_by_row():
    dump = HexDump([Part("x", bytes(16 << 20))], 78)
    assert len(dump) == (1 << 20) + 1
    assert dump.cells(len(dump) - 1)[0] == ("fffff0  ", "dim")
    assert dump.index_of(dump.anchor(1000)) == 1000
