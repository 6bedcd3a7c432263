"""Puts a service together, so that its ``app.py`` says only what is its own, and runs it."""

import asyncio
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import structlog
import uvicorn
from faststream.asgi import AsgiFastStream
from starlette.routing import Router

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent, encode

from .. import mongo
from ..decider import ContextLoader, Policy
from ..engine.dead_letters import DeadLetters
from ..engine.effects import OutboundTransform
from ..engine.loop import Loop
from ..engine.timers import Progress, Ticker
from ..errors import FatalError
from ..http.health import Health
from ..http.queries import Queries, Query
from ..ingress.gate import Admission, Gate
from ..ingress.tenant_registry import PATTERN as TENANTS
from ..ingress.tenant_registry import TenantRegistry
from ..kafka import Follower, KafkaLog, KafkaOffsets, Subscription, broker, check_topics, until_available
from ..kafka.consuming import Handler
from ..ports import Claims, OutgoingRecord, Partition, Record, Stage
from ..settings import ChassisSettings
from ..telemetry import logs
from ..telemetry.connect import connect
from ..telemetry.metrics import Meter
from .crash_points import crash_at, tearing
from .gc_tuning import freeze_survivors, tune_gc
from .jobs import Job, PeriodicJobs
from .lifespan import Lifespan
from .loss_watch import LossWatch

logger = structlog.get_logger()

_LOSS_INTERVAL = 60.0
"""Seconds between two checks whether Kafka has deleted records that were not read."""
_PING_INTERVAL = 5.0
"""Seconds between two checks that Kafka and MongoDB respond."""


