"""Contexts and explanations, each from a real handshake that went well or wrong."""

import asyncio
import re
import socket
import ssl
import struct
import warnings
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from ocppscope.capture.tls import TlsFileError, expiry_warning, explain, station_context, upstream_context
from tests.capture.handshakes import PEM, PKCS8, Maker, answer_to, converse, handshake, pair

RSA = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("other"), "other-ca")


@pytest.fixture(scope="module")
def ours(ca: Maker) -> tuple[Path, Path]:
    return ca.issue("ours")


def station(trusts: Maker | None = None) -> ssl.SSLContext:
    """A station's context, that of a plain client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusts is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(trusts.path)
    return context


def csms(own: tuple[Path, Path], wants: Maker | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    if wants is not None:
        context.load_verify_locations(wants.path)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def of_station(error: Exception | None) -> str:
    assert error is not None
    text = explain(error, leg="station", peer="192.0.2.7:5555")
    assert text.startswith("The station 192.0.2.7:5555")
    assert "\n" not in text
    return text


def of_csms(error: Exception | None) -> str:
    assert error is not None
    text = explain(error, leg="upstream", peer="csms.test:443")
    assert text.startswith("The CSMS csms.test:443")
    assert "\n" not in text
    return text


# --- what works ---


def test_both_legs_shake_hands(ca, ours):
    assert handshake(station_context(*ours, None), upstream_context(ca.path, None, None, False)) == (
        None,
        None,
    )


def test_both_certificates_are_asked_for(ca, ours):
    server = station_context(*ours, ca.path)
    client = upstream_context(ca.path, *ca.issue("CP001"), False)
    assert handshake(server, client) == (None, None)


def test_a_key_in_the_file_of_the_certificate(ca, ours, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(ours[1].read_bytes() + ours[0].read_bytes())
    assert handshake(station_context(both, None, None), upstream_context(ca.path, both, None, False)) == (
        None,
        None,
    )


def test_the_certificate_itself_may_be_trusted(ours):
    assert handshake(csms(ours), upstream_context(ours[0], None, None, False)) == (None, None)


def test_insecure_takes_anything(other_ca):
    expired = other_ca.issue("old", begins=-9, ends=-1, names=["elsewhere"])
    assert handshake(csms(expired), upstream_context(None, None, None, True)) == (None, None)


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"])
def test_the_suites_of_the_security_profiles(ca, suite):
    own = ca.issue("rsa", key=RSA)
    client = station(ca)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(suite)
    assert handshake(station_context(*own, None), client) == (None, None)
    server = csms(own)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers(suite)
    assert handshake(server, upstream_context(ca.path, None, None, False)) == (None, None)


def test_nobody_agrees_on_http2(ca, ours):
    client = station(ca)
    client.set_alpn_protocols(["h2", "http/1.1"])
    ends = pair(station_context(*ours, None), client)
    assert converse(*ends) == (None, None)
    assert ends[1].selected_alpn_protocol() == "http/1.1"
    server = csms(ours)
    server.set_alpn_protocols(["h2"])
    ends = pair(server, upstream_context(ca.path, None, None, False))
    assert converse(*ends) == (None, None)
    assert ends[1].selected_alpn_protocol() is None


# --- stations ---


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"GET /CP001 HTTP/1.1\r\nHost: x\r\n\r\n", "speaks plain HTTP to a TLS port: let it use wss://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "sent something that is no TLS"),
        (bytes(40), "sent something that is no TLS"),
    ],
    ids=["HTTP", "SSH", "zeros"],
)
def test_a_station_without_tls(ours, first, said):
    assert said in of_station(answer_to(station_context(*ours, None), first))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_station_that_does_not_trust_us(ours, other_ca, version):
    client = station(other_ca)
    client.maximum_version = client.minimum_version = version
    error, _theirs = handshake(station_context(*ours, None), client)
    assert "does not trust our certificate: install the CA" in of_station(error)


def test_a_station_that_finds_our_certificate_expired(ca):
    error, _theirs = handshake(station_context(*ca.issue("ended", begins=-9, ends=-1), None), station(ca))
    assert "says that our certificate has expired" in of_station(error)


def test_a_station_that_finds_another_name(ours, ca):
    error, _theirs = handshake(station_context(*ours, None), station(ca), "elsewhere.test")
    assert "does not trust our certificate" in of_station(error)


def speak_only(context: ssl.SSLContext, first: ssl.TLSVersion, last: ssl.TLSVersion) -> None:
    """Set old versions, of which Python warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = first
        context.maximum_version = last


