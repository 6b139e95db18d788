import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.filter import FilterError, complete, form, is_unfinished, parse
from ocppscope.filter.fields import FIELDS

from .stores import odd


def offered(text, cursor=None):
    return [one.text for one in complete(text, len(text) if cursor is None else cursor)]


def test_at_the_beginning_of_a_term_fields_are_offered():
    for text in ("", "a and ", "not ", "(", "a or (", "action == x and "):
        assert set(FIELDS) <= set(offered(text)), text
        assert {"payload.", "has(", "not"} <= set(offered(text))


@pytest.mark.parametrize(
    ("text", "start", "first"),
    [
        ("act", 0, "action"),
        ("a and LAT", 6, "latency"),
        ("action ", 7, "=="),
        ("latency >", 8, ">="),
        ("latency =", 8, "=="),
        ("action con", 7, "contains"),
        ("type == ", 8, "CALL"),
        ("type != callr", 8, "CALLRESULT"),
        ("type in (CALL, se", 15, "SEND"),
        ("type in (", 9, "CALL"),
        ("type in ", 8, "("),
        ("type in (CALLE", 9, "CALLERROR"),
        ("action == HEA", 10, "Heartbeat"),
        ('action == "Hea', 10, '"Heartbeat"'),
        ("action == Heartbeat ", 20, "and"),
        ("(action == Heartbeat o", 21, "or"),
        ("severity >= w", 12, "warning"),
        ("rule == rpc-00", 8, "RPC-001"),
        ("close == en", 9, "end-of-capture"),
        ("has(sev", 4, "severity"),
        ("has", 0, "has("),
        ("payl", 0, "payload."),
        ("payload.connectorI", 8, "connectorId"),
        ("has(payload.transactionI", 12, "transactionId"),
        ("payload.meterValue[*].sampledValue[0].measu", 38, "measurand"),
        ("payload.meterValue.sampledValue.measu", 32, "measurand"),
        ("payload.idTagInfo.", 18, "expiryDate"),
        ("payload.connectorId ", 20, "=="),
        ("payload.evse.id ", 16, "=="),
        ("payload.tbc == tr", 15, "true"),
        ("payload.status == Fau", 18, "Faulted"),
        ("a act", 2, "action"),
    ],
)
def test_completions(text, start, first):
    found = complete(text, len(text))
    assert (found[0].start, found[0].text) == (start, first)


def test_what_follows_the_cursor_does_not_count():
    assert offered("act == Heartbeat", 3) == ["action"]


def test_only_what_goes_on_from_the_word_is_offered():
    assert offered("action == status") == ["StatusNotification"]
    assert offered("latency > 40") == []
    assert offered("time > 10:1") == []
    assert offered("type == ALL") == []


@pytest.mark.parametrize("value", ["", "4", "40", "40m"])
def test_examples_are_told_but_not_offered(value):
    text = f"latency > {value}"
    assert offered(text) == []
    assert form(text, len(text)) == "a duration: 340ms, 10s, 5min, 2h"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency > 40ms", ""),
        ("time > ", "a time: 10:15, 10:15:30.250, 2026-11-22, 2026-11-22T10:15Z"),
        ("size in (500, ", "a size: 500, 4KB, 1MiB"),
        ("station == ", "a text"),
        ("station matches ", "a regular expression"),
        ("type == ", ""),
        ("latency ", ""),
        ("payload.connectorId == ", "an integer"),
        ("payload.timestamp > ", "a time: 10:15, 2026-11-22, 2026-11-22T10:15Z"),
        ("action == StatusNotification and payload.errorCode == ", ""),
        ("payload.nobody == ", 'a JSON value: 230, Voltage, "230", 2026-11-22T10:15Z, true, false, null'),
    ],
)
def test_how_a_value_is_written(text, told):
    assert form(text, len(text)) == told


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("latency > 40ms", [" and", " or"]),
        ("payload.connectorId == 1", [" and", " or"]),
        ('action == "Heartbeat"', [" and", " or"]),
        ("action == heartbeat", [" and", " or"]),
        ("direction == station", [" and", " or"]),
        ("Heartbeat", [" and", " or"]),
        ("(latency > 40ms", [" and", " or", ")"]),
        ("type in (SEND", [",", ")"]),
        ("type in", [" ("]),
        ("has(latency", [")"]),
    ],
)
def test_after_a_whole_word_comes_what_may_follow(text, following):
    assert [tuple(one[:2]) for one in complete(text, len(text))] == [(len(text), one) for one in following]


def test_a_whole_word_that_others_begin_with_is_followed_first():
    assert offered("type == CALL") == [" and", " or", "CALLRESULT", "CALLERROR", "CALLRESULTERROR"]
    assert offered("action")[:2] == [" ==", " !="]
    assert offered("payload.connectorId")[0] == " =="
    assert "action" in offered("not ")
    assert " action" in offered("not")


