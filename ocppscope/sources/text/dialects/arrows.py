"""Logs that say `STATION -> SERVER`."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, FROM_CSMS, FROM_STATION, Dialect

DIALECTS: Final = (
    Dialect(
        "arrow-to-server",
        "a log with arrows to SERVER",
        re.compile(
            rb"(?:"
            + DAY_TIME
            + rb"\s+)?(?P<station>[\w.-]+) (?P<word>->) (?:SERVER|CSMS|CentralSystem) ?: \Z"
        ),
        words={b"->": FROM_STATION},
    ),
    Dialect(
        "arrow-from-server",
        "a log with arrows from SERVER",
        re.compile(
            rb"(?:"
            + DAY_TIME
            + rb"\s+)?(?:SERVER|CSMS|CentralSystem) (?P<word>->) (?P<station>[\w.-]+) ?: \Z"
        ),
        words={b"->": FROM_CSMS},
        rank=1,
    ),
)
