"""From names to events, and what users are told when that fails."""

import gzip
import io
import os
from pathlib import Path

import pytest

from ocppscope.events import Closed, Notice
from ocppscope.sources import InputError, SourceOptions, open_source
from tests.wire.packets import CALL, Conversation, answer, call, faults, pcap, script, session, texts, upgrade


@pytest.fixture
def file(tmp_path):
    def write(data, name="input.pcap"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


def capture():
    return pcap(session().client(call()).server(answer()).close().packets)


def events_of(*names, **options):
    source = open_source(names, SourceOptions(**options))
    return [event for batch in source.batches() for event in batch]


def refused(*names):
    with pytest.raises(InputError) as error:
        open_source(names, SourceOptions())
    return str(error.value)


# --- what can be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.pcap", "a.log", "a"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_capture_is_known_by_its_content(file, name, pack):
    events = events_of(file(pack(capture()), name))
    assert [line[0] for line in script(events)] == ["opened", ">", "<", "closed"]


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(capture())))
    assert len(texts(events_of("-"))) == 2


def test_progress_and_what_was_found(file):
    data = capture()
    source = open_source([file(data)], SourceOptions())
    assert source.size == len(data)
    for _ in source.batches():
        assert source.read == len(data)
    assert source.found == {"TCP connection": 1, "WebSocket": 1, "packet": 10}


def test_of_standard_input_the_size_is_not_known(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(capture())))
    assert open_source(["-"], SourceOptions()).size is None


def test_several_files_are_one_capture(file):
    packets = session().client(call()).server(answer()).close().packets
    names = [file(pcap(packets[:5]), "1.pcap"), file(gzip.compress(pcap(packets[5:])), "2.pcap")]
    assert script(events_of(*names)) == script(events_of(file(pcap(packets))))
    source = open_source(names, SourceOptions())
    assert source.size > 24
    assert len(list(source.batches())) == 5


def test_options_reach_the_decoder(file):
    talk = Conversation().open().client(b"\x16\x03\x01\x00\x00", call(), call("x" * 500))
    name = file(pcap(talk.packets))
    assert texts(events_of(name)) == []
    events = events_of(name, decode_as=frozenset({9000}), max_message=400)
    assert texts(events) == [CALL]
    assert "websocket.too-big" in faults(event for event in events if not isinstance(event, Notice))


def test_a_growing_file(file):
    packets = session().client(call(), call()).packets
    name = file(pcap(packets[:-1]))
    more = [pcap(packets[-1:])[24:]]

    def follow():
        if not more:
            return False
        with Path(name).open("ab") as out:
            out.write(more.pop())
        return True

    batches = [texts(batch) for batch in open_source([name], SourceOptions(follow=follow)).batches()]
    assert batches[:2] == [[CALL], [CALL]]


# --- what can be read in part -------------------------------------------------------------------------------


def damaged(events):
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.kind == "file.damaged"
    return notice.detail


def test_a_torn_capture(file):
    name = file(capture()[:-10])
    events = events_of(name)
    assert [line[0] for line in script(events)] == ["opened", ">", "<", "closed", "notice"]
    assert damaged(events).startswith(f"{name}: at byte ")


def test_gzip_cut_short(file):
    packets = session().client(*[call(f'[2,"{n}","Heartbeat",{{}}]') for n in range(500)]).packets
    packed = gzip.compress(pcap(packets))
    name = file(packed[: len(packed) // 2])
    events = events_of(name)
    assert 100 < len(texts(events)) < 500
    notices = [event for event in events if isinstance(event, Notice)]
    assert notices[0].detail == f"{name}: gzip breaks off at byte {len(packed) // 2}: the file is not whole"
    assert {notice.kind for notice in notices} == {"file.damaged"}
    assert isinstance(events[-1], Closed)


def test_gzip_with_a_wrong_checksum(file):
    packed = bytearray(gzip.compress(capture()))
    packed[-8] ^= 1
    events = events_of(file(bytes(packed)))
    assert len(texts(events)) == 2
    assert "gzip is damaged" in damaged(events)


def test_the_file_after_a_torn_one_is_read(file):
    talk = Conversation(client="10.0.0.3:1").open().client(upgrade("/other"))
    names = [file(capture()[:-10], "1.pcap"), file(pcap(talk.packets), "2.pcap")]
    events = events_of(*names)
    assert [line for line in script(events) if line[0] == "opened"] == [("opened", 101), ("opened", None)]
    assert names[0] in damaged(events)


# --- what cannot be read ------------------------------------------------------------------------------------


def test_an_empty_file(file):
    name = file(b"")
    assert refused(name) == (
        f"{name} is empty: expected a pcap or pcapng capture, or a log, or one of them in gzip"
    )
    assert "is empty" in refused(file(gzip.compress(b"")))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x00\xff" * 20, "00 ff 00 ff 00 ff 00 ff"),
        (b"\x00", "00"),
        (b"RIFF\x01\x02\x03\x04" * 4, "52 49 46 46 01 02 03 04"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_no_capture(file, data, shown, pack):
    name = file(pack(data))
    text = refused(name)
    assert text.startswith(f"{name} is no capture: it begins with {shown} at byte 0, expected")
    assert "pcap or pcapng" in text


def test_one_of_several_that_is_no_capture(file):
    good, bad = file(capture()), file(b"\0no capture", "bad")
    assert refused(good, bad).startswith(f"{bad} is no capture")


def test_a_missing_file_and_a_folder(tmp_path):
    missing = str(tmp_path / "missing")
    assert refused(missing) == f"{missing} cannot be opened: No such file or directory"
    assert refused(str(tmp_path)) == f"{tmp_path} is a folder: name the files in it"


# --- pipes --------------------------------------------------------------------------------------------------


def test_before_a_pipe_is_waited_for_its_reader_is_told(monkeypatch):
    packets = session().client(call()).server(answer()).close().packets
    rest = [pcap(packets[5:])[24:]]
    read_end, write_end = os.pipe()
    os.write(write_end, pcap(packets[:5]))
    told = []

    def idle():
        told.append(len(rest))
        if rest:
            os.write(write_end, rest.pop())
        else:
            os.close(write_end)

    with open(read_end) as pipe:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", pipe)
        assert len(texts(events_of("-", idle=idle))) == 2
    assert told == [1, 0]


def test_a_file_is_never_waited_for(file, monkeypatch):
    told = []
    assert len(texts(events_of(file(capture()), idle=lambda: told.append(1)))) == 2
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(capture())))
    assert len(texts(events_of("-", idle=lambda: told.append(1)))) == 2
    assert told == []
