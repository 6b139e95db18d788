"""From captured bytes to events, findings and recordings; and that nothing in there can end what is relayed."""

from dataclasses import dataclass

import pytest

from ocppscope.capture.live import Judge, Taps
from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Message, Opened
from ocppscope.wire.connection import Connection
from ocppscope.wire.notes import ConnectionNote
from tests.wire.packets import ANSWER, CALL, SECOND, START, answer, call, switching, upgrade

STATION, CSMS = 0, 1
NOTE = ConnectionNote("10.0.0.1:50000", "10.0.0.2:9000")
BAD = '[2,"1","NoSuchAction",{}]'


@dataclass
class Done:
    """A mark as faults make it."""

    direction: str
    raw: str
    text: str


class Store:
    """What a store is told."""

    def __init__(self):
        self.did = []

    def __getattr__(self, name):
        return lambda *words: self.did.append((name, words))

    def names(self):
        return [name for name, _ in self.did]


class Packets(Store):
    """What a recording of packets is told, and how much of it before anything was decoded."""


def opened(taps, note=NOTE):
    tapped = taps.opened(note, START)
    taps.data(tapped, STATION, upgrade("/ocpp/CP001"), START)
    taps.data(tapped, CSMS, switching(), START)
    return tapped


def live(**options):
    judge, told, events = Judge(**options), [], []
    judge.listeners.append(events.extend)
    return Taps(judge, None, told.append), judge, events, told


def test_events_are_numbered_counted_and_handed_on():
    taps, judge, events, told = live()
    tapped = opened(taps)
    taps.data(tapped, STATION, call(), START)
    taps.data(tapped, CSMS, answer(), START + 1)
    assert events == []  # first of all bytes have to be passed on
    taps.drain()
    assert [type(event) for event in events] == [Opened, Message, Message]
    assert [event.n for event in events] == [1, 2, 3]
    taps.fin(tapped, STATION, START + 2)
    taps.closed(tapped, START + 3)
    taps.drain()
    assert (events[-1].how, events[-1].by) == ("fin", "station")
    assert (judge.messages, judge.sessions, told) == (2, 1, [])


@pytest.mark.parametrize(
    ("end", "how", "by"), [("fin", "fin", "csms"), ("reset", "rst", "csms"), (None, "end-of-capture", None)]
)
def test_how_it_ended(end, how, by):
    taps, _, events, _ = live()
    tapped = opened(taps)
    if end:
        getattr(taps, end)(tapped, CSMS, START)
    taps.closed(tapped, START)
    taps.drain()
    assert [(event.how, event.by) for event in events if isinstance(event, Closed)] == [(how, by)]


def test_an_identity_is_given_where_no_handshake_shows_one():
    taps, _, events, _ = live(name_station="GIVEN")
    tapped = taps.opened(NOTE, START)
    taps.data(tapped, STATION, upgrade("/"), START)
    taps.data(tapped, CSMS, switching(), START)
    taps.drain()
    assert events[0].session.station == "GIVEN"


def test_a_finding_is_told_when_it_is_first_seen_and_not_again():
    found = []
    taps, judge, _, _ = live(on_finding=found.append)
    tapped = opened(taps)
    taps.drain()
    before = len(found)
    taps.data(tapped, STATION, call(BAD), START)
    taps.drain()
    assert len(found) > before
    assert len(found) == judge.findings
    first = [(one.rule.id, one.subject) for one in found if one.rule.id == "RPC-019"]
    for n in range(3):
        taps.data(tapped, STATION, call(BAD.replace('"1"', f'"{n + 2}"')), START)
    taps.drain()
    assert [(one.rule.id, one.subject) for one in found if one.rule.id == "RPC-019"] == first


def test_the_profile_picks_the_severities():
    severities = set()
    for profile in ("field", "strict"):
        found = []
        taps, _, _, _ = live(on_finding=found.append, profile=profile)
        tapped = opened(taps)
        taps.data(tapped, STATION, call(BAD), START)
        taps.drain()
        severities.add(tuple((one.rule.id, one.severity) for one in found))
    assert len(severities) == 2


