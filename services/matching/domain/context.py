"""What matching's decisions need from outside the streams: the directory, the places, who waits."""

from collections.abc import Iterable, Mapping, Sequence

from contracts.base import Message
from contracts.intake import RecommendationAsked
from contracts.matching import EntryLapses, PriceSet, WaitingRecalled
from contracts.operations import TimerElapsed
from services.chassis.decider import Claim, Drop, Effect, Emit, Put

from ..capacity import places
from ..capacity.full_services import Full
from ..capacity.places import Places
from ..directory import entry_flags, expiry
from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..ranking.net_value import charges
from ..waitlist import queue
from ..waitlist.queue import Waiter, WaitingQueues


class MatchingContext:
    """What was gathered for one batch, and what is left of it."""

    def __init__(
        self,
        directory: Directory,
        places: Places,
        waiters: Iterable[Waiter] = (),
        known: EntryFlags | None = None,
        prices: PriceSet | None = None,
        lapses: Mapping[str, entry_flags.Doc] | None = None,
    ) -> None:
        self.lapses = lapses or {}
        """Rows of what providers have been told of the entries that the batch is about."""
        self.directory = directory
        self.places = places
        self.marks = known or EntryFlags()
        self.full = Full(directory, places, self.marks)
        self.recalled: set[str] = set()
        """Needs this batch has recalled already: the next place it gives back is for the next in line."""
        self.kept: dict[str, str] = {}
        """For a household that has waited long, by need: the service where places are kept for it (`choosing`)."""
        self.charges = charges(prices)
        self.lines = WaitingQueues(waiters, self.charges, directory.takes)

    def consume(self, effects: Sequence[Effect]) -> None:
        """Count what a decision has claimed, given back, marked and recalled, and who came to wait or left."""
        for effect in effects:
            match effect:
                case Claim(places.TABLE, row, doc):
                    self.places.take(row, doc)
                    self.full.look(doc["service"])
                case Drop(places.TABLE, row):
                    self.places.give_back(row)
                case Put(entry_flags.FULL, version):
                    self.marks.mark_full(version)
                    self.full.look(version.rpartition("@")[0])
                    self.kept.clear()  # no places are kept at a service that is full
                case Claim(entry_flags.DISPUTES, row, doc):
                    self.marks.dispute(row, doc)
                case Put(queue.TABLE, _, doc):
                    self.lines.add(queue.read(doc))
                case Drop(queue.TABLE, row):
                    self.lines.remove(*queue.turn_of(row))
                case Emit(WaitingRecalled(need_id=need)):
                    self.recalled.add(need)


def subject(event: Message) -> str:
    """The id of the need an event is about, which is its stream; a question and an entry that lapses have their own."""
    match event:
        case RecommendationAsked():
            return event.request_id
        case TimerElapsed():
            return event.stream
        case EntryLapses():
            return expiry.stream(event)
        case _:
            need: str = event.need_id  # type: ignore[attr-defined]  # all that this service handles have one
            return need
