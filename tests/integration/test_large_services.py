"""The cost of a decision does not depend on the capacity of the services that are considered, on a real MongoDB."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Addresses
from services.chassis import mongo
from services.chassis.decider import Claim, IncomingEvent
from services.chassis.ports import Row
from services.matching.capacity.places import TABLE, document, row_id
from services.matching.context_loader import INDEXES, MatchingContextLoader
from services.matching.directory.directory import Directory
from services.matching.domain.policy import MatchingPolicy
from services.matching.domain.state import UnknownNeed
from services.matching.jobs.sweep import WaitingSweep
from services.matching.model.limits import Limits
from services.matching.place_table import MarkedClaims
from tests.support.builders import accepted, service
from tests.support.clock import START

ID, LIMITS = "p1/beds", Limits()


@pytest.fixture
async def claims(servers: Addresses) -> AsyncIterator[mongo.MongoClaims]:
    client, name = mongo.connect(servers.mongo, 60_000), f"large_{uuid4().hex}"
    made = mongo.MongoClaims(mongo.database(client, name))
    await made.prepare(INDEXES)
    yield made
    await client.drop_database(name)
    client.close()


async def cost_ms(claims: mongo.MongoClaims, capacity: int) -> tuple[float, float]:
    """Own CPU of a decision with its claim, and of a sweep, at a service with one free place: the least of several."""
    directory = Directory()
    directory.put("p1", "beds", 1, service(capacity=capacity))
    taken = [Row(TABLE, row_id(ID, slot), document(f"x{slot}", "m", ID, "r")) for slot in range(capacity - 1)]
    for start in range(0, len(taken), 10_000):
        await claims.take(taken[start : start + 10_000])
    marked, loader = MarkedClaims(claims, directory), MatchingContextLoader(directory, claims)
    policy = MatchingPolicy(LIMITS)
    sweep, state, need = WaitingSweep(directory, claims, LIMITS), UnknownNeed(), accepted(need_id="n1")
    decisions, sweeps = [], []
    for _ in range(6):
        started = time.process_time()
        context = await loader.gather([(state, need)])
        effects = policy.decide(state, IncomingEvent(need, "e", START, "r"), START, context)
        rows = [Row(each.table, each.id, each.doc) for each in effects if isinstance(each, Claim)]
        assert len(rows) == 1
        assert await marked.take(rows) == set()
        decisions.append(time.process_time() - started)
        await marked.drop(rows)
        started = time.process_time()
        await sweep.suspicions(START)
        sweeps.append(time.process_time() - started)
    return 1000 * min(decisions), 1000 * min(sweeps)


@pytest.mark.timeout(600)
async def test_a_decision_costs_the_same_at_any_capacity(claims: mongo.MongoClaims) -> None:
    costs = {}
    for capacity in (10, 1_000, 100_000):
        await claims.drop([Row(TABLE, id_) for id_ in await claims.all(TABLE)])
        await claims.drop([Row("occupied", ID)])
        costs[capacity] = await cost_ms(claims, capacity)
    (small, _), (large, sweep) = costs[10], costs[100_000]
    assert large < 10 * small, f"own CPU in ms of a decision and a sweep, by capacity: {costs}"
    assert sweep < 100, f"own CPU in ms of a decision and a sweep, by capacity: {costs}"
