import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import BOOT_2X, CURRENT, JSON, ask, case, findings_of, gap, judged, opened, stamp

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
ACCEPTED = {"status": "Accepted"}
TOKEN = {"idToken": "04A1", "type": "ISO14443"}


def tell(kind, number, reason="ChargingRateChanged", answer=None, info=None, **more):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": reason,
        "seqNo": number,
        "transactionInfo": {"transactionId": "T"} | (info or {}),
    }
    return ask(f"t{number}", "TransactionEvent", asked | more, answer or {})


def started(reason="CablePluggedIn", answer=None, **more):
    return tell("Started", 0, reason, answer, evse={"id": 1, "connectorId": 1}, **more)


def ended(number=2, answer=None, info=None, **more):
    return tell("Ended", number, "EVDeparted", answer, info, **more)


COST = ask("c", "CostUpdated", {"totalCost": 1.5, "transactionId": "T"}, {}, "<")
FREE = {"totalCost": 0}


def prices(count):
    return {"energy": {"prices": [{"priceKwh": 0.5}] * count}}


def tariff(count=1, **more):
    return {"tariffId": "X", "currency": "EUR"} | prices(count) | more


def change(status="Accepted", message_id="x", **more):
    asked = {"transactionId": "T", "tariff": tariff(**more)}
    return ask(message_id, "ChangeTransactionTariff", asked, {"status": status}, "<")


def configured(name, value, instance=None):
    about = {
        "component": {"name": "C"},
        "variable": {"name": name} | ({"instance": instance} if instance else {}),
    }
    answer = {"getVariableResult": [about | {"attributeStatus": "Accepted", "attributeValue": value}]}
    return ask("v", "GetVariables", {"getVariableData": [about]}, answer, "<")


def default_tariff(count, status="Accepted"):
    return ask("d", "SetDefaultTariff", {"evseId": 0, "tariff": tariff(count)}, {"status": status}, "<")


def details(total, tariff_id="X", energy=1.0):
    period = {"startPeriod": CURRENT} | ({"tariffId": tariff_id} if tariff_id else {})
    costs = {
        "currency": "EUR",
        "typeOfCost": "NormalCost",
        "energy": {"exclTax": energy},
        "total": {"exclTax": total},
    }
    usage = {"energy": 1, "chargingTime": 1, "idleTime": 1}
    return {"totalCost": costs, "totalUsage": usage, "chargingPeriods": [period]}


def running(number=1, **costs):
    return tell("Updated", number, "RunningCost", costDetails=details(**{"total": 1.0} | costs))


def control(identity="K", kind="FixedVar", status="Accepted", **changes):
    fixed = {"priority": 1, "setpoint": 1, "unit": "PctMaxVar"} | changes
    asked = {"isDefault": False, "controlId": identity, "controlType": kind, "fixedVar": fixed}
    return ask(f"s{identity}{kind}", "SetDERControl", asked, {"status": status}, "<")


def clear(identity="K", status="Accepted", message_id="y"):
    return ask(
        message_id, "ClearDERControl", {"isDefault": False, "controlId": identity}, {"status": status}, "<"
    )


def get_control(status="Accepted", identity=None):
    asked = {"requestId": 4} | ({"controlId": identity} if identity else {})
    return ask("g", "GetDERControl", asked, {"status": status}, "<")


REPORT = ask("r", "ReportDERControl", {"requestId": 4})


def told(*, started, message_id="n"):
    return ask(message_id, "NotifyDERStartStop", {"controlId": "K", "started": started, "timestamp": CURRENT})


def alarm(*, ended=False, message_id="a"):
    asked = {"controlType": "FreqDroop", "timestamp": CURRENT} | ({"alarmEnded": True} if ended else {})
    return ask(message_id, "NotifyDERAlarm", asked)


SCHEDULED = control(startTime=stamp(300), duration=600)
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


