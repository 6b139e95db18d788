"""TLS of both legs: their contexts from files that users name, and what went wrong in a handshake, in a line."""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from cryptography import x509

Leg: TypeAlias = Literal["station", "upstream"]

_CIPHERS: Final = (
    "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AESGCM:DHE+AES:RSA+AESGCM:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
)
"""Python's own choice, and RSA key exchange with AES-GCM: OCPP's security profiles let stations have no other."""


_MISMATCHES: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""What OpenSSL says to a key that is not a certificate's; the last one where even their kinds differ."""


class TlsFileError(Exception):
    """A file cannot be used; the text names the option, the file, what was expected, and what to do."""

    def __init__(self, option: str, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{option} {path}: {problem}; {remedy}")


def station_context(cert: Path, key: Path | None, client_ca: Path | None) -> ssl.SSLContext:
    """The server's side, for stations.

    Args:
        cert: the certificate, then those between it and its root, PEM.
        key: its key, PEM and unencrypted; in `cert` too if None.
        client_ca: whom the certificates of stations have to be signed by, which then must show one; None asks for
            none.

    Raises:
        TlsFileError: a file cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    _load_own(context, cert, key, "--cert", "--key")
    if client_ca is not None:
        _load_ca(context, client_ca, "--client-ca")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def upstream_context(ca: Path | None, cert: Path | None, key: Path | None, insecure: bool) -> ssl.SSLContext:
    """The client's side, towards the CSMS.

    Args:
        ca: whom alone to trust, PEM: a CA or the very certificate of the CSMS; the system's CAs if None.
        cert: what to show to a CSMS that asks for a client certificate, PEM.
        key: its key; in `cert` too if None.
        insecure: take any certificate, with any name, and weak keys.

    Raises:
        TlsFileError: a file cannot be used, or a key has no certificate.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, level=0 if insecure else 2)
    if ca is not None:
        _load_ca(context, ca, "--upstream-ca")
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be a root
    else:
        context.load_default_certs()
    if cert is not None:
        _load_own(context, cert, key, "--upstream-cert", "--upstream-key")
    elif key is not None:
        raise TlsFileError(
            "--upstream-key", key, "a key without a certificate", "name one with --upstream-cert"
        )
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def expiry_warning(path: Path, option: str, now: datetime) -> str | None:
    """What to warn of where a certificate is not valid now; None where it is, or cannot be read.

    Args:
        path: of the certificate; of several in it the first.
        option: that named it.
        now: with a zone.
    """
    try:
        certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError):
        return None
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"{option} {path}: the certificate expired on {end:%Y-%m-%d %H:%M} UTC; the other side may refuse it"
    if now < begin:
        return (
            f"{option} {path}: the certificate is valid from {begin:%Y-%m-%d %H:%M} UTC only; check the clock"
        )
    return None


def _context(protocol: int, *, level: int = 2) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # as OCPP's security profiles 2 and 3 want
    context.set_ciphers(f"{_CIPHERS}:@SECLEVEL={level}")
    context.set_alpn_protocols(["http/1.1"])  # WebSocket upgrades are HTTP/1.1; nobody shall agree on h2
    return context


# --- files ---


def _load_own(
    context: ssl.SSLContext, cert: Path, key: Path | None, cert_option: str, key_option: str
) -> None:
    pem = _read(cert, cert_option)
    _require_certificate(pem, cert, cert_option)
    key_path, key_name = (cert, cert_option) if key is None else (key, key_option)
    key_pem = pem if key is None else _read(key, key_option)
    if b"PRIVATE KEY-----" not in key_pem:
        remedy = f"name the file that has it with {key_option}"
        raise TlsFileError(key_name, key_path, "holds no private key in PEM form", remedy)
    if b"ENCRYPTED" in key_pem:
        remedy = f"decrypt it: openssl pkey -in {key_path} -out plain.key"
        raise TlsFileError(key_name, key_path, "the key is encrypted, a plain one was expected", remedy)
    try:
        context.load_cert_chain(cert, key_path, password="")
    except ssl.SSLError as error:
        if error.reason in _MISMATCHES:
            raise TlsFileError(
                key_name,
                key_path,
                f"the key does not belong to the certificate in {cert}",
                "name the two that were made together; of several certificates the one of the key must be the first",
            ) from error
        if error.reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
            problem = f"the certificate is too weak ({_words(error.reason)})"
            remedy = "make one with RSA of 2,048 bits or more, or ECDSA, and SHA-256"
            raise TlsFileError(cert_option, cert, problem, remedy) from error
        where = "" if key is None else f" with {key_option} {key}"
        problem = f"OpenSSL cannot read it{where}: {_said(error)}"
        remedy = f"see what openssl x509 -in {cert} and openssl pkey -in {key_path} say"
        raise TlsFileError(cert_option, cert, problem, remedy) from error


