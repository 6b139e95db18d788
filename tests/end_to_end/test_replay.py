"""`replay` as a process: a played station against a played CSMS, and the ends of a process."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from tests.capture.proxied import HOST, free_port

CAPTURES = Path(__file__).parents[2] / "captures"
PROGRAM = [sys.executable, "-m", "ocppscope", "replay"]
PATIENCE = 30


class Replay:
    """A process that plays."""

    def __init__(self, capture: str, *words: object) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, CAPTURES / capture, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._watchdog = Timer(PATIENCE, self.process.kill)  # only where a test fails
        self._watchdog.start()

    def port(self) -> int:
        assert self.process.stderr
        return int(self.process.stderr.readline().rpartition("port ")[2])

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate()
        self._watchdog.cancel()
        return self.process.returncode, out, err


@pytest.mark.parametrize(
    "name",
    ["clean-1.6.pcap", "clean-2.0.1-deflate.pcap", "send-2.1.pcap", "tls-1.3.pcapng", "lost-packets.pcap"],
)
def test_both_sides_of_a_capture_play_with_each_other(name):
    csms = Replay(name, "--as", "csms", "--listen", f"{HOST}:0", "--pace", "x20", "--wait", "3s", "--json")
    url = f"ws://{HOST}:{csms.port()}"
    station = Replay(name, "--as", "station", "--to", url, "--pace", "x20", "--wait", "3s", "--json")
    for code, out, err in (station.end(), csms.end()):
        verdict = json.loads(out.splitlines()[-1])
        assert (verdict["verdict"], code) == ("same", 0), out + err


def test_it_is_interrupted_and_says_so():
    csms = Replay("clean-1.6.pcap", "--as", "csms", "--listen", f"{HOST}:0")
    csms.port()
    csms.process.send_signal(signal.SIGTERM)
    code, out, err = csms.end()
    assert (code, "note: interrupted" in err) == (130, True)
    assert out.splitlines()[-1].startswith("incomplete: ")


def test_nobody_is_there():
    code, out, err = Replay("clean-1.6.pcap", "--as", "station", "--to", f"ws://{HOST}:{free_port()}").end()
    assert code == 1
    assert "nobody listens at" in err
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("incomplete: 25 missing")
