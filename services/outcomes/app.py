"""Outcomes: what every other service says in, a status per need to its agency out; counts to analysts and operators."""

from contracts import topics
from contracts.texts import sentences
from services.chassis.runtime.service import ServiceRuntime

from .domain.indicators import TABLE
from .domain.loop_closure import measure
from .domain.policy import OutcomesPolicy
from .jobs.loop_closure_metrics import ClosureMeter
from .jobs.publish_indicators import Publisher
from .queries.timeline import life
from .settings import OutcomesSettings


def build(settings: OutcomesSettings) -> ServiceRuntime:
    """Wire the service."""
    service = ServiceRuntime("outcomes", settings, by_key=True)
    service.loop(OutcomesPolicy(sentences), inputs=[topics.INTAKE, topics.MATCHING, topics.NOTIFICATION])
    publisher = Publisher(settings.disclosure, service.claims, service.progress())

    async def publish() -> None:
        await service.tell(topics.INDICATORS, await publisher.settled())

    service.every(settings.indicators_every, publish)

    meter = ClosureMeter(service.meter.registry)

    async def look() -> None:
        rows = await service.claims.all(TABLE)
        meter.show(measure(rows.values(), service.clock.now(), settings.closure_days))

    service.every(settings.closure_every, look)

    async def read(id_: str) -> object:
        return life(await service.store.load_key(id_) or await service.store.load([id_]))

    service.serve("/timeline/", read)
    return service
