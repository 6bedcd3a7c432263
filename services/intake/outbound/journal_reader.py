"""Referrals as their journals say now: for the last look before something leaves."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from services.chassis.engine.journal import JournalEntry, fold

from ..domain.policy import IntakePolicy
from ..domain.state import Referral

Load = Callable[[Iterable[str]], Awaitable[Mapping[str, list[dict[str, Any]]]]]
"""`Store.load`."""


class Journals:
    """Folds journals anew. What the loop has cached would not do: what is owed from before a crash is older than it."""

    def __init__(self, load: Load, policy: IntakePolicy) -> None:
        self._load = load
        self._policy = policy

    async def read(self, referrals: Iterable[str]) -> dict[str, Referral]:
        """Those there are, by id. Raises `TransientError`."""
        found = await self._load(referrals)
        return {referral: self._folded(referral, documents) for referral, documents in found.items()}

    def _folded(self, referral: str, documents: Iterable[Mapping[str, Any]]) -> Referral:
        entries = (JournalEntry.read(referral, each) for document in documents for each in document["entries"])
        return fold(self._policy, referral, entries)
