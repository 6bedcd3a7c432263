"""The six steps, rule by rule, on the memory twins."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts import topics
from contracts.base import Message as Body
from contracts.operations import TimerElapsed
from services.chassis import loop as loop_module
from services.chassis.errors import Fatal
from services.chassis.loop import Loop
from tests.kit import counter
from tests.kit.counter import FIRST, OTHER, Add, Ask, Seats, Sit, Stand, Told, Wind
from tests.kit.memory import MemoryConsumer, drain
from tests.kit.rig import Rig, once, opened


@pytest.fixture
def rig() -> Rig:
    return Rig()


class Rival:
    """Outside that lets another instance handle its batch between our load and our decision, once."""

    def __init__(self, rival: Loop[Any], consumer: MemoryConsumer, then: Any) -> None:
        self._rival, self._consumer, self._then = rival, consumer, then
        self._done = False

    async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> Any:
        if not self._done:
            self._done = True
            await drain(self._rival, self._consumer)
        return await self._then.gather(pairs)


# What comes in goes out ---------------------------------------------------------------------------------------------


async def test_events_are_decided_in_order_and_their_facts_published_and_committed(rig: Rig) -> None:
    for _ in range(3):
        rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2, 3]
    assert rig.group.lag == 0
    assert len(rig.store.journal) == 1, "one document per stream and batch"


async def test_the_line_of_a_batch_says_what_is_still_to_be_read(rig: Rig) -> None:
    for _ in range(3):
        rig.send(Add(counter="a"))
    batch = rig.group.join().fetch(max_records=2)
    assert batch is not None
    with capture_logs() as lines:
        await rig.loop().handle(batch)
    [line] = [line for line in lines if line["event"] == "batch"]
    assert (line["batch_size"], line["lag"]) == (2, 1)


async def test_what_is_too_much_for_one_document_goes_into_several(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "_DOCUMENT", 100)  # a fact has some forty characters
    for _ in range(9):
        rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(), rig.group.join())
    assert once_totals(rig) == ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1])
    sizes = [len(document["entries"]) for document in rig.store.journal.values() if document["stream"] == "a"]
    assert len(sizes) > 1
    assert max(sizes) <= 4
    assert sum(sizes) == 9
    assert rig.group.lag == 0


def once_totals(rig: Rig) -> tuple[list[int], list[int]]:
    return rig.totals("a"), rig.totals("b")


async def test_an_event_says_what_it_follows_from_and_whom_it_is_about(rig: Rig) -> None:
    rig.send(Add(counter="a"), id_="sender/7", key="the-referral")
    await drain(rig.loop(), rig.group.join())
    [out] = rig.seen()
    assert (out.event.causationid, out.event.correlationid, out.event.subject) == ("sender/7", "the-referral", "a")
    assert out.record.key == b"the-referral"
    assert out.event.source == "/referral-routing/counter"


async def test_facts_leave_in_the_order_of_arrival(rig: Rig) -> None:
    rig.log.topics[counter.COUNTED] = [[]]  # one partition shows the order across streams
    rig.log.topics[counter.INBOX] = [[]]
    for name in ("b", "a", "c", "a", "b"):
        rig.send(Add(counter=name))
    await drain(rig.loop(), rig.group.join())
    assert [each.body["counter"] for each in rig.seen()] == ["b", "a", "c", "a", "b"]


async def test_types_that_are_not_handled_are_skipped_and_counted(rig: Rig) -> None:
    rig.send(Told(counter="a", total=1))
    rig.send(Add(counter="a"))
    loop = rig.loop()
    await drain(loop, rig.group.join())
    assert (rig.totals("a"), rig.dead()) == ([1], [])
    assert loop._meter.registry.get_sample_value("referrals_skipped_total", {"service": "counter"}) == 1


# The crash table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["decoded", "loaded", "decided", "stored", "published", "committed"])
async def test_wherever_it_dies_each_event_takes_effect_once(rig: Rig, step: str) -> None:
    for name in ("a", "b", "a"):
        rig.send(Add(counter=name, by=2))
    rig.send(Wind(counter="a", minutes=5))
    rig.send(Sit(counter="b"))
    await rig.die(rig.group.join(), step)
    before = {each.id for each in rig.seen()}

    await drain(rig.loop(), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([2, 4], [2])
    assert before <= {each.id for each in rig.seen()}
    assert len(once(rig.seen())) == 4, "a repetition carries the same ids"
    assert [entry["cause"] for entry in rig.store.entries("a")] == [f"{counter.INBOX}/e{n}" for n in (1, 3, 4)]
    assert len(rig.store.timers) == 1
    assert rig.claims.tables["seats"] == {"s1": {"counter": "b"}}
    assert rig.claims.tables["board"] == {"a": {"total": 4}, "b": {"total": 2}}
    assert rig.group.lag == 0


@pytest.mark.parametrize("when", ["before", "midway", "after"])
@pytest.mark.parametrize(
    ("twin", "call"), [("store", "append"), ("store", "load"), ("store", "set_timers"), ("log", "publish"),
                       ("claims", "take"), ("claims", "put"), ("claims", "drop")],
)  # fmt: skip
async def test_a_failure_in_doubt_brings_the_batch_again_with_the_same_ids(
    rig: Rig, twin: str, call: str, when: str
) -> None:
    consumer = rig.group.join()
    rig.send(Sit(counter="b"))
    await drain(rig.loop(), consumer)
    for name in ("a", "b", "a"):
        rig.send(Add(counter=name))
    rig.send(Stand(counter="b"))
    rig.send(Sit(counter="c"))
    rig.send(Wind(counter="a", minutes=1))
    getattr(rig, twin).fail(call, when)

    batch = consumer.fetch()
    assert batch is not None
    loop = rig.loop()
    await loop.handle(batch)
    assert batch.settled == "nack"
    before = {each.id for each in rig.seen()}
    await drain(loop, consumer)
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2], [1])
    assert before <= {each.id for each in rig.seen()}
    assert len(once(rig.seen())) == 5
    assert sorted(row["counter"] for row in rig.claims.tables["seats"].values()) == ["c"]
    assert len(rig.store.timers) == 1
    assert rig.group.lag == 0


async def test_a_commit_in_doubt_brings_the_batch_again(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    consumer, loop = rig.group.join(), rig.loop()
    batch = consumer.fetch()
    assert batch is not None
    batch.fail("commit", "before")
    await loop.handle(batch)
    await drain(loop, consumer)
    assert rig.totals("a") == [1]
    assert rig.group.lag == 0


async def test_rows_and_timers_are_there_before_the_event_that_tells_of_them(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Wind(counter="a", minutes=1))
    rig.log.fail("publish", "before")
    consumer = rig.group.join()
    batch = consumer.fetch()
    assert batch is not None
    await rig.loop().handle(batch)
    assert rig.seen() == []
    assert rig.claims.tables["board"] == {"a": {"total": 1}}
    assert len(rig.store.timers) == 1


# Two writers --------------------------------------------------------------------------------------------------------


async def test_two_events_of_a_stream_in_one_batch_lose_together_against_another_writer(rig: Rig) -> None:
    """loop.md 4a: a document per event would let the second one in, decided on a state that never was."""
    zombie = rig.group.join()
    rig.send(Add(counter="a", by=1), id_="c1")
    rig.send(Add(counter="a", by=10), id_="c2")
    batch = zombie.fetch()
    assert batch is not None
    rig.group.leave(zombie)
    rig.send(Add(counter="a", by=100), id_="x", topic=OTHER)
    other = rig.group.join()
    other.positions = {at: place for at, place in other.positions.items() if at[0] == OTHER}
    await rig.loop(outside=Rival(rig.loop(), other, Seats(rig.claims))).handle(batch)

    entries = rig.store.entries("a")
    assert [entry["cause"].split("/")[1] for entry in entries] == ["x", "c1", "c2"]
    assert rig.totals("a") == [100, 101, 111]


async def test_a_stale_cache_is_caught_by_the_journal(rig: Rig) -> None:
    mine, loop = rig.group.join(), rig.loop()
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    rig.send(Add(counter="a", by=5))
    batch = mine.fetch()
    assert batch is not None
    rig.group.leave(mine)  # frozen past its session; its cache and its batch survive
    await drain(rig.loop(), rig.group.join())
    rig.send(Add(counter="a", by=7))
    await loop.handle(batch)
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 6, 13]


async def test_an_answer_on_a_stale_state_is_made_again_on_a_fresh_one(rig: Rig) -> None:
    mine, loop = rig.group.join(), rig.loop()
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    await drain(rig.loop(), _only(rig, Add(counter="a", by=5)))
    rig.send(Ask(counter="a"))
    await drain(loop, mine)
    assert rig.totals("a", counter.ANSWERS) == [6]


async def test_a_fault_on_a_stale_state_is_decided_again_on_a_fresh_one(rig: Rig) -> None:
    class Fussy(counter.CounterPolicy):
        def decide(self, state: counter.Counter, *rest: Any) -> Any:
            if state.total == 1:
                raise RuntimeError
            return super().decide(state, *rest)

    mine, loop = rig.group.join(), rig.loop(policy=Fussy())
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    await drain(rig.loop(), _only(rig, Add(counter="a", by=5)))
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    assert (rig.totals("a"), rig.dead()) == ([1, 6, 7], [])


async def test_a_fault_that_came_of_a_lost_race_is_no_dead_letter(rig: Rig) -> None:
    class Fussy(counter.CounterPolicy):
        def decide(self, state: counter.Counter, *rest: Any) -> Any:
            if state.total == 1:
                raise RuntimeError
            return super().decide(state, *rest)

    other = _only(rig, Add(counter="a", by=100))
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a"))
    rival = Rival(rig.loop(), other, Seats(rig.claims))
    await drain(rig.loop(policy=Fussy(), outside=rival), rig.group.members[0])
    assert (rig.totals("a"), rig.dead()) == ([100, 101, 102], [])


async def test_a_new_assignment_amid_a_batch_does_not_disturb_it(rig: Rig) -> None:
    """aiokafka may call back while a batch of buffered records is in flight."""
    rig.send(Add(counter="a"))
    loop = rig.loop()
    loop._fault = lambda step: loop.forget()
    await drain(loop, rig.group.join())
    assert rig.totals("a") == [1]


async def test_an_instance_that_is_assigned_anew_reads_the_journal_again(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    loads = rig.store.loads
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    assert rig.store.loads == loads, "cached"
    loop.forget()
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    assert rig.store.loads == loads + 1


def _only(rig: Rig, event: Body, topic: str = OTHER) -> MemoryConsumer:
    """A consumer, of a group of its own, with nothing to read but this event. It stands for another instance."""
    if not rig.group.members:
        rig.group.join()
    rig.send(event, topic=topic)
    consumer = type(rig.group)(rig.log, topic).join()
    for member in rig.group.members:  # it is the other's
        for at in list(member.positions):
            if at[0] == topic:
                del member.positions[at]
    return consumer


# Repetitions --------------------------------------------------------------------------------------------------------


async def test_a_cause_with_the_same_body_leads_to_the_same_facts_again(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a"), id_="x")  # once more, with others in the batch
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    assert [each.body["total"] for each in rig.seen()] == [1, 2, 1, 1]
    assert len(once(rig.seen())) == 2
    assert len(rig.store.entries("a")) == 2


async def test_a_cause_repeated_within_its_first_batch_is_decided_once(rig: Rig) -> None:
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a"), id_="x")
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1]
    assert len(rig.store.entries("a")) == 1


async def test_the_same_id_on_another_topic_is_another_cause(rig: Rig) -> None:
    """No sender can suppress another's event."""
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a"), id_="x", topic=OTHER)
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]


