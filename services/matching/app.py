"""Wires the matching service: needs and the outcomes of offers come in, matches with a place go out."""

from datetime import timedelta

from contracts import topics
from contracts.matching import PriceSet
from services.chassis.engine.rehearsal import Rehearsal
from services.chassis.runtime.service import ServiceRuntime

from .admission import DirectoryAdmission
from .context_loader import INDEXES, MatchingContextLoader
from .directory.directory import Directory
from .domain.policy import MatchingPolicy
from .jobs.price_sets import Pricer
from .jobs.sweep import WaitingSweep
from .outbound.alerts import warn_of_long_waits
from .outbound.fairness import count_by_group
from .place_table import MarkedClaims
from .pricing.current_prices import CurrentPrices
from .queries.explanation import explain
from .settings import MatchingSettings

PRICES = rf"^{topics.PRICES.replace('.', '[.]')}$"


def build(settings: MatchingSettings) -> ServiceRuntime:
    """The service, ready to run."""
    service = ServiceRuntime("matching", settings, INDEXES)
    registry = service.follow_tenants(lambda tenant: directory.review(tenant))
    directory = Directory(registry.admits, settings.stale_after, service.clock.now)
    service.claims = MarkedClaims(service.claims, directory)
    service.follow(topics.PROVIDER_DIRECTORY, directory.apply)
    interval = timedelta(minutes=settings.prices_minutes)
    current_prices = CurrentPrices(interval)
    service.follow(PRICES, current_prices.apply)

    def prices_in_force() -> PriceSet | None:
        return current_prices.at(service.clock.now()) if interval else None

    service.gate(DirectoryAdmission(), topics.PROVIDER_DIRECTORY, group="directory", feeds_loop=False, tombstones=True)
    policy = MatchingPolicy(settings.limits)
    context_loader = MatchingContextLoader(directory, service.claims, prices_in_force)
    service.loop(
        policy,
        inputs=[topics.INTAKE, topics.NOTIFICATION],
        context_loader=context_loader,
        render=count_by_group(service.meter, warn_of_long_waits(service.meter)),
    )
    sweep = WaitingSweep(directory, service.claims, settings.limits, meter=service.meter, prices=prices_in_force)
    rehearsal = Rehearsal(policy, service.store, context_loader)
    pricer = Pricer(directory, service.claims, interval)

    async def run_sweep() -> None:
        now = service.clock.now()
        due = await rehearsal.with_effect(await sweep.suspicions(now), now)
        await service.publish(topics.inbox("matching"), due)

    async def publish_prices() -> None:
        if service.followed:  # before that, services that are not read yet would count as missing
            await service.publish(topics.PRICES, await pricer.due_price_set(service.clock.now()))

    service.every(settings.sweep, run_sweep)
    if interval:
        service.every(settings.sweep, publish_prices)

    async def explain_need(need: str) -> object:
        return explain((await service.store.load([need])).get(need, []))

    service.serve("/explain/", explain_need)
    return service
