"""What matching's decisions need from outside the streams: the directory, the places, who waits."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import Accepted, RecommendationAsked
from contracts.matching import EntryLapses, PriceSet, WaitingRecalled
from contracts.notification import Declined
from contracts.operations import TimerElapsed
from contracts.words import DeclineCode
from services.chassis.decider import Claim, Drop, Effect, Emit, Put
from services.chassis.ports import Claims

from . import experience, lapsing, marks, places, pricer, waiting
from .charging import charges
from .directory import Directory, service_id
from .fullness import Full
from .marks import Marks
from .places import Places
from .posed import as_need
from .state import Need, service_of
from .waiting import Lines, Waiter

INDEXES: dict[str, list[tuple[str, ...]]] = {
    places.TABLE: [("service",), ("need",)],
    waiting.TABLE: [("category",), ("need",)],
    marks.FULL: [("service",)],
    marks.DISPUTES: [("service",)],
    marks.LAPSES: [("service",)],
    **{table: [("day",)] for table in (*experience.TABLES, pricer.TABLE)},
}
"""What `Claims.find` looks for, by table."""


class Given:
    """What was gathered for one batch, and what is left of it."""

    def __init__(
        self,
        directory: Directory,
        places: Places,
        waiters: Iterable[Waiter] = (),
        known: Marks | None = None,
        prices: PriceSet | None = None,
        lapses: Mapping[str, marks.Doc] | None = None,
    ) -> None:
        self.lapses = lapses or {}
        """Rows of what providers have been told of the entries that the batch is about."""
        self.directory = directory
        self.places = places
        self.marks = known or Marks()
        self.full = Full(directory, places, self.marks)
        self.recalled: set[str] = set()
        """Needs this batch has recalled already: the next place it gives back is for the next in line."""
        self.kept: dict[str, str] = {}
        """For a household that has waited long, by need: the service where places are kept for it (`choosing`)."""
        self.charges = charges(prices)
        self.lines = Lines(waiters, self.charges, directory.takes)

    def spend(self, effects: Sequence[Effect]) -> None:
        """Count what a decision has claimed, given back, marked and recalled, and who came to wait or left."""
        for effect in effects:
            match effect:
                case Claim(places.TABLE, row, doc):
                    self.places.take(row, doc)
                    self.full.look(doc["service"])
                case Drop(places.TABLE, row):
                    self.places.give_back(row)
                case Put(marks.FULL, version):
                    self.marks.mark_full(version)
                    self.full.look(version.rpartition("@")[0])
                    self.kept.clear()  # no places are kept at a service that is full
                case Claim(marks.DISPUTES, row, doc):
                    self.marks.dispute(row, doc)
                case Put(waiting.TABLE, _, doc):
                    self.lines.add(waiting.read(doc))
                case Drop(waiting.TABLE, row):
                    self.lines.remove(*waiting.turn_of(row))
                case Emit(WaitingRecalled(need_id=need)):
                    self.recalled.add(need)


class MatchingOutside:
    """Gathers, in one query per table and field, what a batch may touch."""

    def __init__(
        self, directory: Directory, claims: Claims, prices: Callable[[], PriceSet | None] = lambda: None
    ) -> None:
        self._directory = directory
        self._claims = claims
        self._prices = prices

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> Given:
        """See `Outside`. Rows of a service that joins the directory meanwhile are missing: its claim is refused."""
        needs = {subject(event) for _, event in pairs}
        entries = {entry.id: entry for need in _asked(pairs) for entry in self._directory.ever(need)}
        for state, _ in pairs:
            held = (self._directory.get(service_of(match)) for match in state.matches)
            entries |= {entry.id: entry for entry in held if entry is not None}
        rows = await self._claims.find(places.TABLE, "service", entries)
        rows |= await self._claims.find(places.TABLE, "need", needs)
        rivals = {category.value for entry in entries.values() for category in entry.service.categories}
        docs = await self._claims.find(waiting.TABLE, "category", rivals)
        docs |= await self._claims.find(waiting.TABLE, "need", needs)
        waiters = [waiting.read(doc) for doc in docs.values()]
        households = (each.need for each in waiters if each.need.places > 1)  # places may be kept for them elsewhere
        open_to_them = {entry.id for need in households for entry in self._directory.ever(need)}
        full = await self._claims.find(marks.FULL, "service", open_to_them | entries.keys())
        refused = {service_of(match) for state, event in pairs if _says_not_eligible(event) for match in state.matches}
        disputes = await self._claims.find(marks.DISPUTES, "service", refused) if refused else {}
        lapsing_ = {service_id(event.provider, event.service) for _, event in pairs if isinstance(event, EntryLapses)}
        lapses = await self._claims.find(marks.LAPSES, "service", lapsing_) if lapsing_ else {}
        return Given(self._directory, Places(rows), waiters, Marks(full, disputes), self._prices(), lapses)


def _asked(pairs: Iterable[tuple[Need, Message]]) -> Iterator[Accepted]:
    """The needs, as they were and as they are now, for which services may be looked for."""
    for state, event in pairs:
        if state.accepted is not None:
            yield state.accepted
        if isinstance(event, Accepted):
            yield event
        elif isinstance(event, RecommendationAsked):
            yield from (as_need(event, asked) for asked in event.needs)


def _says_not_eligible(event: Message) -> bool:
    return isinstance(event, Declined) and event.code is DeclineCode.NOT_ELIGIBLE


def subject(event: Message) -> str:
    """The id of the need an event is about, which is its stream; a question and an entry that lapses have their own."""
    match event:
        case RecommendationAsked():
            return event.request_id
        case TimerElapsed():
            return event.stream
        case EntryLapses():
            return lapsing.stream(event)
        case _:
            need: str = event.need_id  # type: ignore[attr-defined]  # all that this service handles have one
            return need
