"""The debug lines of the Python library `websockets`, which leave out the middle of long messages.

They stand beside those of an OCPP logger; only handshakes, pings, closes and short messages can be had of them.
"""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, mark

_BY: Final = rb"\[websockets\.\w+\] (?P<word>[<>]) "

DIALECTS: Final = (
    Dialect(
        "websockets",
        "debug lines of the Python library websockets",
        re.compile(rb"(?:" + DAY_TIME + rb" )?.{0,80}(?P<word>[<>]) (?:TEXT|CONT) ['\"]\Z"),
        words={b"<": IN, b">": OUT},
        marks=(
            mark("request", b" HTTP/1.1", rb"[<>] GET (?P<path>\S+) HTTP/1"),
            mark("status", b" HTTP/1.1 ", rb"[<>] HTTP/1\.1 (?P<status>\d{3})"),
            mark(
                "subprotocol",
                b"Sec-WebSocket-Protocol:",
                rb"[<>] Sec-WebSocket-Protocol: (?P<names>\S.*?)\s*$",
            ),
            mark("opened", b"= connection is OPEN", DAY_TIME + rb"?.*= connection is OPEN"),
            mark(
                "closed",
                b" CLOSE ",
                rb"(?:"
                + DAY_TIME
                + rb" .*)?(?P<word>[<>]) CLOSE (?P<code>\d{4})(?: \([^)]*\))? ?(?P<reason>[^\[]*?)? \[",
            ),
            mark("closed", b"= connection is CLOSED", rb"(?:" + DAY_TIME + rb" .*)?= connection is CLOSED"),
            mark("ping", b" PING ", rb"(?:" + DAY_TIME + rb" .*)?(?P<word>[<>]) PING ['\"]"),
            mark("pong", b" PONG ", rb"(?:" + DAY_TIME + rb" .*)?(?P<word>[<>]) PONG ['\"]"),
        ),
        elides=True,
    ),
)
