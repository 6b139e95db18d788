import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ocppscope.cli import junit
from ocppscope.rules.registry import RULES
from tests.cli import run

CAPTURES = Path(__file__).parents[2] / "captures"
SCRIPT = "import time; print('I am there: é <&>', flush=True); raise SystemExit(3)"


@pytest.fixture
def folder(tmp_path):
    """A capture that passes, one that fails, one that is skipped, one with a mistake in its TOML."""
    for name, capture in {
        "a/good": "clean-1.6.pcap",
        "a/late": "late-start.pcap",
        "bad": "rogue-station.pcap",
        "wrong": "send-2.1.pcap",
    }.items():
        path = tmp_path / f"{name}.pcap"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((CAPTURES / capture).read_bytes())
    (tmp_path / "bad.toml").write_text('[check]\nexpected = ["RPC-001", "RPC-002"]\nfail_on = "never"')
    (tmp_path / "a" / "late.toml").write_text('skip = "not before\u202e summer"')
    (tmp_path / "wrong.toml").write_text("[check]\nfailon = 'info'")
    return tmp_path


def test_text(folder):
    result = run("test", folder)
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert [line.partition("  (")[0] for line in lines] == [
        "passed   a/good.pcap",
        "skipped  a/late.pcap: not before\ufffd summer",
        "failed   bad.pcap",
        f"         check: RPC-002 is expected, and was not found: {RULES['RPC-002'].title}",
        "error    wrong.pcap",
        f"         {folder}/wrong.toml:2: 'failon' is not known; fail_on may be meant",
        "1 passed, 1 failed, 1 with an error, 1 skipped",
    ]
    assert result.stderr == ""


def test_only_some(folder):
    result = run("test", folder, "--only", "good", "--only", "a/l*.pcap")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 passed, 0 failed, 1 skipped"


def test_a_capture_alone(folder):
    result = run("test", folder / "bad.pcap")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_nothing_to_test(folder, tmp_path):
    result = run("test", folder, "--only", "none")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "none of 4 captures fits --only none: there are a/good.pcap, a/late.pcap" in result.stderr
    (tmp_path / "empty").mkdir()
    result = run("test", tmp_path / "empty")
    assert result.exit_code == 3
    assert "holds no capture: expected pcap" in result.stderr


def test_usage(folder):
    assert run("test").exit_code == 2
    assert run("test", folder / "nowhere").exit_code == 2
    result = run("test", folder, "--to", "csms.example")
    assert result.exit_code == 2
    assert "--to" in result.stderr
    (folder / "tests.toml").write_text("[replay]\npace = 'fast'")
    result = run("test", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "tests.toml:2: 'fast' is no pace" in " ".join(result.stderr.split())


def test_junit_of_all(folder):
    (folder / "bad.toml").write_text(
        f'check = false\n[replay]\nas = "csms"\ncommand = ["{{python}}", "-c", "{SCRIPT}"]\n'
    )
    result = run("test", folder, "--format", "junit")
    assert result.exit_code == 1
    root = ET.fromstring(result.stdout.encode())
    assert root.tag == "testsuites"
    (suite,) = root
    counts = {key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped")}
    assert counts == {"name": str(folder), "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    good, late, bad, wrong = suite
    assert (good.get("classname"), good.get("name"), len(good)) == ("ocppscope.a", "good.pcap", 0)
    assert float(good.get("time")) >= 0
    assert [(one.tag, one.get("message")) for one in late] == [("skipped", "not before\u202e summer")]
    assert [one.tag for one in bad] == ["failure", "system-out"]
    assert bad.get("classname") == "ocppscope"
    assert bad[0].get("message").startswith("replay: CSMS for ROGUE-13: incomplete (")
    assert "the peer ended with exit code 3" in bad[0].text
    assert bad[1].text == "I am there: é <&>\n"
    assert [one.tag for one in wrong] == ["error"]


def test_to_a_csms_that_is_not_there(folder):
    (folder / "tests.toml").write_text("[replay]\ntimeout = '100ms'")
    result = run("test", folder, "--only", "good", "--to", "ws://127.0.0.1:1/ocpp")
    assert result.exit_code == 1
    assert "nobody accepts connections at ws://127.0.0.1:1/ocpp: start the CSMS" in result.stdout


def test_what_the_peer_said_is_shown(folder):
    (folder / "bad.toml").write_text(
        "check = false\n[replay]\nas = 'csms'\ncommand = \"echo 'no \\u001b[31mred'; exit 4\"\n"
    )
    result = run("test", folder, "--only", "bad")
    assert result.exit_code == 1
    assert "         the peer said:\n           | no ␛[31mred\n" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nobody_behind(folder, number):
    """The peer says its number and never connects; it is there no more when the command has ended."""
    pid_file = folder / "pid"
    program = f"import os, pathlib, signal; pathlib.Path('{pid_file}.new').write_text(str(os.getpid())); "
    program += f"os.replace('{pid_file}.new', '{pid_file}'); signal.pause()"
    (folder / "bad.toml").write_text(
        f'check = false\n[replay]\nas = "csms"\ncommand = ["{{python}}", "-c", "{program}"]\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "ocppscope", "test", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = [process.stdout.readline(), process.stdout.readline()]
    while not pid_file.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    rest, errors = process.communicate()
    assert process.returncode == 130, errors
    assert said[0].startswith("passed   a/good.pcap")
    assert rest.splitlines()[-1] == "1 passed, 0 failed, 1 skipped, 2 not run"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\ud800", "\ufffe"])
def test_xml_that_cannot_be(char):
    assert junit.attribute(f'a"{char}<') == '"a&quot;\ufffd&lt;"'
