"""How the standard's documents are named in findings. Paraphrased elsewhere, never quoted."""

from ocppscope.ocpp.versions import V16, V21, V201

HEURISTIC = "heuristic"
WHITEPAPER = "OCPP 1.6 security whitepaper"


def ocpp_j(v16: str | None, v2x: str | None = None) -> dict[str, str]:
    """Sections of the JSON-over-WebSocket specifications: OCPP-J 1.6, and part 4 of 2.0.1 and 2.1."""
    found = {V16: f"OCPP-J 1.6 {v16}"} if v16 else {}
    if v2x:
        found |= {V201: f"OCPP 2.0.1 part 4 {v2x}", V21: f"OCPP 2.1 part 4 {v2x}"}
    return found


def part_2(v2x: str, v16: str | None = None) -> dict[str, str]:
    """Requirements of part 2 of OCPP 2.0.1 and 2.1, and sections of OCPP 1.6 edition 2."""
    found = {V201: f"OCPP 2.0.1 part 2 {v2x}", V21: f"OCPP 2.1 part 2 {v2x}"}
    return found | {V16: f"OCPP 1.6 {v16}"} if v16 else found


def whitepaper(v16: str, v2x: str) -> dict[str, str]:
    """Sections of the security whitepaper for OCPP 1.6, and requirements of part 2 of 2.0.1 and 2.1."""
    return part_2(v2x) | {V16: f"{WHITEPAPER} {v16}"}


def rfc(number: int, section: str) -> str:
    return f"RFC {number} §{section}"
