"""`view --web`: the same browser, served to pages that were asked for under this address."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from contextlib import contextmanager

import pyte
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

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
    assert done.stderr.decode() == (
        f"Error: --web cannot listen on 127.0.0.1, port {port}: "
        "Address already in use: choose another port with --port\n"
    )


def test_an_address_that_is_none():
    done = run("view", "--web", "--host", "no name", CLEAN)
    assert done.exit_code == 1
    assert "Error: --web cannot listen on no name, port 8000: Name or service not known" in done.stderr


@pytest.fixture
def listening(monkeypatch):
    """What is said as soon as a server listens, without one."""

    def listen(server, **_):
        server._tell_address("======== Running on … ========")

    monkeypatch.setattr(web._Server, "serve", listen)
    monkeypatch.setattr(web, "_own_address", lambda version: {4: "192.0.2.9", 6: "2001:db8::9"}[version])


WARNING = "Warning: anybody who can reach this address can read the capture, which may hold passwords\n"


@pytest.mark.parametrize(
    ("host", "shown", "warning"),
    [
        ("127.0.0.1", "127.0.0.1", ""),
        ("127.0.0.2", "127.0.0.2", ""),
        ("localhost", "localhost", ""),
        ("::1", "[::1]", ""),
        ("0.0.0.0", "192.0.2.9", WARNING),
        ("0", "192.0.2.9", WARNING),
        ("", "192.0.2.9", WARNING),
        ("::", "[2001:db8::9]", WARNING),
        ("192.0.2.7", "192.0.2.7", WARNING),
    ],
)
def test_an_address_that_others_can_reach(listening, host, shown, warning):
    done = run("view", "--web", "--host", host, "--port", "8765", CLEAN)
    assert done.exit_code == 0
    assert done.stderr == f"clean-1.6.pcap is at http://{shown}:8765; Ctrl-C ends it\n{warning}"


def test_the_address_of_this_machine(monkeypatch):
    assert web._own_address(4) != "0.0.0.0"
    monkeypatch.setitem(web._FAR, 4, (socket.AF_INET, "no address"))
    assert web._own_address(4) == socket.gethostname()


# --- a real server ------------------------------------------------------------------------------------------


@contextmanager
def serving(folder):
    """A server of CLEAN: its process, and its port. What it keeps for a while goes to a folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    words = [*view.PROGRAM, "view", "--web", "--port", str(number), str(CLEAN)]
    env = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        line = process.stderr.readline().decode()
        assert line == f"clean-1.6.pcap is at http://127.0.0.1:{number}; Ctrl-C ends it\n"
        try:
            yield process, number
        finally:
            process.terminate()  # no kill: the browsers of open pages would live on
            process.wait(60)


def wait_until(is_so):
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served")) as (_, number):
        yield number


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
    assert "clean-1.6.pcap" in page
    assert f"ws://127.0.0.1:{port}/ws" in page
    assert f"ws://localhost:{port + 1}/ws" in fetched(port, Host=f"localhost:{port + 1}")[1]  # a tunnel


def test_the_page_asks_nobody_else(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    loaded = re.findall(r"""(?:href|src)\s*=\s*["']([^"']*)|url\(\s*["']?([^"')]*)|@import\s+(.*)""", page)
    places = {"".join(place) for place in loaded}
    assert len(places) > 2
    for place in places:
        where = urllib.parse.urljoin(f"http://127.0.0.1:{port}/", place)
        assert where.startswith(f"http://127.0.0.1:{port}/")
        with urllib.request.urlopen(where, timeout=20) as answer:
            assert answer.read()
    assert "googleapis" not in page
    assert policy.startswith("default-src 'self' ")
    assert f"connect-src 'self' ws://127.0.0.1:{port} " in policy


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


class Page:
    """What a page shows: it speaks as textual-serve's own JavaScript does."""

    def __init__(self, websocket):
        self.websocket = websocket
        self.screen = pyte.Screen(80, 24)
        self.terminal = pyte.ByteStream(self.screen)

    def wait_for(self, word):
        """Take in what comes until a word is on the screen."""
        while not any(word in line for line in self.screen.display):
            data = self.websocket.recv(timeout=20)
            assert isinstance(data, bytes), data  # texts are for downloads, and links to open
            self.terminal.feed(data)

    def type(self, keys):
        self.websocket.send(json.dumps(["stdin", keys]))


@contextmanager
def opened(port):
    address = f"127.0.0.1:{port}"
    where = f"ws://{address}/ws?width=80&height=24"
    with connect(where, origin=f"http://{address}", close_timeout=1) as websocket:
        yield Page(websocket)


@pytest.fixture
def processes(monkeypatch):
    """How many processes there are that this test has started, also those started by others of them."""
    mark = f"test-{uuid.uuid4()}"
    monkeypatch.setenv("OCPPSCOPE_TEST", mark)

    def count():
        others = {name: value for name, value in os.environ.items() if value != mark}
        words = ["ps", "axeww", "-o", "args"]  # with the environment of each
        listed = subprocess.run(words, capture_output=True, check=True, env=others).stdout
        return listed.count(f"OCPPSCOPE_TEST={mark}".encode())

    return count


def test_a_page_has_a_browser_of_its_own_for_as_long_as_it_is_open(tmp_path, processes):
    with serving(tmp_path) as (server, number):
        with opened(number) as one, opened(number) as other:
            one.wait_for("LIS-0117")
            other.wait_for("LIS-0117")
            one.type("2")
            one.wait_for("BootNotification")
            assert not any("BootNotification" in line for line in other.screen.display)
            assert len(list(tmp_path.iterdir())) == 2  # a store each
        wait_until(lambda: not list(tmp_path.iterdir()))
        wait_until(lambda: processes() == 1)
        assert fetched(number)[0] == 200
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
        assert server.stderr.read() == b""
    assert processes() == 0


def test_leaving_the_browser_ends_the_page(tmp_path):
    with serving(tmp_path) as (_, number), opened(number) as page:
        page.wait_for("LIS-0117")
        page.type("q")
        with pytest.raises(ConnectionClosed):
            page.wait_for("nothing more comes")
        wait_until(lambda: not list(tmp_path.iterdir()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_ends_takes_its_pages_along(tmp_path, processes, number):
    with serving(tmp_path) as (server, port), opened(port) as page:
        page.wait_for("LIS-0117")
        server.send_signal(number)
        assert server.wait(5) == 0
        wait_until(lambda: not list(tmp_path.iterdir()))
        wait_until(lambda: processes() == 0)


def test_a_server_that_is_killed_takes_its_pages_along(tmp_path, processes):
    with serving(tmp_path) as (server, port), opened(port) as page:
        page.wait_for("LIS-0117")
        server.kill()
        wait_until(lambda: not list(tmp_path.iterdir()))
        wait_until(lambda: processes() == 0)


def test_without_its_server_a_browser_ends_also_where_it_hangs():
    read_end, write_end = os.pipe()
    code = (
        "import signal, time; import ocppscope.cli.view as view; view._PATIENCE = 0.01;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "view._end_with_server()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=read_end) as process:
        os.close(read_end)
        time.sleep(0.3)
        assert process.poll() is None
        os.close(write_end)
        assert process.wait(20) == 128 + signal.SIGTERM
