"""`explain`: rules, actions, codes, settings, fields, values."""

import subprocess
import sys

import pytest

from ocppscope.cli import text
from ocppscope.ocpp.actions import BY_SENDER, actions_of
from ocppscope.ocpp.errors import ERROR_CODES
from ocppscope.ocpp.known_settings import configuration_keys
from ocppscope.ocpp.security_events import security_events
from ocppscope.rules.registry import RULES
from tests.cli import lines, run


def shown(word):
    done = run("explain", word)
    assert (done.exit_code, done.stderr) == (0, ""), word
    return done.stdout


def kinds(word):
    return [(one["kind"], one["name"]) for one in lines("explain", word, "--json")]


def test_a_rule():
    found = shown("rpc-001")
    one = RULES["RPC-001"]
    assert found.startswith(f"RPC-001  {one.title}\n")
    for label, value in (
        ("severity", "error"),
        ("versions", "all versions"),
        ("looks at", "what the decoder found wrong: json.invalid, rpc.frame"),
        ("needs", "the message alone"),
        ("source", one.source_for(None)),
        ("hint", one.hint),
    ):
        assert f"  {label:<12}{value}\n" in found


def test_rules_by_the_letters_of_their_ids():
    found = shown("ws")
    assert found.startswith("WS  rules, ")
    for rule_id, one in RULES.items():
        assert (f"  {rule_id:<16}{one.title}\n" in found) == rule_id.startswith("WS-")


@pytest.mark.parametrize("rule_id", list(RULES))
def test_every_rule_can_be_explained(rule_id):
    assert kinds(rule_id) == [("rule", rule_id)]
    assert RULES[rule_id].hint in shown(rule_id)


def test_an_action_of_all_versions():
    found = shown("AUTHORIZE")
    assert found.startswith(
        "Authorize  action of OCPP 1.6, 2.0.1 and 2.1, sent by the station\n  asks whether a token may charge\n"
    )
    for title in (
        "Request in 1.6",
        "Request in 2.0.1 and 2.1",
        "Response in 1.6",
        "Response in 2.0.1 and 2.1",
    ):
        assert f"\n\n  {title}\n" in found
    assert "\n  * idTag                             string, at most 20\n" in found
    assert "  *   idToken                         string, at most 255; in 2.0.1 string, at most 36\n" in found
    assert "    certificate                       string, at most 10000" in found
    assert "Accepted, Blocked, Expired, Invalid, ConcurrentTx\n" in found


def test_an_action_of_one_version_or_without_an_answer():
    found = shown("NotifyPeriodicEventStream")
    assert "action of OCPP 2.1, sent by the station" in found
    assert "Response" not in found
    found = shown("ClearCache")
    assert "Request in 1.6\n    no fields\n" in found


def test_a_field_and_a_value_of_one_version_only_say_so():
    found = shown("TriggerMessage")
    assert "; 2.1 only" in found.partition("customTrigger")[2].splitlines()[0]
    assert "; 2.1 only: " in found.rpartition("requestedMessage")[2].splitlines()[0]


def test_data_transfer_goes_both_ways():
    assert "sent by the station and the CSMS" in shown("DataTransfer")


def test_an_action_as_json():
    (one,) = (one for one in lines("explain", "Reset", "--json") if one["kind"] == "action")
    assert one["versions"]["1.6"] == {
        "sentBy": ["CSMS"],
        "request": [
            {"path": "type", "type": "string", "required": True, "limits": [], "enum": ["Hard", "Soft"]}
        ],
        "response": [
            {
                "path": "status",
                "type": "string",
                "required": True,
                "limits": [],
                "enum": ["Accepted", "Rejected"],
            }
        ],
    }


