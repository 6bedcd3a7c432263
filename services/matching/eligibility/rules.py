"""Which services can take a need: the table `RULES`, one small pure function for each rule.

This is the plain definition for one service. `directory.index` finds the services of a whole category and must agree
with it; a property test compares the two.

**To add a rule**: a value of `contracts.words.Rule`, a function here, and its line in `RULES`, both in the order of the
funnel; its texts in `contracts/texts`. The index checks a rule without bitmaps service by service with the function
from this table; for speed, give it bitmaps in `directory.bitmap_rules`.

What is unknown about a person fails no criterion of a service (the offer says what to assess, see `assessment`), unless
the provider has chosen so. It never meets a limit that the person has set: those are not negotiable. An unknown
distance counts as out of reach: nobody is sent where the way may be too far.
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
from .criteria import fits_household

_CODES_FOR_AGENCY = frozenset(code.value for code in DeclineCode if next_step(code) is DeclineStep.ASK_AGENCY)


class Case(NamedTuple):
    """A need at a moment (`now`), and the attempts that have failed for it (`tried`).

    `retry_after` is how long a service that was full or silent is left alone the first time.
    """

    need: NeedRegistered
    tried: tuple[AttemptEnded, ...]
    now: datetime
    retry_after: timedelta


def failing(case: Case, entry: DirectoryEntry) -> Rule | None:
    """The first rule by which the service can't take the need. None: it can, if it has a free place."""
    return next((rule for rule, passes in RULES if not passes(case, entry)), None)


def fits(case: Case, entry: DirectoryEntry) -> bool:
    """Whether the service can take the need, if it has a free place."""
    return failing(case, entry) is None


def fits_when_open(case: Case, entry: DirectoryEntry) -> bool:
    """Whether the service could take the need if it were open and its entry confirmed."""
    return all(passes(case, entry) for rule, passes in RULES if rule not in (Rule.OPEN, Rule.STALE))


# the service's entry -------------------------------------------------------------------------------------------------


def _offers_category(case: Case, entry: DirectoryEntry) -> bool:
    """`categories` of the service against `category` of the need."""
    return case.need.category in entry.service.categories


def _takes_part(case: Case, entry: DirectoryEntry) -> bool:
    """`barred` of the entry: law enforcement never receives a referral, nor does a tenant that was revoked."""
    return not entry.barred


def is_open(case: Case, entry: DirectoryEntry) -> bool:
    """`takes_referrals`, `valid_from` and `valid_to` of the service against today (UTC)."""
    return open_on(entry, case.now.date())


def open_on(entry: DirectoryEntry, day: date) -> bool:
    """Whether the service takes referrals on a day."""
    return entry.service.takes_referrals and valid(entry.service, day)


def valid(service: Service, day: date) -> bool:
    """Whether the entry is valid on a day. `valid_from` and `valid_to` are both included."""
    return (service.valid_from is None or service.valid_from <= day) and (
        service.valid_to is None or day <= service.valid_to
    )


def is_confirmed(case: Case, entry: DirectoryEntry) -> bool:
    """`confirmed_until` of the entry against today: whether it was published recently enough to rely on it."""
    return confirmed_on(entry, case.now.date())


def confirmed_on(entry: DirectoryEntry, day: date) -> bool:
    """Whether the entry counts as confirmed on a day."""
    return entry.confirmed_until is None or day <= entry.confirmed_until


# consent and place ---------------------------------------------------------------------------------------------------


def _has_consent(case: Case, entry: DirectoryEntry) -> bool:
    """`provider` of the entry against `recipients` and `constraints.not_providers` of the need."""
    return agreed(case.need, entry.provider)


def agreed(need: NeedRegistered, provider: str) -> bool:
    """Whether consent covers this provider. It may have no open service any more."""
    covered = need.recipients == "any" or provider in need.recipients
    return covered and provider not in need.constraints.not_providers


def _in_reach(case: Case, entry: DirectoryEntry) -> bool:
    """`areas`, `radius_km` and `step_free` of the service against `region`, `max_distance_km` and `step_free` of the
    need: the service serves the place where the person is, and the person can get there and in."""
    need, service = case.need, entry.service
    if is_remote(service):
        return True
    distance = distance_km(need, entry)
    limit = need.constraints.max_distance_km
    if limit is not None and (distance is None or distance > limit):
        return False
    if need.constraints.step_free and not service.step_free:
        return False
    if not service.areas and service.radius_km is None:
        return True  # the service states no limit: its distance only lowers its rank
    region = need.region.admin1
    country = region[:2]
    if region in service.areas or country in service.areas:
        return True
    return service.radius_km is not None and distance is not None and distance <= service.radius_km


def is_remote(service: Service) -> bool:
    """Whether the service works by phone or online: nobody travels to it, so it is never far and has no stairs."""
    return service.latitude is None and not service.areas


def distance_km(need: NeedRegistered, entry: DirectoryEntry) -> float | None:
    """From the centre of the need's cell to the service, so within some 10 km. None: one of the two is unknown."""
    here = geo.centre_of(need.region.cell)
    return None if here is None or entry.point is None else geo.distance_km(here, entry.point)


