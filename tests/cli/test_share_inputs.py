"""`share` on every kind of input: logs, traces, stores, TLS and compressed sessions."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from ocppscope.export import FORMATS
from tests.cli import lines, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.sources.text.test_dialects import CORPUS, LOGS

TRACES = CORPUS.parent / "traces"
AROUND = "nobody may read of Zq7Around\n"
REDACTED = (".trace.jsonl.gz", ".pcapng.gz", ".ocppdb")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(path):
    data = Path(path).read_bytes()
    return gzip.decompress(data) if str(path).endswith(".gz") else data


def messages(path, *words):
    """The messages of a file without what tells them apart from others: who, and the letters of what."""
    return [
        (one["direction"], one["messageType"], one["action"], len(one["raw"]), one["answers"] is None)
        for one in lines("ls", "--json", path, *words)
        if one["event"] == "message"
    ]


def findings(path):
    return sorted((one["rule"], one["severity"], one["count"]) for one in lines("check", "--json", path))


@pytest.mark.parametrize(
    ("name", "log", "ways", "station", "time"),
    [pytest.param(*one, id=f"{at}-{one[0]}") for at, one in enumerate(LOGS)],
)
def test_a_log_leaves_nothing_but_its_messages(folder, name, log, ways, station, time):
    text = f"{log.rstrip()}\n{AROUND}{log.rstrip()}\n{AROUND}"
    path = saved(folder, text.encode(), "Zq8Name.log")
    result = run("share", path, "-o", "out.trace.jsonl.gz")
    before = run("check", path)
    if before.exit_code == 3:
        assert result.exit_code == 3
        return
    is_torn = "CAP-009" in before.stdout
    assert (result.exit_code, "NOT find the same" in result.stdout) == (int(is_torn), False), result.stdout
    said = content("out.trace.jsonl.gz") + result.stdout.encode()
    for secret in ("Zq7Around", "Zq8Name", station or "Zq7"):
        assert secret.encode() not in said
    assert messages("out.trace.jsonl.gz") == messages(path)


def _corpus():
    found = [*sorted(CORPUS.glob("*")), *sorted(TRACES.rglob("*.js*")), *sorted(TRACES.glob("*.csv"))]
    return [path for path in found if path.name != "expected.json"]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize("path", _corpus(), ids=lambda path: f"{path.parent.name}-{path.name}")
@pytest.mark.parametrize("extension", REDACTED)
def test_what_others_recorded(folder, path, extension):
    result = run("share", path, "-o", f"out{extension}")
    assert result.exit_code == 0, result.stderr
    assert "NOT find the same" not in result.stdout
    out = content(f"out{extension}")
    stations = {one["chargePointId"] for one in lines("stations", "--json", path)} - {None}
    for station in stations:
        assert station.encode() not in out + result.stdout.encode()
    assert messages(f"out{extension}") == messages(path)
    if path.suffix in (".log", ".md"):  # of what stands around messages: threads, modules, files
        text = path.read_text(errors="replace")
        for word in ("MainThread", "homeassistant", "websockets.", "site-packages"):
            if word in text:
                assert word.encode() not in out


@pytest.mark.parametrize(
    "name", ["clean-1.6.pcap", "rogue-station.pcap", "tls-1.3.pcapng", "clean-2.0.1-deflate.pcap"]
)
@pytest.mark.parametrize("extension", REDACTED)
def test_a_store(folder, name, extension):
    run("convert", FOLDER / name, "made.ocppdb")
    result = run("share", "made.ocppdb", "-o", f"out{extension}")
    assert result.exit_code == 0, result.stderr
    stations = {one["chargePointId"] for one in lines("stations", "--json", FOLDER / name)}
    assert stations
    for secret in (*stations, name, "made.ocppdb"):
        assert secret.encode() not in content(f"out{extension}") + result.stdout.encode()
    assert messages(f"out{extension}") == messages(FOLDER / name)


@pytest.mark.parametrize("extension", REDACTED)
def test_tls_is_taken_off_and_its_secrets_stay_behind(folder, extension):
    source = FOLDER / "tls-1.3.pcapng"
    result = run("share", source, "-o", f"out{extension}")
    assert result.exit_code == 0, result.stderr
    out = content(f"out{extension}")
    assert b"CLIENT_TRAFFIC_SECRET_0" in source.read_bytes()
    for secret in (b"CLIENT_TRAFFIC_SECRET_0", b"BER-0042"):
        assert secret not in out
    assert messages(f"out{extension}") == messages(source)
    (opened,) = (one for one in lines("ls", "--json", f"out{extension}") if one["event"] == "opened")
    assert opened["tls"]["version"] == "TLSv1.3"


@pytest.mark.parametrize("extension", REDACTED)
def test_what_was_compressed_is_not_compressed_afterwards(folder, extension):
    source = FOLDER / "clean-2.0.1-deflate.pcap"
    assert run("share", source, "-o", f"out{extension}").exit_code == 0
    assert messages(f"out{extension}") == messages(source)
    assert b"MUC-2041" not in content(f"out{extension}")
    # What was handed out can be shared again.
    assert run("share", f"out{extension}", "-o", f"again{extension}").exit_code == 0
    assert messages(f"again{extension}") == messages(source)


@pytest.mark.parametrize(
    "name", ["pcapng", "ocppdb", "open-ocpp-trace", "open-ocpp-trace-array", "html", "markdown", "mermaid"]
)
def test_the_file_carries_the_proof(folder, name):
    out = f"x.out{FORMATS[name].extension}"
    result = run("share", FOLDER / "clean-1.6.pcap", "--to", name, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert b"finds the same before and after" in content(out)
    if name != "mermaid":
        assert b"station identities" in content(out)
    if name in ("html", "markdown", "mermaid"):  # which nobody reads again
        assert "In this format" not in result.stdout


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="needs capinfos")
def test_wireshark_shows_the_proof_as_a_comment(folder):
    run("share", FOLDER / "clean-1.6.pcap", "-o", "out.pcapng")
    said = subprocess.run(
        ["capinfos", "-k", "out.pcapng"], capture_output=True, check=True, encoding="utf-8"
    ).stdout
    assert "Replaced" in said
    assert "`check` finds the same before and after" in said
