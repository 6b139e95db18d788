import ipaddress
import socket
import ssl
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from threading import Barrier, Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ocppscope.capture import certificates
from ocppscope.capture.certificates import (
    CertificateError,
    Issued,
    certificate_for,
    how_to_trust,
    listening_names,
)
from tests.capture.handshakes import Maker, handshake

NOW = datetime.now(UTC).replace(microsecond=0)
"""Handshakes judge by the real clock."""
NAMES = ["csms.test", "192.0.2.7", "2001:db8::7"]

KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


@pytest.fixture(autouse=True)
def quick_keys(request, monkeypatch):
    """Prepared keys, by turns: making one takes a tenth of a second."""
    made = []

    def key() -> rsa.RSAPrivateKey:
        made.append(None)
        return KEYS[len(made) % 2]

    monkeypatch.setattr(certificates, "_new_key", key)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "user" / "ca"


def leaf_of(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificates(issued.certificate.read_bytes())[0]


def contexts(issued: Issued) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(issued.certificate, issued.key)
    client = ssl.create_default_context(cafile=issued.ca)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    return server, client


@pytest.mark.parametrize("name", NAMES)
def test_a_client_with_the_ca_trusts_every_name(folder, name):
    assert handshake(*contexts(certificate_for(NAMES, folder, NOW)), name) == (None, None)


def test_a_client_refuses_another_name(folder):
    _server, client = handshake(*contexts(certificate_for(NAMES, folder, NOW)), "other.test")
    assert isinstance(client, ssl.SSLCertVerificationError)
    assert client.verify_code == 62


def test_a_station_with_rsa_key_exchange_only(folder):
    server, client = contexts(certificate_for(NAMES, folder, NOW))
    server.set_ciphers("AES128-GCM-SHA256")
    client.set_ciphers("AES128-GCM-SHA256")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(server, client, NAMES[0]) == (None, None)


@pytest.mark.skipif(which("openssl") is None, reason="openssl is not here")
def test_openssl_verifies_it(folder):
    issued = certificate_for(NAMES, folder, NOW)
    words = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "csms.test"]
    said = subprocess.run(
        ["openssl", "verify", *words, "-CAfile", issued.ca, issued.certificate],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == f"{issued.certificate}: OK\n", said.stderr
    said = subprocess.run(
        ["openssl", "x509", "-in", issued.ca, "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip().endswith(f"={issued.fingerprint}")


def test_what_is_in_them(folder):
    issued = certificate_for(NAMES, folder, NOW)
    leaf, ca = x509.load_pem_x509_certificates(issued.certificate.read_bytes())
    assert x509.load_pem_x509_certificate(issued.ca.read_bytes()) == ca
    assert b"PRIVATE" not in issued.ca.read_bytes()
    assert leaf.not_valid_before_utc == ca.not_valid_before_utc == NOW - timedelta(hours=1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=397)
    assert leaf.not_valid_after_utc == issued.not_after
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=3650)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [
        x509.DNSName("csms.test"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
    ]
    assert issued.names == tuple(NAMES)
    assert leaf.subject.rfc4514_string() == "CN=csms.test"
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    key_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == key_id
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign


def test_nobody_else_can_read_the_keys(folder):
    issued = certificate_for(NAMES, folder, NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, issued.key.name: 0o600}


@pytest.mark.parametrize("days", [0, 1, 366])
def test_it_is_used_again(folder, days):
    first = certificate_for(NAMES, folder, NOW)
    content = first.certificate.read_bytes()
    assert certificate_for(NAMES, folder, NOW + timedelta(days=days)) == first
    assert first.certificate.read_bytes() == content


@pytest.mark.parametrize("days", [-2, 367, 500])
def test_it_is_made_anew_near_its_end_and_where_the_clock_went_back(folder, days):
    first = certificate_for(NAMES, folder, NOW)
    second = certificate_for(NAMES, folder, NOW + timedelta(days=days))
    assert second.fingerprint == first.fingerprint
    assert second.not_after == NOW + timedelta(days=days + 397, hours=-1)


def test_other_names_get_their_own_and_old_ones_are_swept(folder):
    first = certificate_for(NAMES, folder, NOW)
    second = certificate_for(["localhost"], folder, NOW)
    assert leaf_of(second).subject.rfc4514_string() == "CN=localhost"
    assert second.fingerprint == first.fingerprint
    assert first.certificate.exists()  # another process may be using it
    certificate_for(["elsewhere"], folder, NOW + timedelta(days=400))
    assert not first.certificate.exists()


def test_it_is_made_anew_for_another_ca(folder):
    first = certificate_for(NAMES, folder, NOW)
    (folder / "ca-key.pem").unlink()
    second = certificate_for(NAMES, folder, NOW)
    assert second.fingerprint != first.fingerprint
    assert handshake(*contexts(second), NAMES[0]) == (None, None)


def test_a_damaged_certificate_is_made_anew(folder):
    issued = certificate_for(NAMES, folder, NOW)
    whole = issued.certificate.read_bytes()
    for damaged in (b"", whole[:900], whole[:-30], whole.replace(b"CERTIFICATE", b"CERTIFICATF", 2)):
        issued.certificate.write_bytes(damaged)
        certificate_for(NAMES, folder, NOW)
        assert handshake(*contexts(issued), NAMES[0]) == (None, None)


def test_near_the_end_of_the_ca(folder):
    certificate_for(NAMES, folder, NOW)
    late = NOW + timedelta(days=3640)
    issued = certificate_for(NAMES, folder, late)
    assert issued.not_after == NOW + timedelta(days=3650, hours=-1)
    content = issued.certificate.read_bytes()
    certificate_for(NAMES, folder, late)
    assert issued.certificate.read_bytes() == content
    with pytest.raises(CertificateError, match=r"the CA in .*ca-key.pem expired on .* move .* away"):
        certificate_for(NAMES, folder, NOW + timedelta(days=3651))


def test_many_at_once_end_with_one_ca(folder):
    start = Barrier(8)

    def issue(number: int) -> Issued:
        start.wait()
        return certificate_for([f"name{number % 3}.test"], folder, NOW)

    with ThreadPoolExecutor(8) as threads:
        issued = list(threads.map(issue, range(8)))
    assert len({one.fingerprint for one in issued}) == 1
    for one in issued:
        assert handshake(*contexts(one), one.names[0]) == (None, None)
    assert sorted(path.name[:6] for path in folder.iterdir()) == ["ca-key", "ca.pem", *["server"] * 3]


def test_a_damaged_ca_is_told(folder):
    certificate_for(NAMES, folder, NOW)
    key = folder / "ca-key.pem"
    whole = key.read_bytes()
    key.write_bytes(whole[:-100])
    with pytest.raises(CertificateError, match=r"ca-key.pem should hold the CA's key and certificate"):
        certificate_for(NAMES, folder, NOW)
    other = Maker(folder).path.read_bytes()
    key.write_bytes(whole[: whole.index(b"-----BEGIN CERT")] + other)
    with pytest.raises(CertificateError, match="does not fit its certificate"):
        certificate_for(NAMES, folder, NOW)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "user").write_text("a file")
    with pytest.raises(CertificateError, match=r"user.* cannot be read or written: .*--cert and --key"):
        certificate_for(NAMES, tmp_path / "user" / "ca", NOW)


def test_odd_names(folder):
    long = ".".join(["a" * 60] * 3)
    issued = certificate_for([long, "bücher.test", "[::1]", "fe80::1%eth0", "", "x.", "a..ü"], folder, NOW)
    assert issued.names == (long, "xn--bcher-kva.test", "::1", "fe80::1", "x")
    assert leaf_of(issued).subject.rfc4514_string() == "CN=xn--bcher-kva.test"
    with pytest.raises(ValueError, match="name something"):
        certificate_for([""], folder, NOW)


def test_how_to_trust(folder):
    text = how_to_trust(certificate_for(["::1"], folder, NOW))
    assert str(folder / "ca.pem") in text
    assert "openssl s_client -connect [::1]:PORT -CAfile ca.pem" in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "[::1]"])
