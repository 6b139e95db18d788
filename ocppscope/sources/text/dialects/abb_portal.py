"""ABB chargers by the smart-me portal: action and payload of a message, without its id."""

import re
from typing import Final

from ocppscope.sources.text.dialect import Dialect, mark

DIALECTS: Final = (
    Dialect(
        "abb-portal",
        "an ABB charger's log from the smart-me portal",
        re.compile(rb">>\Z"),
        rank=-1,
        marks=(mark("parts", b'>>"', rb'>>"(?P<action>[A-Z]\w+)", ?(?P<payload>\{.*\})<<'),),
    ),
)
