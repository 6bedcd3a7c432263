"""Repeats what a lost message missed, and doubts rows whose claimer may have died. It changes nothing itself.

Only rows that somebody is linked to are looked at: another's row that is wrongly there does no harm to anyone else.
"""

from contracts.base import Message
from services.chassis.ports import Claims

from ..domain.deduplication import LINKS, SERVED, doubt, link_ended

Addressed = tuple[Message, str]
"""An event for intake's own inbox, and its record key."""


class Sweep:
    """`look` is to be called from time to time, and what it returns to be published."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    async def look(self) -> list[Addressed]:
        """A linked need whose row is gone takes its turn; a row that is there is asked for. Raises `TransientError`."""
        links = await self._claims.all(LINKS)
        served = await self._claims.find(SERVED, "_id", {doc["row"] for doc in links.values()}) if links else {}
        ended = [(link_ended(doc), doc["referral"]) for doc in links.values() if doc["row"] not in served]
        return [*ended, *((doubt(row, doc), doc["referral"]) for row, doc in served.items())]
