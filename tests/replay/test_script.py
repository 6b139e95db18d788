from ocppscope.ocpp.difference import Difference
from ocppscope.replay.script import MISSING, Act, Comparison, Script, Step


def comparison(expected, actual, *differences):
    return Comparison(1, 2, "Heartbeat", "answer", expected, actual, differences)


def test_outcomes():
    changed = Difference("/a", "changed", 1, 2, "/a")
    assert comparison({}, {}).outcome == "equal"
    assert comparison({"a": 1}, {"a": 2}, changed).outcome == "diverged"
    assert comparison({}, MISSING).outcome == "missing"
    assert comparison(MISSING, {}).outcome == "unexpected"
    assert repr(MISSING) == "(nothing)"


def test_null_is_something_that_was_said():
    assert comparison(None, None).outcome == "equal"


def test_the_steps_of_a_script_are_those_of_its_acts():
    first, second = (Step(number, number + 5, None, True, "ping") for number in (0, 1))
    script = Script("CP1", "1.6", "station", [Act(None, [first]), Act(None, [second])])
    assert script.steps == [first, second]
    assert first.action is None
