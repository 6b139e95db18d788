from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.rules.registry import RULES
from tests.rules import sessions
from tests.rules.sessions import (
    CURRENT,
    call,
    case,
    error,
    findings_of,
    gap,
    judged,
    opened,
    result,
    stamp,
)

E, W, I = "error", "warning", "info"
V2 = {"version": "2.0.1"}
V21 = {"version": "2.1"}
NOTHING = object()
NUMBERS = count(1)
RULES_OF_SECTION = [name for name in RULES if name.startswith("SC-")]


def ask(*args):
    """As in sessions, with an id that no other message has."""
    return sessions.ask(f"m{next(NUMBERS)}", *args)


def without(fields):
    return {name: value for name, value in fields.items() if value is not NOTHING}


def periods(*starts, limit=16.0):
    return [{"startPeriod": start, "limit": limit} for start in starts or (0,)]


def schedule(**changes):
    return without({"chargingRateUnit": "A", "chargingSchedulePeriod": periods()} | changes)


def profile_16(purpose="TxDefaultProfile", kind="Relative", identity=1, level=0, of=None, **changes):
    return without(
        {
            "chargingProfileId": identity,
            "stackLevel": level,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": schedule(**(of or {})),
        }
        | changes
    )


def set_16(*args, connector=1, answer="Accepted", **changes):
    asked = {"connectorId": connector, "csChargingProfiles": profile_16(*args, **changes)}
    return ask("SetChargingProfile", asked, {"status": answer}, "<")


def profile_2x(purpose="TxDefaultProfile", kind="Relative", identity=1, level=0, of=None, **changes):
    schedules = of if type(of) is list else [schedule(id=1, **(of or {}))]
    return without(
        {
            "id": identity,
            "stackLevel": level,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": schedules,
        }
        | changes
    )


def set_2x(*args, evse=1, answer="Accepted", **changes):
    asked = {"evseId": evse, "chargingProfile": profile_2x(*args, **changes)}
    return ask("SetChargingProfile", asked, {"status": answer}, "<")


def start(transaction=7, connector=1):
    asked = {"connectorId": connector, "idTag": "A", "meterStart": 0, "timestamp": CURRENT}
    return ask("StartTransaction", asked, {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}})


def stop(transaction=7):
    asked = {"transactionId": transaction, "meterStop": 0, "timestamp": CURRENT}
    return ask("StopTransaction", asked, {})


def connector_is(status, connector=1):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": status, "timestamp": CURRENT}
    return ask("StatusNotification", asked)


def configured(**keys):
    listed = [{"key": key, "readonly": True, "value": value} for key, value in keys.items()]
    return ask("GetConfiguration", {"key": list(keys)}, {"configurationKey": listed}, "<")


def variables(component="SmartChargingCtrlr", **values):
    listed = [{"component": {"name": component}, "variable": {"name": name}} for name in values]
    answers = [
        one | {"attributeStatus": "Accepted", "attributeValue": value}
        for one, value in zip(listed, values.values(), strict=True)
    ]
    return ask("GetVariables", {"getVariableData": listed}, {"getVariableResult": answers}, "<")


def entries(most):
    told = {
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": "Entries", "instance": "ChargingProfiles"},
        "variableAttribute": [{"value": "1", "mutability": "ReadOnly"}],
        "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": False, "maxLimit": most},
    }
    asked = {"requestId": 1, "generatedAt": CURRENT, "seqNo": 0, "reportData": [told]}
    return ask("NotifyReport", asked)


MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
AT = {"startSchedule": CURRENT}
TWO = {"chargingSchedulePeriod": periods(0, 60)}
ABSENT = {"SupportedFeatureProfiles": "Core,Reservation"}
WRONG_PURPOSE = profile_16(chargingProfilePurpose="Tx")


def set_wrong(answer):
    asked = {"connectorId": 1, "csChargingProfiles": WRONG_PURPOSE}
    said = answer if isinstance(answer, str) else f"> {result('p', answer)}"
    return [f"< {call('p', 'SetChargingProfile', asked)}", "+0.1s", said]


