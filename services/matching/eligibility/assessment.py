"""What a service's criteria say of everyone a need is for: yes, no, or unknown until somebody looks closer.

What is unknown or contradictory (`criteria`) rules out no service, unless its provider has chosen so: the offer names
the rule, and the provider assesses. What is known to fail a rule rules the service out.
"""

from collections.abc import Callable

from contracts.eligibility import Criteria, Eligibility
from contracts.intake import NeedRegistered
from contracts.provider import Service
from contracts.words import Category, Rule, Urgency

from . import criteria
from .alternatives import Group, meets_conditions, mentions_status
from .criteria import PersonalCriterion, Verdict, conjunction, meets_flags, resolve

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
    """Whether everyone is of an age that the service is for."""
    return _everyone_meets(criteria.AGE, need, limits)


def sex(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Whether everyone is of a sex that the service is for."""
    return _everyone_meets(criteria.SEX, need, limits)


def status(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Whether everyone has a residence status that the service is for. Yes where status must not be looked at."""
    return True if ignores_status(need) else _everyone_meets(criteria.STATUS, need, limits)


def exclusion(need: NeedRegistered, limits: Criteria) -> Verdict:
    """Whether somebody of the group has a flag that the service requires, and nobody has one that it excludes.

    One person with a required flag is enough: the others come along.
    """
    flags = (flag for person in need.people for flag in person.flags)
    return resolve(meets_flags(flags, limits), limits.unknown.flags)


def conditions(need: NeedRegistered, limits: Eligibility) -> Verdict:
    """Whether the group meets the service's alternatives, exclusions and conditions in words."""
    return meets_conditions(group_of(need), limits)


def group_of(need: NeedRegistered) -> Group:
    """The people whom a need is for."""
    undescribed = need.places > len(need.people)
    return Group(need.people, undescribed, need.person.household_size, ignores_status(need))


def ignores_status(need: NeedRegistered) -> bool:
    """Whether residence status must not be looked at: in emergencies, and in the categories `STATUS_BLIND`."""
    return need.urgency is Urgency.EMERGENCY or need.category in STATUS_BLIND


def provider_needs_status(need: NeedRegistered, limits: Eligibility) -> bool:
    """Whether the provider has to know the residence status: only if it states a rule about it that applies."""
    return mentions_status(limits) and not ignores_status(need)


_VERDICTS: tuple[tuple[Rule, Callable[[NeedRegistered, Eligibility], Verdict]], ...] = (
    (Rule.AGE, age),
    (Rule.SEX, sex),
    (Rule.STATUS, status),
    (Rule.EXCLUSION, exclusion),
    (Rule.CONDITIONS, conditions),
)


def rules_to_assess(need: NeedRegistered, service: Service) -> list[Rule]:
    """The rules that somebody has to assess, of a service that the need does not fail.

    Required documents always have to be assessed: whether a person has them is known only once they are asked for.
    """
    rules = [rule for rule, verdict in _VERDICTS if verdict(need, service.eligibility) is None]
    return [*rules, Rule.DOCUMENTS] if service.documents else rules


def _everyone_meets(criterion: PersonalCriterion, need: NeedRegistered, limits: Criteria) -> Verdict:
    """The verdict on everyone the need is for; unknown of those who are not described."""
    if not criterion.is_stated(limits):
        return True
    if_unknown = criterion.if_unknown(limits.unknown)
    verdicts = [resolve(criterion.met_by(person, limits), if_unknown) for person in need.people]
    if need.places > len(verdicts):
        verdicts.append(resolve(None, if_unknown))
    return conjunction(verdicts)
