"""Real servers that tests may kill, services in several instances, and people who keep them busy.

    async with world.busy("kafka is killed") as fault:
        world.stack.kafka.kill()
        fault.lifted()              # the time to recover counts from here
    # here all needs have ended, all topics are read, and the checker found no violation

No time is asserted, only that recovery ends. Times are printed, and `make faults` writes them into its report.
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.cluster import tenants
from deploy.cluster.access import GROUPS
from deploy.cluster.login import Login
from deploy.cluster.topics import ensure, internal_topics
from deploy.local.kafka import AccessControl, Kafka
from deploy.local.process import free_port
from deploy.local.services import ServiceProcess, settings_of
from deploy.local.stack import LocalStack

from .checker import SERVICES, gather, partitions, violations
from .people import Agency, Provider, needs
from .report import Report

PREFIX = "faults"
FULL = os.environ.get("FAULTS") == "full"
"""Set by `make faults`: all tests, and a hundred kills."""
PATIENCE = 150.0
"""Seconds after which a test gives up; generous, because the machine may be busy."""

_SETTINGS = {
    "REFERRALS_DATABASE": PREFIX,
    "REFERRALS_TICK": "0.3",
    "REFERRALS_SWEEP": "1",
    "REFERRALS_METADATA_MAX_AGE_MS": "2000",
    "REFERRALS_ACKNOWLEDGE_URGENT_MINUTES": "0.03",
    "REFERRALS_DECIDE_URGENT_MINUTES": "0.05",
    "REFERRALS_WAIT_URGENT_HOURS": "0.0007",
    "REFERRALS_PATIENCE_URGENT_HOURS": "0.0003",
    "REFERRALS_WAIT_NORMAL_HOURS": "0.0007",
    "REFERRALS_PATIENCE_NORMAL_HOURS": "0.0003",
    "REFERRALS_RETRY_AFTER_HOURS": "0.001",
    # Shorter than in production: most of the time here is waiting for servers that do not answer.
    "REFERRALS_SESSION_TIMEOUT_MS": "6000",
    "REFERRALS_REQUEST_TIMEOUT_MS": "4000",
    "REFERRALS_PUBLISH_DEADLINE": "15",
    "REFERRALS_MONGO_TIMEOUT_MS": "4000",
}

Name = tuple[str, int]
"""A service and the number of its instance."""


class Fleet:
    """The services' instances, and a supervisor that restarts those that have died."""

    def __init__(self, stack: LocalStack, instances: int) -> None:
        self._stack = stack
        self.env = {name: settings_of(name, stack.addresses, stack.data, _SETTINGS) for name in SERVICES}
        self.wanted: dict[Name, ServiceProcess] = {}
        self.deaths: Counter[Name] = Counter()
        self.next_life: Callable[[Name], str] = lambda name: ""
        """Gives `REFERRALS_CRASH_AT` of an instance that is started again."""
        for name in SERVICES:
            self.scale(name, instances)

    def scale(self, service: str, instances: int) -> None:
        """Set the number of instances of a service. Those above it get SIGTERM; their end is not awaited."""
        for number in range(instances):
            if (service, number) not in self.wanted:
                env = {**self.env[service], "REFERRALS_INSTANCE": str(number)}
                self.wanted[service, number] = ServiceProcess(service, self._stack.data / str(number), env)
        for name in [name for name in self.wanted if name[0] == service and name[1] >= instances]:
            self.wanted.pop(name).terminate()

    async def supervise(self) -> None:
        """Start instances that are not running, until cancelled."""
        known: set[Name] = set()
        while True:
            for name, each in list(self.wanted.items()):
                if not each.running:
                    if name in known:
                        self.deaths[name] += 1
                    known.add(name)
                    each.env["REFERRALS_CRASH_AT"] = self.next_life(name)
                    each.spawn()
            await asyncio.sleep(0.1)

    @property
    def pids(self) -> dict[Name, int]:
        """The process ids of running instances."""
        return {name: each.pid for name, each in self.wanted.items() if each.running}

    async def ready(self) -> None:
        """Wait until all instances are ready."""
        await eventually(self._all_ready, "all services are ready")

    async def not_ready(self, *services: str) -> None:
        """Wait until no instance of these services (or of all) is ready, by /health/ready."""
        names = [name for name in self.wanted if name[0] in (services or SERVICES)]
        await eventually(lambda: self._none_ready(names), "no instance is ready")

    async def _all_ready(self) -> bool:
        return all(await asyncio.gather(*(asyncio.to_thread(each.ready) for each in self.wanted.values())))

    async def _none_ready(self, names: Sequence[Name]) -> bool:
        return not any(await asyncio.gather(*(asyncio.to_thread(self.wanted[name].ready) for name in names)))

    def stop(self) -> None:
        """Kill all instances."""
        for each in self.wanted.values():
            each.kill()

    def logs(self) -> dict[Path, int]:
        """Every log with its present length, from where `lines` continues."""
        return {each.log: each.log.stat().st_size for each in self.wanted.values() if each.log.exists()}

    def lines(self, since: dict[Path, int]) -> Iterator[dict[str, Any]]:
        """The log entries since then."""
        for each in list(self.wanted.values()):
            if not each.log.exists():
                continue
            with each.log.open("rb") as log:
                log.seek(since.get(each.log, 0))
                for line in log:
                    with contextlib.suppress(ValueError):
                        entry = json.loads(line)
                        if isinstance(entry, dict):
                            yield entry


