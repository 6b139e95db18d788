import json

import pytest

from ocppscope.ocpp.summary import summary
from tests.rules.sessions import call, messages


def of(line, **options):
    return summary(messages(line, **options)[-1])


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        ({}, ""),
        ({"idTag": "A"}, "idTag A"),
        (
            {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
            "Available, connectorId 1, errorCode NoError",
        ),
        (
            {"eventType": "Started", "seqNo": 0, "transactionInfo": {"transactionId": "T"}},
            "Started, seqNo 0, transactionId T",
        ),
        ({"list": [1, 2]}, "list 2 items"),
        ({"list": [1]}, "list 1 item"),
        ({"list": []}, "list 0 items"),
        ({"list": [{"a": 1, "b": 2}]}, "a 1, b 2"),
        ({"a": None, "b": True}, "a null, b true"),
        ({"a": {}}, ""),
        ({"status": {"deep": 1}}, "deep 1"),
    ],
)
def test_calls(payload, line):
    assert of("> " + call("1", "Foo", payload)) == line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('< [4,"1","InternalError","it broke",{}]', "InternalError: it broke"),
        ('< [4,"1","InternalError","",{}]', "InternalError"),
        ('< [4,"1","InternalError",null,null]', "InternalError"),
        ('< [4,"1",null]', "None"),
        ('< [4,"1",5,["a"],{}]', "5: ['a']"),
        ('< [3,"1",null]', ""),
        ('< [3,"1","text"]', "text"),
        ('< [3,"1",[1,2]]', "[1, 2]"),
    ],
)
def test_others(line, text):
    assert of(line) == text


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "x" * 10_000},
        {f"key{n}": n for n in range(1_000)},
        {"x" * 5_000: 1},
        {"status": "x" * 500},
        {"a": {f"k{n}": "x" * 50 for n in range(20)}},
    ],
)
def test_at_most_about_a_hundred_characters(payload):
    line = of("> " + call("1", "Foo", payload))
    assert len(line) <= 100
    assert line.endswith("…")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_deep_payloads(opening, closing):
    depth = 500 // len(closing)
    deep = opening * depth + "1" + closing * depth
    assert isinstance(of(f'> [2,"1","Foo",{{"deep":{deep}}}]'), str)
    assert isinstance(of(f'> [3,"1",{deep}]'), str)


def test_wide_and_deep_payloads():
    node = {"leaf": 1}
    for _ in range(8):
        node = dict.fromkeys("abcd", node)
    message = messages("> " + call("1", "Foo"))[0]
    message.payload = node
    assert len(summary(message)) <= 100
    assert json.dumps(1)
