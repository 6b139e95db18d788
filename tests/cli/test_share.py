"""`share`: two files that can be attached, what it says of them, and what it refuses."""

import gzip
import json
import stat

import pytest

from ocppscope.cli import share
from ocppscope.cli.options import OpenInput
from ocppscope.cli.share import _MESSAGES_ONLY, _default_format
from ocppscope.export import FORMATS
from tests.cli import SECRET, everything, lines, opening, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import Conversation, answer, call, pcap

CAPTURES = sorted(path.name for path in FOLDER.glob("*.pcap*"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(folder):
    return saved(folder, everything())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- the files ----------------------------------------------------------------------------------------------


def test_without_a_name_the_files_say_nothing(folder, made):
    result = run("share", made, "--seed", "x")
    assert result.exit_code == 0, result.stderr
    extension = FORMATS[_default_format()].extension
    out = folder / f"shared-capture{extension}.gz"
    assert names(folder) == sorted([out.name, "shared-capture.md", made.name])
    assert (folder / "shared-capture.md").read_text() == result.stdout
    packed = out.read_bytes()
    assert packed[:4] == b"\x1f\x8b\x08\x00"
    assert packed[4:8] == bytes(4)
    for data in (gzip.decompress(packed), result.stdout.encode(), result.stderr.encode()):
        for secret in (SECRET, "CP001", "10.0.0.1", made.name):
            assert secret.encode() not in data.replace(b"ocppscope", b"")


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("extension", [".pcapng.gz", ".ocppdb", ".trace.jsonl.gz"])
def test_check_finds_the_same_in_the_file(folder, name, extension):
    if (name, extension) == ("refused-handshake.pcap", ".trace.jsonl.gz"):
        return  # which carries messages only: see below
    result = run("share", FOLDER / name, "-o", f"out{extension}")
    before = run("check", "--json", FOLDER / name)
    if before.exit_code == 3 and not before.stdout:
        assert result.exit_code == 3
        assert names(folder) == []
        return
    keys = ("rule", "severity", "session", "count", "events")
    if result.exit_code == 3:  # nothing of OCPP
        assert before.exit_code == 3
        return
    assert result.exit_code == 0
    found, shared = (
        [[one[key] for key in keys] for one in lines("check", "--json", path)]
        for path in (FOLDER / name, folder / f"out{extension}")
    )
    differing = {one[0] for one in [*found, *shared] if (one in found) != (one in shared)}
    said = result.stdout
    assert all(rule in said for rule in differing)
    if extension == ".ocppdb" and name != "signed-values.pcap":  # nobody can verify what is removed
        assert not differing


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "ocppdb"])
def test_each_format(folder, made, name):
    result = run("share", made, "--to", name, "-o", "out.x.gz", "--seed", "x")
    assert result.exit_code == 0, result.stderr
    assert SECRET.encode() not in gzip.decompress((folder / "out.x.gz").read_bytes())


def test_the_same_seed_gives_the_same_file(folder, made):
    for name in ("1.jsonl", "2.jsonl"):
        run("share", made, "-o", name, "--seed", "x")
    run("share", made, "-o", "3.jsonl")
    first, second, third = ((folder / name).read_bytes() for name in ("1.jsonl", "2.jsonl", "3.jsonl"))
    assert first == second != third


def test_standard_input_is_read_once(folder, made):
    piped = run("share", "-", "-o", "out.jsonl", "--seed", "x", stdin=made.read_bytes())
    assert piped.exit_code == 0, piped.stderr
    run("share", made, "-o", "named.jsonl", "--seed", "x")
    assert (folder / "out.jsonl").read_bytes() == (folder / "named.jsonl").read_bytes()


def test_standard_input_is_spooled_for_its_owner_alone(tmp_path, monkeypatch):
    class Input:
        buffer = __import__("io").BytesIO(b"secret")

    monkeypatch.setattr(share.sys, "stdin", Input)
    spooled = share._spooled("-", tmp_path)
    assert stat.S_IMODE((tmp_path / "input").stat().st_mode) == 0o600
    assert spooled == str(tmp_path / "input")


# --- what it says -------------------------------------------------------------------------------------------


