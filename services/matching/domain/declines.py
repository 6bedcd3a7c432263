"""What a decline says about the service that declines, and the entry flags and notifications that follow.

What a decline leads to for the need is defined in `contracts.steps` and done by `offers`.
"""

from contracts import notification
from contracts.matching import Matched
from contracts.steps import DeclineStep, next_step
from contracts.words import DeclineCode
from services.chassis.decider import Claim, Drop, Effect, Put

from ..directory import entry_flags
from ..model.entry import DirectoryEntry
from . import facts
from .context import MatchingContext, Moment
from .state import service_of


def step_of(event: notification.Refusal) -> DeclineStep:
    """What follows for the need after a failed attempt. Silence has no code: the next service is tried."""
    return DeclineStep.RE_ROUTE if isinstance(event, notification.Expired) else next_step(event.code)


def flag_entry(match: Matched, event: notification.Refusal, moment: Moment) -> list[Effect]:
    """The flags that a refusal sets on the service's entry. Empty for most codes, and where the entry is gone."""
    entry = moment.context.directory.get(service_of(match))
    if entry is None or not isinstance(event, notification.Declined):
        return []
    if step_of(event) is DeclineStep.SERVICE_FULL:
        return _flag_full(entry, event, moment)
    if event.code is DeclineCode.NOT_ELIGIBLE and entry.version == match.version:
        return _dispute(entry, match.need_id, moment.context, moment.limits.dispute_after)
    return []


def _flag_full(entry: DirectoryEntry, event: notification.Declined, moment: Moment) -> list[Effect]:
    """Flag the entry as full, unless the provider has published it since: then the entry is its latest word.

    A time that is still to come is of a clock that was wrong, and shows nothing.
    """
    context = moment.context
    stated = [at for at in (entry.at, entry.service.capacity_updated) if at is not None and at <= moment.now]
    published = min(stated, default=None)  # never later than the broker received it, whatever the provider's clock says
    if context.entry_flags.full(entry) or (published is not None and published > event.at):
        return []
    row = Put(entry_flags.FULL, entry.version, {"service": entry.id, "at": event.at.isoformat()})
    fix = (
        "your answer said that all places are used up, so nobody is sent: publish the entry again once there is a place"
    )
    notice = facts.entry_doubted(entry.provider, entry.service.service, "capacity", fix)
    return [row, *(Drop(entry_flags.FULL, version) for version in context.entry_flags.older(entry)), notice]


def _dispute(entry: DirectoryEntry, need: str, context: MatchingContext, dispute_after: int) -> list[Effect]:
    """Count the need once. The one that makes the entry's rules disputed also notifies the provider."""
    number = context.entry_flags.number(entry, need)
    if number >= dispute_after:
        return []
    doc = {"service": entry.id, "version": entry.version, "need": need}
    effects: list[Effect] = [Claim(entry_flags.DISPUTES, entry_flags.dispute_row(entry.version, number), doc)]
    if number == 0:
        effects += [Drop(entry_flags.DISPUTES, row) for row in context.entry_flags.settled(entry)]
    if number == dispute_after - 1:
        fix = (
            f"you declined {dispute_after} people as not eligible whom this entry lets through: "
            "add to the entry whom the service is not for"
        )
        effects.append(facts.entry_doubted(entry.provider, entry.service.service, "eligibility", fix))
    return effects
