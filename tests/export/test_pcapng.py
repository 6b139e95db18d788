import shutil
import subprocess
from pathlib import Path

import pytest

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Message, Notice, Opened, Session, Text
from ocppscope.export import FORMATS, Order
from ocppscope.filter import parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.wording import what
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source

CAPTURES = Path(__file__).parents[2] / "captures"
FILES = [path for path in sorted(CAPTURES.glob("*.pcap*")) if path.name != "late-start-deflate.pcap"]
SECOND = 1_000_000_000


def read(path):
    source = open_source([str(path)], SourceOptions())
    decoder = Decoder()
    return [event for batch in source.batches() for event in decoder.feed(batch)]


def written(path, events, **order):
    output = FORMATS["pcapng"].open(Order(path, "test", **order))
    output.feed(events, read=0, size=None)
    output.finish()
    return path


def told(events):
    """What a reader sees of events: who, which way, when, what."""
    return [
        ("notice", event.kind, event.time, event.detail)
        if isinstance(event, Notice)
        else (event.session.station, getattr(event, "direction", None), event.time, what(event))
        for event in events
    ]


def found(events):
    engine = Engine()
    engine.feed(events)
    return sorted((one.rule.id, one.severity, one.count, one.detail) for one in engine.findings)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_comes_back_is_what_went_out(path, tmp_path):
    before = read(path)
    after = read(written(tmp_path / "out.pcapng", before))
    assert told(after) == told(before)
    assert found(after) == found(before)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_frames_are_the_captured_ones(path, tmp_path):
    before, after = read(path), read(written(tmp_path / "out.pcapng", read(path)))
    texts = [(event.raw, event.frames) for event in before if isinstance(event, Message)]
    assert [(event.raw, event.frames) for event in after if isinstance(event, Message)] == texts


def logged():
    """What a log gives: texts, without frames, addresses and handshake."""
    session = Session(1, station="CP 7/é", version="2.0.1", late=True)
    talk = [
        (FROM_STATION, '[2,"1","Heartbeat",{}]'),
        (FROM_CSMS, '[3,"1",{"currentTime":"2026-11-26T10:00:00Z"}]'),
        (FROM_STATION, '[2,"2","Heartbeat",{ }]'),
    ]
    texts = [Text(session, at * SECOND, *one) for at, one in enumerate(talk, 1)]
    return Decoder().feed(
        [Opened(session, SECOND), *texts, Closed(session, 3 * SECOND, None, "end-of-capture")]
    )


def test_messages_without_frames_get_some_and_a_handshake(tmp_path):
    after = read(written(tmp_path / "out.pcapng", logged()))
    messages = [event for event in after if isinstance(event, Message)]
    assert [(one.direction, one.raw, one.time) for one in messages] == [
        (one.direction, one.raw, one.time) for one in logged() if isinstance(one, Message)
    ]
    session = messages[0].session
    assert session.version == "2.0.1"
    assert session.late  # rules that need its start keep quiet
    assert [rule for rule, *_ in found(after)] == [rule for rule, *_ in found(logged())]


def test_a_selection_of_a_compressed_session_can_be_read(tmp_path):
    before = read(CAPTURES / "clean-2.0.1-deflate.pcap")
    chosen = [event for event in before if not isinstance(event, Message) or event.n % 3 == 0]
    wanted = parse("event == message")
    after = read(written(tmp_path / "out.pcapng", chosen, wanted=wanted))
    raws = [event.raw for event in chosen if isinstance(event, Message)]
    assert [event.raw for event in after if isinstance(event, Message)] == raws


def test_sessions_of_one_station_stay_apart(tmp_path):
    events = [event for at in (1, 2) for event in _renumbered(logged(), at)]
    after = read(written(tmp_path / "out.pcapng", events))
    assert len({event.session.number for event in after if isinstance(event, Message)}) == 2


def _renumbered(events, number):
    session = Session(number, station=f"CP{number}", version="1.6", late=True)
    for event in events:
        event.session = session
    return events


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_tshark_has_no_complaint(path, tmp_path):
    out = written(tmp_path / "out.pcapng", read(path))
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command = ["tshark", "-r", str(out), *checks, "-Y", "_ws.malformed or tcp.checksum.status == 0"]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout == ""


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_reads_the_messages_of_a_log(tmp_path):
    out = written(tmp_path / "out.pcapng", logged())
    command = ["tshark", "-r", str(out), "-Y", "websocket", "-T", "fields", "-e", "websocket.payload.text"]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.splitlines() == [event.raw for event in logged() if isinstance(event, Message)]
