from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp as responses
from cryptography.x509.oid import NameOID

from ocppscope.ocpp.certificates import chain, is_issued_by, issuer_hashes, ocsp, requested_key, told

KEY = ec.generate_private_key(ec.SECP256R1())
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2027, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


def built(subject, issuer=None, key=KEY, serial=1):
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(subject if issuer is None else issuer))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(BEGINS)
        .not_valid_after(ENDS)
        .sign(KEY, hashes.SHA256())
    )


def certificate_of(subject, *args):
    return built(subject, *args).public_bytes(Encoding.PEM).decode()


def at(date):
    return int(date.timestamp()) * SECOND


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (KEY, "EC secp256r1"),
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
    ],
)
def test_a_certificate(key, text):
    found = told(certificate_of("CS1", "Example CA", key), None)
    assert found == f"PEM, 1 certificate: CS1 by Example CA, 2026-01-01 to 2027-01-01, {text}"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (BEGINS - timedelta(days=1), " (not yet valid),"),
        (BEGINS + timedelta(days=1), "2027-01-01, EC"),
        (ENDS + timedelta(days=1), " (expired),"),
    ],
)
def test_whether_it_is_valid_when_it_is_captured(time, text):
    assert text in told(certificate_of("CS1"), at(time))


def test_a_chain():
    chain = certificate_of("CS1", "CA") + "\n" + certificate_of("CA") + certificate_of("") * 4
    found = told(chain, None)
    assert found.startswith("PEM, 6 certificates: CS1 by CA, ")
    assert "; CA signed by itself, " in found
    assert "; nobody signed by itself, " in found
    assert found.endswith("; 2 more")


def test_a_request():
    csr = x509.CertificateSigningRequestBuilder().subject_name(name("CS1")).sign(KEY, hashes.SHA256())
    found = told(csr.public_bytes(Encoding.PEM).decode(), None)
    assert found == "PEM, 1 certificate request: for CS1, EC secp256r1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("no PEM", ""),
        ("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----", "PEM, 1 certificate: cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nMII", "PEM, 1 certificate: cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nÄÄÄ\n-----END CERTIFICATE-----", "PEM, 1 certificate: cannot be read"),
        ("-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----", "PEM, 1 public key: public key"),
    ],
)
def test_what_cannot_be_read(text, said):
    assert told(text, None) == said


def test_many_beginnings_take_no_time():
    assert told("-----BEGIN CERTIFICATE-----" * 5_000, None).endswith("; 4996 more")


def test_an_ocsp_response():
    certificate = built("CS1")
    response = (
        responses.OCSPResponseBuilder()
        .add_response(
            certificate, certificate, hashes.SHA256(), responses.OCSPCertStatus.GOOD, BEGINS, ENDS, None, None
        )
        .responder_id(responses.OCSPResponderEncoding.NAME, certificate)
        .sign(KEY, hashes.SHA256())
    )
    text = b64encode(response.public_bytes(Encoding.DER)).decode()
    assert ocsp(text, None) == "OCSP: GOOD, of 2026-01-01, next by 2027-01-01"
    refused = responses.OCSPResponseBuilder.build_unsuccessful(responses.OCSPResponseStatus.TRY_LATER)
    text = b64encode(refused.public_bytes(Encoding.DER)).decode()
    assert ocsp(text, None) == "OCSP: no answer, TRY_LATER"


@pytest.mark.parametrize("text", ["", "x", "AAAA", "A" * 100_000])
def test_what_is_no_ocsp_response(text):
    assert ocsp(text, None) == ""


# --- what rules compare ---


def test_a_chain_to_compare():
    text = certificate_of("CS1", "CA") + "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    found, broken = chain(text)
    assert (found.subject, found.issuer, found.serial, found.is_self_signed) == ("CS1", "CA", "1", False)
    assert (found.begins, found.ends) == (at(BEGINS), at(ENDS))
    assert broken is None
    assert chain("none") == ()
    assert chain("\ud800-----BEGIN CERTIFICATE-----\ud800") == (None,)
    assert len(chain(certificate_of("CS1") * 9)) == 5


def test_what_is_far_into_a_text_is_not_read():
    assert chain(" " * 20_000 + certificate_of("CS1")) == ()


def test_the_key_of_a_request():
    request = x509.CertificateSigningRequestBuilder().subject_name(name("CS1")).sign(KEY, hashes.SHA256())
    assert requested_key(request.public_bytes(Encoding.PEM).decode()) == chain(certificate_of("CS1"))[0].key
    assert requested_key("none") is None


def test_hashes_of_an_issuer():
    (root,), (leaf,) = chain(certificate_of("CA")), chain(certificate_of("CS1", "CA"))
    names, keys = issuer_hashes(leaf, root, "SHA256")
    point = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert keys == sha256(point).hexdigest()
    assert names == sha256(root.loaded.subject.public_bytes()).hexdigest()
    assert issuer_hashes(leaf, None, "SHA256") == (names, None)
    assert len(issuer_hashes(leaf, root, "SHA512")[1]) == 128
    assert issuer_hashes(leaf, root, "MD5") is None


def test_who_has_signed():
    (root,), (leaf,) = chain(certificate_of("CA")), chain(certificate_of("CS1", "CA"))
    other = chain(certificate_of("CA", "CA", ec.generate_private_key(ec.SECP256R1())))[0]
    assert is_issued_by(leaf, root) is True
    assert is_issued_by(leaf, other) is False
    assert is_issued_by(root, leaf) is False
