"""Certificates keep their dates and their form; keys do not stay."""

import datetime as dt
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ocppscope.events import Message
from tests.redaction import Story, redacted

START = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "PT"),
        x509.NameAttribute(NameOID.COMMON_NAME, "CP-Lisboa-0117"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Volt Ação SA"),
    ]
)
KEYS = {
    "ec": ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1()),
    "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


def certificate(key):
    made = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(key.public_key())
    made = made.serial_number(0x7A1B2C3D4E5F60718293).not_valid_before(START)
    made = made.not_valid_after(START + dt.timedelta(days=700))
    names = x509.SubjectAlternativeName([x509.DNSName("cp0117.volt.example")])
    made = made.add_extension(names, critical=False)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return made.sign(key, hashes.SHA256())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def through(action, field, value):
    """A value after it was redacted in a message."""
    events = redacted(Story().ask(action, {field: value}, side="<").events)
    return next(event for event in events if isinstance(event, Message)).payload[field]


@pytest.mark.parametrize("kind", KEYS)
def test_a_certificate_keeps_dates_and_form(kind):
    old = certificate(KEYS[kind])
    text = through("InstallCertificate", "certificate", pem(old))
    new = x509.load_pem_x509_certificate(text.encode())
    assert len(text) == len(pem(old))
    assert (new.not_valid_before_utc, new.not_valid_after_utc) == (
        old.not_valid_before_utc,
        old.not_valid_after_utc,
    )
    assert new.subject == new.issuer
    for old_one, new_one in zip(old.subject, new.subject, strict=True):
        assert (new_one.value == old_one.value) == (old_one.oid == NameOID.COUNTRY_NAME)
    der = new.public_bytes(serialization.Encoding.DER)
    for part in (b"Lisboa", b"0117", "Ação".encode(), b"volt", old.signature, bytes.fromhex("1B2C3D4E5F60")):
        assert part not in der


def test_each_certificate_of_a_chain():
    chain = pem(certificate(KEYS["ec"])) * 2
    text = through("CertificateSigned", "certificateChain", chain)
    assert len(x509.load_pem_x509_certificates(text.encode())) == 2


def test_a_request_keeps_its_form():
    key = KEYS["ec"]
    old = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(key, hashes.SHA256())
    new = x509.load_pem_x509_csr(through("SignCertificate", "csr", pem(old)).encode())
    assert "Lisboa" not in new.subject.rfc4514_string()


@pytest.mark.parametrize("end", [None, 150])
def test_private_keys_go(end):
    key = KEYS["ec"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    text = key.decode()[:end]
    body = text.splitlines()[1]
    made = through("DataTransfer", "data", json.dumps({"file": text}))
    assert "BEGIN PRIVATE KEY" in made
    assert body not in made
    assert body[8:20] not in made


def test_names_are_found_elsewhere():
    story = Story().ask("InstallCertificate", {"certificate": pem(certificate(KEYS["ec"]))}, side="<")
    story.close("CP-Lisboa-0117 at cp0117.volt.example")
    reason = redacted(story.events)[-1].reason
    assert "Lisboa" not in reason
    assert "volt" not in reason
    assert " at " in reason
