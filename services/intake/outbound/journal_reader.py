"""Reads referrals from their journals, for a last check before something is published."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from services.chassis.engine.journal import JournalEntry, fold

from ..domain.policy import IntakePolicy
from ..domain.state import Referral, State

Load = Callable[[Iterable[str]], Awaitable[Mapping[str, list[dict[str, Any]]]]]
"""`Store.load`."""


class JournalReader:
    """Folds journals again. The loop's cache would not do: after a crash, unpublished events are older than it."""

    def __init__(self, load: Load, policy: IntakePolicy) -> None:
        self._load = load
        self._policy = policy

    async def read(self, referrals: Iterable[str]) -> dict[str, Referral]:
        """The referrals that are stored, by id. Raises `TransientError`."""
        journals = await self._load(referrals)
        states = {referral: self._fold(referral, documents) for referral, documents in journals.items()}
        return {referral: state for referral, state in states.items() if isinstance(state, Referral)}

    def _fold(self, referral: str, documents: Iterable[Mapping[str, Any]]) -> State:
        entries = (JournalEntry.read(referral, entry) for document in documents for entry in document["entries"])
        return fold(self._policy, referral, entries)
