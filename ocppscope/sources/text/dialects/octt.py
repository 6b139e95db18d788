"""OCA's test tool OCTT: times have no date but in the header, and the direction is the tool's, which plays the other
side of the system under test.
"""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, Dialect, mark

DIALECTS: Final = (
    Dialect(
        "octt",
        "a log of the OCPP Compliance Testing Tool",
        re.compile(rb"\[(?P<time>(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d:\d{3})\] \[msg-(?P<word>in|out)\]\s+\Z"),
        words={b"in": IN, b"out": OUT},
        marks=(
            mark("date", b"Test Start Time", rb"Test Start Time : (?P<date>[\d-]+ [\d:]+)"),
            mark("version", b"OCPP Version", rb"OCPP Version : OCPP (?P<version>[\d.]+)"),
        ),
    ),
)
