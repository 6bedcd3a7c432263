"""Ids that are derived from content, so that a message sent twice has the same id."""

import hashlib
import hmac
from uuid import UUID

_NEEDS = UUID("6f0d9c2e-7a52-5b0e-9d3f-2f1c8a4be0a7").bytes


def referral_id(secret: bytes, agency: str, reference: str) -> str:
    """The id of an agency's referral: a keyed hash, since an unkeyed one could be guessed from the reference.

    `secret` is intake's, 32 bytes. It must never change: with another secret every referral would get a new id.
    """
    return as_uuid(hmac.digest(secret, f"{agency}/{reference}".encode(), "sha256"))


def need_id(referral: str, need: str) -> str:
    """The id of a need. Anyone who knows the referral's id and the agency's label of the need can compute it."""
    return as_uuid(hashlib.sha1(_NEEDS + f"{referral}/{need}".encode(), usedforsecurity=False).digest())


def derived_id(*parts: object) -> str:
    """A UUID (version 5 in form) that is always the same for the same parts."""
    return as_uuid(hashlib.sha1("|".join(map(str, parts)).encode(), usedforsecurity=False).digest())


def as_uuid(digest: bytes) -> str:
    """The first 16 bytes of a hash as a UUID, version 5 in form. `uuid.UUID` would take four times as long."""
    octets = bytearray(digest[:16])
    octets[6] = octets[6] & 0x0F | 0x50  # version
    octets[8] = octets[8] & 0x3F | 0x80  # variant
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
