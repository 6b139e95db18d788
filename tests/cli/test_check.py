"""`check`: which findings, of which inputs, with which exit code."""

import gzip
import json

import pytest

from ocppscope.cli.options import OpenInput
from ocppscope.rules.registry import RULES
from tests.cli import everything, lines, opening, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import CLOSE, Conversation, answer, call, frame, pcap, session, switching, upgrade

ROGUE, LOST = (FOLDER / name for name in ("rogue-station.pcap", "lost-packets.pcap"))
CLEAN = FOLDER / "clean-2.0.1-deflate.pcap"
BOOT = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BOOTED = '[3,"b",{"status":"Accepted","currentTime":"2023-11-14T22:13:20Z","interval":300}]'


def rules(*words, **options):
    return [one["rule"] for one in lines("check", "--json", *words, **options)]


@pytest.fixture
def clean(tmp_path):
    return saved(tmp_path, opening().client(call()).server(answer()).close(), "clean.pcap")


@pytest.fixture
def bad(tmp_path):
    return saved(tmp_path, everything(), "bad.pcap")


@pytest.fixture
def torn(tmp_path):
    return saved(tmp_path, pcap(session().client(call()).close().packets)[:-5], "torn.pcap")


# --- what is printed ----------------------------------------------------------------------------------------


def test_a_clean_capture_is_one_reassuring_line_with_counts():
    done = run("check", CLEAN)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout == (
        f"{CLEAN}: no errors, no warnings in 1 station, 1 session, 38 messages, OCPP 2.0.1, "
        f"{done.stdout.partition('OCPP 2.0.1, ')[2]}"
    )
    assert done.stdout.count("\n") == 1


def test_json_is_nothing_for_a_capture_without_findings():
    done = run("check", "--json", "--skip", "WS-007", CLEAN)
    assert (done.exit_code, done.output) == (0, "")


def test_the_gravest_finding_is_first():
    order = ["error", "warning", "info"]
    severities = [one["severity"] for one in lines("check", "--json", ROGUE)]
    assert severities == sorted(severities, key=order.index)
    assert set(severities) == set(order)


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"], ["--json", "--format", "text"]])
def test_json_is_a_format(words, bad):
    done = run("check", *words, bad)
    assert {json.loads(line)["input"] for line in done.stdout.splitlines()} == {str(bad)}


# --- exit codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "codes"),
    [
        ("error", [0, 0, 1]),
        ("warning", [0, 1, 1]),
        ("info", [1, 1, 1]),
        ("never", [0, 0, 0]),
    ],
)
def test_fail_on(least, codes):
    found = [run("check", "--fail-on", least, path).exit_code for path in (CLEAN, LOST, ROGUE)]
    assert found == codes
    together = run("check", "--fail-on", least, CLEAN, LOST, ROGUE)
    assert together.exit_code == max(codes)


def test_errors_fail_by_default():
    assert [run("check", path).exit_code for path in (CLEAN, LOST, ROGUE)] == [0, 0, 1]


@pytest.mark.parametrize("more", [[], ["--fail-on", "never"], ["--skip", "CAP-009"], ["--only", "RPC-001"]])
def test_a_partly_readable_file_says_so_and_is_1(torn, more):
    done = run("check", *more, torn)
    assert done.exit_code == 1
    assert f"Warning: {torn}: at byte " in done.stderr
    assert ("CAP-009" in done.stdout) == (more[:1] in ([], ["--fail-on"]))


