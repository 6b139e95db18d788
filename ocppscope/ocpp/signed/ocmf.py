"""Open Charge Metering Format, versions 0.x and 1.x: `OCMF|{payload}|{signature}`.

Source: SAFE-eV/OCMF-Open-Charge-Metering-Format, OCMF-en.md, revision 1.2. The payload is signed exactly as it
was sent, white space included, so that it is never written anew here.
"""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from ocppscope.ocpp.metering import BEGIN, END
from ocppscope.ocpp.signed.keys import CURVES, LACKING, curve_named, from_base64
from ocppscope.ocpp.signed.records import Algorithm, Record, SignedReading, UnreadableError
from ocppscope.ocpp.times import parse as parse_time

HEADER: Final = "OCMF|"
DEFAULT: Final = Algorithm("secp256r1", "SHA256")
_HASHES: Final = {
    name: name.replace("-", "_") for name in ("SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-384")
}
_ALGORITHM: Final = re.compile(r"ECDSA-([A-Za-z0-9]+)-(SHA[0-9-]+)")
_MOMENTS: Final = {"B": BEGIN, "E": END, "L": END, "R": END, "A": END, "P": END}
_VERSION: Final = re.compile(r"[0-9.]{1,10}")
_READINGS: Final = 1_000
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_DUPLICATES: Final = 5


def parse(text: str, encoding: str = "utf-8") -> Record:
    """Read OCMF.

    Args:
        text: from `OCMF|` on.
        encoding: by which the signed bytes became the text.

    Raises:
        UnreadableError: it is no OCMF, or only a part of it.
    """
    doubles: list[str] = []
    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: _object(pairs, doubles), parse_float=Decimal, parse_int=_whole
    )
    payload, end = _section(decoder, text, len(HEADER), "payload")
    if end == len(text):
        raise UnreadableError("the OCMF is cut short: it has no signature")
    signature, last = _section(decoder, text, end + 1, "signature")
    faults = [f"the field {name!r} is there twice" for name in dict.fromkeys(doubles)][:_DUPLICATES]
    algorithm, obstacle = _algorithm(signature)
    try:
        signed = text[len(HEADER) : end].encode(encoding)
    except UnicodeEncodeError:
        raise UnreadableError("the OCMF has half a character") from None
    version = payload.get("FV")
    about = {name: value for name, value in payload.items() if name != "RD"}
    return Record(
        f"OCMF {version}" if isinstance(version, str) and _VERSION.fullmatch(version) else "OCMF",
        signed,
        _signature(signature) if not obstacle else b"",
        algorithm,
        signature.get("SA") is not None,
        tuple(_readings(payload.get("RD"), faults)),
        about,
        tuple(faults),
        text[last + 1 :].strip()[:20_000] or None,  # a fourth section, which drafts had
        obstacle,
    )


def _section(decoder: json.JSONDecoder, text: str, start: int, name: str) -> tuple[dict[str, Any], int]:
    """A JSON object, and where the bar after it is: there may be others in its strings."""
    begin = start
    while text[begin : begin + 1] in (" ", "\t", "\r", "\n"):
        begin += 1
    try:
        found, end = decoder.raw_decode(text, begin)
    except RecursionError:
        raise UnreadableError(f"the OCMF's {name} is nested too deep") from None
    except ValueError as error:
        at = getattr(error, "pos", begin)
        if at >= len(text.rstrip()) or "Unterminated" in str(error):
            raise UnreadableError(f"the OCMF is cut short in its {name}") from None
        raise UnreadableError(f"the OCMF's {name} is no JSON from character {at} on") from None
    if not isinstance(found, dict):
        raise UnreadableError(f"the OCMF's {name} is no JSON object")
    bar = text.find("|", end)
    bar = len(text) if bar < 0 else bar
    if text[end:bar].strip():
        raise UnreadableError(f"the OCMF has something after the {name}: character {end}")
    return found, bar


