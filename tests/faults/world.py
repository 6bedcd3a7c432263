"""Real servers that may be killed, services in several instances, and people who keep them busy.

    async with world.busy("kafka is killed") as fault:
        world.stack.kafka.kill()
        fault.lifted()              # from here on the time to recover is counted
    # here all needs have ended, all topics are read, and the checker has found nothing

No time is asserted, only that it comes to an end; how long it took is printed, and `make faults` writes it down.
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
from deploy.cluster.topics import ensure, internal
from deploy.local.kafka import AccessControl, Kafka
from deploy.local.process import free_port
from deploy.local.services import ServiceProcess, settings_of
from deploy.local.stack import LocalStack

from .checker import SERVICES, gather, partitions, violations
from .people import Agency, Provider, needs
from .report import Report

PREFIX = "faults"
FULL = os.environ.get("FAULTS") == "full"
"""`make faults`: everything, and a hundred kills."""
PATIENCE = 150.0
"""Seconds after which what has not recovered never will; generous, for others may use the machine."""

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
    # Sooner than in production: what takes long here is waiting for servers that do not answer.
    "REFERRALS_SESSION_TIMEOUT_MS": "6000",
    "REFERRALS_REQUEST_TIMEOUT_MS": "4000",
    "REFERRALS_PUBLISH_DEADLINE": "15",
    "REFERRALS_MONGO_TIMEOUT_MS": "4000",
}

Name = tuple[str, int]
"""A service and the number of its instance."""


class Fleet:
    """The services' instances, and a supervisor that starts again whatever has died."""

    def __init__(self, stack: LocalStack, instances: int) -> None:
        self._stack = stack
        self.env = {name: settings_of(name, stack.addresses, stack.data, _SETTINGS) for name in SERVICES}
        self.wanted: dict[Name, ServiceProcess] = {}
        self.deaths: Counter[Name] = Counter()
        self.next_life: Callable[[Name], str] = lambda name: ""
        """What `REFERRALS_CRASH_AT` shall be when an instance is started again."""
        for name in SERVICES:
            self.scale(name, instances)

    def scale(self, service: str, instances: int) -> None:
        """So many of a service. What is too many is stopped the orderly way, without waiting."""
        for number in range(instances):
            if (service, number) not in self.wanted:
                env = {**self.env[service], "REFERRALS_INSTANCE": str(number)}
                self.wanted[service, number] = ServiceProcess(service, self._stack.data / str(number), env)
        for name in [name for name in self.wanted if name[0] == service and name[1] >= instances]:
            self.wanted.pop(name).terminate()

    async def supervise(self) -> None:
        """Start again what is not running, until cancelled."""
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
        """Of what is running."""
        return {name: each.pid for name, each in self.wanted.items() if each.running}

    async def ready(self) -> None:
        """Wait until all say so."""
        await eventually(self._all_ready, "all services are ready")

    async def not_ready(self, *services: str) -> None:
        """Wait until every instance of these services (or of all) says on /health/ready that it is not."""
        names = [name for name in self.wanted if name[0] in (services or SERVICES)]
        await eventually(lambda: self._none_ready(names), "services say that they are not ready")

    async def _all_ready(self) -> bool:
        said = await asyncio.gather(*(asyncio.to_thread(each.ready) for each in self.wanted.values()))
        return all(said)

    async def _none_ready(self, names: Sequence[Name]) -> bool:
        said = await asyncio.gather(*(asyncio.to_thread(self.wanted[name].ready) for name in names))
        return not any(said)

    def stop(self) -> None:
        """Kill all."""
        for each in self.wanted.values():
            each.kill()

    def logs(self) -> dict[Path, int]:
        """Every log with its length now: from there `lines` reads on."""
        return {each.log: each.log.stat().st_size for each in self.wanted.values() if each.log.exists()}

    def lines(self, since: dict[Path, int]) -> Iterator[dict[str, Any]]:
        """What was logged since."""
        for each in list(self.wanted.values()):
            if not each.log.exists():
                continue
            with each.log.open("rb") as log:
                log.seek(since.get(each.log, 0))
                for line in log:
                    with contextlib.suppress(ValueError):
                        found = json.loads(line)
                        if isinstance(found, dict):
                            yield found


