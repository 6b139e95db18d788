"""OCMF, Alfen's format and EDL40: what is read of them, and whether the signatures are right."""

import base64
import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.metering import BEGIN, END
from ocppscope.ocpp.signed import alfen, ocmf, sml
from ocppscope.ocpp.signed.envelopes import found_in
from ocppscope.ocpp.signed.keys import CURVES, PublicKey
from ocppscope.ocpp.signed.records import UnreadableError
from ocppscope.ocpp.signed.verdicts import in_sample
from ocppscope.ocpp.signed.verify import judge, verify
from tests.ocpp.signed import vectors
from tests.ocpp.signed.signing import OCMF_NAMES, Meter, reading, signed_16, type_of


def judged(one, *keys):
    (found,) = found_in(one)
    return judge(found, [(key, "option") for key in keys])


def key_of(meter):
    return PublicKey(meter.curve, meter.point)


# --- OCMF ---


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("encoding", [None, "hex", "base64"])
def test_every_curve(curve, encoding):
    meter = Meter(curve)
    text = meter.ocmf(("B", 1.5), encoding=encoding)
    assert judged(signed_16(text), key_of(meter)).verdict == "valid"
    changed = text.replace('"RV": 1.5', '"RV": 1.6')
    assert changed != text
    judgement = judged(signed_16(changed), key_of(meter))
    assert (judgement.verdict, judgement.reason) == ("invalid", "it does not fit the key of --public-key")


@pytest.mark.parametrize("method", ["SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256"])
def test_every_hash(method):
    meter = Meter("secp384r1")
    assert judged(signed_16(meter.ocmf(("B", 1), method=method)), key_of(meter)).verdict == "valid"


def test_without_an_algorithm_it_is_secp256r1_with_sha256():
    meter = Meter()
    record = ocmf.parse(meter.ocmf(("B", 1), named=False))
    assert (record.algorithm.curve, record.algorithm.hash) == ("secp256r1", "SHA256")
    assert verify(record, key_of(meter))


def test_the_key_decides_on_the_curve():
    """The signature proves it; data that name another curve are wrong in that."""
    meter = Meter("secp256k1")
    unnamed = judged(signed_16(meter.ocmf(("B", 1), named=False)), key_of(meter))
    assert (unnamed.verdict, unnamed.faults) == ("valid", ())
    named = meter.ocmf(("B", 1)).replace("secp256k1", "secp256r1")
    judgement = judged(signed_16(named), key_of(meter))
    assert judgement.verdict == "valid"
    assert judgement.faults == ("it is signed on secp256k1, and says on secp256r1",)


def test_the_type_around_it_may_name_the_algorithm():
    meter = Meter("secp384r1")
    text = meter.ocmf(("B", 1), named=False, method="SHA384")
    one = {"value": 1000, "signedMeterValue": type_of(text, meter.oca, "ECDSA-secp384r1-SHA384")}
    assert judged(one).verdict == "valid"


def test_white_space_and_bars_belong_to_the_payload():
    meter = Meter()
    payload = ' {"FV": "1.0",\n "ID": "a|b", "RD": [{"RV": 2.50, "RU": "kWh"}]}\n'
    text = meter.ocmf(payload=payload)
    record = ocmf.parse(text)
    assert record.signed == payload.encode()
    assert record.about["ID"] == "a|b"
    assert verify(record, key_of(meter))


def test_what_a_reading_does_not_say_is_as_before():
    first = reading("B", 1.25, "2026-11-22T10:15:00,250+0100 S")
    text = Meter().ocmf(
        first, {"TX": "C", "RV": 1.5}, {"RV": 2, "ST": "T"}, {"TX": "R", "TM": "x"}, CT="EVSEID"
    )
    record = ocmf.parse(text)
    assert [one.moment for one in record.readings] == [BEGIN, None, None, END]
    assert [str(one.energy) for one in record.readings] == ["1250.00", "1500.0", "2000", "2000"]
    assert [str(one.step) for one in record.readings] == ["10.00", "100.0", "1000", "1000"]
    assert [one.usable for one in record.readings] == [True, True, False, False]
    assert {one.obis for one in record.readings} == {"1-b:1.8.0"}
    assert record.readings[1].time == 1_795_338_900_250_000_000
    assert record.readings[1].clock == "S"
    assert record.about["CT"] == "EVSEID"
    assert record.faults == ("the time TM is 'x'",)