def test_names_of_loopback(host):
    names = listening_names(host)
    assert names[0] == host.strip("[]")
    assert sorted(names) == ["127.0.0.1", "::1", "localhost"]


@pytest.fixture
def machine(monkeypatch):
    """A machine that is called `box`."""
    monkeypatch.setattr(socket, "gethostname", lambda: "box")
    monkeypatch.setattr(socket, "getfqdn", lambda name: f"{name}.lan")
    monkeypatch.setattr(
        certificates, "_ipv4_of_interfaces", lambda: ["127.0.0.1", "192.0.2.9", "169.254.1.1"]
    )
    monkeypatch.setattr(certificates, "_ipv6_of_interfaces", lambda: ["::1", "fe80::1", "2001:db8::9"])
    monkeypatch.setattr(certificates, "_outward", lambda: ["192.0.2.9"])


@pytest.mark.usefixtures("machine")
def test_names_of_listening_everywhere():
    everything = ["box", "box.lan", "192.0.2.9", "2001:db8::9", "localhost", "127.0.0.1", "::1"]
    for host in ("0.0.0.0", "::", "", "[::]"):
        assert listening_names(host) == everything


@pytest.mark.usefixtures("machine")
def test_names_of_one_address_or_name():
    assert listening_names("192.0.2.9") == ["192.0.2.9", "box", "box.lan"]
    assert listening_names("csms.test") == ["csms.test", "box", "box.lan"]


@pytest.mark.usefixtures("machine")
def test_dns_that_does_not_answer(monkeypatch):
    never = Event()
    monkeypatch.setattr(socket, "getfqdn", lambda _name: never.wait() and "")
    monkeypatch.setattr(certificates, "_DNS_PATIENCE", 0)
    assert listening_names("192.0.2.9") == ["192.0.2.9", "box"]
    never.set()


def test_addresses_of_this_machine():
    for address in certificates._addresses():
        ipaddress.ip_address(address)
