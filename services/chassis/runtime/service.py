"""Puts a service together, so that its ``app.py`` says only what is its own, and runs it."""

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream.asgi import AsgiFastStream

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent, encode

from .. import mongo, ports
from ..decider import ContextLoader, Policy
from ..engine.dead_letters import DeadLetters
from ..engine.effects import OutboundTransform
from ..engine.loop import Loop
from ..engine.timers import Progress, Ticker
from ..errors import FatalError, TransientError, where
from ..http.health import Health
from ..http.queries import Queries, Query
from ..ingress.gate import Admission, Gate
from ..ingress.tenant_registry import PATTERN as TENANTS
from ..ingress.tenant_registry import TenantRegistry
from ..kafka import Follower, KafkaLog, KafkaOffsets, Subscription, broker, connecting
from ..ports import Partition, Record, Stage
from ..settings import ChassisSettings
from ..telemetry import logs
from ..telemetry.connect import connect
from ..telemetry.metrics import Meter
from .crash_points import crash_at, tearing
from .gc_tuning import set_aside, tune_gc

logger = structlog.get_logger()

Job = Callable[[], Awaitable[Any]]

_CONTACT = 5.0


class ServiceRuntime:
    """One service: its connections, its gate and loop, its periodic jobs, and their life together."""

    def __init__(
        self, name: str, settings: ChassisSettings, tables: mongo.Indexes | None = None, *, by_key: bool = False
    ) -> None:
        logs.configure(name, settings.log_level)
        self.name = name
        self.settings = settings
        self.clock = settings.clock
        self.broker = broker(settings)
        self.meter = Meter(name)
        self._tracing = connect(name, settings)
        self._fault = crash_at(settings.crash_at)
        self.log = tearing(KafkaLog(self.broker, settings.publish_deadline), settings.crash_at, self._fault)
        self._mongo = mongo.connect(settings.mongo, settings.mongo_timeout_ms)
        database = mongo.database(self._mongo, f"{settings.database}_{name}")
        self.store = mongo.MongoStore(database, by_key)
        self.claims = mongo.MongoClaims(database)
        self.dead_letters = DeadLetters(name, self.log, settings.operator_key, self.meter)
        self.registry: TenantRegistry | None = None
        """Who may take part, where `follow_tenants` was called."""
        self._reads = Queries(settings.operator_token)
        self._tables = tables or {}
        self._offsets = KafkaOffsets(settings)
        self._readings: list[Subscription] = []
        self._followers: list[Follower] = []
        self._stages: list[Stage] = []
        self._jobs: list[tuple[float, Job]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._health = Health(self.meter, self._lags, self._waiting_for)
        self.every(_CONTACT, self._reach("kafka", self._offsets.ping))
        self.every(_CONTACT, self._reach("mongodb", self.store.ping))

    def gate(
        self,
        admission: Admission,
        pattern: str,
        *,
        group: str = "gate",
        feeds_loop: bool = True,
        tombstones: bool = False,
    ) -> None:
        """Read tenants' topics through a gate, in a group of its own. Before `loop`, where it feeds that.

        `tombstones`: the topics are compacted, and a record without a value means deleted, not broken.
        """
        name = f"{self.name}-{group}"
        gate = Gate(
            self.name,
            admission,
            log=self.log,
            clock=self.clock,
            dead_letters=self.dead_letters,
            meter=self.meter,
            tracing=self._tracing,
            tombstones=tombstones,
            registry=self.registry,
            fault=self._fault,
        )
        self._readings.append(
            Subscription(
                self.broker,
                self.settings,
                name,
                gate,
                pattern=pattern,
                ready=self._complete,
                fatal=self.fatal,
                after_batch=set_aside,
            )
        )
        if feeds_loop:
            self._stages.append(Stage(name, pattern=pattern))

    def follow(self, pattern: str, apply: Callable[[Record], None]) -> None:
        """Read compacted topics whole. The loop and gate await all that was there at the start."""
        self._followers.append(Follower(self.broker, self.settings, pattern, apply, self.fatal))

    @property
    def followed(self) -> bool:
        """True once all that is followed has been read, as far as it was there at the start."""
        return all(each.completed for each in self._followers)

    def follow_tenants(self, changed: Callable[[str], None] | None = None) -> TenantRegistry:
        """Follow the registry; gates that are made afterwards refuse whom it bars. `changed` is told of each change."""
        registry = self.registry = TenantRegistry(self.settings.registry_required)

        def apply(record: Record) -> None:
            tenant = registry.apply(record)
            if tenant is not None and changed is not None:
                changed(tenant)

        self.follow(TENANTS, apply)
        return registry

    def serve(self, path: str, read: Query) -> None:
        """Answer ``GET <path><id>`` to operators. See `reads`."""
        self._reads.add(path, read)

    def loop(
        self,
        policy: Policy[Any],
        inputs: Sequence[str],
        *,
        context_loader: ContextLoader | None = None,
        render: OutboundTransform | None = None,
    ) -> None:
        """Decide what comes on the inbox and on `inputs`, and let time pass for it."""
        loop: Loop[Any] = Loop(
            self.name,
            policy,
            log=self.log,
            store=self.store,
            claims=self.claims,
            clock=self.clock,
            dead_letters=self.dead_letters,
            context_loader=context_loader,
            render=render,
            meter=self.meter,
            tracing=self._tracing,
            cached_streams=self.settings.cached_streams,
            stream_limit=self.settings.stream_limit,
            fault=self._fault,
        )
        read = [topics.inbox(self.name), *inputs]
        self._readings.append(
            Subscription(
                self.broker,
                self.settings,
                self.name,
                loop,
                topics=read,
                ready=self._complete,
                fatal=self.fatal,
                after_batch=set_aside,
            )
        )
        self._stages.append(Stage(self.name, topics=read))
        ticker = Ticker(self.name, self.store, self.log, self.progress(), self._fault)
        self.every(self.settings.tick, ticker.tick)

    def progress(self) -> Progress:
        """Up to which time the gate and loop have read; each asker has its own."""
        return Progress(self._stages, self._offsets, self.clock)

    async def tell(self, topic: str, addressed: Sequence[tuple[Message, str]]) -> None:
        """Publish events that no event caused, each with its record key. Raises `TransientError`, `FatalError`."""
        now = self.clock.now()
        messages = []
        for event, key in addressed:
            headers = encode(
                CloudEvent(
                    id=str(uuid.uuid4()),
                    source=f"/referral-routing/{self.name}",
                    type=event.ce_type(),
                    time=now,
                    data=b"",
                )
            )
            messages.append(ports.OutgoingRecord(topic, key.encode(), event.model_dump_json().encode(), headers))
        if messages and await self.log.publish(messages):
            raise FatalError(f"{topic} can not be written to")

    def every(self, seconds: float, job: Job) -> None:
        """Run `job` again and again, `seconds` of wall time apart."""
        self._jobs.append((seconds, job))

    @property
    def app(self) -> AsgiFastStream:
        """The ASGI application: health, metrics, and the life of all the above."""
        return AsgiFastStream(
            self.broker,
            asgi_routes=self._health.routes(),
            lifespan=self._life,
            after_startup=[self._started],
            logger=None,
        )

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. A batch in flight is finished; what is not comes again."""
        tune_gc()
        uvicorn.run(
            self._reads.before(self.app),
            host=self.settings.host,
            port=self.settings.port,
            log_config=None,
            access_log=False,
        )

    def fatal(self, reason: str) -> None:
        """Say why and exit at once, uncommitted: a restart finds everything where it was."""
        logger.error("fatal", reason=reason, hint="the process exits; its supervisor restarts it, nothing is lost")
        sys.stdout.flush()
        os._exit(70)

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        await self._servers()
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._offsets.stop()
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.stop)
            self._mongo.close()
            logger.info("stopped")

    async def _started(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(seconds, job)) for seconds, job in self._jobs]
        self._tasks.append(asyncio.create_task(self._complete()))
        logger.info("started", port=self.settings.port)

    async def _servers(self) -> None:
        """Wait for Kafka (with our topics) and MongoDB, in whatever order they come up."""
        while True:
            try:
                await self._topics_exist()
                await self.store.prepare()
                await self.claims.prepare(self._tables)
                self._health.heard("kafka")
                self._health.heard("mongodb")
                return
            except (KafkaError, TransientError) as error:
                logger.warning(
                    "waiting_for_servers",
                    reason=f"{type(error).__name__}: {error}"
                    if isinstance(error, TransientError)
                    else type(error).__name__,
                    retry_in_s=1.0,
                    hint="is Kafka up and reachable, are the topics created, is MongoDB a replica set with a primary?",
                )
                await asyncio.sleep(1.0)

    async def _topics_exist(self) -> None:
        """A subscriber of a missing topic would hang without a word."""
        admin = AIOKafkaAdminClient(**connecting(self.settings))
        try:
            await admin.start()
            missing = {each for stage in self._stages for each in stage.topics} - set(await admin.list_topics())
        finally:
            with contextlib.suppress(KafkaError):
                await admin.close()
        if missing:
            raise TransientError(f"topics are missing: {', '.join(sorted(missing))}")

    async def _repeat(self, seconds: float, job: Job) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                self._health.look()
                await job()
            except TransientError as error:
                logger.warning("job_postponed", reason=str(error), retry_in_s=seconds, hint="it comes again by itself")
            except FatalError as error:
                self.fatal(str(error))
            except Exception as error:  # noqa: BLE001  # Fatal: a fault of ours
                self.fatal(f"{type(error).__name__} in a periodic job, {where(error)}")

    def _reach(self, server: str, ping: Job) -> Job:
        """A job that notes when a server last answered."""

        async def reach() -> None:
            await ping()
            self._health.heard(server)

        return reach

    async def _complete(self) -> None:
        for follower in self._followers:
            await follower.complete()

    def _lags(self) -> dict[Partition, int]:
        return {at: lag for reading in self._readings for at, lag in reading.lag().items()}

    def _waiting_for(self) -> list[str]:
        unassigned = [each.group for each in self._readings if not each.listener.assigned.is_set()]
        return unassigned + ["directory" for each in self._followers if not each.completed]
