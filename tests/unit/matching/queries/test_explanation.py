"""What an operator reads about a decision, from the journal alone: in codes, and in three languages."""

from typing import Any

import h3
import pytest

from contracts.agency import Constraints, Preferences
from contracts.intake import NeedRegistered
from contracts.matching import FunnelStep, Matched
from contracts.notification import Declined
from contracts.profiles import Region
from contracts.provider import Eligibility
from contracts.words import Behind, Change, DeclineCode, HeldBack, Rule, Status, Urgency
from services.matching.capacity.places import Places, document, row_id
from services.matching.directory.directory import Directory
from services.matching.domain.choice import choose
from services.matching.domain.context import MatchingContext, Moment
from services.matching.domain.rationale import weigh
from services.matching.model.limits import Limits
from services.matching.queries.explanation import explain
from services.matching.queries.sentences import decisive
from services.matching.waitlist.queue import Waiter
from tests.support.builders import accepted, of_offer, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

HOME = (52.0976, 23.7341)
REGION = Region(admin1="BY-BR", cell=h3.latlng_to_cell(*HOME, 5))


def need(number: int = 1, **changes: Any) -> NeedRegistered:
    return accepted(need_id=f"n{number}", referral_id=f"r{number}", region=REGION, **changes)


def world() -> MatchingWorld:
    """Services from near to far. ``clear`` has to assess; ``kids`` fits nobody in these tests."""
    made = MatchingWorld()
    for provider, east, more in (
        ("near", 0.05, {"capacity": 1}),
        ("mid", 0.3, {}),
        ("far", 0.9, {"capacity": 4}),
        ("clear", 0.02, {"eligibility": Eligibility(statuses=[Status.RESIDENT])}),
        ("kids", 0.02, {"eligibility": Eligibility(maximum_age=11)}),
    ):
        place = {"latitude": HOME[0], "longitude": HOME[1] + east}
        made.publish(service(languages=["ru", "be"], **place, **more), provider)
    return made


def explained(made: MatchingWorld, number: int) -> list[dict[str, Any]]:
    """The decisions, read from the stream's documents alone, without the directory."""
    documents = [each for each in made.store.journal.values() if each["stream"] == f"n{number}"]
    explanation = explain(documents)
    assert explanation is not None
    decisions: list[dict[str, Any]] = explanation["decisions"]
    return decisions


def test_a_match_explains_its_terms_the_next_services_and_what_would_have_changed_it() -> None:
    made = world()
    made.handle(need(1), need(2))
    [match] = explained(made, 2)
    assert [(each["version"], each["why"]) for each in match["weighed"]["next"]] == [
        ("far/beds@3", Behind.LOWER_SCORE),
        ("clear/beds@4", Behind.ASSESS_FIRST),
        ("near/beds@1", Behind.FULL),
    ]
    assert [(each["change"], each["service"], each["places"]) for each in match["weighed"]["otherwise"]] == [
        (Change.PLACE, "near/beds", 1),
        (Change.ASSESSED, "clear/beds", None),
        (Change.PREFERRED, "far/beds", None),
    ]
    assert match["texts"]["en"] == [
        "Chosen: mid/beds. Score 0.58 of 1: nearness 0.23 of 0.45; language 0.25 of 0.25; "
        "the person’s preference 0.00 of 0.20; share of places free 0.10 of 0.10.",
        "Services looked at: 5 of this kind, 4 for this age, 3 with a free place.",
        "Not chosen: far/beds: lower by 0.11: farther away (0.11).",
        "Not chosen: clear/beds: has to assess first: residence status.",
        "Without a place: near/beds: no free place for this need.",
        "A free place at near/beds, which is nearer, would have changed the decision (places needed: 1).",
        "If it were known that the person meets its criteria (residence status), clear/beds would have been chosen.",
        "If the person had preferred far, far/beds would have been chosen.",
    ]
    assert match["texts"]["ru"][1] == "Просмотрены услуги: 5 такого вида, 4 для этого возраста, 3 со свободным местом."
    assert match["texts"]["be"][5] == (
        "Свабоднае месца ў паслузе near/beds, якая бліжэй, змяніла б рашэнне (трэба месцаў: 1)."
    )


def test_a_preferred_service_names_what_would_have_been_chosen_otherwise() -> None:
    made = world()
    made.handle(need(preferences=Preferences(providers=["mid"])))
    [match] = explained(made, 1)
    assert "If the person had not preferred mid, near/beds would have been chosen." in match["texts"]["en"]


