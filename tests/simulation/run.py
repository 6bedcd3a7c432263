"""One run: some two hundred random steps, then peace until every need has ended, then the books are checked."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Awaitable
from contextlib import suppress
from functools import reduce
from typing import Any

import orjson

from contracts import topics
from contracts.base import Message
from contracts.catalogue import MESSAGES
from contracts.cloudevents import decode
from contracts.intake import Accepted as IntakeAccepted
from contracts.intake import Received, Serving, ServingEnded
from contracts.matching import Matched
from contracts.notification import Accepted, Declined, Delivered, Expired, NotDelivered, Revoked
from contracts.words import ALREADY_SERVED, Lifecycle, Urgency
from services.chassis.errors import Transient
from services.chassis.loop import Loop
from services.intake.duplicates import row_of
from services.intake.policy import IntakePolicy
from services.intake.state import Referral
from tests.kit.memory import MemoryStore

from .people import TENANTS, People, ended
from .world import World

evolve = IntakePolicy().evolve

_ROUNDS = 240
"""Of peace; in each, an hour and a half goes by. Long enough for three attempts and the end of every wait, one by one
where needs of one person waited for each other."""


async def run(seed: int, loop: type[Loop[Any]] = Loop, store: type[MemoryStore] = MemoryStore, steps: int = 120) -> str:
    """Raises `AssertionError` where a promise is broken. Returns a digest of all that was published."""
    world = World(seed, TENANTS, loop, store)
    people = People(world, world.chance)
    people.open_doors()
    world.start()
    people.submit()
    for _ in range(steps):
        await _something(world, people)
        no_place_is_taken_twice(world)
        nobody_is_served_twice(world)
    await peace(world, people)
    balance(world, people)
    return _digest(world)


async def peace(world: World, people: People) -> None:
    """Nothing fails, everybody answers, and time goes by until every need has ended."""
    world.calm()
    for round_ in range(_ROUNDS):
        await world.settle()
        if round_ % 4 == 0:
            people.deliver_all()
            await world.settle()
            if all(map(ended, people.told().values())):
                break
        world.clock.advance(minutes=90)
        for service in world.services.values():
            await world.tick(service)
            await world.tick(service)
        await world.look()
    await world.settle()
    await world.look()  # whatever a crash has left is doubted, and given back
    await world.settle()


def balance(world: World, people: People) -> None:
    """The books, after `peace`. Raises `AssertionError` where a promise is broken."""
    _every_need_has_one_end(people)
    _each_event_took_effect_once(world)
    _every_place_is_returned(world)
    _nobody_waits_for_a_need_that_has_ended(world)
    _one_provider_at_a_time_has_the_person(world)
    _facts_leave_in_the_order_of_the_journal(world)
    assert not world.log.read(topics.DEAD_LETTERS), "something was set aside"


async def _something(world: World, people: People) -> None:
    chance = world.chance
    service = world.services[chance.choice(topics.SERVICES)]
    match chance.choices(
        ("batch", "admit", "tick", "look", "answer", "submit", "repeat", "withdraw", "ask", "time", "doubt", "scale"),
        (40, 14, 8, 4, 16, 4, 4, 1, 1, 6, 3, 2),
    )[0]:
        case "batch":
            await world.batch(service)
        case "admit":
            await world.admit(service)
        case "tick":
            await _in_doubt(world.tick(service))
        case "look":
            await _in_doubt(world.look())
        case "time":
            world.clock.advance(minutes=chance.choice((1, 20, 90)))
        case "doubt":
            world.doubt(service)
        case "scale":
            world.scale(service)
        case what:
            getattr(people, what)()


async def _in_doubt(job: Awaitable[Any]) -> None:
    with suppress(Transient):  # it comes again by itself, as `Service` has it
        await job


def no_place_is_taken_twice(world: World) -> None:
    """At any moment."""
    rows = world.services["matching"].claims.tables["places"]
    assert len({(doc["need"], doc["service"]) for doc in rows.values()}) == len(rows), "two places of one service"


def nobody_is_served_twice(world: World) -> None:
    """Of the needs that are known to be one person's for one category, one at a time has the row."""
    held: dict[str, set[tuple[str, int]]] = defaultdict(set)
    journal = sorted(world.services["intake"].store.journal.values(), key=lambda document: document["n"])
    for fact in (fact for document in journal for entry in document["entries"] for fact in entry["facts"]):
        if fact.get("type") in (Serving.ce_type(), ServingEnded.ce_type()):
            said = orjson.loads(fact["text"])
            own = (said["need_id"], said["turn"])
            held[said["row"]].symmetric_difference_update({own})
            if fact["type"] == ServingEnded.ce_type() and said["end"] == "":
                held[said["row"]].discard(own)  # disowned: it never was one
    for row, needs in held.items():
        assert len(needs) <= 1, f"{row}: one person is served for {needs}"


