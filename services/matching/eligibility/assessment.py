"""What a service's own words say of the people of a need: yes, no, or that nobody can tell without looking closer.

What is unknown or contradictory (see `criteria`) drops no service, unless its provider has said so: the offer is marked
with the rule, and the provider assesses. What is known to be against a rule fails it.
"""

from collections.abc import Callable, Iterable

from contracts.eligibility import Criteria, Eligibility
from contracts.intake import NeedRegistered
from contracts.provider import Service
from contracts.words import Category, Rule, Unknown, Urgency

from .alternatives import Group, conditions, names_status
from .criteria import (
    Verdict,
    aged_for,
    every,
    flagged_for,
    limits_age,
    limits_sex,
    limits_status,
    of_sex,
    of_status,
    settled,
)

STATUS_BLIND = frozenset(
    {
        Category.HEALTH,
        Category.MENTAL_HEALTH,
        Category.PROTECTION,
        Category.CHILD_PROTECTION,
        Category.GBV,
        Category.TRAFFICKING,
    }
)
"""Where residence status is never looked at, whatever a provider states: the firewall principle."""


def age(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Each of them within the limits."""
    if not limits_age(limits):
        return True
    return _of_all(need, (aged_for(person, limits) for person in need.people), limits.unknown.age)


def sex(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Each of them of a sex that it is for."""
    if not limits_sex(limits):
        return True
    return _of_all(need, (of_sex(person, limits) for person in need.people), limits.unknown.sex)


def status_told(need: NeedRegistered, limits: Eligibility) -> bool:
    """Whether the provider has to know the residence status: never in emergencies, nor where `STATUS_BLIND`."""
    return names_status(limits) and not blind(need)


def status(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Each of them of a status that it is for, where that counts."""
    if blind(need) or not limits_status(limits):
        return True
    return _of_all(need, (of_status(person, limits) for person in need.people), limits.unknown.status)


def exclusion(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Whom it is for: one of a household is enough, the others come along. Whom it is not for: nobody of them."""
    flags = (flag for person in need.people for flag in person.flags)
    return settled(flagged_for(flags, limits), limits.unknown.flags)


def meets(need: NeedRegistered, limits: Eligibility) -> Verdict:
    """What it says in alternatives, exclusions and words: see `conditions`."""
    return conditions(group_of(need), limits)


def group_of(need: NeedRegistered) -> Group:
    """Those whom a need is for."""
    return Group(need.people, need.places > len(need.people), need.person.household_size, blind(need))


_VERDICTS: tuple[tuple[Rule, Callable[[NeedRegistered, Eligibility], Verdict]], ...] = (
    (Rule.AGE, age),
    (Rule.SEX, sex),
    (Rule.STATUS, status),
    (Rule.EXCLUSION, exclusion),
    (Rule.CONDITIONS, meets),
)


def unknown(need: NeedRegistered, service: Service) -> list[Rule]:
    """The rules of a service, of those that the need does not fail, that somebody has to look at closer."""
    found = [rule for rule, verdict in _VERDICTS if verdict(need, service.eligibility) is None]
    return [*found, Rule.DOCUMENTS] if service.documents else found


def _of_all(need: NeedRegistered, verdicts: Iterable[Verdict], unknown: Unknown) -> Verdict:
    """Each of them, also those who are not described."""
    found = [settled(each, unknown) for each in verdicts]
    if need.places > len(found):
        found.append(settled(None, unknown))
    return every(found)


def blind(need: NeedRegistered) -> bool:
    """Whether nobody looks at the residence status for this need."""
    return need.urgency is Urgency.EMERGENCY or need.category in STATUS_BLIND
