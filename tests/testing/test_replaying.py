"""Replays with the peers of docs/regression-tests.md: in this process, and started for it."""

import asyncio
import contextlib
import importlib.util
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from ocppscope.capture.certificates import certificate_for
from ocppscope.capture.tls import station_context
from ocppscope.replay.script import MISSING, Comparison
from ocppscope.testing.peers import free_port
from ocppscope.testing.replaying import CannotReplayError, RecordedCsms, Result, play_as_csms, play_as_station
from ocppscope.testing.settings import Command, read_options
from ocppscope.testing.telling import comparison_lines

CAPTURES = Path(__file__).parents[2] / "captures"
STATION = "LIS-0117"


@pytest.fixture(scope="module")
def csms(recorded_projects):
    return loaded(recorded_projects / "csms-project" / "csms.py")


@pytest.fixture(scope="module")
def charger(recorded_projects):
    return loaded(recorded_projects / "firmware-project" / "charger.py")


@pytest.fixture(scope="module")
def capture(recorded_projects):
    return recorded_projects / "csms-project" / "captures" / "charge.pcapng"


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.asynccontextmanager
async def served(handle):
    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def options(**said):
    return read_options(said, Path.cwd())


# --- the station ---


def test_against_a_csms_that_is_there(csms, capture):
    async def scenario():
        async with served(csms.handle) as url:
            return await play_as_station(capture, {}, options(to=f"{url}/ocpp", identity="LIS-2"))

    result = asyncio.run(scenario())
    assert result.is_as_expected
    assert (result.verdict, result.equal, len(result.latencies)) == ("same", 6, 6)
    assert str(result).startswith("station LIS-0117 against ws://127.0.0.1:")
    assert str(result).endswith("/ocpp: same (6 equal)")


def test_the_verdict_may_be_another(csms, capture):
    async def scenario(**more):
        async with served(csms.handle) as url:
            return await play_as_station(capture, {}, options(to=url, **more))

    result = asyncio.run(scenario(verdict="diverged"))
    assert not result.is_as_expected
    assert "same, expected diverged (6 equal)" in str(result)


def test_nobody_is_there(capture):
    with pytest.raises(
        CannotReplayError, match=r"nobody accepts connections at ws://127.0.0.1:1: start the CSMS"
    ):
        asyncio.run(play_as_station(capture, {}, options(to="ws://me:secret@127.0.0.1:1", timeout=0)))


def test_one_that_is_not_there_is_not_waited_for_as_long(capture, monkeypatch):
    monkeypatch.setattr("ocppscope.testing.replaying._PRESENT", 0.1)
    with pytest.raises(CannotReplayError, match="nobody accepts connections"):
        asyncio.run(play_as_station(capture, {}, options(to="ws://127.0.0.1:1")))


def test_one_that_comes_late_is_waited_for(csms, capture):
    port = free_port()

    async def scenario():
        play = asyncio.ensure_future(play_as_station(capture, {}, options(to=f"ws://127.0.0.1:{port}")))
        await asyncio.wait({play}, timeout=0.1)
        async with serve(csms.handle, "127.0.0.1", port, subprotocols=["ocpp1.6"]):
            return await play

    assert asyncio.run(scenario()).is_as_expected


def test_nobody_is_named(capture):
    with pytest.raises(CannotReplayError, match="to a URL"):
        asyncio.run(play_as_station(capture, {}, {}))


def test_against_a_csms_that_is_started(recorded_projects, capture):
    command = Command(("{python}", "csms.py", "{port}"), recorded_projects / "csms-project")
    result = asyncio.run(play_as_station(capture, {}, {"command": command}))
    assert result.is_as_expected, str(result)
    assert "ready" in result.output


def test_a_csms_that_does_not_start(tmp_path, capture):
    command = Command(("{python}", "-c", "raise SystemExit('no database')"), tmp_path)
    with pytest.raises(CannotReplayError, match="ended with exit code 1 before it accepted") as error:
        asyncio.run(play_as_station(capture, {}, {"command": command}))
    assert error.value.output == "no database\n"