def test_sessions_that_have_ended_are_forgotten():
    store = Store()
    taps, _, _, _ = live(store=store)
    tapped = opened(taps)
    taps.closed(tapped, START)
    taps.flush(START + SECOND)
    assert store.names()[-2:] == ["forget", "flush"]
    taps.flush(START + 2 * SECOND)
    assert store.names()[-2:] == ["flush", "flush"]
    taps.close()
    assert store.names()[-1] == "close"


# --- faults -------------------------------------------------------------------------------------------------


def test_a_message_is_marked_in_both_recordings_with_what_was_done_to_it():
    store, packets = Store(), Packets()
    taps = Taps(Judge(store=store), packets, pytest.fail)
    tapped = opened(taps)
    taps.data(tapped, STATION, call(), START, [Done(FROM_STATION, CALL, "dropped")])
    taps.drain_marked(tapped)
    assert [words for name, words in store.did if name == "mark"] == [(2, "dropped")]
    (notes,) = [words[-1] for name, words in packets.did if name == "data" and words[-1]]
    assert [note.detail for note in notes] == ["dropped"]


def test_a_message_is_marked_though_it_was_captured_long_before():
    store = Store()
    taps = Taps(Judge(store=store), None, pytest.fail)
    tapped, other = opened(taps), opened(taps, ConnectionNote("10.0.0.9:1", "10.0.0.2:9000"))
    taps.data(tapped, STATION, call(), START)
    taps.drain_marked(tapped)
    taps.data(other, STATION, call(), START)
    taps.drain_marked(tapped)
    taps.data(tapped, CSMS, answer(), START)
    taps.drain_marked(tapped)
    taps.mark(tapped, [Done(FROM_STATION, CALL, "sent 5 s later"), Done(FROM_CSMS, CALL, "of nobody")])
    taps.mark(tapped, [Done(FROM_CSMS, ANSWER, "answered")])
    marks = [words for name, words in store.did if name == "mark"]
    assert marks == [(3, "sent 5 s later"), (5, "answered")]


# --- what goes wrong ----------------------------------------------------------------------------------------


def fail(*_):
    raise RuntimeError("a bug")


@pytest.mark.parametrize("method", ["fin", "reset", "vanish"])
def test_a_decoder_that_fails_at_the_end_is_told_and_nothing_else_happens(monkeypatch, method):
    taps, _, _, told = live()
    tapped = opened(taps)
    monkeypatch.setattr(Connection, method, fail)
    if method != "vanish":
        getattr(taps, method)(tapped, STATION, START)
    taps.closed(tapped, START)
    taps.drain()
    assert len(told) == 1


def test_a_decoder_that_fails_is_told_once_and_bytes_are_recorded():
    told, packets = [], Packets()
    taps = Taps(Judge(), packets, told.append)
    tapped = opened(taps)
    taps.drain()
    tapped.connection.sinks[STATION] = fail
    for _ in range(3):
        taps.data(tapped, STATION, b"anything", START)
    taps.data(tapped, CSMS, answer(), START)
    taps.drain()
    (text,) = told
    assert "RuntimeError('a bug') at fail" in text
    assert "bytes are passed on and recorded all the same" in text
    assert [words[2] for name, words in packets.did if name == "data"][2:] == [b"anything"] * 3 + [answer()]


@pytest.mark.parametrize("part", ["feed", "flush"])
def test_a_judge_that_fails_is_told_once_and_recordings_are_still_written(monkeypatch, part):
    told, packets = [], Packets()
    judge = Judge()
    taps = Taps(judge, packets, told.append)
    monkeypatch.setattr(judge, part, fail)
    opened(taps)
    for second in range(3):
        taps.flush(START + second * SECOND)
    assert len(told) == 1
    assert packets.names().count("flush") == 3
