"""Matching: accepted needs in, matches with a place out; what became of an offer in, the next attempt out."""

from contracts import topics
from services.chassis.service import Service

from .alerts import patience_over
from .directory import Directory
from .directory_gate import DirectoryAdmission
from .explain import explain
from .outside import INDEXES, MatchingOutside
from .policy import MatchingPolicy
from .settings import MatchingSettings
from .sweep import Sweep


def build(settings: MatchingSettings) -> Service:
    """Wire the service."""
    service = Service("matching", settings, INDEXES)
    registry = service.follow_tenants(lambda tenant: directory.review(tenant))
    directory = Directory(registry.admits)
    service.follow(topics.PROVIDER_DIRECTORY, directory.apply)
    service.gate(DirectoryAdmission(), topics.PROVIDER_DIRECTORY, group="directory", feeds_loop=False, tombstones=True)
    service.loop(
        MatchingPolicy(settings.limits),
        inputs=[topics.INTAKE, topics.NOTIFICATION],
        outside=MatchingOutside(directory, service.claims),
        render=patience_over(service.meter),
    )
    sweep = Sweep(directory, service.claims, settings.limits, meter=service.meter)

    async def look() -> None:
        await service.tell(topics.inbox("matching"), await sweep.look(service.clock.now()))

    service.every(settings.sweep, look)

    async def read(need: str) -> object:
        return explain((await service.store.load([need])).get(need, []))

    service.serve("/explain/", read)
    return service
