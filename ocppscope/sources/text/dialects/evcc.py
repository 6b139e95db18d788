"""evcc, of all ages: `recv` and `send`, `recv` and `sent`, `received JSON message from` and `sent JSON message to`."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "evcc",
        "an evcc log",
        re.compile(
            rb"(?:\[ocpp *\] \w+ )?(?:" + DAY_TIME + rb" )?"
            rb"(?P<word>recv|received|send|sent)(?: JSON message (?:from|to))? (?P<station>\S+): \Z"
        ),
        words={b"recv": IN, b"received": IN, b"send": OUT, b"sent": OUT},
        logged_by="csms",
    ),
)
