"""Nearer services come first, then those that speak the language, are preferred, have more free places."""

import h3
import pytest

from contracts.agency import Preferences
from contracts.intake import NeedRegistered
from contracts.profiles import Region
from contracts.words import Document, Rule
from services.matching.directory.directory import DirectoryEntry
from services.matching.ranking.candidate import TERM_NAMES, Candidate
from services.matching.ranking.score import (
    HALF_KM,
    UNKNOWN,
    WEIGHTS,
    WEIGHTS_OF,
    WEIGHTS_VERSION,
    fit,
    rank,
    rescore,
)
from tests.support.builders import accepted, minimum, service

HOME = (52.0976, 23.7341)
NEED = accepted(region=Region(admin1="BY-BR", cell=h3.latlng_to_cell(*HOME, 5)))


def entry(id_: str, capacity: int = 10, east: float | None = None) -> DirectoryEntry:
    provider, _, key = id_.partition("/")
    place = {} if east is None else {"latitude": HOME[0], "longitude": HOME[1] + east}
    return DirectoryEntry(id_, provider, service(service=key, capacity=capacity, **place), "1")


def ranked(need: NeedRegistered, *offers: tuple[DirectoryEntry, int]) -> list[Candidate]:
    return rank(need, [Candidate.assess(need, each, free) for each, free in offers])


def order(need: NeedRegistered, *offers: tuple[DirectoryEntry, int]) -> list[str]:
    return [each.entry.id for each in ranked(need, *offers)]


def test_the_nearer_service_is_first() -> None:
    assert order(NEED, (entry("p1/far", east=1.0), 5), (entry("p1/near", east=0.1), 5)) == ["p1/near", "p1/far"]


def test_of_equally_near_ones_that_with_the_larger_free_share_is_first() -> None:
    assert order(NEED, (entry("p1/a"), 2), (entry("p1/b", capacity=4), 2)) == ["p1/b", "p1/a"]


def test_a_preferred_provider_is_first_other_things_being_equal() -> None:
    need = NEED.model_copy(update={"preferences": Preferences(providers=["p2"])})
    assert order(need, (entry("p1/a"), 5), (entry("p2/a"), 5)) == ["p2/a", "p1/a"]


def test_of_equals_the_lower_id_is_first_in_any_order_of_input() -> None:
    one, other = (entry("p1/a"), 5), (entry("p2/a"), 5)
    assert order(NEED, one, other) == order(NEED, other, one) == ["p1/a", "p2/a"]


def test_reasons_are_terms_between_0_and_1_and_their_weighted_sum() -> None:
    (best,) = ranked(NEED, (entry("p1/a", east=0.5), 5))
    reasons = {reason.term: reason.value for reason in best.reasons}
    assert set(reasons) == {*WEIGHTS, "score"}
    assert all(0 <= value <= 1 for value in reasons.values())
    assert abs(reasons["score"] - sum(weight * reasons[term] for term, weight in WEIGHTS.items())) < 1e-3
    assert round(sum(WEIGHTS.values()), 9) == 1
    assert tuple(WEIGHTS) == TERM_NAMES


def test_other_weights_have_another_version() -> None:
    """A recorded decision names the version: to change a number, add a version, here too, and keep the old ones."""
    assert WEIGHTS is WEIGHTS_OF[WEIGHTS_VERSION]
    assert (HALF_KM, UNKNOWN) == (25.0, 0.5), "of all versions so far"
    assert WEIGHTS_OF["1"] == {"distance": 0.45, "free-share": 0.30, "preference": 0.25}
    assert WEIGHTS_OF["2"] == {"distance": 0.45, "language": 0.25, "preference": 0.20, "free-share": 0.10}


def test_a_service_that_speaks_the_first_language_precedes_one_that_speaks_another_or_states_none() -> None:
    need = NEED.model_copy(update={"person": minimum(languages=["ps", "en"])})
    spoken, other, silent = (
        DirectoryEntry(f"{id_}/a", id_, service(service="a", capacity=10, languages=languages), "1")
        for id_, languages in (("p3", ["en", "ps"]), ("p1", ["en"]), ("p2", []))
    )
    assert order(need, (other, 5), (silent, 5), (spoken, 5)) == ["p3/a", "p1/a", "p2/a"]
    assert fit(need, other) == fit(need, silent) < fit(need, spoken)


@pytest.mark.parametrize("free", [0, 1, 3, 4, 9])
def test_rescored_with_other_places_it_equals_a_candidate_ranked_with_them(free: int) -> None:
    one = DirectoryEntry("p1/beds", "p1", service(capacity=4, latitude=52.1, longitude=23.7), "p1/beds@0")
    need = accepted(preferences=Preferences(providers=["p1"]))
    (before,), (after,) = (
        rank(need, [Candidate.assess(need, one, each)], prices={"p1/beds": 0.3}) for each in (2, free)
    )
    assert rescore(before, free=free) == after
    assert after.score != before.score


def test_rescored_as_preferred_or_assessed_it_equals_a_candidate_ranked_so() -> None:
    one = DirectoryEntry("p1/beds", "p1", service(capacity=4, latitude=52.1, longitude=23.7), "p1/beds@0")
    (plain,), (liked,) = (
        rank(accepted(preferences=Preferences(providers=each)), [Candidate(one, 2, [Rule.AGE])])
        for each in ([], ["p1"])
    )
    (clear,) = rank(accepted(), [Candidate(one, 2, [])])
    assert plain.assessed_first
    assert rescore(plain, preferred=True) == liked
    assert rescore(liked, preferred=False) == plain
    assert rescore(plain, unknown=[]) == clear
    assert clear.rank_key < plain.rank_key


def test_a_service_that_lists_its_documents_does_not_fare_worse() -> None:
    stating = DirectoryEntry("p1/beds", "p1", service(documents=[Document.IDENTITY]), "p1/beds@0")
    silent = DirectoryEntry("p2/beds", "p2", service(), "p2/beds@0")
    first, second = ranked(accepted(), (stating, 1), (silent, 1))
    assert (first.entry, first.unknown) == (stating, [Rule.DOCUMENTS])
    assert second.entry is silent
