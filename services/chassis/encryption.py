"""Encryption: AES-256-GCM with a data key, and HPKE (RFC 9180) to a recipient's public key.

All algorithms are those of the library `cryptography`. Nothing here logs or stores anything.
"""

import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AfterValidator, BeforeValidator

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_NONCE = 12

DEAD_LETTER = "referral-routing/dead-letter"
"""The purpose under which dead letters are sealed."""


class UnsealableError(Exception):
    """The box was sealed with another key or for another purpose, was changed, or its key has been destroyed."""


def _key(text: str) -> str:
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise ValueError("expected 32 bytes in base64")
    return text


def _from_file(text: object) -> object:
    """The text, or the content of the file it names. Raises `ValueError` when that cannot be read."""
    if not isinstance(text, str) or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text().strip()
    except UnicodeDecodeError:
        raise ValueError("the file is not text") from None
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror or type(error).__name__})") from None


Base64Key = Annotated[str, BeforeValidator(_from_file), AfterValidator(_key)]
"""32 bytes in base64: a data key, or a raw X25519 public or private key.

Or ``@path`` of a file that contains it, so that a secret need not be in the environment.
"""

SecretText = Annotated[str, BeforeValidator(_from_file)]
"""Any secret text, or ``@path`` of a file that contains it."""


def new_key() -> bytes:
    """A new AES-256 key."""
    return AESGCM.generate_key(256)


def new_pair() -> tuple[str, str]:
    """A new X25519 pair: private and public key, each raw in base64."""
    private = X25519PrivateKey.generate()
    return b64encode(private.private_bytes_raw()).decode(), b64encode(private.public_key().public_bytes_raw()).decode()


def public_of(private_key: str) -> str:
    """The public key of a raw private key, both in base64."""
    return b64encode(
        X25519PrivateKey.from_private_bytes(b64decode(private_key)).public_key().public_bytes_raw()
    ).decode()


def seal(key: bytes, plain: bytes, purpose: str) -> str:
    """Nonce and ciphertext in base64, bound to `purpose` as associated data."""
    nonce = os.urandom(_NONCE)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())).decode()


def unseal(key: bytes, box: str, purpose: str) -> bytes:
    """The inverse of `seal`. Raises `UnsealableError`, which names the purpose up to its first slash."""
    raw = b64decode(box)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
    except InvalidTag:
        raise UnsealableError(purpose.split("/")[0]) from None


def seal_to(public_key: str, plain: bytes, purpose: str) -> str:
    """An HPKE message in base64 that only the owner of the private key can open, bound to `purpose` as info."""
    return b64encode(
        _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(b64decode(public_key)), info=purpose.encode())
    ).decode()


def takes_sealed(public_key: str) -> bool:
    """Whether one can seal to this key. Some 32 bytes are not a usable one (RFC 7748, section 6.1: all-zero result)."""
    try:
        seal_to(public_key, b"", "trial")
    except ValueError:
        return False
    return True


def open_sealed(private_key: str, box: str, purpose: str) -> bytes:
    """The inverse of `seal_to`. Raises `UnsealableError`, which names the purpose up to its first slash."""
    try:
        return _SUITE.decrypt(
            b64decode(box), X25519PrivateKey.from_private_bytes(b64decode(private_key)), info=purpose.encode()
        )
    except (InvalidTag, ValueError):
        raise UnsealableError(purpose.split("/")[0]) from None
