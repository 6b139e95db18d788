"""The Go library `ocpp-go`, whose debug level shows messages, by way of logrus in a terminal or as text."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "ocpp-go",
        "a log of the Go library ocpp-go",
        re.compile(
            rb"(?:[A-Z]{4}\[" + DAY_TIME + rb"\] |time=\"?(?P<at>[^\"\s]+)\"? level=\w+ msg=\")"
            rb"(?P<word>sent|received) JSON message (?:from|to) (?P<station>[^:]+): \Z"
        ),
        words={b"sent": OUT, b"received": IN},
        rank=1,
    ),
)