def test_values_of_a_path_are_those_of_its_schemas():
    found = offered("payload.status == ")
    assert {"Accepted", "Faulted", "Rejected"} <= set(found)
    assert "230" not in found
    assert offered("action == BootNotification and payload.status == ") == ["Accepted", "Pending", "Rejected"]
    of_authorize = offered("payload.idTagInfo.status == B and action == Authorize", 29)
    assert of_authorize == ["Blocked"]
    both = offered("action in (BootNotification, StatusNotification) and payload.status == ")
    assert {"Pending", "Faulted"} <= set(both)
    assert "Downloaded" not in both
    assert offered("not action == BootNotification and payload.status == ") == found
    assert offered("payload.tbc == ") == ["true", "false"]
    assert offered("payload.nobody == ") == []
    assert offered("payload.status > ") == []


def test_a_path_has_the_names_that_the_named_action_has():
    assert offered("action == Heartbeat and payload.") == ["currentTime", "customData"]


def test_known_values_come_first():
    known = {"station": ["CP002", "CP001", "CP 3", 'say "hi"', "\0"], "action": {"Reset", "Own"}}

    def of(text):
        return [one.text for one in complete(text, len(text), known)]

    assert of("station == ") == ['"CP 3"', "CP001", "CP002", '"say \\"hi\\""']
    assert of("station == cp0") == ["CP001", "CP002"]
    assert of("station == cp") == ['"CP 3"', "CP001", "CP002"]
    assert of("station == 'cp") == ["'CP 3'", "'CP001'", "'CP002'"]
    assert of("action == ")[:3] == ["Own", "Reset", "AFRRSignal"]
    assert of("action == ").count("Reset") == 1
    assert of("payload.status == ")[0] == "Accepted"
    for value in of("station == "):
        parse(f"station == {value}")


@pytest.mark.parametrize(
    "text",
    [
        "(action == Heartbeat",
        "has(latency",
        "has(late",
        "latency >",
        "latency > 1",
        "latency > 10m",
        "size > 4k",
        "time > 2026-1",
        "time > 2026-11-22T1",
        "type in (CALL,",
        "type == CALL and",
        "type == cal",
        "latency =",
        "a &",
        'station == "CP',
        "payload.",
        "payload.nobody.",
        "payload.connectorI",
        "payload[",
        "payload[-1",
        'payload["a',
        'payload["a"',
        "rule not in",
    ],
)
def test_an_unfinished_filter_is_no_mistake_yet(text):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert is_unfinished(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "latency > x",
        "latency > 10 and a",
        "latency > 10 ",
        "time > 2026-13",
        "type == X",
        "type == cal ",
        "latency = 3",
        "a)",
        "acton ==  x",
        "has(acton",
        "payload[x",
        "x == [",
        'latency > "x"',
    ],
)
def test_a_mistake_is_one_while_it_is_typed(text):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert not is_unfinished(caught.value)


def test_help_comes_along():
    assert complete("rule == RPC-00", 14)[0].help == "Not a valid OCPP-J message"
    assert complete("payload.connectorI", 18)[0].help


@pytest.mark.parametrize(
    "text",
    [
        "acton == ",
        "a)",
        "latency > 10 and ",
        "payload.nobody.",
        'payload["a].',
        "payload[x].a",
        "x == [",
        "type == CAL and ",
    ],
)
def test_nothing_is_offered_after_a_mistake(text):
    assert offered(text) == []


PIECES = st.sampled_from(
    "action payload . [ * ] [0] a \" ' ( ) in , < = == ! & not has severity RPC \0 \ud800".split()
)


@given(st.one_of(st.text(max_size=20), st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join)))
def test_any_text_can_be_completed(text):
    for one in complete(text, len(text)):
        assert 0 <= one.start <= len(text)
    form(text, len(text))
    try:
        parse(text)
    except FilterError as error:
        is_unfinished(error)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_offered_values_are_valid(name):
    for one in complete(f"{name} == ", len(name) + 4):
        text = f"{name} == {one.text}"
        assert odd().select(text) == odd().select(
            text.swapcase() if name not in ("latency", "time") else text
        )


def test_offered_operators_are_valid():
    for name in FIELDS:
        value = complete(f"{name} == ", len(name) + 4)
        word = value[0].text if value else (*FIELDS[name].kind.examples, "x")[0]
        for operator in offered(f"{name} "):
            if operator in ("and", "or"):
                continue
            try:
                parse(f"{name} {operator} ({word})" if operator == "in" else f"{name} {operator} {word}")
            except FilterError as error:
                assert "order" in error.message, error  # noqa: PT017


def test_importing_the_package_imports_neither_rules_nor_schemas():
    code = (
        "import sys, ocppscope.filter as f; f.parse('action == x and latency > 1s and payload.x == abc a');"
        "print([name for name in sys.modules if 'rules' in name or 'jsonschema' in name or 'difflib' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"
