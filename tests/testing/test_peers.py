import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ocppscope.testing.peers import Peer, PeerError, accepts, filled, free_port
from ocppscope.testing.settings import Command

LISTENS = """
import os, socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    print("it is ready", os.environ["OCPPSCOPE_PORT"], os.getcwd())
    sys.stdin.read()
    import signal
    signal.pause()
"""
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("child", os.fork() or os.getpid(), flush=True)
signal.pause()
"""


def python(program, folder, *words):
    return Command(("{python}", "-c", program, *words), folder)


def soon(work):
    """Run a coroutine that is given the time until which it may take."""

    async def timed():
        return await work(asyncio.get_running_loop().time() + 20)

    return asyncio.run(timed())


def is_running(pid):
    """Zombies do not count: nobody may be there to reap them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_is_waited_for_by_what_it_says(tmp_path):
    port = str(free_port())
    with Peer(python(LISTENS, tmp_path, "{port}"), {"port": port}) as peer:
        soon(lambda until: peer.said(f"ready {port}", until))
        assert asyncio.run(accepts("127.0.0.1", int(port)))
        assert peer.output() == f"it is ready {port} {tmp_path}\n"
        assert peer.exit_code is None
    assert peer.exit_code == -signal.SIGTERM
    assert peer.ending == "was ended by SIGTERM"


def test_it_is_waited_for_by_its_port(tmp_path):
    port = free_port()
    with Peer(python(LISTENS, tmp_path, "{port}"), {"port": str(port)}, cwd=tmp_path.parent) as peer:
        soon(lambda until: peer.accepts("127.0.0.1", port, until))
        assert str(tmp_path.parent) in peer.output()
    assert not asyncio.run(accepts("127.0.0.1", port))


def test_one_that_ends_is_not_waited_for(tmp_path):
    program = "print('cannot'); raise SystemExit(3)"
    with Peer(python(program, tmp_path), {}) as peer:
        with pytest.raises(PeerError, match="ended with exit code 3 before it said 'ready'"):
            soon(lambda until: peer.said("ready", until))
        with pytest.raises(PeerError, match="ended with exit code 3 before it accepted connections"):
            soon(lambda until: peer.accepts("127.0.0.1", free_port(), until))
        assert peer.output() == "cannot\n"


def test_what_it_said_last_counts(tmp_path):
    with Peer(python("print('ready')", tmp_path), {}) as peer:
        soon(lambda until: peer.said("ready", until))


def test_the_time_is_over(tmp_path):
    with Peer(python("import signal; signal.pause()", tmp_path), {}) as peer:
        with pytest.raises(PeerError, match="did not say 'ready' in time"):
            soon(lambda until: peer.said("ready", until - 20))
        with pytest.raises(PeerError, match=r"did not accept connections at .* in time"):
            soon(lambda until: peer.accepts("127.0.0.1", free_port(), until - 20))


def test_a_text_between_two_looks_and_much_before_it(tmp_path):
    program = "import sys; sys.stdout.write('x' * 200_000 + 'rea'); sys.stdout.flush(); sys.stdout.write('dy\\nend')"
    with Peer(python(program, tmp_path), {}) as peer:
        soon(lambda until: peer.said("ready", until))
        asyncio.run(peer.ended())
        assert peer.output() == "…end"


def test_all_of_it_is_stopped_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ocppscope.testing.peers._GRACE", 0.2)
    with Peer(python(STUBBORN, tmp_path), {}) as peer:
        soon(lambda until: peer.said("child", until))
        while peer.output().count("child") < 2:
            time.sleep(0.01)
        pids = [int(word) for word in peer.output().split() if word.isdecimal()]
        assert all(map(is_running, pids))
    assert peer.exit_code == -signal.SIGKILL
    end = time.monotonic() + 10
    while any(map(is_running, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(is_running, pids))


def test_what_a_shell_leaves_behind_is_stopped(tmp_path):
    line = f"{sys.executable} -c 'import os, signal; print(os.getpid(), flush=True); signal.pause()' & echo ready; wait"
    with Peer(Command(line, tmp_path), {}) as peer:
        soon(lambda until: peer.said("\n", until))
        while peer.output().count("\n") < 2:
            time.sleep(0.01)
        pid = next(int(word) for word in peer.output().split() if word.isdecimal())
        assert is_running(pid)
    assert not is_running(pid)


def test_it_is_stopped_where_the_test_breaks(tmp_path):
    peer = Peer(python("import signal; signal.pause()", tmp_path), {})
    with suppress(KeyboardInterrupt), peer:
        raise KeyboardInterrupt
    assert peer.exit_code == -signal.SIGTERM


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(PeerError, match=r"'no-such-program now' cannot be started: .*: No such file"):
        Peer(Command(("no-such-program", "now"), tmp_path), {})
    with pytest.raises(PeerError, match=r"cannot be started: .*gone: No such file"):
        Peer(Command(("true",), tmp_path / "gone"), {})


def test_placeholders():
    assert filled('{"a": {port}, "b": "{x}"}', {"port": "1"}) == '{"a": 1, "b": "{x}"}'


def test_the_shell_gets_its_placeholders_quoted(tmp_path):
    with Peer(Command("printf '%s|' {station} $OCPPSCOPE_STATION", tmp_path), {"station": "a b;c"}) as peer:
        asyncio.run(peer.ended())
        assert peer.output() == "a b;c|a|b;c|"


def test_the_environment_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", "yes")
    with Peer(Command("echo $MINE $PYTHONUNBUFFERED", tmp_path), {}) as peer:
        asyncio.run(peer.ended())
        assert peer.output() == "yes 1\n"
    assert "OCPPSCOPE_PORT" not in os.environ
