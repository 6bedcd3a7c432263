"""Four services with several instances each, on twins, under a virtual clock and a seeded scheduler.

What is real: policies, loops, gates, tickers, the sweep, sealing. What is not: Kafka, MongoDB, time. An instance can
die at any step, be taken for dead and go on (a zombie), or meet a Kafka or MongoDB that fails in doubt. The same seed
gives the same run.
"""

import asyncio
import itertools
import random
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts import topics
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, encode
from contracts.texts import sentences
from contracts.words import Urgency
from services.chassis.encryption import new_key, new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.engine.timers import Progress, Ticker
from services.chassis.ingress.gate import Admission, Gate
from services.chassis.ingress.tenant_registry import TenantRegistry
from services.chassis.ports import Partition, Record, Stage
from services.intake.admission.referrals import ReferralAdmission
from services.intake.context_loader import IntakeContextLoader
from services.intake.domain.policy import IntakePolicy
from services.intake.jobs.sweep import Sweep as Duplicates
from services.intake.outbound.contact_release import Release
from services.intake.outbound.journal_reader import Journals
from services.intake.outbound.provider_keys import ProviderKeys
from services.intake.privacy.key_ring import KeyRing
from services.matching.context_loader import MatchingContextLoader
from services.matching.directory.directory import Directory
from services.matching.domain.policy import MatchingPolicy
from services.matching.jobs.sweep import Sweep
from services.matching.model.limits import Limits
from services.notification.admission import AnswerAdmission
from services.notification.domain.policy import Deadline, NotificationPolicy
from services.notification.outbound.recipients import Recipients
from services.outcomes.domain.policy import OutcomesPolicy
from tests.support.clock import HandClock, no_pause
from tests.support.memory_twins import MemoryBatch, MemoryClaims, MemoryConsumer, MemoryGroup, MemoryLog, MemoryStore
from tests.support.rig import Died

STEPS = ("decoded", "loaded", "decided", "stored", "published", "committed")
LIMITS = Limits(
    max_attempts=3,
    wait=dict.fromkeys(Urgency, timedelta(hours=30)),
    patience=dict.fromkeys(Urgency, timedelta(hours=10)),
    retry_after=timedelta(hours=5),
)
RECALL_WITHIN = timedelta(hours=3)
DEADLINES = dict.fromkeys(
    Urgency,
    Deadline(
        acknowledge=timedelta(hours=3),  # half of it, the reminder's time, is one step of the clock
        decide=timedelta(hours=5),
        start=timedelta(hours=3),
        close=timedelta(hours=6),
        escalate=timedelta(hours=1),
        grace=timedelta(hours=2),
    ),
)
INPUTS = {
    "intake": (topics.MATCHING,),
    "matching": (topics.INTAKE, topics.NOTIFICATION),
    "notification": (topics.MATCHING,),
    "outcomes": (topics.INTAKE, topics.MATCHING, topics.NOTIFICATION),
}
PATTERNS = {"intake": topics.AGENCY_REFERRALS, "notification": topics.PROVIDER_RESPONSES}

# Made once: what is random in them does not change what happens.
SECRET = bytes([1]) * 32
_SECRET, _MASTER = (b64encode(bytes([n]) * 32).decode() for n in (1, 2))
_HASH = new_key()
OPERATOR_PRIVATE, _OPERATOR = new_pair()
INTAKE_PRIVATE, _INTAKE = new_pair()


