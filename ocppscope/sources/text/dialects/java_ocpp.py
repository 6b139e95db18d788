"""Java-OCA-OCPP (ChargeTimeEU), whatever the layout of the application that it is in; and a Spring application
that logs stations without a direction.
"""

import re
from typing import Final

from ocppscope.sources.text.dialect import DAY_TIME, IN, OUT, Dialect

DIALECTS: Final = (
    Dialect(
        "java-ocpp",
        "a log of Java-OCA-OCPP",
        re.compile(rb"(?:" + DAY_TIME + rb" .*)?(?P<word>Send|Receive) a (?:message|request): \Z"),
        words={b"Send": OUT, b"Receive": IN},
    ),
    Dialect(
        "spring",
        "a log of a Spring application",
        re.compile(
            DAY_TIME + rb" +\w+ \d+ --- \[[^\]]*\] \S+ *: .*?Charger=(?P<station>[^,\s]+), Message=\Z"
        ),
        logged_by="csms",
    ),
)
