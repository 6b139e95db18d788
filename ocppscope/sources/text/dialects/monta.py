"""Monta's station emulator: a time of day, and JSON over several lines; nothing says the direction.

Where it prints a payload alone, neither the id nor the action of the message is known.
"""

import re
from typing import Final

from ocppscope.sources.text.dialect import TIME, Dialect, mark

_LINE: Final = rb"\[" + TIME + rb"\] \[[^\]]*\] - \[\w+ *\] - \[[^\]]*\] - "

DIALECTS: Final = (
    Dialect(
        "monta",
        "a log of Monta's station emulator",
        re.compile(_LINE + rb".*\Z"),
        logged_by="station",
        marks=(mark("parts", b"] {", _LINE + rb".{0,80}\[\d+\] (?P<payload>\{.*)", goes_on=True),),
    ),
)