VIOLATION = f"> {error('p', 'PropertyConstraintViolation')}"

CASES = [
    case("SC-001", set_16(MAX), set_16(MAX, connector=0), E, subject="connector 1"),
    case(
        "SC-002",
        set_16(TX, connector=0),
        [start(), set_16(TX, transactionId=7)],
        E,
        about="on connector 0",
    ),
    case(
        "SC-002",
        [connector_is("Available"), set_16(TX)],
        [connector_is("Available"), set_16(TX, answer="Rejected")],
        E,
        about="none runs",
        subject="connector 1",
        events=[2, 4, 5],
    ),
    case(
        "SC-002",
        [start(), stop(), set_16(TX, transactionId=7)],
        [start(), set_16(TX, transactionId=7), stop()],
        E,
        about="it has ended",
    ),
    case(
        "SC-002",
        [start(), set_16(TX, transactionId=8)],
        [start(), set_16(TX)],
        E,
        about="another one",
    ),
    case(
        "SC-002",
        [start(), set_16(TX, connector=2, transactionId=7)],
        [start(), set_16(TX, connector=1, transactionId=7)],
        E,
        about="another connector",
    ),
    case("SC-003", set_16(transactionId=7), set_16(), I),
    case(
        "SC-004",
        set_16(of={"chargingSchedulePeriod": periods(10, 60)}),
        set_16(of={"chargingSchedulePeriod": periods(0, 60)}),
        E,
        about="not from 0",
    ),
    case(
        "SC-004",
        set_16(of={"chargingSchedulePeriod": periods(0, 60, 60)}),
        set_16(of={"chargingSchedulePeriod": periods(0, 60, 61)}),
        E,
        about="not ascending",
    ),
    case("SC-004", set_16(of={"chargingSchedulePeriod": []}), set_16(), E, about="none", also=()),
    case(
        "SC-004",
        set_2x(of={"chargingSchedulePeriod": periods(0, 120, 60)}),
        set_2x(of={"chargingSchedulePeriod": periods(0, 60, 120)}),
        E,
        about="2.x",
        **V2,
    ),
    case(
        "SC-005",
        set_16(of={"chargingSchedulePeriod": periods(limit=7.25)}),
        set_16(of={"chargingSchedulePeriod": periods(limit=7.2)}),
        W,
    ),
    case("SC-005", set_2x(of={"minChargingRate": 6.55}), set_2x(of={"minChargingRate": 6.5}), W, **V2),
    case(
        "SC-005",
        set_2x(of={"chargingSchedulePeriod": periods(limit=7.1234567)}),
        set_2x(of={"chargingSchedulePeriod": periods(limit=7.123456)}),
        W,
        about="2.1",
        **V21,
    ),
    case("SC-006", set_16(recurrencyKind="Daily"), set_16(), W, about="not Recurring"),
    case(
        "SC-006",
        set_16(kind="Recurring", of=AT),
        set_16(kind="Recurring", of=AT, recurrencyKind="Daily"),
        W,
        about="how is not said",
    ),
    case("SC-007", set_16(kind="Absolute"), set_16(kind="Absolute", of=AT), W, about="no start"),
    case("SC-007", set_16(of=AT), set_16(), W, about="a start"),
    case(
        "SC-016", set_wrong({"status": "Rejected"}), set_wrong(VIOLATION), E, about="enum", also={"SCH-enum"}
    ),
    case(
        "SC-016",
        [configured(NumberOfConnectors="2"), set_16(connector=3, answer="Rejected")],
        [configured(NumberOfConnectors="2"), set_16(connector=2, answer="Rejected")],
        E,
        about="connector",
    ),
    case(
        "SC-016",
        [configured(**ABSENT), set_16(answer="Rejected")],
        [configured(**ABSENT), set_16(answer="NotSupported")],
        E,
        about="no smart charging",
    ),
    case(
        "SC-017",
        [configured(ChargingScheduleAllowedChargingRateUnit="Power"), set_16()],
        [configured(ChargingScheduleAllowedChargingRateUnit="Current, Power"), set_16()],
        E,
        subject="A",
    ),
    case("SC-017", [variables(RateUnit="W"), set_2x()], [variables(RateUnit="A,W"), set_2x()], E, **V2),
    case(
        "SC-018",
        set_16(validFrom=stamp(100), validTo=stamp(0)),
        set_16(validFrom=stamp(0), validTo=stamp(100)),
        W,
        about="valid",
    ),
    case(
        "SC-018", set_16(of={"duration": 30, **TWO}), set_16(of={"duration": 90, **TWO}), W, about="duration"
    ),
    case(
        "SC-018",
        set_16(kind="Recurring", of={"duration": 90_000, **AT}, recurrencyKind="Daily"),
        set_16(kind="Recurring", of={"duration": 86_400, **AT}, recurrencyKind="Daily"),
        W,
        about="recurrence",
    ),
    case(
        "SC-024",
        [configured(ChargeProfileMaxStackLevel="3"), set_16(level=4)],
        [configured(ChargeProfileMaxStackLevel="3"), set_16(level=3)],
        W,
        subject="stackLevel",
    ),
    case(
        "SC-024",
        [configured(ChargingScheduleMaxPeriods="1"), set_16(of=TWO)],
        [configured(ChargingScheduleMaxPeriods="2"), set_16(of=TWO)],
        W,
        about="periods",
    ),
    case(
        "SC-024",
        [configured(MaxChargingProfilesInstalled="1"), set_16(), set_16(identity=2, level=1)],
        [configured(MaxChargingProfilesInstalled="1"), set_16(), set_16(identity=2)],
        W,
        about="installed",
        subject="profiles",
    ),
    case(
        "SC-024",
        [variables(ProfileStackLevel="3", PeriodsPerSchedule="1"), set_2x(level=4, of=TWO)],
        [variables(ProfileStackLevel="4", PeriodsPerSchedule="2"), set_2x(level=4, of=TWO)],
        W,
        count=1,
        **V2,
    ),
    case(
        "SC-024",
        [entries(1), set_2x(), set_2x(identity=2, level=1)],
        [entries(1), set_2x(), set_2x(level=1)],
        W,
        about="entries",
        **V2,
    ),
    case("SC-032", set_16(answer="Rejected"), set_16(), I, events=[2, 3]),
]
IDS = [str(one) for one in CASES]


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_messages_that_break_a_rule(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_the_nearest_legal_messages(one):
    one.check_legal()


OF_TRANSACTION = {"connectorId": 1, "csChargingProfiles": profile_16(TX)}
STARTING = f"> {call('s', 'StartTransaction', {'connectorId': 1, 'idTag': 'A', 'meterStart': 0, 'timestamp': CURRENT})}"

# --- a TxProfile and its transaction --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        # the start, or the stop, crosses the profile on its way
        [
            connector_is("Available"),
            f"< {call('p', 'SetChargingProfile', OF_TRANSACTION)}",
            start(),
            f"> {result('p', {'status': 'Accepted'})}",
        ],
        [
            start(),
            connector_is("Available"),
            f"< {call('p', 'SetChargingProfile', OF_TRANSACTION)}",
            stop(),
            f"> {result('p', {'status': 'Accepted'})}",
        ],
        # a start that the CSMS has not answered: the id is not known yet
        [
            STARTING,
            set_16(TX, transactionId=9),
        ],
        # a StartTransaction that was refused will come again
        [
            connector_is("Available"),
            STARTING,
            f"< {error('s')}",
            set_16(TX),
        ],
        [opened(late=True), connector_is("Available"), set_16(TX)],
        [connector_is("Available"), gap(), set_16(TX)],
        [connector_is("Charging"), set_16(TX)],
        [set_16(TX, transactionId=7)],
        [start(), start(8, 2), set_16(TX, connector=2, transactionId=8)],
    ],
)
def test_a_tx_profile_whose_transaction_may_run(pieces):
    assert not judged(pieces, only=["SC-002"])


