"""Real OpenSSL peers talk in memory; the decoder sees only what passes between them."""

import contextlib
import datetime as dt
import itertools
import os
import select
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import Tls
from ocppscope.wire.tls import Broken, KeyStore, Lost, Plain, TlsConnection

NO_ENCRYPT_THEN_MAC = 0x80000
NO_EXTENDED_MASTER_SECRET = 0x1
ALLOW_CLIENT_RENEGOTIATION = 0x100
PRIVATE = serialization.PrivateFormat.PKCS8
CLIENT, SERVER = True, False

REQUEST = b"GET /ocpp/CP001 HTTP/1.1\r\nHost: csms\r\n\r\n"
TALK = [(CLIENT, REQUEST), (SERVER, b"HTTP/1.1 101 \r\n\r\n")] + [
    (bool(n % 2), f'[2,"{n}","Heartbeat",{{}}]'.encode() * (n % 3 + 1)) for n in range(12)
]


# The peers


@cache
def certificate(kind):
    """Key and self-signed certificate, as PEM."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"csms-{kind}")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start)
    made = builder.not_valid_after(start.replace(year=2124)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, PRIVATE, serialization.NoEncryption()), made.public_bytes(pem)


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for kind in ("rsa", "ec"):
        (folder / f"{kind}.pem").write_bytes(b"".join(certificate(kind)))
    return folder


@dataclass
class Peers:
    """What can be set on the two ends; then `connect` as often as wanted."""

    folder: Path
    ciphers: str = ""
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    options: int = 0
    client_options: int = 0
    curve: str = ""
    dh: bool = False
    alpn: tuple[str, ...] = ()
    server: ssl.SSLContext = field(init=False)
    client: ssl.SSLContext = field(init=False)

    def __post_init__(self):
        self.log = self.folder / f"keys-{os.urandom(8).hex()}"
        self.log.touch()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        for kind in ("rsa", "ec"):
            self.server.load_cert_chain(self.folder / f"{kind}.pem")
        for context in (self.server, self.client):
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = self.version
            context.set_ciphers((self.ciphers or "DEFAULT") + ":@SECLEVEL=0")
            context.options |= self.options
            if self.alpn:
                context.set_alpn_protocols(self.alpn)
        self.client.options |= self.client_options
        self.server.keylog_filename = str(self.log)
        if self.curve:
            self.server.set_ecdh_curve(self.curve)
        if self.dh:
            self.server.load_dh_params(self.folder / "dh.pem")

    def connect(self, session=None, certain=True):
        return Link(self, session, certain)

    def keys(self):
        return self.log.read_bytes()


class Link:
    """One connection in memory; `wire` is all that passed, as (from the client, bytes)."""

    def __init__(self, peers, session=None, certain=True):
        self.wire = []
        self.to = {CLIENT: ssl.MemoryBIO(), SERVER: ssl.MemoryBIO()}
        out = {CLIENT: ssl.MemoryBIO(), SERVER: ssl.MemoryBIO()}
        self.out = out
        self.end = {
            CLIENT: peers.client.wrap_bio(
                self.to[CLIENT], out[CLIENT], server_hostname="csms.example", session=session
            ),
            SERVER: peers.server.wrap_bio(self.to[SERVER], out[SERVER], server_side=True),
        }
        self.error = None
        for _ in range(6):
            for side in (CLIENT, SERVER):
                try:
                    self.end[side].do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    self.error = error
                self.flush(side)
        if certain:
            assert self.error is None
            self.read(CLIENT)

    def flush(self, side):
        if data := self.out[side].read():
            self.wire.append((side, data))
            self.to[not side].write(data)

    def read(self, side):
        try:
            return self.end[side].read(1 << 20)
        except ssl.SSLWantReadError:
            return b""

    def say(self, side, data):
        self.end[side].write(data)
        self.flush(side)
        assert self.read(not side) == data

    def talk(self, lines=TALK):
        for side, data in lines:
            self.say(side, data)
        return self

    def close(self, side):
        with contextlib.suppress(ssl.SSLError):
            self.end[side].unwrap()
        self.flush(side)


# The decoder


def store(*logs, key=None):
    keys = KeyStore()
    for log in logs:
        assert keys.add_keylog(log)
    if key:
        keys.add_private_key(certificate(key)[0])
    return keys


def decode(keys, wire, connection=None):
    """Feed all; also end it."""
    connection = connection or TlsConnection(keys)
    out = [one for n, (side, data) in enumerate(wire) for one in connection.feed(side, data, n)]
    return connection, out + connection.end()


def plain(out):
    """What each side said."""
    assert all(isinstance(one, Plain) for one in out), out
    return tuple(b"".join(one.data for one in out if one.from_client == side) for side in (CLIENT, SERVER))


def said(lines=TALK):
    return tuple(b"".join(data for by, data in lines if by == side) for side in (CLIENT, SERVER))


def lines_of(out):
    return [(one.from_client, one.data) for one in out]


def records(data):
    """Cut a stream of whole records."""
    found = []
    while data:
        size = 5 + int.from_bytes(data[3:5], "big")
        found.append(data[:size])
        data = data[size:]
    return found


def in_records(wire):
    return [(side, record) for side, data in wire for record in records(data)]


# Every cipher class

SUITES = {
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "AES256-SHA": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "AES128-SHA256": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "AES256-SHA256": "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "AES128-GCM-SHA256": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "AES128-CCM": "TLS_RSA_WITH_AES_128_CCM",
    "AES256-CCM8": "TLS_RSA_WITH_AES_256_CCM_8",
    "DHE-RSA-AES256-SHA256": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "DHE-RSA-CHACHA20-POLY1305": "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "ECDHE-ECDSA-AES256-CCM": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
}
RSA_SUITES = [name for name in SUITES if "DHE" not in name]
CBC_SUITES = ["AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES256-SHA384"]


@pytest.fixture(scope="module")
def dh(pems):
    command = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"]
    subprocess.run([*command, "-out", pems / "dh.pem"], check=True, capture_output=True)


@pytest.mark.parametrize("cipher", SUITES)
def test_key_log_opens_tls_12(pems, dh, cipher):
    peers = Peers(pems, cipher, dh=cipher.startswith("DHE"))
    wire = peers.connect().talk().wire
    connection, out = decode(store(peers.keys()), wire)
    assert lines_of(out) == TALK
    info = connection.info
    assert (info.version, info.cipher, info.server_name) == ("TLSv1.2", SUITES[cipher], "csms.example")
    assert (info.reason, info.undecrypted_records, info.resumed) == (None, 0, False)
    assert info.key_exchange_is_rsa == (cipher in RSA_SUITES)
    assert info.certificates == (("CN=csms-ec",) if "ECDSA" in cipher else ("CN=csms-rsa",))
    assert connection.as_tls() == Tls("TLSv1.2", SUITES[cipher], "csms.example")


@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC], ids=["etm", "mac-then-encrypt"])
@pytest.mark.parametrize("cipher", CBC_SUITES)
def test_cbc_with_and_without_encrypt_then_mac(pems, cipher, options):
    peers = Peers(pems, cipher, options=options)
    wire = peers.connect().talk().wire
    server_hello = next(data for side, data in wire if side == SERVER)
    assert (b"\0\x16\0\0" in server_hello) == (not options)
    assert lines_of(decode(store(peers.keys()), wire)[1]) == TALK


@pytest.mark.parametrize("options", [0, NO_EXTENDED_MASTER_SECRET], ids=["ems", "no-ems"])
@pytest.mark.parametrize("cipher", RSA_SUITES)
def test_private_key_opens_the_rsa_key_exchange(pems, cipher, options):
    wire = Peers(pems, cipher, options=options).connect().talk().wire
    connection, out = decode(store(key="rsa"), wire)
    assert lines_of(out) == TALK
    assert connection.info.key_exchange_is_rsa


def test_tls_13(pems):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3, alpn=("http/1.1",))
    wire = peers.connect().talk().wire
    connection, out = decode(store(peers.keys()), wire)
    assert lines_of(out) == TALK
    assert connection.as_tls() == Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "csms.example")
    assert connection.info.alpn == "http/1.1"
    assert connection.info.certificates == ()
    assert not connection.info.resumed


def test_alpn_of_tls_12(pems):
    peers = Peers(pems, "AES128-SHA", alpn=("ocpp", "http/1.1"))
    assert decode(KeyStore(), peers.connect().wire)[0].info.alpn == "ocpp"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_certificate_of_the_client(pems, version):
    peers = Peers(pems, version=version)
    peers.client.load_cert_chain(pems / "ec.pem")
    peers.server.load_verify_locations(pems / "ec.pem")
    peers.server.verify_mode = ssl.CERT_REQUIRED
    wire = peers.connect().talk().wire
    connection, out = decode(store(peers.keys()), wire)
    assert lines_of(out) == TALK
    assert connection.as_tls().client_certificate == "CN=csms-ec"
    is_hidden = version == ssl.TLSVersion.TLSv1_3
    assert decode(KeyStore(), wire)[0].as_tls().client_certificate == (None if is_hidden else "CN=csms-ec")


def test_large_and_empty_writes(pems):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        peers = Peers(pems, version=version)
        link = peers.connect()
        link.end[CLIENT].write(big := os.urandom(100_000))
        link.flush(CLIENT)
        assert plain(decode(store(peers.keys()), link.wire)[1]) == (big, b"")


def test_hello_retry_request(pems):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3, curve="secp384r1")
    wire = peers.connect().talk().wire
    assert sum(side == CLIENT and data[0] == 22 for side, data in wire) == 1
    assert sum(record[0] == 22 for _, record in in_records(wire)) == 4  # two hellos of each side
    assert lines_of(decode(store(peers.keys()), wire)[1]) == TALK


# Resumption


@pytest.mark.parametrize("options", [0, ssl.OP_NO_TICKET], ids=["ticket", "session-id"])
@pytest.mark.parametrize("secrets", ["keylog", "private-key", "first-secret"])
def test_resumption_in_tls_12(pems, options, secrets):
    peers = Peers(pems, "AES128-GCM-SHA256", options=options)
    first = peers.connect().talk()
    first_keys = peers.keys()
    second = peers.connect(first.end[CLIENT].session).talk()
    assert second.end[CLIENT].session_reused
    keys = {
        "keylog": lambda: store(peers.keys()),
        "private-key": lambda: store(key="rsa"),
        "first-secret": lambda: store(first_keys),
    }[secrets]()
    assert lines_of(decode(keys, first.wire)[1]) == TALK
    connection, out = decode(keys, second.wire)
    assert lines_of(out) == TALK
    assert connection.info.resumed


def test_resumption_that_is_seen_before_what_it_resumes(pems):
    peers = Peers(pems, "AES128-GCM-SHA256")
    first = peers.connect().talk()
    second = peers.connect(first.end[CLIENT].session).talk()
    keys = store(key="rsa")
    late = TlsConnection(keys)
    for side, data in second.wire:
        assert late.feed(side, data, 0) == []
    assert "resumed" in late.info.reason
    decode(keys, first.wire)
    assert lines_of(late.end()) == TALK


def test_resumption_in_tls_13(pems):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    first = peers.connect().talk()
    second = peers.connect(first.end[CLIENT].session).talk()
    assert second.end[CLIENT].session_reused
    connection, out = decode(store(peers.keys()), second.wire)
    assert lines_of(out) == TALK
    assert connection.info.resumed


def test_session_secrets_of_other_key_logs(pems):
    peers = Peers(pems, "AES128-GCM-SHA256", options=ssl.OP_NO_TICKET)
    link = peers.connect().talk()
    master = peers.keys().split()[-1]
    hello = next(data for side, data in link.wire if side == SERVER)
    session = hello[44 : 44 + hello[43]].hex().encode()
    assert (
        lines_of(decode(store(b"RSA Session-ID:%b Master-Key:%b" % (session, master)), link.wire)[1]) == TALK
    )


# Key update and early data: the command line tool can do what the ssl module cannot


class Tool:
    """`openssl s_client`, talking over loopback to a server in memory."""

    def __init__(self, peers, *options):
        self.peers = peers
        self.wire = []
        listener = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", address, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        listener.settimeout(5)
        self.socket = listener.accept()[0]
        listener.close()
        self.socket.settimeout(5)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.end = peers.server.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def until(self, action):
        """Repeat an action of the server until what it needs has come."""
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                self.flush()
                self.receive()
            else:
                self.flush()
                return result

    def receive(self):
        data = self.socket.recv(1 << 16)
        assert data, "the client has gone"
        self.wire.append((CLIENT, data))
        self.incoming.write(data)

    def flush(self):
        if data := self.outgoing.read():
            self.wire.append((SERVER, data))
            self.socket.sendall(data)

    def type(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def __enter__(self):
        self.until(self.end.do_handshake)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.socket.close()


@pytest.mark.parametrize(
    "cipher", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
)
def test_key_update(pems, cipher):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    talk = []
    with Tool(peers, "-ciphersuites", cipher) as tool:
        # K: the client changes its keys and asks the server to do so; k: it changes its own only.
        for line in (b"one\n", b"K\n", b"two\n", b"k\n", b"three\n", b"K\n", b"four\n"):
            tool.type(line)
            if len(line) == 2:
                tool.receive()
            else:
                assert tool.until(lambda: tool.end.read(99)) == line
                tool.end.write(answer := b"answer to " + line)
                tool.flush()
                talk += [(CLIENT, line), (SERVER, answer)]
    connection, out = decode(store(peers.keys()), tool.wire)
    assert plain(out) == said(talk)
    assert connection.info.cipher == cipher


def test_key_update_in_a_gap(pems):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    with Tool(peers) as tool:
        for line in (b"one\n", b"two\n"):
            tool.type(line)
            tool.until(lambda: tool.end.read(99))
        before = len(tool.wire)
        tool.type(b"k\n")
        tool.receive()
        tool.type(b"three\n")
        tool.until(lambda: tool.end.read(99))
    connection = TlsConnection(keys := store(peers.keys()))
    out = [one for side, data in tool.wire[:before] for one in connection.feed(side, data, 1)]
    assert plain(out) == (b"one\ntwo\n", b"")
    assert connection.gap(CLIENT, len(tool.wire[before][1]), 2) == []
    assert decode(keys, tool.wire[before + 1 :], connection)[1] == [
        Lost(CLIENT, None, 0),
        Plain(CLIENT, b"three\n", 0),
    ]


def spawn(*command):
    """A tool whose output says how far it is, so that nothing waits for a time to pass."""
    process = subprocess.Popen(
        ["openssl", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watchdog = threading.Timer(10, process.kill)
    watchdog.daemon = True
    watchdog.start()
    return process


def write(process, line):
    process.stdin.write(line)
    process.stdin.flush()


def await_line(process, text):
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"{process.args} ended without {text}")


def stop(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def relay(listener, port, wire):
    """Join one client to a server and keep what passes."""
    listener.settimeout(10)
    client, server = listener.accept()[0], socket.create_connection(("127.0.0.1", port))
    other = {client: server, server: client}
    with client, server, contextlib.suppress(ConnectionError):
        while True:
            for end in select.select([client, server], [], [])[0]:
                if not (data := end.recv(1 << 16)):
                    return
                wire.append((end is client, data))
                other[end].sendall(data)


@dataclass
class Early:
    """A client's session that allows early data, and a connection that used it."""

    wire: list
    log: bytes
    options: tuple[str, ...]


