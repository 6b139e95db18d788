"""The plugin in pytest runs of its own, as in a user's project, with the peers of docs/regression-tests.md."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

from tests.testing import examples

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return examples.projects(tmp_path_factory.mktemp("projects"))


@pytest.fixture
def project(pytester, recorded, monkeypatch):
    """A project with a capture, `charge.pcapng`, and the peers `csms` and `charger` to import."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv(
        "PYTHONPATH", f"{recorded / 'csms-project'}{os.pathsep}{recorded / 'firmware-project'}"
    )
    capture = recorded / "csms-project" / "captures" / "charge.pcapng"
    (pytester.path / "charge.pcapng").write_bytes(capture.read_bytes())
    return pytester


SERVED = """
import asyncio
import threading
import pytest
from csms import handle
from websockets.asyncio.server import serve

@pytest.fixture
def url():
    begun, stops = threading.Event(), []
    async def main():
        end = asyncio.Event()
        async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
            loop = asyncio.get_running_loop()
            stops.append(lambda: loop.call_soon_threadsafe(end.set))
            stops.append(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp")
            begun.set()
            await end.wait()
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    begun.wait()
    yield stops[1]
    stops[0]()
    thread.join()
"""


def run(project, program):
    project.makepyfile(program)
    return project.runpytest_subprocess(
        "-p", "ocppscope.pytest_plugin", "-p", "no:cacheprovider", "-W", "error", "-rA"
    )


def test_replays(project):
    result = run(
        project,
        SERVED
        + """
def test_same(ocpp_replay, url):
    result = ocpp_replay("charge.pcapng", to=url)
    assert (result.verdict, result.equal) == ("same", 6)

def test_differences_are_told(ocpp_replay, url):
    ocpp_replay("charge.pcapng", url, subprotocol="ocpp2.0.1")

def test_any_verdict_will_do(ocpp_replay, url):
    assert ocpp_replay("charge.pcapng", url, subprotocol="ocpp2.0.1", expect=None).verdict == "incomplete"

def test_another_is_expected(ocpp_replay, url):
    ocpp_replay("charge.pcapng", url, expect="diverged")

def test_unknown_option(ocpp_replay, url):
    ocpp_replay("charge.pcapng", url, ignored="/interval")

def test_no_capture(ocpp_replay, url):
    ocpp_replay("none.pcapng", url)

def test_in_a_loop(ocpp_replay, url):
    async def scenario():
        ocpp_replay("charge.pcapng", url)
    asyncio.run(scenario())

def test_in_a_thread(ocpp_replay, url):
    async def scenario():
        return await asyncio.to_thread(ocpp_replay, "charge.pcapng", url)
    assert asyncio.run(scenario()).equal == 6

def test_nobody(ocpp_replay):
    ocpp_replay("charge.pcapng", "ws://127.0.0.1:1", timeout=0)
""",
    )
    result.assert_outcomes(passed=3, failed=6)
    result.stdout.fnmatch_lines_random(
        [
            "E   *AssertionError: station LIS-0117 against ws://127.0.0.1:*/ocpp: incomplete (6 missing, 6 not played)",
            "E   *BootNotification answer (event 3): did not come",
            "E   *AssertionError: station LIS-0117 *: same, expected diverged (6 equal)",
            "E   *ValueError: ignored=…: 'ignored' is not known; ignore may be meant",
            "E   *FileNotFoundError: there is no capture none.pcapng, neither in *",
            "E   *RuntimeError: ocpp_replay(…) would stop the event loop * await asyncio.to_thread(ocpp_replay, …)",
            "E   *AssertionError: nobody accepts connections at ws://127.0.0.1:1: start the CSMS, or correct the URL",
        ]
    )
    assert "pytest_plugin.py:" not in result.stdout.str()  # no frame of ours is shown


def test_what_the_toml_says_holds(project, recorded):
    (project.path / "tests.toml").write_text(
        f"[replay]\ncommand = ['{{python}}', 'csms.py', '{{port}}']\ncwd = '{recorded / 'csms-project'}'\n"
    )
    result = run(
        project,
        SERVED
        + """
def test_command(ocpp_replay):
    assert "ready" in ocpp_replay("charge.pcapng").output

def test_url_in_its_place(ocpp_replay, url):
    assert ocpp_replay("charge.pcapng", url).output == ""

def test_not_for_the_other_side(ocpp_csms):
    with pytest.raises(AssertionError, match="it was stopped|did not come"):
        with ocpp_csms("charge.pcapng", timeout="100ms"):
            pass

def test_command_that_fails(ocpp_replay):
    ocpp_replay("charge.pcapng", command="echo no database; exit 3")
""",
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E   *AssertionError: the peer ended with exit code 3 before it accepted connections at *",
            "E   *the peer said:",
            "E   *no database",
        ]
    )


def test_a_recorded_csms(project):
    result = run(
        project,
        """
import asyncio
import pytest
import charger

CAPTURE = "charge.pcapng"

def test_result(ocpp_csms):
    with ocpp_csms(CAPTURE) as csms:
        assert csms.url == f"ws://127.0.0.1:{csms.port}"
        asyncio.run(charger.main(csms.url, "LIS-0117"))
        assert csms.result().verdict == "same"

def test_judged_at_the_end(ocpp_csms):
    with ocpp_csms(CAPTURE, wait="100ms") as csms:
        pass

def test_not_judged_where_the_block_breaks(ocpp_csms):
    with ocpp_csms(CAPTURE) as csms:
        raise KeyError("of the test")

def test_awaited(ocpp_csms):
    async def scenario():
        with ocpp_csms(CAPTURE) as csms:
            await charger.main(csms.url, "LIS-0117")
            await asyncio.to_thread(csms.result)
    asyncio.run(scenario())

def test_not_awaited(ocpp_csms):
    async def scenario():
        with ocpp_csms(CAPTURE) as csms:
            csms.result()
    asyncio.run(scenario())

def test_any(ocpp_csms):
    with ocpp_csms(CAPTURE, expect=None, wait="100ms") as csms:
        assert csms.result().verdict == "incomplete"

def test_two_at_once(ocpp_csms):
    with ocpp_csms(CAPTURE) as one, ocpp_csms(CAPTURE) as other:
        assert one.port != other.port
        for csms in (one, other):
            asyncio.run(charger.main(csms.url, "LIS-0117"))
""",
    )
    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "E   *AssertionError: CSMS for LIS-0117: incomplete (6 missing)",
            "E   *note: session 1 could not be opened *",
            "E   *KeyError: 'of the test'",
            "E   *RuntimeError: result() would stop the event loop * await asyncio.to_thread(csms.result)",
        ]
    )
    assert "pytest_plugin.py:" not in result.stdout.str()


def test_it_is_light():
    """Nothing is imported that pytest has not: everybody's pytest loads it."""
    program = (
        "import sys, pytest; before = set(sys.modules); import ocppscope.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["ocppscope", "ocppscope.pytest_plugin"]


def test_it_is_found_by_pytest():
    (plugin,) = importlib.metadata.entry_points(group="pytest11", name="ocppscope")
    assert plugin.value == "ocppscope.pytest_plugin"
