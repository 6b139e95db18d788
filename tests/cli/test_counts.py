"""How much of what a capture holds, in words."""

import pytest

from ocppscope.cli.counts import Counts
from tests.rules.sessions import HEARTBEAT, HEARTBEAT_ANSWER, call, damaged, decoded, notice, opened, ping

SPAN = "2026-11-22 10:15:00 to 10:15:00 UTC (0 ms)"


def counted(*pieces, **options):
    counts = Counts()
    counts.feed(decoded(*pieces, **options))
    return counts


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([], "0 stations, 0 sessions, 0 messages"),
        ([opened()], f"1 station, 1 session, 0 messages, OCPP 1.6, {SPAN}"),
        ([HEARTBEAT, HEARTBEAT_ANSWER, ping()], f"1 station, 1 session, 2 messages, OCPP 1.6, {SPAN}"),
        ([HEARTBEAT, damaged("json")], f"1 station, 1 session, 1 message, 1 unreadable, OCPP 1.6, {SPAN}"),
        (
            [opened(), opened(), opened(station="B", version="2.0.1"), call("1", "X")],
            f"2 stations, 3 sessions, 0 messages, OCPP 1.6, 2.0.1, {SPAN}",
        ),
        (
            [opened(late=True, path=None, subprotocol=None, subprotocols=(), status=None), HEARTBEAT],
            f"unnamed station, 1 session, 1 message, {SPAN}",
        ),
        ([HEARTBEAT, "+90s", HEARTBEAT_ANSWER], "2026-11-22 10:15:00 to 10:16:30 UTC (90.0 s)"),
        ([notice("tls.unreadable"), HEARTBEAT], f"1 station, 1 session, 1 message, OCPP 1.6, {SPAN}"),
    ],
)
def test_words(pieces, said):
    said_of = [piece for piece in pieces if not (isinstance(piece, str) and piece.startswith("["))]
    assert str(counted(*said_of)).endswith(said)


def test_a_capture_without_times():
    assert str(counted(HEARTBEAT, timeless=True)) == "1 station, 1 session, 1 message, OCPP 1.6"


def test_times_of_all_batches_count():
    counts, events = Counts(), decoded(HEARTBEAT, "+60s", HEARTBEAT_ANSWER)
    for event in reversed(events):
        counts.feed([event])
    counts.feed([])
    assert "10:15:00 to 10:16:00 UTC (60.0 s)" in str(counts)


def test_a_second_sighting_is_no_session():
    counts = counted(opened(), opened(duplicate_of=1))
    assert (counts.sessions, counts.upgrades) == (1, 1)


@pytest.mark.parametrize(
    ("pieces", "has"),
    [
        ([], False),
        ([notice("tls.unreadable")], False),
        ([opened()], True),
        ([opened(status=401, subprotocol=None)], True),
        ([HEARTBEAT], True),
        ([opened(late=True, path=None, version="1.6"), damaged("deflate")], False),
    ],
)
def test_what_counts_as_ocpp(pieces, has):
    assert counted(*pieces).has_ocpp is has


def test_damage_of_files():
    counts = counted(notice("file.damaged", "a: torn"), HEARTBEAT, notice("file.damaged", "b: torn"))
    assert counts.damaged_file
    assert counts.damage == ["a: torn", "b: torn"]
    assert not counted(HEARTBEAT, notice("tls.unreadable")).damaged_file


def test_many_stations_are_not_all_named():
    counts = counted(*(opened(station=f"CP{n:02}") for n in range(25)))
    assert counts.station_names() == ", ".join(f"CP{n:02}" for n in range(20)) + " …"
    few = counted(opened(station="A"), opened(station="B%0a"))
    assert few.station_names() == "A, B␊"
    assert few.station_names({"A"}) == "B␊"


def test_a_capture_of_several_days_says_when_it_ends():
    counts = Counts()
    counts.feed(decoded(HEARTBEAT, "+90000s", HEARTBEAT_ANSWER))
    assert "2026-11-22 10:15:00 to 2026-11-23 11:15:00 UTC (25.0 h)" in str(counts)
