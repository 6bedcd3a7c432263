"""Recommendations: the services a need would be offered to, with nothing claimed and nothing stored."""

from typing import Any

import pytest

from contracts import topics
from contracts.agency import Constraints
from contracts.cloudevents import decode
from contracts.matching import ServicesRecommended, Suggestions
from contracts.notification import Declined
from contracts.profiles import HypotheticalNeed
from contracts.provider import Eligibility
from contracts.words import Category, DeclineCode, Rule, Sex, Urgency, Wait
from services.matching.domain.recommendation import MOST
from tests.support.builders import accepted, hypothetical_need, of_offer, recommendation_asked, service
from tests.support.matching_world import MatchingWorld


def world(*capacities: int) -> MatchingWorld:
    made = MatchingWorld()
    for number, capacity in enumerate(capacities, 1):
        made.publish(service(capacity=capacity), f"p{number}")
    return made


def ask(made: MatchingWorld, *needs: HypotheticalNeed, id_: str | None = None, **changes: Any) -> list[Suggestions]:
    made.send(recommendation_asked(*needs, **changes), topics.INTAKE, id_)
    made.run()
    return answers(made)[-1][1].needs


def answers(made: MatchingWorld) -> list[tuple[str, ServicesRecommended]]:
    events = [decode(each.headers, each.value, each.appended) for each in made.log.read(topics.MATCHING)]
    return [
        (each.id, ServicesRecommended.read(each.data)) for each in events if each.type == ServicesRecommended.ce_type()
    ]


def providers_and_waits(suggestions: Suggestions) -> list[tuple[str, Wait]]:
    return [(each.provider, each.wait) for each in suggestions.suggested]


def test_services_with_a_place_come_first_then_those_to_wait_for() -> None:
    made = world(0, 1, 2, 1)
    made.handle(*(accepted(need_id=f"n{n}", referral_id=f"r{n}") for n in range(2)))  # p2 or p3 or p4 fill up
    made.publish(service(capacity=1), "p3")
    [suggestions] = ask(made)
    free = {p for p, wait in providers_and_waits(suggestions) if wait is Wait.NONE}
    taken = {row.split("/")[0] for row in made.rows}
    assert free == {"p2", "p3", "p4"} - taken
    assert [wait for _, wait in providers_and_waits(suggestions)] == sorted(
        (wait for _, wait in providers_and_waits(suggestions)), key=list(Wait).index
    )
    assert dict(providers_and_waits(suggestions))["p1"] is Wait.LONG, "a service that takes nobody now"
    assert suggestions.funnel[-1].rule is Rule.PLACE
    assert suggestions.funnel[-1].left == len(free)


def test_waiting_needs_ahead_make_the_wait_longer() -> None:
    made = world(1)
    made.handle(accepted(need_id="n1", referral_id="r1"))
    assert providers_and_waits(ask(made)[0]) == [("p1", Wait.SHORT)]
    made.handle(accepted(need_id="n2", referral_id="r2", urgency=Urgency.EMERGENCY))
    assert providers_and_waits(ask(made)[0]) == [("p1", Wait.LONG)]


def test_a_service_that_reported_no_capacity_has_no_place_whatever_we_count() -> None:
    made = world(2)
    made.handle(accepted(need_id="n1", referral_id="r1"))
    made.handle(of_offer(Declined, need_id="n1", referral_id="r1", code=DeclineCode.NO_CAPACITY))
    [suggestions] = ask(made)
    assert providers_and_waits(suggestions) == [("p1", Wait.LONG)]
    assert (suggestions.funnel[-1].rule, suggestions.funnel[-1].left) == (Rule.FULL, 0)
    made.publish(service(capacity=2), "p1")
    assert providers_and_waits(ask(made)[0]) == [("p1", Wait.NONE)]


def test_nothing_is_claimed_and_nothing_is_stored() -> None:
    made = world(1)
    for _ in range(3):
        assert providers_and_waits(ask(made)[0]) == [("p1", Wait.NONE)]
    made.elapse(hours=100)
    assert (made.rows, made.waiting, made.store.journal, made.store.timers) == ({}, {}, {}, {})
    assert made.dead == 0


def test_a_repeated_request_gets_the_same_answer_under_the_same_id() -> None:
    made = world(2)
    ask(made, id_="once")
    ask(made, id_="once")
    (first, one), (second, other) = answers(made)
    assert (first, one) == (second, other)
    made.handle(accepted(need_id="n1", referral_id="r1"))
    ask(made, id_="once")
    assert answers(made)[-1][0] != first, "the world has changed, and so has the answer"


def test_each_need_is_answered_by_itself() -> None:
    made = world(1)
    made.publish(service(service="law", categories=[Category.LEGAL]), "p1")
    suggestions = ask(
        made,
        hypothetical_need("bed"),
        hypothetical_need("bed-2"),
        hypothetical_need("law", category=Category.LEGAL),
        hypothetical_need("school", category=Category.EDUCATION),
    )
    assert [(each.need, [s.service for s in each.suggested]) for each in suggestions] == [
        ("bed", ["beds"]), ("bed-2", ["beds"]), ("law", ["law"]), ("school", []),
    ]  # fmt: skip
    assert (suggestions[-1].funnel[-1].rule, suggestions[-1].funnel[-1].left) == (Rule.CATEGORY, 0)


@pytest.mark.parametrize(
    ("changes", "hypothetical", "rule"),
    [
        ({"recipients": ["p9"]}, {}, Rule.CONSENT),
        ({}, {"constraints": Constraints(not_providers=["p1"])}, Rule.CONSENT),
        ({}, {"constraints": Constraints(step_free=True)}, Rule.AREA),
    ],
)
def test_the_rules_of_a_need_hold(changes: dict[str, Any], hypothetical: dict[str, Any], rule: Rule) -> None:
    made = MatchingWorld()
    made.publish(service(areas=["BY"]), "p1")
    [suggestions] = ask(made, hypothetical_need("bed", **hypothetical), **changes)
    assert (suggestions.suggested, suggestions.funnel[-1].rule) == ([], rule)


def test_a_barred_provider_is_not_recommended() -> None:
    made = world(1)
    made.directory._admits = lambda provider: False
    made.directory.review("p1")
    [suggestions] = ask(made)
    assert (suggestions.suggested, suggestions.funnel[-1].rule) == ([], Rule.TENANT)


def test_no_address_is_disclosed_nor_anything_that_reveals_one() -> None:
    """Two shelters at opposite ends of a region look the same."""
    ends = []
    for latitude, longitude in ((52.0971, 23.7341), (53.9006, 27.5590)):
        made = MatchingWorld()
        made.publish(service(areas=["BY"], latitude=latitude, longitude=longitude, radius_km=30), "p1")
        ends.append(ask(made))
    assert ends[0] == ends[1]
    assert ends[0][0].suggested[0].areas == ["BY"]


def test_only_the_best_are_suggested() -> None:
    made = world(*[1] * (MOST + 5))
    [suggestions] = ask(made)
    assert len(suggestions.suggested) == MOST
    assert suggestions.funnel[-1].left == MOST + 5


def test_a_service_for_others_is_counted_in_the_funnel() -> None:
    made = MatchingWorld()
    made.publish(service(eligibility=Eligibility(sexes=[Sex.MALE])), "p1")
    [suggestions] = ask(made)
    assert suggestions.suggested == []
    assert suggestions.funnel[-1].rule is Rule.SEX
