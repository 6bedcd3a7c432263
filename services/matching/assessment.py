"""What a service's own words say of the people of a need: yes, no, or that nobody can tell without looking closer.

Unknown is what a person has not said, or a band of ages that lies partly within the limits; contradictory is a service
that asks for whom it excludes, or a person flagged as a child and of an adult's age. Neither drops a service: the offer
is marked with the rule, and the provider assesses. What is known to be against a rule fails it.
"""

from collections.abc import Callable, Iterable

from contracts.intake import Accepted, Minimum
from contracts.provider import Eligibility, Service
from contracts.words import Category, Flag, Rule, Sex, Urgency

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

Verdict = bool | None
"""None: it can't be told."""

CHILD_FLAGS = frozenset({Flag.UNACCOMPANIED_CHILD, Flag.SEPARATED_CHILD})
_ADULT, _OLDEST = 18, 150


def age(need: Accepted, limits: Eligibility) -> Verdict:
    """Each of them within the limits. A child, by band or by flag, is never sent among adults."""
    if not limits_age(limits):
        return True
    return _of_all(need, (aged_for(person, limits) for person in need.people))


def sex(need: Accepted, limits: Eligibility) -> Verdict:
    """Each of them of a sex that it is for. Undisclosed is unknown; other is none of female and male."""
    if not limits.sexes:
        return True
    return _of_all(need, (of_sex(person, limits) for person in need.people))


def status_counts(need: Accepted, limits: Eligibility) -> bool:
    """Whether residence status is looked at: never in emergencies, nor where `STATUS_BLIND`."""
    return limits_status(limits) and not blind(need)


def status(need: Accepted, limits: Eligibility) -> Verdict:
    """Each of them of a status that it is for, where that counts."""
    if not status_counts(need, limits):
        return True
    return _of_all(need, (of_status(person, limits) for person in need.people))


def exclusion(need: Accepted, limits: Eligibility) -> Verdict:
    """Whom it is for: one of a household is enough, the others come along. Whom it is not for: nobody of them.

    A flag that is not set was not said, and counts as not being so; or every service would have to be asked.
    """
    if not (limits.flags_any or limits.not_flags):
        return True
    flags, wanted, excluded = set(), set(limits.flags_any), set(limits.not_flags)
    for person in need.people:
        flags.update(person.flags)
    if flags & (excluded - wanted) or (wanted and not flags & wanted):
        return False
    return None if flags & excluded else True


_VERDICTS: tuple[tuple[Rule, Callable[[Accepted, Eligibility], Verdict]], ...] = (
    (Rule.AGE, age),
    (Rule.SEX, sex),
    (Rule.STATUS, status),
    (Rule.EXCLUSION, exclusion),
)


def unknown(need: Accepted, service: Service) -> list[Rule]:
    """The rules of a service, of those that the need does not fail, that somebody has to look at closer."""
    return [rule for rule, verdict in _VERDICTS if verdict(need, service.eligibility) is None]


def _of_all(need: Accepted, verdicts: Iterable[Verdict]) -> Verdict:
    """No, if one is no. Unknown, if one is, or if there are more people than are described."""
    found = list(verdicts)
    if False in found:
        return False
    return None if None in found or need.places > len(found) else True


def limits_age(limits: Eligibility) -> bool:
    """Whether it is not for all ages."""
    return limits.minimum_age > 0 or limits.maximum_age < _OLDEST


def limits_status(limits: Eligibility) -> bool:
    """Whether it is not for every residence status."""
    return bool(limits.statuses or limits.not_statuses)


def blind(need: Accepted) -> bool:
    """Whether nobody looks at the residence status for this need."""
    return need.urgency is Urgency.EMERGENCY or need.category in STATUS_BLIND


def flagged_child(person: Minimum) -> bool:
    """A child, whatever the age band says."""
    return not CHILD_FLAGS.isdisjoint(person.flags)


def aged_for(person: Minimum, limits: Eligibility) -> Verdict:
    """For one person, where `limits_age`."""
    youngest, oldest = person.age_band.years
    flagged = flagged_child(person)
    if (flagged or oldest < _ADULT) and limits.minimum_age >= _ADULT:
        return False
    if flagged and youngest >= _ADULT:
        return None  # a child by one word, an adult by the other
    if limits.minimum_age <= youngest and oldest <= limits.maximum_age:
        return True
    return None if youngest <= limits.maximum_age and limits.minimum_age <= oldest else False


def of_sex(person: Minimum, limits: Eligibility) -> Verdict:
    """For one person, where `limits.sexes` names some."""
    return True if person.sex in limits.sexes else None if person.sex is Sex.UNDISCLOSED else False


def of_status(person: Minimum, limits: Eligibility) -> Verdict:
    """For one person, where `limits_status`."""
    if person.status is None:
        return None
    asked_for = not limits.statuses or person.status in limits.statuses
    if person.status in limits.not_statuses:
        return None if person.status in limits.statuses else False
    return asked_for