def _load_ca(context: ssl.SSLContext, path: Path, option: str) -> None:
    _require_certificate(_read(path, option), path, option)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        problem = f"OpenSSL cannot read it: {_said(error)}"
        raise TlsFileError(option, path, problem, f"see what openssl x509 -in {path} says") from error


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsFileError(
            option, path, f"cannot be read: {error.strerror}", "a file in PEM form was expected"
        ) from error


def _require_certificate(content: bytes, path: Path, option: str) -> None:
    if re.search(rb"-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----", content):
        return
    problem = "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
    remedy = "name the file that has it"
    if content[:1] == b"\x30":  # an ASN.1 sequence
        try:
            x509.load_der_x509_certificate(content)
            remedy = f"convert it: openssl x509 -inform DER -in {path} -out {path.stem}.pem"
        except ValueError:
            remedy = f"if it is PKCS #12, convert it: openssl pkcs12 -nodes -in {path} -out {path.stem}.pem"
    raise TlsFileError(option, path, problem, remedy)


# --- handshakes ---


def explain(error: Exception, *, leg: Leg, peer: str) -> str:
    """Say in a line why a handshake failed: the side at fault, and the remedy.

    Args:
        error: what OpenSSL, asyncio or the system raised, in the handshake or, as TLS 1.3 has it, in the first
            read after it.
        leg: whose it was.
        peer: its address, for people.
    """
    who = f"The station {peer}" if leg == "station" else f"The CSMS {peer}"
    text = _TEXTS[leg].get(_kind(error))
    if text is None:
        return f"{who}: the TLS handshake failed: {_said(error)}"
    return f"{who} {text}"


def _kind(error: Exception) -> str:
    """What happened, as a key of the tables of texts."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, "untrusted")
    # An EOF of TLS is an SSLError, and a time-out of sockets an OSError: the order matters.
    for classes, kind in _CLASSES:
        if isinstance(error, classes):
            return kind
    reason = getattr(error, "reason", None) or ""  # an SSLError that is not OpenSSL's has none
    alert = re.fullmatch(r"(?:SSLV3|TLSV1|TLSV13|TLS)_ALERT_(\w+)", reason)
    if alert is not None:
        return _ALERTS.get(alert[1], "alert")
    return _REASONS.get(reason, "")


def _said(error: Exception) -> str:
    """What an error says, without OpenSSL's brackets and places in its source."""
    if isinstance(error, ssl.SSLError) and (reason := getattr(error, "reason", None)):
        return _words(reason)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(re.sub(r"^\[.*?\] |\(_ssl\.c:\d+\)", "", str(error)).split()) or type(error).__name__


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()


_CLASSES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError, EOFError), "hung-up"),
    ((ConnectionResetError, BrokenPipeError), "hung-up"),
    # asyncio aborts a handshake that takes too long.
    ((TimeoutError, asyncio.TimeoutError, ConnectionAbortedError), "timeout"),
    (ConnectionRefusedError, "refused"),
    (socket.gaierror, "unknown-host"),
)

_VERIFY_CODES: Final[Mapping[int, str]] = {
    9: "not-yet-valid",
    10: "expired",
    62: "other-name",
    64: "other-name",  # an IP address
    66: "weak",
    67: "weak",
    68: "weak",
}
"""Of X509_STORE_CTX_get_error(3); all others are a matter of trust."""

_ALERTS: Final[Mapping[str, str]] = {
    "UNKNOWN_CA": "distrusts",
    "BAD_CERTIFICATE": "distrusts",
    "CERTIFICATE_UNKNOWN": "distrusts",
    "UNSUPPORTED_CERTIFICATE": "distrusts",
    "CERTIFICATE_EXPIRED": "says-expired",
    "CERTIFICATE_REVOKED": "distrusts",
    "CERTIFICATE_REQUIRED": "wants-certificate",
    "PROTOCOL_VERSION": "version",
    "INSUFFICIENT_SECURITY": "no-cipher",
    "HANDSHAKE_FAILURE": "gave-up",
    "UNRECOGNIZED_NAME": "unrecognized-name",
}

_REASONS: Final[Mapping[str, str]] = {
    "HTTP_REQUEST": "plain-http",
    "HTTPS_PROXY_REQUEST": "plain-http",
    "WRONG_VERSION_NUMBER": "no-tls",
    "UNKNOWN_PROTOCOL": "no-tls",
    "UNEXPECTED_MESSAGE": "no-tls",
    "BAD_RECORD_TYPE": "no-tls",
    "PACKET_LENGTH_TOO_LONG": "no-tls",
    "RECORD_LAYER_FAILURE": "no-tls",
    "NO_SHARED_CIPHER": "no-cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "no-cipher",
    "NO_SHARED_SIGNATURE_ALGORITHMS": "no-cipher",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "WRONG_SSL_VERSION": "version",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-certificate",
    "UNEXPECTED_EOF_WHILE_READING": "hung-up",
    "DH_KEY_TOO_SMALL": "weak",
    "EE_KEY_TOO_SMALL": "weak",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "legacy",
}

