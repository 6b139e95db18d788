"""The options that all reading commands share, each seen at work; and inputs that cannot be read."""

import gzip
import os
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ocppscope.cli import options
from tests.cli import everything, lines, opening, run, saved
from tests.end_to_end.test_captures import FOLDER
from tests.wire.packets import Conversation, answer, call, pcap, session, switching, together, upgrade

READERS = [["check"], ["ls"], ["show"]]


def reader(words, path, *more):
    """A command on an input; `show` shows its first event."""
    return [*words, *more, path, *([1] if words == ["show"] else [])]


@pytest.fixture
def opened(monkeypatch):
    """The options that each source was opened with."""
    seen = []

    def spy(names, given):
        seen.append(given)
        return real(names, given)

    real = options.open_source
    monkeypatch.setattr(options, "open_source", spy)
    return seen


# --- which station ------------------------------------------------------------------------------------------


def two_stations():
    first = opening("/ocpp/CP001").client(call()).server(answer()).close()
    second = (
        Conversation(client="10.0.0.3:50000").open().client(upgrade("/ocpp/CP002", Sec_WebSocket_Key="x"))
    )
    second.server(switching("x")).client(call("[2,5,6,7]")).close()
    return together(first, second)


def test_station_selects_one_or_several(tmp_path):
    path = saved(tmp_path, two_stations())
    assert {one["chargePointId"] for one in lines("ls", "--json", path)} == {"CP001", "CP002"}
    assert {one["chargePointId"] for one in lines("ls", "--json", "--station", "CP002", path)} == {"CP002"}
    both = lines("ls", "--json", "--station", "CP001", "--station", "CP002", path)
    assert {one["chargePointId"] for one in both} == {"CP001", "CP002"}
    assert run("check", path).exit_code == 1
    assert run("check", "--station", "CP001", path).exit_code == 0
    assert "in 1 station, 1 session, 2 messages" in run("check", "--station", "CP001", path).stdout


def test_event_numbers_do_not_depend_on_station(tmp_path):
    path = saved(tmp_path, two_stations())
    all_numbers = [one["n"] for one in lines("ls", "--json", path) if one["chargePointId"] == "CP002"]
    assert [one["n"] for one in lines("ls", "--json", "--station", "CP002", path)] == all_numbers


@pytest.mark.parametrize("words", READERS)
def test_a_station_that_is_not_there_is_3_and_those_that_are_get_named(tmp_path, words):
    done = run(*reader(words, saved(tmp_path, two_stations()), "--station", "CP003"))
    assert done.exit_code == 3
    assert "holds nothing of station CP003. Its stations are CP001, CP002" in done.stderr


def test_no_station_can_be_named_where_no_handshake_shows_one(tmp_path):
    done = run("ls", "--station", "X", FOLDER / "late-start.pcap")
    assert done.exit_code == 3
    assert "No handshake in it shows an identity" in done.stderr


def test_name_station_names_what_the_input_does_not():
    path = FOLDER / "late-start.pcap"
    assert {one["chargePointId"] for one in lines("ls", "--json", path)} == {None}
    named = lines("ls", "--json", "--name-station", "LIS-0117", path)
    assert {one["chargePointId"] for one in named} == {"LIS-0117"}
    assert run("ls", "--name-station", "A", "--station", "A", path).exit_code == 0


def test_name_station_leaves_a_known_name(tmp_path):
    path = saved(tmp_path, everything())
    assert {one["chargePointId"] for one in lines("ls", "--json", "--name-station", "X", path)} == {"CP001"}


# --- TLS ----------------------------------------------------------------------------------------------------


def without_secrets():
    """The TLS sample as it would be without its secrets, and they."""
    data, at, kept, secrets = (FOLDER / "tls-1.3.pcapng").read_bytes(), 0, b"", b""
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 0x0A:
            (length,) = struct.unpack_from("<I", data, at + 12)
            secrets += data[at + 16 : at + 16 + length]
        else:
            kept += data[at : at + size]
        at += size
    return kept, secrets


