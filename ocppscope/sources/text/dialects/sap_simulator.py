"""SAP's charging station simulator: what it sends is whole, of what it gets the message id is missing."""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, Dialect, mark

_LINE: Final = rb"(?P<time>\d{1,2}/\d{1,2}/\d{4}, \d{1,2}:\d\d:\d\d [AP]M) (?P<station>\S+) \| "

DIALECTS: Final = (
    Dialect(
        "sap-simulator",
        "a log of SAP's station simulator",
        re.compile(_LINE + rb"(?P<word>>>|<<) Command .*payload: \Z"),
        words={b">>": OUT, b"<<": IN},
        logged_by="station",
        marks=(
            mark(
                "parts",
                b"<< Command '",
                _LINE + rb"(?P<word><<) Command '(?P<action>\w+)' received \w+ payload: (?P<payload>\{.*\})",
            ),
        ),
    ),
)