class Instance:
    """One process of a service: its loop, and its gate where it has one. `die_at` is the step it dies at next."""

    def __init__(self, world: "World", service: "Simulated") -> None:
        self.service = service
        self.die_at: str | None = None
        directory, providers = self.directory, self.providers = Directory(), ProviderKeys()
        for record in world.log.read(*(topic for topic in world.log.topics if topic.endswith(".directory"))):
            self.follow(record)
        common: dict[str, Any] = {"log": world.log, "clock": world.clock, "sleep": no_pause}
        common["dead_letters"] = DeadLetters(service.name, world.log, _OPERATOR)
        ring = KeyRing(service.claims, _MASTER)
        intake = IntakePolicy(RECALL_WITHIN, link_confidential=True)
        release = Release(ring, providers, Journals(service.store.load, intake))
        policy, own = {
            "intake": (intake, {"context_loader": IntakeContextLoader(providers, service.claims), "render": release.render}),
            "matching": (MatchingPolicy(world.limits), {"context_loader": MatchingContextLoader(directory, service.claims)}),
            "notification": (NotificationPolicy(world.deadlines), {"context_loader": Recipients(TenantRegistry())}),
            "outcomes": (OutcomesPolicy(sentences), {}),
        }[service.name]
        self.loop: Loop[Any] = world.loop(
            service.name, policy, store=service.store, claims=service.claims, fault=self._fault, **common, **own
        )
        self.consumer = service.group.join(self.loop.forget)
        self.gate: Gate | None = None
        if service.gate_group is not None:
            admission: Admission = (
                ReferralAdmission(ring, _SECRET) if service.name == "intake" else AnswerAdmission(_INTAKE, _HASH)
            )
            self.gate = Gate(service.name, admission, **common)
            self.gate_consumer = service.gate_group.join()
        progress = Progress(service.stages, world, world.clock)
        self.ticker = Ticker(service.name, service.store, world.log, progress)
        self.sweep = Sweep(directory, service.claims, world.limits)
        self.duplicates = Duplicates(service.claims)

    def follow(self, record: Record) -> None:
        """A provider has published an entry of its directory."""
        self.directory.apply(record)
        self.providers.apply(record)

    def _fault(self, step: str) -> None:
        if step == self.die_at:
            raise Died(step)

    def leave(self) -> None:
        """Out of its groups: dead, or taken for dead."""
        self.service.group.leave(self.consumer)
        if self.service.gate_group is not None:
            self.service.gate_group.leave(self.gate_consumer)
        self.service.instances.remove(self)


class Simulated:
    """A service: what outlives its instances."""

    def __init__(self, name: str, log: MemoryLog, store: MemoryStore) -> None:
        self.name = name
        self.store, self.claims = store, MemoryClaims()
        read = (topics.inbox(name), *INPUTS[name])
        self.group = MemoryGroup(log, *read)
        pattern = PATTERNS.get(name)
        self.gate_group = MemoryGroup(log, pattern=pattern) if pattern else None
        self.stages = [Stage(f"{name}-gate", pattern=pattern)] if pattern else []
        self.stages.append(Stage(name, topics=read))
        self.instances: list[Instance] = []