async def test_a_cause_with_another_body_is_refused_aloud_and_changes_nothing(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a", by=50), id_="x")
    await drain(loop, consumer)
    assert rig.totals("a") == [1]
    assert [each.body["wrong"] for each in rig.seen(counter.ANSWERS)] == ["id used twice"]
    assert len(rig.store.entries("a")) == 1


async def test_an_answer_leaves_no_trace_and_its_id_covers_what_it_says(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Ask(counter="a"), id_="x")
    rig.send(Ask(counter="a"), id_="x")
    await drain(loop, consumer)
    assert rig.store.journal == {}
    rig.send(Add(counter="a"))
    rig.send(Ask(counter="a"), id_="x")
    await drain(loop, consumer)
    assert [each.body["total"] for each in rig.seen(counter.ANSWERS)] == [0, 0, 1]
    assert rig.totals("a", counter.ANSWERS) == [0, 1]


async def test_a_stream_takes_so_many_changes_and_no_more(rig: Rig) -> None:
    for _ in range(4):
        rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(stream_limit=3), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2, 3], [1])
    assert [letter["reason"] for letter in rig.dead()] == ["too-many-changes"]


# What may never have been published goes first ------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [FIRST, OTHER])
async def test_facts_that_were_stored_but_never_published_go_first(rig: Rig, topic: str) -> None:
    """loop.md 4b: several inputs have no common order; after a crash, the other's event may come first."""
    rig.send(Add(counter="a", by=1), topic=topic)
    await rig.die(rig.group.join(), "stored")
    rig.send(Add(counter="a", by=10))
    consumer = rig.group.join()
    batch = consumer.fetch(order=[at for at in consumer.positions if at[0] == counter.INBOX])
    assert batch is not None
    loop = rig.loop()
    await loop.handle(batch)
    assert rig.totals("a") == [1, 11]
    await drain(loop, consumer)
    assert rig.totals("a") == [1, 11]