@pytest.fixture(scope="module")
def early(pems):
    log, session, data = (str(pems / name) for name in ("early-keys", "early-session", "early-data"))
    Path(data).write_bytes(b"early\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = spawn(
        *("s_server", "-accept", str(port), "-cert", str(pems / "rsa.pem")),
        *("-tls1_3", "-early_data", "-no_anti_replay", "-keylogfile", log),
    )
    await_line(server, b"ACCEPT")
    client = spawn("s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-sess_out", session)
    write(client, b"first\n")
    await_line(server, b"first")
    write(server, b"answer\n")  # its tickets have gone before it
    await_line(client, b"answer")
    stop(client)
    options = ("-sess_in", session, "-early_data", data)
    wire = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=relay, args=(listener, port, wire), daemon=True)
        thread.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        client = spawn("s_client", "-connect", address, "-tls1_3", *options)
        write(client, b"second\n")
        await_line(server, b"second")
        stop(client)
        thread.join(5)
    stop(server)
    return Early(wire, Path(log).read_bytes(), options)


def test_early_data(early):
    connection, out = decode(store(early.log), early.wire)
    assert plain(out) == (b"early\nsecond\n", b"")
    assert connection.info.resumed
    assert connection.info.undecrypted_records == 0


def test_early_data_is_skipped_without_its_secret(early):
    lines = [line for line in early.log.splitlines() if not line.startswith(b"CLIENT_EARLY")]
    connection, out = decode(store(b"\n".join(lines)), early.wire)
    assert plain(out) == (b"second\n", b"")
    assert connection.info.undecrypted_records == 2  # the data and its end


