"""pyocmf reads the same data and comes to the same verdict."""

import warnings

import pytest

from ocppscope.ocpp.signed import ocmf
from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.ocpp.signed.verify import verify
from tests.ocpp.signed import vectors
from tests.ocpp.signed.signing import Meter, reading

peer = pytest.importorskip("pyocmf")
KNOWN_TO_PEER = ["secp192r1", "secp256r1", "secp256k1", "secp384r1", "secp521r1", "brainpoolP256r1"]
"""It takes a brainpool key for one on another curve where data spell the curve as OCMF's table does: without P."""


def of_peer(text, key):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = peer.OCMF.from_string(text)
        return parsed, parsed.verify_signature(key)


@pytest.mark.parametrize("curve", KNOWN_TO_PEER)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("method", ["SHA256", "SHA512"])
def test_both_agree(curve, encoding, method):
    meter = Meter(curve)
    text = meter.ocmf(
        reading("B", 1.5),
        reading("E", 2.25, "2026-11-22T11:15:00,000+0100 S"),
        encoding=encoding,
        method=method,
        spelling=curve,
    )
    for given in (text, text.replace('"PG": "T1"', '"PG": "T2"')):
        record = ocmf.parse(given)
        parsed, is_valid = of_peer(given, meter.der.hex())
        assert verify(record, PublicKey(curve, meter.point)) is is_valid is (given is text)
        assert [one.value for one in record.readings] == [one.RV for one in parsed.payload.RD]
        assert [one.time for one in record.readings] == [
            round(one.TM.timestamp.timestamp() * 1000) * 10**6 for one in parsed.payload.RD
        ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (vectors.KEBA, vectors.KEBA_KEY),
        (vectors.BRAINPOOL, vectors.BRAINPOOL_KEY),
        (vectors.P384, vectors.P384_KEY),
    ],
)
def test_both_agree_on_real_meters(text, key):
    assert of_peer(text, key)[1]
