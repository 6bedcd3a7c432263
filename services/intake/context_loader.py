"""Loads what intake's decisions need from outside their streams."""

from collections.abc import Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import LinkEnded, ReferralReceived, ServedDoubtful, StatusAsked
from contracts.profiles import Sealed
from contracts.zones import zone_of
from services.chassis.encryption import UnsealableError, unseal
from services.chassis.ports import Claims

from .domain.ages import BirthDates, is_about_ages
from .domain.context import IntakeContext
from .domain.deduplication import LINKS, SERVED, row_of
from .domain.state import Referral, UnknownReferral
from .outbound.provider_keys import ProviderKeys
from .privacy.key_ring import KeyRing
from .privacy.person import Personal, birth_dates_of, purpose

INDEXES: dict[str, list[tuple[str, ...]]] = {LINKS: [("row",)]}
"""The fields that `Claims.find` searches by, by table."""


class IntakeContextLoader:
    """Loads the rows of the duplicate check with two queries at most, and birth dates where a birthday is due."""

    def __init__(self, providers: ProviderKeys, claims: Claims, keys: KeyRing) -> None:
        self._providers, self._claims, self._keys = providers, claims, keys

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> IntakeContext:
        """See `ContextLoader`. Providers' keys need no query, since their directories are followed."""
        claimed: set[str] = set()
        released: set[str] = set()
        for state, event in pairs:
            assert isinstance(state, Referral | UnknownReferral)  # noqa: S101
            match event:
                case ReferralReceived():
                    rows = (row_of(event.marks, need.category) for need in event.needs)
                    claimed.update(row for row in rows if row is not None)
                case LinkEnded():
                    claimed.add(event.row)
                case ServedDoubtful():
                    released.add(event.row)
                case StatusAsked():
                    continue  # changes no row
            released.update(claim.row for claim in state.needs.serving.values())
        served = await self._claims.find(SERVED, "_id", claimed) if claimed else {}
        links = await self._claims.find(LINKS, "row", released) if released else {}
        return IntakeContext(self._providers, served, links, await self._birth_dates(pairs))

    async def _birth_dates(self, pairs: Sequence[tuple[Any, Message]]) -> dict[str, BirthDates]:
        """The birth dates of those whose ages are due, by referral. They exist in clear for this batch only."""
        due = {
            event.stream: state.stored for state, event in pairs if is_about_ages(event) and isinstance(state, Referral)
        }
        keys = await self._keys.find(due) if due else {}
        opened = {referral: _opened(referral, key, due[referral].personal) for referral, key in keys.items()}
        return {
            referral: BirthDates(zone_of(due[referral].region.admin1), birth_dates_of(personal))
            for referral, personal in opened.items()
            if personal is not None
        }


def _opened(referral: str, key: bytes, sealed: Sealed) -> Personal | None:
    """The person; None if the key that sealed it no longer exists: the person was erased, and then sent again."""
    try:
        return Personal.model_validate_json(unseal(key, sealed.box, purpose(referral)))
    except UnsealableError:
        return None