def old_station(version: ssl.TLSVersion) -> ssl.SSLContext:
    client = station()
    client.set_ciphers("ALL:@SECLEVEL=0")
    speak_only(client, version, version)
    return client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_station_with_old_tls(ours, version):
    error, _theirs = handshake(station_context(*ours, None), old_station(version))
    assert "speaks no TLS that OCPP's security profiles allow (1.2 or later)" in of_station(error)


def test_a_station_without_a_common_suite(ours):
    client = station()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("AES128-GCM-SHA256")  # needs an RSA certificate, which ours is not
    error, theirs = handshake(station_context(*ours, None), client)
    assert "no cipher suite in common: give --cert an RSA certificate" in of_station(error)
    assert "refused the handshake, mostly for lack of a common cipher suite" in of_csms(theirs)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_station_without_a_client_certificate(ca, ours, version):
    client = station()
    client.maximum_version = client.minimum_version = version
    error, _theirs = handshake(station_context(*ours, ca.path), client)
    assert "shows no client certificate, and --client-ca wants one" in of_station(error)


@pytest.mark.parametrize(
    ("maker", "begins", "ends", "said"),
    [
        ("other_ca", -1, 1, "a client certificate that is not signed by --client-ca"),
        ("ca", -9, -1, "a client certificate that has expired"),
        ("ca", 1, 9, "a client certificate that is not valid yet"),
    ],
)
def test_a_station_with_a_wrong_client_certificate(request, ca, ours, maker, begins, ends, said):
    client = station()
    client.load_cert_chain(*request.getfixturevalue(maker).issue("wrong", begins=begins, ends=ends))
    error, _theirs = handshake(station_context(*ours, ca.path), client)
    assert said in of_station(error)


# --- the CSMS ---


@pytest.mark.parametrize(
    ("maker", "names", "begins", "ends", "said"),
    [
        ("other_ca", ["localhost"], -1, 1, "is not trusted here: name its CA with --upstream-ca"),
        (
            "ca",
            ["localhost"],
            -9,
            -1,
            "a certificate that has expired: renew it there, or take it with --insecure",
        ),
        ("ca", ["localhost"], 1, 9, "a certificate that is not valid yet"),
        ("ca", ["elsewhere"], -1, 1, "a certificate for another name"),
    ],
)
def test_a_csms_with_a_wrong_certificate(request, ca, maker, names, begins, ends, said):
    own = request.getfixturevalue(maker).issue("csms", names=names, begins=begins, ends=ends)
    _theirs, error = handshake(csms(own), upstream_context(ca.path, None, None, False))
    assert said in of_csms(error)


def test_a_csms_with_another_address(ca, ours):
    _theirs, error = handshake(csms(ours), upstream_context(ca.path, None, None, False), "192.0.2.1")
    assert "a certificate for another name" in of_csms(error)


def test_a_csms_that_no_ca_of_the_system_knows(ours):
    _theirs, error = handshake(csms(ours), upstream_context(None, None, None, False))
    assert "is not trusted here" in of_csms(error)


def test_a_csms_with_a_weak_key(ca):
    own = ca.issue("weak", key=rsa.generate_private_key(65537, 1024))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    server.load_cert_chain(*own)
    _theirs, error = handshake(server, upstream_context(ca.path, None, None, False))
    assert "too weak" in of_csms(error)
    assert handshake(server, upstream_context(ca.path, None, None, True)) == (None, None)


def test_a_csms_that_wants_a_client_certificate(ca, ours):
    _theirs, error = handshake(csms(ours, wants=ca), upstream_context(ca.path, None, None, False))
    assert "wants a client certificate (security profile 3)" in of_csms(error)