def test_keylog_opens_tls(tmp_path):
    blind, secrets = without_secrets()
    path, keys, others = (
        saved(tmp_path, blind),
        saved(tmp_path, secrets, "keys"),
        saved(tmp_path, b"# none\n", "k"),
    )
    without = run("check", path)
    assert without.exit_code == 3
    assert "CAP-004" in without.stdout
    assert "1 × TLS" in without.stderr
    done = run("check", "--keylog", others, "--keylog", keys, path)
    assert done.exit_code == 0
    assert "28 messages" in done.stdout
    assert done.stderr == f"Warning: --keylog {others} holds no TLS secrets (NSS key log lines)\n"
    (first,) = [one for one in lines("ls", "--json", "--keylog", keys, path) if one["event"] == "opened"]
    assert first["tls"] == {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_tls_key_is_taken_in(tmp_path, opened):
    key = saved(tmp_path, pem(rsa.generate_private_key(65537, 1024)), "key.pem")
    assert run("ls", "--tls-key", key, saved(tmp_path, everything())).exit_code == 0
    assert opened[0].keys.has_private_key


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no key at all", "it is not PEM"), (pem(ec.generate_private_key(ec.SECP256R1())), "of type")],
    ids=["text", "EC"],
)
def test_a_tls_key_that_is_none_is_wrong_usage(tmp_path, content, said):
    key = saved(tmp_path, content, "key.pem")
    done = run("check", "--tls-key", key, saved(tmp_path, everything()))
    assert done.exit_code == 2
    assert f"{key}: " in done.stderr
    assert said in done.stderr
    assert "RSA private key" in done.stderr
    assert "--tls-key" in done.stderr


@pytest.mark.parametrize("option", ["--keylog", "--tls-key"])
def test_a_missing_file_of_an_option_is_wrong_usage(tmp_path, option):
    done = run("ls", option, tmp_path / "none", saved(tmp_path, everything()))
    assert done.exit_code == 2
    assert "none' does not exist" in done.stderr
    assert run("ls", option, tmp_path, saved(tmp_path, everything())).exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("option", ["--keylog", "--tls-key"])
def test_a_file_of_an_option_that_may_not_be_read_is_wrong_usage(tmp_path, option):
    secret = saved(tmp_path, b"x", "secret")
    secret.chmod(0)
    assert run("ls", option, secret, saved(tmp_path, everything())).exit_code == 2


@pytest.mark.parametrize("option", ["--keylog", "--tls-key"])
def test_a_file_of_an_option_that_vanishes_is_wrong_usage(tmp_path, monkeypatch, option):
    path, file = saved(tmp_path, everything()), saved(tmp_path, b"x", "f")

    def gone(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(options.Path, "read_bytes", gone)
    done = run("ls", option, file, path)
    assert done.exit_code == 2
    assert f"{file} cannot be read: Permission denied" in done.stderr
    assert option in done.stderr


# --- decoding -----------------------------------------------------------------------------------------------


def test_decode_as_forces_http_on_a_port(tmp_path, opened):
    talk = Conversation().open().client(b"PROXY TCP4 10.0.0.9 10.0.0.2 1 2\r\n").client(upgrade())
    path = saved(tmp_path, talk.server(switching()).client(call()).server(answer()).close())
    done = run("ls", path)
    assert done.exit_code == 3
    assert "1 × connection of another protocol" in done.stderr
    assert run("ls", "--decode-as", "9000", path).exit_code == 0
    assert run("ls", "--decode-as", "1", "--decode-as", "9000", path).exit_code == 0
    assert opened[-1].decode_as == {1, 9000}


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_wrong_usage(port):
    assert run("ls", "--decode-as", port, "x").exit_code == 2


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("100", 100),
        ("1b", 1),
        ("512K", 512 << 10),
        ("16m", 16 << 20),
        ("16MB", 16 << 20),
        ("2MiB", 2 << 20),
        (" 1G ", 1 << 30),
    ],
)
def test_sizes(tmp_path, opened, written, size):
    assert run("ls", "--max-message", written, saved(tmp_path, session().client(call()))).exit_code == 0
    assert opened[0].max_message == size