@pytest.mark.parametrize("version", list(BY_SENDER))
def test_every_action_of_every_version(version):
    for action in sorted(actions_of(version)):
        assert ("action", action) in kinds(action), action


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("formationviolation", "FormationViolation  error code of OCPP 1.6\n"),
        ("formationviolation", "  in 2.x      FormatViolation\n"),
        ("FormatViolation", "  in 1.6      FormationViolation\n"),
        ("GenericError", "any other error"),
        ("heartbeatinterval", "HeartbeatInterval  configuration key of OCPP 1.6\n"),
        ("heartbeatinterval", "HeartbeatInterval  variable of OCPPCommCtrlr, OCPP 2.0.1 and 2.1\n"),
        ("NumberOfConnectors", "  access      read only\n  profile     Core, every station of it has it\n"),
        ("AuthorizationKey", "  access      write only\n"),
        ("TxCtrlr.EVConnectionTimeOut", "  type        integer, in s\n"),
        ("TxCtrlr", "TxCtrlr  component of OCPP 2.0.1 and 2.1\n"),
        ("1006", "1006  code that closes a WebSocket\n  the connection ended without a Close"),
        ("4242", "private: "),
        ("3000", "registered by"),
        ("FirmwareUpdated", "  critical    yes: the CSMS has to be told\n"),
        ("InvalidTLSVersion", "  critical    yes in 2.0.1 and 2.1: the CSMS has to be told\n"),
        ("InvalidMessages", "  critical    no: it need only be logged\n"),
        ("PowerLoss", "PowerLoss  value of Reason\n  the power failed\n"),
        ("powerloss", "  StopTransaction reason  string (1.6)\n"),
        ("powerloss", "  TransactionEvent transactionInfo.stoppedReason  string (2.0.1, 2.1)\n"),
        ("txinprogress", "TxInProgress  value of statusInfo.reasonCode of 2.x\n  a transaction is running\n"),
        ("cx008", "CX008  value of vendorErrorCode and techCode\n"),
        ("meterstart", "meterStart  field of OCPP 1.6\n  StartTransaction meterStart  integer (1.6)\n"),
        ("connectorId", "  BootNotification"),
    ],
)
def test_words(word, said):
    if said == "  BootNotification":
        assert " places more (--json has all)\n" in shown(word)
    else:
        assert said in shown(word)


def test_several_matches_are_all_told():
    assert kinds("heartbeat")[0] == ("action", "Heartbeat")
    assert ("value", "Heartbeat") in kinds("heartbeat")  # of requestedMessage
    assert [kind for kind, _ in kinds("reason")] == ["field"]
    assert len({one["type"] for one in lines("explain", "Accepted", "--json")}) > 20


def test_every_code_key_and_event():
    for code in {code for of in ERROR_CODES.values() for code in of}:
        assert ("error code", code) in kinds(code)
    for key in configuration_keys():
        assert ("configuration key", key) in kinds(key)
    for one in security_events():
        assert ("security event", one) in kinds(one)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("StatusNotificaton", "Did you mean StatusNotification"),
        ("occurenceconstraint", "OccurenceConstraintViolation or OccurrenceConstraintViolation?"),
        ("RPC-0001", "RPC-001"),
        ("HeartBeatInterva", "HeartbeatInterval"),
        ("xyzzy!", "`ocppscope rules` lists the rules."),
        ("", "Nothing is known of ''."),
        ("9999", "Nothing is known"),
    ],
)
def test_what_is_not_known_is_wrong_usage_and_near_misses_are_named(word, meant):
    done = run("explain", word)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Nothing is known of" in done.stderr
    assert meant in done.stderr


@pytest.mark.parametrize(
    "word", ["RPC-001", "ws", "TransactionEvent", "Accepted", "HeartbeatInterval", "TxCtrlr"]
)
def test_no_line_is_wider_than_the_terminal(monkeypatch, word):
    monkeypatch.setattr(text, "width", lambda: 80)
    for line in shown(word).splitlines():
        assert text.columns_of(line) <= 80, line


def test_control_characters_cannot_move_the_cursor():
    done = run("explain", "\x1b[2J")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr


def test_it_starts_without_scapy_textual_and_cryptography():
    check = (
        "import sys; from ocppscope.cli.topics import topics_of; topics_of('Authorize');"
        "print([name for name in ('scapy', 'textual', 'cryptography.x509') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"
