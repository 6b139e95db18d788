"""Any input to a trace, to pcapng, to the store and back gives the same messages; and tshark reads each pcapng."""

import shutil
import subprocess
from itertools import permutations

import pytest

from ocppscope.export import FORMATS
from ocppscope.sources.text.dialect import all_dialects
from tests.cli import lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.sources.text.test_dialects import CORPUS, LOGS

KINDS = {"trace": ".trace.jsonl", "array": ".trace.json", "pcapng": ".pcapng", "store": ".ocppdb"}
WAYS = [*((one,) for one in KINDS), *permutations(("trace", "pcapng", "store"))]
LARGE = "kwwhat-14d.csv"
"""17,670 messages: it goes one way only."""
CAPTURES = [path for path in sorted(FOLDER.glob("*.pcap*")) if path.name != "late-start-deflate.pcap"]
"""All but the one that nobody can read."""
TALKS = [path for path in CAPTURES if path.name != "refused-handshake.pcap"]
"""Those with messages."""


def _corpus():
    """Its packet captures are of other protocols over WebSocket."""
    found = [*CORPUS.glob("*"), *(CORPUS.parent / "traces").rglob("*.*")]
    return sorted(path for path in found if path.name not in ("expected.json", LARGE))


def messages(path, *, is_timed=True):
    """What was said in a file, by whom and when."""
    return [
        (one["session"], one["chargePointId"], one["ocppVersion"], one["direction"], one["raw"], one["answers"] is None,
         one["timestamp"] if is_timed else None)
        for one in lines("ls", "--json", path)
        if one["event"] == "message"
    ]  # fmt: skip


def is_timed(found):
    return all(one[-1] is not None for one in found)


def go(path, way, folder):
    """A file that has gone a way."""
    for at, kind in enumerate(way):
        out = folder / f"{at}{KINDS[kind]}"
        done = run("convert", path, out)
        assert done.exit_code in (0, 1), done.stderr
        path = out
    return path


def holds(path, way, folder):
    before = messages(path)
    assert before
    has_times = is_timed(before) or "pcapng" not in way
    after = messages(go(path, way, folder), is_timed=has_times)
    assert after == (before if has_times else [(*one[:-1], None) for one in before])


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.name)
def test_captures(path, way, tmp_path):
    holds(path, way, tmp_path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("path", _corpus(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_others_recorded(path, way, tmp_path):
    holds(path, way, tmp_path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
def test_a_large_one(tmp_path):
    holds(CORPUS.parent / "traces" / LARGE, ("store", "trace", "pcapng"), tmp_path)


@pytest.mark.parametrize(
    "way", [("trace",), ("pcapng",), ("store",), ("store", "trace", "pcapng")], ids="-".join
)
@pytest.mark.parametrize(
    ("name", "log"), [pytest.param(*one[:2], id=f"{at}-{one[0]}") for at, one in enumerate(LOGS)]
)
def test_logs(name, log, way, tmp_path):
    assert name in (*all_dialects(), "unknown")
    holds(saved(tmp_path, log.encode(), "some.log"), way, tmp_path)


# --- for Wireshark ------------------------------------------------------------------------------------------

COMPLAINTS = (
    '_ws.malformed or _ws.expert.severity == "Error" or tcp.checksum.status == 0 or ip.checksum.status == 0'
)
CHECKED = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]


def complaints(path):
    command = ["tshark", "-r", str(path), *CHECKED, "-Y", COMPLAINTS]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    return done.stdout + "".join(line for line in done.stderr.splitlines() if "root" not in line)


def spoken(path, folder, name):
    out = folder / f"{name}.pcapng"
    assert run("convert", path, out).exit_code == 0
    return out


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize("path", [*CAPTURES, *_corpus()], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_tshark_has_no_complaint(path, tmp_path):
    assert complaints(spoken(path, tmp_path, "out")) == ""


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_has_no_complaint_about_logs(tmp_path):
    for at, (_, log, *_) in enumerate(LOGS[::6]):
        path = saved(tmp_path, log.encode(), f"{at}.log")
        if run("convert", path, tmp_path / f"{at}.pcapng").exit_code != 3:
            assert complaints(tmp_path / f"{at}.pcapng") == "", log


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_tshark_has_no_complaint_about_what_is_shared(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("share", path, "-o", "out.pcapng").exit_code == 0
    assert complaints(tmp_path / "out.pcapng") == ""


def test_each_kind_is_a_format():
    assert set(KINDS.values()) <= {one.extension for one in FORMATS.values()}
