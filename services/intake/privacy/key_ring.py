"""One data key per referral, wrapped under the master key. Deleting its row makes every sealed copy unreadable."""

from base64 import b64decode, b64encode
from collections.abc import Iterable

from services.chassis.encryption import new_key, seal, unseal
from services.chassis.ports import Claims, Row

TABLE = "keys"


class KeyRing:
    """Finds or makes data keys. It keeps none in memory, so an erased key is gone at once."""

    def __init__(self, claims: Claims, master_key: str) -> None:
        self._claims = claims
        self._master = b64decode(master_key)

    async def ensure(self, referrals: Iterable[str]) -> dict[str, bytes]:
        """The key of each referral, made where there is none. If two callers make one at once, both get the same key.

        Raises `UnsealableError` when the master key is not the one that wrapped the keys, and `TransientError`.
        """
        wanted = set(referrals)
        keys = await self.find(wanted)
        new_keys = {referral: new_key() for referral in wanted - keys.keys()}
        if new_keys:
            rows = [Row(TABLE, referral, {"wrapped": self._wrap(referral, key)}) for referral, key in new_keys.items()]
            made_elsewhere = await self._claims.take(rows)
            keys |= {referral: key for referral, key in new_keys.items() if referral not in made_elsewhere}
            keys |= await self.find(made_elsewhere)
        return keys

    async def find(self, referrals: Iterable[str]) -> dict[str, bytes]:
        """The keys that exist, by referral.

        Raises `UnsealableError` when the master key is not the one that wrapped them, and `TransientError`.
        """
        rows = await self._claims.find(TABLE, "_id", referrals)
        return {
            referral: b64decode(unseal(self._master, row["wrapped"], _purpose(referral)))
            for referral, row in rows.items()
        }

    def _wrap(self, referral: str, key: bytes) -> str:
        return seal(self._master, b64encode(key), _purpose(referral))


def _purpose(referral: str) -> str:
    return f"data-key/{referral}"