def test_a_need_without_help_names_the_rule_that_ruled_out_most() -> None:
    made = world()
    made.handle(need(constraints=Constraints(languages=["ps", "zzz"])))
    made.elapse(hours=24 * 8)
    waits, alert, ends = explained(made, 1)
    assert alert["what"] == "patience-over"
    counted = "Services looked at: 5 of this kind, 4 for this age, none in Pashto, zzz."
    most = "Most were ruled out by: language (4 of 4)."
    assert waits["texts"]["en"] == ["No service can take it now; it waits.", counted, most]
    assert ends["texts"]["en"] == ["No help was found: no service speaks the person’s languages.", counted, most]
    assert ends["texts"]["be"][1].endswith("ніводнай з мовай: пушту, zzz.")
    assert waits["weighed"] is None


def test_services_where_a_free_place_would_have_helped_are_named() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=1), "p1")
    made.publish(service(capacity=1), "p2")
    made.handle(need(1), need(2), need(3))
    made.handle(of_offer(Declined, need_id="n1", referral_id="r1", code=DeclineCode.NO_CAPACITY))
    waits = explained(made, 3)[0]
    assert waits["texts"]["en"][-2:] == [
        f"A free place at p{number}/beds would have changed the decision (places needed: 1)." for number in (1, 2)
    ]
    again = explained(made, 1)[-1]
    assert "Without a place: p1/beds: has said that it is full." not in again["texts"]["en"], "it is ruled out for n1"
    made.handle(need(4))
    assert "Without a place: p1/beds: has said that it is full." in explained(made, 4)[0]["texts"]["en"]


def test_matches_made_at_the_same_time_share_one_rationale() -> None:
    made = world()
    made.handle(need(urgency=Urgency.EMERGENCY))
    first, second, third = explained(made, 1)
    assert first["weighed"]
    assert (second["weighed"], third["weighed"]) == (None, None), "recorded once"
    assert "Asked at the same time: near/beds, mid/beds." in first["texts"]["en"]
    assert "Asked at the same time: clear/beds, mid/beds." in second["texts"]["en"]
    assert first["texts"]["en"][-1] == second["texts"]["en"][-1] == third["texts"]["en"][-1]
    assert first["texts"]["en"][-1] == "If the person had preferred far, far/beds would have been chosen."


def test_a_need_that_is_held_back_explains_why() -> None:
    made = world()
    made.handle(need(held_back=HeldBack.AGENCY_KNOWS))
    assert explained(made, 1)[0]["texts"]["en"][0] == "It waits: this person is being helped already."


def test_an_old_match_without_a_rationale_is_explained_by_what_it_has() -> None:
    made = world()
    made.handle(need())
    documents = [each for each in made.store.journal.values() if each["stream"] == "n1"]
    for fact in documents[0]["entries"][0]["facts"]:
        if fact.get("type") == Matched.ce_type():
            old = Matched.read(fact["text"])
            fact["text"] = old.model_dump_json(exclude={"weighed", "free"})
    explanation = explain(documents)
    assert explanation is not None
    assert [each.split(":")[0] for each in explanation["decisions"][0]["texts"]["en"]] == [
        "Chosen",
        "Services looked at",
    ]


@pytest.mark.parametrize(
    ("left", "expected"),
    [([41, 12, 3, 0], (Rule.AREA, 29, 41)), ([3, 3, 3, 0], (Rule.LANGUAGE, 3, 3)), ([0], None), ([4, 4], None)],
)
def test_the_rule_that_ruled_out_most_is_decisive(left: list[int], expected: Any) -> None:
    rules = (Rule.CATEGORY, Rule.AREA, Rule.AGE, Rule.LANGUAGE)
    assert decisive([FunnelStep(rule=rule, left=count) for rule, count in zip(rules, left, strict=False)]) == expected


def test_an_explanation_holds_no_personal_data() -> None:
    """Except the languages that were looked for: neither age, sex nor status, nor the person's location."""
    made = world()
    made.handle(need())
    text = str(explained(made, 1))
    assert not [word for word in (REGION.cell, "18-59", "female", "BY-BR") if str(word) in text]


def test_the_places_needed_count_the_bonus_for_few_options_as_the_choice_does() -> None:
    """The waiting need has three options and this one has one, so it goes first and one place is enough."""
    directory = Directory()
    directory.put("p1", "beds", 0, service(capacity=2))
    rows = {row_id("p1/beds", slot): document("n0", "m", "p1/beds", "r") for slot in range(2)}
    context = MatchingContext(directory, Places(rows), [Waiter(accepted(need_id="n1"), (), START, 1, options=3)])
    moment = Moment(START, context, Limits())
    choice = choose(Waiter(accepted(need_id="n2"), (), START, 0), "", moment)
    weighed = weigh(choice, [], moment)
    assert weighed is not None
    assert [(each.change, each.places) for each in weighed.otherwise] == [(Change.PLACE, 1)]
