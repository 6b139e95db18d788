"""shiv3's simulator: text lines, or a JSON object a line with the message in a string."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "shiv3",
        "a log of shiv3's simulator",
        re.compile(
            rb"(?:\["
            + DAY_TIME
            + rb"\] \[\w+\] \[WebSocket\] |\"timestamp\": ?\"(?P<at>[^\"]+)\".*\"message\": ?\")"
            rb"(?P<word>Sent|Received): \Z"
        ),
        words={b"Sent": OUT, b"Received": IN},
        logged_by="station",
    ),
)
