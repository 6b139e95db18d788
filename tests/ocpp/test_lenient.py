import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, fields, finite, identifier, items, text, told, whole
from tests.rules.sessions import NOW, START

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A", "A"),
        ("", None),
        (1, None),
        (None, None),
        ([], None),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, None),
    ],
)
def test_text(value, expected):
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(7, "7"), (-1, "-1"), ("T", "T"), (True, None), (1.0, None), (1 << 70, None)]
)
def test_identifiers(value, expected):
    assert identifier(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (-7, -7),
        (7.0, 7),
        (7.6, 8),
        ("1234", 1234),
        ("1234.5678", 1235),
        ("", None),
        ("many", None),
        ("nan", None),
        ("inf", None),
        (float("inf"), None),
        (True, None),
        (None, None),
        ({}, None),
        (1 << 63, None),
        (1e300, None),
        ((1 << 63) - 1, (1 << 63) - 1),
    ],
)
def test_whole_numbers(value, expected):
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(7, 7), (-0.5, -0.5), ("12.5", 12.5), (" 5 ", 5), ("1e3", 1000)]
)
def test_finite_numbers(value, expected):
    assert finite(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", "1,5", "nan", "inf", "1e999", float("nan"), 10**400, True, None, [], {}],
    ids=lambda value: repr(value)[:9],
)
def test_what_is_no_finite_number(value):
    with pytest.raises(NOT_AS_EXPECTED):
        finite(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOW, START),
        ("2026-11-22T11:15:00+01:00", START),
        ("2026-11-22T10:15:00", START),
        ("1970-01-01T00:00:12Z", None),  # a clock that was never set
        ("9999-12-31T23:59:59Z", None),  # more nanoseconds than 64 bits hold
        ("0001-01-01T00:00:00Z", None),
        ("now", None),
        (12, None),
        (None, None),
        ([NOW], None),
    ],
)
def test_times(value, expected):
    assert told(value) == expected


@given(JSON)
def test_any_value(value):
    for read in (text, identifier, whole, told, fields, items):
        read(value)
    assert isinstance(fields(value), dict)
    assert isinstance(items(value), list)
