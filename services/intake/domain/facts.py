"""The facts about a referral and its needs, and when two of them are the same. Pure."""

from typing import Any

from contracts import topics
from contracts.base import Message
from contracts.intake import NeedRegistered, NeedWithdrawn, PersonCorrected, ReferralReceived, ReferralStored
from contracts.profiles import RequestedNeed
from contracts.words import HeldBack
from services.chassis.decider import Emit

from .consent import effective_from, recipients
from .household import all_flags, people_served
from .triage import triage


def stored(received: ReferralReceived) -> ReferralStored:
    """The latest version of a referral, whole."""
    return ReferralStored(
        agency=received.agency,
        reference=received.reference,
        referrer=received.referrer,
        requested_at=received.received_at,
        person=received.person,
        region=received.region,
        household=received.household,
        consent=received.consent,
        consent_at=effective_from(received.consent, received.received_at),
        may_contact=received.may_contact,
        needs=received.needs,
        personal=received.personal,
        look_again_on=received.look_again_on,
    )


def is_same_request(stored: ReferralStored, received: ReferralReceived) -> bool:
    """Whether both ask for the same. The digest stands for all that is sealed."""
    return _compared(stored) == _compared(received)


def _compared(referral: ReferralStored | ReferralReceived) -> tuple[Any, ...]:
    """What corrections change most often comes first, so that a comparison ends early."""
    return (
        referral.personal.digest, referral.needs, referral.person, referral.household, referral.region,
        referral.consent, referral.referrer,
    )  # fmt: skip


def registered(
    received: ReferralReceived,
    requested: RequestedNeed,
    held_back: HeldBack | None = None,
    previous: NeedRegistered | None = None,
) -> NeedRegistered:
    """A need as matching sees it. A correction keeps the time of the first request, and so its place in the queue."""
    people = people_served(requested.members, requested.together, received.person, received.household)
    return NeedRegistered(
        referral_id=received.referral_id,
        need_id=requested.need_id,
        need=requested.need,
        agency=received.agency,
        reference=received.reference,
        revision=0 if previous is None else previous.revision + 1,
        referrer=received.referrer,
        requested_at=received.received_at if previous is None else previous.requested_at,
        category=requested.category,
        urgency=triage(requested.urgency, requested.category, all_flags([people.person, *people.companions])),
        person=people.person,
        region=received.region,
        constraints=requested.constraints,
        preferences=requested.preferences,
        recipients=recipients(received.consent.grants),
        companions=people.companions,
        places=people.places,
        held_back=held_back,
    )


def differs(previous: NeedRegistered, corrected: Message) -> bool:
    """Whether a correction matters to matching: more than the revision is different."""
    return vars(corrected) | {"revision": previous.revision} != vars(previous)


def need_identity(need: NeedRegistered) -> dict[str, str]:
    """The fields that every message about a need begins with."""
    return need.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})


def person_corrected(need: NeedRegistered) -> Emit:
    """Reports a correction that does not change what matching sees: a need that is on hold for it can resume."""
    return Emit(PersonCorrected(**need_identity(need)), topics.INTAKE)


def withdrawn(need: NeedRegistered, reason: str) -> Emit:
    """The need is no longer wanted."""
    return Emit(NeedWithdrawn(**need_identity(need), reason=reason), topics.INTAKE)
