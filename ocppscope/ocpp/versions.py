"""The OCPP versions, as far as they differ in what a decoder must know."""

from collections.abc import Mapping
from typing import Final

V16: Final = "1.6"
V201: Final = "2.0.1"
V21: Final = "2.1"

JUDGED: Final = (V16, V201, V21)
"""The versions with schemas and rules of their own; of others only the framing is looked at."""
V2X: Final = (V201, V21)

SUBPROTOCOLS: Final[Mapping[str, str]] = {
    "ocpp1.2": "1.2",
    "ocpp1.5": "1.5",
    "ocpp1.6": V16,
    "ocpp2.0": "2.0",
    "ocpp2.0.1": V201,
    "ocpp2.1": V21,
}
"""Registered WebSocket subprotocol names (OCPP-J 1.6 §3.1.2; OCPP 2.0.1 part 4 §3.1.2)."""
