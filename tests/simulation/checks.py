"""What must hold during a run and after it. Each check raises `AssertionError` and says what was broken, and where."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import orjson

from contracts import topics
from contracts.base import Message
from contracts.catalogue import MESSAGES
from contracts.cloudevents import CloudEvent, decode
from contracts.intake import NeedRegistered, PrimaryClaimed, PrimaryReleased, ReferralReceived, ReferralStored
from contracts.matching import Broadcast, Matched, NeedKept
from contracts.notification import Declined, Delivered, Expired, NotDelivered, OfferAccepted, Offered, Revoked
from contracts.outcomes import StatusChanged
from contracts.provider import ContactReleased
from contracts.words import ALREADY_SERVED, Lifecycle, Urgency
from services.intake.domain.deduplication import row_of
from services.intake.domain.policy import IntakePolicy

from .people import PROVIDERS, Need, People
from .world import World


def during_the_run(world: World) -> None:
    """What holds at any moment, whatever has been read so far."""
    no_place_is_given_twice(world)
    no_person_is_served_twice(world)


def after_the_end(world: World, people: People) -> None:
    """What holds once `run.end_all` is done."""
    _every_need_has_one_end(people)
    _every_end_is_measured_as_reported(world)
    assert not people.unanswered_requests(), "a request for a recommendation was never answered"
    _each_event_takes_effect_once(world)
    _every_place_is_released(world)
    _families_stay_together(world)
    _no_need_waits_for_one_that_has_ended(world)
    _one_provider_at_a_time_has_the_person(world)
    _an_offer_ends_once(world)
    _no_provider_keeps_what_it_may_not(world, people)
    _facts_are_published_in_the_order_of_the_journal(world)
    assert not world.log.read(topics.DEAD_LETTERS), "there are dead letters"


# at any moment --------------------------------------------------------------------------------------------------------


def no_place_is_given_twice(world: World) -> None:
    """No need has more places of a service than people. Between a claim and its journaling it may have fewer."""
    rows = world.services["matching"].claims.tables["places"]
    places = Counter((row["need"], row["service"]) for row in rows.values())
    people = _people_by_need(world) if any(count > 1 for count in places.values()) else {}
    assert all(count <= people.get(need, 1) for (need, _), count in places.items()), "more places than people"


def _people_by_need(world: World) -> dict[str, int]:
    """How many people each need is for; the highest number if it was corrected."""
    people: dict[str, int] = {}
    for event in _events(world, topics.INTAKE, NeedRegistered):
        need = NeedRegistered.read(event.data)
        people[need.need_id] = max(need.places, people.get(need.need_id, 1))
    return people


def no_person_is_served_twice(world: World) -> None:
    """Of the needs known to be one person's in one category, only one at a time has the row."""
    holders: dict[str, set[tuple[str, int]]] = defaultdict(set)
    journal = sorted(world.services["intake"].store.journal.values(), key=lambda document: document["n"])
    for fact in (fact for document in journal for entry in document["entries"] for fact in entry["facts"]):
        if fact.get("type") in (PrimaryClaimed.ce_type(), PrimaryReleased.ce_type()):
            content = orjson.loads(fact["text"])
            holder = (content["need_id"], content["turn"])
            holders[content["row"]].symmetric_difference_update({holder})
            if fact["type"] == PrimaryReleased.ce_type() and content["end"] == "":
                holders[content["row"]].discard(holder)  # an orphaned claim is released: it never counted
    for row, needs in holders.items():
        assert len(needs) <= 1, f"{row}: one person is served for {needs}"


# after the end --------------------------------------------------------------------------------------------------------


def _families_stay_together(world: World) -> None:
    """Each match has one place for each person, all at one service."""
    for stream, facts in _facts(world, "matching").items():
        people = 0
        for fact in facts:
            if isinstance(fact, NeedKept):
                people = fact.accepted.places
            elif isinstance(fact, Matched):
                assert len(set(fact.slots)) == people, f"{stream}: a family was separated"