class Fault:
    """A fault during a test."""

    def __init__(self, what: str, fleet: Fleet) -> None:
        self.what = what
        self._fleet = fleet
        self._since = fleet.logs()
        self._lifted: float | None = None

    def lifted(self) -> None:
        """Note that the cause is gone: recovery begins."""
        self._lifted = time.monotonic()

    @property
    def since_lifted(self) -> float:
        """Seconds since the cause was gone."""
        return time.monotonic() - (self._lifted or time.monotonic())

    def hints(self) -> Counter[str]:
        """Warnings and errors with a hint that were logged since the fault began, by event and reason."""
        return Counter(
            f"{line['event']} ({line.get('reason')})"
            for line in self._fleet.lines(self._since)
            if line.get("level") in ("warning", "error") and line.get("hint")
        )

    def without_hint(self) -> Counter[str]:
        """Warnings and errors without a hint, except those of libraries, which cannot have one."""
        return Counter(
            str(line["event"])
            for line in self._fleet.lines(self._since)
            if line.get("level") in ("warning", "error") and not line.get("hint") and line["event"] != "library"
        )


class World:
    """Servers, services and people, for all tests of this folder."""

    def __init__(self, stack: LocalStack, fleet: Fleet, logins: dict[str, Login]) -> None:
        self.stack, self.fleet = stack, fleet
        self.operator = stack.addresses.operator
        self.agencies = [Agency(each, logins[each]) for each in ("north", "south")]
        self.providers = [
            Provider("harbour", logins["harbour"], 30),
            Provider("bridge", logins["bridge"], 20, declines=0.3, silent=0.3),
        ]
        self.gone: set[str] = set()
        self.report = Report()
        self._numbers = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start the services and the people."""
        self._tasks = [asyncio.create_task(self.fleet.supervise())]
        self._tasks += [asyncio.create_task(each.read()) for each in self.agencies]
        self._tasks += [asyncio.create_task(each.work()) for each in self.providers]
        for each in self.providers:
            await each.publish()
        await self.fleet.ready()

    async def join(self, provider: Provider) -> None:
        """Add a provider."""
        self.providers.append(provider)
        await provider.publish()
        self.also(provider.work())

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Run one more task until the world is closed."""
        self._tasks.append(asyncio.create_task(work))

    async def onboard(self, kind: str, id_: str) -> Login:
        """Onboard an organisation; returns its login."""
        return await _onboard(self.stack, kind, id_)

    async def close(self) -> None:
        """Stop the people."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in (*self.agencies, *self.providers):
            await each.writer.stop()

    @asynccontextmanager
    async def busy(self, what: str, which: str = "", a_second: float = 5, hint: bool = True) -> AsyncIterator[Fault]:
        """Send referrals steadily while the block runs; then the system must recover by itself and violate nothing.

        `which`: the variant of a fault that has several, which are reported as one.
        `hint`: whether a service must have logged a warning or error that says what to do.
        """
        runs = self.report.faults[what]
        runs.begun += 1
        full = f"{what} ({which})" if which else what
        fault = Fault(full, self.fleet)
        enough = asyncio.Event()
        load = asyncio.create_task(self._load(a_second, enough))
        try:
            await self.progress()
            yield fault
            first = await self._probe(fault)
            enough.set()
            await load  # referrals under way are sent
            await self.settled()
            settled = fault.since_lifted
            say(f"{full}: first new referral offered after {first:.1f} s, all settled after {settled:.1f} s")
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        say(f"  hints: {dict(fault.hints())}")
        assert not fault.without_hint(), f"these have no hint: {dict(fault.without_hint())}"
        if hint:
            assert fault.hints(), "no service logged a hint"
        await self.check()
        runs.recovered(first, settled)

    async def check(self) -> None:
        """Let the checker look for violations."""
        evidence = await gather(self.operator.aiokafka(), self.stack.addresses.mongo, PREFIX, self.gone)
        broken = violations(evidence)
        assert not broken, "\n".join([f"{len(broken)} violations", *broken[:20]])

    async def progress(self, count: int = 8) -> None:
        """Wait until this many more needs have ended, so that the load has reached all services."""
        before = self.ended
        await eventually(lambda: self.ended >= before + count, f"{count} more needs end")

    @property
    def ended(self) -> int:
        """How many needs have an end that their agency knows."""
        return sum(len(each.needs) - len(each.unsettled) for each in self.agencies)

    async def refer(self, agency: Agency, wanted: list[dict[str, Any]]) -> str:
        """Send one referral under the next reference."""
        reference = f"R-{next(self._numbers)}"
        await agency.refer(reference, wanted)
        return reference

    async def _load(self, a_second: float, enough: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as sending:
            for agency, wanted in zip(itertools.cycle(self.agencies[:2]), needs("load"), strict=False):
                if enough.is_set():
                    break
                sending.create_task(self.refer(agency, wanted))
                await asyncio.sleep(1 / a_second)

    async def _probe(self, fault: Fault) -> float:
        """Seconds until a referral sent after the fault was lifted is offered."""
        if fault._lifted is None:
            fault.lifted()
        agency = self.agencies[0]
        reference = await self.refer(agency, [{"need": "1", "category": "shelter", "urgency": "normal"}])
        states = agency.needs[agency.id, reference, "1"]
        await eventually(lambda: {"offered", *ENDED} & {*states}, "a referral sent after the fault is offered")
        return fault.since_lifted

    async def settled(self) -> None:
        """Wait until every need has ended, everything on every topic is read, and all services are ready."""
        await eventually(lambda: not self._unsettled(), self._unsettled)
        await eventually(self._all_read, "everything is read")
        await eventually(self._no_place_held, "no place is held")
        await self.fleet.ready()

    def _unsettled(self) -> str:
        left = {need: agency.needs[need] for agency in self.agencies for need in agency.unsettled}
        return f"{len(left)} needs have no end, such as {list(left.items())[:3]}" if left else ""

    async def _all_read(self) -> bool:
        return not await lag(self.operator)

    async def _no_place_held(self) -> bool:
        """Whether all places are free, which they are a moment after the agencies know the ends."""
        return await places_held(self.stack.addresses.mongo) == 0


ENDED = {"rejected", "unmet", "withdrawn", "not-delivered", "partly-delivered", "delivered", "taken-up"}


async def places_held(mongo: str) -> int:
    """How many places have a need."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo, timeoutMS=4000)
    try:
        return int(await client[f"{PREFIX}_matching"]["places"].count_documents({}))
    finally:
        client.close()


