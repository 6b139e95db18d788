"""A meter that signs: keys, OCMF, Alfen's format and EDL40, made here."""

import base64
import json
from decimal import Decimal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ocppscope.ocpp.signed.keys import CURVES

OCMF_NAMES = {
    "secp192r1": "secp192r1",
    "secp256r1": "secp256r1",
    "secp256k1": "secp256k1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "brainpoolP256r1": "brainpool256r1",
    "brainpoolP384r1": "brainpool384r1",
    "brainpoolP512r1": "brainpool512r1",
}


class Meter:
    """One meter, with its key."""

    def __init__(self, curve="secp256r1", secret=0x1234_5678_9ABC):
        self.curve = curve
        self.private = ec.derive_private_key(secret, getattr(ec, CURVES[curve][0])())
        public = self.private.public_key()
        encoding, kind = serialization.Encoding, serialization.PublicFormat
        self.der = public.public_bytes(encoding.DER, kind.SubjectPublicKeyInfo)
        self.pem = public.public_bytes(encoding.PEM, kind.SubjectPublicKeyInfo).decode()
        self.point = public.public_bytes(encoding.X962, kind.UncompressedPoint)
        self.compressed = public.public_bytes(encoding.X962, kind.CompressedPoint)

    @property
    def oca(self):
        """The `publicKey` as the OCA asks for."""
        return base64.b64encode(f"oca:base16:asn1:{self.der.hex()}".encode()).decode()

    def sign(self, data, method="SHA256"):
        return self.private.sign(data, ec.ECDSA(getattr(hashes, method.replace("-", "_"))()))

    def raw(self, data):
        """r and s one after the other."""
        size = CURVES[self.curve][1]
        return b"".join(one.to_bytes(size, "big") for one in utils.decode_dss_signature(self.sign(data)))

    def ocmf(
        self, *readings, method="SHA256", encoding=None, named=True, spelling=None, payload=None, **more
    ):
        """OCMF of readings (moment, value in kWh) or whole ones."""
        if payload is None:
            fields = {"FV": "1.0", "GI": "Test", "GS": "1", "PG": "T1", "MS": "2", "IS": False, "IT": "NONE"}
            fields |= more | {"RD": [one if isinstance(one, dict) else reading(*one) for one in readings]}
            payload = json.dumps(fields, default=float)
        signature = self.sign(payload.encode(), method)
        said = {"SA": f"ECDSA-{spelling or OCMF_NAMES[self.curve]}-{method}"} if named else {}
        if encoding:
            said["SE"] = encoding
        said["SD"] = base64.b64encode(signature).decode() if encoding == "base64" else signature.hex()
        return f"OCMF|{payload}|{json.dumps(said)}"

    def alfen(self, kind="0", watt_hours=15762):
        data = bytearray(82)
        data[34:38] = (1_542_984_061).to_bytes(4, "little")
        data[38:46] = bytes.fromhex("0100010800ff1e00")
        data[46:54] = watt_hours.to_bytes(8, "little")
        parts = (self.compressed, bytes(data), self.raw(bytes(data)))
        return f"AP;{kind};3;" + "".join(base64.b32encode(one).decode() + ";" for one in parts)


def reading(moment, value, time="2026-11-22T10:15:00,000+0000 S", **more):
    return {
        "TM": time,
        "TX": moment,
        "RV": value if not isinstance(value, Decimal) else float(value),
        "RI": "1-b:1.8.0",
        "RU": "kWh",
        "EF": "",
        "ST": "G",
    } | more


def signed_16(data, **more):
    return {"format": "SignedData", "value": data} | more


def type_of(data, key="", method="", encoding="OCMF"):
    """A SignedMeterValueType."""
    text = base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
    return {"signedMeterData": text, "signingMethod": method, "encodingMethod": encoding, "publicKey": key}
