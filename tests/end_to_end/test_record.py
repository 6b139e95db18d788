"""`record` as a process: signals, a kill, a full disk, and connections that are redirected to it."""

import json
import os
import resource
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, Self, TypeVar

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from ocppscope.sources import SourceOptions, open_source
from tests.capture.handshakes import Maker
from tests.capture.test_transparent import CSMS, IPV4, hosts, in_namespace  # noqa: F401 - a fixture

T = TypeVar("T")
HOST = "127.0.0.1"
PROGRAM = [sys.executable, "-m", "ocppscope", "record"]
HEARTBEAT = '[2,"{}","Heartbeat",{{}}]'
BEAT = '[3,"{}",{{"currentTime":"2026-01-01T00:00:00Z"}}]'
PATIENCE = 30


# --- peers --------------------------------------------------------------------------------------------------


def answer(connection: ServerConnection) -> None:
    """A CSMS that knows heartbeats."""
    for text in connection:
        connection.send(BEAT.format(json.loads(text)[1]))


@contextmanager
def csms(listener: socket.socket | None = None, **options: Any) -> Iterator[int]:
    """A CSMS in a thread; its port."""
    where: dict[str, Any] = {"sock": listener} if listener else {"host": HOST, "port": 0}
    with (
        serve(answer, **where, subprotocols=["ocpp1.6"], **options) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        threads.submit(server.serve_forever)
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()


class Recording:
    """A process that records."""

    def __init__(self, *words: object, listen: str = f"{HOST}:0", **options: Any) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "--listen", listen, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self._watchdog = Timer(PATIENCE, self.process.kill)  # only where a test fails
        self._watchdog.start()
        self.said = ""
        self.until("listening on ")
        self.port = int(self.said.rpartition("listening on ")[2].partition(";")[0].rpartition(":")[2])

    def until(self, text: str) -> str:
        """Read stderr up to a line that holds a text."""
        assert self.process.stderr
        while text not in self.said:
            line = self.process.stderr.readline()
            assert line, f"it ended with {self.said}"
            self.said += line
        return self.said

    def station(self, path: str = "/ocpp/CP001", tls: ssl.SSLContext | None = None) -> ClientConnection:
        scheme, host = ("wss", "localhost") if tls else ("ws", HOST)
        sock = socket.create_connection((HOST, self.port))
        return connect(
            f"{scheme}://{host}:{self.port}{path}",
            sock=sock,
            subprotocols=["ocpp1.6"],
            ssl=tls,
            proxy=None,
            compression=None,
            close_timeout=1,
        )

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal: the exit code, stdout, and all of stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        self.said += err
        return self.process.returncode, out, self.said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.communicate()


def beat(socket: ClientConnection, number: object = 1) -> None:
    socket.send(HEARTBEAT.format(number))
    assert socket.recv(PATIENCE) == BEAT.format(number)


def texts(path: Path) -> list[str]:
    """The messages of a recording."""
    source = open_source([str(path)], SourceOptions())
    return [event.text for batch in source.batches() for event in batch if hasattr(event, "text")]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_both_sides_and_completes_the_files_and_there_is_a_summary(number, tmp_path):
    packets, store = tmp_path / "a.pcapng", tmp_path / "a.ocppdb"
    with (
        csms() as port,
        Recording("--upstream", f"ws://{HOST}:{port}", "-o", packets, "-o", store) as one,
        one.station() as socket,
    ):
        beat(socket)
        code, out, err = one.end(number)
        with pytest.raises(Exception, match="no close frame received"):
            socket.recv(PATIENCE)
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert "1 session" in err
    assert "2 messages" in err
    assert "finding" in err
    assert f"recorded in {packets}, {store}. Recordings hold passwords: only you can read them (0600)" in err
    for path in (packets, store):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert texts(path) == [HEARTBEAT.format(1), BEAT.format(1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ocppdb", "a.pcapng"]  # no journal is left


def test_after_a_kill_both_recordings_open_and_all_but_the_last_second_is_there(tmp_path):
    packets, store = tmp_path / "a.pcapng", tmp_path / "a.ocppdb"
    with (
        csms() as port,
        Recording("--upstream", f"ws://{HOST}:{port}", "-o", packets, "-o", store) as one,
        one.station() as socket,
    ):
        for number in range(50):
            beat(socket, number)
        told = time.monotonic()
        wait_for(lambda: len(texts(packets)) == 100)
        wait_for(lambda: len(texts(store)) == 100)
        assert time.monotonic() - told < 1
        for number in range(50, 100):
            beat(socket, number)
        one.process.kill()
        one.process.wait()
        with pytest.raises(Exception, match="no close frame received"):
            socket.recv(PATIENCE)
    for path in (packets, store):
        got = texts(path)
        assert got == [text.format(n) for n in range(100) for text in (HEARTBEAT, BEAT)][: len(got)]
        assert len(got) >= 100
    done = subprocess.run(
        [sys.executable, "-m", "ocppscope", "check", "--json", store], capture_output=True, check=False
    )
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr


# --- what is said -------------------------------------------------------------------------------------------


def test_findings_appear_on_stderr_as_they_occur():
    with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}") as one:
        with one.station() as socket:
            socket.send('[2,"1","NoSuchAction",{}]')
            assert "CP001: " in one.until("RPC-")  # while the session is open
        assert one.end()[1] == ""


def test_quiet_says_only_where_it_listens_and_the_summary():
    with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}", "--quiet") as one:
        with one.station() as socket:
            socket.send('[2,"1","NoSuchAction",{}]')
            socket.recv(PATIENCE)
        code, out, err = one.end()
    assert (code, out) == (0, "")
    assert len(err.splitlines()) == 2
    assert "RPC-" not in err


def test_json_is_a_finding_a_line_on_stdout_as_it_occurs():
    with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}", "--json") as one:
        assert one.process.stdout
        with one.station() as socket:
            socket.send('[2,"1","NoSuchAction",{}]')
            rules = {json.loads(one.process.stdout.readline())["rule"] for _ in range(2)}
            assert any(rule.startswith("RPC-") for rule in rules)
        _, out, err = one.end()
    assert all(json.loads(line)["rule"] for line in out.splitlines())
    assert "RPC-" not in err


