"""The three that are compared, each in a process of its own: ``python -m tests.bench.contenders NAME OPTIONS``.

Where the servers are is in the environment, since passwords are in it: KAFKA, a `Login` as JSON, and MONGO.

raw     getmany, orjson, insert_many, produce, commit: moves bytes, without logic, ids, validation or a log
naive   FastStream as its documentation has it: one pydantic message, one replace_one, one publish
ours    intake's loop whole, on intake's real policy; then corrections (warm), or from an empty cache (cold)
gate    intake's gate whole, with sealing

Each prints, for every `--count` records handled, one JSON line: seconds of wall time and of own CPU, and
of each step of ours.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import SASLPlaintext
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from contracts import topics
from contracts.intake import ReferralReceived
from deploy.cluster.login import Login
from services.chassis import mongo
from services.chassis.clock import Clock
from services.chassis.encryption import new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.ingress.gate import Gate
from services.chassis.kafka import KafkaLog, Subscription, broker
from services.chassis.ports import Batch
from services.chassis.runtime.gc_tuning import tune_gc
from services.chassis.settings import ChassisSettings
from services.chassis.telemetry import logs
from services.chassis.telemetry.metrics import Meter
from services.intake.admission.referrals import ReferralAdmission
from services.intake.domain.policy import IntakePolicy
from services.intake.privacy.key_ring import KeyRing
from tests.support.servers import login_settings

_KEY = b64encode(bytes(32)).decode()


class Stopwatch:
    """Counts records; prints a line and starts again at every `count`."""

    def __init__(self, count: int, laps: int) -> None:
        self._count, self._laps, self._seen = count, laps, 0
        self._start()

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._steps: Counter[str] = Counter()
        self._passed = self._wall

    def step(self, name: str) -> None:
        """A step of the loop is done: what has passed since the one before is its time."""
        now = time.perf_counter()
        self._steps[name] += now - self._passed
        self._passed = now

    def ready(self) -> None:
        """Say that records may come: what starting took does not count."""
        self._line({"ready": True})
        self._start()

    def seen(self, records: int) -> None:
        """So many were settled. Exits after the last lap."""
        self._seen += records
        if self._seen >= self._count:
            wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            self._line({"wall": wall, "cpu": cpu, "count": self._seen, "steps": self._steps})
            self._seen, self._laps = 0, self._laps - 1
            if self._laps == 0:
                sys.stderr.flush()
                os._exit(0)
            self._start()

    def begin(self) -> None:
        """The first batch has come: the clock starts here."""
        if self._seen == 0:
            self._start()
        self.step("fetched")

    def _line(self, line: dict[str, Any]) -> None:
        sys.stderr.write(json.dumps(line) + "\n")  # the log lines have stdout


async def raw(options: argparse.Namespace, watch: Stopwatch) -> None:
    """The baseline."""
    consumer: Any = AIOKafkaConsumer(
        options.topic,
        **options.kafka.aiokafka(),
        group_id=options.run,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer: Any = AIOKafkaProducer(**options.kafka.aiokafka(), enable_idempotence=True)
    rows = AsyncIOMotorClient(options.mongo)[options.run].get_collection("raw", write_concern=WriteConcern("majority"))
    await consumer.start()
    await producer.start()
    watch.ready()
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=2000)
        batch = [record for each in batches.values() for record in each]
        if not batch:
            continue
        watch.begin()
        await rows.insert_many([{"body": orjson.loads(record.value)} for record in batch], ordered=False)
        await asyncio.gather(*[await producer.send(options.out, record.value, key=record.key) for record in batch])
        await consumer.commit()
        watch.seen(len(batch))


async def naive(options: argparse.Namespace, watch: Stopwatch) -> None:
    """What the documentation shows."""
    login = SASLPlaintext(options.kafka.user, options.kafka.password)
    kafka = KafkaBroker(options.kafka.kafka, security=login, log_level=logging.DEBUG)
    rows = AsyncIOMotorClient(options.mongo)[options.run].get_collection(
        "naive", write_concern=WriteConcern("majority")
    )

    @kafka.subscriber(
        options.topic, group_id=options.run, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR
    )
    @kafka.publisher(options.out)
    async def handle(message: ReferralReceived) -> ReferralReceived:
        watch.begin()
        await rows.replace_one({"_id": message.referral_id}, message.model_dump(mode="json"), upsert=True)
        watch.seen(1)
        return message

    await kafka.start()
    watch.ready()
    await asyncio.Event().wait()


class _Watched:
    """A loop or gate whose settled records are counted."""

    def __init__(self, handler: Any, watch: Stopwatch) -> None:
        self._handler, self._watch = handler, watch
        self.idle = handler.idle

    async def handle(self, batch: Batch) -> None:
        self._watch.begin()
        await self._handler.handle(batch)
        self._watch.seen(len(batch.records))

    def forget(self) -> None:
        self._handler.forget()


async def ours(options: argparse.Namespace, watch: Stopwatch) -> None:
    """Intake's loop."""
    await _serve(options, watch, gate=False)


async def gate(options: argparse.Namespace, watch: Stopwatch) -> None:
    """Intake's gate."""
    await _serve(options, watch, gate=True)


async def _serve(options: argparse.Namespace, watch: Stopwatch, *, gate: bool) -> None:
    settings = ChassisSettings(
        **login_settings(options.kafka), mongo=options.mongo, operator_key=new_pair()[1], cached_streams=100_000
    )
    logs.configure("intake", "info")
    kafka = broker(settings)
    log = KafkaLog(kafka, settings.publish_deadline)
    database = mongo.database(mongo.connect(settings.mongo, 30_000), options.run)
    store, claims = mongo.MongoStore(database), mongo.MongoClaims(database)
    await store.prepare()
    common: dict[str, Any] = {
        "log": log,
        "clock": Clock(),
        "meter": Meter("intake"),
        "dead_letters": DeadLetters("intake", log, settings.operator_key),
        "fault": watch.step,
        "sleep": _postponed,
    }
    handler: Any
    if gate:
        handler = Gate("intake", ReferralAdmission(KeyRing(claims, _KEY), _KEY), **common)
        where: dict[str, Any] = {"pattern": topics.AGENCY_REFERRALS}
    else:
        handler = Loop("intake", IntakePolicy(), store=store, claims=claims, cached_streams=100_000, **common)
        where = {"topics": [options.topic]}
    # The topic is the group: a member that comes back to other topics joins twice, and would be measured waiting.
    Subscription(kafka, settings, options.topic, _Watched(handler, watch), fatal=_fatal, **where)
    tune_gc()
    await kafka.start()
    watch.ready()
    await asyncio.Event().wait()


async def _postponed(seconds: float) -> None:
    _fatal("a batch was postponed: what is measured is no step")


def _fatal(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")
    os._exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["raw", "naive", "ours", "gate"])
    for option in ("topic", "out", "run"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--laps", type=int, default=1)
    options = parser.parse_args(arguments)
    options.kafka, options.mongo = Login(**json.loads(os.environ["KAFKA"])), os.environ["MONGO"]
    contender = {"raw": raw, "naive": naive, "ours": ours, "gate": gate}[options.name]
    asyncio.run(contender(options, Stopwatch(options.count, options.laps)))


if __name__ == "__main__":
    main()
