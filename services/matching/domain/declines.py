"""What a decline says of the service that declines, and the marks and messages that follow.

What it leads to for the need stands in `contracts.steps` and is done by the policy.
"""

from contracts import notification
from contracts.matching import Matched
from contracts.steps import DeclineStep, next_step
from contracts.words import DeclineCode
from services.chassis.decider import Claim, Drop, Effect, Put

from ..directory import entry_flags
from ..model.entry import DirectoryEntry
from . import facts
from .context import MatchingContext
from .state import service_of


def step_of(event: notification.Refusal) -> DeclineStep:
    """What follows an attempt that has failed. Silence says nothing: on to the next service."""
    return DeclineStep.RE_ROUTE if isinstance(event, notification.Expired) else next_step(event.code)


def of_service(match: Matched, event: notification.Refusal, context: MatchingContext, dispute_after: int) -> list[Effect]:
    """Nothing for most codes, and nothing where the entry meant is not there any more."""
    entry = context.directory.get(service_of(match))
    if entry is None or not isinstance(event, notification.Declined):
        return []
    if step_of(event) is DeclineStep.SERVICE_FULL:
        return _full(entry, event, context)
    if event.code is DeclineCode.NOT_ELIGIBLE and entry.version == match.version:
        return _disputed(entry, match.need_id, context, dispute_after)
    return []


def _full(entry: DirectoryEntry, event: notification.Declined, context: MatchingContext) -> list[Effect]:
    """Unless it has published an entry since: then that is its latest word on how many places there are."""
    stated = [at for at in (entry.at, entry.service.capacity_updated) if at is not None]
    known = min(stated, default=None)  # never later than the broker had it, whatever the provider's clock says
    if context.marks.full(entry) or (known is not None and known > event.at):
        return []
    row = Put(entry_flags.FULL, entry.version, {"service": entry.id, "at": event.at.isoformat()})
    fix = "said to be used up in your answer, so nobody is sent: publish the entry again once there is a place"
    told = facts.entry_doubted(entry.provider, entry.service.service, "capacity", fix)
    return [row, *(Drop(entry_flags.FULL, version) for version in context.marks.older(entry)), told]


def _disputed(entry: DirectoryEntry, need: str, context: MatchingContext, after: int) -> list[Effect]:
    """Count the need, once, up to the number that makes the entry's rules disputed; that one tells the provider."""
    number = context.marks.number(entry, need)
    if number >= after:
        return []
    doc = {"service": entry.id, "version": entry.version, "need": need}
    effects: list[Effect] = [Claim(entry_flags.DISPUTES, entry_flags.dispute_row(entry.version, number), doc)]
    if number == 0:
        effects += [Drop(entry_flags.DISPUTES, row) for row in context.marks.settled(entry)]
    if number == after - 1:
        fix = f"lets through whom you call not eligible ({after} needs so far): say in the entry whom it is not for"
        effects.append(facts.entry_doubted(entry.provider, entry.service.service, "eligibility", fix))
    return effects
