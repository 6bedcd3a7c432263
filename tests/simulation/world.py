"""Four services with several instances each, on memory twins, under a virtual clock and a seeded scheduler.

The policies, loops, gates, tickers, sweeps and encryption are real; Kafka, MongoDB and time are simulated. An instance
can die at any step, or be taken for dead and go on (a zombie). A call of Kafka or MongoDB can fail with or without
effect. The same seed gives the same run.
"""

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent, decode, encode
from contracts.words import Urgency
from services.chassis.engine.loop import Loop
from services.chassis.ports import Partition, Stage
from services.matching.model.limits import Limits
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryBatch, MemoryConsumer, MemoryLog, MemoryStore
from tests.support.rig import ProcessDiedError

from .instances import Instance, SimulatedService

STEPS = ("decoded", "loaded", "decided", "claimed", "stored", "carried", "published", "committed")
GATE_STEPS = ("admitted", "passed")
LIMITS = Limits(
    max_attempts=3,
    wait=dict.fromkeys(Urgency, timedelta(hours=30)),
    patience=dict.fromkeys(Urgency, timedelta(hours=10)),
    retry_after=dict.fromkeys(Urgency, timedelta(hours=5)),
)
_TIME_LIMITS = TimeLimits(
    acknowledge=timedelta(hours=3),  # half of it, when the reminder is due, is one step of the clock in `run.end_all`
    decide=timedelta(hours=5),
    start=timedelta(hours=3),
    close=timedelta(hours=6),
    escalate=timedelta(hours=1),
    grace=timedelta(hours=2),
)
DEADLINES = DeadlineRules(dict.fromkeys(Urgency, _TIME_LIMITS))

_DIES, _BECOMES_ZOMBIE, _RUNS_IN_PARALLEL = 0.08, 0.14, 0.22
"""What happens to the instance that handles a batch, by a random number from 0 to 1: below each bound, else nothing."""
_COMMIT_IN_DOUBT = 0.03
"""How often the commit of a batch fails."""
_CALLS = (
    *("publish", "append", "load", "set_timers", "due", "drop_timers"),
    *("take", "put", "drop", "find", "all", "mark"),
)
"""The calls of Kafka and MongoDB that can fail."""


