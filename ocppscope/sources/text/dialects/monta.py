"""Monta's station emulator: a time of day, and JSON over several lines; nothing says the direction."""

import re
from typing import Final

from ocppscope.sources.text.dialect import TIME, Dialect

DIALECTS: Final = (
    Dialect(
        "monta",
        "a log of Monta's station emulator",
        re.compile(rb"\[" + TIME + rb"\] \[[^\]]*\] - \[\w+ *\] - \[[^\]]*\] - .*\Z"),
        logged_by="station",
    ),
)
