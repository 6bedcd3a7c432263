"""Ids that are derived, so that sending a thing twice is sending it once."""

import hashlib
import hmac
from uuid import UUID

_NEEDS = UUID("6f0d9c2e-7a52-5b0e-9d3f-2f1c8a4be0a7").bytes


def referral_id(secret: bytes, agency: str, reference: str) -> str:
    """The id of an agency's referral: a keyed hash, since an unkeyed one could be guessed from the reference.

    `secret` is intake's, 32 bytes. The same for ever: with another secret every referral would be a new one.
    """
    return as_uuid(hmac.digest(secret, f"{agency}/{reference}".encode(), "sha256"))


def need_id(referral: str, need: str) -> str:
    """The id of a need, from its referral's id and the agency's label. Anyone who knows both can compute it."""
    return as_uuid(hashlib.sha1(_NEEDS + f"{referral}/{need}".encode(), usedforsecurity=False).digest())


def derived_id(*parts: object) -> str:
    """A UUID (version 5 in form) that is the same for the same parts, everywhere and for ever."""
    return as_uuid(hashlib.sha1("|".join(map(str, parts)).encode(), usedforsecurity=False).digest())


def as_uuid(digest: bytes) -> str:
    """The start of a hash as a UUID, version 5 in form; `uuid.UUID` would take four times as long."""
    marked = bytearray(digest[:16])
    marked[6] = marked[6] & 0x0F | 0x50
    marked[8] = marked[8] & 0x3F | 0x80
    text = marked.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