async def test_what_is_owed_goes_in_the_order_of_the_journal_not_of_the_topics_names(rig: Rig) -> None:
    first = rig.group.join()
    rig.send(Add(counter="a", by=1), topic=OTHER)
    rig.send(Add(counter="a", by=10), topic=FIRST)
    batch = first.fetch(order=sorted(first.positions, reverse=True))
    assert batch is not None
    assert [record.topic for record in batch.records] == [OTHER, FIRST]
    rig.log.fail("publish", "before")
    await rig.loop().handle(batch)
    assert len(rig.store.entries("a")) == 2
    await drain(rig.loop(), first)  # reads FIRST before OTHER
    assert rig.totals("a") == [1, 11]


@pytest.mark.parametrize("cached", [0, 10])
async def test_what_was_committed_is_not_published_again(rig: Rig, cached: int) -> None:
    loop, consumer = rig.loop(cached_streams=cached), rig.group.join()
    for _ in range(3):
        rig.send(Add(counter="a"))
        await drain(loop, consumer)
    await drain(rig.loop(), rig.group.join())
    assert [each.body["total"] for each in rig.seen()] == [1, 2, 3]


# Poison -------------------------------------------------------------------------------------------------------------


async def test_only_the_poison_is_set_aside(rig: Rig) -> None:
    good = rig.log.append
    rig.send(Add(counter="a"))
    good(counter.INBOX, b"a", b"{}", [("ce_id", b"\xff")])
    good(counter.INBOX, b"a", b"{}", [("ce_id", None)])
    good(counter.INBOX, b"a", None)
    good(counter.INBOX, b"a", b"\x00\x9f\x92\x96")
    kind = Add.ce_type().encode()
    whole = [("ce_id", b"i"), ("ce_source", b"s"), ("ce_type", kind), ("ce_specversion", b"1.0")]
    good(counter.INBOX, b"a", b"{broken", whole)
    good(counter.INBOX, b"a", b'{"by": 1}', whole)
    good(counter.INBOX, b"\xff", b'{"counter": "a"}', whole)
    rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2], [1])
    assert sorted((letter["stage"], letter["reason"], letter["field"]) for letter in rig.dead()) == sorted(
        [
            ("decode", "header-not-utf-8", "ce_id"),
            ("decode", "header-without-value", "ce_id"),
            ("decode", "no-body", "value"),
            ("decode", "attribute-missing", "ce_id"),
            ("decode", "body-not-valid", ""),
            ("decode", "body-not-valid", "counter"),
            ("decode", "key-not-utf-8", "key"),
        ]
    )
    assert rig.group.lag == 0


