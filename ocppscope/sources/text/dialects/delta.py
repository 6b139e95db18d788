"""Delta's chargers, by syslog without a year, and only in part."""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, Dialect

_SYSLOG: Final = rb"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?)"

DIALECTS: Final = (
    Dialect(
        "delta",
        "a Delta charger's log",
        re.compile(_SYSLOG + rb" .*\[OCPP\w*\].*?pu8(?P<word>Send|Recv)\w*=\Z"),
        words={b"Send": OUT, b"Recv": IN},
        logged_by="station",
    ),
)