def _no_need_waits_for_one_that_has_ended(world: World) -> None:
    assert not world.services["intake"].claims.tables["linked"], "a need is still linked to another that has ended"
    marks = {}
    for event in _events(world, topics.inbox("intake"), ReferralReceived):
        received = ReferralReceived.read(event.data)
        marks.setdefault(received.referral_id, received.marks)
    evolve = IntakePolicy().evolve
    for stream, facts in _facts(world, "intake").items():
        referral = reduce(evolve, facts, IntakePolicy().initial(stream))
        assert not referral.needs.serving, f"{stream}: a need has ended, and still counts as the person's primary need"
        assert not referral.needs.links, f"{stream}: a need has ended, and is still linked"
        claimed_rows = {fact.row for fact in facts if isinstance(fact, PrimaryClaimed)}
        for need in (fact for fact in facts if isinstance(fact, NeedRegistered) and fact.revision == 0):
            row = row_of(marks[stream], need.category) if need.places == 1 else None  # households are not deduplicated
            # Only for normal urgency is it certain that the need was not served beside a less urgent one.
            if row is not None and need.held_back is None and need.urgency is Urgency.NORMAL:
                assert row in claimed_rows, f"{stream}: {need.need} went to matching beside another of the same person"


def _every_need_has_one_end(people: People) -> None:
    for need, statuses in people.statuses().items():
        assert statuses, f"{need}: lost, its agency never read a status"
        ends = [status.state for status in statuses if status.state.ended]
        assert ends, f"{need}: stuck in {statuses[-1].state}"
        # A withdrawal may come too late: then what was delivered follows it.
        assert len(ends) == 1 or ends[:-1] == [Lifecycle.WITHDRAWN], f"{need}: ended as {ends}"
        _no_step_is_reported_twice(need, statuses, need[1] in people.queried)


def _no_step_is_reported_twice(need: Need, statuses: Sequence[StatusChanged], queried: bool) -> None:
    # "received" only ever answers an agency that asks before the first status.
    # A need that is corrected while it waits has another funnel, which an agency that asks reads again.
    repeatable = {Lifecycle.RECEIVED, *({Lifecycle.WAITING} if queried else ())}
    steps = [(*_step_of(status), status.since) for status in statuses if status.state not in repeatable]
    # Whoever asked may read a step again, as another event reports it that brought it at the same moment.
    counts = Counter(step[:2] for step in (set(steps) if queried else steps))
    assert max(counts.values(), default=1) == 1, f"{need}: a step was reported twice"


def _step_of(status: StatusChanged) -> tuple[tuple[Any, ...], Any]:
    """What identifies a step of a need: where it stands, and for a sub-status also when it happened."""
    position = (status.attempt, status.state, status.what, status.turn, status.overdue, status.escalated)
    is_sub_status = status.what != status.state
    return (position, status.code == ALREADY_SERVED), status.at if is_sub_status else None


def _every_end_is_measured_as_reported(world: World) -> None:
    for need, row in world.services["outcomes"].claims.tables["needs"].items():
        assert row["closure"].get("told"), f"{need}: its row does not say that its end was reported"


def _each_event_takes_effect_once(world: World) -> None:
    for service in topics.SERVICES:
        for stream, entries in world.journal(service).items():
            causes = Counter(entry["cause"] for entry in entries)
            assert max(causes.values()) == 1, f"{service}: {stream} decided one event twice"


def _every_place_is_released(world: World) -> None:
    tables = world.services["matching"].claims.tables
    assert not tables["places"], "a place is still taken after its need has ended"
    assert not tables["waiting"], "a need is still on the waiting list after it has ended"


