"""The Python library `ocpp` (mobilityhouse) in applications of any layout; openWB as the station."""

import re
from collections.abc import Mapping
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, Word

_WORDS: Final[Mapping[bytes, Word]] = {b"send": OUT, b"receive": IN}

DIALECTS: Final = (
    Dialect(
        "python-ocpp",
        "a log of the Python library ocpp",
        re.compile(
            rb"(?:" + DAY_TIME + rb"[ -]+)?(?:\[?\w+\]?[: ]+)?ocpp(?:: ?| - \w+ - )(?P<station>[^\s]*?): "
            rb"(?P<word>send|receive)(?: message)? \Z"
        ),
        words=_WORDS,
    ),
    Dialect(
        "openwb",
        "an openWB log",
        re.compile(
            rb"(?:" + DAY_TIME + rb" - )?\{ocpp:\d+\} - \{\w+:[^}]*\} - (?P<station>\S*?): "
            rb"(?P<word>send|receive)(?: message)? \Z"
        ),
        words=_WORDS,
        logged_by="station",
        rank=1,
    ),
)
