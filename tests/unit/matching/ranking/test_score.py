"""Nearer first, then where the language is spoken, the preferred, the emptier; the same order every time."""

import h3
import pytest

from contracts.agency import Preferences
from contracts.intake import NeedRegistered, Region
from contracts.words import Document, Rule
from services.matching.capacity.places import match_id
from services.matching.directory.directory import DirectoryEntry
from services.matching.ranking.score import (
    HALF_KM,
    LEAST_ACCEPTANCE,
    UNKNOWN,
    WEIGHTS,
    WEIGHTS_OF,
    WEIGHTS_VERSION,
    Learned,
    as_if,
    fit,
    rank,
)
from tests.support.builders import accepted, minimum, service

HOME = (52.0976, 23.7341)
NEED = accepted(region=Region(admin1="BY-BR", cell=h3.latlng_to_cell(*HOME, 5)))


def entry(id_: str, capacity: int = 10, east: float | None = None) -> DirectoryEntry:
    provider, _, key = id_.partition("/")
    place = {} if east is None else {"latitude": HOME[0], "longitude": HOME[1] + east}
    return DirectoryEntry(id_, provider, service(service=key, capacity=capacity, **place), "1")


def order(need: object, *offers: tuple[DirectoryEntry, int]) -> list[str]:
    return [each.entry.id for each in rank(need, offers)]  # type: ignore[arg-type]


def test_the_nearer_service_is_first() -> None:
    assert order(NEED, (entry("p1/far", east=1.0), 5), (entry("p1/near", east=0.1), 5)) == ["p1/near", "p1/far"]


def test_of_equally_near_ones_that_with_the_larger_free_share_is_first() -> None:
    assert order(NEED, (entry("p1/a"), 2), (entry("p1/b", capacity=4), 2)) == ["p1/b", "p1/a"]


def test_a_preferred_provider_is_first_other_things_being_equal() -> None:
    need = NEED.model_copy(update={"preferences": Preferences(providers=["p2"])})
    assert order(need, (entry("p1/a"), 5), (entry("p2/a"), 5)) == ["p2/a", "p1/a"]


def test_of_equals_the_lower_id_is_first_whatever_the_order_they_come_in() -> None:
    one, other = (entry("p1/a"), 5), (entry("p2/a"), 5)
    assert order(NEED, one, other) == order(NEED, other, one) == ["p1/a", "p2/a"]


def test_reasons_are_terms_between_0_and_1_and_their_weighted_sum() -> None:
    (best,) = rank(NEED, [(entry("p1/a", east=0.5), 5)])
    reasons = {reason.term: reason.value for reason in best.reasons}
    assert set(reasons) == {*WEIGHTS, "score"}
    assert all(0 <= value <= 1 for value in reasons.values())
    assert abs(reasons["score"] - sum(weight * reasons[term] for term, weight in WEIGHTS.items())) < 1e-3
    assert round(sum(WEIGHTS.values()), 9) == 1


def test_other_weights_have_another_version() -> None:
    """A recorded decision names the version: who changes a number adds one, here too, and leaves the old ones."""
    assert WEIGHTS is WEIGHTS_OF[WEIGHTS_VERSION]
    assert (HALF_KM, UNKNOWN) == (25.0, 0.5), "of all versions so far"
    assert WEIGHTS_OF["1"] == {"distance": 0.45, "free-share": 0.30, "preference": 0.25}
    assert WEIGHTS_OF["2"] == {"distance": 0.45, "language": 0.25, "preference": 0.20, "free-share": 0.10}


def test_a_service_that_speaks_the_first_language_is_before_one_that_speaks_another_or_says_nothing() -> None:
    need = NEED.model_copy(update={"person": minimum(languages=["ps", "en"])})
    spoken, other, silent = (
        DirectoryEntry(f"{id_}/a", id_, service(service="a", capacity=10, languages=languages), "1")
        for id_, languages in (("p3", ["en", "ps"]), ("p1", ["en"]), ("p2", []))
    )
    assert order(need, (other, 5), (silent, 5), (spoken, 5)) == ["p3/a", "p1/a", "p2/a"]
    assert fit(need, other) == fit(need, silent) < fit(need, spoken)