def _nobody_waits_for_a_need_that_has_ended(world: World) -> None:
    tables = world.services["intake"].claims.tables
    assert not tables["linked"], "somebody waits for another's end, and has one"
    marks = {}
    for record in world.log.read(topics.inbox("intake")):
        event = decode(record.headers, record.value, record.appended)
        if event.type == Received.ce_type():
            received = Received.read(event.data)
            marks.setdefault(received.referral_id, received.marks)
    for stream, facts in _facts(world, "intake").items():
        own = reduce(evolve, facts, Referral())
        assert not own.serving, f"{stream}: a need has ended, and its turn is not given to the next"
        assert not own.links, f"{stream}: a need has ended, and is linked"
        rows = {fact.row for fact in facts if isinstance(fact, Serving)}
        for need in (fact for fact in facts if isinstance(fact, IntakeAccepted) and fact.revision == 0):
            row = row_of(marks[stream], need.category)
            if row is not None and need.held_back is None and need.urgency is Urgency.NORMAL:  # more urgent than none
                assert row in rows, f"{stream}: {need.need} went to matching beside another of the same person"


def _every_need_has_one_end(people: People) -> None:
    for need, story in people.told().items():
        assert story, f"{need}: lost, its referrer never heard of it"
        assert ended(story), f"{need}: stuck in {story[-1].state}"
        # A withdrawal may come too late: then what was delivered stands above it.
        ends = [status.state for status in story if status.state.ended]
        assert len(ends) == 1 or ends[:-1] == [Lifecycle.WITHDRAWN], f"{need}: ended as {ends}"
        # "received" is only ever an answer to who asks before the first news; all else is told once.
        steps = Counter(
            (status.attempt, status.state, status.code == ALREADY_SERVED)
            for status in story
            if status.state is not Lifecycle.RECEIVED
        )
        assert max(steps.values()) == 1, f"{need}: a step was told twice"


def _each_event_took_effect_once(world: World) -> None:
    for service in topics.SERVICES:
        for stream, entries in world.entries(service).items():
            causes = Counter(entry["cause"] for entry in entries)
            assert max(causes.values()) == 1, f"{service}: {stream} decided one event twice"


def _every_place_is_returned(world: World) -> None:
    tables = world.services["matching"].claims.tables
    assert not tables["places"], "a place is held for nobody"
    assert not tables["waiting"], "somebody waits who has ended"


def _one_provider_at_a_time_has_the_person(world: World) -> None:
    for stream, facts in _facts(world, "notification").items():
        holder: int | None = None
        for fact in facts:
            match fact:
                case Accepted():
                    assert holder is None, f"{stream}: two providers believe they have the person"
                    holder = fact.attempt
                case Declined() | Expired() | Revoked() | Delivered() | NotDelivered() if fact.attempt == holder:
                    holder = None
    for stream, facts in _facts(world, "matching").items():
        attempts = [fact.attempt for fact in facts if isinstance(fact, Matched)]
        assert attempts == sorted(set(attempts)), f"{stream}: an attempt twice, or out of order"


def _facts_leave_in_the_order_of_the_journal(world: World) -> None:
    """First appearances on a topic, for each stream. An id that derives from nothing else is known by the journal."""
    for service, topic in (
        ("intake", topics.INTAKE),
        ("matching", topics.MATCHING),
        ("notification", topics.NOTIFICATION),
    ):
        seen: dict[str, list[str]] = defaultdict(list)
        for record in world.log.read(topic):
            event = decode(record.headers, record.value, record.appended)
            if event.id not in seen[event.subject or ""]:
                seen[event.subject or ""].append(event.id)
        for stream, entries in world.entries(service).items():
            written = [fact["id"] for entry in entries for fact in entry["facts"] if fact.get("topic") == topic]
            assert seen.get(stream, []) == written, f"{service}: {stream} left {topic} in another order, or not whole"


def _facts(world: World, service: str) -> dict[str, list[Message]]:
    return {
        stream: [
            MESSAGES[fact["type"]].read(fact["text"]) for entry in entries for fact in entry["facts"] if "text" in fact
        ]
        for stream, entries in world.entries(service).items()
    }


def _digest(world: World) -> str:
    """Of the ids of all records, in their places. Ciphertexts differ from run to run; what happens must not."""
    whole = hashlib.sha256()
    for topic in sorted(world.log.topics):
        if topic == topics.DEAD_LETTERS:
            continue
        for record in world.log.read(topic):
            whole.update(f"{record.topic}/{record.partition}/{dict(record.headers)['ce_id']!r}\n".encode())
    return whole.hexdigest()
