"""A real directory with structured rules that nobody here wrote: legal aid in Florida."""

from collections import Counter

import pytest

from contracts.eligibility import Eligibility
from contracts.profiles import Region
from contracts.words import AgeBand, Category, Flag, Rule, Status, Urgency
from services.console.hsds import ReadService
from services.matching.domain.state import MatchedNeed, WaitingNeed
from services.matching.eligibility.assessment import conditions
from services.matching.waitlist.queue import Waiter
from tests.support.baseline_evaluator import funnel
from tests.support.builders import accepted, minimum
from tests.support.clock import START
from tests.support.data import florida
from tests.support.matching_world import MatchingWorld

pytestmark = pytest.mark.skipif(not florida.PATH.exists(), reason=f"the data is not here: {florida.PATH}")


@pytest.fixture(scope="module")
def readings() -> list[ReadService]:
    return florida.read()


def test_every_entry_is_read_or_read_with_a_warning_or_refused_with_a_reason(readings: list[ReadService]) -> None:
    assert len(readings) == 135
    assert Counter(each.kind for each in readings) == {"taken": 7, "warned": 127, "refused": 1}
    assert all(each.notes for each in readings if each.service is None)
    taken = [each.service for each in readings if each.service is not None]
    assert all(each.categories == [Category.LEGAL] for each in taken)
    assert all(each.areas == ["US-FL"] for each in taken)


def test_a_maximum_age_of_200_or_999_is_no_limit(readings: list[ReadService]) -> None:
    notes = Counter(note for each in readings for note in each.notes if note.startswith("a maximum age"))
    assert notes == {"a maximum age of 200 is no limit": 17, "a maximum age of 999 is no limit": 4}
    limits = Counter(each.service.eligibility.maximum_age for each in readings if each.service)
    assert limits == {150: 130, 59: 3, 23: 1}


def test_a_shifted_row_is_refused_rather_than_misread(readings: list[ReadService]) -> None:
    (refused,) = [each for each in readings if each.service is None]
    assert refused.notes == ("the row is shifted: see minimum_age",)


def test_not_eligible_in_a_list_of_statuses_is_not_a_status_and_refuses_nobody(
    readings: list[ReadService],
) -> None:
    ids = {row["id"] for row in florida.rows() if "Not Eligible" in row["statuses"]}
    odd = [each for each in readings if each.service and each.service.service in ids]
    assert len(odd) == 4
    assert all(any("the provider decides on" in note for note in each.notes) for each in odd)
    assert not any(each.service and each.service.eligibility.statuses for each in odd)
    assert not any(each.service and each.service.eligibility.not_statuses for each in odd)


def test_a_list_of_known_statuses_is_a_rule(readings: list[ReadService]) -> None:
    stated = Counter(
        tuple(each.service.eligibility.statuses)
        for each in readings
        if each.service and each.service.eligibility.statuses
    )
    assert stated == {
        (Status.CITIZEN,): 9,
        (Status.RESIDENT, Status.CITIZEN): 5,
        (Status.RESIDENT,): 2,
        (Status.PROTECTED, Status.RESIDENT, Status.CITIZEN): 1,
    }


def test_a_list_with_unknown_statuses_becomes_alternatives_one_of_them_in_words(
    readings: list[ReadService],
) -> None:
    taken = [each.service for each in readings if each.service is not None and each.service.eligibility.any_of]
    assert len(taken) == 33
    assert sum(bool(each.eligibility.any_of[-1].description) for each in taken) == 32
    longest = max(taken, key=lambda each: len(each.eligibility.any_of))

    def verdicts(status: Status, age: AgeBand = AgeBand.ADULT, *flags: Flag) -> list[bool | None]:
        person = minimum(age_band=age, status=status, languages=["es"], flags=flags)
        need = accepted(category=Category.LEGAL, person=person, urgency=Urgency.NORMAL)
        alternatives = Eligibility(any_of=longest.eligibility.any_of)
        stated = Eligibility(any_of=longest.eligibility.any_of[:-1])
        return [conditions(need, alternatives), conditions(need, stated)]

    assert verdicts(Status.PROTECTED) == [True, True]
    assert verdicts(Status.IRREGULAR) == [None, False]
    for age in (AgeBand.CHILD, AgeBand.ADULT):
        assert verdicts(Status.IRREGULAR, age, Flag.TRAFFICKING_VICTIM) == [True, True]
    assert verdicts(Status.IRREGULAR, AgeBand.ADULT, Flag.GBV_SURVIVOR) == [True, True]


def test_ages_and_statuses_decide_which_services_are_left(readings: list[ReadService]) -> None:
    made = MatchingWorld()
    for each in readings:
        if each.service is not None:
            made.publish(each.service, each.provider)

    def left(rule: Rule, age: AgeBand, status: Status | None) -> int:
        person = minimum(age_band=age, status=status, languages=["es"])
        need = accepted(category=Category.LEGAL, region=Region(admin1="US-FL"), person=person, urgency=Urgency.NORMAL)
        case = Waiter(need, (), START, 0).case(START, made.limits.retry_after)
        _, steps = funnel(case, made.directory.of(Category.LEGAL))
        return next(step.left for step in steps if step.rule is rule)

    assert left(Rule.AGE, AgeBand.CHILD, None) < left(Rule.AGE, AgeBand.ADULT, None) < 134
    assert left(Rule.AGE, AgeBand.OLDER, None) > 0
    ruled = {each: left(Rule.STATUS, AgeBand.ADULT, each) for each in (None, Status.CITIZEN, Status.IRREGULAR)}
    assert ruled[None] == left(Rule.HOUSEHOLD, AgeBand.ADULT, None), "unknown: the provider assesses"
    assert ruled[Status.IRREGULAR] < ruled[Status.CITIZEN] < ruled[None]
    assert ruled[None] - ruled[Status.IRREGULAR] == 16, "those that name statuses, and take adults"


def test_each_of_200_needs_is_matched_or_waits(readings: list[ReadService]) -> None:
    made = MatchingWorld()
    for each in readings:
        if each.service is not None:
            made.publish(each.service, each.provider)
    for number in range(200):
        person = minimum(age_band=list(AgeBand)[number % 5], status=[None, *Status][number % 6], languages=["es"])
        names = {"need_id": f"n{number}", "referral_id": f"r{number}", "reference": f"R-{number}"}
        region = Region(admin1="US-FL" if number % 10 else "US-GA")
        made.handle(accepted(**names, category=Category.LEGAL, region=region, person=person, urgency=Urgency.NORMAL))
    phases = Counter(type(made.state(need)) for need in made.streams)
    assert set(phases) == {MatchedNeed, WaitingNeed} or set(phases) == {MatchedNeed}
    assert sum(phases.values()) == 200
    assert made.dead == 0
