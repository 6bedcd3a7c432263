"""A large service's places are read as one bitmap, and whatever it has wrong is found."""

import pytest

from services.chassis import bitmaps
from services.chassis.ports import Row
from services.matching.capacity.places import TABLE as PLACES
from services.matching.capacity.places import document, row_id
from services.matching.directory.directory import Directory, DirectoryEntry
from services.matching.domain.state import MatchedNeed, WaitingNeed
from services.matching.place_table import TABLE, MarkedClaims, PlaceTable
from tests.support.builders import accepted, service
from tests.support.matching_world import MatchingWorld
from tests.support.memory_twins import MemoryClaims

ID = "p1/beds"


def place(slot: int, need: str = "n9") -> Row:
    return Row(PLACES, row_id(ID, slot), document(need, f"m-{need}", ID, "r"))


def directory(capacity: int = 1_000) -> Directory:
    made = Directory()
    made.put("p1", "beds", 1, service(capacity=capacity))
    return made


def entry(capacity: int = 1_000) -> DirectoryEntry:
    made = directory(capacity).get(ID)
    assert made is not None
    return made


async def taken(claims: MemoryClaims, capacity: int = 1_000) -> int:
    return (await PlaceTable(claims, large=10).load([entry(capacity)])).taken(ID)


def bits(claims: MemoryClaims) -> list[int]:
    return bitmaps.lowest(bitmaps.bits(claims.tables[TABLE][ID]["words"]), 5_000)


@pytest.mark.parametrize("capacity", [9, 10, 100_000])
async def test_the_bitmap_and_the_rows_say_the_same(capacity: int) -> None:
    twin = MemoryClaims()
    claims = MarkedClaims(twin, directory(capacity), large=10)
    assert await taken(twin, capacity) == 0
    await claims.take([place(slot) for slot in (0, 1, 5, 8)])
    await claims.drop([place(1)])
    assert await taken(twin, capacity) == 3
    assert (TABLE in twin.tables and ID in twin.tables[TABLE]) == (capacity >= 10)


async def test_a_claim_at_a_small_service_costs_no_second_write() -> None:
    twin = MemoryClaims()
    claims = MarkedClaims(twin, directory(9), large=10)
    twin.fail("mark", "before", "before")
    await claims.take([place(3)])
    await claims.drop([place(3)])


async def test_a_bitmap_is_made_from_the_rows_there_are() -> None:
    claims = MemoryClaims()
    await claims.take([place(slot) for slot in (3, 64, 999)])
    assert await taken(claims) == 3
    assert bits(claims) == [3, 64, 999]


async def test_a_needs_own_rows_count_even_where_their_bits_are_missing() -> None:
    claims = MemoryClaims()
    assert await taken(claims) == 0
    await claims.take([place(7, "n1")])  # the process died before it was marked
    places = await PlaceTable(claims, large=10).load([entry()], ["n1"])
    assert (places.taken(ID), places.free(entry(), "n1", "m-n1"), list(places.held("n1"))) == (1, 1_000, [f"{ID}:7"])


def test_a_missing_bit_costs_one_lost_claim() -> None:
    made = MatchingWorld(large=1)
    made.publish(service(capacity=1), "p1")
    made.handle(accepted(need_id="n0", referral_id="r0"))
    made.claims.tables[TABLE][ID]["words"] = {}
    made.handle(accepted(need_id="n1", referral_id="r1"))
    assert isinstance(made.state("n1"), WaitingNeed)
    assert bits(made.claims) == [0]
    assert made.run_sweep() == 0


async def test_bits_that_are_left_over_are_removed_in_turns() -> None:
    twin = MemoryClaims()
    made = directory(5_000)
    claims, table = MarkedClaims(twin, made, large=10), PlaceTable(twin, large=10)
    await table.load(made.entries())
    await claims.take([place(slot) for slot in range(0, 1_300, 2)])
    await twin.mark(TABLE, {ID: range(1_300)}, present=True)
    for _ in range(4):
        await table.repair(made)
    assert bits(twin) == list(range(0, 1_300, 2))


def test_a_left_over_bit_keeps_nobody_waiting_for_ever() -> None:
    made = MatchingWorld(large=1)
    made.publish(service(capacity=1), "p1")
    made.claims.tables[TABLE][ID] = {"words": bitmaps.masks([0])}
    made.handle(accepted(need_id="n1", referral_id="r1"))
    assert isinstance(made.state("n1"), WaitingNeed)
    made.run_sweep()
    assert isinstance(made.state("n1"), MatchedNeed)


@pytest.mark.parametrize("capacity", [1_000, 100_000])
async def test_no_decision_or_sweep_reads_all_rows_of_a_large_service(capacity: int) -> None:
    made = MatchingWorld()
    made.publish(service(capacity=capacity), "p1")
    made.claims.tables[PLACES] |= {row_id(ID, slot): document(f"x{slot}", "m", ID, "r") for slot in range(capacity - 1)}
    await PlaceTable(made.claims).load(made.directory.entries())
    read, find = [0], made.claims.find

    async def counted(table, field, values):  # type: ignore[no-untyped-def]
        rows = await find(table, field, values)
        read[0] += len(rows)
        return rows

    made.claims.find = counted  # type: ignore[method-assign]
    made.handle(accepted(need_id="n1", referral_id="r1"))
    assert isinstance(made.state("n1"), MatchedNeed)
    assert read[0] < 10
    await made.sweep.suspicions(made.clock.now())
    assert read[0] < 700
