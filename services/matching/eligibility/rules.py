"""Which services can take a need: one predicate for each rule of `words.Rule`, in the order of the funnel.

This is the plain definition, for one service. `index` finds those of a whole category, and has to agree with it.

Unknown is a value of its own. What is not known of a person fails no criterion of a service's own (the offer says what
is to be assessed, and the provider decides: see `assessment`), unless its provider has said that it is to, and never
meets a limit the person has set: that is not traded. One exception, on the safe side: distance (nobody is sent where
nobody can say that it is in reach).
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import AttemptEnded
from contracts.provider import Service
from contracts.steps import DeclineStep, next_step
from contracts.words import DeclineCode, Document, Rule

from ..model import geo
from ..model.entry import DirectoryEntry
from . import assessment

_ASKING = frozenset(code.value for code in DeclineCode if next_step(code) is DeclineStep.ASK_AGENCY)


class Case(NamedTuple):
    """A need at a moment, and the attempts that have failed for it."""

    need: NeedRegistered
    tried: tuple[AttemptEnded, ...]
    now: datetime
    retry_after: timedelta


def failing(case: Case, entry: DirectoryEntry) -> Rule | None:
    """The first rule by which this service can't take the need; none: it can, if it has a place."""
    return next((rule for rule, passes in RULES if not passes(case, entry)), None)


def fits_when_open(case: Case, entry: DirectoryEntry) -> bool:
    """Whether this service could take the need, if it were open and its entry confirmed."""
    return all(passes(case, entry) for rule, passes in RULES if rule not in (Rule.OPEN, Rule.STALE))


def fits(case: Case, entry: DirectoryEntry) -> bool:
    """Whether this service can take the need, if it has a place."""
    return failing(case, entry) is None


def distance_km(need: NeedRegistered, entry: DirectoryEntry) -> float | None:
    """From the centre of the need's cell (so, give or take 10 km) to the service; None where either is unknown."""
    here = geo.centre_of(need.region.cell)
    return None if here is None or entry.point is None else geo.distance_km(here, entry.point)


def remote(service: Service) -> bool:
    """True for a service by phone or online: nobody travels to it, so it is never far and has no stairs."""
    return service.latitude is None and not service.areas


def _category(case: Case, entry: DirectoryEntry) -> bool:
    return case.need.category in entry.service.categories


def _tenant(case: Case, entry: DirectoryEntry) -> bool:
    """Enforcement can never be recipient; who was revoked is none any more."""
    return not entry.barred


def open_now(case: Case, entry: DirectoryEntry) -> bool:
    """Whether the service takes referrals today."""
    return open_on(entry, case.now.date())


def open_on(entry: DirectoryEntry, day: date) -> bool:
    """Whether the service takes referrals on a day."""
    return entry.service.takes_referrals and valid(entry.service, day)


def confirmed(case: Case, entry: DirectoryEntry) -> bool:
    """Whether its provider has published the entry lately enough for it to be relied on."""
    return confirmed_on(entry, case.now.date())


def confirmed_on(entry: DirectoryEntry, day: date) -> bool:
    """Whether it counts as confirmed on a day."""
    return entry.confirmed_until is None or day <= entry.confirmed_until


def valid(service: Service, day: date) -> bool:
    """Whether the entry is valid on a day; both its first and its last are."""
    return (service.valid_from is None or service.valid_from <= day) and (
        service.valid_to is None or day <= service.valid_to
    )


def agreed(need: NeedRegistered, provider: str) -> bool:
    """Whether consent lets this provider be asked, which counts also where its entry is gone or closed."""
    named = need.recipients == "any" or provider in need.recipients
    return named and provider not in need.constraints.not_providers


def _consent(case: Case, entry: DirectoryEntry) -> bool:
    return agreed(case.need, entry.provider)


def _area(case: Case, entry: DirectoryEntry) -> bool:
    """Whether the service serves where the person is, and the person can get there and in."""
    need, service = case.need, entry.service
    if remote(service):
        return True
    distance = distance_km(need, entry)
    limit = need.constraints.max_distance_km
    if limit is not None and (distance is None or distance > limit):
        return False
    if need.constraints.step_free and not service.step_free:
        return False
    if not service.areas and service.radius_km is None:
        return True  # states no limit: how far it is decides the rank
    here = need.region.admin1
    if here in service.areas or here[:2] in service.areas:
        return True
    return service.radius_km is not None and distance is not None and distance <= service.radius_km


def _age(case: Case, entry: DirectoryEntry) -> bool:
    return assessment.age(case.need, entry.service.eligibility) is not False


def _sex(case: Case, entry: DirectoryEntry) -> bool:
    return assessment.sex(case.need, entry.service.eligibility) is not False


def _language(case: Case, entry: DirectoryEntry) -> bool:
    """Of a household, one who is understood can speak for the others."""
    offered, demanded = entry.service.languages, case.need.constraints.languages
    if demanded and not set(demanded) & set(offered):
        return False
    return not offered or any(not set(offered).isdisjoint(person.languages) for person in case.need.people)


def _household(case: Case, entry: DirectoryEntry) -> bool:
    """Within the service's limit, and no more than it has places at all: waiting for what can not be is in vain."""
    need, largest = case.need, entry.service.eligibility.maximum_household
    if need.places > 1 and 0 < entry.capacity < need.places:
        return False
    return largest is None or need.person.household_size <= largest


def _status(case: Case, entry: DirectoryEntry) -> bool:
    return assessment.status(case.need, entry.service.eligibility) is not False


def _exclusion(case: Case, entry: DirectoryEntry) -> bool:
    return assessment.exclusion(case.need, entry.service.eligibility) is not False


def _conditions(case: Case, entry: DirectoryEntry) -> bool:
    return assessment.meets(case.need, entry.service.eligibility) is not False


def missing_documents(case: Case) -> set[Document]:
    """Those that a service has found missing, and the agency has not corrected the referral since."""
    return {document for each in case.tried if asks_agency(each) and each.version for document in each.missing}


def has_documents(case: Case, entry: DirectoryEntry) -> bool:
    """Whether none of those required is known to be missing. Nobody can tell of the others until they are asked for."""
    return not case.tried or missing_documents(case).isdisjoint(entry.service.documents)


def not_ruled_out(case: Case, entry: DirectoryEntry) -> bool:
    """For good is for good. Silent: until it publishes a newer entry, or `retry_after` has passed.

    Where documents were missing they still are, however much time passes, until the referral is corrected.
    """
    return not any(
        each.for_good
        or (each.version == entry.version and (asks_agency(each) or case.now < each.at + case.retry_after))
        for each in case.tried
        if each.service == entry.id
    )


def asks_agency(ended: AttemptEnded) -> bool:
    """Whether the attempt failed for want of what only the agency can add."""
    return ended.code in _ASKING


RULES: tuple[tuple[Rule, Callable[[Case, DirectoryEntry], bool]], ...] = (
    (Rule.CATEGORY, _category),
    (Rule.TENANT, _tenant),
    (Rule.OPEN, open_now),
    (Rule.STALE, confirmed),
    (Rule.CONSENT, _consent),
    (Rule.AREA, _area),
    (Rule.AGE, _age),
    (Rule.SEX, _sex),
    (Rule.LANGUAGE, _language),
    (Rule.HOUSEHOLD, _household),
    (Rule.STATUS, _status),
    (Rule.EXCLUSION, _exclusion),
    (Rule.CONDITIONS, _conditions),
    (Rule.DOCUMENTS, has_documents),
    (Rule.RULED_OUT, not_ruled_out),
)
