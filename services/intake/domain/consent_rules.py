"""What a consent must not be: one table, each rule with its source.

Sources: the ICRC's Handbook on Data Protection in Humanitarian Action (3rd edition, chapter 3, legal bases), the GDPR
(Regulation (EU) 2016/679), the UN Convention on the Rights of the Child (CRC) and that on the Rights of Persons with
Disabilities (CRPD). Taking consent back must be as easy as giving it (GDPR, art. 7(3)), so a consent without grants is
never refused here.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from contracts.agency import Consent
from contracts.profiles import Problem
from contracts.words import ConsentGiver, LegalBasis

_ADULT = 18
_CLOCK_AND_ZONE = timedelta(days=1)
"""A time of somewhere else, or of a clock that is wrong, may lie that far ahead."""


class ConsentLimits(NamedTuple):
    """What depends on the law of a country, or on the operator.

    `age` is how old a person must be to consent alone; `age_by_country` has the countries where the law says otherwise,
    by ISO 3166 code. A consent given more than `longest` ago has to be asked for again.
    """

    age: int = 16
    age_by_country: Mapping[str, int] = {}
    longest: timedelta = timedelta(days=5 * 365)

    def age_in(self, admin1: str) -> int:
        """How old a person must be to consent alone, in the country of this region."""
        return self.age_by_country.get(admin1[:2], self.age)


USUAL = ConsentLimits()
"""The limits, unless the settings say otherwise."""


class Subject(NamedTuple):
    """Whom a consent is about, as far as it is known.

    `admin1` is the region, an ISO 3166-2 code. `ages` are the youngest and the oldest that the person can be.
    `with_child` says whether anyone of the household is under 18, or flagged as a child. `caregiver_informed` is None
    if no caregiver is known.
    """

    admin1: str
    ages: tuple[int, int]
    with_child: bool
    birth_date: date | None = None
    caregiver_informed: bool | None = None


class Question(NamedTuple):
    """A consent, whom it is about, when it was received, and what the operator has set."""

    consent: Consent
    subject: Subject
    received_at: datetime
    limits: ConsentLimits

    @property
    def age_needed(self) -> int:
        """How old the person must be to consent alone."""
        return self.limits.age_in(self.subject.admin1)

    def is_by(self, giver: ConsentGiver) -> bool:
        """Whether consent is the legal basis, and this one gave it."""
        return self.consent.basis is LegalBasis.CONSENT and self.consent.given_by is giver


class ConsentRule(NamedTuple):
    """Something that no consent may be. `fix` may contain the age that is needed."""

    name: str
    field: str
    is_broken: Callable[[Question], bool]
    fix: str
    source: str


RULES = (
    ConsentRule(
        "given by nobody",
        "given_by",
        lambda each: each.is_by(ConsentGiver.NOBODY),
        "a consent is somebody's: say who gave it, or state the legal basis on which nobody has to",
        "GDPR, art. 4(11) and 7(1): the controller can show who consented; ICRC Handbook: consent is documented",
    ),
    ConsentRule(
        "a child alone",
        "given_by",
        # An age band that reaches the age passes: the agency knows the age, and need not tell it.
        lambda each: each.is_by(ConsentGiver.PERSON) and each.subject.ages[1] < each.age_needed,
        "under {age} a caregiver or legal guardian consents: say which, or use the basis best-interest-of-child",
        "GDPR, art. 8(1): 16 years, or fewer where national law says so; ICRC Handbook: children",
    ),
    ConsentRule(
        "another adult's",
        "given_by",
        lambda each: each.is_by(ConsentGiver.CAREGIVER) and each.subject.ages[0] >= _ADULT,
        "an adult consents in person, or through a legal guardian: say which, or use the basis vital-interest",
        "GDPR, art. 4(11): the data subject's wishes; CRPD, art. 12: adults decide for themselves",
    ),
    ConsentRule(
        "by one who was not informed",
        "given_by",
        lambda each: each.is_by(ConsentGiver.CAREGIVER) and each.subject.caregiver_informed is False,
        "the caregiver block says that the caregiver is not informed of the referral: correct one of the two",
        "GDPR, art. 4(11): consent is informed; ICRC Handbook: informed consent",
    ),
    ConsentRule(
        "in the future",
        "given_at",
        lambda each: each.consent.given_at > each.received_at + _CLOCK_AND_ZONE,
        "is in the future: give the time at which the consent was given, with its zone",
        "GDPR, art. 6(1)(a): the data subject has given consent",
    ),
    ConsentRule(
        "before birth",
        "given_at",
        lambda each: (
            each.subject.birth_date is not None
            and (each.consent.given_at + _CLOCK_AND_ZONE).date() < each.subject.birth_date
        ),
        "is before the person was born: correct one of the two",
        "GDPR, art. 4(1): data are about somebody",
    ),
    ConsentRule(
        "long ago",
        "given_at",
        lambda each: each.consent.given_at < each.received_at - each.limits.longest,
        "is too long ago to be about this referral: ask the person again, and give the time of that",
        "GDPR, art. 4(11) and 6(1)(a): for specific purposes; ICRC Handbook: consent is specific and timely",
    ),
    ConsentRule(
        "a law for everybody",
        "grants",
        lambda each: (
            each.consent.basis is LegalBasis.LEGAL_OBLIGATION
            and any(grant.recipients == "any" and grant.fields for grant in each.consent.grants)
        ),
        "a legal obligation names its recipients: list them, grant 'any' no fields, or state another basis",
        "GDPR, art. 6(1)(c) and 6(3): the law says to whom; ICRC Handbook: compliance with a legal obligation",
    ),
    ConsentRule(
        "a child's interest without a child",
        "basis",
        lambda each: (
            each.consent.basis is LegalBasis.BEST_INTEREST_OF_CHILD
            and each.subject.ages[0] >= _ADULT
            and not each.subject.with_child
        ),
        "nobody in this referral is under 18: state the basis on which an adult's data are passed on",
        "CRC, art. 1 and 3(1)",
    ),
)
"""In the order in which they are reported; of one field only the first that is broken."""


def contradictions(question: Question) -> list[Problem]:
    """What is wrong with a consent, by field. Empty if nothing is, or if it grants nothing."""
    if not question.consent.grants:
        return []
    problems: dict[str, Problem] = {}
    for rule in RULES:
        if rule.field not in problems and rule.is_broken(question):
            fix = rule.fix.format(age=question.age_needed)
            problems[rule.field] = Problem(field=f"consent.{rule.field}", fix=fix)
    return list(problems.values())
