"""Home Assistant's core log with the integration `ocpp` (lbbrhzn/ocpp): times are local, the logging side is the
CSMS, and the station's name may be missing.
"""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, mark

DIALECTS: Final = (
    Dialect(
        "home-assistant",
        "a Home Assistant log",
        re.compile(
            rb"(?:" + DAY_TIME + rb" )?\w+ \([^)]*\) \[ocpp\] (?P<station>\S*?) ?: "
            rb"(?P<word>send|receive)(?: message)? \Z"
        ),
        words={b"send": OUT, b"receive": IN},
        logged_by="csms",
        marks=(
            mark(
                "version",
                b"Websocket Subprotocol matched",
                DAY_TIME + rb".* matched: (?P<version>ocpp[\d.]+)",
            ),
            mark(
                "opened",
                b"Charger websocket path=",
                DAY_TIME + rb".*Charger websocket path=(?P<path>/\S*)",
            ),
        ),
    ),
)