class World:
    """The system. `loop` and `store` are what it is made of (a test of the test passes broken ones)."""

    def __init__(
        self,
        seed: int,
        tenants: Mapping[str, str],
        loop: type[Loop[Any]] = Loop,
        store: type[MemoryStore] = MemoryStore,
        limits: Limits = LIMITS,
        deadlines: Mapping[Urgency, Deadline] = DEADLINES,
    ) -> None:
        self.limits, self.deadlines = limits, deadlines
        self.chance = random.Random(seed)
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.loop = loop
        folded = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
        self.log.create(*folded, partitions=3)
        self.log.create(topics.DEAD_LETTERS, partitions=1)
        for tenant, kind in tenants.items():
            names = (
                (topics.referrals, topics.status)
                if kind == "agency"
                else (topics.directory, topics.notifications, topics.responses)
            )
            self.log.create(*(name(tenant) for name in names), partitions=1)
        self.services = {name: Simulated(name, self.log, store()) for name in topics.SERVICES}
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """One or two instances of each service. After the directories have been published."""
        for service in self.services.values():
            for _ in range(self.chance.randint(1, 2)):
                self.join(service)

    def join(self, service: Simulated) -> None:
        """One more instance."""
        service.instances.append(Instance(self, service))

    def send(self, topic: str, key: str, body: Body, id_: str | None = None) -> str:
        """What a tenant (or the sweep) publishes. Returns its id."""
        id_ = id_ or f"e{next(self._numbers)}"
        headers = encode(CloudEvent(id_, "/simulation", body.ce_type(), self.clock.now(), b""))
        self.log.append(topic, key.encode(), body.model_dump_json(exclude_none=True).encode(), headers)
        if topic.endswith(".directory"):
            newest = self.log.read(topic)[-1]
            for instance in (each for service in self.services.values() for each in service.instances):
                instance.follow(newest)
        return id_

    # what can happen -------------------------------------------------------------------------------------------------

    async def batch(self, service: Simulated, *, calm: bool = False) -> None:
        """Some instance handles a batch; it may die, turn zombie, or run beside another."""
        instance = self.chance.choice(service.instances)
        fate = 1.0 if calm else self.chance.random()
        batch = self._fetch(instance.consumer, 100 if calm else None)
        if batch is None:
            return
        if fate < 0.08:
            instance.die_at = self.chance.choice(STEPS)
            try:
                await instance.loop.handle(batch)
            except Died:
                instance.leave()
                self.join(service)
            instance.die_at = None  # a batch that was postponed may not have come that far
        elif fate < 0.14:
            instance.leave()  # silent for longer than its session: its partitions go to another, and it does not know
            self.join(service)
            await self._drain(service.instances[-1].loop, service.instances[-1].consumer)
            await instance.loop.handle(batch)
        elif fate < 0.22 and len(service.instances) > 1:
            other = next(each for each in service.instances if each is not instance)
            beside = self._fetch(other.consumer)
            await asyncio.gather(
                instance.loop.handle(batch), *([other.loop.handle(beside)] if beside is not None else [])
            )
        else:
            await instance.loop.handle(batch)

    async def admit(self, service: Simulated) -> None:
        """Some gate handles a batch."""
        instance = self.chance.choice(service.instances)
        if instance.gate is not None:
            batch = self._fetch(instance.gate_consumer)
            if batch is not None:
                await instance.gate.handle(batch)

    async def tick(self, service: Simulated) -> None:
        """Some instance fires what is due."""
        await self.chance.choice(service.instances).ticker.tick()

    async def look(self) -> None:
        """Some matcher sweeps, and some intake."""
        matcher = self.chance.choice(self.services["matching"].instances)
        for event, key in await matcher.sweep.due_events(self.clock.now()):
            self.send(topics.inbox("matching"), key, event)
        for event, key in await self.chance.choice(self.services["intake"].instances).duplicates.look():
            self.send(topics.inbox("intake"), key, event)

    def scale(self, service: Simulated) -> None:
        """An instance more, or one less."""
        if len(service.instances) > 1 and self.chance.random() < 0.5:
            self.chance.choice(service.instances).leave()
        elif len(service.instances) < 3:
            self.join(service)

    def doubt(self, service: Simulated) -> None:
        """The next call of some kind fails: before, amid or after taking effect."""
        when = self.chance.choice(("before", "midway", "after"))
        port, call = self.chance.choice(
            (
                (self.log, "publish"),
                (service.store, "append"),
                (service.store, "set_timers"),
                (service.claims, "take"),
                (service.claims, "put"),
                (service.claims, "drop"),
            )
        )
        port.fail(call, when)

    def calm(self) -> None:
        """Nothing fails any more."""
        for service in self.services.values():
            for port in (self.log, service.store, service.claims):
                for call in ("publish", "append", "set_timers", "take", "put", "drop"):
                    port.calm(call)

    async def settle(self) -> None:
        """Handle all there is, until nothing is left to read."""
        while any(
            group is not None and group.lag
            for service in self.services.values()
            for group in (service.group, service.gate_group)
        ):
            for service in self.services.values():
                await self.admit(service)
                await self.batch(service, calm=True)

    def _fetch(self, consumer: MemoryConsumer, most: int | None = None) -> MemoryBatch | None:
        order = sorted(consumer.positions)
        self.chance.shuffle(order)  # topics have no common order
        return consumer.fetch(most or self.chance.choice((1, 3, 10, 100)), order)

    async def _drain(self, loop: Loop[Any], consumer: MemoryConsumer) -> None:
        while batch := consumer.fetch():
            await loop.handle(batch)

    # the Offsets that `Progress` asks --------------------------------------------------------------------------------

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

    def entries(self, service: str) -> dict[str, Sequence[dict[str, Any]]]:
        """A service's journal: the entries of each stream, in order. Fails where a journal has a gap."""
        found: dict[str, list[dict[str, Any]]] = {}
        numbers: dict[str, int] = {}
        for document in sorted(self.services[service].store.journal.values(), key=lambda d: (d["stream"], d["n"])):
            stream = document["stream"]
            assert document["n"] == numbers.get(stream, 0), f"{service}: {stream} has a gap"
            numbers[stream] = document["n"] + 1
            found.setdefault(stream, []).extend(document["entries"])
        return dict(found)

    def now(self) -> datetime:
        """The virtual present."""
        return self.clock.now()
