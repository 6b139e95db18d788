"""Real handshakes without a socket, and the certificates for them."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str | None = "localhost"
) -> tuple[ssl.SSLError | None, ssl.SSLError | None]:
    """Shake hands and exchange a byte each way, as an alert may come after the handshake.

    Returns:
        What went wrong at the server, and at the client.
    """
    return converse(*pair(server, client, host))


def pair(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str | None = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    return (
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=host),
    )


def converse(server: ssl.SSLObject, client: ssl.SSLObject) -> tuple[ssl.SSLError | None, ssl.SSLError | None]:
    errors: dict[ssl.SSLObject, ssl.SSLError] = {}
    shaken: set[ssl.SSLObject] = set()
    for _round in range(6):
        for end in (client, server):
            if end in errors:
                continue
            try:
                if end not in shaken:
                    end.do_handshake()
                    shaken.add(end)
                    end.write(b"!")
                end.read(1)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                errors[end] = error
    return errors.get(server), errors.get(client)


def answer_to(server: ssl.SSLContext, first: bytes) -> ssl.SSLError | None:
    """What a server says to bytes that are no TLS."""
    incoming = ssl.MemoryBIO()
    incoming.write(first)
    end = server.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    try:
        end.do_handshake()
    except ssl.SSLError as error:
        return error
    return None


class Maker:
    """A CA of its own, and certificates that it signs, as files in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.key: Key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name(f"test {name}")
        self.path = folder / f"{name}.pem"
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(self.subject, self.subject, self.key.public_key(), 1)
            .not_valid_before(now - timedelta(days=900))
            .not_valid_after(now + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path.write_bytes(made.public_bytes(PEM))

    def issue(
        self,
        name: str,
        *,
        names: Sequence[str] = ("localhost",),
        begins: int = -1,
        ends: int = 1,
        key: Key | None = None,
    ) -> tuple[Path, Path]:
        """Make a certificate and its key.

        Args:
            name: of the files.
            names: DNS names in it.
            begins: days from now.
            ends: days from now.
            key: to certify; a new one if None.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(self.subject, _name(name), key.public_key(), x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=ends))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        cert_path, key_path = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        cert_path.write_bytes(made.public_bytes(PEM))
        key_path.write_bytes(key.private_bytes(PEM, PKCS8, PLAIN))
        return cert_path, key_path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
