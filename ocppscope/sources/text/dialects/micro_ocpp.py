"""MicroOcpp on a microcontroller, by its serial port: no time of its own, perhaps that of the serial monitor."""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, TIME, Dialect, mark

DIALECTS: Final = (
    Dialect(
        "micro-ocpp",
        "a log of MicroOcpp",
        re.compile(rb"(?:" + TIME + rb"[.\d]* -?> ?)?\**\[(?:MO|AO|OCPP)\] (?P<word>Send|Recv): \Z"),
        words={b"Send": OUT, b"Recv": IN},
        logged_by="station",
        marks=(
            mark(
                "pong",
                b"] Recv: WS pong",
                rb"(?:" + TIME + rb" -?> )?\[(?:MO|AO|OCPP)\] (?P<word>Recv): WS pong",
            ),
            mark(
                "ping",
                b"] Send: WS ping",
                rb"(?:" + TIME + rb" -?> )?\[(?:MO|AO|OCPP)\] (?P<word>Send): WS ping",
            ),
        ),
    ),
)
