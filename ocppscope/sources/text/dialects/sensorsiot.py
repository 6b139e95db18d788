"""SensorsIot's CSMS in Python: what it sends is raw, of what it gets the message id is missing."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, mark

DIALECTS: Final = (
    Dialect(
        "sensorsiot",
        "a log of SensorsIot's CSMS",
        re.compile(rb"(?:" + DAY_TIME + rb" .*)?RAW (?P<word>>>|<<) \Z"),
        words={b">>": OUT, b"<<": IN},
        logged_by="csms",
        marks=(
            mark(
                "parts",
                b"Received CALL '",
                rb"(?P<word>Received) CALL '(?P<action>\w+)' for (?P<station>[^\s.]+)\. Payload: (?P<payload>\{.*\})",
            ),
        ),
    ),
)
