"""Alfen chargers: lines of 80 characters, each with the time, on which long messages go on."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "alfen",
        "an Alfen charger's log",
        re.compile(DAY_TIME + rb":[A-Z]+:ocpp\w*\.c:\d+:\s?(?P<word>->|<-)\s*\Z"),
        words={b"->": OUT, b"<-": IN},
        logged_by="station",
        continued=(
            re.compile(
                rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z:[A-Z]+:ocpp\w*\.c:\d+:"
                rb"(?!\s?(?:->|<-)\s*\[\s*[2-6]\s*,)(?:(?:->|<-) ?)?"
            ),
        ),
    ),
)
