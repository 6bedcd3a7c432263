"""Eight matchers at once on a real MongoDB: never two needs on one place, none over capacity, all given back.

Each has a connection of its own, and goes the way of the loop with the real policy: gather, decide, claim, record, and
only then write and delete rows. Where the loop would journal, it keeps the state. A crash is worse here than it ever
is: what was claimed is never recorded, and the event that led to it never comes again; only the sweep's doubt is left.
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
from services.matching.domain.state import NeedState, Phase, rows_of
from services.matching.jobs.sweep import Sweep
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import TABLE as WAITING
from tests.support.builders import accepted, minimum, service, withdrawn
from tests.support.clock import START

MATCHERS, SERVICES, CAPACITY, OPERATIONS = 8, 4, 250, 20_000
CATEGORIES = [Category.SHELTER, Category.LEGAL, Category.FOOD, Category.CASH]
"""Of each service one; and a batch has needs of one category, so that it is a fourth of the rows that it looks at."""
OPEN = 136
"""Needs that one matcher has open at most: all together a few more than there are places, so that some wait."""
BATCH, CRASHES = 50, 0.04
LIMITS = Limits()


class World:
    """What all matchers share besides the database: who owns which need, and who is known to hold which place."""

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

    def tell(self, events: Iterable[Message]) -> None:
        for event in events:
            self.inboxes[int(subject(event).split("-")[0])].append(event)

    def record(self, need: str, before: NeedState, after: NeedState) -> None:
        """The one who takes a place is its only holder; what is given back is so before the row goes."""
        had, has = ({row for match in state.matches for row in rows_of(match)} for state in (before, after))
        for row in had - has:
            assert self.holders.pop(row) == need
        for row in has - had:
            assert row not in self.holders, f"{row} has two needs"
            assert int(row.rpartition(":")[2]) < CAPACITY
            self.holders[row] = need
        self.done["taken"] += len(has - had)
        self.done["released"] += len(had - has)


class Matcher:
    """One of them. Needs are its own: ``<matcher>-<number>``."""

    def __init__(self, number: int, world: World, claims: mongo.MongoClaims) -> None:
        self._number, self._world, self._claims = number, world, claims
        self._policy = MatchingPolicy(LIMITS)
        self._outside = MatchingContextLoader(world.directory, claims)
        self._random = random.Random(number)
        self._needs = 0
        self._events = 0
        self.states: dict[str, NeedState] = defaultdict(NeedState)

    async def work(self) -> None:
        while self._world.operations < OPERATIONS:
            await self.handle(self._batch(), crashes=self._random.random() < CRASHES)

    async def end(self) -> None:
        """All needs are withdrawn."""
        open_ = [need for need, state in self.states.items() if state.phase in (Phase.MATCHED, Phase.WAITING)]
        await self.handle([withdrawn(need_id=need, referral_id=need) for need in open_])

    def _batch(self) -> list[Message]:
        """What it was told by others; then some leave and some come."""
        told, self._world.inboxes[self._number] = self._world.inboxes[self._number], []
        open_ = [need for need, state in self.states.items() if state.phase in (Phase.MATCHED, Phase.WAITING)]
        category = self._random.choice(CATEGORIES)
        of_category = [need for need in open_ if (asked := self.states[need].accepted) and asked.category is category]
        leaving = self._random.sample(of_category, self._random.randint(0, min(BATCH, len(of_category))))
        coming = [
            self._need(category) for _ in range(min(BATCH, OPEN // len(CATEGORIES) - len(of_category) + len(leaving)))
        ]
        events: list[Message] = [*(withdrawn(need_id=need, referral_id=need) for need in leaving), *coming]
        self._random.shuffle(events)
        return [*told, *events]

    def _need(self, category: Category) -> Message:
        self._needs += 1
        id_, places = f"{self._number}-{self._needs}", self._random.choice([1] * 9 + [2])
        household = {"places": places, "companions": [minimum()] * (places - 1)}
        urgency = self._random.choice([Urgency.URGENT, Urgency.NORMAL])
        return accepted(
            need_id=id_, referral_id=id_, category=category, urgency=urgency, requested_at=START, **household
        )

    async def handle(self, events: Sequence[Message], *, crashes: bool = False) -> None:
        """Steps 2 to 5 of the loop (`services.chassis.engine.loop`): who loses a claim is decided again."""
        todo = list(events)
        while todo:
            given = await self._outside.gather([(self.states[subject(event)], event) for event in todo])
            drafts: dict[str, NeedState] = {}
            effects: dict[str, list[Effect]] = defaultdict(list)
            for event in todo:
                need, at = subject(event), START + timedelta(seconds=self._events)
                self._events += 1
                state = drafts.get(need, self.states[need])
                found = self._policy.decide(state, IncomingEvent(event, f"{need}/{self._events}", at, need), at, given)
                given.consume(found)
                drafts[need] = reduce(self._policy.evolve, (e.event for e in found if isinstance(e, Emit)), state)
                effects[need] += found
            claims = {need: [e for e in found if isinstance(e, Claim)] for need, found in effects.items()}
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
            await self._carry_out([e for need, found in effects.items() if need not in again for e in found])
            todo = [event for event in todo if subject(event) in again]

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        await self._claims.put([Row(e.table, e.id, e.doc) for e in effects if isinstance(e, Put)])
        await self._claims.drop([Row(e.table, e.id, e.doc) for e in effects if isinstance(e, Drop)])
        inbox = topics.inbox("matching")
        self._world.tell(e.event for e in effects if isinstance(e, Emit) and e.topic == inbox)


async def sweeps(world: World, sweep: Sweep, claims: mongo.MongoClaims, until: asyncio.Event) -> None:
    """Looks from time to time, as in the service; and that no service is ever over its capacity."""
    time, looked = asyncio.get_running_loop().time, (0.0, 0)
    while not until.is_set():
        await asyncio.sleep(0.02)
        if world.operations < looked[1] + 500 and time() < looked[0] + 2:
            continue
        looked = (time(), world.operations)
        rows = await claims.all(TABLE)
        assert max(Counter(map(service_of, rows)).values(), default=0) <= CAPACITY
        world.tell([event for event, _ in await sweep.due_events(START)])


@pytest.fixture
async def databases(servers: Addresses) -> AsyncIterator[list[mongo.MongoClaims]]:
    """As many connections as there are matchers, and one for the sweep."""
    name = f"places_{uuid4().hex}"
    async with AsyncExitStack() as stack:
        clients = [mongo.connect(servers.mongo, 10_000) for _ in range(MATCHERS + 1)]
        for client in clients:
            stack.callback(client.close)
        found = [mongo.MongoClaims(mongo.database(client, name)) for client in clients]
        await found[0].prepare(INDEXES)
        yield found
        await clients[0].drop_database(name)


@pytest.mark.timeout(400)
async def test_eight_matchers_never_give_one_place_to_two_and_give_all_back(
    databases: list[mongo.MongoClaims],
) -> None:
    world, (own, *others) = World(), databases
    matchers = [Matcher(number, world, claims) for number, claims in enumerate(others)]
    sweep, ended = Sweep(world.directory, own, LIMITS, doubts=200), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(sweeps(world, sweep, own, ended))
        await asyncio.gather(*(matcher.work() for matcher in matchers))
        ended.set()
        await watching
    assert world.operations >= OPERATIONS
    assert world.done["crashed"] > 100, world.done
    assert world.done["lost races"] > 100, "they hardly met"
    assert any(state.wait_number for matcher in matchers for state in matcher.states.values()), "nobody ever waited"

    async def settle() -> dict[str, str]:
        """Let the sweep doubt every row twice over, and all answer; then who holds what."""
        for _ in range(2 * (SERVICES * CAPACITY // 200 + 1)):
            world.tell([event for event, _ in await sweep.due_events(START)])
            for number, matcher in enumerate(matchers):
                told, world.inboxes[number] = world.inboxes[number], []
                await matcher.handle(told)
        return {row: doc["need"] for row, doc in (await own.all(TABLE)).items()}

    assert await settle() == world.holders, "what was claimed and never recorded is given back, and nothing else"
    await asyncio.gather(*(matcher.end() for matcher in matchers))
    assert world.holders == {}
    assert await settle() == {}
    assert await own.all(WAITING) == {}