def test_early_data_is_skipped_where_the_answer_to_it_cannot_be_read(early):
    lines = [line for line in early.log.splitlines() if b"HANDSHAKE" not in line]
    assert plain(decode(store(b"\n".join(lines)), early.wire)[1]) == (b"second\n", b"")


def test_early_data_that_the_server_refuses(pems, early):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    with Tool(peers, *early.options) as tool:
        tool.type(b"late\n")
        assert tool.until(lambda: tool.end.read(99)) == b"late\n"
    assert any(record[0] == 23 for side, data in tool.wire[:1] for record in records(data))
    connection, out = decode(store(peers.keys()), tool.wire)
    assert plain(out) == (b"late\n", b"")
    assert connection.info.undecrypted_records == 1


def test_handshake_secrets_may_be_missing_in_tls_13(pems):
    peers = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    wire = peers.connect().talk().wire
    lines = [line for line in peers.keys().splitlines() if b"HANDSHAKE" not in line]
    assert plain(decode(store(b"\n".join(lines)), wire)[1]) == said()


# Gaps and damage

VERSIONS = {
    "1.3": ("", ssl.TLSVersion.TLSv1_3, 0),
    "gcm": ("ECDHE-RSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2, 0),
    "chacha": ("ECDHE-RSA-CHACHA20-POLY1305", ssl.TLSVersion.TLSv1_2, 0),
    "cbc": ("AES128-SHA", ssl.TLSVersion.TLSv1_2, 0),
    "mac-then-encrypt": ("AES128-SHA", ssl.TLSVersion.TLSv1_2, NO_ENCRYPT_THEN_MAC),
}


@pytest.fixture(scope="module", params=VERSIONS)
def peers(pems, request):
    cipher, version, options = VERSIONS[request.param]
    return Peers(pems, cipher, version, options)


def feed(connection, wire):
    return [one for side, data in wire for one in connection.feed(side, data, 0)]


@pytest.mark.parametrize("known", [True, False], ids=["size-known", "size-unknown"])
def test_gap_inside_application_data(peers, known):
    link = peers.connect()
    start = len(link.wire)
    lines = [(CLIENT, b"%03d" % n * 10) for n in range(300)]
    stream = b"".join(data for _, data in link.talk(lines).wire[start:])
    size = len(stream) // 300
    cut, resume = 10 * size + 7, 290 * size - 9  # in the middle of records
    keys = store(peers.keys())
    connection = TlsConnection(keys)
    assert feed(connection, link.wire[:start]) == []
    assert lines_of(connection.feed(CLIENT, stream[:cut], 0)) == lines[:10]
    connection.gap(CLIENT, resume - cut if known else None, 5)
    lost, *out = connection.feed(CLIENT, stream[resume:], 5)
    assert lost == Lost(CLIENT, None, 5)
    assert lines_of(out) == lines[290:]
    assert connection.end() == []


def test_other_direction_goes_on_in_a_gap(peers):
    link = peers.connect()
    connection = TlsConnection(store(peers.keys()))
    feed(connection, link.wire)
    connection.gap(CLIENT, 999, 0)
    start = len(link.wire)
    link.say(SERVER, b"still here")
    assert plain(feed(connection, link.wire[start:])) == (b"", b"still here")
    assert connection.end() == [Lost(CLIENT, None, 0)]


def test_gap_of_more_records_than_are_tried_stays_lost(peers, monkeypatch):
    monkeypatch.setattr("ocppscope.wire.tls._WINDOW", 4)
    monkeypatch.setattr("ocppscope.wire.tls._TRIALS", 30)
    link = peers.connect()
    connection = TlsConnection(store(peers.keys()))
    feed(connection, link.wire)
    start = len(link.wire)
    link.talk([(CLIENT, b"x" * 50)] * 100)
    connection.gap(CLIENT, None, 0)
    assert feed(connection, link.wire[start + 10 :]) == []
    assert connection._client.trials <= 0
    assert connection.end() == [Lost(CLIENT, None, 0)]


@pytest.mark.parametrize("lost", range(1, 6))
def test_gap_inside_the_handshake(peers, lost):
    """Whatever record the server's handshake loses, the talk is there, and nothing else is said."""
    link = peers.connect()
    shaken = len(link.wire)
    link.talk()
    connection = TlsConnection(store(peers.keys()))
    out, seen = [], 0
    for n, (side, data) in enumerate(link.wire):
        for record in records(data):
            seen += side == SERVER
            if side == SERVER and n < shaken and seen == lost + 1:
                connection.gap(side, len(record), 0)
            else:
                out += connection.feed(side, record, 0)
    assert plain(out) == said()


def test_gap_before_the_client_finished(peers):
    """The ChangeCipherSpec and Finished of the client are lost: data says that they were there."""
    link = peers.connect()
    at = max(n for n, (side, data) in enumerate(link.wire) if side == CLIENT)
    connection = TlsConnection(store(peers.keys()))
    feed(connection, link.wire[:at])
    connection.gap(CLIENT, len(link.wire[at][1]), 0)
    link.talk().close(CLIENT)
    assert lines_of(feed(connection, link.wire[at + 1 :])) == TALK
    assert connection.info.alerts == ("client: close_notify (warning)",)


def test_flipped_byte_breaks_one_record(peers):
    link = peers.connect()
    start = len(link.wire)
    wire = link.talk().wire
    side, data = wire[start + 4]
    wire[start + 4] = side, data[:-1] + bytes([data[-1] ^ 1])
    connection, out = decode(store(peers.keys()), wire)
    broken, lost = (one for one in out if not isinstance(one, Plain))
    assert (type(broken), broken.raw, broken.from_client) == (Broken, wire[start + 4][1], side)
    assert "authenticate" in broken.reason
    offset = sum(len(data) for by, data in wire[: start + 4] if by == side)
    assert broken.offset == offset
    exact = "GCM" in connection.info.cipher and "1.2" in connection.info.version
    exact |= "CHACHA" in connection.info.cipher
    assert lost == Lost(side, len(TALK[4][1]) if exact else None, start + 4)
    assert lines_of(one for one in out if isinstance(one, Plain)) == TALK[:4] + TALK[5:]
    assert connection.info.undecrypted_records == 1


@pytest.mark.parametrize(
    "junk", [b"\x18\x03\x03\0\5", b"\x17\x03\x03\xff\xff", b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_junk_between_records(peers, junk):
    link = peers.connect()
    start = len(link.wire)
    wire = link.talk().wire
    connection = TlsConnection(store(peers.keys()))
    out = feed(connection, wire[:start]) + connection.feed(CLIENT, junk + wire[start][1], 0)
    assert [type(one) for one in out] == [Broken, Plain]
    assert out[0].raw.startswith(junk)
    assert out[0].reason.endswith(junk[:5].hex(" "))
    assert out[1].data == TALK[0][1]


def test_stream_that_ends_inside_a_record(peers):
    wire = peers.connect().talk().wire
    side, last = wire[-1]
    out = decode(store(peers.keys()), [*wire[:-1], (side, last[:-3])])[1]
    assert lines_of(out[:-1]) == TALK[:-1]
    broken = out[-1]
    assert (broken.raw, broken.from_client) == (last[:-3], side)
    assert broken.offset + len(last) == sum(len(data) for by, data in wire if by == side)
    assert "ends" in broken.reason


# Keys that come late, not at all, or are others'


def test_keys_that_come_late(peers):
    link = peers.connect()
    keys = KeyStore()
    connection = TlsConnection(keys)
    half = len(link.wire) + len(TALK) // 2
    wire = link.talk().wire
    assert feed(connection, wire[:half]) == []
    assert "no secret for client random" in connection.info.reason
    keys.add_keylog(peers.keys())
    out = feed(connection, wire[half:])
    assert lines_of(out) == TALK
    assert connection.info.reason is None
    assert connection.info.undecrypted_records == 0


def test_keys_that_come_after_all_packets(peers):
    wire = peers.connect().talk().wire
    keys = KeyStore()
    connection = TlsConnection(keys)
    feed(connection, wire)
    keys.add_keylog(peers.keys())
    out = connection.end()
    assert plain(out) == said()


def test_keys_line_by_line(peers):
    """As of a key log that grows while the connection is seen."""
    link = peers.connect()
    wire = in_records(link.talk().wire)
    random = link.wire[0][1][11:43].hex().encode()
    lines = [line for line in peers.keys().splitlines() if random in line]
    keys = KeyStore()
    connection = TlsConnection(keys)
    out = []
    for n, (side, record) in enumerate(wire):
        if n >= 8 and lines:
            keys.add_keylog(lines.pop(0))
        out += connection.feed(side, record, 0)
    assert plain(out) == said()


def test_waiting_records_are_bounded(peers):
    link = peers.connect()
    block = os.urandom(15_000)
    link.talk([(CLIENT, block)] * 90)
    keys = KeyStore()
    connection = TlsConnection(keys)
    feed(connection, link.wire)
    held = sum(len(record.fragment) for record in connection._waiting)
    assert 900_000 < held <= 1 << 20
    keys.add_keylog(peers.keys())
    start = len(link.wire)
    link.say(CLIENT, b"and on")
    *first, lost, last = feed(connection, link.wire[start:])
    assert lines_of(first) == [(CLIENT, block)] * len(first)
    assert lost == Lost(CLIENT, None, 0)
    assert last.data == b"and on"
    assert len(first) + connection.info.undecrypted_records == 90


def test_records_without_keys_are_counted(peers):
    connection, out = decode(KeyStore(), peers.connect().talk().wire)
    assert out == []
    assert connection.info.undecrypted_records >= len(TALK)
    assert connection.info.server_name == "csms.example"
    assert not connection._waiting


def reason_of(peers, keys):
    connection, out = decode(keys, peers.connect().talk().wire)
    assert out == []
    return connection.info.reason


def test_reasons_say_what_would_open_it(pems):
    rsa_kx, ephemeral = Peers(pems, "AES128-SHA"), Peers(pems, "ECDHE-RSA-AES128-GCM-SHA256")
    newest = Peers(pems, version=ssl.TLSVersion.TLSv1_3)
    unknown = "no secret for client random "
    reason = reason_of(rsa_kx, KeyStore())
    assert reason.startswith(unknown)
    assert "--keylog FILE" in reason
    assert "--tls-key FILE" in reason
    for peers in (ephemeral, newest):
        assert reason_of(peers, KeyStore()).startswith(unknown)
        assert "--tls-key" not in reason_of(peers, KeyStore())
    expected = "the key exchange is ephemeral ({}): a private key cannot open it, --keylog FILE can"
    assert reason_of(ephemeral, store(key="rsa")) == expected.format("ECDHE")
    assert reason_of(newest, store(key="rsa")) == expected.format("TLS 1.3")


def other_private_key():
    keys = KeyStore()
    key = rsa.generate_private_key(65537, 2048)
    keys.add_private_key(key.private_bytes(serialization.Encoding.PEM, PRIVATE, serialization.NoEncryption()))
    return keys


@pytest.mark.parametrize("options", [0, NO_EXTENDED_MASTER_SECRET], ids=["ems", "no-ems"])
def test_private_key_of_another_server(pems, options):
    reason = reason_of(Peers(pems, "AES128-SHA", options=options), other_private_key())
    assert reason.startswith("the private key given is not that of the server")


def test_private_key_with_a_torn_handshake(pems):
    """With the extended master secret every message counts, without it hellos and key exchange do."""
    for options, expected in ((0, None), (NO_EXTENDED_MASTER_SECRET, said())):
        wire = Peers(pems, "AES128-SHA", options=options).connect().talk().wire
        hello, certificate, *_ = records(wire[1][1])
        connection = TlsConnection(store(key="rsa"))
        feed(connection, [wire[0], (SERVER, hello)])
        connection.gap(SERVER, len(certificate), 0)
        out = feed(connection, [(SERVER, wire[1][1][len(hello + certificate) :]), *wire[2:]])
        if expected:
            assert plain(out) == expected
        else:
            assert out == []
            assert "the handshake has a gap" in connection.info.reason


def test_resumed_session_that_nobody_knows(pems):
    peers = Peers(pems, "AES128-GCM-SHA256")
    session = peers.connect().talk().end[CLIENT].session
    connection = decode(store(key="rsa"), peers.connect(session).talk().wire)[0]
    assert "resumed" in connection.info.reason
    assert "--keylog FILE" in connection.info.reason


def test_secrets_of_another_connection(peers):
    wire = peers.connect().talk().wire
    lines = [line.split() for line in peers.keys().splitlines() if not line.startswith(b"#")]
    wrong = b"\n".join(b" ".join((label, name, secret[::-1])) for label, name, secret in lines)
    connection, out = decode(store(wrong), wire)
    assert {type(one) for one in out} == {Broken}
    assert len(out) <= 2  # one for each direction, not one for each record
    assert "another connection" in connection.info.reason
    assert connection.info.undecrypted_records >= len(TALK)


def test_capture_that_begins_in_the_middle(peers):
    link = peers.connect()
    start = len(link.wire)
    connection, out = decode(store(peers.keys()), link.talk().wire[start:])
    assert out == []
    assert connection.info.reason == "the handshake is not in the capture"
    assert connection.info.undecrypted_records == len(TALK)
    assert not connection.info.client_hello_seen
    assert connection.as_tls() == Tls()
    assert not connection._waiting


def test_half_a_handshake(peers):
    wire = peers.connect().talk().wire
    only_client = decode(store(peers.keys()), [one for one in wire if one[0] == CLIENT])[0]
    assert only_client.info.reason == "the server's hello is not in the capture"
    assert only_client.info.client_hello_seen
    only_server = decode(store(peers.keys()), [one for one in wire if one[0] == SERVER])[0]
    assert only_server.info.reason == "the client's hello is not in the capture"


def test_directions_may_come_in_any_order(peers):
    wire = peers.connect().talk().wire
    swapped = [one for one in wire if one[0] == SERVER] + [one for one in wire if one[0] == CLIENT]
    connection, out = decode(store(peers.keys()), swapped)
    assert plain(out) == said()
    assert not connection.info.resumed


def test_private_key_when_directions_come_in_another_order(pems):
    wire = Peers(pems, "AES128-SHA").connect().talk().wire
    assert plain(decode(store(key="rsa"), sorted(wire, key=lambda one: one[0]))[1]) == said()


# What is said without keys


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_older_versions_are_named_and_not_decrypted(pems, version):
    peers = Peers(pems, "AES128-SHA", ssl.TLSVersion[version])
    connection, out = decode(store(key="rsa"), peers.connect().talk().wire)
    assert out == []
    name = {"TLSv1": "TLSv1.0", "TLSv1_1": "TLSv1.1"}[version]
    assert (connection.info.version, connection.info.cipher) == (name, "TLS_RSA_WITH_AES_128_CBC_SHA")
    assert connection.info.reason.startswith(name.replace("v", " "))
    assert connection.info.certificates == ("CN=csms-rsa",)
    assert connection.info.undecrypted_records > 0
    assert not connection._waiting


def test_suite_that_is_not_supported(pems):
    connection, out = decode(KeyStore(), Peers(pems, "CAMELLIA128-SHA").connect().talk().wire)
    assert (connection.info.cipher, out) == ("0x0041", [])
    assert connection.info.reason == "cipher suite 0x0041 is not supported"


def test_alerts_in_plaintext(pems):
    peers = Peers(pems, "AES128-SHA")
    peers.client.set_ciphers("ECDHE-RSA-AES128-SHA")
    peers.client.maximum_version = ssl.TLSVersion.TLSv1_2
    connection, out = decode(KeyStore(), peers.connect(certain=False).wire)
    assert connection.info.alerts == ("server: handshake_failure (fatal)",)
    assert connection.info.server_name == "csms.example"
    assert (connection.info.version, out) == (None, [])


def test_alert_of_a_client_that_does_not_trust_the_server(pems):
    peers = Peers(pems, "AES128-SHA")
    peers.client.verify_mode = ssl.CERT_REQUIRED
    connection = decode(KeyStore(), peers.connect(certain=False).wire)[0]
    assert connection.info.alerts == ("client: unknown_ca (fatal)",)


def test_alerts_that_are_sealed(peers):
    link = peers.connect().talk()
    link.close(SERVER)
    link.close(CLIENT)
    connection, out = decode(store(peers.keys()), link.wire)
    assert plain(out) == said()
    assert connection.info.alerts == ("server: close_notify (warning)", "client: close_notify (warning)")


def test_client_certificate(pems):
    peers = Peers(pems, "AES128-SHA")
    peers.client.load_cert_chain(pems / "ec.pem")
    peers.server.verify_mode = ssl.CERT_REQUIRED
    peers.server.load_verify_locations(pems / "ec.pem")
    wire = peers.connect().talk().wire
    connection, out = decode(store(key="rsa"), wire)
    assert connection.info.client_certificates == ("CN=csms-ec",)
    assert plain(out) == said()


def test_renegotiation(pems):
    """Of TLS 1.2: another handshake, sealed by the keys of the first."""
    peers = Peers(pems, "AES128-GCM-SHA256", options=ALLOW_CLIENT_RENEGOTIATION)
    with Tool(peers, "-tls1_2", "-legacy_renegotiation") as tool:
        tool.type(b"one\n")
        assert tool.until(lambda: tool.end.read(99)) == b"one\n"
        tool.type(b"R\n")
        tool.receive()
        tool.type(b"two\n")
        assert tool.until(lambda: tool.end.read(99)) == b"two\n"
    assert plain(decode(store(peers.keys()), tool.wire)[1]) == (b"one\ntwo\n", b"")


# Any bytes, any cut


def cut_anywhere(cuts, wire):
    """The same bytes in other pieces."""
    pieces, start = [], 0
    for side, chunk in wire:
        ends = sorted({cut - start for cut in cuts if start < cut < start + len(chunk)} | {len(chunk)})
        pieces += [(side, chunk[at:end]) for at, end in itertools.pairwise([0, *ends])]
        start += len(chunk)
    return pieces


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6000), max_size=60))
def test_any_cut_gives_the_same(conversation, cuts):
    keys, wire = conversation
    connection, out = decode(keys, cut_anywhere(cuts, wire))
    assert plain(out) == said()
    assert connection.info.undecrypted_records == 0


