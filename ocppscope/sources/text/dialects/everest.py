"""EVerest's libocpp: its .log and .html files, whose messages take many lines, and its console."""

import re
from collections.abc import Mapping
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, FROM_CSMS, FROM_STATION, Dialect, Word

_WAYS: Final[Mapping[bytes, Word]] = {
    b"ChargePoint": FROM_STATION,
    b"ChargingStation": FROM_STATION,
    b"CentralSystem": FROM_CSMS,
    b"CSMS": FROM_CSMS,
}
_SIDES: Final = rb"ChargePoint|ChargingStation|CentralSystem|CSMS"

DIALECTS: Final = (
    Dialect(
        "everest",
        "an EVerest log",
        re.compile(DAY_TIME + rb": (?P<word>" + _SIDES + rb")>(?:" + _SIDES + rb")[^\[]*\Z"),
        words=_WAYS,
        logged_by="station",
        rank=1,
    ),
    Dialect(
        "everest-html",
        "an EVerest log in HTML",
        re.compile(
            rb"(?:<td>"
            + DAY_TIME
            + rb"</td>.*)?<td>(?P<word>"
            + _SIDES
            + rb")(?:&gt;|>)(?:"
            + _SIDES
            + rb")</td>.*\Z"
        ),
        words=_WAYS,
        logged_by="station",
        entities=True,
        rank=2,
    ),
    Dialect(
        "everest-console",
        "the console of EVerest",
        re.compile(rb"(?:" + DAY_TIME + rb" .*)?ocpp:OCPP\w* *:: (?P<word>" + _SIDES + rb"): \Z"),
        words=_WAYS,
        logged_by="station",
    ),
)
