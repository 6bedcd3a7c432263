"""The real policy as a player: `MatchingPolicy.decide` and `evolve`, with the rows that their effects write.

What the loop does around them (journal, publishing, claims) is left out: every event is a batch of its own and nobody
else writes, so no claim is ever refused.
"""

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contracts import intake, matching, notification
from contracts.base import Message
from contracts.matching import PriceSet
from contracts.operations import TimerElapsed
from contracts.words import Category, DecidedBy, DeclineCode, Urgency
from services.chassis.decider import Claim, Drop, Effect, Emit, IncomingEvent, Put, SetTimer
from services.matching.capacity import places
from services.matching.capacity.places import Places
from services.matching.directory import entry_flags
from services.matching.directory.entry_flags import EntryFlags
from services.matching.domain.context import MatchingContext, subject
from services.matching.domain.policy import MatchingPolicy
from services.matching.domain.state import NeedState, UnknownNeed, match_of, service_of
from services.matching.jobs.sweep import recalls
from services.matching.model.limits import Limits
from services.matching.pricing import observations
from services.matching.pricing.build import build_price_set
from services.matching.pricing.observations import ASKED, KEPT, STAYS, needs_of, stays_of
from services.matching.waitlist import queue as waiting
from services.matching.waitlist.queue import Waiter

from .play import Offer
from .scenarios import PATIENCE
from .world import Arrival, World, time

LIMITS = replace(
    Limits(),
    patience={urgency: timedelta(hours=PATIENCE[urgency]) for urgency in Urgency},
    wait={urgency: timedelta(hours=2 * PATIENCE[urgency]) for urgency in Urgency},
)
"""The defaults, except that patience is that of the simulated people, and the wait twice that, as by default."""
ONE_BY_ONE = replace(LIMITS, at_once=dict.fromkeys(Urgency, 1))
"""One offer at a time, as the rivals and matching.md do. By default an emergency is offered to three services, each of
which holds a place for it until it answers."""
SWEEP = 6
"""Hours between sweeps. In production it is seconds; but a recall rarely leaves a place over, and sweeps cost time."""

DAY, WEEK = 24.0, 168.0
"""Hours between two price sets: where places return, and where they are used up."""

Rows = dict[str, dict[str, Any]]