def test_a_tx_profile_that_came_with_a_remote_start_is_no_concern():
    asked = {"idTag": "A", "connectorId": 1, "chargingProfile": profile_16(TX)}
    pieces = [
        connector_is("Available"),
        ask("RemoteStartTransaction", asked, {"status": "Accepted"}, "<"),
    ]
    assert not [one for one in judged(pieces) if one.rule.id.startswith("SC")]


# --- schedules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "asked", "version"),
    [
        ("RemoteStartTransaction", {"idTag": "A", "chargingProfile": profile_16(TX)}, "1.6"),
        (
            "RequestStartTransaction",
            {
                "remoteStartId": 1,
                "idToken": {"idToken": "A", "type": "ISO14443"},
                "chargingProfile": profile_2x(TX),
            },
            "2.0.1",
        ),
    ],
)
def test_the_profile_of_a_remote_start(action, asked, version):
    found = asked["chargingProfile"]["chargingSchedule"]
    one = found[0] if isinstance(found, list) else found
    legal = ask(action, asked, {"status": "Accepted"}, "<")
    assert not [finding for finding in judged(legal, version=version) if finding.rule.id.startswith("SC")]
    one["chargingSchedulePeriod"] = [{"startPeriod": 5, "limit": 7.25}]
    one["startSchedule"] = stamp()
    broken = set(findings_of(ask(action, asked, {"status": "Accepted"}, "<"), version=version))
    assert broken >= {"SC-004", "SC-005", "SC-007" if version == "1.6" else "SC-008"}


