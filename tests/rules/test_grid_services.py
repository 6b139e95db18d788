import pytest

from tests.rules.sessions import BOOT_2X, CURRENT, ask, case, gap, stamp
from tests.rules.test_tariffs import configured, rules_of

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})


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

CASES = [
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
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_control_that_another_one_supersedes_does_not_start():
    superseded = ask(
        "o",
        "NotifyDERStartStop",
        {"controlId": "L", "started": True, "timestamp": CURRENT, "supersededIds": ["K"]},
    )
    assert "DER-002" not in rules_of(SCHEDULED, "+10s", superseded, "+1100s", BEAT)


def test_lost_bytes_may_have_held_what_is_missing():
    assert "DER-002" not in rules_of(SCHEDULED, gap(), "+430s", BEAT)
