"""What an entry says besides of whom it is for: documents, languages and how well, cost, a confidential address."""

from datetime import timedelta
from typing import Any

import h3
import pytest
from pydantic import ValidationError

from contracts.intake import Region
from contracts.matching import Alternative, AttemptEnded, DecisionRationale, Matched, ServicesRecommended
from contracts.provider import Service
from contracts.service import Cost
from contracts.words import AgeBand, Behind, Document, Rule
from services.matching.eligibility.rules import Case, failing
from services.matching.model.geo import distance_km
from services.matching.queries.sentences import sentences
from services.matching.ranking.candidate import Candidate
from services.matching.ranking.score import WEIGHTS_VERSION, rank
from tests.support.builders import accepted, matched, minimum, posed, recommendation_asked, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

BREST = (52.0976, 23.7341)
SECRET: dict[str, Any] = {
    "latitude": 52.123456,
    "longitude": 23.654321,
    "areas": ["BY-BR"],
    "address_confidential": True,
}
HERE = Region(admin1="BY-BR", cell=h3.latlng_to_cell(*BREST, 5))


def world(*providers: tuple[str, dict[str, Any]]) -> MatchingWorld:
    made = MatchingWorld()
    for provider, entry in providers:
        made.publish(service(**entry), provider)
    return made


# a confidential address ----------------------------------------------------------------------------------------------


def test_of_a_confidential_address_nothing_keeps_more_than_a_rough_place() -> None:
    made = world(("p1", SECRET))
    entry = made.directory.get("p1/beds")
    assert entry is not None
    assert (entry.service.latitude, entry.service.longitude) != (SECRET["latitude"], SECRET["longitude"])
    rough = (entry.service.latitude or 0.0, entry.service.longitude or 0.0)
    assert 0 < distance_km(rough, (SECRET["latitude"], SECRET["longitude"])) < 28
    near = world(("p1", {**SECRET, "latitude": 52.15, "longitude": 23.7})).directory.get("p1/beds")
    assert near is not None
    assert near.service == entry.service, "another address near by can't be told from it"
    open_ = world(("p1", {**SECRET, "address_confidential": False})).directory.get("p1/beds")
    assert open_ is not None
    assert open_.service.latitude == SECRET["latitude"]


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "behind"])
def test_neither_decision_nor_explanation_tells_how_far_a_confidential_address_is(chosen: bool) -> None:
    """A language more makes it the first, or puts it behind."""
    secret, other = (["ru"], ["be"]) if chosen else (["be"], ["ru"])
    made = world(
        ("p1", {**SECRET, "languages": secret}), ("p2", {"latitude": 52.0, "longitude": 24.2, "languages": other})
    )
    made.handle(accepted(region=HERE, person=minimum(languages=["ru", "be"])))
    (need,) = made.streams
    match = made.facts(need)[-1]
    assert isinstance(match, Matched)
    assert match.provider == ("p1" if chosen else "p2")
    assert ("distance" in {each.term for each in match.reasons}) is not chosen
    assert match.weighed is not None
    (behind,) = match.weighed.next
    assert "distance" not in behind.worse
    assert str(SECRET["latitude"]) not in match.model_dump_json()
    told = " ".join(sentences(match, None, [match])["en"])
    assert ("nearness" in told) is not chosen
    assert "farther" not in told


def test_what_stands_behind_for_its_confidential_distance_alone_is_said_without_it() -> None:
    hidden = Alternative(version="p1/beds@1", why=Behind.LOWER_SCORE, free=1)
    match = matched(weighed=DecisionRationale(weights=WEIGHTS_VERSION, next=[hidden]))
    assert "lower, by what is not told" in " ".join(sentences(match, None, [match])["en"])


def test_a_recommendation_does_not_tell_its_areas() -> None:
    made = world(("p1", SECRET), ("p2", {"areas": ["BY-BR"]}))
    made.handle(recommendation_asked(posed()))
    suggested = {}
    for record in made.log.read("referrals.matching"):
        for each in ServicesRecommended.read(record.value or b"").needs[0].suggested:
            suggested[each.provider] = each
    assert suggested["p1"].areas == []
    assert not any(each.term == "distance" for each in suggested["p1"].reasons)
    assert suggested["p2"].areas == ["BY-BR"]


# documents -----------------------------------------------------------------------------------------------------------


def tried(*missing: Document, version: str = "p9/beds@1") -> AttemptEnded:
    return AttemptEnded(
        referral_id="r", need_id="n", attempt=1, service="p9/beds", code="missing-documents", for_good=False,
        version=version, at=START, missing=list(missing),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "rule"),
    [
        ((), None),
        ((tried(Document.IDENTITY),), Rule.DOCUMENTS),
        ((tried(Document.RESIDENCE),), None),
        ((tried(),), None),
        ((tried(Document.IDENTITY, version=""),), None),
    ],
    ids=["nothing known", "known to be missing", "another", "not said which", "corrected since"],
)
def test_a_required_document_stands_in_the_way_only_where_it_is_known_to_be_missing(
    attempts: tuple[AttemptEnded, ...], rule: Rule | None
) -> None:
    made = world(("p1", {"documents": [Document.IDENTITY]}))
    entry = made.directory.get("p1/beds")
    assert entry is not None
    assert failing(Case(accepted(), attempts, START, timedelta()), entry) is rule


def test_whether_the_documents_are_there_is_to_be_assessed() -> None:
    made = world(("p1", {"documents": [Document.IDENTITY]}))
    made.handle(accepted())
    (need,) = made.streams
    match = made.state(need).match
    assert match is not None
    assert match.needs_assessment == [Rule.DOCUMENTS]


# languages, cost -----------------------------------------------------------------------------------------------------


def test_a_first_language_spoken_at_a_basic_level_counts_between_spoken_and_not() -> None:
    made = MatchingWorld()
    for provider, entry in {
        "basic": {"languages": ["ru"], "language_levels": {"ru": "basic"}},
        "fluent": {"languages": ["ru"], "language_levels": {"ru": "fluent"}},
        "unsaid": {"languages": ["ru"]},
        "not": {"languages": ["be"], "language_levels": {"be": "native"}},
    }.items():
        made.publish(service(**entry), provider)
    need = accepted(person=minimum(languages=["ru", "be"], age_band=AgeBand.ADULT))
    candidates = [Candidate.assess(need, each, 1) for each in made.directory.entries()]
    terms = {
        each.entry.provider: dict(zip(("distance", "language"), each.terms, strict=False))
        for each in rank(need, candidates)
    }
    assert {name: each["language"] for name, each in terms.items()} == {
        "basic": 0.75, "fluent": 1.0, "unsaid": 1.0, "not": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"languages": ["ru"], "language_levels": {"be": "basic"}}, "list each in languages too"),
        ({"cost": {"amount": 3}}, "give amount and currency"),
        ({"cost": {"free": True, "amount": 3, "currency": "EUR"}}, "is free and has an amount"),
        ({"cost": {}}, "say that it is free"),
        ({"documents": ["driving-licence"]}, "documents.0"),
        ({"intake": ["by-post"]}, "intake.0"),
        ({"capacity_unit": "chairs"}, "capacity_unit"),
    ],
)
def test_what_can_not_be_is_refused_with_what_to_do(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        service(**wrong)
    assert Service.model_validate({**service().model_dump(), "cost": {"free": True}}).cost == Cost(free=True)
