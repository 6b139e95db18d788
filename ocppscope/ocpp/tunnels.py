"""What DataTransfer carries for others: messages of OCPP 2.0.1 and costs, as JSON in the `data` of 1.6.

Sources: OCA application note on ISO 15118 Plug & Charge with OCPP 1.6 (messages of 2.0.1, named by messageId); OCA
application note on OCPP and California pricing requirements.
"""

from typing import Any, Final

import orjson

PLUG_AND_CHARGE: Final = "org.openchargealliance.iso15118pnc"
COSTS: Final = "org.openchargealliance.costmsg"
NAMES: Final = {PLUG_AND_CHARGE: "Plug & Charge", COSTS: "cost"}
"""What a vendorId stands for."""
_LONGEST: Final = 1 << 16
"""Characters; certificate chains are the longest, and have a tenth of that."""


def inner(value: Any) -> dict[str, Any] | None:
    """The object that `data` holds, as text or as it is; None where it holds none, or too much to look at."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST or value.lstrip()[:1] != "{":
        return None
    try:
        found = orjson.loads(value)
    except ValueError:  # RecursionError does not come: orjson has a limit of its own
        return None
    return found if isinstance(found, dict) else None
