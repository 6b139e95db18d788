import pytest

from ocppscope.events import Closed, Session
from ocppscope.rules.engine import Engine
from tests.rules.sessions import (
    BOOT_16,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    NOW,
    ask,
    call,
    case,
    closed,
    damaged,
    exercises,
    findings_of,
    gap,
    judged,
    notice,
    on,
    opened,
)

W, I = "warning", "info"
FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
FOREIGN = opened(version=None, subprotocols=("graphql-ws",), subprotocol="graphql-ws")
UNKNOWN = opened(version=None, subprotocols=("ocpp1.6",))


def of_a_log(**beginning):
    """A session without addresses, as logs and traces show them."""

    def say(script):
        opened(**beginning)(script)
        script.session.client = script.session.server = ""

    return say


CASES = [
    case("CAP-001", [FINE, gap()], FINE, W, subject="cp-to-csms", events=[4]),
    case("CAP-001", [gap("<", None), FINE, gap("<")], FINE, W, subject="csms-to-cp", count=2, events=[2, 5]),
    case("CAP-002", [opened(late=True), BOOT_16], BOOT_16, I, events=[1]),
    case("CAP-002", [opened(late=True, path="/CP001", status=101), BOOT_16], BOOT_16, I, about="goes on"),
    case("CAP-002", [opened(late=True, path="/CP001"), BOOT_16], BOOT_16, I, about="the answer was not seen"),
    case(
        "CAP-003",
        [opened(), opened(duplicate_of=1), on(1), FINE, on(2), FINE],
        [opened(), FINE, closed(), opened()],
        I,
        events=[2],
        count=1,
    ),
    case("CAP-003", [opened(), opened(duplicate_of=1), closed()], opened(), I, about="closed"),
    case("CAP-004", notice("tls.unreadable", "10.0.0.2:443", "s"), FINE, W, subject="s"),
    case(
        "CAP-004", [notice("tls.unreadable", "a", "s")] * 3, notice("something.else"), W, count=3, events=[]
    ),
    case("CAP-005", damaged("deflate", "deflate.lost"), FINE, W),
    case("CAP-005", [damaged("deflate", "deflate.broken")] * 2, damaged("deflate"), W, count=2),
    case("CAP-006", [UNKNOWN, BOOT_16, closed()], [BOOT_16, closed()], I, about="inferred", also=["WS-003"]),
    case("CAP-006", [UNKNOWN, FINE], [UNKNOWN, closed("csms")], I, about="fits several"),
    case("CAP-008", [FOREIGN, '> {"a":1}'], FINE, I),
    case(
        "CAP-008",
        [FOREIGN, '> {"a":1}', '> {"a":2}', closed()],
        [opened(status=404), closed()],
        I,
        also=["WS-004"],
    ),
    case("CAP-009", notice("file.damaged", "x.pcap: torn at byte 5"), FINE, W),
    case("CAP-009", [notice("file.damaged", "a"), FINE], FINE, W, count=1),
    case("CAP-010", notice("link.unsupported", "link type 147", "147"), FINE, W, subject="147"),
    case(
        "CAP-013", notice("text.assumed", "no zone", "x: zone"), notice("text.dialect"), I, subject="x: zone"
    ),
    case(
        "CAP-013",
        [notice("text.assumed", "no zone", "x: zone"), notice("text.assumed", "no date", "x: date")],
        notice("text.assumed", "no version", "x: version"),
        I,
        count=1,
    ),
    case("CAP-014", [of_a_log(), FINE, gap()], [of_a_log(), FINE], W, about="of 100 bytes", events=[4]),
    case(
        "CAP-014",
        [of_a_log(), gap("<", None)],
        [of_a_log(), FINE],
        W,
        subject="csms-to-cp",
        about="the CSMS sent",
    ),
    case("CAP-015", notice("trace.contradiction", "x: line 2"), FINE, W, about="line 2"),
    case("CAP-016", [notice("trace.no-message", "line 2")] * 2, FINE, W, count=2),
    case("CAP-012", notice("record.fault", "dropped (drop)", "dropped (drop)"), FINE, I, about="dropped"),
    case("CAP-012", [notice("record.fault", "a", "a")] * 3, FINE, I, count=3, events=[]),
    case(
        "CAP-010",
        [notice("link.unsupported", "x", "147"), notice("link.unsupported", "y", "148")],
        [],
        W,
        count=1,
    ),
    *(
        case("CAP-011", [opened(version=version), FINE], FINE, I, about=version)
        for version in ("1.2", "1.5", "2.0")
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_log_has_no_addresses():
    late = findings_of(of_a_log(late=True), BOOT_16)["CAP-002"]
    assert late.detail == "the handshake of a station without a name is not in the capture"
    assert "CAP-001" not in findings_of(of_a_log(), FINE, gap())


def test_a_log_that_shows_no_beginning_has_its_times_judged_at_the_end():
    session = Session(1)
    engine = Engine()
    engine.feed([Closed(session, None, None, "end-of-capture", n=1)])
    assert [one.rule.id for one in engine.findings] == ["CAP-007"]
    engine = Engine()
    engine.feed([Closed(session, 1, None, "end-of-capture", n=1)])
    assert not engine.findings


@exercises("CAP-007")
@pytest.mark.parametrize("profile", ["strict", "field"])
def test_a_capture_without_times(profile):
    finding = findings_of(FINE, timeless=True, profile=profile)["CAP-007"]
    assert (finding.severity, finding.first, finding.last, finding.events) == (I, None, None, [1])


def test_a_capture_with_times():
    assert "CAP-007" not in findings_of(FINE)


def test_without_times_nothing_is_late_slow_or_old():
    old = {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": "2020-01-01T00:00:00Z",
    }
    found = judged(
        HEARTBEAT,
        "+600s",
        HEARTBEAT_ANSWER,
        ask("2", "StatusNotification", old),
        closed(),
        timeless=True,
        skip=["BOOT-001"],
    )
    assert {finding.rule.id for finding in found} == {"CAP-007"}


def test_a_second_sighting_is_not_judged():
    wrong = [
        "> [2,",
        "> " + call("1", "Foo"),
        "> " + call("1", "Bar"),
        gap(),
        damaged("tls", "websocket.rsv"),
    ]
    found = judged(opened(), opened(duplicate_of=1, tls=None, auth="Basic x"), wrong, closed())
    assert [finding.rule.id for finding in found] == ["CAP-003"]


def test_a_second_sighting_before_the_first_is_no_retry():
    """On the way from the CSMS, the connection behind a proxy shows a Call before the one in front of it."""
    ask_clear, say_cleared = '< [2,"c","ClearCache",{}]', '> [3,"c",{"status":"Accepted"}]'
    found = judged(
        opened(),
        opened(duplicate_of=1),
        [ask_clear, on(1), ask_clear, "+0.1s", say_cleared, on(2), say_cleared],
        [on(1), FINE, on(2), FINE],
    )
    assert [finding.rule.id for finding in found] == ["CAP-003"]


def test_a_version_without_rules_is_judged_by_its_framing_only():
    pieces = [opened(version="2.0"), "> " + call("1", "Anything", {"timestamp": "yesterday"}), "> [9]"]
    assert set(findings_of(pieces)) == {"CAP-011", "RPC-002"}


def test_a_notice_belongs_to_no_session():
    finding = findings_of(notice("tls.unreadable", "x"))["CAP-004"]
    assert finding.session is None
    assert finding.events == []


def test_what_is_assumed_is_told_with_the_version():
    finding = findings_of(opened(late=True), BOOT_16, HEARTBEAT, HEARTBEAT_ANSWER)["CAP-006"]
    assert "1.6" in finding.detail
    assert NOW
