"""Texts as inputs: what can be read, and what a user is told where there is nothing."""

import gzip
import tracemalloc

import pytest

from ocppscope.events import Notice, Text
from ocppscope.sources import InputError, SourceOptions, open_source
from ocppscope.sources.text.clock import zone_named
from tests.sources.text import arrows, events_of, notices, script, source_of, texts
from tests.sources.text.test_dialects import ACCEPTED, BOOT, DATA, EVCC, HOME_ASSISTANT, OCTT
from tests.wire.packets import call, pcap, session


@pytest.fixture
def file(tmp_path):
    def write(data, name="input.log"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    return write


def read(*names, **options):
    return [event for batch in open_source(names, SourceOptions(**options)).batches() for event in batch]


def refused(*names, **options):
    with pytest.raises(InputError) as error:
        read(*names, **options)
    return str(error.value)


# --- what can be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_a_log_is_known_by_its_content(file, pack):
    assert arrows(read(file(pack(HOME_ASSISTANT), "input.pcap"))) == "><<"


def test_a_log_with_a_hole_where_the_power_failed(file):
    first, *rest = HOME_ASSISTANT.encode().splitlines(keepends=True)
    assert arrows(read(file(first + b"\0" * 3_000 + b"".join(rest)))) == "><<"
    assert "is no capture" in refused(file(b"\0" * 3_000))
    assert "is no capture" in refused(file(b"a\0b\0c" + b"\0" * 100))


def test_records_of_a_trace_in_a_log_make_no_trace_of_it(file):
    record = '{"charge_point_id":"X","direction":"CP->CSMS","message":[2,"9","Heartbeat",{}]}\n'
    log = f"{EVCC.lstrip()}and the proxy says\n{record}[MO] Send: {DATA}\n"
    for text in (log, f"[MO] Send: {BOOT}\n{record}", f"[2026-06-01T11:18:38.409Z] x {BOOT}\n{record}"):
        found = read(file(text))
        assert len(texts(found)) == text.count("[2,") + text.count("[3,")
        assert not [event for event in found if isinstance(event, Notice) and event.kind == "file.damaged"]
    assert arrows(read(file(log))) == "><<>>"


def test_options_reach_it(file):
    name = file(HOME_ASSISTANT)
    events = read(name, zone=zone_named("+01:00"), dialect="home-assistant", logged_by="csms")
    assert script(events)[0][3] == "2025-12-23 12:09:59.759"


def test_rotated_logs_are_one_text(file):
    lines = HOME_ASSISTANT.splitlines(keepends=True)
    names = [file("".join(lines[:3]), "a.log.1"), file("".join(lines[3:]), "a.log")]
    assert script(read(*names)) == script(read(file(HOME_ASSISTANT)))
    assert arrows(read(*names)) == "><<"


def test_a_growing_log(file, tmp_path):
    name = file(EVCC)
    more = [f"[ocpp  ] TRACE 2026/07/23 10:21:48 send TACW****: {DATA.replace('d', 'e', 1)}\n"]

    def follow():
        if not more:
            return False
        with (tmp_path / "input.log").open("a") as out:
            out.write(more.pop())
        return True

    batches = [texts(batch) for batch in open_source([name], SourceOptions(follow=follow)).batches()]
    assert [len(batch) for batch in batches if batch] == [3, 1]


def test_progress(file):
    source = open_source([file(EVCC)], SourceOptions())
    assert source.size == len(EVCC)
    list(source.batches())
    assert source.read == source.size
    assert source.found["line of text"] >= 4


def test_gzip_that_breaks_off(file):
    log = "".join(f'[2,"{n}","Heartbeat",{{}}]\n' for n in range(5_000))
    packed = gzip.compress(log.encode())
    events = read(file(packed[: len(packed) // 2]))
    assert len(texts(events)) > 1_000
    assert any(isinstance(event, Notice) and event.kind == "file.damaged" for event in events)


def test_the_marks_of_a_dialect_that_comes_late_are_seen():
    log = "x" * 99 + "\n"
    log = log * 4_000 + HOME_ASSISTANT + OCTT.replace("Test Start", "")
    events = events_of(log + "[23:59:59:900] [msg-out]  " + DATA + "\nOCPP Version : OCPP 2.1\n", 5_000)
    assert notices(events, "text.dialect")[-1].endswith("(--dialect octt)")
    assert script(events) == script(
        events_of(log + "[23:59:59:900] [msg-out]  " + DATA + "\nOCPP Version : OCPP 2.1\n")
    )


# --- what cannot be read ------------------------------------------------------------------------------------


def test_nothing_in_it(file):
    name = file("2025-01-02 a log\n\nwithout any\nmessage at all, and a fourth line\n")
    assert refused(name) == (
        f"{name} holds no OCPP message. In 4 lines of text, message arrays such as "
        '[2,"id","Heartbeat",{}] were looked for, in plain or escaped JSON or as Python prints them. '
        "It begins with:\n  2025-01-02 a log\n  without any\n  message at all, and a fourth line"
    )


def test_only_blanks(file):
    name = file(" \n\n\t\n")
    assert refused(name) == f"{name} holds no OCPP message: it is text without a word in it"


def test_an_empty_file(file):
    assert "is empty: expected a pcap or pcapng capture, or a log" in refused(file(""))


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 10,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x7fELF" + bytes(100),
        bytes(range(128, 160)),
    ],
)
def test_binary_files(file, data):
    name = file(data)
    assert refused(name).startswith(f"{name} is no capture: it begins with ")


def test_an_unknown_dialect(file):
    assert "there is no dialect home: choose one of " in refused(file(EVCC), dialect="home")


def test_text_and_packets_do_not_join(file):
    packets = file(pcap(session().client(call()).packets), "a.pcap")
    text = file(EVCC)
    assert refused(packets, text) == f"{text} is text, which cannot be joined with packets: read it alone"


# --- bounds -------------------------------------------------------------------------------------------------


class Stream:
    """Stands for `sources.blocks.Blocks`: pieces that are made while they are read."""

    title = name = "stream"
    size, read, head = None, 0, b"text"

    def __init__(self, pieces):
        self.pieces = pieces

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        pass


def peak_of(pieces, **options):
    """How many messages there are, and how much memory that takes at most."""
    source = source_of("", **options)
    source._inputs = [Stream(pieces)]
    tracemalloc.start()
    try:
        count = sum(isinstance(event, Text) for batch in source.batches() for event in batch)
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "line", [b"x" * 1000, b'[2,"1","DataTransfer",{"data":"' + b"y" * 1000, b"[2,'" + b"z" * 200]
)
def test_a_line_without_end_takes_bounded_memory(line):
    piece = (line * 200)[: 1 << 15]
    pieces = [*[piece] * (4 << 20 >> 15), f"\n2025-01-01 00:00:00 {BOOT}\n".encode()]
    count, peak = peak_of(pieces, max_message=1 << 20)
    assert count == 1
    assert peak < 8 << 20


def test_a_long_log_takes_bounded_memory():
    pieces = (
        "".join(
            f"[ocpp  ] TRACE 2026/07/23 10:21:46 recv C{m % 7}: {BOOT.replace('1', str(m), 1)}\n"
            for m in range(n, n + 100)
        ).encode()
        for n in range(0, 5_000, 100)
    )
    count, peak = peak_of(pieces)
    assert count == 5_000
    assert peak < 6 << 20


def test_answers_are_found_behind_a_long_message():
    long = BOOT.replace('"V"', f'"{"v" * 3_000_000}"')
    assert [len(text) for text in texts(events_of(f"x {long} y\n{ACCEPTED}\n", 1 << 15))] == [
        len(long),
        len(ACCEPTED),
    ]