async def test_a_dead_letter_holds_the_record_whole_but_shows_none_of_it(rig: Rig) -> None:
    rig.log.append(counter.INBOX, b"maria", b"Maria Lopez", [("ce_id", b"\xffMaria")])
    await drain(rig.loop(), rig.group.join())
    [letter] = rig.log.read(topics.DEAD_LETTERS)
    assert b"aria" not in b"".join([letter.value or b"", letter.key or b"", *(v or b"" for _, v in letter.headers)])
    assert opened(letter) == {
        "key": "bWFyaWE=",
        "value": "TWFyaWEgTG9wZXo=",
        "headers": [["ce_id", "/01hcmlh"]],
    }
    assert rig.dead()[0] | {"offset": "", "partition": ""} == {
        "service": "counter",
        "topic": counter.INBOX,
        "partition": "",
        "offset": "",
        "stage": "decode",
        "reason": "header-not-utf-8",
        "field": "ce_id",
    }


async def test_an_event_that_the_policy_fails_on_is_set_aside_alone(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=13))
    rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]
    assert [(letter["stage"], letter["field"]) for letter in rig.dead()] == [("decide", "RuntimeError")]


async def test_an_event_whose_fact_can_not_be_folded_is_set_aside_before_it_is_stored(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=99))
    rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]
    assert [(letter["stage"], letter["field"]) for letter in rig.dead()] == [("decide", "TypeError")]


