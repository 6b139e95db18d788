import json
from contextlib import suppress
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.capture.faults.edits import corrupt, replace

from .stage import BOOT


@pytest.mark.parametrize("text", [BOOT, '[3,"1",{"é":"ü","v":1.0}]', "no JSON", "[1.0]", "7", "[" * 1500])
def test_corrupt(text):
    data, random = text.encode(), Random(7)
    for _ in range(300):
        changed, at = corrupt(data, random)
        assert [n for n in range(len(data)) if data[n] != changed[n]] == [at]
        changed.decode()
        with suppress(orjson.JSONDecodeError):
            assert orjson.loads(changed) != orjson.loads(data)


def test_what_cannot_be_corrupted():
    assert corrupt(b"", Random(7)) is None
    assert corrupt("é".encode() * 5, Random(7)) is None


TEXT = '[2, "1","X" ,{ "a" : [1.5, {"b/c":2.50,"~":[]}] ,"big":123456789012345678901234567890,"d":1,"d":2}]'


@pytest.mark.parametrize(
    ("pointer", "old"),
    [
        ("/3/a/0", "1.5"),
        ("/3/a/1/b~1c", "2.50"),
        ("/3/a/1/~0", "[]"),
        ("/3/a", '[1.5, {"b/c":2.50,"~":[]}]'),
        ("/3/big", "123456789012345678901234567890"),
        ("/1", '"1"'),
        ("", TEXT),
    ],
)
def test_replace(pointer, old):
    assert replace(TEXT, pointer, "{}") == TEXT.replace(old, "{}", 1)[: len(TEXT) - len(old) + 2]


def test_of_two_keys_the_last_one_counts():
    assert replace(TEXT, "/3/d", "7") == TEXT.replace('"d":2', '"d":7')


@pytest.mark.parametrize(
    "pointer", ["/3/e", "/3/a/2", "/3/a/01", "/3/a/-", "/3/a/b", "/3/a/0/0", "/4", "/3/", "/1/0"]
)
def test_a_pointer_that_leads_nowhere(pointer):
    assert replace(TEXT, pointer, "{}") is None


@pytest.mark.parametrize("text", ["", "[", "[1", "[1,", '[{"a"', "x", "[,]", '[{"a":}]', "[1 2]"])
@pytest.mark.parametrize("pointer", ["", "/0", "/1", "/0/a", "/0/b"])
def test_a_text_that_is_no_json(text, pointer):
    found = replace(text, pointer, "7")
    assert found is None or "7" in found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_any_value_can_be_replaced(data):
    value = data.draw(JSON)
    text = json.dumps(
        value, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans())
    )
    pointer, expected = "", "new"
    path = []
    here = value
    while isinstance(here, dict | list) and here and data.draw(st.booleans()):
        keys = sorted(here) if isinstance(here, dict) else range(len(here))
        path.append(data.draw(st.sampled_from(keys)))
        here = here[path[-1]]
    if path:
        expected = json.loads(text)
        inner = expected
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = "new"
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    assert json.loads(replace(text, pointer, '"new"')) == expected
