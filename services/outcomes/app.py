"""Wires outcomes: from the events of all services to statuses for agencies, indicators, and metrics for operators."""

from contracts import topics
from contracts.texts import sentences
from services.chassis.runtime.service import ServiceRuntime

from .domain.indicators import TABLE
from .domain.loop_closure import measure
from .domain.policy import OutcomesPolicy
from .jobs.loop_closure_metrics import ClosureMeter
from .jobs.publish_indicators import Publisher
from .queries.timeline import timelines
from .settings import OutcomesSettings


def build(settings: OutcomesSettings) -> ServiceRuntime:
    """Wire the service."""
    service = ServiceRuntime("outcomes", settings, by_key=True)
    service.loop(OutcomesPolicy(sentences), inputs=[topics.INTAKE, topics.MATCHING, topics.NOTIFICATION])
    publisher = Publisher(settings.publication_rules, service.claims, service.progress())

    async def publish_indicators() -> None:
        await service.publish(topics.INDICATORS, await publisher.settled())

    service.every(settings.indicators_every, publish_indicators)

    meter = ClosureMeter(service.meter.registry)

    async def measure_loop_closure() -> None:
        rows = await service.claims.all(TABLE)
        meter.show(measure(rows.values(), service.clock.now(), settings.closure_days))

    service.every(settings.closure_every, measure_loop_closure)

    async def read_timelines(id_: str) -> object:
        return timelines(await service.store.load_key(id_) or await service.store.load([id_]))

    service.serve("/timeline/", read_timelines)
    return service