def test_the_text_for_the_issue(folder, made):
    result = run("share", made, "-o", "out.pcapng.gz")
    for part in (
        "### Capture", "1 station", "| rule | severity |", "SCH-enum", "ocppscope check out.pcapng.gz",
        "ocppscope replay out.pcapng.gz --as station", "station identities", "secrets, removed",
        "`check` finds the same before and after", "WS-006, WS-007",
    ):  # fmt: skip
        assert part in result.stdout
    assert "station identities" in result.stderr


def test_the_text_is_no_markdown_of_the_capture(folder):
    talk = opening().client(call('[2,"1","<b>|@all`",{}]')).server(answer('[3,"1",{}]')).close()
    result = run("share", saved(folder, talk), "-o", "out.pcapng")
    assert result.exit_code == 0, result.stderr
    assert "\\<b\\>\\|\\@all" in result.stdout


def test_a_store_carries_the_proof(folder, made):
    import sqlite3

    run("share", made, "-o", "out.ocppdb")
    database = sqlite3.connect(folder / "out.ocppdb")
    meta = dict(database.execute("SELECT * FROM meta"))
    database.close()
    assert '"same": true' in meta["redaction"]
    assert made.name not in str(meta)


def test_also_and_keep(folder):
    talk = opening().client(call('[2,"1","Authorize",{"idTag":"Zq7Card"}]'))
    talk.server(answer('[4,"1","InternalError","Apollo fails",{}]')).close()
    path = saved(folder, talk)
    run("share", path, "-o", "1.jsonl", "--also", "Apollo")
    run("share", path, "-o", "2.jsonl", "--keep", "idTag")
    first, second = ((folder / name).read_text() for name in ("1.jsonl", "2.jsonl"))
    assert "Apollo" not in first
    assert "Zq7Card" not in first
    assert "Apollo" in second
    assert "Zq7Card" in second


def test_a_pattern_that_matches_nothing_is_told(folder, made):
    result = run("share", made, "-o", "1.jsonl", "--also", "Nowhere", "--also", r"\b", "--also", "CP0+1")
    assert result.exit_code == 0
    told = [line for line in result.stderr.splitlines() if line.startswith("Warning")]
    assert told == [f"Warning: --also {one} matches nothing in it" for one in ("Nowhere", r"\b")]


@pytest.mark.parametrize("pattern", ["ACM", "48231", "Zoë", "a b", "\\[x\\]"])
@pytest.mark.parametrize("spelt", ["{}", "\\u{}", "json"])
def test_also_is_found_however_short_and_spelt(folder, pattern, spelt):
    plain = pattern.replace("\\", "")
    text = "".join(f"\\u{ord(one):04x}" for one in plain) if spelt == "\\u{}" else plain
    data = f'"{text} and x{text}y"' if spelt != "json" else json.dumps(json.dumps({"n": [plain]}))
    talk = opening().client(
        call(f'[2,"1","DataTransfer",{{"vendorId":"v","n":{plain if plain.isdigit() else 1},"data":{data}}}]')
    )
    run("share", saved(folder, talk.close()), "-o", "out.jsonl", "--also", pattern)
    (sent,) = (
        one
        for one in map(json.loads, (folder / "out.jsonl").read_text().splitlines())
        if one["event"] == "message"
    )
    assert plain not in json.dumps(sent["payload"], ensure_ascii=False).replace("\\\\u00eb", "ë")


def test_a_seed_tells_nothing_in_the_file(folder, made):
    result = run("share", made, "-o", "out.trace.jsonl", "--seed", "Zq7Seed")
    for text in (result.stdout, result.stderr, (folder / "out.trace.jsonl").read_text()):
        assert "Zq7Seed" not in text
    assert run("share", made, "-o", "2.trace.jsonl", "--seed", "").exit_code in (0, 2)


@pytest.mark.parametrize(
    "field", ["Authorize/idTag", "idtag", "token", "Authorize.answer/idTagInfo/parentIdTag"]
)
def test_what_can_be_kept(folder, field):
    talk = opening().client(call('[2,"1","Authorize",{"idTag":"Zq7Card"}]'))
    talk.server(answer('[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"Zq8Card"}}]')).close()
    result = run("share", saved(folder, talk), "-o", "out.jsonl", "--keep", field)
    assert result.exit_code == 0, result.stderr
    text = (folder / "out.jsonl").read_text()
    assert ("Zq8Card" in text) == ("parent" in field or field == "token")
    assert ("Zq7Card" in text) == ("parent" not in field)


