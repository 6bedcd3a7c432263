"""The Store port, over the memory twin and MongoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.chassis.ports import Timer

from .conftest import Ports

NOW = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def document(stream: str, n: int, *causes: str) -> dict[str, Any]:
    entries = [
        {"cause": cause, "from": ["t", 0, 1], "trace": None, "facts": [{"text": '{"a":1.0}'}]} for cause in causes
    ]
    return {"_id": f"{stream}:{n}", "stream": stream, "n": n, "entries": entries}


async def test_appended_documents_are_loaded_by_stream_in_order(ports: Ports) -> None:
    assert await ports.store.append([document("a", 0, "1", "2"), document("b", 0, "3")]) == set()
    for n in (2, 11, 1):
        await ports.store.append([document("a", n, f"x{n}")])
    documents = await ports.store.load(["a", "b", "nobody"])
    assert documents.keys() == {"a", "b"}
    assert [each["n"] for each in documents["a"]] == [0, 1, 2, 11], "by number, not by text"
    assert documents["b"] == [document("b", 0, "3")]


async def test_the_second_writer_of_an_n_is_refused_and_other_documents_are_inserted(ports: Ports) -> None:
    await ports.store.append([document("b", 0, "first")])
    refused = await ports.store.append([document("a", 0, "1"), document("b", 0, "second"), document("c", 0, "1")])
    assert refused == {"b:0"}
    documents = await ports.store.load(["a", "b", "c"])
    assert documents.keys() == {"a", "b", "c"}
    assert documents["b"] == [document("b", 0, "first")]


async def test_events_in_one_document_are_refused_together(ports: Ports) -> None:
    """As separate documents, the second would be inserted, though decided on a state that never existed."""
    await ports.store.append([document("s", 0, "x")])
    assert await ports.store.append([document("s", 0, "c1", "c2")]) == {"s:0"}
    assert await ports.store.append([document("s", 1, "c1", "c2")]) == set()
    entries = [entry["cause"] for each in (await ports.store.load(["s"]))["s"] for entry in each["entries"]]
    assert entries == ["x", "c1", "c2"]


async def test_a_repeated_append_refuses_the_documents_that_exist(ports: Ports) -> None:
    await ports.store.append([document("a", 0, "1")])
    assert await ports.store.append([document("a", 0, "1"), document("b", 0, "1")]) == {"a:0"}


async def test_the_streams_of_one_key_are_found_whole(ports: Ports) -> None:
    keyed, other = document("a", 0, "1"), document("b", 0, "1")
    keyed["entries"][0]["key"], other["entries"][0]["key"] = "r1", "r2"
    await ports.store.append([keyed, document("a", 1, "2"), other])
    documents = await ports.store.load_key("r1")
    assert {stream: [each["n"] for each in each_documents] for stream, each_documents in documents.items()} == {
        "a": [0, 1]
    }
    assert await ports.store.load_key("nobody") == {}


async def test_empty_arguments_do_nothing(ports: Ports) -> None:
    assert await ports.store.append([]) == set()
    assert await ports.store.load([]) == {}
    await ports.store.set_timers([])
    await ports.store.drop_timers([])


async def test_changing_a_loaded_document_does_not_change_the_journal(ports: Ports) -> None:
    await ports.store.append([document("a", 0, "1")])
    (await ports.store.load(["a"]))["a"][0]["entries"].clear()
    assert (await ports.store.load(["a"]))["a"][0]["entries"]


def timer(id_: str, minutes: float, name: str = "ring") -> Timer:
    return Timer(id_, "stream", "key", name, NOW + timedelta(minutes=minutes))


async def test_due_timers_are_returned_oldest_first_as_they_were_set(ports: Ports) -> None:
    timers = [timer("late", 10), timer("third", 3), timer("first", 1), timer("second", 2)]
    await ports.store.set_timers(timers)
    assert await ports.store.due(NOW, 10) == []
    assert await ports.store.due(NOW + timedelta(minutes=1, milliseconds=-1), 10) == []
    due = await ports.store.due(NOW + timedelta(minutes=3, milliseconds=2), 10)
    assert due == [timer("first", 1), timer("second", 2), timer("third", 3)], "to the microsecond"
    assert await ports.store.due(NOW + timedelta(minutes=5), 2) == [timer("first", 1), timer("second", 2)]


async def test_a_timer_that_exists_is_not_set_again(ports: Ports) -> None:
    await ports.store.set_timers([timer("a", 1)])
    await ports.store.set_timers([timer("a", 5), timer("b", 1)])
    assert sorted(each.id for each in await ports.store.due(NOW + timedelta(minutes=2), 10)) == ["a", "b"]


async def test_dropped_timers_are_deleted_and_unknown_ones_ignored(ports: Ports) -> None:
    await ports.store.set_timers([timer("a", 1), timer("b", 1)])
    await ports.store.drop_timers(["a", "nobody"])
    assert [each.id for each in await ports.store.due(NOW + timedelta(minutes=2), 10)] == ["b"]
    await ports.store.drop_timers(["a"])
