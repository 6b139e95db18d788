import pytest

from tests.rules.sessions import CURRENT, ask, case, gap, stamp
from tests.rules.test_tariffs import ended, rules_of, started

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
ACCEPTED = {"status": "Accepted"}
TOKEN = {"idToken": "04A1", "type": "ISO14443"}


V2X_PARAMETERS = {
    "v2xChargingParameters": {"minChargePower": 1},
    "availableEnergyTransfer": ["DC_BPT"],
    "controlMode": "DynamicControl",
}


def needs(mode="DC_BPT", status="Accepted", message_id="w", **changes):
    charging = {"requestedEnergyTransfer": mode} | V2X_PARAMETERS | changes
    charging = {name: value for name, value in charging.items() if value is not None}
    return ask(
        message_id, "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": charging}, {"status": status}
    )


def profile(**period):
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "startSchedule": stamp(),
        "chargingSchedulePeriod": [{"startPeriod": 0} | period],
    }
    asked = {
        "id": 1000,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    return ask("p", "SetChargingProfile", {"evseId": 1, "chargingProfile": asked}, ACCEPTED, "<")


CURVE = [{"frequency": 49.8, "power": 1}, {"frequency": 50.2, "power": 0}]


WITH_EVCCID = TOKEN | {"additionalInfo": [{"additionalIdToken": "0011", "type": "EVCCID"}]}
ACCEPTED_TOKEN = {"idTokenInfo": {"status": "Accepted"}}

CASES = [
    case("V2X-001", needs(v2xChargingParameters=None), needs(), E, subject="v2xChargingParameters", **V21),
    case(
        "V2X-001",
        [started("Authorized", ACCEPTED_TOKEN, idToken=TOKEN), needs()],
        [started("Authorized", ACCEPTED_TOKEN, idToken=WITH_EVCCID), needs()],
        E,
        subject="EVCCID",
        **V21,
    ),
    case(
        "V2X-002",
        [started(), needs(status="Rejected"), "+130s", BEAT],
        [
            *[started(), needs(status="Rejected"), "+5s"],
            *[ended(1, info={"stoppedReason": "ReqEnergyTransferRejected"}), "+130s", BEAT],
        ],
        E,
        **V21,
    ),
    case(
        "V2X-002",
        [started(), needs(status="Rejected"), "+130s", BEAT],
        [started(), needs(status="Rejected"), "+5s", needs(message_id="z"), "+130s", BEAT],
        E,
        about="asked again",
        also=["SC-021"],
        **V21,
    ),
    case(
        "V2X-003",
        profile(operationMode="ChargingOnly", limit=10, setpoint=5),
        profile(operationMode="ChargingOnly", limit=10),
        E,
        **V21,
    ),
    case(
        "V2X-003",
        profile(operationMode="LocalFrequency", v2xFreqWattCurve=CURVE[:1], v2xBaseline=0),
        profile(operationMode="LocalFrequency", v2xFreqWattCurve=CURVE, v2xBaseline=0),
        E,
        subject="LocalFrequency curve",
        **V21,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_needs_are_rejected_before_a_transaction_begins():
    assert "V2X-002" not in rules_of(needs(status="Rejected"), "+130s", BEAT)


def test_charging_only_is_what_a_period_does_by_default():
    assert "V2X-003" in rules_of(profile(limit=10, dischargeLimit=-5))
    assert "V2X-003" not in rules_of(profile(limit=10))


def test_lost_bytes_may_have_held_what_is_missing():
    assert "V2X-002" not in rules_of(needs(status="Rejected"), gap(), "+130s", BEAT)
