"""What matching's decisions need besides the streams: the directory, the places, who waits.

Pure; `context_loader` loads it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.base import Message
from contracts.intake import RecommendationAsked
from contracts.matching import EntryExpires, PriceSet, WaitingRecalled
from contracts.operations import TimerElapsed
from services.chassis.decider import Claim, Drop, Effect, Emit, Put

from ..capacity import places
from ..capacity.full_services import FullServices
from ..capacity.places import Places
from ..directory import entry_flags, expiry
from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..model.limits import Limits
from ..ranking.net_value import charges_of
from ..waitlist import queue
from ..waitlist.household_reserve import HouseholdReserve
from ..waitlist.queue import Waiter, WaitingQueues


class MatchingContext:
    """What was loaded for one batch, kept up to date as the batch is decided."""

    def __init__(
        self,
        directory: Directory,
        places: Places,
        waiters: Iterable[Waiter] = (),
        entry_flags: EntryFlags | None = None,
        prices: PriceSet | None = None,
        expiry_rows: Mapping[str, entry_flags.Doc] | None = None,
    ) -> None:
        self.directory = directory
        self.places = places
        self.entry_flags = entry_flags or EntryFlags()
        self.expiry_rows = expiry_rows or {}
        """What providers were already notified about, for the entries that this batch is about."""
        self.charges = charges_of(prices)
        self.full_services = FullServices(directory, places, self.entry_flags)
        self.waiting_queues = WaitingQueues(waiters, self.charges, directory.takes)
        self.household_reserve = HouseholdReserve(directory, self.entry_flags)
        self.recalled: set[str] = set()
        """Needs that this batch has already recalled: the next place it releases goes to the next in the queue."""

    def consume(self, effects: Sequence[Effect]) -> None:
        """Apply what a decision has claimed, released, flagged and recalled, and which needs came to wait or left."""
        for effect in effects:
            match effect:
                case Claim(places.TABLE, row, doc):
                    self.places.take(row, doc)
                    self.full_services.refresh(doc["service"])
                case Drop(places.TABLE, row):
                    self.places.release(row)
                case Put(entry_flags.FULL, version):
                    self.entry_flags.mark_full(version)
                    self.full_services.refresh(version.rpartition("@")[0])
                    self.household_reserve.forget()
                case Claim(entry_flags.DISPUTES, row, doc):
                    self.entry_flags.dispute(row, doc)
                case Put(queue.TABLE, _, doc):
                    self.waiting_queues.add(queue.read(doc))
                case Drop(queue.TABLE, row):
                    self.waiting_queues.remove(*queue.wait_of(row))
                case Emit(WaitingRecalled(need_id=need)):
                    self.recalled.add(need)


class Moment(NamedTuple):
    """The circumstances of a decision: when it is made, what was loaded for it, and the numbers of the policy."""

    now: datetime
    context: MatchingContext
    limits: Limits


def subject(event: Message) -> str:
    """The stream that decides an event: the need's id, or a stream of its own (recommendations, expiring entries)."""
    match event:
        case RecommendationAsked():
            return event.request_id
        case TimerElapsed():
            return event.stream
        case EntryExpires():
            return expiry.notice_stream(event)
        case _:
            need: str = event.need_id  # type: ignore[attr-defined]  # every other event that matching handles has one
            return need
