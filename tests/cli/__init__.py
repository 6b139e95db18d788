"""Commands, run in this process as a user would run them, and captures to run them on."""

import base64
import gc
import json
import sys
from unittest.mock import patch

from click.testing import CliRunner, Result

from ocppscope.cli.main import main
from tests.wire.packets import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Conversation,
    answer,
    call,
    frame,
    pcap,
    switching,
    upgrade,
)

SECRET = "hunter2"
CREDENTIALS = base64.b64encode(f"CP001:{SECRET}".encode()).decode()
BAD_STATUS = (
    '[2, "2" ,"StatusNotification",'
    '{"connectorId":1,"errorCode":"Error","status":"Faulted","timestamp":"2023-11-14T20:13:20Z"}]'
)
REFUSED = '[4,"2","InternalError","sorry",{"why":"é"}]'
TORN = '[2,"3","Héartbeat",{"a": oops}]'
LAST_ANSWER = '[3,"4",{"currentTime":"2023-11-14T22:13:20Z"}]'


class _Program:
    """What click's runner takes for a command."""

    name = "ocppscope"

    def main(self, args, prog_name, **_):
        gc_as_it_was = gc.get_threshold()
        try:
            with patch.object(sys, "argv", [prog_name, *args]):
                main()
        finally:
            gc.set_threshold(*gc_as_it_was)
            gc.unfreeze()


def run(*arguments: object, stdin: bytes = b"", color: bool = False, **env: str) -> Result:
    """Run a command line; a traceback fails the test."""
    runner = CliRunner(env={"NO_COLOR": "", **env})
    words = [str(argument) for argument in arguments]
    return runner.invoke(_Program(), words, input=stdin, color=color, catch_exceptions=False)


def lines(*arguments: object, **options) -> list[dict]:
    """The JSON objects that a command prints."""
    return [json.loads(line) for line in run(*arguments, **options).stdout.splitlines()]


def saved(folder, talk, name="test.pcap"):
    """A capture as a file."""
    path = folder / name
    path.write_bytes(talk if isinstance(talk, bytes) else pcap(talk.packets))
    return path


def opening(path="/ocpp/CP001", client="10.0.0.1:50000", **headers):
    """A handshake with secrets in it."""
    request = upgrade(path, Authorization=f"Basic {CREDENTIALS}", Cookie=f"id={SECRET}", **headers)
    return Conversation(client=client).open().client(request).server(switching(Set_Cookie=f"id={SECRET}"))


def everything():
    """A session with an event of each kind: opened is 1, closed is 13."""
    talk = opening().client(call()).server(answer())  # 1, 2, 3
    talk.client(call(BAD_STATUS)).server(answer(REFUSED))  # 4, 5
    talk.client(frame(PING, b"hi", masked=True)).server(frame(PONG, b"hi"))  # 6, 7
    talk.client(call(TORN))  # 8
    talk.client(frame(TEXT, b'["\xff\xfe"]', masked=True))  # 9
    talk.client(frame(3, bytes(range(200)) * 2, masked=True))  # 10
    talk.lose().client(call('[2,"4","Heartbeat",{}]'))  # 11
    talk.server(answer(LAST_ANSWER))  # 12
    talk.client(frame(CLOSE, b"\x03\xe8done", masked=True)).server(frame(CLOSE, b"\x03\xe8"))  # 13
    return talk.close()
