"""Which answer belongs to which Call, seen through the decoder, and the memory of ids."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import Closed, Message
from ocppscope.ocpp import correlation
from ocppscope.ocpp.correlation import OPEN_CALLS, IdMemory
from ocppscope.ocpp.decoder import Decoder
from tests.rules.sessions import closed, decoded, gap, messages, on, opened, wire_events

OTHERS = {"rpc.direction", "rpc.id", "rpc.id-integer", "rpc.accepted-invalid"}
CALL = '[2,"{}","Heartbeat",{{}}]'
RESULT = '[3,"{}",{{}}]'
ERROR = '[4,"{}","InternalError","",{{}}]'


def answers(*pieces, **options):
    """For each message: its number and that of what it answers."""
    return [(m.n, m.call.n if m.call else None) for m in messages(*pieces, **options) if m.type != 2]


def faults(*pieces, **options):
    """For each event that has any: its number and the kinds of its faults that are about ids and answers."""
    return [(event.n, kinds) for event in decoded(*pieces, **options) if (kinds := kinds_of(event))]


def kinds_of(event):
    kinds = [fault.kind for fault in event.faults]
    return [kind for kind in kinds if kind.startswith("rpc.") and kind not in OTHERS]


def q(side, text, *values):
    return f"{side} {text.format(*values)}"


A, B = q(">", CALL, "a"), q(">", CALL, "b")
ANSWER_A, ANSWER_B = q("<", RESULT, "a"), q("<", RESULT, "b")


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [RESULT, ERROR])
@pytest.mark.parametrize(("side", "other"), [(">", "<"), ("<", ">")])
def test_an_answer_finds_its_call(answer, side, other):
    (asked, answered) = messages(q(side, CALL, "a"), "+0.25s", q(other, answer, "a"))
    assert answered.call is asked
    assert answered.action == "Heartbeat"
    assert answered.latency == 250_000_000
    assert not answered.faults


def test_out_of_order():
    assert answers(A, B, ANSWER_B, ANSWER_A) == [(4, 3), (5, 2)]


def test_directions_are_apart():
    pieces = [A, q("<", CALL, "a"), q(">", RESULT, "a"), ANSWER_A]
    assert answers(*pieces) == [(4, 3), (5, 2)]
    assert faults(*pieces) == []


def test_nobody_answers_himself():
    assert answers(A, q(">", RESULT, "a")) == [(3, None)]


def test_sessions_are_apart():
    pieces = [opened(), A, opened(station="CP002"), ANSWER_A, on(1), ANSWER_A]
    assert answers(*pieces) == [(4, None), (5, 2)]


def test_sessions_of_one_station_are_apart():
    pieces = [A, closed(), opened(), ANSWER_A]
    assert answers(*pieces) == [(5, None)]
    assert faults(*pieces)[-1] == (5, ["rpc.orphan"])


def test_the_most_recent_unanswered_call_with_that_id():
    assert answers(A, "+31s", A, ANSWER_A, ANSWER_A, ANSWER_A) == [(4, 3), (5, 2), (6, None)]


def test_answered_calls_are_not_answered_again():
    pieces = [A, ANSWER_A, A, ANSWER_A, ANSWER_A]
    assert answers(*pieces) == [(3, 2), (5, 4), (6, None)]
    assert faults(*pieces) == [(4, ["rpc.retry"]), (6, ["rpc.answered-twice"])]


@pytest.mark.parametrize("message_id", [1, 0, -1, 1.5, None, True, [], [1], {"a": 1}, ""])
def test_ids_of_other_types(message_id):
    ask, answer = json.dumps([2, message_id, "Heartbeat", {}]), json.dumps([3, message_id, {}])
    assert answers(f"> {ask}", f"< {answer}") == [(3, 2)]
    assert faults(f"> {ask}", f"< {answer}", f"< {answer}")[-1][1][-1] == "rpc.answered-twice"


def test_a_number_is_not_its_digits():
    assert answers('> [2,1,"Heartbeat",{}]', '< [3,"1",{}]') == [(3, None)]
    assert answers('> [2,1,"Heartbeat",{}]', "< [3,true,{}]") == [(3, None)]


# --- id -1 --------------------------------------------------------------------------------------------------

UNREAD = '< [4,"-1","RpcFrameworkError","",{}]'


def test_minus_one_answers_the_last_open_call():
    assert answers(A, B, UNREAD, UNREAD, UNREAD) == [(4, 3), (5, 2), (6, None)]
    assert faults(A, UNREAD) == [(3, ["rpc.id-unknown"])]


def test_minus_one_answers_the_call_that_has_that_id():
    assert answers(q(">", CALL, "-1"), A, UNREAD) == [(4, 2)]
    assert faults(q(">", CALL, "-1"), UNREAD) == []


def test_minus_one_uncovers_an_earlier_call_with_the_same_id():
    assert answers(A, "+31s", A, UNREAD, ANSWER_A) == [(4, 3), (5, 2)]


def test_minus_one_is_for_errors():
    assert answers(A, '< [3,"-1",{}]') == [(3, None)]


# --- CallResultError and Send -------------------------------------------------------------------------------

RESULT_ERROR = '[5,"{}","InternalError","",{{}}]'
SEND = '[6,"{}","NotifyPeriodicEventStream",{{}}]'


def test_a_result_error_answers_the_result():
    found = messages(A, ANSWER_A, q(">", RESULT_ERROR, "a"), version="2.1")
    assert found[2].call is found[1]
    assert found[2].action == "Heartbeat"


def test_a_result_error_answers_once_and_from_the_other_side():
    pieces = [A, ANSWER_A, q("<", RESULT_ERROR, "a"), q(">", RESULT_ERROR, "a"), q(">", RESULT_ERROR, "a")]
    assert answers(*pieces, version="2.1")[1:] == [(4, None), (5, 3), (6, None)]
    assert [kinds for _, kinds in faults(*pieces, version="2.1")] == [["rpc.orphan-result-error"]] * 2


@pytest.mark.parametrize("answer", [ERROR, '[4,"a","X","",{{}}]'])
def test_a_result_error_does_not_answer_an_error(answer):
    assert answers(A, q("<", answer, "a"), q(">", RESULT_ERROR, "a"), version="2.1") == [(3, 2), (4, None)]


def test_results_are_remembered_in_bounds():
    pieces = [piece for n in range(200) for piece in (q(">", CALL, n), q("<", RESULT, n))]
    assert answers(pieces, q(">", RESULT_ERROR, 199), version="2.1")[-1] == (402, 401)
    assert answers(pieces, q(">", RESULT_ERROR, 0), version="2.1")[-1] == (402, None)


def test_a_send_that_is_answered():
    pieces = [q(">", SEND, "s"), q("<", RESULT, "s"), q("<", ERROR, "s")]
    assert faults(*pieces, version="2.1") == [(3, ["rpc.answers-send"]), (4, ["rpc.answers-send"])]
    assert faults(q(">", SEND, "s"), q(">", RESULT, "s"), version="2.1") == [(3, ["rpc.orphan"])]


# --- orphans, late answers, silence -------------------------------------------------------------------------


def test_orphan():
    assert faults(ANSWER_A) == [(2, ["rpc.orphan"])]


@pytest.mark.parametrize(
    ("seconds", "kinds"), [(9, []), (10, []), (10.1, ["rpc.slow"]), (30, ["rpc.slow"]), (30.1, ["rpc.late"])]
)
def test_slow_and_late(seconds, kinds):
    assert faults(A, f"+{seconds}s", ANSWER_A) == ([(3, kinds)] if kinds else [])


def test_a_clock_that_goes_back():
    assert messages(A, "-5s", ANSWER_A)[1].latency == -5_000_000_000
    assert faults(A, "-5s", ANSWER_A) == []


def test_no_times_no_latency():
    assert messages(A, ANSWER_A, timeless=True)[1].latency is None
    assert faults(A, ANSWER_A, timeless=True) == []


@pytest.mark.parametrize(
    ("pieces", "kinds"),
    [
        ([A, "+29s"], []),
        ([A, "+30s"], ["rpc.unanswered"]),
        ([A, "+29s", closed()], ["rpc.unanswered-at-close"]),
        ([A, "+30s", closed(None, "rst")], ["rpc.unanswered"]),
        ([A, ANSWER_A, "+60s", closed()], []),
        ([A, B, "+30s", closed()], ["rpc.unanswered", "rpc.unanswered"]),
        ([A, "+31s", A, "+1s", ANSWER_A, closed()], ["rpc.unanswered"]),
    ],
)
def test_calls_without_an_answer(pieces, kinds):
    end = decoded(*pieces)[-1]
    assert isinstance(end, Closed)
    assert [fault.kind for fault in end.faults] == kinds
    assert all(fault.events for fault in end.faults)


@pytest.mark.parametrize(("end", "kinds"), [([], []), ([closed()], ["rpc.unanswered-at-close"])])
def test_calls_without_an_answer_and_without_times(end, kinds):
    assert [fault.kind for fault in decoded(A, *end, timeless=True)[-1].faults] == kinds


def test_two_calls_at_once():
    assert faults(A, "+1s", B) == [(3, ["rpc.concurrent"])]
    assert faults(A, q("<", CALL, "b")) == []
    assert faults(A, ANSWER_A, B) == []
    assert faults(A, q(">", SEND, "s"), version="2.1") == []
    assert faults(A, "+30s", B)[0][1] == ["rpc.unanswered"]


def test_two_calls_at_once_name_those_that_wait():
    (event,) = [m for m in messages(A, B, q(">", CALL, "c")) if m.n == 4]
    assert event.faults[0].events == (2, 3)


# --- ids ----------------------------------------------------------------------------------------------------

OTHER_A = '> [2,"a","StatusNotification",{}]'


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([A, ANSWER_A, A], "rpc.retry"),
        ([A, ANSWER_A, OTHER_A], "rpc.id-reused"),
        ([A, ANSWER_A, '> [2,"a","Heartbeat",{"b":1}]'], "rpc.id-reused"),
        ([A, ANSWER_A, closed(), opened(), A], "rpc.retry"),
        ([A, ANSWER_A, closed(), opened(), OTHER_A], "rpc.id-reused-later"),
        ([A, ANSWER_A, closed(), opened(), OTHER_A, ANSWER_A, OTHER_A], "rpc.retry"),
        ([A, ANSWER_A, closed(), opened(), OTHER_A, ANSWER_A, A], "rpc.id-reused"),
        ([A, ANSWER_A, closed(), opened(station="CP002"), OTHER_A], None),
        ([A, ANSWER_A, q("<", CALL, "a")], None),
        ([A, ANSWER_A, opened(duplicate_of=1), A], None),
    ],
)
def test_retries_and_reused_ids(pieces, expected):
    last = messages(*pieces)[-1]
    assert kinds_of(last) == ([expected] if expected else [])


def test_sessions_without_an_identity_share_nothing():
    bare = {"late": True}
    assert faults(opened(**bare), A, ANSWER_A, opened(**bare), OTHER_A)[-1:] != [(5, ["rpc.id-reused-later"])]


def test_reuse_after_ten_thousand_ids():
    pieces = [piece for n in range(10_001) for piece in (q(">", CALL, n), q("<", RESULT, n))]
    found = messages(pieces, '> [2,"1","StatusNotification",{}]', '> [2,"x","Heartbeat",{}]')
    assert "rpc.id-reused" in [fault.kind for fault in found[-2].faults]
    assert "rpc.id-reused" not in [fault.kind for fault in found[-1].faults]
    assert not any(kinds_of(message) for message in found[:-2])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 400).map(str), st.sampled_from([1, 2, 3]), st.sampled_from([1, 2])),
        max_size=400,
    )
)
def test_id_memory_against_a_dict(uses):
    memory, model = IdMemory(), {}
    for message_id, content, session in uses:
        before = model.get(message_id)
        expected = before and (before[0] == content, before[1] == session)
        assert memory.see(message_id, content, session) == expected
        model[message_id] = content, session
        assert memory.knows(message_id, session)
        assert not memory.knows(message_id, session + 1)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 2**32), st.integers(2_000, 30_000))
def test_within_the_last_ten_thousand_every_reuse_is_found(seed, count):
    random, memory = Random(seed), IdMemory()
    distinct = 0
    for _ in range(count):
        again = random.random() < 0.05 and distinct
        number = random.randrange(max(0, distinct - 9_999), distinct) if again else distinct
        message_id = f"{number:036}"
        found = memory.see(message_id, number, 1)
        if again:
            assert found == (True, True)
        else:
            assert found is None  # no false positives: 40 bits of the hash are kept
            distinct += 1


def test_id_memory_forgets():
    memory = IdMemory()
    for number in range(3 * IdMemory.CAPACITY):
        memory.see(str(number), number, 1)
    assert not memory.knows("0", 1)
    assert memory.knows(str(3 * IdMemory.CAPACITY - 1), 1)
    assert len(memory._table) + len(memory._old) <= 4 * 16_384


# --- bounds -------------------------------------------------------------------------------------------------


def open_calls(decoder):
    return sum(len(state.correlator.unanswered()) for state in decoder._states.values())


def test_open_calls_are_bounded():
    decoder = Decoder()
    decoder.feed(wire_events([q(">", CALL, n) for n in range(OPEN_CALLS + 500)], end=False))
    assert open_calls(decoder) == OPEN_CALLS


def test_open_calls_with_one_id_are_bounded():
    decoder = Decoder()
    decoder.feed(wire_events([A] * 5_000, end=False))
    assert open_calls(decoder) <= 1 + correlation._SHADOWED


def test_open_calls_with_few_ids_are_bounded():
    decoder = Decoder()
    decoder.feed(wire_events([q(">", CALL, n // 3) for n in range(12_000)], end=False))
    assert open_calls(decoder) <= OPEN_CALLS * 3


def test_many_open_calls_are_not_slow():
    """Each Call looks at a few of those that wait, not at all of them."""
    found = messages([q(">", CALL, n) for n in range(3_000)])
    assert len(found[-1].faults[0].events) <= 5


def test_a_gap_does_not_break_correlation():
    assert answers(A, gap("<"), ANSWER_A) == [(4, 2)]


def test_everything_is_a_message():
    assert all(isinstance(event, Message) for event in decoded(A, ANSWER_A)[1:-1])
