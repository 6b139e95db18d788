import pytest

from ocppscope.capture.faults.scope import facts_of, facts_of_session, outcome
from ocppscope.events import FROM_STATION
from ocppscope.filter import parse

from .stage import opened

FACTS = {**facts_of("drop"), **facts_of_session(opened(number=3), FROM_STATION)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("station == cp001", True),
        ("station == CP002", False),
        ("session == 3", True),
        ("version == 1.6", True),
        ("direction == csms", False),
        ("action == Heartbeat", None),
        ("size > 5", None),
        ("event == message", None),
        ("event in (message, damaged)", True),
        ("event == gap", False),
        ("has(close)", False),
        ("type == CALL", None),
        ("type == PONG", False),
        ("CP0", True),
        ("CP002", None),
        ("not station == CP001", False),
        ("not action == Heartbeat", None),
        ("station == CP001 and session == 3", True),
        ("station == CP001 and action == Heartbeat", None),
        ("station == CP002 and action == Heartbeat", False),
        ("station == CP001 or action == Heartbeat", True),
        ("station == CP002 or action == Heartbeat", None),
        ("station == CP002 or session == 4", False),
    ],
)
def test_outcome(text, expected):
    assert outcome(parse(text).tree, FACTS) is expected


def test_the_types_that_a_kind_acts_on():
    assert facts_of("answer")["type"] == ["CALL"]
    assert facts_of("replace")["type"] == ["CALL", "CALLRESULT", "SEND"]
