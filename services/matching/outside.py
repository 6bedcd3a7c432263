"""What matching's decisions need from outside the streams: the directory, the places, who waits."""

from collections.abc import Iterable, Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import Accepted, RecommendationAsked
from contracts.matching import WaitingRecalled
from contracts.operations import TimerElapsed
from contracts.words import Category
from services.chassis.decider import Claim, Drop, Effect, Emit, Put
from services.chassis.ports import Claims

from . import places, waiting
from .directory import Directory, Entry
from .places import Places
from .state import Need
from .waiting import Lines, Waiter

INDEXES: dict[str, list[tuple[str, ...]]] = {
    places.TABLE: [("service",), ("need",)],
    waiting.TABLE: [("category",), ("need",)],
}
"""What `Claims.find` looks for, by table."""


class Given:
    """What was gathered for one batch, and what is left of it."""

    def __init__(self, directory: Directory, places: Places, waiters: Iterable[Waiter] = ()) -> None:
        self.directory = directory
        self.places = places
        self.recalled: set[str] = set()
        """Needs this batch has recalled already: the next place it gives back is for the next in line."""
        self.kept: dict[str, str] = {}
        """For a household that has waited long, by need: the service where places are kept for it (`choosing`)."""
        self.lines = Lines(waiters)

    def spend(self, effects: Sequence[Effect]) -> None:
        """Count what a decision has claimed, given back and recalled, and who came to wait or left."""
        for effect in effects:
            match effect:
                case Claim(places.TABLE, row, doc):
                    self.places.take(row, doc)
                case Drop(places.TABLE, row):
                    self.places.give_back(row)
                case Put(waiting.TABLE, _, doc):
                    self.lines.add(waiting.read(doc))
                case Drop(waiting.TABLE, row):
                    self.lines.remove(*waiting.turn_of(row))
                case Emit(WaitingRecalled(need_id=need)):
                    self.recalled.add(need)


class MatchingOutside:
    """Gathers, in one query per table and field, what a batch may touch."""

    def __init__(self, directory: Directory, claims: Claims) -> None:
        self._directory = directory
        self._claims = claims

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> Given:
        """See `Outside`. Rows of a service that joins the directory meanwhile are missing: its claim is refused."""
        needs: set[str] = set()
        categories: set[Category] = set()
        entries: dict[str, Entry] = {}
        for state, event in pairs:
            assert isinstance(state, Need)  # noqa: S101
            needs.add(subject(event))
            for known in (state.accepted, event):
                if isinstance(known, Accepted):
                    categories.add(known.category)
            if isinstance(event, RecommendationAsked):
                categories |= {asked.category for asked in event.needs}
            held = self._directory.get(state.service) if state.service else None
            if held is not None:
                entries[held.id] = held
        entries |= {entry.id: entry for category in categories for entry in self._directory.of(category)}
        rivals = {category.value for entry in entries.values() for category in entry.service.categories}
        rows = await self._claims.find(places.TABLE, "service", entries)
        rows |= await self._claims.find(places.TABLE, "need", needs)
        docs = await self._claims.find(waiting.TABLE, "category", rivals)
        docs |= await self._claims.find(waiting.TABLE, "need", needs)
        return Given(self._directory, Places(rows), [waiting.read(doc) for doc in docs.values()])


def subject(event: Message) -> str:
    """The id of the need an event is about, which is its stream; a question has an id of its own."""
    match event:
        case RecommendationAsked():
            return event.request_id
        case TimerElapsed():
            return event.stream
        case _:
            need: str = event.need_id  # type: ignore[attr-defined]  # all that this service handles have one
            return need
