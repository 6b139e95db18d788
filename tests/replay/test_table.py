"""The table of living values against the schemas of all versions."""

import re

import pytest

from ocppscope.events import CALL, CALLERROR
from ocppscope.ocpp.versions import JUDGED
from ocppscope.replay.comparing import pattern
from ocppscope.replay.table import Living, fields, tables, tree, volatile
from tests.replay.walking import places

LIKE_AN_ID = re.compile(
    r"(id|ID|Id|ids|Ids|IDs|[sS]eqNo|Tag|Token|Tokens|Number|Ref|cause|Identifier|Version)$"
)
HOLDS_NOTHING = ("object", "array")


def names(place):
    return [part for part in place.split("/")[1:] if part != "*"]


def is_excused(place):
    parts = names(place)
    excused = tables()["not-living"]
    return parts[-1] in excused or "/".join(parts[-2:]) in excused


@pytest.mark.parametrize("version", JUDGED)
def test_no_field_that_looks_like_an_id_is_forgotten(version):
    living = fields(version)
    forgotten = [
        place
        for place, node in places(version)
        if LIKE_AN_ID.search(names(place)[-1])
        and node.get("type") not in HOLDS_NOTHING
        and "enum" not in node
        and place not in living
        and not is_excused(place)
    ]
    assert forgotten == []


@pytest.mark.parametrize("version", JUDGED)
def test_every_row_is_a_scalar_field_of_its_version(version):
    known = {place: node for place, node in places(version) if node.get("type") not in HOLDS_NOTHING}
    assert set(fields(version)) <= set(known)


@pytest.mark.parametrize("version", JUDGED)
def test_no_row_stands_in_two_places(version):
    rows = [
        place
        for name in (("1.6",) if version == "1.6" else ("2.x", "2.1"))
        for kind in tables()["living"][name].values()
        for place in (*kind.get("new", ()), *kind.get("seen", ()))
    ]
    assert len(rows) == len(set(rows))
    assert not [place for place in fields(version) if is_excused(place)]


def test_every_excuse_is_needed_and_gives_a_reason():
    ends = {end for version in JUDGED for place, _ in places(version) for end in ends_of(place)}
    for end, reason in tables()["not-living"].items():
        assert end in ends
        assert reason


def ends_of(place):
    parts = names(place)
    return parts[-1], "/".join(parts[-2:])


@pytest.mark.parametrize("version", JUDGED)
def test_every_volatile_pattern_is_a_field(version):
    known = {place.replace(".answer/", "/") for place, _ in places(version)}
    anywhere = {place.partition("/")[2] for place in known}
    for text in volatile(version):
        action, path = pattern(text)
        assert text in known if action else "/".join(path) in anywhere


def test_a_kind_is_coined_by_the_same_side_all_over():
    for names_of in (("1.6",), ("2.x", "2.1")):
        rows = {}
        for name in names_of:
            for kind, row in tables()["living"][name].items():
                rows.setdefault(kind, set()).add((row["by"], row.get("renew", True)))
                assert row["by"] in ("station", "csms", "either")
        assert all(len(ways) == 1 for ways in rows.values())


def test_a_tree_holds_ids_and_times():
    found = tree("1.6", CALL, "StartTransaction")
    assert found["reservationId"] == Living("reservation", "csms", True, False)
    assert found["timestamp"].kind == "time"
    assert tree("2.1", CALL, "ClearTariffs") == {"tariffIds": {"*": Living("tariff", "csms", True, False)}}


@pytest.mark.parametrize(
    ("version", "kind", "action"),
    [
        ("1.6", CALL, "Nonsense"),
        ("1.6", CALL, None),
        ("2.0", CALL, "Reset"),
        ("1.6", CALLERROR, "ReserveNow"),
    ],
)
def test_where_nothing_is_known_nothing_lives(version, kind, action):
    assert tree(version, kind, action) == {}