async def lag(operator: Login) -> int:
    """How many records consumer groups have not committed."""
    topics_of_group = {
        "intake-gate": r"agency\..*\.referrals",
        "intake": r"referrals\.inbox\.intake",
        "matching": r"referrals\.(inbox\.matching|intake|notification)",
        "notification-gate": r"provider\..*\.responses",
        "notification": r"referrals\.(inbox\.notification|matching)",
        "outcomes": r"referrals\.(inbox\.outcomes|intake|matching|notification)",
    }
    assert topics_of_group.keys() <= {group for groups in GROUPS.values() for group in groups}
    admin = AIOKafkaAdminClient(**operator.aiokafka())
    reader = AIOKafkaConsumer(**operator.aiokafka(), group_id=None)
    try:
        await admin.start()
        await reader.start()
        behind = 0
        for group, pattern in topics_of_group.items():
            at = await partitions(operator.aiokafka(), pattern)
            ends = await reader.end_offsets(at)
            done = await admin.list_consumer_group_offsets(group)
            behind += sum(max(0, end - (done[each].offset if each in done else 0)) for each, end in ends.items())
        return behind
    finally:
        await reader.stop()
        await admin.close()


def say(line: str) -> None:
    """Print a line; pytest shows it with -s."""
    print(line, flush=True)  # noqa: T201