def test_fields_that_are_there_twice():
    meter = Meter()
    text = meter.ocmf(payload='{"FV":"1.0","RD":[{"RV":1,"RV":2,"RU":"kWh"}],"RD":[]}')
    assert ocmf.parse(text).faults == ("the field 'RV' is there twice", "the field 'RD' is there twice")
    assert judged(signed_16(text), key_of(meter)).verdict == "valid"


@pytest.mark.parametrize(
    ("signature", "verdict", "reason"),
    [
        (
            {"SA": "ECDSA-secp192k1-SHA256", "SD": "00"},
            "not verifiable",
            "the curve secp192k1 is not supported",
        ),
        ({"SA": "ECDSA-ed25519-SHA256", "SD": "00"}, "not verifiable", "the curve 'ed25519' is not known"),
        ({"SA": "ECDSA-secp256r1-SHA1", "SD": "00"}, "not verifiable", "the hash 'SHA1' is not known"),
        ({"SA": "RSA", "SD": "00"}, "not verifiable", "the algorithm 'RSA' is not known"),
        ({"SA": 5, "SD": "00"}, "not verifiable", "the algorithm '5' is not known"),
        ({"SM": "text/plain", "SD": "00"}, "not verifiable", "a signature as 'text/plain' is not known"),
        ({"SE": "base58", "SD": "00"}, "not verifiable", "the encoding SE of the signature is 'base58'"),
        ({"SD": "3045"}, "invalid", "the signature is cut short, or no DER"),
        ({"SD": "304"}, "not verifiable", "the signature SD is no hex, or cut short"),
        ({"SE": "base64", "SD": "?"}, "not verifiable", "the signature SD is no base64, or cut short"),
        ({"SD": ""}, "not verifiable", "the OCMF has no signature: SD is missing"),
        ({}, "not verifiable", "the OCMF has no signature: SD is missing"),
    ],
)
def test_signatures_that_cannot_be_read(signature, verdict, reason):
    meter = Meter()
    text = meter.ocmf(("B", 1)).rpartition("|")[0] + "|" + json.dumps(signature)
    judgement = judged(signed_16(text), key_of(meter))
    assert judgement.verdict == verdict
    assert judgement.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("OCMF|", "the OCMF is cut short in its payload"),
        ('OCMF|{"FV":"1.0', "the OCMF is cut short in its payload"),
        ('OCMF|{"FV":"1.0"}', "the OCMF is cut short: it has no signature"),
        ('OCMF|{"FV":"1.0"}|{"SD":', "the OCMF is cut short in its signature"),
        ("OCMF|[]|{}", "the OCMF's payload is no JSON object"),
        ("OCMF|{x}|{}", "the OCMF's payload is no JSON from character 6 on"),
        ("OCMF|{}x|{}", "the OCMF has something after the payload: character 7"),
        ("OCMF|" + '{"a":' * 100_000, "the OCMF"),
        ('OCMF|{"ID":"\ud800"}|{"SD":"00"}', "the OCMF has half a character"),
    ],
)
def test_ocmf_that_is_none(text, reason):
    with pytest.raises(UnreadableError, match=reason.replace("(", r"\(")):
        ocmf.parse(text)


# --- the public vectors ---