def test_the_largest_message_is_16_mib(tmp_path, opened):
    run("ls", saved(tmp_path, everything()))
    assert opened[0].max_message == 16 << 20
    assert "16M" in run("ls", "--help").stdout


@pytest.mark.parametrize("written", ["0", "", "K", "-1", "1.5M", "16T", "much", "9999999999", "1 6"])
def test_a_size_that_is_none_is_wrong_usage(written):
    done = run("ls", "--max-message", written, "x")
    assert done.exit_code == 2
    assert "is no size: write bytes, or 512K, 16M, 1G" in done.stderr


def test_a_message_beyond_the_size_is_an_event_not_a_crash(tmp_path):
    long = f'[2,"9","DataTransfer",{{"vendorId":"{"x" * 100}"}}]'
    path = saved(tmp_path, session().client(call()).client(call(long)).close())
    assert "damaged" not in {one["event"] for one in lines("ls", "--json", path)}
    events = lines("ls", "--json", "--max-message", "80", path)
    assert [one["event"] for one in events] == ["opened", "message", "damaged", "closed"]


# --- standard input, gzip -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_and_gzip_read_like_a_file(tmp_path, words, pack):
    data = pcap(everything().packets)
    plain = run(*reader([*words, "--json"] if words != ["show"] else words, saved(tmp_path, data)))
    packed = saved(tmp_path, pack(data), "no-name-for-it")
    for done in (
        run(*reader([*words, "--json"] if words != ["show"] else words, packed)),
        run(*reader([*words, "--json"] if words != ["show"] else words, "-"), stdin=pack(data)),
    ):
        assert done.exit_code == plain.exit_code
        assert done.stdout.count("\n") == plain.stdout.count("\n")


def test_the_progress_bar_is_for_large_files_and_people(tmp_path, monkeypatch):
    path = saved(tmp_path, everything())
    quiet = run("check", "--json", path)
    assert quiet.stderr == ""
    monkeypatch.setattr(options, "_PROGRESS_FROM", 10)
    assert run("check", "--json", path).stderr == ""  # stderr is no terminal
    from click.testing import _NamedTextIOWrapper

    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda self: self.name == "<stderr>", raising=False)
    done = run("check", "--json", path)
    assert "100%" in done.stderr
    assert done.stdout == quiet.stdout


# --- following ----------------------------------------------------------------------------------------------


def test_follow_waits_for_the_file_to_grow(tmp_path, monkeypatch):
    data = pcap(session().client(call()).server(answer()).close().packets)
    path = saved(tmp_path, data[:400])
    rest = [data[400:500], data[500:]]

    def grow():
        if not rest:
            return False
        with path.open("ab") as file:
            file.write(rest.pop(0))
        return True

    monkeypatch.setattr(options, "_wait_for_more", grow)
    assert len(lines("ls", "--json", "--follow", path)) == 4
    assert not rest


def test_waiting_takes_a_moment(monkeypatch):
    naps = []
    monkeypatch.setattr(options.time, "sleep", naps.append)
    assert options._wait_for_more()
    assert naps == [0.2]


def test_without_follow_nobody_waits(tmp_path, opened):
    run("ls", saved(tmp_path, everything()))
    assert opened[0].follow is None


def test_the_end_of_a_pipe_is_its_end_also_with_follow(opened, monkeypatch):
    monkeypatch.setattr(options, "_wait_for_more", lambda: False)
    assert run("ls", "--follow", "-", stdin=pcap(everything().packets)).exit_code == 0
    assert opened[0].follow is None


# --- inputs that cannot be read -----------------------------------------------------------------------------

MAGIC = "expected the magic number of pcap or pcapng (or of gzip around them)"


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: expected a pcap or pcapng capture, or a log, or one of them in gzip"),
        (b"hello, this is text", "holds no OCPP message. In 1 line of text"),
        (bytes(range(128, 160)), f"is no capture: it begins with 80 81 82 83 84 85 86 87 at byte 0, {MAGIC}"),
        (gzip.compress(b"hello, this is text"), "holds no OCPP message. In 1 line of text"),
        (gzip.compress(b"hello")[:8], "gzip breaks off at byte 8"),
        (pcap([]), "holds no OCPP message. Found instead: nothing at all"),
        (
            pcap(Conversation().open().client(b"SSH-2.0-x\r\n").packets),
            "Found instead: 1 × TCP connection; 1 × connection of another protocol; 4 × packet",
        ),
    ],
    ids=["empty", "text", "binary", "text in gzip", "torn gzip", "no packets", "SSH"],
)
def test_an_input_that_holds_nothing_for_us_is_3(tmp_path, words, content, said):
    path = saved(tmp_path, content)
    done = run(*reader(words, path))
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {path}")
    assert said in done.stderr