def learned(**acceptance: float) -> Learned:
    return Learned({f"{provider}/beds": each for provider, each in acceptance.items()}, otherwise=0.7)


def order_of(need: NeedRegistered, offers: list[tuple[DirectoryEntry, int]], expected: Learned) -> list[str]:
    return [each.entry.provider for each in rank(need, offers, learned=expected)]


def test_of_two_that_are_alike_who_accepts_more_goes_first_and_it_is_not_worth_a_detour() -> None:
    one, two = (DirectoryEntry(f"{each}/beds", each, service(), f"{each}/beds@0") for each in ("p1", "p2"))
    assert order_of(accepted(), [(one, 1), (two, 1)], learned(p1=0.5, p2=0.9)) == ["p2", "p1"]
    assert order_of(accepted(), [(one, 1), (two, 1)], learned(p1=0.5)) == ["p2", "p1"], "who has not answered yet: 0.7"
    liking = accepted(preferences=Preferences(providers=["p1"]))
    assert order_of(liking, [(one, 1), (two, 1)], learned(p1=0.5, p2=0.9)) == ["p1", "p2"]
    assert order_of(accepted(), [(one, 2), (two, 1)], learned(p1=0.85, p2=0.9)) == ["p1", "p2"], "next to no difference"


@pytest.mark.parametrize("free", [0, 1, 3, 4, 9])
def test_with_other_places_it_stands_as_if_it_had_been_ranked_with_them(free: int) -> None:
    one = DirectoryEntry("p1/beds", "p1", service(capacity=4, latitude=52.1, longitude=23.7), "p1/beds@0")
    need, expected = accepted(preferences=Preferences(providers=["p1"])), learned(p1=0.5)
    (before,), (after,) = (rank(need, [(one, each)], prices={"p1/beds": 0.3}, learned=expected) for each in (2, free))
    assert as_if(before, free=free) == after
    assert after.score != before.score


def test_preferred_or_assessed_it_stands_as_if_it_had_been_ranked_so() -> None:
    one = DirectoryEntry("p1/beds", "p1", service(capacity=4, latitude=52.1, longitude=23.7), "p1/beds@0")
    doubts = {"p1/beds": [Rule.AGE]}
    (plain,), (liked,) = (
        rank(accepted(preferences=Preferences(providers=each)), [(one, 2)], doubts) for each in ([], ["p1"])
    )
    (clear,) = rank(accepted(), [(one, 2)], {})
    assert plain.doubtful
    assert as_if(plain, preferred=True) == liked
    assert as_if(liked, preferred=False) == plain
    assert as_if(plain, unknown=[]) == clear
    assert clear.standing < plain.standing


def test_who_hardly_ever_accepts_is_asked_after_all_others_but_is_asked() -> None:
    one, two = (DirectoryEntry(f"{each}/beds", each, service(), f"{each}/beds@0") for each in ("p1", "p2"))
    liking = accepted(preferences=Preferences(providers=["p1"]))
    seldom = learned(p1=LEAST_ACCEPTANCE - 0.01)
    assert order_of(liking, [(one, 1), (two, 1)], seldom) == ["p2", "p1"]
    assert order_of(liking, [(one, 1)], seldom) == ["p1"]


def test_now_and_then_it_is_tried_what_was_learned() -> None:
    seldom = learned(p1=0.0)
    tried = [seldom.exploring(match_id("need", attempt)).least == 0.0 for attempt in range(2000)]
    assert 60 <= sum(tried) <= 140, "one in twenty"
    assert seldom.exploring("") is seldom


def test_to_state_what_documents_are_required_does_not_set_a_service_back() -> None:
    stating = DirectoryEntry("p1/beds", "p1", service(documents=[Document.IDENTITY]), "p1/beds@0")
    silent = DirectoryEntry("p2/beds", "p2", service(), "p2/beds@0")
    first, second = rank(accepted(), [(stating, 1), (silent, 1)])
    assert (first.entry, first.unknown) == (stating, [Rule.DOCUMENTS])
    assert second.entry is silent
