import pytest

from ocppscope.ocpp.tunnels import inner


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": 1}, {"a": 1}),
        (' {"a": 1}', {"a": 1}),
        ("[1]", None),
        ("{", None),
        ("", None),
        (5, None),
        (None, None),
        ('{"a":"' + "x" * 100_000 + '"}', None),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, None),
    ],
)
def test_the_object_within(value, found):
    assert inner(value) == found