@pytest.fixture(scope="module")
def conversation(peers):
    wire = peers.connect().talk().wire
    return store(peers.keys(), key="rsa"), wire


def test_byte_by_byte(conversation):
    keys, wire = conversation
    out = decode(keys, [(side, bytes([byte])) for side, data in wire for byte in data])[1]
    assert plain(out) == said()


def test_messages_cut_over_records_and_several_in_one(pems):
    """OpenSSL does not, others do: cut the plaintext messages anew into records of 7 bytes, then into one."""
    wire = Peers(pems, "AES128-SHA").connect().talk().wire
    hellos = b"".join(record[5:] for record in records(wire[1][1]))
    for size in (7, 1 << 14):
        parts = [hellos[at : at + size] for at in range(0, len(hellos), size)]
        again = b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in parts)
        connection, out = decode(store(key="rsa"), [wire[0], (SERVER, again), *wire[2:]])
        assert plain(out) == said()
        assert connection.info.certificates == ("CN=csms-rsa",)


def test_impossible_handshake_messages():
    connection = TlsConnection(KeyStore())
    size = b"\x16\x03\x03\0\x04\x0b\xff\xff\xff"
    (broken,) = connection.feed(SERVER, size, 1)
    assert (broken.offset, broken.reason) == (0, "a handshake message of 16777219 bytes")
    (broken,) = connection.feed(SERVER, b"\x16\x03\x03\0\x06\x02\0\0\x02\x03\x03", 1)
    assert (broken.offset, broken.reason[:31]) == (len(size), "a handshake message of type 2 e")
    for _ in range(100):  # one message, never complete
        connection.feed(SERVER, b"\x16\x03\x03\x40\0" + b"\x0b\x03\xff\0" * 0x1000, 1)
        assert len(connection._server.messages) <= (1 << 18) + (1 << 14)


