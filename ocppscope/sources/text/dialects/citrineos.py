"""CitrineOS (tslog): it logs connections, and no frame; an array in one of its lines is read all the same."""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect, mark

_LINE: Final = DAY_TIME + rb"\t\w+\t.*"

DIALECTS: Final = (
    Dialect(
        "citrineos",
        "a CitrineOS log",
        re.compile(
            DAY_TIME + rb"\t\w+\t[^\t]*\t.*?(?P<word>(?i:sending|sent|received|receiving))?[^\w]{0,20}\Z"
        ),
        words={b"sending": OUT, b"sent": OUT, b"received": IN, b"receiving": IN},
        logged_by="csms",
        marks=(mark("opened", b"On upgrade request GET", _LINE + rb"On upgrade request GET (?P<path>/\S*)"),),
    ),
)
