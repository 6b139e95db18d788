"""The options that `record` and `sniff` share: where recordings go, when they rotate, and what is refused."""

import json

import click
import pytest
from click.testing import CliRunner

from ocppscope.capture.files import Rotation
from ocppscope.capture.live import Judge
from ocppscope.cli.live import Recordings, Talk, recording_options
from tests.capture.recordings import Tape
from tests.cli import run
from tests.wire.packets import call, frame, switching, upgrade

MEBIBYTE = 1 << 20
SECOND = 1_000_000_000


def given(*words):
    """What the options come to; a refusal fails the test."""
    made = []

    @click.command()
    @recording_options
    def command(**options):
        made.append(Recordings(**options))

    result = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return made[0]


def refused(*words):
    """What is said of a `sniff` that cannot be."""
    result = run("sniff", "lo", *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.replace("│", " ").split())


# --- where recordings go ------------------------------------------------------------------------------------


def test_nowhere_is_fine_too():
    recordings = given()
    assert (recordings.packets, recordings.store, recordings.rotation) == (None, None, Rotation())
    assert recordings.open_store("x", pytest.fail) is None
    assert (recordings.profile, recordings.max_message) == ("field", 16 * MEBIBYTE)


def test_packets_a_store_or_both_by_their_extensions(tmp_path):
    packets, store = tmp_path / "a b.c.PCAPNG", tmp_path / "x.ocppdb"
    for words, expected in (
        (["-o", packets], (packets, None)),
        (["-o", store], (None, store)),
        (["-o", store, "-o", packets], (packets, store)),
    ):
        recordings = given(*words)
        assert (recordings.packets, recordings.store) == expected


@pytest.mark.parametrize("name", ["x.pcap", "x", "x.pcapng.gz", "x.jsonl", ".pcapng", "pcapng"])
def test_another_extension(tmp_path, name):
    said = refused("-o", tmp_path / name)
    assert "a recording is a FILE.pcapng (packets) or a FILE.ocppdb (a store)" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", ["pcapng", "ocppdb"])
def test_two_of_a_kind(tmp_path, extension):
    said = refused("-o", tmp_path / f"a.{extension}", "-o", tmp_path / f"b.{extension}")
    assert "one .pcapng and one .ocppdb at most" in said


def test_a_folder_that_is_not_there(tmp_path):
    assert "there is no folder" in refused("-o", tmp_path / "no" / "x.pcapng")


@pytest.mark.parametrize("name", ["x.pcapng", "x.ocppdb"])
def test_a_file_that_is_there_is_replaced_only_when_that_is_said(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"mine")
    assert "--force replaces it" in refused("-o", path)
    assert path.read_bytes() == b"mine"
    beside = tmp_path / f"{name}-wal"
    beside.write_bytes(b"old")
    recordings = given("-o", path, "--force")
    assert path.read_bytes() == b"mine"  # until the recording begins: something else may be wrong
    with recordings.writing(path):
        assert list(tmp_path.iterdir()) == []


def test_what_rotates_replaces_nothing(tmp_path):
    path = tmp_path / "x.pcapng"
    path.write_bytes(b"mine")
    given("-o", path, "--rotate", "1h")
    given("-o", path, "--rotate", "1h", "--force")
    assert path.read_bytes() == b"mine"


def test_a_store_that_cannot_be_written_is_an_error_of_the_user(tmp_path):
    recordings = given("-o", tmp_path / "x.ocppdb")
    (tmp_path / "x.ocppdb").write_bytes(b"somebody was faster")
    with pytest.raises(click.ClickException, match=r"x\.ocppdb cannot be written: File exists"):
        recordings.open_store("x", pytest.fail)


# --- when they rotate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size", "period"),
    [
        ("100M", 100 * MEBIBYTE, None),
        ("100MB", 100 * MEBIBYTE, None),
        ("100MiB", 100 * MEBIBYTE, None),
        ("512K", 512 << 10, None),
        ("1G", 1 << 30, None),
        ("1g", 1 << 30, None),
        ("5000", 5_000, None),
        ("15m", None, 15 * 60 * SECOND),
        ("15M", 15 * MEBIBYTE, None),
        ("90s", None, 90 * SECOND),
        ("1h", None, 3_600 * SECOND),
        ("2d", None, 2 * 86_400 * SECOND),
        (" 1h ", None, 3_600 * SECOND),
    ],
)
def test_sizes_and_times(text, size, period):
    assert given("--rotate", text).rotation == Rotation(size=size, period=period)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "0m", "-1h", "1.5h", "1w", "h", "M", "1h30m", "ten", "1 h", "1H", "1e3", "²m"]
)
def test_what_is_neither_a_size_nor_a_time(text):
    said = refused("--rotate", text)
    assert "is neither a size (512K, 100MB, 1G) nor a time (90s, 15m, 1h, 1d)" in said


def test_how_many_are_kept():
    assert given("--rotate", "1h", "--keep", "3").rotation == Rotation(period=3_600 * SECOND, keep=3)
    assert "say when to rotate" in refused("--keep", "3")
    assert "0 is not in the range" in refused("--rotate", "1h", "--keep", "0")


# --- what is said -------------------------------------------------------------------------------------------


def play(tape, line):
    line.client(upgrade()).server(switching()).client(
        call('[2,"1","F\\u001b[31moo",{}]'), frame(11, b"", masked=True)
    )


@pytest.fixture
def talk_of(tmp_path, capsysbinary):
    def make(*words):
        talk = Talk(given(*words), "the office")
        tape = Tape(tmp_path)
        tape.judge._on_finding = talk.finding
        tape.judge.listeners.append(talk.feed)
        line = tape.connect()
        play(tape, line)
        tape.flush()
        talk.end(tape.packets.paths, tape.judge, ["7 packets"])
        tape.close()
        out, err = capsysbinary.readouterr()
        return out, err.decode()

    return make


def test_findings_are_said_as_they_come_and_a_summary_at_the_end(talk_of, tmp_path):
    out, err = talk_of()
    assert out == b""
    assert "CP001: " in err
    assert "\x1b[31m" not in err  # nothing that stations send steers the terminal
    last = err.splitlines()[-3:]
    assert "1 message" in last[0]
    assert "finding" in last[0]
    assert last[1] == "7 packets"
    assert last[2] == (
        f"recorded in {tmp_path}/x.pcapng. Recordings hold passwords: only you can read them (0600)"
    )


def test_quiet_says_only_the_summary(talk_of):
    _, err = talk_of("--quiet")
    assert len(err.splitlines()) == 3


def test_findings_as_json_go_to_stdout(talk_of):
    out, err = talk_of("--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert found
    assert all(one["rule"] for one in found)
    assert len(err.splitlines()) == 3


def test_of_many_files_the_last_are_named_and_those_that_are_gone_are_not(tmp_path, capsys):
    talk = Talk(given(), "x")
    paths = [tmp_path / f"x-{n}.pcapng" for n in range(6)]
    for path in paths[1:]:
        path.touch()
    talk.end(paths, Judge(), [])
    err = capsys.readouterr().err
    assert f"recorded in 5 files, the last are {paths[3]}, {paths[4]}, {paths[5]}. " in err
