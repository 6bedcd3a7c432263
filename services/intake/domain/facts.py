"""What intake says of needs, and when two of them say the same. Pure."""

from contracts import topics
from contracts.base import Message
from contracts.intake import (
    NeedRegistered,
    NeedWithdrawn,
    PersonCorrected,
    ReferralReceived,
    ReferralStored,
    RequestedNeed,
)
from contracts.words import HeldBack
from services.chassis.decider import Emit

from . import consent
from .grants import recipients
from .household import all_flags, for_whom
from .triage import triage


def held(received: ReferralReceived) -> ReferralStored:
    """What is kept of a referral: the latest of it, whole."""
    return ReferralStored(
        agency=received.agency,
        reference=received.reference,
        referrer=received.referrer,
        requested_at=received.received_at,
        person=received.person,
        region=received.region,
        household=received.household,
        consent=received.consent,
        consent_at=consent.as_of(received.consent, received.received_at),
        may_contact=received.may_contact,
        needs=received.needs,
        personal=received.personal,
    )


def same(held: ReferralStored, received: ReferralReceived) -> bool:
    """The same request, which the digest tells also of what is sealed. What a correction mostly changes is first."""
    one, other = (
        (each.personal.digest, each.needs, each.person, each.household, each.region, each.consent, each.referrer)
        for each in (held, received)
    )
    return one == other


def accepted(
    received: ReferralReceived,
    asked: RequestedNeed,
    held_back: HeldBack | None = None,
    known: NeedRegistered | None = None,
) -> Emit:
    """A need as matching is to see it; a corrected one keeps the time it was first asked for, and so its turn."""
    named = recipients(received.consent.grants)
    those = for_whom(asked.members, asked.together, received.person, received.household)
    need = NeedRegistered(
        referral_id=received.referral_id,
        need_id=asked.need_id,
        need=asked.need,
        agency=received.agency,
        reference=received.reference,
        revision=0 if known is None else known.revision + 1,
        referrer=received.referrer,
        requested_at=received.received_at if known is None else known.requested_at,
        category=asked.category,
        urgency=triage(asked.urgency, asked.category, all_flags([those.person, *those.companions])),
        person=those.person,
        region=received.region,
        constraints=asked.constraints,
        preferences=asked.preferences,
        recipients="any" if named is None else named,
        companions=those.companions,
        places=those.places,
        held_back=held_back,
    )
    return Emit(need, topics.INTAKE)


def differs(known: NeedRegistered, again: Message) -> bool:
    """True when a correction matters to matching: more of the need is other than its revision."""
    return vars(again) | {"revision": known.revision} != vars(known)


def names(need: NeedRegistered) -> dict[str, str]:
    """What every message about a need says first."""
    return need.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})


def person_corrected(need: NeedRegistered) -> Emit:
    """For whom a correction matters that matching does not see: a need that is on hold for it."""
    return Emit(PersonCorrected(**names(need)), topics.INTAKE)


def withdrawn(need: NeedRegistered, reason: str) -> Emit:
    """The need is not wanted any more."""
    return Emit(NeedWithdrawn(**names(need), reason=reason), topics.INTAKE)
