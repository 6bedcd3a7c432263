"""All four services on this machine: how many referrals they close a second, and how soon people hear of one.

Open loop: referrals come by a Poisson process whether or not the last one was handled. Providers accept and deliver at
once, so that what is measured is the system. The people run in this process and take their share of the machine.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts import topics
from contracts.cloudevents import CloudEvent, encode
from contracts.outcomes import StatusChanged
from contracts.provider import Answered, Offer, Profile, Service
from deploy.cluster.topics import agency_topics, ensure, internal_topics, provider_topics
from deploy.local.process import Process
from deploy.local.services import start_services
from deploy.local.stack import Addresses, LocalStack
from services.chassis.encryption import new_pair
from tests.bench import load

AGENCY = "bench"
PROVIDERS = [f"bench-{number}" for number in range(4)]
SECONDS = 20
RATES = (20, 100)
BURST = 2_000
_PATIENCE = 180
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Observed:
    """When what became known, by referral id, in seconds; `sent` by reference."""

    sent: dict[str, float] = field(default_factory=dict)
    reference: dict[str, str] = field(default_factory=dict)
    first_status: dict[str, float] = field(default_factory=dict)
    offer: dict[str, float] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    wanted: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def close(self, id_: str) -> None:
        """Its need was delivered."""
        self.closed.setdefault(id_, time.monotonic())
        if len(self.closed) == self.wanted:
            self.done.set()

    def after(self, what: dict[str, float]) -> list[float]:
        """Milliseconds from publication, one for each referral."""
        return [(at - self.sent[self.reference[id_]]) * 1000 for id_, at in what.items()]


class People:
    """One agency and its providers."""

    def __init__(self, kafka: str) -> None:
        own = {"bootstrap_servers": kafka}
        self._writer: Any = AIOKafkaProducer(**own, linger_ms=2)
        read = {**own, "enable_auto_commit": False, "auto_offset_reset": "earliest", "fetch_max_wait_ms": 20}
        self._status: Any = AIOKafkaConsumer(topics.status(AGENCY), **read)
        self._notifications: Any = AIOKafkaConsumer(*map(topics.notifications, PROVIDERS), **read)
        self._published = self._said = 0
        self.observed = Observed()

    async def __aenter__(self) -> "People":
        for each in (self._writer, self._status, self._notifications):
            await each.start()
        for provider in PROVIDERS:
            await self._send(topics.directory(provider), "profile", Profile(name=provider, public_key=new_pair()[1]))
            beds = {"service": "beds", "name": "Beds", "categories": ["shelter"], "capacity": 100_000}
            await self._send(topics.directory(provider), "beds", Service.model_validate(beds))
        self._tasks = [asyncio.create_task(each) for each in (self._listen(), self._answer())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for each in (self._writer, self._status, self._notifications):
            await each.stop()

    async def publish(self, rate: float, count: int) -> Observed:
        """Send so many at this rate (a second; infinite: all at once), and wait until each is closed."""
        self.observed = observed = Observed(wanted=count)
        due = time.monotonic()
        for key, body, headers in load.referrals(count, first=self._published):
            due += random.expovariate(rate)
            await asyncio.sleep(due - time.monotonic())
            observed.sent[key.decode()] = time.monotonic()
            await self._writer.send(topics.referrals(AGENCY), body, key=key, headers=headers)
        self._published += count
        async with asyncio.timeout(_PATIENCE):
            await observed.done.wait()
        return observed

    async def _listen(self) -> None:
        while True:
            for record in await _records(self._status):
                body = orjson.loads(record.value)
                if _kind(record) != StatusChanged.ce_type() or body["reference"] not in self.observed.sent:
                    continue
                id_ = body["referral_id"]
                self.observed.reference[id_] = body["reference"]
                self.observed.first_status.setdefault(id_, time.monotonic())
                if body["state"] == "delivered":
                    self.observed.close(id_)

    async def _answer(self) -> None:
        while True:
            for record in await _records(self._notifications):
                if _kind(record) != Offer.ce_type():
                    continue
                body = orjson.loads(record.value)
                self.observed.offer.setdefault(body["referral_id"], time.monotonic())
                for answer in ("accepted", "delivered"):
                    offer_key = {name: body[name] for name in ("referral_id", "need", "attempt")}
                    answer_event = Answered.model_validate({**offer_key, "answer": answer})
                    await self._send(topics.responses(body["provider"]), body["referral_id"], answer_event)

    async def _send(self, topic: str, key: str, body: Any) -> None:
        self._said += 1
        event = CloudEvent(f"{topic}-{self._said}", f"/{AGENCY}", body.ce_type(), load.NOW, b"")
        text = body.model_dump_json(exclude_none=True).encode()
        await self._writer.send(topic, text, key=key.encode(), headers=encode(event))


async def _records(reader: Any) -> list[Any]:
    return [record for each in (await reader.getmany(timeout_ms=100)).values() for record in each]


def _kind(record: Any) -> str:
    return dict(record.headers)["ce_type"].decode()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Result:
    """What the table and the figures are made of."""

    closed_per_s: float
    latency: dict[int, dict[str, list[float]]]
    """Milliseconds by rate: to the provider's ``offer``, to the agency's first ``status``."""
    cpu_us: dict[str, float]
    """Own CPU of each process per referral closed, at saturation."""


def measure() -> Result:
    """On a stack of its own, with whatever else this machine does."""
    with LocalStack() as stack, tempfile.TemporaryDirectory() as folder:
        wanted = (
            internal_topics() + agency_topics(AGENCY) + [each for name in PROVIDERS for each in provider_topics(name)]
        )
        asyncio.run(ensure(stack.addresses.kafka, wanted))
        with start_services(stack.addresses, Path(folder)) as services:
            processes: dict[str, Process] = {**services, "kafka": stack.kafka, "mongo": stack.mongo}
            return asyncio.run(_measure(stack.addresses, processes))


async def _measure(servers: Addresses, processes: dict[str, Process]) -> Result:
    latency = {}
    async with People(servers.kafka) as people:
        await people.publish(20, 100)  # until all is warm
        for rate in RATES:
            observed = await people.publish(rate, rate * SECONDS)
            latency[rate] = {"offer": observed.after(observed.offer), "status": observed.after(observed.first_status)}
        before = {name: _cpu(each) for name, each in processes.items()}
        observed = await people.publish(float("inf"), BURST)
        cpu = {name: (_cpu(each) - before[name]) / BURST * 1e6 for name, each in processes.items()}
    took = max(observed.closed.values()) - min(observed.sent.values())
    return Result(BURST / took, latency, cpu)


def _cpu(process: Process) -> float:
    """Seconds of CPU so far (proc(5): fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def figures(result: Result) -> dict[str, float]:
    """By their names in build/bench.json. Microseconds, milliseconds, referrals a second."""
    named_figures = {"flow.closed_per_s": result.closed_per_s}
    for rate, of in result.latency.items():
        for what, values in of.items():
            cuts = statistics.quantiles(values, n=100)
            prefix = "" if what == "offer" else "status_"
            named_figures[f"flow.{prefix}p50_ms_at_{rate}"], named_figures[f"flow.{prefix}p99_ms_at_{rate}"] = (
                cuts[49],
                cuts[98],
            )
    return named_figures | {f"flow.cpu_us_{name}": value for name, value in result.cpu_us.items()}
