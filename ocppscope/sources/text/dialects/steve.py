"""SteVe: each line names the station and the number of its connection."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, UNSENT, Dialect, mark

_LINE: Final = DAY_TIME + rb" .*\[chargeBoxId=(?P<station>[^,\]]*), sessionId=(?P<connection>[^\]]*)\] "

DIALECTS: Final = (
    Dialect(
        "steve",
        "a SteVe log",
        re.compile(
            rb"(?:"
            + DAY_TIME
            + rb" .*)?\[chargeBoxId=(?P<station>[^,\]]*),?\s+sessionId=(?P<connection>[^\]]*)\]\s+"
            rb"(?P<word>Sending|Received|Attempted to send to closed session)[^:]{0,20}:\s+\Z"
        ),
        words={b"Sending": OUT, b"Received": IN, b"Attempted to send to closed session": UNSENT},
        logged_by="csms",
        marks=(
            mark("opened", b"New connection is established", _LINE + rb"New connection is established"),
            mark(
                "closed",
                b"Connection is closed, status: CloseStatus",
                _LINE
                + rb"Connection is closed, status: CloseStatus\[code=(?P<code>\d+), "
                + rb"reason=(?:null|(?P<reason>[^\]]*))\]",
            ),
            mark("ping", b"Sending ping message", _LINE + rb"(?P<word>Sending) ping message"),
            mark("pong", b"Received pong message", _LINE + rb"(?P<word>Received) pong message"),
        ),
    ),
)