def _one_provider_at_a_time_has_the_person(world: World) -> None:
    """Once a provider has accepted, no other has an open offer: those of its broadcast are revoked in that decision."""
    for stream, entries in world.journal("notification").items():
        open_offers: dict[int, Broadcast | None] = {}
        holder: int | None = None
        for entry in entries:
            for fact in _read(entry):
                match fact:
                    case OfferAccepted():
                        assert holder is None, f"{stream}: two providers believe they have the person"
                        holder = fact.attempt
                    case Offered():
                        open_offers[fact.attempt] = fact.broadcast
                    case Declined() | Expired() | Revoked() | Delivered() | NotDelivered():
                        open_offers.pop(fact.attempt)
                        holder = None if fact.attempt == holder else holder
            assert holder is None or set(open_offers) == {holder}, (
                f"{stream}: accepted, and another offer is still open"
            )
            broadcasts = set(open_offers.values())
            one_broadcast = len(broadcasts) == 1 and None not in broadcasts
            assert len(open_offers) <= 1 or one_broadcast, f"{stream}: two offers are open that are no broadcast"
    for stream, facts in _facts(world, "matching").items():
        attempts = [fact.attempt for fact in facts if isinstance(fact, Matched)]
        assert attempts == sorted(set(attempts)), f"{stream}: an attempt came twice, or out of order"


def _an_offer_ends_once(world: World) -> None:
    """Whatever its provider answers afterwards."""
    for stream, facts in _facts(world, "notification").items():
        ended: set[int] = set()
        for fact in facts:
            if isinstance(fact, OfferAccepted | Declined | Expired | Revoked | Delivered | NotDelivered):
                assert fact.attempt not in ended, f"{stream}: {fact.TYPE} after the end of attempt {fact.attempt}"
                if not isinstance(fact, OfferAccepted):
                    ended.add(fact.attempt)


def _no_provider_keeps_what_it_may_not(world: World, people: People) -> None:
    """What was disclosed and not recalled since is covered by the present consent, and its attempt has not failed."""
    consents = {
        stream: fact.consent
        for stream, facts in _facts(world, "intake").items()
        for fact in facts
        if isinstance(fact, ReferralStored)
    }
    failed = {
        (fact.need_id, fact.attempt)
        for facts in _facts(world, "notification").values()
        for fact in facts
        if isinstance(fact, Declined | Expired | Revoked | NotDelivered)
    }
    for provider in PROVIDERS:
        kept_fields: dict[tuple[str, str, int], set[str]] = defaultdict(set)
        for disclosure in people.disclosures(provider):
            kept = kept_fields[disclosure.referral_id, disclosure.need_id, disclosure.attempt]
            if isinstance(disclosure, ContactReleased):
                kept |= set(disclosure.fields)
            else:
                kept -= set(disclosure.fields)
        for (referral, need, attempt), kept in kept_fields.items():
            grants = [
                each for each in consents[referral].grants if each.recipients == "any" or provider in each.recipients
            ]
            granted = {field for each in grants for field in each.fields}
            assert kept <= granted, f"{provider} keeps {kept - granted} of {need} without consent"
            assert not (kept and (need, attempt) in failed), f"{provider} keeps {kept} of {need}, which it lost"


def _facts_are_published_in_the_order_of_the_journal(world: World) -> None:
    """By the first appearance of each fact on its topic, for each stream."""
    for service, topic in (
        ("intake", topics.INTAKE),
        ("matching", topics.MATCHING),
        ("notification", topics.NOTIFICATION),
    ):
        published: dict[str, list[str]] = defaultdict(list)
        for event in _events(world, topic):
            if event.id not in published[event.subject or ""]:
                published[event.subject or ""].append(event.id)
        for stream, entries in world.journal(service).items():
            written = [fact["id"] for entry in entries for fact in entry["facts"] if fact.get("topic") == topic]
            same = published.get(stream, []) == written
            assert same, f"{service}: facts of {stream} are missing on {topic}, or in another order"


def _events(world: World, topic: str, kind: type[Message] | None = None) -> Iterator[CloudEvent]:
    """The events on a topic, partition by partition; those of one type, or all."""
    for record in world.log.read(topic):
        event = decode(record.headers, record.value, record.appended)
        if kind is None or event.type == kind.ce_type():
            yield event


def _facts(world: World, service: str) -> dict[str, list[Message]]:
    """All facts of a service, by stream."""
    return {
        stream: [fact for entry in entries for fact in _read(entry)]
        for stream, entries in world.journal(service).items()
    }


def _read(entry: dict[str, Any]) -> list[Message]:
    return [MESSAGES[fact["type"]].read(fact["text"]) for fact in entry["facts"] if "text" in fact]