def test_schedules_that_the_station_tells():
    told = schedule(id=1, chargingSchedulePeriod=[{"startPeriod": 30, "limit": 7.25}])
    limit = {"chargingLimit": {"chargingLimitSource": "EMS"}, "chargingSchedule": [told]}
    found = findings_of(ask("NotifyChargingLimit", limit), **V2)
    assert set(found) >= {"SC-004", "SC-005"}
    composite = {
        "status": "Accepted",
        "schedule": told | {"duration": 60, "scheduleStart": stamp(), "evseId": 1},
    }
    asked = {"duration": 60, "evseId": 1}
    assert "SC-005" in findings_of(ask("GetCompositeSchedule", asked, composite, "<"), **V2)
    found = findings_of(
        ask(
            "GetCompositeSchedule",
            {"connectorId": 1, "duration": 60},
            {"status": "Accepted", "chargingSchedule": schedule(chargingSchedulePeriod=periods(limit=7.333))},
            "<",
        )
    )
    assert found["SC-005"].detail == "limit is 7.333: 3 decimals"


@pytest.mark.parametrize("value", [16, 16.0, 0.1, 22000.0, 1e22, -6.5, 0.0])
def test_one_decimal_is_enough(value):
    assert not judged(set_16(of={"chargingSchedulePeriod": periods(limit=value)}), only=["SC-005"])


@pytest.mark.parametrize("value", [0.15, 1e-05, 7.333333333333333, 16.01])
def test_more_than_one_decimal(value):
    assert judged(set_16(of={"chargingSchedulePeriod": periods(limit=value)}), only=["SC-005"])


# --- what the station can do ----------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["Current", "A", "current,power", "W, A", "", "Ampere", "Current;Power"])
def test_a_unit_that_may_be_allowed(units):
    assert not judged(configured(ChargingScheduleAllowedChargingRateUnit=units), set_16(), only=["SC-017"])


def test_settings_that_are_no_numbers():
    keys = {"ChargeProfileMaxStackLevel": "high", "MaxChargingProfilesInstalled": "-1"}
    assert not judged(configured(**keys), set_16(level=99), only=["SC-024"])


@pytest.mark.parametrize(
    ("between", "count_is_sure"),
    [
        ([], True),
        (set_16(answer="Rejected", identity=3, level=5), True),
        (ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}), False),
        (ask("ClearChargingProfile", {}, {"status": "Accepted"}, "<"), False),
        (ask("ClearChargingProfile", {"id": 1}, {"status": "Unknown"}, "<"), False),
        (ask("ClearChargingProfile", {"id": 2}, {"status": "Accepted"}, "<"), True),
        (gap(), False),
    ],
)
def test_profiles_that_may_be_gone_do_not_count(between, count_is_sure):
    most = configured(MaxChargingProfilesInstalled="1")
    found = judged(most, set_16(), between, set_16(identity=2, level=1), only=["SC-024"])
    assert bool(found) is count_is_sure


