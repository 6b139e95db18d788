"""Transactions of OCPP 1.6, and what blocks a station's queue."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.rules.engine import Engine
from ocppscope.rules.tables.transactions import Transactions, learn_start_answer
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    SECOND,
    START,
    ask,
    call,
    case,
    closed,
    decoded,
    error,
    exercises,
    findings_of,
    gap,
    judged,
    opened,
    result,
    serious,
    stamp,
)

E, W, I = "error", "warning", "info"
ACCEPTED = {"status": "Accepted"}
IDS = itertools.count(1)


def status(is_now, connector=1, when=None):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": is_now}
    return ask(f"s{next(IDS)}", "StatusNotification", asked | ({"timestamp": stamp(when)} if when else {}))


def started(at=0, connector=1, meter=100, tag="A", **more):
    return {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": stamp(at)} | more


def given_id(transaction=7, said="Accepted"):
    return {"transactionId": transaction, "idTagInfo": {"status": said}}


def start(at=0, transaction=7, said="Accepted", **more):
    return ask(f"b{next(IDS)}", "StartTransaction", started(at, **more), given_id(transaction, said))


def stopped(at=120, transaction=7, meter=200, **more):
    asked = {"transactionId": transaction, "meterStop": meter, "timestamp": stamp(at)}
    return {key: value for key, value in (asked | {"reason": "Other"} | more).items() if value is not None}


def stop(at=120, transaction=7, meter=200, **more):
    return ask(f"e{next(IDS)}", "StopTransaction", stopped(at, transaction, meter, **more))


def metered(at=60, transaction=7, connector=1, value="150"):
    values = [{"timestamp": stamp(at), "sampledValue": [{"value": value}]}]
    asked = {"connectorId": connector, "meterValue": values}
    return asked if transaction is None else asked | {"transactionId": transaction}


def meter(at=60, transaction=7, connector=1, value="150"):
    return ask(f"m{next(IDS)}", "MeterValues", metered(at, transaction, connector, value))


def refused(action, asked, code="InternalError", message_id=None):
    message_id = message_id or f"x{next(IDS)}"
    return [f"> {call(message_id, action, asked)}", "+0.1s", f"< {error(message_id, code)}"]


def silent(action, asked, message_id=None):
    return [f"> {call(message_id or f'x{next(IDS)}', action, asked)}"]


def sent(action, asked, answer=None):
    return ask(f"x{next(IDS)}", action, asked, answer)


def remote(action, asked, answer=ACCEPTED):
    return ask(f"c{next(IDS)}", action, asked, answer, "<")


def tick():
    def say(script):
        for piece in ask(
            f"h{next(IDS)}", "Heartbeat", {}, {"currentTime": stamp((script.now - START) / SECOND)}
        ):
            script.say(piece)

    return say


def keys(**values):
    told = [{"key": key, "readonly": False, "value": str(value)} for key, value in values.items()]
    return remote("GetConfiguration", {}, {"configurationKey": told})


def boot(at=0):
    answer = ACCEPTED | {"currentTime": stamp(at), "interval": 300}
    return ask(
        f"boot{next(IDS)}", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, answer
    )


def unlock(connector):
    return remote("UnlockConnector", {"connectorId": connector}, {"status": "Unlocked"})


def reserve(connector=1, tag="A", until=600, number=5):
    asked = {"connectorId": connector, "expiryDate": stamp(until), "idTag": tag, "reservationId": number}
    return remote("ReserveNow", asked)


FRESH = [BOOT_16, status("Available", 0), status("Available")]
"""A station that has nothing of before the capture."""
RUNNING = [start(), "+120s"]
AGAIN = stopped()
RETRY_KEYS = keys(TransactionMessageAttempts=3, TransactionMessageRetryInterval=60)
CHARGING = [status("Preparing"), start(), status("Charging"), "+120s"]
BUSY = {"MV-001", "MV-002", "MV-004", "TIME-004", "RPC-010", "RPC-012", "RPC-016"}


CASES = [
    case("TX16-001", start(connector=0), start(connector=1), E, also=["CON-001"]),
    case(
        "TX16-002",
        [FRESH, RUNNING, stop(transaction=8)],
        [FRESH, RUNNING, stop(transaction=7)],
        E,
    ),
    case(
        "TX16-002",
        [FRESH, RUNNING, stop(transaction=0)],
        [FRESH, refused("StartTransaction", started()), "+120s", stop(transaction=-1)],
        E,
        about="0 where none was given",
        also=["TX16-021"],
    ),
    case(
        "TX16-003",
        [RUNNING, stop(), "+9s", stop(129)],
        [RUNNING, stop(), start(130, 8, meter=200), "+120s", stop(250, 8, 300)],
        E,
        subject="another",
    ),
    case(
        "TX16-003",
        [RUNNING, sent("StopTransaction", AGAIN), "+9s", sent("StopTransaction", AGAIN)],
        [RUNNING, sent("StopTransaction", AGAIN)],
        I,
        about="the same again",
        subject="the same",
    ),
    case(
        "TX16-003",
        [RUNNING, silent("StopTransaction", stopped()), "+40s", stop(reason="PowerLoss")],
        [RUNNING, stop(reason="PowerLoss")],
        W,
        about="the first was not confirmed",
    ),
    case(
        "TX16-004",
        [RUNNING, start(120, 8)],
        [RUNNING, stop(), start(120, 8, meter=200)],
        W,
        subject="connector 1",
        events=[2, 4],
    ),
    case(
        "TX16-004",
        [RUNNING, start(120, 8)],
        [RUNNING, start(120, 8, connector=2)],
        W,
        about="another connector",
    ),
    case(
        "TX16-005",
        [start(), "+60s", closed(), "+60s", opened(), boot(120), status("Available"), "+400s", tick()],
        [start(), "+60s", closed(), "+60s", opened(), boot(120), status("Available"),
         stop(60, reason="PowerLoss"), "+400s", tick()],
        W,
        about="after a boot",
        subject="connector 1",
        also=["BOOT-011"],
    ),
    case(
        "TX16-005",
        [CHARGING, status("Available"), "+400s"],
        [CHARGING, stop(reason="EVDisconnected"), status("Available"), "+400s"],
        W,
        about="at the end of the capture, though the connector is available",
    ),
    case("TX16-005", [RUNNING], [RUNNING, stop()], I, about="at the end of the capture"),
    case(
        "TX16-006",
        [RUNNING, stop(), start(130, 7, meter=200)],
        [RUNNING, stop(), start(130, 8, meter=200)],
        E,
        subject="transaction 7",
    ),
    case(
        "TX16-006",
        [start(), start(0, 7, connector=2)],
        [start(), sent("StartTransaction", started(), given_id())],
        E,
        about="a start that is sent again keeps its id",
    ),
    case("TX16-007", start(transaction=0), start(transaction=1), W, subject="0"),
    case("TX16-007", start(transaction=-1), start(transaction=1), W),
    case(
        "TX16-007",
        start(transaction=0, said="Invalid"),
        start(transaction=4, said="Invalid"),
        W,
        I,
        about="of a refused start",
    ),
    case(
        "TX16-008",
        [refused("StartTransaction", started(), "GenericError"), "+120s", stop(transaction=-1)],
        [start(), "+120s", stop()],
        I,
        about="stop",
        events=[2, 3, 4],
    ),
    case("TX16-008", [start(), "+60s", meter(transaction=0)], [start(), "+60s", meter()], I, about="values"),
    case("TX16-008", ["+60s", meter(transaction=-1)], ["+60s", meter(transaction=None)], I, about="none runs"),
    case("TX16-009", [RUNNING, stop(meter=99)], [RUNNING, stop(meter=100)], E, subject="connector 1"),
    case(
        "TX16-010",
        [RUNNING, stop(), start(120, 8, meter=199)],
        [RUNNING, stop(), start(120, 8, meter=200)],
        W,
        I,
        subject="connector 1",
    ),
    case(
        "TX16-010",
        [RUNNING, stop(), start(120, 8, meter=0)],
        [RUNNING, stop(), start(120, 8, meter=0, connector=2)],
        W,
        I,
        about="another connector",
    ),
    case("TX16-011", [start(60), "+120s", stop(59)], [start(60), "+120s", stop(60)], W, events=[2, 4]),
    case(
        "TX16-012",
        [RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}), "+1s", stop(121, reason="Local", idTag="A")],
        [RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}), "+1s", stop(121, reason="Remote")],
        W,
        about="remote stop",
        subject="a RemoteStopTransaction",
    ),
    case(
        "TX16-012",
        [RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}), "+1s", stop(121, reason=None)],
        [RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}), "+1s", stop(121, reason="EVDisconnected")],
        W,
        about="no reason",
    ),
    case(
        "TX16-012",
        [RUNNING, remote("Reset", {"type": "Soft"}), "+1s", stop(121, reason="HardReset")],
        [RUNNING, remote("Reset", {"type": "Soft"}), "+1s", stop(121, reason="SoftReset")],
        W,
        about="soft reset",
    ),
    case(
        "TX16-012",
        [RUNNING, remote("Reset", {"type": "Hard"}), "+1s", stop(121, reason="Remote")],
        [RUNNING, remote("Reset", {"type": "Hard"}), "+1s", stop(121, reason="HardReset")],
        W,
        about="hard reset",
    ),
    case(
        "TX16-012",
        [RUNNING, unlock(1), stop(reason="Local", idTag="A")],
        [RUNNING, unlock(1), stop(reason="UnlockCommand")],
        W,
        about="unlock",
    ),
    case(
        "TX16-012",
        [RUNNING, unlock(1), stop(reason="Local", idTag="A")],
        [RUNNING, unlock(2), stop(reason="Local", idTag="A")],
        W,
        about="unlock of another connector",
    ),
    case(
        "TX16-012",
        [start(said="Invalid"), "+5s", stop(5, reason="Local", idTag="A")],
        [start(said="Invalid"), "+5s", stop(5, reason="DeAuthorized")],
        W,
        about="refused start",
    ),
    case("TX16-013", [RUNNING, stop(reason=None)], [RUNNING, stop(reason="Remote")], I),
    case(
        "TX16-014",
        [RUNNING, stop(reason="Local")],
        [RUNNING, stop(reason="Local", idTag="A")],
        W,
        I,
    ),
    case(
        "TX16-015",
        [reserve(), status("Reserved"), "+60s", status("Preparing"), start(60)],
        [reserve(), status("Reserved"), "+60s", status("Preparing"), start(60, reservationId=5)],
        E,
        subject="reservation 5",
    ),
    case(
        "TX16-015",
        [reserve(connector=0), "+60s", start(60)],
        [reserve(connector=0), "+60s", start(60, tag="B")],
        W,
        about="anywhere",
    ),
    case(
        "TX16-016",
        [RETRY_KEYS, RUNNING, refused("StopTransaction", AGAIN), "+10s", sent("StopTransaction", AGAIN)],
        [RETRY_KEYS, RUNNING, refused("StopTransaction", AGAIN), "+60s", sent("StopTransaction", AGAIN)],
        W,
        about="too soon",
        subject="sooner",
        also=["TX16-021"],
    ),
    case(
        "TX16-016",
        [RETRY_KEYS, RUNNING, refused("StopTransaction", AGAIN), "+600s", sent("StopTransaction", AGAIN)],
        [RUNNING, refused("StopTransaction", AGAIN), "+600s", sent("StopTransaction", AGAIN)],
        W,
        about="too late, and nothing known of the interval",
        subject="later",
        also=["TX16-021"],
    ),
    case(
        "TX16-016",
        [keys(TransactionMessageAttempts=1), RUNNING,
         *[[refused("StopTransaction", AGAIN), "+60s"] for _ in range(3)]],
        [keys(TransactionMessageAttempts=2), RUNNING, refused("StopTransaction", AGAIN), "+60s",
         sent("StopTransaction", AGAIN)],
        W,
        about="too often",
        subject="attempts",
        also=["TX16-021"],
    ),
    case(
        "TX16-017",
        [RUNNING, refused("StopTransaction", AGAIN), start(125, 8, connector=2), "+60s",
         sent("StopTransaction", AGAIN)],
        [RUNNING, refused("StopTransaction", AGAIN), "+60s", sent("StopTransaction", AGAIN),
         start(125, 8, connector=2)],
        E,
        about="a newer one was sent before",
        subject="overtaken",
        also=["TX16-021"],
    ),
    case(
        "TX16-017",
        [RUNNING, silent("MeterValues", metered(120)), stop()],
        [RUNNING, silent("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"}),
         stop()],
        W,
        about="at once",
        subject="at once",
        also=["RPC-008"],
    ),
    case(
        "TX16-017",
        [RUNNING, meter(120), start(20, 8, connector=2)],
        [RUNNING, meter(120), start(90, 8, connector=2)],
        W,
        about="timestamps",
        subject="timestamps",
        also=BUSY,
    ),
    case("TX16-018", [start(), "+50s", stop(50)], [start(), "+60s", stop(60)], I, subject="short"),
    case("TX16-018", [start(), "+90000s", stop(90000)], [start(), "+86000s", stop(86000)], I, subject="long"),
    case("TX16-019", [CHARGING, stop(meter=100)], [CHARGING, stop(meter=101), status("Finishing")], I, about="nothing"),
    case("TX16-019", [RUNNING, stop(meter=100_000)], [RUNNING, stop(meter=10_100)], I, about="power"),
    case(
        "TX16-020",
        [CHARGING, stop(), "+90s", tick()],
        [CHARGING, stop(), "+5s", status("Finishing"), "+90s", tick()],
        W,
        subject="connector 1",
    ),
    case(
        "TX16-021",
        [RUNNING, refused("StopTransaction", AGAIN, "PropertyConstraintViolation")],
        [RUNNING, refused("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"})],
        W,
    ),
    case("TX16-022", ["+7200s", start(0)], ["+60s", start(0)], I),
    case(
        "TX16-023",
        [RUNNING, *[[refused("StopTransaction", AGAIN), "+10s"] for _ in range(5)]],
        [RUNNING, refused("StopTransaction", AGAIN), "+10s", sent("StopTransaction", AGAIN)],
        W,
        count=3,
        also=["TX16-021"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


# --- legal, though it looks odd -----------------------------------------------------------------------------

BACK = [closed(), "+30s", opened()]
LEGAL = {
    "offline: what was queued comes in its order, and late": [
        FRESH, start(), "+60s", closed(), "+7200s", opened(),
        meter(60), stop(120), start(200, 8, meter=200), stop(900, 8, meter=900), start(3600, 9, meter=900),
        meter(3660, 9, value="950"),
    ],
    "no answer before the connection broke: sent again after it": [
        RUNNING, silent("StopTransaction", AGAIN), BACK, sent("StopTransaction", AGAIN),
        start(160, 8, meter=200),
    ],
    "the start comes again under a new id, and gets the same transactionId": [
        sent("StartTransaction", started(), given_id()), BACK, sent("StartTransaction", started(), given_id()),
        "+90s", stop(),
    ],
    "the start comes again with a clock that was set meanwhile": [
        silent("StartTransaction", started(-30)), BACK, start(0), "+90s", stop(),
    ],
    "two connectors": [
        start(0, 1), start(0, 2, connector=2), "+60s", meter(60, 1), meter(60, 2, connector=2), "+60s",
        stop(120, 1), stop(120, 2),
    ],
    "a stop at the station that a RemoteStop crosses": [
        RUNNING, f"< {call('c', 'RemoteStopTransaction', {'transactionId': 7})}",
        f"> {call('e', 'StopTransaction', stopped(reason='Local', idTag='A'))}",
        f"> {result('c', {'status': 'Rejected'})}", f"< {result('e', {})}",
    ],
    "a RemoteStop long ago, of which nothing came": [
        RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}), "+90s",
        stop(210, reason="Local", idTag="A"),
    ],
    "a RemoteStop of another transaction": [
        RUNNING, remote("RemoteStopTransaction", {"transactionId": 8}, {"status": "Rejected"}),
        stop(reason="Local", idTag="A"),
    ],
    "the station goes on with a transaction after a reboot": [
        RUNNING, closed(), "+30s", opened(), boot(150), status("Charging"), status("Available", 0), "+400s",
        meter(550, value="170"), "+60s", stop(610),
    ],
    "the stop of a transaction that ran when the power failed": [
        FRESH, RUNNING, BACK, boot(150), status("Available", 0), status("Available"), stop(reason="PowerLoss"), "+400s",
        tick(),
    ],
    "a transaction that ran before the capture": [FRESH, "+60s", stop(60, 3), start(70, 4), "+80s", stop(150, 4)],
    "-1, where the start was refused": [
        refused("StartTransaction", started(), "InternalError"), "+60s", meter(60, -1), "+60s", stop(transaction=-1),
        stop(transaction=-1),
    ],
    "a refused start that the station stops": [start(said="Invalid"), "+2s", stop(2, reason="DeAuthorized", meter=100)],
    "the same id given to one start three times": [start(), *[sent("StartTransaction", started(), given_id())] * 2],
    "the reservation has expired": [reserve(until=30), "+60s", start(60)],
    "the reservation was used before": [
        reserve(), "+9s", start(9, reservationId=5), "+90s", stop(99), start(100, 8, meter=200),
    ],
    "the reservation was cancelled": [reserve(), remote("CancelReservation", {"reservationId": 5}), start()],
    "the reservation is for another connector": [reserve(connector=2), start()],
    "queued, with Finishing only now": [
        CHARGING, BACK, "+90s", stop(130), status("Finishing", when=250), "+90s", tick(),
    ],
    "the next transaction on the connector begins at once": [
        CHARGING, stop(), start(121, 8, meter=200), status("Charging"), "+90s", tick(),
    ],
    "values of a connector without a transaction while a message waits": [
        f"> {call('m', 'MeterValues', metered(0, None))}", "+1s", silent("Heartbeat", {}), f"< {result('m')}",
    ],
    "a clock that is set back": [
        start(100), "+5s", meter(105), "+60s", meter(30, value="160"), "+60s", meter(40, value="170"),
    ],
    "the same message twice after errors, and then it is taken": [
        RUNNING, refused("StopTransaction", AGAIN), "+60s", refused("StopTransaction", AGAIN)[:0],
        sent("StopTransaction", AGAIN),
    ],
    "the driver tries again": [*[[refused("Authorize", {"idTag": "A"}), "+9s"] for _ in range(3)]],
    "a status that is told every hour": [
        *[[refused("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"}), "+3600s"]
          for _ in range(4)],
    ],
    "Heartbeats without an answer": [*[[silent("Heartbeat", {}), "+40s"] for _ in range(5)]],
}  # fmt: skip


def of_this_block(findings):
    return [
        (one.rule.id, one.detail) for one in findings if one.rule.id[:5] == "TX16-" and one.severity != "info"
    ]


@pytest.mark.parametrize("pieces", LEGAL.values(), ids=LEGAL)
@pytest.mark.parametrize("profile", ["field", "strict"])
def test_legal_ways(pieces, profile):
    found = of_this_block(judged(*pieces, profile=profile))
    assert {rule for rule, _ in found} <= {"TX16-021"}, found  # that the CSMS refuses is never right


def test_a_whole_transaction_is_told_nothing_but_what_is_open():
    found = judged(FRESH, sent("Authorize", {"idTag": "A"}, {"idTagInfo": ACCEPTED}), CHARGING, meter(110),
                   stop(reason="Local", idTag="A"), status("Finishing"), "+70s", status("Available"))  # fmt: skip
    assert not [one for one in found if one.rule.id[:4] == "TX16"]


# --- where the capture lacks something ----------------------------------------------------------------------


def severities(rule, *pieces, **options):
    return [one.severity for one in judged(*pieces, **options) if one.rule.id == rule]


def test_a_stop_of_an_unknown_transaction_is_an_error_only_where_all_of_them_were_seen():
    bad = [RUNNING, stop(transaction=8)]
    assert severities("TX16-002", FRESH, bad) == [E]
    assert severities("TX16-002", bad) == [I]
    assert severities("TX16-002", opened(late=True), FRESH, bad) == [E]
    assert severities("TX16-002", opened(late=True), bad) == [I]
    assert severities("TX16-002", FRESH, gap(), bad) == [I]
    assert severities("TX16-002", BOOT_16, status("Charging"), bad) == [I]
    assert severities("TX16-002", BOOT_16, status("Available"), status("Finishing", 2), bad) == [I]
    assert severities("TX16-002", FRESH, keys(NumberOfConnectors=3), bad) == [I]
    assert severities("TX16-002", FRESH, "+600s", start(0), "+9s", stop(transaction=8)) == [I]


def test_a_boot_that_was_triggered_is_no_boot():
    pieces = [BOOT_16, status("Charging"), boot(), status("Available"), RUNNING, stop(transaction=8)]
    assert severities("TX16-002", pieces) == [I]
    assert severities("TX16-002", pieces[:2], BACK, pieces[2:]) == [E]


def test_a_stop_that_may_be_missing():
    assert severities("TX16-004", start(), gap(), start(60, 8)) == [I]
    pieces = [start(), closed(), opened(late=True), start(60, 8)]
    assert severities("TX16-004", pieces, name_station="CP001") == [I]
    assert severities("TX16-004", gap(), start(), start(60, 8)) == [W]
    assert severities("TX16-004", silent("StartTransaction", started()), start(60, 8, meter=101)) == [I]


def test_a_boot_after_which_a_connector_says_nothing():
    ran = [start(), "+60s", closed(), "+60s", opened(), boot(120)]
    assert severities("TX16-005", ran, "+400s", tick()) == [I]
    assert severities("TX16-005", ran, status("Faulted"), "+400s", tick()) == [I]
    assert severities("TX16-005", ran, status("Available"), gap(), "+400s", tick()) == [I]
    assert severities("TX16-005", ran, status("Available"), "+9s", closed()) == []
    waiting = [[refused("MeterValues", metered(100, 3)), "+120s"] for _ in range(4)]
    assert severities("TX16-005", ran, status("Available"), waiting, tick(), closed()) == [I]


def test_only_the_end_of_the_last_session_is_the_end_of_the_capture():
    assert severities("TX16-005", start(), closed()) == []
    assert severities("TX16-005", start(), opened()) == [I]


def test_without_times():
    timeless = {"timeless": True}
    assert not of_this_block(judged(RUNNING, remote("RemoteStopTransaction", {"transactionId": 7}),
                                    stop(reason="Other"), **timeless))  # fmt: skip
    assert severities("TX16-009", RUNNING, stop(meter=0), **timeless) == [E]
    assert severities("TX16-023", RUNNING, [refused("StopTransaction", AGAIN)] * 4, **timeless) == [W]
    assert severities("TX16-020", CHARGING, stop(), tick(), **timeless) == []


# --- what the ids mean --------------------------------------------------------------------------------------


def detail(rule, *pieces, **options):
    return findings_of(*pieces, **options)[rule].detail


@exercises("TX16-008")
def test_what_minus_one_means():
    lost = [silent("StartTransaction", started()), "+60s"]
    assert "(2026-11-22T10:15:00) got no answer" in detail("TX16-008", lost, meter(transaction=-1))
    assert "got no answer" in detail("TX16-008", lost, "+60s", stop(transaction=-1))
    refusal = refused("StartTransaction", started(), "InternalError")
    assert "CallError InternalError" in detail("TX16-008", refusal, "+60s", meter(transaction=-1))
    assert "was lost" in detail("TX16-008", "+120s", stop(transaction=-1))
    taken = [start(said="ConcurrentTx"), "+60s", stop(60, transaction=-1)]
    assert "gave, and ConcurrentTx, the id 7" in detail("TX16-008", taken)


def test_ids_that_the_csms_gave_are_ids():
    given_zero = [start(transaction=0), "+60s", meter(transaction=0), "+60s", stop(transaction=0)]
    found = findings_of(given_zero)
    assert not {"TX16-008", "TX16-002", "TX16-003", "TX16-004"} & set(found)
    assert found["TX16-007"].severity == W
    twice = [given_zero, start(130, 0, meter=200), "+60s", stop(190, 0, 300)]
    assert severities("TX16-006", twice) == [E]
    assert severities("TX16-003", twice) == []


def test_refused_starts_may_share_an_id():
    assert severities("TX16-006", start(said="Invalid"), start(60, 7, said="Invalid", connector=2)) == [I]


def test_a_stop_without_an_id_ends_the_transaction_that_fits():
    waiting = [
        silent("StartTransaction", started(0, 1, 100)),
        silent("StartTransaction", started(1, 2, 5000, "B")),
    ]
    pieces = [waiting, "+60s", stop(60, -1, 5100, idTag="B"), start(70, 9, connector=2, meter=5100)]
    assert severities("TX16-004", pieces) == []
    assert severities("TX16-010", pieces) == []


def test_ids_of_long_ago_are_remembered():
    many = [[start(n * 100, n, meter=n), "+90s", stop(n * 100 + 90, n, n + 1), "+10s"] for n in range(1, 60)]
    assert severities("TX16-003", many, stop(99_999, 1, 3)) == [E]
    assert severities("TX16-006", many, start(99_999, 1, meter=60)) == [E]
    assert "TX16-002" not in findings_of(many, stop(99_999, 1, 3))


def test_memory_is_bounded():
    engine = Engine()
    engine.feed(decoded([[start(n, n, connector=n % 700), stop(n, n)] for n in range(1, 3_000)], end=False))
    (known,) = [state.station.transactions for state in engine._tables.sessions.values()]
    assert len(known.ended) == 10
    assert len(known.stopping) == 10
    assert not known.open
    assert len(known.at) <= 1_000
    assert known.handed._size == known.stopped._size == 10_000
    assert len(known.first_statuses) <= 1_000
    assert isinstance(known, Transactions)
    assert callable(learn_start_answer)


# --- the queue ----------------------------------------------------------------------------------------------


def test_a_blocked_queue_says_how_often_and_since_when():
    pieces = [
        RUNNING,
        *[[refused("StopTransaction", AGAIN, "FormationViolation"), "+9.9s"] for _ in range(50)],
    ]
    found = findings_of(pieces)["TX16-023"]
    assert found.detail == (
        "the same StopTransaction (transaction 7) was sent 50 times since 2026-11-22T10:17:00, about every 10.0 s, "
        "and was answered with the CallError FormationViolation"
    )
    assert found.severity == W
    assert found.direction == "cp-to-csms"


@pytest.mark.parametrize(
    ("action", "payload", "version", "begin"),
    [
        ("MeterValues", metered(), "1.6", []),
        ("DataTransfer", {"vendorId": "V", "data": "x"}, "1.6", []),
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, "1.6", []),
        ("FirmwareStatusNotification", {"status": "Installed"}, "1.6", []),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Faulted"}, "1.6", []),
        ("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": stamp()}, "1.6", []),
        ("NotifyReport", {"requestId": 1, "generatedAt": stamp(), "seqNo": 0}, "2.0.1", BOOT_2X),
        ("TransactionEvent", {"eventType": "Ended", "timestamp": stamp(), "triggerReason": "EVDeparted", "seqNo": 2,
                              "transactionInfo": {"transactionId": "T"}}, "2.1", BOOT_2X),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["refused", "silent", "over sessions", "same id"])
def test_whatever_is_sent_again_and_again(action, payload, version, begin, how):
    once = {
        "refused": lambda: [refused(action, payload), "+20s"],
        "silent": lambda: [silent(action, payload), "+40s"],
        "over sessions": lambda: [silent(action, payload), "+40s", closed("csms"), "+5s", opened()],
        "same id": lambda: [refused(action, payload, message_id="always"), "+20s"],
    }[how]
    *_, last = [
        one for one in judged(begin, [once() for _ in range(4)], version=version) if one.rule.id == "TX16-023"
    ]
    assert "sent 4 times" in last.detail
    assert "TX16-023" not in findings_of(begin, [once() for _ in range(2)], version=version)


def test_what_others_get_by_does_not_block_the_queue():
    plain = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    driver = sent("Authorize", {"idTag": "A"}, {"idTagInfo": {"status": "Accepted"}})
    once = [silent("StatusNotification", plain, "always"), "+60s"]
    assert severities("TX16-023", once * 3) == [W]
    assert "TX16-023" not in findings_of([[*once, driver, "+60s"] for _ in range(4)])
    found = findings_of(once, driver, once * 3)["TX16-023"]
    assert "sent 3 times" in found.detail
    assert severities("TX16-023", [[silent("StopTransaction", AGAIN), "+60s", driver] for _ in range(4)]) == [
        W
    ]


def test_what_was_taken_is_not_sent_in_vain():
    taken = [sent("StopTransaction", AGAIN), "+20s"]
    assert "TX16-023" not in findings_of(RUNNING, [taken] * 4)
    assert "TX16-023" not in findings_of(RUNNING, refused("StopTransaction", AGAIN), "+9s", [taken] * 4)
    late = [silent("StopTransaction", AGAIN, "late"), "+20s", silent("StopTransaction", AGAIN, "again"), "+20s",
            f"< {result('late')}", sent("StopTransaction", AGAIN)]  # fmt: skip
    assert "TX16-023" not in findings_of(RUNNING, late)


def test_where_answers_may_be_missing_a_queue_may_be_fine():
    assert severities("TX16-023", [silent("StopTransaction", AGAIN), "+40s", gap("<")] * 3) == [I]
    overtaken = [
        silent("StopTransaction", AGAIN),
        gap("<"),
        "+60s",
        start(170, 8),
        sent("StopTransaction", AGAIN),
    ]
    assert severities("TX16-017", RUNNING, overtaken) == [I]


def test_what_was_under_way_with_another_is_told_once():
    both = [silent("MeterValues", metered(120)), silent("StopTransaction", AGAIN)]
    again = [sent("MeterValues", metered(120)), sent("StopTransaction", AGAIN)]
    assert severities("TX16-017", RUNNING, both, BACK, again) == [W]


def test_what_waits_in_the_other_direction_is_no_queue():
    transfers = [[f"< {call(f'd{n}', 'DataTransfer', {'vendorId': 'V'})}", "+40s"] for n in range(5)]
    assert "TX16-023" not in findings_of(transfers)


def test_refusals_that_are_none_of_the_content():
    broken = stopped() | {"meterStop": "many"}
    assert "TX16-021" not in findings_of(
        RUNNING, refused("StopTransaction", broken, "TypeConstraintViolation")
    )
    assert "TX16-021" not in findings_of(refused("MeterValues", metered(), "NotSupported"))
    pending = ask("boot", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"},
                  {"status": "Pending", "currentTime": stamp(), "interval": 300})  # fmt: skip
    assert "TX16-021" not in findings_of(pending, refused("MeterValues", metered()))
    assert "-1 says" in detail("TX16-021", refused("StopTransaction", stopped(transaction=-1)))


def test_retries_of_their_own_time():
    def retried(wait, again):
        return [RETRY_KEYS, RUNNING, refused("StopTransaction", AGAIN), f"+{wait}s", refused("StopTransaction", AGAIN),
                f"+{again}s", sent("StopTransaction", AGAIN)]  # fmt: skip

    assert severities("TX16-016", retried(60, 120)) == []
    assert severities("TX16-016", retried(60, 60)) == [W]
    assert severities("TX16-016", retried(55, 130)) == []
    assert severities("TX16-016", RETRY_KEYS, RUNNING, refused("StopTransaction", AGAIN), BACK,
                      sent("StopTransaction", AGAIN)) == []  # fmt: skip


# --- reasons ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "wait", "expected"), [("true", 40, [W]), ("false", 2, []), (None, 40, []), (None, 2, [W])]
)
def test_a_refused_start_stops_where_it_is_configured_to(flag, wait, expected):
    known = keys(StopTransactionOnInvalidId=flag) if flag else []
    pieces = [known, start(said="Blocked"), f"+{wait}s", stop(wait, reason="Local", idTag="A")]
    assert severities("TX16-012", pieces) == expected


def test_of_several_causes_any_will_do():
    both = [remote("RemoteStopTransaction", {"transactionId": 7}), remote("Reset", {"type": "Soft"})]
    assert severities("TX16-012", RUNNING, both, stop(reason="Remote")) == []
    assert severities("TX16-012", RUNNING, both, stop(reason="SoftReset")) == []
    assert severities("TX16-012", RUNNING, both, stop(reason="Reboot")) == [W]


# --- whatever the payload -----------------------------------------------------------------------------------

ODD = [None, True, False, -1, 0, 1, 7, 10**30, -(10**30), 1.5, "", "7", "-1", "0", "x" * 50, [], [1], {}, {"a": 1},
       "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", stamp()]  # fmt: skip
JSON = st.recursive(st.sampled_from(ODD), lambda inner: st.lists(inner, max_size=3), max_leaves=6)
FIELDS = [
    "connectorId", "idTag", "meterStart", "timestamp", "reservationId", "transactionId", "meterStop", "reason",
    "meterValue", "status", "idTagInfo", "errorCode", "type", "key", "value", "expiryDate", "configurationKey",
]  # fmt: skip
ACTIONS = ["StartTransaction", "StopTransaction", "MeterValues", "StatusNotification", "BootNotification"]
ASKED = [
    "RemoteStopTransaction",
    "Reset",
    "UnlockConnector",
    "ReserveNow",
    "CancelReservation",
    "GetConfiguration",
]
PAYLOADS = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
    st.sampled_from([started(), stopped(), metered(), given_id(), ACCEPTED]),
)
IDENTITIES = st.sampled_from(["1", "2", "3"])


def exchange(side, action, asked, answer, message_id, how):
    other = "<" if side == ">" else ">"
    said = {"result": result(message_id, answer), "error": error(message_id, answer)}.get(how)
    return [f"{side} {call(message_id, action, asked)}", "+40s", *([f"{other} {said}"] if said else [])]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.builds(exchange, st.just(">"), st.sampled_from(ACTIONS), PAYLOADS, PAYLOADS, IDENTITIES,
                      st.sampled_from(["result", "error", "silence"])),
            st.builds(exchange, st.just("<"), st.sampled_from(ASKED), PAYLOADS, PAYLOADS, IDENTITIES,
                      st.just("result")),
            st.sampled_from([closed(), opened()]),
        ),
        max_size=14,
    ),
    st.booleans(),
)  # fmt: skip
def test_nothing_makes_them_raise(pieces, timeless):
    openings = [piece for piece in pieces if callable(piece)]
    lines = [piece for piece in pieces if not callable(piece)]
    mixed = []
    for piece in lines:
        mixed.append(piece)
        if openings and len(mixed) % 3 == 0:
            mixed += [closed(), opened()]
    judged(mixed, "+900s", tick(), timeless=timeless)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_fields_of_the_wrong_type(name, value):
    pieces = [
        sent("StartTransaction", started() | {name: value}, given_id() | {name: value}),
        "+60s",
        sent("MeterValues", metered() | {name: value}),
        sent("StopTransaction", stopped() | {name: value}, {}),
        refused("StopTransaction", stopped() | {name: value}),
        sent(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Charging"} | {name: value},
        ),
    ]
    judged(pieces, "+900s", tick())


def test_deep_payloads():
    deep = json.loads("[" * 400 + "]" * 400)
    pieces = [[refused(action, {"transactionId": deep, "meterValue": [deep], "timestamp": deep}), "+9s"]
              for action in ACTIONS for _ in range(3)]  # fmt: skip
    assert judged(pieces)


def test_thousands_of_connectors():
    pieces = [[start(0, n, connector=n), status("Charging", n)] for n in range(1, 1_500)]
    assert serious(judged(pieces, only=[f"TX16-{n:03}" for n in range(1, 24)])) == set()


# --- legal, though they looked wrong ---

RESERVED = [reserve(), status("Reserved"), "+10s"]


@pytest.mark.parametrize(
    "legal",
    [
        # A fault ends a reservation, and so does Unavailable, of the connector or of the station (1.6 §5.13).
        [RESERVED, status("Faulted"), status("Preparing"), start(20)],
        [RESERVED, status("Unavailable"), status("Available"), status("Preparing"), start(20)],
        [reserve(connector=0), "+10s", status("Unavailable", 0), status("Available", 0), start(20)],
    ],
)
def test_a_reservation_that_was_lost(legal):
    assert not judged(legal, only=["TX16-015"])


def test_a_reservation_is_used_up_by_the_first_transaction():
    first = [
        RESERVED,
        status("Preparing"),
        start(10),
        "+60s",
        stop(70),
        status("Finishing"),
        status("Preparing"),
    ]
    found = judged(first, start(71, transaction=8, meter=200), only=["TX16-015"])
    assert [one.count for one in found] == [1]


def test_two_starts_on_no_connector_are_one_mistake():
    found = judged(start(connector=0), start(1, 8, connector=0), only=["TX16-001", "TX16-004"])
    assert [(one.rule.id, one.count) for one in found] == [("TX16-001", 2)]


def test_the_next_charge_begins_before_its_start_is_told():
    after = [stop(), status("Finishing"), "+55s", status("Preparing"), status("Charging"), "+7s", tick()]
    assert not judged(CHARGING, after, only=["TX16-020"])


def test_charging_may_be_told_before_the_start():
    charging = [status("Preparing"), status("Charging"), start(), "+120s", stop(meter=100)]
    assert judged(charging, only=["TX16-019"])
    assert not judged(start(), "+120s", stop(meter=100), only=["TX16-019"])