# the people ----------------------------------------------------------------------------------------------------------


def _for_age(case: Case, entry: DirectoryEntry) -> bool:
    """`minimum_age` and `maximum_age` of the service against `age_band` and `flags` of everyone."""
    return assessment.age(case.need, entry.service.eligibility) is not False


def _for_sex(case: Case, entry: DirectoryEntry) -> bool:
    """`sexes` of the service against `sex` of everyone."""
    return assessment.sex(case.need, entry.service.eligibility) is not False


def _speaks_language(case: Case, entry: DirectoryEntry) -> bool:
    """`languages` of the service against `languages` of the people and `constraints.languages` of the need.

    One household member who is understood can speak for the others.
    """
    offered, insisted_on = entry.service.languages, case.need.constraints.languages
    if insisted_on and not set(insisted_on) & set(offered):
        return False
    return not offered or any(not set(offered).isdisjoint(person.languages) for person in case.need.people)


def _holds_household(case: Case, entry: DirectoryEntry) -> bool:
    """`maximum_household` of the service against `household_size` of the person, and `capacity` against `places`.

    A group that is larger than the capacity would wait for places that can never be free at once. Capacity 0 means
    "none at present", so it is no such limit.
    """
    places = case.need.places
    if places > 1 and 0 < entry.capacity < places:
        return False
    return fits_household(case.need.person.household_size, entry.service.eligibility)


def _for_status(case: Case, entry: DirectoryEntry) -> bool:
    """`statuses` and `not_statuses` of the service against `status` of everyone, unless it must not be looked at."""
    return assessment.status(case.need, entry.service.eligibility) is not False


def _for_flags(case: Case, entry: DirectoryEntry) -> bool:
    """`flags_any` and `not_flags` of the service against `flags` of everyone."""
    return assessment.exclusion(case.need, entry.service.eligibility) is not False


def _meets_conditions(case: Case, entry: DirectoryEntry) -> bool:
    """`any_of`, `none_of` and `description` of the service against everyone."""
    return assessment.conditions(case.need, entry.service.eligibility) is not False


# earlier attempts ----------------------------------------------------------------------------------------------------


def has_documents(case: Case, entry: DirectoryEntry) -> bool:
    """`documents` of the service against those known to be missing. All others are for the provider to ask for."""
    return not case.tried or missing_documents(case).isdisjoint(entry.service.documents)


def missing_documents(case: Case) -> set[Document]:
    """Documents that a service found missing, unless the agency has corrected the referral since."""
    return {document for each in case.tried if asks_agency(each) and each.version for document in each.missing}


def not_ruled_out(case: Case, entry: DirectoryEntry) -> bool:
    """`id` and `version` of the entry against the attempts that have failed.

    Some refusals are for good. A service that was full or silent is asked again once it publishes a newer entry or
    `retry_after` has passed, the next time after twice as long, and so on: so a need whose only service is silent does
    not run out of attempts long before its wait is over. One that found documents missing is asked again once the
    referral is corrected.
    """
    ended = [each for each in case.tried if each.service == entry.id]
    if not ended:
        return True
    pause = case.retry_after * 2 ** min(len(ended) - 1, _MOST_DOUBLINGS)
    return not any(
        each.for_good or (each.version == entry.version and (asks_agency(each) or _within(pause, each.at, case.now)))
        for each in ended
    )


_MOST_DOUBLINGS = 6


def _within(pause: timedelta, at: datetime, now: datetime) -> bool:
    """Whether it was not long ago. What ended in the future, by a clock that was ahead, counts no longer either."""
    return abs(now - at) < pause


def asks_agency(ended: AttemptEnded) -> bool:
    """Whether the attempt failed because something is missing that only the agency can add."""
    return ended.code in _CODES_FOR_AGENCY


RULES: tuple[tuple[Rule, Callable[[Case, DirectoryEntry], bool]], ...] = (
    (Rule.CATEGORY, _offers_category),
    (Rule.TENANT, _takes_part),
    (Rule.OPEN, is_open),
    (Rule.STALE, is_confirmed),
    (Rule.CONSENT, _has_consent),
    (Rule.AREA, _in_reach),
    (Rule.AGE, _for_age),
    (Rule.SEX, _for_sex),
    (Rule.LANGUAGE, _speaks_language),
    (Rule.HOUSEHOLD, _holds_household),
    (Rule.STATUS, _for_status),
    (Rule.EXCLUSION, _for_flags),
    (Rule.CONDITIONS, _meets_conditions),
    (Rule.DOCUMENTS, has_documents),
    (Rule.RULED_OUT, not_ruled_out),
)
"""All rules, in the order of the elimination funnel. A service can take a need if it passes every one of them."""

CHANGING_RULES = frozenset({Rule.OPEN, Rule.STALE, Rule.DOCUMENTS, Rule.RULED_OUT})
"""Rules that read `Case.now` or `Case.tried`: their answer for the same need and entry changes. A new rule that reads
one of the two belongs here."""