def test_an_interrupted_check_judges_what_it_read(bad, clean, monkeypatch):
    real = OpenInput.batches

    def stopped(self):
        yield from real(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(OpenInput, "batches", stopped)
    done = run("check", "--json", bad, clean)
    assert done.exit_code == 130
    assert {json.loads(line)["input"] for line in done.stdout.splitlines()} == {str(bad)}
    assert "SCH-enum" in done.stdout


# --- several inputs -----------------------------------------------------------------------------------------


def test_each_input_is_judged_apart(bad, clean):
    done = run("check", clean, bad)
    assert done.exit_code == 1
    assert done.stdout.index(f"{clean}: no errors") < done.stdout.index(f"\n{bad}\n")
    assert {one["input"] for one in lines("check", "--json", clean, bad)} == {str(clean), str(bad)}


def test_an_unreadable_one_of_several_does_not_keep_the_others(tmp_path, bad, clean):
    none, empty = tmp_path / "none.pcap", saved(tmp_path, b"", "empty")
    done = run("check", none, clean, empty, bad)
    assert done.exit_code == 3
    assert f"Error: {none} cannot be opened" in done.stderr
    assert f"Error: {empty} is empty" in done.stderr
    assert f"{clean}: no errors" in done.stdout
    assert "SCH-enum" in done.stdout


def test_3_is_also_with_fail_on_never(tmp_path, clean):
    assert run("check", "--fail-on", "never", tmp_path / "none", clean).exit_code == 3


def halves(tmp_path, name=lambda n: f"part{n}.pcap", pack=bytes):
    """A session in two files: in the second half is the answer to a Call in the first."""
    talk = opening().client(call(BOOT)).server(answer(BOOTED)).client(call('[2,"2","Heartbeat",{}]'))
    middle = len(talk.packets)
    talk.server(answer('[3,"2",{"currentTime":"2023-11-14T22:13:20Z"}]'))
    talk.client(frame(CLOSE, b"\x03\xe8", masked=True)).server(frame(CLOSE, b"\x03\xe8")).close()
    return [
        saved(tmp_path, pack(pcap(packets)), name(n))
        for n, packets in enumerate((talk.packets[:middle], talk.packets[middle:]))
    ]


def test_join_makes_one_capture_of_several_inputs(tmp_path):
    parts = halves(tmp_path)
    assert "CAP-002" in rules(*parts)
    joined = run("check", "--join", *parts)
    assert joined.exit_code == 0
    assert joined.stdout.startswith(f"{parts[0]} {parts[1]}: no errors")
    assert "1 station, 1 session, 4 messages" in joined.stdout
    assert set(rules("--join", *parts)) == {"WS-007"}
    assert {one["input"] for one in lines("check", "--json", "--join", *parts)} == {f"{parts[0]} {parts[1]}"}


def test_join_keeps_the_order_of_the_command_line(tmp_path):
    parts = halves(tmp_path)
    assert "CAP-002" in rules("--join", *reversed(parts))


def test_join_takes_gzip_and_standard_input(tmp_path):
    parts = halves(tmp_path, pack=gzip.compress)
    assert set(rules("--join", *parts)) == {"WS-007"}
    assert set(rules("--join", parts[0], "-", stdin=parts[1].read_bytes())) == {"WS-007"}


def test_one_unreadable_part_makes_the_whole_unreadable(tmp_path):
    done = run("check", "--join", *halves(tmp_path), tmp_path / "none")
    assert (done.exit_code, done.stdout) == (3, "")


def test_a_torn_part_does_not_keep_the_next(tmp_path):
    first, second = halves(tmp_path)
    first.write_bytes(first.read_bytes() + b"\0" * 4)
    done = run("check", "--json", "--join", first, second)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Warning: {first}: at byte ")
    assert {json.loads(line)["rule"] for line in done.stdout.splitlines()} == {"CAP-009", "WS-007"}


# --- which rules --------------------------------------------------------------------------------------------


def test_only(bad):
    assert set(rules("--only", "SCH-enum", bad)) == {"SCH-enum"}
    assert set(rules("--only", "sch-ENUM", "--only", "WS-007", bad)) == {"SCH-enum", "WS-007"}
    assert run("check", "--only", "WS-007", bad).exit_code == 0


def test_skip(bad):
    everyone = rules(bad)
    assert rules("--skip", "SCH-enum", "--skip", "ws-007", bad) == [
        rule for rule in everyone if rule not in ("SCH-enum", "WS-007")
    ]


def test_only_and_skip(bad):
    assert rules("--only", "SCH-enum", "--skip", "SCH-enum", bad) == []


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_an_unknown_rule_is_wrong_usage_and_names_the_list(option, bad):
    done = run("check", option, "RPC-999", bad)
    assert done.exit_code == 2
    assert "there is no rule RPC-999: `ocppscope rules` lists them" in done.stderr
    assert option in done.stderr


def test_profile(bad):
    assert RULES["WS-007"].severity != RULES["WS-007"].field

    def severity(*words):
        return {one["rule"]: one["severity"] for one in lines("check", "--json", *words, bad)}["WS-007"]

    assert severity() == severity("--profile", "field") == RULES["WS-007"].field
    assert severity("--profile", "strict") == RULES["WS-007"].severity


def test_a_capture_without_ocpp_but_with_findings_tells_them():
    done = run("check", FOLDER / "late-start-deflate.pcap")
    assert done.exit_code == 3
    assert "CAP-005" in done.stdout
    assert "holds no OCPP message" in done.stderr


def test_refusals_are_ocpp_too():
    assert run("check", FOLDER / "refused-handshake.pcap").exit_code == 1


def test_a_connection_without_ocpp_says_nothing_on_stdout(tmp_path):
    path = saved(tmp_path, Conversation().open().client(b"SSH-2.0-x\r\n"))
    for output in ("text", "json"):
        assert run("check", "--format", output, path).stdout == ""


def test_a_websocket_that_is_not_ocpp_is_not_called_clean(tmp_path):
    token = "authorization.bearer." + "x" * 60
    request = upgrade(Sec_WebSocket_Protocol=f"v1, {token}")
    talk = Conversation().open().client(request).server(switching(Sec_WebSocket_Protocol="v1"))
    done = run("check", saved(tmp_path, talk.client(call("hello")).close()))
    assert done.exit_code == 3
    assert "no message to judge" in done.stdout
    assert "no errors" not in done.stdout
    assert "CAP-008" in done.stdout
    assert token not in done.output