async def test_an_event_of_no_known_stream_is_set_aside_alone(rig: Rig) -> None:
    class Lost(counter.CounterPolicy):
        def stream(self, event: Body) -> str:
            stream = super().stream(event)
            if stream == "nowhere":
                raise LookupError
            return stream

    rig.send(Add(counter="nowhere"))
    rig.send(Add(counter="a"))
    await drain(rig.loop(policy=Lost()), rig.group.join())
    assert rig.totals("a") == [1]
    assert [(letter["stage"], letter["field"]) for letter in rig.dead()] == [("stream", "LookupError")]


@pytest.mark.parametrize("damage", ["text", "type", "entries", "total"])
async def test_a_stream_whose_journal_does_not_fold_is_quarantined_alone(rig: Rig, damage: str) -> None:
    consumer = rig.group.join()
    rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(), consumer)
    document = rig.store.journal["a:0"]
    fact = document["entries"][0]["facts"][0]
    if damage == "entries":
        del document["entries"]
    elif damage == "total":
        fact["text"] = fact["text"].replace('"by":1', '"by":99')
    else:
        fact[damage] = "{"
    rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    rig.send(Ask(counter="a"))
    await drain(rig.loop(), consumer)
    assert (rig.totals("a"), rig.totals("b")) == ([1], [1, 2])
    assert [(letter["stage"], letter["reason"]) for letter in rig.dead()] == [("fold", "stream-quarantined")] * 2
    assert rig.group.lag == 0


async def test_what_a_quarantined_stream_still_owes_is_published(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=5))
    await rig.die(rig.group.join(), "stored")
    fact = rig.store.journal["a:0"]["entries"][0]["facts"][0]
    fact["text"] = fact["text"].replace('"by":1', '"by":99')
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 6]


# What can not be published --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["topic-missing", "not-authorised", "too-large"])
async def test_an_event_that_can_never_be_published_is_set_aside_and_its_stream_told(rig: Rig, code: str) -> None:
    rig.log.refusing["provider.gone.notifications"] = code
    rig.send(Add(counter="a", to="provider.gone.notifications"))
    rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([2], [1])
    [letter] = rig.dead()
    assert (letter["stage"], letter["reason"], letter["field"]) == ("publish", "undeliverable", code)
    bounced = rig.store.entries("a")[-1]["facts"][0]
    assert bounced["type"] == counter.Bounced.ce_type()
    assert '"total\\":1' in bounced["text"], "with the event's own text"
    assert rig.group.lag == 0


async def test_the_news_of_an_undeliverable_event_is_the_same_on_a_repetition(rig: Rig) -> None:
    rig.send(Add(counter="a", to="provider.gone.notifications"))
    await rig.die(rig.group.join(), "published")
    await drain(rig.loop(), rig.group.join())
    told = [each for each in rig.seen(counter.INBOX) if "undeliverable" in each.type]
    assert len(told) > 1
    assert len(once(told)) == 1
    assert [entry["type"] for entry in rig.store.entries("a")].count(told[0].type) == 1


async def test_what_is_too_large_to_deliver_is_told_of_without_its_text(rig: Rig) -> None:
    rig.log.refusing["provider.p.notifications"] = "too-large"
    rig.log.limit = 600
    rig.send(Add(counter="a" * 300, to="provider.p.notifications"))
    await drain(rig.loop(), rig.group.join())
    assert [(letter["field"], letter["left_out"]) for letter in rig.dead()] == [("too-large", "key, value, headers")]
    [entry] = rig.store.entries("a" * 300)[1:]
    assert '"text":""' in entry["facts"][0]["text"]
    assert rig.group.lag == 0


async def test_an_inbox_that_can_not_be_written_to_is_fatal(rig: Rig) -> None:
    rig.send(Add(counter="a", to="provider.gone.notifications"))
    consumer = rig.group.join()
    batch = consumer.fetch()
    rig.log.refusing[counter.INBOX] = "not-authorised"
    assert batch is not None
    with pytest.raises(Fatal):
        await rig.loop().handle(batch)
    assert batch.settled is None


