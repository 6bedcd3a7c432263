"""What an agency's messages lead to: a referral is stored, corrected or withdrawn, or its consent changes. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

from contracts import topics
from contracts.agency import Consent
from contracts.household_rules import counts_as_child
from contracts.intake import ConsentReceived, NeedRegistered, ReferralReceived, ReferralStored, WithdrawalReceived
from contracts.profiles import Problem, RequestedNeed
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit

from . import ages, facts, recalls, releases, replies
from .consent import effective_from, ends_needs, may_link, recipients
from .consent_rules import ConsentLimits, Question, Subject, contradictions
from .deduplication import DuplicateCheck
from .releases import PublicKeys
from .state import Referral

CONSENT_WITHDRAWN = "consent-withdrawn"
"""Why a need ended that only consent allowed, when consent was withdrawn."""

_CORRECTED = "corrected"
_REFERENCE_IN_USE = "is in use for another referral; to change that one, send agency.corrected.v1"
_OLDER = "is older than the consent in force, which came with agency.consent-changed.v1 or a correction; send that one"


def submit(received: ReferralReceived, duplicates: DuplicateCheck) -> list[Effect]:
    """Store a new referral and register its needs."""
    stored = facts.stored(received)
    effects: list[Effect] = [Emit(stored), *ages.look_again(stored)]
    for requested in received.needs:
        held_back, rows = duplicates.place(received, requested)
        effects += [*rows, Emit(facts.registered(received, requested, held_back), topics.INTAKE)]
    return effects


def submit_again(referral: Referral, received: ReferralReceived) -> Sequence[Effect]:
    """The same reference again: a repetition is answered with the status, anything else is refused."""
    if facts.is_same_request(referral.stored, received):
        return replies.repeat_status(referral)
    return [replies.refused(received, Problem(field="reference", fix=_REFERENCE_IN_USE))]


def correct(referral: Referral, received: ReferralReceived, duplicates: DuplicateCheck) -> Sequence[Effect]:
    """Replace the referral by its corrected version, and withdraw the needs that are no longer in it."""
    if problems := _reused_labels(referral, received.needs):
        return [replies.refused(received, *problems)]
    if facts.is_same_request(referral.stored, received):
        return replies.repeat_status(referral)
    if effective_from(received.consent, received.received_at) < _consent_since(referral.stored):
        return [replies.refused(received, Problem(field="consent.given_at", fix=_OLDER))]
    stored = facts.stored(received)
    changes: list[Effect] = [Emit(stored), *ages.look_again(stored)]
    unchanged: list[NeedRegistered] = []
    for requested in received.needs:
        previous = referral.needs.registered.get(requested.need)
        held_back, rows = duplicates.place(received, requested)
        need = facts.registered(received, requested, held_back, previous)
        changes += rows
        if previous is None or facts.differs(previous, need):
            changes.append(Emit(need, topics.INTAKE))
        else:
            unchanged.append(previous)
    kept = {requested.need for requested in received.needs}
    for label in referral.needs.open:
        if label not in kept:
            changes += duplicates.leave(label, Lifecycle.WITHDRAWN.value)
            changes.append(facts.withdrawn(referral.needs.registered[label], _CORRECTED))
    # The agency always gets an answer, even if only a name has changed, which no other service sees.
    answers = [] if _is_published(changes) else replies.repeat_status(referral)
    return [*changes, *map(facts.person_corrected, unchanged), *answers]


def change_consent(
    referral: Referral, changed: ConsentReceived, duplicates: DuplicateCheck, limits: ConsentLimits
) -> Sequence[Effect]:
    """Report to matching which providers may be asked now; or end all open needs, if nothing allows them any more."""
    if changed.consent == referral.stored.consent:
        return replies.repeat_status(referral)
    question = Question(changed.consent, _subject(referral.stored), changed.received_at, limits)
    if problems := contradictions(question):
        return [replies.refused(changed, *problems)]
    since = effective_from(changed.consent, changed.received_at)
    if since < _consent_since(referral.stored):
        return [replies.refused(changed, Problem(field="consent.given_at", fix=_OLDER))]
    changes: list[Effect] = [Emit(referral.stored.model_copy(update={"consent": changed.consent, "consent_at": since}))]
    for label in referral.needs.open:
        need = referral.needs.registered[label]
        if ends_needs(changed.consent):
            changes += duplicates.leave(label, Lifecycle.WITHDRAWN.value)
            changes.append(facts.withdrawn(need, CONSENT_WITHDRAWN))
        else:
            changes += _with_consent(need, changed.consent, duplicates)
    return changes if _is_published(changes) else [*changes, *replies.repeat_status(referral)]


def withdraw(referral: Referral, withdrawal: WithdrawalReceived, duplicates: DuplicateCheck) -> Sequence[Effect]:
    """End the needs that the agency lists, or all open needs if it lists none."""
    registered = referral.needs.registered
    if any(label not in registered for label in withdrawal.needs):
        problem = Problem(field="needs", fix=f"this referral has only: {', '.join(registered)}")
        return [replies.refused(withdrawal, problem)]
    closing = [label for label in referral.needs.open if not withdrawal.needs or label in withdrawal.needs]
    if not closing:
        return replies.repeat_status(referral)
    rows = [effect for label in closing for effect in duplicates.leave(label, Lifecycle.WITHDRAWN.value)]
    return [*(facts.withdrawn(registered[label], withdrawal.reason) for label in closing), *rows]


def settle_disclosures(
    referral: Referral, effects: Sequence[Effect], now: datetime, keys: PublicKeys, acknowledge_within: timedelta
) -> list[Effect]:
    """After a change of consent, person or needs: recall what may not be kept, and release what is due."""
    events = [effect.event for effect in effects if isinstance(effect, Emit)]
    if not events:
        return []
    changed = reduce(Referral.after, events, referral)
    settled: list[Effect] = []
    for disclosure in changed.needs.disclosures.values():
        settled += recalls.recall_excess(changed, disclosure, now, acknowledge_within)
        settled += releases.release_due(changed, disclosure, now, keys)
    return settled


def _subject(stored: ReferralStored) -> Subject:
    """Whom a referral is about. Its gate has checked more: only there are the birth date and the caregiver known."""
    people = [stored.person, *(member.person for member in stored.household)]
    with_child = any(counts_as_child(person.age_band, person.flags) for person in people)
    return Subject(stored.region.admin1, stored.person.age_band.years, with_child)


def _reused_labels(referral: Referral, needs: Sequence[RequestedNeed]) -> list[Problem]:
    return [
        Problem(field="needs", fix=f"{each.need} was withdrawn; ask again under a new label")
        for each in needs
        if each.need in referral.needs.withdrawn
    ]


def _with_consent(need: NeedRegistered, consent: Consent, duplicates: DuplicateCheck) -> list[Effect]:
    """The need under a new consent. A person who may no longer be recognised has no row, and waits for none."""
    changes: dict[str, object] = {"recipients": recipients(consent.grants), "revision": need.revision + 1}
    rows: list[Effect] = []
    if not may_link(consent):
        rows = duplicates.leave(need.need, _CORRECTED)
        changes["held_back"] = None
    changed = need.model_copy(update=changes)
    return [*rows, Emit(changed, topics.INTAKE)] if facts.differs(need, changed) else rows


def _is_published(effects: Sequence[Effect]) -> bool:
    """Whether another service reads of it, so that the agency gets a status without being answered here."""
    return any(isinstance(effect, Emit) and effect.topic == topics.INTAKE for effect in effects)


def _consent_since(stored: ReferralStored) -> datetime:
    return stored.consent_at or effective_from(stored.consent, stored.requested_at)
