import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.filter import FilterError, complete, parse
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
        ("latency >", 8, ">"),
        ("latency =", 8, "=="),
        ("action con", 7, "contains"),
        ("type == ", 8, "CALL"),
        ("type != callr", 8, "CALLRESULT"),
        ("type in (CALL, se", 15, "SEND"),
        ("type in (", 9, "CALL"),
        ("type in ", 8, "("),
        ("type in (CALL", 9, "CALL"),
        ("action == HEA", 10, "Heartbeat"),
        ('action == "Hea', 10, '"Heartbeat"'),
        ("action == Heartbeat ", 20, "and"),
        ("(action == Heartbeat o", 21, "or"),
        ("severity >= w", 12, "warning"),
        ("rule == rpc-00", 8, "RPC-001"),
        ("close == en", 9, "end-of-capture"),
        ("latency > ", 10, "340ms"),
        ("has(sev", 4, "severity"),
        ("has", 0, "has("),
        ("payl", 0, "payload."),
        ("payload.connectorI", 8, "connectorId"),
        ("has(payload.transactionI", 12, "transactionId"),
        ("payload.meterValue[*].sampledValue[0].measu", 38, "measurand"),
        ("payload.meterValue.sampledValue.measu", 32, "measurand"),
        ("payload.idTagInfo.", 18, "expiryDate"),
        ("payload.connectorId ", 20, "=="),
        ("payload.flag == tr", 16, "true"),
    ],
)
def test_completions(text, start, first):
    found = complete(text, len(text))
    assert (found[0].start, found[0].text) == (start, first)


def test_what_follows_the_cursor_does_not_count():
    assert offered("act == Heartbeat", 3) == ["action"]


def test_what_begins_so_comes_before_what_contains_it():
    found = offered("action == status")
    assert found[0] == "StatusNotification"
    assert "FirmwareStatusNotification" in found[1:]


def test_help_comes_along():
    assert complete("rule == RPC-001", 15)[0].help == "Not a valid OCPP-J message"
    assert complete("payload.connectorId", 19)[0].help


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
        word = value[0].text if value else "x"
        for operator in offered(f"{name} "):
            if operator in ("and", "or", "not"):
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
