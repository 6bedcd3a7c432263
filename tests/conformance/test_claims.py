"""The Claims port, over the memory twin and MongoDB."""

import asyncio

from services.chassis import bitmaps
from services.chassis.ports import Row

from .conftest import Ports


def place(slot: int, need: str) -> Row:
    return Row("places", f"beds:{slot}", {"need": need, "match": f"m-{need}"})


async def test_a_taken_row_is_refused_while_others_are_taken(ports: Ports) -> None:
    assert await ports.claims.take([place(0, "a")]) == set()
    assert await ports.claims.take([place(0, "b"), place(1, "b")]) == {"beds:0"}
    assert await ports.claims.all("places") == {"beds:0": place(0, "a").doc, "beds:1": place(1, "b").doc}


async def test_a_row_with_the_same_content_counts_as_taken(ports: Ports) -> None:
    await ports.claims.take([place(0, "a")])
    assert await ports.claims.take([place(0, "a"), place(1, "a")]) == set()


async def test_only_one_of_several_concurrent_writers_takes_a_row(ports: Ports) -> None:
    refused = await asyncio.gather(*(ports.claims.take([place(0, need)]) for need in "abcdef"))
    assert sorted(map(len, refused)) == [0, 1, 1, 1, 1, 1]
    assert len(await ports.claims.all("places")) == 1


async def test_within_one_call_the_first_row_is_taken(ports: Ports) -> None:
    assert await ports.claims.take([place(0, "a"), place(0, "b")]) == {"beds:0"}
    assert (await ports.claims.all("places"))["beds:0"] == place(0, "a").doc


async def test_tables_are_independent(ports: Ports) -> None:
    await ports.claims.take([Row("places", "x", {"a": 1})])
    assert await ports.claims.take([Row("keys", "x", {"a": 2})]) == set()


async def test_a_row_is_put_whether_it_exists_or_not(ports: Ports) -> None:
    await ports.claims.put([Row("waiting", "n", {"since": 1, "more": True})])
    await ports.claims.put([Row("waiting", "n", {"since": 2}), Row("waiting", "o", {})])
    assert await ports.claims.all("waiting") == {"n": {"since": 2}, "o": {}}


async def test_a_row_with_a_version_replaces_only_lower_versions(ports: Ports) -> None:
    await ports.claims.put([Row("needs", "n", {"at": 0})])
    await ports.claims.put([Row("needs", "n", {"at": 2}, 2), Row("needs", "o", {"at": 1}, 1)])
    await ports.claims.put([Row("needs", "n", {"at": 1}, 1), Row("needs", "o", {"at": 2}, 2), Row("needs", "p", {})])
    await ports.claims.put([Row("needs", "n", {"at": "again"}, 2)])
    await ports.claims.put([Row("needs", "o", {"at": 4}, 4), Row("needs", "o", {"at": 3}, 3)])
    assert await ports.claims.all("needs") == {
        "n": {"at": 2, "version": 2},
        "o": {"at": 4, "version": 4},
        "p": {},
    }


async def test_of_concurrent_writers_of_a_new_row_the_highest_version_stays(ports: Ports) -> None:
    for row in map(str, range(50)):
        await asyncio.gather(*(ports.claims.put([Row("needs", row, {}, version)]) for version in (1, 2, 3, 4)))
    assert {doc["version"] for doc in (await ports.claims.all("needs")).values()} == {4}


async def test_a_row_is_dropped_only_if_its_fields_are_as_expected(ports: Ports) -> None:
    await ports.claims.take([place(0, "a"), place(1, "a"), place(2, "a")])
    await ports.claims.drop(
        [
            Row("places", "beds:0", {"match": "m-a"}),
            Row("places", "beds:1", {"match": "m-b"}),
            Row("places", "beds:2"),
            Row("places", "beds:3"),
        ]
    )
    assert (await ports.claims.all("places")).keys() == {"beds:1"}


async def test_rows_are_found_by_id_or_field(ports: Ports) -> None:
    await ports.claims.take([place(0, "a"), place(1, "b"), place(2, "a")])
    assert (await ports.claims.find("places", "_id", ["beds:1", "beds:9"])) == {"beds:1": place(1, "b").doc}
    assert (await ports.claims.find("places", "need", ["a", "c"])).keys() == {"beds:0", "beds:2"}
    assert await ports.claims.find("places", "need", []) == {}
    assert await ports.claims.find("nowhere", "need", ["a"]) == {}


async def test_empty_arguments_do_nothing(ports: Ports) -> None:
    assert await ports.claims.take([]) == set()
    await ports.claims.put([])
    await ports.claims.drop([])
    assert await ports.claims.all("nowhere") == {}


async def test_rows_are_read_page_by_page_in_the_order_of_their_ids(ports: Ports) -> None:
    await ports.claims.take([place(slot, "a") for slot in (0, 1, 2, 10)])
    assert list(await ports.claims.page("places", "", 3)) == ["beds:0", "beds:1", "beds:10"]
    assert await ports.claims.page("places", "beds:10", 3) == {"beds:2": place(2, "a").doc}
    assert await ports.claims.page("places", "", 0) == {}
    assert await ports.claims.page("nowhere", "", 3) == {}


async def test_numbers_are_added_to_bitmaps_and_removed(ports: Ports) -> None:
    await ports.claims.take([Row("taken", "a", {"words": {}}), Row("taken", "b", {"words": bitmaps.masks([5])})])
    await ports.claims.mark("taken", {"a": [0, 63, 64, 99_999], "b": [5, 6], "absent": [1]}, present=True)
    await ports.claims.mark("taken", {"a": [63, 70_000], "b": [6], "absent": [1]}, present=False)
    rows = await ports.claims.all("taken")
    numbers = {id_: bitmaps.lowest(bitmaps.bits(doc["words"]), 9) for id_, doc in rows.items()}
    assert numbers == {"a": [0, 64, 99_999], "b": [5]}
    await ports.claims.mark("taken", {}, present=True)


async def test_concurrent_writers_of_one_bitmap_lose_nothing(ports: Ports) -> None:
    await ports.claims.take([Row("taken", "a", {"words": {}})])
    await asyncio.gather(*(ports.claims.mark("taken", {"a": [number]}, present=True) for number in range(130)))
    await asyncio.gather(*(ports.claims.mark("taken", {"a": [number]}, present=False) for number in range(0, 130, 2)))
    rows = await ports.claims.all("taken")
    assert bitmaps.lowest(bitmaps.bits(rows["a"]["words"]), 200) == list(range(1, 130, 2))
