import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import CURRENT, call, case, error, gap, judged, opened, result, stamp
from tests.rules.test_smart_charging import (
    ASKED,
    DEFAULT,
    RULES_OF_SECTION,
    TX,
    V2,
    V21,
    ask,
    periods,
    profile_2x,
    schedule,
    set_2x,
    variables,
)

E, W = "error", "warning"
MAX = "ChargingStationMaxProfile"
EXTERNAL = "ChargingStationExternalConstraints"
FOR_T = {"transactionId": "T"}


def transaction(kind="Started", identity="T", seq=0, evse=1, reason="CablePluggedIn", **changes):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": reason,
        "seqNo": seq,
        "transactionInfo": {"transactionId": identity, "chargingState": "Charging"},
        "evse": {"id": evse, "connectorId": 1},
    }
    return ask("TransactionEvent", asked | changes, {})


def status_of_evse(value, evse=1):
    asked = {"timestamp": CURRENT, "connectorStatus": value, "evseId": evse, "connectorId": 1}
    return ask("StatusNotification", asked, {})


def needs(answer="Accepted", evse=1):
    parameters = {"energyAmount": 9000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400}
    told = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": parameters}
    return ask("NotifyEVChargingNeeds", {"evseId": evse, "chargingNeeds": told}, {"status": answer})


def clear(**criteria):
    return ask("ClearChargingProfile", {"chargingProfileCriteria": criteria}, {"status": "Accepted"}, "<")


ENDED = transaction("Ended", seq=1, reason="EVDeparted")
AVAILABLE = status_of_evse("Available")
TWO_SCHEDULES = [schedule(id=1), schedule(id=2)]
DYNAMIC = {"kind": "Dynamic"}
PRIORITY = "PriorityCharging"


def phases(**fields):
    return {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0} | fields]}


