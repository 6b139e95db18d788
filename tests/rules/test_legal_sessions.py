"""Random legal sessions give no error and no warning, and no payload makes a rule raise."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.ocpp.actions import BY_SENDER
from ocppscope.ocpp.schemas import schema
from ocppscope.rules.registry import RULES
from tests.ocpp.payloads import payload_of
from tests.rules.legal import Station, Station2X, Station16, Station21, happenings
from tests.rules.sessions import ask, judged, serious

SIDES = {FROM_STATION: ">", FROM_CSMS: "<"}
STATIONS = [Station16, Station2X, Station21]


def findings(station: Station) -> list[str]:
    found = judged(station.pieces, version=station.version)
    return [f"{one.rule.id}: {one.detail}" for one in found if one.rule.id in serious([one])]


@pytest.mark.parametrize("kind", STATIONS)
def test_everything_that_can_happen_happens_once(kind):
    station = kind()
    for name in happenings(kind):
        getattr(station, name)()
    assert findings(station) == []


@pytest.mark.parametrize("kind", STATIONS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_random_legal_sessions(kind, data):
    station = kind()
    names = data.draw(st.lists(st.sampled_from(happenings(kind)), max_size=25))
    for name in names:
        getattr(station, name)()
    station.wait(2_000)
    assert findings(station) == []


def shaped(version, kind, action, *, full):
    found = schema(version, kind, action)
    return {} if found is None else payload_of(found, found, full)


@pytest.mark.parametrize("version", BY_SENDER)
@pytest.mark.parametrize("seed", range(3))
def test_payloads_of_every_action_in_any_order(version, seed):
    """Shaped by their schemas, and without sense: found is what is to be found, and nothing raises."""
    calls = [
        (action, SIDES[direction], full)
        for direction, actions in BY_SENDER[version].items()
        for action in sorted(actions)
        for full in (False, True)
    ]
    random.Random(seed).shuffle(calls)
    pieces = [
        (ask(f"{n}", action, *(shaped(version, kind, action, full=full) for kind in (2, 3)), side), "+20s")
        for n, (action, side, full) in enumerate(calls)
    ]
    assert judged(pieces, version=version)


def test_there_are_rules():
    assert len(RULES) > 250
