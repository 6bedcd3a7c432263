"""Ids that are derived, so that sending a thing twice is sending it once."""

import hashlib
import hmac
from uuid import UUID

_NEEDS = UUID("6f0d9c2e-7a52-5b0e-9d3f-2f1c8a4be0a7")


def referral_id(secret: bytes, agency: str, reference: str) -> str:
    """The id of an agency's referral: a keyed hash, since an unkeyed one could be guessed from the reference.

    `secret` is intake's, 32 bytes. The same for ever: with another secret every referral would be a new one.
    """
    digest = hmac.digest(secret, f"{agency}/{reference}".encode(), "sha256")
    return str(UUID(bytes=digest[:16], version=5))


def need_id(referral: str, need: str) -> str:
    """The id of a need, from its referral's id and the agency's label. Anyone who knows both can compute it."""
    digest = hashlib.sha1(_NEEDS.bytes + f"{referral}/{need}".encode(), usedforsecurity=False).digest()
    return str(UUID(bytes=digest[:16], version=5))
