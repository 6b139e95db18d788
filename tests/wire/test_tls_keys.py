import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ocppscope.wire.tls_keys import KeyStore, expand_label, prf, suite

RANDOM, MASTER, SECRET = bytes(range(32)), bytes(range(48)), bytes(range(100, 132))
LOG = f"""# comment
CLIENT_RANDOM {RANDOM.hex()} {MASTER.hex()}

CLIENT_TRAFFIC_SECRET_0 {RANDOM.hex().upper()} {SECRET.hex()}
RSA {bytes(8).hex()} {MASTER.hex()}
RSA Session-ID:{RANDOM.hex().upper()} Master-Key:{MASTER.hex().upper()}
CLIENT_RANDOM {RANDOM.hex()} {MASTER.hex()[:-2]}
CLIENT_RANDOM {RANDOM.hex()} zz
SOMETHING_ELSE {RANDOM.hex()} {MASTER.hex()}
CLIENT_RANDOM
""".encode()
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def test_key_log():
    keys = KeyStore()
    assert keys.add_keylog(LOG.replace(b"\n", b"\r\n") + b"\xff\xfe\n") == 4
    assert keys.secret("CLIENT_RANDOM", RANDOM) == MASTER
    assert keys.secret("CLIENT_TRAFFIC_SECRET_0", RANDOM) == SECRET
    assert keys.secret("SERVER_TRAFFIC_SECRET_0", RANDOM) is None
    assert keys.session(RANDOM) == MASTER
    assert keys.premaster(bytes(8) + b"rest", b"\3\3") == MASTER


def test_generation_grows_with_news_only():
    keys = KeyStore()
    assert keys.add_keylog(b"# nothing\n") == 0
    assert keys.generation == 0
    keys.add_keylog(LOG)
    before = keys.generation
    assert before > 0
    assert keys.add_keylog(LOG) == 0
    keys.remember(RANDOM, MASTER)
    assert keys.generation == before
    keys.remember(b"ticket", MASTER)
    assert keys.generation > before


def test_remembered_sessions_are_bounded(monkeypatch):
    monkeypatch.setattr("ocppscope.wire.tls_keys._MAX_SESSIONS", 3)
    keys = KeyStore()
    for name in (b"a", b"b", b"c", b"d"):
        keys.remember(name, MASTER)
    assert [keys.session(name) for name in (b"a", b"b", b"d")] == [None, MASTER, MASTER]


def pem(key, encryption=None):
    return key.private_bytes(PEM, PKCS8, encryption or serialization.NoEncryption())


def public(key):
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def test_private_key_beside_other_pem(key):
    keys = KeyStore()
    keys.add_private_key(public(key) + pem(key))
    assert keys.has_private_key
    assert keys.generation == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda key: b"", "it is not PEM: an RSA private key in PEM form is expected"),
        (public, "it holds public key that cannot be read as a private key: an RSA private key"),
        (lambda key: pem(key, serialization.BestAvailableEncryption(b"x")), "is encrypted: decrypt it first"),
        (
            lambda key: pem(ec.generate_private_key(ec.SECP256R1())),
            "key of type .*: an RSA private key is exp",
        ),
        (lambda key: pem(key)[:400], "it holds private key that cannot be read"),
    ],
    ids=["nothing", "public", "encrypted", "elliptic", "torn"],
)
def test_what_is_no_private_key(key, make, message):
    keys = KeyStore()
    with pytest.raises(ValueError, match=message):
        keys.add_private_key(make(key))
    assert keys.generation == 0


def test_suites_are_what_openssl_says_they_are():
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"0x(\w\w),0x(\w\w) - (\S+) .*Enc=(\S+)", listing)
    known = 0
    for high, low, name, sealing in found:
        ours = suite(int(high + low, 16))
        assert ours.name in (name, f"0x{high}{low}")
        if not ours.name.startswith("0x") and ours.bulk:
            known += 1
            assert ours.bulk.key * 8 == int(re.search(r"\((\d+)\)", sealing)[1])
            mode = "CBC" if sealing.startswith("AES(") else re.match(r"(?:AES)?([A-Z0-9]+)", sealing)[1]
            assert ours.bulk.mode + "8" * (ours.bulk.tag == 8) == mode
    assert known > 40


def test_names_of_suites_that_are_not_in_the_table():
    assert suite(0x0A0B).name == "0x0A0B"
    assert suite(0x0A0B).bulk is None
    assert suite(0x000A).name == "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
    assert suite(0x000A).bulk is None


def test_expand_label():
    """The server's handshake keys of RFC 8448 §3."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expand_label(secret, b"key", 16, "sha256").hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label(secret, b"iv", 12, "sha256").hex() == "5d313eb2671276ee13000b30"


def test_prf_grows_by_whole_hashes_and_is_cut():
    long = prf(MASTER, b"key expansion", RANDOM, 200, "sha256")
    assert len(long) == 200
    assert prf(MASTER, b"key expansion", RANDOM, 33, "sha256") == long[:33]
