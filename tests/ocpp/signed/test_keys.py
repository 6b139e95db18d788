"""Public keys, however they are written."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.signed.keys import CURVES, PublicKey, curve_named, read_key, read_keys
from ocppscope.ocpp.signed.records import UnreadableError, UnsupportedError
from tests.ocpp.signed.signing import Meter


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


@pytest.mark.parametrize("curve", CURVES)
def test_every_way_to_write_a_key(curve):
    meter = Meter(curve)
    wanted = PublicKey(curve, meter.point)
    der = meter.der.hex()
    for text in (
        meter.oca,
        f"oca:base16:asn1:0x{der.upper()}",
        f"oca:base16:asn1:{der[:10]} {der[10:]}",
        f"oca:base64:asn1:{b64(meter.der)}",
        b64(der),
        der,
        "0x" + der,
        " ".join(der[at : at + 4] for at in range(0, len(der), 4)),
        ":".join(der[at : at + 2] for at in range(0, len(der), 2)),
        b64(meter.der),
        b64(meter.der).rstrip("="),
        meter.pem,
        b64(meter.pem),
        meter.point.hex(),
        meter.point[1:].hex(),
        b64(meter.point),
    ):
        assert read_key(text) == wanted, text
    assert read_key(meter.compressed.hex(), curve) == wanted
    assert read_key(meter.der) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "no key", "TESTPUBLICKEY1", "00", "ff" * 64, "oca:base16:asn1", "oca:base16:asn1:123", "A" * 30_000,
     "3059301306072A8648CE3D020106082A8648CE3D0301", Meter().oca[:-30], Meter().pem[:60],
     Meter("secp256k1").compressed.hex(), b64(b64(b64(b64(b64("x" * 40)))))],
)  # fmt: skip
def test_keys_that_are_none(text):
    with pytest.raises(UnreadableError):
        read_key(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "3046301006072a8648ce3d020106052b8104001f033200" + "04" * 25,
            "the curve secp192k1 is not supported",
        ),
        ("oca:base16:raw:00", "a public key as 'raw' is not known"),
        ("oca:base58:asn1:00", "a public key in 'base58' is not known"),
    ],
)
def test_keys_that_are_of_no_use(text, reason):
    with pytest.raises(UnsupportedError, match=reason):
        read_key(text)


def test_a_file_of_keys():
    one, two = Meter(), Meter("secp192r1")
    keys = [PublicKey(meter.curve, meter.point) for meter in (one, two)]
    assert read_keys(one.pem + two.pem) == keys
    assert read_keys(f"# our meters\n{one.oca}\n\n{two.der.hex()}\n{one.oca}") == keys
    assert read_keys(one.der.hex()[:60] + "\n" + one.der.hex()[60:]) == keys[:1]
    with pytest.raises(UnreadableError):
        read_keys("")


def test_names_of_curves():
    assert curve_named("brainpool384r1") == curve_named("brainpoolP384r1") == "brainpoolP384r1"
    assert curve_named("prime256v1") == "secp256r1"
    assert curve_named("secp224r1") == "secp224r1"


@given(st.text() | st.binary())
def test_random_keys_never_raise_anything_else(key):
    with suppress(UnreadableError, UnsupportedError):
        read_key(key)
