"""Matching: accepted needs in, matches with a place out; what became of an offer in, the next attempt out."""

from datetime import timedelta

from contracts import topics
from contracts.matching import PriceSet
from services.chassis.runtime.service import ServiceRuntime

from .admission import DirectoryAdmission
from .context_loader import INDEXES, MatchingContextLoader
from .directory.directory import Directory
from .domain.policy import MatchingPolicy
from .jobs.price_sets import Pricer
from .jobs.sweep import Sweep
from .outbound.alerts import patience_over
from .outbound.fairness import counting
from .pricing.current_prices import Prices
from .queries.explanation import explain
from .settings import MatchingSettings

PRICES = rf"^{topics.PRICES.replace('.', '[.]')}$"


def build(settings: MatchingSettings) -> ServiceRuntime:
    """Wire the service."""
    service = ServiceRuntime("matching", settings, INDEXES)
    registry = service.follow_tenants(lambda tenant: directory.review(tenant))
    directory = Directory(registry.admits, settings.stale_after)
    service.follow(topics.PROVIDER_DIRECTORY, directory.apply)
    every = timedelta(minutes=settings.prices_minutes)
    prices = Prices(every)
    service.follow(PRICES, prices.apply)

    def in_force() -> PriceSet | None:
        return prices.at(service.clock.now()) if every else None

    service.gate(DirectoryAdmission(), topics.PROVIDER_DIRECTORY, group="directory", feeds_loop=False, tombstones=True)
    service.loop(
        MatchingPolicy(settings.limits),
        inputs=[topics.INTAKE, topics.NOTIFICATION],
        context_loader=MatchingContextLoader(directory, service.claims, in_force),
        render=counting(service.meter, patience_over(service.meter)),
    )
    sweep = Sweep(directory, service.claims, settings.limits, meter=service.meter, prices=in_force)
    pricer = Pricer(directory, service.claims, every)

    async def look() -> None:
        await service.tell(topics.inbox("matching"), await sweep.look(service.clock.now()))

    async def price() -> None:
        if service.followed:  # else services that are not read yet would be taken not to be there
            await service.tell(topics.PRICES, await pricer.look(service.clock.now()))

    service.every(settings.sweep, look)
    if every:
        service.every(settings.sweep, price)

    async def read(need: str) -> object:
        return explain((await service.store.load([need])).get(need, []))

    service.serve("/explain/", read)
    return service
