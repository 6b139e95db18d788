import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_2X,
    CURRENT,
    JSON,
    ask,
    call,
    case,
    closed,
    findings_of,
    gap,
    judged,
    opened,
    result,
    stamp,
)

E, W, I = "error", "warning", "info"
V2 = {"version": "2.0.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})


def reserve(status="Accepted", expiry=600, identity=3, connector=1, **changes):
    asked = {"connectorId": connector, "expiryDate": stamp(expiry), "idTag": "A", "reservationId": identity}
    return ask("r", "ReserveNow", asked | changes, {"status": status}, "<")


def reserve_2x(status="Accepted", expiry=600, **changes):
    asked = {
        "id": 3,
        "expiryDateTime": stamp(expiry),
        "idToken": {"idToken": "A", "type": "ISO14443"},
        "evseId": 1,
    }
    return ask("r", "ReserveNow", asked | changes, {"status": status}, "<")


def cancel(status="Accepted", identity=3, message_id="c"):
    return ask(message_id, "CancelReservation", {"reservationId": identity}, {"status": status}, "<")


def connector(value, message_id="st"):
    asked = {"connectorId": 1, "errorCode": "NoError", "status": value, "timestamp": CURRENT}
    return ask(message_id, "StatusNotification", asked)


def connector_2x(value, message_id="st"):
    asked = {"timestamp": CURRENT, "connectorStatus": value, "evseId": 1, "connectorId": 1}
    return ask(message_id, "StatusNotification", asked)


def start(tag="A", told=CURRENT, **changes):
    asked = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": told}
    answer = {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}
    return ask("s", "StartTransaction", asked | changes, answer)


def started_2x(token="A"):
    asked = {
        "eventType": "Started",
        "timestamp": CURRENT,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": token, "type": "ISO14443"},
        "reservationId": 3,
    }
    return ask("e", "TransactionEvent", asked, {"idTokenInfo": {"status": "Accepted"}})


def update(status="Expired"):
    return ask("u", "ReservationStatusUpdate", {"reservationId": 3, "reservationUpdateStatus": status})


def authorize(tag, group):
    info = {"status": "Accepted", "parentIdTag": group}
    return ask("a", "Authorize", {"idTag": tag}, {"idTagInfo": info})


AVAILABLE, RESERVED = connector("Available"), connector("Reserved", "st2")
AVAILABLE_2X, RESERVED_2X = connector_2x("Available"), connector_2x("Reserved", "st2")

CASES = [
    case("RES-001", [reserve(), cancel("Rejected")], [reserve(), cancel()], E, about="a live one"),
    case(
        "RES-001",
        [reserve(), cancel(), cancel(message_id="d")],
        [reserve(), cancel(), cancel("Rejected", message_id="d")],
        E,
        about="one that has ended",
    ),
    case(
        "RES-001",
        [reserve_2x(), update("Removed"), cancel()],
        [reserve_2x(), update("Removed"), cancel("Rejected")],
        E,
        about="one that was removed",
        **V2,
    ),
    case(
        "RES-002",
        [connector("Charging"), reserve()],
        [connector("Charging"), reserve("Occupied")],
        W,
        subject="connector 1",
    ),
    case(
        "RES-002",
        [AVAILABLE, reserve(), "+70s", BEAT],
        [AVAILABLE, reserve(), "+1s", RESERVED, "+69s", BEAT],
        W,
        about="not told",
    ),
    case(
        "RES-003",
        [AVAILABLE_2X, reserve_2x(), "+70s", BEAT],
        [AVAILABLE_2X, reserve_2x(), "+1s", RESERVED_2X, "+69s", BEAT],
        E,
        **V2,
    ),
    case(
        "RES-004",
        [reserve_2x(), "+730s", BEAT],
        [reserve_2x(), "+600s", update(), "+130s", BEAT],
        E,
        **V2,
    ),
    case(
        "RES-005",
        [AVAILABLE_2X, reserve_2x(), RESERVED_2X, connector_2x("Faulted", "st3"), "+70s", BEAT],
        [
            AVAILABLE_2X,
            reserve_2x(),
            RESERVED_2X,
            connector_2x("Faulted", "st3"),
            update("Removed"),
            "+70s",
            BEAT,
        ],
        E,
        **V2,
    ),
    case(
        "RES-006",
        [AVAILABLE, reserve(), RESERVED, "+730s", BEAT],
        [AVAILABLE, reserve(), RESERVED, "+600s", connector("Available", "st3"), "+130s", BEAT],
        E,
    ),
    case("RES-007", [reserve(), start("B")], [reserve(), start("a", reservationId=3)], E),
    case(
        "RES-007",
        [reserve(parentIdTag="G"), authorize("B", "H"), start("B")],
        [reserve(parentIdTag="G"), authorize("B", "G"), start("B", reservationId=3)],
        E,
        about="of another group",
    ),
    case("RES-007", [reserve_2x(), started_2x("B")], [reserve_2x(), started_2x("A")], E, **V2),
    case("RES-008", reserve(expiry=-90), reserve("Rejected", expiry=90), W),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_reservation_from_before_the_capture_is_not_known():
    assert not judged(cancel(), cancel("Rejected", message_id="d"), only=["RES-001"])


def test_a_reservation_that_is_used_while_it_is_cancelled():
    crossing = [
        reserve(),
        f"< {call('c', 'CancelReservation', {'reservationId': 3})}",
        start(reservationId=3),
        f"> {result('c', {'status': 'Accepted'})}",
    ]
    assert not judged(crossing, only=["RES-001"])


def test_a_start_that_was_queued_before_the_reservation():
    assert not judged("+60s", reserve(), start("B", told=stamp(-10)), only=["RES-007"])


def test_a_reservation_that_a_reboot_has_ended():
    assert not judged(reserve(), RESERVED, connector("Available", "st3"), start("B"), only=["RES-007"])


def test_a_group_that_only_the_station_knows():
    assert not judged(reserve(parentIdTag="G"), start("B"), only=["RES-007"])


def test_a_fault_of_one_connector_leaves_the_evse_usable():
    other = ask(
        "o",
        "StatusNotification",
        {"timestamp": CURRENT, "connectorStatus": "Available", "evseId": 1, "connectorId": 2},
    )
    pieces = [AVAILABLE_2X, other, reserve_2x(), RESERVED_2X, connector_2x("Faulted", "st3"), "+70s", BEAT]
    assert not judged(pieces, only=["RES-005"], **V2)


def test_lost_bytes_may_have_held_what_is_missing():
    for rule, pieces, version in (
        ("RES-002", [AVAILABLE, reserve(), gap(), "+70s", BEAT], "1.6"),
        ("RES-003", [AVAILABLE_2X, reserve_2x(), gap(), "+70s", BEAT], "2.0.1"),
        ("RES-004", [reserve_2x(), gap(), "+730s", BEAT], "2.0.1"),
        ("RES-006", [AVAILABLE, reserve(), RESERVED, gap(), "+730s", BEAT], "1.6"),
    ):
        assert rule not in findings_of(pieces, version=version)


@pytest.mark.parametrize(
    "legal",
    [
        # It is offline at that time.
        [
            AVAILABLE_2X,
            reserve_2x(),
            RESERVED_2X,
            closed(),
            "+900s",
            opened(),
            connector_2x("Available", "st9"),
        ],
        # It has rebooted.
        [reserve_2x(), closed(), "+60s", opened(), BOOT_2X, connector_2x("Available", "st9")],
        # It was used, and TX2-019 tells that it is not named.
        [reserve_2x(), started_2x()],
        # It may have been cancelled.
        [reserve_2x(), f"< {call('c', 'CancelReservation', {'reservationId': 3})}", closed(), opened()],
    ],
)
def test_reservations_whose_expiry_need_not_be_told(legal):
    assert not judged(legal, "+800s", BEAT, only=["RES-004"], **V2)


def test_an_evse_that_stays_reserved():
    told = [AVAILABLE_2X, reserve_2x(), RESERVED_2X, "+600s", update()]
    assert judged(told, "+130s", BEAT, only=["RES-004"], **V2)
    assert not judged(told, connector_2x("Available", "st9"), "+130s", BEAT, only=["RES-004"], **V2)


NAMES = st.sampled_from(
    "idTag connectorId evse evseId reservationId id idToken parentIdTag expiryDate status connectorStatus".split()
)


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    reservation = {"1.6": reserve(), "2.0.1": reserve_2x()}
    for version, known in reservation.items():
        odd = [ask(action, action, asked, answer, "<") for action in ("ReserveNow", "CancelReservation")]
        odd += [
            ask(action, action, asked, answer)
            for action in "StartTransaction TransactionEvent StatusNotification NotifyEvent".split()
        ]
        judged(odd, known, odd, "+900s", BEAT, version=version)


def test_clocks_differ():
    """RES-008: a few seconds, and a capture whose clock is hours ahead of both sides'."""
    told_time = ask("b", "Heartbeat", {}, {"currentTime": stamp(-7200)})
    assert not judged(reserve(expiry=-5), only=["RES-008"])
    assert not judged(told_time, reserve(expiry=600 - 7200), only=["RES-008"])
    assert judged(told_time, reserve(expiry=-7200 - 600), only=["RES-008"])