class ServiceRuntime:
    """One service: its connections, its gate and loop, its periodic jobs, and their life from start to stop.

    `tables` are the indexes of the tables that `claims` uses. `by_key`: the store can load streams by record key.
    """

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
        self._rows = mongo.MongoClaims(database)
        self.claims: Claims = self._rows
        """What the loop claims and writes rows with. An `app.py` may wrap it before it calls `loop`."""
        self.dead_letters = DeadLetters(name, self.log, settings.operator_key, self.meter)
        self.registry: TenantRegistry | None = None
        """Who may take part, once `follow_tenants` has been called."""
        self._tables = tables or {}
        self._offsets = KafkaOffsets(settings)
        self._subscriptions: list[Subscription] = []
        self._followers: list[Follower] = []
        self._stages: list[Stage] = []
        self._losses = LossWatch(self._offsets, self.meter)
        self._completing: asyncio.Task[None] | None = None
        self._queries = Queries(settings.operator_token)
        self._health = Health(self.meter, self._lags, self._waiting_for, servers=("kafka", "mongodb"))
        self._jobs = PeriodicJobs(self._health.check, self.fatal)
        self._pings = PeriodicJobs(self._health.check, self.fatal)
        """Apart from the other jobs, which start only when the servers are available."""
        self._pings.add(_PING_INTERVAL, self._note_response("kafka", self._offsets.ping))
        self._pings.add(_PING_INTERVAL, self._note_response("mongodb", self.store.ping))

    # Wiring: what an app.py calls -------------------------------------------------------------------------------------

    def gate(
        self,
        admission: Admission,
        pattern: str,
        *,
        group: str = "gate",
        feeds_loop: bool = True,
        tombstones: bool = False,
    ) -> None:
        """Read tenants' topics through a gate, in a consumer group of its own. Call it before `loop` if it feeds that.

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
        self._subscribe(name, gate, pattern=pattern)
        stage = Stage(name, pattern=pattern)
        self._losses.watch(stage)
        if feeds_loop:
            self._stages.append(stage)

    def loop(
        self,
        policy: Policy[Any],
        inputs: Sequence[str],
        *,
        context_loader: ContextLoader | None = None,
        render: OutboundTransform | None = None,
    ) -> None:
        """Decide the events on the inbox and on `inputs`, and fire the timers that the policy sets."""
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
        inputs = [topics.inbox(self.name), *inputs]
        self._subscribe(self.name, loop, topics=inputs)
        stage = Stage(self.name, topics=inputs)
        self._losses.watch(stage)
        self._stages.append(stage)
        self.every(_LOSS_INTERVAL, self._losses.report)
        ticker = Ticker(self.name, self.store, self.log, self.progress(), self._fault)
        self.every(self.settings.tick, ticker.tick)

    def _subscribe(
        self, group: str, handler: Handler, *, topics: Sequence[str] = (), pattern: str | None = None
    ) -> None:
        self._subscriptions.append(
            Subscription(
                self.broker,
                self.settings,
                group,
                handler,
                topics=topics,
                pattern=pattern,
                ready=self._complete,
                fatal=self.fatal,
                after_batch=freeze_survivors,
            )
        )

    def follow(self, pattern: str, apply: Callable[[Record], None]) -> None:
        """Read compacted topics whole. The loop and gate wait until all that was there at the start has been read."""
        self._followers.append(Follower(self.broker, self.settings, pattern, apply, self.fatal))

    @property
    def followed(self) -> bool:
        """True once all followed topics have been read, as far as they were there at the start."""
        return all(each.completed for each in self._followers)

    def follow_tenants(self, changed: Callable[[str], None] | None = None) -> TenantRegistry:
        """Follow the registry of tenants; gates created afterwards refuse those it bars.

        `changed` is called with the id of each tenant whose entry changes.
        """
        registry = self.registry = TenantRegistry(self.settings.registry_required)

        def apply(record: Record) -> None:
            tenant = registry.apply(record)
            if tenant is not None and changed is not None:
                changed(tenant)

        self.follow(TENANTS, apply)
        return registry

    def serve(self, path: str, query: Query) -> None:
        """Answer ``GET <path><id>`` for operators. See `http.queries`."""
        self._queries.add(path, query)

    def every(self, seconds: float, job: Job) -> None:
        """Run `job` every so many real seconds."""
        self._jobs.add(seconds, job)

    def progress(self) -> Progress:
        """Up to which time the gate and loop have read their inputs. Each caller gets its own measurement."""
        return Progress(self._stages, self._offsets, self.clock)

    async def publish(self, topic: str, addressed: Sequence[tuple[Message, str]]) -> None:
        """Publish events that no other event caused, each with its record key.

        Raises `TransientError`, and `FatalError` when the topic cannot be written to.
        """
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
            messages.append(OutgoingRecord(topic, key.encode(), event.model_dump_json().encode(), headers))
        if messages and await self.log.publish(messages):
            raise FatalError(f"{topic} cannot be written to")

    # Life: from start to stop -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. The batch in progress is finished; the rest is read again after a restart."""
        tune_gc()
        uvicorn.run(self.app, host=self.settings.host, port=self.settings.port, log_config=None, access_log=False)

    @property
    def app(self) -> Router:
        """The ASGI application: health, metrics and queries. Its lifespan is that of all the above."""
        faststream = AsgiFastStream(self.broker, after_startup=[self._started], logger=None)
        lifespan = Lifespan(self._servers_available, faststream.start_lifespan_context, self._close, self.fatal)
        return Router(
            routes=[*self._health.routes(), *self._queries.routes()],
            redirect_slashes=False,
            lifespan=lambda _: lifespan.running(),
        )

    def fatal(self, reason: str) -> None:
        """Report why and exit at once, without committing: a restart finds everything where it was."""
        logger.error("fatal", reason=reason, hint="the process exits; its supervisor restarts it, and nothing is lost")
        sys.stdout.flush()
        os._exit(70)

    async def _servers_available(self) -> None:
        """Wait for Kafka (with our topics) and MongoDB, in whatever order they start."""
        self._pings.start()
        await asyncio.gather(self._kafka_available(), self._mongodb_available())

    async def _kafka_available(self) -> None:
        needed = {each for stage in self._stages for each in stage.topics}
        async for attempt in until_available(1.0, "is Kafka up and reachable, and are the topics created?"):
            with attempt:
                await check_topics(self.settings, needed)
                await self._losses.report()  # before anything is read: with the next commit, the trace is gone
        self._health.responded("kafka")

    async def _mongodb_available(self) -> None:
        async for attempt in until_available(1.0, "is MongoDB up and reachable, a replica set with a primary?"):
            with attempt:
                await self.store.prepare()
                await self._rows.prepare(self._tables)
        self._health.responded("mongodb")

    async def _started(self) -> None:
        self._jobs.start()
        self._completing = asyncio.create_task(self._complete())
        logger.info("started", port=self.settings.port)

    async def _close(self) -> None:
        await self._jobs.stop()
        await self._pings.stop()
        if self._completing is not None:
            self._completing.cancel()
            await asyncio.gather(self._completing, return_exceptions=True)
        await self._offsets.stop()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.stop)
        self._mongo.close()
        logger.info("stopped")

    def _note_response(self, server: str, ping: Job) -> Job:
        """A job that notes when a server has responded."""

        async def check() -> None:
            await ping()
            self._health.responded(server)

        return check

    async def _complete(self) -> None:
        for follower in self._followers:
            await follower.complete()

    def _lags(self) -> dict[Partition, int]:
        return {at: lag for each in self._subscriptions for at, lag in each.lag().items()}

    def _waiting_for(self) -> list[str]:
        unassigned = [each.group for each in self._subscriptions if not each.listener.assigned.is_set()]
        return unassigned + ["directory" for each in self._followers if not each.completed]