class Fault:
    """One fault in the course of a test."""

    def __init__(self, what: str, fleet: Fleet) -> None:
        self.what = what
        self._fleet = fleet
        self._since = fleet.logs()
        self._lifted: float | None = None

    def lifted(self) -> None:
        """The cause is gone; from here on recovery is awaited."""
        self._lifted = time.monotonic()

    @property
    def since_lifted(self) -> float:
        """Seconds."""
        return time.monotonic() - (self._lifted or time.monotonic())

    def hints(self) -> Counter[str]:
        """Warnings and errors with a hint that were logged since the fault began, by event and reason."""
        return Counter(
            f"{line['event']} ({line.get('reason')})"
            for line in self._fleet.lines(self._since)
            if line.get("level") in ("warning", "error") and line.get("hint")
        )

    def without_hint(self) -> Counter[str]:
        """Warnings and errors of ours that do not say what to do. A library's own lines can't."""
        return Counter(
            str(line["event"])
            for line in self._fleet.lines(self._since)
            if line.get("level") in ("warning", "error") and not line.get("hint") and line["event"] != "library"
        )


class World:
    """All of it, for all tests of this folder."""

    def __init__(self, stack: LocalStack, fleet: Fleet, logins: dict[str, Login]) -> None:
        self.stack, self.fleet = stack, fleet
        self.operator = stack.addresses.operator
        self.agencies = [Agency(each, logins[each]) for each in ("north", "south")]
        self.providers = [
            Provider("harbour", logins["harbour"], 30),
            Provider("bridge", logins["bridge"], 20, refuses=0.3, silent=0.3),
        ]
        self.gone: set[str] = set()
        self.report = Report()
        self._numbers = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start the services and let people in."""
        self._tasks = [asyncio.create_task(self.fleet.supervise())]
        self._tasks += [asyncio.create_task(each.read()) for each in self.agencies]
        self._tasks += [asyncio.create_task(each.work()) for each in self.providers]
        for each in self.providers:
            await each.publish()
        await self.fleet.ready()

    async def join(self, provider: Provider) -> None:
        """One provider more."""
        self.providers.append(provider)
        await provider.publish()
        self.also(provider.work())

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Something more that goes on until everybody leaves."""
        self._tasks.append(asyncio.create_task(work))

    async def onboard(self, kind: str, id_: str) -> Login:
        """Topics, rules and a login for an organisation."""
        return await _onboard(self.stack, kind, id_)

    async def close(self) -> None:
        """Everybody leaves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in (*self.agencies, *self.providers):
            await each.writer.stop()

    @asynccontextmanager
    async def busy(self, what: str, which: str = "", a_second: float = 5, hint: bool = True) -> AsyncIterator[Fault]:
        """Referrals come steadily while the block runs; then all must recover by itself, and nothing be amiss.

        `which`: the variant, where one fault has several: they are reported as one.
        `hint`: somebody must have logged a warning or error that says what to do.
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
            await load  # what was begun is sent
            await self.settled()
            settled = fault.since_lifted
            say(f"{full}: first new referral offered after {first:.1f} s, all settled after {settled:.1f} s")
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        say(f"  said: {dict(fault.hints())}")
        assert not fault.without_hint(), f"these do not say what to do: {dict(fault.without_hint())}"
        if hint:
            assert fault.hints(), "nobody was told what to do"
        await self.check()
        runs.recovered(first, settled)

    async def check(self) -> None:
        """Ask the checker."""
        evidence = await gather(self.operator.aiokafka(), self.stack.addresses.mongo, PREFIX, self.gone)
        found = violations(evidence)
        assert not found, "\n".join([f"{len(found)} violations", *found[:20]])

    async def progress(self, count: int = 8) -> None:
        """Wait until that many more needs have ended: the load has reached everybody."""
        before = self.ended
        await eventually(lambda: self.ended >= before + count, f"{count} more needs end")

    @property
    def ended(self) -> int:
        """Needs whose end is known to their agency."""
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
        """A referral sent after the fault was lifted: seconds until it has been offered to somebody."""
        if fault._lifted is None:
            fault.lifted()
        agency = self.agencies[0]
        reference = await self.refer(agency, [{"need": "1", "category": "shelter", "urgency": "normal"}])
        told = agency.needs[agency.id, reference, "1"]
        await eventually(lambda: {"offered", *ENDED} & {*told}, "a referral sent after the fault is offered")
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
        """The place of a need that has ended is free a moment later than its agency knows of the end."""
        return await places_held(self.stack.addresses.mongo) == 0


