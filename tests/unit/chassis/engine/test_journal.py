"""What is journaled, and what effects follow from it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.base import Event
from contracts.ids import derived_id
from services.chassis.decider import Claim, Drop, Effect, Emit, Put, Reply, SetTimer
from services.chassis.engine.journal import Effects, JournalEntry, fold
from services.chassis.ports import Row, Timer
from tests.support.counter import Answered, Counted
from tests.support.memory_twins import as_mongo

NOW = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
EFFECTS: list[Effect] = [
    Emit(Counted(counter="a", by=1, total=1), "topic"),
    Claim("seats", "s1", {"counter": "a"}),
    Emit(Counted(counter="a", by=1, total=2)),
    SetTimer("ring", NOW + timedelta(minutes=1)),
    Put("board", "a", {"total": 2}),
    Drop("seats", "s0", {"counter": "a"}),
    Reply(Answered(counter="a", total=2), "answers", key="other"),
]


def entry(**changes: object) -> JournalEntry:
    plain = {
        "stream": "a",
        "cause": "topic/1",
        "hash": "h",
        "type": "t",
        "position": ("topic", 1, 2),
        "at": NOW,
        "key": "k",
        "trace": "00-x",
    }
    return JournalEntry(**{**plain, **changes})  # type: ignore[arg-type]


def recorded(service: str = "counter", effects: list[Effect] = EFFECTS, **changes: object) -> JournalEntry:
    made = entry(**changes)
    made.record(service, effects)
    return made


def ids(made: JournalEntry) -> list[str]:
    return [fact["id"] for fact in made.facts if "text" in fact]


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_a_derived_id_is_a_uuid_and_the_same_for_the_same_parts(parts: list[str], others: list[str]) -> None:
    id_ = derived_id(*parts)
    assert UUID(id_).version == 5
    assert str(UUID(id_)) == id_ == derived_id(*parts)
    assert (id_ == derived_id(*others)) == ("|".join(parts) == "|".join(others))


def test_ids_derive_from_service_stream_cause_type_and_index() -> None:
    assert ids(recorded()) == ids(recorded(at=NOW + timedelta(days=1), position=("topic", 0, 0), trace=None))
    different = [recorded(), recorded(service="x"), recorded(stream="b"), recorded(cause="topic/2")]
    all_ids = [id_ for made in different for id_ in ids(made)]
    assert len(set(all_ids)) == len(all_ids) == 12


@pytest.mark.parametrize(("kind", "same"), [(Emit, True), (Reply, False)])
def test_the_id_of_an_answer_covers_its_text_and_that_of_a_fact_does_not(kind: type, same: bool) -> None:
    def id_of(total: int) -> str:
        return ids(recorded(effects=[kind(Answered(counter="a", total=total), "topic")]))[0]

    assert (id_of(1) == id_of(2)) is same
    assert id_of(1) == id_of(1)


def test_an_entry_is_read_from_the_journal_unchanged() -> None:
    made = recorded()
    assert JournalEntry.read("a", as_mongo(made.document())) == made
    assert JournalEntry.read("a", json.loads(json.dumps(made.document()))) == made


def test_a_fact_contains_the_exact_text_that_is_published() -> None:
    event = Counted(counter="a", by=1, total=1)
    made = recorded(effects=[Emit(event, "topic")])
    again = JournalEntry.read("a", as_mongo(made.document()))
    [message] = [each.message("counter") for each in Effects.from_entries([again]).events]
    assert message.value == event.model_dump_json().encode()


def test_effects_are_gathered_in_order() -> None:
    effects = Effects.from_entries([recorded(), recorded(stream="b", cause="topic/2")])
    assert [(each.stream, each.topic, each.key) for each in effects.events] == [
        ("a", "topic", "k"),
        ("a", "answers", "other"),
        ("b", "topic", "k"),
        ("b", "answers", "other"),
    ]
    assert effects.timers[0] == Timer("a:ring:topic/1", "a", "k", "ring", NOW + timedelta(minutes=1))
    assert effects.puts == [Row("board", "a", {"total": 2})] * 2
    assert effects.drops == [Row("seats", "s0", {"counter": "a"})] * 2


def test_a_fact_without_a_topic_is_journaled_and_not_published() -> None:
    made = recorded()
    assert [fact["topic"] for fact in made.events()] == ["topic", None]  # the reply is published, but not a fact
    assert len(Effects.from_entries([made]).events) == 2


def test_an_outgoing_event_carries_its_cause() -> None:
    message = Effects.from_entries([recorded(cause="topic/an/id")]).events[0].message("counter")
    assert dict(message.headers)["ce_causationid"] == b"an/id"
    assert dict(message.headers)["ce_correlationid"] == b"k"
    assert dict(message.headers)["traceparent"] == b"00-x"
    assert dict(message.headers)["ce_time"].decode() == NOW.isoformat()


class Step(Event):
    TYPE: ClassVar[str] = "counter.step.v1"
    n: int


class Standing(Step):
    TYPE: ClassVar[str] = "counter.standing.v1"
    WHOLE: ClassVar[bool] = True


class Folding:
    """A policy whose state is the sequence of its facts."""

    facts: ClassVar = {each.ce_type(): each for each in (Step, Standing)}

    def initial(self, stream: str) -> Sequence[Any]:
        return ()

    def evolve(self, state: Sequence[Any], fact: Any) -> Sequence[Any]:
        return (*state, fact)


def test_only_the_last_of_facts_that_replace_each_other_is_folded() -> None:
    facts = [Standing(n=0), Step(n=1), Standing(n=2), Step(n=3), Step(n=4)]
    entries = [recorded(effects=[Emit(each)], cause=f"topic/{n}") for n, each in enumerate(facts)]
    assert fold(Folding(), "a", entries) == (Step(n=1), Standing(n=2), Step(n=3), Step(n=4))  # type: ignore[arg-type]
