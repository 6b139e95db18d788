"""A proxy's text log: it says which side each message came from, and logs what it passes on once more."""

import re
from typing import Final

from ocppscope.sources.text.dialect import FROM_CSMS, FROM_STATION, TIME, Dialect

DIALECTS: Final = (
    Dialect(
        "proxy",
        "a proxy's log",
        re.compile(
            rb"(?:\["
            + TIME
            + rb"\] )?\[(?:IMMEDIATE-BOOT\] \[)?(?P<word>client->target|client->proxy|proxy->target"
            rb"|target->client|target->proxy|proxy->client)(?:-\w+)?\] \Z"
        ),
        words={
            b"client->target": FROM_STATION,
            b"client->proxy": FROM_STATION,
            b"proxy->target": FROM_STATION,
            b"target->client": FROM_CSMS,
            b"target->proxy": FROM_CSMS,
            b"proxy->client": FROM_CSMS,
        },
    ),
)
