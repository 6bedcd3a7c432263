"""Places are slots; a need's own claim that was never stored is its own to take again."""

from services.matching.capacity.places import Places, document, match_id, row_id, service_of
from services.matching.directory.directory import DirectoryEntry
from tests.support.builders import service

BEDS = DirectoryEntry("p1/beds", "p1", service(capacity=2), "1")
M1, M2 = match_id("n1", 1), match_id("n1", 2)


def places(**rows: tuple[str, str]) -> Places:
    """``s0=("n1", match)``: need n1 holds slot 0."""
    return Places(
        {row_id(BEDS.id, int(slot[1:])): document(need, match, BEDS.id, "r") for slot, (need, match) in rows.items()}
    )


def test_a_match_has_the_same_id_however_often_it_is_decided() -> None:
    assert match_id("n1", 1) == M1 != M2


def test_a_row_names_its_service_whatever_its_id_looks_like() -> None:
    assert service_of(row_id("p1/a.b-c", 12)) == "p1/a.b-c"


def test_what_is_taken_is_not_free_and_not_picked() -> None:
    assert places().free(BEDS, "n1", M1) == 2
    taken = places(s0=("n2", "m"))
    assert (taken.free(BEDS, "n1", M1), taken.pick(BEDS, "n1", M1)) == (1, [1])
    assert places(s0=("n2", "m"), s1=("n3", "m")).free(BEDS, "n1", M1) == 0


def test_a_place_claimed_for_this_very_match_is_picked_again() -> None:
    found = places(s0=("n2", "m"), s1=("n1", M1))
    assert (found.free(BEDS, "n1", M1), found.pick(BEDS, "n1", M1)) == (1, [1])


def test_a_place_held_for_another_match_of_the_need_goes_first() -> None:
    assert places(s1=("n1", M1)).free(BEDS, "n1", M2) == 0


def test_slots_above_a_lowered_capacity_count_until_they_are_returned() -> None:
    assert places(s5=("n2", "m"), s6=("n3", "m")).free(BEDS, "n1", M1) == 0
    found = places(s5=("n1", M1))
    assert found.free(BEDS, "n1", M1) == 2
    assert found.pick(BEDS, "n1", M1)[0] < 2


def test_a_place_given_back_is_not_held_and_yet_not_free_within_the_batch() -> None:
    found = places(s0=("n1", M1))
    found.release(row_id(BEDS.id, 0))
    assert found.held("n1") == {}
    assert found.free(BEDS, "n2", match_id("n2", 1)) == 1


def test_a_service_of_no_places_has_none() -> None:
    assert places().free(DirectoryEntry("p1/beds", "p1", service(capacity=0), "1"), "n1", M1) == 0


LARGE = DirectoryEntry("p1/beds", "p1", service(capacity=4), "1")


def test_several_places_are_picked_at_once_the_own_ones_first() -> None:
    found = places(s0=("n2", "m"), s3=("n1", M1))
    assert found.free(LARGE, "n1", M1) == 3
    assert found.pick(LARGE, "n1", M1, 3)[0] == 3
    assert sorted(found.pick(LARGE, "n1", M1, 3)) == [1, 2, 3]


def test_matches_start_at_different_slots_and_go_round() -> None:
    picked = {tuple(places().pick(LARGE, "n", match_id("n", attempt), 2)) for attempt in range(40)}
    assert picked == {(0, 1), (1, 2), (2, 3), (3, 0)}