def test_tls_for_stations_from_files(tmp_path):
    maker = Maker(tmp_path)
    cert, key = maker.issue("ours")
    client = maker.issue("client")
    tls = ssl.create_default_context(cafile=maker.path)
    tls.load_cert_chain(*client)
    path = tmp_path / "a.pcapng"
    words = ["--cert", cert, "--key", key, "--client-ca", maker.path, "-o", path]
    with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}/ocpp", *words) as one:
        with one.station("/CP001", tls) as socket:
            beat(socket)
        plain = socket_of(one.port)
        plain.sendall(b"GET /CP002 HTTP/1.1\r\n\r\n")
        plain.close()
        one.until("speaks plain HTTP to a TLS port")
        assert one.end()[0] == 0
    assert texts(path) == [HEARTBEAT.format(1), BEAT.format(1)]
    assert b"GET /CP001 HTTP/1.1\r\n" in path.read_bytes()  # plain, and as the station said it


def socket_of(port: int) -> socket.socket:
    return socket.create_connection((HOST, port))


def test_tls_auto_makes_a_certificate_that_stations_can_trust(tmp_path):
    env = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}", "--tls-auto", env=env) as one:
        (ca,) = tmp_path.rglob("ca.pem")
        assert str(ca) in one.said
        with one.station(tls=ssl.create_default_context(cafile=ca)) as socket:
            beat(socket)
        assert one.end()[0] == 0


# --- what goes wrong ----------------------------------------------------------------------------------------


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


def test_a_file_that_can_grow_no_more_is_told_and_sessions_go_on(tmp_path):
    path = tmp_path / "a.pcapng"
    with csms() as port:
        words = ["--upstream", f"ws://{HOST}:{port}", "-o", path]
        with Recording(*words, preexec_fn=limit_files) as one, one.station() as socket:
            beat(socket, "x" * 40_000)
            one.until(f"{path} cannot be written: File too large")
            beat(socket, 2)
            code, _, err = one.end()
    assert code == 0
    assert "Sessions are passed on meanwhile" in err
    assert "Traceback" not in err
    assert all(text.startswith("[") for text in texts(path))  # it opens


def test_a_full_disk_is_told_and_written_again_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no small disk can be mounted here: that needs root")
    try:
        filler, path = disk / "filler", disk / "a.pcapng"
        filler.write_bytes(bytes(100_000))
        with csms() as port, Recording("--upstream", f"ws://{HOST}:{port}", "-o", path) as one:
            with one.station() as socket:
                beat(socket, "x" * 60_000)
                one.until("No space left on device; make room, and it goes on")
                filler.unlink()
                beat(socket, 2)
                one.until("is written again")
                beat(socket, 3)
            assert one.end()[0] == 0
        assert BEAT.format(3) in texts(path)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_port_in_use_is_told_in_a_line():
    with socket.create_server((HOST, 0)) as other:
        address = f"{HOST}:{other.getsockname()[1]}"
        done = subprocess.run(
            [*PROGRAM, "--listen", address, "--upstream", "ws://h"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode not in (0, 2)
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: --listen {address}: the port is in use by another program: choose another, or stop that one\n"
    )


def test_a_dead_csms_is_told_once_for_each_station_and_the_recorder_goes_on():
    with csms() as port:
        pass
    with Recording("--upstream", f"ws://{HOST}:{port}") as one:
        with pytest.raises(Exception, match="502"):
            one.station()
        one.until(f"the upstream {HOST}:{port} refuses connections: no CSMS listens there")
        code, _, err = one.end()
    assert code == 0
    assert err.count("refuses connections") == 1


# --- transparent mode ---------------------------------------------------------------------------------------


def test_transparent_mode_between_network_namespaces(hosts, tmp_path):  # noqa: F811
    station, gateway, server = hosts
    path = tmp_path / "a.pcapng"
    inside = ["ip", "netns", "exec", gateway]
    listener = in_namespace(server, lambda: socket.create_server(("", CSMS)))
    words = ["--listen", ":0", "--transparent", "--install-redirect", "-o", path]

    def call() -> None:
        sock = socket.create_connection((IPV4, CSMS), timeout=PATIENCE)
        with connect(f"ws://{IPV4}/ocpp/CP001", sock=sock, subprotocols=["ocpp1.6"], proxy=None) as socket_:
            beat(socket_)

    process = subprocess.Popen(
        [*inside, *PROGRAM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr
        said = process.stderr.readline()
        assert "listening on" in said
        wait_for(lambda: "redirect to" in rules_of(inside))
        with csms(listener):
            in_namespace(station, call)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert "redirect to" not in rules_of(inside)
    finally:
        process.kill()
        process.communicate()
        listener.close()
    assert texts(path) == [HEARTBEAT.format(1), BEAT.format(1)]
    source = open_source([str(path)], SourceOptions())
    opened = next(event for batch in source.batches() for event in batch)
    assert opened.session.server == f"{IPV4}:{CSMS}"
    assert opened.session.client.startswith("10.77.1.2:")
    assert b"\r\nHost: 10.77.2.2\r\n" in opened.request


def rules_of(inside: list[str]) -> str:
    return subprocess.run(
        [*inside, "nft", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout
