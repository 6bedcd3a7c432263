"""Orphaned places: claimed before a crash, or lost to another matcher."""

from contracts.matching import PlaceDoubtful, WaitingRecalled
from services.matching.capacity.places import document, match_id
from services.matching.domain.state import MatchedNeed, WaitingNeed, rows_of
from tests.support.builders import service
from tests.support.matching_world import MatchingWorld
from tests.unit.matching.asking import holds, kinds, need, world


def orphan(made: MatchingWorld, row: str, number: int = 1, attempt: int = 1) -> None:
    """A matcher claimed the place and died before it stored the match."""
    name = f"n{number}"
    made.rows[row] = document(name, match_id(name, attempt), row.partition(":")[0], f"r{number}")


def test_a_need_takes_a_place_that_was_claimed_for_it_before_a_crash() -> None:
    made = world(1)
    orphan(made, "p1/beds:0")
    made.handle(need())
    assert isinstance(made.state("n1"), MatchedNeed)
    assert holds(made) == {"p1/beds:0": "n1"}


def test_a_place_claimed_before_a_crash_is_released_if_the_choice_has_changed() -> None:
    made = world(1, 1)
    orphan(made, "p2/beds:0")
    made.handle(need())
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made) == ["NeedKept", "Matched", "PlaceDisowned"]


def test_a_doubtful_place_is_kept_by_its_match_and_released_by_any_other_need() -> None:
    made = world(1, 1)
    made.handle(need())
    orphan(made, "p2/beds:0", number=9)
    made.run_sweep()
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made, 9) == ["PlaceDisowned"]
    assert kinds(made) == ["NeedKept", "Matched"]


def test_a_place_released_in_a_batch_is_not_claimed_in_it_again() -> None:
    made = world(0)
    made.handle(need())
    made.publish(service(capacity=2))
    orphan(made, "p1/beds:1")
    doubted = PlaceDoubtful(referral_id="r1", need_id="n1", row="p1/beds:1", match_id=match_id("n1", 1))
    made.handle(doubted, WaitingRecalled(referral_id="r1", need_id="n1"))
    assert isinstance(made.state("n1"), WaitingNeed)
    assert holds(made) == {}
    made.run_sweep()
    assert isinstance(made.state("n1"), MatchedNeed)
    assert holds(made) == dict.fromkeys(rows_of(made.matches("n1")[0]), "n1")


def test_a_doubt_about_a_deleted_row_changes_nothing() -> None:
    made = world()
    made.handle(PlaceDoubtful(referral_id="r1", need_id="n1", row="p1/beds:0", match_id="m"))
    assert made.facts("n1") == []


def test_a_place_lost_to_another_matcher_is_decided_again_without_it() -> None:
    made = world(1, 1)
    taken = document("n9", "m9", "p1/beds", "r9")

    def rival(step: str) -> None:
        if step == "loaded":
            made.rows.setdefault("p1/beds:0", taken)

    made.loop._fault = rival
    made.handle(need())
    assert holds(made) == {"p1/beds:0": "n9", "p2/beds:0": "n1"}
    assert kinds(made) == ["NeedKept", "Matched"]