def swap(kind, request=6, token="04A1", evse=1):
    battery = {"evseId": evse, "serialNumber": "B", "soC": 50, "soH": 90}
    asked = {
        "eventType": kind,
        "requestId": request,
        "idToken": {"idToken": token, "type": "ISO14443"},
        "batteryData": [battery],
    }
    return ask(f"b{kind}{request}", "BatterySwap", asked)


def status(value, message_id="st"):
    asked = {"timestamp": CURRENT, "connectorStatus": value, "evseId": 1, "connectorId": 1}
    return ask(message_id, "StatusNotification", asked)


WITH_EVCCID = TOKEN | {"additionalInfo": [{"additionalIdToken": "0011", "type": "EVCCID"}]}
ACCEPTED_TOKEN = {"idTokenInfo": {"status": "Accepted"}}

CASES = [
    case("TRF-001", [started(), COST, ended(1)], [started(), COST, ended(1, FREE)], W, **V2),
    case(
        "TRF-001",
        [started(), tell("Updated", 1, answer={"totalCost": 1}), ended()],
        [started(), tell("Updated", 1), ended()],
        W,
        about="in answers",
        **V21,
    ),
    case(
        "TRF-002",
        [configured("MaxElements", "2", "Tariff"), default_tariff(3)],
        [configured("MaxElements", "2", "Tariff"), default_tariff(3, "TooManyElements")],
        E,
        subject="elements",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), ended(1), change()],
        [started(), ended(1), change("TxNotFound")],
        E,
        subject="ended",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), change(), "+70s", BEAT],
        [started(), change(), tell("Updated", 1, "TariffChanged", info={"tariffId": "X"}), "+70s", BEAT],
        E,
        about="nothing told",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), change(), change(message_id="z", currency="CHF")],
        [started(), change(), change("NoCurrencyChange", "z", currency="CHF")],
        E,
        subject="currency",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), tell("Updated", 1, "TariffChanged")],
        [started(), tell("Updated", 1, "TariffChanged", info={"tariffId": "X"})],
        E,
        subject="tariffId",
        **V21,
    ),
    case(
        "TRF-003",
        ask("u", "Authorize", {"idToken": TOKEN}, ACCEPTED_TOKEN | {"tariff": tariff(validFrom=stamp())}),
        ask("u", "Authorize", {"idToken": TOKEN}, ACCEPTED_TOKEN | {"tariff": tariff()}),
        E,
        subject="validFrom",
        **V21,
    ),
    case(
        "TRF-003", [started(), running(total=2.0)], [started(), running()], E, subject="total exclTax", **V21
    ),
    case(
        "TRF-003", [started(), running(tariff_id=None)], [started(), running()], E, subject="tariffId", **V21
    ),
    case(
        "TRF-003",
        [started(), tell("Updated", 1, "RunningCost")],
        [started(), running()],
        E,
        subject="RunningCost",
        **V21,
    ),
    case(
        "TRF-003",
        [started(), running(), ended()],
        [started(), running(), ended(costDetails=details(1.0))],
        E,
        subject="Ended",
        **V21,
    ),
    case(
        "DER-001",
        [configured("ModesSupported", "FreqDroop,VoltVar"), control()],
        [configured("ModesSupported", "FreqDroop,VoltVar"), control(status="NotSupported")],
        E,
        subject="FixedVar",
        **V21,
    ),
    case("DER-001", [control(), clear(status="NotFound")], [control(), clear()], E, **V21),
    case(
        "DER-001",
        [control(), clear(), clear(message_id="z")],
        [control(), clear(), clear(status="NotFound", message_id="z")],
        E,
        about="cleared",
        **V21,
    ),
    case("DER-001", [get_control("NotFound"), REPORT], [get_control(), REPORT], E, about="report", **V21),
    case(
        "DER-002",
        [SCHEDULED, "+430s", BEAT],
        [SCHEDULED, "+300s", told(started=True), "+130s", BEAT],
        E,
        about="start",
        **V21,
    ),
    case(
        "DER-002",
        [SCHEDULED, "+300s", told(started=True), "+730s", BEAT],
        [SCHEDULED, "+300s", told(started=True), "+600s", told(started=False, message_id="o"), "+130s", BEAT],
        E,
        about="end",
        **V21,
    ),
    case(
        "DER-002",
        [BOOT_2X, alarm(ended=True)],
        [BOOT_2X, alarm(), alarm(ended=True, message_id="o")],
        E,
        **V21,
    ),
    case(
        "DER-002",
        [alarm(), alarm(message_id="o")],
        [alarm(), alarm(ended=True, message_id="o"), alarm(message_id="q")],
        E,
        about="twice",
        **V21,
    ),
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
    case(
        "SWP-001", [BOOT_2X, swap("BatteryOut")], [BOOT_2X, swap("BatteryIn"), swap("BatteryOut")], E, **V21
    ),
    case(
        "SWP-001",
        [swap("BatteryIn"), swap("BatteryOut", token="04A2")],
        [swap("BatteryIn"), swap("BatteryOut", token="04a1")],
        E,
        subject="idToken",
        **V21,
    ),
    case(
        "SWP-001",
        [status("Available"), swap("BatteryIn"), "+70s", BEAT],
        [status("Available"), swap("BatteryIn"), "+5s", status("Occupied", "su"), "+65s", BEAT],
        E,
        subject="EVSE 1",
        **V21,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def rules_of(*pieces):
    return set(findings_of(*pieces, **V21))


def test_lost_bytes_may_have_held_what_is_missing():
    assert "TRF-002" not in rules_of(started(), change(), gap(), "+70s", BEAT)
    assert "DER-002" not in rules_of(SCHEDULED, gap(), "+430s", BEAT)
    assert "V2X-002" not in rules_of(needs(status="Rejected"), gap(), "+130s", BEAT)


def test_needs_are_rejected_before_a_transaction_begins():
    assert "V2X-002" not in rules_of(needs(status="Rejected"), "+130s", BEAT)


def test_charging_only_is_what_a_period_does_by_default():
    assert "V2X-003" in rules_of(profile(limit=10, dischargeLimit=-5))
    assert "V2X-003" not in rules_of(profile(limit=10))


def test_what_began_before_the_capture():
    assert not {"SWP-001", "DER-002"} & rules_of(opened(late=True), swap("BatteryOut"), alarm(ended=True))


def test_a_control_that_another_one_supersedes_does_not_start():
    superseded = ask(
        "o",
        "NotifyDERStartStop",
        {"controlId": "L", "started": True, "timestamp": CURRENT, "supersededIds": ["K"]},
    )
    assert "DER-002" not in rules_of(SCHEDULED, "+10s", superseded, "+1100s", BEAT)


def test_taxes_are_summed_apart():
    costs = details(1.0)
    costs["totalCost"]["total"]["inclTax"] = 1.2
    assert "TRF-003" not in rules_of(started(), tell("Updated", 1, "RunningCost", costDetails=costs))


NAMES = st.sampled_from(
    "transactionId transactionInfo costDetails tariff controlId controlType fixedVar supersededIds chargingNeeds evseId"
    " chargingProfile eventType requestId batteryData idToken alarmEnded status triggerReason".split()
)
FROM_CSMS = (
    "CostUpdated SetDefaultTariff ChangeTransactionTariff SetDERControl GetDERControl ClearDERControl".split()
)
FROM_STATION = (
    "TransactionEvent ReportDERControl NotifyDERStartStop NotifyDERAlarm NotifyEVChargingNeeds BatterySwap"
).split()


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    odd = [[ask(name, name, asked, given, "<") for given in (answer, ACCEPTED)] for name in FROM_CSMS]
    odd += [[ask(name, name, asked, answer)] for name in FROM_STATION]
    costs = [tell("Updated", 1, "RunningCost", costDetails=asked), tell("Updated", 2, chargingProfile=asked)]
    judged(started(), odd, costs, SCHEDULED, odd, profile(operationMode=asked), **V21)
