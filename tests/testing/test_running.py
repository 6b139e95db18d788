import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from ocppscope.testing.case import Case, cases_of
from ocppscope.testing.running import run, run_case
from ocppscope.testing.settings import Settings
from tests.testing.test_replaying import loaded

CAPTURES = Path(__file__).parents[2] / "captures"
CLEAN = CAPTURES / "clean-1.6.pcap"
ROGUE = CAPTURES / "rogue-station.pcap"


@contextmanager
def served(handle):
    """A CSMS in a thread."""
    begun, end, port = threading.Event(), None, 0

    async def main():
        nonlocal end, port
        end = asyncio.Event()
        async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            stops.append(lambda: loop.call_soon_threadsafe(end.set))
            begun.set()
            await end.wait()

    stops = []
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    begun.wait()
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        stops[0]()
        thread.join()


def case(path, **settings):
    return Case(path.name, path, Settings(**settings))


def test_a_capture_is_checked():
    passed, failed = run([case(CLEAN), case(ROGUE)])
    assert (passed.status, passed.lines, passed.result) == ("passed", [], None)
    assert (failed.status, failed.name) == ("failed", "rogue-station.pcap")
    assert failed.lines[0] == "check: error RPC-001 was found: Not a valid OCPP-J message"
    assert failed.lines[1].startswith("    session 1: ")
    assert 0 < failed.seconds < 60


def test_it_need_not_be():
    assert run_case(case(ROGUE, check=None)).status == "passed"


def test_one_that_is_left_out():
    outcome = run_case(case(ROGUE, skip="a known fault"))
    assert (outcome.status, outcome.lines) == ("skipped", ["a known fault"])


def test_one_that_cannot_be_run(tmp_path):
    outcome = run_case(Case("lost.toml", tmp_path / "lost.toml", problem="beside no capture"))
    assert (outcome.status, outcome.lines) == ("error", ["beside no capture"])
    outcome = run_case(case(CAPTURES / "late-start-deflate.pcap"))
    assert outcome.status == "error"
    assert "holds no OCPP message" in outcome.lines[0]


def test_what_the_check_said_stays_where_the_replay_cannot_begin():
    outcome = run_case(case(ROGUE, replay={"to": "ws://127.0.0.1:1", "timeout": 0}))
    assert outcome.status == "error"
    assert outcome.lines[0].startswith("check: error RPC-001")
    assert outcome.lines[-1].startswith("nobody accepts connections at ws://127.0.0.1:1")


def test_one_after_the_other():
    seen = []
    outcomes = run([case(CLEAN), case(ROGUE)], began=lambda one: seen.append(one.name))
    assert seen == []
    assert next(outcomes).name == "clean-1.6.pcap"
    assert seen == ["clean-1.6.pcap"]


@pytest.fixture
def url(recorded_projects):
    with served(loaded(recorded_projects / "csms-project" / "csms.py").handle) as url:
        yield url


@pytest.fixture
def captures(projects):
    return projects / "csms-project" / "captures"


def test_a_peer_for_all_takes_the_place_of_what_is_started(captures, url):
    (captures / "tests.toml").write_text("[replay]\ncommand = 'exit 1'\nready = 'never'\ncwd = 'nowhere'")
    (outcome,) = run(cases_of(captures), to=url)
    assert outcome.status == "passed", outcome.lines
    assert outcome.result.title == f"station LIS-0117 against {url}"


def test_a_peer_for_all_is_for_those_of_whom_nothing_is_said(captures, url):
    (captures / "tests.toml").unlink()
    (outcome,) = run(cases_of(captures), to=url)
    assert outcome.result.equal == 6


@pytest.mark.parametrize("where", ["tests.toml", "charge.toml"])
def test_a_peer_for_all_is_not_for_those_that_are_not_replayed(captures, where):
    (captures / where).write_text("replay = false")
    (outcome,) = run(cases_of(captures), to="ws://127.0.0.1:1")
    assert (outcome.status, outcome.result) == ("passed", None)


def test_a_peer_for_all_is_no_station(captures):
    (captures / "charge.toml").write_text("[replay]\nas = 'csms'\ncommand = 'exit 3'\ncwd = '.'")
    (outcome,) = run(cases_of(captures), to="ws://127.0.0.1:1")
    assert outcome.status == "failed"
    assert outcome.lines[:2] == [
        "replay: CSMS for LIS-0117: incomplete (6 missing)",
        "    the peer ended with exit code 3",
    ]
