"""Alfen's signed meter values: `AP;type;version;public key;data set;signature;`, the last three in base32.

Source: SAFE-eV/transparenzsoftware, the classes AlfenReader, AlfenSignature and AlfenSignatureVerifier. ECDSA on
secp192r1 with SHA-256 over the 82 bytes of the data set, r and s one after the other; numbers are little-endian.
"""

import base64
import binascii
from decimal import Decimal
from typing import Final

from ocppscope.ocpp.metering import BEGIN, END
from ocppscope.ocpp.signed.records import Algorithm, Record, SignedReading, UnreadableError
from ocppscope.ocpp.times import SECOND

HEADER: Final = "AP;"
_PARTS: Final = 6
_DATA: Final = 82
_SIGNATURE: Final = 48
_MOMENTS: Final = {"0": BEGIN, "1": END, "2": None}
_WATT_HOURS: Final = 30
"""The unit, by DLMS."""


def parse(text: str) -> Record:
    """Read a signed value of Alfen.

    Raises:
        UnreadableError: it is none, or only a part of one.
    """
    parts = text.strip().rstrip(";").split(";", _PARTS)
    if len(parts) != _PARTS:
        raise UnreadableError(
            f"Alfen's format has {_PARTS} parts, and here are {len(parts)}: is it cut short?"
        )
    _, kind, version, key, data_text, signature_text = parts
    if kind not in _MOMENTS:
        raise UnreadableError(f"Alfen's types are 0, 1 and 2, and this is {kind[:10]!r}")
    data, signature = _base32(data_text, "data set"), _base32(signature_text, "signature")
    if len(data) != _DATA:
        raise UnreadableError(f"Alfen's data set has {_DATA} bytes, and here are {len(data)}")
    if len(signature) != _SIGNATURE:
        raise UnreadableError(f"Alfen's signature has {_SIGNATURE} bytes, and here are {len(signature)}")

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "little")

    scale = int.from_bytes(data[45:46], "big", signed=True)
    reading = SignedReading(
        number(34, 4) * SECOND,
        None,
        _MOMENTS[kind],
        Decimal(int.from_bytes(data[46:54], "little", signed=True)).scaleb(scale),
        "Wh" if data[44] == _WATT_HOURS else f"unit {data[44]}",
        obis(data[38:44]),
        usable=True,
        resolution=Decimal(1).scaleb(scale),
    )
    about = {
        "adapter": data[0:10].hex(),
        "firmware": data[10:14].decode("latin-1").strip("\0"),
        "meter": data[16:26].hex(),
        "status": data[26:30].hex(),
        "uid": data[54:74].decode("latin-1").strip("\0"),
        "session": number(74, 4),
        "page": number(78, 4),
        "version": version[:10],
    }
    return Record(
        "Alfen",
        data,
        signature,
        Algorithm("secp192r1", "SHA256"),
        names_algorithm=True,
        readings=(reading,),
        about=about,
        key=_base32(key, "public key") if key else None,
    )


def obis(code: bytes) -> str:
    """The six bytes of a register's code as they are written: `1-0:1.8.0*255`."""
    a, b, c, d, e, f = code
    return f"{a}-{b}:{c}.{d}.{e}*{f}"


def _base32(text: str, name: str) -> bytes:
    text = text.rstrip("=")
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise UnreadableError(f"Alfen's {name} is no base32, or cut short") from None
