"""The security events that the standard names, and which of them have to be sent to the CSMS.

They stand in `security_events.toml`, with their sources.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ocppscope.events import event
from ocppscope.ocpp.versions import V21


@event
class SecurityEvent:
    """What is known of a security event.

    Attributes:
        versions: that name it.
        critical: versions in which it has to be sent to the CSMS.
    """

    versions: tuple[str, ...]
    critical: tuple[str, ...]


@cache
def security_events() -> Mapping[str, SecurityEvent]:
    """By type."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: SecurityEvent(tuple(one["in"]), tuple(one["critical"])) for name, one in table.items()}


def is_critical(event_type: object, version: str | None = V21) -> bool | None:
    """Whether a security event has to be sent to the CSMS; None for one that the version does not name.

    1.6 has fewer critical ones than 2.x: an invalid certificate or signature is only logged.
    """
    found = security_events().get(event_type) if isinstance(event_type, str) else None
    return None if found is None or version not in found.versions else version in found.critical
