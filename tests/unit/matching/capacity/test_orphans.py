"""Places that were claimed and are nobody's to answer for: after a crash, or lost to another matcher."""

from contracts.matching import PlaceDoubtful, WaitingRecalled
from services.matching.capacity.places import document, match_id
from services.matching.domain.state import Phase, rows_of
from tests.support.builders import service
from tests.support.matching_world import MatchingWorld
from tests.unit.matching.asking import holds, kinds, need, world


def orphan(made: MatchingWorld, row: str, number: int = 1, attempt: int = 1) -> None:
    """A matcher has claimed the place and died before it stored the match."""
    name = f"n{number}"
    made.rows[row] = document(name, match_id(name, attempt), row.partition(":")[0], f"r{number}")


def test_a_place_claimed_before_a_crash_is_the_needs_own_to_take() -> None:
    made = world(1)
    orphan(made, "p1/beds:0")
    made.handle(need())
    assert made.state("n1").phase is Phase.MATCHED
    assert holds(made) == {"p1/beds:0": "n1"}


def test_a_place_claimed_before_a_crash_is_given_back_when_the_choice_is_another_now() -> None:
    made = world(1, 1)
    orphan(made, "p2/beds:0")
    made.handle(need())
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made) == ["NeedKept", "Matched", "PlaceDisowned"]


def test_a_doubtful_place_is_kept_by_its_match_and_disowned_by_anybody_else() -> None:
    made = world(1, 1)
    made.handle(need())
    orphan(made, "p2/beds:0", number=9)
    made.look()
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made, 9) == ["PlaceDisowned"]
    assert kinds(made) == ["NeedKept", "Matched"]


def test_a_place_disowned_in_a_batch_is_not_claimed_in_it_again_as_it_is_deleted_at_its_end() -> None:
    made = world(0)
    made.handle(need())
    made.publish(service(capacity=2))
    orphan(made, "p1/beds:1")
    doubted = PlaceDoubtful(referral_id="r1", need_id="n1", row="p1/beds:1", match_id=match_id("n1", 1))
    made.handle(doubted, WaitingRecalled(referral_id="r1", need_id="n1"))
    assert made.state("n1").phase is Phase.WAITING
    assert holds(made) == {}
    made.look()
    assert made.state("n1").phase is Phase.MATCHED
    assert holds(made) == dict.fromkeys(rows_of(made.state("n1").matches[0]), "n1")


def test_a_doubt_about_a_row_that_is_gone_is_of_no_consequence() -> None:
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
