"""Qt chargers such as IDC180E: action and payload of a message, without its id."""

import re
from typing import Final

from ocppscope.sources.text.dialect import IN, OUT, Dialect, mark

_LINE: Final = rb"(?P<time>[A-Z][a-z]{2}/\d\d \d\d:\d\d:\d\d UTC) --\s+"

DIALECTS: Final = (
    Dialect(
        "qt-charger",
        "a Qt charger's log",
        re.compile(_LINE + rb"(?P<word>Send|Recv) .*\Z"),
        words={b"Send": OUT, b"Recv": IN},
        logged_by="station",
        marks=(
            mark(
                "parts",
                b"QJsonObject(",
                _LINE + rb"(?P<word>Send|Recv) (?P<action>\w+): QJsonObject\((?P<payload>\{.*\})\)",
            ),
        ),
    ),
)
