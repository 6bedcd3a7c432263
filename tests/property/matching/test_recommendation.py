"""What is recommended first is what a need with the same words would be matched with."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import matching, topics
from contracts.agency import Constraints, Preferences
from contracts.profiles import Region
from contracts.provider import Eligibility
from contracts.words import AgeBand, Flag, Sex, Status, Urgency, Wait
from services.matching.domain.hypothetical_need import as_need
from tests.support.builders import accepted, hypothetical_need, minimum, recommendation_asked, service
from tests.support.matching_world import MatchingWorld
from tests.unit.matching.domain.test_recommendation import answers

AREAS = ["BY-BR", "BY-MI", "BY"]
persons = st.builds(
    minimum,
    age_band=st.sampled_from(AgeBand),
    sex=st.sampled_from(Sex),
    status=st.none() | st.sampled_from(Status),
    flags=st.lists(st.sampled_from(Flag), max_size=2, unique=True),
    household_size=st.integers(1, 4),
)
eligibilities = st.builds(
    Eligibility,
    minimum_age=st.sampled_from([0, 0, 18]),
    sexes=st.lists(st.sampled_from(Sex), max_size=2, unique=True),
    not_statuses=st.lists(st.sampled_from(Status), max_size=1),
    maximum_household=st.none() | st.integers(1, 4),
)
entries = st.lists(
    st.builds(
        service,
        capacity=st.integers(0, 2),
        areas=st.lists(st.sampled_from(AREAS), max_size=2, unique=True),
        eligibility=eligibilities,
    ),
    max_size=5,
)
others = st.lists(st.tuples(persons, st.sampled_from(Urgency)), max_size=4)


def _state(made: MatchingWorld) -> Any:
    return made.rows, made.waiting, made.store.journal, made.store.timers


@settings(max_examples=200, deadline=None)
@given(
    entries,
    others,
    persons,
    st.sampled_from(Urgency),
    st.sampled_from(AREAS[:2]),
    st.sampled_from([[], ["p1"]]),
    st.sampled_from([[], ["p2"]]),
)
def test_the_first_recommended_is_what_a_need_would_have_been_matched_with(
    services: Any, before: Any, person: Any, urgency: Urgency, area: str, unwanted: list[str], liked: list[str]
) -> None:
    made = MatchingWorld()
    for number, each in enumerate(services, 1):
        made.publish(each, f"p{number}")
    for number, (other, their) in enumerate(before):
        made.handle(accepted(need_id=f"n{number}", referral_id=f"r{number}", person=other, urgency=their))
    hypothetical = hypothetical_need(
        person=person,
        urgency=urgency,
        constraints=Constraints(not_providers=unwanted),
        preferences=Preferences(providers=liked),
    )
    question = recommendation_asked(hypothetical, region=Region(admin1=area))
    stood = repr(_state(made))
    made.send(question, topics.INTAKE)
    made.run()
    assert repr(_state(made)) == stood, "a question changes nothing"
    [(_, answer)] = answers(made)
    [suggestions] = answer.needs
    made.handle(as_need(question, hypothetical))
    facts = [fact for fact in made.facts("q-bed") if isinstance(fact, matching.Matched | matching.Waiting)]
    open_ = [each for each in suggestions.suggested if each.wait is Wait.NONE][: made.limits.at_once[urgency]]
    if open_:  # each provider has one service here, so in an emergency the best of them are asked at once
        matched = [fact for fact in facts if isinstance(fact, matching.Matched)]
        assert [(fact.provider, fact.service, fact.reasons) for fact in matched] == [
            (each.provider, each.service, each.reasons) for each in open_
        ]
    else:
        assert all(isinstance(fact, matching.Waiting) for fact in facts)
    assert [fact.funnel for fact in facts] == [suggestions.funnel] * max(1, len(open_))
