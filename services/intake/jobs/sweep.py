"""Finds what a lost message may have missed, and rows whose claimer may have died. It changes nothing itself.

Only rows that a need is linked to are checked: any other row that is wrongly there does no harm to anyone else.
"""

from services.chassis.engine.rehearsal import Addressed
from services.chassis.ports import Claims

from ..domain.deduplication import LINKS, SERVED, doubt, link_ended


class DuplicateSweep:
    """Call `suspicions` periodically, and publish those that have an effect (`Rehearsal`)."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    async def suspicions(self) -> list[Addressed]:
        """Events that resume linked needs whose row is gone, and that ask about rows that are there.

        Raises `TransientError` when the database is not available.
        """
        links = await self._claims.all(LINKS)
        served = await self._claims.find(SERVED, "_id", {doc["row"] for doc in links.values()}) if links else {}
        ended = [(link_ended(doc), doc["referral"]) for doc in links.values() if doc["row"] not in served]
        return [*ended, *((doubt(row, doc), doc["referral"]) for row, doc in served.items())]
