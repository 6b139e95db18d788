import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_16,
    CURRENT,
    call,
    case,
    closed,
    gap,
    judged,
    opened,
    result,
    stamp,
)
from tests.rules.test_charging_profiles_2x import ENDED, EXTERNAL, FOR_T, needs, transaction
from tests.rules.test_smart_charging import (
    ASKED,
    DEFAULT,
    JSON,
    MAX,
    RULES_OF_SECTION,
    TX,
    V2,
    V21,
    ask,
    periods,
    profile_2x,
    profile_16,
    schedule,
    set_2x,
    set_16,
    start,
    stop,
    variables,
)

E, W, I = "error", "warning", "info"
WITH_TX = {"transactionId": 7}
"""1.6."""


def beat():
    return ask("Heartbeat", {}, {"currentTime": CURRENT})


def get(request=1, evse=None, status="Accepted", **criteria):
    asked = {"requestId": request, "chargingProfile": criteria}
    return ask(
        "GetChargingProfiles", asked if evse is None else asked | {"evseId": evse}, {"status": status}, "<"
    )


def report(request=1, tbc=None, source="CSO", profiles=None, evse=1):
    asked = {
        "requestId": request,
        "chargingLimitSource": source,
        "chargingProfile": profiles or [profile_2x()],
        "evseId": evse,
    }
    return ask("ReportChargingProfiles", asked if tbc is None else asked | {"tbc": tbc}, {})


def external(limit, **changes):
    told = schedule(id=1, chargingSchedulePeriod=periods(limit=limit), startSchedule=stamp())
    one = profile_2x(EXTERNAL, "Absolute", -1, of=[told], **changes)
    return [get(status="Accepted", stackLevel=0), report(source="EMS", profiles=[one])]


def limit_told(limit=None, source="EMS", evse=1, **changes):
    asked = {"chargingLimit": {"chargingLimitSource": source}, "evseId": evse}
    if limit is not None:
        told = schedule(id=1, chargingSchedulePeriod=periods(limit=limit), **changes)
        asked["chargingSchedule"] = [told]
    return ask("NotifyChargingLimit", asked, {})


def clear(**asked):
    return ask("ClearChargingProfile", asked, {"status": "Accepted"}, "<")


def ev_needs(**parameters):
    told = {"requestedEnergyTransfer": "DC"} | parameters
    return ask("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": told}, {"status": "Rejected"})


AC = {"acChargingParameters": {"energyAmount": 9, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400}}
DC = {"dcChargingParameters": {"evMaxCurrent": 100, "evMaxVoltage": 400}}
V2X = {"v2xChargingParameters": {"maxChargePower": 11000}}


def pull(identity=1, answer="Accepted"):
    update = {"status": answer} | ({"scheduleUpdate": {"limit": 10.0}} if answer == "Accepted" else {})
    return ask("PullDynamicScheduleUpdate", {"chargingProfileId": identity}, update)


def update(identity=1, answer="Accepted"):
    asked = {"chargingProfileId": identity, "scheduleUpdate": {"limit": 10.0}}
    return ask("UpdateDynamicSchedule", asked, {"status": answer}, "<")


def use_priority(activate=True, answer="Accepted"):
    return ask("UsePriorityCharging", {"transactionId": "T", "activate": activate}, {"status": answer}, "<")


def priority(activated=True):
    return ask("NotifyPriorityCharging", {"transactionId": "T", "activated": activated}, {})


def sampled(value, measurand="Current.Import", unit="A", phase="L1", version="1.6"):
    one = {"value": str(value), "measurand": measurand}
    if phase:
        one["phase"] = phase
    if version == "1.6":
        return one | {"unit": unit}
    return one | {"value": value, "unitOfMeasure": {"unit": unit}}


def meter_16(*values, connector=1, at=CURRENT, transaction=7, **options):
    taken = [sampled(value, **options) for value in values]
    asked = {"connectorId": connector, "meterValue": [{"timestamp": at, "sampledValue": taken}]}
    return ask("MeterValues", asked | ({"transactionId": transaction} if transaction else {}), {})


def meter_2x(value, seq=1, reason="MeterValuePeriodic", **options):
    taken = [sampled(value, version="2.0.1", **options)]
    values = [{"timestamp": CURRENT, "sampledValue": taken}]
    return transaction("Updated", seq=seq, reason=reason, meterValue=values)