FEEDS = st.lists(st.tuples(st.booleans(), st.one_of(st.none(), st.binary(max_size=200))), max_size=12)
PLAUSIBLE = st.tuples(st.integers(20, 23), st.integers(1, 4), st.binary(max_size=80)).map(
    lambda one: bytes([one[0], 3, one[1]]) + len(one[2]).to_bytes(2, "big") + one[2]
)


def run(connection, feeds):
    for side, data in feeds:
        if data is None:
            connection.gap(side, None, 0)
        else:
            connection.feed(side, data, 0)
    connection.end()
    assert isinstance(connection.info.alerts, tuple)


@given(FEEDS)
def test_any_bytes_are_survived(feeds):
    run(TlsConnection(KeyStore()), feeds)


@given(st.lists(st.tuples(st.booleans(), PLAUSIBLE), max_size=12))
def test_any_records_are_survived(feeds):
    run(TlsConnection(KeyStore()), feeds)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_survived(conversation, data):
    """Bytes changed, pieces dropped, gaps told of or not: what comes out was said, in order."""
    keys, wire = conversation
    connection = TlsConnection(keys)
    out = []
    for side, chunk in wire:
        what = data.draw(st.sampled_from(["keep", "keep", "keep", "flip", "gap", "drop", "cut"]))
        at = data.draw(st.integers(0, len(chunk) - 1))
        flipped = (
            bytes([chunk[at] ^ data.draw(st.integers(1, 255))]) if what == "flip" else chunk[at : at + 1]
        )
        rest = b"" if what in ("gap", "cut") else flipped + chunk[at + 1 :]
        if what == "gap":
            connection.gap(side, len(chunk) - at, 0)
        if what != "drop":
            out += connection.feed(side, chunk[:at] + rest, 0)
    out += connection.end()
    for side in (CLIENT, SERVER):
        truth = iter([line for by, line in TALK if by == side])
        got = [one.data for one in out if isinstance(one, Plain) and one.from_client == side]
        assert all(line in truth for line in got)


def test_late_private_key_after_a_gap_in_the_data(pems):
    """A gap after the handshake does not touch the extended master secret."""
    link = Peers(pems, "AES128-SHA").connect()
    start = len(link.wire)
    wire = link.talk().wire
    keys = KeyStore()
    connection = TlsConnection(keys)
    feed(connection, wire[: start + 3])
    connection.gap(CLIENT, len(wire[start + 3][1]), 0)
    feed(connection, wire[start + 4 :])
    keys.add_private_key(certificate("rsa")[0])
    out = connection.end()
    assert [one for one in out if not isinstance(one, Plain)] == [Lost(CLIENT, None, 0)]
    assert lines_of(one for one in out if isinstance(one, Plain)) == TALK[:3] + TALK[4:]