ENDED = {"rejected", "unmet", "withdrawn", "not-delivered", "partly-delivered", "delivered", "taken-up"}


async def places_held(mongo: str) -> int:
    """How many places are held."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo, timeoutMS=4000)
    try:
        return int(await client[f"{PREFIX}_matching"]["places"].count_documents({}))
    finally:
        client.close()


async def lag(operator: Login) -> int:
    """Records on topics that are read in groups, and not committed."""
    reads = {
        "intake-gate": r"agency\..*\.referrals",
        "intake": r"referrals\.inbox\.intake",
        "matching": r"referrals\.(inbox\.matching|intake|notification)",
        "notification-gate": r"provider\..*\.responses",
        "notification": r"referrals\.(inbox\.notification|matching)",
        "outcomes": r"referrals\.(inbox\.outcomes|intake|matching|notification)",
    }
    assert reads.keys() <= {group for groups in GROUPS.values() for group in groups}
    admin = AIOKafkaAdminClient(**operator.aiokafka())
    reader = AIOKafkaConsumer(**operator.aiokafka(), group_id=None)
    try:
        await admin.start()
        await reader.start()
        behind = 0
        for group, pattern in reads.items():
            at = await partitions(operator.aiokafka(), pattern)
            ends = await reader.end_offsets(at)
            done = await admin.list_consumer_group_offsets(group)
            behind += sum(max(0, end - (done[each].offset if each in done else 0)) for each, end in ends.items())
        return behind
    finally:
        await reader.stop()
        await admin.close()


def say(line: str) -> None:
    """Times are told, not asserted; pytest shows them with -s."""
    print(line, flush=True)  # noqa: T201


async def eventually(true: Callable[[], Any], what: str | Callable[[], str], patience: float = PATIENCE) -> None:
    """Wait until it is; what cannot be asked yet (a server is away) is not."""
    deadline = time.monotonic() + patience
    while True:
        try:
            said = true()
            if asyncio.iscoroutine(said):
                said = await said
            if said:
                return
        except (KafkaError, OSError) as error:
            said = type(error).__name__
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {patience:g} s: {what if isinstance(what, str) else what()} ({said})")
        await asyncio.sleep(0.2)


@contextmanager
def servers() -> Iterator[LocalStack]:
    """A stack with walls, and one listener more that stands behind a port for a proxy: see `proxied`."""
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
    """`PROXIED`: clients that come through it are told to come back by the proxy's port."""
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
    """The port that a proxy has to listen on, and the one of Kafka that it has to pass on to."""
    text = (stack.data / "kafka" / "server.properties").read_text()
    found = [int(port) for port in re.findall(r"PROXIED://127.0.0.1:(\d+)", text)]
    return found[1], found[0]


PEOPLE = {"north": "agency", "south": "agency", "harbour": "provider", "bridge": "provider"}
"""Who is there from the beginning."""


async def _onboard(stack: LocalStack, kind: str, id_: str) -> Login:
    given = await asyncio.to_thread(tenants.onboard, stack.addresses.operator, kind, id_, id_)
    [(user, password)] = given.logins.items()
    return stack.addresses.login(user, password)


@asynccontextmanager
async def world(instances: int = 2) -> AsyncIterator[World]:
    """Everything started; everything killed at the end."""
    with servers() as stack:
        await ensure(stack.addresses.operator, internal())
        taken_in = await asyncio.gather(*(_onboard(stack, kind, each) for each, kind in PEOPLE.items()))
        fleet = Fleet(stack, instances)
        it = World(stack, fleet, dict(zip(PEOPLE, taken_in, strict=True)))
        try:
            await it.open()
            yield it
        finally:
            await it.close()
            fleet.stop()
