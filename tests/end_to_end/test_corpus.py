"""What `check` finds in the captures, logs and traces of other projects: each error and warning is true.

A new file there only has to be read without a traceback; once somebody has looked at what is found in it, it gets
its place in the table.
"""

from pathlib import Path

import pytest

from tests.cli import lines, run

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = sorted(
    path.relative_to(CORPUS).as_posix()
    for path in CORPUS.rglob("*")
    if path.is_file() and path != CORPUS / "README.md"
)
E, W = "error", "warning"

SILENCES = "nothing is sent for 15 minutes (in meter-anomaly 20), and the interval is 300 s"
BEFORE_THE_ANSWER = (
    "{} goes out before the answer to BootNotification is there, on which all else has to wait"
)
TRUE: dict[str, dict[tuple[str, str], str] | None] = {
    "logs/home-assistant-debugging.md": {
        ("CAP-014", W): "an example of websockets' own logging, which puts … in the middle of long messages",
    },
    "logs/home-assistant.log": {
        ("MV-001", W): "17137319.55 Wh, and 5 s later 17137319.00: the meter cuts off what is less than a Wh",
        (
            "RMT-010",
            E,
        ): "the StatusNotification that #29 triggers (#30) is 12 ms before the answer Accepted (#32)",
    },
    "logs/octt-tc-k-41.log": {},
    "logs/solidstudio-vcp.log": {
        ("BOOT-001", E): BEFORE_THE_ANSWER.format("StatusNotification"),
        ("RPC-008", W): "the same, as what it is in OCPP-J: two Calls at once",
        ("SC-007", W): "the ChargePointMaxProfile is Absolute, and has no startSchedule",
    },
    "pcap/oversized-close-frame.pcapng": {
        ("WS-001", E): "GET /chat offers no subprotocol, and nothing that was sent shows that it is not OCPP",
        ("WS-020", E): "a Close frame of 258 bytes, where 125 are allowed",
        ("WS-026", E): "its length is written in 8 bytes, where 2 would do",
    },
    "pcap/reply-ping-coalesced.pcap": None,
    "pcap/two-binary-fragments.pcap": None,
    "pcap/websocket-compressed_example_websocket.pcap": None,
    "pcap/websocket-control-frag_input.pcap": None,
    "pcap/websocket.pcap": None,
    "pcap/wrong-accept-header.pcap": None,
    "pcap/wstunnel-http.pcap": None,
    "traces/debugkit/failed-auth.json": {
        ("AUTH-001", E): "the idTag SYNTHETIC-TAG-INVALID has 21 characters",
        ("SCH-maxLength", E): "the same",
        ("RPC-022", E): "the CSMS answers it with a CallResult",
    },
    "traces/debugkit/meter-anomaly.json": {
        ("SCH-required", E): "StartTransaction, MeterValues and StopTransaction have no timestamp",
        ("RPC-022", E): "the CSMS answers them with CallResults",
        ("MV-001", E): "the register goes from 5000 to 3000 Wh: what the scenario is there for",
        ("BOOT-011", W): "no StatusNotification at all after the boot",
        ("BOOT-016", W): SILENCES,
    },
    "traces/debugkit/normal-session.json": {("BOOT-016", W): SILENCES},
    "traces/debugkit/unresponsive-csms.json": {
        ("BOOT-001", E): BEFORE_THE_ANSWER.format("Heartbeat"),
        ("RPC-008", W): "the same, as what it is in OCPP-J: two Calls at once",
    },
    "traces/kwwhat-14d.csv": {
        (
            "RPC-008",
            W,
        ): "Authorize 5 s after a StatusNotification that is not answered; #196 and #197 go out together",
        ("RPC-010", W): "StatusNotification Available (#54, #15553 …) has no answer in the file",
        (
            "TX16-004",
            W,
        ): "transaction 1023 starts on connector 1 (#9368), where 1021 stops a minute later (#9374)",
        (
            "TX16-017",
            W,
        ): "in the same millisecond (#9374, #9375) a StopTransaction and MeterValues of the next one",
        ("CON-007", W): "when 1021 stops the connector is Available (#9378), while 1023 goes on",
    },
    "traces/open-ocpp-trace/normal-session/expected.json": None,
    "traces/open-ocpp-trace/normal-session/trace.jsonl": {("BOOT-016", W): SILENCES},
    "traces/open-ocpp-trace/orphan-response/expected.json": None,
    "traces/open-ocpp-trace/orphan-response/trace.jsonl": {},
}
"""By file: the errors and warnings of profile field, and why they are true; None: it holds no OCPP."""

pytestmark = pytest.mark.skipif(not FILES, reason="needs the corpus")


def serious(name, profile="field"):
    found = lines("check", "--json", "--profile", profile, CORPUS / name)
    return {(one["rule"], one["severity"]) for one in found if one["severity"] != "info"}


@pytest.mark.parametrize("name", FILES)
def test_every_error_and_warning_is_true(name):
    done = run("check", CORPUS / name)
    if name not in TRUE:
        assert done.exit_code in (0, 1, 3)
        return
    expected = TRUE[name]
    found = serious(name)
    assert found == set(expected or ())
    code = 3 if expected is None else int(any(severity == E for _, severity in expected))
    assert done.exit_code == code


@pytest.mark.parametrize("name", FILES)
def test_the_standards_severities_find_no_less(name):
    strict = {rule for rule, _ in serious(name, "strict")}
    assert strict >= {rule for rule, _ in serious(name)}


def test_no_zone_and_no_clock_is_blamed_where_the_log_has_no_zone():
    told = run("check", CORPUS / "logs/home-assistant.log").stdout
    assert "--assume-tz=+01:00 would fit" in told
    named = lines("check", "--json", "--assume-tz", "+01:00", CORPUS / "logs/home-assistant.log")
    assert not [one for one in named if one["rule"].startswith(("TIME", "BOOT"))]
