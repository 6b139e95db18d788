from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.rules.registry import RULES
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    ask,
    call,
    case,
    closed,
    damaged,
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

# OCPP 1.6 edition 2 §4.9 with errata 3.20, written down a second time: row by row, in the order of the columns
# Available, Preparing, Charging, SuspendedEV, SuspendedEVSE, Finishing, Reserved, Unavailable, Faulted.
TABLE = """
    Available     . x x x x - x x x
    Preparing     x . x x x x - - x
    Charging      x - . x x x - x x
    SuspendedEV   x - x . x x - x x
    SuspendedEVSE x - x x . x - x x
    Finishing     x x - - - . - x x
    Reserved      x x - - - - . x x
    Unavailable   x x x x x - - . x
    Faulted       x x x x x x x x .
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
STATUSES = [row[0] for row in ROWS]
MARKS = {(row[0], after): mark for row in ROWS for after, mark in zip(STATUSES, row[1:], strict=True)}

_ids = iter(range(1, 1_000_000))


def new():
    return f"m{next(_ids)}"


def status(status="Available", connector=1, when=CURRENT, error_code=None, **more):
    code = error_code or ("OtherError" if status == "Faulted" else "NoError")
    asked = {"connectorId": connector, "errorCode": code, "status": status, "timestamp": when} | more
    return ask(new(), "StatusNotification", {k: v for k, v in asked.items() if v is not None})


def statuses(*names, connector=1, apart="+1s"):
    return [[status(name, connector), apart] for name in names]


def status_2x(status="Available", evse=1, connector=1):
    asked = {"timestamp": CURRENT, "connectorStatus": status, "evseId": evse, "connectorId": connector}
    return ask(new(), "StatusNotification", asked)


def notify(status="Available", evse=1, connector=1):
    where = {"id": evse} | ({} if connector is None else {"connectorId": connector})
    one = {
        "eventId": 1,
        "timestamp": CURRENT,
        "trigger": "Delta",
        "actualValue": status,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": where},
        "variable": {"name": "AvailabilityState"},
    }
    return ask(new(), "NotifyEvent", {"generatedAt": CURRENT, "seqNo": 0, "eventData": [one]})


def start(connector=1, tag="A", transaction=7, meter=1000):
    asked = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": CURRENT}
    return ask(
        new(),
        "StartTransaction",
        asked,
        {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}},
    )


def stop(transaction=7, meter=1000, **more):
    asked = {"transactionId": transaction, "meterStop": meter, "timestamp": CURRENT} | more
    return ask(new(), "StopTransaction", asked)


def authorize(tag="A"):
    return ask(new(), "Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Accepted"}})


def event(kind="Updated", number=1, evse=1, connector=1, transaction="T", info=None, answer=None, **more):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": "StopAuthorized" if kind == "Ended" else "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction} | (info or {}),
        "evse": {"id": evse, "connectorId": connector},
    } | ({"idToken": {"idToken": "A", "type": "ISO14443"}} if kind == "Ended" else {})
    return ask(new(), "TransactionEvent", asked | more, answer)


def running(evse=1, connector=1, transaction="T"):
    return event(
        "Started",
        0,
        evse,
        connector,
        transaction,
        {"chargingState": "Charging"},
        {"idTokenInfo": {"status": "Accepted"}},
        triggerReason="Authorized",
        idToken={"idToken": "A", "type": "ISO14443"},
    )


def change(kind="Inoperative", connector=1, answer="Accepted"):
    return ask(new(), "ChangeAvailability", {"connectorId": connector, "type": kind}, {"status": answer}, "<")


def change_2x(kind="Inoperative", evse=1, connector=None, answer="Accepted"):
    where = {"id": evse} | ({} if connector is None else {"connectorId": connector})
    asked = {"operationalStatus": kind} | ({} if evse is None else {"evse": where})
    return ask(new(), "ChangeAvailability", asked, {"status": answer}, "<")


def configured(**keys):
    known = [{"key": key, "readonly": False, "value": str(value)} for key, value in keys.items()]
    return ask(new(), "GetConfiguration", {}, {"configurationKey": known}, "<")


def unlock(connector=1, answer="Unlocked"):
    return ask(new(), "UnlockConnector", {"connectorId": connector}, {"status": answer}, "<")


def unlock_2x(answer, connector=1):
    return ask(new(), "UnlockConnector", {"evseId": 1, "connectorId": connector}, {"status": answer}, "<")


def trigger():
    asked = {"requestedMessage": "StatusNotification", "connectorId": 1}
    return ask(new(), "TriggerMessage", asked, {"status": "Accepted"}, "<")


def profile(limit=0, purpose="TxProfile", connector=1, level=0, kind="Relative", number=1, **more):
    asked = {
        "connectorId": connector,
        "csChargingProfiles": {
            "chargingProfileId": number,
            "stackLevel": level,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        }
        | ({"transactionId": 7} if purpose == "TxProfile" else {})
        | more,
    }
    return ask(new(), "SetChargingProfile", asked, {"status": "Accepted"}, "<")


def heartbeat():
    """Something from the station, so that the capture goes on."""
    return ask(new(), "Heartbeat", {}, {"currentTime": CURRENT})


def later(seconds):
    return [f"+{seconds}s", heartbeat()]


CHARGING = [authorize(), status("Preparing"), start(), status("Charging")]
"""A transaction at connector 1."""


def again():
    return ["+60s", status("Available")]


CASES = [
    # --- CON-001: see the table further down ---
    case(
        "CON-001",
        statuses("Available", "Finishing"),
        statuses("Available", "Preparing", "Finishing"),
        W,
        subject="Available to Finishing",
        count=1,
    ),
    case(
        "CON-001",
        [start(), statuses("Charging", "Preparing")],
        [start(), statuses("Charging", "Finishing", "Preparing")],
        W,
        about="a new cable without the end of the old one",
    ),
    case(
        "CON-001",
        statuses("Preparing", "Unavailable"),
        [status("Preparing"), change(), status("Unavailable")],
        W,
        about="taken out of use by the CSMS",
    ),
    # --- CON-002, 003, 004 ---
    case("CON-002", status("Charging", 0), status("Unavailable", 0), E, subject="Charging"),
    case("CON-002", status("Preparing", 0), status("Preparing", 1), E, about="of a connector"),
    case(
        "CON-003",
        status("Available", error_code="EVCommunicationError"),
        status("Finishing", error_code="EVCommunicationError"),
        W,
    ),
    case("CON-004", status("Faulted", error_code="NoError"), status("Faulted"), I),
    case("CON-004", status("Available", error_code="WeakSignal"), status("Available"), I, about="a warning"),
    # --- CON-005 ---
    case(
        "CON-005",
        [configured(NumberOfConnectors=1), status("Available", 2)],
        [configured(NumberOfConnectors=2), status("Available", 2)],
        W,
        subject="connector 2",
        about="configured",
    ),
    case(
        "CON-005",
        [configured(NumberOfConnectors=1), change("Operative", 3, "Rejected")],
        [configured(NumberOfConnectors=3), change("Operative", 3, "Rejected")],
        W,
        about="asked for by the CSMS",
    ),
    case(
        "CON-005",
        [
            BOOT_16,
            statuses("Available", connector=0),
            status(connector=1),
            "+130s",
            unlock(2, "UnlockFailed"),
        ],
        [BOOT_16, statuses("Available", connector=0), status(connector=1), "+30s", unlock(2, "UnlockFailed")],
        W,
        about="never reported",
    ),
    case(
        "CON-005",
        [BOOT_16, status(connector=0), status(connector=1), status(connector=3), later(130)],
        [
            BOOT_16,
            status(connector=0),
            status(connector=1),
            status(connector=3),
            "+90s",
            status(connector=2),
            later(130),
        ],
        W,
        subject="numbers",
        about="a gap",
    ),
    # --- CON-006 ---
    case(
        "CON-006",
        [status("Available"), again(), again(), again()],
        [status("Available"), again(), again(), "+60s", trigger(), status("Available")],
        W,
        count=1,
        events=[2, 4, 6, 8],
        about="triggered",
    ),
    case(
        "CON-006",
        [status("Available"), again(), again(), again()],
        [status("Available"), again(), again(), "+60s", status("Available", vendorErrorCode="17")],
        W,
        about="something else has changed",
    ),
    # --- CON-007 ---
    case(
        "CON-007",
        [statuses("Available", "Charging"), later(121)],
        [statuses("Available", "Charging"), authorize(), start(), later(121)],
        W,
        subject="connector 1 Charging",
        about="no transaction",
    ),
    case(
        "CON-007",
        [CHARGING, statuses("Finishing", "Available"), later(121)],
        [CHARGING, statuses("Finishing", "Available"), "+60s", stop(), later(121)],
        W,
        subject="connector 1 Available",
        about="not stopped",
    ),
    # --- CON-008 ---
    case(
        "CON-008",
        [CHARGING, profile(), "+20s", status("SuspendedEV")],
        [CHARGING, profile(), "+20s", status("SuspendedEVSE")],
        W,
    ),
    case(
        "CON-008",
        [CHARGING, profile(), "+20s", status("SuspendedEV")],
        [CHARGING, profile(6), "+20s", status("SuspendedEV")],
        W,
        about="some current",
    ),
    # --- CON-009 ---
    case(
        "CON-009",
        [CHARGING, change(answer="Accepted"), later(31)],
        [CHARGING, change(answer="Scheduled"), later(31)],
        E,
        subject="Accepted",
    ),
    case(
        "CON-009",
        [CHARGING, change(answer="Accepted"), later(31)],
        [CHARGING, change(answer="Accepted"), stop(), later(31), status("Unavailable")],
        E,
        about="it was just over",
    ),
    case(
        "CON-009",
        [CHARGING, change(answer="Accepted", connector=0), later(31)],
        [CHARGING, change("Operative", 0), later(31)],
        E,
        about="the whole station",
    ),
    *(
        case(
            "CON-009",
            [running(), change_2x(evse=evse), later(31)],
            [running(), change_2x(evse=evse, answer="Scheduled"), later(31)],
            E,
            version=version,
            about=f"{version} {evse}",
        )
        for version, evse in (("2.0.1", 1), ("2.1", 1), ("2.1", None))
    ),
    case(
        "CON-009",
        [running(), change_2x(connector=1), later(31)],
        [running(), change_2x(connector=2), later(31)],
        E,
        version="2.0.1",
        about="another connector of the EVSE",
    ),
    # --- CON-010 ---
    case(
        "CON-010",
        [status("Available"), change(), later(61)],
        [status("Available"), change(), status("Unavailable"), later(61)],
        W,
        subject="connector 1",
    ),
    case(
        "CON-010",
        [status("Unavailable"), change("Operative"), later(61)],
        [status("Unavailable"), change(), later(61)],
        W,
        about="nothing to change",
    ),
    case(
        "CON-010",
        [CHARGING, change(answer="Scheduled"), stop(), later(121)],
        [CHARGING, change(answer="Scheduled"), stop(), status("Unavailable"), later(121)],
        W,
        about="scheduled",
    ),
    case(
        "CON-010",
        [status_2x(), change_2x(), later(61)],
        [status_2x(), change_2x(), notify("Unavailable"), later(61)],
        W,
        version="2.1",
        about="told by NotifyEvent",
    ),
    case(
        "CON-010",
        [
            status_2x("Occupied"),
            running(),
            change_2x(answer="Scheduled"),
            event("Ended", 1, info={"stoppedReason": "Local"}),
            later(121),
        ],
        [
            status_2x("Occupied"),
            running(),
            change_2x(answer="Scheduled"),
            event("Ended", 1, info={"stoppedReason": "Local"}),
            status_2x("Unavailable"),
            later(121),
        ],
        W,
        version="2.0.1",
        about="scheduled 2.x",
    ),
    # --- CON-011 ---
    *(
        case(
            "CON-011",
            [status_2x(), event("Started", 0, triggerReason="CablePluggedIn"), later(121)],
            [status_2x(), event("Started", 0, triggerReason="CablePluggedIn"), occupied, later(121)],
            W,
            version=version,
            about=version,
        )
        for version, occupied in (("2.0.1", status_2x("Occupied")), ("2.1", notify("Occupied")))
    ),
    case(
        "CON-011",
        [
            status_2x("Occupied"),
            running(),
            event("Ended", 1, info={"stoppedReason": "EVDisconnected"}, triggerReason="EVCommunicationLost"),
            later(121),
        ],
        [
            status_2x("Occupied"),
            running(),
            event("Ended", 1, info={"stoppedReason": "EVDisconnected"}, triggerReason="EVCommunicationLost"),
            status_2x("Available"),
            later(121),
        ],
        I,
        version="2.0.1",
        about="plugged out",
    ),
    # --- CON-012 ---
    *(
        case(
            "CON-012",
            [status_2x(connector=2), status_2x("Occupied"), running(), tell("Unavailable", 1, 2)],
            [status_2x(connector=2), status_2x("Occupied"), running(), tell("Faulted", 1, 2)],
            W,
            version="2.0.1",
            subject="EVSE 1",
            about=tell.__name__,
        )
        for tell in (status_2x, notify)
    ),
    # --- CON-013 ---
    case("CON-013", status_2x(evse=0), status_2x(), E, version="2.0.1", subject="evseId 0"),
    case("CON-013", status_2x(connector=0), status_2x(), E, version="2.1", subject="connectorId 0"),
    case(
        "CON-013",
        [BOOT_2X, status_2x(), status_2x(evse=3), later(121)],
        [BOOT_2X, status_2x(), status_2x(evse=3), notify(evse=2), later(121)],
        W,
        version="2.0.1",
        about="a gap between EVSEs",
    ),
    case(
        "CON-013",
        [BOOT_2X, status_2x(), status_2x(evse=2, connector=2), later(121)],
        [BOOT_2X, status_2x(), status_2x(evse=2), status_2x(evse=2, connector=2), later(121)],
        W,
        version="2.1",
        about="a gap between connectors",
    ),
    # --- CON-014 ---
    case(
        "CON-014",
        [status("Faulted"), later(3601)],
        [status("Faulted"), "+3000s", status("Available"), later(3601)],
        W,
        subject="connector 1 Faulted",
    ),
    case(
        "CON-014",
        [statuses("Available", "Unavailable"), later(3601)],
        [status("Available"), change(), status("Unavailable"), later(3601)],
        W,
        about="taken out of use by the CSMS",
    ),
    *(
        case(
            "CON-014",
            [tell("Available"), tell("Faulted", 1), later(3601)],
            [tell("Available"), tell("Faulted", 1), later(3500)],
            W,
            version=version,
            about=version,
        )
        for version, tell in (("2.0.1", status_2x), ("2.1", notify))
    ),
    # --- CON-015 ---
    case("CON-015", unlock(0, "UnlockFailed"), unlock(1, "UnlockFailed"), E, subject="connector 0"),
    case(
        "CON-015",
        [CHARGING, unlock(), later(121)],
        [CHARGING, unlock(), stop(reason="UnlockCommand"), statuses("Finishing", "Available"), later(121)],
        E,
        about="with a transaction",
    ),
    *(
        case(
            "CON-015",
            [running(), unlock_2x("Unlocked"), later(31)],
            [running(), unlock_2x("OngoingAuthorizedTransaction"), later(31)],
            E,
            version=version,
            about=version,
        )
        for version in ("2.0.1", "2.1")
    ),
    # --- CON-016 ---
    case(
        "CON-016",
        [status("Finishing"), "+5s", authorize(), start(meter=0), "+600s", stop(meter=900), later(5)],
        [
            status("Finishing"),
            "+5s",
            authorize(),
            statuses("Preparing"),
            start(meter=0),
            status("Charging"),
            "+600s",
            stop(meter=900),
            status("Finishing"),
        ],
        W,
        subject="connector 1",
    ),
    case(
        "CON-016",
        [status("Finishing"), later(43_201)],
        [status("Finishing"), "+43000s", status("Available"), later(300)],
        I,
        about="for long",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


# --- transitions --------------------------------------------------------------------------------------------


def ways(before, after):
    """What may stand between two statuses, by the table above, faults and being out of order left aside."""
    usual = [one for one in STATUSES if one not in ("Unavailable", "Faulted", before, after)]
    return [one for one in usual if MARKS[before, one] == "x" and MARKS[one, after] == "x"]


@exercises("CON-001")
@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_every_transition(before, after):
    found = findings_of(statuses(before, after), only=["CON-001"])
    assert ("CON-001" in found) == (MARKS[before, after] == "-")
    if found:
        between = ways(before, after)
        assert between, "the table would have to leave more than one out"
        *others, last = between
        missing = f"{', '.join(others)} or {last}" if others else last
        assert found["CON-001"].detail == (
            f"connector 1 went from {before} to {after}; {missing} is missing in between"
        )
        assert found["CON-001"].severity == W
        assert found["CON-001"].events == [2, 4]
        for one in between:
            assert not judged(statuses(before, one, after), only=["CON-001"])


def test_the_table_is_whole():
    assert len(MARKS) == 81
    assert sum(mark == "." for mark in MARKS.values()) == 9
    assert sum(mark == "x" for mark in MARKS.values()) == 53


SKIPS = [status("Charging"), "+5s", status("Preparing")]


@pytest.mark.parametrize(
    "skipped",
    [
        [status("Charging"), closed(), "+5s", opened(), status("Preparing")],
        [status("Charging"), BOOT_16, status("Preparing")],
        [status("Charging"), gap(), status("Preparing")],
        [status("Charging"), damaged("json"), status("Preparing")],
        [status("Charging"), damaged("websocket"), status("Preparing")],
        [status("Charging"), status("Preparing", when=stamp(-60))],
        [status("Charging"), status("Preparing", 2)],
        [status("Charging"), opened(station="CP002"), status("Preparing")],
        [status("Unavailable", 0), status("Reserved", 0)],
        [status("Charging"), status("Unheard")],
        [
            status("Preparing"),
            ask("r", "Reset", {"type": "Hard"}, {"status": "Accepted"}, "<"),
            status("Unavailable"),
        ],
        [
            CHARGING,
            change(answer="Scheduled"),
            stop(),
            statuses("Finishing", "Preparing", "Unavailable"),
        ],
    ],
    ids=[
        "offline",
        "rebooted",
        "bytes lost",
        "a text that could not be read",
        "a frame that could not be read",
        "out of order",
        "another connector",
        "another station",
        "the station itself",
        "no status of the table",
        "a reset",
        "out of use when it is over",
    ],
)
def test_skips_that_are_legal_or_cannot_be_told(skipped):
    assert not judged(skipped, only=["CON-001"])


def test_what_follows_a_gap_is_judged_again():
    assert judged(gap(), statuses("Charging", "Preparing"), only=["CON-001"])
    assert judged(gap(), statuses("Available", "Charging"), later(121), only=["CON-007"])
    assert judged(gap(), status("Faulted"), later(3601), only=["CON-014"])
    assert not judged(status("Faulted"), gap(), later(3601), only=["CON-014"])


def test_a_status_that_was_short():
    found = findings_of(configured(MinimumStatusDuration=10), SKIPS)["CON-001"]
    assert found.severity == I
    assert "MinimumStatusDuration, 10 s" in found.detail
    assert findings_of(configured(MinimumStatusDuration=0), SKIPS)["CON-001"].severity == W


def test_a_capture_that_starts_late():
    found = findings_of(opened(late=True), SKIPS)["CON-001"]
    assert found.severity == I
    assert "Available or Finishing is missing in between" in found.detail


def test_finishing_sticks():
    """The cable was taken out and put in again, and nothing of it was told."""
    found = findings_of(CHARGING, stop(), statuses("Finishing", "Charging"), start(transaction=8))
    assert found["CON-001"].detail.endswith("Available or Preparing is missing in between")


def test_the_same_skip_of_many_connectors_is_one_finding():
    found = [judged(*(statuses("Finishing", "Charging", connector=n) for n in range(1, 9)), only=["CON-001"])]
    assert [one.count for one in found[0]] == [8]


# --- connectors that are not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "legal",
    [
        [opened(late=True), status(connector=1), "+130s", change("Operative", 2)],
        [BOOT_16, status(connector=0), status(connector=1), gap(), "+130s", change("Operative", 2)],
        [status(connector=1), "+130s", change("Operative", 2)],
        [BOOT_16, status(connector=1), "+20s", start(2)],
        [configured(NumberOfConnectors=2), change("Operative", 0)],
        [configured(NumberOfConnectors=0), status(connector=2)],
        [configured(NumberOfConnectors="many"), status(connector=2)],
    ],
)
def test_what_may_be_there(legal):
    assert not judged(legal, only=["CON-005"])


def test_connectors_that_are_not_reported_are_not_counted_wrongly():
    told = [configured(NumberOfConnectors=3), BOOT_16, status(connector=0), status(), status(connector=3)]
    assert "CON-005" not in findings_of(told, later(130))


@pytest.mark.parametrize("cut", [gap(), closed(), damaged("json")])
def test_gaps_are_no_gaps_where_messages_are_missing(cut):
    found = findings_of(BOOT_16, status(), cut, opened(), status(connector=3), later(130))
    assert "CON-005" not in found


# --- the same again -----------------------------------------------------------------------------------------


UNANSWERED = (
    f"> {call('x', 'StatusNotification', {'connectorId': 1, 'status': 'Available', 'errorCode': 'NoError'})}"
)


@pytest.mark.parametrize(
    "between",
    [
        [closed(), "+5s", opened()],
        BOOT_16,
        gap(),
        damaged("json"),
        change("Operative"),
        trigger(),
        statuses("Preparing"),
        [UNANSWERED, "+40s"],
        [UNANSWERED, f"< {error('x')}"],
        status("Available", info="x" * 3000),
        status("Available", info="else"),
    ],
)
def test_repeats_that_are_legal(between):
    assert not judged([[between, status()] for _ in range(5)], only=["CON-006"])


def test_repeats_that_add_up():
    found = judged(
        status("Faulted"), [[status(connector=2), status("Faulted")] for _ in range(4)], only=["CON-006"]
    )
    assert [(one.subject, one.count) for one in found] == [("connector 1", 2), ("connector 2", 1)]


def test_each_repeat_counts():
    found = findings_of([[status(), "+60s"] for _ in range(6)])["CON-006"]
    assert found.count == 3
    found = findings_of(configured(MinimumStatusDuration=5), [status() for _ in range(4)])["CON-006"]
    assert found.severity == I


# --- status and transactions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "legal",
    [
        [status("Charging"), later(121)],
        [opened(late=True), statuses("Preparing", "Charging"), later(121)],
        [statuses("Available", "Charging", "Finishing"), later(121)],
        [statuses("Available", "Charging"), gap(), later(121)],
        [statuses("Available", "Charging"), later(100)],
        [status("Available"), closed(), opened(), status("Charging"), later(121)],
        # The StartTransaction is refused, or waits behind what is.
        [
            statuses("Available", "Charging"),
            f"> {call('a', 'StopTransaction', {'transactionId': 1, 'meterStop': 1, 'timestamp': stamp()})}",
            f"< {error('a')}",
            later(121),
        ],
        # It has come and gone.
        [statuses("Available", "Charging"), start(), stop(), later(121)],
        # The StopTransaction may be on its way.
        [CHARGING, statuses("Available"), later(100)],
        [CHARGING, statuses("Available", "Preparing"), later(121)],
        [CHARGING, gap(), statuses("Available"), later(121)],
        [CHARGING, statuses("Available"), start(transaction=8), status("Charging"), later(121)],
    ],
)
def test_what_fits_the_transactions(legal):
    assert not judged(legal, only=["CON-007"])


def test_what_stays_out_of_use_with_the_station():
    out = [status_2x(), change_2x(evse=None), status_2x("Unavailable")]
    assert not judged(out, change_2x("Operative"), later(90), only=["CON-010"], version="2.0.1")
    assert judged(out, change_2x("Operative", evse=None), later(90), only=["CON-010"], version="2.0.1")


def test_changes_of_two_evses_are_two():
    both = [status_2x(), status_2x(evse=2), change_2x(), change_2x(evse=2), status_2x("Unavailable", evse=2)]
    assert judged(both, later(90), only=["CON-010"], version="2.0.1")
    assert not judged(both, change_2x("Operative"), later(90), only=["CON-010"], version="2.0.1")


def test_another_connector_after_the_first_is_free_again():
    first = [status_2x(), status_2x(connector=2), running(), status_2x("Occupied")]
    other = status_2x("Occupied", connector=2)
    assert judged(first, other, only=["CON-012"], version="2.0.1")
    assert not judged(first, status_2x("Available"), other, only=["CON-012"], version="2.0.1")


def test_a_station_that_is_offline_gets_its_time_again():
    pieces = [CHARGING, statuses("Available"), closed(), "+300s", opened(), "+20s"]
    assert not judged(pieces, stop(), later(121), only=["CON-007"])
    assert judged(pieces, later(121), only=["CON-007"])


# --- a limit of nothing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "severity"),
    [
        ([CHARGING, profile(0, "ChargePointMaxProfile", 0, kind="Absolute")], I),
        ([CHARGING, profile(0, "TxDefaultProfile", 0)], I),
        ([CHARGING, profile(0, "TxDefaultProfile", 1), profile(16, "TxDefaultProfile", 0, 1, number=2)], I),
        ([CHARGING, profile(16), profile(0, level=1, number=2)], W),
        ([CHARGING, profile(0), profile(16, level=1, number=2)], None),
        ([CHARGING, profile(16), profile(0, "TxDefaultProfile", 0, number=2)], None),
        ([CHARGING, profile(0, validTo=stamp(60))], None),
        ([CHARGING, profile(0), ask("c", "ClearChargingProfile", {}, {"status": "Accepted"}, "<")], None),
        ([CHARGING, profile(0), stop(), start(transaction=8)], None),
        ([opened(late=True), CHARGING, profile(0)], W),
        ([CHARGING, gap(), profile(0)], None),
        ([CHARGING, profile(0), gap()], None),
        ([CHARGING, profile("0")], W),
        ([CHARGING, profile(None)], None),
    ],
)
def test_which_profile_counts(before, severity):
    found = judged(before, "+20s", status("SuspendedEV"), only=["CON-008"])
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_the_car_stops_first():
    assert not judged(CHARGING, profile(), "+5s", status("SuspendedEV"), only=["CON-008"])


# --- availability -------------------------------------------------------------------------------------------


def test_a_station_may_refuse():
    found = findings_of(CHARGING, change(answer="Rejected"), later(31))["CON-009"]
    assert found.severity == I


@pytest.mark.parametrize(
    "legal",
    [
        [CHARGING, statuses("Finishing"), change(), later(31)],
        [CHARGING, change(connector=2), later(31)],
        [CHARGING, change("Operative"), later(31)],
        [CHARGING, gap(), change(), later(31)],
        [CHARGING, stop(), change(), later(31)],
        [f"> {call('a', 'StartTransaction', {'connectorId': 1, 'idTag': 'A'})}", change(), later(31)],
    ],
)
def test_availability_that_may_change_at_once(legal):
    assert not judged(legal, only=["CON-009"])


@pytest.mark.parametrize(
    "legal",
    [
        [change(), later(61)],
        [status("Faulted"), change(), later(61)],
        [status(), change(answer="Rejected"), later(61)],
        [status(), change(), gap(), later(61)],
        [status(), gap(), change(), later(61)],
        [status(), change(), "+5s", change("Operative"), later(61)],
        [status(), status(connector=2), change(connector=0), status("Unavailable", 2), later(61)],
        [status(), change(connector=0), status("Unavailable", 0), later(61)],
        [CHARGING, change(answer="Scheduled"), later(3000)],
        [CHARGING, change(answer="Scheduled"), change("Operative"), stop(), later(121)],
        [CHARGING, change(answer="Scheduled"), status("Finishing"), stop(), later(121)],
        [CHARGING, change(answer="Scheduled"), status("Unavailable"), stop(), later(121)],
        [CHARGING, start(2, "B", 8), change(connector=0, answer="Scheduled"), stop(), later(121)],
    ],
)
def test_changes_that_need_no_status_yet(legal):
    assert not judged(legal, only=["CON-010"])


def test_the_whole_station_is_put_off():
    found = findings_of(CHARGING, change(connector=0, answer="Scheduled"), stop(), later(121))["CON-010"]
    assert found.subject == "connector 0"


# --- plugging -----------------------------------------------------------------------------------------------

PLUGGED = event("Started", 0, triggerReason="CablePluggedIn")


@pytest.mark.parametrize(
    "legal",
    [
        [PLUGGED, later(121)],
        [status_2x("Occupied"), PLUGGED, later(121)],
        [status_2x(), event("Started", 0, triggerReason="CablePluggedIn", offline=True), later(121)],
        [status_2x(), closed(), opened(), PLUGGED, later(121)],
        [status_2x(), gap(), PLUGGED, later(121)],
        [status_2x(), PLUGGED, gap(), later(121)],
        [status_2x(), PLUGGED, status_2x("Occupied"), status_2x(), later(121)],
        [status_2x(evse=2), PLUGGED, later(121)],
        [status_2x(connector=2), PLUGGED, later(121)],
        [status_2x(), notify("Occupied", 1, None), PLUGGED, later(121)],
    ],
)
def test_plugging_that_is_told_or_unknown(legal):
    assert not judged(legal, only=["CON-011"], version="2.0.1")


def test_plugging_in_a_late_capture():
    found = judged(opened(late=True), status_2x(), PLUGGED, later(121), only=["CON-011"], version="2.1")
    assert [one.severity for one in found] == [I]


IN_USE = [status_2x(connector=2), status_2x("Occupied"), running()]


@pytest.mark.parametrize(
    "legal",
    [
        [IN_USE, closed(), opened(), status_2x("Unavailable", connector=2)],
        [IN_USE, trigger(), status_2x("Unavailable", connector=2)],
        [IN_USE, change_2x(connector=2), status_2x("Unavailable", connector=2)],
        [IN_USE, status_2x("Available", connector=2)],
        [IN_USE, status_2x("Unavailable", evse=2, connector=2)],
        [IN_USE, event("Ended", 1), status_2x("Unavailable", connector=2)],
        [status_2x(connector=2), status_2x("Unavailable", connector=2)],
    ],
)
def test_other_connectors(legal):
    assert not judged(legal, only=["CON-012"], version="2.0.1")


# --- what lasts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "severities"),
    [
        ([status("Unavailable"), later(3601)], [I]),
        ([status("Available", 0), status("Unavailable", 0), later(3601)], [W]),
        ([change(connector=0), statuses("Available", "Unavailable"), later(3601)], []),
        ([status("Faulted"), closed(), later(3601)], []),
        ([status("Faulted"), "+1800s", status("Faulted"), later(3601)], [W]),
        ([status("Faulted"), "+1800s", status("Available"), status("Faulted"), later(3500)], []),
        ([status("Faulted"), later(3600), "+3600s", heartbeat()], [W]),
    ],
)
def test_how_long_it_lasts(pieces, severities):
    assert [one.severity for one in judged(pieces, only=["CON-014"])] == severities


def test_each_connector_is_looked_at_once_more():
    """Something else came in between: its time counts anew."""
    pieces = [status("Faulted"), "+1800s", statuses("Available", "Faulted"), later(1900)]
    assert not judged(pieces, only=["CON-014"])
    found = judged(pieces, later(1800), only=["CON-014"])
    assert [one.events for one in found] == [[6, 2]]


def test_a_fault_says_its_error():
    found = findings_of(status("Faulted", error_code="GroundFailure"), later(3601))["CON-014"]
    assert found.detail == "connector 1 has been Faulted (GroundFailure) for 60 min"


def test_out_of_use_until_the_station_is_operative_again():
    pieces = [change_2x(evse=2), change_2x("Operative", None), status_2x(), status_2x("Unavailable")]
    assert judged(pieces, later(3601), only=["CON-014"], version="2.0.1")
    pieces = [change_2x(), status_2x(), status_2x("Unavailable")]
    assert not judged(pieces, later(3601), only=["CON-014"], version="2.0.1")


@pytest.mark.parametrize(
    "legal",
    [
        # Hardly any energy; nothing is known of what it was before; it was told in between.
        [status("Preparing"), authorize(), start(meter=0), "+300s", stop(meter=50)],
        [status("Preparing"), authorize(), start(meter=0), "+60s", stop(meter=900)],
        [authorize(), start(meter=0), "+300s", stop(meter=900)],
        [
            status("Preparing"),
            start(meter=0),
            "+300s",
            status("Charging"),
            status("Finishing"),
            stop(meter=900),
        ],
        [status("Preparing"), start(meter=0), "+300s", gap(), stop(meter=900)],
        [status("Preparing"), closed(), opened(), start(meter=0), "+300s", stop(meter=900)],
        [status("Available"), start(meter=0), "+300s", stop(meter=900)],
        [status("Finishing"), stop(meter=900)],
    ],
)
def test_transactions_whose_status_was_told(legal):
    assert not judged(legal, only=["CON-016"])


def test_charging_is_missing():
    found = findings_of(status("Preparing"), authorize(), start(meter=0), "+300s", stop(meter=900))["CON-016"]
    assert found.detail.endswith("which took 900 Wh: Charging is missing")
    found = findings_of(status("Finishing"), authorize(), start(meter=0), "+300s", stop(meter=900))["CON-016"]
    assert found.detail.endswith("Available or Preparing and then Charging is missing")


# --- unlocking ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "legal"),
    [
        ("1.6", [CHARGING, unlock(answer="UnlockFailed"), later(121)]),
        ("1.6", [CHARGING, unlock(2), later(121)]),
        ("1.6", [CHARGING, statuses("Finishing"), unlock(), later(121)]),
        ("2.0.1", [running(), unlock_2x("Unlocked"), event("Ended", 1), later(31)]),
        ("2.0.1", [running(), unlock_2x("UnknownConnector"), later(31)]),
        ("2.0.1", [running(), unlock_2x("Unlocked", 2), later(31)]),
        (
            "2.0.1",
            [running(), event(info={"chargingState": "EVConnected"}), unlock_2x("Unlocked"), later(31)],
        ),
    ],
)
def test_unlocking_that_is_allowed(version, legal):
    assert not judged(legal, only=["CON-015"], version=version)


# --- whole sessions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_a_day_at_a_station(version):
    if version == "1.6":
        day = [
            BOOT_16,
            status(connector=0),
            status(connector=1),
            status(connector=2),
            later(200),
            CHARGING,
            later(200),
            status("SuspendedEV"),
            later(200),
            status("Charging"),
            stop(meter=2000, idTag="A"),
            statuses("Finishing", "Available"),
            later(200),
            change(connector=0),
            status("Unavailable", 0),
            status("Unavailable", 1),
            status("Unavailable", 2),
            [later(290) for _ in range(15)],
        ]
    else:
        day = [
            BOOT_2X,
            status_2x(),
            status_2x(evse=2),
            later(200),
            status_2x("Occupied"),
            running(),
            later(200),
            event("Ended", 1, triggerReason="StopAuthorized", info={"stoppedReason": "Local"}),
            status_2x("Available"),
            later(200),
        ]
    found = judged(day, version=version)
    assert not {one for one in serious(found) if one.startswith("CON")}, found


def test_thousands_of_connectors():
    told = [
        f"> {call(str(n), 'StatusNotification', {'connectorId': n, 'status': one, 'errorCode': 'NoError'})}"
        for n in range(1, 4_000)
        for one in ("Finishing", "Faulted", "Charging")
    ]
    found = judged([BOOT_16, told, later(130), "+3600s", heartbeat(), change(connector=0), later(61)])
    assert sum(one.rule.id.startswith("CON") for one in found) < 10_000


SHAPES = [
    None,
    True,
    0,
    -1,
    1.5,
    1 << 70,
    "",
    "1",
    "x" * 3000,
    [],
    [1],
    {},
    {"a": 1},
    [{"evse": 1}],
    "9999-12-31T23:59:59Z",
]
OURS = [one for one in RULES if one.startswith("CON-")]
NAMES = """
    connectorId status errorCode timestamp evseId connectorStatus type operationalStatus evse id eventData actualValue
    variable component name csChargingProfiles chargingSchedule chargingSchedulePeriod limit stackLevel
    chargingProfilePurpose transactionId transactionInfo eventType triggerReason seqNo meterStart meterStop idTag
    idToken stoppedReason configurationKey key value reason
