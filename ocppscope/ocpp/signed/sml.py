"""EDL40: signed values of meters that speak SML (Smart Message Language), as SML, or laid out as they are signed.

Sources: BSI TR-03109-1, annex IV (SML); SAFE-eV/transparenzsoftware, the classes SMLReader, SMLSignature and
SMLSignatureVerifier. What is signed are 320 bytes that are put together from the values of a GetList.Response:
ECDSA on secp192r1 with SHA-256, r and s one after the other, two bytes of the logbook's index after them. Other
layouts (ISA-EDL-40P, the newer eHZ) are named, and not verified.
"""

from decimal import Decimal
from typing import Any, Final

from ocppscope.ocpp.signed.alfen import obis
from ocppscope.ocpp.signed.records import Algorithm, Record, SignedReading, UnreadableError
from ocppscope.ocpp.times import SECOND

ESCAPE: Final = b"\x1b\x1b\x1b\x1b"
START: Final = ESCAPE + b"\x01\x01\x01\x01"
LAYOUT: Final = 320
_END: Final = ESCAPE + b"\x1a"
_DEEPEST: Final = 12
_GET_LIST: Final = 0x0701
_WATT_HOURS: Final = 30
_SIGNATURE: Final = 48
_ALGORITHM: Final = Algorithm("secp192r1", "SHA256")

_REGISTER: Final = bytes.fromhex("0100011100ff")
_SECONDS: Final = bytes.fromhex("810060080001")
_PAGE: Final = bytes.fromhex("8180817101ff")
_CONTRACT: Final = bytes.fromhex("8182815401ff")
_ISA_PAGE: Final = bytes.fromhex("8180c7f040ff")
_TOTAL: Final = bytes.fromhex("0100010800ff")


def parse(data: bytes) -> Record:
    """Read an SML file, with its transport's escapes or without.

    Raises:
        UnreadableError: it is no SML, or only a part of it.
    """
    try:
        return _of_list(_list_in(_unescaped(data)))
    except UnreadableError:
        raise
    except (IndexError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError):
        raise UnreadableError("the SML is damaged, or cut short") from None


def parse_layout(data: bytes, signature: bytes) -> Record:
    """Read the bytes that are signed, where they were sent as they are.

    Raises:
        UnreadableError: they have another length.
    """
    if len(data) != LAYOUT:
        raise UnreadableError(f"what EDL40 signs has {LAYOUT} bytes, and here are {len(data)}")
    if len(signature) not in (_SIGNATURE, _SIGNATURE + 2):
        raise UnreadableError(f"a signature of EDL40 has {_SIGNATURE} bytes, and here are {len(signature)}")
    scale = int.from_bytes(data[30:31], "big", signed=True)
    reading = SignedReading(
        int.from_bytes(data[10:14], "little") * SECOND,
        "L",
        None,
        Decimal(int.from_bytes(data[31:39], "little", signed=True)).scaleb(scale),
        "Wh" if data[29] == _WATT_HOURS else f"unit {data[29]}",
        obis(data[23:29]),
        usable=True,
        resolution=Decimal(1).scaleb(scale),
    )
    about = {
        "server": data[:10].hex(),
        "page": int.from_bytes(data[19:23], "little"),
        "contract": data[41:169].rstrip(b"\0").decode("latin-1"),
    }
    return Record("EDL40", data, signature[:_SIGNATURE], _ALGORITHM, True, (reading,), about)


# --- the file ---


def _unescaped(data: bytes) -> bytes:
    if data.startswith(START):
        end = data.rfind(_END)
        if end < 0:
            raise UnreadableError("the SML is cut short: its end is missing")
        data = data[len(START) : end]
    return data.replace(ESCAPE + ESCAPE, ESCAPE)


