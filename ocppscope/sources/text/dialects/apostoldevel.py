"""apostoldevel/ocpp-cs: the parts of a message in brackets, each line twice, and no array."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, Dialect, mark

_LINE: Final = rb"\[" + DAY_TIME + rb"\] \[(?P<station>[^\]]+)\] "

DIALECTS: Final = (
    Dialect(
        "ocpp-cs",
        "a log of apostoldevel/ocpp-cs",
        re.compile(_LINE + rb"\[[^\]]+\] (?:\[\w+\] )?\[(?:Call|CallResult)\] \Z"),
        logged_by="csms",
        marks=tuple(
            mark(
                "parts",
                needle,
                _LINE
                + rb"\[(?P<id>[^\]]+)\] (?:\[(?P<action>\w+)\] )?\[(?P<type>Call|CallResult)\] (?P<payload>\{.*\})",
            )
            for needle in (b"[Call] ", b"[CallResult] ")
        ),
        repeats=True,
    ),
)
