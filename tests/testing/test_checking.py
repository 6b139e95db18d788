from pathlib import Path

import pytest

from ocppscope.events import Message
from ocppscope.ocpp.times import timestamp
from ocppscope.sources.text.clock import zone_named
from ocppscope.testing.checking import check
from ocppscope.testing.reading import CannotReadError, Seen, events
from ocppscope.testing.settings import Expected
from tests.cli import everything, saved

CAPTURES = Path(__file__).parents[2] / "captures"
ROGUE = CAPTURES / "rogue-station.pcap"
LOST = CAPTURES / "lost-packets.pcap"
OF_ROGUE = ("RPC-001", "SCH-enum", "RPC-004", "RPC-006", "RPC-013", "RPC-008")


def expected(*rules):
    return tuple(one if isinstance(one, Expected) else Expected(one) for one in rules)


def heads(lines):
    return [line for line in lines if not line.startswith(" ")]


def test_nothing_is_said_and_nothing_is_wrong():
    assert check(CAPTURES / "clean-1.6.pcap", {}, {}) == []


def test_errors_fail_a_capture_of_which_nothing_is_said():
    found = heads(check(ROGUE, {}, {}))
    assert [line.split()[1] for line in found] == ["RPC-001", "SCH-enum", "RPC-004", "RPC-006"]
    assert found[2] == "error RPC-004 was found: A message id is used again for another Call"


@pytest.mark.parametrize(("least", "count"), [("never", 0), ("error", 4), ("warning", 6), ("info", 9)])
def test_fail_on(least, count):
    assert len(heads(check(ROGUE, {}, {"fail_on": least}))) == count


def test_what_is_expected_is_found():
    assert check(ROGUE, {}, {"expected": expected(*OF_ROGUE)}) == []
    assert check(ROGUE, {}, {"expected": expected(*OF_ROGUE, "WS-007")}) == []


def test_a_surplus_warning_fails_where_something_is_expected():
    assert check(LOST, {}, {}) == []
    lines = check(LOST, {}, {"expected": ()})
    assert heads(lines) == ["warning CAP-001 was found, and is not expected: Bytes were lost"]
    assert lines[1].startswith("    session 1: ")
    assert check(LOST, {}, {"expected": (), "fail_on": "error"}) == []
    assert check(LOST, {}, {"expected": expected("CAP-001")}) == []


def test_what_is_missing():
    lines = check(LOST, {}, {"expected": expected("CAP-001", "RPC-004")})
    assert lines == ["RPC-004 is expected, and was not found: A message id is used again for another Call"]


def test_how_often():
    assert check(LOST, {}, {"expected": expected(Expected("RPC-006", 3), "CAP-001")}) == []
    lines = check(LOST, {}, {"expected": expected(Expected("RPC-006", 1), "CAP-001")})
    assert heads(lines) == ["RPC-006 is expected 1 time, and was found 3: An answer that no Call asked for"]


def test_the_profile_counts():
    clean = CAPTURES / "clean-1.6.pcap"
    assert check(clean, {}, {"fail_on": "warning"}) == []
    assert "WS-007" in check(clean, {}, {"fail_on": "warning", "profile": "strict"})[0]


def test_a_damaged_file_fails_whatever_is_expected(tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes((CAPTURES / "clean-1.6.pcap").read_bytes()[:-10])
    lines = check(path, {}, {"fail_on": "never"})
    assert len(lines) == 1
    assert lines[0].startswith("the file could be read in part only: ")


def test_nothing_of_ocpp_is_no_pass():
    with pytest.raises(CannotReadError, match=r"holds no OCPP message\. Found instead: 1 × TCP connection"):
        check(CAPTURES / "late-start-deflate.pcap", {}, {})


def test_a_refused_handshake_can_be_expected():
    assert check(CAPTURES / "refused-handshake.pcap", {}, {"expected": expected("WS-001")}) == []


def test_how_the_input_is_read(tmp_path):
    path = saved(tmp_path, everything())
    (tmp_path / "keys.txt").touch()
    with pytest.raises(CannotReadError, match="txt holds no TLS secrets"):
        check(path, {"keylog": (tmp_path / "keys.txt",)}, {})
    with pytest.raises(CannotReadError, match=r"keys.txt: "):
        check(path, {"tls_key": (tmp_path / "keys.txt",)}, {})
    with pytest.raises(CannotReadError, match="cannot be opened"):
        check(tmp_path / "none.pcap", {}, {})


def test_a_log_is_read_as_is_said(tmp_path):
    log = tmp_path / "a.log"
    log.write_text('2025-01-02 03:04:05 [INFO] ocpp: CP1: send [2,"9","DataTransfer",{"vendorId":"x"}]\n')
    seen = Seen()
    input_ = {"dialect": "python-ocpp", "assume_tz": zone_named("+02:00"), "as_logged_by": "csms"}
    found = [one for one in events(log, input_, seen) if isinstance(one, Message)]
    assert [(one.direction, timestamp(one.time)) for one in found] == [
        ("csms-to-cp", "2025-01-02T01:04:05.000000Z")
    ]
    said = {"expected": expected("CAP-013"), "fail_on": "error"}
    assert heads(check(log, {}, said)) == []
    assert heads(check(log, input_, said)) == [
        "CAP-013 is expected, and was not found: What the input does not say was assumed"
    ]
