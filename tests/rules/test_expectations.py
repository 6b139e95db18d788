"""What has to follow within a time, with a rule of its own: a Reset after which a station has to boot."""

import pytest

from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import LEARNERS, RULES, WARNING, Report, on_answer, on_call, rule
from tests.rules.sessions import (
    BOOT_16,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    ask,
    closed,
    findings_of,
    judged,
    opened,
    unopened,
)

RULE = "TEST-EXPECT"
RESET = ask("r", "Reset", {"type": "Soft"}, {"status": "Accepted"}, "<")
LATER = [HEARTBEAT, "+0.1s", HEARTBEAT_ANSWER]


@pytest.fixture(autouse=True)
def _a_rule():
    @rule(
        RULE,
        "No boot after a Reset",
        WARNING,
        on_answer("Reset"),
        on_call("BootNotification"),
        source="heuristic",
        hint="none",
    )
    def no_boot(event, state):
        if event.action == "BootNotification":
            meet(state.station, RULE, "boot")
        else:
            expect(state, RULE, "boot", 60, Report("no boot"), event)

    learners = list(LEARNERS)
    yield
    del RULES[RULE]
    LEARNERS[:] = learners


def found(*pieces, **options):
    return judged(*pieces, only=[RULE], **options)


def test_what_does_not_come_in_time_is_reported():
    (finding,) = found(RESET, "+61s", LATER)
    assert (finding.detail, finding.events) == ("no boot", [3])


@pytest.mark.parametrize(
    "pieces",
    [(RESET, "+59s", LATER), (RESET, "+30s", BOOT_16, "+60s", LATER), (RESET, "+10s")],
    ids=["not yet", "met", "the capture ends"],
)
def test_what_may_still_come_or_has_come_is_not(pieces):
    assert found(*pieces) == []


def test_a_station_that_is_offline_gets_its_time_again():
    away = (RESET, closed(), opened(station="CP2"), "+120s", LATER)
    assert found(*away) == []
    assert found(*away, opened(), BOOT_16, "+70s", LATER) == []
    assert len(found(*away, opened(), "+70s", LATER)) == 1


def test_without_times_nothing_is_due():
    assert found(RESET, "+600s", LATER, timeless=True) == []


def test_a_second_promise_replaces_the_first():
    assert len(found(RESET, "+30s", RESET, "+300s", LATER)) == 1


def test_the_station_is_blamed_whoever_gave_rise_to_it():
    found = findings_of(BOOT_16, "+200s", HEARTBEAT, only=["BOOT-011"])
    assert found["BOOT-011"].direction == "cp-to-csms"


def test_what_the_csms_has_to_do_it_is_blamed_for():
    changed = ask("c", "ChangeConfiguration", {"key": "K", "value": "1"}, {"status": "RebootRequired"}, "<")
    found = findings_of(changed, "+90000s", LATER, only=["RMT-016"])
    assert found["RMT-016"].direction == "csms-to-cp"


def test_a_log_that_shows_no_handshakes():
    found = judged(unopened(), *RESET, "+70s", *LATER, only={RULE})
    assert [one.rule.id for one in found] == [RULE]
    ended = closed("csms", "close", None)
    met = [unopened(), *RESET, "+30s", ended, "+60s", unopened(), HEARTBEAT, "+30s", *BOOT_16, "+90s", *LATER]
    assert not judged(*met, only={RULE})