NEEDS_DC = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"} | DC}
NEEDS = f"> {call('n', 'NotifyEVChargingNeeds', NEEDS_DC)}"
CHARGING = [transaction(), meter_2x(32.0)]
DYNAMIC = {"kind": "Dynamic", "dynUpdateInterval": 60}

CASES = [
    case(
        "SC-019",
        get(chargingProfileId=[1], stackLevel=0, status="NoProfiles"),
        get(chargingProfileId=[1], status="NoProfiles"),
        E,
        about="ids and criteria",
        **V2,
    ),
    case("SC-019", get(status="NoProfiles"), get(evse=0, status="NoProfiles"), E, about="neither", **V2),
    case(
        "SC-019", [get(stackLevel=0), report(2)], [get(stackLevel=0), report(1)], E, subject="requestId", **V2
    ),
    case(
        "SC-019",
        [get(stackLevel=0), report(), report()],
        [get(stackLevel=0), report(tbc=True), report()],
        E,
        about="after the last",
        subject="tbc",
        **V2,
    ),
    case(
        "SC-019",
        [get(stackLevel=0), report(tbc=True), "+200s", beat(), "+110s", beat()],
        [get(stackLevel=0), report(tbc=True), "+200s", report(), "+110s", beat()],
        E,
        about="no last",
        **V2,
    ),
    case(
        "SC-020",
        ask("ClearChargingProfile", {}, {"status": "Unknown"}, "<"),
        clear(chargingProfileId=1),
        E,
        **V2,
    ),
    case(
        "SC-021",
        [transaction(), needs(), "+61s", beat()],
        [transaction(), needs(), "+50s", set_2x(TX, **FOR_T), "+11s", beat()],
        W,
        subject="EVSE 1",
        **V2,
    ),
    case(
        "SC-021",
        [
            transaction(),
            NEEDS,
            "+5s",
            set_2x(TX, **FOR_T),
            f"< {result('n', {'status': 'Accepted'})}",
        ],
        [
            transaction(),
            NEEDS,
            "+1s",
            set_2x(TX, **FOR_T),
            f"< {result('n', {'status': 'Accepted'})}",
            "+70s",
            beat(),
        ],
        W,
        about="too early",
        **V2,
    ),
    case("SC-022", ev_needs(**AC, **DC), ev_needs(**DC), E, about="both", **V2),
    case("SC-022", ev_needs(), ev_needs(**AC), E, about="neither", **V2),
    case("SC-022", ev_needs(), ev_needs(**V2X), E, about="2.1", **V21),
    case("SC-023", limit_told(source="CSO"), limit_told(), E, subject="chargingLimitSource", **V2),
    case(
        "SC-023",
        [external(16.0), "+10s", external(6.0), "+61s", beat()],
        [external(16.0), "+10s", limit_told(), external(6.0), "+61s", beat()],
        E,
        about="not told",
        subject="limit -1",
        **V2,
    ),
    case(
        "SC-023",
        [CHARGING, limit_told(16.0), "+121s", beat()],
        [CHARGING, limit_told(16.0), "+60s", meter_2x(15.5, 2, "ChargingRateChanged"), "+61s", beat()],
        E,
        about="rate",
        subject="transaction T",
        **V2,
    ),
    case(
        "SC-029",
        [transaction(), set_2x(**DYNAMIC), "+121s", beat()],
        [transaction(), set_2x(**DYNAMIC), "+60s", pull(), "+61s", beat()],
        E,
        about="pull",
        subject="profile 1",
        **V21,
    ),
    case(
        "SC-029",
        [set_2x(kind="Dynamic"), clear(chargingProfileId=1), update()],
        [set_2x(kind="Dynamic"), clear(chargingProfileId=1), update(answer="Rejected")],
        E,
        about="gone",
        **V21,
    ),
    case("SC-029", [set_2x(), update()], [set_2x(kind="Dynamic"), update()], E, about="not Dynamic", **V21),
    case(
        "SC-030",
        [transaction(), use_priority(), "+61s", beat()],
        [transaction(), use_priority(), "+50s", priority(), "+11s", beat()],
        E,
        subject="transaction T",
        **V21,
    ),
    case(
        "SC-031",
        [start(), set_16(TX, **WITH_TX), "+70s", meter_16(20.0)],
        [start(), set_16(TX, **WITH_TX), "+70s", meter_16(17.5)],
        I,
        subject="connector 1",
    ),
    case(
        "SC-031",
        [transaction(), set_2x(TX, **FOR_T), "+70s", meter_2x(20.0)],
        [transaction(), set_2x(TX, **FOR_T), "+50s", meter_2x(20.0)],
        I,
        subject="EVSE 1",
        **V2,
    ),
]
IDS = [str(one) for one in CASES]


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_messages_that_break_a_rule(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=IDS)
def test_the_nearest_legal_messages(one):
    one.check_legal()