def _object(pairs: list[tuple[str, Any]], doubles: list[str]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        for name, _ in pairs:
            if name in seen and len(doubles) < _DUPLICATES:
                doubles.append(name[:20])
            seen.add(name)
    return found


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) < 100 else Decimal(digits)


# --- the signature section ---


def algorithm_named(name: str) -> tuple[Algorithm | None, str]:
    """The algorithm with a name as in OCMF's table 22, or why signatures by it cannot be verified."""
    match = _ALGORITHM.fullmatch(name)
    if match is None:
        return None, f"the algorithm {name[:40]!r} is not known"
    curve = curve_named(match[1])
    method = _HASHES.get(match[2]) or _HASHES.get(match[2].replace("-", "", 1))
    if curve in LACKING:
        return None, f"the curve {curve} is not supported"
    if curve not in CURVES:
        return None, f"the curve {curve[:30]!r} is not known"
    if method is None:
        return None, f"the hash {match[2][:30]!r} is not known"
    return Algorithm(curve, method), ""


def _algorithm(signature: dict[str, Any]) -> tuple[Algorithm | None, str]:
    kind = signature.get("SM")
    if kind is not None and kind != "application/x-der":
        return None, f"a signature as {str(kind)[:40]!r} is not known"
    name = signature.get("SA")
    return (DEFAULT, "") if name is None else algorithm_named(str(name)[:100])


def _signature(signature: dict[str, Any]) -> bytes:
    data, encoding = signature.get("SD"), signature.get("SE")
    if not isinstance(data, str) or not data:
        raise UnreadableError("the OCMF has no signature: SD is missing")
    if encoding is None or str(encoding).lower() == "hex":
        if not _HEX.fullmatch(data):
            raise UnreadableError("the signature SD is no hex, or cut short")
        return bytes.fromhex(data)
    if str(encoding).lower() != "base64":
        raise UnreadableError(
            f"the encoding SE of the signature is {str(encoding)[:20]!r}: not hex, not base64"
        )
    found = from_base64(data)
    if found is None:
        raise UnreadableError("the signature SD is no base64, or cut short")
    return found


# --- readings ---


def _readings(readings: Any, faults: list[str]) -> Iterable[SignedReading]:
    """RD: what a reading does not say is as in the one before it."""
    if not isinstance(readings, list):
        faults.append("the readings RD are missing")
        return
    before: dict[str, Any] = {}
    for one in readings[:_READINGS]:
        if not isinstance(one, dict):
            faults.append("a reading in RD is no JSON object")
            return
        before = before | one
        yield _reading(before, faults)


def _reading(said: dict[str, Any], faults: list[str]) -> SignedReading:
    time, clock = _time(said.get("TM"))
    if time is None and said.get("TM") is not None and len(faults) < _DUPLICATES:
        faults.append(f"the time TM is {str(said['TM'])[:40]!r}")
    value = _decimal(said.get("RV"))
    unit, obis, errors, status = (said.get(name) for name in ("RU", "RI", "EF", "ST"))
    exponent = value.as_tuple().exponent if value is not None else 0
    return SignedReading(
        time,
        clock,
        _MOMENTS.get(said["TX"]) if isinstance(said.get("TX"), str) else None,
        value,
        unit[:20] if isinstance(unit, str) else None,
        obis[:40] if isinstance(obis, str) else None,
        not (isinstance(errors, str) and "E" in errors) and status in (None, "G"),
        Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(0),
    )


def _time(said: Any) -> tuple[int | None, str | None]:
    """`2018-07-24T13:22:04,000+0200 S`: the time, and how well the clock is set."""
    if not isinstance(said, str) or len(said) > 60:
        return None, None
    when, _, clock = said.strip().partition(" ")
    return parse_time(when)[0], clock or None


def _decimal(said: Any) -> Decimal | None:
    """A number as it was written, so that its digits still tell how exact it is; some write a string."""
    if isinstance(said, bool) or not isinstance(said, int | str | Decimal):
        return None
    try:
        found = Decimal(said[:50] if isinstance(said, str) else said)
    except ArithmeticError:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 30 else None
