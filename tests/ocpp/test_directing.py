"""Who sent a message: by its action, by what it answers, by a word; else the likelier side, and counted as a guess."""

import pytest

from ocppscope.events import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, FROM_CSMS, FROM_STATION, SEND
from ocppscope.ocpp.directing import Directing, sender_of


@pytest.mark.parametrize(
    ("action", "sender"),
    [
        ("BootNotification", FROM_STATION),
        ("RequestStartTransaction", FROM_CSMS),
        ("NotifyPeriodicEventStream", FROM_STATION),
        ("DataTransfer", None),
        ("Unheard", None),
        ("x" * 1_000, None),
        (None, None),
        (["Reset"], None),
    ],
)
def test_senders(action, sender):
    assert sender_of(action) == sender


@pytest.mark.parametrize("word", [None, FROM_STATION, FROM_CSMS])
def test_an_action_that_one_side_sends_counts_more_than_a_word(word):
    directing = Directing()
    assert directing.direction(CALL, "1", "Reset", word) == FROM_CSMS
    assert directing.direction(CALLRESULT, "1", None, word) == FROM_STATION
    assert directing.direction(SEND, "2", "NotifyPeriodicEventStream", word) == FROM_STATION
    assert directing.guessed == 0


def test_an_action_of_both_sides_needs_a_word():
    directing = Directing()
    assert directing.direction(CALL, "1", "DataTransfer", FROM_CSMS) == FROM_CSMS
    assert directing.direction(CALLERROR, "1", None) == FROM_STATION
    assert directing.guessed == 0
    assert directing.direction(CALL, "2", "DataTransfer") == FROM_STATION
    assert directing.guessed == 1


def test_one_id_of_both_sides():
    directing = Directing()
    directing.direction(CALL, "1", "Heartbeat")
    directing.direction(CALL, "1", "Reset")
    assert directing.direction(CALLRESULT, "1", None, FROM_STATION) == FROM_STATION
    assert directing.direction(CALLRESULT, "1", None, FROM_STATION) == FROM_CSMS  # only that Call is left
    assert directing.guessed == 0


def test_an_answer_to_nothing():
    directing = Directing()
    assert directing.direction(CALLRESULT, "1", None) == FROM_CSMS
    assert directing.direction(CALLRESULT, "1", None, FROM_STATION) == FROM_STATION
    assert directing.guessed == 1


def test_a_call_result_error_goes_the_way_of_the_call():
    directing = Directing()
    directing.direction(CALL, "1", "Reset")
    directing.direction(CALLRESULT, "1", None)
    assert directing.direction(CALLRESULTERROR, "1", None) == FROM_CSMS
    assert directing.guessed == 0


def test_ids_keep_their_type():
    directing = Directing()
    directing.direction(CALL, 1, "Reset")
    assert directing.direction(CALLRESULT, "1", None) == FROM_CSMS
    assert directing.direction(CALLRESULT, 1, None) == FROM_STATION
    directing.direction(CALL, {"a": 1}, "Reset")
    assert directing.direction(CALLRESULT, {"a": 1}, None) == FROM_STATION


def test_memory_is_bounded():
    directing = Directing()
    for number in range(5_000):
        directing.direction(CALL, str(number), "Heartbeat")
        directing.direction(CALLRESULT, f"x{number}", None)
    assert all(len(ids) <= 1_000 for ids in (*directing._calls.values(), *directing._results.values()))