# --- reports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [report(5)],
        [opened(late=True), get(stackLevel=0), report(5)],
        [get(stackLevel=0), closed(), opened(), report(5)],
        [get(1, stackLevel=0), get(2, stackLevel=0), report(2), report(1)],
        [get(stackLevel=0), report(), get(stackLevel=0), report()],
        [get(stackLevel=0), report(tbc=True), gap(), "+400s", beat()],
    ],
)
def test_reports_that_may_be_right(pieces):
    assert not judged(pieces, only=["SC-019"], **V2)


# --- needs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [transaction(), needs("Processing"), "+61s", beat()],
        [transaction(), needs(), "+10s", ENDED, "+51s", beat()],
        [transaction(), needs(), gap(), "+61s", beat()],
        [transaction(), needs()],
    ],
)
def test_needs_for_which_no_profile_has_to_come(pieces):
    assert not judged(pieces, only=["SC-021"], **V2)


# --- external limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [external(16.0), external(14.0)],
        [variables(LimitChangeSignificance="70"), external(16.0), external(6.0)],
        [external(16.0), gap(), external(6.0)],
        [external(16.0), external(6.0), limit_told()],
        [external(16.0), external(6.0), ask("ClearedChargingLimit", {"chargingLimitSource": "EMS"}, {})],
        [external(16.0), set_2x(), external(16.0)],
    ],
)
def test_external_limits_that_need_not_be_told(pieces):
    assert not judged(pieces, "+61s", beat(), only=["SC-023"], **V2)


@pytest.mark.parametrize(
    "pieces",
    [
        [transaction(), meter_2x(17.0), limit_told(16.0)],
        [transaction(), meter_2x(32.0, reason="ChargingRateChanged"), limit_told(16.0)],
        [CHARGING, limit_told(16.0), ENDED],
        [CHARGING, limit_told(16.0), gap()],
        [CHARGING, limit_told(16.0, startSchedule=stamp(600))],
        [CHARGING, limit_told(16.0, evse=2)],
        [CHARGING, limit_told()],
        [CHARGING, transaction(identity="U", evse=2), limit_told(16.0, evse=0)],
        [CHARGING, limit_told(16.0), meter_2x(32.0, 2, "ChargingStateChanged")],
        [CHARGING, "+400s", limit_told(16.0)],
        [limit_told(16.0)],
    ],
)
def test_rates_that_need_not_be_told(pieces):
    assert not judged(pieces, "+121s", beat(), only=["SC-023"], **V2)


def test_a_limit_of_the_station_with_one_transaction():
    assert judged(CHARGING, limit_told(16.0, evse=0), "+121s", beat(), only=["SC-023"], **V2)
    power = {"measurand": "Power.Active.Import", "unit": "kW", "phase": None}
    watts = limit_told(5000.0, chargingRateUnit="W")
    assert judged(transaction(), meter_2x(11.0, **power), watts, "+121s", beat(), only=["SC-023"], **V2)


# --- dynamic profiles, priority charging ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [set_2x(**DYNAMIC)],
        [transaction(), set_2x(**DYNAMIC), clear(chargingProfileId=1)],
        [transaction(), set_2x(**DYNAMIC), set_2x()],
        [transaction(), set_2x(TX, **DYNAMIC, **FOR_T), ENDED],
        [transaction(), set_2x(**DYNAMIC), gap()],
        [transaction(), set_2x(**DYNAMIC), "+60s", update(), "+30s"],
        [transaction(), set_2x(**DYNAMIC, answer="Rejected")],
        [transaction(), set_2x(kind="Dynamic")],
        [transaction(), set_2x(kind="Dynamic", dynUpdateInterval=10**12)],
    ],
)
def test_no_pull_is_due(pieces):
    assert not judged(pieces, "+80s", beat(), only=["SC-029"], **V21)