# --- what it refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["out.pcapng", "out.md"])
def test_nothing_is_overwritten(folder, made, there):
    (folder / there).write_text("mine")
    result = run("share", made, "-o", "out.pcapng")
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert (folder / there).read_text() == "mine"
    assert run("share", made, "-o", "out.pcapng", "--force").exit_code == 0
    assert (folder / there).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--also", "("], "regular expression"),
        (["--also", ""], "matches nothing"),
        (["--also", "[z-a]"], "bad character range"),
        (["--also", "x*"], "matches nothing"),
        (["--keep", ""], "no field"),
        (["--keep", "nosuchfield"], "nosuchfield is no field"),
        (["--keep", "secret"], "always removed"),
        (["--keep", "Authorize/nosuch"], "no field"),
        (["--keep", "Nowhere/idTag"], "no place"),
        (["--keep", "AuthorizationKey"], "always removed"),
        (["--keep", "connectorId"], "no field"),
        (["-o", "out.xyz"], "--to"),
        (["-o", "out.ocppdb.gz"], "packed"),
        (["-o", "test.pcap", "--to", "pcapng", "--force"], "is the input"),
    ],
)
def test_wrong_usage(folder, made, words, said):
    result = run("share", made, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert names(folder) == [made.name]


def test_what_holds_no_ocpp(folder):
    path = saved(folder, pcap(Conversation().open().client(b"SSH-2.0-x\r\n").packets))
    assert run("share", path).exit_code == 3
    assert run("share", folder / "none.pcap").exit_code == 3
    assert names(folder) == [path.name]


def test_a_torn_file_is_shared_and_said(folder, made):
    made.write_bytes(made.read_bytes()[:-10])
    result = run("share", made, "-o", "out.pcapng")
    assert result.exit_code == 1
    assert result.stderr.count("Warning") == 1
    assert (folder / "out.pcapng").exists()


def test_an_interrupt_leaves_nothing(folder, made, monkeypatch):
    real = OpenInput.batches

    def stop(self):
        yield from real(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(OpenInput, "batches", stop)
    assert run("share", made).exit_code == 130
    assert names(folder) == [made.name]


def test_handshakes_alone_go_into_a_format_that_carries_them(folder):
    refused = FOLDER / "refused-handshake.pcap"
    assert run("share", refused, "--to", "open-ocpp-trace").exit_code == 2
    result = run("share", refused)
    assert result.exit_code == 0
    assert "Note: it holds no message that a trace could carry" in result.stderr
    assert "refused-handshake" not in result.stdout
    assert "ocppscope check shared-capture.pcapng.gz" in result.stdout
    assert "ocppscope replay" not in result.stdout
    assert names(folder) == ["shared-capture.md", "shared-capture.pcapng.gz"]
    keys = ("rule", "severity", "count", "session", "events")
    before, after = (
        [[one[key] for key in keys] for one in lines("check", "--json", path)]
        for path in (refused, "shared-capture.pcapng.gz")
    )
    assert before == after


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in _MESSAGES_ONLY])
def test_handshakes_go_into_every_format_that_has_a_place_for_them(folder, name):
    out = f"out.x{FORMATS[name].extension}"
    assert run("share", FOLDER / "refused-handshake.pcap", "--to", name, "-o", out).exit_code == 0
    assert (folder / out).stat().st_size > 500


@pytest.mark.parametrize("name", _MESSAGES_ONLY)
def test_other_formats_are_refused_where_there_is_no_message(folder, name):
    result = run("share", FOLDER / "refused-handshake.pcap", "--to", name, "-o", "out.x")
    assert result.exit_code == 2
    assert f"{name} carries messages, of which there is none: say --to pcapng" in result.stderr
    assert names(folder) == []


def test_a_message_that_no_record_can_carry_is_no_message_of_a_trace(folder):
    talk = opening().client(call("[2,")).close()
    result = run("share", saved(folder, talk))
    assert names(folder) == ["shared-capture.md", "shared-capture.pcapng.gz", "test.pcap"], result.stderr


def test_a_kind_can_be_kept(folder, made):
    run("share", made, "-o", "out.jsonl", "--keep", "identity", "--keep", "user")
    assert "CP001" in (folder / "out.jsonl").read_text()
