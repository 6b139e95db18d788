import pytest

from ocppscope.ocpp.paths import values_at


@pytest.mark.parametrize(
    ("payload", "path", "values"),
    [
        ({"a": 1}, ("a",), [1]),
        ({}, ("a",), []),
        ({"a": {"b": 2}}, ("a", "b"), [2]),
        ({"a": [{"b": 1}, {}, {"b": 2}, 5]}, ("a", "*", "b"), [1, 2]),
        ({"a": [[1], [2, 3]]}, ("a", "*", "*"), [1, 2, 3]),
        ({"a": 5}, ("a", "*", "b"), []),
        ([], ("a",), []),
        (None, ("a",), []),
        (7, (), [7]),
    ],
)
def test_values_at(payload, path, values):
    assert list(values_at(payload, path)) == values