def test_profiles_that_have_ended_do_not_count():
    most, other = configured(MaxChargingProfilesInstalled="1"), set_16(identity=2, level=1)
    assert not judged(most, set_16(validTo=stamp(-60)), other, only=["SC-024"])
    assert not judged(most, start(), set_16(TX, transactionId=7), stop(), other, only=["SC-024"])


# --- how it is answered ---------------------------------------------------------------------------------------


def test_smart_charging_that_is_supported():
    supported = configured(SupportedFeatureProfiles="Core, Smart Charging")
    assert not judged(supported, set_16(answer="Rejected"), only=["SC-016"])


def test_a_connector_that_cannot_be():
    assert judged(configured(NumberOfConnectors="2"), set_16(connector=-1), only=["SC-016"])
    assert not judged(set_16(connector=99), only=["SC-016"])


# --- the nearest accepted profile -----------------------------------------------------------------------------


def detail_of(*pieces, **options):
    found = [one for one in judged(*pieces, only=["SC-032"], **options) if one.subject != "accepted"]
    return found[0].detail if found else None


def test_one_that_is_refused_where_none_was_accepted():
    assert detail_of(set_16(answer="Rejected")) == (
        "TxDefaultProfile 1 for connector 1 was answered Rejected; no profile of this station was accepted before"
    )


def test_the_stack_level_is_what_differs():
    """ABB Terra AC refuses the highest stack level that it tells."""
    assert detail_of(
        set_16(MAX, level=2, connector=0), set_16(MAX, level=3, connector=0, answer="Rejected")
    ) == (
        "ChargePointMaxProfile 1 for connector 0 was answered Rejected; the nearest one that was accepted has "
        "stackLevel 2 (here 3)"
    )


def test_the_nearest_of_several():
    pieces = [
        set_16(),
        set_16(MAX, kind="Absolute", of={**AT, "chargingRateUnit": "W"}, connector=0, identity=2, level=1),
        set_16(
            MAX, connector=0, of={"duration": 60, "chargingRateUnit": "W"}, identity=3, answer="NotSupported"
        ),
    ]
    assert detail_of(pieces) == (
        "ChargePointMaxProfile 3 for connector 0 was answered NotSupported; the nearest one that was accepted has "
        "chargingProfileKind Absolute (here Relative), stackLevel 1 (here 0), startSchedule, no duration"
    )


def test_the_number_of_periods_and_a_recurrency():
    daily = {"kind": "Recurring", "recurrencyKind": "Daily"}
    assert "has no recurrencyKind" not in detail_of(set_16(of=AT), set_16(of=AT | TWO, answer="Rejected"))
    assert detail_of(set_16(of=AT), set_16(of=AT | TWO, answer="Rejected")).endswith(
        "has 1 chargingSchedulePeriods (here 2)"
    )
    assert detail_of(set_16(of=AT), set_16(of=AT, answer="Rejected", **daily)).endswith(
        "has chargingProfileKind Relative (here Recurring), no recurrencyKind"
    )


def test_only_times_and_limits_differ():
    low = {"chargingSchedulePeriod": periods(limit=3.0)}
    assert detail_of(set_16(), set_16(answer="Rejected", of=low)).endswith(
        "answered Rejected; one that differs in its times and limits at most was accepted before"
    )


def test_why_it_is_refused():
    assert "while no transaction was running there" in detail_of(set_16(TX, answer="Rejected"))
    assert "while no" not in detail_of(start(), set_16(TX, answer="Rejected"))
    assert "while no" not in detail_of(opened(late=True), set_16(TX, answer="Rejected"))
    info = {"reasonCode": "InvalidStackLevel", "additionalInfo": "at most 1"}
    asked = {"evseId": 1, "chargingProfile": profile_2x()}
    answer = {"status": "Rejected", "statusInfo": info}
    said = detail_of(ask("SetChargingProfile", asked, answer, "<"), **V2)
    assert said.startswith(
        "TxDefaultProfile 1 for EVSE 1 was answered Rejected (InvalidStackLevel: at most 1);"
    )