def _list_in(data: bytes) -> list[Any]:
    """The body of the first GetList.Response."""
    at = 0
    while at < len(data):
        if data[at] == 0:  # fills up to a multiple of four
            at += 1
            continue
        message, at = _value(data, at, 0)
        tag, body = message[3]
        if tag == _GET_LIST:
            found: list[Any] = body
            return found
    raise UnreadableError("the SML holds no list of values")


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """A value of SML's binary encoding, and where the next one is; None for one that is left out."""
    first = data[at]
    kind, length, size = (first >> 4) & 7, first & 15, 1
    if first == 0:
        return None, at + 1
    while data[at] & 0x80:
        at += 1
        size += 1
        length = length << 4 | data[at] & 15
    at += 1
    if kind == 7:
        if depth > _DEEPEST or length > len(data) - at:
            raise UnreadableError("the SML is damaged: a list is longer than the rest")
        found = []
        for _ in range(length):
            value, at = _value(data, at, depth + 1)
            found.append(value)
        return found, at
    end = at + length - size
    if length < size or end > len(data):
        raise UnreadableError("the SML is cut short, or damaged")
    raw = data[at:end]
    if kind == 0:
        return raw or None, end
    if kind in (5, 6):
        return int.from_bytes(raw, "big", signed=kind == 5), end
    if kind == 4:
        return raw != b"\0", end
    raise UnreadableError("the SML is damaged: a value of an unknown kind")


# --- the list ---


def _of_list(body: list[Any]) -> Record:
    _, server, _, _, entries, signature, _ = body
    by_name = {entry[0]: entry for entry in entries if isinstance(entry[0], bytes)}
    register = by_name.get(_REGISTER) or by_name.get(_TOTAL)
    if register is None:
        raise UnreadableError("the SML holds no register of energy")
    name, status, time, unit, scale, value, _ = register
    scale = scale or 0
    reading = SignedReading(
        None if time is None else _utc(time) * SECOND,
        None,
        None,
        Decimal(value).scaleb(scale),
        "Wh" if unit == _WATT_HOURS else f"unit {unit}",
        obis(name),
        usable=True,
        resolution=Decimal(1).scaleb(scale),
    )
    about: dict[str, Any] = {"server": (server or b"").hex()}
    if _ISA_PAGE in by_name or name != _REGISTER:
        known = "ISA-EDL-40P" if _ISA_PAGE in by_name else "a newer eHZ"
        return Record(
            "EDL40", b"", b"", None, False, (reading,), about, obstacle=f"the layout of {known} is not known"
        )
    page, contract = by_name[_PAGE][5], by_name[_CONTRACT]
    about |= {"page": page, "contract": (contract[5] or b"").decode("latin-1")}
    layout = bytearray(LAYOUT)
    layout[0:10] = _exactly(server, 10)
    layout[10:14] = _little(_local(time), 4)
    layout[14] = (status or 0) & 0xFF
    layout[15:19] = _little(by_name[_SECONDS][5][1][1], 4)
    layout[19:23] = _little(page, 4)
    layout[23:29] = name
    layout[29:31] = bytes((unit, scale & 0xFF))
    layout[31:39] = _little(value, 8)
    layout[39:41] = _exactly(signature, _SIGNATURE + 2)[_SIGNATURE:]
    layout[41:169] = (contract[5] or b"")[:128].ljust(128, b"\0")
    layout[169:173] = _little(_local(contract[2]), 4)
    return Record("EDL40", bytes(layout), signature[:_SIGNATURE], _ALGORITHM, True, (reading,), about)


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise UnreadableError(f"a field of the SML has {len(data)} bytes instead of {size}")
    return data


def _little(number: int, size: int) -> bytes:
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def _utc(time: list[Any]) -> int:
    """An SML_Time: a timestamp, or one with its offset and that of summer time in minutes."""
    found: int = time[1][0] if isinstance(time[1], list) else time[1]
    return found


def _local(time: list[Any]) -> int:
    """The same as the clock on the wall shows it, which is what is signed."""
    if not isinstance(time[1], list):
        return _utc(time)
    seconds, offset, summer = time[1]
    found: int = seconds + 60 * (offset + summer)
    return found
