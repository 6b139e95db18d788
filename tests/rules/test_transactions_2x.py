import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    CURRENT,
    JSON,
    NOW,
    ask,
    call,
    case,
    closed,
    damaged,
    findings_of,
    gap,
    judged,
    opened,
    result,
    stamp,
)

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
TOKEN = {"idToken": "04A1", "type": "ISO14443"}
EVSE = {"id": 1, "connectorId": 1}
FINE = {"idTokenInfo": {"status": "Accepted"}}
AWAY = (closed(), "+300s", opened())


def tell(kind, number, reason, transaction="T", answer=None, told=CURRENT, info=None, **more):
    asked = {
        "eventType": kind,
        "timestamp": told,
        "triggerReason": reason,
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction} | (info or {}),
    }
    if answer is None:
        answer = FINE if "idToken" in more else {}
    return ask(f"{transaction}{number}{reason}", "TransactionEvent", asked | more, answer)


def started(number=0, reason="Authorized", transaction="T", **more):
    fields = {"idToken": TOKEN, "evse": EVSE} | more
    return tell("Started", number, reason, transaction, **{k: v for k, v in fields.items() if v is not None})


def updated(number=1, reason="ChargingRateChanged", **more):
    return tell("Updated", number, reason, **more)


def ended(number=2, reason="StopAuthorized", **more):
    return tell("Ended", number, reason, **({"idToken": TOKEN} if reason == "StopAuthorized" else {}) | more)


def charging(state, number=1, reason="ChargingStateChanged", **more):
    return updated(number, reason, info={"chargingState": state}, **more)


def variables(name, value):
    about = {"component": {"name": "C"}, "variable": {"name": name}}
    answer = {"setVariableResult": [about | {"attributeStatus": "Accepted"}]}
    return ask(name, "SetVariables", {"setVariableData": [about | {"attributeValue": value}]}, answer, "<")


def values(*samples, at=CURRENT):
    return [{"timestamp": at, "sampledValue": list(samples)}]


def energy(value, context="Sample.Periodic"):
    return {"value": value, "context": context, "measurand": "Energy.Active.Import.Register"}


def phase(line, value=16):
    return {"value": value, "measurand": "Current.Import", "phase": line}


def status_of(answer, transaction="T"):
    asked = {"transactionId": transaction} if transaction else {}
    return ask("g", "GetTransactionStatus", asked, {"messagesInQueue": False} | answer, "<")


