"""open-ocpp (c-jimenez): `[id] - RX : `; and the KEVIT daemon's `[TXT][id] : MESSAGE : `."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "open-ocpp",
        "a log of open-ocpp",
        re.compile(rb"(?:" + DAY_TIME + rb".*)?\[(?P<station>[^\]]*)\] - (?P<word>RX|TX) : \Z"),
        words={b"RX": IN, b"TX": OUT},
    ),
    Dialect(
        "kevit",
        "a log of the KEVIT daemon",
        re.compile(rb"(?:" + DAY_TIME + rb" - )?\[TXT\]\[(?P<station>[^\]]*)\] : MESSAGE : \Z"),
    ),
)