def test_a_csms_that_ends_in_the_middle(tmp_path, capture):
    program = """
import asyncio, os, sys
from websockets.asyncio.server import serve
async def handle(socket):
    await socket.recv()
    print("I cannot go on", flush=True)
    os._exit(4)
async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), subprotocols=["ocpp1.6"]):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    said = {
        "command": Command(("{python}", "-c", program, "{port}"), tmp_path),
        **options(ready="ready", wait="20s"),
    }
    result = asyncio.run(play_as_station(capture, {}, said))
    assert not result.is_as_expected
    assert (result.verdict, result.missing) == ("incomplete", 6)
    assert "I cannot go on" in result.output


def test_somebody_else_has_the_port(csms, tmp_path, capture):
    async def scenario():
        async with served(csms.handle) as url:
            await play_as_station(capture, {}, {"command": Command(("true",), tmp_path), "to": url})

    with pytest.raises(CannotReplayError, match=r"somebody accepts connections at .* already"):
        asyncio.run(scenario())


def test_one_that_never_answers_takes_no_longer_than_it_may(capture):
    async def mute(socket):
        await socket.wait_closed()

    async def scenario():
        async with served(mute) as url:
            return await play_as_station(capture, {}, options(to=url, timeout="300ms"))

    result = asyncio.run(scenario())
    assert result.trouble == "it took too long: its timeout is over"
    assert not result.is_as_expected
    assert result.verdict == "incomplete"
    assert result.notes == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("refused-handshake.pcap", "nothing to replay in refused-handshake.pcap: "),
        ("late-start-deflate.pcap", "nothing to replay in late-start-deflate.pcap: "),
        ("none.pcap", "cannot be opened"),
    ],
)
def test_nothing_to_play(name, says):
    with pytest.raises(CannotReplayError, match=says):
        asyncio.run(play_as_station(CAPTURES / name, {}, options(to="ws://127.0.0.1:1")))


# --- the CSMS ---


def test_for_a_station_that_is_started(recorded_projects, capture):
    command = Command(
        ("{python}", "charger.py", "{url}", "{station}"), recorded_projects / "firmware-project"
    )
    result = asyncio.run(play_as_csms(capture, {}, {"command": command}))
    assert result.is_as_expected, str(result)
    assert str(result).startswith("CSMS for LIS-0117: same (")


def test_a_station_that_fails_is_not_waited_for(tmp_path, capture):
    command = Command((sys.executable, "-c", "raise SystemExit('no meter')"), tmp_path)
    result = asyncio.run(play_as_csms(capture, {}, {"command": command}))
    assert result.trouble == "the peer ended with exit code 1"
    assert result.output == "no meter\n"
    assert (result.verdict, result.equal) == ("incomplete", 0)


def test_nowhere_to_listen(csms, capture):
    async def scenario():
        async with served(csms.handle) as url:
            await play_as_csms(capture, {}, options(listen=url.removeprefix("ws://")))

    with pytest.raises(CannotReplayError, match=r"nobody can listen on 127.0.0.1:\d+: .*in use"):
        asyncio.run(scenario())


def test_a_recorded_csms_in_a_thread(charger, capture):
    with RecordedCsms(capture, {}, {}) as recorded:
        assert recorded.url == f"ws://127.0.0.1:{recorded.port}"
        asyncio.run(charger.main(recorded.url, STATION))
        result = recorded.result()
        assert recorded.is_over
    assert result.is_as_expected, str(result)


def test_a_recorded_csms_that_is_left_early(capture):
    async def scenario(url):
        async with connect(f"{url}/{STATION}", subprotocols=["ocpp1.6"]):
            pass

    with RecordedCsms(capture, {}, {}) as recorded:
        asyncio.run(scenario(recorded.url))
    result = recorded.result()
    assert (result.verdict, result.is_as_expected) == ("incomplete", False)


def test_a_recorded_csms_to_which_nobody_comes(capture):
    with RecordedCsms(capture, {}, {}) as recorded:
        pass
    result = recorded.result()
    assert result.trouble == "it was stopped before its end"
    assert result.verdict == "incomplete"


def test_a_recorded_csms_that_cannot_begin():
    with pytest.raises(CannotReplayError, match="nothing to replay"):
        RecordedCsms(CAPTURES / "refused-handshake.pcap", {}, {}).__enter__()


# --- TLS ---


def test_tls_of_both_sides(csms, capture, tmp_path):
    own = certificate_for(["localhost", "127.0.0.1"], tmp_path, datetime.now(UTC))
    secrets = {"cert": own.certificate, "key": own.key}

    async def scenario(**said):
        context = station_context(own.certificate, own.key, None)
        async with serve(csms.handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            return await play_as_station(capture, {}, options(to=f"wss://127.0.0.1:{port}", **said))

    assert asyncio.run(scenario(ca=own.ca)).is_as_expected
    assert asyncio.run(scenario(insecure=True)).is_as_expected
    refused = asyncio.run(scenario())
    assert refused.verdict == "incomplete"
    assert "is not trusted" in refused.notes[0]

    with RecordedCsms(capture, {}, options(**secrets)) as recorded:
        assert recorded.url == f"wss://127.0.0.1:{recorded.port}"
        result = asyncio.run(play_again(recorded.url, own.ca))
        assert recorded.result().verdict == result


async def play_again(url, ca):
    """A station with TLS, which says what is not recorded, and leaves."""
    context = ssl.create_default_context(cafile=ca)
    async with connect(f"{url}/{STATION}", subprotocols=["ocpp1.6"], ssl=context) as socket:
        await socket.send('[2, "1", "Authorize", {"idTag": "other"}]')
        await socket.recv()
    return "diverged"


def test_a_certificate_that_cannot_be_read(capture, tmp_path):
    (tmp_path / "none.pem").touch()
    with pytest.raises(CannotReplayError, match=r"none.pem"):
        RecordedCsms(capture, {}, options(cert=tmp_path / "none.pem")).__enter__()


# --- what is told ---


def comparison(expected, actual, *differences, action="Authorize", kind="answer", n=7):
    return Comparison(3, n, action, kind, expected, actual, differences)


def test_nothing_compared_is_no_pass():
    result = Result("station X", verdict="same")
    assert not result.is_as_expected
    assert str(result) == "station X: same (nothing was compared)"


def test_not_all_is_told():
    result = Result("station X", verdict="incomplete")
    for number in range(203):
        result.observe(comparison({}, MISSING, n=number))
    lines = result.lines()
    assert len(lines) == 202
    assert lines[-1] == "and 3 more that are not as recorded"


def test_lines_of_comparisons():
    assert comparison_lines(comparison({}, MISSING)) == ["Authorize answer (event 7): did not come"]
    assert comparison_lines(comparison(MISSING, {"a": "\x1b[31m"}, action=None, kind="call", n=None)) == [
        "call: came, and was never recorded",
        r'    {"a": "\u001b[31m"}',
    ]
    long = comparison(MISSING, {"a": "b" * 1000}, kind="send")
    assert len(comparison_lines(long)[1]) == 305