def boot(reason="PowerUp", message_id="b"):
    asked = {"reason": reason, "chargingStation": {"vendorName": "V", "model": "M"}}
    answer = {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    return ask(message_id, "BootNotification", asked, answer)


def reserve():
    asked = {"id": 3, "expiryDateTime": stamp(600), "idToken": TOKEN, "evseId": 1}
    return ask("r", "ReserveNow", asked, {"status": "Accepted"}, "<")


def limited(number=1, **limits):
    return updated(number, answer={"transactionLimit": limits})


def reset(kind):
    return ask("x", "Reset", {"type": kind}, {"status": "Accepted"}, "<")


PLUGGED_IN = started(reason="CablePluggedIn", idToken=None)
LATER = ("+650s", BEAT)
NO_STATUS = ["BOOT-012", "BOOT-016"]
STOP = ask("q", "RequestStopTransaction", {"transactionId": "T"}, {"status": "Accepted"}, "<")


def short(transaction):
    """A transaction at the beginning of the capture."""
    return [
        started(0, transaction=transaction, told=NOW),
        ended(1, transaction=transaction, told=NOW, info={"stoppedReason": "Local"}),
    ]


def settings(name, value):
    about = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": name}}
    answer = {"setVariableResult": [about | {"attributeStatus": "Accepted"}]}
    return ask(name, "SetVariables", {"setVariableData": [about | {"attributeValue": value}]}, answer, "<")


CASES = [
    case("TX2-001", updated(0), started(), E, **V2),
    case("TX2-001", updated(7), [started(), updated()], I, about="before the capture", **V2),
    case(
        "TX2-002",
        [started(), ended(1), updated(2)],
        [started(), ended(1), started(0, transaction="U")],
        E,
        **V2,
    ),
    case(
        "TX2-003",
        [started(), started(1)],
        [started(told=stamp()), started(told=stamp())],
        E,
        also=["RPC-005"],
        **V2,
    ),
    case(
        "TX2-004",
        [started(), ended(1), "+1s", started()],
        [started(), ended(1), "+1s", started(transaction="U")],
        E,
        **V2,
    ),
    case("TX2-005", [started(), updated(2)], [started(), updated(1)], E, **V2),
    case(
        "TX2-005",
        [started(), updated(2, offline=True)],
        [started(), updated(1, offline=True)],
        W,
        about="dropped offline",
        **V2,
    ),
    case(
        "TX2-006",
        [
            started(),
            updated(1),
            "+1s",
            updated(1, "ChargingStateChanged", info={"chargingState": "Charging"}),
        ],
        [started(), updated(1, told=stamp()), updated(1, told=stamp())],
        W,
        about="other content",
        also=["RPC-005"],
        **V2,
    ),
    case("TX2-006", [started(3), updated(5), updated(2)], [started(3), updated(4)], W, **V2),
    case("TX2-007", started(4), started(0), I, **V2),
    case(
        "TX2-008",
        [started(), updated(1, "ChargingStateChanged")],
        [started(), charging("Charging")],
        E,
        subject="field",
        **V2,
    ),
    case(
        "TX2-008",
        [
            *[started(), charging("Charging")],
            charging("SuspendedEV", 2, "MeterValuePeriodic", meterValue=values(energy(1))),
        ],
        [
            *[started(), charging("Charging")],
            charging("Charging", 2, "MeterValuePeriodic", meterValue=values(energy(1))),
        ],
        W,
        subject="trigger",
        **V2,
    ),
    case(
        "TX2-009",
        [started(), updated(1, "MeterValuePeriodic")],
        [started(), updated(1, "MeterValuePeriodic", meterValue=values(energy(1)))],
        W,
        **V2,
    ),
    case(
        "TX2-009",
        [started(), charging("Charging"), charging("Charging", 2)],
        [started(), charging("Charging"), charging("SuspendedEV", 2)],
        W,
        about="no change",
        **V2,
    ),
    case(
        "TX2-009",
        started(reason="RemoteStart"),
        started(reason="RemoteStart", info={"remoteStartId": 1}),
        W,
        about="remote start",
        **V2,
    ),
    case(
        "TX2-009",
        [started(), updated(1, "SignedDataReceived")],
        [started(), updated(1, "EVDetected")],
        W,
        about="signed data",
        **V2,
    ),
    case("TX2-010", started(idToken=None), started(), E, subject="absent", **V2),
    case(
        "TX2-010",
        [started(), *(updated(number, idToken=TOKEN) for number in range(1, 5))],
        [started(), *(updated(number) for number in range(1, 5))],
        I,
        subject="repeated",
        **V2,
    ),
    case("TX2-011", started(reason="CablePluggedIn", evse=None, idToken=None), PLUGGED_IN, E, **V2),
    case(
        "TX2-011",
        [started(), *(updated(number, evse=EVSE) for number in range(1, 6))],
        [started(), *(updated(number) for number in range(1, 6))],
        I,
        subject="repeated",
        **V2,
    ),
    case(
        "TX2-012",
        [started(), STOP, ended(1, "RemoteStop")],
        [started(), STOP, ended(1, "RemoteStop", info={"stoppedReason": "Remote"})],
        W,
        **V2,
    ),
    case(
        "TX2-013",
        [started(), ended(1, "RemoteStop", info={"stoppedReason": "Remote"})],
        [started(), STOP, ended(1, "RemoteStop", info={"stoppedReason": "Remote"})],
        W,
        subject="Remote",
        **V2,
    ),
    case(
        "TX2-013",
        [started(), ended(1, "EVCommunicationLost", info={"stoppedReason": "Timeout"})],
        [started(), ended(1, "EVConnectTimeout", info={"stoppedReason": "Timeout"})],
        W,
        subject="Timeout",
        **V2,
    ),
    case(
        "TX2-013",
        [started(), ended(1, "Deauthorized", info={"stoppedReason": "DeAuthorized"})],
        [
            started(answer={"idTokenInfo": {"status": "Blocked"}}),
            ended(1, "Deauthorized", info={"stoppedReason": "DeAuthorized"}),
        ],
        W,
        subject="DeAuthorized",
        **V2,
    ),
    case(
        "TX2-014",
        [started(), updated(info={"stoppedReason": "Local"})],
        [started(), ended(1, info={"stoppedReason": "Local"})],
        W,
        **V2,
    ),
    case(
        "TX2-015",
        [BEAT, "+300s", started(offline=True)],
        [BEAT, "+300s", started()],
        E,
        subject="offline",
        **V2,
    ),
    case(
        "TX2-015",
        [BEAT, "+1s", AWAY, BEAT, started(told=stamp(150))],
        [BEAT, "+1s", AWAY, BEAT, started(told=stamp(150), offline=True)],
        E,
        subject="online",
        **V2,
    ),
    case(
        "TX2-016",
        [variables("TxStartedMeasurands", "Energy.Active.Import.Register"), started()],
        [
            variables("TxStartedMeasurands", "Energy.Active.Import.Register"),
            started(meterValue=values(energy(1, "Transaction.Begin"))),
        ],
        W,
        **V2,
    ),
    case(
        "TX2-017",
        [started(), started(transaction="U")],
        [started(), ended(1), started(transaction="U")],
        E,
        **V2,
    ),
    case(
        "TX2-018",
        [started(), updated(numberOfPhasesUsed=1, meterValue=values(phase("L1"), phase("L2")))],
        [started(), updated(numberOfPhasesUsed=1, meterValue=values(phase("L1"), phase("L2", 0)))],
        I,
        **V2,
    ),
    case("TX2-019", [reserve(), started()], [reserve(), started(reservationId=3)], W, **V2),
    case(
        "TX2-020",
        [started(), status_of({"ongoingIndicator": False})],
        [started(), status_of({"ongoingIndicator": True})],
        E,
        **V2,
    ),
    case(
        "TX2-020",
        status_of({"ongoingIndicator": False}, None),
        status_of({}, None),
        E,
        about="no id",
        **V2,
    ),
    case(
        "TX2-020",
        [started(), ended(1), status_of({"ongoingIndicator": True})],
        [started(), ended(1), status_of({"ongoingIndicator": False})],
        E,
        about="ended",
        **V2,
    ),
    case("TX2-021", started(answer={}), started(), E, **V2),
    case(
        "TX2-022",
        [started(), AWAY, boot(), LATER],
        [started(), AWAY, boot(), ended(1, "AbnormalCondition", info={"stoppedReason": "PowerLoss"}), LATER],
        W,
        also=NO_STATUS,
        **V2,
    ),
    case(
        "TX2-023",
        [
            *["+100s", variables("TxUpdatedInterval", "30"), started()],
            updated(1, "MeterValuePeriodic", meterValue=values(energy(1), at=stamp(40))),
        ],
        [
            *["+100s", variables("TxUpdatedInterval", "30"), started()],
            updated(1, "MeterValuePeriodic", meterValue=values(energy(1), at=stamp(80))),
        ],
        W,
        **V2,
    ),
    case(
        "TX2-024",
        [started(), limited(maxEnergy=1000), "+70s", BEAT],
        [started(), limited(maxEnergy=1000), updated(2, "LimitSet"), "+70s", BEAT],
        E,
        **V21,
    ),
    case(
        "TX2-024",
        [
            started(),
            limited(maxEnergy=1000),
            updated(2, "LimitSet", info={"transactionLimit": {"maxEnergy": 2000}}),
        ],
        [
            started(),
            limited(maxEnergy=1000),
            updated(2, "LimitSet", info={"transactionLimit": {"maxEnergy": 900}}),
        ],
        E,
        about="raised",
        subject="maxEnergy",
        **V21,
    ),
    case(
        "TX2-025",
        [started(), limited(maxTime=100), updated(2, "LimitSet"), "+20s", updated(3, "TimeLimitReached")],
        [started(), limited(maxTime=100), updated(2, "LimitSet"), "+100s", updated(3, "TimeLimitReached")],
        E,
        **V21,
    ),
    case(
        "TX2-025",
        [
            *[started(meterValue=values(energy(0))), limited(maxEnergy=1000), updated(2, "LimitSet"), "+90s"],
            charging("Charging", 3, "MeterValuePeriodic", meterValue=values(energy(1500))),
        ],
        [
            *[started(meterValue=values(energy(0))), limited(maxEnergy=1000), updated(2, "LimitSet")],
            charging("Charging", 3, "MeterValuePeriodic", meterValue=values(energy(1050))),
        ],
        E,
        about="passed",
        **V21,
    ),
    case(
        "TX2-004",
        [[short(str(number)) for number in range(20)], started(9, transaction="3")],
        [[short(str(number)) for number in range(20)], short("3")],  # all of it is sent again
        E,
        also=["RPC-004"],
        about="long ago",
        **V2,
    ),
    case(
        "TX2-011",
        [started(evse=None), charging("Charging", 1)],
        [started(evse=None), charging("Charging", 1, evse=EVSE)],
        E,
        about="charging",
        subject="absent",
        **V2,
    ),
    case(
        "TX2-026",
        [started(), reset("ImmediateAndResume"), AWAY, boot("RemoteReset"), LATER],
        [
            *[started(), reset("ImmediateAndResume"), updated(1, "ResetCommand"), AWAY, boot("RemoteReset")],
            *[updated(2, "TxResumed"), LATER],
        ],
        W,
        also=NO_STATUS,
        **V21,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def rules_of(*pieces, **options):
    return {rule for rule in findings_of(*pieces, **{"version": "2.0.1"} | options) if rule.startswith("TX2")}


def test_a_whole_transaction_is_silent():
    pieces = [
        started(reason="CablePluggedIn", idToken=None),
        updated(1, "Authorized", idToken=TOKEN),
        charging("Charging", 2),
        charging("Charging", 3, "MeterValuePeriodic", meterValue=values(energy(100))),
        charging("SuspendedEV", 4),
        ended(5, info={"stoppedReason": "Local"}),
    ]
    assert rules_of(pieces) == set()
    assert rules_of(pieces, version="2.1") == set()


def test_one_that_began_before_the_capture():
    pieces = [opened(late=True), updated(7), charging("Charging", 8), ended(9)]
    found = findings_of(pieces, **V2)
    assert found["TX2-001"].severity == I
    assert rules_of(pieces) == {"TX2-001"}


def test_a_start_that_is_not_the_first():
    found = judged(updated(1), started(2), only=["TX2-001"], **V2)
    assert [finding.severity for finding in found] == [I, E]


def test_lost_bytes_may_have_held_events():
    assert rules_of(started(), gap(), updated(5), ended(9)) == set()
    assert rules_of(started(), gap(), started(transaction="U")) == set()


def test_the_end_may_wait_in_the_queue_when_the_next_one_starts():
    assert "TX2-017" not in rules_of(started(), AWAY, started(transaction="U"))


def test_a_start_that_comes_late_is_no_second_transaction():
    assert rules_of(updated(3), "+1s", started(2)) == {"TX2-001", "TX2-006"}


def test_what_is_sent_again_after_a_reconnect_is_the_same():
    again = [started(told=stamp()), updated(1, told=stamp())]
    assert not rules_of(again, AWAY, again) - {"TX2-015"}


def test_two_evses_have_transactions_of_their_own():
    assert rules_of(started(), started(transaction="U", evse={"id": 2, "connectorId": 1})) == set()


def test_a_refused_token_may_be_deauthorised_by_the_answer():
    refused = started(answer={"idTokenInfo": {"status": "Invalid"}})
    assert rules_of(refused, ended(1, "Deauthorized", info={"stoppedReason": "DeAuthorized"})) == set()


def test_the_status_that_crosses_the_end():
    pieces = [
        started(),
        f"< {call('g', 'GetTransactionStatus', {'transactionId': 'T'})}",
        ended(1),
        f"> {result('g', {'ongoingIndicator': True, 'messagesInQueue': False})}",
    ]
    assert rules_of(pieces) == set()


TOUCHED = ask("z", "Authorize", {"idToken": TOKEN}, {"idTokenInfo": {"status": "Blocked"}})


def stop_asked(transaction="T"):
    return ask("rs", "RequestStopTransaction", {"transactionId": transaction}, {"status": "Accepted"}, "<")


def reserved(evse=1, at=600):
    asked = {"id": 3, "expiryDateTime": stamp(at), "idToken": TOKEN}
    return ask("rn", "ReserveNow", asked | ({"evseId": evse} if evse else {}), {"status": "Accepted"}, "<")


@pytest.mark.parametrize(
    "legal",
    [
        [
            started(),
            updated(1, "EVConnectTimeout"),
            ended(2, "EVDeparted", info={"stoppedReason": "Timeout"}),
        ],
        [started(), TOUCHED, ended(1, "Deauthorized", info={"stoppedReason": "DeAuthorized"})],
        [stop_asked(), started(), ended(1, "RemoteStop", info={"stoppedReason": "Remote"})],
        [started(), gap(), AWAY, ended(1, "RemoteStop", info={"stoppedReason": "Remote"})],
    ],
)
def test_reasons_to_stop_that_came_about_otherwise(legal):
    assert not judged(legal, only=["TX2-013"], **V2)


def test_a_request_to_stop_another_transaction_is_none_for_this():
    stopped = ended(1, "RemoteStop", info={"stoppedReason": "Remote"})
    assert judged(started(), stop_asked("U"), stopped, only=["TX2-013"], **V2)


def test_reservations_that_are_not_for_the_transaction():
    queued = started(told=stamp(10), offline=True)
    assert not judged("+100s", reserved(), queued, only=["TX2-019"], **V2)
    late = [opened(late=True), updated(5), reserved(None), updated(6, "StopAuthorized", idToken=TOKEN)]
    assert not judged(late, only=["TX2-019"], **V2)


def test_a_reservation_of_no_evse_is_for_the_transaction():
    assert judged(reserved(None), started(), only=["TX2-019"], **V2)


def test_the_status_where_the_end_was_lost():
    answer = {"ongoingIndicator": False, "messagesInQueue": False}
    asked = ask("g", "GetTransactionStatus", {"transactionId": "T"}, answer, "<")
    assert not judged(started(), gap(), AWAY, asked, only=["TX2-020"], **V2)
    assert judged(started(), AWAY, asked, only=["TX2-020"], **V2)


def test_an_id_that_is_used_again_is_one_finding():
    pieces = [started(), updated(), ended(), started(), updated(), updated(2), updated(3), ended(4)]
    assert rules_of(pieces) == {"TX2-004"}


LATE = opened(late=True)
UP_TO = {"transactionLimit": {"maxEnergy": 2000}}
METER = {"meterValue": values(energy(0))}


@pytest.mark.parametrize(
    ("rule", "legal"),
    [
        ("TX2-005", [started(), updated(1), damaged("json", "rpc.not-json"), updated(3)]),
        ("TX2-005", [started(), updated(1), closed(), "+60s", opened(late=True), updated(5)]),
        (
            "TX2-009",
            [started(), updated(1, "StopAuthorized", idToken=TOKEN), tell("Ended", 2, "StopAuthorized")],
        ),
        ("TX2-011", [LATE, updated(3, "CablePluggedIn")]),
        ("TX2-011", [LATE, updated(3, "CablePluggedIn", evse={"id": 1})]),
        ("TX2-011", [LATE, updated(3), charging("Charging", 4)]),
        ("TX2-016", [settings("TxStartedMeasurands", "SoC"), started(evse=None)]),
        ("TX2-016", [settings("TxStartedMeasurands", "SoC"), settings("Enabled", "false"), started()]),
        (
            "TX2-016",
            [
                *[settings("TxEndedMeasurands", "SoC"), started(evse=None)],
                ended(1, "EVConnectTimeout", info={"stoppedReason": "Timeout"}),
            ],
        ),
        (
            "TX2-018",
            [
                started(),
                ended(
                    numberOfPhasesUsed=1,
                    meterValue=[*values(phase("L1"), phase("L2"), at=stamp(-60)), *values(phase("L1"))],
                ),
            ],
        ),
        (  # the driver's own limit is the lower one
            "TX2-025",
            [
                *[started(info={"transactionLimit": {"maxEnergy": 500}}, **METER), updated(1, answer=UP_TO)],
                *["+600s", updated(2, "EnergyLimitReached", meterValue=values(energy(500)))],
            ],
        ),
        (  # the limit was passed before it was set
            "TX2-025",
            [
                *[started(**METER), updated(1, meterValue=values(energy(2500)), answer=UP_TO), "+2s"],
                charging("Charging", 2, "LimitSet", meterValue=values(energy(2510))),
            ],
        ),
        (
            "TX2-025",
            [
                *[started(**METER), closed(), "+900s", opened(), BEAT],
                charging("Charging", 1, offline=True, told=stamp(200), answer=UP_TO),
                "+120s",
                charging(
                    *["Charging", 2, "MeterValuePeriodic"],
                    offline=True,
                    told=stamp(400),
                    meterValue=values(energy(2510), at=stamp(400)),
                ),
            ],
        ),
    ],
)
def test_legal_events(rule, legal):
    assert rule not in findings_of(legal, version="2.1", profile="strict")


def test_an_event_that_may_have_been_dropped_while_offline():
    dropped = [started(), updated(1), AWAY, updated(2, offline=True, told=stamp(100)), updated(7)]
    assert findings_of(dropped, version="2.0.1")["TX2-005"].severity == W


def test_an_evse_that_is_told_now_and_then():
    now_and_then = [updated(number, **({"evse": EVSE} if number % 2 else {})) for number in range(1, 140)]
    assert "TX2-011" not in findings_of(started(), now_and_then, version="2.0.1")


def test_an_end_that_is_sent_again_counts_once():
    end = ended(1, "RemoteStop", told=NOW)
    found = findings_of(
        started(), end[:1], "+40s", [str(piece).replace("T1R", "T9R") for piece in end], version="2.1"
    )
    assert found["TX2-012"].count == 1


def test_a_start_that_is_sent_again_after_many_events():
    start = started(told=stamp())
    pieces = [start, *(updated(number) for number in range(1, 70)), ended(70), AWAY, start]
    assert not judged(pieces, only=["TX2-002", "TX2-004", "TX2-006"], **V2)


@pytest.mark.parametrize(
    "legal",
    [
        # It was told, and something else after it.
        [
            updated(1, "ResetCommand"),
            charging("EVConnected", 2),
            *[AWAY, boot("RemoteReset"), updated(3, "TxResumed")],
        ],
        # It could not be sent before the boot.
        [AWAY, boot("RemoteReset"), updated(1, "ResetCommand", offline=True), updated(2, "TxResumed")],
    ],
)
def test_the_reset_is_told_before_or_after(legal):
    assert not judged(started(), reset("ImmediateAndResume"), legal, LATER, only=["TX2-026"], **V21)


def test_the_reset_of_an_evse_is_no_boot():
    asked = ask("x", "Reset", {"type": "ImmediateAndResume", "evseId": 2}, {"status": "Accepted"}, "<")
    assert not judged(started(), asked, AWAY, boot("PowerUp"), LATER, only=["TX2-026"], **V21)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "eventType": st.sampled_from(["Started", "Updated", "Ended"]) | JSON,
        "seqNo": st.integers() | JSON,
        "triggerReason": st.sampled_from(
            ["LimitSet", "MeterValuePeriodic", "TimeLimitReached", "RemoteStart"]
        )
        | JSON,
        "timestamp": st.just(CURRENT) | JSON,
        "transactionInfo": st.just({"transactionId": "T"})
        | st.fixed_dictionaries(
            {"transactionId": st.just("T"), "transactionLimit": JSON, "chargingState": JSON}
        )
        | JSON,
        "meterValue": st.lists(st.fixed_dictionaries({"timestamp": JSON, "sampledValue": JSON})) | JSON,
        "evse": st.fixed_dictionaries({"id": JSON, "connectorId": JSON}) | JSON,
        "idToken": JSON,
        "numberOfPhasesUsed": JSON,
        "reservationId": JSON,
    },
)


@given(asked=st.lists(FIELDS | JSON, max_size=4), answer=JSON)
def test_no_shape_of_a_payload_raises(asked, answer):
    for version in ("2.0.1", "2.1"):
        pieces = [ask(f"{n}", "TransactionEvent", one, answer) for n, one in enumerate(asked)]
        judged(started(), pieces, limited(maxTime=5), pieces, boot(), version=version)
