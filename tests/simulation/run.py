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
from contracts.intake import NeedRegistered, PrimaryClaimed, PrimaryReleased, ReferralReceived, ReferralStored
from contracts.matching import Broadcast, Matched, NeedKept
from contracts.notification import Declined, Delivered, Expired, NotDelivered, Offered, Revoked
from contracts.notification import OfferAccepted as TakenUp
from contracts.provider import ContactReleased
from contracts.words import ALREADY_SERVED, Lifecycle, Urgency
from services.chassis.engine.loop import Loop
from services.chassis.errors import TransientError
from services.intake.domain.deduplication import row_of
from services.intake.domain.policy import IntakePolicy
from tests.support.memory_twins import MemoryStore

from .people import PROVIDERS, TENANTS, People, ended
from .world import World

evolve = IntakePolicy().evolve

_ROUNDS = 240
"""Of peace; in each, an hour and a half goes by. Long enough for three attempts and the end of every wait, one by one
where needs of one person waited for each other."""

_CHANCES = {
    "batch": 40,
    "admit": 14,
    "tick": 8,
    "look": 4,
    "answer": 16,
    "submit": 4,
    "repeat": 4,
    "withdraw": 1,
    "ask": 1,
    "wonder": 1,
    "time": 6,
    "doubt": 3,
    "scale": 2,
    "correct": 1,
    "correct_person": 1,
    "republish": 1,
    "consent": 4,
    "delete": 2,
}
"""How often each thing happens, beside the others."""


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
    _every_end_is_measured_as_told(world)
    assert not people.unanswered(), "a question was never answered"
    _each_event_took_effect_once(world)
    _every_place_is_returned(world)
    _no_family_was_parted(world)
    _nobody_waits_for_a_need_that_has_ended(world)
    _one_provider_at_a_time_has_the_person(world)
    _an_offer_ends_once(world)
    _nobody_keeps_what_it_may_not(world, people)
    _facts_leave_in_the_order_of_the_journal(world)
    assert not world.log.read(topics.DEAD_LETTERS), "something was set aside"


async def _something(world: World, people: People) -> None:
    chance = world.chance
    service = world.services[chance.choice(topics.SERVICES)]
    match chance.choices(list(_CHANCES), list(_CHANCES.values()))[0]:
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
    with suppress(TransientError):  # it comes again by itself, as `Service` has it
        await job


def no_place_is_taken_twice(world: World) -> None:
    """No need has more places of a service than people. Between a claim and what is stored it may have fewer."""
    rows = world.services["matching"].claims.tables["places"]
    taken = Counter((doc["need"], doc["service"]) for doc in rows.values())
    wanted = _places_wanted(world) if any(count > 1 for count in taken.values()) else {}
    assert all(count <= wanted.get(need, 1) for (need, _), count in taken.items()), "more places than people"


def _places_wanted(world: World) -> dict[str, int]:
    """By need; the most, where corrections have changed it."""
    wanted: dict[str, int] = {}
    for record in world.log.read(topics.INTAKE):
        event = decode(record.headers, record.value, record.appended)
        if event.type == NeedRegistered.ce_type():
            need = NeedRegistered.read(event.data)
            wanted[need.need_id] = max(need.places, wanted.get(need.need_id, 1))
    return wanted


def _no_family_was_parted(world: World) -> None:
    """Each match has a place for each of them, all at one service."""
    for stream, facts in _facts(world, "matching").items():
        places = 0
        for fact in facts:
            if isinstance(fact, NeedKept):
                places = fact.accepted.places
            elif isinstance(fact, Matched):
                assert len(set(fact.slots)) == places, f"{stream}: a family was parted"


def nobody_is_served_twice(world: World) -> None:
    """Of the needs that are known to be one person's for one category, one at a time has the row."""
    held: dict[str, set[tuple[str, int]]] = defaultdict(set)
    journal = sorted(world.services["intake"].store.journal.values(), key=lambda document: document["n"])
    for fact in (fact for document in journal for entry in document["entries"] for fact in entry["facts"]):
        if fact.get("type") in (PrimaryClaimed.ce_type(), PrimaryReleased.ce_type()):
            said = orjson.loads(fact["text"])
            own = (said["need_id"], said["turn"])
            held[said["row"]].symmetric_difference_update({own})
            if fact["type"] == PrimaryReleased.ce_type() and said["end"] == "":
                held[said["row"]].discard(own)  # disowned: it never was one
    for row, needs in held.items():
        assert len(needs) <= 1, f"{row}: one person is served for {needs}"


