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
from tests.rules.sessions import BOOT_16, NOW, ask, closed, judged, opened, serious

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


ODD = [
    *[
        "10",
        "-1",
        "1e308",
        "1e999",
        "nan",
        "9" * 5_000,
        10**30,
        -(10**30),
        1e308,
        -1e308,
        5e-324,
        2**63,
        -(2**63),
    ],
    *[None, True, "", [], {}, [[]], [{}], {"a": {}}, "Accepted", "Ended", "\x00"],
    *[
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
]


def odd_here_and_there(value, by, share):
    """What a payload would be if a station wrote nonsense into some of its fields."""
    if by.random() < share:
        return by.choice(ODD)
    if type(value) is dict:
        return {name: odd_here_and_there(one, by, share) for name, one in value.items()}
    if type(value) is list:
        return [odd_here_and_there(one, by, share) for one in value]
    return value[:40] if type(value) is str else value


@pytest.mark.parametrize("version", BY_SENDER)
@pytest.mark.parametrize("seed", range(4))
def test_odd_values_in_payloads_of_every_action(version, seed):
    by = random.Random(seed)
    calls = [
        (action, SIDES[direction])
        for direction, actions in BY_SENDER[version].items()
        for action in sorted(actions)
    ]
    pieces = []
    for number in range(300):
        action, side = by.choice(calls)
        full = by.random() < 0.6
        said = [odd_here_and_there(shaped(version, kind, action, full=full), by, 0.04) for kind in (2, 3)]
        pieces += [ask(str(number), action, *said, side), by.choice(["+0.1s", "+20s", "+400s"])]
        if by.random() < 0.02:
            pieces += [closed(), "+30s", opened(late=by.random() < 0.2)]
    assert judged(pieces, version=version, profile="strict")


@pytest.mark.parametrize("odd", [[], {}, 10**30])
def test_values_that_no_set_can_hold(odd):
    """Each where a rule looks whether it is one of several."""
    event = {"eventType": "Started", "timestamp": NOW, "triggerReason": "Authorized", "seqNo": 0}
    token = {"idToken": "04A1", "type": odd}
    sample = {"value": 9, "measurand": odd, "phase": odd, "context": odd, "location": odd}
    event |= {"transactionInfo": {"transactionId": "T", "chargingState": odd}, "idToken": token}
    event |= {"numberOfPhasesUsed": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [sample]}]}
    booted = {"reason": odd, "chargingStation": {"vendorName": "V", "model": "M"}}
    accepted = {"status": "Accepted", "currentTime": NOW, "interval": 300}
    pieces = [
        ask("e", "SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": NOW}),
        ask("b", "BootNotification", booted, accepted),
        ask("a", "Authorize", {"idToken": token}, {"idTokenInfo": {"status": "Unknown"}}),
        ask("t", "TransactionEvent", event, {"idTokenInfo": {"status": "Unknown"}}),
        ask("u", "TransactionEvent", event | {"eventType": odd, "triggerReason": odd, "seqNo": 1}),
    ]
    assert judged(pieces, version="2.1")


def test_thousands_of_connectors():
    pieces = []
    for number in range(1, 2_500):
        place = {"connectorId": number, "timestamp": NOW}
        pieces += ask(
            f"s{number}", "StatusNotification", place | {"errorCode": "NoError", "status": "Available"}
        )
        pieces += ask(
            f"b{number}",
            "StartTransaction",
            place | {"idTag": f"A{number}", "meterStart": 0},
            {"transactionId": number, "idTagInfo": {"status": "Accepted"}},
        )
    assert judged(BOOT_16, pieces)


def test_there_are_rules():
    assert len(RULES) > 250