class World:
    """The system. `loop` and `store` can be replaced by broken ones, to test that the checks notice."""

    def __init__(
        self,
        seed: int,
        tenants: Mapping[str, str],
        loop: type[Loop[Any]] = Loop,
        store: type[MemoryStore] = MemoryStore,
        limits: Limits = LIMITS,
        deadlines: DeadlineRules = DEADLINES,
    ) -> None:
        self.limits, self.deadlines = limits, deadlines
        self.rng = random.Random(seed)
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.loop = loop
        internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
        self.log.create(*internal, partitions=3)
        self.log.create(topics.DEAD_LETTERS, partitions=1)
        for tenant, kind in tenants.items():
            names = (
                (topics.referrals, topics.status)
                if kind == "agency"
                else (topics.directory, topics.notifications, topics.responses)
            )
            self.log.create(*(name(tenant) for name in names), partitions=1)
        self.services = {name: SimulatedService(name, self.log, store()) for name in topics.SERVICES}
        self._numbers = itertools.count(1)
        self._tenant_events: dict[str, list[CloudEvent]] = defaultdict(list)

    def start(self) -> None:
        """Start one or two instances of each service. Call it after the directories have been published."""
        for service in self.services.values():
            for _ in range(self.rng.randint(1, 2)):
                self.start_instance(service)

    def start_instance(self, service: SimulatedService) -> None:
        """Start one more instance."""
        service.instances.append(Instance(self, service))

    def now(self) -> datetime:
        """The virtual time."""
        return self.clock.now()

    # what tenants do and see -----------------------------------------------------------------------------------------

    def send(self, topic: str, key: str, body: Message, id_: str | None = None) -> str:
        """Publish what a tenant (or a sweep) sends. Returns its id."""
        id_ = id_ or f"e{next(self._numbers)}"
        headers = encode(CloudEvent(id_, "/simulation", body.ce_type(), self.clock.now(), b""))
        self.log.append(topic, key.encode(), body.model_dump_json(exclude_none=True).encode(), headers)
        if topic.endswith(".directory"):
            newest = self.log.read(topic)[-1]
            for instance in (each for service in self.services.values() for each in service.instances):
                instance.follow(newest)
        return id_

    def tenant_events(self, topic: str) -> list[CloudEvent]:
        """All events on a tenant's topic, in order. Each is decoded only once, since tenants read them many times."""
        (records,) = self.log.topics[topic]
        events = self._tenant_events[topic]
        events += [decode(record.headers, record.value, record.appended) for record in records[len(events) :]]
        return events

    # what can happen -------------------------------------------------------------------------------------------------

    async def handle_batch(self, service: SimulatedService, *, faultless: bool = False) -> None:
        """Some instance handles a batch. Unless `faultless`, it may die, become a zombie, or run beside another."""
        instance = self.rng.choice(service.instances)
        fate = 1.0 if faultless else self.rng.random()
        batch = self._fetch(instance.consumer, 100 if faultless else None, faultless=faultless)
        if batch is None:
            return
        if fate < _DIES:
            await self._die_in_batch(instance, batch)
        elif fate < _BECOMES_ZOMBIE:
            await self._handle_as_zombie(instance, batch)
        elif fate < _RUNS_IN_PARALLEL and len(service.instances) > 1:
            await self._handle_in_parallel(instance, batch)
        else:
            await instance.loop.handle(batch)

    async def _die_in_batch(self, instance: Instance, batch: MemoryBatch) -> None:
        """The instance dies at some step, and another takes its place."""
        await self._die_at(instance, self.rng.choice(STEPS), instance.loop.handle(batch))

    async def _die_at(self, instance: Instance, step: str, work: Awaitable[Any]) -> None:
        """The instance dies when its work reaches a step, and another takes its place."""
        instance.die_at = step
        try:
            await work
        except ProcessDiedError:
            instance.leave()
            self.start_instance(instance.service)
        finally:
            instance.die_at = None  # a batch that was postponed may not have reached the step

    async def _handle_as_zombie(self, instance: Instance, batch: MemoryBatch) -> None:
        """Its session expires: another instance handles its partitions first, and it goes on without noticing."""
        instance.leave()
        self.start_instance(instance.service)
        successor = instance.service.instances[-1]
        while successors_batch := successor.consumer.fetch():
            await successor.loop.handle(successors_batch)
        await instance.loop.handle(batch)

    async def _handle_in_parallel(self, instance: Instance, batch: MemoryBatch) -> None:
        other = next(each for each in instance.service.instances if each is not instance)
        others_batch = self._fetch(other.consumer)
        both = [instance.loop.handle(batch)]
        if others_batch is not None:
            both.append(other.loop.handle(others_batch))
        await asyncio.gather(*both)

    async def admit(self, service: SimulatedService, *, faultless: bool = False) -> None:
        """Some instance's gate handles a batch, if the service has a gate. Unless `faultless`, it may die."""
        instance = self.rng.choice(service.instances)
        if instance.gate is None:
            return
        batch = self._fetch(instance.gate_consumer, faultless=faultless)
        if batch is None:
            return
        if not faultless and self.rng.random() < _DIES:
            await self._die_at(instance, self.rng.choice(GATE_STEPS), instance.gate.handle(batch))
        else:
            await instance.gate.handle(batch)

    async def fire_timers(self, service: SimulatedService, *, faultless: bool = False) -> None:
        """Some instance publishes the timers that are due. Unless `faultless`, it may die before it deletes them."""
        instance = self.rng.choice(service.instances)
        if not faultless and self.rng.random() < _DIES:
            await self._die_at(instance, "fired", instance.ticker.tick())
        else:
            await instance.ticker.tick()

    async def sweep(self) -> int:
        """Some instance of matching sweeps, and some instance of intake. Returns the number of events they send."""
        matching = self.rng.choice(self.services["matching"].instances)
        sent = await self._publish_due("matching", matching, await matching.sweep.suspicions(self.clock.now()))
        intake = self.rng.choice(self.services["intake"].instances)
        return sent + await self._publish_due("intake", intake, await intake.duplicate_sweep.suspicions())

    async def _publish_due(self, name: str, instance: Instance, suspicions: list[tuple[Message, str]]) -> int:
        due = await instance.rehearsal.with_effect(suspicions, self.clock.now())
        for event, key in due:
            self.send(topics.inbox(name), key, event)
        return len(due)

    def scale(self, service: SimulatedService) -> None:
        """Stop an instance, or start one more."""
        if len(service.instances) > 1 and self.rng.random() < 0.5:
            self.rng.choice(service.instances).leave()
        elif len(service.instances) < 3:
            self.start_instance(service)

    def fail_next_call(self, service: SimulatedService) -> None:
        """Let the next call of some kind fail: before, during or after it takes effect."""
        when = self.rng.choice(("before", "midway", "after"))
        port, call = self.rng.choice(
            (
                (self.log, "publish"),
                (service.store, "append"),
                (service.store, "load"),
                (service.store, "set_timers"),
                (service.store, "due"),
                (service.store, "drop_timers"),
                (service.claims, "take"),
                (service.claims, "put"),
                (service.claims, "drop"),
                (service.claims, "find"),
                (service.claims, "all"),
                (service.claims, "mark"),
            )
        )
        port.fail(call, when)

    def stop_failures(self) -> None:
        """Let no call fail any more."""
        for service in self.services.values():
            for port in (self.log, service.store, service.claims):
                for call in _CALLS:
                    port.calm(call)

    async def settle(self) -> None:
        """Handle everything there is, until nothing is left to read."""
        while any(
            group is not None and group.lag
            for service in self.services.values()
            for group in (service.group, service.gate_group)
        ):
            for service in self.services.values():
                await self.admit(service, faultless=True)
                await self.handle_batch(service, faultless=True)

    def _fetch(
        self, consumer: MemoryConsumer, most: int | None = None, *, faultless: bool = False
    ) -> MemoryBatch | None:
        order = sorted(consumer.positions)
        self.rng.shuffle(order)  # topics have no common order
        batch = consumer.fetch(most or self.rng.choice((1, 3, 10, 100)), order)
        if batch is not None and not faultless and self.rng.random() < _COMMIT_IN_DOUBT:
            batch.fail("commit", self.rng.choice(("before", "after")))
        return batch

    # the offsets that `Progress` reads, and the journals --------------------------------------------------------------

    async def ends(self, stage: Stage) -> dict[Partition, int]:
        """See `services.chassis.engine.timers.Offsets`."""
        return {
            (topic, number): len(records)
            for topic, partitions in self.log.topics.items()
            if stage.reads(topic)
            for number, records in enumerate(partitions)
        }

    async def committed(self, stage: Stage) -> dict[Partition, int]:
        """See `services.chassis.engine.timers.Offsets`."""
        service = self.services[stage.group.removesuffix("-gate")]
        group = service.gate_group if stage.group.endswith("-gate") else service.group
        assert group is not None
        return group.offsets

    def journal(self, service: str) -> dict[str, Sequence[dict[str, Any]]]:
        """A service's journal: the entries of each stream, in order. Raises `AssertionError` if a stream has a gap."""
        entries: dict[str, list[dict[str, Any]]] = {}
        lengths: dict[str, int] = {}
        for document in sorted(self.services[service].store.journal.values(), key=lambda d: (d["stream"], d["n"])):
            stream = document["stream"]
            assert document["n"] == lengths.get(stream, 0), f"{service}: {stream} has a gap"
            lengths[stream] = document["n"] + 1
            entries.setdefault(stream, []).extend(document["entries"])
        return dict(entries)