def test_a_call_error():
    asked = {"connectorId": 1, "csChargingProfiles": profile_16()}
    pieces = [f"< {call('p', 'SetChargingProfile', asked)}", f"> {error('p', 'NotImplemented', 'no')}"]
    assert " was answered NotImplemented (no); " in detail_of(pieces)


def test_the_first_that_is_accepted_after_others_were_refused():
    found = judged(set_16(level=3, answer="Rejected"), set_16(level=0), set_16(level=1), only=["SC-032"])
    assert [one.detail for one in found if one.subject == "accepted"] == [
        "the first profile that was accepted has stackLevel 0 (here 3)"
    ]
    again = judged(set_16(answer="Rejected"), set_16(), only=["SC-032"])
    assert [one.subject for one in again] == ["TxDefaultProfile, stackLevel 0"]


# --- any payload ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "Accepted", "9999-12-31T23:59:59Z", "Daily", "TxProfile", "A", "1" * 50])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = """id chargingProfileId stackLevel chargingProfilePurpose chargingProfileKind recurrencyKind validFrom validTo
transactionId dynUpdateInterval chargingSchedule""".split()
IN_SCHEDULE = """duration startSchedule chargingRateUnit minChargingRate chargingSchedulePeriod useLocalTime limitAtSoC
randomizedDelay""".split()
IN_PERIOD = "startPeriod limit numberPhases phaseToUse operationMode evseSleep".split()
PERIODS = st.lists(st.dictionaries(st.sampled_from(IN_PERIOD), JSON, max_size=5) | JSON, max_size=3)
SCHEDULES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(IN_SCHEDULE, JSON) | {"chargingSchedulePeriod": PERIODS}
)
PROFILES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(FIELDS, JSON) | {"chargingSchedule": SCHEDULES | st.lists(SCHEDULES, max_size=3)},
)
ASKED = JSON | st.fixed_dictionaries(
    {},
    optional={
        "connectorId": JSON,
        "evseId": JSON,
        "csChargingProfiles": PROFILES | JSON,
        "chargingProfile": PROFILES | st.lists(PROFILES, max_size=2) | JSON,
    },
)
ANSWERS = JSON | st.just({"status": "Accepted"}) | st.just({"status": "Rejected"})


@given(asked=ASKED, answer=ANSWERS, version=st.sampled_from(["1.6", "2.0.1", "2.1"]))
def test_no_shape_of_a_payload_raises(asked, answer, version):
    settings = [
        configured(NumberOfConnectors="2", ChargingScheduleAllowedChargingRateUnit="Power", **ABSENT),
        variables(
            RateUnit="W", ProfileStackLevel="0", SupportsUseLocalTime="false", MaxExternalConstraintsId="9"
        ),
    ]
    odd = [
        ask(action, asked, answer, "<")
        for action in "SetChargingProfile RemoteStartTransaction RequestStartTransaction ClearChargingProfile".split()
    ]
    judged(
        settings,
        start(),
        odd,
        set_16() if version == "1.6" else set_2x(),
        odd,
        version=version,
        only=RULES_OF_SECTION,
    )


def test_a_station_without_smart_charging_need_not_know_its_values():
    assert not judged(configured(**ABSENT), set_wrong({"status": "NotSupported"}), only=["SC-016"])


def test_a_list_that_leaves_out_what_the_station_can_do():
    for profile, severity in (("strict", E), ("field", W)):
        found = judged(configured(**ABSENT), set_16(), only=["SC-016"], profile=profile)
        assert [one.severity for one in found] == [severity]


def test_another_transaction_may_have_begun_where_bytes_are_missing():
    assert judged(start(), set_16(TX, transactionId=9), only=["SC-002"])
    assert not judged(start(), gap(), set_16(TX, transactionId=9), only=["SC-002"])


def test_two_mistakes_are_not_one():
    wrong = [set_16(kind="Recurring", of=AT), set_16(recurrencyKind="Daily")]
    assert len(judged(wrong, only=["SC-006"])) == 2