CASES = [
    case("SC-008", set_2x(kind="Absolute"), set_2x(kind="Absolute", of={"startSchedule": stamp()}), E, **V2),
    case("SC-008", set_2x(of={"startSchedule": stamp()}), set_2x(), E, about="Relative", **V2),
    case(
        "SC-009",
        [transaction(), set_2x(TX)],
        [transaction(), set_2x(TX, **FOR_T)],
        E,
        subject="names no transaction",
        **V2,
    ),
    case(
        "SC-009",
        [transaction(), set_2x(TX, evse=0, answer="Rejected", **FOR_T)],
        [transaction(), set_2x(TX, answer="Rejected", **FOR_T)],
        E,
        about="EVSE 0",
        **V2,
    ),
    case(
        "SC-010",
        [transaction(), ENDED, set_2x(TX, **FOR_T)],
        [transaction(), set_2x(TX, **FOR_T), ENDED],
        E,
        about="it has ended",
        **V2,
    ),
    case(
        "SC-010",
        [transaction(), set_2x(TX, transactionId="U")],
        [transaction(), set_2x(TX, transactionId="U", answer="Rejected")],
        E,
        about="another one",
        **V2,
    ),
    case(
        "SC-010",
        [transaction(), set_2x(TX, evse=2, **FOR_T)],
        [transaction(), set_2x(TX, evse=1, **FOR_T)],
        E,
        about="another EVSE",
        **V2,
    ),
    case(
        "SC-010",
        [AVAILABLE, set_2x(TX, **FOR_T)],
        [AVAILABLE, set_2x(TX, answer="Rejected", **FOR_T)],
        E,
        about="none runs",
        **V2,
    ),
    case("SC-011", set_2x(MAX), set_2x(MAX, "Absolute", evse=0, of={"startSchedule": stamp()}), E, **V2),
    case(
        "SC-011",
        set_2x(MAX, evse=0),
        set_2x(MAX, "Absolute", evse=0, of={"startSchedule": stamp()}),
        E,
        about="Relative",
        subject="chargingProfileKind",
        **V2,
    ),
    case("SC-012", set_2x(EXTERNAL, answer="Rejected"), set_2x(answer="Rejected"), E, **V2),
    case(
        "SC-012",
        clear(chargingProfilePurpose=EXTERNAL),
        clear(chargingProfilePurpose=DEFAULT),
        E,
        about="cleared",
        **V2,
    ),
    case("SC-013", [set_2x(), set_2x(identity=2)], [set_2x(), set_2x()], W, **V2),
    case(
        "SC-013",
        [set_2x(evse=0), set_2x(identity=2)],
        [set_2x(evse=2), set_2x(identity=2)],
        W,
        about="of the station",
        **V2,
    ),
    case(
        "SC-013",
        [transaction(), set_2x(TX, **FOR_T), set_2x(TX, identity=2, **FOR_T)],
        [transaction(), set_2x(TX, **FOR_T), set_2x(TX, identity=2, level=1, **FOR_T)],
        W,
        about="of a transaction",
        **V2,
    ),
    case("SC-014", set_2x(of=phases(phaseToUse=2)), set_2x(of=phases(phaseToUse=2, numberPhases=1)), E, **V2),
    case(
        "SC-014", set_2x(of=phases(phaseToUse=2, numberPhases=3)), set_2x(of=phases(numberPhases=3)), E, **V21
    ),
    case(
        "SC-015",
        [transaction(), set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
        [transaction(), needs(), set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
        W,
        **V2,
    ),
    case("SC-015", set_2x(of=TWO_SCHEDULES), set_2x(), W, about="a default", **V2),
    case(
        "SC-015",
        [transaction(), needs(), set_2x(TX, of=[*TWO_SCHEDULES, schedule(id=3), schedule(id=4)], **FOR_T)],
        [transaction(), needs(), set_2x(TX, of=[*TWO_SCHEDULES, schedule(id=3)], **FOR_T)],
        W,
        about="four",
        **V2,
    ),
    case("SC-025", set_2x(PRIORITY, of={"duration": 60}), set_2x(PRIORITY), E, **V21),
    case(
        "SC-025",
        set_2x(PRIORITY, of=phases(operationMode="CentralSetpoint")),
        set_2x(PRIORITY, of=phases(operationMode="ChargingOnly")),
        E,
        about="mode",
        **V21,
    ),
    case(
        "SC-025",
        [variables(SupportedAdditionalPurposes="LocalGeneration"), set_2x(PRIORITY)],
        [variables(SupportedAdditionalPurposes="LocalGeneration, PriorityCharging"), set_2x(PRIORITY)],
        E,
        about="purpose",
        **V21,
    ),
    case("SC-026", set_2x(**DYNAMIC, of=TWO_SCHEDULES), set_2x(**DYNAMIC), E, about="schedules", **V21),
    case(
        "SC-026",
        set_2x(**DYNAMIC, of={"chargingSchedulePeriod": periods(0, 60)}),
        set_2x(**DYNAMIC, dynUpdateInterval=60),
        E,
        about="periods",
        **V21,
    ),
    case(
        "SC-026",
        set_2x(dynUpdateInterval=60),
        set_2x(**DYNAMIC, dynUpdateInterval=60),
        E,
        about="interval",
        **V21,
    ),
    case(
        "SC-026",
        [variables(SupportsDynamicProfiles="false"), set_2x(**DYNAMIC)],
        [variables(SupportsDynamicProfiles="false"), set_2x(**DYNAMIC, answer="Rejected")],
        E,
        about="supported",
        **V21,
    ),
    *(
        case(
            "SC-027",
            [variables(**{variable: "false"}), set_2x(of=of)],
            [variables(**{variable: "true"}), set_2x(of=of)],
            E,
            about=variable,
            **V21,
        )
        for variable, of in (
            ("SupportsUseLocalTime", {"useLocalTime": True}),
            ("SupportsRandomizedDelay", {"randomizedDelay": 60}),
            ("SupportsLimitAtSoC", {"limitAtSoC": {"soc": 80, "limit": 6.0}}),
            ("SupportsEvseSleep", phases(evseSleep=True)),
        )
    ),
    case(
        "SC-028",
        [variables(MaxExternalConstraintsId="1000"), set_2x(identity=1000)],
        [variables(MaxExternalConstraintsId="1000"), set_2x(identity=1001)],
        W,
        **V21,
    ),
]
IDS = [str(one) for one in CASES]


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_messages_that_break_a_rule(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_the_nearest_legal_messages(one):
    one.check_legal()


TX_CALL = f"< {call('p', 'SetChargingProfile', {'evseId': 1, 'chargingProfile': profile_2x(TX, **FOR_T)})}"
TX_TAKEN = f"> {result('p', {'status': 'Accepted'})}"
STARTED = {
    "eventType": "Started",
    "timestamp": CURRENT,
    "triggerReason": "RemoteStart",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "T"},
    "evse": {"id": 1},
}


@pytest.mark.parametrize(
    "pieces",
    [
        [set_2x(TX, **FOR_T)],
        [status_of_evse("Occupied"), set_2x(TX, **FOR_T)],
        [opened(late=True), AVAILABLE, set_2x(TX, **FOR_T)],
        [AVAILABLE, gap(), set_2x(TX, **FOR_T)],
        [transaction(), TX_CALL, ENDED, TX_TAKEN],
        [AVAILABLE, TX_CALL, transaction(), TX_TAKEN],
        # what begins is refused, and comes again
        [AVAILABLE, f"> {call('s', 'TransactionEvent', STARTED)}", f"< {error('s')}", set_2x(TX, **FOR_T)],
        # of the one that runs, the start is not in the capture
        [transaction("Updated", "U", 3), set_2x(TX, **FOR_T)],
    ],
)
def test_a_tx_profile_whose_transaction_may_run(pieces):
    assert not judged(pieces, only=["SC-010"], **V2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"validTo": stamp(60)}, {"validFrom": stamp(60)}),
        ({"validTo": stamp(-60)}, {}),
        ({"validFrom": stamp(600)}, {"validTo": stamp(600)}),
        ({"answer": "Rejected"}, {}),
        ({"purpose": "PriorityCharging"}, {}),
    ],
)
def test_profiles_that_do_not_meet(first, second):
    assert not judged(set_2x(**first), set_2x(identity=2, **second), only=["SC-013"], **V2)


