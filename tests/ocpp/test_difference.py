"""Structural differences between JSON values."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.difference import Difference, aligned, differences

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5, "", "1", "a/b", "~"])
KEYS = st.sampled_from(["a", "b", "c", "a/b", "~1", ""])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def resolved(value, pointer):
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def told(expected, actual):
    return [(one.pointer, one.detail) for one in differences(expected, actual)]


def shuffled(value):
    """The same with the keys of all objects in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def mirrored(one):
    kind = {"missing": "added", "added": "missing", "changed": "changed"}[one.kind]
    pointer = one.pointer if one.actual_pointer is None else one.actual_pointer
    back = None if one.kind == "added" else one.pointer
    return Difference(pointer, kind, one.actual, one.expected, back)


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value):
    assert differences(value, json.loads(json.dumps(value))) == []
    assert differences(value, shuffled(value)) == []
    assert all(row.kind is None for row in aligned(value, value))


@given(VALUES, VALUES)
def test_the_other_way_round_it_is_the_same(one, other):
    there, back = differences(one, other), differences(other, one)
    assert sorted(map(repr, map(mirrored, there))) == sorted(map(repr, back))


@given(VALUES, VALUES)
def test_every_pointer_leads_to_what_differs(expected, actual):
    for one in differences(expected, actual):
        if one.kind != "added":
            assert resolved(expected, one.pointer) is one.expected
        if one.kind == "added":
            assert one.pointer == one.actual_pointer
        if one.actual_pointer is not None:
            assert resolved(actual, one.actual_pointer) is one.actual
        else:
            assert one.kind == "missing"


@given(VALUES, VALUES)
def test_the_rows_of_a_side_are_its_value(expected, actual):
    rows = aligned(expected, actual)
    for value, texts in ((expected, [row.expected for row in rows]), (actual, [row.actual for row in rows])):
        shown = "".join(text.replace(" ", "") for text in texts if text is not None)
        plain = json.dumps(value, ensure_ascii=False).replace(" ", "").replace(",", "")
        assert sorted(shown) == sorted(plain)


def test_objects_by_name_whatever_the_order():
    assert told({"a": 1, "b": 2, "c": 3}, {"c": 3, "b": 5, "d": 4}) == [
        ("/a", "missing: 1"),
        ("/b", "2 ≠ 5"),
        ("/d", "added: 4"),
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "detail"),
    [
        ("1", 1, '"1" ≠ 1 (type differs: string, number)'),
        (True, 1, "true ≠ 1 (type differs: boolean, number)"),
        (None, {}, "null ≠ {} (type differs: null, object)"),
        ([1], {"a": 1}, "[…] ≠ {…} (type differs: array, object)"),
        ("x" * 99, "y", '"' + "x" * 58 + '… ≠ "y"'),
    ],
)
def test_types(expected, actual, detail):
    assert told(expected, actual) == [("", detail)]


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ([1, [2.0]], [1.0, [2]]), ({"a": 0}, {"a": -0.0})])
def test_numbers_are_equal_by_value(one, other):
    assert differences(one, other) == []


def sampled(measurand, value):
    return {"value": value, "measurand": measurand, "unit": "V" if measurand == "Voltage" else "W"}


def test_an_inserted_item_shifts_nothing():
    before = [sampled("Power.Active.Import", "7000"), sampled("Voltage", "230.1")]
    after = [sampled("Power.Active.Import", "7010"), sampled("SoC", "50"), sampled("Voltage", "229.9")]
    assert told({"sampledValue": before}, {"sampledValue": after}) == [
        ("/sampledValue/0/value", '"7000" ≠ "7010"'),
        ("/sampledValue/1", "added: {…}"),
        ("/sampledValue/1/value", '"230.1" ≠ "229.9"'),
    ]
    last = differences(before, after)[-1]
    assert (last.pointer, last.actual_pointer) == ("/1/value", "/2/value")


def test_rows_stand_beside_each_other():
    rows = aligned({"a": [1], "b": {}}, {"a": [1, {"x": []}], "b": {"y": None}})
    assert [(row.expected, row.actual, row.kind) for row in rows] == [
        ("{", "{", None),
        ('  "a": [', '  "a": [', None),
        ("    1", "    1", None),
        (None, "    {", "added"),
        (None, '      "x": []', "added"),
        (None, "    }", "added"),
        ("  ]", "  ]", None),
        ('  "b": {', '  "b": {', None),
        (None, '    "y": null', "added"),
        ("  }", "  }", None),
        ("}", "}", None),
    ]


def test_what_is_replaced_by_something_of_another_type_is_one_difference():
    rows = aligned({"a": {"x": 1}}, {"a": [2, 3]})
    assert [row.pointer for row in rows if row.difference] == ["/a"]
    assert [(row.expected, row.actual) for row in rows[1:-1]] == [
        ('  "a": {', '  "a": ['),
        ('    "x": 1', None),
        (None, "    2"),
        (None, "    3"),
        ("  }", "  ]"),
    ]
    assert all(row.kind == "changed" for row in rows[1:-1])


def test_deep_values_need_no_stack():
    deep = json.loads("[" * 900 + "1" + "]" * 900)
    other = json.loads("[" * 900 + "2" + "]" * 900)
    (only,) = differences(deep, other)
    assert only.pointer == "/0" * 900
    assert only.detail == "1 ≠ 2"


def test_one_item_of_many_that_is_not_there():
    before = [{"id": n, "attributes": [{"value": str(n)}, {"value": "x"}]} for n in range(3_000)]
    after = json.loads(json.dumps(before))
    after[2_000]["attributes"][1]["value"] = "y"
    del after[1_000], after[7]
    assert told(before, after) == [
        ("/7", "missing: {…}"),
        ("/1000", "missing: {…}"),
        ("/2000/attributes/1/value", '"x" ≠ "y"'),
    ]


def test_large_arrays_take_bounded_time():
    began = time.process_time()
    before = [{"id": n, "value": str(n)} for n in range(20_000)]
    after = [{"id": n + 7, "value": str(n)} for n in range(20_000)]
    assert differences(before, after)
    assert differences(list(range(5_000)), list(range(5_000, 0, -1)))
    assert time.process_time() - began < 10
