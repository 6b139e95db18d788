"""Captures, logs and traces of others: none stops a rule, and each error that is found there is true."""

import json
from pathlib import Path

import pytest

from tests.cli import run

CORPUS = Path(__file__).parents[3] / "shared/corpus"

TRUE = {
    "logs/home-assistant.log": {
        "RMT-010": "event 29 triggers a StatusNotification, which comes at 30, and its answer only at 32",
    },
    "logs/solidstudio-vcp.log": {
        "BOOT-001": "the simulator sends StatusNotification in the same millisecond as BootNotification",
    },
    "pcap/oversized-close-frame.pcapng": {
        "WS-001": "it is no OCPP: an echo server",
        "WS-020": "a Close of 258 bytes, of which 125 are allowed",
        "WS-026": "its length is written in eight bytes",
    },
    "traces/debugkit/failed-auth.json": {
        "AUTH-001": "SYNTHETIC-TAG-INVALID has 21 characters",
        "SCH-maxLength": "the same",
        "RPC-022": "the CSMS answered it",
    },
    "traces/debugkit/meter-anomaly.json": {
        "MV-001": "the register falls from 5000 to 3000, as its name says",
        "SCH-required": "messages without timestamp",
        "RPC-022": "the CSMS answered them",
    },
    "traces/debugkit/unresponsive-csms.json": {
        "BOOT-001": "the station sends Heartbeat 5 s after a BootNotification that nobody answers",
    },
}
"""By file and rule: why the error is there."""


def _files() -> list[Path]:
    kept = {".md", ".py"}
    return [
        path
        for path in sorted(CORPUS.rglob("*"))
        if path.is_file() and path.suffix not in kept and path.name != "expected.json"
    ]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize("path", _files(), ids=lambda path: path.name)
def test_errors_are_true(path):
    done = run("check", "--json", path)
    assert done.exit_code in (0, 1, 3), done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    found = {one["rule"] for one in told if one["severity"] == "error"}
    assert found == set(TRUE.get(path.relative_to(CORPUS).as_posix(), {})), done.stdout
