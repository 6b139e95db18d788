"""`view --web`: the same browser, served to pages that were asked for under this address."""

import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from ocppscope.cli import view, web
from tests.cli import run
from tests.end_to_end.test_captures import FOLDER

CLEAN = FOLDER / "clean-1.6.pcap"


@pytest.fixture
def served(monkeypatch):
    asked = []
    monkeypatch.setattr(
        web, "serve", lambda command, **options: asked.append((shlex.split(command), options))
    )
    return asked


def test_a_page_runs_the_same_command(served, tmp_path, monkeypatch):
    monkeypatch.chdir(FOLDER)
    words = [
        "--follow",
        "--filter",
        "action == 'a b'",
        "--profile",
        "strict",
        "--station",
        "X",
        "clean-1.6.pcap",
    ]
    assert run("view", "--web", *words).exit_code == 0
    ((command, options),) = served
    assert command[: len(view.PROGRAM)] == list(view.PROGRAM)
    rest = command[len(view.PROGRAM) :]
    assert rest[0] == "view"
    assert {"--follow", "--filter=action == 'a b'", "--profile=strict", "--station=X"} < set(rest)
    assert rest[-2:] == ["--", str(CLEAN)]
    assert options == {"title": "clean-1.6.pcap", "host": "127.0.0.1", "port": 8000}


def test_the_address_is_the_users(served):
    assert run("view", "--web", "--host", "::", "--port", "9999", CLEAN).exit_code == 0
    assert served[0][1] == {"title": "clean-1.6.pcap", "host": "::", "port": 9999}


def test_standard_input_is_refused(served):
    done = run("view", "--web", "-")
    assert done.exit_code == 2
    assert "--web reads the input once for each page: INPUT has to be a file" in done.stderr


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ocppscope.cli.web", None)
    done = run("view", "--web", CLEAN)
    assert done.exit_code == 2
    assert "pip install 'ocppscope[web]'" in done.stderr


def test_an_address_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [*view.PROGRAM, "view", "--web", "--port", str(port), str(CLEAN)]
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"--web cannot listen on 127.0.0.1, port" in done.stderr
    assert b"Traceback" not in done.stderr


# --- a real server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    words = [*view.PROGRAM, "view", "--web", "--port", str(number), str(CLEAN)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        line = process.stderr.readline().decode()
        assert line == f"clean-1.6.pcap is at http://127.0.0.1:{number}; Ctrl-C ends it\n"
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", number)).close()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)
        yield number
        process.terminate()


def fetched(port, path="/", **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_page_finds_the_rest_where_it_was_asked_for(port):
    status, page = fetched(port)
    assert status == 200
    assert f"ws://127.0.0.1:{port}/ws" in page
    assert f"ws://localhost:{port + 1}/ws" in fetched(port, Host=f"localhost:{port + 1}")[1]  # a tunnel


@pytest.mark.parametrize("path", ["/", "/ws"])
def test_a_name_of_a_stranger_is_refused(port, path):
    status, text = fetched(port, path, Host=f"evil.example:{port}")
    assert status == 403
    assert "is not this machine" in text


def test_a_page_of_a_stranger_is_refused(port):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    status, text = fetched(port, "/ws", Origin="http://evil.example", **upgrade)
    assert (status, text) == (403, "this page is not of this server")
