import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    JSON,
    ask,
    call,
    case,
    closed,
    findings_of,
    judged,
    notice,
    result,
    stamp,
)
from tests.rules.test_boot import beat, boot, status

E, W, I = "error", "warning", "info"
ASKED_16 = {"chargePointVendor": "V", "chargePointModel": "M"}
V2 = {"version": "2.0.1"}


BOOT_CALL = f"> {call('b', 'BootNotification', ASKED_16)}"
BOOT_ANSWER = f"< {result('b', {'status': 'Accepted', 'currentTime': CURRENT, 'interval': 300})}"


def heartbeats(every, count=6):
    return [(f"+{every}s", beat(f"h{n}")) for n in range(count)]


STATUSES = [status("s0", 0), status("s1", 1)]


NAMES = st.sampled_from(
    "status interval currentTime reason chargingStation serialNumber requestedMessage timestamp".split()
)

CASES = [
    case("BOOT-016", [boot(), STATUSES, "+500s", beat()], [boot(), STATUSES, "+310s", beat()], W),
    case(
        "BOOT-016",
        [boot(), STATUSES, heartbeats(30)],
        [boot(), STATUSES, heartbeats(299)],
        W,
        about="too fast",
        subject="fast",
    ),
    case(
        "BOOT-016",
        [boot(), STATUSES, "+500s", closed()],
        [boot(), STATUSES, "+400s", closed()],
        W,
        about="silent to the end",
        subject="silent",
    ),
    case(
        "BOOT-017",
        [boot(interval=80_000), STATUSES, "+80000s", status("x"), "+80000s", status("y"), closed()],
        [
            boot(interval=80_000),
            STATUSES,
            "+80000s",
            beat(),
            "+80000s",
            beat("i"),
            closed(),
        ],
        I,
    ),
    case("BOOT-019", boot(current=stamp(90)), boot(current=stamp(30)), W, subject="ahead"),
    case("BOOT-019", boot(current=stamp(-7200)), boot(current=stamp(-30)), W, subject="behind"),
    case(
        "BOOT-020",
        [boot(), [("+1s", status(f"s{n}", n, stamp(n - 600))) for n in range(3)]],
        [boot(), [("+1s", status(f"s{n}", n, stamp(-600))) for n in range(2)], status("s2", 2, stamp(2))],
        W,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_station_asks_again_after_each_silence_and_is_not_blamed_for_it():
    found = findings_of(
        BOOT_CALL, "+40s", BOOT_CALL.replace('"b"', '"c"'), "+1s", BOOT_ANSWER.replace('"b"', '"c"')
    )
    assert not {rule for rule in found if rule.startswith("BOOT")}


def test_the_interval_that_was_set_later_counts():
    change = ask(
        "c", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"}, {"status": "Accepted"}, "<"
    )
    assert "BOOT-016" not in findings_of(boot(), STATUSES, change, heartbeats(30))


def test_clocks_without_times():
    assert not judged(BOOT_16, timeless=True, only=["BOOT-019", "BOOT-020", "BOOT-016"])
    assert not judged(BOOT_2X, timeless=True, only=["BOOT-019", "BOOT-020", "BOOT-016"], **V2)


@given(asked=JSON | st.dictionaries(NAMES, JSON), answer=JSON | st.dictionaries(NAMES, JSON))
def test_no_shape_of_a_payload_raises(asked, answer):
    for version in ("1.6", "2.0.1"):
        for action in ("BootNotification", "Heartbeat", "StatusNotification"):
            judged(
                ask("x", action, asked, answer),
                boot("Pending"),
                ask("y", action, asked, answer),
                version=version,
            )
        judged(boot(), ask("x", "TriggerMessage", asked, answer, "<"), ask("y", "Reset", asked, answer, "<"))


def test_clocks_are_in_doubt_where_the_zone_of_the_log_was_assumed():
    assumed = notice("text.assumed", "no zone", "a.log: zone")
    wrong = [boot(), [[status(f"s{n}", told=stamp(n * 60 + 600)), "+60s"] for n in range(4)]]
    assert findings_of(wrong)["BOOT-020"].severity == W
    found = findings_of(assumed, wrong)["BOOT-020"]
    assert (found.severity, found.detail) == (
        "info",
        "10.0 min ahead of what the CSMS told; the zone of the capture was assumed",
    )
    found = findings_of(assumed, boot(current=stamp(-600)))["BOOT-019"]
    assert (found.severity, found.detail) == (
        "info",
        "currentTime is 10.0 min behind the capture; the zone of the capture was assumed",
    )


def test_silence_before_an_action_that_is_no_text_is_not_judged():
    odd = "> " + call("x", ["Heartbeat"])
    assert not judged(boot(), "+900s", odd, only=["BOOT-016"])