async def eventually(condition: Callable[[], Any], what: str | Callable[[], str], patience: float = PATIENCE) -> None:
    """Wait until a condition holds; errors of a server that is away count as false."""
    deadline = time.monotonic() + patience
    while True:
        try:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return
        except (KafkaError, OSError) as error:
            value = type(error).__name__
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {patience:g} s: {what if isinstance(what, str) else what()} ({value})")
        await asyncio.sleep(0.2)


@contextmanager
def servers() -> Iterator[LocalStack]:
    """A stack with access control and one more listener, for a proxy: see `proxied`."""
    with tempfile.TemporaryDirectory(prefix="referral-routing-faults-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        Kafka(data / "kafka", AccessControl())
        _add_listener(data / "kafka" / "server.properties", free_port(), free_port())
        stack = LocalStack(data, AccessControl())
        try:
            stack.start()
            yield stack
        finally:
            for server in (stack.kafka, stack.mongo):
                server.kill()


def _add_listener(properties: Path, port: int, proxy: int) -> None:
    """Add the listener `PROXIED`, which advertises the proxy's port to its clients."""
    text = properties.read_text()
    clients, operator = (re.search(rf"{name}://[^,]*", text) for name in ("CLIENTS", "OPERATOR"))
    assert clients is not None
    assert operator is not None
    here = f"PROXIED://127.0.0.1:{port}"
    text = re.sub(r"^(listeners=.*)$", rf"\1,{here}", text, flags=re.MULTILINE)
    text = re.sub(r"^(listener.security.protocol.map=.*)$", r"\1,PROXIED:SASL_PLAINTEXT", text, flags=re.MULTILINE)
    text += f"""
advertised.listeners={clients[0]},{operator[0]},PROXIED://127.0.0.1:{proxy}
listener.name.proxied.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.proxied.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
    properties.write_text(text)


def proxied(stack: LocalStack) -> tuple[int, int]:
    """The port that a proxy must listen on, and Kafka's port that it must forward to."""
    text = (stack.data / "kafka" / "server.properties").read_text()
    kafka, proxy = (int(port) for port in re.findall(r"PROXIED://127.0.0.1:(\d+)", text))
    return proxy, kafka


PEOPLE = {"north": "agency", "south": "agency", "harbour": "provider", "bridge": "provider"}
"""The organisations that are there from the beginning."""


async def _onboard(stack: LocalStack, kind: str, id_: str) -> Login:
    issued = await asyncio.to_thread(tenants.onboard, stack.addresses.operator, kind, id_, id_)
    [(user, password)] = issued.logins.items()
    return stack.addresses.login(user, password)


@asynccontextmanager
async def world(instances: int = 2) -> AsyncIterator[World]:
    """Start everything, and kill everything at the end."""
    with servers() as stack:
        await ensure(stack.addresses.operator, internal_topics())
        logins = await asyncio.gather(*(_onboard(stack, kind, each) for each, kind in PEOPLE.items()))
        fleet = Fleet(stack, instances)
        it = World(stack, fleet, dict(zip(PEOPLE, logins, strict=True)))
        try:
            await it.open()
            yield it
        finally:
            await it.close()
            fleet.stop()