_TRUST_US: Final = (
    "install the CA of our certificate in it (with --tls-auto: the ca.pem that is named at the start)"
)

_TEXTS: Final[Mapping[Leg, Mapping[str, str]]] = {
    "station": {
        "plain-http": "speaks plain HTTP to a TLS port: let it use wss://, or leave --cert or --tls-auto out",
        "no-tls": "sent something that is no TLS: let it use wss://, or leave --cert or --tls-auto out",
        "version": (
            "speaks no TLS that OCPP's security profiles allow (1.2 or later): update its firmware, or let it use "
            "ws:// and leave --cert or --tls-auto out"
        ),
        "no-cipher": (
            "and we have no cipher suite in common: give --cert an RSA certificate (--tls-auto makes one), or update "
            "the station's firmware"
        ),
        "gave-up": (
            "gave up in the handshake, mostly for lack of a common cipher suite: give --cert an RSA certificate "
            "(--tls-auto makes one)"
        ),
        "distrusts": f"does not trust our certificate: {_TRUST_US}",
        "says-expired": "says that our certificate has expired: renew the one of --cert, or set the station's clock",
        "unrecognized-name": "asks for a name that we do not have: check the host in its URL",
        "no-certificate": (
            "shows no client certificate, and --client-ca wants one: install one in it (security profile 3), or "
            "leave --client-ca out"
        ),
        "untrusted": (
            "shows a client certificate that is not signed by --client-ca: name the CA that signed it, or leave "
            "--client-ca out"
        ),
        "expired": "shows a client certificate that has expired: renew it in the station, or leave --client-ca out",
        "not-yet-valid": (
            "shows a client certificate that is not valid yet: check the clock of this machine, or leave "
            "--client-ca out"
        ),
        "weak": "shows a client certificate that is too weak: it needs RSA of 2,048 bits or ECDSA, and SHA-256",
        "hung-up": f"hung up in the TLS handshake; many do where they do not trust a certificate: {_TRUST_US}",
        "timeout": (
            "did not go on with the TLS handshake in time: let it use wss://, and check the network between it "
            "and us"
        ),
    },
    "upstream": {
        "no-tls": "speaks no TLS on this port: use ws:// in --upstream, or its TLS port",
        "plain-http": "speaks no TLS on this port: use ws:// in --upstream, or its TLS port",
        "version": "speaks no TLS 1.2 or later, which OCPP's security profiles want: update it",
        "no-cipher": "and we have no cipher suite in common: it needs AES-GCM, as OCPP's security profiles want",
        "gave-up": (
            "refused the handshake, mostly for lack of a common cipher suite or of a client certificate: give it "
            "--upstream-cert and --upstream-key if it wants one"
        ),
        "distrusts": (
            "does not trust our client certificate: name one that its CA signed with --upstream-cert and "
            "--upstream-key"
        ),
        "says-expired": "says that our client certificate has expired: renew the one of --upstream-cert",
        "wants-certificate": (
            "wants a client certificate (security profile 3): name the station's with --upstream-cert and "
            "--upstream-key"
        ),
        "unrecognized-name": "does not know the host name that we ask for: check the host in --upstream",
        "untrusted": (
            "shows a certificate that is not trusted here: name its CA with --upstream-ca, or take any with --insecure"
        ),
        "expired": "shows a certificate that has expired: renew it there, or take it with --insecure",
        "not-yet-valid": (
            "shows a certificate that is not valid yet: check the clock of this machine, or take it with --insecure"
        ),
        "other-name": (
            "shows a certificate for another name: use one of its names in --upstream, or take it with --insecure"
        ),
        "weak": "has a key or certificate that is too weak: renew it there, or take it with --insecure",
        "legacy": "knows no secure renegotiation (RFC 5746): update it",
        "hung-up": (
            "hung up in the TLS handshake: check that the port of --upstream is the one for TLS, and whether it "
            "wants a client certificate (--upstream-cert)"
        ),
        "timeout": (
            "did not go on with the TLS handshake in time: check the port of --upstream (ws:// where it speaks no "
            "TLS) and the network"
        ),
        "refused": "refuses connections: check host and port of --upstream, and whether it runs",
        "unknown-host": "cannot be found: check the host name in --upstream, and DNS",
    },
}