@pytest.mark.parametrize("words", READERS)
def test_a_folder_and_a_missing_file_are_3(tmp_path, words):
    done = run(*reader(words, tmp_path))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"Error: {tmp_path} is a folder: name the files in it\n"
    done = run(*reader(words, tmp_path / "none.pcap"))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"Error: {tmp_path / 'none.pcap'} cannot be opened: No such file or directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("words", READERS)
def test_a_file_that_may_not_be_read_is_3(tmp_path, words):
    path = saved(tmp_path, everything())
    path.chmod(0)
    done = run(*reader(words, path))
    assert done.exit_code == 3
    assert done.stderr == f"Error: {path} cannot be opened: Permission denied\n"


def test_empty_standard_input_is_3():
    done = run("check", "-")
    assert done.exit_code == 3
    assert done.stderr.startswith("Error: standard input is empty")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello, this is text", "standard input holds no OCPP message. In 1 line of text"),
        (gzip.compress(b"hello")[:8], "standard input: gzip breaks off at byte 8"),
        (pcap([]), "standard input holds no OCPP message"),
    ],
    ids=["text", "torn gzip", "no packets"],
)
def test_standard_input_is_called_so(content, said):
    done = run("check", "-", stdin=content)
    assert done.exit_code == 3
    assert done.stderr.startswith(f"Error: {said}")


def test_messages_that_cannot_be_read_are_counted_in_what_was_found_instead():
    done = run("ls", FOLDER / "late-start-deflate.pcap")
    assert done.exit_code == 3
    assert "Found instead: 21 × WebSocket message that cannot be read; 1 × TCP connection" in done.stderr


@pytest.mark.parametrize("words", READERS)
def test_a_partly_readable_input_is_read_as_far_as_it_goes_and_is_1(tmp_path, words):
    data = pcap(session().client(call()).server(answer()).close().packets)
    path = saved(tmp_path, data[:-30])
    done = run(*reader(words, path))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Warning: {path}: at byte ")
    assert done.stderr.count("\n") == 1
    assert done.stdout
    assert len(lines("ls", "--json", path)) == 4


def test_a_torn_gzip_is_read_as_far_as_it_goes_and_is_1(tmp_path):
    data = gzip.compress(pcap(everything().packets))
    path = saved(tmp_path, data[:-9])
    done = run("ls", "--json", path)
    assert done.exit_code == 1
    assert f"Warning: {path}: gzip breaks off at byte {len(data) - 9}: the file is not whole" in done.stderr
    assert len(done.stdout.splitlines()) >= 12


def test_a_file_that_fails_under_way_is_3_where_nothing_was_read(tmp_path, monkeypatch):
    path = saved(tmp_path, everything())

    def fail(self):
        raise options.InputError("the disk is gone")

    monkeypatch.setattr(options.Decoder, "feed", lambda self, events: fail(self))
    done = run("ls", path)
    assert done.exit_code == 3
    assert "Error: the disk is gone" in done.stderr


def test_a_file_name_that_is_not_unicode_does_no_harm(tmp_path):
    path = saved(tmp_path, everything(), os.fsdecode(b"\xff.pcap"))
    assert "�.pcap" in run("check", path).stdout
    assert {one["input"] for one in lines("check", "--json", path)} == {f"{tmp_path}/�.pcap"}
    assert {one["input"] for one in lines("show", "--json", path, 4)[0]["findings"]} == {f"{tmp_path}/�.pcap"}
    for output in ("junit", "sarif"):
        assert "�.pcap" in run("check", "--format", output, path).stdout or output == "sarif"