@pytest.mark.parametrize(
    "between", [gap(), clear(stackLevel=0), clear(evseId=1), clear(chargingProfilePurpose=DEFAULT)]
)
def test_a_profile_that_may_be_gone(between):
    assert not judged(set_2x(), between, set_2x(identity=2), only=["SC-013"], **V2)


@pytest.mark.parametrize("between", [clear(stackLevel=1), clear(evseId=2), clear(chargingProfilePurpose=TX)])
def test_a_profile_that_was_not_meant(between):
    assert judged(set_2x(), between, set_2x(identity=2), only=["SC-013"], **V2)


def test_a_profile_that_a_report_tells():
    report = {
        "requestId": 1,
        "chargingLimitSource": "CSO",
        "evseId": 1,
        "chargingProfile": [profile_2x(identity=5)],
    }
    reported = ask("ReportChargingProfiles", report, {})
    assert judged(reported, set_2x(identity=2), only=["SC-013"], **V2)


def test_tx_profiles_end_with_their_transaction():
    second = transaction(seq=0, identity="U")
    pieces = [transaction(), set_2x(TX, **FOR_T), ENDED, second]
    assert not judged(pieces, set_2x(TX, identity=2, transactionId="U"), only=["SC-013"], **V2)


@pytest.mark.parametrize(
    "pieces",
    [
        [opened(late=True), set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
        [set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
        [transaction("Updated", seq=4), set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
        [transaction(), gap(), set_2x(TX, of=TWO_SCHEDULES, **FOR_T)],
    ],
)
def test_needs_that_may_have_been_told_before(pieces):
    assert not judged(pieces, only=["SC-015"], **V2)


def test_what_the_station_says_of_another_component_does_not_count():
    other = variables("OtherCtrlr", MaxExternalConstraintsId="1000")
    assert not judged(other, set_2x(identity=1), only=["SC-028"], **V21)


def test_ids_that_are_too_low_are_one_finding():
    profiles = [set_2x(identity=number) for number in range(1, 4)]
    found = judged(variables(MaxExternalConstraintsId="1000"), profiles, only=["SC-028"], **V21)
    assert [one.count for one in found] == [3]


def test_an_evse_may_sleep_while_idle():
    idle = phases(evseSleep=True, operationMode="Idle")
    assert not judged(variables(SupportsEvseSleep="false"), set_2x(of=idle), only=["SC-027"], **V21)


@given(asked=ASKED, version=st.sampled_from(["2.0.1", "2.1"]))
def test_no_shape_of_a_payload_raises(asked, version):
    settings = variables(
        RateUnit="W",
        SupportsUseLocalTime="false",
        SupportsLimitAtSoC="false",
        SupportsEvseSleep="false",
        SupportsDynamicProfiles="false",
        SupportedAdditionalPurposes="x",
        MaxExternalConstraintsId="9",
    )
    actions = "SetChargingProfile ClearChargingProfile RequestStartTransaction".split()
    odd = [ask(action, asked, {"status": "Accepted"}, "<") for action in actions]
    report = ask("ReportChargingProfiles", asked, {})
    judged(
        settings,
        AVAILABLE,
        odd,
        transaction(),
        report,
        odd,
        ENDED,
        odd,
        version=version,
        only=RULES_OF_SECTION,
    )
