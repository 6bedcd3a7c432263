"""Eight matchers at once on a real MongoDB: no place has two needs, no service is over capacity, all are released.

Each has its own connection and takes the steps of the loop with the real policy: gather, decide, claim, record, and
only then write and delete rows. It keeps the state where the loop would journal it. A crash is worse here than in
the service: the claim is never recorded, and its event never comes again, so only the sweep can find the row.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import reduce
from uuid import uuid4

import pytest

from contracts import topics
from contracts.base import Message
from contracts.words import Category, Urgency
from deploy.local.stack import Addresses
from services.chassis import mongo
from services.chassis.decider import Claim, Drop, Effect, Emit, IncomingEvent, Put
from services.chassis.ports import Row
from services.matching.capacity.places import TABLE, service_of
from services.matching.context_loader import INDEXES, MatchingContextLoader
from services.matching.directory.directory import Directory
from services.matching.domain.context import subject
from services.matching.domain.policy import MatchingPolicy
from services.matching.domain.state import (
    KnownNeed,
    MatchedNeed,
    NeedState,
    UnknownNeed,
    WaitingNeed,
    matches_of,
    rows_of,
)
from services.matching.jobs.sweep import WaitingSweep
from services.matching.model.limits import Limits
from services.matching.place_table import MarkedClaims
from services.matching.waitlist.queue import TABLE as WAITING
from tests.support.builders import accepted, minimum, service, withdrawn
from tests.support.clock import START

MATCHERS, SERVICES, CAPACITY, OPERATIONS = 8, 4, 250, 20_000
CATEGORIES = [Category.SHELTER, Category.LEGAL, Category.FOOD, Category.CASH]
"""One for each service; a batch has needs of one category, so that it reads a quarter of the rows."""
OPEN = 136
"""The most needs that a matcher has open: together a few more than there are places, so that some wait."""
BATCH, CRASHES = 50, 0.04
LIMITS = Limits()


class World:
    """What the matchers share besides the database: their inboxes, and which need is recorded for which place."""

    def __init__(self) -> None:
        self.directory = Directory()
        for number in range(SERVICES):
            offered = service(capacity=CAPACITY, categories=[CATEGORIES[number]])
            self.directory.put(f"p{number}", "beds", number, offered)
        self.holders: dict[str, str] = {}
        self.inboxes: dict[int, list[Message]] = {number: [] for number in range(MATCHERS)}
        self.done: Counter[str] = Counter()

    @property
    def operations(self) -> int:
        return sum(self.done[what] for what in ("taken", "released", "crashed"))

    def deliver(self, events: Iterable[Message]) -> None:
        for event in events:
            self.inboxes[int(subject(event).split("-")[0])].append(event)

    def record(self, need: str, before: NeedState, after: NeedState) -> None:
        """Record places that are taken, by one need each, and released, before their rows go."""
        had, has = ({row for match in matches_of(state) for row in rows_of(match)} for state in (before, after))
        for row in had - has:
            assert self.holders.pop(row) == need
        for row in has - had:
            assert row not in self.holders, f"{row} has two needs"
            assert int(row.rpartition(":")[2]) < CAPACITY
            self.holders[row] = need
        self.done["taken"] += len(has - had)
        self.done["released"] += len(had - has)


class Matcher:
    """One matcher with needs of its own: ``<matcher>-<number>``."""

    def __init__(self, number: int, world: World, claims: mongo.MongoClaims, large: int) -> None:
        self._number, self._world, self._claims = number, world, MarkedClaims(claims, world.directory, large)
        self._policy = MatchingPolicy(LIMITS)
        self._context_loader = MatchingContextLoader(world.directory, claims, large=large)
        self._random = random.Random(number)
        self._needs = 0
        self._events = 0
        self.states: dict[str, NeedState] = defaultdict(UnknownNeed)

    async def work(self) -> None:
        while self._world.operations < OPERATIONS:
            await self.handle(self._batch(), crashes=self._random.random() < CRASHES)

    async def end(self) -> None:
        """Withdraw all needs."""
        open_ = [need for need, state in self.states.items() if isinstance(state, MatchedNeed | WaitingNeed)]
        await self.handle([withdrawn(need_id=need, referral_id=need) for need in open_])

    def _batch(self) -> list[Message]:
        """The events from others, then some withdrawals and some new needs."""
        pending, self._world.inboxes[self._number] = self._world.inboxes[self._number], []
        open_ = [need for need, state in self.states.items() if isinstance(state, MatchedNeed | WaitingNeed)]
        category = self._random.choice(CATEGORIES)
        of_category = [need for need in open_ if self._category(need) is category]
        leaving = self._random.sample(of_category, self._random.randint(0, min(BATCH, len(of_category))))
        coming = [
            self._need(category) for _ in range(min(BATCH, OPEN // len(CATEGORIES) - len(of_category) + len(leaving)))
        ]
        events: list[Message] = [*(withdrawn(need_id=need, referral_id=need) for need in leaving), *coming]
        self._random.shuffle(events)
        return [*pending, *events]

    def _category(self, need: str) -> Category | None:
        state = self.states[need]
        return state.record.accepted.category if isinstance(state, KnownNeed) else None

    def _need(self, category: Category) -> Message:
        self._needs += 1
        id_, places = f"{self._number}-{self._needs}", self._random.choice([1] * 9 + [2])
        household = {"places": places, "companions": [minimum()] * (places - 1)}
        urgency = self._random.choice([Urgency.URGENT, Urgency.NORMAL])
        return accepted(
            need_id=id_, referral_id=id_, category=category, urgency=urgency, requested_at=START, **household
        )

    async def handle(self, events: Sequence[Message], *, crashes: bool = False) -> None:
        """Steps 2 to 5 of the loop (`services.chassis.engine.loop`): a need that loses a claim is decided again."""
        todo = list(events)
        while todo:
            context = await self._context_loader.gather([(self.states[subject(event)], event) for event in todo])
            drafts: dict[str, NeedState] = {}
            effects: dict[str, list[Effect]] = defaultdict(list)
            for event in todo:
                need, at = subject(event), START + timedelta(seconds=self._events)
                self._events += 1
                state = drafts.get(need, self.states[need])
                decided = self._policy.decide(
                    state, IncomingEvent(event, f"{need}/{self._events}", at, need), at, context
                )
                context.consume(decided)
                drafts[need] = reduce(self._policy.evolve, (e.event for e in decided if isinstance(e, Emit)), state)
                effects[need] += decided
            claims = {need: [e for e in decided if isinstance(e, Claim)] for need, decided in effects.items()}
            lost = await self._claims.take([Row(c.table, c.id, c.doc) for each in claims.values() for c in each])
            if crashes:
                self._world.done["crashed"] += sum(map(len, claims.values()))
                return
            again = {need for need, each in claims.items() if any(claim.id in lost for claim in each)}
            self._world.done["lost races"] += len(again)
            for need, after in drafts.items():
                if need not in again:
                    self._world.record(need, self.states[need], after)
                    self.states[need] = after
            await self._carry_out([e for need, decided in effects.items() if need not in again for e in decided])
            todo = [event for event in todo if subject(event) in again]

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        await self._claims.put([Row(e.table, e.id, e.doc) for e in effects if isinstance(e, Put)])
        await self._claims.drop([Row(e.table, e.id, e.doc) for e in effects if isinstance(e, Drop)])
        inbox = topics.inbox("matching")
        self._world.deliver(e.event for e in effects if isinstance(e, Emit) and e.topic == inbox)


async def sweeps(world: World, sweep: WaitingSweep, claims: mongo.MongoClaims, until: asyncio.Event) -> None:
    """Sweep from time to time, as the service does, and check that no service is over its capacity."""
    time, last = asyncio.get_running_loop().time, (0.0, 0)
    while not until.is_set():
        await asyncio.sleep(0.02)
        if world.operations < last[1] + 500 and time() < last[0] + 2:
            continue
        last = (time(), world.operations)
        rows = await claims.all(TABLE)
        assert max(Counter(map(service_of, rows)).values(), default=0) <= CAPACITY
        world.deliver([event for event, _ in await sweep.suspicions(START)])


@pytest.fixture
async def databases(servers: Addresses) -> AsyncIterator[list[mongo.MongoClaims]]:
    """One connection for the sweep and one for each matcher."""
    name = f"places_{uuid4().hex}"
    async with AsyncExitStack() as stack:
        clients = [mongo.connect(servers.mongo, 10_000) for _ in range(MATCHERS + 1)]
        for client in clients:
            stack.callback(client.close)
        claims = [mongo.MongoClaims(mongo.database(client, name)) for client in clients]
        await claims[0].prepare(INDEXES)
        yield claims
        await clients[0].drop_database(name)


@pytest.mark.parametrize("large", [CAPACITY, CAPACITY + 1], ids=["bitmaps", "rows"])
@pytest.mark.timeout(600)  # on a machine that may be busy
async def test_eight_matchers_never_give_one_place_to_two_needs_and_release_all(
    databases: list[mongo.MongoClaims], large: int
) -> None:
    world, (own, *others) = World(), databases
    matchers = [Matcher(number, world, claims, large) for number, claims in enumerate(others)]
    sweep, ended = WaitingSweep(world.directory, own, LIMITS, doubts=200, large=large), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(sweeps(world, sweep, own, ended))
        await asyncio.gather(*(matcher.work() for matcher in matchers))
        ended.set()
        await watching
    assert world.operations >= OPERATIONS
    assert world.done["crashed"] > 100, world.done
    assert world.done["lost races"] > 100, "too few claims were lost"
    states = [state for matcher in matchers for state in matcher.states.values()]
    assert any(isinstance(state, KnownNeed) and state.record.wait_number for state in states), "no need waited"

    async def settle() -> dict[str, str]:
        """Let the sweep question every row twice and the matchers answer; returns the need of each place."""
        for _ in range(2 * (SERVICES * CAPACITY // 200 + 1)):
            world.deliver([event for event, _ in await sweep.suspicions(START)])
            for number, matcher in enumerate(matchers):
                pending, world.inboxes[number] = world.inboxes[number], []
                await matcher.handle(pending)
        return {row: doc["need"] for row, doc in (await own.all(TABLE)).items()}

    assert await settle() == world.holders, "only claims that were never recorded are released"
    await asyncio.gather(*(matcher.end() for matcher in matchers))
    assert world.holders == {}
    assert await settle() == {}
    assert await own.all(WAITING) == {}
