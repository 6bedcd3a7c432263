"""A certificate authority for one Kafka, and the server's key and certificate, for the local stack and compose.

The private key of the authority is never stored, so it cannot sign anything else.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_THIS_MACHINE = ipaddress.ip_address("127.0.0.1")
_LIFE = timedelta(days=365)


def make_certificates(folder: Path, hosts: Sequence[str] = ("localhost",)) -> None:
    """Write ca.pem (what clients trust) and server.pem (key and certificate, readable by its owner only).

    Both are valid for one year. The server's certificate is for the names `hosts` and for 127.0.0.1.
    """
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("referral-routing local authority")
    root = (
        _builder(issuer, issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    here = x509.IPAddress(_THIS_MACHINE)
    names = x509.SubjectAlternativeName([*map(x509.DNSName, hosts), here])
    server = (
        _builder(_name(str(_THIS_MACHINE)), issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").touch(mode=0o600)
    (folder / "server.pem").write_bytes(secret + server.public_bytes(pem) + root.public_bytes(pem))
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
