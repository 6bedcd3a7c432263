"""Reads referrals from their journals, for a last check before something is published."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from services.chassis.engine.journal import entries_of, fold

from ..domain.policy import IntakePolicy
from ..domain.state import Referral

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
        states = {id_: fold(self._policy, id_, entries_of(documents)) for id_, documents in journals.items()}
        return {id_: state for id_, state in states.items() if isinstance(state, Referral)}
