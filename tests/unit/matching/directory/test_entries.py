"""What an entry states besides whom it is for: confidential address, documents, language levels, cost."""

from datetime import timedelta
from typing import Any

import h3
import pytest
from pydantic import ValidationError

from contracts.matching import Alternative, AttemptEnded, DecisionRationale, Matched, ServicesRecommended
from contracts.profiles import Region
from contracts.provider import Service
from contracts.service import Cost
from contracts.texts import catalogue
from contracts.words import AgeBand, Behind, Document, Rule
from services.matching.eligibility.rules import Case, failing
from services.matching.model.geo import distance_km
from services.matching.queries.sentences import sentences
from services.matching.ranking.candidate import Candidate
from services.matching.ranking.score import WEIGHTS_VERSION, rank
from tests.support.builders import accepted, hypothetical_need, matched, minimum, recommendation_asked, service
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


def test_only_a_coarse_location_of_a_confidential_address_is_kept() -> None:
    made = world(("p1", SECRET))
    entry = made.directory.get("p1/beds")
    assert entry is not None
    assert (entry.service.latitude, entry.service.longitude) != (SECRET["latitude"], SECRET["longitude"])
    coarse = (entry.service.latitude or 0.0, entry.service.longitude or 0.0)
    assert 0 < distance_km(coarse, (SECRET["latitude"], SECRET["longitude"])) < 28
    near = world(("p1", {**SECRET, "latitude": 52.15, "longitude": 23.7})).directory.get("p1/beds")
    assert near is not None
    assert near.service == entry.service, "a neighbouring address looks the same"
    open_ = world(("p1", {**SECRET, "address_confidential": False})).directory.get("p1/beds")
    assert open_ is not None
    assert open_.service.latitude == SECRET["latitude"]


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "behind"])
def test_neither_decision_nor_explanation_reveals_the_distance_to_a_confidential_address(chosen: bool) -> None:
    """The languages decide whether it is chosen or comes second."""
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
    text = " ".join(sentences(match, None, [match])["en"])
    assert ("nearness" in text) is not chosen
    assert "farther" not in text


def test_a_service_behind_only_by_a_confidential_distance_is_explained_without_it() -> None:
    hidden = Alternative(version="p1/beds@1", why=Behind.LOWER_SCORE, free=1)
    match = matched(weighed=DecisionRationale(weights=WEIGHTS_VERSION, next=[hidden]))
    text = catalogue("en")["behind", "lower-untold"]
    assert text in " ".join(sentences(match, None, [match])["en"])


def test_a_recommendation_omits_the_areas_of_a_confidential_address() -> None:
    made = world(("p1", SECRET), ("p2", {"areas": ["BY-BR"]}))
    made.handle(recommendation_asked(hypothetical_need()))
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
    ids=["nothing known", "known to be missing", "another", "not stated which", "corrected since"],
)
def test_a_required_document_rules_a_service_out_only_if_it_is_known_to_be_missing(
    attempts: tuple[AttemptEnded, ...], rule: Rule | None
) -> None:
    made = world(("p1", {"documents": [Document.IDENTITY]}))
    entry = made.directory.get("p1/beds")
    assert entry is not None
    assert failing(Case(accepted(), attempts, START, timedelta()), entry) is rule


def test_required_documents_have_to_be_assessed() -> None:
    made = world(("p1", {"documents": [Document.IDENTITY]}))
    made.handle(accepted())
    (need,) = made.streams
    match = made.match(need)
    assert match is not None
    assert match.needs_assessment == [Rule.DOCUMENTS]


# languages, cost -----------------------------------------------------------------------------------------------------


def test_a_first_language_at_a_basic_level_scores_between_spoken_and_not_spoken() -> None:
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
def test_an_impossible_entry_is_refused_with_what_to_do(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        service(**wrong)
    assert Service.model_validate({**service().model_dump(), "cost": {"free": True}}).cost == Cost(free=True)