def test_the_next_pull_is_due_too():
    pieces = [
        transaction(),
        set_2x(**DYNAMIC),
        "+60s",
        pull(),
        "+60s",
        pull(answer="Rejected"),
        "+130s",
        beat(),
    ]
    assert judged(pieces, only=["SC-029"], **V21)


@pytest.mark.parametrize(
    "pieces",
    [
        [transaction(), set_2x(validFrom=stamp(3600), **DYNAMIC)],
        [transaction(), set_2x(validTo=stamp(30), **DYNAMIC)],
        [transaction(), set_2x(of={"duration": 30}, **DYNAMIC)],
        [transaction(evse=2), set_2x(**DYNAMIC)],
        [set_2x(**DYNAMIC), "+100s", transaction()],
    ],
)
def test_a_profile_that_limits_nothing_is_not_updated(pieces):
    assert not judged(pieces, "+80s", beat(), "+50s", beat(), only=["SC-029"], **V21)


def test_priority_charging_may_have_begun_before_the_capture():
    before = [opened(late=True), transaction("Updated", seq=4, reason="ChargingRateChanged")]
    assert not judged(before, use_priority(), "+61s", beat(), only=["SC-030"], **V21)
    assert judged(before, priority(), use_priority(False), "+61s", beat(), only=["SC-030"], **V21)


def test_an_update_of_a_profile_that_may_be_from_before():
    assert not judged(update(9), only=["SC-029"], **V21)
    assert not judged(
        set_2x(kind="Dynamic"), clear(chargingProfileId=1), gap(), update(), only=["SC-029"], **V21
    )


@pytest.mark.parametrize(
    "pieces",
    [
        [transaction(), use_priority(answer="NoProfile")],
        [transaction(), use_priority(), ENDED],
        [transaction(), use_priority(), gap()],
        [transaction(), priority(), use_priority()],
        [transaction(), use_priority(activate=False)],
        [
            transaction(),
            f"< {call('u', 'UsePriorityCharging', {'transactionId': 'T', 'activate': True})}",
            priority(),
            f"> {result('u', {'status': 'Accepted'})}",
        ],
    ],
)
def test_priority_charging_that_is_told_or_need_not_be(pieces):
    assert not judged(pieces, "+61s", beat(), only=["SC-030"], **V21)


def test_priority_charging_is_switched_off():
    pieces = [transaction(), use_priority(), priority(), use_priority(activate=False), "+61s", beat()]
    assert judged(pieces, only=["SC-030"], **V21)[0].detail.startswith(
        "priority charging of transaction T was accepted to be off"
    )


# --- what is measured -----------------------------------------------------------------------------------------


def drawn(*pieces, **options):
    found = judged(*pieces, only=["SC-031"], **options)
    return found[0].detail if found else None


def test_what_is_drawn_is_said():
    pieces = [start(), set_16(TX, level=2, **WITH_TX), "+70s", meter_16(20.0)]
    assert drawn(pieces) == "connector 1 draws 20 A, where TxProfile 1 (stackLevel 2) allows 16 A"