class Ours:
    """A `Matcher`. `decisions` counts the events decided.

    With `priced`, price sets are made as in `services.matching.jobs.price_sets`, from what the policy has written so
    far.
    """

    def __init__(self, world: World, limits: Limits = LIMITS, *, priced: bool = True) -> None:
        self._world, self._limits, self._policy = world, limits, MatchingPolicy(limits)
        self._states: dict[str, NeedState] = {}
        self._places: dict[Category, Rows] = defaultdict(dict)
        self._held: dict[Category, Places] = {}
        self._waiting: dict[Category, dict[str, Rows]] = defaultdict(lambda: defaultdict(dict))
        self._waiters: dict[str, Waiter] = {}
        self._flags: dict[str, Rows] = {entry_flags.FULL: {}, entry_flags.DISPUTES: {}}
        self._timers: list[tuple[datetime, int, str, str]] = []
        self._order = itertools.count()
        self.decisions = 0
        self._prices: PriceSet | None = None
        self._priced = priced
        self._every = WEEK if world.scenario.quota else DAY
        self._written: dict[str, Rows] = {table: {} for table in observations.TABLES}

    # what happens ----------------------------------------------------------------------------------------------------

    def arrives(self, hour: float, need: Arrival) -> Sequence[Offer]:
        if self._priced and (self._prices is None or time(hour) >= self._prices.as_of + timedelta(hours=self._every)):
            self._price(hour)
        return self._handle(hour, need.need)

    def accepts(self, hour: float, offer: Offer) -> Sequence[Offer]:
        return self._handle(hour, notification.OfferAccepted(**self._of(offer, hour)))

    def declines(self, hour: float, offer: Offer) -> Sequence[Offer]:
        code = {"code": DeclineCode.CONFLICT_OF_INTEREST, "by": DecidedBy.PROVIDER}
        return self._handle(hour, notification.Declined(**self._of(offer, hour), **code))

    def ends(self, hour: float, offer: Offer) -> Sequence[Offer]:
        return self._handle(hour, notification.Delivered(**self._of(offer, hour)))

    def leaves(self, hour: float, need: Arrival) -> Sequence[Offer]:
        names = {name: getattr(need.need, name) for name in ("referral_id", "need_id", "need", "agency", "reference")}
        return self._handle(hour, intake.NeedWithdrawn(**names, reason="resolved"))

    def ticks(self, hour: float) -> Sequence[Offer]:
        offers: list[Offer] = []
        now = time(hour)
        while self._timers and self._timers[0][0] <= now:
            due, _, stream, name = heapq.heappop(self._timers)
            offers += self._handle(hour, TimerElapsed(stream=stream, name=name, due_at=due))
        return [*offers, *(self._sweep(hour) if hour % SWEEP == 0 else [])]

    def holds(self, offer: Offer) -> bool:
        state = self._states[self._world.arrivals[offer.need].need.need_id]
        match = match_of(state, offer.attempt)
        return match is not None and service_of(match) == offer.service

    # how it is handled -----------------------------------------------------------------------------------------------

    def _price(self, hour: float) -> None:
        first = (time(hour) - KEPT).date().isoformat()
        needs, stays = (
            [row for row in self._written[table].values() if row["day"] >= first] for table in (ASKED, STAYS)
        )
        taken = Places({row: doc for rows in self._places.values() for row, doc in rows.items()})
        self._prices = build_price_set(
            needs_of(needs), stays_of(stays), self._world.entries.values(), taken, time(hour)
        )

    def _sweep(self, hour: float) -> list[Offer]:
        offers: list[Offer] = []
        for category, queue in list(self._waiting.items()):
            capacity = sum(entry.service.capacity for entry in self._world.directory.of(category))
            if not queue or len(self._places[category]) >= capacity:
                continue
            waiters = [self._waiters[need] for need in queue]
            held, now = self._taken(category), time(hour)
            full = EntryFlags(self._flags[entry_flags.FULL])
            for each in recalls(waiters, held, self._world.directory, now, self._limits, full, self._prices):
                event = matching.WaitingRecalled(referral_id=each.need.referral_id, need_id=each.id)
                offers += self._handle(hour, event)
        return offers

    def _handle(self, hour: float, event: Message) -> list[Offer]:
        """Decide an event, and the recalls that it leads to."""
        offers: list[Offer] = []
        todo = deque([event])
        while todo:
            for effect in self._decide(todo.popleft(), time(hour)):
                if isinstance(effect, Emit) and isinstance(effect.event, matching.WaitingRecalled):
                    todo.append(effect.event)
                elif isinstance(effect, Emit) and isinstance(effect.event, matching.Matched):
                    match = effect.event
                    offers.append(Offer(int(match.need_id[1:]), service_of(match), match.attempt))
        return offers

    def _decide(self, event: Message, now: datetime) -> Sequence[Effect]:
        need = subject(event)
        state = self._states.get(need, UnknownNeed())
        category = self._world.arrivals[int(need[1:])].need.category
        arrived = IncomingEvent(event, f"e{self.decisions}", now, f"r{need[1:]}")
        effects = self._policy.decide(state, arrived, now, self._context(category))
        self.decisions += 1
        for effect in effects:
            match effect:
                case Emit(fact):
                    state = self._policy.evolve(state, fact)
                case SetTimer(name, due_at):
                    heapq.heappush(self._timers, (due_at, next(self._order), need, name))
                case Claim() | Put() | Drop():
                    self._write(effect, category)
        self._states[need] = state
        return effects

    def _context(self, category: Category) -> MatchingContext:
        waiters = [self._waiters[need] for need in self._waiting[category]]
        full, disputes = self._flags[entry_flags.FULL], self._flags[entry_flags.DISPUTES]
        return MatchingContext(
            self._world.directory, self._taken(category), waiters, EntryFlags(full, disputes), self._prices
        )

    def _taken(self, category: Category) -> Places:
        """Built again only after a place was released: decisions only read it."""
        if category not in self._held:
            self._held[category] = Places(self._places[category])
        return self._held[category]

    def _write(self, effect: Claim | Put | Drop, category: Category) -> None:
        if effect.table == waiting.TABLE:
            self._list(effect, self._waiting[category])
            return
        written = self._written.get(effect.table)
        if written is not None:
            rows = written
        else:
            rows = self._places[category] if effect.table == places.TABLE else self._flags[effect.table]
        if isinstance(effect, Drop):
            doc = rows.get(effect.id)
            if doc is not None and effect.doc.items() <= doc.items():
                del rows[effect.id]
                self._held.pop(category, None)
        else:
            assert not isinstance(effect, Claim) or rows.get(effect.id, effect.doc) == effect.doc, "claimed twice"
            rows[effect.id] = effect.doc
            if effect.table == places.TABLE:
                self._taken(category).take(effect.id, effect.doc)

    def _list(self, effect: Claim | Put | Drop, queue: dict[str, Rows]) -> None:
        need, _ = waiting.wait_of(effect.id)
        rows = queue[need]
        if isinstance(effect, Drop):
            rows.pop(effect.id, None)
        else:
            rows[effect.id] = effect.doc
        if rows:
            self._waiters[need] = waiting.read(max(rows.values(), key=lambda doc: doc["turn"]))
        else:
            del queue[need]

    def _of(self, offer: Offer, hour: float) -> dict[str, Any]:
        need = self._world.arrivals[offer.need].need
        provider, _, service = offer.service.partition("/")
        names = {name: getattr(need, name) for name in ("referral_id", "need_id", "need", "agency", "reference")}
        at = time(hour)
        return {**names, "attempt": offer.attempt, "provider": provider, "service": service, "at": at}
