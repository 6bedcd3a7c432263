"""Places are slots; a need may claim again a place whose claim was never stored."""

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


def test_a_row_names_its_service_for_any_id() -> None:
    assert service_of(row_id("p1/a.b-c", 12)) == "p1/a.b-c"


def test_a_taken_place_is_not_free_and_not_picked() -> None:
    assert places().free(BEDS, "n1", M1) == 2
    taken = places(s0=("n2", "m"))
    assert (taken.free(BEDS, "n1", M1), taken.pick(BEDS, "n1", M1)) == (1, [1])
    assert places(s0=("n2", "m"), s1=("n3", "m")).free(BEDS, "n1", M1) == 0


def test_a_place_claimed_for_this_very_match_is_picked_again() -> None:
    taken_places = places(s0=("n2", "m"), s1=("n1", M1))
    assert (taken_places.free(BEDS, "n1", M1), taken_places.pick(BEDS, "n1", M1)) == (1, [1])


def test_a_place_held_for_another_match_of_the_need_must_go_first() -> None:
    assert places(s1=("n1", M1)).free(BEDS, "n1", M2) == 0


def test_slots_above_a_lowered_capacity_count_until_they_are_released() -> None:
    assert places(s5=("n2", "m"), s6=("n3", "m")).free(BEDS, "n1", M1) == 0
    taken_places = places(s5=("n1", M1))
    assert taken_places.free(BEDS, "n1", M1) == 2
    assert taken_places.pick(BEDS, "n1", M1)[0] < 2


def test_a_released_place_is_not_held_and_yet_not_free_within_the_batch() -> None:
    taken_places = places(s0=("n1", M1))
    taken_places.release(row_id(BEDS.id, 0))
    assert taken_places.held("n1") == {}
    assert taken_places.free(BEDS, "n2", match_id("n2", 1)) == 1


def test_a_service_without_places_has_none_free() -> None:
    assert places().free(DirectoryEntry("p1/beds", "p1", service(capacity=0), "1"), "n1", M1) == 0


LARGE = DirectoryEntry("p1/beds", "p1", service(capacity=4), "1")


def test_several_places_are_picked_at_once_starting_with_the_needs_own() -> None:
    taken_places = places(s0=("n2", "m"), s3=("n1", M1))
    assert taken_places.free(LARGE, "n1", M1) == 3
    assert taken_places.pick(LARGE, "n1", M1, 3)[0] == 3
    assert sorted(taken_places.pick(LARGE, "n1", M1, 3)) == [1, 2, 3]


def test_matches_start_at_different_slots_and_wrap_around() -> None:
    picked = {tuple(places().pick(LARGE, "n", match_id("n", attempt), 2)) for attempt in range(40)}
    assert picked == {(0, 1), (1, 2), (2, 3), (3, 0)}