@pytest.mark.parametrize(
    ("profiles", "is_above"),
    [
        # the cap of the station
        ([set_16(MAX, connector=0)], True),
        (
            [
                set_16(MAX, connector=0),
                set_16(TX, identity=2, of={"chargingSchedulePeriod": periods(limit=32.0)}),
            ],
            True,
        ),
        # the highest stack level counts, and the TxProfile before the default
        (
            [set_16(TX), set_16(TX, identity=2, level=1, of={"chargingSchedulePeriod": periods(limit=32.0)})],
            False,
        ),
        (
            [set_16(TX, level=1), set_16(TX, identity=2, of={"chargingSchedulePeriod": periods(limit=32.0)})],
            True,
        ),
        # one that takes its place, or its id
        ([set_16(TX), set_16(TX, of={"chargingSchedulePeriod": periods(limit=32.0)})], False),
        ([set_16(TX), set_16(TX, identity=2, of={"chargingSchedulePeriod": periods(limit=32.0)})], False),
        # what no longer holds, or does not yet
        ([set_16(TX), clear()], False),
        ([set_16(TX), clear(id=2)], True),
        ([set_16(TX, validTo=stamp(30))], False),
        ([set_16(TX, validFrom=stamp(300))], False),
        ([set_16(TX, validFrom=stamp(0), validTo=stamp(300))], True),
        # schedules
        ([set_16(TX, "Absolute", of={"startSchedule": stamp(-60)})], True),
        ([set_16(TX, "Absolute", of={"startSchedule": stamp(300)})], False),
        ([set_16(TX, "Absolute", of={"startSchedule": stamp(-600), "duration": 300})], False),
        ([set_16(TX, "Absolute", of={"startSchedule": stamp(-600), "duration": 3600})], True),
        ([set_16(TX, "Absolute", of={"startSchedule": stamp(-600), "duration": 640})], False),
        ([set_16(TX, "Absolute")], False),
        ([set_16(TX, of={"duration": 7200})], True),
        ([set_16(TX, of={"duration": 300})], False),
        ([set_16(TX, of={"chargingSchedulePeriod": periods(0, 600)})], False),
        (
            [
                set_16(
                    TX,
                    "Absolute",
                    of={
                        "startSchedule": stamp(-60),
                        "chargingSchedulePeriod": [
                            {"startPeriod": 0, "limit": 16.0},
                            {"startPeriod": 120, "limit": 32.0},
                        ],
                    },
                )
            ],
            False,
        ),
        (
            [
                set_16(
                    TX,
                    "Absolute",
                    of={
                        "startSchedule": stamp(-3600),
                        "chargingSchedulePeriod": [
                            {"startPeriod": 0, "limit": 32.0},
                            {"startPeriod": 1800, "limit": 16.0},
                        ],
                    },
                )
            ],
            True,
        ),
        ([set_16(TX, "Recurring", recurrencyKind="Daily", of={"startSchedule": stamp(-90000)})], True),
        (
            [
                set_16(
                    TX,
                    "Recurring",
                    recurrencyKind="Daily",
                    of={"startSchedule": stamp(-90000), "duration": 600},
                )
            ],
            False,
        ),
        (
            [
                set_16(
                    TX,
                    "Recurring",
                    recurrencyKind="Daily",
                    of={"startSchedule": stamp(-95000), "duration": 600},
                )
            ],
            False,
        ),
        ([set_16(TX, "Recurring", of={"startSchedule": stamp(-90000)})], False),
        # not the unit of what is measured
        ([set_16(TX, of={"chargingRateUnit": "W"})], False),
        # a default set while it charges is for the next one
        ([set_16(DEFAULT)], False),
        ([set_16(TX, connector=2)], False),
    ],
)
def test_which_limit_counts(profiles, is_above):
    assert bool(drawn(start(), profiles, "+70s", meter_16(20.0))) is is_above


@pytest.mark.parametrize(
    ("before", "is_above"),
    [
        ([set_16(DEFAULT)], True),
        ([set_16(DEFAULT, connector=0)], True),
        ([set_16(DEFAULT, connector=2)], False),
        # whether that of the connector stacks on that of the station is read both ways
        ([set_16(DEFAULT, connector=0), set_16(DEFAULT, identity=2, level=1)], False),
        ([set_16(DEFAULT), BOOT_16], False),
        ([set_16(DEFAULT), gap()], False),
    ],
)
def test_defaults_that_were_set_before(before, is_above):
    assert bool(drawn(before, "+1s", start(), "+70s", meter_16(20.0))) is is_above


def test_a_profile_that_came_with_a_remote_start():
    asked = {"idTag": "a", "connectorId": 1, "chargingProfile": profile_16(TX)}
    remote = ask("RemoteStartTransaction", asked, {"status": "Accepted"}, "<")
    assert drawn(remote, start(), "+70s", meter_16(20.0))
    asked = {
        "remoteStartId": 5,
        "idToken": {"idToken": "A", "type": "Central"},
        "chargingProfile": profile_2x(TX),
    }
    remote = ask("RequestStartTransaction", asked, {"status": "Accepted"}, "<")
    info = {"transactionId": "T", "remoteStartId": 5}
    assert drawn(remote, transaction(transactionInfo=info), "+70s", meter_2x(20.0), **V2)
    assert not drawn(remote, transaction(), "+70s", meter_2x(20.0), **V2)
    answer = {"status": "Accepted", "transactionId": "T"}
    remote = ask("RequestStartTransaction", asked, answer, "<")
    assert drawn(transaction(), remote, "+70s", meter_2x(20.0), **V2)