def test_a_csms_that_does_not_trust_our_client_certificate(ca, other_ca, ours):
    client = upstream_context(ca.path, *other_ca.issue("CP001"), False)
    _theirs, error = handshake(csms(ours, wants=ca), client)
    assert "does not trust our client certificate" in of_csms(error)


def test_a_csms_with_old_tls(ca, ours):
    server = csms(ours)
    server.set_ciphers("ALL:@SECLEVEL=0")
    speak_only(server, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    _theirs, error = handshake(server, upstream_context(ca.path, None, None, False))
    assert "speaks no TLS 1.2 or later" in of_csms(error)


# --- on sockets, through asyncio ---


async def error_at_csms(
    behave: Callable[[socket.socket], Awaitable[None]], patience: float = 10
) -> Exception:
    """What a client gets whose server behaves so."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        connecting = asyncio.ensure_future(
            asyncio.open_connection(
                "127.0.0.1",
                port,
                ssl=upstream_context(None, None, None, True),
                ssl_handshake_timeout=patience,
            )
        )
        accepted, _address = await loop.sock_accept(server)
        with accepted:
            await behave(accepted)
            with pytest.raises((OSError, EOFError)) as caught:
                await connecting
    return caught.value


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def hello(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 4096)


def test_a_csms_that_speaks_plain_http():
    async def behave(sock: socket.socket) -> None:
        await hello(sock)
        answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(sock, answer)

    assert "speaks no TLS on this port: use ws://" in of_csms(asyncio.run(error_at_csms(behave)))


def test_a_csms_that_hangs_up():
    async def close(sock: socket.socket) -> None:
        await hello(sock)
        sock.close()

    async def break_off(sock: socket.socket) -> None:
        await hello(sock)
        reset(sock)

    for behave in (close, break_off):
        assert "hung up in the TLS handshake" in of_csms(asyncio.run(error_at_csms(behave)))


def test_a_csms_that_says_nothing():
    async def behave(sock: socket.socket) -> None:
        await hello(sock)

    assert "handshake in time" in of_csms(asyncio.run(error_at_csms(behave, patience=0.01)))


async def error_at_station(
    context: ssl.SSLContext, behave: Callable[[socket.socket], Awaitable[None]], patience: float = 10
) -> Exception:
    """What a server gets whose client behaves so."""
    caught: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(context, ssl_handshake_timeout=patience)
        except (OSError, EOFError) as error:
            caught.set_result(error)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        with socket.create_connection(server.sockets[0].getsockname()) as sock:
            sock.setblocking(False)
            await behave(sock)
            return await caught


def test_a_station_that_hangs_up(ours):
    async def close(sock: socket.socket) -> None:
        sock.close()

    async def break_off(sock: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(sock, b"\x16\x03\x01\x02")
        reset(sock)

    for behave in (close, break_off):
        error = asyncio.run(error_at_station(station_context(*ours, None), behave))
        assert "hung up in the TLS handshake; many do where they do not trust" in of_station(error)


def test_a_station_that_says_nothing(ours):
    async def behave(sock: socket.socket) -> None:
        pass

    error = asyncio.run(error_at_station(station_context(*ours, None), behave, patience=0.01))
    assert "did not go on with the TLS handshake in time" in of_station(error)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        asyncio.run(asyncio.open_connection("127.0.0.1", port, ssl=upstream_context(None, None, None, True)))
    assert "refuses connections" in of_csms(caught.value)


def test_a_host_that_is_none():
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("300.300.300.300", 443, flags=socket.AI_NUMERICHOST)
    assert "cannot be found" in of_csms(caught.value)


def test_something_else():
    assert of_csms(OSError(101, "Network is unreachable")).endswith("failed: Network is unreachable")
    assert of_csms(ssl.SSLError(1, "[SSL] odd (_ssl.c:123)")).endswith("failed: [SSL] odd (_ssl.c:123)")
    assert of_csms(ValueError()).endswith("failed: ValueError")


# --- files ---


def wrong(path: Path, option: str, *said: str) -> "pytest.RaisesExc[TlsFileError]":
    return pytest.raises(
        TlsFileError, match=f"^{re.escape(f'{option} {path}')}: .*" + ".*".join(map(re.escape, said))
    )


def test_no_such_file(ours, tmp_path):
    missing = tmp_path / "missing.pem"
    with wrong(missing, "--cert", "No such file", "PEM form was expected"):
        station_context(missing, None, None)
    with wrong(missing, "--key", "No such file"):
        station_context(ours[0], missing, None)
    with wrong(missing, "--client-ca", "No such file"):
        station_context(*ours, missing)
    with wrong(missing, "--upstream-ca", "No such file"):
        upstream_context(missing, None, None, False)
    with wrong(missing, "--upstream-cert", "No such file"):
        upstream_context(None, missing, None, False)
    with wrong(tmp_path, "--cert", "Is a directory"):
        station_context(tmp_path, None, None)


def test_no_pem(ours, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with wrong(text, "--cert", "holds no certificate in PEM form", "name the file that has it"):
        station_context(text, None, None)
    with wrong(text, "--key", "holds no private key"):
        station_context(ours[0], text, None)
    with wrong(text, "--upstream-ca", "holds no certificate"):
        upstream_context(text, None, None, False)
    with wrong(ours[1], "--cert", "holds no certificate"):
        station_context(ours[1], ours[0], None)  # the other way round


def test_other_forms(ours, tmp_path):
    certificate = x509.load_pem_x509_certificate(ours[0].read_bytes())
    der = tmp_path / "cert.cer"
    der.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    with wrong(der, "--cert", f"openssl x509 -inform DER -in {der} -out cert.pem"):
        station_context(der, None, None)
    bag = tmp_path / "bag.p12"
    bag.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", RSA, None, None, serialization.NoEncryption())
    )
    with wrong(bag, "--cert", "openssl pkcs12 -nodes"):
        station_context(bag, None, None)


def test_no_key(ours):
    with wrong(ours[0], "--cert", "holds no private key", "with --key"):
        station_context(ours[0], None, None)
    with wrong(ours[1], "--upstream-key", "a key without a certificate"):
        upstream_context(None, None, ours[1], False)


def test_a_key_that_does_not_fit(ca, ours):
    for key in (ca.issue("another")[1], ca.issue("rsa", key=RSA)[1]):
        with wrong(key, "--key", f"does not belong to the certificate in {ours[0]}"):
            station_context(ours[0], key, None)


@pytest.mark.parametrize("form", [PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key(ca, tmp_path, form):
    own = ca.issue("rsa", key=RSA)
    path = tmp_path / "secret.key"
    path.write_bytes(RSA.private_bytes(PEM, form, serialization.BestAvailableEncryption(b"word")))
    with wrong(path, "--key", "encrypted", f"openssl pkey -in {path}"):
        station_context(own[0], path, None)


def test_a_weak_certificate(ca):
    own = ca.issue("weak", key=rsa.generate_private_key(65537, 1024))
    with wrong(own[0], "--cert", "too weak (ee key too small)", "2,048 bits"):
        station_context(*own, None)


def test_a_torn_file(ours, tmp_path):
    torn = tmp_path / "torn.pem"
    torn.write_bytes(ours[0].read_bytes()[:200])
    with wrong(torn, "--cert", "OpenSSL cannot read it with --key"):
        station_context(torn, ours[1], None)
    with wrong(torn, "--upstream-ca", "OpenSSL cannot read it"):
        upstream_context(torn, None, None, False)


def test_expiry_is_a_warning(ca, ours, tmp_path):
    now = datetime.now(UTC)
    assert expiry_warning(ours[0], "--cert", now) is None
    ended = ca.issue("ended", begins=-9, ends=-1)
    station_context(*ended, None)
    assert re.fullmatch(
        r"--cert .*ended.crt: the certificate expired on [-0-9]+ [0-9:]+ UTC; .*",
        expiry_warning(ended[0], "--cert", now) or "",
    )
    early = expiry_warning(ours[0], "--upstream-cert", now - timedelta(days=5))
    assert early is not None
    assert "is valid from" in early
    assert expiry_warning(tmp_path / "missing", "--cert", now) is None
