"""What the six steps cannot handle, and what cannot be published; on the memory twins."""

import pytest

from contracts import topics
from contracts.base import Message as Body
from services.chassis.errors import FatalError
from tests.support import counter
from tests.support.counter import Add, ReadTotal
from tests.support.memory_twins import drain
from tests.support.rig import Rig, once, opened


@pytest.fixture
def rig() -> Rig:
    return Rig()


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
    assert sorted((each["stage"], each["reason"], each["field"]) for each in rig.dead()) == sorted(
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


async def test_a_dead_letter_contains_the_whole_record_but_shows_none_of_it(rig: Rig) -> None:
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


async def test_only_the_event_on_which_the_policy_fails_is_set_aside(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=13))
    rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]
    assert [(each["stage"], each["field"]) for each in rig.dead()] == [("decide", "RuntimeError")]


async def test_an_event_whose_fact_cannot_be_folded_is_set_aside_before_it_is_stored(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=99))
    rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]
    assert [(each["stage"], each["field"]) for each in rig.dead()] == [("decide", "TypeError")]


async def test_only_an_event_without_a_stream_is_set_aside(rig: Rig) -> None:
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
    assert [(each["stage"], each["field"]) for each in rig.dead()] == [("stream", "LookupError")]


@pytest.mark.parametrize("damage", ["text", "type", "entries", "total"])
async def test_only_a_stream_whose_journal_cannot_be_folded_is_quarantined(rig: Rig, damage: str) -> None:
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
    rig.send(ReadTotal(counter="a"))
    await drain(rig.loop(), consumer)
    assert (rig.totals("a"), rig.totals("b")) == ([1], [1, 2])
    assert [(each["stage"], each["reason"]) for each in rig.dead()] == [("fold", "stream-quarantined")] * 2
    assert rig.group.lag == 0


async def test_unpublished_facts_of_a_quarantined_stream_are_published(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a", by=5))
    await rig.die(rig.group.join(), "stored")
    fact = rig.store.journal["a:0"]["entries"][0]["facts"][0]
    fact["text"] = fact["text"].replace('"by":1', '"by":99')
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 6]


# What cannot be published --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["topic-missing", "not-authorised", "too-large"])
async def test_an_event_that_can_never_be_published_is_set_aside_and_its_stream_notified(rig: Rig, code: str) -> None:
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


async def test_the_notice_of_an_undeliverable_event_is_the_same_on_a_repetition(rig: Rig) -> None:
    rig.send(Add(counter="a", to="provider.gone.notifications"))
    await rig.die(rig.group.join(), "published")
    await drain(rig.loop(), rig.group.join())
    notices = [each for each in rig.seen(counter.INBOX) if "undeliverable" in each.type]
    assert len(notices) > 1
    assert len(once(notices)) == 1
    assert [entry["type"] for entry in rig.store.entries("a")].count(notices[0].type) == 1


async def test_the_notice_of_an_event_that_is_too_large_leaves_out_its_text(rig: Rig) -> None:
    rig.log.refusing["provider.p.notifications"] = "too-large"
    rig.log.limit = 600
    rig.send(Add(counter="a" * 300, to="provider.p.notifications"))
    await drain(rig.loop(), rig.group.join())
    assert [(each["field"], each["left_out"]) for each in rig.dead()] == [("too-large", "key, value, headers")]
    [entry] = rig.store.entries("a" * 300)[1:]
    assert '"text":""' in entry["facts"][0]["text"]
    assert rig.group.lag == 0


async def test_an_inbox_that_cannot_be_written_to_is_fatal(rig: Rig) -> None:
    rig.send(Add(counter="a", to="provider.gone.notifications"))
    consumer = rig.group.join()
    batch = consumer.fetch()
    rig.log.refusing[counter.INBOX] = "not-authorised"
    assert batch is not None
    with pytest.raises(FatalError):
        await rig.loop().handle(batch)
    assert batch.settled is None


async def test_nothing_is_committed_while_dead_letters_cannot_be_written(rig: Rig) -> None:
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