""".split()
VALUES = st.recursive(
    st.sampled_from([*SHAPES, *STATUSES, "Occupied", "Accepted", "Scheduled", "Inoperative", "TxProfile"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)
PAYLOADS = st.one_of(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), VALUES)
STATION = """
    StatusNotification NotifyEvent StartTransaction StopTransaction TransactionEvent MeterValues BootNotification
"""
CSMS = """
    ChangeAvailability UnlockConnector SetChargingProfile ClearChargingProfile ReserveNow GetConfiguration
    TriggerMessage RemoteStartTransaction
"""


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(STATION.split() + CSMS.split()), PAYLOADS, PAYLOADS), max_size=12),
    st.data(),
)
def test_no_payload_is_too_odd(said, data):
    version = data.draw(st.sampled_from(["1.6", "2.0.1", "2.1"]))
    pieces = []
    for action, asked, answer in said:
        sides = "><" if action in STATION else "<>"
        number = new()
        pieces += [
            f"{sides[0]} {call(number, action, asked if asked is not None else {})}",
            f"{sides[1]} {result(number, answer)}",
            "+130s",
        ]
    judged(pieces, heartbeat(), "+4000s", heartbeat(), version=version, only=OURS)


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_shapes(shape):
    for version in ("1.6", "2.0.1", "2.1"):
        for one in NAMES:
            odd = [
                ask(
                    new(),
                    action,
                    {one: shape, "status": "Charging", "connectorStatus": "Occupied", "connectorId": 1},
                )
                for action in STATION.split()[:3]
            ]
            judged(odd, version=version, only=OURS)


# --- what is still in the queue ---


def queued(count, since):
    """MeterValues of a transaction, one each second, that were made before the session."""
    for number in range(count):
        sample = {"timestamp": stamp(since + number), "sampledValue": [{"value": "1000"}]}
        yield ask(new(), "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": [sample]})
        yield "+1s"


def booted(status):
    answer = {"status": status, "currentTime": CURRENT, "interval": 200}
    return ask(new(), "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, answer)


@pytest.mark.parametrize(
    "legal",
    [
        # A long queue goes first, oldest first.
        [CHARGING, closed(), "+900s", opened(), status(), queued(200, 60), stop(timestamp=stamp(300))],
        [CHARGING, unlock(), closed(), "+900s", opened(), queued(200, 60), stop(timestamp=stamp(300))],
        # A station that the CSMS has pending may not send it yet.
        [
            [CHARGING, unlock(), closed(), "+200s", opened(), booted("Pending"), "+200s", booted("Accepted")],
            stop(reason="PowerLoss", timestamp=stamp(5)),
        ],
    ],
)
def test_the_stop_is_still_in_the_queue(legal):
    assert not judged(legal, later(300), only=["CON-007", "CON-015"])


def test_the_queue_has_come_and_the_stop_was_not_in_it():
    waited = [closed(), "+900s", opened(), queued(200, 60)]
    for rule, pieces in (
        ("CON-007", [CHARGING, waited, status(), later(300)]),
        ("CON-015", [CHARGING, unlock(), waited, later(300)]),
    ):
        assert [one.rule.id for one in judged(pieces, only=[rule])] == [rule]
