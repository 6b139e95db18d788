"""Diagnostics of CTEK and toel chargers: `S:` and `R:` after a time of day."""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, TIME, Dialect

DIALECTS: Final = (
    Dialect(
        "ctek",
        "a CTEK charger's diagnostics",
        re.compile(TIME + rb" \w+: (?P<word>[SR]): \Z"),
        words={b"S": OUT, b"R": IN},
        logged_by="station",
    ),
)