@pytest.mark.parametrize(
    ("text", "key", "curve"),
    [
        (vectors.KEBA, vectors.KEBA_KEY, "secp256r1"),
        (vectors.BRAINPOOL, vectors.BRAINPOOL_KEY, "brainpoolP256r1"),
        (vectors.P384, vectors.P384_KEY, "secp384r1"),
    ],
)
def test_ocmf_of_real_meters(text, key, curve):
    one = {"value": 0, "signedMeterValue": type_of(text, base64.b64encode(key.encode()).decode())}
    judgement = judged(one)
    assert (judgement.verdict, judgement.key.curve, judgement.source) == ("valid", curve, "message")
    with_key = judged(signed_16(f"{text}|{key}"))  # the fourth section of a draft
    assert with_key.verdict == "valid"
    digit = text.index('"SD":"') + 20
    broken = text[:digit] + ("0" if text[digit] != "0" else "1") + text[digit + 1 :]
    assert judged(signed_16(f"{broken}|{key}")).verdict == "invalid"


def test_alfen():
    (said,) = in_sample(signed_16(vectors.ALFEN))
    assert said.startswith("Alfen: begin 15,762 Wh; valid by the key in the message (secp192r1 ")
    record = alfen.parse(vectors.ALFEN)
    assert record.readings[0].obis == "1-0:1.8.0*255"
    assert record.readings[0].time == 1_542_984_061 * 10**9  # 2018-11-23T14:41:01Z
    meter = Meter("secp192r1")
    assert judged(signed_16(meter.alfen())).verdict == "valid"
    assert judged(signed_16(base64.b64encode(meter.alfen().encode()).decode())).verdict == "valid"
    forged = Meter("secp192r1", 99).alfen().split(";")
    mixed = meter.alfen().split(";")
    mixed[3] = forged[3]
    assert judged(signed_16(";".join(mixed))).verdict == "invalid"


@pytest.mark.parametrize("text", ["AP;", "AP;0;3;a;b", "AP;9;3;A;B;C;", "AP;0;3;!;!;!;", vectors.ALFEN[:-20]])
def test_alfen_that_is_none(text):
    assert judged(signed_16(text)).verdict == "not verifiable"
    assert found_in(signed_16(text))[0].is_damaged


@pytest.mark.parametrize("wrap", [bytes.hex, lambda data: base64.b64encode(data).decode()])
def test_edl40(wrap):
    one = {"value": 327.5, "signedMeterValue": type_of(b"", vectors.SML_KEY, encoding="EDL")}
    one["signedMeterValue"]["signedMeterData"] = wrap(vectors.SML)
    assert judged(one).verdict == "valid"
    (found,) = found_in(one)
    assert found.record.format == "EDL40"
    assert str(found.record.readings[0].energy) == "327.5"
    assert found.record.about["contract"] == "62487887"
    changed = vectors.SML.replace(bytes.fromhex("0ccb"), bytes.fromhex("0ccc"))
    one["signedMeterValue"]["signedMeterData"] = wrap(changed)
    assert judged(one).verdict == "invalid"


def test_edl40_laid_out_as_it_is_signed():
    assert judged(signed_16(vectors.signature_only())).verdict == "valid"
    other = vectors.signature_only().replace("XLyYACZ8", "XLyYACZ9")
    assert judged(signed_16(other)).reason == "no public key is known" or not judged(signed_16(other)).key


def test_a_layout_of_sml_that_is_not_known_is_named():
    other = vectors.SML.replace(bytes.fromhex("8180817101ff"), bytes.fromhex("8180c7f040ff"))
    judgement = judged(signed_16(other.hex()))
    assert (judgement.verdict, judgement.reason) == (
        "not verifiable",
        "the layout of ISA-EDL-40P is not known",
    )


@given(st.integers(0, len(vectors.SML) - 1), st.binary(max_size=3), st.integers(0, 40))
def test_damaged_sml_never_raises_anything_else(at, put, dropped):
    with suppress(UnreadableError):
        sml.parse(vectors.SML[:at] + put + vectors.SML[at + dropped :])


# --- containers ---


