"""One data key per referral, kept wrapped under the master key. Destroying the row destroys every copy of a person."""

from base64 import b64decode, b64encode
from collections.abc import Iterable

from services.chassis.encryption import new_key, seal, unseal
from services.chassis.ports import Claims, Row

TABLE = "keys"


class KeyRing:
    """Finds or makes data keys. Keeps none in memory, so that an erased key is gone at once."""

    def __init__(self, claims: Claims, master_key: str) -> None:
        self._claims = claims
        self._master = b64decode(master_key)

    async def ensure(self, referrals: Iterable[str]) -> dict[str, bytes]:
        """The key of each referral, made where there is none. Of two makers at once, one wins and both use its key."""
        wanted = set(referrals)
        keys = await self.find(wanted)
        made = {referral: new_key() for referral in wanted - keys.keys()}
        if made:
            rows = [Row(TABLE, referral, {"wrapped": self._wrap(referral, key)}) for referral, key in made.items()]
            beaten = await self._claims.take(rows)
            keys |= {referral: key for referral, key in made.items() if referral not in beaten}
            keys |= await self.find(beaten)
        return keys

    async def find(self, referrals: Iterable[str]) -> dict[str, bytes]:
        """The keys there are. Raises `Unsealable` when the master key is not the one that wrapped them."""
        rows = await self._claims.find(TABLE, "_id", referrals)
        return {
            referral: b64decode(unseal(self._master, row["wrapped"], _purpose(referral)))
            for referral, row in rows.items()
        }

    def _wrap(self, referral: str, key: bytes) -> str:
        return seal(self._master, b64encode(key), _purpose(referral))


def _purpose(referral: str) -> str:
    return f"data-key/{referral}"
