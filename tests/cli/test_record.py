"""`record`: what is refused before anything is listened to, and a whole run in this process."""

import json
import os
import signal
import socket
import threading

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from tests.capture.handshakes import Maker
from tests.cli import run

HOST = "127.0.0.1"
LISTEN = ["--listen", f"{HOST}:0"]
UPSTREAM = ["--upstream", "ws://127.0.0.1:9"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (UPSTREAM, "Missing option '--listen'"),
        (LISTEN, "name the CSMS with --upstream URL, or let --transparent find"),
        (
            [*LISTEN, *UPSTREAM, "--transparent"],
            "name the CSMS with --upstream URL, or let --transparent find",
        ),
        ([*LISTEN, "--upstream", "csms.example:9000"], "expected ws://, wss://, http:// or https://"),
        ([*LISTEN, "--upstream", "ws://user:secret@h"], "leave the user out of it"),
        ([*LISTEN, *UPSTREAM, "--cert", "no-such.pem"], "'no-such.pem' does not exist"),
        ([*LISTEN, *UPSTREAM, "--key", __file__], "need a certificate of ours: --cert PEM, or --tls-auto"),
        ([*LISTEN, *UPSTREAM, "--client-ca", __file__], "need a certificate of ours"),
        ([*LISTEN, *UPSTREAM, "--tls-auto", "--cert", __file__], "choose one of them"),
        ([*LISTEN, *UPSTREAM, "--cert", __file__], "holds no certificate in PEM form"),
        ([*LISTEN, *UPSTREAM, "--upstream-ca", __file__], "--upstream-ca"),
        ([*LISTEN, *UPSTREAM, "--upstream-key", __file__], "a key without a certificate"),
        ([*LISTEN, *UPSTREAM, "--fault", "explode"], "explode"),
        ([*LISTEN, *UPSTREAM, "--fault", "drop when actoin == 'x'"], "actoin"),
        ([*LISTEN, *UPSTREAM, "--mirror", "http://h"], "is no URL for a mirror"),
        ([*LISTEN, *UPSTREAM, "-o", "a.pcap"], "a recording is a FILE.pcapng (packets) or a FILE.ocppdb"),
        ([*LISTEN, *UPSTREAM, "-o", "no/such/folder/a.pcapng"], "there is no folder no/such/folder"),
        ([*LISTEN, *UPSTREAM, "-o", "a.pcapng", "-o", "b.pcapng"], "one .pcapng and one .ocppdb at most"),
        ([*LISTEN, *UPSTREAM, "--keep", "2"], "--keep says how many files of --rotate are kept"),
        ([*LISTEN, *UPSTREAM, "--rotate", "often"], "is neither a size"),
    ],
)
def test_wrong_usage_is_2_and_told_on_stderr(words, said):
    done = run("record", *words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("9000", "expected HOST:PORT"),
        ("192.0.2.1:0", "this machine has no such address"),
    ],
)
def test_where_nobody_can_listen_is_told(listen, said):
    done = run("record", "--listen", listen, *UPSTREAM)
    assert (done.exit_code in (0, 2), done.stdout) == (False, "")
    assert done.stderr.startswith("Error: --listen ")
    assert said in done.stderr


def test_a_recording_that_is_there_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"precious")
    done = run("record", *LISTEN, *UPSTREAM, "-o", path)
    assert done.exit_code == 2
    assert "--force replaces it" in done.stderr
    assert path.read_bytes() == b"precious"
    done = recorded("-o", path, "--force")
    assert done.exit_code == 0
    assert path.read_bytes() != b"precious"


# --- a run --------------------------------------------------------------------------------------------------


def echo(connection):
    for text in connection:
        connection.send(text)


class Stations(threading.Thread):
    """Waits until somebody listens, talks, and ends the recorder as a user does."""

    def __init__(self, port, texts, path):
        super().__init__()
        self.port, self.texts, self.path = port, texts, path
        self.got = []

    def run(self):
        try:
            with connect(
                f"ws://{HOST}:{self.port}{self.path}", subprotocols=["ocpp1.6"], proxy=None
            ) as socket:
                for text in self.texts:
                    socket.send(text)
                    self.got.append(socket.recv(20))
        finally:
            os.kill(os.getpid(), signal.SIGINT)


def recorded(*words, texts=(), path="/CP001", monkeypatch=None):
    """Run `record` before a CSMS that echoes, until its station has said all."""
    from ocppscope.capture.proxy import Proxy

    with serve(echo, HOST, 0, subprotocols=["ocpp1.6"]) as server, pytest.MonkeyPatch.context() as patch:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        stations = []
        start = Proxy.start

        async def start_and_tell(self):
            await start(self)
            stations.append(Stations(self.addresses[0][1], texts, path))
            stations[0].start()

        patch.setattr(Proxy, "start", start_and_tell)
        try:
            done = run(
                "record", *LISTEN, "--upstream", f"ws://{HOST}:{server.socket.getsockname()[1]}", *words
            )
        finally:
            for one in stations:
                one.join()
            server.shutdown()
            serving.join()
    assert stations[0].got == list(texts)
    return done


BAD = '[2,"1","NoSuchAction",{}]'


def test_a_summary_and_findings_on_stderr():
    done = recorded(texts=[BAD])
    assert (done.exit_code, done.stdout) == (0, "")
    first, *middle, last = done.stderr.splitlines()
    assert first.startswith("listening on 127.0.0.1:")
    assert any(" RPC-" in line and "CP001: " in line for line in middle)
    assert "1 session" in last
    assert "finding" in last
    assert "passwords" not in done.stderr  # nothing was recorded


def test_quiet():
    done = recorded("--quiet", texts=[BAD])
    assert len(done.stderr.splitlines()) == 2


def test_json_is_as_that_of_check(tmp_path):
    path = tmp_path / "a.pcapng"
    done = recorded("--json", "-o", path, texts=[BAD])
    live = [json.loads(line) for line in done.stdout.splitlines()]
    later = [json.loads(line) for line in run("check", "--json", path).stdout.splitlines()]
    assert {(one["rule"], one["severity"]) for one in live} == {
        (one["rule"], one["severity"]) for one in later
    }
    assert {one["input"] for one in live} == {str(path)}
    assert set(live[0]) == set(later[0])


def test_rotating_files_are_named_in_the_summary(tmp_path):
    done = recorded("-o", tmp_path / "a.pcapng", "--rotate", "1h")
    assert [path.name for path in tmp_path.iterdir()] == ["a-0001.pcapng"]
    assert "a-0001.pcapng. Recordings hold passwords: only you can read them (0600)" in done.stderr


def test_an_identity_that_no_handshake_shows_can_be_given():
    done = recorded("--name-station", "GIVEN", texts=[BAD], path="/")
    assert "GIVEN: " in done.stderr


def test_an_expired_certificate_is_a_warning(tmp_path):
    cert, key = Maker(tmp_path).issue("old", begins=-9, ends=-1)
    with socket.create_server((HOST, 0)) as other:
        listen = f"{HOST}:{other.getsockname()[1]}"
        done = run("record", "--listen", listen, *UPSTREAM, "--cert", cert, "--key", key)
    assert f"Warning: --cert {cert}: the certificate expired" in done.stderr
    assert "the port is in use" in done.stderr