def test_xml_of_the_transparency_software():
    meter = Meter()
    value = "<value transactionId='1'><{0} format='OCMF'>{1}</{0}><publicKey>{2}</publicKey></value>"
    plain = value.format("signedData", meter.ocmf(("B", 1)), meter.der.hex())
    encoded = value.format("encodedData", meter.ocmf(("E", 2)).encode().hex(), meter.pem)
    text = f"<?xml version='1.0'?><values>{plain}{encoded}</values>"
    assert [judge(found).verdict for found in found_in(signed_16(text))] == ["valid", "valid"]


@pytest.mark.parametrize(
    ("text", "reason", "is_damaged"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><values/>", "it is XML with a document type", True),
        ("<values/>", "the XML holds no values", True),
        ("<values><value/></values>", "a value of the XML has no signedData", True),
        ("<values>", "it begins as XML, and is none", True),
        ("<Billing/>", "the XML 'Billing' is not known", False),
        ("(ST:1)(CT:2)", "the format PCDF is not known", False),
        ("{}", "signedMeterData is missing", True),
        ('{"signedMeterData":5}', "signedMeterData is missing", True),
        ("{", "it begins as JSON", True),
        ("00ff00ff", "the format is not known (4 bytes)", False),
        ("", "it is neither hex nor base64", True),
        ("a!", "it is neither hex nor base64", True),
    ],
)
def test_what_is_no_signed_value(text, reason, is_damaged):
    (found,) = found_in(signed_16(text))
    assert found.problem.startswith(reason)
    assert found.is_damaged is is_damaged


def test_plain_text_where_base64_should_be():
    meter = Meter()
    one = {"value": 1, "signedMeterValue": type_of("", meter.oca) | {"signedMeterData": meter.ocmf(("B", 1))}}
    (found,) = found_in(one)
    assert found.faults == ("signedMeterData is not in base64",)
    assert judge(found).verdict == "valid"


def test_the_json_of_the_application_note_and_hex():
    meter = Meter()
    text = meter.ocmf(("B", 1))
    assert judged(signed_16(json.dumps(type_of(text, meter.oca)))).verdict == "valid"
    assert judged(signed_16(text.encode().hex()), key_of(meter)).verdict == "valid"


@pytest.mark.parametrize("unit", ["A", "ab", "OCMF|", '{"a":', "<a>", "AP;", "T0NNRnx7"])
def test_megabytes_take_no_time(unit):
    begin = time.process_time()
    for size in (1_000_000, 8_000_000):
        for found in found_in(signed_16(unit * (size // len(unit)))):
            judge(found)
    assert time.process_time() - begin < 3


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
TYPES = st.fixed_dictionaries(
    {},
    optional={
        "signedMeterData": ANYTHING | st.binary().map(lambda data: base64.b64encode(data).decode()),
        "publicKey": ANYTHING,
        "signingMethod": ANYTHING,
        "encodingMethod": ANYTHING,
    },
)


@given(st.sampled_from(["", "OCMF|", "OCMF|{", 'OCMF|{"RD":[{', "AP;0;3;", "<values>", "{"]), st.text())
def test_random_text_never_raises(before, text):
    in_sample(signed_16(before + text))
    in_sample(signed_16((before + text).encode("utf-8", "surrogatepass").hex()))


@given(ANYTHING | TYPES)
def test_random_types_never_raise(value):
    in_sample({"value": value, "signedMeterValue": value})
    in_sample(signed_16(value))


@given(
    st.dictionaries(st.sampled_from(["TM", "TX", "RV", "RI", "RU", "EF", "ST"]), ANYTHING), ANYTHING, ANYTHING
)
def test_random_payloads_never_raise(one, signature, version):
    try:
        payload = json.dumps({"FV": version, "RD": [one, one]})
        in_sample(signed_16(f"OCMF|{payload}|" + json.dumps({"SD": signature, "SA": version})))
    except RecursionError:
        pass


def test_every_name_of_ocmf_is_known():
    assert set(OCMF_NAMES) == set(CURVES)