def _nobody_waits_for_a_need_that_has_ended(world: World) -> None:
    tables = world.services["intake"].claims.tables
    assert not tables["linked"], "somebody waits for another's end, and has one"
    marks = {}
    for record in world.log.read(topics.inbox("intake")):
        event = decode(record.headers, record.value, record.appended)
        if event.type == ReferralReceived.ce_type():
            received = ReferralReceived.read(event.data)
            marks.setdefault(received.referral_id, received.marks)
    for stream, facts in _facts(world, "intake").items():
        own = reduce(evolve, facts, IntakePolicy().initial(stream))
        assert not own.needs.serving, f"{stream}: a need has ended, and its turn is not given to the next"
        assert not own.needs.links, f"{stream}: a need has ended, and is linked"
        rows = {fact.row for fact in facts if isinstance(fact, PrimaryClaimed)}
        for need in (fact for fact in facts if isinstance(fact, NeedRegistered) and fact.revision == 0):
            row = row_of(marks[stream], need.category) if need.places == 1 else None  # never a household's
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
        # A need that is corrected while it waits has another funnel, which who asks again reads.
        again = {Lifecycle.RECEIVED, *({Lifecycle.WAITING} if need[1] in people.asked else ())}
        told = [
            (
                (
                    *(status.attempt, status.state, status.what, status.turn, status.overdue, status.escalated),
                    status.code == ALREADY_SERVED,
                ),
                status.at if status.what != status.state else None,
                status.since,
            )
            for status in story
            if status.state not in again
        ]
        # Who asked may be told a step again, by another of the events that brought it at the same moment.
        steps = Counter(each[:2] for each in (set(told) if need[1] in people.asked else told))
        assert max(steps.values(), default=1) == 1, f"{need}: a step was told twice"


def _every_end_is_measured_as_told(world: World) -> None:
    for need, row in world.services["outcomes"].claims.tables["needs"].items():
        assert row["closure"].get("told"), f"{need}: its row does not say that its end was told"


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
    """Nor may another be asked meanwhile: whoever was offered it at the same time was told in the same decision."""
    for stream, entries in world.entries("notification").items():
        asked: dict[int, Broadcast | None] = {}
        holder: int | None = None
        for entry in entries:
            for fact in _read(entry):
                match fact:
                    case TakenUp():
                        assert holder is None, f"{stream}: two providers believe they have the person"
                        holder = fact.attempt
                    case Offered():
                        asked[fact.attempt] = fact.broadcast
                    case Declined() | Expired() | Revoked() | Delivered() | NotDelivered():
                        asked.pop(fact.attempt)
                        holder = None if fact.attempt == holder else holder
            assert holder is None or set(asked) == {holder}, f"{stream}: it was taken up, and somebody was asked still"
            together = set(asked.values())
            assert len(asked) <= 1 or (len(together) == 1 and None not in together), (
                f"{stream}: asked one after another"
            )
    for stream, facts in _facts(world, "matching").items():
        attempts = [fact.attempt for fact in facts if isinstance(fact, Matched)]
        assert attempts == sorted(set(attempts)), f"{stream}: an attempt twice, or out of order"


def _an_offer_ends_once(world: World) -> None:
    """Whatever its provider says afterwards."""
    for stream, facts in _facts(world, "notification").items():
        over: set[int] = set()
        for fact in facts:
            if isinstance(fact, TakenUp | Declined | Expired | Revoked | Delivered | NotDelivered):
                assert fact.attempt not in over, f"{stream}: {fact.TYPE} after the end of attempt {fact.attempt}"
                if not isinstance(fact, TakenUp):
                    over.add(fact.attempt)


def _nobody_keeps_what_it_may_not(world: World, people: People) -> None:
    """What was sent to a provider and not recalled since, is granted now, and its attempt did not end in vain."""
    consents = {
        stream: fact.consent
        for stream, facts in _facts(world, "intake").items()
        for fact in facts
        if isinstance(fact, ReferralStored)
    }
    vain = {
        (fact.need_id, fact.attempt)
        for facts in _facts(world, "notification").values()
        for fact in facts
        if isinstance(fact, Declined | Expired | Revoked | NotDelivered)
    }
    for provider in PROVIDERS:
        holds: dict[tuple[str, str, int], set[str]] = defaultdict(set)
        for told in people.notices(provider):
            of = holds[told.referral_id, told.need_id, told.attempt]
            if isinstance(told, ContactReleased):
                of |= set(told.fields)
            else:
                of -= set(told.fields)
        for (referral, need, attempt), fields in holds.items():
            grants = [
                each for each in consents[referral].grants if each.recipients == "any" or provider in each.recipients
            ]
            granted = {field for each in grants for field in each.fields}
            assert fields <= granted, f"{provider} keeps {fields - granted} of {need} without consent"
            assert not (fields and (need, attempt) in vain), f"{provider} keeps {fields} of {need}, which it lost"


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
        stream: [fact for entry in entries for fact in _read(entry)]
        for stream, entries in world.entries(service).items()
    }


def _read(entry: dict[str, Any]) -> list[Message]:
    return [MESSAGES[fact["type"]].read(fact["text"]) for fact in entry["facts"] if "text" in fact]


def _digest(world: World) -> str:
    """Of the ids of all records, in their places. Ciphertexts differ from run to run; what happens must not."""
    whole = hashlib.sha256()
    for topic in sorted(world.log.topics):
        if topic == topics.DEAD_LETTERS:
            continue
        for record in world.log.read(topic):
            whole.update(f"{record.topic}/{record.partition}/{dict(record.headers)['ce_id']!r}\n".encode())
    return whole.hexdigest()