@pytest.mark.parametrize(
    ("values", "is_above"),
    [
        (meter_16(20.0, phase=None), False),
        (meter_16(20.0, phase="N"), False),
        (meter_16(20.0, measurand="Current.Offered"), False),
        (meter_16(20.0, transaction=None), True),
        (meter_16(20.0, transaction=8), False),
        (meter_16(20.0, connector=2), False),
        (meter_16(20.0, connector=0), False),
        (meter_16(20.0, at=stamp(5)), False),
        (meter_16(20.0, at=stamp(-3600)), False),
        (meter_16(20.0, at=stamp(3600)), False),
        (meter_16(20000, unit="mA"), True),
        (meter_16("much"), False),
    ],
)
def test_what_is_measured(values, is_above):
    assert bool(drawn(start(), set_16(TX, **WITH_TX), "+70s", values)) is is_above


def test_power():
    limit = {"chargingRateUnit": "W", "chargingSchedulePeriod": periods(limit=11000.0)}
    power = {"measurand": "Power.Active.Import", "unit": "kW", "phase": None}
    setup = [start(), set_16(TX, of=limit, **WITH_TX), "+70s"]
    assert drawn(setup, meter_16(13.0, **power)) == (
        "connector 1 draws 13.0 kW, where TxProfile 1 (stackLevel 0) allows 11.0 kW"
    )
    assert not drawn(setup, meter_16(12.0, **power))


@pytest.mark.parametrize(
    "pieces",
    [
        [opened(late=True), set_16(TX, **WITH_TX), "+70s", meter_16(20.0)],
        [start(), set_16(TX, **WITH_TX), gap(), "+70s", meter_16(20.0)],
        [start(), gap(), set_16(TX, **WITH_TX), "+70s", meter_16(20.0)],
        [start(), set_16(TX, **WITH_TX), stop(), "+70s", meter_16(20.0)],
        [
            start(),
            set_16(TX, **WITH_TX),
            "+70s",
            set_16(MAX, connector=0, identity=9),
            "+30s",
            meter_16(20.0),
        ],
        [set_16(MAX, connector=0), "+70s", start(), "+30s", meter_16(20.0)],
    ],
)
def test_in_doubt_nothing_is_said(pieces):
    assert not drawn(pieces)


def test_without_times_nothing_is_said():
    assert not drawn(start(), set_16(TX, **WITH_TX), meter_16(20.0, at=stamp(70)), timeless=True)


def test_purposes_that_set_others_aside():
    for purpose in ("PriorityCharging", "LocalGeneration"):
        other = set_2x(purpose, identity=2, evse=0)
        assert not drawn(transaction(), set_2x(TX, **FOR_T), other, "+70s", meter_2x(20.0), **V21)
    dynamic = set_2x(TX, kind="Dynamic", **FOR_T)
    assert not drawn(transaction(), dynamic, "+70s", meter_2x(20.0), **V21)


def test_meter_values_of_an_evse():
    values = [{"timestamp": CURRENT, "sampledValue": [sampled(20.0, version="2.0.1")]}]
    told = ask("MeterValues", {"evseId": 1, "meterValue": values}, {})
    assert drawn(transaction(), set_2x(TX, **FOR_T), "+70s", told, **V2)


# --- any payload ----------------------------------------------------------------------------------------------

NAMES = """requestId tbc evseId chargingProfile chargingLimit chargingLimitSource chargingSchedule chargingNeeds status
chargingProfileId transactionId activate activated connectorId meterValue transactionInfo""".split()
ANY = JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6) | ASKED


@given(asked=ANY, answer=ANY, version=st.sampled_from(["1.6", "2.0.1", "2.1"]))
def test_no_shape_of_a_payload_raises(asked, answer, version):
    of_station = """NotifyEVChargingNeeds NotifyChargingLimit ClearedChargingLimit ReportChargingProfiles MeterValues
        PullDynamicScheduleUpdate NotifyPriorityCharging TransactionEvent StartTransaction StopTransaction""".split()
    of_csms = "GetChargingProfiles ClearChargingProfile UpdateDynamicSchedule UsePriorityCharging".split()
    odd = [ask(action, asked, answer) for action in of_station]
    odd += [ask(action, asked, answer, "<") for action in of_csms]
    known = [start(), set_16(TX, **WITH_TX)] if version == "1.6" else [transaction(), set_2x(TX, **FOR_T)]
    judged(odd, known, "+70s", odd, "+400s", beat(), version=version, only=RULES_OF_SECTION)