async def test_while_dead_letters_can_not_be_written_nothing_is_committed(rig: Rig) -> None:
    rig.log.append(counter.INBOX, b"a", b"poison")
    rig.log.refusing[topics.DEAD_LETTERS] = "not-authorised"
    consumer, loop = rig.group.join(), rig.loop()
    batch = consumer.fetch()
    assert batch is not None
    await loop.handle(batch)
    assert (batch.settled, rig.group.lag) == ("nack", 1)
    del rig.log.refusing[topics.DEAD_LETTERS]
    await drain(loop, consumer)
    assert (len(rig.dead()), rig.group.lag) == (1, 0)


# Claims -------------------------------------------------------------------------------------------------------------


async def test_a_refused_claim_is_decided_again_while_others_go_in(rig: Rig) -> None:
    rig.claims.tables["seats"]["s1"] = {"counter": "somebody"}
    rig.send(Sit(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(outside=Seats(rig.claims, "s1", "s2", careless=True)), rig.group.join())
    assert rig.claims.tables["seats"] == {"s1": {"counter": "somebody"}, "s2": {"counter": "a"}}
    assert [each.body["seat"] for each in rig.seen() if "seat" in each.body] == ["s2"]
    assert rig.totals("b") == [1]


async def test_one_batch_never_gives_a_seat_away_twice(rig: Rig) -> None:
    for name in ("a", "b", "c"):
        rig.send(Sit(counter=name))
    await drain(rig.loop(), rig.group.join())
    assert sorted(rig.claims.tables["seats"]) == ["s1", "s2"]
    assert len({each.body["seat"] for each in rig.seen()}) == 2
    assert [each.body["wrong"] for each in rig.seen(counter.ANSWERS)] == ["no seat"]


async def test_a_seat_given_back_in_time_can_be_had_again(rig: Rig) -> None:
    loop, consumer = rig.loop(outside=Seats(rig.claims, "s1")), rig.group.join()
    for event in (Sit(counter="a"), Stand(counter="a")):
        rig.send(event)
        await drain(loop, consumer)
    rig.send(Sit(counter="b"))
    await drain(loop, consumer)
    assert rig.claims.tables["seats"] == {"s1": {"counter": "b"}}


async def test_a_policy_that_never_stops_losing_is_postponed_not_spun(rig: Rig) -> None:
    class Stubborn:
        async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> counter.FreeSeats:
            return counter.FreeSeats(["s1"])

    rig.claims.tables["seats"]["s1"] = {"counter": "somebody"}
    rig.send(Sit(counter="a"))
    batch = rig.group.join().fetch()
    assert batch is not None
    await rig.loop(outside=Stubborn()).handle(batch)
    assert batch.settled == "nack"


# Timers and the cache -------------------------------------------------------------------------------------------------


async def test_a_timer_counts_only_while_it_matters(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Wind(counter="a", minutes=5))
    rig.send(Wind(counter="a", minutes=9))
    await drain(loop, consumer)
    assert sorted(rig.store.timers) == [f"a:ring:{counter.INBOX}/e1", f"a:ring:{counter.INBOX}/e2"]
    for timer in await rig.store.due(rig.clock.advance(minutes=10), 10):
        rig.send(TimerElapsed(stream=timer.stream, name=timer.name, due_at=timer.due_at))
    await drain(loop, consumer)
    assert [each.type for each in rig.seen()] == [counter.Rang.ce_type()], "the second one only"


async def test_the_cache_is_trimmed_after_the_batch_never_within(rig: Rig) -> None:
    names = [f"c{n}" for n in range(20)]
    loop, consumer = rig.loop(cached_streams=5), rig.group.join()
    for _ in range(2):
        for name in names + names:
            rig.send(Add(counter=name))
        await drain(loop, consumer)
        assert len(loop._streams) == 5
    assert all(rig.totals(name) == [1, 2, 3, 4] for name in names)


async def test_a_cached_stream_still_knows_its_causes(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    assert rig.totals("a") == [1]


async def test_any_other_exception_ends_the_handler_uncommitted(rig: Rig) -> None:
    class Broken:
        async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> Any:
            raise ZeroDivisionError

    rig.send(Add(counter="a"))
    batch = rig.group.join().fetch()
    assert batch is not None
    loop = rig.loop(outside=Broken())
    with pytest.raises(ZeroDivisionError):
        await loop.handle(batch)
    assert batch.settled is None
    assert loop.idle.is_set()
