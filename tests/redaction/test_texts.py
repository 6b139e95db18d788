"""Texts of any kind come through with their length, and JSON with its form."""

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import Message
from ocppscope.redaction import Options
from ocppscope.redaction.needles import Needles
from ocppscope.redaction.pseudonyms import Pseudonyms
from ocppscope.redaction.scan import percent_decoded, percent_respelt, respelt, scan, unescaped
from ocppscope.redaction.texts import Texts, find
from tests.redaction import Story, redacted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(
        st.sampled_from("idTag key value password data type x".split()) | st.text(max_size=5),
        below,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def through(text):
    """A text after both passes."""
    found = {value: kind for kind, value in find(text, Options()) if value}
    pseudonyms = Pseudonyms("test")
    pseudonyms.assign((kind, value) for value, kind in found.items())
    return Texts(Needles([(kind, value) for value, kind in found.items()], pseudonyms), Options()).message(
        text
    )


def shape(value):
    if isinstance(value, dict):
        return {"n": len(value), "of": [shape(below) for below in value.values()]}
    if isinstance(value, list):
        return [shape(below) for below in value]
    return len(value) if isinstance(value, str) else type(value)


@settings(max_examples=200)
@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_json_stays_json_of_the_same_form(value, indent, escapes):
    text = json.dumps([2, "1", "DataTransfer", value], indent=indent, ensure_ascii=escapes)
    assert shape(json.loads(through(text))) == shape(json.loads(text))


@settings(max_examples=300)
@given(st.text(st.sampled_from('{}[]":,\\ua0dD8 é𝒳7idTagpin\n'), max_size=60))
def test_any_text_comes_through(text):
    through(text)
    for node in scan(text):
        assert 0 <= node.start <= node.end <= len(text)


@given(st.text(max_size=30))
def test_escapes_are_read_as_json_reads_them(text):
    raw = json.dumps(text)[1:-1]
    assert unescaped(raw) == text
    assert respelt(raw, text) == raw
    assert len(respelt(raw, "z" * len(text))) <= len(raw)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_percents_stay_percents(text):
    raw = quote(text, safe="")
    assert percent_decoded(raw) == text
    assert percent_respelt(raw, text) == raw


def test_a_text_that_has_become_shorter_is_spelt_anew():
    assert json.loads(f'"{respelt(chr(92) + chr(34) + "a", "*")}"') == "*"
    assert respelt("\\u00e9\\n", "é") == "\\u00e9"
    assert percent_respelt("%C3%A9%20a", "é") == "%C3%A9"


ODD = st.text(st.sampled_from('aB9"\\\né\U0001f600/%&< ßΩ=+{|'), min_size=1, max_size=12)
"""Characters that are spelt in more than one way."""


@given(ODD, st.lists(st.sampled_from(["json", "percent", "base64", "hex", "text"]), max_size=4))
def test_no_secret_is_too_odd_to_be_removed(secret, layers):
    text = json.dumps({"password": secret, "x": 1})
    for layer in layers:
        if layer == "json":
            text = json.dumps({"in": text}, ensure_ascii=len(secret) % 2 == 0)
        elif layer == "percent":
            text = quote(text)
        elif layer == "base64":
            text = base64.b64encode(text.encode()).decode()
        elif layer == "hex":
            text = text.encode().hex()
        else:
            text = f"note\n{text} ends"
    events = Story().say([2, "1", "DataTransfer", {"vendorId": "v", "data": text}]).events
    (message,) = [one for one in redacted(events) if isinstance(one, Message)]
    said = message.raw
    for _ in range(12):
        assert len(secret) < 6 or secret not in said
        said = unescaped(said)


LONG = {
    "words": "password" * 50_000, "names": "a=" * 100_000, "depth": '{"a":' * 50_000, "mail": "x." * 100_000 + "@",
    "base64": "AAAA" * 100_000, "escapes": '"\\' * 100_000, "der": "MII" * 100_000, "colons": ":0" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_no_long_time(name):
    start = time.process_time()
    through(f'[2,"1","DataTransfer",{{"data":{json.dumps(LONG[name])}}}]')
    assert time.process_time() - start < 4
