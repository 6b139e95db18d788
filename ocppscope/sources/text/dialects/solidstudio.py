"""Solidstudio's virtual charge point."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, mark

DIALECTS: Final = (
    Dialect(
        "solidstudio",
        "a log of Solidstudio's virtual charge point",
        re.compile(
            rb"(?:"
            + DAY_TIME
            + rb" )?\w+: (?P<word>Sending message|Receive message|Responding with)[^\w\[]*\Z"
        ),
        words={b"Sending message": OUT, b"Responding with": OUT, b"Receive message": IN},
        logged_by="station",
        marks=(
            mark("station", b"chargePointId:", rb"^\s*chargePointId: '(?P<station>[^']+)'"),
            mark("version", b"ocppVersion:", rb"^\s*ocppVersion: '(?P<version>[^']+)'"),
        ),
    ),
)
