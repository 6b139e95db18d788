"""Signed data taken out of what it was sent in.

A 1.6 SampledValue with `format: SignedData` has in its `value`: the data itself, or hex of it (1.6 §7.33), or the
JSON of a SignedMeterValueType (OCA, Signed Meter Values in OCPP, 3.2.1). A 2.x SampledValue has that type as
`signedMeterValue`, with the data in base64. Some stations send the XML of the transparency software in either.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from ocppscope.events import event
from ocppscope.ocpp.lenient import fields
from ocppscope.ocpp.metering import Sampled, is_signed
from ocppscope.ocpp.signed import alfen, ocmf, sml
from ocppscope.ocpp.signed.keys import from_base64
from ocppscope.ocpp.signed.records import LONGEST, Record, UnreadableError

_DEEPEST: Final = 6
"""How often data may be wrapped."""
_MOST: Final = 50
"""Values in one container."""
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}\s*)+")
_PCDF: Final = re.compile(r"^\(?ST:|\((?:ST|CT|CD|TV|BV|CSC|SP|RV|SI|CS|HW|DT|PK|SG):")

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET  # at run time only where there is XML


@event
class Found:
    """One signed value, and what could be read of it."""

    record: Record | None
    problem: str = ""
    """What is wrong, where there is no record."""
    is_damaged: bool = False
    """It is wrong, rather than unknown here."""
    key: str | bytes | None = None
    """The public key that came with it."""
    faults: tuple[str, ...] = ()
    """Departures of the record and of what it was sent in."""


@event
class _Around:
    """What containers around the data have said so far."""

    key: str | None = None
    method: str = ""
    encoding: str = ""
    faults: tuple[str, ...] = ()


def is_in(one: Sampled) -> bool:
    """Whether a sampled value is signed, or has something signed beside it."""
    return is_signed(one) or one.get("signedMeterValue") is not None


def found_in(one: Sampled) -> list[Found]:
    """What is signed in a sampled value. Nothing is raised, whatever stands there."""
    signed = one.get("signedMeterValue")
    if signed is not None:
        return list(_in_type(signed, _Around(), _DEEPEST))
    value = one.get("value")
    if not isinstance(value, str):
        return [_damaged("the signed value is no string", _Around())]
    return list(_in_text(value, _Around(), _DEEPEST))


def _damaged(problem: str, around: _Around) -> Found:
    return Found(None, problem, True, around.key, around.faults)


def _in_type(signed: Any, around: _Around, depth: int) -> Iterator[Found]:
    """A SignedMeterValueType."""
    said = fields(signed)
    data, key = said.get("signedMeterData"), said.get("publicKey")
    method, encoding = said.get("signingMethod"), said.get("encodingMethod")
    faults = around.faults
    if isinstance(data, str) and _is_plain(data):
        faults += ("signedMeterData is not in base64",)
    around = _Around(
        key if isinstance(key, str) and key.strip() else around.key,
        method if isinstance(method, str) else "",
        encoding[:30] if isinstance(encoding, str) else "",
        faults,
    )
    if not isinstance(data, str) or not data:
        yield _damaged("signedMeterData is missing, or no string", around)
        return
    yield from _in_text(data, around, depth - 1)


def _is_plain(text: str) -> bool:
    return text.lstrip()[:5] == ocmf.HEADER or text.lstrip()[:3] == alfen.HEADER or text.lstrip()[:1] in "{<"


def _in_text(text: str, around: _Around, depth: int, encoding: str = "utf-8") -> Iterator[Found]:
    text = text.strip("\ufeff\0 \t\r\n")
    if len(text) > LONGEST:
        yield _damaged(f"it has {len(text):,} characters, of which none is looked at", around)
    elif not depth:
        yield _damaged("it is wrapped too often", around)
    elif text.startswith(ocmf.HEADER):
        yield _read(lambda: ocmf.parse(text, encoding), around)
    elif text.startswith(alfen.HEADER):
        yield _read(lambda: alfen.parse(text), around)
    elif text.startswith("{"):
        yield from _in_json(text, around, depth)
    elif text.startswith("<"):
        yield from _in_xml(text, around, depth)
    elif _HEX.fullmatch(text):
        yield from _in_bytes(bytes.fromhex(text), around, depth - 1)
    elif (data := from_base64(text)) is not None and text:
        yield from _in_bytes(data, around, depth - 1)
    elif _PCDF.match(text):
        yield Found(None, "the format PCDF is not known", False, around.key, around.faults)
    else:
        known = f"; encodingMethod says {around.encoding!r}" if around.encoding else ""
        yield _damaged(f"it is neither hex nor base64 nor a format that is known{known}", around)


def _in_bytes(data: bytes, around: _Around, depth: int) -> Iterator[Found]:
    if data.startswith(sml.START) or data[:1] == b"\x76":
        yield _read(lambda: sml.parse(data), around)
        return
    try:
        text, encoding = data.decode(), "utf-8"
    except UnicodeDecodeError:
        # What is signed is bytes: those of OCMF in another encoding are kept by one that changes none.
        text, encoding = data.decode("latin-1"), "latin-1"
        if not text.startswith(ocmf.HEADER):
            named = f" that encodingMethod calls {around.encoding!r}" if around.encoding else ""
            yield Found(
                None, f"the format{named} is not known ({len(data)} bytes)", False, around.key, around.faults
            )
            return
    yield from _in_text(text, around, depth, encoding)


def _in_json(text: str, around: _Around, depth: int) -> Iterator[Found]:
    try:
        said = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        yield _damaged("it begins as JSON, and is none", around)
        return
    yield from _in_type(said, around, depth)


def _read(parse: Any, around: _Around) -> Found:
    try:
        record: Record = parse()
    except UnreadableError as error:
        return _damaged(str(error), around)
    if record.algorithm is not None and not record.names_algorithm and around.method:
        record = _signed_by(record, around.method)
    return Found(record, "", False, around.key or record.key, around.faults + record.faults)


def _signed_by(record: Record, method: str) -> Record:
    """The same, where only the type around it says by which algorithm it is signed."""
    algorithm, obstacle = ocmf.algorithm_named(method)
    return Record(
        record.format,
        record.signed,
        record.signature,
        algorithm,
        True,
        record.readings,
        record.about,
        record.faults,
        record.key,
        obstacle,
    )


# --- XML ---


def _in_xml(text: str, around: _Around, depth: int) -> Iterator[Found]:
    """`<values><value><signedData/><publicKey/></value></values>` or `<signedMeterValue/>`."""
    from xml.etree import ElementTree as ET

    if "<!" in text:  # a document type, which may define entities that grow
        yield _damaged("it is XML with a document type", around)
        return
    try:
        root = ET.fromstring(text)  # noqa: S314 - there are no entities without a document type
    except (ET.ParseError, ValueError, RecursionError) as error:
        yield _damaged(f"it begins as XML, and is none: {str(error)[:80]}", around)
        return
    name = _name(root)
    values = root.findall("./value") if name == "values" else [root]
    if name not in ("values", "value", "signedMeterValue"):
        yield Found(None, f"the XML {name[:30]!r} is not known", False, around.key, around.faults)
    elif not values:
        yield _damaged("the XML holds no values", around)
    elif name == "signedMeterValue":
        yield _signature_only(root, around)
    else:
        for value in values[:_MOST]:
            yield from _in_value(value, around, depth)


def _name(element: "ET.Element") -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(parent: "ET.Element", *names: str) -> str:
    for one in parent:
        if _name(one) in names:
            return (one.text or "").strip()
    return ""


def _in_value(value: "ET.Element", around: _Around, depth: int) -> Iterator[Found]:
    key = _text(value, "publicKey")
    inner = _Around(key or around.key, around.method, around.encoding, around.faults)
    data = _text(value, "signedData", "encodedData")
    if data:
        yield from _in_text(data, inner, depth - 1)
    else:
        yield _damaged("a value of the XML has no signedData", inner)


def _signature_only(root: "ET.Element", around: _Around) -> Found:
    """EDL40 laid out as it is signed, and its signature beside it."""
    key = _text(root, "publicKey")
    inner = _Around(key or around.key, "", around.encoding, around.faults)
    data = _bytes(_text(root, "encodedMeterValue"))
    signature = _bytes(_text(root, "meterValueSignature"))
    if data is None or signature is None:
        return _damaged("the XML has no encodedMeterValue or no meterValueSignature that can be read", inner)
    return _read(lambda: sml.parse_layout(data, signature), inner)


def _bytes(text: str) -> bytes | None:
    if not text:
        return None
    return bytes.fromhex(text) if _HEX.fullmatch(text) else from_base64(text)
