import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import BOOT_2X, CURRENT, JSON, ask, case, judged, opened
from tests.rules.test_discharging import profile
from tests.rules.test_grid_services import SCHEDULED, alarm
from tests.rules.test_tariffs import rules_of, started, tell

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
ACCEPTED = {"status": "Accepted"}


def status(value, message_id="st"):
    asked = {"timestamp": CURRENT, "connectorStatus": value, "evseId": 1, "connectorId": 1}
    return ask(message_id, "StatusNotification", asked)


def swap(kind, request=6, token="04A1", evse=1):
    battery = {"evseId": evse, "serialNumber": "B", "soC": 50, "soH": 90}
    asked = {
        "eventType": kind,
        "requestId": request,
        "idToken": {"idToken": token, "type": "ISO14443"},
        "batteryData": [battery],
    }
    return ask(f"b{kind}{request}", "BatterySwap", asked)


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

CASES = [
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


def test_what_began_before_the_capture():
    assert not {"SWP-001", "DER-002"} & rules_of(opened(late=True), swap("BatteryOut"), alarm(ended=True))


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    odd = [[ask(name, name, asked, given, "<") for given in (answer, ACCEPTED)] for name in FROM_CSMS]
    odd += [[ask(name, name, asked, answer)] for name in FROM_STATION]
    costs = [tell("Updated", 1, "RunningCost", costDetails=asked), tell("Updated", 2, chargingProfile=asked)]
    judged(started(), odd, costs, SCHEDULED, odd, profile(operationMode=asked), **V21)
