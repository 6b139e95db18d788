"""A capture that several processes judge gives what one process finds, to the byte."""

import itertools
from pathlib import Path

import pytest

from ocppscope.cli import shares
from ocppscope.cli.counts import Counts
from ocppscope.ocpp.decoder import Decoder, Share
from tests.cli import run
from tests.rules.sessions import HEARTBEAT, HEARTBEAT_ANSWER, on, opened, wire_events

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.pcap*"))


@pytest.fixture
def parts(monkeypatch):
    """Lets a function say how many processes there are."""

    def divide(number):
        monkeypatch.setattr(shares, "parts_for", lambda opened: number if opened.can_be_shared else 1)

    return divide


@pytest.mark.parametrize("output", ["text", "json", "sarif"])
def test_the_same_is_found_in_one_process_and_in_several(parts, output):
    found = []
    for number in (1, 2, 3):
        parts(number)
        done = run("check", "--join", "--format", output, *CAPTURES)
        found.append((done.exit_code, done.stdout, done.stderr))
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]) > 1_000


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_each_capture_by_itself(parts, path):
    found = []
    for number in (1, 2):
        parts(number)
        done = run("check", "--json", path)
        found.append((done.exit_code, done.stdout, done.stderr))
    assert found[0] == found[1]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_trace_of_each_capture(parts, path, tmp_path):
    trace = tmp_path / "t.trace.jsonl"
    if run("convert", path, trace).exit_code or not trace.read_bytes():
        pytest.skip("it has no message")
    found = []
    for number in (1, 2):
        parts(number)
        done = run("check", "--json", trace)
        found.append((done.exit_code, done.stdout, done.stderr))
    assert found[0] == found[1]


def test_what_cannot_be_read_is_said_once(parts, tmp_path):
    path = tmp_path / "torn.pcap"
    path.write_bytes(CAPTURES[0].read_bytes()[:-100])
    parts(1)
    alone = run("check", path)
    parts(2)
    done = run("check", path)
    assert (done.exit_code, done.stdout, done.stderr) == (alone.exit_code, alone.stdout, alone.stderr)


def test_a_process_that_dies_is_an_error(parts, monkeypatch):
    parts(2)
    monkeypatch.setattr(shares, "_help", lambda result, *_: result.close())
    done = run("check", CAPTURES[0])
    assert done.exit_code == 3
    assert "died" in done.stderr


def test_a_pipe_is_read_by_one_process():
    content = CAPTURES[0].read_bytes()
    assert "no errors" in run("check", "-", stdin=content).stdout


def test_small_captures_are_not_worth_it():
    class Small:
        can_be_shared = True
        size = shares.FROM - 1

    assert shares.parts_for(Small()) == 1


# --- the decoder's part of it -------------------------------------------------------------------------------


def events(stations=10):
    pieces = [opened(station=f"CP{n}") for n in range(stations)]
    for n in range(stations):
        pieces += [on(n + 1), HEARTBEAT, "+1s", HEARTBEAT_ANSWER]
    return wire_events(pieces)


def test_shares_are_together_the_whole():
    everything = Decoder().feed(events())
    parts = [Decoder(share=Share(part, 3)).feed(events()) for part in range(3)]
    assert all(parts)
    together = sorted(itertools.chain(*parts), key=lambda event: event.n)
    assert [event.n for event in together] == [event.n for event in everything]
    assert [type(event) for event in together] == [type(event) for event in everything]


def test_stations_are_dealt_out_evenly_and_each_is_of_one_share():
    again = [*events(), *events()]
    parts = [Decoder(share=Share(part, 2)).feed(again) for part in range(2)]
    ours = [{event.session.station for event in part} for part in parts]
    assert [len(names) for names in ours] == [5, 5]
    assert not ours[0] & ours[1]
    assert sum(map(len, parts)) == len(again)


def test_counts_of_shares_are_added():
    everything, together = Counts(), Counts()
    everything.feed(Decoder().feed(events()))
    for part in range(3):
        one = Counts()
        one.feed(Decoder(share=Share(part, 3)).feed(events()))
        together.absorb(one)
    assert str(together) == str(everything)
